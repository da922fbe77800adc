package iam_test

import (
	"fmt"
	"strings"
	"testing"

	api "drydock/api/iam"
	"drydock/aws"
)

func trust(principal string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":[%q]},"Action":"sts:AssumeRole",`+
		`"Condition":{"StringNotEquals":{"aws:PrincipalArn":%q}}}]}`, principal, principal)
}

func TestRole_HasWhatItWasMadeWith(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	do(t, api.CreateRole, call, &api.CreateRoleInput{
		RoleName: "r", Path: new("/p/"), AssumeRolePolicyDocument: trustEC2, Description: new("what"), MaxSessionDuration: new(int32(7200)),
		Tags: []api.Tag{{Key: "k", Value: "v"}}, PermissionsBoundary: new(readARN),
	})
	got := do(t, api.GetRole, call, &api.GetRoleInput{RoleName: "r"}).Role
	if got.ARN != "arn:aws:iam::111122223333:role/p/r" || !strings.HasPrefix(got.RoleID, "AROA") || *got.Description != "what" ||
		*got.MaxSessionDuration != 7200 || fmt.Sprint(got.Tags) != "[{k v}]" || *got.PermissionsBoundary.PermissionsBoundaryARN != readARN {
		t.Errorf("role %+v", got)
	}
	if text := *got.AssumeRolePolicyDocument; decoded(t, text) != trustEC2 || strings.ContainsAny(text, `{"+`) {
		t.Errorf("trust policy %s", text)
	}
	refuse(t, api.CreateRole, call, &api.CreateRoleInput{RoleName: "R", AssumeRolePolicyDocument: trustEC2}, "EntityAlreadyExists", "Role with name R already exists.")
	refuse(t, api.GetRole, call, &api.GetRoleInput{RoleName: "x"}, "NoSuchEntity", "The role with name x cannot be found.")
	do(t, api.UpdateRole, call, &api.UpdateRoleInput{RoleName: "r", Description: new("new"), MaxSessionDuration: new(int32(3600))})
	do(t, api.UntagRole, call, &api.UntagRoleInput{RoleName: "r", TagKeys: []string{"K"}})
	do(t, api.DeleteRolePermissionsBoundary, call, &api.DeleteRolePermissionsBoundaryInput{RoleName: "r"})
	refuse(t, api.DeleteRolePermissionsBoundary, call, &api.DeleteRolePermissionsBoundaryInput{RoleName: "r"}, "NoSuchEntity", "")
	got = do(t, api.GetRole, call, &api.GetRoleInput{RoleName: "r"}).Role
	if *got.Description != "new" || *got.MaxSessionDuration != 3600 || got.Tags != nil || got.PermissionsBoundary != nil {
		t.Errorf("role %+v", got)
	}
	if l := do(t, api.ListRoles, call, &api.ListRolesInput{PathPrefix: new("/p")}); len(l.Roles) != 1 || *l.IsTruncated {
		t.Errorf("roles %+v", l)
	}
	if l := do(t, api.ListRoles, call, &api.ListRolesInput{PathPrefix: new("/q")}); len(l.Roles) != 0 {
		t.Errorf("roles %+v", l)
	}
}

func TestRole_TrustPolicyIsChecked(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	for _, test := range []struct{ trust, code, message string }{
		{`{`, "MalformedPolicyDocument", "Syntax errors in policy."},
		{allowAll, "MalformedPolicyDocument", ""},
		{trust("arn:aws:iam::111122223333:user/none"), "MalformedPolicyDocument", `Invalid principal in policy: "AWS":"arn:aws:iam::111122223333:user/none"`},
		{trust("arn:aws:iam::999999999999:role/none"), "MalformedPolicyDocument", ""},
		{trust("AIDAAAAAAAAAAAAAAAAAA"), "MalformedPolicyDocument", ""},
		{strings.Replace(trustEC2, "ec2.", strings.Repeat("x", 2048)+".", 1), "LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048"},
	} {
		refuse(t, api.CreateRole, call, &api.CreateRoleInput{RoleName: "r", AssumeRolePolicyDocument: test.trust}, test.code, test.message)
	}
	createRole(t, call, "r", trustEC2)
	refuse(t, api.UpdateAssumeRolePolicy, call, &api.UpdateAssumeRolePolicyInput{RoleName: "r", PolicyDocument: "{}"}, "MalformedPolicyDocument", "")
}

func TestRole_TrustPolicyShowsPrincipalsAsTheyAreNow(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	user := createUser(t, call, "u")
	createRole(t, call, "r", trust(user.ARN))
	shown := func() string {
		return decoded(t, *do(t, api.GetRole, call, &api.GetRoleInput{RoleName: "r"}).Role.AssumeRolePolicyDocument)
	}
	// The condition has the same text and stays.
	want := func(principal string) string { return strings.Replace(trust(user.ARN), user.ARN, principal, 1) }
	if got := shown(); got != want(user.ARN) {
		t.Errorf("shown %s", got)
	}
	do(t, api.UpdateUser, call, &api.UpdateUserInput{UserName: "u", NewUserName: new("v")})
	if got := shown(); got != want("arn:aws:iam::111122223333:user/v") {
		t.Errorf("after renaming %s", got)
	}
	do(t, api.DeleteUser, call, &api.DeleteUserInput{UserName: "v"})
	if got := shown(); got != want(user.UserID) {
		t.Errorf("after deleting %s", got)
	}
	createUser(t, call, "u")
	if got := shown(); got != want(user.UserID) {
		t.Errorf("after making it anew %s", got)
	}
	createRole(t, call, "account", trust("444455556666"))
	if got := decoded(t, *do(t, api.GetRole, call, &api.GetRoleInput{RoleName: "account"}).Role.AssumeRolePolicyDocument); !strings.Contains(got,
		`"AWS":["arn:aws:iam::444455556666:root"]`) {
		t.Errorf("account shown as %s", got)
	}
}

func TestRole_IsDeletedOnceItHasNothing(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createRole(t, call, "r", trustEC2)
	do(t, api.CreateInstanceProfile, call, &api.CreateInstanceProfileInput{InstanceProfileName: "p"})
	do(t, api.AddRoleToInstanceProfile, call, &api.AddRoleToInstanceProfileInput{InstanceProfileName: "p", RoleName: "r"})
	do(t, api.AttachRolePolicy, call, &api.AttachRolePolicyInput{RoleName: "r", PolicyARN: readARN})
	do(t, api.PutRolePolicy, call, &api.PutRolePolicyInput{RoleName: "r", PolicyName: "i", PolicyDocument: allowAll})
	remove := &api.DeleteRoleInput{RoleName: "r"}
	refuse(t, api.DeleteRole, call, remove, "DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")
	refuse(t, api.DeleteInstanceProfile, call, &api.DeleteInstanceProfileInput{InstanceProfileName: "p"}, "DeleteConflict",
		"Cannot delete entity, must remove roles from instance profile first.")
	do(t, api.RemoveRoleFromInstanceProfile, call, &api.RemoveRoleFromInstanceProfileInput{InstanceProfileName: "p", RoleName: "r"})
	refuse(t, api.DeleteRole, call, remove, "DeleteConflict", "Cannot delete entity, must detach all policies first.")
	do(t, api.DetachRolePolicy, call, &api.DetachRolePolicyInput{RoleName: "r", PolicyARN: readARN})
	refuse(t, api.DeleteRole, call, remove, "DeleteConflict", "Cannot delete entity, must delete policies first.")
	do(t, api.DeleteRolePolicy, call, &api.DeleteRolePolicyInput{RoleName: "r", PolicyName: "i"})
	do(t, api.DeleteRole, call, remove)
	do(t, api.DeleteInstanceProfile, call, &api.DeleteInstanceProfileInput{InstanceProfileName: "p"})
}

func TestInstanceProfile(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createRole(t, call, "r", trustEC2)
	createRole(t, call, "r2", trustEC2)
	do(t, api.CreateInstanceProfile, call, &api.CreateInstanceProfileInput{InstanceProfileName: "p", Path: new("/x/"), Tags: []api.Tag{{Key: "a", Value: "b"}}})
	refuse(t, api.CreateInstanceProfile, call, &api.CreateInstanceProfileInput{InstanceProfileName: "P"}, "EntityAlreadyExists", "Instance Profile P already exists.")
	refuse(t, api.GetInstanceProfile, call, &api.GetInstanceProfileInput{InstanceProfileName: "q"}, "NoSuchEntity", "Instance Profile q cannot be found.")
	add := &api.AddRoleToInstanceProfileInput{InstanceProfileName: "p", RoleName: "r"}
	do(t, api.AddRoleToInstanceProfile, call, add)
	refuse(t, api.AddRoleToInstanceProfile, call, &api.AddRoleToInstanceProfileInput{InstanceProfileName: "p", RoleName: "r2"}, "LimitExceeded",
		"Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
	got := do(t, api.GetInstanceProfile, call, &api.GetInstanceProfileInput{InstanceProfileName: "p"}).InstanceProfile
	if got.ARN != "arn:aws:iam::111122223333:instance-profile/x/p" || len(got.Roles) != 1 || got.Roles[0].RoleName != "r" ||
		!strings.HasPrefix(got.InstanceProfileID, "AIPA") || fmt.Sprint(got.Tags) != "[{a b}]" {
		t.Errorf("profile %+v", got)
	}
	if l := do(t, api.ListInstanceProfilesForRole, call, &api.ListInstanceProfilesForRoleInput{RoleName: "r"}); len(l.InstanceProfiles) != 1 {
		t.Errorf("profiles %+v", l)
	}
	if l := do(t, api.ListInstanceProfiles, call, &api.ListInstanceProfilesInput{}); len(l.InstanceProfiles) != 1 || *l.IsTruncated {
		t.Errorf("profiles %+v", l)
	}
	refuse(t, api.RemoveRoleFromInstanceProfile, call, &api.RemoveRoleFromInstanceProfileInput{InstanceProfileName: "p", RoleName: "r2"}, "NoSuchEntity", "")
}

func TestServiceLinkedRole(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	made := do(t, api.CreateServiceLinkedRole, call, &api.CreateServiceLinkedRoleInput{AWSServiceName: "autoscaling.amazonaws.com"}).Role
	if made.ARN != "arn:aws:iam::111122223333:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling" {
		t.Errorf("role %+v", made)
	}
	refuse(t, api.CreateServiceLinkedRole, call, &api.CreateServiceLinkedRoleInput{AWSServiceName: "autoscaling.amazonaws.com"}, "InvalidInput",
		"Service role name AWSServiceRoleForAutoScaling has been taken in this account, please try a different suffix.")
	do(t, api.CreateServiceLinkedRole, call, &api.CreateServiceLinkedRoleInput{AWSServiceName: "autoscaling.amazonaws.com", CustomSuffix: new("two")})
	refuse(t, api.CreateServiceLinkedRole, call, &api.CreateServiceLinkedRoleInput{AWSServiceName: "nothing.amazonaws.com"}, "InvalidInput", "")
	name := made.RoleName
	for _, change := range []func() error{
		func() error { _, err := api.DeleteRole.Do(call, &api.DeleteRoleInput{RoleName: name}); return err },
		func() error {
			_, err := api.AttachRolePolicy.Do(call, &api.AttachRolePolicyInput{RoleName: name, PolicyARN: adminARN})
			return err
		},
		func() error {
			_, err := api.PutRolePolicy.Do(call, &api.PutRolePolicyInput{RoleName: name, PolicyName: "p", PolicyDocument: allowAll})
			return err
		},
	} {
		if err := change(); !aws.IsError(err, "UnmodifiableEntity") {
			t.Errorf("change of a protected role: %v", err)
		}
	}
	if l := do(t, api.ListAttachedRolePolicies, call, &api.ListAttachedRolePoliciesInput{RoleName: name}); len(l.AttachedPolicies) != 1 ||
		*l.AttachedPolicies[0].PolicyName != "AutoScalingServiceRolePolicy" {
		t.Errorf("policies %+v", l)
	}
	do(t, api.UpdateRole, call, &api.UpdateRoleInput{RoleName: name, Description: new("new")})
	refuse(t, api.UpdateRole, call, &api.UpdateRoleInput{RoleName: name, MaxSessionDuration: new(int32(7200))}, "UnmodifiableEntity", "")
	if r := do(t, api.GetRole, call, &api.GetRoleInput{RoleName: name}).Role; *r.Description != "new" || *r.MaxSessionDuration != 3600 {
		t.Errorf("role %+v", r)
	}
	task := do(t, api.DeleteServiceLinkedRole, call, &api.DeleteServiceLinkedRoleInput{RoleName: name}).DeletionTaskID
	status := func() api.DeletionTaskStatusType {
		t.Helper()
		return do(t, api.GetServiceLinkedRoleDeletionStatus, call, &api.GetServiceLinkedRoleDeletionStatusInput{DeletionTaskID: task}).Status
	}
	if got := status(); got != "IN_PROGRESS" {
		t.Errorf("status %s", got)
	}
	c.WaitIdle(t)
	if got := status(); got != "SUCCEEDED" {
		t.Errorf("status %s", got)
	}
	refuse(t, api.GetServiceLinkedRoleDeletionStatus, call, &api.GetServiceLinkedRoleDeletionStatusInput{DeletionTaskID: task + "x"}, "NoSuchEntity", "")
	createRole(t, call, "own", trustEC2)
	refuse(t, api.DeleteServiceLinkedRole, call, &api.DeleteServiceLinkedRoleInput{RoleName: "own"}, "NoSuchEntity", "")
	refuse(t, api.GetRole, call, &api.GetRoleInput{RoleName: name}, "NoSuchEntity", "")
}
