package iam_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	api "drydock/api/iam"
	"drydock/aws"
)

func TestPolicy_Versions(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	arn := createPolicy(t, call, "Mine")
	if arn != "arn:aws:iam::111122223333:policy/Mine" {
		t.Errorf("arn %s", arn)
	}
	refuse(t, api.CreatePolicy, call, &api.CreatePolicyInput{PolicyName: "mine", PolicyDocument: allowAll}, "EntityAlreadyExists",
		"A policy called mine already exists. Duplicate names are not allowed.")
	c.Advance(t, time.Minute)
	for range 3 {
		do(t, api.CreatePolicyVersion, call, &api.CreatePolicyVersionInput{PolicyARN: arn, PolicyDocument: allowAll})
	}
	do(t, api.CreatePolicyVersion, call, &api.CreatePolicyVersionInput{PolicyARN: arn, PolicyDocument: allowUsers, SetAsDefault: new(true)})
	refuse(t, api.CreatePolicyVersion, call, &api.CreatePolicyVersionInput{PolicyARN: arn, PolicyDocument: allowAll}, "LimitExceeded",
		"A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.")
	refuse(t, api.DeletePolicyVersion, call, &api.DeletePolicyVersionInput{PolicyARN: arn, VersionID: "v5"}, "DeleteConflict",
		"Cannot delete the default version of a policy.")
	refuse(t, api.DeletePolicyVersion, call, &api.DeletePolicyVersionInput{PolicyARN: arn, VersionID: "v9"}, "NoSuchEntity",
		"Policy "+arn+" version v9 does not exist or is not attachable.")
	do(t, api.DeletePolicyVersion, call, &api.DeletePolicyVersionInput{PolicyARN: arn, VersionID: "v2"})
	// Numbers are not used again.
	if got := *do(t, api.CreatePolicyVersion, call, &api.CreatePolicyVersionInput{PolicyARN: arn, PolicyDocument: allowAll}).PolicyVersion.VersionID; got != "v6" {
		t.Errorf("version %s", got)
	}
	var ids []string
	in := &api.ListPolicyVersionsInput{PolicyARN: arn, MaxItems: new(int32(2))}
	for {
		out := do(t, api.ListPolicyVersions, call, in)
		for _, v := range out.Versions {
			ids = append(ids, *v.VersionID+map[bool]string{true: "*"}[*v.IsDefaultVersion])
		}
		if in.Marker = out.Marker; in.Marker == nil {
			break
		}
	}
	if fmt.Sprint(ids) != "[v6 v5* v4 v3 v1]" {
		t.Errorf("versions %v", ids)
	}
	v := do(t, api.GetPolicyVersion, call, &api.GetPolicyVersionInput{PolicyARN: arn, VersionID: "v5"}).PolicyVersion
	if decoded(t, *v.Document) != allowUsers {
		t.Errorf("document %s", *v.Document)
	}
	do(t, api.SetDefaultPolicyVersion, call, &api.SetDefaultPolicyVersionInput{PolicyARN: arn, VersionID: "v1"})
	p := do(t, api.GetPolicy, call, &api.GetPolicyInput{PolicyARN: arn}).Policy
	if *p.DefaultVersionID != "v1" || !p.UpdateDate.After(*p.CreateDate) || !*p.IsAttachable || !strings.HasPrefix(*p.PolicyID, "ANPA") {
		t.Errorf("policy %+v", p)
	}
	refuse(t, api.DeletePolicy, call, &api.DeletePolicyInput{PolicyARN: arn}, "DeleteConflict", "This policy has more than one version. "+
		"Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")
}

func TestPolicy_Attachment(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	arn := createPolicy(t, call, "p")
	createUser(t, call, "u")
	createRole(t, call, "r", trustEC2)
	do(t, api.CreateGroup, call, &api.CreateGroupInput{GroupName: "g"})
	do(t, api.AttachUserPolicy, call, &api.AttachUserPolicyInput{UserName: "u", PolicyARN: arn})
	do(t, api.AttachUserPolicy, call, &api.AttachUserPolicyInput{UserName: "u", PolicyARN: arn}) // once more changes nothing
	do(t, api.AttachGroupPolicy, call, &api.AttachGroupPolicyInput{GroupName: "g", PolicyARN: arn})
	do(t, api.AttachRolePolicy, call, &api.AttachRolePolicyInput{RoleName: "r", PolicyARN: arn})
	do(t, api.PutRolePermissionsBoundary, call, &api.PutRolePermissionsBoundaryInput{RoleName: "r", PermissionsBoundary: arn})
	p := do(t, api.GetPolicy, call, &api.GetPolicyInput{PolicyARN: arn}).Policy
	if *p.AttachmentCount != 3 || *p.PermissionsBoundaryUsageCount != 1 {
		t.Errorf("policy %+v", p)
	}
	var who []string
	in := &api.ListEntitiesForPolicyInput{PolicyARN: arn, MaxItems: new(int32(2))}
	for {
		out := do(t, api.ListEntitiesForPolicy, call, in)
		for _, g := range out.PolicyGroups {
			who = append(who, *g.GroupName)
		}
		for _, r := range out.PolicyRoles {
			who = append(who, *r.RoleName)
		}
		for _, u := range out.PolicyUsers {
			who = append(who, *u.UserName)
		}
		if in.Marker = out.Marker; in.Marker == nil {
			break
		}
	}
	if fmt.Sprint(who) != "[g r u]" {
		t.Errorf("entities %v", who)
	}
	if out := do(t, api.ListEntitiesForPolicy, call, &api.ListEntitiesForPolicyInput{PolicyARN: arn, PolicyUsageFilter: new(api.PolicyUsageTypePermissionsBoundary)}); len(out.PolicyRoles) != 1 || len(out.PolicyUsers) != 0 {
		t.Errorf("bounded %+v", out)
	}
	refuse(t, api.DeletePolicy, call, &api.DeletePolicyInput{PolicyARN: arn}, "DeleteConflict", "Cannot delete a policy attached to entities.")
	refuse(t, api.AttachUserPolicy, call, &api.AttachUserPolicyInput{UserName: "u", PolicyARN: arn + "x"}, "NoSuchEntity",
		"Policy "+arn+"x does not exist or is not attachable.")
	// The policy of another account is none that can be attached.
	foreign := createPolicy(t, call.As(aws.Root("aws", "444455556666")), "q")
	refuse(t, api.AttachUserPolicy, call, &api.AttachUserPolicyInput{UserName: "u", PolicyARN: foreign}, "NoSuchEntity", "")
	refuse(t, api.AttachRolePolicy, call, &api.AttachRolePolicyInput{RoleName: "r", PolicyARN: "arn:aws:iam::aws:policy/aws-service-role/AutoScalingServiceRolePolicy"},
		"PolicyNotAttachable", "")
	for i := range 9 {
		do(t, api.AttachRolePolicy, call, &api.AttachRolePolicyInput{RoleName: "r", PolicyARN: createPolicy(t, call, fmt.Sprintf("p%d", i))})
	}
	refuse(t, api.AttachRolePolicy, call, &api.AttachRolePolicyInput{RoleName: "r", PolicyARN: readARN}, "LimitExceeded", "Cannot exceed quota for PoliciesPerRole: 10")
	var names []string
	page := &api.ListAttachedRolePoliciesInput{RoleName: "r", MaxItems: new(int32(4))}
	for {
		out := do(t, api.ListAttachedRolePolicies, call, page)
		for _, a := range out.AttachedPolicies {
			names = append(names, *a.PolicyName)
		}
		if page.Marker = out.Marker; page.Marker == nil {
			break
		}
	}
	if fmt.Sprint(names) != "[p p0 p1 p2 p3 p4 p5 p6 p7 p8]" {
		t.Errorf("attached %v", names)
	}
}

func TestPolicy_AWSManagedOnesAreThere(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	p := do(t, api.GetPolicy, call, &api.GetPolicyInput{PolicyARN: adminARN}).Policy
	if *p.PolicyName != "AdministratorAccess" || *p.AttachmentCount != 0 {
		t.Errorf("policy %+v", p)
	}
	v := do(t, api.GetPolicyVersion, call, &api.GetPolicyVersionInput{PolicyARN: adminARN, VersionID: *p.DefaultVersionID}).PolicyVersion
	if !strings.Contains(decoded(t, *v.Document), `"Effect":"Allow"`) {
		t.Errorf("document %s", *v.Document)
	}
	_, err := api.DeletePolicy.Do(call, &api.DeletePolicyInput{PolicyARN: adminARN})
	if !aws.IsError(err, "AccessDenied") {
		t.Errorf("delete: %v", err)
	}
	createPolicy(t, call, "own")
	seen := map[string]int{}
	in := &api.ListPoliciesInput{MaxItems: new(int32(300))}
	for {
		out := do(t, api.ListPolicies, call, in)
		for _, p := range out.Policies {
			seen[*p.ARN]++
		}
		if in.Marker = out.Marker; in.Marker == nil {
			break
		}
	}
	if len(seen) < 100 || seen[adminARN] != 1 || seen["arn:aws:iam::111122223333:policy/own"] != 1 {
		t.Errorf("%d policies, administrator's %d times", len(seen), seen[adminARN])
	}
	if out := do(t, api.ListPolicies, call, &api.ListPoliciesInput{Scope: new(api.PolicyScopeTypeLocal)}); len(out.Policies) != 1 {
		t.Errorf("local policies %+v", out.Policies)
	}
	createUser(t, call, "u")
	do(t, api.AttachUserPolicy, call, &api.AttachUserPolicyInput{UserName: "u", PolicyARN: adminARN})
	if out := do(t, api.ListPolicies, call, &api.ListPoliciesInput{OnlyAttached: new(true)}); len(out.Policies) != 1 || *out.Policies[0].AttachmentCount != 1 {
		t.Errorf("attached policies %+v", out.Policies)
	}
}

func TestPolicy_DocumentsAreChecked(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createUser(t, call, "u")
	long := strings.Repeat(`"s3:a",`, 1000)
	document := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[` + long + `"s3:b"],"Resource":"*"}]}`
	refuse(t, api.CreatePolicy, call, &api.CreatePolicyInput{PolicyName: "p", PolicyDocument: document}, "LimitExceeded", "Cannot exceed quota for PolicySize: 6144")
	refuse(t, api.PutUserPolicy, call, &api.PutUserPolicyInput{UserName: "u", PolicyName: "p", PolicyDocument: document}, "LimitExceeded",
		"Maximum policy size of 2048 bytes exceeded for user u")
	refuse(t, api.CreatePolicy, call, &api.CreatePolicyInput{PolicyName: "p", PolicyDocument: trustEC2}, "MalformedPolicyDocument",
		"Policy document should not specify a principal.")
	refuse(t, api.PutUserPolicy, call, &api.PutUserPolicyInput{UserName: "u", PolicyName: "p", PolicyDocument: "[]"}, "MalformedPolicyDocument",
		"Syntax errors in policy.")
}

func TestPolicy_Inline(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	do(t, api.CreateGroup, call, &api.CreateGroupInput{GroupName: "g"})
	for _, name := range []string{"c", "a", "b"} {
		do(t, api.PutGroupPolicy, call, &api.PutGroupPolicyInput{GroupName: "g", PolicyName: name, PolicyDocument: allowAll})
	}
	do(t, api.PutGroupPolicy, call, &api.PutGroupPolicyInput{GroupName: "g", PolicyName: "a", PolicyDocument: allowUsers})
	got := do(t, api.GetGroupPolicy, call, &api.GetGroupPolicyInput{GroupName: "g", PolicyName: "a"})
	if got.GroupName != "g" || decoded(t, got.PolicyDocument) != allowUsers {
		t.Errorf("policy %+v", got)
	}
	first := do(t, api.ListGroupPolicies, call, &api.ListGroupPoliciesInput{GroupName: "g", MaxItems: new(int32(2))})
	rest := do(t, api.ListGroupPolicies, call, &api.ListGroupPoliciesInput{GroupName: "g", Marker: first.Marker})
	if got := fmt.Sprint(first.PolicyNames, rest.PolicyNames); got != "[a b] [c]" {
		t.Errorf("names %s", got)
	}
	do(t, api.DeleteGroupPolicy, call, &api.DeleteGroupPolicyInput{GroupName: "g", PolicyName: "b"})
	refuse(t, api.GetGroupPolicy, call, &api.GetGroupPolicyInput{GroupName: "g", PolicyName: "b"}, "NoSuchEntity",
		"The group policy with name b cannot be found.")
}
