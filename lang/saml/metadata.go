package saml

import (
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"drydock/lang/xmldsig"
)

// ErrMetadata is for text that is not the metadata of an identity provider.
var ErrMetadata = errors.New("not the metadata of a SAML identity provider")

// Namespaces of SAML.
const (
	metadataSpace  = "urn:oasis:names:tc:SAML:2.0:metadata"
	assertionSpace = "urn:oasis:names:tc:SAML:2.0:assertion"
	protocolSpace  = "urn:oasis:names:tc:SAML:2.0:protocol"
)

// Metadata is what an identity provider tells of itself.
type Metadata struct {
	// EntityID is the issuer of its assertions.
	EntityID string
	// ValidUntil is when the metadata ends to be valid; zero: it does not say.
	ValidUntil time.Time
	// Certificates are those of the keys that it signs with.
	Certificates []*x509.Certificate
}

// Keys are the public keys that it signs with.
func (m *Metadata) Keys() []crypto.PublicKey {
	keys := make([]crypto.PublicKey, 0, len(m.Certificates))
	for _, c := range m.Certificates {
		keys = append(keys, c.PublicKey)
	}
	return keys
}

// ParseMetadata reads metadata that describe one identity provider.
func ParseMetadata(text []byte) (*Metadata, error) {
	root, err := xmldsig.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMetadata, err)
	}
	var entity, provider *xmldsig.Element
	for _, p := range root.Find(metadataSpace, "IDPSSODescriptor") {
		if provider != nil {
			return nil, fmt.Errorf("%w: more than one", ErrMetadata)
		}
		provider, entity = p, p.Parent
	}
	if entity == nil || entity.Name != (xmldsig.Name{Space: metadataSpace, Local: "EntityDescriptor"}) || entity.Attr("entityID") == "" {
		return nil, fmt.Errorf("%w: no IDPSSODescriptor in an EntityDescriptor", ErrMetadata)
	}
	m := &Metadata{EntityID: entity.Attr("entityID")}
	for _, e := range []*xmldsig.Element{root, entity, provider} {
		until := e.Attr("validUntil")
		if until == "" {
			continue
		}
		at, err := instant(until)
		if err != nil {
			return nil, fmt.Errorf("%w: validUntil %q", ErrMetadata, until)
		}
		if m.ValidUntil.IsZero() || at.Before(m.ValidUntil) {
			m.ValidUntil = at
		}
	}
	for _, k := range provider.All(metadataSpace, "KeyDescriptor") {
		if use := k.Attr("use"); use != "" && use != "signing" {
			continue
		}
		for _, c := range k.Find(xmldsig.Space, "X509Certificate") {
			der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(c.Text()), ""))
			if err != nil {
				return nil, fmt.Errorf("%w: a certificate", ErrMetadata)
			}
			certificate, err := x509.ParseCertificate(der)
			if err != nil {
				return nil, fmt.Errorf("%w: a certificate: %w", ErrMetadata, err)
			}
			m.Certificates = append(m.Certificates, certificate)
		}
	}
	if len(m.Certificates) == 0 {
		return nil, fmt.Errorf("%w: no certificate to check signatures with", ErrMetadata)
	}
	if len(provider.All(metadataSpace, "SingleSignOnService")) == 0 {
		return nil, fmt.Errorf("%w: no SingleSignOnService", ErrMetadata)
	}
	return m, nil
}

// instant reads a time of XML Schema; one without zone is UTC.
func instant(text string) (time.Time, error) {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		at, err = time.Parse("2006-01-02T15:04:05", text)
	}
	return at.UTC(), err
}
