package git

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Mode is the mode of a tree's entry.
type Mode uint32

// The modes git knows.
const (
	ModeFile       Mode = 0o100644
	ModeExecutable Mode = 0o100755
	ModeSymlink    Mode = 0o120000
	ModeTree       Mode = 0o040000
	ModeSubmodule  Mode = 0o160000
)

// String returns six octal digits, such as "100644".
func (m Mode) String() string { return fmt.Sprintf("%06o", uint32(m)) }

// Type tells what an entry with the mode is: "tree", "blob", "symlink" or "submodule".
func (m Mode) Type() string {
	switch m & 0o170000 {
	case ModeTree:
		return "tree"
	case ModeSymlink:
		return "symlink"
	case ModeSubmodule:
		return "submodule"
	default:
		return "blob"
	}
}

// file tells that the mode is that of content: a blob or symlink.
func (m Mode) file() bool { return m.Type() == "blob" || m.Type() == "symlink" }

// Entry is what a tree says of a name: Path is the whole path from the root, without a leading "/".
type Entry struct {
	Path string
	Name string
	Mode Mode
	ID   ID
}

const (
	pathLimit  = 4096
	depthLimit = 256
)

// splitPath splits a path within a tree: "/" and "" are the root, slashes at the ends are ignored.
func splitPath(path string) ([]string, error) {
	trimmed := strings.Trim(path, "/")
	if trimmed == "" {
		return nil, nil
	}
	if len(trimmed) > pathLimit || strings.Count(trimmed, "/") >= depthLimit || strings.IndexByte(trimmed, 0) >= 0 {
		return nil, &PathError{path[:min(len(path), 200)], ErrInvalidPath}
	}
	parts := strings.Split(trimmed, "/")
	for _, part := range parts {
		if part == "" || part == "." || part == ".." {
			return nil, &PathError{path, ErrInvalidPath}
		}
	}
	return parts, nil
}

// parseTree reads a tree object.
func parseTree(data []byte) ([]Entry, error) {
	var entries []Entry
	for len(data) > 0 {
		space := bytes.IndexByte(data, ' ')
		null := bytes.IndexByte(data, 0)
		if space <= 0 || null < space || len(data) < null+21 {
			return nil, errors.New("the tree is damaged")
		}
		mode, err := strconv.ParseUint(string(data[:space]), 8, 32)
		if err != nil {
			return nil, errors.New("the tree has a damaged mode")
		}
		entries = append(entries, Entry{
			Name: string(data[space+1 : null]), Mode: Mode(mode), ID: ID(hex.EncodeToString(data[null+1 : null+21])),
		})
		data = data[null+21:]
	}
	return entries, nil
}

func (o *objectReader) tree(id ID) ([]Entry, error) {
	if id == emptyTree { // need not be stored to exist
		return nil, nil
	}
	data, err := o.read(id, "tree", treeLimit)
	if err != nil {
		return nil, err
	}
	return parseTree(data)
}

// find returns what a commit has at a path. The root is a tree entry without name.
func (o *objectReader) find(commit ID, path string) (Entry, error) {
	parts, err := splitPath(path)
	if err != nil {
		return Entry{}, err
	}
	c, err := o.commit(commit)
	if err != nil {
		return Entry{}, fmt.Errorf("commit %.60s: %w", commit, err)
	}
	at := Entry{Mode: ModeTree, ID: c.Tree}
	for i, part := range parts {
		if at.Mode.Type() != "tree" {
			return Entry{}, &PathError{path, ErrNotFound}
		}
		entries, err := o.tree(at.ID)
		if err != nil {
			return Entry{}, err
		}
		found := false
		for _, e := range entries {
			if e.Name == part {
				at, found = e, true
				break
			}
		}
		if !found {
			return Entry{}, &PathError{path, ErrNotFound}
		}
		at.Path = strings.Join(parts[:i+1], "/")
	}
	return at, nil
}

// Stat returns what a commit has at a path: ErrNotFound (for the path as a *PathError), ErrInvalidPath, ErrWrongType.
func (r *Repository) Stat(ctx context.Context, commit ID, path string) (Entry, error) {
	reader, err := r.reader(ctx)
	if err != nil {
		return Entry{}, fmt.Errorf("look up a path: %w", err)
	}
	defer reader.close()
	return reader.find(commit, path)
}

// FileAt is Stat of a file or symlink; anything else is ErrWrongType. Read its content with Blob or ReadBlob.
func (r *Repository) FileAt(ctx context.Context, commit ID, path string) (Entry, error) {
	entry, err := r.Stat(ctx, commit, path)
	if err == nil && !entry.Mode.file() {
		err = &PathError{path, ErrWrongType}
	}
	return entry, err
}

// Folder is a tree and its entries in git's order.
type Folder struct {
	Commit, Tree ID
	Path         string
	Entries      []Entry
}

// TreeAt lists the folder at a path of a commit, not what is below its subfolders; a file there is ErrWrongType.
func (r *Repository) TreeAt(ctx context.Context, commit ID, path string) (*Folder, error) {
	reader, err := r.reader(ctx)
	if err != nil {
		return nil, fmt.Errorf("list a folder: %w", err)
	}
	defer reader.close()
	at, err := reader.find(commit, path)
	if err != nil {
		return nil, err
	}
	if at.Mode.Type() != "tree" {
		return nil, &PathError{path, ErrWrongType}
	}
	entries, err := reader.tree(at.ID)
	if err != nil {
		return nil, err
	}
	for i := range entries {
		entries[i].Path = strings.TrimPrefix(at.Path+"/"+entries[i].Name, "/")
	}
	return &Folder{Commit: commit, Tree: at.ID, Path: at.Path, Entries: entries}, nil
}
