//go:build unix

package supervisor

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"drydock/clock"
	"drydock/machine"
)

// grace is how long a command's output is waited for after the command has ended, when something that it left in the
// background holds the streams open. What the command itself wrote is delivered in any case.
const grace = 200 * time.Millisecond

// Process is a command started in a machine.
type Process struct {
	ctx  context.Context
	conn *net.UnixConn
	size func(machine.Terminal) error // of its terminal; nil without one
	done chan struct{}                // closed when exit and err are set
	exit machine.Exit
	err  error

	mu sync.Mutex // makes requests follow each other on conn
}

// Spawn starts a command. Its Dir and User are the machine's; nothing is filled in.
func (c *Client) Spawn(ctx context.Context, command machine.Command) (*Process, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	streams, err := openStreams(command)
	if err != nil {
		return nil, err
	}
	ours, theirs, err := socketpair()
	if err != nil {
		return nil, errors.Join(err, streams.close())
	}
	conn, err := unixConn(ours)
	if err != nil {
		return nil, errors.Join(err, theirs.Close(), streams.close())
	}
	p := &Process{ctx: ctx, conn: conn, size: streams.resize, done: make(chan struct{})}
	err = c.open(append([]int{int(theirs.Fd())}, streams.remote[:]...))
	err = errors.Join(err, theirs.Close(), streams.closeRemote())
	if err != nil {
		return nil, errors.Join(machine.ErrNotRunning, err, conn.Close(), streams.close())
	}
	// Should this be read before the request, the supervisor finds no command in it and hangs up, which is as well.
	stop := context.AfterFunc(ctx, func() { _ = p.send(request{Kill: true}) })
	reports := bufio.NewReaderSize(conn, 512)
	if err := p.begin(command, reports); err != nil {
		stop()
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, errors.Join(err, conn.Close(), streams.close())
	}
	streams.begin()
	go func() {
		defer stop()
		p.finish(reports, streams)
	}()
	return p, nil
}

func (p *Process) send(r request) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	_, err = p.conn.Write(append(line, '\n'))
	return err
}

func (p *Process) begin(command machine.Command, reports *bufio.Reader) error {
	if err := p.send(request{Args: command.Args, Env: command.Env, Dir: command.Dir, User: command.User, Terminal: command.Terminal != nil}); err != nil {
		return errors.Join(machine.ErrNotRunning, err)
	}
	r, err := next(reports)
	switch {
	case err != nil:
		return err
	case r.Failure != nil:
		return r.Failure.err()
	case !r.Started:
		return errors.New("supervisor reports neither a start nor a failure")
	}
	return nil
}

func next(reports *bufio.Reader) (report, error) {
	var r report
	line, err := reports.ReadBytes('\n')
	if err != nil { // whatever the socket says: there is nobody any more
		return r, machine.ErrNotRunning
	}
	return r, json.Unmarshal(line, &r)
}

func (p *Process) finish(reports *bufio.Reader, s *streams) {
	defer close(p.done)
	r, err := next(reports)
	if err == nil && !r.Exited {
		err = errors.New("supervisor reports something else than an exit")
	}
	streamErr := s.finish()
	_ = p.conn.Close()
	p.exit = machine.Exit{Code: r.Code, Signal: r.Signal}
	switch {
	case p.ctx.Err() != nil && (err != nil || r.Signal == syscall.SIGKILL):
		p.err = context.Cause(p.ctx)
	case err != nil:
		p.err = err
	default:
		p.err = streamErr
	}
}

// Wait is machine.Process's.
func (p *Process) Wait() (machine.Exit, error) {
	<-p.done
	return p.exit, p.err
}

// Signal is machine.Process's.
func (p *Process) Signal(signal syscall.Signal) error {
	select {
	case <-p.done:
		return nil
	default:
	}
	if signal <= 0 {
		return fmt.Errorf("signal %d: %w", signal, machine.ErrInvalid)
	}
	if err := p.send(request{Signal: signal}); err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, syscall.EPIPE) {
		return err
	}
	return nil
}

// Resize is machine.Process's.
func (p *Process) Resize(size machine.Terminal) error {
	select {
	case <-p.done:
		return nil
	default:
	}
	if p.size == nil {
		return nil
	}
	if err := p.size(size); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("resize terminal: %w", err)
	}
	return nil
}

// streams are a command's standard streams: pipes, so that output is passed on as it comes and in bounded memory, or a
// terminal.
type streams struct {
	remote  [3]int   // the command's ends, as descriptors, -1 once closed
	input   *os.File // our ends
	outputs []*output
	source  io.Reader
	resize  func(machine.Terminal) error // of a terminal
}

type output struct {
	pipe    *os.File
	to      io.Writer
	done    chan struct{}
	passed  atomic.Int64 // bytes read from the pipe
	writing atomic.Bool
	err     error // of to; read after done
}

func openStreams(command machine.Command) (*streams, error) {
	s := &streams{remote: [3]int{-1, -1, -1}, source: command.Stdin}
	var err error
	if command.Terminal != nil {
		if err := s.openTerminal(command); err != nil {
			return nil, errors.Join(fmt.Errorf("open terminal: %w", err), s.close())
		}
		return s, nil
	}
	if command.Stdin == nil {
		s.remote[0], err = openNull(os.O_RDONLY)
	} else {
		s.remote[0], s.input, err = pipe(true)
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	for i, to := range []io.Writer{command.Stdout, command.Stderr} {
		switch {
		case to == nil:
			s.remote[i+1], err = openNull(os.O_WRONLY)
		case i == 1 && same(command.Stdout, to):
			s.remote[2], err = duplicate(s.remote[1])
		default:
			o := &output{to: to, done: make(chan struct{})}
			if s.remote[i+1], o.pipe, err = pipe(false); err == nil {
				s.outputs = append(s.outputs, o)
			}
		}
		if err != nil {
			return nil, errors.Join(err, s.close())
		}
	}
	return s, nil
}

// same reports whether two writers are one; writers of types that cannot be compared are not.
func same(a, b io.Writer) (equal bool) {
	defer func() { _ = recover() }()
	return a == b
}

func (s *streams) begin() {
	if s.input != nil {
		go func() {
			_, _ = io.Copy(s.input, s.source) // a command need not read its input
			_ = s.input.Close()
		}()
	}
	for _, o := range s.outputs {
		go o.run()
	}
}

func (o *output) run() {
	defer close(o.done)
	buffer := make([]byte, 32<<10)
	for {
		n, err := o.pipe.Read(buffer)
		o.writing.Store(true)
		if n > 0 && o.err == nil {
			if _, o.err = o.to.Write(buffer[:n]); o.err != nil {
				o.err = fmt.Errorf("deliver output: %w", o.err)
			}
		}
		o.passed.Add(int64(n))
		o.writing.Store(false)
		if err != nil {
			return
		}
	}
}

// finish is called when the command has ended. It delivers all that the command wrote, and returns soon after even when
// something else holds the streams open or goes on writing.
func (s *streams) finish() error {
	if s.input != nil {
		_ = s.input.Close()
	}
	var failed []error
	for _, o := range s.outputs {
		// What the command wrote is what has passed and what is in the pipe now. Counted in this order, a byte on its
		// way is counted twice rather than not at all; then the silence ends the wait.
		goal := waiting(o.pipe) + o.passed.Load()
		began, last, quiet := clock.StartStopwatch(), o.passed.Load(), clock.StartStopwatch()
	wait:
		for step := time.Millisecond; ; step = min(2*step, 50*time.Millisecond) {
			limited, cancel := clock.WithTimeout(context.Background(), step)
			select {
			case <-o.done:
				cancel()
				break wait
			case <-limited.Done():
				cancel()
			}
			passed := o.passed.Load()
			if passed != last || o.writing.Load() {
				last, quiet = passed, clock.StartStopwatch()
			}
			// Silence counts only where nothing is left to read: on a busy host the reader may not have had its turn yet.
			if began.Elapsed() >= grace && passed >= goal || quiet.Elapsed() >= grace && waiting(o.pipe) == 0 {
				_ = o.pipe.Close()
				<-o.done
				break
			}
		}
		_ = o.pipe.Close()
		failed = append(failed, o.err)
	}
	return errors.Join(failed...)
}

func (s *streams) closeRemote() error {
	var failed []error
	for i, fd := range s.remote {
		if fd >= 0 {
			failed = append(failed, syscall.Close(fd))
		}
		s.remote[i] = -1
	}
	return errors.Join(failed...)
}

func (s *streams) close() error {
	failed := []error{s.closeRemote()}
	if s.input != nil {
		failed = append(failed, s.input.Close())
	}
	for _, o := range s.outputs {
		failed = append(failed, o.pipe.Close())
	}
	return errors.Join(failed...)
}

// pipe returns the command's end as a plain, blocking descriptor, as programs expect it, and ours as a file whose Close
// ends a Read or Write under way. It is made by hand because os.File would make both ends non-blocking.
func pipe(commandReads bool) (remote int, ours *os.File, err error) {
	var fds [2]int
	syscall.ForkLock.RLock() // where there is no pipe2
	defer syscall.ForkLock.RUnlock()
	if err := syscall.Pipe(fds[:]); err != nil {
		return -1, nil, os.NewSyscallError("pipe", err)
	}
	syscall.CloseOnExec(fds[0])
	syscall.CloseOnExec(fds[1])
	remote, local := fds[1], fds[0]
	if commandReads {
		remote, local = local, remote
	}
	if err := syscall.SetNonblock(local, true); err != nil {
		return -1, nil, errors.Join(os.NewSyscallError("fcntl", err), syscall.Close(local), syscall.Close(remote))
	}
	return remote, os.NewFile(uintptr(local), "pipe"), nil
}

func openNull(mode int) (int, error) {
	fd, err := syscall.Open(os.DevNull, mode|syscall.O_CLOEXEC, 0)
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: os.DevNull, Err: err}
	}
	return fd, nil
}

func duplicate(fd int) (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	copied, err := syscall.Dup(fd)
	if err != nil {
		return -1, os.NewSyscallError("dup", err)
	}
	syscall.CloseOnExec(copied)
	return copied, nil
}
