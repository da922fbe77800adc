package logs

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"testing"
	"time"

	api "drydock/api/logs"
	"drydock/api/s3"
	"drydock/aws"
	"drydock/service"
	"drydock/service/kms"
	"drydock/service/logs"
	s3service "drydock/service/s3"
	"drydock/service/servicetest"
)

func newCloud(t *testing.T) (*servicetest.Cloud, *aws.Call) {
	t.Helper()
	c := servicetest.New(t, func(d service.Deps) []service.Module {
		return []service.Module{logs.New(d), s3service.New(d), kms.New(d)}
	})
	return c, c.Call(t)
}

func do[In, Out any](t *testing.T, op aws.Op[In, Out], call *aws.Call, in *In) *Out {
	t.Helper()
	out, err := op.Do(call, in)
	if err != nil {
		t.Fatalf("%s: %v", op.Name, err)
	}
	return out
}

// at is so long after the start, in milliseconds.
func at(d time.Duration) int64 { return servicetest.Start.Add(d).UnixMilli() }

// write makes the group "app", unless it is there, and a stream with messages, a second apart.
func write(t *testing.T, call *aws.Call, stream string, messages ...string) {
	t.Helper()
	_, err := api.CreateLogGroup.Do(call, &api.CreateLogGroupInput{LogGroupName: "app"})
	if err != nil && aws.ErrorCode(err) != "ResourceAlreadyExistsException" {
		t.Fatal(err)
	}
	do(t, api.CreateLogStream, call, &api.CreateLogStreamInput{LogGroupName: "app", LogStreamName: stream})
	in := &api.PutLogEventsInput{LogGroupName: "app", LogStreamName: stream}
	for i, m := range messages {
		in.LogEvents = append(in.LogEvents, api.InputLogEvent{Timestamp: at(time.Duration(i) * time.Second), Message: m})
	}
	do(t, api.PutLogEvents, call, in)
}

// objects returns the texts of a bucket's objects by their keys.
func objects(t *testing.T, call *aws.Call, bucket string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, o := range do(t, s3.ListObjectsV2, call, &s3.ListObjectsV2Input{Bucket: bucket}).Contents {
		data, err := io.ReadAll(do(t, s3.GetObject, call, &s3.GetObjectInput{Bucket: bucket, Key: *o.Key}).Body)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
			r, err := gzip.NewReader(bytes.NewReader(data))
			if err == nil {
				data, err = io.ReadAll(r)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		found[*o.Key] = string(data)
	}
	return found
}

// letIn makes a bucket whose policy lets the exports of the account's groups in.
func letIn(t *testing.T, call *aws.Call, bucket string) {
	t.Helper()
	do(t, s3.CreateBucket, call, &s3.CreateBucketInput{Bucket: bucket})
	statement := func(action, resource string) string {
		return fmt.Sprintf(`{"Effect":"Allow","Principal":{"Service":"logs.us-east-1.amazonaws.com"},"Action":%q,"Resource":%q,
			"Condition":{"StringEquals":{"aws:SourceAccount":"111122223333"},"ArnLike":{"aws:SourceArn":"arn:aws:logs:us-east-1:111122223333:log-group:*"}}}`, action, resource)
	}
	do(t, s3.PutBucketPolicy, call, &s3.PutBucketPolicyInput{Bucket: bucket, Policy: `{"Version":"2012-10-17","Statement":[` +
		statement("s3:GetBucketAcl", "arn:aws:s3:::"+bucket) + `,` + statement("s3:PutObject", "arn:aws:s3:::"+bucket+"/*") + `]}`})
}
