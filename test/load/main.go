// Command load measures a drydock beside an empty net/http handler. Both are processes of their own, with the same
// server settings, and are driven by the same client with the same bytes, in short windows that alternate, so that what
// else the machine does touches both alike. It prints what share of the empty handler's rate each hot operation
// reaches, and, when asked, how long a full data directory takes to open, how much memory an idle cloud holds, how long
// a month on the clock takes, and how a large upload changes the memory in use.
//
// Run it in the folder test: go run ./load [flags]. See docs/performance.md.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"time"
)

// options are the flags.
type options struct {
	binary   string
	dir      string
	clients  int
	window   time.Duration
	rounds   int
	run      string
	extra    string
	objects  int
	upload   int64
	profiles string
	check    bool
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == emptyCommand {
		fail(serveEmpty())
		return
	}
	if len(os.Args) == 3 && os.Args[1] == bareCommand {
		fail(serveBare(os.Args[2]))
		return
	}
	var o options
	flag.StringVar(&o.binary, "drydock", "", "drydock binary to measure (default: build the one of this tree)")
	flag.StringVar(&o.dir, "dir", "", "folder on the disk to measure (default: a temporary one)")
	flag.IntVar(&o.clients, "clients", 16, "clients, each with one connection")
	flag.DurationVar(&o.window, "window", time.Second, "length of one window")
	flag.IntVar(&o.rounds, "rounds", 9, "rounds of windows for each operation; ratios are medians over rounds")
	flag.StringVar(&o.run, "run", ".", "operations to measure (regular expression)")
	flag.StringVar(&o.extra, "extra", "", "further measurements (regular expression over: idle ready advance upload)")
	flag.IntVar(&o.objects, "objects", 100_000, "objects in the data directory of the measurement \"ready\"")
	flag.Int64Var(&o.upload, "upload", 1<<30, "bytes of the measurement \"upload\"")
	flag.StringVar(&o.profiles, "profiles", "", "folder for a CPU profile of each operation (measured in rounds of their own)")
	flag.BoolVar(&o.check, "check", false, "exit with status 1 when a result misses its target by more than a tenth")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	fail(o.measure(ctx))
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

// measure runs everything that was asked for.
func (o *options) measure(ctx context.Context) error {
	operationsWanted, err := regexp.Compile(o.run)
	if err != nil {
		return fmt.Errorf("-run: %w", err)
	}
	extraWanted, err := regexp.Compile(o.extra)
	if err != nil {
		return fmt.Errorf("-extra: %w", err)
	}
	dir, err := os.MkdirTemp(o.dir, "drydock-load-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if o.binary == "" {
		o.binary = filepath.Join(dir, "drydock")
		if err := buildDrydock(ctx, o.binary); err != nil {
			return err
		}
	}
	r := &report{check: o.check}
	r.machine(o)
	if err := o.measureOperations(ctx, dir, operationsWanted, r); err != nil {
		return err
	}
	if o.extra != "" {
		for _, e := range extras {
			if !extraWanted.MatchString(e.name) {
				continue
			}
			if err := e.measure(ctx, o, filepath.Join(dir, e.name), r); err != nil {
				return fmt.Errorf("%s: %w", e.name, err)
			}
		}
	}
	return r.verdict()
}
