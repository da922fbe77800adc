package totp_test

import (
	"testing"
	"time"

	"drydock/lang/totp"
)

var seed = []byte("12345678901234567890") // of RFC 6238, appendix B

func TestCode_IsThatOfTheRFC(t *testing.T) {
	t.Parallel()
	for seconds, want := range map[int64]string{
		59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130",
	} {
		if got := totp.Code(seed, totp.Counter(time.Unix(seconds, 0))); got != want {
			t.Errorf("code at %d is %s, want %s", seconds, got, want)
		}
	}
}

func TestFind_AcceptsRowsWithinTheWindowAndAfterTheLast(t *testing.T) {
	t.Parallel()
	code := func(n int64) string { return totp.Code(seed, n) }
	for _, test := range []struct {
		center, window, last int64
		codes                []string
		want                 int64
	}{
		{100, 1, 0, []string{code(100)}, 100},
		{100, 1, 0, []string{code(99)}, 99},
		{100, 1, 0, []string{code(101)}, 101},
		{100, 1, 0, []string{code(102)}, 0},
		{100, 1, 100, []string{code(100)}, 0},
		{100, 1, 99, []string{code(100)}, 100},
		{100, 3, 0, []string{code(98), code(99)}, 98},
		{100, 3, 0, []string{code(98), code(100)}, 0},
		{100, 3, 0, []string{code(99), code(98)}, 0},
		{100, 3, 0, []string{""}, 0},
	} {
		got, ok := totp.Find(seed, test.center, test.window, test.last, test.codes...)
		if got != test.want || ok != (test.want != 0) {
			t.Errorf("%+v: found %d, %t", test, got, ok)
		}
	}
}
