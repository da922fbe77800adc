package kms_test

import (
	"bytes"
	"strings"
	"testing"

	api "drydock/api/kms"
	"drydock/aws"
	"drydock/ledger"
	"drydock/service/servicetest"
)

const otherAccount = "444455556666"

func TestEncrypt_ReallyEncrypts(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "IAM-10")
	_, call := newCloud(t)
	k := createKey(t, call, &api.CreateKeyInput{})
	context := map[string]string{"app": "shop", "stage": "test"}
	blob := encrypt(t, call, k.KeyID, "the secret", context)
	if bytes.Contains(blob, []byte("secret")) {
		t.Error("the plaintext is there in the clear")
	}
	if again := encrypt(t, call, k.KeyID, "the secret", context); bytes.Equal(blob, again) {
		t.Error("the same text is encrypted the same way twice")
	}
	if text, err := decrypt(call, blob, context); err != nil || text != "the secret" {
		t.Errorf("decrypted %q, %v", text, err)
	}
	for name, wrong := range map[string]map[string]string{
		"none": nil, "less": {"app": "shop"}, "other": {"app": "shop", "stage": "prod"}, "shifted": {"app": "shopstage", "": "test"},
		"case": {"App": "shop", "stage": "test"},
	} {
		_, err := decrypt(call, blob, wrong)
		if aws.ErrorCode(err) != "InvalidCiphertextException" {
			t.Errorf("context %s: %v", name, err)
		}
	}
	for i := range blob {
		bad := bytes.Clone(blob)
		bad[i] ^= 1
		if text, err := decrypt(call, bad, context); !aws.IsError(err, "InvalidCiphertextException", "AccessDeniedException") {
			t.Fatalf("byte %d changed: %q, %v", i, text, err)
		}
		if text, err := decrypt(call, blob[:i], context); i > 0 && !aws.IsError(err, "InvalidCiphertextException", "AccessDeniedException") {
			t.Fatalf("cut to %d: %q, %v", i, text, err)
		}
	}
}

func TestDecrypt_Errors(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	k, other := createKey(t, call, &api.CreateKeyInput{}), createKey(t, call, &api.CreateKeyInput{})
	blob := encrypt(t, call, k.KeyID, "x", nil)
	const incorrect = "The key ID in the request does not identify a CMK that can perform this operation."
	const unknown = "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access."

	_, err := api.Decrypt.Do(call, &api.DecryptInput{CiphertextBlob: blob, KeyID: &other.KeyID})
	wantMessage(t, err, "IncorrectKeyException", incorrect)
	_, err = decrypt(call, []byte("no ciphertext"), nil)
	wantMessage(t, err, "InvalidCiphertextException", "")
	_, err = decrypt(call.In("eu-west-1"), blob, nil)
	wantMessage(t, err, "AccessDeniedException", unknown)
	_, err = api.Decrypt.Do(call, &api.DecryptInput{CiphertextBlob: blob, EncryptionAlgorithm: new(api.EncryptionAlgorithmSpecRsaesOaepSha256), KeyID: &k.KeyID})
	wantMessage(t, err, "InvalidKeyUsageException", "Algorithm RSAES_OAEP_SHA_256 is incompatible with key spec SYMMETRIC_DEFAULT.")
	_, err = api.Decrypt.Do(call, &api.DecryptInput{CiphertextBlob: blob, DryRun: new(true)})
	wantMessage(t, err, "DryRunOperationException", "The request would have succeeded, but the DryRun option is set.")
	_, err = api.Decrypt.Do(call, &api.DecryptInput{KeyID: &k.KeyID, DryRun: new(true), DryRunModifiers: []api.DryRunModifierType{"IGNORE_CIPHERTEXT"}})
	servicetest.WantError(t, err, "DryRunOperationException")
	_, err = api.Decrypt.Do(call, &api.DecryptInput{})
	servicetest.WantError(t, err, "ValidationException")
	_, err = api.Decrypt.Do(call, &api.DecryptInput{CiphertextBlob: blob, Recipient: &api.RecipientInfo{}})
	servicetest.WantError(t, err, "NotImplemented")
}

func TestEncrypt_Errors(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	k := createKey(t, call, &api.CreateKeyInput{})
	for name, tc := range map[string]struct {
		in            api.EncryptInput
		code, message string
	}{
		"no key": {api.EncryptInput{KeyID: "1234abcd-12ab-34cd-56ef-1234567890ab", Plaintext: []byte("x")}, "NotFoundException",
			"Key 'arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab' does not exist"},
		"no id": {api.EncryptInput{KeyID: "nothing", Plaintext: []byte("x")}, "NotFoundException", "Invalid keyId 'nothing'"},
		"no alias": {api.EncryptInput{KeyID: "alias/none", Plaintext: []byte("x")}, "NotFoundException",
			"Alias arn:aws:kms:us-east-1:111122223333:alias/none is not found."},
		"other region": {api.EncryptInput{KeyID: "arn:aws:kms:eu-west-1:111122223333:key/" + k.KeyID, Plaintext: []byte("x")}, "NotFoundException",
			"Invalid arn eu-west-1"},
		"too long": {api.EncryptInput{KeyID: k.KeyID, Plaintext: make([]byte, 4097)}, "ValidationException",
			"1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member must have length less than or equal to 4096"},
		"dry run": {api.EncryptInput{KeyID: k.KeyID, Plaintext: []byte("x"), DryRun: new(true)}, "DryRunOperationException",
			"The request would have succeeded, but the DryRun option is set."},
	} {
		_, err := api.Encrypt.Do(call, &tc.in)
		if aws.ErrorCode(err) != tc.code || !strings.HasSuffix(err.Error(), tc.message) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := api.Encrypt.Do(user(t, c, servicetest.Account, "guest"), &api.EncryptInput{KeyID: k.KeyID, Plaintext: []byte("x")})
	wantMessage(t, err, "AccessDeniedException", "User: "+userARN(servicetest.Account, "guest")+" is not authorized to perform: kms:Encrypt on resource: "+
		*k.ARN+" because no identity-based policy allows the kms:Encrypt action")
	_, err = api.Encrypt.Do(user(t, c, otherAccount, "admin"), &api.EncryptInput{KeyID: *k.ARN, Plaintext: []byte("x")})
	servicetest.WantError(t, err, "AccessDeniedException")
	_, err = api.Encrypt.Do(call, &api.EncryptInput{KeyID: k.KeyID, Plaintext: []byte("x"), GrantTokens: []string{"none"}})
	servicetest.WantError(t, err, "InvalidGrantTokenException")
	_, err = api.Encrypt.Do(call, &api.EncryptInput{KeyID: k.KeyID, Plaintext: []byte("x"), EncryptionContext: map[string]string{"a": strings.Repeat("x", 9000)}})
	servicetest.WantError(t, err, "ValidationException")
}

func TestReEncrypt_MovesToAnotherKey(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	from, to := createKey(t, call, &api.CreateKeyInput{}), createKey(t, call, &api.CreateKeyInput{})
	blob := encrypt(t, call, from.KeyID, "x", map[string]string{"a": "1"})
	in := &api.ReEncryptInput{
		CiphertextBlob: blob, SourceEncryptionContext: map[string]string{"a": "1"}, DestinationKeyID: to.KeyID,
		DestinationEncryptionContext: map[string]string{"b": "2"},
	}
	out, err := api.ReEncrypt.Do(call, in)
	if err != nil {
		t.Fatal(err)
	}
	if *out.SourceKeyID != *from.ARN || *out.KeyID != *to.ARN || *out.SourceKeyMaterialID != *from.CurrentKeyMaterialID || *out.DestinationKeyMaterialID != *to.CurrentKeyMaterialID {
		t.Errorf("moved from %s to %s", *out.SourceKeyID, *out.KeyID)
	}
	if text, err := decrypt(call, out.CiphertextBlob, map[string]string{"b": "2"}); err != nil || text != "x" {
		t.Errorf("decrypted %q, %v", text, err)
	}
	in.SourceKeyID = &to.KeyID
	_, err = api.ReEncrypt.Do(call, in)
	servicetest.WantError(t, err, "IncorrectKeyException")
	in.SourceKeyID, in.DryRun = nil, new(true)
	_, err = api.ReEncrypt.Do(call, in)
	servicetest.WantError(t, err, "DryRunOperationException")
}

func TestReEncrypt_TellsPoliciesOfTheSameKey(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	k, other := createKey(t, call, &api.CreateKeyInput{}), createKey(t, call, &api.CreateKeyInput{})
	blob := encrypt(t, call, k.KeyID, "x", nil)
	policy := statements(`{"Effect":"Allow","Principal":"*","Action":"kms:ReEncrypt*","Resource":"*","Condition":{"Bool":{"kms:ReEncryptOnSameKey":"true"}}}`)
	if _, err := api.PutKeyPolicy.Do(call, &api.PutKeyPolicyInput{KeyID: k.KeyID, Policy: policy}); err != nil {
		t.Fatal(err)
	}
	if _, err := api.ReEncrypt.Do(call, &api.ReEncryptInput{CiphertextBlob: blob, DestinationKeyID: k.KeyID}); err != nil {
		t.Error(err)
	}
	_, err := api.ReEncrypt.Do(call, &api.ReEncryptInput{CiphertextBlob: blob, DestinationKeyID: other.KeyID})
	servicetest.WantError(t, err, "AccessDeniedException")
}

func TestGenerateDataKey_IsDecrypted(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "IAM-10")
	_, call := newCloud(t)
	k := createKey(t, call, &api.CreateKeyInput{})
	context := map[string]string{"a": "1"}
	for name, tc := range map[string]struct {
		bytes *int32
		spec  *api.DataKeySpec
		want  int
	}{
		"128": {nil, new(api.DataKeySpecAes128), 16}, "256": {nil, new(api.DataKeySpecAes256), 32}, "bytes": {new(int32(100)), nil, 100},
	} {
		out, err := api.GenerateDataKey.Do(call, &api.GenerateDataKeyInput{KeyID: k.KeyID, NumberOfBytes: tc.bytes, KeySpec: tc.spec, EncryptionContext: context})
		if err != nil {
			t.Fatal(err)
		}
		if text, err := decrypt(call, out.CiphertextBlob, context); err != nil || text != string(out.Plaintext) || len(text) != tc.want {
			t.Errorf("%s: decrypted %d bytes, %v", name, len(text), err)
		}
		later, err := api.GenerateDataKeyWithoutPlaintext.Do(call, &api.GenerateDataKeyWithoutPlaintextInput{KeyID: k.KeyID, NumberOfBytes: tc.bytes, KeySpec: tc.spec})
		if err != nil {
			t.Fatal(err)
		}
		if text, err := decrypt(call, later.CiphertextBlob, nil); err != nil || len(text) != tc.want {
			t.Errorf("%s: decrypted %d bytes, %v", name, len(text), err)
		}
	}
	_, err := api.GenerateDataKey.Do(call, &api.GenerateDataKeyInput{KeyID: k.KeyID})
	wantMessage(t, err, "ValidationException", "Please specify either number of bytes or key spec.")
	_, err = api.GenerateDataKey.Do(call, &api.GenerateDataKeyInput{KeyID: k.KeyID, KeySpec: new(api.DataKeySpecAes256), DryRun: new(true)})
	servicetest.WantError(t, err, "DryRunOperationException")
	_, err = api.GenerateRandom.Do(call, &api.GenerateRandomInput{})
	wantMessage(t, err, "ValidationException", "NumberOfBytes is required.")
	if out, err := api.GenerateRandom.Do(call, &api.GenerateRandomInput{NumberOfBytes: new(int32(77))}); err != nil || len(out.Plaintext) != 77 {
		t.Errorf("random %v", err)
	}
}
