package protocoltest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"drydock/aws"
	"drydock/clock"
	"drydock/gateway/sigv4"
	"drydock/service/servicetest"
	"drydock/wire/jsonbody"
	"drydock/wire/shape"
	"drydock/wire/xmlbody"
)

// client sends inputs as a client does, each in its operation's first protocol.
type client struct {
	cloud *servicetest.Cloud
	// id and secret are an access key; without an id requests are not signed. They are signed for region, if there is one.
	id, secret, region string
}

// patience is how long a client waits for what it asked for.
const patience = 5 * time.Second

// answer is what came back.
type answer struct {
	status        int
	code, message string
	body          string
}

// do sends an input without one of its top members, or with all where none is named.
func (c *client) do(t *testing.T, op *aws.Operation, in any, without string) answer {
	t.Helper()
	r := encoded(t, op, in, without)
	if c.id == "" && op.API.Package == "s3control" {
		r.Host = servicetest.Account + ".s3-control." + servicetest.Region + ".amazonaws.com" // no signature tells the API
	}
	return c.send(t, op, r)
}

// send signs a request and returns what it is answered, read as an answer of op.
func (c *client) send(t *testing.T, op *aws.Operation, r *http.Request) answer {
	t.Helper()
	if c.id != "" {
		s := sigv4.Signer{AccessKeyID: c.id, Secret: c.secret, Region: cmp.Or(c.region, servicetest.Region), Service: op.API.SigningName}
		if err := s.Sign(r, clock.Wall()); err != nil {
			t.Fatal(err)
		}
	}
	// What streams until its client leaves has a client that leaves soon.
	ctx, cancel := clock.WithTimeout(t.Context(), patience)
	defer cancel()
	w := httptest.NewRecorder()
	c.cloud.Gateway.ServeHTTP(w, r.WithContext(ctx))
	return read(op, w)
}

var (
	xmlCode    = regexp.MustCompile(`<Code>([^<]*)</Code>`)
	xmlMessage = regexp.MustCompile(`<Message>([^<]*)</Message>`)
	unescape   = strings.NewReplacer("&#34;", `"`, "&quot;", `"`, "&#39;", "'", "&apos;", "'", "&lt;", "<", "&gt;", ">", "&amp;", "&")
)

// read takes a response apart.
func read(op *aws.Operation, w *httptest.ResponseRecorder) answer {
	a := answer{status: w.Code, body: w.Body.String()}
	if w.Code < 300 {
		return a
	}
	switch op.API.Protocols[0] {
	case aws.ProtocolJSON, aws.ProtocolRESTJSON, aws.ProtocolCBOR:
		var e map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil {
			return a
		}
		a.code, _ = e["__type"].(string)
		if a.code == "" {
			a.code = w.Header().Get("X-Amzn-Errortype")
		}
		a.code = a.code[strings.LastIndexByte(a.code, '#')+1:]
		if a.message, _ = e["message"].(string); a.message == "" {
			a.message, _ = e["Message"].(string)
		}
	default:
		if m := xmlCode.FindStringSubmatch(a.body); m != nil {
			a.code = m[1]
		}
		if m := xmlMessage.FindStringSubmatch(a.body); m != nil {
			a.message = unescape.Replace(m[1])
		}
	}
	return a
}

// encoded makes the request of an input.
func encoded(t *testing.T, op *aws.Operation, in any, without string) *http.Request {
	t.Helper()
	s, v := shape.StructureOf(in)
	switch op.API.Protocols[0] {
	case aws.ProtocolJSON:
		r := httptest.NewRequest(http.MethodPost, "http://localhost/", bytes.NewReader(omit(t, jsonbody.AppendStruct(nil, s, v), s, without)))
		r.Header.Set("Content-Type", "application/x-amz-json-"+op.API.JSONVersion)
		r.Header.Set("X-Amz-Target", op.API.TargetPrefix+"."+op.Name)
		return r
	case aws.ProtocolQuery:
		form := url.Values{"Action": {op.Name}, "Version": {op.API.Version}}
		parameters(form, "", s, v, without)
		r := httptest.NewRequest(http.MethodPost, "http://localhost/", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		return r
	case aws.ProtocolRESTXML:
		return restRequest(t, op, s, v, without)
	default:
		t.Fatalf("%s has the protocol %s, which this client does not write yet", op, op.API.Protocols[0])
		return nil
	}
}

// omit takes a member out of a JSON object.
func omit(t *testing.T, object []byte, s *shape.Struct, member string) []byte {
	t.Helper()
	if member == "" {
		return object
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(object, &all); err != nil {
		t.Fatal(err)
	}
	delete(all, s.ByMember(member).Name)
	object, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return object
}

// parameters writes a structure in the form of the query protocol.
func parameters(form url.Values, prefix string, s *shape.Struct, v reflect.Value, without string) {
	for i := range s.Fields {
		f := &s.Fields[i]
		if value, ok := f.Get(v); ok && f.Member != without {
			parameter(form, prefix+f.QueryName, &f.Value, value)
		}
	}
}

func parameter(form url.Values, name string, p *shape.Value, v reflect.Value) {
	switch p.Kind {
	case shape.Structure:
		parameters(form, name+".", p.Struct, v, "")
	case shape.List:
		if !p.Flat {
			name += "." + p.ItemName()
		}
		for i := range v.Len() {
			parameter(form, name+"."+strconv.Itoa(i+1), p.Elem, v.Index(i))
		}
	case shape.Map:
		if !p.Flat {
			name += "." + p.EntryName()
		}
		for i, key := range v.MapKeys() {
			entry := name + "." + strconv.Itoa(i+1) + "."
			form.Set(entry+p.KeyName(), key.String())
			parameter(form, entry+p.ValueName(), p.Elem, v.MapIndex(key))
		}
	default:
		form.Set(name, string(shape.AppendText(nil, p, v, shape.ISO8601)))
	}
}

// restRequest writes a structure in the form of the REST-XML protocol.
func restRequest(t *testing.T, op *aws.Operation, s *shape.Struct, v reflect.Value, without string) *http.Request {
	t.Helper()
	path, rawQuery, _ := strings.Cut(op.URI, "?")
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		t.Fatal(err)
	}
	header := http.Header{}
	var body []byte
	for i := range s.Fields {
		f := &s.Fields[i]
		value, ok := f.Get(v)
		if !ok || f.Member == without {
			continue
		}
		switch {
		case f.Location == shape.URI:
			text := string(shape.AppendText(nil, &f.Value, value, shape.ISO8601))
			path = strings.ReplaceAll(strings.ReplaceAll(path, "{"+f.Name+"}", url.PathEscape(text)), "{"+f.Name+"+}", (&url.URL{Path: text}).EscapedPath())
		case f.Location == shape.Query && f.Kind == shape.List:
			for i := range value.Len() {
				query.Add(f.Name, string(shape.AppendText(nil, f.Elem, value.Index(i), shape.ISO8601)))
			}
		case f.Location == shape.Query && f.Kind != shape.Map:
			query.Set(f.Name, string(shape.AppendText(nil, &f.Value, value, shape.ISO8601)))
		case f.Location == shape.Header && f.Kind == shape.List:
			for i := range value.Len() {
				header.Add(f.Name, string(shape.AppendText(nil, f.Elem, value.Index(i), shape.RFC822)))
			}
		case f.Location == shape.Header && f.HeaderName != "Content-Length" && f.HeaderName != "Content-Md5":
			header.Set(f.Name, string(shape.AppendText(nil, &f.Value, value, shape.RFC822)))
		case f.Location == shape.Headers:
			for key, text := range value.Seq2() {
				header.Set(f.Name+key.String(), text.String())
			}
		case f.Payload:
			body = payload(t, f, value)
		}
	}
	if s.Payload == nil && s.BodyMembers > 0 {
		root := op.InputWrapper
		if root == "" {
			root = op.Name + "Request"
		}
		if body = xmlbody.AppendMembers(xmlbody.AppendRoot(nil, root, op.API.XMLNamespace), s, v); len(body) > 0 {
			body = xmlbody.AppendEnd(body, root)
		}
		if without != "" {
			name := regexp.QuoteMeta(s.ByMember(without).Name)
			body = regexp.MustCompile("<"+name+">.*</"+name+">|<"+name+" ?/>").ReplaceAll(body, nil)
		}
	}
	target := "http://localhost" + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	r := httptest.NewRequest(op.Method, target, bytes.NewReader(body))
	for name, values := range header {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	return r
}

func payload(t *testing.T, f *shape.Field, v reflect.Value) []byte {
	t.Helper()
	switch f.Kind {
	case shape.Reader:
		text, err := io.ReadAll(v.Interface().(io.Reader))
		if err != nil {
			t.Fatal(err)
		}
		return text
	case shape.Blob:
		return v.Bytes()
	case shape.String:
		return []byte(v.String())
	default:
		return xmlbody.AppendElement(nil, f.Name, &f.Value, v)
	}
}

// troubles collects what services log as errors: what they hide from clients.
type troubles struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (l *troubles) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelError}))
}

// Write implements io.Writer.
func (l *troubles) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}
