package logs

import (
	"errors"
	"maps"
	"slices"
	"strings"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/policy"
	"drydock/store"
)

// checkTags refuses keys that belong to AWS.
func checkTags(tags map[string]string) error {
	for key := range tags {
		if strings.HasPrefix(strings.ToLower(key), "aws:") {
			return api.NewInvalidParameterException("aws: prefixed tag key names are not allowed for external use.")
		}
	}
	return nil
}

// tagResource adds tags to a group.
func (s *Service) tagResource(call *aws.Call, in *api.TagResourceInput) (*api.TagResourceOutput, error) {
	name, err := taggedGroup(call, in.ResourceARN)
	if err == nil {
		err = s.addTags(call, name, in.Tags)
	}
	if err != nil {
		return nil, err
	}
	return &api.TagResourceOutput{}, nil
}

// listTagsForResource returns a group's tags.
func (s *Service) listTagsForResource(call *aws.Call, in *api.ListTagsForResourceInput) (*api.ListTagsForResourceOutput, error) {
	name, err := taggedGroup(call, in.ResourceARN)
	if err != nil {
		return nil, err
	}
	tags, err := s.tagsOf(call, name)
	if err != nil {
		return nil, err
	}
	return &api.ListTagsForResourceOutput{Tags: tags}, nil
}

// untagResource removes tags from a group.
func (s *Service) untagResource(call *aws.Call, in *api.UntagResourceInput) (*api.UntagResourceOutput, error) {
	name, err := taggedGroup(call, in.ResourceARN)
	if err == nil {
		err = s.removeTags(call, name, in.TagKeys)
	}
	if err != nil {
		return nil, err
	}
	return &api.UntagResourceOutput{}, nil
}

// tagLogGroup, listTagsLogGroup and untagLogGroup are the older forms, which name the group.
func (s *Service) tagLogGroup(call *aws.Call, in *api.TagLogGroupInput) (*api.TagLogGroupOutput, error) {
	err := s.addTags(call, in.LogGroupName, in.Tags)
	if aws.IsError(err, "TooManyTagsException") { // the older operation does not have it
		err = api.NewInvalidParameterException(tooManyTags, maxTags)
	}
	if err != nil {
		return nil, err
	}
	return &api.TagLogGroupOutput{}, nil
}

func (s *Service) listTagsLogGroup(call *aws.Call, in *api.ListTagsLogGroupInput) (*api.ListTagsLogGroupOutput, error) {
	tags, err := s.tagsOf(call, in.LogGroupName)
	if err != nil {
		return nil, err
	}
	return &api.ListTagsLogGroupOutput{Tags: tags}, nil
}

func (s *Service) untagLogGroup(call *aws.Call, in *api.UntagLogGroupInput) (*api.UntagLogGroupOutput, error) {
	if err := s.removeTags(call, in.LogGroupName, in.Tags); err != nil {
		return nil, err
	}
	return &api.UntagLogGroupOutput{}, nil
}

// taggedGroup returns the name of the group with the ARN. Nothing else here has tags.
func taggedGroup(call *aws.Call, arn string) (string, error) {
	if !strings.HasPrefix(arn, "arn:") {
		return "", api.NewInvalidParameterException("Invalid ARN: %s", arn)
	}
	return groupName(call, arn)
}

const tooManyTags = "The number of tags exceeds the limit of %d."

func (s *Service) addTags(call *aws.Call, name string, tags map[string]string) error {
	if err := checkTags(tags); err != nil {
		return err
	}
	return s.DB.Update(call, func(tx *store.Tx) error {
		g, err := getLogGroup(tx, call, name)
		if err != nil {
			return err
		}
		if g.Tags == nil {
			g.Tags = map[string]string{}
		}
		maps.Copy(g.Tags, tags)
		if len(g.Tags) > maxTags {
			return api.NewTooManyTagsException(tooManyTags, maxTags)
		}
		return logGroups.Put(tx, g)
	})
}

func (s *Service) removeTags(call *aws.Call, name string, keys []string) error {
	return s.DB.Update(call, func(tx *store.Tx) error {
		g, err := getLogGroup(tx, call, name)
		if err != nil {
			return err
		}
		maps.DeleteFunc(g.Tags, func(key, _ string) bool { return slices.Contains(keys, key) })
		return logGroups.Put(tx, g)
	})
}

// tagsOf returns a group's tags, never nil.
func (s *Service) tagsOf(call *aws.Call, name string) (map[string]string, error) {
	tags := map[string]string{}
	err := s.DB.View(call, func(tx *store.Tx) error {
		g, err := getLogGroup(tx, call, name)
		if err == nil && g.Tags != nil {
			tags = g.Tags
		}
		return err
	})
	return tags, err
}

// isTagged tells whether the group has a tag that the filter of ListLogGroups lets pass: one of its values, any where it
// has none. In a value "!" negates, and "*" at an end matches the rest, whatever the case.
func (g *logGroup) isTagged(f api.TagFilter) bool {
	value, ok := g.Tags[f.Key]
	if !ok || len(f.Values) == 0 {
		return ok
	}
	return slices.ContainsFunc(f.Values, func(pattern string) bool {
		pattern, negated := strings.CutPrefix(pattern, "!")
		return matchTag(pattern, value) != negated
	})
}

func matchTag(pattern, value string) bool {
	text, open := strings.CutPrefix(pattern, "*")
	text, openEnd := strings.CutSuffix(text, "*")
	if !open && !openEnd {
		return text == value
	}
	text, value = strings.ToLower(text), strings.ToLower(value)
	switch {
	case open && openEnd:
		return strings.Contains(value, text)
	case open:
		return strings.HasSuffix(value, text)
	default:
		return strings.HasPrefix(value, text)
	}
}

// facts tells policies the tags of a group, also for its streams.
func (s *Service) facts(call *aws.Call, arn string) (policy.Facts, error) {
	parsed, err := aws.ParseARN(arn)
	rest, ok := strings.CutPrefix(parsed.Resource, "log-group:")
	if err != nil || !ok {
		return policy.Facts{}, nil //nolint:nilerr // what is no ARN of a group has no facts
	}
	name, _, _ := strings.Cut(rest, ":")
	var found policy.Facts
	err = s.DB.View(call, func(tx *store.Tx) error {
		g, err := logGroups.Get(tx, store.K(parsed.Account, parsed.Region, name))
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err == nil {
			found.Tags = g.Tags
		}
		return err
	})
	return found, err
}
