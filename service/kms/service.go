package kms

import (
	api "drydock/api/kms"
	"drydock/aws"
	"drydock/policy"
	"drydock/service"
)

// Service is KMS.
type Service struct {
	service.Deps

	docs   policy.Cache
	opened opened
	meters *meters
}

// New returns the service's module.
func New(d service.Deps) service.Module {
	s := &Service{Deps: d, meters: newMeters(d.Quotas)}
	return service.Module{
		API:        api.API,
		Operations: s.operations(),
		Tasks:      s.taskKinds(),
		Resources:  s.resourceTypes(),
		Facts:      s.facts,
		Quotas:     quotaNames(),
	}
}

// operations is the table of what the service carries out.
func (s *Service) operations() []aws.Handler {
	return []aws.Handler{
		api.CreateKey.Handle(s.createKey),
		api.DescribeKey.Handle(s.describeKey),
		api.ListKeys.Handle(s.listKeys),
		api.UpdateKeyDescription.Handle(s.updateKeyDescription),
		api.EnableKey.Handle(s.enableKey),
		api.DisableKey.Handle(s.disableKey),
		api.ScheduleKeyDeletion.Handle(s.scheduleKeyDeletion),
		api.CancelKeyDeletion.Handle(s.cancelKeyDeletion),
		api.PutKeyPolicy.Handle(s.putKeyPolicy),
		api.GetKeyPolicy.Handle(s.getKeyPolicy),
		api.ListKeyPolicies.Handle(s.listKeyPolicies),
		api.TagResource.Handle(s.tagResource),
		api.UntagResource.Handle(s.untagResource),
		api.ListResourceTags.Handle(s.listResourceTags),

		api.CreateAlias.Handle(s.createAlias),
		api.UpdateAlias.Handle(s.updateAlias),
		api.DeleteAlias.Handle(s.deleteAlias),
		api.ListAliases.Handle(s.listAliases),

		api.CreateGrant.Handle(s.createGrant),
		api.ListGrants.Handle(s.listGrants),
		api.ListRetirableGrants.Handle(s.listRetirableGrants),
		api.RetireGrant.Handle(s.retireGrant),
		api.RevokeGrant.Handle(s.revokeGrant),

		api.Encrypt.Handle(s.encrypt),
		api.Decrypt.Handle(s.decrypt),
		api.ReEncrypt.Handle(s.reEncrypt),
		api.GenerateDataKey.Handle(s.generateDataKey),
		api.GenerateDataKeyWithoutPlaintext.Handle(s.generateDataKeyWithoutPlaintext),
		api.GenerateDataKeyPair.Handle(s.generateDataKeyPair),
		api.GenerateDataKeyPairWithoutPlaintext.Handle(s.generateDataKeyPairWithoutPlaintext),
		api.GenerateRandom.Handle(s.generateRandom),
		api.Sign.Handle(s.sign),
		api.Verify.Handle(s.verify),
		api.GenerateMac.Handle(s.generateMac),
		api.VerifyMac.Handle(s.verifyMac),
		api.GetPublicKey.Handle(s.getPublicKey),
		api.DeriveSharedSecret.Handle(s.deriveSharedSecret),

		api.EnableKeyRotation.Handle(s.enableKeyRotation),
		api.DisableKeyRotation.Handle(s.disableKeyRotation),
		api.GetKeyRotationStatus.Handle(s.getKeyRotationStatus),
		api.RotateKeyOnDemand.Handle(s.rotateKeyOnDemand),
		api.ListKeyRotations.Handle(s.listKeyRotations),

		api.GetParametersForImport.Handle(s.getParametersForImport),
		api.ImportKeyMaterial.Handle(s.importKeyMaterial),
		api.DeleteImportedKeyMaterial.Handle(s.deleteImportedKeyMaterial),

		api.ReplicateKey.Handle(s.replicateKey),
		api.UpdatePrimaryRegion.Handle(s.updatePrimaryRegion),

		api.DescribeCustomKeyStores.Handle(s.describeCustomKeyStores),
	}
}
