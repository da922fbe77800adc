package pebble

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"drydock/store"
)

func TestHot_KnowsWhatIsReadTwiceUntilItIsWritten(t *testing.T) {
	t.Parallel()
	h := newHot()
	key := []byte("k")
	want := func(version uint64, value string) {
		t.Helper()
		got := "unknown"
		if row := h.get(key, version); row != nil {
			got = string(row.value)
			if row.value == nil {
				got = "none"
			}
		}
		if got != value {
			t.Errorf("at version %d: %s, want %s", version, got, value)
		}
	}
	h.fill([][]byte{key}, 3)
	h.missed(key, []byte("a"), 4)
	want(4, "unknown") // it was asked for once
	h.missed(key, []byte("a"), 4)
	want(4, "a")
	want(3, "a") // nothing was written in between
	want(9, "a") // nor since
	want(2, "unknown")
	h.fill([][]byte{key}, 6)
	want(9, "unknown")
	want(4, "unknown")
	h.missed(key, []byte("a"), 5) // an old state does not come back
	want(9, "unknown")
	h.missed(key, nil, 6)
	want(9, "none")
	h.fillAll(10)
	want(10, "unknown")
	h.missed(key, make([]byte, maxHot), 10)
	h.missed(key, make([]byte, maxHot), 10)
	want(10, "unknown")
}

// TestGet_TellsOfEachStateWhatItHas reads keys again and again, in states of different ages, while they are written.
func TestGet_TellsOfEachStateWhatItHas(t *testing.T) {
	t.Parallel()
	d, err := Open(t.TempDir(), Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	const keys = 8
	type state struct {
		txn    store.Txn
		values [keys]string
	}
	var now [keys]string
	var states []state
	random := rand.New(rand.NewPCG(1, 2))
	read := func(s *state) {
		for i := range keys {
			got, err := s.txn.Get(fmt.Appendf(nil, "key %d", i))
			if s.values[i] == "" && !errors.Is(err, store.ErrNotFound) || s.values[i] != "" && string(got) != s.values[i] {
				t.Fatalf("key %d: %q, %v, want %q", i, got, err, s.values[i])
			}
		}
	}
	for step := range 2000 {
		w, err := d.Begin(t.Context(), true)
		if err != nil {
			t.Fatal(err)
		}
		i := random.IntN(keys)
		key := fmt.Appendf(nil, "key %d", i)
		if now[i] = ""; random.IntN(4) > 0 {
			now[i] = fmt.Sprint(step)
			err = w.Set(key, []byte(now[i]))
		} else {
			err = w.Delete(key)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		v, err := d.Begin(t.Context(), false)
		if err != nil {
			t.Fatal(err)
		}
		if states = append(states, state{v, now}); len(states) > 5 {
			if err := states[0].txn.Rollback(); err != nil {
				t.Fatal(err)
			}
			states = states[1:]
		}
		read(&states[random.IntN(len(states))])
		read(&states[random.IntN(len(states))])
	}
	for _, s := range states {
		if err := s.txn.Rollback(); err != nil {
			t.Fatal(err)
		}
	}
}
