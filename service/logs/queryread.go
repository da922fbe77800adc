package logs

import (
	"errors"
	"iter"

	"drydock/store"
)

// queryEvents yields the events of a group's window in order. Together with findEvent it is all that queries know of how
// events are stored.
func queryEvents(tx *store.Tx, keys *dataKeys, g *logGroup, w window) iter.Seq2[*event, error] {
	return func(yield func(*event, error) bool) {
		for e, err := range ascending(keys.open(tx, g, batchesByTime.Scan(tx, w.rangeOf(store.K(g.ID))))) {
			if err == nil && !w.has(e) {
				continue
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// findEvent returns the event of a stream at a position, or nil.
func findEvent(tx *store.Tx, keys *dataKeys, g *logGroup, stream uint64, at position) (*event, error) {
	w := window{from: at.Time, to: at.Time + 1, before: position{Time: at.Time + 1}}
	for b, err := range keys.open(tx, g, batches.Scan(tx, w.rangeOf(store.K(g.ID, stream)))) {
		if err != nil {
			return nil, err
		}
		if b.Seq != at.Seq {
			continue
		}
		c := b.open()
		for {
			more, err := c.next()
			if err != nil {
				return nil, err
			}
			if !more {
				break
			}
			if c.compare(at) == 0 {
				return &c.event, nil
			}
		}
	}
	return nil, nil
}

// streamNames looks up the streams of a group's events. It lives as long as a transaction.
type streamNames struct {
	tx    *store.Tx
	group uint64
	known map[uint64]*logStream
}

// of returns the stream of that id, nil for one that is deleted.
func (s *streamNames) of(id uint64) (*logStream, error) {
	stream, ok := s.known[id]
	if ok {
		return stream, nil
	}
	stream, err := logStreamsByID.First(s.tx, store.K(s.group, id))
	if errors.Is(err, store.ErrNotFound) {
		stream, err = nil, nil
	}
	if err == nil {
		s.known[id] = stream
	}
	return stream, err
}
