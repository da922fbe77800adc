package codebuild_test

import (
	"strings"
	"testing"
	"time"

	api "drydock/api/codebuild"
	"drydock/aws"
	"drydock/service/servicetest"
)

func TestOperations_AreDeniedWithoutPermission(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.createProject(t, "p1", noop)
	call := b.CallAs(t, aws.Principal{
		Type: aws.PrincipalUser, Account: servicetest.Account, Name: "nobody", ARN: "arn:aws:iam::" + servicetest.Account + ":user/nobody",
	}, servicetest.Region)
	const arn = "arn:aws:codebuild:us-east-1:111122223333:"
	project := projectInput("p2", noop)
	for name, do := range map[string]func() (any, error){
		"CreateProject": func() (any, error) { return api.CreateProject.Do(call, project) },
		"BatchGetProjects": func() (any, error) {
			return api.BatchGetProjects.Do(call, &api.BatchGetProjectsInput{Names: []string{"p1"}})
		},
		"UpdateProjectVisibility": func() (any, error) {
			return api.UpdateProjectVisibility.Do(call, &api.UpdateProjectVisibilityInput{ProjectARN: arn + "project/p1", ProjectVisibility: api.ProjectVisibilityTypePrivate})
		},
		"StartBuild": func() (any, error) { return api.StartBuild.Do(call, &api.StartBuildInput{ProjectName: "p1"}) },
		"StartBuildBatch": func() (any, error) {
			return api.StartBuildBatch.Do(call, &api.StartBuildBatchInput{ProjectName: "p1"})
		},
		"RetryBuildBatch":  func() (any, error) { return api.RetryBuildBatch.Do(call, &api.RetryBuildBatchInput{ID: new("p1:x")}) },
		"StopBuildBatch":   func() (any, error) { return api.StopBuildBatch.Do(call, &api.StopBuildBatchInput{ID: "p1:x"}) },
		"DeleteBuildBatch": func() (any, error) { return api.DeleteBuildBatch.Do(call, &api.DeleteBuildBatchInput{ID: "p1:x"}) },
		"BatchGetBuildBatches": func() (any, error) {
			return api.BatchGetBuildBatches.Do(call, &api.BatchGetBuildBatchesInput{IDs: []string{"p1:x"}})
		},
		"ListBuildBatches": func() (any, error) { return api.ListBuildBatches.Do(call, &api.ListBuildBatchesInput{}) },
		"ListBuildBatchesForProject": func() (any, error) {
			return api.ListBuildBatchesForProject.Do(call, &api.ListBuildBatchesForProjectInput{ProjectName: new("p1")})
		},
		"CreateReportGroup": func() (any, error) {
			return api.CreateReportGroup.Do(call, &api.CreateReportGroupInput{Name: "g1", Type: api.ReportTypeTest, ExportConfig: api.ReportExportConfig{ExportConfigType: new(api.ReportExportConfigTypeNoExport)}})
		},
		"BatchGetReportGroups": func() (any, error) {
			return api.BatchGetReportGroups.Do(call, &api.BatchGetReportGroupsInput{ReportGroupARNs: []string{arn + "report-group/g1"}})
		},
		"ListReportGroups": func() (any, error) { return api.ListReportGroups.Do(call, &api.ListReportGroupsInput{}) },
		"UpdateReportGroup": func() (any, error) {
			return api.UpdateReportGroup.Do(call, &api.UpdateReportGroupInput{ARN: arn + "report-group/g1"})
		},
		"DeleteReportGroup": func() (any, error) {
			return api.DeleteReportGroup.Do(call, &api.DeleteReportGroupInput{ARN: arn + "report-group/g1"})
		},
		"GetReportGroupTrend": func() (any, error) {
			return api.GetReportGroupTrend.Do(call, &api.GetReportGroupTrendInput{ReportGroupARN: arn + "report-group/g1", TrendField: api.ReportGroupTrendFieldTypeTotal})
		},
		"BatchGetReports": func() (any, error) {
			return api.BatchGetReports.Do(call, &api.BatchGetReportsInput{ReportARNs: []string{arn + "report/g1:x"}})
		},
		"ListReports": func() (any, error) { return api.ListReports.Do(call, &api.ListReportsInput{}) },
		"ListReportsForReportGroup": func() (any, error) {
			return api.ListReportsForReportGroup.Do(call, &api.ListReportsForReportGroupInput{ReportGroupARN: arn + "report-group/g1"})
		},
		"DeleteReport": func() (any, error) {
			return api.DeleteReport.Do(call, &api.DeleteReportInput{ARN: arn + "report/g1:x"})
		},
		"DescribeTestCases": func() (any, error) {
			return api.DescribeTestCases.Do(call, &api.DescribeTestCasesInput{ReportARN: arn + "report/g1:x"})
		},
		"DescribeCodeCoverages": func() (any, error) {
			return api.DescribeCodeCoverages.Do(call, &api.DescribeCodeCoveragesInput{ReportARN: arn + "report/g1:x"})
		},
		"CreateWebhook": func() (any, error) {
			return api.CreateWebhook.Do(call, &api.CreateWebhookInput{ProjectName: "p1", ManualCreation: new(true)})
		},
		"UpdateWebhook": func() (any, error) { return api.UpdateWebhook.Do(call, &api.UpdateWebhookInput{ProjectName: "p1"}) },
		"DeleteWebhook": func() (any, error) { return api.DeleteWebhook.Do(call, &api.DeleteWebhookInput{ProjectName: "p1"}) },
		"ImportSourceCredentials": func() (any, error) {
			return api.ImportSourceCredentials.Do(call, &api.ImportSourceCredentialsInput{ServerType: api.ServerTypeGithub, AuthType: api.AuthTypePersonalAccessToken, Token: "x"})
		},
		"ListSourceCredentials": func() (any, error) {
			return api.ListSourceCredentials.Do(call, &api.ListSourceCredentialsInput{})
		},
		"DeleteSourceCredentials": func() (any, error) {
			return api.DeleteSourceCredentials.Do(call, &api.DeleteSourceCredentialsInput{ARN: arn + "token/github"})
		},
		"CreateFleet": func() (any, error) {
			return api.CreateFleet.Do(call, &api.CreateFleetInput{Name: "f1", BaseCapacity: 1, EnvironmentType: api.EnvironmentTypeLinuxContainer, ComputeType: api.ComputeTypeBuildGeneral1Small})
		},
		"BatchGetFleets": func() (any, error) {
			return api.BatchGetFleets.Do(call, &api.BatchGetFleetsInput{Names: []string{"f1"}})
		},
		"ListFleets":  func() (any, error) { return api.ListFleets.Do(call, &api.ListFleetsInput{}) },
		"UpdateFleet": func() (any, error) { return api.UpdateFleet.Do(call, &api.UpdateFleetInput{ARN: arn + "fleet/f1:x"}) },
		"DeleteFleet": func() (any, error) { return api.DeleteFleet.Do(call, &api.DeleteFleetInput{ARN: arn + "fleet/f1:x"}) },
		"PutResourcePolicy": func() (any, error) {
			return api.PutResourcePolicy.Do(call, &api.PutResourcePolicyInput{ResourceARN: arn + "project/p1", Policy: "{}"})
		},
		"GetResourcePolicy": func() (any, error) {
			return api.GetResourcePolicy.Do(call, &api.GetResourcePolicyInput{ResourceARN: arn + "project/p1"})
		},
		"DeleteResourcePolicy": func() (any, error) {
			return api.DeleteResourcePolicy.Do(call, &api.DeleteResourcePolicyInput{ResourceARN: arn + "project/p1"})
		},
		"ListSharedProjects": func() (any, error) { return api.ListSharedProjects.Do(call, &api.ListSharedProjectsInput{}) },
		"ListSharedReportGroups": func() (any, error) {
			return api.ListSharedReportGroups.Do(call, &api.ListSharedReportGroupsInput{})
		},
	} {
		_, err := do()
		if err == nil || !strings.HasPrefix(aws.ErrorCode(err), "AccessDenied") || !strings.Contains(err.Error(), "codebuild:"+name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBuild_FailsWhereItsKeyIsRefused(t *testing.T) {
	t.Parallel()
	const key = "arn:aws:kms:us-east-1:111122223333:key/1"
	for name, test := range map[string]struct {
		change func(*api.CreateProjectInput)
		phase  api.BuildPhaseType
	}{
		"artifacts": {func(in *api.CreateProjectInput) {
			in.Artifacts = api.ProjectArtifacts{Type: api.ArtifactsTypeS3, Location: new("output")}
		}, api.BuildPhaseTypeUploadArtifacts},
		"logs": {func(in *api.CreateProjectInput) {
			in.LogsConfig = &api.LogsConfig{S3Logs: &api.S3LogsConfig{Status: api.LogsConfigStatusTypeEnabled, Location: new("logs")}}
		}, api.BuildPhaseTypeFinalizing},
	} {
		b := newBench(t)
		b.peers.noKMS = true
		got := b.run(t, "version: 0.2\nphases: {build: {commands: ['echo x >f']}}\nartifacts: {files: [f]}\n", func(in *api.CreateProjectInput) {
			in.EncryptionKey = new(key)
			test.change(in)
		})
		if r := reason(got, test.phase); *got.BuildStatus != api.StatusTypeFailed || !strings.Contains(r, "NotImplemented: no encryption with "+key) {
			t.Errorf("%s: %s: %s", name, phases(got), r)
		}
	}
}

func TestBatch_WhoseRoleMayNotBeAssumed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.createProject(t, "p1", "version: 0.2\nbatch: {build-list: [{identifier: a}]}\nphases: {build: {commands: ['true']}}\n", withBatch())
	b.peers.deny = batchRole
	out, err := api.StartBuildBatch.Do(b.call, &api.StartBuildBatchInput{ProjectName: "p1"})
	if err != nil {
		t.Fatal(err)
	}
	b.WaitIdle(t)
	got := b.getBatch(t, *out.BuildBatch.ID)
	if batchPhases(got) != "SUBMITTED DOWNLOAD_BATCHSPEC=FAILED FAILED" || !strings.HasPrefix(batchReason(got), "ACCESS_DENIED: AccessDenied") {
		t.Errorf("%s: %s", batchPhases(got), batchReason(got))
	}
}

func TestCache_FallsBackToKeysThatBeginAlike(t *testing.T) {
	t.Parallel()
	spec := func(key string) string {
		return "version: 0.2\nphases: {build: {commands: ['cat kept || true', 'echo " + key + " >kept']}}\ncache: {key: " + key + ", fallback-keys: [deps-x, deps], paths: [kept]}\n"
	}
	for name, cache := range map[string]*api.ProjectCache{
		"local": {Type: api.CacheTypeLocal, Modes: []api.CacheMode{api.CacheModeLocalCustomCache}},
		"S3":    {Type: api.CacheTypeS3, Location: new("cache/here")},
	} {
		b := newBench(t)
		b.createProject(t, "p1", spec("deps-1"), func(in *api.CreateProjectInput) { in.Cache = cache })
		b.build(t, &api.StartBuildInput{ProjectName: "p1"})
		b.Advance(t, time.Second)
		b.peers.clear()
		if got := b.build(t, &api.StartBuildInput{ProjectName: "p1", BuildspecOverride: new(spec("deps-2"))}); b.peers.output() != "deps-1\n" {
			t.Errorf("%s: %s: %q", name, phases(got), b.peers.text())
		}
		b.peers.clear()
		if got := b.build(t, &api.StartBuildInput{ProjectName: "p1", BuildspecOverride: new(spec("other"))}); b.peers.output() != "deps-2\n" && name == "local" {
			t.Errorf("%s: %s: %q", name, phases(got), b.peers.text())
		}
	}
}
