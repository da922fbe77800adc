package logs

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	api "drydock/api/logs"
	"drydock/api/s3"
	"drydock/ledger"
	"drydock/service/servicetest"
)

func TestExport_WritesObjectsToABucket(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CWL-06")
	c, call := newCloud(t)
	write(t, call, "web/1", "a", "b", "c")
	write(t, call, "web/2", "d")
	write(t, call, "other", "e")
	letIn(t, call, "bucket")
	in := &api.CreateExportTaskInput{
		TaskName: new("task"), LogGroupName: "app", LogStreamNamePrefix: new("web/"), From: at(0), To: at(2 * time.Second), Destination: "bucket", DestinationPrefix: new("logs"),
	}
	id := *do(t, api.CreateExportTask, call, in).TaskID
	_, err := api.CreateExportTask.Do(call, in) // one at a time
	servicetest.WantError(t, err, "LimitExceededException")
	running := do(t, api.DescribeExportTasks, call, &api.DescribeExportTasksInput{TaskID: &id}).ExportTasks[0]
	if s := *running.Status.Code; s != api.ExportTaskStatusCodePending && s != api.ExportTaskStatusCodeRunning {
		t.Errorf("status %s", s)
	}
	c.WaitIdle(t)
	task := do(t, api.DescribeExportTasks, call, &api.DescribeExportTasksInput{StatusCode: new(api.ExportTaskStatusCodeCompleted)}).ExportTasks[0]
	if *task.TaskID != id || *task.TaskName != "task" || *task.ExecutionInfo.CompletionTime != at(0) {
		t.Errorf("task %+v", task)
	}
	want := map[string]string{
		"logs/aws-logs-write-test":        "Permission Check Successful",
		"logs/" + id + "/web-1/000000.gz": "2026-01-02T03:04:05.000Z a\n2026-01-02T03:04:06.000Z b\n",
		"logs/" + id + "/web-2/000000.gz": "2026-01-02T03:04:05.000Z d\n",
	}
	if diff := cmp.Diff(want, objects(t, call, "bucket")); diff != "" {
		t.Error(diff)
	}
	_, err = api.CancelExportTask.Do(call, &api.CancelExportTaskInput{TaskID: id})
	servicetest.WantError(t, err, "InvalidOperationException")
}

func TestExport_MakesSeveralObjectsOfALongStream(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CWL-06")
	c, call := newCloud(t)
	write(t, call, "one", "first")
	line := strings.Repeat("x", 250_000)
	for i := range 50 {
		in := &api.PutLogEventsInput{LogGroupName: "app", LogStreamName: "one"}
		for range 4 {
			in.LogEvents = append(in.LogEvents, api.InputLogEvent{Timestamp: at(time.Duration(i) * time.Second), Message: line})
		}
		do(t, api.PutLogEvents, call, in)
	}
	letIn(t, call, "bucket")
	do(t, api.CreateExportTask, call, &api.CreateExportTaskInput{LogGroupName: "app", From: 1, To: at(time.Hour), Destination: "bucket"})
	c.WaitIdle(t)
	lines, parts := 0, 0
	for key, text := range objects(t, call, "bucket") {
		if strings.HasSuffix(key, ".gz") {
			parts++
			lines += strings.Count(text, "\n")
		}
	}
	if lines != 201 || parts != 2 {
		t.Errorf("%d lines in %d objects", lines, parts)
	}
}

func TestExport_AsksTheBucketsPolicy(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	write(t, call, "one", "a")
	in := &api.CreateExportTaskInput{LogGroupName: "app", From: 1, To: at(time.Hour), Destination: "bucket"}
	refused := func(message string) {
		t.Helper()
		_, err := api.CreateExportTask.Do(call, in)
		servicetest.WantError(t, err, "InvalidParameterException")
		if err != nil && !strings.Contains(err.Error(), message) {
			t.Errorf("error %v, want %s", err, message)
		}
	}
	refused("The given bucket does not exist.")
	do(t, s3.CreateBucket, call, &s3.CreateBucketInput{Bucket: "bucket"})
	refused("GetBucketAcl call on the given bucket failed.")
	do(t, s3.PutBucketPolicy, call, &s3.PutBucketPolicyInput{Bucket: "bucket", Policy: `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":{"Service":"logs.us-east-1.amazonaws.com"},"Action":"s3:GetBucketAcl","Resource":"arn:aws:s3:::bucket"}]}`})
	refused("PutObject call on the given bucket failed.")
	if got := objects(t, call, "bucket"); len(got) != 0 {
		t.Errorf("objects %v", got)
	}
	// What is allowed when the task begins may be forbidden later.
	letIn(t, call, "other")
	in.Destination = "other"
	id := do(t, api.CreateExportTask, call, in).TaskID
	do(t, s3.DeleteBucketPolicy, call, &s3.DeleteBucketPolicyInput{Bucket: "other"})
	c.WaitIdle(t)
	task := do(t, api.DescribeExportTasks, call, &api.DescribeExportTasksInput{TaskID: id}).ExportTasks[0]
	if *task.Status.Code != api.ExportTaskStatusCodeFailed || !strings.Contains(*task.Status.Message, "PutObject") {
		t.Errorf("task %+v", task.Status)
	}
}

func TestExport_IsCancelled(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	write(t, call, "one", "a")
	letIn(t, call, "bucket")
	id := do(t, api.CreateExportTask, call, &api.CreateExportTaskInput{LogGroupName: "app", From: 1, To: at(time.Hour), Destination: "bucket"}).TaskID
	do(t, api.CancelExportTask, call, &api.CancelExportTaskInput{TaskID: *id})
	c.WaitIdle(t)
	task := do(t, api.DescribeExportTasks, call, &api.DescribeExportTasksInput{TaskID: id}).ExportTasks[0]
	if *task.Status.Code != api.ExportTaskStatusCodeCancelled {
		t.Errorf("task %+v", task.Status)
	}
	if got := objects(t, call, "bucket"); len(got) != 1 {
		t.Errorf("objects %v", got)
	}
}

func TestExport_Errors(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	write(t, call, "one", "a")
	_, err := api.CreateExportTask.Do(call, &api.CreateExportTaskInput{LogGroupName: "none", From: 1, To: 2, Destination: "bucket"})
	servicetest.WantError(t, err, "ResourceNotFoundException")
	_, err = api.CreateExportTask.Do(call, &api.CreateExportTaskInput{LogGroupName: "app", From: 2, To: 2, Destination: "bucket"})
	servicetest.WantError(t, err, "InvalidParameterException")
	_, err = api.CancelExportTask.Do(call, &api.CancelExportTaskInput{TaskID: "none"})
	servicetest.WantError(t, err, "ResourceNotFoundException")
	_, err = api.DescribeExportTasks.Do(call, &api.DescribeExportTasksInput{TaskID: new("none")})
	servicetest.WantError(t, err, "ResourceNotFoundException")
}

func TestDataProtection_ReportsToABucket(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	write(t, call, "one", "a")
	do(t, s3.CreateBucket, call, &s3.CreateBucketInput{Bucket: "bucket"})
	const id = `"arn:aws:dataprotection::aws:data-identifier/EmailAddress"`
	do(t, api.PutDataProtectionPolicy, call, &api.PutDataProtectionPolicyInput{LogGroupIdentifier: "app", PolicyDocument: `{"Version":"2021-06-01","Statement":[
		{"DataIdentifier":[` + id + `],"Operation":{"Audit":{"FindingsDestination":{"S3":{"Bucket":"bucket"}}}}},
		{"DataIdentifier":[` + id + `],"Operation":{"Deidentify":{"MaskConfig":{}}}}]}`})
	write(t, call, "two", "to a@example.com", "no one")
	c.WaitIdle(t)
	found := objects(t, call, "bucket")
	if len(found) != 1 {
		t.Fatalf("objects %v", found)
	}
	for key, text := range found {
		if !strings.HasPrefix(key, "AWSLogs/111122223333/CloudWatchLogs/us-east-1/app/2026/01/02/") || !strings.Contains(text, `"name":"EmailAddress","count":1`) {
			t.Errorf("%s: %s", key, text)
		}
	}
	// What is masked is masked in an export too.
	letIn(t, call, "exports")
	do(t, api.CreateExportTask, call, &api.CreateExportTaskInput{LogGroupName: "app", From: 1, To: at(time.Hour), Destination: "exports"})
	c.WaitIdle(t)
	for key, text := range objects(t, call, "exports") {
		if strings.Contains(text, "example") {
			t.Errorf("%s: %s", key, text)
		}
	}
}
