package identity

import (
	"fmt"
	"testing"

	"drydock/api/codebuild"
	"drydock/api/iam"
	"drydock/service"
	codebuildservice "drydock/service/codebuild"
	iamservice "drydock/service/iam"
	"drydock/service/servicetest"
	"drydock/service/sts"
)

// TestCodeBuild_RolesArePassed lets nobody have a build act in a role that they may not pass, however they name it, or in
// one of another account.
func TestCodeBuild_RolesArePassed(t *testing.T) {
	t.Parallel()
	c := &cloud{}
	c.Cloud = servicetest.New(t, func(d service.Deps) []service.Module {
		c.sessions = d.Sessions
		return []service.Module{iamservice.New(d), sts.New(d), codebuildservice.New(d)}
	})
	owner := c.Call(t)
	const trusting = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"codebuild.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	build, admin := createRole(t, owner, "build", trusting), createRole(t, owner, "admin", trusting)
	foreign := createRole(t, c.CallIn(t, other, servicetest.Region), "foreign", trusting)
	user := c.user(t, owner, "dev", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},`+
		`{"Effect":"Deny","Action":"iam:PassRole","Resource":"`+admin.ARN+`"}]}`)
	create := func(name, role string, batch *codebuild.ProjectBuildBatchConfig) *codebuild.CreateProjectInput {
		return &codebuild.CreateProjectInput{
			Name: name, ServiceRole: role, BuildBatchConfig: batch,
			Source:      codebuild.ProjectSource{Type: codebuild.SourceTypeNoSource, Buildspec: new("version: 0.2\nphases:\n  build:\n    commands:\n      - 'true'\n")},
			Artifacts:   codebuild.ProjectArtifacts{Type: codebuild.ArtifactsTypeNoArtifacts},
			Environment: codebuild.ProjectEnvironment{Type: codebuild.EnvironmentTypeLinuxContainer, Image: "aws/codebuild/standard:7.0", ComputeType: codebuild.ComputeTypeBuildGeneral1Small},
		}
	}
	for i, role := range []string{admin.ARN, "admin", "role/admin"} {
		one, two := fmt.Sprint("one", i), fmt.Sprint("two", i)
		batch := &codebuild.ProjectBuildBatchConfig{ServiceRole: &role}
		want := "AccessDeniedException"
		if role == "role/admin" { // which is the name of no role
			want = "InvalidInputException"
		}
		refuse(t, codebuild.CreateProject, user, create(one, role, nil), want, "")
		refuse(t, codebuild.CreateProject, user, create(two, build.ARN, batch), want, "")
	}
	do(t, iam.PutRolePolicy, owner, &iam.PutRolePolicyInput{RoleName: "build", PolicyName: "p", PolicyDocument: allow("logs:*", "*")})
	do(t, codebuild.CreateProject, user, create("app", "build", &codebuild.ProjectBuildBatchConfig{ServiceRole: &build.ARN}))
	refuse(t, codebuild.UpdateProject, user, &codebuild.UpdateProjectInput{Name: "app", ServiceRole: new("admin")}, "AccessDeniedException", "iam:PassRole")
	refuse(t, codebuild.StartBuild, user, &codebuild.StartBuildInput{ProjectName: "app", ServiceRoleOverride: new("admin")}, "AccessDeniedException", "iam:PassRole")
	refuse(t, codebuild.StartBuild, user, &codebuild.StartBuildInput{ProjectName: "app", ServiceRoleOverride: &foreign.ARN}, "AccessDeniedException", "Cross-account pass role")
	refuse(t, codebuild.StartBuild, owner, &codebuild.StartBuildInput{ProjectName: "app", ServiceRoleOverride: &foreign.ARN}, "AccessDeniedException", "Cross-account pass role")
	refuse(t, codebuild.StartBuildBatch, owner, &codebuild.StartBuildBatchInput{ProjectName: "app", ServiceRoleOverride: &foreign.ARN}, "AccessDeniedException", "Cross-account pass role")
	refuse(t, codebuild.StartBuildBatch, user, &codebuild.StartBuildBatchInput{
		ProjectName: "app", BuildBatchConfigOverride: &codebuild.ProjectBuildBatchConfig{ServiceRole: &admin.ARN},
	}, "AccessDeniedException", "iam:PassRole")
}
