package namespace_test

import (
	"os"
	"testing"

	"drydock/machine/namespace"
)

func TestMain(m *testing.M) {
	namespace.Main()
	os.Exit(m.Run())
}

func TestX(t *testing.T) {
	if err := namespace.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
}
