package iam

import (
	"encoding/json"

	api "drydock/api/iam"
	"drydock/aws"
	"drydock/resource"
)

// roleProperties are the properties of AWS::IAM::Role.
type roleProperties struct {
	RoleName                 string `json:",omitempty"`
	AssumeRolePolicyDocument json.RawMessage
	Description              string `json:",omitempty"`
	MaxSessionDuration       int32  `json:",omitempty"`
	RoleID                   string `json:"RoleId,omitempty"`
	holderProperties
}

func createRoleResource(call *aws.Call, desired resource.Properties) (string, error) {
	var p roleProperties
	if err := desired.Decode(&p); err != nil {
		return "", err
	}
	if p.RoleName == "" {
		p.RoleName = call.NewID("Role-", 12)
	}
	in := &api.CreateRoleInput{
		RoleName: p.RoleName, Path: optional(p.Path), AssumeRolePolicyDocument: documentText(p.AssumeRolePolicyDocument),
		Description: optional(p.Description), PermissionsBoundary: optional(p.PermissionsBoundary), Tags: tagsOf(p.Tags),
	}
	if p.MaxSessionDuration != 0 {
		in.MaxSessionDuration = &p.MaxSessionDuration
	}
	if _, err := api.CreateRole.Do(call, in); err != nil {
		return "", err
	}
	// The id is returned with the error: the role is there, and whoever rolls back has to know it.
	return p.RoleName, roleHolder(call, p.RoleName).change(&holderProperties{PermissionsBoundary: p.PermissionsBoundary}, &p.holderProperties)
}

func readRoleResource(call *aws.Call, id string) (resource.Properties, error) {
	out, err := api.GetRole.Do(call, &api.GetRoleInput{RoleName: id})
	if err != nil {
		return nil, err
	}
	r := &out.Role
	p := roleProperties{
		RoleName: r.RoleName, AssumeRolePolicyDocument: shownDocument(*r.AssumeRolePolicyDocument), MaxSessionDuration: *r.MaxSessionDuration,
		RoleID: r.RoleID, holderProperties: holderProperties{Path: r.Path, ARN: r.ARN, Tags: tagProperties(r.Tags)},
	}
	if r.Description != nil {
		p.Description = *r.Description
	}
	if r.PermissionsBoundary != nil {
		p.PermissionsBoundary = *r.PermissionsBoundary.PermissionsBoundaryARN
	}
	if err := rolePolicies(call, id, &p.holderProperties); err != nil {
		return nil, err
	}
	return resource.Encode(p)
}

func updateRoleResource(call *aws.Call, id string, current, desired resource.Properties) error {
	var was, want roleProperties
	if err := current.Decode(&was); err != nil {
		return err
	}
	if err := desired.Decode(&want); err != nil {
		return err
	}
	if text := documentText(want.AssumeRolePolicyDocument); text != documentText(was.AssumeRolePolicyDocument) {
		_, err := api.UpdateAssumeRolePolicy.Do(call, &api.UpdateAssumeRolePolicyInput{RoleName: id, PolicyDocument: text})
		if err != nil {
			return err
		}
	}
	if want.MaxSessionDuration == 0 {
		want.MaxSessionDuration = defaultSessionHours * 3600
	}
	if want.Description != was.Description || want.MaxSessionDuration != was.MaxSessionDuration {
		in := &api.UpdateRoleInput{RoleName: id, Description: &want.Description, MaxSessionDuration: &want.MaxSessionDuration}
		if _, err := api.UpdateRole.Do(call, in); err != nil {
			return err
		}
	}
	if err := roleHolder(call, id).change(&was.holderProperties, &want.holderProperties); err != nil {
		return err
	}
	return changeRoleTags(call, id, was.Tags, want.Tags)
}

// deleteRoleResource deletes a role with its policies.
func deleteRoleResource(call *aws.Call, id string) error {
	var p holderProperties
	if err := rolePolicies(call, id, &p); err != nil {
		return err
	}
	if err := roleHolder(call, id).change(&p, &holderProperties{}); err != nil {
		return err
	}
	_, err := api.DeleteRole.Do(call, &api.DeleteRoleInput{RoleName: id})
	return err
}

func roleHolder(call *aws.Call, name string) *holder {
	return &holder{
		attach: func(arn string) error {
			_, err := api.AttachRolePolicy.Do(call, &api.AttachRolePolicyInput{RoleName: name, PolicyARN: arn})
			return err
		},
		detach: func(arn string) error {
			_, err := api.DetachRolePolicy.Do(call, &api.DetachRolePolicyInput{RoleName: name, PolicyARN: arn})
			return err
		},
		put: func(policy, document string) error {
			_, err := api.PutRolePolicy.Do(call, &api.PutRolePolicyInput{RoleName: name, PolicyName: policy, PolicyDocument: document})
			return err
		},
		drop: func(policy string) error {
			_, err := api.DeleteRolePolicy.Do(call, &api.DeleteRolePolicyInput{RoleName: name, PolicyName: policy})
			return err
		},
		bound: func(arn string) error {
			_, err := api.PutRolePermissionsBoundary.Do(call, &api.PutRolePermissionsBoundaryInput{RoleName: name, PermissionsBoundary: arn})
			return err
		},
		unbound: func() error {
			_, err := api.DeleteRolePermissionsBoundary.Do(call, &api.DeleteRolePermissionsBoundaryInput{RoleName: name})
			return err
		},
	}
}

// rolePolicies reads the policies of a role into its properties.
func rolePolicies(call *aws.Call, name string, p *holderProperties) error {
	attached := &api.ListAttachedRolePoliciesInput{RoleName: name}
	for more := true; more; more = attached.Marker != nil {
		out, err := api.ListAttachedRolePolicies.Do(call, attached)
		if err != nil {
			return err
		}
		for _, a := range out.AttachedPolicies {
			p.ManagedPolicyARNs = append(p.ManagedPolicyARNs, *a.PolicyARN)
		}
		attached.Marker = out.Marker
	}
	inline := &api.ListRolePoliciesInput{RoleName: name}
	for more := true; more; more = inline.Marker != nil {
		out, err := api.ListRolePolicies.Do(call, inline)
		if err != nil {
			return err
		}
		for _, policy := range out.PolicyNames {
			got, err := api.GetRolePolicy.Do(call, &api.GetRolePolicyInput{RoleName: name, PolicyName: policy})
			if err != nil {
				return err
			}
			p.Policies = append(p.Policies, inlineProperty{policy, shownDocument(got.PolicyDocument)})
		}
		inline.Marker = out.Marker
	}
	return nil
}

func changeRoleTags(call *aws.Call, name string, was, want []tagProperty) error {
	return changeTags(was, want, func(tags []api.Tag) error {
		_, err := api.TagRole.Do(call, &api.TagRoleInput{RoleName: name, Tags: tags})
		return err
	}, func(keys []string) error {
		_, err := api.UntagRole.Do(call, &api.UntagRoleInput{RoleName: name, TagKeys: keys})
		return err
	})
}

func listRoleResources(call *aws.Call) (ids []string, err error) {
	in := &api.ListRolesInput{}
	for {
		out, err := api.ListRoles.Do(call, in)
		if err != nil {
			return nil, err
		}
		for i := range out.Roles {
			ids = append(ids, out.Roles[i].RoleName)
		}
		if in.Marker = out.Marker; in.Marker == nil {
			return ids, nil
		}
	}
}
