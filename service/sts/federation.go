package sts

import (
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"drydock/api/iam"
	api "drydock/api/sts"
	"drydock/aws"
)

// federated is someone for whom an identity provider vouches, and what is asked of a role in the provider's name.
type federated struct {
	// provider is the ARN of the provider.
	provider string
	// keys are the condition keys of the provider's word; those named in lasting stay with the session.
	keys    map[string][]string
	lasting []string
	request request
}

// sessionName is what names of sessions look like.
var sessionName = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)

// tagText is what keys and values of session tags consist of.
var tagText = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

// assume opens the session of a role. The role's trust policy alone decides: nobody with policies of its own asks.
func (f *federated) assume(s *Service, call *aws.Call, in federatedInput, longest time.Duration) (o opened, err error) {
	arn, err := roleARN(in.roleARN)
	if err != nil {
		return o, err
	}
	f.request.role, f.request.keys = in.roleARN, f.keys
	asker := *call
	asker.Account = arn.Account
	asker.Principal = aws.Principal{Type: aws.PrincipalAnonymous, Account: arn.Account, Session: &aws.Session{Provider: f.provider}}
	refused := aws.NewError(403, accessDenied, "Not authorized to perform %s", f.request.action)
	if err := f.request.authorize(&asker); err != nil {
		return o, refused.WithCause(err)
	}
	role, err := s.role(call, arn)
	if aws.IsError(err, accessDenied) {
		return o, refused.WithCause(err)
	}
	if err != nil {
		return o, err
	}
	duration, err := roleDuration(&asker, in.seconds, role)
	if err != nil {
		return o, err
	}
	sc, err := newScope(call, arn.Account, in.policy, in.policyARNs, nil)
	if err != nil {
		return o, err
	}
	sc.tags = f.request.tags
	now := call.Now().Truncate(time.Second)
	next := &aws.Session{
		Issued: now, Expires: now.Add(min(duration, longest)), Policies: sc.policies, PolicyARNs: sc.arns, Provider: f.provider,
		TransitiveTagKeys: f.request.transitive, SourceIdentity: f.request.sourceIdentity, Keys: map[string][]string{},
	}
	for _, key := range f.lasting {
		if values, ok := f.keys[key]; ok {
			next.Keys[strings.ToLower(key)] = values
		}
	}
	return s.open(role, f.request.sessionName, &sc, next)
}

// federatedInput is what both operations have in common.
type federatedInput struct {
	roleARN    string
	policy     *string
	policyARNs []api.PolicyDescriptorType
	seconds    *int32
}

// setTags checks the session's tags, which the provider gives.
func (f *federated) setTags(tags map[string]string, transitive []string) error {
	list := make([]api.Tag, 0, len(tags))
	for k, v := range tags {
		// No model bounds what a token says.
		if !tagText.MatchString(k+v) || k == "" || utf8.RuneCountInString(k) > maxTagKey || utf8.RuneCountInString(v) > maxTagValue {
			return badToken("The session tag %.100q is not valid.", k)
		}
		list = append(list, api.Tag{Key: k, Value: v})
	}
	checked, err := sessionTags(list)
	if err != nil {
		return err
	}
	f.request.tags, f.request.transitive = checked, transitive
	if len(transitive) > maxSessionTags {
		return badToken("More than %d transitive tag keys.", maxSessionTags)
	}
	return nil
}

// reader is a call with which providers and roles of an account are read.
func reader(call *aws.Call, account string) *aws.Call {
	return call.As(aws.ServicePrincipal("sts.amazonaws.com", account))
}

// oidcProvider reads an OpenID Connect provider; nil if there is none.
func oidcProvider(call *aws.Call, account, arn string) (*iam.GetOpenIDConnectProviderOutput, error) {
	out, err := iam.GetOpenIDConnectProvider.Do(reader(call, account), &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderARN: arn})
	if aws.IsError(err, "NoSuchEntity") {
		return nil, nil
	}
	return out, err
}
