package protocoltest

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"testing"

	"drydock/api/logs"
	"drydock/aws"
)

var absence = regexp.MustCompile(`NotFound|NoSuch|DoesNotExist`)

const (
	absentKey   = "00000000-0000-4000-8000-000000000000"
	absentBuild = "arn:aws:codebuild:us-east-1:111122223333:"
	absentIAM   = "arn:aws:iam::111122223333:"
	absentLogs  = "arn:aws:logs:us-east-1:111122223333:"
	allowAll    = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
)

// absentTexts name what does not exist, and are valid otherwise, in the forms that services take.
var absentTexts = map[string]string{
	"codebuild.projectArn": absentBuild + "project/absent", "codebuild.projectName": "absent", "codebuild.arn": absentBuild + "report-group/absent",
	"codebuild.ListBuildBatchesForProject.projectName": "absent", "codebuild.DeleteSourceCredentials.arn": absentBuild + "token/github",
	"codebuild.reportGroupArn": absentBuild + "report-group/absent", "codebuild.resourceArn": absentBuild + "project/absent",
	"codebuild.reportArn": absentBuild + "report/absent:" + absentKey, "codebuild.policy": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
		`"Principal":{"AWS":"444455556666"},"Action":["codebuild:BatchGetProjects","codebuild:BatchGetBuilds","codebuild:ListBuildsForProject"],"Resource":"` + absentBuild + `project/absent"}]}`,

	"codecommit.repositoryName": "absent", "codecommit.GetBranch.repositoryName": "absent", "codecommit.GetBranch.branchName": "absent", "codecommit.pullRequestId": "99999",
	"codecommit.commentId": absentKey, "codecommit.inReplyTo": absentKey, "codecommit.resourceArn": "arn:aws:codecommit:us-east-1:111122223333:absent",
	"codecommit.commitId": "0000000000000000000000000000000000000001", "codecommit.blobId": "0000000000000000000000000000000000000001",
	"codecommit.mergeOption": "SQUASH_MERGE", "codecommit.destinationArn": "arn:aws:sns:us-east-1:111122223333:absent",
	"codecommit.beforeCommitId": "0000000000000000000000000000000000000001", "codecommit.afterCommitId": "0000000000000000000000000000000000000002",

	"iam.PolicyArn": absentIAM + "policy/absent", "iam.PolicyDocument": allowAll, "iam.ServiceName": "codecommit.amazonaws.com",
	"iam.UpdateAssumeRolePolicy.PolicyDocument": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}`,
	"iam.ThumbprintList":                        "0000000000000000000000000000000000000001", "iam.Arn": absentIAM + "user/absent", "iam.PolicySourceArn": absentIAM + "user/absent",
	"iam.DeletionTaskId": "task/aws-service-role/codebuild.amazonaws.com/absent/" + absentKey,
	"iam.UserName":       "absent", "iam.GetUser.UserName": "absent", "iam.CreateAccessKey.UserName": "absent", "iam.ListAccessKeys.UserName": "absent",
	"iam.ListServiceSpecificCredentials.UserName": "absent", "iam.CreateLoginProfile.UserName": "absent", "iam.CreateLoginProfile.Password": "Secret-Secret-1",
	"iam.GetLoginProfile.UserName": "absent", "iam.DeleteLoginProfile.UserName": "absent", "iam.DeactivateMFADevice.UserName": "absent",
	"iam.ListMFADevices.UserName": "absent", "iam.ListSigningCertificates.UserName": "absent", "iam.ListSSHPublicKeys.UserName": "absent",
	"iam.Password": "Secret-Secret-1",

	"kms.KeyId": absentKey, "kms.TargetKeyId": absentKey, "kms.SourceKeyId": absentKey, "kms.DestinationKeyId": absentKey,
	"kms.AliasName": "alias/absent", "kms.RetireGrant.KeyId": "arn:aws:kms:us-east-1:111122223333:key/" + absentKey,
	"kms.ListAliases.KeyId": absentKey, "kms.Decrypt.KeyId": absentKey, "kms.GranteePrincipal": absentIAM + "root", "kms.Policy": allowAll,
	"kms.DescribeCustomKeyStores.CustomKeyStoreId": "cks-0123456789abcdef0",

	"logs.resourceArn": absentLogs + "log-group:absent", "logs.logGroupName": "absent", "logs.logGroupIdentifiers": absentLogs + "log-group:absent",
	"logs.DescribeLogStreams.logGroupName": "absent", "logs.GetLogEvents.logGroupName": "absent", "logs.FilterLogEvents.logGroupName": "absent",
	"logs.DescribeMetricFilters.logGroupName": "absent", "logs.AssociateKmsKey.logGroupName": "absent", "logs.DisassociateKmsKey.logGroupName": "absent",
	"logs.GetLogGroupFields.logGroupName": "absent", "logs.StartQuery.logGroupName": "absent", "logs.DescribeQueries.logGroupName": "absent",
	"logs.ListLogAnomalyDetectors.filterLogGroupArn": absentLogs + "log-group:absent", "logs.metricValue": "1",
	"logs.kmsKeyId":       "arn:aws:kms:us-east-1:111122223333:key/" + absentKey,
	"logs.destinationArn": absentLogs + "destination:absent", "logs.logGroupArnList": absentLogs + "log-group:absent",
	"logs.anomalyDetectorArn": absentLogs + "anomaly-detector:" + absentKey, "logs.ListAnomalies.anomalyDetectorArn": absentLogs + "anomaly-detector:" + absentKey,
	"logs.UpdateAnomaly.anomalyId": absentKey, "logs.lookupTableArn": absentLogs + "lookup-table:absent",
	"logs.queryString": "fields @message", "logs.PutQueryDefinition.queryDefinitionId": absentKey,
	"logs.deliveryDestinationArn":                                  absentLogs + "delivery-destination:absent",
	"logs.deliveryDestinationPolicy":                               `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":"logs:CreateDelivery","Resource":"` + absentLogs + `delivery-destination:*"}]}`,
	"logs.PutDeliveryDestination.deliveryDestinationConfiguration": "", "logs.destinationResourceArn": absentLogs + "log-group:absent",
	"logs.tableBody": "a,b\n1,2", "logs.to": "2",
	"logs.PutIndexPolicy.policyDocument": `{"Fields":["a"]}`,
	"logs.PutDataProtectionPolicy.policyDocument": `{"Name":"a","Version":"2021-06-01","Statement":[` +
		`{"Sid":"a","DataIdentifier":["arn:aws:dataprotection::aws:data-identifier/EmailAddress"],"Operation":{"Audit":{"FindingsDestination":{}}}},` +
		`{"Sid":"b","DataIdentifier":["arn:aws:dataprotection::aws:data-identifier/EmailAddress"],"Operation":{"Deidentify":{"MaskConfig":{}}}}]}`,

	"s3.Bucket": "absent", "s3.CopySource": "absent/key",
}

// findsNothing lists operations with a modelled error for what does not exist that answer something else, and why.
var findsNothing = map[string]struct {
	// code is what is answered, none for success.
	code, because string
}{
	"codebuild.CreateWebhook":             {"OAuthProviderException", "there is no source provider to create one at"},
	"codecommit.BatchGetRepositories":     {"", "what is not there is listed in the output"},
	"codecommit.CreateCommit":             {"FileEntryRequiredException", "what is missed comes first"},
	"codecommit.CreateRepository":         {"", makes},
	"codecommit.DeleteRepository":         {"", "deleting is idempotent"},
	"iam.ChangePassword":                  {"InvalidUserType", "the caller is no user"},
	"iam.CreateGroup":                     {"", makes},
	"iam.CreateServiceLinkedRole":         {"InvalidInput", "the service is one that has no such role"},
	"iam.CreateUser":                      {"", makes},
	"iam.UpdateAccountPasswordPolicy":     {"", makes},
	"iam.UploadSSHPublicKey":              {"InvalidPublicKey", "the key is read first"},
	"iam.UploadSigningCertificate":        {"MalformedCertificate", "the certificate is read first"},
	"kms.CreateKey":                       {"", makes},
	"kms.GenerateRandom":                  {"ValidationException", "no key is named"},
	"kms.ListRetirableGrants":             {"", "the principal need not exist"},
	"logs.DescribeAccountPolicies":        {"", "none of the list is named"},
	"logs.DescribeConfigurationTemplates": {"", "none of the list is named"},
	"logs.DescribeLookupTables":           {"", "none of the list is named"},
	"logs.DescribeQueries":                {"", "the log group narrows the list"},
	"logs.GetLogRecord":                   {"InvalidParameterException", "a pointer that was not given out has no form"},
	"logs.ListLogAnomalyDetectors":        {"", "the log group narrows the list"},
	"logs.PutDeliverySource":              {"NotImplemented", "the resource's service is none whose logs are delivered"},
	"logs.PutResourcePolicy":              {"InvalidParameterException", "it makes what it names, and its document is missed"},
	"logs.PutTransformer":                 {"InvalidParameterException", "the transformer is looked at first"},
	"s3.CreateBucket":                     {"", makes},
	"s3.ListBuckets":                      {"", "no bucket is named"},
}

const makes = "it makes what it names"

func TestOperations_TellWhatDoesNotExist(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	maps.Copy(f.texts, absentTexts)
	f.each(t, func(t *testing.T, op *aws.Operation, set string, in any) {
		var codes []string
		for _, e := range op.Errors {
			if absence.MatchString(e.Shape) {
				codes = append(codes, e.Code)
			}
		}
		other, listed := findsNothing[op.String()]
		if set == "all" || len(codes) == 0 && op.API.Package != "s3" || other.because == makes {
			return
		}
		got := f.owner().do(t, op, in, "")
		if listed {
			if got.code != other.code {
				t.Errorf("got %d %s: %s; want %q because %s", got.status, got.code, got.message, other.code, other.because)
			}
			return
		}
		if op.API.Package == "s3" {
			if got.status != http.StatusNotFound || got.code != "NoSuchBucket" && op.Method != http.MethodHead {
				t.Errorf("got %d %s: %s", got.status, got.code, got.message)
			}
			return
		}
		if !slices.Contains(codes, got.code) {
			t.Errorf("got %d %s: %s; want one of %v", got.status, got.code, got.message, codes)
		}
	})
	t.Cleanup(func() { f.wantNoTroubles(t) })
}

// absentWithin names what does not exist in what does: keys and configurations in a bucket, branches and files in a
// repository, streams in a log group, policies and keys of a user.
var absentWithin = map[string]string{
	"s3.Key": "absent", "s3.CopySource": "bucket/gone", "s3.UploadId": "absent",
	"codecommit.branchName": "absent", "codecommit.GetBranch.branchName": "absent", "codecommit.GetBranch.repositoryName": "repository",
	"codecommit.filePath": "absent", "codecommit.folderPath": "absent", "codecommit.commitId": "0000000000000000000000000000000000000001",
	"codecommit.approvalRuleName": "absent", "codecommit.defaultBranchName": "absent",
	"logs.logGroupName": "group", "logs.GetLogEvents.logGroupName": "group",
	"iam.UserName": "owner", "iam.PolicyArn": absentIAM + "policy/absent", "iam.AccessKeyId": "AKIAABSENTABSENTABSE",
	"iam.UpdateAccessKey.UserName": "owner", "iam.DeleteAccessKey.UserName": "owner", "iam.DeleteLoginProfile.UserName": "owner",
	"iam.GetLoginProfile.UserName": "owner",
}

// absentCodes are the codes for what does not exist in what does. GetBucket operations of what every bucket has are not
// among them, nor deletions that AWS makes of what is not there: of objects, and of most configurations.
var absentCodes = map[string]string{
	"s3.GetObject": "NoSuchKey", "s3.GetObjectAcl": "NoSuchKey", "s3.GetObjectAttributes": "NoSuchKey", "s3.GetObjectTagging": "NoSuchKey",
	"s3.CopyObject": "NoSuchKey", "s3.HeadObject": "", "s3.DeleteObjectTagging": "NoSuchKey",
	"s3.PutObjectTagging": "NoSuchKey",
	"s3.ListParts":        "NoSuchUpload", "s3.UploadPart": "NoSuchUpload", "s3.AbortMultipartUpload": "NoSuchUpload",
	"s3.GetBucketPolicy": "NoSuchBucketPolicy", "s3.GetBucketPolicyStatus": "NoSuchBucketPolicy", "s3.GetBucketTagging": "NoSuchTagSet",
	"s3.GetBucketCors": "NoSuchCORSConfiguration", "s3.GetBucketLifecycleConfiguration": "NoSuchLifecycleConfiguration",
	"s3.GetBucketWebsite": "NoSuchWebsiteConfiguration", "s3.GetBucketReplication": "ReplicationConfigurationNotFoundError",
	"s3.GetObjectLockConfiguration":      "ObjectLockConfigurationNotFoundError",
	"s3.GetBucketInventoryConfiguration": "NoSuchConfiguration", "s3.DeleteBucketInventoryConfiguration": "NoSuchConfiguration",
	"s3.GetBucketAnalyticsConfiguration": "NoSuchConfiguration", "s3.DeleteBucketAnalyticsConfiguration": "NoSuchConfiguration",
	"s3.GetBucketMetricsConfiguration": "NoSuchConfiguration", "s3.DeleteBucketMetricsConfiguration": "NoSuchConfiguration",
	"s3.GetBucketIntelligentTieringConfiguration": "NoSuchConfiguration", "s3.DeleteBucketIntelligentTieringConfiguration": "NoSuchConfiguration",

	"codecommit.GetBranch": "BranchDoesNotExistException", "codecommit.UpdateDefaultBranch": "BranchDoesNotExistException",
	"codecommit.GetFile": "FileDoesNotExistException", "codecommit.GetFolder": "FolderDoesNotExistException",
	"codecommit.GetCommit": "CommitIdDoesNotExistException", "codecommit.UpdatePullRequestApprovalRuleContent": "ApprovalRuleDoesNotExistException",
	"codecommit.CreateBranch": "CommitDoesNotExistException",

	"logs.PutLogEvents": "ResourceNotFoundException", "logs.DeleteLogStream": "ResourceNotFoundException", "logs.DeleteMetricFilter": "ResourceNotFoundException",
	"logs.GetLogEvents": "ResourceNotFoundException", "logs.DeleteSubscriptionFilter": "ResourceNotFoundException",

	"iam.GetUserPolicy": "NoSuchEntity", "iam.DeleteUserPolicy": "NoSuchEntity", "iam.DetachUserPolicy": "NoSuchEntity", "iam.AttachUserPolicy": "NoSuchEntity",
	"iam.UpdateAccessKey": "NoSuchEntity", "iam.DeleteAccessKey": "NoSuchEntity", "iam.GetLoginProfile": "NoSuchEntity", "iam.DeleteLoginProfile": "NoSuchEntity",
	"iam.DeleteUserPermissionsBoundary": "NoSuchEntity", "iam.RemoveUserFromGroup": "NoSuchEntity", "iam.AddUserToGroup": "NoSuchEntity",

	"kms.RevokeGrant": "NotFoundException",
}

func TestOperations_TellWhatDoesNotExistInWhatDoes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	maps.Copy(f.texts, absentWithin)
	f.user(t, f.call, "owner", allowAll)
	if _, err := logs.CreateLogGroup.Do(f.call, &logs.CreateLogGroupInput{LogGroupName: "group"}); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex // guards left
	left := maps.Clone(absentCodes)
	t.Cleanup(func() {
		f.wantNoTroubles(t)
		for name := range left {
			t.Errorf("%s is no operation that is bound", name)
		}
	})
	f.each(t, func(t *testing.T, op *aws.Operation, set string, in any) {
		code, listed := absentCodes[op.String()]
		if set == "all" || !listed {
			return
		}
		mu.Lock()
		delete(left, op.String())
		mu.Unlock()
		if got := f.owner().do(t, op, in, ""); got.code != code || got.status < 400 {
			t.Errorf("got %d %s: %s, want %s", got.status, got.code, got.message, code)
		}
	})
}
