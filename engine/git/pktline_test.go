package git

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestPkt_RoundTrip(t *testing.T) {
	t.Parallel()
	for _, data := range []string{"", "a", strings.Repeat("x", pktPayload)} {
		kind, got, err := readPkt(bytes.NewReader(appendPkt(nil, data)))
		if err != nil || kind != pktData || string(got) != data {
			t.Errorf("%d bytes: %v %d %v", len(data), kind, len(got), err)
		}
	}
	long := bytes.Repeat([]byte("y"), 200_000)
	var back []byte
	r := bytes.NewReader(appendFlush(appendBand(nil, bandData, long, pktPayload)))
	for {
		kind, data, err := readPkt(r)
		if err != nil {
			t.Fatal(err)
		}
		if kind == pktFlush {
			break
		}
		back = append(back, data[1:]...)
	}
	if !bytes.Equal(back, long) {
		t.Error("a band lost data")
	}
}

func FuzzPushHead(f *testing.F) {
	id := strings.Repeat("1", 40)
	f.Add(appendFlush(appendPkt(nil, string(zeroID)+" "+id+" refs/heads/main\x00report-status side-band-64k agent=git/2")))
	f.Add(appendFlush(appendPkt(appendPkt(nil, "shallow "+id), id+" "+string(zeroID)+" refs/heads/main")))
	f.Add([]byte("0000"))
	f.Add([]byte("fff0"))
	f.Fuzz(func(t *testing.T, data []byte) {
		head, err := readPushHead(bytes.NewReader(data))
		if err != nil {
			if !errors.Is(err, ErrProtocol) && !errors.Is(err, ErrTooLarge) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("unexpected error %v", err)
			}
			return
		}
		if len(head.updates) == 0 {
			return
		}
		// What git is told must mean exactly what was understood.
		again, err := readPushHead(bytes.NewReader(head.encode()))
		if err != nil {
			t.Fatalf("cannot read back: %v", err)
		}
		if len(again.updates) != len(head.updates) {
			t.Fatalf("%d updates became %d", len(head.updates), len(again.updates))
		}
		for i := range head.updates {
			if again.updates[i] != head.updates[i] {
				t.Fatalf("update %v became %v", head.updates[i], again.updates[i])
			}
		}
		refused := head.refuse(func(u RefUpdate) string { return u.Ref })
		if _, err := parseReport(refused); err != nil && head.bandSize() == 0 {
			t.Fatalf("bad refusal: %v", err)
		}
	})
}

func FuzzPushOutput(f *testing.F) {
	f.Add(appendFlush(appendBand(appendBand(nil, bandProgress, []byte("hi"), 100), bandData, []byte("000eunpack ok\n"), 100)), 3)
	f.Fuzz(func(t *testing.T, data []byte, cut int) {
		whole, split := &pushOutput{w: io.Discard, banded: true}, &pushOutput{w: io.Discard, banded: true}
		_, err := whole.Write(data)
		cut = max(0, min(cut, len(data)))
		_, err1 := split.Write(data[:cut])
		if err1 == nil {
			_, err1 = split.Write(data[cut:])
		}
		if (err == nil) != (err1 == nil) || err == nil && !bytes.Equal(whole.report, split.report) {
			t.Fatalf("%q and %q, %v and %v", whole.report, split.report, err, err1)
		}
	})
}

func FuzzTree(f *testing.F) {
	f.Add([]byte("100644 a\x0012345678901234567890"))
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = parseTree(data) })
}
