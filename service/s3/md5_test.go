package s3

import (
	"bytes"
	"crypto/md5" //nolint:gosec // what S3's ETags are
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
