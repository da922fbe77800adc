package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The kinds of errors. Errors of the io.ReaderAt come out as they are, wrapped.
var (
	ErrFormat = errors.New("the Parquet file is damaged")
	ErrCodec  = errors.New("the compression codec is not supported")
	ErrType   = errors.New("the Parquet type is not supported")
	ErrSize   = errors.New("a row group, a page or a dictionary is too large")
	ErrRecord = errors.New("a record is too large")
)

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, args...))
}

// errShort tells that a structure goes on behind the bytes at hand.
var errShort = fmt.Errorf("%w: it ends within a structure", ErrFormat)

// maxNesting bounds how deep structures nest that are skipped; Parquet's own do by less than ten.
const maxNesting = 32

// The types of the compact protocol.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftI16    = 4
	thriftI32    = 5
	thriftI64    = 6
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftMap    = 11
	thriftStruct = 12
)

// thrift reads Thrift's compact protocol from bytes at hand.
type thrift struct {
	data  []byte
	at    int
	depth int
}

func (t *thrift) byte() (byte, error) {
	if t.at >= len(t.data) {
		return 0, errShort
	}
	t.at++
	return t.data[t.at-1], nil
}

func (t *thrift) uvarint() (uint64, error) {
	v, n := binary.Uvarint(t.data[t.at:])
	switch {
	case n == 0:
		return 0, errShort
	case n < 0:
		return 0, damaged("a number is too long")
	}
	t.at += n
	return v, nil
}

// integer reads a number of the type that a field told.
func (t *thrift) integer(typ byte) (int64, error) {
	switch typ {
	case thriftByte:
		b, err := t.byte()
		return int64(int8(b)), err
	case thriftI16, thriftI32, thriftI64:
		v, err := t.uvarint()
		return int64(v>>1) ^ -int64(v&1), err
	}
	return 0, damaged("a field has type %d in place of an integer", typ)
}

// into reads an integer into one of a narrower type.
func into[T int8 | int32 | int64](t *thrift, typ byte, to *T) error {
	v, err := t.integer(typ)
	if err != nil {
		return err
	}
	if *to = T(v); int64(*to) != v {
		return damaged("a number is out of its range")
	}
	return nil
}

func (t *thrift) bool(typ byte) (bool, error) {
	if typ != thriftTrue && typ != thriftFalse {
		return false, damaged("a field has type %d in place of a truth value", typ)
	}
	return typ == thriftTrue, nil
}

// binary returns bytes that lie within the data.
func (t *thrift) binary(typ byte) ([]byte, error) {
	if typ != thriftBinary {
		return nil, damaged("a field has type %d in place of text", typ)
	}
	n, err := t.uvarint()
	if err != nil {
		return nil, err
	}
	if n > uint64(len(t.data)-t.at) {
		return nil, errShort
	}
	t.at += int(n)
	return t.data[t.at-int(n) : t.at], nil
}

// fields reads a struct; field reads or skips the value of each.
func (t *thrift) fields(typ byte, field func(id int16, typ byte) error) error {
	if typ != thriftStruct {
		return damaged("a field has type %d in place of a structure", typ)
	}
	if t.depth++; t.depth > maxNesting {
		return damaged("structures nest too deeply")
	}
	defer func() { t.depth-- }()
	id := int16(0)
	for {
		b, err := t.byte()
		if err != nil || b == 0 {
			return err
		}
		if delta := b >> 4; delta != 0 {
			id += int16(delta)
		} else {
			v, err := t.integer(thriftI16)
			if err != nil {
				return err
			}
			id = int16(v)
		}
		if err := field(id, b&15); err != nil {
			return err
		}
	}
}

// list reads a list; element reads or skips each. An element takes a byte at least, which bounds the count.
func (t *thrift) list(typ byte, element func(typ byte) error) error {
	if typ != thriftList && typ != thriftSet {
		return damaged("a field has type %d in place of a list", typ)
	}
	b, err := t.byte()
	if err != nil {
		return err
	}
	n := uint64(b >> 4)
	if n == 15 {
		if n, err = t.uvarint(); err != nil {
			return err
		}
	}
	if n > uint64(len(t.data)-t.at) {
		return errShort
	}
	for range n {
		if err := element(b & 15); err != nil {
			return err
		}
	}
	return nil
}

// skip leaves out a value. Within a list truth values take a byte, which inList tells.
func (t *thrift) skip(typ byte, inList bool) error {
	switch typ {
	case thriftTrue, thriftFalse:
		if !inList {
			return nil
		}
		_, err := t.byte()
		return err
	case thriftByte:
		_, err := t.byte()
		return err
	case thriftI16, thriftI32, thriftI64:
		_, err := t.uvarint()
		return err
	case thriftDouble:
		if len(t.data)-t.at < 8 {
			return errShort
		}
		t.at += 8
		return nil
	case thriftBinary:
		_, err := t.binary(typ)
		return err
	case thriftStruct:
		return t.fields(typ, func(_ int16, typ byte) error { return t.skip(typ, false) })
	case thriftList, thriftSet, thriftMap:
		if t.depth++; t.depth > maxNesting {
			return damaged("structures nest too deeply")
		}
		defer func() { t.depth-- }()
		if typ == thriftMap {
			return t.skipMap()
		}
		return t.list(typ, func(typ byte) error { return t.skip(typ, true) })
	}
	return damaged("a field has the unknown type %d", typ)
}

func (t *thrift) skipMap() error {
	n, err := t.uvarint()
	if err != nil || n == 0 {
		return err
	}
	if n > uint64(len(t.data)-t.at) {
		return errShort
	}
	types, err := t.byte()
	if err != nil {
		return err
	}
	for range n {
		if err := t.skip(types>>4, true); err != nil {
			return err
		}
		if err := t.skip(types&15, true); err != nil {
			return err
		}
	}
	return nil
}
