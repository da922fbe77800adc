package kms

import (
	"context"
	"time"

	api "drydock/api/kms"
	"drydock/store"
	"drydock/task"
)

// rotation is how a key rotates by itself.
type rotation struct {
	Enabled bool
	Days    int32
	// Next is when it rotates next.
	Next time.Time
	// OnDemand counts the rotations on demand.
	OnDemand int
}

// scheduleRotation has the key rotate when it is due. A key rotates only while it is enabled; one that is enabled again
// after that time rotates at once.
func (s *Service) scheduleRotation(tx *store.Tx, k *key, now time.Time) error {
	if !k.Rotation.Enabled || k.state() != api.KeyStateEnabled {
		return s.Tasks.Cancel(tx, rotateKind, k.taskKey())
	}
	due := k.Rotation.Next
	if due.Before(now) {
		due = now
	}
	return s.schedule(tx, rotateKind, k, due)
}

// rotate gives the key, and those of other regions with it, new material.
func (s *Service) rotate(tx *store.Tx, k *key, m material) error {
	others, err := k.others(tx)
	if err != nil {
		return err
	}
	for _, each := range append(others, k) {
		each.Materials = append(each.Materials, m)
		if err := keys.Put(tx, each); err != nil {
			return err
		}
	}
	return nil
}

// reconcileRotation rotates a key that is due and still rotates.
func (s *Service) reconcileRotation(ctx context.Context, t task.Task) (task.Next, error) {
	ref, err := taskRef(t)
	if err != nil {
		return task.Done, err
	}
	now, next := s.Clock.Now(), task.Done
	fresh, err := s.newMaterial(ref.ID, api.KeySpecSymmetricDefault, now)
	if err != nil {
		return task.Done, err
	}
	fresh.Rotation = api.RotationTypeAutomatic
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		next = task.Done
		k, err := find(tx, ref)
		if err != nil || k == nil || !k.Rotation.Enabled || k.state() != api.KeyStateEnabled {
			return err
		}
		if !k.Rotation.Next.After(now) {
			k.Rotation.Next = now.Add(time.Duration(k.Rotation.Days) * day)
			if err := s.rotate(tx, k, fresh); err != nil {
				return err
			}
		}
		next = task.At(k.Rotation.Next)
		return nil
	})
	return next, err
}
