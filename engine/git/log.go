package git

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// LogQuery asks for the history that From reaches and Not does not, newest first. Path keeps the commits that changed a
// file or folder. Skip and Limit (0 is none) cut a page out.
type LogQuery struct {
	From, Not   []ID
	Path        string
	FirstParent bool
	Skip, Limit int
}

// Log returns the ids of commits. It returns ErrNotFound when one of the given commits is missing.
func (r *Repository) Log(ctx context.Context, q LogQuery) ([]ID, error) {
	args := []string{"rev-list", "--topo-order"}
	if q.FirstParent {
		args = append(args, "--first-parent")
	}
	if q.Skip > 0 {
		args = append(args, "--skip="+strconv.Itoa(q.Skip))
	}
	if q.Limit > 0 {
		args = append(args, "--max-count="+strconv.Itoa(q.Limit))
	}
	args = append(args, "--stdin")
	path, err := splitPath(q.Path)
	if err != nil {
		return nil, err
	}
	if len(q.From) == 0 {
		return nil, nil
	}
	if err := r.needCommits(ctx, append(slices.Clip(q.From), q.Not...)...); err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	var in strings.Builder
	for _, id := range q.From {
		in.WriteString(string(id) + "\n")
	}
	for _, id := range q.Not {
		in.WriteString("^" + string(id) + "\n")
	}
	if len(path) > 0 {
		args = append(args, "--", strings.Join(path, "/"))
	}
	out, err := r.run(ctx, strings.NewReader(in.String()), args...)
	if err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	var ids []ID
	for line := range strings.FieldsSeq(string(out)) {
		ids = append(ids, ID(line))
	}
	return ids, nil
}

// needCommits returns an error unless all ids are those of commits.
func (r *Repository) needCommits(ctx context.Context, ids ...ID) error {
	_, err := r.Commits(ctx, ids)
	return err
}

// MergeBase returns the best common ancestor of two commits, or ErrNotFound when they have none.
func (r *Repository) MergeBase(ctx context.Context, a, b ID) (ID, error) {
	if err := r.needCommits(ctx, a, b); err != nil {
		return "", fmt.Errorf("find the merge base: %w", err)
	}
	out, err := r.run(ctx, nil, "merge-base", "--end-of-options", string(a), string(b))
	var failed *CommandError
	if errors.As(err, &failed) && failed.Status == 1 {
		return "", fmt.Errorf("merge base of %s and %s: %w", a, b, ErrNotFound)
	}
	if err != nil {
		return "", fmt.Errorf("find the merge base: %w", err)
	}
	return ParseID(strings.TrimSpace(string(out)))
}

// IsAncestor tells whether a is b or one of the commits b came from.
func (r *Repository) IsAncestor(ctx context.Context, a, b ID) (bool, error) {
	base, err := r.MergeBase(ctx, a, b)
	if errors.Is(err, ErrNotFound) {
		// Either of the commits is missing, or they have nothing in common.
		return false, r.needCommits(ctx, a, b)
	}
	return err == nil && base == a, err
}
