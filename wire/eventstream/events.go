package eventstream

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"time"

	"drydock/aws"
	"drydock/wire/message"
	"drydock/wire/shape"
)

// ContentType is the media type of event streams.
const ContentType = "application/vnd.amazon.eventstream"

// Format is how a protocol writes the structures in events.
type Format struct {
	ContentType string
	// Append appends a structure; name is its event member, for formats that need a root element.
	Append func(dst []byte, s *shape.Struct, v reflect.Value, name string) []byte
	// Decode reads a structure.
	Decode func(data []byte, s *shape.Struct, v reflect.Value) error
	// AppendError appends an exception's document.
	AppendError func(dst []byte, op *aws.Operation, e *aws.Error) []byte
	// Initial tells that the output's other members go in a first message of their own, as RPC protocols have it.
	Initial bool
}

// Serve answers with the events of the member f of the output v, each flushed as it comes. Once it has begun, errors of
// the stream become its last message; the error returned is one of writing.
func Serve(w http.ResponseWriter, op *aws.Operation, format *Format, s *shape.Struct, v reflect.Value, f *shape.Field) error {
	w.Header()["Content-Type"] = []string{ContentType}
	w.WriteHeader(message.StatusOf(op))
	out := writer{w: w, flush: http.NewResponseController(w), buf: message.NewBuffer()}
	defer out.buf.Free()
	if format.Initial {
		m := Message{Headers: eventHeaders("initial-response", format.ContentType), Payload: format.Append(nil, s, v, op.Name)}
		if err := out.send(&m); err != nil {
			return err
		}
	} else if err := out.flush.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("opening the event stream: %w", err)
	}
	events, ok := f.Get(v)
	if !ok {
		return nil
	}
	for event, err := range events.Interface().(aws.EventStream) {
		if err != nil {
			return out.send(exception(op, format, err))
		}
		m, err := format.message(event)
		if err != nil {
			return err
		}
		if err := out.send(m); err != nil {
			return err
		}
	}
	return nil
}

type writer struct {
	w     io.Writer
	flush *http.ResponseController
	buf   *message.Buffer
}

func (o *writer) send(m *Message) error {
	var err error
	if o.buf.B, err = m.Append(o.buf.B[:0]); err != nil {
		return err
	}
	if _, err := o.w.Write(o.buf.B); err != nil {
		return fmt.Errorf("writing an event: %w", err)
	}
	if err := o.flush.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("flushing an event: %w", err)
	}
	return nil
}

func eventHeaders(kind, contentType string) []Header {
	h := []Header{{":event-type", kind}}
	if contentType != "" {
		h = append(h, Header{":content-type", contentType})
	}
	return append(h, Header{":message-type", "event"})
}

// exception words an error that ends a stream: modelled ones as exceptions, those that S3 does not model as
// errors, the rest as errors without detail.
func exception(op *aws.Operation, format *Format, err error) *Message {
	var e *aws.Error
	if !errors.As(err, &e) {
		return &Message{Headers: []Header{{":error-code", "InternalFailure"},
			{":error-message", "An internal error occurred"}, {":message-type", "error"}}}
	}
	if e.Shape == "" && op.API.Protocols[0] == aws.ProtocolRESTXML { // S3's model has few of its errors
		return &Message{Headers: []Header{{":error-code", e.Code}, {":error-message", e.Message}, {":message-type", "error"}}}
	}
	return &Message{
		Headers: []Header{{":exception-type", message.TypeOfError(e)}, {":content-type", format.ContentType},
			{":message-type", "exception"}},
		Payload: format.AppendError(nil, op, e),
	}
}

// message makes the message of an event, a pointer to a union with one member set.
func (format *Format) message(event any) (*Message, error) {
	s, v := shape.StructureOf(event)
	for i := range s.Fields {
		f := &s.Fields[i]
		fv, ok := f.Get(v)
		if !ok || f.Kind != shape.Structure {
			continue
		}
		return format.member(f, fv), nil
	}
	return nil, fmt.Errorf("event %T has no member set", event)
}

func (format *Format) member(f *shape.Field, v reflect.Value) *Message {
	m := &Message{}
	contentType := ""
	rest := 0
	for i := range f.Struct.Fields {
		g := &f.Struct.Fields[i]
		gv, ok := g.Get(v)
		switch {
		case g.EventHeader:
			if ok {
				m.Headers = append(m.Headers, Header{g.Name, headerValue(&g.Value, gv)})
			}
		case g.EventPayload:
			if ok {
				contentType, m.Payload = format.payload(g, gv)
			}
		default:
			rest++
		}
	}
	if contentType == "" && rest > 0 {
		contentType, m.Payload = format.ContentType, format.Append(nil, f.Struct, v, f.Name)
	}
	if f.Struct.Error != "" {
		m.Headers = append(m.Headers, Header{":exception-type", f.Name}, Header{":content-type", contentType},
			Header{":message-type", "exception"})
		return m
	}
	m.Headers = append(m.Headers, eventHeaders(f.Name, contentType)...)
	return m
}

func (format *Format) payload(f *shape.Field, v reflect.Value) (string, []byte) {
	switch f.Kind {
	case shape.Blob:
		return "application/octet-stream", v.Bytes()
	case shape.String:
		return "text/plain", []byte(v.String())
	case shape.Structure:
		return format.ContentType, format.Append(nil, f.Struct, v, f.Struct.Name)
	}
	return "", nil
}

func headerValue(p *shape.Value, v reflect.Value) any {
	switch p.Kind {
	case shape.Bool:
		return v.Bool()
	case shape.Integer:
		if p.Type.Bits() == 32 {
			return int32(v.Int())
		}
		return v.Int()
	case shape.Blob:
		return v.Bytes()
	case shape.Time:
		return shape.GetTime(v)
	}
	return string(shape.AppendText(nil, p, v, shape.ISO8601))
}

// Events returns the events a client sends on r, each a pointer to a new union structure. A signed stream's messages
// are taken out of their envelopes; their signatures are not checked here. The stream can be ranged over once.
func Events(r io.Reader, union reflect.Type, format *Format) aws.EventStream {
	return func(yield func(any, error) bool) {
		for {
			m, err := Read(r)
			if errors.Is(err, io.EOF) {
				return
			}
			if err == nil {
				m, err = m.open()
			}
			if err != nil {
				yield(nil, aws.NewError(400, "SerializationException", "Malformed event").WithCause(err))
				return
			}
			if m == nil {
				return // the empty message that ends a signed stream
			}
			event, err := format.decode(m, union)
			if !yield(event, err) || err != nil {
				return
			}
		}
	}
}

// open returns the message inside a signature's envelope, m itself when it has none.
func (m *Message) open() (*Message, error) {
	signed := false
	for i := range m.Headers {
		signed = signed || m.Headers[i].Name == ":chunk-signature"
	}
	if !signed {
		return m, nil
	}
	if len(m.Payload) == 0 {
		return nil, nil
	}
	in := payloadReader(m.Payload)
	return Read(&in)
}

type payloadReader []byte

func (p *payloadReader) Read(b []byte) (int, error) {
	if len(*p) == 0 {
		return 0, io.EOF
	}
	n := copy(b, *p)
	*p = (*p)[n:]
	return n, nil
}

func (format *Format) decode(m *Message, union reflect.Type) (any, error) {
	out := reflect.New(union)
	s := shape.Of(union)
	f := s.ByElement(m.Text(":event-type"))
	if f == nil || f.Kind != shape.Structure {
		return nil, aws.NewError(400, "SerializationException", "Unknown event")
	}
	v := f.Target(out.Elem())
	var payload *shape.Field
	for i := range f.Struct.Fields {
		g := &f.Struct.Fields[i]
		switch {
		case g.EventPayload:
			payload = g
		case g.EventHeader:
			if err := m.header(g, v); err != nil {
				return nil, err
			}
		}
	}
	if payload == nil {
		return out.Interface(), format.Decode(m.Payload, f.Struct, v)
	}
	switch pv := payload.Target(v); payload.Kind {
	case shape.Blob:
		pv.SetBytes(m.Payload)
	case shape.String:
		pv.SetString(string(m.Payload))
	case shape.Structure:
		return out.Interface(), format.Decode(m.Payload, payload.Struct, pv)
	}
	return out.Interface(), nil
}

// header sets a member from the message's header of its name.
func (m *Message) header(f *shape.Field, v reflect.Value) error {
	for i := range m.Headers {
		if m.Headers[i].Name != f.Name {
			continue
		}
		ok := false
		target := f.Target(v)
		switch value := m.Headers[i].Value.(type) {
		case bool:
			if ok = f.Kind == shape.Bool; ok {
				target.SetBool(value)
			}
		case []byte:
			if ok = f.Kind == shape.Blob; ok {
				target.SetBytes(value)
			}
		case string:
			if ok = f.Kind == shape.String; ok {
				target.SetString(value)
			}
		case time.Time:
			if ok = f.Kind == shape.Time; ok {
				shape.SetTime(target, value)
			}
		case int8, int16, int32, int64:
			n := reflect.ValueOf(value).Int()
			if ok = f.Kind == shape.Integer && !target.OverflowInt(n); ok {
				target.SetInt(n)
			}
		}
		if !ok {
			return aws.NewError(400, "SerializationException", "Event header %s has the wrong type", f.Name)
		}
	}
	return nil
}
