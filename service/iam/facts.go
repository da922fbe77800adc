package iam

import (
	"errors"
	"strings"

	"drydock/aws"
	"drydock/policy"
	"drydock/store"
)

// facts tells what policies must know of one of IAM's resources. Of a role that is being assumed that is its trust
// policy, and only then: a trust policy has no say in what is done to the role itself.
func (s *Service) facts(call *aws.Call, arn string) (f policy.Facts, err error) {
	a, ok := parseARN(arn)
	if !ok {
		return f, nil
	}
	k, _, _ := strings.Cut(a.Resource, "/")
	service := ""
	if call.Operation != nil {
		service = call.Operation.API.Package
	}
	assumed := service == "sts" && k == string(roleKind)
	f.PolicyRequired = assumed
	err = s.DB.View(call, func(tx *store.Tx) error {
		full, tags, e, err := find(tx, a, k)
		switch {
		case err != nil || full == "":
			return err
		case service == "iam":
			f.ARN = full // the request names no path
		case full != arn:
			return nil
		}
		f.Tags = tags
		keys := policy.Map{}
		for name, value := range tags {
			keys["iam:resourcetag/"+strings.ToLower(name)] = []string{value}
		}
		if e != nil && e.Boundary != "" {
			keys["iam:permissionsboundary"] = []string{e.Boundary}
		}
		f.Keys = keys
		if !assumed {
			return nil
		}
		text, err := e.trust(tx)
		if err != nil {
			return err
		}
		doc, err := s.docs.Parse(policy.KindTrust, text)
		if err != nil {
			return err
		}
		f.Policies = []policy.Source{{Name: e.Name, Document: doc}}
		return nil
	})
	return f, err
}

// find looks for the resource that an ARN names, whatever the path in it. The ARN it returns is empty if there is none.
func find(tx *store.Tx, a aws.ARN, k string) (full string, tags map[string]string, e *entity, err error) {
	name := lastName(a.Resource)
	switch k {
	case string(userKind), string(groupKind), string(roleKind):
		if e, err = entities.Get(tx, entityKey(a.Account, kind(k), name)); err == nil {
			full, tags = e.arn(), e.Tags
		}
	case "policy":
		var p *managedPolicy
		if p, err = findPolicy(tx, a.Account, a.String()); err == nil && p != nil {
			full, tags = p.arn(), p.Tags
		}
	case "instance-profile":
		var p *instanceProfile
		if p, err = profiles.Get(tx, store.K(a.Account, fold(name))); err == nil {
			full, tags = p.arn(), p.Tags
		}
	case "server-certificate":
		var c *serverCertificate
		if c, err = serverCertificates.Get(tx, store.K(a.Account, fold(name))); err == nil {
			full, tags = c.arn(), c.Tags
		}
	case "mfa":
		var d *mfaDevice
		if d, err = getMFADevice(tx, a.Account, a.String()); err == nil {
			full, tags = d.serial(), d.Tags
		}
	case "oidc-provider":
		var p *oidcProvider
		if p, err = getOIDCProvider(tx, a.Account, a.String()); err == nil {
			full, tags = p.arn(), p.Tags
		}
	case "saml-provider":
		var p *samlProvider
		if p, err = getSAMLProvider(tx, a.Account, a.String()); err == nil {
			full, tags = p.arn(), p.Tags
		}
	}
	if aws.IsError(err, "NoSuchEntity") || errors.Is(err, store.ErrNotFound) {
		return "", nil, nil, nil
	}
	return full, tags, e, err
}
