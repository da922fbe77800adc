package pebble_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"drydock/store"
	"drydock/store/pebble"
)

// TestDriver_KeepsAcknowledgedCommitsWhenPowerFails takes copies of what the disk has for sure, and by chance some of
// what it was not told to keep, while workers commit.
func TestDriver_KeepsAcknowledgedCommitsWhenPowerFails(t *testing.T) {
	t.Parallel()
	disk := vfs.NewCrashableMem()
	d, err := pebble.Open("data", pebble.Options{FS: disk})
	if err != nil {
		t.Fatal(err)
	}
	db := store.Open(d)
	var acknowledged [crashWorkers]atomic.Int64
	var stop atomic.Bool
	var wg sync.WaitGroup
	for w := range crashWorkers {
		wg.Go(func() {
			for n := 0; !stop.Load(); n++ {
				err := db.Update(context.Background(), func(tx *store.Tx) error {
					for _, half := range []string{"left", "right"} {
						if err := marks.Put(tx, &mark{Half: half, Worker: w, N: n, Fill: make([]byte, rand.N(6000))}); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					t.Error(err)
					return
				}
				acknowledged[w].Store(int64(n + 1))
			}
		})
	}
	for i := range 10 {
		var before [crashWorkers]int
		for acknowledged[i%crashWorkers].Load() < int64(i*20) && !t.Failed() {
			// Until there is something new to lose.
			if err := db.View(context.Background(), func(*store.Tx) error { return nil }); err != nil {
				t.Fatal(err)
			}
		}
		for w := range before {
			before[w] = int(acknowledged[w].Load())
		}
		copied := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50 * (i % 2), RNG: rand.New(rand.NewPCG(1, uint64(i)))})
		again, err := pebble.Open("data", pebble.Options{FS: copied})
		if err != nil {
			t.Fatal(err)
		}
		after := store.Open(again)
		found, err := recovered(after)
		if err != nil {
			t.Error(err)
		}
		for w := range found {
			if found[w] < before[w] {
				t.Errorf("worker %d: %d commits were acknowledged, %d are there", w, before[w], found[w])
			}
		}
		if err := after.Close(); err != nil {
			t.Error(err)
		}
	}
	stop.Store(true)
	wg.Wait()
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}
