package protocoltest

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"drydock/api/s3"
	"drydock/aws"
	"drydock/gateway/route"
	"drydock/service/all"
	"drydock/service/servicetest"
	"drydock/wire"
	"drydock/wire/shape"
)

// element is a part of a document that a client sends.
type element struct {
	// open is the start tag as it was sent.
	open, name, text string
	children         []*element
}

// parse reads a document; nil is no document.
func parse(t *testing.T, body string) *element {
	t.Helper()
	document := &element{}
	open := []*element{document}
	d := xml.NewDecoder(strings.NewReader(body))
	for at := int64(0); ; at = d.InputOffset() {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			if len(document.children) == 0 {
				return nil
			}
			return document.children[0]
		}
		if err != nil {
			t.Fatal(err)
		}
		sent := body[at:d.InputOffset()]
		parent := open[len(open)-1]
		switch token.(type) {
		case xml.StartElement:
			e := &element{open: strings.Replace(sent, "/>", ">", 1), name: strings.Trim(strings.Fields(sent)[0], "</>")}
			e.open = strings.Replace(e.open, " >", ">", 1)
			parent.children = append(parent.children, e)
			open = append(open, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			parent.text += sent
		}
	}
}

// write appends the element, with what within says behind its start tag.
func (e *element) write(b *bytes.Buffer, within func(*element) string) {
	b.WriteString(e.open + within(e) + e.text)
	for _, c := range e.children {
		c.write(b, within)
	}
	b.WriteString("</" + e.name + ">")
}

func (e *element) document(within func(*element) string) string {
	var b bytes.Buffer
	e.write(&b, within)
	return b.String()
}

func (e *element) each(do func(*element)) {
	do(e)
	for _, c := range e.children {
		c.each(do)
	}
}

// documents calls do for each request of the APIs that check documents, and has one.
func documents(t *testing.T, do func(t *testing.T, table *route.Table, op *aws.Operation, r request, root *element)) {
	t.Helper()
	var apis []*aws.API
	for _, m := range servicetest.New(t, all.Modules).Modules {
		if m.API.StrictXML {
			apis = append(apis, m.API)
		}
	}
	table := route.New(apis, "s3")
	count := 0
	for _, api := range apis {
		for _, r := range requests(t, api, aws.ProtocolRESTXML) {
			var op *aws.Operation
			for _, o := range api.Operations {
				if o.Name == r.Operation {
					op = o
				}
			}
			s := shape.Of(op.Input)
			if s.BodyMembers == 0 && (s.Payload == nil || s.Payload.Kind != shape.Structure) {
				continue
			}
			root := parse(t, r.Body)
			if root == nil {
				continue
			}
			count++
			t.Run(api.Package+"/"+r.Operation+"/"+r.Set, func(t *testing.T) {
				t.Parallel()
				do(t, table, op, r, root)
			})
		}
	}
	if count < 80 {
		t.Errorf("%d requests with a document", count)
	}
}

func TestStrictDocuments_HaveNoRoomForMore(t *testing.T) {
	t.Parallel()
	documents(t, func(t *testing.T, _ *route.Table, op *aws.Operation, _ request, root *element) {
		want := "MalformedXML"
		if root.name == "AccessControlPolicy" {
			want = "MalformedACLError"
		}
		root.each(func(at *element) {
			more := map[string]string{"an element": "<Unheard/>", "an element with content": "<Unheard>a<b/></Unheard>"}
			if len(at.children) > 0 {
				more["text"] = "text"
			}
			for what, within := range more {
				body := root.document(func(e *element) string {
					if e == at {
						return within
					}
					return ""
				})
				var e *aws.Error
				if err := decodeDocument(op, body); !errors.As(err, &e) || e.Code != want || e.Status != http.StatusBadRequest {
					t.Errorf("%s in %s: got %v, want %s", what, at.name, err, want)
				}
			}
		})
	})
}

func decodeDocument(op *aws.Operation, body string) error {
	_, err := wire.For(aws.ProtocolRESTXML).Decode(op, &wire.Request{Request: httptest.NewRequest(op.Method, "/", strings.NewReader(body))}, op.NewInput())
	return err
}

func TestStrictDocuments_MayBeWrittenInOtherWays(t *testing.T) {
	t.Parallel()
	documents(t, func(t *testing.T, table *route.Table, op *aws.Operation, r request, root *element) {
		nothing := func(*element) string { return "" }
		for _, body := range []string{
			root.document(nothing),
			`<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n" + root.document(func(e *element) string {
				if len(e.children) == 0 {
					return "<!-- nothing -->"
				}
				return "\r\n\t<!-- comment --> <?instruction?>\n"
			}),
		} {
			r.Body = body
			r.check(t, table, op, aws.ProtocolRESTXML, op.API.SigningName)
		}
		root.each(func(e *element) { slices.Reverse(e.children) })
		r.Body = root.document(nothing)
		r.check(t, table, op, aws.ProtocolRESTXML, op.API.SigningName)
		root.open = "<" + root.name + ">" // without a namespace
		r.Body = root.document(nothing)
		r.check(t, table, op, aws.ProtocolRESTXML, op.API.SigningName)
	})
}

// TestStrictDocuments_MayBeSentBack is for programs that get a configuration, change it and put it.
func TestStrictDocuments_MayBeSentBack(t *testing.T) {
	t.Parallel()
	answers := map[string]string{} // by root element
	for _, op := range s3.API.Operations {
		w := httptest.NewRecorder()
		if err := wire.For(aws.ProtocolRESTXML).Write(w, op, &wire.Reply{}, output(t, op)); err != nil {
			t.Fatal(err)
		}
		if w.Header().Get("Content-Type") != "application/xml" || w.Body.Len() == 0 {
			continue
		}
		if root := parse(t, w.Body.String()); root != nil {
			answers[root.name] = w.Body.String()
		}
	}
	count := 0
	for _, op := range s3.API.Operations {
		f := shape.Of(op.Input).Payload
		if f == nil || answers[f.Name] == "" {
			continue
		}
		count++
		if err := decodeDocument(op, answers[f.Name]); err != nil {
			t.Errorf("%s refuses %s: %v", op, answers[f.Name], err)
		}
	}
	if count < 22 {
		t.Errorf("%d operations take a document that another answers", count)
	}
}
