package sensitivedata

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Span is a part of a text, in bytes: Start <= i < End.
type Span struct{ Start, End int }

// Identifier finds one type of data.
type Identifier struct {
	// Name is the managed identifier's name, such as "EmailAddress", or that of a custom one.
	Name string

	// data matches candidates; where it has a group, that is the data and the rest its surroundings.
	data *regexp.Regexp
	// valid takes a candidate, unless it is nil.
	valid func(candidate string) bool
	// keywords has one that stands within keywordReach before or behind the data; nil asks for none.
	keywords *regexp.Regexp
}

// keywordReach is how far a keyword may be from the data, as AWS has it.
const keywordReach = 30

// Managed returns the managed identifier of that name. Those with a name that AWS has and that are not here are nil, as
// are those that nobody has; Known tells them apart.
func Managed(name string) *Identifier { return managed[name] }

// Known tells whether AWS has a managed identifier of that name.
func Known(name string) bool {
	base, country, ofCountry := strings.Cut(name, "-")
	if !ofCountry {
		return managed[name] != nil || slices.Contains(others, name)
	}
	return managed[name] != nil || len(country) == 2 && slices.Contains(othersOfCountries, base)
}

// NewCustom returns a custom identifier.
func NewCustom(name, expression string) (*Identifier, error) {
	re, err := regexp.Compile(expression)
	if err != nil {
		return nil, fmt.Errorf("expression of %s: %w", name, err)
	}
	// A custom expression is the data as a whole, whatever groups it has.
	return &Identifier{Name: name, data: re, valid: func(s string) bool { return s != "" }}, nil
}

// Find returns where the data is in a text, in order.
func (d *Identifier) Find(text string) []Span {
	var found []Span
	for _, at := range d.data.FindAllStringSubmatchIndex(text, -1) {
		span := Span{at[0], at[1]}
		if d.valid == nil && len(at) > 2 && at[2] >= 0 {
			span = Span{at[2], at[3]}
		}
		if span.Start == span.End || d.valid != nil && !d.valid(text[span.Start:span.End]) {
			continue
		}
		if d.keywords != nil && !d.near(text, span) {
			continue
		}
		found = append(found, span)
	}
	return found
}

// near tells whether a keyword stands near the data.
func (d *Identifier) near(text string, at Span) bool {
	return d.keywords.MatchString(text[max(0, at.Start-keywordReach):at.Start]) ||
		d.keywords.MatchString(text[at.End:min(len(text), at.End+keywordReach)])
}

// Mask returns the text with an asterisk in the place of each character of the spans, which may overlap and come in any
// order.
func Mask(text string, spans []Span) string {
	if len(spans) == 0 {
		return text
	}
	sorted := slices.SortedFunc(slices.Values(spans), func(a, b Span) int { return cmp.Compare(a.Start, b.Start) })
	var out strings.Builder
	at := 0
	for _, s := range sorted {
		if s.End <= at {
			continue
		}
		start := max(s.Start, at)
		out.WriteString(text[at:start])
		out.WriteString(strings.Repeat("*", utf8.RuneCountInString(text[start:s.End])))
		at = s.End
	}
	out.WriteString(text[at:])
	return out.String()
}
