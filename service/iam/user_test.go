package iam_test

import (
	"fmt"
	"strings"
	"testing"

	api "drydock/api/iam"
	"drydock/aws"
	"drydock/ledger"
	"drydock/service/servicetest"
)

func TestUser_HasWhatItWasMadeWith(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	made := do(t, api.CreateUser, call, &api.CreateUserInput{
		UserName: "Alice", Path: new("/team/"), Tags: []api.Tag{{Key: "b", Value: "2"}, {Key: "a", Value: "1"}}, PermissionsBoundary: new(readARN),
	}).User
	got := do(t, api.GetUser, call, &api.GetUserInput{UserName: new("alice")}).User
	if got.ARN != "arn:aws:iam::111122223333:user/team/Alice" || got.UserName != "Alice" || got.UserID != made.UserID ||
		!strings.HasPrefix(got.UserID, "AIDA") || len(got.UserID) != 21 || !got.CreateDate.Equal(servicetest.Start) {
		t.Errorf("user %+v", got)
	}
	if fmt.Sprint(got.Tags) != "[{a 1} {b 2}]" || *got.PermissionsBoundary.PermissionsBoundaryARN != readARN ||
		*got.PermissionsBoundary.PermissionsBoundaryType != "Policy" {
		t.Errorf("tags %v, boundary %v", got.Tags, got.PermissionsBoundary)
	}
	refuse(t, api.CreateUser, call, &api.CreateUserInput{UserName: "ALICE"}, "EntityAlreadyExists", "User with name ALICE already exists.")
	refuse(t, api.GetUser, call, &api.GetUserInput{UserName: new("bob")}, "NoSuchEntity", "The user with name bob cannot be found.")
	refuse(t, api.GetUser, call.As(aws.Root("aws", "444455556666")), &api.GetUserInput{UserName: new("alice")}, "NoSuchEntity", "")
	refuse(t, api.CreateUser, call, &api.CreateUserInput{UserName: "no good"}, "ValidationError", "")
	refuse(t, api.CreateUser, call, &api.CreateUserInput{UserName: "x", Tags: []api.Tag{{Key: "a"}, {Key: "A"}}}, "InvalidInput",
		"Duplicate tag keys found. Please note that Tag keys are case insensitive.")
	refuse(t, api.CreateUser, call, &api.CreateUserInput{UserName: "x", PermissionsBoundary: new("arn:aws:iam::aws:policy/None")}, "NoSuchEntity",
		"Scope ARN: arn:aws:iam::aws:policy/None does not exist or is not attachable.")
	// IAM knows no region.
	do(t, api.GetUser, call.In("eu-west-1"), &api.GetUserInput{UserName: new("Alice")})
}

func TestUser_ListsInPagesBelowAPath(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	for i := range 5 {
		do(t, api.CreateUser, call, &api.CreateUserInput{UserName: fmt.Sprintf("u%d", i), Path: new("/a/")})
		do(t, api.CreateUser, call, &api.CreateUserInput{UserName: fmt.Sprintf("x%d", i), Path: new("/b/")})
	}
	var names []string
	in := &api.ListUsersInput{PathPrefix: new("/a"), MaxItems: new(int32(2))}
	for {
		out := do(t, api.ListUsers, call, in)
		for _, u := range out.Users {
			names = append(names, u.UserName)
		}
		if *out.IsTruncated != (out.Marker != nil) {
			t.Errorf("IsTruncated %t, marker %v", *out.IsTruncated, out.Marker)
		}
		if in.Marker = out.Marker; in.Marker == nil {
			break
		}
	}
	if fmt.Sprint(names) != "[u0 u1 u2 u3 u4]" {
		t.Errorf("users %v", names)
	}
	refuse(t, api.ListUsers, call, &api.ListUsersInput{Marker: new("x")}, "ValidationError", "Invalid Marker.")
}

func TestUser_RenamedKeepsEverything(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	before := createUser(t, call, "old")
	do(t, api.CreateGroup, call, &api.CreateGroupInput{GroupName: "g"})
	do(t, api.AddUserToGroup, call, &api.AddUserToGroupInput{GroupName: "g", UserName: "old"})
	do(t, api.AttachUserPolicy, call, &api.AttachUserPolicyInput{UserName: "old", PolicyARN: readARN})
	key := do(t, api.CreateAccessKey, call, &api.CreateAccessKeyInput{UserName: new("old")}).AccessKey
	createUser(t, call, "taken")
	refuse(t, api.UpdateUser, call, &api.UpdateUserInput{UserName: "old", NewUserName: new("Taken")}, "EntityAlreadyExists",
		"User with name Taken already exists.")
	do(t, api.UpdateUser, call, &api.UpdateUserInput{UserName: "old", NewUserName: new("new"), NewPath: new("/p/")})
	refuse(t, api.GetUser, call, &api.GetUserInput{UserName: new("old")}, "NoSuchEntity", "")
	after := do(t, api.GetUser, call, &api.GetUserInput{UserName: new("new")}).User
	if after.UserID != before.UserID || after.ARN != "arn:aws:iam::111122223333:user/p/new" {
		t.Errorf("user %+v", after)
	}
	if g := do(t, api.GetGroup, call, &api.GetGroupInput{GroupName: "g"}); len(g.Users) != 1 || g.Users[0].UserName != "new" {
		t.Errorf("group %+v", g)
	}
	if e := do(t, api.ListEntitiesForPolicy, call, &api.ListEntitiesForPolicyInput{PolicyARN: readARN}); *e.PolicyUsers[0].UserName != "new" {
		t.Errorf("entities %+v", e)
	}
	found, err := identity(t, c).AccessKey(t.Context(), key.AccessKeyID)
	if err != nil || found.Principal.Name != "new" {
		t.Errorf("key of %+v, %v", found.Principal, err)
	}
}

func TestUser_IsDeletedOnceItHasNothing(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createUser(t, call, "u")
	do(t, api.CreateGroup, call, &api.CreateGroupInput{GroupName: "g"})
	do(t, api.AddUserToGroup, call, &api.AddUserToGroupInput{GroupName: "g", UserName: "u"})
	do(t, api.AttachUserPolicy, call, &api.AttachUserPolicyInput{UserName: "u", PolicyARN: readARN})
	do(t, api.PutUserPolicy, call, &api.PutUserPolicyInput{UserName: "u", PolicyName: "p", PolicyDocument: allowAll})
	key := do(t, api.CreateAccessKey, call, &api.CreateAccessKeyInput{UserName: new("u")}).AccessKey
	remove := &api.DeleteUserInput{UserName: "u"}
	refuse(t, api.DeleteUser, call, remove, "DeleteConflict", "Cannot delete entity, must delete access keys first.")
	do(t, api.DeleteAccessKey, call, &api.DeleteAccessKeyInput{UserName: new("u"), AccessKeyID: key.AccessKeyID})
	refuse(t, api.DeleteUser, call, remove, "DeleteConflict", "Cannot delete entity, must remove users from group first.")
	refuse(t, api.DeleteGroup, call, &api.DeleteGroupInput{GroupName: "g"}, "DeleteConflict", "Cannot delete entity, must remove users from group first.")
	do(t, api.RemoveUserFromGroup, call, &api.RemoveUserFromGroupInput{GroupName: "g", UserName: "u"})
	refuse(t, api.DeleteUser, call, remove, "DeleteConflict", "Cannot delete entity, must detach all policies first.")
	do(t, api.DetachUserPolicy, call, &api.DetachUserPolicyInput{UserName: "u", PolicyARN: readARN})
	refuse(t, api.DetachUserPolicy, call, &api.DetachUserPolicyInput{UserName: "u", PolicyARN: readARN}, "NoSuchEntity", "Policy "+readARN+" was not found.")
	refuse(t, api.DeleteUser, call, remove, "DeleteConflict", "Cannot delete entity, must delete policies first.")
	do(t, api.DeleteUserPolicy, call, &api.DeleteUserPolicyInput{UserName: "u", PolicyName: "p"})
	do(t, api.DeleteUser, call, remove)
	do(t, api.DeleteGroup, call, &api.DeleteGroupInput{GroupName: "g"})
	refuse(t, api.DeleteUser, call, remove, "NoSuchEntity", "The user with name u cannot be found.")
	if sum := do(t, api.GetAccountSummary, call, &api.GetAccountSummaryInput{}).SummaryMap; sum["Users"] != 0 || sum["Groups"] != 0 || sum["UsersQuota"] != 5000 {
		t.Errorf("summary %v", sum)
	}
}

func TestUser_NeedsToBeAllowed(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "IAM-01")
	c, call := newCloud(t)
	do(t, api.CreateUser, call, &api.CreateUserInput{UserName: "lead", Path: new("/team/")})
	createUser(t, call, "other")
	u := caller(t, c, call, "lead")
	refuse(t, api.GetUser, u, &api.GetUserInput{UserName: new("lead")}, "AccessDenied",
		"User: arn:aws:iam::111122223333:user/team/lead is not authorized to perform: iam:GetUser on resource: "+
			"arn:aws:iam::111122223333:user/team/lead because no identity-based policy allows the iam:GetUser action")
	do(t, api.PutUserPolicy, call, &api.PutUserPolicyInput{UserName: "lead", PolicyName: "p", PolicyDocument: allowUsers})
	do(t, api.GetUser, u, &api.GetUserInput{UserName: new("lead")})
	if got := do(t, api.GetUser, u, &api.GetUserInput{}).User.UserName; got != "lead" {
		t.Errorf("own user %s", got)
	}
	refuse(t, api.GetUser, u, &api.GetUserInput{UserName: new("other")}, "AccessDenied", "")
	// By a group, and denied explicitly.
	do(t, api.CreateGroup, call, &api.CreateGroupInput{GroupName: "g"})
	do(t, api.AttachGroupPolicy, call, &api.AttachGroupPolicyInput{GroupName: "g", PolicyARN: adminARN})
	do(t, api.AddUserToGroup, call, &api.AddUserToGroupInput{GroupName: "g", UserName: "lead"})
	do(t, api.GetUser, u, &api.GetUserInput{UserName: new("other")})
	do(t, api.PutUserPolicy, call, &api.PutUserPolicyInput{UserName: "lead", PolicyName: "q",
		PolicyDocument: `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"iam:GetUser","Resource":"*"}}`})
	refuse(t, api.GetUser, u, &api.GetUserInput{UserName: new("other")}, "AccessDenied", "User: arn:aws:iam::111122223333:user/team/lead "+
		"is not authorized to perform: iam:GetUser on resource: arn:aws:iam::111122223333:user/other with an explicit deny in an identity-based policy")
	do(t, api.DeleteUserPolicy, call, &api.DeleteUserPolicyInput{UserName: "lead", PolicyName: "q"})
	do(t, api.GetUser, u, &api.GetUserInput{UserName: new("other")})
	// A boundary takes away.
	do(t, api.PutUserPermissionsBoundary, call, &api.PutUserPermissionsBoundaryInput{UserName: "lead", PermissionsBoundary: readARN})
	do(t, api.GetUser, u, &api.GetUserInput{UserName: new("other")})
	refuse(t, api.CreateUser, u, &api.CreateUserInput{UserName: "x"}, "AccessDenied", "")
	do(t, api.DeleteUserPermissionsBoundary, call, &api.DeleteUserPermissionsBoundaryInput{UserName: "lead"})
	do(t, api.CreateUser, u, &api.CreateUserInput{UserName: "x"})
	// A policy's new default version counts at once.
	arn := createPolicy(t, call, "mine")
	do(t, api.RemoveUserFromGroup, call, &api.RemoveUserFromGroupInput{GroupName: "g", UserName: "lead"})
	refuse(t, api.CreateUser, u, &api.CreateUserInput{UserName: "y"}, "AccessDenied", "")
	do(t, api.AttachUserPolicy, call, &api.AttachUserPolicyInput{UserName: "lead", PolicyARN: arn})
	do(t, api.CreateUser, u, &api.CreateUserInput{UserName: "y"})
	do(t, api.CreatePolicyVersion, call, &api.CreatePolicyVersionInput{PolicyARN: arn, PolicyDocument: allowUsers, SetAsDefault: new(true)})
	refuse(t, api.CreateUser, u, &api.CreateUserInput{UserName: "z"}, "AccessDenied", "")
}
