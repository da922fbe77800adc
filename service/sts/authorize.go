package sts

import (
	"errors"
	"maps"
	"slices"

	"drydock/aws"
	"drydock/service"
)

// request is what a caller asks of a role: the condition keys of all ways to assume one.
type request struct {
	role           string // its ARN
	action         string // "sts:AssumeRole"
	sessionName    string
	sourceIdentity string // empty: none asked for
	tags           map[string]string
	transitive     []string
	keys           map[string][]string // further ones
}

// authorize asks the role's trust policy, and where the caller has policies those, for everything the request is about.
func (r *request) authorize(call *aws.Call) error {
	keys := maps.Clone(r.keys)
	if keys == nil {
		keys = map[string][]string{}
	}
	keys["sts:RoleSessionName"] = []string{r.sessionName}
	if r.sourceIdentity != "" {
		keys["sts:SourceIdentity"] = []string{r.sourceIdentity}
	}
	if len(r.transitive) > 0 {
		keys["sts:TransitiveTagKeys"] = r.transitive
	}
	if len(r.tags) > 0 {
		keys["aws:TagKeys"] = slices.Sorted(maps.Keys(r.tags))
	}
	for k, v := range r.tags {
		keys["aws:RequestTag/"+k] = []string{v}
	}
	actions := []string{r.action}
	if len(r.tags) > 0 {
		actions = append(actions, "sts:TagSession")
	}
	if r.sourceIdentity != "" {
		actions = append(actions, "sts:SetSourceIdentity")
	}
	for _, action := range actions {
		if err := call.Cloud.Authorize(call, aws.Check{Action: action, Resource: r.role, Keys: keys}); err != nil {
			return err
		}
	}
	return nil
}

// secondFactor checks the one-time password that a request brings, and returns the call as one made with it; the call
// itself where it brings none.
func (s *Service) secondFactor(call *aws.Call, serial, code *string) (*aws.Call, error) {
	switch {
	case serial == nil && code == nil:
		return call, nil
	case serial == nil || code == nil:
		return nil, aws.NewError(403, accessDenied, "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.")
	}
	err := s.Vault.SecondFactor(call, &call.Principal, *serial, *code)
	switch {
	case errors.Is(err, service.ErrMFADevice):
		return nil, aws.NewError(403, accessDenied, notMFA)
	case errors.Is(err, service.ErrSecondFactor):
		return nil, aws.NewError(403, accessDenied, "MultiFactorAuthentication failed with invalid MFA one time pass code. ")
	case err != nil:
		return nil, err
	}
	next := *call
	session := aws.Session{Issued: call.Now()}
	if have := call.Principal.Session; have != nil {
		session = *have
	}
	session.MFA, session.MFATime = true, call.Now()
	next.Principal.Session = &session
	return &next, nil
}
