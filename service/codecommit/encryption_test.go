package codecommit_test

import (
	"bytes"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"testing"

	api "drydock/api/codecommit"
	"drydock/aws"
	"drydock/ledger"
	"drydock/service"
	"drydock/service/codecommit"
	"drydock/service/servicetest"
)

// newSealed returns a cloud with a repository "app" under a key, its keyring and its folder.
func newSealed(t *testing.T, key string) (call *aws.Call, keys *servicetest.Keyring, dir string) {
	t.Helper()
	keys = &servicetest.Keyring{}
	cloud := servicetest.New(t, func(d service.Deps) []service.Module {
		dir = d.Dir
		return []service.Module{codecommit.New(d), keys.Module()}
	})
	call = cloud.Call(t)
	in := &api.CreateRepositoryInput{RepositoryName: "app"}
	if key != "" {
		in.KMSKeyID = &key
	}
	if _, err := api.CreateRepository.Do(call, in); err != nil {
		t.Fatal(err)
	}
	return call, keys, dir
}

func TestEncryption_RepositoriesAreSealedUnderAKMSKey(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CC-03")
	for given, key := range map[string]string{"": "alias/aws/codecommit", "mine": "mine", servicetest.KeyARN + "mine": "mine"} {
		call, keys, dir := newSealed(t, given)
		putFile(t, call, "app", "main", "secret.txt", "the secret text")
		out, err := api.GetRepository.Do(call, &api.GetRepositoryInput{RepositoryName: "app"})
		if err != nil || *out.RepositoryMetadata.KMSKeyID != servicetest.KeyARN+key {
			t.Errorf("%s: %+v %v", given, out, err)
		}
		context := map[string]string{"aws:codecommit:id": *out.RepositoryMetadata.RepositoryID}
		if keys.Via != "codecommit.amazonaws.com" || !maps.Equal(keys.Context, context) {
			t.Errorf("%s: used via %s in %v", given, keys.Via, keys.Context)
		}
		files := 0
		err = filepath.WalkDir(filepath.Join(dir, "codecommit", "repositories"), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			content, err := os.ReadFile(path)
			for _, plain := range []string{"PACK", "refs/heads/main", "the secret text"} {
				if bytes.Contains(content, []byte(plain)) {
					t.Errorf("%s holds %q", path, plain)
				}
			}
			files++
			return err
		})
		if err != nil || files < 3 {
			t.Errorf("%d files, %v", files, err)
		}
	}
}

func TestEncryption_AKeyThatCannotBeUsedKeepsCallersOut(t *testing.T) {
	t.Parallel()
	call, keys, _ := newSealed(t, "mine")
	putFile(t, call, "app", "main", "a", "1")
	use := map[string]func() error{
		"GetRepository": func() error {
			_, err := api.GetRepository.Do(call, &api.GetRepositoryInput{RepositoryName: "app"})
			return err
		},
		"GetFile": func() error {
			_, err := api.GetFile.Do(call, &api.GetFileInput{RepositoryName: "app", FilePath: "a"})
			return err
		},
		"PutFile": func() error {
			_, err := api.PutFile.Do(call, &api.PutFileInput{RepositoryName: "app", BranchName: "other", FilePath: "a", FileContent: []byte("2")})
			return err
		},
		"CreateRepository": func() error {
			_, err := api.CreateRepository.Do(call, &api.CreateRepositoryInput{RepositoryName: "b", KMSKeyID: new("mine")})
			return err
		},
		"UpdateRepositoryEncryptionKey": func() error {
			_, err := api.UpdateRepositoryEncryptionKey.Do(call, &api.UpdateRepositoryEncryptionKeyInput{RepositoryName: "app", KMSKeyID: "other"})
			return err
		},
	}
	for want, change := range map[string]func(*servicetest.Keyring){
		"EncryptionKeyDisabledException":     func(k *servicetest.Keyring) { k.Disabled = "mine" },
		"EncryptionKeyNotFoundException":     func(k *servicetest.Keyring) { k.Missing = "mine" },
		"EncryptionKeyAccessDeniedException": func(k *servicetest.Keyring) { k.Refuse = call.Principal.ARN },
		"EncryptionKeyUnavailableException":  func(k *servicetest.Keyring) { k.Throttled = true },
	} {
		keys.Set(change)
		for name, do := range use {
			if err := do(); !aws.IsError(err, want) {
				t.Errorf("%s: %v, want %s", name, err, want)
			}
		}
		out, err := api.BatchGetRepositories.Do(call, &api.BatchGetRepositoriesInput{RepositoryNames: []string{"app", "none"}})
		if err != nil || len(out.Repositories) != 0 || len(out.Errors) != 1 || string(*out.Errors[0].ErrorCode) != want || len(out.RepositoriesNotFound) != 1 {
			t.Errorf("BatchGetRepositories: %+v %v", out, err)
		}
		keys.Set(func(k *servicetest.Keyring) { k.Disabled, k.Missing, k.Refuse, k.Throttled = "", "", "", false })
	}
	// What needs no files needs no key.
	keys.Set(func(k *servicetest.Keyring) { k.Disabled = "mine" })
	if _, err := api.ListRepositories.Do(call, &api.ListRepositoriesInput{}); err != nil {
		t.Error(err)
	}
	if _, err := api.DeleteRepository.Do(call, &api.DeleteRepositoryInput{RepositoryName: "app"}); err != nil {
		t.Error(err)
	}
}

func TestUpdateRepositoryEncryptionKey(t *testing.T) {
	t.Parallel()
	call, keys, _ := newSealed(t, "")
	commit := putFile(t, call, "app", "main", "a", "1")
	update := func(name, key string) (*api.UpdateRepositoryEncryptionKeyOutput, error) {
		return api.UpdateRepositoryEncryptionKey.Do(call, &api.UpdateRepositoryEncryptionKeyInput{RepositoryName: name, KMSKeyID: key})
	}
	out, err := update("app", "mine")
	if err != nil || *out.KMSKeyID != servicetest.KeyARN+"mine" || *out.OriginalKMSKeyID != servicetest.KeyARN+"alias/aws/codecommit" || *out.RepositoryID == "" {
		t.Fatalf("%+v %v", out, err)
	}
	keys.Set(func(k *servicetest.Keyring) { k.Disabled = "alias/aws/codecommit" }) // which is not needed any more
	file, err := api.GetFile.Do(call, &api.GetFileInput{RepositoryName: "app", FilePath: "a"})
	if err != nil || file.CommitID != commit.CommitID {
		t.Errorf("%+v %v", file, err)
	}
	keys.Set(func(k *servicetest.Keyring) { k.Disabled, k.Missing = "off", "gone" })
	for _, test := range []struct{ name, key, want string }{
		{"", "mine", "RepositoryNameRequiredException"},
		{"a b", "mine", "InvalidRepositoryNameException"},
		{"none", "mine", "RepositoryDoesNotExistException"},
		{"app", "", "EncryptionKeyRequiredException"},
		{"app", "off", "EncryptionKeyDisabledException"},
		{"app", "gone", "EncryptionKeyNotFoundException"},
	} {
		_, err := update(test.name, test.key)
		servicetest.WantError(t, err, test.want)
	}
	shown, err := api.GetRepository.Do(call, &api.GetRepositoryInput{RepositoryName: "app"})
	if err != nil || *shown.RepositoryMetadata.KMSKeyID != servicetest.KeyARN+"mine" {
		t.Errorf("%+v %v", shown, err)
	}
}
