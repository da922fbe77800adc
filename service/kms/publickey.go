package kms

import (
	"crypto/ecdsa"
	"crypto/x509"
	"fmt"

	api "drydock/api/kms"
	"drydock/aws"
)

// getPublicKey returns the public key of a pair.
func (s *Service) getPublicKey(call *aws.Call, in *api.GetPublicKeyInput) (*api.GetPublicKeyOutput, error) {
	k, err := s.use(call, request{id: in.KeyID, action: "kms:GetPublicKey", tokens: in.GrantTokens})
	if err != nil {
		return nil, err
	}
	if !k.asymmetric() {
		return nil, api.NewUnsupportedOperationException("%s key spec is %s which is not valid for this operation.", k.arn(), k.Spec)
	}
	if err := k.usable(); err != nil {
		return nil, err
	}
	private, err := s.open(k, k.current())
	if err != nil {
		return nil, err
	}
	public, err := marshalPublic(private)
	if err != nil {
		return nil, fmt.Errorf("public key of %s: %w", k.arn(), err)
	}
	return &api.GetPublicKeyOutput{
		KeyID: new(k.arn()), PublicKey: public, KeySpec: &k.Spec, CustomerMasterKeySpec: new(api.CustomerMasterKeySpec(k.Spec)),
		KeyUsage: &k.Usage, EncryptionAlgorithms: k.encryptionAlgorithms(), SigningAlgorithms: k.signingAlgorithms(),
		KeyAgreementAlgorithms: k.agreementAlgorithms(),
	}, nil
}

// deriveSharedSecret agrees with the owner of another key pair on a secret, by elliptic curve Diffie-Hellman.
func (s *Service) deriveSharedSecret(call *aws.Call, in *api.DeriveSharedSecretInput) (*api.DeriveSharedSecretOutput, error) {
	if in.Recipient != nil {
		return nil, noRecipient()
	}
	k, err := s.useCounted(call, request{
		id: in.KeyID, action: "kms:DeriveSharedSecret", tokens: in.GrantTokens,
		keys: map[string][]string{"kms:KeyAgreementAlgorithm": {string(in.KeyAgreementAlgorithm)}},
	})
	if err != nil {
		return nil, err
	}
	if err := k.usable(); err != nil {
		return nil, err
	}
	if err := k.usedFor(api.KeyUsageTypeKeyAgreement, call.Operation.Name); err != nil {
		return nil, err
	}
	private, err := openAs[*ecdsa.PrivateKey](s, k)
	if err != nil {
		return nil, err
	}
	secret, err := agree(private, in.PublicKey)
	if err != nil {
		return nil, validation("The public key is not a valid DER-encoded X.509 public key of the key spec %s.", k.Spec)
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	return &api.DeriveSharedSecretOutput{
		KeyID: new(k.arn()), SharedSecret: secret, KeyAgreementAlgorithm: &in.KeyAgreementAlgorithm, KeyOrigin: &k.Origin,
	}, nil
}

// agree derives the secret from a private and somebody else's public key. It fails when that is none of the same curve.
func agree(private *ecdsa.PrivateKey, public []byte) ([]byte, error) {
	parsed, err := x509.ParsePKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	other, ok := parsed.(*ecdsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("public key is a %T", parsed)
	}
	mine, err := private.ECDH()
	if err != nil {
		return nil, err
	}
	theirs, err := other.ECDH()
	if err != nil {
		return nil, err
	}
	return mine.ECDH(theirs)
}
