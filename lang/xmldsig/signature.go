package xmldsig

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	_ "crypto/sha1" // the hashes of the algorithms
	_ "crypto/sha256"
	_ "crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// Errors of signatures.
var (
	// ErrUnsigned is for an element without a signature of its own.
	ErrUnsigned = errors.New("the element is not signed")
	// ErrSignature is for a signature that does not hold, or that is made in a way that is not taken.
	ErrSignature = errors.New("the signature is not valid")
)

// Space is the namespace of XML Signature.
const Space = "http://www.w3.org/2000/09/xmldsig#"

const (
	exclusive          = "http://www.w3.org/2001/10/xml-exc-c14n#"
	enveloped          = Space + "enveloped-signature"
	more               = "http://www.w3.org/2001/04/xmldsig-more#"
	xmlenc             = "http://www.w3.org/2001/04/xmlenc#"
	maxCertificateKeys = 20
	// maxInclusive bounds the prefixes of a signature, which are looked for at each element before anything is known to be
	// signed.
	maxInclusive = 32
)

var digests = map[string]crypto.Hash{
	Space + "sha1": crypto.SHA1, xmlenc + "sha256": crypto.SHA256, more + "sha384": crypto.SHA384, xmlenc + "sha512": crypto.SHA512,
}

// method is a way to sign.
type method struct {
	hash  crypto.Hash
	ecdsa bool
}

var methods = map[string]method{
	Space + "rsa-sha1": {hash: crypto.SHA1}, more + "rsa-sha256": {hash: crypto.SHA256}, more + "rsa-sha384": {hash: crypto.SHA384},
	more + "rsa-sha512": {hash: crypto.SHA512}, more + "ecdsa-sha256": {crypto.SHA256, true}, more + "ecdsa-sha384": {crypto.SHA384, true},
	more + "ecdsa-sha512": {crypto.SHA512, true},
}

func bad(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrSignature, fmt.Sprintf(format, args...))
}

// Verify checks the signature of an element: the one Signature that is its child, which must be over this very element.
// It fails with ErrUnsigned if there is none, and with ErrSignature.
func Verify(e *Element, keys []crypto.PublicKey) error {
	found := e.All(Space, "Signature")
	switch {
	case len(found) == 0:
		return ErrUnsigned
	case len(found) > 1:
		return bad("%d signatures", len(found))
	}
	signature := found[0]
	info := signature.Child(Space, "SignedInfo")
	if info == nil {
		return bad("no SignedInfo")
	}
	if err := checkReference(e, signature, info); err != nil {
		return err
	}
	inclusive, err := canonicalization(info.Child(Space, "CanonicalizationMethod"))
	if err != nil {
		return err
	}
	algorithm := ""
	if m := info.Child(Space, "SignatureMethod"); m != nil {
		algorithm = m.Attr("Algorithm")
	}
	m, ok := methods[algorithm]
	if !ok {
		return bad("signature method %q", algorithm)
	}
	value, err := decode(signature.Child(Space, "SignatureValue").Text())
	if err != nil {
		return bad("the value")
	}
	h := m.hash.New()
	h.Write(Canonical(info, nil, inclusive))
	digest := h.Sum(nil)
	if len(keys) > maxCertificateKeys {
		keys = keys[:maxCertificateKeys]
	}
	for _, key := range keys {
		if m.verify(key, digest, value) {
			return nil
		}
	}
	return bad("made with another key")
}

// verify tells whether a key of the right kind made the signature.
func (m method) verify(key crypto.PublicKey, digest, value []byte) bool {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return !m.ecdsa && rsa.VerifyPKCS1v15(k, m.hash, digest, value) == nil
	case *ecdsa.PublicKey:
		half := len(value) / 2
		if !m.ecdsa || half == 0 || len(value)%2 != 0 {
			return false
		}
		return ecdsa.Verify(k, digest, new(big.Int).SetBytes(value[:half]), new(big.Int).SetBytes(value[half:]))
	}
	return false
}

// checkReference demands that the signature is over the element that it stands in, and that the digest is right.
func checkReference(e, signature, info *Element) error {
	reference := info.Child(Space, "Reference")
	if reference == nil {
		return bad("not exactly one reference")
	}
	if id := e.id(); id == "" || reference.Attr("URI") != "#"+id {
		return bad("it is over %q", reference.Attr("URI"))
	}
	transforms := reference.Child(Space, "Transforms")
	if transforms == nil {
		return bad("no transforms")
	}
	var inclusive []string
	var isEnveloped, isExclusive bool
	for _, t := range transforms.All(Space, "Transform") {
		switch {
		case t.Attr("Algorithm") == enveloped && !isEnveloped && !isExclusive:
			isEnveloped = true
		case t.Attr("Algorithm") == exclusive && !isExclusive:
			var err error
			if inclusive, err = canonicalization(t); err != nil {
				return err
			}
			isExclusive = true
		default:
			return bad("transform %q", t.Attr("Algorithm"))
		}
	}
	if !isEnveloped || !isExclusive {
		return bad("transforms are missing")
	}
	algorithm := ""
	if m := reference.Child(Space, "DigestMethod"); m != nil {
		algorithm = m.Attr("Algorithm")
	}
	hash, ok := digests[algorithm]
	if !ok {
		return bad("digest method %q", algorithm)
	}
	want, err := decode(reference.Child(Space, "DigestValue").Text())
	if err != nil {
		return bad("the digest")
	}
	h := hash.New()
	h.Write(Canonical(e, signature, inclusive))
	if !bytes.Equal(h.Sum(nil), want) {
		return bad("the content was changed")
	}
	return nil
}

// canonicalization reads an element that names exclusive canonicalization, and returns its inclusive prefixes.
func canonicalization(e *Element) ([]string, error) {
	if e == nil || e.Attr("Algorithm") != exclusive {
		return nil, bad("it is not in exclusive canonical form")
	}
	if list := e.Child(exclusive, "InclusiveNamespaces"); list != nil {
		prefixes := strings.Fields(list.Attr("PrefixList"))
		if len(prefixes) > maxInclusive {
			return nil, bad("%d inclusive prefixes", len(prefixes))
		}
		return prefixes, nil
	}
	return nil, nil
}

// decode reads base 64 with blanks in it.
func decode(text string) ([]byte, error) {
	b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err == nil && len(b) == 0 {
		err = errors.New("empty")
	}
	return b, err
}
