// Package pebble is the store's driver for one process and a data directory: an LSM tree with a write-ahead log.
//
// A commit is applied under a lock and becomes visible to later Updates at once, so that they can build on it, but its
// fsync happens outside of the lock: one fsync makes many commits durable. Nothing that is not durable is told to
// anyone:
//
//   - a commit returns after its fsync. The log is ordered, so what the transaction read is durable by then, too;
//   - an Update that ends without a write waits until the state it began on is durable;
//   - a View never waits: it gets the newest state that is durable. A commit that returned is part of it.
//
// When an fsync fails it is unknown what the disk has. The driver then refuses everything until it is opened again.
package pebble

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"drydock/store"
	"drydock/store/occ"
)

// The sizes suit a process of some 60 MiB; the operating system's page cache does the rest. The tree takes the memory of
// its memtables, of which there are two while one is being flushed, out of the cache.
const (
	memTableSize = 8 << 20
	cacheSize    = 2*memTableSize + 16<<20
	maxOpenFiles = 256
	bloomBits    = 10
)

// The driver's own keys lie behind all others.
var (
	firstKey  = []byte{0}
	ownKeys   = []byte{0xFF}
	formatKey = []byte("\xFFformat")
)

// format is what formatKey holds: how this driver and package store lay out keys and values.
const format = "1"

// Options are the settings of a driver. The zero value works.
type Options struct {
	// Logger gets what the tree has to say: trouble as errors, the rest at debug level. None by default.
	Logger *slog.Logger
	// FS replaces the file system, for tests.
	FS vfs.FS
}

// Driver is a store.Driver in a directory.
type Driver struct {
	db   *pebble.DB
	dir  string
	gate occ.Gate
	log  occ.Log
	gaps gaps
	hot  *hot

	commitMu sync.Mutex // held while a commit is checked and applied: orders the versions

	latest  atomic.Pointer[view]   // the state after the last commit
	durable atomic.Pointer[view]   // the newest state that is on disk
	broken  atomic.Pointer[broken] // why nothing works any more

	mu      sync.Mutex // held while durable or broken changes
	settled *sync.Cond // either has changed
}

// broken is a failure that nothing survives.
type broken struct{ err error }

var _ store.Driver = (*Driver)(nil)

// Open opens the store in dir, which is created if it is not there. A directory that another process uses, or that a
// newer program has written, is an error that says so.
func Open(dir string, o Options) (*Driver, error) {
	fs := o.FS
	if fs == nil {
		fs = vfs.Default
	}
	if err := fs.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("creating the data directory: %w", err)
	}
	lock, err := pebble.LockDirectory(dir, fs)
	switch {
	case errors.Is(err, syscall.EAGAIN), err != nil && err.Error() == "lock held by current process":
		return nil, fmt.Errorf("data directory %s is used by another drydock", dir)
	case err != nil:
		return nil, fmt.Errorf("locking the data directory %s: %w", dir, err)
	}
	d := &Driver{dir: dir, hot: newHot()}
	d.settled = sync.NewCond(&d.mu)
	if d.db, err = pebble.Open(dir, d.options(fs, lock, o.Logger)); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the store in %s: %w", dir, err), lock.Close())
	}
	if err := lock.Close(); err != nil { // the tree holds it on
		return nil, errors.Join(err, d.db.Close())
	}
	if err := d.checkFormat(); err != nil {
		return nil, errors.Join(err, d.db.Close())
	}
	first := newView(d, 0)
	d.latest.Store(first)
	d.durable.Store(first)
	return d, nil
}

func (d *Driver) options(fs vfs.FS, lock *pebble.Lock, logger *slog.Logger) *pebble.Options {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	o := &pebble.Options{
		FS:                 logFS{fs},
		Lock:               lock,
		FormatMajorVersion: pebble.FormatValueSeparation,
		CacheSize:          cacheSize,
		MemTableSize:       memTableSize,
		MaxOpenFiles:       maxOpenFiles,
		Logger:             treeLogger{logger.With("component", "store")},
		// Fewer, larger steps from the memtables downwards: every byte written is merged less often. A reader looks into
		// a few more tables until the next step, which the filters keep cheap.
		L0CompactionThreshold:       8,
		LBaseMaxBytes:               64 << 20,
		MemTableStopWritesThreshold: 4,
	}
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(bloomBits)
	}
	return o
}

// checkFormat marks a new store and refuses one that is laid out otherwise.
func (d *Driver) checkFormat() error {
	value, closer, err := d.db.Get(formatKey)
	if errors.Is(err, pebble.ErrNotFound) {
		if err := d.db.Set(formatKey, []byte(format), pebble.Sync); err != nil {
			return fmt.Errorf("writing the store's format: %w", err)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the store's format: %w", err)
	}
	found := string(value)
	if err := closer.Close(); err != nil {
		return fmt.Errorf("reading the store's format: %w", err)
	}
	if found != format {
		return fmt.Errorf("data directory %s has the format %q, this drydock reads %q", d.dir, found, format)
	}
	return nil
}

// Begin implements store.Driver.
func (d *Driver) Begin(ctx context.Context, writable bool) (store.Txn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := d.gate.Enter(); err != nil {
		return nil, err
	}
	if err := d.failure(); err != nil {
		d.gate.Leave()
		return nil, err
	}
	var v *view
	if writable {
		v = hold(&d.latest)
		d.log.Begin(v.version)
	} else {
		v = hold(&d.durable)
	}
	t := &transaction{reader: reader{view: v}}
	t.Txn = occ.Begin(d, &d.gate, &d.log, &t.reader, v.version, writable)
	return t, nil
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
	batch := d.db.NewBatchWithSize(writes.Size() + 16*writes.Len() + 64)
	for w := range writes.All() {
		if w.Value == nil {
			err = batch.Delete(w.Key, nil)
		} else {
			err = batch.Set(w.Key, w.Value, nil)
		}
		if err != nil {
			return errors.Join(fmt.Errorf("filling a batch: %w", err), batch.Close())
		}
	}
	keys := writes.Keys()
	return d.apply(batch, func() (uint64, error) {
		if _, err := d.log.Check(reads, version); err != nil {
			return 0, err
		}
		version := d.log.Append(keys)
		d.gaps.fill(keys, version)
		d.hot.fill(keys, version)
		return version, nil
	})
}

// DropAll implements store.Driver.
func (d *Driver) DropAll(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := d.gate.Enter(); err != nil {
		return err
	}
	defer d.gate.Leave()
	batch := d.db.NewBatch()
	if err := batch.DeleteRange(firstKey, ownKeys, nil); err != nil {
		return errors.Join(fmt.Errorf("filling a batch: %w", err), batch.Close())
	}
	return d.apply(batch, func() (uint64, error) {
		version := d.log.AppendAll()
		d.gaps.fill(nil, version)
		d.hot.fillAll(version)
		return version, nil
	})
}

// apply makes the batch the next version, which admit gives it or refuses, and waits until it is durable.
func (d *Driver) apply(batch *pebble.Batch, admit func() (uint64, error)) error {
	v, err := d.applyNoSync(batch, admit)
	if err != nil {
		return err
	}
	if err := batch.SyncWait(); err != nil {
		v.release()
		return d.breakDown(err)
	}
	if err := d.settle(v); err != nil {
		return err
	}
	if err := batch.Close(); err != nil {
		return fmt.Errorf("closing a batch: %w", err)
	}
	return nil
}

// settle makes v the state that is durable, unless a later one is already. It takes the caller's hold on v over.
func (d *Driver) settle(v *view) error {
	old := v
	d.mu.Lock()
	err := d.failure() // of an earlier commit, whose fsync failed: the log has a hole below this one
	if err == nil && v.version > d.durable.Load().version {
		old = d.durable.Swap(v)
		d.settled.Broadcast()
	}
	d.mu.Unlock()
	old.release()
	return err
}

// applyNoSync applies the batch and returns the state after it, to be released by the caller.
func (d *Driver) applyNoSync(batch *pebble.Batch, admit func() (uint64, error)) (v *view, err error) {
	d.commitMu.Lock()
	defer d.commitMu.Unlock()
	if err := d.failure(); err != nil {
		return nil, errors.Join(err, batch.Close())
	}
	version, err := admit()
	if err != nil {
		return nil, errors.Join(err, batch.Close())
	}
	defer func() {
		// The tree panics when its log takes no more.
		if r := recover(); r != nil {
			v, err = nil, d.breakDown(fmt.Errorf("%v", r))
		}
	}()
	if err := d.db.ApplyNoSyncWait(batch, pebble.Sync); err != nil {
		return nil, d.breakDown(err)
	}
	v = newView(d, version)
	d.latest.Swap(v).release()
	return v, nil
}

// failure returns why nothing works any more, or nil.
func (d *Driver) failure() error {
	if b := d.broken.Load(); b != nil {
		return b.err
	}
	return nil
}

// breakDown makes the driver refuse everything, and returns why: the first failure counts.
func (d *Driver) breakDown(err error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.broken.Load() == nil {
		d.broken.Store(&broken{fmt.Errorf("the store in %s has failed and must be opened again: %w", d.dir, err)})
		d.settled.Broadcast()
	}
	return d.failure()
}

// Settle implements occ.Backend.
func (d *Driver) Settle(version uint64) error {
	if d.durable.Load().version >= version {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.durable.Load().version < version {
		if err := d.failure(); err != nil {
			return err
		}
		d.settled.Wait()
	}
	return nil
}

// Close implements store.Driver. A second call returns store.ErrClosed. Closing a driver that has failed returns why.
func (d *Driver) Close() error {
	if err := d.gate.Close(); err != nil {
		return err
	}
	d.latest.Load().release()
	d.durable.Load().release()
	err := d.failure()
	return errors.Join(err, d.closeTree(err != nil))
}

// closeTree closes the tree. One whose log has failed panics somewhere on the way, which says nothing new.
func (d *Driver) closeTree(failed bool) (err error) {
	if failed {
		defer func() {
			if r := recover(); r != nil {
				err = fmt.Errorf("closing the store: %v", r)
			}
		}()
	}
	if err := d.db.Close(); err != nil {
		return fmt.Errorf("closing the store: %w", err)
	}
	return nil
}

// treeLogger passes on what the tree logs.
type treeLogger struct{ log *slog.Logger }

func (l treeLogger) Infof(format string, args ...any) {
	l.log.Debug("store", "message", fmt.Sprintf(format, args...))
}

func (l treeLogger) Errorf(format string, args ...any) {
	l.log.Error("store", "message", fmt.Sprintf(format, args...))
}

// Fatalf is called where the tree cannot go on, and must not return.
func (l treeLogger) Fatalf(format string, args ...any) {
	l.log.Error("store cannot go on", "message", fmt.Sprintf(format, args...))
	panic(fmt.Sprintf(format, args...))
}
