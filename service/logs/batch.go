package logs

import (
	"cmp"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"drydock/store"
)

// batch is a row of events that came together in one request. All its events lie in one slot of time, and the key begins
// with the earliest: so whoever reads from a time on has to look back by at most a slot for a batch that reaches beyond
// it. A request whose events lie in several slots makes several batches.
//
// Nothing else is written for a request: when a stream had its latest event is found by looking.
type batch struct {
	Group  uint64 `cbor:"1,keyasint"`
	Stream uint64 `cbor:"2,keyasint"`
	// First and Last are the times of the earliest and the latest event, Ingested is when they came: milliseconds of the
	// Unix epoch, as everywhere in the API.
	First    int64 `cbor:"3,keyasint"`
	Last     int64 `cbor:"4,keyasint"`
	Ingested int64 `cbor:"5,keyasint"`
	// Seq orders batches as they came in.
	Seq uint64 `cbor:"6,keyasint"`
	// Events are the events in order: for each the milliseconds since First and the message's length, as varints, and
	// the message.
	Events []byte `cbor:"7,keyasint"`
	// Key is the data key that Events are encrypted under, 0 for none, see datakey.go.
	Key uint64 `cbor:"8,keyasint,omitempty"`
}

// slotMillis is how long a slot is. It weighs what reading from a time on has to look back over against how many rows a
// request with events far apart makes.
const slotMillis = 1000

var (
	// batchesByTime orders the batches of all streams of a group.
	batchesByTime = store.NewIndex("time", func(b *batch) []store.Key {
		return []store.Key{store.K(b.Group, b.First, b.Seq)}
	})
	batches = store.NewTable("logs/batch", func(b *batch) store.Key {
		return store.K(b.Group, b.Stream, b.First, b.Seq)
	}, batchesByTime)
)

// slotOf returns when the slot of a time begins.
func slotOf(millis int64) int64 { return millis - millis%slotMillis }

// add appends an event, which is not earlier than those that are there.
func (b *batch) add(millis int64, message string) {
	if len(b.Events) == 0 {
		b.First = millis
	}
	b.Last = millis
	b.Events = binary.AppendUvarint(b.Events, uint64(millis-b.First))
	b.Events = binary.AppendUvarint(b.Events, uint64(len(message)))
	b.Events = append(b.Events, message...)
}

// position is the place of an event in the order of all events: by time, those of the same time as they came in.
type position struct {
	Time  int64
	Seq   uint64
	Index int
}

func (p position) compare(o position) int {
	return cmp.Or(cmp.Compare(p.Time, o.Time), cmp.Compare(p.Seq, o.Seq), cmp.Compare(p.Index, o.Index))
}

// The widths of a position's parts in decimal; together they are as long as AWS's event ids.
const (
	timeDigits     = 16
	seqDigits      = 20
	indexDigits    = 20
	positionDigits = timeDigits + seqDigits + indexDigits
)

// String returns the position as an event id: 56 digits that sort as the positions do.
func (p position) String() string {
	return fmt.Sprintf("%0*d%0*d%0*d", timeDigits, p.Time, seqDigits, p.Seq, indexDigits, p.Index)
}

// parsePosition reads what String returned.
func parsePosition(s string) (position, error) {
	if len(s) != positionDigits || strings.Trim(s, "0123456789") != "" {
		return position{}, errors.New("not a position")
	}
	millis, err := strconv.ParseInt(s[:timeDigits], 10, 64)
	if err != nil {
		return position{}, fmt.Errorf("reading a position: %w", err)
	}
	seq, err := strconv.ParseUint(s[timeDigits:timeDigits+seqDigits], 10, 64)
	if err != nil {
		return position{}, fmt.Errorf("reading a position: %w", err)
	}
	index, err := strconv.Atoi(s[timeDigits+seqDigits:])
	if err != nil {
		return position{}, fmt.Errorf("reading a position: %w", err)
	}
	return position{millis, seq, index}, nil
}

// event is one event of a batch.
type event struct {
	position
	Message string
	batch   *batch
}

// size is what the event counts for against limits in bytes.
func (e *event) size() int { return len(e.Message) + eventOverheadBytes }

// cursor goes through the events of a batch.
type cursor struct {
	event
	// text is the batch's events; the messages are parts of it, which spares each an allocation.
	text string
	at   int
}

// open returns a cursor before the first event.
func (b *batch) open() *cursor {
	return &cursor{event: event{position: position{Seq: b.Seq, Index: -1}, batch: b}, text: string(b.Events)}
}

// next moves to the next event, if there is one.
func (c *cursor) next() (bool, error) {
	rest := c.batch.Events[c.at:]
	if len(rest) == 0 {
		return false, nil
	}
	offset, n := binary.Uvarint(rest)
	if n <= 0 {
		return false, errCorrupt
	}
	size, m := binary.Uvarint(rest[n:])
	if m <= 0 || size > uint64(len(rest)-n-m) {
		return false, errCorrupt
	}
	from := c.at + n + m
	c.at = from + int(size)
	c.Time = c.batch.First + int64(offset)
	c.Index++
	c.Message = c.text[from:c.at]
	return true, nil
}

var errCorrupt = errors.New("logs: corrupt batch")

// cursors is a heap of cursors, the one at the earliest event first.
type cursors []*cursor

func (h cursors) Len() int           { return len(h) }
func (h cursors) Less(i, j int) bool { return h[i].compare(h[j].position) < 0 }
func (h cursors) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *cursors) Push(x any)        { *h = append(*h, x.(*cursor)) }
func (h *cursors) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	*h = (*h)[:last]
	return x
}

// ascending yields the events of batches in order. The batches come in the order of (First, Seq), and no more of them are
// in memory than overlap. The event yielded is valid until the loop goes on.
func ascending(rows iter.Seq2[*batch, error]) iter.Seq2[*event, error] {
	return func(yield func(*event, error) bool) {
		var open cursors
		// drain yields the events before limit, or all, and tells whether to go on.
		drain := func(limit *position) bool {
			for len(open) > 0 {
				c := open[0]
				if limit != nil && c.compare(*limit) >= 0 {
					return true
				}
				if !yield(&c.event, nil) {
					return false
				}
				switch more, err := c.next(); {
				case err != nil:
					yield(nil, err)
					return false
				case more:
					heap.Fix(&open, 0)
				default:
					heap.Pop(&open)
				}
			}
			return true
		}
		for b, err := range rows {
			if err != nil {
				yield(nil, err)
				return
			}
			if !drain(&position{Time: b.First, Seq: b.Seq}) {
				return
			}
			c := b.open()
			if more, err := c.next(); err != nil {
				yield(nil, err)
				return
			} else if more {
				heap.Push(&open, c)
			}
		}
		drain(nil)
	}
}

// page is a bounded list of events.
type page struct {
	events []event
	bytes  int
	limit  int
}

// full tells that the next event, of the size, has no room.
func (p *page) full(size int) bool {
	return len(p.events) >= p.limit || len(p.events) > 0 && p.bytes+size > maxPageBytes
}

func (p *page) add(e *event) {
	p.events = append(p.events, *e)
	p.bytes += e.size()
}

// newest returns the last events that fit on a page, in order. The batches come in the descending order of (First, Seq).
func newest(rows iter.Seq2[*batch, error], limit int, wanted func(*event) bool) ([]event, error) {
	p := page{limit: limit}
	trim := func() {
		slices.SortFunc(p.events, func(a, b event) int { return b.compare(a.position) })
		kept := page{limit: limit}
		for i := range p.events {
			if kept.full(p.events[i].size()) {
				break
			}
			kept.add(&p.events[i])
		}
		p = kept
	}
	slot := int64(-1)
	for b, err := range rows {
		if err != nil {
			return nil, err
		}
		// A batch of the slot may still reach behind what is there, one of an earlier slot cannot.
		if s := slotOf(b.First); s != slot {
			if len(p.events) >= limit || p.bytes >= maxPageBytes {
				break
			}
			slot = s
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
			if wanted(&c.event) {
				p.add(&c.event)
			}
		}
		if len(p.events) > 2*limit || p.bytes > 4*maxPageBytes {
			trim()
		}
	}
	trim()
	slices.Reverse(p.events)
	return p.events, nil
}
