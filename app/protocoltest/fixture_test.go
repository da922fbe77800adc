package protocoltest

import (
	"strings"
	"testing"

	"drydock/api/codecommit"
	"drydock/api/iam"
	"drydock/api/kms"
	"drydock/api/s3"
	"drydock/aws"
	"drydock/service"
	"drydock/service/all"
	"drydock/service/servicetest"
)

const approvalRule = `{"Version":"2018-11-08","Statements":[{"Type":"Approvers","NumberOfApprovalsNeeded":1}]}`

// fixture is a cloud with all services, and in it one of each thing that operations want to exist before they ask
// whether they are allowed; texts names them in inputs.
type fixture struct {
	*servicetest.Cloud

	call     *aws.Call
	texts    map[string]string
	troubles *troubles
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{troubles: &troubles{}}
	f.Cloud = servicetest.New(t, all.Modules, servicetest.WithLog(f.troubles.logger()))
	f.call = f.Call(t)
	f.texts = map[string]string{
		"s3.Bucket": "bucket", "s3.Key": "key", "s3.CopySource": "bucket/key", "s3control.AccountId": servicetest.Account,
		"s3.ExpectedBucketOwner": servicetest.Account,
		"kms.AliasName":          "alias/fixture", "codecommit.repositoryName": "repository",
		// What is valid here is more than the model tells.
		"kms.GenerateDataKey.KeySpec": "AES_256", "kms.GenerateDataKeyWithoutPlaintext.KeySpec": "AES_256", "kms.NumberOfBytes": leftOut,
		"kms.GrantTokens": leftOut, "kms.GrantToken": leftOut, "kms.Recipient": leftOut, "kms.DryRunModifiers": leftOut,
		"codecommit.approvalRuleContent": approvalRule,
		"codecommit.newRuleContent":      approvalRule,
		"codecommit.reactionValue":       ":thumbsup:",
		"codecommit.actorArn":            leftOut,
		"codecommit.reactionUserArn":     leftOut,
		"sts.SerialNumber":               leftOut,
		"sts.TokenCode":                  leftOut,
		"sts.ProvidedContexts":           leftOut,
		"codecommit.nextToken":           leftOut,
		"sts.ProviderId":                 leftOut,
	}
	for _, a := range []string{"CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256", "SHA512", "MD5", "XXHASH64", "XXHASH3", "XXHASH128"} {
		f.texts["s3.Checksum"+a] = leftOut // a wrong one is refused before anything else
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := s3.CreateBucket.Do(f.call, &s3.CreateBucketInput{Bucket: "bucket"})
	must(err)
	_, err = s3.PutObject.Do(f.call, &s3.PutObjectInput{Bucket: "bucket", Key: "key", Body: strings.NewReader("text")})
	must(err)

	key, err := kms.CreateKey.Do(f.call, &kms.CreateKeyInput{})
	must(err)
	for _, member := range []string{"KeyId", "TargetKeyId", "SourceKeyId", "DestinationKeyId"} {
		f.texts["kms."+member] = key.KeyMetadata.KeyID
	}
	_, err = kms.CreateAlias.Do(f.call, &kms.CreateAliasInput{AliasName: "alias/fixture", TargetKeyID: key.KeyMetadata.KeyID})
	must(err)
	encrypted, err := kms.Encrypt.Do(f.call, &kms.EncryptInput{KeyID: key.KeyMetadata.KeyID, Plaintext: []byte("text")})
	must(err)
	for _, op := range []string{"Decrypt", "ReEncrypt"} {
		f.texts["kms."+op+".CiphertextBlob"] = string(encrypted.CiphertextBlob)
	}
	grant, err := kms.CreateGrant.Do(f.call, &kms.CreateGrantInput{
		KeyID: key.KeyMetadata.KeyID, GranteePrincipal: f.call.Principal.ARN, Operations: []kms.GrantOperation{kms.GrantOperationEncrypt},
	})
	must(err)
	f.texts["kms.RetireGrant.KeyId"], f.texts["kms.RetireGrant.GrantId"] = *key.KeyMetadata.ARN, *grant.GrantID
	role, err := iam.CreateRole.Do(f.call, &iam.CreateRoleInput{
		RoleName:                 "role",
		AssumeRolePolicyDocument: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"codebuild.amazonaws.com"},"Action":"sts:AssumeRole"}]}`,
	})
	must(err)
	f.texts["sts.RoleArn"] = role.Role.ARN
	f.texts["sts.PrincipalArn"] = "arn:aws:iam::" + servicetest.Account + ":saml-provider/provider"
	f.pullRequest(t)
	return f
}

// wantNoTroubles fails the test when a service has logged an error.
func (f *fixture) wantNoTroubles(t *testing.T) {
	t.Helper()
	f.troubles.mu.Lock()
	defer f.troubles.mu.Unlock()
	if f.troubles.text.Len() > 0 {
		t.Errorf("the services have logged errors:\n%s", f.troubles.text.String())
	}
}

// pullRequest makes a repository with a pull request, an approval rule and a comment.
func (f *fixture) pullRequest(t *testing.T) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := codecommit.CreateRepository.Do(f.call, &codecommit.CreateRepositoryInput{RepositoryName: "repository"})
	must(err)
	base, err := codecommit.PutFile.Do(f.call, &codecommit.PutFileInput{RepositoryName: "repository", BranchName: "main", FilePath: "a", FileContent: []byte("1")})
	must(err)
	_, err = codecommit.CreateBranch.Do(f.call, &codecommit.CreateBranchInput{RepositoryName: "repository", BranchName: "topic", CommitID: base.CommitID})
	must(err)
	_, err = codecommit.PutFile.Do(f.call, &codecommit.PutFileInput{RepositoryName: "repository", BranchName: "topic", FilePath: "b", FileContent: []byte("2"), ParentCommitID: new(base.CommitID)})
	must(err)
	created, err := codecommit.CreatePullRequest.Do(f.call, &codecommit.CreatePullRequestInput{Title: "title", Targets: []codecommit.Target{
		{RepositoryName: "repository", SourceReference: "topic", DestinationReference: new("main")},
	}})
	must(err)
	p := created.PullRequest
	_, err = codecommit.CreatePullRequestApprovalRule.Do(f.call, &codecommit.CreatePullRequestApprovalRuleInput{
		PullRequestID: *p.PullRequestID, ApprovalRuleName: "rule",
		ApprovalRuleContent: approvalRule,
	})
	must(err)
	comment, err := codecommit.PostCommentForPullRequest.Do(f.call, &codecommit.PostCommentForPullRequestInput{
		PullRequestID: *p.PullRequestID, RepositoryName: "repository", Content: "content",
		BeforeCommitID: *p.PullRequestTargets[0].DestinationCommit, AfterCommitID: *p.PullRequestTargets[0].SourceCommit,
	})
	must(err)
	f.texts["codecommit.pullRequestId"] = *p.PullRequestID
	f.texts["codecommit.revisionId"] = *p.RevisionID
	f.texts["codecommit.approvalRuleName"] = "rule"
	f.texts["codecommit.commentId"] = *comment.Comment.CommentID
	f.texts["codecommit.inReplyTo"] = *comment.Comment.CommentID
}

// user makes an IAM user of the call's account, with a policy unless that is empty, and returns a client with its key.
func (f *fixture) user(t *testing.T, call *aws.Call, name, document string) *client {
	t.Helper()
	if _, err := iam.CreateUser.Do(call, &iam.CreateUserInput{UserName: name}); err != nil {
		t.Fatal(err)
	}
	if document != "" {
		if _, err := iam.PutUserPolicy.Do(call, &iam.PutUserPolicyInput{UserName: name, PolicyName: "policy", PolicyDocument: document}); err != nil {
			t.Fatal(err)
		}
	}
	key, err := iam.CreateAccessKey.Do(call, &iam.CreateAccessKeyInput{UserName: &name})
	if err != nil {
		t.Fatal(err)
	}
	return &client{cloud: f.Cloud, id: key.AccessKey.AccessKeyID, secret: key.AccessKey.SecretAccessKey}
}

// each calls do for every bound operation, with an input of all members and with one of the required ones alone.
func (f *fixture) each(t *testing.T, do func(t *testing.T, op *aws.Operation, set string, in any)) {
	t.Helper()
	for _, m := range f.Modules {
		t.Run(m.API.Package, func(t *testing.T) {
			t.Parallel()
			f.eachOf(t, m, do)
		})
	}
}

func (f *fixture) eachOf(t *testing.T, m service.Module, do func(t *testing.T, op *aws.Operation, set string, in any)) {
	t.Helper()
	for _, h := range m.Operations {
		for _, set := range []string{"all", "required"} {
			t.Run(h.Operation.Name+"/"+set, func(t *testing.T) {
				do(t, h.Operation, set, valid(t, h.Operation, set == "required", f.texts))
			})
		}
	}
}
