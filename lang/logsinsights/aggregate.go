package logsinsights

import (
	"cmp"
	"hash/maphash"
	"math"
	"slices"
	"strings"
)

// accumulator computes an aggregation of a group.
type accumulator interface {
	// add takes a row's value and returns how much more memory is in use.
	add(v Value, r *row) int
	value() Value
}

// aggregate is a function of the stats command.
type aggregate struct {
	// make takes the second argument of the function, if it has one.
	make func(x *Execution, parameter float64) accumulator
	// rows tells that the function may count rows, without an argument or with an asterisk.
	rows      bool
	parameter bool
}

// aggregates are the functions by their names in lower case.
var aggregates = map[string]*aggregate{
	"count":          {make: func(*Execution, float64) accumulator { return &counter{} }, rows: true},
	"count_distinct": {make: func(x *Execution, _ float64) accumulator { return &distinct{seen: map[uint64]struct{}{}} }},
	"sum":            {make: func(*Execution, float64) accumulator { return &moments{of: sumOf} }},
	"avg":            {make: func(*Execution, float64) accumulator { return &moments{of: meanOf} }},
	"stddev":         {make: func(*Execution, float64) accumulator { return &moments{of: deviationOf} }},
	"min":            {make: func(*Execution, float64) accumulator { return &chosen{better: first} }},
	"max":            {make: func(*Execution, float64) accumulator { return &chosen{better: last} }},
	"sortsfirst":     {make: func(*Execution, float64) accumulator { return &chosen{better: first} }},
	"sortslast":      {make: func(*Execution, float64) accumulator { return &chosen{better: last} }},
	"earliest": {make: func(*Execution, float64) accumulator {
		return &chosen{better: func(c *chosen, _ Value, time int64) bool { return time < c.time }}
	}},
	"latest": {make: func(*Execution, float64) accumulator {
		return &chosen{better: func(c *chosen, _ Value, time int64) bool { return time >= c.time }}
	}},
	"pct":    {make: func(_ *Execution, p float64) accumulator { return &percentile{p: p} }, parameter: true},
	"median": {make: func(*Execution, float64) accumulator { return &percentile{p: 50} }},
}

// counter counts the values that are there.
type counter struct{ n int64 }

func (c *counter) add(v Value, _ *row) int {
	if v.Present() {
		c.n++
	}
	return 0
}

func (c *counter) value() Value { return number(float64(c.n)) }

// distinct counts different values by their hashes of 64 bits.
type distinct struct{ seen map[uint64]struct{} }

var seed = maphash.MakeSeed()

func (d *distinct) add(v Value, _ *row) int {
	if !v.Present() {
		return 0
	}
	h := maphash.Bytes(seed, appendKey(make([]byte, 0, 64), v))
	if _, ok := d.seen[h]; ok {
		return 0
	}
	d.seen[h] = struct{}{}
	return 24
}

func (d *distinct) value() Value { return number(float64(len(d.seen))) }

// moments are the count, the mean and the spread of numbers.
type moments struct {
	n, mean, spread, sum float64
	of                   func(*moments) float64
}

func sumOf(m *moments) float64       { return m.sum }
func meanOf(m *moments) float64      { return m.sum / m.n }
func deviationOf(m *moments) float64 { return math.Sqrt(m.spread / m.n) }

func (m *moments) add(v Value, _ *row) int {
	n, ok := v.number()
	if !ok {
		return 0
	}
	m.n++
	m.sum += n
	delta := n - m.mean
	m.mean += delta / m.n
	m.spread += delta * (n - m.mean)
	return 0
}

func (m *moments) value() Value {
	if m.n == 0 {
		return Value{}
	}
	return number(m.of(m))
}

// chosen is one of the values.
type chosen struct {
	v      Value
	time   int64
	better func(c *chosen, v Value, time int64) bool
}

func first(c *chosen, v Value, _ int64) bool { return naturally(v, c.v) < 0 }
func last(c *chosen, v Value, _ int64) bool  { return naturally(v, c.v) > 0 }

func (c *chosen) add(v Value, r *row) int {
	if !v.Present() || c.v.Present() && !c.better(c, v, r.time) {
		return 0
	}
	grown := v.size() - c.v.size()
	v.str = strings.Clone(v.str)
	c.v, c.time = v, r.time
	return grown
}

func (c *chosen) value() Value {
	if n, ok := c.v.number(); ok && c.v.kind == kindString {
		return number(n)
	}
	return c.v
}

// percentile keeps all numbers.
type percentile struct {
	p  float64
	ns []float64
}

func (p *percentile) add(v Value, _ *row) int {
	n, ok := v.number()
	if !ok {
		return 0
	}
	before := cap(p.ns)
	p.ns = append(p.ns, n)
	return (cap(p.ns) - before) * 8
}

func (p *percentile) value() Value {
	if len(p.ns) == 0 {
		return Value{}
	}
	slices.Sort(p.ns)
	at := int(math.Ceil(p.p/100*float64(len(p.ns)))) - 1
	return number(p.ns[min(max(at, 0), len(p.ns)-1)])
}

// aggregation is an aggregate with its argument, in a stats command.
type aggregation struct {
	*aggregate
	of        expr // nil counts rows
	parameter float64
	to        int
}

// aggregate reads an aggregation's arguments, from the parenthesis on, and returns where its value will be.
func (p *parser) aggregate(name token, agg *aggregate) (expr, *Error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	a := aggregation{aggregate: agg}
	wrong := func() *Error {
		return p.lex.fail(name.start, p.tok.end, "Invalid arguments for function: %s", name.text)
	}
	switch {
	case p.tok.is("*") && agg.rows:
		if err := p.advance(); err != nil {
			return nil, err
		}
	case p.tok.is(")") && agg.rows:
	default:
		p.inner = true
		of, err := p.expression()
		p.inner = false
		if err != nil {
			return nil, err
		}
		a.of = of
	}
	if agg.parameter {
		if err := p.expect(","); err != nil {
			return nil, err
		}
		e, err := p.sum()
		if err != nil {
			return nil, err
		}
		c, ok := e.(constant)
		if !ok || c.v.kind != kindNumber || c.v.num < 0 || c.v.num > 100 {
			return nil, wrong()
		}
		a.parameter = c.v.num
	}
	if !p.tok.is(")") {
		return nil, wrong()
	}
	a.to = p.stats.out.add("")
	p.stats.aggs = append(p.stats.aggs, a)
	return slot(a.to), p.advance()
}

// statsSpec is a stats command.
type statsSpec struct {
	keys  []expr
	keyTo []int
	aggs  []aggregation
	// from are computed of the aggregations, in the rows of out.
	from []expr
	to   []int
	out  *segment
}

func (s *statsSpec) rowwise() bool { return false }
func (s *statsSpec) start(x *Execution, _ []spec, next stage) stage {
	return &grouping{statsSpec: s, x: x, groups: map[string]*group{}, next: next}
}

// grouping is a stats command at work.
type grouping struct {
	*statsSpec
	x      *Execution
	groups map[string]*group
	next   stage
	key    []byte
}

type group struct {
	keys []Value
	accs []accumulator
}

func (s *grouping) push(r *row) error {
	s.key = s.key[:0]
	var few [fewArgs]Value
	keys := few[:0]
	for _, e := range s.keys {
		v := e.eval(r)
		keys = append(keys, v)
		s.key = appendKey(s.key, v)
	}
	g := s.groups[string(s.key)]
	used := 0
	if g == nil {
		g = &group{keys: slices.Clone(keys), accs: make([]accumulator, len(s.aggs))}
		used = len(s.key) + 96
		for i, v := range g.keys {
			g.keys[i].str = strings.Clone(v.str)
			used += v.size()
		}
		for i, a := range s.aggs {
			g.accs[i] = a.make(s.x, a.parameter)
			used += 128
		}
		s.groups[string(s.key)] = g
	}
	for i, a := range s.aggs {
		v := boolean(true)
		if a.of != nil {
			v = a.of.eval(r)
		}
		used += g.accs[i].add(v, r)
	}
	if used == 0 {
		return nil
	}
	return s.x.charge(used)
}

func (s *grouping) flush() error {
	groups := make([]*group, 0, len(s.groups))
	for _, g := range s.groups {
		groups = append(groups, g)
	}
	s.groups = nil
	slices.SortFunc(groups, func(a, b *group) int {
		for i := range a.keys {
			if c := naturally(a.keys[i], b.keys[i]); c != 0 {
				return c
			}
		}
		// Texts of different digits may be the same number.
		return cmp.Compare(joined(a.keys), joined(b.keys))
	})
	for i, g := range groups {
		r := newRow(s.x, s.out)
		r.seq = int64(i)
		for k, v := range g.keys {
			r.set(s.keyTo[k], v)
		}
		for k, a := range s.aggs {
			r.set(a.to, g.accs[k].value())
		}
		for k, e := range s.from {
			r.set(s.to[k], e.eval(r))
		}
		if err := s.next.push(r); err != nil {
			return err
		}
	}
	return s.next.flush()
}

func joined(keys []Value) string {
	var b []byte
	for _, v := range keys {
		b = appendKey(b, v)
	}
	return string(b)
}

// appendKey appends bytes that tell values apart.
func appendKey(b []byte, v Value) []byte {
	if v.kind == kindNull {
		return append(b, 0)
	}
	s := v.String()
	b = append(b, 1)
	for len(s) > 0 {
		i := strings.IndexByte(s, 0)
		if i < 0 {
			b = append(b, s...)
			break
		}
		b = append(append(b, s[:i]...), 0, 0xff)
		s = s[i+1:]
	}
	return append(b, 0, 1)
}
