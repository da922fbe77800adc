package storetest

import (
	"fmt"
	"testing"

	"drydock/store"
)

// This file has what transactions that overlap in time may do to each other.

func testReadsOneSnapshot(t *testing.T, d store.Driver) {
	fill(t, d, "a", "1", "b", "1")
	view, writer := begin(t, d, false), begin(t, d, true)
	want(t, view, "a", "1")
	fill(t, d, "a", "2", "b", "2", "c", "2")
	for _, tx := range []store.Txn{view, writer} {
		want(t, tx, "a", "1")
		wantScan(t, tx, "", "", "a=1", "b=1")
	}
	wantScan(t, begin(t, d, false), "", "", "a=2", "b=2", "c=2")
}

func testCommitsAreSeen(t *testing.T, d store.Driver) {
	for i := range 50 {
		v := fmt.Sprint(i)
		fill(t, d, "a", v)
		want(t, begin(t, d, i%2 == 0), "a", v)
	}
}

func testPreventsLostUpdate(t *testing.T, d store.Driver) {
	fill(t, d, "n", "1")
	a, b := begin(t, d, true), begin(t, d, true)
	want(t, a, "n", "1")
	want(t, b, "n", "1")
	set(t, a, "n", "2")
	set(t, b, "n", "2")
	commit(t, b)
	conflict(t, a)
}

func testPreventsWriteSkew(t *testing.T, d store.Driver) {
	fill(t, d, "x", "on", "y", "on")
	a, b := begin(t, d, true), begin(t, d, true)
	want(t, a, "y", "on")
	want(t, b, "x", "on")
	set(t, a, "x", "off")
	set(t, b, "y", "off")
	commit(t, a)
	conflict(t, b)

	// The same with a key that is not there yet.
	a, b = begin(t, d, true), begin(t, d, true)
	want(t, a, "new", absent)
	set(t, a, "other", "")
	set(t, b, "new", "")
	commit(t, b)
	conflict(t, a)
}

func testPreventsPhantoms(t *testing.T, d store.Driver) {
	tests := []struct {
		name    string
		lo, hi  string
		reverse bool
		limit   int    // of the rows that are read; 0 is all
		write   string // a key; with a minus it is deleted
		pass    bool
	}{
		{name: "insert into the range", lo: "b", hi: "h", write: "e"},
		{name: "insert into the range, reverse", lo: "b", hi: "h", reverse: true, write: "e"},
		{name: "change in the range", lo: "b", hi: "h", write: "d"},
		{name: "delete in the range", lo: "b", hi: "h", write: "-d"},
		{name: "insert at the low bound", lo: "b", hi: "h", write: "b"},
		{name: "insert at the low bound, reverse", lo: "b", hi: "h", reverse: true, write: "b"},
		{name: "insert below the high bound", lo: "b", hi: "h", write: "gzzz"},
		{name: "insert below the high bound, reverse", lo: "b", hi: "h", reverse: true, write: "gzzz"},
		{name: "insert at the high bound", lo: "b", hi: "h", write: "h", pass: true},
		{name: "insert below the low bound", lo: "b", hi: "h", write: "azzz", pass: true},
		{name: "insert into an empty range", lo: "p", hi: "q", write: "pp"},
		{name: "insert into an empty range, reverse", lo: "p", hi: "q", reverse: true, write: "pp"},
		{name: "insert into an open range", lo: "p", write: "z"},
		{name: "insert into an open range, reverse", reverse: true, write: "0"},
		{name: "gap before what was read", lo: "b", hi: "h", limit: 1, write: "c"},
		{name: "the row that was read last", lo: "b", hi: "h", limit: 1, write: "-d"},
		{name: "behind what was read", lo: "b", hi: "h", limit: 1, write: "da", pass: true},
		{name: "gap before what was read, reverse", lo: "b", hi: "h", reverse: true, limit: 1, write: "g"},
		{name: "the row that was read last, reverse", lo: "b", hi: "h", reverse: true, limit: 1, write: "-f"},
		{name: "behind what was read, reverse", lo: "b", hi: "h", reverse: true, limit: 1, write: "e", pass: true},
		{name: "gap between two that were read", lo: "b", hi: "h", limit: 2, write: "e"},
	}
	for i, tt := range tests {
		// Every case has its part of the key space.
		at := func(k string) string { return fmt.Sprintf("%02d%s", i, k) }
		fill(t, d, at("d"), "1", at("f"), "1", at("j"), "1")
		tx := begin(t, d, true)
		hi := at(tt.hi)
		if tt.hi == "" {
			hi = fmt.Sprintf("%02d", i+1)
		}
		scan(t, tx, at(tt.lo), hi, tt.reverse, tt.limit)
		set(t, tx, at("result"), "")

		writer := begin(t, d, true)
		if tt.write[0] == '-' {
			del(t, writer, at(tt.write[1:]))
		} else {
			set(t, writer, at(tt.write), "2")
		}
		commit(t, writer)
		err := tx.Commit(t.Context())
		if (err == nil) != tt.pass {
			t.Errorf("%s: commit = %v, want pass %v", tt.name, err, tt.pass)
		}
	}
}

func testLetsUnrelatedPass(t *testing.T, d store.Driver) {
	fill(t, d, "a", "1", "b", "1")
	blind1, blind2 := begin(t, d, true), begin(t, d, true)
	set(t, blind1, "a", "2")
	set(t, blind2, "a", "3")
	reader := begin(t, d, true)
	want(t, reader, "a", "1") // reads what changes, and writes nothing
	apart := begin(t, d, true)
	want(t, apart, "b", "1")
	set(t, apart, "b", "4")
	commit(t, blind1)
	commit(t, blind2)
	commit(t, reader)
	commit(t, apart)
	wantScan(t, begin(t, d, false), "", "", "a=3", "b=4")
}

func testConflictsDoNothing(t *testing.T, d store.Driver) {
	fill(t, d, "a", "1")
	tx := begin(t, d, true)
	want(t, tx, "a", "1")
	set(t, tx, "b", "1", "c", "1")
	fill(t, d, "a", "2")
	conflict(t, tx)
	if err := tx.Rollback(); err != nil {
		t.Errorf("rollback after the commit: %v", err)
	}
	wantScan(t, begin(t, d, false), "", "", "a=2")
}
