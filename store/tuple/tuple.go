// Package tuple writes lists of values as bytes that compare as the lists do, part by part: the store's keys. Each part
// is self-delimiting, so the bytes of a list are a prefix of those of every list that begins with the same parts.
//
// Strings and bytes compare bytewise, numbers by value whatever their Go type, false before true, times as instants to
// the nanosecond. Parts of different kinds compare in the order bytes, string, number, bool, time. The format is stored
// on disk and never changes; no encoded part begins with 0xFF.
package tuple

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"reflect"
	"strings"
	"time"
)

// The first byte of a part. A number's byte is kindZero plus, for positive, or minus, for negative numbers, the count of
// the bytes that follow.
const (
	kindBytes  = 0x01
	kindString = 0x02
	kindZero   = 0x14
	kindFalse  = 0x26
	kindTrue   = 0x27
	kindTime   = 0x30
)

// In bytes and strings 0x00 is written as 0x00 0xFF, and a lone 0x00 ends the part. It sorts first, as no part begins
// with 0xFF.
const (
	terminator = 0x00
	escape     = 0xFF
)

// ErrCorrupt is wrapped by Decode's errors.
var ErrCorrupt = errors.New("bytes are no tuple")

// Append writes the parts behind dst. It takes string, []byte, bool, every size of int and uint, time.Time, and named
// types of strings, bools and numbers. Any other type is a programming error and panics.
func Append(dst []byte, parts ...any) []byte {
	for _, p := range parts {
		switch v := p.(type) {
		case string:
			dst = appendString(append(dst, kindString), v)
		case []byte:
			dst = appendBytes(append(dst, kindBytes), v)
		case bool:
			dst = appendBool(dst, v)
		case int:
			dst = appendInt(dst, int64(v))
		case int32:
			dst = appendInt(dst, int64(v))
		case int64:
			dst = appendInt(dst, v)
		case uint64:
			dst = appendUint(dst, v)
		case time.Time:
			dst = appendTime(dst, v)
		default:
			dst = appendNamed(dst, p)
		}
	}
	return dst
}

// appendNamed takes the types that have one of the basic kinds.
func appendNamed(dst []byte, p any) []byte {
	v := reflect.ValueOf(p)
	switch v.Kind() {
	case reflect.String:
		return appendString(append(dst, kindString), v.String())
	case reflect.Bool:
		return appendBool(dst, v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return appendInt(dst, v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return appendUint(dst, v.Uint())
	case reflect.Invalid:
		panic("tuple: nil cannot be part of a key")
	default:
		panic("tuple: " + v.Type().String() + " cannot be part of a key")
	}
}

func appendString(dst []byte, s string) []byte {
	for {
		i := strings.IndexByte(s, 0)
		if i < 0 {
			return append(append(dst, s...), terminator)
		}
		dst = append(append(dst, s[:i+1]...), escape)
		s = s[i+1:]
	}
}

func appendBytes(dst, b []byte) []byte {
	for _, c := range b {
		dst = append(dst, c)
		if c == 0 {
			dst = append(dst, escape)
		}
	}
	return append(dst, terminator)
}

func appendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, kindTrue)
	}
	return append(dst, kindFalse)
}

func appendInt(dst []byte, i int64) []byte {
	if i >= 0 {
		return appendUint(dst, uint64(i))
	}
	u := uint64(-(i + 1)) // the ones' complement keeps the order and has room for the smallest number
	n := max(1, (bits.Len64(u)+7)/8)
	return appendBigEndian(append(dst, kindZero-byte(n)), ^u, n)
}

func appendUint(dst []byte, u uint64) []byte {
	n := (bits.Len64(u) + 7) / 8
	return appendBigEndian(append(dst, kindZero+byte(n)), u, n)
}

func appendBigEndian(dst []byte, u uint64, n int) []byte {
	for shift := (n - 1) * 8; shift >= 0; shift -= 8 {
		dst = append(dst, byte(u>>shift))
	}
	return dst
}

func appendTime(dst []byte, t time.Time) []byte {
	dst = binary.BigEndian.AppendUint64(append(dst, kindTime), uint64(t.Unix())^(1<<63))
	return binary.BigEndian.AppendUint32(dst, uint32(t.Nanosecond()))
}

// Decode returns the parts: string, []byte, bool, int64 (or uint64 for a number that only fits there) and time.Time in
// UTC. Its results share no memory with b.
func Decode(b []byte) ([]any, error) {
	var parts []any
	for len(b) > 0 {
		part, n, err := decodePart(b)
		if err != nil {
			return nil, err
		}
		parts, b = append(parts, part), b[n:]
	}
	return parts, nil
}

func decodePart(b []byte) (part any, n int, err error) {
	kind, rest := b[0], b[1:]
	switch {
	case kind == kindString || kind == kindBytes:
		raw, n, err := decodeBytes(rest)
		if err != nil {
			return nil, 0, err
		}
		if kind == kindString {
			return string(raw), 1 + n, nil
		}
		return raw, 1 + n, nil
	case kind == kindFalse || kind == kindTrue:
		return kind == kindTrue, 1, nil
	case kind == kindTime:
		if len(rest) < 12 {
			return nil, 0, fmt.Errorf("%w: time is cut off", ErrCorrupt)
		}
		sec := int64(binary.BigEndian.Uint64(rest) ^ (1 << 63))
		return time.Unix(sec, int64(binary.BigEndian.Uint32(rest[8:]))).UTC(), 13, nil
	case kind >= kindZero-8 && kind <= kindZero+8:
		return decodeNumber(kind, rest)
	}
	return nil, 0, fmt.Errorf("%w: kind %#x", ErrCorrupt, kind)
}

func decodeNumber(kind byte, rest []byte) (part any, n int, err error) {
	n = int(kind) - kindZero
	negative := n < 0
	if negative {
		n = -n
	}
	if len(rest) < n {
		return nil, 0, fmt.Errorf("%w: number is cut off", ErrCorrupt)
	}
	var u uint64
	if negative {
		u = math.MaxUint64
	}
	for _, c := range rest[:n] {
		u = u<<8 | uint64(c)
	}
	if !negative && u > math.MaxInt64 {
		return u, 1 + n, nil
	}
	if negative && u <= math.MaxInt64 {
		return nil, 0, fmt.Errorf("%w: number is too small", ErrCorrupt)
	}
	return int64(u), 1 + n, nil
}

func decodeBytes(b []byte) (raw []byte, n int, err error) {
	raw = []byte{}
	for i := 0; i < len(b); i++ {
		if b[i] != 0 {
			raw = append(raw, b[i])
			continue
		}
		if i+1 == len(b) || b[i+1] != escape {
			return raw, i + 1, nil
		}
		raw = append(raw, 0)
		i++
	}
	return nil, 0, fmt.Errorf("%w: string is cut off", ErrCorrupt)
}

// End returns the first position behind every tuple that begins with the tuple prefix.
func End(prefix []byte) []byte {
	return append(append(make([]byte, 0, len(prefix)+1), prefix...), 0xFF)
}

// StringPrefix returns the bounds [from, to) of the tuples that begin with the parts of prefix, followed by a string
// that begins with s.
func StringPrefix(prefix []byte, s string) (from, to []byte) {
	from = append(append(make([]byte, 0, len(prefix)+len(s)+2), prefix...), kindString)
	from = appendString(from, s)
	from = from[:len(from)-1]
	to = append([]byte(nil), from...)
	for to[len(to)-1] == 0xFF { // ends at the latest at kindString
		to = to[:len(to)-1]
	}
	to[len(to)-1]++
	return from, to
}
