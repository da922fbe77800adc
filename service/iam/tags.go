package iam

import (
	"maps"
	"slices"
	"strings"

	api "drydock/api/iam"
)

// mergeTags adds tags to those that a resource has. Keys that differ only in case are the same.
func mergeTags(have map[string]string, add []api.Tag) (map[string]string, error) {
	merged := make(map[string]string, len(have)+len(add))
	folded := make(map[string]string, len(have))
	for k, v := range have {
		merged[k], folded[fold(k)] = v, k
	}
	seen := map[string]bool{}
	for _, t := range add {
		f := fold(t.Key)
		if seen[f] {
			return nil, api.NewInvalidInputException("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		seen[f] = true
		if strings.HasPrefix(f, "aws:") {
			return nil, api.NewInvalidInputException("Tag keys may not begin with the reserved prefix aws:.")
		}
		if old, ok := folded[f]; ok {
			delete(merged, old)
		}
		merged[t.Key] = t.Value
	}
	if len(merged) > maxTags {
		return nil, api.NewLimitExceededException("The number of tags has reached the maximum limit.")
	}
	return merged, nil
}

// dropTags removes tags by their keys; keys that are not there do not matter.
func dropTags(have map[string]string, keys []string) {
	for _, key := range keys {
		maps.DeleteFunc(have, func(k, _ string) bool { return strings.EqualFold(k, key) })
	}
}

// shownTags are tags as the API shows them, in the order of their keys; nil when there are none.
func shownTags(tags map[string]string) []api.Tag {
	if len(tags) == 0 {
		return nil
	}
	shown := make([]api.Tag, 0, len(tags))
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		shown = append(shown, api.Tag{Key: k, Value: tags[k]})
	}
	return shown
}

// pageTags makes a page of tags.
func pageTags(tags map[string]string, marker *string, maxItems *int32) (listing[api.Tag], error) {
	p, err := newPage(marker, maxItems)
	if err != nil {
		return listing[api.Tag]{}, err
	}
	l := cut(p, shownTags(tags), func(t api.Tag) string { return t.Key })
	if l.items == nil {
		l.items = []api.Tag{}
	}
	return l, nil
}
