//go:build unix

package process_test

import (
	"os"
	"testing"

	"drydock/machine"
	"drydock/machine/machinetest"
	"drydock/machine/process"
)

func newDriver() (machine.Driver, error) { return process.New() }

func TestMain(m *testing.M) {
	process.Main()
	machinetest.Main(newDriver)
	os.Exit(m.Run())
}

func TestDriver(t *testing.T) {
	t.Parallel()
	machinetest.Run(t, newDriver)
}

func BenchmarkFirstCommand(b *testing.B) { machinetest.Benchmark(b, newDriver) }
