package iam_test

import (
	"fmt"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	api "drydock/api/iam"
	"drydock/engine/oidc"
	"drydock/service/servicetest"
)

const someThumbprint = "6938fd4d98bab03faadb97b34396831e3780aea1"

// metadata is that of the identity provider for tests.
func metadata(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("../../lang/saml/testdata/metadata.xml")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestOIDCProvider(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	in := &api.CreateOpenIDConnectProviderInput{
		URL: "https://token.actions.githubusercontent.com", ClientIDList: []string{"sts.amazonaws.com", "sts.amazonaws.com"}, ThumbprintList: []string{strings.ToUpper(someThumbprint)},
	}
	arn := *do(t, api.CreateOpenIDConnectProvider, call, in).OpenIDConnectProviderARN
	if arn != "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com" {
		t.Errorf("provider %s", arn)
	}
	get := func() string {
		t.Helper()
		p := do(t, api.GetOpenIDConnectProvider, call, &api.GetOpenIDConnectProviderInput{OpenIDConnectProviderARN: arn})
		return fmt.Sprint(*p.URL, p.ClientIDList, p.ThumbprintList)
	}
	if got := get(); got != "token.actions.githubusercontent.com[sts.amazonaws.com] ["+someThumbprint+"]" {
		t.Errorf("provider %s", got)
	}
	refuse(t, api.CreateOpenIDConnectProvider, call, in, "EntityAlreadyExists", "Provider with url https://token.actions.githubusercontent.com already exists.")
	for _, bad := range []string{"http://example.com", "example.com", "https://a/?b=c", "ftp://a"} {
		refuse(t, api.CreateOpenIDConnectProvider, call, &api.CreateOpenIDConnectProviderInput{URL: bad}, "InvalidInput", "Invalid Open ID Connect Provider URL")
	}
	refuse(t, api.CreateOpenIDConnectProvider, call, &api.CreateOpenIDConnectProviderInput{URL: "https://b", ThumbprintList: []string{strings.Repeat("x", 40)}}, "InvalidInput", "")
	for range 2 {
		do(t, api.AddClientIDToOpenIDConnectProvider, call, &api.AddClientIDToOpenIDConnectProviderInput{OpenIDConnectProviderARN: arn, ClientID: "other"})
	}
	other := strings.Repeat("0", 40)
	do(t, api.UpdateOpenIDConnectProviderThumbprint, call, &api.UpdateOpenIDConnectProviderThumbprintInput{OpenIDConnectProviderARN: arn, ThumbprintList: []string{other}})
	if got := get(); got != "token.actions.githubusercontent.com[sts.amazonaws.com other] ["+other+"]" {
		t.Errorf("provider %s", got)
	}
	for range 2 {
		do(t, api.RemoveClientIDFromOpenIDConnectProvider, call, &api.RemoveClientIDFromOpenIDConnectProviderInput{OpenIDConnectProviderARN: arn, ClientID: "sts.amazonaws.com"})
	}
	if got := get(); !strings.Contains(got, "[other]") {
		t.Errorf("provider %s", got)
	}
	if l := do(t, api.ListOpenIDConnectProviders, call, &api.ListOpenIDConnectProvidersInput{}).OpenIDConnectProviderList; len(l) != 1 || *l[0].ARN != arn {
		t.Errorf("providers %+v", l)
	}
	do(t, api.DeleteOpenIDConnectProvider, call, &api.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderARN: arn})
	refuse(t, api.GetOpenIDConnectProvider, call, &api.GetOpenIDConnectProviderInput{OpenIDConnectProviderARN: arn}, "NoSuchEntity", "OpenIDConnect Provider not found for arn "+arn)
	refuse(t, api.DeleteOpenIDConnectProvider, call, &api.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderARN: arn}, "NoSuchEntity", "")
}

func TestOIDCProvider_AsksForTheThumbprintThatIsNotGiven(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	server := httptest.NewTLSServer(nil)
	t.Cleanup(server.Close)
	arn := *do(t, api.CreateOpenIDConnectProvider, call, &api.CreateOpenIDConnectProviderInput{URL: server.URL}).OpenIDConnectProviderARN
	p := do(t, api.GetOpenIDConnectProvider, call, &api.GetOpenIDConnectProviderInput{OpenIDConnectProviderARN: arn})
	if len(p.ThumbprintList) != 1 || p.ThumbprintList[0] != oidc.Thumbprint(server.Certificate()) {
		t.Errorf("thumbprints %v", p.ThumbprintList)
	}
}

func TestSAMLProvider(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	document := metadata(t)
	arn := *do(t, api.CreateSAMLProvider, call, &api.CreateSAMLProviderInput{Name: "ADFS", SAMLMetadataDocument: document}).SAMLProviderARN
	if arn != "arn:aws:iam::111122223333:saml-provider/ADFS" {
		t.Errorf("provider %s", arn)
	}
	get := func() *api.GetSAMLProviderOutput {
		t.Helper()
		return do(t, api.GetSAMLProvider, call, &api.GetSAMLProviderInput{SAMLProviderARN: arn})
	}
	if p := get(); *p.SAMLMetadataDocument != document || p.ValidUntil.Year() != 2126 || !p.CreateDate.Equal(servicetest.Start) || len(*p.SAMLProviderUUID) < 22 {
		t.Errorf("provider %+v", p)
	}
	refuse(t, api.CreateSAMLProvider, call, &api.CreateSAMLProviderInput{Name: "ADFS", SAMLMetadataDocument: document}, "EntityAlreadyExists", "SAMLProvider ADFS already exists.")
	refuse(t, api.CreateSAMLProvider, call, &api.CreateSAMLProviderInput{Name: "x", SAMLMetadataDocument: strings.Repeat("x", 1000)}, "InvalidInput", "Could not parse metadata")
	refuse(t, api.CreateSAMLProvider, call, &api.CreateSAMLProviderInput{Name: "x", SAMLMetadataDocument: "x"}, "ValidationError", "")
	until := strings.Replace(document, "entityID=", `validUntil="2030-01-01T00:00:00Z" entityID=`, 1)
	do(t, api.UpdateSAMLProvider, call, &api.UpdateSAMLProviderInput{SAMLProviderARN: arn, SAMLMetadataDocument: &until})
	if p := get(); p.ValidUntil.Year() != 2030 {
		t.Errorf("provider %+v", p)
	}
	// Keys that open encrypted assertions.
	mode := api.AssertionEncryptionModeTypeRequired
	refuse(t, api.UpdateSAMLProvider, call, &api.UpdateSAMLProviderInput{SAMLProviderARN: arn, AssertionEncryptionMode: &mode}, "InvalidInput", "")
	refuse(t, api.UpdateSAMLProvider, call, &api.UpdateSAMLProviderInput{SAMLProviderARN: arn, AddPrivateKey: new(file(t, "curve.key"))}, "InvalidInput", "")
	do(t, api.UpdateSAMLProvider, call, &api.UpdateSAMLProviderInput{SAMLProviderARN: arn, AssertionEncryptionMode: &mode, AddPrivateKey: new(file(t, "leaf.key"))})
	p := get()
	if *p.AssertionEncryptionMode != mode || len(p.PrivateKeyList) != 1 {
		t.Errorf("provider %+v", p)
	}
	if keys, err := vault(t, c).SAMLKeys(t.Context(), arn); err != nil || len(keys) != 1 || keys[0] != file(t, "leaf.key") {
		t.Errorf("keys %v, %v", keys, err)
	}
	refuse(t, api.UpdateSAMLProvider, call, &api.UpdateSAMLProviderInput{SAMLProviderARN: arn, RemovePrivateKey: p.PrivateKeyList[0].KeyID}, "InvalidInput", "")
	if l := do(t, api.ListSAMLProviders, call, &api.ListSAMLProvidersInput{}).SAMLProviderList; len(l) != 1 || *l[0].ARN != arn || l[0].ValidUntil.Year() != 2030 {
		t.Errorf("providers %+v", l)
	}
	if s := do(t, api.GetAccountSummary, call, &api.GetAccountSummaryInput{}).SummaryMap; s["Providers"] != 1 {
		t.Errorf("summary %v", s)
	}
	do(t, api.DeleteSAMLProvider, call, &api.DeleteSAMLProviderInput{SAMLProviderARN: arn})
	refuse(t, api.GetSAMLProvider, call, &api.GetSAMLProviderInput{SAMLProviderARN: arn}, "NoSuchEntity", "")
	refuse(t, api.UpdateSAMLProvider, call, &api.UpdateSAMLProviderInput{SAMLProviderARN: arn, SAMLMetadataDocument: &document}, "NoSuchEntity", "")
}
