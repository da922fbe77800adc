package git

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Action is what a FileChange does.
type Action int

// The actions of a FileChange.
const (
	Put     Action = iota // write a file, with what leads to it
	Remove                // delete a file
	SetMode               // change a file's mode
)

// FileChange is one change of a file.
type FileChange struct {
	Action Action
	Path   string
	// Mode is ModeFile, ModeExecutable or ModeSymlink. For Put, 0 keeps the mode of the source or of the file that is
	// replaced, and else is ModeFile.
	Mode Mode
	// Content is what Put writes, unless Source names a file of the parent commit to copy, or with Move to rename.
	Content []byte
	Source  string
	Move    bool
}

// CommitRequest describes a commit to be made on a branch.
type CommitRequest struct {
	Branch string
	// Parent is the commit the branch must be at; empty when the branch must not exist yet.
	Parent ID
	// Changes apply to the parent's files as a whole: removals, then modes, then files. No path may come up twice.
	Changes []FileChange
	Author  Signature
	// Committer is Author when it is the zero Signature.
	Committer Signature
	Message   string
	// KeepEmptyFolders puts a file named .gitkeep into folders that removals leave empty, which git could not keep.
	KeepEmptyFolders bool
}

// CommitResult is the commit that was made and the files that changed, in the order of the request.
type CommitResult struct {
	Commit, Tree            ID
	Added, Updated, Deleted []Entry
	Update                  RefUpdate
}

const gitKeep = ".gitkeep"

// CommitFiles makes a commit and moves the branch to it, or does neither. Errors, besides those of the host:
// ErrBranchMoved (not at Parent), ErrParentRequired (the branch exists), ErrNotFound (no such branch or parent; as a
// *PathError: no such file to remove, copy or change), ErrNoChange, ErrInvalidName, and as a *PathError ErrInvalidPath,
// ErrDuplicatePath, ErrFileIsFolder, ErrFolderIsFile, ErrSubmodulePath.
func (r *Repository) CommitFiles(ctx context.Context, req CommitRequest) (*CommitResult, error) {
	if !ValidBranchName(req.Branch) {
		return nil, fmt.Errorf("branch %.200q: %w", req.Branch, ErrInvalidName)
	}
	if req.Committer == (Signature{}) {
		req.Committer = req.Author
	}
	_, leave, err := r.enter(ctx)
	if err != nil {
		return nil, fmt.Errorf("commit to %s: %w", req.Branch, err)
	}
	defer leave()
	ref := branchPrefix + req.Branch
	now, err := r.Ref(ctx, ref)
	switch {
	case errors.Is(err, ErrNotFound) && req.Parent == "":
	case err != nil:
		return nil, fmt.Errorf("commit to %s: %w", req.Branch, err)
	case req.Parent == "":
		return nil, fmt.Errorf("commit to %s: %w", req.Branch, ErrParentRequired)
	case now.ID != req.Parent:
		return nil, fmt.Errorf("commit to %s: %w", req.Branch, ErrBranchMoved)
	}
	result, objects, err := r.buildCommit(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("commit to %s: %w", req.Branch, err)
	}
	if err := r.store(ctx, objects); err != nil {
		return nil, fmt.Errorf("commit to %s: %w", req.Branch, err)
	}
	result.Update = RefUpdate{Ref: ref, Old: req.Parent, New: result.Commit}
	if err := r.updateRef(ctx, result.Update); err != nil {
		if errors.Is(err, ErrExists) || errors.Is(err, ErrNotFound) { // it came or went meanwhile
			err = fmt.Errorf("commit to %s: %w", req.Branch, ErrBranchMoved)
		}
		return nil, err
	}
	return result, nil
}

// buildCommit makes the objects of a commit.
func (r *Repository) buildCommit(ctx context.Context, req CommitRequest) (*CommitResult, *pack, error) {
	reader, err := r.reader(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer reader.close()
	var parents []ID
	root := emptyTree
	if req.Parent != "" {
		parent, err := reader.commit(req.Parent)
		if err != nil {
			return nil, nil, fmt.Errorf("parent %.60s: %w", req.Parent, err)
		}
		parents, root = []ID{parent.ID}, parent.Tree
	}
	edit := newTreeEdit(reader, root)
	if err := edit.apply(req.Changes, req.KeepEmptyFolders); err != nil {
		return nil, nil, err
	}
	tree, err := edit.write()
	if err != nil {
		return nil, nil, err
	}
	if tree == root {
		return nil, nil, ErrNoChange
	}
	result := edit.result
	result.Tree = tree
	data, err := encodeCommit(tree, parents, req.Author, req.Committer, req.Message)
	if err != nil {
		return nil, nil, err
	}
	result.Commit, err = edit.pack.add(packCommit, data)
	return &result, edit.pack, err
}

// encodeCommit writes a commit object.
func encodeCommit(tree ID, parents []ID, author, committer Signature, message string) ([]byte, error) {
	var b strings.Builder
	b.WriteString("tree " + string(tree) + "\n")
	for _, p := range parents {
		b.WriteString("parent " + string(p) + "\n")
	}
	for _, line := range []struct {
		key string
		Signature
	}{{"author", author}, {"committer", committer}} {
		if line.Time().IsZero() {
			return nil, fmt.Errorf("the %s's date %.100q is not as git writes it", line.key, line.Date)
		}
		b.WriteString(line.key + " " + cleanName(line.Name) + " <" + cleanName(line.Email) + "> " + line.Date + "\n")
	}
	if strings.IndexByte(message, 0) >= 0 {
		return nil, errors.New("a commit message may not hold NUL")
	}
	if message != "" && !strings.HasSuffix(message, "\n") {
		message += "\n"
	}
	b.WriteString("\n" + message)
	return []byte(b.String()), nil
}

// cleanName takes out what would end a name or address in a commit, as git itself does.
func cleanName(s string) string {
	s = strings.Map(func(c rune) rune {
		if c < ' ' || c == '<' || c == '>' || c == 0x7f {
			return -1
		}
		return c
	}, s)
	return strings.Trim(s, " .,:;\"\\'")
}
