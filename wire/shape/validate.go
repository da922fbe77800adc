package shape

import (
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"drydock/aws"
)

// Validate checks an input, a pointer to the operation's input structure, against the model and returns nil or the
// error that the operation's API answers. missing is what the decoder recorded; it is nil for a call made in process,
// where required scalars count as present.
//
// Some APIs leave validation to the service, which has errors of its own; S3 and ec2 ask only for what is required.
func Validate(op *aws.Operation, in any, missing *Missing) error {
	p := policyOf(op)
	s, v := StructureOf(in)
	if p.style == off || !s.checked && len(missing.Paths()) == 0 {
		return nil
	}
	c := checker{style: p.style, missing: missing.Paths()}
	for _, path := range c.missing {
		c.absent(path)
	}
	c.structure(s, v)
	if len(c.violations) == 0 {
		return nil
	}
	var shown *aws.Error
	switch p.style {
	case object:
		return objectError(s, c.violations[0])
	case invalidAt, parameters:
		shown = aws.NewError(400, p.code, "%s", c.violations[0])
	default:
		noun := "errors"
		if len(c.violations) == 1 {
			noun = "error"
		}
		shown = aws.NewError(400, p.code, "%d validation %s detected: %s",
			len(c.violations), noun, strings.Join(c.violations, "; "))
	}
	for _, e := range op.Errors {
		if e.Code == p.code {
			shown.Status = e.Status
			if e.Shape != e.Code {
				shown.Shape = e.Shape
			}
		}
	}
	return shown
}

// objectError is S3's error for a required member that is missing at path.
func objectError(s *Struct, path string) *aws.Error {
	first, rest, _ := strings.Cut(path, ".")
	for i := range s.Fields {
		f := &s.Fields[i]
		switch {
		case f.Label != first:
		case f.Location == Header:
			return aws.NewError(400, "InvalidRequest", "Missing required header for this request: %s", f.Name)
		case f.Location != Body:
			return aws.NewError(400, "InvalidRequest", "Missing required parameter for this request: %s", f.Name)
		case rest == "":
			return aws.NewError(400, "MissingRequestBodyError", "Request Body is empty")
		}
	}
	return aws.NewError(400, "MalformedXML",
		"The XML you provided was not well-formed or did not validate against our published schema")
}

const notNull = "Member must not be null"

// FillTokens sets the idempotency tokens the client did not send to UUIDs drawn from random.
func FillTokens(in any, random io.Reader) {
	s, v := StructureOf(in)
	for i := range s.Fields {
		f := &s.Fields[i]
		if !f.Token || f.Kind != String {
			continue
		}
		if fv, ok := f.Get(v); !ok || fv.Len() == 0 && !f.Pointer {
			f.SetString(v, aws.NewUUID(random))
		}
	}
}

// maxViolations bounds the message: a hostile list could hold millions of violations.
const maxViolations = 20

type checker struct {
	style      style
	steps      []step
	missing    []string
	violations []string
}

func (c *checker) structure(s *Struct, v reflect.Value) {
	for i := range s.Fields {
		f := &s.Fields[i]
		if !f.checked && !f.Required {
			continue
		}
		fv, ok := f.Get(v)
		if !ok {
			if f.Required && !f.Token {
				c.absent(c.at(f.Label))
			}
			continue
		}
		if !f.checked || len(c.missing) > 0 && slices.Contains(c.missing, c.at(f.Label)) {
			continue
		}
		c.steps = append(c.steps, step{name: f.Label})
		c.value(&f.Value, fv)
		c.steps = c.steps[:len(c.steps)-1]
	}
}

func (c *checker) value(p *Value, v reflect.Value) {
	if len(c.violations) >= maxViolations {
		return
	}
	if p.limits.any() && (c.style == joined || c.style == invalidAt) {
		for _, constraint := range p.limits.violated(p.Kind, v) {
			c.violated(p, v, constraint)
		}
	}
	switch p.Kind {
	case Structure:
		if p.Struct.checked {
			c.structure(p.Struct, v)
		}
	case List:
		c.list(p, v)
	case Map:
		c.entries(p, v)
	}
}

func (c *checker) list(p *Value, v reflect.Value) {
	if !p.Elem.checked {
		return
	}
	compound := p.Elem.Kind == Structure || p.Elem.Kind == List || p.Elem.Kind == Map
	for i := range v.Len() {
		if len(c.violations) >= maxViolations {
			return
		}
		if compound {
			c.steps = append(c.steps, step{index: i + 1})
			c.value(p.Elem, v.Index(i))
			c.steps = c.steps[:len(c.steps)-1]
			continue
		}
		if broken := p.Elem.limits.violated(p.Elem.Kind, v.Index(i)); len(broken) > 0 {
			c.members(p, v, "Member must satisfy constraint: [", p.Elem.limits)
			return
		}
	}
}

func (c *checker) entries(p *Value, v reflect.Value) {
	if !p.Elem.checked && !p.keys.any() {
		return
	}
	compound := p.Elem.Kind == Structure || p.Elem.Kind == List || p.Elem.Kind == Map
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	for _, key := range keys {
		if len(c.violations) >= maxViolations {
			return
		}
		if len(p.keys.violated(String, key)) > 0 {
			c.members(p, v, "Map keys must satisfy constraint: [", p.keys)
			return
		}
		if !p.Elem.checked {
			continue
		}
		if compound {
			c.steps = append(c.steps, step{name: key.String()})
			c.value(p.Elem, v.MapIndex(key))
			c.steps = c.steps[:len(c.steps)-1]
			continue
		}
		if len(p.Elem.limits.violated(p.Elem.Kind, v.MapIndex(key))) > 0 {
			c.members(p, v, "Map value must satisfy constraint: [", p.Elem.limits)
			return
		}
	}
}

// members reports elements, keys or values that violate one of l; AWS lists all the constraints on them.
func (c *checker) members(p *Value, v reflect.Value, prefix string, l limits) {
	if c.style == joined || c.style == invalidAt {
		c.violated(p, v, prefix+strings.Join(l.wordings(String), ", ")+"]")
	}
}

func (c *checker) absent(path string) {
	switch c.style {
	case parameters:
		name := path
		if i := strings.LastIndexByte(path, '.'); i >= 0 {
			name = path[i+1:]
		}
		c.violations = append(c.violations, "The request must contain the parameter "+upperFirst(name))
	case invalidAt:
		c.violations = append(c.violations, "Invalid parameter at '"+path+"' failed to satisfy constraint: 'must not be null'")
	case object:
		c.violations = append(c.violations, path)
	default:
		c.violations = append(c.violations, "Value null at '"+path+"' failed to satisfy constraint: "+notNull)
	}
}

func (c *checker) violated(p *Value, v reflect.Value, constraint string) {
	path := c.at("")
	if c.style == invalidAt {
		constraint = strings.TrimPrefix(constraint, "Member ")
		if i := strings.Index(constraint, "pattern: "); i >= 0 {
			constraint = "must satisfy regular expression '" + constraint[i+len("pattern: "):]
		}
		c.violations = append(c.violations,
			"Invalid parameter at '"+path+"' failed to satisfy constraint: '"+strings.TrimSuffix(constraint, "'")+"'")
		return
	}
	shown := ""
	if !p.Sensitive {
		shown = " '" + show(p, v) + "'"
	}
	c.violations = append(c.violations,
		"Value"+shown+" at '"+path+"' failed to satisfy constraint: "+constraint)
}

// at names the member last where the checker stands.
func (c *checker) at(last string) string {
	m := Missing{steps: c.steps}
	if last != "" {
		m.steps = append(slices.Clip(c.steps), step{name: last})
	}
	return m.path()
}

// violated words the constraints that v does not satisfy.
func (l *limits) violated(kind Kind, v reflect.Value) []string {
	var broken []string
	if n, sized := l.size(kind, v); sized {
		if l.hasMin && n < l.min {
			broken = append(broken, l.lower(kind))
		}
		if l.hasMax && n > l.max {
			broken = append(broken, l.upper(kind))
		}
	}
	if kind != String {
		return broken
	}
	if l.matcher != nil {
		if re := l.matcher(); re != nil && !re.MatchString(v.String()) {
			broken = append(broken, "Member must satisfy regular expression pattern: "+l.source)
		}
	}
	if l.enum != nil && !slices.Contains(l.enum, v.String()) {
		broken = append(broken, l.set())
	}
	return broken
}

// wordings words all constraints, those with an upper bound first, as AWS lists them for elements.
func (l *limits) wordings(kind Kind) []string {
	var all []string
	if l.hasMax {
		all = append(all, l.upper(kind))
	}
	if l.hasMin {
		all = append(all, l.lower(kind))
	}
	if l.matcher != nil {
		all = append(all, "Member must satisfy regular expression pattern: "+l.source)
	}
	if l.enum != nil {
		all = append(all, l.set())
	}
	return all
}

func (l *limits) set() string {
	return "Member must satisfy enum value set: [" + strings.Join(l.enum, ", ") + "]"
}

func (l *limits) lower(kind Kind) string {
	return "Member must have " + measure(kind) + " greater than or equal to " + number(l.min)
}

func (l *limits) upper(kind Kind) string {
	return "Member must have " + measure(kind) + " less than or equal to " + number(l.max)
}

func number(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

func measure(kind Kind) string {
	if kind == Integer || kind == Float {
		return "value"
	}
	return "length"
}

// size is what min and max measure; sized is false where there are none or nothing to measure.
func (l *limits) size(kind Kind, v reflect.Value) (n float64, sized bool) {
	if !l.hasMin && !l.hasMax {
		return 0, false
	}
	switch kind {
	case Integer:
		return float64(v.Int()), true
	case Float:
		return v.Float(), true
	case String:
		return float64(utf8.RuneCountInString(v.String())), true
	case Blob, List, Map:
		return float64(v.Len()), true
	}
	return 0, false
}

// show is the value as messages quote it: Java's form of strings, lists and maps, cut to a sane length.
func show(p *Value, v reflect.Value) string {
	const most = 1024
	var s string
	switch p.Kind {
	case List:
		var b strings.Builder
		for i := range v.Len() {
			if b.Len() > most {
				break
			}
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(show(p.Elem, v.Index(i)))
		}
		s = "[" + b.String() + "]"
	case Map:
		s = fmt.Sprint(v.Len()) + " entries"
		if p.Elem.Kind == String {
			var parts []string
			for iter := v.MapRange(); iter.Next() && len(parts) < 64; {
				parts = append(parts, iter.Key().String()+"="+iter.Value().String())
			}
			slices.Sort(parts)
			s = "{" + strings.Join(parts, ", ") + "}"
		}
	case Blob:
		s = "java.nio.HeapByteBuffer[pos=0 lim=" + strconv.Itoa(v.Len()) + " cap=" + strconv.Itoa(v.Len()) + "]"
	case Structure:
		s = p.Struct.Name
	default:
		s = string(AppendText(nil, p, v, Unix))
	}
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "")
	}
	return s
}
