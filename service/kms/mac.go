package kms

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"hash"

	api "drydock/api/kms"
	"drydock/aws"
)

var macHashes = map[api.MacAlgorithmSpec]func() hash.Hash{
	api.MacAlgorithmSpecHmacSha224: sha256.New224, api.MacAlgorithmSpecHmacSha256: sha256.New,
	api.MacAlgorithmSpecHmacSha384: sha512.New384, api.MacAlgorithmSpecHmacSha512: sha512.New,
}

// mac computes the code of a message with a key that the caller may use for it.
func (s *Service) mac(call *aws.Call, r request, algorithm api.MacAlgorithmSpec, message []byte) (*key, []byte, error) {
	r.keys = map[string][]string{"kms:MacAlgorithm": {string(algorithm)}}
	k, err := s.useCounted(call, r)
	if err != nil {
		return nil, nil, err
	}
	if err := k.usable(); err != nil {
		return nil, nil, err
	}
	if err := k.usedFor(api.KeyUsageTypeGenerateVerifyMac, call.Operation.Name); err != nil {
		return nil, nil, err
	}
	if err := fits(k, algorithm, k.macAlgorithms()); err != nil {
		return nil, nil, err
	}
	secret, err := openAs[[]byte](s, k)
	if err != nil {
		return nil, nil, err
	}
	h := hmac.New(macHashes[algorithm], secret)
	h.Write(message)
	return k, h.Sum(nil), nil
}

// generateMac returns a message's authentication code.
func (s *Service) generateMac(call *aws.Call, in *api.GenerateMacInput) (*api.GenerateMacOutput, error) {
	k, code, err := s.mac(call, request{id: in.KeyID, action: "kms:GenerateMac", tokens: in.GrantTokens}, in.MacAlgorithm, in.Message)
	if err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	return &api.GenerateMacOutput{Mac: code, MacAlgorithm: &in.MacAlgorithm, KeyID: new(k.arn())}, nil
}

// verifyMac checks a message's authentication code.
func (s *Service) verifyMac(call *aws.Call, in *api.VerifyMacInput) (*api.VerifyMacOutput, error) {
	k, code, err := s.mac(call, request{id: in.KeyID, action: "kms:VerifyMac", tokens: in.GrantTokens}, in.MacAlgorithm, in.Message)
	if err != nil {
		return nil, err
	}
	if !hmac.Equal(code, in.Mac) {
		return nil, api.NewKMSInvalidMacException("%s", "")
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	return &api.VerifyMacOutput{KeyID: new(k.arn()), MacValid: new(true), MacAlgorithm: &in.MacAlgorithm}, nil
}
