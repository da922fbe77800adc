package store

import "drydock/store/tuple"

// Key is the position of a row: a list of parts, written so that keys compare as bytes in the order of their parts (see
// package tuple). A key that has only the first parts of a row's key is a prefix of it.
type Key []byte

// K returns the key of the parts: string, []byte, bool, ints, uints, time.Time (an instant, to the nanosecond) and named
// types of these kinds except []byte. Any other type, a Key too, is a programming error and panics.
func K(parts ...any) Key {
	return tuple.Append(make([]byte, 0, sizeHint(parts)), parts...)
}

func sizeHint(parts []any) int {
	n := 0
	for _, p := range parts {
		switch v := p.(type) {
		case string:
			n += len(v) + 2
		case []byte:
			n += len(v) + 2
		default:
			n += 13
		}
	}
	return n
}

// With returns a new key of k's parts followed by more.
func (k Key) With(parts ...any) Key {
	return tuple.Append(append(make([]byte, 0, len(k)+sizeHint(parts)), k...), parts...)
}

// Parts returns the parts: string, []byte, bool, int64 (uint64 if it does not fit) and time.Time in UTC.
func (k Key) Parts() ([]any, error) { return tuple.Decode(k) }

// End returns the first position behind all keys that begin with the parts of k: for Range.From and To.
func (k Key) End() Key { return tuple.End(k) }

// StringPrefix returns the bounds [from, to), for Range.From and To, of the keys that have the parts of k followed by a
// string that begins with s.
func (k Key) StringPrefix(s string) (from, to Key) { return tuple.StringPrefix(k, s) }

// Range selects rows of a table or entries of an index. Its keys count from the beginning of the row's key (or the
// index entry's), Prefix does not shift the others. All conditions hold together; the zero value selects everything.
type Range struct {
	// Prefix restricts to keys that begin with these parts.
	Prefix Key
	// After leaves out this position and everything that the scan's direction has before it: pages go on with it.
	After Key
	// From is the lowest position, To the first one above the range, in both directions.
	From, To Key
	// Reverse yields in descending order.
	Reverse bool
}

// bounds returns the range as driver keys in the space.
func (r Range) bounds(space []byte) (lo, hi []byte) {
	at := func(k []byte, more ...byte) []byte {
		b := append(make([]byte, 0, len(space)+len(k)+len(more)), space...)
		return append(append(b, k...), more...)
	}
	lo, hi = r.Prefix, tuple.End(r.Prefix)
	if r.From != nil && string(r.From) > string(lo) {
		lo = r.From
	}
	if r.To != nil && string(r.To) < string(hi) {
		hi = r.To
	}
	loMore := []byte(nil)
	if r.After != nil {
		if r.Reverse {
			if string(r.After) < string(hi) {
				hi = r.After
			}
		} else if string(r.After) >= string(lo) {
			lo, loMore = r.After, []byte{0}
		}
	}
	return at(lo, loMore...), at(hi)
}
