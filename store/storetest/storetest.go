// Package storetest is the suite that every driver of the store must pass: a test per property of its contract.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"drydock/store"
)

// Run runs the suite. open returns an empty driver that the suite owns and closes.
func Run(t *testing.T, open func(t *testing.T) store.Driver) {
	tests := []struct {
		name string
		run  func(t *testing.T, d store.Driver)
	}{
		{"ReadsWhatItWrote", testReadsWhatItWrote},
		{"ScansMergeOwnWrites", testScansMergeOwnWrites},
		{"ScansRanges", testScansRanges},
		{"ScanSeesWritesAhead", testScanSeesWritesAhead},
		{"ScanStopsAndNests", testScanStopsAndNests},
		{"RollbackUndoes", testRollbackUndoes},
		{"KeepsValuesOfAnySize", testKeepsValuesOfAnySize},
		{"RefusesBadKeys", testRefusesBadKeys},
		{"KeepsViewsReadOnly", testKeepsViewsReadOnly},
		{"ReadsOneSnapshot", testReadsOneSnapshot},
		{"CommitsAreSeenByLaterTransactions", testCommitsAreSeen},
		{"PreventsLostUpdate", testPreventsLostUpdate},
		{"PreventsWriteSkew", testPreventsWriteSkew},
		{"PreventsPhantoms", testPreventsPhantoms},
		{"LetsUnrelatedCommitsPass", testLetsUnrelatedPass},
		{"ConflictsDoNothing", testConflictsDoNothing},
		{"DropsAll", testDropsAll},
		{"EndsTransactions", testEndsTransactions},
		{"ClosesBehindTransactions", testCloses},
		{"HonoursContexts", testHonoursContexts},
		{"CountsConcurrently", testCountsConcurrently},
		{"MovesConcurrently", testMovesConcurrently},
		{"QueuesConcurrently", testQueuesConcurrently},
		{"IsLinearizable", testLinearizable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := open(t)
			t.Cleanup(func() {
				if err := d.Close(); err != nil && !errors.Is(err, store.ErrClosed) {
					t.Errorf("closing: %v", err)
				}
			})
			tt.run(t, d)
		})
	}
}

func begin(t *testing.T, d store.Driver, writable bool) store.Txn {
	t.Helper()
	tx, err := d.Begin(context.Background(), writable)
	if err != nil {
		t.Fatalf("begin: %v", err)
	}
	t.Cleanup(func() {
		if err := tx.Rollback(); err != nil {
			t.Errorf("rollback: %v", err)
		}
	})
	return tx
}

func commit(t *testing.T, tx store.Txn) {
	t.Helper()
	if err := tx.Commit(context.Background()); err != nil {
		t.Fatalf("commit: %v", err)
	}
}

func conflict(t *testing.T, tx store.Txn) {
	t.Helper()
	if err := tx.Commit(context.Background()); !errors.Is(err, store.ErrConflict) {
		t.Fatalf("commit = %v, want a conflict", err)
	}
}

func set(t *testing.T, tx store.Txn, kv ...string) {
	t.Helper()
	for i := 0; i < len(kv); i += 2 {
		if err := tx.Set([]byte(kv[i]), []byte(kv[i+1])); err != nil {
			t.Fatalf("set %q: %v", kv[i], err)
		}
	}
}

func del(t *testing.T, tx store.Txn, keys ...string) {
	t.Helper()
	for _, k := range keys {
		if err := tx.Delete([]byte(k)); err != nil {
			t.Fatalf("delete %q: %v", k, err)
		}
	}
}

// fill commits keys and values.
func fill(t *testing.T, d store.Driver, kv ...string) {
	t.Helper()
	tx := begin(t, d, true)
	set(t, tx, kv...)
	commit(t, tx)
}

// absent is what get returns for a key that is not there.
const absent = "(absent)"

func get(t *testing.T, tx store.Txn, key string) string {
	t.Helper()
	v, err := tx.Get([]byte(key))
	if errors.Is(err, store.ErrNotFound) {
		return absent
	}
	if err != nil {
		t.Fatalf("get %q: %v", key, err)
	}
	return string(v)
}

func want(t *testing.T, tx store.Txn, key, value string) {
	t.Helper()
	if got := get(t, tx, key); got != value {
		t.Errorf("%q = %q, want %q", key, got, value)
	}
}

// scan returns up to limit pairs as "key=value"; a limit of 0 is none.
func scan(t *testing.T, tx store.Txn, lo, hi string, reverse bool, limit int) []string {
	t.Helper()
	got := []string{}
	for k, v := range tx.Scan([]byte(lo), []byte(hi), reverse) {
		if v.Err != nil {
			t.Fatalf("scan: %v", v.Err)
		}
		got = append(got, fmt.Sprintf("%s=%s", k, v.Bytes))
		if len(got) == limit {
			break
		}
	}
	return got
}

func wantScan(t *testing.T, tx store.Txn, lo, hi string, pairs ...string) {
	t.Helper()
	pairs = append([]string{}, pairs...)
	if diff := cmp.Diff(pairs, scan(t, tx, lo, hi, false, 0)); diff != "" {
		t.Errorf("scan of [%q, %q) differs (-want +got):\n%s", lo, hi, diff)
	}
	slices.Reverse(pairs)
	if diff := cmp.Diff(pairs, scan(t, tx, lo, hi, true, 0)); diff != "" {
		t.Errorf("reverse scan of [%q, %q) differs (-want +got):\n%s", lo, hi, diff)
	}
}
