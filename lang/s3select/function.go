package s3select

import (
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// arities are the functions with the least and the greatest number of their arguments.
var arities = map[string][2]int{
	"COALESCE": {1, 1000}, "NULLIF": {2, 2}, "CHAR_LENGTH": {1, 1}, "CHARACTER_LENGTH": {1, 1}, "LOWER": {1, 1}, "UPPER": {1, 1},
	"SUBSTRING": {2, 3}, "TRIM": {1, 3}, "DATE_ADD": {3, 3}, "DATE_DIFF": {3, 3}, "EXTRACT": {2, 2}, "TO_STRING": {2, 2},
	"TO_TIMESTAMP": {1, 1}, "UTCNOW": {0, 0},
}

// call reads the arguments of a function or an aggregate, behind its opening parenthesis.
func (p *parser) call(name string) (expression, error) {
	switch name {
	case "COUNT", "SUM", "AVG", "MIN", "MAX":
		return p.aggregate(name)
	case "TRIM":
		return p.trim()
	case "EXTRACT":
		part, err := p.part()
		if err == nil {
			err = p.expect("FROM")
		}
		if err != nil {
			return nil, err
		}
		args, err := p.list()
		return checkCall(name, append([]expression{&literal{part}}, args...), err)
	case "DATE_ADD", "DATE_DIFF":
		part, err := p.part()
		if err == nil {
			err = p.expect(",")
		}
		if err != nil {
			return nil, err
		}
		args, err := p.list()
		return checkCall(name, append([]expression{&literal{part}}, args...), err)
	case "SUBSTRING":
		a, err := p.expr()
		if err != nil {
			return nil, err
		}
		if !p.take("FROM") && !p.take(",") {
			return nil, p.unexpected()
		}
		from, err := p.expr()
		if err != nil {
			return nil, err
		}
		args := []expression{a, from}
		if p.take("FOR") || p.take(",") {
			n, err := p.expr()
			if err != nil {
				return nil, err
			}
			args = append(args, n)
		}
		return checkCall(name, args, p.expect(")"))
	}
	args, err := p.list()
	return checkCall(name, args, err)
}

func checkCall(name string, args []expression, err error) (expression, error) {
	if err != nil {
		return nil, err
	}
	bounds, known := arities[name]
	switch {
	case !known:
		return nil, fail("UnsupportedFunction", "We encountered an unsupported SQL function: %s.", name)
	case len(args) < bounds[0] || len(args) > bounds[1]:
		return nil, fail("EvaluatorInvalidArguments", "There is an incorrect number of arguments in the function call of %s in the SQL expression.", name)
	}
	return &function{name, args}, nil
}

func (p *parser) aggregate(name string) (expression, error) {
	if p.in {
		return nil, fail("UnsupportedSqlStructure", "Aggregates cannot be nested.")
	}
	a := &aggregate{name: name, slot: len(p.query.aggregates)}
	p.query.aggregates = append(p.query.aggregates, a)
	if name == "COUNT" && p.take("*") {
		return a, p.expect(")")
	}
	p.in = true
	defer func() { p.in = false }()
	args, err := p.list()
	if err == nil && len(args) != 1 {
		err = fail("EvaluatorInvalidArguments", "There is an incorrect number of arguments in the function call of %s in the SQL expression.", name)
	}
	if err != nil {
		return nil, err
	}
	a.arg = args[0]
	return a, nil
}

// trim reads TRIM([[LEADING | TRAILING | BOTH] [characters] FROM] text).
func (p *parser) trim() (expression, error) {
	side := "BOTH"
	for _, s := range []string{"LEADING", "TRAILING", "BOTH"} {
		if p.take(s) {
			side = s
		}
	}
	var cut expression = &literal{" "}
	if !p.take("FROM") {
		a, err := p.expr()
		if err != nil {
			return nil, err
		}
		if p.take(")") {
			return &function{"TRIM", []expression{a, cut, &literal{side}}}, nil
		}
		cut = a
		if err := p.expect("FROM"); err != nil {
			return nil, err
		}
	}
	a, err := p.expr()
	if err != nil {
		return nil, err
	}
	return &function{"TRIM", []expression{a, cut, &literal{side}}}, p.expect(")")
}

func (p *parser) part() (string, error) {
	t := p.next()
	part := strings.ToUpper(t.text)
	switch part {
	case "YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND", "TIMEZONE_HOUR", "TIMEZONE_MINUTE":
		return part, nil
	}
	return "", fail("ParseExpectedDatePart", "Did not find the expected date part in the SQL expression.")
}

func invalid(format string, args ...any) error {
	return fail("EvaluatorInvalidArguments", format, args...)
}

func (f *function) eval(x *Execution) (Value, error) {
	if f.name == "UTCNOW" {
		return x.now, nil
	}
	if f.name == "COALESCE" {
		for _, a := range f.args {
			v, err := a.eval(x)
			if err != nil || !unknown(v) {
				return v, err
			}
		}
		return nil, nil
	}
	args := make([]Value, len(f.args))
	for i, a := range f.args {
		var err error
		if args[i], err = a.eval(x); err != nil {
			return nil, err
		}
	}
	if f.name == "NULLIF" {
		if c, ok := compare(args[0], args[1]); ok && c == 0 {
			return nil, nil
		}
		return args[0], nil
	}
	if slices.ContainsFunc(args, unknown) {
		return nil, nil
	}
	switch f.name {
	case "DATE_ADD", "DATE_DIFF", "EXTRACT", "TO_STRING", "TO_TIMESTAMP":
		return dates(f.name, args)
	}
	s, ok := args[0].(string)
	if !ok {
		return nil, invalid("The function %s takes text.", f.name)
	}
	switch f.name {
	case "CHAR_LENGTH", "CHARACTER_LENGTH":
		return int64(utf8.RuneCountInString(s)), nil
	case "LOWER":
		return strings.ToLower(s), nil
	case "UPPER":
		return strings.ToUpper(s), nil
	case "SUBSTRING":
		return substring(s, args[1:])
	}
	cut, side := text(args[1]), args[2]
	if side != "TRAILING" {
		s = strings.TrimLeft(s, cut)
	}
	if side != "LEADING" {
		s = strings.TrimRight(s, cut)
	}
	return s, nil
}

// substring counts characters from 1; what lies before the first counts too.
func substring(s string, args []Value) (Value, error) {
	from, _, whole, ok := number(args[0])
	if !ok || !whole {
		return nil, invalid("SUBSTRING takes whole numbers.")
	}
	runes := []rune(s)
	end := int64(len(runes)) + 1
	if len(args) > 1 {
		n, _, whole, ok := number(args[1])
		if !ok || !whole || n < 0 {
			return nil, invalid("SUBSTRING takes whole numbers, and a length that is not negative.")
		}
		if from < end-n {
			end = from + n
		}
	}
	from = max(from, 1)
	if from >= end {
		return "", nil
	}
	return string(runes[from-1 : end-1]), nil
}

func dates(name string, args []Value) (Value, error) {
	switch name {
	case "TO_TIMESTAMP":
		at, err := parseTime(text(args[0]))
		if err != nil {
			return nil, fail("CastFailed", "Attempt to convert from one data type to another failed: %q is no timestamp.", text(args[0]))
		}
		return at, nil
	case "TO_STRING":
		at, ok := args[0].(time.Time)
		if !ok {
			return nil, invalid("TO_STRING takes a timestamp.")
		}
		return formatTime(at, text(args[1]))
	}
	part := text(args[0])
	at, ok := args[len(args)-1].(time.Time)
	if !ok {
		return nil, invalid("The function %s takes a timestamp.", name)
	}
	switch name {
	case "EXTRACT":
		return extract(part, at), nil
	case "DATE_ADD":
		n, _, whole, ok := number(args[1])
		if !ok || !whole || n > math.MaxInt32 || n < math.MinInt32 {
			return nil, invalid("DATE_ADD takes a whole number.")
		}
		return dateAdd(part, int(n), at)
	}
	from, ok := args[1].(time.Time)
	if !ok {
		return nil, invalid("DATE_DIFF takes timestamps.")
	}
	return dateDiff(part, from, at)
}
