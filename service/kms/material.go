package kms

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	api "drydock/api/kms"
)

// material is what a key encrypts, signs or authenticates with. A key that rotated has several.
type material struct {
	// ID tells it from the key's others: 64 hexadecimal digits.
	ID string
	// Sealed is 32 bytes for SYMMETRIC_DEFAULT, the secret of an HMAC key, PKCS #8 of a pair; see Service.seal. Imported
	// material that expired or was deleted has none.
	Sealed  []byte
	Created time.Time
	// Rotation tells how it came to be the key's; empty for the first.
	Rotation api.RotationType
	// ValidTo is when imported material expires; zero for never.
	ValidTo time.Time
	// Description is what its import said of it.
	Description string
}

// symmetricSize is the length of the material of symmetric keys.
const symmetricSize = 32

// newSecret returns random material for a spec.
func newSecret(s spec) ([]byte, error) {
	switch {
	case s.rsaBits != 0 || s.curve != "":
		private, err := newPair(s)
		if err != nil {
			return nil, err
		}
		return marshalPrivate(private)
	case s.macBytes != 0:
		return randomBytes(s.macBytes), nil
	default:
		return randomBytes(symmetricSize), nil
	}
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return b
}

// newMaterial makes material for a key. It takes long for RSA and is never done in a transaction.
func (s *Service) newMaterial(id string, spec api.KeySpec, now time.Time) (material, error) {
	secret, err := newSecret(specs[spec])
	if err != nil {
		return material{}, fmt.Errorf("making a key: %w", err)
	}
	m := material{ID: hex.EncodeToString(randomBytes(32)), Created: now}
	m.Sealed = s.seal(id, m.ID, secret)
	return m, nil
}

// seal wraps a secret for the store. It is bound to key and material, not to the region: keys of several regions share it.
func (s *Service) seal(key, material string, secret []byte) []byte {
	return s.Keys.Wrap(secret, []byte("kms "+key+" "+material))
}

// maxOpened bounds how many opened secrets are kept; past it they are opened again.
const maxOpened = 4096

// opened keeps secrets that were unsealed, as most requests need one that an earlier request needed. Material never
// changes under its id, and a request comes here by the key's row, so what is kept never speaks for a key that is gone.
type opened struct {
	mu      sync.RWMutex
	secrets map[string]any // guarded by mu; by key and material
}

// forget drops what was opened of a key.
func (o *opened) forget(key string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	maps.DeleteFunc(o.secrets, func(id string, _ any) bool { return strings.HasPrefix(id, key+" ") })
}

// open returns a material's secret: []byte, or the private key of a pair as newPair makes it.
func (s *Service) open(k *key, m *material) (any, error) {
	id := k.ID + " " + m.ID
	s.opened.mu.RLock()
	secret, ok := s.opened.secrets[id]
	s.opened.mu.RUnlock()
	if ok {
		return secret, nil
	}
	raw, err := s.Keys.Unwrap(m.Sealed, []byte("kms "+id))
	if err != nil {
		return nil, fmt.Errorf("material of %s: %w", k.arn(), err)
	}
	secret = raw
	if k.asymmetric() {
		if secret, err = parsePrivate(specs[k.Spec], raw); err != nil {
			return nil, fmt.Errorf("material of %s: %w", k.arn(), err)
		}
	}
	s.opened.mu.Lock()
	defer s.opened.mu.Unlock()
	if s.opened.secrets == nil || len(s.opened.secrets) >= maxOpened {
		s.opened.secrets = map[string]any{}
	}
	s.opened.secrets[id] = secret
	return secret, nil
}

// openAs opens the key's current material as the type that its spec has.
func openAs[T any](s *Service, k *key) (T, error) {
	secret, err := s.open(k, k.current())
	if err != nil {
		var zero T
		return zero, err
	}
	typed, ok := secret.(T)
	if !ok {
		return typed, fmt.Errorf("material of %s is a %T", k.arn(), secret)
	}
	return typed, nil
}
