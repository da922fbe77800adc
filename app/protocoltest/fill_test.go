package protocoltest

import (
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"drydock/api/logs"
	"drydock/api/s3"
	"drydock/aws"
	"drydock/wire/shape"
)

// filler fills structures by rules that a script in another language can follow:
//
//   - a string is the first value of its enum, else the name of the member that it is or is below;
//   - a blob is that name's bytes, a number their sum, with a half where it has a fraction;
//   - a boolean is true, a timestamp filledTime; so is the header Expires, which is a string here, to stay as it came;
//   - a list has one element; a map one entry, under the first value of its keys' enum, else "key";
//   - a union has its first member only, and a structure no structure that it is inside of;
//   - where the required members alone are set, a required structure that requires nothing has all its members, because
//     not every protocol can send an empty one; and a string without enum that is in no header ends in oddText.
type filler struct {
	requiredOnly bool
	inside       []string
	suffix       string // of strings
}

// oddText has what paths, queries, forms, XML and JSON have to escape.
const oddText = " /+%&=?~#;<\">'\té€"

var filledTime = time.Date(2021, 2, 3, 4, 5, 6, 0, time.UTC)

// eventTypes are the unions that the operations' streams send: their types say only that they are streams.
var eventTypes = map[string]reflect.Type{
	"logs.StartLiveTail":     reflect.TypeFor[logs.StartLiveTailResponseStream](),
	"s3.SelectObjectContent": reflect.TypeFor[s3.SelectObjectContentEventStream](),
}

// input returns a filled input structure.
func input(op *aws.Operation, requiredOnly bool) any {
	in := reflect.New(op.Input)
	f := filler{requiredOnly: requiredOnly}
	if requiredOnly {
		f.suffix = oddText
	}
	f.structure(shape.Of(op.Input), in.Elem())
	return in.Interface()
}

// output returns a filled output structure. Its stream has one event of each kind.
func output(t *testing.T, op *aws.Operation) any {
	t.Helper()
	out := reflect.New(op.Output)
	f := filler{}
	s := shape.Of(op.Output)
	f.structure(s, out.Elem())
	for i := range s.Fields {
		if field := &s.Fields[i]; field.Kind == shape.Events {
			union := eventTypes[op.String()]
			if union == nil {
				t.Fatalf("eventTypes does not say what %s streams", op)
			}
			field.Target(out.Elem()).Set(reflect.ValueOf(events(union)))
		}
	}
	return out.Interface()
}

func events(union reflect.Type) aws.EventStream {
	s := shape.Of(union)
	return func(yield func(any, error) bool) {
		for i := range s.Fields {
			f := filler{}
			event := reflect.New(union)
			field := &s.Fields[i]
			if field.Struct.Error != "" {
				continue // that is how a stream breaks off
			}
			f.structure(field.Struct, field.Target(event.Elem()))
			if !yield(event.Interface(), nil) {
				return
			}
		}
	}
}

// modelled returns a filled error.
func modelled(e aws.ErrorShape) *aws.Error {
	filled := aws.NewShapeError(e.Shape, e.Code, e.Status, "Message of %s", e.Shape)
	s, v := shape.Of(e.Type), reflect.New(e.Type).Elem()
	f := filler{}
	f.structure(s, v)
	for i := range s.Fields {
		field := &s.Fields[i]
		if value, ok := field.Get(v); ok && !strings.EqualFold(field.Member, "message") {
			filled = filled.With(field.Name, value.Interface())
		}
	}
	return filled
}

func (f *filler) structure(s *shape.Struct, v reflect.Value) {
	f.inside = append(f.inside, s.Name)
	defer func() { f.inside = f.inside[:len(f.inside)-1] }()
	for i := range s.Fields {
		field := &s.Fields[i]
		if f.requiredOnly && !field.Required && !s.Union {
			continue
		}
		value := reflect.New(field.Type).Elem()
		below := *f
		if field.Location == shape.Header || field.Location == shape.Headers {
			below.suffix = ""
		}
		if !below.value(&field.Value, value, field.Member) {
			continue
		}
		if field.Kind == shape.String && field.HeaderName == "Expires" {
			value.SetString(filledTime.Format(http.TimeFormat))
		}
		field.Target(v).Set(value)
		if s.Union {
			return
		}
	}
}

func requires(s *shape.Struct) bool {
	return slices.ContainsFunc(s.Fields, func(f shape.Field) bool { return f.Required })
}

// value sets v and tells whether there is something to set.
func (f *filler) value(p *shape.Value, v reflect.Value, name string) bool {
	number := 0
	for _, b := range []byte(name) {
		number += int(b)
	}
	switch p.Kind {
	case shape.Structure:
		if slices.Contains(f.inside, p.Struct.Name) {
			return false
		}
		below := *f
		below.requiredOnly = f.requiredOnly && requires(p.Struct)
		below.structure(p.Struct, v)
	case shape.List:
		element := reflect.New(p.Elem.Type).Elem()
		if !f.value(p.Elem, element, name) {
			return false
		}
		v.Set(reflect.Append(v, element))
	case shape.Map:
		element := reflect.New(p.Elem.Type).Elem()
		if !f.value(p.Elem, element, name) {
			return false
		}
		key := reflect.New(v.Type().Key()).Elem()
		key.SetString("key")
		setEnum(key)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, element)
	case shape.String:
		v.SetString(name + f.suffix)
		setEnum(v)
	case shape.Bool:
		v.SetBool(true)
	case shape.Integer:
		v.SetInt(int64(number))
	case shape.Float:
		v.SetFloat(float64(number) + 0.5)
	case shape.Time:
		v.Set(reflect.ValueOf(filledTime))
	case shape.Blob:
		v.SetBytes([]byte(name))
	case shape.Reader:
		v.Set(reflect.ValueOf(io.NopCloser(strings.NewReader(name))))
	default: // documents and events
		return false
	}
	return true
}

func setEnum(v reflect.Value) {
	if enum, ok := reflect.TypeAssert[interface{ Values() []string }](v); ok && len(enum.Values()) > 0 {
		v.SetString(enum.Values()[0])
	}
}

// members turns a structure into a map by the names of the members that are set. It counts the scalars in leaves.
func members(t *testing.T, s *shape.Struct, v reflect.Value, leaves *int) map[string]any {
	t.Helper()
	out := map[string]any{}
	for i := range s.Fields {
		f := &s.Fields[i]
		if value, ok := f.Get(v); ok {
			out[f.Member] = member(t, &f.Value, value, leaves)
		}
	}
	return out
}

func member(t *testing.T, p *shape.Value, v reflect.Value, leaves *int) any {
	t.Helper()
	switch p.Kind {
	case shape.Structure:
		return members(t, p.Struct, v, leaves)
	case shape.List:
		list := []any{}
		for i := range v.Len() {
			list = append(list, member(t, p.Elem, v.Index(i), leaves))
		}
		return list
	case shape.Map:
		m := map[string]any{}
		for key, value := range v.Seq2() {
			m[key.String()] = member(t, p.Elem, value, leaves)
		}
		return m
	}
	*leaves++
	switch p.Kind {
	case shape.Reader:
		b, err := io.ReadAll(v.Interface().(io.Reader))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	case shape.Time:
		return v.Interface().(time.Time).UTC()
	}
	return v.Interface()
}
