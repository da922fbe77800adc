package app

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"testing"

	"drydock/clock"
	"drydock/gateway/sigv4"
)

// bench is a cloud on a data directory, without a port, and a user of it: what a request costs beside the network.
type bench struct {
	cloud      *Cloud
	id, secret string
}

const benchPolicy = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:*", "logs:*"], "Resource": "*"}]}`

func newBench(b *testing.B) *bench {
	b.Helper()
	cloud, err := Open(b.Context(), Config{Data: b.TempDir(), Machine: "process"}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := cloud.close(context.WithoutCancel(b.Context())); err != nil {
			b.Error(err)
		}
	})
	if err := cloud.Assembly.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	c := &bench{cloud: cloud, id: DefaultAccount, secret: "drydock"}
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	call := func(action string, parameters url.Values) string {
		parameters.Set("Action", action)
		parameters.Set("Version", "2010-05-08")
		return c.do(b, c.request(b, "iam", http.MethodPost, "/", form, []byte(parameters.Encode())))
	}
	call("CreateUser", url.Values{"UserName": {"bench"}})
	call("PutUserPolicy", url.Values{"UserName": {"bench"}, "PolicyName": {"bench"}, "PolicyDocument": {benchPolicy}})
	answer := call("CreateAccessKey", url.Values{"UserName": {"bench"}})
	key := regexp.MustCompile(`(?s)<AccessKeyId>(.*?)</AccessKeyId>.*<SecretAccessKey>(.*?)</SecretAccessKey>`).FindStringSubmatch(answer)
	if key == nil {
		b.Fatalf("no key in %s", answer)
	}
	c.id, c.secret = key[1], key[2]
	return c
}

// request signs a request, whose body is then body whenever it is sent.
func (c *bench) request(b *testing.B, service, method, path string, header http.Header, body []byte) func() *http.Request {
	b.Helper()
	template := httptest.NewRequest(method, "http://localhost:4566"+path, bytes.NewReader(body))
	for name, values := range header {
		template.Header[name] = values
	}
	signer := sigv4.Signer{AccessKeyID: c.id, Secret: c.secret, Region: DefaultRegion, Service: service}
	if err := signer.Sign(template, clock.Wall()); err != nil {
		b.Fatal(err)
	}
	return func() *http.Request {
		r := template.Clone(b.Context())
		r.Body = io.NopCloser(bytes.NewReader(body))
		return r
	}
}

func (c *bench) do(b *testing.B, request func() *http.Request) string {
	b.Helper()
	w := httptest.NewRecorder()
	c.cloud.handler.ServeHTTP(w, request())
	if w.Code != http.StatusOK {
		b.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func (c *bench) run(b *testing.B, request func() *http.Request) {
	b.Helper()
	b.ReportAllocs()
	for b.Loop() {
		c.do(b, request)
	}
}

func BenchmarkGetCallerIdentity(b *testing.B) {
	c := newBench(b)
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	c.run(b, c.request(b, "sts", http.MethodPost, "/", form, []byte("Action=GetCallerIdentity&Version=2011-06-15")))
}

func BenchmarkGetObject(b *testing.B) {
	c := newBench(b)
	c.do(b, c.request(b, "s3", http.MethodPut, "/bucket", nil, nil))
	c.do(b, c.request(b, "s3", http.MethodPut, "/bucket/key", nil, make([]byte, 1<<10)))
	c.run(b, c.request(b, "s3", http.MethodGet, "/bucket/key", nil, nil))
}

func BenchmarkPutObject(b *testing.B) {
	c := newBench(b)
	c.do(b, c.request(b, "s3", http.MethodPut, "/bucket", nil, nil))
	c.run(b, c.request(b, "s3", http.MethodPut, "/bucket/key", nil, make([]byte, 1<<10)))
}

func BenchmarkPutLogEvents(b *testing.B) {
	c := newBench(b)
	header := func(operation string) http.Header {
		return http.Header{"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {"Logs_20140328." + operation}}
	}
	c.do(b, c.request(b, "logs", http.MethodPost, "/", header("CreateLogGroup"), []byte(`{"logGroupName":"g"}`)))
	c.do(b, c.request(b, "logs", http.MethodPost, "/", header("CreateLogStream"), []byte(`{"logGroupName":"g","logStreamName":"s"}`)))
	body := []byte(`{"logGroupName":"g","logStreamName":"s","logEvents":[`)
	for i := range 10 {
		body = fmt.Appendf(body, `{"timestamp":%d,"message":"request %04d served in 1.5 ms, status 200, 512 bytes"},`, clock.Wall().UnixMilli(), i)
	}
	c.run(b, c.request(b, "logs", http.MethodPost, "/", header("PutLogEvents"), append(body[:len(body)-1], "]}"...)))
}
