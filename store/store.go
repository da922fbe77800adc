package store

import (
	"context"
	"errors"
	"iter"
)

// Errors of the store.
var (
	// ErrNotFound is returned by Get for a key that is not there.
	ErrNotFound = errors.New("not found")
	// ErrConflict is returned by a driver's Commit when something the transaction read has changed. Update retries it
	// and returns it only when ctx ends or the transaction lost too many times.
	ErrConflict = errors.New("transaction conflict")
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("store is closed")
)

// Driver is a place where keys and values are kept. Drivers are in the folders mem and pebble; storetest has the suite
// that each must pass.
type Driver interface {
	// Begin starts a transaction on a snapshot of the present. A transaction is used by one goroutine.
	Begin(ctx context.Context, writable bool) (Txn, error)
	// Close releases the driver. Transactions still open fail with ErrClosed.
	Close() error
}

// Txn is a driver's transaction. It sees its own writes. Keys are ordered as bytes.
type Txn interface {
	// Get returns the value of key, or ErrNotFound. The value must not be changed and is valid until the end.
	Get(key []byte) ([]byte, error)
	// Scan yields the keys in [lo, hi) in order, or in reverse order; an empty hi means to the end. What has been
	// yielded counts as read, and so do the gaps between, up to where the caller stopped.
	Scan(lo, hi []byte, reverse bool) iter.Seq2[[]byte, Value]
	Set(key, value []byte) error
	Delete(key []byte) error
	// Commit makes the writes durable and visible at once, or returns ErrConflict and does nothing.
	Commit(ctx context.Context) error
	// Rollback ends the transaction without effect; after Commit it does nothing.
	Rollback()
}

// Value is what a scan yields beside the key: the value, or the error that ended the scan.
type Value struct {
	Bytes []byte
	Err   error
}
