package logsinsights

import (
	"slices"
	"strings"
)

// Query is a query that was checked and compiled. It is not changed by executions, of which there may be many at once.
type Query struct {
	source   *Source
	needs    []string
	segments []*segment
	required []Requirement
	unmasks  bool
}

// Source is the SOURCE command of a query, which chooses log groups.
type Source struct {
	// Prefixes are those of the groups' names; none chooses all groups.
	Prefixes []string
	// Accounts are those of the groups; none is all that the caller observes.
	Accounts []string
	// Classes are those of the groups; none is STANDARD.
	Classes []string
}

// Source returns what the query's SOURCE command chooses, or nil without one.
func (q *Query) Source() *Source { return q.source }

// unmaskedPrefix marks the fields that a query wants unmasked. No name has the character.
const unmaskedPrefix = "\x00"

// Unmasked returns the field that an element of Query.Needs is, and whether the query wants it as it came, by unmask, even
// where a data protection policy masks it.
func Unmasked(need string) (field string, unmasked bool) {
	return strings.CutPrefix(need, unmaskedPrefix)
}

// Needs returns the fields of events that the query reads; see Unmasked.
func (q *Query) Needs() []string { return q.needs }

// Limit returns how many rows the query's last limit command lets through, 0 when there is none behind its last stats.
func (q *Query) Limit() int {
	limit := 0
	for _, sp := range q.segments[len(q.segments)-1].specs {
		if l, ok := sp.(*limitSpec); ok {
			limit = l.n
		}
	}
	return limit
}

// Unmasks tells whether the query asks for what a data protection policy masks.
func (q *Query) Unmasks() bool { return q.unmasks }

// parser reads a query.
type parser struct {
	lex   lexer
	tok   token
	query *Query
	seg   *segment
	depth int
	// end is where the token before the present one ends.
	end int
	// stats is the stats command that is being read, inner tells that the place is inside an aggregation or behind "by",
	// where fields are those of the rows that are aggregated.
	stats *statsSpec
	inner bool
}

// Parse reads a query. An error is an *Error.
func Parse(text string) (*Query, error) {
	p := &parser{lex: lexer{text: text}, query: &Query{}}
	p.open(newSegment(true))
	if err := p.run(); err != nil {
		return nil, err
	}
	p.query.finish()
	return p.query, nil
}

// open begins a segment: what comes after it sees its fields.
func (p *parser) open(s *segment) {
	p.seg = s
	p.query.segments = append(p.query.segments, s)
}

func (p *parser) read(regex bool) *Error {
	p.end = p.tok.end
	t, err := p.lex.next(regex)
	p.tok = t
	return err
}

func (p *parser) advance() *Error { return p.read(false) }

func (p *parser) unexpected() *Error { return p.lex.unexpected(p.tok) }

func (p *parser) expect(symbol string) *Error {
	if !p.tok.is(symbol) {
		return p.unexpected()
	}
	return p.advance()
}

// unsupported are the commands that are known and refused.
var unsupported = []string{"pattern", "diff", "anomaly", "join", "lookup", "filterindex", "relevantfields", "expand", "autoregress",
	"logcompare", "fillmissing", "estimate", "search", "tail"}

// run reads all commands.
func (p *parser) run() *Error {
	if err := p.advance(); err != nil {
		return err
	}
	commands := map[string]func() *Error{
		"source": p.sourceCommand, "fields": p.fieldsCommand, "display": p.displayCommand, "filter": p.filterCommand,
		"parse": p.parseCommand, "stats": p.statsCommand, "sort": p.sortCommand, "limit": p.limitCommand,
		"head": p.limitCommand, "dedup": p.dedupCommand, "unnest": p.unnestCommand,
	}
	for first := true; ; first = false {
		if p.tok.kind != tokenName || p.tok.quoted {
			return p.unexpected()
		}
		name := strings.ToLower(p.tok.text)
		command := commands[name]
		switch {
		case slices.Contains(unsupported, name):
			err := p.lex.fail(p.tok.start, p.tok.end, "drydock does not carry out the command %s.", name)
			err.Unsupported = true
			return err
		case command == nil || name == "source" && !first:
			return p.unexpected()
		}
		if err := p.read(name == "parse"); err != nil {
			return err
		}
		if err := command(); err != nil {
			return err
		}
		if p.tok.kind == tokenEnd {
			return nil
		}
		if err := p.expect("|"); err != nil {
			return err
		}
	}
}

// item is an expression with the name it gets.
type item struct {
	expr
	name string
	// field is the token of a field that stands alone, alias that of the name behind "as".
	field, alias *token
}

// item reads an expression and its alias.
func (p *parser) item() (item, *Error) {
	first := p.tok
	e, err := p.expression()
	if err != nil {
		return item{}, err
	}
	text := p.lex.text[first.start:p.end]
	it := item{expr: e, name: text}
	if first.kind == tokenName && len(text) == first.end-first.start {
		it.field, it.name = &first, first.text
	}
	if p.tok.word("as") {
		if err := p.advance(); err != nil {
			return item{}, err
		}
		alias, err := p.name()
		if err != nil {
			return item{}, err
		}
		it.name, it.alias = alias.text, &alias
	}
	return it, nil
}

// name reads a name that is no keyword.
func (p *parser) name() (token, *Error) {
	t := p.tok
	if t.kind != tokenName || !t.quoted && slices.ContainsFunc(keywords, t.word) {
		return token{}, p.unexpected()
	}
	return t, p.advance()
}

// define makes a field of the query's own.
func (p *parser) define(s *segment, t token) (int, *Error) {
	if p.seg.own[t.text] || s.own[t.text] {
		return 0, p.lex.fail(t.start, t.end, "Ephemeral field is already defined: %s", t.text)
	}
	s.own[t.text] = true
	return s.add(t.text), nil
}

// produce makes an item a field of a segment that begins: by its alias, which must be new, or by its text.
func (p *parser) produce(s *segment, it item) (int, *Error) {
	if it.alias != nil {
		return p.define(s, *it.alias)
	}
	return s.add(it.name), nil
}

// commas reads what a function reads, again after each comma.
func (p *parser) commas(one func() *Error) *Error {
	for {
		if err := one(); err != nil {
			return err
		}
		if !p.tok.is(",") {
			return nil
		}
		if err := p.advance(); err != nil {
			return err
		}
	}
}
