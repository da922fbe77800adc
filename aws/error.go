package aws

import (
	"errors"
	"fmt"
	"maps"
)

// Fault tells whose mistake an error is.
type Fault string

// The two faults of AWS's protocols.
const (
	FaultClient Fault = "Sender"
	FaultServer Fault = "Receiver"
)

// Error is the one error that reaches a client as it is. Any other error becomes InternalFailure and is logged.
type Error struct {
	// Code is the code on the wire, such as "NoSuchBucket".
	Code string
	// Shape is the modelled error's name where it differs from Code, as JSON protocols need it.
	Shape   string
	Message string
	Fault   Fault
	// Status is the HTTP status.
	Status int
	// Fields are the error's further members by wire name; the values are strings, numbers, booleans, times or
	// generated structures.
	Fields map[string]any
	// cause is logged, never shown.
	cause error
}

// Error returns "Code: Message".
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Unwrap returns what WithCause recorded.
func (e *Error) Unwrap() error { return e.cause }

// With returns a copy of e that carries one more member.
func (e *Error) With(name string, value any) *Error {
	next := *e
	next.Fields = make(map[string]any, len(e.Fields)+1)
	maps.Copy(next.Fields, e.Fields)
	next.Fields[name] = value
	return &next
}

// WithCause returns a copy of e that remembers, for the log only, why it came about.
func (e *Error) WithCause(err error) *Error {
	next := *e
	next.cause = err
	return &next
}

// NewError returns a client's error with HTTP status 400 and up to 499, or a server's from 500.
func NewError(status int, code, format string, args ...any) *Error {
	fault := FaultClient
	if status >= 500 {
		fault = FaultServer
	}
	return &Error{Code: code, Message: message(format, args), Fault: fault, Status: status}
}

// NewShapeError returns a modelled error. It is called by the generated constructors.
func NewShapeError(shape, code string, status int, format string, args ...any) *Error {
	e := NewError(status, code, "%s", message(format, args))
	if shape != code {
		e.Shape = shape
	}
	return e
}

func message(format string, args []any) string {
	if len(args) == 0 {
		return format
	}
	return fmt.Sprintf(format, args...)
}

// ErrorCode returns the code of the *Error in err's chain, or "" when there is none.
func ErrorCode(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}

// IsError tells whether err's chain holds an *Error with one of the codes.
func IsError(err error, codes ...string) bool {
	got := ErrorCode(err)
	for _, code := range codes {
		if got == code && got != "" {
			return true
		}
	}
	return false
}
