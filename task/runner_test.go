package task_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"drydock/clock"
	"drydock/store"
	"drydock/store/mem"
	"drydock/task"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// bench is a runner over an empty store with a stopped clock.
type bench struct {
	*task.Runner
	db    *store.DB
	clock *clock.Clock
	ctx   context.Context
}

func newBench(t *testing.T) *bench {
	t.Helper()
	db := store.Open(mem.New(), store.WithForcedConflicts())
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	c := clock.NewStopped(epoch)
	ctx, cancel := clock.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return &bench{Runner: task.NewRunner(db, c, slog.New(slog.DiscardHandler)), db: db, clock: c, ctx: ctx}
}

func (b *bench) schedule(t *testing.T, kind, key string, due time.Time) {
	t.Helper()
	err := b.db.Update(b.ctx, func(tx *store.Tx) error { return b.Schedule(tx, kind, key, due, nil) })
	if err != nil {
		t.Fatal(err)
	}
}

func (b *bench) advance(t *testing.T, d time.Duration) {
	t.Helper()
	if err := b.Advance(b.ctx, d); err != nil {
		t.Fatal(err)
	}
}

func TestRunner_AdvanceFiresInOrderOfDueTimes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var got []string
	b.Register(task.Kind{Name: "note", Reconcile: func(_ context.Context, tk task.Task) (task.Next, error) {
		got = append(got, tk.Key+"@"+b.clock.Now().Sub(epoch).String())
		if tk.Key == "twice" && b.clock.Now().Before(epoch.Add(2*time.Minute)) {
			return task.At(b.clock.Now().Add(time.Minute)), nil
		}
		return task.Done, nil
	}})
	b.schedule(t, "note", "late", epoch.Add(3*time.Minute))
	b.schedule(t, "note", "twice", epoch.Add(time.Minute))
	b.schedule(t, "note", "never", epoch.Add(time.Hour))
	b.advance(t, 5*time.Minute)
	want := []string{"twice@1m0s", "twice@2m0s", "late@3m0s"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if now := b.clock.Now(); !now.Equal(epoch.Add(5 * time.Minute)) {
		t.Errorf("the clock shows %v", now)
	}
}

func TestRunner_NewScheduleDuringAStepCounts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	steps := 0
	b.Register(task.Kind{Name: "k", Reconcile: func(ctx context.Context, _ task.Task) (task.Next, error) {
		if steps++; steps > 1 {
			return task.Done, nil
		}
		return task.Done, b.db.Update(ctx, func(tx *store.Tx) error {
			return b.Schedule(tx, "k", "a", epoch.Add(time.Second), nil)
		})
	}})
	b.schedule(t, "k", "a", epoch)
	b.advance(t, time.Second)
	if steps != 2 {
		t.Errorf("%d steps, want 2", steps)
	}
}

func TestRunner_FailedAndPanickingStepsAreRepeatedWithGrowingPauses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var at []time.Duration
	b.Register(task.Kind{Name: "k", Reconcile: func(context.Context, task.Task) (task.Next, error) {
		at = append(at, b.clock.Now().Sub(epoch))
		switch len(at) {
		case 1:
			panic("first")
		case 2, 3:
			return task.Done, errors.New("not yet")
		}
		return task.Done, nil
	}})
	b.schedule(t, "k", "a", epoch)
	b.advance(t, time.Minute)
	want := []time.Duration{0, time.Second, 3 * time.Second, 7 * time.Second}
	if diff := cmp.Diff(want, at); diff != "" {
		t.Errorf("attempts (-want +got):\n%s", diff)
	}
}

func TestRunner_CancelledTaskDoesNotFire(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Register(task.Kind{Name: "k", Reconcile: func(context.Context, task.Task) (task.Next, error) {
		t.Error("the task fired")
		return task.Done, nil
	}})
	b.schedule(t, "k", "a", epoch.Add(time.Second))
	if err := b.db.Update(b.ctx, func(tx *store.Tx) error { return b.Cancel(tx, "k", "a") }); err != nil {
		t.Fatal(err)
	}
	b.advance(t, time.Minute)
}

func TestRunner_ScheduleEarlierKeepsTheSoonerTime(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var at time.Duration
	b.Register(task.Kind{Name: "k", Reconcile: func(context.Context, task.Task) (task.Next, error) {
		at = b.clock.Now().Sub(epoch)
		return task.Done, nil
	}})
	for _, due := range []time.Duration{5, 3, 7} {
		err := b.db.Update(b.ctx, func(tx *store.Tx) error {
			return b.ScheduleEarlier(tx, "k", "a", epoch.Add(due*time.Second), nil)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	b.advance(t, time.Minute)
	if at != 3*time.Second {
		t.Errorf("fired at %v", at)
	}
}

func TestRunner_LongStepDoesNotHoldTheClockBack(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	stop := make(chan struct{})
	var ended atomic.Bool
	b.Register(task.Kind{Name: "build", Long: true, Reconcile: func(context.Context, task.Task) (task.Next, error) {
		<-stop
		ended.Store(true)
		return task.Done, nil
	}})
	b.Register(task.Kind{Name: "timeout", Reconcile: func(context.Context, task.Task) (task.Next, error) {
		close(stop)
		return task.Done, nil
	}})
	b.schedule(t, "build", "a", epoch)
	b.schedule(t, "timeout", "a", epoch.Add(time.Hour))
	b.advance(t, 2*time.Hour)
	if err := b.WaitIdle(b.ctx); err != nil {
		t.Fatal(err)
	}
	if !ended.Load() {
		t.Error("the build goes on")
	}
}

func TestRunner_RunFiresWithTheClockAndResumesAfterARestart(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	fired := make(chan string, 8)
	kind := task.Kind{Name: "k", Reconcile: func(ctx context.Context, tk task.Task) (task.Next, error) {
		if tk.Key == "interrupted" && ctx.Err() == nil {
			fired <- tk.Key
			<-ctx.Done()
			return task.Done, ctx.Err()
		}
		fired <- tk.Key
		return task.Done, nil
	}}
	b.Register(kind)
	ctx, cancel := context.WithCancel(b.ctx)
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	b.schedule(t, "k", "now", epoch)
	if got := <-fired; got != "now" {
		t.Fatalf("fired %s", got)
	}
	b.schedule(t, "k", "later", epoch.Add(time.Hour))
	b.clock.Set(epoch.Add(time.Hour))
	if got := <-fired; got != "later" {
		t.Fatalf("fired %s", got)
	}
	b.schedule(t, "k", "interrupted", epoch)
	<-fired
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatalf("Run: %v", err)
	}
	// The step that the stop interrupted is due again for the next runner.
	again := task.NewRunner(b.db, b.clock, slog.New(slog.DiscardHandler))
	again.Register(task.Kind{Name: "k", Reconcile: func(_ context.Context, tk task.Task) (task.Next, error) {
		fired <- "again " + tk.Key
		return task.Done, nil
	}})
	if err := again.Settle(b.ctx); err != nil {
		t.Fatal(err)
	}
	if got := <-fired; got != "again interrupted" {
		t.Errorf("fired %s", got)
	}
}

func TestRunner_SkipJumpsOverIdleTime(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	fired := make(chan time.Time, 1)
	b.Register(task.Kind{Name: "k", Reconcile: func(context.Context, task.Task) (task.Next, error) {
		fired <- b.clock.Now()
		return task.Done, nil
	}})
	busy := b.Begin()
	b.clock.Skip()
	ctx, cancel := context.WithCancel(b.ctx)
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	b.schedule(t, "k", "a", epoch.Add(24*time.Hour))
	select {
	case at := <-fired:
		t.Fatalf("fired at %v while work went on", at)
	default:
	}
	busy()
	if at := <-fired; at.Before(epoch.Add(24 * time.Hour)) {
		t.Errorf("fired at %v", at)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v", err)
	}
}

func TestRunner_TellsOfEachMoveBeforeWhatIsDue(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var order []string
	b.OnMove(func(_ context.Context, at time.Time) error {
		order = append(order, "move "+at.Sub(epoch).String())
		return nil
	})
	b.Register(task.Kind{Name: "k", Reconcile: func(_ context.Context, t task.Task) (task.Next, error) {
		order = append(order, t.Key)
		return task.Done, nil
	}})
	b.schedule(t, "k", "late", epoch.Add(2*time.Hour))
	b.schedule(t, "k", "early", epoch.Add(time.Hour))
	if err := b.Advance(b.ctx, 3*time.Hour); err != nil {
		t.Fatal(err)
	}
	want := []string{"move 1h0m0s", "early", "move 2h0m0s", "late", "move 3h0m0s"}
	if !slices.Equal(order, want) {
		t.Errorf("%v, want %v", order, want)
	}

	forgetful := errors.New("disk full")
	b.OnMove(func(context.Context, time.Time) error { return forgetful })
	if err := b.Advance(b.ctx, time.Hour); !errors.Is(err, forgetful) || !b.clock.Now().Equal(epoch.Add(3*time.Hour)) {
		t.Errorf("a move that cannot be remembered: %v, the clock at %v", err, b.clock.Now())
	}
}

func TestRunner_ThirtyDaysOverQuietTasksAreCheap(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Register(task.Kind{Name: "k", Reconcile: func(context.Context, task.Task) (task.Next, error) { return task.Done, nil }})
	err := b.db.Update(b.ctx, func(tx *store.Tx) error {
		for i := range 1000 {
			if err := b.Schedule(tx, "k", strconv.Itoa(i), epoch.Add(1000*time.Hour), nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	watch := clock.StartStopwatch()
	b.advance(t, 720*time.Hour)
	if took := watch.Elapsed(); took > time.Second {
		t.Errorf("took %v", took)
	}
}

// A step that has looked already must not swallow a request to look that came after its look.
func TestRunner_ScheduleEarlierDuringAStepIsNotLost(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	steps := 0
	b.Register(task.Kind{Name: "k", Reconcile: func(ctx context.Context, tk task.Task) (task.Next, error) {
		if steps++; steps > 1 {
			return task.Done, nil
		}
		return task.Done, b.db.Update(ctx, func(tx *store.Tx) error {
			return b.ScheduleEarlier(tx, "k", tk.Key, b.clock.Now().Add(time.Minute), nil)
		})
	}})
	b.schedule(t, "k", "a", epoch)
	b.advance(t, time.Hour)
	if steps != 2 {
		t.Errorf("%d steps, want 2", steps)
	}
}
