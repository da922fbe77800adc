package s3

import (
	"net/http"
	"slices"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/store"
)

// aclNotSupported is the answer to ACLs on buckets whose ownership disables them.
func aclNotSupported() error {
	return aws.NewError(http.StatusBadRequest, "AccessControlListNotSupported", "The bucket does not allow ACLs")
}

func aclWithOwnership() error {
	return aws.NewError(http.StatusBadRequest, "InvalidBucketAclWithObjectOwnership", "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting")
}

// newBucketACL reads what ownership and ACL a new bucket is to have. New buckets block public access, so that their ACL
// cannot be public.
func newBucketACL(b *bucket, in *api.CreateBucketInput) error {
	if in.ObjectOwnership != nil {
		b.Ownership = *in.ObjectOwnership
	}
	if err := checkOwnership(b.Ownership); err != nil {
		return err
	}
	r, err := readACL(text(in.ACL), bucketACLs, in.GrantFullControl, in.GrantRead, in.GrantReadACP, in.GrantWrite, in.GrantWriteACP)
	if err != nil {
		return err
	}
	list, listed := r.list(b, b.Account)
	switch {
	case listed && !b.hasACLs():
		return aclWithOwnership()
	case public(list):
		return aws.NewError(http.StatusBadRequest, "InvalidBucketAclWithBlockPublicAccessError", "Bucket cannot have public ACLs set with BlockPublicAccess enabled")
	}
	b.ACL = ownership{Grants: list, Listed: listed}
	return nil
}

// getBucketACL shows a bucket's access control list.
func (s *Service) getBucketACL(call *aws.Call, in *api.GetBucketACLInput) (*api.GetBucketACLOutput, error) {
	b, err := s.bucket(call, in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	return &api.GetBucketACLOutput{Owner: ownerOf(b.Account), Grants: b.ACL.shownGrants(b)}, nil
}

// chooseACL wants exactly one of the forms in which a list can be given; owner is the account that owns the resource.
func chooseACL(r aclRequest, p *api.AccessControlPolicy, owner string) (aclRequest, error) {
	given := p != nil && (p.Owner != nil || len(p.Grants) > 0)
	switch {
	case !r.empty() && given:
		return r, aws.NewError(http.StatusBadRequest, "UnexpectedContent", "This request does not support content")
	case given:
		return readPolicy(p, owner)
	case r.empty():
		return r, aws.NewError(http.StatusBadRequest, "MissingSecurityHeader", "Your request was missing a required header").With("MissingHeaderName", "x-amz-acl")
	}
	return r, nil
}

// putBucketACL replaces a bucket's access control list.
func (s *Service) putBucketACL(call *aws.Call, in *api.PutBucketACLInput) (*api.PutBucketACLOutput, error) {
	asked, err := readACL(text(in.ACL), bucketACLs, in.GrantFullControl, in.GrantRead, in.GrantReadACP, in.GrantWrite, in.GrantWriteACP)
	if err != nil {
		return nil, err
	}
	return &api.PutBucketACLOutput{}, s.configure(call, in.Bucket, in.ExpectedBucketOwner, func(tx *store.Tx, b *bucket, _ *config) error {
		r, err := chooseACL(asked, in.AccessControlPolicy, b.Account)
		if err != nil {
			return err
		}
		if !b.hasACLs() {
			return aclNotSupported()
		}
		list, listed := r.list(b, b.Account)
		if err := checkPublic(tx, call, b, list, "s3:PutBucketAcl", b.arn()); err != nil {
			return err
		}
		b.ACL = ownership{Grants: list, Listed: listed}
		return nil
	})
}

// getObjectACL shows the access control list of a version.
func (s *Service) getObjectACL(call *aws.Call, in *api.GetObjectACLInput) (*api.GetObjectACLOutput, error) {
	var b *bucket
	var o *object
	err := s.DB.View(call, func(tx *store.Tx) (err error) {
		if b, err = getBucket(tx, call, in.Bucket, in.ExpectedBucketOwner); err != nil {
			return err
		}
		o, err = s.find(tx, b, in.Key, in.VersionID)
		return err
	})
	if err != nil {
		if b != nil {
			err = s.hidden(call, b, err)
		}
		return nil, err
	}
	return &api.GetObjectACLOutput{Owner: ownerOf(o.ownership.owner(b)), Grants: o.ownership.shownGrants(b)}, nil
}

// putObjectACL replaces the access control list of a version.
func (s *Service) putObjectACL(call *aws.Call, in *api.PutObjectACLInput) (*api.PutObjectACLOutput, error) {
	asked, err := readACL(text(in.ACL), objectACLs, in.GrantFullControl, in.GrantRead, in.GrantReadACP, in.GrantWrite, in.GrantWriteACP)
	if err != nil {
		return nil, err
	}
	_, _, err = s.change(call, in.Bucket, in.Key, in.VersionID, in.ExpectedBucketOwner, func(tx *store.Tx, b *bucket, o *object) error {
		owner := o.ownership.owner(b)
		r, err := chooseACL(asked, in.AccessControlPolicy, owner)
		if err != nil {
			return err
		}
		if !b.hasACLs() {
			if r.ownersOnly(b) {
				return nil
			}
			return aclNotSupported()
		}
		list, listed := r.list(b, owner)
		if err := checkPublic(tx, call, b, list, "s3:PutObjectAcl", b.arn()+"/"+o.Key); err != nil {
			return err
		}
		o.ownership.Grants, o.ownership.Listed = list, listed
		return s.notify(tx, b, changeOf(b, o, "s3:ObjectAcl:Put", call))
	})
	if err != nil {
		return nil, err
	}
	return &api.PutObjectACLOutput{}, nil
}

// change changes a version in place: neither its bytes nor its time change.
func (s *Service) change(call *aws.Call, name, key string, version, owner *string, change func(*store.Tx, *bucket, *object) error) (b *bucket, o *object, err error) {
	err = s.DB.Update(call, func(tx *store.Tx) (err error) {
		b, o = nil, nil
		if b, err = getBucket(tx, call, name, owner); err != nil {
			return err
		}
		if o, err = s.find(tx, b, key, version); err != nil {
			return err
		}
		if err := change(tx, b, o); err != nil {
			return err
		}
		return s.rewrite(tx, b, o)
	})
	if err != nil && b != nil {
		err = s.hidden(call, b, err)
	}
	return b, o, err
}

// rewrite writes a version that is there already.
func (s *Service) rewrite(tx *store.Tx, b *bucket, o *object) error {
	if err := s.came(tx, b, o); err != nil {
		return err
	}
	return putVersion(tx, o)
}

// checkOwnership admits the ownerships there are.
func checkOwnership(o api.ObjectOwnership) error {
	if !slices.Contains(o.Values(), string(o)) {
		return malformedXML()
	}
	return nil
}

// putBucketOwnershipControls sets who owns uploads. A bucket whose ACL lets others in has to give that up before.
func (s *Service) putBucketOwnershipControls(call *aws.Call, in *api.PutBucketOwnershipControlsInput) (*api.PutBucketOwnershipControlsOutput, error) {
	rules := in.OwnershipControls.Rules
	if len(rules) != 1 {
		return nil, malformedXML()
	}
	if err := checkOwnership(rules[0].ObjectOwnership); err != nil {
		return nil, err
	}
	return &api.PutBucketOwnershipControlsOutput{}, s.configure(call, in.Bucket, in.ExpectedBucketOwner, func(_ *store.Tx, b *bucket, _ *config) error {
		if rules[0].ObjectOwnership == api.ObjectOwnershipBucketOwnerEnforced && b.ACL.Listed {
			for _, g := range b.ACL.Grants {
				if g.ID != canonicalID(b.Account) {
					return aclWithOwnership()
				}
			}
		}
		b.Ownership = rules[0].ObjectOwnership
		return nil
	})
}

// getBucketOwnershipControls shows who owns uploads.
func (s *Service) getBucketOwnershipControls(call *aws.Call, in *api.GetBucketOwnershipControlsInput) (*api.GetBucketOwnershipControlsOutput, error) {
	b, err := s.bucket(call, in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	if b.Ownership == "" {
		return nil, missingConfiguration("OwnershipControlsNotFoundError", b.Name, "The bucket ownership controls were not found")
	}
	return &api.GetBucketOwnershipControlsOutput{OwnershipControls: &api.OwnershipControls{Rules: []api.OwnershipControlsRule{{ObjectOwnership: b.Ownership}}}}, nil
}

// deleteBucketOwnershipControls goes back to what S3 did before it had them: uploaders own their objects.
func (s *Service) deleteBucketOwnershipControls(call *aws.Call, in *api.DeleteBucketOwnershipControlsInput) (*api.DeleteBucketOwnershipControlsOutput, error) {
	return &api.DeleteBucketOwnershipControlsOutput{}, s.configure(call, in.Bucket, in.ExpectedBucketOwner, func(_ *store.Tx, b *bucket, _ *config) error {
		b.Ownership = ""
		return nil
	})
}
