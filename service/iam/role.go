package iam

import (
	"strings"
	"time"

	api "drydock/api/iam"
	"drydock/aws"
	"drydock/store"
)

// roleSettings are what only roles have.
type roleSettings struct {
	// Trust is the trust policy as it was given; Principals tells who its principals were then.
	Trust       string
	Principals  []trustPrincipal
	Description string
	MaxSession  int32 // seconds
}

// accountCreated is when every account and its root user came to be, as far as anyone asks.
var accountCreated = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// linkedPath begins the paths of the roles that belong to AWS services.
const linkedPath = "/aws-service-role/"

// linked tells whether a role belongs to a service, which alone may change it.
func (e *entity) linked() bool { return e.Kind == roleKind && strings.HasPrefix(e.Path, linkedPath) }

// modifiable refuses changes of a service's role.
func (e *entity) modifiable() error {
	if e.linked() {
		return api.NewUnmodifiableEntityException("Cannot perform the operation on the protected role '%s' - this role is only modifiable by AWS", e.Name)
	}
	return nil
}

// shownRole is a role as GetRole shows it.
func (e *entity) shownRole(tx *store.Tx) (api.Role, error) {
	shown, err := e.listedRole(tx)
	if err != nil {
		return shown, err
	}
	shown.PermissionsBoundary, shown.Tags = shownBoundary(e.Boundary), shownTags(e.Tags)
	used, err := lastUse(tx, e.ID)
	if err != nil {
		return shown, err
	}
	shown.RoleLastUsed = &api.RoleLastUsed{}
	if used != nil {
		shown.RoleLastUsed.LastUsedDate, shown.RoleLastUsed.Region = &used.At, &used.Region
	}
	return shown, nil
}

// listedRole is a role as listings show it.
func (e *entity) listedRole(tx *store.Tx) (api.Role, error) {
	trust, err := e.trust(tx)
	if err != nil {
		return api.Role{}, err
	}
	shown := api.Role{
		Path: e.Path, RoleName: e.Name, RoleID: e.ID, ARN: e.arn(), CreateDate: e.Created,
		AssumeRolePolicyDocument: new(encoded(trust)), MaxSessionDuration: &e.Role.MaxSession,
	}
	if e.Role.Description != "" {
		shown.Description = &e.Role.Description
	}
	return shown, nil
}

func (s *Service) createRole(call *aws.Call, in *api.CreateRoleInput) (*api.CreateRoleOutput, error) {
	if strings.HasPrefix(pathOr(in.Path), linkedPath) {
		return nil, api.NewInvalidInputException("The path %s is reserved for service-linked roles.", linkedPath)
	}
	e, err := newEntity(call, roleKind, "AROA", in.RoleName, in.Path, in.Tags)
	if err != nil {
		return nil, err
	}
	e.Role = &roleSettings{MaxSession: defaultSessionHours * 3600}
	if in.Description != nil {
		e.Role.Description = *in.Description
	}
	if in.MaxSessionDuration != nil {
		e.Role.MaxSession = *in.MaxSessionDuration
	}
	shown, err := s.insertRole(call, e, in.AssumeRolePolicyDocument, in.PermissionsBoundary)
	if err != nil {
		return nil, err
	}
	return &api.CreateRoleOutput{Role: *shown}, nil
}

// insertRole writes a new role.
func (s *Service) insertRole(call *aws.Call, e *entity, trust string, boundary *string) (*api.Role, error) {
	doc, err := checkTrust(trust)
	if err != nil {
		return nil, err
	}
	var shown api.Role
	err = s.update(call, func(tx *store.Tx) (err error) {
		if err = e.setTrust(tx, trust, doc); err != nil {
			return err
		}
		if err = setBoundary(tx, e, boundary); err != nil {
			return err
		}
		if err = insertEntity(tx, e); err != nil {
			return err
		}
		shown, err = e.listedRole(tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	shown.PermissionsBoundary, shown.Tags = shownBoundary(e.Boundary), shownTags(e.Tags)
	return &shown, nil
}

func (s *Service) getRole(call *aws.Call, in *api.GetRoleInput) (*api.GetRoleOutput, error) {
	out := &api.GetRoleOutput{}
	_, err := s.viewEntity(call, roleKind, in.RoleName, func(tx *store.Tx, e *entity) (err error) {
		out.Role, err = e.shownRole(tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (s *Service) listRoles(call *aws.Call, in *api.ListRolesInput) (*api.ListRolesOutput, error) {
	l, err := s.listEntities(call, roleKind, in.PathPrefix, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	out := &api.ListRolesOutput{Roles: []api.Role{}, IsTruncated: l.truncated(), Marker: l.marker}
	err = s.DB.View(call, func(tx *store.Tx) error {
		for _, e := range l.items {
			shown, err := e.listedRole(tx)
			if err != nil {
				return err
			}
			out.Roles = append(out.Roles, shown)
		}
		return nil
	})
	return out, err
}

func (s *Service) updateRole(call *aws.Call, in *api.UpdateRoleInput) (*api.UpdateRoleOutput, error) {
	err := s.updateEntity(call, roleKind, in.RoleName, func(_ *store.Tx, e *entity) error {
		// The description of a service's role may be changed by anyone.
		if in.Description != nil {
			e.Role.Description = *in.Description
		}
		if in.MaxSessionDuration != nil {
			if err := e.modifiable(); err != nil {
				return err
			}
			e.Role.MaxSession = *in.MaxSessionDuration
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateRoleOutput{}, nil
}

func (s *Service) updateRoleDescription(call *aws.Call, in *api.UpdateRoleDescriptionInput) (*api.UpdateRoleDescriptionOutput, error) {
	out := &api.UpdateRoleDescriptionOutput{}
	err := s.updateEntity(call, roleKind, in.RoleName, func(tx *store.Tx, e *entity) error {
		e.Role.Description = in.Description
		shown, err := e.shownRole(tx)
		out.Role = &shown
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (s *Service) updateAssumeRolePolicy(call *aws.Call, in *api.UpdateAssumeRolePolicyInput) (*api.UpdateAssumeRolePolicyOutput, error) {
	doc, err := checkTrust(in.PolicyDocument)
	if err != nil {
		return nil, err
	}
	err = s.updateEntity(call, roleKind, in.RoleName, func(tx *store.Tx, e *entity) error {
		if err := e.modifiable(); err != nil {
			return err
		}
		return e.setTrust(tx, in.PolicyDocument, doc)
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateAssumeRolePolicyOutput{}, nil
}

func (s *Service) deleteRole(call *aws.Call, in *api.DeleteRoleInput) (*api.DeleteRoleOutput, error) {
	err := s.update(call, func(tx *store.Tx) error {
		e, err := getEntity(tx, call.Account, roleKind, in.RoleName)
		if err != nil {
			return err
		}
		if err := e.modifiable(); err != nil {
			return err
		}
		profiles, err := profilesOf(tx, e)
		if err != nil {
			return err
		}
		if len(profiles) > 0 {
			return api.NewDeleteConflictException("Cannot delete entity, must remove roles from instance profile first.")
		}
		if err := e.deletable(); err != nil {
			return err
		}
		return removeEntity(tx, e)
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteRoleOutput{}, nil
}

func (s *Service) tagRole(call *aws.Call, in *api.TagRoleInput) (*api.TagRoleOutput, error) {
	return &api.TagRoleOutput{}, s.tagEntity(call, roleKind, in.RoleName, in.Tags)
}

func (s *Service) untagRole(call *aws.Call, in *api.UntagRoleInput) (*api.UntagRoleOutput, error) {
	return &api.UntagRoleOutput{}, s.untagEntity(call, roleKind, in.RoleName, in.TagKeys)
}

func (s *Service) listRoleTags(call *aws.Call, in *api.ListRoleTagsInput) (*api.ListRoleTagsOutput, error) {
	e, err := s.viewEntity(call, roleKind, in.RoleName, nil)
	if err != nil {
		return nil, err
	}
	l, err := pageTags(e.Tags, in.Marker, in.MaxItems)
	return &api.ListRoleTagsOutput{Tags: l.items, IsTruncated: l.truncated(), Marker: l.marker}, err
}
