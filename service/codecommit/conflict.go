package codecommit

import (
	"errors"
	"fmt"
	"io"

	api "drydock/api/codecommit"
	"drydock/aws"
	"drydock/engine/git"
)

// mergeSides are the commits of a merge: source is merged into destination, base is their common ancestor.
type mergeSides struct{ source, destination, base git.ID }

// sides finds the commits of a merge.
func (s *Service) sides(call *aws.Call, files *git.Repository, source, destination string) (m mergeSides, err error) {
	if source == "" || destination == "" {
		return m, commitRequired() // before it shows whether the other one exists
	}
	if m.source, err = s.resolve(call, files, source); err != nil {
		return m, err
	}
	if m.destination, err = s.resolve(call, files, destination); err != nil {
		return m, err
	}
	m.base, err = files.MergeBase(call, m.source, m.destination)
	if errors.Is(err, git.ErrNotFound) {
		return m, api.NewTipsDivergenceExceededException("The divergence between the tips of the provided commit specifiers is too great to determine " +
			"whether there might be any merge conflicts: they have no common ancestor.")
	}
	return m, err
}

// judgement is how closely conflicts are looked for, and what is done about them.
type judgement struct {
	// byLine tells that files which both sides changed are merged line by line. By file, each is a conflict.
	byLine   bool
	strategy api.ConflictResolutionStrategyTypeEnum
}

// judge reads the detail and the strategy of a request.
func judge(level *api.ConflictDetailLevelTypeEnum, strategy *api.ConflictResolutionStrategyTypeEnum) (j judgement, err error) {
	switch j.strategy = deref(strategy); j.strategy {
	case "":
		j.strategy = api.ConflictResolutionStrategyTypeEnumNone
	case api.ConflictResolutionStrategyTypeEnumNone, api.ConflictResolutionStrategyTypeEnumAcceptSource,
		api.ConflictResolutionStrategyTypeEnumAcceptDestination, api.ConflictResolutionStrategyTypeEnumAutomerge:
	default:
		return j, api.NewInvalidConflictResolutionStrategyException("The specified conflict resolution strategy is not valid.")
	}
	switch deref(level) {
	case "", api.ConflictDetailLevelTypeEnumFileLevel:
		j.byLine = j.strategy == api.ConflictResolutionStrategyTypeEnumAutomerge
	case api.ConflictDetailLevelTypeEnumLineLevel:
		j.byLine = true
	default:
		return j, api.NewInvalidConflictDetailLevelException("The specified conflict detail level is not valid.")
	}
	return j, nil
}

// accepts tells that one side has its way in every conflict.
func (j judgement) accepts() bool {
	return j.strategy == api.ConflictResolutionStrategyTypeEnumAcceptSource || j.strategy == api.ConflictResolutionStrategyTypeEnumAcceptDestination
}

// meeting is a path that both sides changed in different ways.
type meeting struct {
	git.Both
	// content, mode and kind tell what of it is in conflict; if none is, the versions merge.
	content, mode, kind bool
	// lines is the file merged by line, if it was.
	lines *git.FileMerge
}

func (m *meeting) conflict() bool { return m.content || m.mode || m.kind }

// merging is a merge as it was looked at.
type merging struct {
	mergeSides
	judgement
	// incoming is what only the source changed, meetings what both did.
	incoming []git.Difference
	meetings []*meeting
	// tree is the result of a merge that git makes without help.
	tree git.ID
}

// conflicts are the meetings that somebody has to decide.
func (m *merging) conflicts() []*meeting {
	var open []*meeting
	for _, at := range m.meetings {
		if at.conflict() {
			open = append(open, at)
		}
	}
	return open
}

// look compares the sides of a merge. By line, git has the last word: it also knows renames, and merges whose sides have
// several common ancestors. It is not asked for one that the caller decided.
func (s *Service) look(call *aws.Call, files *git.Repository, sides mergeSides, j judgement, decided bool) (*merging, error) {
	compared, err := files.CompareSides(call, sides.base, sides.source, sides.destination, maxMergePaths)
	if errors.Is(err, git.ErrTooLarge) {
		return nil, api.NewMaximumItemsToCompareExceededException("The number of items to compare between the source or destination branches and the " +
			"merge base has exceeded the maximum allowed.")
	}
	if err != nil {
		return nil, err
	}
	m := &merging{mergeSides: sides, judgement: j, incoming: compared.Source}
	budget := int64(maxMergeContent)
	for _, both := range compared.Both {
		at, err := meet(call, files, both, j.byLine, &budget)
		if err != nil {
			return nil, err
		}
		m.meetings = append(m.meetings, at)
	}
	if !j.byLine || decided || len(m.conflicts()) == 0 {
		return m, nil
	}
	tree, err := files.MergeTrees(call, sides.destination, sides.source)
	if errors.Is(err, git.ErrMergeConflict) {
		return m, nil
	}
	if err != nil {
		return nil, err
	}
	m.tree, m.meetings = tree, nil
	return m, nil
}

// meet finds out what of a path is in conflict.
func meet(call *aws.Call, files *git.Repository, both git.Both, byLine bool, budget *int64) (*meeting, error) {
	m := &meeting{Both: both}
	source, destination, base := both.Source, both.Destination, both.Base
	if source == nil || destination == nil {
		m.content = true
		return m, nil
	}
	if source.Mode.Type() != destination.Mode.Type() {
		m.kind = true
		return m, nil
	}
	m.mode = source.Mode != destination.Mode && (base == nil || source.Mode != base.Mode && destination.Mode != base.Mode)
	m.content = source.ID != destination.ID && (base == nil || source.ID != base.ID && destination.ID != base.ID)
	if !m.content || !byLine || source.Mode.Type() != "blob" || base != nil && base.Mode.Type() != "blob" {
		return m, nil
	}
	var from git.ID
	if base != nil {
		from = base.ID
	}
	for _, id := range []git.ID{from, source.ID, destination.ID} {
		if id == "" {
			continue
		}
		size, binary, err := inspect(call, files, id)
		if err != nil {
			return nil, err
		}
		if binary || size > maxFileSize {
			return m, nil
		}
		if *budget -= size; *budget < 0 {
			return nil, api.NewMaximumFileContentToLoadExceededException("The number of files to load exceeds the allowed limit.")
		}
	}
	var err error
	if m.lines, err = files.MergeLines(call, from, source.ID, destination.ID, maxFileSize); err != nil {
		return nil, err
	}
	m.content = m.lines.Conflicts() > 0
	return m, nil
}

// inspect returns a blob's size and whether it is binary.
func inspect(call *aws.Call, files *git.Repository, id git.ID) (size int64, binary bool, err error) {
	blob, err := files.Blob(call, id)
	if err != nil {
		return 0, false, err
	}
	head := make([]byte, min(blob.Size, 8000))
	_, err = io.ReadFull(blob, head)
	if closed := blob.Close(); err == nil {
		err = closed
	}
	return blob.Size, git.IsBinary(head), err
}

// metadata is a meeting as the API shows it.
func (m *meeting) metadata(call *aws.Call, files *git.Repository) (*api.ConflictMetadata, error) {
	shown := &api.ConflictMetadata{
		FilePath: &m.Path, FileSizes: &api.FileSizes{}, FileModes: &api.FileModes{}, ObjectTypes: &api.ObjectTypes{}, IsBinaryFile: &api.IsBinaryFile{},
		ContentConflict: &m.content, FileModeConflict: &m.mode, ObjectTypeConflict: &m.kind,
		MergeOperations: &api.MergeOperations{Source: operation(m.Base, m.Source), Destination: operation(m.Base, m.Destination)},
	}
	number := 0
	switch {
	case m.lines != nil:
		number = m.lines.Conflicts()
	case m.content:
		number = 1
	}
	for _, more := range []bool{m.mode, m.kind} {
		if more {
			number++
		}
	}
	shown.NumberOfConflicts = new(int32(number))
	for _, version := range []struct {
		entry  *git.Entry
		size   **int64
		mode   **api.FileModeTypeEnum
		kind   **api.ObjectTypeEnum
		binary **bool
	}{
		{m.Source, &shown.FileSizes.Source, &shown.FileModes.Source, &shown.ObjectTypes.Source, &shown.IsBinaryFile.Source},
		{m.Destination, &shown.FileSizes.Destination, &shown.FileModes.Destination, &shown.ObjectTypes.Destination, &shown.IsBinaryFile.Destination},
		{m.Base, &shown.FileSizes.Base, &shown.FileModes.Base, &shown.ObjectTypes.Base, &shown.IsBinaryFile.Base},
	} {
		if version.entry == nil {
			continue
		}
		*version.kind = new(objectType(version.entry))
		if kind := version.entry.Mode.Type(); kind != "blob" && kind != "symlink" {
			continue
		}
		size, binary, err := inspect(call, files, version.entry.ID)
		if err != nil {
			return nil, fmt.Errorf("inspect %s: %w", m.Path, err)
		}
		*version.size, *version.binary, *version.mode = &size, &binary, new(apiMode(version.entry.Mode))
	}
	return shown, nil
}

// operation is what a side did; nil is nothing.
func operation(base, now *git.Entry) *api.ChangeTypeEnum {
	switch {
	case base == nil && now == nil:
		return nil
	case base == nil:
		return new(api.ChangeTypeEnumA)
	case now == nil:
		return new(api.ChangeTypeEnumD)
	case *base == *now:
		return nil
	default:
		return new(api.ChangeTypeEnumM)
	}
}

func objectType(e *git.Entry) api.ObjectTypeEnum {
	switch e.Mode.Type() {
	case "tree":
		return api.ObjectTypeEnumDirectory
	case "submodule":
		return api.ObjectTypeEnumGitLink
	case "symlink":
		return api.ObjectTypeEnumSymbolicLink
	default:
		return api.ObjectTypeEnumFile
	}
}
