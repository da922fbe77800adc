package sigv4

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"drydock/clock"
)

// unsignedChunks is an anonymous upload in aws-chunked encoding.
func unsignedChunks(body string, length int, trailer string) *http.Request {
	r := request("PUT", "http://localhost/b/k", body, "X-Amz-Content-Sha256", streamingUnsigned, "X-Amz-Decoded-Content-Length", strconv.Itoa(length))
	if trailer != "" {
		r.Header.Set("X-Amz-Trailer", trailer)
	}
	return r
}

func TestVerify_DecodesChunks(t *testing.T) {
	t.Parallel()
	for _, length := range []int{0, 1, 8191, 8192, 8193, 100_000} {
		content := strings.Repeat("0123456789", length/10+1)[:length]
		for name, prepare := range map[string]func(*http.Request) error{
			"signed": func(r *http.Request) error {
				return signer.SignChunked(r, clock.Wall(), []byte(content), 8192, nil, false)
			},
			"signed trailer": func(r *http.Request) error {
				return signer.SignChunked(r, clock.Wall(), []byte(content), 8192, http.Header{"B": {"2"}, "A": {"1"}}, false)
			},
			"unsigned trailer": func(r *http.Request) error {
				return signer.SignChunked(r, clock.Wall(), []byte(content), 8192, http.Header{"A": {"1"}, "B": {"2"}}, true)
			},
			"sigv4a": func(r *http.Request) error {
				s := signer
				s.Asymmetric = true
				return s.SignChunked(r, clock.Wall(), []byte(content), 50_000, http.Header{"A": {"1"}, "B": {"2"}}, false)
			},
		} {
			t.Run(name+" "+strconv.Itoa(length), func(t *testing.T) {
				t.Parallel()
				for slow := range 2 {
					v := &Verifier{Lookup: oneKey(exampleID, Key{Secret: exampleSecret})}
					r := request("PUT", "http://localhost/b/k", "")
					if err := prepare(r); err != nil {
						t.Fatal(err)
					}
					if slow == 1 && length < 10_000 {
						r.Body = io.NopCloser(iotest.OneByteReader(r.Body))
					}
					result, err := v.Verify(r)
					if err != nil {
						t.Fatal(err)
					}
					got, err := io.ReadAll(r.Body)
					if err != nil || string(got) != content || result.DecodedLength != int64(length) {
						t.Fatalf("%d bytes of %d, %v", len(got), result.DecodedLength, err)
					}
					if name != "signed" && (result.Trailer().Get("A") != "1" || result.Trailer().Get("B") != "2") {
						t.Errorf("trailer %v", result.Trailer())
					}
				}
			})
		}
	}
}

func TestVerify_RefusesBrokenChunks(t *testing.T) {
	t.Parallel()
	small := strings.Repeat("x", 10)
	for name, c := range map[string]struct {
		body    string
		length  int
		trailer string
		want    Reason
	}{
		"empty":                {"", 4, "", IncompleteBody},
		"no chunks at all":     {"", 0, "", IncompleteBody},
		"cut in the data":      {"4\r\nbo", 4, "", IncompleteBody},
		"cut after the data":   {"4\r\nbody", 4, "", IncompleteBody},
		"cut before the end":   {"4\r\nbody\r\n", 4, "", IncompleteBody},
		"fewer than announced": {"4\r\nbody\r\n0\r\n\r\n", 5, "", IncompleteBody},
		"more than announced":  {"4\r\nbody\r\n0\r\n\r\n", 3, "", IncompleteBody},
		"no number":            {"body\r\n", 4, "", IncompleteBody},
		"negative":             {"-4\r\nbody\r\n0\r\n\r\n", 4, "", IncompleteBody},
		"huge":                 {"ffffffffffffffff\r\nbody", 4, "", IncompleteBody},
		"long header":          {"4;" + strings.Repeat("x", 2000) + "\r\nbody\r\n0\r\n\r\n", 4, "", IncompleteBody},
		"endless header":       {strings.Repeat("4", 100_000), 4, "", IncompleteBody},
		"wrong chunk length":   {"3\r\nbody\r\n0\r\n\r\n", 4, "", IncompleteBody},
		"small chunk":          {"a\r\n" + small + "\r\na\r\n" + small + "\r\n0\r\n\r\n", 20, "", InvalidChunkSize},
		"more after the end":   {"4\r\nbody\r\n0\r\n\r\nmore", 4, "", IncompleteBody},
		"unannounced trailer":  {"4\r\nbody\r\n0\r\na:b\r\n\r\n", 4, "", MalformedTrailer},
		"missing trailer":      {"4\r\nbody\r\n0\r\n\r\n", 4, "a", MalformedTrailer},
		"trailer without name": {"4\r\nbody\r\n0\r\n:b\r\n\r\n", 4, "a", MalformedTrailer},
		"long trailer":         {"4\r\nbody\r\n0\r\na:" + strings.Repeat("b", 9000) + "\r\n\r\n", 4, "a", IncompleteBody},
		"endless trailer":      {"4\r\nbody\r\n0\r\n" + strings.Repeat("a:b\r\n", 100), 4, "a", MalformedTrailer},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := unsignedChunks(c.body, c.length, c.trailer)
			result, err := (&Verifier{}).Verify(r)
			if err != nil {
				t.Fatal(err)
			}
			_, err = io.ReadAll(r.Body)
			if !errors.Is(err, &Error{Reason: c.want}) || errors.Is(err, io.EOF) || result.Trailer() != nil {
				t.Errorf("%v", err)
			}
			if _, again := r.Body.Read(make([]byte, 1)); !errors.Is(again, &Error{Reason: c.want}) {
				t.Errorf("then %v", again)
			}
		})
	}
	r := unsignedChunks("", 0, "")
	r.Header.Del("X-Amz-Decoded-Content-Length")
	if _, err := (&Verifier{}).Verify(r); !errors.Is(err, &Error{Reason: MissingLength}) {
		t.Error(err)
	}
}

func TestVerify_ChecksTrailerSignature(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(string) string{
		"value": func(s string) string { return strings.Replace(s, "a:1\r", "a:2\r", 1) },
		"signature": func(s string) string {
			return strings.Replace(s, "x-amz-trailer-signature:", "x-amz-trailer-signature:0", 1)
		},
		"absence": func(s string) string { return s[:strings.Index(s, "x-amz-trailer-signature")] + "\r\n" },
	} {
		for _, asymmetric := range []bool{false, true} {
			s := signer
			s.Asymmetric = asymmetric
			r := request("PUT", "http://localhost/b/k", "")
			if err := s.SignChunked(r, clock.Wall(), []byte("content"), 8192, http.Header{"A": {"1"}}, false); err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Fatal(err)
			}
			r.Body = io.NopCloser(strings.NewReader(edit(string(body))))
			if _, err := (&Verifier{Lookup: oneKey(exampleID, Key{Secret: exampleSecret})}).Verify(r); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadAll(r.Body); !errors.Is(err, &Error{Reason: SignatureMismatch}) {
				t.Errorf("%s %v: %v", name, asymmetric, err)
			}
		}
	}
}

func FuzzChunks(f *testing.F) {
	f.Add("4\r\nbody\r\n0\r\na:b\r\n\r\n", uint16(4), "a")
	f.Add("2000;chunk-signature=00\r\n", uint16(8192), "")
	f.Fuzz(func(t *testing.T, body string, length uint16, trailer string) {
		r := unsignedChunks(body, int(length), trailer)
		result, err := (&Verifier{}).Verify(r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r.Body)
		if err == nil && len(got) != int(length) || len(got) > int(length) {
			t.Errorf("%d bytes of %d, %v", len(got), length, err)
		}
		if err != nil && result.Trailer() != nil {
			t.Error("a trailer of a broken body")
		}
		var refusal *Error
		if err != nil && !errors.As(err, &refusal) {
			t.Errorf("%T %v", err, err)
		}
	})
}

func FuzzAuthorization(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host, Signature=00", "X-Amz-Date=1", "/a/%2e%2e/b")
	f.Add("Bearer x", "X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256&X-Amz-Credential=a/b/c/aws4_request&X-Amz-Date=20150830T123600Z&X-Amz-SignedHeaders=host&X-Amz-Signature=00", "//")
	v := &Verifier{Lookup: oneKey("AKIDEXAMPLE", Key{Secret: "s"}), now: at(f, "20150830T123600Z")}
	f.Fuzz(func(t *testing.T, header, query, path string) {
		r := request("GET", "http://localhost/", "", "X-Amz-Date", "20150830T123600Z")
		r.URL.RawQuery, r.RequestURI = query, path
		if header != "" {
			r.Header.Set("Authorization", header)
		}
		PeekScope(r)
		result, err := v.Verify(r)
		if err == nil && !result.Anonymous() {
			t.Error("accepted")
		}
		if once := recode(path, "", true); recode(once, "", true) != once {
			t.Errorf("%q is recoded twice", path)
		}
	})
}
