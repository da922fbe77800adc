package jwt

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"math/big"

	"github.com/go-json-experiment/json"
)

// Key is a public key of an issuer.
type Key struct {
	// ID is how tokens name the key, "" if they do not.
	ID string
	// Algorithm is the only one it is for, "" for any that suits it.
	Algorithm string
	Public    crypto.PublicKey
}

// suits tells whether a token may have been signed with the key, by what its header says.
func (k *Key) suits(h Header) bool {
	return (h.KeyID == "" || k.ID == "" || h.KeyID == k.ID) && (k.Algorithm == "" || k.Algorithm == h.Algorithm)
}

// jwk is a key as RFC 7517 has it.
type jwk struct {
	Type      string `json:"kty"`
	ID        string `json:"kid,omitzero"`
	Use       string `json:"use,omitzero"`
	Algorithm string `json:"alg,omitzero"`
	N         string `json:"n,omitzero"`
	E         string `json:"e,omitzero"`
	Curve     string `json:"crv,omitzero"`
	X         string `json:"x,omitzero"`
	Y         string `json:"y,omitzero"`
}

type jwks struct {
	Keys []jwk `json:"keys"`
}

// Limits of keys.
const (
	maxKeys    = 200
	maxRSABits = 8192
	minRSABits = 1024
)

var curves = map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}

// ParseKeys reads a set of keys. Those that are not for signatures, or of a kind that is not known, are left out.
func ParseKeys(text []byte) ([]Key, error) {
	var set jwks
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("%w: a set of keys: %w", ErrMalformed, err)
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("%w: %d keys", ErrMalformed, len(set.Keys))
	}
	var keys []Key
	for i := range set.Keys {
		k := &set.Keys[i]
		if k.Use != "" && k.Use != "sig" {
			continue
		}
		if public := k.public(); public != nil {
			keys = append(keys, Key{ID: k.ID, Algorithm: k.Algorithm, Public: public})
		}
	}
	return keys, nil
}

// public is the key itself, nil if it is none that can be used.
func (k *jwk) public() crypto.PublicKey {
	switch k.Type {
	case "RSA":
		n, e := number(k.N), number(k.E)
		if n == nil || e == nil || n.BitLen() > maxRSABits || n.BitLen() < minRSABits || !e.IsInt64() || e.Int64() < 3 || e.Int64() > 1<<31-1 {
			return nil
		}
		return &rsa.PublicKey{N: n, E: int(e.Int64())}
	case "EC":
		x, y := number(k.X), number(k.Y)
		curve, ok := curves[k.Curve]
		if x == nil || y == nil || !ok {
			return nil
		}
		size := (curve.Params().BitSize + 7) / 8
		if len(x.Bytes()) > size || len(y.Bytes()) > size {
			return nil
		}
		point := make([]byte, 1+2*size)
		point[0] = 4
		x.FillBytes(point[1 : 1+size])
		y.FillBytes(point[1+size:])
		key, err := ecdsa.ParseUncompressedPublicKey(curve, point)
		if err != nil {
			return nil
		}
		return key
	}
	return nil
}

func number(text string) *big.Int {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) == 0 {
		return nil
	}
	return new(big.Int).SetBytes(b)
}

// MarshalKeys is the inverse of ParseKeys.
func MarshalKeys(keys []Key) ([]byte, error) {
	set := jwks{Keys: []jwk{}}
	encode := base64.RawURLEncoding.EncodeToString
	for _, k := range keys {
		out := jwk{ID: k.ID, Use: "sig", Algorithm: k.Algorithm}
		switch p := k.Public.(type) {
		case *rsa.PublicKey:
			out.Type, out.N, out.E = "RSA", encode(p.N.Bytes()), encode(big.NewInt(int64(p.E)).Bytes())
		case *ecdsa.PublicKey:
			point, err := p.Bytes()
			if err != nil {
				return nil, fmt.Errorf("encode a key: %w", err)
			}
			half := len(point) / 2
			out.Type, out.Curve, out.X, out.Y = "EC", p.Curve.Params().Name, encode(point[1:1+half]), encode(point[1+half:])
		default:
			return nil, fmt.Errorf("encode a key: %T is none of an issuer's", k.Public)
		}
		set.Keys = append(set.Keys, out)
	}
	text, err := json.Marshal(set)
	if err != nil {
		return nil, fmt.Errorf("encode keys: %w", err)
	}
	return text, nil
}
