package pebble_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"drydock/store"
	"drydock/store/pebble"
)

type note struct{ ID, Text string }

var notes = store.NewTable("test/note", func(n *note) store.Key { return store.K(n.ID) })

func putNote(db *store.DB, id string) error {
	return db.Update(context.Background(), func(tx *store.Tx) error { return notes.Put(tx, &note{ID: id}) })
}

func TestDriver_RefusesEverythingAfterFailedSync(t *testing.T) {
	t.Parallel()
	for name, kinds := range map[string][]errorfs.OpKind{
		"sync":  {errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo},
		"write": {errorfs.OpFileWrite},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			faults := &errorfs.Toggle{Injector: errorfs.InjectorFunc(func(op errorfs.Op) error {
				for _, k := range kinds {
					if op.Kind == k && strings.HasSuffix(op.Path, ".log") {
						return errorfs.ErrInjected
					}
				}
				return nil
			})}
			disk := vfs.NewCrashableMem()
			d, err := pebble.Open("data", pebble.Options{FS: errorfs.Wrap(disk, faults)})
			if err != nil {
				t.Fatal(err)
			}
			db := store.Open(d)
			if err := putNote(db, "before"); err != nil {
				t.Fatal(err)
			}
			faults.On()
			if err := putNote(db, "lost"); err == nil {
				t.Error("a commit whose fsync failed was acknowledged")
			}
			faults.Off()
			for range 2 {
				if err := putNote(db, "after"); err == nil || errors.Is(err, store.ErrConflict) {
					t.Errorf("update after the failure: %v", err)
				}
			}
			if err := db.View(context.Background(), func(tx *store.Tx) error { return nil }); err == nil {
				t.Error("a view after the failure was answered")
			}
			if err := db.DropAll(context.Background()); err == nil {
				t.Error("everything was dropped after the failure")
			}
			if err := db.Close(); err == nil {
				t.Error("close says nothing of the failure")
			}

			// A machine that starts again with what the disk has for sure.
			d, err = pebble.Open("data", pebble.Options{FS: disk.CrashClone(vfs.CrashCloneCfg{})})
			if err != nil {
				t.Fatal(err)
			}
			db = store.Open(d)
			if err := db.View(context.Background(), func(tx *store.Tx) error {
				_, err := notes.Get(tx, store.K("before"))
				return err
			}); err != nil {
				t.Errorf("after opening again: %v", err)
			}
			if err := putNote(db, "again"); err != nil {
				t.Error(err)
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestDriver_TellsNothingThatIsNotDurable holds an fsync back and looks who waits for it.
func TestDriver_TellsNothingThatIsNotDurable(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}, 16), make(chan struct{})
	hold := &errorfs.Toggle{Injector: errorfs.InjectorFunc(func(op errorfs.Op) error {
		switch op.Kind {
		case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
			if strings.HasSuffix(op.Path, ".log") {
				entered <- struct{}{}
				<-release
			}
		}
		return nil
	})}
	d, err := pebble.Open("data", pebble.Options{FS: errorfs.Wrap(vfs.NewMem(), hold)})
	if err != nil {
		t.Fatal(err)
	}
	db := store.Open(d)
	hold.On()
	first := make(chan error, 1)
	go func() { first <- putNote(db, "a") }()
	<-entered

	has := func(tx *store.Tx) bool {
		ok, err := notes.Has(tx, store.K("a"))
		if err != nil {
			t.Error(err)
		}
		return ok
	}
	if err := db.View(context.Background(), func(tx *store.Tx) error {
		if has(tx) {
			t.Error("a view sees what is not durable")
		}
		return nil
	}); err != nil {
		t.Error(err)
	}

	// An Update that refuses because of what it sees must not say so before that is durable; and one that builds on
	// it is committed after it.
	errTaken, errNotYet := errors.New("taken"), errors.New("not yet visible")
	seen := make(chan struct{}, 2)
	try := func(fn func(tx *store.Tx) error) <-chan error {
		done := make(chan error, 1)
		go func() {
			err := errNotYet
			for errors.Is(err, errNotYet) { // the fsync begins a moment before the commit becomes visible
				err = db.Update(context.Background(), func(tx *store.Tx) error {
					if !has(tx) {
						return errNotYet
					}
					seen <- struct{}{}
					return fn(tx)
				})
			}
			done <- err
		}()
		return done
	}
	refused := try(func(*store.Tx) error { return errTaken })
	built := try(func(tx *store.Tx) error { return notes.Put(tx, &note{ID: "b"}) })
	<-seen
	<-seen
	select {
	case err := <-refused:
		t.Errorf("an update answered %v from what is not durable", err)
	case err := <-built:
		t.Errorf("an update was committed (%v) before what it read", err)
	case err := <-first:
		t.Errorf("commit returned %v before its fsync", err)
	default:
	}
	hold.Off()
	close(release)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if err := <-refused; !errors.Is(err, errTaken) {
		t.Error(err)
	}
	if err := <-built; err != nil {
		t.Error(err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}
