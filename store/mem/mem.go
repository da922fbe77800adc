// Package mem is the store's driver that keeps everything in memory and forgets it when it is closed: for tests and for
// clouds that need not outlive the process.
//
// The state is a copy-on-write tree. A snapshot is a pointer to one, a commit makes a new one that shares what it did
// not change.
package mem

import (
	"bytes"
	"context"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/tidwall/btree"

	"drydock/store"
	"drydock/store/occ"
)

// Driver is a store.Driver in memory.
type Driver struct {
	gate  occ.Gate
	log   occ.Log
	state atomic.Pointer[state]

	mu sync.Mutex // held while a commit replaces state
}

var _ store.Driver = (*Driver)(nil)

// state is what the store holds at a version. It is never changed.
type state struct {
	tree    *btree.BTreeG[occ.Write]
	version uint64
}

// New returns an empty driver.
func New() *Driver {
	d := &Driver{}
	d.state.Store(&state{tree: newTree()})
	return d
}

func newTree() *btree.BTreeG[occ.Write] {
	less := func(a, b occ.Write) bool { return bytes.Compare(a.Key, b.Key) < 0 }
	// A commit copies the nodes on the way to each key, so they are kept small.
	return btree.NewBTreeGOptions(less, btree.Options{NoLocks: true, Degree: 16})
}

// Begin implements store.Driver.
func (d *Driver) Begin(ctx context.Context, writable bool) (store.Txn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := d.gate.Enter(); err != nil {
		return nil, err
	}
	s := d.state.Load()
	if writable {
		d.log.Begin(s.version)
	}
	t := occ.Begin(d, &d.gate, &d.log, s, s.version, writable)
	return &t, nil
}

// Commit implements occ.Backend.
func (d *Driver) Commit(ctx context.Context, version uint64, reads *occ.Reads, writes *occ.Writes) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	version, err := d.log.Check(reads, version)
	if err != nil {
		return err
	}
	keys := writes.Keys()
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.log.Check(reads, version); err != nil {
		return err
	}
	tree := d.state.Load().tree.Copy()
	for w := range writes.All() {
		if w.Value == nil {
			tree.Delete(w)
		} else {
			tree.Set(w)
		}
	}
	d.state.Store(&state{tree: tree, version: d.log.Append(keys)})
	return nil
}

// Settle implements occ.Backend. Nothing in memory is more durable than the rest.
func (d *Driver) Settle(uint64) error { return nil }

// DropAll implements store.Driver.
func (d *Driver) DropAll(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := d.gate.Enter(); err != nil {
		return err
	}
	defer d.gate.Leave()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.state.Store(&state{tree: newTree(), version: d.log.AppendAll()})
	return nil
}

// Close implements store.Driver. A second call returns store.ErrClosed.
func (d *Driver) Close() error {
	if err := d.gate.Close(); err != nil {
		return err
	}
	d.state.Store(&state{tree: newTree()})
	return nil
}

// Get implements occ.Snapshot.
func (s *state) Get(key []byte) ([]byte, error) {
	if w, ok := s.tree.Get(occ.Write{Key: key}); ok {
		return w.Value, nil
	}
	return nil, store.ErrNotFound
}

// Scan implements occ.Snapshot.
func (s *state) Scan(lo, hi []byte, reverse bool) iter.Seq2[[]byte, store.Value] {
	return func(yield func([]byte, store.Value) bool) {
		up := func(w occ.Write) bool {
			return (len(hi) == 0 || bytes.Compare(w.Key, hi) < 0) && yield(w.Key, store.Value{Bytes: w.Value})
		}
		down := func(w occ.Write) bool {
			if len(hi) > 0 && bytes.Compare(w.Key, hi) >= 0 { // the pivot itself
				return true
			}
			return bytes.Compare(w.Key, lo) >= 0 && yield(w.Key, store.Value{Bytes: w.Value})
		}
		switch {
		case !reverse:
			s.tree.Ascend(occ.Write{Key: lo}, up)
		case len(hi) > 0:
			s.tree.Descend(occ.Write{Key: hi}, down)
		default:
			s.tree.Reverse(down)
		}
	}
}

// Release implements occ.Snapshot.
func (s *state) Release() {}
