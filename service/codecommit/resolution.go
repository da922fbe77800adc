package codecommit

import (
	"iter"
	"maps"
	"path"
	"strings"

	api "drydock/api/codecommit"
	"drydock/engine/git"
)

func invalidResolution(format string, args ...any) error {
	return api.NewInvalidConflictResolutionException("The specified conflict resolution list is not valid: "+format, args...)
}

// resolution is what the caller of a merge decided, by path.
type resolution struct {
	replaced map[string]api.ReplaceContentEntry
	deleted  map[string]bool
	modes    map[string]git.Mode
}

// decisions checks and reads the conflict resolution of a request; nil is none.
func decisions(in *api.ConflictResolution, j judgement) (*resolution, error) {
	if in == nil || len(in.ReplaceContents)+len(in.DeleteFiles)+len(in.SetFileModes) == 0 {
		return nil, nil
	}
	if j.strategy != api.ConflictResolutionStrategyTypeEnumAutomerge {
		return nil, invalidResolution("it needs the strategy AUTOMERGE.")
	}
	if len(in.ReplaceContents)+len(in.DeleteFiles)+len(in.SetFileModes) > maxResolutions {
		return nil, api.NewMaximumConflictResolutionEntriesExceededException("The number of allowed conflict resolution entries was exceeded.")
	}
	r := &resolution{replaced: map[string]api.ReplaceContentEntry{}, deleted: map[string]bool{}, modes: map[string]git.Mode{}}
	taken := map[string]bool{}
	claim := func(name string, kind string) (string, error) {
		clean := strings.Trim(name, "/")
		if clean == "" {
			return "", pathRequired()
		}
		if taken[kind+clean] {
			return "", api.NewMultipleConflictResolutionEntriesException("More than one conflict resolution entries exists for the conflict in %s. "+
				"A conflict can have only one conflict resolution entry.", clean)
		}
		taken[kind+clean] = true
		return clean, nil
	}
	if err := r.readReplacements(in.ReplaceContents, claim); err != nil {
		return nil, err
	}
	for _, entry := range in.DeleteFiles {
		name, err := claim(entry.FilePath, "content ")
		if err != nil {
			return nil, err
		}
		r.deleted[name] = true
	}
	for _, entry := range in.SetFileModes {
		name, err := claim(entry.FilePath, "mode ")
		if err != nil {
			return nil, err
		}
		if entry.FileMode == "" {
			return nil, api.NewFileModeRequiredException("The commit cannot be created because no file mode has been specified. A file mode is required " +
				"to update mode permissions for a file.")
		}
		if r.modes[name], err = gitMode(entry.FileMode); err != nil {
			return nil, err
		}
		if r.deleted[name] {
			return nil, invalidResolution("the file %s is deleted, and has no mode.", name)
		}
	}
	return r, nil
}

func (r *resolution) readReplacements(entries []api.ReplaceContentEntry, claim func(name, kind string) (string, error)) error {
	total, folders := 0, map[string]int{}
	for _, entry := range entries {
		name, err := claim(entry.FilePath, "content ")
		if err != nil {
			return err
		}
		switch entry.ReplacementType {
		case "":
			return api.NewReplacementTypeRequiredException("A replacement type is required.")
		case api.ReplacementTypeEnumUseNewContent:
			if entry.Content == nil {
				return api.NewReplacementContentRequiredException("USE_NEW_CONTENT was specified, but no replacement content has been provided.")
			}
		case api.ReplacementTypeEnumKeepBase, api.ReplacementTypeEnumKeepSource, api.ReplacementTypeEnumKeepDestination:
			if len(entry.Content) > 0 {
				return api.NewInvalidReplacementContentException("Automerge was specified for resolving the conflict, but the replacement type is not " +
					"valid or content is missing.")
			}
		default:
			return api.NewInvalidReplacementTypeException("Automerge was specified for resolving the conflict, but the specified replacement type is not valid.")
		}
		if _, err := gitMode(deref(entry.FileMode)); err != nil {
			return err
		}
		total += len(entry.Content)
		if len(entry.Content) > maxFileSize || total > maxCommitSize {
			return tooLarge()
		}
		if folders[path.Dir(name)] += len(entry.Content); folders[path.Dir(name)] > maxFileSize {
			return folderTooLarge()
		}
		r.replaced[name] = entry
	}
	return nil
}

// decide gives the changes of the destination's files that make the merge, or ManualMergeRequired. Every decision of the
// caller has to be about a path that both sides changed.
func (m *merging) decide(r *resolution) ([]git.PathChange, error) {
	changes := make([]git.PathChange, 0, len(m.incoming)+len(m.meetings))
	for _, d := range m.incoming {
		if d.After == nil {
			changes = append(changes, git.PathChange{Path: d.Before.Path})
		} else {
			changes = append(changes, put(d.After.Path, d.After))
		}
	}
	if err := r.check(m.meetings); err != nil {
		return nil, err
	}
	for _, at := range m.meetings {
		change, decided := r.decide(at)
		switch {
		case decided:
		case !at.conflict():
			change = at.merged(nil)
		case m.accepts():
			change = m.accept(at)
		default:
			return nil, manualMerge()
		}
		changes = append(changes, r.withMode(change))
	}
	return changes, nil
}

// check refuses decisions about paths where there is nothing to decide.
func (r *resolution) check(meetings []*meeting) error {
	if r == nil {
		return nil
	}
	met := map[string]bool{}
	for _, at := range meetings {
		met[at.Path] = true
	}
	for _, names := range []iter.Seq[string]{maps.Keys(r.replaced), maps.Keys(r.deleted), maps.Keys(r.modes)} {
		for name := range names {
			if !met[name] {
				return invalidResolution("%s is not in conflict.", name)
			}
		}
	}
	return nil
}

// put makes an entry the one at a path; nil puts nothing there.
func put(name string, e *git.Entry) git.PathChange {
	if e == nil {
		return git.PathChange{Path: name}
	}
	return git.PathChange{Path: name, Mode: e.Mode, ID: e.ID}
}

// merged is a file whose versions merge; resolve gives the text of what is in conflict by line, if anything is.
func (m *meeting) merged(resolve func(git.Hunk) []byte) git.PathChange {
	change := put(m.Path, m.Destination)
	if m.Base != nil && m.Destination.Mode == m.Base.Mode {
		change.Mode = m.Source.Mode
	}
	switch {
	case m.lines != nil:
		change.ID, change.Content = "", m.lines.Text(resolve)
	case m.Base != nil && m.Destination.ID == m.Base.ID:
		change.ID = m.Source.ID
	}
	return change
}

// accept lets the side that the strategy names have its way: in the lines that are in conflict where the file was merged
// by line, else in the whole file.
func (m *merging) accept(at *meeting) git.PathChange {
	source := m.strategy == api.ConflictResolutionStrategyTypeEnumAcceptSource
	side := at.Destination
	if source {
		side = at.Source
	}
	if at.lines == nil {
		return put(at.Path, side)
	}
	change := at.merged(func(h git.Hunk) []byte {
		if source {
			return h.Source.Text
		}
		return h.Destination.Text
	})
	if at.mode {
		change.Mode = side.Mode
	}
	return change
}

// decide is what the caller wants at a path; it reports false when the caller says nothing of its content.
func (r *resolution) decide(at *meeting) (git.PathChange, bool) {
	if r == nil {
		return git.PathChange{}, false
	}
	if r.deleted[at.Path] {
		return git.PathChange{Path: at.Path}, true
	}
	entry, replaced := r.replaced[at.Path]
	if !replaced {
		mode, set := r.modes[at.Path]
		if !set || at.content || at.kind {
			return git.PathChange{}, false
		}
		change := at.merged(nil) // only the mode was in conflict
		change.Mode = mode
		return change, true
	}
	var change git.PathChange
	switch entry.ReplacementType {
	case api.ReplacementTypeEnumKeepBase:
		change = put(at.Path, at.Base)
	case api.ReplacementTypeEnumKeepSource:
		change = put(at.Path, at.Source)
	case api.ReplacementTypeEnumKeepDestination:
		change = put(at.Path, at.Destination)
	default:
		change = git.PathChange{Path: at.Path, Mode: git.ModeFile, Content: entry.Content}
		for _, e := range []*git.Entry{at.Source, at.Destination} {
			if e != nil && e.Mode.Type() == "blob" {
				change.Mode = e.Mode
			}
		}
	}
	if mode, err := gitMode(deref(entry.FileMode)); err == nil && mode != 0 && change.Mode != 0 {
		change.Mode = mode
	}
	return change, true
}

// withMode lets the caller's word on a file's mode have the last one.
func (r *resolution) withMode(change git.PathChange) git.PathChange {
	if r == nil {
		return change
	}
	if mode, set := r.modes[change.Path]; set && change.Mode != 0 {
		change.Mode = mode
	}
	return change
}
