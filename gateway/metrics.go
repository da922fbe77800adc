package gateway

import (
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

// buckets are the upper bounds of the latency histogram, in seconds.
var buckets = [...]float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}

// metrics counts requests, for Prometheus.
type metrics struct {
	mu     sync.RWMutex // guards the field below
	series map[seriesKey]*series
}

type seriesKey struct {
	service, operation string
	status             int
}

type series struct {
	count   atomic.Int64
	nanos   atomic.Int64
	buckets [len(buckets)]atomic.Int64
}

func newMetrics() *metrics { return &metrics{series: map[seriesKey]*series{}} }

func (m *metrics) observe(service, operation string, status int, took time.Duration) {
	s := m.of(seriesKey{service, operation, status})
	s.count.Add(1)
	s.nanos.Add(int64(took))
	for i, bound := range buckets {
		if took.Seconds() <= bound {
			s.buckets[i].Add(1)
			break
		}
	}
}

// of returns a key's series.
func (m *metrics) of(key seriesKey) *series {
	m.mu.RLock()
	s := m.series[key]
	m.mu.RUnlock()
	if s != nil {
		return s
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if s = m.series[key]; s == nil {
		s = &series{}
		m.series[key] = s
	}
	return s
}

// write renders the metrics in Prometheus' text format.
func (m *metrics) write(w io.Writer) {
	m.mu.RLock()
	keys := slices.Collect(maps.Keys(m.series))
	m.mu.RUnlock()
	sort.Slice(keys, func(i, j int) bool {
		a, b := keys[i], keys[j]
		if a.service != b.service {
			return a.service < b.service
		}
		if a.operation != b.operation {
			return a.operation < b.operation
		}
		return a.status < b.status
	})
	fmt.Fprintln(w, "# HELP drydock_request_duration_seconds How long requests took.")
	fmt.Fprintln(w, "# TYPE drydock_request_duration_seconds histogram")
	for _, k := range keys {
		s := m.of(k)
		labels := fmt.Sprintf("service=%q,operation=%q,status=\"%d\"", k.service, k.operation, k.status)
		var sum int64
		for i, bound := range buckets {
			sum += s.buckets[i].Load()
			fmt.Fprintf(w, "drydock_request_duration_seconds_bucket{%s,le=\"%g\"} %d\n", labels, bound, sum)
		}
		fmt.Fprintf(w, "drydock_request_duration_seconds_bucket{%s,le=\"+Inf\"} %d\n", labels, s.count.Load())
		fmt.Fprintf(w, "drydock_request_duration_seconds_sum{%s} %g\n", labels, time.Duration(s.nanos.Load()).Seconds())
		fmt.Fprintf(w, "drydock_request_duration_seconds_count{%s} %d\n", labels, s.count.Load())
	}
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	fmt.Fprintf(w, "# TYPE go_goroutines gauge\ngo_goroutines %d\n", runtime.NumGoroutine())
	fmt.Fprintf(w, "# TYPE go_memstats_mallocs_total counter\ngo_memstats_mallocs_total %d\n", mem.Mallocs)
	fmt.Fprintf(w, "# TYPE go_memstats_heap_inuse_bytes gauge\ngo_memstats_heap_inuse_bytes %d\n", mem.HeapInuse)
	fmt.Fprintf(w, "# TYPE go_memstats_sys_bytes gauge\ngo_memstats_sys_bytes %d\n", mem.Sys)
}
