package git

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// MergeFastForward moves a branch from old to a commit that came from it: ErrNotFastForward, ErrBranchMoved.
func (r *Repository) MergeFastForward(ctx context.Context, branch string, old, commit ID) (RefUpdate, error) {
	u := RefUpdate{Ref: branchPrefix + branch, Old: old, New: commit}
	ancestor, err := r.IsAncestor(ctx, old, commit)
	if err != nil {
		return u, fmt.Errorf("merge into %s: %w", branch, err)
	}
	if !ancestor {
		return u, fmt.Errorf("merge into %s: %w", branch, ErrNotFastForward)
	}
	return u, r.UpdateBranch(ctx, branch, old, commit)
}

// MergeTrees merges two commits over their common ancestors and returns the tree; it changes no reference. Files that
// both sides changed in the same place make a *ConflictError, commits without a common ancestor ErrNotFound.
func (r *Repository) MergeTrees(ctx context.Context, ours, theirs ID) (ID, error) {
	if _, err := r.MergeBase(ctx, ours, theirs); err != nil {
		return "", fmt.Errorf("merge: %w", err)
	}
	_, leave, err := r.enter(ctx)
	if err != nil {
		return "", fmt.Errorf("merge: %w", err)
	}
	defer leave()
	out, err := r.run(ctx, nil, "merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", "--end-of-options", string(ours), string(theirs))
	var failed *CommandError
	conflict := errors.As(err, &failed) && failed.Status == 1
	if err != nil && !conflict {
		return "", fmt.Errorf("merge: %w", err)
	}
	fields := strings.Split(strings.TrimRight(string(out), "\x00"), "\x00")
	if conflict {
		paths := slices.Compact(slices.Sorted(slices.Values(fields[1:])))
		return "", fmt.Errorf("merge: %w", &ConflictError{Paths: paths})
	}
	tree, err := ParseID(fields[0])
	if err != nil {
		return "", fmt.Errorf("merge: %w", err)
	}
	if err := r.save(ctx); err != nil {
		return "", fmt.Errorf("merge: %w", err)
	}
	return tree, nil
}

// PathChange is what a merge puts at a path of the destination's tree.
type PathChange struct {
	Path string
	// Mode of 0 puts nothing there.
	Mode Mode
	// ID is an object that the repository has; without one, Content becomes a file.
	ID      ID
	Content []byte
}

// MergeRequest describes a merge of a commit into a branch.
type MergeRequest struct {
	// Branch is moved to the merge; without one, nothing refers to the commit but its id.
	Branch string
	// Old is the destination, where the branch must be.
	Old ID
	// Source is the commit to merge.
	Source ID
	// Tree is the result, such as that of MergeTrees. Without it, Changes of the destination's tree make the result.
	Tree    ID
	Changes []PathChange
	// KeepEmptyFolders puts a file named .gitkeep into folders that the changes leave empty.
	KeepEmptyFolders bool
	// Squash makes a commit with one parent.
	Squash    bool
	Author    Signature
	Committer Signature // Author when it is the zero Signature
	Message   string
}

// MergeThreeWay makes a merge commit (or a squashed one) and moves the branch to it. It returns ErrBranchMoved, and as a
// *PathError ErrInvalidPath or ErrFolderIsFile.
func (r *Repository) MergeThreeWay(ctx context.Context, req MergeRequest) (*CommitResult, error) {
	if req.Branch != "" && !ValidBranchName(req.Branch) {
		return nil, fmt.Errorf("branch %.200q: %w", req.Branch, ErrInvalidName)
	}
	if req.Committer == (Signature{}) {
		req.Committer = req.Author
	}
	_, leave, err := r.enter(ctx)
	if err != nil {
		return nil, fmt.Errorf("merge into %s: %w", req.Branch, err)
	}
	defer leave()
	tree, objects, err := r.buildMerge(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("merge into %s: %w", req.Branch, err)
	}
	parents := []ID{req.Old, req.Source}
	if req.Squash {
		parents = parents[:1]
	}
	data, err := encodeCommit(tree, parents, req.Author, req.Committer, req.Message)
	if err != nil {
		return nil, fmt.Errorf("merge into %s: %w", req.Branch, err)
	}
	commit, err := objects.add(packCommit, data)
	if err != nil {
		return nil, fmt.Errorf("merge into %s: %w", req.Branch, err)
	}
	if err := r.store(ctx, objects); err != nil {
		return nil, fmt.Errorf("merge into %s: %w", req.Branch, err)
	}
	result := &CommitResult{Commit: commit, Tree: tree}
	if req.Branch == "" {
		return result, r.save(ctx)
	}
	result.Update = RefUpdate{Ref: branchPrefix + req.Branch, Old: req.Old, New: commit}
	if err := r.updateRef(ctx, result.Update); err != nil {
		return nil, err
	}
	return result, nil
}

// buildMerge makes the tree of a merge, and the objects that are new in it.
func (r *Repository) buildMerge(ctx context.Context, req MergeRequest) (ID, *pack, error) {
	if req.Tree != "" {
		return req.Tree, newPack(), nil
	}
	reader, err := r.reader(ctx)
	if err != nil {
		return "", nil, err
	}
	defer reader.close()
	destination, err := reader.commit(req.Old)
	if err != nil {
		return "", nil, fmt.Errorf("destination %.60s: %w", req.Old, err)
	}
	edit := newTreeEdit(reader, destination.Tree)
	var removed []editStep
	for _, removing := range []bool{true, false} { // what goes makes room
		for _, c := range req.Changes {
			if (c.Mode == 0) != removing {
				continue
			}
			was, err := edit.graft(c)
			if err != nil {
				return "", nil, err
			}
			if removing && was {
				removed = append(removed, editStep{FileChange: FileChange{Action: Remove, Path: c.Path}, parts: strings.Split(c.Path, "/")})
			}
		}
	}
	if req.KeepEmptyFolders {
		if err := edit.keepFolders(removed); err != nil {
			return "", nil, err
		}
	}
	tree, err := edit.write()
	return tree, edit.pack, err
}

// Compact packs references and gathers small packs into larger ones. It deletes nothing that was ever stored, and may
// run beside everything else.
func (r *Repository) Compact(ctx context.Context) error {
	_, leave, err := r.enter(ctx)
	if err != nil {
		return fmt.Errorf("compact repository: %w", err)
	}
	defer leave()
	if _, err := r.run(ctx, nil, "repack", "-q", "-d", "-l", "--geometric=2"); err != nil {
		return fmt.Errorf("compact repository %s: %w", r.id, err)
	}
	if _, err := r.run(ctx, nil, "pack-refs", "--all", "--prune"); err != nil {
		return fmt.Errorf("compact repository %s: %w", r.id, err)
	}
	return r.save(ctx)
}
