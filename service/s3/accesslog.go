package s3

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/store"
)

// accessLines are records of requests to one bucket, as they were written together.
type accessLines struct {
	BucketID string
	// Day is the day of the requests, for the keys that go by it.
	Day  time.Time
	ID   string
	Text string
}

var accessLogs = store.NewTable("s3/accesslog", func(l *accessLines) store.Key { return store.K(l.BucketID, l.Day, l.ID) })

// accessLine is a record that is not written yet.
type accessLine struct {
	bucket *bucket
	at     time.Time
	text   string
}

// recorder takes records and writes them in batches, beside the requests: while one batch is on its way to the disk, the
// next one gathers. What is not written when the process dies is lost, as AWS's best effort has it.
type recorder struct {
	mu      sync.Mutex // guards the fields below
	lines   []accessLine
	running bool
	batches uint32

	writing sync.Mutex // held while a batch is written
}

const (
	// maxRecords bounds the records that wait to be written; more are dropped.
	maxRecords = 100_000
	// deliveryPause is how long records gather for one object.
	deliveryPause = 5 * time.Minute
)

const accessLogKind = "s3.accesslog"

// logAccess records a request over HTTP that was answered.
func (s *Service) logAccess(call *aws.Call, r *http.Request, in, out any, a *aws.Access) {
	if b := s.loggedBucket(call, a); b != nil {
		a.Operation, a.Size = logName(call.Operation, r.Method), objectSize(in, out)
		s.accessed(b, call, r, a)
	}
}

// loggedBucket returns the bucket that a request was for if its requests are logged, and notes the access point between.
func (s *Service) loggedBucket(call *aws.Call, a *aws.Access) (b *bucket) {
	if a.Bucket == "" {
		return nil
	}
	err := s.DB.View(context.WithoutCancel(call), func(tx *store.Tx) error {
		name := a.Bucket
		if strings.HasSuffix(name, aliasSuffix) || strings.HasPrefix(name, "arn:") {
			p, err := pointNamed(tx, call, name)
			if err != nil || p == nil {
				return ignoreNotFound(err)
			}
			name, a.AccessPoint = p.Bucket, p.arn()
		}
		there, err := loggedBuckets.Has(tx, store.K(call.Partition, name))
		if err != nil || !there {
			return err
		}
		b, err = buckets.Shared(tx, store.K(call.Partition, name))
		return ignoreNotFound(err)
	})
	if err != nil {
		if !aws.IsError(err, "NoSuchAccessPoint") {
			s.Log.Warn("access log", "bucket", a.Bucket, "error", err)
		}
		return nil
	}
	return b
}

// accessed records a request to a bucket whose requests are logged.
func (s *Service) accessed(b *bucket, call *aws.Call, r *http.Request, a *aws.Access) {
	now := s.Clock.Now()
	ctx := context.WithoutCancel(call)
	s.recorder.add(accessLine{b, now, recordLine(b, call, r, a, now)}, func() {
		if err := s.flush(ctx); err != nil {
			s.Log.Warn("write access log", "error", err)
		}
	})
}

// add takes a record, and has flush run beside as long as there are any.
func (r *recorder) add(l accessLine, flush func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.lines) >= maxRecords {
		return
	}
	r.lines = append(r.lines, l)
	if r.running {
		return
	}
	r.running = true
	go func() {
		for r.more() {
			flush()
		}
	}()
}

// more tells whether there are records, and that the writer ends when there are none.
func (r *recorder) more() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running = len(r.lines) > 0
	return r.running
}

// take returns the records that wait, and a number that orders batches of one instant.
func (r *recorder) take() (lines []accessLine, batch uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	lines, r.lines = r.lines, nil
	r.batches++
	return lines, r.batches
}

// flush writes the records that wait.
func (s *Service) flush(ctx context.Context) error {
	s.recorder.writing.Lock()
	defer s.recorder.writing.Unlock()
	lines, batch := s.recorder.take()
	if len(lines) == 0 {
		return nil
	}
	rows := map[string]*accessLines{}
	owners := map[string]*bucket{}
	for _, l := range lines {
		at := l.at.UTC().Truncate(day)
		key := l.bucket.ID + at.Format(time.DateOnly)
		row := rows[key]
		if row == nil {
			row = &accessLines{BucketID: l.bucket.ID, Day: at, ID: fmt.Sprintf("%020d-%010d-%s", l.at.UnixNano(), batch, aws.NewUUID(s.Random))}
			rows[key], owners[key] = row, l.bucket
		}
		row.Text += l.text
	}
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		for key, row := range rows {
			b := owners[key]
			if err := s.Tasks.ScheduleEarlier(tx, accessLogKind, b.Partition+"/"+b.Name, s.Clock.Now().Add(deliveryPause), nil); err != nil {
				return err
			}
			if err := accessLogs.Put(tx, row); err != nil {
				return err
			}
		}
		return nil
	})
}

// recordLine is the record of a request: "Amazon S3 server access log format" of the S3 User Guide.
func recordLine(b *bucket, call *aws.Call, r *http.Request, a *aws.Access, now time.Time) string {
	object, sent, turn := dash, dash, dash
	if a.Sent > 0 {
		sent = strconv.FormatInt(a.Sent, 10)
	}
	if a.Size >= 0 {
		object = strconv.FormatInt(a.Size, 10)
	}
	if a.Turnaround > 0 {
		turn = strconv.FormatInt(a.Turnaround.Milliseconds(), 10)
	}
	signature, auth := dash, dash
	switch {
	case call.Principal.Type == aws.PrincipalAnonymous || call.Principal.Type == "":
	case call.Request.Presigned && call.Request.SignedAt.IsZero():
		signature, auth = "SigV2", "QueryString"
	case call.Request.Presigned:
		signature, auth = "SigV4", "QueryString"
	default:
		signature, auth = "SigV4", "AuthHeader"
	}
	fields := []string{
		canonicalID(b.Account), b.Name, now.UTC().Format("[02/Jan/2006:15:04:05 +0000]"), orDash(call.Request.SourceIP), requester(&call.Principal),
		call.RequestID, a.Operation, orDash(url.QueryEscape(a.Key)), quoted(r.Method + " " + r.URL.RequestURI() + " " + r.Proto),
		strconv.Itoa(a.Status), orDash(a.Code), sent, object, strconv.FormatInt(a.Took.Milliseconds(), 10), turn, quoted(r.Referer()), quoted(r.UserAgent()),
		orDash(r.URL.Query().Get("versionId")), call.RequestID, signature, orDash(a.Cipher), auth, orDash(r.Host), orDash(a.TLS), orDash(a.AccessPoint), dash, dash,
	}
	return strings.Join(fields, " ") + "\n"
}

// dash stands for what there is nothing to tell of.
const dash = "-"

// maxField bounds what a client can write into one field of a record, in bytes.
const maxField = 16 << 10

func orDash(s string) string {
	if s == "" {
		return dash
	}
	s = s[:min(len(s), maxField)]
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7f {
			return '+'
		}
		return r
	}, s)
}

// quoted keeps a client's text within its field.
func quoted(s string) string {
	if s == "" {
		s = dash
	}
	s = s[:min(len(s), maxField)]
	return `"` + strings.Map(func(r rune) rune {
		if r < ' ' || r == '"' || r == 0x7f {
			return '?'
		}
		return r
	}, s) + `"`
}

// requester is how records name a caller.
func requester(p *aws.Principal) string {
	switch p.Type {
	case aws.PrincipalAnonymous, "":
		return dash
	case aws.PrincipalRoot:
		return canonicalID(p.Account)
	case aws.PrincipalService:
		return "svc:" + p.Name
	case aws.PrincipalUser, aws.PrincipalAssumedRole, aws.PrincipalFederatedUser:
	}
	return orDash(p.ARN)
}

// logNames are what records call operations, where it does not follow from their names.
var logNames = map[string]string{
	"ListObjects": "REST.GET.BUCKET", "ListObjectsV2": "REST.GET.BUCKET", "ListObjectVersions": "REST.GET.BUCKETVERSIONS",
	"CreateMultipartUpload": "REST.POST.UPLOADS", "UploadPart": "REST.PUT.PART", "UploadPartCopy": "REST.COPY.PART", "CompleteMultipartUpload": "REST.POST.UPLOAD",
	"AbortMultipartUpload": "REST.DELETE.UPLOAD", "ListParts": "REST.GET.UPLOAD", "ListMultipartUploads": "REST.GET.UPLOADS",
	"CopyObject": "REST.COPY.OBJECT", "DeleteObjects": "REST.POST.MULTI_OBJECT_DELETE", "RestoreObject": "REST.POST.RESTORE", "SelectObjectContent": "REST.SELECT.OBJECT",
	"GetBucketLogging": "REST.GET.LOGGING_STATUS", "PutBucketLogging": "REST.PUT.LOGGING_STATUS", "GetBucketPolicy": "REST.GET.BUCKETPOLICY",
	"PutBucketPolicy": "REST.PUT.BUCKETPOLICY", "DeleteBucketPolicy": "REST.DELETE.BUCKETPOLICY", "GetBucketPolicyStatus": "REST.GET.POLICY_STATUS",
	"CreateBucket": "REST.PUT.BUCKET", "GetObjectTagging": "REST.GET.OBJECT_TAGGING", "PutObjectTagging": "REST.PUT.OBJECT_TAGGING",
	"DeleteObjectTagging": "REST.DELETE.OBJECT_TAGGING", "GetObjectAcl": "REST.GET.ACL", "PutObjectAcl": "REST.PUT.ACL", "GetBucketAcl": "REST.GET.ACL", "PutBucketAcl": "REST.PUT.ACL",
	"GetObjectAttributes": "REST.GET.OBJECT_ATTRIBUTES", "GetObjectRetention": "REST.GET.OBJECT_LOCK_RETENTION", "PutObjectRetention": "REST.PUT.OBJECT_LOCK_RETENTION",
	"GetObjectLegalHold": "REST.GET.OBJECT_LOCK_LEGALHOLD", "PutObjectLegalHold": "REST.PUT.OBJECT_LOCK_LEGALHOLD",
}

// logName is what records call an operation: of GetBucketRequestPayment, REST.GET.REQUEST_PAYMENT.
func logName(op *aws.Operation, method string) string {
	if op == nil {
		return "REST." + method + ".OBJECT"
	}
	if name := logNames[op.Name]; name != "" {
		return name
	}
	noun := op.Name
	for _, verb := range []string{"Get", "Put", "Head", "Delete", "List", "Create"} {
		noun = strings.TrimPrefix(noun, verb)
	}
	if rest := strings.TrimPrefix(noun, "Bucket"); rest != "" {
		noun = rest
	}
	noun = strings.TrimSuffix(noun, "Configuration")
	var out strings.Builder
	for i, c := range noun {
		if i > 0 && c >= 'A' && c <= 'Z' {
			out.WriteByte('_')
		}
		out.WriteRune(c)
	}
	return "REST." + method + "." + strings.ToUpper(out.String())
}

// objectSize is the size of the object that a request is about, -1 for none.
func objectSize(in, out any) int64 {
	var sent *int64
	switch i := in.(type) {
	case *api.PutObjectInput:
		sent = i.ContentLength
	case *api.UploadPartInput:
		sent = i.ContentLength
	}
	if sent != nil {
		return *sent
	}
	switch o := out.(type) {
	case *api.GetObjectOutput:
		if o.ContentRange != nil {
			if _, total, ok := strings.Cut(*o.ContentRange, "/"); ok {
				if n, err := strconv.ParseInt(total, 10, 64); err == nil {
					return n
				}
			}
		}
		return *o.ContentLength
	case *api.HeadObjectOutput:
		return *o.ContentLength
	}
	return -1
}
