package aws

import (
	"encoding/base32"
	"encoding/binary"
	"io"
	"strconv"
)

// accountShift is where the account's number begins in the first 48 bits of what an access key id encodes.
const accountShift = 7

// NewAccessKeyID returns an access key id of an account: prefix ("AKIA", "ASIA") and 16 characters that, as at AWS, hold
// the account's number besides randomness. See AccessKeyAccount.
func NewAccessKeyID(random io.Reader, prefix, account string) string {
	b := randomBytes(random, 10)
	if n, err := strconv.ParseUint(account, 10, 40); err == nil {
		first := [8]byte{2: b[0], 3: b[1], 4: b[2], 5: b[3], 6: b[4], 7: b[5]}
		mixed := binary.BigEndian.Uint64(first[:])&(1<<accountShift-1) | n<<accountShift | 1<<47
		binary.BigEndian.PutUint64(first[:], mixed)
		copy(b, first[2:])
	}
	return prefix + base32.StdEncoding.EncodeToString(b)
}

// AccessKeyAccount returns the account that an access key id names. It does not tell whether the key exists.
func AccessKeyAccount(id string) (account string, ok bool) {
	if len(id) != 20 {
		return "", false
	}
	var b [2 + 10]byte
	if _, err := base32.StdEncoding.Decode(b[2:], []byte(id[4:])); err != nil {
		return "", false
	}
	n := binary.BigEndian.Uint64(b[:8]) >> accountShift & (1<<40 - 1)
	var digits [12]byte
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = byte('0' + n%10)
		n /= 10
	}
	return string(digits[:]), n == 0
}
