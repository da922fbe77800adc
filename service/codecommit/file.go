package codecommit

import (
	"errors"

	api "drydock/api/codecommit"
	"drydock/aws"
	"drydock/engine/git"
)

// at finds the commit whose files are asked for: the default branch's unless another is given.
func (s *Service) at(call *aws.Call, files *git.Repository, specifier *string) (git.ID, error) {
	if specifier == nil || *specifier == "" {
		return s.resolve(call, files, "HEAD")
	}
	return s.resolve(call, files, *specifier)
}

// getFile returns a file of a commit.
func (s *Service) getFile(call *aws.Call, in *api.GetFileInput) (*api.GetFileOutput, error) {
	if err := checkRepositoryName(in.RepositoryName); err != nil {
		return nil, err
	}
	if in.FilePath == "" {
		return nil, pathRequired()
	}
	_, files, err := s.find(call, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	commit, err := s.at(call, files, in.CommitSpecifier)
	if err != nil {
		return nil, err
	}
	entry, err := files.FileAt(call, commit, in.FilePath)
	switch {
	case errors.Is(err, git.ErrInvalidPath):
		return nil, invalidPath(in.FilePath)
	case errors.As(err, new(*git.PathError)):
		return nil, noFile(in.FilePath)
	case err != nil:
		return nil, err
	}
	content, err := readFile(call, files, entry.ID)
	if err != nil {
		return nil, err
	}
	return &api.GetFileOutput{
		CommitID: string(commit), BlobID: string(entry.ID), FilePath: entry.Path, FileMode: apiMode(entry.Mode),
		FileSize: int64(len(content)), FileContent: content,
	}, nil
}

// readFile returns a blob that is not too large for the API.
func readFile(call *aws.Call, files *git.Repository, id git.ID) ([]byte, error) {
	content, err := files.ReadBlob(call, id, maxFileSize)
	if errors.Is(err, git.ErrTooLarge) {
		return nil, api.NewFileTooLargeException("The specified file exceeds the file size limit for AWS CodeCommit.")
	}
	return content, err
}

// getFolder lists a folder of a commit.
func (s *Service) getFolder(call *aws.Call, in *api.GetFolderInput) (*api.GetFolderOutput, error) {
	if err := checkRepositoryName(in.RepositoryName); err != nil {
		return nil, err
	}
	if in.FolderPath == "" {
		return nil, pathRequired()
	}
	_, files, err := s.find(call, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	commit, err := s.at(call, files, in.CommitSpecifier)
	if err != nil {
		return nil, err
	}
	folder, err := files.TreeAt(call, commit, in.FolderPath)
	switch {
	case errors.Is(err, git.ErrInvalidPath):
		return nil, invalidPath(in.FolderPath)
	case errors.As(err, new(*git.PathError)):
		return nil, api.NewFolderDoesNotExistException("Could not find path %s", in.FolderPath)
	case err != nil:
		return nil, err
	}
	out := &api.GetFolderOutput{
		CommitID: string(commit), FolderPath: folder.Path, TreeID: new(string(folder.Tree)), SubFolders: []api.Folder{},
		Files: []api.File{}, SymbolicLinks: []api.SymbolicLink{}, SubModules: []api.SubModule{},
	}
	for _, e := range folder.Entries {
		id, mode := new(string(e.ID)), new(apiMode(e.Mode))
		switch e.Mode.Type() {
		case "tree":
			out.SubFolders = append(out.SubFolders, api.Folder{TreeID: id, AbsolutePath: &e.Path, RelativePath: &e.Name})
		case "submodule":
			out.SubModules = append(out.SubModules, api.SubModule{CommitID: id, AbsolutePath: &e.Path, RelativePath: &e.Name})
		case "symlink":
			out.SymbolicLinks = append(out.SymbolicLinks, api.SymbolicLink{BlobID: id, AbsolutePath: &e.Path, RelativePath: &e.Name, FileMode: mode})
		default:
			out.Files = append(out.Files, api.File{BlobID: id, AbsolutePath: &e.Path, RelativePath: &e.Name, FileMode: mode})
		}
	}
	return out, nil
}

// getBlob returns a blob by its id.
func (s *Service) getBlob(call *aws.Call, in *api.GetBlobInput) (*api.GetBlobOutput, error) {
	if err := checkRepositoryName(in.RepositoryName); err != nil {
		return nil, err
	}
	if in.BlobID == "" {
		return nil, api.NewBlobIDRequiredException("A blob ID is required, but was not specified.")
	}
	id, err := git.ParseID(in.BlobID)
	if err != nil {
		return nil, api.NewInvalidBlobIDException("The specified blob is not valid: %.100s", in.BlobID)
	}
	_, files, err := s.find(call, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	content, err := readFile(call, files, id)
	if errors.Is(err, git.ErrNotFound) || errors.Is(err, git.ErrWrongType) {
		return nil, api.NewBlobIDDoesNotExistException("The specified blob does not exist: %s", in.BlobID)
	}
	if err != nil {
		return nil, err
	}
	return &api.GetBlobOutput{Content: content}, nil
}
