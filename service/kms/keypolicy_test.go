package kms_test

import (
	"strings"
	"testing"

	api "drydock/api/kms"
	"drydock/aws"
	"drydock/ledger"
	"drydock/service/servicetest"
)

// statements is a policy of statements that leaves the root of the account in charge.
func statements(more ...string) string {
	root := `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":["kms:PutKeyPolicy","kms:GetKeyPolicy","kms:CreateGrant","kms:ScheduleKeyDeletion"],"Resource":"*"}`
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(append([]string{root}, more...), ",") + `]}`
}

func TestKeyPolicy_Decides(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "IAM-10")
	c, root := newCloud(t)
	const decryptTo = `"Action":["kms:Encrypt","kms:Decrypt"],"Resource":"*"`
	principal := func(name string) string {
		return `{"Effect":"Allow","Principal":{"AWS":"` + userARN(servicetest.Account, name) + `"},` + decryptTo
	}
	account := `{"Effect":"Allow","Principal":{"AWS":"111122223333"},` + decryptTo
	everyone := `{"Effect":"Allow","Principal":"*",` + decryptTo
	condition := func(operator, key, value string) string {
		return `,"Condition":{"` + operator + `":{"` + key + `":"` + value + `"}}}`
	}
	guest, admin, foreign := user(t, c, servicetest.Account, "guest"), user(t, c, servicetest.Account, "admin"), user(t, c, otherAccount, "admin")
	logs := c.CallAs(t, aws.ServicePrincipal("logs.us-east-1.amazonaws.com", servicetest.Account), servicetest.Region)
	for name, tc := range map[string]struct {
		policy  string
		call    *aws.Call
		context map[string]string
		allowed bool
	}{
		"nobody":              {statements(), root, nil, false},
		"nobody, admin":       {statements(), admin, nil, false},
		"account, admin":      {statements(account + "}"), admin, nil, true},
		"account, guest":      {statements(account + "}"), guest, nil, false},
		"account, root":       {statements(account + "}"), root, nil, true},
		"account, foreign":    {statements(account + "}"), foreign, nil, false},
		"guest alone":         {statements(principal("guest") + "}"), guest, nil, true},
		"guest alone, admin":  {statements(principal("guest") + "}"), admin, nil, false},
		"foreign account":     {statements(`{"Effect":"Allow","Principal":{"AWS":"` + otherAccount + `"},` + decryptTo + "}"), foreign, nil, true},
		"foreign and guest":   {statements(`{"Effect":"Allow","Principal":{"AWS":"` + otherAccount + `"},` + decryptTo + "}"), user(t, c, otherAccount, "guest"), nil, false},
		"denied":              {statements(account+"}", `{"Effect":"Deny","Principal":{"AWS":"`+userARN(servicetest.Account, "admin")+`"},"Action":"kms:Encrypt","Resource":"*"}`), admin, nil, false},
		"service":             {statements(`{"Effect":"Allow","Principal":{"Service":"logs.us-east-1.amazonaws.com"},` + decryptTo + "}"), logs, nil, true},
		"service, none":       {statements(account + "}"), logs, nil, false},
		"via":                 {statements(everyone + condition("StringEquals", "kms:ViaService", "s3.us-east-1.amazonaws.com")), via(guest, "s3.amazonaws.com"), nil, true},
		"via, direct":         {statements(everyone + condition("StringEquals", "kms:ViaService", "s3.us-east-1.amazonaws.com")), guest, nil, false},
		"via, other":          {statements(everyone + condition("StringEquals", "kms:ViaService", "s3.us-east-1.amazonaws.com")), via(guest, "sqs.amazonaws.com"), nil, false},
		"caller account":      {statements(everyone + condition("StringEquals", "kms:CallerAccount", servicetest.Account)), guest, nil, true},
		"caller account, not": {statements(everyone + condition("StringEquals", "kms:CallerAccount", servicetest.Account)), foreign, nil, false},
		"context":             {statements(everyone + condition("StringEquals", "kms:EncryptionContext:app", "shop")), guest, map[string]string{"app": "shop"}, true},
		"context, other":      {statements(everyone + condition("StringEquals", "kms:EncryptionContext:app", "shop")), guest, map[string]string{"app": "bank"}, false},
		"context keys":        {statements(everyone + condition("ForAnyValue:StringEquals", "kms:EncryptionContextKeys", "app")), guest, map[string]string{"app": "x"}, true},
		"context keys, none":  {statements(everyone + condition("ForAnyValue:StringEquals", "kms:EncryptionContextKeys", "app")), guest, nil, false},
		"spec":                {statements(everyone + condition("StringEquals", "kms:KeySpec", "SYMMETRIC_DEFAULT")), guest, nil, true},
		"usage":               {statements(everyone + condition("StringEquals", "kms:KeyUsage", "SIGN_VERIFY")), guest, nil, false},
		"origin":              {statements(everyone + condition("StringEquals", "kms:KeyOrigin", "AWS_KMS")), guest, nil, true},
		"regions":             {statements(everyone + condition("Bool", "kms:MultiRegion", "false")), guest, nil, true},
		"region type":         {statements(everyone + condition("StringEquals", "kms:MultiRegionKeyType", "PRIMARY")), guest, nil, false},
		"algorithm":           {statements(everyone + condition("StringEquals", "kms:EncryptionAlgorithm", "SYMMETRIC_DEFAULT")), guest, nil, true},
		"tag":                 {statements(everyone + condition("StringEquals", "aws:ResourceTag/team", "red")), guest, nil, true},
		"aliases":             {statements(everyone + condition("ForAnyValue:StringLike", "kms:ResourceAliases", "alias/pol*")), guest, nil, true},
		"aliases, other":      {statements(everyone + condition("ForAnyValue:StringLike", "kms:ResourceAliases", "alias/x*")), guest, nil, false},
		"request alias":       {statements(everyone + condition("StringLike", "kms:RequestAlias", "alias/policy-*")), guest, nil, true},
	} {
		k := createKey(t, root, &api.CreateKeyInput{Tags: []api.Tag{{TagKey: "team", TagValue: "red"}}})
		alias := "alias/policy-" + k.KeyID
		if _, err := api.CreateAlias.Do(root, &api.CreateAliasInput{AliasName: alias, TargetKeyID: k.KeyID}); err != nil {
			t.Fatal(err)
		}
		if _, err := api.PutKeyPolicy.Do(root, &api.PutKeyPolicyInput{KeyID: k.KeyID, Policy: tc.policy}); err != nil {
			t.Fatal(err)
		}
		in := &api.EncryptInput{KeyID: *k.ARN, Plaintext: []byte("x"), EncryptionContext: tc.context}
		if strings.HasPrefix(name, "request alias") {
			in.KeyID = alias
		}
		_, err := api.Encrypt.Do(tc.call, in)
		if tc.allowed != (err == nil) || err != nil && aws.ErrorCode(err) != "AccessDeniedException" {
			t.Errorf("%s: %v", name, err)
		}
		if name == "denied" && !strings.HasSuffix(err.Error(), "with an explicit deny in a resource-based policy") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKeyPolicy_IsReplaced(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	k := createKey(t, call, &api.CreateKeyInput{})
	out, err := api.GetKeyPolicy.Do(call, &api.GetKeyPolicyInput{KeyID: k.KeyID})
	if err != nil || !strings.Contains(*out.Policy, `"Id" : "key-default-1"`) || *out.PolicyName != "default" {
		t.Fatalf("policy %v, %v", out, err)
	}
	names, err := api.ListKeyPolicies.Do(call, &api.ListKeyPoliciesInput{KeyID: k.KeyID})
	if err != nil || len(names.PolicyNames) != 1 || names.PolicyNames[0] != "default" {
		t.Errorf("names %v, %v", names, err)
	}
	put := func(call *aws.Call, policy string, bypass bool) error {
		_, err := api.PutKeyPolicy.Do(call, &api.PutKeyPolicyInput{KeyID: k.KeyID, Policy: policy, BypassPolicyLockoutSafetyCheck: &bypass})
		return err
	}
	lockout := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + userARN(servicetest.Account, "other") + `"},"Action":"kms:*","Resource":"*"}]}`
	wantMessage(t, put(call, lockout, false), "MalformedPolicyDocumentException", "The new key policy will not allow you to update the key policy in the future.")
	servicetest.WantError(t, put(call, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*"}]}`, false), "MalformedPolicyDocumentException")
	servicetest.WantError(t, put(user(t, c, servicetest.Account, "guest"), statements(), false), "AccessDeniedException")
	_, err = api.PutKeyPolicy.Do(call, &api.PutKeyPolicyInput{KeyID: k.KeyID, Policy: statements(), PolicyName: new("other")})
	wantMessage(t, err, "NotFoundException", "No such policy exists")
	_, err = api.GetKeyPolicy.Do(call, &api.GetKeyPolicyInput{KeyID: k.KeyID, PolicyName: new("other")})
	servicetest.WantError(t, err, "NotFoundException")
	if err := put(call, statements(), false); err != nil {
		t.Error(err)
	}
	if out, err = api.GetKeyPolicy.Do(call, &api.GetKeyPolicyInput{KeyID: k.KeyID}); err != nil || *out.Policy != statements() {
		t.Errorf("policy %v, %v", out, err)
	}
	if err := put(call, lockout, true); err != nil {
		t.Error(err)
	}
	servicetest.WantError(t, put(call, statements(), false), "AccessDeniedException") // even the root user is locked out now
}
