package s3_test

import (
	"strings"
	"testing"
	"time"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/ledger"
	"drydock/service/servicetest"
)

func putClass(t *testing.T, call *aws.Call, key string, class api.StorageClass, data string) error {
	t.Helper()
	_, err := api.PutObject.Do(call, &api.PutObjectInput{Bucket: "data", Key: key, StorageClass: &class, Body: strings.NewReader(data)})
	return err
}

func TestStorageClass_IsKeptAndShown(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "S3-20", "S3-22", "S3-26")
	_, call := newCloud(t)
	newBucket(t, call, "data")
	for _, class := range []api.StorageClass{"STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "REDUCED_REDUNDANCY", "GLACIER", "DEEP_ARCHIVE"} {
		if err := putClass(t, call, "k", class, "x"); err != nil {
			t.Fatal(err)
		}
		head, err := api.HeadObject.Do(call, &api.HeadObjectInput{Bucket: "data", Key: "k"})
		shown := api.StorageClass("STANDARD")
		if err == nil && head.StorageClass != nil {
			shown = *head.StorageClass
		}
		list, e := api.ListObjectsV2.Do(call, &api.ListObjectsV2Input{Bucket: "data"})
		if err != nil || e != nil || shown != class || string(*list.Contents[0].StorageClass) != string(class) {
			t.Errorf("%s is shown as %s, %v", class, shown, err)
		}
		want := "x"
		if class == "GLACIER" || class == "DEEP_ARCHIVE" {
			want = "InvalidObjectState"
		}
		if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: "k"}); got != want {
			t.Errorf("%s reads as %s", class, got)
		}
	}
	for _, class := range []api.StorageClass{"EXPRESS_ONEZONE", "OUTPOSTS", "SNOW", "COLD"} {
		servicetest.WantError(t, putClass(t, call, "k", class, "x"), "InvalidStorageClass")
	}
}

func restore(call *aws.Call, key string, tier api.Tier, days int32) (int32, string) {
	out, err := api.RestoreObject.Do(call, &api.RestoreObjectInput{Bucket: "data", Key: key, RestoreRequest: &api.RestoreRequest{Days: &days, GlacierJobParameters: &api.GlacierJobParameters{Tier: tier}}})
	if err != nil {
		return 0, aws.ErrorCode(err)
	}
	return *out.ResponseStatus, ""
}

func TestRestoreObject_MakesArchivedObjectsReadableForDays(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "S3-24", "S3-25", "S3-34")
	for _, tt := range []struct {
		class api.StorageClass
		tier  api.Tier
		took  time.Duration
	}{
		{"GLACIER", "Expedited", 5 * time.Minute}, {"GLACIER", "Standard", 5 * time.Hour}, {"GLACIER", "Bulk", 12 * time.Hour},
		{"DEEP_ARCHIVE", "Standard", 12 * time.Hour}, {"DEEP_ARCHIVE", "Bulk", 48 * time.Hour},
	} {
		t.Run(string(tt.class)+"/"+string(tt.tier), func(t *testing.T) {
			t.Parallel()
			c, call := newCloud(t)
			newBucket(t, call, "data")
			if err := putClass(t, call, "k", tt.class, "cold"); err != nil {
				t.Fatal(err)
			}
			read := func() string { return get(t, call, &api.GetObjectInput{Bucket: "data", Key: "k"}) }
			header := func() string {
				t.Helper()
				out, err := api.HeadObject.Do(call, &api.HeadObjectInput{Bucket: "data", Key: "k"})
				if err != nil {
					t.Fatal(err)
				}
				if out.ServerSideEncryption == nil || *out.ServerSideEncryption != "AES256" {
					t.Errorf("not encrypted by default: %v", out.ServerSideEncryption)
				}
				if out.Restore == nil {
					return ""
				}
				return *out.Restore
			}
			if got := read() + header(); got != "InvalidObjectState" {
				t.Errorf("before: %s", got)
			}
			if status, code := restore(call, "k", tt.tier, 2); status != 202 {
				t.Fatalf("restore: %d %s", status, code)
			}
			if _, code := restore(call, "k", tt.tier, 2); code != "RestoreAlreadyInProgress" {
				t.Errorf("restore again: %s", code)
			}
			c.Advance(t, tt.took-time.Second)
			if got := read() + header(); got != `InvalidObjectStateongoing-request="true"` {
				t.Errorf("under way: %s", got)
			}
			c.Advance(t, time.Second)
			ends := servicetest.Start.Add(tt.took + 2*days).Truncate(days).Add(days)
			if got := read() + header(); got != `coldongoing-request="false", expiry-date="`+ends.Format("Mon, 02 Jan 2006 15:04:05 GMT")+`"` {
				t.Errorf("restored: %s", got)
			}
			if status, _ := restore(call, "k", tt.tier, 4); status != 200 {
				t.Errorf("extend: %d", status)
			}
			c.Advance(t, 3*days)
			if got := read(); got != "cold" {
				t.Errorf("extended: %s", got)
			}
			c.Advance(t, 2*days)
			if got := read() + header(); got != "InvalidObjectState" {
				t.Errorf("after: %s", got)
			}
		})
	}
}

func TestRestoreObject_Refusals(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	newBucket(t, call, "data")
	for key, class := range map[string]api.StorageClass{"warm": "STANDARD", "ir": "GLACIER_IR", "cold": "GLACIER", "deep": "DEEP_ARCHIVE"} {
		if err := putClass(t, call, key, class, "x"); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		key  string
		tier api.Tier
		days int32
		want string
	}{
		{"warm", "Standard", 1, "InvalidObjectState"}, {"ir", "Standard", 1, "InvalidObjectState"}, {"missing", "Standard", 1, "NoSuchKey"},
		{"cold", "Standard", 0, "InvalidArgument"}, {"cold", "Fast", 1, "MalformedXML"}, {"deep", "Expedited", 1, "InvalidArgument"},
	} {
		if _, code := restore(call, tt.key, tt.tier, tt.days); code != tt.want {
			t.Errorf("%+v: %s", tt, code)
		}
	}
	_, err := api.RestoreObject.Do(call, &api.RestoreObjectInput{Bucket: "data", Key: "cold", RestoreRequest: &api.RestoreRequest{Type: new(api.RestoreRequestTypeSelect)}})
	servicetest.WantError(t, err, "MethodNotAllowed")
	_, err = api.RestoreObject.Do(call, &api.RestoreObjectInput{Bucket: "data", Key: "cold"})
	servicetest.WantError(t, err, "MalformedXML")
	_, err = api.CopyObject.Do(call, &api.CopyObjectInput{Bucket: "data", Key: "warmed", CopySource: "data/cold", StorageClass: new(api.StorageClassStandard)})
	servicetest.WantError(t, err, "InvalidObjectState")
	// A faster tier upgrades a restore, and a version that goes meanwhile needs no restoring.
	if status, code := restore(call, "cold", "Bulk", 1); status != 202 {
		t.Fatal(code)
	}
	if status, code := restore(call, "cold", "Expedited", 1); status != 202 {
		t.Errorf("upgrade: %s", code)
	}
	out, err := api.ListObjectsV2.Do(call, &api.ListObjectsV2Input{Bucket: "data", Prefix: new("cold"), OptionalObjectAttributes: []api.OptionalObjectAttributes{"RestoreStatus"}})
	if err != nil || !*out.Contents[0].RestoreStatus.IsRestoreInProgress {
		t.Errorf("list %+v, %v", out, err)
	}
	c.Advance(t, 5*time.Minute)
	if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: "cold"}); got != "x" {
		t.Errorf("upgraded: %s", got)
	}
	if _, err := api.CopyObject.Do(call, &api.CopyObjectInput{Bucket: "data", Key: "cold", CopySource: "data/cold", StorageClass: new(api.StorageClassStandard)}); err != nil {
		t.Errorf("copy of a restored object: %v", err)
	}
	if status, code := restore(call, "deep", "Standard", 1); status != 202 {
		t.Error(code)
	}
	if _, err := api.DeleteObject.Do(call, &api.DeleteObjectInput{Bucket: "data", Key: "deep"}); err != nil {
		t.Error(err)
	}
	c.Advance(t, 20*days)
	if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: "cold"}); got != "x" {
		t.Errorf("a copy in STANDARD: %s", got)
	}
}

func TestRestoreObject_TellsOfItself(t *testing.T) {
	t.Parallel()
	c, call, p := newPeers(t)
	newBucket(t, call, "data")
	if err := putClass(t, call, "k", "GLACIER", "cold"); err != nil {
		t.Fatal(err)
	}
	_, err := api.PutBucketNotificationConfiguration.Do(call, &api.PutBucketNotificationConfigurationInput{Bucket: "data", NotificationConfiguration: api.NotificationConfiguration{
		TopicConfigurations: []api.TopicConfiguration{{TopicARN: topicARN, Events: []api.Event{"s3:ObjectRestore:*", "s3:ObjectAcl:Put"}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	c.WaitIdle(t)
	p.take()
	restore(call, "k", "Expedited", 1)
	c.Advance(t, 3*days)
	setOwnership(t, call, "data", api.ObjectOwnershipObjectWriter)
	if _, err := api.PutObjectACL.Do(call, &api.PutObjectACLInput{Bucket: "data", Key: "k", ACL: new(api.ObjectCannedACLBucketOwnerFullControl)}); err != nil {
		t.Fatal(err)
	}
	c.WaitIdle(t)
	got := ""
	for _, m := range p.take() {
		for _, part := range []string{"ObjectRestore:Post", "ObjectRestore:Completed", "ObjectRestore:Delete", "ObjectAcl:Put", `"lifecycleRestorationExpiryTime":"2026-01-04T00:00:00.000Z"`} {
			if strings.Contains(string(m.Payload), part) {
				got += part + " "
			}
		}
	}
	if want := `ObjectRestore:Post ObjectRestore:Completed "lifecycleRestorationExpiryTime":"2026-01-04T00:00:00.000Z" ObjectRestore:Delete ObjectAcl:Put `; got != want {
		t.Errorf("events %s", got)
	}
}

func TestRestoreObject_BringsObjectsBackFromArchiveTiers(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	newBucket(t, call, "data")
	putSized(t, call, "k", 200<<10, api.StorageClassIntelligentTiering)
	tiering := api.IntelligentTieringConfiguration{ID: "a", Status: api.IntelligentTieringStatusEnabled, Tierings: []api.Tiering{{Days: 90, AccessTier: api.IntelligentTieringAccessTierArchiveAccess}}}
	if _, err := api.PutBucketIntelligentTieringConfiguration.Do(call, &api.PutBucketIntelligentTieringConfigurationInput{Bucket: "data", ID: "a", IntelligentTieringConfiguration: tiering}); err != nil {
		t.Fatal(err)
	}
	back := func() string {
		_, err := api.RestoreObject.Do(call, &api.RestoreObjectInput{Bucket: "data", Key: "k", RestoreRequest: &api.RestoreRequest{}})
		return aws.ErrorCode(err)
	}
	if got := back(); got != "InvalidObjectState" {
		t.Errorf("restore of what is in use: %s", got)
	}
	c.Advance(t, 91*days)
	if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: "k"}); got != "InvalidObjectState" {
		t.Errorf("archived: %.20s", got)
	}
	if _, code := restore(call, "k", "Standard", 1); code != "InvalidArgument" {
		t.Errorf("restore for days: %s", code)
	}
	if got := back(); got != "" {
		t.Errorf("restore: %s", got)
	}
	c.Advance(t, 5*time.Hour)
	if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: "k"}); len(got) != 200<<10 {
		t.Errorf("restored: %.20s", got)
	}
	c.Advance(t, 20*days)
	if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: "k"}); len(got) != 200<<10 {
		t.Errorf("restored for good: %.20s", got)
	}
}
