package kms

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
)

// curve names an elliptic curve.
type curve string

const (
	curveP256    curve = "P-256"
	curveP384    curve = "P-384"
	curveP521    curve = "P-521"
	curveP256K1  curve = "secp256k1"
	curveEd25519 curve = "Ed25519"
)

var nistCurves = map[curve]elliptic.Curve{curveP256: elliptic.P256(), curveP384: elliptic.P384(), curveP521: elliptic.P521()}

// newPair returns a new private key of a spec: *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey or
// *secp256k1.PrivateKey.
func newPair(s spec) (any, error) {
	switch {
	case s.rsaBits != 0:
		return rsa.GenerateKey(rand.Reader, s.rsaBits)
	case s.curve == curveP256K1:
		return secp256k1.GeneratePrivateKey()
	case s.curve == curveEd25519:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	default:
		return ecdsa.GenerateKey(nistCurves[s.curve], rand.Reader)
	}
}

// Object identifiers of elliptic curve keys and of secp256k1, which crypto/x509 does not know.
var (
	oidECPublicKey = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	oidP256K1      = asn1.ObjectIdentifier{1, 3, 132, 0, 10}
)

// pkcs8 is PrivateKeyInfo of RFC 5208.
type pkcs8 struct {
	Version    int
	Algorithm  pkix.AlgorithmIdentifier
	PrivateKey []byte
}

// ecPrivateKey is ECPrivateKey of RFC 5915.
type ecPrivateKey struct {
	Version    int
	PrivateKey []byte
	Curve      asn1.ObjectIdentifier `asn1:"optional,explicit,tag:0"`
	PublicKey  asn1.BitString        `asn1:"optional,explicit,tag:1"`
}

// publicKeyInfo is SubjectPublicKeyInfo of RFC 5280.
type publicKeyInfo struct {
	Algorithm pkix.AlgorithmIdentifier
	PublicKey asn1.BitString
}

func p256k1Algorithm() (pkix.AlgorithmIdentifier, error) {
	curve, err := asn1.Marshal(oidP256K1)
	return pkix.AlgorithmIdentifier{Algorithm: oidECPublicKey, Parameters: asn1.RawValue{FullBytes: curve}}, err
}

// marshalPrivate writes a private key as PKCS #8.
func marshalPrivate(private any) ([]byte, error) {
	k, ok := private.(*secp256k1.PrivateKey)
	if !ok {
		return x509.MarshalPKCS8PrivateKey(private)
	}
	algorithm, err := p256k1Algorithm()
	if err != nil {
		return nil, err
	}
	public := k.PubKey().SerializeUncompressed()
	inner, err := asn1.Marshal(ecPrivateKey{Version: 1, PrivateKey: k.Serialize(), PublicKey: asn1.BitString{Bytes: public, BitLength: 8 * len(public)}})
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(pkcs8{Algorithm: algorithm, PrivateKey: inner})
}

// parsePrivate reads a private key of PKCS #8 and wants it to be of the spec.
func parsePrivate(s spec, der []byte) (any, error) {
	if s.curve == curveP256K1 {
		return parseP256K1(der)
	}
	private, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	ok := false
	switch k := private.(type) {
	case *rsa.PrivateKey:
		ok = k.N.BitLen() == s.rsaBits
	case *ecdsa.PrivateKey:
		ok = nistCurves[s.curve] == k.Curve
	case ed25519.PrivateKey:
		ok = s.curve == curveEd25519
	}
	if !ok {
		return nil, errors.New("the private key is of another spec")
	}
	return private, nil
}

func parseP256K1(der []byte) (*secp256k1.PrivateKey, error) {
	var outer pkcs8
	if rest, err := asn1.Unmarshal(der, &outer); err != nil || len(rest) > 0 {
		return nil, errors.New("the private key is no PKCS #8")
	}
	var named asn1.ObjectIdentifier
	if _, err := asn1.Unmarshal(outer.Algorithm.Parameters.FullBytes, &named); err != nil || !named.Equal(oidP256K1) {
		return nil, errors.New("the private key is of another spec")
	}
	var inner ecPrivateKey
	if rest, err := asn1.Unmarshal(outer.PrivateKey, &inner); err != nil || len(rest) > 0 {
		return nil, errors.New("the private key is no ECPrivateKey")
	}
	var scalar secp256k1.ModNScalar
	if len(inner.PrivateKey) != 32 || scalar.SetByteSlice(inner.PrivateKey) || scalar.IsZero() {
		return nil, errors.New("the private key is out of range")
	}
	return secp256k1.NewPrivateKey(&scalar), nil
}

// marshalPublic writes the public part of a private key as SubjectPublicKeyInfo.
func marshalPublic(private any) ([]byte, error) {
	k, ok := private.(*secp256k1.PrivateKey)
	if !ok {
		pair, ok := private.(interface{ Public() crypto.PublicKey })
		if !ok {
			return nil, fmt.Errorf("%T is no key pair", private)
		}
		return x509.MarshalPKIXPublicKey(pair.Public())
	}
	algorithm, err := p256k1Algorithm()
	if err != nil {
		return nil, err
	}
	public := k.PubKey().SerializeUncompressed()
	return asn1.Marshal(publicKeyInfo{Algorithm: algorithm, PublicKey: asn1.BitString{Bytes: public, BitLength: 8 * len(public)}})
}
