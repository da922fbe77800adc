package protocoltest

import (
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"drydock/api/codecommit"
	"drydock/aws"
	"drydock/clock"
	"drydock/service/servicetest"
)

const (
	outsideRepository = "outside"
	closedPull        = "The pull request status cannot be updated because it is already closed."
	differentTip      = "The tip of the source branch in the destination repository does not match the tip of the source branch specified in your request. " +
		"The pull request might have been updated. Make sure that you have the latest changes."
	oldRevision = "The revision ID provided in the request does not match the current revision ID. Use GetPullRequest to retrieve the current revision ID."
	usedToken   = "The client request token is not valid. Either the token is not in a valid format, or the token has been used in a previous request and cannot be reused."
)

func codecommitConflicts(t *testing.T, f *fixture) []conflict {
	t.Helper()
	cases := codecommitNames(t, f)
	cases = append(cases, codecommitEdits(t, f)...)
	return append(cases, codecommitPulls(t, f)...)
}

// refused is a case of a code with status 400.
func refused(op *aws.Operation, there string, in any, code, message string) conflict {
	return conflict{there: there, op: op, in: in, status: 400, code: code, message: message}
}

// heads are the commits of the fixture's branches.
func (f *fixture) heads(t *testing.T) (main, topic string) {
	t.Helper()
	head := func(name string) string {
		return *have(t, codecommit.GetBranch, f.call, &codecommit.GetBranchInput{RepositoryName: new("repository"), BranchName: &name}).Branch.CommitID
	}
	return head("main"), head("topic")
}

func codecommitNames(t *testing.T, f *fixture) []conflict {
	t.Helper()
	call := f.call
	main, topic := f.heads(t)
	have(t, codecommit.CreateRepository, call, &codecommit.CreateRepositoryInput{RepositoryName: outsideRepository})
	for _, name := range []string{"taken", "other"} {
		have(t, codecommit.CreateApprovalRuleTemplate, call, &codecommit.CreateApprovalRuleTemplateInput{ApprovalRuleTemplateName: name, ApprovalRuleTemplateContent: approvalRule})
	}
	have(t, codecommit.AssociateApprovalRuleTemplateWithRepository, call, &codecommit.AssociateApprovalRuleTemplateWithRepositoryInput{
		ApprovalRuleTemplateName: "taken", RepositoryName: outsideRepository,
	})
	const (
		branch   = "The specified branch name already exists: topic"
		template = "You cannot create an approval rule template with that name because a template with that name already exists in this AWS Region for your AWS account. " +
			"Approval rule template names must be unique."
	)
	return []conflict{
		refused(codecommit.CreateRepository.Operation, "the name", &codecommit.CreateRepositoryInput{RepositoryName: "repository"},
			"RepositoryNameExistsException", "Repository named repository already exists"),
		refused(codecommit.UpdateRepositoryName.Operation, "the name", &codecommit.UpdateRepositoryNameInput{OldName: "repository", NewName: outsideRepository},
			"RepositoryNameExistsException", "Repository named outside already exists"),
		refused(codecommit.UpdateRepositoryName.Operation, "its own name", &codecommit.UpdateRepositoryNameInput{OldName: outsideRepository, NewName: outsideRepository},
			"RepositoryNameExistsException", "Repository named outside already exists"),
		{there: "another in case", op: codecommit.CreateRepository.Operation, in: &codecommit.CreateRepositoryInput{RepositoryName: "Repository"}, status: 200, body: "Repository"},
		refused(codecommit.CreateBranch.Operation, "the branch", &codecommit.CreateBranchInput{RepositoryName: "repository", BranchName: "topic", CommitID: topic},
			"BranchNameExistsException", branch),
		refused(codecommit.CreateBranch.Operation, "the branch elsewhere", &codecommit.CreateBranchInput{RepositoryName: "repository", BranchName: "topic", CommitID: main},
			"BranchNameExistsException", branch),
		refused(codecommit.DeleteBranch.Operation, "the default", &codecommit.DeleteBranchInput{RepositoryName: "repository", BranchName: "main"},
			"DefaultBranchCannotBeDeletedException",
			"The specified branch is the default branch for the repository, and cannot be deleted. To delete this branch, you must first set another branch as the default branch."),
		refused(codecommit.CreateApprovalRuleTemplate.Operation, "the name", &codecommit.CreateApprovalRuleTemplateInput{
			ApprovalRuleTemplateName: "taken", ApprovalRuleTemplateContent: approvalRule,
		}, "ApprovalRuleTemplateNameAlreadyExistsException", template),
		refused(codecommit.UpdateApprovalRuleTemplateName.Operation, "the name", &codecommit.UpdateApprovalRuleTemplateNameInput{
			OldApprovalRuleTemplateName: "other", NewApprovalRuleTemplateName: "taken",
		}, "ApprovalRuleTemplateNameAlreadyExistsException", template),
		refused(codecommit.DeleteApprovalRuleTemplate.Operation, "a repository", &codecommit.DeleteApprovalRuleTemplateInput{ApprovalRuleTemplateName: "taken"},
			"ApprovalRuleTemplateInUseException", "The approval rule template is associated with one or more repositories. You cannot delete a template that is "+
				"associated with a repository. Remove all associations, and then try again."),
		{there: "the association", op: codecommit.AssociateApprovalRuleTemplateWithRepository.Operation, in: &codecommit.AssociateApprovalRuleTemplateWithRepositoryInput{
			ApprovalRuleTemplateName: "taken", RepositoryName: outsideRepository,
		}, status: 200},
		{there: "the association", op: codecommit.BatchAssociateApprovalRuleTemplateWithRepositories.Operation, in: &codecommit.BatchAssociateApprovalRuleTemplateWithRepositoriesInput{
			ApprovalRuleTemplateName: "taken", RepositoryNames: []string{outsideRepository},
		}, status: 200, body: `"errors":[]`},
	}
}

// push has git put a tag "v1", and a submodule "sub" on the branch "modules", into the fixture's repository.
func (f *fixture) push(t *testing.T) {
	t.Helper()
	u, err := url.Parse(f.URL(t) + "/v1/repos/repository")
	if err != nil {
		t.Fatal(err)
	}
	// The AWS CLI's credential helper makes such a password; for keys of local convenience its signature is not checked.
	u.User = url.UserPassword(servicetest.Account, clock.Wall().UTC().Format("20060102T150405Z")+strings.Repeat("0", 64))
	dir := t.TempDir()
	main, _ := f.heads(t)
	for _, args := range [][]string{
		{"clone", "--quiet", u.String(), "."},
		{"checkout", "--quiet", "-b", "modules"},
		{"update-index", "--add", "--cacheinfo", "160000," + main + ",sub"},
		{"commit", "--quiet", "-m", "submodule"},
		{"tag", "v1", main},
		{"push", "--quiet", "origin", "modules", "v1"},
	} {
		cmd := exec.CommandContext(t.Context(), "git", args...)
		cmd.Dir = dir
		cmd.Env = []string{
			"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
			"GIT_AUTHOR_NAME=Ann", "GIT_AUTHOR_EMAIL=ann@example.com", "GIT_COMMITTER_NAME=Ann", "GIT_COMMITTER_EMAIL=ann@example.com",
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", args[0], err, out)
		}
	}
}

// codecommitEdits are the commits that find the branch elsewhere, or files where they want folders.
func codecommitEdits(t *testing.T, f *fixture) []conflict {
	t.Helper()
	f.push(t)
	old, topic := f.heads(t)
	put := func(branch, path, content, parent string) *codecommit.PutFileInput {
		return &codecommit.PutFileInput{RepositoryName: "repository", BranchName: branch, FilePath: path, FileContent: []byte(content), ParentCommitID: &parent}
	}
	// The pull request's destination stays: edits are made on a branch of their own.
	have(t, codecommit.CreateBranch, f.call, &codecommit.CreateBranchInput{RepositoryName: "repository", BranchName: "edits", CommitID: old})
	head := have(t, codecommit.PutFile, f.call, put("edits", "folder/file", "1", old)).CommitID
	modules := *have(t, codecommit.GetBranch, f.call, &codecommit.GetBranchInput{RepositoryName: new("repository"), BranchName: new("modules")}).Branch.CommitID
	commit := func(branch, parent string, paths ...string) *codecommit.CreateCommitInput {
		in := &codecommit.CreateCommitInput{RepositoryName: "repository", BranchName: branch, ParentCommitID: &parent}
		for _, path := range paths {
			in.PutFiles = append(in.PutFiles, codecommit.PutFileEntry{FilePath: path, FileContent: []byte("1")})
		}
		return in
	}
	remove := func(branch, parent string) *codecommit.DeleteFileInput {
		return &codecommit.DeleteFileInput{RepositoryName: "repository", BranchName: branch, FilePath: "a", ParentCommitID: parent}
	}
	const (
		isTag     = "The specified branch name is not valid because it is a tag name: v1"
		isFolder  = "A file cannot be added to the repository because the specified file name has the same name as a directory in this repository: folder"
		isFile    = "A file cannot be added to the repository because the specified path name has the same name as a file that already exists in this repository: a"
		submodule = "The commit cannot be created because a specified file path points to a submodule: sub"
	)
	moved := "The parent commit ID " + old + " is outdated. It is not the latest commit on branch edits."
	createCommit, putFile := codecommit.CreateCommit.Operation, codecommit.PutFile.Operation
	cases := []conflict{
		refused(createCommit, "a later commit", commit("edits", old, "new"), "ParentCommitIdOutdatedException", moved),
		refused(putFile, "a later commit", put("edits", "new", "1", old), "ParentCommitIdOutdatedException", moved),
		refused(codecommit.DeleteFile.Operation, "a later commit", remove("edits", old), "ParentCommitIdOutdatedException", moved),
		refused(createCommit, "a tag", commit("v1", old, "new"), "BranchNameIsTagNameException", isTag),
		refused(putFile, "a tag", put("v1", "new", "1", old), "BranchNameIsTagNameException", isTag),
		refused(codecommit.DeleteFile.Operation, "a tag", remove("v1", old), "BranchNameIsTagNameException", isTag),
		refused(createCommit, "a folder", commit("edits", head, "folder"), "FileNameConflictsWithDirectoryNameException", isFolder),
		refused(putFile, "a folder", put("edits", "folder", "1", head), "FileNameConflictsWithDirectoryNameException", isFolder),
		refused(createCommit, "a file", commit("edits", head, "a/b"), "DirectoryNameConflictsWithFileNameException", isFile),
		refused(putFile, "a file", put("edits", "a/b", "1", head), "DirectoryNameConflictsWithFileNameException", isFile),
		refused(createCommit, "a submodule", commit("modules", modules, "sub/b"), "FilePathConflictsWithSubmodulePathException", submodule),
		refused(putFile, "a submodule", put("modules", "sub", "1", modules), "FilePathConflictsWithSubmodulePathException", submodule),
		refused(createCommit, "a file of its own", commit("edits", head, "x", "x/y"), "PutFileEntryConflictException",
			"The commit cannot be created because one or more files specified in the commit reference both a file and a folder: x"),
		refused(createCommit, "the content", commit("edits", head, "a"), "NoChangeException",
			"The commit cannot be created because no changes will be made to the repository as a result of this commit. A commit must contain at least one change."),
		refused(putFile, "the content", put("edits", "a", "1", head), "SameFileContentException",
			"The file was not added or updated because the content of the file is exactly the same as the content of that file in the repository and branch that you specified."),
	}
	elsewhere := "The merge cannot be completed because the target branch edits is not at the destination commit " + old + "."
	for _, target := range []string{"edits", "v1"} {
		for op, in := range map[*aws.Operation]any{
			codecommit.MergeBranchesByFastForward.Operation: &codecommit.MergeBranchesByFastForwardInput{
				RepositoryName: "repository", SourceCommitSpecifier: topic, DestinationCommitSpecifier: old, TargetBranch: &target,
			},
			codecommit.MergeBranchesBySquash.Operation: &codecommit.MergeBranchesBySquashInput{
				RepositoryName: "repository", SourceCommitSpecifier: topic, DestinationCommitSpecifier: old, TargetBranch: &target,
			},
			codecommit.MergeBranchesByThreeWay.Operation: &codecommit.MergeBranchesByThreeWayInput{
				RepositoryName: "repository", SourceCommitSpecifier: topic, DestinationCommitSpecifier: old, TargetBranch: &target,
			},
		} {
			if target == "v1" {
				cases = append(cases, refused(op, "a tag", in, "BranchNameIsTagNameException", isTag))
			} else {
				cases = append(cases, refused(op, "a later commit", in, "ConcurrentReferenceUpdateException", elsewhere))
			}
		}
	}
	return cases
}

// codecommitPulls are pull requests that are closed, have moved on, or were made by the same token.
func codecommitPulls(t *testing.T, f *fixture) []conflict {
	t.Helper()
	call := f.call
	main, topic := f.heads(t)
	targets := []codecommit.Target{{RepositoryName: "repository", SourceReference: "topic", DestinationReference: new("main")}}
	pull := func(token string) codecommit.PullRequest {
		t.Helper()
		return have(t, codecommit.CreatePullRequest, call, &codecommit.CreatePullRequestInput{Title: "title", Targets: targets, ClientRequestToken: new(token)}).PullRequest
	}
	have(t, codecommit.AssociateApprovalRuleTemplateWithRepository, call, &codecommit.AssociateApprovalRuleTemplateWithRepositoryInput{
		ApprovalRuleTemplateName: "other", RepositoryName: "repository",
	})
	open, shut := pull("token"), pull("shut")
	have(t, codecommit.UpdatePullRequestStatus, call, &codecommit.UpdatePullRequestStatusInput{PullRequestID: *shut.PullRequestID, PullRequestStatus: codecommit.PullRequestStatusEnumClosed})
	have(t, codecommit.OverridePullRequestApprovalRules, call, &codecommit.OverridePullRequestApprovalRulesInput{
		PullRequestID: *open.PullRequestID, RevisionID: *open.RevisionID, OverrideStatus: codecommit.OverrideStatusOverride,
	})
	compared := &codecommit.PostCommentForComparedCommitInput{
		RepositoryName: "repository", BeforeCommitID: &main, AfterCommitID: topic, Content: "content", ClientRequestToken: new("compared"),
	}
	pulled := &codecommit.PostCommentForPullRequestInput{
		PullRequestID: *open.PullRequestID, RepositoryName: "repository", BeforeCommitID: main, AfterCommitID: topic, Content: "content", ClientRequestToken: new("pulled"),
	}
	comment := *have(t, codecommit.PostCommentForComparedCommit, call, compared).Comment.CommentID
	have(t, codecommit.PostCommentForPullRequest, call, pulled)
	reply := &codecommit.PostCommentReplyInput{InReplyTo: comment, Content: "content", ClientRequestToken: new("reply")}
	have(t, codecommit.PostCommentReply, call, reply)
	otherCompared, otherPulled, otherReply := *compared, *pulled, *reply
	otherCompared.Content, otherPulled.Content, otherReply.Content = "other", "other", "other"

	deleted := *have(t, codecommit.PostCommentReply, call, &codecommit.PostCommentReplyInput{InReplyTo: comment, Content: "content"}).Comment.CommentID
	have(t, codecommit.DeleteCommentContent, call, &codecommit.DeleteCommentContentInput{CommentID: deleted})

	const past = "0000000000000000000000000000000000000000000000000000000000000000"
	cases := []conflict{
		refused(codecommit.CreatePullRequestApprovalRule.Operation, "the rule", &codecommit.CreatePullRequestApprovalRuleInput{
			PullRequestID: f.texts["codecommit.pullRequestId"], ApprovalRuleName: "rule", ApprovalRuleContent: approvalRule,
		}, "ApprovalRuleNameAlreadyExistsException", "An approval rule with that name already exists. Approval rule names must be unique within the scope of a pull request."),
		refused(codecommit.UpdatePullRequestApprovalRuleContent.Operation, "its template", &codecommit.UpdatePullRequestApprovalRuleContentInput{
			PullRequestID: *open.PullRequestID, ApprovalRuleName: "other", NewRuleContent: approvalRule,
		}, "CannotModifyApprovalRuleFromTemplateException",
			"The approval rule cannot be modified for the pull request because it was created by an approval rule template and applied to the pull request automatically."),
		refused(codecommit.DeletePullRequestApprovalRule.Operation, "its template", &codecommit.DeletePullRequestApprovalRuleInput{PullRequestID: *open.PullRequestID, ApprovalRuleName: "other"},
			"CannotDeleteApprovalRuleFromTemplateException",
			"The approval rule cannot be deleted from the pull request because it was created by an approval rule template and applied to the pull request automatically."),
		refused(codecommit.OverridePullRequestApprovalRules.Operation, "the override", &codecommit.OverridePullRequestApprovalRulesInput{
			PullRequestID: *open.PullRequestID, RevisionID: *open.RevisionID, OverrideStatus: codecommit.OverrideStatusOverride,
		}, "OverrideAlreadySetException", "The pull request has already had its approval rules set to override."),
		refused(codecommit.UpdatePullRequestStatus.Operation, "it closed", &codecommit.UpdatePullRequestStatusInput{
			PullRequestID: *shut.PullRequestID, PullRequestStatus: codecommit.PullRequestStatusEnumOpen,
		}, "InvalidPullRequestStatusUpdateException", "The pull request status update is not valid. The only valid update is from OPEN to CLOSED."),
		refused(codecommit.CreatePullRequest.Operation, "the token", &codecommit.CreatePullRequestInput{Title: "other", Targets: targets, ClientRequestToken: new("token")},
			"IdempotencyParameterMismatchException", usedToken),
		{there: "itself", op: codecommit.CreatePullRequest.Operation, in: &codecommit.CreatePullRequestInput{Title: "title", Targets: targets, ClientRequestToken: new("token")},
			status: 200, body: `"pullRequestId":"` + *open.PullRequestID + `"`},
		refused(codecommit.PostCommentForComparedCommit.Operation, "the token", &otherCompared, "IdempotencyParameterMismatchException", usedToken),
		refused(codecommit.PostCommentForPullRequest.Operation, "the token", &otherPulled, "IdempotencyParameterMismatchException", usedToken),
		refused(codecommit.PostCommentReply.Operation, "the token", &otherReply, "IdempotencyParameterMismatchException", usedToken),
		{there: "itself", op: codecommit.PostCommentForComparedCommit.Operation, in: compared, status: 200, body: comment},
		refused(codecommit.EvaluatePullRequestApprovalRules.Operation, "another revision", &codecommit.EvaluatePullRequestApprovalRulesInput{
			PullRequestID: *open.PullRequestID, RevisionID: past,
		}, "RevisionNotCurrentException", oldRevision),
		refused(codecommit.UpdatePullRequestApprovalState.Operation, "another revision", &codecommit.UpdatePullRequestApprovalStateInput{
			PullRequestID: *open.PullRequestID, RevisionID: past, ApprovalState: codecommit.ApprovalStateApprove,
		}, "RevisionNotCurrentException", oldRevision),
		refused(codecommit.UpdatePullRequestApprovalState.Operation, "its author", &codecommit.UpdatePullRequestApprovalStateInput{
			PullRequestID: *open.PullRequestID, RevisionID: *open.RevisionID, ApprovalState: codecommit.ApprovalStateApprove,
		}, "PullRequestCannotBeApprovedByAuthorException", "The approval cannot be applied because the user approving the pull request matches the user who created "+
			"the pull request. You cannot approve a pull request that you created."),
		refused(codecommit.OverridePullRequestApprovalRules.Operation, "another revision", &codecommit.OverridePullRequestApprovalRulesInput{
			PullRequestID: *open.PullRequestID, RevisionID: past, OverrideStatus: codecommit.OverrideStatusOverride,
		}, "RevisionNotCurrentException", oldRevision),
	}
	for id, answer := range map[*string][]string{shut.PullRequestID: {"it closed", "PullRequestAlreadyClosedException", closedPull}, open.PullRequestID: {"another tip", "TipOfSourceReferenceIsDifferentException", differentTip}} {
		source := &main
		if id == shut.PullRequestID {
			source = nil
		}
		cases = append(cases,
			refused(codecommit.MergePullRequestByFastForward.Operation, answer[0], &codecommit.MergePullRequestByFastForwardInput{
				PullRequestID: *id, RepositoryName: "repository", SourceCommitID: source,
			}, answer[1], answer[2]),
			refused(codecommit.MergePullRequestBySquash.Operation, answer[0], &codecommit.MergePullRequestBySquashInput{
				PullRequestID: *id, RepositoryName: "repository", SourceCommitID: source,
			}, answer[1], answer[2]),
			refused(codecommit.MergePullRequestByThreeWay.Operation, answer[0], &codecommit.MergePullRequestByThreeWayInput{
				PullRequestID: *id, RepositoryName: "repository", SourceCommitID: source,
			}, answer[1], answer[2]))
	}
	id := *shut.PullRequestID
	for op, in := range map[*aws.Operation]any{
		codecommit.UpdatePullRequestTitle.Operation:       &codecommit.UpdatePullRequestTitleInput{PullRequestID: id, Title: "other"},
		codecommit.UpdatePullRequestDescription.Operation: &codecommit.UpdatePullRequestDescriptionInput{PullRequestID: id, Description: "other"},
		codecommit.CreatePullRequestApprovalRule.Operation: &codecommit.CreatePullRequestApprovalRuleInput{
			PullRequestID: id, ApprovalRuleName: "rule", ApprovalRuleContent: approvalRule,
		},
		codecommit.UpdatePullRequestApprovalRuleContent.Operation: &codecommit.UpdatePullRequestApprovalRuleContentInput{
			PullRequestID: id, ApprovalRuleName: "rule", NewRuleContent: approvalRule,
		},
		codecommit.DeletePullRequestApprovalRule.Operation: &codecommit.DeletePullRequestApprovalRuleInput{PullRequestID: id, ApprovalRuleName: "rule"},
		codecommit.UpdatePullRequestApprovalState.Operation: &codecommit.UpdatePullRequestApprovalStateInput{
			PullRequestID: id, RevisionID: *shut.RevisionID, ApprovalState: codecommit.ApprovalStateApprove,
		},
		codecommit.OverridePullRequestApprovalRules.Operation: &codecommit.OverridePullRequestApprovalRulesInput{
			PullRequestID: id, RevisionID: *shut.RevisionID, OverrideStatus: codecommit.OverrideStatusOverride,
		},
	} {
		cases = append(cases, refused(op, "it closed", in, "PullRequestAlreadyClosedException", closedPull))
	}
	for op, in := range map[*aws.Operation]any{
		codecommit.GetComment.Operation:           &codecommit.GetCommentInput{CommentID: deleted},
		codecommit.UpdateComment.Operation:        &codecommit.UpdateCommentInput{CommentID: deleted, Content: "other"},
		codecommit.DeleteCommentContent.Operation: &codecommit.DeleteCommentContentInput{CommentID: deleted},
		codecommit.PutCommentReaction.Operation:   &codecommit.PutCommentReactionInput{CommentID: deleted, ReactionValue: ":thumbsup:"},
		codecommit.GetCommentReactions.Operation:  &codecommit.GetCommentReactionsInput{CommentID: deleted},
	} {
		cases = append(cases, refused(op, "its deletion", in, "CommentDeletedException",
			"This comment has already been deleted. You cannot edit or delete a deleted comment."))
	}
	return cases
}
