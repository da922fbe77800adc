package model

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// A Value is a JSON value: nil, bool, string, Number, []Value or *Object.
type Value any

// Number is a JSON number as it was written, so that limits beyond float64's precision survive.
type Number string

// Object is a JSON object that keeps the order of its keys: the order of a structure's members is the order of the
// elements in XML documents.
type Object struct {
	keys   []string
	values map[string]Value
}

// NewObject returns an empty object.
func NewObject() *Object { return &Object{values: map[string]Value{}} }

// Keys returns the keys in order. The caller must not change the slice.
func (o *Object) Keys() []string {
	if o == nil {
		return nil
	}
	return o.keys
}

// Get returns the value of a key and whether there is one; a nil Object is empty.
func (o *Object) Get(key string) (Value, bool) {
	if o == nil {
		return nil, false
	}
	v, ok := o.values[key]
	return v, ok
}

// Set replaces the value of a key in its place, or appends the key.
func (o *Object) Set(key string, v Value) {
	if _, ok := o.values[key]; !ok {
		o.keys = append(o.keys, key)
	}
	o.values[key] = v
}

// Delete removes a key, if it is there.
func (o *Object) Delete(key string) {
	if _, ok := o.values[key]; ok {
		delete(o.values, key)
		o.keys = slices.DeleteFunc(o.keys, func(k string) bool { return k == key })
	}
}

// Object returns the object at a key, or nil.
func (o *Object) Object(key string) *Object {
	v, _ := o.Get(key)
	obj, _ := v.(*Object)
	return obj
}

// String returns the string at a key, or "".
func (o *Object) String(key string) string {
	v, _ := o.Get(key)
	s, _ := v.(string)
	return s
}

// Bool tells whether the key holds true or an object, which newer models use where older ones say true.
func (o *Object) Bool(key string) bool {
	v, _ := o.Get(key)
	if b, ok := v.(bool); ok {
		return b
	}
	_, ok := v.(*Object)
	return ok
}

// Strings returns the strings of the list at a key.
func (o *Object) Strings(key string) []string {
	v, _ := o.Get(key)
	list, _ := v.([]Value)
	var out []string
	for _, e := range list {
		if s, ok := e.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// Objects returns the objects of the list at a key.
func (o *Object) Objects(key string) []*Object {
	v, _ := o.Get(key)
	list, _ := v.([]Value)
	var out []*Object
	for _, e := range list {
		if obj, ok := e.(*Object); ok {
			out = append(out, obj)
		}
	}
	return out
}

// Number returns the number at a key as it was written, or "".
func (o *Object) Number(key string) string {
	v, _ := o.Get(key)
	n, _ := v.(Number)
	return string(n)
}

// ParseTree reads one JSON object.
func ParseTree(data []byte) (*Object, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(data))
	v, err := parseValue(dec)
	if err != nil {
		return nil, err
	}
	obj, ok := v.(*Object)
	if !ok {
		return nil, errors.New("the document is not a JSON object")
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value")
	}
	return obj, nil
}

func parseValue(dec *jsontext.Decoder) (Value, error) {
	tok, err := dec.ReadToken()
	if err != nil {
		return nil, err
	}
	switch tok.Kind() {
	case 'n':
		return nil, nil
	case 't', 'f':
		return tok.Bool(), nil
	case '"':
		return tok.String(), nil
	case '0':
		return Number(tok.String()), nil
	case '[':
		list := []Value{}
		for dec.PeekKind() != ']' {
			v, err := parseValue(dec)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := dec.ReadToken()
		return list, err
	default: // '{': the decoder reports misplaced ends itself
		obj := NewObject()
		for dec.PeekKind() != '}' {
			name, err := dec.ReadToken()
			if err != nil {
				return nil, err
			}
			key := name.String()
			v, err := parseValue(dec)
			if err != nil {
				return nil, err
			}
			obj.Set(key, v)
		}
		_, err := dec.ReadToken()
		return obj, err
	}
}

// ReadTree reads one JSON object from a file, unpacking it where the name ends in ".gz".
func ReadTree(path string) (*Object, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(path, ".gz") {
		zr, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("unpacking %s: %w", path, err)
		}
		if data, err = io.ReadAll(zr); err != nil {
			return nil, fmt.Errorf("unpacking %s: %w", path, err)
		}
	}
	obj, err := ParseTree(data)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return obj, nil
}
