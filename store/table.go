package store

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"drydock/store/tuple"
)

// Table is a kind of record, stored under a key that is computed from the record. Tables are declared once, usually as
// package variables; they hold no data themselves and are safe for concurrent use.
//
// Records are stored as CBOR: exported fields by name (or by a `cbor` or `json` tag), times as UTC to the nanosecond.
// Fields that a stored row has and T has not are ignored, fields that it lacks are zero, so fields can be added and
// dropped; a renamed field is a new one. What a read returns is the caller's own, but for Shared.
type Table[T any] struct {
	name    string
	space   []byte
	key     func(*T) Key
	indexes []*Index[T]
}

// NewTable declares a table. Its name ("s3/bucket") is unique in the store, is part of what is stored, and has no colon.
// An index belongs to one table.
func NewTable[T any](name string, key func(*T) Key, indexes ...*Index[T]) *Table[T] {
	if name == "" || strings.Contains(name, ":") {
		panic("store: table name " + name)
	}
	t := &Table[T]{name: name, space: tuple.Append(nil, name), key: key, indexes: indexes}
	for i, ix := range indexes {
		if ix.table != nil || slices.ContainsFunc(indexes[:i], func(o *Index[T]) bool { return o.name == ix.name }) {
			panic("store: index " + ix.name + " is used twice")
		}
		ix.table, ix.space = t, tuple.Append(nil, name+":"+ix.name)
	}
	return t
}

// Name returns the table's name.
func (t *Table[T]) Name() string { return t.name }

// Key returns the row's position, for Get or Range.After.
func (t *Table[T]) Key(row *T) Key { return t.key(row) }

// Get returns the row at key, or ErrNotFound.
func (t *Table[T]) Get(tx *Tx, key Key) (*T, error) {
	data, err := tx.txn.Get(tx.join(t.space, key))
	if err != nil {
		if errors.Is(err, ErrNotFound) {
			return nil, ErrNotFound
		}
		return nil, fmt.Errorf("reading %s: %w", t.name, err)
	}
	return t.decode(data)
}

// Has reports whether there is a row at key.
func (t *Table[T]) Has(tx *Tx, key Key) (bool, error) {
	switch _, err := tx.txn.Get(tx.join(t.space, key)); {
	case err == nil:
		return true, nil
	case errors.Is(err, ErrNotFound):
		return false, nil
	default:
		return false, fmt.Errorf("reading %s: %w", t.name, err)
	}
}

// Put writes the row, replacing the one that has its key. The row is not kept.
func (t *Table[T]) Put(tx *Tx, row *T) error {
	key := t.key(row)
	var old *T
	if len(t.indexes) > 0 {
		var err error
		if old, err = t.Get(tx, key); err != nil && !errors.Is(err, ErrNotFound) {
			return tx.wrote(err)
		}
	}
	return t.write(tx, key, old, row)
}

// Insert writes a row whose key is known not to exist, such as one with a fresh random id. It reads nothing, so it never
// causes a conflict; but if the row did exist, the entries that its old state has in indexes stay behind.
func (t *Table[T]) Insert(tx *Tx, row *T) error { return t.write(tx, t.key(row), nil, row) }

func (t *Table[T]) write(tx *Tx, key Key, old, row *T) error {
	data, err := encodeRow(row)
	if err == nil {
		err = tx.set(join(t.space, key), data)
	}
	for _, ix := range t.indexes {
		if err == nil {
			err = ix.update(tx, key, old, row)
		}
	}
	if err != nil {
		return tx.wrote(fmt.Errorf("writing %s: %w", t.name, err))
	}
	return nil
}

// Delete removes the row at key and reports whether there was one.
func (t *Table[T]) Delete(tx *Tx, key Key) (existed bool, err error) {
	full := join(t.space, key)
	data, err := tx.txn.Get(full)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err == nil && len(t.indexes) > 0 {
		var old *T
		if old, err = t.decode(data); err == nil {
			for _, ix := range t.indexes {
				if err == nil {
					err = ix.update(tx, key, old, nil)
				}
			}
		}
	}
	if err == nil {
		err = tx.delete(full)
	}
	if err != nil {
		return false, tx.wrote(fmt.Errorf("deleting from %s: %w", t.name, err))
	}
	return true, nil
}

// Scan yields the rows of the range in the order of their keys, or in reverse. An error ends the scan; the row is nil
// then. The loop may write to the table; it sees rows that it writes ahead of the scan.
func (t *Table[T]) Scan(tx *Tx, r Range) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		lo, hi := r.bounds(t.space)
		for _, v := range tx.txn.Scan(lo, hi, r.Reverse) {
			if v.Err != nil {
				yield(nil, fmt.Errorf("scanning %s: %w", t.name, v.Err))
				return
			}
			row, err := t.decode(v.Bytes)
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

func (t *Table[T]) decode(data []byte) (*T, error) {
	row := new(T)
	if err := decodeRow(data, row); err != nil {
		return nil, fmt.Errorf("reading %s: %w", t.name, err)
	}
	return row, nil
}

// join returns a new key of the parts' bytes.
func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
