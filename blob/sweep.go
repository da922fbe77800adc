package blob

import (
	"context"
	"fmt"
	"time"

	"drydock/clock"
)

// sweepBatch is how many ids Sweep asks about at a time.
const sweepBatch = 500

// Swept is what a Sweep has deleted.
type Swept struct {
	Blobs int
	Bytes int64
}

// Sweep deletes orphans: blobs that were committed but to which no row refers, as after a crash between the two. It
// passes over blobs written less than grace ago, in the machine's time, whose transaction may be about to come; grace is
// longer than any such transaction can be late. It passes over those that TrackCommits knows of, too. orphans is asked,
// for some ids at a time, to which of them nothing refers, in use or as garbage. An id that it returns must not come into
// use afterwards.
func (s *Store) Sweep(ctx context.Context, grace time.Duration, orphans func(ctx context.Context, ids []string) ([]string, error)) (Swept, error) {
	var swept Swept
	before := clock.Wall().Add(-grace)
	sizes := make(map[string]int64, sweepBatch)
	ids := make([]string, 0, sweepBatch)
	flush := func() error {
		unused, err := orphans(ctx, ids)
		if err != nil {
			return fmt.Errorf("looking for orphaned blobs: %w", err)
		}
		for _, id := range unused {
			size, asked := sizes[id]
			if !asked {
				return fmt.Errorf("blob %.40q is called an orphan, which was not the question", id)
			}
			if s.isFresh(id) {
				continue
			}
			if err := s.Delete(ctx, id); err != nil {
				return err
			}
			swept.Blobs, swept.Bytes = swept.Blobs+1, swept.Bytes+size
		}
		clear(sizes)
		ids = ids[:0]
		return nil
	}
	for info, err := range s.List(ctx) {
		if err != nil {
			return swept, fmt.Errorf("listing blobs: %w", err)
		}
		if info.Written.After(before) {
			continue
		}
		sizes[info.ID] = info.Size
		if ids = append(ids, info.ID); len(ids) == sweepBatch {
			if err := flush(); err != nil {
				return swept, err
			}
		}
	}
	if len(ids) > 0 {
		if err := flush(); err != nil {
			return swept, err
		}
	}
	s.mu.Lock()
	s.fresh = nil
	s.mu.Unlock()
	return swept, nil
}
