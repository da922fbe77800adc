// Package cbor is the server side of the Smithy RPC v2 CBOR protocol.
package cbor

import (
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"drydock/aws"
	"drydock/wire/eventstream"
	"drydock/wire/message"
	"drydock/wire/shape"
)

// Codec implements wire.Codec. It has no state.
type Codec struct{}

const contentType = "application/cbor"

var events = eventstream.Format{
	ContentType: contentType, Initial: true,
	Append: func(dst []byte, s *shape.Struct, v reflect.Value, _ string) []byte { return appendStruct(dst, s, v) },
	Decode: func(data []byte, s *shape.Struct, v reflect.Value) error {
		if err := decode(data, s, v, &shape.Missing{}); err != nil {
			return message.Malformed("SerializationException", err, "Unable to parse the event as CBOR")
		}
		return nil
	},
	AppendError: appendError,
}

// Decode reads the request's CBOR body into in.
func (Codec) Decode(op *aws.Operation, r *message.Request, in any) (*shape.Missing, error) {
	s, v := shape.StructureOf(in)
	missing := &shape.Missing{}
	buf := message.NewBuffer()
	defer buf.Free()
	body, err := r.ReadBody(buf)
	if err == nil {
		err = decode(body, s, v, missing)
	}
	if err != nil {
		return nil, message.Malformed("SerializationException", err, "Unable to parse the request body as CBOR")
	}
	return missing, nil
}

func identify(h http.Header, reply *message.Reply) {
	h["X-Amzn-Requestid"] = []string{reply.RequestID}
	h["Smithy-Protocol"] = []string{"rpc-v2-cbor"}
}

// Write sends an output.
func (Codec) Write(w http.ResponseWriter, op *aws.Operation, reply *message.Reply, out any) error {
	s, v := shape.StructureOf(out)
	identify(w.Header(), reply)
	for i := range s.Fields {
		if f := &s.Fields[i]; f.Kind == shape.Events {
			return eventstream.Serve(w, op, &events, s, v, f)
		}
	}
	buf := message.NewBuffer()
	defer buf.Free()
	buf.B = appendStruct(buf.B, s, v)
	return message.Write(w, reply, message.StatusOf(op), contentType, buf.B)
}

// WriteError sends an error.
func (Codec) WriteError(w http.ResponseWriter, op *aws.Operation, reply *message.Reply, e *aws.Error) error {
	api := reply.API
	if op != nil {
		api = op.API
	}
	identify(w.Header(), reply)
	if api != nil && slices.Contains(api.Protocols, aws.ProtocolQuery) && e.Code != "" {
		w.Header()["X-Amzn-Query-Error"] = []string{e.Code + ";" + string(e.Fault)}
	}
	buf := message.NewBuffer()
	defer buf.Free()
	buf.B = appendError(buf.B, op, e)
	return message.Write(w, reply, message.StatusOfError(e), contentType, buf.B)
}

func appendError(dst []byte, op *aws.Operation, e *aws.Error) []byte {
	name := "message"
	if m := message.ErrorShape(op, e); m != nil && m.Type != nil {
		s := shape.Of(m.Type)
		for i := range s.Fields {
			if strings.EqualFold(s.Fields[i].Name, name) {
				name = s.Fields[i].Name
			}
		}
	}
	fields := make(map[string]any, len(e.Fields)+2)
	maps.Copy(fields, e.Fields)
	fields["__type"] = message.TypeOfError(e)
	fields[name] = e.Message
	return appendAny(dst, fields)
}
