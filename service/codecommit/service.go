package codecommit

import (
	"context"
	"errors"
	"path/filepath"
	"sync"

	api "drydock/api/codecommit"
	"drydock/aws"
	"drydock/engine/git"
	"drydock/service"
	"drydock/task"
)

// Service is CodeCommit.
type Service struct {
	service.Deps
	git    *git.Engine
	follow followers

	working sync.WaitGroup // the work on files beside requests
	ended   context.Context
	end     context.CancelFunc

	mu sync.Mutex // guards ended against work that begins
}

// New returns the service's module. It keeps its repositories in the folder "codecommit" of the data directory.
func New(d service.Deps) service.Module { return newService(d).module() }

func newService(d service.Deps) *Service {
	s := &Service{Deps: d, git: git.New(filepath.Join(d.Dir, "codecommit"), d.Log)}
	s.ended, s.end = context.WithCancel(context.Background())
	return s
}

func (s *Service) module() service.Module {
	return service.Module{
		API:        api.API,
		Operations: s.operations(),
		Tasks: []task.Kind{
			{Name: taskDelete, Reconcile: s.deleteFiles, Long: true},
			{Name: taskCompact, Reconcile: s.compact, Long: true},
		},
		DataPlanes: []service.DataPlane{{Prefix: planePrefix, Realm: "CodeCommit", Serve: s.serveGit}},
		SSH:        s.serveSSH,
		Resources:  s.resourceTypes(),
		Facts:      s.facts,
		Start:      s.start,
		Stop:       s.stop,
	}
}

// start reports the changes of references that a crash kept from being reported, and begins to remove its leftovers.
func (s *Service) start(ctx context.Context) error {
	if err := s.recoverChanges(ctx); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	s.working.Go(func() {
		err := s.work(ctx, s.git.Sweep)
		if err != nil && !errors.Is(err, context.Canceled) {
			s.Log.WarnContext(ctx, "temporary git files remain", "error", err)
		}
	})
	return nil
}

// work does something with files that the service's stop ends early and waits for.
func (s *Service) work(ctx context.Context, do func(context.Context) error) error {
	s.mu.Lock()
	if s.ended.Err() != nil {
		s.mu.Unlock()
		return context.Canceled
	}
	s.working.Add(1)
	s.mu.Unlock()
	defer s.working.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.ended, cancel)()
	return do(ctx)
}

func (s *Service) stop(context.Context) error {
	s.mu.Lock()
	s.end()
	s.mu.Unlock()
	s.working.Wait()
	return s.git.Close()
}

// operations is the table of what the service carries out.
func (s *Service) operations() []aws.Handler {
	return []aws.Handler{
		api.CreateRepository.Handle(s.createRepository),
		api.GetRepository.Handle(s.getRepository),
		api.BatchGetRepositories.Handle(s.batchGetRepositories),
		api.ListRepositories.Handle(s.listRepositories),
		api.UpdateRepositoryName.Handle(s.updateRepositoryName),
		api.UpdateRepositoryDescription.Handle(s.updateRepositoryDescription),
		api.UpdateRepositoryEncryptionKey.Handle(s.updateRepositoryEncryptionKey),
		api.DeleteRepository.Handle(s.deleteRepository),

		api.TagResource.Handle(s.tagResource),
		api.UntagResource.Handle(s.untagResource),
		api.ListTagsForResource.Handle(s.listTagsForResource),

		api.CreateBranch.Handle(s.createBranch),
		api.GetBranch.Handle(s.getBranch),
		api.ListBranches.Handle(s.listBranches),
		api.UpdateDefaultBranch.Handle(s.updateDefaultBranch),
		api.DeleteBranch.Handle(s.deleteBranch),

		api.CreateCommit.Handle(s.createCommit),
		api.PutFile.Handle(s.putFile),
		api.DeleteFile.Handle(s.deleteFile),
		api.GetCommit.Handle(s.getCommit),
		api.BatchGetCommits.Handle(s.batchGetCommits),
		api.GetDifferences.Handle(s.getDifferences),
		api.ListFileCommitHistory.Handle(s.listFileCommitHistory),

		api.GetFile.Handle(s.getFile),
		api.GetFolder.Handle(s.getFolder),
		api.GetBlob.Handle(s.getBlob),

		api.GetMergeOptions.Handle(s.getMergeOptions),
		api.GetMergeConflicts.Handle(s.getMergeConflicts),
		api.DescribeMergeConflicts.Handle(s.describeMergeConflicts),
		api.BatchDescribeMergeConflicts.Handle(s.batchDescribeMergeConflicts),
		api.GetMergeCommit.Handle(s.getMergeCommit),
		api.CreateUnreferencedMergeCommit.Handle(s.createUnreferencedMergeCommit),
		api.MergeBranchesByFastForward.Handle(s.mergeBranchesByFastForward),
		api.MergeBranchesBySquash.Handle(s.mergeBranchesBySquash),
		api.MergeBranchesByThreeWay.Handle(s.mergeBranchesByThreeWay),

		api.CreatePullRequest.Handle(s.createPullRequest),
		api.GetPullRequest.Handle(s.getPullRequest),
		api.ListPullRequests.Handle(s.listPullRequests),
		api.UpdatePullRequestTitle.Handle(s.updatePullRequestTitle),
		api.UpdatePullRequestDescription.Handle(s.updatePullRequestDescription),
		api.UpdatePullRequestStatus.Handle(s.updatePullRequestStatus),
		api.MergePullRequestByFastForward.Handle(s.mergePullRequestByFastForward),
		api.MergePullRequestBySquash.Handle(s.mergePullRequestBySquash),
		api.MergePullRequestByThreeWay.Handle(s.mergePullRequestByThreeWay),
		api.DescribePullRequestEvents.Handle(s.describePullRequestEvents),

		api.CreatePullRequestApprovalRule.Handle(s.createPullRequestApprovalRule),
		api.UpdatePullRequestApprovalRuleContent.Handle(s.updatePullRequestApprovalRuleContent),
		api.DeletePullRequestApprovalRule.Handle(s.deletePullRequestApprovalRule),
		api.UpdatePullRequestApprovalState.Handle(s.updatePullRequestApprovalState),
		api.GetPullRequestApprovalStates.Handle(s.getPullRequestApprovalStates),
		api.EvaluatePullRequestApprovalRules.Handle(s.evaluatePullRequestApprovalRules),
		api.OverridePullRequestApprovalRules.Handle(s.overridePullRequestApprovalRules),
		api.GetPullRequestOverrideState.Handle(s.getPullRequestOverrideState),

		api.CreateApprovalRuleTemplate.Handle(s.createApprovalRuleTemplate),
		api.GetApprovalRuleTemplate.Handle(s.getApprovalRuleTemplate),
		api.ListApprovalRuleTemplates.Handle(s.listApprovalRuleTemplates),
		api.UpdateApprovalRuleTemplateContent.Handle(s.updateApprovalRuleTemplateContent),
		api.UpdateApprovalRuleTemplateDescription.Handle(s.updateApprovalRuleTemplateDescription),
		api.UpdateApprovalRuleTemplateName.Handle(s.updateApprovalRuleTemplateName),
		api.DeleteApprovalRuleTemplate.Handle(s.deleteApprovalRuleTemplate),
		api.AssociateApprovalRuleTemplateWithRepository.Handle(s.associateApprovalRuleTemplateWithRepository),
		api.BatchAssociateApprovalRuleTemplateWithRepositories.Handle(s.batchAssociateApprovalRuleTemplateWithRepositories),
		api.ListAssociatedApprovalRuleTemplatesForRepository.Handle(s.listAssociatedApprovalRuleTemplatesForRepository),
		api.ListRepositoriesForApprovalRuleTemplate.Handle(s.listRepositoriesForApprovalRuleTemplate),
		api.DisassociateApprovalRuleTemplateFromRepository.Handle(s.disassociateApprovalRuleTemplateFromRepository),
		api.BatchDisassociateApprovalRuleTemplateFromRepositories.Handle(s.batchDisassociateApprovalRuleTemplateFromRepositories),

		api.PostCommentForComparedCommit.Handle(s.postCommentForComparedCommit),
		api.PostCommentForPullRequest.Handle(s.postCommentForPullRequest),
		api.PostCommentReply.Handle(s.postCommentReply),
		api.GetComment.Handle(s.getComment),
		api.GetCommentsForComparedCommit.Handle(s.getCommentsForComparedCommit),
		api.GetCommentsForPullRequest.Handle(s.getCommentsForPullRequest),
		api.UpdateComment.Handle(s.updateComment),
		api.DeleteCommentContent.Handle(s.deleteCommentContent),
		api.PutCommentReaction.Handle(s.putCommentReaction),
		api.GetCommentReactions.Handle(s.getCommentReactions),

		api.PutRepositoryTriggers.Handle(s.putRepositoryTriggers),
		api.GetRepositoryTriggers.Handle(s.getRepositoryTriggers),
		api.TestRepositoryTriggers.Handle(s.testRepositoryTriggers),
	}
}
