package disk

import (
	"errors"
	"os"
	"sync"
	"syscall"
	"unsafe"
)

// Blobs are written past the page cache. What is uploaded is larger than what is read soon; copying it into the cache, and
// having the kernel find and write it from there, costs more processor time and more waiting than all that is done with it
// before. Small blobs, and the end of large ones, go through the cache.
const (
	// bufferSize is how much is written at once.
	bufferSize = 512 << 10
	// blockSize is what positions, lengths and addresses of direct writes are multiples of on any disk of today.
	blockSize = 4 << 10
)

// buffers hold bufferSize bytes that begin at a multiple of blockSize.
var buffers = sync.Pool{New: func() any {
	b := make([]byte, bufferSize+blockSize)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) & (blockSize - 1)
	b = b[skip : skip+bufferSize]
	return &b
}}

// writer is a blob being written.
type writer struct {
	driver *Driver
	id     string
	file   *os.File
	buf    *[]byte // nil after the end
	n      int     // bytes in buf
	direct bool    // the file is open for direct writes
	tried  bool
	err    error // of a write; the blob cannot be committed any more
}

// Write implements io.Writer.
func (w *writer) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		if w.n == bufferSize {
			if err := w.flush(); err != nil {
				return n, err
			}
		}
		m := copy((*w.buf)[w.n:], p)
		w.n, n, p = w.n+m, n+m, p[m:]
	}
	return n, nil
}

// flush writes what is in the buffer.
func (w *writer) flush() error {
	if w.err != nil {
		return w.err
	}
	switch {
	case w.n == bufferSize && !w.tried:
		w.tried, w.direct = true, setDirect(w.file, true)
	case w.n%blockSize != 0 && w.direct: // the end
		w.direct = false
		if !setDirect(w.file, false) {
			w.err = errors.New("leaving direct writes failed")
			return w.err
		}
	}
	n, err := w.file.Write((*w.buf)[:w.n])
	if n == 0 && w.direct && errors.Is(err, syscall.EINVAL) {
		// There are file systems that take the flag and not the writes.
		if w.direct = false; setDirect(w.file, false) {
			_, err = w.file.Write((*w.buf)[:w.n])
		}
	}
	w.n, w.err = 0, err
	return err
}

// Commit implements blob.DriverWriter.
func (w *writer) Commit() (string, error) {
	err := w.flush()
	w.release()
	if err == nil {
		err = w.file.Sync()
	}
	if err != nil {
		return "", errors.Join(err, w.Abort())
	}
	folder, err := w.driver.folder(w.id)
	if err != nil {
		return "", errors.Join(err, w.Abort())
	}
	if err := os.Rename(w.file.Name(), w.driver.path(w.id)); err != nil {
		return "", errors.Join(err, w.Abort())
	}
	if err := folder.sync(); err != nil {
		return "", errors.Join(err, w.file.Close(), os.Remove(w.driver.path(w.id)))
	}
	return w.id, w.file.Close()
}

// Abort implements blob.DriverWriter.
func (w *writer) Abort() error {
	w.release()
	return errors.Join(w.file.Close(), os.Remove(w.file.Name()))
}

func (w *writer) release() {
	if w.buf != nil {
		buffers.Put(w.buf)
		w.buf = nil
	}
}
