package sts

import (
	"encoding/base64"

	api "drydock/api/sts"
	"drydock/aws"
)

// getCallerIdentity tells who calls. No policy can forbid it.
func (s *Service) getCallerIdentity(call *aws.Call, _ *api.GetCallerIdentityInput) (*api.GetCallerIdentityOutput, error) {
	p := &call.Principal
	return &api.GetCallerIdentityOutput{UserID: &p.ID, Account: &p.Account, ARN: &p.ARN}, nil
}

// getAccessKeyInfo tells which account an access key belongs to, whether the key still exists or not.
func (s *Service) getAccessKeyInfo(_ *aws.Call, in *api.GetAccessKeyInfoInput) (*api.GetAccessKeyInfoOutput, error) {
	account, ok := aws.AccessKeyAccount(in.AccessKeyID)
	if !ok {
		return nil, aws.NewError(400, "ValidationError", "Invalid type for parameter AccessKeyId")
	}
	return &api.GetAccessKeyInfoOutput{Account: &account}, nil
}

// messageContext is what authorization messages are sealed for: whoever encodes one wraps the JSON of a
// policy.AuthorizationMessage with it and writes the result in base64.
const messageContext = "authorization message"

// decodeAuthorizationMessage opens the message that came with a denial.
func (s *Service) decodeAuthorizationMessage(_ *aws.Call, in *api.DecodeAuthorizationMessageInput) (*api.DecodeAuthorizationMessageOutput, error) {
	invalid := api.NewInvalidAuthorizationMessageException("Message is not valid")
	sealed, err := base64.StdEncoding.DecodeString(in.EncodedMessage)
	if err != nil {
		if sealed, err = base64.RawURLEncoding.DecodeString(in.EncodedMessage); err != nil {
			return nil, invalid.WithCause(err)
		}
	}
	text, err := s.Keys.Unwrap(sealed, []byte(messageContext))
	if err != nil {
		return nil, invalid.WithCause(err)
	}
	return &api.DecodeAuthorizationMessageOutput{DecodedMessage: new(string(text))}, nil
}
