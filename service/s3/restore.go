package s3

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/store"
	"drydock/task"
)

// restoration is what was asked to make an archived version readable for a while.
type restoration struct {
	// Tier is that of a restore under way; Ready is when it is through, RestoreDays for how long the copy then stays.
	Tier        api.Tier  `cbor:",omitempty"`
	Ready       time.Time `cbor:",omitzero"`
	RestoreDays int32     `cbor:",omitempty"`
	// Restored is until when there is a copy to read; zero for none.
	Restored time.Time `cbor:",omitzero"`
}

const restoreKind = "s3.restore"

// retrievals is how long each class and tier takes, the longest that "Archive retrieval options" of the User Guide calls
// typical.
var retrievals = map[api.StorageClass]map[api.Tier]time.Duration{
	api.StorageClassGlacier:     {api.TierExpedited: 5 * time.Minute, api.TierStandard: 5 * time.Hour, api.TierBulk: 12 * time.Hour},
	api.StorageClassDeepArchive: {api.TierStandard: 12 * time.Hour, api.TierBulk: 48 * time.Hour},
}

// archived tells whether a version has to be restored before it can be read.
func (o *object) archived() bool { return retrievals[api.StorageClass(o.Class)] != nil }

// readable refuses to read an archived version of which there is no restored copy.
func (o *object) readable(message string) error {
	if o.archived() && o.Restored.IsZero() {
		return api.NewInvalidObjectState("%s", message).With("StorageClass", o.Class)
	}
	return nil
}

// restore is the x-amz-restore header.
func (o *object) restore() *string {
	switch {
	case o.Tier != "":
		return new(`ongoing-request="true"`)
	case !o.Restored.IsZero():
		return new(`ongoing-request="false", expiry-date="` + httpDate(o.Restored) + `"`)
	}
	return nil
}

// restoreStatus is the same for listings that ask for it.
func (o *object) restoreStatus(asked []api.OptionalObjectAttributes) *api.RestoreStatus {
	switch {
	case !slices.Contains(asked, api.OptionalObjectAttributesRestoreStatus):
	case o.Tier != "":
		return &api.RestoreStatus{IsRestoreInProgress: new(true)}
	case !o.Restored.IsZero():
		return &api.RestoreStatus{IsRestoreInProgress: new(false), RestoreExpiryDate: &o.Restored}
	}
	return nil
}

// restoreTask is the key of a version's task. Its bucket is found by the name and recognised by the id.
func restoreTask(b *bucket, o *object) string {
	return strings.Join([]string{b.Partition, b.Name, b.ID, strconv.FormatInt(o.Seq, 10), o.Key}, "/")
}

// restoreObject asks for an archived version to become readable, or for a restored copy to stay longer.
func (s *Service) restoreObject(call *aws.Call, in *api.RestoreObjectInput) (*api.RestoreObjectOutput, error) {
	r := in.RestoreRequest
	switch {
	case r == nil:
		return nil, malformedXML()
	case r.Type != nil || r.SelectParameters != nil || r.OutputLocation != nil:
		return nil, aws.NewError(http.StatusMethodNotAllowed, "MethodNotAllowed", "The specified method is not allowed against this resource.")
	case r.Days != nil && *r.Days < 1:
		return nil, invalidArgument("Days", strconv.Itoa(int(*r.Days)), "restoration days should be at least 1")
	}
	tier := api.TierStandard
	if r.GlacierJobParameters != nil {
		tier = r.GlacierJobParameters.Tier
	} else if r.Tier != nil {
		tier = *r.Tier
	}
	if !slices.Contains(tier.Values(), string(tier)) {
		return nil, malformedXML()
	}
	now := call.Now()
	status := int32(http.StatusAccepted)
	var b *bucket
	err := s.DB.Update(call, func(tx *store.Tx) (err error) {
		status = http.StatusAccepted
		if b, err = getBucket(tx, call, in.Bucket, in.ExpectedBucketOwner); err != nil {
			return err
		}
		o, err := s.find(tx, b, in.Key, in.VersionID)
		if err != nil {
			return err
		}
		if o.tiered() {
			return s.restoreTiered(tx, call, b, o, tier, r.Days)
		}
		if r.Days == nil {
			return malformedXML()
		}
		if !o.archived() {
			return api.NewInvalidObjectState("Restore is not allowed for the object's current storage class").With("StorageClass", o.listedClass())
		}
		took, ok := retrievals[api.StorageClass(o.Class)][tier]
		if !ok {
			return invalidArgument("Tier", string(tier), "Retrieval option is not supported by this storage class")
		}
		due := now.Add(took)
		switch {
		case o.Tier != "": // a faster tier upgrades the restore under way
			if took >= retrievals[api.StorageClass(o.Class)][o.Tier] {
				return aws.NewError(http.StatusConflict, "RestoreAlreadyInProgress", "Object restore is already in progress")
			}
			if o.Ready.Before(due) {
				due = o.Ready
			}
			o.Tier, o.Ready = tier, due
		case !o.Restored.IsZero():
			status = http.StatusOK
			due = midnight(now.Add(time.Duration(*r.Days) * day))
			o.Restored, o.RestoreDays = due, *r.Days
		default:
			o.Tier, o.Ready, o.RestoreDays = tier, due, *r.Days
			if err := s.notify(tx, b, changeOf(b, o, string(api.EventS3ObjectRestorePost), call)); err != nil {
				return err
			}
		}
		if err := s.Tasks.Schedule(tx, restoreKind, restoreTask(b, o), due, nil); err != nil {
			return err
		}
		return s.rewrite(tx, b, o)
	})
	if err != nil {
		if b != nil {
			err = s.hidden(call, b, err)
		}
		return nil, err
	}
	return &api.RestoreObjectOutput{ResponseStatus: &status}, nil
}

// restored brings a restore to its end, and later lets the restored copy go.
func (s *Service) restored(ctx context.Context, t task.Task) (next task.Next, err error) {
	part := strings.SplitN(t.Key, "/", 5)
	seq, err := strconv.ParseInt(part[3], 10, 64)
	if err != nil {
		return task.Done, err
	}
	now := s.Clock.Now()
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		next = task.Done
		b, err := taskBucket(tx, part[0]+"/"+part[1])
		if err != nil || b == nil || b.ID != part[2] {
			return err
		}
		o, err := versionAt(tx, b.ID, part[4], seq)
		if err != nil || o == nil {
			return err
		}
		switch {
		case o.Tier != "" && o.Ready.After(now):
			next = task.At(o.Ready)
			return nil
		case o.tiered():
			return s.risen(tx, b, o)
		case o.Tier != "":
			o.Tier, o.Restored = "", midnight(o.Ready.Add(time.Duration(o.RestoreDays)*day))
			o.Ready = time.Time{}
			next = task.At(o.Restored)
			c := changeOf(b, o, string(api.EventS3ObjectRestoreCompleted), nil)
			c.restored = &restoredEvent{o.Restored.UTC().Format(eventTime), o.Class}
			if err := s.notify(tx, b, c); err != nil {
				return err
			}
		case o.Restored.After(now):
			next = task.At(o.Restored)
			return nil
		default:
			o.restoration = restoration{}
			if err := s.notify(tx, b, changeOf(b, o, string(api.EventS3ObjectRestoreDelete), nil)); err != nil {
				return err
			}
		}
		return s.rewrite(tx, b, o)
	})
	return next, err
}
