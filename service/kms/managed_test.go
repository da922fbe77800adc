package kms_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	api "drydock/api/kms"
	"drydock/aws"
	"drydock/service/servicetest"
)

// dataKey asks for a data key.
func dataKey(call *aws.Call, key string) (*api.GenerateDataKeyOutput, error) {
	return api.GenerateDataKey.Do(call, &api.GenerateDataKeyInput{KeyID: key, KeySpec: new(api.DataKeySpecAes256)})
}

func TestManagedKey_IsMadeWhenItsServiceUsesIt(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	guest := user(t, c, servicetest.Account, "guest")
	_, err := dataKey(call, "alias/aws/s3")
	servicetest.WantError(t, err, "NotFoundException") // a user does not create it by using it
	_, err = dataKey(via(call, "sqs.amazonaws.com"), "alias/aws/s3")
	servicetest.WantError(t, err, "NotFoundException")

	var mu sync.Mutex
	made := map[string]bool{}
	var wg sync.WaitGroup
	for range 4 { // all at once, they must agree on one key
		wg.Go(func() {
			out, err := dataKey(via(guest, "s3.amazonaws.com"), "alias/aws/s3")
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			made[*out.KeyID] = true
		})
	}
	wg.Wait()
	if len(made) != 1 {
		t.Fatalf("keys %v", made)
	}
	out, err := dataKey(via(guest, "s3.us-east-1.amazonaws.com"), "alias/aws/s3")
	if err != nil || !made[*out.KeyID] {
		t.Fatalf("with the region: %v, %v", out, err)
	}
	if text, err := decrypt(via(guest, "s3.amazonaws.com"), out.CiphertextBlob, nil); err != nil || text != string(out.Plaintext) {
		t.Errorf("decrypted: %v", err)
	}
	service := c.CallAs(t, aws.ServicePrincipal("s3.amazonaws.com", servicetest.Account), servicetest.Region)
	if _, err := decrypt(service, out.CiphertextBlob, nil); err != nil {
		t.Errorf("the service itself: %v", err)
	}

	// Nobody uses it directly, through another service, or from another account or region.
	for name, call := range map[string]*aws.Call{
		"root": call, "admin": user(t, c, servicetest.Account, "admin"), "other service": via(guest, "sqs.amazonaws.com"),
		"other account":     via(user(t, c, otherAccount, "admin"), "s3.amazonaws.com"),
		"other region":      via(guest.In("eu-west-1"), "s3.amazonaws.com"),
		"service abroad":    c.CallAs(t, aws.ServicePrincipal("s3.amazonaws.com", otherAccount), servicetest.Region),
		"service elsewhere": c.CallAs(t, aws.ServicePrincipal("ec2.amazonaws.com", servicetest.Account), servicetest.Region),
	} {
		_, err := decrypt(call, out.CiphertextBlob, nil)
		if aws.ErrorCode(err) != "AccessDeniedException" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// aliasNames lists the aliases, a few at a time, with the keys they name.
func aliasNames(t *testing.T, call *aws.Call, limit int32) map[string]string {
	t.Helper()
	names := map[string]string{}
	in := &api.ListAliasesInput{Limit: &limit}
	last := ""
	for {
		out, err := api.ListAliases.Do(call, in)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range out.Aliases {
			if *a.AliasName <= last {
				t.Errorf("%s comes after %s", *a.AliasName, last)
			}
			last = *a.AliasName
			names[last] = ""
			if a.TargetKeyID != nil {
				names[last] = *a.TargetKeyID
			}
		}
		if in.Marker = out.NextMarker; !*out.Truncated {
			return names
		}
	}
}

func TestManagedKey_BelongsToAWS(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	out, err := api.DescribeKey.Do(call, &api.DescribeKeyInput{KeyID: "alias/aws/codecommit"})
	if err != nil {
		t.Fatal(err)
	}
	k := out.KeyMetadata
	if *k.KeyManager != api.KeyManagerTypeAWS || *k.KeyState != api.KeyStateEnabled {
		t.Errorf("described %+v", k)
	}
	if names := aliasNames(t, call, 3); names["alias/aws/codecommit"] != k.KeyID || len(names) < 20 {
		t.Errorf("aliases %v", names)
	} else if target, listed := names["alias/aws/s3"]; !listed || target != "" { // nobody has used it yet
		t.Errorf("aliases %v", names)
	}
	policy, err := api.GetKeyPolicy.Do(call, &api.GetKeyPolicyInput{KeyID: k.KeyID})
	if err != nil || !strings.Contains(*policy.Policy, `"kms:ViaService": "codecommit.us-east-1.amazonaws.com"`) {
		t.Errorf("policy %v, %v", policy, err)
	}
	for name, do := range map[string]func() error{
		"delete": func() error {
			_, err := api.ScheduleKeyDeletion.Do(call, &api.ScheduleKeyDeletionInput{KeyID: k.KeyID})
			return err
		},
		"disable": func() error { _, err := api.DisableKey.Do(call, &api.DisableKeyInput{KeyID: k.KeyID}); return err },
		"policy": func() error {
			_, err := api.PutKeyPolicy.Do(call, &api.PutKeyPolicyInput{KeyID: k.KeyID, Policy: *policy.Policy})
			return err
		},
		"encrypt": func() error {
			_, err := api.Encrypt.Do(call, &api.EncryptInput{KeyID: k.KeyID, Plaintext: []byte("x")})
			return err
		},
		"tag": func() error {
			_, err := api.TagResource.Do(call, &api.TagResourceInput{KeyID: k.KeyID, Tags: []api.Tag{{TagKey: "a"}}})
			return err
		},
		"describe": func() error {
			_, err := api.UpdateKeyDescription.Do(call, &api.UpdateKeyDescriptionInput{KeyID: k.KeyID})
			return err
		},
		"second alias": func() error {
			_, err := api.CreateAlias.Do(call, &api.CreateAliasInput{AliasName: "alias/mine", TargetKeyID: k.KeyID})
			return err
		},
	} {
		if err := do(); aws.ErrorCode(err) != "AccessDeniedException" {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = api.DescribeKey.Do(call, &api.DescribeKeyInput{KeyID: "alias/aws/nothing"})
	servicetest.WantError(t, err, "NotFoundException")

	// It rotates each year, and what was encrypted before is read for ever.
	codecommit := via(user(t, c, servicetest.Account, "guest"), "codecommit.amazonaws.com")
	before, err := dataKey(codecommit, "alias/aws/codecommit")
	if err != nil {
		t.Fatal(err)
	}
	c.Advance(t, 366*24*time.Hour)
	after, err := dataKey(codecommit, "alias/aws/codecommit")
	if err != nil || *after.KeyMaterialID == *before.KeyMaterialID {
		t.Errorf("after a year: %v, %v", after, err)
	}
	if text, err := decrypt(codecommit, before.CiphertextBlob, nil); err != nil || text != string(before.Plaintext) {
		t.Errorf("what was encrypted before the rotation: %v", err)
	}
}
