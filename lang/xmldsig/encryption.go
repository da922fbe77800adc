package xmldsig

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rsa"
	"errors"
)

// ErrEncrypted is for an element that none of the keys opens. It does not tell why.
var ErrEncrypted = errors.New("the element cannot be decrypted")

const (
	xmlenc11   = "http://www.w3.org/2009/xmlenc11#"
	maxKeySize = 32
	gcmNonce   = 12
)

// ciphers are the ways in which content is encrypted, by the sizes of their keys.
var ciphers = map[string]struct {
	key int
	gcm bool
}{
	xmlenc + "aes128-cbc": {16, false}, xmlenc + "aes192-cbc": {24, false}, xmlenc + "aes256-cbc": {32, false},
	xmlenc11 + "aes128-gcm": {16, true}, xmlenc11 + "aes192-gcm": {24, true}, xmlenc11 + "aes256-gcm": {32, true},
}

// Decrypt opens the EncryptedData in an element (as SAML's EncryptedAssertion) with one of the keys. What comes of it is a
// document of its own, in the context of the element.
func Decrypt(e *Element, keys []*rsa.PrivateKey) (*Element, error) {
	data := e.Child(xmlenc, "EncryptedData")
	if data == nil {
		return nil, ErrEncrypted
	}
	wrapped := data.Child(Space, "KeyInfo").Child(xmlenc, "EncryptedKey")
	if wrapped == nil {
		wrapped = e.Child(xmlenc, "EncryptedKey")
	}
	algorithm := ""
	if m := data.Child(xmlenc, "EncryptionMethod"); m != nil {
		algorithm = m.Attr("Algorithm")
	}
	c, ok := ciphers[algorithm]
	sealed, err := decode(data.Child(xmlenc, "CipherData").Child(xmlenc, "CipherValue").Text())
	if !ok || err != nil || wrapped == nil {
		return nil, ErrEncrypted
	}
	for _, k := range keys {
		secret := unwrap(wrapped, k)
		if len(secret) != c.key {
			continue
		}
		plain := open(secret, sealed, c.gcm)
		if plain == nil {
			continue
		}
		inner, err := parse(plain, e)
		if err != nil {
			return nil, ErrEncrypted
		}
		return inner, nil
	}
	return nil, ErrEncrypted
}

// unwrap opens a key that is encrypted with RSA-OAEP; nil if it cannot. PKCS 1.5 is not taken: it tells too much when it
// fails.
func unwrap(wrapped *Element, key *rsa.PrivateKey) []byte {
	m := wrapped.Child(xmlenc, "EncryptionMethod")
	value, err := decode(wrapped.Child(xmlenc, "CipherData").Child(xmlenc, "CipherValue").Text())
	if m == nil || err != nil {
		return nil
	}
	digest, mgf := digests[Space+"sha1"], digests[Space+"sha1"]
	if d := m.Child(Space, "DigestMethod"); d != nil {
		var ok bool
		if digest, ok = digests[d.Attr("Algorithm")]; !ok {
			return nil
		}
	}
	switch m.Attr("Algorithm") {
	case xmlenc + "rsa-oaep-mgf1p":
	case xmlenc11 + "rsa-oaep":
		if g := m.Child(xmlenc11, "MGF"); g != nil {
			var ok bool
			if mgf, ok = maskHashes[g.Attr("Algorithm")]; !ok {
				return nil
			}
		}
	default:
		return nil
	}
	secret, err := key.Decrypt(nil, value, &rsa.OAEPOptions{Hash: digest, MGFHash: mgf})
	if err != nil || len(secret) > maxKeySize {
		return nil
	}
	return secret
}

var maskHashes = map[string]crypto.Hash{
	xmlenc11 + "mgf1sha1": digests[Space+"sha1"], xmlenc11 + "mgf1sha256": digests[xmlenc+"sha256"],
	xmlenc11 + "mgf1sha384": digests[more+"sha384"], xmlenc11 + "mgf1sha512": digests[xmlenc+"sha512"],
}

// open decrypts content; nil if it cannot.
func open(secret, sealed []byte, gcm bool) []byte {
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil
	}
	if gcm {
		aead, err := cipher.NewGCM(block)
		if err != nil || len(sealed) < gcmNonce {
			return nil
		}
		plain, err := aead.Open(nil, sealed[:gcmNonce], sealed[gcmNonce:], nil)
		if err != nil {
			return nil
		}
		return plain
	}
	if len(sealed) < 2*aes.BlockSize || len(sealed)%aes.BlockSize != 0 {
		return nil
	}
	plain := make([]byte, len(sealed)-aes.BlockSize)
	cipher.NewCBCDecrypter(block, sealed[:aes.BlockSize]).CryptBlocks(plain, sealed[aes.BlockSize:])
	pad := int(plain[len(plain)-1])
	if pad == 0 || pad > aes.BlockSize {
		return nil
	}
	return plain[:len(plain)-pad]
}
