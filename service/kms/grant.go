package kms

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	api "drydock/api/kms"
	"drydock/aws"
	"drydock/policy"
	"drydock/store"
)

// grant lets a principal do some operations with a key.
type grant struct {
	Account, Region, Key, ID string
	Name                     string
	Created                  time.Time
	Grantee, Retiring        string
	// Principals are the unique ids of both, where they are users or roles.
	Principals map[string]string
	Issuer     string
	Operations []api.GrantOperation
	// Subset and Equals constrain the encryption context; nil does not.
	Subset, Equals map[string]string
}

var (
	grantsByGrantee = store.NewIndex("grantee", func(g *grant) []store.Key {
		return []store.Key{store.K(g.Account, g.Region, g.Key, g.Grantee)}
	})
	grantsByRetiring = store.NewIndex("retiring", func(g *grant) []store.Key {
		if g.Retiring == "" {
			return nil
		}
		return []store.Key{store.K(g.Account, g.Region, g.Retiring)}
	})
	grantsByName = store.NewIndex("name", func(g *grant) []store.Key {
		if g.Name == "" {
			return nil
		}
		return []store.Key{store.K(g.Account, g.Region, g.Key, g.Name)}
	})
	grants = store.NewTable("kms/grant", func(g *grant) store.Key { return store.K(g.Account, g.Region, g.Key, g.ID) },
		grantsByGrantee, grantsByRetiring, grantsByName)
)

// withContext are the operations that have an encryption context, which a grant can constrain.
var withContext = []api.GrantOperation{
	api.GrantOperationEncrypt, api.GrantOperationDecrypt, api.GrantOperationReEncryptFrom, api.GrantOperationReEncryptTo,
	api.GrantOperationGenerateDataKey, api.GrantOperationGenerateDataKeyWithoutPlaintext,
	api.GrantOperationGenerateDataKeyPair, api.GrantOperationGenerateDataKeyPairWithoutPlaintext,
}

// operationsOf lists what a grant on the key may allow.
func (k *key) operationsOf() []api.GrantOperation {
	always := []api.GrantOperation{api.GrantOperationCreateGrant, api.GrantOperationRetireGrant, api.GrantOperationDescribeKey}
	switch {
	case k.symmetric():
		return append(always, withContext...)
	case k.Usage == api.KeyUsageTypeGenerateVerifyMac:
		return append(always, api.GrantOperationGenerateMac, api.GrantOperationVerifyMac)
	case k.Usage == api.KeyUsageTypeSignVerify:
		return append(always, api.GrantOperationGetPublicKey, api.GrantOperationSign, api.GrantOperationVerify)
	case k.Usage == api.KeyUsageTypeKeyAgreement:
		return append(always, api.GrantOperationGetPublicKey, api.GrantOperationDeriveSharedSecret)
	default:
		return append(always, api.GrantOperationGetPublicKey, api.GrantOperationEncrypt, api.GrantOperationDecrypt,
			api.GrantOperationReEncryptFrom, api.GrantOperationReEncryptTo)
	}
}

// admits tells whether the encryption context is one that the grant's constraints allow.
func (g *grant) admits(context map[string]string) bool {
	if g.Equals != nil && !maps.Equal(g.Equals, context) {
		return false
	}
	for name, value := range g.Subset {
		if got, ok := context[name]; !ok || got != value {
			return false
		}
	}
	return true
}

// document writes the grant as a policy for a request with an encryption context. Constraints have no say in operations
// that have none.
func (g *grant) document(context map[string]string) (string, error) {
	var actions []string
	admitted := g.admits(context)
	for _, o := range g.Operations {
		if admitted || !slices.Contains(withContext, o) {
			actions = append(actions, "kms:"+string(o))
		}
	}
	if actions == nil {
		return "", nil
	}
	kind := "AWS"
	if !strings.HasPrefix(g.Grantee, "arn:") {
		kind = "Service"
	}
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": map[string]any{
		"Effect": "Allow", "Principal": map[string]string{kind: g.Grantee}, "Action": actions, "Resource": "*",
	}})
	if err != nil {
		return "", fmt.Errorf("writing grant %s: %w", g.ID, err)
	}
	return string(text), nil
}

// grantsOf yields the caller's grants on a key.
func grantsOf(tx *store.Tx, call *aws.Call, k *key) iter.Seq2[*grant, error] {
	p := &call.Principal
	names := []string{p.ARN}
	switch p.Type {
	case aws.PrincipalService:
		names = []string{p.Name}
	case aws.PrincipalAssumedRole:
		names = append(names, p.RoleARN)
	case aws.PrincipalAnonymous, aws.PrincipalRoot, aws.PrincipalUser, aws.PrincipalFederatedUser:
	}
	if root := aws.Root(call.Partition, p.Account).ARN; p.Type != aws.PrincipalService && p.ARN != root {
		names = append(names, root)
	}
	return func(yield func(*grant, error) bool) {
		left := grantWindow
		for _, name := range names {
			for g, err := range grantsByGrantee.Scan(tx, store.Range{Prefix: store.K(k.Account, k.Region, k.ID, name)}) {
				if left--; left < 0 {
					return
				}
				if err == nil && isAnother(p, g.Principals) {
					continue
				}
				if !yield(g, err) || err != nil {
					return
				}
			}
		}
	}
}

// grantPolicies are the caller's grants on a key, as policies.
func (s *Service) grantPolicies(tx *store.Tx, call *aws.Call, k *key, context map[string]string) (found []policy.Source, err error) {
	for g, err := range grantsOf(tx, call, k) {
		if err != nil {
			return nil, err
		}
		text, err := g.document(context)
		if err != nil {
			return nil, err
		}
		if text == "" {
			continue
		}
		doc, err := s.docs.Parse(policy.KindResource, text)
		if err != nil {
			return nil, fmt.Errorf("grant %s: %w", g.ID, err)
		}
		found = append(found, policy.Source{Name: "grant " + g.ID, Document: doc})
	}
	return found, nil
}

// addPrincipal notes a grantee or retiring principal; it refuses what is none.
func (g *grant) addPrincipal(call *aws.Call, name string) error {
	if !strings.HasPrefix(name, "arn:") && strings.HasSuffix(name, ".amazonaws.com") {
		return nil
	}
	invalid := api.NewInvalidARNException("ARN does not refer to a valid principal: %s", name)
	if _, err := policy.Parse(policy.KindResource, fmt.Sprintf(
		`{"Statement":{"Effect":"Allow","Principal":{"AWS":%q},"Action":"kms:Decrypt","Resource":"*"}}`, name)); err != nil || !strings.HasPrefix(name, "arn:") {
		return invalid
	}
	id, known, err := identify(call, name)
	if err != nil {
		return err
	}
	if !known {
		return invalid
	}
	if id != "" {
		if g.Principals == nil {
			g.Principals = map[string]string{}
		}
		g.Principals[name] = id
	}
	return nil
}

// newGrant reads a request for a grant on a key.
func newGrant(call *aws.Call, in *api.CreateGrantInput) (*grant, error) {
	g := &grant{
		Region: call.Region, ID: call.NewHex(64), Created: call.Now(), Grantee: in.GranteePrincipal, Issuer: call.Principal.Account,
		Operations: in.Operations,
	}
	if err := g.addPrincipal(call, g.Grantee); err != nil {
		return nil, err
	}
	if in.RetiringPrincipal != nil {
		g.Retiring = *in.RetiringPrincipal
		if err := g.addPrincipal(call, g.Retiring); err != nil {
			return nil, err
		}
	}
	if in.Name != nil {
		g.Name = *in.Name
	}
	if in.Constraints != nil {
		g.Subset, g.Equals = in.Constraints.EncryptionContextSubset, in.Constraints.EncryptionContextEquals
	}
	if len(g.Operations) == 0 {
		return nil, validation("Operations must not be empty.")
	}
	return g, nil
}

// same tells whether a grant of the same name says the same, so that a request that is sent again makes no second one.
func (g *grant) same(o *grant) bool {
	return g.Name == o.Name && g.Grantee == o.Grantee && g.Retiring == o.Retiring && slices.Equal(g.Operations, o.Operations) &&
		maps.Equal(g.Subset, o.Subset) && maps.Equal(g.Equals, o.Equals)
}

// checkParent holds a caller who may create grants only by a grant to what that grant allows.
func (s *Service) checkParent(call *aws.Call, in *api.CreateGrantInput, g *grant) error {
	k, err := s.read(call, in.KeyID, true)
	if err != nil || k.Grants == 0 {
		return err
	}
	check := aws.Check{Action: "kms:CreateGrant", Resource: k.arn()}
	for _, need := range policy.Needs(call, call.Operation, in) {
		check.Keys = need.Keys
	}
	ctx := context.WithValue(call, heldKey{}, &held{key: k, ungranted: true})
	denied := call.Cloud.Authorize(call.With(ctx), check)
	if !aws.IsError(denied, "AccessDeniedException") {
		return denied
	}
	return s.DB.View(call, func(tx *store.Tx) error {
		for parent, err := range grantsOf(tx, call, k) {
			if err != nil {
				return err
			}
			if slices.Contains(parent.Operations, api.GrantOperationCreateGrant) && parent.covers(g) {
				return nil
			}
		}
		return denied
	})
}

// covers tells whether another grant allows nothing that this one does not.
func (g *grant) covers(o *grant) bool {
	for _, op := range o.Operations {
		if !slices.Contains(g.Operations, op) {
			return false
		}
	}
	if g.Equals != nil && !maps.Equal(g.Equals, o.Equals) {
		return false
	}
	for name, value := range g.Subset {
		subset, inSubset := o.Subset[name]
		equal, inEquals := o.Equals[name]
		if !(inSubset && subset == value) && !(inEquals && equal == value) {
			return false
		}
	}
	return true
}

// createGrant makes a grant.
func (s *Service) createGrant(call *aws.Call, in *api.CreateGrantInput) (*api.CreateGrantOutput, error) {
	if err := s.checkTokens(in.GrantTokens); err != nil {
		return nil, err
	}
	fresh, err := newGrant(call, in)
	if err != nil {
		return nil, err
	}
	if err := s.checkParent(call, in, fresh); err != nil {
		return nil, err
	}
	found := fresh
	err = s.DB.Update(call, func(tx *store.Tx) error {
		found = fresh
		k, err := manage(tx, call, in.KeyID, true)
		if err != nil {
			return err
		}
		if err := k.usable(); err != nil {
			return err
		}
		allowed := k.operationsOf()
		for _, o := range fresh.Operations {
			if !slices.Contains(allowed, o) {
				return validation("Unsupported operation %s for the key %s with the spec %s and the usage %s.", o, k.arn(), k.Spec, k.Usage)
			}
		}
		if (fresh.Subset != nil || fresh.Equals != nil) && !k.symmetric() {
			return validation("Encryption context constraints are not supported for the key spec %s.", k.Spec)
		}
		fresh.Account, fresh.Key = k.Account, k.ID
		if fresh.Name != "" {
			for g, err := range grantsByName.Scan(tx, store.Range{Prefix: store.K(k.Account, k.Region, k.ID, fresh.Name)}) {
				if err != nil {
					return err
				}
				if g.same(fresh) {
					found = g
					return dryRun(in.DryRun)
				}
			}
		}
		if k.Grants >= maxGrants {
			return api.NewLimitExceededException("The key %s has %d grants, which is the most it can have.", k.arn(), maxGrants)
		}
		if err := dryRun(in.DryRun); err != nil {
			return err
		}
		if err := grants.Insert(tx, fresh); err != nil {
			return err
		}
		k.Grants++
		return keys.Put(tx, k)
	})
	if err != nil {
		return nil, err
	}
	token, err := s.token(found)
	return &api.CreateGrantOutput{GrantID: &found.ID, GrantToken: &token}, err
}
