package s3_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	api "drydock/api/s3"
	"drydock/ledger"
	"drydock/service/servicetest"
)

// loseZone has a zone be lost.
func loseZone(t testing.TB, c *servicetest.Cloud, name string) error {
	t.Helper()
	for _, m := range c.Modules {
		if fault := m.Faults["lose-zone"]; fault != nil {
			return fault(c.Call(t), map[string]string{"zone": name})
		}
	}
	t.Fatal("no fault")
	return nil
}

// zoneOf is the documented rule by which a key has its zone in us-east-1.
func zoneOf(bucket, key string) string {
	hash := uint32(2166136261)
	for _, b := range []byte(bucket + "/" + key) {
		hash = (hash ^ uint32(b)) * 16777619
	}
	return "us-east-1" + string("abc"[hash%3])
}

// keysIn returns n keys of a bucket that are in a zone.
func keysIn(zone, bucket string, n int) (keys []string) {
	for i := 0; len(keys) < n; i++ {
		if key := strconv.Itoa(i); zoneOf(bucket, key) == zone {
			keys = append(keys, key)
		}
	}
	return keys
}

func TestLoseZone_TakesWhatOnlyTheZoneHad(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "S3-03", "S3-23")
	c, call := newCloud(t)
	newBucket(t, call, "data")
	lost := map[string]bool{}
	for i := range 300 { // more than one step removes
		key := strconv.Itoa(i)
		lost[key] = zoneOf("data", key) == "us-east-1b"
		if err := putClass(t, call, key, api.StorageClassOnezoneIa, key); err != nil {
			t.Fatal(err)
		}
	}
	for i, class := range []api.StorageClass{"STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "REDUCED_REDUNDANCY"} {
		lost[string(class)] = false
		if err := putClass(t, call, string(class), class, string(class)); err != nil {
			t.Fatal(i, err)
		}
	}
	for _, name := range []string{"", "b", "us-east-1", "us-east-1z", "nowhere-1b"} {
		servicetest.WantError(t, loseZone(t, c, name), "InvalidArgument")
	}
	check := func(when string) {
		t.Helper()
		for key, gone := range lost {
			want := key
			if gone {
				want = "MethodNotAllowed"
			}
			if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: key}); got != want {
				t.Errorf("%s, %s reads as %s", when, key, got)
			}
		}
	}
	servicetest.WantError(t, loseZone(t, c, "us-west-2b"), "")
	servicetest.WantError(t, loseZone(t, c, "us-east-1b"), "")
	check("at once")
	c.WaitIdle(t)
	check("later")
	key := keysIn("us-east-1b", "data", 1)[0]
	_, err := api.HeadObject.Do(call, &api.HeadObjectInput{Bucket: "data", Key: key})
	servicetest.WantError(t, err, "MethodNotAllowed")
	_, err = api.CopyObject.Do(call, &api.CopyObjectInput{Bucket: "data", Key: "copy", CopySource: "data/" + key})
	servicetest.WantError(t, err, "MethodNotAllowed")
	if out, err := api.ListObjectsV2.Do(call, &api.ListObjectsV2Input{Bucket: "data"}); err != nil || int(*out.KeyCount) != len(lost) {
		t.Errorf("%d of %d objects are listed, %v", *out.KeyCount, len(lost), err)
	}
	// The zone comes back empty, and what is put from then on is there.
	if err := putClass(t, call, key, api.StorageClassOnezoneIa, "again"); err != nil {
		t.Fatal(err)
	}
	c.WaitIdle(t)
	if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: key}); got != "again" {
		t.Errorf("put again, it reads as %s", got)
	}
	servicetest.WantError(t, loseZone(t, c, "us-east-1b"), "")
	if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: key}); got != "MethodNotAllowed" {
		t.Errorf("lost again, it reads as %s", got)
	}
}

func TestLoseZone_TakesOlderVersionsAndSparesCopies(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	newVersioned(t, call, "data")
	keys := keysIn("us-east-1a", "data", 3)
	large := string(random(1, 100<<10))
	var ids []string
	for i := range 3 {
		out, err := api.PutObject.Do(call, &api.PutObjectInput{Bucket: "data", Key: keys[0], StorageClass: new(api.StorageClassOnezoneIa), Body: strings.NewReader(large[i:])})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, *out.VersionID)
	}
	_, err := api.CopyObject.Do(call, &api.CopyObjectInput{Bucket: "data", Key: keys[1], CopySource: "data/" + keys[0] + "?versionId=" + ids[1]})
	if err != nil {
		t.Fatal(err)
	}
	if err := putClass(t, call, keys[2], api.StorageClassOnezoneIa, large); err != nil {
		t.Fatal(err)
	}
	if _, err := api.DeleteObject.Do(call, &api.DeleteObjectInput{Bucket: "data", Key: keys[2]}); err != nil {
		t.Fatal(err)
	}
	if n := blobs(t, c); n != 4 {
		t.Fatalf("%d blobs", n)
	}
	servicetest.WantError(t, loseZone(t, c, "us-east-1a"), "")
	c.Advance(t, 2*time.Minute)
	if n := blobs(t, c); n != 1 {
		t.Errorf("%d blobs are left", n)
	}
	for _, id := range ids {
		if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: keys[0], VersionID: &id}); got != "MethodNotAllowed" {
			t.Errorf("version %s: %d bytes", id, len(got))
		}
	}
	if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: keys[1]}); got != large[1:] {
		t.Errorf("the copy: %d bytes", len(got))
	}
	list, err := api.ListObjectVersions.Do(call, &api.ListObjectVersionsInput{Bucket: "data"})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range list.Versions { // the rows can all be removed
		if _, err := api.DeleteObject.Do(call, &api.DeleteObjectInput{Bucket: "data", Key: *v.Key, VersionID: v.VersionID}); err != nil {
			t.Error(err)
		}
	}
	for _, m := range list.DeleteMarkers {
		if _, err := api.DeleteObject.Do(call, &api.DeleteObjectInput{Bucket: "data", Key: *m.Key, VersionID: m.VersionID}); err != nil {
			t.Error(err)
		}
	}
	if _, err := api.DeleteBucket.Do(call, &api.DeleteBucketInput{Bucket: "data"}); err != nil {
		t.Error(err)
	}
}

func TestLoseZone_MindsChangesOfTheClass(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	newBucket(t, call, "data")
	keys := keysIn("us-east-1c", "data", 4)
	large := string(random(2, 200<<10))
	rule := func(prefix string, days int32, class api.TransitionStorageClass) api.LifecycleRule {
		return api.LifecycleRule{
			ID: new(fmt.Sprint(prefix, days)), Status: api.ExpirationStatusEnabled, Filter: &api.LifecycleRuleFilter{Prefix: &prefix},
			Transitions: []api.Transition{{Days: &days, StorageClass: &class}},
		}
	}
	_, err := api.PutBucketLifecycleConfiguration.Do(call, &api.PutBucketLifecycleConfigurationInput{Bucket: "data", LifecycleConfiguration: &api.BucketLifecycleConfiguration{Rules: []api.LifecycleRule{
		rule(keys[0], 40, api.TransitionStorageClassOnezoneIa), rule(keys[1], 60, api.TransitionStorageClassGlacierIr), rule(keys[2], 60, api.TransitionStorageClassGlacierIr),
	}}})
	if err != nil {
		t.Fatal(err)
	}
	put(t, call, "data", keys[0], large)
	for _, key := range keys[1:] {
		if err := putClass(t, call, key, api.StorageClassOnezoneIa, large); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := api.DeleteObject.Do(call, &api.DeleteObjectInput{Bucket: "data", Key: keys[3]}); err != nil {
		t.Fatal(err)
	}
	read := func(key string) string {
		got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: key})
		if got == large {
			return "there"
		}
		return got
	}
	c.Advance(t, 50*24*time.Hour)
	servicetest.WantError(t, loseZone(t, c, "us-east-1c"), "")
	if err := putClass(t, call, keys[2], api.StorageClassOnezoneIa, large); err != nil {
		t.Fatal(err)
	}
	c.Advance(t, 70*24*time.Hour) // keys[1] stays where it was lost, keys[2] leaves the zone
	servicetest.WantError(t, loseZone(t, c, "us-east-1c"), "")
	c.WaitIdle(t)
	for i, want := range []string{"MethodNotAllowed", "MethodNotAllowed", "there", "NoSuchKey"} {
		if got := read(keys[i]); got != want {
			t.Errorf("object %d: %s", i, got)
		}
	}
	out, err := api.ListObjectsV2.Do(call, &api.ListObjectsV2Input{Bucket: "data"})
	if err != nil {
		t.Fatal(err)
	}
	classes := map[string]string{}
	for _, o := range out.Contents {
		classes[*o.Key] = string(*o.StorageClass)
	}
	if classes[keys[1]] != "ONEZONE_IA" || classes[keys[2]] != "GLACIER_IR" {
		t.Errorf("classes %v", classes)
	}
}

func TestLoseZone_LeavesNothingToReplicate(t *testing.T) {
	t.Parallel()
	c, call, p := newPeers(t)
	newVersioned(t, call, "source")
	newVersioned(t, call, "copy")
	if err := replicateTo(call, p.role("copier", readSource, writeCopies), rule("all", 1, "", "copy")); err != nil {
		t.Fatal(err)
	}
	lost, there := keysIn("us-east-1a", "source", 1)[0], keysIn("us-east-1b", "source", 1)[0]
	for _, key := range []string{lost, there} {
		_, err := api.PutObject.Do(call, &api.PutObjectInput{Bucket: "source", Key: key, StorageClass: new(api.StorageClassOnezoneIa), Body: strings.NewReader("x")})
		if err != nil {
			t.Fatal(err)
		}
	}
	servicetest.WantError(t, loseZone(t, c, "us-east-1a"), "")
	c.WaitIdle(t)
	for key, want := range map[string]string{lost: "NoSuchKey", there: "x"} {
		if got := get(t, call, &api.GetObjectInput{Bucket: "copy", Key: key}); got != want {
			t.Errorf("the copy of %s: %s", key, got)
		}
	}
	// A copy has a zone of its own.
	servicetest.WantError(t, loseZone(t, c, "us-east-1b"), "")
	want := "x"
	if zoneOf("copy", there) == "us-east-1b" {
		want = "MethodNotAllowed"
	}
	if got := get(t, call, &api.GetObjectInput{Bucket: "copy", Key: there}); got != want {
		t.Errorf("the copy after the source was lost: %s", got)
	}
}
