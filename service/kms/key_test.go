package kms_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	api "drydock/api/kms"
	"drydock/aws"
	"drydock/ledger"
	"drydock/service/servicetest"
)

func TestCreateKey_IsDescribed(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	made := createKey(t, call, &api.CreateKeyInput{Description: new("mine"), Tags: []api.Tag{{TagKey: "b", TagValue: "2"}, {TagKey: "a", TagValue: "1"}}})
	out, err := api.DescribeKey.Do(call, &api.DescribeKeyInput{KeyID: *made.ARN})
	if err != nil {
		t.Fatal(err)
	}
	k := out.KeyMetadata
	if *k.Description != "mine" || *k.KeyState != api.KeyStateEnabled || !*k.Enabled || *k.KeyManager != api.KeyManagerTypeCustomer ||
		*k.AWSAccountID != servicetest.Account || *k.MultiRegion || k.MultiRegionConfiguration != nil || len(*k.CurrentKeyMaterialID) != 64 ||
		*k.ARN != "arn:aws:kms:us-east-1:111122223333:key/"+k.KeyID || !k.CreationDate.Equal(servicetest.Start) {
		t.Errorf("described %+v", k)
	}
	if _, err := api.UpdateKeyDescription.Do(call, &api.UpdateKeyDescriptionInput{KeyID: k.KeyID, Description: "ours"}); err != nil {
		t.Error(err)
	}
	if _, err := api.TagResource.Do(call, &api.TagResourceInput{KeyID: k.KeyID, Tags: []api.Tag{{TagKey: "c", TagValue: "3"}}}); err != nil {
		t.Error(err)
	}
	if _, err := api.UntagResource.Do(call, &api.UntagResourceInput{KeyID: k.KeyID, TagKeys: []string{"a", "x"}}); err != nil {
		t.Error(err)
	}
	var tags []string
	in := &api.ListResourceTagsInput{KeyID: k.KeyID, Limit: new(int32(1))}
	for {
		page, err := api.ListResourceTags.Do(call, in)
		if err != nil {
			t.Fatal(err)
		}
		for _, tag := range page.Tags {
			tags = append(tags, tag.TagKey+"="+tag.TagValue)
		}
		if in.Marker = page.NextMarker; !*page.Truncated {
			break
		}
	}
	if fmt.Sprint(tags) != "[b=2 c=3]" {
		t.Errorf("tags %v", tags)
	}
}

func TestCreateKey_Errors(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	for name, tc := range map[string]struct {
		in            api.CreateKeyInput
		code, message string
	}{
		"usage missing": {api.CreateKeyInput{KeySpec: new(api.KeySpecHmac256)}, "ValidationException",
			"You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys."},
		"usage": {api.CreateKeyInput{KeyUsage: new(api.KeyUsageTypeSignVerify)}, "ValidationException",
			"KeyUsage SIGN_VERIFY is not compatible with KeySpec SYMMETRIC_DEFAULT"},
		"both specs": {api.CreateKeyInput{KeySpec: new(api.KeySpecSymmetricDefault), CustomerMasterKeySpec: new(api.CustomerMasterKeySpecSymmetricDefault)},
			"ValidationException", "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is deprecated."},
		"SM2":         {api.CreateKeyInput{KeySpec: new(api.KeySpecSm2), KeyUsage: new(api.KeyUsageTypeSignVerify)}, "UnsupportedOperationException", ""},
		"store":       {api.CreateKeyInput{CustomKeyStoreID: new("cks-1")}, "CustomKeyStoreNotFoundException", ""},
		"origin":      {api.CreateKeyInput{Origin: new(api.OriginTypeAWSCloudhsm)}, "ValidationException", ""},
		"tag":         {api.CreateKeyInput{Tags: []api.Tag{{TagKey: "aws:x"}}}, "TagException", ""},
		"twice":       {api.CreateKeyInput{Tags: []api.Tag{{TagKey: "a"}, {TagKey: "a"}}}, "TagException", ""},
		"policy":      {api.CreateKeyInput{Policy: new("x")}, "MalformedPolicyDocumentException", ""},
		"unknown":     {api.CreateKeyInput{KeySpec: new(api.KeySpec("HMAC_random"))}, "ValidationException", ""},
		"long policy": {api.CreateKeyInput{Policy: new("{" + strings.Repeat(" ", 33<<10) + "}")}, "LimitExceededException", ""},
	} {
		_, err := api.CreateKey.Do(call, &tc.in)
		if aws.ErrorCode(err) != tc.code || !strings.HasSuffix(err.Error(), tc.message) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := api.CreateKey.Do(user(t, c, servicetest.Account, "guest"), &api.CreateKeyInput{})
	servicetest.WantError(t, err, "AccessDeniedException")
	out, err := api.DescribeCustomKeyStores.Do(call, &api.DescribeCustomKeyStoresInput{})
	if err != nil || len(out.CustomKeyStores) != 0 {
		t.Errorf("stores %+v, %v", out, err)
	}
	_, err = api.DescribeCustomKeyStores.Do(call, &api.DescribeCustomKeyStoresInput{CustomKeyStoreID: new("cks-1")})
	servicetest.WantError(t, err, "CustomKeyStoreNotFoundException")
}

func TestKeys_AreListedInPages(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	want := map[string]bool{}
	for range 5 {
		want[createKey(t, call, &api.CreateKeyInput{}).KeyID] = true
	}
	createKey(t, call.In("eu-west-1"), &api.CreateKeyInput{})
	in := &api.ListKeysInput{Limit: new(int32(2))}
	pages := 0
	for {
		out, err := api.ListKeys.Do(call, in)
		if err != nil {
			t.Fatal(err)
		}
		pages++
		for _, k := range out.Keys {
			if !want[*k.KeyID] {
				t.Errorf("key %s", *k.KeyID)
			}
			delete(want, *k.KeyID)
		}
		if in.Marker = out.NextMarker; !*out.Truncated {
			break
		}
	}
	if pages != 3 || len(want) != 0 {
		t.Errorf("%d pages without %v", pages, want)
	}
	_, err := api.ListKeys.Do(call, &api.ListKeysInput{Marker: new("x")})
	servicetest.WantError(t, err, "InvalidMarkerException")
}

func TestKey_IsRefusedByState(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "IAM-10")
	c, call := newCloud(t)
	k := createKey(t, call, &api.CreateKeyInput{})
	blob := encrypt(t, call, k.KeyID, "x", nil)
	if _, err := api.CreateAlias.Do(call, &api.CreateAliasInput{AliasName: "alias/a", TargetKeyID: k.KeyID}); err != nil {
		t.Fatal(err)
	}
	if _, err := api.DisableKey.Do(call, &api.DisableKeyInput{KeyID: k.KeyID}); err != nil {
		t.Fatal(err)
	}
	_, err := decrypt(call, blob, nil)
	wantMessage(t, err, "DisabledException", *k.ARN+" is disabled.")
	_, err = dataKey(call, k.KeyID)
	servicetest.WantError(t, err, "DisabledException")
	_, err = decrypt(via(call, "s3.amazonaws.com"), blob, nil) // no service reads it either
	servicetest.WantError(t, err, "DisabledException")
	service := c.CallAs(t, aws.ServicePrincipal("logs.us-east-1.amazonaws.com", servicetest.Account), servicetest.Region)
	_, err = decrypt(service, blob, nil)
	servicetest.WantError(t, err, "AccessDeniedException") // the key policy does not name it
	if _, err := api.EnableKey.Do(call, &api.EnableKeyInput{KeyID: k.KeyID}); err != nil {
		t.Fatal(err)
	}
	if _, err := decrypt(call, blob, nil); err != nil {
		t.Error(err)
	}

	_, err = api.ScheduleKeyDeletion.Do(call, &api.ScheduleKeyDeletionInput{KeyID: k.KeyID, PendingWindowInDays: new(int32(6))})
	servicetest.WantError(t, err, "ValidationException")
	_, err = api.ScheduleKeyDeletion.Do(call, &api.ScheduleKeyDeletionInput{KeyID: k.KeyID, PendingWindowInDays: new(int32(31))})
	servicetest.WantError(t, err, "ValidationException")
	_, err = api.CancelKeyDeletion.Do(call, &api.CancelKeyDeletionInput{KeyID: k.KeyID})
	wantMessage(t, err, "KMSInvalidStateException", *k.ARN+" is not pending deletion.")
	out, err := api.ScheduleKeyDeletion.Do(call, &api.ScheduleKeyDeletionInput{KeyID: k.KeyID, PendingWindowInDays: new(int32(7))})
	if err != nil || *out.KeyState != api.KeyStatePendingDeletion || !out.DeletionDate.Equal(servicetest.Start.Add(7*24*time.Hour)) || *out.KeyID != *k.ARN {
		t.Fatalf("scheduled %+v, %v", out, err)
	}
	const pending = " is pending deletion."
	for name, do := range map[string]func() error{
		"decrypt": func() error { _, err := decrypt(call, blob, nil); return err },
		"enable":  func() error { _, err := api.EnableKey.Do(call, &api.EnableKeyInput{KeyID: k.KeyID}); return err },
		"disable": func() error { _, err := api.DisableKey.Do(call, &api.DisableKeyInput{KeyID: k.KeyID}); return err },
		"again": func() error {
			_, err := api.ScheduleKeyDeletion.Do(call, &api.ScheduleKeyDeletionInput{KeyID: k.KeyID})
			return err
		},
		"describe": func() error {
			_, err := api.UpdateKeyDescription.Do(call, &api.UpdateKeyDescriptionInput{KeyID: k.KeyID})
			return err
		},
		"alias": func() error {
			_, err := api.CreateAlias.Do(call, &api.CreateAliasInput{AliasName: "alias/b", TargetKeyID: k.KeyID})
			return err
		},
		"rotate": func() error {
			_, err := api.EnableKeyRotation.Do(call, &api.EnableKeyRotationInput{KeyID: k.KeyID})
			return err
		},
		"tag": func() error {
			_, err := api.TagResource.Do(call, &api.TagResourceInput{KeyID: k.KeyID, Tags: []api.Tag{{TagKey: "a"}}})
			return err
		},
	} {
		if err := do(); err == nil || err.Error() != "KMSInvalidStateException: "+*k.ARN+pending {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := api.CancelKeyDeletion.Do(call, &api.CancelKeyDeletionInput{KeyID: k.KeyID}); err != nil {
		t.Fatal(err)
	}
	_, err = decrypt(call, blob, nil)
	servicetest.WantError(t, err, "DisabledException")

	// Cancelled, it stays; scheduled again, it goes with its alias.
	c.Advance(t, 8*24*time.Hour)
	if _, err := api.ScheduleKeyDeletion.Do(call, &api.ScheduleKeyDeletionInput{KeyID: k.KeyID}); err != nil {
		t.Fatal(err)
	}
	c.Advance(t, 30*24*time.Hour-time.Second)
	if described, err := api.DescribeKey.Do(call, &api.DescribeKeyInput{KeyID: "alias/a"}); err != nil || described.KeyMetadata.DeletionDate == nil {
		t.Errorf("before its time: %v, %v", described, err)
	}
	c.Advance(t, 2*time.Second)
	_, err = api.DescribeKey.Do(call, &api.DescribeKeyInput{KeyID: k.KeyID})
	wantMessage(t, err, "NotFoundException", "Key '"+*k.ARN+"' does not exist")
	if names := aliasNames(t, call, 100); names["alias/a"] != "" {
		t.Errorf("aliases %v", names)
	}
	_, err = decrypt(call, blob, nil)
	servicetest.WantError(t, err, "AccessDeniedException")
}

func TestAlias_NamesAKey(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	one, two := createKey(t, call, &api.CreateKeyInput{}), createKey(t, call, &api.CreateKeyInput{})
	mac := createKey(t, call, &api.CreateKeyInput{KeySpec: new(api.KeySpecHmac256), KeyUsage: new(api.KeyUsageTypeGenerateVerifyMac)})
	create := func(name, key string) error {
		_, err := api.CreateAlias.Do(call, &api.CreateAliasInput{AliasName: name, TargetKeyID: key})
		return err
	}
	for _, name := range []string{"alias/a", "alias/b", "alias/c"} {
		if err := create(name, one.KeyID); err != nil {
			t.Fatal(err)
		}
	}
	if err := create("alias/other", *two.ARN); err != nil {
		t.Fatal(err)
	}
	wantMessage(t, create("alias/a", two.KeyID), "AlreadyExistsException", "An alias with the name arn:aws:kms:us-east-1:111122223333:alias/a already exists")
	wantMessage(t, create("a", one.KeyID), "ValidationException",
		`Alias must start with the prefix "alias/". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html`)
	servicetest.WantError(t, create("alias/aws/s3", one.KeyID), "NotAuthorizedException")
	servicetest.WantError(t, create("alias/x", "alias/a"), "NotFoundException")
	servicetest.WantError(t, create("alias/x y", one.KeyID), "ValidationException")

	blob := encrypt(t, call, "alias/a", "x", nil)
	out, err := api.Encrypt.Do(call, &api.EncryptInput{KeyID: "arn:aws:kms:us-east-1:111122223333:alias/b", Plaintext: []byte("x")})
	if err != nil || *out.KeyID != *one.ARN {
		t.Errorf("by alias ARN: %v, %v", out, err)
	}
	_, err = api.DisableKey.Do(call, &api.DisableKeyInput{KeyID: "alias/a"})
	wantMessage(t, err, "NotFoundException", "Invalid keyId 'alias/a'") // keys are managed by id
	_, err = api.DisableKey.Do(call, &api.DisableKeyInput{KeyID: "arn:aws:kms:us-east-1:111122223333:alias/a"})
	wantMessage(t, err, "InvalidArnException", "Key Aliases are not supported for this operation.")

	var names []string
	in := &api.ListAliasesInput{KeyID: &one.KeyID, Limit: new(int32(2))}
	for {
		page, err := api.ListAliases.Do(call, in)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range page.Aliases {
			names = append(names, *a.AliasName)
		}
		if in.Marker = page.NextMarker; !*page.Truncated {
			break
		}
	}
	if fmt.Sprint(names) != "[alias/a alias/b alias/c]" {
		t.Errorf("aliases %v", names)
	}

	if _, err := api.UpdateAlias.Do(call, &api.UpdateAliasInput{AliasName: "alias/a", TargetKeyID: two.KeyID}); err != nil {
		t.Fatal(err)
	}
	described, err := api.DescribeKey.Do(call, &api.DescribeKeyInput{KeyID: "alias/a"})
	if err != nil || described.KeyMetadata.KeyID != two.KeyID {
		t.Errorf("after the update: %v, %v", described, err)
	}
	if text, err := decrypt(call, blob, nil); err != nil || text != "x" { // the ciphertext names the key, not the alias
		t.Errorf("decrypted %q, %v", text, err)
	}
	_, err = api.UpdateAlias.Do(call, &api.UpdateAliasInput{AliasName: "alias/a", TargetKeyID: mac.KeyID})
	servicetest.WantError(t, err, "ValidationException")
	_, err = api.UpdateAlias.Do(call, &api.UpdateAliasInput{AliasName: "alias/none", TargetKeyID: two.KeyID})
	servicetest.WantError(t, err, "NotFoundException")
	_, err = api.DeleteAlias.Do(call, &api.DeleteAliasInput{AliasName: "alias/none"})
	wantMessage(t, err, "NotFoundException", "Alias arn:aws:kms:us-east-1:111122223333:alias/none is not found.")
	_, err = api.DeleteAlias.Do(user(t, c, servicetest.Account, "guest"), &api.DeleteAliasInput{AliasName: "alias/a"})
	servicetest.WantError(t, err, "AccessDeniedException")
	if _, err := api.DeleteAlias.Do(call, &api.DeleteAliasInput{AliasName: "alias/a"}); err != nil {
		t.Error(err)
	}
	_, err = api.DescribeKey.Do(call, &api.DescribeKeyInput{KeyID: "alias/a"})
	servicetest.WantError(t, err, "NotFoundException")
}
