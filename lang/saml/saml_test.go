package saml_test

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"drydock/lang/saml"
)

// file reads a vector: see testdata/vectors.py.
func file(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func metadata(t testing.TB) *saml.Metadata {
	t.Helper()
	m, err := saml.ParseMetadata([]byte(file(t, "metadata.xml")))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func decryptionKey(t testing.TB, name string) *rsa.PrivateKey {
	t.Helper()
	block, _ := pem.Decode([]byte(file(t, name)))
	k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return k.(*rsa.PrivateKey)
}

func TestMetadata_HasIssuerAndSigningKeys(t *testing.T) {
	t.Parallel()
	m := metadata(t)
	if m.EntityID != "https://idp.example.com/adfs/services/trust" || len(m.Keys()) != 2 || !m.ValidUntil.IsZero() || m.Certificates[0].Subject.CommonName != "idp.example.com" {
		t.Errorf("metadata %+v", m)
	}
	text := file(t, "metadata.xml")
	until, err := saml.ParseMetadata([]byte(strings.Replace(text, "entityID=", `validUntil="2030-01-01T00:00:00Z" entityID=`, 1)))
	if err != nil || !until.ValidUntil.Equal(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("valid until %v, %v", until, err)
	}
	for name, change := range map[string][2]string{
		"no XML":         {"<md:", "<"},
		"a service":      {"IDPSSODescriptor", "SPSSODescriptor"},
		"no entity id":   {"entityID", "id"},
		"no certificate": {"X509Certificate", "X509CRL"},
		"no sign-on":     {"SingleSignOnService", "SingleLogoutService"},
		"a bad key":      {"MII", "!!!"},
		"a bad date":     {"entityID=", `validUntil="soon" entityID=`},
	} {
		if _, err := saml.ParseMetadata([]byte(strings.ReplaceAll(text, change[0], change[1]))); !errors.Is(err, saml.ErrMetadata) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParseResponse_TakesWhatTheProviderSigned(t *testing.T) {
	t.Parallel()
	m := metadata(t)
	at := func(hour, minute int) time.Time { return time.Date(2026, 1, 2, hour, minute, 0, 0, time.UTC) }
	want := &saml.Assertion{
		Issuer: m.EntityID, Issued: at(3, 4), NotBefore: at(3, 3), NotOnOrAfter: at(3, 9), SessionEnds: at(7, 4),
		Audiences: []string{"urn:amazon:webservices"}, Recipient: "https://signin.aws.amazon.com/saml", Subject: `CORP\alice`,
		Format: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
		Attributes: map[string][]string{
			"https://aws.amazon.com/SAML/Attributes/RoleSessionName": {"alice@example.com"},
			"https://aws.amazon.com/SAML/Attributes/Role": {
				"arn:aws:iam::111122223333:role/ADFS-Dev,arn:aws:iam::111122223333:saml-provider/ADFS",
				"arn:aws:iam::111122223333:saml-provider/ADFS,arn:aws:iam::111122223333:role/ADFS-Ops",
			},
			"https://aws.amazon.com/SAML/Attributes/PrincipalTag:Team": {"blue"},
		},
	}
	for _, name := range []string{
		"assertion-sha1", "assertion-sha256", "assertion-sha384", "assertion-sha512", "assertion-ecdsa", "response-sha256", "both-sha256", "encrypted-cbc", "encrypted-gcm",
	} {
		o := saml.Options{Keys: m.Keys()}
		if strings.HasPrefix(name, "encrypted") {
			o.Decrypt, o.MustDecrypt = []*rsa.PrivateKey{decryptionKey(t, "foreign.key.pem"), decryptionKey(t, "decrypt.key.pem")}, true
		}
		got, err := saml.ParseResponse([]byte(file(t, name+".xml")), o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func TestParseResponse_RefusesTamperedAndForeign(t *testing.T) {
	t.Parallel()
	keys := metadata(t).Keys()
	good, response, both := file(t, "assertion-sha256.xml"), file(t, "response-sha256.xml"), file(t, "both-sha256.xml")
	start, end := strings.Index(good, "<saml:Assertion"), strings.Index(good, "</saml:Assertion>")+len("</saml:Assertion>")
	assertion := good[start:end]
	from, to := strings.Index(assertion, "<ds:Signature"), strings.Index(assertion, "</ds:Signature>")+len("</ds:Signature>")
	signature := assertion[from:to]
	forged := strings.NewReplacer("_assertion", "_forged", "alice@", "root@").Replace(strings.Replace(assertion, signature, "", 1))
	in := func(body string) string { return strings.Replace(good, assertion, body, 1) }
	for name, test := range map[string]struct {
		text string
		want error
	}{
		"another key":                 {file(t, "assertion-foreign.xml"), saml.ErrSignature},
		"no signature":                {in(strings.Replace(assertion, signature, "", 1)), saml.ErrSignature},
		"changed text":                {strings.Replace(good, "alice@", "root@", 1), saml.ErrSignature},
		"changed attribute":           {strings.Replace(good, "ADFS-Dev", "Admin", 1), saml.ErrSignature},
		"changed namespace":           {strings.Replace(good, `xmlns:xs="http://www.w3.org/2001/XMLSchema"`, `xmlns:xs="urn:x"`, 1), nil},
		"changed digest":              {strings.Replace(good, "<ds:DigestValue>", "<ds:DigestValue>A", 1), saml.ErrSignature},
		"changed signature":           {strings.Replace(good, "<ds:SignatureValue>", "<ds:SignatureValue>AAAA", 1), saml.ErrSignature},
		"changed response":            {strings.Replace(response, "alice@", "root@", 1), saml.ErrSignature},
		"one of two signatures":       {strings.Replace(both, "alice@", "root@", 1), saml.ErrSignature},
		"another digest method":       {strings.Replace(good, "xmlenc#sha256", "xmlenc#sha512", 1), saml.ErrSignature},
		"an unknown transform":        {strings.Replace(good, "enveloped-signature", "base64", 1), saml.ErrSignature},
		"two signatures":              {strings.Replace(good, signature, signature+signature, 1), saml.ErrSignature},
		"no reference":                {strings.Replace(good, `URI="#_assertion"`, `URI=""`, 1), saml.ErrSignature},
		"a reference to another":      {strings.Replace(good, `URI="#_assertion"`, `URI="#_response"`, 1), saml.ErrSignature},
		"a second assertion before":   {in(forged + assertion), saml.ErrResponse},
		"a second assertion behind":   {in(assertion + forged), saml.ErrResponse},
		"wrapped in an extension":     {in("<samlp:Extensions>" + assertion + "</samlp:Extensions>" + forged), saml.ErrResponse},
		"wrapped in the forged one":   {in(strings.Replace(forged, "</saml:Assertion>", assertion+"</saml:Assertion>", 1)), saml.ErrResponse},
		"wrapped in its signature":    {in(strings.Replace(forged, "<saml:Issuer>", strings.Replace(signature, "</ds:Signature>", "<ds:Object>"+strings.Replace(assertion, signature, "", 1)+"</ds:Object></ds:Signature>", 1)+"<saml:Issuer>", 1)), saml.ErrResponse},
		"the signature on a forgery":  {in(strings.Replace(forged, "<saml:Issuer>", signature+"<saml:Issuer>", 1)), saml.ErrSignature},
		"the same ID twice":           {in(strings.Replace(assertion, "<saml:Subject>", `<saml:Subject ID="_assertion">`, 1)), saml.ErrResponse},
		"a comment in a name":         {strings.Replace(good, "alice@", "al<!-- x -->ice@", 1), nil},
		"a document type":             {"<!DOCTYPE x>" + good, saml.ErrResponse},
		"a failure":                   {strings.Replace(good, "status:Success", "status:Responder", 1), saml.ErrStatus},
		"no response":                 {assertion, saml.ErrResponse},
		"nothing":                     {"", saml.ErrResponse},
		"encrypted for someone else":  {file(t, "encrypted-cbc.xml"), saml.ErrEncryption},
		"a broken encrypted one":      {strings.Replace(file(t, "encrypted-gcm.xml"), "<xenc:CipherValue>", "<xenc:CipherValue>AAAA", 2), saml.ErrEncryption},
		"no bearer":                   {strings.Replace(response, "cm:bearer", "cm:sender", 1), saml.ErrSignature},
		"an algorithm not known here": {strings.Replace(good, "rsa-sha256", "hmac-sha256", 1), saml.ErrSignature},
	} {
		got, err := saml.ParseResponse([]byte(test.text), saml.Options{Keys: keys})
		if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && got.Attributes["https://aws.amazon.com/SAML/Attributes/RoleSessionName"][0] != "alice@example.com" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	foreign := saml.Options{Keys: keys[:0], Decrypt: []*rsa.PrivateKey{decryptionKey(t, "decrypt.key.pem")}}
	if _, err := saml.ParseResponse([]byte(file(t, "encrypted-cbc.xml")), foreign); !errors.Is(err, saml.ErrEncryption) {
		t.Errorf("what was decrypted and is not signed by the provider tells why: %v", err)
	}
	if _, err := saml.ParseResponse([]byte(good), saml.Options{Keys: keys, MustDecrypt: true}); !errors.Is(err, saml.ErrEncryption) {
		t.Errorf("not encrypted: %v", err)
	}
}

func FuzzParseResponse(f *testing.F) {
	o := saml.Options{Keys: metadata(f).Keys()[:1], Decrypt: []*rsa.PrivateKey{decryptionKey(f, "decrypt.key.pem")}}
	for _, name := range []string{"assertion-foreign.xml", "encrypted-gcm.xml", "response-sha256.xml"} {
		f.Add([]byte(file(f, name)))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		a, err := saml.ParseResponse(text, o)
		if err == nil && a.Attributes["https://aws.amazon.com/SAML/Attributes/RoleSessionName"][0] != "alice@example.com" {
			t.Errorf("signed is %+v", a)
		}
	})
}

func FuzzParseMetadata(f *testing.F) {
	f.Add([]byte(file(f, "metadata.xml")))
	f.Fuzz(func(t *testing.T, text []byte) {
		if m, err := saml.ParseMetadata(text); err == nil && (m.EntityID == "" || len(m.Keys()) == 0) {
			t.Errorf("metadata %+v", m)
		}
	})
}
