package codecommit_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	api "drydock/api/codecommit"
	"drydock/ledger"
	"drydock/service/servicetest"
)

func TestGit_ClonesPushesBranchesTagsAndFetches(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CC-01")
	c, call := newCloud(t)
	base := c.URL(t)
	made := createRepository(t, call, "app")
	if got, want := *made.CloneURLHTTP, base+"/v1/repos/app"; got != want {
		t.Errorf("HTTP clone URL %s, want %s", got, want)
	}
	if got, want := *made.CloneURLSSH, "ssh://git-codecommit.us-east-1.amazonaws.com/v1/repos/app"; got != want {
		t.Errorf("SSH clone URL %s, want %s", got, want)
	}
	if made.DefaultBranch != nil {
		t.Errorf("an empty repository has the default branch %s", *made.DefaultBranch)
	}
	url := asRoot(t, *made.CloneURLHTTP, servicetest.Account)
	git := newClient(t)
	git.git("", "clone", url, "one")
	binary := strings.Repeat("\x00\xff\x1b\r\n", 40_000)
	git.write("one/README.md", "# app\n")
	git.write("one/bin/data", binary)
	git.git("one", "checkout", "-b", "trunk")
	git.git("one", "add", ".")
	git.git("one", "commit", "-m", "first")
	c.Advance(t, time.Minute)
	git.git("one", "push", "origin", "trunk")
	git.git("one", "tag", "-a", "v1", "-m", "one")
	git.git("one", "branch", "feature/x")
	git.git("one", "push", "origin", "feature/x", "v1")
	head := git.git("one", "rev-parse", "HEAD")

	got, err := api.GetRepository.Do(call, &api.GetRepositoryInput{RepositoryName: "app"})
	if err != nil {
		t.Fatal(err)
	}
	if branch := got.RepositoryMetadata.DefaultBranch; branch == nil || *branch != "trunk" {
		t.Errorf("default branch %v, want the first that was pushed", branch)
	}
	if modified := *got.RepositoryMetadata.LastModifiedDate; !modified.Equal(servicetest.Start.Add(time.Minute)) {
		t.Errorf("last modified at %s, want when it was pushed", modified)
	}
	branches, err := api.ListBranches.Do(call, &api.ListBranchesInput{RepositoryName: "app"})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(branches.Branches, " "); got != "feature/x trunk" {
		t.Errorf("branches %s", got)
	}
	file, err := api.GetFile.Do(call, &api.GetFileInput{RepositoryName: "app", CommitSpecifier: new("v1"), FilePath: "bin/data"})
	if err != nil {
		t.Fatal(err)
	}
	if string(file.FileContent) != binary || file.CommitID != head || file.FileSize != int64(len(binary)) {
		t.Errorf("the API has %d other bytes of commit %s", file.FileSize, file.CommitID)
	}
	commit, err := api.GetCommit.Do(call, &api.GetCommitInput{RepositoryName: "app", CommitID: head})
	if err != nil {
		t.Fatal(err)
	}
	if *commit.Commit.Message != "first\n" || *commit.Commit.Author.Email != "ann@example.com" || len(commit.Commit.Parents) != 0 {
		t.Errorf("commit %+v", commit.Commit)
	}

	// And the other way round: git sees what the API commits.
	put := putFile(t, call, "app", "trunk", "src/main.go", "package main\n")
	git.git("one", "pull", "--ff-only", "origin", "trunk")
	if got := git.read("one/src/main.go"); got != "package main\n" {
		t.Errorf("pulled %q", got)
	}
	if got := git.git("one", "rev-parse", "HEAD"); got != put.CommitID {
		t.Errorf("pulled %s, want %s", got, put.CommitID)
	}
	git.git("", "clone", url, "two")
	if got := git.git("two", "rev-parse", "--abbrev-ref", "HEAD"); got != "trunk" {
		t.Errorf("a clone checks out %s", got)
	}
	git.git("one", "push", "origin", "--delete", "feature/x")
	_, err = api.GetBranch.Do(call, &api.GetBranchInput{RepositoryName: new("app"), BranchName: new("feature/x")})
	servicetest.WantError(t, err, "BranchDoesNotExistException")

	// Files are packed some time after the last change; nothing is lost.
	c.Advance(t, time.Hour)
	c.WaitIdle(t)
	git.git("", "clone", url, "three")
	if got := git.read("three/bin/data"); got != binary {
		t.Error("other content after compaction")
	}
}

func TestGit_RefusesWhomItDoesNotKnow(t *testing.T) {
	t.Parallel()
	c, _ := newCloudFor(t, map[string]string{
		"reader": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["codecommit:GitPull","codecommit:Get*"],"Resource":"*"}}`,
		"nobody": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`,
	})
	call := c.Call(t)
	c.URL(t)
	url := *createRepository(t, call, "app").CloneURLHTTP
	putFile(t, call, "app", "main", "a", "a")

	response, err := http.Get(url + "/info/refs?service=git-upload-pack")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusUnauthorized || response.Header.Get("WWW-Authenticate") != `Basic realm="CodeCommit"` {
		t.Errorf("without credentials %s %q", response.Status, response.Header.Get("WWW-Authenticate"))
	}
	git := newClient(t)
	for name, want := range map[string]string{
		as(t, url, "reader", "wrong"):        "The requested URL returned error: 403",
		as(t, url, "nobody", "nobody"):       "The requested URL returned error: 403",
		as(t, url+"x", "nobody", "nobody"):   "The requested URL returned error: 403", // and is not told that it is not there
		as(t, url+"x", "reader", "reader"):   "not found",
		as(t, url+"/..", "reader", "reader"): "not found",
		asRoot(t, url, "444455556666"):       "not found",
	} {
		if out, err := git.try("", "clone", name, "x"); err == nil || !strings.Contains(out, want) {
			t.Errorf("clone %s: %v %s, want %q", name, err, out, want)
		}
	}
	git.git("", "clone", as(t, url, "reader", "reader"), "app")
	git.write("app/b", "b")
	git.git("app", "add", ".")
	git.git("app", "commit", "-m", "b")
	if out, err := git.try("app", "push"); err == nil || !strings.Contains(out, "403") {
		t.Errorf("push by a reader: %v %s", err, out)
	}
}

// allowAll is a policy that allows everything.
const allowAll = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

// protectMain is the policy of the user guide's "Limit pushes and merges to branches", beside full access.
const protectMain = `{"Version":"2012-10-17","Statement":[
 {"Effect":"Allow","Action":"codecommit:*","Resource":"*"},
 {"Effect":"Deny","Action":["codecommit:GitPush","codecommit:DeleteBranch","codecommit:PutFile","codecommit:CreateCommit","codecommit:DeleteFile",
   "codecommit:CreateBranch","codecommit:MergeBranchesByFastForward","codecommit:MergeBranchesBySquash","codecommit:MergeBranchesByThreeWay",
   "codecommit:MergePullRequestByFastForward","codecommit:MergePullRequestBySquash","codecommit:MergePullRequestByThreeWay"],
  "Resource":"arn:aws:codecommit:us-east-1:111122223333:app",
  "Condition":{"StringEqualsIfExists":{"codecommit:References":["refs/heads/main"]},"Null":{"codecommit:References":"false"}}}]}`

func TestBranchProtection_CoversThatBranchOnly(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CC-07")
	c, users := newCloudFor(t, map[string]string{"dev": protectMain})
	call := c.Call(t)
	c.URL(t)
	url := *createRepository(t, call, "app").CloneURLHTTP
	first := putFile(t, call, "app", "main", "a", "a")

	git := newClient(t)
	git.git("", "clone", as(t, url, "dev", "dev"), "app")
	git.write("app/b", "b")
	git.git("app", "add", ".")
	git.git("app", "commit", "-m", "b")
	out, err := git.try("app", "push", "origin", "main")
	if err == nil || !strings.Contains(out, "! [remote rejected] main -> main") || !strings.Contains(out, "codecommit:GitPush") {
		t.Errorf("push to main: %v\n%s", err, out)
	}
	if out, err := git.try("app", "push", "origin", "HEAD:refs/heads/x", "main"); err == nil || strings.Contains(out, "[new branch]") {
		t.Errorf("push of main and x: %v\n%s", err, out)
	}
	git.git("app", "push", "origin", "HEAD:refs/heads/feature")
	head := git.git("app", "rev-parse", "HEAD")

	dev := c.CallAs(t, users.principal("dev"), servicetest.Region)
	put := func(branch, parent, path string) error {
		_, err := api.PutFile.Do(dev, &api.PutFileInput{
			RepositoryName: "app", BranchName: branch, FilePath: path, FileContent: []byte("c"), ParentCommitID: &parent,
		})
		return err
	}
	servicetest.WantError(t, put("main", first.CommitID, "c"), "AccessDeniedException")
	if err := put("feature", head, "c"); err != nil {
		t.Errorf("put on another branch: %v", err)
	}
	_, err = api.CreateCommit.Do(dev, &api.CreateCommitInput{
		RepositoryName: "app", BranchName: "main", ParentCommitID: &first.CommitID, DeleteFiles: []api.DeleteFileEntry{{FilePath: "a"}},
	})
	servicetest.WantError(t, err, "AccessDeniedException")
	_, err = api.DeleteFile.Do(dev, &api.DeleteFileInput{RepositoryName: "app", BranchName: "main", ParentCommitID: first.CommitID, FilePath: "a"})
	servicetest.WantError(t, err, "AccessDeniedException")
	_, err = api.DeleteBranch.Do(dev, &api.DeleteBranchInput{RepositoryName: "app", BranchName: "main"})
	servicetest.WantError(t, err, "AccessDeniedException")
	createBranch(t, dev, "app", "other", first.CommitID)
}

func TestGit_ServesTheOnlyRegionThatHasTheRepository(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	c.URL(t)
	elsewhere := call.In("eu-west-1")
	url := *createRepository(t, elsewhere, "app").CloneURLHTTP
	putFile(t, elsewhere, "app", "main", "where", "Dublin")
	git := newClient(t)
	git.git("", "clone", asRoot(t, url, servicetest.Account), "a")
	if got := git.read("a/where"); got != "Dublin" {
		t.Errorf("cloned %q", got)
	}
	createRepository(t, call.In("ap-south-1"), "app")
	if out, err := git.try("", "clone", asRoot(t, url, servicetest.Account), "b"); err == nil || !strings.Contains(out, "not found") {
		t.Errorf("clone with two other regions: %v %s", err, out)
	}
	createRepository(t, call, "app")
	putFile(t, call, "app", "main", "where", "Virginia")
	git.git("", "clone", asRoot(t, url, servicetest.Account), "c")
	if got := git.read("c/where"); got != "Virginia" {
		t.Errorf("cloned %q, want that of the call's region", got)
	}
	git.git("", "-c", "http.extraHeader=Host: git-codecommit.ap-south-1.example.com", "clone", asRoot(t, url, servicetest.Account), "d")
	if out, err := git.try("d", "rev-parse", "HEAD"); err == nil {
		t.Errorf("the host's region was not heeded: %s", out)
	}
}

// TestAPI_ActsOnTheHistoryThatGitSees goes to and fro: what git pushes the API compares, branches, changes and merges, and
// what the API has made of it git pulls.
func TestAPI_ActsOnTheHistoryThatGitSees(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CC-04")
	c, call := newCloud(t)
	c.URL(t)
	git := newClient(t)
	git.git("", "clone", asRoot(t, *createRepository(t, call, "app").CloneURLHTTP, servicetest.Account), "app")
	push := func(path, content, branch string) string {
		t.Helper()
		git.write("app/"+path, content)
		git.git("app", "add", ".")
		git.git("app", "commit", "-m", path)
		git.git("app", "push", "origin", "HEAD:"+branch)
		return git.git("app", "rev-parse", "HEAD")
	}
	first := push("a", "one\n", "main")
	second := push("a", "two\n", "main")
	diff, err := api.GetDifferences.Do(call, &api.GetDifferencesInput{RepositoryName: "app", BeforeCommitSpecifier: &first, AfterCommitSpecifier: second})
	if err != nil || len(diff.Differences) != 1 || *diff.Differences[0].ChangeType != api.ChangeTypeEnumM ||
		*diff.Differences[0].AfterBlob.BlobID != git.git("app", "rev-parse", "HEAD:a") {
		t.Errorf("differences %+v, %v", diff, err)
	}
	createBranch(t, call, "app", "topic", first)
	made, err := api.CreateCommit.Do(call, &api.CreateCommitInput{
		RepositoryName: "app", BranchName: "topic", ParentCommitID: &first, CommitMessage: new("by the API"),
		PutFiles: []api.PutFileEntry{{FilePath: "b", FileContent: []byte("three\n")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	git.git("app", "fetch", "origin")
	if got, want := git.git("app", "log", "--format=%H", "origin/topic"), *made.CommitID+"\n"+first; got != want {
		t.Errorf("git sees the commits\n%s, want\n%s", got, want)
	}
	p := createPull(t, call, "topic")
	if _, err := api.MergePullRequestByThreeWay.Do(call, &api.MergePullRequestByThreeWayInput{PullRequestID: *p.PullRequestID, RepositoryName: "app"}); err != nil {
		t.Fatal(err)
	}
	git.git("app", "pull", "--ff-only", "origin", "main")
	if got, want := git.git("app", "log", "-1", "--format=%P"), second+" "+*made.CommitID; got != want {
		t.Errorf("git sees a merge of %s, want %s", got, want)
	}
	if got := git.read("app/a") + git.read("app/b"); got != "two\nthree\n" {
		t.Errorf("merged to %q", got)
	}
	// A pull request follows what is pushed to its source, and closes when git merges it.
	git.git("app", "checkout", "-b", "later")
	head := push("c", "four\n", "later")
	p = createPull(t, call, "later")
	if got := *p.PullRequestTargets[0].SourceCommit; got != head {
		t.Errorf("the source is %s, want %s", got, head)
	}
	head = push("d", "five\n", "later")
	c.WaitIdle(t)
	if got := *getPull(t, call, p.PullRequestID).PullRequestTargets[0].SourceCommit; got != head {
		t.Errorf("after a push the source is %s, want %s", got, head)
	}
	git.git("app", "push", "origin", "later:main")
	c.WaitIdle(t)
	if got := getPull(t, call, p.PullRequestID); *got.PullRequestStatus != "CLOSED" || !*got.PullRequestTargets[0].MergeMetadata.IsMerged {
		t.Errorf("after git's merge: %+v", got)
	}
}
