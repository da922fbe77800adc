package protocoltest

import (
	"maps"
	"testing"

	"drydock/api/kms"
	"drydock/aws"
)

// keyStates are the modelled errors for keys that are not as an operation wants them.
var keyStates = map[string]string{"KMSInvalidStateException": " is pending deletion.", "DisabledException": " is disabled."}

// anyState lists the operations that AWS carries out on keys that will be deleted, although the model lists the error.
var anyState = map[string]bool{
	"CancelKeyDeletion": true, "GetKeyPolicy": true, "PutKeyPolicy": true, "ListKeyPolicies": true, "DeleteAlias": true, "ListGrants": true,
	"RetireGrant": true, "RevokeGrant": true, "GetKeyRotationStatus": true, "ListKeyRotations": true,
}

func TestKMSOperations_RefuseKeysByTheirState(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.texts["kms.GranteePrincipal"], f.texts["kms.Policy"] = absentIAM+"root", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"kms:*","Resource":"*"}]}`
	f.texts["kms.UpdatePrimaryRegion.PrimaryRegion"] = elsewhere
	tried := 0
	for _, m := range f.Modules {
		for _, h := range m.Operations {
			for _, e := range h.Operation.Errors {
				if message := keyStates[e.Code]; message != "" && m.API.Package == "kms" {
					tried++
					t.Run(h.Operation.Name+"/"+e.Code, func(t *testing.T) { f.refuseKey(t, h.Operation, e, message) })
				}
			}
		}
	}
	if tried == 0 {
		t.Error("no operation wants keys in a state")
	}
	f.wantNoTroubles(t)
}

// refuseKey tries an operation on a key of its own, of a kind that the operation is for, that is disabled or will be deleted.
func (f *fixture) refuseKey(t *testing.T, op *aws.Operation, e aws.ErrorShape, message string) {
	t.Helper()
	in := &kms.CreateKeyInput{}
	switch op.Name {
	case "Sign", "Verify", "GetPublicKey":
		in.KeyUsage, in.KeySpec = new(kms.KeyUsageTypeSignVerify), new(kms.KeySpecEccNistP256)
	case "GenerateMac", "VerifyMac":
		in.KeyUsage, in.KeySpec = new(kms.KeyUsageTypeGenerateVerifyMac), new(kms.KeySpecHmac256)
	case "DeriveSharedSecret":
		in.KeyUsage, in.KeySpec = new(kms.KeyUsageTypeKeyAgreement), new(kms.KeySpecEccNistP256)
	case "GetParametersForImport", "ImportKeyMaterial", "DeleteImportedKeyMaterial":
		in.Origin = new(kms.OriginTypeExternal)
	case "ReplicateKey", "UpdatePrimaryRegion":
		in.MultiRegion = new(true)
	}
	key := have(t, kms.CreateKey, f.call, in).KeyMetadata
	disabled := e.Code == "DisabledException"
	texts := maps.Clone(f.texts)
	for _, member := range []string{"KeyId", "TargetKeyId", "SourceKeyId", "DestinationKeyId"} {
		texts["kms."+member] = *key.ARN
	}
	switch op.Name {
	case "Decrypt", "ReEncrypt":
		texts["kms."+op.Name+".CiphertextBlob"] = string(have(t, kms.Encrypt, f.call, &kms.EncryptInput{KeyID: key.KeyID, Plaintext: []byte("x")}).CiphertextBlob)
	case "RetireGrant", "RevokeGrant":
		grant := *have(t, kms.CreateGrant, f.call, &kms.CreateGrantInput{
			KeyID: key.KeyID, GranteePrincipal: f.call.Principal.ARN, Operations: []kms.GrantOperation{kms.GrantOperationEncrypt},
		}).GrantID
		texts["kms.GrantId"], texts["kms.RetireGrant.KeyId"], texts["kms.RetireGrant.GrantId"] = grant, *key.ARN, grant
	case "DeleteAlias":
		have(t, kms.CreateAlias, f.call, &kms.CreateAliasInput{AliasName: "alias/doomed", TargetKeyID: key.KeyID})
		texts["kms.AliasName"] = "alias/doomed"
	case "CreateAlias":
		texts["kms.AliasName"] = "alias/new"
	case "UpdatePrimaryRegion":
		if disabled {
			have(t, kms.ReplicateKey, f.call, &kms.ReplicateKeyInput{KeyID: key.KeyID, ReplicaRegion: elsewhere})
		}
	}
	if disabled {
		have(t, kms.DisableKey, f.call, &kms.DisableKeyInput{KeyID: key.KeyID})
	} else {
		have(t, kms.ScheduleKeyDeletion, f.call, &kms.ScheduleKeyDeletionInput{KeyID: key.KeyID})
	}
	want := answer{status: e.Status, code: e.Code, message: *key.ARN + message}
	if !disabled && anyState[op.Name] {
		want = answer{status: 200}
	}
	got := f.owner().do(t, op, valid(t, op, true, texts), "")
	if got.body = ""; got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
