package codecommit

import (
	"errors"
	"fmt"
	"strings"

	api "drydock/api/codecommit"
	"drydock/aws"
	"drydock/engine/git"
)

func manualMerge() error {
	return api.NewManualMergeRequiredException("The pull request cannot be merged automatically into the destination branch. You must manually merge " +
		"the branches and resolve any conflicts.")
}

// merge is what the three merge operations have in common.
type merge struct {
	operation           string
	repository          string
	source, destination string
	target              *string
	level               *api.ConflictDetailLevelTypeEnum
	strategy            *api.ConflictResolutionStrategyTypeEnum
	resolution          *api.ConflictResolution
	keepFolders         *bool
	name, email         *string
	message             *string
	// option FAST_FORWARD_MERGE moves the branch to the source, SQUASH_MERGE makes a commit with one parent.
	option api.MergeOptionTypeEnum
}

func (in *merge) forward() bool { return in.option == api.MergeOptionTypeEnumFastForwardMerge }

// merge merges a commit into a branch and returns the branch's new commit and its tree.
func (s *Service) merge(call *aws.Call, in merge) (commit, tree *string, err error) {
	row, files, err := s.find(call, in.repository)
	if err != nil {
		return nil, nil, err
	}
	m, err := s.sides(call, files, in.source, in.destination)
	if err != nil {
		return nil, nil, err
	}
	target, err := s.mergeTarget(call, row, files, &in)
	if err != nil {
		return nil, nil, err
	}
	if target.ID != m.destination {
		return nil, nil, api.NewConcurrentReferenceUpdateException("The merge cannot be completed because the target branch %s is not at the "+
			"destination commit %s.", target.Branch(), m.destination)
	}
	update, err := s.carryOut(call, row, files, m, target, &in, nil)
	if err != nil {
		return nil, nil, err
	}
	made, err := files.Commit(call, update.New)
	if err != nil {
		return nil, nil, fmt.Errorf("read what was merged: %w", err)
	}
	return new(string(made.ID)), new(string(made.Tree)), nil
}

// carryOut merges into the branch target; about says what the note of the change holds beside the reference.
func (s *Service) carryOut(call *aws.Call, row *repository, files *git.Repository, m mergeSides, target git.Ref, in *merge, about func(*change)) (git.RefUpdate, error) {
	request, err := s.mergeRequest(call, files, m, in, target.Branch())
	if err != nil {
		return git.RefUpdate{}, err
	}
	if in.forward() && m.base != m.destination {
		return git.RefUpdate{}, manualMerge()
	}
	var update git.RefUpdate
	noted := move{Ref: target.Name, Old: string(target.ID), Open: true}
	if in.forward() {
		noted.New, noted.Open = string(m.source), false
	}
	err = s.changeRefAbout(call, row, noted, about, func() (git.RefUpdate, error) {
		if in.forward() {
			update, err = files.MergeFastForward(call, target.Branch(), target.ID, m.source)
			return update, err
		}
		done, err := files.MergeThreeWay(call, *request)
		if err == nil {
			update = done.Update
		}
		return update, err
	})
	switch {
	case errors.Is(err, git.ErrNotFastForward), errors.Is(err, git.ErrMergeConflict):
		return update, manualMerge()
	case errors.Is(err, git.ErrBranchMoved), errors.Is(err, git.ErrNotFound):
		return update, concurrentUpdate()
	case errors.As(err, new(*git.PathError)):
		return update, invalidResolution("%v", err)
	}
	return update, err
}

func concurrentUpdate() error {
	return api.NewConcurrentReferenceUpdateException("The merge cannot be completed because the target branch has been modified. " +
		"Another user might have modified the target branch while the merge was in progress. Wait a few minutes, and then try again.")
}

// mergeRequest is the commit that a merge makes, ManualMergeRequired when nobody decided what is in conflict.
func (s *Service) mergeRequest(call *aws.Call, files *git.Repository, m mergeSides, in *merge, branch string) (*git.MergeRequest, error) {
	j, err := judge(in.level, in.strategy)
	if err != nil {
		return nil, err
	}
	decided, err := decisions(in.resolution, j)
	if err != nil {
		return nil, err
	}
	author, err := signed(call, in.name, in.email)
	if err != nil {
		return nil, err
	}
	into := branch
	if into == "" {
		into = in.destination
	}
	message, err := messageOr(in.message, "Merge %s into %s", in.source, into)
	if err != nil || in.forward() {
		return nil, err
	}
	looked, err := s.look(call, files, m, j, decided != nil)
	if err != nil {
		return nil, err
	}
	changes, err := looked.decide(decided)
	if err != nil {
		return nil, err
	}
	return &git.MergeRequest{
		Branch: branch, Old: m.destination, Source: m.source, Tree: looked.tree, Changes: changes, KeepEmptyFolders: deref(in.keepFolders),
		Squash: in.option == api.MergeOptionTypeEnumSquashMerge, Author: author, Message: message,
	}, nil
}

// createUnreferencedMergeCommit makes the commit of a merge, to look at: no branch moves to it.
func (s *Service) createUnreferencedMergeCommit(call *aws.Call, in *api.CreateUnreferencedMergeCommitInput) (*api.CreateUnreferencedMergeCommitOutput, error) {
	if err := checkMergeOption(in.MergeOption); err != nil {
		return nil, err
	}
	if in.MergeOption == api.MergeOptionTypeEnumFastForwardMerge {
		return nil, invalidMergeOption()
	}
	_, files, err := s.find(call, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	m, err := s.sides(call, files, in.SourceCommitSpecifier, in.DestinationCommitSpecifier)
	if err != nil {
		return nil, err
	}
	request, err := s.mergeRequest(call, files, m, &merge{
		source: in.SourceCommitSpecifier, destination: in.DestinationCommitSpecifier, level: in.ConflictDetailLevel,
		strategy: in.ConflictResolutionStrategy, resolution: in.ConflictResolution, keepFolders: in.KeepEmptyFolders, name: in.AuthorName,
		email: in.Email, message: in.CommitMessage, option: in.MergeOption,
	}, "")
	if err != nil {
		return nil, err
	}
	made, err := files.MergeThreeWay(call, *request)
	if errors.As(err, new(*git.PathError)) {
		return nil, invalidResolution("%v", err)
	}
	if err != nil {
		return nil, err
	}
	return &api.CreateUnreferencedMergeCommitOutput{CommitID: new(string(made.Commit)), TreeID: new(string(made.Tree))}, nil
}

// mergeTarget is the branch that a merge moves: the one that is named, or else the destination, which must be a branch
// then. The caller was authorized for a named one only.
func (s *Service) mergeTarget(call *aws.Call, row *repository, files *git.Repository, in *merge) (git.Ref, error) {
	if in.target != nil {
		if err := checkBranchName(*in.target); err != nil {
			return git.Ref{}, err
		}
		return s.target(call, files, *in.target)
	}
	name := strings.TrimPrefix(in.destination, "refs/heads/")
	if checkBranchName(name) != nil {
		return git.Ref{}, api.NewBranchNameRequiredException("A branch name is required, but no branch name was specified.")
	}
	err := call.Cloud.Authorize(call, aws.Check{
		Action: "codecommit:" + in.operation, Resource: row.arn(), Keys: map[string][]string{"codecommit:References": {"refs/heads/" + name}},
	})
	if err != nil {
		return git.Ref{}, err
	}
	return s.target(call, files, name)
}

func (s *Service) mergeBranchesByFastForward(call *aws.Call, in *api.MergeBranchesByFastForwardInput) (*api.MergeBranchesByFastForwardOutput, error) {
	commit, tree, err := s.merge(call, merge{
		operation: "MergeBranchesByFastForward", repository: in.RepositoryName, source: in.SourceCommitSpecifier,
		destination: in.DestinationCommitSpecifier, target: in.TargetBranch, option: api.MergeOptionTypeEnumFastForwardMerge,
	})
	if err != nil {
		return nil, err
	}
	return &api.MergeBranchesByFastForwardOutput{CommitID: commit, TreeID: tree}, nil
}

func (s *Service) mergeBranchesBySquash(call *aws.Call, in *api.MergeBranchesBySquashInput) (*api.MergeBranchesBySquashOutput, error) {
	commit, tree, err := s.merge(call, merge{
		operation: "MergeBranchesBySquash", repository: in.RepositoryName, source: in.SourceCommitSpecifier,
		destination: in.DestinationCommitSpecifier, target: in.TargetBranch, level: in.ConflictDetailLevel, strategy: in.ConflictResolutionStrategy,
		name: in.AuthorName, email: in.Email, message: in.CommitMessage,
		resolution: in.ConflictResolution, keepFolders: in.KeepEmptyFolders, option: api.MergeOptionTypeEnumSquashMerge,
	})
	if err != nil {
		return nil, err
	}
	return &api.MergeBranchesBySquashOutput{CommitID: commit, TreeID: tree}, nil
}

func (s *Service) mergeBranchesByThreeWay(call *aws.Call, in *api.MergeBranchesByThreeWayInput) (*api.MergeBranchesByThreeWayOutput, error) {
	commit, tree, err := s.merge(call, merge{
		operation: "MergeBranchesByThreeWay", repository: in.RepositoryName, source: in.SourceCommitSpecifier,
		destination: in.DestinationCommitSpecifier, target: in.TargetBranch, level: in.ConflictDetailLevel, strategy: in.ConflictResolutionStrategy,
		name: in.AuthorName, email: in.Email, message: in.CommitMessage,
		resolution: in.ConflictResolution, keepFolders: in.KeepEmptyFolders, option: api.MergeOptionTypeEnumThreeWayMerge,
	})
	if err != nil {
		return nil, err
	}
	return &api.MergeBranchesByThreeWayOutput{CommitID: commit, TreeID: tree}, nil
}
