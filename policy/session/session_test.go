package session_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"drydock/aws"
	"drydock/policy/session"
)

func issuer(t *testing.T) *session.Issuer {
	t.Helper()
	i, err := session.NewIssuer(bytes.Repeat([]byte{7}, 32), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestIssuer_TokenCarriesThePrincipalUntilItExpires(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	want := aws.Principal{
		Type: aws.PrincipalAssumedRole, Account: "111122223333", Name: "deploy",
		ARN: "arn:aws:sts::111122223333:assumed-role/deploy/me", Tags: map[string]string{"team": "x"},
		Session: &aws.Session{Issued: now, Expires: now.Add(time.Hour), Policies: []string{"{}"}},
	}
	creds, err := issuer(t).Issue(want)
	if err != nil {
		t.Fatal(err)
	}
	want.AccessKeyID = creds.AccessKeyID
	// A second issuer with the same key stands for the process after a restart.
	got, err := issuer(t).Open(creds.AccessKeyID, creds.SessionToken, now.Add(time.Hour-1))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("principal (-want +got):\n%s", diff)
	}
	if s := issuer(t).Secret(creds.AccessKeyID); s != creds.SecretAccessKey || len(s) != 40 {
		t.Errorf("secret %q, issued %q", s, creds.SecretAccessKey)
	}
	if _, err := issuer(t).Open(creds.AccessKeyID, creds.SessionToken, now.Add(time.Hour)); !errors.Is(err, session.ErrExpired) {
		t.Errorf("at expiration: %v", err)
	}
}

func TestIssuer_RefusesForgedTokens(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	i := issuer(t)
	p := aws.Principal{Session: &aws.Session{Expires: now.Add(time.Hour)}}
	a, err := i.Issue(p)
	if err != nil {
		t.Fatal(err)
	}
	b, err := i.Issue(p)
	if err != nil {
		t.Fatal(err)
	}
	flipped := []byte(a.SessionToken)
	flipped[len(flipped)/2] ^= 1
	for name, tc := range map[string]struct{ id, token string }{
		"another key's token": {a.AccessKeyID, b.SessionToken},
		"changed token":       {a.AccessKeyID, string(flipped)},
		"cut token":           {a.AccessKeyID, a.SessionToken[:len(a.SessionToken)/2]},
		"empty":               {a.AccessKeyID, ""},
		"only the prefix":     {a.AccessKeyID, "DRYD1"},
		"huge":                {a.AccessKeyID, "DRYD1" + strings.Repeat("A", 1<<20)},
	} {
		if _, err := i.Open(tc.id, tc.token, now); !errors.Is(err, session.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
