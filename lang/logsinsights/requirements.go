package logsinsights

import (
	"regexp/syntax"
	"slices"
)

// Requirement is a condition that each event of the result meets: a field of the event is one of some texts, or contains
// one of them.
type Requirement struct {
	// Field is one of Query.Needs.
	Field string
	// AnyOf are the texts.
	AnyOf []string
	// Whole tells that the field is equal to the text, where both are not numbers.
	Whole bool
}

// Requirements returns what all events of the result meet. There may be more than is found here.
func (q *Query) Requirements() []Requirement { return q.required }

// requirements looks at the filters before anything that makes rows of several events.
func requirements(q *Query) []Requirement {
	var found []Requirement
	for _, sp := range q.segments[0].specs {
		f, ok := sp.(*filterSpec)
		switch {
		case ok:
			found = q.conditions(f.by, found)
		case !sp.rowwise():
			return found
		}
	}
	return found
}

// conditions adds those of an expression that is true.
func (q *Query) conditions(e expr, found []Requirement) []Requirement {
	switch e := e.(type) {
	case *binary:
		switch e.op {
		case "and":
			return q.conditions(e.b, q.conditions(e.a, found))
		case "or":
			// Both sides may be alternatives for one field.
			a, b := q.conditions(e.a, nil), q.conditions(e.b, nil)
			if len(a) == 1 && len(b) == 1 && a[0].Field == b[0].Field && a[0].Whole == b[0].Whole {
				return append(found, Requirement{a[0].Field, slices.Concat(a[0].AnyOf, b[0].AnyOf), a[0].Whole})
			}
		case "=":
			field, ok := q.needOf(e.a)
			c, literal := e.b.(constant)
			if !ok || !literal {
				field, ok = q.needOf(e.b)
				c, literal = e.a.(constant)
			}
			if text, is := wholeText(c); ok && literal && is {
				return append(found, Requirement{field, []string{text}, true})
			}
		}
	case *in:
		field, ok := q.needOf(e.a)
		r := Requirement{Field: field, Whole: true}
		for _, x := range e.list {
			c, literal := x.(constant)
			text, is := wholeText(c)
			ok = ok && literal && is
			r.AnyOf = append(r.AnyOf, text)
		}
		if ok {
			return append(found, r)
		}
	case *like:
		field, ok := q.needOf(e.a)
		text := ""
		if c, literal := e.text.(constant); literal {
			text = c.v.String()
		} else if e.pattern != nil {
			text = literalOf(e.pattern.String())
		}
		if ok && text != "" {
			return append(found, Requirement{field, []string{text}, false})
		}
	}
	return found
}

// wholeText returns a literal that only the same text is equal to: not a number, which may be written in many ways.
func wholeText(c constant) (string, bool) {
	_, isNumber := c.v.number()
	return c.v.str, c.v.kind == kindString && !isNumber && c.v.str != ""
}

// needOf returns the field of the event that an expression is.
func (q *Query) needOf(e expr) (string, bool) {
	if at, ok := e.(slot); ok {
		if need := q.segments[0].needs[at]; need >= 0 {
			return q.needs[need], true
		}
	}
	return "", false
}

// literalOf returns the longest text that all matches of a regular expression contain, as far as it is plain to see.
func literalOf(pattern string) string {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return ""
	}
	return longest(re.Simplify())
}

func longest(re *syntax.Regexp) string {
	switch re.Op {
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase == 0 {
			return string(re.Rune)
		}
	case syntax.OpCapture, syntax.OpPlus:
		return longest(re.Sub[0])
	case syntax.OpConcat:
		best := ""
		for _, sub := range re.Sub {
			if s := longest(sub); len(s) > len(best) {
				best = s
			}
		}
		return best
	default:
	}
	return ""
}
