package codecommit

import (
	"testing"

	"drydock/engine/git"
)

func TestParseCommand_TakesGitsCommandsOnly(t *testing.T) {
	t.Parallel()
	for command, want := range map[string]struct {
		service git.Service
		name    string
	}{
		"git-upload-pack '/v1/repos/app'":  {git.UploadPack, "app"},
		"git-receive-pack '/v1/repos/app'": {git.ReceivePack, "app"},
		"git upload-pack v1/repos/app":     {git.UploadPack, "app"},
		"git-upload-pack '/v1/repos/a/b'":  {git.UploadPack, "a/b"}, // no name of a repository: not found
		"git-upload-pack '/etc'":           {},
		"git-upload-archive '/v1/repos/a'": {},
		"git-upload-pack":                  {},
		"sh":                               {},
		"":                                 {},
	} {
		service, name, err := parseCommand(command)
		if service != want.service && err == nil || name != want.name || (err == nil) != (want.name != "") {
			t.Errorf("%q: %s %s %v", command, service, name, err)
		}
	}
}
