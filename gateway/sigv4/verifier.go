package sigv4

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"drydock/clock"
)

// Key is what the caller of a Verifier knows of an access key.
type Key struct {
	// Secret is the secret access key.
	Secret string
	// SessionToken is what a request with a temporary key must carry. If it is empty a request must carry none.
	SessionToken string
	// Trusted tells that the secret is not known and the key is believed nevertheless: neither signature nor session
	// token is checked, everything else about the request is. It is for local convenience only.
	Trusted bool
	// Principal is handed on in the Result.
	Principal any
}

// What a Lookup returns, perhaps wrapped, about a key that cannot sign.
var (
	// ErrUnknownKey is for a key that does not exist or is inactive.
	ErrUnknownKey = errors.New("access key does not exist")
	// ErrExpiredKey is for a temporary key whose session is over.
	ErrExpiredKey = errors.New("access key has expired")
	// ErrInvalidToken is for a temporary key whose session token the caller finds wrong.
	ErrInvalidToken = errors.New("session token is invalid")
)

// Lookup finds an access key. It is called at most once a request, concurrently. Any error that wraps none of the three
// above is a failure of the server's and comes back from Verify as it is.
type Lookup func(ctx context.Context, accessKeyID string) (Key, error)

// Want is what a request is for, as far as the caller knows. The zero value accepts every scope.
type Want struct {
	// Region and Service, where not empty, are what the credential scope must name.
	Region, Service string
	// S3 selects S3's rules for paths and payloads whatever the scope says. A scope for S3 always selects them.
	S3 bool
	// Bucket is what the host name of a virtual-hosted S3 request names; URLs of version 2 sign it.
	Bucket string
}

// Defaults of a Verifier.
const (
	DefaultSkew    = 15 * time.Minute
	DefaultMaxBody = 100 << 20
)

// Verifier checks the signatures of requests. Its fields are not to be changed once it is in use; its methods are safe
// for concurrent use.
type Verifier struct {
	Lookup Lookup
	// Skew is how far the time of signing may be from the machine's; DefaultSkew if zero.
	Skew time.Duration
	// MaxBody is how long a body may be that has to be read before it can be verified; DefaultMaxBody if zero.
	MaxBody int64

	// now replaces the machine's time in tests.
	now  func() time.Time
	keys keyCache
}

// Result is what a verified request says about itself.
type Result struct {
	// AccessKeyID is the key that signed, empty for an anonymous request.
	AccessKeyID string
	// Algorithm is AlgorithmHMAC or AlgorithmECDSA.
	Algorithm string
	Scope     Scope
	// RegionSet is what X-Amz-Region-Set of a SigV4a signature lists.
	RegionSet []string
	// SignedHeaders are the names of the signed headers as the client listed them.
	SignedHeaders []string
	// Presigned tells that the signature came in the query, FormSigned that it came in an upload form.
	Presigned, FormSigned bool
	// SignedAt is the time of signing.
	SignedAt time.Time
	// Expires is the end of a presigned URL's or an upload policy's validity, otherwise zero.
	Expires time.Time
	// Payload tells how the body is protected, PayloadHash is what x-amz-content-sha256 said.
	Payload     Payload
	PayloadHash string
	// DecodedLength is the length of the body behind its transport encoding, -1 when it is not known beforehand.
	DecodedLength int64
	// Signature is the request's signature as sent.
	Signature string
	// SessionToken is the session token as sent.
	SessionToken string
	// Trusted repeats Key.Trusted: the signature was not checked.
	Trusted bool
	// Principal is Key.Principal.
	Principal any

	chunks *chunkReader
}

// Anonymous tells that the request carried no signature.
func (r Result) Anonymous() bool { return r.AccessKeyID == "" }

// Trailer returns the trailer of a body in aws-chunked encoding, such as x-amz-checksum-crc32. It is complete once the
// body has been read to its end, and nil before or when there is none.
func (r Result) Trailer() http.Header {
	if r.chunks == nil {
		return nil
	}
	return r.chunks.trailerHeader()
}

// Verify is VerifyFor any scope.
func (v *Verifier) Verify(r *http.Request) (Result, error) { return v.VerifyFor(r, Want{}) }

// VerifyFor checks the signature of a server's request. A request without a signature is no error: its Result is
// anonymous and the caller decides. A refusal is an *Error; any other error is a failure to look the key up or to read
// the body.
//
// The integrity of the body is part of the signature. A body that is not read here is replaced by one whose Read returns
// an *Error instead of io.EOF when the body turns out to be wrong, so the caller must not act on a body it has not read
// to the end. A body in aws-chunked encoding is decoded, and the request is changed into what it would have been
// without: ContentLength, Content-Length and Content-Encoding are those of the decoded body.
func (v *Verifier) VerifyFor(r *http.Request, want Want) (Result, error) {
	switch mechanismOf(r) {
	case anonymous:
		result := Result{DecodedLength: r.ContentLength}
		if err := v.openAnonymous(r, &result); err != nil {
			return Result{}, err
		}
		return result, nil
	case byBoth:
		return Result{}, refuse(AmbiguousMechanism, "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified").
			with("ArgumentName", "Authorization").with("ArgumentValue", r.Header.Get("Authorization"))
	case byVersion2:
		if want.S3 && r.Header.Get("Authorization") == "" {
			return v.verifyVersion2(r, want)
		}
		return Result{}, refuse(UnsupportedMechanism, "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.")
	case byQuery:
		return v.verifyQuery(r, want)
	default:
		return v.verifyHeader(r, want)
	}
}

func (v *Verifier) verifyHeader(r *http.Request, want Want) (Result, error) {
	amzDate := r.Header.Get("X-Amz-Date")
	sentDate := amzDate
	if sentDate == "" {
		sentDate = r.Header.Get("Date")
	}
	a, refusal := parseHeader(r.Header.Get("Authorization"), sentDate != "")
	if refusal != nil {
		return Result{}, refusal
	}
	a.date = sentDate
	a.token = r.Header.Get("X-Amz-Security-Token")
	at, ok := parseTime(amzDate, sentDate)
	switch {
	case sentDate == "":
		return Result{}, refuse(InvalidDate, "AWS authentication requires a valid Date or x-amz-date header").orElse("%s", missingParts(&a, false))
	case !ok:
		return Result{}, refuse(InvalidDate, "AWS authentication requires a valid Date or x-amz-date header").
			orElse("Date must be in ISO-8601 'basic format'. Got '%s'. See http://en.wikipedia.org/wiki/ISO_8601", sentDate)
	}
	now := v.wall()
	if drift := now.Sub(at); drift > v.skew() || -drift > v.skew() {
		e := skewed(at, now, v.skew())
		e.AccessKeyID = a.accessKeyID
		return Result{}, e
	}
	return v.verify(r, &a, at, want, r.Header.Get("X-Amz-Region-Set"))
}

func (v *Verifier) verifyQuery(r *http.Request, want Want) (Result, error) {
	query := r.URL.Query()
	_, peeked, _ := PeekScope(r)
	s3 := want.S3 || isS3(peeked.Service)
	a, refusal := parseQuery(query, s3)
	if refusal != nil {
		return Result{}, refusal
	}
	at, ok := parseTime(a.date, "")
	if !ok {
		return Result{}, refuse(MalformedQuery, `X-Amz-Date must be in the ISO8601 Long Format "yyyyMMdd'T'HHmmss'Z'"`).
			orElse("Date must be in ISO-8601 'basic format'. Got '%s'. See http://en.wikipedia.org/wiki/ISO_8601", a.date)
	}
	now := v.wall()
	validity := a.expires
	if !s3 {
		// A short expiry does not shorten the usual window: STS accepts the URLs that EKS's clients sign with 60 s for
		// a quarter of an hour.
		validity = max(validity, v.skew())
	}
	switch {
	case at.Sub(now) > v.skew():
		return Result{}, refuse(NotYetValid, "Request is not yet valid").orElse("%s", untimely(at, now, v.skew())).
			with("X-Amz-Date", a.date).with("ServerTime", now.Format(isoExtended))
	case now.Sub(at) > validity:
		return Result{}, refuse(Expired, "Request has expired").orElse("%s", untimely(at, now, validity)).
			with("X-Amz-Expires", int64(a.expires/time.Second)).with("Expires", at.Add(a.expires).Format(isoExtended)).
			with("ServerTime", now.Format(isoExtended))
	}
	result, err := v.verify(r, &a, at, want, query.Get("X-Amz-Region-Set"))
	if err == nil {
		result.Expires = at.Add(validity)
	}
	return result, err
}

// verify checks what header and query signatures have in common.
func (v *Verifier) verify(r *http.Request, a *authorization, at time.Time, want Want, regionSet string) (Result, error) {
	s3 := want.S3 || isS3(a.scope.Service)
	result := Result{
		AccessKeyID: a.accessKeyID, Algorithm: a.algorithm, Scope: a.scope, SignedHeaders: strings.Split(a.signedList, ";"),
		Presigned: a.presigned, SignedAt: at, Signature: a.signature, SessionToken: a.token, DecodedLength: r.ContentLength,
	}
	if a.algorithm == AlgorithmECDSA {
		result.RegionSet = strings.Split(regionSet, ",")
	}
	if refusal := a.checkScope(at, a.date, want, result.RegionSet); refusal != nil {
		return Result{}, refusal
	}
	if refusal := checkSigned(r, a, result.SignedHeaders, s3); refusal != nil {
		return Result{}, refusal
	}
	key, err := v.find(r.Context(), a)
	if err != nil {
		return Result{}, err
	}
	result.Principal, result.Trusted = key.Principal, key.Trusted
	body, err := v.payload(r, a, &result, s3)
	if err != nil {
		return Result{}, err
	}
	if !key.Trusted {
		if err := v.checkSignature(r, a, &key, &result, body.line, s3); err != nil {
			return Result{}, err
		}
	}
	if err := v.open(r, a, &key, &result, body); err != nil {
		return Result{}, err
	}
	return result, nil
}

// find looks the key up and compares the session token.
func (v *Verifier) find(ctx context.Context, a *authorization) (Key, error) {
	key, err := v.Lookup(ctx, a.accessKeyID)
	var refusal *Error
	switch {
	case err == nil:
		if key.Trusted || subtle.ConstantTimeCompare([]byte(key.SessionToken), []byte(a.token)) == 1 {
			return key, nil
		}
		refusal = invalidToken(a.token)
	case errors.Is(err, ErrUnknownKey):
		refusal = refuse(UnknownKey, "The AWS Access Key Id you provided does not exist in our records.").
			orElse("The security token included in the request is invalid.").with("AWSAccessKeyId", a.accessKeyID)
	case errors.Is(err, ErrExpiredKey):
		refusal = refuse(ExpiredToken, "The provided token has expired.").
			orElse("The security token included in the request is expired").with("Token-0", a.token)
	case errors.Is(err, ErrInvalidToken):
		refusal = invalidToken(a.token)
	default:
		return Key{}, fmt.Errorf("look up access key %s: %w", a.accessKeyID, err)
	}
	refusal.AccessKeyID = a.accessKeyID
	return Key{}, refusal
}

func invalidToken(token string) *Error {
	return refuse(InvalidToken, "The provided token is malformed or otherwise invalid.").
		orElse("The security token included in the request is invalid.").with("Token-0", token)
}

// checkSigned wants the headers signed that decide what the request means: the host, and for S3 all of its own.
func checkSigned(r *http.Request, a *authorization, signed []string, s3 bool) *Error {
	isSigned := func(name string) bool {
		for _, s := range signed {
			if strings.EqualFold(s, name) {
				return true
			}
		}
		return false
	}
	unsigned := func(name string) *Error {
		e := refuse(UnsignedHeaders, "There were headers present in the request which were not signed").
			orElse("'%s' must be a 'SignedHeader' in the AWS Authorization.", name).with("HeadersNotSigned", strings.ToLower(name))
		if name == "host" {
			e = e.orElse("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
		}
		e.AccessKeyID = a.accessKeyID
		return e
	}
	if !isSigned("host") {
		return unsigned("host")
	}
	if !s3 {
		return nil
	}
	for name := range r.Header {
		// The payload hash is in the canonical request by itself, or not looked at.
		if strings.HasPrefix(name, "X-Amz-") && name != "X-Amz-Content-Sha256" && !isSigned(name) {
			return unsigned(name)
		}
	}
	return nil
}

// scratch is what computing a signature needs; it is pooled.
type scratch struct {
	canonical, toSign []byte
	sum               [sha256.Size]byte
	mac               [sha256.Size]byte
	given             [sha256.Size]byte
}

var scratchPool = sync.Pool{New: func() any { return new(scratch) }}

// checkSignature computes the signature and compares it, first as AWS documents the canonical request and then in the
// other spellings that clients are known to sign.
func (v *Verifier) checkSignature(r *http.Request, a *authorization, key *Key, result *Result, payload string, s3 bool) error {
	s := scratchPool.Get().(*scratch)
	defer scratchPool.Put(s)
	c := canonical{request: r, signed: result.SignedHeaders, signedList: a.signedList, payload: payload}
	var match func() bool
	if a.algorithm == AlgorithmECDSA {
		private, err := v.keys.ecdsa(a.accessKeyID, key.Secret)
		if err != nil {
			return err
		}
		signature, err := hex.DecodeString(a.signature)
		match = func() bool {
			if err != nil {
				return false
			}
			sum := sha256.Sum256(s.toSign)
			return ecdsa.VerifyASN1(&private.PublicKey, sum[:], signature)
		}
	} else {
		signing := v.keys.signing(a.accessKeyID, key.Secret, a.scope.Date, a.scope.Region, a.scope.Service)
		readable := decodeSignature(&s.given, a.signature)
		match = func() bool {
			signing.sum(&s.mac, s.toSign)
			return readable && subtle.ConstantTimeCompare(s.mac[:], s.given[:]) == 1
		}
	}
	plus := []string{"%20"}
	if strings.Contains(r.URL.RawQuery, "+") {
		plus = []string{"%20", "%2B", "+"}
	}
	tokens := []bool{false}
	if a.presigned && a.token != "" && !s3 {
		tokens = []bool{false, true}
	}
	pathSpellings := paths(r, s3)
	hostSpellings := []string{r.Host}
	first := true
	var e *Error
	for i := 0; i < len(hostSpellings); i++ {
		c.host = hostSpellings[i]
		for _, c.path = range pathSpellings {
			for _, c.plus = range plus {
				for _, c.dropToken = range tokens {
					s.canonical = c.appendTo(s.canonical[:0])
					s.sum = sha256.Sum256(s.canonical)
					s.toSign = appendStringToSign(s.toSign[:0], a.algorithm, result.SignedAt, a.scopeText(), &s.sum)
					if match() {
						return nil
					}
					if first {
						e = mismatch(a.accessKeyID, a.signature, string(s.toSign), string(s.canonical))
						hostSpellings = hosts(r.Host)
						first = false
					}
				}
			}
		}
	}
	return e
}

func appendStringToSign(b []byte, algorithm string, at time.Time, scope string, sum *[sha256.Size]byte) []byte {
	b = append(b, algorithm...)
	b = append(b, '\n')
	b = at.AppendFormat(b, isoBasic)
	b = append(b, '\n')
	b = append(b, scope...)
	b = append(b, '\n')
	return hex.AppendEncode(b, sum[:])
}

// decodeSignature reads 64 hexadecimal digits.
func decodeSignature(to *[sha256.Size]byte, text string) bool {
	if len(text) != 2*sha256.Size {
		return false
	}
	for i := range to {
		if !isHex(text[2*i]) || !isHex(text[2*i+1]) {
			return false
		}
		to[i] = unhex(text[2*i])<<4 | unhex(text[2*i+1])
	}
	return true
}

// isS3 tells that a signing name is one whose paths are signed as S3's are.
func isS3(service string) bool {
	switch service {
	case "s3", "s3-object-lambda", "s3-outposts", "s3express":
		return true
	}
	return false
}

func (v *Verifier) skew() time.Duration {
	if v.Skew > 0 {
		return v.Skew
	}
	return DefaultSkew
}

func (v *Verifier) wall() time.Time {
	if v.now != nil {
		return v.now()
	}
	return clock.Wall()
}
