package logs

import (
	"slices"
	"strings"

	"drydock/lang/logsinsights"
	"drydock/store"
)

// blockReader gives a query the events of a block. Columns are read when the first value of theirs is asked for.
type blockReader struct {
	*block
	tx    *store.Tx
	group *logGroup
	needs []string
	// streams are those of the block; nil for one that is deleted.
	streams []*logStream
	times   []int64
	// places are four numbers for each event, see columnPlaces; nil until they are read.
	places []int64
	// texts are the columns of the needs that are texts, absent tells which needs have none in this block, and searched
	// which are in the messages only.
	texts            []*textColumn
	absent, searched []bool
	messages         *textColumn
	// fallback discovers fields that have no column.
	fallback queryFields
	at       int // the event
	looked   int // the event whose fields the fallback has
	read     int // bytes of the store
	err      error
}

func newBlockReader(t *part, b *block, fields *queryFields) (*blockReader, error) {
	r := &blockReader{block: b, tx: t.tx, group: t.group, needs: fields.plain, texts: make([]*textColumn, len(fields.plain)), absent: make([]bool, len(fields.plain)), searched: make([]bool, len(fields.plain)), fallback: *fields, looked: -1, read: 200}
	for _, id := range b.Streams {
		stream, err := t.names.of(id)
		if err != nil {
			return nil, err
		}
		r.streams = append(r.streams, stream)
	}
	return r, nil
}

// column reads a column unless there was an error.
func (r *blockReader) column(name string) []byte {
	if r.err != nil {
		return nil
	}
	data, n, err := unpack(r.tx, r.block, name)
	r.read += n
	r.err = err
	return data
}

// may tells whether the block may have events that meet the requirements.
func (r *blockReader) may(required []logsinsights.Requirement) bool {
	var words tokenFilter
	for _, q := range required {
		q.Field, _ = logsinsights.Unmasked(q.Field) // nothing is masked in a group whose blocks are read
		switch q.Field {
		case "@timestamp", "@ingestionTime", "@log", "@ptr":
			continue
		case "@logStream":
			if !slices.ContainsFunc(r.streams, func(s *logStream) bool { return s != nil && s.named(q) }) {
				return false
			}
			continue
		case "@message":
		default:
			if !r.More && !slices.Contains(r.Fields, q.Field) {
				return false
			}
		}
		if !hasWords(q) {
			continue
		}
		if words == nil {
			if words = r.column(columnWords); r.err != nil {
				return true // the caller looks at the error
			}
		}
		if !words.meets(q) {
			return false
		}
	}
	return true
}

// named tells whether the stream's name meets a requirement on it.
func (s *logStream) named(q logsinsights.Requirement) bool {
	return slices.ContainsFunc(q.AnyOf, func(text string) bool {
		return s.Name == text || !q.Whole && strings.Contains(s.Name, text)
	})
}

// open reads when the events happened.
func (r *blockReader) open() error {
	deltas, err := numbers(r.column(columnTimes), r.Events)
	if r.err != nil {
		return r.err
	}
	t := r.First
	for i, d := range deltas {
		t += d
		deltas[i] = t
	}
	r.times = deltas
	return err
}

// place returns one of the numbers of the event.
func (r *blockReader) place(i int) int64 {
	if r.places == nil && r.err == nil {
		var places []int64
		if places, r.err = numbers(r.column(columnPlaces), 4*r.Events); r.err == nil {
			seq := int64(0)
			for k := 1; k < len(places); k += 4 {
				seq += places[k]
				places[k] = seq
			}
			r.places = places
		}
	}
	if r.err != nil {
		return 0
	}
	return r.places[4*r.at+i]
}

// stream returns the event's stream, nil when that is deleted.
func (r *blockReader) stream() *logStream {
	if len(r.streams) == 1 {
		return r.streams[0]
	}
	i := r.place(0)
	if i < 0 || i >= int64(len(r.streams)) {
		return nil
	}
	return r.streams[i]
}

// load reads a column of texts unless there was an error.
func (r *blockReader) load(column string) *textColumn {
	data := r.column(column)
	if r.err != nil {
		return nil
	}
	var c *textColumn
	c, r.err = texts(data, r.Events)
	return c
}

// text returns a field that is a text: the message or one that was discovered in it.
func (r *blockReader) text(need int) logsinsights.Value {
	c := r.texts[need]
	if c == nil {
		switch name := r.needs[need]; {
		case r.absent[need] || r.err != nil:
			return logsinsights.Value{}
		case r.searched[need]:
			return r.search(need)
		case name == "@message":
			c = r.message()
		case slices.Contains(r.Fields, name):
			c = r.load(fieldColumn + name)
		default:
			r.absent[need], r.searched[need] = !r.More, r.More
			return r.text(need)
		}
		if r.err != nil {
			return logsinsights.Value{}
		}
		r.texts[need] = c
	}
	if !c.has[r.at] {
		return logsinsights.Value{}
	}
	return logsinsights.Text(c.values[r.at])
}

// message returns the column of messages, nil after an error.
func (r *blockReader) message() *textColumn {
	if r.messages == nil {
		r.messages = r.load(columnMessages)
	}
	return r.messages
}

// search discovers a field in the message.
func (r *blockReader) search(need int) logsinsights.Value {
	messages := r.message()
	if messages == nil {
		return logsinsights.Value{}
	}
	if r.looked != r.at {
		r.looked = r.at
		clear(r.fallback.found)
		r.fallback.discover(messages.values[r.at], false)
		r.fallback.discover(messages.values[r.at], true)
	}
	return r.fallback.found[need]
}

// Timestamp is the event's time.
func (r *blockReader) Timestamp() int64 { return r.times[r.at] }

// Pointer names the event for GetLogRecord.
func (r *blockReader) Pointer() string {
	s := r.stream()
	if s == nil {
		return ""
	}
	return pointerTo(r.group, s.ID, position{Time: r.times[r.at], Seq: uint64(r.place(1)), Index: int(r.place(2))})
}

// Field returns a field of the event.
func (r *blockReader) Field(need int) logsinsights.Value {
	switch r.needs[need] {
	case "@timestamp":
		return logsinsights.Time(r.times[r.at])
	case "@logStream":
		if s := r.stream(); s != nil {
			return logsinsights.Text(s.Name)
		}
		return logsinsights.Value{}
	case "@log":
		return logsinsights.Text(r.group.Account + ":" + r.group.Name)
	case "@ingestionTime":
		return logsinsights.Time(r.times[r.at] + r.place(3))
	case "@ptr":
		return logsinsights.Text(r.Pointer())
	}
	return r.text(need)
}

// readBlock takes the events of a block that lie in the window, unless its filter tells that none is wanted, and those that
// came later into its range.
func (r *queryRun) readBlock(t *part, b *block) error {
	// All of the block is read or nothing: if a data key is missing for what came later, that is found out first.
	late := 0
	for _, err := range lateEvents(t.tx, t.keys, t.group, b, t.window) {
		if err != nil {
			return err
		}
		late++
	}
	if b.Last >= t.window.from && b.First < t.window.to {
		events, err := newBlockReader(t, b, r.fields)
		if err != nil {
			return err
		}
		err = r.scanBlock(events, t.window)
		r.read += events.read
		if err != nil {
			return err
		}
	}
	if late == 0 {
		return nil
	}
	if late > maxLateEvents {
		r.toIndex(t.group, late)
	}
	for e, err := range lateEvents(t.tx, t.keys, t.group, b, t.window) {
		if err != nil {
			return err
		}
		if err := r.take(t, e); err != nil {
			return err
		}
	}
	return nil
}

func (r *queryRun) scanBlock(events *blockReader, w window) error {
	b := events.block
	if !events.may(r.required) {
		r.stats.SkippedEvents += int64(b.Events)
		r.stats.SkippedBytes += b.Bytes
		return nil
	}
	if events.err != nil {
		return events.err
	}
	if err := events.open(); err != nil {
		return err
	}
	gone := slices.Contains(events.streams, nil)
	size := int(b.Bytes / int64(b.Events))
	for i, t := range events.times {
		if t < w.from || t >= w.to {
			continue
		}
		events.at = i
		if gone && events.stream() == nil {
			if events.err != nil {
				return events.err
			}
			continue
		}
		r.count(size)
		err := r.exec.Add(events)
		if events.err != nil {
			return events.err
		}
		if err != nil {
			return err
		}
	}
	return nil
}
