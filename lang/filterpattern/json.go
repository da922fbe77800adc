package filterpattern

import (
	"slices"
	"strconv"
	"strings"
)

// jsonPattern is a JSON pattern: { $.code >= 500 && $.user IS NULL }. All its selectors are one tree, so that one pass
// over a message finds all values.
type jsonPattern struct {
	tree   *step
	leaves []jsonLeaf
	root   *expr
}

// test is what a leaf asks of the values of its selector.
type test int

const (
	compares test = iota
	isNull
	isTrue
	isFalse
	exists
	notExists
)

type jsonLeaf struct {
	test test
	comparison
}

// step is a place in messages that selectors pass or end at.
type step struct {
	keys   []string
	byKey  []*step // beside keys
	places []int
	byItem []*step // beside places
	all    *step   // [*]
	ends   []int   // the leaves whose selectors end here
}

func newJSONPattern() *jsonPattern { return &jsonPattern{tree: &step{}} }

func parseJSON(in *input) (*jsonPattern, *Error) {
	in.pos++ // the brace
	p := newJSONPattern()
	root, err := parseExpr(in, func() (*expr, *Error) { return p.parseLeaf(in) })
	if err != nil {
		return nil, err
	}
	if !in.accept("}") {
		return nil, in.fail("expected &&, || or }")
	}
	in.space()
	if in.pos < len(in.text) {
		return nil, in.fail("expected the pattern to end")
	}
	p.root = root
	return p, nil
}

func (p *jsonPattern) parseLeaf(in *input) (*expr, *Error) {
	n := len(p.leaves)
	if n == maxLeaves {
		return nil, in.fail("too many conditions")
	}
	if err := p.selector(in, n); err != nil {
		return nil, err
	}
	l := jsonLeaf{}
	switch {
	case in.word("IS"):
		switch {
		case in.word("NULL"):
			l.test = isNull
		case in.word("TRUE"):
			l.test = isTrue
		case in.word("FALSE"):
			l.test = isFalse
		default:
			return nil, in.fail("expected NULL, TRUE or FALSE")
		}
	case in.word("NOT"):
		if !in.word("EXISTS") {
			return nil, in.fail("expected EXISTS")
		}
		l.test = notExists
	case in.word("EXISTS"):
		l.test = exists
	default:
		var err *Error
		if l.comparison, err = parseComparison(in, "(){}"); err != nil {
			return nil, err
		}
	}
	p.leaves = append(p.leaves, l)
	return &expr{leaf: n}, nil
}

// selector reads $.a.b[0]["c d"][*] and puts it into the tree, ending with a leaf.
func (p *jsonPattern) selector(in *input, leaf int) *Error {
	if !in.accept("$") {
		return in.fail("expected a selector that begins with $")
	}
	at := p.tree
	for {
		dot := in.peek() == '.'
		if dot {
			in.pos++
		}
		switch {
		case in.peek() == '[':
			next, err := in.bracket(at)
			if err != nil {
				return err
			}
			at = next
		case dot:
			begin := in.pos
			for in.pos < len(in.text) && !isSpace(in.peek()) && strings.IndexByte(".=!<>[](){}&|,\"'%*", in.peek()) < 0 {
				in.pos++
			}
			if in.pos == begin {
				return in.fail("expected the name of a property")
			}
			at = at.key(in.text[begin:in.pos])
		default:
			if at == p.tree {
				return in.fail("expected . or [ after $")
			}
			at.ends = append(at.ends, leaf)
			return nil
		}
	}
}

// bracket reads [0], [*], ["name"] or ['name'].
func (in *input) bracket(at *step) (*step, *Error) {
	in.pos++
	in.space()
	var next *step
	switch c := in.peek(); {
	case c == '"' || c == '\'':
		name, err := in.quoted()
		if err != nil {
			return nil, err
		}
		next = at.key(name)
	case c == '*':
		in.pos++
		if at.all == nil {
			at.all = &step{}
		}
		next = at.all
	default:
		begin := in.pos
		for c := in.peek(); c >= '0' && c <= '9'; c = in.peek() {
			in.pos++
		}
		place, err := strconv.Atoi(in.text[begin:in.pos])
		if err != nil {
			return nil, in.fail("expected a number, * or a name in quotes")
		}
		next = at.item(place)
	}
	if !in.accept("]") {
		return nil, in.fail("expected ]")
	}
	return next, nil
}

func (s *step) key(name string) *step {
	if i := slices.Index(s.keys, name); i >= 0 {
		return s.byKey[i]
	}
	next := &step{}
	s.keys, s.byKey = append(s.keys, name), append(s.byKey, next)
	return next
}

func (s *step) item(place int) *step {
	if i := slices.Index(s.places, place); i >= 0 {
		return s.byItem[i]
	}
	next := &step{}
	s.places, s.byItem = append(s.places, place), append(s.byItem, next)
	return next
}

func (p *jsonPattern) match(message string) bool {
	s := scanner{text: message, pattern: p}
	if !s.run() {
		return false
	}
	for i := range p.leaves {
		if p.leaves[i].test == notExists && !s.found.has(i) {
			s.verdicts.set(i)
		}
	}
	return p.root.eval(&s.verdicts)
}

// see holds a value against a leaf. Like AWS, a comparison is true only of strings, numbers and booleans: neither
// "= x" nor "!= x" holds for an array, an object, null, or nothing.
func (l *jsonLeaf) see(kind kind, text string) bool {
	switch l.test {
	case isNull:
		return kind == nullKind
	case isTrue:
		return kind == boolKind && text == "true"
	case isFalse:
		return kind == boolKind && text == "false"
	case exists:
		return true
	case notExists:
		return false
	case compares:
		return (kind == stringKind || kind == numberKind || kind == boolKind) && l.holds(text, kind == numberKind)
	}
	return false
}

// value returns the first string, number or boolean that the only selector of the tree finds.
func (p *jsonPattern) value(message string) (string, bool) {
	s := scanner{text: message, pattern: p}
	if !s.run() || !s.hasValue {
		return "", false
	}
	return s.value, true
}
