package sigv4

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// at is the verifier's time in tests.
func at(t testing.TB, iso string) func() time.Time {
	t.Helper()
	moment, err := time.Parse(isoBasic, iso)
	if err != nil {
		t.Fatal(err)
	}
	return func() time.Time { return moment }
}

// oneKey is a Lookup that knows a single key.
func oneKey(accessKeyID string, key Key) Lookup {
	return func(_ context.Context, id string) (Key, error) {
		if id != accessKeyID {
			return Key{}, ErrUnknownKey
		}
		return key, nil
	}
}

func readJSON(t testing.TB, file string, into any) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, into); err != nil {
		t.Fatal(err)
	}
}

// suiteCase is a case of AWS's signing test suite as aws-c-auth carries it.
type suiteCase struct {
	Name, Token                                    string
	Normalize                                      bool
	Header, HeaderCanonical, Query, QueryCanonical string
	PublicKey                                      *struct{ X, Y string }
}

const (
	suiteID     = "AKIDEXAMPLE"
	suiteSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
)

// parseRequest reads the suite's spelling of a request. Its targets are not encoded, which no HTTP client could send.
func parseRequest(t *testing.T, text string) (r *http.Request, encoded bool) {
	t.Helper()
	line, rest, _ := strings.Cut(text, "\n")
	method, target, _ := strings.Cut(strings.TrimSuffix(line, " HTTP/1.1"), " ")
	var b []byte
	for i := range len(target) {
		if target[i] == ' ' || target[i] >= 0x80 {
			b = appendEncoded(b, target[i], true)
			continue
		}
		b = append(b, target[i])
	}
	path, _, _ := strings.Cut(string(b), "?")
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(method + " " + string(b) + " HTTP/1.1\n" + rest + "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return r, strings.Contains(path, "%")
}

func TestVerify_AcceptsAWSTestSuite(t *testing.T) {
	t.Parallel()
	var cases []suiteCase
	readJSON(t, "testdata/suite.json", &cases)
	if len(cases) != 76 {
		t.Fatalf("%d cases", len(cases))
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			v := &Verifier{Lookup: oneKey(suiteID, Key{Secret: suiteSecret, SessionToken: c.Token}), now: at(t, "20150830T123600Z")}
			for form, text := range map[string][2]string{"header": {c.Header, c.HeaderCanonical}, "query": {c.Query, c.QueryCanonical}} {
				r, encoded := parseRequest(t, text[0])
				if got := canonicalOf(t, r, c.Normalize, encoded, strings.Contains(c.Name, "sts-header-after")); got != text[1] {
					t.Errorf("%s: canonical request\n%s\nwant\n%s", form, got, text[1])
				}
				if encoded {
					continue // covered by the canonical request: it is not the one of a request on the wire
				}
				result, err := v.VerifyFor(r, Want{Region: "us-east-1", Service: "service"})
				if err != nil {
					t.Errorf("%s: %v", form, err)
					continue
				}
				if result.AccessKeyID != suiteID || result.Presigned != (form == "query") {
					t.Errorf("%s: %+v", form, result)
				}
			}
			if c.PublicKey != nil {
				key, err := deriveECDSA(suiteID, suiteSecret)
				if err != nil {
					t.Fatal(err)
				}
				point, err := key.PublicKey.Bytes()
				if got, want := hex.EncodeToString(point), "04"+c.PublicKey.X+c.PublicKey.Y; err != nil || got != want {
					t.Errorf("public key %s, want %s", got, want)
				}
			}
		})
	}
}

// canonicalOf builds the canonical request as the suite's context wants it.
func canonicalOf(t *testing.T, r *http.Request, normalize, encoded, dropToken bool) string {
	t.Helper()
	var a authorization
	var refusal *Error
	if r.Header.Get("Authorization") != "" {
		a, refusal = parseHeader(r.Header.Get("Authorization"), true)
	} else {
		a, refusal = parseQuery(r.URL.Query(), false)
	}
	if refusal != nil {
		t.Fatal(refusal)
	}
	path := wirePath(r)
	if normalize {
		path = normalizePath(path)
	}
	if !encoded {
		path = encodePath(path)
	}
	hash, err := hashBody(r)
	if err != nil {
		t.Fatal(err)
	}
	c := canonical{request: r, host: r.Host, path: path, plus: "%20", dropToken: dropToken, signed: strings.Split(a.signedList, ";"), signedList: a.signedList, payload: hash}
	return string(c.appendTo(nil))
}

type botocoreCase struct {
	Name, Service, Method, Target, Body, Token string
	Headers                                    [][2]string
}

type botocoreFile struct {
	Requests []botocoreCase
	Form     map[string]string
	Token    string
}

const (
	exampleID     = "AKIAIOSFODNN7EXAMPLE"
	exampleSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
)

// wire sends a case through net/http's parser, as a server would see it.
func (c botocoreCase) wire(t *testing.T) *http.Request {
	t.Helper()
	var b bytes.Buffer
	b.WriteString(c.Method + " " + c.Target + " HTTP/1.1\r\n")
	for _, h := range c.Headers {
		b.WriteString(h[0] + ": " + h[1] + "\r\n")
	}
	if c.Body != "" {
		b.WriteString("Content-Length: " + strconv.Itoa(len(c.Body)) + "\r\n")
	}
	b.WriteString("\r\n" + c.Body)
	r, err := http.ReadRequest(bufio.NewReader(&b))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestVerify_AcceptsBotocore(t *testing.T) {
	t.Parallel()
	var file botocoreFile
	readJSON(t, "testdata/botocore.json", &file)
	if len(file.Requests) < 30 {
		t.Fatalf("%d cases", len(file.Requests))
	}
	for _, c := range file.Requests {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			v := &Verifier{Lookup: oneKey(exampleID, Key{Secret: exampleSecret, SessionToken: c.Token, Principal: "me"}), now: at(t, "20260314T150930Z")}
			r := c.wire(t)
			result, err := v.VerifyFor(r, Want{Region: "eu-central-1", Service: c.Service})
			if err != nil {
				if e, ok := errors.AsType[*Error](err); ok {
					t.Log(e.fields["CanonicalRequest"])
				}
				t.Fatal(err)
			}
			if result.Principal != "me" || result.Scope != (Scope{"20260314", "eu-central-1", c.Service}) {
				t.Errorf("%+v", result)
			}
			body, err := io.ReadAll(r.Body)
			if err != nil || string(body) != c.Body {
				t.Errorf("body %q, %v", body, err)
			}
			if id, scope, ok := PeekScope(c.wire(t)); !ok || id != exampleID || scope != result.Scope {
				t.Errorf("peeked %q %v %v", id, scope, ok)
			}
			// The same request must fail when anything signed is changed.
			for name, change := range map[string]func(*http.Request){
				"path":   func(r *http.Request) { r.RequestURI = "/other" + r.RequestURI },
				"query":  func(r *http.Request) { r.URL.RawQuery = strings.TrimPrefix("more=1&"+r.URL.RawQuery, "&") },
				"method": func(r *http.Request) { r.Method = "DELETE" },
				"host":   func(r *http.Request) { r.Host = "evil.example" },
			} {
				r := c.wire(t)
				change(r)
				if _, err := v.Verify(r); !errors.Is(err, &Error{Reason: SignatureMismatch}) {
					t.Errorf("with another %s: %v", name, err)
				}
			}
		})
	}
}

// The vectors of the chunked forms are those of the S3 documentation and of aws-c-auth's tests.
func TestVerify_ChecksDocumentedChunks(t *testing.T) {
	t.Parallel()
	const (
		seed    = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
		first   = "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"
		second  = "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"
		last    = "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"
		content = 66560
	)
	body := "10000;chunk-signature=" + first + "\r\n" + strings.Repeat("a", 65536) + "\r\n" +
		"400;chunk-signature=" + second + "\r\n" + strings.Repeat("a", 1024) + "\r\n" +
		"0;chunk-signature=" + last + "\r\n\r\n"
	build := func(body string) *http.Request {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("PUT /examplebucket/chunkObject.txt HTTP/1.1\r\nHost: s3.amazonaws.com\r\n" +
			"x-amz-date: 20130524T000000Z\r\nx-amz-storage-class: REDUCED_REDUNDANCY\r\nContent-Encoding: aws-chunked\r\n" +
			"Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class, Signature=" + seed + "\r\n" +
			"x-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD\r\nx-amz-decoded-content-length: 66560\r\nContent-Length: 66824\r\n\r\n" + body)))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	v := &Verifier{Lookup: oneKey(exampleID, Key{Secret: exampleSecret}), now: at(t, "20130524T000000Z")}
	r := build(body)
	result, err := v.Verify(r)
	if err != nil {
		t.Fatal(err)
	}
	if result.Payload != PayloadChunked || r.ContentLength != content || r.Header.Get("Content-Encoding") != "" {
		t.Errorf("%+v %d %v", result, r.ContentLength, r.Header)
	}
	got, err := io.ReadAll(r.Body)
	if err != nil || len(got) != content || strings.Trim(string(got), "a") != "" {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	for name, broken := range map[string]string{
		"data":       strings.Replace(body, "aaa\r\n400", "aab\r\n400", 1),
		"signature":  strings.Replace(body, second, first, 1),
		"final sign": strings.Replace(body, last, first, 1),
	} {
		r := build(broken)
		if _, err := v.Verify(r); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(r.Body); !errors.Is(err, &Error{Reason: SignatureMismatch}) {
			t.Errorf("%s: %v", name, err)
		}
	}

	// A signed trailer continues the chain.
	chain := &chunkSigner{algorithm: AlgorithmHMAC, at: result.SignedAt, scope: "20130524/us-east-1/s3/aws4_request", previous: last, key: deriveKey(exampleSecret, "20130524", "us-east-1", "s3")}
	text := chain.trailerText([]byte("first:1st\nsecond:2nd\nthird:3rd\n"))
	if !strings.HasSuffix(string(text), "\n83d8f190334fb741bc8daf73c891689d320bd8017756bc730c540021ed48001f") {
		t.Errorf("trailer's string to sign: %s", text)
	}
}

func TestVerifyPostPolicy_AcceptsBotocore(t *testing.T) {
	t.Parallel()
	var file botocoreFile
	readJSON(t, "testdata/botocore.json", &file)
	v := &Verifier{Lookup: oneKey(exampleID, Key{Secret: exampleSecret, SessionToken: file.Token}), now: at(t, "20260314T150930Z")}
	result, policy, err := v.VerifyPostPolicy(t.Context(), file.Form, Want{Region: "eu-central-1", Service: "s3"})
	if err != nil {
		t.Fatal(err)
	}
	if !result.FormSigned || result.AccessKeyID != exampleID || policy.MinLength != 1 || policy.MaxLength != 1000 {
		t.Errorf("%+v %+v", result, policy)
	}
	file.Form["bucket"], file.Form["key"] = "bucket", "up/file"
	if err := policy.Check(file.Form); err != nil {
		t.Error(err)
	}
}
