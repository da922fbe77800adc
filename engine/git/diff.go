package git

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Change is what happened to a path between two commits.
type Change byte

// The changes of a Difference.
const (
	Added    Change = 'A'
	Modified Change = 'M' // content, mode or type
	Deleted  Change = 'D'
)

// Difference is one path that differs. Before is nil when it was added, After when it was deleted. Renames show as a
// deletion and an addition.
type Difference struct {
	Change        Change
	Before, After *Entry
}

// DiffQuery asks how After differs from Before. An empty Before stands for a commit without files. The paths limit the
// answer to a file or folder; if only one is given it counts for both sides, and where they differ, the content at
// BeforePath is compared with that at AfterPath. Skip leaves out the first differences and Limit (0 is none) the
// last: commits do not change, so a count is all that a page token needs.
type DiffQuery struct {
	Before, After         ID
	BeforePath, AfterPath string
	Skip, Limit           int
}

// Diff returns differences in git's order; more tells that others follow. It returns ErrNotFound when a commit is
// missing, or when a path is on neither side (as a *PathError).
func (r *Repository) Diff(ctx context.Context, q DiffQuery) (differences []Difference, more bool, err error) {
	if q.BeforePath == "" {
		q.BeforePath = q.AfterPath
	} else if q.AfterPath == "" {
		q.AfterPath = q.BeforePath
	}
	before, after, err := r.diffSides(ctx, q)
	if err != nil {
		return nil, false, fmt.Errorf("compare commits: %w", err)
	}
	collect := &differenceList{skip: q.Skip, limit: q.Limit}
	if err := r.diffEntries(ctx, before, after, collect); err != nil && !errors.Is(err, errEnough) {
		return nil, false, fmt.Errorf("compare commits: %w", err)
	}
	return collect.list, collect.more, nil
}

// diffSides looks up what is to be compared; a side without it is nil.
func (r *Repository) diffSides(ctx context.Context, q DiffQuery) (before, after *Entry, err error) {
	reader, err := r.reader(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer reader.close()
	side := func(commit ID, path string) (*Entry, error) {
		if commit == "" {
			if path != "" {
				return nil, nil
			}
			return &Entry{Mode: ModeTree, ID: emptyTree}, nil
		}
		entry, err := reader.find(commit, path)
		var missing *PathError
		if errors.As(err, &missing) && errors.Is(err, ErrNotFound) {
			return nil, nil
		}
		return &entry, err
	}
	if before, err = side(q.Before, q.BeforePath); err != nil {
		return nil, nil, err
	}
	if after, err = side(q.After, q.AfterPath); err != nil {
		return nil, nil, err
	}
	if before == nil && after == nil {
		return nil, nil, &PathError{q.AfterPath, ErrNotFound}
	}
	return before, after, nil
}

var errEnough = errors.New("enough")

// differenceList collects one page.
type differenceList struct {
	skip, limit int
	list        []Difference
	more        bool
}

func (l *differenceList) add(d Difference) error {
	if l.skip > 0 {
		l.skip--
		return nil
	}
	if l.limit > 0 && len(l.list) == l.limit {
		l.more = true
		return errEnough
	}
	l.list = append(l.list, d)
	return nil
}

func (r *Repository) diffEntries(ctx context.Context, before, after *Entry, l *differenceList) error {
	isTree := func(e *Entry) bool { return e != nil && e.Mode.Type() == "tree" }
	// What is no folder is compared here, folders by git, against nothing where the other side has none.
	var leafBefore, leafAfter *Entry
	treeBefore, treeAfter := &Entry{ID: emptyTree}, &Entry{ID: emptyTree}
	if isTree(before) {
		treeBefore = before
	} else {
		leafBefore = before
	}
	if isTree(after) {
		treeAfter = after
	} else {
		leafAfter = after
	}
	switch {
	case leafBefore != nil && leafAfter != nil:
		if leafBefore.ID == leafAfter.ID && leafBefore.Mode == leafAfter.Mode {
			return nil
		}
		return l.add(Difference{Modified, leafBefore, leafAfter})
	case leafBefore != nil:
		if err := l.add(Difference{Deleted, leafBefore, nil}); err != nil {
			return err
		}
	case leafAfter != nil:
		if err := l.add(Difference{Added, nil, leafAfter}); err != nil {
			return err
		}
	}
	if treeBefore.ID == treeAfter.ID {
		return nil
	}
	return r.diffTrees(ctx, treeBefore, treeAfter, l)
}

func (r *Repository) diffTrees(ctx context.Context, before, after *Entry, l *differenceList) error {
	free, err := take(ctx, r.engine.commands)
	if err != nil {
		return err
	}
	defer free()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p := r.process("diff-tree", "-r", "--raw", "-z", "--no-renames", "--no-abbrev", "--end-of-options", string(before.ID), string(after.ID))
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := p.stream(ctx, nil, in)
		_ = in.CloseWithError(err) // never fails
		done <- err
	}()
	err = parseRawDiff(bufio.NewReader(out), before.Path, after.Path, l)
	cancel()
	_ = out.Close() // never fails
	<-done          //nolint:errcheck // killed by the cancellation when the parser needed no more
	return err
}

// parseRawDiff reads records such as ":100644 100755 <id> <id> M\0path\0".
func parseRawDiff(r *bufio.Reader, beforeRoot, afterRoot string, l *differenceList) error {
	for {
		meta, err := r.ReadString(0)
		if errors.Is(err, io.EOF) && meta == "" {
			return nil
		}
		if err != nil {
			return err
		}
		path, err := r.ReadString(0)
		if err != nil {
			return err
		}
		d, err := rawDifference(strings.TrimSuffix(meta, "\x00"), strings.TrimSuffix(path, "\x00"), beforeRoot, afterRoot)
		if err != nil {
			return err
		}
		if err := l.add(d); err != nil {
			return err
		}
	}
}

func rawDifference(meta, path, beforeRoot, afterRoot string) (Difference, error) {
	fields := strings.Fields(strings.TrimPrefix(meta, ":"))
	if len(fields) != 5 {
		return Difference{}, fmt.Errorf("unexpected record %q of git diff-tree", meta)
	}
	entry := func(root, mode, id string) (*Entry, error) {
		m, err := strconv.ParseUint(mode, 8, 32)
		if err != nil {
			return nil, fmt.Errorf("unexpected mode %q of git diff-tree", mode)
		}
		if m == 0 {
			return nil, nil
		}
		return &Entry{Path: strings.TrimPrefix(root+"/"+path, "/"), Name: path[strings.LastIndexByte(path, '/')+1:], Mode: Mode(m), ID: ID(id)}, nil
	}
	before, err := entry(beforeRoot, fields[0], fields[2])
	if err != nil {
		return Difference{}, err
	}
	after, err := entry(afterRoot, fields[1], fields[3])
	if err != nil {
		return Difference{}, err
	}
	d := Difference{Modified, before, after}
	switch {
	case before == nil:
		d.Change = Added
	case after == nil:
		d.Change = Deleted
	}
	return d, nil
}
