package codecommit

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	api "drydock/api/codecommit"
	"drydock/aws"
	"drydock/engine/git"
	"drydock/service"
	"drydock/service/servicetest"
	"drydock/store"
)

// crashed is a cloud whose service is stopped between what git does and what the store hears of it.
type crashed struct {
	t *testing.T
	*Service
	cloud *servicetest.Cloud
	call  *aws.Call
	row   *repository
	files *git.Repository
	first git.ID
}

func newCrashed(t *testing.T) *crashed {
	t.Helper()
	c := &crashed{t: t}
	c.cloud = servicetest.New(t, func(d service.Deps) []service.Module {
		c.Service = newService(d)
		return []service.Module{c.module(), new(servicetest.Keyring).Module()}
	})
	c.call = c.cloud.Call(t)
	if _, err := api.CreateRepository.Do(c.call, &api.CreateRepositoryInput{RepositoryName: "app"}); err != nil {
		t.Fatal(err)
	}
	c.first = git.ID(c.put("main", ""))
	var err error
	if c.row, c.files, err = c.find(c.call, "app"); err != nil {
		t.Fatal(err)
	}
	c.cloud.Advance(t, time.Hour)
	c.cloud.WaitIdle(t)
	return c
}

// put commits something new to a branch.
func (c *crashed) put(branch string, parent git.ID) string {
	c.t.Helper()
	in := &api.PutFileInput{RepositoryName: "app", BranchName: branch, FilePath: "f", FileContent: []byte("on " + string(parent))}
	if parent != "" {
		in.ParentCommitID = new(string(parent))
	}
	out, err := api.PutFile.Do(c.call, in)
	if err != nil {
		c.t.Fatal(err)
	}
	return out.CommitID
}

func (c *crashed) begin(m move) *change {
	c.t.Helper()
	noted, err := c.Service.begin(c.call, c.row, nil, m)
	if err != nil {
		c.t.Fatal(err)
	}
	return noted
}

// restart recovers, and tells whether changes were followed up. No note is left either way.
func (c *crashed) restart() bool {
	c.t.Helper()
	before := c.modified()
	c.cloud.Advance(c.t, time.Second)
	if err := c.recoverChanges(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
	err := c.DB.View(c.t.Context(), func(tx *store.Tx) error {
		for noted, err := range changes.Scan(tx, store.Range{}) {
			c.t.Errorf("the note %+v is left (%v)", noted, err)
		}
		return nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return c.modified().After(before)
}

func (c *crashed) modified() time.Time {
	c.t.Helper()
	out, err := api.GetRepository.Do(c.call, &api.GetRepositoryInput{RepositoryName: "app"})
	if err != nil {
		c.t.Fatal(err)
	}
	return *out.RepositoryMetadata.LastModifiedDate
}

func TestChanges_AreFollowedUpAfterACrash(t *testing.T) {
	t.Parallel()
	t.Run("made", func(t *testing.T) {
		t.Parallel()
		c := newCrashed(t)
		c.begin(move{Ref: "refs/heads/x", New: string(c.first)})
		if err := c.files.CreateBranch(t.Context(), "x", c.first); err != nil {
			t.Fatal(err)
		}
		if !c.restart() {
			t.Error("a branch was made and nobody told")
		}
	})
	t.Run("not made", func(t *testing.T) {
		t.Parallel()
		c := newCrashed(t)
		c.begin(move{Ref: "refs/heads/x", New: string(c.first)})
		c.begin(move{Ref: "refs/heads/main", Old: string(c.first), Open: true})
		if c.restart() {
			t.Error("a change that did not happen was followed up")
		}
	})
	t.Run("commit", func(t *testing.T) {
		t.Parallel()
		c := newCrashed(t)
		noted := c.begin(move{Ref: "refs/heads/main", Old: string(c.first), Open: true})
		_, err := c.files.CommitFiles(t.Context(), git.CommitRequest{
			Branch: "main", Parent: c.first, Author: git.NewSignature("a", "a@b", servicetest.Start), Message: "m",
			Changes: []git.FileChange{{Path: "g", Content: []byte("g")}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if !c.restart() {
			t.Errorf("the commit of %+v was not followed up", noted)
		}
	})
	t.Run("deleted repository", func(t *testing.T) {
		t.Parallel()
		c := newCrashed(t)
		c.begin(move{Ref: "refs/heads/x", New: string(c.first)})
		if _, err := api.DeleteRepository.Do(c.call, &api.DeleteRepositoryInput{RepositoryName: "app"}); err != nil {
			t.Fatal(err)
		}
		c.cloud.WaitIdle(t)
		if err := c.recoverChanges(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestHappened_FollowsChangesBackwards(t *testing.T) {
	t.Parallel()
	m := func(ref, old, now string) move { return move{Ref: ref, Old: old, New: now} }
	noted := []*change{
		{Moves: []move{m("a", "1", "2"), m("b", "", "1")}},
		{Moves: []move{m("a", "2", "3")}},
		{Moves: []move{m("a", "9", "8"), m("c", "1", "")}},
		{Moves: []move{{Ref: "d", Old: "1", Open: true}}},
		{Moves: []move{{Ref: "e", Old: "1", Open: true}}},
	}
	got := happened(noted, map[string]string{"a": "3", "d": "2", "e": "1"})
	want := [][]git.RefUpdate{
		{{Ref: "a", Old: "1", New: "2"}},
		{{Ref: "a", Old: "2", New: "3"}},
		{{Ref: "c", Old: "1"}},
		{{Ref: "d", Old: "1", New: "2"}},
		nil,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what happened (-want +got):\n%s", diff)
	}
}

func TestRepository_FilesLostInACrashAreMadeAgain(t *testing.T) {
	t.Parallel()
	c := newCrashed(t)
	if err := c.git.Delete(t.Context(), c.row.ID); err != nil { // as if the process had died before it made them
		t.Fatal(err)
	}
	out, err := api.GetRepository.Do(c.call, &api.GetRepositoryInput{RepositoryName: "app"})
	if err != nil || out.RepositoryMetadata.DefaultBranch != nil {
		t.Errorf("%+v %v, want an empty repository", out, err)
	}
	c.put("main", "")
}

// TestRepository_OfAnEarlierVersionIsEncrypted has a row without a key and plain files, as they were before encryption.
func TestRepository_OfAnEarlierVersionIsEncrypted(t *testing.T) {
	t.Parallel()
	c := newCrashed(t)
	if err := c.git.Delete(t.Context(), c.row.ID); err != nil {
		t.Fatal(err)
	}
	plain := filepath.Join(c.Dir, "codecommit", "repositories", c.row.ID+".git")
	for _, args := range [][]string{{"init", "-q", "--bare", "-b", "trunk", plain}, {"-C", plain, "fast-import", "--quiet"}} {
		command := exec.CommandContext(t.Context(), "git", args...)
		command.Stdin = strings.NewReader("commit refs/heads/trunk\ncommitter A <a@b> 1 +0000\ndata 1\nm\nM 644 inline old\ndata 4\ntext\n")
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	err := c.DB.Update(t.Context(), func(tx *store.Tx) error {
		row, err := repositoriesByID.First(tx, store.K(c.row.ID))
		if err != nil {
			return err
		}
		row.Encryption = encryption{}
		return repositories.Put(tx, row)
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.openOwn(t.Context(), c.row.ID); !errors.Is(err, errPlain) {
		t.Errorf("before a caller uses it: %v", err)
	}
	file, err := api.GetFile.Do(c.call, &api.GetFileInput{RepositoryName: "app", FilePath: "old"})
	if err != nil || string(file.FileContent) != "text" {
		t.Errorf("file %+v %v", file, err)
	}
	out, err := api.GetRepository.Do(c.call, &api.GetRepositoryInput{RepositoryName: "app"})
	if err != nil || *out.RepositoryMetadata.KMSKeyID != servicetest.KeyARN+managedKey || *out.RepositoryMetadata.DefaultBranch != "trunk" {
		t.Errorf("%+v %v", out, err)
	}
	if _, err := os.Stat(plain); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the plain files: %v", err)
	}
	if _, err := c.openOwn(t.Context(), c.row.ID); err != nil {
		t.Error(err)
	}
}

func TestRepository_FilesGoWithIt(t *testing.T) {
	t.Parallel()
	c := newCrashed(t)
	if _, err := api.DeleteRepository.Do(c.call, &api.DeleteRepositoryInput{RepositoryName: "app"}); err != nil {
		t.Fatal(err)
	}
	c.cloud.WaitIdle(t)
	if c.git.Exists(c.row.ID) {
		t.Error("the files remain")
	}
	keys, err := c.ownKey(c.row)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.create(c.call, c.row, keys); !aws.IsError(err, "RepositoryDoesNotExistException") {
		t.Errorf("files for a deleted repository: %v", err)
	}
	if c.git.Exists(c.row.ID) {
		t.Error("the files are there again")
	}
}
