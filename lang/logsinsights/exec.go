package logsinsights

import (
	"cmp"
	"container/heap"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"
)

// ErrTooLarge is returned when an execution would need more memory than it may have.
var ErrTooLarge = errors.New("the query needs too much memory")

// MaxMemory bounds what an execution keeps, in bytes.
const MaxMemory = 256 << 20

// Event is a log event as the caller has it.
type Event interface {
	// Timestamp is the event's time in milliseconds of the Unix epoch.
	Timestamp() int64
	// Field returns a field, by its index in Query.Needs.
	Field(need int) Value
	// Pointer names the event; it is asked for when the event may be part of the result.
	Pointer() string
}

// Field is a field of a result.
type Field struct{ Name, Value string }

// Execution is a run of a query over events. It is used by one goroutine.
type Execution struct {
	query   *Query
	now     time.Time
	first   stage
	row     *row
	limit   int
	memory  int
	matched int64
	count   int64
	result  [][]Field
	err     error
}

// Start begins an execution, at a time, that returns at most limit rows.
func (q *Query) Start(now time.Time, limit int) *Execution {
	x := &Execution{query: q, now: now, limit: min(limit, maxLimit)}
	var next stage = &collector{x: x, seg: q.segments[len(q.segments)-1]}
	for _, seg := range slices.Backward(q.segments) {
		for i, sp := range slices.Backward(seg.specs) {
			next = sp.start(x, seg.specs[i+1:], next)
		}
	}
	x.first = next
	x.row = newRow(x, q.segments[0])
	return x
}

// Add takes an event. After an error the execution is over.
func (x *Execution) Add(e Event) error {
	r := x.row
	r.event, r.time = e, e.Timestamp()
	x.count++
	r.seq = -x.count
	clear(r.vals)
	clear(r.loaded)
	if err := x.first.push(r); err != nil {
		return err
	}
	return x.err
}

// Matched tells how many events have passed the filters so far.
func (x *Execution) Matched() int64 { return x.matched }

// Finish returns the rows of the result. Fields that are missing are left out.
func (x *Execution) Finish() ([][]Field, error) {
	if err := x.first.flush(); err != nil {
		return nil, err
	}
	return x.result, x.err
}

// charge counts memory that is kept.
func (x *Execution) charge(n int) error {
	if x.memory += n; x.memory > MaxMemory {
		return ErrTooLarge
	}
	return nil
}

// row is an event or a group on its way. It is reused, so stages that keep it keep a clone.
type row struct {
	exec    *Execution
	seg     *segment
	event   Event
	vals    []Value
	loaded  []bool
	time    int64
	seq     int64 // orders rows of the same time
	pointer string
}

func newRow(x *Execution, seg *segment) *row {
	return &row{exec: x, seg: seg, vals: make([]Value, len(seg.needs)), loaded: make([]bool, len(seg.needs))}
}

func (r *row) get(i int) Value {
	if !r.loaded[i] {
		r.loaded[i] = true
		if need := r.seg.needs[i]; need >= 0 && r.event != nil {
			r.vals[i] = r.event.Field(need)
		}
	}
	return r.vals[i]
}

func (r *row) set(i int, v Value) { r.vals[i], r.loaded[i] = v, true }

// tooLarge ends the execution for a value that is too large.
func (r *row) tooLarge() Value {
	r.exec.err = ErrTooLarge
	return Value{}
}

// clone returns a copy to keep, and what it takes.
func (r *row) clone() (*row, int) {
	size := 128
	for i := range r.vals {
		v := r.get(i)
		if v.kind == kindString {
			// The text may be a part of a large buffer that is not to be kept.
			r.vals[i].str = strings.Clone(v.str)
		}
		size += v.size()
	}
	c := &row{exec: r.exec, seg: r.seg, vals: slices.Clone(r.vals), loaded: slices.Clone(r.loaded), time: r.time, seq: r.seq, pointer: r.pointer}
	if r.event != nil {
		c.pointer = r.event.Pointer()
	}
	return c, size + len(c.pointer)
}

// spec is a compiled command.
type spec interface {
	// start returns a stage of an execution before the next one; rest are the commands behind it in the segment.
	start(x *Execution, rest []spec, next stage) stage
	// rowwise tells that the command looks at each row by itself.
	rowwise() bool
}

// stage is a command at work.
type stage interface {
	push(r *row) error
	flush() error
}

// each is a stage that handles each row by itself.
type each struct {
	do   func(r *row) (bool, error)
	next stage
}

func (s *each) push(r *row) error {
	ok, err := s.do(r)
	if !ok || err != nil {
		return err
	}
	return s.next.push(r)
}

func (s *each) flush() error { return s.next.flush() }

// collector makes the result.
type collector struct {
	x   *Execution
	seg *segment
}

func (c *collector) push(r *row) error {
	if len(c.x.result) >= c.x.limit {
		return nil
	}
	size := 64
	var fields []Field
	for _, col := range c.seg.columns {
		if v := r.get(int(col.of)); v.Present() {
			f := Field{col.name, v.String()}
			fields, size = append(fields, f), size+64+len(f.Value)
		}
	}
	if c.seg.events {
		fields = append(fields, Field{"@ptr", r.pointer})
	}
	c.x.result = append(c.x.result, fields)
	return c.x.charge(size)
}

func (c *collector) flush() error { return nil }

// matchedSpec counts the events that come by.
type matchedSpec struct{}

func (matchedSpec) rowwise() bool { return true }
func (matchedSpec) start(x *Execution, _ []spec, next stage) stage {
	return &each{func(*row) (bool, error) { x.matched++; return true, nil }, next}
}

// assignSpec computes fields.
type assignSpec struct {
	to   []int
	from []expr
}

func (s *assignSpec) rowwise() bool { return true }
func (s *assignSpec) start(_ *Execution, _ []spec, next stage) stage {
	return &each{func(r *row) (bool, error) {
		for i, e := range s.from {
			r.set(s.to[i], e.eval(r))
		}
		return true, nil
	}, next}
}

// filterSpec passes on the rows for which an expression is true.
type filterSpec struct{ by expr }

func (s *filterSpec) rowwise() bool { return true }
func (s *filterSpec) start(_ *Execution, _ []spec, next stage) stage {
	return &each{func(r *row) (bool, error) { return s.by.eval(r).truth(), nil }, next}
}

// parseSpec takes fields out of a text.
type parseSpec struct {
	of      expr
	pattern *regexp.Regexp
	groups  []int // of the pattern, for each field
	to      []int
}

func (s *parseSpec) rowwise() bool { return true }
func (s *parseSpec) start(_ *Execution, _ []spec, next stage) stage {
	return &each{func(r *row) (bool, error) {
		v := s.of.eval(r)
		var found []int
		text := v.String()
		if v.Present() {
			found = s.pattern.FindStringSubmatchIndex(text)
		}
		for i, g := range s.groups {
			if found == nil || found[2*g] < 0 {
				r.set(s.to[i], Value{})
				continue
			}
			r.set(s.to[i], Text(text[found[2*g]:found[2*g+1]]))
		}
		return true, nil
	}, next}
}

// unnestSpec makes a row of each element of a list.
type unnestSpec struct {
	of expr
	to int
}

func (s *unnestSpec) rowwise() bool                                  { return true }
func (s *unnestSpec) start(_ *Execution, _ []spec, next stage) stage { return &unnesting{s, next} }

type unnesting struct {
	*unnestSpec
	next stage
}

func (s *unnesting) push(r *row) error {
	v := s.of.eval(r)
	list, ok := v.tree.([]any)
	if !ok || v.kind != kindStructure {
		r.set(s.to, v)
		return s.next.push(r)
	}
	// What comes behind computes its fields for each row anew.
	for _, x := range list {
		r.set(s.to, structure(x))
		if err := s.next.push(r); err != nil {
			return err
		}
	}
	return nil
}

func (s *unnesting) flush() error { return s.next.flush() }

// limitSpec passes on the first rows.
type limitSpec struct{ n int }

func (s *limitSpec) rowwise() bool { return false }
func (s *limitSpec) start(_ *Execution, _ []spec, next stage) stage {
	left := s.n
	return &each{func(*row) (bool, error) { left--; return left >= 0, nil }, next}
}

// dedupSpec passes on the first row of each combination of values. Where one is missing, nothing is a duplicate.
type dedupSpec struct{ by []expr }

func (s *dedupSpec) rowwise() bool { return false }
func (s *dedupSpec) start(x *Execution, _ []spec, next stage) stage {
	seen := map[string]bool{}
	return &each{func(r *row) (bool, error) {
		key := make([]byte, 0, 64)
		for _, e := range s.by {
			v := e.eval(r)
			if !v.Present() {
				return true, nil
			}
			key = appendKey(key, v)
		}
		if seen[string(key)] {
			return false, nil
		}
		seen[string(key)] = true
		return true, x.charge(len(key) + 48)
	}, next}
}

// sortSpec orders rows, by their time from the latest on when it has no keys.
type sortSpec struct{ keys []sortKey }

type sortKey struct {
	of         expr
	descending bool
}

func (s *sortSpec) rowwise() bool { return false }
func (s *sortSpec) start(x *Execution, rest []spec, next stage) stage {
	st := &sorting{sortSpec: s, x: x, next: next}
	// Only so many rows are kept as can come out.
	for _, sp := range rest {
		switch sp := sp.(type) {
		case *limitSpec:
			st.most = sp.n
			return st
		case *assignSpec:
			continue
		}
		return st
	}
	if x.query.segments[len(x.query.segments)-1].ends(s) {
		st.most = x.limit
	}
	return st
}

// ends tells whether the spec is one of the segment's.
func (s *segment) ends(x spec) bool { return slices.Contains(s.specs, x) }

// sorting keeps rows in a heap with the last of them first, or all when most is 0.
type sorting struct {
	*sortSpec
	x    *Execution
	next stage
	most int
	rows []sortable
}

// sortable is a row that is kept, with the values it is ordered by.
type sortable struct {
	*row
	keys []Value
	size int
}

func (s *sorting) compare(a, b *sortable) int {
	for i, k := range s.keys {
		c := naturally(a.keys[i], b.keys[i])
		if k.descending {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Or(cmp.Compare(b.time, a.time), cmp.Compare(a.seq, b.seq))
}

func (s *sorting) Len() int           { return len(s.rows) }
func (s *sorting) Less(i, j int) bool { return s.compare(&s.rows[i], &s.rows[j]) > 0 }
func (s *sorting) Swap(i, j int)      { s.rows[i], s.rows[j] = s.rows[j], s.rows[i] }
func (s *sorting) Push(x any)         { s.rows = append(s.rows, x.(sortable)) }
func (s *sorting) Pop() any {
	last := len(s.rows) - 1
	x := s.rows[last]
	s.rows = s.rows[:last]
	return x
}

func (s *sorting) push(r *row) error {
	var few [fewArgs]Value
	at := sortable{row: r, keys: few[:0]}
	for _, k := range s.sortSpec.keys {
		at.keys = append(at.keys, k.of.eval(r))
	}
	full := s.most > 0 && len(s.rows) >= s.most
	if full && s.compare(&at, &s.rows[0]) >= 0 {
		return nil
	}
	kept, size := r.clone()
	at.row, at.size = kept, size
	at.keys = slices.Clone(at.keys)
	for i, v := range at.keys {
		at.keys[i].str = strings.Clone(v.str)
		at.size += v.size()
	}
	switch {
	case full:
		size = at.size - s.rows[0].size
		s.rows[0] = at
		heap.Fix(s, 0)
		return s.x.charge(size)
	case s.most > 0:
		heap.Push(s, at)
	default:
		s.rows = append(s.rows, at)
	}
	return s.x.charge(at.size)
}

func (s *sorting) flush() error {
	slices.SortFunc(s.rows, func(a, b sortable) int { return s.compare(&a, &b) })
	for i := range s.rows {
		if err := s.next.push(s.rows[i].row); err != nil {
			return err
		}
	}
	s.rows = nil
	return s.next.flush()
}
