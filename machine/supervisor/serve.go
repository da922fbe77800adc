//go:build unix

package supervisor

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"drydock/machine"
)

// Options is what a setup decides about the machine.
type Options struct {
	// Tree tells that the supervisor must find and kill its descendants itself when it ends. Pid 1 of a pid namespace
	// leaves that to the kernel.
	Tree bool
	// OneUser tells that only user 0 exists, so that no command can run as another.
	OneUser bool
	// Root is the folder that the paths of commands are in; "" is "/".
	Root string
	// Attr is the start of every command's attributes.
	Attr syscall.SysProcAttr
}

// Serve is a machine's first process. It configures itself by setup, which runs on the thread that will start all
// commands (so that capabilities it drops there are gone for them), serves the host, and never returns.
func Serve(setup func(config json.RawMessage) (Options, error)) {
	runtime.LockOSThread()
	keepDescriptors(controlFD)
	if err := serve(setup); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func serve(setup func(config json.RawMessage) (Options, error)) error {
	// Signals that the machine's root may send to its first process are taken and dropped. They are not ignored: that
	// would be inherited.
	dropped := make(chan os.Signal, 1)
	signal.Notify(dropped, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM)
	syscall.Umask(0o022)

	conn, err := unixConn(os.NewFile(controlFD, "control"))
	if err != nil {
		return fmt.Errorf("connect to the host: %w", err)
	}
	config, err := readLine(conn)
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	s := &server{conn: conn, starts: make(chan start), ended: make(chan struct{}), running: map[int]chan<- syscall.WaitStatus{}}
	var answer ready
	if s.options, err = setup(config); err != nil {
		answer.Error = err.Error()
	}
	warmThreads()
	died := make(chan os.Signal, 1)
	signal.Notify(died, syscall.SIGCHLD) // before anything can die: what is not announced is never waited for
	go s.reap(died)
	line, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	if _, err := conn.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("report to the host: %w", err)
	}
	go s.accept()
	for {
		select {
		case st := <-s.starts:
			st.done <- s.fork(st)
		case <-s.ended:
			s.stopping.Store(true)
			if s.options.Tree {
				killChildren()
			}
			return nil
		}
	}
}

// readLine reads a line and no byte more: descriptors may come with the next one.
func readLine(conn *net.UnixConn) ([]byte, error) {
	var line []byte
	one := make([]byte, 1)
	for len(line) < lineLimit {
		if _, err := conn.Read(one); err != nil {
			return nil, err
		}
		if one[0] == '\n' {
			return line, nil
		}
		line = append(line, one[0])
	}
	return nil, fmt.Errorf("line of more than %d bytes", lineLimit)
}

// warmThreads makes the runtime create its threads now, while it still can: when the machine's own processes have used
// up its process limit, a thread that cannot be created would end the machine.
func warmThreads() {
	const threads = 8
	var started, finish, ended sync.WaitGroup
	started.Add(threads)
	finish.Add(1)
	for range threads {
		ended.Go(func() {
			runtime.LockOSThread() // so that each goroutine needs a thread of its own
			started.Done()
			finish.Wait()
			runtime.UnlockOSThread()
		})
	}
	started.Wait()
	finish.Done()
	ended.Wait()
}

type server struct {
	conn    *net.UnixConn
	options Options
	starts  chan start    // to the thread that forks
	ended   chan struct{} // closed when the host is gone
	// stopping keeps the deaths of commands that the end of the machine brings from being taken for their own.
	stopping atomic.Bool

	mu      sync.Mutex // guards the field below, and keeps reaping out of the moment between a fork and its entry
	running map[int]chan<- syscall.WaitStatus
}

type start struct {
	program string
	args    []string
	attr    *syscall.ProcAttr
	exited  chan syscall.WaitStatus
	done    chan started
}

type started struct {
	pid int
	err error
}

func (s *server) fork(st start) started {
	s.mu.Lock()
	defer s.mu.Unlock()
	pid, err := syscall.ForkExec(st.program, st.args, st.attr)
	if err == nil {
		s.running[pid] = st.exited
	}
	return started{pid, err}
}

// reap waits for all children, those that the machine's processes left to their first one too.
func (s *server) reap(died <-chan os.Signal) {
	for range died {
		for {
			s.mu.Lock()
			var status syscall.WaitStatus
			pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
			exited := s.running[pid]
			delete(s.running, pid)
			s.mu.Unlock()
			if errors.Is(err, syscall.EINTR) {
				continue
			}
			if err != nil || pid <= 0 {
				break
			}
			if exited != nil {
				exited <- status // has room for it
			}
		}
	}
}

// accept takes commands until the host is gone.
func (s *server) accept() {
	defer close(s.ended)
	var one [1]byte
	rights := make([]byte, syscall.CmsgSpace(4*4))
	for {
		n, rightsLen, _, _, err := s.conn.ReadMsgUnix(one[:], rights)
		if err != nil || n == 0 {
			return
		}
		fds, err := descriptors(rights[:rightsLen])
		if err != nil || len(fds) != 4 {
			closeAll(fds) // the host sees its command's socket close
			continue
		}
		go s.handle(fds)
	}
}

func descriptors(rights []byte) ([]int, error) {
	messages, err := syscall.ParseSocketControlMessage(rights)
	if err != nil {
		return nil, err
	}
	var fds []int
	for _, m := range messages {
		got, err := syscall.ParseUnixRights(&m)
		if err != nil {
			return fds, err
		}
		fds = append(fds, got...)
	}
	for _, fd := range fds {
		syscall.CloseOnExec(fd) // where it does not arrive so; a fork in between is ruled out by nothing but its rarity
	}
	return fds, nil
}

func closeAll(fds []int) {
	for _, fd := range fds {
		_ = syscall.Close(fd)
	}
}

// handle runs one command.
func (s *server) handle(fds []int) {
	conn, err := unixConn(os.NewFile(uintptr(fds[0]), "command"))
	if err != nil {
		closeAll(fds[1:])
		return
	}
	defer func() { _ = conn.Close() }()
	requests := bufio.NewReader(conn)
	r, err := nextRequest(requests)
	if err != nil || len(r.Args) == 0 {
		closeAll(fds[1:])
		return
	}
	exited := make(chan syscall.WaitStatus, 1)
	pid, fail := s.start(r, fds[1:], exited)
	closeAll(fds[1:])
	if fail != nil {
		tell(conn, report{Failure: fail})
		return
	}
	tell(conn, report{Started: true})
	go s.control(pid, requests)
	status := <-exited
	if s.stopping.Load() {
		return
	}
	end := report{Exited: true, Code: status.ExitStatus()}
	if status.Signaled() {
		end.Signal, end.Code = status.Signal(), 128+int(status.Signal())
	}
	tell(conn, end)
}

// control passes signals on until the host closes the command's socket; if the command still runs then, it is killed.
func (s *server) control(pid int, requests *bufio.Reader) {
	for {
		r, err := nextRequest(requests)
		s.mu.Lock() // while it is held and the entry there, the number is not another process's
		_, runs := s.running[pid]
		switch {
		case !runs:
		case err != nil || r.Kill:
			killTree(pid)
			_ = syscall.Kill(-pid, syscall.SIGKILL) // its group may hold what it does not descend from any more
		case r.Signal > 0:
			_ = syscall.Kill(-pid, r.Signal)
		}
		s.mu.Unlock()
		if err != nil || !runs {
			return
		}
	}
}

func nextRequest(requests *bufio.Reader) (request, error) {
	var r request
	line, err := requests.ReadBytes('\n')
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(line, &r)
}

func tell(conn *net.UnixConn, r report) {
	if line, err := json.Marshal(r); err == nil {
		_, _ = conn.Write(append(line, '\n')) // a host that is gone is noticed elsewhere
	}
}

func (s *server) start(r request, stdio []int, exited chan syscall.WaitStatus) (int, *failure) {
	attr := s.options.Attr
	attr.Setsid = true // the session's and the group's number is the process's, so that signals reach all of the group
	attr.Setctty = r.Terminal
	who, err := lookupUser(s.options.Root, r.User)
	if err != nil {
		return 0, fail("user "+r.User, err)
	}
	if who != nil {
		if int(who.Uid) != os.Geteuid() || int(who.Gid) != os.Getegid() {
			if s.options.OneUser || os.Geteuid() != 0 {
				return 0, &failure{Kind: kindUnsupported, Text: fmt.Sprintf(
					"run as user %q: the machine has a single user", r.User)}
			}
		}
		if !s.options.OneUser && os.Geteuid() == 0 {
			attr.Credential = who
		}
	}
	dir := filepath.Join(s.options.Root, r.Dir)
	if info, err := os.Stat(dir); err != nil {
		return 0, fail("working folder "+r.Dir, err)
	} else if !info.IsDir() {
		return 0, fail("working folder "+r.Dir, syscall.ENOTDIR)
	}
	program, err := lookup(r.Args[0], dir, r.Env)
	if err != nil {
		return 0, fail(r.Args[0], err)
	}
	files := make([]uintptr, len(stdio))
	for i, fd := range stdio {
		files[i] = uintptr(fd)
	}
	st := start{program: program, args: r.Args, exited: exited, done: make(chan started, 1),
		attr: &syscall.ProcAttr{Dir: dir, Env: r.Env, Files: files, Sys: &attr}}
	s.starts <- st
	result := <-st.done
	if result.err != nil {
		return 0, fail(program, result.err)
	}
	return result.pid, nil
}

func fail(what string, err error) *failure {
	f := &failure{Text: what}
	var errno syscall.Errno
	switch {
	case errors.Is(err, machine.ErrInvalid):
		f.Kind, f.Text = kindInvalid, what+": "+strings.TrimSuffix(err.Error(), ": "+machine.ErrInvalid.Error())
	case errors.As(err, &errno):
		f.Errno = errno
	case errors.Is(err, fs.ErrNotExist):
		f.Kind = kindNotFound
	default:
		f.Text += ": " + err.Error()
	}
	return f
}

// lookup finds a program as a shell does. A relative one is meant from the command's folder.
func lookup(name, dir string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil // the kernel resolves it after the change of folder
	}
	var search string
	for _, e := range env { // the last one counts, as for the C library's environment built in this order
		if value, ok := strings.CutPrefix(e, "PATH="); ok {
			search = value
		}
	}
	var refused error
	for _, folder := range filepath.SplitList(search) {
		candidate := filepath.Join(folder, name)
		if !filepath.IsAbs(candidate) {
			candidate = filepath.Join(dir, candidate)
		}
		info, err := os.Stat(candidate)
		if err != nil || info.IsDir() {
			continue
		}
		if info.Mode()&0o111 != 0 {
			return candidate, nil
		}
		refused = syscall.EACCES
	}
	if refused != nil {
		return "", refused
	}
	return "", fs.ErrNotExist
}
