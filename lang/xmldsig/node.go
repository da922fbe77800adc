package xmldsig

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// ErrMalformed is for text that is not an XML document, or not one that this package reads.
var ErrMalformed = errors.New("malformed XML")

// Limits of a document.
const (
	maxDepth      = 100
	maxNodes      = 200_000
	maxAttributes = 200 // of one element, with its declarations of namespaces
)

// Name is an expanded name.
type Name struct{ Space, Local string }

// Element is an element of a document.
type Element struct {
	Name   Name
	Prefix string
	// Attributes are those that are not namespace declarations.
	Attributes []Attribute
	Children   []Node
	Parent     *Element

	declared map[string]string // the namespaces declared here, by prefix
}

// Attribute is an attribute of an element.
type Attribute struct {
	Name   Name
	Prefix string
	Value  string
}

// Node is a child of an element: another element, or text. Text around a comment is several nodes.
type Node struct {
	Element *Element // nil for text
	Text    string
}

// xmlNamespace is bound to the prefix xml everywhere.
const xmlNamespace = "http://www.w3.org/XML/1998/namespace"

// Parse reads a document. Comments are dropped; Text and the canonical form join what stands around them.
func Parse(text []byte) (*Element, error) { return parse(text, nil) }

// parse reads a document whose root stands in the context of another document's element.
func parse(text []byte, context *Element) (*Element, error) {
	d := xml.NewDecoder(bytes.NewReader(text))
	p := &parser{context: context}
	for {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = p.take(token)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
		}
	}
	if p.root == nil || p.at != nil {
		return nil, fmt.Errorf("%w: it ends too early", ErrMalformed)
	}
	return p.root, checkIDs(p.root)
}

// parser builds the tree.
type parser struct {
	context, root, at *Element
	depth, nodes      int
}

func (p *parser) take(token xml.Token) error {
	if p.nodes++; p.nodes > maxNodes {
		return errors.New("too many nodes")
	}
	switch t := token.(type) {
	case xml.StartElement:
		return p.open(t)
	case xml.EndElement:
		if p.at == nil || p.at.Prefix != t.Name.Space || p.at.Name.Local != t.Name.Local {
			return fmt.Errorf("the end of %s", t.Name.Local)
		}
		p.depth--
		if p.at = p.at.Parent; p.at == p.context {
			p.at = nil
		}
	case xml.CharData:
		if p.at == nil {
			if len(bytes.TrimSpace(t)) > 0 {
				return errors.New("text outside of the root")
			}
			return nil
		}
		p.at.Children = append(p.at.Children, Node{Text: string(t)})
	case xml.Comment:
	case xml.ProcInst:
		if t.Target != "xml" || p.root != nil {
			return errors.New("a processing instruction")
		}
	case xml.Directive:
		return errors.New("a document type")
	}
	return nil
}

// open begins an element.
func (p *parser) open(t xml.StartElement) error {
	if p.at == nil && p.root != nil {
		return errors.New("a second root")
	}
	if p.depth++; p.depth > maxDepth {
		return errors.New("too deep")
	}
	if len(t.Attr) > maxAttributes {
		return errors.New("too many attributes")
	}
	e := &Element{Prefix: t.Name.Space, Parent: p.at}
	if p.at == nil {
		e.Parent = p.context
	}
	for _, a := range t.Attr {
		prefix, declares := "", false
		switch {
		case a.Name.Space == "xmlns":
			prefix, declares = a.Name.Local, true
		case a.Name.Space == "" && a.Name.Local == "xmlns":
			declares = true
		}
		if !declares {
			continue
		}
		if _, twice := e.declared[prefix]; twice || prefix == "xmlns" || prefix != "" && a.Value == "" || (prefix == "xml") != (a.Value == xmlNamespace) {
			return fmt.Errorf("the declaration of prefix %q", prefix)
		}
		if e.declared == nil {
			e.declared = map[string]string{}
		}
		e.declared[prefix] = a.Value
	}
	space, ok := e.namespace(t.Name.Space)
	if !ok {
		return fmt.Errorf("prefix %q", t.Name.Space)
	}
	e.Name = Name{space, t.Name.Local}
	if err := e.addAttributes(t.Attr); err != nil {
		return err
	}
	if p.at == nil {
		p.root = e
	} else {
		p.at.Children = append(p.at.Children, Node{Element: e})
	}
	p.at = e
	return nil
}

// addAttributes takes over what is no declaration.
func (e *Element) addAttributes(attributes []xml.Attr) error {
	for _, a := range attributes {
		if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
			continue
		}
		own := Attribute{Name: Name{Local: a.Name.Local}, Prefix: a.Name.Space, Value: a.Value}
		if own.Prefix != "" {
			space, ok := e.namespace(own.Prefix)
			if !ok {
				return fmt.Errorf("prefix %q", own.Prefix)
			}
			own.Name.Space = space
		}
		if _, twice := e.Attribute(own.Name.Space, own.Name.Local); twice {
			return fmt.Errorf("attribute %s twice", own.Name.Local)
		}
		e.Attributes = append(e.Attributes, own)
	}
	return nil
}

// namespace resolves a prefix at an element.
func (e *Element) namespace(prefix string) (string, bool) {
	if prefix == "xml" {
		return xmlNamespace, true
	}
	for at := e; at != nil; at = at.Parent {
		if space, ok := at.declared[prefix]; ok {
			return space, true
		}
	}
	return "", prefix == ""
}

// Attribute returns an attribute's value.
func (e *Element) Attribute(space, local string) (string, bool) {
	for i := range e.Attributes {
		if a := &e.Attributes[i]; a.Name.Local == local && a.Name.Space == space {
			return a.Value, true
		}
	}
	return "", false
}

// Attr returns the value of an attribute without namespace, or ""; "" for nil.
func (e *Element) Attr(local string) string {
	if e == nil {
		return ""
	}
	v, _ := e.Attribute("", local)
	return v
}

// All returns the children with a name.
func (e *Element) All(space, local string) []*Element {
	var found []*Element
	for _, n := range e.Children {
		if n.Element != nil && n.Element.Name.Local == local && n.Element.Name.Space == space {
			found = append(found, n.Element)
		}
	}
	return found
}

// Child returns the one child with a name; nil if there is none, or more than one.
func (e *Element) Child(space, local string) *Element {
	if e == nil {
		return nil
	}
	if found := e.All(space, local); len(found) == 1 {
		return found[0]
	}
	return nil
}

// Text is the text directly in an element, without blanks around it; "" for nil.
func (e *Element) Text() string {
	if e == nil {
		return ""
	}
	var b strings.Builder
	for _, n := range e.Children {
		b.WriteString(n.Text)
	}
	return strings.TrimSpace(b.String())
}

// Find returns the elements with a name anywhere below an element, itself included.
func (e *Element) Find(space, local string) []*Element {
	var found []*Element
	e.walk(func(e *Element) {
		if e.Name.Local == local && e.Name.Space == space {
			found = append(found, e)
		}
	})
	return found
}

func (e *Element) walk(fn func(*Element)) {
	fn(e)
	for _, n := range e.Children {
		if n.Element != nil {
			n.Element.walk(fn)
		}
	}
}

// id is the element's identity, which SAML and XML Signature give as an attribute ID or Id.
func (e *Element) id() string {
	if id := e.Attr("ID"); id != "" {
		return id
	}
	return e.Attr("Id")
}

// checkIDs refuses a document in which an identity is not clear.
func checkIDs(root *Element) error {
	seen := map[string]bool{}
	var err error
	root.walk(func(e *Element) {
		for _, name := range []string{"ID", "Id", "id"} {
			id := e.Attr(name)
			if id == "" {
				continue
			}
			if seen[id] {
				err = fmt.Errorf("%w: the ID %q is given twice", ErrMalformed, id)
			}
			seen[id] = true
		}
	})
	return err
}
