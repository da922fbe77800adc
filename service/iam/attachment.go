package iam

import (
	"cmp"
	"slices"
	"strings"

	api "drydock/api/iam"
	"drydock/aws"
	"drydock/store"
)

// usage is what an entity uses a managed policy for.
type usage string

const (
	policyUsage   usage = "policy"
	boundaryUsage usage = "boundary"
)

// attachment is a managed policy's side of its use by an entity; the other side is in the entity itself.
type attachment struct {
	Account, PolicyARN string
	Usage              usage
	Kind               kind
	ID                 string // the entity's
}

var attachments = store.NewTable("iam/attachment", func(a *attachment) store.Key {
	return store.K(a.Account, a.PolicyARN, a.Usage, a.Kind, a.ID)
})

// useCount tells how often a policy is used.
type useCount struct{ attached, bounding int32 }

// countUses counts the uses of one policy in an account, or of all if arn is empty.
func countUses(tx *store.Tx, account, arn string) (map[string]useCount, error) {
	prefix := store.K(account)
	if arn != "" {
		prefix = store.K(account, arn)
	}
	uses := map[string]useCount{}
	for a, err := range attachments.Scan(tx, store.Range{Prefix: prefix}) {
		if err != nil {
			return nil, err
		}
		u := uses[a.PolicyARN]
		if a.Usage == policyUsage {
			u.attached++
		} else {
			u.bounding++
		}
		uses[a.PolicyARN] = u
	}
	return uses, nil
}

func link(tx *store.Tx, e *entity, arn string, u usage) error {
	return attachments.Put(tx, &attachment{Account: e.Account, PolicyARN: arn, Usage: u, Kind: e.Kind, ID: e.ID})
}

func unlink(tx *store.Tx, e *entity, arn string, u usage) error {
	_, err := attachments.Delete(tx, store.K(e.Account, arn, u, e.Kind, e.ID))
	return err
}

// setBoundary bounds an entity by a policy; nil leaves it as it is. The entity is not written.
func setBoundary(tx *store.Tx, e *entity, arn *string) error {
	if arn == nil {
		return nil
	}
	p, err := findPolicy(tx, e.Account, *arn)
	if err != nil {
		return err
	}
	if p == nil {
		return api.NewNoSuchEntityException("Scope ARN: %s does not exist or is not attachable.", *arn)
	}
	if err := clearBoundary(tx, e); err != nil {
		return err
	}
	e.Boundary = *arn
	return link(tx, e, *arn, boundaryUsage)
}

func clearBoundary(tx *store.Tx, e *entity) error {
	if e.Boundary == "" {
		return nil
	}
	old := e.Boundary
	e.Boundary = ""
	return unlink(tx, e, old, boundaryUsage)
}

func shownBoundary(arn string) *api.AttachedPermissionsBoundary {
	if arn == "" {
		return nil
	}
	// The API's model has "PermissionsBoundaryPolicy" for the type, the service answers "Policy".
	return &api.AttachedPermissionsBoundary{PermissionsBoundaryType: new(api.PermissionsBoundaryAttachmentType("Policy")), PermissionsBoundaryARN: &arn}
}

// attach attaches a managed policy; one that is attached already stays so.
func (s *Service) attach(call *aws.Call, k kind, name, arn string) error {
	if _, err := aws.ParseARN(arn); err != nil {
		return api.NewInvalidInputException("ARN %s is not valid.", arn)
	}
	return s.updateEntity(call, k, name, func(tx *store.Tx, e *entity) error {
		if err := e.modifiable(); err != nil {
			return err
		}
		p, err := findPolicy(tx, call.Account, arn)
		switch {
		case err != nil:
			return err
		case p == nil:
			return api.NewNoSuchEntityException("Policy %s does not exist or is not attachable.", arn)
		case strings.HasPrefix(p.Path, linkedPath):
			return api.NewPolicyNotAttachableException("Cannot attach a Service Role Policy to a Customer Role.")
		case slices.Contains(e.Attached, arn):
			return nil
		case len(e.Attached) >= maxAttached:
			return api.NewLimitExceededException("Cannot exceed quota for PoliciesPer%s: %d", k.title(), maxAttached)
		}
		e.Attached = append(e.Attached, arn)
		slices.SortFunc(e.Attached, func(a, b string) int { return cmp.Compare(attachedKey(a), attachedKey(b)) })
		return link(tx, e, arn, policyUsage)
	})
}

// attachedKey orders attached policies by name.
func attachedKey(arn string) string { return fold(lastName(arn)) + " " + arn }

func (s *Service) detach(call *aws.Call, k kind, name, arn string) error {
	return s.updateEntity(call, k, name, func(tx *store.Tx, e *entity) error {
		if err := e.modifiable(); err != nil {
			return err
		}
		i := slices.Index(e.Attached, arn)
		if i < 0 {
			return api.NewNoSuchEntityException("Policy %s was not found.", arn)
		}
		e.Attached = slices.Delete(e.Attached, i, i+1)
		return unlink(tx, e, arn, policyUsage)
	})
}

// attached makes a page of an entity's managed policies.
func (s *Service) attached(call *aws.Call, k kind, name string, pathPrefix, marker *string, maxItems *int32) (l listing[api.AttachedPolicy], err error) {
	p, err := newPage(marker, maxItems)
	if err != nil {
		return l, err
	}
	e, err := s.viewEntity(call, k, name, nil)
	if err != nil {
		return l, err
	}
	return cut(p, shownAttached(e.Attached, pathPrefix), func(a api.AttachedPolicy) string { return attachedKey(*a.PolicyARN) }), nil
}

func shownAttached(arns []string, pathPrefix *string) []api.AttachedPolicy {
	shown := make([]api.AttachedPolicy, 0, len(arns))
	for _, arn := range arns {
		_, resource, _ := strings.Cut(arn, ":policy")
		if path := strings.TrimSuffix(resource, lastName(resource)); below(path, pathPrefix) {
			shown = append(shown, api.AttachedPolicy{PolicyName: new(lastName(arn)), PolicyARN: &arn})
		}
	}
	return shown
}

// listEntitiesForPolicy lists who uses a policy: groups, then roles, then users.
func (s *Service) listEntitiesForPolicy(call *aws.Call, in *api.ListEntitiesForPolicyInput) (*api.ListEntitiesForPolicyOutput, error) {
	p, err := newPage(in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	var users []*entity
	err = s.DB.View(call, func(tx *store.Tx) error {
		if _, err := getPolicyRow(tx, call.Account, in.PolicyARN); err != nil {
			return err
		}
		for a, err := range attachments.Scan(tx, store.Range{Prefix: store.K(call.Account, in.PolicyARN)}) {
			if err != nil {
				return err
			}
			if in.EntityFilter != nil && string(*in.EntityFilter) != a.Kind.title() ||
				in.PolicyUsageFilter != nil && (*in.PolicyUsageFilter == api.PolicyUsageTypePermissionsBoundary) != (a.Usage == boundaryUsage) {
				continue
			}
			e, err := entityByID(tx, a.ID)
			if err != nil {
				return err
			}
			if e != nil && below(e.Path, in.PathPrefix) {
				users = append(users, e)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	key := func(e *entity) string { return string(e.Kind) + " " + e.ID }
	slices.SortFunc(users, func(a, b *entity) int { return cmp.Compare(key(a), key(b)) })
	users = slices.CompactFunc(users, func(a, b *entity) bool { return a.ID == b.ID })
	l := cut(p, users, key)
	out := &api.ListEntitiesForPolicyOutput{
		PolicyGroups: []api.PolicyGroup{}, PolicyRoles: []api.PolicyRole{}, PolicyUsers: []api.PolicyUser{},
		IsTruncated: l.truncated(), Marker: l.marker,
	}
	for _, e := range l.items {
		switch e.Kind {
		case groupKind:
			out.PolicyGroups = append(out.PolicyGroups, api.PolicyGroup{GroupName: &e.Name, GroupID: &e.ID})
		case roleKind:
			out.PolicyRoles = append(out.PolicyRoles, api.PolicyRole{RoleName: &e.Name, RoleID: &e.ID})
		case userKind:
			out.PolicyUsers = append(out.PolicyUsers, api.PolicyUser{UserName: &e.Name, UserID: &e.ID})
		}
	}
	return out, nil
}

func (s *Service) bound(call *aws.Call, k kind, name string, arn *string) error {
	return s.updateEntity(call, k, name, func(tx *store.Tx, e *entity) error {
		if err := e.modifiable(); err != nil {
			return err
		}
		switch {
		case arn != nil:
			return setBoundary(tx, e, arn)
		case e.Boundary == "":
			return api.NewNoSuchEntityException("%s %s does not have a permissions boundary.", k.title(), name)
		}
		return clearBoundary(tx, e)
	})
}

// The operations by kind of entity.

func (s *Service) attachUserPolicy(call *aws.Call, in *api.AttachUserPolicyInput) (*api.AttachUserPolicyOutput, error) {
	return &api.AttachUserPolicyOutput{}, s.attach(call, userKind, in.UserName, in.PolicyARN)
}

func (s *Service) detachUserPolicy(call *aws.Call, in *api.DetachUserPolicyInput) (*api.DetachUserPolicyOutput, error) {
	return &api.DetachUserPolicyOutput{}, s.detach(call, userKind, in.UserName, in.PolicyARN)
}

func (s *Service) listAttachedUserPolicies(call *aws.Call, in *api.ListAttachedUserPoliciesInput) (*api.ListAttachedUserPoliciesOutput, error) {
	l, err := s.attached(call, userKind, in.UserName, in.PathPrefix, in.Marker, in.MaxItems)
	return &api.ListAttachedUserPoliciesOutput{AttachedPolicies: l.items, IsTruncated: l.truncated(), Marker: l.marker}, err
}

func (s *Service) attachGroupPolicy(call *aws.Call, in *api.AttachGroupPolicyInput) (*api.AttachGroupPolicyOutput, error) {
	return &api.AttachGroupPolicyOutput{}, s.attach(call, groupKind, in.GroupName, in.PolicyARN)
}

func (s *Service) detachGroupPolicy(call *aws.Call, in *api.DetachGroupPolicyInput) (*api.DetachGroupPolicyOutput, error) {
	return &api.DetachGroupPolicyOutput{}, s.detach(call, groupKind, in.GroupName, in.PolicyARN)
}

func (s *Service) listAttachedGroupPolicies(call *aws.Call, in *api.ListAttachedGroupPoliciesInput) (*api.ListAttachedGroupPoliciesOutput, error) {
	l, err := s.attached(call, groupKind, in.GroupName, in.PathPrefix, in.Marker, in.MaxItems)
	return &api.ListAttachedGroupPoliciesOutput{AttachedPolicies: l.items, IsTruncated: l.truncated(), Marker: l.marker}, err
}

func (s *Service) attachRolePolicy(call *aws.Call, in *api.AttachRolePolicyInput) (*api.AttachRolePolicyOutput, error) {
	return &api.AttachRolePolicyOutput{}, s.attach(call, roleKind, in.RoleName, in.PolicyARN)
}

func (s *Service) detachRolePolicy(call *aws.Call, in *api.DetachRolePolicyInput) (*api.DetachRolePolicyOutput, error) {
	return &api.DetachRolePolicyOutput{}, s.detach(call, roleKind, in.RoleName, in.PolicyARN)
}

func (s *Service) listAttachedRolePolicies(call *aws.Call, in *api.ListAttachedRolePoliciesInput) (*api.ListAttachedRolePoliciesOutput, error) {
	l, err := s.attached(call, roleKind, in.RoleName, in.PathPrefix, in.Marker, in.MaxItems)
	return &api.ListAttachedRolePoliciesOutput{AttachedPolicies: l.items, IsTruncated: l.truncated(), Marker: l.marker}, err
}

func (s *Service) putUserPermissionsBoundary(call *aws.Call, in *api.PutUserPermissionsBoundaryInput) (*api.PutUserPermissionsBoundaryOutput, error) {
	return &api.PutUserPermissionsBoundaryOutput{}, s.bound(call, userKind, in.UserName, &in.PermissionsBoundary)
}

func (s *Service) deleteUserPermissionsBoundary(call *aws.Call, in *api.DeleteUserPermissionsBoundaryInput) (*api.DeleteUserPermissionsBoundaryOutput, error) {
	return &api.DeleteUserPermissionsBoundaryOutput{}, s.bound(call, userKind, in.UserName, nil)
}

func (s *Service) putRolePermissionsBoundary(call *aws.Call, in *api.PutRolePermissionsBoundaryInput) (*api.PutRolePermissionsBoundaryOutput, error) {
	return &api.PutRolePermissionsBoundaryOutput{}, s.bound(call, roleKind, in.RoleName, &in.PermissionsBoundary)
}

func (s *Service) deleteRolePermissionsBoundary(call *aws.Call, in *api.DeleteRolePermissionsBoundaryInput) (*api.DeleteRolePermissionsBoundaryOutput, error) {
	return &api.DeleteRolePermissionsBoundaryOutput{}, s.bound(call, roleKind, in.RoleName, nil)
}
