package script

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"drydock/ledger"
	"drydock/test/cloud"
)

// selfBuildspec builds drydock with the modules and the build cache of this machine, which the test shows over HTTP.
const selfBuildspec = `version: 0.2
phases:
  install:
    runtime-versions:
      golang: latest
    commands:
      - aws s3 cp --no-progress s3://tools/gocache /tmp/gocache
      - chmod +x /tmp/gocache
      - export GOCACHEPROG="/tmp/gocache $HOST/gocache /tmp/gocache-files"
  build:
    commands:
      - go build -o drydock ./cmd/drydock
  post_build:
    commands:
      - ./drydock version
artifacts:
  files: [drydock]
`

// TestSelf builds drydock from its own repository, pushed into CodeCommit.
func TestSelf(t *testing.T) {
	ledger.Covers(t, "CC-05")
	t.Parallel()
	root, err := cloud.Root()
	if err != nil {
		t.Fatal(err)
	}
	host := hostCaches(t)
	testscript.Run(t, testscript.Params{
		Files: []string{filepath.Join("testdata", "self.txtar")}, Cmds: commands, RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("ROOT", root)
			return errors.Join(setup(env), cloneSelf(root, env), buildCache(env), describeBuild(env, host))
		},
	})
}

// hostCaches shows the go command's caches to the build: its module cache is a module proxy.
func hostCaches(t *testing.T) string {
	mux := http.NewServeMux()
	for path, variable := range map[string]string{"/modules/": "GOMODCACHE", "/gocache/": "GOCACHE"} {
		dir := goEnv(t, variable)
		if variable == "GOMODCACHE" {
			dir = filepath.Join(dir, "cache", "download")
		}
		mux.Handle("GET "+path, http.StripPrefix(path, http.FileServerFS(os.DirFS(dir))))
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

func goEnv(t *testing.T, name string) string {
	out, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
	if err != nil {
		t.Fatalf("go env %s: %v", name, err)
	}
	return strings.TrimSpace(string(out))
}

// cloneSelf clones the repository, and names the commit to push: HEAD, or where the history was cut off, which no server
// takes, a commit of the same files without one.
func cloneSelf(root string, env *testscript.Env) error {
	clone := filepath.Join(env.WorkDir, "self.git")
	git := func(args ...string) (string, error) {
		cmd := exec.Command("git", args...)
		cmd.Env = append(os.Environ(), env.Vars...)
		out, err := cmd.Output()
		if err != nil {
			return "", fmt.Errorf("git %s: %w", args[0], err)
		}
		return strings.TrimSpace(string(out)), nil
	}
	if _, err := git("clone", "--quiet", "--bare", root, clone); err != nil {
		return err
	}
	commit, err := git("-C", clone, "rev-parse", "HEAD")
	if err != nil {
		return err
	}
	if shallow, err := git("-C", clone, "rev-parse", "--is-shallow-repository"); err != nil || shallow == "true" {
		if commit, err = git("-C", clone, "commit-tree", "-m", "drydock", commit+"^{tree}"); err != nil {
			return err
		}
	}
	env.Setenv("COMMIT", commit)
	return nil
}

// buildCache builds what lends the machine this one's build cache.
func buildCache(env *testscript.Env) error {
	out, err := exec.Command("go", "build", "-o", filepath.Join(env.WorkDir, "gocache"), "./gocache").CombinedOutput()
	if err != nil {
		return fmt.Errorf("build gocache: %w\n%s", err, out)
	}
	return nil
}

// describeBuild writes what the project takes from files. The module cache has the same path in the machine as here,
// because the go command's cache goes by the folders that the sources are in.
func describeBuild(env *testscript.Env, host string) error {
	modules, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		return fmt.Errorf("go env GOMODCACHE: %w", err)
	}
	var variables []map[string]string
	for _, v := range [][2]string{
		{"HOST", host}, {"GOPROXY", host + "/modules"}, {"GOSUMDB", "off"}, {"GOTOOLCHAIN", "local"},
		{"GOMODCACHE", strings.TrimSpace(string(modules))}, {"GOFLAGS", "-modcacherw -buildvcs=false"},
	} {
		variables = append(variables, map[string]string{"name": v[0], "value": v[1]})
	}
	documents := map[string]any{
		"environment.json": map[string]any{"type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0",
			"computeType": "BUILD_GENERAL1_MEDIUM", "environmentVariables": variables},
		"source.json": map[string]any{"type": "CODECOMMIT", "location": "https://git-codecommit.us-east-1.amazonaws.com/v1/repos/drydock",
			"buildspec": selfBuildspec, "gitCloneDepth": 1},
	}
	for name, document := range documents {
		text, err := json.Marshal(document)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(env.WorkDir, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
