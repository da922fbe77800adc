// Package disk is the blob driver that keeps each blob as a file.
//
// A blob is written to the folder tmp, synced, and moved to one of 256 folders named by the first digits of its id; then
// that folder is synced, once for all that wait. What a crash leaves in tmp is removed at the next start. The directory
// belongs to one process; the lock of the store beside it sees to that.
package disk

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"sync"

	"drydock/blob"
)

// tmpFolder has the blobs being written.
const tmpFolder = "tmp"

// Driver is a blob.Driver in a directory.
type Driver struct {
	dir  string
	root folder

	mu      sync.Mutex // guards the fields below
	folders map[string]*folder
}

var _ blob.Driver = (*Driver)(nil)

// Open opens the blobs in dir, which is created if it is not there, and removes what was being written when an earlier
// process ended.
func Open(dir string) (*Driver, error) {
	tmp := filepath.Join(dir, tmpFolder)
	if err := os.RemoveAll(tmp); err != nil {
		return nil, fmt.Errorf("removing unfinished blobs: %w", err)
	}
	if err := os.MkdirAll(tmp, 0o700); err != nil {
		return nil, fmt.Errorf("creating the folder of blobs: %w", err)
	}
	d := &Driver{dir: dir, root: folder{path: dir}, folders: map[string]*folder{}}
	// The directory itself may be new.
	if err := errors.Join(d.root.sync(), (&folder{path: filepath.Dir(dir)}).sync()); err != nil {
		return nil, err
	}
	return d, nil
}

func (d *Driver) path(id string) string { return filepath.Join(d.dir, id[:2], id) }

// Create implements blob.Driver.
func (d *Driver) Create(ctx context.Context) (blob.DriverWriter, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var raw [16]byte
	rand.Read(raw[:]) // never fails
	id := hex.EncodeToString(raw[:])
	f, err := os.OpenFile(filepath.Join(d.dir, tmpFolder, id), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return &writer{driver: d, id: id, file: f, buf: buffers.Get().(*[]byte)}, nil
}

// Open implements blob.Driver.
func (d *Driver) Open(ctx context.Context, id string) (blob.Reader, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f, err := os.Open(d.path(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, blob.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &reader{file: f, size: info.Size()}, nil
}

// Delete implements blob.Driver.
func (d *Driver) Delete(ctx context.Context, id string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := os.Remove(d.path(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// List implements blob.Driver.
func (d *Driver) List(ctx context.Context) iter.Seq2[blob.Info, error] {
	return func(yield func(blob.Info, error) bool) {
		folders, err := os.ReadDir(d.dir)
		if err != nil {
			yield(blob.Info{}, err)
			return
		}
		for _, sub := range folders {
			if sub.Name() == tmpFolder || !sub.IsDir() {
				continue
			}
			files, err := os.ReadDir(filepath.Join(d.dir, sub.Name()))
			if err != nil {
				yield(blob.Info{}, err)
				return
			}
			for _, f := range files {
				info, err := f.Info()
				if errors.Is(err, fs.ErrNotExist) { // deleted meanwhile
					continue
				}
				if err = errors.Join(err, ctx.Err()); err != nil {
					yield(blob.Info{}, err)
					return
				}
				ref := blob.Ref{ID: f.Name(), Size: info.Size()}
				if !yield(blob.Info{Ref: ref, Written: info.ModTime()}, nil) {
					return
				}
			}
		}
	}
}

// folder returns the folder of the id, creating it durably.
func (d *Driver) folder(id string) (*folder, error) {
	name := id[:2]
	d.mu.Lock()
	f := d.folders[name]
	d.mu.Unlock()
	if f != nil {
		return f, nil
	}
	f = &folder{path: filepath.Join(d.dir, name)}
	if err := os.Mkdir(f.path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if err := d.root.sync(); err != nil { // also when it exists: another writer may have just made it
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if known := d.folders[name]; known != nil {
		return known, nil
	}
	d.folders[name] = f
	return f, nil
}

// reader is an open blob.
type reader struct {
	file *os.File
	size int64
}

var _ blob.Filer = (*reader)(nil)

func (r *reader) Read(p []byte) (int, error)                { return r.file.Read(p) }
func (r *reader) ReadAt(p []byte, off int64) (int, error)   { return r.file.ReadAt(p, off) }
func (r *reader) Seek(off int64, whence int) (int64, error) { return r.file.Seek(off, whence) }
func (r *reader) WriteTo(w io.Writer) (int64, error)        { return io.Copy(w, r.file) }
func (r *reader) Close() error                              { return r.file.Close() }
func (r *reader) Size() int64                               { return r.size }
func (r *reader) File() *os.File                            { return r.file }
