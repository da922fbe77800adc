package kms

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"drydock/store"
	"drydock/task"
)

// The kinds of task. Their keys are taskKey, their data the key's reference.
const (
	// deleteKind deletes a key whose time of waiting is over.
	deleteKind = "kms.delete"
	// rotateKind gives a key new material.
	rotateKind = "kms.rotate"
	// expireKind takes expired material out of use.
	expireKind = "kms.expire"
)

func (s *Service) taskKinds() []task.Kind {
	return []task.Kind{
		{Name: deleteKind, Reconcile: s.reconcileDeletion},
		{Name: rotateKind, Reconcile: s.reconcileRotation},
		{Name: expireKind, Reconcile: s.reconcileExpiry},
	}
}

func (k *key) taskKey() string { return k.Account + "/" + k.Region + "/" + k.ID }

// schedule has a key looked at.
func (s *Service) schedule(tx *store.Tx, kind string, k *key, due time.Time) error {
	data, err := json.Marshal(keyRef{Account: k.Account, Region: k.Region, ID: k.ID})
	if err != nil {
		return fmt.Errorf("encoding a key's reference: %w", err)
	}
	return s.Tasks.Schedule(tx, kind, k.taskKey(), due, data)
}

// taskRef reads whose task it is.
func taskRef(t task.Task) (ref keyRef, err error) {
	if err := json.Unmarshal(t.Data, &ref); err != nil {
		return ref, fmt.Errorf("decoding a key's reference: %w", err)
	}
	return ref, nil
}

// reconcileDeletion deletes the key, unless that was cancelled or put off.
func (s *Service) reconcileDeletion(ctx context.Context, t task.Task) (task.Next, error) {
	ref, err := taskRef(t)
	if err != nil {
		return task.Done, err
	}
	now, next := s.Clock.Now(), task.Done
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		next = task.Done
		k, err := find(tx, ref)
		if err != nil || k == nil || k.Deletion.IsZero() {
			return err
		}
		if k.Deletion.After(now) {
			next = task.At(k.Deletion)
			return nil
		}
		over, err := s.remove(tx, k, now)
		if !over {
			next = task.At(now)
		}
		return err
	})
	return next, err
}
