package iam_test

import (
	"encoding/json"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	api "drydock/api/iam"
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

// plain are properties without those that differ from run to run.
func plain(t *testing.T, p resource.Properties, random ...string) any {
	t.Helper()
	for _, name := range random {
		if p[name] == nil {
			t.Errorf("no property %s", name)
		}
		delete(p, name)
	}
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestResources(t *testing.T) {
	t.Parallel()
	const (
		doc  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`
		doc2 = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}`
	)
	for _, test := range []struct {
		name, id, create, update string
		random                   []string
		unknown                  string
	}{
		{
			"AWS::IAM::Role", "r",
			`{"RoleName":"r","AssumeRolePolicyDocument":` + trustEC2 + `,"Path":"/p/","MaxSessionDuration":3600,"Description":"d","ManagedPolicyArns":["` + readARN + `"],
				"Policies":[{"PolicyName":"a","PolicyDocument":` + doc + `},{"PolicyName":"b","PolicyDocument":` + doc + `}],"Tags":[{"Key":"k","Value":"v"}]}`,
			`{"RoleName":"r","AssumeRolePolicyDocument":` + trustEC2 + `,"Path":"/p/","MaxSessionDuration":7200,"ManagedPolicyArns":["` + adminARN + `"],
				"Policies":[{"PolicyName":"a","PolicyDocument":` + doc2 + `}],"PermissionsBoundary":"` + readARN + `","Tags":[{"Key":"l","Value":"w"}]}`,
			[]string{"Arn", "RoleId"}, `{"RoleName":"x","AssumeRolePolicyDocument":` + trustEC2 + `,"No":1}`,
		},
		{
			"AWS::IAM::User", "u",
			`{"UserName":"u","Path":"/","Groups":["g"],"Policies":[{"PolicyName":"a","PolicyDocument":` + doc + `}],"PermissionsBoundary":"` + readARN + `"}`,
			`{"UserName":"u","Path":"/x/","ManagedPolicyArns":["` + readARN + `"],"Tags":[{"Key":"l","Value":"w"}]}`,
			[]string{"Arn"}, `{"LoginProfile":{"Word":"x"}}`,
		},
		{
			"AWS::IAM::ManagedPolicy", "arn:aws:iam::111122223333:policy/p/mine",
			`{"ManagedPolicyName":"mine","Path":"/p/","Description":"d","PolicyDocument":` + doc + `,"Groups":["g"],"Roles":["holder"]}`,
			`{"ManagedPolicyName":"mine","Path":"/p/","Description":"d","PolicyDocument":` + doc2 + `,"Roles":["holder"]}`,
			[]string{"PolicyArn", "PolicyId"}, `{"PolicyDocument":` + doc + `,"No":1}`,
		},
		{
			"AWS::IAM::InstanceProfile", "ip", `{"InstanceProfileName":"ip","Path":"/p/","Roles":["holder"]}`,
			`{"InstanceProfileName":"ip","Path":"/p/","Roles":["holder2"]}`, []string{"Arn"}, `{"No":1}`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, call := newCloud(t)
			do(t, api.CreateGroup, call, &api.CreateGroupInput{GroupName: "g"})
			createRole(t, call, "holder", trustEC2)
			createRole(t, call, "holder2", trustEC2)
			typ := resourceType(t, c, test.name)
			id, err := typ.Create(call, properties(t, test.create))
			if err != nil || id != test.id {
				t.Fatalf("created %q, %v", id, err)
			}
			if _, err := typ.Create(call, properties(t, test.create)); !aws.IsError(err, "EntityAlreadyExists") {
				t.Errorf("created twice: %v", err)
			}
			if _, err := typ.Create(call, properties(t, test.unknown)); !aws.IsError(err, "ValidationException") {
				t.Errorf("created with an unknown property: %v", err)
			}
			read := func(want string) resource.Properties {
				t.Helper()
				got, err := typ.Read(call, id)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(plain(t, properties(t, want)), plain(t, maps.Clone(got), test.random...)); diff != "" {
					t.Error(diff)
				}
				return got
			}
			if err := typ.Update(call, id, read(test.create), properties(t, test.update)); err != nil {
				t.Fatal(err)
			}
			read(test.update)
			ids, err := typ.List(call)
			if err != nil || len(ids) == 0 {
				t.Errorf("listed %v, %v", ids, err)
			}
			if err := typ.Delete(call, id); err != nil {
				t.Error(err)
			}
			if _, err := typ.Read(call, id); !aws.IsError(err, "NoSuchEntity") {
				t.Errorf("read after deletion: %v", err)
			}
		})
	}
}
