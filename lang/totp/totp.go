// Package totp makes and judges time-based one-time passwords (RFC 6238, over RFC 4226): six digits, SHA-1, a new one each
// thirty seconds, as authenticator apps show them. It knows neither who has a device nor what time it is: the caller gives
// the time, and keeps the counter of the last code it accepted, so that none counts twice.
package totp

import (
	"crypto/hmac"
	"crypto/sha1" // authenticator apps use SHA-1 by default
	"encoding/binary"
	"fmt"
	"time"
)

// Step is how long a code is shown.
const Step = 30 * time.Second

// Digits is the length of a code.
const Digits = 6

// Counter numbers the step that a time lies in.
func Counter(t time.Time) int64 { return t.Unix() / int64(Step/time.Second) }

// Code is the code of a step.
func Code(seed []byte, counter int64) string {
	mac := hmac.New(sha1.New, seed)
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(counter))
	mac.Write(b[:])
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 0x0f
	n := binary.BigEndian.Uint32(sum[at:]) & 0x7fffffff
	return fmt.Sprintf("%0*d", Digits, n%1_000_000)
}

// Find returns the step nearest to center, window steps away at most and after last, that begins a row of steps with the
// codes given.
func Find(seed []byte, center, window, last int64, codes ...string) (counter int64, ok bool) {
	for d := int64(0); d <= window; d++ {
		for _, at := range []int64{center - d, center + d} {
			if at > last && row(seed, at, codes) {
				return at, true
			}
			if d == 0 {
				break
			}
		}
	}
	return 0, false
}

func row(seed []byte, at int64, codes []string) bool {
	for i, code := range codes {
		if !hmac.Equal([]byte(Code(seed, at+int64(i))), []byte(code)) {
			return false
		}
	}
	return true
}
