//go:build terraform

package terraform

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"drydock/test/cloud"
)

// mirrorVariable names the folder that has the provider; defaultMirror is where it is looked for without.
const (
	mirrorVariable = "DRYDOCK_TERRAFORM_MIRROR"
	defaultMirror  = "/opt/tf-plugins"
)

// provider is what each module is given. The region of a second provider serves replicas.
const provider = `
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

provider "aws" {
  region            = "us-east-1"
  access_key        = "test"
  secret_key        = "test"
  s3_use_path_style = true
}

provider "aws" {
  alias             = "west"
  region            = "us-west-2"
  access_key        = "test"
  secret_key        = "test"
  s3_use_path_style = true
}
`

func TestMain(m *testing.M) { os.Exit(cloud.Main(m, "terraform")) }

// Modules are tried one after the other: each provider process takes half a gigabyte.
func TestModules(t *testing.T) {
	modules, err := filepath.Glob("testdata/*/main.tf")
	if err != nil || len(modules) == 0 {
		t.Fatalf("no modules: %v", err)
	}
	for _, file := range modules {
		folder := filepath.Dir(file)
		t.Run(filepath.Base(folder), func(t *testing.T) { apply(t, folder) })
	}
}

// family are the resources of the services that drydock has, as the provider names them.
var family = regexp.MustCompile(`^aws_(s3_|iam_|kms_|cloudwatch_log_|cloudwatch_query_|codecommit_|codebuild_)`)

// unused are those of the family that no module uses, and why.
var unused = map[string]string{
	"aws_iam_organizations_features": "waits for Organizations",
	"aws_kms_custom_key_store":       "waits for CloudHSM: the provider knows no other key stores",
	"aws_s3_directory_bucket":        "directory buckets are refused",
}

func TestModules_UseEveryResource(t *testing.T) {
	sources, err := filepath.Glob("testdata/*/*.tf")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, path := range sources {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile(`(?m)^resource "(\w+)"`).FindAllSubmatch(text, -1) {
			used[string(found[1])] = true
		}
	}
	m := newModule(t, "testdata/sts", "http://127.0.0.1:1") // any module, which is not applied
	m.run(t.Context(), t, 0, "init", "-input=false")
	var schema struct {
		Providers map[string]struct {
			Resources map[string]json.RawMessage `json:"resource_schemas"`
		} `json:"provider_schemas"`
	}
	if err := json.Unmarshal(m.run(t.Context(), t, 0, "providers", "schema", "-json"), &schema); err != nil {
		t.Fatal(err)
	}
	known := 0
	for _, p := range schema.Providers {
		for name := range p.Resources {
			if !family.MatchString(name) {
				continue
			}
			known++
			if because := unused[name]; used[name] == (because != "") {
				t.Errorf("%s: used by a module: %v; why not: %q", name, used[name], because)
			}
		}
	}
	if known < 80 {
		t.Errorf("the provider has only %d resources of these services", known)
	}
}

// apply takes a module through its life.
func apply(t *testing.T, folder string) {
	ctx := t.Context()
	drydock, err := cloud.Up(ctx, "--ephemeral")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := drydock.Stop(); err != nil {
			t.Error(err)
		}
	})
	m := newModule(t, folder, drydock.Endpoint)
	m.run(ctx, t, 0, "init", "-input=false")
	m.run(ctx, t, 0, "apply", "-input=false", "-auto-approve", "-var", "revision=1")
	m.run(ctx, t, 0, "plan", "-input=false", "-detailed-exitcode", "-var", "revision=1")
	m.run(ctx, t, changes, "plan", "-input=false", "-detailed-exitcode", "-var", "revision=2")
	m.run(ctx, t, 0, "apply", "-input=false", "-auto-approve", "-var", "revision=2")
	m.run(ctx, t, 0, "plan", "-input=false", "-detailed-exitcode", "-var", "revision=2")
	m.run(ctx, t, 0, "destroy", "-input=false", "-auto-approve", "-var", "revision=2")
}

// changes is the status of a plan with changes.
const changes = 2

// module is a copy of a module in a folder of its own.
type module struct {
	dir string
	env []string
}

func newModule(t *testing.T, folder, endpoint string) *module {
	t.Helper()
	mirror := os.Getenv(mirrorVariable)
	if mirror == "" {
		mirror = defaultMirror
	}
	if _, err := os.Stat(mirror); err != nil {
		t.Fatalf("no mirror of the provider, which %s names: %v", mirrorVariable, err)
	}
	m := &module{dir: t.TempDir()}
	if err := os.CopyFS(m.dir, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(m.dir, "terraform.rc")
	for name, text := range map[string]string{
		filepath.Join(m.dir, "provider.tf"): provider,
		config:                              fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", mirror),
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "AWS_") && !strings.HasPrefix(e, "TF_") {
			m.env = append(m.env, e)
		}
	}
	// S3 Control's requests go to a host named after the account and the endpoint's, which not every resolver knows: a proxy
	// needs no resolver, and drydock answers whatever it is addressed as.
	m.env = append(m.env, "HTTP_PROXY="+endpoint, "TF_CLI_CONFIG_FILE="+config, "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1", "AWS_ENDPOINT_URL="+endpoint, "AWS_EC2_METADATA_DISABLED=true")
	return m
}

// run runs terraform, wants it to exit with the status, and returns what it printed.
func (m *module) run(ctx context.Context, t *testing.T, status int, args ...string) []byte {
	t.Helper()
	command := exec.CommandContext(ctx, "terraform", append(args, "-no-color")...)
	command.Dir, command.Env = m.dir, m.env
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if got := command.ProcessState.ExitCode(); got != status {
		t.Fatalf("terraform %s: status %d, want %d\n%s%s", strings.Join(args, " "), got, status, out.String(), errs.String())
	}
	return out.Bytes()
}
