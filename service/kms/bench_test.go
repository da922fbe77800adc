package kms_test

import (
	"context"
	"strings"
	"testing"

	api "drydock/api/kms"
	"drydock/aws"
	"drydock/service"
	"drydock/service/servicetest"
)

// BenchmarkGenerateDataKey is what a service pays for each object that it encrypts.
func BenchmarkGenerateDataKey(b *testing.B) {
	call, k := benchmarkKey(b)
	in := &api.GenerateDataKeyInput{KeyID: k, KeySpec: new(api.DataKeySpecAes256), EncryptionContext: map[string]string{"aws:s3:arn": "arn:aws:s3:::b"}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := api.GenerateDataKey.Do(call, in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecrypt(b *testing.B) {
	call, k := benchmarkKey(b)
	blob := encrypt(b, call, k, strings.Repeat("k", 32), nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decrypt(call, blob, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// benchmarkKey returns a call by a user and a key that it may use.
func benchmarkKey(b *testing.B) (*aws.Call, string) {
	b.Helper()
	// A single core comes near AWS's quota.
	c, root := newCloud(b, func(d *service.Deps) { d.Quotas = map[string]int{"kms/L-6E3AF000": 1e9} })
	call := user(b, c, servicetest.Account, "admin")
	return call.With(context.WithoutCancel(call)), createKey(b, root, &api.CreateKeyInput{}).KeyID
}
