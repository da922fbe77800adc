// Package restxml is the server side of the REST-XML protocol, with the ways of S3.
package restxml

import (
	"net/http"
	"reflect"

	"drydock/aws"
	"drydock/wire/eventstream"
	"drydock/wire/message"
	"drydock/wire/query"
	"drydock/wire/rest"
	"drydock/wire/shape"
	"drydock/wire/xmlbody"
)

// Codec implements wire.Codec. It has no state.
type Codec struct{}

const contentType = "application/xml"

var events = eventstream.Format{
	ContentType: "text/xml",
	Append: func(dst []byte, s *shape.Struct, v reflect.Value, name string) []byte {
		return xmlbody.AppendElement(dst, name, &shape.Value{Kind: shape.Structure, Struct: s}, v)
	},
	Decode: func(data []byte, s *shape.Struct, v reflect.Value) error {
		return xmlbody.Decode(data, xmlbody.Form{}, s, v, &shape.Missing{}, 0)
	},
	AppendError: func(dst []byte, _ *aws.Operation, e *aws.Error) []byte {
		dst = xmlbody.AppendStart(dst, e.Code)
		dst = xmlbody.AppendString(dst, "Message", e.Message)
		return xmlbody.AppendEnd(dst, e.Code)
	},
}

// bare tells whether the API's errors are documents of their own, without the query protocol's envelope. That is so for
// S3 only; where not even the API is known, the request was one to S3's host.
func bare(api *aws.API) bool { return api == nil || api.Package == "s3" }

// codes of malformed requests: of the body, and of anything else.
func codes(api *aws.API, s *shape.Struct) (body, other string) {
	body, other = "InvalidInput", "InvalidInput"
	if bare(api) {
		other = "InvalidArgument"
	}
	switch {
	case bare(api) && s.Payload != nil && s.Payload.Name == "AccessControlPolicy":
		body = "MalformedACLError"
	case bare(api) || api.StrictXML:
		body = "MalformedXML"
	}
	return body, other
}

const notPublished = "The XML you provided was not well-formed or did not validate against our published schema"

// Decode reads the request's URI, headers and body into in.
func (Codec) Decode(op *aws.Operation, r *message.Request, in any) (*shape.Missing, error) {
	s, v := shape.StructureOf(in)
	missing := &shape.Missing{}
	var seen shape.Seen
	codeBody, code := codes(op.API, s)
	if err := rest.Decode(r, s, v, &seen, code); err != nil {
		return nil, err
	}
	if f := s.Payload; f != nil {
		done, err := rest.DecodePayload(r, f, v, &seen, code)
		if err != nil {
			return nil, err
		}
		if done || f.Kind != shape.Structure {
			missing.Check(s, seen)
			return missing, nil
		}
	} else if s.BodyMembers == 0 {
		missing.Check(s, seen)
		return missing, nil
	}
	buf := message.NewBuffer()
	defer buf.Free()
	body, err := r.ReadBody(buf)
	if err == nil {
		err = document(body, op, s, v, missing, seen)
	}
	if err != nil {
		return nil, message.Malformed(codeBody, err, notPublished)
	}
	return missing, nil
}

// document reads a body that holds the structure's own members, or those of its payload.
func document(body []byte, op *aws.Operation, s *shape.Struct, v reflect.Value, missing *shape.Missing, seen shape.Seen) error {
	f := s.Payload
	if f == nil {
		return xmlbody.Decode(body, xmlbody.Form{Root: op.InputWrapper, Strict: op.API.StrictXML}, s, v, missing, seen)
	}
	if len(body) == 0 {
		missing.Check(s, seen)
		return nil
	}
	seen.Mark(f)
	missing.Check(s, seen)
	missing.Enter(f)
	defer missing.Leave()
	// Early releases of the AWS SDK for JavaScript v3 and of Rusoto called the root element what the model calls the
	// structure, such as CompletedMultipartUpload, and S3 took it.
	form := xmlbody.Form{Root: f.Name, Alias: f.Struct.Name, Strict: op.API.StrictXML}
	return xmlbody.Decode(body, form, f.Struct, f.Target(v), missing, 0)
}

// Write sends an output.
func (Codec) Write(w http.ResponseWriter, op *aws.Operation, reply *message.Reply, out any) error {
	s, v := shape.StructureOf(out)
	h := w.Header()
	identify(h, op.API, reply)
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
		value := f.Value
		if value.NS == "" {
			value.NS = op.API.XMLNamespace
		}
		name := f.Name
		if f.Struct != nil && f.Struct.Root != "" {
			name = f.Struct.Root
		}
		buf.B = append(buf.B, xmlbody.Header...)
		buf.B = xmlbody.AppendElement(buf.B, name, &value, fv)
		return message.Write(w, reply, status, contentType, buf.B)
	}
	if s.BodyMembers == 0 || reply.Head || status == http.StatusNoContent {
		return message.Write(w, reply, status, "", nil)
	}
	buf.B = appendDocument(append(buf.B, xmlbody.Header...), op, s, v)
	return message.Write(w, reply, status, contentType, buf.B)
}

func appendDocument(dst []byte, op *aws.Operation, s *shape.Struct, v reflect.Value) []byte {
	if s.Result {
		return appendResult(dst, op, s, v)
	}
	root := op.Name + "Response"
	switch {
	case s.Root != "":
		root = s.Root
	case op.OutputWrapper != "":
		root = op.OutputWrapper
	}
	namespace := s.NS
	if namespace == "" {
		namespace = op.API.XMLNamespace
	}
	dst = xmlbody.AppendRoot(dst, root, namespace)
	dst = xmlbody.AppendMembers(dst, s, v)
	return xmlbody.AppendEnd(dst, root)
}

// appendResult appends a document that is the structure's one member; S3 sends the element even when it is empty.
func appendResult(dst []byte, op *aws.Operation, s *shape.Struct, v reflect.Value) []byte {
	for i := range s.Fields {
		f := &s.Fields[i]
		if f.Location != shape.Body {
			continue
		}
		value := f.Value
		if value.NS == "" {
			value.NS = op.API.XMLNamespace
		}
		fv, ok := f.Get(v)
		if !ok {
			fv = reflect.Zero(f.Type)
		}
		return xmlbody.AppendElement(dst, f.Name, &value, fv)
	}
	return dst
}

// identify sets the headers that identify the request.
func identify(h http.Header, api *aws.API, reply *message.Reply) {
	if !bare(api) {
		h["X-Amzn-Requestid"] = []string{reply.RequestID}
		return
	}
	ids := []string{reply.RequestID, reply.HostID}
	h["X-Amz-Request-Id"] = ids[:1:1]
	if reply.HostID != "" {
		h["X-Amz-Id-2"] = ids[1:]
	}
}

// WriteError sends an error.
func (Codec) WriteError(w http.ResponseWriter, op *aws.Operation, reply *message.Reply, e *aws.Error) error {
	api := reply.API
	if op != nil {
		api = op.API
	}
	h := w.Header()
	identify(h, api, reply)
	rest.WriteErrorHeaders(h, op, e)
	status := message.StatusOfError(e)
	if reply.Head || bodiless(status) {
		return message.Write(w, reply, status, contentType, nil)
	}
	buf := message.NewBuffer()
	defer buf.Free()
	b := append(buf.B, xmlbody.Header...)
	if !bare(api) {
		buf.B = query.AppendError(b, api.XMLNamespace, reply, e)
		return message.Write(w, reply, status, "text/xml", buf.B)
	}
	b = xmlbody.AppendStart(b, "Error")
	b = xmlbody.AppendString(b, "Code", e.Code)
	b = xmlbody.AppendString(b, "Message", e.Message)
	b = xmlbody.AppendFields(b, e.Fields, "")
	if reply.Resource != "" && e.Fields["Resource"] == nil {
		b = xmlbody.AppendString(b, "Resource", reply.Resource)
	}
	b = xmlbody.AppendString(b, "RequestId", reply.RequestID)
	b = xmlbody.AppendString(b, "HostId", reply.HostID)
	buf.B = xmlbody.AppendEnd(b, "Error")
	return message.Write(w, reply, status, contentType, buf.B)
}

func bodiless(status int) bool { return status == http.StatusNotModified }
