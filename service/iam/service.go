package iam

import (
	api "drydock/api/iam"
	"drydock/aws"
	"drydock/policy"
	"drydock/service"
	"drydock/task"
)

// Service is IAM. It also is the cloud's policy.Identity.
type Service struct {
	service.Deps
	docs        policy.Cache
	memory      memory
	uses        useLog
	passwordKey []byte
	loginKey    []byte
}

// New returns the service's module.
func New(d service.Deps) service.Module {
	s := &Service{Deps: d, passwordKey: d.Keys.Derive("iam service-specific credentials"), loginKey: d.Keys.Derive("iam passwords")}
	return service.Module{
		API: api.API, Operations: longTerm(s.operations()), Tasks: s.taskKinds(), Facts: s.facts, Identity: s, Vault: s,
		Resources: s.resourceTypes(),
	}
}

// longTerm refuses IAM to the sessions that users have or lend without a second factor: GetSessionToken's and
// GetFederationToken's. Sessions of roles may call it.
func longTerm(handlers []aws.Handler) []aws.Handler {
	for i := range handlers {
		serve := handlers[i].Serve
		handlers[i].Serve = func(call *aws.Call, in any) (any, error) {
			if p := &call.Principal; p.Session != nil && !p.Session.MFA && p.Type != aws.PrincipalAssumedRole {
				return nil, aws.NewError(403, "InvalidClientTokenId", "The security token included in the request is invalid")
			}
			return serve(call, in)
		}
	}
	return handlers
}

// taskKinds are what happens later.
func (s *Service) taskKinds() []task.Kind {
	return []task.Kind{
		{Name: linkedDeletionKind, Reconcile: s.removeLinkedRole},
		{Name: credentialReportKind, Reconcile: s.makeCredentialReport},
		{Name: accessReportKind, Reconcile: s.makeAccessReport},
	}
}

// operations is the table of what the service carries out.
func (s *Service) operations() []aws.Handler {
	return []aws.Handler{
		api.CreateUser.Handle(s.createUser),
		api.GetUser.Handle(s.getUser),
		api.ListUsers.Handle(s.listUsers),
		api.UpdateUser.Handle(s.updateUser),
		api.DeleteUser.Handle(s.deleteUser),
		api.TagUser.Handle(s.tagUser),
		api.UntagUser.Handle(s.untagUser),
		api.ListUserTags.Handle(s.listUserTags),

		api.CreateGroup.Handle(s.createGroup),
		api.GetGroup.Handle(s.getGroup),
		api.ListGroups.Handle(s.listGroups),
		api.ListGroupsForUser.Handle(s.listGroupsForUser),
		api.UpdateGroup.Handle(s.updateGroup),
		api.DeleteGroup.Handle(s.deleteGroup),
		api.AddUserToGroup.Handle(s.addUserToGroup),
		api.RemoveUserFromGroup.Handle(s.removeUserFromGroup),

		api.CreateRole.Handle(s.createRole),
		api.GetRole.Handle(s.getRole),
		api.ListRoles.Handle(s.listRoles),
		api.UpdateRole.Handle(s.updateRole),
		api.UpdateRoleDescription.Handle(s.updateRoleDescription),
		api.UpdateAssumeRolePolicy.Handle(s.updateAssumeRolePolicy),
		api.DeleteRole.Handle(s.deleteRole),
		api.TagRole.Handle(s.tagRole),
		api.UntagRole.Handle(s.untagRole),
		api.ListRoleTags.Handle(s.listRoleTags),

		api.CreatePolicy.Handle(s.createPolicy),
		api.GetPolicy.Handle(s.getPolicy),
		api.ListPolicies.Handle(s.listPolicies),
		api.DeletePolicy.Handle(s.deletePolicy),
		api.CreatePolicyVersion.Handle(s.createPolicyVersion),
		api.GetPolicyVersion.Handle(s.getPolicyVersion),
		api.ListPolicyVersions.Handle(s.listPolicyVersions),
		api.SetDefaultPolicyVersion.Handle(s.setDefaultPolicyVersion),
		api.DeletePolicyVersion.Handle(s.deletePolicyVersion),
		api.TagPolicy.Handle(s.tagPolicy),
		api.UntagPolicy.Handle(s.untagPolicy),
		api.ListPolicyTags.Handle(s.listPolicyTags),

		api.ListEntitiesForPolicy.Handle(s.listEntitiesForPolicy),
		api.AttachUserPolicy.Handle(s.attachUserPolicy),
		api.DetachUserPolicy.Handle(s.detachUserPolicy),
		api.ListAttachedUserPolicies.Handle(s.listAttachedUserPolicies),
		api.AttachGroupPolicy.Handle(s.attachGroupPolicy),
		api.DetachGroupPolicy.Handle(s.detachGroupPolicy),
		api.ListAttachedGroupPolicies.Handle(s.listAttachedGroupPolicies),
		api.AttachRolePolicy.Handle(s.attachRolePolicy),
		api.DetachRolePolicy.Handle(s.detachRolePolicy),
		api.ListAttachedRolePolicies.Handle(s.listAttachedRolePolicies),
		api.PutUserPermissionsBoundary.Handle(s.putUserPermissionsBoundary),
		api.DeleteUserPermissionsBoundary.Handle(s.deleteUserPermissionsBoundary),
		api.PutRolePermissionsBoundary.Handle(s.putRolePermissionsBoundary),
		api.DeleteRolePermissionsBoundary.Handle(s.deleteRolePermissionsBoundary),

		api.PutUserPolicy.Handle(s.putUserPolicy),
		api.GetUserPolicy.Handle(s.getUserPolicy),
		api.ListUserPolicies.Handle(s.listUserPolicies),
		api.DeleteUserPolicy.Handle(s.deleteUserPolicy),
		api.PutGroupPolicy.Handle(s.putGroupPolicy),
		api.GetGroupPolicy.Handle(s.getGroupPolicy),
		api.ListGroupPolicies.Handle(s.listGroupPolicies),
		api.DeleteGroupPolicy.Handle(s.deleteGroupPolicy),
		api.PutRolePolicy.Handle(s.putRolePolicy),
		api.GetRolePolicy.Handle(s.getRolePolicy),
		api.ListRolePolicies.Handle(s.listRolePolicies),
		api.DeleteRolePolicy.Handle(s.deleteRolePolicy),

		api.CreateAccessKey.Handle(s.createAccessKey),
		api.ListAccessKeys.Handle(s.listAccessKeys),
		api.UpdateAccessKey.Handle(s.updateAccessKey),
		api.DeleteAccessKey.Handle(s.deleteAccessKey),
		api.GetAccessKeyLastUsed.Handle(s.getAccessKeyLastUsed),

		api.CreateServiceSpecificCredential.Handle(s.createServiceSpecificCredential),
		api.ListServiceSpecificCredentials.Handle(s.listServiceSpecificCredentials),
		api.UpdateServiceSpecificCredential.Handle(s.updateServiceSpecificCredential),
		api.ResetServiceSpecificCredential.Handle(s.resetServiceSpecificCredential),
		api.DeleteServiceSpecificCredential.Handle(s.deleteServiceSpecificCredential),

		api.CreateLoginProfile.Handle(s.createLoginProfile),
		api.GetLoginProfile.Handle(s.getLoginProfile),
		api.UpdateLoginProfile.Handle(s.updateLoginProfile),
		api.DeleteLoginProfile.Handle(s.deleteLoginProfile),
		api.ChangePassword.Handle(s.changePassword),
		api.UpdateAccountPasswordPolicy.Handle(s.updateAccountPasswordPolicy),
		api.GetAccountPasswordPolicy.Handle(s.getAccountPasswordPolicy),
		api.DeleteAccountPasswordPolicy.Handle(s.deleteAccountPasswordPolicy),

		api.CreateVirtualMFADevice.Handle(s.createVirtualMFADevice),
		api.ListVirtualMFADevices.Handle(s.listVirtualMFADevices),
		api.DeleteVirtualMFADevice.Handle(s.deleteVirtualMFADevice),
		api.EnableMFADevice.Handle(s.enableMFADevice),
		api.ResyncMFADevice.Handle(s.resyncMFADevice),
		api.DeactivateMFADevice.Handle(s.deactivateMFADevice),
		api.GetMFADevice.Handle(s.getMFADevice),
		api.ListMFADevices.Handle(s.listMFADevices),
		api.TagMFADevice.Handle(s.tagMFADevice),
		api.UntagMFADevice.Handle(s.untagMFADevice),
		api.ListMFADeviceTags.Handle(s.listMFADeviceTags),

		api.UploadServerCertificate.Handle(s.uploadServerCertificate),
		api.GetServerCertificate.Handle(s.getServerCertificate),
		api.ListServerCertificates.Handle(s.listServerCertificates),
		api.UpdateServerCertificate.Handle(s.updateServerCertificate),
		api.DeleteServerCertificate.Handle(s.deleteServerCertificate),
		api.TagServerCertificate.Handle(s.tagServerCertificate),
		api.UntagServerCertificate.Handle(s.untagServerCertificate),
		api.ListServerCertificateTags.Handle(s.listServerCertificateTags),

		api.UploadSigningCertificate.Handle(s.uploadSigningCertificate),
		api.ListSigningCertificates.Handle(s.listSigningCertificates),
		api.UpdateSigningCertificate.Handle(s.updateSigningCertificate),
		api.DeleteSigningCertificate.Handle(s.deleteSigningCertificate),

		api.UploadSSHPublicKey.Handle(s.uploadSSHPublicKey),
		api.GetSSHPublicKey.Handle(s.getSSHPublicKey),
		api.ListSSHPublicKeys.Handle(s.listSSHPublicKeys),
		api.UpdateSSHPublicKey.Handle(s.updateSSHPublicKey),
		api.DeleteSSHPublicKey.Handle(s.deleteSSHPublicKey),

		api.CreateOpenIDConnectProvider.Handle(s.createOpenIDConnectProvider),
		api.GetOpenIDConnectProvider.Handle(s.getOpenIDConnectProvider),
		api.ListOpenIDConnectProviders.Handle(s.listOpenIDConnectProviders),
		api.AddClientIDToOpenIDConnectProvider.Handle(s.addClientIDToOpenIDConnectProvider),
		api.RemoveClientIDFromOpenIDConnectProvider.Handle(s.removeClientIDFromOpenIDConnectProvider),
		api.UpdateOpenIDConnectProviderThumbprint.Handle(s.updateOpenIDConnectProviderThumbprint),
		api.DeleteOpenIDConnectProvider.Handle(s.deleteOpenIDConnectProvider),
		api.TagOpenIDConnectProvider.Handle(s.tagOpenIDConnectProvider),
		api.UntagOpenIDConnectProvider.Handle(s.untagOpenIDConnectProvider),
		api.ListOpenIDConnectProviderTags.Handle(s.listOpenIDConnectProviderTags),

		api.CreateSAMLProvider.Handle(s.createSAMLProvider),
		api.GetSAMLProvider.Handle(s.getSAMLProvider),
		api.ListSAMLProviders.Handle(s.listSAMLProviders),
		api.UpdateSAMLProvider.Handle(s.updateSAMLProvider),
		api.DeleteSAMLProvider.Handle(s.deleteSAMLProvider),
		api.TagSAMLProvider.Handle(s.tagSAMLProvider),
		api.UntagSAMLProvider.Handle(s.untagSAMLProvider),
		api.ListSAMLProviderTags.Handle(s.listSAMLProviderTags),

		api.CreateInstanceProfile.Handle(s.createInstanceProfile),
		api.GetInstanceProfile.Handle(s.getInstanceProfile),
		api.ListInstanceProfiles.Handle(s.listInstanceProfiles),
		api.ListInstanceProfilesForRole.Handle(s.listInstanceProfilesForRole),
		api.AddRoleToInstanceProfile.Handle(s.addRoleToInstanceProfile),
		api.RemoveRoleFromInstanceProfile.Handle(s.removeRoleFromInstanceProfile),
		api.DeleteInstanceProfile.Handle(s.deleteInstanceProfile),
		api.TagInstanceProfile.Handle(s.tagInstanceProfile),
		api.UntagInstanceProfile.Handle(s.untagInstanceProfile),
		api.ListInstanceProfileTags.Handle(s.listInstanceProfileTags),

		api.CreateAccountAlias.Handle(s.createAccountAlias),
		api.ListAccountAliases.Handle(s.listAccountAliases),
		api.DeleteAccountAlias.Handle(s.deleteAccountAlias),
		api.GetAccountSummary.Handle(s.getAccountSummary),
		api.SetSecurityTokenServicePreferences.Handle(s.setSecurityTokenServicePreferences),
		api.GetAccountAuthorizationDetails.Handle(s.getAccountAuthorizationDetails),

		api.GenerateCredentialReport.Handle(s.generateCredentialReport),
		api.GetCredentialReport.Handle(s.getCredentialReport),
		api.GenerateServiceLastAccessedDetails.Handle(s.generateServiceLastAccessedDetails),
		api.GetServiceLastAccessedDetails.Handle(s.getServiceLastAccessedDetails),
		api.GetServiceLastAccessedDetailsWithEntities.Handle(s.getServiceLastAccessedDetailsWithEntities),
		api.ListPoliciesGrantingServiceAccess.Handle(s.listPoliciesGrantingServiceAccess),

		api.CreateServiceLinkedRole.Handle(s.createServiceLinkedRole),
		api.DeleteServiceLinkedRole.Handle(s.deleteServiceLinkedRole),
		api.GetServiceLinkedRoleDeletionStatus.Handle(s.getServiceLinkedRoleDeletionStatus),

		api.SimulateCustomPolicy.Handle(s.simulateCustomPolicy),
		api.SimulatePrincipalPolicy.Handle(s.simulatePrincipalPolicy),
		api.GetContextKeysForCustomPolicy.Handle(s.getContextKeysForCustomPolicy),
		api.GetContextKeysForPrincipalPolicy.Handle(s.getContextKeysForPrincipalPolicy),
	}
}
