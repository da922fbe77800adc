package codebuild_test

import (
	"encoding/json"
	"testing"

	api "drydock/api/codebuild"
	"drydock/resource"
	"drydock/service/servicetest"
)

// resourceType finds a resource type of the cloud.
func (b *bench) resourceType(t *testing.T, name string) resource.Type {
	t.Helper()
	for _, m := range b.Modules {
		for _, r := range m.Resources {
			if r.Name == name {
				return r
			}
		}
	}
	t.Fatalf("no resource type %s", name)
	return resource.Type{}
}

func propertiesOf(t *testing.T, text string) resource.Properties {
	t.Helper()
	var p resource.Properties
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestResources_LiveByTheirProperties(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		create, update, unknown string
		shown, changed          map[string]string // after create and update
		without                 string            // a required property
	}{
		"AWS::CodeBuild::Project": {
			create: `{"Name":"p1","ServiceRole":"` + testRole + `","Source":{"Type":"GITHUB","Location":"https://github.com/me/shop","BuildSpec":"b.yml","InsecureSsl":false},
				"Artifacts":{"Type":"NO_ARTIFACTS"},"Environment":{"Type":"LINUX_CONTAINER","Image":"aws/codebuild/standard:7.0","ComputeType":"BUILD_GENERAL1_SMALL"},
				"TimeoutInMinutes":10,"BadgeEnabled":true,"Visibility":"PUBLIC_READ","Tags":[{"Key":"a","Value":"b"}],
				"Triggers":{"Webhook":true,"FilterGroups":[[{"Type":"EVENT","Pattern":"PUSH"}]]}}`,
			update: `{"Name":"p1","ServiceRole":"` + testRole + `","Source":{"Type":"GITHUB","Location":"https://github.com/me/shop"},
				"Artifacts":{"Type":"NO_ARTIFACTS"},"Environment":{"Type":"LINUX_CONTAINER","Image":"aws/codebuild/standard:7.0","ComputeType":"BUILD_GENERAL1_SMALL"}}`,
			shown: map[string]string{
				"TimeoutInMinutes": "10", "BadgeEnabled": "true", "Visibility": `"PUBLIC_READ"`, "Arn": `"arn:aws:codebuild:us-east-1:111122223333:project/p1"`,
				"Source":   `{"BuildSpec":"b.yml","InsecureSsl":false,"Location":"https://github.com/me/shop","Type":"GITHUB"}`,
				"Triggers": `{"BuildType":"BUILD","FilterGroups":[[{"ExcludeMatchedPattern":false,"Pattern":"PUSH","Type":"EVENT"}]],"Webhook":true}`,
			},
			changed: map[string]string{"TimeoutInMinutes": "60", "BadgeEnabled": "false", "Visibility": `"PRIVATE"`, "Triggers": "", "Tags": "[]"},
			without: `{"Name":"p1"}`, unknown: `{"Nonsense":1}`,
		},
		"AWS::CodeBuild::ReportGroup": {
			create:  `{"Name":"g1","Type":"TEST","ExportConfig":{"ExportConfigType":"NO_EXPORT"},"DeleteReports":true}`,
			update:  `{"Name":"g1","Type":"TEST","ExportConfig":{"ExportConfigType":"S3","S3Destination":{"Bucket":"bucket"}},"Tags":[{"Key":"a","Value":"b"}]}`,
			shown:   map[string]string{"Name": `"g1"`, "ExportConfig": `{"ExportConfigType":"NO_EXPORT"}`},
			changed: map[string]string{"Tags": `[{"Key":"a","Value":"b"}]`}, without: `{"Name":"g1"}`, unknown: `{"Nonsense":1}`,
		},
		"AWS::CodeBuild::SourceCredential": {
			create:  `{"ServerType":"GITHUB","AuthType":"PERSONAL_ACCESS_TOKEN","Token":"t"}`,
			update:  `{"ServerType":"GITHUB","AuthType":"PERSONAL_ACCESS_TOKEN","Token":"u"}`,
			shown:   map[string]string{"ServerType": `"GITHUB"`, "Token": "", "Id": `"arn:aws:codebuild:us-east-1:111122223333:token/github"`},
			changed: map[string]string{}, without: `{"ServerType":"GITHUB"}`, unknown: `{"Nonsense":1}`,
		},
		"AWS::CodeBuild::Fleet": {
			create: `{"Name":"f1","BaseCapacity":1,"EnvironmentType":"LINUX_CONTAINER","ComputeType":"BUILD_GENERAL1_SMALL"}`,
			update: `{"Name":"f1","BaseCapacity":2,"EnvironmentType":"LINUX_CONTAINER","ComputeType":"BUILD_GENERAL1_SMALL","OverflowBehavior":"ON_DEMAND",
				"ScalingConfiguration":{"ScalingType":"TARGET_TRACKING_SCALING","MaxCapacity":4}}`,
			shown: map[string]string{"BaseCapacity": "1", "OverflowBehavior": `"QUEUE"`},
			changed: map[string]string{"BaseCapacity": "2", "OverflowBehavior": `"ON_DEMAND"`,
				"ScalingConfiguration": `{"MaxCapacity":4,"ScalingType":"TARGET_TRACKING_SCALING"}`},
			without: `{"Name":"f1"}`, unknown: `{"VpcConfig":{}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			kind := b.resourceType(t, name)
			check := func(id string, want map[string]string) resource.Properties {
				t.Helper()
				got, err := kind.Read(b.call, id)
				if err != nil {
					t.Fatal(err)
				}
				for name, text := range want {
					if string(got[name]) != text {
						t.Errorf("%s is %s, want %s", name, got[name], text)
					}
				}
				return got
			}
			for _, text := range []string{test.without, test.unknown} {
				if _, err := kind.Create(b.call, propertiesOf(t, text)); err == nil {
					t.Errorf("created by %s", text)
				}
			}
			id, err := kind.Create(b.call, propertiesOf(t, test.create))
			if err != nil {
				t.Fatal(err)
			}
			current := check(id, test.shown)
			if err := kind.Update(b.call, id, current, propertiesOf(t, test.update)); err != nil {
				t.Fatal(err)
			}
			check(id, test.changed)
			if ids, err := kind.List(b.call); err != nil || len(ids) != 1 || ids[0] != id {
				t.Errorf("list %v, %v", ids, err)
			}
			if err := kind.Delete(b.call, id); err != nil {
				t.Fatal(err)
			}
			_, err = kind.Read(b.call, id)
			servicetest.WantError(t, err, "ResourceNotFoundException")
		})
	}
}

func TestSharing_ByResourcePolicy(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.createProject(t, "p1", noop)
	built := b.build(t, &api.StartBuildInput{ProjectName: "p1"})
	arn := "arn:aws:codebuild:us-east-1:111122223333:project/p1"
	other := b.CallIn(t, "444455556666", "us-east-1")
	read := func() (projects, builds int) {
		t.Helper()
		got, err := api.BatchGetProjects.Do(other, &api.BatchGetProjectsInput{Names: []string{arn}})
		if err == nil {
			projects = len(got.Projects)
		}
		found, err := api.BatchGetBuilds.Do(other, &api.BatchGetBuildsInput{IDs: []string{*built.ARN}})
		if err == nil {
			builds = len(found.Builds)
		}
		return projects, builds
	}
	if projects, builds := read(); projects+builds != 0 {
		t.Errorf("without a policy another account sees %d projects and %d builds", projects, builds)
	}
	document := func(resource string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::444455556666:root"},"Action":["codebuild:BatchGetProjects","codebuild:BatchGetBuilds","codebuild:ListBuildsForProject"],"Resource":"` + resource + `"}]}`
	}
	for name, in := range map[string]*api.PutResourcePolicyInput{
		"other resource": {ResourceARN: arn, Policy: document(arn + "2")},
		"no policy":      {ResourceARN: arn, Policy: "{"},
		"no ARN":         {ResourceARN: "p1", Policy: document(arn)},
	} {
		if _, err := api.PutResourcePolicy.Do(b.call, in); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	_, err := api.PutResourcePolicy.Do(b.call, &api.PutResourcePolicyInput{ResourceARN: arn + "2", Policy: document(arn + "2")})
	servicetest.WantError(t, err, "ResourceNotFoundException")
	_, err = api.GetResourcePolicy.Do(b.call, &api.GetResourcePolicyInput{ResourceARN: arn})
	servicetest.WantError(t, err, "ResourceNotFoundException")
	if _, err := api.PutResourcePolicy.Do(b.call, &api.PutResourcePolicyInput{ResourceARN: arn, Policy: document(arn)}); err != nil {
		t.Fatal(err)
	}
	got, err := api.GetResourcePolicy.Do(b.call, &api.GetResourcePolicyInput{ResourceARN: arn})
	if err != nil || *got.Policy != document(arn) {
		t.Errorf("policy %+v, %v", got, err)
	}
	if projects, builds := read(); projects != 1 || builds != 1 {
		t.Errorf("by its policy another account sees %d projects and %d builds", projects, builds)
	}
	list, err := api.ListBuildsForProject.Do(other, &api.ListBuildsForProjectInput{ProjectName: arn})
	if err != nil || len(list.IDs) != 1 {
		t.Errorf("builds %+v, %v", list, err)
	}
	for by := range map[api.SharedResourceSortByType]bool{api.SharedResourceSortByTypeARN: true, api.SharedResourceSortByTypeModifiedTime: true} {
		shared, err := api.ListSharedProjects.Do(other, &api.ListSharedProjectsInput{SortBy: &by})
		if err != nil || len(shared.Projects) != 1 || shared.Projects[0] != arn {
			t.Errorf("shared by %s: %+v, %v", by, shared, err)
		}
	}
	if groups, err := api.ListSharedReportGroups.Do(other, &api.ListSharedReportGroupsInput{}); err != nil || len(groups.ReportGroups) != 0 {
		t.Errorf("shared groups %+v, %v", groups, err)
	}
	_, err = api.StartBuild.Do(other, &api.StartBuildInput{ProjectName: arn})
	if err == nil {
		t.Error("another account starts builds")
	}
	for range 2 {
		if _, err := api.DeleteResourcePolicy.Do(b.call, &api.DeleteResourcePolicyInput{ResourceARN: arn}); err != nil {
			t.Fatal(err)
		}
	}
	if projects, builds := read(); projects+builds != 0 {
		t.Errorf("without a policy again another account sees %d projects and %d builds", projects, builds)
	}
}

func TestFleet_Lifecycle(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	in := func() *api.CreateFleetInput {
		return &api.CreateFleetInput{Name: "f1", BaseCapacity: 1, EnvironmentType: api.EnvironmentTypeLinuxContainer, ComputeType: api.ComputeTypeBuildGeneral1Small}
	}
	made, err := api.CreateFleet.Do(b.call, in())
	if err != nil || *made.Fleet.Status.StatusCode != api.FleetStatusCodeActive {
		t.Fatalf("%+v, %v", made, err)
	}
	for name, test := range map[string]struct {
		change func(*api.CreateFleetInput)
		code   string
	}{
		"again":    {func(*api.CreateFleetInput) {}, "ResourceAlreadyExistsException"},
		"capacity": {func(in *api.CreateFleetInput) { in.BaseCapacity = 0 }, "InvalidInputException"},
		"compute":  {func(in *api.CreateFleetInput) { in.ComputeType = api.ComputeTypeAttributeBasedCompute }, "InvalidInputException"},
		"lambda":   {func(in *api.CreateFleetInput) { in.EnvironmentType = api.EnvironmentTypeLinuxLambdaContainer }, "InvalidInputException"},
		"scaling": {func(in *api.CreateFleetInput) {
			in.ScalingConfiguration = &api.ScalingConfigurationInput{MaxCapacity: new(int32(3))}
		}, "InvalidInputException"},
		"vpc": {func(in *api.CreateFleetInput) { in.VPCConfig = &api.VPCConfig{VPCID: new("vpc-1")} }, "NotImplemented"},
	} {
		in := in()
		test.change(in)
		_, err := api.CreateFleet.Do(b.call, in)
		if err == nil {
			t.Errorf("%s is taken", name)
			continue
		}
		servicetest.WantError(t, err, test.code)
	}
	got, err := api.BatchGetFleets.Do(b.call, &api.BatchGetFleetsInput{Names: []string{"f1", *made.Fleet.ARN, "none", *made.Fleet.ARN + "x"}})
	if err != nil || len(got.Fleets) != 2 || len(got.FleetsNotFound) != 2 {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, by := range []api.FleetSortByType{api.FleetSortByTypeName, api.FleetSortByTypeCreatedTime, api.FleetSortByTypeLastModifiedTime} {
		if list, err := api.ListFleets.Do(b.call, &api.ListFleetsInput{SortBy: &by}); err != nil || len(list.Fleets) != 1 {
			t.Errorf("by %s: %+v, %v", by, list, err)
		}
	}
	_, err = api.UpdateFleet.Do(b.call, &api.UpdateFleetInput{ARN: *made.Fleet.ARN + "x"})
	servicetest.WantError(t, err, "ResourceNotFoundException")
	_, err = api.DeleteFleet.Do(b.call, &api.DeleteFleetInput{ARN: "f1"})
	servicetest.WantError(t, err, "InvalidInputException")
	for range 2 {
		if _, err := api.DeleteFleet.Do(b.call, &api.DeleteFleetInput{ARN: *made.Fleet.ARN}); err != nil {
			t.Error(err)
		}
	}
}
