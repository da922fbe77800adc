package git

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// commitFiles commits on main's tip.
func (f *fixture) commitFiles(changes ...FileChange) (*CommitResult, error) {
	f.Helper()
	req := CommitRequest{Branch: "main", Author: ann(), Message: "By the API", Changes: changes}
	if ref, err := f.repo.Branch(f.Context(), "main"); err == nil {
		req.Parent = ref.ID
	}
	return f.repo.CommitFiles(f.Context(), req)
}

func paths(entries []Entry) string {
	var all []string
	for _, e := range entries {
		all = append(all, e.Mode.String()+" "+e.Path)
	}
	return strings.Join(all, ", ")
}

func TestCommitFiles_IsWhatGitSees(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first := must(f.commitFiles(
		FileChange{Path: "/README", Content: []byte("one\n")},
		FileChange{Path: "src/deep/main.go", Content: []byte("package main\n")},
		FileChange{Path: "src/deep.txt", Content: []byte("sorts before src/deep/")},
		FileChange{Path: "bin/run", Content: []byte("#!/bin/sh\n"), Mode: ModeExecutable},
		FileChange{Path: "ä/日本", Content: nil},
		FileChange{Path: "link", Content: []byte("README"), Mode: ModeSymlink},
	))(t)
	if got := paths(first.Added); got != "100644 README, 100644 src/deep/main.go, 100644 src/deep.txt, 100755 bin/run, 100644 ä/日本, 120000 link" {
		t.Errorf("added %s", got)
	}
	if out, ok := tryGit(t, f.dir(), "fsck", "--strict"); !ok || strings.Contains(out, "error") {
		t.Errorf("fsck:\n%s", out)
	}
	dir := f.work()
	want := "author Ann <ann@example.com> 1700000000 -0500\ncommitter Ann <ann@example.com> 1700000000 -0500\n\nBy the API"
	if got := f.git(dir, "cat-file", "commit", "HEAD"); !strings.HasSuffix(got, want) {
		t.Errorf("the commit is\n%s", got)
	}
	if got, err := os.Readlink(filepath.Join(dir, "link")); got != "README" {
		t.Errorf("link: %q %v", got, err)
	}

	second := must(f.commitFiles(
		FileChange{Path: "README", Content: []byte("two\n")},
		FileChange{Path: "copy", Source: "bin/run"},
		FileChange{Path: "moved/main.go", Source: "src/deep/main.go", Move: true},
		FileChange{Path: "link", Action: Remove},
		FileChange{Path: "src/deep.txt", Action: SetMode, Mode: ModeExecutable},
	))(t)
	got := []string{paths(second.Added), paths(second.Updated), paths(second.Deleted)}
	if d := cmp.Diff([]string{"100755 copy, 100644 moved/main.go", "100755 src/deep.txt, 100644 README", "100644 src/deep/main.go, 120000 link"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	f.git(dir, "pull", "-q")
	if ID(f.git(dir, "rev-parse", "HEAD")) != second.Commit || ID(f.git(dir, "rev-parse", "HEAD^")) != first.Commit {
		t.Error("git sees another history")
	}
	list := strings.ReplaceAll(f.git(dir, "ls-files"), "\n", " ")
	if list != "README bin/run copy moved/main.go src/deep.txt ä/日本" {
		t.Errorf("files: %s", list)
	}
	// The way back: a commit of git's is what the API goes on from, and computes the same tree ids.
	f.commit(dir, "from-git", "x")
	f.git(dir, "push", "-q", "origin", "main")
	third := must(f.commitFiles(FileChange{Path: "from-git", Action: Remove}))(t)
	if third.Tree != second.Tree {
		t.Errorf("the tree is %s, it was %s", third.Tree, second.Tree)
	}
}

func TestCommitFiles_Errors(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	dir := f.work()
	f.write(dir, "a/b", "1")
	f.write(dir, "file", "1")
	f.git(dir, "update-index", "--add", "--cacheinfo", "160000,1111111111111111111111111111111111111111,sub")
	f.git(dir, "add", "a", "file")
	f.git(dir, "commit", "-q", "-m", "x")
	f.git(dir, "push", "-q", "origin", "main")
	before := must(f.repo.ResolveCommit(t.Context(), "main"))(t)
	put := func(path string) FileChange { return FileChange{Path: path, Content: []byte("new")} }
	for name, test := range map[string]struct {
		changes []FileChange
		want    error
	}{
		"no change":            {nil, ErrNoChange},
		"same content":         {[]FileChange{{Path: "file", Content: []byte("1")}}, ErrNoChange},
		"same mode":            {[]FileChange{{Path: "file", Action: SetMode, Mode: ModeFile}}, ErrNoChange},
		"file is folder":       {[]FileChange{put("a")}, ErrFileIsFolder},
		"folder is file":       {[]FileChange{put("file/x/y")}, ErrFolderIsFile},
		"file is a submodule":  {[]FileChange{put("sub")}, ErrSubmodulePath},
		"below a submodule":    {[]FileChange{put("sub/x")}, ErrSubmodulePath},
		"twice":                {[]FileChange{put("x"), put("/x")}, ErrDuplicatePath},
		"put and removed":      {[]FileChange{put("file"), {Path: "file", Action: Remove}}, ErrDuplicatePath},
		"conflict inside":      {[]FileChange{put("n"), put("n/x")}, ErrFolderIsFile},
		"remove missing":       {[]FileChange{{Path: "none", Action: Remove}}, ErrNotFound},
		"remove folder":        {[]FileChange{{Path: "a", Action: Remove}}, ErrNotFound},
		"mode of missing":      {[]FileChange{{Path: "none", Action: SetMode, Mode: ModeFile}}, ErrNotFound},
		"copy missing":         {[]FileChange{{Path: "x", Source: "none"}}, ErrNotFound},
		"copy folder":          {[]FileChange{{Path: "x", Source: "a"}}, ErrNotFound},
		"odd mode":             {[]FileChange{{Path: "x", Mode: ModeTree}}, ErrWrongType},
		"settings":             {[]FileChange{put(".git/config")}, ErrInvalidPath},
		"settings, upper case": {[]FileChange{put("x/.GIT/config")}, ErrInvalidPath},
		"settings, NTFS":       {[]FileChange{put("git~1/config")}, ErrInvalidPath},
		"settings, HFS":        {[]FileChange{put(".g\u200cit/config")}, ErrInvalidPath},
		"up":                   {[]FileChange{put("../x")}, ErrInvalidPath},
		"up inside":            {[]FileChange{put("a/../x")}, ErrInvalidPath},
		"root":                 {[]FileChange{put("/")}, ErrInvalidPath},
		"empty":                {[]FileChange{put("")}, ErrInvalidPath},
		"folder":               {[]FileChange{put("x/")}, ErrInvalidPath},
		"NUL":                  {[]FileChange{put("a\x00b")}, ErrInvalidPath},
		"long":                 {[]FileChange{put(strings.Repeat("x", 5000))}, ErrInvalidPath},
		"deep":                 {[]FileChange{put(strings.Repeat("x/", 256) + "x")}, ErrInvalidPath},
	} {
		if _, err := f.commitFiles(test.changes...); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
	for name, test := range map[string]struct {
		req  CommitRequest
		want error
	}{
		"moved":           {CommitRequest{Branch: "main", Parent: "1111111111111111111111111111111111111111"}, ErrBranchMoved},
		"no parent":       {CommitRequest{Branch: "main"}, ErrParentRequired},
		"no branch":       {CommitRequest{Branch: "none", Parent: before}, ErrNotFound},
		"bad branch":      {CommitRequest{Branch: "../x"}, ErrInvalidName},
		"bad option":      {CommitRequest{Branch: "-x"}, ErrInvalidName},
		"nothing on none": {CommitRequest{Branch: "none"}, ErrNoChange},
	} {
		test.req.Author = ann()
		if _, err := f.repo.CommitFiles(t.Context(), test.req); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
	if got := must(f.repo.ResolveCommit(t.Context(), "main"))(t); got != before {
		t.Errorf("main moved to %s", got)
	}
}

func TestCommitFiles_CleansHostileNames(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	who := ann()
	who.Name, who.Email = "Eve <e@x> 1 +0000\nparent 1", "a@b>\ncommitter X"
	r := must(f.repo.CommitFiles(t.Context(), CommitRequest{Branch: "main", Author: who, Message: "x", Changes: []FileChange{{Path: "a"}}}))(t)
	c := must(f.repo.Commit(t.Context(), r.Commit))(t)
	if c.Author.Name != "Eve e@x 1 +0000parent 1" || c.Author.Email != "a@bcommitter X" || len(c.Parents) != 0 {
		t.Errorf("%+v", c)
	}
	who.Date = "1 +0000\nparent x"
	if _, err := f.repo.CommitFiles(t.Context(), CommitRequest{Branch: "x", Author: who, Message: "x", Changes: []FileChange{{Path: "a"}}}); err == nil {
		t.Error("a hostile date was taken")
	}
}

func TestCommitFiles_EmptyFolders(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	must(f.commitFiles(FileChange{Path: "a/b/c"}, FileChange{Path: "a/b/d"}, FileChange{Path: "x/y"}, FileChange{Path: "z"}))(t)
	tip := must(f.repo.ResolveCommit(t.Context(), "main"))(t)
	kept := must(f.repo.CommitFiles(t.Context(), CommitRequest{
		Branch: "main", Parent: tip, Author: ann(), KeepEmptyFolders: true,
		Changes: []FileChange{{Path: "a/b/c", Action: Remove}, {Path: "a/b/d", Action: Remove}, {Path: "x/y", Action: Remove}, {Path: "x/new"}},
	}))(t)
	if got := paths(kept.Added); got != "100644 x/new, 100644 a/b/.gitkeep" {
		t.Errorf("added %s", got)
	}
	must(f.commitFiles(FileChange{Path: "a/b/.gitkeep", Action: Remove}))(t)
	tip = must(f.repo.ResolveCommit(t.Context(), "main"))(t)
	if _, err := f.repo.Stat(t.Context(), tip, "a"); !errors.Is(err, ErrNotFound) {
		t.Errorf("an empty folder remains: %v", err)
	}
	// A file may take the place of the folder that the same commit empties.
	must(f.commitFiles(FileChange{Path: "x/new", Action: Remove}, FileChange{Path: "x", Content: []byte("now a file")}))(t)
}

func TestMerge(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	base := must(f.commitFiles(FileChange{Path: "a", Content: []byte("1\n2\n3\n4\n5\n")}))(t).Commit
	for _, branch := range []string{"side", "clash", "ahead"} {
		if err := f.repo.CreateBranch(ctx, branch, base); err != nil {
			t.Fatal(err)
		}
	}
	on := func(branch, content string) ID {
		return must(f.repo.CommitFiles(ctx, CommitRequest{Branch: branch, Parent: base, Author: ann(), Message: branch, Changes: []FileChange{{Path: "a", Content: []byte(content)}}}))(t).Commit
	}
	side, clash := on("side", "1\n2\n3\n4\nside\n"), on("clash", "clash\n2\n3\n4\n5\n")
	main := on("main", "main\n2\n3\n4\n5\n")

	if got := must(f.repo.MergeBase(ctx, main, side))(t); got != base {
		t.Errorf("merge base %s", got)
	}
	if yes := must(f.repo.IsAncestor(ctx, base, side))(t); !yes {
		t.Error("base is an ancestor of side")
	}
	if yes := must(f.repo.IsAncestor(ctx, main, side))(t); yes {
		t.Error("main is no ancestor of side")
	}
	if _, err := f.repo.MergeFastForward(ctx, "main", main, side); !errors.Is(err, ErrNotFastForward) {
		t.Errorf("fast-forward of what diverged: %v", err)
	}
	if _, err := f.repo.MergeFastForward(ctx, "ahead", base, side); err != nil {
		t.Error(err)
	}
	var conflict *ConflictError
	_, err := f.repo.MergeTrees(ctx, main, clash)
	if !errors.Is(err, ErrMergeConflict) || !errors.As(err, &conflict) || len(conflict.Paths) != 1 || conflict.Paths[0] != "a" {
		t.Errorf("conflict: %v", err)
	}
	tree := must(f.repo.MergeTrees(ctx, main, side))(t)
	merged := must(f.repo.MergeThreeWay(ctx, MergeRequest{Branch: "main", Old: main, Source: side, Tree: tree, Author: ann(), Message: "Merge"}))(t)
	if _, err := f.repo.MergeThreeWay(ctx, MergeRequest{Branch: "main", Old: main, Source: side, Tree: tree, Author: ann()}); !errors.Is(err, ErrBranchMoved) {
		t.Errorf("a merge into what moved: %v", err)
	}
	squashed := must(f.repo.MergeThreeWay(ctx, MergeRequest{Branch: "clash", Old: clash, Source: side, Squash: true, Author: ann(), Changes: []PathChange{
		{Path: "a", Mode: ModeFile, Content: []byte("clash\n2\n3\n4\nside\n")},
	}}))(t)
	dir := f.work()
	if got := f.git(dir, "show", "HEAD:a"); got != "main\n2\n3\n4\nside" {
		t.Errorf("merged file: %q", got)
	}
	if c := must(f.repo.Commit(ctx, merged.Commit))(t); len(c.Parents) != 2 || c.Parents[0] != main || c.Parents[1] != side {
		t.Errorf("merge commit %+v", c)
	}
	if c := must(f.repo.Commit(ctx, squashed.Commit))(t); len(c.Parents) != 1 || c.Parents[0] != clash {
		t.Errorf("squashed commit %+v", c)
	}
	log := must(f.repo.Log(ctx, LogQuery{From: []ID{merged.Commit}, FirstParent: true, Path: "a"}))(t)
	if d := cmp.Diff([]ID{merged.Commit, main, base}, log); d != "" {
		t.Errorf("log (-want +got):\n%s", d)
	}
	if page := must(f.repo.Log(ctx, LogQuery{From: []ID{merged.Commit}, Not: []ID{base}, Skip: 1, Limit: 1}))(t); len(page) != 1 {
		t.Errorf("page %v", page)
	}
	alone := must(f.repo.CommitFiles(ctx, CommitRequest{Branch: "alone", Author: ann(), Changes: []FileChange{{Path: "x"}}}))(t)
	if _, err := f.repo.MergeTrees(ctx, main, alone.Commit); !errors.Is(err, ErrNotFound) {
		t.Errorf("merge without a common ancestor: %v", err)
	}
}
