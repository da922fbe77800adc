// Package restjson is the server side of the REST-JSON protocol.
package restjson

import (
	"net/http"
	"reflect"

	"drydock/aws"
	"drydock/wire/eventstream"
	"drydock/wire/jsonbody"
	"drydock/wire/message"
	"drydock/wire/rest"
	"drydock/wire/shape"
)

// Codec implements wire.Codec. It has no state.
type Codec struct{}

const (
	contentType = "application/json"
	malformed   = "SerializationException"
)

var events = eventstream.Format{
	ContentType: contentType, Append: jsonbody.AppendEvent, Decode: jsonbody.DecodeEvent,
	AppendError: jsonbody.AppendException,
}

// Decode reads the request's URI, headers and body into in.
func (Codec) Decode(op *aws.Operation, r *message.Request, in any) (*shape.Missing, error) {
	s, v := shape.StructureOf(in)
	missing := &shape.Missing{}
	var seen shape.Seen
	if err := rest.Decode(r, s, v, &seen, malformed); err != nil {
		return nil, err
	}
	if f := s.Payload; f != nil {
		done, err := rest.DecodePayload(r, f, v, &seen, malformed)
		if err == nil && !done {
			err = payload(r, f, v, missing, &seen)
		}
		if err != nil {
			return nil, err
		}
		missing.Check(s, seen)
		return missing, nil
	}
	if s.BodyMembers == 0 {
		missing.Check(s, seen)
		return missing, nil
	}
	buf := message.NewBuffer()
	defer buf.Free()
	body, err := r.ReadBody(buf)
	if err != nil {
		return nil, message.Malformed(malformed, err, "Unable to read the request body")
	}
	if err := jsonbody.Decode(body, s, v, missing, seen); err != nil {
		return nil, err
	}
	return missing, nil
}

// payload reads a body that is one member's document.
func payload(r *message.Request, f *shape.Field, v reflect.Value, missing *shape.Missing, seen *shape.Seen) error {
	buf := message.NewBuffer()
	defer buf.Free()
	body, err := r.ReadBody(buf)
	if err != nil {
		return message.Malformed(malformed, err, "Unable to read the request body")
	}
	if len(body) == 0 {
		return nil
	}
	seen.Mark(f)
	missing.Enter(f)
	defer missing.Leave()
	return jsonbody.DecodeValue(body, &f.Value, f.Target(v), missing)
}

// Write sends an output.
func (Codec) Write(w http.ResponseWriter, op *aws.Operation, reply *message.Reply, out any) error {
	s, v := shape.StructureOf(out)
	h := w.Header()
	h["X-Amzn-Requestid"] = []string{reply.RequestID}
	status := rest.WriteHeaders(h, op, s, v)
	buf := message.NewBuffer()
	defer buf.Free()
	if f := s.Payload; f != nil {
		if f.Kind == shape.Events {
			return eventstream.Serve(w, op, &events, s, v, f)
		}
		if done, err := rest.WritePayload(w, reply, status, f, v); done {
			return err
		}
		fv, ok := f.Get(v)
		if !ok {
			return message.Write(w, reply, status, "", nil)
		}
		buf.B = jsonbody.AppendValue(buf.B, &f.Value, fv)
		return message.Write(w, reply, status, contentType, buf.B)
	}
	if s.BodyMembers == 0 && len(s.Fields) > 0 || status == http.StatusNoContent {
		return message.Write(w, reply, status, "", nil)
	}
	buf.B = jsonbody.AppendStruct(buf.B, s, v)
	return message.Write(w, reply, status, contentType, buf.B)
}

// WriteError sends an error.
func (Codec) WriteError(w http.ResponseWriter, op *aws.Operation, reply *message.Reply, e *aws.Error) error {
	h := w.Header()
	h["X-Amzn-Requestid"] = []string{reply.RequestID}
	h["X-Amzn-Errortype"] = []string{message.TypeOfError(e)}
	rest.WriteErrorHeaders(h, op, e)
	buf := message.NewBuffer()
	defer buf.Free()
	buf.B = jsonbody.AppendError(buf.B, op, e, false)
	return message.Write(w, reply, message.StatusOfError(e), contentType, buf.B)
}
