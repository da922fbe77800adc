package s3

import (
	"errors"
	"net/http"
	"slices"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/store"
)

// logged marks the buckets whose requests are logged: every request asks, and nearly always the answer is no.
type logged struct{ Partition, Bucket string }

var loggedBuckets = store.NewTable("s3/logged", func(l *logged) store.Key { return store.K(l.Partition, l.Bucket) })

// checkLogging refuses targets that cannot be.
func checkLogging(tx *store.Tx, b *bucket, l *api.LoggingEnabled) error {
	invalid := func(message string) error {
		return aws.NewError(http.StatusBadRequest, "InvalidTargetBucketForLogging", "%s", message).With("TargetBucket", l.TargetBucket)
	}
	to, err := buckets.Get(tx, store.K(b.Partition, l.TargetBucket))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return invalid("The target bucket for logging does not exist")
	case err != nil:
		return err
	case to.Account != b.Account:
		return invalid("The owner for the bucket to be logged and the target bucket must be the same.")
	case to.Region != b.Region:
		return aws.NewError(http.StatusForbidden, "CrossLocationLoggingProhibited", "Cross S3 location logging not allowed. ").
			With("TargetBucketLocation", to.Region).With("SourceBucketLocation", b.Region)
	case len(l.TargetGrants) > 0 && to.Ownership == api.ObjectOwnershipBucketOwnerEnforced:
		return invalidArgument("TargetGrants", "", "Target grants are not supported for target buckets that have the bucket owner enforced setting for Object Ownership")
	case len(l.TargetGrants) > 0:
		return notImplemented("grants on delivered logs")
	}
	f := l.TargetObjectKeyFormat
	if f == nil {
		return nil
	}
	if given(f.SimplePrefix != nil, f.PartitionedPrefix != nil) != 1 {
		return malformedXML()
	}
	if p := f.PartitionedPrefix; p != nil && !slices.Contains(api.PartitionDateSource("").Values(), text(p.PartitionDateSource)) {
		return malformedXML()
	}
	return nil
}

// putBucketLogging sets where the records of requests go, or ends logging.
func (s *Service) putBucketLogging(call *aws.Call, in *api.PutBucketLoggingInput) (*api.PutBucketLoggingOutput, error) {
	l := in.BucketLoggingStatus.LoggingEnabled
	return &api.PutBucketLoggingOutput{}, s.configure(call, in.Bucket, in.ExpectedBucketOwner, func(tx *store.Tx, b *bucket, c *config) error {
		c.Logging = l
		if l == nil {
			_, err := loggedBuckets.Delete(tx, store.K(b.Partition, b.Name))
			return err
		}
		if err := checkLogging(tx, b, l); err != nil {
			return err
		}
		return loggedBuckets.Put(tx, &logged{b.Partition, b.Name})
	})
}

// getBucketLogging shows where the records of requests go.
func (s *Service) getBucketLogging(call *aws.Call, in *api.GetBucketLoggingInput) (*api.GetBucketLoggingOutput, error) {
	_, c, err := s.config(call, in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	return &api.GetBucketLoggingOutput{LoggingEnabled: c.Logging}, nil
}
