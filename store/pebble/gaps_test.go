package pebble

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"drydock/store"
)

func pairs(g *gaps) []string {
	got := []string{}
	for _, x := range g.gaps {
		got = append(got, string(x.lo)+"-"+string(x.hi))
	}
	return got
}

func TestGaps_StayDisjointAndTrue(t *testing.T) {
	t.Parallel()
	var g gaps
	check := func(want ...string) {
		t.Helper()
		if diff := cmp.Diff(append([]string{}, want...), pairs(&g)); diff != "" {
			t.Errorf("gaps differ (-want +got):\n%s", diff)
		}
	}
	fill := func(version uint64, keys ...string) {
		var bs [][]byte
		for _, k := range keys {
			bs = append(bs, []byte(k))
		}
		g.fill(bs, version)
	}
	fill(1, "x")
	g.add([]byte("b"), []byte("d"), 1)
	g.add([]byte("h"), []byte("k"), 1)
	check("b-d", "h-k")
	g.add([]byte("a"), []byte("b"), 0) // of a state that is no longer the last
	check("b-d", "h-k")
	g.add([]byte("c"), []byte("f"), 1)
	check("b-f", "h-k")
	g.add([]byte("a"), []byte("z"), 1)
	check("a-z")
	fill(2, "m")
	check("a-m")
	fill(3, "0", "m", "z")
	check("a-m")
	if got := g.skip([]byte("c"), 3); string(got) != "m" {
		t.Errorf("skip = %q", got)
	}
	for lo, version := range map[string]uint64{"c": 0, "m": 3, "0": 3} {
		if got := g.skip([]byte(lo), version); string(got) != lo {
			t.Errorf("skip of %q at version %d = %q", lo, version, got)
		}
	}
	fill(4, "a")
	check()
}

// TestScan_StepsOverDeletedHeadOnce empties a queue from its head and looks at the low-water mark that is kept.
func TestScan_StepsOverDeletedHeadOnce(t *testing.T) {
	t.Parallel()
	d, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	type item struct{ Queue, N int }
	items := store.NewTable("test/item", func(i *item) store.Key { return store.K(i.Queue, i.N) })
	db := store.Open(d)
	const rows = 500
	update := func(fn func(tx *store.Tx) error) {
		t.Helper()
		if err := db.Update(context.Background(), fn); err != nil {
			t.Fatal(err)
		}
	}
	update(func(tx *store.Tx) error {
		for i := range rows {
			if err := items.Insert(tx, &item{1, i}); err != nil {
				return err
			}
		}
		return items.Insert(tx, &item{2, 0})
	})
	head := func(tx *store.Tx) *item {
		for i, err := range items.Scan(tx, store.Range{Prefix: store.K(1)}) {
			if err != nil {
				t.Fatal(err)
			}
			return i
		}
		return nil
	}
	for want := range rows {
		update(func(tx *store.Tx) error {
			got := head(tx)
			if got == nil || got.N != want {
				t.Fatalf("head is %v, want %d", got, want)
			}
			_, err := items.Delete(tx, items.Key(got))
			return err
		})
		if n := len(d.gaps.gaps); n > 1 {
			t.Fatalf("%d gaps are remembered", n)
		}
	}
	update(func(tx *store.Tx) error {
		if got := head(tx); got != nil {
			t.Errorf("head of the empty queue is %v", got)
		}
		return nil
	})
	if len(d.gaps.gaps) != 1 {
		t.Fatalf("gaps: %q", pairs(&d.gaps))
	}
	lo := append([]byte(nil), d.gaps.gaps[0].lo...)
	if string(d.gaps.skip(lo, 1<<60)) == string(lo) {
		t.Error("the deleted head is not skipped")
	}
	// A row that comes back in the middle of the gap is found again, and the gap before it is still skipped.
	update(func(tx *store.Tx) error { return items.Insert(tx, &item{1, 250}) })
	for range 3 {
		update(func(tx *store.Tx) error {
			if got := head(tx); got == nil || got.N != 250 {
				t.Errorf("head is %v, want the row that came back", got)
			}
			return nil
		})
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}
