package s3select

import (
	"strconv"
	"strings"
)

// Limits of "Limits and quotas" of the S3 User Guide, and of what a query may nest.
const (
	maxExpression = 256 << 10
	maxDepth      = 200
)

// Query is a compiled query. It is immutable.
type Query struct {
	// from is the path from a record of the text to the records that are selected from.
	from  []step
	alias string
	// all selects whole records; else columns.
	all        bool
	columns    []column
	where      expression
	limit      int64 // -1 for none
	aggregates []*aggregate
	// paths are those of the records that expressions name.
	paths [][]step
}

// column is one of the SELECT list.
type column struct {
	name string
	expr expression
}

type parser struct {
	tokens []token
	at     int
	depth  int
	query  *Query
	// in tells that an aggregate's argument is being read.
	in bool
}

// Parse compiles a query.
func Parse(text string) (*Query, error) {
	if len(text) > maxExpression {
		return nil, fail("ExpressionTooLong", "The SQL expression is too long. The maximum byte-length for an SQL expression is 256 KB.")
	}
	tokens, err := lex(text)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens, query: &Query{limit: -1}}
	if err := p.selectFrom(); err != nil {
		return nil, err
	}
	return p.query, nil
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != tokenEnd {
		p.at++
	}
	return t
}

// take goes on behind a keyword or a sign if it is next.
func (p *parser) take(text string) bool {
	if p.peek().is(text) {
		p.at++
		return true
	}
	return false
}

func (p *parser) unexpected() error {
	t := p.peek()
	if t.kind == tokenEnd {
		return fail("ParseUnexpectedToken", "The SQL expression ends unexpectedly.")
	}
	return fail("ParseUnexpectedToken", "The SQL expression contains an unexpected token, %q at position %d.", t.text, t.at)
}

func (p *parser) expect(text string) error {
	if p.take(text) {
		return nil
	}
	return p.unexpected()
}

func (p *parser) selectFrom() error {
	if !p.take("SELECT") {
		return fail("ParseExpectedKeyword", "Did not find the expected keyword SELECT in the SQL expression.")
	}
	q := p.query
	// The alias, which the SELECT list uses, stands behind it.
	list := p.at
	depth := 0
	for t := p.peek(); !(depth == 0 && t.is("FROM")); t = p.peek() {
		switch {
		case t.kind == tokenEnd:
			return fail("ParseSelectMissingFrom", "The SQL expression contains a missing FROM after a SELECT list.")
		case t.is("("):
			depth++
		case t.is(")"):
			depth--
		}
		p.next()
	}
	p.next()
	if err := p.source(); err != nil {
		return err
	}
	rest := p.at
	p.at = list
	if err := p.columns(); err != nil {
		return err
	}
	if !p.peek().is("FROM") {
		return p.unexpected()
	}
	p.at = rest
	if p.take("WHERE") {
		aggregates := len(q.aggregates)
		var err error
		if q.where, err = p.expr(); err != nil {
			return err
		}
		if len(q.aggregates) > aggregates {
			return fail("UnsupportedSqlStructure", "Aggregates are not supported in the WHERE clause.")
		}
	}
	if p.take("LIMIT") {
		t := p.next()
		n, err := strconv.ParseInt(t.text, 10, 64)
		if t.kind != tokenNumber || err != nil {
			return fail("ParseExpectedNumber", "Did not find the expected number in the SQL expression.")
		}
		q.limit = n
	}
	p.take(";")
	for _, word := range []string{"GROUP", "ORDER", "JOIN", "HAVING", "UNION", "OFFSET"} {
		if p.peek().is(word) {
			return fail("ParseUnsupportedSyntax", "The SQL expression contains unsupported syntax: %s.", word)
		}
	}
	if p.peek().kind != tokenEnd {
		return p.unexpected()
	}
	return p.mixed()
}

// mixed refuses aggregates beside what differs by record.
func (p *parser) mixed() error {
	if len(p.query.aggregates) == 0 {
		return nil
	}
	if p.query.all {
		return fail("UnsupportedSqlStructure", "Aggregates cannot be selected beside *.")
	}
	for _, c := range p.query.columns {
		if !constant(c.expr) {
			return fail("UnsupportedSqlStructure", "Aggregates cannot be selected beside columns.")
		}
	}
	return nil
}

// source reads what follows FROM.
func (p *parser) source() error {
	t := p.next()
	if t.kind != tokenWord && t.kind != tokenQuoted || !strings.EqualFold(t.text, "S3Object") {
		return fail("InvalidDataSource", "Only S3Object is supported as a data source.")
	}
	var err error
	if p.query.from, err = p.path(); err != nil {
		return err
	}
	as := p.take("AS")
	t = p.peek()
	if t.kind == tokenQuoted || t.kind == tokenWord && !reserved[strings.ToUpper(t.text)] {
		p.query.alias = p.next().text
	} else if as {
		return p.unexpected()
	}
	if p.peek().is(",") {
		return fail("ParseUnsupportedSyntax", "The SQL expression contains unsupported syntax: several data sources.")
	}
	return nil
}

// reserved are the keywords that cannot be names.
var reserved = func() map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq("SELECT FROM WHERE LIMIT AND OR NOT IN IS LIKE ESCAPE BETWEEN CASE WHEN THEN ELSE END AS NULL MISSING TRUE FALSE CAST GROUP ORDER JOIN HAVING UNION OFFSET") {
		m[w] = true
	}
	return m
}()

func (p *parser) columns() error {
	q := p.query
	if p.take("*") {
		q.all = true
		return nil
	}
	if t := p.peek(); q.alias != "" && strings.EqualFold(t.text, q.alias) && p.tokens[p.at+1].is(".") && p.at+2 < len(p.tokens) && p.tokens[p.at+2].is("*") {
		p.at += 3
		q.all = true
		return nil
	}
	for {
		e, err := p.expr()
		if err != nil {
			return err
		}
		c := column{name: nameOf(e), expr: e}
		as := p.take("AS")
		if t := p.peek(); t.kind == tokenQuoted || t.kind == tokenWord && !reserved[strings.ToUpper(t.text)] {
			c.name = p.next().text
		} else if as {
			return p.unexpected()
		}
		if q.columns = append(q.columns, c); !p.take(",") {
			break
		}
	}
	for i := range q.columns {
		if q.columns[i].name == "" {
			q.columns[i].name = "_" + strconv.Itoa(i+1)
		}
	}
	return nil
}

// step is one step of a path: a field, an element, or with all each element.
type step struct {
	name   string
	quoted bool
	index  int // -1 for a field
	all    bool
}

// path reads steps: ".name", "[2]", "['name']", "[*]", ".*".
func (p *parser) path() (list []step, err error) {
	for {
		switch {
		case p.take("."):
			t := p.next()
			switch {
			case t.kind == tokenWord || t.kind == tokenQuoted:
				list = append(list, step{name: t.text, quoted: t.kind == tokenQuoted, index: -1})
			case t.is("*"):
				list = append(list, step{index: -1, all: true})
			default:
				p.at--
				return nil, p.unexpected()
			}
		case p.take("["):
			t := p.next()
			switch {
			case t.is("*"):
				list = append(list, step{index: -1, all: true})
			case t.kind == tokenString:
				list = append(list, step{name: t.text, quoted: true, index: -1})
			default:
				n, err := strconv.Atoi(t.text)
				if t.kind != tokenNumber || err != nil {
					p.at--
					return nil, p.unexpected()
				}
				list = append(list, step{index: n})
			}
			if err := p.expect("]"); err != nil {
				return nil, err
			}
		default:
			return list, nil
		}
		if len(list) > maxDepth {
			return nil, fail("ParseUnsupportedSyntax", "The SQL expression contains a path that is too long.")
		}
	}
}
