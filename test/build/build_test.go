package build

import (
	"context"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"

	api "drydock/api/codebuild"
	"drydock/api/codecommit"
	"drydock/api/iam"
	"drydock/api/logs"
	"drydock/api/s3"
	"drydock/aws"
	"drydock/ledger"
	"drydock/machine"
	"drydock/machine/process"
	"drydock/service"
	"drydock/service/codebuild"
	codecommitservice "drydock/service/codecommit"
	iamservice "drydock/service/iam"
	kmsservice "drydock/service/kms"
	logsservice "drydock/service/logs"
	s3service "drydock/service/s3"
	"drydock/service/servicetest"
	"drydock/service/sts"
)

func TestMain(m *testing.M) {
	process.Main()
	os.Exit(m.Run())
}

func newCloud(t *testing.T) (*servicetest.Cloud, *aws.Call) {
	t.Helper()
	driver, err := process.New()
	if err != nil {
		t.Fatal(err)
	}
	host, err := machine.Open(t.TempDir(), driver, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := host.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	c := servicetest.New(t, func(d service.Deps) []service.Module {
		return []service.Module{iamservice.New(d), sts.New(d), kmsservice.New(d), s3service.New(d), logsservice.New(d), codecommitservice.New(d), codebuild.New(d)}
	}, servicetest.WithMachines(host))
	c.URL(t) // before the first build asks for it
	return c, c.Call(t)
}

// do carries out an operation that has to succeed.
func do[In, Out any](t *testing.T, op aws.Op[In, Out], call *aws.Call, in *In) *Out {
	t.Helper()
	out, err := op.Do(call, in)
	if err != nil {
		t.Fatalf("%s: %v", op.Name, err)
	}
	return out
}

// grantRole makes the role "build", which CodeBuild may assume, with the statements.
func grantRole(t *testing.T, call *aws.Call, statements string) {
	t.Helper()
	do(t, iam.CreateRole, call, &iam.CreateRoleInput{RoleName: "build", AssumeRolePolicyDocument: `{"Version":"2012-10-17","Statement":` +
		`{"Effect":"Allow","Principal":{"Service":"codebuild.amazonaws.com"},"Action":"sts:AssumeRole"}}`})
	do(t, iam.PutRolePolicy, call, &iam.PutRolePolicyInput{RoleName: "build", PolicyName: "p", PolicyDocument: `{"Version":"2012-10-17","Statement":[` + statements + `]}`})
}

const (
	mayLog   = `{"Effect":"Allow","Action":["logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents"],"Resource":"arn:aws:logs:*:*:log-group:/aws/codebuild/*"}`
	mayPull  = `{"Effect":"Allow","Action":"codecommit:GitPull","Resource":"arn:aws:codecommit:*:*:app"}`
	mayStore = `{"Effect":"Allow","Action":["s3:PutObject","s3:GetObject"],"Resource":"arn:aws:s3:::artifacts/*"}`
	spec     = "version: 0.2\nphases: {build: {commands: ['sed s/old/new/ <in >out', 'echo built']}}\nartifacts: {files: [out]}\n"
)

// newProject makes a repository, a bucket and a project, and returns the commit to build.
func newProject(t *testing.T, call *aws.Call) string {
	t.Helper()
	do(t, codecommit.CreateRepository, call, &codecommit.CreateRepositoryInput{RepositoryName: "app"})
	commit := do(t, codecommit.CreateCommit, call, &codecommit.CreateCommitInput{RepositoryName: "app", BranchName: "main", PutFiles: []codecommit.PutFileEntry{
		{FilePath: "buildspec.yml", FileContent: []byte(spec)}, {FilePath: "in", FileContent: []byte("old\n")},
	}})
	do(t, s3.CreateBucket, call, &s3.CreateBucketInput{Bucket: "artifacts"})
	do(t, api.CreateProject, call, &api.CreateProjectInput{
		Name: "app", ServiceRole: "arn:aws:iam::" + call.Account + ":role/build",
		Source:    api.ProjectSource{Type: api.SourceTypeCodecommit, Location: new("https://git-codecommit.us-east-1.amazonaws.com/v1/repos/app")},
		Artifacts: api.ProjectArtifacts{Type: api.ArtifactsTypeS3, Location: new("artifacts")},
		Environment: api.ProjectEnvironment{
			Type: api.EnvironmentTypeLinuxContainer, Image: "aws/codebuild/standard:7.0", ComputeType: api.ComputeTypeBuildGeneral1Small,
		},
	})
	return *commit.CommitID
}

func runBuild(t *testing.T, c *servicetest.Cloud, call *aws.Call) api.Build {
	t.Helper()
	id := do(t, api.StartBuild, call, &api.StartBuildInput{ProjectName: "app"}).Build.ID
	c.WaitIdle(t)
	return do(t, api.BatchGetBuilds, call, &api.BatchGetBuildsInput{IDs: []string{*id}}).Builds[0]
}

func contexts(b api.Build) string {
	var out []string
	for _, p := range b.Phases {
		for _, c := range p.Contexts {
			if *c.StatusCode != "" {
				out = append(out, string(*p.PhaseType)+" "+*c.StatusCode+": "+*c.Message)
			}
		}
	}
	return strings.Join(out, "\n")
}

func TestBuild_FromCodeCommitToS3(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CB-05", "CB-09", "CB-23", "CB-25", "CB-28")
	c, call := newCloud(t)
	grantRole(t, call, mayLog+","+mayPull+","+mayStore)
	commit := newProject(t, call)
	got := runBuild(t, c, call)
	if *got.BuildStatus != api.StatusTypeSucceeded || *got.ResolvedSourceVersion != commit {
		t.Fatalf("status %s, %s", *got.BuildStatus, contexts(got))
	}
	object := do(t, s3.GetObject, call, &s3.GetObjectInput{Bucket: "artifacts", Key: "app/out"})
	text, err := io.ReadAll(object.Body)
	if err != nil || string(text) != "new\n" || object.ServerSideEncryption == nil {
		t.Errorf("artifact %q, %v", text, err)
	}
	if err := object.Body.Close(); err != nil {
		t.Error(err)
	}
	events := do(t, logs.GetLogEvents, call, &logs.GetLogEventsInput{LogGroupName: got.Logs.GroupName, LogStreamName: *got.Logs.StreamName, StartFromHead: new(true)})
	var log strings.Builder
	for _, e := range events.Events {
		log.WriteString(*e.Message)
	}
	if !strings.Contains(log.String(), "Running command echo built\nbuilt\n") {
		t.Errorf("log\n%s", log.String())
	}
}

func TestBuild_IsHeldToItsRole(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CB-09")
	for name, test := range map[string]struct{ statements, want string }{
		"no logs":   {mayPull + "," + mayStore, "PROVISIONING ACCESS_DENIED: Service role arn:aws:iam::111122223333:role/build does not allow AWS CodeBuild to create Amazon CloudWatch Logs log streams"},
		"no source": {mayLog + "," + mayStore, "DOWNLOAD_SOURCE CLIENT_ERROR: "},
		"no bucket": {mayLog + "," + mayPull, "UPLOAD_ARTIFACTS CLIENT_ERROR: Error in UPLOAD_ARTIFACTS phase: [primary: [AccessDenied: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, call := newCloud(t)
			grantRole(t, call, test.statements)
			newProject(t, call)
			if got := runBuild(t, c, call); *got.BuildStatus != api.StatusTypeFailed || !strings.HasPrefix(contexts(got), test.want) {
				t.Errorf("status %s, %s", *got.BuildStatus, contexts(got))
			}
		})
	}
}

func TestProject_NeedsARoleForCodeBuild(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	do(t, iam.CreateRole, call, &iam.CreateRoleInput{RoleName: "other", AssumeRolePolicyDocument: `{"Version":"2012-10-17","Statement":` +
		`{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}`})
	for _, role := range []string{"other", "none"} {
		_, err := api.CreateProject.Do(call, &api.CreateProjectInput{
			Name: "app", ServiceRole: "arn:aws:iam::" + call.Account + ":role/" + role,
			Source:    api.ProjectSource{Type: api.SourceTypeNoSource, Buildspec: new(spec)},
			Artifacts: api.ProjectArtifacts{Type: api.ArtifactsTypeNoArtifacts},
			Environment: api.ProjectEnvironment{
				Type: api.EnvironmentTypeLinuxContainer, Image: "aws/codebuild/standard:7.0", ComputeType: api.ComputeTypeBuildGeneral1Small,
			},
		})
		servicetest.WantError(t, err, "InvalidInputException")
	}
}
