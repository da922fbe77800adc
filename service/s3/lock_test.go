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

const days = 24 * time.Hour

func newLockBucket(t *testing.T, call *aws.Call, name string) {
	t.Helper()
	if _, err := api.CreateBucket.Do(call, &api.CreateBucketInput{Bucket: name, ObjectLockEnabledForBucket: new(true)}); err != nil {
		t.Fatal(err)
	}
}

func deleteVersion(call *aws.Call, bucket, key string, version *string, bypass bool) string {
	in := &api.DeleteObjectInput{Bucket: bucket, Key: key, VersionID: version}
	if bypass {
		in.BypassGovernanceRetention = &bypass
	}
	_, err := api.DeleteObject.Do(call, in)
	return aws.ErrorCode(err)
}

func TestObjectLock_ConfigurationOfABucket(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	newBucket(t, call, "plain")
	newLockBucket(t, call, "locked")
	configure := func(name string, mode api.ObjectLockRetentionMode, d, y int32) error {
		in := &api.PutObjectLockConfigurationInput{Bucket: name, ObjectLockConfiguration: &api.ObjectLockConfiguration{ObjectLockEnabled: new(api.ObjectLockEnabledEnabled)}}
		if mode != "" {
			r := &api.DefaultRetention{Mode: &mode}
			if d != 0 {
				r.Days = &d
			}
			if y != 0 {
				r.Years = &y
			}
			in.ObjectLockConfiguration.Rule = &api.ObjectLockRule{DefaultRetention: r}
		}
		_, err := api.PutObjectLockConfiguration.Do(call, in)
		return err
	}
	_, err := api.GetObjectLockConfiguration.Do(call, &api.GetObjectLockConfigurationInput{Bucket: "plain"})
	servicetest.WantError(t, err, "ObjectLockConfigurationNotFoundError")
	servicetest.WantError(t, configure("plain", "", 0, 0), "InvalidBucketState")
	servicetest.WantError(t, configure("missing", "", 0, 0), "NoSuchBucket")
	enableVersioning(t, call, "plain", api.BucketVersioningStatusEnabled)
	if err := configure("plain", "", 0, 0); err != nil {
		t.Error(err)
	}
	for _, tt := range []struct {
		mode api.ObjectLockRetentionMode
		d, y int32
		want string
	}{
		{"GOVERNANCE", 1, 0, ""}, {"COMPLIANCE", 0, 100, ""}, {"GOVERNANCE", 1, 1, "MalformedXML"}, {"GOVERNANCE", 0, 0, "MalformedXML"},
		{"SOMETIMES", 1, 0, "MalformedXML"}, {"GOVERNANCE", -1, 0, "InvalidArgument"}, {"GOVERNANCE", 36501, 0, "InvalidArgument"}, {"GOVERNANCE", 0, 101, "InvalidArgument"},
	} {
		if err := configure("locked", tt.mode, tt.d, tt.y); aws.ErrorCode(err) != tt.want {
			t.Errorf("%+v: %v", tt, err)
		}
	}
	out, err := api.GetObjectLockConfiguration.Do(call, &api.GetObjectLockConfigurationInput{Bucket: "locked"})
	if err != nil || *out.ObjectLockConfiguration.Rule.DefaultRetention.Years != 100 {
		t.Errorf("configuration %+v, %v", out, err)
	}
	suspend := api.VersioningConfiguration{Status: new(api.BucketVersioningStatusSuspended)}
	_, err = api.PutBucketVersioning.Do(call, &api.PutBucketVersioningInput{Bucket: "locked", VersioningConfiguration: suspend})
	servicetest.WantError(t, err, "InvalidBucketState")
}

func TestObjectLock_HoldsWhatARequestLocks(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	newBucket(t, call, "plain")
	newLockBucket(t, call, "locked")
	until := servicetest.Start.Add(10 * days)
	in := func(bucket, mode, hold string, until *time.Time) error {
		in := &api.PutObjectInput{Bucket: bucket, Key: "k", Body: strings.NewReader("x"), ObjectLockRetainUntilDate: until}
		if mode != "" {
			in.ObjectLockMode = new(api.ObjectLockMode(mode))
		}
		if hold != "" {
			in.ObjectLockLegalHoldStatus = new(api.ObjectLockLegalHoldStatus(hold))
		}
		_, err := api.PutObject.Do(call, in)
		return err
	}
	servicetest.WantError(t, in("plain", "GOVERNANCE", "", &until), "InvalidRequest")
	servicetest.WantError(t, in("plain", "", "ON", nil), "InvalidRequest")
	servicetest.WantError(t, in("locked", "GOVERNANCE", "", nil), "InvalidArgument")
	servicetest.WantError(t, in("locked", "", "", &until), "InvalidArgument")
	servicetest.WantError(t, in("locked", "SOFT", "", &until), "InvalidArgument")
	servicetest.WantError(t, in("locked", "GOVERNANCE", "", new(servicetest.Start)), "InvalidArgument")
	servicetest.WantError(t, in("locked", "", "MAYBE", nil), "InvalidArgument")
	if err := in("locked", "COMPLIANCE", "ON", &until); err != nil {
		t.Fatal(err)
	}
	head, err := api.HeadObject.Do(call, &api.HeadObjectInput{Bucket: "locked", Key: "k"})
	if err != nil || *head.ObjectLockMode != "COMPLIANCE" || !head.ObjectLockRetainUntilDate.Equal(until) || *head.ObjectLockLegalHoldStatus != "ON" {
		t.Fatalf("head %+v, %v", head, err)
	}
	if got := deleteVersion(call, "locked", "k", nil, false); got != "" {
		t.Errorf("a delete marker is refused: %s", got)
	}
	if got := deleteVersion(call, "locked", "k", head.VersionID, true); got != "AccessDenied" {
		t.Errorf("delete: %s", got)
	}
	out, err := api.DeleteObjects.Do(call, &api.DeleteObjectsInput{Bucket: "locked", Delete: api.Delete{Objects: []api.ObjectIdentifier{{Key: "k", VersionID: head.VersionID}}}})
	if err != nil || len(out.Errors) != 1 || *out.Errors[0].Code != "AccessDenied" || *out.Errors[0].Message != "Access Denied because object protected by object lock." {
		t.Errorf("batch %+v, %v", out, err)
	}
	c.Advance(t, 11*days)
	if got := deleteVersion(call, "locked", "k", head.VersionID, false); got != "AccessDenied" {
		t.Errorf("delete under legal hold: %s", got)
	}
	hold := func(status api.ObjectLockLegalHoldStatus) error {
		_, err := api.PutObjectLegalHold.Do(call, &api.PutObjectLegalHoldInput{Bucket: "locked", Key: "k", VersionID: head.VersionID, LegalHold: &api.ObjectLockLegalHold{Status: &status}})
		return err
	}
	servicetest.WantError(t, hold("PERHAPS"), "MalformedXML")
	if err := hold("OFF"); err != nil {
		t.Fatal(err)
	}
	held, err := api.GetObjectLegalHold.Do(call, &api.GetObjectLegalHoldInput{Bucket: "locked", Key: "k", VersionID: head.VersionID})
	if err != nil || *held.LegalHold.Status != "OFF" {
		t.Errorf("hold %+v, %v", held, err)
	}
	if got := deleteVersion(call, "locked", "k", head.VersionID, false); got != "" {
		t.Errorf("delete when all is over: %s", got)
	}
}

func TestObjectLock_RetentionIsWeakenedOnlyByBypass(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	newBucket(t, call, "plain")
	put(t, call, "plain", "k", "x")
	newLockBucket(t, call, "locked")
	_, err := api.GetObjectRetention.Do(call, &api.GetObjectRetentionInput{Bucket: "plain", Key: "k"})
	servicetest.WantError(t, err, "InvalidRequest")
	for _, tt := range []struct {
		name     string
		from, to string // mode, and days from now
		fromDays int
		toDays   int
		bypass   bool
		want     string
	}{
		{"longer", "GOVERNANCE", "GOVERNANCE", 5, 6, false, ""},
		{"shorter", "GOVERNANCE", "GOVERNANCE", 5, 4, false, "AccessDenied"},
		{"shorter with bypass", "GOVERNANCE", "GOVERNANCE", 5, 4, true, ""},
		{"removed", "GOVERNANCE", "", 5, 0, false, "AccessDenied"},
		{"removed with bypass", "GOVERNANCE", "", 5, 0, true, ""},
		{"stricter", "GOVERNANCE", "COMPLIANCE", 5, 5, false, ""},
		{"compliance longer", "COMPLIANCE", "COMPLIANCE", 5, 6, false, ""},
		{"compliance shorter", "COMPLIANCE", "COMPLIANCE", 5, 4, true, "AccessDenied"},
		{"compliance softer", "COMPLIANCE", "GOVERNANCE", 5, 6, true, "AccessDenied"},
		{"compliance removed", "COMPLIANCE", "", 5, 0, true, "AccessDenied"},
		{"past", "GOVERNANCE", "GOVERNANCE", 5, -1, true, "InvalidArgument"},
	} {
		v := put(t, call, "locked", "k", "x").VersionID
		retain := func(mode string, d int, bypass bool) error {
			in := &api.PutObjectRetentionInput{Bucket: "locked", Key: "k", VersionID: v, Retention: &api.ObjectLockRetention{}}
			if mode != "" {
				in.Retention.Mode, in.Retention.RetainUntilDate = new(api.ObjectLockRetentionMode(mode)), new(servicetest.Start.Add(time.Duration(d)*days))
			}
			if bypass {
				in.BypassGovernanceRetention = &bypass
			}
			_, err := api.PutObjectRetention.Do(call, in)
			return err
		}
		_, err := api.GetObjectRetention.Do(call, &api.GetObjectRetentionInput{Bucket: "locked", Key: "k", VersionID: v})
		servicetest.WantError(t, err, "NoSuchObjectLockConfiguration")
		_, err = api.GetObjectLegalHold.Do(call, &api.GetObjectLegalHoldInput{Bucket: "locked", Key: "k", VersionID: v})
		servicetest.WantError(t, err, "NoSuchObjectLockConfiguration")
		if err := retain(tt.from, tt.fromDays, false); err != nil {
			t.Fatal(err)
		}
		if err := retain(tt.to, tt.toDays, tt.bypass); aws.ErrorCode(err) != tt.want {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		out, err := api.GetObjectRetention.Do(call, &api.GetObjectRetentionInput{Bucket: "locked", Key: "k", VersionID: v})
		mode := tt.to
		if tt.want != "" {
			mode = tt.from
		}
		if mode == "" {
			servicetest.WantError(t, err, "NoSuchObjectLockConfiguration")
		} else if err != nil || string(*out.Retention.Mode) != mode {
			t.Errorf("%s: %+v, %v", tt.name, out, err)
		}
		governed := mode == "GOVERNANCE"
		if got := deleteVersion(call, "locked", "k", v, true) == ""; got != (governed || mode == "") {
			t.Errorf("%s: delete with bypass succeeds: %t", tt.name, got)
		}
	}
}

func TestObjectLock_ByDefaultHoldsUploadsAndCopiesAgainstLifecycle(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	newLockBucket(t, call, "locked")
	rule := &api.ObjectLockRule{DefaultRetention: &api.DefaultRetention{Mode: new(api.ObjectLockRetentionModeGovernance), Days: new(int32(30))}}
	in := &api.PutObjectLockConfigurationInput{Bucket: "locked", ObjectLockConfiguration: &api.ObjectLockConfiguration{ObjectLockEnabled: new(api.ObjectLockEnabledEnabled), Rule: rule}}
	if _, err := api.PutObjectLockConfiguration.Do(call, in); err != nil {
		t.Fatal(err)
	}
	versions := map[string]*string{"k": put(t, call, "locked", "k", "x").VersionID}
	versions["parts"] = upload(t, call, "locked", "parts", "", "", []byte("part")).VersionID
	out, err := api.CopyObject.Do(call, &api.CopyObjectInput{Bucket: "locked", Key: "copy", CopySource: "locked/k"})
	if err != nil {
		t.Fatal(err)
	}
	versions["copy"] = out.VersionID
	for key, v := range versions {
		r, err := api.GetObjectRetention.Do(call, &api.GetObjectRetentionInput{Bucket: "locked", Key: key, VersionID: v})
		if err != nil || *r.Retention.Mode != "GOVERNANCE" || !r.Retention.RetainUntilDate.Equal(servicetest.Start.Add(30*days)) {
			t.Errorf("%s: %+v, %v", key, r, err)
		}
		if got := deleteVersion(call, "locked", key, v, false); got != "AccessDenied" {
			t.Errorf("%s: delete: %s", key, got)
		}
	}
	expire := api.LifecycleRule{Status: api.ExpirationStatusEnabled, Filter: &api.LifecycleRuleFilter{}, Expiration: &api.LifecycleExpiration{Days: new(int32(1))}, NoncurrentVersionExpiration: &api.NoncurrentVersionExpiration{NoncurrentDays: new(int32(1))}}
	if _, err := api.PutBucketLifecycleConfiguration.Do(call, &api.PutBucketLifecycleConfigurationInput{Bucket: "locked", LifecycleConfiguration: &api.BucketLifecycleConfiguration{Rules: []api.LifecycleRule{expire}}}); err != nil {
		t.Fatal(err)
	}
	c.Advance(t, 10*days)
	if got := get(t, call, &api.GetObjectInput{Bucket: "locked", Key: "k"}); got != "NoSuchKey" {
		t.Errorf("expired: %s", got)
	}
	if got := get(t, call, &api.GetObjectInput{Bucket: "locked", Key: "k", VersionID: versions["k"]}); got != "x" {
		t.Errorf("the locked version: %s", got)
	}
	c.Advance(t, 25*days)
	if got := get(t, call, &api.GetObjectInput{Bucket: "locked", Key: "k", VersionID: versions["k"]}); got != "NoSuchVersion" {
		t.Errorf("the version whose lock is over: %s", got)
	}
}

func TestObjectLock_ConditionKeys(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "S3-37")
	c, call := newCloud(t)
	newLockBucket(t, call, "data")
	other := c.CallIn(t, stranger, "us-east-1")
	if err := setPolicy(call, "Allow", `{"AWS":"`+stranger+`"}`, "s3:*", `,"Condition":{"NumericLessThanEqualsIfExists":{"s3:object-lock-remaining-retention-days":"10"},"StringEqualsIfExists":{"s3:object-lock-mode":"GOVERNANCE"}}`); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		mode api.ObjectLockMode
		days int
		want string
	}{{"GOVERNANCE", 10, ""}, {"GOVERNANCE", 11, "AccessDenied"}, {"COMPLIANCE", 1, "AccessDenied"}} {
		_, err := api.PutObject.Do(other, &api.PutObjectInput{
			Bucket: "data", Key: "k", Body: strings.NewReader("x"), ObjectLockMode: &tt.mode, ObjectLockRetainUntilDate: new(servicetest.Start.Add(time.Duration(tt.days) * days)),
		})
		if aws.ErrorCode(err) != tt.want {
			t.Errorf("%+v: %v", tt, err)
		}
	}
}
