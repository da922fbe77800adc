package kms

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// A ciphertext of SYMMETRIC_DEFAULT is
//
//	header   version (1 byte), account (12), length of the key's id (1), the id, id of the material (32), salt (16)
//	content  AES-256-GCM under a key derived from material and salt: as long as the plaintext, and a tag of 16 bytes
//
// The header and the encryption context are authenticated. The derived key is used once, so its nonce is zero.
const (
	envelopeVersion = 1
	accountSize     = 12
	materialSize    = 32
	saltSize        = 16
	// maxKeyID is longer than the id of any key.
	maxKeyID = 64
)

// errEnvelope is for bytes that are no ciphertext, or not of this key and encryption context.
var errEnvelope = errors.New("no ciphertext of this key and encryption context")

// envelope is a ciphertext's header, with what comes behind.
type envelope struct {
	account, key, material string
	salt                   []byte
	// header is what was parsed, as it is authenticated.
	header, content []byte
}

// seal encrypts under a secret.
func (e *envelope) seal(secret, plaintext []byte, context map[string]string) ([]byte, error) {
	e.salt = randomBytes(saltSize)
	id, err := hex.DecodeString(e.material)
	if err != nil || len(id) != materialSize || len(e.account) != accountSize || len(e.key) > maxKeyID {
		return nil, fmt.Errorf("sealing for key %s and material %s: %w", e.key, e.material, errors.Join(err, errEnvelope))
	}
	out := make([]byte, 0, 2+accountSize+len(e.key)+materialSize+saltSize+len(plaintext)+sha256.Size)
	out = append(out, envelopeVersion)
	out = append(out, e.account...)
	out = append(out, byte(len(e.key)))
	out = append(out, e.key...)
	out = append(out, id...)
	out = append(out, e.salt...)
	aead, err := e.cipher(secret)
	if err != nil {
		return nil, err
	}
	return aead.Seal(out, make([]byte, aead.NonceSize()), plaintext, authenticated(out, context)), nil
}

// parseEnvelope reads a ciphertext's header.
func parseEnvelope(b []byte) (*envelope, error) {
	if len(b) < 2+accountSize || b[0] != envelopeVersion {
		return nil, errEnvelope
	}
	size := int(b[1+accountSize])
	idAt := 2 + accountSize
	materialAt := idAt + size
	saltAt := materialAt + materialSize
	end := saltAt + saltSize
	if size > maxKeyID || len(b) < end {
		return nil, errEnvelope
	}
	return &envelope{
		account: string(b[1 : 1+accountSize]), key: string(b[idAt:materialAt]), material: hex.EncodeToString(b[materialAt:saltAt]),
		salt: b[saltAt:end], header: b[:end], content: b[end:],
	}, nil
}

// open decrypts under a secret.
func (e *envelope) open(secret []byte, context map[string]string) ([]byte, error) {
	aead, err := e.cipher(secret)
	if err != nil {
		return nil, err
	}
	plaintext, err := aead.Open(nil, make([]byte, aead.NonceSize()), e.content, authenticated(e.header, context))
	if err != nil {
		return nil, errEnvelope
	}
	return plaintext, nil
}

// cipher makes the cipher of this one ciphertext.
func (e *envelope) cipher(secret []byte) (cipher.AEAD, error) {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("drydock kms envelope"))
	mac.Write(e.salt)
	block, err := aes.NewCipher(mac.Sum(nil))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// authenticated is the header with the encryption context: names in their order, each text with its length before it, so
// that different contexts never read the same.
func authenticated(header []byte, context map[string]string) []byte {
	out := slices.Clone(header)
	for _, name := range slices.Sorted(maps.Keys(context)) {
		for _, text := range []string{name, context[name]} {
			out = binary.AppendUvarint(out, uint64(len(text)))
			out = append(out, text...)
		}
	}
	return out
}
