package iam

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/url"
	"slices"

	api "drydock/api/iam"
	"drydock/aws"
	"drydock/resource"
)

func (s *Service) resourceTypes() []resource.Type {
	return []resource.Type{
		{
			Name: "AWS::IAM::Role", PrimaryIdentifier: []string{"RoleName"}, ReadOnly: []string{"Arn", "RoleId"},
			CreateOnly: []string{"RoleName", "Path"},
			Create:     createRoleResource, Read: readRoleResource, Update: updateRoleResource, Delete: deleteRoleResource, List: listRoleResources,
		},
		{
			Name: "AWS::IAM::User", PrimaryIdentifier: []string{"UserName"}, ReadOnly: []string{"Arn"}, CreateOnly: []string{"UserName"},
			Create: createUserResource, Read: readUserResource, Update: updateUserResource, Delete: deleteUserResource, List: listUserResources,
		},
		{
			Name: "AWS::IAM::ManagedPolicy", PrimaryIdentifier: []string{"PolicyArn"},
			ReadOnly:   []string{"PolicyArn", "PolicyId"},
			CreateOnly: []string{"ManagedPolicyName", "Path", "Description"},
			Create:     createPolicyResource, Read: readPolicyResource, Update: updatePolicyResource, Delete: deletePolicyResource, List: listPolicyResources,
		},
		{
			Name: "AWS::IAM::InstanceProfile", PrimaryIdentifier: []string{"InstanceProfileName"}, ReadOnly: []string{"Arn"},
			CreateOnly: []string{"InstanceProfileName", "Path"},
			Create:     createProfileResource, Read: readProfileResource, Update: updateProfileResource, Delete: deleteProfileResource, List: listProfileResources,
		},
		groupResource(), s.additionResource(), s.embeddedResource(), inlineResource(userKind), inlineResource(groupKind), inlineResource(roleKind),
		oidcResource(), samlResource(), certificateResource(), deviceResource(), linkedResource(),
	}
}

// holderProperties are the properties that roles and users share.
type holderProperties struct {
	Path                string           `json:",omitempty"`
	ManagedPolicyARNs   []string         `json:"ManagedPolicyArns,omitempty"`
	Policies            []inlineProperty `json:",omitempty"`
	PermissionsBoundary string           `json:",omitempty"`
	Tags                []tagProperty    `json:",omitempty"`
	ARN                 string           `json:"Arn,omitempty"`
}

type inlineProperty struct {
	PolicyName     string
	PolicyDocument json.RawMessage
}

type tagProperty struct{ Key, Value string }

// documentText is a policy document given as an object, or as text that holds one.
func documentText(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	var compact bytes.Buffer
	if json.Compact(&compact, raw) != nil {
		return string(raw)
	}
	return compact.String()
}

// shownDocument is a document, as the API answers it, as a property.
func shownDocument(encoded string) json.RawMessage {
	text, err := url.PathUnescape(encoded)
	if err != nil || !json.Valid([]byte(text)) {
		return json.RawMessage("null")
	}
	return json.RawMessage(text)
}

func tagsOf(properties []tagProperty) []api.Tag {
	tags := make([]api.Tag, 0, len(properties))
	for _, t := range properties {
		tags = append(tags, api.Tag(t))
	}
	return tags
}

func tagProperties(tags []api.Tag) []tagProperty {
	var properties []tagProperty
	for _, t := range tags {
		properties = append(properties, tagProperty(t))
	}
	return properties
}

// changeTags brings tags from what they were to what they shall be.
func changeTags(was, want []tagProperty, tag func([]api.Tag) error, untag func([]string) error) error {
	var gone []string
	for _, t := range was {
		if !slices.ContainsFunc(want, func(o tagProperty) bool { return o.Key == t.Key }) {
			gone = append(gone, t.Key)
		}
	}
	if gone != nil {
		if err := untag(gone); err != nil {
			return err
		}
	}
	fresh := slices.DeleteFunc(tagsOf(want), func(t api.Tag) bool { return slices.Contains(was, tagProperty(t)) })
	if len(fresh) == 0 {
		return nil
	}
	return tag(fresh)
}

// holder is how the policies of a role or user are changed.
type holder struct {
	attach, detach, drop, bound func(string) error
	put                         func(name, document string) error
	unbound                     func() error
}

// change brings policies from what they were to what they shall be; what is new comes before the old goes.
func (h *holder) change(was, want *holderProperties) error {
	for _, arn := range want.ManagedPolicyARNs {
		if !slices.Contains(was.ManagedPolicyARNs, arn) {
			if err := h.attach(arn); err != nil {
				return err
			}
		}
	}
	for _, arn := range was.ManagedPolicyARNs {
		if !slices.Contains(want.ManagedPolicyARNs, arn) {
			if err := h.detach(arn); err != nil {
				return err
			}
		}
	}
	old := map[string]string{}
	for _, p := range was.Policies {
		old[p.PolicyName] = documentText(p.PolicyDocument)
	}
	for _, p := range want.Policies {
		if text := documentText(p.PolicyDocument); old[p.PolicyName] != text {
			if err := h.put(p.PolicyName, text); err != nil {
				return err
			}
		}
		delete(old, p.PolicyName)
	}
	for _, name := range slices.Sorted(maps.Keys(old)) {
		if err := h.drop(name); err != nil {
			return err
		}
	}
	switch {
	case want.PermissionsBoundary == was.PermissionsBoundary:
		return nil
	case want.PermissionsBoundary == "":
		return h.unbound()
	default:
		return h.bound(want.PermissionsBoundary)
	}
}

// optional is nil for an empty string.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// profileProperties are the properties of AWS::IAM::InstanceProfile.
type profileProperties struct {
	InstanceProfileName string   `json:",omitempty"`
	Path                string   `json:",omitempty"`
	Roles               []string `json:",omitempty"`
	ARN                 string   `json:"Arn,omitempty"`
}

func createProfileResource(call *aws.Call, desired resource.Properties) (string, error) {
	var p profileProperties
	if err := desired.Decode(&p); err != nil {
		return "", err
	}
	if p.InstanceProfileName == "" {
		p.InstanceProfileName = call.NewID("InstanceProfile-", 12)
	}
	_, err := api.CreateInstanceProfile.Do(call, &api.CreateInstanceProfileInput{InstanceProfileName: p.InstanceProfileName, Path: optional(p.Path)})
	if err != nil {
		return "", err
	}
	return p.InstanceProfileName, changeProfileRoles(call, p.InstanceProfileName, nil, p.Roles)
}

// changeProfileRoles replaces roles; the old one goes first, since a profile holds but one.
func changeProfileRoles(call *aws.Call, id string, was, want []string) error {
	for _, role := range was {
		if !slices.Contains(want, role) {
			_, err := api.RemoveRoleFromInstanceProfile.Do(call, &api.RemoveRoleFromInstanceProfileInput{InstanceProfileName: id, RoleName: role})
			if err != nil {
				return err
			}
		}
	}
	for _, role := range want {
		if !slices.Contains(was, role) {
			_, err := api.AddRoleToInstanceProfile.Do(call, &api.AddRoleToInstanceProfileInput{InstanceProfileName: id, RoleName: role})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func readProfileResource(call *aws.Call, id string) (resource.Properties, error) {
	out, err := api.GetInstanceProfile.Do(call, &api.GetInstanceProfileInput{InstanceProfileName: id})
	if err != nil {
		return nil, err
	}
	i := &out.InstanceProfile
	p := profileProperties{InstanceProfileName: i.InstanceProfileName, Path: i.Path, ARN: i.ARN}
	for _, r := range i.Roles {
		p.Roles = append(p.Roles, r.RoleName)
	}
	return resource.Encode(p)
}

func updateProfileResource(call *aws.Call, id string, current, desired resource.Properties) error {
	var was, want profileProperties
	if err := current.Decode(&was); err != nil {
		return err
	}
	if err := desired.Decode(&want); err != nil {
		return err
	}
	return changeProfileRoles(call, id, was.Roles, want.Roles)
}

func deleteProfileResource(call *aws.Call, id string) error {
	out, err := api.GetInstanceProfile.Do(call, &api.GetInstanceProfileInput{InstanceProfileName: id})
	if err != nil {
		return err
	}
	for _, r := range out.InstanceProfile.Roles {
		if err := changeProfileRoles(call, id, []string{r.RoleName}, nil); err != nil {
			return err
		}
	}
	_, err = api.DeleteInstanceProfile.Do(call, &api.DeleteInstanceProfileInput{InstanceProfileName: id})
	return err
}

func listProfileResources(call *aws.Call) (ids []string, err error) {
	in := &api.ListInstanceProfilesInput{}
	for {
		out, err := api.ListInstanceProfiles.Do(call, in)
		if err != nil {
			return nil, err
		}
		for _, p := range out.InstanceProfiles {
			ids = append(ids, p.InstanceProfileName)
		}
		if in.Marker = out.Marker; in.Marker == nil {
			return ids, nil
		}
	}
}
