package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"drydock/api/iam"
	api "drydock/api/sts"
	"drydock/aws"
	"drydock/engine/oidc"
	"drydock/lang/jwt"
	"drydock/service/servicetest"
)

// issuer is an OpenID Connect provider over TLS with a certificate that nobody knows.
type issuer struct {
	*httptest.Server
	rsa   *rsa.PrivateKey
	curve *ecdsa.PrivateKey
}

func newIssuer(t testing.TB) *issuer {
	t.Helper()
	i := &issuer{}
	var err error
	if i.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	if i.curve, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":"%s/keys"}`, i.URL, i.URL)
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		set, err := jwt.MarshalKeys([]jwt.Key{{ID: "r", Public: i.rsa.Public()}, {ID: "e", Public: i.curve.Public()}})
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = w.Write(set)
	})
	i.Server = httptest.NewTLSServer(mux)
	t.Cleanup(i.Close)
	return i
}

// host is the issuer in ARNs and condition keys.
func (i *issuer) host() string { return strings.TrimPrefix(i.URL, "https://") }

func (i *issuer) arn() string { return "arn:aws:iam::111122223333:oidc-provider/" + i.host() }

// trust makes the provider, and a role that trusts it.
func (i *issuer) trust(t testing.TB, call *aws.Call, condition string) string {
	t.Helper()
	do(t, iam.CreateOpenIDConnectProvider, call, &iam.CreateOpenIDConnectProviderInput{
		URL: i.URL, ClientIDList: []string{"sts.amazonaws.com", "app"}, ThumbprintList: []string{oidc.Thumbprint(i.Certificate())},
	})
	role := createRole(t, call, "ci", i.policy(condition)).ARN
	do(t, iam.AttachRolePolicy, call, &iam.AttachRolePolicyInput{RoleName: "ci", PolicyARN: adminARN})
	return role
}

func (i *issuer) policy(condition string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":%q},"Action":["sts:AssumeRoleWithWebIdentity","sts:TagSession","sts:SetSourceIdentity"],"Condition":{%s}}]}`,
		i.arn(), condition)
}

// token is what the issuer gives someone at the time at which tests begin; a nil claim is left out.
func (i *issuer) token(t testing.TB, alg, id string, key crypto.Signer, change jwt.Claims) string {
	t.Helper()
	now := servicetest.Start.Unix()
	claims := jwt.Claims{"iss": i.URL, "sub": "repo:org/app:ref:refs/heads/main", "aud": "sts.amazonaws.com", "iat": now, "nbf": now, "exp": now + 300}
	maps.Copy(claims, change)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	text, err := jwt.Sign(claims, alg, id, key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func web(role, token string) *api.AssumeRoleWithWebIdentityInput {
	return &api.AssumeRoleWithWebIdentityInput{RoleARN: role, RoleSessionName: "build-7", WebIdentityToken: token}
}

func TestAssumeRoleWithWebIdentity_AcceptsTheIssuersTokens(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	i := newIssuer(t)
	role := i.trust(t, call, fmt.Sprintf(`"StringEquals":{"%s:aud":"sts.amazonaws.com"},"StringLike":{"%s:sub":"repo:org/app:*"}`, i.host(), i.host()))
	for alg, key := range map[string]crypto.Signer{"RS256": i.rsa, "RS512": i.rsa, "ES256": i.curve} {
		id := map[bool]string{true: "e", false: "r"}[alg == "ES256"]
		out := do(t, api.AssumeRoleWithWebIdentity, c.anyone(t), web(role, i.token(t, alg, id, key, nil)))
		s := c.with(t, out.Credentials)
		if *out.SubjectFromWebIdentityToken != "repo:org/app:ref:refs/heads/main" || *out.Audience != "sts.amazonaws.com" || *out.Provider != i.arn() ||
			s.Principal.ARN != "arn:aws:sts::111122223333:assumed-role/ci/build-7" || !s.Principal.Session.Expires.Equal(servicetest.Start.Add(time.Hour)) {
			t.Errorf("%s: %+v, %+v", alg, out, s.Principal)
		}
		do(t, iam.ListUsers, s, &iam.ListUsersInput{})
	}
}

func TestAssumeRoleWithWebIdentity_RefusesOtherTokens(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	i, other := newIssuer(t), newIssuer(t)
	role := i.trust(t, call, fmt.Sprintf(`"StringEquals":{"%s:aud":"sts.amazonaws.com"}`, i.host()))
	now := servicetest.Start.Unix()
	good := i.token(t, "RS256", "r", i.rsa, nil)
	for name, test := range map[string]struct{ token, code, message string }{
		"another key":      {i.token(t, "RS256", "r", other.rsa, nil), "InvalidIdentityToken", "signature of the ID token"},
		"another kind":     {i.token(t, "ES256", "r", i.curve, nil), "InvalidIdentityToken", "signature of the ID token"},
		"unknown key id":   {i.token(t, "RS256", "x", i.rsa, nil), "InvalidIdentityToken", "signature of the ID token"},
		"cut":              {good[:len(good)-8], "InvalidIdentityToken", ""},
		"no token":         {"hello", "InvalidIdentityToken", "not a valid JWT"},
		"another issuer":   {other.token(t, "RS256", "r", other.rsa, nil), "InvalidIdentityToken", "No OpenIDConnect provider found in your account for " + other.URL},
		"no issuer":        {i.token(t, "RS256", "r", i.rsa, jwt.Claims{"iss": nil}), "InvalidIdentityToken", "Issuer"},
		"metadata":         {i.token(t, "RS256", "r", i.rsa, jwt.Claims{"iss": "file:///etc/passwd"}), "InvalidIdentityToken", "Issuer"},
		"expired":          {i.token(t, "RS256", "r", i.rsa, jwt.Claims{"exp": now}), "ExpiredTokenException", fmt.Sprintf("must be before the expiration date/time %d", now)},
		"not yet":          {i.token(t, "RS256", "r", i.rsa, jwt.Claims{"nbf": now + 600}), "InvalidIdentityToken", "not valid yet"},
		"no expiration":    {i.token(t, "RS256", "r", i.rsa, jwt.Claims{"exp": nil}), "InvalidIdentityToken", "Missing a required claim"},
		"no subject":       {i.token(t, "RS256", "r", i.rsa, jwt.Claims{"sub": nil}), "InvalidIdentityToken", "Missing a required claim"},
		"another audience": {i.token(t, "RS256", "r", i.rsa, jwt.Claims{"aud": "else"}), "InvalidIdentityToken", "Incorrect token audience"},
		"another client":   {i.token(t, "RS256", "r", i.rsa, jwt.Claims{"azp": "else"}), "InvalidIdentityToken", "Incorrect token audience"},
		"source identity":  {i.token(t, "RS256", "r", i.rsa, jwt.Claims{"https://aws.amazon.com/source_identity": "aws:root\n"}), "InvalidIdentityToken", "source identity"},
		"a long tag":       {i.token(t, "RS256", "r", i.rsa, jwt.Claims{"https://aws.amazon.com/tags": map[string]any{"principal_tags": map[string]any{"a": []string{strings.Repeat("x", 257)}}}}), "InvalidIdentityToken", "session tag"},
		"a strange tag":    {i.token(t, "RS256", "r", i.rsa, jwt.Claims{"https://aws.amazon.com/tags": map[string]any{"principal_tags": map[string]any{"a*": []string{"x"}}}}), "InvalidIdentityToken", "session tag"},
		"not by trust":     {i.token(t, "RS256", "r", i.rsa, jwt.Claims{"aud": "app"}), "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"},
	} {
		_, err := api.AssumeRoleWithWebIdentity.Do(c.anyone(t), web(role, test.token))
		servicetest.WantError(t, err, test.code)
		if err == nil || !strings.Contains(err.Error(), test.message) {
			t.Errorf("%s: %v", name, err)
		}
	}
	none := "arn:aws:iam::111122223333:role/none"
	refuse(t, api.AssumeRoleWithWebIdentity, c.anyone(t), web(none, good), "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
	in := web(role, good)
	in.ProviderID = new("www.amazon.com")
	refuse(t, api.AssumeRoleWithWebIdentity, c.anyone(t), in, "NotImplemented", "")
	// A user's own permissions do not help, nor does the root user's.
	refuse(t, api.AssumeRoleWithWebIdentity, call, web(role, i.token(t, "RS256", "r", i.rsa, jwt.Claims{"aud": "app"})), "AccessDenied", "")
	// The certificate must have the thumbprint, and the issuer must answer.
	do(t, iam.UpdateOpenIDConnectProviderThumbprint, call, &iam.UpdateOpenIDConnectProviderThumbprintInput{OpenIDConnectProviderARN: i.arn(), ThumbprintList: []string{strings.Repeat("0", 40)}})
	refuse(t, api.AssumeRoleWithWebIdentity, c.anyone(t), web(role, good), "InvalidIdentityToken", "thumbprint")
	i.Close()
	refuse(t, api.AssumeRoleWithWebIdentity, c.anyone(t), web(role, good), "IDPCommunicationError", "")
}

func TestAssumeRoleWithWebIdentity_ClaimsAreConditionKeys(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	i := newIssuer(t)
	role := i.trust(t, call, "")
	tags := map[string]any{"principal_tags": map[string]any{"Team": []string{"blue"}}, "transitive_tag_keys": []string{"Team"}}
	token := i.token(t, "RS256", "r", i.rsa, jwt.Claims{
		"aud": []string{"x", "y"}, "azp": "app", "amr": []string{"mfa", "pwd"}, "repository": "org/app", "https://aws.amazon.com/tags": tags,
		"https://aws.amazon.com/source_identity": "alice",
	})
	for condition, want := range map[string]bool{
		`"StringEquals":{"HOST:aud":"app"}`:                                true,
		`"ForAnyValue:StringEquals":{"HOST:oaud":"y"}`:                     true,
		`"ForAnyValue:StringEquals":{"HOST:amr":"mfa"}`:                    true,
		`"ForAllValues:StringEquals":{"HOST:amr":"mfa"}`:                   false,
		`"StringEquals":{"HOST:sub":"repo:org/app:ref:refs/heads/main"}`:   true,
		`"StringEquals":{"HOST:sub":"repo:org/other:ref:refs/heads/main"}`: false,
		`"StringEquals":{"HOST:repository":"org/app"}`:                     false, // of GitHub's tokens only
		`"StringEquals":{"example.com:sub":"repo:org/app"}`:                false,
		`"StringEquals":{"sts:RoleSessionName":"build-7"}`:                 true,
		`"StringEquals":{"sts:SourceIdentity":"alice"}`:                    true,
		`"StringEquals":{"aws:RequestTag/Team":"blue"}`:                    true,
		`"ForAnyValue:StringEquals":{"sts:TransitiveTagKeys":["Team"]}`:    true,
		`"StringEquals":{"aws:FederatedProvider":"ARN"}`:                   true,
		`"Bool":{"aws:MultiFactorAuthPresent":"true"}`:                     false,
	} {
		condition = strings.NewReplacer("HOST", i.host(), "ARN", i.arn()).Replace(condition)
		do(t, iam.UpdateAssumeRolePolicy, call, &iam.UpdateAssumeRolePolicyInput{RoleName: "ci", PolicyDocument: i.policy(condition)})
		_, err := api.AssumeRoleWithWebIdentity.Do(c.anyone(t), web(role, token))
		if (err == nil) != want || err != nil && !aws.IsError(err, "AccessDenied") {
			t.Errorf("%s: %v", condition, err)
		}
	}
	do(t, iam.UpdateAssumeRolePolicy, call, &iam.UpdateAssumeRolePolicyInput{RoleName: "ci", PolicyDocument: i.policy("")})
	do(t, iam.DetachRolePolicy, call, &iam.DetachRolePolicyInput{RoleName: "ci", PolicyARN: adminARN})
	do(t, iam.PutRolePolicy, call, &iam.PutRolePolicyInput{RoleName: "ci", PolicyName: "p", PolicyDocument: strings.Replace(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*","Condition":{"StringEquals":{"HOST:aud":"app","aws:PrincipalTag/Team":"blue","aws:SourceIdentity":"alice"}}}]}`, "HOST", i.host(), 1)})
	in := web(role, token)
	in.DurationSeconds = new(int32(900))
	out := do(t, api.AssumeRoleWithWebIdentity, c.anyone(t), in)
	s := c.with(t, out.Credentials)
	do(t, iam.ListUsers, s, &iam.ListUsersInput{})
	if *out.SourceIdentity != "alice" || !out.Credentials.Expiration.Equal(servicetest.Start.Add(15*time.Minute)) || fmt.Sprint(s.Principal.Session.TransitiveTagKeys) != "[Team]" {
		t.Errorf("session %+v", s.Principal.Session)
	}
	in.DurationSeconds = new(int32(7200))
	refuse(t, api.AssumeRoleWithWebIdentity, c.anyone(t), in, "ValidationError", "MaxSessionDuration")
	// A provider that is gone is not trusted any more.
	do(t, iam.DeleteOpenIDConnectProvider, call, &iam.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderARN: i.arn()})
	refuse(t, api.AssumeRoleWithWebIdentity, c.anyone(t), web(role, token), "InvalidIdentityToken", "No OpenIDConnect provider")
}
