package app

import (
	"context"
	"errors"
	"fmt"

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
func (c *Cloud) saveClock(ctx context.Context) error {
	state := c.clock.State()
	return c.db.Update(ctx, func(tx *store.Tx) error { return clocks.Put(tx, &state) })
}
