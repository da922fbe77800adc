package s3

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/store"
)

// second tells that a rule is of the second version of the schema, the one with Filter.
func second(r *api.ReplicationRule) bool { return r.Filter != nil }

// ruleFilter is what a rule selects objects by.
func ruleFilter(r *api.ReplicationRule) (prefix string, tags []api.Tag) {
	prefix = text(r.Prefix)
	if f := r.Filter; f != nil {
		prefix = text(f.Prefix)
		if f.Tag != nil {
			tags = []api.Tag{*f.Tag}
		}
		if f.And != nil {
			prefix, tags = text(f.And.Prefix), f.And.Tags
		}
	}
	return prefix, tags
}

// hasTags tells whether all wanted tags are among those given.
func hasTags(given, wanted []api.Tag) bool {
	for _, t := range wanted {
		if !slices.Contains(given, t) {
			return false
		}
	}
	return true
}

// destinationBucket is the name in a rule's destination.
func destinationBucket(r *api.ReplicationRule) string {
	a, err := aws.ParseARN(r.Destination.Bucket)
	if err != nil || a.Service != "s3" {
		return ""
	}
	return a.Resource
}

// checkReplication refuses configurations that cannot be.
func checkReplication(c *api.ReplicationConfiguration) error {
	role, err := aws.ParseARN(c.Role)
	if err != nil || role.Service != "iam" || !strings.HasPrefix(role.Resource, "role/") {
		return invalidArgument("Role", c.Role, "Invalid Role specified in replication configuration")
	}
	if len(c.Rules) == 0 || len(c.Rules) > maxRules {
		return malformedXML()
	}
	ids, priorities := map[string]bool{}, map[string]bool{}
	for i := range c.Rules {
		r := &c.Rules[i]
		id := text(r.ID)
		if len(id) > 255 {
			return invalidArgument("ID", id, "ID length should not exceed allowed limit of 255")
		}
		if id != "" && ids[id] {
			return invalidArgument("ID", id, "Rule ID must be unique. Found same ID for more than one rule")
		}
		ids[id] = true
		if second(r) != second(&c.Rules[0]) {
			return invalidRequest("Mixing of V1 and V2 rules in a replication configuration is not supported.")
		}
		if err := checkReplicationRule(r, c); err != nil {
			return err
		}
		if second(r) {
			key := r.Destination.Bucket + " " + strconv.Itoa(int(*r.Priority))
			if priorities[key] {
				return invalidRequest("Found duplicate priority '%d'. Priority must be unique among rules with the same destination bucket.", *r.Priority)
			}
			priorities[key] = true
		}
	}
	return nil
}

func checkReplicationRule(r *api.ReplicationRule, c *api.ReplicationConfiguration) error {
	const schema = " must be specified for this version of Cross Region Replication configuration schema. Please refer to S3 Developer Guide for more information."
	if r.Status != api.ReplicationRuleStatusEnabled && r.Status != api.ReplicationRuleStatusDisabled {
		return malformedXML()
	}
	if destinationBucket(r) == "" {
		return invalidArgument("Bucket", r.Destination.Bucket, "Invalid bucket ARN.")
	}
	if !second(r) {
		switch {
		case r.Prefix == nil, r.Priority != nil:
			return malformedXML()
		case r.DeleteMarkerReplication != nil:
			return invalidRequest("DeleteMarkerReplication cannot be used for this version of Cross Region Replication configuration schema. Please refer to S3 Developer Guide for more information.")
		}
	} else {
		_, tags := ruleFilter(r)
		marker := r.DeleteMarkerReplication
		switch {
		case r.Prefix != nil:
			return malformedXML()
		case given(r.Filter.Prefix != nil, r.Filter.Tag != nil, r.Filter.And != nil) > 1:
			return malformedXML()
		case r.Priority == nil:
			return invalidRequest("Priority" + schema)
		case *r.Priority < 0:
			return invalidArgument("Priority", strconv.Itoa(int(*r.Priority)), "Priority must be between 0 and 2147483647")
		case marker == nil:
			return invalidRequest("DeleteMarkerReplication" + schema)
		case len(tags) > 0 && text(marker.Status) == string(api.DeleteMarkerReplicationStatusEnabled):
			return invalidRequest("Delete marker replication is not supported if any Tag filter is specified. Please refer to S3 Developer Guide for more information.")
		}
	}
	if e := r.ExistingObjectReplication; e != nil && e.Status == api.ExistingObjectReplicationStatusEnabled {
		return invalidRequest("ExistingObjectReplication is not supported. Please use S3 Batch Replication to replicate existing objects.")
	}
	return checkReplicationDestination(r, c)
}

func checkReplicationDestination(r *api.ReplicationRule, c *api.ReplicationConfiguration) error {
	d := &r.Destination
	if d.StorageClass != nil && !slices.Contains(d.StorageClass.Values(), string(*d.StorageClass)) {
		return malformedXML()
	}
	if d.AccessControlTranslation != nil && text(d.Account) == "" {
		return invalidRequest("Account must be specified when AccessControlTranslation is specified.")
	}
	encrypted := r.SourceSelectionCriteria != nil && r.SourceSelectionCriteria.SSEKMSEncryptedObjects != nil &&
		r.SourceSelectionCriteria.SSEKMSEncryptedObjects.Status == api.SSEKMSEncryptedObjectsStatusEnabled
	replicaKey := d.EncryptionConfiguration != nil && text(d.EncryptionConfiguration.ReplicaKMSKeyID) != ""
	switch {
	case encrypted && !replicaKey:
		return invalidRequest("ReplicaKmsKeyID must be specified if SseKmsEncryptedObjects tag is present.")
	case d.EncryptionConfiguration != nil && !encrypted:
		return invalidRequest("SseKmsEncryptedObjects must be specified if EncryptionConfiguration is present.")
	}
	if t := d.ReplicationTime; t != nil {
		switch {
		case !second(&c.Rules[0]):
			return invalidRequest("ReplicationTime cannot be used for this version of Cross Region Replication configuration schema. Please refer to S3 Developer Guide for more information.")
		case t.Time.Minutes == nil || *t.Time.Minutes != rtcMinutes:
			return invalidRequest("ReplicationTime must be 15 minutes.")
		case d.Metrics == nil || d.Metrics.Status != api.MetricsStatusEnabled:
			return invalidRequest("Metrics must be enabled when ReplicationTime is enabled.")
		}
	}
	if m := d.Metrics; m != nil && m.EventThreshold != nil && (m.EventThreshold.Minutes == nil || *m.EventThreshold.Minutes != rtcMinutes) {
		return invalidRequest("EventThreshold must be 15 minutes.")
	}
	return nil
}

// rtcMinutes is the only time that replication time control has.
const rtcMinutes = 15

// given counts what is there.
func given(there ...bool) (n int) {
	for _, t := range there {
		if t {
			n++
		}
	}
	return n
}

// putBucketReplication sets where new versions are copied to.
func (s *Service) putBucketReplication(call *aws.Call, in *api.PutBucketReplicationInput) (*api.PutBucketReplicationOutput, error) {
	c := in.ReplicationConfiguration
	if err := checkReplication(&c); err != nil {
		return nil, err
	}
	for i := range c.Rules {
		if text(c.Rules[i].ID) == "" {
			c.Rules[i].ID = new(call.NewUUID())
		}
	}
	return &api.PutBucketReplicationOutput{}, s.configure(call, in.Bucket, in.ExpectedBucketOwner, func(tx *store.Tx, b *bucket, settings *config) error {
		if b.Versioning != api.BucketVersioningStatusEnabled {
			return invalidRequest("Versioning must be 'Enabled' on the bucket to apply a replication configuration")
		}
		for i := range c.Rules {
			r := &c.Rules[i]
			to, err := buckets.Get(tx, store.K(b.Partition, destinationBucket(r)))
			switch {
			case errors.Is(err, store.ErrNotFound):
				return invalidRequest("Destination bucket must exist.")
			case err != nil:
				return err
			case to.ID == b.ID:
				return invalidRequest("Destination bucket cannot be the same as the source bucket.")
			case to.Versioning != api.BucketVersioningStatusEnabled:
				return invalidRequest("Destination bucket must have versioning enabled.")
			case text(r.Destination.Account) != "" && *r.Destination.Account != to.Account:
				return invalidRequest("Account ID %s is not the owner of the destination bucket", *r.Destination.Account)
			}
		}
		settings.Replication, b.Replicates = &c, true
		return nil
	})
}

// getBucketReplication shows where new versions are copied to.
func (s *Service) getBucketReplication(call *aws.Call, in *api.GetBucketReplicationInput) (*api.GetBucketReplicationOutput, error) {
	b, c, err := s.config(call, in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	if c.Replication == nil {
		return nil, missingConfiguration("ReplicationConfigurationNotFoundError", b.Name, "The replication configuration was not found")
	}
	return &api.GetBucketReplicationOutput{ReplicationConfiguration: c.Replication}, nil
}

// deleteBucketReplication copies nothing new any more.
func (s *Service) deleteBucketReplication(call *aws.Call, in *api.DeleteBucketReplicationInput) (*api.DeleteBucketReplicationOutput, error) {
	return &api.DeleteBucketReplicationOutput{}, s.configure(call, in.Bucket, in.ExpectedBucketOwner, func(_ *store.Tx, b *bucket, c *config) error {
		c.Replication, b.Replicates = nil, false
		return nil
	})
}

// keepVersioning refuses to suspend the versioning of a bucket that replicates.
func keepVersioning(b *bucket, status string) error {
	if b.Replicates && status != string(api.BucketVersioningStatusEnabled) {
		return aws.NewError(http.StatusConflict, "InvalidBucketState",
			"A replication configuration is present on this bucket, so you cannot change the versioning state. To change the versioning state, first delete the replication configuration.")
	}
	return nil
}

// rulesFor returns the rules by which a version goes, the one of the highest priority for each destination.
func rulesFor(c *api.ReplicationConfiguration, key string, tags []api.Tag, applies func(*api.ReplicationRule) bool) []*api.ReplicationRule {
	var list []*api.ReplicationRule
	for i := range c.Rules {
		r := &c.Rules[i]
		prefix, wanted := ruleFilter(r)
		if r.Status == api.ReplicationRuleStatusEnabled && strings.HasPrefix(key, prefix) && hasTags(tags, wanted) && applies(r) {
			list = append(list, r)
		}
	}
	slices.SortStableFunc(list, func(x, y *api.ReplicationRule) int { return -cmp.Compare(number(x.Priority), number(y.Priority)) })
	seen := map[string]bool{}
	return slices.DeleteFunc(list, func(r *api.ReplicationRule) bool {
		taken := seen[r.Destination.Bucket]
		seen[r.Destination.Bucket] = true
		return taken
	})
}

func number(p *int32) int32 {
	if p == nil {
		return 0
	}
	return *p
}
