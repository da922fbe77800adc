package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The bounds. A row group's is S3 Select's; the others are far above what writers make.
const (
	// MaxRowGroup is how many bytes a row group may have without compression, of all columns.
	MaxRowGroup = 512 << 20
	// MaxFooter is how long the description of the file may be.
	MaxFooter = 16 << 20
	// MaxPage is how long a page may be, with and without compression.
	MaxPage = 64 << 20
	// MaxDictionary is how long the dictionary of a column in a row group may be without compression.
	MaxDictionary = 16 << 20
	// MaxHeld is how much of pages and dictionaries is in memory at a time, of all columns.
	MaxHeld = 256 << 20
	// MaxRecord is how much the values of a record may take.
	MaxRecord = 16 << 20
	// MaxColumns is how many columns of values a file may have.
	MaxColumns = 20_000
)

const magic = "PAR1"

// File is an open file. It is immutable.
type File struct {
	r      io.ReaderAt
	size   int64
	root   *node
	leaves []*leaf
	groups []rowGroup
}

type rowGroup struct {
	rows, bytes int64
	chunks      []chunk
}

// chunk is a column of a row group.
type chunk struct {
	typ, codec               int32
	values, size             int64
	data, dictionary         int64 // offsets
	described, apart, sealed bool
}

// element is an element of the schema as it is written.
type element struct {
	typ, length, repetition, children, converted, scale int32
	name                                                string
	logical                                             logical
}

// Open reads how a file of size bytes is built.
func Open(r io.ReaderAt, size int64) (*File, error) {
	f := &File{r: r, size: size}
	if size < int64(3*len(magic)) {
		return nil, damaged("it is too short")
	}
	var ends [12]byte
	if err := f.read(ends[:4], 0); err != nil {
		return nil, err
	}
	if err := f.read(ends[4:], size-8); err != nil {
		return nil, err
	}
	if string(ends[:4]) != magic || string(ends[8:]) != magic {
		return nil, damaged("it does not begin and end as one")
	}
	n := int64(binary.LittleEndian.Uint32(ends[4:]))
	if n > size-12 {
		return nil, damaged("its footer is longer than itself")
	}
	if n > MaxFooter {
		return nil, fmt.Errorf("%w: the footer has %d bytes", ErrSize, n)
	}
	footer := make([]byte, n)
	if err := f.read(footer, size-8-n); err != nil {
		return nil, err
	}
	return f, f.parse(footer)
}

// read fills p from what the file must have.
func (f *File) read(p []byte, off int64) error {
	n, err := f.r.ReadAt(p, off)
	switch {
	case n == len(p):
		return nil
	case err == nil, errors.Is(err, io.EOF):
		return damaged("it ends early")
	}
	return fmt.Errorf("reading a Parquet file: %w", err)
}

func (f *File) parse(footer []byte) error {
	t := &thrift{data: footer}
	var schema []element
	err := t.fields(thriftStruct, func(id int16, typ byte) error {
		switch id {
		case 2:
			return t.list(typ, func(typ byte) error {
				e := element{typ: -1, repetition: -1, converted: -1}
				err := t.element(typ, &e)
				schema = append(schema, e)
				return err
			})
		case 4:
			return t.list(typ, func(typ byte) error {
				var g rowGroup
				err := t.rowGroup(typ, &g)
				f.groups = append(f.groups, g)
				return err
			})
		case 8:
			return fmt.Errorf("%w: it is encrypted", ErrType)
		}
		return t.skip(typ, false)
	})
	if err != nil {
		return err
	}
	if err := f.build(schema); err != nil {
		return err
	}
	for i := range f.groups {
		if err := f.check(&f.groups[i]); err != nil {
			return err
		}
	}
	return nil
}

// check holds what is said of a row group against the schema and the file.
func (f *File) check(g *rowGroup) error {
	if len(g.chunks) != len(f.leaves) {
		return damaged("a row group has %d columns of %d", len(g.chunks), len(f.leaves))
	}
	if g.rows < 0 {
		return damaged("a row group has %d rows", g.rows)
	}
	if g.bytes > MaxRowGroup {
		return fmt.Errorf("%w: a row group has %d bytes", ErrSize, g.bytes)
	}
	for i := range g.chunks {
		c := &g.chunks[i]
		switch {
		case c.sealed:
			return fmt.Errorf("%w: a column is encrypted", ErrType)
		case c.apart:
			return fmt.Errorf("%w: a column is in another file", ErrType)
		case !c.described || c.typ != f.leaves[i].typ:
			return damaged("a column is not what the schema says")
		}
		if c.values == 0 { // nothing of it is read
			continue
		}
		start := c.start()
		if start < int64(len(magic)) || start > f.size || c.size < 0 || c.size > f.size-start || c.values < 0 {
			return damaged("a column lies outside of the file")
		}
	}
	return nil
}

// start is where a column's first page begins.
func (c *chunk) start() int64 {
	if c.dictionary > 0 && c.dictionary < c.data {
		return c.dictionary
	}
	return c.data
}

// start is where a row group's first page begins.
func (g *rowGroup) start() int64 {
	first := int64(len(magic))
	for i := range g.chunks {
		if at := g.chunks[i].start(); i == 0 || at < first {
			first = at
		}
	}
	return first
}

func (t *thrift) element(typ byte, e *element) error {
	return t.fields(typ, func(id int16, typ byte) error {
		switch id {
		case 1:
			return into(t, typ, &e.typ)
		case 2:
			return into(t, typ, &e.length)
		case 3:
			return into(t, typ, &e.repetition)
		case 4:
			b, err := t.binary(typ)
			e.name = string(b)
			return err
		case 5:
			return into(t, typ, &e.children)
		case 6:
			return into(t, typ, &e.converted)
		case 7:
			return into(t, typ, &e.scale)
		case 10:
			return t.logical(typ, &e.logical)
		}
		return t.skip(typ, false)
	})
}

// logical reads the union of logical types.
func (t *thrift) logical(typ byte, l *logical) error {
	return t.fields(typ, func(id int16, typ byte) error {
		l.kind = kind(id)
		return t.fields(typ, func(id int16, typ byte) (err error) {
			switch {
			case l.kind == kindDecimal && id == 1:
				return into(t, typ, &l.scale)
			case (l.kind == kindTime || l.kind == kindTimestamp) && id == 2:
				return t.fields(typ, func(id int16, typ byte) error {
					l.unit = unit(id)
					return t.skip(typ, false)
				})
			case l.kind == kindInteger && id == 1:
				return into(t, typ, &l.bits)
			case l.kind == kindInteger && id == 2:
				signed, err := t.bool(typ)
				l.unsigned = !signed
				return err
			}
			return t.skip(typ, false)
		})
	})
}

func (t *thrift) rowGroup(typ byte, g *rowGroup) error {
	return t.fields(typ, func(id int16, typ byte) error {
		switch id {
		case 1:
			return t.list(typ, func(typ byte) error {
				var c chunk
				err := t.chunk(typ, &c)
				g.chunks = append(g.chunks, c)
				return err
			})
		case 2:
			return into(t, typ, &g.bytes)
		case 3:
			return into(t, typ, &g.rows)
		}
		return t.skip(typ, false)
	})
}

func (t *thrift) chunk(typ byte, c *chunk) error {
	return t.fields(typ, func(id int16, typ byte) error {
		switch id {
		case 1:
			c.apart = true
		case 3:
			c.described = true
			return t.columnMeta(typ, c)
		case 8:
			c.sealed = true
		}
		return t.skip(typ, false)
	})
}

func (t *thrift) columnMeta(typ byte, c *chunk) error {
	return t.fields(typ, func(id int16, typ byte) error {
		switch id {
		case 1:
			return into(t, typ, &c.typ)
		case 4:
			return into(t, typ, &c.codec)
		case 5:
			return into(t, typ, &c.values)
		case 7:
			return into(t, typ, &c.size)
		case 9:
			return into(t, typ, &c.data)
		case 11:
			return into(t, typ, &c.dictionary)
		}
		return t.skip(typ, false)
	})
}
