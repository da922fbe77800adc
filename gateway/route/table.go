// Package route finds the operation that a request asks for: by smithy-protocol path, X-Amz-Target, the form's Action and
// Version, the credential scope, the host name, and for the REST protocols by method, path and query. It reads headers
// and, for the query protocols, the form; it changes nothing.
package route

import (
	"bytes"
	"net"
	"net/http"
	"net/url"
	"strings"

	"drydock/aws"
)

// Match is what a request asks for. API is set when at least the service is known; Operation is nil when the service has
// none such, and Asked then names what was asked for.
type Match struct {
	API       *aws.API
	Operation *aws.Operation
	Protocol  aws.Protocol
	Labels    []Label
	Query     url.Values
	Asked     string
	// Bucket is the bucket named by a virtual-hosted S3 request.
	Bucket string
}

// Table knows every API. It is made once and then only read.
type Table struct {
	byTarget  map[string]*aws.API
	bySigning map[string][]*aws.API
	byHost    map[string][]*aws.API
	byAction  map[string][]*aws.Operation // of the query protocols
	byShape   map[string]*aws.API         // lower-case service id without spaces, for rpc-v2-cbor
	trees     map[*aws.API]*tree
	ops       map[*aws.API]map[string]*aws.Operation
	fallback  *aws.API
}

// New returns the table of the given APIs. A request that nothing else claims goes to the API named fallback.
func New(apis []*aws.API, fallback string) *Table {
	t := &Table{
		byTarget: map[string]*aws.API{}, bySigning: map[string][]*aws.API{}, byHost: map[string][]*aws.API{},
		byAction: map[string][]*aws.Operation{}, byShape: map[string]*aws.API{}, trees: map[*aws.API]*tree{},
		ops: map[*aws.API]map[string]*aws.Operation{},
	}
	for _, api := range apis {
		t.add(api)
		if api.Package == fallback {
			t.fallback = api
		}
	}
	return t
}

func (t *Table) add(api *aws.API) {
	if api.TargetPrefix != "" {
		t.byTarget[api.TargetPrefix] = api
		t.byShape[api.TargetPrefix] = api
	}
	t.bySigning[api.SigningName] = append(t.bySigning[api.SigningName], api)
	t.byHost[api.EndpointPrefix] = append(t.byHost[api.EndpointPrefix], api)
	t.ops[api] = make(map[string]*aws.Operation, len(api.Operations))
	for _, op := range api.Operations {
		t.ops[api][op.Name] = op
	}
	for _, protocol := range api.Protocols {
		switch protocol {
		case aws.ProtocolQuery, aws.ProtocolEC2:
			for _, op := range api.Operations {
				t.byAction[op.Name] = append(t.byAction[op.Name], op)
			}
		case aws.ProtocolRESTJSON, aws.ProtocolRESTXML:
			root := &tree{}
			for _, op := range api.Operations {
				root.add(op)
			}
			t.trees[api] = root
		case aws.ProtocolJSON, aws.ProtocolCBOR: // found by target prefix
		}
	}
}

// Find returns what the request asks for. service is the signing name of its credential scope, empty when it has none;
// form is the body of a form-encoded POST, empty for any other request. The second result is false when not even the
// service can be told.
func (t *Table) Find(r *http.Request, service string, form []byte) (Match, bool) {
	if r.Header.Get("Smithy-Protocol") == "rpc-v2-cbor" {
		return t.findCBOR(r)
	}
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		return t.findTarget(target, service)
	}
	if len(form) > 0 || r.Method == http.MethodGet && strings.Contains(r.URL.RawQuery, "Action=") {
		if m, ok := t.findAction(r, service, form); ok {
			return m, true
		}
	}
	return t.findREST(r, service)
}

func (t *Table) findCBOR(r *http.Request) (Match, bool) {
	// The path is /service/{ServiceShape}/operation/{Operation}.
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(parts) < 4 || parts[len(parts)-2] != "operation" || parts[len(parts)-4] != "service" {
		return Match{}, false
	}
	api := t.byShape[parts[len(parts)-3]]
	if api == nil {
		return Match{}, false
	}
	name := parts[len(parts)-1]
	return Match{API: api, Operation: t.ops[api][name], Protocol: aws.ProtocolCBOR, Asked: name}, true
}

func (t *Table) findTarget(target, service string) (Match, bool) {
	dot := strings.LastIndexByte(target, '.')
	if dot < 0 {
		dot = len(target)
	}
	name := strings.TrimPrefix(target[dot:], ".")
	api := t.byTarget[target[:dot]]
	if api == nil {
		if apis := t.bySigning[service]; len(apis) > 0 {
			return Match{API: apis[0], Protocol: aws.ProtocolJSON, Asked: name}, true
		}
		return Match{}, false
	}
	return Match{API: api, Operation: t.ops[api][name], Protocol: aws.ProtocolJSON, Asked: name}, true
}

func (t *Table) findAction(r *http.Request, service string, form []byte) (Match, bool) {
	action, version := formValue(form, "Action"), formValue(form, "Version")
	if len(form) == 0 {
		query := r.URL.Query()
		action, version = query.Get("Action"), query.Get("Version")
	}
	if action == "" && service == "" {
		return Match{}, false
	}
	var found *aws.Operation
	for _, op := range t.byAction[action] {
		if service != "" && op.API.SigningName != service {
			continue
		}
		if found == nil || op.API.Version == version {
			found = op
		}
	}
	if found != nil {
		return Match{API: found.API, Operation: found, Protocol: queryProtocol(found.API), Asked: action}, true
	}
	for _, api := range t.bySigning[service] {
		if p := queryProtocol(api); p != "" && (version == "" || api.Version == version) {
			return Match{API: api, Protocol: p, Asked: action}, true
		}
	}
	return Match{}, false
}

func queryProtocol(api *aws.API) aws.Protocol {
	for _, p := range api.Protocols {
		if p == aws.ProtocolQuery || p == aws.ProtocolEC2 {
			return p
		}
	}
	return ""
}

func restProtocol(api *aws.API) aws.Protocol {
	for _, p := range api.Protocols {
		if p == aws.ProtocolRESTJSON || p == aws.ProtocolRESTXML {
			return p
		}
	}
	return ""
}

func (t *Table) findREST(r *http.Request, service string) (Match, bool) {
	apis := t.bySigning[service]
	label, bucket := hostParts(r.Host)
	if len(apis) == 0 && label != "" {
		apis = t.byHost[label]
	}
	if len(apis) == 0 && t.fallback != nil {
		apis = []*aws.API{t.fallback}
	}
	var query url.Values
	if r.URL.RawQuery != "" {
		query = r.URL.Query()
	}
	has := func(name string) bool { return r.Header.Get(name) != "" }
	for _, api := range apis {
		root := t.trees[api]
		if root == nil {
			continue
		}
		path := r.URL.EscapedPath()
		virtual := ""
		if api.Package == "s3" && bucket != "" {
			virtual = bucket
			path = "/" + bucket + path
		}
		op, labels := root.find(r.Method, path, query, has)
		if op != nil {
			return Match{API: api, Operation: op, Protocol: restProtocol(api), Labels: labels, Query: query, Bucket: virtual}, true
		}
	}
	if len(apis) == 0 {
		return Match{}, false
	}
	api := apis[0]
	protocol := restProtocol(api)
	if protocol == "" {
		protocol = api.Protocols[0]
	}
	return Match{API: api, Protocol: protocol, Query: query, Asked: r.Method + " " + r.URL.Path}, true
}

// hostParts reads a host name of one of the forms service.region.amazonaws.com, service.localhost,
// account.s3-control.region.amazonaws.com, bucket.s3.region.amazonaws.com, bucket.s3.localhost and bucket.localhost. It returns the service's label and the bucket.
func hostParts(host string) (service, bucket string) {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	var name string
	for _, suffix := range []string{".amazonaws.com.cn", ".amazonaws.com", ".localhost.localstack.cloud", ".localhost"} {
		if n, ok := strings.CutSuffix(host, suffix); ok {
			name = n
			break
		}
	}
	if name == "" {
		return "", ""
	}
	labels := strings.Split(name, ".")
	for i, l := range labels {
		if l == "s3-control" { // the account stands before it
			return l, ""
		}
		if l == "s3" || strings.HasPrefix(l, "s3-") && i == len(labels)-1 {
			return "s3", strings.Join(labels[:i], ".")
		}
	}
	if strings.HasSuffix(host, ".amazonaws.com") || strings.HasSuffix(host, ".amazonaws.com.cn") {
		return labels[0], ""
	}
	// service.localhost and bucket.localhost look alike: the caller decides by what it knows.
	return labels[0], name
}

// formValue returns a value of a form-encoded body without decoding the rest of it.
func formValue(form []byte, key string) string {
	if len(form) > 1<<20 {
		form = form[:1<<20]
	}
	for len(form) > 0 {
		var pair []byte
		pair, form, _ = bytes.Cut(form, []byte("&"))
		name, value, found := bytes.Cut(pair, []byte("="))
		if found && string(name) == key {
			if v, err := url.QueryUnescape(string(value)); err == nil {
				return v
			}
			return ""
		}
	}
	return ""
}
