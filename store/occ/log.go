// Package occ lets drivers of the store run optimistic transactions: a transaction reads from a snapshot, keeps its
// writes to itself, and is committed if nothing that it read has been written since. Log remembers what recent commits
// wrote, Txn is the transaction, Backend is what a driver has to do.
package occ

import (
	"errors"
	"slices"
	"sync"

	"drydock/store"
)

// logLimit bounds the bytes of keys that a Log remembers. A transaction that has been running while more was written
// is taken for conflicting.
const logLimit = 4 << 20

// keyOverhead is what a remembered key costs beside its bytes.
const keyOverhead = 24

// Log remembers the keys that recent commits wrote, as far back as the oldest open transaction needs, within bounds. Its
// zero value is ready; its methods are safe for concurrent use. The store's state has a version, which each commit
// raises by one.
type Log struct {
	mu      sync.Mutex // guards the fields below
	version uint64     // of the last commit
	base    uint64     // the commits after this version are remembered
	commits []commit   // commits[i] made version base+1+i
	size    int
	starts  []start // open transactions by version, ascending
}

type commit struct {
	keys [][]byte
	size int
}

type start struct {
	version uint64
	open    int
}

// Begin tells the log that a transaction reads at the version, which is not below that of an earlier Begin unless by a
// race of no consequence. End must follow.
func (l *Log) Begin(version uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i, found := l.find(version)
	if !found {
		l.starts = slices.Insert(l.starts, i, start{version: version})
	}
	l.starts[i].open++
}

// End tells the log that a transaction that began at the version needs nothing any more.
func (l *Log) End(version uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i, found := l.find(version)
	if !found {
		return
	}
	if l.starts[i].open--; l.starts[i].open > 0 {
		return
	}
	l.starts = slices.Delete(l.starts, i, i+1)
	if i == 0 {
		l.trim()
	}
}

func (l *Log) find(version uint64) (int, bool) {
	return slices.BinarySearchFunc(l.starts, version, func(s start, v uint64) int {
		switch {
		case s.version < v:
			return -1
		case s.version > v:
			return 1
		}
		return 0
	})
}

// errForgotten says why a transaction conflicts that may well not have.
var errForgotten = errors.New("it ran for too long")

// Check compares what was read with what commits after the version since wrote. It returns the version up to which there
// is no conflict, or an error that is store.ErrConflict. A transaction is checked once before and once inside the lock
// under which its driver commits, so that the second look is short.
func (l *Log) Check(reads *Reads, since uint64) (uint64, error) {
	l.mu.Lock()
	version, base := l.version, l.base
	var commits []commit
	if since >= base {
		// The elements are never written again while they are in a slice that was handed out.
		commits = l.commits[since-base : len(l.commits) : len(l.commits)]
	}
	l.mu.Unlock()
	if reads.Empty() || since == version {
		return version, nil
	}
	if since < base {
		return 0, errors.Join(store.ErrConflict, errForgotten)
	}
	for _, c := range commits {
		if reads.overlaps(c.keys) {
			return 0, store.ErrConflict
		}
	}
	return version, nil
}

// Append records a commit that wrote the keys, which must not be changed afterwards, and returns its version. The caller
// holds the lock under which its driver commits.
func (l *Log) Append(keys [][]byte) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.version++
	if len(l.starts) == 0 {
		l.commits, l.base, l.size = nil, l.version, 0
		return l.version
	}
	c := commit{keys: keys}
	for _, k := range keys {
		c.size += len(k) + keyOverhead
	}
	l.commits, l.size = append(l.commits, c), l.size+c.size
	for l.size > logLimit {
		l.forget(1)
	}
	return l.version
}

// AppendAll records a commit that wrote everything.
func (l *Log) AppendAll() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.version++
	l.commits, l.base, l.size = nil, l.version, 0
	return l.version
}

// trim forgets the commits that no open transaction needs. The caller holds mu.
func (l *Log) trim() {
	if len(l.starts) == 0 {
		l.commits, l.base, l.size = nil, l.version, 0
		return
	}
	if oldest := l.starts[0].version; oldest > l.base {
		l.forget(int(oldest - l.base))
	}
}

// forget drops the n oldest commits. The caller holds mu.
func (l *Log) forget(n int) {
	for _, c := range l.commits[:n] {
		l.size -= c.size
	}
	l.base += uint64(n)
	l.commits = l.commits[n:]
	// What lies before the slice stays allocated until append moves it, which it does after at most as many commits
	// again; Check may still be reading there.
}
