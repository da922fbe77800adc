package s3_test

import (
	"fmt"
	"testing"
	"time"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/ledger"
	"drydock/service/servicetest"
)

func remove(t testing.TB, call *aws.Call, bucket, key string, version *string) *api.DeleteObjectOutput {
	t.Helper()
	out, err := api.DeleteObject.Do(call, &api.DeleteObjectInput{Bucket: bucket, Key: key, VersionID: version})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// history lists a key's versions, newest first: their content, "-" for a delete marker, a star behind the latest.
func history(t testing.TB, call *aws.Call, bucket, key string) string {
	t.Helper()
	text := ""
	in := &api.ListObjectVersionsInput{Bucket: bucket, Prefix: &key, MaxKeys: new(int32(1))}
	for {
		out, err := api.ListObjectVersions.Do(call, in)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range out.Versions {
			text += get(t, call, &api.GetObjectInput{Bucket: bucket, Key: key, VersionID: v.VersionID})
			if *v.VersionID == "null" {
				text += "n"
			}
			if *v.IsLatest {
				text += "*"
			}
		}
		for _, m := range out.DeleteMarkers {
			text += "-"
			if *m.VersionID == "null" {
				text += "n"
			}
			if *m.IsLatest {
				text += "*"
			}
		}
		if !*out.IsTruncated {
			return text
		}
		in.KeyMarker, in.VersionIDMarker = out.NextKeyMarker, out.NextVersionIDMarker
	}
}

func TestVersioning(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "S3-07", "S3-08", "S3-09")
	c, call := newCloud(t)
	newBucket(t, call, "data")
	want := func(text string) {
		t.Helper()
		if got := history(t, call, "data", "k"); got != text {
			t.Errorf("versions %s, want %s", got, text)
		}
	}
	state, err := api.GetBucketVersioning.Do(call, &api.GetBucketVersioningInput{Bucket: "data"})
	if err != nil || state.Status != nil {
		t.Errorf("at first: %v, %v", state, err)
	}
	put(t, call, "data", "k", "0")
	want("0n*")
	enableVersioning(t, call, "data", api.BucketVersioningStatusEnabled)
	one := put(t, call, "data", "k", "1")
	two := put(t, call, "data", "k", "2")
	want("2*10n")
	marker := remove(t, call, "data", "k", nil)
	want("-*210n")
	if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: "k"}); got != "NoSuchKey" {
		t.Errorf("deleted: %s", got)
	}
	if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: "k", VersionID: marker.VersionID}); got != "MethodNotAllowed" {
		t.Errorf("marker: %s", got)
	}
	if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: "k", VersionID: one.VersionID}); got != "1" {
		t.Errorf("older version: %s", got)
	}
	three := put(t, call, "data", "k", "3")
	want("3*-210n")
	remove(t, call, "data", "k", three.VersionID)
	want("-*210n")
	remove(t, call, "data", "k", marker.VersionID)
	want("2*10n")
	if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: "k"}); got != "2" {
		t.Errorf("with the marker gone: %s", got)
	}
	enableVersioning(t, call, "data", api.BucketVersioningStatusSuspended)
	put(t, call, "data", "k", "4")
	want("4n*21")
	put(t, call, "data", "k", "5")
	want("5n*21")
	remove(t, call, "data", "k", nil)
	want("-n*21")
	remove(t, call, "data", "k", new("null"))
	want("2*1")
	remove(t, call, "data", "k", two.VersionID)
	remove(t, call, "data", "k", one.VersionID)
	want("")
	if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: "k", VersionID: one.VersionID}); got != "NoSuchVersion" {
		t.Errorf("removed version: %s", got)
	}
	c.WaitIdle(t)
	if _, err := api.DeleteBucket.Do(call, &api.DeleteBucketInput{Bucket: "data"}); err != nil {
		t.Error(err)
	}
	newBucket(t, call, "data")
	_, err = api.PutBucketVersioning.Do(call, &api.PutBucketVersioningInput{Bucket: "data"})
	servicetest.WantError(t, err, "IllegalVersioningConfigurationException")
}

func lifecycle(t testing.TB, call *aws.Call, bucket string, rules ...api.LifecycleRule) {
	t.Helper()
	_, err := api.PutBucketLifecycleConfiguration.Do(call, &api.PutBucketLifecycleConfigurationInput{
		Bucket: bucket, LifecycleConfiguration: &api.BucketLifecycleConfiguration{Rules: rules},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func count(t testing.TB, call *aws.Call, bucket string) int {
	t.Helper()
	n := 0
	in := &api.ListObjectsV2Input{Bucket: bucket}
	for {
		out, err := api.ListObjectsV2.Do(call, in)
		if err != nil {
			t.Fatal(err)
		}
		n += len(out.Contents)
		if in.ContinuationToken = out.NextContinuationToken; in.ContinuationToken == nil {
			return n
		}
	}
}

func TestLifecycle_ExpiresWhatItsFilterSelects(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "S3-27")
	c, call := newCloud(t)
	newBucket(t, call, "data")
	put(t, call, "data", "log/early", "x")
	filter := &api.LifecycleRuleFilter{And: &api.LifecycleRuleAndOperator{Prefix: new("log/"), ObjectSizeLessThan: new(int64(10))}}
	lifecycle(t, call, "data",
		api.LifecycleRule{ID: new("logs"), Status: api.ExpirationStatusEnabled, Filter: filter, Expiration: &api.LifecycleExpiration{Days: new(int32(3))}},
		api.LifecycleRule{ID: new("tag"), Status: api.ExpirationStatusEnabled, Filter: &api.LifecycleRuleFilter{Tag: &api.Tag{Key: "a", Value: "b"}},
			Expiration: &api.LifecycleExpiration{Days: new(int32(1))}},
		api.LifecycleRule{ID: new("off"), Status: api.ExpirationStatusDisabled, Filter: &api.LifecycleRuleFilter{}, Expiration: &api.LifecycleExpiration{Days: new(int32(1))}},
		api.LifecycleRule{ID: new("parts"), Status: api.ExpirationStatusEnabled, Filter: &api.LifecycleRuleFilter{},
			AbortIncompleteMultipartUpload: &api.AbortIncompleteMultipartUpload{DaysAfterInitiation: new(int32(2))}},
	)
	c.WaitIdle(t)
	out := put(t, call, "data", "log/a", "x")
	if out.Expiration == nil || *out.Expiration != `expiry-date="Tue, 06 Jan 2026 00:00:00 GMT", rule-id="logs"` {
		t.Errorf("x-amz-expiration is %v", out.Expiration)
	}
	put(t, call, "data", "log/large", "0123456789")
	put(t, call, "data", "other", "x")
	put(t, call, "data", "tagged", "x")
	_, err := api.PutObjectTagging.Do(call, &api.PutObjectTaggingInput{Bucket: "data", Key: "tagged", Tagging: api.Tagging{TagSet: []api.Tag{{Key: "a", Value: "b"}}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := api.CreateMultipartUpload.Do(call, &api.CreateMultipartUploadInput{Bucket: "data", Key: "u"}); err != nil {
		t.Fatal(err)
	}
	for day, want := range []int{5, 5, 4, 4, 2, 2} {
		if got := count(t, call, "data"); day > 0 && got != want {
			t.Errorf("day %d: %d objects, want %d", day, got, want)
		}
		list, err := api.ListMultipartUploads.Do(call, &api.ListMultipartUploadsInput{Bucket: "data"})
		if err != nil || (len(list.Uploads) == 1) != (day < 3) {
			t.Errorf("day %d: %d uploads, %v", day, len(list.Uploads), err)
		}
		c.Advance(t, 24*time.Hour)
	}
	if _, err := api.DeleteBucketLifecycle.Do(call, &api.DeleteBucketLifecycleInput{Bucket: "data"}); err != nil {
		t.Fatal(err)
	}
	_, err = api.GetBucketLifecycleConfiguration.Do(call, &api.GetBucketLifecycleConfigurationInput{Bucket: "data"})
	servicetest.WantError(t, err, "NoSuchLifecycleConfiguration")
}

func TestLifecycle_EndsVersionsAndMarkers(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	newBucket(t, call, "data")
	enableVersioning(t, call, "data", api.BucketVersioningStatusEnabled)
	for i := range 4 {
		put(t, call, "data", "kept", fmt.Sprint(i))
		put(t, call, "data", "k", fmt.Sprint(i))
	}
	lifecycle(t, call, "data",
		api.LifecycleRule{ID: new("all"), Status: api.ExpirationStatusEnabled, Filter: &api.LifecycleRuleFilter{Prefix: new("k")},
			NoncurrentVersionExpiration: &api.NoncurrentVersionExpiration{NoncurrentDays: new(int32(2)), NewerNoncurrentVersions: new(int32(2))}},
		api.LifecycleRule{ID: new("k"), Status: api.ExpirationStatusEnabled, Filter: &api.LifecycleRuleFilter{Prefix: new("kx")},
			Expiration: &api.LifecycleExpiration{Days: new(int32(1))}},
	)
	c.Advance(t, 4*24*time.Hour)
	if got := history(t, call, "data", "kept"); got != "3*21" {
		t.Errorf("two noncurrent versions are kept: %s", got)
	}
	lifecycle(t, call, "data", api.LifecycleRule{ID: new("all"), Status: api.ExpirationStatusEnabled, Filter: &api.LifecycleRuleFilter{Prefix: new("k")},
		Expiration:                  &api.LifecycleExpiration{ExpiredObjectDeleteMarker: new(true)},
		NoncurrentVersionExpiration: &api.NoncurrentVersionExpiration{NoncurrentDays: new(int32(1))}})
	remove(t, call, "data", "kept", nil)
	c.WaitIdle(t)
	c.Advance(t, 24*time.Hour)
	if got := history(t, call, "data", "kept"); got != "-*3" {
		t.Errorf("after a day: %s", got)
	}
	c.Advance(t, 2*24*time.Hour)
	if got := history(t, call, "data", "kept"); got != "" {
		t.Errorf("the marker stays when it is all there is: %s", got)
	}
	if got := history(t, call, "data", "k"); got != "" && got != "3*" {
		t.Errorf("others: %s", got)
	}
}
