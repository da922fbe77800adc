package kms

import "testing"

func TestGrant_CoversOnlyWhatHasItsContext(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		parent, child map[string]string
		want          bool
	}{
		"the same":              {map[string]string{"a": "1"}, map[string]string{"a": "1"}, true},
		"narrower":              {map[string]string{"a": "1"}, map[string]string{"a": "1", "b": "2"}, true},
		"another value":         {map[string]string{"a": "1"}, map[string]string{"a": "2"}, false},
		"none":                  {map[string]string{"a": "1"}, nil, false},
		"none for an empty one": {map[string]string{"a": ""}, nil, false},
		"an empty one":          {map[string]string{"a": ""}, map[string]string{"a": ""}, true},
	} {
		parent := &grant{Subset: test.parent}
		if got := parent.covers(&grant{Subset: test.child}); got != test.want {
			t.Errorf("%s as a subset: %t", name, got)
		}
		if got := parent.covers(&grant{Equals: test.child}); got != test.want {
			t.Errorf("%s as the whole: %t", name, got)
		}
	}
}
