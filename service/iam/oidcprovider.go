package iam

import (
	"errors"
	"slices"
	"strings"
	"time"

	api "drydock/api/iam"
	"drydock/aws"
	"drydock/engine/oidc"
	"drydock/store"
)

// oidcProvider is an OpenID Connect issuer whose tokens roles may trust.
type oidcProvider struct {
	Account, Partition string
	URL                string // as it was given, with its scheme
	Clients            []string
	Thumbprints        []string
	Created            time.Time
	Tags               map[string]string
}

var oidcProviders = store.NewTable("iam/oidcprovider", func(p *oidcProvider) store.Key { return store.K(p.Account, p.name()) })

// name is the URL without its scheme, as it stands in the ARN.
func (p *oidcProvider) name() string {
	_, name, _ := strings.Cut(p.URL, "://")
	return name
}

func (p *oidcProvider) arn() string {
	return aws.ARN{Partition: p.Partition, Service: "iam", Account: p.Account, Resource: "oidc-provider/" + p.name()}.String()
}

func getOIDCProvider(tx *store.Tx, account, arn string) (*oidcProvider, error) {
	missing := api.NewNoSuchEntityException("OpenIDConnect Provider not found for arn %s", arn)
	a, ok := parseARN(arn)
	name, found := strings.CutPrefix(a.Resource, "oidc-provider/")
	if !ok || !found || a.Account != account {
		return nil, missing
	}
	p, err := oidcProviders.Get(tx, store.K(account, name))
	if errors.Is(err, store.ErrNotFound) {
		return nil, missing
	}
	return p, err
}

// createOpenIDConnectProvider makes a provider. Where no thumbprint is given, that of the issuer's server is asked for; a
// server that does not answer gets none, and is trusted by certificate authorities alone.
func (s *Service) createOpenIDConnectProvider(call *aws.Call, in *api.CreateOpenIDConnectProviderInput) (*api.CreateOpenIDConnectProviderOutput, error) {
	tags, err := mergeTags(nil, in.Tags)
	if err != nil {
		return nil, err
	}
	if oidc.CheckIssuer(in.URL) != nil {
		return nil, api.NewInvalidInputException("Invalid Open ID Connect Provider URL")
	}
	p := &oidcProvider{
		Account: call.Account, Partition: call.Partition, URL: strings.TrimSuffix(in.URL, "/"), Clients: unique(in.ClientIDList),
		Created: call.Now().Truncate(time.Second), Tags: tags,
	}
	if p.Thumbprints, err = thumbprints(in.ThumbprintList); err != nil {
		return nil, err
	}
	if len(p.Clients) > maxClientIDs {
		return nil, api.NewLimitExceededException("Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: %d", maxClientIDs)
	}
	if len(p.Thumbprints) == 0 {
		if t, err := oidc.TopThumbprint(call, p.URL); err == nil {
			p.Thumbprints = []string{t}
		}
	}
	err = s.update(call, func(tx *store.Tx) error {
		have := 0
		for other, err := range oidcProviders.Scan(tx, store.Range{Prefix: store.K(call.Account)}) {
			if err != nil {
				return err
			}
			if other.name() == p.name() {
				return api.NewEntityAlreadyExistsException("Provider with url %s already exists.", in.URL)
			}
			have++
		}
		if have >= maxOIDCProviders {
			return api.NewLimitExceededException("Cannot exceed quota for OpenIdConnectProvidersPerAccount: %d", maxOIDCProviders)
		}
		return oidcProviders.Put(tx, p)
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateOpenIDConnectProviderOutput{OpenIDConnectProviderARN: new(p.arn()), Tags: shownTags(p.Tags)}, nil
}

// unique drops what is given twice and keeps the order.
func unique(list []string) []string {
	var kept []string
	for _, s := range list {
		if !slices.Contains(kept, s) {
			kept = append(kept, s)
		}
	}
	return kept
}

// thumbprints checks a list of thumbprints.
func thumbprints(list []string) ([]string, error) {
	if len(list) > maxThumbprints {
		return nil, api.NewInvalidInputException("Thumbprint list must contain fewer than %d entries.", maxThumbprints+1)
	}
	checked := make([]string, 0, len(list))
	for _, t := range list {
		lower := strings.ToLower(t)
		if strings.Trim(lower, "0123456789abcdef") != "" {
			return nil, api.NewInvalidInputException("Thumbprint %s is not a SHA-1 in hexadecimal digits.", t)
		}
		checked = append(checked, lower)
	}
	return checked, nil
}

func (s *Service) getOpenIDConnectProvider(call *aws.Call, in *api.GetOpenIDConnectProviderInput) (*api.GetOpenIDConnectProviderOutput, error) {
	p, err := s.viewOIDCProvider(call, in.OpenIDConnectProviderARN)
	if err != nil {
		return nil, err
	}
	return &api.GetOpenIDConnectProviderOutput{
		URL: new(p.name()), ClientIDList: append([]string{}, p.Clients...), ThumbprintList: append([]string{}, p.Thumbprints...), CreateDate: &p.Created,
		Tags: shownTags(p.Tags),
	}, nil
}

func (s *Service) viewOIDCProvider(call *aws.Call, arn string) (p *oidcProvider, err error) {
	err = s.DB.View(call, func(tx *store.Tx) error {
		p, err = getOIDCProvider(tx, call.Account, arn)
		return err
	})
	return p, err
}

func (s *Service) listOpenIDConnectProviders(call *aws.Call, _ *api.ListOpenIDConnectProvidersInput) (*api.ListOpenIDConnectProvidersOutput, error) {
	out := &api.ListOpenIDConnectProvidersOutput{OpenIDConnectProviderList: []api.OpenIDConnectProviderListEntry{}}
	err := s.DB.View(call, func(tx *store.Tx) error {
		for p, err := range oidcProviders.Scan(tx, store.Range{Prefix: store.K(call.Account)}) {
			if err != nil {
				return err
			}
			out.OpenIDConnectProviderList = append(out.OpenIDConnectProviderList, api.OpenIDConnectProviderListEntry{ARN: new(p.arn())})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// changeOIDCProvider changes one of the caller's providers.
func (s *Service) changeOIDCProvider(call *aws.Call, arn string, change func(p *oidcProvider) error) error {
	return s.update(call, func(tx *store.Tx) error {
		p, err := getOIDCProvider(tx, call.Account, arn)
		if err != nil {
			return err
		}
		if err := change(p); err != nil {
			return err
		}
		return oidcProviders.Put(tx, p)
	})
}

// addClientIDToOpenIDConnectProvider admits tokens for a client; one that is admitted already stays so.
func (s *Service) addClientIDToOpenIDConnectProvider(call *aws.Call, in *api.AddClientIDToOpenIDConnectProviderInput) (*api.AddClientIDToOpenIDConnectProviderOutput, error) {
	err := s.changeOIDCProvider(call, in.OpenIDConnectProviderARN, func(p *oidcProvider) error {
		p.Clients = unique(append(p.Clients, in.ClientID))
		if len(p.Clients) > maxClientIDs {
			return api.NewLimitExceededException("Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: %d", maxClientIDs)
		}
		return nil
	})
	return &api.AddClientIDToOpenIDConnectProviderOutput{}, err
}

func (s *Service) removeClientIDFromOpenIDConnectProvider(call *aws.Call, in *api.RemoveClientIDFromOpenIDConnectProviderInput) (*api.RemoveClientIDFromOpenIDConnectProviderOutput, error) {
	err := s.changeOIDCProvider(call, in.OpenIDConnectProviderARN, func(p *oidcProvider) error {
		p.Clients = slices.DeleteFunc(p.Clients, func(c string) bool { return c == in.ClientID })
		return nil
	})
	return &api.RemoveClientIDFromOpenIDConnectProviderOutput{}, err
}

func (s *Service) updateOpenIDConnectProviderThumbprint(call *aws.Call, in *api.UpdateOpenIDConnectProviderThumbprintInput) (*api.UpdateOpenIDConnectProviderThumbprintOutput, error) {
	list, err := thumbprints(in.ThumbprintList)
	if err != nil {
		return nil, err
	}
	err = s.changeOIDCProvider(call, in.OpenIDConnectProviderARN, func(p *oidcProvider) error {
		p.Thumbprints = list
		return nil
	})
	return &api.UpdateOpenIDConnectProviderThumbprintOutput{}, err
}

// deleteOpenIDConnectProvider removes a provider. Roles that trust it do not any more.
func (s *Service) deleteOpenIDConnectProvider(call *aws.Call, in *api.DeleteOpenIDConnectProviderInput) (*api.DeleteOpenIDConnectProviderOutput, error) {
	err := s.update(call, func(tx *store.Tx) error {
		p, err := getOIDCProvider(tx, call.Account, in.OpenIDConnectProviderARN)
		if err != nil {
			return err
		}
		_, err = oidcProviders.Delete(tx, oidcProviders.Key(p))
		return err
	})
	return &api.DeleteOpenIDConnectProviderOutput{}, err
}

func (s *Service) tagOpenIDConnectProvider(call *aws.Call, in *api.TagOpenIDConnectProviderInput) (*api.TagOpenIDConnectProviderOutput, error) {
	return &api.TagOpenIDConnectProviderOutput{}, s.changeOIDCProvider(call, in.OpenIDConnectProviderARN, func(p *oidcProvider) (err error) {
		p.Tags, err = mergeTags(p.Tags, in.Tags)
		return err
	})
}

func (s *Service) untagOpenIDConnectProvider(call *aws.Call, in *api.UntagOpenIDConnectProviderInput) (*api.UntagOpenIDConnectProviderOutput, error) {
	return &api.UntagOpenIDConnectProviderOutput{}, s.changeOIDCProvider(call, in.OpenIDConnectProviderARN, func(p *oidcProvider) error {
		dropTags(p.Tags, in.TagKeys)
		return nil
	})
}

func (s *Service) listOpenIDConnectProviderTags(call *aws.Call, in *api.ListOpenIDConnectProviderTagsInput) (*api.ListOpenIDConnectProviderTagsOutput, error) {
	p, err := s.viewOIDCProvider(call, in.OpenIDConnectProviderARN)
	if err != nil {
		return nil, err
	}
	l, err := pageTags(p.Tags, in.Marker, in.MaxItems)
	return &api.ListOpenIDConnectProviderTagsOutput{Tags: l.items, IsTruncated: l.truncated(), Marker: l.marker}, err
}
