//go:build unix

package supervisor

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"drydock/clock"
)

// Config tells Start what to start.
type Config struct {
	Name  string               // argv[0], by which the binary's Main knows what it is
	Setup any                  // is given to the function that was given to Serve, by way of JSON
	Attr  *syscall.SysProcAttr // namespaces and the like; may be nil
	// Joined is called with the supervisor's process id before it gets its Setup, so before it runs anything: the place
	// to put it in a control group. It may be nil.
	Joined func(pid int) error
	// StopTimeout is how long Stop lets the supervisor kill its tree before the supervisor itself is killed; 0 is not
	// at all, which is right where the kernel kills the tree.
	StopTimeout time.Duration
}

// Client is the host's end of a running supervisor. Its methods are safe for concurrent use.
type Client struct {
	cmd     *exec.Cmd
	conn    *net.UnixConn
	timeout time.Duration
	done    chan struct{}
	stderr  tail

	mu sync.Mutex // keeps the bytes and descriptors of one command together
}

// Start starts a supervisor and returns when it is ready for commands.
func Start(ctx context.Context, config Config) (*Client, error) {
	ours, theirs, err := socketpair()
	if err != nil {
		return nil, fmt.Errorf("start supervisor: %w", err)
	}
	defer theirs.Close()
	conn, err := unixConn(ours)
	if err != nil {
		return nil, fmt.Errorf("start supervisor: %w", err)
	}
	program, err := self()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start supervisor: %w", err), conn.Close())
	}
	c := &Client{conn: conn, timeout: config.StopTimeout, done: make(chan struct{})}
	attr := syscall.SysProcAttr{}
	if config.Attr != nil {
		attr = *config.Attr
	}
	attr.Setsid = true // a terminal's signals are for drydock, which then stops its machines in order
	c.cmd = &exec.Cmd{Path: program, Args: []string{config.Name}, Env: []string{}, Dir: "/", Stderr: &c.stderr,
		ExtraFiles: []*os.File{theirs}, SysProcAttr: &attr}
	if err := c.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start supervisor: %w", err), conn.Close())
	}
	go func() {
		_ = c.cmd.Wait() // how it ended tells nothing: mostly it is killed
		_ = conn.Close()
		close(c.done)
	}()
	if err := c.boot(ctx, config); err != nil {
		err = fmt.Errorf("start supervisor: %w", err)
		return nil, errors.Join(err, c.Stop(context.WithoutCancel(ctx)))
	}
	return c, nil
}

func (c *Client) boot(ctx context.Context, config Config) error {
	if config.Joined != nil {
		if err := config.Joined(c.cmd.Process.Pid); err != nil {
			return err
		}
	}
	stop := context.AfterFunc(ctx, func() { _ = c.cmd.Process.Kill() })
	defer stop()
	setup, err := json.Marshal(config.Setup)
	if err != nil {
		return err
	}
	if _, err := c.conn.Write(append(setup, '\n')); err != nil {
		return c.explain(ctx, err)
	}
	line, err := bufio.NewReader(c.conn).ReadBytes('\n')
	if err != nil {
		return c.explain(ctx, err)
	}
	var answer ready
	if err := json.Unmarshal(line, &answer); err != nil {
		return err
	}
	if answer.Error != "" {
		return errors.New(answer.Error)
	}
	return nil
}

// explain says why the connection broke before the supervisor was ready.
func (c *Client) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	_ = c.cmd.Process.Kill()
	<-c.done
	if said := c.stderr.String(); said != "" {
		return fmt.Errorf("it ended (%v): %s", c.cmd.ProcessState, said)
	}
	return fmt.Errorf("it ended (%v): %w", c.cmd.ProcessState, err)
}

// PID is the supervisor's process id on the host.
func (c *Client) PID() int { return c.cmd.Process.Pid }

// Done is closed when the supervisor has ended.
func (c *Client) Done() <-chan struct{} { return c.done }

// Stop ends the supervisor and its tree, and waits for it. The error is the context's if that ends first.
func (c *Client) Stop(ctx context.Context) error {
	if c.timeout > 0 {
		_ = c.conn.CloseWrite() // tells it to end
		limited, cancel := clock.WithTimeout(ctx, c.timeout)
		defer cancel()
		select {
		case <-c.done:
			return nil
		case <-limited.Done():
		}
	}
	_ = c.cmd.Process.Kill()
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// open hands a command's socket and streams to the supervisor.
func (c *Client) open(fds []int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _, err := c.conn.WriteMsgUnix([]byte{0}, syscall.UnixRights(fds...), nil)
	return err
}

// socketpair returns two connected sockets that no other child of this process inherits.
func socketpair() (ours, theirs *os.File, err error) {
	syscall.ForkLock.RLock() // where there is no SOCK_CLOEXEC
	defer syscall.ForkLock.RUnlock()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	syscall.CloseOnExec(fds[0])
	syscall.CloseOnExec(fds[1])
	return os.NewFile(uintptr(fds[0]), "host"), os.NewFile(uintptr(fds[1]), "machine"), nil
}

// unixConn turns a socket into a connection; the file is closed.
func unixConn(f *os.File) (*net.UnixConn, error) {
	defer f.Close()
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	unix, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("%T is no unix socket", conn), conn.Close())
	}
	return unix, nil
}

// tail keeps the last of what is written to it.
type tail struct {
	mu   sync.Mutex
	kept []byte
}

const tailSize = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, p[max(0, len(p)-tailSize):]...)
	t.kept = t.kept[max(0, len(t.kept)-tailSize):]
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.kept)
}
