package jwt

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // the hashes of the algorithms
	_ "crypto/sha512"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"

	"github.com/go-json-experiment/json"
)

// algorithm is a way to sign.
type algorithm struct {
	hash crypto.Hash
	// curve is the size in bits of an ECDSA key; 0 for RSA.
	curve int
	pss   bool
}

var algorithms = map[string]algorithm{
	"RS256": {hash: crypto.SHA256}, "RS384": {hash: crypto.SHA384}, "RS512": {hash: crypto.SHA512},
	"PS256": {hash: crypto.SHA256, pss: true}, "PS384": {hash: crypto.SHA384, pss: true}, "PS512": {hash: crypto.SHA512, pss: true},
	"ES256": {hash: crypto.SHA256, curve: 256}, "ES384": {hash: crypto.SHA384, curve: 384}, "ES512": {hash: crypto.SHA512, curve: 521},
}

// Verify checks the token's signature with those of the keys that can have made it. It fails with ErrAlgorithm or
// ErrSignature.
func (t *Token) Verify(keys []Key) error {
	a, ok := algorithms[t.Header.Algorithm]
	if !ok || len(t.Header.Critical) > 0 {
		return ErrAlgorithm
	}
	digest := sum(a.hash, t.signed)
	for _, k := range keys {
		if k.suits(t.Header) && a.verify(k.Public, digest, t.signature) {
			return nil
		}
	}
	return ErrSignature
}

func sum(h crypto.Hash, text string) []byte {
	w := h.New()
	w.Write([]byte(text))
	return w.Sum(nil)
}

// verify tells whether a key of the right kind made the signature.
func (a algorithm) verify(key crypto.PublicKey, digest, signature []byte) bool {
	switch k := key.(type) {
	case *rsa.PublicKey:
		switch {
		case a.curve != 0:
			return false
		case a.pss:
			return rsa.VerifyPSS(k, a.hash, digest, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		}
		return rsa.VerifyPKCS1v15(k, a.hash, digest, signature) == nil
	case *ecdsa.PublicKey:
		size := (a.curve + 7) / 8
		if a.curve == 0 || k.Curve.Params().BitSize != a.curve || len(signature) != 2*size {
			return false
		}
		return ecdsa.Verify(k, digest, new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:]))
	}
	return false
}

// Sign makes a token of claims, with an RSA key, or with an ECDSA key of the size that the algorithm asks for.
func Sign(claims Claims, alg, keyID string, key crypto.Signer) (string, error) {
	a, ok := algorithms[alg]
	if !ok || a.pss {
		return "", ErrAlgorithm
	}
	header, err := json.Marshal(Header{Algorithm: alg, KeyID: keyID, Type: "JWT"})
	if err != nil {
		return "", fmt.Errorf("encode a token: %w", err)
	}
	body, err := json.Marshal(claims, json.Deterministic(true))
	if err != nil {
		return "", fmt.Errorf("encode a token: %w", err)
	}
	text := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(body)
	signature, err := a.sign(rand.Reader, key, sum(a.hash, text))
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

func (a algorithm) sign(random io.Reader, key crypto.Signer, digest []byte) ([]byte, error) {
	signature, err := key.Sign(random, digest, a.hash)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	switch k := key.Public().(type) {
	case *rsa.PublicKey:
		if a.curve == 0 {
			return signature, nil
		}
	case *ecdsa.PublicKey:
		if a.curve == 0 || k.Curve.Params().BitSize != a.curve {
			break
		}
		var rs struct{ R, S *big.Int }
		if _, err := asn1.Unmarshal(signature, &rs); err != nil {
			return nil, fmt.Errorf("read a signature: %w", err)
		}
		size := (a.curve + 7) / 8
		out := make([]byte, 2*size)
		rs.R.FillBytes(out[:size])
		rs.S.FillBytes(out[size:])
		return out, nil
	}
	return nil, errors.New("the key does not suit the algorithm")
}
