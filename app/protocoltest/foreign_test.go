package protocoltest

import (
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"drydock/api/codebuild"
	"drydock/api/iam"
	"drydock/api/logs"
	"drydock/api/s3"
	"drydock/aws"
	"drydock/service/servicetest"
	"drydock/wire/shape"
)

// otherAccount has an administrator, but nothing of Account's is shared with it.
const otherAccount = "444455556666"

// foreign makes things of Account, and gives texts their ARNs wherever an operation takes one.
func (f *fixture) foreign(t *testing.T) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := logs.CreateLogGroup.Do(f.call, &logs.CreateLogGroupInput{LogGroupName: "group"})
	must(err)
	policy, err := iam.CreatePolicy.Do(f.call, &iam.CreatePolicyInput{PolicyName: "policy", PolicyDocument: allowAll})
	must(err)
	_, err = codebuild.CreateProject.Do(f.call, &codebuild.CreateProjectInput{
		Name: "project", ServiceRole: f.texts["sts.RoleArn"], Source: codebuild.ProjectSource{Type: codebuild.SourceTypeNoSource, Buildspec: new("version: 0.2")},
		Artifacts: codebuild.ProjectArtifacts{Type: codebuild.ArtifactsTypeNoArtifacts}, Environment: codebuild.ProjectEnvironment{
			Type: codebuild.EnvironmentTypeLinuxContainer, Image: "image", ComputeType: codebuild.ComputeTypeBuildGeneral1Small,
		},
	})
	must(err)
	_, err = codebuild.CreateReportGroup.Do(f.call, &codebuild.CreateReportGroupInput{
		Name: "group", Type: codebuild.ReportTypeTest, ExportConfig: codebuild.ReportExportConfig{ExportConfigType: new(codebuild.ReportExportConfigTypeNoExport)},
	})
	must(err)
	group, project, reports := absentLogs+"log-group:group", absentBuild+"project/project", absentBuild+"report-group/group"
	maps.Copy(f.texts, map[string]string{
		"codebuild.projectArn": project, "codebuild.names": project, "codebuild.resourceArn": project, "codebuild.arn": reports,
		"codebuild.reportGroupArn": reports, "codebuild.reportGroupArns": reports, "codebuild.reportArn": absentBuild + "report/group:" + absentKey,
		"codebuild.reportArns": absentBuild + "report/group:" + absentKey, "codebuild.DeleteReport.arn": absentBuild + "report/group:" + absentKey,
		"codebuild.DeleteSourceCredentials.arn":        absentBuild + "token/github",
		"codebuild.GetReportGroupTrend.reportGroupArn": reports,

		"codecommit.resourceArn": "arn:aws:codecommit:us-east-1:111122223333:repository",

		"iam.PolicyArn": *policy.Policy.ARN, "iam.Arn": absentIAM + "user/owner", "iam.PolicySourceArn": absentIAM + "user/owner",
		"iam.SerialNumber": absentIAM + "mfa/device", "iam.OpenIDConnectProviderArn": absentIAM + "oidc-provider/example.com",
		"iam.SAMLProviderArn": absentIAM + "saml-provider/provider",

		"logs.resourceArn": group, "logs.resourceIdentifier": group, "logs.logGroupIdentifier": group, "logs.logGroupIdentifiers": group,
		"logs.logGroupArnList": group, "logs.filterLogGroupArn": group, "logs.anomalyDetectorArn": absentLogs + "anomaly-detector:" + absentKey,
		"logs.lookupTableArn": absentLogs + "lookup-table:table", "logs.deliveryDestinationArn": absentLogs + "delivery-destination:destination",
		"logs.DescribeLogStreams.logGroupIdentifier": group, "logs.GetLogEvents.logGroupIdentifier": group,
		"logs.FilterLogEvents.logGroupIdentifier": group, "logs.GetLogGroupFields.logGroupIdentifier": group,
		"logs.StartQuery.logGroupIdentifiers": group, "logs.StartQuery.queryString": "fields @message",

		"s3control.resourceArn": "arn:aws:s3:us-east-1:111122223333:accesspoint/point",
	})
	for _, member := range []string{"KeyId", "TargetKeyId", "SourceKeyId", "DestinationKeyId"} {
		f.texts["kms."+member] = f.texts["kms.RetireGrant.KeyId"]
	}
	f.user(t, f.call, "owner", allowAll)
}

// names tells whether an input has an ARN of Account, or a bucket, whose name does not tell whose it is.
func names(in any) bool {
	_, v := shape.StructureOf(in)
	if b := v.FieldByName("Bucket"); b.IsValid() && fmt.Sprint(b) == "bucket" {
		return true
	}
	found := false
	leaves(shape.Of(reflect.TypeOf(in)), v, "", func(p *shape.Value, v reflect.Value, _ string) {
		if p.Kind == shape.String && strings.HasPrefix(v.String(), "arn:") && strings.Contains(v.String(), ":"+servicetest.Account+":") {
			found = true
		}
	})
	return found
}

// notRefused lists operations that answer a foreign ARN neither that it is denied nor that it is not there, and why.
var notRefused = map[string]struct{ code, because string }{
	"logs.PutDataProtectionPolicy":  {"InvalidParameterException", "the policy is looked at first"},
	"logs.PutIndexPolicy":           {"InvalidParameterException", "the policy is looked at first"},
	"logs.PutTransformer":           {"InvalidParameterException", "the transformer is looked at first"},
	"s3.CreateBucket":               {"BucketAlreadyExists", "the name is taken"},
	"s3.DeleteObjects":              {"", "each object is refused by itself"},
	"sts.AssumeRoleWithSAML":        {"InvalidIdentityToken", "the token decides, not the caller"},
	"sts.AssumeRoleWithWebIdentity": {"InvalidIdentityToken", "the token decides, not the caller"},
}

func TestOperations_AreDeniedToOtherAccounts(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.foreign(t)
	admin := f.user(t, f.CallIn(t, otherAccount, servicetest.Region), "admin", allowAll)
	f.each(t, func(t *testing.T, op *aws.Operation, set string, in any) {
		if !names(in) {
			return
		}
		got := admin.do(t, op, in, "")
		if strings.Contains(got.body, "<Deleted>") {
			t.Errorf("got %s", got.body)
		}
		if other, listed := notRefused[op.String()]; listed {
			if set == "required" && got.code != other.code {
				t.Errorf("got %d %s: %s; want %q because %s", got.status, got.code, got.message, other.code, other.because)
			}
			return
		}
		refused := strings.HasPrefix(got.code, "AccessDenied") || op.Method == http.MethodHead && got.status == http.StatusForbidden
		switch {
		case op.API.Package == "s3" && op.Method != http.MethodHead && (got.code != "AccessDenied" || got.message != "Access Denied"),
			!refused && !absence.MatchString(got.code) && (set == "required" || got.status < 300):
			t.Errorf("got %d %s: %s\n%.300s", got.status, got.code, got.message, got.body)
		}
	})
	t.Cleanup(func() { f.wantNoTroubles(t) })
}

const crossPass = "Cross-account pass role is not allowed."

// TestDeputies_AreNotGivenThingsOfOtherAccounts lets an administrator of one account hand its own services roles, keys and
// buckets of another.
func TestDeputies_AreNotGivenThingsOfOtherAccounts(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.foreign(t)
	call := f.CallIn(t, otherAccount, servicetest.Region)
	admin := f.user(t, call, "admin", allowAll)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := s3.CreateBucket.Do(call, &s3.CreateBucketInput{Bucket: "own"})
	must(err)
	_, err = s3.PutBucketVersioning.Do(call, &s3.PutBucketVersioningInput{Bucket: "own", VersioningConfiguration: s3.VersioningConfiguration{Status: new(s3.BucketVersioningStatusEnabled)}})
	must(err)
	_, err = logs.CreateLogGroup.Do(call, &logs.CreateLogGroupInput{LogGroupName: "own"})
	must(err)
	role, key := f.texts["sts.RoleArn"], f.texts["kms.RetireGrant.KeyId"]
	project := &codebuild.CreateProjectInput{
		Name: "own", ServiceRole: role, Source: codebuild.ProjectSource{Type: codebuild.SourceTypeNoSource, Buildspec: new("version: 0.2")},
		Artifacts: codebuild.ProjectArtifacts{Type: codebuild.ArtifactsTypeNoArtifacts}, Environment: codebuild.ProjectEnvironment{
			Type: codebuild.EnvironmentTypeLinuxContainer, Image: "image", ComputeType: codebuild.ComputeTypeBuildGeneral1Small,
		},
	}
	for name, c := range map[string]struct {
		op   *aws.Operation
		in   any
		code string
		// message is a part of the message.
		message string
	}{
		"role of a build": {codebuild.CreateProject.Operation, project, "AccessDeniedException", crossPass},
		"role of a subscription": {logs.PutSubscriptionFilter.Operation, &logs.PutSubscriptionFilterInput{
			LogGroupName: "own", FilterName: "f", DestinationARN: "arn:aws:kinesis:us-east-1:" + otherAccount + ":stream/s", RoleARN: &role,
		}, "AccessDeniedException", crossPass},
		"role of a destination": {logs.PutDestination.Operation, &logs.PutDestinationInput{
			DestinationName: "d", TargetARN: "arn:aws:kinesis:us-east-1:" + otherAccount + ":stream/s", RoleARN: role,
		}, "AccessDeniedException", crossPass},
		"role of a replication": {s3.PutBucketReplication.Operation, &s3.PutBucketReplicationInput{Bucket: "own", ReplicationConfiguration: s3.ReplicationConfiguration{
			Role: role, Rules: []s3.ReplicationRule{{Status: s3.ReplicationRuleStatusEnabled, Prefix: new(""), Destination: s3.Destination{Bucket: "arn:aws:s3:::bucket"}}},
		}}, "AccessDenied", crossPass},
		"bucket of logs": {s3.PutBucketLogging.Operation, &s3.PutBucketLoggingInput{Bucket: "own", BucketLoggingStatus: s3.BucketLoggingStatus{
			LoggingEnabled: &s3.LoggingEnabled{TargetBucket: "bucket", TargetPrefix: ""},
		}}, "InvalidTargetBucketForLogging", "The owner for the bucket to be logged and the target bucket must be the same."},
		"key of an object": {s3.PutObject.Operation, &s3.PutObjectInput{
			Bucket: "own", Key: "k", Body: strings.NewReader("text"), ServerSideEncryption: new(s3.ServerSideEncryptionAWSKMS), SSEKMSKeyID: &key,
		}, "AccessDenied", "because no resource-based policy allows the kms:GenerateDataKey action"},
		"source of a copy":     {s3.CopyObject.Operation, &s3.CopyObjectInput{Bucket: "own", Key: "k", CopySource: "bucket/key"}, "AccessDenied", "Access Denied"},
		"key of a log group":   {logs.AssociateKMSKey.Operation, &logs.AssociateKMSKeyInput{LogGroupName: new("own"), KMSKeyID: key}, "InvalidParameterException", "The specified KMS key does not exist or is not allowed to be used with LogGroup"},
		"permissions boundary": {iam.CreateUser.Operation, &iam.CreateUserInput{UserName: "u", PermissionsBoundary: new(f.texts["iam.PolicyArn"])}, "NoSuchEntity", "does not exist or is not attachable"},
		"group of an export":   {logs.CreateExportTask.Operation, &logs.CreateExportTaskInput{LogGroupName: "own", From: 1, To: 2, Destination: "bucket"}, "InvalidParameterException", "GetBucketAcl call on the given bucket failed."},
	} {
		t.Run(name, func(t *testing.T) {
			got := admin.do(t, c.op, c.in, "")
			if got.code != c.code || !strings.Contains(got.message, c.message) {
				t.Errorf("got %d %s: %s, want %s: %s", got.status, got.code, got.message, c.code, c.message)
			}
		})
	}
}
