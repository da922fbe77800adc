package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"drydock/store"
	"drydock/store/mem"
)

type user struct {
	Account string
	Name    string
	Groups  []string
	Created time.Time
	Secret  []byte
	Extra   map[string]any
	Parent  *user
}

var usersByGroup = store.NewIndex("group", func(u *user) []store.Key {
	var keys []store.Key
	for _, g := range u.Groups {
		keys = append(keys, store.K(u.Account, g))
	}
	return keys
})

var users = store.NewTable("test/user", func(u *user) store.Key { return store.K(u.Account, u.Name) }, usersByGroup)

// other lies next to users in the key space.
var other = store.NewTable("test/user2", func(u *user) store.Key { return store.K(u.Name) })

func openMem(t *testing.T, opts ...store.Option) *store.DB {
	t.Helper()
	db := store.Open(mem.New(), opts...)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func update(t *testing.T, db *store.DB, fn func(*store.Tx) error) {
	t.Helper()
	if err := db.Update(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

func view(t *testing.T, db *store.DB, fn func(*store.Tx) error) {
	t.Helper()
	if err := db.View(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

func putUsers(t *testing.T, db *store.DB, rows ...*user) {
	t.Helper()
	update(t, db, func(tx *store.Tx) error {
		for _, u := range rows {
			if err := users.Put(tx, u); err != nil {
				return err
			}
		}
		return nil
	})
}

// names collects the names of a scan's rows.
func names(t *testing.T, seq func(func(*user, error) bool)) []string {
	t.Helper()
	got := []string{}
	for u, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, u.Name)
	}
	return got
}

func TestTable_ReturnsRowsAsTheyWerePut(t *testing.T) {
	t.Parallel()
	db := openMem(t)
	row := &user{
		Account: "1", Name: "a\x00b", Groups: []string{"x", "y"},
		Created: time.Date(2026, 3, 4, 5, 6, 7, 123456789, time.FixedZone("", 3600)),
		Secret:  []byte{0, 1, 2}, Extra: map[string]any{"k": []any{"v", true}}, Parent: &user{Name: "p"},
	}
	putUsers(t, db, row)
	want := *row
	want.Created = row.Created.UTC()
	view(t, db, func(tx *store.Tx) error {
		got, err := users.Get(tx, store.K("1", "a\x00b"))
		if err != nil {
			return err
		}
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Errorf("row differs (-want +got):\n%s", diff)
		}
		if got.Created.Location() != time.UTC {
			t.Errorf("time is in %v", got.Created.Location())
		}
		again, err := users.Get(tx, users.Key(row))
		if err != nil {
			return err
		}
		if got == again || &got.Secret[0] == &again.Secret[0] {
			t.Error("two reads share memory")
		}
		if _, err := users.Get(tx, store.K("1", "nobody")); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("absent row: %v", err)
		}
		if ok, err := users.Has(tx, store.K("1")); ok || err != nil {
			t.Errorf("a prefix is no row: %v, %v", ok, err)
		}
		return nil
	})
}

func TestTable_ScansRanges(t *testing.T) {
	t.Parallel()
	db := openMem(t)
	var rows []*user
	for _, account := range []string{"1", "2", "3"} {
		for i := range 4 {
			rows = append(rows, &user{Account: account, Name: fmt.Sprintf("%s%c", account, 'a'+i), Groups: []string{"all"}})
		}
	}
	putUsers(t, db, rows...)
	update(t, db, func(tx *store.Tx) error { return other.Put(tx, &user{Name: "stranger"}) })
	from, to := store.K("2").StringPrefix("2b")
	tests := map[string]struct {
		r    store.Range
		want []string
	}{
		"everything":         {store.Range{}, []string{"1a", "1b", "1c", "1d", "2a", "2b", "2c", "2d", "3a", "3b", "3c", "3d"}},
		"prefix":             {store.Range{Prefix: store.K("2")}, []string{"2a", "2b", "2c", "2d"}},
		"prefix, reverse":    {store.Range{Prefix: store.K("2"), Reverse: true}, []string{"2d", "2c", "2b", "2a"}},
		"prefix of nothing":  {store.Range{Prefix: store.K("")}, []string{}},
		"after":              {store.Range{Prefix: store.K("2"), After: store.K("2", "2b")}, []string{"2c", "2d"}},
		"after the last":     {store.Range{Prefix: store.K("2"), After: store.K("2", "2d")}, []string{}},
		"after, reverse":     {store.Range{Prefix: store.K("2"), After: store.K("2", "2c"), Reverse: true}, []string{"2b", "2a"}},
		"after before all":   {store.Range{Prefix: store.K("2"), After: store.K("1", "x")}, []string{"2a", "2b", "2c", "2d"}},
		"after behind, rev":  {store.Range{Prefix: store.K("2"), After: store.K("3", "x"), Reverse: true}, []string{"2d", "2c", "2b", "2a"}},
		"from":               {store.Range{From: store.K("3", "3c")}, []string{"3c", "3d"}},
		"to":                 {store.Range{To: store.K("1", "1c")}, []string{"1a", "1b"}},
		"from to":            {store.Range{From: store.K("1", "1d"), To: store.K("2", "2b")}, []string{"1d", "2a"}},
		"from to, reverse":   {store.Range{From: store.K("1", "1d"), To: store.K("2", "2b"), Reverse: true}, []string{"2a", "1d"}},
		"from above to":      {store.Range{From: store.K("2"), To: store.K("1")}, []string{}},
		"string prefix":      {store.Range{From: from, To: to}, []string{"2b"}},
		"from end of prefix": {store.Range{From: store.K("2").End()}, []string{"3a", "3b", "3c", "3d"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			view(t, db, func(tx *store.Tx) error {
				if diff := cmp.Diff(tt.want, names(t, users.Scan(tx, tt.r))); diff != "" {
					t.Errorf("rows differ (-want +got):\n%s", diff)
				}
				return nil
			})
		})
	}
}

func TestIndex_FollowsItsRows(t *testing.T) {
	t.Parallel()
	db := openMem(t)
	b := &user{Account: "1", Name: "b", Groups: []string{"x", "y"}}
	putUsers(t, db,
		&user{Account: "1", Name: "a", Groups: []string{"y"}}, b, &user{Account: "1", Name: "c"},
		&user{Account: "2", Name: "d", Groups: []string{"x"}})
	check := func(r store.Range, want ...string) {
		t.Helper()
		view(t, db, func(tx *store.Tx) error {
			t.Helper()
			if diff := cmp.Diff(append([]string{}, want...), names(t, usersByGroup.Scan(tx, r))); diff != "" {
				t.Errorf("rows differ (-want +got):\n%s", diff)
			}
			return nil
		})
	}
	check(store.Range{}, "b", "a", "b", "d")
	check(store.Range{Prefix: store.K("1", "y")}, "a", "b")
	check(store.Range{Prefix: store.K("1", "y"), Reverse: true}, "b", "a")
	check(store.Range{Prefix: store.K("1"), After: usersByGroup.Entry(b, store.K("1", "x"))}, "a", "b")

	putUsers(t, db, &user{Account: "1", Name: "b", Groups: []string{"y", "z"}})
	check(store.Range{Prefix: store.K("1", "x")})
	check(store.Range{Prefix: store.K("1", "y")}, "a", "b")
	check(store.Range{Prefix: store.K("1", "z")}, "b")

	update(t, db, func(tx *store.Tx) error {
		if existed, err := users.Delete(tx, store.K("1", "b")); !existed || err != nil {
			t.Errorf("delete = %v, %v", existed, err)
		}
		if existed, err := users.Delete(tx, store.K("1", "b")); existed || err != nil {
			t.Errorf("second delete = %v, %v", existed, err)
		}
		return nil
	})
	check(store.Range{Prefix: store.K("1")}, "a")
	view(t, db, func(tx *store.Tx) error {
		if u, err := usersByGroup.First(tx, store.K("2", "x")); err != nil || u.Name != "d" {
			t.Errorf("first = %v, %v", u, err)
		}
		if _, err := usersByGroup.First(tx, store.K("2", "y")); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("first of nothing: %v", err)
		}
		return nil
	})
}
