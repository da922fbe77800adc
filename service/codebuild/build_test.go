package codebuild_test

import (
	"strings"
	"testing"

	api "drydock/api/codebuild"
	"drydock/ledger"
	"drydock/machine"
	"drydock/machine/namespace"
	"drydock/machine/process"
)

const allPhases = "SUBMITTED QUEUED PROVISIONING DOWNLOAD_SOURCE INSTALL PRE_BUILD BUILD POST_BUILD UPLOAD_ARTIFACTS FINALIZING COMPLETED"

func TestBuild_RunsItsPhasesInAMachine(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CB-01")
	ledger.Covers(t, "CB-11")
	ledger.Covers(t, "CB-18")
	for name, driver := range map[string]func() (machine.Driver, error){
		"process":   process.New,
		"namespace": func() (machine.Driver, error) { return namespace.New(namespace.Options{}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBenchOn(t, driver)
			got := b.run(t, `
version: 0.2
env:
  variables: {GREETING: hello}
phases:
  install: {commands: ["echo $GREETING $CODEBUILD_BUILD_NUMBER"]}
  pre_build: {commands: ["X=one; export Y=two", "mkdir sub && cd sub"]}
  build:
    commands:
      - echo $X $Y in $(basename "$PWD")
      - |
        for i in 1 2; do
          echo line $i
        done
    finally: ["echo finally"]
  post_build: {commands: ["printf 'no newline'", "echo succeeding=$CODEBUILD_BUILD_SUCCEEDING"]}
`)
			if phases(got) != allPhases || *got.BuildStatus != api.StatusTypeSucceeded || !*got.BuildComplete {
				t.Errorf("phases %s, status %s\n%s", phases(got), *got.BuildStatus, b.peers.text())
			}
			want := "hello 1\none two in sub\n  echo line $i\ndone\nline 1\nline 2\nfinally\nno newline\nsucceeding=1\n"
			if out := b.peers.output(); out != want {
				t.Errorf("output %q, want %q", out, want)
			}
			for _, p := range got.Phases {
				if *p.PhaseType != api.BuildPhaseTypeCompleted && (p.DurationInSeconds == nil || p.EndTime == nil) {
					t.Errorf("phase %s has no end", *p.PhaseType)
				}
			}
			for _, line := range []string{
				"[Container] 2026/01/02 03:04:05.000000 Entering phase BUILD\n",
				"[Container] 2026/01/02 03:04:05.000000 Running command mkdir sub && cd sub\n",
				"[Container] 2026/01/02 03:04:05.000000 Phase complete: PRE_BUILD State: SUCCEEDED\n",
				"[Container] 2026/01/02 03:04:05.000000 Phase context status code:  Message: \n",
			} {
				if !strings.Contains(b.peers.text(), line) {
					t.Errorf("no line %q in\n%s", line, b.peers.text())
				}
			}
		})
	}
}
