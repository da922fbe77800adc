package kms

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // the hashes of the algorithms
	_ "crypto/sha512"
	"fmt"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	k1 "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"

	api "drydock/api/kms"
	"drydock/aws"
)

// signature is what a signing algorithm stands for.
type signature struct {
	hash crypto.Hash
	pss  bool
}

var signatures = map[api.SigningAlgorithmSpec]signature{
	api.SigningAlgorithmSpecRsassaPkcs1V1_5Sha256: {hash: crypto.SHA256},
	api.SigningAlgorithmSpecRsassaPkcs1V1_5Sha384: {hash: crypto.SHA384},
	api.SigningAlgorithmSpecRsassaPkcs1V1_5Sha512: {hash: crypto.SHA512},
	api.SigningAlgorithmSpecRsassaPssSha256:       {hash: crypto.SHA256, pss: true},
	api.SigningAlgorithmSpecRsassaPssSha384:       {hash: crypto.SHA384, pss: true},
	api.SigningAlgorithmSpecRsassaPssSha512:       {hash: crypto.SHA512, pss: true},
	api.SigningAlgorithmSpecEcdsaSha256:           {hash: crypto.SHA256},
	api.SigningAlgorithmSpecEcdsaSha384:           {hash: crypto.SHA384},
	api.SigningAlgorithmSpecEcdsaSha512:           {hash: crypto.SHA512},
	api.SigningAlgorithmSpecEd25519Sha512:         {},
	api.SigningAlgorithmSpecEd25519PhSha512:       {hash: crypto.SHA512},
}

// digest returns what is signed of a message: its hash, or the message itself where that is the hash already, or where the
// algorithm signs messages as they are.
func digest(message []byte, kind *api.MessageType, algorithm api.SigningAlgorithmSpec) ([]byte, error) {
	how := api.MessageTypeRaw
	if kind != nil {
		how = *kind
	}
	sig := signatures[algorithm]
	switch {
	case how == api.MessageTypeExternalMu,
		algorithm == api.SigningAlgorithmSpecEd25519Sha512 && how == api.MessageTypeDigest,
		algorithm == api.SigningAlgorithmSpecEd25519PhSha512 && how == api.MessageTypeRaw:
		return nil, validation("MessageType %s is incompatible with the algorithm %s.", how, algorithm)
	case algorithm == api.SigningAlgorithmSpecEd25519Sha512:
		return message, nil
	case how == api.MessageTypeDigest && len(message) != sig.hash.Size():
		return nil, validation("Digest is invalid length for algorithm %s.", algorithm)
	case how == api.MessageTypeDigest:
		return message, nil
	}
	h := sig.hash.New()
	h.Write(message)
	return h.Sum(nil), nil
}

// pssOptions are those that KMS signs with: salt as long as the hash.
var pssOptions = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}

// sign signs a digest with a private key.
func (sig signature) sign(private any, digest []byte) ([]byte, error) {
	switch k := private.(type) {
	case *rsa.PrivateKey:
		if sig.pss {
			return rsa.SignPSS(rand.Reader, k, sig.hash, digest, pssOptions)
		}
		return rsa.SignPKCS1v15(nil, k, sig.hash, digest)
	case *ecdsa.PrivateKey:
		return ecdsa.SignASN1(rand.Reader, k, digest)
	case ed25519.PrivateKey:
		return k.Sign(nil, digest, sig.hash)
	case *secp256k1.PrivateKey:
		return k1.Sign(k, digest).Serialize(), nil
	default:
		return nil, fmt.Errorf("signing with a %T", private)
	}
}

// verify tells whether a signature of a digest was made with a private key.
func (sig signature) verify(private any, digest, mark []byte) bool {
	switch k := private.(type) {
	case *rsa.PrivateKey:
		if sig.pss {
			return rsa.VerifyPSS(&k.PublicKey, sig.hash, digest, mark, pssOptions) == nil
		}
		return rsa.VerifyPKCS1v15(&k.PublicKey, sig.hash, digest, mark) == nil
	case *ecdsa.PrivateKey:
		return ecdsa.VerifyASN1(&k.PublicKey, digest, mark)
	case ed25519.PrivateKey:
		public, ok := k.Public().(ed25519.PublicKey)
		return ok && ed25519.VerifyWithOptions(public, digest, mark, &ed25519.Options{Hash: sig.hash}) == nil
	case *secp256k1.PrivateKey:
		parsed, err := k1.ParseDERSignature(mark)
		return err == nil && parsed.Verify(digest, k.PubKey())
	default:
		return false
	}
}

// signer returns the key that is to sign or verify.
func (s *Service) signer(call *aws.Call, r request, algorithm api.SigningAlgorithmSpec, kind *api.MessageType) (*key, error) {
	how := api.MessageTypeRaw
	if kind != nil {
		how = *kind
	}
	r.keys = map[string][]string{"kms:SigningAlgorithm": {string(algorithm)}, "kms:MessageType": {string(how)}}
	k, err := s.useCounted(call, r)
	if err != nil {
		return nil, err
	}
	if err := k.usable(); err != nil {
		return nil, err
	}
	if err := k.usedFor(api.KeyUsageTypeSignVerify, call.Operation.Name); err != nil {
		return nil, err
	}
	return k, fits(k, algorithm, k.signingAlgorithms())
}

// sign signs a message or its digest.
func (s *Service) sign(call *aws.Call, in *api.SignInput) (*api.SignOutput, error) {
	k, err := s.signer(call, request{id: in.KeyID, action: "kms:Sign", tokens: in.GrantTokens}, in.SigningAlgorithm, in.MessageType)
	if err != nil {
		return nil, err
	}
	text, err := digest(in.Message, in.MessageType, in.SigningAlgorithm)
	if err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	private, err := s.open(k, k.current())
	if err != nil {
		return nil, err
	}
	mark, err := signatures[in.SigningAlgorithm].sign(private, text)
	if err != nil {
		return nil, fmt.Errorf("signing with %s: %w", k.arn(), err)
	}
	return &api.SignOutput{KeyID: new(k.arn()), Signature: mark, SigningAlgorithm: &in.SigningAlgorithm}, nil
}

// verify checks a signature.
func (s *Service) verify(call *aws.Call, in *api.VerifyInput) (*api.VerifyOutput, error) {
	k, err := s.signer(call, request{id: in.KeyID, action: "kms:Verify", tokens: in.GrantTokens}, in.SigningAlgorithm, in.MessageType)
	if err != nil {
		return nil, err
	}
	text, err := digest(in.Message, in.MessageType, in.SigningAlgorithm)
	if err != nil {
		return nil, err
	}
	private, err := s.open(k, k.current())
	if err != nil {
		return nil, err
	}
	if !signatures[in.SigningAlgorithm].verify(private, text, in.Signature) {
		return nil, api.NewKMSInvalidSignatureException("%s", "")
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	return &api.VerifyOutput{KeyID: new(k.arn()), SignatureValid: new(true), SigningAlgorithm: &in.SigningAlgorithm}, nil
}
