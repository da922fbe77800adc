package aws

import "time"

// Access is how a request was answered, for access logs.
type Access struct {
	// Operation is what the log calls the operation.
	Operation string
	// Bucket and Key are what the URL names, as the client wrote them; AccessPoint the ARN of the access point between.
	Bucket, Key, AccessPoint string
	// Status is the HTTP status, Code the error's code, empty without one.
	Status int
	Code   string
	// Sent counts the bytes of the body, Size those of the object it is about, -1 for none.
	Sent, Size int64
	// Took is from the request's arrival to the last byte of the answer, Turnaround to the first.
	Took, Turnaround time.Duration
	// TLS and Cipher are the protocol's version and cipher suite, empty for a request in the clear.
	TLS, Cipher string
}
