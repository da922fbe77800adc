package iam

import (
	"errors"
	"strings"
	"time"

	api "drydock/api/iam"
	"drydock/aws"
	"drydock/store"
)

// kind tells users, groups and roles apart. Its text begins the resource in their ARNs.
type kind string

const (
	userKind  kind = "user"
	groupKind kind = "group"
	roleKind  kind = "role"
)

// title is the kind as error messages begin with it.
func (k kind) title() string { return strings.ToUpper(string(k[:1])) + string(k[1:]) }

// entity is a user, a group or a role: what has a name, a path and policies.
type entity struct {
	Account, Partition string
	Kind               kind
	Name, Path, ID     string
	Created            time.Time
	Tags               map[string]string
	// Inline are the policies embedded in it, in the order of their names.
	Inline []inlinePolicy
	// Attached are the ARNs of its managed policies, Boundary the one that bounds it.
	Attached []string
	Boundary string
	// Groups are the unique ids of a user's groups.
	Groups []string
	// Role is what only roles have.
	Role *roleSettings
}

var (
	entitiesByID = store.NewIndex("id", func(e *entity) []store.Key { return []store.Key{store.K(e.ID)} })
	groupMembers = store.NewIndex("group", func(e *entity) []store.Key {
		keys := make([]store.Key, 0, len(e.Groups))
		for _, id := range e.Groups {
			keys = append(keys, store.K(id))
		}
		return keys
	})
	entities = store.NewTable("iam/entity", func(e *entity) store.Key { return entityKey(e.Account, e.Kind, e.Name) }, entitiesByID, groupMembers)
)

// fold brings names that are the same to IAM to the same form.
func fold(name string) string { return strings.ToLower(name) }

func entityKey(account string, k kind, name string) store.Key { return store.K(account, k, fold(name)) }

func (e *entity) sortKey() string { return fold(e.Name) }

// arn is the entity's ARN.
func (e *entity) arn() string {
	return aws.ARN{Partition: e.Partition, Service: "iam", Account: e.Account, Resource: string(e.Kind) + e.Path + e.Name}.String()
}

// newEntity fills in what all entities begin with.
func newEntity(call *aws.Call, k kind, prefix, name string, path *string, tags []api.Tag) (*entity, error) {
	merged, err := mergeTags(nil, tags)
	if err != nil {
		return nil, err
	}
	return &entity{
		Account: call.Account, Partition: call.Partition, Kind: k, Name: name, Path: pathOr(path), ID: call.NewID(prefix, 17),
		Created: call.Now().Truncate(time.Second), Tags: merged,
	}, nil
}

func pathOr(path *string) string {
	if path == nil {
		return "/"
	}
	return *path
}

// getEntity returns an entity of an account by name.
func getEntity(tx *store.Tx, account string, k kind, name string) (*entity, error) {
	e, err := entities.Get(tx, entityKey(account, k, name))
	if errors.Is(err, store.ErrNotFound) {
		return nil, api.NewNoSuchEntityException("The %s with name %s cannot be found.", k, name)
	}
	return e, err
}

// insertEntity writes a new entity and counts it.
func insertEntity(tx *store.Tx, e *entity) error {
	exists, err := entities.Has(tx, entities.Key(e))
	if err != nil {
		return err
	}
	if exists {
		return api.NewEntityAlreadyExistsException("%s with name %s already exists.", e.Kind.title(), e.Name)
	}
	if err := countEntity(tx, e, 1); err != nil {
		return err
	}
	return entities.Put(tx, e)
}

func countEntity(tx *store.Tx, e *entity, n int32) error {
	switch e.Kind {
	case userKind:
		return count(tx, e.Account, n, func(a *account) *int32 { return &a.Users }, maxUsers, "UsersPerAccount")
	case groupKind:
		return count(tx, e.Account, n, func(a *account) *int32 { return &a.Groups }, maxGroups, "GroupsPerAccount")
	default:
		return count(tx, e.Account, n, func(a *account) *int32 { return &a.Roles }, maxRoles, "RolesPerAccount")
	}
}

// updateEntity changes one of the caller's entities.
func (s *Service) updateEntity(call *aws.Call, k kind, name string, change func(tx *store.Tx, e *entity) error) error {
	return s.update(call, func(tx *store.Tx) error {
		e, err := getEntity(tx, call.Account, k, name)
		if err != nil {
			return err
		}
		if err := change(tx, e); err != nil {
			return err
		}
		return entities.Put(tx, e)
	})
}

// viewEntity reads one of the caller's entities; fn, which may be nil, sees it in the same snapshot.
func (s *Service) viewEntity(call *aws.Call, k kind, name string, fn func(tx *store.Tx, e *entity) error) (e *entity, err error) {
	err = s.DB.View(call, func(tx *store.Tx) error {
		if e, err = getEntity(tx, call.Account, k, name); err != nil || fn == nil {
			return err
		}
		return fn(tx, e)
	})
	return e, err
}

// listEntities makes a page of the caller's entities of a kind below a path.
func (s *Service) listEntities(call *aws.Call, k kind, pathPrefix, marker *string, maxItems *int32) (l listing[*entity], err error) {
	p, err := newPage(marker, maxItems)
	if err != nil {
		return l, err
	}
	r := store.Range{Prefix: store.K(call.Account, k)}
	if p.after != "" {
		r.After = store.K(call.Account, k, p.after)
	}
	err = s.DB.View(call, func(tx *store.Tx) error {
		l, err = take(p, entities.Scan(tx, r), (*entity).sortKey, func(e *entity) bool { return below(e.Path, pathPrefix) })
		return err
	})
	return l, err
}

// below tells whether a path begins with the prefix asked for.
func below(path string, prefix *string) bool {
	return prefix == nil || strings.HasPrefix(path, *prefix)
}

// deletable refuses to delete an entity that policies still hang on.
func (e *entity) deletable() error {
	switch {
	case len(e.Attached) > 0:
		return api.NewDeleteConflictException("Cannot delete entity, must detach all policies first.")
	case len(e.Inline) > 0:
		return api.NewDeleteConflictException("Cannot delete entity, must delete policies first.")
	}
	return nil
}

// removeEntity deletes the row, the bookkeeping of its boundary and what is known of its use.
func removeEntity(tx *store.Tx, e *entity) error {
	if e.Boundary != "" {
		if err := unlink(tx, e, e.Boundary, boundaryUsage); err != nil {
			return err
		}
	}
	if err := countEntity(tx, e, -1); err != nil {
		return err
	}
	if err := forgetUse(tx, e.ID); err != nil {
		return err
	}
	_, err := entities.Delete(tx, entities.Key(e))
	return err
}
