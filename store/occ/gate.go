package occ

import (
	"sync"
	"sync/atomic"

	"drydock/store"
)

// Gate counts the transactions that are open and closes a store behind the last. Its zero value is open.
type Gate struct {
	closed atomic.Bool

	mu    sync.Mutex // guards the fields below
	open  int
	empty chan struct{} // made by Close, closed when open falls to zero
}

// Enter lets a transaction begin, or returns store.ErrClosed. Leave must follow.
func (g *Gate) Enter() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed.Load() {
		return store.ErrClosed
	}
	g.open++
	return nil
}

// Leave ends what Enter began.
func (g *Gate) Leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open--
	if g.open == 0 && g.empty != nil {
		close(g.empty)
		g.empty = nil
	}
}

// Closed reports whether Close was called.
func (g *Gate) Closed() bool { return g.closed.Load() }

// Close keeps new transactions out and waits until the open ones have left. It returns store.ErrClosed when it was
// called before.
func (g *Gate) Close() error {
	g.mu.Lock()
	if g.closed.Load() {
		g.mu.Unlock()
		return store.ErrClosed
	}
	g.closed.Store(true)
	var wait chan struct{}
	if g.open > 0 {
		wait = make(chan struct{})
		g.empty = wait
	}
	g.mu.Unlock()
	if wait != nil {
		<-wait
	}
	return nil
}
