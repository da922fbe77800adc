package logsinsights

import (
	"cmp"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

type kind uint8

const (
	kindNull kind = iota
	kindString
	kindNumber
	kindTime // num is milliseconds of the Unix epoch
	kindStructure
)

// Value is a value of a field: missing, a text, a number, a time, or a structure parsed from JSON.
type Value struct {
	kind kind
	num  float64
	str  string
	tree any // map[string]any, []any
}

// Text returns a text.
func Text(s string) Value { return Value{kind: kindString, str: s} }

// Time returns the time of so many milliseconds of the Unix epoch.
func Time(millis int64) Value { return Value{kind: kindTime, num: float64(millis)} }

// Present tells whether there is a value.
func (v Value) Present() bool { return v.kind != kindNull }

func number(n float64) Value {
	if math.IsNaN(n) || math.IsInf(n, 0) {
		return Value{}
	}
	return Value{kind: kindNumber, num: n}
}

func boolean(b bool) Value {
	if b {
		return number(1)
	}
	return number(0)
}

// structure returns what a JSON value stands for.
func structure(x any) Value {
	switch x := x.(type) {
	case nil:
		return Value{}
	case string:
		return Text(x)
	case bool:
		return boolean(x)
	case float64:
		return number(x)
	default:
		return Value{kind: kindStructure, tree: x}
	}
}

// timeFormat is how times are shown.
const timeFormat = "2006-01-02 15:04:05.000"

// String returns the value as results show it.
func (v Value) String() string {
	switch v.kind {
	case kindString:
		return v.str
	case kindNumber:
		return formatNumber(v.num)
	case kindTime:
		return time.UnixMilli(int64(v.num)).UTC().Format(timeFormat)
	case kindStructure:
		b, err := json.Marshal(v.tree, json.Deterministic(true))
		if err != nil {
			return ""
		}
		return string(b)
	case kindNull:
	}
	return ""
}

// formatNumber shows at most four decimals.
func formatNumber(n float64) string {
	if n == math.Trunc(n) && math.Abs(n) < 1e15 {
		return strconv.FormatInt(int64(n), 10)
	}
	if math.Abs(n) >= 1e15 {
		return strconv.FormatFloat(n, 'E', -1, 64)
	}
	s := strings.TrimRight(strconv.FormatFloat(n, 'f', 4, 64), "0")
	s = strings.TrimSuffix(s, ".")
	if s == "-0" {
		return "0"
	}
	return s
}

// number returns the value as a number, if it is one or reads as one.
func (v Value) number() (float64, bool) {
	switch v.kind {
	case kindNumber, kindTime:
		return v.num, true
	case kindString:
		return parseNumber(v.str)
	case kindNull, kindStructure:
	}
	return 0, false
}

// parseNumber reads a decimal number, and nothing else that strconv takes.
func parseNumber(s string) (float64, bool) {
	if s == "" || len(s) > 40 {
		return 0, false
	}
	switch c := s[0]; {
	case isDigit(c), c == '-', c == '+', c == '.':
	default:
		return 0, false
	}
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case isDigit(c), c == '.', c == 'e', c == 'E', c == '-', c == '+':
		default:
			return 0, false
		}
	}
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil
}

// truth tells whether a filter passes on the value.
func (v Value) truth() bool {
	switch v.kind {
	case kindNumber, kindTime:
		return v.num != 0
	case kindString:
		return v.str == "1" || strings.EqualFold(v.str, "true")
	case kindNull, kindStructure:
	}
	return false
}

// equal compares as numbers where both are, else as texts. A missing value is equal to nothing.
func equal(a, b Value) bool {
	if a.kind == kindNull || b.kind == kindNull {
		return false
	}
	if a.kind == kindString && b.kind == kindString && a.str == b.str {
		return true
	}
	if x, ok := a.number(); ok {
		if y, ok := b.number(); ok {
			return x == y
		}
		return a.kind == kindTime && a.String() == b.String()
	}
	if a.kind == kindString && b.kind != kindString {
		if _, ok := b.number(); ok && b.kind != kindTime {
			return false
		}
	}
	return a.String() == b.String()
}

// order compares values that are there, and tells whether they can be compared: numbers with numbers, texts with texts.
func order(a, b Value) (int, bool) {
	if a.kind == kindNull || b.kind == kindNull {
		return 0, false
	}
	x, isX := a.number()
	y, isY := b.number()
	switch {
	case isX && isY:
		return cmp.Compare(x, y), true
	case isX != isY && (a.kind == kindNumber || b.kind == kindNumber):
		return 0, false
	}
	return strings.Compare(a.String(), b.String()), true
}

// naturally compares for sorting: missing values come first, then texts, then numbers. In texts, runs of digits compare
// by their length and then their value.
func naturally(a, b Value) int {
	if a.kind == kindNull || b.kind == kindNull {
		return cmp.Compare(min(a.kind, 1), min(b.kind, 1))
	}
	x, isX := a.number()
	y, isY := b.number()
	switch {
	case isX && isY:
		return cmp.Compare(x, y)
	case isX:
		return 1
	case isY:
		return -1
	}
	return naturalText(a.String(), b.String())
}

func naturalText(a, b string) int {
	for a != "" && b != "" {
		if isDigit(a[0]) && isDigit(b[0]) {
			x, y := digitRun(a), digitRun(b)
			if c := cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(x, y)); c != 0 {
				return c
			}
			a, b = a[len(x):], b[len(y):]
			continue
		}
		if a[0] != b[0] {
			return cmp.Compare(a[0], b[0])
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Compare(len(a), len(b))
}

func digitRun(s string) string {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	return s[:n]
}

// walk goes down a structure.
func (v Value) walk(path []string) Value {
	x := v.tree
	if v.kind != kindStructure {
		return Value{}
	}
	for _, key := range path {
		switch at := x.(type) {
		case map[string]any:
			x = at[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(at) {
				return Value{}
			}
			x = at[i]
		default:
			return Value{}
		}
	}
	return structure(x)
}

// size is about what the value takes in memory.
func (v Value) size() int {
	n := len(v.str) + 56
	if v.kind == kindStructure {
		n += treeSize(v.tree)
	}
	return n
}

func treeSize(x any) int {
	n := 16
	switch x := x.(type) {
	case string:
		n += len(x)
	case []any:
		for _, e := range x {
			n += treeSize(e)
		}
	case map[string]any:
		for k, e := range x {
			n += 32 + len(k) + treeSize(e)
		}
	}
	return n
}
