package iam

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"strings"

	api "drydock/api/iam"
)

// maxChain bounds the certificates of a chain.
const maxChain = 50

func malformedCertificate(what string) error {
	return api.NewMalformedCertificateException("Unable to parse %s. Please ensure the %s is in PEM format.", what, what)
}

// parseCertificate reads text that is one certificate and nothing else.
func parseCertificate(text string) (*x509.Certificate, error) {
	found, err := parseCertificates(text, "certificate")
	if err != nil {
		return nil, err
	}
	if len(found) != 1 {
		return nil, malformedCertificate("certificate")
	}
	return found[0], nil
}

// parseCertificates reads text that is one certificate after the other.
func parseCertificates(text, what string) ([]*x509.Certificate, error) {
	var found []*x509.Certificate
	rest := []byte(text)
	for len(bytes.TrimSpace(rest)) > 0 {
		// What stands between certificates, as openssl's own description, is not read.
		block, after := pem.Decode(rest)
		if block == nil || block.Type != "CERTIFICATE" || len(found) >= maxChain {
			return nil, malformedCertificate(what)
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, malformedCertificate(what)
		}
		found, rest = append(found, c), after
	}
	if len(found) == 0 {
		return nil, malformedCertificate(what)
	}
	return found, nil
}

// parsePrivateKey reads an unencrypted private key in PEM.
func parsePrivateKey(text string) (crypto.Signer, error) {
	// EC keys come from openssl with their parameters before them.
	rest := []byte(text)
	for {
		block, after := pem.Decode(rest)
		if block == nil {
			return nil, malformedCertificate("private key")
		}
		rest = after
		if strings.HasSuffix(block.Type, "PARAMETERS") {
			continue
		}
		var key any
		var err error
		switch block.Type {
		case "RSA PRIVATE KEY":
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		default:
			return nil, malformedCertificate("private key")
		}
		signer, ok := key.(crypto.Signer)
		if err != nil || !ok {
			return nil, malformedCertificate("private key")
		}
		return signer, nil
	}
}

// matches tells whether a certificate is for a key.
func matches(c *x509.Certificate, key crypto.Signer) bool {
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(c.PublicKey)
}

// checkChain demands that each certificate of a chain has signed the one before it.
func checkChain(c *x509.Certificate, chain []*x509.Certificate) error {
	for i, issuer := range chain {
		if c.CheckSignatureFrom(issuer) != nil {
			return api.NewMalformedCertificateException("Unable to validate certificate chain. The certificate chain must start with the immediate "+
				"signing certificate, followed by any intermediaries in order. The index within the chain of the invalid certificate is: %d", i)
		}
		c = issuer
	}
	return nil
}
