package logs

import (
	"errors"
	"maps"
	"slices"
	"strings"

	api "drydock/api/logs"
	"drydock/aws"
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

// tagged is what can have tags.
type tagged struct {
	tags *map[string]string
	// policy is what lets other accounts use it, "" for nothing.
	policy string
	put    func(tx *store.Tx) error
}

// taggedAt returns what has the ARN, or nil.
func taggedAt(tx *store.Tx, arn aws.ARN) (*tagged, error) {
	kind, name, ok := strings.Cut(arn.Resource, ":")
	if !ok || arn.Service != "logs" {
		return nil, nil
	}
	key := store.K(arn.Account, arn.Region, name)
	var t *tagged
	var err error
	switch kind {
	case "log-group":
		var g *logGroup
		if g, err = findLogGroup(tx, groupKey{arn.Account, arn.Region, strings.TrimSuffix(name, ":*")}); g != nil {
			t = &tagged{tags: &g.Tags, put: func(tx *store.Tx) error { return logGroups.Put(tx, g) }}
		}
	case "destination":
		t, err = taggedRow(tx, destinations, key, func(d *destination) (*map[string]string, string) { return &d.Tags, d.AccessPolicy })
	case "delivery":
		t, err = taggedRow(tx, deliveries, key, func(d *delivery) (*map[string]string, string) { return &d.Tags, "" })
	case "delivery-source":
		t, err = taggedRow(tx, deliverySources, key, func(d *deliverySource) (*map[string]string, string) { return &d.Tags, "" })
	case "delivery-destination":
		t, err = taggedRow(tx, deliveryDestinations, key, func(d *deliveryDestination) (*map[string]string, string) { return &d.Tags, d.Policy })
	case "lookup-table":
		t, err = taggedRow(tx, lookupTables, key, func(l *lookupTable) (*map[string]string, string) { return &l.Tags, "" })
	case "anomaly-detector":
		t, err = taggedRow(tx, anomalyDetectors, key, func(d *anomalyDetector) (*map[string]string, string) { return &d.Tags, "" })
	}
	return t, err
}

func taggedRow[T any](tx *store.Tx, table *store.Table[T], key store.Key, of func(*T) (*map[string]string, string)) (*tagged, error) {
	row, err := table.Get(tx, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	tags, text := of(row)
	return &tagged{tags: tags, policy: text, put: func(tx *store.Tx) error { return table.Put(tx, row) }}, nil
}

// getTagged returns what of the caller's has the ARN.
func getTagged(tx *store.Tx, call *aws.Call, text string) (*tagged, error) {
	arn, err := aws.ParseARN(text)
	if err != nil || arn.Service != "logs" || !strings.Contains(arn.Resource, ":") {
		return nil, api.NewInvalidParameterException("Invalid ARN: %s", text)
	}
	var t *tagged
	if arn.Account == call.Account && arn.Region == call.Region {
		t, err = taggedAt(tx, arn)
	}
	switch {
	case err != nil:
		return nil, err
	case t == nil && strings.HasPrefix(arn.Resource, "log-group:"):
		return nil, api.NewResourceNotFoundException(noLogGroup)
	case t == nil:
		return nil, api.NewResourceNotFoundException("The specified resource does not exist.")
	}
	return t, nil
}

// groupTags returns a group's ARN, by which the older operations name what has tags.
func groupTags(call *aws.Call, name string) string {
	return call.ARN("logs", "log-group:"+name).String()
}

// tagResource adds tags.
func (s *Service) tagResource(call *aws.Call, in *api.TagResourceInput) (*api.TagResourceOutput, error) {
	if err := s.addTags(call, in.ResourceARN, in.Tags); err != nil {
		return nil, err
	}
	return &api.TagResourceOutput{}, nil
}

// listTagsForResource returns the tags of what has an ARN.
func (s *Service) listTagsForResource(call *aws.Call, in *api.ListTagsForResourceInput) (*api.ListTagsForResourceOutput, error) {
	tags, err := s.tagsOf(call, in.ResourceARN)
	if err != nil {
		return nil, err
	}
	return &api.ListTagsForResourceOutput{Tags: tags}, nil
}

// untagResource removes tags.
func (s *Service) untagResource(call *aws.Call, in *api.UntagResourceInput) (*api.UntagResourceOutput, error) {
	if err := s.removeTags(call, in.ResourceARN, in.TagKeys); err != nil {
		return nil, err
	}
	return &api.UntagResourceOutput{}, nil
}

// tagLogGroup, listTagsLogGroup and untagLogGroup are the older forms, which name the group.
func (s *Service) tagLogGroup(call *aws.Call, in *api.TagLogGroupInput) (*api.TagLogGroupOutput, error) {
	err := s.addTags(call, groupTags(call, in.LogGroupName), in.Tags)
	if aws.IsError(err, "TooManyTagsException") { // the older operation does not have it
		err = api.NewInvalidParameterException(tooManyTags, maxTags)
	}
	if err != nil {
		return nil, err
	}
	return &api.TagLogGroupOutput{}, nil
}

func (s *Service) listTagsLogGroup(call *aws.Call, in *api.ListTagsLogGroupInput) (*api.ListTagsLogGroupOutput, error) {
	tags, err := s.tagsOf(call, groupTags(call, in.LogGroupName))
	if err != nil {
		return nil, err
	}
	return &api.ListTagsLogGroupOutput{Tags: tags}, nil
}

func (s *Service) untagLogGroup(call *aws.Call, in *api.UntagLogGroupInput) (*api.UntagLogGroupOutput, error) {
	if err := s.removeTags(call, groupTags(call, in.LogGroupName), in.Tags); err != nil {
		return nil, err
	}
	return &api.UntagLogGroupOutput{}, nil
}

const tooManyTags = "The number of tags exceeds the limit of %d."

func (s *Service) addTags(call *aws.Call, arn string, tags map[string]string) error {
	if err := checkTags(tags); err != nil {
		return err
	}
	return s.DB.Update(call, func(tx *store.Tx) error {
		t, err := getTagged(tx, call, arn)
		if err != nil {
			return err
		}
		if *t.tags == nil {
			*t.tags = map[string]string{}
		}
		maps.Copy(*t.tags, tags)
		if len(*t.tags) > maxTags {
			return api.NewTooManyTagsException(tooManyTags, maxTags)
		}
		return t.put(tx)
	})
}

func (s *Service) removeTags(call *aws.Call, arn string, keys []string) error {
	return s.DB.Update(call, func(tx *store.Tx) error {
		t, err := getTagged(tx, call, arn)
		if err != nil {
			return err
		}
		maps.DeleteFunc(*t.tags, func(key, _ string) bool { return slices.Contains(keys, key) })
		return t.put(tx)
	})
}

// tagsOf returns the tags, never nil.
func (s *Service) tagsOf(call *aws.Call, arn string) (map[string]string, error) {
	tags := map[string]string{}
	err := s.DB.View(call, func(tx *store.Tx) error {
		t, err := getTagged(tx, call, arn)
		if err == nil && *t.tags != nil {
			tags = *t.tags
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
