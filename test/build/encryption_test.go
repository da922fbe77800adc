package build

import (
	"io"
	"strings"
	"testing"

	api "drydock/api/codebuild"
	"drydock/api/kms"
	"drydock/api/s3"
	"drydock/ledger"
	"drydock/service/servicetest"
)

const mayEncrypt = `{"Effect":"Allow","Action":["kms:GenerateDataKey","kms:Decrypt"],"Resource":"*"}`

func TestBuild_EncryptsWithItsKey(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CB-09", "CB-23", "IAM-10")
	for name, test := range map[string]struct{ statements, failure string }{
		"that the role may use":     {mayLog + "," + mayPull + "," + mayStore + "," + mayEncrypt, ""},
		"that the role may not use": {mayLog + "," + mayPull + "," + mayStore, "kms:GenerateDataKey"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, call := newCloud(t)
			grantRole(t, call, test.statements)
			newProject(t, call)
			key := do(t, kms.CreateKey, call, &kms.CreateKeyInput{}).KeyMetadata.ARN
			do(t, api.UpdateProject, call, &api.UpdateProjectInput{Name: "app", EncryptionKey: key, LogsConfig: &api.LogsConfig{
				S3Logs: &api.S3LogsConfig{Status: api.LogsConfigStatusTypeEnabled, Location: new("artifacts/logs")},
			}})
			got := runBuild(t, c, call)
			if test.failure != "" {
				said := contexts(got)
				if *got.BuildStatus != api.StatusTypeFailed || !strings.Contains(said, "UPLOAD_ARTIFACTS CLIENT_ERROR") ||
					!strings.Contains(said, "FINALIZING CLIENT_ERROR") || strings.Count(said, test.failure) < 2 {
					t.Errorf("status %s, %s", *got.BuildStatus, said)
				}
				return
			}
			if *got.BuildStatus != api.StatusTypeSucceeded {
				t.Fatalf("status %s, %s", *got.BuildStatus, contexts(got))
			}
			for _, arn := range []string{*got.Artifacts.Location + "/out", *got.Logs.S3LogsARN} {
				_, name, _ := strings.Cut(arn, ":::")
				bucket, object, _ := strings.Cut(name, "/")
				out := do(t, s3.GetObject, call, &s3.GetObjectInput{Bucket: bucket, Key: object})
				text, err := io.ReadAll(out.Body)
				if err != nil || len(text) == 0 {
					t.Errorf("%s: %q, %v", name, text, err)
				}
				if out.ServerSideEncryption == nil || *out.ServerSideEncryption != s3.ServerSideEncryptionAWSKMS || *out.SSEKMSKeyID != *key {
					t.Errorf("%s is encrypted with %v", name, out.ServerSideEncryption)
				}
				do(t, kms.DisableKey, call, &kms.DisableKeyInput{KeyID: *key})
				_, err = s3.GetObject.Do(call, &s3.GetObjectInput{Bucket: bucket, Key: object})
				servicetest.WantError(t, err, "KMS.DisabledException")
				do(t, kms.EnableKey, call, &kms.EnableKeyInput{KeyID: *key})
			}
		})
	}
}

func TestBuild_NeedsItsRoleForReportsAndBatches(t *testing.T) {
	t.Parallel()
	const role = "arn:aws:iam::" + servicetest.Account + ":role/build"
	for name, test := range map[string]struct {
		statements, want string
	}{
		"not allowed": {mayLog, "is not authorized to perform: codebuild:CreateReportGroup"},
		"allowed": {mayLog + `,{"Effect":"Allow","Action":["codebuild:CreateReportGroup","codebuild:CreateReport","codebuild:UpdateReport",` +
			`"codebuild:BatchPutTestCases"],"Resource":"arn:aws:codebuild:*:*:report-group/reporting-*"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, call := newCloud(t)
			grantRole(t, call, test.statements)
			do(t, api.CreateProject, call, &api.CreateProjectInput{
				Name: "reporting", ServiceRole: role, Artifacts: api.ProjectArtifacts{Type: api.ArtifactsTypeNoArtifacts},
				BuildBatchConfig: &api.ProjectBuildBatchConfig{ServiceRole: new(role)},
				Source: api.ProjectSource{Type: api.SourceTypeNoSource, Buildspec: new("version: 0.2\nbatch: {build-list: [{identifier: a}]}\n" +
					"phases: {build: {commands: [\"echo '<testsuite/>' >r.xml\"]}}\nreports: {r: {files: [r.xml]}}\n")},
				Environment: api.ProjectEnvironment{
					Type: api.EnvironmentTypeLinuxContainer, Image: "aws/codebuild/standard:7.0", ComputeType: api.ComputeTypeBuildGeneral1Small,
				},
			})
			id := do(t, api.StartBuild, call, &api.StartBuildInput{ProjectName: "reporting"}).Build.ID
			batch := do(t, api.StartBuildBatch, call, &api.StartBuildBatchInput{ProjectName: "reporting"}).BuildBatch.ID
			c.WaitIdle(t)
			got := do(t, api.BatchGetBuilds, call, &api.BatchGetBuildsInput{IDs: []string{*id}}).Builds[0]
			if said := contexts(got); test.want == "" && said != "" || !strings.Contains(said, test.want) {
				t.Errorf("status %s, %s", *got.BuildStatus, said)
			}
			// The role may not start builds, which a batch has it do.
			phases := do(t, api.BatchGetBuildBatches, call, &api.BatchGetBuildBatchesInput{IDs: []string{*batch}}).BuildBatches[0].Phases
			refused := phases[len(phases)-2].Contexts[0]
			if *refused.StatusCode != "ACCESS_DENIED" || !strings.Contains(*refused.Message, "codebuild:StartBuild") {
				t.Errorf("batch: %s: %s", *refused.StatusCode, *refused.Message)
			}
		})
	}
}
