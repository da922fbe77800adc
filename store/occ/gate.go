package occ

import (
	"sync"
	"sync/atomic"

	"drydock/store"
)

// Gate counts the transactions that are open and closes a store behind the last. Its zero value is open.
type Gate struct {
	open atomic.Int64 // the number of open transactions; plus closed, once Close was called

	mu   sync.Mutex // held by Close
	left *sync.Cond // made by Close: the last transaction has left
}

// closed is more than there ever are transactions.
const closed = 1 << 62

// Enter lets a transaction begin, or returns store.ErrClosed. Leave must follow.
func (g *Gate) Enter() error {
	if g.open.Add(1) >= closed {
		g.Leave()
		return store.ErrClosed
	}
	return nil
}

// Leave ends what Enter began.
func (g *Gate) Leave() {
	if g.open.Add(-1) == closed {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.left.Broadcast()
	}
}

// Closed reports whether Close was called.
func (g *Gate) Closed() bool { return g.open.Load() >= closed }

// Close keeps new transactions out and waits until the open ones have left. It returns store.ErrClosed when it was
// called before.
func (g *Gate) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.Closed() {
		return store.ErrClosed
	}
	g.left = sync.NewCond(&g.mu)
	for g.open.Add(closed); g.open.Load() > closed; {
		g.left.Wait()
	}
	return nil
}
