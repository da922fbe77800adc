package app

import (
	"context"
	"testing"

	"drydock/blob"
	"drydock/blob/mem"
	"drydock/clock"
	"drydock/service"
)

func TestSweep_DeletesWhatAnEarlierProcessLeft(t *testing.T) {
	t.Parallel()
	blobs := blob.New(mem.New())
	held := map[string]bool{}
	modules := []service.Module{{}, {Holds: func(context.Context, []string) (map[string]bool, error) { return held, nil }}}
	first := &sweeper{blobs: blobs, modules: modules, since: clock.StartStopwatch()}
	for i := range 3 {
		w, err := blobs.Create(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ref, err := w.Commit()
		if err != nil {
			t.Fatal(err)
		}
		held[ref.ID] = i == 0
	}
	if swept, err := first.sweep(t.Context()); err != nil || swept.Blobs != 0 {
		t.Errorf("%+v, %v: swept what this process wrote, whose transactions may come yet", swept, err)
	}
	next := &sweeper{blobs: blobs, modules: modules, since: clock.StartStopwatch()}
	if swept, err := next.sweep(t.Context()); err != nil || swept.Blobs != 2 {
		t.Errorf("the next process swept %+v, %v, want two", swept, err)
	}
	for info, err := range blobs.List(t.Context()) {
		if err != nil || !held[info.ID] {
			t.Errorf("left %s, %v", info.ID, err)
		}
	}
}

func TestSweep_KeepsWhatThisProcessWroteWhenTheClockIsSet(t *testing.T) {
	t.Parallel()
	blobs := blob.New(mem.New())
	blobs.TrackCommits()
	commit := func() string {
		w, err := blobs.Create(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ref, err := w.Commit()
		if err != nil {
			t.Fatal(err)
		}
		return ref.ID
	}
	commit()
	// A clock that was set forward makes what this process wrote look older than the process.
	modules := []service.Module{{Holds: func(context.Context, []string) (map[string]bool, error) { return nil, nil }}}
	late := &sweeper{blobs: blobs, modules: modules, since: clock.StartStopwatch()}
	if swept, err := late.sweep(t.Context()); err != nil || swept.Blobs != 0 {
		t.Errorf("swept %+v, %v: its transaction may come yet", swept, err)
	}
	// The sweep is over, and with it what it has to know.
	if swept, err := late.sweep(t.Context()); err != nil || swept.Blobs != 1 {
		t.Errorf("the next sweep: %+v, %v", swept, err)
	}
}
