package kms

import (
	"context"
	"time"

	api "drydock/api/kms"
	"drydock/aws"
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

// rotates refuses keys that do not rotate: those that are not symmetric, have material of their owner, or are replicas.
func (k *key) rotates() error {
	switch {
	case !k.symmetric():
		return api.NewUnsupportedOperationException("%s", "")
	case k.MultiRegion && k.Primary != k.Region:
		return api.NewUnsupportedOperationException("%s is a multi-Region replica key, which rotates with its primary key.", k.arn())
	}
	return nil
}

// automatic refuses keys that do not rotate by themselves.
func (k *key) automatic() error {
	if k.Origin != api.OriginTypeAWSKMS {
		return api.NewUnsupportedOperationException("%s origin is %s which is not valid for this operation.", k.arn(), k.Origin)
	}
	return k.rotates()
}

// enableKeyRotation has a key rotate by itself.
func (s *Service) enableKeyRotation(call *aws.Call, in *api.EnableKeyRotationInput) (*api.EnableKeyRotationOutput, error) {
	now := call.Now()
	r := rotation{Enabled: true, Days: defaultRotationDays}
	if in.RotationPeriodInDays != nil {
		r.Days = *in.RotationPeriodInDays
	}
	r.Next = now.Add(time.Duration(r.Days) * day)
	return done[api.EnableKeyRotationOutput](s.setRotation(call, in.KeyID, r, now))
}

// disableKeyRotation has it stay as it is.
func (s *Service) disableKeyRotation(call *aws.Call, in *api.DisableKeyRotationInput) (*api.DisableKeyRotationOutput, error) {
	return done[api.DisableKeyRotationOutput](s.setRotation(call, in.KeyID, rotation{}, call.Now()))
}

// setRotation sets how a key rotates by itself, in all of its regions.
func (s *Service) setRotation(call *aws.Call, id string, r rotation, now time.Time) error {
	return s.change(call, id, func(tx *store.Tx, k *key) error {
		if err := k.automatic(); err != nil {
			return err
		}
		if err := k.usable(); err != nil {
			return err
		}
		r.OnDemand = k.Rotation.OnDemand
		k.Rotation = r
		if err := s.share(tx, k, func(o *key) { o.Rotation = r }); err != nil {
			return err
		}
		return s.scheduleRotation(tx, k, now)
	})
}

// share has a function change the keys of the same id in other regions.
func (s *Service) share(tx *store.Tx, k *key, fn func(*key)) error {
	others, err := k.others(tx)
	if err != nil {
		return err
	}
	for _, o := range others {
		fn(o)
		if err := keys.Put(tx, o); err != nil {
			return err
		}
	}
	return nil
}

// getKeyRotationStatus tells how a key rotates by itself.
func (s *Service) getKeyRotationStatus(call *aws.Call, in *api.GetKeyRotationStatusInput) (*api.GetKeyRotationStatusOutput, error) {
	k, err := s.read(call, in.KeyID, true)
	if err != nil {
		return nil, err
	}
	out := &api.GetKeyRotationStatusOutput{KeyID: &k.ID, KeyRotationEnabled: new(k.Rotation.Enabled && k.notPending() == nil)}
	if *out.KeyRotationEnabled {
		out.RotationPeriodInDays, out.NextRotationDate = &k.Rotation.Days, &k.Rotation.Next
	}
	return out, nil
}

// rotateKeyOnDemand gives a key new material now: AWS's, or what its owner has imported for it.
func (s *Service) rotateKeyOnDemand(call *aws.Call, in *api.RotateKeyOnDemandInput) (*api.RotateKeyOnDemandOutput, error) {
	now := call.Now()
	k, err := s.read(call, in.KeyID, false)
	if err != nil {
		return nil, err
	}
	var fresh material
	if k.rotates() == nil && k.Origin == api.OriginTypeAWSKMS {
		if fresh, err = s.newMaterial(k.ID, k.Spec, now); err != nil {
			return nil, err
		}
	}
	out := &api.RotateKeyOnDemandOutput{KeyID: &k.ID}
	return out, s.change(call, in.KeyID, func(tx *store.Tx, k *key) error {
		if err := k.rotates(); err != nil {
			return err
		}
		if err := k.usable(); err != nil {
			return err
		}
		if k.Rotation.Enabled && k.Rotation.Next.Sub(now) <= rotationNotice {
			return api.NewConflictException("The automatic rotation of %s is in progress or begins within %d minutes.", k.arn(), rotationNotice/time.Minute)
		}
		if k.Rotation.OnDemand >= maxOnDemandRotations {
			return api.NewLimitExceededException("The key %s has rotated on demand %d times, which is the most it can.", k.arn(), maxOnDemandRotations)
		}
		next := fresh
		if k.Origin == api.OriginTypeExternal {
			if k.Pending == nil {
				return api.NewKMSInvalidStateException("%s has no key material pending rotation.", k.arn())
			}
			next, k.Pending = *k.Pending, nil
		}
		next.Created, next.Rotation = now, api.RotationTypeOnDemand
		k.Rotation.OnDemand++
		return s.rotate(tx, k, next)
	})
}

// listKeyRotations lists the materials that a key rotated to, the oldest first, and on request the first one too.
func (s *Service) listKeyRotations(call *aws.Call, in *api.ListKeyRotationsInput) (*api.ListKeyRotationsOutput, error) {
	page, err := newPage(in.Limit, 100, in.Marker)
	if err != nil {
		return nil, err
	}
	k, err := s.read(call, in.KeyID, false)
	if err != nil {
		return nil, err
	}
	if !k.symmetric() {
		return nil, api.NewUnsupportedOperationException("%s", "")
	}
	everything := in.IncludeKeyMaterial != nil && *in.IncludeKeyMaterial == api.IncludeKeyMaterialAllKeyMaterial
	out := &api.ListKeyRotationsOutput{Rotations: []api.RotationsListEntry{}}
	reached := page.after == ""
	for m := range k.imported {
		if m.Rotation == "" && !everything {
			continue
		}
		if !reached {
			reached = m.ID == page.after
			continue
		}
		if !page.take(m.ID) {
			break
		}
		out.Rotations = append(out.Rotations, k.rotationEntry(m))
	}
	out.NextMarker, out.Truncated = page.next()
	return out, nil
}

// rotationEntry shows one of the key's materials.
func (k *key) rotationEntry(m *material) api.RotationsListEntry {
	e := api.RotationsListEntry{KeyID: &k.ID, KeyMaterialID: &m.ID, KeyMaterialState: new(api.KeyMaterialStateNonCurrent)}
	switch {
	case k.Pending == m:
		e.KeyMaterialState = new(api.KeyMaterialStatePendingRotation)
	case m.ID == k.Materials[len(k.Materials)-1].ID:
		e.KeyMaterialState = new(api.KeyMaterialStateCurrent)
	}
	if m.Rotation != "" {
		e.RotationDate, e.RotationType = &m.Created, &m.Rotation
	}
	if k.Origin != api.OriginTypeExternal {
		return e
	}
	e.ImportState = new(api.ImportStatePendingImport)
	if m.Description != "" {
		e.KeyMaterialDescription = &m.Description
	}
	if m.Sealed == nil {
		return e
	}
	e.ImportState, e.ExpirationModel = new(api.ImportStateImported), new(api.ExpirationModelTypeKeyMaterialDoesNotExpire)
	if !m.ValidTo.IsZero() {
		e.ExpirationModel, e.ValidTo = new(api.ExpirationModelTypeKeyMaterialExpires), &m.ValidTo
	}
	return e
}

// scheduleRotation has the key rotate when it is due. A key rotates only while it is enabled; one that is enabled again
// after that time rotates at once.
func (s *Service) scheduleRotation(tx *store.Tx, k *key, now time.Time) error {
	if !k.Rotation.Enabled || k.state() != api.KeyStateEnabled || k.rotates() != nil {
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
	k.Materials = append(k.Materials, m)
	return s.share(tx, k, func(o *key) { o.Materials, o.Rotation = append(o.Materials, m), k.Rotation })
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
		if err != nil || k == nil || !k.Rotation.Enabled || k.state() != api.KeyStateEnabled || k.rotates() != nil {
			return err
		}
		if !k.Rotation.Next.After(now) {
			k.Rotation.Next = now.Add(time.Duration(k.Rotation.Days) * day)
			if err := s.rotate(tx, k, fresh); err != nil {
				return err
			}
		}
		next = task.At(k.Rotation.Next)
		return keys.Put(tx, k)
	})
	return next, err
}
