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
	return lane, func() {
		lane.Reset()
		d.mu.Lock()
		defer d.mu.Unlock()
		d.idle = append(d.idle, lane)
	}
}

// close ends the server's goroutine. No body is under way then.
func (d *digests) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed = true; d.server != nil {
		d.server.Close()
	}
}
