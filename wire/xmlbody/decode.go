package xmlbody

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"drydock/wire/shape"
)

// Bounds of a document.
const (
	MaxDepth  = 64
	maxTokens = 4 << 20
)

// ErrMalformed is returned for a document that is not well-formed or not of the structure's form.
var ErrMalformed = errors.New("malformed XML")

type decoder struct {
	x       *xml.Decoder
	missing *shape.Missing
	strict  bool
	depth   int
	tokens  int
	text    []byte
}

// Form is what a document has to look like. The zero value admits any root element, and passes over what the structure
// does not have.
type Form struct {
	// Root is the name that the root element must have, Alias another that it may have; "" for Root admits any.
	Root, Alias string
	// Strict refuses elements that the structure does not have, a second one where it has one, and text between elements.
	// Their order, namespaces and attributes are free, as are comments.
	Strict bool
}

// Decode reads a document into the structure v, which must be addressable, and records what is missing. An empty document
// has no members. Document type declarations are refused. seen are the members that were found outside the body. Every
// error wraps ErrMalformed.
func Decode(data []byte, form Form, s *shape.Struct, v reflect.Value, missing *shape.Missing, seen shape.Seen) error {
	d := decoder{x: xml.NewDecoder(bytes.NewReader(data)), missing: missing, strict: form.Strict}
	start, err := d.open()
	if errors.Is(err, io.EOF) {
		missing.Check(s, seen)
		return nil
	}
	if err != nil {
		return err
	}
	if name := start.Name.Local; form.Root != "" && name != form.Root && name != form.Alias {
		return fmt.Errorf("%w: root element %q is not %q", ErrMalformed, name, form.Root)
	}
	if err := d.structure(s, v, start, seen); err != nil {
		return err
	}
	switch _, err := d.open(); {
	case errors.Is(err, io.EOF):
		return nil
	case err == nil:
		return fmt.Errorf("%w: content after the root element", ErrMalformed)
	default:
		return err
	}
}

// open returns the first start tag outside any element, or io.EOF.
func (d *decoder) open() (xml.StartElement, error) {
	for {
		tok, err := d.token()
		if err != nil {
			return xml.StartElement{}, err
		}
		switch t := tok.(type) {
		case xml.StartElement:
			return t, nil
		case xml.CharData:
			if len(bytes.TrimSpace(bytes.TrimPrefix(t, []byte("\ufeff")))) > 0 {
				return xml.StartElement{}, fmt.Errorf("%w: text outside the root element", ErrMalformed)
			}
		}
	}
}

func (d *decoder) token() (xml.Token, error) {
	if d.tokens++; d.tokens > maxTokens {
		return nil, fmt.Errorf("%w: too many parts", ErrMalformed)
	}
	tok, err := d.x.Token()
	if errors.Is(err, io.EOF) {
		return nil, io.EOF
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	switch tok.(type) {
	case xml.Directive:
		return nil, fmt.Errorf("%w: document type declaration", ErrMalformed)
	case xml.StartElement:
		if d.depth++; d.depth > MaxDepth {
			return nil, fmt.Errorf("%w: nests deeper than allowed", ErrMalformed)
		}
	case xml.EndElement:
		d.depth--
	}
	return tok, nil
}

// child returns the next start tag within the element that is open, false at its end. Text between elements is skipped
// where the form is not strict, and otherwise white space only.
func (d *decoder) child() (xml.StartElement, bool, error) {
	for {
		tok, err := d.token()
		if err != nil {
			return xml.StartElement{}, false, unexpected(err)
		}
		switch t := tok.(type) {
		case xml.StartElement:
			return t, true, nil
		case xml.EndElement:
			return xml.StartElement{}, false, nil
		case xml.CharData:
			if d.strict && len(bytes.Trim(t, whitespace)) > 0 {
				return xml.StartElement{}, false, fmt.Errorf("%w: text where elements were expected", ErrMalformed)
			}
		}
	}
}

// whitespace is what XML takes for white space.
const whitespace = " \t\r\n"

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: %w", ErrMalformed, io.ErrUnexpectedEOF)
	}
	return err
}

// unknown passes over an element that has no place where it stands; strict forms have no such elements.
func (d *decoder) unknown(start xml.StartElement) error {
	if d.strict {
		return fmt.Errorf("%w: element %s is not expected", ErrMalformed, start.Name.Local)
	}
	return d.skip()
}

// once notes in sent that the element with an index within its parent has been read; strict forms have it once.
func (d *decoder) once(sent *uint64, index int, start xml.StartElement) error {
	bit := uint64(1) << index // past 64 members repetition is not noticed; no model with a schema comes near
	if d.strict && *sent&bit != 0 {
		return fmt.Errorf("%w: element %s stands there twice", ErrMalformed, start.Name.Local)
	}
	*sent |= bit
	return nil
}

// skip reads to the end of the element that is open.
func (d *decoder) skip() error {
	for depth := 1; depth > 0; {
		tok, err := d.token()
		if err != nil {
			return unexpected(err)
		}
		switch tok.(type) {
		case xml.StartElement:
			depth++
		case xml.EndElement:
			depth--
		}
	}
	return nil
}

func (d *decoder) structure(s *shape.Struct, v reflect.Value, start xml.StartElement, seen shape.Seen) error {
	if err := d.attributes(s, v, start, &seen); err != nil {
		return err
	}
	var sent uint64
	for {
		start, ok, err := d.child()
		if err != nil {
			return err
		}
		if !ok {
			d.missing.Check(s, seen)
			return nil
		}
		f := s.ByElement(start.Name.Local)
		if f == nil || f.Attr {
			if s.Obsolete(start.Name.Local) {
				err = d.skip()
			} else {
				err = d.unknown(start)
			}
			if err != nil {
				return err
			}
			continue
		}
		if !f.Flat {
			if err := d.once(&sent, f.Index, start); err != nil {
				return err
			}
		}
		seen.Mark(f)
		d.missing.Enter(f)
		target := f.Target(v)
		if f.Flat && f.Kind == shape.List {
			err = d.element(&f.Value, target, start)
		} else if f.Flat && f.Kind == shape.Map {
			err = d.entry(&f.Value, target)
		} else {
			err = d.value(&f.Value, target, start)
		}
		if err != nil {
			return err
		}
		d.missing.Leave()
	}
}

func (d *decoder) attributes(s *shape.Struct, v reflect.Value, start xml.StartElement, seen *shape.Seen) error {
	for _, a := range start.Attr {
		for i := range s.Fields {
			f := &s.Fields[i]
			if !f.Attr {
				continue
			}
			name := f.Name
			if _, local, ok := strings.Cut(name, ":"); ok {
				name = local
			}
			if name != a.Name.Local || a.Name.Space == "xmlns" {
				continue
			}
			if err := shape.SetText(&f.Value, f.Target(v), a.Value); err != nil {
				return fmt.Errorf("%w: attribute %s: %w", ErrMalformed, name, err)
			}
			seen.Mark(f)
		}
	}
	return nil
}

// element reads one member of a list.
func (d *decoder) element(p *shape.Value, list reflect.Value, start xml.StartElement) error {
	if list.IsNil() {
		list.Set(reflect.MakeSlice(list.Type(), 0, 4))
	}
	d.missing.EnterItem(list.Len())
	if err := d.value(p.Elem, shape.Append(list), start); err != nil {
		return err
	}
	d.missing.Leave()
	return nil
}

func (d *decoder) value(p *shape.Value, v reflect.Value, start xml.StartElement) error {
	switch p.Kind {
	case shape.Structure:
		return d.structure(p.Struct, v, start, 0)
	case shape.List:
		v.Set(reflect.MakeSlice(v.Type(), 0, 4))
		return d.children(func(start xml.StartElement) error {
			if start.Name.Local != p.ItemName() {
				return d.unknown(start)
			}
			return d.element(p, v, start)
		})
	case shape.Map:
		v.Set(reflect.MakeMap(v.Type()))
		return d.children(func(start xml.StartElement) error {
			if start.Name.Local != p.EntryName() {
				return d.unknown(start)
			}
			return d.entry(p, v)
		})
	}
	text, err := d.chars()
	if err != nil {
		return err
	}
	if p.Kind != shape.String {
		text = bytes.TrimSpace(text)
	}
	if err := shape.SetText(p, v, string(text)); err != nil {
		return fmt.Errorf("%w: element %s: %w", ErrMalformed, start.Name.Local, err)
	}
	return nil
}

func (d *decoder) children(visit func(xml.StartElement) error) error {
	for {
		start, ok, err := d.child()
		if err != nil || !ok {
			return err
		}
		if err := visit(start); err != nil {
			return err
		}
	}
}

// entry reads one entry of a map.
func (d *decoder) entry(p *shape.Value, m reflect.Value) error {
	if m.IsNil() {
		m.Set(reflect.MakeMap(m.Type()))
	}
	key := reflect.New(m.Type().Key()).Elem()
	elem := reflect.New(p.Elem.Type).Elem()
	var sent uint64
	err := d.children(func(start xml.StartElement) error {
		switch start.Name.Local {
		case p.KeyName():
			if err := d.once(&sent, 0, start); err != nil {
				return err
			}
			text, err := d.chars()
			key.SetString(string(text))
			return err
		case p.ValueName():
			if err := d.once(&sent, 1, start); err != nil {
				return err
			}
			d.missing.EnterKey(key.String())
			if err := d.value(p.Elem, elem, start); err != nil {
				return err
			}
			d.missing.Leave()
			return nil
		}
		return d.unknown(start)
	})
	if err != nil {
		return err
	}
	m.SetMapIndex(key, elem)
	return nil
}

// chars reads the text of an element without children; it is valid until the next call.
func (d *decoder) chars() ([]byte, error) {
	d.text = d.text[:0]
	for {
		tok, err := d.token()
		if err != nil {
			return nil, unexpected(err)
		}
		switch t := tok.(type) {
		case xml.CharData:
			d.text = append(d.text, t...)
		case xml.StartElement:
			return nil, fmt.Errorf("%w: element %s where text was expected", ErrMalformed, t.Name.Local)
		case xml.EndElement:
			return d.text, nil
		}
	}
}
