package s3_test

import (
	"encoding/base64"
	"strings"
	"testing"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/ledger"
	"drydock/service/servicetest"
)

func TestCreateBucket(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "S3-04", "S3-05", "S3-38")
	c, call := newCloud(t)
	other := c.CallIn(t, "444455556666", "us-east-1")
	location := func(s string) *api.CreateBucketConfiguration {
		return &api.CreateBucketConfiguration{LocationConstraint: new(api.BucketLocationConstraint(s))}
	}
	for _, tt := range []struct {
		call   *aws.Call
		name   string
		config *api.CreateBucketConfiguration
		want   string
	}{
		{call, "one", nil, ""},
		{call, "one", nil, ""}, // us-east-1 makes it again
		{other, "one", nil, "BucketAlreadyExists"},
		{call, "two", location("eu-west-1"), ""},
		{call, "two", location("eu-west-1"), "BucketAlreadyOwnedByYou"},
		{call.In("eu-west-1"), "three", location("eu-west-1"), ""},
		{call.In("eu-west-1"), "four", nil, "IllegalLocationConstraintException"},
		{call.In("eu-west-1"), "four", location("eu-central-1"), "IllegalLocationConstraintException"},
		{call, "four", location("us-east-1"), "InvalidLocationConstraint"},
		{call, "four", location("EU"), ""},
		{call, "ab", nil, "InvalidBucketName"}, {call, "Abc", nil, "InvalidBucketName"}, {call, "a..b", nil, "InvalidBucketName"},
		{call, "-abc", nil, "InvalidBucketName"}, {call, "10.0.0.1", nil, "InvalidBucketName"}, {call, "xn--abc", nil, "InvalidBucketName"},
		{call, "abc-s3alias", nil, "InvalidBucketName"}, {call, strings.Repeat("a", 64), nil, "InvalidBucketName"},
		{other, strings.Repeat("a", 63), nil, ""},
		{call, "zonal", &api.CreateBucketConfiguration{Location: &api.LocationInfo{}}, "NotImplemented"},
		{call, "zonal", &api.CreateBucketConfiguration{Bucket: &api.BucketInfo{}}, "NotImplemented"},
	} {
		_, err := api.CreateBucket.Do(tt.call, &api.CreateBucketInput{Bucket: tt.name, CreateBucketConfiguration: tt.config})
		if got := aws.ErrorCode(err); got != tt.want {
			t.Errorf("%s %v: %v, want %q", tt.name, tt.config, err, tt.want)
		}
	}
	for namespace, want := range map[api.BucketNamespace]string{api.BucketNamespaceAccountRegional: "NotImplemented", api.BucketNamespaceGlobal: ""} {
		_, err := api.CreateBucket.Do(call, &api.CreateBucketInput{Bucket: "one", BucketNamespace: &namespace})
		if got := aws.ErrorCode(err); got != want {
			t.Errorf("in the namespace %s: %v, want %q", namespace, err, want)
		}
	}
	names := ""
	in := &api.ListBucketsInput{MaxBuckets: new(int32(3))}
	for {
		out, err := api.ListBuckets.Do(call.In("ap-south-1"), in)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range out.Buckets {
			names += *b.Name + ":" + *b.BucketRegion + " "
		}
		if in.ContinuationToken = out.ContinuationToken; in.ContinuationToken == nil {
			break
		}
	}
	if names != "four:eu-west-1 one:us-east-1 three:eu-west-1 two:eu-west-1 " {
		t.Errorf("buckets %s", names)
	}
	out, err := api.ListBuckets.Do(call, &api.ListBucketsInput{Prefix: new("t"), BucketRegion: new("eu-west-1")})
	if err != nil || len(out.Buckets) != 2 {
		t.Errorf("with prefix: %v, %v", out, err)
	}
	at, err := api.GetBucketLocation.Do(call, &api.GetBucketLocationInput{Bucket: "two"})
	if err != nil || *at.LocationConstraint != "eu-west-1" {
		t.Errorf("location %v, %v", at, err)
	}
	put(t, call, "one", "k", "x")
	_, err = api.DeleteBucket.Do(call, &api.DeleteBucketInput{Bucket: "one"})
	servicetest.WantError(t, err, "BucketNotEmpty")
	_, err = api.DeleteBucket.Do(call, &api.DeleteBucketInput{Bucket: "nothing"})
	servicetest.WantError(t, err, "NoSuchBucket")
	_, err = api.HeadBucket.Do(call, &api.HeadBucketInput{Bucket: "one", ExpectedBucketOwner: new("444455556666")})
	servicetest.WantError(t, err, "AccessDenied")
	_, err = api.HeadBucket.Do(other, &api.HeadBucketInput{Bucket: "one"})
	servicetest.WantError(t, err, "AccessDenied")
}

const statement = `{"Version":"2012-10-17","Statement":[{"Effect":"EFFECT","Principal":PRINCIPAL,"Action":"ACTION","Resource":["arn:aws:s3:::data","arn:aws:s3:::data/*"]CONDITION}]}`

func setPolicy(call *aws.Call, effect, principal, action, condition string) error {
	text := strings.NewReplacer("EFFECT", effect, "PRINCIPAL", principal, "ACTION", action, "CONDITION", condition).Replace(statement)
	_, err := api.PutBucketPolicy.Do(call, &api.PutBucketPolicyInput{Bucket: "data", Policy: text})
	return err
}

func TestBucketPolicy_DecidesWithIdentityPolicies(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "S3-36", "S3-37", "S3-42", "S3-43", "S3-33")
	c, call := newCloud(t)
	other := c.CallIn(t, "444455556666", "us-east-1")
	anyone := c.CallAs(t, aws.Principal{Type: aws.PrincipalAnonymous}, "us-east-1")
	newBucket(t, call, "data")
	put(t, call, "data", "k", "x")
	read := func(call *aws.Call, key string) string {
		t.Helper()
		return get(t, call, &api.GetObjectInput{Bucket: "data", Key: key})
	}
	_, err := api.GetBucketPolicy.Do(call, &api.GetBucketPolicyInput{Bucket: "data"})
	servicetest.WantError(t, err, "NoSuchBucketPolicy")
	if got := read(other, "k") + read(anyone, "k"); got != "AccessDeniedAccessDenied" {
		t.Errorf("without a policy: %s", got)
	}
	if err := setPolicy(call, "Allow", `{"AWS":"444455556666"}`, "s3:GetObject", ""); err != nil {
		t.Fatal(err)
	}
	if got := read(other, "k") + read(other, "missing"); got != "xAccessDenied" {
		t.Errorf("another account reads %s, where missing keys are not told", got)
	}
	if err := setPolicy(call, "Allow", `{"AWS":"444455556666"}`, "s3:*", ""); err != nil {
		t.Fatal(err)
	}
	if got := read(other, "missing"); got != "NoSuchKey" {
		t.Errorf("who may list is told of %s", got)
	}
	if err := setPolicy(call, "Allow", `{"AWS":"444455556666"}`, "s3:GetObject*", ""); err != nil {
		t.Fatal(err)
	}
	_, err = api.GetObjectTagging.Do(other, &api.GetObjectTaggingInput{Bucket: "data", Key: "missing"})
	servicetest.WantError(t, err, "AccessDenied")
	servicetest.WantError(t, setPolicy(call, "Allow", `"*"`, "s3:GetObject", ""), "AccessDenied")
	servicetest.WantError(t, setPolicy(call, "Allow", `"*"`, "s3:GetObject", `,"Condition":{"Bool":{"aws:SecureTransport":"true"}}`), "AccessDenied")
	if err := setPolicy(call, "Allow", `"*"`, "s3:GetObject", `,"Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`); err != nil {
		t.Errorf("a fixed condition is not public: %v", err)
	}
	block := api.PublicAccessBlockConfiguration{RestrictPublicBuckets: new(true)}
	if _, err := api.PutPublicAccessBlock.Do(call, &api.PutPublicAccessBlockInput{Bucket: "data", PublicAccessBlockConfiguration: block}); err != nil {
		t.Fatal(err)
	}
	if err := setPolicy(call, "Allow", `"*"`, "s3:GetObject", ""); err != nil {
		t.Fatal(err)
	}
	if got := read(anyone, "k"); got != "AccessDenied" {
		t.Errorf("a restricted public bucket: %s", got)
	}
	if _, err := api.DeletePublicAccessBlock.Do(call, &api.DeletePublicAccessBlockInput{Bucket: "data"}); err != nil {
		t.Fatal(err)
	}
	if got := read(anyone, "k") + read(anyone, "missing"); got != "xAccessDenied" {
		t.Errorf("a public bucket: %s", got)
	}
	status, err := api.GetBucketPolicyStatus.Do(call, &api.GetBucketPolicyStatusInput{Bucket: "data"})
	if err != nil || !*status.PolicyStatus.IsPublic {
		t.Errorf("status %v, %v", status, err)
	}
	if err := setPolicy(call, "Deny", `"*"`, "s3:PutObject", `,"Condition":{"Null":{"s3:x-amz-server-side-encryption":"true"}}`); err != nil {
		t.Fatal(err)
	}
	_, err = api.PutObject.Do(call, &api.PutObjectInput{Bucket: "data", Key: "plain", Body: strings.NewReader("x")})
	servicetest.WantError(t, err, "AccessDenied")
	_, err = api.PutObject.Do(call, &api.PutObjectInput{Bucket: "data", Key: "k", Body: strings.NewReader("x"), ServerSideEncryption: new(api.ServerSideEncryptionAes256)})
	if err != nil {
		t.Error(err)
	}
	_, err = api.PutBucketPolicy.Do(call, &api.PutBucketPolicyInput{Bucket: "data", Policy: `{"Statement":[]}`})
	servicetest.WantError(t, err, "MalformedPolicy")
	_, err = api.PutBucketPolicy.Do(call, &api.PutBucketPolicyInput{Bucket: "data", Policy: `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::other/*"}]}`})
	servicetest.WantError(t, err, "MalformedPolicy")
}

func TestDeleteObjects_AsksForEachKey(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	newBucket(t, call, "data")
	for _, key := range []string{"a", "b", "keep/c"} {
		put(t, call, "data", key, "x")
	}
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::data/keep/*"}]}`
	if _, err := api.PutBucketPolicy.Do(call, &api.PutBucketPolicyInput{Bucket: "data", Policy: policy}); err != nil {
		t.Fatal(err)
	}
	list := []api.ObjectIdentifier{{Key: "a"}, {Key: "b", ETag: new("other")}, {Key: "keep/c"}, {Key: "missing"}, {Key: strings.Repeat("k", 1025)}}
	out, err := api.DeleteObjects.Do(call, &api.DeleteObjectsInput{Bucket: "data", Delete: api.Delete{Objects: list}})
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, d := range out.Deleted {
		text += *d.Key + " "
	}
	for _, e := range out.Errors {
		text += *e.Code + " "
	}
	if text != "a missing AccessDenied KeyTooLongError PreconditionFailed " {
		t.Errorf("result %s", text)
	}
	_, err = api.DeleteObjects.Do(call, &api.DeleteObjectsInput{Bucket: "data", Delete: api.Delete{Objects: make([]api.ObjectIdentifier, 1001)}})
	servicetest.WantError(t, err, "MalformedXML")
}

func TestSSEC_NeedsTheKeyAgain(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "S3-30")
	_, call := newCloud(t)
	newBucket(t, call, "data")
	key, sum := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32))), "mT2HRsMGJ5IX5C+0rreZ8Q=="
	for _, secret := range []string{"secret", strings.Repeat("secret", 10000)} {
		in := &api.PutObjectInput{Bucket: "data", Key: "k", Body: strings.NewReader(secret), SSECustomerAlgorithm: new("AES256"), SSECustomerKey: &key, SSECustomerKeyMD5: &sum}
		_, err := api.PutObject.Do(call, in)
		if err != nil {
			t.Fatal(err)
		}
		for range 4 { // however often it was read, with the key or without
			if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: "k"}); got != "InvalidRequest" {
				t.Errorf("without the key: %.20s", got)
			}
			if got := get(t, call, &api.GetObjectInput{Bucket: "data", Key: "k", SSECustomerAlgorithm: new("AES256"), SSECustomerKey: &key, SSECustomerKeyMD5: &sum}); got != secret {
				t.Errorf("with the key: %.20s", got)
			}
		}
	}
}

func TestBucketPolicy_CanDemandConditionalWrites(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	newBucket(t, call, "data")
	if err := setPolicy(call, "Deny", `"*"`, "s3:PutObject", `,"Condition":{"Null":{"s3:if-none-match":"true"},"Bool":{"s3:ObjectCreationOperation":"true"}}`); err != nil {
		t.Fatal(err)
	}
	in := &api.PutObjectInput{Bucket: "data", Key: "k", Body: strings.NewReader("x")}
	_, err := api.PutObject.Do(call, in)
	servicetest.WantError(t, err, "AccessDenied")
	in.IfNoneMatch = new("*")
	if _, err := api.PutObject.Do(call, in); err != nil {
		t.Error(err)
	}
	if _, err := api.CreateMultipartUpload.Do(call, &api.CreateMultipartUploadInput{Bucket: "data", Key: "k"}); err != nil {
		t.Errorf("an upload creates nothing before it is complete: %v", err)
	}
}
