package occ

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"drydock/store"
)

func keys(ks ...string) [][]byte {
	var bs [][]byte
	for _, k := range ks {
		bs = append(bs, []byte(k))
	}
	return bs
}

func pointReads(ks ...string) *Reads {
	r := &Reads{}
	for _, k := range ks {
		r.point([]byte(k))
	}
	return r
}

func TestLog_ForgetsWhatNobodyNeeds(t *testing.T) {
	t.Parallel()
	var l Log
	l.Append(keys("a"))
	if len(l.commits) != 0 {
		t.Error("a commit is kept that no transaction overlaps")
	}
	l.Begin(1)
	l.Append(keys("b"))
	l.Begin(2)
	l.Append(keys("c"))
	check := func(since uint64, key string, conflict bool) {
		t.Helper()
		if _, err := l.Check(pointReads(key), since); errors.Is(err, store.ErrConflict) != conflict {
			t.Errorf("reading %s since %d: %v", key, since, err)
		}
	}
	check(1, "b", true)
	check(2, "b", false)
	check(2, "c", true)
	check(1, "d", false)
	l.End(1)
	if len(l.commits) != 1 {
		t.Errorf("%d commits are kept, want 1", len(l.commits))
	}
	check(2, "b", false)
	check(2, "c", true)
	check(1, "d", true) // it cannot be known any more
	l.AppendAll()
	check(2, "d", true)
	l.End(2)
	if len(l.commits) != 0 || l.size != 0 || len(l.starts) != 0 {
		t.Errorf("left over: %d commits of size %d, %d starts", len(l.commits), l.size, len(l.starts))
	}
}

func TestLog_IsBounded(t *testing.T) {
	t.Parallel()
	var l Log
	l.Begin(0)
	key := make([]byte, 64<<10)
	for range 100 {
		l.Append([][]byte{key})
	}
	if l.size > logLimit || len(l.commits) == 0 {
		t.Errorf("%d commits of size %d are kept", len(l.commits), l.size)
	}
	if _, err := l.Check(pointReads("a"), 0); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a transaction from before what is kept: %v", err)
	}
	if _, err := l.Check(&Reads{}, 0); err != nil {
		t.Errorf("one that read nothing: %v", err)
	}
	l.End(0)
	if l.size != 0 {
		t.Errorf("size is %d in the end", l.size)
	}
}

// TestReads_SortedAgree compares the search in sorted reads with the look at each.
func TestReads_SortedAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		draw := rapid.StringOfN(rapid.SampledFrom([]rune("abcd")), 0, 3, -1)
		var plain, sorted Reads
		for range rapid.IntRange(0, 8).Draw(t, "points") {
			k := draw.Draw(t, "point")
			plain.point([]byte(k))
			sorted.point([]byte(k))
		}
		for range rapid.IntRange(0, 8).Draw(t, "spans") {
			lo, hi := []byte(draw.Draw(t, "lo")), []byte(draw.Draw(t, "hi"))
			plain.whole(plain.open(), lo, hi)
			sorted.whole(sorted.open(), lo, hi)
		}
		sorted.sort()
		for range 20 {
			k := []byte(draw.Draw(t, "key"))
			if p, s := plain.has(k), sorted.has(k); p != s {
				t.Fatalf("%q: %v, sorted %v; points %q, spans %s", k, p, s, plain.points, fmt.Sprint(plain.spans))
			}
		}
		if !slices.IsSortedFunc(sorted.spans, func(a, b span) int { return slices.Compare(a.lo, b.lo) }) {
			t.Error("not sorted")
		}
	})
}
