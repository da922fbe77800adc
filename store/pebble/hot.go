package pebble

import (
	"bytes"
	"hash/maphash"
	"sync/atomic"
)

// Some rows are read by nearly every request: the caller's key, the bucket, the log group. A read in the tree asks several
// tables and may have to fetch and unpack blocks, so the driver keeps what was read lately, and knows from the commits
// how long it is true.

const (
	// hotSlots is how many rows are kept at most. A key has one slot, that its hash tells.
	hotSlots = 4096
	// maxHot is the size of the largest row kept, so that all together stay within a few megabytes.
	maxHot = 2 << 10
)

// hot keeps rows that are read again and again. Its methods are safe for concurrent use.
type hot struct {
	seed  maphash.Seed
	slots [hotSlots]hotSlot
}

type hotSlot struct {
	// written is the version of the last commit that wrote a key of the slot, whether the row that is kept or another.
	written atomic.Uint64
	row     atomic.Pointer[hotRow]
	// asked is the hash of the key that was missed last. A row is kept when it is missed twice in a row, with no write
	// between: reads that come once must not push out those that come again, and a row that is read to be written over is
	// not worth keeping.
	asked atomic.Uint64
}

// hotRow is what a state has at a key; a nil value tells that it has nothing. It is never changed.
type hotRow struct {
	key, value []byte
	version    uint64
}

func newHot() *hot { return &hot{seed: maphash.MakeSeed()} }

// get returns what the state of the version has at a key, or nil when that is not known.
func (h *hot) get(key []byte, version uint64) *hotRow {
	slot := &h.slots[maphash.Bytes(h.seed, key)%hotSlots]
	// The row is loaded first: a commit tells of its keys before anyone can read what it wrote, so written is no older
	// than the row. What nobody wrote since is the same in both states.
	row := slot.row.Load()
	if written := slot.written.Load(); row == nil || written > row.version || written > version || !bytes.Equal(row.key, key) {
		return nil
	}
	return row
}

// missed offers what the state of the version has at a key, after get did not know it.
func (h *hot) missed(key, value []byte, version uint64) {
	hash := maphash.Bytes(h.seed, key)
	slot := &h.slots[hash%hotSlots]
	if slot.asked.Swap(hash) != hash || len(key)+len(value) > maxHot || slot.written.Load() > version {
		return
	}
	// A commit may come in between: then the row is of a version before written, and get does not return it.
	slot.row.Store(&hotRow{key: bytes.Clone(key), value: bytes.Clone(value), version: version})
}

// fill is told of the keys of a commit before that is visible to anyone. One goroutine at a time calls it, with rising
// versions.
func (h *hot) fill(keys [][]byte, version uint64) {
	for _, key := range keys {
		slot := &h.slots[maphash.Bytes(h.seed, key)%hotSlots]
		slot.written.Store(version)
		slot.asked.Store(0)
	}
}

// fillAll is fill for a commit that wrote everything.
func (h *hot) fillAll(version uint64) {
	for i := range h.slots {
		h.slots[i].written.Store(version)
	}
}
