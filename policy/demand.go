package policy

import (
	"reflect"
	"strings"
	"sync"

	"drydock/aws"
)

// demand is one of an operation's grants, read ahead: where in the input its members are, and what its templates are made
// of. It is immutable.
type demand struct {
	action    string
	resources []template
	keys      []demandKey
	// when are members of which one has to be there or, with unless, none may be; none: it always applies.
	when   []path
	unless bool
}

// demandKey is one entry of Grant.Keys: what is always the same, a template, or a member.
type demandKey struct {
	key      string // in lower case
	literal  []string
	template *template
	member   path
	// perEntry makes a key of each entry of the member, names takes the entries' names.
	perEntry, names bool
}

// template is a text with variables.
type template struct {
	pieces []piece
	// service is the one whose ARNs stand for themselves where a member holds one: see arnService.
	service string
}

// piece is a part of a template: a text and the variable behind it.
type piece struct {
	text string
	kind pieceKind
	// name is the variable of the call; the rest is of a member.
	name             string
	member           path
	filter, fallback string
	hasFallback      bool
}

type pieceKind uint8

const (
	pieceText pieceKind = iota // no variable
	pieceCall
	pieceMember
)

// path leads from a structure to members of it; nil leads nowhere.
type path []step

// step goes on to a field, each to the elements of the list in it.
type step struct {
	field int
	each  bool
}

// demands keeps what was read ahead: of *aws.Operation to *demandList.
var demands sync.Map

type demandList struct {
	input reflect.Type
	list  []demand
}

// demandsOf returns an operation's grants, read ahead for an input.
func demandsOf(op *aws.Operation, input reflect.Value) []demand {
	var t reflect.Type
	if input.IsValid() {
		t = input.Type()
	}
	if known, ok := demands.Load(op); ok && known.(*demandList).input == t {
		return known.(*demandList).list
	}
	list := make([]demand, 0, len(op.Grants))
	for i := range op.Grants {
		list = append(list, readGrant(t, &op.Grants[i]))
	}
	demands.Store(op, &demandList{t, list})
	return list
}

func readGrant(input reflect.Type, g *aws.Grant) demand {
	d := demand{action: g.Action}
	for _, text := range g.Resources {
		d.resources = append(d.resources, readTemplate(input, text, arnService(text)))
	}
	for _, key := range g.Keys {
		d.keys = append(d.keys, readKey(input, key))
	}
	if when := g.When; when != "" {
		when, d.unless = strings.CutPrefix(when, "!")
		for text := range strings.SplitSeq(when, "|") {
			d.when = append(d.when, readPath(input, text))
		}
	}
	return d
}

func readKey(input reflect.Type, text string) demandKey {
	name, from, _ := strings.Cut(text, "=")
	k := demandKey{key: strings.ToLower(name)}
	k.perEntry = strings.HasSuffix(k.key, "/") || strings.HasSuffix(k.key, ":")
	k.names = strings.HasSuffix(k.key, "tagkeys") || strings.HasSuffix(k.key, "contextkeys")
	if literal, ok := strings.CutPrefix(from, `"`); ok {
		k.literal = []string{strings.TrimSuffix(literal, `"`)}
	} else if strings.Contains(from, "${") {
		k.template = new(readTemplate(input, from, noARN))
	} else {
		k.member = readPath(input, from)
	}
	return k
}

func readTemplate(input reflect.Type, text, service string) template {
	t := template{service: service}
	for {
		before, rest, found := strings.Cut(text, "${")
		if !found {
			t.pieces = append(t.pieces, piece{text: before})
			return t
		}
		var name string
		name, text, _ = strings.Cut(rest, "}")
		t.pieces = append(t.pieces, readVariable(input, before, name))
	}
}

// noARN is what arnService returns for templates no member of which may be an ARN.
const noARN = "-"

// arnService returns the service whose ARNs may take the place of the whole template, "" for any. A template with
// several members has none: else a key within a bucket that looks like an ARN would be taken for one.
func arnService(template string) string {
	members := 0
	for rest := template; ; {
		_, after, found := strings.Cut(rest, "${")
		if !found {
			break
		}
		switch name, _, _ := strings.Cut(after, "}"); name {
		case "Partition", "Region", "Account":
		default:
			members++
		}
		rest = after
	}
	if members != 1 {
		return noARN
	}
	_, rest, found := strings.Cut(template, ":")
	_, rest, _ = strings.Cut(rest, ":")
	service, _, more := strings.Cut(rest, ":")
	if !found || !more || !strings.HasPrefix(template, "arn:") {
		return ""
	}
	return service
}

func readVariable(input reflect.Type, before, name string) piece {
	if _, ok := callVariable(&aws.Call{}, name); ok {
		return piece{text: before, kind: pieceCall, name: name}
	}
	member, filter, _ := strings.Cut(name, ":")
	p := piece{text: before, kind: pieceMember, member: readPath(input, member), filter: filter}
	if p.fallback, p.hasFallback = strings.CutPrefix(filter, "-"); p.hasFallback {
		p.filter = ""
	}
	return p
}

// readPath reads a path of wire names; "[]" behind a name stands for each element of a list.
func readPath(t reflect.Type, text string) path {
	var p path
	for more := true; more; {
		var name string
		name, text, more = strings.Cut(text, ".")
		name, each := strings.CutSuffix(name, "[]")
		if t == nil || t.Kind() != reflect.Struct {
			return nil
		}
		at := fieldOf(t, name)
		if at < 0 {
			return nil
		}
		p = append(p, step{at, each})
		for t = t.Field(at).Type; t.Kind() == reflect.Pointer; {
			t = t.Elem()
		}
		if each {
			if t.Kind() != reflect.Slice {
				return nil
			}
			t = t.Elem()
		}
	}
	return p
}

// fieldOf returns the number of the field with a wire name; -1 for none.
func fieldOf(t reflect.Type, name string) int {
	for i := range t.NumField() {
		f := t.Field(i)
		if wire, _, _ := strings.Cut(f.Tag.Get("aws"), ","); wire == name && f.IsExported() {
			return i
		}
	}
	return -1
}

// in returns the values that the path leads to in v. Absent members, empty strings, lists and maps, and false, are none.
func (p path) in(v reflect.Value) members {
	if len(p) == 0 {
		return members{}
	}
	for i, s := range p {
		v = v.Field(s.field)
		for v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
		switch {
		case !v.IsValid():
			return members{}
		case s.each:
			return members{many: p[i+1:].each(nil, v)}
		}
	}
	if !sent(v) {
		return members{}
	}
	return members{one: [1]reflect.Value{v}, n: 1}
}

// each appends what the path leads to in the elements of a list.
func (p path) each(found []reflect.Value, list reflect.Value) []reflect.Value {
	for i := range list.Len() {
		v := list.Index(i)
		if len(p) > 0 {
			m := p.in(v)
			found = append(found, m.list()...)
		} else if sent(v) {
			found = append(found, v)
		}
	}
	return found
}

// members are the values that a path leads to: nearly always none or one, which take no memory of their own.
type members struct {
	one  [1]reflect.Value
	n    int
	many []reflect.Value
}

func (m *members) list() []reflect.Value {
	if m.many != nil {
		return m.many
	}
	return m.one[:m.n]
}
