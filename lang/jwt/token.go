package jwt

import (
	"encoding/base64"
	"errors"
	"math"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// Errors of this package.
var (
	// ErrMalformed is for text that is no signed token, or a set of keys that is none.
	ErrMalformed = errors.New("not a JSON Web Token")
	// ErrSignature is for a token that no key given has signed.
	ErrSignature = errors.New("the signature of the token is not valid")
	// ErrAlgorithm is for a token that is signed in a way that is not taken.
	ErrAlgorithm = errors.New("the algorithm of the token is not supported")
)

// maxToken bounds the length of a token that is read.
const maxToken = 64 << 10

// Header is what a token tells of its signature.
type Header struct {
	Algorithm string   `json:"alg"`
	KeyID     string   `json:"kid,omitzero"`
	Type      string   `json:"typ,omitzero"`
	Critical  []string `json:"crit,omitzero"`
}

// Token is a token that was read. Its signature has not been checked: see Verify.
type Token struct {
	Header Header
	Claims Claims

	signed    string
	signature []byte
}

// Claims are what a token says, as JSON has it.
type Claims map[string]any

// Parse reads a token in the compact form.
func Parse(text string) (*Token, error) {
	parts := strings.Split(text, ".")
	if len(text) > maxToken || len(parts) != 3 {
		return nil, ErrMalformed
	}
	t := &Token{signed: parts[0] + "." + parts[1]}
	if err := decode(parts[0], &t.Header); err != nil {
		return nil, err
	}
	if err := decode(parts[1], &t.Claims); err != nil {
		return nil, err
	}
	var err error
	if t.signature, err = base64.RawURLEncoding.Strict().DecodeString(parts[2]); err != nil || t.Claims == nil {
		return nil, ErrMalformed
	}
	return t, nil
}

// decode reads a part of a token. The decoder refuses names that are given twice.
func decode(part string, v any) error {
	b, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil || json.Unmarshal(b, v) != nil {
		return ErrMalformed
	}
	return nil
}

// String returns a claim that is a string, or "".
func (c Claims) String(name string) string {
	s, _ := c[name].(string)
	return s
}

// Strings returns a claim that is a string or a list of strings; anything else gives none.
func (c Claims) Strings(name string) []string {
	switch v := c[name].(type) {
	case string:
		return []string{v}
	case []any:
		list := make([]string, 0, len(v))
		for _, one := range v {
			s, ok := one.(string)
			if !ok {
				return nil
			}
			list = append(list, s)
		}
		return list
	}
	return nil
}

// Time returns a claim that is a time in seconds since 1970.
func (c Claims) Time(name string) (time.Time, bool) {
	n, ok := c[name].(float64)
	if !ok || math.Abs(n) > 1<<40 {
		return time.Time{}, false
	}
	whole, part := math.Modf(n)
	return time.Unix(int64(whole), int64(part*1e9)).UTC(), true
}
