package jwt_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"drydock/lang/jwt"
)

func rsaKey(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func ecKey(t testing.TB, c elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func sign(t testing.TB, alg, id string, key crypto.Signer) string {
	t.Helper()
	text, err := jwt.Sign(jwt.Claims{"sub": "me", "aud": []string{"a", "b"}, "exp": 1700000000}, alg, id, key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestToken_IsVerifiedWithTheKeyThatSignedIt(t *testing.T) {
	t.Parallel()
	r, other := rsaKey(t), rsaKey(t)
	for alg, key := range map[string]crypto.Signer{
		"RS256": r, "RS384": r, "RS512": r, "ES256": ecKey(t, elliptic.P256()), "ES384": ecKey(t, elliptic.P384()), "ES512": ecKey(t, elliptic.P521()),
	} {
		text := sign(t, alg, "k", key)
		set, err := jwt.MarshalKeys([]jwt.Key{{ID: "x", Public: other.Public()}, {ID: "k", Public: key.Public()}})
		if err != nil {
			t.Fatal(err)
		}
		keys, err := jwt.ParseKeys(set)
		if err != nil || len(keys) != 2 {
			t.Fatal(keys, err)
		}
		token, err := jwt.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := token.Verify(keys); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
		for name, wrong := range map[string][]jwt.Key{
			"no key": nil, "another key": keys[:1], "another id": {{ID: "y", Public: key.Public()}},
			"another algorithm": {{ID: "k", Algorithm: "PS256", Public: key.Public()}},
		} {
			if err := token.Verify(wrong); !errors.Is(err, jwt.ErrSignature) {
				t.Errorf("%s with %s: %v", alg, name, err)
			}
		}
		head, rest, _ := strings.Cut(text, ".")
		body, signature, _ := strings.Cut(rest, ".")
		for name, forged := range map[string]string{
			"claims":    head + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"you"}`)) + "." + signature,
			"signature": head + "." + body + "." + signature[:len(signature)-4] + "AAAA",
			"algorithm": base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS384","kid":"k"}`)) + "." + body + "." + signature,
		} {
			if token, err := jwt.Parse(forged); err == nil {
				err = token.Verify(keys)
				if !errors.Is(err, jwt.ErrSignature) {
					t.Errorf("%s with another %s: %v", alg, name, err)
				}
			}
		}
	}
}

func TestToken_HasNoOtherAlgorithms(t *testing.T) {
	t.Parallel()
	key := jwt.Key{Public: rsaKey(t).Public()}
	for _, header := range []string{`{"alg":"none"}`, `{"alg":"HS256"}`, `{"alg":"RS256","crit":["b64"]}`, `{}`} {
		text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(`{}`)) + "."
		token, err := jwt.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := token.Verify([]jwt.Key{key}); !errors.Is(err, jwt.ErrAlgorithm) {
			t.Errorf("%s: %v", header, err)
		}
	}
	if _, err := jwt.Sign(jwt.Claims{}, "HS256", "", rsaKey(t)); !errors.Is(err, jwt.ErrAlgorithm) {
		t.Errorf("sign: %v", err)
	}
	if _, err := jwt.Sign(jwt.Claims{}, "ES256", "", rsaKey(t)); err == nil {
		t.Error("an RSA key signs with ES256")
	}
}

func TestParse_RefusesWhatIsNoToken(t *testing.T) {
	t.Parallel()
	e := base64.RawURLEncoding.EncodeToString
	for _, text := range []string{
		"", "a.b", "a.b.c", "a.b.c.d", e([]byte(`{"alg":"RS256"}`)) + "." + e([]byte(`null`)) + ".", e([]byte(`{"alg":"a","alg":"b"}`)) + "." + e([]byte(`{}`)) + ".",
		e([]byte(`{}`)) + "." + e([]byte(`{}`)) + ".=", strings.Repeat("a", 1<<17),
	} {
		if token, err := jwt.Parse(text); !errors.Is(err, jwt.ErrMalformed) {
			t.Errorf("%.40q: %+v, %v", text, token, err)
		}
	}
}

func TestClaims_HaveTheirTypes(t *testing.T) {
	t.Parallel()
	c := jwt.Claims{"s": "x", "l": []any{"a", "b"}, "m": []any{"a", 1.0}, "n": 1700000000.5}
	at, ok := c.Time("n")
	if _, bad := c.Time("s"); bad || !ok || !at.Equal(time.UnixMilli(1700000000500)) || c.String("s") != "x" || c.String("n") != "" {
		t.Errorf("claims: %v %t %t", at, ok, bad)
	}
	got := [][]string{c.Strings("s"), c.Strings("l"), c.Strings("m"), c.Strings("n"), c.Strings("none")}
	if diff := cmp.Diff([][]string{{"x"}, {"a", "b"}, nil, nil, nil}, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseKeys_LeavesOutWhatCannotSign(t *testing.T) {
	t.Parallel()
	keys, err := jwt.ParseKeys([]byte(`{"keys":[{"kty":"oct","k":"AA"},{"kty":"RSA","n":"AQ","e":"AQAB"},{"kty":"EC","crv":"P-256","x":"AQ","y":"AQ"},
		{"kty":"RSA","use":"enc","n":"AQ","e":"AQAB"}],"more":1}`))
	if err != nil || len(keys) != 0 {
		t.Errorf("keys %v, %v", keys, err)
	}
	for _, text := range []string{"", "[]", `{"keys":{}}`} {
		if _, err := jwt.ParseKeys([]byte(text)); !errors.Is(err, jwt.ErrMalformed) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	key := ecKey(f, elliptic.P256())
	f.Add(sign(f, "ES256", "k", key))
	f.Add("a.b.c")
	keys := []jwt.Key{{Public: rsaKey(f).Public()}}
	f.Fuzz(func(t *testing.T, text string) {
		token, err := jwt.Parse(text)
		if err != nil {
			return
		}
		token.Claims.Strings("aud")
		token.Claims.Time("exp")
		if token.Verify(keys) == nil {
			t.Errorf("%q is valid", text)
		}
	})
}

func FuzzParseKeys(f *testing.F) {
	set, err := jwt.MarshalKeys([]jwt.Key{{ID: "k", Public: rsaKey(f).Public()}, {ID: "e", Public: ecKey(f, elliptic.P384()).Public()}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(set)
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := jwt.ParseKeys(text)
		if err != nil {
			return
		}
		again, err := jwt.MarshalKeys(keys)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := jwt.ParseKeys(again); err != nil || len(back) != len(keys) {
			t.Errorf("%d keys of %d, %v", len(back), len(keys), err)
		}
	})
}
