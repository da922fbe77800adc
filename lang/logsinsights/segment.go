package logsinsights

import (
	"slices"
	"strings"
)

// segment is a part of a query whose rows have the same fields: the part before the first stats command, whose rows are
// events, or one behind a stats command, whose rows are its groups.
type segment struct {
	// names are the slots of the fields that can be named, own those that the query itself defined.
	names map[string]int
	own   map[string]bool
	// needs tells for each slot which field of the event it has, as an index into Query.Needs; -1 for none.
	needs []int
	specs []spec
	// columns are what the result shows, extra what it shows besides unless display chose: the fields of parse and unnest.
	columns, extra []column
	displayed      bool
	events         bool // tells that the rows are events
}

// column is a named part of the result.
type column struct {
	name string
	of   slot
}

func newSegment(events bool) *segment {
	return &segment{names: map[string]int{}, own: map[string]bool{}, events: events}
}

// add makes a slot, with a name unless that is empty.
func (s *segment) add(name string) int {
	s.needs = append(s.needs, -1)
	if name != "" {
		s.names[name] = len(s.needs) - 1
	}
	return len(s.needs) - 1
}

func (s *segment) then(x spec) { s.specs = append(s.specs, x) }

// show adds a column, once.
func (s *segment) show(name string, of slot) {
	if !slices.Contains(s.columns, column{name, of}) {
		s.columns = append(s.columns, column{name, of})
	}
}

// resolve returns what a name stands for: a field that is there, a part of one that the query defined, or else a field of
// the event. Behind a stats command others are missing.
func (s *segment) resolve(q *Query, t token) expr {
	if at, ok := s.names[t.text]; ok {
		return slot(at)
	}
	for n := len(t.path) - 1; n > 0; n-- {
		// A slot of a structure is only what the query made: fields of events are flat.
		if name := strings.Join(t.path[:n], "."); s.own[name] || !s.events && s.has(name) {
			return member{slot(s.names[name]), t.path[n:]}
		}
	}
	at := s.add(t.text)
	if s.events {
		i := slices.Index(q.needs, t.text)
		if i < 0 {
			i = len(q.needs)
			q.needs = append(q.needs, t.text)
		}
		s.needs[at] = i
	}
	return slot(at)
}

func (s *segment) has(name string) bool {
	_, ok := s.names[name]
	return ok
}

// finish completes the query with what applies where nothing is said.
func (q *Query) finish() {
	for _, s := range q.segments {
		s.specs = sortLate(s.specs)
	}
	first := q.segments[0]
	last := q.segments[len(q.segments)-1]
	// Events come latest first where their order counts.
	at := slices.IndexFunc(first.specs, func(x spec) bool { return !x.rowwise() })
	if at < 0 {
		at = len(first.specs)
	}
	ordered := false
	if at < len(first.specs) {
		switch first.specs[at].(type) {
		case *sortSpec, *statsSpec:
			ordered = true
		}
	}
	if !ordered {
		first.specs = slices.Insert(first.specs, at, spec(&sortSpec{}))
	}
	first.specs = slices.Insert(first.specs, at, spec(matchedSpec{}))
	if last.events && !last.displayed {
		if len(last.columns) == 0 {
			for _, name := range []string{"@timestamp", "@message"} {
				if at, ok := last.resolve(q, token{text: name, path: []string{name}}).(slot); ok {
					last.show(name, at)
				}
			}
		}
	}
	if !last.displayed {
		for _, c := range last.extra {
			last.show(c.name, c.of)
		}
	}
	q.required = requirements(q)
}

// sortLate moves sorts behind what looks at each row by itself, which leaves the order as it is, so that no row is kept
// that is not wanted. Of several sorts the last counts.
func sortLate(specs []spec) []spec {
	var moved []spec
	var held spec
	for _, x := range specs {
		switch x := x.(type) {
		case *sortSpec:
			held = x
			continue
		default:
			if held != nil && !x.rowwise() {
				moved, held = append(moved, held), nil
			}
		}
		moved = append(moved, x)
	}
	if held != nil {
		moved = append(moved, held)
	}
	return moved
}
