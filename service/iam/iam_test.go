package iam_test

import (
	"net/url"
	"strings"
	"testing"

	api "drydock/api/iam"
	"drydock/aws"
	"drydock/policy"
	"drydock/service"
	"drydock/service/iam"
	"drydock/service/servicetest"
)

// Documents that tests use.
const (
	allowAll   = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	allowUsers = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:GetUser","Resource":"arn:aws:iam::*:user/team/*"}]}`
	trustEC2   = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	adminARN   = "arn:aws:iam::aws:policy/AdministratorAccess"
	readARN    = "arn:aws:iam::aws:policy/ReadOnlyAccess"
)

func newCloud(t testing.TB) (*servicetest.Cloud, *aws.Call) {
	t.Helper()
	c := servicetest.New(t, func(d service.Deps) []service.Module { return []service.Module{iam.New(d)} })
	return c, c.Call(t)
}

// identity is the cloud's policy.Identity.
func identity(t testing.TB, c *servicetest.Cloud) policy.Identity {
	t.Helper()
	for _, m := range c.Modules {
		if m.Identity != nil {
			return m.Identity
		}
	}
	t.Fatal("the cloud has no identity")
	return nil
}

// must returns an operation's output and fails the test on an error.
func must[Out any](t testing.TB) func(out *Out, err error) *Out {
	return func(out *Out, err error) *Out {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

// do carries out an operation that has to succeed.
func do[In, Out any](t testing.TB, op aws.Op[In, Out], call *aws.Call, in *In) *Out {
	t.Helper()
	return must[Out](t)(op.Do(call, in))
}

// refuse carries out an operation that has to fail with a code and, if one is given, a message.
func refuse[In, Out any](t testing.TB, op aws.Op[In, Out], call *aws.Call, in *In, code, message string) {
	t.Helper()
	_, err := op.Do(call, in)
	servicetest.WantError(t, err, code)
	if err != nil && message != "" && !strings.HasSuffix(err.Error(), ": "+message) {
		t.Errorf("%s: error %q, want message %q", op.Name, err, message)
	}
}

func createUser(t testing.TB, call *aws.Call, name string) api.User {
	t.Helper()
	return *do(t, api.CreateUser, call, &api.CreateUserInput{UserName: name}).User
}

func createRole(t testing.TB, call *aws.Call, name, trust string) {
	t.Helper()
	do(t, api.CreateRole, call, &api.CreateRoleInput{RoleName: name, AssumeRolePolicyDocument: trust})
}

// createPolicy makes a policy that allows everything.
func createPolicy(t testing.TB, call *aws.Call, name string) string {
	t.Helper()
	return *do(t, api.CreatePolicy, call, &api.CreatePolicyInput{PolicyName: name, PolicyDocument: allowAll}).Policy.ARN
}

// caller is a user as the gateway finds it by an access key.
func caller(t testing.TB, c *servicetest.Cloud, call *aws.Call, name string) *aws.Call {
	t.Helper()
	key := do(t, api.CreateAccessKey, call, &api.CreateAccessKeyInput{UserName: &name}).AccessKey
	found, err := identity(t, c).AccessKey(t.Context(), key.AccessKeyID)
	if err != nil {
		t.Fatal(err)
	}
	if found.Secret != key.SecretAccessKey {
		t.Errorf("secret %q, want %q", found.Secret, key.SecretAccessKey)
	}
	return c.CallAs(t, found.Principal, servicetest.Region)
}

func decoded(t testing.TB, document string) string {
	t.Helper()
	text, err := url.PathUnescape(document)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
