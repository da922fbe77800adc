package storetest

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"

	"drydock/store"
)

// This file has what one transaction at a time can see.

func testReadsWhatItWrote(t *testing.T, d store.Driver) {
	fill(t, d, "a", "1", "b", "2")
	tx := begin(t, d, true)
	set(t, tx, "a", "3", "c", "4", "empty", "")
	del(t, tx, "b", "never")
	for key, value := range map[string]string{"a": "3", "b": absent, "c": "4", "empty": "", "never": absent} {
		want(t, tx, key, value)
	}
	set(t, tx, "b", "5")
	want(t, tx, "b", "5")
	commit(t, tx)
	wantScan(t, begin(t, d, false), "", "", "a=3", "b=5", "c=4", "empty=")
}

func testScansMergeOwnWrites(t *testing.T, d store.Driver) {
	fill(t, d, "b", "1", "d", "1", "f", "1", "h", "1")
	tx := begin(t, d, true)
	set(t, tx, "a", "2", "d", "2", "e", "2", "i", "2", "j", "2")
	del(t, tx, "b", "h", "j", "x")
	wantScan(t, tx, "", "", "a=2", "d=2", "e=2", "f=1", "i=2")
	wantScan(t, tx, "b", "e", "d=2")
	wantScan(t, tx, "d", "i", "d=2", "e=2", "f=1")
	wantScan(t, tx, "g", "i")
}

func testScansRanges(t *testing.T, d store.Driver) {
	wantScan(t, begin(t, d, false), "", "")
	fill(t, d, "a", "", "b", "", "b\x00", "", "ba", "", "c", "", "\xfe\xff", "")
	for _, writable := range []bool{false, true} {
		tx := begin(t, d, writable)
		wantScan(t, tx, "", "", "a=", "b=", "b\x00=", "ba=", "c=", "\xfe\xff=")
		wantScan(t, tx, "b", "b\x00", "b=")
		wantScan(t, tx, "b\x00", "", "b\x00=", "ba=", "c=", "\xfe\xff=")
		wantScan(t, tx, "b", "b")
		wantScan(t, tx, "c", "b")
		wantScan(t, tx, "", "a")
		wantScan(t, tx, "d", "\xfe")
		wantScan(t, tx, "\xfe\xff\x00", "")
	}
}

func testScanSeesWritesAhead(t *testing.T, d store.Driver) {
	fill(t, d, "b", "", "d", "", "f", "")
	for _, reverse := range []bool{false, true} {
		tx := begin(t, d, true)
		var got []string
		for k, v := range tx.Scan(nil, nil, reverse) {
			if v.Err != nil {
				t.Fatal(v.Err)
			}
			got = append(got, string(k))
			switch string(k) {
			case "b":
				del(t, tx, "b", "d")
				set(t, tx, "a", "", "c", "", "e", "")
			case "f":
				del(t, tx, "d", "f")
				set(t, tx, "c", "", "e", "", "g", "")
			}
			if len(got) > 6 {
				break
			}
		}
		wantKeys := []string{"b", "c", "e", "f", "g"}
		if reverse {
			wantKeys = []string{"f", "e", "c", "b", "a"}
		}
		if !slices.Equal(got, wantKeys) {
			t.Errorf("reverse %v: scan yields %q, want %q", reverse, got, wantKeys)
		}
	}
}

func testScanStopsAndNests(t *testing.T, d store.Driver) {
	fill(t, d, "a", "1", "b", "2", "c", "3")
	for _, writable := range []bool{false, true} {
		tx := begin(t, d, writable)
		n := 0
		for k, v := range tx.Scan(nil, nil, false) {
			for k2, v2 := range tx.Scan(nil, nil, true) {
				got := get(t, tx, "b") // must disturb neither scan
				if v.Err != nil || v2.Err != nil || got != "2" || len(k) != 1 || len(k2) != 1 {
					t.Fatalf("%q, %q: %v, %v, %q", k, k2, v.Err, v2.Err, got)
				}
				n++
				if string(k2) == string(k) {
					break
				}
			}
		}
		if n != 3+2+1 {
			t.Errorf("the loops ran %d times", n)
		}
	}
}

func testRollbackUndoes(t *testing.T, d store.Driver) {
	fill(t, d, "a", "1")
	tx := begin(t, d, true)
	set(t, tx, "a", "2", "b", "2")
	for range 2 {
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
	}
	wantScan(t, begin(t, d, false), "", "", "a=1")
}

func testKeepsValuesOfAnySize(t *testing.T, d store.Driver) {
	big := bytes.Repeat([]byte("0123456789abcdef"), 8<<20/16)
	longKey := strings.Repeat("k", store.MaxKeySize)
	tx := begin(t, d, true)
	for key, value := range map[string][]byte{"big": big, "nil": nil, longKey: {0}} {
		if err := tx.Set([]byte(key), value); err != nil {
			t.Fatal(err)
		}
	}
	commit(t, tx)
	tx = begin(t, d, false)
	if v, err := tx.Get([]byte("big")); err != nil || !bytes.Equal(v, big) {
		t.Errorf("8 MiB came back as %d bytes, %v", len(v), err)
	}
	want(t, tx, "nil", "")
	want(t, tx, longKey, "\x00")
	tx = begin(t, d, true)
	if err := tx.Set([]byte("huge"), make([]byte, store.MaxValueSize+1)); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("huge value: %v", err)
	}
	if err := tx.Set([]byte(longKey+"k"), nil); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("long key: %v", err)
	}
}

func testRefusesBadKeys(t *testing.T, d store.Driver) {
	tx := begin(t, d, true)
	for _, key := range []string{"", "\xff", "\xffx"} {
		if err := tx.Set([]byte(key), nil); !errors.Is(err, store.ErrBadKey) {
			t.Errorf("set %q: %v", key, err)
		}
		if err := tx.Delete([]byte(key)); !errors.Is(err, store.ErrBadKey) {
			t.Errorf("delete %q: %v", key, err)
		}
	}
}

func testKeepsViewsReadOnly(t *testing.T, d store.Driver) {
	tx := begin(t, d, false)
	if err := tx.Set([]byte("a"), nil); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("set: %v", err)
	}
	if err := tx.Delete([]byte("a")); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("delete: %v", err)
	}
	commit(t, tx)
}

func testDropsAll(t *testing.T, d store.Driver) {
	fill(t, d, "\x00", "0", "a", "1", "\xfe\xff", "2")
	old, writer := begin(t, d, false), begin(t, d, true)
	want(t, writer, "a", "1")
	set(t, writer, "b", "2")
	if err := d.DropAll(context.Background()); err != nil {
		t.Fatal(err)
	}
	wantScan(t, begin(t, d, false), "", "")
	wantScan(t, old, "", "", "\x00=0", "a=1", "\xfe\xff=2")
	conflict(t, writer)
	fill(t, d, "a", "3")
	wantScan(t, begin(t, d, true), "", "", "a=3")
}

func testEndsTransactions(t *testing.T, d store.Driver) {
	fill(t, d, "a", "1")
	for _, byCommit := range []bool{false, true} {
		tx := begin(t, d, true)
		if byCommit {
			commit(t, tx)
		} else if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		_, getErr := tx.Get([]byte("a"))
		var scanErr error
		for _, v := range tx.Scan(nil, nil, false) {
			scanErr = v.Err
		}
		for op, err := range map[string]error{
			"get": getErr, "scan": scanErr, "set": tx.Set([]byte("a"), nil), "delete": tx.Delete([]byte("a")),
			"commit": tx.Commit(context.Background()),
		} {
			if !errors.Is(err, store.ErrDone) {
				t.Errorf("%s after the end: %v", op, err)
			}
		}
	}
}

func testCloses(t *testing.T, d store.Driver) {
	fill(t, d, "a", "1")
	tx := begin(t, d, true)
	set(t, tx, "b", "2")
	closed := make(chan error)
	go func() { closed <- d.Close() }()
	var err error
	for err == nil { // until Close has begun
		_, err = tx.Get([]byte("a"))
		runtime.Gosched()
	}
	var scanErr error
	for _, v := range tx.Scan(nil, nil, false) {
		scanErr = v.Err
	}
	_, beginErr := d.Begin(context.Background(), false)
	for op, err := range map[string]error{
		"get": err, "scan": scanErr, "set": tx.Set([]byte("c"), nil), "commit": tx.Commit(context.Background()),
		"begin": beginErr, "drop": d.DropAll(context.Background()), "close": d.Close(),
	} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s after close: %v", op, err)
		}
	}
	select {
	case err := <-closed:
		t.Errorf("close returned %v while a transaction was open", err)
	default:
	}
	if err := tx.Rollback(); err != nil {
		t.Error(err)
	}
	if err := <-closed; err != nil {
		t.Errorf("close: %v", err)
	}
}

func testHonoursContexts(t *testing.T, d store.Driver) {
	ctx, cancel := context.WithCancel(context.Background())
	tx, err := d.Begin(ctx, true)
	if err != nil {
		t.Fatal(err)
	}
	set(t, tx, "a", "1")
	cancel()
	if err := tx.Commit(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("commit: %v", err)
	}
	if _, err := d.Begin(ctx, false); !errors.Is(err, context.Canceled) {
		t.Errorf("begin: %v", err)
	}
	wantScan(t, begin(t, d, false), "", "")
}
