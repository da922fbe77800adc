package codecommit

import (
	"errors"
	"path"
	"strings"

	api "drydock/api/codecommit"
	"drydock/aws"
	"drydock/engine/git"
)

// edit is a commit that the API makes on a branch.
type edit struct {
	repository, branch string
	parent             string
	changes            []git.FileChange
	keepFolders        bool
	name, email        *string
	message            *string
	// unsaid is the message of a commit that is given none.
	unsaid string
}

// commit makes the commit on the branch; the first one of an empty repository makes the branch.
func (s *Service) commit(call *aws.Call, e edit) (*git.CommitResult, error) {
	row, files, err := s.find(call, e.repository)
	if err != nil {
		return nil, err
	}
	author, err := signed(call, e.name, e.email)
	if err != nil {
		return nil, err
	}
	message, err := messageOr(e.message, "%s", e.unsaid)
	if err != nil {
		return nil, err
	}
	parent, err := s.parent(call, files, e)
	if err != nil {
		return nil, err
	}
	var result *git.CommitResult
	err = s.changeRef(call, row, move{Ref: "refs/heads/" + e.branch, Old: string(parent), Open: true}, func() (git.RefUpdate, error) {
		result, err = files.CommitFiles(call, git.CommitRequest{
			Branch: e.branch, Parent: parent, Changes: e.changes, Author: author, Message: message, KeepEmptyFolders: e.keepFolders,
		})
		if err != nil {
			return git.RefUpdate{}, err
		}
		return result.Update, nil
	})
	if err != nil {
		return nil, editError(e, err)
	}
	return result, nil
}

// parent checks that the commit can follow what is on the branch.
func (s *Service) parent(call *aws.Call, files *git.Repository, e edit) (git.ID, error) {
	var parent git.ID
	if e.parent != "" {
		var err error
		if parent, err = git.ParseID(e.parent); err != nil {
			return "", api.NewInvalidParentCommitIDException("The parent commit ID is not valid: %.100s", e.parent)
		}
	}
	head, err := s.target(call, files, e.branch)
	if aws.IsError(err, "BranchDoesNotExistException") {
		first, failure := files.DefaultBranch(call)
		switch {
		case failure != nil:
			return "", failure
		case first != "":
			return "", err
		case parent != "":
			return "", noParent(parent)
		}
		return "", nil
	}
	if err != nil || head.ID == parent {
		return parent, err
	}
	if parent == "" {
		return "", api.NewParentCommitIDRequiredException("A parent commit ID is required. The latest commit on branch %s is %s.", e.branch, head.ID)
	}
	_, err = files.Commit(call, parent)
	if errors.Is(err, git.ErrNotFound) || errors.Is(err, git.ErrWrongType) {
		return "", noParent(parent)
	}
	if err != nil {
		return "", err
	}
	return "", outdated(e)
}

func noParent(id git.ID) error {
	return api.NewParentCommitDoesNotExistException("The parent commit ID does not exist in the repository: %s", id)
}

func outdated(e edit) error {
	return api.NewParentCommitIDOutdatedException("The parent commit ID %s is outdated. It is not the latest commit on branch %s.", e.parent, e.branch)
}

// editError translates what git's engine says of an edit.
func editError(e edit, err error) error {
	var at *git.PathError
	name := ""
	if errors.As(err, &at) {
		name = at.Path
	}
	switch {
	case errors.Is(err, git.ErrBranchMoved), errors.Is(err, git.ErrParentRequired):
		return outdated(e)
	case errors.Is(err, git.ErrNoChange):
		return api.NewNoChangeException("The commit cannot be created because no changes will be made to the repository as a result of this commit. " +
			"A commit must contain at least one change.")
	case errors.Is(err, git.ErrInvalidPath):
		return invalidPath(name)
	case errors.Is(err, git.ErrDuplicatePath):
		return api.NewSamePathRequestException("The commit cannot be created because one or more changes in this commit duplicate another change "+
			"to the same file path: %s", name)
	case errors.Is(err, git.ErrFileIsFolder):
		return api.NewFileNameConflictsWithDirectoryNameException("A file cannot be added to the repository because the specified file name has "+
			"the same name as a directory in this repository: %s", name)
	case errors.Is(err, git.ErrFolderIsFile):
		return api.NewDirectoryNameConflictsWithFileNameException("A file cannot be added to the repository because the specified path name has "+
			"the same name as a file that already exists in this repository: %s", name)
	case errors.Is(err, git.ErrSubmodulePath):
		return api.NewFilePathConflictsWithSubmodulePathException("The commit cannot be created because a specified file path points to a submodule: %s", name)
	case errors.Is(err, git.ErrRefConflict):
		return api.NewInvalidBranchNameException("The branch name %s conflicts with the name of another branch.", e.branch)
	case errors.Is(err, git.ErrNotFound) && at != nil:
		return noFile(name)
	default:
		return err
	}
}

func invalidPath(name string) error {
	return api.NewInvalidPathException("The specified path is not valid: %.300s", name)
}

func noFile(name string) error {
	return api.NewFileDoesNotExistException("Could not find path %s", name)
}

func pathRequired() error {
	return api.NewPathRequiredException("The filePath for a location cannot be empty or null.")
}

// gitMode is the mode in git's terms; none is 0.
func gitMode(mode api.FileModeTypeEnum) (git.Mode, error) {
	switch mode {
	case "":
		return 0, nil
	case api.FileModeTypeEnumNormal:
		return git.ModeFile, nil
	case api.FileModeTypeEnumExecutable:
		return git.ModeExecutable, nil
	case api.FileModeTypeEnumSymlink:
		return git.ModeSymlink, nil
	default:
		return 0, api.NewInvalidFileModeException("The specified file mode permission is not valid: %.50s", mode)
	}
}

// apiMode is the mode in the API's terms.
func apiMode(mode git.Mode) api.FileModeTypeEnum {
	switch {
	case mode.Type() == "symlink":
		return api.FileModeTypeEnumSymlink
	case mode == git.ModeExecutable:
		return api.FileModeTypeEnumExecutable
	default:
		return api.FileModeTypeEnumNormal
	}
}

func checkEdit(repository, branch string) error {
	if err := checkRepositoryName(repository); err != nil {
		return err
	}
	return checkBranchName(branch)
}

// createCommit makes a commit of several changes.
func (s *Service) createCommit(call *aws.Call, in *api.CreateCommitInput) (*api.CreateCommitOutput, error) {
	if err := checkEdit(in.RepositoryName, in.BranchName); err != nil {
		return nil, err
	}
	changes, err := commitChanges(in)
	if err != nil {
		return nil, err
	}
	result, err := s.commit(call, edit{
		repository: in.RepositoryName, branch: in.BranchName, parent: deref(in.ParentCommitID), changes: changes,
		keepFolders: deref(in.KeepEmptyFolders), name: in.AuthorName, email: in.Email, message: in.CommitMessage,
		unsaid: "Commit to " + in.BranchName,
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateCommitOutput{
		CommitID: new(string(result.Commit)), TreeID: new(string(result.Tree)), FilesAdded: showEntries(result.Added),
		FilesUpdated: showEntries(result.Updated), FilesDeleted: showEntries(result.Deleted),
	}, nil
}

func showEntries(entries []git.Entry) []api.FileMetadata {
	shown := []api.FileMetadata{}
	for _, e := range entries {
		shown = append(shown, api.FileMetadata{AbsolutePath: &e.Path, BlobID: new(string(e.ID)), FileMode: new(apiMode(e.Mode))})
	}
	return shown
}

// commitChanges checks and translates the changes of a CreateCommit.
func commitChanges(in *api.CreateCommitInput) ([]git.FileChange, error) {
	switch n := len(in.PutFiles) + len(in.DeleteFiles) + len(in.SetFileModes); {
	case n == 0:
		return nil, api.NewFileEntryRequiredException("The commit cannot be created because no files have been specified as added, updated, " +
			"or changed (PutFile or DeleteFile) for the commit.")
	case n > maxFileEntries:
		return nil, api.NewMaximumFileEntriesExceededException("The number of specified files to change as part of this commit exceeds the maximum "+
			"number of files that can be changed in a single commit, which is %d. Consider using a Git client for these changes.", maxFileEntries)
	}
	changes := make([]git.FileChange, 0, len(in.PutFiles)+len(in.DeleteFiles)+len(in.SetFileModes))
	for i := range in.PutFiles {
		change, err := putChange(&in.PutFiles[i])
		if err != nil {
			return nil, err
		}
		changes = append(changes, change)
	}
	if err := checkPuts(changes); err != nil {
		return nil, err
	}
	for _, file := range in.DeleteFiles {
		if file.FilePath == "" {
			return nil, pathRequired()
		}
		changes = append(changes, git.FileChange{Action: git.Remove, Path: file.FilePath})
	}
	for _, file := range in.SetFileModes {
		if file.FilePath == "" {
			return nil, pathRequired()
		}
		if file.FileMode == "" {
			return nil, api.NewFileModeRequiredException("The commit cannot be created because no file mode has been specified.")
		}
		mode, err := gitMode(file.FileMode)
		if err != nil {
			return nil, err
		}
		changes = append(changes, git.FileChange{Action: git.SetMode, Path: file.FilePath, Mode: mode})
	}
	return changes, nil
}

func putChange(file *api.PutFileEntry) (change git.FileChange, err error) {
	if file.FilePath == "" {
		return change, pathRequired()
	}
	mode, err := gitMode(deref(file.FileMode))
	if err != nil {
		return change, err
	}
	change = git.FileChange{Action: git.Put, Path: file.FilePath, Mode: mode, Content: file.FileContent}
	source := file.SourceFile
	switch {
	case source == nil && file.FileContent == nil:
		return change, api.NewSourceFileOrContentRequiredException("The commit cannot be created because no source files or file content have been " +
			"specified for the commit.")
	case source != nil && file.FileContent != nil:
		return change, api.NewFileContentAndSourceFileSpecifiedException("The commit cannot be created because both a source file and file content " +
			"have been specified for the same file. You cannot provide both. Either specify a source file or provide the file content directly.")
	case source == nil:
		return change, nil
	case source.FilePath == "":
		return change, pathRequired()
	case path.Base(source.FilePath) == ".gitkeep":
		return change, api.NewRestrictedSourceFileException("The commit cannot be created because one of the changes specifies copying or moving a " +
			".gitkeep file.")
	}
	change.Source, change.Move = source.FilePath, deref(source.IsMove)
	return change, nil
}

// checkPuts checks the files of a commit against each other.
func checkPuts(changes []git.FileChange) error {
	total, folders, files := 0, map[string]int{}, map[string]bool{}
	for _, c := range changes {
		if len(c.Content) > maxFileSize {
			return tooLarge()
		}
		name := strings.Trim(c.Path, "/")
		files[name] = true
		folder := path.Dir(name)
		total += len(c.Content)
		if folders[folder] += len(c.Content); folders[folder] > maxFileSize {
			return folderTooLarge()
		}
	}
	if total > maxCommitSize {
		return tooLarge()
	}
	for name := range files {
		for folder := path.Dir(name); folder != "." && folder != "/"; folder = path.Dir(folder) {
			if files[folder] {
				return api.NewPutFileEntryConflictException("The commit cannot be created because one or more files specified in the commit reference "+
					"both a file and a folder: %s", folder)
			}
		}
	}
	return nil
}

func folderTooLarge() error {
	return api.NewFolderContentSizeLimitExceededException("The commit cannot be created because at least one of the overall changes in the " +
		"commit results in a folder whose contents exceed the limit of 6 MB. Either reduce the number and size of your changes, or split the " +
		"changes across multiple folders.")
}

func tooLarge() error {
	return api.NewFileContentSizeLimitExceededException("The file cannot be added because it is too large. The maximum file size is 6 MB, and the " +
		"combined file content change size is 7 MB. Consider making these changes using a Git client.")
}

// putFile adds or changes one file.
func (s *Service) putFile(call *aws.Call, in *api.PutFileInput) (*api.PutFileOutput, error) {
	if err := checkEdit(in.RepositoryName, in.BranchName); err != nil {
		return nil, err
	}
	switch {
	case in.FilePath == "":
		return nil, pathRequired()
	case len(in.FileContent) == 0:
		return nil, api.NewFileContentRequiredException("The file cannot be added because it is empty. Empty files cannot be added to the repository with this API.")
	case len(in.FileContent) > maxFileSize:
		return nil, tooLarge()
	}
	mode, err := gitMode(deref(in.FileMode))
	if err != nil {
		return nil, err
	}
	result, err := s.commit(call, edit{
		repository: in.RepositoryName, branch: in.BranchName, parent: deref(in.ParentCommitID),
		changes: []git.FileChange{{Action: git.Put, Path: in.FilePath, Mode: mode, Content: in.FileContent}},
		name:    in.Name, email: in.Email, message: in.CommitMessage, unsaid: "Edited " + strings.Trim(in.FilePath, "/"),
	})
	if aws.IsError(err, "NoChangeException") {
		return nil, api.NewSameFileContentException("The file was not added or updated because the content of the file is exactly the same as the " +
			"content of that file in the repository and branch that you specified.")
	}
	if err != nil {
		return nil, err
	}
	out := &api.PutFileOutput{CommitID: string(result.Commit), TreeID: string(result.Tree)}
	for _, e := range append(result.Added, result.Updated...) {
		out.BlobID = string(e.ID)
	}
	return out, nil
}

// deleteFile removes one file.
func (s *Service) deleteFile(call *aws.Call, in *api.DeleteFileInput) (*api.DeleteFileOutput, error) {
	if err := checkEdit(in.RepositoryName, in.BranchName); err != nil {
		return nil, err
	}
	switch {
	case in.FilePath == "":
		return nil, pathRequired()
	case in.ParentCommitID == "":
		return nil, api.NewParentCommitIDRequiredException("A parent commit ID is required, but no parent commit ID was specified.")
	}
	_, files, err := s.find(call, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	if _, err := s.target(call, files, in.BranchName); err != nil {
		return nil, err
	}
	result, err := s.commit(call, edit{
		repository: in.RepositoryName, branch: in.BranchName, parent: in.ParentCommitID,
		changes:     []git.FileChange{{Action: git.Remove, Path: in.FilePath}},
		keepFolders: deref(in.KeepEmptyFolders), name: in.Name, email: in.Email, message: in.CommitMessage,
		unsaid: "Deleted " + strings.Trim(in.FilePath, "/"),
	})
	if err != nil {
		return nil, err
	}
	out := &api.DeleteFileOutput{CommitID: string(result.Commit), TreeID: string(result.Tree)}
	for _, e := range result.Deleted {
		out.BlobID, out.FilePath = string(e.ID), e.Path
	}
	return out, nil
}
