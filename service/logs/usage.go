package logs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"drydock/store"
)

// How many bytes a group stores is counted in the process and written down now and then, so that requests of
// PutLogEvents share no row. What has not been written when a process dies is not counted: less than usageStep a group.

// usageStep is how much may come in before it is written down.
const usageStep = 1 << 20

// usage is what has been written down of the bytes that a group stores.
type usage struct {
	Group uint64
	Bytes int64
}

var usages = store.NewTable("logs/usage", func(u *usage) store.Key { return store.K(u.Group) })

// counters have what has not been written down, by the group's id. The zero value is empty.
type counters struct {
	mu     sync.RWMutex // guards the field below
	groups map[uint64]*atomic.Int64
}

func (c *counters) of(group uint64) *atomic.Int64 {
	c.mu.RLock()
	n := c.groups[group]
	c.mu.RUnlock()
	if n != nil {
		return n
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.groups == nil {
		c.groups = map[uint64]*atomic.Int64{}
	}
	if n = c.groups[group]; n == nil {
		n = new(atomic.Int64)
		c.groups[group] = n
	}
	return n
}

// pending is what has not been written down of a group.
func (c *counters) pending(group uint64) int64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if n := c.groups[group]; n != nil {
		return n.Load()
	}
	return 0
}

// forget drops what is counted of a group that is gone.
func (c *counters) forget(group uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.groups, group)
}

// size is what a batch counts for: its events without what encryption adds.
func (b *batch) size() int64 {
	if b.Key != 0 {
		return int64(len(b.Events) - sealOverhead)
	}
	return int64(len(b.Events))
}

// count counts bytes that have been stored.
func (s *Service) count(ctx context.Context, group uint64, bytes int64) {
	if bytes == 0 {
		return
	}
	pending := s.counters.of(group)
	if pending.Add(bytes) < usageStep {
		return
	}
	if err := s.writeDown(ctx, group, pending); err != nil {
		s.Log.WarnContext(ctx, "stored bytes not written down", "error", err)
	}
}

// writeDown moves what is pending into the group's row.
func (s *Service) writeDown(ctx context.Context, group uint64, pending *atomic.Int64) error {
	bytes := pending.Swap(0)
	err := s.DB.Update(ctx, func(tx *store.Tx) error { return addUsage(tx, group, bytes) })
	if err != nil {
		pending.Add(bytes)
	}
	return err
}

// addUsage changes the group's row.
func addUsage(tx *store.Tx, group uint64, bytes int64) error {
	u, err := usages.Get(tx, store.K(group))
	if errors.Is(err, store.ErrNotFound) {
		u, err = &usage{Group: group}, nil
	}
	if err != nil {
		return err
	}
	u.Bytes += bytes
	return usages.Put(tx, u)
}

// storedBytes is what a group stores.
func (s *Service) storedBytes(tx *store.Tx, g *logGroup) (int64, error) {
	bytes := s.counters.pending(g.ID)
	u, err := usages.Get(tx, store.K(g.ID))
	switch {
	case err == nil:
		bytes += u.Bytes
	case !errors.Is(err, store.ErrNotFound):
		return 0, err
	}
	return max(bytes, 0), nil
}

// stop writes down what is pending.
func (s *Service) stop(ctx context.Context) error {
	pending := map[uint64]int64{}
	s.counters.mu.RLock()
	for group, n := range s.counters.groups {
		if bytes := n.Swap(0); bytes != 0 {
			pending[group] = bytes
		}
	}
	s.counters.mu.RUnlock()
	if len(pending) == 0 {
		return nil
	}
	// There is no later: whoever stops the cloud may have stopped waiting.
	err := s.DB.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		for group, bytes := range pending {
			if err := addUsage(tx, group, bytes); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("writing down stored bytes: %w", err)
	}
	return nil
}
