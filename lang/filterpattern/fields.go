package filterpattern

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// fieldPattern is a space-delimited pattern: [ip, user, ..., status = 4*, bytes > 100].
type fieldPattern struct {
	names    []string // of the slots; "" has no name, the ellipsis has none either
	ellipsis int      // its slot, or -1
	leaves   []fieldLeaf
	root     *expr // nil: no conditions
}

type fieldLeaf struct {
	slot int
	comparison
}

func parseFields(in *input) (*fieldPattern, *Error) {
	in.pos++ // the bracket
	p := &fieldPattern{ellipsis: -1}
	var conditions []*expr
	for {
		if in.accept("...") {
			if p.ellipsis >= 0 {
				return nil, in.fail("a second ellipsis")
			}
			p.ellipsis = len(p.names)
			p.names = append(p.names, "")
		} else {
			condition, err := p.parseSlot(in)
			if err != nil {
				return nil, err
			}
			if condition != nil {
				conditions = append(conditions, condition)
			}
		}
		if in.accept(",") {
			continue
		}
		if !in.accept("]") {
			return nil, in.fail("expected , or ]")
		}
		in.space()
		if in.pos < len(in.text) {
			return nil, in.fail("expected the pattern to end")
		}
		if len(conditions) > 0 {
			p.root = joined(conditions, false)
		}
		return p, nil
	}
}

// parseSlot reads one field: nothing, a name, or conditions. A further name within the conditions of a field is that of
// an earlier field, or else a field of its own that comes next, as in the guide's "status_code = 4* && bytes > 1000".
func (p *fieldPattern) parseSlot(in *input) (*expr, *Error) {
	in.space()
	if c := in.peek(); c == ',' || c == ']' {
		p.names = append(p.names, "")
		return nil, nil
	}
	first := true
	plain := false
	e, err := parseExpr(in, func() (*expr, *Error) {
		in.space()
		begin := in.pos
		name := in.fieldName()
		if name == "" {
			return nil, in.fail("expected the name of a field")
		}
		slot := slices.Index(p.names, name)
		if slot < 0 {
			slot = len(p.names)
			p.names = append(p.names, name)
		} else if first {
			in.pos = begin
			return nil, in.fail("the field %q stands twice", name)
		}
		in.space()
		if c := in.peek(); c == ',' || c == ']' {
			if !first {
				return nil, in.fail("expected an operator")
			}
			plain = true
			return &expr{}, nil
		}
		first = false
		c, err := parseComparison(in, ",])")
		if err != nil {
			return nil, err
		}
		if len(p.leaves) == maxLeaves {
			return nil, in.fail("too many conditions")
		}
		p.leaves = append(p.leaves, fieldLeaf{slot, c})
		return &expr{leaf: len(p.leaves) - 1}, nil
	})
	if err != nil || plain {
		return nil, err
	}
	return e, nil
}

func (in *input) fieldName() string {
	begin := in.pos
	for in.pos < len(in.text) {
		c := in.text[in.pos]
		if !isAlnum(c) && strings.IndexByte("_-.:@/#$", c) < 0 && c < 0x80 {
			break
		}
		in.pos++
	}
	return in.text[begin:in.pos]
}

// split cuts a message into fields at spaces. What stands in brackets or double quotes is one field, without them; an
// opening one that is never closed stands for itself.
func split(fields []string, message string) []string {
	for i := 0; i < len(message); {
		c := message[i]
		if isSpace(c) {
			i++
			continue
		}
		closing := byte(0)
		switch c {
		case '[':
			closing = ']'
		case '"':
			closing = '"'
		}
		if closing != 0 {
			if n := strings.IndexByte(message[i+1:], closing); n >= 0 {
				fields = append(fields, message[i+1:i+1+n])
				i += n + 2
				continue
			}
		}
		begin := i
		for i < len(message) && !isSpace(message[i]) {
			i++
		}
		fields = append(fields, message[begin:i])
	}
	return fields
}

// fits tells whether a message of n fields can match.
func (p *fieldPattern) fits(n int) bool {
	if p.ellipsis < 0 {
		return n == len(p.names)
	}
	return n >= len(p.names)-1
}

// place is the index of a slot's field in a message of n fields.
func (p *fieldPattern) place(slot, n int) int {
	if p.ellipsis >= 0 && slot > p.ellipsis {
		return n - len(p.names) + slot
	}
	return slot
}

// usual is the number of fields that fit on the stack.
const usual = 32

func (p *fieldPattern) match(message string) bool {
	var space [usual]string
	return p.matchFields(split(space[:0], message))
}

func (p *fieldPattern) matchFields(fields []string) bool {
	if !p.fits(len(fields)) {
		return false
	}
	if p.root == nil {
		return true
	}
	var verdicts bits
	for i := range p.leaves {
		l := &p.leaves[i]
		if l.holds(fields[p.place(l.slot, len(fields))], true) {
			verdicts.set(i)
		}
	}
	return p.root.eval(&verdicts)
}

func (p *fieldPattern) extract(message string) (map[string]string, bool) {
	fields := split(nil, message)
	if !p.matchFields(fields) {
		return map[string]string{}, false
	}
	values := make(map[string]string, len(fields))
	named := make([]string, len(fields))
	for slot, name := range p.names {
		if slot != p.ellipsis {
			named[p.place(slot, len(fields))] = name
		}
	}
	for i, value := range fields {
		name := named[i]
		if name == "" {
			name = strconv.Itoa(i + 1)
		}
		values["$"+name] = value
	}
	return values, true
}

func (p *fieldPattern) selector(ref string) (*Selector, error) {
	name, ok := strings.CutPrefix(ref, "$")
	if ok && name != "" {
		if slot := slices.Index(p.names, name); slot >= 0 {
			return &Selector{fields: p, slot: slot}, nil
		}
		if place, err := strconv.Atoi(name); err == nil && place > 0 {
			return &Selector{fields: p, slot: -1, place: place}, nil
		}
	}
	return nil, &Error{0, invalidPattern, fmt.Sprintf("no field %q", ref)}
}

func (p *fieldPattern) value(message string, slot, place int) (string, bool) {
	var space [usual]string
	fields := split(space[:0], message)
	if !p.fits(len(fields)) {
		return "", false
	}
	if slot >= 0 {
		place = p.place(slot, len(fields)) + 1
	}
	if place > len(fields) {
		return "", false
	}
	return fields[place-1], true
}
