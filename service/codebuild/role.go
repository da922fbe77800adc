package codebuild

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	api "drydock/api/codebuild"
	"drydock/api/sts"
	"drydock/aws"
)

// role is a build's service role: everything the build does in the cloud is done as it. It is safe for concurrent use.
type role struct {
	s       *Service
	arn     string
	session string
	account string
	region  string

	mu          sync.Mutex // guards the fields below
	credentials sts.Credentials
	principal   aws.Principal
}

func newRole(s *Service, b *build) *role {
	return &role{s: s, arn: roleARN(value(b.Detail.ServiceRole), b.Account, b.Region), session: "AWSCodeBuild-" + b.uuid(), account: b.Account, region: b.Region}
}

// roleARN is the ARN of a role that may be given by its name.
func roleARN(name, account, region string) string {
	if strings.HasPrefix(name, "arn:") {
		return name
	}
	return aws.ARN{Partition: aws.PartitionOf(region), Service: "iam", Account: account, Resource: "role/" + name}.String()
}

// get returns the role's credentials and who they make the build. They are renewed well before they expire.
func (r *role) get(ctx context.Context) (sts.Credentials, aws.Principal, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.s.Clock.Now()
	if r.credentials.Expiration.Sub(now) > 5*time.Minute {
		return r.credentials, r.principal, nil
	}
	credentials, err := assume(r.s.NewCall(ctx, aws.ServicePrincipal(principalName, r.account), r.region), r.arn, r.session)
	if err != nil {
		return sts.Credentials{}, aws.Principal{}, err
	}
	principal, err := r.s.Sessions.Open(credentials.AccessKeyID, credentials.SessionToken, now)
	if err != nil {
		return sts.Credentials{}, aws.Principal{}, fmt.Errorf("credentials of %s: %w", r.arn, err)
	}
	principal.AccessKeyID = credentials.AccessKeyID
	r.credentials, r.principal = credentials, principal
	return credentials, principal, nil
}

// call returns a call by the role.
func (r *role) call(ctx context.Context) (*aws.Call, error) {
	_, principal, err := r.get(ctx)
	if err != nil {
		return nil, err
	}
	call := r.s.NewCall(ctx, principal, r.region)
	call.Request.ViaService = principalName
	return call, nil
}

// assume takes on a role as CodeBuild.
func assume(call *aws.Call, arn, session string) (sts.Credentials, error) {
	out, err := sts.AssumeRole.Do(call, &sts.AssumeRoleInput{RoleARN: arn, RoleSessionName: session, DurationSeconds: new(int32(sessionSeconds))})
	if err != nil {
		return sts.Credentials{}, err
	}
	if out.Credentials == nil {
		return sts.Credentials{}, fmt.Errorf("assume %s: no credentials", arn)
	}
	return *out.Credentials, nil
}

// ownRole is the ARN of a role of the caller's account. Roles of other accounts trust CodeBuild to act for these, not for
// whoever names them.
func ownRole(call *aws.Call, name string) (string, error) {
	arn := roleARN(name, call.Account, call.Region)
	if a, err := aws.ParseARN(arn); err != nil || a.Service != "iam" || !strings.HasPrefix(a.Resource, "role/") || a.Account != call.Account {
		return "", api.NewInvalidInputException("Invalid service role: Service role account ID does not match caller's account or role ARN is malformed: %s", arn)
	}
	return arn, nil
}

// checkRole refuses a service role that CodeBuild may not assume, as CreateProject and UpdateProject do.
func (s *Service) checkRole(call *aws.Call, d *api.Project) error {
	arn, err := ownRole(call, value(d.ServiceRole))
	if err != nil {
		return err
	}
	d.ServiceRole = &arn
	service := call.As(aws.ServicePrincipal(principalName, call.Account))
	service.Request = aws.RequestInfo{}
	_, err = assume(service, arn, "AWSCodeBuild-check")
	if err == nil {
		return nil
	}
	if aws.ErrorCode(err) == "" {
		return fmt.Errorf("assume %s: %w", arn, err)
	}
	return api.NewInvalidInputException("CodeBuild is not authorized to perform: sts:AssumeRole on service role. Please verify that: " +
		"1) The provided service role exists, 2) The role name is case-sensitive and matches exactly, and 3) The role has the necessary trust policy configured.").WithCause(err)
}
