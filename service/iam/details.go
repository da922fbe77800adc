package iam

import (
	"slices"

	api "drydock/api/iam"
	"drydock/aws"
	"drydock/policy/managed"
	"drydock/store"
)

// detail is an entity or a policy in a listing of the whole account.
type detail struct {
	key    string
	entity *entity
	policy *managedPolicy
}

// getAccountAuthorizationDetails lists all users, groups, roles and policies of an account with everything that hangs on
// them, and those of AWS's policies that are used.
func (s *Service) getAccountAuthorizationDetails(call *aws.Call, in *api.GetAccountAuthorizationDetailsInput) (*api.GetAccountAuthorizationDetailsOutput, error) {
	p, err := newPage(in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	wanted := func(t api.EntityType) bool { return len(in.Filter) == 0 || slices.Contains(in.Filter, t) }
	out := &api.GetAccountAuthorizationDetailsOutput{
		UserDetailList: []api.UserDetail{}, GroupDetailList: []api.GroupDetail{}, RoleDetailList: []api.RoleDetail{}, Policies: []api.ManagedPolicyDetail{},
	}
	err = s.DB.View(call, func(tx *store.Tx) error {
		uses, err := countUses(tx, call.Account, "")
		if err != nil {
			return err
		}
		all, err := details(tx, call, uses, wanted)
		if err != nil {
			return err
		}
		l := cut(p, all, func(d detail) string { return d.key })
		out.IsTruncated, out.Marker = l.truncated(), l.marker
		for _, d := range l.items {
			if d.policy != nil {
				out.Policies = append(out.Policies, d.policy.detailed(uses[d.policy.arn()]))
				continue
			}
			if err := d.entity.detailed(tx, out); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// details collects what is wanted in the order of keys: groups, roles, users, own policies, AWS's policies.
func details(tx *store.Tx, call *aws.Call, uses map[string]useCount, wanted func(api.EntityType) bool) ([]detail, error) {
	var all []detail
	for e, err := range entities.Scan(tx, store.Range{Prefix: store.K(call.Account)}) {
		if err != nil {
			return nil, err
		}
		if wanted(api.EntityType(e.Kind.title())) {
			all = append(all, detail{key: "1" + string(e.Kind) + " " + e.sortKey(), entity: e})
		}
	}
	if wanted(api.EntityTypeLocalManagedPolicy) {
		for p, err := range policies.Scan(tx, store.Range{Prefix: store.K(call.Account)}) {
			if err != nil {
				return nil, err
			}
			all = append(all, detail{key: "2" + fold(p.Name), policy: p})
		}
	}
	if wanted(api.EntityTypeAWSManagedPolicy) {
		for _, m := range managed.All() {
			if uses[m.ARN(call.Partition)] != (useCount{}) {
				all = append(all, detail{key: "3" + m.Name, policy: fromAWS(m, call.Partition)})
			}
		}
	}
	return all, nil
}

func (p *managedPolicy) detailed(uses useCount) api.ManagedPolicyDetail {
	s := p.shown(uses)
	d := api.ManagedPolicyDetail{
		PolicyName: s.PolicyName, PolicyID: s.PolicyID, ARN: s.ARN, Path: s.Path, DefaultVersionID: s.DefaultVersionID, IsAttachable: s.IsAttachable,
		AttachmentCount: s.AttachmentCount, PermissionsBoundaryUsageCount: s.PermissionsBoundaryUsageCount, Description: s.Description,
		CreateDate: s.CreateDate, UpdateDate: s.UpdateDate, PolicyVersionList: []api.PolicyVersion{},
	}
	for i := range p.Versions {
		d.PolicyVersionList = append(d.PolicyVersionList, p.shownVersion(&p.Versions[i], true))
	}
	return d
}

// detailed adds the entity to the output.
func (e *entity) detailed(tx *store.Tx, out *api.GetAccountAuthorizationDetailsOutput) error {
	inline := make([]api.PolicyDetail, 0, len(e.Inline))
	for _, p := range e.Inline {
		inline = append(inline, api.PolicyDetail{PolicyName: &p.Name, PolicyDocument: new(encoded(p.Document))})
	}
	attached := shownAttached(e.Attached, nil)
	arn := e.arn()
	switch e.Kind {
	case groupKind:
		out.GroupDetailList = append(out.GroupDetailList, api.GroupDetail{
			Path: &e.Path, GroupName: &e.Name, GroupID: &e.ID, ARN: &arn, CreateDate: &e.Created, GroupPolicyList: inline,
			AttachedManagedPolicies: attached,
		})
	case userKind:
		groups, err := groupsOf(tx, e)
		if err != nil {
			return err
		}
		names := make([]string, 0, len(groups))
		for _, g := range groups {
			names = append(names, g.Name)
		}
		out.UserDetailList = append(out.UserDetailList, api.UserDetail{
			Path: &e.Path, UserName: &e.Name, UserID: &e.ID, ARN: &arn, CreateDate: &e.Created, UserPolicyList: inline, GroupList: names,
			AttachedManagedPolicies: attached, PermissionsBoundary: shownBoundary(e.Boundary), Tags: shownTags(e.Tags),
		})
	case roleKind:
		role, err := e.shownRole(tx)
		if err != nil {
			return err
		}
		found, err := profilesOf(tx, e)
		if err != nil {
			return err
		}
		shown, err := shownProfiles(tx, found)
		if err != nil {
			return err
		}
		out.RoleDetailList = append(out.RoleDetailList, api.RoleDetail{
			Path: &e.Path, RoleName: &e.Name, RoleID: &e.ID, ARN: &arn, CreateDate: &e.Created, RolePolicyList: inline,
			AttachedManagedPolicies: attached, PermissionsBoundary: role.PermissionsBoundary, Tags: role.Tags, InstanceProfileList: shown,
			AssumeRolePolicyDocument: role.AssumeRolePolicyDocument, RoleLastUsed: role.RoleLastUsed,
		})
	}
	return nil
}
