package kms_test

import (
	"testing"
	"time"

	api "drydock/api/kms"
	"drydock/aws"
	"drydock/service/servicetest"
)

// describe returns a key's metadata.
func describe(t *testing.T, call *aws.Call, id string) *api.KeyMetadata {
	t.Helper()
	out, err := api.DescribeKey.Do(call, &api.DescribeKeyInput{KeyID: id})
	if err != nil {
		t.Fatal(err)
	}
	return out.KeyMetadata
}

func TestReplica_DecryptsWhatThePrimaryEncrypted(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	west := call.In("us-west-2")
	k := createKey(t, call, &api.CreateKeyInput{MultiRegion: new(true)})
	if k.KeyID[:4] != "mrk-" || *k.MultiRegionConfiguration.MultiRegionKeyType != api.MultiRegionKeyTypePrimary {
		t.Fatalf("created %+v", k)
	}
	before := encrypt(t, call, k.KeyID, "before", nil)
	_, err := decrypt(west, before, nil)
	servicetest.WantError(t, err, "AccessDeniedException")
	out, err := api.ReplicateKey.Do(call, &api.ReplicateKeyInput{KeyID: k.KeyID, ReplicaRegion: "us-west-2", Description: new("copy"), Tags: []api.Tag{{TagKey: "a"}}})
	if err != nil {
		t.Fatal(err)
	}
	if r := out.ReplicaKeyMetadata; r.KeyID != k.KeyID || *r.ARN != "arn:aws:kms:us-west-2:111122223333:key/"+k.KeyID || *r.Description != "copy" || len(out.ReplicaTags) != 1 {
		t.Errorf("replica %+v", r)
	}
	if text, err := decrypt(west, before, nil); err != nil || text != "before" {
		t.Errorf("decrypted %q, %v", text, err)
	}
	if text, err := decrypt(call, encrypt(t, west, k.KeyID, "west", nil), nil); err != nil || text != "west" {
		t.Errorf("decrypted %q, %v", text, err)
	}
	for _, region := range []*aws.Call{call, west} {
		m := describe(t, region, k.KeyID).MultiRegionConfiguration
		if *m.PrimaryKey.Region != "us-east-1" || len(m.ReplicaKeys) != 1 || *m.ReplicaKeys[0].Region != "us-west-2" {
			t.Errorf("in %s: %+v", region.Region, m)
		}
	}
	_, err = api.ReplicateKey.Do(call, &api.ReplicateKeyInput{KeyID: k.KeyID, ReplicaRegion: "us-west-2"})
	servicetest.WantError(t, err, "AlreadyExistsException")
	_, err = api.ReplicateKey.Do(west, &api.ReplicateKeyInput{KeyID: k.KeyID, ReplicaRegion: "eu-west-1"})
	servicetest.WantError(t, err, "UnsupportedOperationException")
	_, err = api.ReplicateKey.Do(user(t, c, servicetest.Account, "guest"), &api.ReplicateKeyInput{KeyID: k.KeyID, ReplicaRegion: "eu-west-1"})
	servicetest.WantError(t, err, "AccessDeniedException")
	_, err = api.ReplicateKey.Do(call, &api.ReplicateKeyInput{KeyID: createKey(t, call, &api.CreateKeyInput{}).KeyID, ReplicaRegion: "eu-west-1"})
	servicetest.WantError(t, err, "UnsupportedOperationException")

	// Rotation is the primary key's, and reaches all.
	if _, err := api.EnableKeyRotation.Do(call, &api.EnableKeyRotationInput{KeyID: k.KeyID}); err != nil {
		t.Fatal(err)
	}
	_, err = api.EnableKeyRotation.Do(west, &api.EnableKeyRotationInput{KeyID: k.KeyID})
	servicetest.WantError(t, err, "UnsupportedOperationException")
	c.Advance(t, 366*testDay)
	if one, two := rotations(t, call, k.KeyID), rotations(t, west, k.KeyID); len(one) != 1 || len(two) != 1 {
		t.Errorf("rotations %v and %v", one, two)
	}
	if text, err := decrypt(west, encrypt(t, call, k.KeyID, "rotated", nil), nil); err != nil || text != "rotated" {
		t.Errorf("decrypted %q, %v", text, err)
	}

	// The other region becomes the primary one; the task of rotation goes with it.
	_, err = api.UpdatePrimaryRegion.Do(call, &api.UpdatePrimaryRegionInput{KeyID: k.KeyID, PrimaryRegion: "eu-west-1"})
	servicetest.WantError(t, err, "NotFoundException")
	locked := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":["kms:PutKeyPolicy"],"Resource":"*"}]}`
	open, err := api.GetKeyPolicy.Do(west, &api.GetKeyPolicyInput{KeyID: k.KeyID})
	if err != nil {
		t.Fatal(err)
	}
	for _, policy := range []string{locked, *open.Policy} {
		if _, err := api.PutKeyPolicy.Do(west, &api.PutKeyPolicyInput{KeyID: k.KeyID, Policy: policy}); err != nil {
			t.Fatal(err)
		}
		if policy == locked {
			_, err = api.UpdatePrimaryRegion.Do(call, &api.UpdatePrimaryRegionInput{KeyID: k.KeyID, PrimaryRegion: "us-west-2"})
			servicetest.WantError(t, err, "AccessDeniedException")
		}
	}
	if _, err := api.UpdatePrimaryRegion.Do(call, &api.UpdatePrimaryRegionInput{KeyID: k.KeyID, PrimaryRegion: "us-west-2"}); err != nil {
		t.Fatal(err)
	}
	if m := describe(t, call, k.KeyID).MultiRegionConfiguration; *m.MultiRegionKeyType != api.MultiRegionKeyTypeReplica || *m.PrimaryKey.Region != "us-west-2" || *m.ReplicaKeys[0].Region != "us-east-1" {
		t.Errorf("after the change %+v", m)
	}
	c.Advance(t, 366*testDay)
	if one, two := rotations(t, call, k.KeyID), rotations(t, west, k.KeyID); len(one) != 2 || len(two) != 2 {
		t.Errorf("rotations %v and %v", one, two)
	}
}

func TestPrimaryKey_WaitsForItsReplicas(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	west := call.In("us-west-2")
	k := createKey(t, call, &api.CreateKeyInput{MultiRegion: new(true)})
	if _, err := api.ReplicateKey.Do(call, &api.ReplicateKeyInput{KeyID: k.KeyID, ReplicaRegion: "us-west-2"}); err != nil {
		t.Fatal(err)
	}
	out, err := api.ScheduleKeyDeletion.Do(call, &api.ScheduleKeyDeletionInput{KeyID: k.KeyID, PendingWindowInDays: new(int32(7))})
	if err != nil || *out.KeyState != api.KeyStatePendingReplicaDeletion || out.DeletionDate != nil {
		t.Fatalf("scheduled %+v, %v", out, err)
	}
	if m := describe(t, call, k.KeyID); *m.PendingDeletionWindowInDays != 7 {
		t.Errorf("described %+v", m)
	}
	c.Advance(t, 30*testDay)
	if _, err := api.ScheduleKeyDeletion.Do(west, &api.ScheduleKeyDeletionInput{KeyID: k.KeyID, PendingWindowInDays: new(int32(10))}); err != nil {
		t.Fatal(err)
	}
	c.Advance(t, 10*testDay+time.Second)
	_, err = api.DescribeKey.Do(west, &api.DescribeKeyInput{KeyID: k.KeyID})
	servicetest.WantError(t, err, "NotFoundException")
	if m := describe(t, call, k.KeyID); *m.KeyState != api.KeyStatePendingDeletion || len(m.MultiRegionConfiguration.ReplicaKeys) != 0 {
		t.Errorf("described %+v", m)
	}
	c.Advance(t, 7*testDay+time.Second)
	_, err = api.DescribeKey.Do(call, &api.DescribeKeyInput{KeyID: k.KeyID})
	servicetest.WantError(t, err, "NotFoundException")
}
