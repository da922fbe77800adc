package s3

import (
	"context"
	"iter"
	"time"

	"drydock/store"
	"drydock/task"
)

// held marks a blob as one that rows refer to, from the transaction that wrote the first of them until the blob has been
// deleted as garbage. So whether a blob is an orphan is one look, however many objects there are.
type held struct{ ID string }

// adoption tells that every blob which rows refer to is marked: data of versions without marks are walked once.
type adoption struct{ At time.Time }

var (
	heldBlobs = store.NewTable("s3/blob", func(h *held) store.Key { return store.K(h.ID) })
	adoptions = store.NewTable("s3/adoption", func(*adoption) store.Key { return store.K(0) })
)

// hold marks the blobs of segments. Those of parts that become an object are marked already, by their own transactions.
func hold(tx *store.Tx, segments []segment) error {
	if len(segments) > 1 {
		return nil
	}
	return mark(tx, segments)
}

func mark(tx *store.Tx, segments []segment) error {
	for i := range segments {
		if id := segments[i].Blob; id != "" {
			if err := heldBlobs.Insert(tx, &held{id}); err != nil {
				return err
			}
		}
	}
	return nil
}

// letGo removes the marks of blobs that are deleted.
func letGo(tx *store.Tx, blobs []string) error {
	for _, id := range blobs {
		if _, err := heldBlobs.Delete(tx, store.K(id)); err != nil {
			return err
		}
	}
	return nil
}

// holds tells which of some blobs rows refer to; all of them, as long as not all are marked.
func (s *Service) holds(ctx context.Context, ids []string) (map[string]bool, error) {
	marked := map[string]bool{}
	return marked, s.DB.View(ctx, func(tx *store.Tx) error {
		clear(marked)
		adopted, err := adoptions.Has(tx, store.K(0))
		if err != nil {
			return err
		}
		for _, id := range ids {
			if marked[id], err = heldBlobs.Has(tx, store.K(id)); err != nil {
				return err
			}
			marked[id] = marked[id] || !adopted
		}
		return nil
	})
}

const adoptKind = "s3.adopt"

// start has old data's blobs marked.
func (s *Service) start(ctx context.Context) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		adopted, err := adoptions.Has(tx, store.K(0))
		if err != nil || adopted {
			return err
		}
		return s.Tasks.Schedule(tx, adoptKind, "blobs", s.Clock.Now(), nil)
	})
}

// adoptBatch is how many rows one transaction marks the blobs of.
const adoptBatch = 100

// adopt marks the blobs that any row refers to.
func (s *Service) adopt(ctx context.Context, _ task.Task) (task.Next, error) {
	walks := []func(tx *store.Tx, after store.Key) (store.Key, error){
		func(tx *store.Tx, after store.Key) (store.Key, error) {
			return adoptRows(tx, contents, after, func(c *content) error { return mark(tx, c.Segments) })
		},
		func(tx *store.Tx, after store.Key) (store.Key, error) {
			return adoptRows(tx, parts, after, func(p *part) error { return mark(tx, []segment{p.Segment}) })
		},
		func(tx *store.Tx, after store.Key) (store.Key, error) {
			return adoptRows(tx, garbageTable, after, func(g *garbage) error {
				for _, id := range g.Blobs {
					if err := heldBlobs.Insert(tx, &held{id}); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	for _, walk := range walks {
		var after store.Key
		for first := true; first || after != nil; first = false {
			from := after
			err := s.DB.Update(ctx, func(tx *store.Tx) (err error) {
				after, err = walk(tx, from)
				return err
			})
			if err != nil {
				return task.Done, err
			}
		}
	}
	return task.Done, s.DB.Update(ctx, func(tx *store.Tx) error { return adoptions.Put(tx, &adoption{s.Clock.Now()}) })
}

// adoptRows marks for the next rows of a table behind a position, and returns the last position, nil at the end.
func adoptRows[T any](tx *store.Tx, table *store.Table[T], after store.Key, mark func(*T) error) (last store.Key, err error) {
	next, stop := iter.Pull2(table.Scan(tx, store.Range{After: after}))
	defer stop()
	for range adoptBatch {
		row, err, more := next()
		if err != nil || !more {
			return nil, err
		}
		if err := mark(row); err != nil {
			return nil, err
		}
		last = table.Key(row)
	}
	return last, nil
}
