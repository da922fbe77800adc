package parquet

import "fmt"

// The physical types.
const (
	typeBoolean = iota
	typeInt32
	typeInt64
	typeInt96
	typeFloat
	typeDouble
	typeBytes
	typeFixed
)

// kind is a logical type, by its number in the union of them.
type kind int16

const (
	kindNone      kind = 0
	kindString    kind = 1
	kindMap       kind = 2
	kindList      kind = 3
	kindEnum      kind = 4
	kindDecimal   kind = 5
	kindDate      kind = 6
	kindTime      kind = 7
	kindTimestamp kind = 8
	kindInterval  kind = 9
	kindInteger   kind = 10
	kindUnknown   kind = 11
	kindUUID      kind = 14
	kindFloat16   kind = 15
)

// unit is one of time, by its number in the union of them.
type unit int16

const (
	millis unit = 1
	micros unit = 2
	nanos  unit = 3
)

type logical struct {
	kind     kind
	scale    int32
	unit     unit
	bits     int8
	unsigned bool
}

// converted are the older names of logical types, by their number.
var converted = map[int32]logical{
	0: {kind: kindString}, 1: {kind: kindMap}, 2: {kind: kindMap}, 3: {kind: kindList}, 4: {kind: kindEnum}, 5: {kind: kindDecimal}, 6: {kind: kindDate},
	7: {kind: kindTime, unit: millis}, 8: {kind: kindTime, unit: micros}, 9: {kind: kindTimestamp, unit: millis}, 10: {kind: kindTimestamp, unit: micros},
	11: {kind: kindInteger, bits: 8, unsigned: true}, 12: {kind: kindInteger, bits: 16, unsigned: true}, 13: {kind: kindInteger, bits: 32, unsigned: true},
	14: {kind: kindInteger, bits: 64, unsigned: true}, 15: {kind: kindInteger, bits: 8}, 16: {kind: kindInteger, bits: 16}, 17: {kind: kindInteger, bits: 32},
	18: {kind: kindInteger, bits: 64}, 21: {kind: kindInterval},
}

// The repetitions.
const (
	required = iota
	optional
	repeated
)

// maxSchema bounds how deep columns nest.
const maxSchema = 64

// node is a part of the schema: a group, or with a leaf a column of values.
type node struct {
	name       string
	repetition int32
	// def and rep are the levels from which on it is there, and of which on it repeats.
	def, rep int
	kind     kind
	children []*node
	leaf     *leaf
	// first and last+1 bound the leaves that it has.
	first, end int
}

// leaf is a column of values.
type leaf struct {
	typ, width int32 // width in bytes, of fixed types
	def, rep   int   // the highest levels
	logical    logical
}

// Column is a column of the highest level; it may be a group of further ones.
type Column struct {
	Name string
	// Int96 tells that it has timestamps of the deprecated type INT96.
	Int96 bool
}

// Columns returns the columns of the highest level.
func (f *File) Columns() []Column {
	list := make([]Column, 0, len(f.root.children))
	for _, n := range f.root.children {
		c := Column{Name: n.name}
		for _, l := range f.leaves[n.first:n.end] {
			c.Int96 = c.Int96 || l.typ == typeInt96
		}
		list = append(list, c)
	}
	return list
}

// build makes the tree of the schema from its elements, which stand in the order of a walk through it.
func (f *File) build(list []element) error {
	if len(list) == 0 {
		return damaged("it has no schema")
	}
	at := 0
	var walk func(parent *node, depth int) (*node, error)
	walk = func(parent *node, depth int) (*node, error) {
		if at >= len(list) {
			return nil, damaged("its schema ends early")
		}
		if depth > maxSchema {
			return nil, damaged("its schema nests too deeply")
		}
		e := &list[at]
		at++
		n := &node{name: e.name, repetition: e.repetition, kind: e.logical.kind, first: len(f.leaves)}
		if e.logical.kind == kindNone {
			l := converted[e.converted]
			l.scale = e.scale
			e.logical, n.kind = l, l.kind
		}
		if parent == nil {
			n.repetition = required
		} else {
			n.def, n.rep = parent.def, parent.rep
		}
		switch n.repetition {
		case required:
		case repeated:
			n.def++
			n.rep++
		case optional:
			n.def++
		default:
			return nil, damaged("a column has the unknown repetition %d", n.repetition)
		}
		if e.children == 0 && parent != nil {
			var err error
			if n.leaf, err = e.leaf(n); err != nil {
				return nil, err
			}
			if f.leaves = append(f.leaves, n.leaf); len(f.leaves) > MaxColumns {
				return nil, fmt.Errorf("%w: there are more than %d columns", ErrSize, MaxColumns)
			}
		}
		for range e.children {
			c, err := walk(n, depth+1)
			if err != nil {
				return nil, err
			}
			n.children = append(n.children, c)
		}
		if n.end = len(f.leaves); n.end == n.first && parent != nil {
			return nil, damaged("a group has no columns")
		}
		return n, nil
	}
	var err error
	if f.root, err = walk(nil, 0); err == nil && at != len(list) {
		err = damaged("its schema goes on behind its end")
	}
	return err
}

func (e *element) leaf(n *node) (*leaf, error) {
	l := &leaf{typ: e.typ, def: n.def, rep: n.rep, logical: e.logical}
	switch e.typ {
	case typeBoolean, typeBytes:
	case typeInt32, typeFloat:
		l.width = 4
	case typeInt64, typeDouble:
		l.width = 8
	case typeInt96:
		l.width = 12
	case typeFixed:
		if l.width = e.length; l.width < 0 || l.width > MaxPage {
			return nil, damaged("a value has %d bytes", l.width)
		}
	default:
		return nil, damaged("a column has the unknown type %d", e.typ)
	}
	return l, nil
}

// element returns what the elements of a LIST are; nil of another shape. Where its repeated child is no wrapper, as older
// writers have it, that is the element.
func (n *node) element() *node {
	if n.kind != kindList || len(n.children) != 1 || n.children[0].repetition != repeated {
		return nil
	}
	c := n.children[0]
	if len(c.children) == 1 && c.name != "array" && c.name != n.name+"_tuple" {
		return c.children[0]
	}
	return c
}

// entries returns the repeated group of key and value of a MAP; nil of another shape.
func (n *node) entries() *node {
	if n.kind != kindMap || len(n.children) != 1 {
		return nil
	}
	c := n.children[0]
	if c.repetition != repeated || len(c.children) != 2 {
		return nil
	}
	return c
}
