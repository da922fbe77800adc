package cbor

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"slices"
	"time"

	"drydock/wire/jsonbody"
	"drydock/wire/shape"
)

func appendText(dst []byte, s string) []byte {
	return append(appendHead(dst, majorText, uint64(len(s))), s...)
}

func appendInt(dst []byte, n int64) []byte {
	if n < 0 {
		return appendHead(dst, majorNegative, uint64(-1-n))
	}
	return appendHead(dst, majorUint, uint64(n))
}

func appendFloat(dst []byte, f float64) []byte {
	if narrow := float32(f); float64(narrow) == f {
		return binary.BigEndian.AppendUint32(append(dst, majorSimple<<5|simpleFloat), math.Float32bits(narrow))
	}
	return binary.BigEndian.AppendUint64(append(dst, majorSimple<<5|simpleLong), math.Float64bits(f))
}

func appendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, majorSimple<<5|simpleTrue)
	}
	return append(dst, majorSimple<<5|simpleFalse)
}

// appendTime writes epoch seconds under tag 1, a float where there are milliseconds.
func appendTime(dst []byte, t time.Time) []byte {
	dst = appendHead(dst, majorTag, 1)
	ms := t.UnixMilli()
	if ms%1000 == 0 {
		return appendInt(dst, ms/1000)
	}
	return appendFloat(dst, float64(ms)/1000)
}

// appendStruct writes the members that are set as a map of indefinite length, so they are walked once.
func appendStruct(dst []byte, s *shape.Struct, v reflect.Value) []byte {
	dst = append(dst, majorMap<<5|indefinite)
	for i := range s.Fields {
		f := &s.Fields[i]
		if f.Kind >= shape.Reader || f.EventHeader || f.EventPayload {
			continue
		}
		if fv, ok := f.Get(v); ok {
			dst = appendValue(appendText(dst, f.Name), &f.Value, fv)
		}
	}
	return append(dst, breakByte)
}

func appendValue(dst []byte, p *shape.Value, v reflect.Value) []byte {
	switch p.Kind {
	case shape.String:
		return appendText(dst, v.String())
	case shape.Bool:
		return appendBool(dst, v.Bool())
	case shape.Integer:
		return appendInt(dst, v.Int())
	case shape.Float:
		return appendFloat(dst, v.Float())
	case shape.Time:
		return appendTime(dst, shape.GetTime(v))
	case shape.Blob:
		b := v.Bytes()
		return append(appendHead(dst, majorBytes, uint64(len(b))), b...)
	case shape.Structure:
		return appendStruct(dst, p.Struct, v)
	case shape.List:
		dst = appendHead(dst, majorArray, uint64(v.Len()))
		for i := range v.Len() {
			dst = appendValue(dst, p.Elem, v.Index(i))
		}
		return dst
	case shape.Map:
		dst = appendHead(dst, majorMap, uint64(v.Len()))
		for _, key := range jsonbody.SortedKeys(v) {
			dst = appendValue(appendText(dst, key.String()), p.Elem, v.MapIndex(key))
		}
		return dst
	case shape.Document:
		return appendAny(dst, v.Interface())
	}
	return append(dst, majorSimple<<5|simpleNull)
}

// appendAny writes a value that no plan describes: a document or an error's member.
func appendAny(dst []byte, x any) []byte {
	switch x := x.(type) {
	case nil:
		return append(dst, majorSimple<<5|simpleNull)
	case string:
		return appendText(dst, x)
	case time.Time:
		return appendTime(dst, x)
	case []byte:
		return append(appendHead(dst, majorBytes, uint64(len(x))), x...)
	case map[string]any:
		keys := make([]string, 0, len(x))
		for k := range x {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		dst = appendHead(dst, majorMap, uint64(len(x)))
		for _, k := range keys {
			dst = appendAny(appendText(dst, k), x[k])
		}
		return dst
	}
	v := reflect.ValueOf(x)
	switch v.Kind() {
	case reflect.Bool:
		return appendBool(dst, v.Bool())
	case reflect.Int, reflect.Int32, reflect.Int64:
		return appendInt(dst, v.Int())
	case reflect.Float32, reflect.Float64:
		return appendFloat(dst, v.Float())
	case reflect.String:
		return appendText(dst, v.String())
	case reflect.Pointer:
		if v.IsNil() {
			return append(dst, majorSimple<<5|simpleNull)
		}
		return appendAny(dst, v.Elem().Interface())
	case reflect.Struct:
		return appendStruct(dst, shape.Of(v.Type()), v)
	case reflect.Slice:
		dst = appendHead(dst, majorArray, uint64(v.Len()))
		for i := range v.Len() {
			dst = appendAny(dst, v.Index(i).Interface())
		}
		return dst
	}
	return appendText(dst, fmt.Sprint(x))
}
