package s3select

import "time"

// record is one record of a text.
type record interface {
	// at returns the value at a path; the empty path is the whole record.
	at(path []step) (Value, error)
}

// tree is a record of JSON, or a part of one.
type tree struct{ value Value }

func (t tree) at(path []step) (Value, error) { return follow(t.value, path), nil }

// Row is what a query selects of one record.
type Row struct {
	Names  []string
	Values []Value
}

// Execution runs a query over records. It is not safe for concurrent use.
type Execution struct {
	query  *Query
	now    time.Time
	record record
	states []state
	left   int64
}

// state is what an aggregate has come to.
type state struct {
	count int64
	value Value
}

// Start begins an execution; now is what UTCNOW tells.
func (q *Query) Start(now time.Time) *Execution {
	return &Execution{query: q, now: now.UTC(), states: make([]state, len(q.aggregates)), left: q.limit}
}

// Done tells that no further record changes anything.
func (x *Execution) Done() bool { return x.left == 0 && len(x.query.aggregates) == 0 }

// add takes a record of the text and calls emit with each row that is selected.
func (x *Execution) add(r record, emit func(*Row) error) error {
	if len(x.query.from) == 0 {
		return x.take(r, emit)
	}
	t, ok := r.(tree)
	if !ok { // CSV has nothing within: S3Object[*] is the record
		for _, s := range x.query.from {
			if !s.all {
				return fail("InvalidDataSource", "Paths of the data source are for JSON.")
			}
		}
		return x.take(r, emit)
	}
	from := x.query.from
	if from[0].all { // "S3Object[*]" stands for the records themselves
		from = from[1:]
	}
	return x.expand(t.value, from, emit)
}

// expand goes the data source's path, to all that it means.
func (x *Execution) expand(v Value, path []step, emit func(*Row) error) error {
	for i, s := range path {
		if !s.all {
			v = follow(v, []step{s})
			continue
		}
		var each []Value
		switch c := v.(type) {
		case List:
			each = c
		case *Object:
			each = c.Values
		}
		for _, e := range each {
			if x.Done() {
				return nil
			}
			if err := x.expand(e, path[i+1:], emit); err != nil {
				return err
			}
		}
		return nil
	}
	if _, missing := v.(Missing); missing {
		return nil
	}
	return x.take(tree{v}, emit)
}

// take selects from one record.
func (x *Execution) take(r record, emit func(*Row) error) error {
	if x.Done() {
		return nil
	}
	x.record = r
	if x.query.where != nil {
		v, err := x.query.where.eval(x)
		if err != nil {
			return err
		}
		if t, known := truth(v); !known || !t {
			return nil
		}
	}
	if len(x.query.aggregates) > 0 {
		return x.gather()
	}
	row := &Row{}
	if x.query.all {
		v, err := r.at(nil)
		if err != nil {
			return err
		}
		if o, ok := v.(*Object); ok {
			row.Names, row.Values = o.Names, o.Values
		} else {
			row.Names, row.Values = []string{"_1"}, []Value{v}
		}
	} else if err := x.project(row); err != nil {
		return err
	}
	if x.left > 0 {
		x.left--
	}
	return emit(row)
}

func (x *Execution) project(row *Row) error {
	for _, c := range x.query.columns {
		v, err := c.expr.eval(x)
		if err != nil {
			return err
		}
		row.Names, row.Values = append(row.Names, c.name), append(row.Values, v)
	}
	return nil
}

// gather lets each aggregate take the record.
func (x *Execution) gather() error {
	for i, a := range x.query.aggregates {
		s := &x.states[i]
		if a.arg == nil {
			s.count++
			continue
		}
		v, err := a.arg.eval(x)
		if err != nil {
			return err
		}
		if unknown(v) {
			continue
		}
		s.count++
		switch a.name {
		case "SUM", "AVG":
			if _, _, _, ok := number(v); !ok {
				return fail("InvalidDataType", "The SQL expression contains a non-valid data type: %q is no number.", text(v))
			}
			if s.value == nil {
				s.value = int64(0)
			}
			if s.value, err = arithmetic("+", s.value, v); err != nil {
				return err
			}
		case "MIN", "MAX":
			if c, ok := compare(v, s.value); s.value == nil || ok && (c < 0) == (a.name == "MIN") {
				s.value = v
			}
		}
	}
	return nil
}

// finish calls emit with the row of aggregates, which comes at the end even of no records.
func (x *Execution) finish(emit func(*Row) error) error {
	if len(x.query.aggregates) == 0 || x.query.limit == 0 {
		return nil
	}
	row := &Row{}
	if err := x.project(row); err != nil {
		return err
	}
	return emit(row)
}

func (a *aggregate) eval(x *Execution) (Value, error) {
	s := x.states[a.slot]
	switch {
	case a.name == "COUNT":
		return s.count, nil
	case a.name == "AVG" && s.count > 0:
		_, f, _, _ := number(s.value)
		return f / float64(s.count), nil
	case s.value == nil:
		return nil, nil
	}
	return s.value, nil
}
