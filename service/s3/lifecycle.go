package s3

import (
	"context"
	"errors"
	"iter"
	"net/url"
	"strings"
	"time"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/store"
	"drydock/task"
)

// due is a row for each version and each upload that a lifecycle rule will strike, in the order of time. So a day on
// which nothing falls due costs nothing, however many objects there are.
type due struct {
	BucketID string
	At       time.Time
	Key      string
	Seq      int64  // of a version
	Upload   string // the id of an upload
}

var dues = store.NewTable("s3/due", func(d *due) store.Key { return store.K(d.BucketID, d.At, d.Key, d.Seq, d.Upload) })

const (
	lifecycleKind = "s3.lifecycle"
	planKind      = "s3.plan"
)

// midnight is when S3 acts on what became due at t: the next midnight in UTC.
func midnight(t time.Time) time.Time {
	if start := t.UTC().Truncate(day); !start.Equal(t) {
		return start.Add(day)
	}
	return t.UTC()
}

// covers tells whether a rule's filter selects a version.
func covers(r *api.LifecycleRule, o *object) bool {
	prefix, tags := text(r.Prefix), []api.Tag(nil)
	var over, under *int64
	if f := r.Filter; f != nil {
		prefix += text(f.Prefix)
		over, under = f.ObjectSizeGreaterThan, f.ObjectSizeLessThan
		if f.Tag != nil {
			tags = []api.Tag{*f.Tag}
		}
		if a := f.And; a != nil {
			prefix += text(a.Prefix)
			tags = append(tags, a.Tags...)
			over, under = a.ObjectSizeGreaterThan, a.ObjectSizeLessThan
		}
	}
	if !strings.HasPrefix(o.Key, prefix) || over != nil && o.Size <= *over || under != nil && o.Size >= *under {
		return false
	}
	for _, want := range tags {
		found := false
		for _, t := range o.Tags {
			found = found || t == want
		}
		if !found {
			return false
		}
	}
	return true
}

// dueBy returns when the first of the rules strikes a version, and the rule's id; zero for never.
func dueBy(rules []api.LifecycleRule, o *object) (at time.Time, rule string) {
	for i := range rules {
		r := &rules[i]
		if r.Status != api.ExpirationStatusEnabled || !covers(r, o) {
			continue
		}
		when := time.Time{}
		e := r.Expiration
		switch {
		case !o.Noncurrent.IsZero():
			if n := r.NoncurrentVersionExpiration; n != nil && n.NoncurrentDays != nil {
				when = midnight(o.Noncurrent.Add(time.Duration(*n.NoncurrentDays) * day))
			}
		case e == nil:
		case o.Marker && e.ExpiredObjectDeleteMarker != nil && *e.ExpiredObjectDeleteMarker:
			when = midnight(o.Modified)
		case e.Days != nil:
			when = midnight(o.Modified.Add(time.Duration(*e.Days) * day))
		case e.Date != nil && !o.Marker:
			when = midnight(*e.Date)
		}
		if !when.IsZero() && (at.IsZero() || when.Before(at)) {
			at, rule = when, text(r.ID)
		}
	}
	return at, rule
}

// rules returns a bucket's lifecycle rules, and which small objects they do not move.
func rules(tx *store.Tx, b *bucket) ([]api.LifecycleRule, api.TransitionDefaultMinimumObjectSize, error) {
	if !b.HasLifecycle {
		return nil, "", nil
	}
	c, err := configs.Get(tx, store.K(b.ID))
	if err != nil {
		return nil, "", err
	}
	return c.Lifecycle, c.TransitionMinimum, nil
}

// plan sets when a version is due, and its due row. The caller writes the version.
func (s *Service) plan(tx *store.Tx, b *bucket, o *object) error {
	if !b.HasLifecycle && o.Due.IsZero() && o.Move.IsZero() {
		return nil
	}
	list, minimum, err := rules(tx, b)
	if err != nil {
		return err
	}
	at, rule := dueBy(list, o)
	move := moveBy(list, minimum, o).at
	if !at.IsZero() && !move.Before(at) {
		move = time.Time{} // it goes before it moves
	}
	if at.Equal(o.Due) && rule == o.Rule && move.Equal(o.Move) {
		return nil
	}
	if err := unplan(tx, o); err != nil {
		return err
	}
	o.Due, o.Rule, o.Move = at, rule, move
	for _, at := range []time.Time{at, move} {
		if at.IsZero() {
			continue
		}
		if err := s.addDue(tx, b, &due{BucketID: b.ID, At: at, Key: o.Key, Seq: o.Seq}); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) addDue(tx *store.Tx, b *bucket, d *due) error {
	if err := s.Tasks.ScheduleEarlier(tx, lifecycleKind, b.Partition+"/"+b.Name, d.At, nil); err != nil {
		return err
	}
	return dues.Insert(tx, d)
}

// unplan removes a version's due rows.
func unplan(tx *store.Tx, o *object) error {
	for _, at := range []time.Time{o.Due, o.Move} {
		if at.IsZero() {
			continue
		}
		if _, err := dues.Delete(tx, store.K(o.BucketID, at, o.Key, o.Seq, "")); err != nil {
			return err
		}
	}
	return nil
}

// planUpload sets when an upload is due to be aborted, and its due row. The caller writes the upload.
func (s *Service) planUpload(tx *store.Tx, b *bucket, u *upload) error {
	list, _, err := rules(tx, b)
	if err != nil {
		return err
	}
	if err := unplanUpload(tx, u); err != nil {
		return err
	}
	u.Due, u.Rule = time.Time{}, ""
	for i := range list {
		r := &list[i]
		a := r.AbortIncompleteMultipartUpload
		if r.Status != api.ExpirationStatusEnabled || a == nil || a.DaysAfterInitiation == nil || !covers(r, &u.Object) {
			continue
		}
		if at := midnight(u.Initiated.Add(time.Duration(*a.DaysAfterInitiation) * day)); u.Due.IsZero() || at.Before(u.Due) {
			u.Due, u.Rule = at, text(r.ID)
		}
	}
	if u.Due.IsZero() {
		return nil
	}
	return s.addDue(tx, b, &due{BucketID: b.ID, At: u.Due, Key: u.Key, Upload: u.ID})
}

func unplanUpload(tx *store.Tx, u *upload) error {
	if u.Due.IsZero() {
		return nil
	}
	_, err := dues.Delete(tx, store.K(u.BucketID, u.Due, u.Key, 0, u.ID))
	return err
}

// forgetLifecycle cancels what a bucket that goes has planned.
func (s *Service) forgetLifecycle(tx *store.Tx, b *bucket) error {
	if err := s.Tasks.Cancel(tx, planKind, b.Partition+"/"+b.Name); err != nil {
		return err
	}
	return s.Tasks.Cancel(tx, lifecycleKind, b.Partition+"/"+b.Name)
}

// expiration is the x-amz-expiration header.
func (o *object) expiration(b *bucket) *string {
	if !b.HasLifecycle || o.Due.IsZero() || o.Marker || !o.Noncurrent.IsZero() {
		return nil
	}
	return new(`expiry-date="` + httpDate(o.Due) + `", rule-id="` + url.QueryEscape(o.Rule) + `"`)
}

// lifecycleBatch is how many versions one transaction expires or plans.
const lifecycleBatch = 250

// taskBucket returns the bucket that a task's key names, nil when it is gone.
func taskBucket(tx *store.Tx, key string) (*bucket, error) {
	partition, name, _ := strings.Cut(key, "/")
	b, err := buckets.Get(tx, store.K(partition, name))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return b, err
}

// expire strikes what is due in a bucket and says when the next is.
func (s *Service) expire(ctx context.Context, t task.Task) (task.Next, error) {
	for {
		now := s.Clock.Now()
		random := make([][16]byte, lifecycleBatch)
		for i := range random {
			var err error
			if random[i], err = s.random16(); err != nil {
				return task.Done, err
			}
		}
		next, more := task.Done, false
		err := s.DB.Update(ctx, func(tx *store.Tx) error {
			next, more = task.Done, false
			b, err := taskBucket(tx, t.Key)
			if err != nil || b == nil {
				return err
			}
			var batch []*due
			for d, err := range dues.Scan(tx, store.Range{Prefix: store.K(b.ID)}) {
				if err != nil {
					return err
				}
				if d.At.After(now) {
					next = task.At(d.At)
					break
				}
				if more = len(batch) == lifecycleBatch; more {
					break
				}
				batch = append(batch, d)
			}
			for i, d := range batch {
				if _, err := dues.Delete(tx, dues.Key(d)); err != nil {
					return err
				}
				if err := s.strike(tx, b, d, now, random[i]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || !more {
			return next, err
		}
	}
}

// strike does what is due to one version or upload, if it still is as it was when it was planned.
func (s *Service) strike(tx *store.Tx, b *bucket, d *due, now time.Time, random [16]byte) error {
	if d.Upload != "" {
		u, err := uploads.Get(tx, store.K(b.ID, d.Key, d.Upload))
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		return s.dropUpload(tx, u)
	}
	if moved, err := s.transitDue(tx, b, d, now); moved || err != nil {
		return err
	}
	o, err := currentObjects.Get(tx, store.K(b.ID, d.Key))
	if err == nil && o.Seq == d.Seq {
		did, err := s.remove(tx, b, d.Key, "", now, random)
		if err != nil {
			return err
		}
		return s.removedAs(tx, b, d.Key, "", did, expirationEvents, nil)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	alone := err != nil
	if o, err = olderObjects.Get(tx, store.K(b.ID, d.Key, -d.Seq)); errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	o.Due = time.Time{} // its row is gone
	newer := 0
	for other, err := range olderObjects.Scan(tx, store.Range{Prefix: store.K(b.ID, d.Key)}) {
		switch {
		case err != nil:
			return err
		case other.Seq > o.Seq && !other.Noncurrent.IsZero():
			newer++
		case other.Seq != o.Seq:
			alone = false
		}
	}
	if o.Noncurrent.IsZero() {
		if !alone { // a delete marker with versions under it stays; removing the last of them looks at it again
			return olderObjects.Put(tx, o)
		}
		return s.expireVersion(tx, b, o)
	}
	list, _, err := rules(tx, b)
	if err != nil {
		return err
	}
	if keep := retained(list, o); newer < keep { // looked at again tomorrow: newer versions may have come
		o.Due = midnight(now.Add(day))
		if err := s.addDue(tx, b, &due{BucketID: b.ID, At: o.Due, Key: o.Key, Seq: o.Seq}); err != nil {
			return err
		}
		return olderObjects.Put(tx, o)
	}
	if o.held(now, false) { // looked at again tomorrow: its lock may have been lifted
		o.Due = midnight(now.Add(day))
		if err := s.addDue(tx, b, &due{BucketID: b.ID, At: o.Due, Key: o.Key, Seq: o.Seq}); err != nil {
			return err
		}
		return olderObjects.Put(tx, o)
	}
	return s.expireVersion(tx, b, o)
}

// expirationEvents is before the names of the events that tell what rules removed.
const expirationEvents = "s3:LifecycleExpiration:"

// expireVersion removes a version for good and tells of it.
func (s *Service) expireVersion(tx *store.Tx, b *bucket, o *object) error {
	if err := s.removeVersion(tx, b, o); err != nil {
		return err
	}
	return s.removedAs(tx, b, o.Key, o.versionID(), removed{o.Marker, true, o.versionID()}, expirationEvents, nil)
}

// retained is how many noncurrent versions the rule that strikes o leaves alone.
func retained(list []api.LifecycleRule, o *object) int {
	for i := range list {
		if n := list[i].NoncurrentVersionExpiration; text(list[i].ID) == o.Rule && n != nil && n.NewerNoncurrentVersions != nil {
			return int(*n.NewerNoncurrentVersions)
		}
	}
	return 0
}

// replan computes anew when everything in a bucket is due, after its rules changed.
func (s *Service) replan(ctx context.Context, t task.Task) (task.Next, error) {
	walks := []func(*store.Tx, *bucket, store.Key) (store.Key, error){
		func(tx *store.Tx, b *bucket, after store.Key) (store.Key, error) {
			return planRows(tx, currentObjects, b, after, func(o *object) error { return s.plan(tx, b, o) })
		},
		func(tx *store.Tx, b *bucket, after store.Key) (store.Key, error) {
			return planRows(tx, olderObjects, b, after, func(o *object) error { return s.plan(tx, b, o) })
		},
		func(tx *store.Tx, b *bucket, after store.Key) (store.Key, error) {
			return planRows(tx, uploads, b, after, func(u *upload) error { return s.planUpload(tx, b, u) })
		},
	}
	for _, walk := range walks {
		var after store.Key
		for first := true; first || after != nil; first = false {
			from := after
			err := s.DB.Update(ctx, func(tx *store.Tx) error {
				after = nil
				b, err := taskBucket(tx, t.Key)
				if err != nil || b == nil {
					return err
				}
				after, err = walk(tx, b, from)
				return err
			})
			if err != nil {
				return task.Done, err
			}
		}
	}
	return task.Done, nil
}

// planRows plans the next rows of a table behind a position and returns the last position, nil at the end.
func planRows[T any](tx *store.Tx, table *store.Table[T], b *bucket, after store.Key, plan func(*T) error) (store.Key, error) {
	next, stop := iter.Pull2(table.Scan(tx, store.Range{Prefix: store.K(b.ID), After: after}))
	defer stop()
	var rows []*T
	for len(rows) < lifecycleBatch {
		row, err, more := next()
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
		rows = append(rows, row)
	}
	for _, row := range rows {
		if err := plan(row); err != nil {
			return nil, err
		}
		if err := table.Put(tx, row); err != nil {
			return nil, err
		}
	}
	if len(rows) < lifecycleBatch {
		return nil, nil
	}
	return table.Key(rows[len(rows)-1]), nil
}

// putBucketLifecycleConfiguration sets a bucket's rules.
func (s *Service) putBucketLifecycleConfiguration(call *aws.Call, in *api.PutBucketLifecycleConfigurationInput) (*api.PutBucketLifecycleConfigurationOutput, error) {
	if in.LifecycleConfiguration == nil || len(in.LifecycleConfiguration.Rules) == 0 {
		return nil, malformedXML()
	}
	list := in.LifecycleConfiguration.Rules
	if err := checkRules(list); err != nil {
		return nil, err
	}
	for i := range list {
		if text(list[i].ID) == "" {
			list[i].ID = new(call.NewUUID())
		}
	}
	minimum := in.TransitionDefaultMinimumObjectSize
	if minimum == nil {
		minimum = new(api.TransitionDefaultMinimumObjectSizeAllStorageClasses128k)
	}
	err := s.configure(call, in.Bucket, in.ExpectedBucketOwner, func(tx *store.Tx, b *bucket, c *config) error {
		c.Lifecycle, c.TransitionMinimum, b.HasLifecycle = list, *minimum, true
		return s.Tasks.Schedule(tx, planKind, b.Partition+"/"+b.Name, s.Clock.Now(), nil)
	})
	if err != nil {
		return nil, err
	}
	return &api.PutBucketLifecycleConfigurationOutput{TransitionDefaultMinimumObjectSize: minimum}, nil
}

// getBucketLifecycleConfiguration shows a bucket's rules.
func (s *Service) getBucketLifecycleConfiguration(call *aws.Call, in *api.GetBucketLifecycleConfigurationInput) (*api.GetBucketLifecycleConfigurationOutput, error) {
	b, c, err := s.config(call, in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	if len(c.Lifecycle) == 0 {
		return nil, missingConfiguration("NoSuchLifecycleConfiguration", b.Name, "The lifecycle configuration does not exist")
	}
	return &api.GetBucketLifecycleConfigurationOutput{Rules: c.Lifecycle, TransitionDefaultMinimumObjectSize: &c.TransitionMinimum}, nil
}

// deleteBucketLifecycle removes a bucket's rules.
func (s *Service) deleteBucketLifecycle(call *aws.Call, in *api.DeleteBucketLifecycleInput) (*api.DeleteBucketLifecycleOutput, error) {
	return &api.DeleteBucketLifecycleOutput{}, s.configure(call, in.Bucket, in.ExpectedBucketOwner, func(tx *store.Tx, b *bucket, c *config) error {
		c.Lifecycle, b.HasLifecycle = nil, false
		return s.Tasks.Schedule(tx, planKind, b.Partition+"/"+b.Name, s.Clock.Now(), nil)
	})
}
