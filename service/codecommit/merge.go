package codecommit

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	api "drydock/api/codecommit"
	"drydock/aws"
	"drydock/engine/git"
)

// mergeSides are the commits of a merge: source is merged into destination, base is their common ancestor.
type mergeSides struct{ source, destination, base git.ID }

// sides finds the commits of a merge.
func (s *Service) sides(call *aws.Call, files *git.Repository, source, destination string) (m mergeSides, err error) {
	if m.source, err = s.resolve(call, files, source); err != nil {
		return m, err
	}
	if m.destination, err = s.resolve(call, files, destination); err != nil {
		return m, err
	}
	m.base, err = files.MergeBase(call, m.source, m.destination)
	if errors.Is(err, git.ErrNotFound) {
		return m, api.NewTipsDivergenceExceededException("The divergence between the tips of the provided commit specifiers is too great to determine " +
			"whether there might be any merge conflicts: they have no common ancestor.")
	}
	return m, err
}

// detail is how closely conflicts are looked for.
func detail(level *api.ConflictDetailLevelTypeEnum, strategy *api.ConflictResolutionStrategyTypeEnum) (api.ConflictDetailLevelTypeEnum, error) {
	switch deref(strategy) {
	case "", api.ConflictResolutionStrategyTypeEnumNone, api.ConflictResolutionStrategyTypeEnumAcceptSource,
		api.ConflictResolutionStrategyTypeEnumAcceptDestination, api.ConflictResolutionStrategyTypeEnumAutomerge:
	default:
		return "", api.NewInvalidConflictResolutionStrategyException("The specified conflict resolution strategy is not valid.")
	}
	switch l := deref(level); l {
	case "":
		return api.ConflictDetailLevelTypeEnumFileLevel, nil
	case api.ConflictDetailLevelTypeEnumFileLevel, api.ConflictDetailLevelTypeEnumLineLevel:
		return l, nil
	default:
		return "", api.NewInvalidConflictDetailLevelException("The specified conflict detail level is not valid.")
	}
}

// conflicts lists the paths that keep two commits from being merged, in order. By file, a file that both sides changed
// in different ways is one; by line, only what git cannot merge.
func (s *Service) conflicts(call *aws.Call, files *git.Repository, m mergeSides, level api.ConflictDetailLevelTypeEnum) ([]string, error) {
	var paths []string
	if level == api.ConflictDetailLevelTypeEnumFileLevel {
		ours, _, err := files.Diff(call, git.DiffQuery{Before: m.base, After: m.destination})
		if err != nil {
			return nil, err
		}
		theirs, _, err := files.Diff(call, git.DiffQuery{Before: m.base, After: m.source})
		if err != nil {
			return nil, err
		}
		changed := make(map[string]git.Entry, len(ours))
		for _, d := range ours {
			path, entry := result(d)
			changed[path] = entry
		}
		for _, d := range theirs {
			path, entry := result(d)
			if other, both := changed[path]; both && (other.ID != entry.ID || other.Mode != entry.Mode) {
				paths = append(paths, path)
			}
		}
	}
	_, err := files.MergeTrees(call, m.destination, m.source)
	if conflict, ok := errors.AsType[*git.ConflictError](err); ok {
		paths = append(paths, conflict.Paths...)
	} else if err != nil {
		return nil, err
	}
	slices.Sort(paths)
	return slices.Compact(paths), nil
}

// result is the path of a difference and what is there in the end: nothing when it was deleted.
func result(d git.Difference) (path string, entry git.Entry) {
	if d.After == nil {
		return d.Before.Path, git.Entry{}
	}
	return d.After.Path, *d.After
}

func manualMerge() error {
	return api.NewManualMergeRequiredException("The pull request cannot be merged automatically into the destination branch. You must manually merge " +
		"the branches and resolve any conflicts.")
}

// getMergeOptions tells in which ways two commits can be merged.
func (s *Service) getMergeOptions(call *aws.Call, in *api.GetMergeOptionsInput) (*api.GetMergeOptionsOutput, error) {
	level, err := detail(in.ConflictDetailLevel, in.ConflictResolutionStrategy)
	if err != nil {
		return nil, err
	}
	_, files, err := s.find(call, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	m, err := s.sides(call, files, in.SourceCommitSpecifier, in.DestinationCommitSpecifier)
	if err != nil {
		return nil, err
	}
	out := &api.GetMergeOptionsOutput{
		MergeOptions: []api.MergeOptionTypeEnum{}, SourceCommitID: string(m.source), DestinationCommitID: string(m.destination), BaseCommitID: string(m.base),
	}
	if m.base == m.destination {
		out.MergeOptions = append(out.MergeOptions, api.MergeOptionTypeEnumFastForwardMerge)
	}
	conflicts, err := s.conflicts(call, files, m, level)
	if err != nil {
		return nil, err
	}
	if len(conflicts) == 0 {
		out.MergeOptions = append(out.MergeOptions, api.MergeOptionTypeEnumSquashMerge, api.MergeOptionTypeEnumThreeWayMerge)
	}
	return out, nil
}

// merge is what the three merge operations have in common.
type merge struct {
	operation           string
	repository          string
	source, destination string
	target              *string
	level               *api.ConflictDetailLevelTypeEnum
	strategy            *api.ConflictResolutionStrategyTypeEnum
	name, email         *string
	message             *string
	// forward moves the branch to the source, squash makes a commit with one parent.
	forward, squash bool
}

// merge merges a commit into a branch and returns the branch's new commit and its tree.
func (s *Service) merge(call *aws.Call, in merge) (commit, tree *string, err error) {
	level, err := detail(in.level, in.strategy)
	if err != nil {
		return nil, nil, err
	}
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
	author, err := signed(call, in.name, in.email)
	if err != nil {
		return nil, nil, err
	}
	message, err := messageOr(in.message, "Merge %s into %s", in.source, target.Branch())
	if err != nil {
		return nil, nil, err
	}
	if !in.forward {
		conflicts, err := s.conflicts(call, files, m, level)
		if err != nil {
			return nil, nil, err
		}
		if len(conflicts) > 0 {
			return nil, nil, manualMerge()
		}
	}
	var update git.RefUpdate
	noted := move{Ref: target.Name, Old: string(target.ID), Open: true}
	if in.forward {
		noted.New, noted.Open = string(m.source), false
	}
	err = s.changeRef(call, row, noted, func() (git.RefUpdate, error) {
		if in.forward {
			update, err = files.MergeFastForward(call, target.Branch(), target.ID, m.source)
			return update, err
		}
		done, err := files.MergeThreeWay(call, git.MergeRequest{
			Branch: target.Branch(), Old: target.ID, Source: m.source, Squash: in.squash, Author: author, Message: message,
		})
		if err == nil {
			update = done.Update
		}
		return update, err
	})
	switch {
	case errors.Is(err, git.ErrNotFastForward), errors.Is(err, git.ErrMergeConflict):
		return nil, nil, manualMerge()
	case errors.Is(err, git.ErrBranchMoved), errors.Is(err, git.ErrNotFound):
		return nil, nil, api.NewConcurrentReferenceUpdateException("The merge cannot be completed because the target branch has been modified. " +
			"Another user might have modified the target branch while the merge was in progress. Wait a few minutes, and then try again.")
	case err != nil:
		return nil, nil, err
	}
	made, err := files.Commit(call, update.New)
	if err != nil {
		return nil, nil, fmt.Errorf("read what was merged: %w", err)
	}
	return new(string(made.ID)), new(string(made.Tree)), nil
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
		destination: in.DestinationCommitSpecifier, target: in.TargetBranch, forward: true,
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
		name: in.AuthorName, email: in.Email, message: in.CommitMessage, squash: true,
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
	})
	if err != nil {
		return nil, err
	}
	return &api.MergeBranchesByThreeWayOutput{CommitID: commit, TreeID: tree}, nil
}
