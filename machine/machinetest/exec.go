package machinetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"drydock/clock"
	"drydock/machine"
)

func (s *suite) testExec(t *testing.T) {
	m := s.boot(t, machine.Spec{Env: []string{"FROM=spec", "BOTH=spec"}})
	for name, c := range map[string]struct {
		command machine.Command
		exit    machine.Exit
		out     string
	}{
		"exit code":     {machine.Command{Args: []string{"sh", "-c", "exit 7"}}, machine.Exit{Code: 7}, ""},
		"signal":        {machine.Command{Args: []string{"sh", "-c", "kill -TERM $$"}}, machine.Exit{Code: 143, Signal: syscall.SIGTERM}, ""},
		"arguments":     {machine.Command{Args: []string{"sh", "-c", `printf '[%s]' "$@"`, "sh", "a b", "", "ü\n"}}, machine.Exit{}, "[a b][][ü\n]"},
		"streams":       {machine.Command{Args: []string{"sh", "-c", "echo one; echo two >&2; echo three"}}, machine.Exit{}, "one\ntwo\nthree\n"},
		"input":         {machine.Command{Args: []string{"cat"}, Stdin: strings.NewReader("hello")}, machine.Exit{}, "hello"},
		"no input":      {machine.Command{Args: []string{"cat"}}, machine.Exit{}, ""},
		"unread input":  {machine.Command{Args: []string{"true"}, Stdin: strings.NewReader(strings.Repeat("x", 1<<20))}, machine.Exit{}, ""},
		"environment":   {machine.Command{Args: []string{"sh", "-c", "echo $FROM $BOTH $OWN"}, Env: []string{"OWN=own", "BOTH=own"}}, machine.Exit{}, "spec own own\n"},
		"nothing else":  {machine.Command{Args: []string{"/usr/bin/env"}, Env: []string{"PATH=/bin", "HOME=/h", "TMPDIR=/t"}}, machine.Exit{}, "FROM=spec\nBOTH=spec\nPATH=/bin\nHOME=/h\nTMPDIR=/t\n"},
		"folder":        {machine.Command{Args: []string{"sh", "-c", `test "$(pwd)" = "$WANT" && echo yes`}, Dir: "/tmp", Env: []string{"WANT=" + m.Path("/tmp")}}, machine.Exit{}, "yes\n"},
		"own signals":   {machine.Command{Args: []string{"sh", "-c", "trap 'echo caught; exit 3' TERM; kill -TERM $$; sleep 9"}}, machine.Exit{Code: 3}, "caught\n"},
		"no descriptor": {machine.Command{Args: []string{"sh", "-c", "ls /proc/self/fd 2>/dev/null | wc -l | tr -d ' '"}}, machine.Exit{}, "4\n"}, // 0, 1, 2 and the folder's
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			c.command.Stdout, c.command.Stderr = &out, &out
			exit, err := m.Exec(t.Context(), c.command)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.exit, exit); diff != "" {
				t.Errorf("exit (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.out, out.String()); diff != "" {
				t.Errorf("output (-want +got):\n%s", diff)
			}
		})
	}
}

func (s *suite) testExecRefusesNonsense(t *testing.T) {
	m := s.boot(t, machine.Spec{})
	for name, c := range map[string]struct {
		command machine.Command
		want    error
	}{
		"no program":       {machine.Command{}, machine.ErrInvalid},
		"unknown program":  {machine.Command{Args: []string{"no-such-program"}}, fs.ErrNotExist},
		"unknown path":     {machine.Command{Args: []string{"/no/such/program"}}, fs.ErrNotExist},
		"not executable":   {machine.Command{Args: []string{m.Path("/etc/passwd")}}, fs.ErrPermission},
		"unknown folder":   {machine.Command{Args: []string{"true"}, Dir: "/no/such"}, fs.ErrNotExist},
		"relative folder":  {machine.Command{Args: []string{"true"}, Dir: "tmp"}, machine.ErrInvalid},
		"unknown user":     {machine.Command{Args: []string{"true"}, User: "nosuchuser"}, machine.ErrInvalid},
		"zero byte":        {machine.Command{Args: []string{"true", "\x00"}}, machine.ErrInvalid},
		"odd environment":  {machine.Command{Args: []string{"true"}, Env: []string{"novalue"}}, machine.ErrInvalid},
		"too much of args": {machine.Command{Args: []string{"true", strings.Repeat("x", 1<<20)}}, syscall.E2BIG},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := m.Exec(t.Context(), c.command); !errors.Is(err, c.want) {
				t.Errorf("error is %v, want %v", err, c.want)
			}
		})
	}
}

func (s *suite) testExecStreamsLive(t *testing.T) {
	m := s.boot(t, machine.Spec{})
	input, feed := io.Pipe()
	output, out := io.Pipe()
	p, err := m.Spawn(t.Context(), machine.Command{Args: []string{"sh", "-c", "while read line; do echo got $line; done"}, Stdin: input, Stdout: out})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 { // each answer comes before the next question
		if _, err := fmt.Fprintln(feed, i); err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("got %d\n", i)
		got := make([]byte, len(want))
		if _, err := io.ReadFull(output, got); err != nil || string(got) != want {
			t.Fatalf("output is %q, %v; want %q", got, err, want)
		}
	}
	if err := feed.Close(); err != nil {
		t.Fatal(err)
	}
	if exit, err := p.Wait(); err != nil || exit.Code != 0 {
		t.Fatal(exit, err)
	}
}

type counter struct {
	n     int64
	after func()
}

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	if c.after != nil {
		c.after()
	}
	return len(p), nil
}

func (s *suite) testExecPassesMuchOutput(t *testing.T) {
	m := s.boot(t, machine.Spec{})
	const size = 64 << 20
	var out, slow counter
	command := machine.Command{Args: []string{"sh", "-c", fmt.Sprintf("head -c %d /dev/zero", size)}, Stdout: &out}
	if exit, err := m.Exec(t.Context(), command); err != nil || exit.Code != 0 || out.n != size {
		t.Fatal(exit, err, out.n)
	}
	// A slow writer loses nothing of what is in the pipe when the command ends, though its output is held open.
	slow.after = func() { _ = clock.Pause(t.Context(), 150*time.Millisecond) }
	command = machine.Command{Args: []string{"sh", "-c", "head -c 262144 /dev/zero; sleep 60 &"}, Stdout: &slow}
	if exit, err := m.Exec(t.Context(), command); err != nil || exit.Code != 0 || slow.n != 262144 {
		t.Fatal(exit, err, slow.n)
	}
}

func (s *suite) testExecLeavesBackground(t *testing.T) {
	m := s.boot(t, machine.Spec{})
	for name, script := range map[string]string{
		"silent":  "sleep 60 & echo $! >" + m.Path("/tmp/silent") + "; echo done",
		"chatty":  "yes >&2 & echo $! >" + m.Path("/tmp/chatty") + "; echo done",
		"session": "setsid sleep 60 & echo $! >" + m.Path("/tmp/session") + "; echo done",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			watch := clock.StartStopwatch()
			exit, err := m.Exec(t.Context(), machine.Command{Args: []string{"sh", "-c", script}, Stdout: &out, Stderr: io.Discard})
			if err != nil || exit.Code != 0 || out.String() != "done\n" {
				t.Fatal(exit, err, out.String())
			}
			if took := watch.Elapsed(); took > 20*time.Second {
				t.Errorf("a process in the background held the command up for %v", took)
			}
			if name != "chatty" { // which is dead of its broken pipe
				must(t, m, "kill -0 $(cat "+m.Path("/tmp/"+name)+")")
			}
		})
	}
}

func (s *suite) testExecManyAtOnce(t *testing.T) {
	m := s.boot(t, machine.Spec{})
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			var out bytes.Buffer
			exit, err := m.Exec(t.Context(), machine.Command{Args: []string{"sh", "-c", fmt.Sprintf("echo %d; exit %d", i, i)}, Stdout: &out})
			if err != nil || exit.Code != i || out.String() != fmt.Sprintln(i) {
				t.Error(i, exit, err, out.String())
			}
		})
	}
	all.Wait()
}

// marked is a script whose processes can be told from all others on this computer, by an argument of theirs.
func marked(mark string) string {
	return fmt.Sprintf("tail -f /dev/null %[1]s & setsid tail -f /dev/null %[1]s & (tail -f /dev/null %[1]s &) ; echo ready; wait", mark)
}

func (s *suite) testExecCancelled(t *testing.T) {
	m := s.boot(t, machine.Spec{})
	ctx, cancel := context.WithCancelCause(t.Context())
	because := errors.New("because")
	ready := &counter{after: func() { cancel(because) }}
	mark := newMark(t)
	exit, err := m.Exec(ctx, machine.Command{Stdout: ready,
		Args: []string{"sh", "-c", "sh -c 'tail -f /dev/null " + mark + "' & sh -c 'setsid tail -f /dev/null " + mark + "' & " +
			"while ! ps axww 2>/dev/null | grep -q 'tail -f'; do :; done; echo ready; wait"}})
	if !errors.Is(err, because) {
		t.Fatal(exit, err)
	}
	eventually(t, "death of the cancelled command's tree", func() bool { return len(findMarked(t, mark)) == 0 })
	must(t, m, "true") // the machine lives
	if _, err := m.Exec(ctx, machine.Command{Args: []string{"true"}}); !errors.Is(err, because) {
		t.Errorf("a cancelled context starts a command: %v", err)
	}
}

func (s *suite) testExecSignalled(t *testing.T) {
	m := s.boot(t, machine.Spec{})
	started := make(chan struct{})
	var once sync.Once
	p, err := m.Spawn(t.Context(), machine.Command{Stdout: &counter{after: func() { once.Do(func() { close(started) }) }},
		Args: []string{"sh", "-c", "trap 'exit 5' INT; echo ready; while :; do sleep 0.05; done"}})
	if err != nil {
		t.Fatal(err)
	}
	<-started
	if err := p.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if exit, err := p.Wait(); err != nil || exit.Code != 5 {
		t.Fatal(exit, err)
	}
	if err := p.Signal(syscall.SIGINT); err != nil {
		t.Errorf("signal after the end: %v", err)
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func (s *suite) testExecWriterFails(t *testing.T) {
	m := s.boot(t, machine.Spec{})
	broken := errors.New("disk full")
	exit, err := m.Exec(t.Context(), machine.Command{Args: []string{"sh", "-c", "head -c 1000000 /dev/zero; exit 4"}, Stdout: brokenWriter{broken}})
	if !errors.Is(err, broken) || exit.Code != 4 {
		t.Fatal(exit, err)
	}
}
