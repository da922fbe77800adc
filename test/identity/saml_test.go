package identity

import (
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"drydock/api/iam"
	api "drydock/api/sts"
	"drydock/aws"
	"drydock/ledger"
	"drydock/service/servicetest"
)

const (
	samlProvider = "arn:aws:iam::111122223333:saml-provider/ADFS"
	devRole      = "arn:aws:iam::111122223333:role/ADFS-Dev"
	opsRole      = "arn:aws:iam::111122223333:role/ADFS-Ops"
)

// vector is a response, or metadata, that another implementation made for the time at which tests begin: see
// lang/saml/testdata/vectors.py.
func vector(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile("../../lang/saml/testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// trustSAML is a trust policy for a provider.
func trustSAML(provider string, more ...string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":%q},"Action":["sts:AssumeRoleWithSAML","sts:TagSession"]%s}]}`,
		provider, strings.Join(more, ""))
}

// directory makes a cloud that trusts the identity provider of the vectors.
func directory(t testing.TB) (*cloud, *aws.Call) {
	t.Helper()
	c, call := newCloud(t)
	do(t, iam.CreateSAMLProvider, call, &iam.CreateSAMLProviderInput{Name: "ADFS", SAMLMetadataDocument: vector(t, "metadata.xml")})
	createRole(t, call, "ADFS-Dev", trustSAML(samlProvider, `,"Condition":{"StringEquals":{"SAML:aud":"https://signin.aws.amazon.com/saml"}}`))
	do(t, iam.AttachRolePolicy, call, &iam.AttachRolePolicyInput{RoleName: "ADFS-Dev", PolicyARN: adminARN})
	return c, call
}

// anyone is a call by someone without credentials.
func (c *cloud) anyone(t testing.TB) *aws.Call {
	t.Helper()
	call := c.Call(t)
	call.Principal = aws.Principal{Type: aws.PrincipalAnonymous}
	return call
}

func present(response string) *api.AssumeRoleWithSAMLInput {
	return &api.AssumeRoleWithSAMLInput{RoleARN: devRole, PrincipalARN: samlProvider, SAMLAssertion: base64.StdEncoding.EncodeToString([]byte(response))}
}

func TestAssumeRoleWithSAML_AcceptsWhatTheProviderSigned(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "IAM-04")
	c, _ := directory(t)
	for _, name := range []string{"assertion-sha1", "assertion-sha256", "assertion-sha384", "assertion-sha512", "assertion-ecdsa", "response-sha256", "both-sha256"} {
		out := do(t, api.AssumeRoleWithSAML, c.anyone(t), present(vector(t, name+".xml")))
		if *out.Subject != `CORP\alice` || *out.SubjectType != "persistent" || *out.Issuer != "https://idp.example.com/adfs/services/trust" ||
			*out.Audience != "https://signin.aws.amazon.com/saml" || *out.NameQualifier == "" {
			t.Errorf("%s: %+v", name, out)
		}
		s := c.with(t, out.Credentials)
		if s.Principal.ARN != "arn:aws:sts::111122223333:assumed-role/ADFS-Dev/alice@example.com" || s.Principal.Tags["Team"] != "blue" ||
			!s.Principal.Session.Expires.Equal(servicetest.Start.Add(time.Hour)) {
			t.Errorf("%s: %+v", name, s.Principal)
		}
		do(t, iam.ListUsers, s, &iam.ListUsersInput{})
	}
}

func TestAssumeRoleWithSAML_RefusesTamperedAndForeign(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "IAM-04")
	c, call := directory(t)
	good := vector(t, "assertion-sha256.xml")
	for name, test := range map[string]struct{ response, code, message string }{
		"foreign key":       {vector(t, "assertion-foreign.xml"), "InvalidIdentityToken", "Response signature invalid"},
		"tampered":          {strings.Replace(good, "alice@", "root@", 1), "InvalidIdentityToken", "Response signature invalid"},
		"tampered role":     {strings.Replace(good, "ADFS-Dev", "Admin", 1), "InvalidIdentityToken", "Response signature invalid"},
		"a second, forged":  {strings.Replace(good, "</samlp:Response>", `<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"/></samlp:Response>`, 1), "InvalidIdentityToken", ""},
		"not XML":           {"hello", "InvalidIdentityToken", ""},
		"a failed log-in":   {strings.Replace(good, "status:Success", "status:Responder", 1), "IDPRejectedClaim", ""},
		"encrypted for us?": {vector(t, "encrypted-gcm.xml"), "InvalidIdentityToken", "cannot be decrypted"},
	} {
		_, err := api.AssumeRoleWithSAML.Do(c.anyone(t), present(test.response))
		servicetest.WantError(t, err, test.code)
		if err == nil || !strings.Contains(err.Error(), test.message) {
			t.Errorf("%s: %v", name, err)
		}
	}
	in := present(good)
	in.SAMLAssertion = "!!!!"
	refuse(t, api.AssumeRoleWithSAML, c.anyone(t), in, "InvalidIdentityToken", "Invalid base64 SAMLResponse")
	in = present(good)
	in.PrincipalARN = "arn:aws:iam::111122223333:saml-provider/other"
	refuse(t, api.AssumeRoleWithSAML, c.anyone(t), in, "InvalidIdentityToken", "Specified provider doesn't exist")
	// A role that the assertion does not name, one that does not exist, one that does not trust the provider.
	in = present(good)
	in.RoleARN = "arn:aws:iam::111122223333:role/Admin"
	refuse(t, api.AssumeRoleWithSAML, c.anyone(t), in, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithSAML")
	in.RoleARN = opsRole
	refuse(t, api.AssumeRoleWithSAML, c.anyone(t), in, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithSAML")
	createRole(t, call, "ADFS-Ops", trust(call.Principal.ARN))
	refuse(t, api.AssumeRoleWithSAML, c.anyone(t), in, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithSAML")
	in.RoleARN = "arn:aws:iam::111122223333:user/x-long-enough"
	refuse(t, api.AssumeRoleWithSAML, c.anyone(t), in, "ValidationError", "")
	// A provider whose metadata are another's.
	do(t, iam.UpdateSAMLProvider, call, &iam.UpdateSAMLProviderInput{SAMLProviderARN: samlProvider,
		SAMLMetadataDocument: new(strings.Replace(vector(t, "metadata.xml"), "idp.example.com/adfs/services", "other.example.com", 1))})
	refuse(t, api.AssumeRoleWithSAML, c.anyone(t), present(good), "InvalidIdentityToken", "Issuer not present in specified provider")
}

func TestAssumeRoleWithSAML_ConditionsOfTrust(t *testing.T) {
	t.Parallel()
	c, call := directory(t)
	for condition, want := range map[string]bool{
		`"StringEquals":{"saml:sub":"CORP\\alice"}`:                                                  true,
		`"StringEquals":{"saml:sub":"CORP\\bob"}`:                                                    false,
		`"StringEquals":{"saml:sub_type":"persistent"}`:                                              true,
		`"StringEquals":{"saml:iss":"https://idp.example.com/adfs/services/trust"}`:                  true,
		`"StringEquals":{"saml:doc":"111122223333/ADFS"}`:                                            true,
		`"StringEquals":{"saml:aud":"https://example.com"}`:                                          false,
		`"StringLike":{"sts:RoleSessionName":"*@example.com"}`:                                       true,
		`"StringEquals":{"aws:RequestTag/Team":"blue"}`:                                              true,
		`"StringEquals":{"aws:RequestTag/Team":"red"}`:                                               false,
		`"ForAllValues:StringEquals":{"aws:TagKeys":["Team"]},"Null":{"saml:namequalifier":"false"}`: true,
		`"ForAnyValue:StringEquals":{"saml:eduPersonAffiliation":"student"}`:                         false,
		`"StringEquals":{"aws:FederatedProvider":"arn:aws:iam::111122223333:saml-provider/ADFS"}`:    true,
		`"StringEquals":{"aws:PrincipalTag/Team":"blue"}`:                                            false,
	} {
		do(t, iam.UpdateAssumeRolePolicy, call, &iam.UpdateAssumeRolePolicyInput{RoleName: "ADFS-Dev", PolicyDocument: trustSAML(samlProvider, `,"Condition":{`+condition+`}`)})
		_, err := api.AssumeRoleWithSAML.Do(c.anyone(t), present(vector(t, "assertion-sha256.xml")))
		if (err == nil) != want || err != nil && !aws.IsError(err, "AccessDenied") {
			t.Errorf("%s: %v", condition, err)
		}
	}
	// Tags need a permission of their own.
	do(t, iam.UpdateAssumeRolePolicy, call, &iam.UpdateAssumeRolePolicyInput{RoleName: "ADFS-Dev", PolicyDocument: strings.Replace(trustSAML(samlProvider), `,"sts:TagSession"`, "", 1)})
	refuse(t, api.AssumeRoleWithSAML, c.anyone(t), present(vector(t, "assertion-sha256.xml")), "AccessDenied", "")
	// What the session's own policies may ask.
	do(t, iam.UpdateAssumeRolePolicy, call, &iam.UpdateAssumeRolePolicyInput{RoleName: "ADFS-Dev", PolicyDocument: trustSAML(samlProvider)})
	do(t, iam.DetachRolePolicy, call, &iam.DetachRolePolicyInput{RoleName: "ADFS-Dev", PolicyARN: adminARN})
	do(t, iam.PutRolePolicy, call, &iam.PutRolePolicyInput{RoleName: "ADFS-Dev", PolicyName: "p",
		PolicyDocument: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*","Condition":{"StringEquals":{"saml:sub":"CORP\\alice","aws:PrincipalTag/Team":"blue"}}}]}`})
	s := c.with(t, do(t, api.AssumeRoleWithSAML, c.anyone(t), present(vector(t, "assertion-sha256.xml"))).Credentials)
	do(t, iam.ListUsers, s, &iam.ListUsersInput{})
	refuse(t, iam.ListRoles, s, &iam.ListRolesInput{}, "AccessDenied", "")
}

func TestAssumeRoleWithSAML_HasItsTime(t *testing.T) {
	t.Parallel()
	c, call := directory(t)
	do(t, iam.UpdateRole, call, &iam.UpdateRoleInput{RoleName: "ADFS-Dev", MaxSessionDuration: new(int32(43200))})
	in := present(vector(t, "assertion-sha256.xml"))
	in.DurationSeconds = new(int32(43200))
	// The session at the identity provider ends at 07:04.
	if k := do(t, api.AssumeRoleWithSAML, c.anyone(t), in).Credentials; k.Expiration.Format("15:04:05") != "07:04:00" {
		t.Errorf("session ends %s", k.Expiration)
	}
	in.Policy = new(allow("iam:GetUser", "*"))
	s := c.with(t, do(t, api.AssumeRoleWithSAML, c.anyone(t), in).Credentials)
	refuse(t, iam.ListUsers, s, &iam.ListUsersInput{}, "AccessDenied", "no session policy allows")
	c.Advance(t, 6*time.Minute)
	refuse(t, api.AssumeRoleWithSAML, c.anyone(t), in, "ExpiredTokenException", "Token must be redeemed within 5 minutes of issuance")
}

func TestAssumeRoleWithSAML_DecryptsWhatItMust(t *testing.T) {
	t.Parallel()
	c, call := directory(t)
	mode := iam.AssertionEncryptionModeTypeRequired
	do(t, iam.UpdateSAMLProvider, call, &iam.UpdateSAMLProviderInput{
		SAMLProviderARN: samlProvider, AddPrivateKey: new(vector(t, "decrypt.key.pem")), AssertionEncryptionMode: &mode,
	})
	for _, name := range []string{"encrypted-cbc.xml", "encrypted-gcm.xml"} {
		do(t, api.AssumeRoleWithSAML, c.anyone(t), present(vector(t, name)))
	}
	refuse(t, api.AssumeRoleWithSAML, c.anyone(t), present(vector(t, "assertion-sha256.xml")), "InvalidIdentityToken", "not encrypted")
	mode = iam.AssertionEncryptionModeTypeAllowed
	do(t, iam.UpdateSAMLProvider, call, &iam.UpdateSAMLProviderInput{SAMLProviderARN: samlProvider, AssertionEncryptionMode: &mode})
	do(t, api.AssumeRoleWithSAML, c.anyone(t), present(vector(t, "assertion-sha256.xml")))
}
