package logs

import (
	"errors"
	"strings"
	"time"

	"drydock/api/s3"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/store"
)

// exportTask writes events of a group to a bucket.
type exportTask struct {
	Account, Region, ID string
	Name                *string
	Group               string
	StreamPrefix        string
	From, To            int64
	Bucket, Prefix      string
	Status              api.ExportTaskStatusCode
	Message             string
	Created, Completed  time.Time
	// Stream, Part and After are how far it has come: the stream it is at, its next object, and behind which event that
	// goes on.
	Stream string
	Part   int
	After  string
}

var (
	// exportTasksRunning has the tasks that are not at their end.
	exportTasksRunning = store.NewIndex("running", func(t *exportTask) []store.Key {
		if t.ended() {
			return nil
		}
		return []store.Key{store.K(t.Account, t.Region)}
	})
	exportTasks = store.NewTable("logs/exporttask", func(t *exportTask) store.Key {
		return store.K(t.Account, t.Region, t.ID)
	}, exportTasksRunning)
)

const (
	noExportTask = "The specified export task does not exist."
	// defaultExportPrefix begins the keys of objects when the request does not say.
	defaultExportPrefix = "exportedlogs"
	// exportTest is the object by which the bucket is tried.
	exportTest = "aws-logs-write-test"
)

func (t *exportTask) ended() bool {
	return t.Status != api.ExportTaskStatusCodePending && t.Status != api.ExportTaskStatusCodeRunning
}

// createExportTask starts an export, once the bucket has taken a first object.
func (s *Service) createExportTask(call *aws.Call, in *api.CreateExportTaskInput) (*api.CreateExportTaskOutput, error) {
	if in.From >= in.To {
		return nil, api.NewInvalidParameterException("The value of 'from' must be before the value of 'to'.")
	}
	t := &exportTask{
		Account: call.Account, Region: call.Region, ID: call.NewUUID(), Name: in.TaskName, Group: in.LogGroupName, From: in.From, To: in.To,
		Bucket: in.Destination, Prefix: defaultExportPrefix, Status: api.ExportTaskStatusCodePending, Created: call.Now(),
	}
	if in.LogStreamNamePrefix != nil {
		t.StreamPrefix = *in.LogStreamNamePrefix
	}
	if in.DestinationPrefix != nil && *in.DestinationPrefix != "" {
		t.Prefix = *in.DestinationPrefix
	}
	if err := s.DB.View(call, func(tx *store.Tx) error { return t.canRun(tx, call) }); err != nil {
		return nil, err
	}
	if err := s.tryBucket(call, t); err != nil {
		return nil, err
	}
	err := s.DB.Update(call, func(tx *store.Tx) error {
		if err := t.canRun(tx, call); err != nil {
			return err
		}
		if err := exportTasks.Put(tx, t); err != nil {
			return err
		}
		return s.scheduleExport(tx, t)
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateExportTaskOutput{TaskID: &t.ID}, nil
}

// canRun refuses a task whose group is not there, or while another runs.
func (t *exportTask) canRun(tx *store.Tx, call *aws.Call) error {
	g, err := getLogGroup(tx, call, t.Group)
	if err != nil {
		return err
	}
	if err := g.standard(call); err != nil {
		return err
	}
	switch _, err := exportTasksRunning.First(tx, store.K(t.Account, t.Region)); {
	case err == nil:
		return api.NewLimitExceededException(limitExceeded)
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	return nil
}

// exportCall is a call to S3 for an export, by the service.
func (s *Service) exportCall(call *aws.Call, account string) *aws.Call {
	return call.As(aws.ServicePrincipal(s.principal(call.Region), account))
}

// bucketRefuses says which request to S3 did not succeed.
func bucketRefuses(operation string, err error) error {
	e, ok := errors.AsType[*aws.Error](err)
	switch {
	case !ok || e.Status >= 500:
		return err
	case e.Code == "NoSuchBucket":
		return api.NewInvalidParameterException("The given bucket does not exist. Please provide a valid bucket.").WithCause(err)
	}
	return api.NewInvalidParameterException("%s call on the given bucket failed. Please check if CloudWatch Logs has been granted permission to perform this operation.",
		operation).WithCause(err)
}

// tryBucket finds out whether the bucket takes what the task will write.
func (s *Service) tryBucket(call *aws.Call, t *exportTask) error {
	as := s.exportCall(call, t.Account)
	if _, err := s3.GetBucketACL.Do(as, &s3.GetBucketACLInput{Bucket: t.Bucket}); err != nil {
		return bucketRefuses("GetBucketAcl", err)
	}
	bucket := aws.ARN{Partition: call.Partition, Service: "s3", Resource: t.Bucket}.String()
	if err := s.agrees(call, t, "s3:GetBucketAcl", bucket); err != nil {
		return bucketRefuses("GetBucketAcl", err)
	}
	key := t.Prefix + "/" + exportTest
	if err := s.agrees(call, t, "s3:PutObject", bucket+"/"+key); err != nil {
		return bucketRefuses("PutObject", err)
	}
	if _, err := s3.PutObject.Do(as, &s3.PutObjectInput{
		Bucket: t.Bucket, Key: key, Body: strings.NewReader("Permission Check Successful"), ACL: new(s3.ObjectCannedACLBucketOwnerFullControl),
	}); err != nil {
		return bucketRefuses("PutObject", err)
	}
	return nil
}

// agrees asks for the bucket policy's consent, which an export needs in the caller's own account too. Services that act
// within their account and in the process need none, so that it is asked for as if the request came from outside.
func (s *Service) agrees(call *aws.Call, t *exportTask, action, resource string) error {
	as := s.exportCall(call, t.Account)
	as.Request = aws.RequestInfo{Host: "s3." + call.Region + ".amazonaws.com", Secure: true}
	as.Operation = s3.PutObject.Operation
	source := call.ARN("logs", "log-group:"+t.Group+":*").String()
	return call.Cloud.Authorize(as, aws.Check{
		Action: action, Resource: resource,
		Keys: map[string][]string{"aws:SourceArn": {source}, "aws:SourceAccount": {t.Account}, "s3:x-amz-acl": {"bucket-owner-full-control"}},
	})
}

// describeExportTasks lists tasks.
func (s *Service) describeExportTasks(call *aws.Call, in *api.DescribeExportTasksInput) (*api.DescribeExportTasksOutput, error) {
	of := store.K(call.Account, call.Region)
	if in.TaskID != nil {
		of = of.With(*in.TaskID)
	}
	l := listTable(exportTasks, store.Range{Prefix: of}, in.Limit, in.NextToken)
	l.wanted = func(t *exportTask) bool { return in.StatusCode == nil || t.Status == *in.StatusCode }
	found, next, err := l.page(s, call)
	if err != nil {
		return nil, err
	}
	if in.TaskID != nil && in.StatusCode == nil && len(found) == 0 {
		return nil, api.NewResourceNotFoundException(noExportTask)
	}
	out := &api.DescribeExportTasksOutput{ExportTasks: make([]api.ExportTask, len(found)), NextToken: next}
	for i, t := range found {
		out.ExportTasks[i] = t.describe()
	}
	return out, nil
}

func (t *exportTask) describe() api.ExportTask {
	shown := api.ExportTask{
		TaskID: &t.ID, TaskName: t.Name, LogGroupName: &t.Group, From: &t.From, To: &t.To, Destination: &t.Bucket, DestinationPrefix: &t.Prefix,
		Status:        &api.ExportTaskStatus{Code: &t.Status},
		ExecutionInfo: &api.ExportTaskExecutionInfo{CreationTime: new(t.Created.UnixMilli())},
	}
	if t.Message != "" {
		shown.Status.Message = &t.Message
	}
	if !t.Completed.IsZero() {
		shown.ExecutionInfo.CompletionTime = new(t.Completed.UnixMilli())
	}
	return shown
}

// cancelExportTask ends a task that has not ended. What it has written stays.
func (s *Service) cancelExportTask(call *aws.Call, in *api.CancelExportTaskInput) (*api.CancelExportTaskOutput, error) {
	now := call.Now()
	err := s.DB.Update(call, func(tx *store.Tx) error {
		t, err := exportTasks.Get(tx, store.K(call.Account, call.Region, in.TaskID))
		if errors.Is(err, store.ErrNotFound) {
			return api.NewResourceNotFoundException(noExportTask)
		}
		if err != nil {
			return err
		}
		if t.ended() {
			return api.NewInvalidOperationException("The export task has already ended: its status is %s.", t.Status)
		}
		t.Status, t.Message, t.Completed = api.ExportTaskStatusCodeCancelled, "Cancelled by user", now
		return exportTasks.Put(tx, t)
	})
	if err != nil {
		return nil, err
	}
	return &api.CancelExportTaskOutput{}, nil
}
