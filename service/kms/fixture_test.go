package kms_test

import (
	"context"
	"strings"
	"testing"

	"drydock/api/iam"
	api "drydock/api/kms"
	"drydock/aws"
	"drydock/policy"
	"drydock/service"
	"drydock/service/kms"
	"drydock/service/servicetest"
)

// people are the users of the cloud under test: their policies by name.
type people map[string]string

func (people) AccessKey(context.Context, string) (policy.AccessKey, error) {
	return policy.AccessKey{}, policy.ErrUnknownKey
}

func (people) Password(context.Context, string, string, string) (aws.Principal, error) {
	return aws.Principal{}, policy.ErrUnknownKey
}

func (u people) Grants(_ context.Context, p *aws.Principal) (policy.Grants, error) {
	text, ok := u[p.Name]
	if !ok {
		return policy.Grants{}, nil
	}
	doc, err := documents.Parse(policy.KindManaged, `{"Version":"2012-10-17","Statement":[`+text+`]}`)
	return policy.Grants{Identity: []policy.Source{{Name: p.Name, Document: doc}}}, err
}

// documents remembers the users' policies, as IAM does.
var documents policy.Cache

// all lets a user do everything.
const all = `{"Effect":"Allow","Action":"*","Resource":"*"}`

// conditional lets a user grant to a certain principal.
const conditional = `{"Effect":"Allow","Action":"kms:CreateGrant","Resource":"*","Condition":{"StringLike":{"kms:GranteePrincipal":"*/other"}}}`

// newCloud returns a cloud with users: "admin" may do everything, "conditional" create some grants, "guest" nothing.
func newCloud(t testing.TB, options ...servicetest.Option) (*servicetest.Cloud, *aws.Call) {
	t.Helper()
	c := servicetest.New(t, func(d service.Deps) []service.Module {
		return []service.Module{kms.New(d), {API: iam.API, Identity: people{"admin": all, "conditional": conditional}}}
	}, options...)
	return c, c.Call(t)
}

// user returns a call by a user of the account.
func user(t testing.TB, c *servicetest.Cloud, account, name string) *aws.Call {
	t.Helper()
	return c.CallAs(t, aws.Principal{
		Type: aws.PrincipalUser, Account: account, Name: name, ID: "AIDA" + strings.ToUpper(name), ARN: userARN(account, name),
	}, servicetest.Region)
}

func userARN(account, name string) string { return "arn:aws:iam::" + account + ":user/" + name }

// via returns the call as a service makes it on the caller's behalf.
func via(call *aws.Call, service string) *aws.Call {
	next := *call
	next.Request.ViaService = service
	return &next
}

// createKey makes a key and returns its metadata.
func createKey(t testing.TB, call *aws.Call, in *api.CreateKeyInput) *api.KeyMetadata {
	t.Helper()
	out, err := api.CreateKey.Do(call, in)
	if err != nil {
		t.Fatal(err)
	}
	return out.KeyMetadata
}

// encrypt encrypts a text.
func encrypt(t testing.TB, call *aws.Call, key, text string, context map[string]string) []byte {
	t.Helper()
	out, err := api.Encrypt.Do(call, &api.EncryptInput{KeyID: key, Plaintext: []byte(text), EncryptionContext: context})
	if err != nil {
		t.Fatal(err)
	}
	return out.CiphertextBlob
}

// decrypt returns the text in a ciphertext, or the error.
func decrypt(call *aws.Call, blob []byte, context map[string]string) (string, error) {
	out, err := api.Decrypt.Do(call, &api.DecryptInput{CiphertextBlob: blob, EncryptionContext: context})
	if err != nil {
		return "", err
	}
	return string(out.Plaintext), nil
}

// wantMessage fails the test unless err has the AWS error code and message.
func wantMessage(t testing.TB, err error, code, message string) {
	t.Helper()
	if err == nil || aws.ErrorCode(err) != code || err.Error() != code+": "+message {
		t.Errorf("error %v, want %s: %s", err, code, message)
	}
}
