// Package blob keeps large bytes: objects, archives, images. A blob is written once, by streaming, has an id that the
// store chose, and never changes. It knows nothing of names: a row in package store refers to it.
//
// A blob and the row that refers to it cannot be written in one transaction, so the order matters:
//
//   - creating: Commit the blob first, then write its id in a transaction. If that fails or the process dies in between,
//     the blob is an orphan, which Sweep finds;
//   - deleting: the transaction that forgets the id also writes it to a table of garbage. A task reads that table,
//     deletes the blob, then the garbage row. Deleting a blob that is gone is no error, so the task may be repeated;
//   - a blob that another row is to share is referred to by both; the row that forgets it last makes it garbage.
//
// Readers that are open when their blob is deleted read on. Small things are better kept in the row itself.
package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"sync"
	"time"
)

// Errors of the store.
var (
	// ErrNotFound is returned by Open for an id that is not there.
	ErrNotFound = errors.New("blob not found")
	// ErrDone is returned by a Writer that was committed or aborted.
	ErrDone = errors.New("blob writer has ended")
)

// Ref names a blob and tells its size in bytes. It is what a row keeps.
type Ref struct {
	ID   string
	Size int64
}

// Info is what List knows of a blob.
type Info struct {
	Ref
	// Written is when the last byte was written, in the machine's time.
	Written time.Time
}

// Reader reads a blob. ReadAt may be called concurrently, the other methods may not.
type Reader interface {
	io.ReadSeekCloser
	io.ReaderAt
	// Size is the length of the blob in bytes.
	Size() int64
}

// Filer is implemented by Readers of blobs that are files. Copying from the file instead of the Reader lets the kernel
// send it; the file's offset is the Reader's. The file belongs to the Reader.
type Filer interface {
	File() *os.File
}

// Driver is a place where blobs are kept. Drivers are in the folders disk and mem; blobtest has the suite that each must
// pass. The methods are safe for concurrent use.
type Driver interface {
	// Create begins a blob with a new id that nobody can guess.
	Create(ctx context.Context) (DriverWriter, error)
	// Open opens a blob, or returns ErrNotFound.
	Open(ctx context.Context, id string) (Reader, error)
	// Delete removes a blob. One that is not there is no error. It need not be durable: Sweep finds what comes back.
	Delete(ctx context.Context, id string) error
	// List yields the committed blobs in any order. One that comes or goes meanwhile may be missing. An error ends it.
	List(ctx context.Context) iter.Seq2[Info, error]
}

// DriverWriter writes a blob that nobody can see before Commit. One of Commit and Abort is called, once, and nothing
// after it.
type DriverWriter interface {
	io.Writer
	// Commit makes the blob durable and visible and returns its id. After an error it is as if aborted.
	Commit() (id string, err error)
	// Abort forgets the blob.
	Abort() error
}

// Store keeps blobs. Its methods are safe for concurrent use.
type Store struct {
	driver Driver
	// commits is held for reading while a blob is committed and noted.
	commits sync.RWMutex

	mu sync.Mutex // guards the field below
	// fresh are the blobs committed since TrackCommits; nil where nobody asks.
	fresh map[string]bool
}

// New returns a store on the driver.
func New(d Driver) *Store { return &Store{driver: d} }

// TrackCommits has Sweep pass over what is committed from now on, whatever its time says: clocks are set while a machine
// starts. It lasts until the first Sweep that succeeds.
func (s *Store) TrackCommits() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fresh == nil {
		s.fresh = map[string]bool{}
	}
}

// committed notes a blob that is committed.
func (s *Store) committed(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fresh != nil {
		s.fresh[id] = true
	}
}

// isFresh tells whether a blob that was listed is one of those committed since TrackCommits. It waits for commits that are
// under way, whose blobs can be seen before they are noted.
func (s *Store) isFresh(id string) bool {
	s.commits.Lock()
	s.commits.Unlock() //nolint:staticcheck // nothing to do in between
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fresh[id]
}

// Create begins a blob. The Writer fails when ctx ends. Its Abort must be called unless it was committed, and may be
// called then.
func (s *Store) Create(ctx context.Context) (*Writer, error) {
	w, err := s.driver.Create(ctx)
	if err != nil {
		return nil, fmt.Errorf("creating a blob: %w", err)
	}
	return &Writer{ctx: ctx, store: s, driver: w}, nil
}

// Open opens a blob for reading, or returns ErrNotFound. The Reader must be closed.
func (s *Store) Open(ctx context.Context, id string) (Reader, error) {
	if !validID(id) {
		return nil, fmt.Errorf("opening blob %.40q: %w", id, ErrNotFound)
	}
	r, err := s.driver.Open(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("opening blob %s: %w", id, err)
	}
	return r, nil
}

// Delete removes a blob. One that is not there is no error.
func (s *Store) Delete(ctx context.Context, id string) error {
	if !validID(id) {
		return nil
	}
	if err := s.driver.Delete(ctx, id); err != nil {
		return fmt.Errorf("deleting blob %s: %w", id, err)
	}
	return nil
}

// List yields all blobs, in no order. An error ends it.
func (s *Store) List(ctx context.Context) iter.Seq2[Info, error] { return s.driver.List(ctx) }

// DropAll deletes every blob that there is, not those being written. It does not do so at once, so the rows that refer
// to blobs go first.
func (s *Store) DropAll(ctx context.Context) error {
	for info, err := range s.List(ctx) {
		if err != nil {
			return fmt.Errorf("listing blobs: %w", err)
		}
		if err := s.Delete(ctx, info.ID); err != nil {
			return err
		}
	}
	return nil
}

// validID reports whether id looks like one that a driver gave: 32 hexadecimal digits. It keeps paths out of drivers.
func validID(id string) bool {
	if len(id) != 32 {
		return false
	}
	for _, c := range []byte(id) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// Writer writes a blob. It is used by one goroutine.
type Writer struct {
	ctx    context.Context //nolint:containedctx // the life of the writer is that of the call
	store  *Store
	driver DriverWriter
	size   int64
	err    error // the first failure, or ErrDone
}

// Write appends to the blob. After a failure the blob cannot be committed.
func (w *Writer) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	if err := w.ctx.Err(); err != nil {
		w.err = fmt.Errorf("writing a blob: %w", err)
		return 0, w.err
	}
	n, err := w.driver.Write(p)
	w.size += int64(n)
	if err != nil {
		w.err = fmt.Errorf("writing a blob: %w", err)
	}
	return n, w.err
}

// copyBuffers are for ReadFrom: streams of bodies go to the disk in pieces of this size.
var copyBuffers = sync.Pool{New: func() any { return new([128 << 10]byte) }}

// ReadFrom appends everything from r, in constant memory. An error of r does not spoil the blob; the caller decides.
func (w *Writer) ReadFrom(r io.Reader) (total int64, err error) {
	buf := copyBuffers.Get().(*[128 << 10]byte)
	defer copyBuffers.Put(buf)
	for {
		n, readErr := fill(r, buf[:])
		m, err := w.Write(buf[:n])
		total += int64(m)
		if err != nil {
			return total, err
		}
		if errors.Is(readErr, io.EOF) {
			return total, nil
		}
		if readErr != nil {
			return total, readErr
		}
	}
}

// fill reads until buf is full or r fails, and returns r's own error: unlike io.ReadFull, which hides whether the
// stream ended or was cut off.
func fill(r io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var m int
		m, err = r.Read(buf[n:])
		n += m
	}
	return n, err
}

// Size returns how many bytes have been written.
func (w *Writer) Size() int64 { return w.size }

// Commit makes the blob durable. Once it has returned, the blob survives a crash.
func (w *Writer) Commit() (Ref, error) {
	if w.err != nil {
		return Ref{}, w.err
	}
	if err := w.ctx.Err(); err != nil {
		return Ref{}, fmt.Errorf("committing a blob: %w", err)
	}
	w.err = ErrDone
	w.store.commits.RLock()
	defer w.store.commits.RUnlock()
	id, err := w.driver.Commit()
	w.driver = nil
	if err != nil {
		return Ref{}, fmt.Errorf("committing a blob: %w", err)
	}
	w.store.committed(id)
	return Ref{ID: id, Size: w.size}, nil
}

// Abort forgets the blob. After Commit or Abort it does nothing.
func (w *Writer) Abort() error {
	d := w.driver
	if d == nil {
		return nil
	}
	w.driver, w.err = nil, ErrDone
	if err := d.Abort(); err != nil {
		return fmt.Errorf("aborting a blob: %w", err)
	}
	return nil
}
