// Package mem is the blob driver that keeps everything in memory: for tests and for clouds that need not outlive the
// process.
package mem

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"iter"
	"maps"
	"sync"
	"time"

	"drydock/blob"
	"drydock/clock"
)

// Driver is a blob.Driver in memory.
type Driver struct {
	mu    sync.Mutex // guards the fields below
	blobs map[string]entry
}

type entry struct {
	data    []byte
	written time.Time
}

var _ blob.Driver = (*Driver)(nil)

// New returns an empty driver.
func New() *Driver { return &Driver{blobs: map[string]entry{}} }

// Create implements blob.Driver.
func (d *Driver) Create(ctx context.Context) (blob.DriverWriter, error) {
	return &writer{driver: d}, ctx.Err()
}

// Open implements blob.Driver.
func (d *Driver) Open(ctx context.Context, id string) (blob.Reader, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	e, ok := d.blobs[id]
	if !ok {
		return nil, blob.ErrNotFound
	}
	return reader{bytes.NewReader(e.data)}, nil
}

// Delete implements blob.Driver.
func (d *Driver) Delete(ctx context.Context, id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.blobs, id)
	return ctx.Err()
}

// List implements blob.Driver.
func (d *Driver) List(ctx context.Context) iter.Seq2[blob.Info, error] {
	return func(yield func(blob.Info, error) bool) {
		d.mu.Lock()
		blobs := maps.Clone(d.blobs)
		d.mu.Unlock()
		for id, e := range blobs {
			if err := ctx.Err(); err != nil {
				yield(blob.Info{}, err)
				return
			}
			info := blob.Info{Ref: blob.Ref{ID: id, Size: int64(len(e.data))}, Written: e.written}
			if !yield(info, nil) {
				return
			}
		}
	}
}

type writer struct {
	driver *Driver
	buf    bytes.Buffer
}

func (w *writer) Write(p []byte) (int, error) { return w.buf.Write(p) }

func (w *writer) Commit() (string, error) {
	var raw [16]byte
	rand.Read(raw[:]) // never fails
	id := hex.EncodeToString(raw[:])
	e := entry{data: bytes.Clone(w.buf.Bytes()), written: clock.Wall()} // the buffer may be twice as large
	w.driver.mu.Lock()
	defer w.driver.mu.Unlock()
	w.driver.blobs[id] = e
	return id, nil
}

func (w *writer) Abort() error { return nil }

type reader struct{ *bytes.Reader }

func (reader) Close() error { return nil }
