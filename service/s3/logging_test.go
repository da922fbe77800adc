package s3_test

import (
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/clock"
	"drydock/ledger"
	"drydock/service/servicetest"
	"drydock/store"
)

// fetch sends an unsigned request to a host and returns the response with its body.
func fetch(t testing.TB, base, method, host, path string, header ...string) (answer, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, base+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if host != "" {
		r.Host = host
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header}, string(body)
}

// answer is a response without its body.
type answer struct {
	status int
	Header http.Header
}

// open lets everyone do what a policy's statements say.
func allow(t testing.TB, call *aws.Call, bucket, principal, action, more string) {
	t.Helper()
	if _, err := api.DeletePublicAccessBlock.Do(call, &api.DeletePublicAccessBlockInput{Bucket: bucket}); err != nil {
		t.Fatal(err)
	}
	doc := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":` + principal + `,"Action":"` + action + `","Resource":["arn:aws:s3:::` + bucket + `","arn:aws:s3:::` + bucket + `/*"]` + more + `}]}`
	if _, err := api.PutBucketPolicy.Do(call, &api.PutBucketPolicyInput{Bucket: bucket, Policy: doc}); err != nil {
		t.Fatal(err)
	}
}

func logTo(call *aws.Call, bucket string, l *api.LoggingEnabled) error {
	_, err := api.PutBucketLogging.Do(call, &api.PutBucketLoggingInput{Bucket: bucket, BucketLoggingStatus: api.BucketLoggingStatus{LoggingEnabled: l}})
	return err
}

// logs returns the keys and the records that were delivered.
func logs(t testing.TB, call *aws.Call, bucket string) (keys []string, text string) {
	t.Helper()
	out, err := api.ListObjectsV2.Do(call, &api.ListObjectsV2Input{Bucket: bucket})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range out.Contents {
		keys = append(keys, *o.Key)
		text += get(t, call, &api.GetObjectInput{Bucket: bucket, Key: *o.Key})
	}
	return keys, text
}

// recorded waits until the records of requests to a bucket are on their way to be delivered: they are written beside the
// requests.
func recorded(t testing.TB, c *servicetest.Cloud, bucket string) {
	t.Helper()
	for {
		err := c.DB.View(t.Context(), func(tx *store.Tx) error {
			_, err := c.Tasks.Pending(tx, "s3.accesslog", "aws/"+bucket)
			return err
		})
		if err == nil {
			return
		}
		if !errors.Is(err, store.ErrNotFound) {
			t.Fatal(err)
		}
		if err := clock.Pause(t.Context(), time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLogging_DeliversARecordOfEachRequest(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "S3-15", "CWL-16")
	c, call := newCloud(t)
	url := c.URL(t)
	for _, name := range []string{"data", "target", "quiet"} {
		newBucket(t, call, name)
	}
	allow(t, call, "data", `"*"`, "s3:GetObject", "")
	allow(t, call, "target", `{"Service":"logging.s3.amazonaws.com"}`, "s3:PutObject", `,"Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:s3:::data"},"StringEquals":{"aws:SourceAccount":"`+servicetest.Account+`"}}`)
	put(t, call, "data", "a b", "hello")
	if _, body := fetch(t, url, "GET", "", "/data/a%20b"); body != "hello" {
		t.Fatal(body)
	}
	if err := logTo(call, "data", &api.LoggingEnabled{TargetBucket: "target", TargetPrefix: "logs/"}); err != nil {
		t.Fatal(err)
	}
	fetch(t, url, "GET", "", "/data/a%20b?versionId=null", "User-Agent", `a "b"`, "Referer", "http://x/")
	fetch(t, url, "GET", "", "/data/missing")
	fetch(t, url, "DELETE", "", "/data/a%20b")
	fetch(t, url, "GET", "", "/quiet/x")
	recorded(t, c, "data")
	c.Advance(t, time.Hour)
	keys, text := logs(t, call, "target")
	if len(keys) != 1 || !regexp.MustCompile(`^logs/2026-01-02-03-09-05-[0-9A-F]{16}$`).MatchString(keys[0]) {
		t.Errorf("keys %q", keys)
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) != 3 {
		t.Fatalf("%d records:\n%s", len(lines), text)
	}
	id := `[0-9a-f-]{36}`
	for i, want := range []string{
		`^[0-9a-f]{64} data \[02/Jan/2026:03:04:05 \+0000\] 127\.0\.0\.1 - ` + id + ` REST\.GET\.OBJECT a\+b "GET /data/a%20b\?versionId=null HTTP/1\.1" 403 AccessDenied \d+ - \d+ - "http://x/" "a \?b\?" null ` + id + ` - - - 127\.0\.0\.1:\d+ - - - -$`,
		`^\S+ data \[.*\] \S+ - ` + id + ` REST\.GET\.OBJECT missing "GET /data/missing HTTP/1\.1" 403 AccessDenied \d+ - \d+ \d* ?-? ?"-" "Go-http-client/1\.1" - `,
		` REST\.DELETE\.OBJECT a\+b "DELETE /data/a%20b HTTP/1\.1" 403 AccessDenied `,
	} {
		if !regexp.MustCompile(want).MatchString(lines[i]) {
			t.Errorf("record %d is\n%s\nwant\n%s", i, lines[i], want)
		}
	}
	fetch(t, url, "GET", "", "/data/a%20b", "Range", "bytes=1-2")
	recorded(t, c, "data")
	c.Advance(t, time.Hour)
	if _, text := logs(t, call, "target"); !strings.Contains(text, `"GET /data/a%20b HTTP/1.1" 206 - 2 5 `) {
		t.Errorf("a range:\n%s", text)
	}
	if err := logTo(call, "data", nil); err != nil {
		t.Fatal(err)
	}
	fetch(t, url, "GET", "", "/data/a%20b")
	c.Advance(t, time.Hour)
	if keys, _ := logs(t, call, "target"); len(keys) != 2 {
		t.Errorf("after logging was ended: %q", keys)
	}
}

func TestLogging_KeysGoByTheDayOfTheRequest(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	newBucket(t, call, "data")
	newBucket(t, call, "target")
	allow(t, call, "target", `{"Service":"logging.s3.amazonaws.com"}`, "s3:PutObject", "")
	for _, source := range []api.PartitionDateSource{api.PartitionDateSourceEventTime, api.PartitionDateSourceDeliveryTime} {
		err := logTo(call, "data", &api.LoggingEnabled{TargetBucket: "target", TargetPrefix: string(source) + "/", TargetObjectKeyFormat: &api.TargetObjectKeyFormat{
			PartitionedPrefix: &api.PartitionedPrefix{PartitionDateSource: new(source)},
		}})
		if err != nil {
			t.Fatal(err)
		}
		fetch(t, c.URL(t), "GET", "", "/data/k")
		recorded(t, c, "data")
		c.Advance(t, time.Hour)
	}
	keys, _ := logs(t, call, "target")
	want := `^DeliveryTime/111122223333/us-east-1/data/2026/01/02/2026-01-02-04-09-05-[0-9A-F]{16} EventTime/111122223333/us-east-1/data/2026/01/02/2026-01-02-00-00-00-[0-9A-F]{16}$`
	if got := strings.Join(keys, " "); !regexp.MustCompile(want).MatchString(got) {
		t.Errorf("keys %s", got)
	}
}

func TestLogging_IsDeliveredWhereTheGroupMayWrite(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "S3-49")
	c, call := newCloud(t)
	newBucket(t, call, "data")
	if _, err := api.CreateBucket.Do(call, &api.CreateBucketInput{Bucket: "target", ObjectOwnership: new(api.ObjectOwnershipObjectWriter)}); err != nil {
		t.Fatal(err)
	}
	if err := logTo(call, "data", &api.LoggingEnabled{TargetBucket: "target"}); err != nil {
		t.Fatal(err)
	}
	for _, acl := range []api.BucketCannedACL{api.BucketCannedACLPrivate, "log-delivery-write"} {
		if _, err := api.PutBucketACL.Do(call, &api.PutBucketACLInput{Bucket: "target", ACL: &acl}); err != nil {
			t.Fatal(err)
		}
		fetch(t, c.URL(t), "GET", "", "/data/k")
		recorded(t, c, "data")
		c.Advance(t, time.Hour)
		if keys, _ := logs(t, call, "target"); (len(keys) == 1) != (acl == "log-delivery-write") {
			t.Errorf("with the ACL %s: %q", acl, keys)
		}
	}
}

func TestLogging_NeedsTheTargetsConsent(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	newBucket(t, call, "data")
	newBucket(t, call, "target")
	if err := logTo(call, "data", &api.LoggingEnabled{TargetBucket: "target"}); err != nil {
		t.Fatal(err)
	}
	fetch(t, c.URL(t), "GET", "", "/data/k")
	recorded(t, c, "data")
	c.Advance(t, time.Hour)
	if keys, _ := logs(t, call, "target"); len(keys) != 0 {
		t.Errorf("delivered %q", keys)
	}
	other := c.CallIn(t, "444455556666", "us-east-1")
	newBucket(t, other, "others")
	far := c.CallIn(t, servicetest.Account, "eu-west-1")
	newVersioned(t, far, "far")
	for target, want := range map[string]string{"missing": "InvalidTargetBucketForLogging", "others": "InvalidTargetBucketForLogging", "far": "CrossLocationLoggingProhibited"} {
		servicetest.WantError(t, logTo(call, "data", &api.LoggingEnabled{TargetBucket: target}), want)
	}
	servicetest.WantError(t, logTo(other, "data", nil), "AccessDenied")
	servicetest.WantError(t, logTo(call, "missing", nil), "NoSuchBucket")
	out, err := api.GetBucketLogging.Do(call, &api.GetBucketLoggingInput{Bucket: "data"})
	if err != nil || out.LoggingEnabled.TargetBucket != "target" {
		t.Errorf("logging %+v, %v", out, err)
	}
}
