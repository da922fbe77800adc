package policy

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"drydock/aws"

	"github.com/google/go-cmp/cmp"
)

// cloud is a Cloud whose clock stands.
type cloud struct {
	aws.Cloud
	now time.Time
}

func (c cloud) Now() time.Time  { return c.now }
func (cloud) Random() io.Reader { return &bytes.Buffer{} }
func (cloud) Invoke(*aws.Call, *aws.Operation, any) (any, error) {
	return nil, aws.NewError(501, "NotImplemented", "nothing is invoked here")
}

func TestContext(t *testing.T) {
	t.Parallel()
	now := time.Date(2024, 6, 1, 12, 0, 0, 0, time.UTC)
	user := *cast["bob"]
	user.Tags = map[string]string{"Team": "blue"}
	role := *cast["dev"]
	role.Session = &aws.Session{Issued: now.Add(-90 * time.Second), MFA: true, SourceIdentity: "alice", Provider: "arn:aws:iam::111122223333:saml-provider/x"}
	http := aws.RequestInfo{Host: "h", SourceIP: "192.0.2.1", UserAgent: "aws-cli", SignedAt: now.Add(-time.Second), Presigned: true, PayloadHash: "UNSIGNED-PAYLOAD"}
	calls := map[string]*aws.Call{
		"user":      {Cloud: cloud{now: now}, Region: "eu-west-1", Principal: user, Request: http},
		"role":      {Cloud: cloud{now: now}, Region: "eu-west-1", Principal: role, Request: aws.RequestInfo{ViaService: "cloudformation.amazonaws.com"}},
		"service":   {Cloud: cloud{now: now}, Region: "eu-west-1", Principal: *cast["codebuild"]},
		"anonymous": {Cloud: cloud{now: now}, Region: "eu-west-1", Request: http},
		"root":      {Cloud: cloud{now: now}, Region: "eu-west-1", Principal: *cast["root"], Request: http},
	}
	cases := []struct{ call, key, want string }{
		{"user", "aws:CurrentTime", "2024-06-01T12:00:00Z"},
		{"user", "aws:EpochTime", "1717243200"},
		{"user", "aws:SourceIp", "192.0.2.1"},
		{"role", "aws:SourceIp", "-"},
		{"user", "aws:SecureTransport", "false"},
		{"role", "aws:SecureTransport", "true"},
		{"user", "aws:UserAgent", "aws-cli"},
		{"user", "aws:PrincipalArn", "arn:aws:iam::111122223333:user/bob"},
		{"role", "aws:PrincipalArn", "arn:aws:iam::111122223333:role/dev"},
		{"service", "aws:PrincipalArn", "-"},
		{"anonymous", "aws:PrincipalArn", "-"},
		{"root", "aws:PrincipalArn", "arn:aws:iam::111122223333:root"},
		{"user", "aws:PrincipalAccount", "111122223333"},
		{"user", "aws:PrincipalType", "User"},
		{"role", "aws:PrincipalType", "AssumedRole"},
		{"root", "aws:PrincipalType", "Account"},
		{"anonymous", "aws:PrincipalType", "Anonymous"},
		{"user", "aws:PrincipalTag/team", "blue"},
		{"user", "aws:PrincipalTag/other", "-"},
		{"service", "aws:PrincipalIsAWSService", "true"},
		{"user", "aws:PrincipalIsAWSService", "false"},
		{"service", "aws:PrincipalServiceName", "codebuild.amazonaws.com"},
		{"user", "aws:PrincipalServiceName", "-"},
		{"user", "aws:userid", "AIDAEXAMPLEEXAMPLE123"},
		{"role", "aws:userid", "AROAEXAMPLEEXAMPLE123:alice"},
		{"anonymous", "aws:userid", "anonymous"},
		{"user", "aws:username", "bob"},
		{"role", "aws:username", "-"},
		{"user", "aws:RequestedRegion", "eu-west-1"},
		{"user", "aws:MultiFactorAuthPresent", "-"},
		{"role", "aws:MultiFactorAuthPresent", "true"},
		{"role", "aws:MultiFactorAuthAge", "90"},
		{"role", "aws:TokenIssueTime", "2024-06-01T11:58:30Z"},
		{"user", "aws:TokenIssueTime", "-"},
		{"role", "aws:SourceIdentity", "alice"},
		{"role", "aws:FederatedProvider", "arn:aws:iam::111122223333:saml-provider/x"},
		{"role", "aws:ViaAWSService", "true"},
		{"user", "aws:ViaAWSService", "false"},
		{"role", "aws:CalledVia", "cloudformation.amazonaws.com"},
		{"user", "aws:CalledViaFirst", "-"},
		{"user", "aws:ResourceAccount", "444455556666"},
		{"user", "aws:ResourceTag/Env", "prod"},
		{"user", "aws:RequestTag/Env", "dev"},
		{"user", "aws:TagKeys", "Env"},
		{"user", "s3:authType", "REST-QUERY-STRING"},
		{"user", "s3:signatureversion", "AWS4-HMAC-SHA256"},
		{"role", "s3:signatureversion", "-"},
		{"user", "s3:signatureAge", "1000"},
		{"user", "s3:x-amz-content-sha256", "UNSIGNED-PAYLOAD"},
		{"user", "s3:prefix", "home/"},
		{"user", "s3:delimiter", "-"},
		{"user", "aws:Referer", "http://x"},
	}
	for _, c := range cases {
		t.Run(c.call+" "+c.key, func(t *testing.T) {
			t.Parallel()
			ctx := NewContext(calls[c.call])
			ctx.ResourceAccount = away
			ctx.ResourceTags = map[string]string{"Env": "prod"}
			ctx.RequestTags = map[string]string{"Env": "dev"}
			// The request's own keys must not stand in for what the cloud knows better.
			ctx.Keys = Map{"s3:prefix": {"home/"}, "aws:referer": {"http://x"}, "aws:username": {"forged"}, "aws:principalservicename": {"forged"},
				"aws:tokenissuetime": {"forged"}, "aws:sourceip": {"forged"}, "aws:calledviafirst": {"forged"}, "aws:principaltag/other": {"forged"}}
			values, ok := ctx.Values(strings.ToLower(c.key))
			want := []string{c.want}
			if c.want == "-" {
				want = nil
			}
			if ok != (want != nil) {
				t.Fatalf("got %q, %v", values, ok)
			}
			if diff := cmp.Diff(want, append([]string(nil), values...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestContext_ValueAndVariableInOneCondition(t *testing.T) {
	t.Parallel()
	user := *cast["bob"]
	user.Tags = map[string]string{"owner": "alice"}
	doc := `[{"Effect":"Allow","Action":"k:*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/owner":["${aws:username}","x"]}}}]`
	req := &Request{
		Principal: &user, Action: "k:Do", Resource: "*", Context: NewContext(&aws.Call{Principal: user}),
		Identity: sources(t, "p", KindInline, "", []byte(doc)),
	}
	if Evaluate(req).Allowed {
		t.Error("alice is not bob")
	}
}
