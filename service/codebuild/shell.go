package codebuild

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"drydock/machine"
)

// scratch is the machine's folder for the build's own files: the scripts of commands, and what a shell leaves to the
// one that follows it. CodeBuild has the same.
const scratch = "/codebuild/output/tmp"

// shell runs a build's commands one after the other. From version 0.2 of the build specification on they share one
// process, so that folders, variables and functions last. A command that ends the process, as `exit` does, or a change
// of user is followed by a new one, which takes over folder and variables.
//
// The process reads its commands from a pipe, each as a line that sources the command's file, followed by one that
// reports the exit code between the lines of the output, where it cannot overtake any.
type shell struct {
	machine *machine.Machine
	program string   // "/bin/sh" or "bash"
	env     []string // of the first process
	dir     string   // where the first process begins, as the machine's processes name it
	shared  bool
	out     io.Writer
	token   string // marks reports; a build that prints it fools itself alone

	success string // NAME=value of the variable that tells whether the build succeeds so far
	count   int
	left    string // the name of the state that the last process left, if any
	user    string
	process *shellProcess
}

// shellProcess is a shell that waits for commands.
type shellProcess struct {
	stdin  *io.PipeWriter
	cancel context.CancelFunc
	marks  chan int      // exit codes as reported
	ended  chan struct{} // closed when the process has ended
	exit   machine.Exit  // set before
	err    error
	state  string
}

// run runs one command as a user and tells how it ended. An error tells that it could not be run.
func (s *shell) run(ctx context.Context, user, command string) (machine.Exit, error) {
	if s.process != nil && (s.user != user || !s.shared) {
		s.leave()
	}
	if s.process == nil {
		if err := s.start(ctx, user); err != nil {
			return machine.Exit{}, err
		}
	}
	file, err := s.write("script", command+"\n")
	if err != nil {
		return machine.Exit{}, err
	}
	return s.send(ctx, ". "+quote(file)+" </dev/null\n")
}

// evaluate returns what text is in double quotes of the shell.
func (s *shell) evaluate(ctx context.Context, text string, limit int) (string, error) {
	if s.process == nil {
		if err := s.start(ctx, s.user); err != nil {
			return "", err
		}
	}
	s.count++
	name := "value" + strconv.Itoa(s.count)
	to := s.machine.Path(path.Join(scratch, "state", name))
	// A file, as for commands: what is not closed in it ends with it, instead of waiting for more.
	file, err := s.write("expand", `printf '%s' "`+strings.ReplaceAll(text, `"`, `\"`)+`" >`+quote(to)+"\n")
	if err != nil {
		return "", err
	}
	exit, err := s.send(ctx, ". "+quote(file)+" </dev/null\n")
	if err != nil {
		return "", err
	}
	if reason := exitReason(exit); reason != "" {
		return "", fmt.Errorf("expand %q: %s", text, reason)
	}
	root, err := s.machine.OpenRoot(path.Join(scratch, "state"))
	if err != nil {
		return "", err
	}
	defer root.Close()
	f, err := root.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	out, err := io.ReadAll(io.LimitReader(f, int64(limit)))
	return strings.TrimRight(string(out), "\n"), err
}

// failing tells the commands that follow that the build has failed.
func (s *shell) failing() {
	s.success = "CODEBUILD_BUILD_SUCCEEDING=0"
	s.env = append(slices.Clone(s.env), s.success) // the last of a name counts
	if s.process != nil {
		_, _ = io.WriteString(s.process.stdin, "export "+s.success+"\n") // a process that has ended is followed by one with s.env
	}
}

// write puts a file for the machine's processes into the scratch folder and returns their name for it.
func (s *shell) write(kind, text string) (string, error) {
	s.count++
	root, err := s.machine.OpenRoot(scratch)
	if err != nil {
		return "", err
	}
	defer root.Close()
	name := kind + strconv.Itoa(s.count) + ".sh"
	if err := root.WriteFile(name, []byte(text), 0o644); err != nil {
		return "", err
	}
	return s.machine.Path(path.Join(scratch, name)), nil
}

// start starts a process that goes on where the last one stopped.
func (s *shell) start(ctx context.Context, user string) error {
	s.user = user
	ctx, cancel := context.WithCancel(ctx)
	stdinReader, stdin := io.Pipe()
	p := &shellProcess{stdin: stdin, cancel: cancel, marks: make(chan int, 1), ended: make(chan struct{})}
	out := &markWriter{out: s.out, mark: []byte("\x01" + s.token + " "), found: func(code int) {
		select {
		case p.marks <- code:
		case <-ctx.Done():
		}
	}}
	process, err := s.machine.Spawn(ctx, machine.Command{
		Args: []string{s.program, "-s"}, Env: s.env, Dir: "/", User: user, Stdin: stdinReader, Stdout: out, Stderr: out,
	})
	if err != nil {
		cancel()
		return err
	}
	go func() {
		p.exit, p.err = process.Wait()
		close(p.ended)
		cancel()
		_ = stdinReader.CloseWithError(machine.ErrNotRunning)
	}()
	s.process = p
	s.count++
	p.state = "shell" + strconv.Itoa(s.count)
	save := s.machine.Path(path.Join(scratch, "state", p.state))
	var text strings.Builder
	fmt.Fprintf(&text, "cd %s\n", quote(s.dir))
	if s.left != "" {
		left := quote(s.machine.Path(path.Join(scratch, "state", s.left)))
		// The state is of a shell of the same kind, which wrote it as input for itself; what is read-only there is so here.
		fmt.Fprintf(&text, "if [ -r %[1]s.v ]; then . %[1]s.v 2>/dev/null; . %[1]s.x; cd \"$(cat %[1]s.d)\"; fi\n", left)
		text.WriteString("export " + s.success + "\n")
	}
	fmt.Fprintf(&text, "trap 'pwd >%[1]s.d; export -p >%[1]s.x; if [ -n \"$BASH_VERSION\" ]; then declare -p; declare -f; else set; fi >%[1]s.v 2>/dev/null' EXIT\n", save)
	init, err := s.write("env", text.String())
	if err != nil {
		return err
	}
	exit, err := s.send(ctx, "exec 3>&1\n. "+quote(init)+" </dev/null\n")
	if err == nil && exit.Code != 0 {
		err = fmt.Errorf("the shell did not start: %s", exitReason(exit))
	}
	return err
}

// send gives the process a line and waits for its report.
func (s *shell) send(ctx context.Context, line string) (machine.Exit, error) {
	p := s.process
	text := line + "printf '\\001%s %d\\001' " + s.token + " \"$?\" >&3\n"
	if _, err := io.WriteString(p.stdin, text); err != nil {
		<-p.ended
	}
	select {
	case code := <-p.marks:
		return machine.Exit{Code: code}, nil
	case <-p.ended:
		select {
		case code := <-p.marks: // the process ended after its report
			return machine.Exit{Code: code}, nil
		default:
		}
		s.process, s.left = nil, p.state
		if p.err != nil {
			return machine.Exit{}, p.err
		}
		return p.exit, nil
	case <-ctx.Done():
		return machine.Exit{}, context.Cause(ctx)
	}
}

// leave ends the process, which saves its state.
func (s *shell) leave() {
	p := s.process
	_ = p.stdin.Close()
	<-p.ended
	s.process, s.left = nil, p.state
	if !s.shared {
		s.left = ""
	}
}

// abandon kills the process without waiting for what it says.
func (s *shell) abandon() {
	if s.process != nil {
		s.process.cancel()
		_ = s.process.stdin.CloseWithError(errors.New("abandoned"))
		s.process = nil
	}
}

// quote makes one word of text for a shell.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// markWriter takes the reports out of a shell's output.
type markWriter struct {
	out   io.Writer
	mark  []byte // \x01TOKEN and a blank; a number and \x01 follow
	found func(code int)

	mu    sync.Mutex // guards the field below
	carry []byte     // the beginning of what may become a report
}

// maxCode is the length of an exit code with the byte that ends it.
const maxCode = 4

// Write passes p on, except for reports.
func (w *markWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	rest := p
	if len(w.carry) > 0 {
		rest = append(w.carry, p...)
		w.carry = nil
	}
	for len(rest) > 0 {
		i := bytes.IndexByte(rest, 1)
		if i < 0 {
			i = len(rest)
		}
		if i > 0 {
			if _, err := w.out.Write(rest[:i]); err != nil {
				return 0, err
			}
			rest = rest[i:]
			continue
		}
		if len(rest) < len(w.mark) && bytes.HasPrefix(w.mark, rest) {
			w.carry = bytes.Clone(rest)
			break
		}
		after, ok := bytes.CutPrefix(rest, w.mark)
		end := bytes.IndexByte(after, 1)
		if ok && end < 0 && len(after) < maxCode {
			w.carry = bytes.Clone(rest)
			break
		}
		if code, err := strconv.Atoi(string(after[:max(end, 0)])); ok && err == nil && end < maxCode {
			w.found(code)
			rest = after[end+1:]
			continue
		}
		if _, err := w.out.Write(rest[:1]); err != nil {
			return 0, err
		}
		rest = rest[1:]
	}
	return len(p), nil
}
