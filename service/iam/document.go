package iam

import (
	"errors"
	"net/url"
	"strings"

	api "drydock/api/iam"
	"drydock/policy"
)

// checkDocument parses a policy document for storing it.
func checkDocument(k policy.Kind, text string) (*policy.Document, error) {
	doc, err := policy.Parse(k, text)
	if err != nil {
		return nil, malformed(err)
	}
	return doc, nil
}

// malformed is the API's error for a document that package policy refuses.
func malformed(err error) error {
	if m, ok := errors.AsType[*policy.Malformed](err); ok {
		return api.NewMalformedPolicyDocumentException("%s", m.Message).WithCause(errors.New(m.Detail))
	}
	return err
}

// encoded is a document as IAM answers it: percent-encoded by RFC 3986.
func encoded(document string) string {
	return strings.ReplaceAll(url.QueryEscape(document), "+", "%20")
}
