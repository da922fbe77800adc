package protocoltest

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"drydock/api/s3"
	"drydock/aws"
	"drydock/gateway/route"
	"drydock/service/servicetest"
	"drydock/wire/shape"
)

// refusals are the codes, by package, of inputs that violate the model.
var refusals = map[string]*regexp.Regexp{
	"codebuild": regexp.MustCompile(`^InvalidInputException$`),
	// An exception for each member.
	"codecommit": regexp.MustCompile(`RequiredException$|^Invalid\w+Exception$`),
	"iam":        regexp.MustCompile(`^ValidationError$`),
	"kms":        regexp.MustCompile(`^ValidationException$`),
	"logs":       regexp.MustCompile(`^InvalidParameterException$`),
	"s3":         regexp.MustCompile(`^(InvalidRequest|MissingRequestBodyError|MalformedXML)$`),
	"s3control":  regexp.MustCompile(`^(InvalidRequest|MalformedXML)$`),
	"sts":        regexp.MustCompile(`^ValidationError$`),
}

// owner returns a client of the account's root user.
func (f *fixture) owner() *client {
	return &client{cloud: f.Cloud, id: servicetest.Account, secret: "secret"}
}

// dispensable are the members that the model requires and the service does not, or not so.
var dispensable = map[string]string{
	"codecommit.PutCommentReaction.reactionValue":                                      "none takes the reaction back",
	"codecommit.UpdatePullRequestDescription.description":                              "an empty description is one",
	"codecommit.UpdateApprovalRuleTemplateDescription.approvalRuleTemplateDescription": "an empty description is one",
}

func TestOperations_RefuseInputsWithoutARequiredMember(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var apis []*aws.API
	for _, m := range f.Modules {
		apis = append(apis, m.API)
	}
	table := route.New(apis, "s3")
	f.each(t, func(t *testing.T, op *aws.Operation, _ string, in any) {
		s := shape.Of(op.Input)
		for i := range s.Fields {
			field := &s.Fields[i]
			if !field.Required || field.Token || field.Location == shape.URI || dispensable[op.String()+"."+field.Member] != "" {
				continue
			}
			if field.Location != shape.Body {
				m, _ := table.Find(encoded(t, op, in, field.Member), op.API.SigningName, nil)
				if m.Operation != op {
					continue // then it is another operation's request, such as PutObject's without UploadPart's UploadId
				}
			}
			got := f.owner().do(t, op, in, field.Member)
			if got.status/100 != 4 || !refusals[op.API.Package].MatchString(got.code) && op.Method != http.MethodHead {
				t.Errorf("without %s: got %d %s: %s", field.Member, got.status, got.code, got.message)
			}
		}
	})
	t.Cleanup(func() { f.wantNoTroubles(t) })
}

// unchecked are the packages that leave values to the service, which has errors of its own for them.
var unchecked = map[string]bool{"codecommit": true, "s3": true, "s3control": true}

func TestOperations_RefuseValuesThatTheModelDoesNotAdmit(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.each(t, func(t *testing.T, op *aws.Operation, _ string, in any) {
		if unchecked[op.API.Package] {
			return
		}
		s, v := shape.StructureOf(in)
		leaves(s, v, "", func(p *shape.Value, v reflect.Value, path string) {
			for _, bad := range inadmissible(p, v.Type()) {
				kept := reflect.ValueOf(v.Interface())
				v.Set(bad)
				got := f.owner().do(t, op, in, "")
				v.Set(kept)
				if got.status != http.StatusBadRequest || !refusals[op.API.Package].MatchString(got.code) {
					t.Errorf("with %.80q for %s: got %d %s: %s", fmt.Sprint(bad), path, got.status, got.code, got.message)
				}
			}
		})
	})
	t.Cleanup(func() { f.wantNoTroubles(t) })
}

// leaves calls do for each scalar and each list of a structure that is set and can be set to another value.
func leaves(s *shape.Struct, v reflect.Value, path string, do func(p *shape.Value, v reflect.Value, path string)) {
	for i := range s.Fields {
		f := &s.Fields[i]
		if value, ok := f.Get(v); ok && f.Location != shape.URI {
			leaf(&f.Value, value, path+"."+f.Member, do)
		}
	}
}

func leaf(p *shape.Value, v reflect.Value, path string, do func(p *shape.Value, v reflect.Value, path string)) {
	switch p.Kind {
	case shape.Structure:
		leaves(p.Struct, v, path, do)
	case shape.List:
		if v.Len() > 0 {
			leaf(p.Elem, v.Index(0), path+"[]", do)
		}
		do(p, v, path)
	case shape.String, shape.Integer, shape.Float, shape.Blob:
		do(p, v, path)
	}
}

// inadmissible returns values that a value's constraints do not admit.
func inadmissible(p *shape.Value, t reflect.Type) []reflect.Value {
	var bad []reflect.Value
	least, most := p.Bounds()
	candidate := func(set func(reflect.Value)) {
		v := reflect.New(t).Elem()
		if set(v); !p.Admits(v) {
			bad = append(bad, v)
		}
	}
	switch p.Kind {
	case shape.String:
		texts := []string{"", "no such value", "\u00a0*$!", "a"}
		if most < 1<<15 {
			texts = append(texts, strings.Repeat("a", int(most)+1))
		}
		for _, text := range texts {
			candidate(func(v reflect.Value) { v.SetString(text) })
		}
	case shape.Integer:
		for _, bound := range []float64{least - 1, most + 1} {
			if math.Abs(bound) < math.MaxInt32 {
				candidate(func(v reflect.Value) { v.SetInt(int64(bound)) })
			}
		}
	case shape.Float:
		for _, bound := range []float64{least - 1, most + 1} {
			if !math.IsNaN(bound) {
				candidate(func(v reflect.Value) { v.SetFloat(bound) })
			}
		}
	case shape.Blob:
		candidate(func(v reflect.Value) { v.SetBytes([]byte{}) })
		if most < 1<<15 {
			candidate(func(v reflect.Value) { v.SetBytes(make([]byte, int(most)+1)) })
		}
	case shape.List:
		candidate(func(v reflect.Value) { v.Set(reflect.MakeSlice(t, 0, 0)) })
	}
	return bad
}

func TestSubresources_AreNotTakenForTheirBucket(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, name := range []string{"analytics", "inventory", "metrics", "intelligent-tiering"} {
		for _, method := range []string{http.MethodDelete, http.MethodPut} {
			r := httptest.NewRequest(method, "http://localhost/bucket?"+name, http.NoBody)
			got := f.owner().send(t, s3.DeleteBucket.Operation, r)
			if got.status != http.StatusBadRequest || got.code != "InvalidRequest" || got.message != "Missing required parameter for this request: id" {
				t.Errorf("%s /bucket?%s without an id: got %d %s: %s", method, name, got.status, got.code, got.message)
			}
		}
	}
}

// hostile are texts that have broken servers.
var hostile = []string{
	"", " ", "a", "*", "/", "//", "../..", "%00", "%zz", "\u00e9\u20ac\U0001f600", "arn:aws:", "arn:aws:iam::111122223333:", "-1", "null", "{}", "[]",
	"{\"a\":", "<a", "${a}", "a:b:c:d:e:f:g", "2026-13-41T99:99:99Z", strings.Repeat("a", 3000), strings.Repeat("[", 3000), strings.Repeat("{\"a\":", 500),
}

func TestOperations_NeverFailInternally(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.each(t, func(t *testing.T, op *aws.Operation, _ string, in any) {
		s, v := shape.StructureOf(in)
		try := func(t *testing.T, what string) {
			t.Helper()
			got := f.owner().do(t, op, in, "")
			if got.status >= http.StatusInternalServerError && got.status != http.StatusNotImplemented || got.code == "InternalFailure" {
				t.Errorf("with %s: got %d %s: %s", what, got.status, got.code, got.message)
			}
		}
		try(t, "everything valid")
		leaves(s, v, "", func(p *shape.Value, v reflect.Value, path string) {
			kept := reflect.ValueOf(v.Interface())
			for _, bad := range worst(p, v.Type()) {
				v.Set(bad)
				try(t, fmt.Sprintf("%.60q for %s", fmt.Sprint(bad), path))
			}
			v.Set(kept)
		})
	})
	t.Cleanup(func() { f.wantNoTroubles(t) })
}

// worst returns values at the edges of a type.
func worst(p *shape.Value, t reflect.Type) []reflect.Value {
	var all []reflect.Value
	add := func(set func(reflect.Value)) {
		v := reflect.New(t).Elem()
		set(v)
		all = append(all, v)
	}
	switch p.Kind {
	case shape.String:
		for _, text := range hostile {
			add(func(v reflect.Value) { v.SetString(text) })
		}
	case shape.Integer:
		for _, n := range []int64{0, -1, math.MaxInt32, math.MinInt32, math.MaxInt64, math.MinInt64} {
			if !reflect.New(t).Elem().OverflowInt(n) {
				add(func(v reflect.Value) { v.SetInt(n) })
			}
		}
	case shape.Float:
		for _, n := range []float64{0, -1, math.MaxFloat64} {
			add(func(v reflect.Value) { v.SetFloat(n) })
		}
	case shape.Blob:
		add(func(v reflect.Value) { v.SetBytes([]byte{}) })
		add(func(v reflect.Value) { v.SetBytes([]byte{0, 1, 2, 255}) })
	case shape.List:
		add(func(v reflect.Value) { v.Set(reflect.MakeSlice(t, 0, 0)) })
		add(func(v reflect.Value) { v.Set(reflect.MakeSlice(t, 200, 200)) })
	}
	return all
}
