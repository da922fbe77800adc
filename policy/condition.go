package policy

import (
	"bytes"
	"encoding/base64"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Values gives the values of condition keys.
type Values interface {
	// Values returns the values of a key, which is in lower case, and whether the request has the key. The slice is
	// not changed and is valid until the next call.
	Values(key string) ([]string, bool)
}

// Map is a Values of keys in lower case.
type Map map[string][]string

// Values implements the interface.
func (m Map) Values(key string) ([]string, bool) {
	v, ok := m[key]
	return v, ok
}

// Condition is one key of one operator of a Condition element. All conditions of a statement must hold.
type Condition struct {
	// Operator is as written, such as "ForAnyValue:StringLikeIfExists".
	Operator string
	// Key is the condition key as written.
	Key string
	// Values are the values as written, booleans and numbers as JSON writes them.
	Values []string

	op     operator
	key    string // lower case
	values []operand
}

// family is what an operator compares.
type family uint8

const (
	familyString family = iota
	familyStringFold
	familyStringLike
	familyNumeric
	familyDate
	familyBool
	familyBinary
	familyIP
	familyARN
	familyNull
)

// quantifier is the prefix for keys with many values.
type quantifier uint8

const (
	anyOrOne quantifier = iota // no prefix
	forAll                     // ForAllValues:
	forAny                     // ForAnyValue:
)

// order is the comparison of numbers and dates.
type order uint8

const (
	equal order = iota
	less
	lessEqual
	greater
	greaterEqual
)

// operator is a condition operator taken apart.
type operator struct {
	family     family
	order      order
	negated    bool
	quantifier quantifier
	ifExists   bool
}

// operators are the names without prefix and without IfExists.
var operators = map[string]operator{
	"StringEquals":              {family: familyString},
	"StringNotEquals":           {family: familyString, negated: true},
	"StringEqualsIgnoreCase":    {family: familyStringFold},
	"StringNotEqualsIgnoreCase": {family: familyStringFold, negated: true},
	"StringLike":                {family: familyStringLike},
	"StringNotLike":             {family: familyStringLike, negated: true},
	"NumericEquals":             {family: familyNumeric},
	"NumericNotEquals":          {family: familyNumeric, negated: true},
	"NumericLessThan":           {family: familyNumeric, order: less},
	"NumericLessThanEquals":     {family: familyNumeric, order: lessEqual},
	"NumericGreaterThan":        {family: familyNumeric, order: greater},
	"NumericGreaterThanEquals":  {family: familyNumeric, order: greaterEqual},
	"DateEquals":                {family: familyDate},
	"DateNotEquals":             {family: familyDate, negated: true},
	"DateLessThan":              {family: familyDate, order: less},
	"DateLessThanEquals":        {family: familyDate, order: lessEqual},
	"DateGreaterThan":           {family: familyDate, order: greater},
	"DateGreaterThanEquals":     {family: familyDate, order: greaterEqual},
	"Bool":                      {family: familyBool},
	"BinaryEquals":              {family: familyBinary},
	"IpAddress":                 {family: familyIP},
	"NotIpAddress":              {family: familyIP, negated: true},
	"ArnEquals":                 {family: familyARN},
	"ArnLike":                   {family: familyARN},
	"ArnNotEquals":              {family: familyARN, negated: true},
	"ArnNotLike":                {family: familyARN, negated: true},
	"Null":                      {family: familyNull},
}

// parseOperator reads an operator's name.
func parseOperator(name string) (operator, bool) {
	q := anyOrOne
	if rest, ok := strings.CutPrefix(name, "ForAllValues:"); ok {
		name, q = rest, forAll
	} else if rest, ok := strings.CutPrefix(name, "ForAnyValue:"); ok {
		name, q = rest, forAny
	}
	base, ifExists := strings.CutSuffix(name, "IfExists")
	op, ok := operators[base]
	op.quantifier, op.ifExists = q, ifExists
	if op.family == familyNull && (ifExists || q != anyOrOne) {
		return operator{}, false
	}
	return op, ok
}

// operand is one value of a condition, read ahead where it has no variables.
type operand struct {
	text  pattern
	valid bool // the fields below hold the value in its type
	num   float64
	date  time.Time
	flag  bool
	net   netip.Prefix
	arn   arnPattern
	bytes []byte
}

// compileOperand reads a policy's value for an operator.
func compileOperand(f family, s string, vars bool) operand {
	o := operand{text: compile(s, f == familyStringLike, vars)}
	if f == familyARN {
		o.arn, o.valid = compileARN(s, vars), true
	} else if o.text.shape != shapeVariable {
		o.read(f, o.text.text)
	}
	return o
}

// read fills the field that the family needs.
func (o *operand) read(f family, s string) {
	switch f {
	case familyNumeric:
		o.num, o.valid = parseNumber(s)
	case familyDate:
		o.date, o.valid = parseDate(s)
	case familyBool, familyNull:
		o.flag, o.valid = parseBool(s)
	case familyIP:
		o.net, o.valid = parseNet(s)
	case familyBinary:
		b, err := base64.StdEncoding.DecodeString(s)
		o.bytes, o.valid = b, err == nil
	default:
		o.valid = true
	}
}

// equals compares one value of the request with one of the policy; negation is the caller's.
func (op *operator) equals(o *operand, value string, ctx Values) bool {
	switch op.family {
	case familyString, familyStringLike:
		return o.text.match(value, ctx)
	case familyARN:
		g := splitARN(value)
		return g.ok && o.arn.match(value, &g, ctx)
	case familyStringFold, familyNumeric, familyDate, familyBool, familyBinary, familyIP, familyNull:
	}
	if o.text.shape == shapeVariable {
		p, ok := o.text.resolve(ctx)
		if !ok {
			return false
		}
		resolved := operand{text: p}
		resolved.read(op.family, p.text)
		o = &resolved
	}
	if !o.valid {
		return false
	}
	switch op.family {
	case familyStringFold:
		return strings.EqualFold(o.text.text, value)
	case familyNumeric:
		n, ok := parseNumber(value)
		return ok && op.order.holds(compareFloat(n, o.num))
	case familyDate:
		t, ok := parseDate(value)
		return ok && op.order.holds(t.Compare(o.date))
	case familyBool:
		b, ok := parseBool(value)
		return ok && b == o.flag
	case familyIP:
		a, err := netip.ParseAddr(value)
		return err == nil && o.net.Contains(a.Unmap().WithZone(""))
	case familyBinary:
		b, err := base64.StdEncoding.DecodeString(value)
		return err == nil && bytes.Equal(b, o.bytes)
	default:
		return false
	}
}

// holds tells whether a comparison's result satisfies the order.
func (o order) holds(c int) bool {
	switch o {
	case less:
		return c < 0
	case lessEqual:
		return c <= 0
	case greater:
		return c > 0
	case greaterEqual:
		return c >= 0
	default:
		return c == 0
	}
}

// holds tells whether the condition is met. A missing key meets negated operators, IfExists and ForAllValues.
func (c *Condition) holds(ctx Values) bool {
	var values []string
	ok := false
	if ctx != nil {
		values, ok = ctx.Values(c.key)
	}
	if c.op.family == familyNull {
		missing := !ok || len(values) == 0
		for i := range c.values {
			o := &c.values[i]
			if o.text.shape == shapeVariable {
				if p, resolved := o.text.resolve(ctx); resolved {
					o = &operand{text: p}
					o.read(familyNull, p.text)
				}
			}
			if o.valid && o.flag == missing {
				return true
			}
		}
		return false
	}
	if !ok {
		switch {
		case c.op.ifExists || c.op.quantifier == forAll:
			return true
		case c.op.quantifier == forAny:
			return false
		default:
			return c.op.negated
		}
	}
	// Looking up a variable may reuse the slice, so a single value is copied; longer ones are never made on the fly.
	var one [1]string
	if len(values) == 1 {
		one[0] = values[0]
		values = one[:]
	}
	switch c.op.quantifier {
	case forAll:
		for _, v := range values {
			if c.anyEquals(v, ctx) == c.op.negated {
				return false
			}
		}
		return true
	case forAny:
		for _, v := range values {
			if c.anyEquals(v, ctx) != c.op.negated {
				return true
			}
		}
		return false
	default:
		for _, v := range values {
			if c.anyEquals(v, ctx) {
				return !c.op.negated
			}
		}
		return c.op.negated
	}
}

// anyEquals tells whether one of the policy's values equals v.
func (c *Condition) anyEquals(v string, ctx Values) bool {
	for i := range c.values {
		if c.op.equals(&c.values[i], v, ctx) {
			return true
		}
	}
	return false
}

func compareFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	default:
		return 0
	}
}

func parseNumber(s string) (float64, bool) {
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil && !math.IsNaN(n) && !math.IsInf(n, 0)
}

func parseBool(s string) (value, ok bool) {
	switch {
	case strings.EqualFold(s, "true"):
		return true, true
	case strings.EqualFold(s, "false"):
		return false, true
	}
	return false, false
}

func parseNet(s string) (netip.Prefix, bool) {
	if strings.IndexByte(s, '/') < 0 {
		a, err := netip.ParseAddr(s)
		if err != nil {
			return netip.Prefix{}, false
		}
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := netip.ParsePrefix(s)
	return p, err == nil
}

// dateLayouts are the forms of ISO 8601 that W3C's profile names, and those AWS documents beside them.
var dateLayouts = []string{
	"2006-01-02T15:04:05.999999999Z07:00",
	"2006-01-02T15:04:05.999999999Z0700",
	"2006-01-02T15:04Z07:00",
	"2006-01-02T15:04:05",
	"2006-01-02T15:04",
	"2006-01-02",
	"2006-01",
	"2006",
}

// parseDate reads a date, or seconds since 1970 where the text is a number of more than four digits.
func parseDate(s string) (time.Time, bool) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && len(s) != 4 {
		return time.Unix(n, 0).UTC(), true
	}
	for _, layout := range dateLayouts {
		if t, err := time.Parse(layout, strings.ToUpper(s)); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
