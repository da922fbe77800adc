package iam

import (
	"encoding/base32"
	"fmt"
	"slices"
	"strings"

	api "drydock/api/iam"
	"drydock/aws"
	"drydock/lang/totp"
	"drydock/resource"
)

// certificateProperties are the properties of AWS::IAM::ServerCertificate. The private key is given and not told.
type certificateProperties struct {
	ServerCertificateName string        `json:",omitempty"`
	Path                  string        `json:",omitempty"`
	CertificateBody       string        `json:",omitempty"`
	CertificateChain      string        `json:",omitempty"`
	PrivateKey            string        `json:",omitempty"`
	Tags                  []tagProperty `json:",omitempty"`
	ARN                   string        `json:"Arn,omitempty"`
}

func certificateResource() resource.Type {
	return resource.Type{
		Name: "AWS::IAM::ServerCertificate", PrimaryIdentifier: []string{"ServerCertificateName"}, ReadOnly: []string{"Arn"},
		CreateOnly: []string{"ServerCertificateName", "CertificateBody", "CertificateChain", "PrivateKey"},
		Create:     createCertificateResource, Read: readCertificateResource, Update: updateCertificateResource, Delete: deleteCertificateResource,
		List: listCertificateResources,
	}
}

func createCertificateResource(call *aws.Call, desired resource.Properties) (string, error) {
	var p certificateProperties
	if err := desired.Decode(&p); err != nil {
		return "", err
	}
	if p.ServerCertificateName == "" {
		p.ServerCertificateName = call.NewID("ServerCertificate-", 12)
	}
	_, err := api.UploadServerCertificate.Do(call, &api.UploadServerCertificateInput{
		ServerCertificateName: p.ServerCertificateName, Path: optional(p.Path), CertificateBody: p.CertificateBody,
		CertificateChain: optional(p.CertificateChain), PrivateKey: p.PrivateKey, Tags: tagsOf(p.Tags),
	})
	if err != nil {
		return "", err
	}
	return p.ServerCertificateName, nil
}

func readCertificateResource(call *aws.Call, id string) (resource.Properties, error) {
	out, err := api.GetServerCertificate.Do(call, &api.GetServerCertificateInput{ServerCertificateName: id})
	if err != nil {
		return nil, err
	}
	c := &out.ServerCertificate
	p := certificateProperties{
		ServerCertificateName: c.ServerCertificateMetadata.ServerCertificateName, Path: c.ServerCertificateMetadata.Path,
		CertificateBody: c.CertificateBody, Tags: tagProperties(c.Tags), ARN: c.ServerCertificateMetadata.ARN,
	}
	if c.CertificateChain != nil {
		p.CertificateChain = *c.CertificateChain
	}
	return resource.Encode(p)
}

func updateCertificateResource(call *aws.Call, id string, current, desired resource.Properties) error {
	var was, want certificateProperties
	if err := current.Decode(&was); err != nil {
		return err
	}
	if err := desired.Decode(&want); err != nil {
		return err
	}
	if path := pathOr(optional(want.Path)); path != was.Path {
		if _, err := api.UpdateServerCertificate.Do(call, &api.UpdateServerCertificateInput{ServerCertificateName: id, NewPath: &path}); err != nil {
			return err
		}
	}
	return changeTags(was.Tags, want.Tags, func(tags []api.Tag) error {
		_, err := api.TagServerCertificate.Do(call, &api.TagServerCertificateInput{ServerCertificateName: id, Tags: tags})
		return err
	}, func(keys []string) error {
		_, err := api.UntagServerCertificate.Do(call, &api.UntagServerCertificateInput{ServerCertificateName: id, TagKeys: keys})
		return err
	})
}

func deleteCertificateResource(call *aws.Call, id string) error {
	_, err := api.DeleteServerCertificate.Do(call, &api.DeleteServerCertificateInput{ServerCertificateName: id})
	return err
}

func listCertificateResources(call *aws.Call) (ids []string, err error) {
	// An account has twenty at most, which is less than a page.
	out, err := api.ListServerCertificates.Do(call, &api.ListServerCertificatesInput{})
	if err != nil {
		return nil, err
	}
	for _, c := range out.ServerCertificateMetadataList {
		ids = append(ids, c.ServerCertificateName)
	}
	return ids, nil
}

// deviceProperties are the properties of AWS::IAM::VirtualMFADevice.
type deviceProperties struct {
	VirtualMFADeviceName string        `json:"VirtualMfaDeviceName,omitempty"`
	Path                 string        `json:",omitempty"`
	Users                []string      `json:",omitempty"`
	Tags                 []tagProperty `json:",omitempty"`
	SerialNumber         string        `json:",omitempty"`
}

func deviceResource() resource.Type {
	return resource.Type{
		Name: "AWS::IAM::VirtualMFADevice", PrimaryIdentifier: []string{"SerialNumber"}, ReadOnly: []string{"SerialNumber"},
		CreateOnly: []string{"VirtualMfaDeviceName", "Path", "Users"},
		Create:     createDeviceResource, Read: readDeviceResource, Update: updateDeviceResource, Delete: deleteDeviceResource, List: listDeviceResources,
	}
}

// createDeviceResource makes a device and enables it for its user by the codes that it would show: whoever makes it by a
// template gets its seed nowhere else.
func createDeviceResource(call *aws.Call, desired resource.Properties) (string, error) {
	var p deviceProperties
	if err := desired.Decode(&p); err != nil {
		return "", err
	}
	if len(p.Users) > 1 {
		return "", aws.NewError(400, "ValidationException", "A virtual MFA device has one user.")
	}
	if p.VirtualMFADeviceName == "" {
		p.VirtualMFADeviceName = call.NewID("VirtualMFADevice-", 12)
	}
	out, err := api.CreateVirtualMFADevice.Do(call, &api.CreateVirtualMFADeviceInput{VirtualMFADeviceName: p.VirtualMFADeviceName, Path: optional(p.Path), Tags: tagsOf(p.Tags)})
	if err != nil {
		return "", err
	}
	serial := out.VirtualMFADevice.SerialNumber
	seed, err := base32.StdEncoding.DecodeString(string(out.VirtualMFADevice.Base32StringSeed))
	if err != nil {
		return serial, fmt.Errorf("read a seed: %w", err)
	}
	for _, u := range p.Users {
		now := totp.Counter(call.Now())
		_, err := api.EnableMFADevice.Do(call, &api.EnableMFADeviceInput{
			UserName: u, SerialNumber: serial, AuthenticationCode1: totp.Code(seed, now-1), AuthenticationCode2: totp.Code(seed, now),
		})
		if err != nil {
			return serial, err
		}
	}
	return serial, nil
}

func readDeviceResource(call *aws.Call, id string) (resource.Properties, error) {
	out, err := api.GetMFADevice.Do(call, &api.GetMFADeviceInput{SerialNumber: id})
	if err != nil {
		return nil, err
	}
	_, full, _ := strings.Cut(id, ":mfa")
	p := deviceProperties{SerialNumber: id, VirtualMFADeviceName: lastName(id), Path: strings.TrimSuffix(full, lastName(id))}
	if out.UserName != nil {
		p.Users = []string{*out.UserName}
	}
	tags, err := api.ListMFADeviceTags.Do(call, &api.ListMFADeviceTagsInput{SerialNumber: id})
	if err != nil {
		return nil, err
	}
	p.Tags = tagProperties(tags.Tags)
	return resource.Encode(p)
}

func updateDeviceResource(call *aws.Call, id string, current, desired resource.Properties) error {
	var was, want deviceProperties
	if err := current.Decode(&was); err != nil {
		return err
	}
	if err := desired.Decode(&want); err != nil {
		return err
	}
	return changeTags(was.Tags, want.Tags, func(tags []api.Tag) error {
		_, err := api.TagMFADevice.Do(call, &api.TagMFADeviceInput{SerialNumber: id, Tags: tags})
		return err
	}, func(keys []string) error {
		_, err := api.UntagMFADevice.Do(call, &api.UntagMFADeviceInput{SerialNumber: id, TagKeys: keys})
		return err
	})
}

func deleteDeviceResource(call *aws.Call, id string) error {
	out, err := api.GetMFADevice.Do(call, &api.GetMFADeviceInput{SerialNumber: id})
	if err != nil {
		return err
	}
	if out.UserName != nil {
		if _, err := api.DeactivateMFADevice.Do(call, &api.DeactivateMFADeviceInput{UserName: out.UserName, SerialNumber: id}); err != nil {
			return err
		}
	}
	_, err = api.DeleteVirtualMFADevice.Do(call, &api.DeleteVirtualMFADeviceInput{SerialNumber: id})
	return err
}

func listDeviceResources(call *aws.Call) (ids []string, err error) {
	in := &api.ListVirtualMFADevicesInput{}
	for {
		out, err := api.ListVirtualMFADevices.Do(call, in)
		if err != nil {
			return nil, err
		}
		for i := range out.VirtualMFADevices {
			ids = append(ids, out.VirtualMFADevices[i].SerialNumber)
		}
		if in.Marker = out.Marker; in.Marker == nil {
			return ids, nil
		}
	}
}

// linkedProperties are the properties of AWS::IAM::ServiceLinkedRole.
type linkedProperties struct {
	AWSServiceName string `json:",omitempty"`
	CustomSuffix   string `json:",omitempty"`
	Description    string `json:",omitempty"`
	RoleName       string `json:",omitempty"`
}

func linkedResource() resource.Type {
	return resource.Type{
		Name: "AWS::IAM::ServiceLinkedRole", PrimaryIdentifier: []string{"RoleName"}, ReadOnly: []string{"RoleName"}, CreateOnly: []string{"AWSServiceName", "CustomSuffix"},
		Create: createLinkedResource, Read: readLinkedResource, Update: updateLinkedResource, Delete: deleteLinkedResource, List: listLinkedResources,
	}
}

func createLinkedResource(call *aws.Call, desired resource.Properties) (string, error) {
	var p linkedProperties
	if err := desired.Decode(&p); err != nil {
		return "", err
	}
	out, err := api.CreateServiceLinkedRole.Do(call, &api.CreateServiceLinkedRoleInput{
		AWSServiceName: p.AWSServiceName, CustomSuffix: optional(p.CustomSuffix), Description: optional(p.Description),
	})
	if err != nil {
		return "", err
	}
	return out.Role.RoleName, nil
}

func readLinkedResource(call *aws.Call, id string) (resource.Properties, error) {
	out, err := api.GetRole.Do(call, &api.GetRoleInput{RoleName: id})
	if err != nil {
		return nil, err
	}
	p := linkedProperties{RoleName: out.Role.RoleName, AWSServiceName: strings.Trim(strings.TrimPrefix(out.Role.Path, linkedPath), "/")}
	if name := linkedServices[p.AWSServiceName].role; name != "" {
		p.CustomSuffix = strings.TrimPrefix(strings.TrimPrefix(p.RoleName, name), "_")
	}
	if out.Role.Description != nil {
		p.Description = *out.Role.Description
	}
	return resource.Encode(p)
}

func updateLinkedResource(call *aws.Call, id string, _, desired resource.Properties) error {
	var want linkedProperties
	if err := desired.Decode(&want); err != nil {
		return err
	}
	_, err := api.UpdateRole.Do(call, &api.UpdateRoleInput{RoleName: id, Description: &want.Description})
	return err
}

// deleteLinkedResource asks for the deletion, which a task carries out.
func deleteLinkedResource(call *aws.Call, id string) error {
	_, err := api.DeleteServiceLinkedRole.Do(call, &api.DeleteServiceLinkedRoleInput{RoleName: id})
	return err
}

func listLinkedResources(call *aws.Call) (ids []string, err error) {
	in := &api.ListRolesInput{PathPrefix: new(linkedPath)}
	for {
		out, err := api.ListRoles.Do(call, in)
		if err != nil {
			return nil, err
		}
		for i := range out.Roles {
			ids = append(ids, out.Roles[i].RoleName)
		}
		if in.Marker = out.Marker; in.Marker == nil {
			return slices.Clip(ids), nil
		}
	}
}
