package sigv4

import (
	"encoding/base64"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"drydock/aws"
)

const examplePolicy = `{"expiration": "2026-03-14T16:00:00.000Z", "conditions": [
	{"bucket": "b"}, ["starts-with", "$key", "up/"], ["eq", "$acl", "private"], ["starts-with", "$Content-Type", "image/"],
	["content-length-range", "1", 10], ["starts-with", "$x-amz-algorithm", ""], ["starts-with", "$x-amz-credential", ""], ["starts-with", "$x-amz-date", ""]]}`

func TestVerifyPostPolicy(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 14, 15, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		asymmetric bool
		policy     string
		now        time.Time
		change     func(map[string]string)
		want       Reason // zero if fine
		message    string // of S3, if given
	}{
		"fine":             {},
		"fine with SigV4a": {asymmetric: true},
		"an ignored field": {change: func(f map[string]string) { f["x-ignore-this"] = "1" }},
		"several types":    {change: func(f map[string]string) { f["content-type"] = "image/png, image/gif" }},
		"expired":          {now: now.Add(61 * time.Minute), want: PolicyDenied, message: "Invalid according to Policy: Policy expired."},
		"wrong key":        {change: func(f map[string]string) { f["key"] = "down/x" }, want: PolicyDenied, message: `Invalid according to Policy: Policy Condition failed: ["starts-with", "$key", "up/"]`},
		"wrong acl":        {change: func(f map[string]string) { f["acl"] = "public-read" }, want: PolicyDenied, message: `Invalid according to Policy: Policy Condition failed: ["eq", "$acl", "private"]`},
		"wrong bucket":     {change: func(f map[string]string) { f["bucket"] = "c" }, want: PolicyDenied},
		"one wrong type":   {change: func(f map[string]string) { f["content-type"] = "image/png,text/html" }, want: PolicyDenied},
		"missing field":    {change: func(f map[string]string) { delete(f, "acl") }, want: PolicyDenied},
		"extra field":      {change: func(f map[string]string) { f["x-amz-meta-a"] = "1" }, want: PolicyDenied, message: "Invalid according to Policy: Extra input fields: x-amz-meta-a"},
		"wrong signature":  {change: func(f map[string]string) { f["x-amz-signature"] = f["x-amz-signature"][1:] + "0" }, want: SignatureMismatch},
		"another policy":   {change: func(f map[string]string) { f["policy"] = base64.StdEncoding.EncodeToString([]byte("{}")) }, want: SignatureMismatch},
		"no date":          {change: func(f map[string]string) { delete(f, "x-amz-date") }, want: InvalidForm},
		"bad credential":   {change: func(f map[string]string) { f["x-amz-credential"] = "a/b" }, want: InvalidForm},
		"wrong region":     {change: func(f map[string]string) { f["x-amz-credential"] = exampleID + "/20260314/eu-west-1/s3/aws4_request" }, want: InvalidForm, message: `the region "eu-west-1" is wrong; expecting "us-east-1"`},
		"unknown key":      {change: func(f map[string]string) { f["x-amz-credential"] = "other/20260314/us-east-1/s3/aws4_request" }, want: UnknownKey},
		"version 2": {change: func(f map[string]string) {
			delete(f, "x-amz-signature")
			f["awsaccesskeyid"], _, _ = strings.Cut(f["x-amz-credential"], "/")
			f["signature"] = "x"
		}, want: SignatureMismatch},
		"empty":               {policy: " ", want: InvalidPolicy},
		"no JSON":             {policy: "[", want: InvalidPolicy},
		"no expiration":       {policy: `{"conditions": []}`, want: InvalidPolicy, message: "Invalid Policy: Policy missing expiration."},
		"no conditions":       {policy: `{"expiration": "2026-03-14T16:00:00Z"}`, want: InvalidPolicy, message: "Invalid Policy: Policy missing conditions."},
		"bad expiration":      {policy: `{"expiration": "tomorrow", "conditions": []}`, want: InvalidPolicy, message: "Invalid Policy: Invalid 'expiration' value: 'tomorrow'"},
		"more members":        {policy: `{"expiration": "2026-03-14T16:00:00Z", "conditions": [], "x": 1}`, want: InvalidPolicy},
		"unknown operation":   {policy: `{"expiration": "2026-03-14T16:00:00Z", "conditions": [["like", "$key", "x"]]}`, want: InvalidPolicy, message: "Invalid Policy: Invalid Condition: unknown operation 'like'."},
		"two in one":          {policy: `{"expiration": "2026-03-14T16:00:00Z", "conditions": [{"acl": "a", "acl": "b"}]}`, want: InvalidPolicy},
		"none in one":         {policy: `{"expiration": "2026-03-14T16:00:00Z", "conditions": [{}]}`, want: InvalidPolicy},
		"a number":            {policy: `{"expiration": "2026-03-14T16:00:00Z", "conditions": [{"acl": 1}]}`, want: InvalidPolicy},
		"neither":             {policy: `{"expiration": "2026-03-14T16:00:00Z", "conditions": ["acl"]}`, want: InvalidPolicy},
		"too few":             {policy: `{"expiration": "2026-03-14T16:00:00Z", "conditions": [["eq", "$acl"]]}`, want: InvalidPolicy},
		"backward range":      {policy: `{"expiration": "2026-03-14T16:00:00Z", "conditions": [["content-length-range", 2, 1]]}`, want: InvalidPolicy},
		"a nested beginning":  {policy: `{"expiration": "2026-03-14T16:00:00Z", "conditions": [[]]}`, want: InvalidPolicy},
		"conditions no list":  {policy: `{"expiration": "2026-03-14T16:00:00Z", "conditions": {}}`, want: InvalidPolicy},
		"a field, no dollar":  {policy: `{"expiration": "2026-03-14T16:00:00Z", "conditions": [["eq", "acl", "x"]]}`, want: InvalidPolicy},
		"a range of no words": {policy: `{"expiration": "2026-03-14T16:00:00Z", "conditions": [["content-length-range", "a", "b"]]}`, want: InvalidPolicy},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := signer
			s.Asymmetric = c.asymmetric
			if c.policy == "" {
				c.policy = examplePolicy
			}
			if c.now.IsZero() {
				c.now = now
			}
			form, err := s.SignPolicy([]byte(c.policy), now)
			if err != nil {
				t.Fatal(err)
			}
			maps.Copy(form, map[string]string{"bucket": "b", "key": "up/x", "acl": "private", "content-type": "image/png", "file": ""})
			if c.asymmetric {
				form["x-ignore-set"] = "1"
			}
			if c.change != nil {
				c.change(form)
			}
			v := &Verifier{Lookup: oneKey(exampleID, Key{Secret: exampleSecret}), now: func() time.Time { return c.now }}
			want := Want{Service: "s3", Region: "us-east-1"}
			if c.asymmetric {
				want.Region = ""
			}
			_, policy, err := v.VerifyPostPolicy(t.Context(), form, want)
			if err == nil {
				err = policy.Check(form)
			}
			if c.want == 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var refusal *Error
			if !errors.As(err, &refusal) || refusal.Reason != c.want {
				t.Fatalf("got %v", err)
			}
			if got := refusal.AWS(aws.ProtocolRESTXML, true); c.message != "" && got.Message != c.message {
				t.Errorf("message %q, want %q", got.Message, c.message)
			}
		})
	}
}

func TestPostPolicy_ChecksTheLength(t *testing.T) {
	t.Parallel()
	policy, err := ParsePostPolicy(base64.StdEncoding.EncodeToString([]byte(examplePolicy)))
	if err != nil {
		t.Fatal(err)
	}
	for length, want := range map[int64]string{0: "EntityTooSmall", 1: "", 10: "", 11: "EntityTooLarge"} {
		got := ""
		if refusal, ok := errors.AsType[*Error](policy.CheckLength(length)); ok {
			got = refusal.AWS(aws.ProtocolRESTXML, true).Code
		}
		if got != want {
			t.Errorf("%d: %q", length, got)
		}
	}
	if _, policy, err := (&Verifier{}).VerifyPostPolicy(t.Context(), map[string]string{"key": "k"}, Want{}); policy != nil || err != nil {
		t.Errorf("an anonymous form: %v, %v", policy, err)
	}
}

func FuzzPostPolicy(f *testing.F) {
	f.Add(examplePolicy)
	f.Fuzz(func(t *testing.T, text string) {
		policy, err := ParsePostPolicy(base64.StdEncoding.EncodeToString([]byte(text)))
		if (policy == nil) == (err == nil) {
			t.Errorf("%v, %v", policy, err)
		}
	})
}
