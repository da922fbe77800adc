package kms

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // RSAES_OAEP_SHA_1 is one of KMS's algorithms
	"crypto/sha256"
	"errors"
	"hash"
	"strconv"

	api "drydock/api/kms"
	"drydock/aws"
)

// cryptogram is one encryption or decryption.
type cryptogram struct {
	algorithm api.EncryptionAlgorithmSpec
	context   map[string]string
}

// cryptogramOf reads what a request says of its encryption.
func cryptogramOf(algorithm *api.EncryptionAlgorithmSpec, context map[string]string) (cryptogram, error) {
	c := cryptogram{algorithm: api.EncryptionAlgorithmSpecSymmetricDefault, context: context}
	if algorithm != nil {
		c.algorithm = *algorithm
	}
	return c, checkContext(context)
}

// checkContext bounds an encryption context.
func checkContext(context map[string]string) error {
	size := 0
	for name, value := range context {
		size += len(name) + len(value)
	}
	if size > maxContextBytes {
		return validation("The encryption context exceeds the limit of %d bytes.", maxContextBytes)
	}
	return nil
}

// encryptWith encrypts under a key. It returns the id of the material too, nil for pairs.
func (s *Service) encryptWith(k *key, plaintext []byte, c cryptogram) (ciphertext []byte, material *string, err error) {
	if k.asymmetric() {
		ciphertext, err = s.encryptRSA(k, plaintext, c)
		return ciphertext, nil, err
	}
	current := k.current()
	secret, err := openAs[[]byte](s, k)
	if err != nil {
		return nil, nil, err
	}
	e := envelope{account: k.Account, key: k.ID, material: current.ID}
	ciphertext, err = e.seal(secret, plaintext, c.context)
	return ciphertext, &current.ID, err
}

// oaepHash returns the hash of an RSA encryption algorithm.
func oaepHash(algorithm api.EncryptionAlgorithmSpec) hash.Hash {
	if algorithm == api.EncryptionAlgorithmSpecRsaesOaepSha1 {
		return sha1.New() //nolint:gosec // see the import
	}
	return sha256.New()
}

func (s *Service) encryptRSA(k *key, plaintext []byte, c cryptogram) ([]byte, error) {
	private, err := openAs[*rsa.PrivateKey](s, k)
	if err != nil {
		return nil, err
	}
	h := oaepHash(c.algorithm)
	if most := private.Size() - 2*h.Size() - 2; len(plaintext) > most {
		return nil, validation("Algorithm %s and key spec %s cannot encrypt data larger than %d bytes.", c.algorithm, k.Spec, most)
	}
	return rsa.EncryptOAEP(h, rand.Reader, &private.PublicKey, plaintext, nil)
}

// checkCipher refuses a key that does not encrypt so, or not now.
func checkCipher(k *key, c cryptogram, operation string) error {
	if err := k.usable(); err != nil {
		return err
	}
	if err := k.usedFor(api.KeyUsageTypeEncryptDecrypt, operation); err != nil {
		return err
	}
	if err := fits(k, c.algorithm, k.encryptionAlgorithms()); err != nil {
		return err
	}
	if k.asymmetric() && len(c.context) > 0 {
		return validation("EncryptionContext is not supported for asymmetric keys.")
	}
	return nil
}

// encrypt encrypts up to 4096 bytes.
func (s *Service) encrypt(call *aws.Call, in *api.EncryptInput) (*api.EncryptOutput, error) {
	c, err := cryptogramOf(in.EncryptionAlgorithm, in.EncryptionContext)
	if err != nil {
		return nil, err
	}
	k, err := s.useCounted(call, request{
		id: in.KeyID, action: "kms:Encrypt", context: in.EncryptionContext, algorithm: string(c.algorithm), tokens: in.GrantTokens,
	})
	if err != nil {
		return nil, err
	}
	if err := checkCipher(k, c, call.Operation.Name); err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	ciphertext, _, err := s.encryptWith(k, in.Plaintext, c)
	if err != nil {
		return nil, err
	}
	return &api.EncryptOutput{CiphertextBlob: ciphertext, KeyID: new(k.arn()), EncryptionAlgorithm: &c.algorithm}, nil
}

// source is a ciphertext that a request wants to be decrypted.
type source struct {
	cryptogram
	blob   []byte
	key    *string
	action string
	tokens []string
	// keys are further condition keys.
	keys map[string][]string
	// ignored tells that a dry run gives no ciphertext, or one that does not count.
	ignored bool
}

const (
	unknownKey = "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access."
	wrongKey   = "The key ID in the request does not identify a CMK that can perform this operation."
)

// decryptionKey finds the key of a ciphertext and asks whether the caller may decrypt with it.
func (s *Service) decryptionKey(call *aws.Call, src *source) (*key, *envelope, error) {
	r := request{action: src.action, context: src.context, algorithm: string(src.algorithm), tokens: src.tokens, keys: src.keys}
	var sealed *envelope
	if src.algorithm == api.EncryptionAlgorithmSpecSymmetricDefault && !src.ignored {
		var err error
		if sealed, err = parseEnvelope(src.blob); err != nil {
			return nil, nil, api.NewInvalidCiphertextException("%s", "")
		}
		r.id = keyARN(call.Region, sealed.account, sealed.key)
	}
	if src.key != nil {
		r.id = *src.key
	}
	if r.id == "" {
		return nil, nil, validation("KeyId is required for the encryption algorithm %s.", src.algorithm)
	}
	k, err := s.useCounted(call, r)
	if err != nil {
		if src.key == nil && aws.IsError(err, "NotFoundException", "InvalidArnException") {
			err = aws.NewError(400, "AccessDeniedException", "%s", unknownKey)
		}
		return nil, nil, err
	}
	if sealed != nil && (sealed.account != k.Account || sealed.key != k.ID) {
		return nil, nil, api.NewIncorrectKeyException(wrongKey)
	}
	return k, sealed, checkCipher(k, src.cryptogram, call.Operation.Name)
}

// decryptWith decrypts with the key of the ciphertext.
func (s *Service) decryptWith(k *key, sealed *envelope, src *source) (plaintext []byte, material *string, err error) {
	if sealed == nil {
		private, err := openAs[*rsa.PrivateKey](s, k)
		if err != nil {
			return nil, nil, err
		}
		if plaintext, err = rsa.DecryptOAEP(oaepHash(src.algorithm), nil, private, src.blob, nil); err != nil {
			return nil, nil, api.NewInvalidCiphertextException("%s", "")
		}
		return plaintext, nil, nil
	}
	m := k.material(sealed.material)
	if m == nil {
		for i := range k.Materials {
			if k.Materials[i].ID == sealed.material {
				return nil, nil, api.NewKMSInvalidStateException("%s is pending import.", k.arn())
			}
		}
		return nil, nil, api.NewInvalidCiphertextException("%s", "")
	}
	opened, err := s.open(k, m)
	if err != nil {
		return nil, nil, err
	}
	secret, _ := opened.([]byte)
	if plaintext, err = sealed.open(secret, src.context); errors.Is(err, errEnvelope) {
		err = api.NewInvalidCiphertextException("%s", "")
	}
	return plaintext, &m.ID, err
}

// ignores reads the modifiers of a dry run.
func ignores(dry *bool, modifiers []api.DryRunModifierType, blob []byte) (bool, error) {
	isDry := dry != nil && *dry
	switch {
	case len(modifiers) > 0 && !isDry:
		return false, validation("DryRunModifiers can be specified only when DryRun is true.")
	case len(modifiers) == 0 && len(blob) == 0:
		return false, validation("CiphertextBlob is required.")
	}
	return len(modifiers) > 0, nil
}

// decrypt decrypts what encrypt or the data key operations made.
func (s *Service) decrypt(call *aws.Call, in *api.DecryptInput) (*api.DecryptOutput, error) {
	if in.Recipient != nil {
		return nil, noRecipient()
	}
	ignored, err := ignores(in.DryRun, in.DryRunModifiers, in.CiphertextBlob)
	if err != nil {
		return nil, err
	}
	c, err := cryptogramOf(in.EncryptionAlgorithm, in.EncryptionContext)
	if err != nil {
		return nil, err
	}
	src := &source{cryptogram: c, blob: in.CiphertextBlob, key: in.KeyID, action: "kms:Decrypt", tokens: in.GrantTokens, ignored: ignored}
	k, sealed, err := s.decryptionKey(call, src)
	if err != nil {
		return nil, err
	}
	if ignored {
		return nil, dryRun(in.DryRun)
	}
	plaintext, material, err := s.decryptWith(k, sealed, src)
	if err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	return &api.DecryptOutput{KeyID: new(k.arn()), Plaintext: plaintext, EncryptionAlgorithm: &c.algorithm, KeyMaterialID: material}, nil
}

// reEncrypt decrypts and encrypts again, under another key or encryption context.
func (s *Service) reEncrypt(call *aws.Call, in *api.ReEncryptInput) (*api.ReEncryptOutput, error) {
	ignored, err := ignores(in.DryRun, in.DryRunModifiers, in.CiphertextBlob)
	if err != nil {
		return nil, err
	}
	from, err := cryptogramOf(in.SourceEncryptionAlgorithm, in.SourceEncryptionContext)
	if err != nil {
		return nil, err
	}
	to, err := cryptogramOf(in.DestinationEncryptionAlgorithm, in.DestinationEncryptionContext)
	if err != nil {
		return nil, err
	}
	same, err := s.sameKey(call, in)
	if err != nil {
		return nil, err
	}
	src := &source{
		cryptogram: from, blob: in.CiphertextBlob, key: in.SourceKeyID, action: "kms:ReEncryptFrom", tokens: in.GrantTokens, keys: same, ignored: ignored,
	}
	sourceKey, sealed, err := s.decryptionKey(call, src)
	if err != nil {
		return nil, err
	}
	k, err := s.use(call, request{
		id: in.DestinationKeyID, action: "kms:ReEncryptTo", context: to.context, algorithm: string(to.algorithm), tokens: in.GrantTokens, keys: same,
	})
	if err != nil {
		return nil, err
	}
	if q := quotaOf(k); q != quotaOf(sourceKey) { // otherwise the request was counted
		if err := s.count(call, q); err != nil {
			return nil, err
		}
	}
	if err := checkCipher(k, to, call.Operation.Name); err != nil {
		return nil, err
	}
	if ignored {
		return nil, dryRun(in.DryRun)
	}
	plaintext, sourceMaterial, err := s.decryptWith(sourceKey, sealed, src)
	if err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	ciphertext, material, err := s.encryptWith(k, plaintext, to)
	if err != nil {
		return nil, err
	}
	return &api.ReEncryptOutput{
		CiphertextBlob: ciphertext, SourceKeyID: new(sourceKey.arn()), KeyID: new(k.arn()), SourceEncryptionAlgorithm: &from.algorithm,
		DestinationEncryptionAlgorithm: &to.algorithm, SourceKeyMaterialID: sourceMaterial, DestinationKeyMaterialID: material,
	}, nil
}

// sameKey is the condition key that tells whether a ciphertext is to be encrypted under the key that it has already.
func (s *Service) sameKey(call *aws.Call, in *api.ReEncryptInput) (map[string][]string, error) {
	ref, err := parseRef(call, in.DestinationKeyID)
	if err != nil {
		return nil, err
	}
	destination, err := s.load(call, ref)
	if err != nil || destination == nil {
		return nil, err
	}
	same := false
	switch sealed, err := parseEnvelope(in.CiphertextBlob); {
	case err == nil:
		same = sealed.account == destination.Account && sealed.key == destination.ID
	case in.SourceKeyID != nil: // of a pair, whose ciphertexts name no key
		ref, err := parseRef(call, *in.SourceKeyID)
		if err != nil {
			return nil, err
		}
		source, err := s.load(call, ref)
		if err != nil {
			return nil, err
		}
		same = source != nil && source.arn() == destination.arn()
	}
	return map[string][]string{"kms:ReEncryptOnSameKey": {strconv.FormatBool(same)}}, nil
}

func noRecipient() error {
	return notImplemented("drydock has no Nitro enclaves, so it encrypts nothing for a Recipient.")
}
