package kms

import (
	"bytes"
	"maps"
	"testing"
)

func FuzzEnvelope(f *testing.F) {
	secret := bytes.Repeat([]byte{1}, symmetricSize)
	context := map[string]string{"a": "1"}
	e := envelope{account: "111122223333", key: "mrk-1234abcd1234abcd1234abcd1234abcd", material: "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"}
	sealed, err := e.seal(secret, []byte("text"), context)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed, "a", "1")
	f.Add([]byte{}, "", "")
	f.Fuzz(func(t *testing.T, b []byte, name, value string) {
		parsed, err := parseEnvelope(b)
		if err != nil {
			return
		}
		if !bytes.Equal(append(bytes.Clone(parsed.header), parsed.content...), b) {
			t.Fatal("header and content are not the whole")
		}
		given := map[string]string{name: value}
		text, err := parsed.open(secret, given)
		if err == nil && (string(text) != "text" || !maps.Equal(given, context)) {
			t.Fatalf("opened %q with %v", text, given)
		}
	})
}

func FuzzUnwrapKey(f *testing.F) {
	f.Add(make([]byte, 32), make([]byte, 24))
	f.Add(make([]byte, 16), make([]byte, 16))
	f.Fuzz(func(t *testing.T, kek, wrapped []byte) {
		if text, err := unwrapKey(kek, wrapped); err == nil && (len(text) == 0 || len(text) > len(wrapped)-8) {
			t.Fatalf("unwrapped %d of %d bytes", len(text), len(wrapped))
		}
	})
}

func FuzzParsePrivate(f *testing.F) {
	for _, spec := range specs {
		if spec.curve == "" {
			continue
		}
		private, err := newPair(spec)
		if err != nil {
			f.Fatal(err)
		}
		der, err := marshalPrivate(private)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(der)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		for _, spec := range specs {
			private, err := parsePrivate(spec, der)
			if err != nil {
				continue
			}
			again, err := marshalPrivate(private)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := parsePrivate(spec, again); err != nil {
				t.Fatalf("what was written is not read: %v", err)
			}
			if _, err := marshalPublic(private); err != nil {
				t.Fatal(err)
			}
		}
	})
}
