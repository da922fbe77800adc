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

// assumeRole opens a session of a role for a caller with keys of its own.
func (s *Service) assumeRole(call *aws.Call, in *api.AssumeRoleInput) (*api.AssumeRoleOutput, error) {
	arn, err := roleARN(in.RoleARN)
	if err != nil {
		return nil, err
	}
	switch {
	case call.Principal.Type == aws.PrincipalRoot && !call.Principal.Local:
		return nil, aws.NewError(403, accessDenied, "Roles may not be assumed by root accounts.")
	case call.Principal.Type == aws.PrincipalFederatedUser:
		return nil, aws.NewError(403, accessDenied, "Cannot call AssumeRole with the credentials of a federated user")
	case len(in.ProvidedContexts) > 0:
		return nil, invalid("ProvidedContexts are not supported: there is no IAM Identity Center.")
	}
	given, err := sessionTags(in.Tags)
	if err != nil {
		return nil, err
	}
	asker, err := s.secondFactor(call, in.SerialNumber, in.TokenCode)
	if err != nil {
		return nil, err
	}
	r := request{
		role: in.RoleARN, action: "sts:AssumeRole", sessionName: in.RoleSessionName, tags: given, transitive: in.TransitiveTagKeys,
		keys: map[string][]string{},
	}
	if in.ExternalID != nil {
		r.keys["sts:ExternalId"] = []string{*in.ExternalID}
	}
	if in.SourceIdentity != nil {
		r.sourceIdentity = *in.SourceIdentity
	}
	if err := r.authorize(asker); err != nil {
		return nil, err
	}
	role, err := s.role(call, arn)
	if err != nil {
		return nil, err
	}
	duration, err := roleDuration(call, in.DurationSeconds, role)
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
		TransitiveTagKeys: slices.Clone(in.TransitiveTagKeys),
	}
	if err := sc.passOn(call, next); err != nil {
		return nil, err
	}
	if next.SourceIdentity, err = sourceIdentity(call, in.SourceIdentity); err != nil {
		return nil, err
	}
	o, err := s.open(role, in.RoleSessionName, &sc, next)
	if err != nil {
		return nil, err
	}
	return &api.AssumeRoleOutput{
		Credentials: o.credentials, AssumedRoleUser: o.user, PackedPolicySize: o.size, SourceIdentity: o.sourceIdentity,
	}, nil
}

// roleARN reads the ARN of a role.
func roleARN(text string) (aws.ARN, error) {
	arn, err := aws.ParseARN(text)
	if err != nil || arn.Service != "iam" || !strings.HasPrefix(arn.Resource, "role/") || !aws.ValidAccount(arn.Account) {
		return arn, invalid("%s is invalid", text)
	}
	return arn, nil
}

// opened is a session as the answers to all ways of assuming a role tell it.
type opened struct {
	credentials    *api.Credentials
	user           *api.AssumedRoleUser
	size           *int32
	sourceIdentity *string
}

// open makes the session of a role. The role's own tags are those of the session, as far as it has not others.
func (s *Service) open(role *iam.Role, name string, sc *scope, next *aws.Session) (o opened, err error) {
	if o.size, err = sc.packed(); err != nil {
		return o, err
	}
	for _, key := range next.TransitiveTagKeys {
		if _, ok := lookup(sc.tags, key); !ok {
			return o, aws.NewError(400, "InvalidParameterValue", "The specified transitive tag key must be included in the requested tags.")
		}
	}
	tags := maps.Clone(sc.tags)
	for _, t := range role.Tags {
		if _, ok := lookup(tags, t.Key); !ok {
			tags[t.Key] = t.Value
		}
	}
	arn, err := roleARN(role.ARN)
	if err != nil {
		return o, err
	}
	p := aws.Principal{
		Type: aws.PrincipalAssumedRole, Account: arn.Account, ID: role.RoleID + ":" + name, Name: role.RoleName,
		RoleARN: role.ARN, Tags: tags, Session: next,
		ARN: aws.ARN{Partition: arn.Partition, Service: "sts", Account: arn.Account, Resource: "assumed-role/" + role.RoleName + "/" + name}.String(),
	}
	if o.credentials, err = s.issue(p); err != nil {
		return o, err
	}
	o.user = &api.AssumedRoleUser{AssumedRoleID: p.ID, ARN: p.ARN}
	if next.SourceIdentity != "" {
		o.sourceIdentity = &next.SourceIdentity
	}
	return o, nil
}

// role reads the role in the account that has it.
func (s *Service) role(call *aws.Call, arn aws.ARN) (*iam.Role, error) {
	name := arn.Resource[strings.LastIndexByte(arn.Resource, '/')+1:]
	out, err := iam.GetRole.Do(reader(call, arn.Account), &iam.GetRoleInput{RoleName: name})
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
func roleDuration(call *aws.Call, seconds *int32, role *iam.Role) (time.Duration, error) {
	if seconds == nil {
		return defaultRoleSession, nil
	}
	d := time.Duration(*seconds) * time.Second
	switch {
	case chained(&call.Principal) && d > maxChainedSession:
		return 0, invalid("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	case role.MaxSessionDuration != nil && *seconds > *role.MaxSessionDuration:
		return 0, invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	return d, nil
}

// passOn adds the tags that the caller's own session passes on. They cannot be replaced.
func (sc *scope) passOn(call *aws.Call, next *aws.Session) error {
	if !chained(&call.Principal) || call.Principal.Session == nil {
		return nil
	}
	for _, key := range call.Principal.Session.TransitiveTagKeys {
		if _, ok := lookup(sc.tags, key); ok {
			return aws.NewError(400, "InvalidParameterValue",
				"One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.")
		}
		if have, ok := lookup(call.Principal.Tags, key); ok {
			sc.tags[have] = call.Principal.Tags[have]
			next.TransitiveTagKeys = append(next.TransitiveTagKeys, key)
		}
	}
	return nil
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
