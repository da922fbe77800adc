package wiretest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"drydock/api/codebuild"
	"drydock/api/codecommit"
	"drydock/api/iam"
	"drydock/api/kms"
	"drydock/api/logs"
	"drydock/api/s3"
	"drydock/aws"
	"drydock/wire"
	"drydock/wire/eventstream"
	"drydock/wire/shape"
)

// decode decodes a body as an operation's input and validates it.
func decode(op *aws.Operation, p aws.Protocol, body string, labels ...wire.Label) error {
	r := httptest.NewRequest(op.Method, "/", strings.NewReader(body))
	in := op.NewInput()
	missing, err := wire.For(p).Decode(op, &wire.Request{Request: r, Labels: labels, MaxBody: 1 << 20}, in)
	if err != nil {
		return err
	}
	return shape.Validate(op, in, missing)
}

func TestDecode_TellsAbsentFromEmpty(t *testing.T) {
	t.Parallel()
	const null = "1 validation error detected: Value null at '%' failed to satisfy constraint: Member must not be null"
	for _, c := range []struct {
		op         *aws.Operation
		body, want string
	}{
		{kms.DescribeKey.Operation, `{}`, "ValidationException: " + strings.Replace(null, "%", "keyId", 1)},
		{kms.DescribeKey.Operation, `{"KeyId":null}`, "ValidationException: " + strings.Replace(null, "%", "keyId", 1)},
		{kms.DescribeKey.Operation, `{"KeyId":"a"}`, ""},
		{kms.TagResource.Operation, `{"KeyId":"a","Tags":[{"TagKey":"a","TagValue":"b"},{"TagKey":"b"}]}`,
			"ValidationException: " + strings.Replace(null, "%", "tags.2.member.tagValue", 1)},
		{kms.TagResource.Operation, `{"KeyId":"a"}`, "ValidationException: " + strings.Replace(null, "%", "tags", 1)},
		{iam.GetRole.Operation, `Action=GetRole`, "ValidationError: " + strings.Replace(null, "%", "roleName", 1)},
		{iam.TagRole.Operation, `RoleName=r&Tags.member.1.Key=a`, "ValidationError: " + strings.Replace(null, "%", "tags.1.member.value", 1)},
		{iam.TagRole.Operation, `RoleName=r&Tags.member.2.Key=b&Tags.member.2.Value=&Tags.member.10.Key=a&Tags.member.10.Value=`, ""},
		{codecommit.GetRepository.Operation, `{}`, ""},
	} {
		got := ""
		if err := decode(c.op, c.op.API.Protocols[0], c.body); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s %s:\ngot  %s\nwant %s", c.op, c.body, got, c.want)
		}
	}
}

func TestDecode_RefusesMalformedRequests(t *testing.T) {
	t.Parallel()
	bucket := []wire.Label{{Name: "Bucket", Value: "b"}, {Name: "Key", Value: "k"}}
	for _, c := range []struct {
		op         *aws.Operation
		p          aws.Protocol
		body, code string
	}{
		{kms.DescribeKey.Operation, aws.ProtocolJSON, `{"KeyId":`, "SerializationException"},
		{kms.DescribeKey.Operation, aws.ProtocolJSON, `[]`, "SerializationException"},
		{kms.DescribeKey.Operation, aws.ProtocolJSON, `"x"`, "SerializationException"},
		{kms.DescribeKey.Operation, aws.ProtocolJSON, `{"KeyId":1}`, "SerializationException"},
		{kms.DescribeKey.Operation, aws.ProtocolJSON, `{"KeyId":"a"} {}`, "SerializationException"},
		{kms.DescribeKey.Operation, aws.ProtocolJSON, "{\"KeyId\":\"\xff\"}", "SerializationException"},
		{kms.DescribeKey.Operation, aws.ProtocolJSON, `{"x":` + strings.Repeat("[", 100000), "SerializationException"},
		{kms.DescribeKey.Operation, aws.ProtocolJSON, strings.Repeat(" ", 2<<20), "RequestEntityTooLarge"},
		{kms.ScheduleKeyDeletion.Operation, aws.ProtocolJSON, `{"KeyId":"a","PendingWindowInDays":"7"}`, "SerializationException"},
		{kms.ScheduleKeyDeletion.Operation, aws.ProtocolJSON, `{"KeyId":"a","PendingWindowInDays":3000000000}`, "SerializationException"},
		{kms.Encrypt.Operation, aws.ProtocolJSON, `{"KeyId":"a","Plaintext":"%"}`, "SerializationException"},
		{codebuild.CreateProject.Operation, aws.ProtocolCBOR, "\xbf", "SerializationException"},
		{codebuild.CreateProject.Operation, aws.ProtocolCBOR, strings.Repeat("\x9f", 10000), "SerializationException"},
		{codebuild.CreateProject.Operation, aws.ProtocolCBOR, "\xa1\x64tags\x9b\xff\xff\xff\xff\xff\xff\xff\xff", "SerializationException"},
		{iam.ListRoles.Operation, aws.ProtocolQuery, `MaxItems=x`, "MalformedInput"},
		{iam.ListRoles.Operation, aws.ProtocolQuery, `MaxItems=%zz`, "MalformedQueryString"},
		{iam.TagRole.Operation, aws.ProtocolQuery, `Tags.member.x.Key=a`, "MalformedInput"},
		{iam.TagRole.Operation, aws.ProtocolQuery, `Tags.member.01.Key=a`, "MalformedInput"},
		{iam.TagRole.Operation, aws.ProtocolQuery, strings.Repeat("a=b&", 30000), "MalformedQueryString"},
		{iam.TagRole.Operation, aws.ProtocolQuery, strings.Repeat("a.", 100) + "=b", "MalformedQueryString"},
		{iam.ListRoles.Operation, aws.ProtocolEC2, `MaxItems=x`, "InvalidParameterValue"},
		{iam.ListRoles.Operation, aws.ProtocolEC2, `Nope=x`, "UnknownParameter"},
		{s3.DeleteObjects.Operation, aws.ProtocolRESTXML, `<Delete>`, "MalformedXML"},
		{s3.DeleteObjects.Operation, aws.ProtocolRESTXML, `<Other/>`, "MalformedXML"},
		{s3.DeleteObjects.Operation, aws.ProtocolRESTXML, `<Delete><Object><Key><b/></Key></Object></Delete>`, "MalformedXML"},
		{s3.DeleteObjects.Operation, aws.ProtocolRESTXML, `<Delete/><Delete/>`, "MalformedXML"},
		{s3.DeleteObjects.Operation, aws.ProtocolRESTXML, `<!DOCTYPE x [<!ENTITY a "b">]><Delete>&a;</Delete>`, "MalformedXML"},
		{s3.DeleteObjects.Operation, aws.ProtocolRESTXML, strings.Repeat("<Delete>", 1000), "MalformedXML"},
		{s3.DeleteObjects.Operation, aws.ProtocolRESTXML, `<Delete><Quiet>maybe</Quiet></Delete>`, "MalformedXML"},
		{s3.DeleteObjects.Operation, aws.ProtocolRESTXML, `<Delete><Object></Object></Delete>`, "MalformedXML"},
		{s3.DeleteObjects.Operation, aws.ProtocolRESTXML, ``, "MissingRequestBodyError"},
		{s3.CopyObject.Operation, aws.ProtocolRESTXML, ``, "InvalidRequest"},
	} {
		err := decode(c.op, c.p, c.body, bucket...)
		var e *aws.Error
		if !errors.As(err, &e) || e.Code != c.code || e.Status < 400 || e.Status >= 500 {
			t.Errorf("%s over %s, %.60q: %v, want %s", c.op, c.p, c.body, err, c.code)
		}
	}
}

func TestDecode_ReadsCompressedBodies(t *testing.T) {
	t.Parallel()
	var body bytes.Buffer
	z := gzip.NewWriter(&body)
	if _, err := z.Write([]byte(`{"KeyId":"a"}`)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/", &body)
	r.Header.Set("Content-Encoding", "gzip")
	in := &kms.DescribeKeyInput{}
	if _, err := wire.For(aws.ProtocolJSON).Decode(kms.DescribeKey.Operation, &wire.Request{Request: r}, in); err != nil || in.KeyID != "a" {
		t.Errorf("%+v, %v", in, err)
	}
}

func TestDecode_LeavesStreamsUnread(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodPut, "/b/k?x-id=PutObject", strings.NewReader("content"))
	r.Header.Set("X-Amz-Meta-Owner", "alice")
	in := &s3.PutObjectInput{}
	req := &wire.Request{Request: r, Labels: []wire.Label{{Name: "Bucket", Value: "b"}, {Name: "Key", Value: "k/1"}}}
	missing, err := wire.For(aws.ProtocolRESTXML).Decode(s3.PutObject.Operation, req, in)
	if err != nil || len(missing.Paths()) > 0 {
		t.Fatal(err, missing.Paths())
	}
	if in.Bucket != "b" || in.Key != "k/1" || *in.ContentLength != 7 || in.Metadata["owner"] != "alice" {
		t.Errorf("%+v", in)
	}
	if in.Body != io.Reader(r.Body) {
		t.Error("the body was wrapped")
	}
}

func TestWriteError(t *testing.T) {
	t.Parallel()
	e := aws.NewError(404, "NoSuchThing", "It <is> gone").With("Name", "x")
	reply := &wire.Reply{RequestID: "r1", HostID: "h1", Resource: "/b/k"}
	shaped := aws.NewShapeError("NoSuchEntityException", "NoSuchEntity", 404, "gone")
	const decl = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"
	for _, c := range []struct {
		name       string
		p          aws.Protocol
		op         *aws.Operation
		e          *aws.Error
		body, head string
	}{
		{"json", aws.ProtocolJSON, kms.DescribeKey.Operation, e, `{"__type":"NoSuchThing","message":"It <is> gone","Name":"x"}`, "Content-Type: application/x-amz-json-1.1"},
		{"json unrouted", aws.ProtocolJSON, nil, shaped, `{"__type":"NoSuchEntityException","message":"gone"}`, "X-Amzn-Requestid: r1"},
		{"rest-json", aws.ProtocolRESTJSON, nil, e, `{"message":"It <is> gone","Name":"x"}`, "X-Amzn-Errortype: NoSuchThing"},
		{"query", aws.ProtocolQuery, iam.GetRole.Operation, shaped, decl + `<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>gone</Message></Error><RequestId>r1</RequestId></ErrorResponse>`, "Content-Type: text/xml;charset=UTF-8"},
		{"ec2", aws.ProtocolEC2, nil, shaped, decl + `<Response><Errors><Error><Code>NoSuchEntity</Code><Message>gone</Message></Error></Errors><RequestID>r1</RequestID></Response>`, "X-Amzn-Requestid: r1"},
		{"s3", aws.ProtocolRESTXML, s3.GetObject.Operation, e, decl + `<Error><Code>NoSuchThing</Code><Message>It &lt;is&gt; gone</Message><Name>x</Name><Resource>/b/k</Resource><RequestId>r1</RequestId><HostId>h1</HostId></Error>`, "X-Amz-Request-Id: r1"},
		{"cbor", aws.ProtocolCBOR, nil, shaped, "\xa2\x66__type\x75NoSuchEntityException\x67message\x64gone", "Smithy-Protocol: rpc-v2-cbor"},
	} {
		w := httptest.NewRecorder()
		if err := wire.For(c.p).WriteError(w, c.op, reply, c.e); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.body, w.Body.String()); diff != "" || w.Code != 404 {
			t.Errorf("%s: status %d, body (-want +got):\n%s", c.name, w.Code, diff)
		}
		if name, value, _ := strings.Cut(c.head, ": "); w.Header().Get(name) != value {
			t.Errorf("%s: header %s is %q", c.name, name, w.Header().Get(name))
		}
	}
	w := httptest.NewRecorder()
	if err := wire.For(aws.ProtocolRESTXML).WriteError(w, s3.HeadObject.Operation, &wire.Reply{RequestID: "r1", Head: true}, e); err != nil {
		t.Fatal(err)
	}
	if w.Body.Len() > 0 || w.Code != 404 || w.Header().Get("X-Amz-Request-Id") != "r1" {
		t.Errorf("HEAD: %d %v %s", w.Code, w.Header(), w.Body)
	}
}

type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error { c.closed = true; return nil }
func (c *closing) Size() int64  { return 7 }

func TestWrite_CopiesAndClosesStreams(t *testing.T) {
	t.Parallel()
	for _, head := range []bool{false, true} {
		body := &closing{Reader: strings.NewReader("content")}
		w := httptest.NewRecorder()
		out := &s3.GetObjectOutput{Body: body, ETag: new(`"e"`), Metadata: map[string]string{"owner": "alice\r\nX: y"}}
		if err := wire.For(aws.ProtocolRESTXML).Write(w, s3.GetObject.Operation, &wire.Reply{RequestID: "r", Head: head}, out); err != nil {
			t.Fatal(err)
		}
		want := "content"
		if head {
			want = ""
		}
		if w.Body.String() != want || !body.closed || w.Header().Get("Content-Length") != "7" || w.Header().Get("Etag") != `"e"` ||
			map[string][]string(w.Header())["x-amz-meta-owner"][0] != "alice  X: y" {
			t.Errorf("head %t: %q %t %v", head, w.Body, body.closed, w.Header())
		}
	}
}

func TestWrite_S3Documents(t *testing.T) {
	t.Parallel()
	const ns = ` xmlns="http://s3.amazonaws.com/doc/2006-03-01/"`
	for _, c := range []struct {
		op   *aws.Operation
		out  any
		want string
	}{
		{s3.GetBucketLocation.Operation, &s3.GetBucketLocationOutput{}, `<LocationConstraint` + ns + `></LocationConstraint>`},
		{s3.GetBucketLocation.Operation, &s3.GetBucketLocationOutput{LocationConstraint: new(s3.BucketLocationConstraint("eu-west-1"))}, `<LocationConstraint` + ns + `>eu-west-1</LocationConstraint>`},
		{s3.ListBuckets.Operation, &s3.ListBucketsOutput{Buckets: []s3.Bucket{{Name: new("b")}}}, `<ListAllMyBucketsResult` + ns + `><Buckets><Bucket><Name>b</Name></Bucket></Buckets></ListAllMyBucketsResult>`},
		{s3.CopyObject.Operation, &s3.CopyObjectOutput{CopyObjectResult: &s3.CopyObjectResult{ETag: new(`"e"`)}}, `<CopyObjectResult` + ns + `><ETag>&quot;e&quot;</ETag></CopyObjectResult>`},
		{s3.PutBucketVersioning.Operation, &s3.PutBucketVersioningOutput{}, ``},
	} {
		w := httptest.NewRecorder()
		if err := wire.For(aws.ProtocolRESTXML).Write(w, c.op, &wire.Reply{RequestID: "r"}, c.out); err != nil {
			t.Fatal(err)
		}
		_, got, _ := strings.Cut(w.Body.String(), "\n")
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.op, diff)
		}
	}
}

func TestWrite_SendsEventsAsTheyCome(t *testing.T) {
	t.Parallel()
	refused := aws.NewError(400, "SessionTimeoutException", "over")
	out := &logs.StartLiveTailOutput{ResponseStream: func(yield func(any, error) bool) {
		if yield(&logs.StartLiveTailResponseStream{SessionStart: &logs.LiveTailSessionStart{SessionID: new("s1")}}, nil) {
			yield(nil, refused)
		}
	}}
	w := httptest.NewRecorder()
	if err := wire.For(aws.ProtocolJSON).Write(w, logs.StartLiveTail.Operation, &wire.Reply{RequestID: "r"}, out); err != nil {
		t.Fatal(err)
	}
	if !w.Flushed || w.Header().Get("Content-Type") != eventstream.ContentType {
		t.Errorf("flushed %t, %v", w.Flushed, w.Header())
	}
	var got []string
	for {
		m, err := eventstream.Read(w.Body)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, m.Text(":message-type")+" "+m.Text(":event-type")+m.Text(":exception-type")+" "+string(m.Payload))
	}
	want := []string{`event initial-response {}`, `event sessionStart {"sessionId":"s1"}`,
		`exception SessionTimeoutException {"message":"over"}`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWrite_S3SelectEvents(t *testing.T) {
	t.Parallel()
	out := &s3.SelectObjectContentOutput{Payload: func(yield func(any, error) bool) {
		_ = yield(&s3.SelectObjectContentEventStream{Records: &s3.RecordsEvent{Payload: []byte("a,b")}}, nil) &&
			yield(&s3.SelectObjectContentEventStream{Stats: &s3.StatsEvent{Details: &s3.Stats{BytesScanned: new(int64(3))}}}, nil) &&
			yield(&s3.SelectObjectContentEventStream{End: &s3.EndEvent{}}, nil)
	}}
	w := httptest.NewRecorder()
	if err := wire.For(aws.ProtocolRESTXML).Write(w, s3.SelectObjectContent.Operation, &wire.Reply{RequestID: "r"}, out); err != nil {
		t.Fatal(err)
	}
	var got []string
	for {
		m, err := eventstream.Read(w.Body)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, m.Text(":event-type")+" "+m.Text(":content-type")+" "+string(m.Payload))
	}
	want := []string{"Records application/octet-stream a,b", "Stats text/xml <Stats><BytesScanned>3</BytesScanned></Stats>", "End  "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCBOR_RoundTrip(t *testing.T) {
	t.Parallel()
	in := &codebuild.CreateProjectInput{Name: "p", Tags: []codebuild.Tag{{Key: new("k"), Value: new("v")}}, TimeoutInMinutes: new(int32(-5)),
		BadgeEnabled: new(true)}
	w := httptest.NewRecorder()
	op := *codebuild.CreateProject.Operation
	if err := wire.For(aws.ProtocolCBOR).Write(w, &op, &wire.Reply{}, in); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/", w.Body)
	back := &codebuild.CreateProjectInput{}
	missing, err := wire.For(aws.ProtocolCBOR).Decode(&op, &wire.Request{Request: r}, back)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := json.Marshal(in)
	got, _ := json.Marshal(back)
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error(diff)
	}
	if len(missing.Paths()) > 0 && !strings.HasPrefix(missing.Paths()[0], "source") {
		t.Errorf("missing %v", missing.Paths())
	}
}

func TestDecode_PresignedURLsCarryHeaders(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodPut, "/b/k?x-amz-acl=private&x-amz-meta-owner=alice%20b&x-amz-storage-class=GLACIER&X-Amz-Signature=00", nil)
	r.Header.Set("X-Amz-Storage-Class", "STANDARD")
	in := &s3.PutObjectInput{}
	req := &wire.Request{Request: r, Labels: []wire.Label{{Name: "Bucket", Value: "b"}, {Name: "Key", Value: "k"}}}
	if _, err := wire.For(aws.ProtocolRESTXML).Decode(s3.PutObject.Operation, req, in); err != nil {
		t.Fatal(err)
	}
	if in.ACL == nil || *in.ACL != "private" || in.Metadata["owner"] != "alice b" || *in.StorageClass != "STANDARD" {
		t.Errorf("%+v", in)
	}
}

func TestWrite_NilOutputIsAnEmptyOne(t *testing.T) {
	t.Parallel()
	for op, p := range map[*aws.Operation]aws.Protocol{kms.DescribeKey.Operation: aws.ProtocolJSON, s3.ListBuckets.Operation: aws.ProtocolRESTXML} {
		w := httptest.NewRecorder()
		var out any = (*kms.DescribeKeyOutput)(nil)
		if p == aws.ProtocolRESTXML {
			out = (*s3.ListBucketsOutput)(nil)
		}
		if err := wire.For(p).Write(w, op, &wire.Reply{}, out); err != nil || w.Code != 200 || w.Body.Len() == 0 {
			t.Errorf("%s: %v, %d %s", op, err, w.Code, w.Body)
		}
	}
}
