package iam

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	api "drydock/api/iam"
	"drydock/aws"
	"drydock/store"
)

// accessKey is a long-term key of a user, or of an account's root user.
type accessKey struct {
	ID, Account, Partition string
	UserID                 string // empty for the root user
	// Sealed is the secret, wrapped for this key id.
	Sealed  []byte
	Active  bool
	Created time.Time
	// Deleted keys leave their id behind: it must not be taken for an unknown one.
	Deleted bool
}

var (
	keysByUser = store.NewIndex("user", func(k *accessKey) []store.Key {
		if k.Deleted {
			return nil
		}
		return []store.Key{store.K(k.Account, k.UserID)}
	})
	accessKeys = store.NewTable("iam/accesskey", func(k *accessKey) store.Key { return store.K(k.ID) }, keysByUser)
)

// secretBytes make a secret of 40 characters.
const secretBytes = 30

// newSecret returns a random secret of n bytes in base64.
func newSecret(random io.Reader, n int) (string, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", fmt.Errorf("make a secret: %w", err)
	}
	return base64.StdEncoding.EncodeToString(b), nil
}

// keyContext binds a sealed secret to its key.
func keyContext(id string) []byte { return []byte("iam access key " + id) }

// userKeys returns the keys of a user, or of the root user if the id is empty.
func userKeys(tx *store.Tx, account, userID string) ([]*accessKey, error) {
	var keys []*accessKey
	for k, err := range keysByUser.Scan(tx, store.Range{Prefix: store.K(account, userID)}) {
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	slices.SortStableFunc(keys, func(a, b *accessKey) int { return a.Created.Compare(b.Created) })
	return keys, nil
}

// userID returns the unique id of the caller's user of that name; both are empty for the root user.
func userID(tx *store.Tx, account, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	e, err := getEntity(tx, account, userKind, name)
	if err != nil {
		return "", err
	}
	return e.ID, nil
}

func shownStatus(active bool) api.StatusType {
	if active {
		return api.StatusTypeActive
	}
	return api.StatusTypeInactive
}

func (s *Service) createAccessKey(call *aws.Call, in *api.CreateAccessKeyInput) (*api.CreateAccessKeyOutput, error) {
	name, err := ownUser(call, in.UserName)
	if err != nil {
		return nil, err
	}
	secret, err := newSecret(s.Random, secretBytes)
	if err != nil {
		return nil, err
	}
	k := &accessKey{
		ID: aws.NewAccessKeyID(s.Random, "AKIA", call.Account), Account: call.Account, Partition: call.Partition, Active: true,
		Created: call.Now().Truncate(time.Second),
	}
	k.Sealed = s.Keys.Wrap([]byte(secret), keyContext(k.ID))
	err = s.update(call, func(tx *store.Tx) (err error) {
		if k.UserID, err = userID(tx, call.Account, name); err != nil {
			return err
		}
		keys, err := userKeys(tx, call.Account, k.UserID)
		if err != nil {
			return err
		}
		if len(keys) >= maxKeysPerUser {
			return api.NewLimitExceededException("Cannot exceed quota for AccessKeysPerUser: %d", maxKeysPerUser)
		}
		return accessKeys.Put(tx, k)
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateAccessKeyOutput{AccessKey: api.AccessKey{
		UserName: name, AccessKeyID: k.ID, SecretAccessKey: secret, Status: api.StatusTypeActive, CreateDate: &k.Created,
	}}, nil
}

func (s *Service) listAccessKeys(call *aws.Call, in *api.ListAccessKeysInput) (*api.ListAccessKeysOutput, error) {
	p, err := newPage(in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	name, err := ownUser(call, in.UserName)
	if err != nil {
		return nil, err
	}
	var keys []*accessKey
	err = s.DB.View(call, func(tx *store.Tx) error {
		id, err := userID(tx, call.Account, name)
		if err != nil {
			return err
		}
		keys, err = userKeys(tx, call.Account, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	l := cut(p, keys, func(k *accessKey) string { return k.Created.Format(time.RFC3339) + k.ID })
	out := &api.ListAccessKeysOutput{AccessKeyMetadata: []api.AccessKeyMetadata{}, IsTruncated: l.truncated(), Marker: l.marker}
	for _, k := range l.items {
		shown := api.AccessKeyMetadata{AccessKeyID: &k.ID, Status: new(shownStatus(k.Active)), CreateDate: &k.Created}
		if name != "" {
			shown.UserName = &name
		}
		out.AccessKeyMetadata = append(out.AccessKeyMetadata, shown)
	}
	return out, nil
}

// changeKey changes a key of the user named, or of the caller.
func (s *Service) changeKey(call *aws.Call, user *string, id string, change func(k *accessKey)) error {
	name, err := ownUser(call, user)
	if err != nil {
		return err
	}
	return s.update(call, func(tx *store.Tx) error {
		owner, err := userID(tx, call.Account, name)
		if err != nil {
			return err
		}
		k, err := accessKeys.Get(tx, store.K(id))
		switch {
		case errors.Is(err, store.ErrNotFound), err == nil && (k.Deleted || k.Account != call.Account || k.UserID != owner):
			return api.NewNoSuchEntityException("The Access Key with id %s cannot be found.", id)
		case err != nil:
			return err
		}
		change(k)
		return accessKeys.Put(tx, k)
	})
}

func (s *Service) updateAccessKey(call *aws.Call, in *api.UpdateAccessKeyInput) (*api.UpdateAccessKeyOutput, error) {
	err := s.changeKey(call, in.UserName, in.AccessKeyID, func(k *accessKey) { k.Active = in.Status == api.StatusTypeActive })
	return &api.UpdateAccessKeyOutput{}, err
}

func (s *Service) deleteAccessKey(call *aws.Call, in *api.DeleteAccessKeyInput) (*api.DeleteAccessKeyOutput, error) {
	err := s.changeKey(call, in.UserName, in.AccessKeyID, func(k *accessKey) { k.Deleted, k.Active, k.Sealed = true, false, nil })
	return &api.DeleteAccessKeyOutput{}, err
}

// getAccessKeyLastUsed tells when a key was last used, and for what.
func (s *Service) getAccessKeyLastUsed(call *aws.Call, in *api.GetAccessKeyLastUsedInput) (*api.GetAccessKeyLastUsedOutput, error) {
	out := &api.GetAccessKeyLastUsedOutput{AccessKeyLastUsed: &api.AccessKeyLastUsed{ServiceName: "N/A", Region: "N/A"}}
	err := s.DB.View(call, func(tx *store.Tx) error {
		k, err := accessKeys.Get(tx, store.K(in.AccessKeyID))
		if errors.Is(err, store.ErrNotFound) || err == nil && (k.Deleted || k.Account != call.Account) {
			return aws.NewError(403, "AccessDenied", "User: %s is not authorized to perform: iam:GetAccessKeyLastUsed on resource: access key %s",
				call.Principal.ARN, in.AccessKeyID)
		}
		if err != nil {
			return err
		}
		if owner, err := entityByID(tx, k.UserID); err != nil {
			return err
		} else if owner != nil {
			out.UserName = &owner.Name
		}
		used, err := lastUse(tx, k.ID)
		if used != nil {
			out.AccessKeyLastUsed = &api.AccessKeyLastUsed{LastUsedDate: &used.At, ServiceName: used.Service, Region: used.Region}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
