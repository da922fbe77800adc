// Package awsjson is the server side of the AWS JSON 1.0 and 1.1 protocols.
package awsjson

import (
	"net/http"
	"slices"

	"drydock/aws"
	"drydock/wire/eventstream"
	"drydock/wire/jsonbody"
	"drydock/wire/message"
	"drydock/wire/shape"
)

var events = eventstream.Format{
	ContentType: "application/json", Append: jsonbody.AppendEvent, Decode: jsonbody.DecodeEvent,
	AppendError: jsonbody.AppendException, Initial: true,
}

// Codec implements wire.Codec. It has no state.
type Codec struct{}

// Decode reads the request's JSON body into in.
func (Codec) Decode(op *aws.Operation, r *message.Request, in any) (*shape.Missing, error) {
	s, v := shape.StructureOf(in)
	missing := &shape.Missing{}
	buf := message.NewBuffer()
	defer buf.Free()
	body, err := r.ReadBody(buf)
	if err != nil {
		return nil, message.Malformed("SerializationException", err, "Unable to read the request body")
	}
	if err := jsonbody.Decode(body, s, v, missing, 0); err != nil {
		return nil, err
	}
	return missing, nil
}

// Write sends an output.
func (Codec) Write(w http.ResponseWriter, op *aws.Operation, reply *message.Reply, out any) error {
	s, v := shape.StructureOf(out)
	w.Header()["X-Amzn-Requestid"] = []string{reply.RequestID}
	for i := range s.Fields {
		if f := &s.Fields[i]; f.Kind == shape.Events {
			return eventstream.Serve(w, op, &events, s, v, f)
		}
	}
	buf := message.NewBuffer()
	defer buf.Free()
	// Where the model has no output AWS sends no body at all; clients read an empty object as the same.
	buf.B = jsonbody.AppendStruct(buf.B, s, v)
	return message.Write(w, reply, message.StatusOf(op), contentType(op.API), buf.B)
}

// WriteError sends an error.
func (Codec) WriteError(w http.ResponseWriter, op *aws.Operation, reply *message.Reply, e *aws.Error) error {
	api := reply.API
	if op != nil {
		api = op.API
	}
	h := w.Header()
	h["X-Amzn-Requestid"] = []string{reply.RequestID}
	if api != nil && slices.Contains(api.Protocols, aws.ProtocolQuery) && e.Code != "" {
		// Clients of APIs that once spoke the query protocol know the errors by the codes they had there.
		h["X-Amzn-Query-Error"] = []string{e.Code + ";" + string(e.Fault)}
	}
	buf := message.NewBuffer()
	defer buf.Free()
	buf.B = jsonbody.AppendError(buf.B, op, e, true)
	return message.Write(w, reply, message.StatusOfError(e), contentType(api), buf.B)
}

func contentType(api *aws.API) string {
	if api != nil && api.JSONVersion == "1.0" {
		return "application/x-amz-json-1.0"
	}
	return "application/x-amz-json-1.1"
}
