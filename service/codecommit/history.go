package codecommit

import (
	"errors"
	"strconv"

	api "drydock/api/codecommit"
	"drydock/aws"
	"drydock/engine/git"
)

// listFileCommitHistory lists the versions of a file, the newest first, in pages. A page token holds the commit, so that a
// listing goes on with it when a branch moves.
func (s *Service) listFileCommitHistory(call *aws.Call, in *api.ListFileCommitHistoryInput) (*api.ListFileCommitHistoryOutput, error) {
	limit, err := resultsOf(in.MaxResults, historyPage)
	if err != nil {
		return nil, err
	}
	_, files, err := s.find(call, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	if in.FilePath == "" {
		return nil, pathRequired()
	}
	skip := 0
	specifier := in.CommitSpecifier
	if token := deref(in.NextToken); token != "" {
		parts, err := aws.DecodePageToken(token, 2)
		if err != nil {
			return nil, invalidToken()
		}
		if skip, err = strconv.Atoi(parts[1]); err != nil || skip < 0 {
			return nil, invalidToken()
		}
		specifier = &parts[0]
	}
	commit, err := s.at(call, files, specifier)
	if err != nil {
		return nil, err
	}
	versions, more, err := files.FileHistory(call, commit, in.FilePath, skip, limit)
	if errors.Is(err, git.ErrInvalidPath) {
		return nil, invalidPath(in.FilePath)
	}
	if err != nil {
		return nil, err
	}
	ids := make([]git.ID, len(versions))
	for i, v := range versions {
		ids[i] = v.Commit
	}
	made, err := files.Commits(call, ids)
	if err != nil {
		return nil, err
	}
	out := &api.ListFileCommitHistoryOutput{RevisionDag: []api.FileVersion{}}
	for i, v := range versions {
		shown := api.FileVersion{Commit: new(showCommit(made[i])), BlobID: new(string(v.Entry.ID)), Path: &v.Entry.Path, RevisionChildren: []string{}}
		for _, child := range v.Children {
			shown.RevisionChildren = append(shown.RevisionChildren, string(child))
		}
		out.RevisionDag = append(out.RevisionDag, shown)
	}
	if more {
		out.NextToken = new(aws.EncodePageToken(string(commit), strconv.Itoa(skip+len(versions))))
	}
	return out, nil
}
