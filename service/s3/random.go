package s3

import (
	"errors"
	"io"

	"drydock/aws"
	"drydock/blob/seal"
)

// random reads an object at any place, with one segment open at a time. It is not safe for concurrent use.
type random struct {
	opener body // has what opens a segment; nothing is read through it
	size   int64
	// current is which segment is open; its bytes are in memory, or sealed. first is where it begins.
	current int
	first   int64
	memory  []byte
	sealed  *seal.ReaderAt
	source  io.Closer
	end     func()
}

// openRandom finds an object and opens it to be read at any place.
func (s *Service) openRandom(call *aws.Call, r *reading) (*random, error) {
	var b *random
	_, err := s.opening(call, r, func(f *found, ring *seal.RootKey) (io.Closer, error) {
		b = &random{opener: body{ctx: call, blobs: s.Blobs, ring: ring, segments: f.segments}, size: f.object.Size, current: -1}
		if ring == s.Keys {
			b.opener.kept = &s.plaintexts
		}
		if b.size == 0 {
			return b, nil
		}
		_, err := b.seek(0)
		return b, err
	})
	return b, err
}

// use opens a segment, which begins at first.
func (b *random) use(i int, first int64) (err error) {
	if err := b.closeSource(); err != nil {
		return err
	}
	g := b.opener.segments[i]
	b.current, b.first, b.memory, b.sealed = -1, first, nil, nil
	if b.memory, err = b.opener.memory(&g); err == nil && b.memory == nil {
		b.sealed, b.source, err = b.opener.openBlob(&g)
	}
	if err == nil {
		b.current = i
	}
	return err
}

// seek opens the segment that has the byte at off, which is one of the object's, and tells how much of it follows.
func (b *random) seek(off int64) (left int64, err error) {
	first := int64(0)
	for i, g := range b.opener.segments {
		if off < first+g.Size {
			if i != b.current {
				err = b.use(i, first)
			}
			return first + g.Size - off, err
		}
		first += g.Size
	}
	return 0, io.ErrUnexpectedEOF
}

// ReadAt implements io.ReaderAt.
func (b *random) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		if off >= b.size {
			return n, io.EOF
		}
		left, err := b.seek(off)
		if err != nil {
			return n, err
		}
		piece := p[n:min(int64(len(p)), int64(n)+left)]
		if b.memory != nil {
			copy(piece, b.memory[off-b.first:])
		} else if k, err := b.sealed.ReadAt(piece, off-b.first); k < len(piece) {
			if err == nil || errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return n + k, err
		}
		n, off = n+len(piece), off+int64(len(piece))
	}
	return n, nil
}

func (b *random) closeSource() (err error) {
	if b.source != nil {
		err = b.source.Close()
		b.source = nil
	}
	return err
}

// Close gives back what is open.
func (b *random) Close() error {
	err := b.closeSource()
	if b.end != nil {
		b.end()
		b.end = nil
	}
	return err
}

// onClose has end called by Close.
func (b *random) onClose(end func()) { b.end = end }
