package identity

import (
	"testing"

	"drydock/api/codecommit"
	"drydock/api/iam"
	"drydock/api/kms"
	api "drydock/api/sts"
	"drydock/ledger"
	"drydock/service"
	codecommitservice "drydock/service/codecommit"
	iamservice "drydock/service/iam"
	kmsservice "drydock/service/kms"
	"drydock/service/servicetest"
	"drydock/service/sts"
)

// TestCodeCommit_AcrossAccounts lets a user of one account review in a repository of another, with a role of that one.
func TestCodeCommit_AcrossAccounts(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CC-07")
	c := &cloud{}
	c.Cloud = servicetest.New(t, func(d service.Deps) []service.Module {
		c.sessions = d.Sessions
		return []service.Module{iamservice.New(d), sts.New(d), codecommitservice.New(d), kmsservice.New(d)}
	})
	owner := c.Call(t)
	arn := "arn:aws:codecommit:us-east-1:" + servicetest.Account + ":"
	for _, name := range []string{"shared", "private"} {
		do(t, codecommit.CreateRepository, owner, &codecommit.CreateRepositoryInput{RepositoryName: name})
	}
	first := do(t, codecommit.PutFile, owner, &codecommit.PutFileInput{RepositoryName: "shared", BranchName: "main", FilePath: "f", FileContent: []byte("0")})
	do(t, codecommit.CreateBranch, owner, &codecommit.CreateBranchInput{RepositoryName: "shared", BranchName: "topic", CommitID: first.CommitID})
	do(t, codecommit.PutFile, owner, &codecommit.PutFileInput{
		RepositoryName: "shared", BranchName: "topic", FilePath: "f", FileContent: []byte("1"), ParentCommitID: &first.CommitID,
	})
	role := createRole(t, owner, "Reviewers", trust("arn:aws:iam::"+other+":root"))
	do(t, iam.PutRolePolicy, owner, &iam.PutRolePolicyInput{RoleName: "Reviewers", PolicyName: "p", PolicyDocument: allow("codecommit:*", arn+"shared")})

	guest := c.user(t, c.CallIn(t, other, servicetest.Region), "guest", allow("*", "*"))
	// Without the role, the other account's repositories are simply not there.
	refuse(t, codecommit.GetRepository, guest, &codecommit.GetRepositoryInput{RepositoryName: "shared"}, "RepositoryDoesNotExistException", "")
	assumed := do(t, api.AssumeRole, guest, &api.AssumeRoleInput{RoleARN: role.ARN, RoleSessionName: "ann"})
	reviewer := c.with(t, assumed.Credentials)
	shown := do(t, codecommit.GetRepository, reviewer, &codecommit.GetRepositoryInput{RepositoryName: "shared"})
	if *shown.RepositoryMetadata.ARN != arn+"shared" {
		t.Errorf("repository %s", *shown.RepositoryMetadata.ARN)
	}
	refuse(t, codecommit.GetRepository, reviewer, &codecommit.GetRepositoryInput{RepositoryName: "private"}, "AccessDeniedException", "Reviewers/ann")

	pull := do(t, codecommit.CreatePullRequest, owner, &codecommit.CreatePullRequestInput{
		Title: "Review", Targets: []codecommit.Target{{RepositoryName: "shared", SourceReference: "topic"}},
	}).PullRequest
	do(t, codecommit.CreatePullRequestApprovalRule, owner, &codecommit.CreatePullRequestApprovalRuleInput{
		PullRequestID: *pull.PullRequestID, ApprovalRuleName: "a reviewer",
		ApprovalRuleContent: `{"Version":"2018-11-08","Statements":[{"Type":"Approvers","NumberOfApprovalsNeeded":1,` +
			`"ApprovalPoolMembers":["arn:aws:sts::` + servicetest.Account + `:assumed-role/Reviewers/*"]}]}`,
	})
	merge := &codecommit.MergePullRequestByFastForwardInput{PullRequestID: *pull.PullRequestID, RepositoryName: "shared"}
	refuse(t, codecommit.MergePullRequestByFastForward, owner, merge, "PullRequestApprovalRulesNotSatisfiedException", "")
	do(t, codecommit.UpdatePullRequestApprovalState, reviewer, &codecommit.UpdatePullRequestApprovalStateInput{
		PullRequestID: *pull.PullRequestID, RevisionID: *pull.RevisionID, ApprovalState: codecommit.ApprovalStateApprove,
	})
	merged := do(t, codecommit.MergePullRequestByFastForward, reviewer, merge).PullRequest.PullRequestTargets[0].MergeMetadata
	if want := "arn:aws:sts::" + servicetest.Account + ":assumed-role/Reviewers/ann"; *merged.MergedBy != want {
		t.Errorf("merged by %s, want %s", *merged.MergedBy, want)
	}
}

// TestCodeCommit_KeysDecide has users of whom CodeCommit admits all use repositories under the AWS managed key, which needs
// no permission but must not be denied, and under a key of the account, which needs one.
func TestCodeCommit_KeysDecide(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CC-03")
	c := &cloud{}
	c.Cloud = servicetest.New(t, func(d service.Deps) []service.Module {
		c.sessions = d.Sessions
		return []service.Module{iamservice.New(d), sts.New(d), codecommitservice.New(d), kmsservice.New(d)}
	})
	owner := c.Call(t)
	key := do(t, kms.CreateKey, owner, &kms.CreateKeyInput{}).KeyMetadata
	do(t, codecommit.CreateRepository, owner, &codecommit.CreateRepositoryInput{RepositoryName: "managed"})
	do(t, codecommit.CreateRepository, owner, &codecommit.CreateRepositoryInput{RepositoryName: "own", KMSKeyID: key.ARN})
	plain := c.user(t, owner, "plain", allow("codecommit:*", "*"))
	holder := c.user(t, owner, "holder", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"codecommit:*","Resource":"*"},`+
		`{"Effect":"Allow","Action":"kms:Decrypt","Resource":"`+*key.ARN+`","Condition":{"StringEquals":{"kms:ViaService":"codecommit.us-east-1.amazonaws.com"}}}]}`)
	barred := c.user(t, owner, "barred", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"codecommit:*","Resource":"*"},`+
		`{"Effect":"Deny","Action":"kms:*","Resource":"*"}]}`)
	put := func(repository string) *codecommit.PutFileInput {
		return &codecommit.PutFileInput{RepositoryName: repository, BranchName: "main", FilePath: "f", FileContent: []byte("1")}
	}
	do(t, codecommit.PutFile, plain, put("managed"))
	do(t, codecommit.GetFile, holder, &codecommit.GetFileInput{RepositoryName: "managed", FilePath: "f"})
	do(t, codecommit.PutFile, holder, put("own"))
	refuse(t, codecommit.PutFile, plain, put("own"), "EncryptionKeyAccessDeniedException", "kms:Decrypt")
	for _, name := range []string{"managed", "own"} {
		refuse(t, codecommit.GetFile, barred, &codecommit.GetFileInput{RepositoryName: name, FilePath: "f"}, "EncryptionKeyAccessDeniedException", "kms:Decrypt")
	}
	refuse(t, codecommit.CreateRepository, plain, &codecommit.CreateRepositoryInput{RepositoryName: "new", KMSKeyID: key.ARN},
		"EncryptionKeyAccessDeniedException", "kms:GenerateDataKey")
	refuse(t, codecommit.UpdateRepositoryEncryptionKey, plain, &codecommit.UpdateRepositoryEncryptionKeyInput{RepositoryName: "managed", KMSKeyID: *key.ARN},
		"EncryptionKeyAccessDeniedException", "kms:Encrypt")
	do(t, kms.DisableKey, owner, &kms.DisableKeyInput{KeyID: key.KeyID})
	refuse(t, codecommit.GetFile, owner, &codecommit.GetFileInput{RepositoryName: "own", FilePath: "f"}, "EncryptionKeyDisabledException", *key.ARN)
}
