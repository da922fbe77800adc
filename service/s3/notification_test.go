package s3_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	api "drydock/api/s3"
	"drydock/service/servicetest"
)

const (
	queueARN    = "arn:aws:sqs:us-east-1:111122223333:q"
	topicARN    = "arn:aws:sns:us-east-1:111122223333:t"
	functionARN = "arn:aws:lambda:us-east-1:111122223333:function:f"
)

func queue(arn, prefix, suffix string, events ...api.Event) api.QueueConfiguration {
	q := api.QueueConfiguration{ID: new(arn + prefix + suffix), QueueARN: arn, Events: events}
	if prefix+suffix != "" {
		q.Filter = &api.NotificationConfigurationFilter{Key: &api.S3KeyFilter{FilterRules: []api.FilterRule{
			{Name: new(api.FilterRuleNamePrefix), Value: &prefix}, {Name: new(api.FilterRuleName("Suffix")), Value: &suffix},
		}}}
	}
	return q
}

// told returns what the listeners were told, as "service name key version".
func told(t *testing.T, p *peers) string {
	t.Helper()
	var list []string
	for _, d := range p.take() {
		var m struct {
			Event   string
			Records []struct {
				EventName string `json:"eventName"`
				S3        struct {
					Object struct {
						Key, VersionID string
						Size           *int64
					}
				} `json:"s3"`
			}
		}
		if err := json.Unmarshal(d.Payload, &m); err != nil {
			t.Fatal(err)
		}
		service := strings.Split(d.Target, ":")[2]
		if m.Event != "" {
			list = append(list, service+" "+m.Event)
		}
		for _, r := range m.Records {
			size := ""
			if r.S3.Object.Size != nil {
				size = fmt.Sprint(" ", *r.S3.Object.Size)
			}
			list = append(list, service+" "+r.EventName+" "+r.S3.Object.Key+size)
		}
	}
	return strings.Join(list, "\n")
}

func TestNotification_TellsListenersOfChanges(t *testing.T) {
	t.Parallel()
	c, call, p := newPeers(t)
	newBucket(t, call, "data")
	settle := func(what, want string) {
		t.Helper()
		c.WaitIdle(t)
		if got := told(t, p); got != want {
			t.Errorf("%s: told\n%s\nwant\n%s", what, got, want)
		}
	}
	_, err := api.PutBucketNotificationConfiguration.Do(call, &api.PutBucketNotificationConfigurationInput{Bucket: "data", NotificationConfiguration: api.NotificationConfiguration{
		QueueConfigurations:          []api.QueueConfiguration{queue(queueARN, "in/", ".txt", api.EventS3ObjectCreatedAll, api.EventS3ObjectTaggingAll)},
		LambdaFunctionConfigurations: []api.LambdaFunctionConfiguration{{LambdaFunctionARN: functionARN, Events: []api.Event{api.EventS3ObjectRemovedAll, api.EventS3LifecycleExpirationAll}}},
		EventBridgeConfiguration:     &api.EventBridgeConfiguration{},
	}})
	if err != nil {
		t.Fatal(err)
	}
	settle("a new configuration", "sqs s3:TestEvent")
	put(t, call, "data", "in/a b.txt", "hello")
	put(t, call, "data", "out/a.txt", "hello")
	settle("put", "sqs ObjectCreated:Put in%2Fa+b.txt 5")
	if _, err := api.CopyObject.Do(call, &api.CopyObjectInput{Bucket: "data", Key: "in/c.txt", CopySource: "data/out/a.txt"}); err != nil {
		t.Fatal(err)
	}
	settle("copy", "sqs ObjectCreated:Copy in%2Fc.txt 5")
	upload(t, call, "data", "in/m.txt", "", "", random(1, 5<<20), random(2, 10))
	settle("upload", "sqs ObjectCreated:CompleteMultipartUpload in%2Fm.txt 5242890")
	if _, err := api.PutObjectTagging.Do(call, &api.PutObjectTaggingInput{Bucket: "data", Key: "in/c.txt", Tagging: api.Tagging{TagSet: []api.Tag{{Key: "a", Value: "b"}}}}); err != nil {
		t.Fatal(err)
	}
	settle("tags", "sqs ObjectTagging:Put in%2Fc.txt 5")
	if _, err := api.DeleteObjectTagging.Do(call, &api.DeleteObjectTaggingInput{Bucket: "data", Key: "in/c.txt"}); err != nil {
		t.Fatal(err)
	}
	settle("no tags", "sqs ObjectTagging:Delete in%2Fc.txt 5")
	remove(t, call, "data", "in/c.txt", nil)
	remove(t, call, "data", "missing", nil)
	settle("delete", "lambda ObjectRemoved:Delete in%2Fc.txt")
	enableVersioning(t, call, "data", api.BucketVersioningStatusEnabled)
	remove(t, call, "data", "out/a.txt", nil)
	settle("marker", "lambda ObjectRemoved:DeleteMarkerCreated out%2Fa.txt")
	lifecycle(t, call, "data", api.LifecycleRule{ID: new("x"), Status: api.ExpirationStatusEnabled, Filter: &api.LifecycleRuleFilter{Prefix: new("in/")},
		Expiration: &api.LifecycleExpiration{Days: new(int32(1))}, NoncurrentVersionExpiration: &api.NoncurrentVersionExpiration{NoncurrentDays: new(int32(1))}})
	remove(t, call, "data", "in/m.txt", new("null"))
	settle("version", "lambda ObjectRemoved:Delete in%2Fm.txt")
	c.Advance(t, 2*24*time.Hour)
	settle("expiration", "lambda LifecycleExpiration:DeleteMarkerCreated in%2Fa+b.txt")
	c.Advance(t, 2*24*time.Hour)
	settle("end of a version and of the marker over it", "lambda LifecycleExpiration:Delete in%2Fa+b.txt\nlambda LifecycleExpiration:Delete in%2Fa+b.txt")
	out, err := api.GetBucketNotificationConfiguration.Do(call, &api.GetBucketNotificationConfigurationInput{Bucket: "data"})
	if err != nil || out.EventBridgeConfiguration == nil || len(out.QueueConfigurations) != 1 || *out.LambdaFunctionConfigurations[0].ID == "" {
		t.Errorf("configuration %+v, %v", out, err)
	}
}

func TestLose_MakesAnObjectOfReducedRedundancyUnreadable(t *testing.T) {
	t.Parallel()
	c, call, p := newPeers(t)
	newBucket(t, call, "data")
	_, err := api.PutBucketNotificationConfiguration.Do(call, &api.PutBucketNotificationConfigurationInput{Bucket: "data", NotificationConfiguration: api.NotificationConfiguration{
		QueueConfigurations: []api.QueueConfiguration{queue(queueARN, "", "", api.EventS3ReducedRedundancyLostObject)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	putSized(t, call, "reduced", 3, api.StorageClassReducedRedundancy)
	putSized(t, call, "standard", 3, "")
	c.WaitIdle(t)
	p.take()
	lose := func(bucket, key string) error {
		for _, m := range c.Modules {
			if fault := m.Faults["lose"]; fault != nil {
				return fault(call, map[string]string{"bucket": bucket, "key": key})
			}
		}
		t.Fatal("no fault")
		return nil
	}
	servicetest.WantError(t, lose("missing", "k"), "NoSuchBucket")
	servicetest.WantError(t, lose("data", "missing"), "NoSuchKey")
	servicetest.WantError(t, lose("data", "standard"), "InvalidRequest")
	servicetest.WantError(t, lose("data", "reduced"), "")
	c.WaitIdle(t)
	if got := told(t, p); got != "sqs ReducedRedundancyLostObject reduced 3" {
		t.Errorf("told %s", got)
	}
	if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: "reduced"}); got != "MethodNotAllowed" {
		t.Errorf("a lost object: %s", got)
	}
	putSized(t, call, "reduced", 3, api.StorageClassReducedRedundancy)
	if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: "reduced"}); len(got) != 3 {
		t.Errorf("a new one: %s", got)
	}
}

func TestNotification_EventIsWordedAsAWSWordsIt(t *testing.T) {
	t.Parallel()
	c, call, p := newPeers(t)
	newVersioned(t, call, "data")
	_, err := api.PutBucketNotificationConfiguration.Do(call, &api.PutBucketNotificationConfigurationInput{Bucket: "data", NotificationConfiguration: api.NotificationConfiguration{
		TopicConfigurations: []api.TopicConfiguration{{ID: new("conf"), TopicARN: topicARN, Events: []api.Event{api.EventS3ObjectCreatedPut}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	c.WaitIdle(t)
	p.take()
	out := put(t, call, "data", "k", "hello")
	c.WaitIdle(t)
	list := p.take()
	if len(list) != 1 {
		t.Fatalf("%d messages", len(list))
	}
	var got map[string][]map[string]any
	if err := json.Unmarshal(list[0].Payload, &got); err != nil {
		t.Fatal(err)
	}
	r := got["Records"][0]
	object := r["s3"].(map[string]any)["object"].(map[string]any)
	if len(object["sequencer"].(string)) != 16 {
		t.Errorf("sequencer %v", object["sequencer"])
	}
	want := fmt.Sprintf(`{"awsRegion":"us-east-1","eventName":"ObjectCreated:Put","eventSource":"aws:s3","eventTime":"2026-01-02T03:04:05.000Z","eventVersion":"2.1",`+
		`"requestParameters":{"sourceIPAddress":""},"responseElements":{"x-amz-id-2":%q,"x-amz-request-id":%q},"s3":{"bucket":{"arn":"arn:aws:s3:::data","name":"data",`+
		`"ownerIdentity":%s},"configurationId":"conf","object":{"eTag":"5d41402abc4b2a76b9719d911017c592","key":"k","sequencer":%q,"size":5,"versionId":%q},`+
		`"s3SchemaVersion":"1.0"},"userIdentity":{"principalId":"AWS:111122223333"}}`, call.RequestID, call.RequestID,
		marshal(t, r["s3"].(map[string]any)["bucket"].(map[string]any)["ownerIdentity"]), object["sequencer"], *out.VersionID)
	if text := marshal(t, r); text != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	if list[0].Source != "s3.amazonaws.com" || list[0].SourceARN != "arn:aws:s3:::data" {
		t.Errorf("delivery %+v", list[0])
	}
}

func marshal(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestPutBucketNotificationConfiguration_RefusesWhatCannotBe(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t) // without any target
	newBucket(t, call, "data")
	set := func(skip bool, n api.NotificationConfiguration) error {
		_, err := api.PutBucketNotificationConfiguration.Do(call, &api.PutBucketNotificationConfigurationInput{Bucket: "data", SkipDestinationValidation: &skip, NotificationConfiguration: n})
		return err
	}
	queues := func(list ...api.QueueConfiguration) api.NotificationConfiguration {
		return api.NotificationConfiguration{QueueConfigurations: list}
	}
	created := []api.Event{api.EventS3ObjectCreatedAll}
	for name, tt := range map[string]struct {
		conf api.NotificationConfiguration
		want string
	}{
		"no such queue":  {queues(queue(queueARN, "", "", created...)), "Unable to validate the following destination configurations"},
		"another region": {queues(queue(strings.Replace(queueARN, "us-east-1", "eu-west-1", 1), "", "", created...)), "region is not valid"},
		"no ARN":         {queues(queue("arn:aws:sns:us-east-1:111122223333:q", "", "", created...)), "The ARN could not be parsed"},
		"no event":       {queues(queue(queueARN, "", "", "s3:Nothing")), "is not supported"},
		"twice":          {queues(queue(queueARN, "", "", created...), queue(queueARN+"2", "", "", api.EventS3ObjectCreatedPut)), "cannot share a common event type"},
		"overlap":        {queues(queue(queueARN, "a", ".x", created...), queue(queueARN+"2", "ab", "", created...)), "overlapping suffixes"},
		"filter": {queues(api.QueueConfiguration{QueueARN: queueARN, Events: created, Filter: &api.NotificationConfigurationFilter{Key: &api.S3KeyFilter{
			FilterRules: []api.FilterRule{{Name: new(api.FilterRuleNamePrefix), Value: new("a")}, {Name: new(api.FilterRuleNamePrefix), Value: new("b")}}}}}), "more than one prefix"},
	} {
		if err := set(false, tt.conf); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := set(true, queues(queue(queueARN, "a", ".x", created...), queue(queueARN+"2", "a", ".y", created...))); err != nil {
		t.Errorf("without validation: %v", err)
	}
	put(t, call, "data", "a.x", "nobody is there to be told")
	c.WaitIdle(t)
	_, err := api.PutBucketNotificationConfiguration.Do(c.CallIn(t, "444455556666", "us-east-1"), &api.PutBucketNotificationConfigurationInput{Bucket: "data"})
	servicetest.WantError(t, err, "AccessDenied")
	_, err = api.GetBucketNotificationConfiguration.Do(call, &api.GetBucketNotificationConfigurationInput{Bucket: "missing"})
	servicetest.WantError(t, err, "NoSuchBucket")
}
