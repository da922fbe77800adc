package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
)

// Index is a second order of a table's rows. A row has an entry for each of the keys that a function computes from it,
// none or many; several rows may have the same key. Entries of the same key are in the order of the rows' own keys.
type Index[T any] struct {
	name  string
	space []byte
	keys  func(*T) []Key
	table *Table[T]
}

// NewIndex declares an index, to be given to NewTable. The name is unique in its table and is part of what is stored.
// keys computes the entries from nothing but the row. When that function changes, the stored entries have to be written
// anew, so an index with new rules gets a new name.
func NewIndex[T any](name string, keys func(*T) []Key) *Index[T] {
	if name == "" {
		panic("store: index without a name")
	}
	return &Index[T]{name: name, keys: keys}
}

// Entry returns the position of the row's entry for key, one of its keys in this index: for Range.After.
func (ix *Index[T]) Entry(row *T, key Key) Key { return join(key, ix.table.key(row)) }

// Scan yields the rows that have entries in the range, in the order of the entries. A row with several entries in the
// range is yielded for each. An error ends the scan; the row is nil then.
func (ix *Index[T]) Scan(tx *Tx, r Range) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		lo, hi := r.bounds(ix.space)
		for entry, v := range tx.txn.Scan(lo, hi, r.Reverse) {
			if v.Err != nil {
				yield(nil, fmt.Errorf("scanning %s by %s: %w", ix.table.name, ix.name, v.Err))
				return
			}
			row, err := ix.follow(tx, entry, v.Bytes)
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// First returns the row of the first entry that begins with the parts of prefix, or ErrNotFound.
func (ix *Index[T]) First(tx *Tx, prefix Key) (*T, error) {
	for row, err := range ix.Scan(tx, Range{Prefix: prefix}) {
		return row, err
	}
	return nil, ErrNotFound
}

// follow returns the row that an entry belongs to. The entry's value is the length of the entry's own key, behind which
// the row's key begins.
func (ix *Index[T]) follow(tx *Tx, entry, value []byte) (*T, error) {
	n, size := binary.Uvarint(value)
	if size <= 0 || n > uint64(len(entry)-len(ix.space)) {
		return nil, fmt.Errorf("reading %s by %s: corrupt entry", ix.table.name, ix.name)
	}
	row, err := ix.table.Get(tx, entry[len(ix.space)+int(n):])
	if errors.Is(err, ErrNotFound) {
		// Not ErrNotFound: a caller would take it for an answer.
		return nil, fmt.Errorf("reading %s by %s: entry without a row", ix.table.name, ix.name)
	}
	return row, err
}

// update brings the entries of the row at key from the old state to the new one; nil is a row that is not there.
func (ix *Index[T]) update(tx *Tx, key Key, old, row *T) error {
	var before, now []Key
	if old != nil {
		before = ix.keys(old)
	}
	if row != nil {
		now = ix.keys(row)
	}
	has := func(keys []Key, k Key) bool {
		return slices.ContainsFunc(keys, func(o Key) bool { return bytes.Equal(o, k) })
	}
	for _, k := range before {
		if !has(now, k) {
			if err := tx.delete(join(ix.space, k, key)); err != nil {
				return err
			}
		}
	}
	for _, k := range now {
		if !has(before, k) {
			if err := tx.set(join(ix.space, k, key), binary.AppendUvarint(nil, uint64(len(k)))); err != nil {
				return err
			}
		}
	}
	return nil
}
