package kms

import (
	"crypto/aes"
	"crypto/subtle"
	"encoding/binary"
	"errors"
)

// errKeyWrap is for bytes that were not wrapped with the key.
var errKeyWrap = errors.New("no wrapped key")

// unwrapKey undoes AES key wrap with padding (RFC 5649), in which clients wrap material that RSA alone is too short for.
func unwrapKey(kek, wrapped []byte) ([]byte, error) {
	block, err := aes.NewCipher(kek)
	if err != nil {
		return nil, errKeyWrap
	}
	n := len(wrapped)/8 - 1 // semiblocks of the padded key
	if len(wrapped)%8 != 0 || n < 1 {
		return nil, errKeyWrap
	}
	var head [8]byte
	text := make([]byte, 8*n)
	if n == 1 {
		var both [aes.BlockSize]byte
		block.Decrypt(both[:], wrapped)
		copy(head[:], both[:8])
		copy(text, both[8:])
	} else {
		copy(head[:], wrapped)
		copy(text, wrapped[8:])
		var b [aes.BlockSize]byte
		for round := 5; round >= 0; round-- {
			for i := n; i >= 1; i-- {
				step := binary.BigEndian.Uint64(head[:]) ^ uint64(n*round+i)
				binary.BigEndian.PutUint64(b[:8], step)
				copy(b[8:], text[8*(i-1):8*i])
				block.Decrypt(b[:], b[:])
				copy(head[:], b[:8])
				copy(text[8*(i-1):], b[8:])
			}
		}
	}
	size := int(binary.BigEndian.Uint32(head[4:]))
	if subtle.ConstantTimeCompare(head[:4], []byte{0xa6, 0x59, 0x59, 0xa6}) != 1 || size <= 8*(n-1) || size > 8*n {
		return nil, errKeyWrap
	}
	for _, pad := range text[size:] {
		if pad != 0 {
			return nil, errKeyWrap
		}
	}
	return text[:size], nil
}
