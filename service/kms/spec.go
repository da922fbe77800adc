package kms

import (
	"slices"

	api "drydock/api/kms"
)

// spec is what a key spec stands for.
type spec struct {
	usages []api.KeyUsageType
	// rsaBits is set for RSA, curve for elliptic curves, macBytes for HMAC.
	rsaBits  int
	curve    curve
	macBytes int
	mac      api.MacAlgorithmSpec
	signing  []api.SigningAlgorithmSpec
}

var (
	rsaUsages  = []api.KeyUsageType{api.KeyUsageTypeEncryptDecrypt, api.KeyUsageTypeSignVerify}
	nistUsages = []api.KeyUsageType{api.KeyUsageTypeSignVerify, api.KeyUsageTypeKeyAgreement}
	signUsage  = []api.KeyUsageType{api.KeyUsageTypeSignVerify}
	macUsage   = []api.KeyUsageType{api.KeyUsageTypeGenerateVerifyMac}
	rsaSigning = []api.SigningAlgorithmSpec{
		api.SigningAlgorithmSpecRsassaPkcs1V1_5Sha256, api.SigningAlgorithmSpecRsassaPkcs1V1_5Sha384,
		api.SigningAlgorithmSpecRsassaPkcs1V1_5Sha512, api.SigningAlgorithmSpecRsassaPssSha256,
		api.SigningAlgorithmSpecRsassaPssSha384, api.SigningAlgorithmSpecRsassaPssSha512,
	}
	rsaEncryption = []api.EncryptionAlgorithmSpec{api.EncryptionAlgorithmSpecRsaesOaepSha1, api.EncryptionAlgorithmSpecRsaesOaepSha256}
)

// specs are those that keys can have here.
var specs = map[api.KeySpec]spec{
	api.KeySpecSymmetricDefault: {usages: []api.KeyUsageType{api.KeyUsageTypeEncryptDecrypt}},
	api.KeySpecRsa2048:          {usages: rsaUsages, rsaBits: 2048, signing: rsaSigning},
	api.KeySpecRsa3072:          {usages: rsaUsages, rsaBits: 3072, signing: rsaSigning},
	api.KeySpecRsa4096:          {usages: rsaUsages, rsaBits: 4096, signing: rsaSigning},
	api.KeySpecEccNistP256:      {usages: nistUsages, curve: curveP256, signing: []api.SigningAlgorithmSpec{api.SigningAlgorithmSpecEcdsaSha256}},
	api.KeySpecEccNistP384:      {usages: nistUsages, curve: curveP384, signing: []api.SigningAlgorithmSpec{api.SigningAlgorithmSpecEcdsaSha384}},
	api.KeySpecEccNistP521:      {usages: nistUsages, curve: curveP521, signing: []api.SigningAlgorithmSpec{api.SigningAlgorithmSpecEcdsaSha512}},
	api.KeySpecEccSecgP256k1:    {usages: signUsage, curve: curveP256K1, signing: []api.SigningAlgorithmSpec{api.SigningAlgorithmSpecEcdsaSha256}},
	api.KeySpecEccNistEdwards25519: {usages: signUsage, curve: curveEd25519,
		signing: []api.SigningAlgorithmSpec{api.SigningAlgorithmSpecEd25519Sha512, api.SigningAlgorithmSpecEd25519PhSha512}},
	api.KeySpecHmac224: {usages: macUsage, macBytes: 28, mac: api.MacAlgorithmSpecHmacSha224},
	api.KeySpecHmac256: {usages: macUsage, macBytes: 32, mac: api.MacAlgorithmSpecHmacSha256},
	api.KeySpecHmac384: {usages: macUsage, macBytes: 48, mac: api.MacAlgorithmSpecHmacSha384},
	api.KeySpecHmac512: {usages: macUsage, macBytes: 64, mac: api.MacAlgorithmSpecHmacSha512},
}

// symmetric tells that the key encrypts by SYMMETRIC_DEFAULT.
func (k *key) symmetric() bool { return k.Spec == api.KeySpecSymmetricDefault }

// asymmetric tells that the key is a pair.
func (k *key) asymmetric() bool { s := specs[k.Spec]; return s.rsaBits != 0 || s.curve != "" }

// encryptionAlgorithms are those that the key encrypts by.
func (k *key) encryptionAlgorithms() []api.EncryptionAlgorithmSpec {
	switch {
	case k.Usage != api.KeyUsageTypeEncryptDecrypt:
		return nil
	case k.symmetric():
		return []api.EncryptionAlgorithmSpec{api.EncryptionAlgorithmSpecSymmetricDefault}
	default:
		return rsaEncryption
	}
}

// signingAlgorithms are those that the key signs by.
func (k *key) signingAlgorithms() []api.SigningAlgorithmSpec {
	if k.Usage != api.KeyUsageTypeSignVerify {
		return nil
	}
	return specs[k.Spec].signing
}

// macAlgorithms are those that the key authenticates by.
func (k *key) macAlgorithms() []api.MacAlgorithmSpec {
	if k.Usage != api.KeyUsageTypeGenerateVerifyMac {
		return nil
	}
	return []api.MacAlgorithmSpec{specs[k.Spec].mac}
}

// agreementAlgorithms are those that the key agrees on secrets by.
func (k *key) agreementAlgorithms() []api.KeyAgreementAlgorithmSpec {
	if k.Usage != api.KeyUsageTypeKeyAgreement {
		return nil
	}
	return []api.KeyAgreementAlgorithmSpec{api.KeyAgreementAlgorithmSpecEcdh}
}

// usedFor refuses an operation on a key that is for something else.
func (k *key) usedFor(usage api.KeyUsageType, operation string) error {
	if k.Usage == usage {
		return nil
	}
	return api.NewInvalidKeyUsageException("%s key usage is %s which is not valid for %s.", k.arn(), k.Usage, operation)
}

// fits refuses an algorithm that is none of the key's.
func fits[A ~string](k *key, algorithm A, known []A) error {
	if slices.Contains(known, algorithm) {
		return nil
	}
	return api.NewInvalidKeyUsageException("Algorithm %s is incompatible with key spec %s.", algorithm, k.Spec)
}
