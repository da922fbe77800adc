package iam_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	api "drydock/api/iam"
	"drydock/aws"
	"drydock/policy"
	"drydock/service/servicetest"
)

func TestAccessKey_LifeOfOne(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	createUser(t, call, "u")
	user := new("u")
	first := do(t, api.CreateAccessKey, call, &api.CreateAccessKeyInput{UserName: user}).AccessKey
	if len(first.AccessKeyID) != 20 || len(first.SecretAccessKey) != 40 || first.Status != "Active" {
		t.Errorf("key %+v", first)
	}
	c.Advance(t, time.Minute)
	second := do(t, api.CreateAccessKey, call, &api.CreateAccessKeyInput{UserName: user}).AccessKey
	refuse(t, api.CreateAccessKey, call, &api.CreateAccessKeyInput{UserName: user}, "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2")
	l := do(t, api.ListAccessKeys, call, &api.ListAccessKeysInput{UserName: user}).AccessKeyMetadata
	if len(l) != 2 || *l[0].AccessKeyID != first.AccessKeyID || *l[1].AccessKeyID != second.AccessKeyID {
		t.Errorf("keys %+v", l)
	}
	id := identity(t, c)
	find := func() error { _, err := id.AccessKey(t.Context(), first.AccessKeyID); return err }
	if err := find(); err != nil {
		t.Fatal(err)
	}
	do(t, api.UpdateAccessKey, call, &api.UpdateAccessKeyInput{UserName: user, AccessKeyID: first.AccessKeyID, Status: "Inactive"})
	if err := find(); !errors.Is(err, policy.ErrInactiveKey) {
		t.Errorf("inactive key: %v", err)
	}
	do(t, api.UpdateAccessKey, call, &api.UpdateAccessKeyInput{UserName: user, AccessKeyID: first.AccessKeyID, Status: "Active"})
	if err := find(); err != nil {
		t.Errorf("active again: %v", err)
	}
	do(t, api.DeleteAccessKey, call, &api.DeleteAccessKeyInput{UserName: user, AccessKeyID: first.AccessKeyID})
	if err := find(); !errors.Is(err, policy.ErrInactiveKey) {
		t.Errorf("deleted key: %v", err)
	}
	refuse(t, api.DeleteAccessKey, call, &api.DeleteAccessKeyInput{UserName: user, AccessKeyID: first.AccessKeyID}, "NoSuchEntity",
		"The Access Key with id "+first.AccessKeyID+" cannot be found.")
	do(t, api.CreateAccessKey, call, &api.CreateAccessKeyInput{UserName: user})
	for _, unknown := range []string{"", "test", "111122223333", "AKIAIOSFODNN7EXAMPLE", aws.NewAccessKeyID(zeros{}, "AKIA", servicetest.Account)} {
		if _, err := id.AccessKey(t.Context(), unknown); !errors.Is(err, policy.ErrUnknownKey) {
			t.Errorf("key %q: %v", unknown, err)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestAccessKey_OfTheRootUser(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	key := do(t, api.CreateAccessKey, call, &api.CreateAccessKeyInput{}).AccessKey
	found, err := identity(t, c).AccessKey(t.Context(), key.AccessKeyID)
	if err != nil || found.Principal.Type != aws.PrincipalRoot || found.Principal.AccessKeyID != key.AccessKeyID {
		t.Errorf("key of %+v, %v", found.Principal, err)
	}
	if sum := do(t, api.GetAccountSummary, call, &api.GetAccountSummaryInput{}).SummaryMap; sum["AccountAccessKeysPresent"] != 1 {
		t.Errorf("summary %v", sum)
	}
	do(t, api.DeleteAccessKey, call, &api.DeleteAccessKeyInput{AccessKeyID: key.AccessKeyID})
}

func TestAccessKey_LastUseIsKnownToTheHour(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	createUser(t, call, "u")
	do(t, api.AttachUserPolicy, call, &api.AttachUserPolicyInput{UserName: "u", PolicyARN: adminARN})
	u := caller(t, c, call, "u")
	in := &api.GetAccessKeyLastUsedInput{AccessKeyID: u.Principal.AccessKeyID}
	if got := do(t, api.GetAccessKeyLastUsed, call, in); *got.UserName != "u" || got.AccessKeyLastUsed.ServiceName != "N/A" || got.AccessKeyLastUsed.LastUsedDate != nil {
		t.Errorf("never used: %+v", got.AccessKeyLastUsed)
	}
	for range 3 {
		do(t, api.ListUsers, u, &api.ListUsersInput{})
		c.Advance(t, 40*time.Minute)
	}
	got := do(t, api.GetAccessKeyLastUsed, call, in).AccessKeyLastUsed
	if got.ServiceName != "iam" || got.Region != servicetest.Region || !got.LastUsedDate.Equal(servicetest.Start.Add(80*time.Minute)) {
		t.Errorf("last used %+v", got)
	}
}

func TestCredential_IsAPasswordForGit(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	createUser(t, call, "u")
	in := &api.CreateServiceSpecificCredentialInput{UserName: "u", ServiceName: "codecommit.amazonaws.com"}
	first := do(t, api.CreateServiceSpecificCredential, call, in).ServiceSpecificCredential
	second := do(t, api.CreateServiceSpecificCredential, call, in).ServiceSpecificCredential
	if *first.ServiceUserName != "u-at-111122223333" || *second.ServiceUserName != "u+1-at-111122223333" || len(*first.ServicePassword) != 44 {
		t.Errorf("credentials %+v, %+v", first, second)
	}
	refuse(t, api.CreateServiceSpecificCredential, call, in, "LimitExceeded", "")
	refuse(t, api.CreateServiceSpecificCredential, call, &api.CreateServiceSpecificCredentialInput{UserName: "u", ServiceName: "x.amazonaws.com"}, "NotSupportedService", "")
	id := identity(t, c)
	password := *first.ServicePassword
	check := func(service, user, password string, want bool) {
		t.Helper()
		p, err := id.Password(t.Context(), service, user, password)
		if want && (err != nil || p.Name != "u" || p.Type != aws.PrincipalUser) || !want && !errors.Is(err, policy.ErrUnknownKey) {
			t.Errorf("password %s %s: %+v, %v", service, user, p, err)
		}
	}
	check("codecommit", "u-at-111122223333", password, true)
	check("codecommit", "u-at-111122223333", password+"x", false)
	check("codecommit", "u-at-111122223333", *second.ServicePassword, false)
	check("codecommit", "v-at-111122223333", password, false)
	check("cassandra", "u-at-111122223333", password, false)
	update := &api.UpdateServiceSpecificCredentialInput{UserName: new("u"), ServiceSpecificCredentialID: first.ServiceSpecificCredentialID, Status: "Inactive"}
	do(t, api.UpdateServiceSpecificCredential, call, update)
	check("codecommit", "u-at-111122223333", password, false)
	update.Status = "Active"
	do(t, api.UpdateServiceSpecificCredential, call, update)
	reset := do(t, api.ResetServiceSpecificCredential, call, &api.ResetServiceSpecificCredentialInput{
		UserName: new("u"), ServiceSpecificCredentialID: first.ServiceSpecificCredentialID,
	}).ServiceSpecificCredential
	check("codecommit", "u-at-111122223333", password, false)
	check("codecommit", "u-at-111122223333", *reset.ServicePassword, true)
	if l := do(t, api.ListServiceSpecificCredentials, call, &api.ListServiceSpecificCredentialsInput{UserName: new("u")}).ServiceSpecificCredentials; len(l) != 2 {
		t.Errorf("credentials %+v", l)
	}
	remove := &api.DeleteServiceSpecificCredentialInput{UserName: new("u"), ServiceSpecificCredentialID: first.ServiceSpecificCredentialID}
	do(t, api.DeleteServiceSpecificCredential, call, remove)
	refuse(t, api.DeleteServiceSpecificCredential, call, remove, "NoSuchEntity", "")
	check("codecommit", "u-at-111122223333", *reset.ServicePassword, false)
	refuse(t, api.DeleteUser, call, &api.DeleteUserInput{UserName: "u"}, "DeleteConflict", "")
}

func TestGrants_OfFederatedUsers(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	user := createUser(t, call, "u")
	do(t, api.AttachUserPolicy, call, &api.AttachUserPolicyInput{UserName: "u", PolicyARN: readARN})
	p := aws.Principal{
		Type: aws.PrincipalFederatedUser, Account: call.Account, ARN: "arn:aws:sts::111122223333:federated-user/f", ID: call.Account + ":f",
		RoleARN: user.ARN, Session: &aws.Session{Issued: servicetest.Start, Policies: []string{allowAll}},
	}
	count := func() string {
		g, err := identity(t, c).Grants(t.Context(), &p)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(len(g.Identity), len(g.Session))
	}
	if got := count(); got != "1 1" {
		t.Errorf("grants %s", got)
	}
	// Another user of the name does not inherit the session.
	do(t, api.DetachUserPolicy, call, &api.DetachUserPolicyInput{UserName: "u", PolicyARN: readARN})
	do(t, api.DeleteUser, call, &api.DeleteUserInput{UserName: "u"})
	if got := count(); got != "0 1" {
		t.Errorf("grants of a deleted user %s", got)
	}
	c.Advance(t, time.Minute)
	createUser(t, call, "u")
	do(t, api.AttachUserPolicy, call, &api.AttachUserPolicyInput{UserName: "u", PolicyARN: readARN})
	if got := count(); got != "0 1" {
		t.Errorf("grants of a new user %s", got)
	}
}

func TestGrants_AreRightWhilePoliciesChange(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	createUser(t, call, "u")
	u := caller(t, c, call, "u")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				if _, err := identity(t, c).Grants(t.Context(), &u.Principal); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range 20 {
		do(t, api.AttachUserPolicy, call, &api.AttachUserPolicyInput{UserName: "u", PolicyARN: readARN})
		if _, err := api.ListUsers.Do(u, &api.ListUsersInput{}); err != nil {
			t.Errorf("round %d, attached: %v", i, err)
		}
		do(t, api.DetachUserPolicy, call, &api.DetachUserPolicyInput{UserName: "u", PolicyARN: readARN})
		if _, err := api.ListUsers.Do(u, &api.ListUsersInput{}); !aws.IsError(err, "AccessDenied") {
			t.Errorf("round %d, detached: %v", i, err)
		}
	}
	wg.Wait()
}

func TestSimulate(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	user := createUser(t, call, "u")
	do(t, api.PutUserPolicy, call, &api.PutUserPolicyInput{UserName: "u", PolicyName: "p", PolicyDocument: `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::b/${aws:username}/*"},
		{"Effect":"Allow","Action":"sqs:*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"red"}}},
		{"Effect":"Deny","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/u/secret"}]}`})
	out := do(t, api.SimulatePrincipalPolicy, call, &api.SimulatePrincipalPolicyInput{
		PolicySourceARN: user.ARN, ActionNames: []string{"s3:GetObject", "s3:PutObject"}, ResourceARNs: []string{"arn:aws:s3:::b/u/x", "arn:aws:s3:::b/u/secret"},
	})
	var got []string
	for _, r := range out.EvaluationResults {
		got = append(got, string(r.EvalDecision))
	}
	if fmt.Sprint(got) != "[allowed explicitDeny implicitDeny implicitDeny]" {
		t.Errorf("decisions %v", got)
	}
	first := out.EvaluationResults[0]
	if len(first.MatchedStatements) != 1 || *first.MatchedStatements[0].SourcePolicyID != "user_u_p" || *first.MatchedStatements[0].StartPosition.Line != 2 ||
		len(first.MissingContextValues) != 0 {
		t.Errorf("result %+v", first)
	}
	asked := do(t, api.SimulatePrincipalPolicy, call, &api.SimulatePrincipalPolicyInput{PolicySourceARN: user.ARN, ActionNames: []string{"sqs:SendMessage"}})
	if got := asked.EvaluationResults[0]; got.EvalDecision != "implicitDeny" || fmt.Sprint(got.MissingContextValues) != "[aws:ResourceTag/team]" {
		t.Errorf("result %+v", got)
	}
	tagged := do(t, api.SimulatePrincipalPolicy, call, &api.SimulatePrincipalPolicyInput{
		PolicySourceARN: user.ARN, ActionNames: []string{"sqs:SendMessage"}, PermissionsBoundaryPolicyInputList: []string{allowUsers},
		ContextEntries: []api.ContextEntry{{ContextKeyName: new("aws:ResourceTag/team"), ContextKeyValues: []string{"red"}, ContextKeyType: new(api.ContextKeyTypeEnumString)}},
	}).EvaluationResults[0]
	if tagged.EvalDecision != "implicitDeny" || *tagged.PermissionsBoundaryDecisionDetail.AllowedByPermissionsBoundary || len(tagged.MissingContextValues) != 0 {
		t.Errorf("bounded %+v", tagged)
	}
	custom := do(t, api.SimulateCustomPolicy, call, &api.SimulateCustomPolicyInput{
		PolicyInputList: []string{allowUsers}, ActionNames: []string{"iam:GetUser"}, ResourceARNs: []string{"arn:aws:iam::111122223333:user/team/a"},
	}).EvaluationResults[0]
	if custom.EvalDecision != "allowed" || *custom.MatchedStatements[0].SourcePolicyID != "PolicyInputList.1" {
		t.Errorf("custom %+v", custom)
	}
	if keys := do(t, api.GetContextKeysForPrincipalPolicy, call, &api.GetContextKeysForPrincipalPolicyInput{PolicySourceARN: user.ARN}).ContextKeyNames; fmt.Sprint(keys) != "[aws:ResourceTag/team aws:username]" {
		t.Errorf("keys %v", keys)
	}
	refuse(t, api.SimulateCustomPolicy, call, &api.SimulateCustomPolicyInput{PolicyInputList: []string{"{"}, ActionNames: []string{"s3:Get"}}, "InvalidInput", "")
	refuse(t, api.SimulatePrincipalPolicy, call, &api.SimulatePrincipalPolicyInput{PolicySourceARN: user.ARN + "x", ActionNames: []string{"s3:Get"}}, "NoSuchEntity", "")
	page := do(t, api.SimulateCustomPolicy, call, &api.SimulateCustomPolicyInput{PolicyInputList: []string{allowAll}, ActionNames: []string{"s3:A", "s3:B", "s3:C"}, MaxItems: new(int32(2))})
	rest := do(t, api.SimulateCustomPolicy, call, &api.SimulateCustomPolicyInput{PolicyInputList: []string{allowAll}, ActionNames: []string{"s3:A", "s3:B", "s3:C"}, Marker: page.Marker})
	if len(page.EvaluationResults) != 2 || len(rest.EvaluationResults) != 1 || rest.EvaluationResults[0].EvalActionName != "s3:C" {
		t.Errorf("pages %+v, %+v", page, rest)
	}
}

func TestAccount_Details(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createUser(t, call, "u")
	createRole(t, call, "r", trustEC2)
	do(t, api.CreateGroup, call, &api.CreateGroupInput{GroupName: "g"})
	do(t, api.AddUserToGroup, call, &api.AddUserToGroupInput{GroupName: "g", UserName: "u"})
	do(t, api.AttachGroupPolicy, call, &api.AttachGroupPolicyInput{GroupName: "g", PolicyARN: readARN})
	createPolicy(t, call, "p")
	out := do(t, api.GetAccountAuthorizationDetails, call, &api.GetAccountAuthorizationDetailsInput{})
	if len(out.UserDetailList) != 1 || fmt.Sprint(out.UserDetailList[0].GroupList) != "[g]" || len(out.RoleDetailList) != 1 || len(out.GroupDetailList) != 1 || len(out.Policies) != 2 {
		t.Errorf("details %+v", out)
	}
	in := &api.GetAccountAuthorizationDetailsInput{MaxItems: new(int32(2)), Filter: []api.EntityType{"User", "Role", "LocalManagedPolicy"}}
	first := do(t, api.GetAccountAuthorizationDetails, call, in)
	in.Marker = first.Marker
	second := do(t, api.GetAccountAuthorizationDetails, call, in)
	if len(first.RoleDetailList)+len(first.UserDetailList) != 2 || len(second.Policies) != 1 || *second.IsTruncated {
		t.Errorf("pages %+v, %+v", first, second)
	}
	do(t, api.CreateAccountAlias, call, &api.CreateAccountAliasInput{AccountAlias: "acme"})
	refuse(t, api.CreateAccountAlias, call.As(aws.Root("aws", "444455556666")), &api.CreateAccountAliasInput{AccountAlias: "acme"}, "EntityAlreadyExists",
		"The account alias acme already exists.")
	if l := do(t, api.ListAccountAliases, call, &api.ListAccountAliasesInput{}); fmt.Sprint(l.AccountAliases) != "[acme]" {
		t.Errorf("aliases %+v", l)
	}
	do(t, api.DeleteAccountAlias, call, &api.DeleteAccountAliasInput{AccountAlias: "acme"})
	refuse(t, api.DeleteAccountAlias, call, &api.DeleteAccountAliasInput{AccountAlias: "acme"}, "NoSuchEntity", "")
}

func BenchmarkIdentity(b *testing.B) {
	c, call := newCloud(b)
	createUser(b, call, "u")
	do(b, api.AttachUserPolicy, call, &api.AttachUserPolicyInput{UserName: "u", PolicyARN: readARN})
	u := caller(b, c, call, "u")
	id := identity(b, c)
	b.Run("AccessKey", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := id.AccessKey(b.Context(), u.Principal.AccessKeyID); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Grants", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := id.Grants(b.Context(), &u.Principal); err != nil {
				b.Fatal(err)
			}
		}
	})
}
