package kms_test

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"testing"

	api "drydock/api/kms"
	"drydock/aws"
	"drydock/service/servicetest"
)

// createPair makes a key of a spec.
func createPair(t *testing.T, call *aws.Call, spec api.KeySpec, usage api.KeyUsageType) *api.KeyMetadata {
	t.Helper()
	return createKey(t, call, &api.CreateKeyInput{KeySpec: &spec, KeyUsage: &usage})
}

func publicKey(t *testing.T, call *aws.Call, id string) any {
	t.Helper()
	out, err := api.GetPublicKey.Do(call, &api.GetPublicKeyInput{KeyID: id})
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.ParsePKIXPublicKey(out.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return public
}

func TestSign_IsVerified(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	message := []byte("a message")
	for _, spec := range []api.KeySpec{
		api.KeySpecRsa2048, api.KeySpecEccNistP256, api.KeySpecEccNistP384, api.KeySpecEccNistP521, api.KeySpecEccSecgP256k1,
		api.KeySpecEccNistEdwards25519,
	} {
		k := createPair(t, call, spec, api.KeyUsageTypeSignVerify)
		if len(k.SigningAlgorithms) == 0 || k.CurrentKeyMaterialID != nil {
			t.Errorf("%s: %+v", spec, k)
		}
		for _, algorithm := range k.SigningAlgorithms {
			text, kind := message, api.MessageTypeRaw
			if algorithm == api.SigningAlgorithmSpecEd25519PhSha512 {
				sum := sha512.Sum512(message)
				text, kind = sum[:], api.MessageTypeDigest
			}
			out, err := api.Sign.Do(call, &api.SignInput{KeyID: k.KeyID, Message: text, MessageType: &kind, SigningAlgorithm: algorithm})
			if err != nil {
				t.Errorf("%s: %v", algorithm, err)
				continue
			}
			in := &api.VerifyInput{KeyID: k.KeyID, Message: text, MessageType: &kind, SigningAlgorithm: algorithm, Signature: out.Signature}
			if verified, err := api.Verify.Do(call, in); err != nil || !*verified.SignatureValid || *verified.KeyID != *k.ARN {
				t.Errorf("%s: %v", algorithm, err)
			}
			in.Message = bytes.Clone(text)
			in.Message[0] ^= 1
			_, err = api.Verify.Do(call, in)
			wantMessage(t, err, "KMSInvalidSignatureException", "")
		}
	}
}

func TestSign_IsWhatOthersVerify(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	message := []byte("a message")
	sum := sha256.Sum256(message)
	pair := createPair(t, call, api.KeySpecRsa2048, api.KeyUsageTypeSignVerify)
	public, ok := publicKey(t, call, pair.KeyID).(*rsa.PublicKey)
	if !ok || public.N.BitLen() != 2048 {
		t.Fatalf("public key %T", public)
	}
	sign := func(key string, algorithm api.SigningAlgorithmSpec, text []byte, kind api.MessageType) []byte {
		t.Helper()
		out, err := api.Sign.Do(call, &api.SignInput{KeyID: key, Message: text, MessageType: &kind, SigningAlgorithm: algorithm})
		if err != nil {
			t.Fatal(err)
		}
		return out.Signature
	}
	if err := rsa.VerifyPSS(public, crypto.SHA256, sum[:], sign(pair.KeyID, api.SigningAlgorithmSpecRsassaPssSha256, sum[:], api.MessageTypeDigest), nil); err != nil {
		t.Error(err)
	}
	if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], sign(pair.KeyID, api.SigningAlgorithmSpecRsassaPkcs1V1_5Sha256, message, api.MessageTypeRaw)); err != nil {
		t.Error(err)
	}
	curve := createPair(t, call, api.KeySpecEccNistP256, api.KeyUsageTypeSignVerify)
	point, ok := publicKey(t, call, curve.KeyID).(*ecdsa.PublicKey)
	if !ok || !ecdsa.VerifyASN1(point, sum[:], sign(curve.KeyID, api.SigningAlgorithmSpecEcdsaSha256, message, api.MessageTypeRaw)) {
		t.Error("the signature is not the public key's")
	}
}

func TestSign_Errors(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	k := createPair(t, call, api.KeySpecEccNistP256, api.KeyUsageTypeSignVerify)
	symmetric := createKey(t, call, &api.CreateKeyInput{})
	for name, tc := range map[string]struct {
		in            api.SignInput
		code, message string
	}{
		"usage": {api.SignInput{KeyID: symmetric.KeyID, SigningAlgorithm: api.SigningAlgorithmSpecEcdsaSha256}, "InvalidKeyUsageException",
			*symmetric.ARN + " key usage is ENCRYPT_DECRYPT which is not valid for Sign."},
		"algorithm": {api.SignInput{KeyID: k.KeyID, SigningAlgorithm: api.SigningAlgorithmSpecEcdsaSha384}, "InvalidKeyUsageException",
			"Algorithm ECDSA_SHA_384 is incompatible with key spec ECC_NIST_P256."},
		"digest": {api.SignInput{KeyID: k.KeyID, SigningAlgorithm: api.SigningAlgorithmSpecEcdsaSha256, MessageType: new(api.MessageTypeDigest)},
			"ValidationException", "Digest is invalid length for algorithm ECDSA_SHA_256."},
		"dry run": {api.SignInput{KeyID: k.KeyID, SigningAlgorithm: api.SigningAlgorithmSpecEcdsaSha256, DryRun: new(true)}, "DryRunOperationException",
			"The request would have succeeded, but the DryRun option is set."},
		"mu": {api.SignInput{KeyID: k.KeyID, SigningAlgorithm: api.SigningAlgorithmSpecEcdsaSha256, MessageType: new(api.MessageTypeExternalMu)},
			"ValidationException", "MessageType EXTERNAL_MU is incompatible with the algorithm ECDSA_SHA_256."},
	} {
		tc.in.Message = []byte("x")
		_, err := api.Sign.Do(call, &tc.in)
		wantMessage(t, err, tc.code, tc.message)
		if t.Failed() {
			t.Fatal(name)
		}
	}
	_, err := api.Sign.Do(user(t, c, servicetest.Account, "guest"), &api.SignInput{KeyID: k.KeyID, Message: []byte("x"), SigningAlgorithm: api.SigningAlgorithmSpecEcdsaSha256})
	servicetest.WantError(t, err, "AccessDeniedException")
	_, err = api.GetPublicKey.Do(call, &api.GetPublicKeyInput{KeyID: symmetric.KeyID})
	servicetest.WantError(t, err, "UnsupportedOperationException")
	_, err = api.Encrypt.Do(call, &api.EncryptInput{KeyID: k.KeyID, Plaintext: []byte("x")})
	wantMessage(t, err, "InvalidKeyUsageException", *k.ARN+" key usage is SIGN_VERIFY which is not valid for Encrypt.")
	_, err = dataKey(call, k.KeyID)
	servicetest.WantError(t, err, "InvalidKeyUsageException")
}

func TestRSA_Encrypts(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	k := createPair(t, call, api.KeySpecRsa2048, api.KeyUsageTypeEncryptDecrypt)
	public, _ := publicKey(t, call, k.KeyID).(*rsa.PublicKey)
	for _, algorithm := range []api.EncryptionAlgorithmSpec{api.EncryptionAlgorithmSpecRsaesOaepSha1, api.EncryptionAlgorithmSpecRsaesOaepSha256} {
		h := sha256.New()
		if algorithm == api.EncryptionAlgorithmSpecRsaesOaepSha1 {
			h = sha1.New()
		}
		outside, err := rsa.EncryptOAEP(h, rand.Reader, public, []byte("x"), nil)
		if err != nil {
			t.Fatal(err)
		}
		inside, err := api.Encrypt.Do(call, &api.EncryptInput{KeyID: k.KeyID, Plaintext: []byte("x"), EncryptionAlgorithm: &algorithm})
		if err != nil {
			t.Fatal(err)
		}
		for _, blob := range [][]byte{outside, inside.CiphertextBlob} {
			out, err := api.Decrypt.Do(call, &api.DecryptInput{KeyID: &k.KeyID, CiphertextBlob: blob, EncryptionAlgorithm: &algorithm})
			if err != nil || string(out.Plaintext) != "x" || out.KeyMaterialID != nil {
				t.Errorf("%s: %v, %v", algorithm, out, err)
			}
			blob[0] ^= 1
			_, err = api.Decrypt.Do(call, &api.DecryptInput{KeyID: &k.KeyID, CiphertextBlob: blob, EncryptionAlgorithm: &algorithm})
			servicetest.WantError(t, err, "InvalidCiphertextException")
		}
	}
	_, err := api.Encrypt.Do(call, &api.EncryptInput{KeyID: k.KeyID, Plaintext: make([]byte, 191), EncryptionAlgorithm: new(api.EncryptionAlgorithmSpecRsaesOaepSha256)})
	wantMessage(t, err, "ValidationException", "Algorithm RSAES_OAEP_SHA_256 and key spec RSA_2048 cannot encrypt data larger than 190 bytes.")
	_, err = api.Encrypt.Do(call, &api.EncryptInput{KeyID: k.KeyID, Plaintext: []byte("x")})
	servicetest.WantError(t, err, "InvalidKeyUsageException")
	_, err = api.Decrypt.Do(call, &api.DecryptInput{CiphertextBlob: []byte("x"), EncryptionAlgorithm: new(api.EncryptionAlgorithmSpecRsaesOaepSha256)})
	servicetest.WantError(t, err, "ValidationException")
}

func TestDataKeyPair_IsAPair(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	k := createKey(t, call, &api.CreateKeyInput{})
	out, err := api.GenerateDataKeyPair.Do(call, &api.GenerateDataKeyPairInput{KeyID: k.KeyID, KeyPairSpec: api.DataKeyPairSpecEccNistP384})
	if err != nil {
		t.Fatal(err)
	}
	text, err := decrypt(call, out.PrivateKeyCiphertextBlob, nil)
	if err != nil || text != string(out.PrivateKeyPlaintext) {
		t.Errorf("decrypted: %v", err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(out.PrivateKeyPlaintext)
	if err != nil {
		t.Fatal(err)
	}
	private, _ := parsed.(*ecdsa.PrivateKey)
	if public, err := x509.MarshalPKIXPublicKey(private.Public()); err != nil || !bytes.Equal(public, out.PublicKey) || private.Curve != elliptic.P384() {
		t.Errorf("public key: %v", err)
	}
	later, err := api.GenerateDataKeyPairWithoutPlaintext.Do(call, &api.GenerateDataKeyPairWithoutPlaintextInput{KeyID: k.KeyID, KeyPairSpec: api.DataKeyPairSpecEccSecgP256k1})
	if err != nil {
		t.Fatal(err)
	}
	if text, err := decrypt(call, later.PrivateKeyCiphertextBlob, nil); err != nil || len(text) < 100 {
		t.Errorf("decrypted: %v", err)
	}
	_, err = api.GenerateDataKeyPair.Do(call, &api.GenerateDataKeyPairInput{KeyID: k.KeyID, KeyPairSpec: api.DataKeyPairSpecSm2})
	servicetest.WantError(t, err, "UnsupportedOperationException")
}

func TestMac_IsVerified(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	for spec, algorithm := range map[api.KeySpec]api.MacAlgorithmSpec{
		api.KeySpecHmac224: api.MacAlgorithmSpecHmacSha224, api.KeySpecHmac256: api.MacAlgorithmSpecHmacSha256,
		api.KeySpecHmac384: api.MacAlgorithmSpecHmacSha384, api.KeySpecHmac512: api.MacAlgorithmSpecHmacSha512,
	} {
		k := createPair(t, call, spec, api.KeyUsageTypeGenerateVerifyMac)
		out, err := api.GenerateMac.Do(call, &api.GenerateMacInput{KeyID: k.KeyID, Message: []byte("x"), MacAlgorithm: algorithm})
		if err != nil {
			t.Fatal(err)
		}
		in := &api.VerifyMacInput{KeyID: k.KeyID, Message: []byte("x"), MacAlgorithm: algorithm, Mac: out.Mac}
		if verified, err := api.VerifyMac.Do(call, in); err != nil || !*verified.MacValid {
			t.Errorf("%s: %v", spec, err)
		}
		in.Message = []byte("y")
		_, err = api.VerifyMac.Do(call, in)
		wantMessage(t, err, "KMSInvalidMacException", "")
	}
	k := createPair(t, call, api.KeySpecHmac224, api.KeyUsageTypeGenerateVerifyMac)
	_, err := api.GenerateMac.Do(call, &api.GenerateMacInput{KeyID: k.KeyID, Message: []byte("x"), MacAlgorithm: api.MacAlgorithmSpecHmacSha256})
	wantMessage(t, err, "InvalidKeyUsageException", "Algorithm HMAC_SHA_256 is incompatible with key spec HMAC_224.")
	_, err = api.GenerateMac.Do(call, &api.GenerateMacInput{KeyID: "key_id", Message: []byte("x"), MacAlgorithm: api.MacAlgorithmSpecHmacSha256})
	wantMessage(t, err, "NotFoundException", "Invalid keyId 'key_id'")
}

func TestDeriveSharedSecret_AgreesWithTheOtherSide(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	k := createPair(t, call, api.KeySpecEccNistP256, api.KeyUsageTypeKeyAgreement)
	mine, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(mine.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	in := &api.DeriveSharedSecretInput{KeyID: k.KeyID, KeyAgreementAlgorithm: api.KeyAgreementAlgorithmSpecEcdh, PublicKey: public}
	out, err := api.DeriveSharedSecret.Do(call, in)
	if err != nil {
		t.Fatal(err)
	}
	theirs, _ := publicKey(t, call, k.KeyID).(*ecdsa.PublicKey)
	point, err := theirs.ECDH()
	if err != nil {
		t.Fatal(err)
	}
	if secret, err := mine.ECDH(point); err != nil || !hmac.Equal(secret, out.SharedSecret) {
		t.Errorf("the secrets differ: %v", err)
	}
	in.PublicKey = []byte("x")
	_, err = api.DeriveSharedSecret.Do(call, in)
	servicetest.WantError(t, err, "ValidationException")
	in.KeyID = createKey(t, call, &api.CreateKeyInput{}).KeyID
	_, err = api.DeriveSharedSecret.Do(call, in)
	servicetest.WantError(t, err, "InvalidKeyUsageException")
}
