package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"drydock/clock"
)

// An Update that lost this often gives up. Together with the back-off that is some ten seconds.
const (
	maxAttempts  = 100
	firstBackoff = 50 * time.Microsecond
	maxBackoff   = 100 * time.Millisecond
)

// DB is a store. Its methods are safe for concurrent use.
type DB struct {
	driver         Driver
	shared         *shared
	forceConflicts bool
}

// Option changes how a DB behaves.
type Option func(*DB)

// WithForcedConflicts makes every Update throw its first attempt away as if it had lost a conflict. Tests use it to find
// functions that do more than their transaction, and, as it also watches over them, those that change shared rows.
func WithForcedConflicts() Option { return func(db *DB) { db.forceConflicts = true } }

// Open returns a store on the driver, which it owns from then on.
func Open(d Driver, opts ...Option) *DB {
	db := &DB{driver: d}
	for _, opt := range opts {
		opt(db)
	}
	db.shared = newShared(db.forceConflicts)
	return db
}

// Close waits for the transactions that are running, whose operations fail from now on, and releases the driver.
func (db *DB) Close() error { return db.driver.Close() }

// DropAll deletes everything in one durable step. Updates that are running then run again, on the empty store.
func (db *DB) DropAll(ctx context.Context) error {
	if err := db.driver.DropAll(ctx); err != nil {
		return fmt.Errorf("dropping everything: %w", err)
	}
	return nil
}

// View runs fn on one snapshot, which has everything that was committed before. It returns fn's error.
func (db *DB) View(ctx context.Context, fn func(*Tx) error) error {
	txn, err := db.driver.Begin(ctx, false)
	if err != nil {
		return fmt.Errorf("beginning a view: %w", err)
	}
	tx := &Tx{txn: txn, shared: db.shared}
	defer txn.Rollback() //nolint:errcheck // only for a panic in fn, below it is a repetition
	err = fn(tx)
	tx.txn = doneTxn{}
	if end := txn.Rollback(); end != nil {
		return fmt.Errorf("ending a view: %w", end)
	}
	return err
}

// Update runs fn in a serializable transaction and commits it, durably, when fn returns nil; otherwise it undoes
// everything and returns fn's error. After a conflict it pauses for a moment and runs fn again, on the new state. It
// returns ErrConflict when it lost too often, and the context's error when ctx ends before the commit. After an error of
// the commit itself it is unknown whether the transaction will be there after a restart.
func (db *DB) Update(ctx context.Context, fn func(*Tx) error) error {
	force := db.forceConflicts
	backoff := firstBackoff
	for attempt := 1; ; attempt++ {
		after, err := db.attempt(ctx, fn, force)
		if err == nil {
			for _, f := range after {
				f()
			}
			return nil
		}
		if !errors.Is(err, ErrConflict) {
			return err
		}
		if force {
			force = false
			continue
		}
		if attempt >= maxAttempts {
			return fmt.Errorf("after %d attempts: %w", attempt, err)
		}
		if err := clock.Pause(ctx, backoff/2+rand.N(backoff)); err != nil {
			return fmt.Errorf("waiting to repeat a transaction: %w", err)
		}
		backoff = min(backoff*3/2, maxBackoff)
	}
}

// attempt runs fn once and returns what is to be called after the commit.
func (db *DB) attempt(ctx context.Context, fn func(*Tx) error, discard bool) ([]func(), error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("beginning an update: %w", err)
	}
	txn, err := db.driver.Begin(ctx, true)
	if err != nil {
		return nil, fmt.Errorf("beginning an update: %w", err)
	}
	tx := &Tx{txn: txn, shared: db.shared, writable: true}
	defer txn.Rollback() //nolint:errcheck // only for a panic in fn, below it is a repetition
	err = fn(tx)
	tx.txn = doneTxn{}
	switch {
	case err == nil && tx.err != nil:
		// A write failed and fn went on: what it meant to write is not all there.
		err = tx.err
		fallthrough
	case err != nil:
		if end := txn.Rollback(); end != nil {
			return nil, fmt.Errorf("ending an update: %w", end)
		}
		return nil, err
	case discard:
		return nil, ErrConflict
	}
	if err := txn.Commit(ctx); err != nil {
		return nil, fmt.Errorf("committing: %w", err)
	}
	return tx.after, nil
}
