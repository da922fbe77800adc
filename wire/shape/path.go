package shape

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Path is the way from a structure to some of its members, compiled once for a type. It is immutable.
type Path struct {
	root  *Struct
	hops  []hop
	final *Value
}

type hop struct {
	field *Field
	// each goes on with every element of a list.
	each bool
}

// Pair is a tag or an entry of a map.
type Pair struct{ Key, Value string }

// CompilePath compiles a path of member names joined by dots, each a model's or a wire name, with "[]" after a list whose
// elements are meant: "policyInput[].arn". A list at the end may leave the brackets out.
func CompilePath(t reflect.Type, path string) (*Path, error) {
	p := &Path{root: Of(t)}
	s := p.root
	for name := range strings.SplitSeq(path, ".") {
		if s == nil {
			return nil, fmt.Errorf("path %q of %s: nothing lies below a scalar", path, t)
		}
		name, each := strings.CutSuffix(name, "[]")
		f := s.ByMember(name)
		if f == nil {
			return nil, fmt.Errorf("path %q of %s: no member %q", path, t, name)
		}
		if each && f.Kind != List {
			return nil, fmt.Errorf("path %q of %s: %q is not a list", path, t, name)
		}
		p.hops = append(p.hops, hop{f, each})
		p.final = &f.Value
		if each {
			p.final = f.Elem
		}
		s = p.final.Struct
	}
	return p, nil
}

// Strings returns the text of every member the path leads to in in, a pointer to the structure. Absent members give
// none; the elements of a list and the keys of a map at the end give one each; structures give none.
func (p *Path) Strings(in any) []string {
	var out []string
	p.walk(0, reflect.Indirect(reflect.ValueOf(in)), func(v *Value, rv reflect.Value) {
		out = appendStrings(out, v, rv)
	})
	return out
}

func appendStrings(out []string, p *Value, v reflect.Value) []string {
	switch p.Kind {
	case String:
		return append(out, v.String())
	case Bool:
		return append(out, strconv.FormatBool(v.Bool()))
	case Integer, Float, Time, Blob:
		return append(out, string(AppendText(nil, p, v, ISO8601)))
	case List:
		for i := range v.Len() {
			out = appendStrings(out, p.Elem, v.Index(i))
		}
	case Map:
		start := len(out)
		for iter := v.MapRange(); iter.Next(); {
			out = append(out, iter.Key().String())
		}
		slices.Sort(out[start:])
	}
	return out
}

// Present tells whether the path leads to any member that is set. A required scalar counts as set unless it is zero.
func (p *Path) Present(in any) bool {
	found := false
	p.walk(0, reflect.Indirect(reflect.ValueOf(in)), func(v *Value, rv reflect.Value) {
		found = found || v.Kind == Structure || !p.lastRequired() || !rv.IsZero()
	})
	return found
}

func (p *Path) lastRequired() bool {
	last := p.hops[len(p.hops)-1]
	return !last.each && !last.field.Pointer
}

// Pairs returns the tags the path leads to: the entries of a map of strings, or the members Key and Value (TagKey and
// TagValue, in any case) of every structure of a list.
func (p *Path) Pairs(in any) []Pair {
	var out []Pair
	p.walk(0, reflect.Indirect(reflect.ValueOf(in)), func(v *Value, rv reflect.Value) {
		out = appendPairs(out, v, rv)
	})
	return out
}

func appendPairs(out []Pair, p *Value, v reflect.Value) []Pair {
	switch p.Kind {
	case Map:
		if p.Elem.Kind != String {
			return out
		}
		start := len(out)
		for iter := v.MapRange(); iter.Next(); {
			out = append(out, Pair{iter.Key().String(), iter.Value().String()})
		}
		slices.SortFunc(out[start:], func(a, b Pair) int { return strings.Compare(a.Key, b.Key) })
	case List:
		for i := range v.Len() {
			out = appendPairs(out, p.Elem, v.Index(i))
		}
	case Structure:
		key, value := tagMember(p.Struct, "key"), tagMember(p.Struct, "value")
		if key == nil {
			return out
		}
		var pair Pair
		if fv, ok := key.Get(v); ok {
			pair.Key = fv.String()
		}
		if value != nil {
			if fv, ok := value.Get(v); ok {
				pair.Value = fv.String()
			}
		}
		out = append(out, pair)
	}
	return out
}

func tagMember(s *Struct, name string) *Field {
	for i := range s.Fields {
		f := &s.Fields[i]
		if f.Kind == String && (strings.EqualFold(f.Member, name) || strings.EqualFold(f.Member, "tag"+name)) {
			return f
		}
	}
	return nil
}

func (p *Path) walk(n int, v reflect.Value, visit func(*Value, reflect.Value)) {
	h := p.hops[n]
	fv, ok := h.field.Get(v)
	if !ok {
		return
	}
	last := n == len(p.hops)-1
	if !h.each {
		if last {
			visit(&h.field.Value, fv)
		} else {
			p.walk(n+1, fv, visit)
		}
		return
	}
	for i := range fv.Len() {
		if last {
			visit(h.field.Elem, fv.Index(i))
		} else {
			p.walk(n+1, fv.Index(i), visit)
		}
	}
}
