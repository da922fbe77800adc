package storetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/anishathalye/porcupine"

	"drydock/clock"
	"drydock/store"
)

// This file has what holds when many goroutines use the store's front at once.

// crowd runs fn in n goroutines and reports their errors.
func crowd(t *testing.T, n int, fn func(worker int) error) {
	t.Helper()
	var wg sync.WaitGroup
	for w := range n {
		wg.Go(func() {
			if err := fn(w); err != nil {
				t.Errorf("worker %d: %v", w, err)
			}
		})
	}
	wg.Wait()
}

type counter struct {
	Name string
	N    int
}

var counters = store.NewTable("storetest/counter", func(c *counter) store.Key { return store.K(c.Name) })

func read(tx *store.Tx, name string) (*counter, error) {
	c, err := counters.Get(tx, store.K(name))
	if errors.Is(err, store.ErrNotFound) {
		return &counter{Name: name}, nil
	}
	return c, err
}

func add(tx *store.Tx, name string, n int) error {
	c, err := read(tx, name)
	if err != nil {
		return err
	}
	c.N += n
	return counters.Put(tx, c)
}

func testCountsConcurrently(t *testing.T, d store.Driver) {
	const workers, rounds = 8, 25
	db := store.Open(d, store.WithForcedConflicts())
	after := make(chan struct{}, workers*rounds)
	crowd(t, workers, func(int) error {
		for range rounds {
			err := db.Update(t.Context(), func(tx *store.Tx) error {
				tx.AfterCommit(func() { after <- struct{}{} })
				return add(tx, "n", 1)
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err := db.View(t.Context(), func(tx *store.Tx) error {
		c, err := read(tx, "n")
		if err == nil && c.N != workers*rounds {
			t.Errorf("counted %d, want %d", c.N, workers*rounds)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
	if len(after) != workers*rounds {
		t.Errorf("AfterCommit ran %d times, want %d", len(after), workers*rounds)
	}
}

// testMovesConcurrently moves amounts between accounts, whose sum every snapshot must find unchanged.
func testMovesConcurrently(t *testing.T, d store.Driver) {
	const workers, rounds, accounts = 6, 30, 4
	db := store.Open(d)
	name := func(i int) string { return "account" + strconv.Itoa(i%accounts) }
	check := func(tx *store.Tx) error {
		sum := 0
		for c, err := range counters.Scan(tx, store.Range{}) {
			if err != nil {
				return err
			}
			sum += c.N
		}
		if sum != 0 {
			return fmt.Errorf("the sum is %d", sum)
		}
		return nil
	}
	crowd(t, workers, func(w int) error {
		for i := range rounds {
			if err := db.Update(t.Context(), func(tx *store.Tx) error {
				if err := add(tx, name(w+i), -i); err != nil {
					return err
				}
				if err := add(tx, name(w+i*3+1), i); err != nil {
					return err
				}
				if i%10 == 0 {
					return check(tx)
				}
				return nil
			}); err != nil {
				return err
			}
			if err := db.View(t.Context(), check); err != nil {
				return err
			}
		}
		return nil
	})
}

type job struct {
	ID      uint64
	Payload string
}

var jobs = store.NewTable("storetest/job", func(j *job) store.Key { return store.K(j.ID) })

// testQueuesConcurrently has writers append to a queue and readers take from its head: nothing is lost or taken twice.
func testQueuesConcurrently(t *testing.T, d store.Driver) {
	const workers, rounds = 4, 40
	db := store.Open(d)
	var mu sync.Mutex // guards taken
	taken := map[string]int{}
	take := func(tx *store.Tx) (*job, error) {
		for j, err := range jobs.Scan(tx, store.Range{}) {
			if err != nil {
				return nil, err
			}
			_, err := jobs.Delete(tx, jobs.Key(j))
			return j, err
		}
		return nil, nil
	}
	crowd(t, 2*workers, func(w int) error {
		for i := range rounds {
			if w%2 == 0 {
				if err := db.Update(t.Context(), func(tx *store.Tx) error {
					next := uint64(0)
					for j, err := range jobs.Scan(tx, store.Range{Reverse: true}) {
						if err != nil {
							return err
						}
						next = j.ID + 1
						break
					}
					return jobs.Insert(tx, &job{ID: next, Payload: fmt.Sprint(w, "/", i)})
				}); err != nil {
					return err
				}
				continue
			}
			var got *job
			if err := db.Update(t.Context(), func(tx *store.Tx) (err error) {
				got, err = take(tx)
				return err
			}); err != nil {
				return err
			}
			if got != nil {
				mu.Lock()
				taken[got.Payload]++
				mu.Unlock()
			}
		}
		return nil
	})
	for got := new(job); got != nil; {
		if err := db.Update(t.Context(), func(tx *store.Tx) (err error) {
			got, err = take(tx)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if got != nil {
			taken[got.Payload]++
		}
	}
	if len(taken) != workers*rounds {
		t.Errorf("%d jobs came out, want %d", len(taken), workers*rounds)
	}
	for payload, n := range taken {
		if n != 1 {
			t.Errorf("job %s came out %d times", payload, n)
		}
	}
}

// registerOp is an operation on two registers: a read of both, or an addition to one that returns both as they were.
type registerOp struct {
	update bool
	which  int
	delta  int
}

type registers [2]int

// testLinearizable records what concurrent transactions on two registers see, and has porcupine look for an order that
// explains it.
func testLinearizable(t *testing.T, d store.Driver) {
	const workers, rounds = 5, 25
	db := store.Open(d)
	watch := clock.StartStopwatch()
	var mu sync.Mutex // guards history
	var history []porcupine.Operation
	both := func(tx *store.Tx) (r registers, err error) {
		for i := range r {
			c, err := read(tx, strconv.Itoa(i))
			if err != nil {
				return r, err
			}
			r[i] = c.N
		}
		return r, nil
	}
	crowd(t, workers, func(w int) error {
		for i := range rounds {
			op := registerOp{update: (i+w)%3 != 0, which: (i / 2) % 2, delta: w*rounds + i + 1}
			var seen registers
			run := func(tx *store.Tx) (err error) {
				if seen, err = both(tx); err != nil || !op.update {
					return err
				}
				return add(tx, strconv.Itoa(op.which), op.delta)
			}
			call := watch.Elapsed()
			var err error
			if op.update {
				err = db.Update(context.Background(), run)
			} else {
				err = db.View(context.Background(), run)
			}
			if err != nil {
				return err
			}
			end := watch.Elapsed()
			mu.Lock()
			history = append(history, porcupine.Operation{
				ClientId: w, Input: op, Call: int64(call), Output: seen, Return: int64(end),
			})
			mu.Unlock()
		}
		return nil
	})
	model := porcupine.Model{
		Init: func() any { return registers{} },
		Step: func(state, input, output any) (bool, any) {
			s, op := state.(registers), input.(registerOp)
			if output.(registers) != s {
				return false, s
			}
			if op.update {
				s[op.which] += op.delta
			}
			return true, s
		},
	}
	if !porcupine.CheckOperations(model, history) {
		t.Error("no order of the transactions explains what they saw")
	}
}
