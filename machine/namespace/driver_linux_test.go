package namespace_test

import (
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
