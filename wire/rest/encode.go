package rest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"sync"

	"drydock/aws"
	"drydock/wire/jsonbody"
	"drydock/wire/message"
	"drydock/wire/shape"
)

// WriteHeaders sets the headers that members of v stand in and returns the response's status.
func WriteHeaders(h http.Header, op *aws.Operation, s *shape.Struct, v reflect.Value) int {
	status := message.StatusOf(op)
	if !s.Bound {
		return status
	}
	var lists lists
	for i := range s.Fields {
		f := &s.Fields[i]
		if f.Location == shape.Body {
			continue
		}
		fv, ok := f.Get(v)
		if !ok {
			continue
		}
		switch f.Location {
		case shape.Status:
			if n := int(fv.Int()); n >= 200 && n <= 599 {
				status = n
			}
		case shape.Header:
			writeHeader(h, &lists, f, fv)
		case shape.Headers:
			for _, key := range jsonbody.SortedKeys(fv) {
				// Clients take the map's keys from the names as they come, so these keep their case.
				h[f.Name+key.String()] = lists.of(clean(fv.MapIndex(key).String()))
			}
		}
	}
	return status
}

// lists makes the lists of one value that a header map wants, many out of one allocation.
type lists struct{ room []string }

func (l *lists) of(value string) []string {
	if len(l.room) == 0 {
		l.room = make([]string, 8)
	}
	list := l.room[:1:1]
	list[0], l.room = value, l.room[1:]
	return list
}

func writeHeader(h http.Header, lists *lists, f *shape.Field, v reflect.Value) {
	switch {
	case f.Kind == shape.String && f.JSON:
		h[f.HeaderName] = lists.of(encodeBase64(v.String()))
	case f.Kind == shape.String:
		if text := v.String(); text != "" {
			h[f.HeaderName] = lists.of(clean(text))
		}
	case f.Kind == shape.List:
		var b []byte
		for i := range v.Len() {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = shape.AppendText(b, f.Elem, v.Index(i), shape.RFC822)
		}
		if len(b) > 0 {
			h[f.HeaderName] = lists.of(clean(string(b)))
		}
	default:
		var room [64]byte
		h[f.HeaderName] = lists.of(string(shape.AppendText(room[:0], &f.Value, v, shape.RFC822)))
	}
}

// clean keeps what was stored as text from ending the header line.
func clean(s string) string {
	for i := range len(s) {
		if s[i] == '\r' || s[i] == '\n' || s[i] == 0 {
			b := []byte(s)
			for i, c := range b {
				if c == '\r' || c == '\n' || c == 0 {
					b[i] = ' '
				}
			}
			return string(b)
		}
	}
	return s
}

// WritePayload sends a payload that is a blob, a string or a stream, and tells whether it was one of these.
func WritePayload(w http.ResponseWriter, reply *message.Reply, status int, f *shape.Field, v reflect.Value) (bool, error) {
	fv, ok := f.Get(v)
	switch f.Kind {
	case shape.Reader:
		if !ok {
			return true, message.Write(w, reply, status, "", nil)
		}
		body, ok := reflect.TypeAssert[io.ReadCloser](fv)
		if !ok {
			body = io.NopCloser(fv.Interface().(io.Reader))
		}
		return true, stream(w, reply, status, body)
	case shape.Blob:
		var b []byte
		if ok {
			b = fv.Bytes()
		}
		return true, message.Write(w, reply, status, "application/octet-stream", b)
	case shape.String:
		text := ""
		if ok {
			text = fv.String()
		}
		return true, message.Write(w, reply, status, "text/plain", []byte(text))
	}
	return false, nil
}

var copyBuffers = sync.Pool{New: func() any { b := make([]byte, 64<<10); return &b }}

// stream copies body to the client and closes it. The length is sent ahead where a member says it or the body knows it.
func stream(w http.ResponseWriter, reply *message.Reply, status int, body io.ReadCloser) (err error) {
	defer func() {
		if e := body.Close(); e != nil && err == nil {
			err = fmt.Errorf("closing the response's stream: %w", e)
		}
	}()
	h := w.Header()
	if len(h["Content-Type"]) == 0 {
		h["Content-Type"] = []string{"application/octet-stream"}
	}
	if sized, ok := body.(interface{ Size() int64 }); ok && len(h["Content-Length"]) == 0 && sized.Size() >= 0 {
		h["Content-Length"] = []string{strconv.FormatInt(sized.Size(), 10)}
	}
	w.WriteHeader(status)
	if reply.Head {
		return nil
	}
	if _, ok := body.(io.WriterTo); ok {
		_, err = io.Copy(w, body)
	} else if _, ok := w.(io.ReaderFrom); ok {
		_, err = io.Copy(w, body) // net/http reuses buffers here, and lets the kernel copy from files
	} else {
		buf := copyBuffers.Get().(*[]byte)
		_, err = io.CopyBuffer(w, body, *buf)
		copyBuffers.Put(buf)
	}
	if err != nil && !errors.Is(err, http.ErrBodyNotAllowed) {
		return fmt.Errorf("copying the response's stream: %w", err)
	}
	return nil
}

func readCloser(b []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(b)) }

// WriteErrorHeaders sets the headers that the error's model places its members in, and those that are aws.Header.
func WriteErrorHeaders(h http.Header, op *aws.Operation, e *aws.Error) {
	for name, value := range e.Fields {
		if text, ok := value.(aws.Header); ok && text != "" {
			h.Set(name, clean(string(text)))
		}
	}
	m := message.ErrorShape(op, e)
	if m == nil || m.Type == nil || len(e.Fields) == 0 {
		return
	}
	s := shape.Of(m.Type)
	for name, value := range e.Fields {
		if f := s.ByMember(name); f != nil && f.Location == shape.Header {
			h[f.HeaderName] = []string{clean(fmt.Sprint(value))}
		}
	}
}
