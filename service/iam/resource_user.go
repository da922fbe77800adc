package iam

import (
	"slices"

	api "drydock/api/iam"
	"drydock/aws"
	"drydock/resource"
)

// userProperties are the properties of AWS::IAM::User. A password is given and not told.
type userProperties struct {
	UserName     string         `json:",omitempty"`
	Groups       []string       `json:",omitempty"`
	LoginProfile *loginProperty `json:",omitempty"`
	holderProperties
}

type loginProperty struct {
	Password              string `json:",omitempty"`
	PasswordResetRequired bool   `json:",omitempty"`
}

// changeLogin gives a user a password, another one, or none any more.
func changeLogin(call *aws.Call, user string, was, want *loginProperty) error {
	var err error
	switch {
	case want == nil && was != nil:
		_, err = api.DeleteLoginProfile.Do(call, &api.DeleteLoginProfileInput{UserName: &user})
	case want != nil && was == nil:
		_, err = api.CreateLoginProfile.Do(call, &api.CreateLoginProfileInput{UserName: &user, Password: &want.Password, PasswordResetRequired: &want.PasswordResetRequired})
	case want != nil:
		_, err = api.UpdateLoginProfile.Do(call, &api.UpdateLoginProfileInput{UserName: user, Password: optional(want.Password), PasswordResetRequired: &want.PasswordResetRequired})
	}
	return err
}

// readLogin tells whether a user has a password.
func readLogin(call *aws.Call, user string) (*loginProperty, error) {
	out, err := api.GetLoginProfile.Do(call, &api.GetLoginProfileInput{UserName: &user})
	if aws.IsError(err, "NoSuchEntity") {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &loginProperty{PasswordResetRequired: *out.LoginProfile.PasswordResetRequired}, nil
}

func createUserResource(call *aws.Call, desired resource.Properties) (string, error) {
	var p userProperties
	if err := desired.Decode(&p); err != nil {
		return "", err
	}
	if p.UserName == "" {
		p.UserName = call.NewID("User-", 12)
	}
	_, err := api.CreateUser.Do(call, &api.CreateUserInput{
		UserName: p.UserName, Path: optional(p.Path), PermissionsBoundary: optional(p.PermissionsBoundary), Tags: tagsOf(p.Tags),
	})
	if err != nil {
		return "", err
	}
	if err := changeGroups(call, p.UserName, nil, p.Groups); err != nil {
		return p.UserName, err
	}
	if err := changeLogin(call, p.UserName, nil, p.LoginProfile); err != nil {
		return p.UserName, err
	}
	return p.UserName, userHolder(call, p.UserName).change(&holderProperties{PermissionsBoundary: p.PermissionsBoundary}, &p.holderProperties)
}

func changeGroups(call *aws.Call, user string, was, want []string) error {
	for _, g := range want {
		if !slices.Contains(was, g) {
			if _, err := api.AddUserToGroup.Do(call, &api.AddUserToGroupInput{UserName: user, GroupName: g}); err != nil {
				return err
			}
		}
	}
	for _, g := range was {
		if !slices.Contains(want, g) {
			if _, err := api.RemoveUserFromGroup.Do(call, &api.RemoveUserFromGroupInput{UserName: user, GroupName: g}); err != nil {
				return err
			}
		}
	}
	return nil
}

func userGroups(call *aws.Call, user string) (names []string, err error) {
	// A user is in ten groups at most, which is less than a page.
	out, err := api.ListGroupsForUser.Do(call, &api.ListGroupsForUserInput{UserName: user})
	if err != nil {
		return nil, err
	}
	for _, g := range out.Groups {
		names = append(names, g.GroupName)
	}
	return names, nil
}

func readUserResource(call *aws.Call, id string) (resource.Properties, error) {
	out, err := api.GetUser.Do(call, &api.GetUserInput{UserName: &id})
	if err != nil {
		return nil, err
	}
	u := &out.User
	p := userProperties{UserName: u.UserName, holderProperties: holderProperties{Path: u.Path, ARN: u.ARN, Tags: tagProperties(u.Tags)}}
	if u.PermissionsBoundary != nil {
		p.PermissionsBoundary = *u.PermissionsBoundary.PermissionsBoundaryARN
	}
	if p.Groups, err = userGroups(call, id); err != nil {
		return nil, err
	}
	if p.LoginProfile, err = readLogin(call, id); err != nil {
		return nil, err
	}
	if err := userPolicies(call, id, &p.holderProperties); err != nil {
		return nil, err
	}
	return resource.Encode(p)
}

func updateUserResource(call *aws.Call, id string, current, desired resource.Properties) error {
	var was, want userProperties
	if err := current.Decode(&was); err != nil {
		return err
	}
	if err := desired.Decode(&want); err != nil {
		return err
	}
	if path := pathOr(optional(want.Path)); path != was.Path {
		if _, err := api.UpdateUser.Do(call, &api.UpdateUserInput{UserName: id, NewPath: &path}); err != nil {
			return err
		}
	}
	if err := changeGroups(call, id, was.Groups, want.Groups); err != nil {
		return err
	}
	if err := changeLogin(call, id, was.LoginProfile, want.LoginProfile); err != nil {
		return err
	}
	if err := userHolder(call, id).change(&was.holderProperties, &want.holderProperties); err != nil {
		return err
	}
	return changeUserTags(call, id, was.Tags, want.Tags)
}

// deleteUserResource deletes a user with its policies. Access keys are resources of their own.
func deleteUserResource(call *aws.Call, id string) error {
	groups, err := userGroups(call, id)
	if err != nil {
		return err
	}
	if err := changeGroups(call, id, groups, nil); err != nil {
		return err
	}
	login, err := readLogin(call, id)
	if err != nil {
		return err
	}
	if err := changeLogin(call, id, login, nil); err != nil {
		return err
	}
	var p holderProperties
	if err := userPolicies(call, id, &p); err != nil {
		return err
	}
	if err := userHolder(call, id).change(&p, &holderProperties{}); err != nil {
		return err
	}
	_, err = api.DeleteUser.Do(call, &api.DeleteUserInput{UserName: id})
	return err
}

func userHolder(call *aws.Call, name string) *holder {
	return &holder{
		attach: func(arn string) error {
			_, err := api.AttachUserPolicy.Do(call, &api.AttachUserPolicyInput{UserName: name, PolicyARN: arn})
			return err
		},
		detach: func(arn string) error {
			_, err := api.DetachUserPolicy.Do(call, &api.DetachUserPolicyInput{UserName: name, PolicyARN: arn})
			return err
		},
		put: func(policy, document string) error {
			_, err := api.PutUserPolicy.Do(call, &api.PutUserPolicyInput{UserName: name, PolicyName: policy, PolicyDocument: document})
			return err
		},
		drop: func(policy string) error {
			_, err := api.DeleteUserPolicy.Do(call, &api.DeleteUserPolicyInput{UserName: name, PolicyName: policy})
			return err
		},
		bound: func(arn string) error {
			_, err := api.PutUserPermissionsBoundary.Do(call, &api.PutUserPermissionsBoundaryInput{UserName: name, PermissionsBoundary: arn})
			return err
		},
		unbound: func() error {
			_, err := api.DeleteUserPermissionsBoundary.Do(call, &api.DeleteUserPermissionsBoundaryInput{UserName: name})
			return err
		},
	}
}

// userPolicies reads the policies of a user into its properties.
func userPolicies(call *aws.Call, name string, p *holderProperties) error {
	attached := &api.ListAttachedUserPoliciesInput{UserName: name}
	for more := true; more; more = attached.Marker != nil {
		out, err := api.ListAttachedUserPolicies.Do(call, attached)
		if err != nil {
			return err
		}
		for _, a := range out.AttachedPolicies {
			p.ManagedPolicyARNs = append(p.ManagedPolicyARNs, *a.PolicyARN)
		}
		attached.Marker = out.Marker
	}
	inline := &api.ListUserPoliciesInput{UserName: name}
	for more := true; more; more = inline.Marker != nil {
		out, err := api.ListUserPolicies.Do(call, inline)
		if err != nil {
			return err
		}
		for _, policy := range out.PolicyNames {
			got, err := api.GetUserPolicy.Do(call, &api.GetUserPolicyInput{UserName: name, PolicyName: policy})
			if err != nil {
				return err
			}
			p.Policies = append(p.Policies, inlineProperty{policy, shownDocument(got.PolicyDocument)})
		}
		inline.Marker = out.Marker
	}
	return nil
}

func changeUserTags(call *aws.Call, name string, was, want []tagProperty) error {
	return changeTags(was, want, func(tags []api.Tag) error {
		_, err := api.TagUser.Do(call, &api.TagUserInput{UserName: name, Tags: tags})
		return err
	}, func(keys []string) error {
		_, err := api.UntagUser.Do(call, &api.UntagUserInput{UserName: name, TagKeys: keys})
		return err
	})
}

func listUserResources(call *aws.Call) (ids []string, err error) {
	in := &api.ListUsersInput{}
	for {
		out, err := api.ListUsers.Do(call, in)
		if err != nil {
			return nil, err
		}
		for i := range out.Users {
			ids = append(ids, out.Users[i].UserName)
		}
		if in.Marker = out.Marker; in.Marker == nil {
			return ids, nil
		}
	}
}
