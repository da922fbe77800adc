package git

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Both is a path that both sides of a merge changed since their base, in different ways. An entry is nil where that
// version has nothing at the path. One that is a folder shows that a side put a file where the other has files below.
type Both struct {
	Path                      string
	Base, Source, Destination *Entry
}

// Comparison is what two sides changed since their base. Renames show as a deletion and an addition.
type Comparison struct {
	// Source is what only the source changed. Nothing of it is at or below a path of Both.
	Source []Difference
	// Both is in the order of the paths.
	Both []Both
}

// CompareSides compares the commits of a merge of source into destination. It returns ErrTooLarge when one of them
// differs from the base in more than limit paths, ErrNotFound when a commit is missing.
func (r *Repository) CompareSides(ctx context.Context, base, source, destination ID, limit int) (*Comparison, error) {
	ours, err := r.side(ctx, base, destination, limit)
	if err != nil {
		return nil, err
	}
	theirs, err := r.side(ctx, base, source, limit)
	if err != nil {
		return nil, err
	}
	clashes := map[string]bool{}
	findClashes(clashes, ours, theirs)
	findClashes(clashes, theirs, ours)
	c := &Comparison{}
	for path, d := range theirs {
		if within(clashes, path) {
			continue
		}
		other, both := ours[path]
		switch {
		case !both:
			c.Source = append(c.Source, d)
		case !sameEntry(d.After, other.After):
			c.Both = append(c.Both, Both{Path: path, Base: d.Before, Source: d.After, Destination: other.After})
		}
	}
	if err := r.addClashes(ctx, c, clashes, base, source, destination); err != nil {
		return nil, fmt.Errorf("compare the sides of a merge: %w", err)
	}
	slices.SortFunc(c.Source, func(a, b Difference) int { return strings.Compare(a.path(), b.path()) })
	slices.SortFunc(c.Both, func(a, b Both) int { return strings.Compare(a.Path, b.Path) })
	return c, nil
}

// side returns what a side changed, by path.
func (r *Repository) side(ctx context.Context, base, commit ID, limit int) (map[string]Difference, error) {
	differences, more, err := r.Diff(ctx, DiffQuery{Before: base, After: commit, Limit: limit})
	if err != nil {
		return nil, err
	}
	if more {
		return nil, fmt.Errorf("more than %d paths differ: %w", limit, ErrTooLarge)
	}
	byPath := make(map[string]Difference, len(differences))
	for _, d := range differences {
		byPath[d.path()] = d
	}
	return byPath, nil
}

// path is where the difference is.
func (d Difference) path() string {
	if d.After != nil {
		return d.After.Path
	}
	return d.Before.Path
}

func sameEntry(a, b *Entry) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.ID == b.ID && a.Mode == b.Mode
}

// findClashes adds the paths where one side has a file that the other side has files below.
func findClashes(clashes map[string]bool, files, deeper map[string]Difference) {
	for path, d := range deeper {
		if d.After == nil {
			continue
		}
		for folder := range folders(path) {
			if f, ok := files[folder]; ok && f.After != nil {
				clashes[folder] = true
			}
		}
	}
}

// folders yields the folders that lead to a path, without the root.
func folders(path string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for i := range len(path) {
			if path[i] == '/' && !yield(path[:i]) {
				return
			}
		}
	}
}

// within tells whether a path is one of the roots or below one.
func within(roots map[string]bool, path string) bool {
	if len(roots) == 0 {
		return false
	}
	if roots[path] {
		return true
	}
	for folder := range folders(path) {
		if roots[folder] {
			return true
		}
	}
	return false
}

// addClashes looks up what each version has where files and folders clash.
func (r *Repository) addClashes(ctx context.Context, c *Comparison, clashes map[string]bool, base, source, destination ID) error {
	if len(clashes) == 0 {
		return nil
	}
	reader, err := r.reader(ctx)
	if err != nil {
		return err
	}
	defer reader.close()
	for path := range clashes {
		b := Both{Path: path}
		for _, version := range []struct {
			commit ID
			entry  **Entry
		}{{base, &b.Base}, {source, &b.Source}, {destination, &b.Destination}} {
			entry, err := reader.find(version.commit, path)
			switch {
			case err == nil:
				*version.entry = &entry
			case !errors.As(err, new(*PathError)):
				return err
			}
		}
		c.Both = append(c.Both, b)
	}
	return nil
}
