package kms

import (
	"maps"
	"slices"
	"strings"

	api "drydock/api/kms"
	"drydock/aws"
	"drydock/store"
)

const tooManyTags = "Too many tags. A key can have %d tags."

// checkTags reads a list of tags.
func checkTags(list []api.Tag) (map[string]string, error) {
	tags := make(map[string]string, len(list))
	for _, t := range list {
		if strings.HasPrefix(strings.ToLower(t.TagKey), "aws:") {
			return nil, api.NewTagException("aws: prefixed tag key names are not allowed for external use.")
		}
		if _, twice := tags[t.TagKey]; twice {
			return nil, api.NewTagException("Duplicate tag keys")
		}
		tags[t.TagKey] = t.TagValue
	}
	if len(tags) > maxTags {
		return nil, api.NewTagException(tooManyTags, maxTags)
	}
	return tags, nil
}

// tagList writes tags in the order of their keys.
func tagList(tags map[string]string) []api.Tag {
	list := make([]api.Tag, 0, len(tags))
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, api.Tag{TagKey: name, TagValue: tags[name]})
	}
	return list
}

// tagResource adds tags to a key.
func (s *Service) tagResource(call *aws.Call, in *api.TagResourceInput) (*api.TagResourceOutput, error) {
	added, err := checkTags(in.Tags)
	if err != nil {
		return nil, err
	}
	return done[api.TagResourceOutput](s.change(call, in.KeyID, func(_ *store.Tx, k *key) error {
		if err := k.notPending(); err != nil {
			return err
		}
		if k.Tags == nil {
			k.Tags = map[string]string{}
		}
		if maps.Copy(k.Tags, added); len(k.Tags) > maxTags {
			return api.NewTagException(tooManyTags, maxTags)
		}
		return nil
	}))
}

// untagResource removes tags from a key.
func (s *Service) untagResource(call *aws.Call, in *api.UntagResourceInput) (*api.UntagResourceOutput, error) {
	return done[api.UntagResourceOutput](s.change(call, in.KeyID, func(_ *store.Tx, k *key) error {
		maps.DeleteFunc(k.Tags, func(name, _ string) bool { return slices.Contains(in.TagKeys, name) })
		return k.notPending()
	}))
}

// listResourceTags lists a key's tags.
func (s *Service) listResourceTags(call *aws.Call, in *api.ListResourceTagsInput) (*api.ListResourceTagsOutput, error) {
	page, err := newPage(in.Limit, 50, in.Marker)
	if err != nil {
		return nil, err
	}
	k, err := s.read(call, in.KeyID, false)
	if err != nil {
		return nil, err
	}
	out := &api.ListResourceTagsOutput{Tags: []api.Tag{}}
	for _, t := range tagList(k.Tags) {
		if t.TagKey <= page.after {
			continue
		}
		if !page.take(t.TagKey) {
			break
		}
		out.Tags = append(out.Tags, t)
	}
	out.NextMarker, out.Truncated = page.next()
	return out, nil
}
