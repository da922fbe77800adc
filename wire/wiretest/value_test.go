package wiretest

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"drydock/wire/shape"
)

// filledToken is what the vectors' client puts in for idempotency tokens.
const filledToken = "00000000-0000-4000-8000-000000000000"

// toParams turns a structure into the form the vectors give parameters in: member names, epoch seconds, blobs as text.
func toParams(t *testing.T, s *shape.Struct, v reflect.Value) map[string]any {
	out := map[string]any{}
	for i := range s.Fields {
		f := &s.Fields[i]
		fv, ok := f.Get(v)
		if !ok || f.Token && fv.String() == filledToken {
			continue
		}
		out[f.Member] = toParam(t, &f.Value, fv)
	}
	return out
}

func toParam(t *testing.T, p *shape.Value, v reflect.Value) any {
	if p.JSON {
		var x any
		if err := json.Unmarshal([]byte(v.String()), &x); err != nil {
			t.Fatalf("%q is not JSON: %v", v, err)
		}
		return x
	}
	switch p.Kind {
	case shape.Structure:
		return toParams(t, p.Struct, v)
	case shape.List:
		list := []any{}
		for i := range v.Len() {
			list = append(list, toParam(t, p.Elem, v.Index(i)))
		}
		return list
	case shape.Map:
		m := map[string]any{}
		for iter := v.MapRange(); iter.Next(); {
			m[iter.Key().String()] = toParam(t, p.Elem, iter.Value())
		}
		return m
	case shape.Time:
		return float64(v.Interface().(time.Time).Unix())
	case shape.Blob:
		return string(v.Bytes())
	case shape.Reader:
		b, err := io.ReadAll(v.Interface().(io.Reader))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	case shape.Bool:
		return v.Bool()
	case shape.Integer:
		return float64(v.Int())
	case shape.Float:
		if p.Type.Bits() == 32 {
			f, err := strconv.ParseFloat(fmt.Sprint(float32(v.Float())), 64)
			if err != nil {
				panic(err) // a float always prints as one
			}
			return f
		}
		return v.Float()
	case shape.String:
		return v.String()
	}
	return v.Interface()
}

// pruned drops nulls, and from lists what AWS's clients drop.
func pruned(x any) any {
	switch x := x.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, v := range x {
			if v != nil {
				out[k] = pruned(v)
			}
		}
		return out
	case []any:
		out := []any{}
		for _, v := range x {
			if v != nil {
				out = append(out, pruned(v))
			}
		}
		return out
	}
	return x
}

// fromParams sets a structure's members from their parameters.
func fromParams(t *testing.T, s *shape.Struct, v reflect.Value, params map[string]any) {
	for name, x := range params {
		f := s.ByMember(name)
		if f == nil {
			t.Fatalf("%s has no member %s", s.Name, name)
		}
		if x != nil {
			fromParam(t, &f.Value, f.Target(v), x)
		}
	}
}

func fromParam(t *testing.T, p *shape.Value, v reflect.Value, x any) {
	if p.JSON {
		b, err := json.Marshal(x)
		if err != nil {
			t.Fatal(err)
		}
		v.SetString(string(b))
		return
	}
	switch p.Kind {
	case shape.Structure:
		fromParams(t, p.Struct, v, x.(map[string]any))
	case shape.List:
		v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		for _, e := range x.([]any) {
			if e != nil {
				fromParam(t, p.Elem, shape.Append(v), e)
			}
		}
	case shape.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for k, e := range x.(map[string]any) {
			elem := reflect.New(p.Elem.Type).Elem()
			fromParam(t, p.Elem, elem, e)
			v.SetMapIndex(reflect.ValueOf(k).Convert(v.Type().Key()), elem)
		}
	case shape.Time:
		v.Set(reflect.ValueOf(time.Unix(int64(x.(float64)), 0).UTC()))
	case shape.Blob:
		v.SetBytes([]byte(x.(string)))
	case shape.Reader:
		v.Set(reflect.ValueOf(io.NopCloser(strings.NewReader(x.(string)))))
	case shape.Bool:
		v.SetBool(x.(bool))
	case shape.Integer:
		v.SetInt(int64(x.(float64)))
	case shape.Float:
		v.SetFloat(x.(float64))
	case shape.String:
		v.SetString(x.(string))
	default:
		v.Set(reflect.ValueOf(x))
	}
}
