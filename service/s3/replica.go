package s3

import (
	"context"
	"errors"
	"slices"
	"time"

	api "drydock/api/s3"
	"drydock/store"
)

// copyReplica writes a version's copy. The bytes are shared where they are sealed under the same root key, or under the
// customer's key, which a copy keeps as well; otherwise they were copied before.
func (s *Service) copyReplica(ctx context.Context, r *replication, rule *api.ReplicationRule, copied *resealed) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		from, err := buckets.Get(tx, store.K(r.Partition, r.Bucket))
		if err != nil || from.ID != r.BucketID {
			return ignoreNotFound(err)
		}
		o, err := versionAt(tx, from.ID, r.Key, r.Seq)
		if err != nil || o == nil {
			return err
		}
		if o, err = o.settle(tx); err != nil {
			return err
		}
		if o.Lost {
			return &failure{"SrcObjectNotFound"}
		}
		to, err := buckets.Get(tx, store.K(r.Partition, destinationBucket(rule)))
		switch {
		case errors.Is(err, store.ErrNotFound):
			return &failure{"DstBucketNotFound"}
		case err != nil:
			return err
		case to.Versioning != api.BucketVersioningStatusEnabled:
			return &failure{"DstBucketUnversioned"}
		}
		there, err := versionAt(tx, to.ID, o.Key, o.Seq)
		if err != nil {
			return err
		}
		if there != nil && there.Version == o.Version {
			return s.updateReplica(tx, to, there, o)
		}
		switch {
		case there != nil:
			return &failure{"DstVersionTaken"}
		case r.What == sentTags:
			return nil // the copy was deleted
		}
		if copied == nil {
			err = share(tx, o.ContentID)
		} else if o.encryption = copied.encryption; len(copied.segments) > 0 {
			err = o.fill(tx, copied.contentID, copied.segments)
			err = errors.Join(err, mark(tx, copied.segments))
		}
		if err != nil {
			return err
		}
		o.restoration, o.placement = restoration{}, placement{}
		if !to.Lock.Enabled {
			o.retention = retention{}
		}
		switch {
		case rule.Destination.AccessControlTranslation != nil:
			o.ownership = ownership{}
		case o.Owner == "" && from.Account != to.Account:
			o.Owner = from.Account
		case o.Owner == to.Account:
			o.Owner = ""
		}
		o.BucketID, o.Replication, o.Noncurrent = to.ID, api.ReplicationStatusReplica, time.Time{}
		o.Due, o.Rule, o.Move = time.Time{}, "", time.Time{}
		if c := rule.Destination.StorageClass; c != nil && !o.Marker {
			o.Class = ""
			if *c != api.StorageClassStandard {
				o.Class = string(*c)
			}
		}
		if err := s.insertVersion(tx, to, o); err != nil {
			return err
		}
		return s.notifyReplica(tx, to, o)
	})
}

// updateReplica brings the tags of a copy that is there up to date.
func (s *Service) updateReplica(tx *store.Tx, to *bucket, there, o *object) error {
	if slices.Equal(there.Tags, o.Tags) {
		return nil
	}
	there.Tags = o.Tags
	if err := s.came(tx, to, there); err != nil {
		return err
	}
	return putVersion(tx, there)
}

// notifyReplica tells the listeners of the destination.
func (s *Service) notifyReplica(tx *store.Tx, to *bucket, o *object) error {
	event := "s3:ObjectCreated:Put"
	if o.Marker {
		event = "s3:ObjectRemoved:DeleteMarkerCreated"
	}
	return s.notify(tx, to, changeOf(to, o, event, nil))
}

// insertVersion writes a version that has its order and id already, where it belongs among those of its key.
func (s *Service) insertVersion(tx *store.Tx, b *bucket, o *object) error {
	current, err := currentObjects.Get(tx, store.K(b.ID, o.Key))
	if err = ignoreNotFound(err); err != nil {
		return err
	}
	top, err := newestOlder(tx, b, o.Key)
	if err != nil {
		return err
	}
	now := s.Clock.Now()
	if current != nil && current.Seq > o.Seq || top != nil && top.Seq > o.Seq {
		o.Noncurrent = now
		if err := s.came(tx, b, o); err != nil {
			return err
		}
		return olderObjects.Put(tx, o)
	}
	switch {
	case current != nil:
		if _, err := currentObjects.Delete(tx, currentObjects.Key(current)); err != nil {
			return err
		}
		current.Noncurrent = now
		if err := s.came(tx, b, current); err != nil {
			return err
		}
		if err := olderObjects.Put(tx, current); err != nil {
			return err
		}
	case top != nil && top.Noncurrent.IsZero():
		top.Noncurrent = now
		if err := s.came(tx, b, top); err != nil {
			return err
		}
		if err := olderObjects.Put(tx, top); err != nil {
			return err
		}
	}
	if err := s.came(tx, b, o); err != nil {
		return err
	}
	return putVersion(tx, o)
}
