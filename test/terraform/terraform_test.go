//go:build terraform

package terraform

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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

// run runs terraform and wants it to exit with the status.
func (m *module) run(ctx context.Context, t *testing.T, status int, args ...string) {
	t.Helper()
	command := exec.CommandContext(ctx, "terraform", append(args, "-no-color")...)
	command.Dir, command.Env = m.dir, m.env
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if got := command.ProcessState.ExitCode(); got != status {
		t.Fatalf("terraform %s: status %d, want %d\n%s", strings.Join(args, " "), got, status, out.String())
	}
}
