package s3

import (
	"net/http"
	"strings"
	"unicode/utf8"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/store"
)

// checkTags checks a set of tags, of an object or of a bucket.
func checkTags(tags []api.Tag, limit int) ([]api.Tag, error) {
	invalid := func(format string, args ...any) *aws.Error {
		return aws.NewError(http.StatusBadRequest, "InvalidTag", format, args...)
	}
	if len(tags) > limit {
		if limit == maxObjectTags {
			return nil, aws.NewError(http.StatusBadRequest, "BadRequest", "Object tags cannot be greater than 10")
		}
		return nil, aws.NewError(http.StatusBadRequest, "BadRequest", "Bucket tag count cannot be greater than %d", limit)
	}
	seen := make(map[string]bool, len(tags))
	for _, t := range tags {
		switch {
		case t.Key == "" || utf8.RuneCountInString(t.Key) > 128 || !utf8.ValidString(t.Key):
			return nil, invalid("The TagKey you have provided is invalid").With("TagKey", t.Key)
		case utf8.RuneCountInString(t.Value) > 256 || !utf8.ValidString(t.Value):
			return nil, invalid("The TagValue you have provided is invalid").With("TagKey", t.Key).With("TagValue", t.Value)
		case strings.HasPrefix(strings.ToLower(t.Key), "aws:"):
			return nil, invalid("System tags cannot be added/updated by requester")
		case seen[t.Key]:
			return nil, invalid("Cannot provide multiple Tags with the same key").With("TagKey", t.Key)
		}
		seen[t.Key] = true
	}
	return tags, nil
}

// retag changes the tags of a version in place.
func (s *Service) retag(call *aws.Call, name, key string, version, owner *string, tags []api.Tag) (shown *string, err error) {
	b, o, err := s.change(call, name, key, version, owner, func(tx *store.Tx, b *bucket, o *object) error {
		o.Tags = tags
		return s.retagged(tx, b, o, call)
	})
	if err != nil {
		return nil, err
	}
	return o.shownVersion(b), nil
}

// putObjectTagging replaces a version's tags.
func (s *Service) putObjectTagging(call *aws.Call, in *api.PutObjectTaggingInput) (*api.PutObjectTaggingOutput, error) {
	tags, err := checkTags(in.Tagging.TagSet, maxObjectTags)
	if err != nil {
		return nil, err
	}
	version, err := s.retag(call, in.Bucket, in.Key, in.VersionID, in.ExpectedBucketOwner, tags)
	if err != nil {
		return nil, err
	}
	return &api.PutObjectTaggingOutput{VersionID: version}, nil
}

// getObjectTagging shows a version's tags.
func (s *Service) getObjectTagging(call *aws.Call, in *api.GetObjectTaggingInput) (*api.GetObjectTaggingOutput, error) {
	out := &api.GetObjectTaggingOutput{TagSet: []api.Tag{}}
	var b *bucket
	err := s.DB.View(call, func(tx *store.Tx) (err error) {
		if b, err = getBucket(tx, call, in.Bucket, in.ExpectedBucketOwner); err != nil {
			return err
		}
		o, err := s.find(tx, b, in.Key, in.VersionID)
		if err != nil {
			return err
		}
		out.TagSet, out.VersionID = append(out.TagSet, o.Tags...), o.shownVersion(b)
		return nil
	})
	if err != nil && b != nil {
		err = s.hidden(call, b, err)
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

// deleteObjectTagging removes a version's tags.
func (s *Service) deleteObjectTagging(call *aws.Call, in *api.DeleteObjectTaggingInput) (*api.DeleteObjectTaggingOutput, error) {
	version, err := s.retag(call, in.Bucket, in.Key, in.VersionID, in.ExpectedBucketOwner, nil)
	if err != nil {
		return nil, err
	}
	return &api.DeleteObjectTaggingOutput{VersionID: version}, nil
}

// putBucketTagging replaces a bucket's tags.
func (s *Service) putBucketTagging(call *aws.Call, in *api.PutBucketTaggingInput) (*api.PutBucketTaggingOutput, error) {
	tags, err := checkTags(in.Tagging.TagSet, maxBucketTags)
	if err != nil {
		return nil, err
	}
	return &api.PutBucketTaggingOutput{}, s.configure(call, in.Bucket, in.ExpectedBucketOwner, func(_ *store.Tx, _ *bucket, c *config) error {
		c.Tags = tags
		return nil
	})
}

// getBucketTagging shows a bucket's tags.
func (s *Service) getBucketTagging(call *aws.Call, in *api.GetBucketTaggingInput) (*api.GetBucketTaggingOutput, error) {
	b, c, err := s.config(call, in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	if len(c.Tags) == 0 {
		return nil, missingConfiguration("NoSuchTagSet", b.Name, "The TagSet does not exist")
	}
	return &api.GetBucketTaggingOutput{TagSet: c.Tags}, nil
}

// deleteBucketTagging removes a bucket's tags.
func (s *Service) deleteBucketTagging(call *aws.Call, in *api.DeleteBucketTaggingInput) (*api.DeleteBucketTaggingOutput, error) {
	return &api.DeleteBucketTaggingOutput{}, s.configure(call, in.Bucket, in.ExpectedBucketOwner, func(_ *store.Tx, _ *bucket, c *config) error {
		c.Tags = nil
		return nil
	})
}
