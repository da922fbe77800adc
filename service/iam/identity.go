package iam

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"drydock/aws"
	"drydock/policy"
	"drydock/store"
)

// holding is what a user or role may do, without what a session takes away. It is not changed.
type holding struct {
	identity, boundary []policy.Source
	created            time.Time
	id                 string
}

// nothing is what an entity holds that does not exist.
var nothing = &holding{}

// principal is the user as a caller.
func (e *entity) principal() aws.Principal {
	return aws.Principal{Type: aws.PrincipalUser, Account: e.Account, ARN: e.arn(), ID: e.ID, Name: e.Name, Tags: e.Tags}
}

// AccessKey finds an active long-term key: see policy.Identity.
func (s *Service) AccessKey(ctx context.Context, id string) (key policy.AccessKey, err error) {
	account, ok := aws.AccessKeyAccount(id)
	if !ok || !strings.HasPrefix(id, "AKIA") {
		return key, policy.ErrUnknownKey
	}
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		mark, err := markOf(tx, account)
		if err != nil {
			return err
		}
		if mark == "" {
			return policy.ErrUnknownKey
		}
		if key, ok = recall(&s.memory, account, mark, func(k *known) (policy.AccessKey, bool) { v, ok := k.keys[id]; return v, ok }); ok {
			return nil
		}
		if key, err = s.readKey(tx, id); err == nil {
			s.memory.remember(account, mark, func(k *known) { k.keys[id] = key })
		}
		return err
	})
	return key, err
}

// readKey reads a key and its owner.
func (s *Service) readKey(tx *store.Tx, id string) (key policy.AccessKey, err error) {
	k, err := accessKeys.Get(tx, store.K(id))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return key, policy.ErrUnknownKey
	case err != nil:
		return key, err
	case !k.Active:
		return key, policy.ErrInactiveKey
	}
	secret, err := s.Keys.Unwrap(k.Sealed, keyContext(id))
	if err != nil {
		return key, fmt.Errorf("unseal access key %s: %w", id, err)
	}
	key.Secret = string(secret)
	if k.UserID == "" {
		key.Principal = aws.Root(k.Partition, k.Account)
	} else {
		e, err := entityByID(tx, k.UserID)
		if err != nil {
			return key, err
		}
		if e == nil {
			return key, policy.ErrInactiveKey
		}
		key.Principal = e.principal()
	}
	key.Principal.AccessKeyID = id
	return key, nil
}

// Grants returns the policies of a caller: see policy.Identity.
func (s *Service) Grants(ctx context.Context, p *aws.Principal) (g policy.Grants, err error) {
	if p.Type == aws.PrincipalRoot {
		s.used(ctx, p, "")
		return g, nil
	}
	h := nothing
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		mark, err := markOf(tx, p.Account)
		if err != nil {
			return err
		}
		if h, err = s.holdingOf(tx, mark, p); err != nil {
			return err
		}
		if p.Session != nil {
			g.Session, err = s.sessionPolicies(tx, mark, p)
		}
		return err
	})
	if err != nil {
		return g, err
	}
	if h != nothing {
		g.Identity, g.Boundary = h.identity, h.boundary
		s.used(ctx, p, h.id)
	}
	return g, nil
}

// entityID is the unique id of the user or role behind a caller.
func entityID(p *aws.Principal) string {
	id, _, _ := strings.Cut(p.ID, ":")
	return id
}

// holdingOf returns what the user or role behind a caller holds.
func (s *Service) holdingOf(tx *store.Tx, mark string, p *aws.Principal) (*holding, error) {
	id := entityID(p)
	if p.Type == aws.PrincipalFederatedUser {
		id = p.RoleARN // of the user, who has not another unique id here
	}
	h, ok := recall(&s.memory, p.Account, mark, func(k *known) (*holding, bool) { v, ok := k.holdings[id]; return v, ok })
	if !ok {
		e, err := behind(tx, p, id)
		if err != nil {
			return nil, err
		}
		if h, err = s.collect(tx, mark, e); err != nil {
			return nil, err
		}
		s.memory.remember(p.Account, mark, func(k *known) { k.holdings[id] = h })
	}
	if p.Type == aws.PrincipalFederatedUser && p.Session != nil && h.created.After(p.Session.Issued) {
		return nothing, nil // another user, who has the name now
	}
	return h, nil
}

// behind reads the user or role behind a caller; nil if there is none any more.
func behind(tx *store.Tx, p *aws.Principal, id string) (*entity, error) {
	var e *entity
	var err error
	want := userKind
	if p.Type == aws.PrincipalAssumedRole {
		want = roleKind
	}
	if p.Type == aws.PrincipalFederatedUser {
		e, err = findPrincipal(tx, id)
	} else {
		e, err = entityByID(tx, id)
	}
	if err != nil || e == nil || e.Kind != want || e.Account != p.Account {
		return nil, err
	}
	return e, nil
}

// collect gathers an entity's policies.
func (s *Service) collect(tx *store.Tx, mark string, e *entity) (*holding, error) {
	if e == nil {
		return nothing, nil
	}
	h := &holding{created: e.Created, id: e.ID}
	holders := []*entity{e}
	if e.Kind == userKind {
		groups, err := groupsOf(tx, e)
		if err != nil {
			return nil, err
		}
		holders = append(holders, groups...)
	}
	for _, holder := range holders {
		for _, p := range holder.Inline {
			doc, err := s.docs.Parse(policy.KindInline, p.Document)
			if err != nil {
				return nil, fmt.Errorf("policy %s of %s: %w", p.Name, holder.arn(), err)
			}
			h.identity = append(h.identity, policy.Source{Name: inlineID(holder, p.Name), Document: doc})
		}
		for _, arn := range holder.Attached {
			source, err := s.source(tx, mark, e.Account, arn)
			if err != nil {
				return nil, err
			}
			h.identity = append(h.identity, source)
		}
	}
	if e.Boundary != "" {
		source, err := s.source(tx, mark, e.Account, e.Boundary)
		if err != nil {
			return nil, err
		}
		h.boundary = []policy.Source{source}
	}
	return h, nil
}

// inlineID is what explanations call an inline policy.
func inlineID(e *entity, name string) string { return string(e.Kind) + "_" + e.Name + "_" + name }

// source returns a managed policy's default version. A policy that is gone allows nothing.
func (s *Service) source(tx *store.Tx, mark, account, arn string) (policy.Source, error) {
	source, ok := recall(&s.memory, account, mark, func(k *known) (policy.Source, bool) { v, ok := k.docs[arn]; return v, ok })
	if ok {
		return source, nil
	}
	p, err := findPolicy(tx, account, arn)
	if err != nil {
		return source, err
	}
	source = policy.Source{Name: arn}
	if p != nil {
		if source.Document, err = s.docs.Parse(policy.KindManaged, p.document()); err != nil {
			return source, fmt.Errorf("policy %s: %w", arn, err)
		}
	}
	s.memory.remember(account, mark, func(k *known) { k.docs[arn] = source })
	return source, nil
}

// sessionPolicies returns the policies that restrict a session; none: no restriction.
func (s *Service) sessionPolicies(tx *store.Tx, mark string, p *aws.Principal) ([]policy.Source, error) {
	var sources []policy.Source
	for _, text := range p.Session.Policies {
		doc, err := s.docs.Parse(policy.KindSession, text)
		if err != nil {
			return nil, fmt.Errorf("session policy of %s: %w", p.ARN, err)
		}
		sources = append(sources, policy.Source{Name: "session policy", Document: doc})
	}
	for _, arn := range p.Session.PolicyARNs {
		source, err := s.source(tx, mark, p.Account, arn)
		if err != nil {
			return nil, err
		}
		sources = append(sources, source)
	}
	return sources, nil
}
