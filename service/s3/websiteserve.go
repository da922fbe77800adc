package s3

import (
	"errors"
	"fmt"
	"html"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/service"
	"drydock/store"
)

// websites serves buckets as websites: "Hosting a static website using Amazon S3" of the S3 User Guide.
func (s *Service) websites() service.DataPlane {
	return service.DataPlane{Prefix: "/", Hosts: func(host string) bool { bucket, _ := websiteOf(host); return bucket != "" }, Serve: s.serveWebsite}
}

// websiteOf reads the host of a website: BUCKET.s3-website-REGION.amazonaws.com, BUCKET.s3-website.REGION.amazonaws.com,
// and the same of localhost, where the region may be left out.
func websiteOf(host string) (bucket, region string) {
	at := strings.LastIndex(host, ".s3-website")
	if at <= 0 {
		return "", ""
	}
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	bucket, rest := strings.ToLower(host[:at]), strings.ToLower(host[at+len(".s3-website"):])
	if rest == "" || rest[0] != '.' && rest[0] != '-' {
		return "", ""
	}
	for _, suffix := range []string{".amazonaws.com", ".amazonaws.com.cn", ".localhost", ".localhost.localstack.cloud"} {
		if r, ok := strings.CutSuffix(rest, suffix); ok {
			return bucket, strings.TrimLeft(r, ".-")
		}
	}
	return "", ""
}

// visit is one request to a website.
type visit struct {
	s      *Service
	call   *aws.Call
	w      http.ResponseWriter
	r      *http.Request
	bucket string
	key    string
	site   *api.WebsiteConfiguration
}

// serveWebsite answers a request to a website.
func (s *Service) serveWebsite(call *aws.Call, w http.ResponseWriter, r *http.Request) {
	name, region := websiteOf(r.Host)
	seen := &websiteAnswer{ResponseWriter: w}
	next := *call
	next.Principal, next.Operation = aws.Principal{Type: aws.PrincipalAnonymous}, api.GetObject.Operation
	v := &visit{s: s, call: &next, w: seen, r: r, bucket: name, key: strings.TrimPrefix(r.URL.Path, "/")}
	started := s.Clock.Now()
	w.Header().Set("X-Amz-Request-Id", call.RequestID)
	w.Header().Set("X-Amz-Id-2", call.RequestID)
	w.Header().Set("Server", "AmazonS3")
	if err := v.find(region); err != nil {
		v.fail(err)
	} else {
		v.serve()
	}
	access := &aws.Access{
		Operation: "WEBSITE." + r.Method + ".OBJECT", Bucket: name, Key: v.key, Status: seen.status, Code: w.Header().Get("X-Amz-Error-Code"), Sent: seen.sent,
		Size: -1, Took: s.Clock.Now().Sub(started),
	}
	if b := s.loggedBucket(v.call, access); b != nil {
		s.accessed(b, v.call, r, access)
	}
}

// websiteAnswer counts what is answered.
type websiteAnswer struct {
	http.ResponseWriter
	status int
	sent   int64
}

// WriteHeader implements http.ResponseWriter.
func (a *websiteAnswer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (a *websiteAnswer) Write(p []byte) (int, error) {
	n, err := a.ResponseWriter.Write(p)
	a.sent += int64(n)
	return n, err
}

// find reads the website's configuration.
func (v *visit) find(region string) error {
	return v.s.DB.View(v.call, func(tx *store.Tx) error {
		b, err := findBucket(tx, v.call, v.bucket, nil)
		if err != nil {
			return err
		}
		if region != "" && region != b.Region {
			return aws.NewError(http.StatusBadRequest, "IncorrectEndpoint", "The specified bucket exists in another region. Please direct requests to the specified endpoint.").
				With("Endpoint", b.Name+".s3-website-"+b.Region+".amazonaws.com")
		}
		c, err := configs.Get(tx, store.K(b.ID))
		if err != nil {
			return err
		}
		if c.Website == nil {
			return missingConfiguration("NoSuchWebsiteConfiguration", b.Name, "The specified bucket does not have a website configuration")
		}
		v.site = c.Website
		return nil
	})
}

func (v *visit) serve() {
	if v.r.Method != http.MethodGet && v.r.Method != http.MethodHead {
		v.fail(aws.NewError(http.StatusMethodNotAllowed, "MethodNotAllowed", "The specified method is not allowed against this resource.").
			With("Method", v.r.Method).With("ResourceType", "OBJECT"))
		return
	}
	if all := v.site.RedirectAllRequestsTo; all != nil {
		v.redirect(http.StatusMovedPermanently, v.location(all.Protocol, &all.HostName, v.key))
		return
	}
	if rule := v.rule(0); rule != nil {
		v.follow(rule)
		return
	}
	key := v.key
	if key == "" || strings.HasSuffix(key, "/") {
		key += v.site.IndexDocument.Suffix
	}
	err := v.send(key, http.StatusOK)
	if err == nil {
		return
	}
	e := v.shownError(err)
	if e.Status == http.StatusNotModified || e.Status == http.StatusPreconditionFailed || e.Status == http.StatusRequestedRangeNotSatisfiable {
		v.fail(err)
		return
	}
	if key == v.key && v.readable(key+"/"+v.site.IndexDocument.Suffix) {
		v.redirect(http.StatusFound, "/"+encodeKey(key)+"/")
		return
	}
	if rule := v.rule(e.Status); rule != nil {
		v.follow(rule)
		return
	}
	v.fail(err)
}

// rule returns the routing rule for the request: before anything was looked up, or for the status of an error.
func (v *visit) rule(status int) *api.RoutingRule {
	for i := range v.site.RoutingRules {
		r := &v.site.RoutingRules[i]
		code := ""
		if c := r.Condition; c != nil {
			code = text(c.HTTPErrorCodeReturnedEquals)
			if !strings.HasPrefix(v.key, text(c.KeyPrefixEquals)) {
				continue
			}
		}
		if code == "" && status == 0 || status != 0 && code == strconv.Itoa(status) {
			return r
		}
	}
	return nil
}

// follow redirects as a routing rule says.
func (v *visit) follow(r *api.RoutingRule) {
	key := v.key
	switch to := &r.Redirect; {
	case to.ReplaceKeyWith != nil:
		key = *to.ReplaceKeyWith
	case to.ReplaceKeyPrefixWith != nil:
		prefix := ""
		if r.Condition != nil {
			prefix = text(r.Condition.KeyPrefixEquals)
		}
		key = *to.ReplaceKeyPrefixWith + strings.TrimPrefix(key, prefix)
	}
	status := http.StatusMovedPermanently
	if code, err := strconv.Atoi(text(r.Redirect.HTTPRedirectCode)); err == nil {
		status = code
	}
	v.redirect(status, v.location(r.Redirect.Protocol, r.Redirect.HostName, key))
}

// location is the URL of a key on a host.
func (v *visit) location(protocol *api.Protocol, host *string, key string) string {
	scheme := text(protocol)
	if scheme == "" {
		scheme = "http"
		if v.call.Request.Secure {
			scheme = "https"
		}
	}
	name := text(host)
	if name == "" {
		name = v.r.Host
	}
	to := scheme + "://" + name + "/" + encodeKey(key)
	if v.r.URL.RawQuery != "" {
		to += "?" + v.r.URL.RawQuery
	}
	return to
}

func (v *visit) redirect(status int, to string) {
	v.w.Header().Set("Location", to)
	v.w.Header().Set("Content-Length", "0")
	v.w.WriteHeader(status)
}

// allowed asks whether everyone may read a key.
func (v *visit) allowed(key string) error {
	err := v.call.Cloud.Authorize(v.call, aws.Check{Action: "s3:GetObject", Resource: "arn:" + v.call.Partition + ":s3:::" + v.bucket + "/" + key})
	if aws.IsError(err, "AccessDenied") {
		return accessDenied()
	}
	return err
}

func (v *visit) readable(key string) bool {
	if v.allowed(key) != nil {
		return false
	}
	_, err := v.s.read(v.call, &reading{bucket: v.bucket, key: key}, false)
	return err == nil
}

// send answers with an object, or with the redirection it stands for. Conditions and ranges count for what was asked
// for, not for the page that tells of an error.
func (v *visit) send(key string, status int) (err error) {
	if err := v.allowed(key); err != nil {
		return err
	}
	read := &reading{bucket: v.bucket, key: key}
	if status == http.StatusOK {
		h := v.r.Header
		read.match, read.noneMatch, read.span = optional(h.Get("If-Match")), optional(h.Get("If-None-Match")), optional(h.Get("Range"))
		read.modifiedSince, read.unmodifiedSince = headerTime(h.Get("If-Modified-Since")), headerTime(h.Get("If-Unmodified-Since"))
	}
	f, body, err := v.s.openObject(v.call, read)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	o := f.object
	if o.Redirect != "" && status == http.StatusOK {
		v.redirect(http.StatusMovedPermanently, o.Redirect)
		return nil
	}
	h := v.w.Header()
	for name, value := range map[string]string{
		"Content-Type": o.ContentType, "Cache-Control": o.CacheControl, "Content-Disposition": o.ContentDisposition, "Content-Encoding": o.ContentEncoding,
		"Content-Language": o.ContentLanguage, "Expires": o.Expires, "Content-Range": text(f.contentRange()),
	} {
		if value != "" {
			h.Set(name, value)
		}
	}
	for name, value := range o.shownMeta() {
		h.Set("X-Amz-Meta-"+name, value)
	}
	h.Set("Etag", *o.etag())
	h.Set("Last-Modified", httpDate(o.Modified))
	h.Set("Content-Length", strconv.FormatInt(f.n, 10))
	if f.partial {
		status = http.StatusPartialContent
	}
	v.w.WriteHeader(status)
	if v.r.Method == http.MethodHead {
		return nil
	}
	if _, err := io.Copy(v.w, body); err != nil && v.call.Err() == nil {
		v.s.Log.Warn("website: write response", "bucket", v.bucket, "error", err)
	}
	return nil
}

func headerTime(value string) *time.Time {
	t, err := http.ParseTime(value)
	if err != nil {
		return nil
	}
	return &t
}

// shownError is the error that a visitor sees. What is not meant for clients is logged and hidden.
func (v *visit) shownError(err error) *aws.Error {
	e, ok := errors.AsType[*aws.Error](err)
	if !ok || e.Status < http.StatusMultipleChoices {
		if v.call.Err() == nil {
			v.s.Log.Error("website", "bucket", v.bucket, "error", err)
		}
		return aws.NewError(http.StatusInternalServerError, "InternalError", "We encountered an internal error. Please try again.")
	}
	return e
}

// fail answers with an error: with the website's own page for it, or with S3's.
func (v *visit) fail(err error) {
	e := v.shownError(err)
	h := v.w.Header()
	h.Set("X-Amz-Error-Code", e.Code)
	h.Set("X-Amz-Error-Message", e.Message)
	if e.Status == http.StatusNotModified {
		v.w.WriteHeader(e.Status)
		return
	}
	var custom error
	if v.site != nil && v.site.ErrorDocument != nil && e.Status/100 == 4 && (v.r.Method == http.MethodGet || v.r.Method == http.MethodHead) {
		if custom = v.send(v.site.ErrorDocument.Key, e.Status); custom == nil {
			return
		}
	}
	title := fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status))
	var page strings.Builder
	page.WriteString("<html>\n<head><title>" + title + "</title></head>\n<body>\n<h1>" + title + "</h1>\n<ul>\n")
	list := func(e *aws.Error) {
		page.WriteString("<li>Code: " + html.EscapeString(e.Code) + "</li>\n<li>Message: " + html.EscapeString(e.Message) + "</li>\n")
		for _, name := range slices.Sorted(maps.Keys(e.Fields)) {
			if value, ok := e.Fields[name].(string); ok {
				page.WriteString("<li>" + html.EscapeString(name) + ": " + html.EscapeString(value) + "</li>\n")
			}
		}
	}
	list(e)
	id := html.EscapeString(v.call.RequestID)
	page.WriteString("<li>RequestId: " + id + "</li>\n<li>HostId: " + id + "</li>\n</ul>\n")
	if custom != nil {
		page.WriteString("<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>\n<ul>\n")
		list(v.shownError(custom))
		page.WriteString("</ul>\n")
	}
	page.WriteString("<hr/>\n</body>\n</html>\n")
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(page.Len()))
	v.w.WriteHeader(e.Status)
	if v.r.Method != http.MethodHead {
		if _, err := io.WriteString(v.w, page.String()); err != nil && v.call.Err() == nil {
			v.s.Log.Warn("website: write response", "bucket", v.bucket, "error", err)
		}
	}
}

// relocation checks an x-amz-website-redirect-location.
func relocation(to string) error {
	if to == "" {
		return nil
	}
	u, err := url.Parse(to)
	if err != nil || len(to) > 2<<10 || !strings.HasPrefix(to, "/") && u.Scheme != "http" && u.Scheme != "https" {
		return aws.NewError(http.StatusBadRequest, "InvalidRedirectLocation", "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.")
	}
	return nil
}
