package kms

import (
	"strconv"
	"strings"

	"drydock/aws"
	"drydock/policy"
	"drydock/store"
)

// facts tells policies of a key: its policy, which has to agree to everything, and its grants for the caller.
func (s *Service) facts(call *aws.Call, arn string) (policy.Facts, error) {
	if h, ok := call.Value(heldKey{}).(*held); ok && h.key.arn() == arn {
		k := h.key
		if h.ungranted {
			plain := *k
			plain.Grants, k = 0, &plain
		}
		return s.keyFacts(call, k, h.context, nil)
	}
	parsed, err := aws.ParseARN(arn)
	id, isKey := strings.CutPrefix(parsed.Resource, "key/")
	if err != nil || !isKey || !keyID.MatchString(id) {
		return policy.Facts{}, nil //nolint:nilerr // what is no ARN of a key has no facts
	}
	var found policy.Facts
	err = s.DB.View(call, func(tx *store.Tx) error {
		k, err := find(tx, keyRef{Account: parsed.Account, Region: parsed.Region, ID: id})
		if err != nil || k == nil {
			return err
		}
		found, err = s.keyFacts(call, k, nil, tx)
		return err
	})
	return found, err
}

// keyFacts are the facts of a key that was read, for a request with an encryption context.
func (s *Service) keyFacts(call *aws.Call, k *key, context map[string]string, tx *store.Tx) (policy.Facts, error) {
	text := k.Policy
	if isAnother(&call.Principal, k.Principals) {
		var err error
		if text, err = byID(text, k.Principals); err != nil {
			return policy.Facts{}, err
		}
	}
	doc, err := s.docs.Parse(policy.KindResource, text)
	if err != nil {
		return policy.Facts{}, err
	}
	f := policy.Facts{
		Account: k.Account, Tags: k.Tags, PolicyRequired: true, Keys: &keyValues{service: s, call: call, key: k},
		Policies: []policy.Source{{Name: "key policy of " + k.ID, Document: doc}},
	}
	if k.Grants == 0 {
		return f, nil
	}
	add := func(tx *store.Tx) error {
		granted, err := s.grantPolicies(tx, call, k, context)
		f.Policies = append(f.Policies, granted...)
		return err
	}
	if tx != nil {
		return f, add(tx)
	}
	return f, s.DB.View(call, add)
}

// keyValues are the condition keys of a key and of how it is called.
type keyValues struct {
	service *Service // nil: aliases are not known
	call    *aws.Call
	key     *key
}

// Values implements policy.Values.
func (v *keyValues) Values(name string) ([]string, bool) {
	name, ok := strings.CutPrefix(name, "kms:")
	if !ok {
		return nil, false
	}
	one := func(value string) ([]string, bool) { return []string{value}, value != "" }
	switch name {
	case "calleraccount":
		return one(v.call.Principal.Account)
	case "viaservice":
		return one(viaService(v.call))
	case "keyspec", "customermasterkeyspec":
		return one(string(v.key.Spec))
	case "keyusage", "customermasterkeyusage":
		return one(string(v.key.Usage))
	case "keyorigin":
		return one(string(v.key.Origin))
	case "multiregion":
		return one(strconv.FormatBool(v.key.MultiRegion))
	case "grantisforawsresource":
		return one(strconv.FormatBool(viaService(v.call) != ""))
	case "multiregionkeytype":
		if v.key.MultiRegion {
			return one(string(v.key.regionType()))
		}
	case "resourcealiases":
		return v.aliases()
	}
	return nil, false
}

// aliases are the names of the key, read only when a policy asks for them.
func (v *keyValues) aliases() (names []string, ok bool) {
	if v.service == nil {
		return nil, false
	}
	err := v.service.DB.View(v.call, func(tx *store.Tx) error {
		for a, err := range aliasesByKey.Scan(tx, store.Range{Prefix: store.K(v.key.Account, v.key.Region, v.key.ID)}) {
			if err != nil {
				return err
			}
			names = append(names, a.Name)
		}
		return nil
	})
	if err != nil {
		v.service.Log.Error("aliases of a key for its policy", "key", v.key.arn(), "error", err)
		return nil, false
	}
	return names, len(names) > 0
}

// viaService is kms:ViaService: the principal of the service that calls, with the region; empty when none does.
func viaService(call *aws.Call) string {
	via := call.Request.ViaService
	if via == "" && call.Principal.Type == aws.PrincipalService {
		via = call.Principal.Name
	}
	name, rest, found := strings.Cut(via, ".")
	if !found || strings.HasPrefix(rest, call.Region+".") {
		return via
	}
	return name + "." + call.Region + "." + rest
}
