package codebuild_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	api "drydock/api/codebuild"
	"drydock/service/servicetest"
)

const batchRole = "arn:aws:iam::111122223333:role/batch"

func withBatch(change ...func(*api.ProjectBuildBatchConfig)) func(*api.CreateProjectInput) {
	return func(in *api.CreateProjectInput) {
		in.BuildBatchConfig = &api.ProjectBuildBatchConfig{ServiceRole: new(batchRole)}
		for _, c := range change {
			c(in.BuildBatchConfig)
		}
	}
}

func (b *bench) getBatch(t *testing.T, id string) *api.BuildBatch {
	t.Helper()
	out, err := api.BatchGetBuildBatches.Do(b.call, &api.BatchGetBuildBatchesInput{IDs: []string{id}})
	if err != nil || len(out.BuildBatches) != 1 {
		t.Fatalf("batch %s: %+v, %v", id, out, err)
	}
	return &out.BuildBatches[0]
}

// batch runs a batch of a project that is made for it.
func (b *bench) batch(t *testing.T, spec string, change ...func(*api.CreateProjectInput)) *api.BuildBatch {
	t.Helper()
	b.createProject(t, "p1", spec, append([]func(*api.CreateProjectInput){withBatch()}, change...)...)
	out, err := api.StartBuildBatch.Do(b.call, &api.StartBuildBatchInput{ProjectName: "p1"})
	if err != nil {
		t.Fatal(err)
	}
	b.WaitIdle(t)
	return b.getBatch(t, *out.BuildBatch.ID)
}

// batchPhases tells how each phase ended.
func batchPhases(b *api.BuildBatch) string {
	var out []string
	for _, p := range b.Phases {
		word := string(*p.PhaseType)
		if p.PhaseStatus != nil && *p.PhaseStatus != api.StatusTypeSucceeded {
			word += "=" + string(*p.PhaseStatus)
		}
		out = append(out, word)
	}
	return strings.Join(out, " ")
}

// groups tells how each build of a batch ended.
func groups(b *api.BuildBatch) string {
	var out []string
	for _, g := range b.BuildGroups {
		word := *g.Identifier + "="
		if g.CurrentBuildSummary != nil {
			word += string(*g.CurrentBuildSummary.BuildStatus)
		}
		out = append(out, word)
	}
	return strings.Join(out, " ")
}

func batchReason(b *api.BuildBatch) string {
	for _, p := range b.Phases {
		if len(p.Contexts) > 0 && value(p.Contexts[0].Message) != "" {
			return *p.Contexts[0].StatusCode + ": " + *p.Contexts[0].Message
		}
	}
	return ""
}

func TestBatch_GraphRunsInTheOrderOfItsDependencies(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	got := b.batch(t, `
version: 0.2
batch:
  build-graph:
    - {identifier: last, depend-on: [left, right], env: {variables: {WHO: l}}}
    - {identifier: left, env: {variables: {WHO: a}}}
    - {identifier: right, env: {variables: {WHO: b}}}
phases: {build: {commands: ["echo $CODEBUILD_BATCH_BUILD_IDENTIFIER $WHO"]}}
`)
	if *got.BuildBatchStatus != api.StatusTypeSucceeded || !*got.Complete ||
		batchPhases(got) != "SUBMITTED DOWNLOAD_BATCHSPEC IN_PROGRESS COMBINE_ARTIFACTS SUCCEEDED" ||
		groups(got) != "DOWNLOAD_SOURCE=SUCCEEDED last=SUCCEEDED left=SUCCEEDED right=SUCCEEDED" {
		t.Errorf("%s: %s, %s: %s", *got.BuildBatchStatus, batchPhases(got), groups(got), batchReason(got))
	}
	lines := strings.Fields(strings.ReplaceAll(b.peers.output(), " ", "="))
	slices.Sort(lines[:2])
	if fmt.Sprint(lines) != "[left=a right=b last=l]" {
		t.Errorf("output %v", lines)
	}
	if on := got.BuildGroups[2].DependsOn; fmt.Sprint(on) != "[DOWNLOAD_SOURCE]" {
		t.Errorf("left depends on %v", on)
	}
	one := b.get(t, idOf(*got.BuildGroups[1].CurrentBuildSummary.ARN))
	if *one.BuildBatchARN != *got.ARN || !strings.HasPrefix(*one.Initiator, "batch/AWSCodeBuild-") {
		t.Errorf("build %+v", one)
	}
}

func idOf(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

func TestBatch_MatrixMultipliesOut(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	got := b.batch(t, `
version: 0.2
batch:
  build-matrix:
    static: {env: {variables: {S: s}}}
    dynamic: {env: {variables: {X: ["1", "2"], Y: [a, b]}}}
phases: {build: {commands: ["echo $X$Y$S"]}}
`)
	lines := strings.Fields(b.peers.output())
	slices.Sort(lines)
	if *got.BuildBatchStatus != api.StatusTypeSucceeded || fmt.Sprint(lines) != "[1as 1bs 2as 2bs]" {
		t.Errorf("%s: %v", batchPhases(got), lines)
	}
}

func TestBatch_Failures(t *testing.T) {
	t.Parallel()
	const builds = "\nphases: {build: {commands: ['test \"$BAD\" != yes']}}\n"
	for name, test := range map[string]struct {
		batch, phases, groups, reason string
		change                        func(*api.CreateProjectInput)
	}{
		"of a dependency": {
			batch:  "build-graph: [{identifier: a, env: {variables: {BAD: yes}}}, {identifier: b, depend-on: [a]}, {identifier: c, depend-on: [b]}, {identifier: d}]",
			phases: "SUBMITTED DOWNLOAD_BATCHSPEC IN_PROGRESS=FAILED FAILED", groups: "DOWNLOAD_SOURCE=SUCCEEDED a=FAILED b= c= d=SUCCEEDED",
			reason: "BATCH_BUILD_FAILED: Builds of the batch failed: a",
		},
		"that does not matter": {
			batch:  "build-graph: [{identifier: a, ignore-failure: true, env: {variables: {BAD: yes}}}, {identifier: b, depend-on: [a]}]",
			phases: "SUBMITTED DOWNLOAD_BATCHSPEC IN_PROGRESS COMBINE_ARTIFACTS SUCCEEDED", groups: "DOWNLOAD_SOURCE=SUCCEEDED a=FAILED b=SUCCEEDED",
		},
		"no batch": {
			batch: "", phases: "SUBMITTED DOWNLOAD_BATCHSPEC=FAILED FAILED", groups: "DOWNLOAD_SOURCE=SUCCEEDED",
			reason: "YAML_FILE_ERROR: The batch of the build specification has no builds",
		},
		"too many": {
			batch: "build-list: [{identifier: a}, {identifier: b}]", phases: "SUBMITTED DOWNLOAD_BATCHSPEC=FAILED FAILED", groups: "DOWNLOAD_SOURCE=SUCCEEDED",
			reason: "CLIENT_ERROR: The batch has more builds than the 1 that are allowed",
			change: withBatch(func(c *api.ProjectBuildBatchConfig) {
				c.Restrictions = &api.BatchRestrictions{MaximumBuildsAllowed: new(int32(1))}
			}),
		},
		"compute type": {
			batch: "build-list: [{identifier: a, env: {compute-type: BUILD_GENERAL1_LARGE}}]", phases: "SUBMITTED DOWNLOAD_BATCHSPEC=FAILED FAILED", groups: "DOWNLOAD_SOURCE=SUCCEEDED",
			reason: "CLIENT_ERROR: Compute type BUILD_GENERAL1_LARGE of build a is not allowed in the batch",
			change: withBatch(func(c *api.ProjectBuildBatchConfig) {
				c.Restrictions = &api.BatchRestrictions{ComputeTypesAllowed: []string{"BUILD_GENERAL1_SMALL"}}
			}),
		},
		"fanout": {
			batch: "build-fanout: {parallelism: 2}", phases: "SUBMITTED DOWNLOAD_BATCHSPEC=FAILED FAILED", groups: "DOWNLOAD_SOURCE=SUCCEEDED",
			reason: "YAML_FILE_ERROR: NotImplemented: drydock does not implement build-fanout of build specifications.",
		},
		"source": {
			batch: "x: [", phases: "SUBMITTED DOWNLOAD_BATCHSPEC=FAILED FAILED", groups: "DOWNLOAD_SOURCE=FAILED",
			reason: "YAML_FILE_ERROR: YAML_FILE_ERROR: did not find expected",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			change := test.change
			if change == nil {
				change = func(*api.CreateProjectInput) {}
			}
			got := b.batch(t, "version: 0.2\nbatch:\n  "+test.batch+builds, change)
			if batchPhases(got) != test.phases || groups(got) != test.groups || !strings.HasPrefix(batchReason(got), test.reason) {
				t.Errorf("%s, %s: %s", batchPhases(got), groups(got), batchReason(got))
			}
		})
	}
}

func TestBatch_FastFailStopsTheOthers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	got := b.batch(t, `
version: 0.2
batch:
  fast-fail: true
  build-list:
    - {identifier: bad, env: {variables: {FOR: "0"}}}
    - {identifier: slow, env: {variables: {FOR: "600"}}}
phases: {build: {commands: ['sleep $FOR', 'test $FOR != 0']}}
`)
	if groups(got) != "DOWNLOAD_SOURCE=SUCCEEDED bad=FAILED slow=STOPPED" || *got.BuildBatchStatus != api.StatusTypeFailed {
		t.Errorf("%s, %s", batchPhases(got), groups(got))
	}
}

func TestBatch_Retry(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const spec = "version: 0.2\nbatch:\n  build-list: [{identifier: a}, {identifier: b, env: {variables: {BAD: yes}}}]\nphases: {build: {commands: ['echo $CODEBUILD_BATCH_BUILD_IDENTIFIER; test \"$BAD$FIXED\" != yes']}}\n"
	got := b.batch(t, spec)
	if groups(got) != "DOWNLOAD_SOURCE=SUCCEEDED a=SUCCEEDED b=FAILED" {
		t.Fatalf("%s: %s", groups(got), batchReason(got))
	}
	b.peers.clear()
	_, err := api.RetryBuildBatch.Do(b.call, &api.RetryBuildBatchInput{ID: got.ID, RetryType: new(api.RetryBuildBatchTypeRetryFailedBuilds)})
	if err != nil {
		t.Fatal(err)
	}
	b.WaitIdle(t)
	got = b.getBatch(t, *got.ID)
	if b.peers.output() != "b\n" || len(got.BuildGroups[2].PriorBuildSummaryList) != 1 || len(got.BuildGroups[1].PriorBuildSummaryList) != 0 || *got.BuildBatchStatus != api.StatusTypeFailed {
		t.Errorf("failed ones again: %q, %s", b.peers.output(), groups(got))
	}
	b.peers.clear()
	if _, err := api.RetryBuildBatch.Do(b.call, &api.RetryBuildBatchInput{ID: got.ID, RetryType: new(api.RetryBuildBatchTypeRetryAllBuilds)}); err != nil {
		t.Fatal(err)
	}
	b.WaitIdle(t)
	got = b.getBatch(t, *got.ID)
	if len(got.BuildGroups[0].PriorBuildSummaryList) != 1 || len(got.BuildGroups[2].PriorBuildSummaryList) != 2 || !strings.Contains(b.peers.output(), "a\n") {
		t.Errorf("all again: %q, %+v", b.peers.output(), got.BuildGroups)
	}
	out, err := api.DeleteBuildBatch.Do(b.call, &api.DeleteBuildBatchInput{ID: *got.ID})
	if err != nil || *out.StatusCode != "BATCH_DELETED" || len(out.BuildsDeleted) != 7 {
		t.Errorf("deleted %+v, %v", out, err)
	}
	gone, err := api.ListBuilds.Do(b.call, &api.ListBuildsInput{})
	if err != nil || len(gone.IDs) != 0 {
		t.Errorf("left: %v, %v", gone, err)
	}
	_, err = api.DeleteBuildBatch.Do(b.call, &api.DeleteBuildBatchInput{ID: *got.ID})
	servicetest.WantError(t, err, "InvalidInputException")
}

func TestBatch_StopAndTimeOut(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		end    func(t *testing.T, b *bench, id string)
		phases string
		status api.StatusType
	}{
		"stop": {func(t *testing.T, b *bench, id string) {
			out, err := api.StopBuildBatch.Do(b.call, &api.StopBuildBatchInput{ID: id})
			if err != nil || !*out.BuildBatch.Complete {
				t.Errorf("stopped %+v, %v", out, err)
			}
		}, "SUBMITTED DOWNLOAD_BATCHSPEC IN_PROGRESS=STOPPED STOPPED", api.StatusTypeStopped},
		"time-out": {func(t *testing.T, b *bench, _ string) { b.Advance(t, 5*time.Minute) },
			"SUBMITTED DOWNLOAD_BATCHSPEC IN_PROGRESS=TIMED_OUT FAILED", api.StatusTypeTimedOut},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.peers.seen = make(chan string, 1000)
			b.createProject(t, "p1", "version: 0.2\nbatch:\n  build-list: [{identifier: a}]\nphases: {build: {commands: ['echo started', 'sleep 600']}}\n",
				withBatch(func(c *api.ProjectBuildBatchConfig) { c.TimeoutInMins = new(int32(5)) }))
			out, err := api.StartBuildBatch.Do(b.call, &api.StartBuildBatchInput{ProjectName: "p1"})
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() { done <- b.Tasks.WaitIdle(t.Context()) }()
			for line := range b.peers.seen {
				if line == "started" {
					break
				}
			}
			test.end(t, b, *out.BuildBatch.ID)
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			got := b.getBatch(t, *out.BuildBatch.ID)
			if batchPhases(got) != test.phases || *got.BuildBatchStatus != test.status || groups(got) != "DOWNLOAD_SOURCE=SUCCEEDED a="+string(test.status) {
				t.Errorf("%s: %s, %s", *got.BuildBatchStatus, batchPhases(got), groups(got))
			}
		})
	}
}

func TestBatch_CombinesArtifacts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	artifacts := func(in *api.CreateProjectInput) {
		in.Artifacts = api.ProjectArtifacts{Type: api.ArtifactsTypeS3, Location: new("output"), Path: new("here"), Name: new("name")}
		in.BuildBatchConfig.CombineArtifacts = new(true)
	}
	got := b.batch(t, "version: 0.2\nbatch:\n  build-list: [{identifier: a}, {identifier: b}]\nphases: {build: {commands: ['echo x >$CODEBUILD_BATCH_BUILD_IDENTIFIER']}}\nartifacts: {files: ['*']}\n", artifacts)
	if keys := b.peers.keys(); keys != "[output/here/a/name/a output/here/b/name/b output/here/name/a output/here/name/b]" {
		t.Errorf("%s: %s: objects %s", batchPhases(got), batchReason(got), keys)
	}
	if *got.Artifacts.Location != "arn:aws:s3:::output/here/name" || *got.BuildGroups[1].CurrentBuildSummary.PrimaryArtifact.Location != "output/here/a/name" {
		t.Errorf("artifacts %+v", got.Artifacts)
	}
}

func TestBatch_ListsAndErrors(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.createProject(t, "p1", "version: 0.2\nbatch: {build-list: [{identifier: a}]}\nphases: {build: {commands: ['true']}}\n", withBatch())
	b.createProject(t, "p2", noop)
	var ids []string
	for i := range 3 {
		out, err := api.StartBuildBatch.Do(b.call, &api.StartBuildBatchInput{ProjectName: "p1", IdempotencyToken: new(fmt.Sprint(i))})
		if err != nil {
			t.Fatal(err)
		}
		again, err := api.StartBuildBatch.Do(b.call, &api.StartBuildBatchInput{ProjectName: "p1", IdempotencyToken: new(fmt.Sprint(i))})
		if err != nil || *again.BuildBatch.ID != *out.BuildBatch.ID {
			t.Errorf("again %+v, %v", again, err)
		}
		ids = append(ids, *out.BuildBatch.ID)
		b.WaitIdle(t)
		b.Advance(t, time.Second)
	}
	list := func(filter *api.BuildBatchFilter, order *api.SortOrderType) (all, ofProject []string) {
		t.Helper()
		in := &api.ListBuildBatchesInput{Filter: filter, SortOrder: order, MaxResults: new(int32(2))}
		for {
			out, err := api.ListBuildBatches.Do(b.call, in)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, out.IDs...)
			if in.NextToken = out.NextToken; in.NextToken == nil {
				break
			}
		}
		out, err := api.ListBuildBatchesForProject.Do(b.call, &api.ListBuildBatchesForProjectInput{ProjectName: new("p1"), Filter: filter, SortOrder: order})
		if err != nil {
			t.Fatal(err)
		}
		return all, out.IDs
	}
	all, ofProject := list(nil, new(api.SortOrderTypeAscending))
	if !slices.Equal(all, ids) || !slices.Equal(ofProject, ids) {
		t.Errorf("%v, %v, want %v", all, ofProject, ids)
	}
	slices.Reverse(ids)
	if all, ofProject = list(&api.BuildBatchFilter{Status: new(api.StatusTypeSucceeded)}, nil); !slices.Equal(all, ids) || !slices.Equal(ofProject, ids) {
		t.Errorf("%v, %v, want %v", all, ofProject, ids)
	}
	if all, ofProject = list(&api.BuildBatchFilter{Status: new(api.StatusTypeFailed)}, nil); len(all)+len(ofProject) != 0 {
		t.Errorf("failed: %v, %v", all, ofProject)
	}
	_, err := api.StartBuildBatch.Do(b.call, &api.StartBuildBatchInput{ProjectName: "p2"})
	servicetest.WantError(t, err, "InvalidInputException")
	_, err = api.StartBuildBatch.Do(b.call, &api.StartBuildBatchInput{ProjectName: "none"})
	servicetest.WantError(t, err, "ResourceNotFoundException")
	_, err = api.StartBuildBatch.Do(b.call, &api.StartBuildBatchInput{ProjectName: "p1", IdempotencyToken: new("2"), SourceVersion: new("x")})
	servicetest.WantError(t, err, "InvalidInputException")
	_, err = api.RetryBuildBatch.Do(b.call, &api.RetryBuildBatchInput{ID: &ids[0]})
	servicetest.WantError(t, err, "InvalidInputException")
	_, err = api.StopBuildBatch.Do(b.call, &api.StopBuildBatchInput{ID: "p1:none"})
	servicetest.WantError(t, err, "ResourceNotFoundException")
	found, err := api.BatchGetBuildBatches.Do(b.call, &api.BatchGetBuildBatchesInput{IDs: []string{"p1:none"}})
	if err != nil || len(found.BuildBatchesNotFound) != 1 {
		t.Errorf("found %+v, %v", found, err)
	}
}

func TestBuild_IsTriedAgainByItself(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spec   string
		limit  *int32
		builds int
	}{
		"as the project says":  {"version: 0.2\nphases: {build: {commands: ['false']}}\n", new(int32(2)), 3},
		"as the spec says":     {"version: 0.2\nphases: {build: {on-failure: RETRY-1, commands: ['false']}}\n", nil, 2},
		"for another failure":  {"version: 0.2\nphases: {build: {on-failure: RETRY-1-nosuch, commands: ['false']}}\n", nil, 1},
		"not when it succeeds": {noop, new(int32(2)), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			first := b.run(t, test.spec, func(in *api.CreateProjectInput) { in.AutoRetryLimit = test.limit })
			out, err := api.ListBuilds.Do(b.call, &api.ListBuildsInput{SortOrder: new(api.SortOrderTypeAscending)})
			if err != nil || len(out.IDs) != test.builds {
				t.Fatalf("builds %+v, %v", out, err)
			}
			if test.builds == 1 {
				return
			}
			last := b.get(t, out.IDs[test.builds-1])
			if c := last.AutoRetryConfig; int(*c.AutoRetryNumber) != test.builds-1 || int(*c.AutoRetryLimit) != test.builds-1 || c.NextAutoRetry != nil ||
				*first.AutoRetryConfig.NextAutoRetry != *b.get(t, out.IDs[1]).ARN || *b.get(t, out.IDs[1]).AutoRetryConfig.PreviousAutoRetry != *first.ARN {
				t.Errorf("first %+v, last %+v", first.AutoRetryConfig, last.AutoRetryConfig)
			}
		})
	}
}

func TestFleet_BoundsItsBuilds(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	made, err := api.CreateFleet.Do(b.call, &api.CreateFleetInput{
		Name: "f1", BaseCapacity: 1, EnvironmentType: api.EnvironmentTypeLinuxContainer, ComputeType: api.ComputeTypeBuildGeneral1Small,
	})
	if err != nil {
		t.Fatal(err)
	}
	arn := *made.Fleet.ARN
	b.peers.seen = make(chan string, 1000)
	b.createProject(t, "p1", "version: 0.2\nphases: {build: {commands: ['echo started', 'sleep 600']}}\n", func(in *api.CreateProjectInput) {
		in.Environment.Fleet = &api.ProjectFleet{FleetARN: &arn}
	})
	first, second := b.start(t, &api.StartBuildInput{ProjectName: "p1"}), b.start(t, &api.StartBuildInput{ProjectName: "p1"})
	done := make(chan error, 1)
	go func() { done <- b.Tasks.WaitIdle(t.Context()) }()
	started := func() {
		for line := range b.peers.seen {
			if line == "started" {
				return
			}
		}
	}
	started()
	if got := b.get(t, second); *got.CurrentPhase != string(api.BuildPhaseTypeQueued) {
		t.Errorf("the second build is in %s", *got.CurrentPhase)
	}
	if _, err := api.UpdateFleet.Do(b.call, &api.UpdateFleetInput{ARN: arn, OverflowBehavior: new(api.FleetOverflowBehaviorOnDemand)}); err != nil {
		t.Fatal(err)
	}
	started()
	for _, id := range []string{first, second} {
		if _, err := api.StopBuild.Do(b.call, &api.StopBuildInput{ID: id}); err != nil {
			t.Error(err)
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if _, err := api.DeleteFleet.Do(b.call, &api.DeleteFleetInput{ARN: arn}); err != nil {
		t.Fatal(err)
	}
	b.peers.seen = nil
	got := b.build(t, &api.StartBuildInput{ProjectName: "p1"})
	if r := reason(got, api.BuildPhaseTypeProvisioning); r != "CLIENT_ERROR: ResourceNotFoundException: Fleet not found: "+arn {
		t.Errorf("without its fleet: %s", r)
	}
}
