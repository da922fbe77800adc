package codebuild_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	api "drydock/api/codebuild"
	"drydock/clock"
	"drydock/machine"
	"drydock/machine/namespace"
	"drydock/machine/process"
	"drydock/service"
	"drydock/service/servicetest"
)

const (
	paused    = "Build is paused temporarily and you can use codebuild-resume command in the session to resume this build"
	pausing   = "version: 0.2\nphases:\n  pre_build: {commands: ['echo \"Hello World\" >hello; X=kept', codebuild-breakpoint]}\n  build: {commands: ['echo $X', 'cat added']}\n"
	upToBuild = "SUBMITTED QUEUED PROVISIONING DOWNLOAD_SOURCE INSTALL PRE_BUILD BUILD POST_BUILD UPLOAD_ARTIFACTS FINALIZING COMPLETED"
)

// pause starts a build and waits until it is paused.
func (b *bench) pause(t *testing.T, in *api.StartBuildInput) string {
	t.Helper()
	if b.peers.seen == nil {
		b.peers.seen = make(chan string, 1000)
	}
	in.DebugSessionEnabled = new(true)
	id := b.start(t, in)
	if err := b.Tasks.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.waitFor(t, paused)
	return id
}

// enter asks for the machine behind a target.
func (b *bench) enter(t *testing.T, target string) (*service.SessionTarget, error) {
	t.Helper()
	i := slices.IndexFunc(b.Modules, func(m service.Module) bool { return m.Enter != nil })
	return b.Modules[i].Enter(b.call, target)
}

// in runs a script in the machine behind a target and returns what it wrote.
func (b *bench) in(t *testing.T, target, script string) string {
	t.Helper()
	found, err := b.enter(t, target)
	if err != nil || found == nil {
		t.Fatalf("enter %s: %v, %v", target, found, err)
	}
	ctx, cancel := clock.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var out bytes.Buffer
	command := found.Command
	command.Args, command.Stdout, command.Stderr = []string{"/bin/sh", "-c", script}, &out, &out
	if exit, err := found.Machine.Exec(ctx, command); err != nil || exit.Code != 0 {
		t.Fatalf("%s: %v, %v\n%s", script, exit, err, out.String())
	}
	return out.String()
}

// resume has a build go on. It may end before the command that resumes it has told how it ended.
func (b *bench) resume(t *testing.T, target string) {
	t.Helper()
	found, err := b.enter(t, target)
	if err != nil || found == nil {
		t.Fatalf("enter %s: %v, %v", target, found, err)
	}
	command := found.Command
	command.Args = []string{"codebuild-resume"}
	if exit, err := found.Machine.Exec(t.Context(), command); err != nil && !errors.Is(err, machine.ErrNotRunning) || exit.Code != 0 {
		t.Fatalf("resume: %v, %v", exit, err)
	}
}

func TestDebugSession_PausesUntilItIsResumed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.createProject(t, "p1", pausing)
	b.peers.seen = make(chan string, 1000)
	out, err := api.StartBuild.Do(b.call, &api.StartBuildInput{ProjectName: "p1", DebugSessionEnabled: new(true)})
	if err != nil {
		t.Fatal(err)
	}
	if s := out.Build.DebugSession; s == nil || !value(s.SessionEnabled) || s.SessionTarget != nil {
		t.Errorf("session at the start: %+v", s)
	}
	if err := b.Tasks.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.waitFor(t, paused)
	got := b.get(t, *out.Build.ID)
	_, uuid, _ := strings.Cut(*got.ID, ":")
	target := value(got.DebugSession.SessionTarget)
	if !value(got.DebugSession.SessionEnabled) || target != "codebuild:"+uuid {
		t.Errorf("session of a paused build: %+v", got.DebugSession)
	}
	b.Advance(t, 30*time.Minute)
	if got := b.get(t, *got.ID); *got.BuildStatus != api.StatusTypeInProgress || *got.CurrentPhase != "PRE_BUILD" {
		t.Errorf("paused, and %s in %s", *got.BuildStatus, *got.CurrentPhase)
	}
	for _, name := range []string{target, *got.ID, *got.ARN} {
		if out := b.in(t, name, `cat hello && echo "$CODEBUILD_BUILD_ID"`); out != "Hello World\n"+*got.ID+"\n" {
			t.Errorf("in %s there is %q", name, out)
		}
	}
	b.in(t, target, "echo from the session >added")
	b.resume(t, target)
	b.WaitIdle(t)
	got = b.get(t, *got.ID)
	if *got.BuildStatus != api.StatusTypeSucceeded || phases(got) != upToBuild || value(got.DebugSession.SessionTarget) != target {
		t.Errorf("resumed, it ends as %s: %s, session %+v", *got.BuildStatus, phases(got), got.DebugSession)
	}
	if want := paused + "\nEnter it by: drydock exec -t " + target + " -- sh\nkept\nfrom the session\n"; b.peers.output() != want {
		t.Errorf("output\n%s, want\n%s", b.peers.output(), want)
	}
	for _, name := range []string{target, *got.ID, *got.ARN} {
		_, err := b.enter(t, name)
		servicetest.WantError(t, err, "TargetNotConnected")
	}

	// A build that is tried again is one to debug, too.
	again, err := api.RetryBuild.Do(b.call, &api.RetryBuildInput{ID: got.ID})
	if err != nil {
		t.Fatal(err)
	}
	if s := again.Build.DebugSession; s == nil || !value(s.SessionEnabled) || s.SessionTarget != nil {
		t.Errorf("session of the second build: %+v", s)
	}
	if err := b.Tasks.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.waitFor(t, paused)
	if _, err := api.StopBuild.Do(b.call, &api.StopBuildInput{ID: *again.Build.ID}); err != nil {
		t.Fatal(err)
	}
	b.WaitIdle(t)
}

// TestDebugSession_BetweenUsers pauses as one user and resumes as another, with both drivers.
func TestDebugSession_BetweenUsers(t *testing.T) {
	t.Parallel()
	const spec = "version: 0.2\nphases: {build: {run-as: codebuild-user, commands: [codebuild-breakpoint, id -un]}}\n"
	for name, driver := range map[string]func() (machine.Driver, error){
		"process":   process.New,
		"namespace": func() (machine.Driver, error) { return namespace.New(namespace.Options{}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBenchOn(t, driver)
			users := b.host.Capabilities().Users
			text := spec
			if !users {
				text = strings.ReplaceAll(strings.Replace(spec, "run-as: codebuild-user, ", "", 1), "id -un", "echo codebuild-user")
			}
			b.createProject(t, "p1", text)
			id := b.pause(t, &api.StartBuildInput{ProjectName: "p1"})
			b.resume(t, id)
			b.WaitIdle(t)
			if got := b.get(t, id); *got.BuildStatus != api.StatusTypeSucceeded || !strings.HasSuffix(b.peers.output(), "\ncodebuild-user\n") {
				t.Errorf("status %s, output %q", *got.BuildStatus, b.peers.output())
			}
		})
	}
}

// TestDebugSession_BreakpointsAreProcesses shows several that wait at once, one that is ended by a signal, and a resume
// with nothing to do.
func TestDebugSession_BreakpointsAreProcesses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	folder := "$(dirname $(dirname $(command -v codebuild-breakpoint)))/breakpoint"
	b.createProject(t, "p1", `
version: 0.2
phases:
  build:
    commands:
      - codebuild-resume
      - codebuild-breakpoint >/dev/null & first=$!; codebuild-breakpoint >/dev/null & second=$!
      - while [ "$(ls `+folder+` | wc -l)" -lt 2 ]; do sleep 0.05; done
      - kill $first; wait $first; echo "ended by $?"; ls `+folder+` | wc -l | tr -d ' '
      - codebuild-breakpoint; wait $second; echo "then $?"; ls -A `+folder+`
`)
	id := b.pause(t, &api.StartBuildInput{ProjectName: "p1"})
	b.resume(t, id)
	b.WaitIdle(t)
	out := b.peers.output()
	if got := b.get(t, id); *got.BuildStatus != api.StatusTypeSucceeded || !strings.HasPrefix(out, "The build is not paused: there is nothing to resume\nended by 143\n1\n"+paused) ||
		!strings.HasSuffix(out, "-- sh\nthen 0\n") {
		t.Errorf("status %s, output %q", *got.BuildStatus, out)
	}
}

func TestDebugSession_PausedBuildIsStopped(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.createProject(t, "p1", pausing)
	id := b.pause(t, &api.StartBuildInput{ProjectName: "p1"})
	found, err := b.enter(t, id)
	if err != nil {
		t.Fatal(err)
	}
	command := found.Command
	command.Args = []string{"/bin/sh", "-c", "sleep 1000 & sleep 1000"}
	entered, err := found.Machine.Spawn(t.Context(), command)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := api.StopBuild.Do(b.call, &api.StopBuildInput{ID: id}); err != nil {
		t.Fatal(err)
	}
	b.WaitIdle(t)
	if _, err := entered.Wait(); err == nil {
		t.Error("a command in the session outlives the build")
	}
	if got := b.get(t, id); *got.BuildStatus != api.StatusTypeStopped || !strings.HasSuffix(phases(got), "PRE_BUILD=STOPPED COMPLETED") {
		t.Errorf("status %s, phases %s", *got.BuildStatus, phases(got))
	}
}

func TestDebugSession_PausedBuildTimesOut(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.createProject(t, "p1", pausing)
	id := b.pause(t, &api.StartBuildInput{ProjectName: "p1", TimeoutInMinutesOverride: new(int32(20))})
	b.Advance(t, 21*time.Minute)
	b.WaitIdle(t)
	got := b.get(t, id)
	if *got.BuildStatus != api.StatusTypeTimedOut || got.EndTime.Sub(*got.StartTime) != 20*time.Minute ||
		reason(got, api.BuildPhaseTypePreBuild) != "BUILD_TIMED_OUT: Build has timed out. " {
		t.Errorf("status %s after %v, phases %s", *got.BuildStatus, got.EndTime.Sub(*got.StartTime), phases(got))
	}
	_, err := b.enter(t, id)
	servicetest.WantError(t, err, "TargetNotConnected")
}

// TestDebugSession_EndsWithItsProcess lets the process end while a build is paused: the next one finds it dead.
func TestDebugSession_EndsWithItsProcess(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.createProject(t, "p1", pausing)
	b.peers.seen = make(chan string, 1000)
	id := b.start(t, &api.StartBuildInput{ProjectName: "p1", DebugSessionEnabled: new(true)})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = b.Tasks.Run(ctx)
	}()
	b.waitFor(t, paused)
	stop()
	<-ended
	again := b.restart(t)
	_, err := again.enter(t, id)
	servicetest.WantError(t, err, "TargetNotConnected")
	again.WaitIdle(t)
	if got := again.get(t, id); *got.BuildStatus != api.StatusTypeFault || !strings.HasSuffix(phases(got), "PRE_BUILD=FAULT COMPLETED") {
		t.Errorf("status %s, phases %s", *got.BuildStatus, phases(got))
	}
}

func TestDebugSession_NotEnabled(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const spec = "version: 0.2\nenv: {variables: {PATH: /usr/bin:/bin}}\nphases: {build: {commands: [codebuild-breakpoint, codebuild-resume, echo on]}}\n"
	got := b.run(t, spec)
	want := "codebuild-breakpoint is ignored: session debugging is not enabled for this build\n" +
		"codebuild-resume is ignored: session debugging is not enabled for this build\non\n"
	if *got.BuildStatus != api.StatusTypeSucceeded || got.DebugSession != nil || b.peers.output() != want {
		t.Errorf("status %s, session %+v, output %q", *got.BuildStatus, got.DebugSession, b.peers.output())
	}
	_, err := b.enter(t, *got.ID)
	servicetest.WantError(t, err, "InvalidInputException")
	off := b.build(t, &api.StartBuildInput{ProjectName: "p1", DebugSessionEnabled: new(false)})
	if s := off.DebugSession; s == nil || s.SessionEnabled == nil || *s.SessionEnabled || s.SessionTarget != nil {
		t.Errorf("session that was switched off: %+v", s)
	}
	_, err = b.enter(t, *off.ID)
	servicetest.WantError(t, err, "InvalidInputException")
}

// TestDebugSession_Targets shows what cannot be entered, and whose business it is to say so.
func TestDebugSession_Targets(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.createProject(t, "p1", pausing, func(in *api.CreateProjectInput) { in.ConcurrentBuildLimit = new(int32(1)) })
	id := b.pause(t, &api.StartBuildInput{ProjectName: "p1"})
	waiting := b.start(t, &api.StartBuildInput{ProjectName: "p1", DebugSessionEnabled: new(true)})
	uuid := strings.TrimPrefix(id, "p1:")
	for target, code := range map[string]string{
		waiting: "TargetNotConnected", "codebuild:none": "TargetNotConnected",
		"arn:aws:codebuild:us-east-1:111122223333:build/p1:none":       "ResourceNotFoundException",
		"arn:aws:codebuild:us-east-1:444455556666:build/p1:" + uuid:    "ResourceNotFoundException",
		"arn:aws:codebuild:us-east-1:111122223333:build/other:" + uuid: "ResourceNotFoundException",
		"arn:aws:codebuild:us-east-1:111122223333:build-batch/" + id:   "",
		"p1:none": "", "other:" + uuid: "", "": "", uuid: "", "i-0123456789abcdef0": "", "ecs:cluster_task_runtime": "",
		"arn:aws:ecs:us-east-1:111122223333:task/cluster/" + uuid: "",
	} {
		found, err := b.enter(t, target)
		if code == "" {
			if found != nil || err != nil {
				t.Errorf("%q: %v, %v", target, found, err)
			}
			continue
		}
		servicetest.WantError(t, err, code)
	}
	if _, err := b.enter(t, waiting); err == nil || !strings.Contains(err.Error(), "QUEUED") {
		t.Errorf("of a build that waits: %v", err)
	}
	for _, id := range []string{waiting, id} {
		if _, err := api.StopBuild.Do(b.call, &api.StopBuildInput{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	b.WaitIdle(t)
}

// TestDebugSession_ServiceRoleMayNot shows a build whose role lacks permissions that Session Manager's agent needs.
func TestDebugSession_ServiceRoleMayNot(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.createProject(t, "p1", pausing, func(in *api.CreateProjectInput) { in.ServiceRole = strings.Replace(testRole, "build", "nosession", 1) })
	id := b.pause(t, &api.StartBuildInput{ProjectName: "p1"})
	got := b.get(t, id)
	if got.DebugSession.SessionTarget == nil || !strings.Contains(b.peers.text(), "Session "+*got.DebugSession.SessionTarget+" cannot be entered: AccessDenied") {
		t.Errorf("session %+v, log\n%s", got.DebugSession, b.peers.text())
	}
	_, err := b.enter(t, id)
	servicetest.WantError(t, err, "TargetNotConnected")
	if err == nil || !strings.Contains(err.Error(), "assumed-role/nosession/") || !strings.Contains(err.Error(), "ssmmessages:CreateDataChannel") {
		t.Errorf("the refusal does not name who and what: %v", err)
	}
	if _, err := api.StopBuild.Do(b.call, &api.StopBuildInput{ID: id}); err != nil {
		t.Fatal(err)
	}
	b.WaitIdle(t)
}

func TestDebugSession_InBatches(t *testing.T) {
	t.Parallel()
	const list = "version: 0.2\nbatch: {build-list: [{identifier: one, debug-session: true}, {identifier: two}]}\nphases: {build: {commands: ['test $CODEBUILD_BATCH_BUILD_IDENTIFIER = two || codebuild-breakpoint']}}\n"
	for name, test := range map[string]struct {
		enabled *bool
		want    string
	}{
		"of one build": {nil, "false true false"},
		"of all":       {new(true), "true true true"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.peers.seen = make(chan string, 1000)
			b.createProject(t, "p1", list, withBatch())
			out, err := api.StartBuildBatch.Do(b.call, &api.StartBuildBatchInput{ProjectName: "p1", DebugSessionEnabled: test.enabled})
			if err != nil {
				t.Fatal(err)
			}
			b.waitFor2(t, paused)
			batch := b.getBatch(t, *out.BuildBatch.ID)
			words := []string{"false"}
			if *batch.DebugSessionEnabled {
				words[0] = "true"
			}
			var first string
			for i, g := range batch.BuildGroups {
				s := b.get(t, idOf(*g.CurrentBuildSummary.ARN)).DebugSession
				switch {
				case i == 0:
					if s != nil {
						t.Errorf("the build that downloads the source has a session: %+v", s)
					}
				case s != nil && value(s.SessionEnabled):
					words = append(words, "true")
				default:
					words = append(words, "false")
				}
				if i == 1 {
					first = value(s.SessionTarget)
				}
			}
			if got := strings.Join(words, " "); got != test.want {
				t.Errorf("sessions of the batch and its builds: %s, want %s", got, test.want)
			}
			b.resume(t, first)
			b.WaitIdle(t)
			if got := b.getBatch(t, *batch.ID); *got.BuildBatchStatus != api.StatusTypeSucceeded {
				t.Errorf("%s: %s", *got.BuildBatchStatus, batchReason(got))
			}
		})
	}
}

func TestDebugSession_NotInMatrixBatches(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.createProject(t, "p1", "version: 0.2\nbatch: {build-matrix: {dynamic: {env: {variables: {A: [1, 2]}}}}}\nphases: {build: {commands: [echo never]}}\n", withBatch())
	out, err := api.StartBuildBatch.Do(b.call, &api.StartBuildBatchInput{ProjectName: "p1", DebugSessionEnabled: new(true)})
	if err != nil {
		t.Fatal(err)
	}
	b.WaitIdle(t)
	got := b.getBatch(t, *out.BuildBatch.ID)
	if *got.BuildBatchStatus != api.StatusTypeFailed || batchReason(got) != "CLIENT_ERROR: Session debugging is not supported for matrix batch builds" {
		t.Errorf("%s: %s", *got.BuildBatchStatus, batchReason(got))
	}
}
