// Package xmlbody reads and writes structures as XML, for the protocols whose bodies are XML. It knows no HTTP.
package xmlbody

import (
	"reflect"
	"strings"
	"unicode/utf8"

	"drydock/wire/jsonbody"
	"drydock/wire/shape"
)

// Header is the declaration documents begin with.
const Header = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

// AppendMembers appends the members of v that belong in the body, and are set, as elements. Attributes are not among
// them: see AppendElement.
func AppendMembers(dst []byte, s *shape.Struct, v reflect.Value) []byte {
	for i := range s.Fields {
		f := &s.Fields[i]
		if f.Location != shape.Body || f.Payload || f.Attr || f.EventHeader || f.EventPayload || f.Kind >= shape.Document {
			continue
		}
		if fv, ok := f.Get(v); ok {
			dst = AppendElement(dst, f.Name, &f.Value, fv)
		}
	}
	return dst
}

// AppendElement appends a value as an element, or as one for each member where it is a flat list or map.
func AppendElement(dst []byte, name string, p *shape.Value, v reflect.Value) []byte {
	switch p.Kind {
	case shape.Structure:
		dst = appendStart(dst, name, p)
		for i := range p.Struct.Fields {
			if f := &p.Struct.Fields[i]; f.Attr {
				if fv, ok := f.Get(v); ok {
					dst = append(dst, ' ')
					dst = append(dst, f.Name...)
					dst = append(dst, '=', '"')
					dst = AppendText(dst, string(shape.AppendText(nil, &f.Value, fv, shape.ISO8601)))
					dst = append(dst, '"')
				}
			}
		}
		dst = append(dst, '>')
		dst = AppendMembers(dst, p.Struct, v)
		return appendEnd(dst, name)
	case shape.List:
		if p.Flat {
			if p.Item != "" {
				name = p.Item
			}
			for i := range v.Len() {
				dst = AppendElement(dst, name, p.Elem, v.Index(i))
			}
			return dst
		}
		dst = append(appendStart(dst, name, p), '>')
		for i := range v.Len() {
			dst = AppendElement(dst, p.ItemName(), p.Elem, v.Index(i))
		}
		return appendEnd(dst, name)
	case shape.Map:
		return appendMap(dst, name, p, v)
	}
	dst = append(appendStart(dst, name, p), '>')
	if p.Kind == shape.String {
		dst = AppendText(dst, v.String())
	} else {
		dst = shape.AppendText(dst, p, v, shape.ISO8601)
	}
	return appendEnd(dst, name)
}

func appendMap(dst []byte, name string, p *shape.Value, v reflect.Value) []byte {
	entry := name
	if !p.Flat {
		dst = append(appendStart(dst, name, p), '>')
		entry = p.EntryName()
	}
	for _, key := range jsonbody.SortedKeys(v) {
		dst = AppendStart(dst, entry)
		dst = AppendString(dst, p.KeyName(), key.String())
		dst = AppendElement(dst, p.ValueName(), p.Elem, v.MapIndex(key))
		dst = appendEnd(dst, entry)
	}
	if !p.Flat {
		dst = appendEnd(dst, name)
	}
	return dst
}

// appendStart appends a start tag up to where its attributes go.
func appendStart(dst []byte, name string, p *shape.Value) []byte {
	dst = append(dst, '<')
	dst = append(dst, name...)
	if p.NS == "" {
		return dst
	}
	dst = append(dst, " xmlns"...)
	if p.NSPrefix != "" {
		dst = append(dst, ':')
		dst = append(dst, p.NSPrefix...)
	}
	dst = append(dst, '=', '"')
	dst = AppendText(dst, p.NS)
	return append(dst, '"')
}

// AppendStart appends a start tag.
func AppendStart(dst []byte, name string) []byte {
	dst = append(dst, '<')
	dst = append(dst, name...)
	return append(dst, '>')
}

// AppendRoot appends the start tag of a document in a namespace, which may be empty.
func AppendRoot(dst []byte, name, namespace string) []byte {
	return append(appendStart(dst, name, &shape.Value{NS: namespace}), '>')
}

// AppendEnd appends an end tag.
func AppendEnd(dst []byte, name string) []byte { return appendEnd(dst, name) }

func appendEnd(dst []byte, name string) []byte {
	dst = append(dst, '<', '/')
	dst = append(dst, name...)
	return append(dst, '>')
}

// AppendString appends an element that holds text.
func AppendString(dst []byte, name, text string) []byte {
	dst = AppendStart(dst, name)
	dst = AppendText(dst, text)
	return appendEnd(dst, name)
}

const special = "&<>\"'\t\n\r"

// AppendText appends text with what XML reserves escaped; characters XML cannot hold become U+FFFD.
func AppendText(dst []byte, text string) []byte {
	plain := true
	for i := 0; i < len(text); i++ {
		if c := text[i]; c < 0x20 || c >= 0x7f || strings.IndexByte(special, c) >= 0 {
			plain = false
			break
		}
	}
	if plain {
		return append(dst, text...)
	}
	for _, r := range text {
		switch {
		case r == '&':
			dst = append(dst, "&amp;"...)
		case r == '<':
			dst = append(dst, "&lt;"...)
		case r == '>':
			dst = append(dst, "&gt;"...)
		case r == '"':
			dst = append(dst, "&quot;"...)
		case r == '\'':
			dst = append(dst, "&#39;"...)
		case r == '\t':
			dst = append(dst, "&#x9;"...)
		case r == '\n':
			dst = append(dst, "&#xA;"...)
		case r == '\r':
			dst = append(dst, "&#xD;"...)
		case r < 0x20, r == 0xfffe, r == 0xffff:
			dst = utf8.AppendRune(dst, utf8.RuneError)
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst
}
