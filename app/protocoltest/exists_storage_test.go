package protocoltest

import (
	"strings"
	"testing"

	"drydock/api/s3"
	"drydock/api/s3control"
	"drydock/aws"
	"drydock/service/servicetest"
)

const elsewhere = "eu-west-1"

func s3Conflicts(t *testing.T, f *fixture) []conflict {
	t.Helper()
	call := f.call
	west := s3.CreateBucketConfiguration{LocationConstraint: new(s3.BucketLocationConstraint(elsewhere))}
	have(t, s3.CreateBucket, f.CallIn(t, servicetest.Account, elsewhere), &s3.CreateBucketInput{Bucket: "own-elsewhere", CreateBucketConfiguration: &west})
	have(t, s3.CreateBucket, f.CallIn(t, otherAccount, servicetest.Region), &s3.CreateBucketInput{Bucket: "theirs"})
	have(t, s3.CreateBucket, call, &s3.CreateBucketInput{Bucket: "listed", ObjectOwnership: new(s3.ObjectOwnershipObjectWriter), ACL: new(s3.BucketCannedACL("log-delivery-write"))})
	for _, name := range []string{"versions", "point", "replicas"} {
		have(t, s3.CreateBucket, call, &s3.CreateBucketInput{Bucket: name})
	}
	have(t, s3.CreateBucket, call, &s3.CreateBucketInput{Bucket: "locked", ObjectLockEnabledForBucket: new(true)})
	for _, name := range []string{"versions", "replicas"} {
		have(t, s3.PutBucketVersioning, call, &s3.PutBucketVersioningInput{Bucket: name, VersioningConfiguration: s3.VersioningConfiguration{Status: new(s3.BucketVersioningStatusEnabled)}})
	}
	have(t, s3.PutObject, call, &s3.PutObjectInput{Bucket: "bucket", Key: "other", Body: strings.NewReader("text")})
	have(t, s3.PutObject, call, &s3.PutObjectInput{Bucket: "versions", Key: "key", Body: strings.NewReader("text")})
	have(t, s3.DeleteObject, call, &s3.DeleteObjectInput{Bucket: "versions", Key: "key"})
	have(t, s3control.CreateAccessPoint, call, &s3control.CreateAccessPointInput{AccountID: servicetest.Account, Name: "point", Bucket: "point"})
	replication := s3.ReplicationConfiguration{Role: f.texts["sts.RoleArn"], Rules: []s3.ReplicationRule{{
		Status: s3.ReplicationRuleStatusEnabled, Prefix: new(""), Destination: s3.Destination{Bucket: "arn:aws:s3:::versions"},
	}}}
	have(t, s3.PutBucketReplication, call, &s3.PutBucketReplicationInput{Bucket: "replicas", ReplicationConfiguration: replication})
	upload := *have(t, s3.CreateMultipartUpload, call, &s3.CreateMultipartUploadInput{Bucket: "bucket", Key: "key"}).UploadID
	part := have(t, s3.UploadPart, call, &s3.UploadPartInput{Bucket: "bucket", Key: "key", UploadID: upload, PartNumber: 1, Body: strings.NewReader("text")})
	have(t, s3.PutObject, call, &s3.PutObjectInput{Bucket: "bucket", Key: "archived", StorageClass: new(s3.StorageClassGlacier), Body: strings.NewReader("text")})
	restore := s3.RestoreRequest{Days: new(int32(1)), GlacierJobParameters: &s3.GlacierJobParameters{Tier: s3.TierBulk}}
	have(t, s3.RestoreObject, call, &s3.RestoreObjectInput{Bucket: "bucket", Key: "archived", RestoreRequest: &restore})

	in := func(op *aws.Operation, there string, in any, status int, code, message string) conflict {
		return conflict{there: there, op: op, in: in, status: status, code: code, message: message}
	}
	suspended := s3.VersioningConfiguration{Status: new(s3.BucketVersioningStatusSuspended)}
	const unmet = "At least one of the pre-conditions you specified did not hold"
	cases := []conflict{
		in(s3.CreateBucket.Operation, "the caller's own", &s3.CreateBucketInput{Bucket: "bucket"}, 200, "", ""),
		in(s3.CreateBucket.Operation, "another account's", &s3.CreateBucketInput{Bucket: "theirs"}, 409, "BucketAlreadyExists",
			"The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again."),
		in(s3.CreateBucket.Operation, "the caller's own elsewhere", &s3.CreateBucketInput{Bucket: "own-elsewhere"}, 409, "BucketAlreadyOwnedByYou",
			"Your previous request to create the named bucket succeeded and you already own it."),
		{there: "the caller's own in us-east-1", op: s3.CreateBucket.Operation, in: &s3.CreateBucketInput{Bucket: "bucket", CreateBucketConfiguration: &west}, region: elsewhere,
			status: 409, code: "BucketAlreadyOwnedByYou", message: "Your previous request to create the named bucket succeeded and you already own it."},
		{there: "the caller's own, there", op: s3.CreateBucket.Operation, in: &s3.CreateBucketInput{Bucket: "own-elsewhere", CreateBucketConfiguration: &west}, region: elsewhere,
			status: 409, code: "BucketAlreadyOwnedByYou", message: "Your previous request to create the named bucket succeeded and you already own it."},
		in(s3.DeleteBucket.Operation, "objects", &s3.DeleteBucketInput{Bucket: "bucket"}, 409, "BucketNotEmpty", "The bucket you tried to delete is not empty"),
		in(s3.DeleteBucket.Operation, "versions", &s3.DeleteBucketInput{Bucket: "versions"}, 409, "BucketNotEmpty",
			"The bucket you tried to delete is not empty. You must delete all versions in the bucket."),
		in(s3.DeleteBucket.Operation, "an access point", &s3.DeleteBucketInput{Bucket: "point"}, 400, "BucketHasAccessPointsAttached",
			"Bucket has access points attached and cannot be deleted."),
		in(s3.PutObject.Operation, "the key", &s3.PutObjectInput{Bucket: "bucket", Key: "key", IfNoneMatch: new("*")}, 412, "PreconditionFailed", unmet),
		in(s3.CopyObject.Operation, "the key", &s3.CopyObjectInput{Bucket: "bucket", Key: "key", CopySource: "bucket/other", IfNoneMatch: new("*")}, 412, "PreconditionFailed", unmet),
		in(s3.CopyObject.Operation, "itself", &s3.CopyObjectInput{Bucket: "bucket", Key: "key", CopySource: "bucket/key"}, 400, "InvalidRequest",
			"This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes."),
		in(s3.CompleteMultipartUpload.Operation, "the key", &s3.CompleteMultipartUploadInput{
			Bucket: "bucket", Key: "key", UploadID: upload, IfNoneMatch: new("*"),
			MultipartUpload: &s3.CompletedMultipartUpload{Parts: []s3.CompletedPart{{PartNumber: new(int32(1)), ETag: part.ETag}}},
		}, 412, "PreconditionFailed", unmet),
		in(s3.UploadPart.Operation, "the part", &s3.UploadPartInput{Bucket: "bucket", Key: "key", UploadID: upload, PartNumber: 1}, 200, "", ""),
		in(s3.UploadPartCopy.Operation, "the part", &s3.UploadPartCopyInput{Bucket: "bucket", Key: "key", UploadID: upload, PartNumber: 1, CopySource: "bucket/key"}, 200, "", ""),
		in(s3.RestoreObject.Operation, "a restore", &s3.RestoreObjectInput{Bucket: "bucket", Key: "archived", RestoreRequest: &restore}, 409, "RestoreAlreadyInProgress",
			"Object restore is already in progress"),
		in(s3.RestoreObject.Operation, "the object itself", &s3.RestoreObjectInput{Bucket: "bucket", Key: "key", RestoreRequest: &restore}, 403, "InvalidObjectState",
			"Restore is not allowed for the object's current storage class"),
		in(s3.PutBucketVersioning.Operation, "an object lock", &s3.PutBucketVersioningInput{Bucket: "locked", VersioningConfiguration: suspended}, 409, "InvalidBucketState",
			"An Object Lock configuration is present on this bucket, so the versioning state cannot be changed."),
		in(s3.PutBucketVersioning.Operation, "a replication", &s3.PutBucketVersioningInput{Bucket: "replicas", VersioningConfiguration: suspended}, 409, "InvalidBucketState",
			"A replication configuration is present on this bucket, so you cannot change the versioning state. To change the versioning state, first delete the replication configuration."),
		in(s3.PutObjectLockConfiguration.Operation, "no versioning", &s3.PutObjectLockConfigurationInput{
			Bucket: "bucket", ObjectLockConfiguration: &s3.ObjectLockConfiguration{ObjectLockEnabled: new(s3.ObjectLockEnabledEnabled)},
		}, 409, "InvalidBucketState", "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration"),
		in(s3.PutBucketReplication.Operation, "no versioning", &s3.PutBucketReplicationInput{Bucket: "bucket", ReplicationConfiguration: replication}, 400, "InvalidRequest",
			"Versioning must be 'Enabled' on the bucket to apply a replication configuration"),
		in(s3.PutBucketACL.Operation, "the owner's ownership", &s3.PutBucketACLInput{Bucket: "bucket", ACL: new(s3.BucketCannedACLAuthenticatedRead)}, 400, "AccessControlListNotSupported",
			"The bucket does not allow ACLs"),
		in(s3.PutBucketOwnershipControls.Operation, "an ACL", &s3.PutBucketOwnershipControlsInput{
			Bucket: "listed", OwnershipControls: s3.OwnershipControls{Rules: []s3.OwnershipControlsRule{{ObjectOwnership: s3.ObjectOwnershipBucketOwnerEnforced}}},
		}, 400, "InvalidBucketAclWithObjectOwnership", "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"),
	}
	return cases
}

func s3controlConflicts(t *testing.T, f *fixture) []conflict {
	t.Helper()
	in := &s3control.CreateAccessPointInput{AccountID: servicetest.Account, Name: "point", Bucket: "bucket"}
	have(t, s3control.CreateAccessPoint, f.call, in)
	return []conflict{{there: "the name", op: s3control.CreateAccessPoint.Operation, in: in, status: 409, code: "AccessPointAlreadyOwnedByYou",
		message: "Your previous request to create the named accesspoint succeeded and you already own it."}}
}
