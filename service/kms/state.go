package kms

import (
	"slices"
	"time"

	api "drydock/api/kms"
	"drydock/aws"
	"drydock/store"
)

// state is the key's state, as far as it does not wait for its replicas.
func (k *key) state() api.KeyState {
	switch {
	case !k.Deletion.IsZero():
		return api.KeyStatePendingDeletion
	case k.WindowDays != 0:
		return api.KeyStatePendingReplicaDeletion
	case !k.complete():
		return api.KeyStatePendingImport
	case k.Disabled:
		return api.KeyStateDisabled
	default:
		return api.KeyStateEnabled
	}
}

// usable refuses whatever needs the key to work.
func (k *key) usable() error {
	switch k.state() {
	case api.KeyStateEnabled:
		return nil
	case api.KeyStateDisabled:
		return api.NewDisabledException("%s is disabled.", k.arn())
	case api.KeyStatePendingImport:
		return api.NewKMSInvalidStateException("%s is pending import.", k.arn())
	default:
		return k.notPending()
	}
}

// notPending refuses whatever makes no sense for a key that will be deleted.
func (k *key) notPending() error {
	switch k.state() {
	case api.KeyStatePendingDeletion:
		return api.NewKMSInvalidStateException("%s is pending deletion.", k.arn())
	case api.KeyStatePendingReplicaDeletion:
		return api.NewKMSInvalidStateException("%s is pending replica deletion.", k.arn())
	default:
		return nil
	}
}

// switchable refuses to enable or disable a key that will be deleted or has no material.
func (k *key) switchable() error {
	if k.state() == api.KeyStatePendingImport {
		return k.usable()
	}
	return k.notPending()
}

// enableKey lets a key be used again.
func (s *Service) enableKey(call *aws.Call, in *api.EnableKeyInput) (*api.EnableKeyOutput, error) {
	now := call.Now()
	return done[api.EnableKeyOutput](s.change(call, in.KeyID, func(tx *store.Tx, k *key) error {
		if err := k.switchable(); err != nil {
			return err
		}
		k.Disabled = false
		return s.scheduleRotation(tx, k, now)
	}))
}

// disableKey keeps a key from being used.
func (s *Service) disableKey(call *aws.Call, in *api.DisableKeyInput) (*api.DisableKeyOutput, error) {
	return done[api.DisableKeyOutput](s.change(call, in.KeyID, func(_ *store.Tx, k *key) error {
		k.Disabled = true
		return k.switchable()
	}))
}

// scheduleKeyDeletion has a key deleted after a time of waiting, in which it cannot be used. A primary key waits until its
// replicas are gone.
func (s *Service) scheduleKeyDeletion(call *aws.Call, in *api.ScheduleKeyDeletionInput) (*api.ScheduleKeyDeletionOutput, error) {
	days := int32(maxDeletionDays)
	if in.PendingWindowInDays != nil {
		days = *in.PendingWindowInDays
	}
	const outside = "1 validation error detected: Value '%d' at 'pendingWindowInDays' failed to satisfy constraint: Member must have value %s than or equal to %d"
	if days < minDeletionDays {
		return nil, validation(outside, days, "greater", minDeletionDays)
	}
	if days > maxDeletionDays {
		return nil, validation(outside, days, "less", maxDeletionDays)
	}
	now := call.Now()
	out := &api.ScheduleKeyDeletionOutput{}
	err := s.change(call, in.KeyID, func(tx *store.Tx, k *key) error {
		if err := k.notPending(); err != nil {
			return err
		}
		k.WindowDays = days
		if k.Primary != k.Region || len(k.Replicas) == 0 {
			if err := s.beginDeletion(tx, k, now); err != nil {
				return err
			}
			out.DeletionDate = &k.Deletion
		}
		out.KeyID, out.KeyState, out.PendingWindowInDays = new(k.arn()), new(k.state()), &days
		return nil
	})
	return out, err
}

// beginDeletion starts the time of waiting.
func (s *Service) beginDeletion(tx *store.Tx, k *key, now time.Time) error {
	k.Deletion = now.Add(time.Duration(k.WindowDays) * day)
	if err := s.Tasks.Cancel(tx, rotateKind, k.taskKey()); err != nil {
		return err
	}
	return s.schedule(tx, deleteKind, k, k.Deletion)
}

// cancelKeyDeletion keeps a key from being deleted; it is disabled then.
func (s *Service) cancelKeyDeletion(call *aws.Call, in *api.CancelKeyDeletionInput) (*api.CancelKeyDeletionOutput, error) {
	out := &api.CancelKeyDeletionOutput{}
	err := s.change(call, in.KeyID, func(tx *store.Tx, k *key) error {
		if k.notPending() == nil {
			return api.NewKMSInvalidStateException("%s is not pending deletion.", k.arn())
		}
		k.Deletion, k.WindowDays, k.Disabled = time.Time{}, 0, true
		out.KeyID = new(k.arn())
		return s.Tasks.Cancel(tx, deleteKind, k.taskKey())
	})
	return out, err
}

// removeStep is how many grants of a key are deleted in a transaction.
const removeStep = 500

// remove deletes a key with its aliases and grants, or some of the grants: then it is not done. The primary key of which it
// was the last replica begins to wait.
func (s *Service) remove(tx *store.Tx, k *key, now time.Time) (over bool, err error) {
	left := removeStep
	for g, err := range grants.Scan(tx, store.Range{Prefix: store.K(k.Account, k.Region, k.ID)}) {
		if err != nil {
			return false, err
		}
		if left--; left < 0 {
			return false, nil
		}
		if _, err := grants.Delete(tx, grants.Key(g)); err != nil {
			return false, err
		}
	}
	return true, s.removeRow(tx, k, now)
}

func (s *Service) removeRow(tx *store.Tx, k *key, now time.Time) error {
	for a, err := range aliasesByKey.Scan(tx, store.Range{Prefix: store.K(k.Account, k.Region, k.ID)}) {
		if err != nil {
			return err
		}
		if _, err := aliases.Delete(tx, aliases.Key(a)); err != nil {
			return err
		}
	}
	others, err := k.others(tx)
	if err != nil {
		return err
	}
	for _, o := range others {
		o.Replicas = slices.DeleteFunc(o.Replicas, func(region string) bool { return region == k.Region })
		if o.state() == api.KeyStatePendingReplicaDeletion && len(o.Replicas) == 0 {
			if err := s.beginDeletion(tx, o, now); err != nil {
				return err
			}
		}
		if err := keys.Put(tx, o); err != nil {
			return err
		}
	}
	tx.AfterCommit(func() { s.opened.forget(k.ID) })
	_, err = keys.Delete(tx, keys.Key(k))
	return err
}

// others are the keys of the same id in other regions.
func (k *key) others(tx *store.Tx) (found []*key, err error) {
	for _, region := range append([]string{k.Primary}, k.Replicas...) {
		if !k.MultiRegion || region == k.Region {
			continue
		}
		o, err := find(tx, keyRef{Account: k.Account, Region: region, ID: k.ID})
		if err != nil {
			return nil, err
		}
		if o != nil {
			found = append(found, o)
		}
	}
	return found, nil
}
