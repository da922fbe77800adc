// Package cloud runs the real drydock binary as a process of its own, for tests that look at it from outside.
package cloud

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"drydock/clock"
)

// Limits of what a test waits for.
const (
	startLimit = 30 * time.Second
	stopLimit  = 30 * time.Second
)

// Binary builds cmd/drydock once per test process and returns the path of the binary.
func Binary() (string, error) { return binary() }

var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "drydock-binary-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "drydock")
	build := exec.Command("go", "build", "-o", path, "./cmd/drydock")
	if build.Dir, err = Root(); err != nil {
		return "", err
	}
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build drydock: %w\n%s", err, out)
	}
	return path, nil
})

// Main runs a package's tests and removes the binary that they used: TestMain's body. tools are the commands that the
// tests cannot do without.
func Main(m *testing.M, tools ...string) int {
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			fmt.Fprintf(os.Stderr, "these tests need the command %s: %v\n", tool, err)
			return 1
		}
	}
	path, err := Binary()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// Root is the folder of drydock's source.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "cmd", "drydock")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("the tests run outside of drydock's source")
		}
		dir = parent
	}
}

// Process is a running drydock.
type Process struct {
	// Endpoint is its URL.
	Endpoint string

	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
	mu   sync.Mutex    // guards the fields below
	log  bytes.Buffer
	err  error
}

// Up starts `drydock up` with these arguments on a free port of loopback, unless the arguments name another, and waits
// until it is ready. The caller ends it with Stop or Kill.
func Up(ctx context.Context, args ...string) (*Process, error) {
	path, err := Binary()
	if err != nil {
		return nil, err
	}
	if !slices.Contains(args, "--listen") {
		args = append([]string{"--listen", "127.0.0.1:0"}, args...)
	}
	p := &Process{cmd: exec.Command(path, append([]string{"up"}, args...)...), done: make(chan struct{})}
	p.cmd.Stderr = writer(p.write)
	p.cmd.Env = slices.DeleteFunc(os.Environ(), func(e string) bool {
		return strings.HasPrefix(e, "DRYDOCK_") || strings.HasPrefix(e, "AWS_")
	})
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start drydock: %w", err)
	}
	endpoint := make(chan string, 1)
	go p.watch(out, endpoint)
	limited, cancel := clock.WithTimeout(ctx, startLimit)
	defer cancel()
	select {
	case p.Endpoint = <-endpoint:
		return p, nil
	case <-p.done:
		return nil, fmt.Errorf("drydock ended at once: %w\n%s", p.err, p.Log())
	case <-limited.Done():
		return nil, errors.Join(fmt.Errorf("drydock is not ready after %v\n%s", startLimit, p.Log()), p.Kill())
	}
}

// watch reads the process's output to its end, and then collects the process.
func (p *Process) watch(out io.Reader, endpoint chan<- string) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if fields := strings.Fields(lines.Text()); len(fields) == 2 && fields[0] == "endpoint" {
			endpoint <- fields[1]
		}
	}
	err := p.cmd.Wait()
	p.mu.Lock()
	p.err = err
	p.mu.Unlock()
	close(p.done)
}

type writer func(p []byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

func (p *Process) write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(b)
}

// Log is what the process has written to its standard error.
func (p *Process) Log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// Address is the host and port it listens on.
func (p *Process) Address() string {
	return "127.0.0.1:" + p.Endpoint[strings.LastIndexByte(p.Endpoint, ':')+1:]
}

// Stop ends the process as a user does, and fails when it does not end well.
func (p *Process) Stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it fails only when the process has ended, which is seen below
	limited, cancel := clock.WithTimeout(context.Background(), stopLimit)
	defer cancel()
	select {
	case <-p.done:
		if p.err != nil {
			return fmt.Errorf("drydock ended badly: %w\n%s", p.err, p.Log())
		}
		return nil
	case <-limited.Done():
		return errors.Join(fmt.Errorf("drydock goes on %v after it was told to stop\n%s", stopLimit, p.Log()), p.Kill())
	}
}

// Kill ends the process with no chance to put anything in order.
func (p *Process) Kill() error {
	err := p.cmd.Process.Kill()
	<-p.done
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// PeakMemory is the most memory the process ever held, in bytes.
func (p *Process) PeakMemory() (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("peak memory of drydock: %w", err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, errors.New("peak memory of drydock: the system does not tell it")
}

// Environment is base as a shell has it after eval "$(drydock env)" for this process, with the drydock command on PATH.
func (p *Process) Environment(ctx context.Context, base []string) ([]string, error) {
	path, err := Binary()
	if err != nil {
		return nil, err
	}
	shell := exec.CommandContext(ctx, "/bin/sh", "-c", `PATH="$1:$PATH"; export PATH; eval "$("$1"/drydock env --endpoint "$2")" && env -0`,
		"sh", filepath.Dir(path), p.Endpoint)
	shell.Env = base
	out, err := shell.Output()
	if err != nil {
		return nil, fmt.Errorf("eval \"$(drydock env)\": %w", err)
	}
	return strings.Split(strings.TrimRight(string(out), "\x00"), "\x00"), nil
}

// New starts a cloud for a test and ends it with the test; a cloud that does not end well fails the test.
func New(t *testing.T, args ...string) *Process {
	t.Helper()
	p, err := Up(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("drydock's log:\n%s", p.Log())
		}
	})
	return p
}

// Post sends a request to drydock's own part of the URL space, such as the clock.
func (p *Process) Post(ctx context.Context, path, body string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.Endpoint+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, err := io.ReadAll(resp.Body)
		return errors.Join(fmt.Errorf("POST %s: %s: %s", path, resp.Status, text), err)
	}
	return nil
}
