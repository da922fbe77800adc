package codecommit_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	api "drydock/api/codecommit"
	"drydock/service/servicetest"
)

func TestCreateCommit_ChangesSeveralFilesAtOnce(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	c.URL(t)
	url := *createRepository(t, call, "app").CloneURLHTTP
	first, err := api.CreateCommit.Do(call, &api.CreateCommitInput{
		RepositoryName: "app", BranchName: "main", PutFiles: []api.PutFileEntry{
			{FilePath: "a", FileContent: []byte("a")}, {FilePath: "old/b", FileContent: []byte("b")}, {FilePath: "/run.sh", FileContent: []byte("#!/bin/sh\n")},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	second, err := api.CreateCommit.Do(call, &api.CreateCommitInput{
		RepositoryName: "app", BranchName: "main", ParentCommitID: first.CommitID, AuthorName: new("Bob"), Email: new("bob@example.com"),
		CommitMessage: new("Rearrange"), KeepEmptyFolders: new(true),
		PutFiles: []api.PutFileEntry{
			{FilePath: "new/b", SourceFile: &api.SourceFileSpecifier{FilePath: "old/b", IsMove: new(true)}},
			{FilePath: "link", FileContent: []byte("a"), FileMode: new(api.FileModeTypeEnumSymlink)},
		},
		DeleteFiles:  []api.DeleteFileEntry{{FilePath: "a"}},
		SetFileModes: []api.SetFileModeEntry{{FilePath: "run.sh", FileMode: api.FileModeTypeEnumExecutable}},
	})
	if err != nil {
		t.Fatal(err)
	}
	paths := func(files []api.FileMetadata) (paths string) {
		for _, f := range files {
			paths += *f.AbsolutePath + ":" + string(*f.FileMode) + " "
		}
		return paths
	}
	got := []string{paths(second.FilesAdded), paths(second.FilesUpdated), paths(second.FilesDeleted)}
	want := []string{"new/b:NORMAL link:SYMLINK old/.gitkeep:NORMAL ", "run.sh:EXECUTABLE ", "old/b:NORMAL a:NORMAL "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}

	git := newClient(t)
	git.git("", "clone", asRoot(t, url, servicetest.Account), "app")
	if got := git.git("app", "log", "-1", "--format=%H %T %an <%ae> %cn %cI %s"); got !=
		*second.CommitID+" "+*second.TreeID+" Bob <bob@example.com> Bob 2026-01-02T03:04:05+00:00 Rearrange" {
		t.Errorf("git shows %s", got)
	}
	tree := strings.Fields(git.git("app", "ls-tree", "-r", "--format=%(objectmode):%(path)", "HEAD"))
	if diff := cmp.Diff([]string{"120000:link", "100644:new/b", "100644:old/.gitkeep", "100755:run.sh"}, tree); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
	}

	folder, err := api.GetFolder.Do(call, &api.GetFolderInput{RepositoryName: "app", FolderPath: "/"})
	if err != nil {
		t.Fatal(err)
	}
	if len(folder.SubFolders) != 2 || *folder.SubFolders[1].AbsolutePath != "old" || len(folder.Files) != 1 || len(folder.SymbolicLinks) != 1 ||
		*folder.TreeID != *second.TreeID || *folder.Files[0].FileMode != api.FileModeTypeEnumExecutable {
		t.Errorf("folder %+v", folder)
	}
	deleted, err := api.DeleteFile.Do(call, &api.DeleteFileInput{
		RepositoryName: "app", BranchName: "main", ParentCommitID: *second.CommitID, FilePath: "new/b",
	})
	if err != nil || deleted.FilePath != "new/b" || deleted.BlobID != *second.FilesAdded[0].BlobID {
		t.Errorf("deleted %+v %v", deleted, err)
	}
	blob, err := api.GetBlob.Do(call, &api.GetBlobInput{RepositoryName: "app", BlobID: deleted.BlobID})
	if err != nil || string(blob.Content) != "b" {
		t.Errorf("blob %+v %v", blob, err)
	}
}

func TestPutFile_Errors(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	c.URL(t)
	url := *createRepository(t, call, "app").CloneURLHTTP
	createRepository(t, call, "empty")
	first := putFile(t, call, "app", "main", "d/f", "1").CommitID
	second := putFile(t, call, "app", "main", "d/f", "2").CommitID
	git := newClient(t)
	git.git("", "clone", asRoot(t, url, servicetest.Account), "app")
	git.git("app", "tag", "v1")
	git.git("app", "push", "origin", "v1")
	missing := strings.Repeat("0", 39) + "1"
	base := api.PutFileInput{RepositoryName: "app", BranchName: "main", FilePath: "x", FileContent: []byte("x"), ParentCommitID: &second}
	for _, test := range []struct {
		code   string
		change func(*api.PutFileInput)
	}{
		{"RepositoryNameRequiredException", func(in *api.PutFileInput) { in.RepositoryName = "" }},
		{"RepositoryDoesNotExistException", func(in *api.PutFileInput) { in.RepositoryName = "none" }},
		{"BranchNameRequiredException", func(in *api.PutFileInput) { in.BranchName = "" }},
		{"InvalidBranchNameException", func(in *api.PutFileInput) { in.BranchName = "a b" }},
		{"BranchDoesNotExistException", func(in *api.PutFileInput) { in.BranchName = "x" }},
		{"BranchNameIsTagNameException", func(in *api.PutFileInput) { in.BranchName = "v1" }},
		{"ParentCommitIdRequiredException", func(in *api.PutFileInput) { in.ParentCommitID = nil }},
		{"InvalidParentCommitIdException", func(in *api.PutFileInput) { in.ParentCommitID = new("main") }},
		{"ParentCommitIdOutdatedException", func(in *api.PutFileInput) { in.ParentCommitID = &first }},
		{"ParentCommitDoesNotExistException", func(in *api.PutFileInput) { in.ParentCommitID = &missing }},
		{"ParentCommitDoesNotExistException", func(in *api.PutFileInput) { in.RepositoryName = "empty" }},
		{"FileContentRequiredException", func(in *api.PutFileInput) { in.FileContent = nil }},
		{"FileContentSizeLimitExceededException", func(in *api.PutFileInput) { in.FileContent = make([]byte, 6<<20+1) }},
		{"PathRequiredException", func(in *api.PutFileInput) { in.FilePath = "" }},
		{"InvalidPathException", func(in *api.PutFileInput) { in.FilePath = "a/../b" }},
		{"InvalidPathException", func(in *api.PutFileInput) { in.FilePath = ".git/config" }},
		{"SameFileContentException", func(in *api.PutFileInput) { in.FilePath, in.FileContent = "d/f", []byte("2") }},
		{"FileNameConflictsWithDirectoryNameException", func(in *api.PutFileInput) { in.FilePath = "d" }},
		{"DirectoryNameConflictsWithFileNameException", func(in *api.PutFileInput) { in.FilePath = "d/f/g" }},
		{"InvalidFileModeException", func(in *api.PutFileInput) { in.FileMode = new(api.FileModeTypeEnum("0644")) }},
		{"NameLengthExceededException", func(in *api.PutFileInput) { in.Name = new(strings.Repeat("n", 300)) }},
		{"InvalidEmailException", func(in *api.PutFileInput) { in.Email = new("a b@c") }},
		{"CommitMessageLengthExceededException", func(in *api.PutFileInput) { in.CommitMessage = new(strings.Repeat("m", 256<<10+1)) }},
	} {
		in := base
		test.change(&in)
		_, err := api.PutFile.Do(call, &in)
		servicetest.WantError(t, err, test.code)
	}
	if got := *getHead(t, call, "app", "main"); got != second {
		t.Errorf("refused commits moved the branch to %s", got)
	}
	_, err := api.DeleteFile.Do(call, &api.DeleteFileInput{RepositoryName: "app", BranchName: "main", ParentCommitID: second, FilePath: "none"})
	servicetest.WantError(t, err, "FileDoesNotExistException")
	_, err = api.DeleteFile.Do(call, &api.DeleteFileInput{RepositoryName: "app", BranchName: "main", FilePath: "d/f"})
	servicetest.WantError(t, err, "ParentCommitIdRequiredException")
}

func TestCreateCommit_Errors(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createRepository(t, call, "app")
	head := putFile(t, call, "app", "main", "f", "1").CommitID
	put := func(path, content string) api.PutFileEntry {
		return api.PutFileEntry{FilePath: path, FileContent: []byte(content)}
	}
	from := func(path, source string) api.PutFileEntry {
		return api.PutFileEntry{FilePath: path, SourceFile: &api.SourceFileSpecifier{FilePath: source}}
	}
	many := make([]api.DeleteFileEntry, 101)
	big := bytes.Repeat([]byte("x"), 4<<20)
	for _, test := range []struct {
		code string
		in   api.CreateCommitInput
	}{
		{"FileEntryRequiredException", api.CreateCommitInput{}},
		{"MaximumFileEntriesExceededException", api.CreateCommitInput{DeleteFiles: many}},
		{"SourceFileOrContentRequiredException", api.CreateCommitInput{PutFiles: []api.PutFileEntry{{FilePath: "a"}}}},
		{"FileContentAndSourceFileSpecifiedException", api.CreateCommitInput{PutFiles: []api.PutFileEntry{
			{FilePath: "a", FileContent: []byte("a"), SourceFile: &api.SourceFileSpecifier{FilePath: "f"}},
		}}},
		{"PathRequiredException", api.CreateCommitInput{PutFiles: []api.PutFileEntry{put("", "a")}}},
		{"RestrictedSourceFileException", api.CreateCommitInput{PutFiles: []api.PutFileEntry{from("a", "d/.gitkeep")}}},
		{"FileDoesNotExistException", api.CreateCommitInput{PutFiles: []api.PutFileEntry{from("a", "none")}}},
		{"SamePathRequestException", api.CreateCommitInput{PutFiles: []api.PutFileEntry{put("a", "1"), put("/a", "2")}}},
		{"SamePathRequestException", api.CreateCommitInput{PutFiles: []api.PutFileEntry{put("f", "1")}, DeleteFiles: []api.DeleteFileEntry{{FilePath: "f"}}}},
		{"PutFileEntryConflictException", api.CreateCommitInput{PutFiles: []api.PutFileEntry{put("a", "1"), put("a/b/c", "2")}}},
		{"FolderContentSizeLimitExceededException", api.CreateCommitInput{PutFiles: []api.PutFileEntry{
			{FilePath: "d/a", FileContent: big}, {FilePath: "d/b", FileContent: big},
		}}},
		{"FileContentSizeLimitExceededException", api.CreateCommitInput{PutFiles: []api.PutFileEntry{
			{FilePath: "d/a", FileContent: big}, {FilePath: "e/b", FileContent: big},
		}}},
		{"FileModeRequiredException", api.CreateCommitInput{SetFileModes: []api.SetFileModeEntry{{FilePath: "f"}}}},
		{"InvalidFileModeException", api.CreateCommitInput{SetFileModes: []api.SetFileModeEntry{{FilePath: "f", FileMode: "x"}}}},
		{"NoChangeException", api.CreateCommitInput{PutFiles: []api.PutFileEntry{put("f", "1")}}},
	} {
		test.in.RepositoryName, test.in.BranchName, test.in.ParentCommitID = "app", "main", &head
		_, err := api.CreateCommit.Do(call, &test.in)
		servicetest.WantError(t, err, test.code)
	}
}
