package protocoltest

import (
	"io"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"drydock/aws"
	"drydock/wire/shape"
)

// validInputs makes inputs that keep to the model, so that what is tried is what comes after validation. A string is the
// text that texts has for it, by "package.Operation.Member" or "package.Member", else the first of its enum, else its
// name in the form that its constraints admit. Members for which texts says leftOut are not set. Everything else is filled
// as by filler.
type validInputs struct {
	texts        map[string]string
	requiredOnly bool
	op           *aws.Operation
	inside       []string
}

// leftOut is the text of members that are not set.
const leftOut = "\x00"

// forms are texts that patterns ask for.
var forms = []string{
	"v1", "/", "/path/", "111122223333", "a", "1.0", "DEFAULT", "o-abcdefghij", "o-abcdefghij/r-abcd/", "r-abcd", "https://example.com",
	"https://example.com/a", "s3://bucket/key", "com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0",
	"us-east-1", "cluster-abcdefghijk", "/kms/xks/v1", "p-0123456789ab", "arn:aws:kms:us-east-1:111122223333:key/0123",
	"abcd", "ABCDEFGHIJKLMNOPQRST", "123456", "abcdefabcdef", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
}

// valid returns an input of an operation that the model admits.
func valid(t *testing.T, op *aws.Operation, requiredOnly bool, texts map[string]string) any {
	t.Helper()
	in := reflect.New(op.Input)
	f := validInputs{texts: texts, requiredOnly: requiredOnly, op: op}
	f.structure(t, shape.Of(op.Input), in.Elem())
	if err := shape.Validate(op, in.Interface(), nil); err != nil {
		t.Fatalf("the input of %s is not valid, give forms what it takes: %v", op, err)
	}
	return in.Interface()
}

func (f *validInputs) structure(t *testing.T, s *shape.Struct, v reflect.Value) {
	t.Helper()
	f.inside = append(f.inside, s.Name)
	defer func() { f.inside = f.inside[:len(f.inside)-1] }()
	for i := range s.Fields {
		field := &s.Fields[i]
		if f.requiredOnly && !field.Required && !s.Union && !f.asked(field) {
			continue
		}
		if text, _ := f.given(field.Member); text == leftOut {
			continue
		}
		value := reflect.New(field.Type).Elem()
		below := *f
		if below.value(t, &field.Value, value, field.Member) {
			field.Target(v).Set(value)
			if s.Union {
				return
			}
		}
	}
}

// asked tells that texts has the member for this operation, required or not.
func (f *validInputs) asked(field *shape.Field) bool {
	_, ok := f.texts[f.op.String()+"."+field.Member]
	return ok && len(f.inside) == 1
}

func (f *validInputs) value(t *testing.T, p *shape.Value, v reflect.Value, name string) bool {
	t.Helper()
	switch p.Kind {
	case shape.Structure:
		if slices.Contains(f.inside, p.Struct.Name) {
			return false
		}
		below := *f
		below.requiredOnly = f.requiredOnly && requires(p.Struct)
		below.structure(t, p.Struct, v)
	case shape.List:
		element := reflect.New(p.Elem.Type).Elem()
		if !f.value(t, p.Elem, element, name) {
			return false
		}
		least, _ := p.Bounds()
		for n := 0.0; n == 0 || n < least; n++ {
			v.Set(reflect.Append(v, element))
		}
	case shape.Map:
		element := reflect.New(p.Elem.Type).Elem()
		if !f.value(t, p.Elem, element, name) {
			return false
		}
		f.entries(p, v, element)
	case shape.String:
		f.text(p, v, name)
	case shape.Bool:
		v.SetBool(false) // what is true would often ask for more
	case shape.Integer:
		v.SetInt(int64(number(p)))
	case shape.Float:
		v.SetFloat(number(p))
	case shape.Time:
		v.Set(reflect.ValueOf(filledTime))
	case shape.Blob:
		text, ok := f.given(name)
		if !ok {
			text = name
		}
		v.SetBytes([]byte(text))
	case shape.Reader:
		v.Set(reflect.ValueOf(io.NopCloser(strings.NewReader(name))))
	default:
		return false
	}
	return true
}

func number(p *shape.Value) float64 {
	least, most := p.Bounds()
	switch {
	case !math.IsNaN(least) && least > 1:
		return least
	case most < 1:
		return most
	}
	return 1
}

// entries sets as many entries as the map has to have.
func (f *validInputs) entries(p *shape.Value, v, element reflect.Value) {
	v.Set(reflect.MakeMap(v.Type()))
	least, _ := p.Bounds()
	for _, form := range append([]string{"key"}, forms...) {
		key := reflect.New(v.Type().Key()).Elem()
		key.SetString(form)
		setEnum(key)
		if !p.AdmitsKey(key.String()) {
			continue
		}
		v.SetMapIndex(key, element)
		if !(float64(v.Len()) < least) {
			return
		}
	}
}

// given returns the text that texts has for a member.
func (f *validInputs) given(name string) (text string, ok bool) {
	if text, ok = f.texts[f.op.String()+"."+name]; !ok {
		text, ok = f.texts[f.op.API.Package+"."+name]
	}
	return text, ok
}

func (f *validInputs) text(p *shape.Value, v reflect.Value, name string) {
	if text, ok := f.given(name); ok {
		v.SetString(text)
		return
	}
	v.SetString(name)
	setEnum(v)
	if p.Admits(v) {
		return
	}
	least, most := p.Bounds()
	for _, form := range append([]string{name, strings.ToLower(name)}, forms...) {
		if float64(len(form)) < least {
			form += strings.Repeat(form[len(form)-1:], int(least)-len(form))
		}
		if float64(len(form)) > most {
			form = form[:int(most)]
		}
		if v.SetString(form); p.Admits(v) {
			return
		}
	}
}
