package pebble_test

import (
	"testing"

	"drydock/store"
	"drydock/store/pebble"
	"drydock/store/storetest"
)

func open(t testing.TB, dir string) *pebble.Driver {
	t.Helper()
	d, err := pebble.Open(dir, pebble.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDriver(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) store.Driver { return open(t, t.TempDir()) })
}
