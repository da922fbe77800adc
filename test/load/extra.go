package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"drydock/clock"
)

// extra is a measurement beside the operations. It has a folder of its own, which does not exist yet.
type extra struct {
	name    string
	measure func(ctx context.Context, o *options, dir string, r *report) error
}

var extras = []extra{
	{"idle", measureIdle},
	{"ready", measureReady},
	{"advance", measureAdvance},
	{"upload", measureUpload},
}

const mib = 1 << 20

// settle is how long a cloud is left alone before its memory is read.
const settle = 3 * time.Second

// measureIdle reads the memory of a cloud that has been asked nothing.
func measureIdle(ctx context.Context, o *options, dir string, r *report) error {
	s, err := startDrydock(o.binary, dir)
	if err != nil {
		return err
	}
	defer func() { _ = s.stop() }() // what it measured is said already
	if err := clock.Pause(ctx, settle); err != nil {
		return err
	}
	held, err := s.resident(false)
	if err != nil {
		return err
	}
	r.limit("idle: resident memory", float64(held)/mib, 60, "MiB")
	return nil
}

// measureReady fills a data directory with objects and starts on it, after an orderly stop and after a crash.
func measureReady(ctx context.Context, o *options, dir string, r *report) error {
	s, err := startDrydock(o.binary, dir)
	if err != nil {
		return err
	}
	c := &cloud{s}
	if err := c.newBucket(ctx); err != nil {
		return err
	}
	watch := clock.StartStopwatch()
	if err := c.fill(ctx, o.clients, o.objects, "object/"); err != nil {
		return err
	}
	r.fact(fmt.Sprintf("ready: putting %d objects of 1 KiB took", o.objects), watch.Elapsed().Round(time.Millisecond).String())
	for _, after := range []struct {
		name string
		end  func(*server) error
	}{{"an orderly stop", (*server).stop}, {"a crash", (*server).kill}} {
		var times []float64
		for range 5 {
			if err := after.end(s); err != nil {
				return err
			}
			if s, err = startDrydock(o.binary, dir); err != nil {
				return err
			}
			times = append(times, float64(s.ready)/float64(time.Millisecond))
		}
		r.limit(fmt.Sprintf("ready: start on %d objects after %s", o.objects, after.name), median(times), 150, "ms")
	}
	defer func() { _ = s.stop() }() // what it measured is said already
	if err := clock.Pause(ctx, settle); err != nil {
		return err
	}
	held, err := s.resident(false)
	if err != nil {
		return err
	}
	r.limit(fmt.Sprintf("ready: resident memory with %d objects", o.objects), float64(held)/mib, 60, "MiB")
	return nil
}

// fill puts count objects with all clients at once.
func (c *cloud) fill(ctx context.Context, clients, count int, prefix string) error {
	var next atomic.Int64
	var group sync.WaitGroup
	failures := make(chan error, clients)
	body := content(small)
	for range clients {
		group.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= count {
					return
				}
				s, err := c.sign(root, "s3", http.MethodPut, fmt.Sprintf("/%s/%s%08d", bucket, prefix, i), nil, body)
				if err == nil {
					err = c.send(ctx, s)
				}
				if err != nil {
					failures <- err
					return
				}
			}
		})
	}
	group.Wait()
	select {
	case err := <-failures:
		return err
	default:
		return nil
	}
}

// send sends one prepared request over a shared pool of connections.
func (c *cloud) send(ctx context.Context, s shot) error {
	request, err := http.NewRequestWithContext(ctx, s.method, c.url+s.path, strings.NewReader(string(s.body)))
	if err != nil {
		return err
	}
	request.Header = s.header
	response, err := pooled.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: status %d: %s", s.method, s.path, response.StatusCode, text)
	}
	return nil
}

// pooled keeps a connection for each client.
var pooled = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}

// What measureAdvance stores.
const (
	dueObjects = 1_000
	notDue     = 10_000
)

// measureAdvance winds the clock forward a month over objects of which some expire on the way.
func measureAdvance(ctx context.Context, o *options, dir string, r *report) error {
	s, err := startDrydock(o.binary, dir)
	if err != nil {
		return err
	}
	defer func() { _ = s.stop() }() // what it measured is said already
	c := &cloud{s}
	if err := c.newBucket(ctx); err != nil {
		return err
	}
	rules := []byte(`<LifecycleConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">` +
		`<Rule><ID>due</ID><Filter><Prefix>due/</Prefix></Filter><Status>Enabled</Status><Expiration><Days>7</Days></Expiration></Rule>` +
		`<Rule><ID>keep</ID><Filter><Prefix>keep/</Prefix></Filter><Status>Enabled</Status><Expiration><Days>365</Days></Expiration></Rule>` +
		`</LifecycleConfiguration>`)
	if _, err := c.call(ctx, root, "s3", http.MethodPut, "/"+bucket+"?lifecycle", http.Header{"Content-Md5": {md5Of(rules)}}, rules); err != nil {
		return err
	}
	if err := c.fill(ctx, o.clients, dueObjects, "due/"); err != nil {
		return err
	}
	if err := c.fill(ctx, o.clients, notDue, "keep/"); err != nil {
		return err
	}
	watch := clock.StartStopwatch()
	if err := c.moveClock(ctx, `{"action": "advance", "by": "720h"}`); err != nil {
		return err
	}
	took := watch.Elapsed()
	for prefix, want := range map[string]int{"due/": 0, "keep/": notDue} {
		if got, err := c.count(ctx, prefix); err != nil {
			return err
		} else if got != want {
			return fmt.Errorf("%d objects under %s after the advance, want %d", got, prefix, want)
		}
	}
	r.limit(fmt.Sprintf("advance: 720 h with %d objects due and %d not", dueObjects, notDue), float64(took)/float64(time.Millisecond), 1000, "ms")
	return nil
}

var nextToken = regexp.MustCompile(`<NextContinuationToken>([^<]+)<`)

// count lists the objects under a prefix.
func (c *cloud) count(ctx context.Context, prefix string) (int, error) {
	n, token := 0, ""
	for {
		path := "/" + bucket + "?list-type=2&prefix=" + prefix
		if token != "" {
			path += "&continuation-token=" + escape(token)
		}
		answer, err := c.call(ctx, root, "s3", http.MethodGet, path, nil, nil)
		if err != nil {
			return 0, err
		}
		n += strings.Count(answer, "<Contents>")
		found := nextToken.FindStringSubmatch(answer)
		if found == nil {
			return n, nil
		}
		token = found[1]
	}
}

// parts is how many parts the upload has: S3 takes no more than 5 GiB at once.
const parts = 4

// measureUpload uploads one large object and watches the memory.
func measureUpload(ctx context.Context, o *options, dir string, r *report) error {
	s, err := startDrydock(o.binary, filepath.Join(dir, "upload"))
	if err != nil {
		return err
	}
	defer func() { _ = s.stop() }() // what it measured is said already
	c := &cloud{s}
	if err := c.newBucket(ctx); err != nil {
		return err
	}
	if err := c.fill(ctx, 1, 100, "warm/"); err != nil {
		return err
	}
	before, err := s.resident(true)
	if err != nil {
		return err
	}
	watch := clock.StartStopwatch()
	if err := c.uploadParts(ctx, o.upload); err != nil {
		return err
	}
	took := watch.Elapsed()
	after, err := s.resident(true)
	if err != nil {
		return err
	}
	r.fact(fmt.Sprintf("upload: %d MiB in %d parts took", o.upload/mib, parts),
		fmt.Sprintf("%v (%.0f MB/s)", took.Round(time.Millisecond), float64(o.upload)/1e6/took.Seconds()))
	r.limit("upload: growth of the peak resident memory", float64(after-before)/mib, 32, "MiB")
	return nil
}

var uploadID = regexp.MustCompile(`<UploadId>([^<]+)<`)

// uploadParts uploads an object of a size, part after part, without holding it.
func (c *cloud) uploadParts(ctx context.Context, size int64) error {
	path := "/" + bucket + "/upload"
	answer, err := c.call(ctx, root, "s3", http.MethodPost, path+"?uploads", nil, nil)
	if err != nil {
		return err
	}
	found := uploadID.FindStringSubmatch(answer)
	if found == nil {
		return fmt.Errorf("no upload id: %s", answer)
	}
	block := content(mib)
	var list strings.Builder
	for part := range parts {
		query := fmt.Sprintf("?partNumber=%d&uploadId=%s", part+1, escape(found[1]))
		s, err := c.sign(root, "s3", http.MethodPut, path+query, http.Header{"X-Amz-Content-Sha256": {"UNSIGNED-PAYLOAD"}}, nil)
		if err != nil {
			return err
		}
		body := &repeated{block: block, left: size / parts}
		request, err := http.NewRequestWithContext(ctx, s.method, c.url+s.path, body)
		if err != nil {
			return err
		}
		request.Header, request.ContentLength = s.header, body.left
		response, err := pooled.Do(request)
		if err != nil {
			return err
		}
		text, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK {
			return fmt.Errorf("part %d: status %d: %s: %w", part+1, response.StatusCode, text, err)
		}
		fmt.Fprintf(&list, "<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>", part+1, response.Header.Get("ETag"))
	}
	done := []byte("<CompleteMultipartUpload>" + list.String() + "</CompleteMultipartUpload>")
	_, err = c.call(ctx, root, "s3", http.MethodPost, path+"?uploadId="+escape(found[1]), nil, done)
	return err
}

// repeated is a body that holds one block and says it again and again.
type repeated struct {
	block []byte
	at    int
	left  int64
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(int64(len(p)), r.left)], r.block[r.at:])
	r.at = (r.at + n) % len(r.block)
	r.left -= int64(n)
	return n, nil
}
