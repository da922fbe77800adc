package iam_test

import (
	"fmt"
	"strings"
	"testing"

	api "drydock/api/iam"
	"drydock/aws"
)

func TestLoginProfile_IsMadeChangedAndDeleted(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createUser(t, call, "Alice")
	in := &api.CreateLoginProfileInput{UserName: new("alice"), Password: new("First-Pass1"), PasswordResetRequired: new(true)}
	made := do(t, api.CreateLoginProfile, call, in).LoginProfile
	got := do(t, api.GetLoginProfile, call, &api.GetLoginProfileInput{UserName: new("alice")}).LoginProfile
	if made.UserName != "Alice" || got.UserName != "Alice" || !*got.PasswordResetRequired || !got.CreateDate.Equal(made.CreateDate) {
		t.Errorf("profiles %+v, %+v", made, got)
	}
	refuse(t, api.CreateLoginProfile, call, in, "EntityAlreadyExists", "Login Profile for user alice already exists.")
	refuse(t, api.CreateLoginProfile, call, &api.CreateLoginProfileInput{UserName: new("bob"), Password: in.Password}, "NoSuchEntity", "The user with name bob cannot be found.")
	refuse(t, api.CreateLoginProfile, call, &api.CreateLoginProfileInput{UserName: new("alice")}, "ValidationError", "")
	refuse(t, api.CreateLoginProfile, call, &api.CreateLoginProfileInput{Password: in.Password}, "ValidationError", "")
	do(t, api.UpdateLoginProfile, call, &api.UpdateLoginProfileInput{UserName: "alice", Password: new("Second-Pass1"), PasswordResetRequired: new(false)})
	if got := do(t, api.GetLoginProfile, call, &api.GetLoginProfileInput{UserName: new("alice")}).LoginProfile; *got.PasswordResetRequired {
		t.Errorf("profile %+v", got)
	}
	refuse(t, api.UpdateLoginProfile, call, &api.UpdateLoginProfileInput{UserName: "alice", Password: new("short")}, "PasswordPolicyViolation",
		"Password should have a minimum length of 8")
	refuse(t, api.DeleteUser, call, &api.DeleteUserInput{UserName: "alice"}, "DeleteConflict", "Cannot delete entity, must delete login profile first.")
	do(t, api.DeleteLoginProfile, call, &api.DeleteLoginProfileInput{UserName: new("alice")})
	for _, err := range []error{
		second(api.GetLoginProfile.Do(call, &api.GetLoginProfileInput{UserName: new("alice")})),
		second(api.UpdateLoginProfile.Do(call, &api.UpdateLoginProfileInput{UserName: "alice", Password: new("Second-Pass1")})),
		second(api.UpdateLoginProfile.Do(call, &api.UpdateLoginProfileInput{UserName: "alice"})),
		second(api.DeleteLoginProfile.Do(call, &api.DeleteLoginProfileInput{UserName: new("alice")})),
	} {
		if !aws.IsError(err, "NoSuchEntity") || !strings.HasSuffix(err.Error(), "Login Profile for User alice cannot be found.") {
			t.Error(err)
		}
	}
	do(t, api.DeleteUser, call, &api.DeleteUserInput{UserName: "alice"})
}

func second[T any](_ T, err error) error { return err }

func TestPasswordPolicy_IsEnforced(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	refuse(t, api.GetAccountPasswordPolicy, call, &api.GetAccountPasswordPolicyInput{}, "NoSuchEntity",
		"The Password Policy with domain name 111122223333 cannot be found.")
	refuse(t, api.DeleteAccountPasswordPolicy, call, &api.DeleteAccountPasswordPolicyInput{}, "NoSuchEntity", "")
	refuse(t, api.UpdateAccountPasswordPolicy, call, &api.UpdateAccountPasswordPolicyInput{MinimumPasswordLength: new(int32(5))}, "ValidationError", "")
	createUser(t, call, "u")
	try := func(password, message string) {
		t.Helper()
		_, err := api.CreateLoginProfile.Do(call, &api.CreateLoginProfileInput{UserName: new("u"), Password: &password})
		if message == "" {
			if err != nil {
				t.Errorf("%s: %v", password, err)
			}
			do(t, api.DeleteLoginProfile, call, &api.DeleteLoginProfileInput{UserName: new("u")})
		} else if !aws.IsError(err, "PasswordPolicyViolation") || !strings.HasSuffix(err.Error(), message) {
			t.Errorf("%s: %v", password, err)
		}
	}
	// Without a policy: eight characters of three kinds.
	try("Abcdef1", "minimum length of 8")
	try("abcdefgh1", "does not conform to the account password policy.")
	try("Abcdefgh1", "")
	do(t, api.UpdateAccountPasswordPolicy, call, &api.UpdateAccountPasswordPolicyInput{
		MinimumPasswordLength: new(int32(10)), RequireSymbols: new(true), RequireNumbers: new(true), RequireUppercaseCharacters: new(true),
		RequireLowercaseCharacters: new(true), MaxPasswordAge: new(int32(90)), PasswordReusePrevention: new(int32(3)), HardExpiry: new(true),
	})
	p := do(t, api.GetAccountPasswordPolicy, call, &api.GetAccountPasswordPolicyInput{}).PasswordPolicy
	if got := fmt.Sprint(*p.MinimumPasswordLength, *p.RequireSymbols, *p.ExpirePasswords, *p.MaxPasswordAge, *p.PasswordReusePrevention, *p.HardExpiry, *p.AllowUsersToChangePassword); got != "10 true true 90 3 true false" {
		t.Errorf("policy %s", got)
	}
	try("Abcdefgh-1", "")
	try("Abcdefg-1", "minimum length of 10")
	try("Abcdefghi1", "at least one symbol")
	try("Abcdefghi-", "at least one number")
	try("abcdefgh-1", "at least one uppercase letter")
	try("ABCDEFGH-1", "at least one lowercase letter")
	// What a later update leaves out has its default again.
	do(t, api.UpdateAccountPasswordPolicy, call, &api.UpdateAccountPasswordPolicyInput{})
	p = do(t, api.GetAccountPasswordPolicy, call, &api.GetAccountPasswordPolicyInput{}).PasswordPolicy
	if *p.MinimumPasswordLength != 6 || *p.ExpirePasswords || p.MaxPasswordAge != nil || p.PasswordReusePrevention != nil || p.HardExpiry != nil {
		t.Errorf("policy %+v", p)
	}
	try("abcdef", "")
	do(t, api.DeleteAccountPasswordPolicy, call, &api.DeleteAccountPasswordPolicyInput{})
	try("abcdef", "minimum length of 8")
}

func TestChangePassword_IsTheUsersOwn(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	createUser(t, call, "u")
	do(t, api.CreateLoginProfile, call, &api.CreateLoginProfileInput{UserName: new("u"), Password: new("Password-0"), PasswordResetRequired: new(true)})
	user := caller(t, c, call, "u")
	change := func(old, next string) error {
		return second(api.ChangePassword.Do(user, &api.ChangePasswordInput{OldPassword: old, NewPassword: next}))
	}
	if err := change("Password-0", "Password-1"); !aws.IsError(err, "AccessDenied") || !strings.Contains(err.Error(), "iam:ChangePassword") {
		t.Errorf("without permission: %v", err)
	}
	do(t, api.PutUserPolicy, call, &api.PutUserPolicyInput{UserName: "u", PolicyName: "p", PolicyDocument: allowAll})
	if err := change("wrong", "Password-1"); !aws.IsError(err, "AccessDenied") || !strings.HasSuffix(err.Error(), "The old password was incorrect.") {
		t.Errorf("wrong password: %v", err)
	}
	if err := change("Password-0", "Password-1"); err != nil {
		t.Fatal(err)
	}
	if p := do(t, api.GetLoginProfile, call, &api.GetLoginProfileInput{UserName: new("u")}).LoginProfile; *p.PasswordResetRequired {
		t.Error("it has to be changed again")
	}
	// Everyone may, where the account says so; and what was used before is remembered, even from before there was a policy.
	do(t, api.DeleteUserPolicy, call, &api.DeleteUserPolicyInput{UserName: "u", PolicyName: "p"})
	do(t, api.UpdateAccountPasswordPolicy, call, &api.UpdateAccountPasswordPolicyInput{AllowUsersToChangePassword: new(true), PasswordReusePrevention: new(int32(2))})
	for _, again := range []string{"Password-1", "Password-0"} {
		if err := change("Password-1", again); !aws.IsError(err, "PasswordPolicyViolation") {
			t.Errorf("%s again: %v", again, err)
		}
	}
	if err := change("Password-1", "Password-2"); err != nil {
		t.Error(err)
	}
	if err := change("Password-2", "Password-0"); err != nil {
		t.Error(err)
	}
	// What denies a user does it in any case.
	do(t, api.PutUserPolicy, call, &api.PutUserPolicyInput{UserName: "u", PolicyName: "p", PolicyDocument: strings.Replace(allowAll, "Allow", "Deny", 1)})
	if err := change("Password-0", "Password-5"); !aws.IsError(err, "AccessDenied") {
		t.Errorf("denied: %v", err)
	}
	do(t, api.DeleteUserPolicy, call, &api.DeleteUserPolicyInput{UserName: "u", PolicyName: "p"})
	refuse(t, api.ChangePassword, call, &api.ChangePasswordInput{OldPassword: "a", NewPassword: "b"}, "InvalidUserType", "")
	do(t, api.DeleteLoginProfile, call, &api.DeleteLoginProfileInput{UserName: new("u")})
	if err := change("Password-0", "Password-1"); !aws.IsError(err, "NoSuchEntity") {
		t.Errorf("without password: %v", err)
	}
}
