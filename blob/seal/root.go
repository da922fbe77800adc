package seal

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// rootKeyFile holds the root key in hexadecimal digits.
const rootKeyFile = "root.key"

// wrapFormat is the first byte of everything wrapped.
const wrapFormat = 1

// RootKey encrypts the small secrets of a data directory. It is safe for concurrent use.
type RootKey struct{ aead cipher.AEAD }

// NewRootKey returns a root key of KeySize bytes.
func NewRootKey(key []byte) (*RootKey, error) {
	aead, err := newAEAD(key)
	if err != nil {
		return nil, fmt.Errorf("root key: %w", err)
	}
	return &RootKey{aead}, nil
}

// LoadOrCreateRootKey returns the key in dir's file root.key, which only its owner may read. If there is none, a random
// one is written, durably and at once, before it is returned. Whoever loses the file loses every secret.
func LoadOrCreateRootKey(dir string) (*RootKey, error) {
	path := filepath.Join(dir, rootKeyFile)
	key, err := loadRootKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := createRootKey(dir, path); err != nil {
			return nil, fmt.Errorf("creating the root key: %w", err)
		}
		key, err = loadRootKey(path) // another process may have been faster
	}
	if err != nil {
		return nil, fmt.Errorf("loading the root key: %w", err)
	}
	return NewRootKey(key)
}

func loadRootKey(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("%s may be read by others (mode %04o); make it 0600", path, mode)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != KeySize {
		return nil, fmt.Errorf("%s does not hold a key", path)
	}
	return key, nil
}

// createRootKey writes a new key to a file of another name, and gives it its name unless that is taken by then.
func createRootKey(dir, path string) (err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, rootKeyFile+".*") // with mode 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(tmp.Name())) }()
	if _, err := tmp.WriteString(hex.EncodeToString(NewDataKey()) + "\n"); err != nil {
		return errors.Join(err, tmp.Close())
	}
	if err := errors.Join(tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Link(tmp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Wrap encrypts a small secret. The context says what it is for, such as the key of its row; it is not part of the
// result, and Unwrap needs the same, so that wrapped secrets cannot be exchanged for each other.
func (k *RootKey) Wrap(secret, context []byte) []byte {
	out := make([]byte, 1+k.aead.NonceSize(), 1+k.aead.NonceSize()+len(secret)+tagSize)
	out[0] = wrapFormat
	rand.Read(out[1:]) // never fails
	return k.aead.Seal(out, out[1:], secret, context)
}

// Unwrap returns the secret, or ErrCorrupt.
func (k *RootKey) Unwrap(wrapped, context []byte) ([]byte, error) {
	head := 1 + k.aead.NonceSize()
	if len(wrapped) < head+tagSize || wrapped[0] != wrapFormat {
		return nil, fmt.Errorf("unwrapping: %w", ErrCorrupt)
	}
	secret, err := k.aead.Open(nil, wrapped[1:head], wrapped[head:], context)
	if err != nil {
		return nil, fmt.Errorf("unwrapping: %w", ErrCorrupt)
	}
	return secret, nil
}
