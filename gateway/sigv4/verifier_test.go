package sigv4

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"drydock/aws"
	"drydock/clock"
)

var signer = Signer{AccessKeyID: exampleID, Secret: exampleSecret, Region: "us-east-1", Service: "s3"}

// request is a request as a server's handler gets it.
func request(method, target, body string, header ...string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body == "" {
		r.Body, r.ContentLength = http.NoBody, 0
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

func sign(t testing.TB, s Signer, r *http.Request, moment time.Time) *http.Request {
	t.Helper()
	if err := s.Sign(r, moment); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestVerify_SignsOverHTTP(t *testing.T) {
	t.Parallel()
	v := &Verifier{Lookup: oneKey(exampleID, Key{Secret: exampleSecret})}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		result, err := v.Verify(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Fprintf(w, "%s %s %s %s", r.Proto, result.AccessKeyID, body, result.Trailer().Get("X-Amz-Checksum-Crc32"))
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	h1 := server.Client().Transport.(*http.Transport).Clone()
	h1.ForceAttemptHTTP2 = false
	h1.TLSClientConfig.NextProtos = []string{"http/1.1"}
	for proto, transport := range map[string]http.RoundTripper{"HTTP/2.0": server.Client().Transport, "HTTP/1.1": h1} {
		for _, key := range []string{"plain", "a%2Fb", "a%2fb", "a+b", "a%2Bb", "a%20b", "%C3%A9", "a//b", "a/../b", "./a", "é", "!'()*:@&=$,;", "%25", "%7e"} {
			for name, prepare := range map[string]func(*http.Request) error{
				"header":    func(r *http.Request) error { return signer.Sign(r, clock.Wall()) },
				"presigned": func(r *http.Request) error { return signer.Presign(r, clock.Wall(), time.Minute) },
				"sigv4a": func(r *http.Request) error {
					s := signer
					s.Asymmetric, s.Region = true, "*"
					return s.Sign(r, clock.Wall())
				},
				"execute-api": func(r *http.Request) error {
					s := signer
					s.Service = "execute-api"
					return s.Sign(r, clock.Wall())
				},
				"chunked": func(r *http.Request) error {
					return signer.SignChunked(r, clock.Wall(), []byte("body"), 8192, http.Header{"X-Amz-Checksum-Crc32": {"sum"}}, false)
				},
			} {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, server.URL+"/"+key+"?x=a+b&y=%2B&x=A&z", strings.NewReader("body"))
				if err != nil {
					t.Fatal(err)
				}
				if err := prepare(r); err != nil {
					t.Fatal(err)
				}
				response, err := (&http.Client{Transport: transport}).Do(r)
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(response.Body)
				if err != nil {
					t.Fatal(err)
				}
				if err := response.Body.Close(); err != nil {
					t.Fatal(err)
				}
				want := proto + " " + exampleID + " body "
				if name == "chunked" {
					want += "sum"
				}
				if string(got) != want {
					t.Errorf("%s %s %s: %q", proto, name, key, got)
				}
			}
		}
	}
}

func TestVerify_ToleratesHostSpellings(t *testing.T) {
	t.Parallel()
	v := &Verifier{Lookup: oneKey(exampleID, Key{Secret: exampleSecret})}
	for _, c := range []struct{ signed, sent string }{
		{"localhost", "LocalHost"}, {"Bucket.localhost", "Bucket.localhost:80"}, {"localhost:443", "localhost"},
		{"localhost", "localhost:80"}, {"[::1]", "[::1]:443"}, {"localhost:80", "LOCALHOST"},
	} {
		r := request("GET", "http://placeholder/", "")
		r.Host = c.signed
		sign(t, signer, r, clock.Wall())
		r.Host = c.sent
		if _, err := v.Verify(r); err != nil {
			t.Errorf("signed %s, sent %s: %v", c.signed, c.sent, err)
		}
	}
}

func TestVerify_ReadsAuthorizationWithoutSpaces(t *testing.T) {
	t.Parallel()
	v := &Verifier{Lookup: oneKey(exampleID, Key{Secret: exampleSecret})}
	r := sign(t, signer, request("GET", "http://localhost/", ""), clock.Wall())
	r.Header.Set("Authorization", strings.ReplaceAll(r.Header.Get("Authorization"), ", ", ","))
	if _, err := v.Verify(r); err != nil {
		t.Error(err)
	}
}

func TestVerify_LeavesAnonymousToTheCaller(t *testing.T) {
	t.Parallel()
	v := &Verifier{}
	result, err := v.Verify(request("GET", "http://localhost/bucket/key?list-type=2", ""))
	if err != nil || !result.Anonymous() {
		t.Errorf("%+v, %v", result, err)
	}
	r := request("PUT", "http://localhost/b/k", "4\r\nbody\r\n0\r\nx-amz-checksum-crc32:sum\r\n\r\n", "X-Amz-Content-Sha256", streamingUnsigned,
		"X-Amz-Decoded-Content-Length", "4", "X-Amz-Trailer", "x-amz-checksum-crc32", "Content-Encoding", "aws-chunked, gzip")
	result, err = v.Verify(r)
	if err != nil {
		t.Fatal(err)
	}
	if result.Trailer() != nil {
		t.Error("a trailer before the end")
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || string(body) != "body" || result.Trailer().Get("X-Amz-Checksum-Crc32") != "sum" || r.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("%q %v %v %v", body, err, result.Trailer(), r.Header)
	}
}

func TestVerify_TrustsWithoutSecret(t *testing.T) {
	t.Parallel()
	v := &Verifier{Lookup: func(context.Context, string) (Key, error) { return Key{Trusted: true, Principal: 7}, nil }}
	s := signer
	s.Secret, s.SessionToken = "whatever", "token"
	r := request("PUT", "http://localhost/b/k", "")
	if err := s.SignChunked(r, clock.Wall(), []byte("content"), 8192, nil, false); err != nil {
		t.Fatal(err)
	}
	result, err := v.Verify(r)
	if err != nil || !result.Trusted || result.Principal != 7 {
		t.Fatalf("%+v, %v", result, err)
	}
	if body, err := io.ReadAll(r.Body); err != nil || string(body) != "content" {
		t.Errorf("%q, %v", body, err)
	}
}

func TestVerify_PassesLookupFailureOn(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk on fire")
	v := &Verifier{Lookup: func(context.Context, string) (Key, error) { return Key{}, broken }}
	_, err := v.Verify(sign(t, signer, request("GET", "http://localhost/", ""), clock.Wall()))
	var refusal *Error
	if !errors.Is(err, broken) || errors.As(err, &refusal) {
		t.Error(err)
	}
}

func TestVerify_ChecksTheBody(t *testing.T) {
	t.Parallel()
	v := &Verifier{Lookup: oneKey(exampleID, Key{Secret: exampleSecret}), MaxBody: 1 << 20}
	sqs := signer
	sqs.Service = "sqs"

	// For S3 the body is checked while it is read, also by one who reads just its length.
	r := sign(t, signer, request("PUT", "http://localhost/b/k", "content"), clock.Wall())
	r.Body = io.NopCloser(strings.NewReader("cOntent"))
	if _, err := v.Verify(r); err != nil {
		t.Fatal(err)
	}
	n, err := io.ReadFull(r.Body, make([]byte, 7))
	if n == 7 && err == nil { // ReadFull hides an error that comes with the last byte
		_, err = r.Body.Read(make([]byte, 1))
	}
	if !errors.Is(err, &Error{Reason: PayloadMismatch}) {
		t.Errorf("%d, %v", n, err)
	}

	// A body that stops early is incomplete.
	r = sign(t, signer, request("PUT", "http://localhost/b/k", "content"), clock.Wall())
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader("con"), errorReader{io.ErrUnexpectedEOF}))
	if _, err := v.Verify(r); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r.Body); !errors.Is(err, &Error{Reason: IncompleteBody}) || errors.Is(err, io.EOF) {
		t.Error(err)
	}

	// Elsewhere it is checked before the request is served.
	r = sign(t, sqs, request("POST", "http://localhost/", "{}"), clock.Wall())
	r.Body = io.NopCloser(strings.NewReader("[]"))
	if _, err := v.Verify(r); !errors.Is(err, &Error{Reason: SignatureMismatch}) {
		t.Error(err)
	}
	r = sign(t, sqs, request("POST", "http://localhost/", strings.Repeat("x", 1<<20+1)), clock.Wall())
	if _, err := v.Verify(r); !errors.Is(err, &Error{Reason: BodyTooLarge}) {
		t.Error(err)
	}
	r = sign(t, sqs, request("POST", "http://localhost/", strings.Repeat("x", 1<<20+1)), clock.Wall())
	r.ContentLength = -1
	r.Header.Set("Content-Length", "1048577")
	if _, err := v.Verify(r); !errors.Is(err, &Error{Reason: BodyTooLarge}) {
		t.Error(err)
	}
}

type errorReader struct{ err error }

func (e errorReader) Read([]byte) (int, error) { return 0, e.err }

func TestVerify_Refuses(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)
	sts := signer
	sts.Service = "sts"
	asked := func(s Signer, target string, change func(*http.Request)) func(*testing.T) *http.Request {
		return func(t *testing.T) *http.Request {
			r := sign(t, s, request("GET", target, ""), now)
			change(r)
			return r
		}
	}
	presigned := func(s Signer, moment time.Time, change func(*http.Request)) func(*testing.T) *http.Request {
		return func(t *testing.T) *http.Request {
			r := request("GET", "http://localhost/k", "")
			if err := s.Presign(r, moment, time.Hour); err != nil {
				t.Fatal(err)
			}
			change(r)
			return r
		}
	}
	edit := func(from, to string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), from, to, 1))
			r.URL.RawQuery = strings.Replace(r.URL.RawQuery, from, to, 1)
		}
	}
	none := func(*http.Request) {}
	withID := func(s Signer, id, token string) Signer { s.AccessKeyID, s.SessionToken = id, token; return s }
	type answer struct {
		Status  int
		Code    string
		Message string
	}
	mismatchOther := "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	tests := []struct {
		name  string
		build func(*testing.T) *http.Request
		want  map[aws.Protocol]answer // rest-xml stands for S3
	}{
		{"wrong signature", asked(sts, "http://localhost/", func(r *http.Request) { r.Method = "PUT" }), map[aws.Protocol]answer{
			aws.ProtocolRESTXML: {403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check your key and signing method."},
			aws.ProtocolQuery:   {403, "SignatureDoesNotMatch", mismatchOther}, aws.ProtocolJSON: {400, "InvalidSignatureException", mismatchOther},
			aws.ProtocolRESTJSON: {403, "InvalidSignatureException", mismatchOther}, aws.ProtocolEC2: {401, "AuthFailure", ec2Failure},
		}},
		{"unknown key", asked(withID(signer, "AKIAOTHER", ""), "http://localhost/", none), map[aws.Protocol]answer{
			aws.ProtocolRESTXML: {403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."},
			aws.ProtocolQuery:   {403, "InvalidClientTokenId", "The security token included in the request is invalid."},
			aws.ProtocolJSON:    {400, "UnrecognizedClientException", "The security token included in the request is invalid."},
		}},
		{"wrong token", asked(withID(signer, exampleID, "x"), "http://localhost/", none), map[aws.Protocol]answer{
			aws.ProtocolRESTXML: {400, "InvalidToken", "The provided token is malformed or otherwise invalid."},
			aws.ProtocolQuery:   {403, "InvalidClientTokenId", "The security token included in the request is invalid."},
		}},
		{"expired session", asked(withID(signer, "ASIAOLD", "x"), "http://localhost/", none), map[aws.Protocol]answer{
			aws.ProtocolRESTXML: {400, "ExpiredToken", "The provided token has expired."},
			aws.ProtocolQuery:   {403, "ExpiredToken", "The security token included in the request is expired"},
			aws.ProtocolJSON:    {400, "ExpiredTokenException", "The security token included in the request is expired"},
			aws.ProtocolEC2:     {400, "RequestExpired", "Request has expired."},
		}},
		{"late", func(t *testing.T) *http.Request {
			return sign(t, signer, request("GET", "http://localhost/", ""), now.Add(-16*time.Minute))
		}, map[aws.Protocol]answer{
			aws.ProtocolRESTXML: {403, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large."},
			aws.ProtocolJSON:    {400, "InvalidSignatureException", "Signature expired: 20260314T145326Z is now earlier than 20260314T145426Z (20260314T150926Z - 15 min.)"},
		}},
		{"early", func(t *testing.T) *http.Request {
			return sign(t, signer, request("GET", "http://localhost/", ""), now.Add(16*time.Minute))
		}, map[aws.Protocol]answer{
			aws.ProtocolQuery: {403, "SignatureDoesNotMatch", "Signature not yet current: 20260314T152526Z is still later than 20260314T152426Z (20260314T150926Z + 15 min.)"},
		}},
		{"version 2 header", asked(signer, "http://localhost/", func(r *http.Request) { r.Header.Set("Authorization", "AWS key:sig") }), map[aws.Protocol]answer{
			aws.ProtocolRESTXML: {400, "InvalidRequest", "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."},
		}},
		{"version 2 query", func(*testing.T) *http.Request {
			return request("GET", "http://localhost/?AWSAccessKeyId=a&Signature=b&Expires=1", "")
		}, map[aws.Protocol]answer{
			aws.ProtocolRESTXML: {400, "InvalidRequest", "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."},
		}},
		{"bearer", asked(sts, "http://localhost/", func(r *http.Request) { r.Header.Set("Authorization", "Bearer abc") }), map[aws.Protocol]answer{
			aws.ProtocolRESTXML:  {400, "InvalidArgument", "Unsupported Authorization Type"},
			aws.ProtocolRESTJSON: {403, "IncompleteSignatureException", "'abc' not a valid key=value pair (missing equal-sign) in Authorization header: 'Bearer abc'."},
		}},
		{"nothing but the algorithm", asked(sts, "http://localhost/", func(r *http.Request) { r.Header.Set("Authorization", AlgorithmHMAC) }), map[aws.Protocol]answer{
			aws.ProtocolRESTXML: {400, "AuthorizationHeaderMalformed", "The authorization header is malformed; missing Credential."},
			aws.ProtocolQuery:   {400, "IncompleteSignature", "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. Authorization=AWS4-HMAC-SHA256"},
		}},
		{"short credential", asked(sts, "http://localhost/", edit("/aws4_request", "")), map[aws.Protocol]answer{
			aws.ProtocolRESTXML: {400, "AuthorizationHeaderMalformed", "The authorization header is malformed; the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\"."},
			aws.ProtocolQuery:   {400, "IncompleteSignature", "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'AKIAIOSFODNN7EXAMPLE/20260314/us-east-1/sts'"},
		}},
		{"wrong scope", asked(sts, "http://localhost/", edit("20260314/us-east-1/sts/aws4_request", "20260313/eu-west-1/sqs/aws5_request")), map[aws.Protocol]answer{
			aws.ProtocolRESTXML: {400, "AuthorizationHeaderMalformed", "The authorization header is malformed; the region \"eu-west-1\" is wrong; expecting \"us-east-1\""},
			aws.ProtocolQuery:   {403, "SignatureDoesNotMatch", "Credential should be scoped to a valid region, not 'eu-west-1'. Credential should be scoped to correct service: 'sts'. Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'. Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20260313' != '20260314', from '20260314T150926Z'."},
		}},
		{"wrong scope in a URL", presigned(signer, now, edit("us-east-1", "eu-west-1")), map[aws.Protocol]answer{
			aws.ProtocolRESTXML: {400, "AuthorizationQueryParametersError", "Error parsing the X-Amz-Credential parameter; the region \"eu-west-1\" is wrong; expecting \"us-east-1\""},
		}},
		{"bad date", asked(sts, "http://localhost/", func(r *http.Request) { r.Header.Set("X-Amz-Date", "2026/03/14") }), map[aws.Protocol]answer{
			aws.ProtocolRESTXML: {403, "AccessDenied", "AWS authentication requires a valid Date or x-amz-date header"},
			aws.ProtocolQuery:   {400, "IncompleteSignature", "Date must be in ISO-8601 'basic format'. Got '2026/03/14'. See http://en.wikipedia.org/wiki/ISO_8601"},
		}},
		{"expired URL", presigned(signer, now.Add(-61*time.Minute), none), map[aws.Protocol]answer{
			aws.ProtocolRESTXML: {403, "AccessDenied", "Request has expired"},
			aws.ProtocolQuery:   {403, "SignatureDoesNotMatch", "Signature expired: 20260314T140826Z is now earlier than 20260314T140926Z (20260314T150926Z - 60 min.)"},
		}},
		{"URL of the future", presigned(signer, now.Add(16*time.Minute), none), map[aws.Protocol]answer{
			aws.ProtocolRESTXML: {403, "AccessDenied", "Request is not yet valid"},
		}},
		{"URL for too long", presigned(signer, now, edit("Expires=3600", "Expires=604801")), map[aws.Protocol]answer{
			aws.ProtocolRESTXML: {400, "AuthorizationQueryParametersError", "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds"},
		}},
		{"URL for an endless time", presigned(signer, now, edit("Expires=3600", "Expires=1e99")), map[aws.Protocol]answer{
			aws.ProtocolRESTXML: {400, "AuthorizationQueryParametersError", "X-Amz-Expires should be a number"},
		}},
		{"URL without expiry", presigned(signer, now, edit("X-Amz-Expires=3600&", "")), map[aws.Protocol]answer{
			aws.ProtocolRESTXML: {400, "AuthorizationQueryParametersError", "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."},
		}},
		{"unsigned header", asked(signer, "http://localhost/", func(r *http.Request) { r.Header.Set("X-Amz-Acl", "public-read") }), map[aws.Protocol]answer{
			aws.ProtocolRESTXML: {403, "AccessDenied", "There were headers present in the request which were not signed"},
		}},
		{"unsigned header with a URL", presigned(signer, now, func(r *http.Request) { r.Header.Set("X-Amz-Acl", "public-read") }), map[aws.Protocol]answer{
			aws.ProtocolRESTXML: {403, "AccessDenied", "There were headers present in the request which were not signed"},
		}},
		{"two mechanisms", asked(signer, "http://localhost/?X-Amz-Algorithm=AWS4-HMAC-SHA256", none), map[aws.Protocol]answer{
			aws.ProtocolRESTXML: {400, "InvalidArgument", "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified"},
		}},
		{"no payload hash", asked(signer, "http://localhost/", func(r *http.Request) { r.Header.Del("X-Amz-Content-Sha256") }), map[aws.Protocol]answer{
			aws.ProtocolRESTXML: {400, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256"},
		}},
		{"bad payload hash", asked(signer, "http://localhost/", func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", "zz") }), map[aws.Protocol]answer{
			aws.ProtocolRESTXML: {400, "InvalidRequest", "The value of x-amz-content-sha256 header is invalid."},
		}},
		{"anonymous signed chunks", func(*testing.T) *http.Request {
			return request("PUT", "http://localhost/b/k", "x", "X-Amz-Content-Sha256", streamingHMAC)
		}, map[aws.Protocol]answer{
			aws.ProtocolRESTXML: {400, "InvalidRequest", "Anonymous requests don't support this x-amz-content-sha256 value. Please use UNSIGNED-PAYLOAD or STREAMING-UNSIGNED-PAYLOAD-TRAILER."},
		}},
		{"regions of SigV4a", asked(Signer{AccessKeyID: exampleID, Secret: exampleSecret, Region: "eu-*,us-west-2", Service: "sts", Asymmetric: true}, "http://localhost/", none), map[aws.Protocol]answer{
			aws.ProtocolJSON: {400, "InvalidSignatureException", "Credential should be scoped to a valid region, not 'eu-*,us-west-2'."},
		}},
		{"nobody", func(t *testing.T) *http.Request { return nil }, map[aws.Protocol]answer{
			aws.ProtocolRESTXML: {403, "AccessDenied", "Access Denied"}, aws.ProtocolQuery: {403, "MissingAuthenticationToken", "Request is missing Authentication Token"},
			aws.ProtocolJSON: {400, "MissingAuthenticationTokenException", "Request is missing Authentication Token"},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			v := &Verifier{now: func() time.Time { return now }, Lookup: func(_ context.Context, id string) (Key, error) {
				switch id {
				case exampleID:
					return Key{Secret: exampleSecret}, nil
				case "ASIAOLD":
					return Key{}, fmt.Errorf("look up: %w", ErrExpiredKey)
				}
				return Key{}, ErrUnknownKey
			}}
			refusal := Unauthenticated()
			if r := test.build(t); r != nil {
				want := Want{}
				if _, scope, ok := PeekScope(r); ok && scope.Service != "s3" {
					want = Want{Region: "us-east-1", Service: "sts"}
				} else if ok {
					want = Want{Region: "us-east-1", Service: "s3"}
				}
				if _, err := v.VerifyFor(r, want); !errors.As(err, &refusal) {
					t.Fatalf("got %v", err)
				}
			}
			for protocol, want := range test.want {
				got := refusal.AWS(protocol, protocol == aws.ProtocolRESTXML)
				if diff := cmp.Diff(want, answer{got.Status, got.Code, got.Message}); diff != "" {
					t.Errorf("%s: %s", protocol, diff)
				}
			}
		})
	}
}

func TestError_TellsS3ClientsWhatWasSigned(t *testing.T) {
	t.Parallel()
	v := &Verifier{Lookup: oneKey(exampleID, Key{Secret: "another"}), now: at(t, "20260314T150926Z")}
	r := sign(t, signer, request("GET", "http://localhost/k", ""), v.now())
	_, err := v.Verify(r)
	var refusal *Error
	if !errors.As(err, &refusal) {
		t.Fatal(err)
	}
	got := refusal.AWS(aws.ProtocolRESTXML, true)
	canonicalRequest := "GET\n/k\n\nhost:localhost\nx-amz-content-sha256:" + emptyHash + "\nx-amz-date:20260314T150926Z\n\nhost;x-amz-content-sha256;x-amz-date\n" + emptyHash
	if got.Fields["CanonicalRequest"] != canonicalRequest || got.Fields["AWSAccessKeyId"] != exampleID ||
		!strings.HasPrefix(got.Fields["StringToSign"].(string), "AWS4-HMAC-SHA256\n20260314T150926Z\n20260314/us-east-1/s3/aws4_request\n") ||
		!strings.HasPrefix(got.Fields["CanonicalRequestBytes"].(string), "47 45 54 0a 2f") || len(got.Fields["SignatureProvided"].(string)) != 64 {
		t.Errorf("%v", got.Fields)
	}
}

func TestKeyCache_FollowsAChangedSecret(t *testing.T) {
	t.Parallel()
	var cache keyCache
	a := cache.signing("id", "one", "20260314", "us-east-1", "s3")
	if b := cache.signing("id", "two", "20260314", "us-east-1", "s3"); a == b {
		t.Error("a stale key")
	}
	for i := range 3 * cacheGeneration {
		cache.signing("id", "one", "20260314", fmt.Sprint(i), "s3")
	}
	if n := len(cache.young) + len(cache.old); n > 2*cacheGeneration {
		t.Errorf("%d keys kept", n)
	}
}

func BenchmarkVerify(b *testing.B) {
	v := &Verifier{Lookup: oneKey(exampleID, Key{Secret: exampleSecret})}
	s := signer
	s.Service = "sqs"
	s3 := sign(b, signer, request("GET", "http://bucket.s3.amazonaws.com/some/key?versionId=x", ""), clock.Wall())
	sqs := sign(b, s, request("POST", "http://localhost/", `{"QueueUrl":"x"}`, "Content-Type", "application/x-amz-json-1.0", "X-Amz-Target", "AmazonSQS.SendMessage"), clock.Wall())
	for name, r := range map[string]*http.Request{"s3": s3, "json": sqs} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if name == "json" {
					r.Body = io.NopCloser(strings.NewReader(`{"QueueUrl":"x"}`))
				}
				if _, err := v.Verify(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
