package codecommit_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	api "drydock/api/codecommit"
	"drydock/aws"
	"drydock/service/servicetest"
)

func TestPutFile_OfSeveralAtOnceOneSucceeds(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createRepository(t, call, "app")
	head := putFile(t, call, "app", "main", "f", "0").CommitID
	errs := make([]error, 6)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			_, errs[i] = api.PutFile.Do(call, &api.PutFileInput{
				RepositoryName: "app", BranchName: "main", FilePath: fmt.Sprint("f", i), FileContent: []byte("x"), ParentCommitID: &head,
			})
		})
	}
	wg.Wait()
	made := 0
	for _, err := range errs {
		switch {
		case err == nil:
			made++
		case !aws.IsError(err, "ParentCommitIdOutdatedException"):
			t.Errorf("error %v", err)
		}
	}
	if made != 1 {
		t.Errorf("%d of the commits were made", made)
	}
}

func TestGit_RefusesWhatWouldLoseHistory(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	c.URL(t)
	url := asRoot(t, *createRepository(t, call, "app").CloneURLHTTP, servicetest.Account)
	putFile(t, call, "app", "main", "f", "0")
	git := newClient(t)
	git.git("", "clone", url, "app")
	second := putFile(t, call, "app", "main", "f", "1").CommitID
	git.write("app/g", "g")
	git.git("app", "add", ".")
	git.git("app", "commit", "-m", "g")
	if out, err := git.try("app", "push", "origin", "main"); err == nil || !strings.Contains(out, "rejected") {
		t.Errorf("push over a commit of the API: %v\n%s", err, out)
	}
	if out, err := git.try("app", "push", "origin", ":main"); err == nil || !strings.Contains(out, "remote rejected") {
		t.Errorf("deletion of the default branch: %v\n%s", err, out)
	}
	if got := *getHead(t, call, "app", "main"); got != second {
		t.Errorf("main is at %s", got)
	}
}

func TestGit_LooksNowhereElse(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	c.URL(t)
	url := asRoot(t, *createRepository(t, call, "app").CloneURLHTTP, servicetest.Account)
	git := newClient(t)
	for _, path := range []string{"x", "/sub", ".git", "/../../etc", "%2f..%2fapp"} {
		if out, err := git.try("", "ls-remote", url+path); err == nil || !strings.Contains(out, "not found") {
			t.Errorf("%s: %v\n%s", path, err, out)
		}
	}
}
