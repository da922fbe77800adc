package iam

import (
	"cmp"
	"slices"

	api "drydock/api/iam"
	"drydock/aws"
	"drydock/policy"
	"drydock/store"
)

// inlinePolicy is a policy embedded in a user, group or role.
type inlinePolicy struct{ Name, Document string }

// maxInline is how large the inline policies of an entity may be together.
func (k kind) maxInline() int {
	switch k {
	case userKind:
		return maxUserInlineSize
	case groupKind:
		return maxGroupInlineSize
	default:
		return maxRoleInlineSize
	}
}

// putInline adds or replaces an inline policy.
func (s *Service) putInline(call *aws.Call, k kind, name, policyName, document string) error {
	if _, err := checkDocument(policy.KindInline, document); err != nil {
		return err
	}
	return s.updateEntity(call, k, name, func(_ *store.Tx, e *entity) error {
		if err := e.modifiable(); err != nil {
			return err
		}
		i, found := e.inline(policyName)
		if found {
			e.Inline[i] = inlinePolicy{policyName, document}
		} else {
			e.Inline = slices.Insert(e.Inline, i, inlinePolicy{policyName, document})
		}
		size := 0
		for _, p := range e.Inline {
			size += policy.Size(p.Document)
		}
		if size > k.maxInline() {
			return api.NewLimitExceededException("Maximum policy size of %d bytes exceeded for %s %s", k.maxInline(), k, e.Name)
		}
		return nil
	})
}

// inline finds an inline policy, or the place for it.
func (e *entity) inline(name string) (int, bool) {
	return slices.BinarySearchFunc(e.Inline, name, func(p inlinePolicy, name string) int { return cmp.Compare(p.Name, name) })
}

func (e *entity) noInline(name string) error {
	return api.NewNoSuchEntityException("The %s policy with name %s cannot be found.", e.Kind, name)
}

// getInline returns an entity's name and one of its inline policies.
func (s *Service) getInline(call *aws.Call, k kind, name, policyName string) (string, inlinePolicy, error) {
	e, err := s.viewEntity(call, k, name, nil)
	if err != nil {
		return "", inlinePolicy{}, err
	}
	i, found := e.inline(policyName)
	if !found {
		return "", inlinePolicy{}, e.noInline(policyName)
	}
	return e.Name, e.Inline[i], nil
}

// listInline makes a page of the names of inline policies.
func (s *Service) listInline(call *aws.Call, k kind, name string, marker *string, maxItems *int32) (l listing[string], err error) {
	p, err := newPage(marker, maxItems)
	if err != nil {
		return l, err
	}
	e, err := s.viewEntity(call, k, name, nil)
	if err != nil {
		return l, err
	}
	names := make([]string, 0, len(e.Inline))
	for _, p := range e.Inline {
		names = append(names, p.Name)
	}
	return cut(p, names, func(n string) string { return n }), nil
}

func (s *Service) deleteInline(call *aws.Call, k kind, name, policyName string) error {
	return s.updateEntity(call, k, name, func(_ *store.Tx, e *entity) error {
		if err := e.modifiable(); err != nil {
			return err
		}
		i, found := e.inline(policyName)
		if !found {
			return e.noInline(policyName)
		}
		e.Inline = slices.Delete(e.Inline, i, i+1)
		return nil
	})
}

// The operations by kind of entity.

func (s *Service) putUserPolicy(call *aws.Call, in *api.PutUserPolicyInput) (*api.PutUserPolicyOutput, error) {
	return &api.PutUserPolicyOutput{}, s.putInline(call, userKind, in.UserName, in.PolicyName, in.PolicyDocument)
}

func (s *Service) getUserPolicy(call *aws.Call, in *api.GetUserPolicyInput) (*api.GetUserPolicyOutput, error) {
	name, p, err := s.getInline(call, userKind, in.UserName, in.PolicyName)
	return &api.GetUserPolicyOutput{UserName: name, PolicyName: p.Name, PolicyDocument: encoded(p.Document)}, err
}

func (s *Service) listUserPolicies(call *aws.Call, in *api.ListUserPoliciesInput) (*api.ListUserPoliciesOutput, error) {
	l, err := s.listInline(call, userKind, in.UserName, in.Marker, in.MaxItems)
	return &api.ListUserPoliciesOutput{PolicyNames: l.items, IsTruncated: l.truncated(), Marker: l.marker}, err
}

func (s *Service) deleteUserPolicy(call *aws.Call, in *api.DeleteUserPolicyInput) (*api.DeleteUserPolicyOutput, error) {
	return &api.DeleteUserPolicyOutput{}, s.deleteInline(call, userKind, in.UserName, in.PolicyName)
}

func (s *Service) putGroupPolicy(call *aws.Call, in *api.PutGroupPolicyInput) (*api.PutGroupPolicyOutput, error) {
	return &api.PutGroupPolicyOutput{}, s.putInline(call, groupKind, in.GroupName, in.PolicyName, in.PolicyDocument)
}

func (s *Service) getGroupPolicy(call *aws.Call, in *api.GetGroupPolicyInput) (*api.GetGroupPolicyOutput, error) {
	name, p, err := s.getInline(call, groupKind, in.GroupName, in.PolicyName)
	return &api.GetGroupPolicyOutput{GroupName: name, PolicyName: p.Name, PolicyDocument: encoded(p.Document)}, err
}

func (s *Service) listGroupPolicies(call *aws.Call, in *api.ListGroupPoliciesInput) (*api.ListGroupPoliciesOutput, error) {
	l, err := s.listInline(call, groupKind, in.GroupName, in.Marker, in.MaxItems)
	return &api.ListGroupPoliciesOutput{PolicyNames: l.items, IsTruncated: l.truncated(), Marker: l.marker}, err
}

func (s *Service) deleteGroupPolicy(call *aws.Call, in *api.DeleteGroupPolicyInput) (*api.DeleteGroupPolicyOutput, error) {
	return &api.DeleteGroupPolicyOutput{}, s.deleteInline(call, groupKind, in.GroupName, in.PolicyName)
}

func (s *Service) putRolePolicy(call *aws.Call, in *api.PutRolePolicyInput) (*api.PutRolePolicyOutput, error) {
	return &api.PutRolePolicyOutput{}, s.putInline(call, roleKind, in.RoleName, in.PolicyName, in.PolicyDocument)
}

func (s *Service) getRolePolicy(call *aws.Call, in *api.GetRolePolicyInput) (*api.GetRolePolicyOutput, error) {
	name, p, err := s.getInline(call, roleKind, in.RoleName, in.PolicyName)
	return &api.GetRolePolicyOutput{RoleName: name, PolicyName: p.Name, PolicyDocument: encoded(p.Document)}, err
}

func (s *Service) listRolePolicies(call *aws.Call, in *api.ListRolePoliciesInput) (*api.ListRolePoliciesOutput, error) {
	l, err := s.listInline(call, roleKind, in.RoleName, in.Marker, in.MaxItems)
	return &api.ListRolePoliciesOutput{PolicyNames: l.items, IsTruncated: l.truncated(), Marker: l.marker}, err
}

func (s *Service) deleteRolePolicy(call *aws.Call, in *api.DeleteRolePolicyInput) (*api.DeleteRolePolicyOutput, error) {
	return &api.DeleteRolePolicyOutput{}, s.deleteInline(call, roleKind, in.RoleName, in.PolicyName)
}
