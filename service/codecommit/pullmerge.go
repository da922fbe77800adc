package codecommit

import (
	"errors"

	api "drydock/api/codecommit"
	"drydock/aws"
	"drydock/engine/git"
	"drydock/store"
)

// mergePull is what the three operations that merge a pull request have in common.
type mergePull struct {
	id           string
	repository   string
	sourceCommit *string
	merge
}

// mergePullRequest merges a pull request's source into its destination, and closes it.
func (s *Service) mergePullRequest(call *aws.Call, in mergePull) (*api.PullRequest, error) {
	number, err := pullRequestNumber(in.id)
	if err != nil {
		return nil, err
	}
	if err := checkRepositoryName(in.repository); err != nil {
		return nil, err
	}
	var p *pullRequest
	var row *repository
	err = s.DB.View(call, func(tx *store.Tx) (err error) {
		p, row, err = getPull(tx, call, number)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := authorize(call, row, p.Destination); err != nil {
		return nil, err
	}
	named, files, err := s.find(call, in.repository)
	if err != nil {
		return nil, err
	}
	if named.ID != row.ID {
		return nil, notAssociated()
	}
	if err := s.DB.View(call, func(tx *store.Tx) error { return mergeable(tx, p, p.Revision) }); err != nil {
		return nil, err
	}
	m, target, err := s.pullSides(call, files, p, in.sourceCommit)
	if err != nil {
		return nil, err
	}
	in.source, in.destination = branchName(p.Source), branchName(p.Destination)
	_, err = s.carryOut(call, row, files, m, target, &in.merge, func(c *change) {
		c.PullRequest, c.Revision, c.MergeOption = p.Number, p.Revision, in.option
	})
	if err != nil {
		return nil, err
	}
	err = s.DB.View(call, func(tx *store.Tx) (err error) {
		p, row, err = getPull(tx, call, number)
		return err
	})
	if err != nil {
		return nil, err
	}
	return p.show(row), nil
}

func notAssociated() error {
	return api.NewRepositoryNotAssociatedWithPullRequestException("The repository does not contain any pull requests with that pull request ID. Use " +
		"GetPullRequest to verify the correct repository name for the pull request ID.")
}

func branchName(ref string) string { return git.Ref{Name: ref}.Branch() }

// pullSides finds the commits to merge. The source has to be the one that the caller names, and that was approved.
func (s *Service) pullSides(call *aws.Call, files *git.Repository, p *pullRequest, wanted *string) (m mergeSides, target git.Ref, err error) {
	source, err := tip(call, files, p.Source)
	if err != nil {
		return m, target, err
	}
	if wanted != nil {
		id, err := git.ParseID(*wanted)
		if err != nil {
			return m, target, api.NewInvalidCommitIDException("The specified commit ID is not valid: %.100s", *wanted)
		}
		if id != source {
			return m, target, tipDiffers()
		}
	}
	if string(source) != p.SourceCommit { // a push that is yet to be followed up
		return m, target, tipDiffers()
	}
	target, err = files.Ref(call, p.Destination)
	if errors.Is(err, git.ErrNotFound) {
		return m, target, noReference(p.Destination)
	}
	if err != nil {
		return m, target, err
	}
	m, err = s.sides(call, files, string(source), string(target.ID))
	return m, target, err
}

func tipDiffers() error {
	return api.NewTipOfSourceReferenceIsDifferentException("The tip of the source branch in the destination repository does not match the tip of the source " +
		"branch specified in your request. The pull request might have been updated. Make sure that you have the latest changes.")
}

// mergeable tells whether a revision of a pull request may be merged now.
func mergeable(tx *store.Tx, p *pullRequest, revision string) error {
	if !p.open() {
		return pullRequestClosed()
	}
	if p.Revision != revision {
		return tipDiffers()
	}
	e, err := p.evaluate(tx)
	if err != nil {
		return err
	}
	if !e.approved() {
		return api.NewPullRequestApprovalRulesNotSatisfiedException("The pull request cannot be merged because one or more approval rules applied to the " +
			"pull request have conditions that have not been met.")
	}
	return nil
}

// mayMerge checks, in the transaction that notes the merge, that nothing has come in its way since it was looked at.
func (c *change) mayMerge(tx *store.Tx, row *repository) error {
	if c.PullRequest == 0 {
		return nil
	}
	p, err := pullRequests.Get(tx, store.K(row.Account, row.Region, c.PullRequest))
	if err != nil {
		return err
	}
	for other, err := range changes.Scan(tx, store.Range{Prefix: store.K(c.RepositoryID)}) {
		if err != nil {
			return err
		}
		if other.PullRequest == c.PullRequest {
			return concurrentUpdate()
		}
	}
	return mergeable(tx, p, c.Revision)
}

func (s *Service) mergePullRequestByFastForward(call *aws.Call, in *api.MergePullRequestByFastForwardInput) (*api.MergePullRequestByFastForwardOutput, error) {
	p, err := s.mergePullRequest(call, mergePull{
		id: in.PullRequestID, repository: in.RepositoryName, sourceCommit: in.SourceCommitID, merge: merge{option: api.MergeOptionTypeEnumFastForwardMerge},
	})
	if err != nil {
		return nil, err
	}
	return &api.MergePullRequestByFastForwardOutput{PullRequest: p}, nil
}

func (s *Service) mergePullRequestBySquash(call *aws.Call, in *api.MergePullRequestBySquashInput) (*api.MergePullRequestBySquashOutput, error) {
	p, err := s.mergePullRequest(call, mergePull{
		id: in.PullRequestID, repository: in.RepositoryName, sourceCommit: in.SourceCommitID, merge: merge{
			level: in.ConflictDetailLevel, strategy: in.ConflictResolutionStrategy, resolution: in.ConflictResolution, keepFolders: in.KeepEmptyFolders,
			name: in.AuthorName, email: in.Email, message: in.CommitMessage, option: api.MergeOptionTypeEnumSquashMerge,
		},
	})
	if err != nil {
		return nil, err
	}
	return &api.MergePullRequestBySquashOutput{PullRequest: p}, nil
}

func (s *Service) mergePullRequestByThreeWay(call *aws.Call, in *api.MergePullRequestByThreeWayInput) (*api.MergePullRequestByThreeWayOutput, error) {
	p, err := s.mergePullRequest(call, mergePull{
		id: in.PullRequestID, repository: in.RepositoryName, sourceCommit: in.SourceCommitID, merge: merge{
			level: in.ConflictDetailLevel, strategy: in.ConflictResolutionStrategy, resolution: in.ConflictResolution, keepFolders: in.KeepEmptyFolders,
			name: in.AuthorName, email: in.Email, message: in.CommitMessage, option: api.MergeOptionTypeEnumThreeWayMerge,
		},
	})
	if err != nil {
		return nil, err
	}
	return &api.MergePullRequestByThreeWayOutput{PullRequest: p}, nil
}
