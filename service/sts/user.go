package sts

import (
	"maps"

	"time"

	api "drydock/api/sts"
	"drydock/aws"
)

// longTerm refuses callers that have temporary credentials: with these no others can be had but those of roles.
func longTerm(call *aws.Call, operation string) error {
	p := &call.Principal
	if p.Session == nil && (p.Type == aws.PrincipalUser || p.Type == aws.PrincipalRoot) {
		return nil
	}
	return aws.NewError(403, accessDenied, "Cannot call %s with session credentials", operation)
}

// userDuration is how long a session of a user lasts; the root user's are short whatever it asks for.
func userDuration(call *aws.Call, seconds *int32) time.Duration {
	d := defaultUserSession
	if seconds != nil {
		d = time.Duration(*seconds) * time.Second
	}
	if call.Principal.Type == aws.PrincipalRoot {
		d = min(d, maxRootSession)
	}
	return d
}

// getSessionToken lends the caller temporary credentials of its own.
func (s *Service) getSessionToken(call *aws.Call, in *api.GetSessionTokenInput) (*api.GetSessionTokenOutput, error) {
	if err := longTerm(call, "GetSessionToken"); err != nil {
		return nil, err
	}
	asker, err := s.secondFactor(call, in.SerialNumber, in.TokenCode)
	if err != nil {
		return nil, err
	}
	now := call.Now().Truncate(time.Second)
	p := call.Principal
	p.Session = &aws.Session{
		Issued: now, Expires: now.Add(userDuration(call, in.DurationSeconds)), MFA: asker.Principal.Session != nil && asker.Principal.Session.MFA,
	}
	credentials, err := s.issue(p)
	if err != nil {
		return nil, err
	}
	return &api.GetSessionTokenOutput{Credentials: credentials}, nil
}

// getFederationToken lends someone whom the caller vouches for credentials that can do what both the caller's policies
// and those of the request allow.
func (s *Service) getFederationToken(call *aws.Call, in *api.GetFederationTokenInput) (*api.GetFederationTokenOutput, error) {
	if err := longTerm(call, "GetFederationToken"); err != nil {
		return nil, err
	}
	sc, err := newScope(call, call.Account, in.Policy, in.PolicyARNs, in.Tags)
	if err != nil {
		return nil, err
	}
	size, err := sc.packed()
	if err != nil {
		return nil, err
	}
	now := call.Now().Truncate(time.Second)
	tags := maps.Clone(sc.tags)
	for k, v := range call.Principal.Tags {
		if _, ok := lookup(tags, k); !ok {
			tags[k] = v
		}
	}
	p := aws.Principal{
		Type: aws.PrincipalFederatedUser, Account: call.Account, ID: call.Account + ":" + in.Name, Name: in.Name,
		ARN: call.GlobalARN("sts", "federated-user/"+in.Name).String(), RoleARN: call.Principal.ARN, Tags: tags,
		Session: &aws.Session{
			Issued: now, Expires: now.Add(userDuration(call, in.DurationSeconds)), Policies: sc.policies, PolicyARNs: sc.arns,
		},
	}
	credentials, err := s.issue(p)
	if err != nil {
		return nil, err
	}
	return &api.GetFederationTokenOutput{
		Credentials: credentials, FederatedUser: &api.FederatedUser{FederatedUserID: p.ID, ARN: p.ARN}, PackedPolicySize: size,
	}, nil
}
