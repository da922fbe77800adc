package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"drydock/clock"
)

// shot is a request that has been signed and can be sent any number of times. Its fields are never changed.
type shot struct {
	method string
	path   string // escaped, with its query
	header http.Header
	host   string // as it was signed, whoever the request is sent to
	body   []byte
}

// gun is one client with one connection to each server.
type gun struct {
	transport *http.Transport
	shots     []shot
	next      int
	buffer    []byte
}

// window is what the clients did in one stretch of time.
type window struct {
	requests  int
	took      time.Duration
	latencies []time.Duration
	cpu       time.Duration // of the server
	allocated int64         // objects, by the server
}

func (w *window) rate() float64 { return float64(w.requests) / w.took.Seconds() }

// newGun loads a client with its shots.
func newGun(shots []shot) *gun {
	return &gun{
		transport: &http.Transport{
			DialContext: (&net.Dialer{}).DialContext, DisableCompression: true, WriteBufferSize: 64 << 10, ReadBufferSize: 64 << 10,
		},
		shots: shots, buffer: make([]byte, 256<<10),
	}
}

// fire sends the next request and reads the answer to its end. Any status but success is an error.
func (g *gun) fire(ctx context.Context, base *url.URL) error {
	s := &g.shots[g.next]
	g.next = (g.next + 1) % len(g.shots)
	path, query, _ := strings.Cut(s.path, "?")
	request := (&http.Request{
		Method: s.method, URL: &url.URL{Scheme: base.Scheme, Host: base.Host, Path: path, RawQuery: query}, Host: s.host,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: s.header, ContentLength: int64(len(s.body)),
	}).WithContext(ctx)
	if len(s.body) > 0 {
		request.Body = io.NopCloser(bytes.NewReader(s.body))
	}
	response, err := g.transport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 2048))
		return fmt.Errorf("%s %s: status %d: %s", s.method, s.path, response.StatusCode, text)
	}
	for {
		if _, err := response.Body.Read(g.buffer); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// drive lets every client fire at a server for a while.
func drive(ctx context.Context, guns []*gun, at *server, length time.Duration) (window, error) {
	base, err := url.Parse(at.url)
	if err != nil {
		return window{}, err
	}
	var (
		mu    sync.Mutex // guards total and first
		total window
		first error
		group sync.WaitGroup
	)
	cpu, allocated := at.cpu(), at.allocations()
	watch := clock.StartStopwatch()
	for _, g := range guns {
		group.Go(func() {
			var latencies []time.Duration
			var err error
			for last := watch.Elapsed(); err == nil && last < length && ctx.Err() == nil; {
				err = g.fire(ctx, base)
				now := watch.Elapsed()
				latencies = append(latencies, now-last)
				last = now
			}
			mu.Lock()
			defer mu.Unlock()
			total.latencies = append(total.latencies, latencies...)
			if first == nil {
				first = err
			}
		})
	}
	group.Wait()
	total.took, total.requests = watch.Elapsed(), len(total.latencies)
	total.cpu, total.allocated = at.cpu()-cpu, at.allocations()-allocated
	return total, errors.Join(first, ctx.Err())
}

// percentile is the latency that p of the requests stayed below.
func percentile(latencies []time.Duration, p float64) time.Duration {
	if len(latencies) == 0 {
		return 0
	}
	slices.Sort(latencies)
	return latencies[min(len(latencies)-1, int(p*float64(len(latencies))))]
}

// median of numbers; it sorts them.
func median(numbers []float64) float64 {
	if len(numbers) == 0 {
		return 0
	}
	slices.Sort(numbers)
	middle := len(numbers) / 2
	if len(numbers)%2 == 1 {
		return numbers[middle]
	}
	return (numbers[middle-1] + numbers[middle]) / 2
}
