package logs

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"drydock/lang/logsinsights"
	"drydock/store"
	"drydock/task"
)

// indexKind makes blocks of a group's batches. Its key is the group's id, its data the group's key. A query that had to
// read many batches asks for it, so that groups that nobody queries cost nothing.
const indexKind = "logs.index"

const (
	// indexDelay is how old events are before they are indexed: events hardly ever come that late.
	indexDelay = 10 * time.Minute
	// maxBlockEvents and maxBlockBytes bound a block; fewer than minBlockEvents stay batches.
	maxBlockEvents = 1 << 16
	maxBlockBytes  = 16 << 20
	minBlockEvents = 2048
	// maxBlockFields is how many discovered fields have a column, maxCountedFields how many are counted to choose them.
	maxBlockFields   = 100
	maxCountedFields = 5000
	// maxLateEvents is how many may come into a block's range before it is made anew.
	maxLateEvents = 2048
)

// scheduleIndex has a group indexed.
func (s *Service) scheduleIndex(tx *store.Tx, g *logGroup, now time.Time) error {
	data, err := json.Marshal(groupKey{g.Account, g.Region, g.Name})
	if err != nil {
		return fmt.Errorf("encoding a group's key: %w", err)
	}
	return s.Tasks.ScheduleEarlier(tx, indexKind, fmt.Sprint(g.ID), now, data)
}

// indexable tells whether a group may have blocks: what comes encrypted is not to be stored in the clear.
func (g *logGroup) indexable() bool { return g.KMSKeyID == "" }

// errEncrypted is why a block is not made.
var errEncrypted = errors.New("the events are encrypted")

// inTheClear yields batches, and errEncrypted in place of one that is encrypted.
func inTheClear(rows iter.Seq2[*batch, error]) iter.Seq2[*batch, error] {
	return func(yield func(*batch, error) bool) {
		for b, err := range rows {
			if err == nil && b.Key != 0 {
				err = errEncrypted
			}
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}

// index makes blocks of what a group has that is old enough.
func (s *Service) index(ctx context.Context, t task.Task) (task.Next, error) {
	var key groupKey
	if err := json.Unmarshal(t.Data, &key); err != nil {
		return task.Done, fmt.Errorf("decoding a group's key: %w", err)
	}
	from := int64(0)
	for {
		next, err := s.indexNext(ctx, key, t.Key, from)
		if err != nil || next < 0 {
			return task.Done, err
		}
		from = next
	}
}

// indexNext makes the block of the first batches at or after a time that have none, if they are enough. It returns where
// to go on, -1 at the end.
func (s *Service) indexNext(ctx context.Context, key groupKey, id string, from int64) (int64, error) {
	until := s.Clock.Now().Add(-indexDelay).UnixMilli()
	var g *logGroup
	var to int64
	next := int64(-1)
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		if g, err = findLogGroup(tx, key); err != nil || g == nil || fmt.Sprint(g.ID) != id || !g.indexable() {
			g = nil
			return err
		}
		if g.retention() > 0 {
			from = max(from, s.Clock.Now().Add(-g.retention()).UnixMilli())
		}
		if from >= until {
			g = nil
			return nil
		}
		b, end, err := blockAt(tx, g.ID, from, until)
		if err != nil {
			return err
		}
		next = min(end, until)
		if b != nil {
			to = 0
			return nil
		}
		from, to, err = plan(tx, g.ID, from, next)
		return err
	})
	switch {
	case err != nil || g == nil:
		return -1, err
	case to == 0:
		if dropped, err := s.dropOutdated(ctx, g.ID, from); err != nil || dropped {
			return from, err
		}
		if next >= until {
			return -1, nil
		}
		return next, nil
	}
	if err := s.claimIndex(ctx, key, g.ID, to); err != nil {
		return -1, err
	}
	if err := s.makeBlock(ctx, g, from, to); err != nil {
		return -1, err
	}
	return to, nil
}

// plan chooses the batches for a block among those that began in a range: it returns when the first began and where the
// block ends, which is 0 when they are too few.
func plan(tx *store.Tx, group uint64, from, to int64) (int64, int64, error) {
	events, bytes := 0, 0
	first, last := int64(-1), int64(-1)
	for b, err := range batchesByTime.Scan(tx, store.Range{Prefix: store.K(group), From: store.K(group, from), To: store.K(group, to)}) {
		if err != nil {
			return 0, 0, err
		}
		if first < 0 {
			first = b.First
		}
		// Batches that began together stay together.
		if b.First != last && (events >= maxBlockEvents || bytes >= maxBlockBytes) {
			return first, b.First, nil
		}
		last = b.First
		if b.Key != 0 {
			continue // see makeBlock
		}
		n, err := countEvents(b)
		if err != nil {
			return 0, 0, err
		}
		events += n
		bytes += len(b.Events)
	}
	if events < minBlockEvents {
		return from, 0, nil
	}
	return first, last + 1, nil
}

// claimIndex has PutLogEvents note from now on what comes before a time. It has to be in effect before the batches are
// read.
func (s *Service) claimIndex(ctx context.Context, key groupKey, id uint64, to int64) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		g, err := findLogGroup(tx, key)
		if err != nil || g == nil || g.ID != id || g.IndexedTo >= to {
			return err
		}
		g.IndexedTo = to
		return logGroups.Put(tx, g)
	})
}

// dropOutdated removes the block at a time when too much has come later into its range.
func (s *Service) dropOutdated(ctx context.Context, group uint64, at int64) (dropped bool, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		dropped = false
		b, _, err := blockAt(tx, group, at, at+1)
		if b == nil || err != nil {
			return err
		}
		late := 0
		r := store.Range{Prefix: store.K(group), From: store.K(group, b.From), To: store.K(group, b.To)}
		for l, err := range lateBatches.Scan(tx, r) {
			if err != nil {
				return err
			}
			found, err := batches.Get(tx, store.K(l.Group, l.Stream, l.First, l.Seq))
			if errors.Is(err, store.ErrNotFound) || err == nil && found.Key != 0 {
				continue
			}
			if err != nil {
				return err
			}
			n, err := countEvents(found)
			if err != nil {
				return err
			}
			late += n
		}
		if late <= maxLateEvents {
			return nil
		}
		// The batches count as any others then: the next block of the range has them.
		if _, err := dropLate(tx, r, math.MaxInt); err != nil {
			return err
		}
		dropped = true
		_, err = dropBlock(tx, b, 0)
		return err
	})
	return dropped, err
}

// makeBlock makes the block of the batches that began in a range, except those noted as late.
func (s *Service) makeBlock(ctx context.Context, g *logGroup, from, to int64) error {
	m := newBlockMaker(g, from, to)
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		r := store.Range{Prefix: store.K(g.ID), From: store.K(g.ID, from), To: store.K(g.ID, to)}
		late := map[position]bool{}
		for l, err := range lateBatches.Scan(tx, r) {
			if err != nil {
				return err
			}
			late[position{Time: l.First, Seq: l.Seq}] = true
		}
		names := &streamNames{tx, g.ID, map[uint64]*logStream{}}
		for e, err := range ascending(inTheClear(batchesByTime.Scan(tx, r))) {
			if err != nil {
				return err
			}
			if late[position{Time: e.batch.First, Seq: e.batch.Seq}] {
				continue
			}
			stream, err := names.of(e.batch.Stream)
			if err != nil {
				return err
			}
			if stream != nil {
				m.add(e)
			}
		}
		return nil
	})
	if errors.Is(err, errEncrypted) {
		return nil
	}
	if err != nil || m.Events == 0 {
		return err
	}
	columns, err := m.columns()
	if err != nil {
		return err
	}
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		now, err := findLogGroup(tx, groupKey{g.Account, g.Region, g.Name})
		if err != nil || now == nil || now.ID != g.ID {
			return err
		}
		// A stream deleted meanwhile would leave what its purge does not find.
		names := &streamNames{tx, g.ID, map[uint64]*logStream{}}
		for _, id := range m.Streams {
			if stream, err := names.of(id); err != nil || stream == nil {
				return err
			}
		}
		for _, c := range columns {
			if err := blockColumns.Put(tx, c); err != nil {
				return err
			}
		}
		return blocks.Put(tx, &m.block)
	})
}

// blockMaker takes the events of a block in order.
type blockMaker struct {
	block
	lambda   bool
	last     event
	times    []byte
	places   []byte
	messages []string
	words    map[uint64]struct{}
	streams  map[uint64]int64
	fields   map[string]*madeColumn
}

// madeColumn are the values of a discovered field so far, each behind the number of events before it that have none. So
// fields that are rare take little, however many there are.
type madeColumn struct {
	data   []byte
	events int // that have a value
	next   int // the index of the event behind the last one
}

func newBlockMaker(g *logGroup, from, to int64) *blockMaker {
	return &blockMaker{
		block: block{Group: g.ID, From: from, To: to}, lambda: isLambda(g), words: map[uint64]struct{}{}, streams: map[uint64]int64{},
		fields: map[string]*madeColumn{},
	}
}

func (m *blockMaker) add(e *event) {
	if m.Events == 0 {
		m.First = e.Time
		m.last.Time = e.Time
	}
	m.Last = e.Time
	stream, ok := m.streams[e.batch.Stream]
	if !ok {
		stream = int64(len(m.Streams))
		m.streams[e.batch.Stream] = stream
		m.Streams = append(m.Streams, e.batch.Stream)
	}
	m.times = binary.AppendVarint(m.times, e.Time-m.last.Time)
	m.places = binary.AppendVarint(m.places, stream)
	m.places = binary.AppendVarint(m.places, int64(e.Seq-m.last.Seq))
	m.places = binary.AppendVarint(m.places, int64(e.Index))
	m.places = binary.AppendVarint(m.places, e.batch.Ingested-e.Time)
	m.last.position = e.position
	m.messages = append(m.messages, e.Message)
	m.Bytes += int64(len(e.Message))
	note := func(h uint64, _, _ bool) { m.words[h] = struct{}{} }
	eachWord(e.Message, note)
	// Values that are not in the message as they are have their own words.
	escaped := strings.IndexByte(e.Message, '\\') >= 0 || !utf8.ValidString(e.Message)
	logsinsights.Discover(e.Message, m.lambda, func(name, value string) bool {
		if escaped {
			eachWord(value, note)
		}
		c := m.fields[name]
		if c == nil {
			if len(m.fields) == maxCountedFields {
				m.More = true
				return true
			}
			c = &madeColumn{}
			m.fields[name] = c
		}
		if c.next > m.Events {
			return true // the first of the same name counts
		}
		c.data = binary.AppendUvarint(c.data, uint64(m.Events-c.next))
		c.data = appendText(c.data, value)
		c.next = m.Events + 1
		c.events++
		return true
	})
	m.Events++
}

// columns completes the block and returns its columns.
func (m *blockMaker) columns() ([]*blockColumn, error) {
	m.Fields = slices.SortedFunc(maps.Keys(m.fields), func(a, b string) int {
		return cmp.Or(cmp.Compare(m.fields[b].events, m.fields[a].events), strings.Compare(a, b))
	})
	if len(m.Fields) > maxBlockFields {
		m.Fields, m.More = m.Fields[:maxBlockFields], true
	}
	var made []*blockColumn
	add := func(name string, data []byte) error {
		packed, err := pack(data)
		if err == nil {
			made = append(made, &blockColumn{m.Group, m.From, name, packed})
		}
		return err
	}
	messages := make([]byte, 0, int(m.Bytes)+3*m.Events)
	for _, s := range m.messages {
		messages = appendText(messages, s)
	}
	for name, data := range map[string][]byte{columnTimes: m.times, columnPlaces: m.places, columnMessages: messages} {
		if err := add(name, data); err != nil {
			return nil, err
		}
	}
	for _, name := range m.Fields {
		if err := add(fieldColumn+name, m.fields[name].whole(m.Events)); err != nil {
			return nil, err
		}
	}
	return append(made, &blockColumn{m.Group, m.From, columnWords, newTokenFilter(m.words)}), nil
}

// whole returns the column of texts of so many events.
func (c *madeColumn) whole(events int) []byte {
	made := make([]byte, 0, len(c.data)+events)
	for data := c.data; len(data) > 0; {
		gap, n := binary.Uvarint(data)
		size, m := binary.Uvarint(data[n:])
		end := n + m + int(size) - 1
		made = append(made, make([]byte, gap)...)
		made = append(made, data[n:end]...)
		data = data[end:]
	}
	return append(made, make([]byte, events-c.next)...)
}
