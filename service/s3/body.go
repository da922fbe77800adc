package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"drydock/blob"
	"drydock/blob/seal"
)

// readers counts who reads contents of several blobs, which are opened one after the other and so must not be deleted
// before the last.
type readers struct {
	mu    sync.Mutex // guards the field below
	count map[string]int
}

func (r *readers) begin(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.count == nil {
		r.count = map[string]int{}
	}
	r.count[id]++
}

func (r *readers) end(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.count[id]--; r.count[id] == 0 {
		delete(r.count, id)
	}
}

func (r *readers) busy(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count[id] > 0
}

// small is a body held in memory.
type small struct{ bytes.Reader }

// Close does nothing.
func (*small) Close() error { return nil }

// body reads a range of a content, segment by segment.
type body struct {
	ctx      context.Context //nolint:containedctx // the life of the body is that of the call
	blobs    *blob.Store
	ring     *seal.RootKey
	segments []segment
	kept     *plaintexts // nil where nothing may be kept
	off, n   int64       // what is left, from the beginning of segments[0]
	current  io.ReadCloser
	source   io.Closer
	end      func()
}

// open returns the n bytes from off on of the segments. The first blob is open when it returns.
func (s *Service) open(ctx context.Context, segments []segment, ring *seal.RootKey, off, n int64) (io.ReadCloser, error) {
	if n == 0 {
		return &small{}, nil
	}
	if len(segments) == 1 && segments[0].Blob == "" {
		data, err := ring.Unwrap(segments[0].Inline, sealContext)
		if err != nil {
			return nil, fmt.Errorf("opening a segment: %w", err)
		}
		r := &small{}
		r.Reset(data[off : off+n])
		return r, nil
	}
	b := &body{ctx: ctx, blobs: s.Blobs, ring: ring, segments: segments, off: off, n: n}
	if ring == s.Keys {
		b.kept = &s.plaintexts
	}
	if err := b.next(); err != nil {
		return nil, err
	}
	return b, nil
}

// next opens the segment that has the next byte; n is not zero.
func (b *body) next() error {
	if err := b.closeCurrent(); err != nil {
		return err
	}
	for len(b.segments) > 0 && b.off >= b.segments[0].Size {
		b.off -= b.segments[0].Size
		b.segments = b.segments[1:]
	}
	if len(b.segments) == 0 {
		return io.ErrUnexpectedEOF
	}
	g := b.segments[0]
	n := min(b.n, g.Size-b.off)
	data, err := b.memory(&g)
	if err != nil {
		return err
	}
	if data != nil {
		r := &small{}
		r.Reset(data[b.off : b.off+n])
		b.current = r
	} else {
		sealed, source, err := b.openBlob(&g)
		if err != nil {
			return err
		}
		b.current, b.source = sealed.Range(b.off, n), source
	}
	b.off, b.n = b.off+n, b.n-n
	return nil
}

// memory returns the whole of a segment that is small, or kept, or to be kept from now on; else nil.
func (b *body) memory(g *segment) ([]byte, error) {
	if g.Blob == "" {
		data, err := b.ring.Unwrap(g.Inline, sealContext)
		if err != nil {
			return nil, fmt.Errorf("opening a segment: %w", err)
		}
		return data, nil
	}
	if b.kept == nil {
		return nil, nil
	}
	data, claim := b.kept.get(g.Blob, g.Size)
	if !claim {
		return data, nil
	}
	data, err := b.readWhole(g)
	if err != nil {
		b.kept.forget(g.Blob)
		return nil, err
	}
	b.kept.keep(g.Blob, data)
	return data, nil
}

func (b *body) readWhole(g *segment) (data []byte, err error) {
	sealed, source, err := b.openBlob(g)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	data = make([]byte, g.Size)
	_, err = sealed.ReadAt(data, 0)
	return data, err
}

// openBlob opens a segment's blob; the source is to be closed.
func (b *body) openBlob(g *segment) (*seal.ReaderAt, io.Closer, error) {
	key, err := b.ring.Unwrap(g.Key, sealContext)
	if err != nil {
		return nil, nil, fmt.Errorf("opening a segment: %w", err)
	}
	r, err := b.blobs.Open(b.ctx, g.Blob)
	if err != nil {
		return nil, nil, err
	}
	sealed, err := seal.NewReaderAt(r, r.Size(), key)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("blob %s: %w", g.Blob, err), r.Close())
	}
	return sealed, r, nil
}

func (b *body) closeCurrent() (err error) {
	if b.current != nil {
		err = b.current.Close()
		b.current = nil
	}
	if b.source != nil {
		err = errors.Join(err, b.source.Close())
		b.source = nil
	}
	return err
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	for {
		if b.current == nil {
			return 0, io.EOF
		}
		n, err := b.current.Read(p)
		if n > 0 || err != nil && err != io.EOF {
			if err == io.EOF {
				err = nil
			}
			return n, err
		}
		if err == io.EOF {
			if b.n == 0 {
				return 0, io.EOF
			}
			if err := b.next(); err != nil {
				return 0, err
			}
		}
	}
}

// WriteTo implements io.WriterTo: pieces go from the decrypted buffer to w without a copy between.
func (b *body) WriteTo(w io.Writer) (total int64, err error) {
	for b.current != nil {
		n, err := io.Copy(w, b.current)
		total += n
		if err != nil || b.n == 0 {
			return total, err
		}
		if err := b.next(); err != nil {
			return total, err
		}
	}
	return total, nil
}

// Close gives back what the body holds.
func (b *body) Close() error {
	err := b.closeCurrent()
	if b.end != nil {
		b.end()
		b.end = nil
	}
	return err
}

// onClose has end called when the body is closed.
func (b *body) onClose(end func()) { b.end = end }
