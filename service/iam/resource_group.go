package iam

import (
	"slices"

	api "drydock/api/iam"
	"drydock/aws"
	"drydock/resource"
)

// groupProperties are the properties of AWS::IAM::Group.
type groupProperties struct {
	GroupName         string           `json:",omitempty"`
	Path              string           `json:",omitempty"`
	ManagedPolicyARNs []string         `json:"ManagedPolicyArns,omitempty"`
	Policies          []inlineProperty `json:",omitempty"`
	ARN               string           `json:"Arn,omitempty"`
}

// holder are the properties that a group shares with users and roles.
func (p *groupProperties) holder() *holderProperties {
	return &holderProperties{ManagedPolicyARNs: p.ManagedPolicyARNs, Policies: p.Policies}
}

// groupPolicyHolder changes the policies of a group.
func groupPolicyHolder(call *aws.Call, name string) *holder {
	h := groupHolder(call, name)
	h.put = func(policy, document string) error { return inlineOf[groupKind].put(call, name, policy, document) }
	h.drop = func(policy string) error { return inlineOf[groupKind].drop(call, name, policy) }
	return h
}

func groupResource() resource.Type {
	return resource.Type{
		Name: "AWS::IAM::Group", PrimaryIdentifier: []string{"GroupName"}, ReadOnly: []string{"Arn"}, CreateOnly: []string{"GroupName"},
		Create: createGroupResource, Read: readGroupResource, Update: updateGroupResource, Delete: deleteGroupResource, List: listGroupResources,
	}
}

func createGroupResource(call *aws.Call, desired resource.Properties) (string, error) {
	var p groupProperties
	if err := desired.Decode(&p); err != nil {
		return "", err
	}
	if p.GroupName == "" {
		p.GroupName = call.NewID("Group-", 12)
	}
	if _, err := api.CreateGroup.Do(call, &api.CreateGroupInput{GroupName: p.GroupName, Path: optional(p.Path)}); err != nil {
		return "", err
	}
	return p.GroupName, groupPolicyHolder(call, p.GroupName).change(&holderProperties{}, p.holder())
}

func readGroupResource(call *aws.Call, id string) (resource.Properties, error) {
	out, err := api.GetGroup.Do(call, &api.GetGroupInput{GroupName: id, MaxItems: new(int32(1))})
	if err != nil {
		return nil, err
	}
	p := groupProperties{GroupName: out.Group.GroupName, Path: out.Group.Path, ARN: out.Group.ARN}
	attached := &api.ListAttachedGroupPoliciesInput{GroupName: id}
	for more := true; more; more = attached.Marker != nil {
		out, err := api.ListAttachedGroupPolicies.Do(call, attached)
		if err != nil {
			return nil, err
		}
		for _, a := range out.AttachedPolicies {
			p.ManagedPolicyARNs = append(p.ManagedPolicyARNs, *a.PolicyARN)
		}
		attached.Marker = out.Marker
	}
	inline := &api.ListGroupPoliciesInput{GroupName: id}
	for more := true; more; more = inline.Marker != nil {
		out, err := api.ListGroupPolicies.Do(call, inline)
		if err != nil {
			return nil, err
		}
		for _, name := range out.PolicyNames {
			document, err := inlineOf[groupKind].get(call, id, name)
			if err != nil {
				return nil, err
			}
			p.Policies = append(p.Policies, inlineProperty{name, shownDocument(document)})
		}
		inline.Marker = out.Marker
	}
	return resource.Encode(p)
}

func updateGroupResource(call *aws.Call, id string, current, desired resource.Properties) error {
	var was, want groupProperties
	if err := current.Decode(&was); err != nil {
		return err
	}
	if err := desired.Decode(&want); err != nil {
		return err
	}
	if path := pathOr(optional(want.Path)); path != was.Path {
		if _, err := api.UpdateGroup.Do(call, &api.UpdateGroupInput{GroupName: id, NewPath: &path}); err != nil {
			return err
		}
	}
	return groupPolicyHolder(call, id).change(was.holder(), want.holder())
}

// deleteGroupResource deletes a group with its policies. Members are resources of their own.
func deleteGroupResource(call *aws.Call, id string) error {
	current, err := readGroupResource(call, id)
	if err != nil {
		return err
	}
	var p groupProperties
	if err := current.Decode(&p); err != nil {
		return err
	}
	if err := groupPolicyHolder(call, id).change(p.holder(), &holderProperties{}); err != nil {
		return err
	}
	_, err = api.DeleteGroup.Do(call, &api.DeleteGroupInput{GroupName: id})
	return err
}

func listGroupResources(call *aws.Call) (ids []string, err error) {
	in := &api.ListGroupsInput{}
	for {
		out, err := api.ListGroups.Do(call, in)
		if err != nil {
			return nil, err
		}
		for i := range out.Groups {
			ids = append(ids, out.Groups[i].GroupName)
		}
		if in.Marker = out.Marker; in.Marker == nil {
			return ids, nil
		}
	}
}

const additionType = "AWS::IAM::UserToGroupAddition"

// additionProperties are the properties of AWS::IAM::UserToGroupAddition.
type additionProperties struct {
	GroupName string
	Users     []string
	ID        string `json:"Id,omitempty"`
}

// change makes the users members of the group, and those that were no members of theirs.
func (p *additionProperties) change(call *aws.Call, was *additionProperties) error {
	for _, u := range p.Users {
		if _, err := api.AddUserToGroup.Do(call, &api.AddUserToGroupInput{GroupName: p.GroupName, UserName: u}); err != nil {
			return err
		}
	}
	for _, u := range was.Users {
		if was.GroupName == p.GroupName && slices.Contains(p.Users, u) {
			continue
		}
		_, err := api.RemoveUserFromGroup.Do(call, &api.RemoveUserFromGroupInput{GroupName: was.GroupName, UserName: u})
		if err != nil && !aws.IsError(err, "NoSuchEntity") {
			return err
		}
	}
	return nil
}

// additionResource is AWS::IAM::UserToGroupAddition.
func (s *Service) additionResource() resource.Type {
	return resource.Type{
		Name: additionType, PrimaryIdentifier: []string{"Id"}, ReadOnly: []string{"Id"}, List: s.listKept(additionType),
		Create: func(call *aws.Call, desired resource.Properties) (string, error) {
			var p additionProperties
			if err := desired.Decode(&p); err != nil {
				return "", err
			}
			id := p.GroupName + "-" + call.NewID("", 12)
			if err := s.keep(call, additionType, id, &p); err != nil {
				return "", err
			}
			return id, p.change(call, &additionProperties{})
		},
		Read: func(call *aws.Call, id string) (resource.Properties, error) {
			var p additionProperties
			if err := s.recallKept(call, additionType, id, &p); err != nil {
				return nil, err
			}
			members := map[string]bool{}
			in := &api.GetGroupInput{GroupName: p.GroupName}
			for more := true; more; more = in.Marker != nil {
				out, err := api.GetGroup.Do(call, in)
				if err != nil {
					return nil, err
				}
				for i := range out.Users {
					members[fold(out.Users[i].UserName)] = true
				}
				in.Marker = out.Marker
			}
			p.ID = id
			p.Users = slices.DeleteFunc(p.Users, func(u string) bool { return !members[fold(u)] })
			return resource.Encode(p)
		},
		Update: func(call *aws.Call, id string, _, desired resource.Properties) error {
			var was, want additionProperties
			if err := s.recallKept(call, additionType, id, &was); err != nil {
				return err
			}
			if err := desired.Decode(&want); err != nil {
				return err
			}
			want.ID = ""
			if err := want.change(call, &was); err != nil {
				return err
			}
			return s.keep(call, additionType, id, &want)
		},
		Delete: func(call *aws.Call, id string) error {
			var was additionProperties
			if err := s.recallKept(call, additionType, id, &was); err != nil {
				return err
			}
			if err := (&additionProperties{}).change(call, &was); err != nil {
				return err
			}
			return s.drop(call, additionType, id)
		},
	}
}
