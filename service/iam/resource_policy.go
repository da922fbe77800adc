package iam

import (
	"encoding/json"
	"slices"

	api "drydock/api/iam"
	"drydock/aws"
	"drydock/resource"
)

// policyProperties are the properties of AWS::IAM::ManagedPolicy.
type policyProperties struct {
	ManagedPolicyName string `json:",omitempty"`
	Path              string `json:",omitempty"`
	Description       string `json:",omitempty"`
	PolicyDocument    json.RawMessage
	Groups            []string `json:",omitempty"`
	Roles             []string `json:",omitempty"`
	Users             []string `json:",omitempty"`
	PolicyARN         string   `json:"PolicyArn,omitempty"`
	PolicyID          string   `json:"PolicyId,omitempty"`
}

func createPolicyResource(call *aws.Call, desired resource.Properties) (string, error) {
	var p policyProperties
	if err := desired.Decode(&p); err != nil {
		return "", err
	}
	if p.ManagedPolicyName == "" {
		p.ManagedPolicyName = call.NewID("ManagedPolicy-", 12)
	}
	out, err := api.CreatePolicy.Do(call, &api.CreatePolicyInput{
		PolicyName: p.ManagedPolicyName, Path: optional(p.Path), Description: optional(p.Description), PolicyDocument: documentText(p.PolicyDocument),
	})
	if err != nil {
		return "", err
	}
	return *out.Policy.ARN, changePolicyUsers(call, *out.Policy.ARN, &policyProperties{}, &p)
}

// changePolicyUsers attaches a policy to whom it shall have, and detaches it from whom it had.
func changePolicyUsers(call *aws.Call, arn string, was, want *policyProperties) error {
	for _, c := range []struct {
		was, want []string
		holder    func(name string) *holder
	}{
		{was.Groups, want.Groups, func(name string) *holder { return groupHolder(call, name) }},
		{was.Roles, want.Roles, func(name string) *holder { return roleHolder(call, name) }},
		{was.Users, want.Users, func(name string) *holder { return userHolder(call, name) }},
	} {
		for _, name := range c.want {
			if !slices.Contains(c.was, name) {
				if err := c.holder(name).attach(arn); err != nil {
					return err
				}
			}
		}
		for _, name := range c.was {
			if !slices.Contains(c.want, name) {
				if err := c.holder(name).detach(arn); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// groupHolder attaches and detaches a group's managed policies, and does nothing else.
func groupHolder(call *aws.Call, name string) *holder {
	return &holder{
		attach: func(arn string) error {
			_, err := api.AttachGroupPolicy.Do(call, &api.AttachGroupPolicyInput{GroupName: name, PolicyARN: arn})
			return err
		},
		detach: func(arn string) error {
			_, err := api.DetachGroupPolicy.Do(call, &api.DetachGroupPolicyInput{GroupName: name, PolicyARN: arn})
			return err
		},
	}
}

// policyUsers reads who a policy is attached to into its properties.
func policyUsers(call *aws.Call, arn string, p *policyProperties) error {
	in := &api.ListEntitiesForPolicyInput{PolicyARN: arn, PolicyUsageFilter: new(api.PolicyUsageTypePermissionsPolicy)}
	for more := true; more; more = in.Marker != nil {
		out, err := api.ListEntitiesForPolicy.Do(call, in)
		if err != nil {
			return err
		}
		for _, g := range out.PolicyGroups {
			p.Groups = append(p.Groups, *g.GroupName)
		}
		for _, r := range out.PolicyRoles {
			p.Roles = append(p.Roles, *r.RoleName)
		}
		for _, u := range out.PolicyUsers {
			p.Users = append(p.Users, *u.UserName)
		}
		in.Marker = out.Marker
	}
	return nil
}

func readPolicyResource(call *aws.Call, id string) (resource.Properties, error) {
	out, err := api.GetPolicy.Do(call, &api.GetPolicyInput{PolicyARN: id})
	if err != nil {
		return nil, err
	}
	version, err := api.GetPolicyVersion.Do(call, &api.GetPolicyVersionInput{PolicyARN: id, VersionID: *out.Policy.DefaultVersionID})
	if err != nil {
		return nil, err
	}
	p := policyProperties{
		ManagedPolicyName: *out.Policy.PolicyName, Path: *out.Policy.Path, PolicyDocument: shownDocument(*version.PolicyVersion.Document),
		PolicyARN: id, PolicyID: *out.Policy.PolicyID,
	}
	if out.Policy.Description != nil {
		p.Description = *out.Policy.Description
	}
	if err := policyUsers(call, id, &p); err != nil {
		return nil, err
	}
	return resource.Encode(p)
}

func updatePolicyResource(call *aws.Call, id string, current, desired resource.Properties) error {
	var was, want policyProperties
	if err := current.Decode(&was); err != nil {
		return err
	}
	if err := desired.Decode(&want); err != nil {
		return err
	}
	if text := documentText(want.PolicyDocument); text != documentText(was.PolicyDocument) {
		if err := replaceVersion(call, id, text); err != nil {
			return err
		}
	}
	return changePolicyUsers(call, id, &was, &want)
}

// replaceVersion makes a document the default version. The oldest version makes room where there is none.
func replaceVersion(call *aws.Call, arn, document string) error {
	out, err := api.ListPolicyVersions.Do(call, &api.ListPolicyVersionsInput{PolicyARN: arn})
	if err != nil {
		return err
	}
	if len(out.Versions) >= maxVersions {
		for _, v := range slices.Backward(out.Versions) {
			if !*v.IsDefaultVersion {
				if _, err := api.DeletePolicyVersion.Do(call, &api.DeletePolicyVersionInput{PolicyARN: arn, VersionID: *v.VersionID}); err != nil {
					return err
				}
				break
			}
		}
	}
	_, err = api.CreatePolicyVersion.Do(call, &api.CreatePolicyVersionInput{PolicyARN: arn, PolicyDocument: document, SetAsDefault: new(true)})
	return err
}

// deletePolicyResource deletes a policy with all its versions, and detaches it from everyone first.
func deletePolicyResource(call *aws.Call, id string) error {
	var p policyProperties
	if err := policyUsers(call, id, &p); err != nil {
		return err
	}
	if err := changePolicyUsers(call, id, &p, &policyProperties{}); err != nil {
		return err
	}
	out, err := api.ListPolicyVersions.Do(call, &api.ListPolicyVersionsInput{PolicyARN: id})
	if err != nil {
		return err
	}
	for _, v := range out.Versions {
		if *v.IsDefaultVersion {
			continue
		}
		if _, err := api.DeletePolicyVersion.Do(call, &api.DeletePolicyVersionInput{PolicyARN: id, VersionID: *v.VersionID}); err != nil {
			return err
		}
	}
	_, err = api.DeletePolicy.Do(call, &api.DeletePolicyInput{PolicyARN: id})
	return err
}

func listPolicyResources(call *aws.Call) (ids []string, err error) {
	in := &api.ListPoliciesInput{Scope: new(api.PolicyScopeTypeLocal)}
	for {
		out, err := api.ListPolicies.Do(call, in)
		if err != nil {
			return nil, err
		}
		for _, p := range out.Policies {
			ids = append(ids, *p.ARN)
		}
		if in.Marker = out.Marker; in.Marker == nil {
			return ids, nil
		}
	}
}
