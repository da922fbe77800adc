package codecommit_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	api "drydock/api/codecommit"
	"drydock/aws"
	"drydock/service/servicetest"
)

// getHead returns the commit a branch is at.
func getHead(t *testing.T, call *aws.Call, repository, branch string) *string {
	t.Helper()
	out, err := api.GetBranch.Do(call, &api.GetBranchInput{RepositoryName: &repository, BranchName: &branch})
	if err != nil {
		t.Fatal(err)
	}
	return out.Branch.CommitID
}

func TestGetDifferences_ComesInPages(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createRepository(t, call, "app")
	var puts []api.PutFileEntry
	for i := range 7 {
		puts = append(puts, api.PutFileEntry{FilePath: fmt.Sprintf("d/%d", i), FileContent: fmt.Append(nil, i)})
	}
	first, err := api.CreateCommit.Do(call, &api.CreateCommitInput{RepositoryName: "app", BranchName: "main", PutFiles: puts})
	if err != nil {
		t.Fatal(err)
	}
	createBranch(t, call, "app", "old", *first.CommitID)
	second, err := api.CreateCommit.Do(call, &api.CreateCommitInput{
		RepositoryName: "app", BranchName: "main", ParentCommitID: first.CommitID,
		PutFiles:    []api.PutFileEntry{{FilePath: "d/1", FileContent: []byte("one")}, {FilePath: "n", FileContent: []byte("n")}},
		DeleteFiles: []api.DeleteFileEntry{{FilePath: "d/0"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	list := func(in *api.GetDifferencesInput) (all []string) {
		t.Helper()
		in.RepositoryName = "app"
		for range 10 {
			out, err := api.GetDifferences.Do(call, in)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range out.Differences {
				path := d.AfterBlob
				if path == nil {
					path = d.BeforeBlob
				}
				all = append(all, string(*d.ChangeType)+" "+*path.Path+" "+*path.Mode)
			}
			if in.NextToken = out.NextToken; in.NextToken == nil {
				return all
			}
			if len(out.Differences) != int(*in.MaxResults) {
				t.Errorf("%d differences on a page", len(out.Differences))
			}
		}
		t.Fatal("the pages do not end")
		return nil
	}
	want := []string{"D d/0 100644", "M d/1 100644", "A n 100644"}
	if diff := cmp.Diff(want, list(&api.GetDifferencesInput{BeforeCommitSpecifier: new("old"), AfterCommitSpecifier: "main", MaxResults: new(int32(1))})); diff != "" {
		t.Errorf("differences (-want +got):\n%s", diff)
	}
	if got := list(&api.GetDifferencesInput{AfterCommitSpecifier: *second.CommitID, MaxResults: new(int32(3))}); len(got) != 7 || got[6] != "A n 100644" {
		t.Errorf("all files: %v", got)
	}
	if got := list(&api.GetDifferencesInput{BeforeCommitSpecifier: new("old"), AfterCommitSpecifier: "HEAD", AfterPath: new("d/1")}); len(got) != 1 {
		t.Errorf("at a path: %v", got)
	}
	for _, test := range []struct {
		code string
		in   api.GetDifferencesInput
	}{
		{"CommitRequiredException", api.GetDifferencesInput{}},
		{"CommitDoesNotExistException", api.GetDifferencesInput{AfterCommitSpecifier: "none"}},
		{"InvalidCommitException", api.GetDifferencesInput{AfterCommitSpecifier: "a..b"}},
		{"CommitDoesNotExistException", api.GetDifferencesInput{AfterCommitSpecifier: "main", BeforeCommitSpecifier: new("none")}},
		{"PathDoesNotExistException", api.GetDifferencesInput{AfterCommitSpecifier: "main", AfterPath: new("none")}},
		{"InvalidPathException", api.GetDifferencesInput{AfterCommitSpecifier: "main", AfterPath: new("a/../b")}},
		{"InvalidMaxResultsException", api.GetDifferencesInput{AfterCommitSpecifier: "main", MaxResults: new(int32(0))}},
		{"InvalidContinuationTokenException", api.GetDifferencesInput{AfterCommitSpecifier: "main", NextToken: new("x")}},
		{"InvalidContinuationTokenException", api.GetDifferencesInput{
			AfterCommitSpecifier: "main", NextToken: new(aws.EncodePageToken("", strings.Repeat("1", 40), "0")),
		}},
	} {
		test.in.RepositoryName = "app"
		_, err := api.GetDifferences.Do(call, &test.in)
		servicetest.WantError(t, err, test.code)
	}
}

func TestGetCommit_AndItsErrors(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createRepository(t, call, "app")
	first := putFile(t, call, "app", "main", "f", "1")
	second := putFile(t, call, "app", "main", "f", "2")
	got, err := api.GetCommit.Do(call, &api.GetCommitInput{RepositoryName: "app", CommitID: second.CommitID})
	if err != nil {
		t.Fatal(err)
	}
	user := &api.UserInfo{Name: new("root"), Email: new(""), Date: new("1767323045 +0000")}
	want := api.Commit{
		CommitID: &second.CommitID, TreeID: &second.TreeID, Parents: []string{first.CommitID}, Message: new("Edited f\n"), Author: user, Committer: user,
		AdditionalData: new(""),
	}
	if diff := cmp.Diff(want, got.Commit); diff != "" {
		t.Errorf("commit (-want +got):\n%s", diff)
	}
	missing := strings.Repeat("0", 39) + "1"
	for id, code := range map[string]string{
		"": "CommitIdRequiredException", "main": "InvalidCommitIdException", missing: "CommitIdDoesNotExistException",
		second.TreeID: "CommitIdDoesNotExistException",
	} {
		_, err := api.GetCommit.Do(call, &api.GetCommitInput{RepositoryName: "app", CommitID: id})
		servicetest.WantError(t, err, code)
	}
	batch, err := api.BatchGetCommits.Do(call, &api.BatchGetCommitsInput{RepositoryName: "app", CommitIDs: []string{first.CommitID, missing, second.CommitID}})
	if err != nil {
		t.Fatal(err)
	}
	if len(batch.Commits) != 2 || len(batch.Errors) != 1 || *batch.Errors[0].CommitID != missing || *batch.Errors[0].ErrorCode != "CommitIdDoesNotExistException" {
		t.Errorf("batch %+v", batch)
	}
	_, err = api.BatchGetCommits.Do(call, &api.BatchGetCommitsInput{RepositoryName: "app"})
	servicetest.WantError(t, err, "CommitIdsListRequiredException")
	_, err = api.BatchGetCommits.Do(call, &api.BatchGetCommitsInput{RepositoryName: "app", CommitIDs: make([]string, 101)})
	servicetest.WantError(t, err, "CommitIdsLimitExceededException")
}

func TestReads_Errors(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	c.URL(t)
	url := *createRepository(t, call, "app").CloneURLHTTP
	createRepository(t, call, "empty")
	git := newClient(t)
	git.git("", "clone", asRoot(t, url, servicetest.Account), "app")
	git.write("app/big", strings.Repeat("x", 6<<20+1))
	git.write("app/d/f", "f")
	git.git("app", "add", ".")
	git.git("app", "commit", "-m", "big")
	git.git("app", "push", "origin", "HEAD:main")
	for _, test := range []struct{ repository, commit, path, code string }{
		{"app", "", "", "PathRequiredException"},
		{"app", "", "none", "FileDoesNotExistException"},
		{"app", "", "d", "FileDoesNotExistException"},
		{"app", "", "d/./f", "InvalidPathException"},
		{"app", "none", "d/f", "CommitDoesNotExistException"},
		{"app", "", "big", "FileTooLargeException"},
		{"empty", "", "d/f", "CommitDoesNotExistException"},
		{"none", "", "d/f", "RepositoryDoesNotExistException"},
	} {
		_, err := api.GetFile.Do(call, &api.GetFileInput{RepositoryName: test.repository, CommitSpecifier: &test.commit, FilePath: test.path})
		servicetest.WantError(t, err, test.code)
	}
	for path, code := range map[string]string{"": "PathRequiredException", "none": "FolderDoesNotExistException", "d/f": "FolderDoesNotExistException"} {
		_, err := api.GetFolder.Do(call, &api.GetFolderInput{RepositoryName: "app", FolderPath: path})
		servicetest.WantError(t, err, code)
	}
	for id, code := range map[string]string{
		"": "BlobIdRequiredException", "x": "InvalidBlobIdException", strings.Repeat("1", 40): "BlobIdDoesNotExistException",
		*getHead(t, call, "app", "main"): "BlobIdDoesNotExistException",
	} {
		_, err := api.GetBlob.Do(call, &api.GetBlobInput{RepositoryName: "app", BlobID: id})
		servicetest.WantError(t, err, code)
	}
}
