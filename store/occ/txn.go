package occ

import (
	"bytes"
	"context"
	"iter"

	"github.com/tidwall/btree"

	"drydock/store"
)

// Snapshot is an unchanging state of a driver.
type Snapshot interface {
	// Get returns the value of key, valid until the next Get or Release, or store.ErrNotFound.
	Get(key []byte) ([]byte, error)
	// Scan yields as store.Txn has it.
	Scan(lo, hi []byte, reverse bool) iter.Seq2[[]byte, store.Value]
	// Release ends the use of the snapshot.
	Release()
}

// Backend is what a driver does for its transactions.
type Backend interface {
	// Commit checks the reads, made at the version, against the driver's Log and applies the writes.
	Commit(ctx context.Context, version uint64, reads *Reads, writes *Writes) error
	// Settle returns once the state of the version is durable, or an error if that failed.
	Settle(version uint64) error
}

// Txn is a transaction on a snapshot. It is a store.Txn.
type Txn struct {
	backend  Backend
	gate     *Gate
	log      *Log
	snapshot Snapshot
	version  uint64
	writable bool
	ended    bool
	reads    Reads
	writes   Writes
}

var _ store.Txn = (*Txn)(nil)

// Begin returns a transaction that reads the snapshot, which is the state of the version. The caller has entered the
// gate and, for a writable transaction, begun the version in the log; the transaction takes back both at its end. It is
// used by its address and can lie in what a driver keeps for a transaction.
func Begin(b Backend, gate *Gate, log *Log, s Snapshot, version uint64, writable bool) Txn {
	return Txn{backend: b, gate: gate, log: log, snapshot: s, version: version, writable: writable}
}

// usable returns why the transaction cannot be used, or nil.
func (t *Txn) usable() error {
	switch {
	case t.ended:
		return store.ErrDone
	case t.gate.Closed():
		return store.ErrClosed
	}
	return nil
}

// Get implements store.Txn.
func (t *Txn) Get(key []byte) ([]byte, error) {
	if err := t.usable(); err != nil {
		return nil, err
	}
	if w, ok := t.writes.get(key); ok {
		if w.Value == nil {
			return nil, store.ErrNotFound
		}
		return w.Value, nil
	}
	if t.writable {
		t.reads.point(key)
	}
	return t.snapshot.Get(key)
}

// Set implements store.Txn.
func (t *Txn) Set(key, value []byte) error {
	if value == nil {
		value = []byte{}
	}
	return t.write(Write{Key: key, Value: value})
}

// Delete implements store.Txn.
func (t *Txn) Delete(key []byte) error { return t.write(Write{Key: key}) }

func (t *Txn) write(w Write) error {
	if err := t.usable(); err != nil {
		return err
	}
	if !t.writable {
		return store.ErrReadOnly
	}
	if len(w.Key) == 0 || w.Key[0] == 0xFF {
		return store.ErrBadKey
	}
	if len(w.Key) > store.MaxKeySize || len(w.Value) > store.MaxValueSize {
		return store.ErrTooLarge
	}
	t.writes.put(w)
	return nil
}

// Scan implements store.Txn.
func (t *Txn) Scan(lo, hi []byte, reverse bool) iter.Seq2[[]byte, store.Value] {
	return func(yield func([]byte, store.Value) bool) {
		if err := t.usable(); err != nil {
			yield(nil, store.Value{Err: err})
			return
		}
		if len(hi) > 0 && bytes.Compare(lo, hi) >= 0 {
			return
		}
		if !t.writable {
			for key, v := range t.snapshot.Scan(lo, hi, reverse) {
				if err := t.usable(); err != nil {
					yield(nil, store.Value{Err: err})
					return
				}
				if !yield(key, v) || v.Err != nil {
					return
				}
			}
			return
		}
		n := t.reads.open()
		for key, v := range t.merged(lo, hi, reverse) {
			if v.Err == nil {
				v.Err = t.usable()
			}
			if v.Err != nil {
				yield(nil, store.Value{Err: v.Err})
				return
			}
			t.reads.reach(n, lo, hi, key, reverse)
			if !yield(key, v) {
				return
			}
		}
		t.reads.whole(n, lo, hi)
	}
}

// merged yields the snapshot with the transaction's writes on top, as they are when the scan comes to them.
func (t *Txn) merged(lo, hi []byte, reverse bool) iter.Seq2[[]byte, store.Value] {
	return func(yield func([]byte, store.Value) bool) {
		cur := cursor{writes: &t.writes, lo: lo, hi: hi, reverse: reverse}
		for key, v := range t.snapshot.Scan(lo, hi, reverse) {
			if v.Err != nil {
				yield(nil, v)
				return
			}
			// The writes that come before the snapshot's key, then the one that hides it.
			hidden := false
			for {
				w, ok := cur.peek()
				if !ok {
					break
				}
				order := bytes.Compare(w.Key, key)
				if reverse {
					order = -order
				}
				if order > 0 {
					break
				}
				hidden = hidden || order == 0
				cur.pass(w)
				if w.Value != nil && !yield(w.Key, store.Value{Bytes: w.Value}) {
					return
				}
			}
			if !hidden && !yield(key, v) {
				return
			}
			cur.passKey(key)
		}
		for {
			w, ok := cur.peek()
			if !ok {
				return
			}
			cur.pass(w)
			if w.Value != nil && !yield(w.Key, store.Value{Bytes: w.Value}) {
				return
			}
		}
	}
}

// Commit implements store.Txn.
func (t *Txn) Commit(ctx context.Context) error {
	if err := t.usable(); err != nil {
		return err
	}
	defer t.end()
	if t.writes.Len() == 0 {
		// A snapshot is a serializable view: what was read need not be checked.
		return t.backend.Settle(t.version)
	}
	return t.backend.Commit(ctx, t.version, &t.reads, &t.writes)
}

// Rollback implements store.Txn.
func (t *Txn) Rollback() error {
	if t.ended {
		return nil
	}
	defer t.end()
	return t.backend.Settle(t.version)
}

func (t *Txn) end() {
	t.ended = true
	if t.writable {
		t.log.End(t.version)
	}
	t.snapshot.Release()
	t.gate.Leave()
}

// Write is the writing of a key, or its deletion if Value is nil.
type Write struct{ Key, Value []byte }

// Writes is what a transaction has written, the last write of each key. Its zero value is empty.
type Writes struct {
	tree *btree.BTreeG[Write]
	size int
}

func (w *Writes) put(wr Write) {
	if w.tree == nil {
		w.tree = btree.NewBTreeGOptions(lessWrite, btree.Options{NoLocks: true, Degree: 8})
	}
	w.tree.Set(wr)
	w.size += len(wr.Key) + len(wr.Value)
}

func lessWrite(a, b Write) bool { return bytes.Compare(a.Key, b.Key) < 0 }

func (w *Writes) get(key []byte) (Write, bool) {
	if w.tree == nil {
		return Write{}, false
	}
	return w.tree.Get(Write{Key: key})
}

// Len returns the number of keys written.
func (w *Writes) Len() int {
	if w.tree == nil {
		return 0
	}
	return w.tree.Len()
}

// Size returns about how many bytes were written.
func (w *Writes) Size() int { return w.size }

// All yields the writes in the order of their keys.
func (w *Writes) All() iter.Seq[Write] {
	return func(yield func(Write) bool) {
		if w.tree != nil {
			w.tree.Scan(yield)
		}
	}
}

// Keys returns the keys written, in order.
func (w *Writes) Keys() [][]byte {
	keys := make([][]byte, 0, w.Len())
	for wr := range w.All() {
		keys = append(keys, wr.Key)
	}
	return keys
}

// cursor walks through writes that may change under it: it looks for the next one each time.
type cursor struct {
	writes  *Writes
	lo, hi  []byte
	reverse bool
	last    []byte // the position passed; nil before the first
	buf     []byte // for last
}

// peek returns the next write of the range.
func (c *cursor) peek() (w Write, ok bool) {
	if c.writes.tree == nil {
		return Write{}, false
	}
	take := func(x Write) bool {
		if c.last != nil && bytes.Equal(x.Key, c.last) || c.reverse && len(c.hi) > 0 && bytes.Equal(x.Key, c.hi) {
			return true
		}
		w, ok = x, true
		return false
	}
	switch {
	case !c.reverse && c.last != nil:
		c.writes.tree.Ascend(Write{Key: c.last}, take)
	case !c.reverse:
		c.writes.tree.Ascend(Write{Key: c.lo}, take)
	case c.last != nil:
		c.writes.tree.Descend(Write{Key: c.last}, take)
	case len(c.hi) > 0:
		c.writes.tree.Descend(Write{Key: c.hi}, take)
	default:
		c.writes.tree.Reverse(take)
	}
	if ok && (!c.reverse && len(c.hi) > 0 && bytes.Compare(w.Key, c.hi) >= 0 || c.reverse && bytes.Compare(w.Key, c.lo) < 0) {
		return Write{}, false
	}
	return w, ok
}

// pass moves behind a write.
func (c *cursor) pass(w Write) { c.last = w.Key }

// passKey moves behind a key of the snapshot, which is only valid for now.
func (c *cursor) passKey(key []byte) {
	if c.writes.tree != nil {
		c.buf = append(c.buf[:0], key...)
		c.last = c.buf
	}
}
