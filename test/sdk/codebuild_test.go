package sdk

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"
	"github.com/aws/aws-sdk-go-v2/service/codecommit"
	codecommittypes "github.com/aws/aws-sdk-go-v2/service/codecommit/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"drydock/clock"
	"drydock/ledger"
)

const (
	buildTrust  = `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "codebuild.amazonaws.com"}, "Action": "sts:AssumeRole"}}`
	buildPolicy = `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": ["codecommit:GitPull", "s3:*", "logs:*"], "Resource": "*"}}`
	buildLimit  = 2 * time.Minute
	buildPoll   = 100 * time.Millisecond

	// buildspec makes a program of what it finds.
	buildspec = `version: 0.2
phases:
  build:
    commands:
      - test "$(cat greeting.txt)" = "Hello"
      - printf '#!/bin/sh\necho "%s from build %s"\n' "$(cat greeting.txt)" "$CODEBUILD_BUILD_NUMBER" >greet
      - chmod +x greet
artifacts:
  files: [greet]
`
)

// buildRole makes a role that builds can assume.
func buildRole(t *testing.T, root aws.Config) *string {
	t.Helper()
	client := iam.NewFromConfig(root)
	role, err := client.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("build"), AssumeRolePolicyDocument: aws.String(buildTrust)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String("build"), PolicyName: aws.String("build"), PolicyDocument: aws.String(buildPolicy)}); err != nil {
		t.Fatal(err)
	}
	return role.Role.Arn
}

// TestCodeBuild_MainJob goes from a commit to a program in S3 without leaving the SDK.
func TestCodeBuild_MainJob(t *testing.T) {
	ledger.Covers(t, "CB-01", "CB-11", "CB-12", "CB-23", "CB-28")
	t.Parallel()
	_, root := start(t)
	repositories, builds, objects, logs := codecommit.NewFromConfig(root), codebuild.NewFromConfig(root), s3.NewFromConfig(root, pathStyle), cloudwatchlogs.NewFromConfig(root)
	repo, err := repositories.CreateRepository(t.Context(), &codecommit.CreateRepositoryInput{RepositoryName: aws.String("hello")})
	if err != nil {
		t.Fatal(err)
	}
	commit, err := repositories.CreateCommit(t.Context(), &codecommit.CreateCommitInput{RepositoryName: aws.String("hello"), BranchName: aws.String("main"),
		PutFiles: []codecommittypes.PutFileEntry{
			{FilePath: aws.String("buildspec.yml"), FileContent: []byte(buildspec)},
			{FilePath: aws.String("greeting.txt"), FileContent: []byte("Hello\n")},
		}})
	if err != nil {
		t.Fatal(err)
	}
	bucket := newBucket(t, objects, "artifacts")
	project := &codebuild.CreateProjectInput{
		Name: aws.String("hello"), ServiceRole: buildRole(t, root), SourceVersion: aws.String("refs/heads/main"),
		Source: &types.ProjectSource{Type: types.SourceTypeCodecommit, Location: repo.RepositoryMetadata.CloneUrlHttp},
		Artifacts: &types.ProjectArtifacts{Type: types.ArtifactsTypeS3, Location: bucket, Path: aws.String("hello"), Name: aws.String("app.zip"),
			Packaging: types.ArtifactPackagingZip},
		Environment: &types.ProjectEnvironment{Type: types.EnvironmentTypeLinuxContainer, Image: aws.String("aws/codebuild/standard:7.0"), ComputeType: types.ComputeTypeBuildGeneral1Small},
	}
	if _, err := builds.CreateProject(t.Context(), project); err != nil {
		t.Fatal(err)
	}
	_, err = builds.CreateProject(t.Context(), project)
	if _, ok := errors.AsType[*types.ResourceAlreadyExistsException](err); !ok {
		t.Errorf("got %v, want ResourceAlreadyExists", err)
	}
	started, err := builds.StartBuild(t.Context(), &codebuild.StartBuildInput{ProjectName: aws.String("hello")})
	if err != nil {
		t.Fatal(err)
	}
	build := await(t, builds, *started.Build.Id)
	if build.BuildStatus != types.StatusTypeSucceeded || aws.ToString(build.ResolvedSourceVersion) != *commit.CommitId {
		t.Fatalf("the build of %s ended %s: %+v", aws.ToString(build.ResolvedSourceVersion), build.BuildStatus, build.Phases)
	}
	var phases []types.BuildPhaseType
	for _, p := range build.Phases {
		phases = append(phases, p.PhaseType)
		if p.PhaseType != types.BuildPhaseTypeCompleted && (p.PhaseStatus != types.StatusTypeSucceeded || p.DurationInSeconds == nil || p.EndTime.Before(*p.StartTime)) {
			t.Errorf("phase %+v", p)
		}
	}
	if want := []types.BuildPhaseType{"SUBMITTED", "QUEUED", "PROVISIONING", "DOWNLOAD_SOURCE", "INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD", "UPLOAD_ARTIFACTS", "FINALIZING", "COMPLETED"}; !slices.Equal(phases, want) {
		t.Errorf("the phases are %v", phases)
	}
	events, err := logs.GetLogEvents(t.Context(), &cloudwatchlogs.GetLogEventsInput{LogGroupName: build.Logs.GroupName, LogStreamName: build.Logs.StreamName, StartFromHead: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(events.Events, func(e logstypes.OutputLogEvent) bool {
		return strings.Contains(*e.Message, "Running command chmod +x greet")
	}) {
		t.Error("the log does not show the commands")
	}
	if got := runArtifact(t, objects, bucket, "hello/app.zip", "greet"); got != "Hello from build 1\n" {
		t.Errorf("the program says %q", got)
	}
}

// await polls a build until it has ended.
func await(t *testing.T, client *codebuild.Client, id string) types.Build {
	t.Helper()
	ctx, cancel := clock.WithTimeout(t.Context(), buildLimit)
	defer cancel()
	for {
		got, err := client.BatchGetBuilds(ctx, &codebuild.BatchGetBuildsInput{Ids: []string{id}})
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Builds) != 1 {
			t.Fatalf("build %s is not there", id)
		}
		if got.Builds[0].BuildComplete {
			return got.Builds[0]
		}
		if err := clock.Pause(ctx, buildPoll); err != nil {
			t.Fatalf("build %s is still %s: %v", id, aws.ToString(got.Builds[0].CurrentPhase), err)
		}
	}
}

// runArtifact fetches a zip from S3 and runs a program in it.
func runArtifact(t *testing.T, client *s3.Client, bucket *string, key, program string) string {
	t.Helper()
	object, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	defer object.Body.Close()
	content, err := io.ReadAll(object.Body)
	if err != nil {
		t.Fatal(err)
	}
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), program)
	if err := extract(archive, program, path); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(context.WithoutCancel(t.Context()), path).CombinedOutput()
	if err != nil {
		t.Fatalf("run the program that was built: %v\n%s", err, out)
	}
	return string(out)
}

// extract writes one file of an archive, with its mode.
func extract(archive *zip.Reader, name, path string) (err error) {
	in, err := archive.Open(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, info.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// TestCodeBuild_ListsPageByPage shows projects and builds in pages, and errors with their types.
func TestCodeBuild_ListsPageByPage(t *testing.T) {
	t.Parallel()
	_, root := start(t)
	client := codebuild.NewFromConfig(root)
	role := buildRole(t, root)
	for _, name := range []string{"one", "three", "two"} {
		if _, err := client.CreateProject(t.Context(), &codebuild.CreateProjectInput{
			Name: aws.String(name), ServiceRole: role, Artifacts: &types.ProjectArtifacts{Type: types.ArtifactsTypeNoArtifacts},
			Source:      &types.ProjectSource{Type: types.SourceTypeNoSource, Buildspec: aws.String(`{"version": 0.2, "phases": {"build": {"commands": ["exit 3"]}}}`)},
			Environment: &types.ProjectEnvironment{Type: types.EnvironmentTypeLinuxContainer, Image: aws.String("aws/codebuild/standard:7.0"), ComputeType: types.ComputeTypeBuildGeneral1Small},
		}); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	for p := codebuild.NewListProjectsPaginator(client, &codebuild.ListProjectsInput{SortBy: types.ProjectSortByTypeName}); p.HasMorePages(); {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, page.Projects...)
	}
	if !slices.Equal(names, []string{"one", "three", "two"}) {
		t.Errorf("listed the projects %v", names)
	}
	_, err := client.StartBuild(t.Context(), &codebuild.StartBuildInput{ProjectName: aws.String("absent")})
	if _, ok := errors.AsType[*types.ResourceNotFoundException](err); !ok {
		t.Errorf("got %v, want ResourceNotFound", err)
	}
	started, err := client.StartBuild(t.Context(), &codebuild.StartBuildInput{ProjectName: aws.String("one")})
	if err != nil {
		t.Fatal(err)
	}
	build := await(t, client, *started.Build.Id)
	if build.BuildStatus != types.StatusTypeFailed {
		t.Errorf("the build ended %s", build.BuildStatus)
	}
	for _, p := range build.Phases {
		if p.PhaseType == types.BuildPhaseTypeBuild && (len(p.Contexts) == 0 || !strings.Contains(aws.ToString(p.Contexts[0].Message), "exit 3")) {
			t.Errorf("the failed phase does not name its command: %+v", p.Contexts)
		}
	}
	listed, err := client.ListBuildsForProject(t.Context(), &codebuild.ListBuildsForProjectInput{ProjectName: aws.String("one")})
	if err != nil || !slices.Equal(listed.Ids, []string{*started.Build.Id}) {
		t.Errorf("listed the builds %+v, %v", listed, err)
	}
}
