package iam

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	api "drydock/api/iam"
	"drydock/aws"
	"drydock/lang/saml"
	"drydock/store"
)

// samlProvider is a SAML identity provider whose assertions roles may trust.
type samlProvider struct {
	Account, Partition  string
	Name, UUID          string
	Metadata            string
	Created, ValidUntil time.Time
	Tags                map[string]string
	Encryption          api.AssertionEncryptionModeType
	Keys                []samlKey
}

// samlKey is a private key with which assertions are decrypted.
type samlKey struct {
	ID     string
	Added  time.Time
	Sealed []byte
}

var samlProviders = store.NewTable("iam/samlprovider", func(p *samlProvider) store.Key { return store.K(p.Account, p.Name) })

const (
	// defaultValidity is how many years metadata count that do not say.
	defaultValidity = 100
	maxSAMLKeys     = 2
)

func (p *samlProvider) arn() string {
	return aws.ARN{Partition: p.Partition, Service: "iam", Account: p.Account, Resource: "saml-provider/" + p.Name}.String()
}

// keyContext binds a sealed key to its id.
func (k *samlKey) keyContext() []byte { return []byte("iam saml key " + k.ID) }

func getSAMLProvider(tx *store.Tx, account, arn string) (*samlProvider, error) {
	missing := api.NewNoSuchEntityException("Manifest not found for arn %s", arn)
	a, ok := parseARN(arn)
	name, found := strings.CutPrefix(a.Resource, "saml-provider/")
	if !ok || !found || a.Account != account {
		return nil, missing
	}
	p, err := samlProviders.Get(tx, store.K(account, name))
	if errors.Is(err, store.ErrNotFound) {
		return nil, missing
	}
	return p, err
}

// setMetadata takes metadata over.
func (p *samlProvider) setMetadata(text string, now time.Time) error {
	m, err := saml.ParseMetadata([]byte(text))
	if err != nil {
		return api.NewInvalidInputException("Could not parse metadata").WithCause(err)
	}
	p.Metadata, p.ValidUntil = text, m.ValidUntil
	if p.ValidUntil.IsZero() {
		p.ValidUntil = now.AddDate(defaultValidity, 0, 0)
	}
	return nil
}

// newSAMLKey seals a private key; nil for none.
func (s *Service) newSAMLKey(call *aws.Call, text *string) (*samlKey, error) {
	if text == nil {
		return nil, nil
	}
	parsed, err := parsePrivateKey(*text)
	if err != nil {
		return nil, api.NewInvalidInputException("The private key is not in PEM format, or is encrypted.")
	}
	if _, ok := parsed.(*rsa.PrivateKey); !ok {
		return nil, api.NewInvalidInputException("The private key must be an RSA key.")
	}
	k := &samlKey{ID: call.NewID("", 22), Added: call.Now().Truncate(time.Second)}
	k.Sealed = s.Keys.Wrap([]byte(*text), k.keyContext())
	return k, nil
}

// encrypt sets how assertions are encrypted.
func (p *samlProvider) encrypt(mode *api.AssertionEncryptionModeType, add *samlKey) error {
	if add != nil {
		if len(p.Keys) >= maxSAMLKeys {
			return api.NewLimitExceededException("Cannot exceed quota for PrivateKeysPerSAMLProvider: %d", maxSAMLKeys)
		}
		p.Keys = append(p.Keys, *add)
	}
	if mode != nil {
		p.Encryption = *mode
	}
	if p.Encryption != "" && len(p.Keys) == 0 {
		return api.NewInvalidInputException("An assertion encryption mode needs a private key.")
	}
	return nil
}

func (s *Service) createSAMLProvider(call *aws.Call, in *api.CreateSAMLProviderInput) (*api.CreateSAMLProviderOutput, error) {
	tags, err := mergeTags(nil, in.Tags)
	if err != nil {
		return nil, err
	}
	now := call.Now().Truncate(time.Second)
	p := &samlProvider{Account: call.Account, Partition: call.Partition, Name: in.Name, UUID: call.NewID("SAMLSP", 20), Created: now, Tags: tags}
	if err := p.setMetadata(in.SAMLMetadataDocument, now); err != nil {
		return nil, err
	}
	key, err := s.newSAMLKey(call, in.AddPrivateKey)
	if err != nil {
		return nil, err
	}
	if err := p.encrypt(in.AssertionEncryptionMode, key); err != nil {
		return nil, err
	}
	err = s.update(call, func(tx *store.Tx) error {
		have := 0
		for other, err := range samlProviders.Scan(tx, store.Range{Prefix: store.K(call.Account)}) {
			if err != nil {
				return err
			}
			if other.Name == p.Name {
				return api.NewEntityAlreadyExistsException("SAMLProvider %s already exists.", p.Name)
			}
			have++
		}
		if have >= maxSAMLProviders {
			return api.NewLimitExceededException("Cannot exceed quota for SAMLProvidersPerAccount: %d", maxSAMLProviders)
		}
		return samlProviders.Put(tx, p)
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateSAMLProviderOutput{SAMLProviderARN: new(p.arn()), Tags: shownTags(p.Tags)}, nil
}

func (s *Service) getSAMLProvider(call *aws.Call, in *api.GetSAMLProviderInput) (*api.GetSAMLProviderOutput, error) {
	p, err := s.viewSAMLProvider(call, in.SAMLProviderARN)
	if err != nil {
		return nil, err
	}
	out := &api.GetSAMLProviderOutput{
		SAMLMetadataDocument: &p.Metadata, CreateDate: &p.Created, ValidUntil: &p.ValidUntil, Tags: shownTags(p.Tags), SAMLProviderUUID: &p.UUID,
	}
	if p.Encryption != "" {
		out.AssertionEncryptionMode = &p.Encryption
	}
	for i := range p.Keys {
		out.PrivateKeyList = append(out.PrivateKeyList, api.SAMLPrivateKey{KeyID: &p.Keys[i].ID, Timestamp: &p.Keys[i].Added})
	}
	return out, nil
}

func (s *Service) viewSAMLProvider(call *aws.Call, arn string) (p *samlProvider, err error) {
	err = s.DB.View(call, func(tx *store.Tx) error {
		p, err = getSAMLProvider(tx, call.Account, arn)
		return err
	})
	return p, err
}

func (s *Service) listSAMLProviders(call *aws.Call, _ *api.ListSAMLProvidersInput) (*api.ListSAMLProvidersOutput, error) {
	out := &api.ListSAMLProvidersOutput{SAMLProviderList: []api.SAMLProviderListEntry{}}
	err := s.DB.View(call, func(tx *store.Tx) error {
		for p, err := range samlProviders.Scan(tx, store.Range{Prefix: store.K(call.Account)}) {
			if err != nil {
				return err
			}
			out.SAMLProviderList = append(out.SAMLProviderList, api.SAMLProviderListEntry{ARN: new(p.arn()), ValidUntil: &p.ValidUntil, CreateDate: &p.Created})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// changeSAMLProvider changes one of the caller's providers.
func (s *Service) changeSAMLProvider(call *aws.Call, arn string, change func(p *samlProvider) error) error {
	return s.update(call, func(tx *store.Tx) error {
		p, err := getSAMLProvider(tx, call.Account, arn)
		if err != nil {
			return err
		}
		if err := change(p); err != nil {
			return err
		}
		return samlProviders.Put(tx, p)
	})
}

func (s *Service) updateSAMLProvider(call *aws.Call, in *api.UpdateSAMLProviderInput) (*api.UpdateSAMLProviderOutput, error) {
	key, err := s.newSAMLKey(call, in.AddPrivateKey)
	if err != nil {
		return nil, err
	}
	now := call.Now().Truncate(time.Second)
	err = s.changeSAMLProvider(call, in.SAMLProviderARN, func(p *samlProvider) error {
		if in.SAMLMetadataDocument != nil {
			if err := p.setMetadata(*in.SAMLMetadataDocument, now); err != nil {
				return err
			}
		}
		if in.RemovePrivateKey != nil {
			i := slices.IndexFunc(p.Keys, func(k samlKey) bool { return k.ID == *in.RemovePrivateKey })
			if i < 0 {
				return api.NewInvalidInputException("The private key %s cannot be found.", *in.RemovePrivateKey)
			}
			p.Keys = slices.Delete(p.Keys, i, i+1)
		}
		return p.encrypt(in.AssertionEncryptionMode, key)
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateSAMLProviderOutput{SAMLProviderARN: &in.SAMLProviderARN}, nil
}

// deleteSAMLProvider removes a provider. Roles that trust it do not any more.
func (s *Service) deleteSAMLProvider(call *aws.Call, in *api.DeleteSAMLProviderInput) (*api.DeleteSAMLProviderOutput, error) {
	err := s.update(call, func(tx *store.Tx) error {
		p, err := getSAMLProvider(tx, call.Account, in.SAMLProviderARN)
		if err != nil {
			return err
		}
		_, err = samlProviders.Delete(tx, samlProviders.Key(p))
		return err
	})
	return &api.DeleteSAMLProviderOutput{}, err
}

func (s *Service) tagSAMLProvider(call *aws.Call, in *api.TagSAMLProviderInput) (*api.TagSAMLProviderOutput, error) {
	return &api.TagSAMLProviderOutput{}, s.changeSAMLProvider(call, in.SAMLProviderARN, func(p *samlProvider) (err error) {
		p.Tags, err = mergeTags(p.Tags, in.Tags)
		return err
	})
}

func (s *Service) untagSAMLProvider(call *aws.Call, in *api.UntagSAMLProviderInput) (*api.UntagSAMLProviderOutput, error) {
	return &api.UntagSAMLProviderOutput{}, s.changeSAMLProvider(call, in.SAMLProviderARN, func(p *samlProvider) error {
		dropTags(p.Tags, in.TagKeys)
		return nil
	})
}

func (s *Service) listSAMLProviderTags(call *aws.Call, in *api.ListSAMLProviderTagsInput) (*api.ListSAMLProviderTagsOutput, error) {
	p, err := s.viewSAMLProvider(call, in.SAMLProviderARN)
	if err != nil {
		return nil, err
	}
	l, err := pageTags(p.Tags, in.Marker, in.MaxItems)
	return &api.ListSAMLProviderTagsOutput{Tags: l.items, IsTruncated: l.truncated(), Marker: l.marker}, err
}

// SAMLKeys returns the keys that open encrypted assertions: see service.Vault.
func (s *Service) SAMLKeys(ctx context.Context, arn string) (keys []string, err error) {
	a, _ := parseARN(arn)
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		p, err := getSAMLProvider(tx, a.Account, arn)
		if err != nil {
			return err
		}
		for i := range p.Keys {
			plain, err := s.Keys.Unwrap(p.Keys[i].Sealed, p.Keys[i].keyContext())
			if err != nil {
				return fmt.Errorf("unseal a key of %s: %w", arn, err)
			}
			keys = append(keys, string(plain))
		}
		return nil
	})
	return keys, err
}
