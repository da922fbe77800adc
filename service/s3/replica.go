package s3

import (
	"context"
	"errors"
	"slices"
	"time"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/blob/seal"
	"drydock/store"
)

// resealed is the content of a version under a key of KMS at the destination.
type resealed struct {
	encryption

	id       string
	segments []segment
	used     bool
}

// resends tells whether a rule sends what is encrypted under keys of KMS.
func resends(r *api.ReplicationRule) bool {
	c := r.SourceSelectionCriteria
	return c != nil && c.SSEKMSEncryptedObjects != nil && c.SSEKMSEncryptedObjects.Status == api.SSEKMSEncryptedObjectsStatusEnabled
}

// reseal seals the content of a version under the destination's key, as the role that call is by; nil for a version
// that is not encrypted under a key of KMS.
func (s *Service) reseal(call *aws.Call, r *replication, rule *api.ReplicationRule, from *bucket, o *object) (*resealed, error) {
	if o.SSE == "" || r.What != sentObject || rule.Destination.EncryptionConfiguration == nil {
		return nil, nil
	}
	var to *bucket
	var segments []segment
	err := s.DB.View(call, func(tx *store.Tx) (err error) {
		if to, err = buckets.Get(tx, store.K(r.Partition, destinationBucket(rule))); err != nil {
			return err
		}
		segments, err = o.segments(tx)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, &failure{"DstBucketNotFound"}
	}
	if err != nil {
		return nil, err
	}
	source, err := s.dataKey(call, from, &o.encryption)
	if err != nil {
		return nil, keyFailure("Src", "GetObject", err)
	}
	next := &resealed{id: call.NewHex(32), encryption: encryption{SSE: o.SSE, BucketKey: to.Encryption.BucketKey && o.SSE == api.ServerSideEncryptionAWSKMS}}
	if next.Context, err = contextOf(nil, to, o.Key, next.BucketKey); err != nil {
		return nil, err
	}
	target, err := s.newDataKey(call, to, text(rule.Destination.EncryptionConfiguration.ReplicaKMSKeyID), &next.encryption)
	if err != nil {
		return nil, keyFailure("Dst", "PutObject", err)
	}
	for _, g := range segments {
		sealed, err := s.resealSegment(call, g, source, target)
		if err != nil {
			s.discard(call, next.segments...)
			return nil, err
		}
		next.segments = append(next.segments, sealed)
	}
	if next.segments == nil { // nothing to seal
		next.segments = []segment{{}}
	}
	return next, nil
}

func (s *Service) resealSegment(call *aws.Call, g segment, from, to *seal.RootKey) (_ segment, err error) {
	body, err := s.open(call, []segment{g}, from, 0, g.Size)
	if err != nil {
		return segment{}, err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	got, err := s.receive(call, body, to, &declaration{})
	if err != nil {
		return segment{}, err
	}
	got.segment.Number, got.segment.Sum = g.Number, g.Sum
	return got.segment, nil
}

// keyFailure words why a key cannot be used to replicate, as "Replication failure reasons" of the User Guide does.
func keyFailure(side, operation string, err error) error {
	switch {
	case aws.ErrorCode(err) == "":
		return err
	case aws.IsError(err, "AccessDenied"):
		return &failure{side + operation + "NotPermitted"}
	case aws.IsError(err, "KMS.NotFoundException"):
		return &failure{side + "KmsKeyNotFound"}
	}
	return &failure{side + "KmsKeyInvalidState"}
}

// settleReplica makes of a version what its copy is at the destination.
func settleReplica(rule *api.ReplicationRule, from, to *bucket, o *object) {
	owner := o.ownership.owner(from)
	switch {
	case rule.Destination.AccessControlTranslation != nil:
		o.ownership = ownership{}
	case owner == to.Account:
		o.Owner = ""
	default:
		o.Owner = owner
	}
	if !to.Lock.Enabled {
		o.retention = retention{}
	}
	o.restoration = restoration{}
	o.BucketID, o.Replication, o.Noncurrent = to.ID, api.ReplicationStatusReplica, time.Time{}
	o.Due, o.Rule, o.Move = time.Time{}, "", time.Time{}
	if c := rule.Destination.StorageClass; c != nil && !o.Marker {
		o.Class = ""
		if *c != api.StorageClassStandard {
			o.Class = string(*c)
		}
	}
}

// copyReplica writes a version's copy. The bytes are shared: they are sealed under the same root key, or under the
// customer's key, which a copy keeps as well. Only what is under a key of KMS comes sealed anew.
func (s *Service) copyReplica(ctx context.Context, r *replication, rule *api.ReplicationRule, sealed *resealed) error {
	err := s.writeReplica(ctx, r, rule, sealed)
	if sealed != nil && (err != nil || !sealed.used) {
		s.discard(ctx, sealed.segments...)
	}
	return err
}

func (s *Service) writeReplica(ctx context.Context, r *replication, rule *api.ReplicationRule, sealed *resealed) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		if sealed != nil {
			sealed.used = false
		}
		from, err := buckets.Get(tx, store.K(r.Partition, r.Bucket))
		if err != nil || from.ID != r.BucketID {
			return ignoreNotFound(err)
		}
		o, err := versionAt(tx, from, r.Key, r.Seq)
		if err != nil || o == nil {
			return err
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
		there, err := versionAt(tx, to, o.Key, o.Seq)
		if err != nil {
			return err
		}
		if there != nil && there.Version == o.Version {
			return s.updateReplica(tx, to, there, o)
		}
		if there != nil {
			return &failure{"DstVersionTaken"}
		}
		if sealed != nil {
			o.encryption, sealed.used = sealed.encryption, true
			err = o.fill(tx, sealed.id, sealed.segments)
		} else {
			err = share(tx, o.ContentID)
		}
		if err != nil {
			return err
		}
		settleReplica(rule, from, to, o)
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
