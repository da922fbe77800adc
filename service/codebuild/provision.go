package codebuild

import (
	"context"
	"errors"
	"path"
	"runtime"
	"strings"

	api "drydock/api/codebuild"
	"drydock/aws"
	"drydock/machine"
	"drydock/store"
)

// codebuildUser is the account beside root that CodeBuild's images have.
var codebuildUser = machine.User{Name: "codebuild-user", UID: 1001, Shell: "/bin/bash"}

// provision makes the build's machine: a fresh one, of which nothing is left at the end.
func (r *run) provision(ctx context.Context) *failure {
	if _, _, err := r.role.get(ctx); err != nil {
		if aws.ErrorCode(err) == "" {
			return fault(err)
		}
		return r.roleFailure(err)
	}
	if f := r.log.start(ctx); f != nil {
		return f
	}
	r.log.printf("Waiting for agent ping")
	env := r.b.Detail.Environment
	if f := hostRuns(env); f != nil {
		return f
	}
	if f := r.checkFleet(ctx); f != nil {
		return f
	}
	if r.s.Machines == nil {
		return fault(errors.New("this cloud has no host for machines"))
	}
	labels := map[string]string{"service": "codebuild", "build": *r.b.Detail.ARN}
	m, err := r.s.Machines.Create(ctx, machine.Spec{
		ID: "codebuild-" + r.b.uuid(), Labels: labels, Users: []machine.User{codebuildUser},
		Limits: machine.Limits{MemoryBytes: memoryOf[string(env.ComputeType)], CPUs: min(cpusOf[string(env.ComputeType)], float64(runtime.NumCPU()))},
	})
	if err != nil {
		return fault(err)
	}
	r.machine = m
	if err := m.Start(ctx); err != nil {
		return fault(err)
	}
	if err := r.makeFolders(); err != nil {
		return fault(err)
	}
	r.log.printf("Running on CodeBuild On-demand")
	return nil
}

// checkFleet fails a build whose fleet is gone, or is not for environments of its type.
func (r *run) checkFleet(ctx context.Context) *failure {
	if r.b.fleet() == "" {
		return nil
	}
	var kind api.EnvironmentType
	err := r.s.DB.View(ctx, func(tx *store.Tx) error {
		f, err := getFleet(tx, r.b.Account, r.b.Region, r.b.fleet())
		if err == nil {
			kind = *f.Detail.EnvironmentType
		}
		return err
	})
	switch {
	case aws.ErrorCode(err) != "":
		return clientError("%s", serviceError(err))
	case err != nil:
		return fault(err)
	case kind != r.b.Detail.Environment.Type:
		return clientError("Fleet %s is of environment type %s, not %s", r.b.fleet(), kind, r.b.Detail.Environment.Type)
	}
	return nil
}

// makeFolders makes the build's own folders.
func (r *run) makeFolders() error {
	root, err := r.machine.OpenRoot("/")
	if err != nil {
		return err
	}
	defer root.Close()
	state := strings.TrimPrefix(path.Join(scratch, "state"), "/")
	if err := root.MkdirAll(state, 0o755); err != nil {
		return err
	}
	if err := root.Chmod(state, 0o777); err != nil { // each run-as user's shell leaves its state there
		return err
	}
	return r.writeCommands()
}

// hostRuns tells why this host cannot be the environment, if it cannot.
func hostRuns(env *api.ProjectEnvironment) *failure {
	arch := "amd64"
	switch {
	case strings.HasPrefix(string(env.Type), "WINDOWS"):
		return clientError("Environment type %s is not available: drydock runs builds on its Linux host only.", env.Type)
	case env.Type == api.EnvironmentTypeMacArm:
		return clientError("Environment type %s is not available: drydock runs builds on its Linux host only.", env.Type)
	case strings.HasPrefix(string(env.Type), "ARM"):
		arch = "arm64"
	}
	if runtime.GOARCH != arch {
		return clientError("Environment type %s is not available: this host's processor is %s.", env.Type, runtime.GOARCH)
	}
	if !strings.HasPrefix(env.Image, "aws/codebuild/") {
		return fail("BUILD_CONTAINER_UNABLE_TO_PULL_IMAGE", "Unable to pull customer's container image. drydock cannot run the image %s yet: its machines run curated images (aws/codebuild/...) only.", env.Image)
	}
	if !curated(env.Image) {
		return fail("BUILD_CONTAINER_UNABLE_TO_PULL_IMAGE", "Unable to pull the image %s: it is not a curated Linux image.", env.Image)
	}
	return nil
}
