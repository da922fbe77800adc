package logs

import (
	"errors"
	"iter"

	"drydock/store"
)

// What is in this file, and what makes blocks (queryindex.go), is all that queries know of how events are stored.

// queryEvents yields the events of a group's window in order.
func queryEvents(tx *store.Tx, keys *dataKeys, g *logGroup, w window) iter.Seq2[*event, error] {
	return queryEventsOf(tx, keys, g, w, 0, w.to)
}

// queryEventsOf yields the events of a group's window in order, of the batches that began from a time on and before
// another.
func queryEventsOf(tx *store.Tx, keys *dataKeys, g *logGroup, w window, from, to int64) iter.Seq2[*event, error] {
	r := w.rangeOf(store.K(g.ID))
	if k := store.K(g.ID, from); string(k) > string(r.From) {
		r.From = k
	}
	if k := store.K(g.ID, to); string(k) < string(r.To) {
		r.To = k
	}
	return within(w, keys.open(tx, g, batchesByTime.Scan(tx, r)))
}

// within yields the events of batches that lie in the window.
func within(w window, rows iter.Seq2[*batch, error]) iter.Seq2[*event, error] {
	return func(yield func(*event, error) bool) {
		for e, err := range ascending(rows) {
			if err == nil && !w.has(e) {
				continue
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// lateEvents yields the events of the window that came later into the range of a block.
func lateEvents(tx *store.Tx, keys *dataKeys, g *logGroup, b *block, w window) iter.Seq2[*event, error] {
	r := store.Range{Prefix: store.K(b.Group), From: store.K(b.Group, b.From), To: store.K(b.Group, b.To)}
	return within(w, keys.open(tx, g, func(yield func(*batch, error) bool) {
		for l, err := range lateBatches.Scan(tx, r) {
			if err != nil {
				yield(nil, err)
				return
			}
			found, err := batches.Get(tx, store.K(l.Group, l.Stream, l.First, l.Seq))
			if errors.Is(err, store.ErrNotFound) {
				continue // purged or expired
			}
			if !yield(found, err) || err != nil {
				return
			}
		}
	}))
}

// countEvents returns how many events a batch has.
func countEvents(b *batch) (int, error) {
	n := 0
	for c := b.open(); ; n++ {
		if more, err := c.next(); err != nil || !more {
			return n, err
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
