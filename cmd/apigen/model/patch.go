package model

import (
	"bytes"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// MergePatch applies an RFC 7386 merge patch to target in place. New keys stand behind the existing ones, in the
// patch's order. The key "//" is a comment and is left out wherever it stands.
func MergePatch(target, patch *Object) {
	for _, key := range patch.Keys() {
		if key == "//" {
			continue
		}
		v, _ := patch.Get(key)
		switch v := v.(type) {
		case nil:
			target.Delete(key)
		case *Object:
			sub := target.Object(key)
			if sub == nil {
				sub = NewObject()
				target.Set(key, sub)
			}
			MergePatch(sub, v)
		default:
			target.Set(key, v)
		}
	}
}

// Diff returns the merge patch that turns what a model's generator reads of from into what it reads of to; documentation,
// examples, and the traits only clients need are left out on both sides.
func Diff(from, to *Object) *Object {
	patch := NewObject()
	for _, key := range []string{"metadata", "operations", "shapes"} {
		if d := diff(from.Object(key), to.Object(key)); len(d.Keys()) > 0 {
			patch.Set(key, d)
		}
	}
	return patch
}

// clientTraits are keys of models that decide nothing on the server's side.
var clientTraits = []string{
	"documentation", "documentationUrl", "deprecatedMessage", "deprecatedSince", "contextParam", "staticContextParams",
	"operationContextParams", "endpointdiscovery", "endpointdiscoveryid", "endpointoperation", "readonly", "idempotent", "alias",
	"requestcompression", "retryable", "synthetic", "box", "uid", "serviceAbbreviation", "signatureVersion", "checksumFormat",
	"ripServiceName", "xmlOrder", "requestValidationModeMember", "responseAlgorithms",
}

func ignored(key string, v Value) bool {
	// A structure member can have any of the names; it is then an object with a shape.
	if obj, ok := v.(*Object); ok {
		if _, isRef := obj.Get("shape"); isRef {
			return false
		}
	}
	return slices.Contains(clientTraits, key)
}

func diff(from, to *Object) *Object {
	patch := NewObject()
	for _, key := range to.Keys() {
		v, _ := to.Get(key)
		if ignored(key, v) {
			continue
		}
		old, had := from.Get(key)
		if obj, ok := v.(*Object); ok {
			oldObj, _ := old.(*Object)
			if d := diff(oldObj, obj); len(d.Keys()) > 0 || !had {
				patch.Set(key, d)
			}
			continue
		}
		if v = stripped(v); !had || !equal(stripped(old), v) {
			patch.Set(key, v)
		}
	}
	for _, key := range from.Keys() {
		if v, _ := from.Get(key); ignored(key, v) {
			continue
		}
		if _, kept := to.Get(key); !kept {
			patch.Set(key, nil)
		}
	}
	return patch
}

// stripped removes the client traits inside the objects of a list.
func stripped(v Value) Value {
	switch v := v.(type) {
	case []Value:
		out := make([]Value, len(v))
		for i, e := range v {
			out[i] = stripped(e)
		}
		return out
	case *Object:
		return diff(nil, v)
	}
	return v
}

func equal(a, b Value) bool {
	return bytes.Equal(Format(a), Format(b))
}

// Format writes a value as JSON: a line for each member of an object, small values on one line.
func Format(v Value) []byte {
	compact := jsontext.Value(appendValue(nil, v))
	return appendPretty(nil, v, compact, 0)
}

func appendValue(dst []byte, v Value) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...)
	case bool:
		if v {
			return append(dst, "true"...)
		}
		return append(dst, "false"...)
	case string:
		dst, _ = jsontext.AppendQuote(dst, v) // fails on invalid UTF-8 only, which the parser has refused
		return dst
	case Number:
		return append(dst, v...)
	case []Value:
		dst = append(dst, '[')
		for i, e := range v {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = appendValue(dst, e)
		}
		return append(dst, ']')
	case *Object:
		dst = append(dst, '{')
		for i, key := range v.Keys() {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = appendValue(dst, key)
			dst = append(dst, ": "...)
			dst = appendValue(dst, v.values[key])
		}
		return append(dst, '}')
	}
	panic("model: not a JSON value")
}

const lineWidth = 120

func appendPretty(dst []byte, v Value, compact []byte, depth int) []byte {
	list, isList := v.([]Value)
	obj, isObject := v.(*Object)
	if !isList && !isObject || depth > 0 && len(compact) <= lineWidth-2*depth {
		return append(dst, compact...)
	}
	indent := bytes.Repeat([]byte("  "), depth)
	if isList {
		return appendFilled(dst, list, indent)
	}
	dst = append(dst, '{')
	for i, key := range obj.keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '\n')
		dst = append(dst, indent...)
		dst = append(dst, "  "...)
		dst = appendValue(dst, key)
		dst = append(dst, ": "...)
		dst = appendPretty(dst, obj.values[key], appendValue(nil, obj.values[key]), depth+1)
	}
	dst = append(dst, '\n')
	dst = append(dst, indent...)
	return append(dst, '}')
}

// appendFilled writes a list with as many elements on a line as fit.
func appendFilled(dst []byte, list []Value, indent []byte) []byte {
	dst = append(dst, '[')
	width := lineWidth // the first element begins a line
	for i, e := range list {
		text := appendValue(nil, e)
		if i > 0 {
			dst = append(dst, ',')
		}
		if width += len(text) + len(", "); width > lineWidth {
			dst = append(append(append(dst, '\n'), indent...), "  "...)
			width = len(indent) + len("  ") + len(text) + len(",")
		} else {
			dst = append(dst, ' ')
		}
		dst = append(dst, text...)
	}
	return append(append(append(dst, '\n'), indent...), ']')
}
