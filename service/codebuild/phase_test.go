package codebuild_test

import (
	"strings"
	"testing"
	"time"

	api "drydock/api/codebuild"
	"drydock/ledger"
	"drydock/machine"
	"drydock/machine/namespace"
	"drydock/machine/process"
	"drydock/service/servicetest"
)

// TestBuild_FailedPhases shows what follows a phase that fails.
func TestBuild_FailedPhases(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CB-18", "CB-19")
	const upToBuild = "SUBMITTED QUEUED PROVISIONING DOWNLOAD_SOURCE INSTALL PRE_BUILD "
	for name, test := range map[string]struct {
		spec, phases, output string
		at                   api.BuildPhaseType
		reason               string
	}{
		"install": {
			spec:   "version: 0.2\nphases:\n  install: {commands: [exit 3, echo never]}\n  build: {commands: [echo never]}\n",
			phases: "SUBMITTED QUEUED PROVISIONING DOWNLOAD_SOURCE INSTALL=FAILED FINALIZING COMPLETED", at: api.BuildPhaseTypeInstall,
			reason: "COMMAND_EXECUTION_ERROR: Error while executing command: exit 3. Reason: exit status 3",
		},
		"pre_build": {
			spec:   "version: 0.2\nphases:\n  pre_build: {commands: [\"false\"], finally: [echo cleaned]}\n  post_build: {commands: [echo never]}\n",
			phases: "SUBMITTED QUEUED PROVISIONING DOWNLOAD_SOURCE INSTALL PRE_BUILD=FAILED FINALIZING COMPLETED", at: api.BuildPhaseTypePreBuild,
			reason: "COMMAND_EXECUTION_ERROR: Error while executing command: false. Reason: exit status 1", output: "cleaned\n",
		},
		"build": {
			spec:   "version: 0.2\nphases:\n  build: {commands: [\"X=kept\", \"(exit 2)\", echo never]}\n  post_build: {commands: [\"echo $X succeeding=$CODEBUILD_BUILD_SUCCEEDING\"]}\n",
			phases: upToBuild + "BUILD=FAILED POST_BUILD UPLOAD_ARTIFACTS FINALIZING COMPLETED", at: api.BuildPhaseTypeBuild,
			reason: "COMMAND_EXECUTION_ERROR: Error while executing command: (exit 2). Reason: exit status 2", output: "kept succeeding=0\n",
		},
		"build that ends the shell": {
			spec:   "version: 0.2\nphases:\n  build: {commands: [\"X='it''s kept'; export Y=too; mkdir d; cd d\", \"set -e; false\"]}\n  post_build: {commands: [\"echo $X $Y $(basename $PWD) $CODEBUILD_BUILD_SUCCEEDING\"]}\n",
			phases: upToBuild + "BUILD=FAILED POST_BUILD UPLOAD_ARTIFACTS FINALIZING COMPLETED", at: api.BuildPhaseTypeBuild,
			reason: "COMMAND_EXECUTION_ERROR: Error while executing command: set -e; false. Reason: exit status 1", output: "its kept too d 0\n",
		},
		"post_build": {
			spec:   "version: 0.2\nphases:\n  post_build: {commands: [nosuchcommand]}\n",
			phases: upToBuild + "BUILD POST_BUILD=FAILED FINALIZING COMPLETED", at: api.BuildPhaseTypePostBuild,
			reason: "COMMAND_EXECUTION_ERROR: Error while executing command: nosuchcommand. Reason: exit status 127",
		},
		"on-failure abort": {
			spec:   "version: 0.2\nphases:\n  build: {on-failure: ABORT, commands: [\"false\"]}\n  post_build: {commands: [echo never]}\n",
			phases: upToBuild + "BUILD=FAILED FINALIZING COMPLETED", at: api.BuildPhaseTypeBuild,
			reason: "COMMAND_EXECUTION_ERROR: Error while executing command: false. Reason: exit status 1",
		},
		"on-failure continue": {
			spec:   "version: 0.2\nphases:\n  install: {on-failure: CONTINUE, commands: [\"false\"]}\n  build: {commands: [echo built]}\n",
			phases: "SUBMITTED QUEUED PROVISIONING DOWNLOAD_SOURCE INSTALL=FAILED PRE_BUILD BUILD POST_BUILD UPLOAD_ARTIFACTS FINALIZING COMPLETED",
			at:     api.BuildPhaseTypeInstall, output: "built\n",
			reason: "COMMAND_EXECUTION_ERROR: Error while executing command: false. Reason: exit status 1",
		},
		"killed command": {
			spec:   "version: 0.2\nphases:\n  build: {commands: ['kill -9 $$']}\n  post_build: {commands: [echo after]}\n",
			phases: upToBuild + "BUILD=FAILED POST_BUILD UPLOAD_ARTIFACTS FINALIZING COMPLETED", at: api.BuildPhaseTypeBuild,
			reason: "COMMAND_EXECUTION_ERROR: Error while executing command: kill -9 $$. Reason: signal: killed", output: "after\n",
		},
		"finally": {
			spec:   "version: 0.2\nphases:\n  build: {commands: [echo done], finally: [\"false\"]}\n",
			phases: upToBuild + "BUILD=FAILED POST_BUILD UPLOAD_ARTIFACTS FINALIZING COMPLETED", at: api.BuildPhaseTypeBuild, output: "done\n",
			reason: "COMMAND_EXECUTION_ERROR: Error while executing command: false. Reason: exit status 1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			got := b.run(t, test.spec)
			if phases(got) != test.phases || *got.BuildStatus != api.StatusTypeFailed {
				t.Errorf("phases %s, want %s; status %s", phases(got), test.phases, *got.BuildStatus)
			}
			if r := reason(got, test.at); r != test.reason {
				t.Errorf("reason %q, want %q", r, test.reason)
			}
			out := b.peers.output()
			if name == "post_build" {
				out = "" // the shell's own words
			}
			if out != test.output {
				t.Errorf("output %q, want %q", out, test.output)
			}
		})
	}
}

func TestBuild_FailsBeforeItsCommands(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CB-03")
	ledger.Covers(t, "CB-13")
	const good = "version: 0.2\nphases: {build: {commands: [echo never]}}\n"
	for name, test := range map[string]struct {
		spec   string
		change func(*api.CreateProjectInput)
		at     api.BuildPhaseType
		reason string
	}{
		"windows": {spec: good, at: api.BuildPhaseTypeProvisioning, reason: "only", change: func(in *api.CreateProjectInput) {
			in.Environment.Type, in.Environment.Image = api.EnvironmentTypeWindowsServer2019Container, "aws/codebuild/windows-base:2019-3.0"
		}},
		"custom image": {spec: good, at: api.BuildPhaseTypeProvisioning, reason: "BUILD_CONTAINER_UNABLE_TO_PULL_IMAGE: ", change: func(in *api.CreateProjectInput) {
			in.Environment.Image = "docker.io/library/golang:1.26"
		}},
		"unknown version": {spec: "version: 0.9\nphases: {build: {commands: [echo never]}}\n", at: api.BuildPhaseTypeDownloadSource, reason: "YAML_FILE_ERROR: Unsupported buildspec version"},
		"no YAML":         {spec: "version: 0.2\nphases: [\n", at: api.BuildPhaseTypeDownloadSource, reason: "YAML_FILE_ERROR: "},
		"unknown runtime": {spec: "version: 0.2\nphases: {install: {runtime-versions: {cobol: 1}}}\n", at: api.BuildPhaseTypeDownloadSource, reason: "YAML_FILE_ERROR: Unknown runtime named 'cobol'. This build image has the following runtimes: "},
		"unknown runtime version": {spec: "version: 0.2\nphases: {install: {runtime-versions: {golang: 9.9}}}\n", at: api.BuildPhaseTypeDownloadSource,
			reason: "YAML_FILE_ERROR: Unknown runtime version named '9.9' of golang. This build image has the following versions: 1."},
		"parameter store": {spec: "version: 0.2\nenv: {parameter-store: {A: /a}}\nphases: {build: {commands: [echo never]}}\n", at: api.BuildPhaseTypeDownloadSource,
			reason: "Unable to fetch parameter /a: NotImplemented"},
		"secrets manager": {spec: good, at: api.BuildPhaseTypeDownloadSource, reason: "Unable to fetch secret s: NotImplemented", change: func(in *api.CreateProjectInput) {
			in.Environment.EnvironmentVariables = []api.EnvironmentVariable{{Name: "S", Value: "s", Type: new(api.EnvironmentVariableTypeSecretsManager)}}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			change := test.change
			if change == nil {
				change = func(*api.CreateProjectInput) {}
			}
			got := b.run(t, test.spec, change)
			if !strings.HasSuffix(phases(got), string(test.at)+"=FAILED FINALIZING COMPLETED") || *got.BuildStatus != api.StatusTypeFailed {
				t.Errorf("phases %s, status %s", phases(got), *got.BuildStatus)
			}
			if r := reason(got, test.at); !strings.Contains(r, test.reason) {
				t.Errorf("reason %q, want %q", r, test.reason)
			}
			if strings.Contains(b.peers.text(), "never") {
				t.Error("commands were run")
			}
		})
	}
}

func TestBuild_RunsInBashIfAsked(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	got := b.run(t, "version: 0.2\nenv: {shell: bash}\nphases: {build: {commands: ['a=(1 2); f() { echo \"f ${a[1]}\"; }', 'f; [[ -n $BASH ]] && echo bash']}}\n")
	if b.peers.output() != "f 2\nbash\n" {
		t.Errorf("output %q, phases %s", b.peers.output(), phases(got))
	}
}

// TestBuild_RunsAsUsers shows what is run as which user where the driver knows users, and that the build fails, instead
// of running as another, where it does not.
func TestBuild_RunsAsUsers(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CB-14")
	const spec = "version: 0.2\nphases:\n  pre_build: {commands: ['X=kept; cd /tmp; id -u']}\n  build: {run-as: codebuild-user, commands: ['id -un; echo $X; pwd; Y=back']}\n  post_build: {commands: ['id -u; echo $Y']}\n"
	for name, driver := range map[string]func() (machine.Driver, error){
		"process":   process.New,
		"namespace": func() (machine.Driver, error) { return namespace.New(namespace.Options{}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBenchOn(t, driver)
			got := b.run(t, spec)
			if !b.host.Capabilities().Users {
				if r := reason(got, api.BuildPhaseTypeBuild); *got.BuildStatus != api.StatusTypeFailed || !strings.Contains(r, "codebuild-user") {
					t.Errorf("status %s, %s", *got.BuildStatus, r)
				}
				return
			}
			if out := b.peers.output(); out != "0\ncodebuild-user\nkept\n/tmp\n0\nback\n" {
				t.Errorf("output %q, %s", out, reason(got, api.BuildPhaseTypeBuild))
			}
		})
	}
}

func TestBuild_OldVersionsHaveAShellForEachCommand(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.run(t, "version: 0.1\nphases: {build: {commands: ['export X=1; cd /', 'echo \"[$X] $(basename $PWD)\"']}}\n")
	if b.peers.output() != "[] src\n" {
		t.Errorf("output %q", b.peers.output())
	}
}

func TestBuild_BackgroundProcessesDoNotHoldItUp(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	got := b.run(t, "version: 0.2\nphases: {build: {commands: ['sleep 1000 &', 'echo on', 'exit 0', 'echo after']}}\n")
	if *got.BuildStatus != api.StatusTypeSucceeded || b.peers.output() != "on\nafter\n" {
		t.Errorf("status %s, output %q", *got.BuildStatus, b.peers.output())
	}
}

// waitFor waits for a line of the log.
func (b *bench) waitFor(t *testing.T, line string) {
	t.Helper()
	for {
		select {
		case got := <-b.peers.seen:
			if got == line {
				return
			}
		case <-t.Context().Done():
			t.Fatalf("no line %q", line)
		}
	}
}

const endless = "version: 0.2\nphases:\n  build: {commands: [\"echo running; head -c 70000 /dev/zero | tr '\\\\0' x; echo; sleep 1000\"]}\n  post_build: {commands: [echo never]}\n"

func TestBuild_Stopped(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.peers.seen = make(chan string, 1000)
	b.createProject(t, "p1", endless)
	id := b.start(t, &api.StartBuildInput{ProjectName: "p1"})
	if err := b.Tasks.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.waitFor(t, "running") // delivered while the command runs
	out, err := api.StopBuild.Do(b.call, &api.StopBuildInput{ID: id})
	if err != nil {
		t.Fatal(err)
	}
	const want = "SUBMITTED QUEUED PROVISIONING DOWNLOAD_SOURCE INSTALL PRE_BUILD BUILD=STOPPED COMPLETED"
	if phases(out.Build) != want || *out.Build.BuildStatus != api.StatusTypeStopped {
		t.Errorf("phases %s, status %s", phases(out.Build), *out.Build.BuildStatus)
	}
	b.WaitIdle(t)
	if got := b.get(t, id); phases(got) != want || len(b.host.List(nil)) > 0 {
		t.Errorf("afterwards phases %s, %d machines", phases(got), len(b.host.List(nil)))
	}
	again, err := api.StopBuild.Do(b.call, &api.StopBuildInput{ID: id})
	if err != nil || *again.Build.BuildStatus != api.StatusTypeStopped {
		t.Errorf("stopping again: %v %v", again, err)
	}
	_, err = api.StopBuild.Do(b.call, &api.StopBuildInput{ID: "p1:none"})
	servicetest.WantError(t, err, "ResourceNotFoundException")
}

func TestBuild_TimesOut(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CB-06", "CB-28")
	b := newBench(t)
	b.peers.seen = make(chan string, 1000)
	b.createProject(t, "p1", endless, func(in *api.CreateProjectInput) { in.TimeoutInMinutes = new(int32(480)) })
	id := b.start(t, &api.StartBuildInput{ProjectName: "p1"})
	other := b.start(t, &api.StartBuildInput{ProjectName: "p1", TimeoutInMinutesOverride: new(int32(10))})
	if err := b.Tasks.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.waitFor(t, "running") // in the logs, while the builds go on
	b.waitFor(t, "running")
	if got := b.get(t, id); *got.BuildStatus != api.StatusTypeInProgress || *got.CurrentPhase != "BUILD" {
		t.Errorf("while it runs: %s in %s", *got.BuildStatus, *got.CurrentPhase)
	}
	b.Advance(t, 11*time.Minute)
	if got := b.get(t, id); *got.BuildStatus != api.StatusTypeInProgress {
		t.Errorf("after 11 minutes: %s", *got.BuildStatus)
	}
	b.Advance(t, 8*time.Hour)
	b.WaitIdle(t)
	for id, minutes := range map[string]time.Duration{id: 480, other: 10} {
		got := b.get(t, id)
		if *got.BuildStatus != api.StatusTypeTimedOut || got.EndTime.Sub(*got.StartTime) != minutes*time.Minute ||
			reason(got, api.BuildPhaseTypeBuild) != "BUILD_TIMED_OUT: Build has timed out. " {
			t.Errorf("status %s after %v, phases %s, %s", *got.BuildStatus, got.EndTime.Sub(*got.StartTime), phases(got), reason(got, api.BuildPhaseTypeBuild))
		}
	}
	for _, minutes := range []int32{4, 481, 2161} {
		in := projectInput("p2", endless)
		in.TimeoutInMinutes = &minutes
		_, err := api.CreateProject.Do(b.call, in)
		servicetest.WantError(t, err, "InvalidInputException")
	}
}

func TestBuild_QueuesPastTheLimit(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CB-07")
	b := newBench(t)
	b.peers.seen = make(chan string, 1000)
	b.createProject(t, "p1", endless, func(in *api.CreateProjectInput) {
		in.ConcurrentBuildLimit, in.QueuedTimeoutInMinutes = new(int32(1)), new(int32(5))
	})
	first := b.start(t, &api.StartBuildInput{ProjectName: "p1"})
	second := b.start(t, &api.StartBuildInput{ProjectName: "p1"})
	third := b.start(t, &api.StartBuildInput{ProjectName: "p1", QueuedTimeoutInMinutesOverride: new(int32(60))})
	if err := b.Tasks.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.waitFor(t, "running")
	if got := b.get(t, second); *got.CurrentPhase != "QUEUED" {
		t.Errorf("second build in %s", *got.CurrentPhase)
	}
	b.Advance(t, 6*time.Minute)
	if got := b.get(t, second); phases(got) != "SUBMITTED QUEUED=TIMED_OUT COMPLETED" || *got.BuildStatus != api.StatusTypeTimedOut {
		t.Errorf("second build: %s", phases(got))
	}
	if _, err := api.StopBuild.Do(b.call, &api.StopBuildInput{ID: first}); err != nil {
		t.Fatal(err)
	}
	b.waitFor2(t, "running")
	if got := b.get(t, third); *got.CurrentPhase != "BUILD" {
		t.Errorf("third build in %s", *got.CurrentPhase)
	}
	if _, err := api.StopBuild.Do(b.call, &api.StopBuildInput{ID: third}); err != nil {
		t.Fatal(err)
	}
	b.WaitIdle(t)
}

// waitFor2 is waitFor that fires what falls due meanwhile.
func (b *bench) waitFor2(t *testing.T, line string) {
	t.Helper()
	go func() { _ = b.Tasks.WaitIdle(t.Context()) }()
	b.waitFor(t, line)
}
