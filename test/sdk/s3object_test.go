package sdk

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// TestS3_OwnersLocksAndArchives lets another account upload, locks and archives objects, encrypts them under KMS and
// queries one.
func TestS3_OwnersLocksAndArchives(t *testing.T) {
	t.Parallel()
	c, root := start(t)
	ctx := t.Context()
	client := s3.NewFromConfig(root, pathStyle)
	other := s3.NewFromConfig(configure(t, c, "444455556666", "x", ""), pathStyle)
	bucket := aws.String("owners")
	if _, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket, ObjectOwnership: types.ObjectOwnershipObjectWriter, ObjectLockEnabledForBucket: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	them, err := other.ListBuckets(ctx, &s3.ListBucketsInput{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutBucketAcl(ctx, &s3.PutBucketAclInput{Bucket: bucket, GrantWrite: aws.String(`id="` + *them.Owner.ID + `"`)}); err != nil {
		t.Fatal(err)
	}
	if _, err := other.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: aws.String("theirs"), Body: strings.NewReader("x")}); err != nil {
		t.Fatal(err)
	}
	_, err = client.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: aws.String("theirs")})
	wantCode(t, err, "AccessDenied")
	until := time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	locked, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: aws.String("kept"), Body: strings.NewReader("name,age\nAnn,31\nBob,4\n"),
		ObjectLockMode: types.ObjectLockModeCompliance, ObjectLockRetainUntilDate: &until, ServerSideEncryption: types.ServerSideEncryptionAwsKms})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: aws.String("kept"), VersionId: locked.VersionId, BypassGovernanceRetention: aws.Bool(true)})
	wantCode(t, err, "AccessDenied")
	retention, err := client.GetObjectRetention(ctx, &s3.GetObjectRetentionInput{Bucket: bucket, Key: aws.String("kept")})
	if err != nil || !retention.Retention.RetainUntilDate.Equal(until) {
		t.Errorf("retention %+v, %v", retention, err)
	}
	query, err := client.SelectObjectContent(ctx, &s3.SelectObjectContentInput{Bucket: bucket, Key: aws.String("kept"), ExpressionType: types.ExpressionTypeSql,
		Expression: aws.String("SELECT s.name FROM S3Object s WHERE s.age > 20"), InputSerialization: &types.InputSerialization{CSV: &types.CSVInput{FileHeaderInfo: types.FileHeaderInfoUse}},
		OutputSerialization: &types.OutputSerialization{JSON: &types.JSONOutput{}}})
	if err != nil {
		t.Fatal(err)
	}
	records, ended := "", false
	for event := range query.GetStream().Events() {
		switch e := event.(type) {
		case *types.SelectObjectContentEventStreamMemberRecords:
			records += string(e.Value.Payload)
		case *types.SelectObjectContentEventStreamMemberEnd:
			ended = true
		}
	}
	if err := query.GetStream().Err(); err != nil || records != `{"name":"Ann"}`+"\n" || !ended {
		t.Errorf("selected %q, ended %t, %v", records, ended, err)
	}
	if _, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: aws.String("cold"), Body: strings.NewReader("x"), StorageClass: types.StorageClassGlacier}); err != nil {
		t.Fatal(err)
	}
	_, err = client.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: aws.String("cold")})
	wantCode(t, err, "InvalidObjectState")
	restore := &types.RestoreRequest{Days: aws.Int32(1), GlacierJobParameters: &types.GlacierJobParameters{Tier: types.TierExpedited}}
	if _, err := client.RestoreObject(ctx, &s3.RestoreObjectInput{Bucket: bucket, Key: aws.String("cold"), RestoreRequest: restore}); err != nil {
		t.Fatal(err)
	}
	head, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: aws.String("cold")})
	if err != nil || head.Restore == nil || *head.Restore != `ongoing-request="true"` {
		t.Errorf("restore %+v, %v", head, err)
	}
}
