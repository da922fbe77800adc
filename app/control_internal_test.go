package app

import "testing"

func TestCloud_IsKnownByTheNameItListensOn(t *testing.T) {
	t.Parallel()
	for listen, want := range map[string]bool{
		"Cloud.Example.Org.:443": true, "other.example.org:443": false, "127.0.0.1:4566": false, ":4566": false, "example.org:443": false,
	} {
		c := &Cloud{names: namesOf(listen)}
		if got := c.knownAs("cloud.example.org"); got != want {
			t.Errorf("listening on %s: known as cloud.example.org is %t", listen, got)
		}
		if c.knownAs("") {
			t.Errorf("listening on %s: known by no name", listen)
		}
	}
}
