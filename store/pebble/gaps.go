package pebble

import (
	"bytes"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// A deleted key stays in the tree as a tombstone until a compaction drops it, and a scan has to step over it. A queue,
// written at its end and deleted at its head, would step over all that it ever held, again and again. So the driver
// remembers low-water marks: where a scan had to step over many tombstones before its first key, the gap that it found
// is skipped by scans to come, until a commit writes into it.

const (
	// gapSteps is the number of tombstones that makes a gap worth remembering.
	gapSteps = 16
	// maxGaps bounds what is remembered; commits look each of their keys up in it.
	maxGaps = 4096
)

// gap is a range [lo, hi) that has had no key since a version.
type gap struct {
	lo, hi  []byte
	version uint64
}

// gaps are disjoint and sorted.
type gaps struct {
	mu      sync.Mutex // guards the fields below
	gaps    []gap
	version uint64 // of the last commit that fill was told of
}

// skip returns where a scan of the state of the version, from lo upwards, has to begin.
func (g *gaps) skip(lo []byte, version uint64) []byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	if i := g.last(lo); i >= 0 && g.gaps[i].version <= version && bytes.Compare(lo, g.gaps[i].hi) < 0 {
		return g.gaps[i].hi
	}
	return lo
}

// last returns the number of the last gap that begins at or before key, or -1.
func (g *gaps) last(key []byte) int {
	i, found := slices.BinarySearchFunc(g.gaps, key, func(x gap, k []byte) int { return bytes.Compare(x.lo, k) })
	if found {
		return i
	}
	return i - 1
}

// fill is told of the keys of a commit before that is visible to anyone.
func (g *gaps) fill(keys [][]byte, version uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.version = version
	if len(g.gaps) == 0 {
		return
	}
	for _, key := range keys {
		i := g.last(key)
		if i < 0 || bytes.Compare(key, g.gaps[i].hi) >= 0 {
			continue
		}
		if bytes.Equal(g.gaps[i].lo, key) {
			g.gaps = slices.Delete(g.gaps, i, i+1)
		} else {
			g.gaps[i].hi = key
		}
	}
}

// add remembers that the state of the version has no key in [lo, hi). It is only known to hold since then if no commit
// came after, otherwise nothing is remembered. A gap never grows backwards in time: its version is the newest of those
// it was made from.
func (g *gaps) add(lo, hi []byte, version uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if version != g.version {
		return
	}
	lo, hi = bytes.Clone(lo), bytes.Clone(hi)
	i := g.last(lo)
	if i >= 0 && bytes.Compare(lo, g.gaps[i].hi) <= 0 {
		lo = g.gaps[i].lo
		if bytes.Compare(g.gaps[i].hi, hi) > 0 {
			hi = g.gaps[i].hi
		}
	} else {
		i++
	}
	end := i
	for end < len(g.gaps) && bytes.Compare(g.gaps[end].lo, hi) <= 0 {
		if bytes.Compare(g.gaps[end].hi, hi) > 0 {
			hi = g.gaps[end].hi
		}
		end++
	}
	g.gaps = slices.Replace(g.gaps, i, end, gap{lo, hi, version})
	if len(g.gaps) > maxGaps {
		g.gaps = slices.Delete(g.gaps, 0, len(g.gaps)/2)
	}
}

// learn remembers the gap in front of the key that a scan from lo has just found, or up to hi if it found none.
func (r *reader) learn(it *pebble.Iterator, lo, hi []byte, found bool) {
	if it.Error() != nil || it.Stats().ForwardStepCount[pebble.InternalIterCall] < gapSteps {
		return
	}
	if found {
		hi = it.Key()
	}
	r.view.driver.gaps.add(lo, hi, r.view.version)
}
