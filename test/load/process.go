package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"drydock/clock"
)

// server is a process that serves HTTP.
type server struct {
	url     string
	command *exec.Cmd
	// ready is how long it took from the start of the process until it answered.
	ready time.Duration
}

// buildDrydock builds the drydock of the module around this one.
func buildDrydock(ctx context.Context, to string) error {
	build := exec.CommandContext(ctx, "go", "build", "-o", to, "./cmd/drydock")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build drydock (run this in the folder test): %w\n%s", err, out)
	}
	return nil
}

// startEmpty starts the empty server.
func startEmpty() (*server, error) { return startSelf(emptyCommand) }

// startBare starts the bare server on a folder, which is made.
func startBare(dir string) (*server, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return startSelf(bareCommand, dir)
}

// startSelf starts this binary as a server that prints its address.
func startSelf(args ...string) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return start(exec.Command(self, args...), metricsPath, func(line string) string { return line })
}

// startDrydock starts a drydock on a data directory.
func startDrydock(binary, data string) (*server, error) {
	command := exec.Command(binary, "up", "--data", data, "--listen", "127.0.0.1:0")
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "DRYDOCK_") {
			command.Env = append(command.Env, v)
		}
	}
	return start(command, "/_drydock/health", func(line string) string {
		name, url, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name != "endpoint" {
			return ""
		}
		// Connecting by address spares looking up "localhost" for each connection.
		return strings.Replace(strings.TrimSpace(url), "localhost", "127.0.0.1", 1)
	})
}

// start runs a command, finds the server's address in its output and asks for health until it is answered.
func start(command *exec.Cmd, health string, address func(line string) string) (*server, error) {
	s := &server{command: command}
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	watch := clock.StartStopwatch()
	if err := command.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(out)
	for s.url == "" && lines.Scan() {
		s.url = address(lines.Text())
	}
	if s.url == "" {
		return nil, errors.Join(fmt.Errorf("%s did not tell its address", filepath.Base(command.Path)), s.stop())
	}
	go func() { _, _ = io.Copy(io.Discard, out) }() // so that it never blocks on its output
	response, err := http.Get(s.url + health)
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	s.ready = watch.Elapsed()
	return s, response.Body.Close()
}

// stop ends the process and waits for it.
func (s *server) stop() error {
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	var exit *exec.ExitError
	if err := s.command.Wait(); err != nil && !errors.As(err, &exit) {
		return err
	}
	return nil
}

// kill ends the process as a crash would.
func (s *server) kill() error {
	if err := s.command.Process.Kill(); err != nil {
		return err
	}
	_ = s.command.Wait() // it reports the kill
	return nil
}

// resident is the memory the process holds, in bytes: VmRSS, or with peak the most it ever held.
func (s *server) resident(peak bool) (int64, error) {
	field := "VmRSS:"
	if peak {
		field = "VmHWM:"
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.command.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("memory is read from Linux's /proc: %w", err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, field); ok {
			kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("no %s in the process's status", field)
}

// cpu is the processor time the process has used. It is 0 where there is no /proc.
func (s *server) cpu() time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.command.Process.Pid))
	if err != nil {
		return 0
	}
	// The fields are counted from behind the command's name, which may hold anything; they are in ticks of 10 ms.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond
}

// Where a server tells how many objects it has allocated.
const (
	metricsPath     = "/_drydock/metrics"
	allocationsName = "go_memstats_mallocs_total"
)

// allocations is how many objects the process has allocated so far, by its metrics; 0 when it has none.
func (s *server) allocations() int64 {
	response, err := http.Get(s.url + metricsPath)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), allocationsName+" "); ok {
			n, _ := strconv.ParseInt(rest, 10, 64)
			return n
		}
	}
	return 0
}
