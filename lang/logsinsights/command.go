package logsinsights

import (
	"regexp"
	"strconv"
	"strings"
)

// sourceCommand reads SOURCE logGroups(namePrefix: ['a', 'b'], class: ['STANDARD']).
func (p *parser) sourceCommand() *Error {
	if p.tok.word("dataSource") {
		err := p.lex.fail(p.tok.start, p.tok.end, "drydock has no data sources to select by the command SOURCE.")
		err.Unsupported = true
		return err
	}
	if !p.tok.word("logGroups") {
		return p.unexpected()
	}
	if err := p.advance(); err != nil {
		return err
	}
	if err := p.expect("("); err != nil {
		return err
	}
	s := &Source{}
	for first := true; !p.tok.is(")"); first = false {
		if !first {
			if err := p.expect(","); err != nil {
				return err
			}
		}
		var to *[]string
		most := 2
		switch {
		case p.tok.word("namePrefix"):
			to, most = &s.Prefixes, 5
		case p.tok.word("accountIdentifiers") || p.tok.word("accountIdentifier"):
			to, most = &s.Accounts, 20
		case p.tok.word("class") || p.tok.word("logGroupClass"):
			to = &s.Classes
		default:
			return p.unexpected()
		}
		key := p.tok
		if err := p.advance(); err != nil {
			return err
		}
		if err := p.expect(":"); err != nil {
			return err
		}
		if err := p.strings(to); err != nil {
			return err
		}
		if len(*to) > most {
			return p.lex.fail(key.start, p.tok.start, "At most %d values are allowed for %s", most, key.text)
		}
	}
	p.query.source = s
	return p.advance()
}

// strings reads a list of strings in brackets.
func (p *parser) strings(to *[]string) *Error {
	if err := p.expect("["); err != nil {
		return err
	}
	for first := true; !p.tok.is("]"); first = false {
		if !first {
			if err := p.expect(","); err != nil {
				return err
			}
		}
		if p.tok.kind != tokenString {
			return p.unexpected()
		}
		*to = append(*to, p.tok.text)
		if err := p.advance(); err != nil {
			return err
		}
	}
	return p.advance()
}

func (p *parser) fieldsCommand() *Error  { return p.columns(false) }
func (p *parser) displayCommand() *Error { return p.columns(true) }

// columns reads the items of fields and display.
func (p *parser) columns(display bool) *Error {
	if display {
		p.seg.columns, p.seg.displayed = nil, true
	}
	assign := &assignSpec{}
	err := p.commas(func() *Error {
		it, err := p.item()
		if err != nil {
			return err
		}
		if it.field != nil && it.alias == nil && !display && p.seg.own[it.field.text] {
			return p.lex.fail(it.field.start, it.field.end, "Ephemeral field is already defined: %s", it.field.text)
		}
		at, plain := it.expr.(slot)
		if !plain || it.alias != nil {
			var to int
			if it.alias != nil {
				if to, err = p.define(p.seg, *it.alias); err != nil {
					return err
				}
			} else {
				to = p.seg.add("")
			}
			assign.to, assign.from = append(assign.to, to), append(assign.from, it.expr)
			at = slot(to)
		}
		if display || !p.seg.displayed {
			p.seg.show(it.name, at)
		}
		return nil
	})
	if len(assign.to) > 0 {
		p.seg.then(assign)
	}
	return err
}

func (p *parser) filterCommand() *Error {
	e, err := p.expression()
	if err == nil {
		p.seg.then(&filterSpec{e})
	}
	return err
}

// parseCommand reads a field, a pattern, and the names of what the pattern takes out.
func (p *parser) parseCommand() *Error {
	field := token{text: "@message", path: []string{"@message"}}
	if p.tok.kind == tokenName {
		field = p.tok
		if err := p.read(true); err != nil {
			return err
		}
	}
	spec := &parseSpec{of: p.seg.resolve(p.query, field)}
	pattern := p.tok
	wildcards := 0
	switch pattern.kind {
	case tokenString:
		spec.pattern, wildcards = glob(pattern.text)
	case tokenRegex:
		re, err := p.regex()
		if err != nil {
			return err
		}
		spec.pattern = re
	default:
		return p.unexpected()
	}
	if err := p.advance(); err != nil {
		return err
	}
	var names []token
	if p.tok.word("as") {
		if err := p.advance(); err != nil {
			return err
		}
		err := p.commas(func() *Error {
			t, err := p.name()
			names = append(names, t)
			return err
		})
		if err != nil {
			return err
		}
		if pattern.kind == tokenRegex {
			wildcards = spec.pattern.NumSubexp()
		}
		if len(names) != wildcards {
			return p.lex.fail(pattern.start, p.tok.start, "Number of fields (%d) does not match the number of wildcards (%d)", len(names), wildcards)
		}
		for i := range names {
			spec.groups = append(spec.groups, i+1)
		}
	} else {
		for i, name := range spec.pattern.SubexpNames() {
			if name != "" {
				names, spec.groups = append(names, token{text: name, start: pattern.start, end: pattern.end}), append(spec.groups, i)
			}
		}
	}
	if len(names) == 0 {
		return p.lex.fail(pattern.start, pattern.end, "The pattern of parse names no field")
	}
	for _, t := range names {
		at, err := p.define(p.seg, t)
		if err != nil {
			return err
		}
		spec.to = append(spec.to, at)
		if !p.seg.displayed {
			p.seg.extra = append(p.seg.extra, column{t.text, slot(at)})
		}
	}
	p.seg.then(spec)
	return nil
}

// glob makes a regular expression of a pattern with asterisks, of which each takes as little as it can, and one at the
// end all that is left.
func glob(text string) (*regexp.Regexp, int) {
	var b strings.Builder
	b.WriteString("(?s)")
	n := 0
	literal := 0
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text) && text[i+1] == '*':
			b.WriteString(regexp.QuoteMeta(text[literal:i]))
			i++
			literal = i
		case text[i] == '*':
			b.WriteString(regexp.QuoteMeta(text[literal:i]))
			if n++; i == len(text)-1 {
				b.WriteString("(.*)")
			} else {
				b.WriteString("(.*?)")
			}
			literal = i + 1
		}
	}
	b.WriteString(regexp.QuoteMeta(strings.ToValidUTF8(text[literal:], "\uFFFD")))
	return regexp.MustCompile(strings.ToValidUTF8(b.String(), "\uFFFD")), n
}

// statsCommand reads aggregations and what to group by, which begin a segment of their own.
func (p *parser) statsCommand() *Error {
	spec := &statsSpec{out: newSegment(false)}
	p.stats = spec
	defer func() { p.stats, p.inner = nil, false }()
	var columns []column
	err := p.commas(func() *Error {
		it, err := p.item()
		if err != nil {
			return err
		}
		at, err := p.produce(spec.out, it)
		if err != nil {
			return err
		}
		spec.to, spec.from = append(spec.to, at), append(spec.from, it.expr)
		columns = append(columns, column{it.name, slot(at)})
		return nil
	})
	if err != nil {
		return err
	}
	if p.tok.word("by") {
		if err := p.advance(); err != nil {
			return err
		}
		p.inner = true
		err := p.commas(func() *Error {
			it, err := p.item()
			if err != nil {
				return err
			}
			at, err := p.produce(spec.out, it)
			if err != nil {
				return err
			}
			spec.keys, spec.keyTo = append(spec.keys, it.expr), append(spec.keyTo, at)
			spec.out.show(it.name, slot(at))
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, c := range columns {
		spec.out.show(c.name, c.of)
	}
	p.seg.then(spec)
	p.open(spec.out)
	return nil
}

// sortCommand reads fields with their directions.
func (p *parser) sortCommand() *Error {
	spec := &sortSpec{}
	err := p.commas(func() *Error {
		t, err := p.name()
		if err != nil {
			return err
		}
		k := sortKey{of: p.seg.resolve(p.query, t)}
		if p.tok.word("asc") || p.tok.word("desc") {
			k.descending = p.tok.word("desc")
			err = p.advance()
		}
		spec.keys = append(spec.keys, k)
		return err
	})
	p.seg.then(spec)
	return err
}

// maxLimit is the most rows that a query returns.
const maxLimit = 100_000

func (p *parser) limitCommand() *Error {
	n, err := strconv.Atoi(p.tok.text)
	if p.tok.kind != tokenNumber || err != nil || n < 1 {
		return p.unexpected()
	}
	if n > maxLimit {
		return p.lex.fail(p.tok.start, p.tok.end, "The limit must be at most %d", maxLimit)
	}
	p.seg.then(&limitSpec{n})
	return p.advance()
}

func (p *parser) dedupCommand() *Error {
	spec := &dedupSpec{}
	err := p.commas(func() *Error {
		t, err := p.name()
		if err == nil {
			spec.by = append(spec.by, p.seg.resolve(p.query, t))
		}
		return err
	})
	p.seg.then(spec)
	return err
}

// unnestCommand reads "field into name".
func (p *parser) unnestCommand() *Error {
	t, err := p.name()
	if err != nil {
		return err
	}
	spec := &unnestSpec{of: p.seg.resolve(p.query, t)}
	if !p.tok.word("into") {
		return p.unexpected()
	}
	if err := p.advance(); err != nil {
		return err
	}
	if t, err = p.name(); err != nil {
		return err
	}
	if spec.to, err = p.define(p.seg, t); err != nil {
		return err
	}
	if !p.seg.displayed {
		p.seg.extra = append(p.seg.extra, column{t.text, slot(spec.to)})
	}
	p.seg.then(spec)
	return nil
}
