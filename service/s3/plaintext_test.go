package s3

import (
	"bytes"
	"fmt"
	"testing"
)

func TestPlaintexts_KeepsWhatIsReadTwiceWithinItsBounds(t *testing.T) {
	t.Parallel()
	var p plaintexts
	if data, claim := p.get("a", 10); data != nil || claim {
		t.Errorf("first read: %q, claim %t; want neither", data, claim)
	}
	if data, claim := p.get("a", 10); data != nil || !claim {
		t.Errorf("second read: %q, claim %t; want a claim", data, claim)
	}
	if data, claim := p.get("a", 10); data != nil || claim {
		t.Errorf("while another reads: %q, claim %t; want neither", data, claim)
	}
	p.keep("a", []byte("0123456789"))
	if data, _ := p.get("a", 10); !bytes.Equal(data, []byte("0123456789")) {
		t.Errorf("kept %q", data)
	}
	for range 2 {
		if _, claim := p.get("large", maxPlaintext+1); claim {
			t.Error("a segment larger than the limit was claimed")
		}
	}
	for i := range 2 * maxPlaintexts / maxPlaintext {
		id := fmt.Sprint("big", i)
		p.get(id, maxPlaintext)
		if _, claim := p.get(id, maxPlaintext); !claim {
			t.Fatalf("%s was not claimed", id)
		}
		if i%2 == 0 {
			p.forget(id)
		} else {
			p.keep(id, make([]byte, 1))
		}
		if p.size > maxPlaintexts || p.recent.Len() != len(p.entries) {
			t.Fatalf("%d bytes in %d of %d entries", p.size, p.recent.Len(), len(p.entries))
		}
	}
	if data, _ := p.get("a", 10); data != nil {
		t.Error("what was used longest ago was not dropped")
	}
	p.keep("gone", []byte("x")) // its claim was dropped meanwhile: nothing to do
	if data, _ := p.get("gone", 1); data != nil {
		t.Error("content without an entry was kept")
	}
}
