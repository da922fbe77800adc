package kms_test

import (
	"testing"

	api "drydock/api/kms"
	"drydock/service"
	"drydock/service/kms"
	"drydock/service/servicetest"
)

// TestQuota_ThrottlesAnAccountInARegion sets quotas of one request a second, so that no pace of the machine matters: of
// requests that take less than a second each, one will be refused.
func TestQuota_ThrottlesAnAccountInARegion(t *testing.T) {
	t.Parallel()
	c := servicetest.New(t, func(d service.Deps) []service.Module { return []service.Module{kms.New(d)} }, func(d *service.Deps) {
		d.Quotas = map[string]int{"kms/L-6E3AF000": 1, "kms/L-2AC98190": 1, "kms/L-DC14942D": 1}
	})
	call := c.Call(t)
	symmetric := createKey(t, call, &api.CreateKeyInput{}).KeyID
	hmac := createKey(t, call, &api.CreateKeyInput{KeySpec: new(api.KeySpecHmac256), KeyUsage: new(api.KeyUsageTypeGenerateVerifyMac)}).KeyID
	pair := createKey(t, call, &api.CreateKeyInput{KeySpec: new(api.KeySpecRsa2048), KeyUsage: new(api.KeyUsageTypeEncryptDecrypt)}).KeyID
	signing := createKey(t, call, &api.CreateKeyInput{KeySpec: new(api.KeySpecEccNistP256), KeyUsage: new(api.KeyUsageTypeSignVerify)}).KeyID
	agreeing := createKey(t, call, &api.CreateKeyInput{KeySpec: new(api.KeySpecEccNistP256), KeyUsage: new(api.KeyUsageTypeKeyAgreement)}).KeyID
	public, err := api.GetPublicKey.Do(call, &api.GetPublicKeyInput{KeyID: agreeing})
	if err != nil {
		t.Fatal(err)
	}
	far := c.CallIn(t, servicetest.Account, "eu-west-1")
	farKey := createKey(t, far, &api.CreateKeyInput{}).KeyID
	for name, do := range map[string]func() error{
		"GenerateDataKey": func() error {
			_, err := api.GenerateDataKey.Do(call, &api.GenerateDataKeyInput{KeyID: symmetric, KeySpec: new(api.DataKeySpecAes256)})
			return err
		},
		"GenerateDataKeyWithoutPlaintext": func() error {
			_, err := api.GenerateDataKeyWithoutPlaintext.Do(call, &api.GenerateDataKeyWithoutPlaintextInput{KeyID: symmetric, KeySpec: new(api.DataKeySpecAes256)})
			return err
		},
		"GenerateRandom": func() error {
			_, err := api.GenerateRandom.Do(call, &api.GenerateRandomInput{NumberOfBytes: new(int32(8))})
			return err
		},
		"GenerateMac": func() error {
			_, err := api.GenerateMac.Do(call, &api.GenerateMacInput{KeyID: hmac, Message: []byte("m"), MacAlgorithm: api.MacAlgorithmSpecHmacSha256})
			return err
		},
		"Encrypt by RSA": func() error {
			_, err := api.Encrypt.Do(call, &api.EncryptInput{KeyID: pair, Plaintext: []byte("x"), EncryptionAlgorithm: new(api.EncryptionAlgorithmSpecRsaesOaepSha256)})
			return err
		},
		"Sign": func() error {
			_, err := api.Sign.Do(call, &api.SignInput{KeyID: signing, Message: []byte("m"), SigningAlgorithm: api.SigningAlgorithmSpecEcdsaSha256})
			return err
		},
		"DeriveSharedSecret": func() error {
			_, err := api.DeriveSharedSecret.Do(call, &api.DeriveSharedSecretInput{
				KeyID: agreeing, KeyAgreementAlgorithm: api.KeyAgreementAlgorithmSpecEcdh, PublicKey: public.PublicKey,
			})
			return err
		},
	} {
		var err error
		for tries := 0; err == nil && tries < 1000; tries++ {
			err = do()
		}
		if err == nil {
			t.Errorf("%s is not throttled", name)
			continue
		}
		wantMessage(t, err, "ThrottlingException", "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.")
	}
	// What is no cryptographic operation does not count, nor do pairs.
	for range 20 {
		if _, err := api.DescribeKey.Do(call, &api.DescribeKeyInput{KeyID: symmetric}); err != nil {
			t.Fatal(err)
		}
		_, err := api.GenerateDataKeyPair.Do(call, &api.GenerateDataKeyPairInput{KeyID: symmetric, KeyPairSpec: api.DataKeyPairSpecEccNistP256})
		if err != nil {
			t.Fatal(err)
		}
	}
	// Other regions and accounts have quotas of their own.
	blob := encrypt(t, far, farKey, "x", nil)
	for tries := 0; err == nil && tries < 1000; tries++ {
		_, err = decrypt(far, blob, nil)
	}
	servicetest.WantError(t, err, "ThrottlingException")
	if _, err := api.GenerateRandom.Do(c.CallIn(t, "444455556666", servicetest.Region), &api.GenerateRandomInput{NumberOfBytes: new(int32(8))}); err != nil {
		t.Errorf("another account: %v", err)
	}
}
