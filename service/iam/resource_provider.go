package iam

import (
	"slices"

	api "drydock/api/iam"
	"drydock/aws"
	"drydock/resource"
)

// oidcProperties are the properties of AWS::IAM::OIDCProvider.
type oidcProperties struct {
	URL            string        `json:"Url,omitempty"`
	ClientIDList   []string      `json:"ClientIdList,omitempty"`
	ThumbprintList []string      `json:",omitempty"`
	Tags           []tagProperty `json:",omitempty"`
	ARN            string        `json:"Arn,omitempty"`
}

func oidcResource() resource.Type {
	return resource.Type{
		Name: "AWS::IAM::OIDCProvider", PrimaryIdentifier: []string{"Arn"}, ReadOnly: []string{"Arn"}, CreateOnly: []string{"Url"},
		Create: createOIDCResource, Read: readOIDCResource, Update: updateOIDCResource, Delete: deleteOIDCResource, List: listOIDCResources,
	}
}

func createOIDCResource(call *aws.Call, desired resource.Properties) (string, error) {
	var p oidcProperties
	if err := desired.Decode(&p); err != nil {
		return "", err
	}
	out, err := api.CreateOpenIDConnectProvider.Do(call, &api.CreateOpenIDConnectProviderInput{
		URL: p.URL, ClientIDList: p.ClientIDList, ThumbprintList: p.ThumbprintList, Tags: tagsOf(p.Tags),
	})
	if err != nil {
		return "", err
	}
	return *out.OpenIDConnectProviderARN, nil
}

func readOIDCResource(call *aws.Call, id string) (resource.Properties, error) {
	out, err := api.GetOpenIDConnectProvider.Do(call, &api.GetOpenIDConnectProviderInput{OpenIDConnectProviderARN: id})
	if err != nil {
		return nil, err
	}
	return resource.Encode(oidcProperties{
		URL: "https://" + *out.URL, ClientIDList: out.ClientIDList, ThumbprintList: out.ThumbprintList, Tags: tagProperties(out.Tags), ARN: id,
	})
}

func updateOIDCResource(call *aws.Call, id string, current, desired resource.Properties) error {
	var was, want oidcProperties
	if err := current.Decode(&was); err != nil {
		return err
	}
	if err := desired.Decode(&want); err != nil {
		return err
	}
	for _, c := range want.ClientIDList {
		if !slices.Contains(was.ClientIDList, c) {
			if _, err := api.AddClientIDToOpenIDConnectProvider.Do(call, &api.AddClientIDToOpenIDConnectProviderInput{OpenIDConnectProviderARN: id, ClientID: c}); err != nil {
				return err
			}
		}
	}
	for _, c := range was.ClientIDList {
		if !slices.Contains(want.ClientIDList, c) {
			if _, err := api.RemoveClientIDFromOpenIDConnectProvider.Do(call, &api.RemoveClientIDFromOpenIDConnectProviderInput{OpenIDConnectProviderARN: id, ClientID: c}); err != nil {
				return err
			}
		}
	}
	if want.ThumbprintList != nil && !slices.Equal(was.ThumbprintList, want.ThumbprintList) {
		_, err := api.UpdateOpenIDConnectProviderThumbprint.Do(call, &api.UpdateOpenIDConnectProviderThumbprintInput{OpenIDConnectProviderARN: id, ThumbprintList: want.ThumbprintList})
		if err != nil {
			return err
		}
	}
	return changeTags(was.Tags, want.Tags, func(tags []api.Tag) error {
		_, err := api.TagOpenIDConnectProvider.Do(call, &api.TagOpenIDConnectProviderInput{OpenIDConnectProviderARN: id, Tags: tags})
		return err
	}, func(keys []string) error {
		_, err := api.UntagOpenIDConnectProvider.Do(call, &api.UntagOpenIDConnectProviderInput{OpenIDConnectProviderARN: id, TagKeys: keys})
		return err
	})
}

func deleteOIDCResource(call *aws.Call, id string) error {
	_, err := api.DeleteOpenIDConnectProvider.Do(call, &api.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderARN: id})
	return err
}

func listOIDCResources(call *aws.Call) (ids []string, err error) {
	out, err := api.ListOpenIDConnectProviders.Do(call, &api.ListOpenIDConnectProvidersInput{})
	if err != nil {
		return nil, err
	}
	for _, p := range out.OpenIDConnectProviderList {
		ids = append(ids, *p.ARN)
	}
	return ids, nil
}

// samlProperties are the properties of AWS::IAM::SAMLProvider. Private keys can be added and removed, and are not told.
type samlProperties struct {
	Name                    string        `json:",omitempty"`
	SAMLMetadataDocument    string        `json:"SamlMetadataDocument,omitempty"`
	AssertionEncryptionMode string        `json:",omitempty"`
	AddPrivateKey           string        `json:",omitempty"`
	RemovePrivateKey        string        `json:",omitempty"`
	Tags                    []tagProperty `json:",omitempty"`
	ARN                     string        `json:"Arn,omitempty"`
	UUID                    string        `json:"SamlProviderUUID,omitempty"`
}

func (p *samlProperties) mode() *api.AssertionEncryptionModeType {
	if p.AssertionEncryptionMode == "" {
		return nil
	}
	return new(api.AssertionEncryptionModeType(p.AssertionEncryptionMode))
}

func samlResource() resource.Type {
	return resource.Type{
		Name: "AWS::IAM::SAMLProvider", PrimaryIdentifier: []string{"Arn"}, ReadOnly: []string{"Arn", "SamlProviderUUID"}, CreateOnly: []string{"Name"},
		Create: createSAMLResource, Read: readSAMLResource, Update: updateSAMLResource, Delete: deleteSAMLResource, List: listSAMLResources,
	}
}

func createSAMLResource(call *aws.Call, desired resource.Properties) (string, error) {
	var p samlProperties
	if err := desired.Decode(&p); err != nil {
		return "", err
	}
	if p.Name == "" {
		p.Name = call.NewID("SAMLProvider-", 12)
	}
	out, err := api.CreateSAMLProvider.Do(call, &api.CreateSAMLProviderInput{
		Name: p.Name, SAMLMetadataDocument: p.SAMLMetadataDocument, Tags: tagsOf(p.Tags), AssertionEncryptionMode: p.mode(), AddPrivateKey: optional(p.AddPrivateKey),
	})
	if err != nil {
		return "", err
	}
	return *out.SAMLProviderARN, nil
}

func readSAMLResource(call *aws.Call, id string) (resource.Properties, error) {
	out, err := api.GetSAMLProvider.Do(call, &api.GetSAMLProviderInput{SAMLProviderARN: id})
	if err != nil {
		return nil, err
	}
	p := samlProperties{Name: lastName(id), SAMLMetadataDocument: *out.SAMLMetadataDocument, Tags: tagProperties(out.Tags), ARN: id, UUID: *out.SAMLProviderUUID}
	if out.AssertionEncryptionMode != nil {
		p.AssertionEncryptionMode = string(*out.AssertionEncryptionMode)
	}
	return resource.Encode(p)
}

func updateSAMLResource(call *aws.Call, id string, current, desired resource.Properties) error {
	var was, want samlProperties
	if err := current.Decode(&was); err != nil {
		return err
	}
	if err := desired.Decode(&want); err != nil {
		return err
	}
	_, err := api.UpdateSAMLProvider.Do(call, &api.UpdateSAMLProviderInput{
		SAMLProviderARN: id, SAMLMetadataDocument: optional(want.SAMLMetadataDocument), AssertionEncryptionMode: want.mode(),
		AddPrivateKey: optional(want.AddPrivateKey), RemovePrivateKey: optional(want.RemovePrivateKey),
	})
	if err != nil {
		return err
	}
	return changeTags(was.Tags, want.Tags, func(tags []api.Tag) error {
		_, err := api.TagSAMLProvider.Do(call, &api.TagSAMLProviderInput{SAMLProviderARN: id, Tags: tags})
		return err
	}, func(keys []string) error {
		_, err := api.UntagSAMLProvider.Do(call, &api.UntagSAMLProviderInput{SAMLProviderARN: id, TagKeys: keys})
		return err
	})
}

func deleteSAMLResource(call *aws.Call, id string) error {
	_, err := api.DeleteSAMLProvider.Do(call, &api.DeleteSAMLProviderInput{SAMLProviderARN: id})
	return err
}

func listSAMLResources(call *aws.Call) (ids []string, err error) {
	out, err := api.ListSAMLProviders.Do(call, &api.ListSAMLProvidersInput{})
	if err != nil {
		return nil, err
	}
	for _, p := range out.SAMLProviderList {
		ids = append(ids, *p.ARN)
	}
	return ids, nil
}
