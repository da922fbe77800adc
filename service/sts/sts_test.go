package sts_test

import (
	"encoding/base64"
	"testing"
	"time"

	api "drydock/api/sts"
	"drydock/aws"
	"drydock/blob/seal"
	"drydock/service"
	"drydock/service/servicetest"
	"drydock/service/sts"
)

func newCloud(t testing.TB) (*servicetest.Cloud, *aws.Call) {
	t.Helper()
	c := servicetest.New(t, func(d service.Deps) []service.Module { return []service.Module{sts.New(d)} })
	return c, c.Call(t)
}

func do[In, Out any](t testing.TB, op aws.Op[In, Out], call *aws.Call, in *In) *Out {
	t.Helper()
	out, err := op.Do(call, in)
	if err != nil {
		t.Fatalf("%s: %v", op.Name, err)
	}
	return out
}

func TestGetCallerIdentity_NeedsNoPermission(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	user := aws.Principal{Type: aws.PrincipalUser, Account: call.Account, ARN: "arn:aws:iam::111122223333:user/u", ID: "AIDAU", Name: "u"}
	for _, p := range []aws.Principal{aws.Root("aws", call.Account), user} {
		got := do(t, api.GetCallerIdentity, c.CallAs(t, p, servicetest.Region), &api.GetCallerIdentityInput{})
		if *got.ARN != p.ARN || *got.Account != p.Account || *got.UserID != p.ID {
			t.Errorf("identity %+v of %+v", got, p)
		}
	}
}

func TestGetSessionToken_OfRootIsShort(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	for _, test := range []struct {
		seconds *int32
		want    time.Duration
	}{{nil, time.Hour}, {new(int32(900)), 15 * time.Minute}, {new(int32(7200)), time.Hour}} {
		k := do(t, api.GetSessionToken, call, &api.GetSessionTokenInput{DurationSeconds: test.seconds}).Credentials
		if !k.Expiration.Equal(servicetest.Start.Add(test.want)) {
			t.Errorf("session ends %s, want after %s", k.Expiration, test.want)
		}
		account := do(t, api.GetAccessKeyInfo, call, &api.GetAccessKeyInfoInput{AccessKeyID: k.AccessKeyID}).Account
		if *account != call.Account {
			t.Errorf("key %s of %s", k.AccessKeyID, *account)
		}
	}
	service := c.CallAs(t, aws.ServicePrincipal("ec2.amazonaws.com", call.Account), servicetest.Region)
	_, err := api.GetSessionToken.Do(service, &api.GetSessionTokenInput{})
	servicetest.WantError(t, err, "AccessDenied")
	_, err = api.GetAccessKeyInfo.Do(call, &api.GetAccessKeyInfoInput{AccessKeyID: "AKIA1111111111111111"})
	servicetest.WantError(t, err, "ValidationError")
}

func TestDecodeAuthorizationMessage(t *testing.T) {
	t.Parallel()
	var keys *seal.RootKey
	c := servicetest.New(t, func(d service.Deps) []service.Module {
		keys = d.Keys
		return []service.Module{sts.New(d)}
	})
	encoded := base64.StdEncoding.EncodeToString(keys.Wrap([]byte(`{"allowed":false}`), []byte("authorization message")))
	call := c.Call(t)
	if got := *do(t, api.DecodeAuthorizationMessage, call, &api.DecodeAuthorizationMessageInput{EncodedMessage: encoded}).DecodedMessage; got != `{"allowed":false}` {
		t.Errorf("message %s", got)
	}
	elsewhere := base64.StdEncoding.EncodeToString(keys.Wrap([]byte("secret"), []byte("another secret")))
	for _, bad := range []string{"x", "!", elsewhere, encoded[:len(encoded)-8]} {
		_, err := api.DecodeAuthorizationMessage.Do(call, &api.DecodeAuthorizationMessageInput{EncodedMessage: bad})
		servicetest.WantError(t, err, "InvalidAuthorizationMessageException")
	}
}

func BenchmarkGetCallerIdentity(b *testing.B) {
	_, call := newCloud(b)
	b.ReportAllocs()
	for b.Loop() {
		do(b, api.GetCallerIdentity, call, &api.GetCallerIdentityInput{})
	}
}
