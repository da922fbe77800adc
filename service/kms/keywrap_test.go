package kms

import (
	"bytes"
	"encoding/hex"
	"testing"
)

// TestUnwrapKey_FollowsTheRFC has the examples of RFC 5649.
func TestUnwrapKey_FollowsTheRFC(t *testing.T) {
	t.Parallel()
	unhex := func(s string) []byte {
		t.Helper()
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	kek := unhex("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8")
	for text, wrapped := range map[string]string{
		"c37b7e6492584340bed12207808941155068f738": "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a",
		"466f7250617369": "afbeb0f07dfbf5419200f2ccb50bb24f",
	} {
		in := unhex(wrapped)
		if got, err := unwrapKey(kek, in); err != nil || !bytes.Equal(got, unhex(text)) {
			t.Errorf("%s: %x, %v", text, got, err)
		}
		for i := range in {
			bad := bytes.Clone(in)
			bad[i] ^= 1
			if _, err := unwrapKey(kek, bad); err == nil {
				t.Errorf("%s: byte %d was changed without notice", text, i)
			}
			if _, err := unwrapKey(kek, in[:i]); err == nil {
				t.Errorf("%s: cut to %d without notice", text, i)
			}
		}
	}
	if _, err := unwrapKey(kek[1:], make([]byte, 24)); err == nil {
		t.Error("a short key was taken")
	}
}
