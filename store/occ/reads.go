package occ

import (
	"bytes"
	"slices"
	"sort"
)

// Reads is what a transaction has read: keys, and ranges of keys including the gaps in them.
type Reads struct {
	points [][]byte
	spans  []span
	arena  []byte // where the points' bytes lie
	sorted bool   // points and spans are sorted, and the spans disjoint, for many comparisons
}

// span is the range [lo, hi); an empty hi means to the end.
type span struct{ lo, hi []byte }

func (s span) contains(key []byte) bool {
	return bytes.Compare(key, s.lo) >= 0 && (len(s.hi) == 0 || bytes.Compare(key, s.hi) < 0)
}

// Empty reports whether nothing was read.
func (r *Reads) Empty() bool { return len(r.points) == 0 && len(r.spans) == 0 }

// What is set aside for the bytes of keys: room for a few at first, then twice as much each time.
const (
	firstBlock = 256
	maxBlock   = 8 << 10
)

func (r *Reads) point(key []byte) {
	if cap(r.arena)-len(r.arena) < len(key) {
		r.arena = make([]byte, 0, max(min(2*cap(r.arena), maxBlock), firstBlock, len(key)))
	}
	at := len(r.arena)
	r.arena = append(r.arena, key...)
	r.points, r.sorted = append(r.points, r.arena[at:len(r.arena):len(r.arena)]), false
}

// open begins a span in which nothing has been read yet, and returns its number. No other may have been sorted since.
func (r *Reads) open() int {
	r.spans, r.sorted = append(r.spans, span{}), false
	return len(r.spans) - 1
}

// reach records that span i has been read from the bound where the scan began to key, inclusive.
func (r *Reads) reach(i int, lo, hi, key []byte, reverse bool) {
	s := &r.spans[i]
	if reverse {
		s.lo, s.hi = append(s.lo[:0], key...), hi
		return
	}
	s.lo, s.hi = lo, append(append(s.hi[:0], key...), 0)
}

// whole records that span i has been read from end to end.
func (r *Reads) whole(i int, lo, hi []byte) { r.spans[i] = span{lo, hi} }

// sortFrom is the number of comparisons above which sorting pays.
const sortFrom = 256

// overlaps reports whether any of the keys has been read.
func (r *Reads) overlaps(keys [][]byte) bool {
	if !r.sorted && len(keys)*(len(r.points)+len(r.spans)) > sortFrom {
		r.sort()
	}
	return slices.ContainsFunc(keys, r.has)
}

func (r *Reads) has(key []byte) bool {
	if !r.sorted {
		return slices.ContainsFunc(r.points, func(p []byte) bool { return bytes.Equal(p, key) }) ||
			slices.ContainsFunc(r.spans, func(s span) bool { return s.contains(key) })
	}
	if _, found := slices.BinarySearchFunc(r.points, key, bytes.Compare); found {
		return true
	}
	// The first span that ends above key is the only one that can contain it.
	i := sort.Search(len(r.spans), func(i int) bool {
		return len(r.spans[i].hi) == 0 || bytes.Compare(r.spans[i].hi, key) > 0
	})
	return i < len(r.spans) && r.spans[i].contains(key)
}

func (r *Reads) sort() {
	slices.SortFunc(r.points, bytes.Compare)
	slices.SortFunc(r.spans, func(a, b span) int { return bytes.Compare(a.lo, b.lo) })
	merged := r.spans[:0]
	for _, s := range r.spans {
		if len(s.hi) > 0 && bytes.Compare(s.lo, s.hi) >= 0 {
			continue // nothing was read, or the range was empty
		}
		last := len(merged) - 1
		if last >= 0 && (len(merged[last].hi) == 0 || bytes.Compare(s.lo, merged[last].hi) <= 0) {
			if len(merged[last].hi) > 0 && (len(s.hi) == 0 || bytes.Compare(s.hi, merged[last].hi) > 0) {
				merged[last].hi = s.hi
			}
			continue
		}
		merged = append(merged, s)
	}
	r.spans, r.sorted = merged, true
}
