package s3

import (
	"bytes"
	"crypto/md5" //nolint:gosec // what S3's ETags are
	"runtime"
	"sync"
	"testing"
)

// TestDigests_AgreeWithMD5 hashes more bodies at once than there are lanes, twice, so that lanes are used again.
func TestDigests_AgreeWithMD5(t *testing.T) {
	t.Parallel()
	var d digests
	defer d.close()
	for range 2 {
		var group sync.WaitGroup
		for i := range maxLanes + 8 {
			group.Go(func() {
				body := bytes.Repeat([]byte{byte(i)}, 100_000+i)
				h, done := d.begin()
				defer done()
				for rest := body; len(rest) > 0; {
					n := min(len(rest), 33_333)
					if _, err := h.Write(rest[:n]); err != nil {
						t.Error(err)
					}
					rest = rest[n:]
				}
				if want := md5.Sum(body); !bytes.Equal(h.Sum(nil), want[:]) { //nolint:gosec // the ETag
					t.Errorf("body %d: another digest", i)
				}
			})
		}
		group.Wait()
	}
}

// TestDigests_DoNotWaitForEachOther writes to all lanes at once what does not end with a block: the server's few buffers
// must not end up in lanes that wait for another one before they tell the server of theirs.
func TestDigests_DoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	var d digests
	defer d.close()
	var group sync.WaitGroup
	body := bytes.Repeat([]byte("odd"), 300_000)
	want := md5.Sum(body) //nolint:gosec // the ETag
	for range maxLanes {
		group.Go(func() {
			h, done := d.begin()
			defer done()
			for rest := body; len(rest) > 0; {
				n := min(len(rest), 10_001)
				if _, err := h.Write(rest[:n]); err != nil {
					t.Error(err)
				}
				rest = rest[n:]
				runtime.Gosched()
			}
			if !bytes.Equal(h.Sum(nil), want[:]) {
				t.Error("another digest")
			}
		})
	}
	group.Wait()
}
