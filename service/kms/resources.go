package kms

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	api "drydock/api/kms"
	"drydock/aws"
	"drydock/resource"
)

func (s *Service) resourceTypes() []resource.Type {
	return []resource.Type{
		{
			Name:              "AWS::KMS::Key",
			PrimaryIdentifier: []string{"KeyId"},
			ReadOnly:          []string{"Arn", "KeyId"},
			CreateOnly:        []string{"KeySpec", "KeyUsage", "MultiRegion", "Origin"},
			Create:            createKeyResource,
			Read:              readKeyResource,
			Update:            updateKeyResource,
			Delete:            deleteKeyResource,
			List:              func(call *aws.Call) ([]string, error) { return listKeyResources(call, false) },
		},
		{
			Name:              "AWS::KMS::ReplicaKey",
			PrimaryIdentifier: []string{"KeyId"},
			ReadOnly:          []string{"Arn", "KeyId"},
			CreateOnly:        []string{"PrimaryKeyArn"},
			Create:            createReplicaResource,
			Read:              readReplicaResource,
			Update:            updateKeyResource,
			Delete:            deleteKeyResource,
			List:              func(call *aws.Call) ([]string, error) { return listKeyResources(call, true) },
		},
		{
			Name:              "AWS::KMS::Alias",
			PrimaryIdentifier: []string{"AliasName"},
			CreateOnly:        []string{"AliasName"},
			Create:            createAliasResource,
			Read:              readAliasResource,
			Update:            updateAliasResource,
			Delete:            deleteAliasResource,
			List:              listAliasResources,
		},
	}
}

// keyProperties are the properties of AWS::KMS::Key and AWS::KMS::ReplicaKey. PendingWindowInDays is taken and not kept:
// whoever deletes a resource gives its id alone, so the key waits for as long as is the default.
type keyProperties struct {
	Description                    string           `json:",omitempty"`
	Enabled                        *bool            `json:",omitempty"`
	EnableKeyRotation              *bool            `json:",omitempty"`
	RotationPeriodInDays           *int32           `json:",omitempty"`
	KeyPolicy                      json.RawMessage  `json:",omitempty"`
	KeySpec                        api.KeySpec      `json:",omitempty"`
	KeyUsage                       api.KeyUsageType `json:",omitempty"`
	Origin                         api.OriginType   `json:",omitempty"`
	MultiRegion                    *bool            `json:",omitempty"`
	PrimaryKeyARN                  string           `json:"PrimaryKeyArn,omitempty"`
	BypassPolicyLockoutSafetyCheck *bool            `json:",omitempty"`
	PendingWindowInDays            *int32           `json:",omitempty"`
	Tags                           []tagProperty    `json:",omitempty"`
	ARN                            string           `json:"Arn,omitempty"`
	KeyID                          string           `json:"KeyId,omitempty"`
}

type tagProperty struct{ Key, Value string }

func (p *keyProperties) tags() []api.Tag {
	var tags []api.Tag
	for _, t := range p.Tags {
		tags = append(tags, api.Tag{TagKey: t.Key, TagValue: t.Value})
	}
	return tags
}

// policy returns the policy's text: properties may have it as an object, or as text in a string.
func (p *keyProperties) policy() (*string, error) {
	if p.KeyPolicy == nil {
		return nil, nil
	}
	if p.KeyPolicy[0] != '"' {
		return new(string(p.KeyPolicy)), nil
	}
	var text string
	if err := json.Unmarshal(p.KeyPolicy, &text); err != nil {
		return nil, fmt.Errorf("reading KeyPolicy: %w", err)
	}
	return &text, nil
}

func createKeyResource(call *aws.Call, desired resource.Properties) (string, error) {
	var p keyProperties
	if err := desired.Decode(&p); err != nil {
		return "", err
	}
	text, err := p.policy()
	if err != nil {
		return "", err
	}
	in := &api.CreateKeyInput{
		Description: &p.Description, Policy: text, Tags: p.tags(), MultiRegion: p.MultiRegion,
		BypassPolicyLockoutSafetyCheck: p.BypassPolicyLockoutSafetyCheck,
	}
	if p.KeySpec != "" {
		in.KeySpec = &p.KeySpec
	}
	if p.KeyUsage != "" {
		in.KeyUsage = &p.KeyUsage
	}
	if p.Origin != "" {
		in.Origin = &p.Origin
	}
	out, err := api.CreateKey.Do(call, in)
	if err != nil {
		return "", err
	}
	// The id is returned with the error: the key is there, and whoever rolls back has to know it.
	id := out.KeyMetadata.KeyID
	return id, settle(call, id, &keyProperties{Enabled: new(*out.KeyMetadata.Enabled)}, &p)
}

// settle brings rotation and use of a key from the present properties to the desired ones. Rotation is set while the key is
// enabled, as it cannot be otherwise.
func settle(call *aws.Call, id string, was, p *keyProperties) error {
	off := p.Enabled != nil && !*p.Enabled
	if was.Enabled != nil && !*was.Enabled && p.Enabled != nil && *p.Enabled {
		if _, err := api.EnableKey.Do(call, &api.EnableKeyInput{KeyID: id}); err != nil {
			return err
		}
	}
	rotated, rotates := was.EnableKeyRotation != nil && *was.EnableKeyRotation, p.EnableKeyRotation != nil && *p.EnableKeyRotation
	samePeriod := p.RotationPeriodInDays == nil || was.RotationPeriodInDays != nil && *was.RotationPeriodInDays == *p.RotationPeriodInDays
	var err error
	switch {
	case rotates && (!rotated || !samePeriod):
		_, err = api.EnableKeyRotation.Do(call, &api.EnableKeyRotationInput{KeyID: id, RotationPeriodInDays: p.RotationPeriodInDays})
	case rotated && p.EnableKeyRotation != nil && !rotates:
		_, err = api.DisableKeyRotation.Do(call, &api.DisableKeyRotationInput{KeyID: id})
	}
	if err != nil {
		return err
	}
	if off && (was.Enabled == nil || *was.Enabled) {
		_, err = api.DisableKey.Do(call, &api.DisableKeyInput{KeyID: id})
	}
	return err
}

// readKey returns the properties of a key, which is no more once it is pending deletion.
func readKey(call *aws.Call, id string) (*keyProperties, *api.KeyMetadata, error) {
	out, err := api.DescribeKey.Do(call, &api.DescribeKeyInput{KeyID: id})
	if err != nil {
		return nil, nil, err
	}
	k := out.KeyMetadata
	if *k.KeyState == api.KeyStatePendingDeletion || *k.KeyState == api.KeyStatePendingReplicaDeletion {
		return nil, nil, api.NewNotFoundException("Key '%s' does not exist", *k.ARN)
	}
	policy, err := api.GetKeyPolicy.Do(call, &api.GetKeyPolicyInput{KeyID: id})
	if err != nil {
		return nil, nil, err
	}
	var text bytes.Buffer
	if err := json.Compact(&text, []byte(*policy.Policy)); err != nil {
		return nil, nil, fmt.Errorf("policy of %s: %w", id, err)
	}
	p := &keyProperties{
		Description: *k.Description, Enabled: new(*k.KeyState != api.KeyStateDisabled), KeyPolicy: text.Bytes(), KeyID: k.KeyID, ARN: *k.ARN,
	}
	in := &api.ListResourceTagsInput{KeyID: id}
	for {
		tags, err := api.ListResourceTags.Do(call, in)
		if err != nil {
			return nil, nil, err
		}
		for _, t := range tags.Tags {
			p.Tags = append(p.Tags, tagProperty{t.TagKey, t.TagValue})
		}
		if in.Marker = tags.NextMarker; in.Marker == nil {
			return p, k, nil
		}
	}
}

func readKeyResource(call *aws.Call, id string) (resource.Properties, error) {
	p, k, err := readKey(call, id)
	if err != nil {
		return nil, err
	}
	p.KeySpec, p.KeyUsage, p.Origin, p.MultiRegion = *k.KeySpec, *k.KeyUsage, *k.Origin, k.MultiRegion
	status, err := api.GetKeyRotationStatus.Do(call, &api.GetKeyRotationStatusInput{KeyID: id})
	if err != nil {
		return nil, err
	}
	p.EnableKeyRotation, p.RotationPeriodInDays = status.KeyRotationEnabled, status.RotationPeriodInDays
	return resource.Encode(p)
}

func updateKeyResource(call *aws.Call, id string, current, desired resource.Properties) error {
	var was, p keyProperties
	if err := current.Decode(&was); err != nil {
		return err
	}
	if err := desired.Decode(&p); err != nil {
		return err
	}
	if p.Description != was.Description {
		if _, err := api.UpdateKeyDescription.Do(call, &api.UpdateKeyDescriptionInput{KeyID: id, Description: p.Description}); err != nil {
			return err
		}
	}
	text, err := p.policy()
	if err != nil {
		return err
	}
	if old, err := was.policy(); err != nil {
		return err
	} else if text != nil && (old == nil || *old != *text) {
		in := &api.PutKeyPolicyInput{KeyID: id, Policy: *text, BypassPolicyLockoutSafetyCheck: p.BypassPolicyLockoutSafetyCheck}
		if _, err := api.PutKeyPolicy.Do(call, in); err != nil {
			return err
		}
	}
	if err := settle(call, id, &was, &p); err != nil {
		return err
	}
	return setTags(call, id, was.Tags, p.Tags)
}

// setTags brings the tags of a key from the present to the desired ones.
func setTags(call *aws.Call, id string, current, desired []tagProperty) error {
	kept, old := map[string]bool{}, map[string]string{}
	for _, t := range current {
		old[t.Key] = t.Value
	}
	var changed []api.Tag
	for _, t := range desired {
		kept[t.Key] = true
		if value, ok := old[t.Key]; !ok || value != t.Value {
			changed = append(changed, api.Tag{TagKey: t.Key, TagValue: t.Value})
		}
	}
	var gone []string
	for _, t := range current {
		if !kept[t.Key] {
			gone = append(gone, t.Key)
		}
	}
	if gone != nil {
		if _, err := api.UntagResource.Do(call, &api.UntagResourceInput{KeyID: id, TagKeys: gone}); err != nil {
			return err
		}
	}
	if changed == nil {
		return nil
	}
	_, err := api.TagResource.Do(call, &api.TagResourceInput{KeyID: id, Tags: changed})
	return err
}

func deleteKeyResource(call *aws.Call, id string) error {
	if _, _, err := readKey(call, id); err != nil {
		return err
	}
	_, err := api.ScheduleKeyDeletion.Do(call, &api.ScheduleKeyDeletionInput{KeyID: id})
	return err
}

// listKeyResources lists the users' keys that are replicas, or those that are not.
func listKeyResources(call *aws.Call, replicas bool) ([]string, error) {
	var ids []string
	in := &api.ListKeysInput{}
	for {
		out, err := api.ListKeys.Do(call, in)
		if err != nil {
			return nil, err
		}
		for _, entry := range out.Keys {
			described, err := api.DescribeKey.Do(call, &api.DescribeKeyInput{KeyID: *entry.KeyID})
			if aws.IsError(err, "NotFoundException") { // deleted since it was listed
				continue
			}
			if err != nil {
				return nil, err
			}
			k := described.KeyMetadata
			config := k.MultiRegionConfiguration
			isReplica := config != nil && *config.MultiRegionKeyType == api.MultiRegionKeyTypeReplica
			if *k.KeyManager == api.KeyManagerTypeCustomer && k.DeletionDate == nil && isReplica == replicas {
				ids = append(ids, k.KeyID)
			}
		}
		if in.Marker = out.NextMarker; in.Marker == nil {
			return ids, nil
		}
	}
}

func createReplicaResource(call *aws.Call, desired resource.Properties) (string, error) {
	var p keyProperties
	if err := desired.Decode(&p); err != nil {
		return "", err
	}
	primary, err := aws.ParseARN(p.PrimaryKeyARN)
	if err != nil {
		return "", api.NewInvalidARNException("Invalid arn %s", p.PrimaryKeyARN)
	}
	text, err := p.policy()
	if err != nil {
		return "", err
	}
	out, err := api.ReplicateKey.Do(call.In(primary.Region), &api.ReplicateKeyInput{
		KeyID: p.PrimaryKeyARN, ReplicaRegion: call.Region, Policy: text, Description: &p.Description, Tags: p.tags(),
		BypassPolicyLockoutSafetyCheck: p.BypassPolicyLockoutSafetyCheck,
	})
	if err != nil {
		return "", err
	}
	id := out.ReplicaKeyMetadata.KeyID
	return id, settle(call, id, &keyProperties{}, &p)
}

func readReplicaResource(call *aws.Call, id string) (resource.Properties, error) {
	p, k, err := readKey(call, id)
	if err != nil {
		return nil, err
	}
	if k.MultiRegionConfiguration != nil {
		p.PrimaryKeyARN = *k.MultiRegionConfiguration.PrimaryKey.ARN
	}
	return resource.Encode(p)
}

// aliasProperties are the properties of AWS::KMS::Alias.
type aliasProperties struct {
	AliasName   string
	TargetKeyID string `json:"TargetKeyId"`
}

func createAliasResource(call *aws.Call, desired resource.Properties) (string, error) {
	var p aliasProperties
	if err := desired.Decode(&p); err != nil {
		return "", err
	}
	_, err := api.CreateAlias.Do(call, &api.CreateAliasInput{AliasName: p.AliasName, TargetKeyID: p.TargetKeyID})
	if err != nil {
		return "", err
	}
	return p.AliasName, nil
}

func readAliasResource(call *aws.Call, id string) (resource.Properties, error) {
	if !strings.HasPrefix(id, aliasPrefix) {
		return nil, api.NewNotFoundException("Alias %s is not found.", id)
	}
	// No operation returns one alias alone; DescribeKey accepts its name.
	out, err := api.DescribeKey.Do(call, &api.DescribeKeyInput{KeyID: id})
	if err != nil {
		return nil, err
	}
	return resource.Encode(aliasProperties{AliasName: id, TargetKeyID: out.KeyMetadata.KeyID})
}

func updateAliasResource(call *aws.Call, id string, _, desired resource.Properties) error {
	var p aliasProperties
	if err := desired.Decode(&p); err != nil {
		return err
	}
	_, err := api.UpdateAlias.Do(call, &api.UpdateAliasInput{AliasName: id, TargetKeyID: p.TargetKeyID})
	return err
}

func deleteAliasResource(call *aws.Call, id string) error {
	_, err := api.DeleteAlias.Do(call, &api.DeleteAliasInput{AliasName: id})
	return err
}

func listAliasResources(call *aws.Call) ([]string, error) {
	var ids []string
	in := &api.ListAliasesInput{}
	for {
		out, err := api.ListAliases.Do(call, in)
		if err != nil {
			return nil, err
		}
		for _, a := range out.Aliases {
			if !strings.HasPrefix(*a.AliasName, managedPrefix) {
				ids = append(ids, *a.AliasName)
			}
		}
		if in.Marker = out.NextMarker; in.Marker == nil {
			return ids, nil
		}
	}
}
