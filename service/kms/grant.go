package kms

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
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
	Issuer                   string
	Operations               []api.GrantOperation
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
		return []store.Key{store.K(g.Region, g.Retiring)}
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

// grantPolicies are the caller's grants on a key, as policies.
func (s *Service) grantPolicies(tx *store.Tx, call *aws.Call, k *key, context map[string]string) (found []policy.Source, err error) {
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
	left := grantWindow
	for _, name := range names {
		for g, err := range grantsByGrantee.Scan(tx, store.Range{Prefix: store.K(k.Account, k.Region, k.ID, name)}) {
			if err != nil {
				return nil, err
			}
			if left--; left < 0 {
				return found, nil
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
	}
	return found, nil
}

// token names the grant for RetireGrant and GrantTokens; only this cloud can make one.
func (s *Service) token(g *grant) (string, error) {
	text, err := json.Marshal([]string{g.Account, g.Region, g.Key, g.ID})
	if err != nil {
		return "", fmt.Errorf("writing a grant token: %w", err)
	}
	return base64.StdEncoding.EncodeToString(s.Keys.Wrap(text, []byte("kms grant token"))), nil
}

// readToken returns the key of the grant that a token names.
func (s *Service) readToken(token string) (store.Key, error) {
	invalid := api.NewInvalidGrantTokenException("The grant token is not valid.")
	sealed, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		return nil, invalid
	}
	text, err := s.Keys.Unwrap(sealed, []byte("kms grant token"))
	if err != nil {
		return nil, invalid
	}
	var parts []string
	if err := json.Unmarshal(text, &parts); err != nil || len(parts) != 4 {
		return nil, invalid
	}
	return store.K(parts[0], parts[1], parts[2], parts[3]), nil
}

// checkTokens refuses tokens that are none. They say nothing new: a grant counts from the moment it is created.
func (s *Service) checkTokens(tokens []string) error {
	for _, t := range tokens {
		if _, err := s.readToken(t); err != nil {
			return err
		}
	}
	return nil
}

// checkPrincipal refuses what can be no grantee and retire no grant.
func checkPrincipal(name string) error {
	if !strings.HasPrefix(name, "arn:") && strings.HasSuffix(name, ".amazonaws.com") {
		return nil
	}
	if _, err := policy.Parse(policy.KindResource, fmt.Sprintf(
		`{"Statement":{"Effect":"Allow","Principal":{"AWS":%q},"Action":"kms:Decrypt","Resource":"*"}}`, name)); err != nil || !strings.HasPrefix(name, "arn:") {
		return api.NewInvalidARNException("ARN does not refer to a valid principal: %s", name)
	}
	return nil
}

// newGrant reads a request for a grant on a key.
func newGrant(call *aws.Call, in *api.CreateGrantInput) (*grant, error) {
	g := &grant{
		Region: call.Region, ID: call.NewHex(64), Created: call.Now(), Grantee: in.GranteePrincipal, Issuer: call.Principal.Account,
		Operations: in.Operations,
	}
	if err := checkPrincipal(g.Grantee); err != nil {
		return nil, err
	}
	if in.RetiringPrincipal != nil {
		g.Retiring = *in.RetiringPrincipal
		if err := checkPrincipal(g.Retiring); err != nil {
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

// createGrant makes a grant.
func (s *Service) createGrant(call *aws.Call, in *api.CreateGrantInput) (*api.CreateGrantOutput, error) {
	if err := s.checkTokens(in.GrantTokens); err != nil {
		return nil, err
	}
	fresh, err := newGrant(call, in)
	if err != nil {
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

// entry shows the grant.
func (g *grant) entry() api.GrantListEntry {
	e := api.GrantListEntry{
		KeyID: new(keyARN(g.Region, g.Account, g.Key)), GrantID: &g.ID, CreationDate: &g.Created, GranteePrincipal: &g.Grantee,
		IssuingAccount: new(aws.Root(aws.PartitionOf(g.Region), g.Issuer).ARN), Operations: g.Operations, Name: &g.Name,
	}
	if g.Retiring != "" {
		e.RetiringPrincipal = &g.Retiring
	}
	if g.Subset != nil || g.Equals != nil {
		e.Constraints = &api.GrantConstraints{EncryptionContextSubset: g.Subset, EncryptionContextEquals: g.Equals}
	}
	return e
}

// listGrants lists a key's grants, or those of a grantee, or the one of an id.
func (s *Service) listGrants(call *aws.Call, in *api.ListGrantsInput) (*api.ListGrantsOutput, error) {
	page, err := newPage(in.Limit, 50, in.Marker)
	if err != nil {
		return nil, err
	}
	out := &api.ListGrantsOutput{Grants: []api.GrantListEntry{}}
	err = s.DB.View(call, func(tx *store.Tx) error {
		k, err := manage(tx, call, in.KeyID, true)
		if err != nil {
			return err
		}
		prefix := store.K(k.Account, k.Region, k.ID)
		r := store.Range{Prefix: prefix}
		rows := grants.Scan
		if page.after != "" {
			r.After = prefix.With(page.after)
		}
		if in.GranteePrincipal != nil {
			rows, r.Prefix = grantsByGrantee.Scan, prefix.With(*in.GranteePrincipal)
			if page.after != "" {
				r.After = grantsByGrantee.Entry(&grant{Account: k.Account, Region: k.Region, Key: k.ID, ID: page.after}, r.Prefix)
			}
		}
		if in.GrantID != nil {
			if has, err := grants.Has(tx, prefix.With(*in.GrantID)); err != nil || !has {
				if err == nil {
					err = api.NewInvalidGrantIDException("The grant %s does not exist.", *in.GrantID)
				}
				return err
			}
		}
		for g, err := range rows(tx, r) {
			if err != nil {
				return err
			}
			if in.GrantID != nil && g.ID != *in.GrantID {
				continue
			}
			if !page.take(g.ID) {
				break
			}
			out.Grants = append(out.Grants, g.entry())
		}
		return nil
	})
	out.NextMarker, out.Truncated = page.next()
	return out, err
}

// listRetirableGrants lists the grants that a principal can retire.
func (s *Service) listRetirableGrants(call *aws.Call, in *api.ListRetirableGrantsInput) (*api.ListRetirableGrantsOutput, error) {
	p := &page{limit: 50}
	if in.Limit != nil {
		p.limit = int(*in.Limit)
	}
	prefix := store.K(call.Region, in.RetiringPrincipal)
	r := store.Range{Prefix: prefix}
	if in.Marker != nil {
		parts, err := aws.DecodePageToken(*in.Marker, 3)
		if err != nil {
			return nil, api.NewInvalidMarkerException("Could not deserialize marker: %s", *in.Marker)
		}
		r.After = grantsByRetiring.Entry(&grant{Account: parts[0], Region: call.Region, Key: parts[1], ID: parts[2]}, prefix)
	}
	out := &api.ListRetirableGrantsOutput{Grants: []api.GrantListEntry{}}
	var last *grant
	err := s.DB.View(call, func(tx *store.Tx) error {
		for g, err := range grantsByRetiring.Scan(tx, r) {
			if err != nil {
				return err
			}
			if !p.take(g.ID) {
				out.NextMarker = new(aws.EncodePageToken(last.Account, last.Key, last.ID))
				break
			}
			last = g
			out.Grants = append(out.Grants, g.entry())
		}
		return nil
	})
	out.Truncated = &p.truncated
	return out, err
}

// getGrant returns the grant at a key, or the error that there is none.
func getGrant(tx *store.Tx, at store.Key) (*grant, error) {
	g, err := grants.Get(tx, at)
	if errors.Is(err, store.ErrNotFound) {
		return nil, api.NewNotFoundException(noGrant)
	}
	return g, err
}

// revokeGrant takes a grant back.
func (s *Service) revokeGrant(call *aws.Call, in *api.RevokeGrantInput) (*api.RevokeGrantOutput, error) {
	return done[api.RevokeGrantOutput](s.DB.Update(call, func(tx *store.Tx) error {
		k, err := manage(tx, call, in.KeyID, true)
		if err != nil {
			return err
		}
		if err := k.notPending(); err != nil {
			return err
		}
		at := store.K(k.Account, k.Region, k.ID, in.GrantID)
		if _, err := getGrant(tx, at); err != nil {
			return err
		}
		if err := dryRun(in.DryRun); err != nil {
			return err
		}
		return dropGrant(tx, k, at)
	}))
}

// dropGrant deletes a grant of a key.
func dropGrant(tx *store.Tx, k *key, at store.Key) error {
	existed, err := grants.Delete(tx, at)
	if err == nil && !existed {
		err = api.NewNotFoundException(noGrant)
	}
	if err != nil {
		return err
	}
	k.Grants--
	return keys.Put(tx, k)
}

const noGrant = "Grant does not exist"

// retireGrant gives a grant up: its retiring principal may, its grantee where the grant says so, and whoever the key's
// policy allows to.
func (s *Service) retireGrant(call *aws.Call, in *api.RetireGrantInput) (*api.RetireGrantOutput, error) {
	at, err := s.grantAt(call, in)
	if err != nil {
		return nil, err
	}
	var g *grant
	var k *key
	err = s.DB.View(call, func(tx *store.Tx) error {
		if g, err = getGrant(tx, at); err != nil {
			return err
		}
		k, err = find(tx, keyRef{Account: g.Account, Region: g.Region, ID: g.Key})
		return err
	})
	if err != nil {
		return nil, err
	}
	if k == nil {
		return nil, api.NewNotFoundException(noGrant)
	}
	if p := call.Principal; g.Retiring != p.ARN && g.Retiring != p.RoleARN || g.Retiring == "" {
		if err := s.allow(call, k, "", request{action: "kms:RetireGrant"}); err != nil {
			return nil, err
		}
	}
	if err := k.notPending(); err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	return done[api.RetireGrantOutput](s.DB.Update(call, func(tx *store.Tx) error {
		k, err := find(tx, keyRef{Account: g.Account, Region: g.Region, ID: g.Key})
		if err == nil && k == nil {
			err = api.NewNotFoundException(noGrant)
		}
		if err != nil {
			return err
		}
		return dropGrant(tx, k, at)
	}))
}

// grantAt returns the key of the grant that a request names by its token, or by its key's ARN and its id.
func (s *Service) grantAt(call *aws.Call, in *api.RetireGrantInput) (store.Key, error) {
	switch {
	case in.GrantToken != nil && in.KeyID == nil && in.GrantID == nil:
		return s.readToken(*in.GrantToken)
	case in.GrantToken != nil || in.KeyID == nil || in.GrantID == nil:
		return nil, validation("Either a grant token, or a grant ID and the key ID, must be specified.")
	}
	ref, err := parseRef(call, *in.KeyID)
	if err != nil {
		return nil, err
	}
	if ref.Alias != "" {
		return nil, api.NewNotFoundException("Invalid keyId '%s'", ref.Alias)
	}
	return store.K(ref.Account, ref.Region, ref.ID, *in.GrantID), nil
}
