package kms_test

import (
	"strings"
	"testing"

	"drydock/api/iam"
	api "drydock/api/kms"
	"drydock/aws"
	"drydock/service"
	"drydock/service/kms"
	"drydock/service/servicetest"
)

// directory is an IAM that knows users and roles by name, with their unique ids.
type directory map[string]string

func (d directory) getUser(call *aws.Call, in *iam.GetUserInput) (*iam.GetUserOutput, error) {
	id, ok := d["user/"+*in.UserName]
	if !ok {
		return nil, iam.NewNoSuchEntityException("The user with name %s cannot be found.", *in.UserName)
	}
	return &iam.GetUserOutput{User: iam.User{UserID: id, ARN: userARN(call.Account, *in.UserName)}}, nil
}

func (d directory) getRole(call *aws.Call, in *iam.GetRoleInput) (*iam.GetRoleOutput, error) {
	id, ok := d["role/"+in.RoleName]
	if !ok {
		return nil, iam.NewNoSuchEntityException("The role with name %s cannot be found.", in.RoleName)
	}
	return &iam.GetRoleOutput{Role: iam.Role{RoleID: id, ARN: "arn:aws:iam::" + call.Account + ":role/path/" + in.RoleName}}, nil
}

func TestPrincipals_AreKnownByTheirUniqueIDs(t *testing.T) {
	t.Parallel()
	known := directory{"user/guest": "AIDAGUEST00000000001", "role/worker": "AROAWORKER0000000001"}
	c := servicetest.New(t, func(d service.Deps) []service.Module {
		return []service.Module{kms.New(d), {
			API: iam.API, Identity: people{}, Operations: []aws.Handler{iam.GetUser.Handle(known.getUser), iam.GetRole.Handle(known.getRole)},
		}}
	})
	root := c.Call(t)
	const role = "arn:aws:iam::111122223333:role/path/worker"
	guest := func(id string) *aws.Call {
		return c.CallAs(t, aws.Principal{Type: aws.PrincipalUser, Account: servicetest.Account, Name: "guest", ID: id, ARN: userARN(servicetest.Account, "guest")}, servicetest.Region)
	}
	worker := func(id string) *aws.Call {
		return c.CallAs(t, aws.Principal{
			Type: aws.PrincipalAssumedRole, Account: servicetest.Account, Name: "worker", ID: id + ":s", RoleARN: role,
			ARN: "arn:aws:sts::111122223333:assumed-role/worker/s", Session: &aws.Session{},
		}, servicetest.Region)
	}
	policy := func(names ...string) string {
		return statements(`{"Effect":"Allow","Principal":{"AWS":["` + strings.Join(names, `","`) + `"]},"Action":"kms:Encrypt","Resource":"*"}`)
	}
	_, err := api.CreateKey.Do(root, &api.CreateKeyInput{Policy: new(policy(userARN(servicetest.Account, "nobody")))})
	wantMessage(t, err, "MalformedPolicyDocumentException", "Policy contains a statement with one or more invalid principals.")
	_, err = api.CreateKey.Do(root, &api.CreateKeyInput{Policy: new(policy("arn:aws:iam::111122223333:role/worker"))}) // its path is missing
	servicetest.WantError(t, err, "MalformedPolicyDocumentException")
	k := createKey(t, root, &api.CreateKeyInput{Policy: new(policy(userARN(servicetest.Account, "guest"), role, otherAccount))})
	grantedKey := createKey(t, root, &api.CreateKeyInput{})
	_, err = api.CreateGrant.Do(root, &api.CreateGrantInput{KeyID: grantedKey.KeyID, GranteePrincipal: userARN(servicetest.Account, "nobody"), Operations: []api.GrantOperation{"Encrypt"}})
	servicetest.WantError(t, err, "InvalidArnException")
	for _, name := range []string{userARN(servicetest.Account, "guest"), role} {
		if _, err := api.CreateGrant.Do(root, &api.CreateGrantInput{KeyID: grantedKey.KeyID, GranteePrincipal: name, Operations: []api.GrantOperation{"Encrypt"}}); err != nil {
			t.Fatal(err)
		}
	}
	for name, tc := range map[string]struct {
		call *aws.Call
		code string
	}{
		"user":       {guest("AIDAGUEST00000000001"), ""},
		"other user": {guest("AIDAGUEST00000000002"), "AccessDeniedException"},
		"role":       {worker("AROAWORKER0000000001"), ""},
		"other role": {worker("AROAWORKER0000000002"), "AccessDeniedException"},
	} {
		for how, id := range map[string]string{"policy": k.KeyID, "grant": grantedKey.KeyID} {
			if _, err := api.Encrypt.Do(tc.call, &api.EncryptInput{KeyID: id, Plaintext: []byte("x")}); aws.ErrorCode(err) != tc.code {
				t.Errorf("%s by %s: %v", name, how, err)
			}
		}
	}
}
