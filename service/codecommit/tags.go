package codecommit

import (
	"errors"
	"maps"
	"strings"
	"unicode/utf8"

	api "drydock/api/codecommit"
	"drydock/aws"
	"drydock/policy"
	"drydock/store"
)

// facts gives policies the tags of a repository.
func (s *Service) facts(call *aws.Call, arn string) (facts policy.Facts, err error) {
	a, err := aws.ParseARN(arn)
	if err != nil {
		return facts, nil //nolint:nilerr // a pattern or "*": nothing is known of it
	}
	err = s.DB.View(call, func(tx *store.Tx) error {
		row, err := repositories.Get(tx, store.K(a.Account, a.Region, a.Resource))
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err == nil {
			facts.Tags = row.Tags
		}
		return err
	})
	return facts, err
}

func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return api.NewTooManyTagsException("The maximum number of tags for an AWS CodeCommit resource has been exceeded.")
	}
	for key, value := range tags {
		if key == "" || utf8.RuneCountInString(key) > maxTagKey || utf8.RuneCountInString(value) > maxTagValue {
			return api.NewInvalidTagsMapException("The map of tags is not valid.")
		}
		if err := checkSystemTag(key); err != nil {
			return err
		}
	}
	return nil
}

func checkSystemTag(key string) error {
	if strings.HasPrefix(strings.ToLower(key), "aws:") {
		return api.NewInvalidSystemTagUsageException("The specified tag is not valid. Key names cannot be prefixed with aws:.")
	}
	return nil
}

// taggedName returns the name of the caller's repository that an ARN names.
func taggedName(call *aws.Call, arn string) (string, error) {
	if arn == "" {
		return "", api.NewResourceARNRequiredException("A valid Amazon Resource Name (ARN) for an AWS CodeCommit resource is required.")
	}
	a, err := aws.ParseARN(arn)
	if err != nil || a.Service != "codecommit" || a.Partition != call.Partition {
		return "", api.NewInvalidResourceARNException("The value for the resource ARN is not valid: %s", arn)
	}
	if a.Account != call.Account || a.Region != call.Region {
		return "", noRepository(a.Resource)
	}
	return a.Resource, checkRepositoryName(a.Resource)
}

// updateTags changes the tags of a repository.
func (s *Service) updateTags(call *aws.Call, arn string, change func(map[string]string)) error {
	name, err := taggedName(call, arn)
	if err != nil {
		return err
	}
	return s.DB.Update(call, func(tx *store.Tx) error {
		row, err := getRow(tx, call, name)
		if err != nil {
			return err
		}
		if row.Tags == nil {
			row.Tags = map[string]string{}
		}
		change(row.Tags)
		if len(row.Tags) > maxTags {
			return checkTags(row.Tags)
		}
		return repositories.Put(tx, row)
	})
}

func (s *Service) tagResource(call *aws.Call, in *api.TagResourceInput) (*api.TagResourceOutput, error) {
	if _, err := taggedName(call, in.ResourceARN); err != nil {
		return nil, err
	}
	if len(in.Tags) == 0 {
		return nil, api.NewTagsMapRequiredException("A map of tags is required.")
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	return &api.TagResourceOutput{}, s.updateTags(call, in.ResourceARN, func(tags map[string]string) { maps.Copy(tags, in.Tags) })
}

func (s *Service) listTagsForResource(call *aws.Call, in *api.ListTagsForResourceInput) (*api.ListTagsForResourceOutput, error) {
	name, err := taggedName(call, in.ResourceARN)
	if err != nil {
		return nil, err
	}
	out := &api.ListTagsForResourceOutput{Tags: map[string]string{}}
	err = s.DB.View(call, func(tx *store.Tx) error {
		row, err := getRow(tx, call, name)
		if err == nil {
			maps.Copy(out.Tags, row.Tags)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (s *Service) untagResource(call *aws.Call, in *api.UntagResourceInput) (*api.UntagResourceOutput, error) {
	if _, err := taggedName(call, in.ResourceARN); err != nil {
		return nil, err
	}
	if len(in.TagKeys) == 0 {
		return nil, api.NewTagKeysListRequiredException("A list of tag keys is required. The list cannot be empty or null.")
	}
	for _, key := range in.TagKeys {
		if key == "" || utf8.RuneCountInString(key) > maxTagKey {
			return nil, api.NewInvalidTagKeysListException("The list of tags is not valid.")
		}
		if err := checkSystemTag(key); err != nil {
			return nil, err
		}
	}
	return &api.UntagResourceOutput{}, s.updateTags(call, in.ResourceARN, func(tags map[string]string) {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
	})
}
