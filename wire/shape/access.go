package shape

import (
	"math"
	"reflect"
)

// Get returns the member's value without its pointer, and whether it is set. A value that is no pointer, slice, map or
// interface is always set. v is the structure.
func (f *Field) Get(v reflect.Value) (reflect.Value, bool) {
	fv := v.Field(f.Index)
	if f.Pointer {
		if fv.IsNil() {
			return reflect.Value{}, false
		}
		return fv.Elem(), true
	}
	switch f.Kind {
	case Blob, List, Map, Document, Reader, Events:
		if fv.IsNil() {
			return reflect.Value{}, false
		}
	}
	return fv, true
}

// Target returns the member's settable value, allocated when the field is a nil pointer. v must be addressable.
func (f *Field) Target(v reflect.Value) reflect.Value {
	fv := v.Field(f.Index)
	if !f.Pointer {
		return fv
	}
	if fv.IsNil() {
		p := reflect.New(f.Type)
		fv.Set(p)
		return p.Elem()
	}
	return fv.Elem()
}

// SetString sets a string member.
func (f *Field) SetString(v reflect.Value, s string) {
	if f.Pointer && f.Type == stringType {
		v.Field(f.Index).Set(reflect.ValueOf(new(s))) // a copy, so that s stays where it is in the other case
		return
	}
	f.Target(v).SetString(s)
}

var stringType = reflect.TypeFor[string]()

// Append makes room for one more element in the list v and returns that element, zero.
func Append(v reflect.Value) reflect.Value {
	n := v.Len()
	if n == v.Cap() {
		v.Grow(1)
	}
	v.SetLen(n + 1)
	e := v.Index(n)
	e.SetZero()
	return e
}

// StructureOf returns the plan of the structure that in, a pointer, points to, and that structure, addressable; a nil
// pointer stands for a zero structure.
func StructureOf(in any) (*Struct, reflect.Value) {
	v := reflect.ValueOf(in)
	if v.Kind() == reflect.Pointer && v.IsNil() {
		v = reflect.New(v.Type().Elem())
	}
	v = reflect.Indirect(v)
	return Of(v.Type()), v
}

// Admits tells whether x, a value of v's type, keeps to the model's constraints on it. It does not look below: at the
// members of structures, the elements of lists or the values of maps.
func (v *Value) Admits(x reflect.Value) bool { return len(v.limits.violated(v.Kind, x)) == 0 }

// AdmitsKey tells whether a map may have the key.
func (v *Value) AdmitsKey(key string) bool {
	return len(v.keys.violated(String, reflect.ValueOf(key))) == 0
}

// Bounds are the least and the greatest length of a string, blob, list or map, or value of a number; each is NaN where the
// model has none.
func (v *Value) Bounds() (least, most float64) {
	least, most = math.NaN(), math.NaN()
	if v.hasMin {
		least = v.min
	}
	if v.hasMax {
		most = v.max
	}
	return least, most
}
