package wiretest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"drydock/api/logs"
	"drydock/api/s3"
	"drydock/api/sts"
	"drydock/aws"
	"drydock/wire"
	"drydock/wire/shape"
)

// sink is a response writer that keeps nothing.
type sink struct{ header http.Header }

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(int)             {}
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }

// exchange decodes, validates and answers one request b.N times.
func exchange(b *testing.B, op *aws.Operation, r *http.Request, labels []wire.Label, body string, out func() any) {
	b.Helper()
	b.ReportAllocs()
	codec := wire.For(op.API.Protocols[0])
	w := &sink{header: http.Header{}}
	reader := strings.NewReader(body)
	for b.Loop() {
		reader.Reset(body)
		r.Body = io.NopCloser(reader)
		in := op.NewInput()
		missing, err := codec.Decode(op, &wire.Request{Request: r, Labels: labels}, in)
		if err != nil {
			b.Fatal(err)
		}
		if err := shape.Validate(op, in, missing); err != nil {
			b.Fatal(err)
		}
		clear(w.header)
		if err := codec.Write(w, op, &wire.Reply{RequestID: "7a62c49f-347e-4fc4-9331-6e8e7a96aa73"}, out()); err != nil {
			b.Fatal(err)
		}
	}
}

func request(method, path, query string) *http.Request {
	return &http.Request{Method: method, URL: &url.URL{Path: path, RawQuery: query}, Header: http.Header{}, ContentLength: -1}
}

func BenchmarkJSON_PutLogEvents10(b *testing.B) {
	var body bytes.Buffer
	body.WriteString(`{"logGroupName":"/aws/codebuild/build","logStreamName":"stream","logEvents":[`)
	for i := range 10 {
		if i > 0 {
			body.WriteByte(',')
		}
		fmt.Fprintf(&body, `{"timestamp":%d,"message":"[Container] 2024/01/01 00:00:0%d Running command make test"}`, 1700000000000+i, i)
	}
	body.WriteString(`]}`)
	out := &logs.PutLogEventsOutput{NextSequenceToken: new("49590302457205394385")}
	exchange(b, logs.PutLogEvents.Operation, request("POST", "/", ""), nil, body.String(), func() any { return out })
}

func BenchmarkJSON_Small(b *testing.B) {
	body := `{"logGroupName":"/aws/codebuild/build","logStreamName":"stream"}`
	out := &logs.CreateLogStreamOutput{}
	exchange(b, logs.CreateLogStream.Operation, request("POST", "/", ""), nil, body, func() any { return out })
}

func BenchmarkQuery_GetCallerIdentity(b *testing.B) {
	out := &sts.GetCallerIdentityOutput{Account: new("123456789012"), ARN: new("arn:aws:iam::123456789012:user/alice"), UserID: new("AIDAEXAMPLE")}
	exchange(b, sts.GetCallerIdentity.Operation, request("POST", "/", ""), nil,
		"Action=GetCallerIdentity&Version=2011-06-15", func() any { return out })
}

func BenchmarkRESTXML_GetObject(b *testing.B) {
	r := request("GET", "/bucket/key", "x-id=GetObject")
	r.Header.Set("X-Amz-Checksum-Mode", "ENABLED")
	data := bytes.Repeat([]byte("x"), 1024)
	at := time.Unix(1700000000, 0)
	exchange(b, s3.GetObject.Operation, r, []wire.Label{{Name: "Bucket", Value: "bucket"}, {Name: "Key", Value: "key"}}, "", func() any {
		return &s3.GetObjectOutput{Body: io.NopCloser(bytes.NewReader(data)), ContentLength: new(int64(1024)),
			ETag: new(`"0123456789abcdef"`), LastModified: &at, ContentType: new("text/plain")}
	})
}

func BenchmarkRESTXML_PutObject(b *testing.B) {
	r := request("PUT", "/bucket/key", "x-id=PutObject")
	r.ContentLength = 5
	r.Header.Set("Content-Type", "text/plain")
	r.Header.Set("X-Amz-Meta-Owner", "alice")
	r.Header.Set("X-Amz-Sdk-Checksum-Algorithm", "CRC32")
	out := &s3.PutObjectOutput{ETag: new(`"0123456789abcdef"`)}
	exchange(b, s3.PutObject.Operation, r, []wire.Label{{Name: "Bucket", Value: "bucket"}, {Name: "Key", Value: "key"}}, "hello",
		func() any { return out })
}
