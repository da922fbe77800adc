package s3

import (
	"time"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/store"
)

// deleteObject deletes a version, or the latest as the bucket's versioning has it. What is not there is no error.
func (s *Service) deleteObject(call *aws.Call, in *api.DeleteObjectInput) (*api.DeleteObjectOutput, error) {
	if in.IfMatchLastModifiedTime != nil || in.IfMatchSize != nil {
		return nil, notImplemented("x-amz-if-match-last-modified-time and x-amz-if-match-size, which AWS has for directory buckets")
	}
	if err := checkKey(in.Key); err != nil {
		return nil, err
	}
	random, err := s.random16()
	if err != nil {
		return nil, err
	}
	var did removed
	now := call.Now()
	bypass := in.BypassGovernanceRetention != nil && *in.BypassGovernanceRetention
	err = s.DB.Update(call, func(tx *store.Tx) error {
		b, err := getBucket(tx, call, in.Bucket, in.ExpectedBucketOwner)
		if err != nil {
			return err
		}
		if err := (writeCondition{match: in.IfMatch}).holds(tx, b, in.Key); err != nil {
			return err
		}
		if err := checkRemovable(tx, b, in.Key, text(in.VersionID), bypass, now); err != nil {
			return err
		}
		if did, err = s.remove(tx, b, in.Key, text(in.VersionID), now, random); err != nil {
			return err
		}
		return s.deleted(tx, b, in.Key, text(in.VersionID), did, call)
	})
	if err != nil {
		return nil, err
	}
	out := &api.DeleteObjectOutput{VersionID: optional(did.version)}
	if did.marker {
		out.DeleteMarker = new(true)
	}
	return out, nil
}

// deletesPerUpdate is how many keys one transaction of a batch deletes.
const deletesPerUpdate = 250

// deleteObjects deletes up to 1,000 objects, each with the caller's own permission for it.
func (s *Service) deleteObjects(call *aws.Call, in *api.DeleteObjectsInput) (*api.DeleteObjectsOutput, error) {
	list := in.Delete.Objects
	if len(list) == 0 || len(list) > maxDeletes {
		return nil, malformedXML()
	}
	b, err := s.bucket(call, in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	out := &api.DeleteObjectsOutput{}
	fail := func(o *api.ObjectIdentifier, err error) error {
		code := aws.ErrorCode(err)
		if code == "" {
			return err
		}
		message := err.Error()[len(code)+len(": "):]
		out.Errors = append(out.Errors, api.Error{Key: &o.Key, VersionID: o.VersionID, Code: &code, Message: &message})
		return nil
	}
	bypass := in.BypassGovernanceRetention != nil && *in.BypassGovernanceRetention
	allowed := make([]*api.ObjectIdentifier, 0, len(list))
	for i := range list {
		o := &list[i]
		check := aws.Check{Action: "s3:DeleteObject", Resource: b.arn() + "/" + o.Key}
		if text(o.VersionID) != "" {
			check.Action, check.Keys = "s3:DeleteObjectVersion", map[string][]string{"s3:VersionId": {*o.VersionID}}
		}
		err := checkKey(o.Key)
		if err == nil {
			err = call.Cloud.Authorize(call, check)
		}
		if err == nil && bypass {
			err = call.Cloud.Authorize(call, aws.Check{Action: "s3:BypassGovernanceRetention", Resource: check.Resource, Keys: check.Keys})
		}
		if err == nil {
			allowed = append(allowed, o)
		} else if err := fail(o, err); err != nil {
			return nil, err
		}
	}
	quiet := in.Delete.Quiet != nil && *in.Delete.Quiet
	for len(allowed) > 0 {
		batch := allowed[:min(len(allowed), deletesPerUpdate)]
		allowed = allowed[len(batch):]
		did, errs, err := s.deleteBatch(call, in.Bucket, batch, bypass, call.Now())
		if err != nil {
			return nil, err
		}
		for i, o := range batch {
			if errs[i] != nil {
				if err := fail(o, errs[i]); err != nil {
					return nil, err
				}
			} else if !quiet {
				out.Deleted = append(out.Deleted, did[i].shown(o))
			}
		}
	}
	return out, nil
}

func (d *removed) shown(o *api.ObjectIdentifier) api.DeletedObject {
	shown := api.DeletedObject{Key: &o.Key, VersionID: o.VersionID}
	if d.marker {
		shown.DeleteMarker, shown.DeleteMarkerVersionID = new(true), optional(d.version)
	}
	return shown
}

// deleteBatch deletes some objects in one transaction. errs has the refusals.
func (s *Service) deleteBatch(call *aws.Call, name string, batch []*api.ObjectIdentifier, bypass bool, now time.Time) (did []removed, errs []error, err error) {
	random := make([][16]byte, len(batch))
	for i := range random {
		if random[i], err = s.random16(); err != nil {
			return nil, nil, err
		}
	}
	err = s.DB.Update(call, func(tx *store.Tx) error {
		did, errs = make([]removed, len(batch)), make([]error, len(batch))
		b, err := getBucket(tx, call, name, nil)
		if err != nil {
			return err
		}
		for i, o := range batch {
			err := (writeCondition{match: o.ETag}).holds(tx, b, o.Key)
			if err == nil {
				err = checkRemovable(tx, b, o.Key, text(o.VersionID), bypass, now)
			}
			if err == nil {
				did[i], err = s.remove(tx, b, o.Key, text(o.VersionID), now, random[i])
			}
			if err == nil {
				err = s.deleted(tx, b, o.Key, text(o.VersionID), did[i], call)
			}
			switch {
			case aws.ErrorCode(err) != "": // refused, before anything was written
				errs[i] = err
			case err != nil:
				return err
			}
		}
		return nil
	})
	return did, errs, err
}
