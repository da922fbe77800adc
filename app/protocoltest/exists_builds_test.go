package protocoltest

import (
	"strings"
	"testing"

	"drydock/api/codebuild"
	"drydock/api/iam"
	"drydock/api/kms"
	"drydock/api/logs"
	"drydock/api/s3"
	"drydock/aws"
)

func codebuildConflicts(t *testing.T, f *fixture) []conflict {
	t.Helper()
	call := f.call
	project := &codebuild.CreateProjectInput{
		Name: "taken", ServiceRole: f.texts["sts.RoleArn"], Source: codebuild.ProjectSource{Type: codebuild.SourceTypeGithub, Location: new("https://github.com/a/b.git")},
		Artifacts: codebuild.ProjectArtifacts{Type: codebuild.ArtifactsTypeNoArtifacts}, Environment: codebuild.ProjectEnvironment{
			Type: codebuild.EnvironmentTypeLinuxContainer, Image: "image", ComputeType: codebuild.ComputeTypeBuildGeneral1Small,
		},
	}
	group := &codebuild.CreateReportGroupInput{
		Name: "taken", Type: codebuild.ReportTypeTest, ExportConfig: codebuild.ReportExportConfig{ExportConfigType: new(codebuild.ReportExportConfigTypeNoExport)},
	}
	fleet := &codebuild.CreateFleetInput{
		Name: "taken", BaseCapacity: 1, EnvironmentType: codebuild.EnvironmentTypeLinuxContainer, ComputeType: codebuild.ComputeTypeBuildGeneral1Small,
	}
	hook := &codebuild.CreateWebhookInput{ProjectName: "taken", ManualCreation: new(true)}
	token := &codebuild.ImportSourceCredentialsInput{AuthType: codebuild.AuthTypePersonalAccessToken, ServerType: codebuild.ServerTypeGithub, Token: "token", ShouldOverwrite: new(false)}
	have(t, codebuild.CreateProject, call, project)
	have(t, codebuild.CreateReportGroup, call, group)
	have(t, codebuild.CreateFleet, call, fleet)
	have(t, codebuild.CreateWebhook, call, hook)
	have(t, codebuild.ImportSourceCredentials, call, token)
	over := *token
	over.ShouldOverwrite = nil
	exists := func(op *aws.Operation, in any, message string) conflict {
		return refused(op, "the name", in, "ResourceAlreadyExistsException", message)
	}
	return []conflict{
		exists(codebuild.CreateProject.Operation, project, "Project already exists: "+absentBuild+"project/taken"),
		exists(codebuild.CreateReportGroup.Operation, group, "Report group already exists: "+absentBuild+"report-group/taken"),
		exists(codebuild.CreateFleet.Operation, fleet, "Fleet already exists: taken"),
		exists(codebuild.CreateWebhook.Operation, hook, "Webhook already exists for project taken"),
		exists(codebuild.ImportSourceCredentials.Operation, token, "Access token with server type GITHUB already exists. Delete its source credential and try again."),
		{there: "the token, to be replaced", op: codebuild.ImportSourceCredentials.Operation, in: &over, status: 200, body: absentBuild + "token/github"},
	}
}

func logsConflicts(t *testing.T, f *fixture) []conflict {
	t.Helper()
	call := f.call
	for _, name := range []string{"taken", "other"} {
		have(t, logs.CreateLogGroup, call, &logs.CreateLogGroupInput{LogGroupName: name})
	}
	have(t, logs.CreateLogGroup, call, &logs.CreateLogGroupInput{LogGroupName: "protected", DeletionProtectionEnabled: new(true)})
	have(t, logs.CreateLogStream, call, &logs.CreateLogStreamInput{LogGroupName: "taken", LogStreamName: "taken"})
	table := &logs.CreateLookupTableInput{LookupTableName: "taken", TableBody: "a,b\n1,2"}
	have(t, logs.CreateLookupTable, call, table)
	made := have(t, kms.CreateKey, call, &kms.CreateKeyInput{Policy: new(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":` +
		`{"AWS":"arn:aws:iam::111122223333:root","Service":"logs.us-east-1.amazonaws.com"},"Action":"kms:*","Resource":"*"}]}`)})
	key := &logs.AssociateKMSKeyInput{LogGroupName: new("taken"), KMSKeyID: *made.KeyMetadata.ARN}
	have(t, logs.AssociateKMSKey, call, key)
	have(t, iam.CreateRole, call, &iam.CreateRoleInput{RoleName: "logs", AssumeRolePolicyDocument: strings.Replace(trust, "codebuild", "logs", 1)})
	have(t, logs.PutDestination, call, &logs.PutDestinationInput{
		DestinationName: "destination", TargetARN: "arn:aws:kinesis:us-east-1:111122223333:stream/s", RoleARN: absentIAM + "role/logs",
	})
	for _, name := range []string{"one", "two"} {
		have(t, logs.PutSubscriptionFilter, call, subscription(name))
	}
	document := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"es.amazonaws.com"},"Action":"logs:PutLogEvents","Resource":"*"}]}`
	have(t, logs.PutResourcePolicy, call, &logs.PutResourcePolicyInput{PolicyName: new("taken"), PolicyDocument: &document})
	for i := range 9 {
		have(t, logs.PutResourcePolicy, call, &logs.PutResourcePolicyInput{PolicyName: new("policy-" + string(rune('a'+i))), PolicyDocument: &document})
	}
	have(t, s3.PutBucketPolicy, call, &s3.PutBucketPolicyInput{Bucket: "bucket", Policy: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
		`"Principal":{"Service":"logs.us-east-1.amazonaws.com"},"Action":["s3:GetBucketAcl","s3:PutObject"],"Resource":["arn:aws:s3:::bucket","arn:aws:s3:::bucket/*"]}]}`})
	task := &logs.CreateExportTaskInput{LogGroupName: "taken", From: 1, To: 2, Destination: "bucket"}
	have(t, logs.CreateExportTask, call, task)
	protection := func(name string) *logs.PutAccountPolicyInput {
		return &logs.PutAccountPolicyInput{PolicyName: name, PolicyType: logs.PolicyTypeDataProtectionPolicy, PolicyDocument: absentTexts["logs.PutDataProtectionPolicy.policyDocument"]}
	}
	have(t, logs.PutAccountPolicy, call, protection("taken"))
	cases := []conflict{
		refused(logs.CreateLogGroup.Operation, "the name", &logs.CreateLogGroupInput{LogGroupName: "taken"},
			"ResourceAlreadyExistsException", "The specified log group already exists"),
		{there: "another in case", op: logs.CreateLogGroup.Operation, in: &logs.CreateLogGroupInput{LogGroupName: "Taken"}, status: 200},
		refused(logs.DeleteLogGroup.Operation, "protection", &logs.DeleteLogGroupInput{LogGroupName: "protected"},
			"ValidationException", "Log group has deletion protection enabled."),
		refused(logs.CreateLogStream.Operation, "the name", &logs.CreateLogStreamInput{LogGroupName: "taken", LogStreamName: "taken"},
			"ResourceAlreadyExistsException", "The specified log stream already exists"),
		{there: "that of another group", op: logs.CreateLogStream.Operation, in: &logs.CreateLogStreamInput{LogGroupName: "other", LogStreamName: "taken"}, status: 200},
		refused(logs.CreateLookupTable.Operation, "the name", table, "ResourceAlreadyExistsException", "The specified lookup table already exists"),
		{there: "the key", op: logs.AssociateKMSKey.Operation, in: key, status: 200},
		{there: "the filter", op: logs.PutSubscriptionFilter.Operation, in: subscription("two"), status: 200},
		refused(logs.PutSubscriptionFilter.Operation, "two filters", subscription("three"), "LimitExceededException", "Resource limit exceeded."),
		refused(logs.PutResourcePolicy.Operation, "another revision", &logs.PutResourcePolicyInput{
			PolicyName: new("taken"), PolicyDocument: &document, ExpectedRevisionID: new("1"),
		}, "OperationAbortedException", "The expected revision id does not match the current one."),
		refused(logs.PutResourcePolicy.Operation, "ten policies", &logs.PutResourcePolicyInput{PolicyName: new("new"), PolicyDocument: &document},
			"LimitExceededException", "Resource limit exceeded."),
		refused(logs.PutAccountPolicy.Operation, "a policy of the type", protection("other"), "LimitExceededException", "Resource limit exceeded."),
		{there: "the policy", op: logs.PutAccountPolicy.Operation, in: protection("taken"), status: 200, body: `"policyName":"taken"`},
		refused(logs.CreateExportTask.Operation, "a task", task, "LimitExceededException", "Resource limit exceeded."),
	}
	return append(cases, logsDeliveries(t, f)...)
}

func subscription(name string) *logs.PutSubscriptionFilterInput {
	return &logs.PutSubscriptionFilterInput{LogGroupName: "taken", FilterName: name, DestinationARN: absentLogs + "destination:destination"}
}

// logsDeliveries are delivery sources, destinations and what connects them.
func logsDeliveries(t *testing.T, f *fixture) []conflict {
	t.Helper()
	const bus = "arn:aws:events:us-east-1:111122223333:event-bus/"
	source := func(name, resource, logType string) *logs.PutDeliverySourceInput {
		return &logs.PutDeliverySourceInput{Name: name, ResourceARN: resource, LogType: logType}
	}
	destination := func(name, resource string, format logs.OutputFormat) *logs.PutDeliveryDestinationInput {
		return &logs.PutDeliveryDestinationInput{
			Name: name, OutputFormat: &format, DeliveryDestinationConfiguration: &logs.DeliveryDestinationConfiguration{DestinationResourceARN: resource},
		}
	}
	group, other := absentLogs+"log-group:taken", absentLogs+"log-group:other"
	have(t, logs.PutDeliverySource, f.call, source("taken", bus+"a", "INFO_LOGS"))
	have(t, logs.PutDeliveryDestination, f.call, destination("taken", group, logs.OutputFormatJSON))
	have(t, logs.PutDeliveryDestination, f.call, destination("other", other, logs.OutputFormatJSON))
	delivery := &logs.CreateDeliveryInput{DeliverySourceName: "taken", DeliveryDestinationARN: absentLogs + "delivery-destination:taken"}
	have(t, logs.CreateDelivery, f.call, delivery)
	taggedSource, taggedDestination := source("taken", bus+"a", "INFO_LOGS"), destination("taken", group, logs.OutputFormatJSON)
	taggedSource.Tags, taggedDestination.Tags = map[string]string{"a": "b"}, map[string]string{"a": "b"}
	const code, tags = "ConflictException", "Tags can only be provided when a resource is being created, not updated."
	putSource, putDestination := logs.PutDeliverySource.Operation, logs.PutDeliveryDestination.Operation
	return []conflict{
		refused(putSource, "one of the resource", source("new", bus+"a", "INFO_LOGS"), code, "This ResourceId has already been used in another Delivery Source in this account."),
		refused(putSource, "one of another resource", source("taken", bus+"b", "INFO_LOGS"), code,
			"Update to existing Delivery Source with new ResourceId is not allowed. Please create a new Delivery Source instead."),
		refused(putSource, "one of another type", source("taken", bus+"a", "TRACE_LOGS"), code, "The log type of a delivery source cannot be changed."),
		refused(putSource, "the source, to be tagged", taggedSource, code, tags),
		{there: "the source", op: putSource, in: source("taken", bus+"a", "INFO_LOGS"), status: 200, body: "delivery-source:taken"},
		refused(putDestination, "the destination, to be tagged", taggedDestination, code, tags),
		refused(putDestination, "one of another type", destination("taken", "arn:aws:s3:::bucket", logs.OutputFormatJSON), code, "The type of a delivery destination cannot be changed."),
		refused(putDestination, "one of another format", destination("taken", group, logs.OutputFormatPlain), "ValidationException",
			"Update to existing Delivery Destination with new Output Format is not allowed. Please create a new Delivery Destination instead."),
		{there: "the destination", op: putDestination, in: destination("taken", group, logs.OutputFormatJSON), status: 200, body: "delivery-destination:taken"},
		refused(logs.CreateDelivery.Operation, "the delivery", delivery, code, "The specified Delivery already exists"),
		refused(logs.CreateDelivery.Operation, "one to the same type", &logs.CreateDeliveryInput{
			DeliverySourceName: "taken", DeliveryDestinationARN: absentLogs + "delivery-destination:other",
		}, code, "Delivery already exists for this Delivery Source with the same Delivery Destination Type."),
		refused(logs.DeleteDeliverySource.Operation, "a delivery", &logs.DeleteDeliverySourceInput{Name: "taken"}, code, "The delivery source is connected to a delivery destination."),
		refused(logs.DeleteDeliveryDestination.Operation, "a delivery", &logs.DeleteDeliveryDestinationInput{Name: "taken"}, code,
			"The delivery destination is connected to a delivery source."),
	}
}
