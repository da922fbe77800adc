package sshd

import (
	"crypto/ed25519"
	"fmt"

	"golang.org/x/crypto/ssh"
)

// HostKey returns the key by which clients recognise a cloud. It is made of a secret of 32 bytes, which the cloud derives
// from its root key: so it is the same after each start, and there is no other file to keep.
func HostKey(secret []byte) (ssh.Signer, error) {
	if len(secret) != ed25519.SeedSize {
		return nil, fmt.Errorf("SSH host key: the secret has %d bytes, not %d", len(secret), ed25519.SeedSize)
	}
	signer, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(secret))
	if err != nil {
		return nil, fmt.Errorf("SSH host key: %w", err)
	}
	return signer, nil
}
