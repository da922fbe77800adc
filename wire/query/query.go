// Package query is the server side of the AWS query protocol and of its ec2 dialect.
package query

import (
	"net/http"
	"strings"
	"sync"

	"drydock/aws"
	"drydock/wire/message"
	"drydock/wire/shape"
	"drydock/wire/xmlbody"
)

// Codec implements wire.Codec. It has no state.
type Codec struct {
	// EC2 selects the ec2 dialect.
	EC2 bool
}

// contentType of all responses.
const contentType = "text/xml;charset=UTF-8"

// paramLists holds parameter lists for reuse.
var paramLists = sync.Pool{New: func() any { return new([]param) }}

// Decode reads the parameters of the body and of the URI into in.
func (c Codec) Decode(op *aws.Operation, r *message.Request, in any) (*shape.Missing, error) {
	s, v := shape.StructureOf(in)
	missing := &shape.Missing{}
	buf := message.NewBuffer()
	defer buf.Free()
	body, err := r.ReadBody(buf)
	if err != nil {
		return nil, message.Malformed("MalformedQueryString", err, "Unable to read the request body")
	}
	list := paramLists.Get().(*[]param)
	params, err := parseParams((*list)[:0], r.URL.RawQuery)
	if err == nil && len(body) > 0 {
		params, err = parseParams(params, string(body))
	}
	if err != nil {
		return nil, message.Malformed("MalformedQueryString", err, "The query string is malformed: %s", err.Error())
	}
	sortParams(params)
	d := decoder{ec2: c.EC2, missing: missing}
	err = d.structure(s, v, params, 0)
	clear(params)
	if cap(params) <= 1024 {
		*list = params[:0]
		paramLists.Put(list)
	}
	if err != nil {
		return nil, err
	}
	return missing, nil
}

// Action returns the operation a form names, "" when it names none. It finds the parameter wherever it stands.
func Action(form string) string {
	for form != "" {
		var pair string
		pair, form, _ = strings.Cut(form, "&")
		if value, ok := strings.CutPrefix(pair, "Action="); ok {
			if name, err := unescape(value); err == nil {
				return name
			}
		}
	}
	return ""
}

// Write sends an output.
func (c Codec) Write(w http.ResponseWriter, op *aws.Operation, reply *message.Reply, out any) error {
	s, v := shape.StructureOf(out)
	buf := message.NewBuffer()
	defer buf.Free()
	b := append(buf.B, xmlbody.Header...)
	root := op.Name + "Response"
	b = xmlbody.AppendRoot(b, root, op.API.XMLNamespace)
	if c.EC2 {
		b = xmlbody.AppendString(b, "requestId", reply.RequestID)
		b = xmlbody.AppendMembers(b, s, v)
	} else {
		if op.OutputWrapper != "" {
			b = xmlbody.AppendStart(b, op.OutputWrapper)
		}
		b = xmlbody.AppendMembers(b, s, v)
		if op.OutputWrapper != "" {
			b = xmlbody.AppendEnd(b, op.OutputWrapper)
		}
		b = xmlbody.AppendStart(b, "ResponseMetadata")
		b = xmlbody.AppendString(b, "RequestId", reply.RequestID)
		b = xmlbody.AppendEnd(b, "ResponseMetadata")
	}
	buf.B = xmlbody.AppendEnd(b, root)
	w.Header()["X-Amzn-Requestid"] = []string{reply.RequestID}
	return message.Write(w, reply, message.StatusOf(op), contentType, buf.B)
}

// WriteError sends an error.
func (c Codec) WriteError(w http.ResponseWriter, op *aws.Operation, reply *message.Reply, e *aws.Error) error {
	api := reply.API
	if op != nil {
		api = op.API
	}
	buf := message.NewBuffer()
	defer buf.Free()
	b := append(buf.B, xmlbody.Header...)
	if c.EC2 {
		b = append(b, "<Response><Errors><Error>"...)
		b = xmlbody.AppendString(b, "Code", e.Code)
		b = xmlbody.AppendString(b, "Message", e.Message)
		b = xmlbody.AppendFields(b, e.Fields, "")
		b = append(b, "</Error></Errors>"...)
		b = xmlbody.AppendString(b, "RequestID", reply.RequestID)
		buf.B = append(b, "</Response>"...)
	} else {
		namespace := ""
		if api != nil {
			namespace = api.XMLNamespace
		}
		b = AppendError(b, namespace, reply, e)
		buf.B = b
	}
	w.Header()["X-Amzn-Requestid"] = []string{reply.RequestID}
	return message.Write(w, reply, message.StatusOfError(e), contentType, buf.B)
}

// AppendError appends the error document of the query protocol, which REST-XML services other than S3 use too.
func AppendError(b []byte, namespace string, reply *message.Reply, e *aws.Error) []byte {
	b = xmlbody.AppendRoot(b, "ErrorResponse", namespace)
	b = xmlbody.AppendStart(b, "Error")
	fault := e.Fault
	if fault == "" {
		fault = aws.FaultClient
	}
	b = xmlbody.AppendString(b, "Type", string(fault))
	b = xmlbody.AppendString(b, "Code", e.Code)
	b = xmlbody.AppendString(b, "Message", e.Message)
	b = xmlbody.AppendFields(b, e.Fields, "")
	b = xmlbody.AppendEnd(b, "Error")
	b = xmlbody.AppendString(b, "RequestId", reply.RequestID)
	return xmlbody.AppendEnd(b, "ErrorResponse")
}
