package store_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"drydock/store"
)

func TestShared_IsDecodedOnce(t *testing.T) {
	t.Parallel()
	db := openMem(t)
	putUsers(t, db, &user{Account: "1", Name: "a", Groups: []string{"x"}})
	read := func() (row *user) {
		t.Helper()
		view(t, db, func(tx *store.Tx) (err error) {
			row, err = users.Shared(tx, store.K("1", "a"))
			return err
		})
		return row
	}
	read() // it may be the only one
	kept := read()
	if again := read(); again != kept {
		t.Error("a row that is read again and again was decoded again")
	}
	putUsers(t, db, &user{Account: "1", Name: "a", Groups: []string{"y"}})
	if changed := read(); !slices.Equal(changed.Groups, []string{"y"}) || !slices.Equal(kept.Groups, []string{"x"}) {
		t.Errorf("after a change: %v, and the row read before: %v", changed.Groups, kept.Groups)
	}
}

func TestShared_IsOfTheTransactionsState(t *testing.T) {
	t.Parallel()
	db := openMem(t)
	group := func(tx *store.Tx, want ...string) {
		t.Helper()
		for range 3 {
			row, err := users.Shared(tx, store.K("1", "a"))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, row.Groups); diff != "" {
				t.Error(diff)
			}
		}
	}
	putUsers(t, db, &user{Account: "1", Name: "a", Groups: []string{"old"}})
	view(t, db, func(before *store.Tx) error {
		group(before, "old")
		update(t, db, func(tx *store.Tx) error {
			if err := users.Put(tx, &user{Account: "1", Name: "a", Groups: []string{"new"}}); err != nil {
				return err
			}
			group(tx, "new")
			group(before, "old")
			return nil
		})
		view(t, db, func(after *store.Tx) error {
			group(after, "new")
			group(before, "old")
			group(after, "new")
			return nil
		})
		return nil
	})
	update(t, db, func(tx *store.Tx) error {
		if _, err := users.Delete(tx, store.K("1", "a")); err != nil {
			return err
		}
		if _, err := users.Shared(tx, store.K("1", "a")); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a deleted row: %v", err)
		}
		return nil
	})
}

func TestShared_CountsAsRead(t *testing.T) {
	t.Parallel()
	db := openMem(t)
	putUsers(t, db, &user{Account: "1", Name: "a"})
	runs := 0
	update(t, db, func(tx *store.Tx) error {
		runs++
		row, err := users.Shared(tx, store.K("1", "a"))
		if err != nil {
			return err
		}
		if runs == 1 { // someone else is faster
			putUsers(t, db, &user{Account: "1", Name: "a", Groups: []string{"x"}})
		}
		return users.Put(tx, &user{Account: "1", Name: "b", Groups: row.Groups})
	})
	view(t, db, func(tx *store.Tx) error {
		b, err := users.Get(tx, store.K("1", "b"))
		if err == nil && (runs != 2 || !slices.Equal(b.Groups, []string{"x"})) {
			t.Errorf("ran %d times and wrote %v", runs, b.Groups)
		}
		return err
	})
}

func TestShared_PanicsOnceARowWasChanged(t *testing.T) {
	t.Parallel()
	db := openMem(t, store.WithForcedConflicts())
	putUsers(t, db, &user{Account: "1", Name: "a", Groups: []string{"x"}})
	defer func() {
		if recover() == nil {
			t.Error("nobody noticed")
		}
	}()
	update(t, db, func(tx *store.Tx) error {
		row, err := users.Shared(tx, store.K("1", "a"))
		if err != nil {
			return err
		}
		row.Groups[0] = "y"
		return users.Put(tx, row)
	})
}
