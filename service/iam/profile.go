package iam

import (
	"errors"
	"slices"
	"time"

	api "drydock/api/iam"
	"drydock/aws"
	"drydock/store"
)

// instanceProfile hands a role to EC2 instances.
type instanceProfile struct {
	Account, Partition string
	Name, Path, ID     string
	Created            time.Time
	RoleID             string // empty: no role
	Tags               map[string]string
}

var (
	profilesByRole = store.NewIndex("role", func(p *instanceProfile) []store.Key {
		if p.RoleID == "" {
			return nil
		}
		return []store.Key{store.K(p.RoleID)}
	})
	profiles = store.NewTable("iam/profile", func(p *instanceProfile) store.Key { return store.K(p.Account, fold(p.Name)) }, profilesByRole)
)

func (p *instanceProfile) arn() string {
	return aws.ARN{Partition: p.Partition, Service: "iam", Account: p.Account, Resource: "instance-profile" + p.Path + p.Name}.String()
}

func (p *instanceProfile) sortKey() string { return fold(p.Name) }

func getProfile(tx *store.Tx, account, name string) (*instanceProfile, error) {
	p, err := profiles.Get(tx, store.K(account, fold(name)))
	if errors.Is(err, store.ErrNotFound) {
		return nil, api.NewNoSuchEntityException("Instance Profile %s cannot be found.", name)
	}
	return p, err
}

// profilesOf returns the profiles that have a role, in the order of names.
func profilesOf(tx *store.Tx, role *entity) ([]*instanceProfile, error) {
	var found []*instanceProfile
	for p, err := range profilesByRole.Scan(tx, store.Range{Prefix: store.K(role.ID)}) {
		if err != nil {
			return nil, err
		}
		found = append(found, p)
	}
	return found, nil
}

func (p *instanceProfile) shown(tx *store.Tx) (api.InstanceProfile, error) {
	shown := api.InstanceProfile{
		Path: p.Path, InstanceProfileName: p.Name, InstanceProfileID: p.ID, ARN: p.arn(), CreateDate: p.Created,
		Roles: []api.Role{}, Tags: shownTags(p.Tags),
	}
	role, err := entityByID(tx, p.RoleID)
	if err != nil || role == nil {
		return shown, err
	}
	r, err := role.listedRole(tx)
	// The role's session duration and description are not part of this view.
	r.MaxSessionDuration, r.Description = nil, nil
	shown.Roles = append(shown.Roles, r)
	return shown, err
}

func (s *Service) createInstanceProfile(call *aws.Call, in *api.CreateInstanceProfileInput) (*api.CreateInstanceProfileOutput, error) {
	tags, err := mergeTags(nil, in.Tags)
	if err != nil {
		return nil, err
	}
	p := &instanceProfile{
		Account: call.Account, Partition: call.Partition, Name: in.InstanceProfileName, Path: pathOr(in.Path), ID: call.NewID("AIPA", 17),
		Created: call.Now().Truncate(time.Second), Tags: tags,
	}
	out := &api.CreateInstanceProfileOutput{}
	err = s.update(call, func(tx *store.Tx) error {
		exists, err := profiles.Has(tx, profiles.Key(p))
		if err != nil {
			return err
		}
		if exists {
			return api.NewEntityAlreadyExistsException("Instance Profile %s already exists.", p.Name)
		}
		err = count(tx, p.Account, 1, func(a *account) *int32 { return &a.Profiles }, maxInstanceProfiles, "InstanceProfilesPerAccount")
		if err != nil {
			return err
		}
		if out.InstanceProfile, err = p.shown(tx); err != nil {
			return err
		}
		return profiles.Put(tx, p)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (s *Service) getInstanceProfile(call *aws.Call, in *api.GetInstanceProfileInput) (*api.GetInstanceProfileOutput, error) {
	out := &api.GetInstanceProfileOutput{}
	err := s.DB.View(call, func(tx *store.Tx) error {
		p, err := getProfile(tx, call.Account, in.InstanceProfileName)
		if err != nil {
			return err
		}
		out.InstanceProfile, err = p.shown(tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (s *Service) listInstanceProfiles(call *aws.Call, in *api.ListInstanceProfilesInput) (*api.ListInstanceProfilesOutput, error) {
	p, err := newPage(in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	r := store.Range{Prefix: store.K(call.Account)}
	if p.after != "" {
		r.After = store.K(call.Account, p.after)
	}
	out := &api.ListInstanceProfilesOutput{}
	err = s.DB.View(call, func(tx *store.Tx) error {
		l, err := take(p, profiles.Scan(tx, r), (*instanceProfile).sortKey, func(p *instanceProfile) bool { return below(p.Path, in.PathPrefix) })
		if err != nil {
			return err
		}
		out.IsTruncated, out.Marker = l.truncated(), l.marker
		out.InstanceProfiles, err = shownProfiles(tx, l.items)
		return err
	})
	return out, err
}

func shownProfiles(tx *store.Tx, list []*instanceProfile) ([]api.InstanceProfile, error) {
	shown := make([]api.InstanceProfile, 0, len(list))
	for _, p := range list {
		one, err := p.shown(tx)
		if err != nil {
			return nil, err
		}
		shown = append(shown, one)
	}
	return shown, nil
}

func (s *Service) listInstanceProfilesForRole(call *aws.Call, in *api.ListInstanceProfilesForRoleInput) (*api.ListInstanceProfilesForRoleOutput, error) {
	p, err := newPage(in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	out := &api.ListInstanceProfilesForRoleOutput{}
	_, err = s.viewEntity(call, roleKind, in.RoleName, func(tx *store.Tx, e *entity) error {
		found, err := profilesOf(tx, e)
		if err != nil {
			return err
		}
		l := cut(p, found, (*instanceProfile).sortKey)
		out.IsTruncated, out.Marker = l.truncated(), l.marker
		out.InstanceProfiles, err = shownProfiles(tx, l.items)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// updateProfile changes one of the caller's profiles.
func (s *Service) updateProfile(call *aws.Call, name string, change func(tx *store.Tx, p *instanceProfile) error) error {
	return s.update(call, func(tx *store.Tx) error {
		p, err := getProfile(tx, call.Account, name)
		if err != nil {
			return err
		}
		if err := change(tx, p); err != nil {
			return err
		}
		return profiles.Put(tx, p)
	})
}

func (s *Service) addRoleToInstanceProfile(call *aws.Call, in *api.AddRoleToInstanceProfileInput) (*api.AddRoleToInstanceProfileOutput, error) {
	err := s.updateProfile(call, in.InstanceProfileName, func(tx *store.Tx, p *instanceProfile) error {
		role, err := getEntity(tx, call.Account, roleKind, in.RoleName)
		if err != nil {
			return err
		}
		if err := role.modifiable(); err != nil {
			return err
		}
		if p.RoleID != "" {
			return api.NewLimitExceededException("Cannot exceed quota for InstanceSessionsPerInstanceProfile: %d", maxRolesPerProfile)
		}
		p.RoleID = role.ID
		return nil
	})
	return &api.AddRoleToInstanceProfileOutput{}, err
}

func (s *Service) removeRoleFromInstanceProfile(call *aws.Call, in *api.RemoveRoleFromInstanceProfileInput) (*api.RemoveRoleFromInstanceProfileOutput, error) {
	err := s.updateProfile(call, in.InstanceProfileName, func(tx *store.Tx, p *instanceProfile) error {
		role, err := getEntity(tx, call.Account, roleKind, in.RoleName)
		if err != nil {
			return err
		}
		if err := role.modifiable(); err != nil {
			return err
		}
		if p.RoleID != role.ID {
			return api.NewNoSuchEntityException("The role with name %s cannot be found.", in.RoleName)
		}
		p.RoleID = ""
		return nil
	})
	return &api.RemoveRoleFromInstanceProfileOutput{}, err
}

func (s *Service) deleteInstanceProfile(call *aws.Call, in *api.DeleteInstanceProfileInput) (*api.DeleteInstanceProfileOutput, error) {
	err := s.update(call, func(tx *store.Tx) error {
		p, err := getProfile(tx, call.Account, in.InstanceProfileName)
		if err != nil {
			return err
		}
		if p.RoleID != "" {
			return api.NewDeleteConflictException("Cannot delete entity, must remove roles from instance profile first.")
		}
		if err := count(tx, p.Account, -1, func(a *account) *int32 { return &a.Profiles }, maxInstanceProfiles, ""); err != nil {
			return err
		}
		_, err = profiles.Delete(tx, profiles.Key(p))
		return err
	})
	return &api.DeleteInstanceProfileOutput{}, err
}

func (s *Service) tagInstanceProfile(call *aws.Call, in *api.TagInstanceProfileInput) (*api.TagInstanceProfileOutput, error) {
	err := s.updateProfile(call, in.InstanceProfileName, func(_ *store.Tx, p *instanceProfile) (err error) {
		p.Tags, err = mergeTags(p.Tags, in.Tags)
		return err
	})
	return &api.TagInstanceProfileOutput{}, err
}

func (s *Service) untagInstanceProfile(call *aws.Call, in *api.UntagInstanceProfileInput) (*api.UntagInstanceProfileOutput, error) {
	err := s.updateProfile(call, in.InstanceProfileName, func(_ *store.Tx, p *instanceProfile) error {
		dropTags(p.Tags, slices.Clone(in.TagKeys))
		return nil
	})
	return &api.UntagInstanceProfileOutput{}, err
}

func (s *Service) listInstanceProfileTags(call *aws.Call, in *api.ListInstanceProfileTagsInput) (*api.ListInstanceProfileTagsOutput, error) {
	var p *instanceProfile
	err := s.DB.View(call, func(tx *store.Tx) (err error) {
		p, err = getProfile(tx, call.Account, in.InstanceProfileName)
		return err
	})
	if err != nil {
		return nil, err
	}
	l, err := pageTags(p.Tags, in.Marker, in.MaxItems)
	return &api.ListInstanceProfileTagsOutput{Tags: l.items, IsTruncated: l.truncated(), Marker: l.marker}, err
}
