package pebble

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"drydock/store"
	"drydock/store/occ"
)

// view is the state of a version. It is released when nobody refers to it.
type view struct {
	driver   *Driver
	snapshot *pebble.Snapshot
	version  uint64
	refs     atomic.Int64
}

// newView returns the present state, which has the version. Two refer to it: the driver, as to its latest state, and the
// caller.
func newView(d *Driver, version uint64) *view {
	v := &view{driver: d, snapshot: d.db.NewSnapshot(), version: version}
	v.refs.Store(2)
	return v
}

// hold returns the view at a place where it is replaced at any time, and refers to it: release must follow.
func hold(at *atomic.Pointer[view]) *view {
	for {
		v := at.Load() // its place refers to it, too, so nobody does only when another has taken its place
		for n := v.refs.Load(); n > 0; n = v.refs.Load() {
			if v.refs.CompareAndSwap(n, n+1) {
				return v
			}
		}
	}
}

// release gives up a reference to v.
func (v *view) release() {
	if v.refs.Add(-1) == 0 {
		// An error would mean that it was closed before.
		_ = v.snapshot.Close()
	}
}

// reader is one transaction's use of a view. It is an occ.Snapshot.
type reader struct {
	view *view
	last io.Closer // holds the memory of the value that Get returned last
}

// transaction is a transaction and what it reads.
type transaction struct {
	occ.Txn
	reader reader
}

// Get implements occ.Snapshot.
func (r *reader) Get(key []byte) ([]byte, error) {
	if err := r.free(); err != nil {
		return nil, err
	}
	hot, version := r.view.driver.hot, r.view.version
	if row := hot.get(key, version); row != nil {
		if row.value == nil {
			return nil, store.ErrNotFound
		}
		return row.value, nil
	}
	value, closer, err := r.view.snapshot.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		hot.missed(key, nil, version)
		return nil, store.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("reading a key: %w", err)
	}
	r.last = closer
	if value == nil {
		value = []byte{}
	}
	hot.missed(key, value, version)
	return value, nil
}

func (r *reader) free() error {
	if r.last == nil {
		return nil
	}
	err := r.last.Close()
	r.last = nil
	return err
}

// Scan implements occ.Snapshot.
func (r *reader) Scan(lo, hi []byte, reverse bool) iter.Seq2[[]byte, store.Value] {
	return func(yield func([]byte, store.Value) bool) {
		if len(lo) == 0 {
			lo = firstKey
		}
		if len(hi) == 0 {
			hi = ownKeys
		}
		d := r.view.driver
		from := lo
		if !reverse {
			if from = d.gaps.skip(lo, r.view.version); bytes.Compare(from, hi) >= 0 {
				return
			}
		}
		it, err := r.view.snapshot.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: hi})
		if err != nil {
			yield(nil, store.Value{Err: fmt.Errorf("beginning a scan: %w", err)})
			return
		}
		defer func() {
			_ = it.Close() // repeats the error that was yielded
		}()
		var valid bool
		if reverse {
			valid = it.Last()
		} else {
			valid = it.First()
			r.learn(it, lo, hi, valid)
		}
		for valid {
			value, err := it.ValueAndErr()
			if err != nil {
				yield(nil, store.Value{Err: fmt.Errorf("scanning: %w", err)})
				return
			}
			if !yield(it.Key(), store.Value{Bytes: value}) {
				return
			}
			if reverse {
				valid = it.Prev()
			} else {
				valid = it.Next()
			}
		}
		if err := it.Error(); err != nil {
			yield(nil, store.Value{Err: fmt.Errorf("scanning: %w", err)})
		}
	}
}

// Release implements occ.Snapshot.
func (r *reader) Release() {
	// The memory of a value that cannot be given back is lost, nothing else.
	_ = r.free()
	r.view.release()
}
