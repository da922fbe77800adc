package store_test

import (
	"context"
	"errors"
	"testing"

	"drydock/store"
	"drydock/store/mem"
)

func TestUpdate_RunsAgainAfterConflicts(t *testing.T) {
	t.Parallel()
	db := openMem(t)
	putUsers(t, db, &user{Account: "1", Name: "a"})
	runs, committed := 0, 0
	update(t, db, func(tx *store.Tx) error {
		runs++
		tx.AfterCommit(func() { committed++ })
		u, err := users.Get(tx, store.K("1", "a"))
		if err != nil {
			return err
		}
		if runs <= 3 { // someone else is faster
			putUsers(t, db, &user{Account: "1", Name: "a", Groups: append(u.Groups, "x")})
		}
		u.Groups = append(u.Groups, "mine")
		return users.Put(tx, u)
	})
	if runs != 4 || committed != 1 {
		t.Errorf("ran %d times, AfterCommit %d times; want 4 and 1", runs, committed)
	}
	view(t, db, func(tx *store.Tx) error {
		u, err := users.Get(tx, store.K("1", "a"))
		if err == nil && len(u.Groups) != 4 {
			t.Errorf("groups are %v", u.Groups)
		}
		return err
	})
}

func TestUpdate_GivesUp(t *testing.T) {
	t.Parallel()
	db := openMem(t)
	ctx, cancel := context.WithCancel(t.Context())
	runs := 0
	err := db.Update(ctx, func(*store.Tx) error {
		if runs++; runs == 3 {
			cancel()
		}
		return store.ErrConflict // as a driver that locks may say at any operation
	})
	if !errors.Is(err, context.Canceled) || runs != 3 {
		t.Errorf("update = %v after %d runs", err, runs)
	}
}

func TestUpdate_UndoesFailures(t *testing.T) {
	t.Parallel()
	errMine := errors.New("mine")
	tests := map[string]struct {
		fn   func(tx *store.Tx) error
		want error
	}{
		"error": {func(*store.Tx) error { return errMine }, errMine},
		"ignored write error": {func(tx *store.Tx) error {
			big := &user{Account: "1", Name: "big", Secret: make([]byte, store.MaxValueSize+1)}
			if err := users.Put(tx, big); !errors.Is(err, store.ErrTooLarge) {
				t.Errorf("put = %v", err)
			}
			return nil
		}, store.ErrTooLarge},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := openMem(t)
			err := db.Update(t.Context(), func(tx *store.Tx) error {
				tx.AfterCommit(func() { t.Error("AfterCommit of what was undone") })
				if err := users.Put(tx, &user{Account: "1", Name: "a"}); err != nil {
					return err
				}
				return tt.fn(tx)
			})
			if !errors.Is(err, tt.want) {
				t.Errorf("update = %v, want %v", err, tt.want)
			}
			view(t, db, func(tx *store.Tx) error {
				if ok, err := users.Has(tx, store.K("1", "a")); ok || err != nil {
					t.Errorf("has = %v, %v", ok, err)
				}
				return nil
			})
		})
	}
}

func TestUpdate_UndoesAndPassesOnPanics(t *testing.T) {
	t.Parallel()
	db := store.Open(mem.New())
	func() {
		defer func() {
			if r := recover(); r != "oops" {
				t.Errorf("recovered %v", r)
			}
		}()
		_ = db.Update(t.Context(), func(*store.Tx) error { panic("oops") })
	}()
	if err := db.Close(); err != nil { // would wait for a transaction left open
		t.Error(err)
	}
	if err := db.View(t.Context(), func(*store.Tx) error { return nil }); !errors.Is(err, store.ErrClosed) {
		t.Errorf("view after close: %v", err)
	}
}

func TestWithForcedConflicts_RunsEverythingTwice(t *testing.T) {
	t.Parallel()
	db := openMem(t, store.WithForcedConflicts())
	runs := 0
	update(t, db, func(tx *store.Tx) error {
		runs++
		if ok, err := users.Has(tx, store.K("1", "a")); ok || err != nil {
			t.Errorf("run %d finds the row: %v, %v", runs, ok, err)
		}
		return users.Put(tx, &user{Account: "1", Name: "a"})
	})
	if runs != 2 {
		t.Errorf("ran %d times", runs)
	}
}

func TestTx_FailsAfterItsEnd(t *testing.T) {
	t.Parallel()
	db := openMem(t)
	var kept *store.Tx
	update(t, db, func(tx *store.Tx) error { kept = tx; return nil })
	_, getErr := users.Get(kept, store.K("1", "a"))
	for op, err := range map[string]error{"get": getErr, "put": users.Insert(kept, &user{})} {
		if !errors.Is(err, store.ErrDone) {
			t.Errorf("%s: %v", op, err)
		}
	}
}

func TestView_IsReadOnly(t *testing.T) {
	t.Parallel()
	db := openMem(t)
	view(t, db, func(tx *store.Tx) error {
		if err := users.Put(tx, &user{}); !errors.Is(err, store.ErrReadOnly) {
			t.Errorf("put = %v", err)
		}
		return nil
	})
}

func TestDropAll_LeavesNothing(t *testing.T) {
	t.Parallel()
	db := openMem(t)
	putUsers(t, db, &user{Account: "1", Name: "a", Groups: []string{"x"}})
	if err := db.DropAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	view(t, db, func(tx *store.Tx) error {
		for row, err := range users.Scan(tx, store.Range{}) {
			t.Error("a row is left", row, err)
		}
		for row, err := range usersByGroup.Scan(tx, store.Range{}) {
			t.Error("an entry is left", row, err)
		}
		return nil
	})
}

// oldUser is an earlier version of user: it lacks fields and has another.
type oldUser struct {
	Account, Name, Gone string
}

func TestTable_ReadsRowsOfOtherVersions(t *testing.T) {
	t.Parallel()
	db := openMem(t)
	old := store.NewTable("test/user", func(u *oldUser) store.Key { return store.K(u.Account, u.Name) })
	update(t, db, func(tx *store.Tx) error { return old.Put(tx, &oldUser{"1", "a", "x"}) })
	view(t, db, func(tx *store.Tx) error {
		u, err := users.Get(tx, store.K("1", "a"))
		if err == nil && (u.Name != "a" || u.Groups != nil) {
			t.Errorf("row is %+v", u)
		}
		return err
	})
}

func TestNewTable_RefusesMistakes(t *testing.T) {
	t.Parallel()
	key := func(u *user) store.Key { return store.K(u.Name) }
	keys := func(*user) []store.Key { return nil }
	ix := store.NewIndex("a", keys)
	store.NewTable("test/a", key, ix)
	for name, fn := range map[string]func(){
		"no name":             func() { store.NewTable("", key) },
		"colon":               func() { store.NewTable("a:b", key) },
		"index of two tables": func() { store.NewTable("test/b", key, ix) },
		"two of one name":     func() { store.NewTable("test/c", key, store.NewIndex("b", keys), store.NewIndex("b", keys)) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			fn()
		}()
	}
}
