package aws

import (
	"encoding/base32"
	"encoding/binary"
	"fmt"
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
	b, err := base32.StdEncoding.DecodeString(id[4:])
	if err != nil {
		return "", false
	}
	n := binary.BigEndian.Uint64(append([]byte{0, 0}, b[:6]...)) >> accountShift & (1<<40 - 1)
	account = fmt.Sprintf("%012d", n)
	return account, ValidAccount(account)
}
