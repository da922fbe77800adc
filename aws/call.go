package aws

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Cloud is what a call needs from the running system.
type Cloud interface {
	// Now is the time on the cloud's clock, in UTC.
	Now() time.Time
	// Random is the source of identifiers and secrets; it is safe for concurrent use and never fails.
	Random() io.Reader
	// Invoke carries out an operation in process, through the same checks as a request over HTTP.
	Invoke(call *Call, op *Operation, in any) (any, error)
	// Authorize asks whether the caller may do something that the operation's own grants do not cover, such as one
	// object of a batch or one ref of a push. It returns nil or the error that says what is missing.
	Authorize(call *Call, check Check) error
}

// Check is one question of authorization.
type Check struct {
	// Action is the IAM action, Resource the ARN or "*".
	Action, Resource string
	// Keys are condition keys beside the global ones, by their names as AWS writes them.
	Keys map[string][]string
}

// Call is one invocation of one operation: who calls, where, when, and on which cloud. It is the context of everything
// done on the call's behalf and is not changed once the handler has it.
type Call struct {
	context.Context
	Cloud Cloud

	// Partition is "aws" unless the region lies in another one.
	Partition string
	// Account is the account the caller belongs to; resources are created in it.
	Account string
	Region  string
	// Principal is the authenticated caller.
	Principal Principal
	// RequestID is the id the caller sees.
	RequestID string
	// Operation is the one being carried out.
	Operation *Operation
	// Request holds what is known of the HTTP request; its zero value stands for a call made in process.
	Request RequestInfo
}

// RequestInfo is what policies and audit trails know of the HTTP request behind a call.
type RequestInfo struct {
	Host      string
	SourceIP  string
	UserAgent string
	// Secure tells that the request came over TLS.
	Secure bool
	// ViaService is the service principal on whose behalf the call is made, such as "codebuild.amazonaws.com".
	ViaService string
	// Payer is the x-amz-request-payer of the request.
	Payer string
	// Presigned tells that the signature came in the query string.
	Presigned bool
	// SignedAt is the time in the signature.
	SignedAt time.Time
	// PayloadHash is the x-amz-content-sha256 of the request.
	PayloadHash string
	// Trailer returns the trailer of a body in aws-chunked encoding once the body has been read to its end; it is nil,
	// or returns nil, where there is none.
	Trailer func() http.Header
}

// Now is the time on the cloud's clock, in UTC.
func (c *Call) Now() time.Time { return c.Cloud.Now() }

// ARN names a resource of the call's account and region.
func (c *Call) ARN(service, resource string) ARN {
	return ARN{Partition: c.Partition, Service: service, Region: c.Region, Account: c.Account, Resource: resource}
}

// GlobalARN names a resource of the call's account that belongs to no region, as those of IAM.
func (c *Call) GlobalARN(service, resource string) ARN {
	return ARN{Partition: c.Partition, Service: service, Account: c.Account, Resource: resource}
}

// NewUUID returns a random (version 4) UUID.
func (c *Call) NewUUID() string { return NewUUID(c.Cloud.Random()) }

// NewID returns prefix followed by n characters of upper-case letters and digits, as IAM's unique ids.
func (c *Call) NewID(prefix string, n int) string { return NewID(c.Cloud.Random(), prefix, n) }

// NewHex returns n random lower-case hexadecimal digits.
func (c *Call) NewHex(n int) string {
	b := randomBytes(c.Cloud.Random(), (n+1)/2)
	return hex.EncodeToString(b)[:n]
}

// As returns a call made by p, in p's account and the call's region, that goes on in ctx.
func (c *Call) As(p Principal) *Call {
	next := *c
	next.Principal = p
	next.Account = p.Account
	next.Request = RequestInfo{ViaService: c.Request.ViaService}
	next.RequestID = c.NewUUID()
	return &next
}

// In returns the same call addressed to another region.
func (c *Call) In(region string) *Call {
	next := *c
	next.Region = region
	next.Partition = PartitionOf(region)
	return &next
}

// With returns the same call that goes on in ctx.
func (c *Call) With(ctx context.Context) *Call {
	next := *c
	next.Context = ctx
	return &next
}

// NewUUID returns a random (version 4) UUID drawn from random.
func NewUUID(random io.Reader) string {
	b := randomBytes(random, 16)
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	var s [36]byte
	hex.Encode(s[:8], b[:4])
	hex.Encode(s[9:13], b[4:6])
	hex.Encode(s[14:18], b[6:8])
	hex.Encode(s[19:23], b[8:10])
	hex.Encode(s[24:], b[10:])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	return string(s[:])
}

// idAlphabet is the base32 alphabet of IAM's unique ids.
const idAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

// NewID returns prefix followed by n characters of IAM's unique-id alphabet.
func NewID(random io.Reader, prefix string, n int) string {
	b := randomBytes(random, n)
	for i, c := range b {
		b[i] = idAlphabet[c%32]
	}
	return prefix + string(b)
}

// randomBytes reads n bytes; a source that fails would make guessable ids, so it panics.
func randomBytes(random io.Reader, n int) []byte {
	b := make([]byte, n)
	if _, err := io.ReadFull(random, b); err != nil {
		panic(fmt.Sprintf("random source failed: %v", err))
	}
	return b
}
