package s3

import (
	"slices"
	"strings"
	"time"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/store"
)

// checkInventory refuses configurations that cannot be, and what drydock does not write into reports.
func checkInventory(c *api.InventoryConfiguration) error {
	to := &c.Destination.S3BucketDestination
	if a, err := aws.ParseARN(to.Bucket); err != nil || a.Service != "s3" {
		return invalidArgument("Bucket", to.Bucket, "Invalid bucket ARN.")
	}
	if !slices.Contains(to.Format.Values(), string(to.Format)) || !slices.Contains(c.Schedule.Frequency.Values(), string(c.Schedule.Frequency)) ||
		!slices.Contains(c.IncludedObjectVersions.Values(), string(c.IncludedObjectVersions)) {
		return malformedXML()
	}
	if to.Format != api.InventoryFormatCSV {
		return notImplemented("inventories as %s", to.Format)
	}
	if to.Encryption != nil && to.Encryption.SSEKMS != nil {
		return notImplemented("inventories encrypted with SSE-KMS")
	}
	seen := map[api.InventoryOptionalField]bool{}
	for _, f := range c.OptionalFields {
		if !slices.Contains(f.Values(), string(f)) || seen[f] {
			return malformedXML()
		}
		if inventoryFields[f] == nil {
			return notImplemented("the inventory field %s", f)
		}
		seen[f] = true
	}
	return nil
}

// nextReport is when a report is made after t: at the next midnight, or at the next Sunday's.
func nextReport(t time.Time, every api.InventoryFrequency) time.Time {
	at := t.UTC().Truncate(day).Add(day)
	for every == api.InventoryFrequencyWeekly && at.Weekday() != time.Sunday {
		at = at.Add(day)
	}
	return at
}

func inventoryTask(b *bucket, id string) string { return b.Partition + "/" + b.Name + "/" + id }

// putBucketInventoryConfiguration has lists of a bucket's objects made.
func (s *Service) putBucketInventoryConfiguration(call *aws.Call, in *api.PutBucketInventoryConfigurationInput) (*api.PutBucketInventoryConfigurationOutput, error) {
	c := in.InventoryConfiguration
	if err := checkNamedID(in.ID, c.ID); err != nil {
		return nil, err
	}
	if err := checkInventory(&c); err != nil {
		return nil, err
	}
	n := &named{Kind: kindInventory, ID: c.ID, Inventory: &c}
	return &api.PutBucketInventoryConfigurationOutput{}, s.putNamed(call, in.Bucket, in.ExpectedBucketOwner, n, func(tx *store.Tx, b *bucket) error {
		to, err := buckets.Get(tx, store.K(b.Partition, strings.TrimPrefix(c.Destination.S3BucketDestination.Bucket, "arn:"+b.Partition+":s3:::")))
		if ignoreNotFound(err) != nil {
			return err
		}
		if err == nil && to.Region != b.Region {
			return invalidRequest("The destination bucket must be in the same region as the source bucket.")
		}
		if !c.IsEnabled {
			return s.Tasks.Cancel(tx, inventoryKind, inventoryTask(b, c.ID))
		}
		return s.Tasks.Schedule(tx, inventoryKind, inventoryTask(b, c.ID), nextReport(s.Clock.Now(), c.Schedule.Frequency), nil)
	})
}

func (s *Service) getBucketInventoryConfiguration(call *aws.Call, in *api.GetBucketInventoryConfigurationInput) (*api.GetBucketInventoryConfigurationOutput, error) {
	n, err := s.getNamed(call, in.Bucket, in.ExpectedBucketOwner, kindInventory, in.ID)
	if err != nil {
		return nil, err
	}
	return &api.GetBucketInventoryConfigurationOutput{InventoryConfiguration: n.Inventory}, nil
}

// deleteBucketInventoryConfiguration ends reports. Their task finds nothing to do.
func (s *Service) deleteBucketInventoryConfiguration(call *aws.Call, in *api.DeleteBucketInventoryConfigurationInput) (*api.DeleteBucketInventoryConfigurationOutput, error) {
	return &api.DeleteBucketInventoryConfigurationOutput{}, s.deleteNamed(call, in.Bucket, in.ExpectedBucketOwner, kindInventory, in.ID)
}

func (s *Service) listBucketInventoryConfigurations(call *aws.Call, in *api.ListBucketInventoryConfigurationsInput) (*api.ListBucketInventoryConfigurationsOutput, error) {
	list, next, err := s.listNamed(call, in.Bucket, in.ExpectedBucketOwner, kindInventory, in.ContinuationToken)
	if err != nil {
		return nil, err
	}
	out := &api.ListBucketInventoryConfigurationsOutput{ContinuationToken: in.ContinuationToken, NextContinuationToken: next, IsTruncated: new(next != nil)}
	for _, n := range list {
		out.InventoryConfigurationList = append(out.InventoryConfigurationList, *n.Inventory)
	}
	return out, nil
}
