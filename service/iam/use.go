package iam

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"drydock/aws"
	"drydock/store"
)

// use is when an access key or a role, by its id, was last used and for what.
type use struct {
	ID, Service, Region string
	At                  time.Time
}

// serviceUse is when a user or role, by its id, last used a service, and which of its actions.
type serviceUse struct {
	ID, Namespace, Region string
	At                    time.Time
	Actions               map[string]actionUse
}

// actionUse is the last use of one action.
type actionUse struct {
	At     time.Time
	Region string
}

var (
	uses        = store.NewTable("iam/use", func(u *use) store.Key { return store.K(u.ID) })
	serviceUses = store.NewTable("iam/serviceuse", func(u *serviceUse) store.Key { return store.K(u.ID, u.Namespace) })
)

// lastUse returns the last use of a key or role, or nil.
func lastUse(tx *store.Tx, id string) (*use, error) {
	u, err := uses.Get(tx, store.K(id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return u, err
}

// forgetUse removes what is known of the use of a user or role.
func forgetUse(tx *store.Tx, id string) error {
	if _, err := uses.Delete(tx, store.K(id)); err != nil {
		return err
	}
	for u, err := range serviceUses.Scan(tx, store.Range{Prefix: store.K(id)}) {
		if err != nil {
			return err
		}
		if _, err := serviceUses.Delete(tx, serviceUses.Key(u)); err != nil {
			return err
		}
	}
	return nil
}

// useLog knows which uses are written already, so that whoever does the same thing over and over costs one write in a
// useResolution. It is the only cost of a request that did it before: nothing is queued, so nothing can be lost.
type useLog struct {
	mu      sync.Mutex // guards the field below
	written map[claimed]time.Time
}

// claimed is what a use is remembered by: the id of a key, user or role, and what it did.
type claimed struct{ id, service, action string }

// maxUseLog bounds the log; past it everything is forgotten and written once more.
const maxUseLog = 100_000

// claim tells whether a use at now is to be written.
func (l *useLog) claim(u claimed, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if last, ok := l.written[u]; ok && now.Sub(last) < useResolution {
		return false
	}
	if l.written == nil || len(l.written) >= maxUseLog {
		l.written = map[claimed]time.Time{}
	}
	l.written[u] = now
	return true
}

// used notes that a caller's key, and the user or role behind it, is being used. The call is found in the context, which the
// gateway passes when it asks for grants. No request fails because its use cannot be noted.
func (s *Service) used(ctx context.Context, p *aws.Principal, entityID string) {
	call, ok := ctx.(*aws.Call)
	if !ok || call.Operation == nil {
		return
	}
	key := p.AccessKeyID
	if p.Type == aws.PrincipalAssumedRole {
		key = entityID
	}
	now := s.Clock.Now()
	service, action := namespaceOf(call.Operation)
	byKey := key != "" && s.uses.claim(claimed{id: key}, now)
	byEntity := entityID != "" && s.uses.claim(claimed{entityID, service, action}, now)
	if !byKey && !byEntity {
		return
	}
	at := now.Truncate(time.Second)
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		if byKey {
			if err := uses.Put(tx, &use{ID: key, Service: call.Operation.API.SigningName, Region: call.Region, At: at}); err != nil {
				return err
			}
		}
		if !byEntity {
			return nil
		}
		u, err := serviceUses.Get(tx, store.K(entityID, service))
		if errors.Is(err, store.ErrNotFound) {
			u, err = &serviceUse{ID: entityID, Namespace: service, Actions: map[string]actionUse{}}, nil
		}
		if err != nil {
			return err
		}
		u.At, u.Region = at, call.Region
		u.Actions[action] = actionUse{at, call.Region}
		return serviceUses.Put(tx, u)
	})
	if err != nil {
		s.Log.Warn("note the last use", "id", entityID, "error", err)
	}
}

// namespaceOf is the service and the action that policies call an operation by.
func namespaceOf(op *aws.Operation) (service, action string) {
	if len(op.Grants) > 0 {
		if service, action, ok := strings.Cut(op.Grants[0].Action, ":"); ok {
			return service, action
		}
	}
	return op.API.SigningName, op.Name
}
