package git

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestObject_CommitsAgreeWithGit(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	dir, tip := f.seeded()
	c := must(f.repo.Commit(t.Context(), tip))(t)
	want := &Commit{
		ID: tip, Tree: ID(f.git(dir, "rev-parse", "HEAD^{tree}")), Message: "Change README\n",
		Author:    Signature{"Ann", "ann@example.com", "1700000000 +0100"},
		Committer: Signature{"Cid", "cid@example.com", "1700000001 -0330"},
	}
	if d := cmp.Diff(want, c); d != "" {
		t.Errorf("commit (-want +got):\n%s", d)
	}
	if got := c.Committer.Time(); got.Unix() != 1700000001 || got.Format("-0700") != "-0330" {
		t.Errorf("committed at %v", got)
	}
	for name, test := range map[string]struct {
		id   ID
		want error
	}{
		"missing": {"1111111111111111111111111111111111111111", ErrNotFound}, "tree": {c.Tree, ErrWrongType},
		"revision": {"HEAD", ErrInvalidID}, "option": {"--all", ErrInvalidID}, "injection": {tip + "\n" + tip, ErrInvalidID}, "empty": {"", ErrInvalidID},
	} {
		if _, err := f.repo.Commit(t.Context(), test.id); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestObject_ParsesOddCommits(t *testing.T) {
	t.Parallel()
	tree := strings.Repeat("a", 40)
	c := must(parseCommit("x", []byte("tree "+tree+"\nauthor A <a@b> 1 +0000\ncommitter <> 2 -0100\nencoding latin1\ngpgsig -----\n parent no\n tree no\n\nsubject\n\nbody")))(t)
	want := &Commit{
		ID: "x", Tree: ID(tree), Author: Signature{"A", "a@b", "1 +0000"}, Committer: Signature{"", "", "2 -0100"},
		Extra: "encoding latin1\ngpgsig -----\n parent no\n tree no\n", Message: "subject\n\nbody",
	}
	if d := cmp.Diff(want, c); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for _, bad := range []string{"", "\n", "tree x\n\n", "author A"} {
		if _, err := parseCommit("x", []byte(bad)); err == nil {
			t.Errorf("%q was taken for a commit", bad)
		}
	}
}

func TestObject_TreesAndFiles(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	dir := f.work()
	f.write(dir, "folder/deep/file", "1")
	f.write(dir, "run.sh", "#!/bin/sh\n")
	if err := os.Chmod(filepath.Join(dir, "run.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("run.sh", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	f.git(dir, "update-index", "--add", "--cacheinfo", "160000,1111111111111111111111111111111111111111,sub")
	f.git(dir, "add", "folder", "run.sh", "link")
	f.git(dir, "commit", "-q", "-m", "x")
	f.git(dir, "push", "-q", "origin", "main")
	tip := ID(f.git(dir, "rev-parse", "HEAD"))
	var got []string
	folder := must(f.repo.TreeAt(t.Context(), tip, "/"))(t)
	for _, e := range folder.Entries {
		got = append(got, fmt.Sprintf("%s %s %s\t%s", e.Mode, strings.NewReplacer("symlink", "blob", "submodule", "commit").Replace(e.Mode.Type()), e.ID, e.Path))
	}
	if d := cmp.Diff(strings.Split(f.git(dir, "ls-tree", "HEAD"), "\n"), got); d != "" {
		t.Errorf("root (-git +got):\n%s", d)
	}
	deep := must(f.repo.TreeAt(t.Context(), tip, "folder/deep/"))(t)
	if len(deep.Entries) != 1 || deep.Entries[0].Path != "folder/deep/file" || deep.Path != "folder/deep" {
		t.Errorf("folder/deep is %+v", deep)
	}
	for path, want := range map[string]error{
		"folder/none": ErrNotFound, "folder/deep/file/x": ErrNotFound, "folder": ErrWrongType, "sub": ErrWrongType, "": ErrWrongType, "link": nil,
		"../x": ErrInvalidPath, "folder/./deep": ErrInvalidPath, "a//b": ErrInvalidPath, "a\x00": ErrInvalidPath, strings.Repeat("a/", 300): ErrInvalidPath,
	} {
		if _, err := f.repo.FileAt(t.Context(), tip, path); !errors.Is(err, want) {
			t.Errorf("file at %.30q: %v, want %v", path, err, want)
		}
	}
	if _, err := f.repo.TreeAt(t.Context(), tip, "run.sh"); !errors.Is(err, ErrWrongType) {
		t.Errorf("folder at run.sh: %v", err)
	}
	entry := must(f.repo.FileAt(t.Context(), tip, "run.sh"))(t)
	if _, err := f.repo.ReadBlob(t.Context(), entry.ID, 3); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a limit of 3: %v", err)
	}
	blob := must(f.repo.Blob(t.Context(), entry.ID))(t)
	if content, err := io.ReadAll(blob); string(content) != "#!/bin/sh\n" || err != nil || blob.Close() != nil || blob.Close() != nil {
		t.Errorf("blob %q, %v", content, err)
	}
}

func TestDiff_AgreesWithGitAndPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	dir := f.work()
	f.write(dir, "same", "1")
	f.write(dir, "mode", "1")
	f.write(dir, "old/a", "1")
	f.write(dir, "old/b", "1")
	before := f.commit(dir, "gone", "1")
	f.git(dir, "rm", "-q", "gone")
	f.git(dir, "mv", "old", "new")
	f.git(dir, "update-index", "--chmod=+x", "mode")
	f.git(dir, "commit", "-q", "-m", "x", "--no-verify")
	f.write(dir, "new/b", "2")
	f.git(dir, "commit", "-q", "-m", "x", "new/b")
	after := ID(f.git(dir, "rev-parse", "HEAD"))
	f.git(dir, "push", "-q", "origin", "main")

	show := func(q DiffQuery) string {
		t.Helper()
		var lines []string
		for {
			q.Limit = 2
			page, more, err := f.repo.Diff(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range page {
				path := ""
				if d.Before != nil {
					path = d.Before.Path
				}
				if d.After != nil && d.After.Path != path {
					path += ">" + d.After.Path
				}
				lines = append(lines, string(rune(d.Change))+" "+path)
			}
			if !more {
				return strings.Join(lines, ", ")
			}
			q.Skip += len(page)
		}
	}
	for _, test := range []struct {
		q    DiffQuery
		want string
	}{
		{DiffQuery{Before: before, After: after}, "D gone, M mode, A >new/a, A >new/b, D old/a, D old/b"},
		{DiffQuery{After: before}, "A >gone, A >mode, A >old/a, A >old/b, A >same"},
		{DiffQuery{Before: before, After: after, AfterPath: "new"}, "A >new/a, A >new/b"},
		{DiffQuery{Before: before, After: after, BeforePath: "old", AfterPath: "new"}, "M old/b>new/b"},
		{DiffQuery{Before: before, After: after, BeforePath: "/gone"}, "D gone"},
		{DiffQuery{Before: before, After: after, BeforePath: "same"}, ""},
		{DiffQuery{Before: before, After: after, BeforePath: "old/a", AfterPath: "new/a"}, "M old/a>new/a"},
		{DiffQuery{Before: before, After: before}, ""},
	} {
		if test.q.BeforePath == "old/a" { // the same content under another name is no difference
			test.want = ""
		}
		if got := show(test.q); got != test.want {
			t.Errorf("%+v:\n got %s\nwant %s", test.q, got, test.want)
		}
	}
	if _, _, err := f.repo.Diff(t.Context(), DiffQuery{Before: before, After: after, AfterPath: "none"}); !errors.Is(err, ErrNotFound) {
		t.Errorf("missing path: %v", err)
	}
	if _, _, err := f.repo.Diff(t.Context(), DiffQuery{After: "1111111111111111111111111111111111111111"}); !errors.Is(err, ErrNotFound) {
		t.Errorf("missing commit: %v", err)
	}
}

func TestRef_CompareAndSwap(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	dir, first := f.seeded()
	second := f.commit(dir, "b", "2")
	f.git(dir, "push", "-q", "origin", "HEAD:second")
	ctx := t.Context()
	check := func(what string, err, want error) {
		t.Helper()
		if !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	check("create", f.repo.CreateBranch(ctx, "a", first), nil)
	check("create again", f.repo.CreateBranch(ctx, "a", first), ErrExists)
	check("create below", f.repo.CreateBranch(ctx, "a/b", first), ErrRefConflict)
	check("create at nothing", f.repo.CreateBranch(ctx, "c", "1111111111111111111111111111111111111111"), ErrNotFound)
	check("create at a tree", f.repo.CreateBranch(ctx, "c", emptyTree), ErrWrongType)
	for _, name := range []string{"", "-x", "HEAD", "a..b", "../../x", "a\x00b", "x.lock", "a b", "a\n", "@{-1}", ".a", "a/"} {
		check("create "+name, f.repo.CreateBranch(ctx, name, first), ErrInvalidName)
	}
	check("update", f.repo.UpdateBranch(ctx, "a", first, second), nil)
	check("update again", f.repo.UpdateBranch(ctx, "a", first, second), ErrBranchMoved)
	check("update missing", f.repo.UpdateBranch(ctx, "none", first, second), ErrNotFound)
	check("default", f.repo.SetDefaultBranch(ctx, "a"), nil)
	check("default missing", f.repo.SetDefaultBranch(ctx, "none"), ErrNotFound)
	_, err := f.repo.DeleteBranch(ctx, "a")
	check("delete the default", err, ErrDefaultBranch)
	id, err := f.repo.DeleteBranch(ctx, "main")
	check("delete", err, nil)
	if id != first {
		t.Errorf("main was at %s", id)
	}
	_, err = f.repo.DeleteBranch(ctx, "main")
	check("delete again", err, ErrNotFound)
	if got := f.git(f.work(), "rev-parse", "--abbrev-ref", "HEAD"); got != "a" {
		t.Errorf("a clone has %s", got)
	}
	check("compact", f.repo.Compact(ctx), nil)
	check("update when packed", f.repo.UpdateBranch(ctx, "a", second, first), nil)
	if got := must(f.repo.ResolveCommit(ctx, "HEAD"))(t); got != first {
		t.Errorf("HEAD is %s", got)
	}
}

func TestCommitFiles_ConcurrentWritersLoseNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	parent := must(f.repo.CommitFiles(ctx, CommitRequest{Branch: "main", Author: ann(), Changes: []FileChange{{Path: "0"}}}))(t).Commit
	const writers = 6
	var moved, made atomic.Int32
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() {
			_, err := f.repo.CommitFiles(ctx, CommitRequest{Branch: "main", Parent: parent, Author: ann(), Changes: []FileChange{{Path: fmt.Sprint("w", i)}}})
			switch {
			case err == nil:
				made.Add(1)
			case errors.Is(err, ErrBranchMoved):
				moved.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	group.Wait()
	if made.Load() != 1 || moved.Load() != writers-1 {
		t.Errorf("%d made, %d moved", made.Load(), moved.Load())
	}
	tip := must(f.repo.ResolveCommit(ctx, "main"))(t)
	if ids := must(f.repo.Log(ctx, LogQuery{From: []ID{tip}}))(t); len(ids) != 2 {
		t.Errorf("history is %v", ids)
	}
}

func TestSignature_KeepsItsZone(t *testing.T) {
	t.Parallel()
	at := time.Unix(1484167798, 0).In(time.FixedZone("", -8*3600))
	s := NewSignature("n", "e", at)
	if s.Date != "1484167798 -0800" || !s.Time().Equal(at) {
		t.Errorf("%+v is %v", s, s.Time())
	}
	for _, bad := range []string{"", "x", "1", "x +0000"} {
		if got := (Signature{Date: bad}).Time(); !got.IsZero() {
			t.Errorf("%q is %v", bad, got)
		}
	}
}
