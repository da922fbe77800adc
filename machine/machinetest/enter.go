package machinetest

import (
	"errors"
	"io"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"

	"drydock/machine"
)

// testExecBesideAnother enters a machine in which a command waits: what enters sees the other's files and processes, may
// end its wait, and dies with the machine.
func (s *suite) testExecBesideAnother(t *testing.T) {
	m := s.boot(t, machine.Spec{})
	file := m.Path("/srv/file")
	waiting, err := m.Spawn(t.Context(), machine.Command{Args: []string{"sh", "-c", "echo seen >" + file + "; while test -e " + file + "; do sleep 0.05; done; exit 6"}})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the waiting command's file", func() bool {
		_, out := sh(t, m, "cat "+file+" 2>/dev/null")
		return out == "seen"
	})
	must(t, m, "ps ax | grep -v grep | grep -q 'while test -e'; rm "+file)
	if exit, err := waiting.Wait(); err != nil || exit.Code != 6 {
		t.Fatal(exit, err)
	}
	mark := newMark(t)
	entered, err := m.Spawn(t.Context(), machine.Command{Args: []string{"sh", "-c", marked(mark)}})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "start of the tree", func() bool { return len(findMarked(t, mark)) >= 3 })
	if err := m.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if exit, err := entered.Wait(); !errors.Is(err, machine.ErrNotRunning) {
		t.Errorf("what entered ended with %v, %v; want machine.ErrNotRunning", exit, err)
	}
	if left := findMarked(t, mark); len(left) != 0 {
		t.Errorf("after the stop there is still\n%s", strings.Join(left, ""))
	}
}

// screen keeps what a terminal shows.
type screen struct {
	mu   sync.Mutex // guards the field below
	text strings.Builder
}

// Write takes what is shown.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) shows(pattern string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return regexp.MustCompile(pattern).MatchString(s.text.String())
}

func (s *suite) testExecInATerminal(t *testing.T) {
	m := s.boot(t, machine.Spec{})
	var shown screen
	keys, typed := io.Pipe()
	defer func() { _ = typed.Close() }()
	p, err := m.Spawn(t.Context(), machine.Command{
		Args:  []string{"sh", "-c", "test -t 0 && test -t 1 && test -t 2 && echo a terminal; stty size; read line; stty size; echo \"got $line\" >/dev/tty; trap 'echo interrupted; exit 4' INT; echo ready; while :; do sleep 0.05; done"},
		Stdin: keys, Stdout: &shown, Terminal: &machine.Terminal{Rows: 31, Cols: 101},
	})
	if runtime.GOOS != "linux" {
		if !errors.Is(err, machine.ErrUnsupported) {
			t.Errorf("error is %v, want machine.ErrUnsupported", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the first size", func() bool { return shown.shows(`a terminal\r\n31 101\r\n`) })
	if err := p.Resize(machine.Terminal{Rows: 40, Cols: 120}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(typed, "hello\n"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the answer", func() bool { return shown.shows(`hello\r\n40 120\r\ngot hello\r\nready`) })
	if _, err := typed.Write([]byte{3}); err != nil { // the key that interrupts
		t.Fatal(err)
	}
	if exit, err := p.Wait(); err != nil || exit.Code != 4 || !shown.shows("interrupted") {
		t.Fatal(exit, err, shown.text.String())
	}
	if err := p.Resize(machine.Terminal{Rows: 1, Cols: 1}); err != nil {
		t.Errorf("resize after the end: %v", err)
	}
}
