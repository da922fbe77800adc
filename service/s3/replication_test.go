package s3_test

import (
	"strings"
	"testing"
	"time"

	api "drydock/api/s3"
	"drydock/api/sts"
	"drydock/aws"
	"drydock/ledger"
	"drydock/service"
	"drydock/service/s3"
	"drydock/service/servicetest"
)

const (
	readSource  = `{"Effect":"Allow","Action":["s3:GetObjectVersionForReplication","s3:GetObjectVersionTagging"],"Resource":"arn:aws:s3:::source/*"}`
	writeCopies = `{"Effect":"Allow","Action":["s3:ReplicateObject","s3:ReplicateDelete","s3:ReplicateTags","s3:ObjectOwnerOverrideToBucketOwner"],"Resource":"arn:aws:s3:::copy*"}`
)

func newVersioned(t testing.TB, call *aws.Call, name string) {
	t.Helper()
	in := &api.CreateBucketInput{Bucket: name}
	if call.Region != servicetest.Region {
		in.CreateBucketConfiguration = &api.CreateBucketConfiguration{LocationConstraint: new(api.BucketLocationConstraint(call.Region))}
	}
	if _, err := api.CreateBucket.Do(call, in); err != nil {
		t.Fatal(err)
	}
	enableVersioning(t, call, name, api.BucketVersioningStatusEnabled)
}

// rule is a rule of the second version of the schema.
func rule(id string, priority int32, prefix, to string) api.ReplicationRule {
	return api.ReplicationRule{
		ID: &id, Priority: &priority, Status: api.ReplicationRuleStatusEnabled, Filter: &api.ReplicationRuleFilter{Prefix: &prefix},
		DeleteMarkerReplication: &api.DeleteMarkerReplication{Status: new(api.DeleteMarkerReplicationStatusDisabled)},
		Destination:             api.Destination{Bucket: "arn:aws:s3:::" + to},
	}
}

func replicateTo(call *aws.Call, role string, rules ...api.ReplicationRule) error {
	_, err := api.PutBucketReplication.Do(call, &api.PutBucketReplicationInput{Bucket: "source", ReplicationConfiguration: api.ReplicationConfiguration{Role: role, Rules: rules}})
	return err
}

// status is how far a version's copies are.
func status(t testing.TB, call *aws.Call, bucket, key string) string {
	t.Helper()
	out, err := api.HeadObject.Do(call, &api.HeadObjectInput{Bucket: bucket, Key: key})
	if err != nil {
		return aws.ErrorCode(err)
	}
	if out.ReplicationStatus == nil {
		return ""
	}
	return string(*out.ReplicationStatus)
}

func TestReplication_CopiesNewVersionsToAnotherRegion(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "S3-16", "S3-19")
	c, call, p := newPeers(t)
	far := c.CallIn(t, servicetest.Account, "eu-west-1")
	newVersioned(t, call, "source")
	newVersioned(t, far, "copy")
	newVersioned(t, call, "copy-near")
	put(t, call, "source", "old", "x")
	tagged := rule("tagged", 3, "", "copy-near")
	tagged.Filter = &api.ReplicationRuleFilter{And: &api.ReplicationRuleAndOperator{Prefix: new("a/"), Tags: []api.Tag{{Key: "keep", Value: "yes"}}}}
	marking := rule("all", 1, "a/", "copy")
	marking.DeleteMarkerReplication.Status = new(api.DeleteMarkerReplicationStatusEnabled)
	marking.Destination.StorageClass = new(api.StorageClassStandardIa)
	if err := replicateTo(call, p.role("copier", readSource, writeCopies), marking, tagged); err != nil {
		t.Fatal(err)
	}
	out, err := api.PutObject.Do(call, &api.PutObjectInput{
		Bucket: "source", Key: "a/1", Body: strings.NewReader("one"), Tagging: new("keep=yes"), Metadata: map[string]string{"m": "v"}, ContentType: new("text/x"),
	})
	if err != nil {
		t.Fatal(err)
	}
	large := string(random(1, 100_000))
	put(t, call, "source", "a/2", large)
	put(t, call, "source", "b", "x")
	if got := status(t, call, "source", "a/1") + " " + status(t, call, "source", "b"); got != "PENDING " {
		t.Errorf("before: %s", got)
	}
	c.WaitIdle(t)
	head, err := api.HeadObject.Do(far, &api.HeadObjectInput{Bucket: "copy", Key: "a/1"})
	if err != nil {
		t.Fatal(err)
	}
	if *head.VersionID != *out.VersionID || *head.ETag != *out.ETag || head.Metadata["m"] != "v" || *head.ContentType != "text/x" ||
		*head.StorageClass != api.StorageClassStandardIa || *head.ReplicationStatus != api.ReplicationStatusReplica {
		t.Errorf("copy %+v", head)
	}
	if got := get(t, far, &api.GetObjectInput{Bucket: "copy", Key: "a/1"}) + get(t, call, &api.GetObjectInput{Bucket: "copy-near", Key: "a/1"}); got != "oneone" {
		t.Errorf("copies: %s", got)
	}
	if get(t, far, &api.GetObjectInput{Bucket: "copy", Key: "a/2"}) != large {
		t.Error("a large object's copy differs")
	}
	for key, want := range map[string]string{"a/1": "COMPLETED", "a/2": "COMPLETED", "b": "", "old": ""} {
		if got := status(t, call, "source", key); got != want {
			t.Errorf("%s: status %q, want %q", key, got, want)
		}
	}
	for _, key := range []string{"b", "old"} {
		if got := status(t, far, "copy", key); got != "NoSuchKey" && got != "NotFound" {
			t.Errorf("%s has a copy: %s", key, got)
		}
	}
	if got := status(t, call, "copy-near", "a/2"); got != "NoSuchKey" && got != "NotFound" {
		t.Errorf("a/2 has not the tags: %s", got)
	}
	// Tags and delete markers follow; deleting a version for good does not.
	_, err = api.PutObjectTagging.Do(call, &api.PutObjectTaggingInput{Bucket: "source", Key: "a/1", Tagging: api.Tagging{TagSet: []api.Tag{{Key: "new", Value: "tag"}}}})
	if err != nil {
		t.Fatal(err)
	}
	remove(t, call, "source", "a/2", nil)
	remove(t, call, "source", "a/1", out.VersionID)
	c.WaitIdle(t)
	if got := history(t, far, "copy", "a/2"); got != "-*"+large {
		t.Errorf("history has %d bytes", len(got))
	}
	if got := get(t, far, &api.GetObjectInput{Bucket: "copy", Key: "a/1"}); got != "one" {
		t.Errorf("the copy of a deleted version: %s", got)
	}
}

func TestReplication_ToAnotherAccountNeedsItsPolicy(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "S3-17")
	c, call, p := newPeers(t)
	other := c.CallIn(t, "444455556666", "us-east-1")
	newVersioned(t, call, "source")
	newVersioned(t, other, "copy")
	r := rule("all", 1, "", "copy")
	r.Destination.Account, r.Destination.AccessControlTranslation = new("444455556666"), &api.AccessControlTranslation{Owner: api.OwnerOverrideDestination}
	role := p.role("copier", readSource, writeCopies)
	if err := replicateTo(call, role, r); err != nil {
		t.Fatal(err)
	}
	if _, err := api.PutBucketNotificationConfiguration.Do(call, &api.PutBucketNotificationConfigurationInput{Bucket: "source", NotificationConfiguration: api.NotificationConfiguration{
		QueueConfigurations: []api.QueueConfiguration{{QueueARN: queueARN, Events: []api.Event{api.EventS3ReplicationAll}}},
	}}); err != nil {
		t.Fatal(err)
	}
	c.WaitIdle(t)
	p.take()
	put(t, call, "source", "refused", "x")
	c.WaitIdle(t)
	if got := status(t, call, "source", "refused"); got != "FAILED" {
		t.Errorf("without a policy: %s", got)
	}
	if list := p.take(); len(list) != 1 || !strings.Contains(string(list[0].Payload), `"eventName":"Replication:OperationFailedReplication"`) {
		t.Errorf("messages %v", list)
	}
	doc := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + role + `"},"Action":["s3:ReplicateObject","s3:ObjectOwnerOverrideToBucketOwner"],"Resource":"arn:aws:s3:::copy/*"}]}`
	if _, err := api.PutBucketPolicy.Do(other, &api.PutBucketPolicyInput{Bucket: "copy", Policy: doc}); err != nil {
		t.Fatal(err)
	}
	put(t, call, "source", "k", "x")
	c.WaitIdle(t)
	if got := status(t, call, "source", "k") + status(t, other, "copy", "k"); got != "COMPLETEDREPLICA" {
		t.Errorf("with a policy: %s", got)
	}
	p.role("copier", writeCopies)
	put(t, call, "source", "unread", "x")
	c.WaitIdle(t)
	if got := status(t, call, "source", "unread"); got != "FAILED" {
		t.Errorf("a role that may not read: %s", got)
	}
}

func TestReplication_KeepsTheOrderOfVersions(t *testing.T) {
	t.Parallel()
	c, call, p := newPeers(t)
	newVersioned(t, call, "source")
	newVersioned(t, call, "copy")
	v1 := rule("v1", 0, "", "copy")
	v1.Filter, v1.Priority, v1.DeleteMarkerReplication, v1.Prefix = nil, nil, nil, new("")
	if err := replicateTo(call, p.role("copier", readSource, writeCopies), v1); err != nil {
		t.Fatal(err)
	}
	for _, data := range []string{"1", "2"} {
		put(t, call, "source", "k", data)
	}
	remove(t, call, "source", "k", nil) // the first version of the schema replicates markers
	put(t, call, "source", "k", "3")
	put(t, call, "copy", "own", "x")
	c.WaitIdle(t)
	if got := history(t, call, "copy", "k"); got != "3*-21" {
		t.Errorf("copies: %s", got)
	}
	if got := status(t, call, "copy", "own"); got != "" {
		t.Errorf("an object of the destination's own: %s", got)
	}
	c.Advance(t, time.Hour)
	if _, err := api.DeleteBucketReplication.Do(call, &api.DeleteBucketReplicationInput{Bucket: "source"}); err != nil {
		t.Fatal(err)
	}
	put(t, call, "source", "after", "x")
	c.WaitIdle(t)
	if got := status(t, call, "source", "after"); got != "" {
		t.Errorf("after the configuration was deleted: %s", got)
	}
}

func TestReplication_OfObjectsUnderKeysOfKMS(t *testing.T) {
	t.Parallel()
	k := &servicetest.Keyring{}
	p := &peers{policies: map[string]string{}}
	c := servicetest.New(t, func(d service.Deps) []service.Module {
		p.deps = d
		return append(s3.Modules(d), service.Module{API: sts.API, Operations: []aws.Handler{sts.AssumeRole.Handle(p.assumeRole)}, Identity: p},
			k.Module())
	})
	call := c.Call(t)
	newVersioned(t, call, "source")
	newVersioned(t, call, "copy")
	newVersioned(t, call, "copy-plain")
	sealed := rule("sealed", 1, "", "copy")
	sealed.SourceSelectionCriteria = &api.SourceSelectionCriteria{SSEKMSEncryptedObjects: &api.SSEKMSEncryptedObjects{Status: api.SSEKMSEncryptedObjectsStatusEnabled}}
	sealed.Destination.EncryptionConfiguration = &api.EncryptionConfiguration{ReplicaKMSKeyID: new(keyARN + "there")}
	role := p.role("copier", readSource, writeCopies, `{"Effect":"Allow","Action":"kms:*","Resource":"*"}`)
	if err := replicateTo(call, role, sealed, rule("plain", 1, "", "copy-plain")); err != nil {
		t.Fatal(err)
	}
	large := string(random(3, 100_000))
	for key, data := range map[string]string{"small": "one", "large": large} {
		_, err := api.PutObject.Do(call, &api.PutObjectInput{
			Bucket: "source", Key: key, Body: strings.NewReader(data), ServerSideEncryption: new(api.ServerSideEncryptionAWSKMS), SSEKMSKeyID: new(keyARN + "here"),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	put(t, call, "source", "plain", "two")
	c.WaitIdle(t)
	for key, want := range map[string]string{"small": "one", "large": large, "plain": "two"} {
		if got := get(t, call, &api.GetObjectInput{Bucket: "copy", Key: key}); got != want {
			t.Errorf("the copy of %s: %.40s", key, got)
		}
	}
	head, err := api.HeadObject.Do(call, &api.HeadObjectInput{Bucket: "copy", Key: "large"})
	if err != nil || text(head.SSEKMSKeyID) != keyARN+"there" || *head.ReplicationStatus != api.ReplicationStatusReplica {
		t.Errorf("copy %+v, %v", head, err)
	}
	if got := status(t, call, "source", "large") + " " + status(t, call, "copy-plain", "large") + " " + status(t, call, "copy-plain", "plain"); got != "COMPLETED NoSuchKey REPLICA" && got != "COMPLETED NotFound REPLICA" {
		t.Errorf("statuses %s", got)
	}
	k.Set(func(k *servicetest.Keyring) {
		k.Refuse = "arn:aws:sts::111122223333:assumed-role/copier/s3-replication"
	})
	_, err = api.PutObject.Do(call, &api.PutObjectInput{Bucket: "source", Key: "refused", Body: strings.NewReader("x"), ServerSideEncryption: new(api.ServerSideEncryptionAWSKMS)})
	if err != nil {
		t.Fatal(err)
	}
	c.WaitIdle(t)
	if got := status(t, call, "source", "refused"); got != "FAILED" {
		t.Errorf("a role that may not use the key: %s", got)
	}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func TestPutBucketReplication_RefusesWhatCannotBe(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "S3-18")
	c, call, p := newPeers(t)
	newBucket(t, call, "source")
	newBucket(t, call, "plain")
	newVersioned(t, call, "copy")
	role := p.role("copier")
	_, err := api.GetBucketReplication.Do(call, &api.GetBucketReplicationInput{Bucket: "source"})
	servicetest.WantError(t, err, "ReplicationConfigurationNotFoundError")
	if err := replicateTo(call, role, rule("a", 1, "", "copy")); err == nil || !strings.Contains(err.Error(), "Versioning must be 'Enabled' on the bucket") {
		t.Errorf("source without versioning: %v", err)
	}
	enableVersioning(t, call, "source", api.BucketVersioningStatusEnabled)
	with := func(change func(*api.ReplicationRule)) []api.ReplicationRule {
		r := rule("a", 1, "", "copy")
		change(&r)
		return []api.ReplicationRule{r}
	}
	for name, tt := range map[string]struct {
		role  string
		rules []api.ReplicationRule
		want  string
	}{
		"destination without versioning": {role, []api.ReplicationRule{rule("a", 1, "", "plain")}, "Destination bucket must have versioning enabled."},
		"no destination":                 {role, []api.ReplicationRule{rule("a", 1, "", "missing")}, "Destination bucket must exist."},
		"no role":                        {"arn:aws:iam::111122223333:user/x", []api.ReplicationRule{rule("a", 1, "", "copy")}, "InvalidArgument"},
		"same id":                        {role, []api.ReplicationRule{rule("a", 1, "x", "copy"), rule("a", 2, "y", "copy")}, "Rule ID must be unique"},
		"same priority":                  {role, []api.ReplicationRule{rule("a", 1, "x", "copy"), rule("b", 1, "y", "copy")}, "duplicate priority"},
		"no priority":                    {role, with(func(r *api.ReplicationRule) { r.Priority = nil }), "Priority must be specified"},
		"no markers":                     {role, with(func(r *api.ReplicationRule) { r.DeleteMarkerReplication = nil }), "DeleteMarkerReplication must be specified"},
		"key without objects": {role, with(func(r *api.ReplicationRule) {
			r.Destination.EncryptionConfiguration = &api.EncryptionConfiguration{ReplicaKMSKeyID: new("k")}
		}), "SseKmsEncryptedObjects must be specified"},
		"time without metrics": {role, with(func(r *api.ReplicationRule) {
			r.Destination.ReplicationTime = &api.ReplicationTime{Status: api.ReplicationTimeStatusEnabled, Time: api.ReplicationTimeValue{Minutes: new(int32(15))}}
		}), "Metrics must be enabled"},
		"no rules": {role, nil, "MalformedXML"},
	} {
		if err := replicateTo(call, tt.role, tt.rules...); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := replicateTo(call, role, rule("a", 1, "", "copy")); err != nil {
		t.Fatal(err)
	}
	_, err = api.PutBucketVersioning.Do(call, &api.PutBucketVersioningInput{Bucket: "source", VersioningConfiguration: api.VersioningConfiguration{Status: new(api.BucketVersioningStatusSuspended)}})
	servicetest.WantError(t, err, "InvalidBucketState")
	err = replicateTo(c.CallIn(t, "444455556666", "us-east-1"), role, rule("a", 1, "", "copy"))
	servicetest.WantError(t, err, "AccessDenied")
}
