package logs

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"drydock/store"
)

// sequence hands out numbers that are unique in the cloud and rise with time: the ids of groups and streams, and the
// order in which batches came. Nothing is read or written for it but once at the start, so that PutLogEvents has no row
// that all its callers change.
type sequence struct{ last atomic.Uint64 }

// next returns the next number, which is above 0.
func (s *sequence) next() uint64 { return s.last.Add(1) }

// runBits leaves a run of the process about a billion numbers for each second since the run before.
const runBits = 30

// run is the latest start of a process.
type run struct{ Number uint64 }

var runs = store.NewTable("logs/run", func(*run) store.Key { return store.K("latest") })

// start gives the process numbers above those of all earlier ones. Taking the clock for the least keeps them apart even
// when the store is emptied in between.
func (s *Service) start(ctx context.Context) error {
	var number uint64
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		number = uint64(s.Clock.Now().Unix())
		switch latest, err := runs.Get(tx, runs.Key(nil)); {
		case err == nil:
			number = max(number, latest.Number+1)
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		return runs.Put(tx, &run{number})
	})
	if err != nil {
		return fmt.Errorf("numbering the run: %w", err)
	}
	for last := s.sequence.last.Load(); last < number<<runBits; last = s.sequence.last.Load() {
		s.sequence.last.CompareAndSwap(last, number<<runBits)
	}
	return nil
}
