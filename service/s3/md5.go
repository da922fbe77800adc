package s3

import (
	"crypto/md5" //nolint:gosec // what S3's ETags are
	"hash"
	"sync"

	md5simd "github.com/minio/md5-simd"
)

// maxLanes is how many bodies are hashed side by side at most. Any more are hashed each by itself.
const maxLanes = 64

// digests computes the MD5 of large bodies. MD5 has no parallelism within a body, but where the processor has the vectors
// for it, up to sixteen bodies are hashed in the time that one takes. The zero value is ready; it is safe for concurrent
// use.
type digests struct {
	mu     sync.Mutex // guards the fields below
	server md5simd.Server
	idle   []md5simd.Hasher
	lanes  int // how many hashers the server has
	closed bool
}

// begin returns a hash for one body and what to call when it is done with. The server never forgets a hasher, so they
// are used again.
func (d *digests) begin() (h hash.Hash, done func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || len(d.idle) == 0 && d.lanes == maxLanes {
		return md5.New(), func() {} //nolint:gosec // the ETag
	}
	if d.server == nil {
		d.server = md5simd.NewServer() // its buffers are large: not before a large body comes
	}
	var lane md5simd.Hasher
	if n := len(d.idle); n > 0 {
		lane, d.idle = d.idle[n-1], d.idle[:n-1]
	} else {
		lane = d.server.NewHash()
		d.lanes++
	}
	return &aligned{lane: lane}, func() {
		lane.Reset()
		d.mu.Lock()
		defer d.mu.Unlock()
		d.idle = append(d.idle, lane)
	}
}

// aligned gives a lane whole blocks only, but for the last: a write that begins within a block takes two of the server's
// buffers before it tells the server of the first, so that lanes which do so at once wait for each other for ever. Nothing
// is written after Sum.
type aligned struct {
	lane md5simd.Hasher
	rest [md5.BlockSize]byte
	n    int // bytes in rest
}

// Write implements hash.Hash.
func (a *aligned) Write(p []byte) (int, error) {
	size := len(p)
	if a.n > 0 {
		m := copy(a.rest[a.n:], p)
		if a.n, p = a.n+m, p[m:]; a.n < len(a.rest) {
			return size, nil
		}
		if _, err := a.lane.Write(a.rest[:]); err != nil {
			return 0, err
		}
	}
	whole := len(p) - len(p)%len(a.rest)
	if whole > 0 {
		if _, err := a.lane.Write(p[:whole]); err != nil {
			return 0, err
		}
	}
	a.n = copy(a.rest[:], p[whole:])
	return size, nil
}

// Sum implements hash.Hash.
func (a *aligned) Sum(b []byte) []byte {
	_, _ = a.lane.Write(a.rest[:a.n]) // less than a block, which the lane keeps
	a.n = 0
	return a.lane.Sum(b)
}

// Reset implements hash.Hash.
func (a *aligned) Reset() {
	a.lane.Reset()
	a.n = 0
}

// Size implements hash.Hash.
func (a *aligned) Size() int { return md5.Size }

// BlockSize implements hash.Hash.
func (a *aligned) BlockSize() int { return md5.BlockSize }

// close ends the server's goroutine. No body is under way then.
func (d *digests) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed = true; d.server != nil {
		d.server.Close()
	}
}
