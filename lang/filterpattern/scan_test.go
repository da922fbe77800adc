package filterpattern

import (
	"encoding/json"
	"strings"
	"testing"
)

// FuzzScan holds the scanner against encoding/json: both must agree on what is JSON.
func FuzzScan(f *testing.F) {
	f.Add(trail)
	f.Add(`[1, -0.5e+3, "\u00e9\\", {"a": [true, false, null]}, {}]`)
	f.Add(`{"a": 01}`)
	p, err := Parse("{ $.never NOT EXISTS || $.never EXISTS || $[0] EXISTS }")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, message string) {
		if strings.Contains(message, `\`) || strings.Count(message, "[")+strings.Count(message, "{") > maxDepth {
			return // escapes are checked only where a value is wanted; depth is limited
		}
		trimmed := strings.TrimLeft(message, " \t\r\n")
		want := json.Valid([]byte(message)) && (trimmed[0] == '{' || trimmed[0] == '[')
		if got := p.Match(message); got != want {
			t.Errorf("taken for JSON: %v, want %v: %q", got, want, message)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	for name, c := range map[string][2]string{
		"terms":  {"ERROR -timeout", "2026-01-01T00:00:00Z [ERROR] the request 5b9c failed: connection refused by upstream"},
		"fields": {"[ip, ..., status = 4*, bytes > 100]", `127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET / HTTP/1.0" 404 1534`},
		"json":   {`{ $.eventType = "Up*" && ($.users[*].id >= 3 || $.x NOT EXISTS) }`, trail},
	} {
		b.Run(name, func(b *testing.B) {
			p, err := Parse(c[0])
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(c[1])))
			b.ReportAllocs()
			for b.Loop() {
				if !p.Match(c[1]) {
					b.Fatal("no match")
				}
			}
		})
	}
}
