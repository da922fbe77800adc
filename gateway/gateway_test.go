package gateway_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"drydock/api/kms"
	"drydock/api/logs"
	"drydock/api/s3"
	"drydock/api/sts"
	"drydock/aws"
	"drydock/clock"
	"drydock/gateway/sigv4"
	"drydock/ledger"
	"drydock/service"
	"drydock/service/servicetest"
)

// module is a made-up service over real APIs: what the gateway does must not depend on a service's behaviour.
func modules(service.Deps) []service.Module {
	identity := sts.GetCallerIdentity.Handle(func(call *aws.Call, _ *sts.GetCallerIdentityInput) (*sts.GetCallerIdentityOutput, error) {
		return &sts.GetCallerIdentityOutput{Account: &call.Account, ARN: &call.Principal.ARN, UserID: &call.Principal.ID}, nil
	})
	create := logs.CreateLogGroup.Handle(func(_ *aws.Call, in *logs.CreateLogGroupInput) (*logs.CreateLogGroupOutput, error) {
		switch in.LogGroupName {
		case "panic":
			panic("out of order")
		case "taken":
			return nil, logs.NewResourceAlreadyExistsException("The specified log group already exists")
		case "broken":
			return nil, fmt.Errorf("disk on fire")
		}
		return &logs.CreateLogGroupOutput{}, nil
	})
	get := s3.GetObject.Handle(func(_ *aws.Call, in *s3.GetObjectInput) (*s3.GetObjectOutput, error) {
		body := in.Bucket + "|" + in.Key
		return &s3.GetObjectOutput{Body: io.NopCloser(strings.NewReader(body)), ContentLength: new(int64(len(body)))}, nil
	})
	plane := service.DataPlane{Prefix: "/v1/repos/", Realm: "git", Serve: func(call *aws.Call, w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "plane for %s", call.Account)
	}}
	return []service.Module{
		{API: sts.API, Operations: []aws.Handler{identity}},
		{API: logs.API, Operations: []aws.Handler{create}},
		{API: kms.API},
		{API: s3.API, Operations: []aws.Handler{get}, DataPlanes: []service.DataPlane{plane}},
	}
}

// request is one request to the gateway and what has to come back.
type request struct {
	method, path, host, body string
	header                   map[string]string
	sign                     string // the service to sign for; empty sends no signature
	key                      string // the access key; the default is an account id
	status                   int
	want                     []string // parts of the body
	wantHeader               map[string]string
}

func do(t *testing.T, url string, r request) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), r.method, url+r.path, strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range r.header {
		req.Header.Set(k, v)
	}
	if r.host != "" {
		req.Host = r.host
	}
	if r.sign != "" {
		key := r.key
		if key == "" {
			key = servicetest.Account
		}
		signer := sigv4.Signer{AccessKeyID: key, Secret: "secret", Region: "eu-west-1", Service: r.sign}
		if err := signer.Sign(req, clock.Wall()); err != nil {
			t.Fatal(err)
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(body)
}

const form = "application/x-www-form-urlencoded; charset=utf-8"

func TestGateway_AnswersAsAWSDoes(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "IAM-01")
	url := servicetest.New(t, modules).URL(t)
	jsonTarget := func(target string) map[string]string {
		return map[string]string{"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}
	}
	for name, r := range map[string]request{
		"query operation": {
			method: "POST", path: "/", header: map[string]string{"Content-Type": form}, sign: "sts",
			body: "Action=GetCallerIdentity&Version=2011-06-15", status: 200,
			want: []string{"<GetCallerIdentityResponse", "<Arn>arn:aws:iam::" + servicetest.Account + ":root</Arn>", "<RequestId>"},
		},
		"query without action": {
			method: "POST", path: "/", header: map[string]string{"Content-Type": form}, sign: "sts", body: "Version=2011-06-15",
			status: 400, want: []string{"<Code>MissingAction</Code>"},
		},
		"query with unknown action": {
			method: "POST", path: "/", header: map[string]string{"Content-Type": form}, sign: "sts", body: "Action=Fly&Version=2011-06-15",
			status: 400, want: []string{"<Code>InvalidAction</Code>", "Could not find operation Fly for version 2011-06-15"},
		},
		"unknown key is the root of the default account": {
			method: "POST", path: "/", header: map[string]string{"Content-Type": form}, sign: "sts", key: "test",
			body: "Action=GetCallerIdentity&Version=2011-06-15", status: 200, want: []string{"<Account>" + servicetest.Account + "</Account>"},
		},
		"key that is an account id": {
			method: "POST", path: "/", header: map[string]string{"Content-Type": form}, sign: "sts", key: "444455556666",
			body: "Action=GetCallerIdentity&Version=2011-06-15", status: 200, want: []string{"<Account>444455556666</Account>"},
		},
		"unsigned request": {
			method: "POST", path: "/", header: jsonTarget("Logs_20140328.CreateLogGroup"), body: `{"logGroupName":"a"}`,
			status: 400, want: []string{"MissingAuthenticationToken"},
		},
		"json operation": {
			method: "POST", path: "/", header: jsonTarget("Logs_20140328.CreateLogGroup"), sign: "logs", body: `{"logGroupName":"a"}`, status: 200,
		},
		"json model violation": {
			method: "POST", path: "/", header: jsonTarget("Logs_20140328.CreateLogGroup"), sign: "logs", body: `{}`, status: 400,
			want: []string{"InvalidParameterException", "logGroupName", "Member must not be null"},
		},
		"json that is none": {
			method: "POST", path: "/", header: jsonTarget("Logs_20140328.CreateLogGroup"), sign: "logs", body: `{"logGroupName":`, status: 400,
			want: []string{"SerializationException"},
		},
		"json unknown operation": {
			method: "POST", path: "/", header: jsonTarget("Logs_20140328.Fly"), sign: "logs", body: `{}`, status: 400,
			want: []string{"UnknownOperationException"},
		},
		"operation that is not there": {
			method: "POST", path: "/", header: jsonTarget("TrentService.CreateKey"), sign: "kms", body: `{}`, status: 501,
			want: []string{"NotImplemented", "CreateKey", "AWS Key Management Service"},
		},
		"modelled error": {
			method: "POST", path: "/", header: jsonTarget("Logs_20140328.CreateLogGroup"), sign: "logs", body: `{"logGroupName":"taken"}`, status: 400,
			want: []string{"ResourceAlreadyExistsException", "The specified log group already exists"},
		},
		"error that is not for clients": {
			method: "POST", path: "/", header: jsonTarget("Logs_20140328.CreateLogGroup"), sign: "logs", body: `{"logGroupName":"broken"}`, status: 500,
			want: []string{"InternalFailure"},
		},
		"panic": {
			method: "POST", path: "/", header: jsonTarget("Logs_20140328.CreateLogGroup"), sign: "logs", body: `{"logGroupName":"panic"}`, status: 500,
			want: []string{"InternalFailure"},
		},
		"s3 by path":            {method: "GET", path: "/b/a%2Fb/c%20d", sign: "s3", status: 200, want: []string{"b|a/b/c d"}},
		"s3 anonymous":          {method: "GET", path: "/b/k", status: 403, want: []string{"<Code>AccessDenied</Code>"}},
		"s3 by virtual host":    {method: "GET", path: "/k//x", host: "my.bucket.s3.eu-west-1.amazonaws.com", sign: "s3", status: 200, want: []string{"my.bucket|k//x"}},
		"s3 by local host":      {method: "GET", path: "/k", host: "bkt.s3.localhost:4566", sign: "s3", status: 200, want: []string{"bkt|k"}},
		"s3 by bare local host": {method: "GET", path: "/k", host: "bkt.localhost:4566", sign: "s3", status: 200, want: []string{"bkt|k"}},
		"s3 not implemented":    {method: "GET", path: "/b?acl", sign: "s3", status: 501, want: []string{"<Code>NotImplemented</Code>", "GetBucketAcl"}},
		"s3 method not allowed": {method: "PATCH", path: "/b/k", sign: "s3", status: 405, want: []string{"<Code>MethodNotAllowed</Code>"}},
		"data plane anonymous":  {method: "GET", path: "/v1/repos/x/info/refs", status: 401, wantHeader: map[string]string{"Www-Authenticate": `Basic realm="git"`}},
		"data plane signed":     {method: "GET", path: "/v1/repos/x/info/refs", sign: "codecommit", status: 200, want: []string{"plane for " + servicetest.Account}},
		"data plane bad password": {
			method: "GET", path: "/v1/repos/x/info/refs", header: map[string]string{"Authorization": "Basic YTpi"}, status: 403,
			want: []string{"not valid"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, header, body := do(t, url, r)
			if status != r.status {
				t.Errorf("status %d, want %d\n%s", status, r.status, body)
			}
			for _, part := range r.want {
				if !strings.Contains(body, part) {
					t.Errorf("body lacks %q:\n%s", part, body)
				}
			}
			for k, v := range r.wantHeader {
				if header.Get(k) != v {
					t.Errorf("header %s is %q, want %q", k, header.Get(k), v)
				}
			}
			if header.Get("X-Amzn-Requestid") == "" && header.Get("X-Amz-Request-Id") == "" {
				t.Errorf("no request id in %v", header)
			}
		})
	}
}

func TestGateway_BodyBeyondTheLimitIsRefused(t *testing.T) {
	t.Parallel()
	url := servicetest.New(t, modules).URL(t)
	status, _, body := do(t, url, request{
		method: "POST", path: "/", header: map[string]string{"Content-Type": form}, sign: "sts",
		body: "Action=GetCallerIdentity&Version=2011-06-15&X=" + strings.Repeat("x", 17<<20),
	})
	if status != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d: %s", status, body)
	}
}

// TestGateway_TellsClientsToGoOn has clients ask before they send a body: S3 tells them to go on whatever its length, and
// botocore reads the next answer on the connection wrongly when that is left out before an empty one.
func TestGateway_TellsClientsToGoOn(t *testing.T) {
	t.Parallel()
	url := servicetest.New(t, modules).URL(t)
	for _, body := range []string{"", "Action=Nothing"} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		answers := bufio.NewReader(conn)
		for range 2 {
			_, err := fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", form, len(body))
			if err != nil {
				t.Fatal(err)
			}
			if line, err := answers.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
				t.Fatalf("%q: first line %q, %v", body, line, err)
			}
			if line, err := answers.ReadString('\n'); err != nil || line != "\r\n" {
				t.Fatalf("%q: header %q, %v", body, line, err)
			}
			if _, err := io.WriteString(conn, body); err != nil {
				t.Fatal(err)
			}
			resp, err := http.ReadResponse(answers, nil)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close() // never fails
			if err != nil || resp.StatusCode < 400 || resp.Header.Get("X-Amzn-Requestid") == "" && !strings.Contains(string(text), "RequestId") {
				t.Errorf("%q: %d %s, %v", body, resp.StatusCode, text, err)
			}
		}
	}
}

func TestGateway_InvokeValidatesAndAuthorizes(t *testing.T) {
	t.Parallel()
	c := servicetest.New(t, modules)
	_, err := logs.CreateLogGroup.Do(c.Call(t), &logs.CreateLogGroupInput{LogGroupName: "not a name"})
	servicetest.WantError(t, err, "InvalidParameterException")
	_, err = kms.CreateKey.Do(c.Call(t), &kms.CreateKeyInput{})
	servicetest.WantError(t, err, "NotImplemented")
	stranger := aws.Principal{Type: aws.PrincipalUser, Account: servicetest.Account, ARN: "arn:aws:iam::111122223333:user/eve", Name: "eve"}
	_, err = logs.CreateLogGroup.Do(c.CallAs(t, stranger, servicetest.Region), &logs.CreateLogGroupInput{LogGroupName: "a"})
	servicetest.WantError(t, err, "AccessDeniedException")
	if want := "User: arn:aws:iam::111122223333:user/eve is not authorized to perform: logs:CreateLogGroup"; !strings.Contains(err.Error(), want) {
		t.Errorf("message %q lacks %q", err, want)
	}
}

func TestGateway_ExplainsADenial(t *testing.T) {
	t.Parallel()
	c := servicetest.New(t, modules)
	stranger := aws.Principal{Type: aws.PrincipalUser, Account: servicetest.Account, ARN: "arn:aws:iam::111122223333:user/eve", Name: "eve"}
	call := c.CallAs(t, stranger, servicetest.Region)
	if _, err := logs.CreateLogGroup.Do(call, &logs.CreateLogGroupInput{LogGroupName: "a"}); err == nil {
		t.Fatal("allowed")
	}
	req := httptest.NewRequest(http.MethodGet, "/_drydock/explain/"+call.RequestID, nil)
	req.SetPathValue("request", call.RequestID)
	w := httptest.NewRecorder()
	c.Gateway.ServeExplain(w, req)
	for _, part := range []string{"DENIED  logs:CreateLogGroup", "user/eve", "implicitDeny"} {
		if !strings.Contains(w.Body.String(), part) {
			t.Errorf("explanation lacks %q:\n%s", part, w.Body)
		}
	}
}

func BenchmarkGetCallerIdentity(b *testing.B) {
	c := servicetest.New(b, modules)
	body := []byte("Action=GetCallerIdentity&Version=2011-06-15")
	signer := sigv4.Signer{AccessKeyID: servicetest.Account, Secret: "secret", Region: "us-east-1", Service: "sts"}
	template := httptest.NewRequest(http.MethodPost, "http://localhost/", bytes.NewReader(body))
	template.Header.Set("Content-Type", form)
	if err := signer.Sign(template, clock.Wall()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		req := template.Clone(b.Context())
		req.Body = io.NopCloser(bytes.NewReader(body))
		w := httptest.NewRecorder()
		c.Gateway.ServeHTTP(w, req)
		if w.Code != http.StatusOK {
			b.Fatal(w.Body)
		}
	}
}

func TestMetrics_CountRequests(t *testing.T) {
	t.Parallel()
	c := servicetest.New(t, modules)
	url := c.URL(t)
	for range 3 {
		do(t, url, request{method: "GET", path: "/b/k", sign: "s3"})
	}
	w := httptest.NewRecorder()
	c.Gateway.ServeMetrics(w, httptest.NewRequest(http.MethodGet, "/_drydock/metrics", nil))
	want := `drydock_request_duration_seconds_count{service="s3",operation="GetObject",status="200"} 3`
	if !strings.Contains(w.Body.String(), want) {
		t.Errorf("metrics lack %q:\n%s", want, w.Body)
	}
	if json.Valid(w.Body.Bytes()) {
		t.Error("metrics are not in text format")
	}
}
