package iam_test

import (
	"testing"

	api "drydock/api/iam"
	"drydock/aws"
)

// denied carries out an operation that nothing allows.
func denied[In, Out any](op aws.Op[In, Out], in *In) func(t *testing.T, call *aws.Call) {
	return func(t *testing.T, call *aws.Call) {
		t.Helper()
		if _, err := op.Do(call, in); !aws.IsError(err, "AccessDenied") {
			t.Errorf("%s: %v", op.Name, err)
		}
	}
}

func TestCredentialsAndProviders_NeedPermission(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	createUser(t, call, "u")
	user := caller(t, c, call, "u")
	const (
		oidcARN = "arn:aws:iam::111122223333:oidc-provider/idp.example.com"
		samlARN = "arn:aws:iam::111122223333:saml-provider/adfs"
		serial  = "arn:aws:iam::111122223333:mfa/d"
		id      = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
		job     = "12345678-1234-1234-1234-123456789012"
	)
	name, password, tags, keys := new("u"), new("Password-1"), []api.Tag{{Key: "a"}}, []string{"a"}
	for _, attempt := range []func(*testing.T, *aws.Call){
		denied(api.CreateLoginProfile, &api.CreateLoginProfileInput{UserName: name, Password: password}),
		denied(api.GetLoginProfile, &api.GetLoginProfileInput{UserName: name}),
		denied(api.UpdateLoginProfile, &api.UpdateLoginProfileInput{UserName: "u"}),
		denied(api.DeleteLoginProfile, &api.DeleteLoginProfileInput{UserName: name}),
		denied(api.ChangePassword, &api.ChangePasswordInput{OldPassword: "a", NewPassword: "b"}),
		denied(api.UpdateAccountPasswordPolicy, &api.UpdateAccountPasswordPolicyInput{}),
		denied(api.GetAccountPasswordPolicy, &api.GetAccountPasswordPolicyInput{}),
		denied(api.DeleteAccountPasswordPolicy, &api.DeleteAccountPasswordPolicyInput{}),
		denied(api.CreateVirtualMFADevice, &api.CreateVirtualMFADeviceInput{VirtualMFADeviceName: "d"}),
		denied(api.ListVirtualMFADevices, &api.ListVirtualMFADevicesInput{}),
		denied(api.DeleteVirtualMFADevice, &api.DeleteVirtualMFADeviceInput{SerialNumber: serial}),
		denied(api.EnableMFADevice, &api.EnableMFADeviceInput{UserName: "u", SerialNumber: serial, AuthenticationCode1: "000000", AuthenticationCode2: "000000"}),
		denied(api.ResyncMFADevice, &api.ResyncMFADeviceInput{UserName: "u", SerialNumber: serial, AuthenticationCode1: "000000", AuthenticationCode2: "000000"}),
		denied(api.DeactivateMFADevice, &api.DeactivateMFADeviceInput{UserName: name, SerialNumber: serial}),
		denied(api.GetMFADevice, &api.GetMFADeviceInput{SerialNumber: serial}),
		denied(api.ListMFADevices, &api.ListMFADevicesInput{}),
		denied(api.TagMFADevice, &api.TagMFADeviceInput{SerialNumber: serial, Tags: tags}),
		denied(api.UntagMFADevice, &api.UntagMFADeviceInput{SerialNumber: serial, TagKeys: keys}),
		denied(api.ListMFADeviceTags, &api.ListMFADeviceTagsInput{SerialNumber: serial}),
		denied(api.UploadServerCertificate, &api.UploadServerCertificateInput{ServerCertificateName: "c", CertificateBody: "x", PrivateKey: "x"}),
		denied(api.GetServerCertificate, &api.GetServerCertificateInput{ServerCertificateName: "c"}),
		denied(api.ListServerCertificates, &api.ListServerCertificatesInput{}),
		denied(api.UpdateServerCertificate, &api.UpdateServerCertificateInput{ServerCertificateName: "c"}),
		denied(api.DeleteServerCertificate, &api.DeleteServerCertificateInput{ServerCertificateName: "c"}),
		denied(api.TagServerCertificate, &api.TagServerCertificateInput{ServerCertificateName: "c", Tags: tags}),
		denied(api.UntagServerCertificate, &api.UntagServerCertificateInput{ServerCertificateName: "c", TagKeys: keys}),
		denied(api.ListServerCertificateTags, &api.ListServerCertificateTagsInput{ServerCertificateName: "c"}),
		denied(api.UploadSigningCertificate, &api.UploadSigningCertificateInput{CertificateBody: "x"}),
		denied(api.ListSigningCertificates, &api.ListSigningCertificatesInput{}),
		denied(api.UpdateSigningCertificate, &api.UpdateSigningCertificateInput{CertificateID: id, Status: "Active"}),
		denied(api.DeleteSigningCertificate, &api.DeleteSigningCertificateInput{CertificateID: id}),
		denied(api.UploadSSHPublicKey, &api.UploadSSHPublicKeyInput{UserName: "u", SSHPublicKeyBody: "x"}),
		denied(api.GetSSHPublicKey, &api.GetSSHPublicKeyInput{UserName: "u", SSHPublicKeyID: id, Encoding: "SSH"}),
		denied(api.ListSSHPublicKeys, &api.ListSSHPublicKeysInput{}),
		denied(api.UpdateSSHPublicKey, &api.UpdateSSHPublicKeyInput{UserName: "u", SSHPublicKeyID: id, Status: "Active"}),
		denied(api.DeleteSSHPublicKey, &api.DeleteSSHPublicKeyInput{UserName: "u", SSHPublicKeyID: id}),
		denied(api.CreateOpenIDConnectProvider, &api.CreateOpenIDConnectProviderInput{URL: "https://idp.example.com"}),
		denied(api.GetOpenIDConnectProvider, &api.GetOpenIDConnectProviderInput{OpenIDConnectProviderARN: oidcARN}),
		denied(api.ListOpenIDConnectProviders, &api.ListOpenIDConnectProvidersInput{}),
		denied(api.AddClientIDToOpenIDConnectProvider, &api.AddClientIDToOpenIDConnectProviderInput{OpenIDConnectProviderARN: oidcARN, ClientID: "a"}),
		denied(api.RemoveClientIDFromOpenIDConnectProvider, &api.RemoveClientIDFromOpenIDConnectProviderInput{OpenIDConnectProviderARN: oidcARN, ClientID: "a"}),
		denied(api.UpdateOpenIDConnectProviderThumbprint, &api.UpdateOpenIDConnectProviderThumbprintInput{OpenIDConnectProviderARN: oidcARN, ThumbprintList: []string{someThumbprint}}),
		denied(api.DeleteOpenIDConnectProvider, &api.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderARN: oidcARN}),
		denied(api.TagOpenIDConnectProvider, &api.TagOpenIDConnectProviderInput{OpenIDConnectProviderARN: oidcARN, Tags: tags}),
		denied(api.UntagOpenIDConnectProvider, &api.UntagOpenIDConnectProviderInput{OpenIDConnectProviderARN: oidcARN, TagKeys: keys}),
		denied(api.ListOpenIDConnectProviderTags, &api.ListOpenIDConnectProviderTagsInput{OpenIDConnectProviderARN: oidcARN}),
		denied(api.CreateSAMLProvider, &api.CreateSAMLProviderInput{Name: "adfs", SAMLMetadataDocument: metadata(t)}),
		denied(api.GetSAMLProvider, &api.GetSAMLProviderInput{SAMLProviderARN: samlARN}),
		denied(api.ListSAMLProviders, &api.ListSAMLProvidersInput{}),
		denied(api.UpdateSAMLProvider, &api.UpdateSAMLProviderInput{SAMLProviderARN: samlARN}),
		denied(api.DeleteSAMLProvider, &api.DeleteSAMLProviderInput{SAMLProviderARN: samlARN}),
		denied(api.TagSAMLProvider, &api.TagSAMLProviderInput{SAMLProviderARN: samlARN, Tags: tags}),
		denied(api.UntagSAMLProvider, &api.UntagSAMLProviderInput{SAMLProviderARN: samlARN, TagKeys: keys}),
		denied(api.ListSAMLProviderTags, &api.ListSAMLProviderTagsInput{SAMLProviderARN: samlARN}),
		denied(api.SetSecurityTokenServicePreferences, &api.SetSecurityTokenServicePreferencesInput{GlobalEndpointTokenVersion: "v2Token"}),
		denied(api.GenerateCredentialReport, &api.GenerateCredentialReportInput{}),
		denied(api.GetCredentialReport, &api.GetCredentialReportInput{}),
		denied(api.GenerateServiceLastAccessedDetails, &api.GenerateServiceLastAccessedDetailsInput{ARN: user.Principal.ARN}),
		denied(api.GetServiceLastAccessedDetails, &api.GetServiceLastAccessedDetailsInput{JobID: job}),
		denied(api.GetServiceLastAccessedDetailsWithEntities, &api.GetServiceLastAccessedDetailsWithEntitiesInput{JobID: job, ServiceNamespace: "s3"}),
		denied(api.ListPoliciesGrantingServiceAccess, &api.ListPoliciesGrantingServiceAccessInput{ARN: user.Principal.ARN, ServiceNamespaces: []string{"s3"}}),
	} {
		attempt(t, user)
	}
}

func TestCredentials_CanBeAUsersOwn(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	for _, u := range []string{"u", "v"} {
		do(t, api.CreateUser, call, &api.CreateUserInput{UserName: u, Path: new("/team/")})
	}
	do(t, api.PutUserPolicy, call, &api.PutUserPolicyInput{UserName: "u", PolicyName: "self", PolicyDocument: `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"iam:*","Resource":["arn:aws:iam::*:user/team/${aws:username}","arn:aws:iam::*:mfa/${aws:username}"]}]}`})
	user := caller(t, c, call, "u")
	d := newDevice(t, user, "u")
	if err := d.enable(user, "u", c.Clock.Now()); err != nil {
		t.Error(err)
	}
	do(t, api.UploadSSHPublicKey, user, &api.UploadSSHPublicKeyInput{UserName: "u", SSHPublicKeyBody: file(t, "ssh.pub")})
	do(t, api.UploadSigningCertificate, user, &api.UploadSigningCertificateInput{CertificateBody: file(t, "leaf.pem")})
	if l := do(t, api.ListMFADevices, user, &api.ListMFADevicesInput{}); len(l.MFADevices) != 1 {
		t.Errorf("devices %+v", l)
	}
	do(t, api.CreateLoginProfile, user, &api.CreateLoginProfileInput{Password: new("Password-1")})
	denied(api.CreateLoginProfile, &api.CreateLoginProfileInput{UserName: new("v"), Password: new("Password-1")})(t, user)
	denied(api.CreateVirtualMFADevice, &api.CreateVirtualMFADeviceInput{VirtualMFADeviceName: "v"})(t, user)
	denied(api.ListSSHPublicKeys, &api.ListSSHPublicKeysInput{UserName: new("v")})(t, user)
}
