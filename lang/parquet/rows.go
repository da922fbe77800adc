package parquet

import (
	"fmt"
	"io"
)

// List is the value of what is repeated.
type List []any

// Group is the value of a group of columns, or of a map; nothing of it is shared.
type Group struct {
	Names  []string
	Values []any
}

// Rows reads records. It is not safe for concurrent use.
type Rows struct {
	file       *File
	nodes      []*node
	start, end int64
	group      int   // which row group is next
	left       int64 // rows of the one at hand
	columns    []*column
	// by has the column of a leaf; nil for one that is not read.
	by []*column
	// plain counts the bytes of the row group without compression, held those in memory, taken those of the record.
	plain, read, unpacked int64
	held, taken           int
}

// Rows begins to read the columns that are named by their places in Columns.
func (f *File) Rows(columns []int) *Rows {
	r := &Rows{file: f, by: make([]*column, len(f.leaves)), end: f.size}
	for _, i := range columns {
		r.nodes = append(r.nodes, f.root.children[i])
	}
	return r
}

// Within leaves out the row groups of which the first page does not begin from start to end, both included.
func (r *Rows) Within(start, end int64) { r.start, r.end = start, end }

// Read tells how many bytes of pages were read so far, as they are stored and without compression.
func (r *Rows) Read() (stored, plain int64) { return r.read, r.unpacked }

// Next returns the values of the next record, one for each column asked for; io.EOF at the end.
func (r *Rows) Next() ([]any, error) {
	for r.left == 0 {
		if err := r.finish(); err != nil {
			return nil, err
		}
		if r.group == len(r.file.groups) {
			return nil, io.EOF
		}
		if at := r.file.groups[r.group].start(); at < r.start || at > r.end {
			r.group++
			continue
		}
		r.begin()
	}
	r.left--
	r.taken = 0
	row := make([]any, len(r.nodes))
	for i, n := range r.nodes {
		v, err := r.value(n)
		if err != nil {
			return nil, err
		}
		row[i] = v
	}
	for _, c := range r.columns {
		there, err := c.peek()
		if err != nil {
			return nil, err
		}
		if there && c.rep > 0 {
			return nil, damaged("the columns of a record are not of one length")
		}
	}
	return row, nil
}

// begin opens the columns of the next row group.
func (r *Rows) begin() {
	g := &r.file.groups[r.group]
	r.group++
	r.left, r.plain, r.held, r.columns = g.rows, 0, 0, nil
	clear(r.by)
	for _, n := range r.nodes {
		for i := n.first; i < n.end; i++ {
			if r.by[i] != nil {
				continue
			}
			k := &g.chunks[i]
			c := &column{rows: r, leaf: r.file.leaves[i], chunk: k, off: k.start(), end: k.start() + k.size, left: k.values}
			r.by[i] = c
			r.columns = append(r.columns, c)
		}
	}
}

// finish holds that a row group was read to its end.
func (r *Rows) finish() error {
	for _, c := range r.columns {
		if there, err := c.peek(); err != nil || there {
			if err == nil {
				err = damaged("a column has more rows than its row group")
			}
			return err
		}
	}
	r.columns = nil
	return nil
}

// take accounts for a value of n bytes.
func (r *Rows) take(n int) error {
	const each = 16
	if r.taken += each + n; r.taken > MaxRecord {
		return fmt.Errorf("%w: it takes more than %d bytes", ErrRecord, MaxRecord)
	}
	return nil
}

// entry has the next entry of a column at hand, which must be there.
func (r *Rows) entry(leaf int) (*column, error) {
	c := r.by[leaf]
	there, err := c.peek()
	if err == nil && !there {
		err = damaged("a column ends early")
	}
	return c, err
}

// skip takes the entry that tells, in all columns below, that something is not there.
func (r *Rows) skip(n *node) error {
	for i := n.first; i < n.end; i++ {
		c, err := r.entry(i)
		if err != nil {
			return err
		}
		c.there = false
	}
	return r.take(0)
}

// value assembles what a node has in the record, or in the element, at hand.
func (r *Rows) value(n *node) (any, error) {
	switch n.repetition {
	case repeated:
		return r.list(n, n)
	case optional:
		c, err := r.entry(n.first)
		if err != nil {
			return nil, err
		}
		if c.def < n.def {
			return nil, r.skip(n)
		}
	}
	return r.content(n)
}

// content assembles a node that is there.
func (r *Rows) content(n *node) (any, error) {
	if n.leaf != nil {
		return r.scalar(n)
	}
	if e := n.element(); e != nil {
		return r.list(n.children[0], e)
	}
	if e := n.entries(); e != nil {
		list, err := r.list(e, e)
		if err != nil {
			return nil, err
		}
		return dictionaryOf(list), nil
	}
	g := &Group{Names: make([]string, 0, len(n.children)), Values: make([]any, 0, len(n.children))}
	for _, c := range n.children {
		v, err := r.value(c)
		if err != nil {
			return nil, err
		}
		g.Names, g.Values = append(g.Names, c.name), append(g.Values, v)
	}
	return g, r.take(len(n.children) * 32)
}

// dictionaryOf makes a group of a map's entries where all keys are text.
func dictionaryOf(list List) any {
	g := &Group{}
	for _, e := range list {
		pair, ok := e.(*Group)
		if !ok || len(pair.Values) != 2 {
			return list
		}
		key, ok := pair.Values[0].(string)
		if !ok {
			return list
		}
		g.Names, g.Values = append(g.Names, key), append(g.Values, pair.Values[1])
	}
	return g
}

// list assembles what repeats with n; e is n, or the one child of n that is the element.
func (r *Rows) list(n, e *node) (List, error) {
	list := List{}
	c, err := r.entry(n.first)
	if err != nil {
		return nil, err
	}
	if c.def < n.def {
		return list, r.skip(n)
	}
	for {
		var v any
		if e == n {
			v, err = r.content(n)
		} else {
			v, err = r.value(e)
		}
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		if there, err := c.peek(); err != nil || !there || c.rep < n.rep {
			return list, err
		}
	}
}

func (r *Rows) scalar(n *node) (any, error) {
	c, err := r.entry(n.first)
	if err != nil {
		return nil, err
	}
	c.there = false
	if c.def < n.leaf.def { // a column of another shape than its siblings
		return nil, damaged("a value is missing")
	}
	v, err := c.values.next()
	if err != nil {
		return nil, err
	}
	if err := r.take(len(v.bytes)); err != nil {
		return nil, err
	}
	return n.leaf.logicalValue(v)
}
