package s3_test

import (
	"encoding/json"
	"strings"
	"testing"

	"drydock/resource"
	"drydock/service/servicetest"
)

func resourceType(t *testing.T, c *servicetest.Cloud, name string) resource.Type {
	t.Helper()
	for _, m := range c.Modules {
		for _, r := range m.Resources {
			if r.Name == name {
				return r
			}
		}
	}
	t.Fatalf("no resource type %s", name)
	return resource.Type{}
}

func properties(t *testing.T, text string) (p resource.Properties) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestBucketResource(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	call = call.In("eu-west-1")
	typ := resourceType(t, c, "AWS::S3::Bucket")
	id, err := typ.Create(call, properties(t, `{"BucketName":"made","VersioningConfiguration":{"Status":"Enabled"},"Tags":[{"Key":"a","Value":"b"}],
		"PublicAccessBlockConfiguration":{"BlockPublicAcls":true,"BlockPublicPolicy":false}}`))
	if err != nil || id != "made" {
		t.Fatalf("create: %s, %v", id, err)
	}
	read := func() string {
		t.Helper()
		p, err := typ.Read(call, id)
		if err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	text := read()
	for _, want := range []string{`{"Status":"Enabled"}`, `"BlockPublicPolicy":false`, `"RegionalDomainName":"made.s3.eu-west-1.amazonaws.com"`, `[{"Key":"a","Value":"b"}]`} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not in %s", want, text)
		}
	}
	_, err = typ.Create(call, properties(t, `{"BucketName":"made"}`))
	servicetest.WantError(t, err, "BucketAlreadyOwnedByYou")
	_, err = typ.Create(call, properties(t, `{"BucketName":"other","WebsiteConfiguration":{}}`))
	servicetest.WantError(t, err, "ValidationException")
	current, err := typ.Read(call, id)
	if err == nil {
		err = typ.Update(call, id, current, properties(t, `{"BucketName":"made"}`))
	}
	if err != nil {
		t.Fatal(err)
	}
	if text := read(); !strings.Contains(text, `"Suspended"`) || strings.Contains(text, `"Tags"`) || !strings.Contains(text, `"BlockPublicPolicy":true`) {
		t.Errorf("updated: %s", text)
	}
	policy := resourceType(t, c, "AWS::S3::BucketPolicy")
	doc := `{"Bucket":"made","PolicyDocument":{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::made/*"}]}}`
	if _, err := policy.Create(call, properties(t, doc)); err != nil {
		t.Fatal(err)
	}
	if p, err := policy.Read(call, id); err != nil || !strings.Contains(string(p["PolicyDocument"]), `"Deny"`) {
		t.Errorf("policy: %s, %v", p, err)
	}
	if err := policy.Delete(call, id); err != nil {
		t.Error(err)
	}
	names, err := typ.List(call)
	if err != nil || len(names) != 1 || names[0] != id {
		t.Errorf("list: %v, %v", names, err)
	}
	if err := typ.Delete(call, id); err != nil {
		t.Error(err)
	}
	_, err = typ.Read(call, id)
	servicetest.WantError(t, err, "NoSuchBucket")
}
