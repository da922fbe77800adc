package kms

import (
	"slices"

	api "drydock/api/kms"
	"drydock/aws"
	"drydock/store"
)

// primary refuses keys that are not the primary one of several regions.
func (k *key) primary() error {
	if !k.MultiRegion || k.Primary != k.Region {
		return api.NewUnsupportedOperationException("%s is not a multi-Region primary key.", k.arn())
	}
	return k.notPending()
}

// replicateKey makes a key of the same id and material in another region.
func (s *Service) replicateKey(call *aws.Call, in *api.ReplicateKeyInput) (*api.ReplicateKeyOutput, error) {
	there := call.In(in.ReplicaRegion)
	if there.Partition != call.Partition {
		return nil, validation("The region %s does not exist in the partition %s.", in.ReplicaRegion, call.Partition)
	}
	if err := call.Cloud.Authorize(there, aws.Check{Action: "kms:CreateKey", Resource: "*"}); err != nil {
		return nil, err
	}
	if len(in.Tags) > 0 {
		if err := call.Cloud.Authorize(there, aws.Check{Action: "kms:TagResource", Resource: "*"}); err != nil {
			return nil, err
		}
	}
	k, err := s.read(call, in.KeyID, false)
	if err == nil {
		err = k.primary()
	}
	if err != nil {
		return nil, err
	}
	replica := &key{Account: k.Account, Region: in.ReplicaRegion, ID: k.ID, Created: call.Now()}
	if in.Description != nil {
		replica.Description = *in.Description
	}
	if replica.Tags, err = checkTags(in.Tags); err != nil {
		return nil, err
	}
	if err := s.givePolicy(there, replica, in.Policy, in.BypassPolicyLockoutSafetyCheck); err != nil {
		return nil, err
	}
	err = s.DB.Update(call, func(tx *store.Tx) error {
		k, err := manage(tx, call, in.KeyID, false)
		if err != nil {
			return err
		}
		if err := k.usable(); err != nil {
			return err
		}
		if err := k.primary(); err != nil {
			return err
		}
		if k.Region == replica.Region || slices.Contains(k.Replicas, replica.Region) {
			return api.NewAlreadyExistsException("The key %s already exists in %s", k.ID, replica.Region)
		}
		replica.Spec, replica.Usage, replica.Origin, replica.MultiRegion = k.Spec, k.Usage, k.Origin, true
		replica.Primary, replica.Rotation, replica.Materials = k.Primary, k.Rotation, slices.Clone(k.Materials)
		if k.Origin == api.OriginTypeExternal { // its owner imports the same material there too
			for i := range replica.Materials {
				replica.Materials[i] = material{ID: k.Materials[i].ID, Created: k.Materials[i].Created}
			}
		}
		others, err := k.others(tx)
		if err != nil {
			return err
		}
		replicas := append(slices.Clone(k.Replicas), replica.Region)
		for _, each := range append(others, k, replica) {
			each.Replicas = replicas
			if err := keys.Put(tx, each); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.ReplicateKeyOutput{ReplicaKeyMetadata: replica.metadata(), ReplicaPolicy: &replica.Policy, ReplicaTags: tagList(replica.Tags)}, nil
}

// updatePrimaryRegion makes a replica the primary key, and the primary key a replica.
func (s *Service) updatePrimaryRegion(call *aws.Call, in *api.UpdatePrimaryRegionInput) (*api.UpdatePrimaryRegionOutput, error) {
	// The replica has to agree as well.
	there := call.In(in.PrimaryRegion)
	k, err := s.read(call, in.KeyID, false)
	if err != nil {
		return nil, err
	}
	replica, err := s.load(there, keyRef{Account: k.Account, Region: there.Region, ID: k.ID})
	if err != nil {
		return nil, err
	}
	if replica != nil {
		check := request{action: "kms:UpdatePrimaryRegion", keys: map[string][]string{"kms:PrimaryRegion": {in.PrimaryRegion}}}
		if err := s.allow(there, replica, "", check); err != nil {
			return nil, err
		}
	}
	now := call.Now()
	return done[api.UpdatePrimaryRegionOutput](s.DB.Update(call, func(tx *store.Tx) error {
		k, err := manage(tx, call, in.KeyID, false)
		if err != nil {
			return err
		}
		if err := k.primary(); err != nil {
			return err
		}
		if err := k.usable(); err != nil {
			return err
		}
		if in.PrimaryRegion == k.Region {
			return validation("The key %s is the primary key already.", k.arn())
		}
		at := slices.Index(k.Replicas, in.PrimaryRegion)
		if at < 0 {
			return keyRef{Account: k.Account, Region: in.PrimaryRegion, ID: k.ID}.missing()
		}
		others, err := k.others(tx)
		if err != nil {
			return err
		}
		replicas := slices.Clone(k.Replicas)
		replicas[at] = k.Region
		for _, each := range append(others, k) {
			if each.Region == in.PrimaryRegion {
				if err := each.notPending(); err != nil {
					return err
				}
			}
			each.Primary, each.Replicas = in.PrimaryRegion, replicas
			if err := keys.Put(tx, each); err != nil {
				return err
			}
			if err := s.scheduleRotation(tx, each, now); err != nil {
				return err
			}
		}
		return nil
	}))
}
