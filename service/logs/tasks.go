package logs

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"drydock/store"
	"drydock/task"
)

const (
	// purgeKind removes what is left of deleted groups and streams. Its key is the part's, see purgeKey.
	purgeKind = "logs.purge"
	// expireKind removes a group's expired batches. Its key is the group's id, its data the group's key. A group has the
	// task while it has both a retention and batches.
	expireKind = "logs.expire"
)

// purgeStep is how many rows a step removes at most.
const purgeStep = 500

// expiryGrain is how late the rows of expired events may go; the events themselves are out of reach at once. AWS takes
// up to three days.
const expiryGrain = time.Hour

func (s *Service) taskKinds() []task.Kind {
	return []task.Kind{
		{Name: purgeKind, Reconcile: s.purge},
		{Name: expireKind, Reconcile: s.expire},
		{Name: exportKind, Reconcile: s.export, Long: true},
		{Name: findingsKind, Reconcile: s.deliverFindings},
	}
}

// purged is a deleted part: a group, or one of its streams.
type purged struct {
	Group  uint64
	Stream uint64 // 0 for all streams
}

// schedulePurge has the rows of a deleted part removed.
func (s *Service) schedulePurge(tx *store.Tx, p purged, now time.Time) error {
	data, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("encoding a purge: %w", err)
	}
	return s.Tasks.Schedule(tx, purgeKind, fmt.Sprintf("%d/%d", p.Group, p.Stream), now, data)
}

// purge removes some rows of a deleted part, whose id nothing refers to any more.
func (s *Service) purge(ctx context.Context, t task.Task) (task.Next, error) {
	var p purged
	if err := json.Unmarshal(t.Data, &p); err != nil {
		return task.Done, fmt.Errorf("decoding a purge: %w", err)
	}
	next := task.Done
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		next = task.At(t.Due)
		left, err := dropBlocks(tx, p, purgeStep)
		if err != nil || left <= 0 {
			return err
		}
		prefix := store.K(p.Group)
		if p.Stream != 0 {
			prefix = store.K(p.Group, p.Stream)
		}
		gone := int64(0)
		done, err := deleteSome(tx, batches, prefix, &left, func(b *batch) { gone += b.size() })
		if p.Stream != 0 {
			if err == nil && gone > 0 {
				err = addUsage(tx, p.Group, -gone)
			}
		} else if err == nil && done {
			if done, err = deleteSome(tx, logStreams, prefix, &left, nil); err == nil && done {
				done, err = deleteSome(tx, dataKeyRows, prefix, &left, nil)
			}
			if err == nil && done {
				_, err = usages.Delete(tx, prefix)
				tx.AfterCommit(func() { s.counters.forget(p.Group) })
			}
		}
		if err != nil || !done {
			return err
		}
		next = task.Done
		return nil
	})
	return next, err
}

// deleteSome removes rows of a prefix while any are left to be removed, and tells whether all have gone.
func deleteSome[T any](tx *store.Tx, t *store.Table[T], prefix store.Key, left *int, gone func(*T)) (bool, error) {
	for row, err := range t.Scan(tx, store.Range{Prefix: prefix}) {
		if err != nil {
			return false, err
		}
		if *left--; *left < 0 {
			return false, nil
		}
		if gone != nil {
			gone(row)
		}
		if _, err := t.Delete(tx, t.Key(row)); err != nil {
			return false, err
		}
	}
	return true, nil
}

// scheduleExpiry has a group looked at when a batch of the given time expires. It changes nothing when the group is
// looked at before anyway, so that it costs a request of PutLogEvents a read.
func (s *Service) scheduleExpiry(tx *store.Tx, g *logGroup, millis int64) error {
	data, err := json.Marshal(groupKey{g.Account, g.Region, g.Name})
	if err != nil {
		return fmt.Errorf("encoding a group's key: %w", err)
	}
	return s.Tasks.ScheduleEarlier(tx, expireKind, fmt.Sprint(g.ID), g.expiry(millis), data)
}

// expiry is when a batch that ends at a time is removed.
func (g *logGroup) expiry(millis int64) time.Time {
	return time.UnixMilli(millis).Add(g.retention() + time.Millisecond).Truncate(expiryGrain).Add(expiryGrain)
}

// groupKey is the key of a group.
type groupKey struct{ Account, Region, Name string }

// expire removes some expired batches of a group and comes again when the next expire. It moves or ends its own task in
// the transaction that looked at the batches: were that done afterwards, a batch put in between would be left without.
func (s *Service) expire(ctx context.Context, t task.Task) (task.Next, error) {
	var key groupKey
	if err := json.Unmarshal(t.Data, &key); err != nil {
		return task.Done, fmt.Errorf("decoding a group's key: %w", err)
	}
	now := s.Clock.Now()
	return task.Done, s.DB.Update(ctx, func(tx *store.Tx) error {
		g, err := findLogGroup(tx, key)
		if err != nil {
			return err
		}
		if g == nil || fmt.Sprint(g.ID) != t.Key || g.RetentionDays == 0 {
			return s.Tasks.Cancel(tx, t.Kind, t.Key)
		}
		gone, next, err := expireStep(tx, g, now)
		if err == nil && gone > 0 {
			err = addUsage(tx, g.ID, -gone)
		}
		switch {
		case err != nil:
			return err
		case next.IsZero():
			return s.Tasks.Cancel(tx, t.Kind, t.Key)
		default:
			return s.Tasks.Schedule(tx, t.Kind, t.Key, next, t.Data)
		}
	})
}

// expireStep removes some expired batches. It returns how many bytes they were and when to look again, the zero time if
// there is nothing left.
func expireStep(tx *store.Tx, g *logGroup, now time.Time) (gone int64, next time.Time, err error) {
	oldest := now.Add(-g.retention()).UnixMilli()
	left, err := dropExpired(tx, g.ID, oldest, purgeStep)
	if err != nil {
		return 0, next, err
	}
	for b, err := range batchesByTime.Scan(tx, store.Range{Prefix: store.K(g.ID)}) {
		if err != nil {
			return 0, next, err
		}
		if b.Last >= oldest {
			return gone, g.expiry(b.Last), nil
		}
		if left--; left < 0 {
			return gone, now, nil
		}
		gone += b.size()
		if _, err := batches.Delete(tx, batches.Key(b)); err != nil {
			return 0, next, err
		}
	}
	return gone, next, nil
}
