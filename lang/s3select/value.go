package s3select

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
)

// Value is what a record holds and an expression comes to: nil is NULL; else one of Missing, bool, int64, float64, Number,
// string, time.Time, List and *Object.
type Value any

// Missing is the value of what is not there.
type Missing struct{}

// Number is a number as it is written, which is kept as long as it is only passed on.
type Number string

// List is an array.
type List []Value

// Object is a structure whose fields keep their order.
type Object struct {
	Names  []string
	Values []Value
}

// field returns a field: by its name, or for a name without quotes in any case.
func (o *Object) field(name string, quoted bool) Value {
	for i, n := range o.Names {
		if n == name {
			return o.Values[i]
		}
	}
	if !quoted {
		for i, n := range o.Names {
			if strings.EqualFold(n, name) {
				return o.Values[i]
			}
		}
	}
	return Missing{}
}

// unknown tells that a value is NULL or MISSING.
func unknown(v Value) bool {
	_, missing := v.(Missing)
	return v == nil || missing
}

// number reads a value as a number: text too, where it is one.
func number(v Value) (i int64, f float64, whole, ok bool) {
	text := ""
	switch v := v.(type) {
	case int64:
		return v, float64(v), true, true
	case float64:
		return 0, v, false, true
	case Number:
		text = string(v)
	case string:
		text = strings.TrimSpace(v)
	default:
		return 0, 0, false, false
	}
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return i, float64(i), true, true
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) || strings.ContainsAny(text, "xX_pP") {
		return 0, 0, false, false
	}
	return 0, f, false, true
}

func isNumber(v Value) bool {
	switch v.(type) {
	case int64, float64, Number:
		return true
	}
	return false
}

// compare orders two values; ok is false where there is no order.
func compare(a, b Value) (order int, ok bool) {
	switch {
	case unknown(a) || unknown(b):
		return 0, false
	case isNumber(a) || isNumber(b):
		ai, af, aw, aok := number(a)
		bi, bf, bw, bok := number(b)
		if !aok || !bok {
			return 0, false
		}
		if aw && bw {
			return sign(ai, bi), true
		}
		return sign(af, bf), true
	}
	switch a := a.(type) {
	case string:
		if b, ok := b.(string); ok {
			return strings.Compare(a, b), true
		}
		if b, ok := b.(bool); ok { // a field of CSV
			if t, ok := boolean(a); ok {
				return sign(bit(t), bit(b)), true
			}
		}
	case bool:
		if b, ok := boolean(b); ok {
			return sign(bit(a), bit(b)), true
		}
	case time.Time:
		if b, ok := b.(time.Time); ok {
			return a.Compare(b), true
		}
	}
	return 0, false
}

func sign[T int64 | float64 | int](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// boolean reads a truth value.
func boolean(v Value) (value, ok bool) {
	switch v := v.(type) {
	case bool:
		return v, true
	case string:
		switch strings.ToLower(v) {
		case "true":
			return true, true
		case "false":
			return false, true
		}
	}
	return false, false
}

// text writes a scalar as CSV and functions of text have it.
func text(v Value) string {
	switch v := v.(type) {
	case nil, Missing:
		return ""
	case string:
		return v
	case Number:
		return string(v)
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case time.Time:
		return v.Format(time.RFC3339Nano)
	}
	var b bytes.Buffer
	writeJSON(&b, v)
	return b.String()
}

// writeJSON writes a value as JSON; what is missing within a structure is left out.
func writeJSON(b *bytes.Buffer, v Value) {
	switch v := v.(type) {
	case nil, Missing:
		b.WriteString("null")
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) { // JSON has no such number
			b.WriteString("null")
			return
		}
		b.WriteString(text(v))
	case bool, int64, Number:
		b.WriteString(text(v))
	case List:
		b.WriteByte('[')
		for i, e := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			writeJSON(b, e)
		}
		b.WriteByte(']')
	case *Object:
		b.WriteByte('{')
		first := true
		for i, e := range v.Values {
			if _, missing := e.(Missing); missing {
				continue
			}
			if !first {
				b.WriteByte(',')
			}
			first = false
			writeString(b, v.Names[i])
			b.WriteByte(':')
			writeJSON(b, e)
		}
		b.WriteByte('}')
	default:
		writeString(b, text(v))
	}
}

func writeString(b *bytes.Buffer, s string) {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if e.Encode(s) == nil { // strings always encode
		b.Truncate(b.Len() - 1) // the line's end
	}
}
