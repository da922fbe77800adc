package machinetest

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"drydock/clock"
	"drydock/machine"
)

// NewDriver makes the driver under test.
type NewDriver func() (machine.Driver, error)

// Run tests the driver. Main must have been called in TestMain.
func Run(t *testing.T, newDriver NewDriver) {
	s := &suite{newDriver: newDriver}
	for name, test := range map[string]func(*testing.T){
		"Exec":                     s.testExec,
		"Exec_RefusesNonsense":     s.testExecRefusesNonsense,
		"Exec_StreamsLive":         s.testExecStreamsLive,
		"Exec_PassesMuchOutput":    s.testExecPassesMuchOutput,
		"Exec_LeavesBackground":    s.testExecLeavesBackground,
		"Exec_ManyAtOnce":          s.testExecManyAtOnce,
		"Exec_Cancelled":           s.testExecCancelled,
		"Exec_Signalled":           s.testExecSignalled,
		"Exec_WriterFails":         s.testExecWriterFails,
		"Exec_BesideAnother":       s.testExecBesideAnother,
		"Exec_InATerminal":         s.testExecInATerminal,
		"Users":                    s.testUsers,
		"Isolation":                s.testIsolation,
		"Mounts":                   s.testMounts,
		"Files":                    s.testFiles,
		"Files_RefuseEscape":       s.testFilesRefuseEscape,
		"Limits":                   s.testLimits,
		"Network":                  s.testNetwork,
		"Stop_KillsTheTree":        s.testStopKillsTheTree,
		"Stop_EndsCommands":        s.testStopEndsCommands,
		"Start_AfterStop":          s.testStartAfterStop,
		"Host_KeepsItsDirectory":   s.testHostKeepsItsDirectory,
		"Host_FindsByLabel":        s.testHostFindsByLabel,
		"Clean_KeepsPersistent":    s.testCleanKeepsPersistent,
		"Clean_FollowsNoLink":      s.testCleanFollowsNoLink,
		"Crash_LeavesNothingAlive": s.testCrashLeavesNothingAlive,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

// Benchmark measures a machine from nothing to the end of its first command, and its removal.
func Benchmark(b *testing.B, newDriver NewDriver) {
	s := &suite{newDriver: newDriver}
	h := s.open(b, b.TempDir())
	var created, started, ran, removed time.Duration
	for b.Loop() {
		watch := clock.StartStopwatch()
		m, err := h.Create(b.Context(), machine.Spec{ID: "bench"})
		if err != nil {
			b.Fatal(err)
		}
		created += watch.Elapsed()
		watch = clock.StartStopwatch()
		if err := m.Start(b.Context()); err != nil {
			b.Fatal(err)
		}
		started += watch.Elapsed()
		watch = clock.StartStopwatch()
		if exit, err := m.Exec(b.Context(), machine.Command{Args: []string{"/bin/true"}}); err != nil || exit.Code != 0 {
			b.Fatal(exit, err)
		}
		ran += watch.Elapsed()
		watch = clock.StartStopwatch()
		if err := m.Remove(b.Context()); err != nil {
			b.Fatal(err)
		}
		removed += watch.Elapsed()
	}
	for name, spent := range map[string]time.Duration{"create": created, "start": started, "exec": ran, "remove": removed} {
		b.ReportMetric(float64(spent.Microseconds())/1000/float64(b.N), name+"-ms/op")
	}
}

type suite struct{ newDriver NewDriver }

func (s *suite) open(t testing.TB, dir string) *machine.Host {
	t.Helper()
	d, err := s.newDriver()
	if err != nil {
		t.Fatal(err)
	}
	h, err := machine.Open(dir, d, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil && !strings.Contains(err.Error(), os.ErrClosed.Error()) {
			t.Errorf("close: %v", err)
		}
	})
	return h
}

// create makes and starts a machine.
func create(t testing.TB, h *machine.Host, spec machine.Spec) *machine.Machine {
	t.Helper()
	m, err := h.Create(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return m
}

// boot opens a host in a new directory and starts one machine.
func (s *suite) boot(t testing.TB, spec machine.Spec) *machine.Machine {
	t.Helper()
	spec.ID = "m1"
	return create(t, s.open(t, t.TempDir()), spec)
}

// sh runs a script, and returns how it ended and its output.
func sh(t testing.TB, m *machine.Machine, script string) (int, string) {
	t.Helper()
	ctx, cancel := clock.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var out bytes.Buffer
	exit, err := m.Exec(ctx, machine.Command{Args: []string{"/bin/sh", "-c", script}, Stdout: &out, Stderr: &out})
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out.String())
	}
	return exit.Code, strings.TrimSpace(out.String())
}

// must runs a script that succeeds, and returns its output.
func must(t testing.TB, m *machine.Machine, script string) string {
	t.Helper()
	code, out := sh(t, m, script)
	if code != 0 {
		t.Fatalf("%s: exit code %d\n%s", script, code, out)
	}
	return out
}

// eventually waits until something real has happened.
func eventually(t testing.TB, what string, happened func() bool) {
	t.Helper()
	ctx, cancel := clock.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for !happened() {
		if err := clock.Pause(ctx, 5*time.Millisecond); err != nil {
			t.Fatalf("waiting for %s: %v", what, err)
		}
	}
}
