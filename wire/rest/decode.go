// Package rest binds members to the parts of HTTP messages outside the body, and bodies that are a single member, for the
// REST protocols. What a structure looks like in a body it leaves to them.
package rest

import (
	"encoding/base64"
	"net/http"
	"net/textproto"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"drydock/aws"
	"drydock/wire/message"
	"drydock/wire/shape"
)

// Bounds of a request.
const (
	maxParams = 10000
	maxItems  = 10000
)

// Decode sets the members outside the body and marks them in seen. code is the code of the error for values that cannot
// be read.
func Decode(r *message.Request, s *shape.Struct, v reflect.Value, seen *shape.Seen, code string) error {
	if !s.Bound {
		return nil
	}
	var rest *shape.Field // the map that takes the query parameters no other member has
	queries := false
	for i := range s.Fields {
		f := &s.Fields[i]
		var err error
		switch f.Location {
		case shape.URI:
			if text, ok := r.Label(f.Name); ok {
				seen.Mark(f)
				err = shape.SetText(&f.Value, f.Target(v), text)
			}
		case shape.Header:
			err = header(r, f, v, seen)
		case shape.Headers:
			headers(r.Header, f, v)
		case shape.Query:
			queries = true
			if f.Kind == shape.Map {
				rest = f
			}
		}
		if err != nil {
			return unreadable(code, f, err)
		}
	}
	if strings.Contains(r.URL.RawQuery, "X-Amz-Signature=") {
		if err := hoisted(r.Header, r.URL.RawQuery, s, v, seen, code); err != nil {
			return err
		}
	}
	if !queries || r.URL.RawQuery == "" {
		return nil
	}
	return query(r.URL.RawQuery, s, v, rest, seen, code)
}

// hoisted sets the members of headers that a presigned URL carries as query parameters. A header of the request wins.
func hoisted(h http.Header, raw string, s *shape.Struct, v reflect.Value, seen *shape.Seen, code string) error {
	moved := http.Header{}
	for n := 0; raw != "" && n < maxParams; n++ {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		name, value, _ := strings.Cut(pair, "=")
		if len(name) < len(hoistedPrefix) || !strings.EqualFold(name[:len(hoistedPrefix)], hoistedPrefix) {
			continue
		}
		name, errName := url.QueryUnescape(name)
		value, errValue := url.QueryUnescape(value)
		name = textproto.CanonicalMIMEHeaderKey(name)
		if errName != nil || errValue != nil || len(h[name]) > 0 {
			continue
		}
		moved[name] = append(moved[name], value)
		if f := s.ByHeader(name); f != nil {
			if err := header(&message.Request{Request: &http.Request{Header: moved}}, f, v, seen); err != nil {
				return unreadable(code, f, err)
			}
		}
	}
	for i := range s.Fields {
		if f := &s.Fields[i]; f.Location == shape.Headers {
			headers(moved, f, v)
		}
	}
	return nil
}

const hoistedPrefix = "x-amz-"

func unreadable(code string, f *shape.Field, cause error) error {
	return message.Malformed(code, cause, "Invalid value for %s", f.Name)
}

func header(r *message.Request, f *shape.Field, v reflect.Value, seen *shape.Seen) error {
	values := r.Header[f.HeaderName]
	if len(values) == 0 {
		if f.HeaderName != "Content-Length" || r.ContentLength < 0 || f.Kind != shape.Integer {
			return nil
		}
		values = []string{strconv.FormatInt(r.ContentLength, 10)}
	}
	seen.Mark(f)
	switch {
	case f.Kind == shape.List:
		return headerList(f, f.Target(v), values)
	case f.JSON:
		text, err := shape.DecodeBase64(values[0])
		if err != nil {
			return err
		}
		f.SetString(v, string(text))
		return nil
	}
	return shape.SetText(&f.Value, f.Target(v), textproto.TrimString(values[0]))
}

// headerList splits at commas outside double quotes; dates have a comma of their own.
func headerList(f *shape.Field, list reflect.Value, values []string) error {
	list.Set(reflect.MakeSlice(list.Type(), 0, len(values)))
	for _, value := range values {
		for value != "" {
			var item string
			item, value = cutItem(value, f.Elem.Kind == shape.Time && f.Elem.TS.Or(shape.RFC822) == shape.RFC822)
			if list.Len() >= maxItems {
				return shape.ErrScalar
			}
			if err := shape.SetText(f.Elem, shape.Append(list), item); err != nil {
				return err
			}
		}
	}
	return nil
}

func cutItem(s string, date bool) (item, rest string) {
	quoted := false
	commas := 0
	for i := range len(s) {
		switch {
		case s[i] == '"' && (i == 0 || s[i-1] != '\\'):
			quoted = !quoted
		case s[i] == ',' && !quoted:
			if commas++; date && commas == 1 {
				continue
			}
			return unquote(s[:i]), strings.TrimLeft(s[i+1:], " \t")
		}
	}
	return unquote(s), ""
}

func unquote(s string) string {
	s = textproto.TrimString(s)
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(s[1 : len(s)-1])
}

// headers collects the headers that begin with a prefix. Their names come in lower case: HTTP does not keep the case.
func headers(h http.Header, f *shape.Field, v reflect.Value) {
	for name, values := range h {
		if len(name) < len(f.Name) || !strings.EqualFold(name[:len(f.Name)], f.Name) || len(values) == 0 {
			continue
		}
		target := f.Target(v)
		if target.IsNil() {
			target.Set(reflect.MakeMap(f.Type))
		}
		key := reflect.ValueOf(strings.ToLower(name[len(f.Name):])).Convert(f.Type.Key())
		target.SetMapIndex(key, reflect.ValueOf(strings.Join(values, ",")).Convert(f.Elem.Type))
	}
}

func query(raw string, s *shape.Struct, v reflect.Value, rest *shape.Field, seen *shape.Seen, code string) error {
	for n := 0; raw != ""; n++ {
		if n >= maxParams {
			return message.Malformed(code, nil, "Too many query parameters")
		}
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			return message.Malformed(code, err, "Malformed query string")
		}
		if value, err = url.QueryUnescape(value); err != nil {
			return message.Malformed(code, err, "Malformed query string")
		}
		if name == "" {
			continue
		}
		f := s.ByParam(name)
		switch {
		case f == nil && rest == nil, f == nil && strings.HasPrefix(name, "X-Amz-"):
			continue
		case f == nil || f.Kind == shape.Map:
			if rest != nil {
				err = entry(rest, v, name, value)
			}
			f = rest
		case f.Kind == shape.List:
			target := f.Target(v)
			if target.IsNil() {
				target.Set(reflect.MakeSlice(target.Type(), 0, 4))
			}
			err = shape.SetText(f.Elem, shape.Append(target), value)
		case f.JSON:
			f.SetString(v, value)
		default:
			seen.Mark(f)
			err = shape.SetText(&f.Value, f.Target(v), value)
		}
		if err != nil {
			return unreadable(code, f, err)
		}
	}
	return nil
}

// entry adds a parameter to a map of strings or of lists of strings.
func entry(f *shape.Field, v reflect.Value, name, value string) error {
	m := f.Target(v)
	if m.IsNil() {
		m.Set(reflect.MakeMap(m.Type()))
	}
	key := reflect.ValueOf(name).Convert(f.Type.Key())
	elem := reflect.New(f.Elem.Type).Elem()
	if f.Elem.Kind != shape.List {
		if err := shape.SetText(f.Elem, elem, value); err != nil {
			return err
		}
		m.SetMapIndex(key, elem)
		return nil
	}
	if old := m.MapIndex(key); old.IsValid() {
		elem.Set(old)
	}
	if err := shape.SetText(f.Elem.Elem, shape.Append(elem), value); err != nil {
		return err
	}
	m.SetMapIndex(key, elem)
	return nil
}

// DecodePayload sets a payload that is a blob, a string or a stream, and tells whether it was one of these.
func DecodePayload(r *message.Request, f *shape.Field, v reflect.Value, seen *shape.Seen, code string) (bool, error) {
	switch f.Kind {
	case shape.Reader:
		seen.Mark(f)
		if r.Content == nil && r.Body != nil {
			f.Target(v).Set(reflect.ValueOf(r.Body))
			return true, nil
		}
		f.Target(v).Set(reflect.ValueOf(readCloser(r.Content)))
		return true, nil
	case shape.Events:
		f.Target(v).Set(reflect.ValueOf(unreadableEvents))
		return true, nil
	case shape.Blob, shape.String:
	default:
		return false, nil
	}
	buf := message.NewBuffer()
	defer buf.Free()
	body, err := r.ReadBody(buf)
	if err != nil {
		return true, message.Malformed(code, err, "Unable to read the request body")
	}
	if len(body) == 0 {
		return true, nil
	}
	seen.Mark(f)
	if f.Kind == shape.String {
		f.SetString(v, string(body))
	} else {
		f.Target(v).SetBytes(append([]byte{}, body...))
	}
	return true, nil
}

// unreadableEvents stands for an event stream a client sends: the type of its events is not known from the input.
var unreadableEvents aws.EventStream = func(yield func(any, error) bool) {
	yield(nil, aws.NewError(http.StatusNotImplemented, "NotImplemented", "Input event streams are not implemented"))
}

func encodeBase64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
