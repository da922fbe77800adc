package codecommit_test

import (
	"encoding/base64"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	api "drydock/api/codecommit"
	"drydock/aws"
	"drydock/service/servicetest"
)

// conflicting makes a repository whose branches "source" and "destination" both changed the lines of "text" (the first one
// in different ways), the file "whole", and the mode of "tool"; the source deleted "gone", which the destination changed.
func conflicting(t *testing.T, call *aws.Call) {
	t.Helper()
	createRepository(t, call, "app")
	first := commit(t, call, "main", nil, map[string]string{
		"text": "1\n2\n3\n4\n5\n", "whole": "0\x000", "gone": "0\n", "clean": "1\n2\n3\n4\n", "same": "0", "dir/file": "0",
	})
	for _, branch := range []string{"source", "destination"} {
		createBranch(t, call, "app", branch, first)
	}
	commit(t, call, "source", []string{"gone"}, map[string]string{"text": "source\n2\n3\n4\n5s\n", "whole": "1\x001", "clean": "1s\n2\n3\n4\n", "same": "1", "new": "n"})
	commit(t, call, "destination", nil, map[string]string{"text": "destination\n2\n3\n4\n5\n", "whole": "2\x002", "gone": "1\n", "clean": "1\n2\n3\n4d\n", "same": "1"})
}

// commit changes several files of a branch and returns the commit.
func commit(t *testing.T, call *aws.Call, branch string, deleted []string, files map[string]string) string {
	t.Helper()
	in := &api.CreateCommitInput{RepositoryName: "app", BranchName: branch}
	if head, err := api.GetBranch.Do(call, &api.GetBranchInput{RepositoryName: new("app"), BranchName: &branch}); err == nil {
		in.ParentCommitID = head.Branch.CommitID
	}
	for path, content := range files {
		in.PutFiles = append(in.PutFiles, api.PutFileEntry{FilePath: path, FileContent: []byte(content)})
	}
	for _, path := range deleted {
		in.DeleteFiles = append(in.DeleteFiles, api.DeleteFileEntry{FilePath: path})
	}
	out, err := api.CreateCommit.Do(call, in)
	if err != nil {
		t.Fatal(err)
	}
	return *out.CommitID
}

var (
	byLine    = new(api.ConflictDetailLevelTypeEnumLineLevel)
	automerge = new(api.ConflictResolutionStrategyTypeEnumAutomerge)
)

func TestGetMergeConflicts_ListsWhatIsInConflict(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	conflicting(t, call)
	list := func(level *api.ConflictDetailLevelTypeEnum, strategy *api.ConflictResolutionStrategyTypeEnum) (string, []api.ConflictMetadata) {
		in := &api.GetMergeConflictsInput{
			RepositoryName: "app", SourceCommitSpecifier: "source", DestinationCommitSpecifier: "destination", MergeOption: "THREE_WAY_MERGE",
			ConflictDetailLevel: level, ConflictResolutionStrategy: strategy, MaxConflictFiles: new(int32(2)),
		}
		var paths []string
		var all []api.ConflictMetadata
		for {
			out, err := api.GetMergeConflicts.Do(call, in)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range out.ConflictMetadataList {
				paths = append(paths, fmt.Sprint(*c.FilePath, *c.NumberOfConflicts))
				all = append(all, c)
			}
			if out.Mergeable && len(paths) > 0 || *out.BaseCommitID != *getHead(t, call, "app", "main") {
				t.Errorf("page %+v", out)
			}
			if in.NextToken = out.NextToken; in.NextToken == nil {
				return strings.Join(paths, " "), all
			}
		}
	}
	if got, _ := list(nil, nil); got != "clean1 gone1 text1 whole1" {
		t.Errorf("by file: %s", got)
	}
	if got, _ := list(nil, new(api.ConflictResolutionStrategyTypeEnumAcceptSource)); got != "" {
		t.Errorf("accepting the source: %s", got)
	}
	if got, _ := list(nil, automerge); got != "gone1 text1 whole1" {
		t.Errorf("merged by itself: %s", got)
	}
	got, all := list(byLine, nil)
	if got != "gone1 text1 whole1" {
		t.Fatalf("by line: %s", got)
	}
	file, normal := new(api.ObjectTypeEnumFile), new(api.FileModeTypeEnumNormal)
	want := []api.ConflictMetadata{{
		FilePath: new("gone"), FileSizes: &api.FileSizes{Destination: new(int64(2)), Base: new(int64(2))},
		FileModes: &api.FileModes{Destination: normal, Base: normal}, ObjectTypes: &api.ObjectTypes{Destination: file, Base: file},
		NumberOfConflicts: new(int32(1)), IsBinaryFile: &api.IsBinaryFile{Destination: new(false), Base: new(false)}, ContentConflict: new(true),
		FileModeConflict: new(false), ObjectTypeConflict: new(false),
		MergeOperations: &api.MergeOperations{Source: new(api.ChangeTypeEnumD), Destination: new(api.ChangeTypeEnumM)},
	}, {
		FilePath: new("text"), FileSizes: &api.FileSizes{Source: new(int64(16)), Destination: new(int64(20)), Base: new(int64(10))},
		FileModes: &api.FileModes{Source: normal, Destination: normal, Base: normal}, ObjectTypes: &api.ObjectTypes{Source: file, Destination: file, Base: file},
		NumberOfConflicts: new(int32(1)), IsBinaryFile: &api.IsBinaryFile{Source: new(false), Destination: new(false), Base: new(false)},
		ContentConflict: new(true), FileModeConflict: new(false), ObjectTypeConflict: new(false),
		MergeOperations: &api.MergeOperations{Source: new(api.ChangeTypeEnumM), Destination: new(api.ChangeTypeEnumM)},
	}}
	if diff := cmp.Diff(want, all[:2]); diff != "" {
		t.Errorf("conflicts (-want +got):\n%s", diff)
	}
	if !*all[2].IsBinaryFile.Source {
		t.Errorf("whole: %+v", all[2])
	}
	out, err := api.GetMergeConflicts.Do(call, &api.GetMergeConflictsInput{
		RepositoryName: "app", SourceCommitSpecifier: "source", DestinationCommitSpecifier: "main", MergeOption: "FAST_FORWARD_MERGE",
	})
	if err != nil || !out.Mergeable || len(out.ConflictMetadataList) != 0 {
		t.Errorf("fast-forward: %+v %v", out, err)
	}
}

func TestDescribeMergeConflicts_ShowsHunks(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	conflicting(t, call)
	detail := func(start, end int32, text string) *api.MergeHunkDetail {
		return &api.MergeHunkDetail{StartLine: &start, EndLine: &end, HunkContent: new(base64.StdEncoding.EncodeToString([]byte(text)))}
	}
	byLines := []api.MergeHunk{
		{IsConflict: new(true), Source: detail(0, 1, "source\n"), Destination: detail(0, 1, "destination\n"), Base: detail(0, 1, "1\n")},
		{IsConflict: new(false), Source: detail(4, 5, "5s\n"), Destination: detail(4, 5, "5\n"), Base: detail(4, 5, "5\n")},
	}
	in := &api.DescribeMergeConflictsInput{
		RepositoryName: "app", SourceCommitSpecifier: "source", DestinationCommitSpecifier: "destination", MergeOption: "SQUASH_MERGE", FilePath: "text",
		ConflictDetailLevel: byLine, MaxMergeHunks: new(int32(1)),
	}
	var got []api.MergeHunk
	for {
		out, err := api.DescribeMergeConflicts.Do(call, in)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, out.MergeHunks...)
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	if diff := cmp.Diff(byLines, got); diff != "" {
		t.Errorf("by line (-want +got):\n%s", diff)
	}
	batch, err := api.BatchDescribeMergeConflicts.Do(call, &api.BatchDescribeMergeConflictsInput{
		RepositoryName: "app", SourceCommitSpecifier: "source", DestinationCommitSpecifier: "destination", MergeOption: "SQUASH_MERGE",
		FilePaths: []string{"text", "same", "none", "whole"},
	})
	if err != nil {
		t.Fatal(err)
	}
	whole := []api.MergeHunk{{IsConflict: new(true), Source: detail(0, 5, "source\n2\n3\n4\n5s\n"), Destination: detail(0, 5, "destination\n2\n3\n4\n5\n")}}
	if len(batch.Conflicts) != 2 || *batch.Conflicts[1].ConflictMetadata.FilePath != "whole" || len(batch.Conflicts[1].MergeHunks) != 0 {
		t.Fatalf("batch %+v", batch)
	}
	if diff := cmp.Diff(whole, batch.Conflicts[0].MergeHunks); diff != "" {
		t.Errorf("by file (-want +got):\n%s", diff)
	}
	if len(batch.Errors) != 1 || batch.Errors[0].FilePath != "none" || batch.Errors[0].ExceptionName != "FileDoesNotExistException" {
		t.Errorf("errors %+v", batch.Errors)
	}
	calm, err := api.DescribeMergeConflicts.Do(call, &api.DescribeMergeConflictsInput{
		RepositoryName: "app", SourceCommitSpecifier: "source", DestinationCommitSpecifier: "destination", MergeOption: "SQUASH_MERGE", FilePath: "same",
	})
	if err != nil || *calm.ConflictMetadata.NumberOfConflicts != 0 || len(calm.MergeHunks) != 0 {
		t.Errorf("without conflict: %+v %v", calm, err)
	}
}

func TestMergeConflicts_Errors(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	conflicting(t, call)
	good := api.DescribeMergeConflictsInput{
		RepositoryName: "app", SourceCommitSpecifier: "source", DestinationCommitSpecifier: "destination", MergeOption: "SQUASH_MERGE", FilePath: "text",
	}
	for code, change := range map[string]func(*api.DescribeMergeConflictsInput){
		"MergeOptionRequiredException":    func(in *api.DescribeMergeConflictsInput) { in.MergeOption = "" },
		"InvalidMergeOptionException":     func(in *api.DescribeMergeConflictsInput) { in.MergeOption = "x" },
		"RepositoryDoesNotExistException": func(in *api.DescribeMergeConflictsInput) { in.RepositoryName = "none" },
		"CommitRequiredException":         func(in *api.DescribeMergeConflictsInput) { in.SourceCommitSpecifier = "" },
		"CommitDoesNotExistException":     func(in *api.DescribeMergeConflictsInput) { in.DestinationCommitSpecifier = "none" },
		"InvalidConflictDetailLevelException": func(in *api.DescribeMergeConflictsInput) {
			in.ConflictDetailLevel = new(api.ConflictDetailLevelTypeEnum("x"))
		},
		"InvalidConflictResolutionStrategyException": func(in *api.DescribeMergeConflictsInput) {
			in.ConflictResolutionStrategy = new(api.ConflictResolutionStrategyTypeEnum("x"))
		},
		"InvalidMaxMergeHunksException":     func(in *api.DescribeMergeConflictsInput) { in.MaxMergeHunks = new(int32(0)) },
		"InvalidContinuationTokenException": func(in *api.DescribeMergeConflictsInput) { in.NextToken = new("x") },
		"PathRequiredException":             func(in *api.DescribeMergeConflictsInput) { in.FilePath = "" },
		"InvalidPathException":              func(in *api.DescribeMergeConflictsInput) { in.FilePath = "a/../b" },
		"FileDoesNotExistException":         func(in *api.DescribeMergeConflictsInput) { in.FilePath = "none" },
	} {
		in := good
		change(&in)
		_, err := api.DescribeMergeConflicts.Do(call, &in)
		servicetest.WantError(t, err, code)
	}
	_, err := api.GetMergeConflicts.Do(call, &api.GetMergeConflictsInput{
		RepositoryName: "app", SourceCommitSpecifier: "source", DestinationCommitSpecifier: "destination", MergeOption: "SQUASH_MERGE", MaxConflictFiles: new(int32(0)),
	})
	servicetest.WantError(t, err, "InvalidMaxConflictFilesException")
}

// filesOf reads the text files of a commit.
func filesOf(t *testing.T, call *aws.Call, commit string) map[string]string {
	t.Helper()
	files := map[string]string{}
	out, err := api.GetDifferences.Do(call, &api.GetDifferencesInput{RepositoryName: "app", AfterCommitSpecifier: commit})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range out.Differences {
		blob, err := api.GetBlob.Do(call, &api.GetBlobInput{RepositoryName: "app", BlobID: *d.AfterBlob.BlobID})
		if err != nil {
			t.Fatal(err)
		}
		files[*d.AfterBlob.Path] = string(blob.Content)
		if *d.AfterBlob.Mode != "100644" {
			files[*d.AfterBlob.Path] += " " + *d.AfterBlob.Mode
		}
	}
	return files
}

func TestCreateUnreferencedMergeCommit_ResolvesConflicts(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	conflicting(t, call)
	common := map[string]string{"same": "1", "new": "n", "dir/file": "0", "clean": "1s\n2\n3\n4d\n"}
	for name, test := range map[string]struct {
		level      *api.ConflictDetailLevelTypeEnum
		strategy   api.ConflictResolutionStrategyTypeEnum
		resolution *api.ConflictResolution
		want       map[string]string
	}{
		"accept source": {nil, "ACCEPT_SOURCE", nil, map[string]string{"text": "source\n2\n3\n4\n5s\n", "whole": "1\x001", "clean": "1s\n2\n3\n4\n"}},
		"accept destination": {nil, "ACCEPT_DESTINATION", nil,
			map[string]string{"text": "destination\n2\n3\n4\n5\n", "whole": "2\x002", "gone": "1\n", "clean": "1\n2\n3\n4d\n"}},
		"accept destination by line": {byLine, "ACCEPT_DESTINATION", nil, map[string]string{"text": "destination\n2\n3\n4\n5s\n", "whole": "2\x002", "gone": "1\n"}},
		"automerge": {nil, "AUTOMERGE", &api.ConflictResolution{
			ReplaceContents: []api.ReplaceContentEntry{
				{FilePath: "text", ReplacementType: "USE_NEW_CONTENT", Content: []byte("both\n"), FileMode: new(api.FileModeTypeEnumExecutable)},
				{FilePath: "/whole", ReplacementType: "KEEP_BASE"},
			},
			DeleteFiles: []api.DeleteFileEntry{{FilePath: "gone"}},
		}, map[string]string{"text": "both\n 100755", "whole": "0\x000"}},
		"keep": {byLine, "AUTOMERGE", &api.ConflictResolution{
			ReplaceContents: []api.ReplaceContentEntry{
				{FilePath: "text", ReplacementType: "KEEP_SOURCE"}, {FilePath: "whole", ReplacementType: "KEEP_DESTINATION"},
				{FilePath: "gone", ReplacementType: "KEEP_SOURCE"}, {FilePath: "clean", ReplacementType: "KEEP_DESTINATION"},
			},
			SetFileModes: []api.SetFileModeEntry{{FilePath: "text", FileMode: "EXECUTABLE"}},
		}, map[string]string{"text": "source\n2\n3\n4\n5s\n 100755", "whole": "2\x002", "clean": "1\n2\n3\n4d\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := api.CreateUnreferencedMergeCommit.Do(call, &api.CreateUnreferencedMergeCommitInput{
				RepositoryName: "app", SourceCommitSpecifier: "source", DestinationCommitSpecifier: "destination", MergeOption: "THREE_WAY_MERGE",
				ConflictDetailLevel: test.level, ConflictResolutionStrategy: &test.strategy, ConflictResolution: test.resolution,
			})
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]string{}
			for _, files := range []map[string]string{common, test.want} {
				maps.Copy(want, files)
			}
			if diff := cmp.Diff(want, filesOf(t, call, *out.CommitID)); diff != "" {
				t.Errorf("merged (-want +got):\n%s", diff)
			}
		})
	}
	branches, err := api.ListBranches.Do(call, &api.ListBranchesInput{RepositoryName: "app"})
	if err != nil || len(branches.Branches) != 3 {
		t.Errorf("branches %+v %v", branches, err)
	}
}

func TestMergeBranches_ResolveFilesAgainstFolders(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createRepository(t, call, "app")
	first := commit(t, call, "main", nil, map[string]string{"a": "0", "b/c": "0"})
	createBranch(t, call, "app", "topic", first)
	commit(t, call, "topic", []string{"a", "b/c"}, map[string]string{"a/deep": "1", "b": "1"})
	commit(t, call, "main", nil, map[string]string{"a": "2", "b/d": "2"})
	in := &api.MergeBranchesBySquashInput{RepositoryName: "app", SourceCommitSpecifier: "topic", DestinationCommitSpecifier: "main"}
	_, err := api.MergeBranchesBySquash.Do(call, in)
	servicetest.WantError(t, err, "ManualMergeRequiredException")
	conflicts, err := api.GetMergeConflicts.Do(call, &api.GetMergeConflictsInput{
		RepositoryName: "app", SourceCommitSpecifier: "topic", DestinationCommitSpecifier: "main", MergeOption: "SQUASH_MERGE",
	})
	if err != nil || len(conflicts.ConflictMetadataList) != 2 || !*conflicts.ConflictMetadataList[0].ObjectTypeConflict ||
		*conflicts.ConflictMetadataList[0].ObjectTypes.Source != "DIRECTORY" || *conflicts.ConflictMetadataList[1].ObjectTypes.Destination != "DIRECTORY" {
		t.Errorf("conflicts %+v %v", conflicts, err)
	}
	in.ConflictResolutionStrategy = new(api.ConflictResolutionStrategyTypeEnumAcceptSource)
	out, err := api.MergeBranchesBySquash.Do(call, in)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"a/deep": "1", "b": "1"}, filesOf(t, call, *out.CommitID)); diff != "" {
		t.Errorf("merged (-want +got):\n%s", diff)
	}
}

func TestMerge_KnowsRenamesByLine(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createRepository(t, call, "app")
	body := strings.Repeat("line\n", 30)
	first := commit(t, call, "main", nil, map[string]string{"old": body})
	createBranch(t, call, "app", "topic", first)
	commit(t, call, "topic", []string{"old"}, map[string]string{"new": body})
	commit(t, call, "main", nil, map[string]string{"old": body + "more\n"})
	out, err := api.MergeBranchesByThreeWay.Do(call, &api.MergeBranchesByThreeWayInput{
		RepositoryName: "app", SourceCommitSpecifier: "topic", DestinationCommitSpecifier: "main", ConflictDetailLevel: byLine,
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"new": body + "more\n"}, filesOf(t, call, *out.CommitID)); diff != "" {
		t.Errorf("merged (-want +got):\n%s", diff)
	}
	found, err := api.GetMergeCommit.Do(call, &api.GetMergeCommitInput{RepositoryName: "app", SourceCommitSpecifier: "topic", DestinationCommitSpecifier: "main"})
	if err != nil || *found.MergedCommitID != *out.CommitID || *found.SourceCommitID != *getHead(t, call, "app", "topic") {
		t.Errorf("merge commit %+v %v", found, err)
	}
}

func TestConflictResolution_Errors(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	conflicting(t, call)
	replace := func(path string, kind api.ReplacementTypeEnum, content []byte) *api.ConflictResolution {
		return &api.ConflictResolution{ReplaceContents: []api.ReplaceContentEntry{{FilePath: path, ReplacementType: kind, Content: content}}}
	}
	many := &api.ConflictResolution{DeleteFiles: make([]api.DeleteFileEntry, 1001)}
	twice := replace("text", "KEEP_BASE", nil)
	twice.DeleteFiles = []api.DeleteFileEntry{{FilePath: "text"}}
	large := &api.ConflictResolution{}
	for _, path := range []string{"a/x", "b/x"} {
		large.ReplaceContents = append(large.ReplaceContents, api.ReplaceContentEntry{FilePath: path, ReplacementType: "USE_NEW_CONTENT", Content: make([]byte, 4<<20)})
	}
	folder := &api.ConflictResolution{}
	for _, path := range []string{"a/x", "a/y"} {
		folder.ReplaceContents = append(folder.ReplaceContents, api.ReplaceContentEntry{FilePath: path, ReplacementType: "USE_NEW_CONTENT", Content: make([]byte, 7<<19)})
	}
	for name, test := range map[string]struct {
		code       string
		strategy   api.ConflictResolutionStrategyTypeEnum
		resolution *api.ConflictResolution
	}{
		"not decided":          {"ManualMergeRequiredException", "NONE", nil},
		"decided in part":      {"ManualMergeRequiredException", "AUTOMERGE", replace("text", "KEEP_BASE", nil)},
		"no automerge":         {"InvalidConflictResolutionException", "NONE", replace("text", "KEEP_BASE", nil)},
		"nothing to decide":    {"InvalidConflictResolutionException", "AUTOMERGE", replace("same", "KEEP_BASE", nil)},
		"without path":         {"PathRequiredException", "AUTOMERGE", replace("", "KEEP_BASE", nil)},
		"without type":         {"ReplacementTypeRequiredException", "AUTOMERGE", replace("text", "", nil)},
		"unknown type":         {"InvalidReplacementTypeException", "AUTOMERGE", replace("text", "x", nil)},
		"without content":      {"ReplacementContentRequiredException", "AUTOMERGE", replace("text", "USE_NEW_CONTENT", nil)},
		"content without use":  {"InvalidReplacementContentException", "AUTOMERGE", replace("text", "KEEP_BASE", []byte("x"))},
		"too many":             {"MaximumConflictResolutionEntriesExceededException", "AUTOMERGE", many},
		"twice":                {"MultipleConflictResolutionEntriesException", "AUTOMERGE", twice},
		"too large":            {"FileContentSizeLimitExceededException", "AUTOMERGE", large},
		"too large a folder":   {"FolderContentSizeLimitExceededException", "AUTOMERGE", folder},
		"mode without a value": {"FileModeRequiredException", "AUTOMERGE", &api.ConflictResolution{SetFileModes: []api.SetFileModeEntry{{FilePath: "text"}}}},
		"unknown mode":         {"InvalidFileModeException", "AUTOMERGE", &api.ConflictResolution{SetFileModes: []api.SetFileModeEntry{{FilePath: "text", FileMode: "x"}}}},
	} {
		_, err := api.MergeBranchesBySquash.Do(call, &api.MergeBranchesBySquashInput{
			RepositoryName: "app", SourceCommitSpecifier: "source", DestinationCommitSpecifier: "destination", ConflictResolutionStrategy: &test.strategy,
			ConflictResolution: test.resolution,
		})
		if aws.ErrorCode(err) != test.code {
			t.Errorf("%s: %v, want %s", name, err, test.code)
		}
	}
	_, err := api.CreateUnreferencedMergeCommit.Do(call, &api.CreateUnreferencedMergeCommitInput{
		RepositoryName: "app", SourceCommitSpecifier: "source", DestinationCommitSpecifier: "destination", MergeOption: "FAST_FORWARD_MERGE",
	})
	servicetest.WantError(t, err, "InvalidMergeOptionException")
}

func TestListFileCommitHistory_InPages(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createRepository(t, call, "app")
	var want []string
	for i := range 5 {
		want = append([]string{putFile(t, call, "app", "main", "f", fmt.Sprint(i)).CommitID}, want...)
		putFile(t, call, "app", "main", "g", fmt.Sprint(i))
	}
	in := &api.ListFileCommitHistoryInput{RepositoryName: "app", FilePath: "f", MaxResults: new(int32(2))}
	var got []string
	pages := 0
	for {
		out, err := api.ListFileCommitHistory.Do(call, in)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range out.RevisionDag {
			if n := len(got); n > 0 && (len(v.RevisionChildren) != 1 || v.RevisionChildren[0] != got[n-1]) || n == 0 && len(v.RevisionChildren) != 0 {
				t.Errorf("version %d has the children %v", n, v.RevisionChildren)
			}
			got = append(got, *v.Commit.CommitID)
		}
		pages++
		putFile(t, call, "app", "main", "f", fmt.Sprint("later", pages)) // does not disturb the listing
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" || pages != 3 {
		t.Errorf("%d pages (-want +got):\n%s", pages, diff)
	}
	for code, in := range map[string]*api.ListFileCommitHistoryInput{
		"PathRequiredException":             {RepositoryName: "app"},
		"InvalidPathException":              {RepositoryName: "app", FilePath: "a/../b"},
		"CommitDoesNotExistException":       {RepositoryName: "app", FilePath: "f", CommitSpecifier: new("none")},
		"InvalidMaxResultsException":        {RepositoryName: "app", FilePath: "f", MaxResults: new(int32(0))},
		"InvalidContinuationTokenException": {RepositoryName: "app", FilePath: "f", NextToken: new("x")},
		"RepositoryDoesNotExistException":   {RepositoryName: "none", FilePath: "f"},
	} {
		_, err := api.ListFileCommitHistory.Do(call, in)
		servicetest.WantError(t, err, code)
	}
}
