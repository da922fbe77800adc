package s3

import (
	"slices"
	"strings"

	api "drydock/api/s3"
	control "drydock/api/s3control"
	"drydock/aws"
	"drydock/store"
)

func controlTags(tags []control.Tag) []api.Tag {
	list := make([]api.Tag, len(tags))
	for i, t := range tags {
		list[i] = api.Tag{Key: t.Key, Value: t.Value}
	}
	return list
}

// tagged is what S3 Control can tag: its tags, and how they are written back.
type tagged struct {
	tags []api.Tag
	save func(tx *store.Tx, tags []api.Tag) error
}

// taggedByARN finds the bucket or the access point that an ARN names.
func taggedByARN(tx *store.Tx, call *aws.Call, account, arn string) (*tagged, error) {
	if err := ownAccount(call, account); err != nil {
		return nil, err
	}
	a, err := aws.ParseARN(arn)
	if err != nil || a.Service != "s3" {
		return nil, invalidRequest("Invalid ARN: %s", arn)
	}
	if strings.HasPrefix(a.Resource, "accesspoint/") {
		if a.Account != call.Account {
			return nil, accessDenied()
		}
		p, err := accessPoints.Get(tx, store.K(a.Partition, a.Account, a.Region, strings.TrimPrefix(a.Resource, "accesspoint/")))
		if _, err := missingPoint(p, err, a.Resource); err != nil {
			return nil, err
		}
		return &tagged{p.Tags, func(tx *store.Tx, tags []api.Tag) error {
			p.Tags = tags
			return accessPoints.Put(tx, p)
		}}, nil
	}
	if a.Account != "" || strings.Contains(a.Resource, "/") {
		return nil, notImplemented("tagging %s", arn)
	}
	b, err := findBucket(tx, call, a.Resource, nil)
	if err != nil {
		return nil, err
	}
	if b.Account != call.Account {
		return nil, accessDenied()
	}
	c, err := configs.Get(tx, store.K(b.ID))
	if err != nil {
		return nil, err
	}
	return &tagged{c.Tags, func(tx *store.Tx, tags []api.Tag) error {
		c.Tags = tags
		return configs.Put(tx, c)
	}}, nil
}

// tagResource adds tags to a bucket or an access point.
func (s *Service) tagResource(call *aws.Call, in *control.TagResourceInput) (*control.TagResourceOutput, error) {
	added := controlTags(in.Tags)
	return &control.TagResourceOutput{}, s.DB.Update(call, func(tx *store.Tx) error {
		r, err := taggedByARN(tx, call, in.AccountID, in.ResourceARN)
		if err != nil {
			return err
		}
		tags := slices.DeleteFunc(slices.Clone(r.tags), func(t api.Tag) bool {
			return slices.ContainsFunc(added, func(a api.Tag) bool { return a.Key == t.Key })
		})
		if tags, err = checkTags(append(tags, added...), maxBucketTags); err != nil {
			return err
		}
		return r.save(tx, tags)
	})
}

// untagResource removes tags.
func (s *Service) untagResource(call *aws.Call, in *control.UntagResourceInput) (*control.UntagResourceOutput, error) {
	return &control.UntagResourceOutput{}, s.DB.Update(call, func(tx *store.Tx) error {
		r, err := taggedByARN(tx, call, in.AccountID, in.ResourceARN)
		if err != nil {
			return err
		}
		return r.save(tx, slices.DeleteFunc(slices.Clone(r.tags), func(t api.Tag) bool { return slices.Contains(in.TagKeys, t.Key) }))
	})
}

// listTagsForResource lists the tags of a bucket or an access point.
func (s *Service) listTagsForResource(call *aws.Call, in *control.ListTagsForResourceInput) (*control.ListTagsForResourceOutput, error) {
	out := &control.ListTagsForResourceOutput{Tags: []control.Tag{}}
	err := s.DB.View(call, func(tx *store.Tx) error {
		r, err := taggedByARN(tx, call, in.AccountID, in.ResourceARN)
		if err != nil {
			return err
		}
		for _, t := range r.tags {
			out.Tags = append(out.Tags, control.Tag{Key: t.Key, Value: t.Value})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
