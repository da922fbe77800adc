package iam

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	api "drydock/api/iam"
	"drydock/aws"
	"drydock/resource"
	"drydock/store"
)

// kept are the properties of a resource that no operation tells again: AWS::IAM::Policy is one policy in several users, groups
// and roles, AWS::IAM::UserToGroupAddition several memberships, and neither has a place of its own in IAM.
type kept struct {
	Account, Type, ID string
	Properties        []byte
}

var keptResources = store.NewTable("iam/resource", func(k *kept) store.Key { return store.K(k.Account, k.Type, k.ID) })

// keep writes the properties of a resource.
func (s *Service) keep(call *aws.Call, typ, id string, properties any) error {
	data, err := json.Marshal(properties)
	if err != nil {
		return err
	}
	return s.DB.Update(call, func(tx *store.Tx) error {
		return keptResources.Put(tx, &kept{Account: call.Account, Type: typ, ID: id, Properties: data})
	})
}

// recallKept reads the properties of a resource.
func (s *Service) recallKept(call *aws.Call, typ, id string, properties any) error {
	return s.DB.View(call, func(tx *store.Tx) error {
		k, err := keptResources.Get(tx, store.K(call.Account, typ, id))
		if errors.Is(err, store.ErrNotFound) {
			return api.NewNoSuchEntityException("The resource %s of type %s cannot be found.", id, typ)
		}
		if err != nil {
			return err
		}
		return json.Unmarshal(k.Properties, properties)
	})
}

// drop forgets a resource.
func (s *Service) drop(call *aws.Call, typ, id string) error {
	return s.DB.Update(call, func(tx *store.Tx) error {
		_, err := keptResources.Delete(tx, store.K(call.Account, typ, id))
		return err
	})
}

// listKept lists the resources of a type.
func (s *Service) listKept(typ string) func(call *aws.Call) ([]string, error) {
	return func(call *aws.Call) (ids []string, err error) {
		err = s.DB.View(call, func(tx *store.Tx) error {
			for k, err := range keptResources.Scan(tx, store.Range{Prefix: store.K(call.Account, typ)}) {
				if err != nil {
					return err
				}
				ids = append(ids, k.ID)
			}
			return nil
		})
		return ids, err
	}
}

// inlineOps are the operations on the inline policies of one kind of entity.
type inlineOps struct {
	put  func(call *aws.Call, name, policy, document string) error
	get  func(call *aws.Call, name, policy string) (string, error)
	drop func(call *aws.Call, name, policy string) error
}

var inlineOf = map[kind]inlineOps{
	userKind: {
		func(call *aws.Call, name, policy, document string) error {
			_, err := api.PutUserPolicy.Do(call, &api.PutUserPolicyInput{UserName: name, PolicyName: policy, PolicyDocument: document})
			return err
		},
		func(call *aws.Call, name, policy string) (string, error) {
			out, err := api.GetUserPolicy.Do(call, &api.GetUserPolicyInput{UserName: name, PolicyName: policy})
			if err != nil {
				return "", err
			}
			return out.PolicyDocument, nil
		},
		func(call *aws.Call, name, policy string) error {
			_, err := api.DeleteUserPolicy.Do(call, &api.DeleteUserPolicyInput{UserName: name, PolicyName: policy})
			return err
		},
	},
	groupKind: {
		func(call *aws.Call, name, policy, document string) error {
			_, err := api.PutGroupPolicy.Do(call, &api.PutGroupPolicyInput{GroupName: name, PolicyName: policy, PolicyDocument: document})
			return err
		},
		func(call *aws.Call, name, policy string) (string, error) {
			out, err := api.GetGroupPolicy.Do(call, &api.GetGroupPolicyInput{GroupName: name, PolicyName: policy})
			if err != nil {
				return "", err
			}
			return out.PolicyDocument, nil
		},
		func(call *aws.Call, name, policy string) error {
			_, err := api.DeleteGroupPolicy.Do(call, &api.DeleteGroupPolicyInput{GroupName: name, PolicyName: policy})
			return err
		},
	},
	roleKind: {
		func(call *aws.Call, name, policy, document string) error {
			_, err := api.PutRolePolicy.Do(call, &api.PutRolePolicyInput{RoleName: name, PolicyName: policy, PolicyDocument: document})
			return err
		},
		func(call *aws.Call, name, policy string) (string, error) {
			out, err := api.GetRolePolicy.Do(call, &api.GetRolePolicyInput{RoleName: name, PolicyName: policy})
			if err != nil {
				return "", err
			}
			return out.PolicyDocument, nil
		},
		func(call *aws.Call, name, policy string) error {
			_, err := api.DeleteRolePolicy.Do(call, &api.DeleteRolePolicyInput{RoleName: name, PolicyName: policy})
			return err
		},
	},
}

const policyType = "AWS::IAM::Policy"

// embeddedProperties are the properties of AWS::IAM::Policy.
type embeddedProperties struct {
	PolicyName     string
	PolicyDocument json.RawMessage
	Groups         []string `json:",omitempty"`
	Roles          []string `json:",omitempty"`
	Users          []string `json:",omitempty"`
	ID             string   `json:"Id,omitempty"`
}

// holder is an entity that has the policy.
type policyHolder struct {
	kind kind
	name string
}

func (p *embeddedProperties) holders() []policyHolder {
	var all []policyHolder
	for _, list := range []struct {
		kind  kind
		names []string
	}{{groupKind, p.Groups}, {roleKind, p.Roles}, {userKind, p.Users}} {
		for _, name := range list.names {
			all = append(all, policyHolder{list.kind, name})
		}
	}
	return all
}

// embeddedResource is AWS::IAM::Policy.
func (s *Service) embeddedResource() resource.Type {
	return resource.Type{
		Name: policyType, PrimaryIdentifier: []string{"Id"}, ReadOnly: []string{"Id"}, List: s.listKept(policyType),
		Create: func(call *aws.Call, desired resource.Properties) (string, error) {
			var p embeddedProperties
			if err := desired.Decode(&p); err != nil {
				return "", err
			}
			if len(p.holders()) == 0 {
				return "", aws.NewError(400, "ValidationException", "At least one of [Groups,Roles,Users] must be non-empty.")
			}
			id := p.PolicyName + "-" + call.NewID("", 12)
			if err := s.keep(call, policyType, id, &p); err != nil {
				return "", err
			}
			return id, changeEmbedded(call, &embeddedProperties{}, &p)
		},
		Read: func(call *aws.Call, id string) (resource.Properties, error) {
			var was embeddedProperties
			if err := s.recallKept(call, policyType, id, &was); err != nil {
				return nil, err
			}
			now := embeddedProperties{PolicyName: was.PolicyName, PolicyDocument: was.PolicyDocument, ID: id}
			for _, h := range was.holders() {
				document, err := inlineOf[h.kind].get(call, h.name, was.PolicyName)
				if aws.IsError(err, "NoSuchEntity") {
					continue
				}
				if err != nil {
					return nil, err
				}
				now.PolicyDocument = shownDocument(document)
				switch h.kind {
				case groupKind:
					now.Groups = append(now.Groups, h.name)
				case roleKind:
					now.Roles = append(now.Roles, h.name)
				case userKind:
					now.Users = append(now.Users, h.name)
				}
			}
			return resource.Encode(now)
		},
		Update: func(call *aws.Call, id string, _, desired resource.Properties) error {
			var was, want embeddedProperties
			if err := s.recallKept(call, policyType, id, &was); err != nil {
				return err
			}
			if err := desired.Decode(&want); err != nil {
				return err
			}
			want.ID = ""
			// What is to go is not forgotten before it is gone.
			if err := changeEmbedded(call, &was, &want); err != nil {
				return err
			}
			return s.keep(call, policyType, id, &want)
		},
		Delete: func(call *aws.Call, id string) error {
			var was embeddedProperties
			if err := s.recallKept(call, policyType, id, &was); err != nil {
				return err
			}
			if err := changeEmbedded(call, &was, &embeddedProperties{}); err != nil {
				return err
			}
			return s.drop(call, policyType, id)
		},
	}
}

// changeEmbedded brings a policy from where it was to where it shall be; what is new comes before the old goes.
func changeEmbedded(call *aws.Call, was, want *embeddedProperties) error {
	for _, h := range want.holders() {
		if err := inlineOf[h.kind].put(call, h.name, want.PolicyName, documentText(want.PolicyDocument)); err != nil {
			return err
		}
	}
	for _, h := range was.holders() {
		if was.PolicyName == want.PolicyName && slices.Contains(want.holders(), h) {
			continue
		}
		if err := inlineOf[h.kind].drop(call, h.name, was.PolicyName); err != nil && !aws.IsError(err, "NoSuchEntity") {
			return err
		}
	}
	return nil
}

// inlineResource is AWS::IAM::UserPolicy, GroupPolicy or RolePolicy: one policy of one entity.
func inlineResource(k kind) resource.Type {
	holder := k.title() + "Name"
	ops := inlineOf[k]
	decode := func(p resource.Properties) (name, policy, document string, err error) {
		var all map[string]json.RawMessage
		if err := p.Decode(&all); err != nil {
			return "", "", "", err
		}
		for key, value := range all {
			switch key {
			case holder:
				err = json.Unmarshal(value, &name)
			case "PolicyName":
				err = json.Unmarshal(value, &policy)
			case "PolicyDocument":
				document = documentText(value)
			default:
				err = errors.New(key)
			}
			if err != nil {
				return "", "", "", aws.NewError(400, "ValidationException", "Properties validation failed: %v", err)
			}
		}
		return name, policy, document, nil
	}
	return resource.Type{
		Name: "AWS::IAM::" + k.title() + "Policy", PrimaryIdentifier: []string{"PolicyName", holder}, CreateOnly: []string{"PolicyName", holder},
		Create: func(call *aws.Call, desired resource.Properties) (string, error) {
			name, policy, document, err := decode(desired)
			if err != nil {
				return "", err
			}
			if _, err := ops.get(call, name, policy); err == nil {
				return "", api.NewEntityAlreadyExistsException("The %s policy with name %s already exists.", k, policy)
			}
			return policy + "|" + name, ops.put(call, name, policy, document)
		},
		Read: func(call *aws.Call, id string) (resource.Properties, error) {
			policy, name, _ := strings.Cut(id, "|")
			document, err := ops.get(call, name, policy)
			if err != nil {
				return nil, err
			}
			return resource.Encode(map[string]any{holder: name, "PolicyName": policy, "PolicyDocument": shownDocument(document)})
		},
		Update: func(call *aws.Call, id string, _, desired resource.Properties) error {
			policy, name, _ := strings.Cut(id, "|")
			_, _, document, err := decode(desired)
			if err != nil {
				return err
			}
			return ops.put(call, name, policy, document)
		},
		Delete: func(call *aws.Call, id string) error {
			policy, name, _ := strings.Cut(id, "|")
			return ops.drop(call, name, policy)
		},
		List: func(call *aws.Call) ([]string, error) { return listInlineResources(call, k) },
	}
}

// listInlineResources lists the inline policies of all entities of a kind.
func listInlineResources(call *aws.Call, k kind) (ids []string, err error) {
	in := &api.GetAccountAuthorizationDetailsInput{Filter: []api.EntityType{api.EntityType(k.title())}}
	for {
		out, err := api.GetAccountAuthorizationDetails.Do(call, in)
		if err != nil {
			return nil, err
		}
		add := func(name *string, policies []api.PolicyDetail) {
			for _, p := range policies {
				ids = append(ids, *p.PolicyName+"|"+*name)
			}
		}
		for i := range out.UserDetailList {
			add(out.UserDetailList[i].UserName, out.UserDetailList[i].UserPolicyList)
		}
		for i := range out.GroupDetailList {
			add(out.GroupDetailList[i].GroupName, out.GroupDetailList[i].GroupPolicyList)
		}
		for i := range out.RoleDetailList {
			add(out.RoleDetailList[i].RoleName, out.RoleDetailList[i].RolePolicyList)
		}
		if in.Marker = out.Marker; in.Marker == nil {
			return ids, nil
		}
	}
}
