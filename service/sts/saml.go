package sts

import (
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"drydock/api/iam"
	api "drydock/api/sts"
	"drydock/aws"
	"drydock/lang/saml"
)

// Attributes of assertions that are meant for AWS.
const (
	attributes      = "https://aws.amazon.com/SAML/Attributes/"
	roleAttribute   = attributes + "Role"
	nameAttribute   = attributes + "RoleSessionName"
	lengthAttribute = attributes + "SessionDuration"
	sourceAttribute = attributes + "SourceIdentity"
	tagAttributes   = attributes + "PrincipalTag:"
	transitiveTags  = attributes + "TransitiveTagKeys"
)

// samlKeys are condition keys by the names of the attributes that they come from.
var samlKeys = map[string]string{
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.1":  "saml:eduPersonAffiliation",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.2":  "saml:eduPersonNickname",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.3":  "saml:eduPersonOrgDN",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.4":  "saml:eduPersonOrgUnitDN",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.5":  "saml:eduPersonPrimaryAffiliation",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.6":  "saml:eduPersonPrincipalName",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.7":  "saml:eduPersonEntitlement",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.8":  "saml:eduPersonPrimaryOrgUnitDN",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.9":  "saml:eduPersonScopedAffiliation",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.10": "saml:eduPersonTargetedID",
	"urn:oid:1.3.6.1.4.1.5923.1.1.1.11": "saml:eduPersonAssurance",
	"urn:oid:2.5.4.3":                   "saml:cn",
	"urn:oid:2.5.4.41":                  "saml:name",
	"urn:oid:2.5.4.42":                  "saml:givenName",
	"urn:oid:2.5.4.4":                   "saml:surname",
	"urn:oid:2.5.4.45":                  "saml:x500UniqueIdentifier",
	"urn:oid:0.9.2342.19200300.100.1.3": "saml:mail",
	"urn:oid:0.9.2342.19200300.100.1.1": "saml:uid",
}

// signIn is what addresses for SAML look like at AWS: of the global endpoint, of a region's, in each partition.
var signIn = regexp.MustCompile(`^https://([a-z0-9-]+\.)?signin\.(aws\.amazon\.com|amazonaws\.cn|amazonaws-us-gov\.com)/saml(/acs/[\w-]+)?/?$`)

// assumeRoleWithSAML opens a session of a role for someone for whom a SAML identity provider vouches.
func (s *Service) assumeRoleWithSAML(call *aws.Call, in *api.AssumeRoleWithSAMLInput) (*api.AssumeRoleWithSAMLOutput, error) {
	arn, err := roleARN(in.RoleARN)
	if err != nil {
		return nil, err
	}
	provider, err := aws.ParseARN(in.PrincipalARN)
	name, ok := strings.CutPrefix(provider.Resource, "saml-provider/")
	if err != nil || !ok || provider.Service != "iam" {
		return nil, invalid("%s is invalid", in.PrincipalARN)
	}
	f := &federated{provider: in.PrincipalARN}
	f.request.action = "sts:AssumeRoleWithSAML"
	refused := aws.NewError(403, accessDenied, "Not authorized to perform %s", f.request.action)
	if provider.Account != arn.Account {
		return nil, refused
	}
	a, err := s.readAssertion(call, provider, in.SAMLAssertion)
	if err != nil {
		return nil, err
	}
	if !a.names(in.RoleARN, in.PrincipalARN) {
		return nil, refused
	}
	if err := a.fill(f, provider.Account, name); err != nil {
		return nil, err
	}
	seconds := in.DurationSeconds
	if seconds == nil {
		if seconds, err = a.length(); err != nil {
			return nil, err
		}
	}
	longest := maxSession
	if !a.SessionEnds.IsZero() {
		longest = max(0, a.SessionEnds.Sub(call.Now().Truncate(time.Second)))
	}
	o, err := f.assume(s, call, federatedInput{in.RoleARN, in.Policy, in.PolicyARNs, seconds}, longest)
	if err != nil {
		return nil, err
	}
	return &api.AssumeRoleWithSAMLOutput{
		Credentials: o.credentials, AssumedRoleUser: o.user, PackedPolicySize: o.size, SourceIdentity: o.sourceIdentity,
		Subject: &a.Subject, SubjectType: new(a.format()), Issuer: &a.Issuer, Audience: &a.Recipient, NameQualifier: new(f.keys["saml:namequalifier"][0]),
	}, nil
}

// assertion is a SAML assertion as AWS reads it.
type assertion struct{ *saml.Assertion }

// readAssertion checks a response and everything in it that does not depend on the role.
func (s *Service) readAssertion(call *aws.Call, provider aws.ARN, encoded string) (*assertion, error) {
	text, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(encoded), ""))
	if err != nil {
		return nil, badToken("Invalid base64 SAMLResponse").WithCause(err)
	}
	arn := provider.String()
	known, err := iam.GetSAMLProvider.Do(reader(call, provider.Account), &iam.GetSAMLProviderInput{SAMLProviderARN: arn})
	if aws.IsError(err, "NoSuchEntity") {
		return nil, badToken("Specified provider doesn't exist")
	}
	if err != nil {
		return nil, err
	}
	metadata, err := saml.ParseMetadata([]byte(*known.SAMLMetadataDocument))
	if err != nil {
		return nil, err
	}
	now := call.Now()
	if now.After(*known.ValidUntil) {
		return nil, badToken("The metadata of the specified provider have expired")
	}
	o := saml.Options{Keys: metadata.Keys()}
	if mode := known.AssertionEncryptionMode; mode != nil {
		o.MustDecrypt = *mode == iam.AssertionEncryptionModeTypeRequired
		if o.Decrypt, err = s.decryptionKeys(call, arn); err != nil {
			return nil, err
		}
	}
	parsed, err := saml.ParseResponse(text, o)
	switch {
	case errors.Is(err, saml.ErrStatus):
		return nil, api.NewIDPRejectedClaimException("The identity provider (IdP) reported that authentication failed.").WithCause(err)
	case errors.Is(err, saml.ErrSignature):
		return nil, badToken("Response signature invalid").WithCause(err)
	case errors.Is(err, saml.ErrEncryption):
		return nil, badToken("SAML assertion is not encrypted as the provider demands, or cannot be decrypted").WithCause(err)
	case err != nil:
		return nil, badToken("SAMLResponse is not a valid response with one assertion").WithCause(err)
	case parsed.Issuer != metadata.EntityID:
		return nil, badToken("Issuer not present in specified provider")
	}
	a := &assertion{parsed}
	return a, a.check(now)
}

func (s *Service) decryptionKeys(call *aws.Call, arn string) ([]*rsa.PrivateKey, error) {
	texts, err := s.Vault.SAMLKeys(call, arn)
	if err != nil {
		return nil, err
	}
	var keys []*rsa.PrivateKey
	for _, text := range texts {
		block, _ := pem.Decode([]byte(text))
		if block == nil {
			continue
		}
		parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			parsed, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		}
		if key, ok := parsed.(*rsa.PrivateKey); ok && err == nil {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// check judges the assertion's times on the cloud's clock, and whom it is for.
func (a *assertion) check(now time.Time) error {
	switch {
	case now.Before(a.NotBefore.Add(-maxSkew)), now.Before(a.Issued.Add(-maxSkew)):
		return badToken("Response is not valid yet: the current date/time is %s", now.Format(time.RFC3339))
	case !now.Before(a.NotOnOrAfter), now.After(a.Issued.Add(maxRedeem)):
		return api.NewExpiredTokenException("Token must be redeemed within 5 minutes of issuance")
	case !a.SessionEnds.IsZero() && !now.Before(a.SessionEnds):
		return api.NewExpiredTokenException("The session of the assertion is over")
	case !signIn.MatchString(a.Recipient):
		return badToken("Recipient %s is not the sign-in address of AWS", a.Recipient)
	}
	if a.Audiences != nil && !slices.ContainsFunc(a.Audiences, func(s string) bool {
		return signIn.MatchString(s) || strings.HasPrefix(s, "urn:amazon:webservices")
	}) {
		return badToken("Audience %s is not AWS", strings.Join(a.Audiences, ", "))
	}
	return nil
}

// names tells whether the assertion offers a role by a provider. The two stand in either order.
func (a *assertion) names(role, provider string) bool {
	return slices.ContainsFunc(a.Attributes[roleAttribute], func(pair string) bool {
		first, rest, _ := strings.Cut(pair, ",")
		first, rest = strings.TrimSpace(first), strings.TrimSpace(rest)
		return first == role && rest == provider || first == provider && rest == role
	})
}

// format is the form of the subject's name: "persistent" or "transient", or what else it says.
func (a *assertion) format() string {
	if short, ok := strings.CutPrefix(a.Format, "urn:oasis:names:tc:SAML:2.0:nameid-format:"); ok && (short == "persistent" || short == "transient") {
		return short
	}
	return a.Format
}

// one returns the only value of an attribute; "" if it has none.
func (a *assertion) one(name string) (string, error) {
	values := a.Attributes[name]
	switch len(values) {
	case 0:
		return "", nil
	case 1:
		return values[0], nil
	}
	return "", badToken("%s must have one value in AuthnResponse", strings.TrimPrefix(name, attributes))
}

// fill takes over what the assertion says.
func (a *assertion) fill(f *federated, account, name string) (err error) {
	r := &f.request
	if r.sessionName, err = a.one(nameAttribute); err != nil {
		return err
	}
	if r.sourceIdentity, err = a.one(sourceAttribute); err != nil {
		return err
	}
	switch {
	case r.sessionName == "":
		return badToken("RoleSessionName is required in AuthnResponse")
	case !sessionName.MatchString(r.sessionName):
		return badToken("RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}")
	case r.sourceIdentity != "" && !sessionName.MatchString(r.sourceIdentity):
		return badToken("SourceIdentity in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}")
	}
	qualifier := sha1.Sum([]byte(a.Issuer + account + "/" + name))
	f.keys = map[string][]string{
		"saml:aud": {a.Recipient}, "saml:iss": {a.Issuer}, "saml:sub": {a.Subject}, "saml:sub_type": {a.format()}, "saml:doc": {account + "/" + name},
		"saml:namequalifier": {base64.StdEncoding.EncodeToString(qualifier[:])},
	}
	f.lasting = []string{"saml:sub", "saml:sub_type", "saml:namequalifier"}
	tags := map[string]string{}
	for attribute, values := range a.Attributes {
		if key, ok := samlKeys[attribute]; ok {
			f.keys[key] = values
		}
		if tag, ok := strings.CutPrefix(attribute, tagAttributes); ok {
			if tags[tag], err = a.one(attribute); err != nil {
				return err
			}
		}
	}
	return f.setTags(tags, a.Attributes[transitiveTags])
}

// length is how long the assertion wants the session to last, nil if it does not say.
func (a *assertion) length() (*int32, error) {
	text, err := a.one(lengthAttribute)
	if err != nil || text == "" {
		return nil, err
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 900 || n > 43200 {
		return nil, badToken("SessionDuration in AuthnResponse must be from 900 to 43200").WithCause(err)
	}
	return new(int32(n)), nil
}
