package sts

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	api "drydock/api/sts"
	"drydock/aws"
	"drydock/engine/oidc"
	"drydock/lang/jwt"
)

// Claims of AWS in the tokens of issuers.
const (
	tagsClaim           = "https://aws.amazon.com/tags"
	sourceIdentityClaim = "https://aws.amazon.com/source_identity"
)

// issuerClaims are further claims of well-known issuers that policies may ask for.
var issuerClaims = map[string][]string{
	"token.actions.githubusercontent.com": {
		"actor", "actor_id", "job_workflow_ref", "repository", "repository_id", "workflow", "ref", "environment", "enterprise_id",
	},
	"accounts.google.com": {"email"},
}

func badToken(format string, args ...any) *aws.Error {
	return api.NewInvalidIdentityTokenException(format, args...)
}

// assumeRoleWithWebIdentity opens a session of a role for the bearer of an issuer's token.
func (s *Service) assumeRoleWithWebIdentity(call *aws.Call, in *api.AssumeRoleWithWebIdentityInput) (*api.AssumeRoleWithWebIdentityOutput, error) {
	if in.ProviderID != nil {
		return nil, aws.NewError(501, "NotImplemented", "drydock knows no OAuth 2.0 access tokens: ProviderId %s is not implemented.", *in.ProviderID)
	}
	arn, err := roleARN(in.RoleARN)
	if err != nil {
		return nil, err
	}
	token, err := jwt.Parse(in.WebIdentityToken)
	if err != nil {
		return nil, badToken("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)").WithCause(err)
	}
	f := &federated{}
	audience, err := s.checkToken(call, token, arn, f)
	if err != nil {
		return nil, err
	}
	f.request.action, f.request.sessionName = "sts:AssumeRoleWithWebIdentity", in.RoleSessionName
	o, err := f.assume(s, call, federatedInput{in.RoleARN, in.Policy, in.PolicyARNs, in.DurationSeconds}, maxSession)
	if err != nil {
		return nil, err
	}
	return &api.AssumeRoleWithWebIdentityOutput{
		Credentials: o.credentials, AssumedRoleUser: o.user, PackedPolicySize: o.size, SourceIdentity: o.sourceIdentity,
		SubjectFromWebIdentityToken: new(token.Claims.String("sub")), Provider: &f.provider, Audience: &audience,
	}, nil
}

// checkToken finds out whether a token counts, for which client, and fills in what it says.
func (s *Service) checkToken(call *aws.Call, token *jwt.Token, role aws.ARN, f *federated) (audience string, err error) {
	issuer := token.Claims.String("iss")
	_, name, ok := strings.Cut(issuer, "://")
	name = strings.TrimSuffix(name, "/")
	if !ok || oidc.CheckIssuer(issuer) != nil {
		return "", badToken("Issuer must be a valid URL")
	}
	f.provider = aws.ARN{Partition: role.Partition, Service: "iam", Account: role.Account, Resource: "oidc-provider/" + name}.String()
	provider, err := oidcProvider(call, role.Account, f.provider)
	if err != nil {
		return "", err
	}
	if provider == nil {
		return "", badToken("No OpenIDConnect provider found in your account for %s", issuer)
	}
	if err := checkSignature(call, token, issuer, provider.ThumbprintList); err != nil {
		return "", err
	}
	if err := checkTimes(token.Claims, call.Now()); err != nil {
		return "", err
	}
	subject, audiences := token.Claims.String("sub"), token.Claims.Strings("aud")
	if subject == "" || len(audiences) == 0 {
		return "", badToken("Missing a required claim: aud, exp, iat, iss or sub")
	}
	// The party that a token was issued to counts before those that it is meant for.
	audience = audiences[0]
	if azp := token.Claims.String("azp"); azp != "" {
		audience = azp
	} else if i := slices.IndexFunc(audiences, func(a string) bool { return slices.Contains(provider.ClientIDList, a) }); i >= 0 {
		audience = audiences[i]
	}
	if !slices.Contains(provider.ClientIDList, audience) {
		return "", badToken("Incorrect token audience")
	}
	f.keys = map[string][]string{name + ":sub": {subject}, name + ":aud": {audience}}
	f.lasting = []string{name + ":sub", name + ":aud", name + ":amr", name + ":oaud"}
	if token.Claims.String("azp") != "" {
		f.keys[name+":oaud"] = audiences
	}
	for _, claim := range append([]string{"amr"}, issuerClaims[name]...) {
		if values := token.Claims.Strings(claim); len(values) > 0 {
			f.keys[name+":"+claim] = values
		}
	}
	f.request.sourceIdentity = token.Claims.String(sourceIdentityClaim)
	if given, ok := token.Claims[sourceIdentityClaim]; ok && !sessionName.MatchString(f.request.sourceIdentity) {
		return "", badToken("The source identity %.100q of the ID token must match [a-zA-Z_0-9+=,.@-]{2,64}", fmt.Sprint(given))
	}
	return audience, f.takeTags(token.Claims[tagsClaim])
}

// checkSignature fetches the issuer's keys and checks the token with them.
func checkSignature(call *aws.Call, token *jwt.Token, issuer string, thumbprints []string) error {
	unavailable := "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements"
	text, err := oidc.Keys(call, issuer, thumbprints)
	switch {
	case errors.Is(err, oidc.ErrUnreachable):
		return api.NewIDPCommunicationErrorException("Error communicating with identity provider %s", issuer).WithCause(err)
	case errors.Is(err, oidc.ErrRefused):
		return badToken("OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint").WithCause(err)
	case err != nil:
		return badToken("%s", unavailable).WithCause(err)
	}
	keys, err := jwt.ParseKeys(text)
	if err != nil || len(keys) == 0 {
		return badToken("%s", unavailable).WithCause(err)
	}
	switch err := token.Verify(keys); {
	case errors.Is(err, jwt.ErrAlgorithm):
		return badToken("The algorithm %q of the ID token is not supported.", token.Header.Algorithm)
	case err != nil:
		return badToken("The signature of the ID token is not valid.").WithCause(err)
	}
	return nil
}

// checkTimes judges a token's times on the cloud's clock.
func checkTimes(claims jwt.Claims, now time.Time) error {
	expires, ok := claims.Time("exp")
	if _, issued := claims.Time("iat"); !ok || !issued {
		return badToken("Missing a required claim: aud, exp, iat, iss or sub")
	}
	if !now.Before(expires) {
		return api.NewExpiredTokenException("Token expired: current date/time %d must be before the expiration date/time %d", now.Unix(), expires.Unix())
	}
	for _, claim := range []string{"nbf", "iat"} {
		if at, ok := claims.Time(claim); ok && at.After(now.Add(maxSkew)) {
			return badToken("Token is not valid yet: its %s is %d, the current date/time %d", claim, at.Unix(), now.Unix())
		}
	}
	return nil
}

// takeTags reads the session's tags from a token: an object of values in lists, and the keys that pass on.
func (f *federated) takeTags(claim any) error {
	object, ok := claim.(map[string]any)
	if claim == nil || !ok {
		return f.setTags(nil, nil)
	}
	tags := map[string]string{}
	principal, _ := object["principal_tags"].(map[string]any)
	for key, value := range principal {
		values := jwt.Claims{"v": value}.Strings("v")
		if len(values) != 1 {
			return badToken("The session tag %s must have one value.", key)
		}
		tags[key] = values[0]
	}
	return f.setTags(tags, jwt.Claims(object).Strings("transitive_tag_keys"))
}
