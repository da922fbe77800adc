package task

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"drydock/clock"
	"drydock/store"
)

// Limits of the runner.
const (
	// workers is how many steps run at once while the clock runs by itself.
	workers = 16
	// firstPause and longestPause bound the growing pause after a failed step, on the cloud's clock.
	firstPause   = time.Second
	longestPause = time.Hour
)

// Runner fires tasks when the cloud's clock reaches them. Its methods are safe for concurrent use.
type Runner struct {
	db    *store.DB
	clock *clock.Clock
	log   *slog.Logger

	moving sync.Mutex // held by the one Advance that moves the clock
	// onMove is called before the clock stands at a time that it would not reach by itself; nil does nothing.
	onMove func(context.Context, time.Time) error

	busy atomic.Int64 // work reported by Begin

	mu      sync.Mutex // guards the fields below
	kinds   map[string]Kind
	running map[id]bool   // steps under way; the value tells a long one
	changed chan struct{} // closed and replaced when a step ends or a schedule changes
}

// id names a task.
type id struct{ kind, key string }

// NewRunner returns a runner over the tasks in db.
func NewRunner(db *store.DB, c *clock.Clock, log *slog.Logger) *Runner {
	return &Runner{db: db, clock: c, log: log, kinds: map[string]Kind{}, running: map[id]bool{}, changed: make(chan struct{})}
}

// Register adds a kind. It panics when the name is taken, which is a programming error.
func (r *Runner) Register(k Kind) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, taken := r.kinds[k.Name]; taken {
		panic("task kind registered twice: " + k.Name)
	}
	r.kinds[k.Name] = k
}

// OnMove has fn called each time before the clock gets to a time that it would not reach by itself, with that time and
// before anything due then happens: whoever remembers the clock over a crash remembers it in fn. When fn fails the clock
// stays. OnMove is called before Run and Advance.
func (r *Runner) OnMove(fn func(context.Context, time.Time) error) { r.onMove = fn }

// move moves the clock forward to t.
func (r *Runner) move(ctx context.Context, t time.Time) error {
	if r.onMove != nil {
		if err := r.onMove(ctx, t); err != nil {
			return fmt.Errorf("moving the clock: %w", err)
		}
	}
	r.clock.Set(t)
	return nil
}

// Begin reports that real work goes on (a request, a machine), so that ModeSkip does not take the cloud for idle. The
// caller calls the function that Begin returns, once or more, when the work is over.
func (r *Runner) Begin() (done func()) {
	r.busy.Add(1)
	var over atomic.Bool
	return func() {
		if over.Swap(true) {
			return
		}
		// In the other modes nobody waits for idleness, and every request would have the runner look at the store again. A
		// change to ModeSkip wakes it by itself.
		if r.busy.Add(-1) == 0 && r.clock.State().Mode == clock.ModeSkip {
			r.notify()
		}
	}
}

// notify wakes everyone who waits for a change.
func (r *Runner) notify() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *Runner) waiter() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed
}

// Run fires tasks as the clock reaches them until ctx ends, and returns when the last step is over.
func (r *Runner) Run(ctx context.Context) error {
	var steps sync.WaitGroup
	defer steps.Wait()
	slots := make(chan struct{}, workers)
	for ctx.Err() == nil {
		// Both are taken before looking, so that no change between the look and the wait goes unseen.
		changed, moved := r.waiter(), r.clock.Changed()
		due, next, err := r.claim(ctx, r.clock.Now(), workers)
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, store.ErrClosed) {
				break
			}
			r.log.Error("look for due tasks", "error", err)
			if clock.Pause(ctx, time.Second) != nil {
				break
			}
			continue
		}
		if len(due) > 0 && r.clock.State().Mode == clock.ModeScale {
			// The machine's time alone would not bring the clock back to where these steps happen.
			if err := r.move(ctx, r.clock.Now()); err != nil {
				r.log.Error("remember the clock", "error", err)
			}
		}
		for _, t := range due {
			long := r.isLong(t.Kind)
			if !long { // a long step must not take a place from the short ones
				slots <- struct{}{}
			}
			steps.Go(func() {
				r.step(ctx, t)
				if !long {
					<-slots
				}
			})
		}
		if len(due) > 0 {
			continue
		}
		r.await(ctx, next, changed, moved)
	}
	return ctx.Err()
}

// await waits until next is due, or something changes. In ModeSkip it jumps to next when nothing is going on.
func (r *Runner) await(ctx context.Context, next time.Time, changed, moved <-chan struct{}) {
	var reached <-chan time.Time
	if !next.IsZero() {
		if r.clock.State().Mode == clock.ModeSkip && r.idle() {
			if err := r.move(ctx, next); err != nil && ctx.Err() == nil {
				r.log.Error("skip to what is due next", "error", err)
				_ = clock.Pause(ctx, time.Second)
			}
			return
		}
		timer := r.clock.NewTimer(next.Sub(r.clock.Now()))
		defer timer.Stop()
		reached = timer.C
	}
	select {
	case <-ctx.Done():
	case <-changed:
	case <-moved:
	case <-reached:
	}
}

func (r *Runner) idle() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.busy.Load() == 0 && len(r.running) == 0
}

// Advance moves the clock forward by d. Everything that falls due on the way happens in order of time, each step to
// completion before the clock moves on; long steps go on beside. It returns when nothing more is due.
func (r *Runner) Advance(ctx context.Context, d time.Duration) error {
	if d < 0 {
		return fmt.Errorf("cannot advance the clock by %v", d)
	}
	r.moving.Lock()
	defer r.moving.Unlock()
	target := r.clock.Now().Add(d)
	for {
		if err := r.Settle(ctx); err != nil {
			return err
		}
		next, err := r.earliest(ctx)
		if err != nil {
			return err
		}
		if next.IsZero() || next.After(target) {
			break
		}
		if err := r.move(ctx, next); err != nil {
			return err
		}
	}
	if err := r.move(ctx, target); err != nil {
		return err
	}
	return r.Settle(ctx)
}

// Settle runs what is due now, and what that makes due, until nothing is due and no short step is under way.
func (r *Runner) Settle(ctx context.Context) error {
	for {
		changed := r.waiter()
		due, _, err := r.claim(ctx, r.clock.Now(), 1)
		if err != nil {
			return err
		}
		switch {
		case len(due) > 0 && r.isLong(due[0].Kind):
			go r.step(context.WithoutCancel(ctx), due[0])
		case len(due) > 0:
			r.step(ctx, due[0])
		case !r.stepping():
			return nil
		default:
			select {
			case <-changed:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

// WaitIdle is Settle that also waits for the long steps.
func (r *Runner) WaitIdle(ctx context.Context) error {
	for {
		if err := r.Settle(ctx); err != nil {
			return err
		}
		changed := r.waiter()
		r.mu.Lock()
		busy := len(r.running) > 0
		r.mu.Unlock()
		if !busy {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (r *Runner) isLong(kind string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.kinds[kind].Long
}

// stepping tells whether a short step is under way.
func (r *Runner) stepping() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, long := range r.running {
		if !long {
			return true
		}
	}
	return false
}

// claim marks up to limit due tasks that are not under way as running and returns them in order. With none, it returns
// when the earliest other task falls due; zero when there is none.
func (r *Runner) claim(ctx context.Context, now time.Time, limit int) (due []Task, next time.Time, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		due, next = nil, time.Time{}
		for t, err := range byDue.Scan(tx, store.Range{}) {
			if err != nil {
				return err
			}
			if r.isRunning(id{t.Kind, t.Key}) {
				continue
			}
			if t.Due.After(now) {
				next = t.Due
				return nil
			}
			if due = append(due, *t); len(due) == limit {
				return nil
			}
		}
		return nil
	})
	if err != nil {
		return nil, time.Time{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	claimed := due[:0]
	for _, t := range due {
		if _, taken := r.running[id{t.Kind, t.Key}]; !taken {
			r.running[id{t.Kind, t.Key}] = r.kinds[t.Kind].Long
			claimed = append(claimed, t)
		}
	}
	return claimed, next, nil
}

func (r *Runner) isRunning(task id) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, running := r.running[task]
	return running
}

// earliest returns when the next task falls due that is not under way.
func (r *Runner) earliest(ctx context.Context) (next time.Time, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		next = time.Time{}
		for t, err := range byDue.Scan(tx, store.Range{}) {
			if err != nil {
				return err
			}
			if !r.isRunning(id{t.Kind, t.Key}) {
				next = t.Due
				return nil
			}
		}
		return nil
	})
	return next, err
}

// step runs one claimed task and stores what comes of it.
func (r *Runner) step(ctx context.Context, t Task) {
	defer func() {
		r.mu.Lock()
		delete(r.running, id{t.Kind, t.Key})
		r.mu.Unlock()
		r.notify()
	}()
	// The claim was made on a snapshot: the task may have been carried out or moved since.
	current, err := r.reread(ctx, t)
	if err != nil || current.Version != t.Version || !current.Due.Equal(t.Due) {
		if err != nil && !notFound(err) && ctx.Err() == nil {
			r.log.Error("read task", "kind", t.Kind, "key", t.Key, "error", err)
		}
		return
	}
	next, err := r.reconcile(ctx, t)
	if err != nil {
		if ctx.Err() != nil { // the process is stopping: the task stays due and is run at the next start
			return
		}
		t.Attempt++
		next = At(r.clock.Now().Add(pause(t.Attempt)))
		r.log.Error("task failed", "kind", t.Kind, "key", t.Key, "attempt", t.Attempt, "error", err)
	} else {
		t.Attempt = 0
	}
	if err := r.finish(context.WithoutCancel(ctx), t, next); err != nil {
		r.log.Error("store task", "kind", t.Kind, "key", t.Key, "error", err)
	}
}

func (r *Runner) reread(ctx context.Context, t Task) (current *Task, err error) {
	err = r.db.View(ctx, func(tx *store.Tx) error {
		current, err = tasks.Get(tx, store.K(t.Kind, t.Key))
		return err
	})
	return current, err
}

// finish deletes or moves the task, unless it was scheduled again while it ran.
func (r *Runner) finish(ctx context.Context, t Task, next Next) error {
	return r.db.Update(ctx, func(tx *store.Tx) error {
		current, err := tasks.Get(tx, store.K(t.Kind, t.Key))
		if notFound(err) || err == nil && current.Version != t.Version {
			return nil
		}
		if err != nil {
			return err
		}
		if next == Done {
			_, err := tasks.Delete(tx, store.K(t.Kind, t.Key))
			return err
		}
		current.Due, current.Attempt = next.at.UTC(), t.Attempt
		current.Version++
		return tasks.Put(tx, current)
	})
}

// reconcile calls the kind's reconciler and turns a panic into an error: one broken task must not stop the cloud.
func (r *Runner) reconcile(ctx context.Context, t Task) (next Next, err error) {
	r.mu.Lock()
	kind, ok := r.kinds[t.Kind]
	r.mu.Unlock()
	if !ok {
		return Done, fmt.Errorf("no reconciler for task kind %q", t.Kind)
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return kind.Reconcile(ctx, t)
}

// pause is how long to wait after the given number of failures in a row.
func pause(attempt int) time.Duration {
	d := firstPause
	for range attempt - 1 {
		if d *= 2; d >= longestPause {
			return longestPause
		}
	}
	return d
}

func notFound(err error) bool { return errors.Is(err, store.ErrNotFound) }
