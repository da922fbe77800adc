package codecommit

import (
	"errors"
	"fmt"

	api "drydock/api/codecommit"
	"drydock/aws"
	"drydock/engine/git"
	"drydock/store"
)

func checkBranchName(name string) error {
	if name == "" {
		return api.NewBranchNameRequiredException("A branch name is required, but no branch name was specified.")
	}
	// A branch named like a commit could not be told from it.
	if _, err := git.ParseID(name); err == nil || len(name) > maxBranchLength || !git.ValidBranchName(name) {
		return api.NewInvalidBranchNameException("The specified branch name is not valid: %.300s", name)
	}
	return nil
}

func noBranch(name string) error {
	return api.NewBranchDoesNotExistException("Branch %s does not exist", name)
}

// branch returns a branch of a repository whose name has been checked.
func (s *Service) branch(call *aws.Call, files *git.Repository, name string) (git.Ref, error) {
	ref, err := files.Branch(call, name)
	if errors.Is(err, git.ErrNotFound) {
		return ref, noBranch(name)
	}
	return ref, err
}

// target returns a branch that is to be committed or merged to; a tag of that name has an error of its own.
func (s *Service) target(call *aws.Call, files *git.Repository, name string) (git.Ref, error) {
	ref, err := s.branch(call, files, name)
	if aws.IsError(err, "BranchDoesNotExistException") {
		if _, tagged := files.Ref(call, "refs/tags/"+name); tagged == nil {
			return ref, api.NewBranchNameIsTagNameException("The specified branch name is not valid because it is a tag name: %s", name)
		}
	}
	return ref, err
}

// createBranch makes a branch at a commit.
func (s *Service) createBranch(call *aws.Call, in *api.CreateBranchInput) (*api.CreateBranchOutput, error) {
	if err := checkRepositoryName(in.RepositoryName); err != nil {
		return nil, err
	}
	if err := checkBranchName(in.BranchName); err != nil {
		return nil, err
	}
	commit, err := checkCommitID(in.CommitID)
	if err != nil {
		return nil, err
	}
	row, files, err := s.find(call, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	u := git.RefUpdate{Ref: "refs/heads/" + in.BranchName, New: commit}
	err = s.changeRef(call, row, move{Ref: u.Ref, New: in.CommitID}, func() (git.RefUpdate, error) {
		return u, files.CreateBranch(call, in.BranchName, commit)
	})
	switch {
	case errors.Is(err, git.ErrExists):
		return nil, api.NewBranchNameExistsException("The specified branch name already exists: %s", in.BranchName)
	case errors.Is(err, git.ErrRefConflict):
		return nil, api.NewInvalidBranchNameException("The branch name %s conflicts with the name of another branch.", in.BranchName)
	case errors.Is(err, git.ErrNotFound), errors.Is(err, git.ErrWrongType):
		return nil, noCommit(in.CommitID)
	case err != nil:
		return nil, err
	}
	return &api.CreateBranchOutput{}, nil
}

func (s *Service) getBranch(call *aws.Call, in *api.GetBranchInput) (*api.GetBranchOutput, error) {
	name := deref(in.BranchName)
	if err := checkRepositoryName(deref(in.RepositoryName)); err != nil {
		return nil, err
	}
	if err := checkBranchName(name); err != nil {
		return nil, err
	}
	_, files, err := s.find(call, deref(in.RepositoryName))
	if err != nil {
		return nil, err
	}
	ref, err := s.branch(call, files, name)
	if err != nil {
		return nil, err
	}
	return &api.GetBranchOutput{Branch: &api.BranchInfo{BranchName: &name, CommitID: new(string(ref.ID))}}, nil
}

// listBranches lists the branches' names in order, in pages.
func (s *Service) listBranches(call *aws.Call, in *api.ListBranchesInput) (*api.ListBranchesOutput, error) {
	_, files, err := s.find(call, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	after := ""
	if token := deref(in.NextToken); token != "" {
		parts, err := aws.DecodePageToken(token, 1)
		if err != nil {
			return nil, invalidToken()
		}
		after = parts[0]
	}
	refs, more, err := files.Branches(call, after, branchesPage)
	if err != nil {
		return nil, err
	}
	out := &api.ListBranchesOutput{Branches: []string{}}
	for _, ref := range refs {
		out.Branches = append(out.Branches, ref.Branch())
	}
	if more {
		out.NextToken = new(aws.EncodePageToken(refs[len(refs)-1].Branch()))
	}
	return out, nil
}

// updateDefaultBranch makes a branch the one that clones check out.
func (s *Service) updateDefaultBranch(call *aws.Call, in *api.UpdateDefaultBranchInput) (*api.UpdateDefaultBranchOutput, error) {
	if err := checkRepositoryName(in.RepositoryName); err != nil {
		return nil, err
	}
	if err := checkBranchName(in.DefaultBranchName); err != nil {
		return nil, err
	}
	_, files, err := s.find(call, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	err = files.SetDefaultBranch(call, in.DefaultBranchName)
	if errors.Is(err, git.ErrNotFound) {
		return nil, noBranch(in.DefaultBranchName)
	}
	if err != nil {
		return nil, err
	}
	err = s.DB.Update(call, func(tx *store.Tx) error {
		row, err := getRow(tx, call, in.RepositoryName)
		if err != nil {
			return err
		}
		row.Modified = call.Now()
		return repositories.Put(tx, row)
	})
	if err != nil {
		return nil, fmt.Errorf("note the new default branch: %w", err)
	}
	return &api.UpdateDefaultBranchOutput{}, nil
}

// deleteBranch removes a branch. One that is not there is no error: the answer names none then.
func (s *Service) deleteBranch(call *aws.Call, in *api.DeleteBranchInput) (*api.DeleteBranchOutput, error) {
	if err := checkRepositoryName(in.RepositoryName); err != nil {
		return nil, err
	}
	if err := checkBranchName(in.BranchName); err != nil {
		return nil, err
	}
	row, files, err := s.find(call, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	ref, err := files.Branch(call, in.BranchName)
	if errors.Is(err, git.ErrNotFound) {
		return &api.DeleteBranchOutput{}, nil
	}
	if err != nil {
		return nil, err
	}
	var deleted git.ID
	err = s.changeRef(call, row, move{Ref: ref.Name, Old: string(ref.ID)}, func() (git.RefUpdate, error) {
		var err error
		deleted, err = files.DeleteBranch(call, in.BranchName)
		return git.RefUpdate{Ref: ref.Name, Old: deleted}, err
	})
	switch {
	case errors.Is(err, git.ErrDefaultBranch):
		return nil, api.NewDefaultBranchCannotBeDeletedException("The specified branch is the default branch for the repository, " +
			"and cannot be deleted. To delete this branch, you must first set another branch as the default branch.")
	case errors.Is(err, git.ErrNotFound):
		return &api.DeleteBranchOutput{}, nil
	case err != nil:
		return nil, err
	}
	return &api.DeleteBranchOutput{DeletedBranch: &api.BranchInfo{BranchName: &in.BranchName, CommitID: new(string(deleted))}}, nil
}
