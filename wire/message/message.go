// Package message holds what the codecs of package wire share whatever their protocol: the request and the reply as a
// codec sees them, reading bounded bodies, pooled buffers and the errors of malformed messages. It knows no protocol.
package message

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"drydock/aws"
)

// Request is an HTTP request that has been routed to an operation.
type Request struct {
	*http.Request
	// Labels are the values of the labels in the operation's URI, unescaped.
	Labels []Label
	// Content is the whole body where the caller has read it already; nil means that Request.Body is still to be read.
	Content []byte
	// MaxBody bounds the bytes of a body that is held in memory; zero means DefaultMaxBody. Streams are not bounded.
	MaxBody int64
	// CheckDigest has ReadBody compare the body with its Content-MD5 and x-amz-checksum- headers, as S3 does.
	CheckDigest bool
}

// DefaultMaxBody bounds bodies where a Request sets no bound.
const DefaultMaxBody = 32 << 20

// Label is one part of the URI that stands for an input member.
type Label struct{ Name, Value string }

// Label returns the value of the label for a name, "" when there is none.
func (r *Request) Label(name string) (string, bool) {
	for _, l := range r.Labels {
		if l.Name == name {
			return l.Value, true
		}
	}
	return "", false
}

// Reply is what a response says beside its output or error.
type Reply struct {
	RequestID string
	// HostID is S3's second identifier; it may be empty.
	HostID string
	// Resource is the path S3's errors name.
	Resource string
	// Head tells that the request's method was HEAD, so the response has no body.
	Head bool
	// API is the API that was called, where it is known although the operation is not.
	API *aws.API
}

// ErrTooLarge is returned by ReadBody for a body beyond the bound.
var ErrTooLarge = errors.New("request body too large")

// ReadBody returns the whole body, decompressed when its Content-Encoding is gzip, in the buffer or as r.Content. The
// result is valid until the buffer is reused.
func (r *Request) ReadBody(buf *Buffer) ([]byte, error) {
	body, err := r.readBody(buf)
	if err == nil && r.CheckDigest {
		err = checkDigest(r.Header, body)
	}
	return body, err
}

func (r *Request) readBody(buf *Buffer) ([]byte, error) {
	limit := r.MaxBody
	if limit <= 0 {
		limit = DefaultMaxBody
	}
	compressed := strings.EqualFold(r.Header.Get("Content-Encoding"), "gzip")
	if r.Content != nil && !compressed {
		if int64(len(r.Content)) > limit {
			return nil, ErrTooLarge
		}
		return r.Content, nil
	}
	if r.ContentLength > limit {
		return nil, ErrTooLarge
	}
	var from io.Reader = bytes.NewReader(r.Content)
	if r.Content == nil {
		if r.Body == nil || r.Body == http.NoBody {
			return nil, nil
		}
		from = r.Body
	}
	if compressed {
		z, err := gzip.NewReader(from)
		if err != nil {
			return nil, err
		}
		from = z
	}
	var err error
	buf.B, err = readAll(buf.B[:0], from, limit)
	return buf.B, err
}

func readAll(dst []byte, from io.Reader, limit int64) ([]byte, error) {
	for {
		if len(dst) == cap(dst) {
			dst = append(dst, 0)[:len(dst)]
		}
		n, err := from.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if int64(len(dst)) > limit {
			return dst, ErrTooLarge
		}
		if err == io.EOF {
			return dst, nil
		}
		if err != nil {
			return dst, err
		}
	}
}

// Buffer is a byte slice that goes back to a pool.
type Buffer struct{ B []byte }

// maxPooled keeps the pool from holding on to the memory of rare large messages.
const maxPooled = 1 << 18

var buffers = sync.Pool{New: func() any { return &Buffer{B: make([]byte, 0, 2048)} }}

// NewBuffer takes an empty buffer from the pool.
func NewBuffer() *Buffer {
	b := buffers.Get().(*Buffer)
	b.B = b.B[:0]
	return b
}

// Free gives the buffer back; neither it nor its bytes may be used afterwards.
func (b *Buffer) Free() {
	if cap(b.B) <= maxPooled {
		buffers.Put(b)
	}
}

// Write sends a response with a body held in memory. The headers that are set already stay.
func Write(w http.ResponseWriter, reply *Reply, status int, contentType string, body []byte) error {
	h := w.Header()
	if contentType != "" && len(h["Content-Type"]) == 0 {
		h["Content-Type"] = []string{contentType}
	}
	if bodiless(status) {
		w.WriteHeader(status)
		return nil
	}
	if !reply.Head || len(h["Content-Length"]) == 0 {
		h["Content-Length"] = []string{strconv.Itoa(len(body))}
	}
	w.WriteHeader(status)
	if reply.Head || len(body) == 0 {
		return nil
	}
	_, err := w.Write(body)
	return err
}

func bodiless(status int) bool {
	return status < 200 || status == http.StatusNoContent || status == http.StatusNotModified
}

// StatusOf is the HTTP status of an operation's success.
func StatusOf(op *aws.Operation) int {
	if op.Status == 0 {
		return http.StatusOK
	}
	return op.Status
}

// StatusOfError is the HTTP status of an error, 400 or 500 where it has none.
func StatusOfError(e *aws.Error) int {
	switch {
	case e.Status >= 300 && e.Status <= 599:
		return e.Status
	case e.Fault == aws.FaultServer:
		return http.StatusInternalServerError
	default:
		return http.StatusBadRequest
	}
}

// TypeOfError is the error's shape name, as the JSON protocols and CBOR give it.
func TypeOfError(e *aws.Error) string {
	if e.Shape != "" {
		return e.Shape
	}
	return e.Code
}

// ErrorShape returns the model of an error, or nil when the operation does not declare it or is nil itself.
func ErrorShape(op *aws.Operation, e *aws.Error) *aws.ErrorShape {
	if op == nil {
		return nil
	}
	name := TypeOfError(e)
	for i := range op.Errors {
		if op.Errors[i].Shape == name || op.Errors[i].Code == e.Code {
			return &op.Errors[i]
		}
	}
	return nil
}

// Malformed is the error of a message that is not what the protocol asks for. A body that was cut off or too large gets
// the status that says so.
func Malformed(code string, cause error, format string, args ...any) *aws.Error {
	if errors.Is(cause, ErrTooLarge) {
		return aws.NewError(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "Request must be smaller than the limit of the service")
	}
	if e, ok := errors.AsType[*aws.Error](cause); ok {
		return e // it says better what is wrong
	}
	e := aws.NewError(http.StatusBadRequest, code, format, args...)
	if cause != nil {
		e = e.WithCause(cause)
	}
	return e
}
