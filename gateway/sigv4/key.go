package sigv4

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"math/big"
	"sync"
)

// The algorithms of Signature Version 4.
const (
	// AlgorithmHMAC is SigV4: the signature is bound to one region.
	AlgorithmHMAC = "AWS4-HMAC-SHA256"
	// AlgorithmECDSA is SigV4a: the signature names a set of regions.
	AlgorithmECDSA = "AWS4-ECDSA-P256-SHA256"
)

const terminator = "aws4_request"

// cacheGeneration bounds the cache of signing keys: at most two generations are kept.
const cacheGeneration = 2048

// signingKey is what a secret becomes for one day, region and service.
type signingKey [sha256.Size]byte

type keyID struct{ accessKeyID, date, region, service string }

// cachedKey is a derived key with the secret it comes from.
type cachedKey struct {
	secret string
	key    signingKey
	macs   sync.Pool // of hash.Hash: one that has been used once need not hash the key again
}

// sum computes the key's HMAC of a text.
func (k *cachedKey) sum(to *[sha256.Size]byte, text []byte) {
	mac, ok := k.macs.Get().(hash.Hash)
	if !ok {
		mac = hmac.New(sha256.New, k.key[:])
	}
	mac.Reset()
	mac.Write(text)
	mac.Sum(to[:0])
	k.macs.Put(mac)
}

type cachedPublicKey struct {
	secret string
	key    *ecdsa.PrivateKey
}

// keyCache keeps derived keys. When the younger generation is full the older is forgotten, so that what is in use stays
// and memory is bounded. The zero value is ready.
type keyCache struct {
	mu         sync.Mutex // guards the fields below
	young, old map[keyID]*cachedKey
	asymmetric map[string]cachedPublicKey
}

// signing returns the derived key of SigV4. A secret that has changed under the same id is derived anew.
func (c *keyCache) signing(accessKeyID, secret, date, region, service string) *cachedKey {
	id := keyID{accessKeyID, date, region, service}
	c.mu.Lock()
	entry, found := c.young[id]
	if !found {
		if entry, found = c.old[id]; found {
			c.keep(id, entry)
		}
	}
	c.mu.Unlock()
	if found && entry.secret == secret {
		return entry
	}
	entry = &cachedKey{secret: secret, key: deriveKey(secret, date, region, service)}
	c.mu.Lock()
	c.keep(id, entry)
	c.mu.Unlock()
	return entry
}

// keep stores an entry in the younger generation. The caller holds mu.
func (c *keyCache) keep(id keyID, entry *cachedKey) {
	if c.young == nil || len(c.young) >= cacheGeneration {
		c.young, c.old = make(map[keyID]*cachedKey), c.young
	}
	c.young[id] = entry
}

// ecdsa returns the derived key pair of SigV4a.
func (c *keyCache) ecdsa(accessKeyID, secret string) (*ecdsa.PrivateKey, error) {
	c.mu.Lock()
	entry, found := c.asymmetric[accessKeyID]
	c.mu.Unlock()
	if found && entry.secret == secret {
		return entry.key, nil
	}
	key, err := deriveECDSA(accessKeyID, secret)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asymmetric == nil || len(c.asymmetric) >= cacheGeneration {
		c.asymmetric = make(map[string]cachedPublicKey)
	}
	c.asymmetric[accessKeyID] = cachedPublicKey{secret, key}
	return key, nil
}

// deriveKey follows "Derive a signing key" of the SigV4 documentation.
func deriveKey(secret, date, region, service string) signingKey {
	sum := hmacSHA256([]byte("AWS4"+secret), date)
	for _, part := range [...]string{region, service, terminator} {
		sum = hmacSHA256(sum[:], part)
	}
	return sum
}

func hmacSHA256(key []byte, data string) (sum signingKey) {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(data))
	mac.Sum(sum[:0])
	return sum
}

// deriveECDSA makes a P-256 key out of a secret as SigV4a specifies it: NIST SP 800-108 in counter mode, tried with
// increasing counters until the candidate is below the group order less two.
func deriveECDSA(accessKeyID, secret string) (*ecdsa.PrivateKey, error) {
	curve := elliptic.P256()
	limit := new(big.Int).Sub(curve.Params().N, big.NewInt(2))
	for counter := 1; counter <= 254; counter++ {
		input := binary.BigEndian.AppendUint32(nil, 1)
		input = append(input, AlgorithmECDSA...)
		input = append(input, 0)
		input = append(input, accessKeyID...)
		input = append(input, byte(counter))
		input = binary.BigEndian.AppendUint32(input, 256)
		sum := hmacSHA256([]byte("AWS4A"+secret), string(input))
		candidate := new(big.Int).SetBytes(sum[:])
		if candidate.Cmp(limit) > 0 {
			continue
		}
		candidate.Add(candidate, big.NewInt(1))
		key, err := ecdsa.ParseRawPrivateKey(curve, candidate.FillBytes(make([]byte, 32)))
		if err != nil {
			return nil, fmt.Errorf("derive a SigV4a key: %w", err)
		}
		return key, nil
	}
	return nil, errors.New("derive a SigV4a key: no counter gives a key")
}
