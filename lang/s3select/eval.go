package s3select

import (
	"math"
	"strings"
	"time"
)

func (l *literal) eval(*Execution) (Value, error) { return l.value, nil }

func (r *reference) eval(x *Execution) (Value, error) { return x.record.at(r.path) }

// follow goes a path from a value.
func follow(v Value, path []step) Value {
	for _, s := range path {
		switch c := v.(type) {
		case *Object:
			if s.index >= 0 {
				return Missing{}
			}
			v = c.field(s.name, s.quoted)
		case List:
			if s.index < 0 || s.index >= len(c) {
				return Missing{}
			}
			v = c[s.index]
		default:
			return Missing{}
		}
	}
	return v
}

// truth is a value as a condition; known is false for neither.
func truth(v Value) (value, known bool) { return boolean(v) }

func (u *unary) eval(x *Execution) (Value, error) {
	v, err := u.a.eval(x)
	if err != nil {
		return nil, err
	}
	if u.op == "NOT" {
		if t, known := truth(v); known {
			return !t, nil
		}
		return nil, nil
	}
	if unknown(v) {
		return nil, nil
	}
	i, f, whole, ok := number(v)
	switch {
	case !ok:
		return nil, fail("InvalidDataType", "The SQL expression contains a non-valid data type: %q is no number.", text(v))
	case whole:
		return -i, nil
	}
	return -f, nil
}

func (b *binary) eval(x *Execution) (Value, error) {
	left, err := b.a.eval(x)
	if err != nil {
		return nil, err
	}
	if b.op == "AND" || b.op == "OR" {
		stop := b.op == "OR" // the value that decides
		l, lk := truth(left)
		if lk && l == stop {
			return stop, nil
		}
		right, err := b.b.eval(x)
		if err != nil {
			return nil, err
		}
		r, rk := truth(right)
		switch {
		case rk && r == stop:
			return stop, nil
		case lk && rk:
			return !stop, nil
		}
		return nil, nil
	}
	right, err := b.b.eval(x)
	if err != nil {
		return nil, err
	}
	switch b.op {
	case "=", "<>", "!=", "<", "<=", ">", ">=":
		return compared(b.op, left, right), nil
	}
	return arithmetic(b.op, left, right)
}

func compared(op string, a, b Value) Value {
	c, ok := compare(a, b)
	if !ok {
		if !unknown(a) && !unknown(b) && (op == "<>" || op == "!=") {
			return true
		}
		return nil
	}
	switch op {
	case "=":
		return c == 0
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	case ">=":
		return c >= 0
	}
	return c != 0
}

func arithmetic(op string, a, b Value) (Value, error) {
	if unknown(a) || unknown(b) {
		return nil, nil
	}
	if op == "||" {
		return text(a) + text(b), nil
	}
	ai, af, aw, aok := number(a)
	bi, bf, bw, bok := number(b)
	if !aok || !bok {
		return nil, fail("InvalidDataType", "The SQL expression contains a non-valid data type: %q and %q are not both numbers.", text(a), text(b))
	}
	if aw && bw {
		return integers(op, ai, bi)
	}
	switch op {
	case "+":
		return af + bf, nil
	case "-":
		return af - bf, nil
	case "*":
		return af * bf, nil
	}
	if bf == 0 {
		return nil, divisionByZero()
	}
	if op == "/" {
		return af / bf, nil
	}
	return math.Mod(af, bf), nil
}

func divisionByZero() error {
	return fail("EvaluatorInvalidArguments", "The SQL expression divides by zero.")
}

func integers(op string, a, b int64) (Value, error) {
	overflow := func(over bool, v int64) (Value, error) {
		if over {
			return nil, fail("IntegerOverflow", "An integer overflow or underflow occurred in the SQL expression.")
		}
		return v, nil
	}
	switch op {
	case "+":
		return overflow((a+b > a) != (b > 0) && b != 0, a+b)
	case "-":
		return overflow((a-b < a) != (b > 0) && b != 0, a-b)
	case "*":
		return overflow(a != 0 && (a*b/a != b || a == -1 && b == math.MinInt64), a*b)
	}
	switch {
	case b == 0:
		return nil, divisionByZero()
	case b == -1:
		if op == "%" {
			return int64(0), nil
		}
		return overflow(a == math.MinInt64, -a)
	case op == "/":
		return a / b, nil
	}
	return a % b, nil
}

func (b *between) eval(x *Execution) (Value, error) {
	e := &binary{"AND", &binary{">=", b.a, b.low}, &binary{"<=", b.a, b.high}}
	return e.eval(x)
}

func (n *in) eval(x *Execution) (Value, error) {
	v, err := n.a.eval(x)
	if err != nil {
		return nil, err
	}
	var result Value = false
	for _, e := range n.list {
		w, err := e.eval(x)
		if err != nil {
			return nil, err
		}
		switch compared("=", v, w) {
		case true:
			return true, nil
		case nil:
			if unknown(v) || unknown(w) {
				result = nil
			}
		}
	}
	return result, nil
}

func (l *like) eval(x *Execution) (Value, error) {
	v, err := l.a.eval(x)
	if err != nil {
		return nil, err
	}
	p, err := l.pattern.eval(x)
	if err != nil {
		return nil, err
	}
	escape := rune(-1)
	if l.escape != nil {
		e, err := l.escape.eval(x)
		if err != nil {
			return nil, err
		}
		runes := []rune(text(e))
		if len(runes) != 1 {
			return nil, fail("LikeInvalidInputs", "A non-valid argument given to the LIKE clause in the SQL expression.")
		}
		escape = runes[0]
	}
	if unknown(v) || unknown(p) {
		return nil, nil
	}
	s, ok := v.(string)
	pattern, pok := p.(string)
	if !ok || !pok {
		return nil, fail("LikeInvalidInputs", "A non-valid argument given to the LIKE clause in the SQL expression.")
	}
	return matches([]rune(s), compileLike(pattern, escape)), nil
}

// Wildcards of a compiled pattern, which are no characters.
const (
	anyText rune = -1 - iota
	anyOne
)

func compileLike(pattern string, escape rune) (out []rune) {
	escaped := false
	for _, r := range pattern {
		switch {
		case escaped:
			out, escaped = append(out, r), false
		case r == escape:
			escaped = true
		case r == '%':
			out = append(out, anyText)
		case r == '_':
			out = append(out, anyOne)
		default:
			out = append(out, r)
		}
	}
	return out
}

// matches goes back to the last "%" only, so that it takes no more than the product of both lengths.
func matches(s, p []rune) bool {
	i, j, star, from := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case j < len(p) && p[j] == anyText:
			star, from = j, i
			j++
		case j < len(p) && (p[j] == anyOne || p[j] == s[i]):
			i, j = i+1, j+1
		case star >= 0:
			from++
			i, j = from, star+1
		default:
			return false
		}
	}
	for j < len(p) && p[j] == anyText {
		j++
	}
	return j == len(p)
}

func (s *is) eval(x *Execution) (Value, error) {
	v, err := s.a.eval(x)
	if err != nil {
		return nil, err
	}
	if s.missing {
		_, missing := v.(Missing)
		return missing, nil
	}
	return unknown(v), nil
}

func (c *caseOf) eval(x *Execution) (Value, error) {
	var operand Value
	if c.operand != nil {
		var err error
		if operand, err = c.operand.eval(x); err != nil {
			return nil, err
		}
	}
	for i, w := range c.when {
		v, err := w.eval(x)
		if err != nil {
			return nil, err
		}
		if c.operand != nil {
			v = compared("=", operand, v)
		}
		if t, known := truth(v); known && t {
			return c.then[i].eval(x)
		}
	}
	if c.otherwise == nil {
		return nil, nil
	}
	return c.otherwise.eval(x)
}

func (c *cast) eval(x *Execution) (Value, error) {
	v, err := c.a.eval(x)
	if err != nil || unknown(v) {
		return v, err
	}
	if out, ok := convert(v, c.typ); ok {
		return out, nil
	}
	return nil, fail("CastFailed", "Attempt to convert from one data type to another using CAST failed in the SQL expression: %q to %s.", text(v), c.typ)
}

func convert(v Value, typ string) (Value, bool) {
	switch typ {
	case "STRING":
		return text(v), true
	case "BOOL":
		if b, ok := boolean(v); ok {
			return b, true
		}
		_, f, _, ok := number(v)
		return f != 0, ok
	case "TIMESTAMP":
		if t, ok := v.(time.Time); ok {
			return t, true
		}
		t, err := parseTime(strings.TrimSpace(text(v)))
		return t, err == nil
	}
	if b, ok := v.(bool); ok {
		v = int64(bit(b))
	}
	i, f, whole, ok := number(v)
	switch {
	case !ok:
		return nil, false
	case typ == "FLOAT":
		return f, true
	case typ == "DECIMAL":
		if whole {
			return i, true
		}
		return f, true
	case whole:
		return i, true
	}
	if math.Abs(f) >= math.MaxInt64 {
		return nil, false
	}
	return int64(f), true
}
