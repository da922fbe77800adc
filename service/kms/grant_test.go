package kms_test

import (
	"fmt"
	"testing"
	"time"

	api "drydock/api/kms"
	"drydock/aws"
	"drydock/service/servicetest"
)

// grant grants operations on a key to a user.
func grant(t *testing.T, call *aws.Call, key, to string, constraints *api.GrantConstraints, operations ...api.GrantOperation) *api.CreateGrantOutput {
	t.Helper()
	out, err := api.CreateGrant.Do(call, &api.CreateGrantInput{
		KeyID: key, GranteePrincipal: userARN(servicetest.Account, to), Operations: operations, Constraints: constraints,
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestGrant_AuthorizesItsGrantee(t *testing.T) {
	t.Parallel()
	c, root := newCloud(t)
	k := createKey(t, root, &api.CreateKeyInput{})
	guest, other := user(t, c, servicetest.Account, "guest"), user(t, c, servicetest.Account, "other")
	_, err := dataKey(guest, k.KeyID)
	servicetest.WantError(t, err, "AccessDeniedException")
	made := grant(t, root, k.KeyID, "guest", nil, api.GrantOperationGenerateDataKey, api.GrantOperationDecrypt, api.GrantOperationRetireGrant)
	out, err := api.GenerateDataKey.Do(guest, &api.GenerateDataKeyInput{KeyID: k.KeyID, KeySpec: new(api.DataKeySpecAes256), GrantTokens: []string{*made.GrantToken}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := decrypt(guest, out.CiphertextBlob, nil); err != nil {
		t.Error(err)
	}
	_, err = api.Encrypt.Do(guest, &api.EncryptInput{KeyID: k.KeyID, Plaintext: []byte("x")})
	servicetest.WantError(t, err, "AccessDeniedException") // it is not among the operations
	_, err = dataKey(other, k.KeyID)
	servicetest.WantError(t, err, "AccessDeniedException")
	_, err = api.RetireGrant.Do(other, &api.RetireGrantInput{GrantToken: made.GrantToken})
	servicetest.WantError(t, err, "AccessDeniedException")
	_, err = api.RetireGrant.Do(guest, &api.RetireGrantInput{GrantToken: made.GrantToken, DryRun: new(true)})
	servicetest.WantError(t, err, "DryRunOperationException")
	if _, err := api.RetireGrant.Do(guest, &api.RetireGrantInput{GrantToken: made.GrantToken}); err != nil {
		t.Error(err)
	}
	_, err = dataKey(guest, k.KeyID)
	servicetest.WantError(t, err, "AccessDeniedException")
	_, err = api.RetireGrant.Do(guest, &api.RetireGrantInput{GrantToken: made.GrantToken})
	servicetest.WantError(t, err, "NotFoundException")
}

func TestGrant_IsConstrainedByTheEncryptionContext(t *testing.T) {
	t.Parallel()
	c, root := newCloud(t)
	shop, both := map[string]string{"app": "shop"}, map[string]string{"app": "shop", "stage": "test"}
	for name, tc := range map[string]struct {
		constraints api.GrantConstraints
		allowed     []bool // without context, with shop, with both
	}{
		"subset": {api.GrantConstraints{EncryptionContextSubset: shop}, []bool{false, true, true}},
		"equals": {api.GrantConstraints{EncryptionContextEquals: shop}, []bool{false, true, false}},
	} {
		k := createKey(t, root, &api.CreateKeyInput{})
		grant(t, root, k.KeyID, "guest", &tc.constraints, api.GrantOperationEncrypt, api.GrantOperationDescribeKey)
		guest := user(t, c, servicetest.Account, "guest")
		for i, context := range []map[string]string{nil, shop, both} {
			_, err := api.Encrypt.Do(guest, &api.EncryptInput{KeyID: k.KeyID, Plaintext: []byte("x"), EncryptionContext: context})
			if tc.allowed[i] != (err == nil) || err != nil && aws.ErrorCode(err) != "AccessDeniedException" {
				t.Errorf("%s with %v: %v", name, context, err)
			}
		}
		if _, err := api.DescribeKey.Do(guest, &api.DescribeKeyInput{KeyID: k.KeyID}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestGrant_PassesOnNoMoreThanItself(t *testing.T) {
	t.Parallel()
	c, root := newCloud(t)
	k := createKey(t, root, &api.CreateKeyInput{})
	shop := map[string]string{"app": "shop"}
	grant(t, root, k.KeyID, "guest", &api.GrantConstraints{EncryptionContextSubset: shop}, api.GrantOperationDecrypt, api.GrantOperationCreateGrant)
	guest := user(t, c, servicetest.Account, "guest")
	for name, tc := range map[string]struct {
		constraints *api.GrantConstraints
		operation   api.GrantOperation
		code        string
	}{
		"the same":     {&api.GrantConstraints{EncryptionContextSubset: shop}, api.GrantOperationDecrypt, ""},
		"stricter":     {&api.GrantConstraints{EncryptionContextEquals: map[string]string{"app": "shop", "b": "2"}}, api.GrantOperationDecrypt, ""},
		"looser":       {nil, api.GrantOperationDecrypt, "AccessDeniedException"},
		"another":      {&api.GrantConstraints{EncryptionContextSubset: shop}, api.GrantOperationEncrypt, "AccessDeniedException"},
		"by an admin":  {nil, api.GrantOperationEncrypt, ""},
		"by condition": {nil, api.GrantOperationVerify, "ValidationException"},
		"by nobody":    {nil, api.GrantOperationDecrypt, "AccessDeniedException"},
	} {
		call := guest
		if name == "by an admin" {
			call = user(t, c, servicetest.Account, "admin")
		}
		if name == "by condition" {
			call = user(t, c, servicetest.Account, "conditional")
		}
		if name == "by nobody" {
			call = user(t, c, servicetest.Account, "nobody")
		}
		_, err := api.CreateGrant.Do(call, &api.CreateGrantInput{
			KeyID: k.KeyID, GranteePrincipal: userARN(servicetest.Account, "other"), Operations: []api.GrantOperation{tc.operation}, Constraints: tc.constraints,
		})
		if aws.ErrorCode(err) != tc.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestGrants_AreListedAndRevoked(t *testing.T) {
	t.Parallel()
	c, root := newCloud(t)
	k := createKey(t, root, &api.CreateKeyInput{})
	retiring := userARN(servicetest.Account, "retiring")
	var ids []string
	for i := range 3 {
		out, err := api.CreateGrant.Do(root, &api.CreateGrantInput{
			KeyID: k.KeyID, GranteePrincipal: userARN(servicetest.Account, fmt.Sprint("u", i%2)), RetiringPrincipal: &retiring,
			Operations: []api.GrantOperation{api.GrantOperationDecrypt}, Name: new(fmt.Sprint("g", i)),
		})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, *out.GrantID)
	}
	again, err := api.CreateGrant.Do(root, &api.CreateGrantInput{
		KeyID: *k.ARN, GranteePrincipal: userARN(servicetest.Account, "u0"), RetiringPrincipal: &retiring,
		Operations: []api.GrantOperation{api.GrantOperationDecrypt}, Name: new("g0"),
	})
	if err != nil || *again.GrantID != ids[0] {
		t.Errorf("the same again: %v, %v", again, err)
	}
	count := func(in *api.ListGrantsInput) int {
		t.Helper()
		in.KeyID, in.Limit = k.KeyID, new(int32(1))
		n := 0
		for {
			out, err := api.ListGrants.Do(root, in)
			if err != nil {
				t.Fatal(err)
			}
			n += len(out.Grants)
			if in.Marker = out.NextMarker; !*out.Truncated {
				return n
			}
		}
	}
	if n := count(&api.ListGrantsInput{}); n != 3 {
		t.Errorf("%d grants", n)
	}
	if n := count(&api.ListGrantsInput{GranteePrincipal: new(userARN(servicetest.Account, "u0"))}); n != 2 {
		t.Errorf("%d grants of u0", n)
	}
	if n := count(&api.ListGrantsInput{GrantID: &ids[1]}); n != 1 {
		t.Errorf("%d grants of an id", n)
	}
	in := &api.ListRetirableGrantsInput{RetiringPrincipal: retiring, Limit: new(int32(2))}
	found := 0
	for {
		out, err := api.ListRetirableGrants.Do(root, in)
		if err != nil {
			t.Fatal(err)
		}
		found += len(out.Grants)
		if in.Marker = out.NextMarker; !*out.Truncated {
			break
		}
	}
	foreign, err := api.ListRetirableGrants.Do(user(t, c, otherAccount, "admin"), &api.ListRetirableGrantsInput{RetiringPrincipal: retiring})
	if err != nil || len(foreign.Grants) != 0 {
		t.Errorf("grants on another account's keys: %v, %v", foreign, err)
	}
	if found != 3 {
		t.Errorf("%d retirable grants", found)
	}
	if _, err := api.RetireGrant.Do(user(t, c, servicetest.Account, "retiring"), &api.RetireGrantInput{KeyID: k.ARN, GrantID: &ids[0]}); err != nil {
		t.Error(err)
	}
	if _, err := api.RevokeGrant.Do(root, &api.RevokeGrantInput{KeyID: k.KeyID, GrantID: ids[1]}); err != nil {
		t.Error(err)
	}
	_, err = api.RevokeGrant.Do(root, &api.RevokeGrantInput{KeyID: k.KeyID, GrantID: ids[1]})
	servicetest.WantError(t, err, "NotFoundException")
	_, err = api.RevokeGrant.Do(user(t, c, servicetest.Account, "guest"), &api.RevokeGrantInput{KeyID: k.KeyID, GrantID: ids[2]})
	servicetest.WantError(t, err, "AccessDeniedException")
	if n := count(&api.ListGrantsInput{}); n != 1 {
		t.Errorf("%d grants are left", n)
	}
	if _, err := api.ScheduleKeyDeletion.Do(root, &api.ScheduleKeyDeletionInput{KeyID: k.KeyID, PendingWindowInDays: new(int32(7))}); err != nil {
		t.Fatal(err)
	}
	c.Advance(t, 8*24*time.Hour)
	if out, err := api.ListRetirableGrants.Do(root, &api.ListRetirableGrantsInput{RetiringPrincipal: retiring}); err != nil || len(out.Grants) != 0 {
		t.Errorf("grants of a deleted key: %v, %v", out, err)
	}
}

func TestCreateGrant_Errors(t *testing.T) {
	t.Parallel()
	c, root := newCloud(t)
	k := createKey(t, root, &api.CreateKeyInput{})
	to := userARN(servicetest.Account, "u")
	for name, tc := range map[string]struct {
		in   api.CreateGrantInput
		code string
	}{
		"no principal": {api.CreateGrantInput{KeyID: k.KeyID, GranteePrincipal: "nobody", Operations: []api.GrantOperation{"Decrypt"}}, "InvalidArnException"},
		"retiring":     {api.CreateGrantInput{KeyID: k.KeyID, GranteePrincipal: to, RetiringPrincipal: new("x"), Operations: []api.GrantOperation{"Decrypt"}}, "InvalidArnException"},
		"operation":    {api.CreateGrantInput{KeyID: k.KeyID, GranteePrincipal: to, Operations: []api.GrantOperation{"Sign"}}, "ValidationException"},
		"none":         {api.CreateGrantInput{KeyID: k.KeyID, GranteePrincipal: to, Operations: []api.GrantOperation{}}, "ValidationException"},
		"token":        {api.CreateGrantInput{KeyID: k.KeyID, GranteePrincipal: to, Operations: []api.GrantOperation{"Decrypt"}, GrantTokens: []string{"x"}}, "InvalidGrantTokenException"},
		"dry run":      {api.CreateGrantInput{KeyID: k.KeyID, GranteePrincipal: to, Operations: []api.GrantOperation{"Decrypt"}, DryRun: new(true)}, "DryRunOperationException"},
		"no key":       {api.CreateGrantInput{KeyID: "1234abcd-12ab-34cd-56ef-1234567890ab", GranteePrincipal: to, Operations: []api.GrantOperation{"Decrypt"}}, "NotFoundException"},
	} {
		if _, err := api.CreateGrant.Do(root, &tc.in); aws.ErrorCode(err) != tc.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := api.CreateGrant.Do(user(t, c, servicetest.Account, "guest"), &api.CreateGrantInput{KeyID: k.KeyID, GranteePrincipal: to, Operations: []api.GrantOperation{"Decrypt"}})
	servicetest.WantError(t, err, "AccessDeniedException")
	_, err = api.RetireGrant.Do(root, &api.RetireGrantInput{KeyID: k.ARN})
	servicetest.WantError(t, err, "ValidationException")
}
