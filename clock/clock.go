// Package clock is the time of the cloud. It is the only package that may ask the machine for the time or wait for it:
// everything else takes a *Clock, so that a test or an operator can stop it and wind it forward.
package clock

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Mode tells how the cloud's time relates to the machine's.
type Mode string

// The modes of a Clock.
const (
	ModeReal  Mode = "real"  // runs with the machine's time, from wherever the clock stands
	ModeScale Mode = "scale" // runs Factor times as fast
	ModeStop  Mode = "stop"  // stands still until it is advanced
	ModeSkip  Mode = "skip"  // as real, and jumps to the next due task whenever the cloud is idle
)

// State is all that a Clock needs to go on after a restart.
type State struct {
	Mode   Mode      `json:"mode"`
	Factor float64   `json:"factor"` // of ModeScale, otherwise 1
	Now    time.Time `json:"now"`
	// Offset is how far the clock is ahead of the machine's time; it is what persists for a running clock.
	Offset time.Duration `json:"offset"`
}

// Clock tells the cloud's time. It never goes backwards. Its methods are safe for concurrent use.
type Clock struct {
	mu     sync.Mutex // guards the fields below
	mode   Mode
	factor float64
	base   time.Time // cloud time at the moment mark
	mark   time.Time // machine time, monotonic
	timers map[*Timer]struct{}
	wake   chan struct{} // closed and replaced whenever mode or time is changed by hand
}

// New returns a clock in ModeReal that shows the machine's time.
func New() *Clock {
	now := time.Now()
	return &Clock{mode: ModeReal, factor: 1, base: now.UTC().Round(0), mark: now, timers: map[*Timer]struct{}{}, wake: make(chan struct{})}
}

// NewStopped returns a clock that stands at t.
func NewStopped(t time.Time) *Clock {
	c := New()
	c.mode, c.base = ModeStop, t.UTC().Round(0)
	return c
}

// Now returns the cloud's time in UTC, without a monotonic reading.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

func (c *Clock) now() time.Time {
	switch c.mode {
	case ModeStop:
		return c.base
	default:
		return c.base.Add(time.Duration(float64(time.Since(c.mark)) * c.factor))
	}
}

// State returns the clock's state.
func (c *Clock) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	return State{Mode: c.mode, Factor: c.factor, Now: now, Offset: now.Sub(time.Now().UTC())}
}

// Restore continues from a state saved earlier: a stopped clock stands where it stood, a running one has kept running.
// A clock that would have to go backwards stays where it is.
func (c *Clock) Restore(s State) error {
	switch s.Mode {
	case ModeStop:
		c.Stop()
		c.Set(s.Now)
		return nil
	case ModeReal, ModeSkip, ModeScale:
		now := time.Now().UTC().Add(s.Offset)
		if s.Mode == ModeScale { // the hours the process was down count once, not scaled: nothing could happen in them
			now = s.Now
		}
		if now.Before(s.Now) {
			now = s.Now
		}
		c.Set(now)
		return c.run(s.Mode, s.Factor)
	default:
		return fmt.Errorf("unknown clock mode %q", s.Mode)
	}
}

// Stop makes the clock stand where it is.
func (c *Clock) Stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.base, c.mark, c.mode, c.factor = c.now(), time.Now(), ModeStop, 1
	c.changed()
}

// Real makes the clock run with the machine's time, from where it stands.
func (c *Clock) Real() { _ = c.run(ModeReal, 1) }

// Skip makes the clock run and lets the task runner jump over idle time.
func (c *Clock) Skip() { _ = c.run(ModeSkip, 1) }

// Scale makes the clock run factor times as fast as the machine's. The factor lies above 0 and up to 1,000,000.
func (c *Clock) Scale(factor float64) error { return c.run(ModeScale, factor) }

func (c *Clock) run(mode Mode, factor float64) error {
	if mode != ModeScale {
		factor = 1
	}
	if !(factor > 0 && factor <= 1e6) {
		return fmt.Errorf("clock factor %v is not above 0 and up to 1000000", factor)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.base, c.mark, c.mode, c.factor = c.now(), time.Now(), mode, factor
	c.changed()
	return nil
}

// Set moves the clock forward to t and fires the timers that fall due, in any order; a t in the past does nothing. Use
// the task runner's Advance to move a whole cloud: it lets everything due happen in order on the way.
func (c *Clock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !t.After(c.now()) {
		return
	}
	c.base, c.mark = t.UTC().Round(0), time.Now()
	c.changed()
}

// changed re-arms every timer for the clock's new course. The caller holds mu.
func (c *Clock) changed() {
	close(c.wake)
	c.wake = make(chan struct{})
	now := c.now()
	for t := range c.timers {
		t.arm(now)
	}
}

// Changed returns a channel that is closed the next time the clock is set or changes its mode.
func (c *Clock) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wake
}

// Timer fires once when the cloud's time reaches a moment. C receives the time then.
type Timer struct {
	C     <-chan time.Time
	c     chan time.Time
	due   time.Time
	clock *Clock
	real  *time.Timer
}

// NewTimer returns a timer that fires after d of the cloud's time. A caller that no longer waits must Stop it.
func (c *Clock) NewTimer(d time.Duration) *Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	t := &Timer{c: make(chan time.Time, 1), due: now.Add(d), clock: c}
	t.C = t.c
	c.timers[t] = struct{}{}
	t.arm(now)
	return t
}

// arm fires the timer, or sets the machine's timer for when it will be due. The caller holds clock.mu.
func (t *Timer) arm(now time.Time) {
	if t.real != nil {
		t.real.Stop()
		t.real = nil
	}
	if !now.Before(t.due) {
		delete(t.clock.timers, t)
		t.c <- now
		return
	}
	if t.clock.mode == ModeStop {
		return
	}
	wait := time.Duration(float64(t.due.Sub(now)) / t.clock.factor)
	t.real = time.AfterFunc(wait+time.Microsecond, func() {
		t.clock.mu.Lock()
		defer t.clock.mu.Unlock()
		if _, waiting := t.clock.timers[t]; waiting {
			t.arm(t.clock.now())
		}
	})
}

// Stop ends the wait. It reports whether the timer had not fired yet.
func (t *Timer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	_, waiting := t.clock.timers[t]
	delete(t.clock.timers, t)
	if t.real != nil {
		t.real.Stop()
	}
	return waiting
}

// Sleep waits for d of the cloud's time or until ctx is done.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	t := c.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Wall returns the machine's time in UTC. It is for what concerns the outside world: the skew of a client's signature,
// certificate lifetimes, durations in logs and metrics. The cloud's own behaviour uses Now.
func Wall() time.Time { return time.Now().UTC() }

// Stopwatch measures how long something takes on the machine.
type Stopwatch struct{ start time.Time }

// StartStopwatch starts measuring.
func StartStopwatch() Stopwatch { return Stopwatch{time.Now()} }

// Elapsed is the machine's time since the start.
func (s Stopwatch) Elapsed() time.Duration { return time.Since(s.start) }

// WithTimeout is context.WithTimeout in the machine's time: for limits on real work, such as an I/O deadline.
func WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, d)
}

// Pause waits for d of the machine's time or until ctx is done: for polling real things, such as a process's start.
func Pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
