package protocoltest

import (
	"testing"
	"time"

	"drydock/api/kms"
	"drydock/aws"
	"drydock/service/servicetest"
)

func kmsConflicts(t *testing.T, f *fixture) []conflict {
	t.Helper()
	call := f.call
	key := func(in *kms.CreateKeyInput) *kms.KeyMetadata {
		t.Helper()
		return have(t, kms.CreateKey, call, in).KeyMetadata
	}
	soon := key(&kms.CreateKeyInput{})
	have(t, kms.EnableKeyRotation, call, &kms.EnableKeyRotationInput{KeyID: soon.KeyID, RotationPeriodInDays: new(int32(90))})
	f.Advance(t, 90*24*time.Hour-20*time.Minute)
	other, rotating, everywhere, doomed := key(&kms.CreateKeyInput{}), key(&kms.CreateKeyInput{}), key(&kms.CreateKeyInput{MultiRegion: new(true)}), key(&kms.CreateKeyInput{})
	signing := key(&kms.CreateKeyInput{KeyUsage: new(kms.KeyUsageTypeSignVerify), KeySpec: new(kms.KeySpecEccNistP256)})
	const taken = "An alias with the name arn:aws:kms:us-east-1:111122223333:alias/fixture already exists"
	have(t, kms.ReplicateKey, call, &kms.ReplicateKeyInput{KeyID: everywhere.KeyID, ReplicaRegion: elsewhere})
	have(t, kms.EnableKeyRotation, call, &kms.EnableKeyRotationInput{KeyID: rotating.KeyID, RotationPeriodInDays: new(int32(90))})
	have(t, kms.ScheduleKeyDeletion, call, &kms.ScheduleKeyDeletionInput{KeyID: doomed.KeyID, PendingWindowInDays: new(int32(30))})
	grant := &kms.CreateGrantInput{
		KeyID: other.KeyID, Name: new("name"), GranteePrincipal: call.Principal.ARN, Operations: []kms.GrantOperation{kms.GrantOperationEncrypt},
	}
	granted := *have(t, kms.CreateGrant, call, grant).GrantID
	pending := *doomed.ARN + " is pending deletion."
	in := func(op *aws.Operation, there string, in any, code, message string) conflict {
		return conflict{there: there, op: op, in: in, status: 400, code: code, message: message}
	}
	fine := func(op *aws.Operation, there string, in any, body string) conflict {
		return conflict{there: there, op: op, in: in, status: 200, body: body}
	}
	return []conflict{
		in(kms.RotateKeyOnDemand.Operation, "a rotation that begins soon", &kms.RotateKeyOnDemandInput{KeyID: soon.KeyID}, "ConflictException",
			"The automatic rotation of "+*soon.ARN+" is in progress or begins within 20 minutes."),
		in(kms.CreateAlias.Operation, "the name of the key", &kms.CreateAliasInput{AliasName: "alias/fixture", TargetKeyID: f.texts["kms.KeyId"]}, "AlreadyExistsException", taken),
		in(kms.CreateAlias.Operation, "the name of another key", &kms.CreateAliasInput{AliasName: "alias/fixture", TargetKeyID: other.KeyID}, "AlreadyExistsException", taken),
		in(kms.CreateAlias.Operation, "the deletion", &kms.CreateAliasInput{AliasName: "alias/new", TargetKeyID: doomed.KeyID}, "KMSInvalidStateException", pending),
		fine(kms.UpdateAlias.Operation, "the key", &kms.UpdateAliasInput{AliasName: "alias/fixture", TargetKeyID: f.texts["kms.KeyId"]}, ""),
		in(kms.UpdateAlias.Operation, "a key of another kind", &kms.UpdateAliasInput{AliasName: "alias/fixture", TargetKeyID: signing.KeyID}, "ValidationException",
			"The current and new keys of an alias must be of the same type and have the same key usage."),
		in(kms.UpdateAlias.Operation, "the deletion", &kms.UpdateAliasInput{AliasName: "alias/fixture", TargetKeyID: doomed.KeyID}, "KMSInvalidStateException", pending),
		in(kms.ReplicateKey.Operation, "the replica", &kms.ReplicateKeyInput{KeyID: everywhere.KeyID, ReplicaRegion: elsewhere}, "AlreadyExistsException",
			"The key "+everywhere.KeyID+" already exists in "+elsewhere),
		in(kms.ReplicateKey.Operation, "the primary key", &kms.ReplicateKeyInput{KeyID: everywhere.KeyID, ReplicaRegion: servicetest.Region}, "AlreadyExistsException",
			"The key "+everywhere.KeyID+" already exists in "+servicetest.Region),
		in(kms.ScheduleKeyDeletion.Operation, "the deletion", &kms.ScheduleKeyDeletionInput{KeyID: doomed.KeyID}, "KMSInvalidStateException", pending),
		in(kms.CancelKeyDeletion.Operation, "no deletion", &kms.CancelKeyDeletionInput{KeyID: other.KeyID}, "KMSInvalidStateException", *other.ARN+" is not pending deletion."),
		fine(kms.CreateGrant.Operation, "the grant", grant, granted),
		fine(kms.EnableKey.Operation, "an enabled key", &kms.EnableKeyInput{KeyID: other.KeyID}, ""),
		fine(kms.EnableKeyRotation.Operation, "rotation", &kms.EnableKeyRotationInput{KeyID: rotating.KeyID, RotationPeriodInDays: new(int32(90))}, ""),
	}
}
