package sigv4

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Signer signs requests as a client does. The zero values of its optional fields are fine; it is safe for concurrent use.
type Signer struct {
	AccessKeyID, Secret string
	// SessionToken is optional.
	SessionToken    string
	Region, Service string
	// Asymmetric signs with SigV4a; Region is then the region set, such as "us-east-1,eu-*" or "*".
	Asymmetric bool
}

// unsignedHeaders are not signed, since something on the way may change them.
var unsignedHeaders = map[string]bool{
	"authorization": true, "user-agent": true, "expect": true, "connection": true, "x-amzn-trace-id": true,
	"accept-encoding": true, "transfer-encoding": true,
}

// Sign adds a signature to the request's headers, for the time at. The body is read and hashed, except when
// x-amz-content-sha256 is set already: what it says is then signed. All headers present are signed.
func (s Signer) Sign(r *http.Request, at time.Time) error {
	at = at.UTC()
	payload := r.Header.Get("X-Amz-Content-Sha256")
	if payload == "" {
		hash, err := hashBody(r)
		if err != nil {
			return err
		}
		payload = hash
		if isS3(s.Service) {
			r.Header.Set("X-Amz-Content-Sha256", payload)
		}
	}
	r.Header.Set("X-Amz-Date", at.Format(isoBasic))
	if s.SessionToken != "" {
		r.Header.Set("X-Amz-Security-Token", s.SessionToken)
	}
	if s.Asymmetric {
		r.Header.Set("X-Amz-Region-Set", s.Region)
	}
	signed := s.headers(r)
	signature, err := s.signature(r, at, signed, payload)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", s.algorithm()+" Credential="+s.AccessKeyID+"/"+s.scope(at)+
		", SignedHeaders="+strings.Join(signed, ";")+", Signature="+signature)
	return nil
}

// Presign adds a signature to the request's URL, valid for expires from the time at. The headers present must be sent
// with the URL. The payload of S3 is not signed; that of another service is its body, or empty.
func (s Signer) Presign(r *http.Request, at time.Time, expires time.Duration) error {
	at = at.UTC()
	payload := unsignedPayload
	if !isS3(s.Service) {
		hash, err := hashBody(r)
		if err != nil {
			return err
		}
		payload = hash
	}
	signed := s.headers(r)
	query := url.Values{
		"X-Amz-Algorithm": {s.algorithm()}, "X-Amz-Credential": {s.AccessKeyID + "/" + s.scope(at)}, "X-Amz-Date": {at.Format(isoBasic)},
		"X-Amz-Expires": {strconv.FormatInt(int64(expires/time.Second), 10)}, "X-Amz-SignedHeaders": {strings.Join(signed, ";")},
	}
	if s.SessionToken != "" {
		query.Set("X-Amz-Security-Token", s.SessionToken)
	}
	if s.Asymmetric {
		query.Set("X-Amz-Region-Set", s.Region)
	}
	if r.URL.RawQuery != "" {
		r.URL.RawQuery += "&"
	}
	r.URL.RawQuery += query.Encode()
	signature, err := s.signature(r, at, signed, payload)
	if err != nil {
		return err
	}
	r.URL.RawQuery += "&X-Amz-Signature=" + signature
	return nil
}

// SignChunked signs a request to S3 whose body is content in aws-chunked encoding, in chunks of size bytes. A nil trailer
// gives the form without one; with unsigned only the head is signed and the trailer is sent as it is.
func (s Signer) SignChunked(r *http.Request, at time.Time, content []byte, size int, trailer http.Header, unsigned bool) error {
	at = at.UTC()
	mode := streamingHMAC
	switch {
	case unsigned:
		mode = streamingUnsigned
	case s.Asymmetric:
		mode = streamingECDSA
	}
	names := make([]string, 0, len(trailer))
	for name := range trailer {
		names = append(names, strings.ToLower(name))
	}
	slices.Sort(names)
	if trailer != nil {
		if !unsigned {
			mode += "-TRAILER"
		}
		r.Header.Set("X-Amz-Trailer", strings.Join(names, ","))
	}
	r.Header.Set("X-Amz-Content-Sha256", mode)
	r.Header.Set("X-Amz-Decoded-Content-Length", strconv.Itoa(len(content)))
	r.Header.Set("Content-Encoding", "aws-chunked")
	r.ContentLength = -1 // not signed: the signatures of SigV4a vary in length
	if err := s.Sign(r, at); err != nil {
		return err
	}
	_, signature, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
	chain := &chunkSigner{algorithm: s.algorithm(), at: at, scope: s.scope(at), previous: signature}
	sign := func(text []byte) (string, error) {
		var err error
		chain.previous, err = s.sign(text, at)
		return chain.previous, err
	}
	var body bytes.Buffer
	for start := 0; ; start += size {
		chunk := content[min(start, len(content)):min(start+size, len(content))]
		fmt.Fprintf(&body, "%x", len(chunk))
		if !unsigned {
			chain.write(chunk)
			signature, err := sign(chain.chunkText())
			if err != nil {
				return err
			}
			body.WriteString(";chunk-signature=" + signature)
		}
		body.WriteString("\r\n")
		if len(chunk) == 0 {
			break
		}
		body.Write(chunk)
		body.WriteString("\r\n")
	}
	var lines bytes.Buffer
	for _, name := range names {
		lines.WriteString(name + ":" + trailer.Get(name) + "\n")
	}
	body.Write(bytes.ReplaceAll(lines.Bytes(), []byte("\n"), []byte("\r\n")))
	if trailer != nil && !unsigned {
		signature, err := sign(chain.trailerText(lines.Bytes()))
		if err != nil {
			return err
		}
		body.WriteString("x-amz-trailer-signature:" + signature + "\r\n")
	}
	body.WriteString("\r\n")
	r.Body, r.ContentLength = io.NopCloser(&body), int64(body.Len())
	return nil
}

// SignPolicy returns the fields of an S3 upload form that make policy, a JSON document, valid.
func (s Signer) SignPolicy(policy []byte, at time.Time) (map[string]string, error) {
	at = at.UTC()
	encoded := base64.StdEncoding.EncodeToString(policy)
	signature, err := s.sign([]byte(encoded), at)
	if err != nil {
		return nil, err
	}
	form := map[string]string{
		"policy": encoded, "x-amz-algorithm": s.algorithm(), "x-amz-credential": s.AccessKeyID + "/" + s.scope(at),
		"x-amz-date": at.Format(isoBasic), "x-amz-signature": signature,
	}
	if s.SessionToken != "" {
		form["x-amz-security-token"] = s.SessionToken
	}
	return form, nil
}

// headers returns the names of the headers to sign, sorted.
func (s Signer) headers(r *http.Request) []string {
	names := []string{"host"}
	for name := range r.Header {
		if name = strings.ToLower(name); !unsignedHeaders[name] && name != "host" {
			names = append(names, name)
		}
	}
	if r.ContentLength > 0 && r.Header.Get("Content-Length") == "" {
		names = append(names, "content-length")
	}
	slices.Sort(names)
	return names
}

func (s Signer) signature(r *http.Request, at time.Time, signed []string, payload string) (string, error) {
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	c := canonical{
		request: r, host: host, path: paths(r, isS3(s.Service))[0], plus: "%20", signed: signed,
		signedList: strings.Join(signed, ";"), payload: payload,
	}
	sum := sha256.Sum256(c.appendTo(nil))
	return s.sign(appendStringToSign(nil, s.algorithm(), at, s.scope(at), &sum), at)
}

func (s Signer) sign(text []byte, at time.Time) (string, error) {
	if !s.Asymmetric {
		key := deriveKey(s.Secret, at.Format("20060102"), s.Region, s.Service)
		mac := hmac.New(sha256.New, key[:])
		mac.Write(text)
		return hex.EncodeToString(mac.Sum(nil)), nil
	}
	key, err := deriveECDSA(s.AccessKeyID, s.Secret)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	signature, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	if err != nil {
		return "", fmt.Errorf("sign with SigV4a: %w", err)
	}
	return hex.EncodeToString(signature), nil
}

func (s Signer) algorithm() string {
	if s.Asymmetric {
		return AlgorithmECDSA
	}
	return AlgorithmHMAC
}

func (s Signer) scope(at time.Time) string {
	region := s.Region + "/"
	if s.Asymmetric {
		region = ""
	}
	return at.Format("20060102") + "/" + region + s.Service + "/" + terminator
}

// hashBody reads the body to hash it and leaves a copy in its place.
func hashBody(r *http.Request) (string, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return emptyHash, nil
	}
	content, err := io.ReadAll(r.Body)
	if err != nil {
		return "", fmt.Errorf("read the request body: %w", err)
	}
	if err := r.Body.Close(); err != nil {
		return "", fmt.Errorf("close the request body: %w", err)
	}
	r.Body = io.NopCloser(bytes.NewReader(content))
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:]), nil
}
