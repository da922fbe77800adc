package logs

import (
	"math"
	"time"

	"drydock/store"
)

// window is the part of a group's time that a request reads.
type window struct {
	// from and to bound the events' times in milliseconds: from <= time < to.
	from, to int64
	// after and before bound the events' positions, both exclusive.
	after, before position
}

// newWindow returns the window from a start, inclusive, to an end, exclusive; it leaves out what the group's retention
// has expired, whether the rows are already gone or not.
func newWindow(g *logGroup, now time.Time, start, end *int64) window {
	w := window{to: math.MaxInt64, after: position{Time: -1}, before: position{Time: math.MaxInt64}}
	if start != nil {
		w.from = *start
	}
	if end != nil {
		w.to = *end
	}
	if g.retention() > 0 {
		w.from = max(w.from, now.Add(-g.retention()).UnixMilli())
	}
	return w
}

// has tells whether the event lies in the window.
func (w *window) has(e *event) bool {
	return e.Time >= w.from && e.Time < w.to && e.compare(w.after) > 0 && e.compare(w.before) < 0
}

// rangeOf returns where the window's batches are behind a prefix, in the table or in its index by time.
func (w *window) rangeOf(prefix store.Key) store.Range {
	from := slotOf(max(w.from, w.after.Time, 0))
	to := w.to
	if w.before.Time < to {
		to = w.before.Time + 1
	}
	return store.Range{Prefix: prefix, From: prefix.With(from), To: prefix.With(to)}
}
