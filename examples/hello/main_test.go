package main

import "testing"

func TestGreeting(t *testing.T) {
	t.Parallel()
	for want, names := range map[string][]string{
		"Hello, world!":         nil,
		"Hello, Ada!":           {"Ada"},
		"Hello, Ada and Alan!":  {"Ada", "Alan"},
		"Hello, A, B, C and D!": {"A", "B", "C", "D"},
	} {
		if got := greeting(names); got != want {
			t.Errorf("greeting(%q) = %q, want %q", names, got, want)
		}
	}
}
