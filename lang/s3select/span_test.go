package s3select_test

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"drydock/lang/s3select"
)

func TestSpan_HasTheRecordsThatBeginWithin(t *testing.T) {
	t.Parallel()
	header := s3select.CSV{Header: s3select.UseHeader, Comment: "#"}
	for _, tt := range []struct {
		text       string
		o          s3select.CSV
		start, end int64
		want       string
	}{
		{"a\nb\nc\n", s3select.CSV{}, 0, 5, "a\nb\nc\n"},
		{"a\nb\nc\n", s3select.CSV{}, 1, 2, "b\n"},
		{"a\nb\nc", s3select.CSV{}, 3, 9, "c"},
		{"a\nb\nc", s3select.CSV{}, 5, 9, ""},
		{"a||b|c||d", s3select.CSV{Record: "||"}, 1, 3, "b|c||"},
		{"a||b|c||d", s3select.CSV{Record: "||"}, 2, 2, ""},
		{"a||b|c||d", s3select.CSV{Record: "||"}, 4, 8, "d"},
		{"#\nh\n1\n2\n", header, 0, 4, "h\n1\n"},
		{"#\nh\n1\n2\n", header, 0, 1, "h\n"},
		{"\xef\xbb\xbfh\n1\n2\n", header, 6, 8, "h\n2\n"},
		{"h", header, 0, 0, "h"},
		{"", header, 0, 0, ""},
		{"a\n" + strings.Repeat("x", 600<<10) + "\nb\n", s3select.CSV{}, 3, 700 << 10, "b\n"},
	} {
		s := s3select.NewSpan(strings.NewReader(tt.text), int64(len(tt.text)), tt.start, tt.end, tt.o)
		if got, err := io.ReadAll(iotest.OneByteReader(s)); err != nil || string(got) != tt.want {
			t.Errorf("%.20q from %d to %d: %.40q, %v, want %q", tt.text, tt.start, tt.end, got, err, tt.want)
		}
	}
	long := strings.Repeat("x", 1<<20) + "\n1\n"
	_, err := io.ReadAll(s3select.NewSpan(strings.NewReader(long), int64(len(long)), 0, 9, header))
	if err == nil || !strings.Contains(err.Error(), "OverMaxRecordSize") {
		t.Errorf("a header without end: %v", err)
	}
}

func TestJSON_HasNoNumbersThatAreNone(t *testing.T) {
	t.Parallel()
	if got := run("SELECT 1e308 * 10 AS x FROM S3Object", "", csvOf("a\n", s3select.CSV{}), &s3select.Output{JSON: true}); got != `{"x":null}`+"\n" {
		t.Error(got)
	}
}
