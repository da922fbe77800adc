package wiretest

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"drydock/aws"
	"drydock/wire"
	"drydock/wire/shape"
	"drydock/wire/wiretest/inputec2"
	"drydock/wire/wiretest/inputjson"
	"drydock/wire/wiretest/inputquery"
	"drydock/wire/wiretest/inputrestjson"
	"drydock/wire/wiretest/inputrestxml"
	"drydock/wire/wiretest/outputec2"
	"drydock/wire/wiretest/outputjson"
	"drydock/wire/wiretest/outputquery"
	"drydock/wire/wiretest/outputrestjson"
	"drydock/wire/wiretest/outputrestxml"
)

type vector struct {
	Operation   string
	Description string

	// Params and Serialized make an input's case.
	Params     map[string]any
	Serialized struct {
		Method, URI string
		Body        json.RawMessage
		Headers     map[string]string
	}

	// Result and Response make an output's case.
	Result   map[string]any
	Response struct {
		StatusCode int `json:"status_code"`
		Headers    map[string]string
		Body       string
	}
}

func vectors(t *testing.T, api *aws.API) []vector {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", api.ServiceID+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var list []vector
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// exceptions lists the vectors that a server cannot satisfy, by API and operation, with the reason.
func exceptions(t *testing.T) map[string]string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "exceptions.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list map[string]string
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

func operation(t *testing.T, api *aws.API, name string) *aws.Operation {
	t.Helper()
	for _, op := range api.Operations {
		if op.Name == name {
			return op
		}
	}
	t.Fatalf("no operation %s", name)
	return nil
}

func TestDecode_Vectors(t *testing.T) {
	t.Parallel()
	known := exceptions(t)
	for _, api := range []*aws.API{inputec2.API, inputjson.API, inputquery.API, inputrestjson.API, inputrestxml.API} {
		for _, c := range vectors(t, api) {
			if known[api.ServiceID+"."+c.Operation] != "" {
				continue
			}
			t.Run(api.ServiceID+"/"+c.Operation+" "+c.Description, func(t *testing.T) {
				t.Parallel()
				op := operation(t, api, c.Operation)
				body := string(c.Serialized.Body)
				if json.Unmarshal(c.Serialized.Body, &body) != nil {
					body = string(c.Serialized.Body)
				}
				r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
				r.Method = op.Method
				u, err := url.Parse("http://localhost" + orSlash(c.Serialized.URI))
				if err != nil {
					t.Fatal(err)
				}
				r.URL = u
				for k, v := range c.Serialized.Headers {
					r.Header.Set(k, v)
				}
				in := op.NewInput()
				_, err = wire.For(api.Protocols[0]).Decode(op, &wire.Request{Request: r, Labels: labels(op.URI, u)}, in)
				if err != nil {
					t.Fatalf("%v\n%s", err, body)
				}
				s, v := shape.StructureOf(in)
				want := pruned(c.Params)
				if c.Params == nil {
					want = map[string]any{}
				}
				if diff := cmp.Diff(want, any(toParams(t, s, v))); diff != "" {
					t.Errorf("decoded (-want +got):\n%s\nfrom %s %s %v", diff, c.Serialized.URI, body, c.Serialized.Headers)
				}
			})
		}
	}
}

func orSlash(uri string) string {
	if uri == "" {
		return "/"
	}
	return uri
}

// labels matches a path with an operation's URI.
func labels(uri string, u *url.URL) []wire.Label {
	uri, _, _ = strings.Cut(uri, "?")
	want, got := strings.Split(uri, "/"), strings.Split(u.EscapedPath(), "/")
	var out []wire.Label
	for i, part := range want {
		if !strings.HasPrefix(part, "{") || i >= len(got) {
			continue
		}
		value := got[i]
		name := strings.Trim(part, "{}")
		if greedy, ok := strings.CutSuffix(name, "+"); ok {
			name, value = greedy, strings.Join(got[i:], "/")
		}
		if plain, err := url.PathUnescape(value); err == nil {
			out = append(out, wire.Label{Name: name, Value: plain})
		}
	}
	return out
}

func TestWrite_Vectors(t *testing.T) {
	t.Parallel()
	known := exceptions(t)
	for _, api := range []*aws.API{outputec2.API, outputjson.API, outputquery.API, outputrestjson.API, outputrestxml.API} {
		for _, c := range vectors(t, api) {
			if known[api.ServiceID+"."+c.Operation] != "" {
				continue
			}
			t.Run(api.ServiceID+"/"+c.Operation+" "+c.Description, func(t *testing.T) {
				t.Parallel()
				op := operation(t, api, c.Operation)
				out := reflect.New(op.Output)
				s := shape.Of(op.Output)
				fromParams(t, s, out.Elem(), c.Result)
				w := httptest.NewRecorder()
				if err := wire.For(api.Protocols[0]).Write(w, op, &wire.Reply{RequestID: "requestid"}, out.Interface()); err != nil {
					t.Fatal(err)
				}
				if w.Code != c.Response.StatusCode {
					t.Errorf("status %d, want %d", w.Code, c.Response.StatusCode)
				}
				for k, v := range c.Response.Headers {
					if got := w.Header().Get(k); got != v {
						t.Errorf("header %s is %q, want %q", k, got, v)
					}
				}
				want, got := body(t, s, api, c.Response.Body), body(t, s, api, w.Body.String())
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("body (-want +got):\n%s\nwant %s\ngot  %s", diff, c.Response.Body, w.Body)
				}
			})
		}
	}
}

// body parses a response's body so that equal documents are equal values.
func body(t *testing.T, s *shape.Struct, api *aws.API, text string) any {
	t.Helper()
	if text == "{}" {
		return "" // a structure without members
	}
	if text == "" || s.Payload != nil && s.Payload.Kind != shape.Structure {
		return text
	}
	switch api.Protocols[0] {
	case aws.ProtocolJSON, aws.ProtocolRESTJSON:
		var x any
		if err := json.Unmarshal([]byte(text), &x); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		return pruned(x)
	}
	root := element(t, xml.NewDecoder(strings.NewReader(text)))
	root.Name = ""
	root.Children = slices.DeleteFunc(root.Children, func(n node) bool {
		return n.Name == "ResponseMetadata" || strings.EqualFold(n.Name, "RequestId")
	})
	if len(root.Children) == 1 && strings.HasSuffix(root.Children[0].Name, "Result") {
		root = root.Children[0]
		root.Name = ""
	}
	return root
}

type node struct {
	Name, Text string
	Attributes []string
	Children   []node
}

// element parses the first element of a document; the order of elements with different names does not count.
func element(t *testing.T, d *xml.Decoder) node {
	t.Helper()
	for {
		tok, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		if start, ok := tok.(xml.StartElement); ok {
			return inside(t, d, start)
		}
	}
}

func inside(t *testing.T, d *xml.Decoder, start xml.StartElement) node {
	n := node{Name: start.Name.Local}
	for _, a := range start.Attr {
		if a.Name.Local != "xmlns" && a.Name.Space != "xmlns" {
			n.Attributes = append(n.Attributes, a.Name.Space+" "+a.Name.Local+"="+a.Value)
		}
	}
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return n
		}
		if err != nil {
			t.Fatal(err)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			n.Children = append(n.Children, inside(t, d, tok))
		case xml.CharData:
			n.Text += strings.TrimSpace(string(tok))
		case xml.EndElement:
			slices.SortStableFunc(n.Children, func(a, b node) int {
				// The entries of a map have no order either.
				return strings.Compare(a.Name+first(a), b.Name+first(b))
			})
			return n
		}
	}
}

func first(n node) string {
	for _, c := range n.Children {
		if slices.Contains([]string{"key", "foo", "Name"}, c.Name) {
			return c.Text
		}
	}
	return ""
}
