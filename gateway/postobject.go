package gateway

import (
	"encoding/xml"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"drydock/aws"
	"drydock/gateway/route"
	"drydock/gateway/sigv4"
	"drydock/wire"
	"drydock/wire/message"
)

// Limits of upload forms.
const (
	// maxFormFields is how many bytes the fields before the file may have together, as S3 documents it.
	maxFormFields = 20 << 10
	maxFormCount  = 100
)

// postObject returns what answers an upload form, "POST Object" of the Amazon S3 API reference; nil for any other
// request. The form is checked against its policy and becomes a PutObject.
func (g *Gateway) postObject(r *http.Request, m route.Match) *DataPlane {
	if r.Method != http.MethodPost || m.API == nil || m.API.Package != "s3" || !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		return nil
	}
	bucket := m.Bucket
	if bucket == "" {
		bucket = strings.Trim(r.URL.Path, "/")
	}
	at := slices.IndexFunc(m.API.Operations, func(op *aws.Operation) bool { return op.Name == "PutObject" })
	if bucket == "" || strings.Contains(bucket, "/") || at < 0 {
		return nil
	}
	form := &uploadForm{gateway: g, operation: m.API.Operations[at], bucket: bucket, fields: map[string]string{}}
	return &DataPlane{SigningName: "s3", Serve: form.serve}
}

// uploadForm is one upload form on its way.
type uploadForm struct {
	gateway   *Gateway
	operation *aws.Operation
	bucket    string
	fields    map[string]string // by name in lower case
	fileName  string
	policy    *sigv4.PostPolicy
}

func (f *uploadForm) serve(call *aws.Call, w http.ResponseWriter, r *http.Request) {
	codec := wire.For(aws.ProtocolRESTXML)
	reply := &wire.Reply{RequestID: call.RequestID, HostID: call.RequestID, API: f.operation.API, Resource: r.URL.Path}
	etag, location, err := f.upload(call, r)
	if err == nil {
		err = f.answer(w, reply, etag, location)
	} else {
		x := &exchange{r: r, call: call}
		x.match.API, x.match.Protocol, x.match.Operation = f.operation.API, aws.ProtocolRESTXML, f.operation
		err = codec.WriteError(w, f.operation, reply, f.gateway.asError(x, err))
	}
	if err != nil && r.Context().Err() == nil {
		f.gateway.Log.Warn("write response", "operation", "POST Object", "request", call.RequestID, "error", err)
	}
}

// upload carries the form out.
func (f *uploadForm) upload(call *aws.Call, r *http.Request) (etag, location string, err error) {
	file, err := f.read(r)
	if err != nil {
		return "", "", err
	}
	key := strings.ReplaceAll(f.fields["key"], "${filename}", f.fileName)
	if key == "" {
		return "", "", aws.NewError(http.StatusBadRequest, "InvalidArgument", "Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields.").
			With("ArgumentName", "key").With("ArgumentValue", "")
	}
	next := *call
	next.Operation = f.operation
	if err := f.authenticate(&next, r); err != nil {
		return "", "", err
	}
	put := r.Clone(r.Context())
	put.Method, put.ContentLength, put.Header = http.MethodPut, -1, http.Header{}
	put.URL = &url.URL{Path: "/" + f.bucket + "/" + key}
	put.Body = io.NopCloser(&measured{source: file, policy: f.policy})
	if err := f.setHeaders(put.Header); err != nil {
		return "", "", err
	}
	in := f.operation.NewInput()
	labels := []wire.Label{{Name: "Bucket", Value: f.bucket}, {Name: "Key", Value: key}}
	if _, err := wire.For(aws.ProtocolRESTXML).Decode(f.operation, &message.Request{Request: put, Labels: labels}, in); err != nil {
		return "", "", err
	}
	out, err := f.gateway.Invoke(&next, f.operation, in)
	if err != nil {
		return "", "", err
	}
	var shown recordedHeaders
	if err := wire.For(aws.ProtocolRESTXML).Write(&shown, f.operation, &wire.Reply{}, out); err != nil {
		return "", "", err
	}
	base := "http://" + r.Host + "/"
	if !strings.HasPrefix(r.Host, f.bucket+".") {
		base += f.bucket + "/"
	}
	f.fields["key"] = key
	return shown.Header().Get("ETag"), base + url.PathEscape(key), nil
}

// read collects the fields before the file and returns the file.
func (f *uploadForm) read(r *http.Request) (io.Reader, error) {
	malformed := aws.NewError(http.StatusBadRequest, "MalformedPOSTRequest", "The body of your POST request is not well-formed multipart/form-data.")
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, malformed.WithCause(err)
	}
	left := int64(maxFormFields)
	for range maxFormCount {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil, aws.NewError(http.StatusBadRequest, "InvalidArgument", "POST requires exactly one file upload per request.").
				With("ArgumentName", "file").With("ArgumentValue", "0")
		}
		if err != nil {
			return nil, malformed.WithCause(err)
		}
		name := strings.ToLower(part.FormName())
		if name == "file" {
			f.fileName = path.Base(strings.ReplaceAll(part.FileName(), `\`, "/"))
			if part.FileName() == "" {
				f.fileName = ""
			}
			return part, nil
		}
		value, err := readField(part, left)
		if err != nil {
			return nil, err
		}
		left -= int64(len(name) + len(value))
		f.fields[name] = value
	}
	return nil, malformed
}

func readField(part *multipart.Part, left int64) (string, error) {
	value, err := io.ReadAll(io.LimitReader(part, left+1))
	if err != nil {
		return "", aws.NewError(http.StatusBadRequest, "MalformedPOSTRequest", "The body of your POST request is not well-formed multipart/form-data.").WithCause(err)
	}
	if int64(len(value)) > left {
		return "", aws.NewError(http.StatusBadRequest, "MaxPostPreDataLengthExceededError", "Your POST request fields preceding the upload file were too large.")
	}
	return string(value), nil
}

// authenticate finds out who signed the policy and whether it allows the form.
func (f *uploadForm) authenticate(call *aws.Call, r *http.Request) error {
	g := f.gateway
	f.fields["bucket"] = f.bucket
	ctx := r.Context()
	if token := f.fields["x-amz-security-token"]; token != "" {
		ctx = contextWithToken(ctx, token)
	}
	result, policy, err := g.verifier.VerifyPostPolicy(ctx, f.fields, sigv4.Want{S3: true})
	if err != nil {
		return err
	}
	call.Principal = aws.Principal{Type: aws.PrincipalAnonymous}
	if policy == nil {
		return nil
	}
	if err := policy.Check(f.fields); err != nil {
		return err
	}
	principal, ok := result.Principal.(aws.Principal)
	if !ok {
		return errors.New("the verifier returned no principal")
	}
	f.policy = policy
	call.Principal, call.Account, call.Request.SignedAt, call.Request.Presigned = principal, principal.Account, result.SignedAt, true
	if result.Scope.Region != "" {
		call.Region = result.Scope.Region
	}
	call.Partition = aws.PartitionOf(call.Region)
	return nil
}

// setHeaders gives PutObject's headers the values of the fields that stand for them.
func (f *uploadForm) setHeaders(h http.Header) error {
	for name, value := range f.fields {
		switch {
		case name == "acl":
			h.Set("X-Amz-Acl", value)
		case slices.Contains([]string{"cache-control", "content-type", "content-disposition", "content-encoding", "content-language", "expires", "content-md5"}, name),
			strings.HasPrefix(name, "x-amz-meta-"), strings.HasPrefix(name, "x-amz-server-side-encryption"), strings.HasPrefix(name, "x-amz-checksum-"),
			name == "x-amz-storage-class", name == "x-amz-website-redirect-location":
			h.Set(name, value)
		}
	}
	if f.fields["tagging"] == "" {
		return nil
	}
	var tagging struct {
		Tags []struct{ Key, Value string } `xml:"TagSet>Tag"`
	}
	if err := xml.Unmarshal([]byte(f.fields["tagging"]), &tagging); err != nil {
		return aws.NewError(http.StatusBadRequest, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema").WithCause(err)
	}
	query := make([]string, 0, len(tagging.Tags))
	for _, t := range tagging.Tags {
		query = append(query, url.QueryEscape(t.Key)+"="+url.QueryEscape(t.Value))
	}
	h.Set("X-Amz-Tagging", strings.Join(query, "&"))
	return nil
}

// answer says what the form asks for: a page to go to, or a status.
func (f *uploadForm) answer(w http.ResponseWriter, reply *wire.Reply, etag, location string) error {
	h := w.Header()
	h.Set("X-Amz-Request-Id", reply.RequestID)
	h.Set("ETag", etag)
	h.Set("Location", location)
	target := f.fields["success_action_redirect"]
	if target == "" {
		target = f.fields["redirect"]
	}
	if u, err := url.Parse(target); target != "" && err == nil && (u.Scheme == "http" || u.Scheme == "https") {
		query := u.Query()
		query.Set("bucket", f.bucket)
		query.Set("key", f.fields["key"])
		query.Set("etag", etag)
		u.RawQuery = query.Encode()
		h.Set("Location", u.String())
		w.WriteHeader(http.StatusSeeOther)
		return nil
	}
	switch f.fields["success_action_status"] {
	case "200":
		w.WriteHeader(http.StatusOK)
		return nil
	case "201":
		body, err := xml.Marshal(struct {
			XMLName                     xml.Name `xml:"PostResponse"`
			Location, Bucket, Key, ETag string
		}{Location: location, Bucket: f.bucket, Key: f.fields["key"], ETag: etag})
		if err != nil {
			return err
		}
		return message.Write(w, reply, http.StatusCreated, "application/xml", append([]byte(xml.Header), body...))
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// measured holds a file to the length that the policy allows.
type measured struct {
	source io.Reader
	policy *sigv4.PostPolicy
	n      int64
}

// Read implements io.Reader.
func (m *measured) Read(p []byte) (int, error) {
	n, err := m.source.Read(p)
	m.n += int64(n)
	if m.policy == nil {
		return n, err
	}
	if err == io.EOF || m.policy.MaxLength >= 0 && m.n > m.policy.MaxLength {
		if refusal := m.policy.CheckLength(m.n); refusal != nil {
			return 0, refusal
		}
	}
	return n, err
}

// recordedHeaders takes the headers of a response whose body is of no interest.
type recordedHeaders struct{ header http.Header }

// Header implements http.ResponseWriter.
func (r *recordedHeaders) Header() http.Header {
	if r.header == nil {
		r.header = http.Header{}
	}
	return r.header
}

// Write implements http.ResponseWriter.
func (r *recordedHeaders) Write(b []byte) (int, error) { return len(b), nil }

// WriteHeader implements http.ResponseWriter.
func (r *recordedHeaders) WriteHeader(int) {}
