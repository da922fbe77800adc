package filterpattern

import (
	"regexp"
	"strconv"
	"strings"
)

type operator int

const (
	equal operator = iota
	notEqual
	less
	lessEqual
	greater
	greaterEqual
)

// operators in the order in which they are tried; "=!" is in the guide's examples beside "!=".
var operators = []struct {
	text string
	op   operator
}{
	{"!=", notEqual}, {"=!", notEqual}, {"<=", lessEqual}, {">=", greaterEqual}, {"=", equal}, {"<", less}, {">", greater},
}

// comparison is an operator with what a value is compared to.
type comparison struct {
	op      operator
	re      *regexp.Regexp // if set, instead of the rest
	text    string         // without the asterisks
	before  bool           // an asterisk stood before the text
	after   bool           // an asterisk stood after it
	number  float64
	numeric bool // text is a number
}

// parseComparison reads the operator and the operand; bare operands end at one of stops.
func parseComparison(in *input, stops string) (comparison, *Error) {
	in.space()
	c := comparison{op: -1}
	for _, o := range operators {
		if in.accept(o.text) {
			c.op = o.op
			break
		}
	}
	if c.op < 0 {
		return c, in.fail("expected an operator")
	}
	in.space()
	begin := in.pos
	wild := true
	var err *Error
	switch in.peek() {
	case '"':
		c.text, err = in.quoted()
	case '%':
		if c.op != equal && c.op != notEqual {
			return c, in.fail("a regular expression is compared with = or !=")
		}
		c.re, err = in.regex()
		wild = false
		if err == nil && in.regexes > maxRegexes {
			in.pos = begin
			return c, in.fail("more than %d regular expressions", maxRegexes)
		}
	default:
		c.text = in.bare(stops)
		if c.text == "" {
			return c, in.fail("expected a value")
		}
		c.number, c.numeric = parseNumber(c.text)
	}
	if err != nil {
		return c, err
	}
	if c.op != equal && c.op != notEqual {
		if !c.numeric {
			in.pos = begin
			return c, in.fail("expected a number")
		}
		return c, nil
	}
	if wild {
		c.text, c.before, c.after = cutAsterisks(c.text)
	}
	return c, nil
}

// cutAsterisks takes the asterisks off both ends of a text. Elsewhere an asterisk stands for itself.
func cutAsterisks(s string) (text string, before, after bool) {
	text, after = strings.CutSuffix(s, "*")
	text, before = strings.CutPrefix(text, "*")
	return text, before, after
}

// bare reads an operand without quotes.
func (in *input) bare(stops string) string {
	begin := in.pos
	for in.pos < len(in.text) {
		c := in.text[in.pos]
		if isSpace(c) || strings.IndexByte(stops, c) >= 0 || (c == '&' || c == '|') && strings.HasPrefix(in.text[in.pos+1:], string(c)) {
			break
		}
		in.pos++
	}
	return in.text[begin:in.pos]
}

// parseNumber reads an integer or decimal with an optional sign and exponent, and nothing else that strconv takes.
func parseNumber(s string) (float64, bool) {
	if s == "" || len(s) > 400 {
		return 0, false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < '0' || c > '9') && c != '+' && c != '-' && c != '.' && c != 'e' && c != 'E' {
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}

// holds compares a value; asNumber says that the value may be one.
func (c *comparison) holds(value string, asNumber bool) bool {
	if c.op == equal || c.op == notEqual {
		return c.same(value, asNumber) == (c.op == equal)
	}
	if !asNumber {
		return false
	}
	v, ok := parseNumber(value)
	if !ok {
		return false
	}
	switch c.op {
	case less:
		return v < c.number
	case lessEqual:
		return v <= c.number
	case greater:
		return v > c.number
	default:
		return v >= c.number
	}
}

func (c *comparison) same(value string, asNumber bool) bool {
	if c.re != nil {
		return c.re.MatchString(value)
	}
	if c.numeric && asNumber {
		if v, ok := parseNumber(value); ok {
			return v == c.number
		}
	}
	switch {
	case c.before && c.after:
		return strings.Contains(value, c.text)
	case c.before:
		return strings.HasSuffix(value, c.text)
	case c.after:
		return strings.HasPrefix(value, c.text)
	}
	return value == c.text
}

// expr is a tree of && and || over leaves, which are numbered.
type expr struct {
	or   bool
	kids []*expr // none: a leaf
	leaf int
}

// maxLeaves is more than fit into a pattern of MaxBytes.
const maxLeaves = 256

// bits are the verdicts on the leaves.
type bits [maxLeaves / 64]uint64

func (b *bits) set(i int)      { b[i/64] |= 1 << (i % 64) }
func (b *bits) has(i int) bool { return b[i/64]&(1<<(i%64)) != 0 }

func (e *expr) eval(b *bits) bool {
	if e.kids == nil {
		return b.has(e.leaf)
	}
	for _, k := range e.kids {
		if k.eval(b) == e.or {
			return e.or
		}
	}
	return !e.or
}

// parseExpr reads conditions joined by && and ||, the former first, and parentheses; leaf reads one condition.
func parseExpr(in *input, leaf func() (*expr, *Error)) (*expr, *Error) {
	var either []*expr
	for {
		var all []*expr
		for {
			e, err := parsePrimary(in, leaf)
			if err != nil {
				return nil, err
			}
			all = append(all, e)
			if !in.accept("&&") {
				break
			}
		}
		either = append(either, joined(all, false))
		if !in.accept("||") {
			return joined(either, true), nil
		}
	}
}

func parsePrimary(in *input, leaf func() (*expr, *Error)) (*expr, *Error) {
	if !in.accept("(") {
		return leaf()
	}
	e, err := parseExpr(in, leaf)
	if err != nil {
		return nil, err
	}
	if !in.accept(")") {
		return nil, in.fail("expected )")
	}
	return e, nil
}

func joined(kids []*expr, or bool) *expr {
	if len(kids) == 1 {
		return kids[0]
	}
	return &expr{or: or, kids: kids}
}
