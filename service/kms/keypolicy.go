package kms

import (
	"errors"

	api "drydock/api/kms"
	"drydock/aws"
	"drydock/policy"
	"drydock/store"
)

// policyName is the name of the one policy that a key has.
const policyName = "default"

const noPolicy = "No such policy exists"

// defaultPolicy passes every decision on to the account.
func defaultPolicy(k *key) string {
	return `{
  "Version" : "2012-10-17",
  "Id" : "key-default-1",
  "Statement" : [ {
    "Sid" : "Enable IAM User Permissions",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "` + aws.Root(aws.PartitionOf(k.Region), k.Account).ARN + `"
    },
    "Action" : "kms:*",
    "Resource" : "*"
  } ]
}`
}

// givePolicy sets the policy of a key, or the default one, unless it would lock its caller out. It looks the principals up,
// so it is not for transactions.
func (s *Service) givePolicy(call *aws.Call, k *key, text *string, bypass *bool) error {
	if text == nil {
		k.Policy, k.Principals = defaultPolicy(k), nil
		return nil
	}
	if len(*text) > maxPolicyBytes {
		return api.NewLimitExceededException("The key policy exceeds the limit of %d bytes.", maxPolicyBytes)
	}
	doc, err := s.docs.Parse(policy.KindResource, *text)
	if bad, ok := errors.AsType[*policy.Malformed](err); ok {
		return api.NewMalformedPolicyDocumentException("%s", bad.Message)
	}
	if err != nil {
		return err
	}
	ids, known, err := identifyAll(call, doc)
	if err != nil {
		return err
	}
	if !known {
		return api.NewMalformedPolicyDocumentException("Policy contains a statement with one or more invalid principals.")
	}
	if (bypass == nil || !*bypass) && !s.maintains(call, k, doc) {
		return api.NewMalformedPolicyDocumentException("The new key policy will not allow you to update the key policy in the future.")
	}
	k.Policy, k.Principals = *text, ids
	return nil
}

// allowAll stands for policies of the caller that allow everything: those may change, the key's is what is looked at.
const allowAll = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

// maintains tells whether a policy lets the caller replace it again.
func (s *Service) maintains(call *aws.Call, k *key, doc *policy.Document) bool {
	own, err := s.docs.Parse(policy.KindManaged, allowAll)
	if err != nil {
		return false
	}
	ctx := policy.NewContext(call)
	ctx.ResourceAccount, ctx.ResourceTags, ctx.Keys = k.Account, k.Tags, &keyValues{call: call, key: k}
	return policy.Evaluate(&policy.Request{
		Principal: &call.Principal, Action: "kms:PutKeyPolicy", Resource: k.arn(), ResourceAccount: k.Account, Context: ctx,
		ResourcePolicies: []policy.Source{{Name: policyName, Document: doc}}, ResourcePolicyRequired: true,
		Identity: []policy.Source{{Name: "caller", Document: own}},
	}).Allowed
}

// putKeyPolicy replaces a key's policy.
func (s *Service) putKeyPolicy(call *aws.Call, in *api.PutKeyPolicyInput) (*api.PutKeyPolicyOutput, error) {
	if in.PolicyName != nil && *in.PolicyName != policyName {
		return nil, api.NewNotFoundException(noPolicy)
	}
	next, err := s.read(call, in.KeyID, false)
	if err == nil {
		err = s.givePolicy(call, next, &in.Policy, in.BypassPolicyLockoutSafetyCheck)
	}
	if err != nil {
		return nil, err
	}
	return done[api.PutKeyPolicyOutput](s.change(call, in.KeyID, func(_ *store.Tx, k *key) error {
		k.Policy, k.Principals = next.Policy, next.Principals
		return nil
	}))
}

// getKeyPolicy returns a key's policy.
func (s *Service) getKeyPolicy(call *aws.Call, in *api.GetKeyPolicyInput) (*api.GetKeyPolicyOutput, error) {
	if in.PolicyName != nil && *in.PolicyName != policyName {
		return nil, api.NewNotFoundException(noPolicy)
	}
	k, err := s.read(call, in.KeyID, false)
	if err != nil {
		return nil, err
	}
	return &api.GetKeyPolicyOutput{Policy: &k.Policy, PolicyName: new(string(policyName))}, nil
}

// listKeyPolicies lists the name of the one policy.
func (s *Service) listKeyPolicies(call *aws.Call, in *api.ListKeyPoliciesInput) (*api.ListKeyPoliciesOutput, error) {
	if in.Marker != nil { // there never is a second page
		return nil, api.NewInvalidMarkerException("Could not deserialize marker: %s", *in.Marker)
	}
	if _, err := s.read(call, in.KeyID, false); err != nil {
		return nil, err
	}
	return &api.ListKeyPoliciesOutput{PolicyNames: []string{policyName}, Truncated: new(false)}, nil
}
