package namespace_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"testing"

	"drydock/machine"
	"drydock/machine/machinetest"
	"drydock/machine/namespace"
)

func newDriver() (machine.Driver, error) { return namespace.New(namespace.Options{}) }

func TestMain(m *testing.M) {
	namespace.Main()
	machinetest.Main(newDriver)
	os.Exit(m.Run())
}

func TestDriver(t *testing.T) {
	t.Parallel()
	machinetest.Run(t, newDriver)
}

func BenchmarkFirstCommand(b *testing.B) { machinetest.Benchmark(b, newDriver) }

func TestHostImage_ToolchainsRun(t *testing.T) {
	t.Parallel()
	d, err := newDriver()
	if err != nil {
		t.Fatal(err)
	}
	h, err := machine.Open(t.TempDir(), d, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	m, err := h.Create(t.Context(), machine.Spec{ID: "m", Env: []string{"HOME=/root"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, tool := range [][]string{{"go", "version"}, {"git", "--version"}} { // what the product itself needs is here
		var out bytes.Buffer
		exit, err := m.Exec(t.Context(), machine.Command{Args: tool, Stdout: &out, Stderr: &out})
		if err != nil || exit.Code != 0 {
			t.Errorf("%v: %+v, %v\n%s", tool, exit, err, out.String())
		}
	}
}
