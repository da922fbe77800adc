package codebuild_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	api "drydock/api/codebuild"
	"drydock/ledger"
	"drydock/service/servicetest"
)

const noop = "version: 0.2\nphases: {build: {commands: ['true']}}\n"

func TestProject_Lifecycle(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CB-01")
	b := newBench(t)
	in := projectInput("p1", noop)
	in.ServiceRole = "build"
	in.Tags = []api.Tag{{Key: new("team"), Value: new("x")}}
	out, err := api.CreateProject.Do(b.call, in)
	if err != nil {
		t.Fatal(err)
	}
	p := out.Project
	if *p.ARN != "arn:aws:codebuild:us-east-1:111122223333:project/p1" || *p.ServiceRole != testRole || *p.TimeoutInMinutes != 60 ||
		*p.QueuedTimeoutInMinutes != 480 || *p.EncryptionKey != "arn:aws:kms:us-east-1:111122223333:alias/aws/s3" || p.Cache.Type != api.CacheTypeNoCache {
		t.Errorf("created %+v", p)
	}
	_, err = api.CreateProject.Do(b.call, projectInput("p1", noop))
	servicetest.WantError(t, err, "ResourceAlreadyExistsException")
	b.Advance(t, time.Hour)
	updated, err := api.UpdateProject.Do(b.call, &api.UpdateProjectInput{Name: "p1", Description: new("new"), TimeoutInMinutes: new(int32(5))})
	if err != nil {
		t.Fatal(err)
	}
	if p := updated.Project; *p.Description != "new" || *p.TimeoutInMinutes != 5 || len(p.Tags) != 1 || !p.LastModified.Equal(servicetest.Start.Add(time.Hour)) || !p.Created.Equal(servicetest.Start) {
		t.Errorf("updated %+v", p)
	}
	got, err := api.BatchGetProjects.Do(b.call, &api.BatchGetProjectsInput{Names: []string{"p1", *p.ARN, "none"}})
	if err != nil || len(got.Projects) != 2 || fmt.Sprint(got.ProjectsNotFound) != "[none]" {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, elsewhere := range []string{*p.ARN, "p1"} {
		got, err := api.BatchGetProjects.Do(b.CallIn(t, servicetest.Account, "eu-west-1"), &api.BatchGetProjectsInput{Names: []string{elsewhere}})
		if err != nil || len(got.Projects) != 0 {
			t.Errorf("in another region: %+v, %v", got, err)
		}
	}
	foreign, err := api.BatchGetProjects.Do(b.CallIn(t, "444455556666", "us-east-1"), &api.BatchGetProjectsInput{Names: []string{*p.ARN}})
	if err == nil && len(foreign.Projects) > 0 {
		t.Error("another account sees the project")
	}
	for range 2 { // deleting what is not there is no error
		if _, err := api.DeleteProject.Do(b.call, &api.DeleteProjectInput{Name: "p1"}); err != nil {
			t.Fatal(err)
		}
	}
	_, err = api.UpdateProject.Do(b.call, &api.UpdateProjectInput{Name: "p1"})
	servicetest.WantError(t, err, "ResourceNotFoundException")
	_, err = api.StartBuild.Do(b.call, &api.StartBuildInput{ProjectName: "p1"})
	servicetest.WantError(t, err, "ResourceNotFoundException")
}

func TestProject_InvalidInputs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for name, test := range map[string]struct {
		change func(*api.CreateProjectInput)
		code   string
	}{
		"name":               {func(in *api.CreateProjectInput) { in.Name = "-p" }, "InvalidInputException"},
		"no buildspec":       {func(in *api.CreateProjectInput) { in.Source.Buildspec = nil }, "InvalidInputException"},
		"buildspec path":     {func(in *api.CreateProjectInput) { in.Source.Buildspec = new("x.yml") }, "InvalidInputException"},
		"no source location": {func(in *api.CreateProjectInput) { in.Source.Type = api.SourceTypeGithub }, "InvalidInputException"},
		"s3 location":        {s3Source("bucket"), "InvalidInputException"},
		"codecommit location": {func(in *api.CreateProjectInput) {
			in.Source = api.ProjectSource{Type: api.SourceTypeCodecommit, Location: new("https://example.com/x")}
		}, "InvalidInputException"},
		"file location": {func(in *api.CreateProjectInput) {
			in.Source = api.ProjectSource{Type: api.SourceTypeGithub, Location: new("file:///etc")}
		}, "InvalidInputException"},
		"no artifact bucket": {func(in *api.CreateProjectInput) { in.Artifacts.Type = api.ArtifactsTypeS3 }, "InvalidInputException"},
		"pipeline artifacts": {func(in *api.CreateProjectInput) { in.Artifacts.Type = api.ArtifactsTypeCodepipeline }, "InvalidInputException"},
		"compute type":       {func(in *api.CreateProjectInput) { in.Environment.ComputeType = api.ComputeTypeBuildLambda1gb }, "InvalidInputException"},
		"environment type":   {func(in *api.CreateProjectInput) { in.Environment.Type = "BEOS" }, "InvalidInputException"},
		"variable": {func(in *api.CreateProjectInput) {
			in.Environment.EnvironmentVariables = []api.EnvironmentVariable{{Name: "A=B", Value: ""}}
		}, "InvalidInputException"},
		"repeated variable": {func(in *api.CreateProjectInput) {
			in.Environment.EnvironmentVariables = []api.EnvironmentVariable{{Name: "A", Value: ""}, {Name: "A", Value: ""}}
		}, "InvalidInputException"},
		"repeated tag":    {func(in *api.CreateProjectInput) { in.Tags = []api.Tag{{Key: new("a")}, {Key: new("a")}} }, "InvalidInputException"},
		"concurrency":     {func(in *api.CreateProjectInput) { in.ConcurrentBuildLimit = new(int32(61)) }, "InvalidInputException"},
		"queue":           {func(in *api.CreateProjectInput) { in.QueuedTimeoutInMinutes = new(int32(481)) }, "InvalidInputException"},
		"role of others":  {func(in *api.CreateProjectInput) { in.ServiceRole = "arn:aws:iam::444455556666:role/x" }, "AccessDenied"},
		"role not for it": {func(in *api.CreateProjectInput) { b.peers.deny, in.ServiceRole = testRole+"2", testRole+"2" }, "InvalidInputException"},
		"identifier": {func(in *api.CreateProjectInput) {
			in.SecondarySources = []api.ProjectSource{{Type: api.SourceTypeS3, Location: new("b/k")}}
		}, "InvalidInputException"},
		"version of none": {func(in *api.CreateProjectInput) {
			in.SecondarySourceVersions = []api.ProjectSourceVersion{{SourceIdentifier: "x", SourceVersion: "y"}}
		}, "InvalidInputException"},
		"vpc":     {func(in *api.CreateProjectInput) { in.VPCConfig = &api.VPCConfig{VPCID: new("vpc-1")} }, "NotImplemented"},
		"retries": {func(in *api.CreateProjectInput) { in.AutoRetryLimit = new(int32(11)) }, "InvalidInputException"},
		"batch role": {func(in *api.CreateProjectInput) {
			in.BuildBatchConfig = &api.ProjectBuildBatchConfig{CombineArtifacts: new(true)}
		}, "InvalidInputException"},
		"batch time-out": {func(in *api.CreateProjectInput) {
			in.BuildBatchConfig = &api.ProjectBuildBatchConfig{ServiceRole: new(testRole), TimeoutInMins: new(int32(4))}
		}, "InvalidInputException"},
		"local cache modes": {func(in *api.CreateProjectInput) { in.Cache = &api.ProjectCache{Type: api.CacheTypeLocal} }, "InvalidInputException"},
		"log bucket": {func(in *api.CreateProjectInput) {
			in.LogsConfig = &api.LogsConfig{S3Logs: &api.S3LogsConfig{Status: api.LogsConfigStatusTypeEnabled}}
		}, "InvalidInputException"},
	} {
		in := projectInput("p1", noop)
		test.change(in)
		if _, err := api.CreateProject.Do(b.call, in); err == nil || !strings.Contains(err.Error(), test.code) {
			t.Errorf("%s: %v, want %s", name, err, test.code)
		}
	}
	_, err := api.ListProjects.Do(b.call, &api.ListProjectsInput{NextToken: new("x")})
	servicetest.WantError(t, err, "InvalidInputException")
}

func TestProject_ListedInPagesByNameAndTime(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for i := range 120 {
		b.createProject(t, fmt.Sprintf("p%03d", (i*7)%120), noop)
		b.Advance(t, time.Second)
	}
	for name, test := range map[string]struct {
		in         api.ListProjectsInput
		first, end string
	}{
		"name":     {api.ListProjectsInput{}, "p000", "p119"},
		"backward": {api.ListProjectsInput{SortOrder: new(api.SortOrderTypeDescending)}, "p119", "p000"},
		"created":  {api.ListProjectsInput{SortBy: new(api.ProjectSortByTypeCreatedTime)}, "p000", "p113"},
		"modified": {api.ListProjectsInput{SortBy: new(api.ProjectSortByTypeLastModifiedTime), SortOrder: new(api.SortOrderTypeDescending)}, "p113", "p000"},
	} {
		var names []string
		in := test.in
		for pages := 1; ; pages++ {
			out, err := api.ListProjects.Do(b.call, &in)
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, out.Projects...)
			if in.NextToken = out.NextToken; in.NextToken == nil || pages > 5 {
				break
			}
		}
		if len(names) != 120 || names[0] != test.first || names[119] != test.end {
			t.Errorf("%s: %d names from %s to %s", name, len(names), names[0], names[len(names)-1])
		}
	}
}

func TestListCuratedEnvironmentImages(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CB-02")
	b := newBench(t)
	out, err := api.ListCuratedEnvironmentImages.Do(b.call, &api.ListCuratedEnvironmentImagesInput{})
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, p := range out.Platforms {
		have[string(*p.Platform)] = true
		for _, l := range p.Languages {
			have[string(*l.Language)] = len(l.Images) > 0
		}
	}
	for want := range strings.FieldsSeq("JAVA RUBY PYTHON GOLANG NODE_JS ANDROID DOTNET PHP DOCKER AMAZON_LINUX UBUNTU WINDOWS_SERVER") {
		if !have[want] {
			t.Errorf("no %s", want)
		}
	}
}
