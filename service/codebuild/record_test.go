package codebuild_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	api "drydock/api/codebuild"
	"drydock/aws"
	"drydock/ledger"
	"drydock/service"
	"drydock/service/codebuild"
	"drydock/service/servicetest"
)

func TestBuild_Environment(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CB-09")
	ledger.Covers(t, "CB-17")
	b := newBench(t)
	url := b.URL(t)
	b.createProject(t, "p1", `
version: 0.2
env:
  variables: {A: spec, B: spec, C: spec, AWS_REGION: mine}
  exported-variables: [OUT, A, NONE]
phases:
  build:
    commands:
      - echo $A $B $C $AWS_REGION $AWS_DEFAULT_REGION
      - echo $CODEBUILD_BUILD_ID $CODEBUILD_BUILD_ARN $CODEBUILD_BUILD_NUMBER $CODEBUILD_BUILD_IMAGE $CODEBUILD_INITIATOR
      - echo $CODEBUILD_KMS_KEY_ID $CODEBUILD_LOG_PATH $CODEBUILD_START_TIME $CODEBUILD_CI $CODEBUILD_BUILD_SUCCEEDING $AWS_ENDPOINT_URL
      - test "$PWD" = "$CODEBUILD_SRC_DIR" && test -n "$HOME" && echo "${AWS_CONTAINER_CREDENTIALS_FULL_URI%/*}"
      - OUT="two words"
`, func(in *api.CreateProjectInput) {
		in.Environment.EnvironmentVariables = []api.EnvironmentVariable{{Name: "B", Value: "project"}, {Name: "C", Value: "project"}}
	})
	got := b.build(t, &api.StartBuildInput{ProjectName: "p1", EnvironmentVariablesOverride: []api.EnvironmentVariable{{Name: "C", Value: "call $X"}}})
	_, uuid, _ := strings.Cut(*got.ID, ":")
	want := fmt.Sprintf("spec project call $X mine us-east-1\n%s arn:aws:codebuild:us-east-1:111122223333:build/%s 1 aws/codebuild/standard:7.0 111122223333\n"+
		"arn:aws:kms:us-east-1:111122223333:alias/aws/s3 %s %d true 1 %s\n%s/_codebuild/credentials\n", *got.ID, *got.ID, uuid, servicetest.Start.UnixMilli(), url, url)
	if out := b.peers.output(); out != want {
		t.Errorf("output\n%s, want\n%s", out, want)
	}
	exported := map[string]string{}
	for _, v := range got.ExportedEnvironmentVariables {
		exported[*v.Name] = *v.Value
	}
	if fmt.Sprint(exported) != "map[A:spec NONE: OUT:two words]" {
		t.Errorf("exported %v", exported)
	}
	if len(got.Environment.EnvironmentVariables) != 2 {
		t.Errorf("shown variables %+v", got.Environment.EnvironmentVariables)
	}
}

func TestBuild_GitCredentialHelper(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	url := b.URL(t)
	const repository = "https://git-codecommit.us-east-1.amazonaws.com/v1/repos/app"
	// The command "aws" is the test's own, so that the host need not have the AWS CLI.
	b.run(t, `
version: 0.2
env: {git-credential-helper: yes}
phases:
  build:
    commands:
      - mkdir bin; printf '#!/bin/sh\necho "$@" >&2; sed -n "s/^path=/username=/p"; echo password=p\n' >bin/aws; chmod +x bin/aws; export PATH="$PWD/bin:$PATH"
      - git ls-remote --get-url `+repository+`
      - printf 'url=`+repository+`\n\n' | git credential fill | tail -n 2
`)
	if want := url + "/v1/repos/app\ncodecommit credential-helper --ignore-host-check get\nusername=v1/repos/app\npassword=p\n"; b.peers.output() != want {
		t.Errorf("output %q, want %q", b.peers.output(), want)
	}
}

func TestBuild_Logs(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CB-28")
	b := newBench(t)
	got := b.run(t, "version: 0.2\nphases: {build: {commands: ['printf \"a\\n\\nb\\377\"; seq 1 3000 | tail -n 1', 'head -c 200000 /dev/zero | tr \"\\0\" y']}}\n", func(in *api.CreateProjectInput) {
		in.LogsConfig = &api.LogsConfig{S3Logs: &api.S3LogsConfig{Status: api.LogsConfigStatusTypeEnabled, Location: new("bucket/logs")}}
	})
	_, uuid, _ := strings.Cut(*got.ID, ":")
	if *got.Logs.GroupName != "/aws/codebuild/p1" || *got.Logs.StreamName != uuid || got.Logs.CloudWatchLogs.Status != "ENABLED" {
		t.Errorf("logs %+v", got.Logs)
	}
	if out := b.peers.output(); !strings.HasPrefix(out, "a\n\nb\uFFFD3000\nyyy") || strings.Count(out, "y") != 200000 {
		t.Errorf("output %.100q with %d y", out, strings.Count(out, "y"))
	}
	r, err := gzip.NewReader(bytes.NewReader(b.peers.objects["bucket/logs/"+uuid+".gz"]))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil || strings.ToValidUTF8(string(text), "\uFFFD") != b.peers.text() {
		t.Errorf("the log in S3 has %d bytes, the events %d (%v)", len(text), len(b.peers.text()), err)
	}
	for info, err := range b.Blobs.List(t.Context()) {
		t.Errorf("blob %v is left (%v)", info, err)
	}
	b.peers.clear()
	quiet := b.build(t, &api.StartBuildInput{ProjectName: "p1", LogsConfigOverride: &api.LogsConfig{CloudWatchLogs: &api.CloudWatchLogsConfig{Status: api.LogsConfigStatusTypeDisabled}}})
	if *quiet.BuildStatus != api.StatusTypeSucceeded || b.peers.text() != "" || quiet.Logs.GroupName != nil {
		t.Errorf("without logs: %s, %q", *quiet.BuildStatus, b.peers.text())
	}
	b.peers.noLogs = true
	denied := b.build(t, &api.StartBuildInput{ProjectName: "p1"})
	if r := reason(denied, api.BuildPhaseTypeProvisioning); !strings.HasPrefix(r, "ACCESS_DENIED: Service role "+testRole+" does not allow AWS CodeBuild to create Amazon CloudWatch Logs log streams") {
		t.Errorf("phases %s, %s", phases(denied), r)
	}
}

func TestBuild_RoleThatMayNotBeAssumed(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CB-09")
	b := newBench(t)
	b.createProject(t, "p1", noop)
	b.peers.deny = testRole
	got := b.build(t, &api.StartBuildInput{ProjectName: "p1"})
	if r := reason(got, api.BuildPhaseTypeProvisioning); phases(got) != "SUBMITTED QUEUED PROVISIONING=FAILED FINALIZING COMPLETED" || !strings.HasPrefix(r, "ACCESS_DENIED: ") {
		t.Errorf("phases %s, %s", phases(got), r)
	}
}

func TestBuild_ListedRetriedAndDeleted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.createProject(t, "p1", "version: 0.2\nphases: {build: {commands: ['echo $V']}}\n", func(in *api.CreateProjectInput) { in.ConcurrentBuildLimit = new(int32(1)) })
	b.createProject(t, "p2", noop)
	first := b.build(t, &api.StartBuildInput{ProjectName: "p1", EnvironmentVariablesOverride: []api.EnvironmentVariable{{Name: "V", Value: "kept"}}})
	b.Advance(t, time.Minute)
	if _, err := api.UpdateProject.Do(b.call, &api.UpdateProjectInput{Name: "p1", Source: &api.ProjectSource{Type: api.SourceTypeNoSource, Buildspec: new(noop)}}); err != nil {
		t.Fatal(err)
	}
	retried, err := api.RetryBuild.Do(b.call, &api.RetryBuildInput{ID: first.ID})
	if err != nil {
		t.Fatal(err)
	}
	b.WaitIdle(t)
	if b.peers.output() != "kept\nkept\n" || *retried.Build.BuildNumber != 2 || *retried.Build.ID == *first.ID {
		t.Errorf("output %q, number %d", b.peers.output(), *retried.Build.BuildNumber)
	}
	other := b.build(t, &api.StartBuildInput{ProjectName: "p2"})
	list := func(order *api.SortOrderType) string {
		out, err := api.ListBuilds.Do(b.call, &api.ListBuildsInput{SortOrder: order})
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(out.IDs, " ")
	}
	if got, want := list(new(api.SortOrderTypeAscending)), *first.ID+" "; !strings.HasPrefix(got, want) {
		t.Errorf("builds %s", got)
	}
	if got := list(nil); !strings.HasSuffix(got, *first.ID) {
		t.Errorf("builds, latest first: %s", got)
	}
	of, err := api.ListBuildsForProject.Do(b.call, &api.ListBuildsForProjectInput{ProjectName: "p1"})
	if err != nil || strings.Join(of.IDs, " ") != *retried.Build.ID+" "+*first.ID {
		t.Errorf("builds of p1: %v, %v", of, err)
	}
	_, err = api.ListBuildsForProject.Do(b.call, &api.ListBuildsForProjectInput{ProjectName: "none"})
	servicetest.WantError(t, err, "ResourceNotFoundException")
	_, err = api.RetryBuild.Do(b.call, &api.RetryBuildInput{ID: new("p1:none")})
	servicetest.WantError(t, err, "ResourceNotFoundException")
	deleted, err := api.BatchDeleteBuilds.Do(b.call, &api.BatchDeleteBuildsInput{IDs: []string{*first.ARN, *other.ID, "p1:none"}})
	if err != nil || len(deleted.BuildsDeleted) != 2 || len(deleted.BuildsNotDeleted) != 1 {
		t.Errorf("deleted %+v, %v", deleted, err)
	}
	if got := list(nil); got != *retried.Build.ID {
		t.Errorf("builds left: %s", got)
	}
	gone, err := api.BatchGetBuilds.Do(b.call, &api.BatchGetBuildsInput{IDs: []string{*first.ID}})
	if err != nil || len(gone.Builds) != 0 || fmt.Sprint(gone.BuildsNotFound) != "["+*first.ID+"]" {
		t.Errorf("deleted build: %+v, %v", gone, err)
	}
	foreign, err := api.BatchGetBuilds.Do(b.CallIn(t, "444455556666", "us-east-1"), &api.BatchGetBuildsInput{IDs: []string{*retried.Build.ARN, *retried.Build.ID}})
	if err == nil && len(foreign.Builds) > 0 {
		t.Error("another account sees the build")
	}
}

func TestBuild_ListedInPages(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.createProject(t, "p1", noop, func(in *api.CreateProjectInput) { in.Environment.Type = api.EnvironmentTypeWindowsContainer })
	for range 105 {
		b.start(t, &api.StartBuildInput{ProjectName: "p1"})
	}
	b.WaitIdle(t)
	seen := map[string]bool{}
	var sizes []int
	in := &api.ListBuildsForProjectInput{ProjectName: "p1"}
	for {
		out, err := api.ListBuildsForProject.Do(b.call, in)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range out.IDs {
			seen[id] = true
		}
		sizes = append(sizes, len(out.IDs))
		if in.NextToken = out.NextToken; in.NextToken == nil || len(sizes) > 3 {
			break
		}
	}
	if fmt.Sprint(sizes) != "[100 5]" || len(seen) != 105 {
		t.Errorf("pages of %v, %d builds", sizes, len(seen))
	}
	last := b.build(t, &api.StartBuildInput{ProjectName: "p1"})
	if *last.BuildNumber != 106 || !strings.HasPrefix(reason(last, api.BuildPhaseTypeProvisioning), "CLIENT_ERROR: Environment type WINDOWS_CONTAINER is not available") {
		t.Errorf("number %d, %s", *last.BuildNumber, reason(last, api.BuildPhaseTypeProvisioning))
	}
	_, err := api.ListBuilds.Do(b.call, &api.ListBuildsInput{NextToken: new("x")})
	servicetest.WantError(t, err, "InvalidInputException")
}

func TestStartBuild_IdempotencyToken(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.createProject(t, "p1", noop)
	in := &api.StartBuildInput{ProjectName: "p1", IdempotencyToken: new("t")}
	first, second := b.start(t, in), b.start(t, in)
	if first != second {
		t.Errorf("builds %s and %s", first, second)
	}
	_, err := api.StartBuild.Do(b.call, &api.StartBuildInput{ProjectName: "p1", IdempotencyToken: new("t"), SourceVersion: new("x")})
	servicetest.WantError(t, err, "InvalidInputException")
	b.WaitIdle(t)
	b.Advance(t, 6*time.Minute)
	if later := b.start(t, in); later == first {
		t.Error("the token is remembered too long")
	}
	b.WaitIdle(t)
}

func TestStartBuild_InvalidInputs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.createProject(t, "p1", noop)
	for name, in := range map[string]*api.StartBuildInput{
		"time-out":  {TimeoutInMinutesOverride: new(int32(4))},
		"variables": {EnvironmentVariablesOverride: []api.EnvironmentVariable{{Name: "A B", Value: ""}}},
		"source":    {SourceTypeOverride: new(api.SourceTypeGithub)},
		"artifacts": {ArtifactsOverride: &api.ProjectArtifacts{Type: api.ArtifactsTypeS3}},
		"pipeline":  {SourceTypeOverride: new(api.SourceTypeCodepipeline), ArtifactsOverride: &api.ProjectArtifacts{Type: api.ArtifactsTypeCodepipeline}},
	} {
		in.ProjectName = "p1"
		if _, err := api.StartBuild.Do(b.call, in); aws.ErrorCode(err) != "InvalidInputException" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if out, err := api.ListBuilds.Do(b.call, &api.ListBuildsInput{}); err != nil || len(out.IDs) > 0 {
		t.Errorf("builds were started: %v, %v", out, err)
	}
}

// TestBuild_AfterARestart lets a build's process end while the build runs and another waits. The new process finds the
// container dead, and goes on with what waited.
func TestBuild_AfterARestart(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.peers.seen = make(chan string, 1000)
	b.createProject(t, "p1", endless, func(in *api.CreateProjectInput) { in.ConcurrentBuildLimit = new(int32(1)) })
	running := b.start(t, &api.StartBuildInput{ProjectName: "p1"})
	waiting := b.start(t, &api.StartBuildInput{ProjectName: "p1", BuildspecOverride: new(noop)})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = b.Tasks.Run(ctx)
	}()
	b.waitFor(t, "running")
	stop()
	<-ended
	if got := b.get(t, running); *got.BuildComplete || len(b.host.List(nil)) > 0 {
		t.Fatalf("after the stop: %s, %d machines", phases(got), len(b.host.List(nil)))
	}
	b.peers.mu.Lock()
	b.peers.seen = nil
	b.peers.mu.Unlock()
	again := b.restart(t)
	again.WaitIdle(t)
	got := again.get(t, running)
	if *got.BuildStatus != api.StatusTypeFault || !strings.HasSuffix(phases(got), "BUILD=FAULT COMPLETED") ||
		!strings.Contains(reason(got, api.BuildPhaseTypeBuild), "Build container found dead before completing the build.") {
		t.Errorf("the build that ran: %s %s, %s", *got.BuildStatus, phases(got), reason(got, api.BuildPhaseTypeBuild))
	}
	if got := again.get(t, waiting); *got.BuildStatus != api.StatusTypeSucceeded {
		t.Errorf("the build that waited: %s %s", *got.BuildStatus, phases(got))
	}
}

// restart returns a new process's cloud over the same state.
func (b *bench) restart(t *testing.T) *bench {
	t.Helper()
	next := &bench{host: b.host, peers: &peers{objects: b.peers.objects}}
	next.Cloud = servicetest.New(t, func(d service.Deps) []service.Module {
		next.peers.deps = d
		return append(next.peers.modules(), codebuild.New(d))
	}, servicetest.WithMachines(b.host), func(d *service.Deps) { d.DB, d.Blobs, d.Clock = b.DB, b.Blobs, b.Clock })
	next.call = next.Cloud.Call(t)
	return next
}
