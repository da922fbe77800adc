package wiretest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"drydock/api/codebuild"
	"drydock/api/iam"
	"drydock/api/s3"
	"drydock/api/s3control"
	"drydock/aws"
	"drydock/wire"
	"drydock/wire/eventstream"
	"drydock/wire/jsonbody"
	"drydock/wire/shape"
	"drydock/wire/wiretest/inputec2"
	"drydock/wire/wiretest/inputjson"
	"drydock/wire/wiretest/inputquery"
	"drydock/wire/wiretest/inputrestjson"
	"drydock/wire/wiretest/inputrestxml"
)

// tolerate decodes a request and fails unless the outcome is an input that can be validated and written, or an error of
// the client's.
func tolerate(t *testing.T, p aws.Protocol, op *aws.Operation, query string, body []byte, header string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
	r.URL = &url.URL{Path: "/", RawQuery: query}
	s := shape.Of(op.Input)
	var labels []wire.Label
	for i := range s.Fields {
		switch f := &s.Fields[i]; f.Location {
		case shape.Header, shape.Headers:
			r.Header.Set(f.Name+strings.Repeat("x", int(f.Location-shape.Header)), header)
		case shape.URI:
			labels = append(labels, wire.Label{Name: f.Name, Value: header})
		}
	}
	in := op.NewInput()
	missing, err := wire.For(p).Decode(op, &wire.Request{Request: r, Labels: labels}, in)
	if err == nil {
		err = shape.Validate(op, in, missing)
	}
	var shown *aws.Error
	if err != nil && (!errors.As(err, &shown) || shown.Status < 400 || shown.Status >= 500) {
		t.Fatalf("%s: %v", op, err)
	}
	if shown == nil {
		jsonbody.AppendStruct(nil, s, reflect.ValueOf(in).Elem())
	}
}

// fuzz decodes whatever comes as every operation of the APIs, seeded with the API's vectors.
func fuzz(f *testing.F, p aws.Protocol, vectors *aws.API, ops ...*aws.Operation) {
	data, err := os.ReadFile(filepath.Join("testdata", vectors.ServiceID+".json"))
	if err != nil {
		f.Fatal(err)
	}
	var list []vector
	if err := json.Unmarshal(data, &list); err != nil {
		f.Fatal(err)
	}
	ops = append(ops, vectors.Operations...)
	for _, c := range list {
		body := string(c.Serialized.Body)
		if json.Unmarshal(c.Serialized.Body, &body) != nil {
			body = string(c.Serialized.Body)
		}
		_, query, _ := strings.Cut(c.Serialized.URI, "?")
		for i, op := range ops {
			if op.Name == c.Operation {
				f.Add(i, query, []byte(body), "1, 2")
			}
		}
	}
	f.Fuzz(func(t *testing.T, n int, query string, body []byte, header string) {
		tolerate(t, p, ops[uint(n)%uint(len(ops))], query, body, header)
	})
}

func FuzzDecode_JSON(f *testing.F) {
	fuzz(f, aws.ProtocolJSON, inputjson.API, codebuild.CreateProject.Operation)
}

func FuzzDecode_Query(f *testing.F) {
	fuzz(f, aws.ProtocolQuery, inputquery.API, iam.CreateRole.Operation)
}

func FuzzDecode_EC2(f *testing.F) { fuzz(f, aws.ProtocolEC2, inputec2.API) }

func FuzzDecode_RESTJSON(f *testing.F) { fuzz(f, aws.ProtocolRESTJSON, inputrestjson.API) }

func FuzzDecode_RESTXML(f *testing.F) {
	fuzz(f, aws.ProtocolRESTXML, inputrestxml.API, s3.DeleteObjects.Operation, s3.PutBucketLifecycleConfiguration.Operation)
}

// FuzzDecode_StrictXML looks for documents that a schema admits and that read otherwise where there is none.
func FuzzDecode_StrictXML(f *testing.F) {
	ops := []*aws.Operation{s3.PutBucketLifecycleConfiguration.Operation, s3.PutBucketACL.Operation, s3.PutBucketTagging.Operation,
		s3.PutBucketNotificationConfiguration.Operation, s3.SelectObjectContent.Operation, s3control.CreateJob.Operation}
	for i, body := range []string{
		`<LifecycleConfiguration><Rule><ID>a</ID><Expiration><Days>1</Days></Expiration></Rule><Rule/></LifecycleConfiguration>`,
		`<AccessControlPolicy><AccessControlList><Grant><Grantee xmlns:xsi="x" xsi:type="Group"><URI>u</URI></Grantee></Grant></AccessControlList></AccessControlPolicy>`,
		`<Tagging><TagSet> <Tag><Key>a</Key><Value>b</Value></Tag><!-- c --></TagSet></Tagging>`,
		`<NotificationConfiguration><CloudFunctionConfiguration><InvocationRole>a</InvocationRole><Event>b</Event><Event>c</Event></CloudFunctionConfiguration></NotificationConfiguration>`,
		`<SelectObjectContentRequest><Expression>a</Expression>text<Other/></SelectObjectContentRequest>`,
		userMetadata(`<entry><key>a</key><value>b</value></entry>`),
	} {
		f.Add(uint(i), body)
	}
	f.Fuzz(func(t *testing.T, n uint, body string) {
		op := ops[n%uint(len(ops))]
		strict, refused := document(op, body)
		other, err := document(lenient(op), body)
		if refused == nil && (err != nil || !reflect.DeepEqual(strict, other)) {
			t.Errorf("%q reads %+v with a schema, %+v without: %v", body, strict, other, err)
		}
	})
}

func FuzzDecode_CBOR(f *testing.F) {
	f.Add([]byte{0xbf, 0x64, 'n', 'a', 'm', 'e', 0x61, 'x', 0xff})
	f.Add([]byte{0xa1, 0x64, 't', 'a', 'g', 's', 0x9f, 0xa0, 0xf6, 0xff})
	f.Fuzz(func(t *testing.T, body []byte) {
		tolerate(t, aws.ProtocolCBOR, codebuild.CreateProject.Operation, "", body, "")
	})
}

func FuzzRead_EventStream(f *testing.F) {
	frame, err := (&eventstream.Message{Headers: []eventstream.Header{{Name: ":event-type", Value: "Records"},
		{Name: "n", Value: int32(1)}, {Name: "b", Value: []byte("x")}, {Name: "t", Value: true}}, Payload: []byte("payload")}).Append(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(frame)
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bytes.NewReader(data)
		for {
			m, err := eventstream.Read(r)
			if errors.Is(err, io.EOF) && r.Len() > 0 {
				t.Fatal("the end before the end")
			}
			if err != nil {
				return
			}
			again, err := m.Append(nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := eventstream.Read(bytes.NewReader(again)); err != nil {
				t.Fatal(err)
			}
		}
	})
}
