package iam

import (
	"context"
	"errors"
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

var uses = store.NewTable("iam/use", func(u *use) store.Key { return store.K(u.ID) })

// lastUse returns the last use of a key or role, or nil.
func lastUse(tx *store.Tx, id string) (*use, error) {
	u, err := uses.Get(tx, store.K(id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return u, err
}

// useLog knows which uses are written already, so that a key in constant use costs one write in a useResolution.
type useLog struct {
	mu      sync.Mutex // guards the field below
	written map[string]time.Time
}

// maxUseLog bounds the log; past it everything is forgotten and written once more.
const maxUseLog = 100_000

// claim tells whether a use at now is to be written.
func (l *useLog) claim(id string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if last, ok := l.written[id]; ok && now.Sub(last) < useResolution {
		return false
	}
	if l.written == nil || len(l.written) >= maxUseLog {
		l.written = map[string]time.Time{}
	}
	l.written[id] = now
	return true
}

// used notes that a caller's key or role is being used. The call is found in the context, which the gateway passes when it
// asks for grants. No request fails because its use cannot be noted.
func (s *Service) used(ctx context.Context, p *aws.Principal) {
	call, ok := ctx.(*aws.Call)
	if !ok || call.Operation == nil {
		return
	}
	id := p.AccessKeyID
	if p.Type == aws.PrincipalAssumedRole {
		id = entityID(p)
	}
	now := s.Clock.Now()
	if id == "" || !s.uses.claim(id, now) {
		return
	}
	u := &use{ID: id, Service: call.Operation.API.SigningName, Region: call.Region, At: now.Truncate(time.Second)}
	if err := s.DB.Update(ctx, func(tx *store.Tx) error { return uses.Put(tx, u) }); err != nil {
		s.Log.Warn("note the last use", "id", id, "error", err)
	}
}
