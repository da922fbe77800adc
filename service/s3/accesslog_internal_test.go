package s3

import (
	"strings"
	"testing"
)

func TestAccessLog_FieldsAreBoundedAndOnOneLine(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1<<20)
	for _, field := range []string{quoted(long), orDash(long)} {
		if len(field) > maxField+2 {
			t.Errorf("a field has %d bytes", len(field))
		}
	}
	if got := quoted("a\"\r\nb") + orDash("a b\nc"); got != `"a???b"a+b+c` {
		t.Errorf("fields %s", got)
	}
}
