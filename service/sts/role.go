package sts

import (
	"fmt"
	"maps"

	"slices"
	"strings"
	"time"

	"drydock/api/iam"
	api "drydock/api/sts"
	"drydock/aws"
)

// assumeRole opens a session of a role. That the role exists, trusts the caller, and that the caller may assume it, is
// settled when it runs.
func (s *Service) assumeRole(call *aws.Call, in *api.AssumeRoleInput) (*api.AssumeRoleOutput, error) {
	arn, err := aws.ParseARN(in.RoleARN)
	if err != nil || arn.Service != "iam" || !strings.HasPrefix(arn.Resource, "role/") {
		return nil, invalid("%s is invalid", in.RoleARN)
	}
	switch {
	case call.Principal.Type == aws.PrincipalRoot && !call.Principal.Local:
		return nil, aws.NewError(403, accessDenied, "Roles may not be assumed by root accounts.")
	case call.Principal.Type == aws.PrincipalFederatedUser:
		return nil, aws.NewError(403, accessDenied, "Cannot call AssumeRole with the credentials of a federated user")
	case in.SerialNumber != nil || in.TokenCode != nil:
		return nil, aws.NewError(403, accessDenied, notMFA)
	case len(in.ProvidedContexts) > 0:
		return nil, invalid("ProvidedContexts are not supported: there is no IAM Identity Center.")
	}
	role, err := s.role(call, arn)
	if err != nil {
		return nil, err
	}
	duration, err := roleDuration(call, in, role)
	if err != nil {
		return nil, err
	}
	sc, err := newScope(call, arn.Account, in.Policy, in.PolicyARNs, in.Tags)
	if err != nil {
		return nil, err
	}
	now := call.Now().Truncate(time.Second)
	next := &aws.Session{
		Issued: now, Expires: now.Add(duration), Policies: sc.policies, PolicyARNs: sc.arns, Chained: chained(&call.Principal),
	}
	tags, err := sessionTagsOf(call, in, &sc, next)
	if err != nil {
		return nil, err
	}
	if next.SourceIdentity, err = sourceIdentity(call, in.SourceIdentity); err != nil {
		return nil, err
	}
	size, err := sc.packed()
	if err != nil {
		return nil, err
	}
	for _, t := range role.Tags {
		if _, ok := lookup(tags, t.Key); !ok {
			tags[t.Key] = t.Value
		}
	}
	p := aws.Principal{
		Type: aws.PrincipalAssumedRole, Account: arn.Account, ID: role.RoleID + ":" + in.RoleSessionName, Name: role.RoleName,
		RoleARN: role.ARN, Tags: tags, Session: next,
		ARN: aws.ARN{
			Partition: arn.Partition, Service: "sts", Account: arn.Account, Resource: "assumed-role/" + role.RoleName + "/" + in.RoleSessionName,
		}.String(),
	}
	credentials, err := s.issue(p)
	if err != nil {
		return nil, err
	}
	out := &api.AssumeRoleOutput{
		Credentials: credentials, AssumedRoleUser: &api.AssumedRoleUser{AssumedRoleID: p.ID, ARN: p.ARN}, PackedPolicySize: size,
	}
	if next.SourceIdentity != "" {
		out.SourceIdentity = &next.SourceIdentity
	}
	return out, nil
}

// role reads the role in the account that has it.
func (s *Service) role(call *aws.Call, arn aws.ARN) (*iam.Role, error) {
	name := arn.Resource[strings.LastIndexByte(arn.Resource, '/')+1:]
	out, err := iam.GetRole.Do(call.As(aws.ServicePrincipal("sts.amazonaws.com", arn.Account)), &iam.GetRoleInput{RoleName: name})
	if aws.IsError(err, "NoSuchEntity") || err == nil && out.Role.ARN != arn.String() {
		// It was there a moment ago.
		return nil, aws.NewError(403, accessDenied, "User: %s is not authorized to perform: sts:AssumeRole on resource: %s",
			call.Principal.ARN, arn)
	}
	if err != nil {
		return nil, fmt.Errorf("read role %s: %w", arn, err)
	}
	return &out.Role, nil
}

// chained tells whether a caller is a role's session itself.
func chained(p *aws.Principal) bool { return p.Type == aws.PrincipalAssumedRole }

// roleDuration is how long the session lasts.
func roleDuration(call *aws.Call, in *api.AssumeRoleInput, role *iam.Role) (time.Duration, error) {
	if in.DurationSeconds == nil {
		return defaultRoleSession, nil
	}
	d := time.Duration(*in.DurationSeconds) * time.Second
	switch {
	case chained(&call.Principal) && d > maxChainedSession:
		return 0, invalid("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	case role.MaxSessionDuration != nil && *in.DurationSeconds > *role.MaxSessionDuration:
		return 0, invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	return d, nil
}

// sessionTagsOf returns the tags of the new session, with those that the caller's own session passes on. They cannot be
// replaced.
func sessionTagsOf(call *aws.Call, in *api.AssumeRoleInput, sc *scope, next *aws.Session) (map[string]string, error) {
	tags := maps.Clone(sc.tags)
	next.TransitiveTagKeys = slices.Clone(in.TransitiveTagKeys)
	for _, key := range in.TransitiveTagKeys {
		if _, ok := lookup(tags, key); !ok {
			return nil, aws.NewError(400, "InvalidParameterValue",
				"The specified transitive tag key must be included in the requested tags.")
		}
	}
	if !chained(&call.Principal) || call.Principal.Session == nil {
		return tags, nil
	}
	for _, key := range call.Principal.Session.TransitiveTagKeys {
		if _, ok := lookup(tags, key); ok {
			return nil, aws.NewError(400, "InvalidParameterValue",
				"One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.")
		}
		if have, ok := lookup(call.Principal.Tags, key); ok {
			tags[have] = call.Principal.Tags[have]
			sc.tags[have] = call.Principal.Tags[have]
			next.TransitiveTagKeys = append(next.TransitiveTagKeys, key)
		}
	}
	return tags, nil
}

// sourceIdentity is who is behind the session. Once set it stays through all roles that are assumed from it.
func sourceIdentity(call *aws.Call, asked *string) (string, error) {
	have := ""
	if s := call.Principal.Session; s != nil {
		have = s.SourceIdentity
	}
	switch {
	case asked == nil:
		return have, nil
	case have != "" && have != *asked:
		return "", aws.NewError(403, accessDenied, "The source identity of a session cannot be changed.")
	case strings.HasPrefix(strings.ToLower(*asked), "aws:"):
		return "", invalid("The source identity may not begin with the reserved prefix aws:.")
	}
	return *asked, nil
}

// issue makes the credentials of a session.
func (s *Service) issue(p aws.Principal) (*api.Credentials, error) {
	c, err := s.Sessions.Issue(p)
	if err != nil {
		return nil, fmt.Errorf("issue credentials: %w", err)
	}
	return &api.Credentials{
		AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken, Expiration: c.Expiration,
	}, nil
}
