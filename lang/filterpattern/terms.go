package filterpattern

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// term is a text that a message must hold, or a regular expression that it must match.
type term struct {
	text string
	re   *regexp.Regexp
}

func (t term) in(message string) bool {
	if t.re != nil {
		return t.re.MatchString(message)
	}
	return strings.Contains(message, t.text)
}

// termPattern is an unstructured pattern. all holds the required terms, then the excluded, then the optional ones.
type termPattern struct {
	all      []term
	required int
	excluded int
}

func parseTerms(in *input) (*termPattern, *Error) {
	var required, excluded, optional []term
	for in.space(); in.pos < len(in.text); in.space() {
		list := &required
		switch in.peek() {
		case '-':
			list = &excluded
			in.pos++
			in.space() // the guide once wrote: "ERROR" - "Exiting"
		case '?':
			list = &optional
			in.pos++
		}
		t, err := parseTerm(in)
		if err != nil {
			return nil, err
		}
		*list = append(*list, t)
	}
	if len(required)+len(excluded) > 0 {
		// The guide: the question mark is ignored where other terms stand beside it.
		required, optional = append(required, optional...), nil
	}
	all := append(append(append([]term(nil), required...), excluded...), optional...)
	return &termPattern{all: all, required: len(required), excluded: len(excluded)}, nil
}

func parseTerm(in *input) (term, *Error) {
	switch in.peek() {
	case '"':
		text, err := in.quoted()
		return term{text: text}, err
	case '%':
		re, err := in.regex()
		return term{re: re}, err
	}
	begin := in.pos
	ok := true
	for in.pos < len(in.text) && !isSpace(in.peek()) {
		r, size := utf8.DecodeRuneInString(in.text[in.pos:])
		ok = ok && (r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r))
		in.pos += size
	}
	text := in.text[begin:in.pos]
	if !ok || text == "" {
		return term{}, &Error{begin, fmt.Sprintf("Invalid character(s) in term '%s'", text), "other characters than letters, digits and _ stand in quotes"}
	}
	return term{text: text}, nil
}

func (p *termPattern) match(message string) bool {
	for _, t := range p.all[:p.required] {
		if !t.in(message) {
			return false
		}
	}
	for _, t := range p.all[p.required : p.required+p.excluded] {
		if t.in(message) {
			return false
		}
	}
	optional := p.all[p.required+p.excluded:]
	for _, t := range optional {
		if t.in(message) {
			return true
		}
	}
	return len(optional) == 0
}
