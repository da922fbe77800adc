package logsinsights

import (
	"math"
	"regexp"
	"slices"
	"strings"
)

// expr is an expression, compiled for the rows of a segment.
type expr interface{ eval(r *row) Value }

// constant is a literal.
type constant struct{ v Value }

func (e constant) eval(*row) Value { return e.v }

// slot is a field of the row.
type slot int

func (e slot) eval(r *row) Value { return r.get(int(e)) }

// member is a part of a structure.
type member struct {
	of   slot
	path []string
}

func (e member) eval(r *row) Value { return r.get(int(e.of)).walk(e.path) }

// binary is an operator between two expressions.
type binary struct {
	op   string
	a, b expr
}

func (e *binary) eval(r *row) Value {
	switch e.op {
	case "and":
		return boolean(e.a.eval(r).truth() && e.b.eval(r).truth())
	case "or":
		return boolean(e.a.eval(r).truth() || e.b.eval(r).truth())
	}
	a, b := e.a.eval(r), e.b.eval(r)
	switch e.op {
	case "=":
		return boolean(equal(a, b))
	case "!=":
		return boolean(!equal(a, b))
	case "<", "<=", ">", ">=":
		c, ok := order(a, b)
		switch {
		case !ok:
			return boolean(false)
		case e.op == "<":
			return boolean(c < 0)
		case e.op == "<=":
			return boolean(c <= 0)
		case e.op == ">":
			return boolean(c > 0)
		default:
			return boolean(c >= 0)
		}
	}
	x, ok := a.number()
	y, also := b.number()
	if !ok || !also {
		return Value{}
	}
	switch e.op {
	case "+":
		return number(x + y)
	case "-":
		return number(x - y)
	case "*":
		return number(x * y)
	case "/":
		return number(x / y)
	case "%":
		return number(math.Mod(x, y))
	default: // "^"
		return number(math.Pow(x, y))
	}
}

// not is the negation.
type not struct{ a expr }

func (e not) eval(r *row) Value { return boolean(!e.a.eval(r).truth()) }

// like tells whether a text contains another or matches a regular expression.
type like struct {
	a       expr
	text    expr // nil with a regular expression
	pattern *regexp.Regexp
}

func (e *like) eval(r *row) Value {
	v := e.a.eval(r)
	if !v.Present() {
		return boolean(false)
	}
	if e.pattern != nil {
		return boolean(e.pattern.MatchString(v.String()))
	}
	text := e.text.eval(r)
	return boolean(text.Present() && strings.Contains(v.String(), text.String()))
}

// in tells whether a value is one of a list.
type in struct {
	a    expr
	list []expr
}

func (e *in) eval(r *row) Value {
	v := e.a.eval(r)
	return boolean(slices.ContainsFunc(e.list, func(x expr) bool { return equal(v, x.eval(r)) }))
}

// call is a function with its arguments.
type call struct {
	fn   *function
	args []expr
}

// fewArgs is how many arguments fit on the stack.
const fewArgs = 4

func (e *call) eval(r *row) Value {
	var few [fewArgs]Value
	args := few[:0]
	for _, a := range e.args {
		args = append(args, a.eval(r))
	}
	return e.fn.do(args, r)
}

// maxDepth bounds how deep expressions nest.
const maxDepth = 100

// expression reads an expression.
func (p *parser) expression() (expr, *Error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.unexpected()
	}
	defer func() { p.depth-- }()
	a, err := p.conjunction()
	for err == nil && (p.tok.word("or") || p.tok.is("||")) {
		a, err = p.operation("or", a, p.conjunction)
	}
	return a, err
}

func (p *parser) conjunction() (expr, *Error) {
	a, err := p.negation()
	for err == nil && (p.tok.word("and") || p.tok.is("&&")) {
		a, err = p.operation("and", a, p.negation)
	}
	return a, err
}

// operation reads an operator, which is next, and its second operand.
func (p *parser) operation(op string, a expr, operand func() (expr, *Error)) (expr, *Error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	b, err := operand()
	if err != nil {
		return nil, err
	}
	return &binary{op, a, b}, nil
}

func (p *parser) negation() (expr, *Error) {
	if !p.tok.word("not") {
		return p.comparison()
	}
	if p.depth++; p.depth > maxDepth {
		return nil, p.unexpected()
	}
	defer func() { p.depth-- }()
	if err := p.advance(); err != nil {
		return nil, err
	}
	a, err := p.negation()
	return not{a}, err
}

func (p *parser) comparison() (expr, *Error) {
	a, err := p.sum()
	for err == nil {
		negated := false
		if p.tok.word("not") {
			if err := p.advance(); err != nil {
				return nil, err
			}
			if negated = true; !p.tok.word("like") && !p.tok.word("in") {
				return nil, p.unexpected()
			}
		}
		switch {
		case p.tok.word("like") || p.tok.is("=~"):
			a, err = p.like(a)
		case p.tok.word("in"):
			a, err = p.in(a)
		case p.tok.kind == tokenSymbol && slices.Contains([]string{"=", "!=", "<", "<=", ">", ">="}, p.tok.text):
			a, err = p.operation(p.tok.text, a, p.sum)
		default:
			return a, nil
		}
		if negated {
			a = not{a}
		}
	}
	return a, err
}

// like reads "like" or "=~" and what follows.
func (p *parser) like(a expr) (expr, *Error) {
	if err := p.read(true); err != nil {
		return nil, err
	}
	if p.tok.kind != tokenRegex {
		text, err := p.sum()
		return &like{a: a, text: text}, err
	}
	pattern, err := p.regex()
	if err != nil {
		return nil, err
	}
	return &like{a: a, pattern: pattern}, p.advance()
}

// regex compiles the regular expression that is next.
func (p *parser) regex() (*regexp.Regexp, *Error) {
	pattern, err := regexp.Compile(p.tok.text)
	if err != nil {
		return nil, p.lex.fail(p.tok.start, p.tok.end, "Invalid regular expression: %s", p.tok.text)
	}
	return pattern, nil
}

// in reads "in" and a list in brackets.
func (p *parser) in(a expr) (expr, *Error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	closing := "]"
	if p.tok.is("(") {
		closing = ")"
	} else if !p.tok.is("[") {
		return nil, p.unexpected()
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	list, err := p.list(closing)
	return &in{a, list}, err
}

// list reads expressions up to the closing symbol, and that.
func (p *parser) list(closing string) ([]expr, *Error) {
	var list []expr
	for !p.tok.is(closing) {
		if len(list) > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
		}
		e, err := p.expression()
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, p.advance()
}

func (p *parser) sum() (expr, *Error) {
	a, err := p.product()
	for err == nil && (p.tok.is("+") || p.tok.is("-")) {
		a, err = p.operation(p.tok.text, a, p.product)
	}
	return a, err
}

func (p *parser) product() (expr, *Error) {
	a, err := p.power()
	for err == nil && (p.tok.is("*") || p.tok.is("/") || p.tok.is("%")) {
		a, err = p.operation(p.tok.text, a, p.power)
	}
	return a, err
}

func (p *parser) power() (expr, *Error) {
	a, err := p.unary()
	for err == nil && p.tok.is("^") {
		a, err = p.operation("^", a, p.unary)
	}
	return a, err
}

func (p *parser) unary() (expr, *Error) {
	if !p.tok.is("-") && !p.tok.is("+") {
		return p.primary()
	}
	if p.depth++; p.depth > maxDepth {
		return nil, p.unexpected()
	}
	defer func() { p.depth-- }()
	negative := p.tok.is("-")
	if err := p.advance(); err != nil {
		return nil, err
	}
	a, err := p.unary()
	if !negative || err != nil {
		return a, err
	}
	if c, ok := a.(constant); ok && c.v.kind == kindNumber {
		return constant{number(-c.v.num)}, nil
	}
	return &binary{"-", constant{number(0)}, a}, nil
}

// keywords are names that fields have only in backquotes.
var keywords = []string{"and", "or", "not", "in", "like", "as", "by", "asc", "desc", "into"}

func (p *parser) primary() (expr, *Error) {
	t := p.tok
	switch {
	case t.kind == tokenNumber:
		n, ok := parseNumber(t.text)
		if !ok {
			return nil, p.unexpected()
		}
		return constant{number(n)}, p.advance()
	case t.kind == tokenString:
		return constant{Text(t.text)}, p.advance()
	case t.is("("):
		if err := p.advance(); err != nil {
			return nil, err
		}
		e, err := p.expression()
		if err != nil {
			return nil, err
		}
		return e, p.expect(")")
	case t.kind == tokenName:
		if !t.quoted && slices.ContainsFunc(keywords, t.word) {
			return nil, p.unexpected()
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
		if p.tok.is("(") && !t.quoted {
			return p.function(t)
		}
		switch {
		case t.word("true"):
			return constant{boolean(true)}, nil
		case t.word("false"):
			return constant{boolean(false)}, nil
		}
		return p.field(t)
	}
	return nil, p.unexpected()
}

// field resolves a name.
func (p *parser) field(t token) (expr, *Error) {
	if p.stats != nil && !p.inner {
		// Outside of aggregations, a stats command knows what it has computed so far.
		at, ok := p.stats.out.names[t.text]
		if !ok {
			return nil, p.lex.unexpected(t)
		}
		return slot(at), nil
	}
	return p.seg.resolve(p.query, t), nil
}

// function reads a function's arguments, from the parenthesis on.
func (p *parser) function(name token) (expr, *Error) {
	if agg := aggregates[strings.ToLower(name.text)]; agg != nil {
		if p.stats == nil || p.inner {
			return nil, p.lex.unexpected(p.tok)
		}
		return p.aggregate(name, agg)
	}
	fn := functions[strings.ToLower(name.text)]
	if fn == functions["bin"] && p.stats != nil && !p.inner {
		return nil, p.lex.unexpected(p.tok)
	}
	if fn == nil {
		return nil, p.lex.fail(name.start, name.end, "Unknown function: %s", name.text)
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	p.query.unmasks = p.query.unmasks || fn == functions["unmask"]
	c := &call{fn: fn}
	for !p.tok.is(")") {
		if len(c.args) > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
		}
		if fn.period && p.tok.kind == tokenPeriod {
			unit, err := p.period()
			if err != nil {
				return nil, err
			}
			// The period is compiled into the call: it is not a value.
			c.fn = &function{do: fn.withPeriod(unit)}
			c.args = append(c.args, constant{})
			continue
		}
		e, err := p.expression()
		if err != nil {
			return nil, err
		}
		c.args = append(c.args, e)
	}
	if n := len(c.args); n < fn.least || fn.most >= 0 && n > fn.most || fn.period && c.fn == fn {
		return nil, p.lex.fail(name.start, p.tok.end, "Invalid arguments for function: %s", name.text)
	}
	if fn == functions["bin"] {
		c.args = []expr{p.seg.resolve(p.query, token{text: "@timestamp", path: []string{"@timestamp"}})}
	}
	if fn == functions["unmask"] {
		if need, ok := p.needOf(c.args[0]); ok {
			name := unmaskedPrefix + need
			return p.seg.resolve(p.query, token{text: name, path: []string{name}}), p.advance()
		}
	}
	return c, p.advance()
}

// needOf returns the field of the event that an expression is, at the place in the query.
func (p *parser) needOf(e expr) (string, bool) {
	at, ok := e.(slot)
	if !ok || !p.seg.events || p.stats != nil && !p.inner || p.seg.needs[at] < 0 {
		return "", false
	}
	return p.query.needs[p.seg.needs[at]], true
}
