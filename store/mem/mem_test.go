package mem_test

import (
	"testing"

	"drydock/store"
	"drydock/store/mem"
	"drydock/store/storetest"
)

func TestDriver(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) store.Driver { return mem.New() })
}

func BenchmarkDriver(b *testing.B) {
	storetest.Benchmark(b, func(*testing.B) store.Driver { return mem.New() })
}
