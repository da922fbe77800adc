package app

import (
	"context"

	"drydock/blob"
	"drydock/clock"
	"drydock/service"
	"drydock/store"
	"drydock/task"
)

// sweepKind is the kind of the task that deletes blobs which a crash left without a row.
const sweepKind = "blob.sweep"

// sweeper deletes orphaned blobs, once after each start: nothing else makes any.
type sweeper struct {
	blobs   *blob.Store
	modules []service.Module
	// since is when this process began. Whoever wrote before that is gone, and its transactions with it.
	since clock.Stopwatch
}

// sweep deletes what no module holds.
func (s *sweeper) sweep(ctx context.Context) (blob.Swept, error) {
	return s.blobs.Sweep(ctx, s.since.Elapsed(), func(ctx context.Context, ids []string) ([]string, error) {
		for i := range s.modules {
			holds := s.modules[i].Holds
			if holds == nil || len(ids) == 0 {
				continue
			}
			held, err := holds(ctx, ids)
			if err != nil {
				return nil, err
			}
			var left []string
			for _, id := range ids {
				if !held[id] {
					left = append(left, id)
				}
			}
			ids = left
		}
		return ids, nil
	})
}

// startSweep has the blobs deleted, beside everything else, that an earlier process left without a row.
func (c *Cloud) startSweep(ctx context.Context) error {
	if c.config.Ephemeral {
		return nil
	}
	s := &sweeper{blobs: c.blobs, modules: c.Modules, since: clock.StartStopwatch()}
	c.Tasks.Register(task.Kind{Name: sweepKind, Reconcile: func(ctx context.Context, _ task.Task) (task.Next, error) {
		swept, err := s.sweep(ctx)
		if swept.Blobs > 0 {
			c.log.Info("orphaned blobs deleted", "blobs", swept.Blobs, "bytes", swept.Bytes)
		}
		return task.Done, err
	}})
	return c.db.Update(ctx, func(tx *store.Tx) error { return c.Tasks.Schedule(tx, sweepKind, "blobs", c.clock.Now(), nil) })
}
