package aws_test

import (
	"crypto/rand"
	"strings"
	"testing"

	"drydock/aws"
)

func TestAccessKeyID_NamesItsAccount(t *testing.T) {
	t.Parallel()
	for _, account := range []string{"000000000000", "111122223333", "999999999999"} {
		id := aws.NewAccessKeyID(rand.Reader, "AKIA", account)
		if got, ok := aws.AccessKeyAccount(id); !ok || got != account || len(id) != 20 || !strings.HasPrefix(id, "AKIA") {
			t.Errorf("%s names %s, %t, want %s", id, got, ok, account)
		}
	}
	// A key id that AWS's own documentation of this encoding is tested with elsewhere.
	if got, ok := aws.AccessKeyAccount("ASIAQNZGKIQY56JQ7WML"); !ok || got != "029608264753" {
		t.Errorf("account %s, %t", got, ok)
	}
	for _, id := range []string{"", "AKIA", "AKIA1111111111111111", "AKIAIOSFODNN7EXAMPLE1"} {
		if got, ok := aws.AccessKeyAccount(id); ok {
			t.Errorf("%q names %s", id, got)
		}
	}
}
