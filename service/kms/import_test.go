package kms_test

import (
	"bytes"
	"crypto/aes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	api "drydock/api/kms"
	"drydock/aws"
	"drydock/service/servicetest"
)

// wrapAES wraps a key by RFC 5649, for keys of more than eight bytes.
func wrapAES(t *testing.T, kek, secret []byte) []byte {
	t.Helper()
	block, err := aes.NewCipher(kek)
	if err != nil {
		t.Fatal(err)
	}
	text := append(bytes.Clone(secret), make([]byte, (8-len(secret)%8)%8)...)
	head := binary.BigEndian.AppendUint32([]byte{0xa6, 0x59, 0x59, 0xa6}, uint32(len(secret)))
	n := len(text) / 8
	b := make([]byte, 16)
	for round := range 6 {
		for i := 1; i <= n; i++ {
			copy(b, head)
			copy(b[8:], text[8*(i-1):8*i])
			block.Encrypt(b, b)
			binary.BigEndian.PutUint64(head, binary.BigEndian.Uint64(b)^uint64(n*round+i))
			copy(text[8*(i-1):], b[8:])
		}
	}
	return append(head, text...)
}

// wrapped asks for the parameters of an import and wraps a secret by them.
func wrapped(t *testing.T, call *aws.Call, key string, algorithm api.AlgorithmSpec, secret []byte) *api.ImportKeyMaterialInput {
	t.Helper()
	out, err := api.GetParametersForImport.Do(call, &api.GetParametersForImportInput{KeyID: key, WrappingAlgorithm: algorithm, WrappingKeySpec: api.WrappingKeySpecRsa2048})
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParsePKIXPublicKey(out.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public, _ := parsed.(*rsa.PublicKey)
	h := sha256.New()
	if strings.HasSuffix(string(algorithm), "_SHA_1") {
		h = sha1.New()
	}
	text := secret
	var rest []byte
	if strings.HasPrefix(string(algorithm), "RSA_AES") {
		text = bytes.Repeat([]byte{7}, 32)
		rest = wrapAES(t, text, secret)
	}
	sealed, err := rsa.EncryptOAEP(h, rand.Reader, public, text, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &api.ImportKeyMaterialInput{
		KeyID: key, ImportToken: out.ImportToken, EncryptedKeyMaterial: append(sealed, rest...),
		ExpirationModel: new(api.ExpirationModelTypeKeyMaterialDoesNotExpire),
	}
}

// external makes a key whose material is imported.
func external(t *testing.T, call *aws.Call, spec api.KeySpec, usage api.KeyUsageType) *api.KeyMetadata {
	t.Helper()
	return createKey(t, call, &api.CreateKeyInput{Origin: new(api.OriginTypeExternal), KeySpec: &spec, KeyUsage: &usage})
}

func TestImport_GivesAKeyItsMaterial(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	secret := bytes.Repeat([]byte{5}, 32)
	for _, algorithm := range []api.AlgorithmSpec{
		api.AlgorithmSpecRsaesOaepSha1, api.AlgorithmSpecRsaesOaepSha256, api.AlgorithmSpecRsaAesKeyWrapSha1, api.AlgorithmSpecRsaAesKeyWrapSha256,
	} {
		k := external(t, call, api.KeySpecSymmetricDefault, api.KeyUsageTypeEncryptDecrypt)
		if *k.KeyState != api.KeyStatePendingImport || *k.Enabled || k.ExpirationModel != nil {
			t.Errorf("created %+v", k)
		}
		_, err := api.Encrypt.Do(call, &api.EncryptInput{KeyID: k.KeyID, Plaintext: []byte("x")})
		wantMessage(t, err, "KMSInvalidStateException", *k.ARN+" is pending import.")
		out, err := api.ImportKeyMaterial.Do(call, wrapped(t, call, k.KeyID, algorithm, secret))
		if err != nil {
			t.Errorf("%s: %v", algorithm, err)
			continue
		}
		if m := describe(t, call, k.KeyID); *m.KeyState != api.KeyStateEnabled || *m.ExpirationModel != api.ExpirationModelTypeKeyMaterialDoesNotExpire ||
			*m.CurrentKeyMaterialID != *out.KeyMaterialID {
			t.Errorf("imported %+v", m)
		}
		blob := encrypt(t, call, k.KeyID, "x", nil)
		if _, err := api.DeleteImportedKeyMaterial.Do(call, &api.DeleteImportedKeyMaterialInput{KeyID: k.KeyID}); err != nil {
			t.Error(err)
		}
		_, err = decrypt(call, blob, nil)
		wantMessage(t, err, "KMSInvalidStateException", *k.ARN+" is pending import.")
		_, err = api.ImportKeyMaterial.Do(call, wrapped(t, call, k.KeyID, algorithm, bytes.Repeat([]byte{6}, 32)))
		servicetest.WantError(t, err, "IncorrectKeyMaterialException")
		if _, err := api.ImportKeyMaterial.Do(call, wrapped(t, call, k.KeyID, algorithm, secret)); err != nil {
			t.Errorf("%s, again: %v", algorithm, err)
		}
		if text, err := decrypt(call, blob, nil); err != nil || text != "x" {
			t.Errorf("decrypted %q, %v", text, err)
		}
	}
}

func TestImport_OfAPairAndAMac(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	k := external(t, call, api.KeySpecEccNistP256, api.KeyUsageTypeSignVerify)
	if _, err := api.ImportKeyMaterial.Do(call, wrapped(t, call, k.KeyID, api.AlgorithmSpecRsaesOaepSha256, der)); err != nil {
		t.Fatal(err)
	}
	if public, ok := publicKey(t, call, k.KeyID).(*ecdsa.PublicKey); !ok || !public.Equal(private.Public()) {
		t.Error("the public key is another")
	}
	other := external(t, call, api.KeySpecEccNistP384, api.KeyUsageTypeSignVerify)
	_, err = api.ImportKeyMaterial.Do(call, wrapped(t, call, other.KeyID, api.AlgorithmSpecRsaesOaepSha256, der))
	servicetest.WantError(t, err, "IncorrectKeyMaterialException")
	mac := external(t, call, api.KeySpecHmac256, api.KeyUsageTypeGenerateVerifyMac)
	if _, err := api.ImportKeyMaterial.Do(call, wrapped(t, call, mac.KeyID, api.AlgorithmSpecRsaesOaepSha256, make([]byte, 48))); err != nil {
		t.Error(err)
	}
	short := external(t, call, api.KeySpecHmac256, api.KeyUsageTypeGenerateVerifyMac)
	_, err = api.ImportKeyMaterial.Do(call, wrapped(t, call, short.KeyID, api.AlgorithmSpecRsaesOaepSha256, make([]byte, 31)))
	servicetest.WantError(t, err, "IncorrectKeyMaterialException")
}

func TestImport_ExpiresOnTheClock(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	k := external(t, call, api.KeySpecSymmetricDefault, api.KeyUsageTypeEncryptDecrypt)
	secret := bytes.Repeat([]byte{5}, 32)
	in := wrapped(t, call, k.KeyID, api.AlgorithmSpecRsaesOaepSha256, secret)
	in.ExpirationModel = nil
	_, err := api.ImportKeyMaterial.Do(call, in)
	wantMessage(t, err, "ValidationException", "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES")
	in.ValidTo = new(servicetest.Start.Add(10 * testDay))
	if _, err := api.ImportKeyMaterial.Do(call, in); err != nil {
		t.Fatal(err)
	}
	if m := describe(t, call, k.KeyID); !m.ValidTo.Equal(*in.ValidTo) || *m.ExpirationModel != api.ExpirationModelTypeKeyMaterialExpires {
		t.Errorf("imported %+v", m)
	}
	blob := encrypt(t, call, k.KeyID, "x", nil)
	c.Advance(t, 9*testDay)
	if _, err := decrypt(call, blob, nil); err != nil {
		t.Error(err)
	}
	c.Advance(t, 2*testDay)
	_, err = decrypt(call, blob, nil)
	servicetest.WantError(t, err, "KMSInvalidStateException")
	if m := describe(t, call, k.KeyID); *m.KeyState != api.KeyStatePendingImport {
		t.Errorf("expired %+v", m)
	}
	_, err = api.ImportKeyMaterial.Do(call, in) // its token is from eleven days ago
	servicetest.WantError(t, err, "ValidationException")
	in.ValidTo = new(call.Now().Add(testDay))
	_, err = api.ImportKeyMaterial.Do(call, in)
	servicetest.WantError(t, err, "ExpiredImportTokenException")
	if _, err := api.ImportKeyMaterial.Do(call, wrapped(t, call, k.KeyID, api.AlgorithmSpecRsaesOaepSha256, secret)); err != nil {
		t.Error(err)
	}
	c.Advance(t, 100*testDay)
	if _, err := decrypt(call, blob, nil); err != nil {
		t.Errorf("imported again: %v", err)
	}
}

func TestImport_RotatesToNewMaterial(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	k := external(t, call, api.KeySpecSymmetricDefault, api.KeyUsageTypeEncryptDecrypt)
	if _, err := api.ImportKeyMaterial.Do(call, wrapped(t, call, k.KeyID, api.AlgorithmSpecRsaesOaepSha256, bytes.Repeat([]byte{1}, 32))); err != nil {
		t.Fatal(err)
	}
	blob := encrypt(t, call, k.KeyID, "x", nil)
	_, err := api.RotateKeyOnDemand.Do(call, &api.RotateKeyOnDemandInput{KeyID: k.KeyID})
	servicetest.WantError(t, err, "KMSInvalidStateException")
	_, err = api.EnableKeyRotation.Do(call, &api.EnableKeyRotationInput{KeyID: k.KeyID})
	wantMessage(t, err, "UnsupportedOperationException", *k.ARN+" origin is EXTERNAL which is not valid for this operation.")
	in := wrapped(t, call, k.KeyID, api.AlgorithmSpecRsaesOaepSha256, bytes.Repeat([]byte{2}, 32))
	in.ImportType, in.KeyMaterialDescription = new(api.ImportTypeNewKeyMaterial), new("second")
	second, err := api.ImportKeyMaterial.Do(call, in)
	if err != nil {
		t.Fatal(err)
	}
	states := func() (got []string) {
		t.Helper()
		out, err := api.ListKeyRotations.Do(call, &api.ListKeyRotationsInput{KeyID: k.KeyID, IncludeKeyMaterial: new(api.IncludeKeyMaterialAllKeyMaterial)})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range out.Rotations {
			got = append(got, string(*r.KeyMaterialState)+" "+string(*r.ImportState))
		}
		return got
	}
	if got := strings.Join(states(), ", "); got != "CURRENT IMPORTED, PENDING_ROTATION IMPORTED" {
		t.Errorf("states %s", got)
	}
	if _, err := api.RotateKeyOnDemand.Do(call, &api.RotateKeyOnDemandInput{KeyID: k.KeyID}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(states(), ", "); got != "NON_CURRENT IMPORTED, CURRENT IMPORTED" {
		t.Errorf("states %s", got)
	}
	if m := describe(t, call, k.KeyID); *m.CurrentKeyMaterialID != *second.KeyMaterialID {
		t.Errorf("rotated %+v", m)
	}
	if text, err := decrypt(call, blob, nil); err != nil || text != "x" {
		t.Errorf("decrypted %q, %v", text, err)
	}
	// Without its old material the key does not work at all.
	if _, err := api.DeleteImportedKeyMaterial.Do(call, &api.DeleteImportedKeyMaterialInput{KeyID: k.KeyID, KeyMaterialID: k.CurrentKeyMaterialID}); err != nil {
		t.Fatal(err)
	}
	if m := describe(t, call, k.KeyID); *m.KeyState != api.KeyStatePendingImport {
		t.Errorf("described %+v", m)
	}
}

func TestImport_Errors(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	ours := createKey(t, call, &api.CreateKeyInput{})
	parameters := func(call *aws.Call, key string, algorithm api.AlgorithmSpec, spec api.WrappingKeySpec) error {
		_, err := api.GetParametersForImport.Do(call, &api.GetParametersForImportInput{KeyID: key, WrappingAlgorithm: algorithm, WrappingKeySpec: spec})
		return err
	}
	wantMessage(t, parameters(call, ours.KeyID, api.AlgorithmSpecRsaesOaepSha256, api.WrappingKeySpecRsa2048), "UnsupportedOperationException",
		*ours.ARN+" origin is AWS_KMS which is not valid for this operation.")
	k := external(t, call, api.KeySpecSymmetricDefault, api.KeyUsageTypeEncryptDecrypt)
	other := external(t, call, api.KeySpecSymmetricDefault, api.KeyUsageTypeEncryptDecrypt)
	servicetest.WantError(t, parameters(call, k.KeyID, api.AlgorithmSpecSm2pke, api.WrappingKeySpecSm2), "UnsupportedOperationException")
	servicetest.WantError(t, parameters(user(t, c, servicetest.Account, "guest"), k.KeyID, api.AlgorithmSpecRsaesOaepSha256, api.WrappingKeySpecRsa2048), "AccessDeniedException")
	good := wrapped(t, call, k.KeyID, api.AlgorithmSpecRsaesOaepSha256, make([]byte, 32))
	for name, tc := range map[string]struct {
		change func(in *api.ImportKeyMaterialInput)
		code   string
	}{
		"other key":  {func(in *api.ImportKeyMaterialInput) { in.KeyID = other.KeyID }, "InvalidImportTokenException"},
		"token":      {func(in *api.ImportKeyMaterialInput) { in.ImportToken = []byte("x") }, "InvalidImportTokenException"},
		"ciphertext": {func(in *api.ImportKeyMaterialInput) { in.EncryptedKeyMaterial = []byte("x") }, "InvalidCiphertextException"},
		"date":       {func(in *api.ImportKeyMaterialInput) { in.ValidTo = new(call.Now().Add(time.Hour)) }, "ValidationException"},
		"material":   {func(in *api.ImportKeyMaterialInput) { in.KeyMaterialID = new(strings.Repeat("a", 64)) }, "IncorrectKeyMaterialException"},
		"our key":    {func(in *api.ImportKeyMaterialInput) { in.KeyID = ours.KeyID }, "UnsupportedOperationException"},
	} {
		in := *good
		tc.change(&in)
		if _, err := api.ImportKeyMaterial.Do(call, &in); aws.ErrorCode(err) != tc.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := api.DeleteImportedKeyMaterial.Do(call, &api.DeleteImportedKeyMaterialInput{KeyID: ours.KeyID})
	servicetest.WantError(t, err, "UnsupportedOperationException")
}
