// Package session issues and opens temporary credentials. A session token carries the whole session, encrypted and
// authenticated under a key of the data directory: nothing is stored for it, so issuing needs no write, nothing has to be
// cleaned up, and a token outlives a crash. The secret is derived from the access key id.
package session

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/fxamacker/cbor/v2"

	"drydock/aws"
)

// Errors of Open.
var (
	ErrInvalid = errors.New("session token is not valid for this access key")
	ErrExpired = errors.New("session token has expired")
)

// maxToken bounds the length of a token that is looked at.
const maxToken = 16 << 10

// prefix marks the tokens of this format.
const prefix = "DRYD1"

// Credentials are temporary credentials as STS answers them.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string
	Expiration      time.Time
}

// Issuer makes and opens session tokens. It is safe for concurrent use.
type Issuer struct {
	aead   cipher.AEAD
	secret []byte
	random io.Reader
}

// NewIssuer returns an issuer whose tokens can be opened by any issuer with the same 32-byte key.
func NewIssuer(key []byte, random io.Reader) (*Issuer, error) {
	block, err := aes.NewCipher(derive(key, "session token"))
	if err != nil {
		return nil, fmt.Errorf("session key: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("session key: %w", err)
	}
	return &Issuer{aead: aead, secret: derive(key, "session secret"), random: random}, nil
}

func derive(key []byte, purpose string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(purpose))
	return mac.Sum(nil)
}

// Issue returns credentials for a principal, whose Session must say when they expire.
func (i *Issuer) Issue(p aws.Principal) (Credentials, error) {
	if p.Session == nil || p.Session.Expires.IsZero() {
		return Credentials{}, errors.New("issue credentials: the principal has no session")
	}
	p.AccessKeyID = aws.NewAccessKeyID(i.random, "ASIA", p.Account)
	plain, err := cbor.Marshal(p)
	if err != nil {
		return Credentials{}, fmt.Errorf("encode session: %w", err)
	}
	nonce := make([]byte, i.aead.NonceSize())
	if _, err := io.ReadFull(i.random, nonce); err != nil {
		return Credentials{}, fmt.Errorf("session nonce: %w", err)
	}
	sealed := i.aead.Seal(nonce, nonce, plain, []byte(p.AccessKeyID))
	return Credentials{
		AccessKeyID:     p.AccessKeyID,
		SecretAccessKey: i.Secret(p.AccessKeyID),
		SessionToken:    prefix + base64.StdEncoding.EncodeToString(sealed),
		Expiration:      p.Session.Expires,
	}, nil
}

// Secret returns the secret access key that belongs to a temporary access key id.
func (i *Issuer) Secret(accessKeyID string) string {
	mac := hmac.New(sha256.New, i.secret)
	mac.Write([]byte(accessKeyID))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil)[:30])
}

// Open returns the principal behind a token presented with an access key id at a time on the cloud's clock. It fails with
// ErrInvalid or ErrExpired.
func (i *Issuer) Open(accessKeyID, token string, now time.Time) (aws.Principal, error) {
	if len(token) <= len(prefix) || len(token) > maxToken || token[:len(prefix)] != prefix {
		return aws.Principal{}, ErrInvalid
	}
	sealed, err := base64.StdEncoding.DecodeString(token[len(prefix):])
	if err != nil || len(sealed) < i.aead.NonceSize() {
		return aws.Principal{}, ErrInvalid
	}
	n := i.aead.NonceSize()
	plain, err := i.aead.Open(nil, sealed[:n], sealed[n:], []byte(accessKeyID))
	if err != nil {
		return aws.Principal{}, ErrInvalid
	}
	var p aws.Principal
	if err := cbor.Unmarshal(plain, &p); err != nil || p.Session == nil {
		return aws.Principal{}, ErrInvalid
	}
	p.Session.Issued, p.Session.Expires = p.Session.Issued.UTC(), p.Session.Expires.UTC()
	if !now.Before(p.Session.Expires) {
		return p, ErrExpired
	}
	return p, nil
}
