package codecommit_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	api "drydock/api/codecommit"
	"drydock/service/servicetest"
)

func TestBranch_LivesFromCreationToDeletion(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createRepository(t, call, "app")
	first := putFile(t, call, "app", "main", "f", "1").CommitID
	second := putFile(t, call, "app", "main", "f", "2").CommitID
	createBranch(t, call, "app", "release/1", first)
	got, err := api.GetBranch.Do(call, &api.GetBranchInput{RepositoryName: new("app"), BranchName: new("release/1")})
	if err != nil || *got.Branch.CommitID != first || *got.Branch.BranchName != "release/1" {
		t.Errorf("branch %+v %v", got, err)
	}
	remove := func(name string) (*api.DeleteBranchOutput, error) {
		return api.DeleteBranch.Do(call, &api.DeleteBranchInput{RepositoryName: "app", BranchName: name})
	}
	_, err = remove("main")
	servicetest.WantError(t, err, "DefaultBranchCannotBeDeletedException")
	if _, err := api.UpdateDefaultBranch.Do(call, &api.UpdateDefaultBranchInput{RepositoryName: "app", DefaultBranchName: "release/1"}); err != nil {
		t.Fatal(err)
	}
	if branch := getRepository(t, call, "app").DefaultBranch; *branch != "release/1" {
		t.Errorf("default branch %s", *branch)
	}
	out, err := remove("main")
	if err != nil || *out.DeletedBranch.CommitID != second {
		t.Errorf("deleted %+v %v", out, err)
	}
	out, err = remove("main")
	if err != nil || out.DeletedBranch != nil {
		t.Errorf("deleted once more: %+v %v, want neither a branch nor an error", out, err)
	}
}

func TestListBranches_ComesInPages(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	c.URL(t)
	url := *createRepository(t, call, "app").CloneURLHTTP
	putFile(t, call, "app", "main", "f", "1")
	git := newClient(t)
	git.git("", "clone", asRoot(t, url, servicetest.Account), "app")
	push, want := []string{"push", "origin"}, []string{}
	for i := range 204 {
		name := fmt.Sprintf("b%03d", i)
		push = append(push, "main:refs/heads/"+name)
		want = append(want, name)
	}
	git.git("app", push...)
	want = append(want, "main")
	var got []string
	in := &api.ListBranchesInput{RepositoryName: "app"}
	pages := 0
	for {
		out, err := api.ListBranches.Do(call, in)
		if err != nil {
			t.Fatal(err)
		}
		pages++
		got = append(got, out.Branches...)
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	if !slices.Equal(got, want) || pages != 3 {
		t.Errorf("%d branches in %d pages", len(got), pages)
	}
}

func TestBranch_Errors(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createRepository(t, call, "app")
	commit := putFile(t, call, "app", "main", "f", "1").CommitID
	missing := strings.Repeat("0", 39) + "1"
	for _, test := range []struct{ repository, branch, commit, code string }{
		{"", "x", commit, "RepositoryNameRequiredException"},
		{"a b", "x", commit, "InvalidRepositoryNameException"},
		{"none", "x", commit, "RepositoryDoesNotExistException"},
		{"app", "", commit, "BranchNameRequiredException"},
		{"app", "a..b", commit, "InvalidBranchNameException"},
		{"app", commit, commit, "InvalidBranchNameException"},
		{"app", strings.Repeat("a", 257), commit, "InvalidBranchNameException"},
		{"app", "main/x", commit, "InvalidBranchNameException"},
		{"app", "main", commit, "BranchNameExistsException"},
		{"app", "x", "", "CommitIdRequiredException"},
		{"app", "x", "main", "InvalidCommitIdException"},
		{"app", "x", missing, "CommitDoesNotExistException"},
	} {
		_, err := api.CreateBranch.Do(call, &api.CreateBranchInput{RepositoryName: test.repository, BranchName: test.branch, CommitID: test.commit})
		servicetest.WantError(t, err, test.code)
	}
	_, err := api.GetBranch.Do(call, &api.GetBranchInput{RepositoryName: new("app"), BranchName: new("x")})
	servicetest.WantError(t, err, "BranchDoesNotExistException")
	_, err = api.GetBranch.Do(call, &api.GetBranchInput{})
	servicetest.WantError(t, err, "RepositoryNameRequiredException")
	_, err = api.UpdateDefaultBranch.Do(call, &api.UpdateDefaultBranchInput{RepositoryName: "app", DefaultBranchName: "x"})
	servicetest.WantError(t, err, "BranchDoesNotExistException")
	_, err = api.ListBranches.Do(call, &api.ListBranchesInput{RepositoryName: "app", NextToken: new("?")})
	servicetest.WantError(t, err, "InvalidContinuationTokenException")
}
