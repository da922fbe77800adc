package iam

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	api "drydock/api/iam"
	"drydock/aws"
	"drydock/policy"
	"drydock/policy/managed"
	"drydock/store"
)

// managedPolicy is a managed policy: a customer's, which is a row, or one of AWS's, which is made when it is asked for.
type managedPolicy struct {
	Account, Partition string // Account is "aws" for AWS's
	Name, Path, ID     string
	Description        string
	Created, Updated   time.Time
	Default            string
	Next               int // the number of the next version
	Versions           []policyVersion
	Tags               map[string]string
}

// policyVersion is one version of a managed policy.
type policyVersion struct {
	ID, Document string
	Created      time.Time
}

var policies = store.NewTable("iam/policy", func(p *managedPolicy) store.Key { return store.K(p.Account, fold(p.Name)) })

// awsAccount stands in the ARNs of AWS's own policies.
const awsAccount = "aws"

func (p *managedPolicy) arn() string {
	return aws.ARN{Partition: p.Partition, Service: "iam", Account: p.Account, Resource: "policy" + p.Path + p.Name}.String()
}

// version returns a version by its id, or nil.
func (p *managedPolicy) version(id string) *policyVersion {
	for i := range p.Versions {
		if p.Versions[i].ID == id {
			return &p.Versions[i]
		}
	}
	return nil
}

// document is the default version's document.
func (p *managedPolicy) document() string { return p.version(p.Default).Document }

// parseARN splits the ARN of one of IAM's resources.
func parseARN(text string) (aws.ARN, bool) {
	a, err := aws.ParseARN(text)
	return a, err == nil && a.Service == "iam"
}

// findPolicy returns the policy with an ARN that entities of an account may use, or nil.
func findPolicy(tx *store.Tx, account, arn string) (*managedPolicy, error) {
	a, ok := parseARN(arn)
	if !ok {
		return nil, nil
	}
	if a.Account == awsAccount {
		if p, ok := managed.Get(arn); ok {
			return fromAWS(p, a.Partition), nil
		}
		return nil, nil
	}
	if a.Account != account {
		return nil, nil
	}
	p, err := policies.Get(tx, store.K(account, fold(lastName(a.Resource))))
	if errors.Is(err, store.ErrNotFound) || err == nil && p.arn() != arn {
		return nil, nil
	}
	return p, err
}

func fromAWS(p *managed.Policy, partition string) *managedPolicy {
	return &managedPolicy{
		Account: awsAccount, Partition: partition, Name: p.Name, Path: p.Path, ID: p.ID(), Created: p.Created, Updated: p.Updated,
		Default: p.Version, Versions: []policyVersion{{p.Version, p.Document, p.Updated}},
	}
}

// getPolicyRow is findPolicy that fails for a policy that is not there.
func getPolicyRow(tx *store.Tx, account, arn string) (*managedPolicy, error) {
	if _, err := aws.ParseARN(arn); err != nil {
		return nil, api.NewInvalidInputException("ARN %s is not valid.", arn)
	}
	p, err := findPolicy(tx, account, arn)
	if err == nil && p == nil {
		return nil, api.NewNoSuchEntityException("Policy %s was not found.", arn)
	}
	return p, err
}

// shown is the policy as GetPolicy shows it, with how often it is used.
func (p *managedPolicy) shown(uses useCount) api.Policy {
	shown := p.listed(uses)
	if p.Description != "" {
		shown.Description = &p.Description
	}
	shown.Tags = shownTags(p.Tags)
	return shown
}

func (p *managedPolicy) listed(uses useCount) api.Policy {
	return api.Policy{
		PolicyName: &p.Name, PolicyID: &p.ID, ARN: new(p.arn()), Path: &p.Path, DefaultVersionID: &p.Default, IsAttachable: new(true),
		AttachmentCount: &uses.attached, PermissionsBoundaryUsageCount: &uses.bounding, CreateDate: &p.Created, UpdateDate: &p.Updated,
	}
}

func (p *managedPolicy) shownVersion(v *policyVersion, document bool) api.PolicyVersion {
	shown := api.PolicyVersion{VersionID: &v.ID, IsDefaultVersion: new(v.ID == p.Default), CreateDate: &v.Created}
	if document {
		shown.Document = new(encoded(v.Document))
	}
	return shown
}

// checkManaged checks the document of a managed policy.
func checkManaged(text string) error {
	if policy.Size(text) > maxPolicySize {
		return api.NewLimitExceededException("Cannot exceed quota for PolicySize: %d", maxPolicySize)
	}
	_, err := checkDocument(policy.KindManaged, text)
	return err
}

func (s *Service) createPolicy(call *aws.Call, in *api.CreatePolicyInput) (*api.CreatePolicyOutput, error) {
	if err := checkManaged(in.PolicyDocument); err != nil {
		return nil, err
	}
	tags, err := mergeTags(nil, in.Tags)
	if err != nil {
		return nil, err
	}
	now := call.Now().Truncate(time.Second)
	p := &managedPolicy{
		Account: call.Account, Partition: call.Partition, Name: in.PolicyName, Path: pathOr(in.Path), ID: call.NewID("ANPA", 17),
		Created: now, Updated: now, Default: "v1", Next: 2, Versions: []policyVersion{{"v1", in.PolicyDocument, now}}, Tags: tags,
	}
	if in.Description != nil {
		p.Description = *in.Description
	}
	err = s.update(call, func(tx *store.Tx) error {
		exists, err := policies.Has(tx, policies.Key(p))
		if err != nil {
			return err
		}
		if exists {
			return api.NewEntityAlreadyExistsException("A policy called %s already exists. Duplicate names are not allowed.", p.Name)
		}
		if err := count(tx, p.Account, 1, func(a *account) *int32 { return &a.Policies }, maxPolicies, "PoliciesPerAccount"); err != nil {
			return err
		}
		return policies.Put(tx, p)
	})
	if err != nil {
		return nil, err
	}
	return &api.CreatePolicyOutput{Policy: new(p.shown(useCount{}))}, nil
}

func (s *Service) getPolicy(call *aws.Call, in *api.GetPolicyInput) (*api.GetPolicyOutput, error) {
	out := &api.GetPolicyOutput{}
	err := s.DB.View(call, func(tx *store.Tx) error {
		p, err := getPolicyRow(tx, call.Account, in.PolicyARN)
		if err != nil {
			return err
		}
		uses, err := countUses(tx, call.Account, in.PolicyARN)
		out.Policy = new(p.shown(uses[in.PolicyARN]))
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// listPolicies lists the account's own policies, then AWS's, each in the order of names.
func (s *Service) listPolicies(call *aws.Call, in *api.ListPoliciesInput) (*api.ListPoliciesOutput, error) {
	page, err := newPage(in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	scope := api.PolicyScopeTypeAll
	if in.Scope != nil {
		scope = *in.Scope
	}
	var uses map[string]useCount
	var found []*managedPolicy
	err = s.DB.View(call, func(tx *store.Tx) (err error) {
		if uses, err = countUses(tx, call.Account, ""); err != nil || scope == api.PolicyScopeTypeAWS {
			return err
		}
		for p, err := range policies.Scan(tx, store.Range{Prefix: store.K(call.Account)}) {
			if err != nil {
				return err
			}
			found = append(found, p)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if scope != api.PolicyScopeTypeLocal {
		for _, p := range managed.All() {
			found = append(found, fromAWS(p, call.Partition))
		}
	}
	found = slices.DeleteFunc(found, func(p *managedPolicy) bool {
		u := uses[p.arn()]
		switch {
		case !below(p.Path, in.PathPrefix),
			in.OnlyAttached != nil && *in.OnlyAttached && u.attached == 0,
			in.PolicyUsageFilter != nil && *in.PolicyUsageFilter == api.PolicyUsageTypePermissionsBoundary && u.bounding == 0,
			in.PolicyUsageFilter != nil && *in.PolicyUsageFilter == api.PolicyUsageTypePermissionsPolicy && u.attached == 0:
			return true
		}
		return false
	})
	l := cut(page, found, func(p *managedPolicy) string {
		if p.Account == awsAccount {
			return "2" + p.Name
		}
		return "1" + fold(p.Name)
	})
	out := &api.ListPoliciesOutput{Policies: []api.Policy{}, IsTruncated: l.truncated(), Marker: l.marker}
	for _, p := range l.items {
		out.Policies = append(out.Policies, p.listed(uses[p.arn()]))
	}
	return out, nil
}

// updatePolicy changes one of the caller's own policies.
func (s *Service) updatePolicy(call *aws.Call, arn string, change func(tx *store.Tx, p *managedPolicy) error) error {
	return s.update(call, func(tx *store.Tx) error {
		p, err := getPolicyRow(tx, call.Account, arn)
		if err != nil {
			return err
		}
		if p.Account == awsAccount {
			return aws.NewError(403, "AccessDenied", "Policy is outside your own account.")
		}
		if err := change(tx, p); err != nil {
			return err
		}
		return policies.Put(tx, p)
	})
}

func (s *Service) deletePolicy(call *aws.Call, in *api.DeletePolicyInput) (*api.DeletePolicyOutput, error) {
	err := s.update(call, func(tx *store.Tx) error {
		p, err := getPolicyRow(tx, call.Account, in.PolicyARN)
		if err != nil {
			return err
		}
		uses, err := countUses(tx, call.Account, in.PolicyARN)
		if err != nil {
			return err
		}
		switch {
		case p.Account == awsAccount:
			return aws.NewError(403, "AccessDenied", "Policy is outside your own account.")
		case uses[in.PolicyARN] != useCount{}:
			return api.NewDeleteConflictException("Cannot delete a policy attached to entities.")
		case len(p.Versions) > 1:
			return api.NewDeleteConflictException("This policy has more than one version. Before you delete a policy, you must delete the policy's versions. " +
				"The default version is deleted with the policy.")
		}
		if err := count(tx, p.Account, -1, func(a *account) *int32 { return &a.Policies }, maxPolicies, ""); err != nil {
			return err
		}
		_, err = policies.Delete(tx, policies.Key(p))
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.DeletePolicyOutput{}, nil
}

func (s *Service) createPolicyVersion(call *aws.Call, in *api.CreatePolicyVersionInput) (*api.CreatePolicyVersionOutput, error) {
	if err := checkManaged(in.PolicyDocument); err != nil {
		return nil, err
	}
	out := &api.CreatePolicyVersionOutput{}
	now := call.Now().Truncate(time.Second)
	err := s.updatePolicy(call, in.PolicyARN, func(_ *store.Tx, p *managedPolicy) error {
		if len(p.Versions) >= maxVersions {
			return api.NewLimitExceededException("A managed policy can have up to %d versions. Before you create a new version, "+
				"you must delete an existing version.", maxVersions)
		}
		v := policyVersion{"v" + strconv.Itoa(p.Next), in.PolicyDocument, now}
		p.Versions, p.Next = append(p.Versions, v), p.Next+1
		if in.SetAsDefault != nil && *in.SetAsDefault {
			p.Default, p.Updated = v.ID, now
		}
		out.PolicyVersion = new(p.shownVersion(&v, false))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func noVersion(arn, id string) error {
	return api.NewNoSuchEntityException("Policy %s version %s does not exist or is not attachable.", arn, id)
}

func (s *Service) getPolicyVersion(call *aws.Call, in *api.GetPolicyVersionInput) (*api.GetPolicyVersionOutput, error) {
	p, err := s.viewPolicy(call, in.PolicyARN)
	if err != nil {
		return nil, err
	}
	v := p.version(in.VersionID)
	if v == nil {
		return nil, noVersion(in.PolicyARN, in.VersionID)
	}
	return &api.GetPolicyVersionOutput{PolicyVersion: new(p.shownVersion(v, true))}, nil
}

func (s *Service) viewPolicy(call *aws.Call, arn string) (p *managedPolicy, err error) {
	err = s.DB.View(call, func(tx *store.Tx) error {
		p, err = getPolicyRow(tx, call.Account, arn)
		return err
	})
	return p, err
}

// listPolicyVersions lists versions from the newest.
func (s *Service) listPolicyVersions(call *aws.Call, in *api.ListPolicyVersionsInput) (*api.ListPolicyVersionsOutput, error) {
	page, err := newPage(in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	p, err := s.viewPolicy(call, in.PolicyARN)
	if err != nil {
		return nil, err
	}
	slices.Reverse(p.Versions)
	position := map[string]string{}
	for i, v := range p.Versions {
		position[v.ID] = fmt.Sprintf("%d", i)
	}
	l := cut(page, p.Versions, func(v policyVersion) string { return position[v.ID] })
	out := &api.ListPolicyVersionsOutput{Versions: []api.PolicyVersion{}, IsTruncated: l.truncated(), Marker: l.marker}
	for i := range l.items {
		out.Versions = append(out.Versions, p.shownVersion(&l.items[i], false))
	}
	return out, nil
}

func (s *Service) setDefaultPolicyVersion(call *aws.Call, in *api.SetDefaultPolicyVersionInput) (*api.SetDefaultPolicyVersionOutput, error) {
	now := call.Now().Truncate(time.Second)
	err := s.updatePolicy(call, in.PolicyARN, func(_ *store.Tx, p *managedPolicy) error {
		if p.version(in.VersionID) == nil {
			return noVersion(in.PolicyARN, in.VersionID)
		}
		p.Default, p.Updated = in.VersionID, now
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.SetDefaultPolicyVersionOutput{}, nil
}

func (s *Service) deletePolicyVersion(call *aws.Call, in *api.DeletePolicyVersionInput) (*api.DeletePolicyVersionOutput, error) {
	err := s.updatePolicy(call, in.PolicyARN, func(_ *store.Tx, p *managedPolicy) error {
		switch {
		case p.version(in.VersionID) == nil:
			return noVersion(in.PolicyARN, in.VersionID)
		case p.Default == in.VersionID:
			return api.NewDeleteConflictException("Cannot delete the default version of a policy.")
		}
		p.Versions = slices.DeleteFunc(p.Versions, func(v policyVersion) bool { return v.ID == in.VersionID })
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.DeletePolicyVersionOutput{}, nil
}

func (s *Service) tagPolicy(call *aws.Call, in *api.TagPolicyInput) (*api.TagPolicyOutput, error) {
	err := s.updatePolicy(call, in.PolicyARN, func(_ *store.Tx, p *managedPolicy) (err error) {
		p.Tags, err = mergeTags(p.Tags, in.Tags)
		return err
	})
	return &api.TagPolicyOutput{}, err
}

func (s *Service) untagPolicy(call *aws.Call, in *api.UntagPolicyInput) (*api.UntagPolicyOutput, error) {
	err := s.updatePolicy(call, in.PolicyARN, func(_ *store.Tx, p *managedPolicy) error {
		dropTags(p.Tags, in.TagKeys)
		return nil
	})
	return &api.UntagPolicyOutput{}, err
}

func (s *Service) listPolicyTags(call *aws.Call, in *api.ListPolicyTagsInput) (*api.ListPolicyTagsOutput, error) {
	p, err := s.viewPolicy(call, in.PolicyARN)
	if err != nil {
		return nil, err
	}
	l, err := pageTags(p.Tags, in.Marker, in.MaxItems)
	return &api.ListPolicyTagsOutput{Tags: l.items, IsTruncated: l.truncated(), Marker: l.marker}, err
}
