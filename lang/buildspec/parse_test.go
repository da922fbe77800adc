package buildspec

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// everything uses every key once.
const everything = `version: 0.2
run-as: builder
env:
  shell: bash
  variables:
    JAVA_HOME: "/usr/lib/jvm"
    PORT: 8080
    DEBUG: yes
    EMPTY:
  parameter-store:
    LOGIN_PASSWORD: /CodeBuild/dockerLoginPassword
  secrets-manager:
    WHOLE: my-secret
    KEYED: my-secret:password
    STAGED: arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf:password:AWSPREVIOUS
    PINNED: my-secret:::id-1
  exported-variables: [PORT, MADE_LATER]
  git-credential-helper: yes
proxy:
  upload-artifacts: no
  logs: yes
phases:
  install:
    run-as: root
    on-failure: ABORT
    runtime-versions:
      python: 3.10
      nodejs: 20.x
    commands:
      - apt-get update -y
      - 42
      - true
      - |
        for i in 1 2; do
          echo $i
        done
      - >-
        echo folded
        line
    finally:
      - echo always
  pre_build:
    commands: echo one string
    runtime-versions:
      - java: corretto17
      - "golang: 1.26"
  build:
    on-failure: RETRY-5-Error.*database
    commands: ['echo "a: b"']
  post_build:
reports:
  my-tests:
    files: ['**/*']
    base-directory: target/surefire
    discard-paths: yes
    file-format: cucumberjson
  arn:aws:codebuild:eu-west-1:123456789012:report-group/cover:
    files: cover.xml
artifacts:
  files:
    - '**/*'
  name: app-$(date +%Y-%m-%d)
  discard-paths: "yes"
  base-directory: 'build*'
  exclude-paths: ['**/.*']
  enable-symlinks: true
  s3-prefix: releases
  secondary-artifacts:
    docs:
      files: [docs/**/*]
      name: docs
cache:
  key: npm-$(codebuild-hash-files package-lock.json)
  fallback-keys: [npm-]
  action: restore
  paths:
    - '/root/.m2/**/*'
future-key: 1
`

func TestParse_Everything(t *testing.T) {
	t.Parallel()
	got, err := Parse([]byte(everything))
	if err != nil {
		t.Fatal(err)
	}
	want := &Spec{
		Version: "0.2", RunAs: "builder",
		Env: Env{
			Shell:          "bash",
			Variables:      []Variable{{"JAVA_HOME", "/usr/lib/jvm"}, {"PORT", "8080"}, {"DEBUG", "yes"}, {"EMPTY", ""}},
			ParameterStore: []Variable{{"LOGIN_PASSWORD", "/CodeBuild/dockerLoginPassword"}},
			SecretsManager: []Secret{
				{Name: "WHOLE", SecretID: "my-secret"},
				{Name: "KEYED", SecretID: "my-secret", JSONKey: "password"},
				{Name: "STAGED", SecretID: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf", JSONKey: "password", VersionStage: "AWSPREVIOUS"},
				{Name: "PINNED", SecretID: "my-secret", VersionID: "id-1"},
			},
			ExportedVariables:   []string{"PORT", "MADE_LATER"},
			GitCredentialHelper: true,
		},
		Proxy: Proxy{Logs: true},
		Phases: Phases{
			Install: &Phase{
				RunAs: "root", OnFailure: OnFailure{Action: ActionAbort},
				RuntimeVersions: []Variable{{"python", "3.10"}, {"nodejs", "20.x"}},
				Commands:        []string{"apt-get update -y", "42", "true", "for i in 1 2; do\n  echo $i\ndone\n", "echo folded line"},
				Finally:         []string{"echo always"},
			},
			PreBuild:  &Phase{Commands: []string{"echo one string"}, RuntimeVersions: []Variable{{"java", "corretto17"}, {"golang", "1.26"}}},
			Build:     &Phase{OnFailure: OnFailure{Action: ActionRetry, Retries: 5, Pattern: "Error.*database"}, Commands: []string{`echo "a: b"`}},
			PostBuild: &Phase{},
		},
		Reports: []Report{
			{Group: "my-tests", Files: []string{"**/*"}, BaseDirectory: "target/surefire", DiscardPaths: true, FileFormat: "CUCUMBERJSON"},
			{Group: "arn:aws:codebuild:eu-west-1:123456789012:report-group/cover", Files: []string{"cover.xml"}, FileFormat: "JUNITXML"},
		},
		Artifacts: &Artifacts{
			Name: "app-$(date +%Y-%m-%d)", Files: []string{"**/*"}, ExcludePaths: []string{"**/.*"}, BaseDirectory: "build*",
			DiscardPaths: true, EnableSymlinks: true, S3Prefix: "releases",
			Secondary: []Artifacts{{Identifier: "docs", Name: "docs", Files: []string{"docs/**/*"}}},
		},
		Cache: Cache{
			Key: "npm-$(codebuild-hash-files package-lock.json)", FallbackKeys: []string{"npm-"}, Action: "restore",
			Paths: []string{"/root/.m2/**/*"},
		},
		Warnings: []string{`unknown key "future-key" in the buildspec at line 78 is ignored`},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !got.SharedShell() {
		t.Error("version 0.2 runs all commands in one shell")
	}
}

func TestParse_Version01(t *testing.T) {
	t.Parallel()
	got, err := Parse([]byte("environment_variables:\n  plaintext:\n    A: b\nphases:\n  build:\n    commands:\n      - make\nversion: \"0.1\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := &Spec{Version: "0.1", Env: Env{Variables: []Variable{{"A", "b"}}}, Phases: Phases{Build: &Phase{Commands: []string{"make"}}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got.SharedShell() {
		t.Error("version 0.1 gives every command a shell of its own")
	}
}

func TestParse_Batch(t *testing.T) {
	t.Parallel()
	const phases = "version: 0.2\nphases: {build: {commands: [make]}}\nbatch:\n"
	for name, c := range map[string]struct {
		text string
		want Batch
	}{
		"graph": {`
  fast-fail: false
  build-graph:
    - identifier: build1
      env: {variables: {BUILD_ID: build1}, compute-type: BUILD_GENERAL1_SMALL, privileged-mode: true}
      ignore-failure: false
    - {identifier: build2, buildspec: b2.yml, depend-on: [build1], debug-session: true}
`, Batch{Graph: []BatchBuild{
			{Identifier: "build1", Env: BatchEnv{ComputeType: "BUILD_GENERAL1_SMALL", PrivilegedMode: new(true), Variables: []Variable{{"BUILD_ID", "build1"}}}},
			{Identifier: "build2", Buildspec: "b2.yml", DependsOn: []string{"build1"}, DebugSession: true},
		}}},
		"list": {`
  fast-fail: true
  build-list:
    - {identifier: a, env: {image: i, type: LINUX_CONTAINER, fleet: f}, ignore-failure: true}
`, Batch{FastFail: true, List: []BatchBuild{{Identifier: "a", IgnoreFailure: true, Env: BatchEnv{Image: "i", Type: "LINUX_CONTAINER", Fleet: "f"}}}}},
		"matrix": {`
  build-matrix:
    static: {ignore-failure: true, env: {type: LINUX_CONTAINER}}
    dynamic:
      buildspec: [m1.yml, m2.yml]
      env:
        compute-type: [BUILD_GENERAL1_SMALL]
        image: [img1, img2]
        variables: {MY_VAR: [a, b, c]}
`, Batch{Matrix: &Matrix{
			IgnoreFailure: true, Static: BatchEnv{Type: "LINUX_CONTAINER"}, Buildspecs: []string{"m1.yml", "m2.yml"},
			ComputeTypes: []string{"BUILD_GENERAL1_SMALL"}, Images: []string{"img1", "img2"},
			Variables: []MatrixVariable{{"MY_VAR", []string{"a", "b", "c"}}},
		}}},
		"fanout": {"\n  build-fanout: {parallelism: 5, ignore-failure: no}\n", Batch{Fanout: &Fanout{Parallelism: 5}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Parse([]byte(phases + strings.TrimPrefix(c.text, "\n")))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&c.want, got.Batch); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParse_OnFailure(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]OnFailure{
		"ABORT":             {Action: ActionAbort},
		"continue":          {Action: ActionContinue},
		"RETRY":             {Action: ActionRetry, Retries: 3, Pattern: ".*"},
		"RETRY-7":           {Action: ActionRetry, Retries: 7, Pattern: ".*"},
		"Retry-.*Timeout.*": {Action: ActionRetry, Retries: 3, Pattern: ".*Timeout.*"},
		"Retry-2-no-route+": {Action: ActionRetry, Retries: 2, Pattern: "no-route+"},
		"''":                {},
	} {
		got, err := Parse([]byte("version: 0.2\nphases:\n  build:\n    on-failure: " + text + "\n"))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, got.Phases.Build.OnFailure); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}

func TestParse_MergesAndAliases(t *testing.T) {
	t.Parallel()
	got, err := Parse([]byte(`version: 0.2
x: &all {A: 1, B: 2}
env:
  variables:
    <<: *all
    B: 3
phases:
  install: {commands: &c [one, two]}
  build: {commands: *c}
`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Variable{{"B", "3"}, {"A", "1"}}, got.Env.Variables); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"one", "two"}, got.Phases.Build.Commands); diff != "" {
		t.Error(diff)
	}
}

func TestParse_Errors(t *testing.T) {
	t.Parallel()
	bomb := "version: 0.2\na0: &a0 [x, x]\n"
	for i := 1; i < 40; i++ {
		bomb += fmt.Sprintf("a%d: &a%d [*a%d, *a%d]\n", i, i, i-1, i-1)
	}
	for name, c := range map[string]struct {
		text string
		want string
		line int
	}{
		// These four are as build logs in public issues show them.
		"a command with a colon": {"version: 0.2\n\nphases:\n  build:\n    commands:\n      - echo \"Hello: world\"\n",
			"Expected Commands[0] to be of string type: found subkeys instead at line 6, value of the key tag on line 5 might be empty", 0},
		"a list left open":       {"version: 0.2\nphases:\n  build:\n    commands: [a\nartifacts:\n", "did not find expected ',' or ']' at line 3", 3},
		"a tab":                  {"version: 0.2\nphases:\n\tbuild:\n", "found character that cannot start any token at line 3", 3},
		"no build specification": {"AWSTemplateFormatVersion: '2010-09-09'\nResources: {}\n", "wrong number of container tags, expected 1", 0},

		"nothing":              {"", "YAML file is empty", 0},
		"a string":             {"hello", "wrong number of container tags, expected 1 at line 1", 1},
		"no version":           {"phases: {build: {commands: [a]}}\n", "wrong number of container tags, expected 1", 0},
		"no phases":            {"version: 0.2\n", "wrong number of container tags, expected 1", 0},
		"empty phases":         {"version: 0.2\nphases:\n", "Expected phases to hold at least one of install, pre_build, build and post_build: found nothing at line 2", 2},
		"an unknown version":   {"version: 0.3\nphases: {build: {}}\n", `Unsupported buildspec version "0.3": expected 0.1 or 0.2 at line 1`, 1},
		"an unknown phase":     {"version: 0.2\nphases:\n  test:\n    commands: [a]\n", `Unknown phase "test": expected install, pre_build, build or post_build at line 3`, 3},
		"phases as a list":     {"version: 0.2\nphases:\n  - build\n", "Expected phases to be of map type: found a list instead at line 3", 3},
		"commands as a map":    {"version: 0.2\nphases:\n  build:\n    commands:\n      a: b\n", "Expected Commands to be of list type: found subkeys instead at line 5", 5},
		"a key twice":          {"version: 0.2\nphases: {build: {}}\nenv: {}\nenv: {}\n", `mapping key "env" already defined at line 3: found again at line 4`, 4},
		"powershell":           {"version: 0.2\nenv:\n  shell: powershell.exe\nphases: {build: {}}\n", "Shell powershell.exe is not supported on Linux: expected bash or /bin/sh at line 3", 3},
		"an unknown shell":     {"version: 0.2\nenv: {shell: zsh}\nphases: {build: {}}\n", `Unknown shell "zsh": expected bash or /bin/sh at line 2`, 2},
		"a bad flag":           {"version: 0.2\nphases: {build: {}}\nproxy: {logs: maybe}\n", `Invalid value "maybe" for logs: expected yes or no at line 3`, 3},
		"a bad on-failure":     {"version: 0.2\nphases: {build: {on-failure: STOP}}\n", `Invalid on-failure "STOP": expected ABORT, CONTINUE or RETRY at line 2`, 2},
		"too many retries":     {"version: 0.2\nphases: {build: {on-failure: RETRY-101}}\n", `Invalid on-failure "RETRY-101": expected a count from 0 to 100 at line 2`, 2},
		"a bad retry":          {"version: 0.2\nphases: {build: {on-failure: 'RETRY-('}}\n", `Invalid on-failure "RETRY-(": expected a regular expression at line 2`, 2},
		"a bad secret":         {"version: 0.2\nphases: {build: {}}\nenv: {secrets-manager: {A: 'a:b:c:d:e'}}\n", `Invalid secret "a:b:c:d:e" of A: expected secret-id:json-key:version-stage:version-id at line 3`, 3},
		"a bad name":           {"version: 0.2\nphases: {build: {}}\nenv: {variables: {'A=B': c}}\n", `Invalid name "A=B" in variables at line 3`, 3},
		"artifacts without":    {"version: 0.2\nphases: {build: {}}\nartifacts: {name: x}\n", "Expected artifacts to name files: found none at line 3", 3},
		"a report without":     {"version: 0.2\nphases: {build: {}}\nreports: {r: {}}\n", "Expected report r to name files: found none at line 3", 3},
		"a report's format":    {"version: 0.2\nphases: {build: {}}\nreports: {r: {files: a, file-format: tap}}\n", `Unknown file-format "TAP": expected one of CUCUMBERJSON, JUNITXML, NUNITXML, NUNIT3XML, TESTNGXML, VISUALSTUDIOTRX, CLOVERXML, COBERTURAXML, JACOCOXML, SIMPLECOV, LCOV at line 3`, 3},
		"a cache's action":     {"version: 0.2\nphases: {build: {}}\ncache: {action: burn}\n", `Invalid cache action "burn": expected restore or save at line 3`, 3},
		"two kinds of batch":   {"version: 0.2\nphases: {build: {}}\nbatch: {build-list: [], build-graph: []}\n", "Expected batch to hold one of build-list, build-matrix, build-graph and build-fanout: found 2 at line 3", 3},
		"a member twice":       {"version: 0.2\nphases: {build: {}}\nbatch: {build-list: [{identifier: a}, {identifier: a}]}\n", `Expected each member of build-list to have an identifier of its own: found "a" at line 3`, 3},
		"a missing dependency": {"version: 0.2\nphases: {build: {}}\nbatch: {build-graph: [{identifier: a, depend-on: [b]}]}\n", `Member "a" of build-graph depends on "b", which is no member, at line 3`, 3},
		"a circle":             {"version: 0.2\nphases: {build: {}}\nbatch: {build-graph: [{identifier: a, depend-on: [b]}, {identifier: b, depend-on: [a]}]}\n", "Members of build-graph depend on each other in a circle at line 3", 3},
		"a fanout's size":      {"version: 0.2\nphases: {build: {}}\nbatch: {build-fanout: {parallelism: x}}\n", `Invalid value "x" for parallelism: expected a number from 1 to 100 at line 3`, 3},
		"merged into itself":   {"version: 0.2\nphases: {build: {}}\nenv: &e\n  <<: *e\n", "document is nested too deep at line 3", 3},
		"aliases of aliases":   {bomb + "phases: {build: {commands: *a39}}\n", "Expected Commands[0] to be of string type: found a list instead at line 40, value of the key tag on line 39 might be empty", 0},
		"a bomb of merges":     {"version: 0.2\n" + mergeBomb(30) + "phases: *m30\n", "document contains excessive aliasing", -1},
		"too long":             {strings.Repeat("#\n", maxBytes/2+1), "build specification is longer than 1048576 bytes", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec, err := Parse([]byte(c.text))
			e, ok := errors.AsType[*Error](err)
			if !ok {
				t.Fatalf("got %+v, error %v; want an *Error", spec, err)
			}
			if c.line < 0 {
				c.line, c.want = e.Line, fmt.Sprintf("%s at line %d", c.want, e.Line)
			}
			if e.Message != c.want || e.Line != c.line {
				t.Errorf("error %q of line %d\nwant  %q of line %d", e.Message, e.Line, c.want, c.line)
			}
			if err.Error() != "YAML_FILE_ERROR: "+e.Message {
				t.Errorf("Error() = %q", err.Error())
			}
		})
	}
}

func mergeBomb(n int) string {
	var b strings.Builder
	b.WriteString("m0: &m0 {a: 1}\n")
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "m%d: &m%d {<<: [*m%d, *m%d]}\n", i, i, i-1, i-1)
	}
	return b.String()
}

func FuzzParse(f *testing.F) {
	f.Add(everything)
	f.Add("version: 0.2\nphases: &p\n  build: *p\n")
	f.Add("version: 0.2\n" + mergeBomb(3) + "phases: *m3\n")
	f.Fuzz(func(t *testing.T, text string) {
		spec, err := Parse([]byte(text))
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok || spec != nil {
				t.Errorf("Parse returned %v, %v", spec, err)
			}
			return
		}
		if spec.Version != "0.1" && spec.Version != "0.2" {
			t.Errorf("version %q", spec.Version)
		}
	})
}
