package s3

import (
	"slices"
	"strings"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/store"
)

// putBucketAccelerateConfiguration sets whether a bucket has an accelerated endpoint, which here is like any other.
func (s *Service) putBucketAccelerateConfiguration(call *aws.Call, in *api.PutBucketAccelerateConfigurationInput) (*api.PutBucketAccelerateConfigurationOutput, error) {
	status := text(in.AccelerateConfiguration.Status)
	if !slices.Contains(api.BucketAccelerateStatus("").Values(), status) {
		return nil, malformedXML()
	}
	return &api.PutBucketAccelerateConfigurationOutput{}, s.configure(call, in.Bucket, in.ExpectedBucketOwner, func(_ *store.Tx, b *bucket, c *config) error {
		if strings.Contains(b.Name, ".") {
			return invalidRequest("S3 Transfer Acceleration is not supported for buckets with periods (.) in their names")
		}
		c.Accelerate = api.BucketAccelerateStatus(status)
		return nil
	})
}

// getBucketAccelerateConfiguration tells whether a bucket has an accelerated endpoint; nothing where it never was said.
func (s *Service) getBucketAccelerateConfiguration(call *aws.Call, in *api.GetBucketAccelerateConfigurationInput) (*api.GetBucketAccelerateConfigurationOutput, error) {
	_, c, err := s.config(call, in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	return &api.GetBucketAccelerateConfigurationOutput{Status: optional(c.Accelerate)}, nil
}

// putBucketRequestPayment sets who pays for requests.
func (s *Service) putBucketRequestPayment(call *aws.Call, in *api.PutBucketRequestPaymentInput) (*api.PutBucketRequestPaymentOutput, error) {
	payer := in.RequestPaymentConfiguration.Payer
	if !slices.Contains(payer.Values(), string(payer)) {
		return nil, malformedXML()
	}
	return &api.PutBucketRequestPaymentOutput{}, s.configure(call, in.Bucket, in.ExpectedBucketOwner, func(_ *store.Tx, b *bucket, _ *config) error {
		b.RequesterPays = payer == api.PayerRequester
		return nil
	})
}

// getBucketRequestPayment tells who pays for requests.
func (s *Service) getBucketRequestPayment(call *aws.Call, in *api.GetBucketRequestPaymentInput) (*api.GetBucketRequestPaymentOutput, error) {
	b, err := s.bucket(call, in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	payer := api.PayerBucketOwner
	if b.RequesterPays {
		payer = api.PayerRequester
	}
	return &api.GetBucketRequestPaymentOutput{Payer: &payer}, nil
}

// pays refuses requests of others to a bucket whose requesters pay, unless they agree to.
func pays(call *aws.Call, b *bucket) error {
	if !b.RequesterPays || call.Request.SourceIP == "" || call.Account == b.Account && call.Principal.Type != aws.PrincipalAnonymous {
		return nil
	}
	if call.Principal.Type != aws.PrincipalAnonymous && call.Request.Payer == string(api.RequestPayerRequester) {
		return nil
	}
	return accessDenied()
}
