package git

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// renameLimit bounds how many renames FileHistory follows.
const renameLimit = 100

// FileVersion is a file as a commit left it. Children are the commits that made the next versions.
type FileVersion struct {
	Commit   ID
	Entry    Entry
	Children []ID
}

// FileHistory returns the versions of a file that a commit's history holds, newest first, from skip on and up to limit;
// more tells that others follow. Where a file came to be by a rename, its history goes on under the old name. A path
// that never was a file has none.
func (r *Repository) FileHistory(ctx context.Context, commit ID, path string, skip, limit int) (versions []FileVersion, more bool, err error) {
	parts, err := splitPath(path)
	if err != nil {
		return nil, false, err
	}
	if err := r.needCommits(ctx, commit); err != nil {
		return nil, false, fmt.Errorf("read history of a file: %w", err)
	}
	reader, err := r.reader(ctx)
	if err != nil {
		return nil, false, err
	}
	defer reader.close()
	h := &fileHistory{repository: r, reader: reader, skip: skip, limit: limit, children: map[ID][]ID{}}
	path = strings.Join(parts, "/")
	for range renameLimit {
		from, was, err := h.follow(ctx, commit, path)
		if err != nil && !errors.Is(err, errEnough) {
			return nil, false, fmt.Errorf("read history of a file: %w", err)
		}
		if err != nil || from == "" {
			break
		}
		commit, path = from, was
	}
	return h.versions, h.more, nil
}

// fileHistory collects one page.
type fileHistory struct {
	repository  *Repository
	reader      *objectReader
	skip, limit int
	seen        int
	children    map[ID][]ID
	versions    []FileVersion
	more        bool
}

// follow reads the history under one name. It returns where the history goes on, and under which name, when the oldest
// version came to be by a rename.
func (h *fileHistory) follow(ctx context.Context, commit ID, path string) (from ID, was string, err error) {
	var oldest ID
	err = h.repository.revList(ctx, []string{"--topo-order", "--parents", string(commit), "--", path}, func(ids []ID) error {
		for _, parent := range ids[1:] { // as rewritten: the commits that made the versions before
			h.children[parent] = append(h.children[parent], ids[0])
		}
		entry, err := h.reader.find(ids[0], path)
		if errors.As(err, new(*PathError)) || err == nil && !entry.Mode.file() {
			return nil // where it was deleted, or was no file
		}
		if err != nil {
			return err
		}
		oldest = ids[0]
		return h.add(FileVersion{Commit: ids[0], Entry: entry})
	})
	if err != nil || oldest == "" {
		return "", "", err
	}
	c, err := h.reader.commit(oldest)
	if err != nil || len(c.Parents) != 1 {
		return "", "", err
	}
	if was, err = h.repository.renamedFrom(ctx, oldest, path); err != nil || was == "" {
		return "", "", err
	}
	// The commit that made the last version under the old name is the next one found.
	err = h.repository.revList(ctx, []string{"--max-count=1", string(c.Parents[0]), "--", was}, func(ids []ID) error {
		h.children[ids[0]] = append(h.children[ids[0]], oldest)
		return nil
	})
	return c.Parents[0], was, err
}

func (h *fileHistory) add(v FileVersion) error {
	if h.seen++; h.seen <= h.skip {
		return nil
	}
	if len(h.versions) == h.limit {
		h.more = true
		return errEnough
	}
	v.Children = h.children[v.Commit]
	h.versions = append(h.versions, v)
	return nil
}

// renamedFrom returns the name a file had in the parent of the commit that made it, or "" when it was new.
func (r *Repository) renamedFrom(ctx context.Context, commit ID, path string) (string, error) {
	out, err := r.run(ctx, nil, "diff-tree", "-r", "-z", "--no-commit-id", "--name-status", "--diff-filter=R", "-M", "-l1000", "--end-of-options", string(commit))
	if err != nil {
		return "", err
	}
	fields := strings.Split(string(out), "\x00") // status, old name, new name
	for i := 0; i+2 < len(fields); i += 3 {
		if fields[i+2] == path {
			return fields[i+1], nil
		}
	}
	return "", nil
}

// revList hands the lines of git rev-list to each, until it returns an error.
func (r *Repository) revList(ctx context.Context, args []string, each func(ids []ID) error) error {
	free, err := take(ctx, r.engine.commands)
	if err != nil {
		return err
	}
	defer free()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := r.process(append([]string{"rev-list"}, args...)...).stream(ctx, nil, in)
		_ = in.CloseWithError(err) // never fails
		done <- err
	}()
	lines := bufio.NewReader(out)
	for err == nil {
		var line string
		if line, err = lines.ReadString('\n'); err != nil {
			break
		}
		var ids []ID
		for id := range strings.FieldsSeq(line) {
			ids = append(ids, ID(id))
		}
		if len(ids) > 0 {
			err = each(ids)
		}
	}
	cancel()
	_ = out.Close() // never fails
	<-done          //nolint:errcheck // killed by the cancellation when no more was needed
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// mergeCandidates bounds how many merges of a commit FindMerge looks at.
const mergeCandidates = 1000

// FindMerge returns the commit that merged source into destination: one whose first parent is destination, or else the
// oldest one in destination's history. It returns ErrNotFound when there is none.
func (r *Repository) FindMerge(ctx context.Context, source, destination ID) (ID, error) {
	if err := r.needCommits(ctx, source, destination); err != nil {
		return "", fmt.Errorf("find a merge: %w", err)
	}
	var candidates []ID // newest first
	var onTop ID
	args := []string{"--topo-order", "--merges", "--parents", "--ancestry-path", "--branches", "^" + string(source)}
	err := r.revList(ctx, args, func(ids []ID) error {
		if !slices.Contains(ids[2:], source) {
			return nil
		}
		if ids[1] == destination {
			onTop = ids[0]
		}
		if candidates = append(candidates, ids[0]); len(candidates) == mergeCandidates {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return "", fmt.Errorf("find a merge: %w", err)
	}
	if onTop != "" {
		return onTop, nil
	}
	for _, candidate := range slices.Backward(candidates) {
		within, err := r.IsAncestor(ctx, candidate, destination)
		if err != nil {
			return "", fmt.Errorf("find a merge: %w", err)
		}
		if within {
			return candidate, nil
		}
	}
	return "", fmt.Errorf("find a merge: %w", ErrNotFound)
}
