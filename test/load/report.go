package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"drydock/clock"
)

// tolerance is by what part a result may miss its target before -check fails: other work on the machine moves the
// ratios by some per cent from run to run.
const tolerance = 0.10

// report prints results as they come and remembers what missed.
type report struct {
	check  bool
	titled bool
	missed []string
}

// machine prints what is measured on what.
func (r *report) machine(o *options) {
	model := "unknown processor"
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	fmt.Printf("%s, %s/%s, %s, %d processors; %d clients, medians of %d rounds of %v\n\n", clock.Wall().Format(time.DateOnly), runtime.GOOS, runtime.GOARCH,
		model, runtime.NumCPU(), o.clients, o.rounds, o.window)
}

// operation prints a line for each lane. The first lane is the empty handler; the others are compared with it, round by
// round.
func (r *report) operation(op *operation, lanes []*lane) {
	if !r.titled {
		r.titled = true
		fmt.Printf("%-24s %-6s %10s %8s %6s %6s %9s %9s %9s %8s\n", "operation", "caller", "requests/s", "MB/s", "ratio", "target", "p50", "p99", "cpu/req", "allocs")
	}
	for i, l := range lanes {
		var rates, ratios []float64
		var all window
		for j, w := range l.windows {
			rates = append(rates, w.rate())
			ratios = append(ratios, w.rate()/lanes[0].windows[j].rate())
			all.requests += w.requests
			all.latencies = append(all.latencies, w.latencies...)
			all.cpu += w.cpu
			all.allocated += w.allocated
		}
		rate, ratio := median(rates), median(ratios)
		bandwidth, share, target, allocations := "", "", "", ""
		if op.transferred > 0 {
			bandwidth = fmt.Sprintf("%.0f", rate*float64(op.transferred)/1e6)
		}
		if all.allocated > 0 {
			allocations = fmt.Sprintf("%d", all.allocated/int64(all.requests))
		}
		if i > 0 {
			share = fmt.Sprintf("%.2f", ratio)
		}
		if l.judged {
			target = fmt.Sprintf("%.2f", op.target)
			if ratio < op.target*(1-tolerance) {
				r.missed = append(r.missed, fmt.Sprintf("%s by %s: %.2f instead of %.2f", op.name, l.label, ratio, op.target))
			}
		}
		fmt.Printf("%-24s %-6s %10.0f %8s %6s %6s %9v %9v %9v %8s\n", op.name, l.label, rate, bandwidth, share, target,
			percentile(all.latencies, 0.50).Round(time.Microsecond), percentile(all.latencies, 0.99).Round(time.Microsecond),
			(all.cpu / time.Duration(all.requests)).Round(100*time.Nanosecond), allocations)
	}
	fmt.Println()
}

// limit prints a result that has an upper bound, in any unit.
func (r *report) limit(name string, got, bound float64, unit string) {
	fmt.Printf("%-60s %10.1f %s  (target: under %g)\n", name, got, unit, bound)
	if got > bound*(1+tolerance) {
		r.missed = append(r.missed, fmt.Sprintf("%s: %.1f %s instead of under %g", name, got, unit, bound))
	}
}

// fact prints a result without a bound.
func (r *report) fact(name, value string) { fmt.Printf("%-60s %s\n", name, value) }

// verdict prints what missed its target; it is an error with -check.
func (r *report) verdict() error {
	if len(r.missed) == 0 {
		return nil
	}
	text := fmt.Sprintf("missed by more than %.0f %%:\n  %s", tolerance*100, strings.Join(r.missed, "\n  "))
	if r.check {
		return fmt.Errorf("%s", text)
	}
	fmt.Println(text)
	return nil
}

// profileLength is how long a profile covers.
const profileLength = 6 * time.Second

// saveProfile stores a CPU profile of a drydock.
func saveProfile(ctx context.Context, at *server, file string) error {
	url := fmt.Sprintf("%s/_drydock/pprof/profile?seconds=%d", at.url, profileLength/time.Second-1)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("profile: status %d", response.StatusCode)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, response.Body)
	if closeErr := out.Close(); err == nil {
		err = closeErr
	}
	return err
}
