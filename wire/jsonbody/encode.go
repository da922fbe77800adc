package jsonbody

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"drydock/wire/shape"
)

// AppendStruct appends the members of v that belong in the body, and are set, as an object.
func AppendStruct(dst []byte, s *shape.Struct, v reflect.Value) []byte {
	dst = append(dst, '{')
	dst, _ = AppendMembers(dst, s, v, false)
	return append(dst, '}')
}

// AppendMembers appends members without the braces around them, a comma first when more tells that some stand there
// already, and returns whether any stand there now.
func AppendMembers(dst []byte, s *shape.Struct, v reflect.Value, more bool) ([]byte, bool) {
	for i := range s.Fields {
		f := &s.Fields[i]
		if f.Location != shape.Body || f.Payload || f.EventHeader || f.EventPayload || f.Kind >= shape.Reader {
			continue
		}
		fv, ok := f.Get(v)
		if !ok {
			continue
		}
		dst = appendName(dst, f.Name, more)
		more = true
		dst = AppendValue(dst, &f.Value, fv)
	}
	return dst, more
}

func appendName(dst []byte, name string, more bool) []byte {
	if more {
		dst = append(dst, ',')
	}
	dst = appendString(dst, name)
	return append(dst, ':')
}

// appendString quotes s; what is no UTF-8 becomes U+FFFD.
func appendString(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s)
	return dst
}

// AppendValue appends any value.
func AppendValue(dst []byte, p *shape.Value, v reflect.Value) []byte {
	switch p.Kind {
	case shape.String:
		return appendString(dst, v.String())
	case shape.Bool:
		return strconv.AppendBool(dst, v.Bool())
	case shape.Integer:
		return strconv.AppendInt(dst, v.Int(), 10)
	case shape.Float:
		return appendFloat(dst, v.Float(), p.Type.Bits())
	case shape.Time:
		return AppendTime(dst, shape.GetTime(v), p.TS)
	case shape.Blob:
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, v.Bytes())
		return append(dst, '"')
	case shape.Structure:
		return AppendStruct(dst, p.Struct, v)
	case shape.List:
		dst = append(dst, '[')
		for i := range v.Len() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendValue(dst, p.Elem, v.Index(i))
		}
		return append(dst, ']')
	case shape.Map:
		return appendMap(dst, p, v)
	case shape.Document:
		return AppendAny(dst, v.Interface())
	}
	return append(dst, "null"...)
}

// AppendTime appends a timestamp: a number for the default format, else a string.
func AppendTime(dst []byte, t time.Time, format shape.TimeFormat) []byte {
	if format.Or(shape.Unix) == shape.Unix {
		return shape.AppendTime(dst, t, shape.Unix)
	}
	dst = append(dst, '"')
	dst = shape.AppendTime(dst, t, format)
	return append(dst, '"')
}

func appendFloat(dst []byte, n float64, bits int) []byte {
	if math.IsNaN(n) || math.IsInf(n, 0) {
		dst = append(dst, '"')
		dst = shape.AppendFloat(dst, n, bits)
		return append(dst, '"')
	}
	return shape.AppendFloat(dst, n, bits)
}

// appendMap writes the entries in the order of their keys, so that equal outputs are equal bytes.
func appendMap(dst []byte, p *shape.Value, v reflect.Value) []byte {
	keys := SortedKeys(v)
	dst = append(dst, '{')
	for i, key := range keys {
		dst = appendName(dst, key.String(), i > 0)
		dst = AppendValue(dst, p.Elem, v.MapIndex(key))
	}
	return append(dst, '}')
}

// SortedKeys returns the keys of a map of strings in order.
func SortedKeys(v reflect.Value) []reflect.Value {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int {
		if a.String() < b.String() {
			return -1
		}
		return 1
	})
	return keys
}

// AppendAny appends a value that no plan describes: a document or an error's member. Generated structures are written
// by their plans.
func AppendAny(dst []byte, x any) []byte {
	switch x := x.(type) {
	case nil:
		return append(dst, "null"...)
	case string:
		return appendString(dst, x)
	case bool:
		return strconv.AppendBool(dst, x)
	case int:
		return strconv.AppendInt(dst, int64(x), 10)
	case int32:
		return strconv.AppendInt(dst, int64(x), 10)
	case int64:
		return strconv.AppendInt(dst, x, 10)
	case float64:
		return appendFloat(dst, x, 64)
	case time.Time:
		return AppendTime(dst, x, shape.Unix)
	case []any:
		dst = append(dst, '[')
		for i, e := range x {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendAny(dst, e)
		}
		return append(dst, ']')
	case map[string]any:
		keys := make([]string, 0, len(x))
		for k := range x {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		dst = append(dst, '{')
		for i, k := range keys {
			dst = appendName(dst, k, i > 0)
			dst = AppendAny(dst, x[k])
		}
		return append(dst, '}')
	}
	return appendOther(dst, reflect.ValueOf(x))
}

func appendOther(dst []byte, v reflect.Value) []byte {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return append(dst, "null"...)
		}
		return appendOther(dst, v.Elem())
	case reflect.String:
		return appendString(dst, v.String())
	case reflect.Struct:
		if t, ok := reflect.TypeAssert[time.Time](v); ok {
			return AppendTime(dst, t, shape.Unix)
		}
		return AppendStruct(dst, shape.Of(v.Type()), v)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			break
		}
		dst = append(dst, '[')
		for i := range v.Len() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendAny(dst, v.Index(i).Interface())
		}
		return append(dst, ']')
	}
	b, err := json.Marshal(v.Interface())
	if err != nil {
		return append(dst, "null"...)
	}
	return append(dst, b...)
}
