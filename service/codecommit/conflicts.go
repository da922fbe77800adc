package codecommit

import (
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"

	api "drydock/api/codecommit"
	"drydock/aws"
	"drydock/engine/git"
)

func checkMergeOption(option api.MergeOptionTypeEnum) error {
	switch option {
	case "":
		return api.NewMergeOptionRequiredException("A merge option or strategy is required, and none was provided.")
	case api.MergeOptionTypeEnumFastForwardMerge, api.MergeOptionTypeEnumSquashMerge, api.MergeOptionTypeEnumThreeWayMerge:
		return nil
	default:
		return invalidMergeOption()
	}
}

func invalidMergeOption() error {
	return api.NewInvalidMergeOptionException("The specified merge option is not valid for this operation. Not all merge strategies are supported " +
		"for all operations.")
}

// getMergeOptions tells in which ways two commits can be merged.
func (s *Service) getMergeOptions(call *aws.Call, in *api.GetMergeOptionsInput) (*api.GetMergeOptionsOutput, error) {
	j, err := judge(in.ConflictDetailLevel, in.ConflictResolutionStrategy)
	if err != nil {
		return nil, err
	}
	_, files, err := s.find(call, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	m, err := s.sides(call, files, in.SourceCommitSpecifier, in.DestinationCommitSpecifier)
	if err != nil {
		return nil, err
	}
	out := &api.GetMergeOptionsOutput{
		MergeOptions: []api.MergeOptionTypeEnum{}, SourceCommitID: string(m.source), DestinationCommitID: string(m.destination), BaseCommitID: string(m.base),
	}
	if m.base == m.destination {
		out.MergeOptions = append(out.MergeOptions, api.MergeOptionTypeEnumFastForwardMerge)
	}
	looked, err := s.look(call, files, m, j, false)
	if err != nil {
		return nil, err
	}
	if j.accepts() || len(looked.conflicts()) == 0 {
		out.MergeOptions = append(out.MergeOptions, api.MergeOptionTypeEnumSquashMerge, api.MergeOptionTypeEnumThreeWayMerge)
	}
	return out, nil
}

// question is what the operations that describe conflicts have in common.
type question struct {
	repository, source, destination string
	option                          api.MergeOptionTypeEnum
	level                           *api.ConflictDetailLevelTypeEnum
	strategy                        *api.ConflictResolutionStrategyTypeEnum
	token                           *string
}

// answer is a merge as it was asked about; skip is how much earlier pages have shown.
type answer struct {
	*merging
	files *git.Repository
	skip  int
}

// answer looks at the merge that a question is about. Page tokens hold the commits, so that a listing goes on with them
// when a branch moves.
func (s *Service) answer(call *aws.Call, q question) (*answer, error) {
	if err := checkMergeOption(q.option); err != nil {
		return nil, err
	}
	j, err := judge(q.level, q.strategy)
	if err != nil {
		return nil, err
	}
	_, files, err := s.find(call, q.repository)
	if err != nil {
		return nil, err
	}
	a := &answer{files: files}
	if token := deref(q.token); token != "" {
		parts, err := aws.DecodePageToken(token, 3)
		if err != nil {
			return nil, invalidToken()
		}
		q.source, q.destination = parts[0], parts[1]
		if a.skip, err = strconv.Atoi(parts[2]); err != nil || a.skip < 0 {
			return nil, invalidToken()
		}
	}
	sides, err := s.sides(call, files, q.source, q.destination)
	if err != nil {
		return nil, err
	}
	if q.option == api.MergeOptionTypeEnumFastForwardMerge { // which merges no files
		a.merging = &merging{mergeSides: sides, judgement: j}
		return a, nil
	}
	a.merging, err = s.look(call, files, sides, j, false)
	return a, err
}

// open are the conflicts that the strategy leaves to the caller.
func (a *answer) open() []*meeting {
	if a.accepts() {
		return nil
	}
	return a.conflicts()
}

// next is the token of the page behind the first n of what is listed.
func (a *answer) next(n int) *string {
	return new(aws.EncodePageToken(string(a.source), string(a.destination), strconv.Itoa(a.skip+n)))
}

// commits are those of the merge.
func (a *answer) commits() (source, destination string, base *string) {
	return string(a.source), string(a.destination), new(string(a.base))
}

// limitOf reads a maximum that a request gives, the most where it gives none.
func limitOf(given *int32, most int, invalid error) (int, error) {
	switch {
	case given == nil:
		return most, nil
	case *given < 1:
		return 0, invalid
	default:
		return min(int(*given), most), nil
	}
}

func invalidMaxConflictFiles() error {
	return api.NewInvalidMaxConflictFilesException("The specified value for the number of conflict files to return is not valid.")
}

func invalidMaxMergeHunks() error {
	return api.NewInvalidMaxMergeHunksException("The specified value for the number of merge hunks to return is not valid.")
}

// getMergeConflicts tells whether two commits can be merged, and lists the files that keep them from it.
func (s *Service) getMergeConflicts(call *aws.Call, in *api.GetMergeConflictsInput) (*api.GetMergeConflictsOutput, error) {
	limit, err := limitOf(in.MaxConflictFiles, conflictsPage, invalidMaxConflictFiles())
	if err != nil {
		return nil, err
	}
	a, err := s.answer(call, question{
		in.RepositoryName, in.SourceCommitSpecifier, in.DestinationCommitSpecifier, in.MergeOption, in.ConflictDetailLevel, in.ConflictResolutionStrategy, in.NextToken,
	})
	if err != nil {
		return nil, err
	}
	open := a.open()
	out := &api.GetMergeConflictsOutput{Mergeable: len(open) == 0, ConflictMetadataList: []api.ConflictMetadata{}}
	out.SourceCommitID, out.DestinationCommitID, out.BaseCommitID = a.commits()
	if in.MergeOption == api.MergeOptionTypeEnumFastForwardMerge {
		out.Mergeable = a.base == a.destination
	}
	page := open[min(a.skip, len(open)):]
	if len(page) > limit {
		page, out.NextToken = page[:limit], a.next(limit)
	}
	for _, m := range page {
		shown, err := m.metadata(call, a.files)
		if err != nil {
			return nil, err
		}
		out.ConflictMetadataList = append(out.ConflictMetadataList, *shown)
	}
	return out, nil
}

// batchDescribeMergeConflicts lists conflicts with what is in conflict, of all files or of some.
func (s *Service) batchDescribeMergeConflicts(call *aws.Call, in *api.BatchDescribeMergeConflictsInput) (*api.BatchDescribeMergeConflictsOutput, error) {
	limit, err := limitOf(in.MaxConflictFiles, conflictsPage, invalidMaxConflictFiles())
	if err != nil {
		return nil, err
	}
	hunks, err := limitOf(in.MaxMergeHunks, hunksPage, invalidMaxMergeHunks())
	if err != nil {
		return nil, err
	}
	a, err := s.answer(call, question{
		in.RepositoryName, in.SourceCommitSpecifier, in.DestinationCommitSpecifier, in.MergeOption, in.ConflictDetailLevel, in.ConflictResolutionStrategy, in.NextToken,
	})
	if err != nil {
		return nil, err
	}
	out := &api.BatchDescribeMergeConflictsOutput{Conflicts: []api.Conflict{}, Errors: []api.BatchDescribeMergeConflictsError{}}
	out.SourceCommitID, out.DestinationCommitID, out.BaseCommitID = a.commits()
	open := a.open()
	if len(in.FilePaths) > 0 {
		wanted := map[string]bool{}
		for _, path := range in.FilePaths {
			wanted[strings.Trim(path, "/")] = true
			_, err := a.at(call, path)
			var refusal *aws.Error
			switch {
			case errors.As(err, &refusal):
				out.Errors = append(out.Errors, api.BatchDescribeMergeConflictsError{FilePath: path, ExceptionName: refusal.Code, Message: refusal.Message})
			case err != nil:
				return nil, err
			}
		}
		open = slices.DeleteFunc(open, func(m *meeting) bool { return !wanted[m.Path] })
	}
	page := open[min(a.skip, len(open)):]
	if len(page) > limit {
		page, out.NextToken = page[:limit], a.next(limit)
	}
	for _, m := range page {
		shown, err := m.metadata(call, a.files)
		if err != nil {
			return nil, err
		}
		all, err := m.hunks(call, a.files)
		if err != nil {
			return nil, err
		}
		out.Conflicts = append(out.Conflicts, api.Conflict{ConflictMetadata: shown, MergeHunks: all[:min(hunks, len(all))]})
	}
	return out, nil
}

// at is what the versions have at a path, whether it is in conflict or not.
func (a *answer) at(call *aws.Call, path string) (*meeting, error) {
	if path == "" {
		return nil, pathRequired()
	}
	for _, m := range a.meetings {
		if m.Path == strings.Trim(path, "/") {
			return m, nil
		}
	}
	m := &meeting{Both: git.Both{Path: strings.Trim(path, "/")}}
	for _, version := range []struct {
		commit git.ID
		entry  **git.Entry
	}{{a.base, &m.Base}, {a.source, &m.Source}, {a.destination, &m.Destination}} {
		entry, err := a.files.FileAt(call, version.commit, path)
		switch {
		case err == nil:
			*version.entry = &entry
		case errors.Is(err, git.ErrInvalidPath):
			return nil, invalidPath(path)
		case !errors.As(err, new(*git.PathError)):
			return nil, err
		}
	}
	if m.Base == nil && m.Source == nil && m.Destination == nil {
		return nil, noFile(path)
	}
	return m, nil
}

// describeMergeConflicts shows the hunks of one file, in pages.
func (s *Service) describeMergeConflicts(call *aws.Call, in *api.DescribeMergeConflictsInput) (*api.DescribeMergeConflictsOutput, error) {
	if in.FilePath == "" {
		return nil, pathRequired()
	}
	limit, err := limitOf(in.MaxMergeHunks, hunksPage, invalidMaxMergeHunks())
	if err != nil {
		return nil, err
	}
	a, err := s.answer(call, question{
		in.RepositoryName, in.SourceCommitSpecifier, in.DestinationCommitSpecifier, in.MergeOption, in.ConflictDetailLevel, in.ConflictResolutionStrategy, in.NextToken,
	})
	if err != nil {
		return nil, err
	}
	m, err := a.at(call, in.FilePath)
	if err != nil {
		return nil, err
	}
	shown, err := m.metadata(call, a.files)
	if err != nil {
		return nil, err
	}
	all, err := m.hunks(call, a.files)
	if err != nil {
		return nil, err
	}
	out := &api.DescribeMergeConflictsOutput{ConflictMetadata: *shown, MergeHunks: all[min(a.skip, len(all)):]}
	out.SourceCommitID, out.DestinationCommitID, out.BaseCommitID = a.commits()
	if len(out.MergeHunks) > limit {
		out.MergeHunks, out.NextToken = out.MergeHunks[:limit], a.next(limit)
	}
	return out, nil
}

// hunks shows what both sides changed of a file: by line where it was merged by line, else as a whole. Of what is no
// text, or too large for the API, there are none.
func (m *meeting) hunks(call *aws.Call, files *git.Repository) ([]api.MergeHunk, error) {
	shown := []api.MergeHunk{}
	if m.lines != nil {
		for _, h := range m.lines.Hunks {
			shown = append(shown, api.MergeHunk{
				IsConflict: &h.Conflict, Source: showLines(h.Source), Destination: showLines(h.Destination), Base: showLines(h.Base),
			})
		}
		return shown, nil
	}
	if !m.content {
		return shown, nil
	}
	whole := api.MergeHunk{IsConflict: new(true)}
	for _, version := range []struct {
		entry  *git.Entry
		detail **api.MergeHunkDetail
	}{{m.Source, &whole.Source}, {m.Destination, &whole.Destination}} {
		if version.entry == nil {
			continue
		}
		if version.entry.Mode.Type() != "blob" {
			return shown, nil
		}
		content, err := files.ReadBlob(call, version.entry.ID, maxFileSize)
		if errors.Is(err, git.ErrTooLarge) || err == nil && git.IsBinary(content) {
			return shown, nil
		}
		if err != nil {
			return nil, err
		}
		*version.detail = showLines(git.Lines{End: countLines(content), Text: content})
	}
	return append(shown, whole), nil
}

// showLines is a stretch of lines as the API shows it.
func showLines(l git.Lines) *api.MergeHunkDetail {
	return &api.MergeHunkDetail{
		StartLine: new(int32(l.Start)), EndLine: new(int32(l.End)), HunkContent: new(base64.StdEncoding.EncodeToString(l.Text)),
	}
}

// countLines counts the lines of a text; the last one need not have an end.
func countLines(content []byte) int {
	n := strings.Count(string(content), "\n")
	if len(content) > 0 && content[len(content)-1] != '\n' {
		n++
	}
	return n
}

// getMergeCommit finds the commit that merged one commit into another.
func (s *Service) getMergeCommit(call *aws.Call, in *api.GetMergeCommitInput) (*api.GetMergeCommitOutput, error) {
	if _, err := judge(in.ConflictDetailLevel, in.ConflictResolutionStrategy); err != nil {
		return nil, err
	}
	_, files, err := s.find(call, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	if in.DestinationCommitSpecifier == "" {
		return nil, commitRequired()
	}
	source, err := s.resolve(call, files, in.SourceCommitSpecifier)
	if err != nil {
		return nil, err
	}
	destination, err := s.resolve(call, files, in.DestinationCommitSpecifier)
	if err != nil {
		return nil, err
	}
	out := &api.GetMergeCommitOutput{SourceCommitID: new(string(source)), DestinationCommitID: new(string(destination))}
	base, err := files.MergeBase(call, source, destination)
	if err == nil {
		out.BaseCommitID = new(string(base))
	} else if !errors.Is(err, git.ErrNotFound) {
		return nil, err
	}
	merged, err := files.FindMerge(call, source, destination)
	if err == nil {
		out.MergedCommitID = new(string(merged))
	} else if !errors.Is(err, git.ErrNotFound) {
		return nil, err
	}
	return out, nil
}
