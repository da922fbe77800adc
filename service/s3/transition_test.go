package s3_test

import (
	"bytes"
	"testing"
	"time"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/ledger"
	"drydock/service/servicetest"
)

func putSized(t testing.TB, call *aws.Call, key string, size int, class api.StorageClass) {
	t.Helper()
	in := &api.PutObjectInput{Bucket: "data", Key: key, Body: bytes.NewReader(random(1, size))}
	if class != "" {
		in.StorageClass = &class
	}
	if _, err := api.PutObject.Do(call, in); err != nil {
		t.Fatal(err)
	}
}

func class(t testing.TB, call *aws.Call, key string) string {
	t.Helper()
	out, err := api.HeadObject.Do(call, &api.HeadObjectInput{Bucket: "data", Key: key})
	if err != nil {
		return aws.ErrorCode(err)
	}
	if out.StorageClass == nil {
		return "STANDARD"
	}
	return string(*out.StorageClass)
}

func TestLifecycle_MovesObjectsToColderClasses(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "S3-27")
	c, call, p := newPeers(t)
	newBucket(t, call, "data")
	_, err := api.PutBucketNotificationConfiguration.Do(call, &api.PutBucketNotificationConfigurationInput{Bucket: "data", NotificationConfiguration: api.NotificationConfiguration{
		QueueConfigurations: []api.QueueConfiguration{queue(queueARN, "", "", api.EventS3LifecycleTransition)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	putSized(t, call, "large", 200<<10, "")
	putSized(t, call, "small", 10, "")
	putSized(t, call, "log/small", 10, "")
	putSized(t, call, "cold", 200<<10, api.StorageClassGlacierIr)
	lifecycle(t, call, "data",
		api.LifecycleRule{ID: new("all"), Status: api.ExpirationStatusEnabled, Filter: &api.LifecycleRuleFilter{Prefix: new("")}, Expiration: &api.LifecycleExpiration{Days: new(int32(100))},
			Transitions: []api.Transition{{Days: new(int32(30)), StorageClass: new(api.TransitionStorageClassStandardIa)}, {Days: new(int32(60)), StorageClass: new(api.TransitionStorageClassGlacierIr)}}},
		api.LifecycleRule{ID: new("log"), Status: api.ExpirationStatusEnabled, Filter: &api.LifecycleRuleFilter{And: &api.LifecycleRuleAndOperator{Prefix: new("log/"), ObjectSizeGreaterThan: new(int64(1))}},
			Transitions: []api.Transition{{Days: new(int32(0)), StorageClass: new(api.TransitionStorageClassIntelligentTiering)}}},
	)
	c.WaitIdle(t)
	p.take()
	for _, step := range []struct{ days, large, small, log, cold string }{
		{"1", "STANDARD", "STANDARD", "INTELLIGENT_TIERING", "GLACIER_IR"},
		{"29", "STANDARD", "STANDARD", "INTELLIGENT_TIERING", "GLACIER_IR"},
		{"1", "STANDARD_IA", "STANDARD", "INTELLIGENT_TIERING", "GLACIER_IR"},
		{"30", "GLACIER_IR", "STANDARD", "INTELLIGENT_TIERING", "GLACIER_IR"},
		{"40", "NotFound", "NotFound", "NotFound", "NotFound"},
	} {
		d, err := time.ParseDuration(step.days + "h")
		if err != nil {
			t.Fatal(err)
		}
		c.Advance(t, 24*d)
		for key, want := range map[string]string{"large": step.large, "small": step.small, "log/small": step.log, "cold": step.cold} {
			if got := class(t, call, key); got != want && (want != "NotFound" || got != "NoSuchKey") {
				t.Errorf("after %s more days %s is %s, want %s", step.days, key, got, want)
			}
		}
	}
	if got, want := told(t, p), "sqs LifecycleTransition log%2Fsmall 10\nsqs LifecycleTransition large 204800\nsqs LifecycleTransition large 204800"; got != want {
		t.Errorf("told\n%s", got)
	}
	out := put(t, call, "data", "k", "x")
	if out.Expiration == nil {
		t.Error("the date of expiration is not told where a move comes first")
	}
}

func TestLifecycle_MovesNoncurrentVersions(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	newVersioned(t, call, "data")
	for range 3 {
		putSized(t, call, "k", 200<<10, "")
	}
	lifecycle(t, call, "data", api.LifecycleRule{ID: new("all"), Status: api.ExpirationStatusEnabled, Filter: &api.LifecycleRuleFilter{},
		NoncurrentVersionTransitions: []api.NoncurrentVersionTransition{{NoncurrentDays: new(int32(1)), StorageClass: new(api.TransitionStorageClassGlacierIr), NewerNoncurrentVersions: new(int32(1))}}})
	c.Advance(t, 5*24*time.Hour)
	out, err := api.ListObjectVersions.Do(call, &api.ListObjectVersionsInput{Bucket: "data"})
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, v := range out.Versions {
		got += string(*v.StorageClass) + " "
	}
	if got != "STANDARD STANDARD GLACIER_IR " {
		t.Errorf("classes %s", got)
	}
}

func TestLifecycle_RefusesMovesThatCannotBe(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	newBucket(t, call, "data")
	for name, tt := range map[string]struct {
		rule api.LifecycleRule
		want string
	}{
		"too soon":        {api.LifecycleRule{Transitions: []api.Transition{{Days: new(int32(29)), StorageClass: new(api.TransitionStorageClassStandardIa)}}}, "InvalidArgument"},
		"no age":          {api.LifecycleRule{Transitions: []api.Transition{{StorageClass: new(api.TransitionStorageClassGlacier)}}}, "MalformedXML"},
		"no such class":   {api.LifecycleRule{Transitions: []api.Transition{{Days: new(int32(1)), StorageClass: new(api.TransitionStorageClass("COLD"))}}}, "MalformedXML"},
		"after the end":   {api.LifecycleRule{Transitions: []api.Transition{{Days: new(int32(9)), StorageClass: new(api.TransitionStorageClassGlacier)}}, Expiration: &api.LifecycleExpiration{Days: new(int32(9))}}, "InvalidArgument"},
		"not in order":    {api.LifecycleRule{Transitions: []api.Transition{{Days: new(int32(9)), StorageClass: new(api.TransitionStorageClassGlacier)}, {Days: new(int32(40)), StorageClass: new(api.TransitionStorageClassStandardIa)}}}, "InvalidArgument"},
		"not at midnight": {api.LifecycleRule{Transitions: []api.Transition{{Date: new(servicetest.Start), StorageClass: new(api.TransitionStorageClassGlacier)}}}, "InvalidArgument"},
		"no days":         {api.LifecycleRule{NoncurrentVersionTransitions: []api.NoncurrentVersionTransition{{StorageClass: new(api.TransitionStorageClassGlacier)}}}, "InvalidArgument"},
	} {
		tt.rule.Status, tt.rule.Filter = api.ExpirationStatusEnabled, &api.LifecycleRuleFilter{}
		_, err := api.PutBucketLifecycleConfiguration.Do(call, &api.PutBucketLifecycleConfigurationInput{Bucket: "data", LifecycleConfiguration: &api.BucketLifecycleConfiguration{Rules: []api.LifecycleRule{tt.rule}}})
		if aws.ErrorCode(err) != tt.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestIntelligentTiering_FollowsAccess(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "S3-21")
	c, call := newCloud(t)
	newBucket(t, call, "data")
	for _, key := range []string{"read", "idle", "arc/idle"} {
		putSized(t, call, key, 200<<10, api.StorageClassIntelligentTiering)
	}
	tiering := api.IntelligentTieringConfiguration{ID: "a", Status: api.IntelligentTieringStatusEnabled, Filter: &api.IntelligentTieringFilter{Prefix: new("arc/")}, Tierings: []api.Tiering{
		{Days: 90, AccessTier: api.IntelligentTieringAccessTierArchiveAccess}, {Days: 180, AccessTier: api.IntelligentTieringAccessTierDeepArchiveAccess},
	}}
	if _, err := api.PutBucketIntelligentTieringConfiguration.Do(call, &api.PutBucketIntelligentTieringConfigurationInput{Bucket: "data", ID: "a", IntelligentTieringConfiguration: tiering}); err != nil {
		t.Fatal(err)
	}
	inventory(t, call, api.InventoryFrequencyDaily, api.InventoryIncludedObjectVersionsCurrent, api.InventoryOptionalFieldIntelligentTieringAccessTier)
	for _, step := range []struct {
		days time.Duration
		want string
	}{
		{29, "arc/idle FREQUENT, idle FREQUENT, read FREQUENT"},
		{2, "arc/idle INFREQUENT, idle INFREQUENT, read FREQUENT"},
		{29, "arc/idle INFREQUENT, idle INFREQUENT, read FREQUENT"},
		{31, "arc/idle ARCHIVE_ACCESS, idle ARCHIVE_INSTANT_ACCESS, read INFREQUENT"},
		{90, "arc/idle DEEP_ARCHIVE_ACCESS, idle ARCHIVE_INSTANT_ACCESS, read ARCHIVE_INSTANT_ACCESS"},
	} {
		c.Advance(t, step.days*24*time.Hour)
		if got := tiers(t, call); got != step.want {
			t.Errorf("after %d more days: %s, want %s", step.days, got, step.want)
		}
		if step.days < 30 {
			get(t, call, &api.GetObjectInput{Bucket: "data", Key: "read"})
		}
	}
	head, err := api.HeadObject.Do(call, &api.HeadObjectInput{Bucket: "data", Key: "arc/idle"})
	if err != nil || head.ArchiveStatus == nil || *head.ArchiveStatus != api.ArchiveStatusDeepArchiveAccess {
		t.Errorf("archive status %v, %v", head, err)
	}
	if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: "arc/idle"}); got != "InvalidObjectState" {
		t.Errorf("an archived object: %.20s", got)
	}
	if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: "idle"}); len(got) != 200<<10 {
		t.Errorf("an object in a tier for instant access: %.20s", got)
	}
	restore := func(key string, r api.RestoreRequest) error {
		_, err := api.RestoreObject.Do(call, &api.RestoreObjectInput{Bucket: "data", Key: key, RestoreRequest: &r})
		return err
	}
	standard := api.RestoreRequest{GlacierJobParameters: &api.GlacierJobParameters{Tier: api.TierStandard}}
	servicetest.WantError(t, restore("idle", standard), "InvalidObjectState")
	servicetest.WantError(t, restore("arc/idle", api.RestoreRequest{Days: new(int32(1))}), "InvalidArgument")
	servicetest.WantError(t, restore("arc/idle", api.RestoreRequest{GlacierJobParameters: &api.GlacierJobParameters{Tier: api.TierExpedited}}), "InvalidArgument")
	servicetest.WantError(t, restore("arc/idle", standard), "")
	servicetest.WantError(t, restore("arc/idle", standard), "RestoreAlreadyInProgress")
	c.Advance(t, 11*time.Hour)
	if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: "arc/idle"}); got != "InvalidObjectState" {
		t.Errorf("an object on its way up: %.20s", got)
	}
	c.Advance(t, 13*time.Hour)
	if got := tiers(t, call); got != "arc/idle FREQUENT, idle FREQUENT, read ARCHIVE_INSTANT_ACCESS" {
		t.Errorf("after a read and a restore: %s", got)
	}
}
