package iam_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	api "drydock/api/iam"
	"drydock/aws"
	"drydock/resource"
)

// quoted is a text as JSON.
func quoted(t testing.TB, text string) string {
	t.Helper()
	b, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestResources_OfCredentialsGroupsAndProviders takes each type through its life. Secret properties are given and not told,
// random ones told and not given.
func TestResources_OfCredentialsGroupsAndProviders(t *testing.T) {
	t.Parallel()
	const (
		doc  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`
		doc2 = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}`
	)
	saml := quoted(t, metadata(t))
	leaf, chain, key := quoted(t, strings.TrimSpace(file(t, "leaf.pem"))), quoted(t, strings.TrimSpace(file(t, "intermediate.pem"))), quoted(t, file(t, "leaf.key"))
	for _, test := range []struct {
		name, create, update string
		random, secret       []string
		unknown              string
	}{
		{
			name: "AWS::IAM::Group", create: `{"GroupName":"mine","Path":"/p/","ManagedPolicyArns":["` + readARN + `"],"Policies":[{"PolicyName":"a","PolicyDocument":` + doc + `}]}`,
			update: `{"GroupName":"mine","Path":"/q/","ManagedPolicyArns":["` + adminARN + `"],"Policies":[{"PolicyName":"b","PolicyDocument":` + doc2 + `}]}`,
			random: []string{"Arn"}, unknown: `{"No":1}`,
		},
		{
			name: "AWS::IAM::UserToGroupAddition", create: `{"GroupName":"g","Users":["u","v"]}`, update: `{"GroupName":"h","Users":["v"]}`,
			random: []string{"Id"}, unknown: `{"GroupName":"g","Users":[],"No":1}`,
		},
		{
			name: "AWS::IAM::Policy", create: `{"PolicyName":"p","PolicyDocument":` + doc + `,"Groups":["g"],"Roles":["r"],"Users":["u"]}`,
			update: `{"PolicyName":"q","PolicyDocument":` + doc2 + `,"Roles":["r"],"Users":["v"]}`, random: []string{"Id"}, unknown: `{"PolicyName":"p","PolicyDocument":` + doc + `}`,
		},
		{
			name: "AWS::IAM::UserPolicy", create: `{"UserName":"u","PolicyName":"p","PolicyDocument":` + doc + `}`, update: `{"UserName":"u","PolicyName":"p","PolicyDocument":` + doc2 + `}`,
			unknown: `{"RoleName":"u","PolicyName":"p","PolicyDocument":` + doc + `}`,
		},
		{
			name: "AWS::IAM::GroupPolicy", create: `{"GroupName":"g","PolicyName":"p","PolicyDocument":` + doc + `}`, update: `{"GroupName":"g","PolicyName":"p","PolicyDocument":` + doc2 + `}`,
			unknown: `{"No":1}`,
		},
		{
			name: "AWS::IAM::RolePolicy", create: `{"RoleName":"r","PolicyName":"p","PolicyDocument":` + doc + `}`, update: `{"RoleName":"r","PolicyName":"p","PolicyDocument":` + doc2 + `}`,
			unknown: `{"No":1}`,
		},
		{
			name: "AWS::IAM::OIDCProvider", create: `{"Url":"https://idp.example.com/x","ClientIdList":["a","b"],"ThumbprintList":["` + someThumbprint + `"],"Tags":[{"Key":"k","Value":"v"}]}`,
			update: `{"Url":"https://idp.example.com/x","ClientIdList":["b","c"],"ThumbprintList":["` + strings.Repeat("0", 40) + `"],"Tags":[{"Key":"l","Value":"w"}]}`,
			random: []string{"Arn"}, unknown: `{"No":1}`,
		},
		{
			name: "AWS::IAM::SAMLProvider", create: `{"Name":"adfs","SamlMetadataDocument":` + saml + `,"AddPrivateKey":` + key + `,"AssertionEncryptionMode":"Allowed","Tags":[{"Key":"k","Value":"v"}]}`,
			update: `{"Name":"adfs","SamlMetadataDocument":` + saml + `,"AssertionEncryptionMode":"Required"}`,
			random: []string{"Arn", "SamlProviderUUID"}, secret: []string{"AddPrivateKey"}, unknown: `{"No":1}`,
		},
		{
			name: "AWS::IAM::ServerCertificate", create: `{"ServerCertificateName":"c","Path":"/p/","CertificateBody":` + leaf + `,"CertificateChain":` + chain + `,"PrivateKey":` + key + `}`,
			update: `{"ServerCertificateName":"c","Path":"/q/","CertificateBody":` + leaf + `,"CertificateChain":` + chain + `,"PrivateKey":` + key + `,"Tags":[{"Key":"l","Value":"w"}]}`,
			random: []string{"Arn"}, secret: []string{"PrivateKey"}, unknown: `{"No":1}`,
		},
		{
			name: "AWS::IAM::VirtualMFADevice", create: `{"VirtualMfaDeviceName":"d","Path":"/p/","Users":["u"],"Tags":[{"Key":"k","Value":"v"}]}`,
			update: `{"VirtualMfaDeviceName":"d","Path":"/p/","Users":["u"]}`, random: []string{"SerialNumber"}, unknown: `{"Users":["u","v"]}`,
		},
		{
			name: "AWS::IAM::ServiceLinkedRole", create: `{"AWSServiceName":"autoscaling.amazonaws.com","CustomSuffix":"x","Description":"d"}`,
			update: `{"AWSServiceName":"autoscaling.amazonaws.com","CustomSuffix":"x","Description":"e"}`, random: []string{"RoleName"}, unknown: `{"No":1}`,
		},
		{
			name: "AWS::IAM::User", create: `{"UserName":"w","Path":"/","LoginProfile":{"Password":"Password-1","PasswordResetRequired":true}}`,
			update: `{"UserName":"w","Path":"/"}`, random: []string{"Arn"}, secret: []string{"LoginProfile"}, unknown: `{"LoginProfile":{"Password":"x","No":1}}`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, call := newCloud(t)
			for _, g := range []string{"g", "h"} {
				do(t, api.CreateGroup, call, &api.CreateGroupInput{GroupName: g})
			}
			for _, u := range []string{"u", "v"} {
				createUser(t, call, u)
			}
			createRole(t, call, "r", trustEC2)
			typ := resourceType(t, c, test.name)
			id, err := typ.Create(call, properties(t, test.create))
			if err != nil || id == "" {
				t.Fatalf("created %q, %v", id, err)
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
				given, told := properties(t, want), maps.Clone(got)
				for _, name := range test.secret {
					delete(given, name)
					delete(told, name)
				}
				if diff := cmp.Diff(plain(t, given), plain(t, told, test.random...)); diff != "" {
					t.Error(diff)
				}
				return got
			}
			if err := typ.Update(call, id, read(test.create), properties(t, test.update)); err != nil {
				t.Fatal(err)
			}
			read(test.update)
			if ids, err := typ.List(call); err != nil || !slices.Contains(ids, id) {
				t.Errorf("listed %v, %v", ids, err)
			}
			if err := typ.Delete(call, id); err != nil {
				t.Error(err)
			}
			c.WaitIdle(t)
			if _, err := typ.Read(call, id); !aws.IsError(err, "NoSuchEntity") {
				t.Errorf("read after deletion: %v", err)
			}
			if err := typ.Delete(call, id); !aws.IsError(err, "NoSuchEntity") {
				t.Errorf("deleted twice: %v", err)
			}
		})
	}
}

func TestResources_PolicyStaysWhereAnotherOnePutIt(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	createUser(t, call, "u")
	createUser(t, call, "v")
	typ := resourceType(t, c, "AWS::IAM::Policy")
	var ids []string
	for _, u := range []string{"u", "v"} {
		id, err := typ.Create(call, properties(t, fmt.Sprintf(`{"PolicyName":"same","PolicyDocument":%s,"Users":[%q]}`, allowAll, u)))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if err := typ.Delete(call, ids[0]); err != nil {
		t.Fatal(err)
	}
	refuse(t, api.GetUserPolicy, call, &api.GetUserPolicyInput{UserName: "u", PolicyName: "same"}, "NoSuchEntity", "")
	do(t, api.GetUserPolicy, call, &api.GetUserPolicyInput{UserName: "v", PolicyName: "same"})
}
