package seal

import (
	"errors"
	"fmt"
	"io"
)

// ReaderAt reads a sealed stream in any order. Its methods are safe for concurrent use if those of the underlying
// reader are.
type ReaderAt struct {
	stream
	r      io.ReaderAt
	size   int64 // of the content
	chunks int64
}

// NewReaderAt returns a reader of the sealed stream that r has in its first size bytes. It reads and verifies the last
// chunk, so a stream that was cut off is noticed here; other chunks are verified as they are read.
func NewReaderAt(r io.ReaderAt, size int64, key []byte) (*ReaderAt, error) {
	aead, err := newAEAD(key)
	if err != nil {
		return nil, fmt.Errorf("opening a sealed stream: %w", err)
	}
	s := &ReaderAt{stream: stream{aead: aead}, r: r}
	body := size - headerSize
	s.chunks = (body + sealedSize - 1) / sealedSize
	s.size = body - s.chunks*tagSize
	if body < tagSize || s.size < 0 || s.chunks > maxChunks+1 || SealedSize(s.size) != size {
		return nil, fmt.Errorf("opening a sealed stream of %d bytes: %w", size, ErrCorrupt)
	}
	if err := readFull(r, s.header[:], 0); err != nil {
		return nil, fmt.Errorf("opening a sealed stream: %w", err)
	}
	if [len(magic)]byte(s.header[:]) != magic || s.header[headerSize-1] != 0 {
		return nil, fmt.Errorf("opening a sealed stream: no header: %w", ErrCorrupt)
	}
	buf := chunks.Get().(*[sealedSize]byte)
	defer putChunk(buf)
	if _, err := s.open(buf[:0], buf, s.chunks-1); err != nil {
		return nil, fmt.Errorf("opening a sealed stream: %w", err)
	}
	return s, nil
}

func putChunk(buf *[sealedSize]byte) { chunks.Put(buf) }

// readFull reads len(p) bytes, which must be there.
func readFull(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return ErrCorrupt
	}
	return err
}

// Size is the length of the content in bytes.
func (s *ReaderAt) Size() int64 { return s.size }

// length returns how much content the chunk has.
func (s *ReaderAt) length(chunk int64) int {
	return int(min(chunkSize, s.size-chunk*chunkSize))
}

// open reads the chunk into buf and decrypts it behind dst, which may be the beginning of buf.
func (s *ReaderAt) open(dst []byte, buf *[sealedSize]byte, chunk int64) ([]byte, error) {
	sealed := buf[:s.length(chunk)+tagSize]
	if err := readFull(s.r, sealed, headerSize+chunk*sealedSize); err != nil {
		return nil, err
	}
	nonce := s.nonce(chunk, chunk == s.chunks-1)
	plain, err := s.aead.Open(dst, nonce[:], sealed, s.header[:])
	if err != nil {
		return nil, fmt.Errorf("chunk %d: %w", chunk, ErrCorrupt)
	}
	return plain, nil
}

// ReadAt implements io.ReaderAt. Reads of whole chunks, at multiples of 64 KiB, copy nothing.
func (s *ReaderAt) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, errors.New("reading a sealed stream: negative offset")
	}
	buf := chunks.Get().(*[sealedSize]byte)
	defer putChunk(buf)
	for n < len(p) {
		if off >= s.size {
			return n, io.EOF
		}
		chunk, skip := off/chunkSize, int(off%chunkSize)
		m := s.length(chunk)
		if skip == 0 && len(p)-n >= m {
			_, err = s.open(p[n:n:n+m], buf, chunk)
		} else {
			var plain []byte
			if plain, err = s.open(buf[:0], buf, chunk); err == nil {
				m = copy(p[n:], plain[skip:])
			}
		}
		if err != nil {
			return n, fmt.Errorf("reading a sealed stream: %w", err)
		}
		n, off = n+m, off+int64(m)
	}
	return n, nil
}

// Range returns a reader of n bytes of the content from off on, less if it ends before. It decrypts each chunk once
// however small the reads are. It need not be closed, but gives its memory back to others if it is.
func (s *ReaderAt) Range(off, n int64) io.ReadCloser {
	off = max(0, off)
	if n = min(n, s.size-off); n < 0 {
		n = 0
	}
	return &section{s: s, off: off, end: off + n}
}

// section reads a range in order.
type section struct {
	s        *ReaderAt
	off, end int64
	buf      *[sealedSize]byte
	plain    []byte // what is left of the chunk in buf
	err      error
}

// fill decrypts the chunk at off.
func (r *section) fill() error {
	if r.err != nil {
		return r.err
	}
	if r.off >= r.end {
		return io.EOF
	}
	if r.buf == nil {
		r.buf = chunks.Get().(*[sealedSize]byte)
	}
	chunk := r.off / chunkSize
	plain, err := r.s.open(r.buf[:0], r.buf, chunk)
	if err != nil {
		r.err = fmt.Errorf("reading a sealed stream: %w", err)
		return r.err
	}
	plain = plain[r.off%chunkSize:]
	r.plain = plain[:min(int64(len(plain)), r.end-r.off)]
	return nil
}

func (r *section) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(r.plain) == 0 {
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.plain)
	r.plain, r.off = r.plain[n:], r.off+int64(n)
	return n, nil
}

// WriteTo implements io.WriterTo.
func (r *section) WriteTo(w io.Writer) (total int64, err error) {
	for {
		if len(r.plain) == 0 {
			if err := r.fill(); err != nil {
				return total, ended(err)
			}
		}
		n, err := w.Write(r.plain)
		r.plain, r.off, total = r.plain[n:], r.off+int64(n), total+int64(n)
		if err != nil {
			return total, err
		}
	}
}

// Close gives back the buffer.
func (r *section) Close() error {
	if r.buf != nil {
		putChunk(r.buf)
		r.buf, r.plain = nil, nil
	}
	r.err = errClosed
	return nil
}
