// Package wire speaks the protocols of AWS on the server's side: it turns HTTP requests into the generated input
// structures, and outputs and errors into HTTP responses. It knows no service, routes nothing and checks no signature.
//
// A request goes through For(protocol).Decode, shape.FillTokens and shape.Validate, in this order; then the operation is
// carried out and Write or WriteError answers.
package wire

import (
	"net/http"

	"drydock/aws"
	"drydock/wire/awsjson"
	"drydock/wire/cbor"
	"drydock/wire/message"
	"drydock/wire/query"
	"drydock/wire/restjson"
	"drydock/wire/restxml"
	"drydock/wire/shape"
)

// Request is an HTTP request that has been routed to an operation.
type Request = message.Request

// Label is one part of the URI that stands for an input member.
type Label = message.Label

// Reply is what a response says beside its output or error.
type Reply = message.Reply

// Codec is one protocol. It is safe for concurrent use.
type Codec interface {
	// Decode sets the members of in, a pointer to a zero input structure of the operation, from the request, and returns
	// which required members were not sent. Any error is an *aws.Error that says what is malformed. A streaming member
	// gets the request's body, unread.
	Decode(op *aws.Operation, r *Request, in any) (*shape.Missing, error)
	// Write sends out, a pointer to an output structure of the operation. Streams in it are copied and closed, events
	// sent as they come. The error is one of writing; once Write has begun, nothing else can be answered.
	Write(w http.ResponseWriter, op *aws.Operation, reply *Reply, out any) error
	// WriteError sends an error. op is nil when the request was not routed to any.
	WriteError(w http.ResponseWriter, op *aws.Operation, reply *Reply, e *aws.Error) error
}

// For returns the codec of a protocol, or nil for one that is not known.
func For(p aws.Protocol) Codec {
	switch p {
	case aws.ProtocolJSON:
		return awsjson.Codec{}
	case aws.ProtocolQuery:
		return query.Codec{}
	case aws.ProtocolEC2:
		return query.Codec{EC2: true}
	case aws.ProtocolRESTJSON:
		return restjson.Codec{}
	case aws.ProtocolRESTXML:
		return restxml.Codec{}
	case aws.ProtocolCBOR:
		return cbor.Codec{}
	}
	return nil
}
