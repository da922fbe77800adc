package protocoltest

import (
	"bufio"
	"cmp"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"drydock/aws"
	"drydock/gateway/route"
	"drydock/service/all"
	"drydock/service/servicetest"
	"drydock/wire"
	"drydock/wire/shape"
)

// request is what botocore sends for a filled input.
type request struct {
	Operation string
	// Set is "all" or "required": the members that were filled. Leaves counts the scalars among them.
	Set         string
	Leaves      int
	Method, URL string
	Headers     map[string]string
	Body        string
	host        string
}

func requests(t *testing.T, api *aws.API, p aws.Protocol) []request {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", "requests", fileName(api, p)+".jsonl"))
	if err != nil {
		t.Fatalf("%v: add the service to testdata/botocore_vectors.py and run it", err)
	}
	defer file.Close()
	var list []request
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		list = append(list, r)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

func fileName(api *aws.API, p aws.Protocol) string { return api.Package + "." + string(p) }

func TestRequests_AreRoutedAndDecoded(t *testing.T) {
	t.Parallel()
	var apis []*aws.API
	bound := map[*aws.Operation]bool{}
	for _, m := range servicetest.New(t, all.Modules).Modules {
		apis = append(apis, m.API)
		for _, h := range m.Operations {
			bound[h.Operation] = true
		}
	}
	table := route.New(apis, "s3")
	for _, api := range apis {
		for _, p := range api.Protocols {
			missing := map[[2]string]*aws.Operation{}
			for _, op := range api.Operations {
				missing[[2]string{op.Name, "all"}] = op
				missing[[2]string{op.Name, "required"}] = op
			}
			for _, r := range requests(t, api, p) {
				key := [2]string{r.Operation, r.Set}
				op := missing[key]
				delete(missing, key)
				t.Run(api.Package+"/"+string(p)+"/"+r.Operation+"/"+r.Set, func(t *testing.T) {
					t.Parallel()
					if op == nil {
						t.Fatalf("%s has no operation %s, or more than one such request", api.Package, r.Operation)
					}
					r.check(t, table, op, p, op.API.SigningName)
					if api.Package == "s3" && r.Set == "all" {
						for _, other := range r.s3Variants() {
							other.check(t, table, op, p, "")
						}
					}
				})
			}
			for key, op := range missing {
				if bound[op] {
					t.Errorf("no request of %s with %s members: run testdata/botocore_vectors.py", op, key[1])
				}
			}
		}
	}
}

// s3Variants are the other ways in which S3's clients address the same operation: by the host's name alone, with the
// bucket in it, with a slash behind the bucket, and with the operation's name in the query, as newer SDKs send it.
func (r *request) s3Variants() []request {
	path, query, _ := strings.Cut(r.URL, "?")
	if query != "" {
		query = "?" + query
	}
	byHost, named := *r, *r
	byHost.host = "s3.us-east-1.amazonaws.com"
	if query == "" {
		named.URL += "?x-id=" + r.Operation
	} else {
		named.URL += "&x-id=" + r.Operation
	}
	list := []request{byHost, named}
	if key, found := strings.CutPrefix(path, "/Bucket"); found {
		for _, host := range []string{"bucket.s3.us-east-1.amazonaws.com", "bucket.s3.localhost"} {
			virtual := *r
			virtual.host, virtual.URL = host, cmp.Or(key, "/")+query
			list = append(list, virtual)
		}
		if key == "" {
			slash := *r
			slash.URL = "/Bucket/" + query
			list = append(list, slash)
		}
	}
	return list
}

// check routes and decodes the request and compares it with the operation's filled input.
func (r *request) check(t *testing.T, table *route.Table, op *aws.Operation, p aws.Protocol, service string) {
	t.Helper()
	sent := httptest.NewRequest(r.Method, "http://"+cmp.Or(r.host, "localhost")+r.URL, strings.NewReader(r.Body))
	for k, v := range r.Headers {
		sent.Header.Set(k, v)
	}
	var form []byte
	if r.Method == http.MethodPost && strings.HasPrefix(sent.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		form = []byte(r.Body)
	}
	match, _ := table.Find(sent, service, form)
	if match.Operation != op || match.Protocol != p {
		t.Fatalf("%s %s is routed to %v over %s", r.Method, r.URL, match.Operation, match.Protocol)
	}
	in := op.NewInput()
	missing, err := wire.For(p).Decode(op, &wire.Request{Request: sent, Labels: match.Labels, Content: form}, in)
	if err != nil {
		t.Fatal(err)
	}
	if paths := missing.Paths(); len(paths) > 0 {
		t.Errorf("these members are required here, and not there: %v", paths)
	}
	var leaves, decoded int
	s, want := shape.StructureOf(input(op, r.Set == "required"))
	_, got := shape.StructureOf(in)
	expected := members(t, s, want, &leaves)
	r.adjust(s, expected)
	if diff := gocmp.Diff(expected, members(t, s, got, &decoded)); diff != "" {
		t.Errorf("decoded (-want +got):\n%s\nfrom %s %s %v\n%s", diff, r.Method, r.URL, r.Headers, r.Body)
	}
	if leaves != r.Leaves {
		t.Errorf("the input has %d scalars here, and %d there", leaves, r.Leaves)
	}
}

// adjust changes the expected members to what HTTP makes of them.
func (r *request) adjust(s *shape.Struct, expected map[string]any) {
	if strings.HasPrefix(r.host, "bucket.") {
		expected["Bucket"] = "bucket" // host names have no capitals
	}
	if f := s.ByHeader("Content-Length"); f != nil {
		expected[f.Member] = int64(len(r.Body)) // whatever the member says
	}
	if f := s.Payload; f != nil && f.Kind == shape.Reader && expected[f.Member] == nil {
		expected[f.Member] = "" // no body is an empty one
	}
}
