package filterpattern

import (
	"fmt"
	"strings"
)

// MaxBytes is the longest pattern that the API takes.
const MaxBytes = 1024

// Pattern is a parsed filter pattern. It is immutable.
type Pattern struct {
	text   string
	fields *fieldPattern // one of the three is set; none is the empty pattern, which every message matches
	json   *jsonPattern
	terms  *termPattern
}

// Error says why a pattern is none.
type Error struct {
	Position int    // in bytes from the pattern's begin, from 0
	Message  string // as the API says it
	Detail   string // what is wrong at Position
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s: %s at position %d", e.Message, e.Detail, e.Position)
}

const invalidPattern = "Invalid metric filter pattern"

// Parse reads a pattern. Its error is always an *Error.
func Parse(text string) (*Pattern, error) {
	if len(text) > MaxBytes {
		return nil, &Error{MaxBytes, invalidPattern, fmt.Sprintf("longer than %d bytes", MaxBytes)}
	}
	p := &Pattern{text: text}
	in := &input{text: text}
	in.space()
	var err *Error
	switch in.peek() {
	case 0:
	case '{':
		p.json, err = parseJSON(in)
	case '[':
		p.fields, err = parseFields(in)
	default:
		p.terms, err = parseTerms(in)
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// String returns the pattern as it was written.
func (p *Pattern) String() string { return p.text }

// UsesRegex tells whether there is a regular expression in the pattern; AWS allows only a few such filters per group.
func (p *Pattern) UsesRegex() bool { return strings.Contains(p.text, "%") && p.countRegex() > 0 }

func (p *Pattern) countRegex() int {
	n := 0
	count := func(c *comparison) {
		if c.re != nil {
			n++
		}
	}
	switch {
	case p.fields != nil:
		for i := range p.fields.leaves {
			count(&p.fields.leaves[i].comparison)
		}
	case p.json != nil:
		for i := range p.json.leaves {
			count(&p.json.leaves[i].comparison)
		}
	case p.terms != nil:
		for _, t := range p.terms.all {
			if t.re != nil {
				n++
			}
		}
	}
	return n
}

// Match tells whether a message matches.
func (p *Pattern) Match(message string) bool {
	switch {
	case p.json != nil:
		return p.json.match(message)
	case p.fields != nil:
		return p.fields.match(message)
	case p.terms != nil:
		return p.terms.match(message)
	}
	return true
}

// Extract matches a message and returns what TestMetricFilter calls its extracted values: for space-delimited patterns
// each field, by "$name" where the pattern names it and by "$3", its place from 1, where not. Other patterns have none.
func (p *Pattern) Extract(message string) (values map[string]string, matched bool) {
	if p.fields != nil {
		return p.fields.extract(message)
	}
	return map[string]string{}, p.Match(message)
}

// Selector takes a value out of messages: the metric value or a dimension of a metric filter.
type Selector struct {
	fields *fieldPattern
	slot   int // of fields, or -1: place is meant
	place  int // from 1
	json   *jsonPattern
}

// Selector compiles a reference to a value of the messages that the pattern matches: "$.latency" where it is a JSON
// pattern, "$bytes" or "$7" where it is a space-delimited one.
func (p *Pattern) Selector(ref string) (*Selector, error) {
	switch {
	case p.json != nil:
		in := &input{text: ref}
		j := newJSONPattern()
		if err := j.selector(in, 0); err != nil {
			return nil, err
		}
		if in.pos < len(ref) {
			return nil, in.fail("expected the selector to end")
		}
		return &Selector{json: j}, nil
	case p.fields != nil:
		return p.fields.selector(ref)
	}
	return nil, &Error{0, invalidPattern, fmt.Sprintf("no value %q: only JSON and space-delimited patterns have values", ref)}
}

// Value returns the value in a message, and whether it has one. It does not look whether the message matches.
func (s *Selector) Value(message string) (string, bool) {
	if s.json != nil {
		return s.json.value(message)
	}
	return s.fields.value(message, s.slot, s.place)
}
