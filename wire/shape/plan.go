package shape

import (
	"fmt"
	"io"
	"net/textproto"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"drydock/aws"
)

// Kind is what a value is on the wire.
type Kind uint8

// The kinds of value.
const (
	String Kind = iota + 1
	Bool
	Integer // int32 and int64
	Float   // float32 and float64
	Time
	Blob
	Structure
	List
	Map
	Document
	Reader // a streaming body, in either direction
	Events
)

// Location is where a member stands in an HTTP message.
type Location uint8

// The locations.
const (
	Body Location = iota
	Header
	Headers
	URI
	Query
	Status
)

// Value is the plan of one value: of a member, of a list's element or of a map's value. It is immutable.
type Value struct {
	Kind Kind
	// Type is the Go type without the pointer an optional member has.
	Type reflect.Type
	// Elem is the element of a list or the value of a map.
	Elem *Value
	// Struct is set for structures.
	Struct *Struct

	// Item is the element name of list members, "" where the model gives none; key, value and entry are for maps.
	Item, key, value, entry string
	// NS and NSPrefix are the XML namespace of the element.
	NS, NSPrefix string
	Flat         bool
	TS           TimeFormat
	// JSON marks a string that holds JSON.
	JSON      bool
	Sensitive bool

	limits
	keys limits // those of a map's keys
	// checked tells that the value, or something below it, has something to validate.
	checked bool
}

// ItemName is the element name of the list's members.
func (v *Value) ItemName() string {
	if v.Item == "" {
		return "member"
	}
	return v.Item
}

// KeyName is the element name of the map's keys.
func (v *Value) KeyName() string { return orDefault(v.key, "key") }

// ValueName is the element name of the map's values.
func (v *Value) ValueName() string { return orDefault(v.value, "value") }

// EntryName is the element name around an entry of the map.
func (v *Value) EntryName() string { return orDefault(v.entry, "entry") }

func orDefault(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// Field is the plan of one member of a structure. It is immutable.
type Field struct {
	Value
	// Index is the field's number in the Go structure.
	Index int
	// Name is the wire name, Member the model's, Label the model's as messages show it.
	Name, Member, Label string
	// QueryName is the name in the query protocol and EC2Name that in the ec2 dialect.
	QueryName, EC2Name string
	// HeaderName is Name in the canonical form of HTTP headers.
	HeaderName string
	Location   Location
	// Pointer tells that the Go field is a pointer.
	Pointer bool
	// Required members must be sent.
	Required bool
	// Payload is the whole body; Stream tells that it is not read into memory.
	Payload, Stream           bool
	Token, Host, Attr         bool
	EventHeader, EventPayload bool
	// seen is the bit that marks a required value as sent, 0 when presence shows in the value.
	seen uint64
}

// Struct is the plan of a structure. It is immutable.
type Struct struct {
	Type reflect.Type
	// Name is the model's name.
	Name string
	// Root and NS name the element of an XML document of this structure.
	Root, NS string
	// Error is the code of an exception.
	Error                      string
	Union, EventStream, Result bool
	Fields                     []Field
	// Payload is the member that is the whole body, or nil.
	Payload *Field
	// Bound tells that members stand outside the body.
	Bound bool
	// BodyMembers counts the members in the body, the payload not among them.
	BodyMembers int

	names   map[string]*Field // by wire name, for members of the body
	members map[string]*Field // by model name, then by wire name
	query   map[string]*Field
	ec2     map[string]*Field
	params  map[string]*Field // query parameters of REST protocols
	headers map[string]*Field
	demands uint64 // the bits of all required values
	checked bool
	// obsolete are elements that old clients still send.
	obsolete []string
}

// ByName returns the member of the body with a wire name, or nil.
func (s *Struct) ByName(name []byte) *Field { return s.names[string(name)] }

// ByElement is ByName for a string.
func (s *Struct) ByElement(name string) *Field { return s.names[name] }

// Obsolete tells that an element which is no member was one once.
func (s *Struct) Obsolete(element string) bool { return slices.Contains(s.obsolete, element) }

// ByQuery returns the member with a name in the query protocol, or in its ec2 dialect.
func (s *Struct) ByQuery(name string, ec2 bool) *Field {
	if ec2 {
		return s.ec2[name]
	}
	return s.query[name]
}

// ByParam returns the member a REST protocol's query parameter sets, or nil.
func (s *Struct) ByParam(name string) *Field { return s.params[name] }

// ByHeader returns the member in a header, whose name is in canonical form, or nil.
func (s *Struct) ByHeader(name string) *Field { return s.headers[name] }

// ByMember returns the member with a model name, or else the one with that wire name.
func (s *Struct) ByMember(name string) *Field { return s.members[name] }

var plans sync.Map // reflect.Type -> *Struct

// Of returns the plan of a structure type or a pointer to one. It panics when the type does not follow the package's
// rules, which only a mistake in generated code can bring about.
func Of(t reflect.Type) *Struct {
	if p, ok := plans.Load(t); ok {
		return p.(*Struct)
	}
	base := t
	if base.Kind() == reflect.Pointer {
		base = base.Elem()
	}
	b := builder{open: map[reflect.Type]*Struct{}}
	s := b.structure(base)
	b.finish()
	for u, p := range b.open {
		plans.LoadOrStore(u, p)
	}
	plans.Store(t, s)
	return s
}

// builder makes the plans of one type and of those it reaches; none is published before all are complete.
type builder struct {
	open map[reflect.Type]*Struct
}

func (b *builder) structure(t reflect.Type) *Struct {
	if p, ok := plans.Load(t); ok {
		return p.(*Struct)
	}
	if s, ok := b.open[t]; ok {
		return s
	}
	if t.Kind() != reflect.Struct {
		panic(fmt.Sprintf("shape: %s is not a structure", t))
	}
	s := &Struct{Type: t, Name: t.Name(), names: map[string]*Field{}, members: map[string]*Field{},
		query: map[string]*Field{}, ec2: map[string]*Field{},
		params: map[string]*Field{}, headers: map[string]*Field{}}
	b.open[t] = s
	payload := ""
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Name == "_" {
			payload = s.describe(f.Tag.Get("aws"))
			continue
		}
		tag, ok := f.Tag.Lookup("aws")
		if !ok || !f.IsExported() {
			continue
		}
		s.Fields = append(s.Fields, b.field(f, i, tag))
	}
	s.index(payload)
	return s
}

// describe reads the tag of the blank field and returns the payload's name.
func (s *Struct) describe(tag string) (payload string) {
	for option := range strings.SplitSeq(tag, ",") {
		name, arg, _ := strings.Cut(option, "=")
		switch name {
		case "shape":
			s.Name = arg
		case "root":
			s.Root = arg
		case "ns":
			s.NS = arg
		case "payload":
			payload = arg
		case "union":
			s.Union = true
		case "error":
			s.Error = arg
		case "stream":
			s.EventStream = true
		case "result":
			s.Result = true
		case "obsolete":
			s.obsolete = append(s.obsolete, arg)
		}
	}
	return payload
}

func (s *Struct) index(payload string) {
	bit := uint64(1)
	for i := range s.Fields {
		f := &s.Fields[i]
		if f.Required && !f.Pointer && f.Kind.scalar() {
			f.seen = bit
			s.demands |= bit
			bit <<= 1 // past 64 required values presence is not tracked; no model comes near
		}
		if f.Name == payload || f.Member == payload {
			f.Payload = payload != ""
		}
		if f.Payload {
			s.Payload = f
		}
		if f.Location != Body {
			s.Bound = true
			switch f.Location {
			case Query:
				put(s.params, f.Name, f)
			case Header:
				put(s.headers, f.HeaderName, f)
			}
		} else {
			if !f.Payload && !f.EventHeader && !f.EventPayload {
				s.BodyMembers++
			}
			s.names[f.Name] = f
			if f.Flat && f.Kind == List && f.Item != "" {
				put(s.names, f.Item, f)
			}
		}
		s.query[f.QueryName] = f
		if f.Flat && f.Kind == List && f.Item != "" {
			put(s.query, f.Item, f)
		}
		s.ec2[f.EC2Name] = f
	}
	for i := range s.Fields {
		put(s.members, s.Fields[i].Member, &s.Fields[i])
	}
	for i := range s.Fields {
		put(s.members, s.Fields[i].Name, &s.Fields[i])
	}
}

func put(m map[string]*Field, name string, f *Field) {
	if _, taken := m[name]; !taken {
		m[name] = f
	}
}

func (b *builder) field(sf reflect.StructField, index int, tag string) Field {
	options := strings.Split(tag, ",")
	f := Field{Index: index, Name: options[0]}
	f.Member = f.Name
	t := sf.Type
	if t.Kind() == reflect.Pointer {
		f.Pointer = true
		t = t.Elem()
	}
	f.Value = b.value(t)
	for _, option := range options[1:] {
		name, arg, _ := strings.Cut(option, "=")
		if !f.set(name, arg) && !f.option(name, arg) {
			panic(fmt.Sprintf("shape: %s has the unknown option %q", sf.Name, option))
		}
	}
	f.pattern(sf.Tag.Get("pattern"), &f.limits)
	if p := sf.Tag.Get("eachpattern"); p != "" && f.Elem != nil {
		f.pattern(p, &f.Elem.limits)
	}
	f.pattern(sf.Tag.Get("keypattern"), &f.keys)
	if f.QueryName == "" {
		f.QueryName = f.Name
		f.EC2Name = upperFirst(f.Name)
	} else {
		f.EC2Name = f.QueryName
	}
	f.Label = lowerFirst(f.Member)
	f.HeaderName = textproto.CanonicalMIMEHeaderKey(f.Name)
	return f
}

// set reads an option of the member itself.
func (f *Field) set(name, arg string) bool {
	switch name {
	case "member":
		f.Member = arg
	case "required":
		f.Required = true
	case "header":
		f.Location = Header
	case "headers":
		f.Location = Headers
	case "uri":
		f.Location = URI
	case "query":
		f.Location = Query
	case "status":
		f.Location = Status
	case "payload":
		f.Payload = true
	case "stream":
		f.Stream = true
	case "attr":
		f.Attr = true
	case "qname":
		f.QueryName = arg
	case "token":
		f.Token = true
	case "host":
		f.Host = true
	case "eventheader":
		f.EventHeader = true
	case "eventpayload":
		f.EventPayload = true
	case "deprecated":
	default:
		return false
	}
	return true
}

// option reads an option that a member's value, and the values below it, can have.
func (v *Value) option(name, arg string) bool {
	if rest, ok := strings.CutPrefix(name, "each."); ok {
		return v.Elem != nil && v.Elem.option(rest, arg)
	}
	switch name {
	case "flat":
		v.Flat = true
	case "item":
		v.Item = arg
	case "key":
		v.key = arg
	case "value":
		v.value = arg
	case "entry":
		v.entry = arg
	case "ns":
		v.NS = arg
	case "nsprefix":
		v.NSPrefix = arg
	case "itemns":
		v.Elem.NS = arg
	case "itemnsprefix":
		v.Elem.NSPrefix = arg
	case "ts":
		v.TS = timeFormats[arg]
		return v.TS != 0
	case "json":
		v.JSON = true
	case "sensitive":
		v.Sensitive = true
	case "min", "max":
		return v.limits.bound(name, arg)
	case "key.min", "key.max":
		return v.keys.bound(name[4:], arg)
	default:
		return false
	}
	return true
}

var (
	timeType   = reflect.TypeFor[time.Time]()
	readerType = reflect.TypeFor[io.Reader]()
	closerType = reflect.TypeFor[io.ReadCloser]()
	eventsType = reflect.TypeFor[aws.EventStream]()
)

func (b *builder) value(t reflect.Type) Value {
	v := Value{Type: t}
	switch {
	case t == timeType:
		v.Kind = Time
		return v
	case t == readerType, t == closerType:
		v.Kind = Reader
		return v
	case t == eventsType:
		v.Kind = Events
		return v
	}
	switch t.Kind() {
	case reflect.String:
		v.Kind = String
		v.enum = enumOf(t)
	case reflect.Bool:
		v.Kind = Bool
	case reflect.Int32, reflect.Int64:
		v.Kind = Integer
	case reflect.Float32, reflect.Float64:
		v.Kind = Float
	case reflect.Interface:
		v.Kind = Document
	case reflect.Struct:
		v.Kind = Structure
		v.Struct = b.structure(t)
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			v.Kind = Blob
			return v
		}
		v.Kind = List
		elem := b.value(t.Elem())
		v.Elem = &elem
	case reflect.Map:
		v.Kind = Map
		elem := b.value(t.Elem())
		v.Elem = &elem
		v.keys.enum = enumOf(t.Key())
	default:
		panic(fmt.Sprintf("shape: no kind for %s", t))
	}
	return v
}

// enumOf returns the values of an enum type, nil for any other string.
func enumOf(t reflect.Type) []string {
	values, ok := reflect.TypeAssert[interface{ Values() []string }](reflect.Zero(t))
	if !ok {
		return nil
	}
	return values.Values()
}

// finish settles what depends on types that contain each other: whether there is anything to validate below a value.
func (b *builder) finish() {
	for changed := true; changed; {
		changed = false
		for _, s := range b.open {
			if s.checked {
				continue
			}
			for i := range s.Fields {
				f := &s.Fields[i]
				if f.settle() || f.Required {
					s.checked, changed = true, true
				}
			}
		}
	}
	for _, s := range b.open {
		for i := range s.Fields {
			s.Fields[i].settle()
		}
	}
}

func (v *Value) settle() bool {
	below := v.Struct != nil && v.Struct.checked
	if v.Elem != nil {
		below = v.Elem.settle() || below
	}
	v.checked = below || v.limits.any() || v.keys.any()
	return v.checked
}

func (k Kind) scalar() bool { return k <= Time || k == Structure }

func lowerFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToLower(r)) + s[n:]
}

func upperFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToUpper(r)) + s[n:]
}

// bound reads a min or max.
func (l *limits) bound(name, arg string) bool {
	n, err := strconv.ParseFloat(arg, 64)
	if err != nil {
		return false
	}
	if name == "min" {
		l.min, l.hasMin = n, true
	} else {
		l.max, l.hasMax = n, true
	}
	return true
}
