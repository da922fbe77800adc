package pebble_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"drydock/store"
	"drydock/store/mem"
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

func TestOpen_RefusesDirectoryInUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open(t, dir)
	_, err := pebble.Open(dir, pebble.Options{})
	if want := "data directory " + dir + " is used by another drydock"; err == nil || err.Error() != want {
		t.Errorf("second open in this process: %v", err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(self)
	child.Env = append(os.Environ(), crashDir+"="+dir)
	out, err := child.CombinedOutput()
	if want := "data directory " + dir + " is used by another drydock\n"; err == nil || string(out) != want {
		t.Errorf("open in another process: %v, %s", err, out)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := open(t, dir).Close(); err != nil {
		t.Error(err)
	}
}

func TestOpen_FindsWhatWasThere(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "deep", "data")
	db := store.Open(open(t, dir))
	if err := putNote(db, "a"); err != nil {
		t.Fatal(err)
	}
	if err := db.DropAll(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := putNote(db, "b"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = store.Open(open(t, dir))
	if err := db.View(context.Background(), func(tx *store.Tx) error {
		for n, err := range notes.Scan(tx, store.Range{}) {
			if err != nil || n.ID != "b" {
				t.Errorf("found %v, %v", n, err)
			}
		}
		ok, err := notes.Has(tx, store.K("b"))
		if !ok {
			t.Error("the row is not there")
		}
		return err
	}); err != nil {
		t.Error(err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

// TestDrivers_Agree plays random histories on the drivers and compares everything that they answer.
func TestDrivers_Agree(t *testing.T) {
	t.Parallel()
	drivers := []store.Driver{mem.New(), open(t, t.TempDir())}
	t.Cleanup(func() {
		for _, d := range drivers {
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	rapid.Check(t, func(t *rapid.T) { storetest.Compare(t, drivers...) })
}

func BenchmarkDriver(b *testing.B) {
	storetest.Benchmark(b, func(b *testing.B) store.Driver { return open(b, b.TempDir()) })
}

// BenchmarkOpen measures the start on a directory of 100,000 rows.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	db := store.Open(open(b, dir))
	for i := range 100 {
		if err := db.Update(b.Context(), func(tx *store.Tx) error {
			for j := range 1000 {
				if err := notes.Insert(tx, &note{ID: strconv.Itoa(i*1000 + j), Text: strings.Repeat("x", 300)}); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			b.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := open(b, dir).Close(); err != nil {
			b.Fatal(err)
		}
	}
}
