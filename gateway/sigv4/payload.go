package sigv4

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// Payload tells how a signature protects the request's body.
type Payload int

// The ways to protect a body, by what x-amz-content-sha256 says.
const (
	PayloadNone            Payload = iota // an anonymous request without the header
	PayloadSigned                         // its hash is signed
	PayloadUnsigned                       // UNSIGNED-PAYLOAD
	PayloadChunked                        // STREAMING-AWS4-HMAC-SHA256-PAYLOAD or the ECDSA form: each chunk is signed
	PayloadChunkedTrailer                 // the same with a signed trailer
	PayloadUnsignedTrailer                // STREAMING-UNSIGNED-PAYLOAD-TRAILER: nothing signed but chunked, with a trailer
	PayloadEvents                         // STREAMING-AWS4-HMAC-SHA256-EVENTS: messages of an event stream, signed each
)

// The words of x-amz-content-sha256.
const (
	unsignedPayload       = "UNSIGNED-PAYLOAD"
	streamingHMAC         = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
	streamingHMACTrailer  = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
	streamingECDSA        = "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"
	streamingECDSATrailer = "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER"
	streamingUnsigned     = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	streamingEvents       = "STREAMING-AWS4-HMAC-SHA256-EVENTS"
	emptyHash             = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// maxBuffered is up to what length a body outside S3 is read at once, so that its hash is known before it is acted on.
const maxBuffered = 8 << 20

// bodyPlan is what the signature says about the body before the body is touched.
type bodyPlan struct {
	mode Payload
	line string // the last line of the canonical request
	// verify is the hash that the body must have, empty if it has been read or is not to be checked.
	verify string
}

// payload finds out how the body is protected. It reads the body when the canonical request cannot be had otherwise.
func (v *Verifier) payload(r *http.Request, a *authorization, result *Result, s3 bool) (bodyPlan, error) {
	sent := r.Header.Get("X-Amz-Content-Sha256")
	if a.presigned {
		if !hasSigned(result.SignedHeaders, "x-amz-content-sha256") {
			sent = r.URL.Query().Get("X-Amz-Content-Sha256")
		}
		if sent == "" && s3 {
			sent = unsignedPayload
		}
	} else if !s3 && sent != "" && !hasSigned(result.SignedHeaders, "x-amz-content-sha256") {
		sent = "" // no statement of the signer's
	}
	result.PayloadHash = sent
	plan := bodyPlan{line: sent}
	switch sent {
	case "":
		if s3 {
			return plan, refuse(MissingPayloadHash, "Missing required header for this request: x-amz-content-sha256")
		}
		content, err := v.readBody(r)
		if err != nil {
			return plan, err
		}
		plan.mode, plan.line = PayloadSigned, emptyHash
		if len(content) > 0 {
			plan.line = hashText(content)
		}
	case unsignedPayload:
		plan.mode = PayloadUnsigned
	case streamingHMAC, streamingECDSA:
		plan.mode = PayloadChunked
	case streamingHMACTrailer, streamingECDSATrailer:
		plan.mode = PayloadChunkedTrailer
	case streamingUnsigned:
		plan.mode = PayloadUnsignedTrailer
	case streamingEvents:
		plan.mode = PayloadEvents
	default:
		if len(sent) != 2*sha256.Size || !isHexText(sent) {
			return plan, refuse(InvalidPayloadHash, "The value of x-amz-content-sha256 header is invalid.")
		}
		plan.mode, plan.verify = PayloadSigned, strings.ToLower(sent)
	}
	if chunked := plan.mode == PayloadChunked || plan.mode == PayloadChunkedTrailer; chunked &&
		strings.Contains(sent, "ECDSA") != (a.algorithm == AlgorithmECDSA) {
		return plan, refuse(InvalidPayloadHash, "The value of x-amz-content-sha256 header is invalid.")
	}
	result.Payload = plan.mode
	return plan, nil
}

// open puts the verifying body in the place of the one received. The signature has been verified.
func (v *Verifier) open(r *http.Request, a *authorization, key *Key, result *Result, plan bodyPlan) error {
	switch plan.mode {
	case PayloadSigned:
		if plan.verify == "" {
			return nil
		}
		return v.openHashed(r, plan.verify, result)
	case PayloadChunked, PayloadChunkedTrailer, PayloadUnsignedTrailer:
		signer := &chunkSigner{
			algorithm: a.algorithm, at: result.SignedAt, scope: a.scopeText(), previous: a.signature, accessKeyID: a.accessKeyID,
		}
		switch {
		case plan.mode == PayloadUnsignedTrailer || key.Trusted:
			signer = nil
		case a.algorithm == AlgorithmECDSA:
			private, err := v.keys.ecdsa(a.accessKeyID, key.Secret)
			if err != nil {
				return err
			}
			signer.public = &private.PublicKey
		default:
			signer.key = v.keys.signing(a.accessKeyID, key.Secret, a.scope.Date, a.scope.Region, a.scope.Service).key
		}
		return openChunked(r, result, plan.mode, signer)
	default:
		return nil
	}
}

// openAnonymous treats the body of a request without a signature: its transport encoding and hash still hold.
func (v *Verifier) openAnonymous(r *http.Request, result *Result) error {
	sent := r.Header.Get("X-Amz-Content-Sha256")
	result.PayloadHash = sent
	switch {
	case sent == streamingUnsigned:
		result.Payload = PayloadUnsignedTrailer
		return openChunked(r, result, PayloadUnsignedTrailer, nil)
	case sent == unsignedPayload:
		result.Payload = PayloadUnsigned
	case strings.HasPrefix(sent, "STREAMING-"):
		return refuse(UnsignedStream, "Anonymous requests don't support this x-amz-content-sha256 value. Please use UNSIGNED-PAYLOAD or STREAMING-UNSIGNED-PAYLOAD-TRAILER.")
	case len(sent) == 2*sha256.Size && isHexText(sent):
		result.Payload = PayloadSigned
		return v.openHashed(r, strings.ToLower(sent), result)
	}
	return nil
}

// openHashed makes sure that the body has a hash: at once if that is cheap and the service is not S3, whose objects are
// streamed, and otherwise while it is read.
func (v *Verifier) openHashed(r *http.Request, want string, result *Result) error {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		if want != emptyHash {
			return wrongHash(want, emptyHash)
		}
		return nil
	}
	if !isS3(result.Scope.Service) && r.ContentLength > 0 && r.ContentLength <= maxBuffered {
		content, err := v.readBody(r)
		if err != nil {
			return err
		}
		if got := hashText(content); got != want {
			return wrongHash(want, got)
		}
		return nil
	}
	r.Body = &hashReader{source: r.Body, hash: sha256.New(), want: want, remaining: r.ContentLength}
	return nil
}

// hashText is the hash of a payload as canonical requests have it.
func hashText(content []byte) string {
	sum := sha256.Sum256(content)
	var text [2 * sha256.Size]byte
	hex.Encode(text[:], sum[:])
	return string(text[:])
}

// readBody reads the whole body and puts one that is held in memory in its place.
func (v *Verifier) readBody(r *http.Request) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return nil, nil
	}
	if content, held := Content(r.Body); held {
		return content, nil
	}
	limit := v.MaxBody
	if limit <= 0 {
		limit = DefaultMaxBody
	}
	if r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	var content []byte
	var err error
	if n := r.ContentLength; n > 0 && n <= maxBuffered {
		content = make([]byte, n)
		_, err = io.ReadFull(r.Body, content)
	} else {
		content, err = io.ReadAll(io.LimitReader(r.Body, limit+1))
		if err == nil && int64(len(content)) > limit {
			return nil, tooLarge(limit)
		}
	}
	if err != nil {
		return nil, bodyError(err)
	}
	r.Body = Held(content, r.Body)
	return content, nil
}

// heldBody is a body that has been read; closing it closes the one it came from.
type heldBody struct {
	bytes.Reader
	content []byte
	source  io.Closer
}

// Held returns a body that is held in memory: a request whose body has been read is given it in its place. Closing it
// closes source. The Verifier hashes such a body without another copy.
func Held(content []byte, source io.Closer) io.ReadCloser {
	b := &heldBody{content: content, source: source}
	b.Reset(content)
	return b
}

// Content returns all bytes of a body that is held in memory, read or not; they must not be changed. The Verifier leaves
// such a body behind wherever it had to read it. It reports false for any other body.
func Content(body io.Reader) ([]byte, bool) {
	if b, ok := body.(*heldBody); ok {
		return b.content, true
	}
	return nil, false
}

func (b *heldBody) Close() error { return b.source.Close() }

func tooLarge(limit int64) *Error {
	return refuse(BodyTooLarge, "Your proposed upload exceeds the maximum allowed size").
		with("MaxSizeAllowed", limit).orElse("The request body is larger than %d bytes.", limit)
}

// bodyError words a body that ended before its length was reached. It never wraps io.EOF, which would pass for a good
// end.
func bodyError(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		e := incomplete()
		e.cause = io.ErrUnexpectedEOF
		return e
	}
	return fmt.Errorf("read the request body: %w", err)
}

func incomplete() *Error {
	return refuse(IncompleteBody, "You did not provide the number of bytes specified by the Content-Length HTTP header")
}

func wrongHash(want, got string) *Error {
	return refuse(PayloadMismatch, "The provided 'x-amz-content-sha256' header does not match what was computed.").
		with("ClientComputedContentSHA256", want).with("S3ComputedContentSHA256", got).
		orElse("The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
}

// hashReader passes a body on and compares its hash at the end, which it notices as soon as the announced length is
// reached: some readers never ask for what follows the last byte.
type hashReader struct {
	source    io.ReadCloser
	hash      hash.Hash
	want      string
	remaining int64 // of the announced length; negative if none was announced
	err       error
}

func (h *hashReader) Read(p []byte) (int, error) {
	if h.err != nil {
		return 0, h.err
	}
	n, err := h.source.Read(p)
	h.hash.Write(p[:n])
	known := h.remaining > 0
	h.remaining -= int64(n)
	switch {
	case errors.Is(err, io.EOF), known && h.remaining == 0:
		h.err = io.EOF
		if got := hex.EncodeToString(h.hash.Sum(nil)); got != h.want {
			h.err = wrongHash(h.want, got)
		}
	case err != nil:
		h.err = bodyError(err)
	}
	return n, h.err
}

func (h *hashReader) Close() error { return h.source.Close() }

func hasSigned(signed []string, name string) bool {
	for _, s := range signed {
		if strings.EqualFold(s, name) {
			return true
		}
	}
	return false
}

func isHexText(s string) bool {
	for i := range len(s) {
		if !isHex(s[i]) {
			return false
		}
	}
	return true
}

// decodedLength reads x-amz-decoded-content-length.
func decodedLength(r *http.Request) (int64, *Error) {
	text := r.Header.Get("X-Amz-Decoded-Content-Length")
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, refuse(MissingLength, "You must provide the Content-Length HTTP header.")
	}
	return n, nil
}
