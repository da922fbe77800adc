package kms_test

import (
	"encoding/json"
	"slices"
	"testing"

	api "drydock/api/kms"
	"drydock/aws"
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

func properties(t *testing.T, text string) resource.Properties {
	t.Helper()
	var p resource.Properties
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestKeyResource_IsManaged(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	r := resourceType(t, c, "AWS::KMS::Key")
	const policy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"}]}`
	id, err := r.Create(call, properties(t, `{"Description":"one","EnableKeyRotation":true,"RotationPeriodInDays":100,"KeyPolicy":`+policy+`,
		"PendingWindowInDays":7,"Tags":[{"Key":"a","Value":"1"},{"Key":"b","Value":"2"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	current, err := r.Read(call, id)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Description": `"one"`, "Enabled": "true", "EnableKeyRotation": "true", "RotationPeriodInDays": "100", "KeyPolicy": policy,
		"KeySpec": `"SYMMETRIC_DEFAULT"`, "KeyUsage": `"ENCRYPT_DECRYPT"`, "Origin": `"AWS_KMS"`, "MultiRegion": "false",
		"Tags": `[{"Key":"a","Value":"1"},{"Key":"b","Value":"2"}]`, "KeyId": `"` + id + `"`,
	} {
		if string(current[name]) != want {
			t.Errorf("%s is %s, want %s", name, current[name], want)
		}
	}
	desired := properties(t, `{"Description":"two","Enabled":false,"EnableKeyRotation":false,"Tags":[{"Key":"b","Value":"3"},{"Key":"c","Value":"4"}]}`)
	if err := r.Update(call, id, current, desired); err != nil {
		t.Fatal(err)
	}
	if current, err = r.Read(call, id); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Description": `"two"`, "Enabled": "false", "EnableKeyRotation": "false", "Tags": `[{"Key":"b","Value":"3"},{"Key":"c","Value":"4"}]`,
	} {
		if string(current[name]) != want {
			t.Errorf("%s is %s, want %s", name, current[name], want)
		}
	}
	if err := r.Update(call, id, current, properties(t, `{"Enabled":true,"EnableKeyRotation":true}`)); err != nil {
		t.Error(err)
	}
	if ids, err := r.List(call); err != nil || !slices.Equal(ids, []string{id}) {
		t.Errorf("list %v, %v", ids, err)
	}
	if err := r.Delete(call, id); err != nil {
		t.Error(err)
	}
	_, err = r.Read(call, id)
	servicetest.WantError(t, err, "NotFoundException")
	servicetest.WantError(t, r.Delete(call, id), "NotFoundException")
	_, err = r.Create(call, properties(t, `{"Color":"red"}`))
	servicetest.WantError(t, err, "ValidationException")
}

func TestReplicaResource_IsManaged(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	primary := createKey(t, call, &api.CreateKeyInput{MultiRegion: new(true)})
	west := call.In("us-west-2")
	r := resourceType(t, c, "AWS::KMS::ReplicaKey")
	id, err := r.Create(west, properties(t, `{"PrimaryKeyArn":"`+*primary.ARN+`","Description":"copy","Enabled":false,"Tags":[{"Key":"a","Value":"1"}]}`))
	if err != nil || id != primary.KeyID {
		t.Fatal(id, err)
	}
	current, err := r.Read(west, id)
	if err != nil || string(current["PrimaryKeyArn"]) != `"`+*primary.ARN+`"` || string(current["Enabled"]) != "false" || string(current["Description"]) != `"copy"` {
		t.Errorf("read %s, %v", current, err)
	}
	if ids, err := r.List(west); err != nil || !slices.Equal(ids, []string{id}) {
		t.Errorf("list %v, %v", ids, err)
	}
	if ids, err := resourceType(t, c, "AWS::KMS::Key").List(west); err != nil || len(ids) != 0 {
		t.Errorf("list of primary keys %v, %v", ids, err)
	}
	if err := r.Delete(west, id); err != nil {
		t.Error(err)
	}
	_, err = r.Create(west, properties(t, `{"PrimaryKeyArn":"x"}`))
	servicetest.WantError(t, err, "InvalidArnException")
}

func TestAliasResource_IsManaged(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	one, two := createKey(t, call, &api.CreateKeyInput{}), createKey(t, call, &api.CreateKeyInput{})
	describe(t, call, "alias/aws/s3")
	r := resourceType(t, c, "AWS::KMS::Alias")
	id, err := r.Create(call, properties(t, `{"AliasName":"alias/a","TargetKeyId":"`+one.KeyID+`"}`))
	if err != nil || id != "alias/a" {
		t.Fatal(id, err)
	}
	if err := r.Update(call, id, nil, properties(t, `{"AliasName":"alias/a","TargetKeyId":"`+two.KeyID+`"}`)); err != nil {
		t.Error(err)
	}
	if current, err := r.Read(call, id); err != nil || string(current["TargetKeyId"]) != `"`+two.KeyID+`"` {
		t.Errorf("read %s, %v", current, err)
	}
	if ids, err := r.List(call); err != nil || !slices.Equal(ids, []string{id}) {
		t.Errorf("list %v, %v", ids, err)
	}
	if err := r.Delete(call, id); err != nil {
		t.Error(err)
	}
	if _, err := r.Read(call, id); !aws.IsError(err, "NotFoundException") {
		t.Error(err)
	}
	_, err = r.Read(call, one.KeyID)
	servicetest.WantError(t, err, "NotFoundException")
}
