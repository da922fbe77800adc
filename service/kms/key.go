package kms

import (
	"slices"
	"strings"
	"time"

	api "drydock/api/kms"
	"drydock/aws"
	"drydock/store"
)

// key is a KMS key in one region.
type key struct {
	Account, Region string
	// ID is a UUID, or "mrk-" and 32 hexadecimal digits for keys of several regions.
	ID          string
	Created     time.Time
	Description string
	Spec        api.KeySpec
	Usage       api.KeyUsageType
	Origin      api.OriginType
	// Managed is the service whose AWS managed key it is, as in "alias/aws/s3"; empty for users' keys.
	Managed  string
	Disabled bool
	// Policy is the key policy's text, Principals the unique ids that the users and roles in it had when it was put.
	Policy     string
	Principals map[string]string
	Tags       map[string]string
	// Grants is how many grants the key has; without any nobody looks for them.
	Grants int
	// Materials are what it was made with, the current one last; see current.
	Materials []material
	// Pending is imported material that a rotation on demand will make the current one.
	Pending *material

	// Deletion is when the key goes; zero unless that is pending. WindowDays is how long it waits, kept while a primary
	// key waits for its replicas first, which is when Deletion is still zero.
	Deletion   time.Time
	WindowDays int32

	Rotation rotation

	// MultiRegion tells that there may be keys of the same id in other regions: Primary is the region of the primary
	// key, Replicas are those of the others. All rows of the id agree on them.
	MultiRegion bool
	Primary     string
	Replicas    []string
}

var keys = store.NewTable("kms/key", func(k *key) store.Key { return store.K(k.Account, k.Region, k.ID) })

func keyARN(region, account, id string) string {
	return aws.ARN{Partition: aws.PartitionOf(region), Service: "kms", Region: region, Account: account, Resource: "key/" + id}.String()
}

func (k *key) arn() string { return keyARN(k.Region, k.Account, k.ID) }

// current is the material in use, nil while the key waits for its import.
func (k *key) current() *material {
	if len(k.Materials) == 0 {
		return nil
	}
	if m := &k.Materials[len(k.Materials)-1]; m.Sealed != nil {
		return m
	}
	return nil
}

// complete tells that the key has all the material that it was ever given.
func (k *key) complete() bool {
	return len(k.Materials) > 0 && !slices.ContainsFunc(k.Materials, func(m material) bool { return m.Sealed == nil })
}

// material returns the material of an id; nil when the key has none of that id, or it expired.
func (k *key) material(id string) *material {
	for i := range k.Materials {
		if m := &k.Materials[i]; m.ID == id && m.Sealed != nil {
			return m
		}
	}
	return nil
}

// metadata describes the key.
func (k *key) metadata() *api.KeyMetadata {
	state := k.state()
	m := &api.KeyMetadata{
		AWSAccountID: &k.Account, KeyID: k.ID, ARN: new(k.arn()), CreationDate: &k.Created, Description: &k.Description,
		Enabled: new(state == api.KeyStateEnabled), KeyState: &state, KeyUsage: &k.Usage, Origin: &k.Origin,
		KeyManager: new(api.KeyManagerTypeCustomer), KeySpec: &k.Spec, CustomerMasterKeySpec: new(api.CustomerMasterKeySpec(k.Spec)),
		EncryptionAlgorithms: k.encryptionAlgorithms(), SigningAlgorithms: k.signingAlgorithms(),
		MacAlgorithms: k.macAlgorithms(), KeyAgreementAlgorithms: k.agreementAlgorithms(), MultiRegion: &k.MultiRegion,
	}
	if k.Managed != "" {
		m.KeyManager = new(api.KeyManagerTypeAWS)
	}
	if !k.Deletion.IsZero() {
		m.DeletionDate = &k.Deletion
	}
	if state == api.KeyStatePendingReplicaDeletion {
		m.PendingDeletionWindowInDays = &k.WindowDays
	}
	if current := k.current(); current != nil {
		if k.symmetric() {
			m.CurrentKeyMaterialID = &current.ID
		}
		if k.Origin == api.OriginTypeExternal {
			m.ExpirationModel = new(api.ExpirationModelTypeKeyMaterialDoesNotExpire)
			if !current.ValidTo.IsZero() {
				m.ExpirationModel, m.ValidTo = new(api.ExpirationModelTypeKeyMaterialExpires), &current.ValidTo
			}
		}
	}
	if k.MultiRegion {
		m.MultiRegionConfiguration = k.regions()
	}
	return m
}

// regions describes the keys of the id.
func (k *key) regions() *api.MultiRegionConfiguration {
	in := func(region string) api.MultiRegionKey {
		return api.MultiRegionKey{ARN: new(keyARN(region, k.Account, k.ID)), Region: &region}
	}
	c := &api.MultiRegionConfiguration{
		MultiRegionKeyType: new(k.regionType()), PrimaryKey: new(in(k.Primary)), ReplicaKeys: []api.MultiRegionKey{},
	}
	for _, region := range k.Replicas {
		c.ReplicaKeys = append(c.ReplicaKeys, in(region))
	}
	return c
}

func (k *key) regionType() api.MultiRegionKeyType {
	if k.Primary == k.Region {
		return api.MultiRegionKeyTypePrimary
	}
	return api.MultiRegionKeyTypeReplica
}

// createKey makes a key.
func (s *Service) createKey(call *aws.Call, in *api.CreateKeyInput) (*api.CreateKeyOutput, error) {
	k := &key{
		Account: call.Account, Region: call.Region, ID: call.NewUUID(), Created: call.Now(), Origin: api.OriginTypeAWSKMS,
		Spec: api.KeySpecSymmetricDefault, Usage: api.KeyUsageTypeEncryptDecrypt,
	}
	if in.Description != nil {
		k.Description = *in.Description
	}
	if err := k.specify(in); err != nil {
		return nil, err
	}
	if err := k.originate(in); err != nil {
		return nil, err
	}
	if in.MultiRegion != nil && *in.MultiRegion {
		k.ID, k.MultiRegion, k.Primary = "mrk-"+strings.ReplaceAll(k.ID, "-", ""), true, k.Region
	}
	var err error
	if k.Tags, err = checkTags(in.Tags); err != nil {
		return nil, err
	}
	if err := s.givePolicy(call, k, in.Policy, in.BypassPolicyLockoutSafetyCheck); err != nil {
		return nil, err
	}
	if k.Origin == api.OriginTypeAWSKMS {
		m, err := s.newMaterial(k.ID, k.Spec, k.Created)
		if err != nil {
			return nil, err
		}
		k.Materials = []material{m}
	}
	if err := s.DB.Update(call, func(tx *store.Tx) error { return keys.Insert(tx, k) }); err != nil {
		return nil, err
	}
	return &api.CreateKeyOutput{KeyMetadata: k.metadata()}, nil
}

// specify sets spec and usage.
func (k *key) specify(in *api.CreateKeyInput) error {
	switch {
	case in.KeySpec != nil && in.CustomerMasterKeySpec != nil:
		return validation("You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is deprecated.")
	case in.KeySpec != nil:
		k.Spec = *in.KeySpec
	case in.CustomerMasterKeySpec != nil:
		k.Spec = api.KeySpec(*in.CustomerMasterKeySpec)
	}
	known, ok := specs[k.Spec]
	switch {
	case !ok:
		return api.NewUnsupportedOperationException("KeySpec %s is not supported in this Region.", k.Spec)
	case in.KeyUsage != nil:
		k.Usage = *in.KeyUsage
	case !k.symmetric():
		return validation("You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.")
	}
	if !slices.Contains(known.usages, k.Usage) {
		return validation("KeyUsage %s is not compatible with KeySpec %s", k.Usage, k.Spec)
	}
	return nil
}

// originate sets where the material comes from.
func (k *key) originate(in *api.CreateKeyInput) error {
	if in.Origin != nil {
		k.Origin = *in.Origin
	}
	switch {
	case in.CustomKeyStoreID != nil:
		return noKeyStore(*in.CustomKeyStoreID)
	case k.Origin == api.OriginTypeAWSCloudhsm || k.Origin == api.OriginTypeExternalKeyStore:
		return validation("CustomKeyStoreId is required for keys with the origin %s.", k.Origin)
	case in.XksKeyID != nil:
		return validation("XksKeyId is valid only for keys with the origin %s.", api.OriginTypeExternalKeyStore)
	}
	return nil
}

// describeKey returns a key's metadata.
func (s *Service) describeKey(call *aws.Call, in *api.DescribeKeyInput) (*api.DescribeKeyOutput, error) {
	k, err := s.use(call, request{id: in.KeyID, action: "kms:DescribeKey", tokens: in.GrantTokens})
	if err != nil {
		return nil, err
	}
	return &api.DescribeKeyOutput{KeyMetadata: k.metadata()}, nil
}

// listKeys lists the keys of the account and region.
func (s *Service) listKeys(call *aws.Call, in *api.ListKeysInput) (*api.ListKeysOutput, error) {
	prefix := store.K(call.Account, call.Region)
	page, err := newPage(in.Limit, 100, in.Marker)
	if err != nil {
		return nil, err
	}
	r := store.Range{Prefix: prefix}
	if page.after != "" {
		r.After = prefix.With(page.after)
	}
	out := &api.ListKeysOutput{Keys: []api.KeyListEntry{}}
	err = s.DB.View(call, func(tx *store.Tx) error {
		for k, err := range keys.Scan(tx, r) {
			if err != nil {
				return err
			}
			if !page.take(k.ID) {
				break
			}
			out.Keys = append(out.Keys, api.KeyListEntry{KeyID: &k.ID, KeyARN: new(k.arn())})
		}
		return nil
	})
	out.NextMarker, out.Truncated = page.next()
	return out, err
}

// updateKeyDescription describes a key anew.
func (s *Service) updateKeyDescription(call *aws.Call, in *api.UpdateKeyDescriptionInput) (*api.UpdateKeyDescriptionOutput, error) {
	return done[api.UpdateKeyDescriptionOutput](s.change(call, in.KeyID, func(_ *store.Tx, k *key) error {
		k.Description = in.Description
		return k.notPending()
	}))
}
