package s3

import (
	api "drydock/api/s3"
	"drydock/aws"
)

// Configurations that drydock does not have cannot be set: those operations are not bound. Reading them tells that they
// are not set, as AWS says it, because tools that describe a bucket read all of them.

func (s *Service) getBucketAccelerateConfiguration(call *aws.Call, in *api.GetBucketAccelerateConfigurationInput) (*api.GetBucketAccelerateConfigurationOutput, error) {
	_, err := s.bucket(call, in.Bucket, in.ExpectedBucketOwner)
	return &api.GetBucketAccelerateConfigurationOutput{}, err
}

func (s *Service) getBucketLogging(call *aws.Call, in *api.GetBucketLoggingInput) (*api.GetBucketLoggingOutput, error) {
	_, err := s.bucket(call, in.Bucket, in.ExpectedBucketOwner)
	return &api.GetBucketLoggingOutput{}, err
}

func (s *Service) getBucketNotificationConfiguration(call *aws.Call, in *api.GetBucketNotificationConfigurationInput) (*api.GetBucketNotificationConfigurationOutput, error) {
	_, err := s.bucket(call, in.Bucket, in.ExpectedBucketOwner)
	return &api.GetBucketNotificationConfigurationOutput{}, err
}

func (s *Service) getBucketRequestPayment(call *aws.Call, in *api.GetBucketRequestPaymentInput) (*api.GetBucketRequestPaymentOutput, error) {
	_, err := s.bucket(call, in.Bucket, in.ExpectedBucketOwner)
	return &api.GetBucketRequestPaymentOutput{Payer: new(api.PayerBucketOwner)}, err
}

func (s *Service) getBucketReplication(call *aws.Call, in *api.GetBucketReplicationInput) (*api.GetBucketReplicationOutput, error) {
	b, err := s.bucket(call, in.Bucket, in.ExpectedBucketOwner)
	if err == nil {
		err = missingConfiguration("ReplicationConfigurationNotFoundError", b.Name, "The replication configuration was not found")
	}
	return nil, err
}

func (s *Service) getBucketWebsite(call *aws.Call, in *api.GetBucketWebsiteInput) (*api.GetBucketWebsiteOutput, error) {
	b, err := s.bucket(call, in.Bucket, in.ExpectedBucketOwner)
	if err == nil {
		err = missingConfiguration("NoSuchWebsiteConfiguration", b.Name, "The specified bucket does not have a website configuration")
	}
	return nil, err
}
