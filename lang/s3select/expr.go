package s3select

import (
	"strings"
)

// expression is a node of a compiled query.
type expression interface {
	eval(x *Execution) (Value, error)
}

// The nodes.
type (
	literal   struct{ value Value }
	reference struct{ path []step } // from the record
	unary     struct {
		op string
		a  expression
	}
	binary struct {
		op   string
		a, b expression
	}
	between struct{ a, low, high expression }
	in      struct {
		a    expression
		list []expression
	}
	like struct{ a, pattern, escape expression }
	is   struct {
		a       expression
		missing bool
	}
	caseOf struct {
		operand    expression // nil where each WHEN is a condition
		when, then []expression
		otherwise  expression
	}
	cast struct {
		a   expression
		typ string
	}
	function struct {
		name string
		args []expression
	}
	aggregate struct {
		name string
		arg  expression // nil for COUNT(*)
		slot int
	}
)

// constant tells whether an expression does not depend on the single record: aggregates do not.
func constant(e expression) bool {
	switch e := e.(type) {
	case *reference:
		return false
	case *unary:
		return constant(e.a)
	case *binary:
		return constant(e.a) && constant(e.b)
	case *between:
		return constant(e.a) && constant(e.low) && constant(e.high)
	case *in:
		return constant(e.a) && constants(e.list)
	case *like:
		return constant(e.a) && constant(e.pattern)
	case *is:
		return constant(e.a)
	case *cast:
		return constant(e.a)
	case *function:
		return constants(e.args)
	case *caseOf:
		return (e.operand == nil || constant(e.operand)) && constants(e.when) && constants(e.then) && (e.otherwise == nil || constant(e.otherwise))
	}
	return true
}

func constants(list []expression) bool {
	for _, e := range list {
		if !constant(e) {
			return false
		}
	}
	return true
}

// nameOf is the name of a column without AS: the last of its path.
func nameOf(e expression) string {
	if r, ok := e.(*reference); ok && len(r.path) > 0 && r.path[len(r.path)-1].index < 0 {
		return r.path[len(r.path)-1].name
	}
	return ""
}

// enter bounds how deep expressions nest.
func (p *parser) enter() error {
	if p.depth++; p.depth > maxDepth {
		return fail("ParseUnsupportedSyntax", "The SQL expression is nested too deeply.")
	}
	return nil
}

func (p *parser) expr() (expression, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	return p.chain([]string{"OR"}, func() (expression, error) {
		return p.chain([]string{"AND"}, p.not)
	})
}

// chain reads operands joined by operators of one rank, to the left.
func (p *parser) chain(ops []string, operand func() (expression, error)) (expression, error) {
	a, err := operand()
	if err != nil {
		return nil, err
	}
	for n := 0; ; n++ {
		op := ""
		for _, o := range ops {
			if p.peek().is(o) {
				op = o
			}
		}
		if op == "" {
			return a, nil
		}
		if n > 1000 {
			return nil, fail("ParseUnsupportedSyntax", "The SQL expression has too many operators.")
		}
		p.next()
		b, err := operand()
		if err != nil {
			return nil, err
		}
		a = &binary{op, a, b}
	}
}

func (p *parser) not() (expression, error) {
	if p.take("NOT") {
		if err := p.enter(); err != nil {
			return nil, err
		}
		defer func() { p.depth-- }()
		a, err := p.not()
		return &unary{"NOT", a}, err
	}
	return p.comparison()
}

func (p *parser) comparison() (expression, error) {
	a, err := p.sum()
	if err != nil {
		return nil, err
	}
	for _, op := range []string{"=", "<>", "!=", "<", "<=", ">", ">="} {
		if p.take(op) {
			b, err := p.sum()
			return &binary{op, a, b}, err
		}
	}
	if p.take("IS") {
		negated := p.take("NOT")
		missing := p.take("MISSING")
		if !missing && !p.take("NULL") {
			return nil, p.unexpected()
		}
		return negate(&is{a, missing}, negated), nil
	}
	negated := p.take("NOT")
	e, err := p.predicate(a)
	switch {
	case err != nil:
		return nil, err
	case e == nil && negated:
		return nil, p.unexpected()
	case e == nil:
		return a, nil
	}
	return negate(e, negated), nil
}

func negate(e expression, negated bool) expression {
	if negated {
		return &unary{"NOT", e}
	}
	return e
}

// predicate reads BETWEEN, IN or LIKE behind a; nil for none.
func (p *parser) predicate(a expression) (expression, error) {
	switch {
	case p.take("BETWEEN"):
		low, err := p.sum()
		if err == nil {
			err = p.expect("AND")
		}
		if err != nil {
			return nil, err
		}
		high, err := p.sum()
		return &between{a, low, high}, err
	case p.take("IN"):
		if err := p.expect("("); err != nil {
			return nil, err
		}
		list, err := p.list()
		return &in{a, list}, err
	case p.take("LIKE"):
		pattern, err := p.sum()
		if err != nil {
			return nil, err
		}
		e := &like{a, pattern, nil}
		if p.take("ESCAPE") {
			e.escape, err = p.sum()
		}
		return e, err
	}
	return nil, nil
}

// list reads expressions up to a closing parenthesis.
func (p *parser) list() (list []expression, err error) {
	if p.take(")") {
		return nil, nil
	}
	for {
		e, err := p.expr()
		if err != nil {
			return nil, err
		}
		if list = append(list, e); p.take(")") {
			return list, nil
		}
		if err := p.expect(","); err != nil {
			return nil, err
		}
	}
}

func (p *parser) sum() (expression, error) {
	return p.chain([]string{"+", "-", "||"}, func() (expression, error) {
		return p.chain([]string{"*", "/", "%"}, p.signed)
	})
}

func (p *parser) signed() (expression, error) {
	negative := false
	for {
		switch {
		case p.take("-"):
			negative = !negative
			continue
		case p.take("+"):
			continue
		}
		break
	}
	a, err := p.primary()
	if err != nil || !negative {
		return a, err
	}
	return &unary{"-", a}, nil
}

func (p *parser) primary() (expression, error) {
	t := p.next()
	switch t.kind {
	case tokenString:
		return &literal{t.text}, nil
	case tokenNumber:
		i, f, whole, ok := number(t.text)
		switch {
		case !ok:
			return nil, fail("LexerInvalidLiteral", "The SQL expression contains a number that is none, %q.", t.text)
		case whole:
			return &literal{i}, nil
		}
		return &literal{f}, nil
	case tokenIon:
		at, err := parseTime(t.text)
		if err != nil {
			return nil, fail("LexerInvalidIONLiteral", "The SQL expression contains a literal in backquotes that is no timestamp, %q.", t.text)
		}
		return &literal{at}, nil
	case tokenQuoted:
		return p.reference(t)
	case tokenWord:
		return p.word(t)
	case tokenEnd, tokenSign:
	}
	if t.is("(") {
		e, err := p.expr()
		if err != nil {
			return nil, err
		}
		return e, p.expect(")")
	}
	if t.kind != tokenEnd {
		p.at--
	}
	return nil, p.unexpected()
}

// reference reads a path that begins with t: the alias, or a field.
func (p *parser) reference(t token) (expression, error) {
	path, err := p.path()
	if err != nil {
		return nil, err
	}
	for _, s := range path {
		if s.all {
			return nil, fail("ParseUnsupportedSyntax", "The SQL expression contains unsupported syntax: * within a path.")
		}
	}
	alias := p.query.alias
	if alias == "" {
		alias = "S3Object"
	}
	if t.text != alias && (t.kind != tokenWord || !strings.EqualFold(t.text, alias)) {
		path = append([]step{{name: t.text, quoted: t.kind == tokenQuoted, index: -1}}, path...)
	}
	p.query.paths = append(p.query.paths, path)
	return &reference{path}, nil
}

// word reads what begins with a keyword or a name.
func (p *parser) word(t token) (expression, error) {
	upper := strings.ToUpper(t.text)
	switch upper {
	case "TRUE", "FALSE":
		return &literal{upper == "TRUE"}, nil
	case "NULL":
		return &literal{nil}, nil
	case "MISSING":
		return &literal{Missing{}}, nil
	case "CASE":
		return p.caseOf()
	case "CAST":
		return p.cast()
	}
	if p.peek().is("(") {
		p.next()
		return p.call(upper)
	}
	if reserved[upper] {
		p.at--
		return nil, p.unexpected()
	}
	return p.reference(t)
}

func (p *parser) caseOf() (expression, error) {
	e := &caseOf{}
	var err error
	if !p.peek().is("WHEN") {
		if e.operand, err = p.expr(); err != nil {
			return nil, err
		}
	}
	for p.take("WHEN") {
		when, err := p.expr()
		if err == nil {
			err = p.expect("THEN")
		}
		if err != nil {
			return nil, err
		}
		then, err := p.expr()
		if err != nil {
			return nil, err
		}
		e.when, e.then = append(e.when, when), append(e.then, then)
	}
	if e.when == nil {
		return nil, fail("ParseExpectedWhenClause", "Did not find the expected WHEN clause in a CASE expression.")
	}
	if p.take("ELSE") {
		if e.otherwise, err = p.expr(); err != nil {
			return nil, err
		}
	}
	return e, p.expect("END")
}

func (p *parser) cast() (expression, error) {
	if !p.take("(") {
		return nil, fail("ParseExpectedLeftParenAfterCast", "Did not find the expected left parenthesis after CAST.")
	}
	a, err := p.expr()
	if err == nil {
		err = p.expect("AS")
	}
	if err != nil {
		return nil, err
	}
	t := p.next()
	typ, known := types[strings.ToUpper(t.text)]
	if t.kind != tokenWord || !known {
		return nil, fail("ParseExpectedTypeName", "Did not find the expected type name in CAST.")
	}
	if p.take("(") { // a precision, which bounds nothing here
		for range 2 {
			if p.next().kind != tokenNumber {
				return nil, fail("ParseInvalidTypeParam", "The SQL expression contains a type parameter that is none.")
			}
			if !p.take(",") {
				break
			}
		}
		if err := p.expect(")"); err != nil {
			return nil, err
		}
	}
	return &cast{a, typ}, p.expect(")")
}

// types are the names of types, and which of them mean the same.
var types = map[string]string{
	"BOOL": "BOOL", "BOOLEAN": "BOOL", "INT": "INT", "INTEGER": "INT", "SMALLINT": "INT", "BIGINT": "INT", "STRING": "STRING", "VARCHAR": "STRING",
	"CHAR": "STRING", "FLOAT": "FLOAT", "DOUBLE": "FLOAT", "REAL": "FLOAT", "DECIMAL": "DECIMAL", "NUMERIC": "DECIMAL", "TIMESTAMP": "TIMESTAMP",
}
