package sigv4

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"drydock/aws"
)

// Reason is why a request was refused.
type Reason int

// The reasons for a refusal.
const (
	// MissingAuthentication is a request without a signature where one is needed. Verify never reports it.
	MissingAuthentication Reason = iota + 1
	// MalformedHeader is an Authorization header that cannot be read.
	MalformedHeader
	// MalformedQuery is a presigned URL whose parameters cannot be read.
	MalformedQuery
	// UnsupportedMechanism is Signature Version 2.
	UnsupportedMechanism
	// UnsupportedScheme is an Authorization header that is not AWS's at all, such as Basic.
	UnsupportedScheme
	// AmbiguousMechanism is a request that is signed both in its header and in its query.
	AmbiguousMechanism
	// InvalidDate is a missing or unreadable time of signing.
	InvalidDate
	// WrongScope is a credential scope for another region, service, day or terminator.
	WrongScope
	// UnsignedHeaders is a header that had to be signed and is not.
	UnsignedHeaders
	// UnknownKey is an access key id that does not exist.
	UnknownKey
	// InvalidToken is a session token that does not belong to the key.
	InvalidToken
	// ExpiredToken is a session that has ended.
	ExpiredToken
	// SignatureMismatch is a wrong signature, of the request, of a chunk or of the trailer.
	SignatureMismatch
	// TimeSkewed is a time of signing too far from the machine's.
	TimeSkewed
	// Expired is a presigned URL whose time has passed.
	Expired
	// NotYetValid is a presigned URL signed in the future.
	NotYetValid
	// InvalidPayloadHash is an x-amz-content-sha256 that is neither a hash nor one of the known words.
	InvalidPayloadHash
	// MissingPayloadHash is a request to S3 without x-amz-content-sha256.
	MissingPayloadHash
	// UnsignedStream is a request without a signature whose chunks claim to be signed.
	UnsignedStream
	// PayloadMismatch is a body that does not have the hash that was signed.
	PayloadMismatch
	// IncompleteBody is a body that ends early, goes on too long or breaks the chunk syntax.
	IncompleteBody
	// InvalidChunkSize is a chunk, not the last, of less than 8 KiB.
	InvalidChunkSize
	// MalformedTrailer is a trailer that cannot be read or was not announced.
	MalformedTrailer
	// MissingLength is a chunked body without x-amz-decoded-content-length.
	MissingLength
	// BodyTooLarge is a body too big to be hashed before the request is served.
	BodyTooLarge
	// InvalidForm is an upload form without the fields a signature needs.
	InvalidForm
	// InvalidPolicy is an upload policy that cannot be read.
	InvalidPolicy
	// PolicyDenied is an upload that its policy does not allow.
	PolicyDenied
	// UploadTooLarge and UploadTooSmall are uploads outside the policy's content-length-range.
	UploadTooLarge
	UploadTooSmall
)

// Error is a refusal. AWS words it for a client.
type Error struct {
	Reason Reason
	// AccessKeyID is the key the client named, when it came to that.
	AccessKeyID string
	// s3 and other are the message in S3's words and in everybody else's.
	s3, other string
	fields    map[string]any // further members in S3's answer
	cause     error
}

// Error returns the message in the words of most services.
func (e *Error) Error() string {
	if e.other != "" {
		return e.other
	}
	return e.s3
}

// Unwrap returns what made the body unreadable, if that was it.
func (e *Error) Unwrap() error { return e.cause }

// Is tells whether target is an *Error for the same reason, so that errors.Is(err, &Error{Reason: Expired}) works.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Reason == e.Reason && t.s3 == "" && t.other == ""
}

// refuse returns an error with one message for all services.
func refuse(reason Reason, format string, args ...any) *Error {
	text := format
	if len(args) > 0 {
		text = fmt.Sprintf(format, args...)
	}
	return &Error{Reason: reason, s3: text, other: text}
}

// orElse gives e another message for the services that are not S3.
func (e *Error) orElse(format string, args ...any) *Error {
	e.other = format
	if len(args) > 0 {
		e.other = fmt.Sprintf(format, args...)
	}
	return e
}

// with adds a member to S3's answer.
func (e *Error) with(name string, value any) *Error {
	if e.fields == nil {
		e.fields = make(map[string]any)
	}
	e.fields[name] = value
	return e
}

// Unauthenticated returns the refusal of a request that carries no signature and needs one.
func Unauthenticated() *Error {
	return refuse(MissingAuthentication, "Access Denied").orElse("Request is missing Authentication Token")
}

type wording struct {
	code   string
	status int
}

// s3Wording follows "Error responses" of the Amazon S3 API reference.
var s3Wording = map[Reason]wording{
	MissingAuthentication: {"AccessDenied", 403},
	MalformedHeader:       {"AuthorizationHeaderMalformed", 400},
	MalformedQuery:        {"AuthorizationQueryParametersError", 400},
	UnsupportedMechanism:  {"InvalidRequest", 400},
	UnsupportedScheme:     {"InvalidArgument", 400},
	AmbiguousMechanism:    {"InvalidArgument", 400},
	InvalidDate:           {"AccessDenied", 403},
	WrongScope:            {"AuthorizationHeaderMalformed", 400},
	UnsignedHeaders:       {"AccessDenied", 403},
	UnknownKey:            {"InvalidAccessKeyId", 403},
	InvalidToken:          {"InvalidToken", 400},
	ExpiredToken:          {"ExpiredToken", 400},
	SignatureMismatch:     {"SignatureDoesNotMatch", 403},
	TimeSkewed:            {"RequestTimeTooSkewed", 403},
	Expired:               {"AccessDenied", 403},
	NotYetValid:           {"AccessDenied", 403},
	InvalidPayloadHash:    {"InvalidRequest", 400},
	MissingPayloadHash:    {"InvalidRequest", 400},
	UnsignedStream:        {"InvalidRequest", 400},
	PayloadMismatch:       {"XAmzContentSHA256Mismatch", 400},
	IncompleteBody:        {"IncompleteBody", 400},
	InvalidChunkSize:      {"InvalidChunkSizeError", 400},
	MalformedTrailer:      {"MalformedTrailerError", 400},
	MissingLength:         {"MissingContentLength", 411},
	BodyTooLarge:          {"EntityTooLarge", 400},
	InvalidForm:           {"InvalidArgument", 400},
	InvalidPolicy:         {"InvalidPolicyDocument", 400},
	PolicyDenied:          {"AccessDenied", 403},
	UploadTooLarge:        {"EntityTooLarge", 400},
	UploadTooSmall:        {"EntityTooSmall", 400},
}

// The refusals that every other service knows; the JSON protocols append "Exception" and have their own name for an
// unknown key and a wrong signature. See "Common Error Types" of the services' API references.
var (
	wordMissing    = wording{"MissingAuthenticationToken", 403}
	wordIncomplete = wording{"IncompleteSignature", 400}
	wordUnknownKey = wording{"InvalidClientTokenId", 403}
	wordMismatch   = wording{"SignatureDoesNotMatch", 403}
	wordExpired    = wording{"ExpiredToken", 403}
	wordTooLarge   = wording{"RequestEntityTooLarge", 413}
)

func (r Reason) wording() wording {
	switch r {
	case MissingAuthentication:
		return wordMissing
	case UnknownKey, InvalidToken:
		return wordUnknownKey
	case ExpiredToken:
		return wordExpired
	case BodyTooLarge:
		return wordTooLarge
	case MalformedHeader, MalformedQuery, UnsupportedMechanism, UnsupportedScheme, AmbiguousMechanism, InvalidDate,
		MissingLength, MissingPayloadHash, InvalidPayloadHash:
		return wordIncomplete
	default:
		return wordMismatch
	}
}

const ec2Failure = "AWS was not able to validate the provided access credentials"

// AWS words the refusal as the API concerned does: S3's data plane and S3 Control if s3 is set, otherwise by protocol.
func (e *Error) AWS(protocol aws.Protocol, s3 bool) *aws.Error {
	if s3 {
		w := s3Wording[e.Reason]
		if e.Reason == WrongScope && e.fields["query"] != nil {
			w = s3Wording[MalformedQuery]
		}
		answer := aws.NewError(w.status, w.code, "%s", e.s3)
		if len(e.fields) > 0 {
			answer.Fields = maps.Clone(e.fields)
			delete(answer.Fields, "query")
		}
		return answer.WithCause(e.cause)
	}
	w := e.Reason.wording()
	switch protocol {
	case aws.ProtocolEC2:
		// Amazon EC2 does not tell a wrong key from a wrong signature.
		switch {
		case e.Reason == TimeSkewed || e.Reason == Expired || e.Reason == NotYetValid || e.Reason == ExpiredToken:
			return aws.NewError(400, "RequestExpired", "Request has expired.").WithCause(e)
		case w == wordMissing:
			return aws.NewError(400, "MissingParameter", "The request must contain the parameter AWSAccessKeyId")
		case w == wordUnknownKey || w == wordMismatch:
			return aws.NewError(401, "AuthFailure", ec2Failure).WithCause(e)
		}
	case aws.ProtocolJSON, aws.ProtocolRESTJSON, aws.ProtocolCBOR:
		switch w {
		case wordUnknownKey:
			w.code = "UnrecognizedClientException"
		case wordMismatch:
			w.code = "InvalidSignatureException"
		default:
			w.code += "Exception"
		}
		if w.status < 413 {
			if w.status = 400; protocol == aws.ProtocolRESTJSON {
				w.status = 403
			}
		}
	case aws.ProtocolQuery, aws.ProtocolRESTXML: // as the words have it
	}
	return aws.NewError(w.status, w.code, "%s", e.Error()).WithCause(e.cause)
}

const (
	isoBasic    = "20060102T150405Z"
	isoExtended = "2006-01-02T15:04:05Z"
)

func mismatch(accessKeyID, provided, stringToSign, canonicalRequest string) *Error {
	e := refuse(SignatureMismatch, "The request signature we calculated does not match the signature you provided. Check your key and signing method.").
		orElse("The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.").
		with("AWSAccessKeyId", accessKeyID).with("StringToSign", stringToSign).with("SignatureProvided", provided).
		with("StringToSignBytes", spacedHex(stringToSign))
	if canonicalRequest != "" {
		e = e.with("CanonicalRequest", canonicalRequest).with("CanonicalRequestBytes", spacedHex(canonicalRequest))
	}
	e.AccessKeyID = accessKeyID
	return e
}

// spacedHex is how S3 shows the bytes of what it signed.
func spacedHex(s string) string {
	var b strings.Builder
	b.Grow(3 * len(s))
	for i := range len(s) {
		if i > 0 {
			b.WriteByte(' ')
		}
		const digits = "0123456789abcdef"
		b.WriteByte(digits[s[i]>>4])
		b.WriteByte(digits[s[i]&15])
	}
	return b.String()
}

func skewed(signed, now time.Time, skew time.Duration) *Error {
	e := refuse(TimeSkewed, "The difference between the request time and the current time is too large.").
		with("RequestTime", signed.Format(isoBasic)).with("ServerTime", now.Format(isoExtended)).
		with("MaxAllowedSkewMilliseconds", skew.Milliseconds())
	return e.orElse("%s", untimely(signed, now, skew))
}

// untimely is the sentence of every service but S3 about a signature that is too old or too new.
func untimely(signed, now time.Time, window time.Duration) string {
	minutes := int(window.Minutes())
	if signed.After(now) {
		return fmt.Sprintf("Signature not yet current: %s is still later than %s (%s + %d min.)",
			signed.Format(isoBasic), now.Add(window).Format(isoBasic), now.Format(isoBasic), minutes)
	}
	return fmt.Sprintf("Signature expired: %s is now earlier than %s (%s - %d min.)",
		signed.Format(isoBasic), now.Add(-window).Format(isoBasic), now.Format(isoBasic), minutes)
}
