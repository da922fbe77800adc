package saml

import (
	"crypto"
	"crypto/rsa"
	"errors"
	"fmt"
	"time"

	"drydock/lang/xmldsig"
)

// Errors of responses.
var (
	// ErrResponse is for text that is not a response with one assertion.
	ErrResponse = errors.New("not a SAML response with one assertion")
	// ErrStatus is for a response that tells of a failure.
	ErrStatus = errors.New("the SAML response does not tell success")
	// ErrSignature is for a response that is not signed by the provider.
	ErrSignature = errors.New("the SAML response is not signed by the identity provider")
	// ErrEncryption is for an assertion that is encrypted and cannot be opened, or is not and should be.
	ErrEncryption = errors.New("the SAML assertion is not encrypted as it should be")
)

// Assertion is what an identity provider says of someone.
type Assertion struct {
	Issuer string
	Issued time.Time
	// NotBefore and NotOnOrAfter are when it may be used; zero: it does not say. Of several bounds the narrowest counts.
	NotBefore, NotOnOrAfter time.Time
	// SessionEnds is when the session at the identity provider ends; zero: it does not say.
	SessionEnds time.Time
	// Audiences are whom it is for; nil: everyone.
	Audiences []string
	// Recipient is where it is to be presented.
	Recipient string
	// Subject is the name that it is about, Format the form of the name.
	Subject, Format string
	// Attributes are the values of attributes by their names, in the order in which they stand.
	Attributes map[string][]string
}

// Options are how responses are judged.
type Options struct {
	// Keys are those that the provider signs with.
	Keys []crypto.PublicKey
	// Decrypt are the keys that open encrypted assertions; MustDecrypt refuses all others.
	Decrypt     []*rsa.PrivateKey
	MustDecrypt bool
}

// ParseResponse reads a response and checks that the provider has signed it.
func ParseResponse(text []byte, o Options) (*Assertion, error) {
	root, err := xmldsig.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrResponse, err)
	}
	if root.Name != (xmldsig.Name{Space: protocolSpace, Local: "Response"}) {
		return nil, fmt.Errorf("%w: the root is %s", ErrResponse, root.Name.Local)
	}
	if code := root.Child(protocolSpace, "Status").Child(protocolSpace, "StatusCode"); code == nil ||
		code.Attr("Value") != "urn:oasis:names:tc:SAML:2.0:status:Success" {
		return nil, ErrStatus
	}
	assertion, encrypted := root.Child(assertionSpace, "Assertion"), root.Child(assertionSpace, "EncryptedAssertion")
	found := len(root.Find(assertionSpace, "Assertion")) + len(root.Find(assertionSpace, "EncryptedAssertion"))
	if found != 1 || assertion == nil && encrypted == nil {
		return nil, fmt.Errorf("%w: %d assertions", ErrResponse, found)
	}
	signed := false
	verify := func(e *xmldsig.Element) error {
		switch err := xmldsig.Verify(e, o.Keys); {
		case err == nil:
			signed = true
		case !errors.Is(err, xmldsig.ErrUnsigned):
			return fmt.Errorf("%w: %w", ErrSignature, err)
		}
		return nil
	}
	if err := verify(root); err != nil {
		return nil, err
	}
	if encrypted != nil {
		assertion, err = xmldsig.Decrypt(encrypted, o.Decrypt)
		if err != nil || assertion.Name != (xmldsig.Name{Space: assertionSpace, Local: "Assertion"}) {
			return nil, ErrEncryption
		}
	} else if o.MustDecrypt {
		return nil, ErrEncryption
	}
	hidden := encrypted != nil && !signed
	err = verify(assertion)
	switch {
	case len(assertion.Find(assertionSpace, "Assertion")) != 1:
		err = fmt.Errorf("%w: an assertion within another one", ErrResponse)
	case err == nil && !signed:
		err = fmt.Errorf("%w: %w", ErrSignature, xmldsig.ErrUnsigned)
	}
	switch {
	case err != nil && hidden:
		// Whoever changes an encrypted assertion must not learn what became of it: with CBC, that tells its content.
		return nil, ErrEncryption
	case err != nil:
		return nil, err
	}
	return readAssertion(assertion)
}

// readAssertion reads an assertion that was checked.
func readAssertion(e *xmldsig.Element) (*Assertion, error) {
	a := &Assertion{Issuer: e.Child(assertionSpace, "Issuer").Text(), Attributes: map[string][]string{}}
	var err error
	if a.Issued, err = instant(e.Attr("IssueInstant")); err != nil || a.Issuer == "" {
		return nil, fmt.Errorf("%w: no issuer, or no time of issue", ErrResponse)
	}
	subject := e.Child(assertionSpace, "Subject")
	if name := subject.Child(assertionSpace, "NameID"); name != nil {
		a.Subject, a.Format = name.Text(), name.Attr("Format")
	}
	if err := a.confirm(subject); err != nil {
		return nil, err
	}
	if conditions := e.Child(assertionSpace, "Conditions"); conditions != nil {
		if err := a.bound(conditions); err != nil {
			return nil, err
		}
		for _, restriction := range conditions.All(assertionSpace, "AudienceRestriction") {
			if a.Audiences == nil {
				a.Audiences = []string{}
			}
			for _, audience := range restriction.All(assertionSpace, "Audience") {
				a.Audiences = append(a.Audiences, audience.Text())
			}
		}
	}
	for _, s := range e.All(assertionSpace, "AuthnStatement") {
		if ends := s.Attr("SessionNotOnOrAfter"); ends != "" {
			if a.SessionEnds, err = instant(ends); err != nil {
				return nil, fmt.Errorf("%w: the end of the session", ErrResponse)
			}
		}
	}
	for _, statement := range e.All(assertionSpace, "AttributeStatement") {
		for _, attribute := range statement.All(assertionSpace, "Attribute") {
			name := attribute.Attr("Name")
			for _, value := range attribute.All(assertionSpace, "AttributeValue") {
				a.Attributes[name] = append(a.Attributes[name], value.Text())
			}
		}
	}
	return a, nil
}

// confirm reads how the bearer of the assertion is confirmed.
func (a *Assertion) confirm(subject *xmldsig.Element) error {
	if subject == nil {
		return fmt.Errorf("%w: no subject", ErrResponse)
	}
	for _, c := range subject.All(assertionSpace, "SubjectConfirmation") {
		if c.Attr("Method") != "urn:oasis:names:tc:SAML:2.0:cm:bearer" {
			continue
		}
		data := c.Child(assertionSpace, "SubjectConfirmationData")
		if data == nil || data.Attr("NotOnOrAfter") == "" || data.Attr("Recipient") == "" {
			continue
		}
		a.Recipient = data.Attr("Recipient")
		return a.bound(data)
	}
	return fmt.Errorf("%w: no bearer is confirmed", ErrResponse)
}

// bound narrows when the assertion may be used.
func (a *Assertion) bound(e *xmldsig.Element) error {
	if text := e.Attr("NotBefore"); text != "" {
		at, err := instant(text)
		if err != nil {
			return fmt.Errorf("%w: NotBefore %q", ErrResponse, text)
		}
		if at.After(a.NotBefore) {
			a.NotBefore = at
		}
	}
	if text := e.Attr("NotOnOrAfter"); text != "" {
		at, err := instant(text)
		if err != nil {
			return fmt.Errorf("%w: NotOnOrAfter %q", ErrResponse, text)
		}
		if a.NotOnOrAfter.IsZero() || at.Before(a.NotOnOrAfter) {
			a.NotOnOrAfter = at
		}
	}
	return nil
}
