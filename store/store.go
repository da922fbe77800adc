// Package store keeps the cloud's state: an ordered, transactional key-value store with typed tables on top.
//
// Code declares a Table for each kind of record and reads and writes it inside View and Update. A View sees one
// snapshot. An Update is serializable, ranges included, and runs again after a conflict, so nothing may happen inside it
// except through its Tx: no message sent, no file written, no variable counted. AfterCommit is for what follows. No
// transaction is held over a wait, a stream, or a call to another service, and an Update is not started inside another.
//
// What View or Update returned without error is based on, or has become, durable state: it survives a crash.
//
// Queue-like tables, whose rows are written at the end and deleted at the head, need no care: the pebble driver remembers
// where a scan had to step over deleted rows and does not do so again (see its low-water marks).
//
// The package assumes nothing about how a driver prevents conflicts: it may validate at Commit (store/occ) or lock, and
// any operation may return ErrConflict.
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
	// ErrConflict is returned by a driver's transaction when something it read has changed. Update retries it and
	// returns it only when the transaction lost too many times.
	ErrConflict = errors.New("transaction conflict")
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("store is closed")
	// ErrReadOnly is returned by writes in a View.
	ErrReadOnly = errors.New("transaction is read-only")
	// ErrTooLarge is returned by Set for a key or value above the limits.
	ErrTooLarge = errors.New("too large for the store")
	// ErrBadKey is returned by Set and Delete for an empty key and for one that begins with 0xFF.
	ErrBadKey = errors.New("not a key of the store")
	// ErrDone is returned by operations of a transaction that has ended.
	ErrDone = errors.New("transaction has ended")
)

// Limits of keys and values. A key is not empty and does not begin with 0xFF, which is the drivers' own.
const (
	MaxKeySize   = 16 << 10
	MaxValueSize = 64 << 20
)

// Driver is a place where keys and values are kept. Drivers are in the folders mem and pebble; storetest has the suite
// that each must pass.
type Driver interface {
	// Begin starts a transaction on a snapshot that has everything committed before. A transaction is used by one
	// goroutine and ended by Commit or Rollback.
	Begin(ctx context.Context, writable bool) (Txn, error)
	// DropAll deletes everything at once and durably. Writable transactions that are open then conflict.
	DropAll(ctx context.Context) error
	// Close releases the driver. It makes the operations of open transactions fail with ErrClosed and waits until these
	// have ended.
	Close() error
}

// Txn is a driver's transaction. It sees its own writes. Keys are ordered as bytes.
type Txn interface {
	// Get returns the value of key, or ErrNotFound. The value must not be changed and is valid until the next call of
	// Get, Commit or Rollback. The key is not kept.
	Get(key []byte) ([]byte, error)
	// Scan yields the keys in [lo, hi) in order, or in reverse order; an empty hi means to the end. What has been
	// yielded counts as read, and so do the gaps between, up to where the caller stopped. Key and value must not be
	// changed and are valid until the loop asks for the next. The loop may read and write: writes to keys still ahead
	// are seen.
	Scan(lo, hi []byte, reverse bool) iter.Seq2[[]byte, Value]
	// Set writes a key. It keeps key and value, which must not be changed afterwards.
	Set(key, value []byte) error
	// Delete removes a key, which need not exist. It keeps key, which must not be changed afterwards.
	Delete(key []byte) error
	// Commit makes the writes durable and visible at once, or returns ErrConflict and does nothing. After any other
	// error it is unknown whether the writes will be there after a restart. Without writes it returns as soon as
	// everything that was read is durable.
	Commit(ctx context.Context) error
	// Rollback ends the transaction without effect; after Commit it does nothing. It returns once everything that was
	// read is durable, and an error if that failed: then nothing learned in the transaction may be told to anyone.
	Rollback() error
}

// Value is what a scan yields beside the key: the value, or the error that ended the scan.
type Value struct {
	Bytes []byte
	Err   error
}
