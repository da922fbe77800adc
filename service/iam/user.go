package iam

import (
	"errors"
	"slices"

	api "drydock/api/iam"
	"drydock/aws"
	"drydock/store"
)

// shownUser is a user as GetUser shows it; listings leave tags and boundary out.
func (e *entity) shownUser() api.User {
	shown := e.listedUser()
	shown.PermissionsBoundary, shown.Tags = shownBoundary(e.Boundary), shownTags(e.Tags)
	return shown
}

func (e *entity) listedUser() api.User {
	return api.User{Path: e.Path, UserName: e.Name, UserID: e.ID, ARN: e.arn(), CreateDate: e.Created}
}

// ownUser is the user an operation means: the one named, or else the caller. The name is empty for the account's root
// user.
func ownUser(call *aws.Call, name *string) (string, error) {
	if name != nil {
		return *name, nil
	}
	if call.Principal.Type == aws.PrincipalRoot {
		return "", nil
	}
	if call.Principal.Type == aws.PrincipalUser {
		return call.Principal.Name, nil
	}
	return "", aws.NewError(400, "ValidationError", "Must specify userName when calling with non-User credentials")
}

func (s *Service) createUser(call *aws.Call, in *api.CreateUserInput) (*api.CreateUserOutput, error) {
	e, err := newEntity(call, userKind, "AIDA", in.UserName, in.Path, in.Tags)
	if err != nil {
		return nil, err
	}
	err = s.update(call, func(tx *store.Tx) error {
		if err := setBoundary(tx, e, in.PermissionsBoundary); err != nil {
			return err
		}
		return insertEntity(tx, e)
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateUserOutput{User: new(e.shownUser())}, nil
}

func (s *Service) getUser(call *aws.Call, in *api.GetUserInput) (*api.GetUserOutput, error) {
	name, err := ownUser(call, in.UserName)
	if err != nil {
		return nil, err
	}
	if name == "" {
		root := aws.Root(call.Partition, call.Account)
		return &api.GetUserOutput{User: api.User{UserID: root.ID, ARN: root.ARN, Path: "/", CreateDate: accountCreated}}, nil
	}
	e, err := s.viewEntity(call, userKind, name, nil)
	if err != nil {
		return nil, err
	}
	return &api.GetUserOutput{User: e.shownUser()}, nil
}

func (s *Service) listUsers(call *aws.Call, in *api.ListUsersInput) (*api.ListUsersOutput, error) {
	l, err := s.listEntities(call, userKind, in.PathPrefix, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	out := &api.ListUsersOutput{Users: []api.User{}, IsTruncated: l.truncated(), Marker: l.marker}
	for _, e := range l.items {
		out.Users = append(out.Users, e.listedUser())
	}
	return out, nil
}

// updateUser renames a user or moves it to another path. Everything that belongs to it hangs on its unique id.
func (s *Service) updateUser(call *aws.Call, in *api.UpdateUserInput) (*api.UpdateUserOutput, error) {
	err := s.update(call, func(tx *store.Tx) error {
		return renameEntity(tx, call.Account, userKind, in.UserName, in.NewUserName, in.NewPath)
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateUserOutput{}, nil
}

// renameEntity gives a user or group another name or path.
func renameEntity(tx *store.Tx, account string, k kind, name string, newName, newPath *string) error {
	e, err := getEntity(tx, account, k, name)
	if err != nil {
		return err
	}
	if newPath != nil {
		e.Path = *newPath
	}
	if newName != nil && fold(*newName) != fold(e.Name) {
		exists, err := entities.Has(tx, entityKey(account, k, *newName))
		if err != nil {
			return err
		}
		if exists {
			return api.NewEntityAlreadyExistsException("%s with name %s already exists.", k.title(), *newName)
		}
		if _, err := entities.Delete(tx, entities.Key(e)); err != nil {
			return err
		}
	}
	if newName != nil {
		e.Name = *newName
	}
	return entities.Put(tx, e)
}

// deleteUser removes a user that has nothing any more.
func (s *Service) deleteUser(call *aws.Call, in *api.DeleteUserInput) (*api.DeleteUserOutput, error) {
	err := s.update(call, func(tx *store.Tx) error {
		e, err := getEntity(tx, call.Account, userKind, in.UserName)
		if err != nil {
			return err
		}
		left, err := e.belongings(tx)
		if err != nil {
			return err
		}
		if left != "" {
			return api.NewDeleteConflictException("Cannot delete entity, must %s first.", left)
		}
		if err := e.deletable(); err != nil {
			return err
		}
		return removeEntity(tx, e)
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteUserOutput{}, nil
}

// belongings tells what a user still has that keeps it from being deleted; "" for nothing. Policies are not looked at.
func (e *entity) belongings(tx *store.Tx) (string, error) {
	for _, b := range []struct {
		rid   string
		count func() (int, error)
	}{
		{"delete access keys", func() (int, error) { l, err := userKeys(tx, e.Account, e.ID); return len(l), err }},
		{"delete login profile", func() (int, error) {
			has, err := logins.Has(tx, store.K(e.ID))
			if has {
				return 1, err
			}
			return 0, err
		}},
		{"delete MFA device", func() (int, error) { l, err := userDevices(tx, e.ID); return len(l), err }},
		{"delete certificates", func() (int, error) { l, err := userSigning(tx, e.Account, e.ID); return len(l), err }},
		// AWS has no words of their own for these.
		{"remove referenced objects", func() (int, error) { l, err := userSSHKeys(tx, e.ID); return len(l), err }},
		{"remove referenced objects", func() (int, error) { l, err := userCredentials(tx, e.ID); return len(l), err }},
		{"remove users from group", func() (int, error) { return len(e.Groups), nil }},
	} {
		n, err := b.count()
		if err != nil {
			return "", err
		}
		if n > 0 {
			return b.rid, nil
		}
	}
	return "", nil
}

func (s *Service) tagUser(call *aws.Call, in *api.TagUserInput) (*api.TagUserOutput, error) {
	return &api.TagUserOutput{}, s.tagEntity(call, userKind, in.UserName, in.Tags)
}

// tagEntity adds tags to a user or role.
func (s *Service) tagEntity(call *aws.Call, k kind, name string, tags []api.Tag) error {
	return s.updateEntity(call, k, name, func(_ *store.Tx, e *entity) (err error) {
		e.Tags, err = mergeTags(e.Tags, tags)
		return err
	})
}

func (s *Service) untagUser(call *aws.Call, in *api.UntagUserInput) (*api.UntagUserOutput, error) {
	return &api.UntagUserOutput{}, s.untagEntity(call, userKind, in.UserName, in.TagKeys)
}

func (s *Service) untagEntity(call *aws.Call, k kind, name string, keys []string) error {
	return s.updateEntity(call, k, name, func(_ *store.Tx, e *entity) error {
		dropTags(e.Tags, keys)
		return nil
	})
}

func (s *Service) listUserTags(call *aws.Call, in *api.ListUserTagsInput) (*api.ListUserTagsOutput, error) {
	e, err := s.viewEntity(call, userKind, in.UserName, nil)
	if err != nil {
		return nil, err
	}
	l, err := pageTags(e.Tags, in.Marker, in.MaxItems)
	return &api.ListUserTagsOutput{Tags: l.items, IsTruncated: l.truncated(), Marker: l.marker}, err
}

// entityByID returns the entity with a unique id, or nil if there is none any more.
func entityByID(tx *store.Tx, id string) (*entity, error) {
	e, err := entitiesByID.First(tx, store.K(id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return e, err
}

// groupsOf returns a user's groups in the order of their names.
func groupsOf(tx *store.Tx, user *entity) ([]*entity, error) {
	groups := make([]*entity, 0, len(user.Groups))
	for _, id := range user.Groups {
		g, err := entityByID(tx, id)
		if err != nil {
			return nil, err
		}
		if g != nil {
			groups = append(groups, g)
		}
	}
	slices.SortFunc(groups, byName)
	return groups, nil
}
