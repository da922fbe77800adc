// Package jsonbody reads and writes structures as JSON, for the protocols whose bodies are JSON. It knows no HTTP.
package jsonbody

import (
	"bytes"
	"errors"
	"io"
	"math"
	"reflect"
	"strconv"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"drydock/aws"
	"drydock/wire/shape"
)

// MaxDepth bounds how deep objects and arrays of a request may nest.
const MaxDepth = 128

// decoder reads one document; it is pooled because jsontext's state is large.
type decoder struct {
	dec     *jsontext.Decoder
	buf     bytes.Buffer
	name    []byte
	missing *shape.Missing
	depth   int
}

var decoders = sync.Pool{New: func() any { return &decoder{dec: jsontext.NewDecoder(eof{})} }}

type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }

// Decode reads a document into the structure v, which must be addressable, and records what is missing. An empty
// document is an empty object. Members the model does not know are skipped. seen are the members that were found outside
// the body. The error is a SerializationException.
func Decode(data []byte, s *shape.Struct, v reflect.Value, missing *shape.Missing, seen shape.Seen) error {
	return decode(data, missing, func(d *decoder) error { return d.structure(s, v, seen) },
		func() { missing.Check(s, seen) })
}

// DecodeValue reads a document that is a value other than a structure's.
func DecodeValue(data []byte, p *shape.Value, v reflect.Value, missing *shape.Missing) error {
	return decode(data, missing, func(d *decoder) error { return d.value(p, v) }, func() {})
}

func decode(data []byte, missing *shape.Missing, read func(*decoder) error, empty func()) error {
	if len(bytes.TrimLeft(data, " \t\r\n")) == 0 {
		empty()
		return nil
	}
	d := decoders.Get().(*decoder)
	d.buf = *bytes.NewBuffer(data)
	d.dec.Reset(&d.buf, jsontext.AllowDuplicateNames(true))
	d.missing, d.depth = missing, 0
	err := read(d)
	if err == nil {
		if _, tail := d.dec.ReadToken(); !errors.Is(tail, io.EOF) {
			err = malformed(tail)
		}
	}
	d.buf, d.missing = bytes.Buffer{}, nil
	d.dec.Reset(eof{})
	decoders.Put(d)
	var shown *aws.Error
	if err != nil && !errors.As(err, &shown) {
		return malformed(err)
	}
	return err
}

func malformed(err error) error {
	e := aws.NewError(400, "SerializationException", "Unable to parse the request body as JSON")
	if err != nil {
		e = e.WithCause(err)
	}
	return e
}

func mismatch(text string) error { return aws.NewError(400, "SerializationException", "%s", text) }

const (
	strayList   = "Start of list found where not expected"
	strayObject = "Start of structure or map found where not expected."
	strayScalar = "Unexpected field type"
)

func (d *decoder) enter() error {
	if d.depth++; d.depth > MaxDepth {
		return mismatch("Document nests deeper than allowed")
	}
	_, err := d.dec.ReadToken()
	return err
}

func (d *decoder) leave() error {
	d.depth--
	_, err := d.dec.ReadToken()
	return err
}

func (d *decoder) structure(s *shape.Struct, v reflect.Value, seen shape.Seen) error {
	switch d.dec.PeekKind() {
	case '{':
	case '[':
		return mismatch(strayList)
	case 0:
		_, err := d.dec.ReadToken()
		return malformed(err)
	default:
		return mismatch(strayScalar)
	}
	if err := d.enter(); err != nil {
		return err
	}
	for d.dec.PeekKind() == '"' {
		name, err := d.readName()
		if err != nil {
			return err
		}
		f := s.ByName(name)
		if f == nil || d.dec.PeekKind() == 'n' {
			if err := d.dec.SkipValue(); err != nil {
				return err
			}
			continue
		}
		seen.Mark(f)
		if f.Kind == shape.String {
			text, err := d.text()
			if err != nil {
				return err
			}
			f.SetString(v, text)
			continue
		}
		d.missing.Enter(f)
		if err := d.value(&f.Value, f.Target(v)); err != nil {
			return err
		}
		d.missing.Leave()
	}
	d.missing.Check(s, seen)
	return d.leave()
}

// readName reads a member's name; the result is valid until the next read.
func (d *decoder) readName() ([]byte, error) {
	raw, err := d.dec.ReadValue()
	if err != nil {
		return nil, err
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1], nil
	}
	d.name, err = jsontext.AppendUnquote(d.name[:0], raw)
	return d.name, err
}

func (d *decoder) value(p *shape.Value, v reflect.Value) error {
	switch p.Kind {
	case shape.Structure:
		return d.structure(p.Struct, v, 0)
	case shape.List:
		return d.list(p, v)
	case shape.Map:
		return d.entries(p, v)
	case shape.Document:
		x, err := d.document()
		if err == nil && x != nil {
			v.Set(reflect.ValueOf(x))
		}
		return err
	case shape.String:
		text, err := d.text()
		v.SetString(text)
		return err
	case shape.Blob:
		text, err := d.text()
		if err != nil {
			return err
		}
		b, err := shape.DecodeBase64(text)
		if err != nil {
			return mismatch("Base64 encoded value expected")
		}
		v.SetBytes(b)
		return nil
	}
	tok, err := d.dec.ReadToken()
	if err != nil {
		return err
	}
	switch kind := tok.Kind(); {
	case kind == '{':
		return mismatch(strayObject)
	case kind == '[':
		return mismatch(strayList)
	case p.Kind == shape.Bool:
		if kind != 't' && kind != 'f' {
			return mismatch(tokenName(kind) + " cannot be converted to Boolean")
		}
		v.SetBool(tok.Bool())
	case p.Kind == shape.Integer:
		return integer(tok, p, v)
	case p.Kind == shape.Float:
		n, err := shape.ParseFloat(tok.String(), p.Type.Bits())
		if err != nil || kind == 'n' {
			return mismatch(tokenName(kind) + " cannot be converted to Double")
		}
		v.SetFloat(n)
	case p.Kind == shape.Time:
		if kind != '0' && kind != '"' {
			return mismatch(tokenName(kind) + " cannot be converted to Timestamp")
		}
		t, err := shape.ParseTime(tok.String())
		if err != nil {
			return mismatch(tokenName(kind) + " cannot be converted to Timestamp")
		}
		shape.SetTime(v, t)
	}
	return nil
}

func integer(tok jsontext.Token, p *shape.Value, v reflect.Value) error {
	name := "Integer"
	if p.Type.Bits() == 64 {
		name = "Long"
	}
	if tok.Kind() != '0' {
		return mismatch(tokenName(tok.Kind()) + " cannot be converted to " + name)
	}
	text := tok.String()
	n, err := strconv.ParseInt(text, 10, p.Type.Bits())
	if err != nil {
		// AWS cuts fractions off, so 1e3 and 1.5 are integers too.
		f, err := strconv.ParseFloat(text, 64)
		limit := math.Ldexp(1, p.Type.Bits()-1)
		if err != nil || f >= limit || f < -limit {
			return mismatch("NUMBER_VALUE cannot be converted to " + name)
		}
		n = int64(f)
	}
	v.SetInt(n)
	return nil
}

func tokenName(k jsontext.Kind) string {
	switch k {
	case '"':
		return "STRING_VALUE"
	case '0':
		return "NUMBER_VALUE"
	case 't':
		return "TRUE_VALUE"
	case 'f':
		return "FALSE_VALUE"
	default:
		return "NULL_VALUE"
	}
}

func (d *decoder) text() (string, error) {
	tok, err := d.dec.ReadToken()
	if err != nil {
		return "", err
	}
	switch tok.Kind() {
	case '"':
		return tok.String(), nil
	case '{':
		return "", mismatch(strayObject)
	case '[':
		return "", mismatch(strayList)
	default:
		return "", mismatch(tokenName(tok.Kind()) + " cannot be converted to String")
	}
}

func (d *decoder) list(p *shape.Value, v reflect.Value) error {
	switch d.dec.PeekKind() {
	case '[':
	case '{':
		return mismatch(strayObject)
	default:
		if err := d.dec.SkipValue(); err != nil {
			return err
		}
		return mismatch(strayScalar)
	}
	if err := d.enter(); err != nil {
		return err
	}
	v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	for i := 0; d.dec.PeekKind() != ']'; i++ {
		if d.dec.PeekKind() == 'n' {
			if err := d.dec.SkipValue(); err != nil {
				return err
			}
			d.missing.Null(i)
			continue
		}
		d.missing.EnterItem(i)
		if err := d.value(p.Elem, shape.Append(v)); err != nil {
			return err
		}
		d.missing.Leave()
	}
	return d.leave()
}

func (d *decoder) entries(p *shape.Value, v reflect.Value) error {
	switch d.dec.PeekKind() {
	case '{':
	case '[':
		return mismatch(strayList)
	default:
		if err := d.dec.SkipValue(); err != nil {
			return err
		}
		return mismatch(strayScalar)
	}
	if err := d.enter(); err != nil {
		return err
	}
	v.Set(reflect.MakeMap(v.Type()))
	key := reflect.New(v.Type().Key()).Elem()
	elem := reflect.New(p.Elem.Type).Elem()
	for d.dec.PeekKind() == '"' {
		name, err := d.readName()
		if err != nil {
			return err
		}
		key.SetString(string(name))
		if d.dec.PeekKind() == 'n' {
			if err := d.dec.SkipValue(); err != nil {
				return err
			}
			continue
		}
		elem.SetZero()
		d.missing.EnterKey(key.String())
		if err := d.value(p.Elem, elem); err != nil {
			return err
		}
		d.missing.Leave()
		v.SetMapIndex(key, elem)
	}
	return d.leave()
}

// document reads any value, as encoding/json would into an any.
func (d *decoder) document() (any, error) {
	switch d.dec.PeekKind() {
	case '{':
		if err := d.enter(); err != nil {
			return nil, err
		}
		m := map[string]any{}
		for d.dec.PeekKind() == '"' {
			name, err := d.readName()
			if err != nil {
				return nil, err
			}
			key := string(name)
			if m[key], err = d.document(); err != nil {
				return nil, err
			}
		}
		return m, d.leave()
	case '[':
		if err := d.enter(); err != nil {
			return nil, err
		}
		l := []any{}
		for d.dec.PeekKind() != ']' {
			x, err := d.document()
			if err != nil {
				return nil, err
			}
			l = append(l, x)
		}
		return l, d.leave()
	}
	tok, err := d.dec.ReadToken()
	if err != nil {
		return nil, err
	}
	switch tok.Kind() {
	case '"':
		return tok.String(), nil
	case '0':
		n, err := tok.Float()
		if err != nil {
			return nil, mismatch("NUMBER_VALUE cannot be converted to Double")
		}
		return n, nil
	case 't', 'f':
		return tok.Bool(), nil
	}
	return nil, nil
}
