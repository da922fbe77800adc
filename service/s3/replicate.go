package s3

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	api "drydock/api/s3"
	"drydock/api/sts"
	"drydock/aws"
	"drydock/store"
	"drydock/task"
)

// replication is a version on its way to one other bucket. Its row is written with the version and removed when the copy
// is there or cannot be.
type replication struct {
	ID                string
	Partition, Bucket string
	BucketID, Key     string
	Seq               int64
	// To is the ARN of the destination, Rule the id of the rule that sends the version there.
	To, Rule string
	// What is sent.
	What replicated
	// Since is when the version was written.
	Since time.Time
}

// replicated is what of a version is sent.
type replicated string

const (
	sentObject replicated = "object"
	sentTags   replicated = "tags"
	sentMarker replicated = "marker"
)

var (
	replicationsByVersion = store.NewIndex("version", func(r *replication) []store.Key { return []store.Key{store.K(r.BucketID, r.Key, r.Seq)} })
	replications          = store.NewTable("s3/replication", func(r *replication) store.Key { return store.K(r.ID) }, replicationsByVersion)
)

const replicationKind = "s3.replicate"

// create makes o the latest version for a request, and begins what follows from that.
func (s *Service) create(tx *store.Tx, call *aws.Call, b *bucket, o *object, now time.Time, random [16]byte) error {
	to, err := replicates(tx, b, o)
	if err != nil {
		return err
	}
	if o.Replication = ""; len(to) > 0 {
		o.Replication = api.ReplicationStatusPending
	}
	if err := s.putLatest(tx, b, o, now, random); err != nil {
		return err
	}
	for _, r := range to {
		if err := s.enqueue(tx, b, o, r, sentObject); err != nil {
			return err
		}
	}
	if !b.Notifies {
		return nil
	}
	return s.notify(tx, b, changeOf(b, o, createdBy(call), call))
}

// replicates returns the rules by which a new version goes elsewhere.
func replicates(tx *store.Tx, b *bucket, o *object) ([]*api.ReplicationRule, error) {
	if !b.Replicates || b.Versioning != api.BucketVersioningStatusEnabled {
		return nil, nil
	}
	c, err := configs.Get(tx, store.K(b.ID))
	if err != nil || c.Replication == nil {
		return nil, err
	}
	return rulesFor(c.Replication, o.Key, o.Tags, func(r *api.ReplicationRule) bool { return o.SSE == "" || replicatesKMS(r) }), nil
}

// enqueue has a version sent by a rule.
func (s *Service) enqueue(tx *store.Tx, b *bucket, o *object, rule *api.ReplicationRule, what replicated) error {
	sum := sha256.Sum256([]byte(b.ID + "\x00" + o.Key + "\x00" + strconv.FormatInt(o.Seq, 10) + "\x00" + rule.Destination.Bucket))
	now := s.Clock.Now()
	r := &replication{
		ID: hex.EncodeToString(sum[:16]), Partition: b.Partition, Bucket: b.Name, BucketID: b.ID, Key: o.Key, Seq: o.Seq,
		To: rule.Destination.Bucket, Rule: text(rule.ID), What: what, Since: now,
	}
	if what == sentTags { // the whole version may be on its way still
		old, err := replications.Get(tx, replications.Key(r))
		if err == nil {
			r.What = old.What
		} else if !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	if err := replications.Put(tx, r); err != nil {
		return err
	}
	return s.Tasks.Schedule(tx, replicationKind, r.ID, now, nil)
}

// retagged has new tags of a version sent where the version went, and tells of them. The caller writes the version.
func (s *Service) retagged(tx *store.Tx, b *bucket, o *object, call *aws.Call) error {
	if b.Replicates && o.Replication != "" {
		c, err := configs.Get(tx, store.K(b.ID))
		if err != nil {
			return err
		}
		replica := o.Replication == api.ReplicationStatusReplica
		rules := rulesFor(c.Replication, o.Key, o.Tags, func(r *api.ReplicationRule) bool {
			return !replica || r.SourceSelectionCriteria != nil && r.SourceSelectionCriteria.ReplicaModifications != nil &&
				r.SourceSelectionCriteria.ReplicaModifications.Status == api.ReplicaModificationsStatusEnabled
		})
		what := sentTags
		if o.Replication == api.ReplicationStatusFailed {
			what = sentObject
		}
		for _, r := range rules {
			if err := s.enqueue(tx, b, o, r, what); err != nil {
				return err
			}
			if !replica {
				o.Replication = api.ReplicationStatusPending
			}
		}
	}
	if !b.Notifies {
		return nil
	}
	event := "s3:ObjectTagging:Put"
	if len(o.Tags) == 0 && call.Operation != nil && call.Operation.Name == api.DeleteObjectTagging.Name {
		event = "s3:ObjectTagging:Delete"
	}
	return s.notify(tx, b, changeOf(b, o, event, call))
}

// replicateMarker has the delete marker that was just written sent by the rules that send such: those of the first
// version of the schema always do.
func (s *Service) replicateMarker(tx *store.Tx, b *bucket, key string) error {
	o, err := latest(tx, b, key)
	if err != nil || o == nil || !o.Marker || b.Versioning != api.BucketVersioningStatusEnabled {
		return err
	}
	c, err := configs.Get(tx, store.K(b.ID))
	if err != nil || c.Replication == nil {
		return err
	}
	for _, r := range rulesFor(c.Replication, key, nil, func(r *api.ReplicationRule) bool {
		return !second(r) || r.DeleteMarkerReplication != nil && text(r.DeleteMarkerReplication.Status) == string(api.DeleteMarkerReplicationStatusEnabled)
	}) {
		if err := s.enqueue(tx, b, o, r, sentMarker); err != nil {
			return err
		}
	}
	return nil
}

// failure is why a version cannot be replicated: it ends the attempts.
type failure struct{ reason string }

// Error implements error.
func (f *failure) Error() string { return f.reason }

// replicate sends one version to one bucket.
func (s *Service) replicate(ctx context.Context, t task.Task) (task.Next, error) {
	var r *replication
	var from *bucket
	var o *object
	var rule *api.ReplicationRule
	role := ""
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		from, o, rule = nil, nil, nil
		if r, err = replications.Get(tx, store.K(t.Key)); err != nil {
			return err
		}
		if from, err = buckets.Get(tx, store.K(r.Partition, r.Bucket)); err != nil || from.ID != r.BucketID {
			return err
		}
		if o, err = versionAt(tx, from.ID, r.Key, r.Seq); err != nil || o == nil {
			return err
		}
		c, err := configs.Get(tx, store.K(from.ID))
		if err != nil || c.Replication == nil {
			return err
		}
		role = c.Replication.Role
		at := slices.IndexFunc(c.Replication.Rules, func(x api.ReplicationRule) bool { return text(x.ID) == r.Rule && x.Destination.Bucket == r.To })
		if at >= 0 {
			rule = &c.Replication.Rules[at]
		}
		return nil
	})
	switch {
	case errors.Is(err, store.ErrNotFound) && r == nil:
		return task.Done, nil
	case errors.Is(err, store.ErrNotFound), err == nil && (o == nil || from.ID != r.BucketID): // went meanwhile
		return task.Done, s.DB.Update(ctx, func(tx *store.Tx) error {
			_, err := replications.Delete(tx, replications.Key(r))
			return err
		})
	case err != nil:
		return task.Done, err
	}
	if rule == nil {
		err = &failure{"ConfigurationRemoved"}
	} else {
		err = s.replicateAs(ctx, r, rule, role, from, o)
	}
	var failed *failure
	if errors.As(err, &failed) || err == nil {
		return task.Done, s.replicatedTo(ctx, r, failed)
	}
	return task.Done, err
}

// versionAt returns the version of a key that has an order, nil when there is none.
func versionAt(tx *store.Tx, bucketID, key string, seq int64) (*object, error) {
	o, err := currentObjects.Get(tx, store.K(bucketID, key))
	if err == nil && o.Seq == seq {
		return o, nil
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	o, err = olderObjects.Get(tx, store.K(bucketID, key, -seq))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return o, err
}

// replicateAs copies a version with the permissions of the configuration's role.
func (s *Service) replicateAs(ctx context.Context, r *replication, rule *api.ReplicationRule, role string, from *bucket, o *object) error {
	call, err := s.assume(ctx, role, from)
	if err != nil {
		return err
	}
	object := from.arn() + "/" + r.Key
	target := r.To + "/" + r.Key
	needs := []aws.Check{{Action: "s3:GetObjectVersionForReplication", Resource: object}, {Action: "s3:ReplicateObject", Resource: target}}
	switch {
	case o.Marker:
		needs = []aws.Check{{Action: "s3:ReplicateDelete", Resource: target}}
	case len(o.Tags) > 0 || r.What == sentTags:
		needs = append(needs, aws.Check{Action: "s3:GetObjectVersionTagging", Resource: object}, aws.Check{Action: "s3:ReplicateTags", Resource: target})
	}
	if rule.Destination.AccessControlTranslation != nil && !o.Marker {
		needs = append(needs, aws.Check{Action: "s3:ObjectOwnerOverrideToBucketOwner", Resource: target})
	}
	for _, need := range needs {
		err := call.Cloud.Authorize(call, need)
		switch aws.ErrorCode(err) {
		case "":
			if err != nil {
				return err
			}
		case "NoSuchBucket":
			return &failure{"DstBucketNotFound"}
		default:
			s.Log.Info("replication refused", "bucket", r.Bucket, "key", r.Key, "error", err)
			return &failure{"AssumeRoleNotPermitted: " + err.Error()}
		}
	}
	if o.Marker || o.SSE == "" || r.What == sentTags {
		return s.copyReplica(ctx, r, rule, nil)
	}
	to, err := s.destination(ctx, r, rule)
	if err != nil {
		return err
	}
	copied, err := s.reseal(call, from, to, o, rule)
	if err != nil {
		return err
	}
	if err := s.copyReplica(ctx, r, rule, copied); err != nil {
		s.discard(ctx, copied.segments...)
		return err
	}
	return nil
}

// destination reads the bucket that a rule copies to.
func (s *Service) destination(ctx context.Context, r *replication, rule *api.ReplicationRule) (to *bucket, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		to, err = buckets.Get(tx, store.K(r.Partition, destinationBucket(rule)))
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, &failure{"DstBucketNotFound"}
	}
	return to, err
}

// replicationSession is how long a session of a replication role lasts.
const replicationSession = int32(3600)

// assume returns a call by a role that S3 takes on for a bucket.
func (s *Service) assume(ctx context.Context, role string, b *bucket) (*aws.Call, error) {
	service := s.NewCall(ctx, aws.ServicePrincipal(servicePrincipal, b.Account), b.Region)
	out, err := sts.AssumeRole.Do(service, &sts.AssumeRoleInput{RoleARN: role, RoleSessionName: "s3-replication", DurationSeconds: new(replicationSession)})
	if err != nil {
		if aws.ErrorCode(err) == "" {
			return nil, fmt.Errorf("assume %s: %w", role, err)
		}
		s.Log.Info("replication role not assumed", "role", role, "error", err)
		return nil, &failure{"AssumeRoleNotPermitted"}
	}
	if out.Credentials == nil {
		return nil, fmt.Errorf("assume %s: no credentials", role)
	}
	principal, err := s.Sessions.Open(out.Credentials.AccessKeyID, out.Credentials.SessionToken, s.Clock.Now())
	if err != nil {
		return nil, fmt.Errorf("credentials of %s: %w", role, err)
	}
	call := s.NewCall(ctx, principal, b.Region)
	call.Request.ViaService = servicePrincipal
	return call, nil
}

// replicatedTo removes a version from the queue and writes down at the source how it went.
func (s *Service) replicatedTo(ctx context.Context, r *replication, failed *failure) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		if now, err := replications.Get(tx, replications.Key(r)); err != nil || now.What != r.What || !now.Since.Equal(r.Since) {
			return ignoreNotFound(err) // scheduled anew meanwhile
		}
		if _, err := replications.Delete(tx, replications.Key(r)); err != nil {
			return err
		}
		b, err := buckets.Get(tx, store.K(r.Partition, r.Bucket))
		if err != nil || b.ID != r.BucketID {
			return ignoreNotFound(err)
		}
		o, err := versionAt(tx, b.ID, r.Key, r.Seq)
		if err != nil || o == nil {
			return err
		}
		if failed != nil {
			c := changeOf(b, o, "s3:Replication:OperationFailedReplication", nil)
			operation := map[replicated]string{sentObject: "OBJECT_PUT", sentTags: "OBJECT_TAG", sentMarker: "OBJECT_DELETE"}[r.What]
			c.replication = &replicationEvent{Rule: r.Rule, Bucket: r.To, Operation: operation, Requested: r.Since.UTC().Format(eventTime), Reason: failed.reason}
			if err := s.notify(tx, b, c); err != nil {
				return err
			}
		}
		if o.Marker || o.Replication == api.ReplicationStatusReplica {
			return nil
		}
		switch {
		case failed != nil:
			o.Replication = api.ReplicationStatusFailed
		case o.Replication == api.ReplicationStatusPending:
			for _, err := range replicationsByVersion.Scan(tx, store.Range{Prefix: store.K(r.BucketID, r.Key, r.Seq)}) {
				return err // others are on their way, or nil
			}
			o.Replication = replicationDone
		}
		return putVersion(tx, o)
	})
}

// replicationDone is what the header says of a version whose copies are all there; the API's list has it as COMPLETE too.
const replicationDone api.ReplicationStatus = "COMPLETED"

func ignoreNotFound(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// putVersion writes a version that changed in place.
func putVersion(tx *store.Tx, o *object) error {
	if o.Noncurrent.IsZero() && !o.Marker {
		return currentObjects.Put(tx, o)
	}
	return olderObjects.Put(tx, o)
}
