// Package model reads AWS API models in the format shared by botocore and aws-sdk-go's api-2.json, applies model fixes
// to them, and resolves their references. It knows nothing of Go; package gen turns a model into code.
package model

import (
	"fmt"
	"slices"
	"strings"
)

// Model is one resolved API model.
type Model struct {
	Metadata Metadata
	// Operations are sorted by name.
	Operations []*Operation
	// Shapes holds every shape by its name, reachable or not.
	Shapes map[string]*Shape
}

// Metadata is the part of a model's metadata that a server needs.
type Metadata struct {
	ServiceID      string
	FullName       string
	EndpointPrefix string
	SigningName    string
	APIVersion     string
	// Protocols are the model's protocols, its own first.
	Protocols    []string
	JSONVersion  string
	TargetPrefix string
	XMLNamespace string
	StrictXML    bool
	Global       bool
}

// Operation is one operation of a model.
type Operation struct {
	Name       string
	Method     string
	URI        string
	Status     string
	HostPrefix string
	// Input and Output are nil where the model has none.
	Input, Output *Ref
	Errors        []*Ref

	ResultWrapper    string
	Unsigned         bool
	UnsignedPayload  bool
	ChecksumRequired bool
	ChecksumMember   string
	Deprecated       bool
}

// Shape is a type of the model.
type Shape struct {
	Name string
	// Type is the model's word: structure, list, map, string, boolean, integer, long, float, double, timestamp, blob.
	Type string
	// Members are those of a structure in the model's order, and Required the names of the required ones.
	Members  []*Member
	Required []string
	// Element is the reference to a list's member or a map's value, Key the one to a map's key.
	Element, Key *Ref
	Enum         []string
	// Payload is the member that is the whole body.
	Payload string

	Union, Exception, EventStream, Event, Document bool

	traits *Object
}

// Member is a member of a structure.
type Member struct {
	Name     string
	Required bool
	*Ref
}

// Ref is a use of a shape. A trait of the use hides the same trait of the shape, as in botocore.
type Ref struct {
	Shape  *Shape
	traits *Object
}

// NewRef returns a use of a shape without traits of its own.
func NewRef(s *Shape) *Ref { return &Ref{Shape: s} }

func (r *Ref) holder(key string) *Object {
	if _, ok := r.traits.Get(key); ok {
		return r.traits
	}
	return r.Shape.traits
}

// String returns a trait that is a string, such as "locationName", or "".
func (r *Ref) String(trait string) string { return r.holder(trait).String(trait) }

// Bool tells whether a trait such as "flattened" is set.
func (r *Ref) Bool(trait string) bool { return r.holder(trait).Bool(trait) }

// Strings returns a trait that is a list of strings, such as "obsolete", or nil.
func (r *Ref) Strings(trait string) []string { return r.holder(trait).Strings(trait) }

// Number returns a trait such as "min" as it is written in the model, or "".
func (r *Ref) Number(trait string) string { return r.holder(trait).Number(trait) }

// Namespace returns the XML namespace, which models write as a string or as an object.
func (r *Ref) Namespace() (uri, prefix string) {
	h := r.holder("xmlNamespace")
	if ns := h.Object("xmlNamespace"); ns != nil {
		return ns.String("uri"), ns.String("prefix")
	}
	return h.String("xmlNamespace"), ""
}

// Ref returns the shape as a use without traits of its own, for the traits of the shape itself.
func (s *Shape) Ref() *Ref { return NewRef(s) }

// Member returns the member with a name, or nil.
func (s *Shape) Member(name string) *Member {
	for _, m := range s.Members {
		if m.Name == name {
			return m
		}
	}
	return nil
}

// WireName returns the name of the member on the wire: its locationName, or its own.
func (m *Member) WireName() string {
	if m.String("location") == "headers" {
		return m.String("locationName")
	}
	if name := m.String("locationName"); name != "" {
		return name
	}
	return m.Name
}

// IsMessage tells whether the member of an exception is its message, which errors carry themselves.
func (m *Member) IsMessage() bool { return strings.EqualFold(m.Name, "message") }

// ErrorCode returns an exception's code on the wire: error.code, or the name of its shape.
func (r *Ref) ErrorCode() string {
	if code := r.holder("error").Object("error").String("code"); code != "" {
		return code
	}
	return r.Shape.Name
}

// ErrorStatus returns the HTTP status of an exception: error.httpStatusCode, else 500 for a fault and 400 for the rest.
func (r *Ref) ErrorStatus() string {
	if status := r.holder("error").Object("error").Number("httpStatusCode"); status != "" {
		return status
	}
	if r.Bool("fault") {
		return "500"
	}
	return "400"
}

// Scalars are the types without parts.
var scalars = []string{
	"string", "boolean", "integer", "long", "short", "byte", "float", "double", "timestamp", "blob", "character", "bigdecimal",
	"biginteger",
}

// Load resolves a model. It fails on references to shapes that do not exist and on unknown types.
func Load(tree *Object) (*Model, error) {
	m := &Model{Metadata: loadMetadata(tree.Object("metadata")), Shapes: map[string]*Shape{}}
	shapes := tree.Object("shapes")
	for _, name := range shapes.Keys() {
		traits := shapes.Object(name)
		if traits == nil {
			return nil, fmt.Errorf("shape %s is not an object", name)
		}
		m.Shapes[name] = &Shape{Name: name, Type: traits.String("type"), traits: traits}
	}
	for _, name := range shapes.Keys() {
		if err := m.resolve(m.Shapes[name]); err != nil {
			return nil, fmt.Errorf("shape %s: %w", name, err)
		}
	}
	ops := tree.Object("operations")
	for _, name := range ops.Keys() {
		op, err := m.loadOperation(name, ops.Object(name))
		if err != nil {
			return nil, fmt.Errorf("operation %s: %w", name, err)
		}
		m.Operations = append(m.Operations, op)
	}
	slices.SortFunc(m.Operations, func(a, b *Operation) int { return strings.Compare(a.Name, b.Name) })
	return m, nil
}

func loadMetadata(o *Object) Metadata {
	md := Metadata{
		ServiceID:      o.String("serviceId"),
		FullName:       o.String("serviceFullName"),
		EndpointPrefix: o.String("endpointPrefix"),
		SigningName:    o.String("signingName"),
		APIVersion:     o.String("apiVersion"),
		JSONVersion:    o.String("jsonVersion"),
		TargetPrefix:   o.String("targetPrefix"),
		StrictXML:      o.Bool("strictXML"),
		Global:         o.String("globalEndpoint") != "",
	}
	md.XMLNamespace, _ = (&Ref{Shape: &Shape{traits: o}}).Namespace()
	if md.SigningName == "" {
		md.SigningName = md.EndpointPrefix
	}
	if p := o.String("protocol"); p != "" {
		md.Protocols = []string{p}
	}
	for _, p := range o.Strings("protocols") {
		if !slices.Contains(md.Protocols, p) {
			md.Protocols = append(md.Protocols, p)
		}
	}
	return md
}

func (m *Model) ref(traits *Object) (*Ref, error) {
	name := traits.String("shape")
	s := m.Shapes[name]
	if s == nil {
		return nil, fmt.Errorf("unknown shape %q", name)
	}
	return &Ref{Shape: s, traits: traits}, nil
}

func (m *Model) resolve(s *Shape) (err error) {
	t := s.traits
	s.Union, s.Exception, s.EventStream = t.Bool("union"), t.Bool("exception"), t.Bool("eventstream")
	s.Event, s.Document = t.Bool("event"), t.Bool("document")
	s.Payload, s.Enum = t.String("payload"), t.Strings("enum")
	switch s.Type {
	case "structure":
		s.Required = t.Strings("required")
		members := t.Object("members")
		for _, name := range members.Keys() {
			ref, err := m.ref(members.Object(name))
			if err != nil {
				return fmt.Errorf("member %s: %w", name, err)
			}
			s.Members = append(s.Members, &Member{Name: name, Required: slices.Contains(s.Required, name), Ref: ref})
		}
		if s.Payload != "" && s.Member(s.Payload) == nil {
			return fmt.Errorf("payload %q is not a member", s.Payload)
		}
	case "list":
		if s.Element, err = m.ref(t.Object("member")); err != nil {
			return fmt.Errorf("member: %w", err)
		}
	case "map":
		if s.Key, err = m.ref(t.Object("key")); err != nil {
			return fmt.Errorf("key: %w", err)
		}
		if s.Element, err = m.ref(t.Object("value")); err != nil {
			return fmt.Errorf("value: %w", err)
		}
	default:
		if !slices.Contains(scalars, s.Type) {
			return fmt.Errorf("unknown type %q", s.Type)
		}
	}
	return nil
}

func (m *Model) loadOperation(name string, o *Object) (*Operation, error) {
	http := o.Object("http")
	op := &Operation{
		Name:             name,
		Method:           http.String("method"),
		URI:              http.String("requestUri"),
		Status:           http.Number("responseCode"),
		HostPrefix:       o.Object("endpoint").String("hostPrefix"),
		ResultWrapper:    o.Object("output").String("resultWrapper"),
		Unsigned:         o.String("authtype") == "none" || slices.Equal(o.Strings("auth"), []string{"smithy.api#noAuth"}),
		UnsignedPayload:  o.String("authtype") == "v4-unsigned-body" || o.Bool("unsignedPayload"),
		ChecksumRequired: o.Bool("httpChecksumRequired") || o.Object("httpChecksum").Bool("requestChecksumRequired"),
		ChecksumMember:   o.Object("httpChecksum").String("requestAlgorithmMember"),
		Deprecated:       o.Bool("deprecated"),
	}
	for _, part := range []struct {
		key string
		ref **Ref
	}{{"input", &op.Input}, {"output", &op.Output}} {
		traits := o.Object(part.key)
		if traits == nil {
			continue
		}
		ref, err := m.ref(traits)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", part.key, err)
		}
		if ref.Shape.Type != "structure" {
			return nil, fmt.Errorf("%s: %s is not a structure", part.key, ref.Shape.Name)
		}
		*part.ref = ref
	}
	for _, traits := range o.Objects("errors") {
		ref, err := m.ref(traits)
		if err != nil {
			return nil, fmt.Errorf("errors: %w", err)
		}
		op.Errors = append(op.Errors, ref)
	}
	return op, nil
}
