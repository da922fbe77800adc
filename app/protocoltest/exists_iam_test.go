package protocoltest

import (
	"encoding/base32"
	"fmt"
	"os"
	"testing"

	"drydock/api/iam"
	"drydock/aws"
	"drydock/lang/totp"
	"drydock/service/servicetest"
)

const trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"codebuild.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

// file reads a file of a service's tests.
func file(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile("../../" + path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func iamConflicts(t *testing.T, f *fixture) []conflict {
	t.Helper()
	cases := iamNames(t, f)
	cases = append(cases, iamUsers(t, f)...)
	cases = append(cases, iamCredentials(t, f)...)
	cases = append(cases, iamPolicies(t, f)...)
	return append(cases, iamRoles(t, f)...)
}

// iamNames are the names that are taken.
func iamNames(t *testing.T, f *fixture) []conflict {
	t.Helper()
	call := f.call
	const thumbprint = "0000000000000000000000000000000000000001"
	leaf, key, metadata := file(t, "service/iam/testdata/leaf.pem"), file(t, "service/iam/testdata/leaf.key"), file(t, "lang/saml/testdata/metadata.xml")
	for _, name := range []string{"taken", "other"} {
		have(t, iam.CreateUser, call, &iam.CreateUserInput{UserName: name})
		have(t, iam.CreateGroup, call, &iam.CreateGroupInput{GroupName: name})
		have(t, iam.UploadServerCertificate, call, &iam.UploadServerCertificateInput{ServerCertificateName: name, CertificateBody: leaf, PrivateKey: key})
	}
	have(t, iam.CreateRole, call, &iam.CreateRoleInput{RoleName: "taken", AssumeRolePolicyDocument: trust})
	have(t, iam.CreatePolicy, call, &iam.CreatePolicyInput{PolicyName: "taken", PolicyDocument: allowAll})
	have(t, iam.CreateInstanceProfile, call, &iam.CreateInstanceProfileInput{InstanceProfileName: "taken"})
	have(t, iam.CreateLoginProfile, call, &iam.CreateLoginProfileInput{UserName: new("taken"), Password: new("Secret-Secret-1")})
	have(t, iam.CreateOpenIDConnectProvider, call, &iam.CreateOpenIDConnectProviderInput{URL: "https://example.com", ThumbprintList: []string{thumbprint}, ClientIDList: []string{"a"}})
	have(t, iam.CreateSAMLProvider, call, &iam.CreateSAMLProviderInput{Name: "taken", SAMLMetadataDocument: metadata})
	have(t, iam.CreateServiceLinkedRole, call, &iam.CreateServiceLinkedRoleInput{AWSServiceName: "autoscaling.amazonaws.com"})
	have(t, iam.CreateServiceLinkedRole, call, &iam.CreateServiceLinkedRoleInput{AWSServiceName: "autoscaling.amazonaws.com", CustomSuffix: new("x")})
	have(t, iam.CreateAccountAlias, call, &iam.CreateAccountAliasInput{AccountAlias: "taken"})
	admin := f.user(t, f.CallIn(t, otherAccount, servicetest.Region), "admin", allowAll)
	// AWS compares without regard to case, and shows the name that was asked for.
	exists := func(op *aws.Operation, in any, message string) conflict {
		return conflict{there: "the name", op: op, in: in, status: 409, code: "EntityAlreadyExists", message: message}
	}
	named := func(there string, c conflict) conflict { c.there = there; return c }
	return []conflict{
		exists(iam.CreateUser.Operation, &iam.CreateUserInput{UserName: "Taken", Path: new("/path/")}, "User with name Taken already exists."),
		exists(iam.UpdateUser.Operation, &iam.UpdateUserInput{UserName: "other", NewUserName: new("Taken")}, "User with name Taken already exists."),
		exists(iam.CreateGroup.Operation, &iam.CreateGroupInput{GroupName: "Taken"}, "Group with name Taken already exists."),
		exists(iam.UpdateGroup.Operation, &iam.UpdateGroupInput{GroupName: "other", NewGroupName: new("Taken")}, "Group with name Taken already exists."),
		exists(iam.CreateRole.Operation, &iam.CreateRoleInput{RoleName: "Taken", AssumeRolePolicyDocument: trust}, "Role with name Taken already exists."),
		exists(iam.CreatePolicy.Operation, &iam.CreatePolicyInput{PolicyName: "Taken", PolicyDocument: allowAll, Path: new("/path/")},
			"A policy called Taken already exists. Duplicate names are not allowed."),
		exists(iam.CreateInstanceProfile.Operation, &iam.CreateInstanceProfileInput{InstanceProfileName: "Taken"}, "Instance Profile Taken already exists."),
		exists(iam.CreateLoginProfile.Operation, &iam.CreateLoginProfileInput{UserName: new("taken"), Password: new("Secret-Secret-2")},
			"Login Profile for user taken already exists."),
		exists(iam.UploadServerCertificate.Operation, &iam.UploadServerCertificateInput{ServerCertificateName: "Taken", CertificateBody: leaf, PrivateKey: key},
			"The Server Certificate with name Taken already exists."),
		exists(iam.UpdateServerCertificate.Operation, &iam.UpdateServerCertificateInput{ServerCertificateName: "other", NewServerCertificateName: new("Taken")},
			"The Server Certificate with name Taken already exists."),
		exists(iam.CreateOpenIDConnectProvider.Operation, &iam.CreateOpenIDConnectProviderInput{URL: "https://example.com", ThumbprintList: []string{thumbprint}},
			"Provider with url https://example.com already exists."),
		exists(iam.CreateSAMLProvider.Operation, &iam.CreateSAMLProviderInput{Name: "taken", SAMLMetadataDocument: metadata}, "SAMLProvider taken already exists."),
		named("the caller's own", exists(iam.CreateAccountAlias.Operation, &iam.CreateAccountAliasInput{AccountAlias: "taken"}, "The account alias taken already exists.")),
		{there: "another account's", op: iam.CreateAccountAlias.Operation, in: &iam.CreateAccountAliasInput{AccountAlias: "taken"}, as: admin,
			status: 409, code: "EntityAlreadyExists", message: "The account alias taken already exists."},
		{there: "the service's role", op: iam.CreateServiceLinkedRole.Operation, in: &iam.CreateServiceLinkedRoleInput{AWSServiceName: "autoscaling.amazonaws.com"},
			status: 400, code: "InvalidInput", message: "Service role name AWSServiceRoleForAutoScaling has been taken in this account, please try a different suffix."},
		{there: "the suffix", op: iam.CreateServiceLinkedRole.Operation, in: &iam.CreateServiceLinkedRoleInput{AWSServiceName: "autoscaling.amazonaws.com", CustomSuffix: new("x")},
			status: 400, code: "InvalidInput", message: "Service role name AWSServiceRoleForAutoScaling_x has been taken in this account, please try a different suffix."},
		{there: "the client", op: iam.AddClientIDToOpenIDConnectProvider.Operation, in: &iam.AddClientIDToOpenIDConnectProviderInput{
			OpenIDConnectProviderARN: absentIAM + "oidc-provider/example.com", ClientID: "a",
		}, status: 200},
	}
}

// iamUsers are what keeps users and groups from being deleted.
func iamUsers(t *testing.T, f *fixture) []conflict {
	t.Helper()
	call := f.call
	var cases []conflict
	// with makes a user that has something.
	with := func(what, message string, give func(user string)) {
		t.Helper()
		name := "with-" + what
		have(t, iam.CreateUser, call, &iam.CreateUserInput{UserName: name})
		give(name)
		cases = append(cases, conflict{there: what, op: iam.DeleteUser.Operation, in: &iam.DeleteUserInput{UserName: name}, status: 409, code: "DeleteConflict", message: message})
	}
	policy := *have(t, iam.CreatePolicy, call, &iam.CreatePolicyInput{PolicyName: "of-users", PolicyDocument: allowAll}).Policy.ARN
	with("key", "Cannot delete entity, must delete access keys first.", func(user string) {
		have(t, iam.CreateAccessKey, call, &iam.CreateAccessKeyInput{UserName: &user})
	})
	with("password", "Cannot delete entity, must delete login profile first.", func(user string) {
		have(t, iam.CreateLoginProfile, call, &iam.CreateLoginProfileInput{UserName: &user, Password: new("Secret-Secret-1")})
	})
	with("device", "Cannot delete entity, must delete MFA device first.", func(user string) { enableDevice(t, f, user, user) })
	with("certificate", "Cannot delete entity, must delete certificates first.", func(user string) {
		have(t, iam.UploadSigningCertificate, call, &iam.UploadSigningCertificateInput{UserName: &user, CertificateBody: file(t, "service/iam/testdata/root.pem")})
	})
	with("ssh-key", "Cannot delete entity, must remove referenced objects first.", func(user string) {
		have(t, iam.UploadSSHPublicKey, call, &iam.UploadSSHPublicKeyInput{UserName: user, SSHPublicKeyBody: file(t, "service/iam/testdata/ssh.pub")})
	})
	with("credentials", "Cannot delete entity, must remove referenced objects first.", func(user string) {
		have(t, iam.CreateServiceSpecificCredential, call, &iam.CreateServiceSpecificCredentialInput{UserName: user, ServiceName: "codecommit.amazonaws.com"})
	})
	with("group", "Cannot delete entity, must remove users from group first.", func(user string) {
		have(t, iam.CreateGroup, call, &iam.CreateGroupInput{GroupName: user})
		have(t, iam.AddUserToGroup, call, &iam.AddUserToGroupInput{UserName: user, GroupName: user})
	})
	with("policy", "Cannot delete entity, must detach all policies first.", func(user string) {
		have(t, iam.AttachUserPolicy, call, &iam.AttachUserPolicyInput{UserName: user, PolicyARN: policy})
	})
	with("inline-policy", "Cannot delete entity, must delete policies first.", func(user string) {
		have(t, iam.PutUserPolicy, call, &iam.PutUserPolicyInput{UserName: user, PolicyName: "p", PolicyDocument: allowAll})
	})
	for _, name := range []string{"attached", "inline"} {
		have(t, iam.CreateGroup, call, &iam.CreateGroupInput{GroupName: name})
	}
	have(t, iam.AttachGroupPolicy, call, &iam.AttachGroupPolicyInput{GroupName: "attached", PolicyARN: policy})
	have(t, iam.PutGroupPolicy, call, &iam.PutGroupPolicyInput{GroupName: "inline", PolicyName: "p", PolicyDocument: allowAll})
	for i := range 10 {
		name := fmt.Sprintf("group-%d", i)
		have(t, iam.CreateGroup, call, &iam.CreateGroupInput{GroupName: name})
		have(t, iam.AddUserToGroup, call, &iam.AddUserToGroupInput{UserName: "taken", GroupName: name})
	}
	deleteGroup := func(name, message string) conflict {
		return conflict{there: name, op: iam.DeleteGroup.Operation, in: &iam.DeleteGroupInput{GroupName: name}, status: 409, code: "DeleteConflict", message: message}
	}
	return append(cases,
		deleteGroup("with-group", "Cannot delete entity, must remove users from group first."),
		deleteGroup("attached", "Cannot delete entity, must detach all policies first."),
		deleteGroup("inline", "Cannot delete entity, must delete policies first."),
		conflict{there: "the member", op: iam.AddUserToGroup.Operation, in: &iam.AddUserToGroupInput{UserName: "with-group", GroupName: "with-group"}, status: 200},
		conflict{there: "ten groups", op: iam.AddUserToGroup.Operation, in: &iam.AddUserToGroupInput{UserName: "taken", GroupName: "with-group"},
			status: 409, code: "LimitExceeded", message: "Cannot exceed quota for GroupsPerUser: 10"},
	)
}

// enableDevice gives a user a new virtual device and returns its serial number.
func enableDevice(t *testing.T, f *fixture, name, user string) string {
	t.Helper()
	d := have(t, iam.CreateVirtualMFADevice, f.call, &iam.CreateVirtualMFADeviceInput{VirtualMFADeviceName: name}).VirtualMFADevice
	seed, err := base32.StdEncoding.DecodeString(string(d.Base32StringSeed))
	if err != nil {
		t.Fatal(err)
	}
	now := totp.Counter(f.Clock.Now())
	have(t, iam.EnableMFADevice, f.call, &iam.EnableMFADeviceInput{
		UserName: user, SerialNumber: d.SerialNumber, AuthenticationCode1: totp.Code(seed, now-1), AuthenticationCode2: totp.Code(seed, now),
	})
	return d.SerialNumber
}

// iamCredentials are the credentials that users have already.
func iamCredentials(t *testing.T, f *fixture) []conflict {
	t.Helper()
	call := f.call
	for _, name := range []string{"holder", "peer"} {
		have(t, iam.CreateUser, call, &iam.CreateUserInput{UserName: name})
	}
	for range 2 {
		have(t, iam.CreateAccessKey, call, &iam.CreateAccessKeyInput{UserName: new("holder")})
		have(t, iam.CreateServiceSpecificCredential, call, &iam.CreateServiceSpecificCredentialInput{UserName: "holder", ServiceName: "codecommit.amazonaws.com"})
	}
	serial := enableDevice(t, f, "device", "holder")
	pem, ssh := file(t, "service/iam/testdata/leaf.pem"), file(t, "service/iam/testdata/ssh.pub")
	have(t, iam.UploadSigningCertificate, call, &iam.UploadSigningCertificateInput{UserName: new("holder"), CertificateBody: pem})
	have(t, iam.UploadSSHPublicKey, call, &iam.UploadSSHPublicKeyInput{UserName: "holder", SSHPublicKeyBody: ssh})
	const duplicate = "The certificate is already associated with a user of the account."
	return []conflict{
		{there: "two keys", op: iam.CreateAccessKey.Operation, in: &iam.CreateAccessKeyInput{UserName: new("holder")},
			status: 409, code: "LimitExceeded", message: "Cannot exceed quota for AccessKeysPerUser: 2"},
		{there: "two credentials", op: iam.CreateServiceSpecificCredential.Operation, in: &iam.CreateServiceSpecificCredentialInput{
			UserName: "holder", ServiceName: "codecommit.amazonaws.com",
		}, status: 409, code: "LimitExceeded", message: "Cannot exceed quota for ServiceSpecificCredentialsPerUser: 2"},
		{there: "the name", op: iam.CreateVirtualMFADevice.Operation, in: &iam.CreateVirtualMFADeviceInput{VirtualMFADeviceName: "Device"},
			status: 409, code: "EntityAlreadyExists", message: "MFADevice entity at the same path and name already exists."},
		{there: "its user", op: iam.EnableMFADevice.Operation, in: &iam.EnableMFADeviceInput{
			UserName: "peer", SerialNumber: serial, AuthenticationCode1: "000000", AuthenticationCode2: "000001",
		}, status: 409, code: "EntityAlreadyExists", message: "MFA Device is already in use."},
		{there: "its user", op: iam.DeleteVirtualMFADevice.Operation, in: &iam.DeleteVirtualMFADeviceInput{SerialNumber: serial},
			status: 409, code: "DeleteConflict", message: "MFA VirtualDevice in use. Must deactivate first."},
		{there: "the user's own", op: iam.UploadSigningCertificate.Operation, in: &iam.UploadSigningCertificateInput{UserName: new("holder"), CertificateBody: pem},
			status: 409, code: "DuplicateCertificate", message: duplicate},
		{there: "another user's", op: iam.UploadSigningCertificate.Operation, in: &iam.UploadSigningCertificateInput{UserName: new("peer"), CertificateBody: pem},
			status: 409, code: "DuplicateCertificate", message: duplicate},
		{there: "the key", op: iam.UploadSSHPublicKey.Operation, in: &iam.UploadSSHPublicKeyInput{UserName: "holder", SSHPublicKeyBody: ssh},
			status: 400, code: "DuplicateSSHPublicKey", message: "The SSH public key is already associated with the user holder."},
		{there: "another user's", op: iam.UploadSSHPublicKey.Operation, in: &iam.UploadSSHPublicKeyInput{UserName: "peer", SSHPublicKeyBody: ssh}, status: 200, body: "<SSHPublicKeyId>"},
	}
}

// iamPolicies are the policies that are attached or have versions.
func iamPolicies(t *testing.T, f *fixture) []conflict {
	t.Helper()
	call := f.call
	policy := func(name string) string {
		t.Helper()
		return *have(t, iam.CreatePolicy, call, &iam.CreatePolicyInput{PolicyName: name, PolicyDocument: allowAll}).Policy.ARN
	}
	versioned, full, boundary := policy("versioned"), policy("full"), policy("boundary")
	have(t, iam.CreatePolicyVersion, call, &iam.CreatePolicyVersionInput{PolicyARN: versioned, PolicyDocument: allowAll})
	for range 4 {
		have(t, iam.CreatePolicyVersion, call, &iam.CreatePolicyVersionInput{PolicyARN: full, PolicyDocument: allowAll})
	}
	have(t, iam.CreateUser, call, &iam.CreateUserInput{UserName: "bounded", PermissionsBoundary: &boundary})
	have(t, iam.CreateUser, call, &iam.CreateUserInput{UserName: "attached"})
	have(t, iam.CreateRole, call, &iam.CreateRoleInput{RoleName: "attached", AssumeRolePolicyDocument: trust})
	attached := ""
	for i := range 10 {
		attached = policy(fmt.Sprintf("attached-%d", i))
		have(t, iam.AttachUserPolicy, call, &iam.AttachUserPolicyInput{UserName: "attached", PolicyARN: attached})
		have(t, iam.AttachRolePolicy, call, &iam.AttachRolePolicyInput{RoleName: "attached", PolicyARN: attached})
	}
	for i := range 9 { // besides the one that iamUsers attached
		have(t, iam.AttachGroupPolicy, call, &iam.AttachGroupPolicyInput{GroupName: "attached", PolicyARN: fmt.Sprintf("%spolicy/attached-%d", absentIAM, i)})
	}
	conflicting := func(there string, op *aws.Operation, in any, message string) conflict {
		return conflict{there: there, op: op, in: in, status: 409, code: "DeleteConflict", message: message}
	}
	limit := func(op *aws.Operation, in any, message string) conflict {
		return conflict{there: "as many as may be", op: op, in: in, status: 409, code: "LimitExceeded", message: message}
	}
	return []conflict{
		conflicting("users", iam.DeletePolicy.Operation, &iam.DeletePolicyInput{PolicyARN: attached}, "Cannot delete a policy attached to entities."),
		conflicting("a boundary", iam.DeletePolicy.Operation, &iam.DeletePolicyInput{PolicyARN: boundary}, "Cannot delete a policy attached to entities."),
		conflicting("versions", iam.DeletePolicy.Operation, &iam.DeletePolicyInput{PolicyARN: versioned},
			"This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy."),
		conflicting("the default", iam.DeletePolicyVersion.Operation, &iam.DeletePolicyVersionInput{PolicyARN: versioned, VersionID: "v1"},
			"Cannot delete the default version of a policy."),
		limit(iam.CreatePolicyVersion.Operation, &iam.CreatePolicyVersionInput{PolicyARN: full, PolicyDocument: allowAll},
			"A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version."),
		limit(iam.AttachUserPolicy.Operation, &iam.AttachUserPolicyInput{UserName: "attached", PolicyARN: full}, "Cannot exceed quota for PoliciesPerUser: 10"),
		limit(iam.AttachRolePolicy.Operation, &iam.AttachRolePolicyInput{RoleName: "attached", PolicyARN: full}, "Cannot exceed quota for PoliciesPerRole: 10"),
		limit(iam.AttachGroupPolicy.Operation, &iam.AttachGroupPolicyInput{GroupName: "attached", PolicyARN: full}, "Cannot exceed quota for PoliciesPerGroup: 10"),
		{there: "the policy", op: iam.AttachUserPolicy.Operation, in: &iam.AttachUserPolicyInput{UserName: "attached", PolicyARN: attached}, status: 200},
		{there: "the policy", op: iam.AttachRolePolicy.Operation, in: &iam.AttachRolePolicyInput{RoleName: "attached", PolicyARN: attached}, status: 200},
		{there: "the policy", op: iam.AttachGroupPolicy.Operation, in: &iam.AttachGroupPolicyInput{GroupName: "attached", PolicyARN: absentIAM + "policy/attached-0"}, status: 200},
	}
}

// iamRoles are the roles in the way, and those that belong to services.
func iamRoles(t *testing.T, f *fixture) []conflict {
	t.Helper()
	call := f.call
	for _, name := range []string{"in-profile", "spare", "inline"} {
		have(t, iam.CreateRole, call, &iam.CreateRoleInput{RoleName: name, AssumeRolePolicyDocument: trust})
	}
	have(t, iam.PutRolePolicy, call, &iam.PutRolePolicyInput{RoleName: "inline", PolicyName: "p", PolicyDocument: allowAll})
	have(t, iam.CreateInstanceProfile, call, &iam.CreateInstanceProfileInput{InstanceProfileName: "full"})
	have(t, iam.AddRoleToInstanceProfile, call, &iam.AddRoleToInstanceProfileInput{InstanceProfileName: "full", RoleName: "in-profile"})
	cases := []conflict{
		{there: "a profile", op: iam.DeleteRole.Operation, in: &iam.DeleteRoleInput{RoleName: "in-profile"},
			status: 409, code: "DeleteConflict", message: "Cannot delete entity, must remove roles from instance profile first."},
		{there: "attached policies", op: iam.DeleteRole.Operation, in: &iam.DeleteRoleInput{RoleName: "attached"},
			status: 409, code: "DeleteConflict", message: "Cannot delete entity, must detach all policies first."},
		{there: "inline policies", op: iam.DeleteRole.Operation, in: &iam.DeleteRoleInput{RoleName: "inline"},
			status: 409, code: "DeleteConflict", message: "Cannot delete entity, must delete policies first."},
		{there: "its role", op: iam.DeleteInstanceProfile.Operation, in: &iam.DeleteInstanceProfileInput{InstanceProfileName: "full"},
			status: 409, code: "DeleteConflict", message: "Cannot delete entity, must remove roles from instance profile first."},
		{there: "another role", op: iam.AddRoleToInstanceProfile.Operation, in: &iam.AddRoleToInstanceProfileInput{InstanceProfileName: "full", RoleName: "spare"},
			status: 409, code: "LimitExceeded", message: "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"},
		{there: "the role", op: iam.AddRoleToInstanceProfile.Operation, in: &iam.AddRoleToInstanceProfileInput{InstanceProfileName: "full", RoleName: "in-profile"},
			status: 409, code: "LimitExceeded", message: "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"},
	}
	const linked, readOnly = "AWSServiceRoleForAutoScaling", "arn:aws:iam::aws:policy/ReadOnlyAccess"
	for op, in := range map[*aws.Operation]any{
		iam.UpdateRole.Operation:                    &iam.UpdateRoleInput{RoleName: linked, MaxSessionDuration: new(int32(7200))},
		iam.UpdateAssumeRolePolicy.Operation:        &iam.UpdateAssumeRolePolicyInput{RoleName: linked, PolicyDocument: trust},
		iam.DeleteRole.Operation:                    &iam.DeleteRoleInput{RoleName: linked},
		iam.AttachRolePolicy.Operation:              &iam.AttachRolePolicyInput{RoleName: linked, PolicyARN: readOnly},
		iam.DetachRolePolicy.Operation:              &iam.DetachRolePolicyInput{RoleName: linked, PolicyARN: readOnly},
		iam.PutRolePermissionsBoundary.Operation:    &iam.PutRolePermissionsBoundaryInput{RoleName: linked, PermissionsBoundary: readOnly},
		iam.DeleteRolePermissionsBoundary.Operation: &iam.DeleteRolePermissionsBoundaryInput{RoleName: linked},
		iam.PutRolePolicy.Operation:                 &iam.PutRolePolicyInput{RoleName: linked, PolicyName: "p", PolicyDocument: allowAll},
		iam.DeleteRolePolicy.Operation:              &iam.DeleteRolePolicyInput{RoleName: linked, PolicyName: "p"},
		iam.AddRoleToInstanceProfile.Operation:      &iam.AddRoleToInstanceProfileInput{RoleName: linked, InstanceProfileName: "taken"},
		iam.RemoveRoleFromInstanceProfile.Operation: &iam.RemoveRoleFromInstanceProfileInput{RoleName: linked, InstanceProfileName: "taken"},
	} {
		cases = append(cases, conflict{there: "a service's role", op: op, in: in, status: 400, code: "UnmodifiableEntity",
			message: "Cannot perform the operation on the protected role '" + linked + "' - this role is only modifiable by AWS"})
	}
	return cases
}
