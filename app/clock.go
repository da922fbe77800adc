package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"drydock/clock"
	"drydock/store"
)

// clocks has one row: the state in which the clock goes on after a restart.
var clocks = store.NewTable("app/clock", func(*clock.State) store.Key { return store.K(0) })

// restoreClock continues from the state that was saved last.
func (c *Cloud) restoreClock(ctx context.Context) error {
	err := c.db.View(ctx, func(tx *store.Tx) error {
		saved, err := clocks.Get(tx, store.K(0))
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		return c.clock.Restore(*saved)
	})
	if err != nil {
		return fmt.Errorf("restore clock: %w", err)
	}
	return nil
}

// saveClock remembers the clock's state. A clock that has only ever run with the machine's needs no memory.
func (c *Cloud) saveClock(ctx context.Context) error { return c.saveClockAt(ctx, c.clock.Now()) }

// saveClockAt remembers the state that the clock has once it is moved to t. It comes before all that happens then, so that
// after a crash the clock is never behind what has happened.
func (c *Cloud) saveClockAt(ctx context.Context, t time.Time) error {
	state := c.clock.State()
	if ahead := t.Sub(state.Now); ahead > 0 {
		state.Now, state.Offset = t, state.Offset+ahead
	}
	return c.db.Update(ctx, func(tx *store.Tx) error { return clocks.Put(tx, &state) })
}
