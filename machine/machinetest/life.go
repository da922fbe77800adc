package machinetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"drydock/machine"
)

// newMark is an argument that no other process on this computer has.
func newMark(t testing.TB) string {
	t.Helper()
	name := filepath.Join(os.TempDir(), "drydock-mark-"+rand.Text())
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(name) })
	return "--max-unchanged-stats=9" + fmt.Sprint(hash(name))
}

func hash(s string) (n uint32) {
	for _, c := range []byte(s) {
		n = n*31 + uint32(c)
	}
	return n
}

// findMarked lists the living processes on the host that have the mark among their arguments.
func findMarked(t testing.TB, mark string) []string {
	t.Helper()
	out, err := exec.Command("ps", "axww", "-o", "pid=,stat=,args=").Output()
	if err != nil {
		t.Fatalf("list processes: %v", err)
	}
	var found []string
	for line := range strings.Lines(string(out)) {
		if fields := strings.Fields(line); len(fields) > 2 && fields[1][0] != 'Z' && slices.Contains(fields[2:], mark) {
			found = append(found, line)
		}
	}
	return found
}

func (s *suite) testStopKillsTheTree(t *testing.T) {
	m := s.boot(t, machine.Spec{})
	mark := newMark(t)
	p, err := m.Spawn(t.Context(), machine.Command{Args: []string{"sh", "-c", marked(mark)}})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "start of the tree", func() bool { return len(findMarked(t, mark)) >= 3 })
	if err := m.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := findMarked(t, mark); len(left) != 0 {
		t.Errorf("after the stop there is still\n%s", strings.Join(left, ""))
	}
	if exit, err := p.Wait(); !errors.Is(err, machine.ErrNotRunning) {
		t.Errorf("the command ended with %v, %v; want machine.ErrNotRunning", exit, err)
	}
	select {
	case <-m.Done():
	default:
		t.Error("a stopped machine is not done")
	}
	if err := m.Stop(t.Context()); err != nil {
		t.Errorf("second stop: %v", err)
	}
}

func (s *suite) testStopEndsCommands(t *testing.T) {
	h := s.open(t, t.TempDir())
	m, err := h.Create(t.Context(), machine.Spec{ID: "a"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Exec(t.Context(), machine.Command{Args: []string{"true"}}); !errors.Is(err, machine.ErrNotRunning) {
		t.Errorf("before the start: %v", err)
	}
	if err := m.Stop(t.Context()); err != nil {
		t.Errorf("stop before the start: %v", err)
	}
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := m.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Exec(t.Context(), machine.Command{Args: []string{"true"}}); !errors.Is(err, machine.ErrNotRunning) {
		t.Errorf("after removal: %v", err)
	}
	if err := m.Start(t.Context()); !errors.Is(err, machine.ErrNotRunning) {
		t.Errorf("start after removal: %v", err)
	}
	if h.Machine("a") != nil {
		t.Error("a removed machine is still known")
	}
}

func (s *suite) testStartAfterStop(t *testing.T) {
	m := s.boot(t, machine.Spec{})
	must(t, m, "echo kept >"+m.Path("/srv/file"))
	for range 3 {
		if err := m.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := m.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := must(t, m, "cat "+m.Path("/srv/file")); got != "kept" {
			t.Fatalf("file is %q", got)
		}
	}
	if err := m.Start(t.Context()); err != nil {
		t.Errorf("start of a running machine: %v", err)
	}
}

func (s *suite) testHostKeepsItsDirectory(t *testing.T) {
	dir := t.TempDir()
	h := s.open(t, dir)
	d, err := s.newDriver()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := machine.Open(dir, d, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("two hosts share a directory")
	}
	m := create(t, h, machine.Spec{ID: "one"})
	if _, err := h.Create(t.Context(), machine.Spec{ID: "one"}); !errors.Is(err, machine.ErrExists) {
		t.Errorf("second machine of an ID: %v", err)
	}
	for _, id := range []string{"", ".", "..", "a/b", ".hidden", strings.Repeat("x", 129), "a\x00"} {
		if _, err := h.Create(t.Context(), machine.Spec{ID: id}); !errors.Is(err, machine.ErrInvalid) {
			t.Errorf("machine id %q: %v", id, err)
		}
	}
	if _, err := h.Create(t.Context(), machine.Spec{ID: "x", Image: "no/such:image"}); !errors.Is(err, machine.ErrUnsupported) {
		t.Errorf("unknown image: %v", err)
	}
	if err := h.Clean(t.Context()); err != nil {
		t.Fatal(err)
	}
	must(t, m, "true") // Clean is for what others left
	if err := h.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "[a-z]*")); err != nil || len(left) != 0 {
		t.Errorf("left in the directory: %v, %v", left, err)
	}
}

func (s *suite) testHostFindsByLabel(t *testing.T) {
	h := s.open(t, t.TempDir())
	for _, id := range []string{"b", "a", "c"} {
		labels := map[string]string{"service": "codebuild", "id": id}
		if _, err := h.Create(t.Context(), machine.Spec{ID: id, Labels: labels}); err != nil {
			t.Fatal(err)
		}
	}
	for want, labels := range map[string]map[string]string{
		"a b c": nil, "b": {"id": "b"}, "a b c ": {"service": "codebuild"}, "": {"service": "ec2"},
	} {
		var ids []string
		for _, m := range h.List(labels) {
			ids = append(ids, m.ID())
		}
		if got := strings.Join(ids, " "); got != strings.TrimSpace(want) {
			t.Errorf("with %v: %q, want %q", labels, got, want)
		}
	}
}

func (s *suite) testCleanKeepsPersistent(t *testing.T) {
	dir := t.TempDir()
	h := s.open(t, dir)
	m := create(t, h, machine.Spec{ID: "disk", Persistent: true})
	must(t, m, "echo kept >"+m.Path("/srv/file"))
	if err := h.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	h = s.open(t, dir)
	if err := h.Clean(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Create(t.Context(), machine.Spec{ID: "disk"}); !errors.Is(err, machine.ErrExists) {
		t.Errorf("a machine that is not persistent takes over a persistent one's files: %v", err)
	}
	m = create(t, h, machine.Spec{ID: "disk", Persistent: true})
	if got := must(t, m, "cat "+m.Path("/srv/file")); got != "kept" {
		t.Errorf("file is %q", got)
	}
	if err := m.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "disk")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("files of a removed machine: %v", err)
	}
}

func (s *suite) testCleanFollowsNoLink(t *testing.T) {
	dir, precious := t.TempDir(), t.TempDir()
	file := filepath.Join(precious, "file")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(dir, "left", "root", "locked")
	if err := os.MkdirAll(left, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, link := range []string{filepath.Join(dir, "link"), filepath.Join(left, "link")} {
		if err := os.Symlink(precious, link); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(left, 0o500); err != nil { // as a module cache is
		t.Fatal(err)
	}
	if err := s.open(t, dir).Clean(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "left")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("folder that was left: %v", err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Errorf("file behind a link: %v", err)
	}
}

// crashName is how the test binary knows that it is the process that is to be killed.
const crashName = "drydock-machinetest-crash"

// Main must be called in TestMain, after the driver's own. In a process that was started by the crash test it does not
// return.
func Main(newDriver NewDriver) {
	if os.Args[0] != crashName {
		return
	}
	err := func() error {
		d, err := newDriver()
		if err != nil {
			return err
		}
		h, err := machine.Open(os.Args[1], d, slog.New(slog.DiscardHandler))
		if err != nil {
			return err
		}
		ctx := context.Background()
		m, err := h.Create(ctx, machine.Spec{ID: "victim", Limits: machine.Limits{MemoryBytes: 512 << 20, Processes: 100, CPUs: 1}})
		if err != nil {
			return err
		}
		if err := m.Start(ctx); err != nil {
			return err
		}
		_, err = m.Exec(ctx, machine.Command{Args: []string{"sh", "-c", marked(os.Args[2])}, Stdout: os.Stdout, Stderr: os.Stderr})
		return err
	}()
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func (s *suite) testCrashLeavesNothingAlive(t *testing.T) {
	dir, mark := t.TempDir(), newMark(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	victim := &exec.Cmd{Path: self, Args: []string{crashName, dir, mark}, Stderr: &said, Env: os.Environ()}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- victim.Wait() }()
	eventually(t, "start of the tree", func() bool {
		select {
		case err := <-ended:
			t.Fatalf("the victim ended by itself: %v\n%s", err, said.String())
		default:
		}
		return len(findMarked(t, mark)) >= 4 // one is the victim itself
	})
	before := controlGroups(t, dir)
	if err := victim.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-ended //nolint:errcheck // it was killed
	eventually(t, "death of the victim's machine", func() bool { return len(findMarked(t, mark)) == 0 })
	if _, err := os.Stat(filepath.Join(dir, "victim")); err != nil {
		t.Fatalf("the killed process cleaned up: %v", err)
	}
	h := s.open(t, dir)
	if err := h.Clean(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "victim")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("folder after the cleaning: %v", err)
	}
	for _, g := range before {
		if _, err := os.Stat(g); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("control group after the cleaning: %s: %v", g, err)
		}
	}
	m := create(t, h, machine.Spec{ID: "victim"})
	if got := must(t, m, "echo alive"); got != "alive" {
		t.Errorf("output is %q", got)
	}
}

// controlGroups lists the control groups named in the files that a driver keeps beside its machines' roots.
func controlGroups(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no record of any machine: %v", err)
	}
	var groups []string
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for word := range strings.SplitSeq(string(data), `"`) {
			if strings.HasPrefix(word, "/sys/fs/cgroup/") {
				if _, err := os.Stat(word); err != nil {
					t.Errorf("recorded control group: %v", err)
				}
				groups = append(groups, word)
			}
		}
	}
	return groups
}
