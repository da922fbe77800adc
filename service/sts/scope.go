package sts

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"maps"

	"slices"
	"strings"

	"drydock/api/iam"
	api "drydock/api/sts"
	"drydock/aws"
	"drydock/policy"
)

// scope is what a caller gives a session beside its name: policies and tags.
type scope struct {
	policies []string
	arns     []string
	tags     map[string]string
}

// newScope checks the policies and tags of a request. Managed policies must exist in the account.
func newScope(call *aws.Call, account string, text *string, arns []api.PolicyDescriptorType, tags []api.Tag) (scope, error) {
	var sc scope
	size := 0
	if text != nil {
		size = len(*text)
		if _, err := policy.Parse(policy.KindSession, *text); err != nil {
			if m, ok := errors.AsType[*policy.Malformed](err); ok {
				return sc, api.NewMalformedPolicyDocumentException("%s", m.Message)
			}
			return sc, err
		}
		sc.policies = []string{*text}
	}
	if len(arns) > maxSessionPolicyARNs {
		return sc, invalid("The number of policy ARNs exceeds the quota of %d.", maxSessionPolicyARNs)
	}
	for _, d := range arns {
		if d.ARN == nil {
			return sc, invalid("A policy descriptor has no ARN.")
		}
		if _, err := iam.GetPolicy.Do(reader(call, account), &iam.GetPolicyInput{PolicyARN: *d.ARN}); err != nil {
			if aws.IsError(err, "NoSuchEntity", "InvalidInput") {
				return sc, api.NewMalformedPolicyDocumentException("The policy %s does not exist or is not attachable.", *d.ARN)
			}
			return sc, fmt.Errorf("read session policy: %w", err)
		}
		size += len(*d.ARN)
		sc.arns = append(sc.arns, *d.ARN)
	}
	if size > maxSessionPolicy {
		return sc, invalid("1 validation error detected: Value at 'policy' failed to satisfy constraint: "+
			"Member must have length less than or equal to %d", maxSessionPolicy)
	}
	var err error
	sc.tags, err = sessionTags(tags)
	return sc, err
}

// sessionTags checks tags that come with a request. Keys that differ only in case are the same.
func sessionTags(tags []api.Tag) (map[string]string, error) {
	if len(tags) > maxSessionTags {
		return nil, invalid("The number of tags exceeds the quota of %d.", maxSessionTags)
	}
	checked := make(map[string]string, len(tags))
	for _, t := range tags {
		if _, ok := lookup(checked, t.Key); ok {
			return nil, aws.NewError(400, "InvalidParameterValue",
				"Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		if strings.HasPrefix(strings.ToLower(t.Key), "aws:") {
			return nil, aws.NewError(400, "InvalidParameterValue", "Tag keys may not begin with the reserved prefix aws:.")
		}
		checked[t.Key] = t.Value
	}
	return checked, nil
}

// lookup finds a tag by its key in any case, and returns the key as it stands there.
func lookup(tags map[string]string, key string) (string, bool) {
	for k := range tags {
		if strings.EqualFold(k, key) {
			return k, true
		}
	}
	return "", false
}

// packed tells how much of its quota the scope takes, in percent, as AWS does: policies and tags are packed together.
func (sc *scope) packed() (*int32, error) {
	if len(sc.policies) == 0 && len(sc.arns) == 0 && len(sc.tags) == 0 {
		return nil, nil
	}
	var buf bytes.Buffer
	w, err := flate.NewWriter(&buf, flate.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("pack session policies: %w", err)
	}
	parts := slices.Concat(sc.policies, sc.arns)
	for _, k := range slices.Sorted(maps.Keys(sc.tags)) {
		parts = append(parts, k, sc.tags[k])
	}
	for _, p := range parts {
		if _, err := w.Write([]byte(p + "\x00")); err != nil {
			return nil, fmt.Errorf("pack session policies: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("pack session policies: %w", err)
	}
	percent := int32((buf.Len()*packedPercentOfQuota + packedBytes - 1) / packedBytes)
	if percent > packedPercentOfQuota {
		return nil, api.NewPackedPolicyTooLargeException("Packed size of session tags consumes %d%% of allotted space.", percent)
	}
	return &percent, nil
}

func invalid(format string, args ...any) error {
	return aws.NewError(400, "ValidationError", format, args...)
}
