package codebuild

import (
	"bytes"
	"fmt"
	"testing"
)

// TestMarkWriter_TakesReportsOut writes the same output in pieces of every size.
func TestMarkWriter_TakesReportsOut(t *testing.T) {
	t.Parallel()
	const text = "a\x01b\x01TOKE\x01TOKEN 0\x01c\x01TOKEN x\x01\x01TOKEN 255\x01d\x01TOKEN 99999\x01e\x01"
	const want = "a\x01b\x01TOKEc\x01TOKEN x\x01d\x01TOKEN 99999\x01e"
	for size := 1; size <= len(text); size++ {
		var out bytes.Buffer
		var codes []int
		w := &markWriter{out: &out, mark: []byte("\x01TOKEN "), found: func(code int) { codes = append(codes, code) }}
		for rest := []byte(text); len(rest) > 0; {
			n := min(size, len(rest))
			if written, err := w.Write(rest[:n]); err != nil || written != n {
				t.Fatal(written, err)
			}
			rest = rest[n:]
		}
		if out.String() != want || fmt.Sprint(codes) != "[0 255]" {
			t.Errorf("pieces of %d: %q, codes %v", size, out.String(), codes)
		}
	}
}

func TestVersionMatches(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		wanted, found string
		want          bool
	}{
		{"latest", "3.11.7", true}, {"3.x", "3.11.7", true}, {"3.11", "3.11.7", true}, {"3", "3.11.7", true}, {"3.1", "3.11.7", false},
		{"corretto17", "17.0.2", true}, {"openjdk11", "17.0.2", false}, {"20", "20", true}, {"2", "20.1", false}, {"", "20.1", false},
	} {
		if got := versionMatches(test.wanted, test.found); got != test.want {
			t.Errorf("%q of %s: %v", test.wanted, test.found, got)
		}
	}
}

func TestIsBuildspecPath(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"buildspec.yml": true, "ci/build spec.yaml": true, "version: 0.2\nphases: {}": false, "version: 0.2": false, "{version: 0.2}": false,
		"arn:aws:s3:::b/k": false,
	} {
		if got := isBuildspecPath(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
