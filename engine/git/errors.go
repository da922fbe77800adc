package git

import (
	"errors"
	"fmt"
)

// The errors callers tell apart with errors.Is. They come wrapped with what was being done.
var (
	// ErrGitUnusable means that the host has no git, or one that is too old.
	ErrGitUnusable = errors.New("no usable git on this machine")
	// ErrNotFound means that the repository, reference, object or path does not exist.
	ErrNotFound = errors.New("not found")
	// ErrExists means that the repository or reference is there already.
	ErrExists = errors.New("already exists")
	// ErrInvalidName means that a repository id or a reference name is not well formed.
	ErrInvalidName = errors.New("invalid name")
	// ErrInvalidID means that an object id is not 40 lower-case hexadecimal digits.
	ErrInvalidID = errors.New("invalid object id")
	// ErrWrongType means that an object or path is there but is not of the wanted type.
	ErrWrongType = errors.New("object has another type")
	// ErrTooLarge means that an object, request or answer exceeds a limit.
	ErrTooLarge = errors.New("too large")
	// ErrBranchMoved means that the reference no longer has the expected value.
	ErrBranchMoved = errors.New("the branch has moved")
	// ErrRefConflict means that a reference is in the way of another: "a" of "a/b".
	ErrRefConflict = errors.New("the name conflicts with another reference")
	// ErrDefaultBranch means that the default branch was to be deleted.
	ErrDefaultBranch = errors.New("the default branch cannot be deleted")
	// ErrParentRequired means that a commit without parent was to be put on a branch that has commits.
	ErrParentRequired = errors.New("a parent commit is required")
	// ErrNoChange means that a commit would have its parent's tree.
	ErrNoChange = errors.New("nothing would change")
	// ErrInvalidPath means that a path may not stand in a tree.
	ErrInvalidPath = errors.New("invalid path")
	// ErrDuplicatePath means that one request changes a path twice.
	ErrDuplicatePath = errors.New("the path is named more than once")
	// ErrFileIsFolder means that a file was to be written where a folder is.
	ErrFileIsFolder = errors.New("the file name conflicts with a folder")
	// ErrFolderIsFile means that a folder is needed where a file is.
	ErrFolderIsFile = errors.New("the folder name conflicts with a file")
	// ErrSubmodulePath means that a path lies at or below a submodule.
	ErrSubmodulePath = errors.New("the path conflicts with a submodule")
	// ErrMergeConflict means that a merge needs decisions; see ConflictError.
	ErrMergeConflict = errors.New("the merge has conflicts")
	// ErrNotFastForward means that the branch is not an ancestor of what it was to be moved to.
	ErrNotFastForward = errors.New("not a fast-forward")
	// ErrProtocol means that a client broke git's protocol.
	ErrProtocol = errors.New("git protocol error")
	// ErrForbiddenURL means that Fetch may not go to the URL.
	ErrForbiddenURL = errors.New("the repository URL is not allowed")
)

// PathError is an error about one path; Err is one of the errors above.
type PathError struct {
	Path string
	Err  error
}

// Error returns "path: reason".
func (e *PathError) Error() string { return fmt.Sprintf("%q: %v", e.Path, e.Err) }

// Unwrap returns Err.
func (e *PathError) Unwrap() error { return e.Err }

// ConflictError lists the paths a merge could not decide. It is an ErrMergeConflict.
type ConflictError struct{ Paths []string }

// Error tells how many paths are in conflict.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("%v in %d paths", ErrMergeConflict, len(e.Paths))
}

// Unwrap returns ErrMergeConflict.
func (e *ConflictError) Unwrap() error { return ErrMergeConflict }

// CommandError is a git command that failed: its subcommand, exit status and the end of what it said.
type CommandError struct {
	Command string
	Status  int
	Stderr  string
}

// Error returns the command, its status and its words.
func (e *CommandError) Error() string {
	return fmt.Sprintf("git %s: exit status %d: %s", e.Command, e.Status, e.Stderr)
}
