package s3

import (
	"net/http"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/store"
)

// aclNotSupported is the answer to ACLs that would grant anything to others than the bucket's owner.
func aclNotSupported() error {
	return aws.NewError(http.StatusBadRequest, "AccessControlListNotSupported", "The bucket does not allow ACLs")
}

// checkObjectACL admits the canned ACLs that say what is so anyway: the bucket's owner owns all its objects.
func checkObjectACL(acl *api.ObjectCannedACL, grants ...*string) error {
	for _, g := range grants {
		if text(g) != "" {
			return aclNotSupported()
		}
	}
	switch text(acl) {
	case "", string(api.ObjectCannedACLPrivate), string(api.ObjectCannedACLBucketOwnerFullControl):
		return nil
	}
	return aclNotSupported()
}

// checkBucketACL checks what a new bucket is to have.
func checkBucketACL(b *bucket, in *api.CreateBucketInput) error {
	if err := checkOwnership(b.Ownership); err != nil {
		return err
	}
	for _, g := range []*string{in.GrantFullControl, in.GrantRead, in.GrantReadACP, in.GrantWrite, in.GrantWriteACP} {
		if text(g) != "" {
			return aclWithOwnership()
		}
	}
	if acl := text(in.ACL); acl != "" && acl != string(api.BucketCannedACLPrivate) {
		return aclWithOwnership()
	}
	return nil
}

func aclWithOwnership() error {
	return aws.NewError(http.StatusBadRequest, "InvalidBucketAclWithObjectOwnership", "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting")
}

// fullControl is the ACL that every bucket and object has.
func fullControl(b *bucket) []api.Grant {
	return []api.Grant{{
		Grantee:    &api.Grantee{Type: api.TypeCanonicalUser, ID: new(canonicalID(b.Account))},
		Permission: new(api.PermissionFullControl),
	}}
}

// getBucketACL shows the owner's full control.
func (s *Service) getBucketACL(call *aws.Call, in *api.GetBucketACLInput) (*api.GetBucketACLOutput, error) {
	b, err := s.bucket(call, in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	return &api.GetBucketACLOutput{Owner: ownerOf(b.Account), Grants: fullControl(b)}, nil
}

// ownersOwn tells whether an ACL document grants full control to the bucket's owner and nothing else.
func ownersOwn(b *bucket, acl *api.AccessControlPolicy) bool {
	if acl == nil || len(acl.Grants) != 1 || acl.Grants[0].Grantee == nil {
		return false
	}
	g := acl.Grants[0]
	return text(g.Grantee.ID) == canonicalID(b.Account) && text(g.Permission) == string(api.PermissionFullControl)
}

// putBucketACL accepts the ACL that the bucket has.
func (s *Service) putBucketACL(call *aws.Call, in *api.PutBucketACLInput) (*api.PutBucketACLOutput, error) {
	b, err := s.bucket(call, in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	granted := text(in.GrantFullControl) + text(in.GrantRead) + text(in.GrantReadACP) + text(in.GrantWrite) + text(in.GrantWriteACP)
	switch {
	case granted == "" && text(in.ACL) == string(api.BucketCannedACLPrivate), granted == "" && in.ACL == nil && ownersOwn(b, in.AccessControlPolicy):
		return &api.PutBucketACLOutput{}, nil
	}
	return nil, aclNotSupported()
}

// getObjectACL shows the owner's full control.
func (s *Service) getObjectACL(call *aws.Call, in *api.GetObjectACLInput) (*api.GetObjectACLOutput, error) {
	var b *bucket
	err := s.DB.View(call, func(tx *store.Tx) (err error) {
		if b, err = getBucket(tx, call, in.Bucket, in.ExpectedBucketOwner); err != nil {
			return err
		}
		_, err = s.find(tx, b, in.Key, in.VersionID)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.GetObjectACLOutput{Owner: ownerOf(b.Account), Grants: fullControl(b)}, nil
}

// putObjectACL accepts the ACL that the object has.
func (s *Service) putObjectACL(call *aws.Call, in *api.PutObjectACLInput) (*api.PutObjectACLOutput, error) {
	var b *bucket
	err := s.DB.View(call, func(tx *store.Tx) (err error) {
		if b, err = getBucket(tx, call, in.Bucket, in.ExpectedBucketOwner); err != nil {
			return err
		}
		_, err = s.find(tx, b, in.Key, in.VersionID)
		return err
	})
	if err != nil {
		return nil, err
	}
	if in.AccessControlPolicy != nil && in.ACL == nil && ownersOwn(b, in.AccessControlPolicy) {
		return &api.PutObjectACLOutput{}, nil
	}
	if in.ACL == nil {
		return nil, aclNotSupported()
	}
	return &api.PutObjectACLOutput{}, checkObjectACL(in.ACL, in.GrantFullControl, in.GrantRead, in.GrantReadACP, in.GrantWrite, in.GrantWriteACP)
}

// checkOwnership admits the ownerships. ACLs are not honoured, so those that would let uploaders own objects are not had.
func checkOwnership(o api.ObjectOwnership) error {
	switch o {
	case api.ObjectOwnershipBucketOwnerEnforced:
		return nil
	case api.ObjectOwnershipBucketOwnerPreferred, api.ObjectOwnershipObjectWriter:
		return notImplemented("the object ownership %s: ACLs are disabled, as for every bucket made since 2023", o)
	}
	return malformedXML()
}
