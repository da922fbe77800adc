package kms

import (
	"fmt"

	api "drydock/api/kms"
	"drydock/aws"
)

// dataKeyRequest is what the operations that make data keys have in common.
type dataKeyRequest struct {
	id      string
	action  string
	context map[string]string
	tokens  []string
	dry     *bool
	keys    map[string][]string
	// pair tells that the data key is a pair, which does not count as the other cryptographic operations do.
	pair bool
}

// dataKeyOwner returns the key that is to encrypt a data key.
func (s *Service) dataKeyOwner(call *aws.Call, r dataKeyRequest) (*key, error) {
	if err := checkContext(r.context); err != nil {
		return nil, err
	}
	use := s.useCounted
	if r.pair {
		use = s.use
	}
	k, err := use(call, request{id: r.id, action: r.action, context: r.context, tokens: r.tokens, keys: r.keys})
	if err != nil {
		return nil, err
	}
	if err := k.usable(); err != nil {
		return nil, err
	}
	if err := k.usedFor(api.KeyUsageTypeEncryptDecrypt, call.Operation.Name); err != nil {
		return nil, err
	}
	if !k.symmetric() {
		return nil, api.NewInvalidKeyUsageException("%s key spec is %s which is not valid for %s.", k.arn(), k.Spec, call.Operation.Name)
	}
	return k, dryRun(r.dry)
}

// sealDataKey encrypts a data key.
func (s *Service) sealDataKey(k *key, plaintext []byte, context map[string]string) ([]byte, *string, error) {
	return s.encryptWith(k, plaintext, cryptogram{algorithm: api.EncryptionAlgorithmSpecSymmetricDefault, context: context})
}

// dataKeySize returns the length of a symmetric data key.
func dataKeySize(size *int32, spec *api.DataKeySpec) (int, error) {
	switch {
	case (size == nil) == (spec == nil):
		return 0, validation("Please specify either number of bytes or key spec.")
	case size != nil:
		return int(*size), nil
	case *spec == api.DataKeySpecAes128:
		return 16, nil
	default:
		return 32, nil
	}
}

// generateDataKey makes a symmetric data key, in the clear and encrypted.
func (s *Service) generateDataKey(call *aws.Call, in *api.GenerateDataKeyInput) (*api.GenerateDataKeyOutput, error) {
	if in.Recipient != nil {
		return nil, noRecipient()
	}
	size, err := dataKeySize(in.NumberOfBytes, in.KeySpec)
	if err != nil {
		return nil, err
	}
	k, err := s.dataKeyOwner(call, dataKeyRequest{
		id: in.KeyID, action: "kms:GenerateDataKey", context: in.EncryptionContext, tokens: in.GrantTokens, dry: in.DryRun,
	})
	if err != nil {
		return nil, err
	}
	out := &api.GenerateDataKeyOutput{KeyID: new(k.arn()), Plaintext: randomBytes(size)}
	out.CiphertextBlob, out.KeyMaterialID, err = s.sealDataKey(k, out.Plaintext, in.EncryptionContext)
	return out, err
}

// generateDataKeyWithoutPlaintext makes a symmetric data key for later.
func (s *Service) generateDataKeyWithoutPlaintext(call *aws.Call, in *api.GenerateDataKeyWithoutPlaintextInput) (*api.GenerateDataKeyWithoutPlaintextOutput, error) {
	size, err := dataKeySize(in.NumberOfBytes, in.KeySpec)
	if err != nil {
		return nil, err
	}
	k, err := s.dataKeyOwner(call, dataKeyRequest{
		id: in.KeyID, action: "kms:GenerateDataKeyWithoutPlaintext", context: in.EncryptionContext, tokens: in.GrantTokens, dry: in.DryRun,
	})
	if err != nil {
		return nil, err
	}
	out := &api.GenerateDataKeyWithoutPlaintextOutput{KeyID: new(k.arn())}
	out.CiphertextBlob, out.KeyMaterialID, err = s.sealDataKey(k, randomBytes(size), in.EncryptionContext)
	return out, err
}

// dataKeyPair is a pair that was made for a caller.
type dataKeyPair struct {
	private, public, sealed []byte
	material                *string
}

// newDataKeyPair makes a pair whose private key the key encrypts.
func (s *Service) newDataKeyPair(k *key, name api.DataKeyPairSpec, context map[string]string) (p dataKeyPair, err error) {
	pair, err := newPair(specs[api.KeySpec(name)])
	if err != nil {
		return p, fmt.Errorf("making a data key pair: %w", err)
	}
	if p.private, err = marshalPrivate(pair); err != nil {
		return p, err
	}
	if p.public, err = marshalPublic(pair); err != nil {
		return p, err
	}
	p.sealed, p.material, err = s.sealDataKey(k, p.private, context)
	return p, err
}

// checkPairSpec refuses pairs that are not made here.
func checkPairSpec(name api.DataKeyPairSpec) error {
	if _, ok := specs[api.KeySpec(name)]; !ok {
		return api.NewUnsupportedOperationException("KeyPairSpec %s is not supported in this Region.", name)
	}
	return nil
}

// generateDataKeyPair makes a pair, its private key in the clear and encrypted.
func (s *Service) generateDataKeyPair(call *aws.Call, in *api.GenerateDataKeyPairInput) (*api.GenerateDataKeyPairOutput, error) {
	if in.Recipient != nil {
		return nil, noRecipient()
	}
	if err := checkPairSpec(in.KeyPairSpec); err != nil {
		return nil, err
	}
	k, err := s.dataKeyOwner(call, dataKeyRequest{
		id: in.KeyID, action: "kms:GenerateDataKeyPair", context: in.EncryptionContext, tokens: in.GrantTokens, dry: in.DryRun,
		keys: map[string][]string{"kms:DataKeyPairSpec": {string(in.KeyPairSpec)}}, pair: true,
	})
	if err != nil {
		return nil, err
	}
	p, err := s.newDataKeyPair(k, in.KeyPairSpec, in.EncryptionContext)
	if err != nil {
		return nil, err
	}
	return &api.GenerateDataKeyPairOutput{
		PrivateKeyCiphertextBlob: p.sealed, PrivateKeyPlaintext: p.private, PublicKey: p.public, KeyID: new(k.arn()),
		KeyPairSpec: &in.KeyPairSpec, KeyMaterialID: p.material,
	}, nil
}

// generateDataKeyPairWithoutPlaintext makes a pair for later.
func (s *Service) generateDataKeyPairWithoutPlaintext(call *aws.Call, in *api.GenerateDataKeyPairWithoutPlaintextInput) (*api.GenerateDataKeyPairWithoutPlaintextOutput, error) {
	if err := checkPairSpec(in.KeyPairSpec); err != nil {
		return nil, err
	}
	k, err := s.dataKeyOwner(call, dataKeyRequest{
		id: in.KeyID, action: "kms:GenerateDataKeyPairWithoutPlaintext", context: in.EncryptionContext, tokens: in.GrantTokens, dry: in.DryRun,
		keys: map[string][]string{"kms:DataKeyPairSpec": {string(in.KeyPairSpec)}}, pair: true,
	})
	if err != nil {
		return nil, err
	}
	p, err := s.newDataKeyPair(k, in.KeyPairSpec, in.EncryptionContext)
	if err != nil {
		return nil, err
	}
	return &api.GenerateDataKeyPairWithoutPlaintextOutput{
		PrivateKeyCiphertextBlob: p.sealed, PublicKey: p.public, KeyID: new(k.arn()), KeyPairSpec: &in.KeyPairSpec, KeyMaterialID: p.material,
	}, nil
}

// generateRandom returns random bytes.
func (s *Service) generateRandom(call *aws.Call, in *api.GenerateRandomInput) (*api.GenerateRandomOutput, error) {
	switch {
	case in.Recipient != nil:
		return nil, noRecipient()
	case in.CustomKeyStoreID != nil:
		return nil, noKeyStore(*in.CustomKeyStoreID)
	case in.NumberOfBytes == nil:
		return nil, validation("NumberOfBytes is required.")
	}
	if err := s.count(call, quotaSymmetric); err != nil {
		return nil, err
	}
	return &api.GenerateRandomOutput{Plaintext: randomBytes(int(*in.NumberOfBytes))}, nil
}
