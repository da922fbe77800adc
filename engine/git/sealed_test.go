package git

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"drydock/blob/seal"
)

// files returns what lies on the disk of a repository, by path.
func (f *fixture) files() map[string][]byte {
	f.Helper()
	files := map[string][]byte{}
	root := f.engine.path("r")
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		files[name], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
	return files
}

// restart gives the fixture another engine over the same folder.
func (f *fixture) restart() {
	f.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.engine = newEngine(f.T, f.engine.dir)
}

// reopen is an orderly restart.
func (f *fixture) reopen() {
	f.Helper()
	if err := f.engine.Close(); err != nil {
		f.Fatal(err)
	}
	f.restart()
	f.repo = must(f.engine.Open("r", testKeys))(f.T)
}

func TestSealed_NothingLiesOnTheDiskInPlain(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.seeded()
	files := f.files()
	packs := 0
	for name, content := range files {
		if strings.HasSuffix(name, ".pack") {
			packs++
		}
		for _, plain := range []string{"PACK", "\xfftOc", "RIDX", "refs/heads", "ref: ", "ann@example.com"} {
			if bytes.Contains(content, []byte(plain)) {
				t.Errorf("%s holds %q", name, plain)
			}
		}
	}
	if packs == 0 || files[refsFile] == nil {
		t.Errorf("files: %v", files)
	}
}

func TestSealed_ARestartFindsAllThatWasSaved(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	dir, first := f.seeded()
	f.git(dir, "tag", "-a", "-m", "x", "v1")
	f.git(dir, "push", "-q", "origin", "main", "v1", "main:topic")
	if err := f.repo.SetDefaultBranch(t.Context(), "topic"); err != nil {
		t.Fatal(err)
	}
	if err := f.repo.Compact(t.Context()); err != nil { // which packs the references
		t.Fatal(err)
	}
	result := must(f.repo.CommitFiles(t.Context(), CommitRequest{
		Branch: "main", Parent: first, Author: ann(), Message: "m", Changes: []FileChange{{Path: "b", Content: []byte("2")}},
	}))(t)
	tree := must(f.repo.MergeTrees(t.Context(), result.Commit, first))(t)
	loose := must(f.repo.MergeThreeWay(t.Context(), MergeRequest{Old: result.Commit, Source: first, Tree: tree, Author: ann(), Message: "m"}))(t)
	before := f.git(dir, "ls-remote", "--symref", "origin")

	f.reopen()
	if after := f.git(dir, "ls-remote", "--symref", "origin"); after != before || !strings.Contains(after, "ref: refs/heads/topic\tHEAD") {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	must(f.repo.Commit(t.Context(), loose.Commit))(t)
	if _, err := f.repo.DeleteBranch(t.Context(), "main"); err != nil {
		t.Fatal(err)
	}
	f.reopen()
	if _, err := f.repo.Branch(t.Context(), "main"); !errors.Is(err, ErrNotFound) {
		t.Errorf("the deleted branch: %v", err)
	}
	if out, ok := tryGit(t, f.dir(), "fsck", "--strict"); !ok {
		t.Error(out)
	}
}

func TestSealed_CompactionReplacesPacks(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, tip := f.seeded()
	packs := func() (n int) {
		for name := range f.files() {
			if strings.HasSuffix(name, ".pack") {
				n++
			}
		}
		return n
	}
	for i := range 5 {
		tip = must(f.repo.CommitFiles(t.Context(), CommitRequest{
			Branch: "main", Parent: tip, Author: ann(), Message: "m", Changes: []FileChange{{Path: "b", Content: fmt.Append(nil, i)}},
		}))(t).Commit
	}
	if n := packs(); n != 6 {
		t.Errorf("%d packs", n)
	}
	if err := f.repo.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := packs(); n != 1 {
		t.Errorf("%d packs after compaction", n)
	}
	f.reopen()
	must(f.repo.Commit(t.Context(), tip))(t)
}

func TestSealed_RefusesWhatWasChanged(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, tip := f.seeded()
	must(f.repo.CommitFiles(t.Context(), CommitRequest{
		Branch: "main", Parent: tip, Author: ann(), Message: "m", Changes: []FileChange{{Path: "b", Content: []byte("2")}},
	}))(t)
	other, err := seal.NewRootKey(bytes.Repeat([]byte{8}, seal.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	f.reopen()
	if _, err := must(f.engine.Open("r", other))(t).Branch(t.Context(), "main"); !errors.Is(err, seal.ErrCorrupt) {
		t.Errorf("under another key: %v", err)
	}
	files := f.files()
	var packs []string
	for name := range files {
		if strings.HasSuffix(name, ".pack") {
			packs = append(packs, name)
		}
	}
	flipped := bytes.Clone(files[packs[0]])
	flipped[len(flipped)/2] ^= 1
	for what, content := range map[string][]byte{
		"a bit": flipped, "exchanged": files[packs[1]], "cut": files[packs[0]][:len(files[packs[0]])-1], "empty": nil,
	} {
		if err := os.WriteFile(filepath.Join(f.engine.path("r"), packs[0]), content, 0o600); err != nil {
			t.Fatal(err)
		}
		f.reopen()
		if _, err := f.repo.Branch(t.Context(), "main"); !errors.Is(err, seal.ErrCorrupt) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestSave_WhatCannotBeSavedDidNotHappen(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	dir, tip := f.seeded()
	refs := filepath.Join(f.engine.path("r"), refsFile)
	if err := os.Rename(refs, refs+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(refs, "x"), 0o700); err != nil { // which no rename replaces
		t.Fatal(err)
	}
	request := CommitRequest{Branch: "main", Parent: tip, Author: ann(), Message: "m", Changes: []FileChange{{Path: "b", Content: []byte("2")}}}
	if _, err := f.repo.CommitFiles(t.Context(), request); err == nil {
		t.Error("the commit succeeded")
	}
	if err := errors.Join(os.RemoveAll(refs), os.Rename(refs+".away", refs)); err != nil {
		t.Fatal(err)
	}
	if got := must(f.repo.Branch(t.Context(), "main"))(t).ID; got != tip {
		t.Errorf("main is at %s, not %s", got, tip)
	}
	must(f.repo.CommitFiles(t.Context(), request))(t)
	f.reopen()
	f.git(dir, "pull", "-q", "origin", "main")
}

func TestEngine_TakesIdleWorkingCopiesAway(t *testing.T) {
	t.Parallel()
	e := newEngine(t, t.TempDir())
	e.idleBytes, e.idleCopies = 1, 1
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			r, err := e.Create(t.Context(), fmt.Sprint("r", i), testKeys)
			if err != nil {
				t.Error(err)
				return
			}
			var tip ID
			for n := range 5 {
				result, err := r.CommitFiles(t.Context(), CommitRequest{
					Branch: "main", Parent: tip, Author: ann(), Message: "m", Changes: []FileChange{{Path: "b", Content: fmt.Append(nil, n)}},
				})
				if err != nil {
					t.Error(err)
					return
				}
				tip = result.Commit
			}
		})
	}
	group.Wait()
	must(must(e.Open("r0", testKeys))(t).Branch(t.Context(), "main"))(t)
	if e.copies != 1 || !e.states["r0"].loaded {
		t.Errorf("%d working copies of %d bytes stay", e.copies, e.bytes)
	}
}

func TestEngine_LaysWhatMemoryHasNoRoomForOnTheDisk(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.seeded()
	if !f.repo.state.memory { // the host has none, or little
		if on := f.dir(); !strings.HasPrefix(on, f.engine.temporary()) {
			t.Errorf("the working copy lies in %s", on)
		}
		return
	}
	in := f.repo.state.copy.dir
	if !strings.HasPrefix(in, f.engine.memory.folder()) {
		t.Errorf("the working copy lies in %s", in)
	}
	f.repo.crowded()
	must(f.repo.Branch(t.Context(), "main"))(t)
	if on := f.dir(); !strings.HasPrefix(on, f.engine.temporary()) {
		t.Errorf("the working copy lies in %s", on)
	}
	if _, err := os.Stat(in); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the copy in memory: %v", err)
	}
}

func TestEngine_MakesWorkingCopiesAgainThatTheHostRemoved(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	dir, tip := f.seeded()
	root := filepath.Dir(f.repo.state.copy.dir)
	if err := os.RemoveAll(root); err != nil {
		t.Fatal(err)
	}
	if got := must(f.repo.Branch(t.Context(), "main"))(t).ID; got != tip {
		t.Errorf("main is at %s, not %s", got, tip)
	}
	f.commit(dir, "b", "2")
	f.git(dir, "push", "-q", "origin", "main")
	f.reopen()
	if got := must(f.repo.DefaultBranch(t.Context()))(t); got != "main" {
		t.Errorf("the default branch is %s", got)
	}
}

func TestEngine_FailsToOpenWithoutHoldingAnybodyUp(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.seeded()
	f.repo.pushBroke()
	f.reopen()
	f.repo.pushBroke()
	refs := filepath.Join(f.engine.path("r"), refsFile)
	if err := os.Rename(refs, refs+".away"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := f.repo.Branch(t.Context(), "main"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("without references: %v", err)
		}
	}
	if err := os.Rename(refs+".away", refs); err != nil {
		t.Fatal(err)
	}
	must(f.repo.Branch(t.Context(), "main"))(t)
}

func TestCreate_SealsWhatAnEarlierVersionLeft(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	dir, tip := f.seeded()
	f.git(dir, "tag", "v1")
	plain := f.engine.plainPath("old")
	f.git(dir, "clone", "-q", "--bare", dir, plain)
	f.git(plain, "pack-refs", "--all")
	f.git(plain, "update-ref", "refs/heads/topic", string(tip))
	f.git(plain, "symbolic-ref", "HEAD", "refs/heads/topic")
	old := must(f.engine.Create(t.Context(), "old", testKeys))(t)
	if got := must(old.DefaultBranch(t.Context()))(t); got != "topic" {
		t.Errorf("the default branch is %s", got)
	}
	if got := must(old.Ref(t.Context(), "refs/tags/v1"))(t).ID; got != tip {
		t.Errorf("the tag is at %s", got)
	}
	must(old.Commit(t.Context(), tip))(t)
	if _, err := os.Stat(plain); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the plain one: %v", err)
	}
	if err := errors.Join(os.Mkdir(plain, 0o700), os.Mkdir(f.engine.plainPath("unused"), 0o700)); err != nil { // as before a crash
		t.Fatal(err)
	}
	if err := f.engine.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(plain); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the plain one that is sealed: %v", err)
	}
	if _, err := os.Stat(f.engine.plainPath("unused")); err != nil {
		t.Errorf("the plain one that is not: %v", err)
	}
	if err := os.Mkdir(f.engine.plainPath("gone"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := f.engine.Delete(t.Context(), "gone"); err != nil {
		t.Errorf("delete a plain one: %v", err)
	}
}
