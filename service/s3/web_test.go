package s3_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	api "drydock/api/s3"
	"drydock/clock"
)

// form posts an upload form.
func form(t *testing.T, url string, fields [][2]string, file string) (int, string) {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, f := range fields {
		if err := w.WriteField(f[0], f[1]); err != nil {
			t.Fatal(err)
		}
	}
	part, err := w.CreateFormFile("file", "cat.txt")
	if err == nil {
		_, err = part.Write([]byte(file))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(url, w.FormDataContentType(), &body)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

func TestPostObject(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	url := c.URL(t)
	newBucket(t, call, "data")
	stamp := clock.Wall().UTC().Format("20060102T150405Z")
	policy := base64.StdEncoding.EncodeToString([]byte(`{"expiration":"2099-01-01T00:00:00Z","conditions":[{"bucket":"data"},["starts-with","$key","up/"],["content-length-range",1,10],
		{"x-amz-algorithm":"AWS4-HMAC-SHA256"},["starts-with","$x-amz-credential",""],["starts-with","$x-amz-date",""],["starts-with","$success_action_status",""],["starts-with","$content-type",""]]}`))
	fields := func(key string) [][2]string {
		return [][2]string{
			{"key", key}, {"Content-Type", "text/plain"}, {"success_action_status", "201"}, {"policy", policy}, {"x-amz-algorithm", "AWS4-HMAC-SHA256"},
			{"x-amz-credential", "test/" + stamp[:8] + "/us-east-1/s3/aws4_request"}, {"x-amz-date", stamp}, {"x-amz-signature", fmt.Sprintf("%064d", 0)},
		}
	}
	call.Account, call.Principal.Account = "111122223333", "111122223333"
	status, body := form(t, url+"/data", fields("up/${filename}"), "meow")
	if status != 201 || !strings.Contains(body, "<Key>up/cat.txt</Key>") {
		t.Errorf("upload: %d %s", status, body)
	}
	if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: "up/cat.txt"}); got != "meow" {
		t.Errorf("object: %s", got)
	}
	for name, tt := range map[string]struct {
		key, file, want string
	}{
		"other key": {"down/x", "x", "Policy Condition failed"}, "long file": {"up/x", "0123456789a", "EntityTooLarge"}, "empty file": {"up/x", "", "EntityTooSmall"},
	} {
		if status, body := form(t, url+"/data", fields(tt.key), tt.file); status < 400 || !strings.Contains(body, tt.want) {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	if status, body := form(t, url+"/data", [][2]string{{"key", "up/x"}}, "x"); status != 403 {
		t.Errorf("without a policy: %d %s", status, body)
	}
	if status, body := form(t, url+"/data", [][2]string{{"key", strings.Repeat("k", 30000)}}, "x"); !strings.Contains(body, "MaxPostPreDataLengthExceededError") {
		t.Errorf("long fields: %d %s", status, body)
	}
}

func TestCORS(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	url := c.URL(t)
	newBucket(t, call, "data")
	type answer struct {
		StatusCode int
		Status     string
		Header     http.Header
	}
	ask := func(method, origin, wants string) answer {
		t.Helper()
		r, err := http.NewRequest(method, url+"/data/k", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Origin", origin)
		if wants != "" {
			r.Header.Set("Access-Control-Request-Method", wants)
			r.Header.Set("Access-Control-Request-Headers", "X-Amz-Date, content-type")
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return answer{resp.StatusCode, resp.Status, resp.Header}
	}
	if resp := ask("OPTIONS", "https://app.example", "PUT"); resp.StatusCode != http.StatusForbidden {
		t.Errorf("without rules: %s", resp.Status)
	}
	rules := []api.CORSRule{
		{AllowedMethods: []string{"PUT"}, AllowedOrigins: []string{"https://*.example"}, AllowedHeaders: []string{"x-amz-*", "Content-Type"}, MaxAgeSeconds: new(int32(60))},
		{AllowedMethods: []string{"GET"}, AllowedOrigins: []string{"*"}, ExposeHeaders: []string{"ETag"}},
	}
	if _, err := api.PutBucketCors.Do(call, &api.PutBucketCorsInput{Bucket: "data", CORSConfiguration: api.CORSConfiguration{CORSRules: rules}}); err != nil {
		t.Fatal(err)
	}
	resp := ask("OPTIONS", "https://app.example", "PUT")
	if h := resp.Header; resp.StatusCode != http.StatusOK || h.Get("Access-Control-Allow-Origin") != "https://app.example" || h.Get("Access-Control-Max-Age") != "60" ||
		h.Get("Access-Control-Allow-Headers") != "x-amz-date, content-type" {
		t.Errorf("preflight: %s %v", resp.Status, h)
	}
	if resp := ask("OPTIONS", "https://other", "PUT"); resp.StatusCode != http.StatusForbidden {
		t.Errorf("another origin: %s", resp.Status)
	}
	resp = ask("GET", "https://other", "")
	if h := resp.Header; h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Expose-Headers") != "ETag" {
		t.Errorf("answer to a page: %v", h)
	}
}
