package kms

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	api "drydock/api/kms"
	"drydock/aws"
	"drydock/store"
)

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

// listRetirableGrants lists the grants on the account's keys that a principal can retire.
func (s *Service) listRetirableGrants(call *aws.Call, in *api.ListRetirableGrantsInput) (*api.ListRetirableGrantsOutput, error) {
	p := &page{limit: 50}
	if in.Limit != nil {
		p.limit = int(*in.Limit)
	}
	prefix := store.K(call.Account, call.Region, in.RetiringPrincipal)
	r := store.Range{Prefix: prefix}
	if in.Marker != nil {
		parts, err := aws.DecodePageToken(*in.Marker, 2)
		if err != nil {
			return nil, api.NewInvalidMarkerException("Could not deserialize marker: %s", *in.Marker)
		}
		r.After = grantsByRetiring.Entry(&grant{Account: call.Account, Region: call.Region, Key: parts[0], ID: parts[1]}, prefix)
	}
	out := &api.ListRetirableGrantsOutput{Grants: []api.GrantListEntry{}}
	var last *grant
	err := s.DB.View(call, func(tx *store.Tx) error {
		for g, err := range grantsByRetiring.Scan(tx, r) {
			if err != nil {
				return err
			}
			if !p.take(g.ID) {
				out.NextMarker = new(aws.EncodePageToken(last.Key, last.ID))
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
	if p := &call.Principal; g.Retiring != p.ARN && g.Retiring != p.RoleARN || g.Retiring == "" || isAnother(p, g.Principals) {
		if err := s.allow(call, k, "", request{action: "kms:RetireGrant"}); err != nil {
			return nil, err
		}
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
		return nil, noAlias(*in.KeyID)
	}
	return store.K(ref.Account, ref.Region, ref.ID, *in.GrantID), nil
}
