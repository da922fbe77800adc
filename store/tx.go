package store

import "iter"

// Tx is a running transaction, given to the function of View or Update and valid until that returns. It is used by one
// goroutine. Rows are read and written through Table and Index.
type Tx struct {
	txn      Txn
	shared   *shared
	writable bool
	after    []func()
	err      error // the first write that failed; the transaction cannot be committed any more

	key  []byte   // of the last read
	room [96]byte // for most keys
}

// join returns the parts' bytes as the key of a read, valid until the next read.
func (tx *Tx) join(space, key []byte) []byte {
	if tx.key == nil {
		tx.key = tx.room[:0]
	}
	tx.key = append(append(tx.key[:0], space...), key...)
	return tx.key
}

// AfterCommit has fn called once, after the transaction is durable and before Update returns; in the order of the calls.
// It is dropped if the transaction is not committed, and when it is repeated. In a View it is never called.
func (tx *Tx) AfterCommit(fn func()) { tx.after = append(tx.after, fn) }

// Writable reports whether the transaction is an Update.
func (tx *Tx) Writable() bool { return tx.writable }

func (tx *Tx) set(key, value []byte) error { return tx.wrote(tx.txn.Set(key, value)) }

func (tx *Tx) delete(key []byte) error { return tx.wrote(tx.txn.Delete(key)) }

// wrote remembers a write's failure.
func (tx *Tx) wrote(err error) error {
	if err != nil && tx.err == nil {
		tx.err = err
	}
	return err
}

// doneTxn stands in for a transaction that has ended, so that a Tx kept too long fails instead of reading a snapshot
// that is gone.
type doneTxn struct{ Txn }

func (doneTxn) Get([]byte) ([]byte, error) { return nil, ErrDone }
func (doneTxn) Set(_, _ []byte) error      { return ErrDone }
func (doneTxn) Delete([]byte) error        { return ErrDone }
func (doneTxn) Scan(_, _ []byte, _ bool) iter.Seq2[[]byte, Value] {
	return func(yield func([]byte, Value) bool) { yield(nil, Value{Err: ErrDone}) }
}
