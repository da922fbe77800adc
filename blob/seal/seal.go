// Package seal encrypts what lies on the disk: streams of any length under a data key of their own, and small secrets,
// such as these data keys, under the root key of the data directory.
//
// A sealed stream is a header and chunks of 64 KiB, each encrypted and authenticated by AES-256-GCM:
//
//	header  magic (8 bytes), nonce prefix (7 random bytes), zero (1 byte)
//	chunk   up to 65,536 bytes of content, 16 bytes of authentication tag
//
// A chunk's nonce is the prefix, the chunk's number (4 bytes) and whether it is the last (1 byte), and the header is
// authenticated with it (the STREAM construction). So chunks can be read in any order, but not be changed, exchanged, or
// dropped, neither at the end nor elsewhere, without notice. All chunks but the last are full; an empty stream has one,
// empty chunk.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
)

// KeySize is the length of a key in bytes.
const KeySize = 32

const (
	headerSize = 16
	prefixSize = 7
	chunkSize  = 64 << 10
	tagSize    = 16
	sealedSize = chunkSize + tagSize
	maxChunks  = math.MaxUint32
)

var magic = [8]byte{'d', 'r', 'y', 's', 'e', 'a', 'l', 1}

// ErrCorrupt is returned for sealed bytes that were changed or cut off, or are read with the wrong key.
var ErrCorrupt = errors.New("sealed data is damaged or the key is wrong")

// errClosed is returned by writes after Close.
var errClosed = errors.New("sealed stream is closed")

// NewDataKey returns a random key, to be used for one stream only.
func NewDataKey() []byte {
	key := make([]byte, KeySize)
	rand.Read(key) // never fails
	return key
}

// SealedSize returns how long a stream of size bytes is when it is sealed.
func SealedSize(size int64) int64 {
	return headerSize + size + tagSize*max(1, (size+chunkSize-1)/chunkSize)
}

// chunks are buffers of a sealed chunk.
var chunks = sync.Pool{New: func() any { return new([sealedSize]byte) }}

// stream is what writer and reader share.
type stream struct {
	aead   cipher.AEAD
	header [headerSize]byte
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("key has %d bytes, not %d", len(key), KeySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func (s *stream) nonce(chunk int64, last bool) (nonce [12]byte) {
	copy(nonce[:], s.header[len(magic):len(magic)+prefixSize])
	binary.BigEndian.PutUint32(nonce[prefixSize:], uint32(chunk))
	if last {
		nonce[11] = 1
	}
	return nonce
}

// Writer seals a stream. It is used by one goroutine.
type Writer struct {
	stream
	w     io.Writer
	buf   *[sealedSize]byte // the chunk being filled; nil after Close
	n     int
	chunk int64
	err   error
}

// NewWriter returns a Writer that seals what is written to it and writes that to w, beginning with the header. The
// stream is complete when Close has returned without error; Close does not close w.
func NewWriter(w io.Writer, key []byte) (*Writer, error) {
	aead, err := newAEAD(key)
	if err != nil {
		return nil, fmt.Errorf("sealing: %w", err)
	}
	s := &Writer{stream: stream{aead: aead}, w: w, buf: chunks.Get().(*[sealedSize]byte)}
	copy(s.header[:], magic[:])
	rand.Read(s.header[len(magic) : len(magic)+prefixSize]) // never fails
	if _, err := w.Write(s.header[:]); err != nil {
		s.release()
		return nil, fmt.Errorf("sealing: %w", err)
	}
	return s, nil
}

// Write appends to the stream.
func (s *Writer) Write(p []byte) (n int, err error) {
	if s.err != nil {
		return 0, s.err
	}
	for len(p) > 0 {
		if s.n == chunkSize { // there is more, so it is not the last
			if err := s.flush(false); err != nil {
				return n, err
			}
		}
		if s.n == 0 && len(p) > chunkSize { // a whole chunk and more: it need not be copied before
			if err := s.seal(p[:chunkSize], false); err != nil {
				return n, err
			}
			n, p = n+chunkSize, p[chunkSize:]
			continue
		}
		m := copy(s.buf[s.n:chunkSize], p)
		s.n, n, p = s.n+m, n+m, p[m:]
	}
	return n, nil
}

// ReadFrom appends everything from r.
func (s *Writer) ReadFrom(r io.Reader) (total int64, err error) {
	for s.err == nil {
		if s.n == chunkSize {
			// Only a byte more tells whether this chunk is the last.
			var next [1]byte
			n, err := r.Read(next[:])
			if n > 0 {
				if _, err := s.Write(next[:]); err != nil {
					return total, err
				}
				total++
			}
			if err != nil {
				return total, ended(err)
			}
			continue
		}
		n, err := r.Read(s.buf[s.n:chunkSize])
		s.n, total = s.n+n, total+int64(n)
		if err != nil {
			return total, ended(err)
		}
	}
	return total, s.err
}

func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// flush seals and writes what was collected.
func (s *Writer) flush(last bool) error {
	if err := s.seal(s.buf[:s.n], last); err != nil {
		return err
	}
	s.n = 0
	return nil
}

// seal seals a chunk, which may be at the beginning of buf, and writes it.
func (s *Writer) seal(chunk []byte, last bool) error {
	if s.chunk > maxChunks {
		s.err = errors.New("sealing: stream is too long")
		return s.err
	}
	nonce := s.nonce(s.chunk, last)
	if _, err := s.w.Write(s.aead.Seal(s.buf[:0], nonce[:], chunk, s.header[:])); err != nil {
		s.err = fmt.Errorf("sealing: %w", err)
		return s.err
	}
	s.chunk++
	return nil
}

// Close writes the last chunk. A stream that is not closed cannot be read. Closing again does nothing.
func (s *Writer) Close() error {
	if s.buf == nil {
		return nil
	}
	defer s.release()
	if s.err != nil {
		return s.err
	}
	return s.flush(true)
}

func (s *Writer) release() {
	if s.err == nil {
		s.err = errClosed
	}
	clear(s.buf[:]) // it held what was to be kept secret
	chunks.Put(s.buf)
	s.buf = nil
}
