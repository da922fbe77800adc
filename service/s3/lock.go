package s3

import (
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/store"
)

// lockRule is a bucket's object lock: whether it has one, and how long new objects are retained that do not say.
type lockRule struct {
	Enabled     bool                        `cbor:",omitempty"`
	Mode        api.ObjectLockRetentionMode `cbor:",omitempty"`
	Days, Years int32                       `cbor:",omitempty"`
}

// retention is what keeps a version from being deleted.
type retention struct {
	LockMode  api.ObjectLockMode `cbor:",omitempty"`
	LockUntil time.Time          `cbor:",omitzero"`
	// Hold is empty as long as nobody ever set a legal hold.
	Hold api.ObjectLockLegalHoldStatus `cbor:",omitempty"`
}

// Limits of default retention periods, from "Object Lock considerations" of the User Guide.
const (
	maxLockDays  = 36500
	maxLockYears = 100
)

// held tells whether a version must not be deleted; bypass is the permission to pass governance mode.
func (r *retention) held(now time.Time, bypass bool) bool {
	if r.Hold == api.ObjectLockLegalHoldStatusOn {
		return true
	}
	return r.retained(now) && !(bypass && r.LockMode == api.ObjectLockModeGovernance)
}

func (r *retention) retained(now time.Time) bool { return r.LockMode != "" && r.LockUntil.After(now) }

func protected() error {
	return api.NewAccessDenied("Access Denied because object protected by object lock.")
}

func missingLock() error { return invalidRequest("Bucket is missing Object Lock Configuration") }

// lockRequest is what a request to make an object says of its lock.
type lockRequest struct {
	mode  api.ObjectLockMode
	until time.Time
	hold  api.ObjectLockLegalHoldStatus
}

func (r *lockRequest) empty() bool { return r.mode == "" && r.hold == "" }

// readLock reads the headers for an object's lock.
func readLock(mode *api.ObjectLockMode, until *time.Time, hold *api.ObjectLockLegalHoldStatus, now time.Time) (r lockRequest, err error) {
	r.mode, r.hold = api.ObjectLockMode(text(mode)), api.ObjectLockLegalHoldStatus(text(hold))
	const both = "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied"
	switch {
	case r.mode != "" && until == nil:
		return r, invalidArgument("x-amz-object-lock-retain-until-date", "", both)
	case r.mode == "" && until != nil:
		return r, invalidArgument("x-amz-object-lock-mode", "", both)
	case r.mode != "" && !slices.Contains(r.mode.Values(), string(r.mode)):
		return r, invalidArgument("x-amz-object-lock-mode", string(r.mode), "Unknown wormMode directive.")
	case until != nil && !until.After(now):
		return r, invalidArgument("x-amz-object-lock-retain-until-date", until.Format(time.RFC3339), "The retain until date must be in the future!")
	case r.hold != "" && !slices.Contains(r.hold.Values(), string(r.hold)):
		return r, invalidArgument("x-amz-object-lock-legal-hold", string(r.hold), "Legal Hold must be either of 'ON' or 'OFF'")
	}
	if until != nil {
		r.until = until.UTC()
	}
	return r, nil
}

// settle decides the lock of a new object: what its request says, or else the bucket's default.
func (r *lockRequest) settle(b *bucket, now time.Time) (retention, error) {
	if !b.Lock.Enabled {
		if !r.empty() {
			return retention{}, missingLock()
		}
		return retention{}, nil
	}
	kept := retention{r.mode, r.until, r.hold}
	kept.byDefault(b, now)
	return kept, nil
}

// byDefault retains a new object as its bucket does by default, if its request did not say.
func (r *retention) byDefault(b *bucket, now time.Time) {
	if r.LockMode == "" && b.Lock.Mode != "" {
		r.LockMode, r.LockUntil = api.ObjectLockMode(b.Lock.Mode), now.AddDate(int(b.Lock.Years), 0, int(b.Lock.Days))
	}
}

// checkRemovable refuses to delete a version that is locked. Only buckets with object lock have any.
func checkRemovable(tx *store.Tx, b *bucket, key, version string, bypass bool, now time.Time) error {
	if !b.Lock.Enabled || version == "" {
		return nil
	}
	o, err := getVersion(tx, b, key, version)
	if err != nil {
		return ignoreMissing(err)
	}
	if o.held(now, bypass) {
		return protected()
	}
	return nil
}

// shownLock sets the members of an output that tell of an object's lock, as far as the caller may know of it.
func (s *Service) shownLock(call *aws.Call, b *bucket, o *object, mode **api.ObjectLockMode, until **time.Time, hold **api.ObjectLockLegalHoldStatus) {
	if o.LockMode == "" && o.Hold == "" {
		return
	}
	arn := b.arn() + "/" + o.Key
	if o.LockMode != "" && call.Cloud.Authorize(call, aws.Check{Action: "s3:GetObjectRetention", Resource: arn}) == nil {
		*mode, *until = &o.LockMode, &o.LockUntil
	}
	if o.Hold != "" && call.Cloud.Authorize(call, aws.Check{Action: "s3:GetObjectLegalHold", Resource: arn}) == nil {
		*hold = &o.Hold
	}
}

// remainingDays is the condition key s3:object-lock-remaining-retention-days of a request, which has a date.
func remainingDays(c aws.Check, now time.Time) ([]string, bool) {
	v := c.Keys["s3:object-lock-retain-until-date"]
	if len(v) != 1 {
		return nil, false
	}
	until, err := time.Parse(time.RFC3339, v[0])
	if err != nil {
		return nil, false
	}
	return []string{strconv.Itoa(int(math.Ceil(until.Sub(now).Hours() / 24)))}, true
}

// putObjectLockConfiguration gives a versioned bucket object lock, for good, and sets its default retention.
func (s *Service) putObjectLockConfiguration(call *aws.Call, in *api.PutObjectLockConfigurationInput) (*api.PutObjectLockConfigurationOutput, error) {
	c := in.ObjectLockConfiguration
	if c == nil || text(c.ObjectLockEnabled) != string(api.ObjectLockEnabledEnabled) {
		return nil, malformedXML()
	}
	rule := lockRule{Enabled: true}
	if c.Rule != nil {
		d := c.Rule.DefaultRetention
		if d == nil || d.Mode == nil || !slices.Contains(d.Mode.Values(), string(*d.Mode)) || (d.Days == nil) == (d.Years == nil) {
			return nil, malformedXML()
		}
		rule.Mode = *d.Mode
		if d.Days != nil {
			rule.Days = *d.Days
		} else {
			rule.Years = *d.Years
		}
		switch {
		case rule.Days+rule.Years <= 0:
			return nil, invalidArgument("Days", strconv.Itoa(int(rule.Days+rule.Years)), "Default retention period must be a positive integer value.")
		case rule.Days > maxLockDays || rule.Years > maxLockYears:
			return nil, invalidArgument("Days", strconv.Itoa(int(rule.Days+rule.Years)), "Default retention period too large.")
		}
	}
	return &api.PutObjectLockConfigurationOutput{}, s.configure(call, in.Bucket, in.ExpectedBucketOwner, func(_ *store.Tx, b *bucket, _ *config) error {
		if b.Versioning != api.BucketVersioningStatusEnabled {
			return aws.NewError(http.StatusConflict, "InvalidBucketState", "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration")
		}
		b.Lock = rule
		return nil
	})
}

// getObjectLockConfiguration shows a bucket's object lock.
func (s *Service) getObjectLockConfiguration(call *aws.Call, in *api.GetObjectLockConfigurationInput) (*api.GetObjectLockConfigurationOutput, error) {
	b, err := s.bucket(call, in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	if !b.Lock.Enabled {
		return nil, missingConfiguration("ObjectLockConfigurationNotFoundError", b.Name, "Object Lock configuration does not exist for this bucket")
	}
	c := &api.ObjectLockConfiguration{ObjectLockEnabled: new(api.ObjectLockEnabledEnabled)}
	if b.Lock.Mode != "" {
		d := &api.DefaultRetention{Mode: &b.Lock.Mode}
		if b.Lock.Days > 0 {
			d.Days = &b.Lock.Days
		} else {
			d.Years = &b.Lock.Years
		}
		c.Rule = &api.ObjectLockRule{DefaultRetention: d}
	}
	return &api.GetObjectLockConfigurationOutput{ObjectLockConfiguration: c}, nil
}

// putObjectRetention retains a version, for longer or, where that is allowed, for less long.
func (s *Service) putObjectRetention(call *aws.Call, in *api.PutObjectRetentionInput) (*api.PutObjectRetentionOutput, error) {
	var mode api.ObjectLockMode
	var until time.Time
	now := call.Now()
	switch r := in.Retention; {
	case r == nil, r.Mode == nil && r.RetainUntilDate == nil: // none any more
	case r.Mode == nil || r.RetainUntilDate == nil || !slices.Contains(r.Mode.Values(), string(*r.Mode)):
		return nil, malformedXML()
	case !r.RetainUntilDate.After(now):
		return nil, invalidArgument("RetainUntilDate", r.RetainUntilDate.Format(time.RFC3339), "The retain until date must be in the future!")
	default:
		mode, until = api.ObjectLockMode(*r.Mode), r.RetainUntilDate.UTC()
	}
	bypass := in.BypassGovernanceRetention != nil && *in.BypassGovernanceRetention
	_, _, err := s.change(call, in.Bucket, in.Key, in.VersionID, in.ExpectedBucketOwner, func(_ *store.Tx, b *bucket, o *object) error {
		if !b.Lock.Enabled {
			return missingLock()
		}
		weaker := until.Before(o.LockUntil) || mode != o.LockMode && mode != api.ObjectLockModeCompliance
		if o.retained(now) && weaker && (o.LockMode == api.ObjectLockModeCompliance || !bypass) {
			return protected()
		}
		o.LockMode, o.LockUntil = mode, until
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.PutObjectRetentionOutput{}, nil
}

// locked reads a version of a bucket that has object lock.
func (s *Service) locked(call *aws.Call, name, key string, version, owner *string) (o *object, err error) {
	var b *bucket
	err = s.DB.View(call, func(tx *store.Tx) error {
		if b, err = getBucket(tx, call, name, owner); err != nil {
			return err
		}
		if !b.Lock.Enabled {
			return missingLock()
		}
		o, err = s.find(tx, b, key, version)
		return err
	})
	if err != nil && b != nil {
		err = s.hidden(call, b, err)
	}
	return o, err
}

func notLocked() error {
	return aws.NewError(http.StatusNotFound, "NoSuchObjectLockConfiguration", "The specified object does not have a ObjectLock configuration")
}

// getObjectRetention shows how long a version is retained.
func (s *Service) getObjectRetention(call *aws.Call, in *api.GetObjectRetentionInput) (*api.GetObjectRetentionOutput, error) {
	o, err := s.locked(call, in.Bucket, in.Key, in.VersionID, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	if o.LockMode == "" {
		return nil, notLocked()
	}
	return &api.GetObjectRetentionOutput{Retention: &api.ObjectLockRetention{Mode: new(api.ObjectLockRetentionMode(o.LockMode)), RetainUntilDate: &o.LockUntil}}, nil
}

// putObjectLegalHold sets or lifts a version's legal hold.
func (s *Service) putObjectLegalHold(call *aws.Call, in *api.PutObjectLegalHoldInput) (*api.PutObjectLegalHoldOutput, error) {
	if in.LegalHold == nil || in.LegalHold.Status == nil || !slices.Contains(in.LegalHold.Status.Values(), string(*in.LegalHold.Status)) {
		return nil, malformedXML()
	}
	_, _, err := s.change(call, in.Bucket, in.Key, in.VersionID, in.ExpectedBucketOwner, func(_ *store.Tx, b *bucket, o *object) error {
		if !b.Lock.Enabled {
			return missingLock()
		}
		o.Hold = *in.LegalHold.Status
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.PutObjectLegalHoldOutput{}, nil
}

// getObjectLegalHold shows a version's legal hold.
func (s *Service) getObjectLegalHold(call *aws.Call, in *api.GetObjectLegalHoldInput) (*api.GetObjectLegalHoldOutput, error) {
	o, err := s.locked(call, in.Bucket, in.Key, in.VersionID, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	if o.Hold == "" {
		return nil, notLocked()
	}
	return &api.GetObjectLegalHoldOutput{LegalHold: &api.ObjectLockLegalHold{Status: &o.Hold}}, nil
}
