package s3_test

import (
	"strings"
	"testing"

	api "drydock/api/s3"
	"drydock/service/servicetest"
)

func publish(t testing.TB, url string) func(method, path string, header ...string) (answer, string) {
	t.Helper()
	return func(method, path string, header ...string) (answer, string) {
		t.Helper()
		return fetch(t, url, method, "site.s3-website-us-east-1.amazonaws.com", path, header...)
	}
}

func TestWebsite_ServesDocumentsErrorsAndRedirects(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	newBucket(t, call, "site")
	visit := publish(t, c.URL(t))
	if resp, body := visit("GET", "/"); resp.status != 404 || !strings.Contains(body, "<li>Code: NoSuchWebsiteConfiguration</li>") || !strings.Contains(body, "<li>BucketName: site</li>") {
		t.Errorf("without a configuration: %d %s", resp.status, body)
	}
	website := api.WebsiteConfiguration{
		IndexDocument: &api.IndexDocument{Suffix: "index.html"}, ErrorDocument: &api.ErrorDocument{Key: "error.html"},
		RoutingRules: []api.RoutingRule{
			{Condition: &api.Condition{KeyPrefixEquals: new("docs/")}, Redirect: api.Redirect{ReplaceKeyPrefixWith: new("documents/")}},
			{Condition: &api.Condition{KeyPrefixEquals: new("reports/"), HTTPErrorCodeReturnedEquals: new("404")}, Redirect: api.Redirect{HostName: new("h.example"), Protocol: new(api.ProtocolHTTPS), HTTPRedirectCode: new("302"), ReplaceKeyWith: new("none")}},
		},
	}
	if _, err := api.PutBucketWebsite.Do(call, &api.PutBucketWebsiteInput{Bucket: "site", WebsiteConfiguration: website}); err != nil {
		t.Fatal(err)
	}
	for key, data := range map[string]string{"index.html": "<p>home", "sub/index.html": "<p>sub", "a b.txt": "text", "error.html": "<p>sorry", "reports/1": "one"} {
		_, err := api.PutObject.Do(call, &api.PutObjectInput{Bucket: "site", Key: key, Body: strings.NewReader(data), ContentType: new("text/html"), Metadata: map[string]string{"m": "v"}})
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := api.PutObject.Do(call, &api.PutObjectInput{Bucket: "site", Key: "moved", WebsiteRedirectLocation: new("/there")}); err != nil {
		t.Fatal(err)
	}
	_, err := api.PutObject.Do(call, &api.PutObjectInput{Bucket: "site", Key: "moved", WebsiteRedirectLocation: new("there")})
	servicetest.WantError(t, err, "InvalidRedirectLocation")
	if resp, body := visit("GET", "/"); resp.status != 403 || !strings.Contains(body, "<li>Code: AccessDenied</li>") || !strings.Contains(body, "Custom Error Document") {
		t.Errorf("a private bucket: %d %s", resp.status, body)
	}
	allow(t, call, "site", `"*"`, "s3:*", "")
	for _, tt := range []struct {
		path, location, body string
		status               int
	}{
		{"/", "", "<p>home", 200},
		{"/sub/", "", "<p>sub", 200},
		{"/sub", "/sub/", "", 302},
		{"/a%20b.txt", "", "text", 200},
		{"/missing", "", "<p>sorry", 404},
		{"/moved", "/there", "", 301},
		{"/docs/x?q=1", "http://site.s3-website-us-east-1.amazonaws.com/documents/x?q=1", "", 301},
		{"/reports/1", "", "one", 200},
		{"/reports/2", "https://h.example/none", "", 302},
	} {
		resp, body := visit("GET", tt.path)
		if resp.status != tt.status || resp.Header.Get("Location") != tt.location || body != tt.body {
			t.Errorf("%s: %d %q %s", tt.path, resp.status, resp.Header.Get("Location"), body)
		}
	}
	resp, _ := visit("GET", "/")
	etag := resp.Header.Get("Etag")
	if resp.Header.Get("Content-Type") != "text/html" || resp.Header.Get("X-Amz-Meta-M") != "v" || etag == "" {
		t.Errorf("headers %v", resp.Header)
	}
	if resp, body := visit("GET", "/", "If-None-Match", etag); resp.status != 304 || body != "" {
		t.Errorf("not modified: %d %s", resp.status, body)
	}
	if resp, body := visit("GET", "/", "Range", "bytes=0-1"); resp.status != 206 || body != "<p" || resp.Header.Get("Content-Range") != "bytes 0-1/7" {
		t.Errorf("range: %d %s", resp.status, body)
	}
	if resp, body := visit("HEAD", "/"); resp.status != 200 || body != "" || resp.Header.Get("Content-Length") != "7" {
		t.Errorf("head: %d %s", resp.status, body)
	}
	if resp, body := visit("PUT", "/x"); resp.status != 405 || !strings.Contains(body, "MethodNotAllowed") {
		t.Errorf("put: %d %s", resp.status, body)
	}
	for host, want := range map[string]int{"site.s3-website.localhost:4566": 200, "site.s3-website.us-east-1.amazonaws.com": 200, "site.s3-website-eu-west-1.amazonaws.com": 400, "none.s3-website.localhost": 404} {
		if resp, body := fetch(t, c.URL(t), "GET", host, "/"); resp.status != want {
			t.Errorf("%s: %d %s", host, resp.status, body)
		}
	}
	website = api.WebsiteConfiguration{RedirectAllRequestsTo: &api.RedirectAllRequestsTo{HostName: "h.example", Protocol: new(api.ProtocolHTTPS)}}
	if _, err := api.PutBucketWebsite.Do(call, &api.PutBucketWebsiteInput{Bucket: "site", WebsiteConfiguration: website}); err != nil {
		t.Fatal(err)
	}
	if resp, _ := visit("GET", "/a/b"); resp.status != 301 || resp.Header.Get("Location") != "https://h.example/a/b" {
		t.Errorf("all redirected: %d %s", resp.status, resp.Header.Get("Location"))
	}
	if _, err := api.DeleteBucketWebsite.Do(call, &api.DeleteBucketWebsiteInput{Bucket: "site"}); err != nil {
		t.Fatal(err)
	}
	_, err = api.GetBucketWebsite.Do(call, &api.GetBucketWebsiteInput{Bucket: "site"})
	servicetest.WantError(t, err, "NoSuchWebsiteConfiguration")
}

func TestPutBucketWebsite_RefusesWhatCannotBe(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	newBucket(t, call, "site")
	index := &api.IndexDocument{Suffix: "i"}
	for name, tt := range map[string]struct {
		site api.WebsiteConfiguration
		want string
	}{
		"nothing":         {api.WebsiteConfiguration{}, "InvalidArgument"},
		"slash":           {api.WebsiteConfiguration{IndexDocument: &api.IndexDocument{Suffix: "a/b"}}, "not well formed"},
		"both":            {api.WebsiteConfiguration{IndexDocument: index, RedirectAllRequestsTo: &api.RedirectAllRequestsTo{HostName: "h"}}, "in conjunction"},
		"protocol":        {api.WebsiteConfiguration{RedirectAllRequestsTo: &api.RedirectAllRequestsTo{HostName: "h", Protocol: new(api.Protocol("ftp"))}}, "Invalid protocol"},
		"two keys":        {api.WebsiteConfiguration{IndexDocument: index, RoutingRules: []api.RoutingRule{{Redirect: api.Redirect{ReplaceKeyWith: new("a"), ReplaceKeyPrefixWith: new("b")}}}}, "not both"},
		"code":            {api.WebsiteConfiguration{IndexDocument: index, RoutingRules: []api.RoutingRule{{Redirect: api.Redirect{HTTPRedirectCode: new("200")}}}}, "Valid codes are 3XX"},
		"error code":      {api.WebsiteConfiguration{IndexDocument: index, RoutingRules: []api.RoutingRule{{Condition: &api.Condition{HTTPErrorCodeReturnedEquals: new("200")}, Redirect: api.Redirect{ReplaceKeyWith: new("a")}}}}, "Valid codes are 4XX or 5XX"},
		"empty condition": {api.WebsiteConfiguration{IndexDocument: index, RoutingRules: []api.RoutingRule{{Condition: &api.Condition{}, Redirect: api.Redirect{ReplaceKeyWith: new("a")}}}}, "Condition cannot be empty"},
		"empty redirect":  {api.WebsiteConfiguration{IndexDocument: index, RoutingRules: []api.RoutingRule{{}}}, "MalformedXML"},
	} {
		_, err := api.PutBucketWebsite.Do(call, &api.PutBucketWebsiteInput{Bucket: "site", WebsiteConfiguration: tt.site})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := api.PutBucketWebsite.Do(c.CallIn(t, "444455556666", "us-east-1"), &api.PutBucketWebsiteInput{Bucket: "site", WebsiteConfiguration: api.WebsiteConfiguration{IndexDocument: index}})
	servicetest.WantError(t, err, "AccessDenied")
	_, err = api.PutBucketWebsite.Do(call, &api.PutBucketWebsiteInput{Bucket: "missing", WebsiteConfiguration: api.WebsiteConfiguration{IndexDocument: index}})
	servicetest.WantError(t, err, "NoSuchBucket")
}
