package tuple_test

import (
	"bytes"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"drydock/store/tuple"
)

type named string

func TestAppend_KeepsOrder(t *testing.T) {
	t.Parallel()
	at := func(s string) time.Time {
		x, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	// Each tuple sorts before the next.
	ascending := [][]any{
		{},
		{[]byte{}}, {[]byte{0}}, {[]byte{0, 0xFF}}, {[]byte{1}}, {[]byte{0xFF}},
		{""}, {"", ""}, {"", "x"}, {"\x00"}, {"\x00\xff"}, {"a"}, {"a", ""}, {"a", int64(5)}, {"a\x00"}, {"a\x00b"}, {"a\x01"}, {"ab"}, {"b"}, {"\xff"},
		{int64(math.MinInt64)}, {int64(math.MinInt32)}, {int64(-65537)}, {int64(-65536)}, {int64(-257)}, {int64(-256)}, {int64(-255)}, {int64(-2)}, {int64(-1)},
		{int64(0)}, {int64(0), int64(0)}, {int64(1)}, {int64(255)}, {int64(256)}, {int64(math.MaxInt32)}, {int64(math.MaxInt64)}, {uint64(math.MaxInt64 + 1)}, {uint64(math.MaxUint64)},
		{false}, {true},
		{at("0001-01-01T00:00:00Z")}, {at("1969-12-31T23:59:59.999999999Z")}, {at("1970-01-01T00:00:00Z")}, {at("2026-01-01T00:00:00.000000001Z")}, {at("9999-12-31T23:59:59Z")},
	}
	for i, parts := range ascending {
		b := tuple.Append(nil, parts...)
		if i > 0 {
			if prev := tuple.Append(nil, ascending[i-1]...); bytes.Compare(prev, b) >= 0 {
				t.Errorf("%v is not before %v", ascending[i-1], parts)
			}
		}
		got, err := tuple.Decode(b)
		if err != nil {
			t.Fatalf("%v: %v", parts, err)
		}
		if diff := cmp.Diff(append([]any(nil), parts...), got); diff != "" {
			t.Errorf("decoded differs (-want +got):\n%s", diff)
		}
	}
}

func TestAppend_TakesNumbersOfAnyTypeAlike(t *testing.T) {
	t.Parallel()
	want := tuple.Append(nil, int64(7), "x", time.Unix(5, 6).UTC())
	for _, parts := range [][]any{
		{int(7), named("x"), time.Unix(5, 6).In(time.FixedZone("", 7200))},
		{int32(7), "x", time.Unix(5, 6)}, {uint64(7), "x", time.Unix(5, 6)},
		{uint8(7), "x", time.Unix(5, 6)}, {time.Duration(7), "x", time.Unix(5, 6)},
	} {
		if got := tuple.Append(nil, parts...); !bytes.Equal(got, want) {
			t.Errorf("%v is %x, want %x", parts, got, want)
		}
	}
}

func TestAppend_PanicsOnOtherTypes(t *testing.T) {
	t.Parallel()
	type bytesType []byte
	for _, part := range []any{nil, 1.5, bytesType("x"), struct{}{}, &struct{}{}, []string{}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%T was taken", part)
				}
			}()
			tuple.Append(nil, part)
		}()
	}
}

func TestAppend_OnlyAllocatesTheResult(t *testing.T) {
	s, n, at := "account", int64(1)<<40, time.Unix(1, 2)
	got := testing.AllocsPerRun(100, func() {
		buf := make([]byte, 0, 64)
		_ = tuple.Append(buf, s, n, at, named(s))
	})
	if got > 1 {
		t.Errorf("%v allocations", got)
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		alphabet := rapid.SampledFrom([]byte{0, 1, 'a', 'b', 0xFE, 0xFF})
		drawString := func(label string) string { return string(rapid.SliceOfN(alphabet, 0, 4).Draw(t, label)) }
		prefix, head, first, second := drawString("prefix"), drawString("head"), drawString("first"), drawString("second")
		key := tuple.Append(nil, first, second)
		p := tuple.Append(nil, prefix)
		in := func(lo, hi []byte) bool { return bytes.Compare(key, lo) >= 0 && bytes.Compare(key, hi) < 0 }
		if got, want := in(p, tuple.End(p)), first == prefix; got != want {
			t.Errorf("prefix %q holds (%q, %q): %v", prefix, first, second, got)
		}
		from, to := tuple.StringPrefix(p, head)
		if got, want := in(from, to), first == prefix && len(second) >= len(head) && second[:len(head)] == head; got != want {
			t.Errorf("prefix (%q, %q...) holds (%q, %q): %v", prefix, head, first, second, got)
		}
		from, to = tuple.StringPrefix(nil, head)
		if got, want := in(from, to), len(first) >= len(head) && first[:len(head)] == head; got != want {
			t.Errorf("prefix (%q...) holds (%q, %q): %v", head, first, second, got)
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add(tuple.Append(nil, "a\x00", []byte{0}, 5, -5, uint64(math.MaxUint64), true, time.Unix(0, 0)))
	f.Add([]byte{0x02, 'a'})
	f.Add([]byte{0x0c, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		parts, err := tuple.Decode(b)
		if err != nil {
			return
		}
		again, err := tuple.Decode(tuple.Append(nil, parts...))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(parts, again); diff != "" {
			t.Errorf("decoded again differs:\n%s", diff)
		}
	})
}
