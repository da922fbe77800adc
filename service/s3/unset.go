package s3

import (
	api "drydock/api/s3"
	"drydock/aws"
)

// getObjectLockConfiguration tells that the configuration is not set, as AWS says it: tools that describe a bucket read
// all configurations.
func (s *Service) getObjectLockConfiguration(call *aws.Call, in *api.GetObjectLockConfigurationInput) (*api.GetObjectLockConfigurationOutput, error) {
	b, err := s.bucket(call, in.Bucket, in.ExpectedBucketOwner)
	if err == nil {
		err = missingConfiguration("ObjectLockConfigurationNotFoundError", b.Name, "Object Lock configuration does not exist for this bucket")
	}
	return nil, err
}
