package iam_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	api "drydock/api/iam"
	"drydock/policy"
)

func TestSSHKey_FindsTheUserOfAnActiveKey(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	createUser(t, call, "u")
	identity, ok := c.Modules[0].Identity.(policy.SSHIdentity)
	if !ok {
		t.Fatal("IAM knows no SSH keys")
	}
	made := do(t, api.UploadSSHPublicKey, call, &api.UploadSSHPublicKeyInput{UserName: "u", SSHPublicKeyBody: file(t, "ssh.pub")}).SSHPublicKey
	blob, err := base64.StdEncoding.DecodeString(strings.Fields(file(t, "ssh.pub"))[1])
	if err != nil {
		t.Fatal(err)
	}
	key, err := identity.SSHKey(t.Context(), made.SSHPublicKeyID)
	if err != nil || !bytes.Equal(key.Blob, blob) || key.Principal.Name != "u" || key.Principal.Account != call.Account {
		t.Errorf("key %+v %v", key, err)
	}
	if _, err := identity.SSHKey(t.Context(), "u"); !errors.Is(err, policy.ErrUnknownKey) {
		t.Errorf("by the user's name: %v", err)
	}
	do(t, api.UpdateSSHPublicKey, call, &api.UpdateSSHPublicKeyInput{UserName: "u", SSHPublicKeyID: made.SSHPublicKeyID, Status: "Inactive"})
	if _, err := identity.SSHKey(t.Context(), made.SSHPublicKeyID); !errors.Is(err, policy.ErrUnknownKey) {
		t.Errorf("an inactive key: %v", err)
	}
}
