package git

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
)

// treeEdit changes a tree of files in memory and writes what became different.
type treeEdit struct {
	reader *objectReader
	base   ID // the tree before all changes
	root   *node
	pack   *pack
	result CommitResult
}

// node is an entry of a tree; the entries of a folder are read when they are needed.
type node struct {
	mode    Mode
	id      ID
	entries map[string]*node // of a folder, once read
	changed bool
}

func (n *node) isFolder() bool { return n.mode.Type() == "tree" }

func newTreeEdit(reader *objectReader, root ID) *treeEdit {
	return &treeEdit{reader: reader, base: root, root: &node{mode: ModeTree, id: root}, pack: newPack()}
}

// load reads a folder's entries.
func (t *treeEdit) load(n *node) error {
	if n.entries != nil {
		return nil
	}
	entries, err := t.reader.tree(n.id)
	if err != nil {
		return err
	}
	n.entries = make(map[string]*node, len(entries))
	for _, e := range entries {
		n.entries[e.Name] = &node{mode: e.Mode, id: e.ID}
	}
	return nil
}

// writablePath splits the path of a file to be written or removed.
func writablePath(path string) ([]string, error) {
	parts, err := splitPath(path)
	if err != nil {
		return nil, err
	}
	if len(parts) == 0 || strings.HasSuffix(path, "/") {
		return nil, &PathError{path, ErrInvalidPath}
	}
	for _, part := range parts {
		// Git checks this once more, with all the spellings some file systems take for the same name.
		if strings.EqualFold(part, ".git") {
			return nil, &PathError{path, ErrInvalidPath}
		}
	}
	return parts, nil
}

// editStep is a change with its path taken apart and, for Put, the object it writes.
type editStep struct {
	FileChange
	parts []string
	id    ID
}

func (t *treeEdit) apply(changes []FileChange, keepFolders bool) error {
	steps, err := t.prepare(changes)
	if err != nil {
		return err
	}
	for _, action := range []Action{Remove, SetMode, Put} {
		for _, s := range steps {
			if s.Action != action {
				continue
			}
			switch action {
			case Remove:
				err = t.remove(s)
			case SetMode:
				err = t.setMode(s)
			default:
				err = t.put(s)
			}
			if err != nil {
				return err
			}
		}
	}
	if keepFolders {
		return t.keepFolders(steps)
	}
	return nil
}

// prepare checks the paths and reads the sources, which are files of the parent whatever else changes.
func (t *treeEdit) prepare(changes []FileChange) ([]editStep, error) {
	seen := map[string]bool{}
	var steps []editStep
	claim := func(c FileChange, id ID) error {
		parts, err := writablePath(c.Path)
		if err != nil {
			return err
		}
		c.Path = strings.Join(parts, "/")
		if seen[c.Path] {
			return &PathError{c.Path, ErrDuplicatePath}
		}
		seen[c.Path] = true
		steps = append(steps, editStep{c, parts, id})
		return nil
	}
	for _, c := range changes {
		if c.Mode != 0 && c.Mode != ModeFile && c.Mode != ModeExecutable && c.Mode != ModeSymlink || c.Action == SetMode && c.Mode == 0 {
			return nil, fmt.Errorf("file mode %s of %q: %w", c.Mode, c.Path, ErrWrongType)
		}
		var id ID
		var err error
		switch {
		case c.Action == Put && c.Source != "":
			source, err := t.source(c.Source)
			if err != nil {
				return nil, err
			}
			id = source.id
			if c.Mode == 0 {
				c.Mode = source.mode
			}
			if c.Move {
				if err := claim(FileChange{Action: Remove, Path: c.Source}, ""); err != nil {
					return nil, err
				}
			}
		case c.Action == Put:
			if id, err = t.pack.add(packBlob, c.Content); err != nil {
				return nil, err
			}
		}
		if err := claim(c, id); err != nil {
			return nil, err
		}
	}
	return steps, nil
}

func (t *treeEdit) source(path string) (*node, error) {
	parts, err := writablePath(path)
	if err != nil {
		return nil, err
	}
	return t.file(path, parts)
}

// file finds a file; what is missing or no file is ErrNotFound.
func (t *treeEdit) file(path string, parts []string) (*node, error) {
	at := t.root
	for _, part := range parts {
		if !at.isFolder() {
			return nil, &PathError{path, ErrNotFound}
		}
		if err := t.load(at); err != nil {
			return nil, err
		}
		if at = at.entries[part]; at == nil {
			return nil, &PathError{path, ErrNotFound}
		}
	}
	if !at.mode.file() {
		return nil, &PathError{path, ErrNotFound}
	}
	return at, nil
}

func entryOf(s editStep, n *node) Entry {
	return Entry{Path: s.Path, Name: s.parts[len(s.parts)-1], Mode: n.mode, ID: n.id}
}

func (t *treeEdit) remove(s editStep) error {
	file, err := t.file(s.Path, s.parts)
	if err != nil {
		return err
	}
	t.result.Deleted = append(t.result.Deleted, entryOf(s, file))
	trail := t.trail(s.parts)
	for i, t := range slices.Backward(trail) {
		t.changed = true
		if i == len(trail)-1 || len(trail[i+1].entries) == 0 {
			delete(t.entries, s.parts[i])
		}
	}
	return nil
}

// trail returns the folders that lead to a file that file has found.
func (t *treeEdit) trail(parts []string) []*node {
	trail := []*node{t.root}
	for _, part := range parts[:len(parts)-1] {
		trail = append(trail, trail[len(trail)-1].entries[part])
	}
	return trail
}

func (t *treeEdit) setMode(s editStep) error {
	file, err := t.file(s.Path, s.parts)
	if err != nil {
		return err
	}
	if file.mode == s.Mode {
		return nil
	}
	file.mode = s.Mode
	for _, folder := range t.trail(s.parts) {
		folder.changed = true
	}
	t.result.Updated = append(t.result.Updated, entryOf(s, file))
	return nil
}

func (t *treeEdit) put(s editStep) error {
	at := t.root
	trail := []*node{at}
	for i, part := range s.parts[:len(s.parts)-1] {
		if err := t.load(at); err != nil {
			return err
		}
		next := at.entries[part]
		switch {
		case next == nil:
			next = &node{mode: ModeTree, id: emptyTree, entries: map[string]*node{}}
			at.entries[part] = next
		case next.mode.Type() == "submodule":
			return &PathError{strings.Join(s.parts[:i+1], "/"), ErrSubmodulePath}
		case !next.isFolder():
			return &PathError{strings.Join(s.parts[:i+1], "/"), ErrFolderIsFile}
		}
		at = next
		trail = append(trail, at)
	}
	if err := t.load(at); err != nil {
		return err
	}
	name := s.parts[len(s.parts)-1]
	was := at.entries[name]
	file := &node{mode: s.Mode, id: s.id}
	switch {
	case was == nil && file.mode == 0:
		file.mode = ModeFile
	case was == nil:
	case was.isFolder():
		return &PathError{s.Path, ErrFileIsFolder}
	case was.mode.Type() == "submodule":
		return &PathError{s.Path, ErrSubmodulePath}
	case file.mode == 0:
		file.mode = was.mode
	}
	if was != nil && was.mode == file.mode && was.id == file.id {
		return nil
	}
	at.entries[name] = file
	for _, folder := range trail {
		folder.changed = true
	}
	if was == nil {
		t.result.Added = append(t.result.Added, entryOf(s, file))
	} else {
		t.result.Updated = append(t.result.Updated, entryOf(s, file))
	}
	return nil
}

// keepFolders puts a file into each folder that a removal emptied, and thereby took away.
func (t *treeEdit) keepFolders(steps []editStep) error {
	var keep ID
	done := map[string]bool{}
	for _, s := range steps {
		folder := s.parts[:len(s.parts)-1]
		path := strings.Join(append(slices.Clip(folder), gitKeep), "/")
		if s.Action != Remove || len(folder) == 0 || done[path] {
			continue
		}
		done[path] = true
		if there, err := t.exists(folder); err != nil {
			return err
		} else if there {
			continue
		}
		if keep == "" {
			var err error
			if keep, err = t.pack.add(packBlob, nil); err != nil {
				return err
			}
		}
		change := editStep{FileChange{Action: Put, Path: path}, strings.Split(path, "/"), keep}
		// A file that took the folder's name in the same commit has its way.
		if err := t.put(change); err != nil && !errors.Is(err, ErrFolderIsFile) {
			return err
		}
	}
	return nil
}

func (t *treeEdit) exists(parts []string) (bool, error) {
	at := t.root
	for _, part := range parts {
		if !at.isFolder() {
			return false, nil
		}
		if err := t.load(at); err != nil {
			return false, err
		}
		if at = at.entries[part]; at == nil {
			return false, nil
		}
	}
	return true, nil
}

// graft puts what a merge decided at a path, in place of whatever is there. It reports whether anything was.
func (t *treeEdit) graft(c PathChange) (replaced bool, err error) {
	parts, err := writablePath(c.Path)
	if err != nil {
		return false, err
	}
	if c.Mode != 0 && c.ID == "" {
		if c.ID, err = t.pack.add(packBlob, c.Content); err != nil {
			return false, err
		}
	}
	name := parts[len(parts)-1]
	trail := []*node{t.root}
	for i, part := range parts {
		at := trail[i]
		if err := t.load(at); err != nil {
			return false, err
		}
		if i == len(parts)-1 {
			break
		}
		next := at.entries[part]
		switch {
		case next == nil && c.Mode == 0:
			return false, nil
		case next == nil:
			next = &node{mode: ModeTree, id: emptyTree, entries: map[string]*node{}}
			at.entries[part] = next
		case !next.isFolder():
			return false, &PathError{strings.Join(parts[:i+1], "/"), ErrFolderIsFile}
		}
		trail = append(trail, next)
	}
	_, replaced = trail[len(trail)-1].entries[name]
	if c.Mode != 0 {
		trail[len(trail)-1].entries[name] = &node{mode: c.Mode, id: c.ID}
	}
	for i, folder := range slices.Backward(trail) {
		folder.changed = true
		if c.Mode == 0 && (i == len(trail)-1 || len(trail[i+1].entries) == 0) {
			delete(folder.entries, parts[i])
		}
	}
	return replaced, nil
}

// write adds the changed trees to the pack and returns the root's id.
func (t *treeEdit) write() (ID, error) {
	if !t.root.changed {
		return t.base, nil
	}
	return t.writeFolder(t.root)
}

func (t *treeEdit) writeFolder(n *node) (ID, error) {
	names := make([]string, 0, len(n.entries))
	for name, entry := range n.entries {
		if entry.isFolder() {
			name += "/" // which is how git sorts folders
		}
		names = append(names, name)
	}
	sort.Strings(names)
	var data []byte
	for _, name := range names {
		name = strings.TrimSuffix(name, "/")
		entry := n.entries[name]
		if entry.changed {
			id, err := t.writeFolder(entry)
			if err != nil {
				return "", err
			}
			entry.id = id
		}
		id, err := hex.DecodeString(string(entry.id))
		if err != nil {
			return "", err
		}
		data = append(append(data, fmt.Sprintf("%o %s\x00", uint32(entry.mode), name)...), id...)
	}
	return t.pack.add(packTree, data)
}
