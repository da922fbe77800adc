package shape

import (
	"encoding/base64"
	"errors"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// ErrScalar is returned by SetText for a text that is no value of the kind.
var ErrScalar = errors.New("text is not a value of the member's type")

// SetText sets v, planned by p, from the text form scalars have in XML, query strings, headers and URIs. It covers
// every kind but those with members.
func SetText(p *Value, v reflect.Value, text string) error {
	switch p.Kind {
	case String:
		v.SetString(text)
	case Bool:
		switch {
		case strings.EqualFold(text, "true"), text == "1":
			v.SetBool(true)
		case strings.EqualFold(text, "false"), text == "0":
			v.SetBool(false)
		default:
			return ErrScalar
		}
	case Integer:
		n, err := strconv.ParseInt(text, 10, p.Type.Bits())
		if err != nil {
			return ErrScalar
		}
		v.SetInt(n)
	case Float:
		n, err := ParseFloat(text, p.Type.Bits())
		if err != nil {
			return err
		}
		v.SetFloat(n)
	case Time:
		t, err := ParseTime(text)
		if err != nil {
			return ErrScalar
		}
		SetTime(v, t)
	case Blob:
		b, err := DecodeBase64(text)
		if err != nil {
			return err
		}
		v.SetBytes(b)
	default:
		return ErrScalar
	}
	return nil
}

// ParseFloat reads a decimal number, NaN, Infinity or -Infinity.
func ParseFloat(text string, bits int) (float64, error) {
	switch text {
	case "NaN":
		return math.NaN(), nil
	case "Infinity":
		return math.Inf(1), nil
	case "-Infinity":
		return math.Inf(-1), nil
	}
	if text == "" || strings.ContainsAny(text, "xXpPnN_") {
		return 0, ErrScalar
	}
	n, err := strconv.ParseFloat(text, bits)
	if err != nil {
		return 0, ErrScalar
	}
	return n, nil
}

// DecodeBase64 decodes standard base64, with or without padding; the result is never nil.
func DecodeBase64(text string) ([]byte, error) {
	text = strings.TrimRight(strings.TrimSpace(text), "=")
	b := make([]byte, base64.RawStdEncoding.DecodedLen(len(text)))
	n, err := base64.RawStdEncoding.Decode(b, []byte(text))
	if err != nil {
		return nil, ErrScalar
	}
	return b[:n], nil
}

// SetTime sets a time value without boxing it.
func SetTime(v reflect.Value, t time.Time) { *(v.Addr().Interface().(*time.Time)) = t }

// AppendText appends the text form of a scalar; format is that of timestamps without one of their own.
func AppendText(dst []byte, p *Value, v reflect.Value, format TimeFormat) []byte {
	switch p.Kind {
	case String:
		return append(dst, v.String()...)
	case Bool:
		return strconv.AppendBool(dst, v.Bool())
	case Integer:
		return strconv.AppendInt(dst, v.Int(), 10)
	case Float:
		return AppendFloat(dst, v.Float(), p.Type.Bits())
	case Time:
		return AppendTime(dst, GetTime(v), p.TS.Or(format))
	case Blob:
		return base64.StdEncoding.AppendEncode(dst, v.Bytes())
	}
	return dst
}

// GetTime returns the time in v.
func GetTime(v reflect.Value) time.Time {
	if v.CanAddr() {
		return *(v.Addr().Interface().(*time.Time))
	}
	return v.Interface().(time.Time)
}

// AppendFloat appends the shortest decimal form of n, or NaN, Infinity, -Infinity.
func AppendFloat(dst []byte, n float64, bits int) []byte {
	switch {
	case math.IsNaN(n):
		return append(dst, "NaN"...)
	case math.IsInf(n, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(n, -1):
		return append(dst, "-Infinity"...)
	}
	form := byte('f')
	if a := math.Abs(n); a != 0 && (a < 1e-6 || a >= 1e21) {
		form = 'e'
	}
	return strconv.AppendFloat(dst, n, form, -1, bits)
}
