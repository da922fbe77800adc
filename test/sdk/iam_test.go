package sdk

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codecommit"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"drydock/ledger"
)

// serviceCall is a call of a service and the code of its denial.
type serviceCall struct {
	denied string
	call   func(cfg aws.Config) error
}

// callEach has a call of each service.
func callEach(t *testing.T) map[string]serviceCall {
	t.Helper()
	return map[string]serviceCall{
		"iam": {"AccessDenied", func(cfg aws.Config) error {
			_, err := iam.NewFromConfig(cfg).ListRoles(t.Context(), nil)
			return err
		}},
		"sts": {"AccessDenied", func(cfg aws.Config) error {
			_, err := sts.NewFromConfig(cfg).GetFederationToken(t.Context(), &sts.GetFederationTokenInput{Name: aws.String("guest")})
			return err
		}},
		"s3": {"AccessDenied", func(cfg aws.Config) error {
			_, err := s3.NewFromConfig(cfg, pathStyle).ListBuckets(t.Context(), nil)
			return err
		}},
		"logs": {"AccessDeniedException", func(cfg aws.Config) error {
			_, err := cloudwatchlogs.NewFromConfig(cfg).DescribeLogGroups(t.Context(), nil)
			return err
		}},
		"codecommit": {"AccessDeniedException", func(cfg aws.Config) error {
			_, err := codecommit.NewFromConfig(cfg).ListRepositories(t.Context(), nil)
			return err
		}},
		"codebuild": {"AccessDeniedException", func(cfg aws.Config) error {
			_, err := codebuild.NewFromConfig(cfg).ListProjects(t.Context(), nil)
			return err
		}},
	}
}

// TestTLS_EveryServiceAnswers calls each service over HTTPS.
func TestTLS_EveryServiceAnswers(t *testing.T) {
	ledger.Covers(t, "IAM-08")
	t.Parallel()
	c, root := start(t)
	all := newUser(t, c, root, "all", `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*",
		"Condition": {"Bool": {"aws:SecureTransport": "true"}}}}`)
	secure := all.Copy()
	secure.ConfigSources = nil // they name the endpoint as well
	secure.BaseEndpoint, secure.HTTPClient = aws.String(strings.Replace(c.Endpoint, "http://", "https://", 1)), trusting(t, c)
	for service, the := range callEach(t) {
		if err := the.call(secure); err != nil {
			t.Errorf("%s: %v", service, err)
		}
		wantCode(t, the.call(all), the.denied)
	}
}

// TestAuthorization_EveryServiceDeniesByDefault calls each service without, with, and again without permission.
func TestAuthorization_EveryServiceDeniesByDefault(t *testing.T) {
	ledger.Covers(t, "IAM-01")
	t.Parallel()
	c, root := start(t)
	calls := callEach(t)
	nobody := newUser(t, c, root, "nobody", "")
	all := newUser(t, c, root, "all", `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}`)
	elsewhere := newUser(t, c, root, "elsewhere", `{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Action": "*", "Resource": "*"},
		{"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}}}]}`)
	for service, the := range calls {
		wantCode(t, the.call(nobody), the.denied)
		if err := the.call(all); err != nil {
			t.Errorf("%s, allowed: %v", service, err)
		}
		wantCode(t, the.call(elsewhere), the.denied)
	}
}

// TestIAM_OrdinaryUse walks users, groups, roles and policies with paginators, a waiter and typed errors.
func TestIAM_OrdinaryUse(t *testing.T) {
	t.Parallel()
	_, root := start(t)
	client := iam.NewFromConfig(root)
	var want []string
	for i := range 5 {
		name := fmt.Sprintf("user-%d", i)
		want = append(want, name)
		if _, err := client.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &name, Path: aws.String("/team/")}); err != nil {
			t.Fatal(err)
		}
	}
	if err := iam.NewUserExistsWaiter(client).Wait(t.Context(), &iam.GetUserInput{UserName: aws.String("user-4")}, time.Minute); err != nil {
		t.Errorf("wait for the user: %v", err)
	}
	var got []string
	pages := 0
	for p := iam.NewListUsersPaginator(client, &iam.ListUsersInput{PathPrefix: aws.String("/team/"), MaxItems: aws.Int32(2)}); p.HasMorePages(); pages++ {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range page.Users {
			got = append(got, *u.UserName)
		}
	}
	if !slices.Equal(got, want) || pages != 3 {
		t.Errorf("got the users %v on %d pages", got, pages)
	}
	_, err := client.GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("absent")})
	if missing, ok := errors.AsType[*iamtypes.NoSuchEntityException](err); !ok || !strings.Contains(missing.ErrorMessage(), "absent") {
		t.Errorf("got %v, want NoSuchEntity", err)
	}
	_, err = client.CreateUser(t.Context(), &iam.CreateUserInput{UserName: aws.String("user-0")})
	if _, ok := errors.AsType[*iamtypes.EntityAlreadyExistsException](err); !ok {
		t.Errorf("got %v, want EntityAlreadyExists", err)
	}
	_, err = client.CreatePolicy(t.Context(), &iam.CreatePolicyInput{PolicyName: aws.String("bad"), PolicyDocument: aws.String("{")})
	if _, ok := errors.AsType[*iamtypes.MalformedPolicyDocumentException](err); !ok {
		t.Errorf("got %v, want MalformedPolicyDocument", err)
	}
}

// TestSTS_AssumedRoleWorksThroughTheSDK assumes a role by the SDK's credentials provider.
func TestSTS_AssumedRoleWorksThroughTheSDK(t *testing.T) {
	ledger.Covers(t, "IAM-03")
	t.Parallel()
	c, root := start(t)
	user := newUser(t, c, root, "ada", `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}}`)
	roles := iam.NewFromConfig(root)
	role, err := roles.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("reader"), AssumeRolePolicyDocument: aws.String(
		`{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:user/ada"}, "Action": "sts:AssumeRole",
		"Condition": {"StringEquals": {"sts:ExternalId": "secret"}}}}`)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := roles.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String("reader"), PolicyName: aws.String("read"),
		PolicyDocument: aws.String(`{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": ["logs:Describe*", "iam:List*"], "Resource": "*"}}`)}); err != nil {
		t.Fatal(err)
	}
	assume := func(externalID string) aws.Config {
		assumed := user.Copy()
		assumed.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(user), *role.Role.Arn, func(o *stscreds.AssumeRoleOptions) {
			o.ExternalID, o.RoleSessionName, o.Duration = &externalID, "test", 15*time.Minute
			// The session policy leaves less than the role has.
			o.Policy = aws.String(`{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "logs:*", "Resource": "*"}}`)
		}))
		return assumed
	}
	_, err = sts.NewFromConfig(assume("guess")).GetCallerIdentity(t.Context(), nil)
	wantCode(t, err, "AccessDenied")

	assumed := assume("secret")
	who, err := sts.NewFromConfig(assumed).GetCallerIdentity(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if *who.Arn != "arn:aws:sts::000000000000:assumed-role/reader/test" {
		t.Errorf("the caller is %s", *who.Arn)
	}
	if _, err := cloudwatchlogs.NewFromConfig(assumed).DescribeLogGroups(t.Context(), nil); err != nil {
		t.Errorf("what role and session allow: %v", err)
	}
	_, err = iam.NewFromConfig(assumed).ListUsers(t.Context(), nil)
	wantCode(t, err, "AccessDenied")

	// The same credentials, after they have expired on the cloud's clock.
	value, err := assumed.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Post(t.Context(), "/_drydock/clock", `{"action": "advance", "by": "16m"}`); err != nil {
		t.Fatal(err)
	}
	expired := configure(t, c, value.AccessKeyID, value.SecretAccessKey, value.SessionToken)
	_, err = cloudwatchlogs.NewFromConfig(expired).DescribeLogGroups(t.Context(), nil)
	wantCode(t, err, "ExpiredTokenException")
}
