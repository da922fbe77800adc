package main

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"drydock/clock"
)

// operation is one of the hot operations.
type operation struct {
	name string
	// target is the share of the empty handler's rate that is asked for.
	target float64
	// reply is how many bytes the empty handler answers, where the answer is the point of the operation.
	reply int
	// transferred is how many bytes a request moves, where the bandwidth is the point.
	transferred int
	// keeps tells that the operation writes: a bare server that keeps what it is sent is driven beside it.
	keeps bool
	// prepare makes what the operation needs, once.
	prepare func(ctx context.Context, c *cloud, by credentials) error
	// shots are the requests of one client.
	shots func(c *cloud, by credentials, client int) ([]shot, error)
}

const (
	small = 1 << 10
	large = 8 << 20
	// spread is to how many keys a client writes in turn.
	spread = 64
	// largeSpread is the same for large objects, whose bodies are held by every request that waits.
	largeSpread = 2
)

// operations are those with a target.
var operations = []operation{
	{
		name: "sts:GetCallerIdentity", target: 0.60,
		shots: func(c *cloud, by credentials, _ int) ([]shot, error) {
			s, err := c.sign(by, "sts", http.MethodPost, "/", http.Header{"Content-Type": {formType}}, []byte("Action=GetCallerIdentity&Version=2011-06-15"))
			return []shot{s}, err
		},
	},
	{
		name: "s3:GetObject 1 KiB", target: 0.55, reply: small,
		prepare: func(ctx context.Context, c *cloud, by credentials) error {
			return putAll(ctx, c, small, spread, by.name)
		},
		shots: func(c *cloud, by credentials, client int) ([]shot, error) {
			return onKeys(spread, func(i int) (shot, error) {
				key := fmt.Sprintf("/%s/%s/%d/%04d", bucket, by.name, small, (i+client)%spread)
				return c.sign(by, "s3", http.MethodGet, key, nil, nil)
			})
		},
	},
	{
		name: "s3:PutObject 1 KiB", target: 0.35, keeps: true, prepare: bucketOnly,
		shots: func(c *cloud, by credentials, client int) ([]shot, error) {
			body := content(small)
			return onKeys(spread, func(i int) (shot, error) {
				key := fmt.Sprintf("/%s/%s/put/%d/%04d", bucket, by.name, client, i)
				return c.sign(by, "s3", http.MethodPut, key, http.Header{"Content-Type": {"binary/octet-stream"}}, body)
			})
		},
	},
	{
		name: "logs:PutLogEvents of 10", target: 0.35, keeps: true,
		prepare: func(ctx context.Context, c *cloud, by credentials) error {
			name := group + "-" + by.name
			if err := c.logs(ctx, "CreateLogGroup", fmt.Sprintf(`{"logGroupName": %q}`, name)); err != nil {
				return err
			}
			for client := range maxStreams {
				if err := c.logs(ctx, "CreateLogStream", fmt.Sprintf(`{"logGroupName": %q, "logStreamName": "%d"}`, name, client)); err != nil {
					return err
				}
			}
			return nil
		},
		shots: func(c *cloud, by credentials, client int) ([]shot, error) {
			body := fmt.Appendf(nil, `{"logGroupName":"%s-%s","logStreamName":"%d","logEvents":[`, group, by.name, client%maxStreams)
			at := clock.Wall().Add(-time.Second).UnixMilli()
			for i := range 10 {
				if i > 0 {
					body = append(body, ',')
				}
				body = fmt.Appendf(body, `{"timestamp":%d,"message":"2026-01-02T03:04:05Z INFO  request %04d served in 1.5 ms, status 200, 512 bytes"}`, at+int64(i), i)
			}
			s, err := c.sign(by, "logs", http.MethodPost, "/", logsHeader("PutLogEvents"), append(body, "]}"...))
			return []shot{s}, err
		},
	},
	{
		name: "s3:GetObject 8 MiB", target: 0.70, reply: large, transferred: large,
		prepare: func(ctx context.Context, c *cloud, by credentials) error {
			return putAll(ctx, c, large, largeSpread, by.name)
		},
		shots: func(c *cloud, by credentials, client int) ([]shot, error) {
			return onKeys(largeSpread, func(i int) (shot, error) {
				key := fmt.Sprintf("/%s/%s/%d/%04d", bucket, by.name, large, (i+client)%largeSpread)
				return c.sign(by, "s3", http.MethodGet, key, nil, nil)
			})
		},
	},
	{
		name: "s3:PutObject 8 MiB", target: 0.50, keeps: true, transferred: large, prepare: bucketOnly,
		shots: func(c *cloud, by credentials, client int) ([]shot, error) {
			body := content(large)
			return onKeys(largeSpread, func(i int) (shot, error) {
				// As the SDKs do where TLS protects the payload, and as their multipart uploads do.
				header := http.Header{"X-Amz-Content-Sha256": {"UNSIGNED-PAYLOAD"}, "Content-Type": {"binary/octet-stream"}}
				return c.sign(by, "s3", http.MethodPut, fmt.Sprintf("/%s/%s/put/%d/large-%04d", bucket, by.name, client, i), header, body)
			})
		},
	},
}

// maxStreams is to how many log streams the clients write.
const maxStreams = 16

// content is n bytes that do not compress.
func content(n int) []byte {
	body := make([]byte, n)
	x := uint32(2463534242)
	for i := range body {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		body[i] = byte(x)
	}
	return body
}

func bucketOnly(ctx context.Context, c *cloud, _ credentials) error { return c.newBucket(ctx) }

func putAll(ctx context.Context, c *cloud, size, count int, prefix string) error {
	if err := c.newBucket(ctx); err != nil {
		return err
	}
	body := content(size)
	for i := range count {
		if err := c.put(ctx, fmt.Sprintf("%s/%d/%04d", prefix, size, i), body); err != nil {
			return err
		}
	}
	return nil
}

func onKeys(count int, sign func(i int) (shot, error)) ([]shot, error) {
	shots := make([]shot, count)
	for i := range shots {
		var err error
		if shots[i], err = sign(i); err != nil {
			return nil, err
		}
	}
	return shots, nil
}

// measureOperations measures the operations whose names match.
func (o *options) measureOperations(ctx context.Context, dir string, wanted *regexp.Regexp, r *report) error {
	if !anyWanted(wanted) {
		return nil
	}
	empty, err := startEmpty()
	if err != nil {
		return err
	}
	defer func() { _ = empty.stop() }() // what it measured is said already
	drydock, err := startDrydock(o.binary, filepath.Join(dir, "operations"))
	if err != nil {
		return err
	}
	defer func() { _ = drydock.stop() }() // what it measured is said already
	bare, err := startBare(filepath.Join(dir, "bare"))
	if err != nil {
		return err
	}
	defer func() { _ = bare.stop() }() // what it measured is said already
	c := &cloud{drydock}
	user, err := c.newUser(ctx, "load")
	if err != nil {
		return err
	}
	for _, op := range operations {
		if !wanted.MatchString(op.name) {
			continue
		}
		if err := o.measureOperation(ctx, &op, c, empty, bare, []credentials{user, root}, r); err != nil {
			return fmt.Errorf("%s: %w", op.name, err)
		}
	}
	return nil
}

func anyWanted(wanted *regexp.Regexp) bool {
	for _, op := range operations {
		if wanted.MatchString(op.name) {
			return true
		}
	}
	return false
}

// measureOperation drives one operation, by each of the callers, beside the empty handler and where it writes the bare one.
func (o *options) measureOperation(ctx context.Context, op *operation, c *cloud, empty, bare *server, callers []credentials, r *report) error {
	response, err := http.Post(empty.url+replyPath+"?"+strconv.Itoa(op.reply), "", nil)
	if err != nil {
		return err
	}
	if err := response.Body.Close(); err != nil {
		return err
	}
	lanes := []*lane{{label: "empty", at: empty, by: callers[0]}}
	if op.keeps {
		lanes = append(lanes, &lane{label: "bare", at: bare, by: callers[0]})
	}
	for _, by := range callers {
		if op.prepare != nil {
			if err := op.prepare(ctx, c, by); err != nil {
				return err
			}
		}
		lanes = append(lanes, &lane{label: by.name, at: c.server, by: by, judged: true})
	}
	for _, l := range lanes {
		for client := range o.clients {
			shots, err := op.shots(c, l.by, client)
			if err != nil {
				return err
			}
			l.guns = append(l.guns, newGun(shots))
		}
	}
	defer func() {
		for _, l := range lanes {
			l.close()
		}
	}()
	for _, l := range lanes { // warm up
		if _, err := drive(ctx, l.guns, l.at, o.window/2); err != nil {
			return fmt.Errorf("%s: %w", l.label, err)
		}
	}
	for round := range o.rounds {
		for i := range lanes {
			l := lanes[(i+round)%len(lanes)]
			w, err := drive(ctx, l.guns, l.at, o.window)
			if err != nil {
				return fmt.Errorf("%s: %w", l.label, err)
			}
			l.windows = append(l.windows, w)
		}
	}
	r.operation(op, lanes)
	return o.profile(ctx, op, lanes)
}

// lane is one server with the clients that drive it.
type lane struct {
	label   string
	at      *server
	by      credentials // whose requests the server is sent
	judged  bool        // it is drydock, which has a target
	guns    []*gun
	windows []window
}

func (l *lane) close() {
	for _, g := range l.guns {
		g.transport.CloseIdleConnections()
	}
}

var notInFileNames = strings.NewReplacer(":", "-", " ", "-")

// profile drives each caller's lane once more while drydock profiles itself.
func (o *options) profile(ctx context.Context, op *operation, lanes []*lane) error {
	if o.profiles == "" {
		return nil
	}
	for _, l := range lanes {
		if !l.judged {
			continue
		}
		name := notInFileNames.Replace(op.name) + "-" + l.label + ".pprof"
		saved := make(chan error, 1)
		go func() { saved <- saveProfile(ctx, l.at, filepath.Join(o.profiles, name)) }()
		if _, err := drive(ctx, l.guns, l.at, profileLength); err != nil {
			return err
		}
		if err := <-saved; err != nil {
			return err
		}
	}
	return nil
}
