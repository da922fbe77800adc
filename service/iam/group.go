package iam

import (
	"cmp"
	"slices"

	api "drydock/api/iam"
	"drydock/aws"
	"drydock/store"
)

func byName(a, b *entity) int { return cmp.Compare(a.sortKey(), b.sortKey()) }

func (e *entity) shownGroup() api.Group {
	return api.Group{Path: e.Path, GroupName: e.Name, GroupID: e.ID, ARN: e.arn(), CreateDate: e.Created}
}

// membersOf returns a group's users in the order of their names.
func membersOf(tx *store.Tx, group *entity) ([]*entity, error) {
	var users []*entity
	for e, err := range groupMembers.Scan(tx, store.Range{Prefix: store.K(group.ID)}) {
		if err != nil {
			return nil, err
		}
		users = append(users, e)
	}
	slices.SortFunc(users, byName)
	return users, nil
}

func (s *Service) createGroup(call *aws.Call, in *api.CreateGroupInput) (*api.CreateGroupOutput, error) {
	e, err := newEntity(call, groupKind, "AGPA", in.GroupName, in.Path, nil)
	if err != nil {
		return nil, err
	}
	if err := s.update(call, func(tx *store.Tx) error { return insertEntity(tx, e) }); err != nil {
		return nil, err
	}
	return &api.CreateGroupOutput{Group: e.shownGroup()}, nil
}

// getGroup returns a group with its users.
func (s *Service) getGroup(call *aws.Call, in *api.GetGroupInput) (*api.GetGroupOutput, error) {
	p, err := newPage(in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	var users []*entity
	group, err := s.viewEntity(call, groupKind, in.GroupName, func(tx *store.Tx, e *entity) (err error) {
		users, err = membersOf(tx, e)
		return err
	})
	if err != nil {
		return nil, err
	}
	l := cut(p, users, (*entity).sortKey)
	out := &api.GetGroupOutput{Group: group.shownGroup(), Users: []api.User{}, IsTruncated: l.truncated(), Marker: l.marker}
	for _, e := range l.items {
		out.Users = append(out.Users, e.listedUser())
	}
	return out, nil
}

func (s *Service) listGroups(call *aws.Call, in *api.ListGroupsInput) (*api.ListGroupsOutput, error) {
	l, err := s.listEntities(call, groupKind, in.PathPrefix, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &api.ListGroupsOutput{Groups: shownGroups(l.items), IsTruncated: l.truncated(), Marker: l.marker}, nil
}

func shownGroups(groups []*entity) []api.Group {
	shown := make([]api.Group, 0, len(groups))
	for _, e := range groups {
		shown = append(shown, e.shownGroup())
	}
	return shown
}

func (s *Service) listGroupsForUser(call *aws.Call, in *api.ListGroupsForUserInput) (*api.ListGroupsForUserOutput, error) {
	p, err := newPage(in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	var groups []*entity
	if _, err = s.viewEntity(call, userKind, in.UserName, func(tx *store.Tx, e *entity) (err error) {
		groups, err = groupsOf(tx, e)
		return err
	}); err != nil {
		return nil, err
	}
	l := cut(p, groups, (*entity).sortKey)
	return &api.ListGroupsForUserOutput{Groups: shownGroups(l.items), IsTruncated: l.truncated(), Marker: l.marker}, nil
}

func (s *Service) updateGroup(call *aws.Call, in *api.UpdateGroupInput) (*api.UpdateGroupOutput, error) {
	err := s.update(call, func(tx *store.Tx) error {
		return renameEntity(tx, call.Account, groupKind, in.GroupName, in.NewGroupName, in.NewPath)
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateGroupOutput{}, nil
}

func (s *Service) deleteGroup(call *aws.Call, in *api.DeleteGroupInput) (*api.DeleteGroupOutput, error) {
	err := s.update(call, func(tx *store.Tx) error {
		e, err := getEntity(tx, call.Account, groupKind, in.GroupName)
		if err != nil {
			return err
		}
		users, err := membersOf(tx, e)
		if err != nil {
			return err
		}
		if len(users) > 0 {
			return api.NewDeleteConflictException("Cannot delete entity, must remove users from group first.")
		}
		if err := e.deletable(); err != nil {
			return err
		}
		return removeEntity(tx, e)
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteGroupOutput{}, nil
}

// addUserToGroup makes a user a member; one that is a member already stays it.
func (s *Service) addUserToGroup(call *aws.Call, in *api.AddUserToGroupInput) (*api.AddUserToGroupOutput, error) {
	err := s.changeMembership(call, in.GroupName, in.UserName, func(group, user *entity) error {
		switch {
		case slices.Contains(user.Groups, group.ID):
			return nil
		case len(user.Groups) >= maxGroupsPerUser:
			return api.NewLimitExceededException("Cannot exceed quota for GroupsPerUser: %d", maxGroupsPerUser)
		}
		user.Groups = append(user.Groups, group.ID)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.AddUserToGroupOutput{}, nil
}

func (s *Service) removeUserFromGroup(call *aws.Call, in *api.RemoveUserFromGroupInput) (*api.RemoveUserFromGroupOutput, error) {
	err := s.changeMembership(call, in.GroupName, in.UserName, func(group, user *entity) error {
		user.Groups = slices.DeleteFunc(user.Groups, func(id string) bool { return id == group.ID })
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.RemoveUserFromGroupOutput{}, nil
}

func (s *Service) changeMembership(call *aws.Call, groupName, userName string, change func(group, user *entity) error) error {
	return s.update(call, func(tx *store.Tx) error {
		group, err := getEntity(tx, call.Account, groupKind, groupName)
		if err != nil {
			return err
		}
		user, err := getEntity(tx, call.Account, userKind, userName)
		if err != nil {
			return err
		}
		if err := change(group, user); err != nil {
			return err
		}
		return entities.Put(tx, user)
	})
}
