package s3_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	api "drydock/api/s3"
	"drydock/clock"
	"drydock/service"
	"drydock/service/s3"
	"drydock/service/servicetest"
)

// benchCloud is a cloud as it runs for users: on disk, synced, behind HTTP.
func benchCloud(b *testing.B) string {
	b.Helper()
	url := servicetest.NewOnDisk(b, func(d service.Deps) []service.Module { return []service.Module{s3.New(d)} }).URL(b)
	call(b, "PUT", url+"/bench", nil)
	return url + "/bench/"
}

var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

// call makes a request with a key that is trusted, whatever its signature.
func call(b *testing.B, method, url string, body []byte) {
	r, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	stamp := clock.Wall().UTC().Format("20060102T150405Z")
	r.Header.Set("X-Amz-Date", stamp)
	r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/"+stamp[:8]+"/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature="+fmt.Sprintf("%064d", 0))
	resp, err := client.Do(r)
	if err != nil {
		b.Error(err)
		return
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		b.Errorf("%s %s: %s, %v", method, url, resp.Status, err)
	}
}

func benchmark(b *testing.B, method string, size int, clients int) {
	url := benchCloud(b)
	data := random(1, size)
	call(b, "PUT", url+"object", data)
	var n atomic.Int64
	b.SetBytes(int64(size))
	b.ReportAllocs()
	b.SetParallelism(max(1, clients/2))
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if method == "PUT" {
				call(b, "PUT", fmt.Sprintf("%s%d", url, n.Add(1)), data)
			} else {
				call(b, "GET", url+"object", nil)
			}
		}
	})
}

func BenchmarkPutObject_1KiB(b *testing.B) { benchmark(b, "PUT", 1<<10, 16) }
func BenchmarkGetObject_1KiB(b *testing.B) { benchmark(b, "GET", 1<<10, 16) }
func BenchmarkPutObject_8MiB(b *testing.B) { benchmark(b, "PUT", 8<<20, 16) }
func BenchmarkGetObject_8MiB(b *testing.B) { benchmark(b, "GET", 8<<20, 16) }

// BenchmarkEmptyHandler is what the others are measured against.
func BenchmarkEmptyHandler(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			b.Error(err)
		}
	}))
	defer server.Close()
	data := random(1, 1<<10)
	b.ReportAllocs()
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			call(b, "PUT", server.URL, data)
		}
	})
}

// BenchmarkLifecycle_Advance winds the clock over thirty days on which 1,000 of 11,000 objects expire.
func BenchmarkLifecycle_Advance(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		c := servicetest.NewOnDisk(b, func(d service.Deps) []service.Module { return []service.Module{s3.New(d)} })
		root := c.Call(b)
		newBucket(b, root, "data")
		lifecycle(b, root, "data", api.LifecycleRule{ID: new("x"), Status: api.ExpirationStatusEnabled, Filter: &api.LifecycleRuleFilter{Prefix: new("old/")},
			Expiration: &api.LifecycleExpiration{Days: new(int32(10))}})
		c.WaitIdle(b)
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				for j := range 220 {
					prefix := "new/"
					if j < 20 {
						prefix = "old/"
					}
					put(b, root, "data", fmt.Sprintf("%s%d-%d", prefix, i, j), "x")
				}
			})
		}
		wg.Wait()
		b.StartTimer()
		c.Advance(b, 30*24*time.Hour)
		b.StopTimer()
		if n := count(b, root, "data"); n != 10000 {
			b.Fatalf("%d objects are left", n)
		}
		b.StartTimer()
	}
}
