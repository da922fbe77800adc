package git

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func TestEngine_CreateOpenDelete(t *testing.T) {
	t.Parallel()
	e := New(t.TempDir(), slog.New(slog.DiscardHandler))
	ctx := t.Context()
	if e.Exists("a") {
		t.Error("a exists before it was made")
	}
	if _, err := e.Open("a", testKeys); !errors.Is(err, ErrNotFound) {
		t.Errorf("open: %v", err)
	}
	if err := e.Delete(ctx, "a"); !errors.Is(err, ErrNotFound) {
		t.Errorf("delete: %v", err)
	}
	r := must(e.Create(ctx, "a", testKeys))(t)
	if out, ok := tryGit(t, (&fixture{T: t, repo: r}).dir(), "fsck"); !ok {
		t.Errorf("git does not like the repository:\n%s", out)
	}
	if _, err := e.Create(ctx, "a", testKeys); !errors.Is(err, ErrExists) {
		t.Errorf("create again: %v", err)
	}
	must(newEngine(t, e.dir).Open("a", testKeys))(t) // another process's engine
	if err := e.Delete(ctx, "a"); err != nil || e.Exists("a") {
		t.Errorf("delete: %v", err)
	}
	for what, err := range map[string]error{
		"branch": second(r.Branch(ctx, "main")), "commit": second(r.Commit(ctx, emptyTree)), "default branch": second(r.DefaultBranch(ctx)),
		"advertise": r.AdvertiseRefs(ctx, io.Discard, UploadPack, ""),
	} {
		if !errors.Is(err, ErrNotFound) {
			t.Errorf("%s of a deleted repository: %v", what, err)
		}
	}
	left := must(os.ReadDir(e.temporary()))(t)
	if len(left) != 0 {
		t.Errorf("left over: %v", left)
	}
	must(e.Create(ctx, "a", testKeys))(t)
}

func second[T any](_ T, err error) error { return err }

func TestEngine_RefusesUnsafeIDs(t *testing.T) {
	t.Parallel()
	e := newEngine(t, t.TempDir())
	for _, id := range []string{"", ".", "..", "../x", "a/b", "-o", ".hidden", "a\x00b", "a..b", "a b", "ä", strings.Repeat("a", 201)} {
		if _, err := e.Create(t.Context(), id, testKeys); !errors.Is(err, ErrInvalidName) {
			t.Errorf("create %q: %v", id, err)
		}
		if _, err := e.Open(id, testKeys); !errors.Is(err, ErrInvalidName) {
			t.Errorf("open %q: %v", id, err)
		}
		if err := e.Delete(t.Context(), id); !errors.Is(err, ErrInvalidName) {
			t.Errorf("delete %q: %v", id, err)
		}
		if e.Exists(id) {
			t.Errorf("%q exists", id)
		}
	}
}

func TestEngine_OneOfManyCreatesWins(t *testing.T) {
	t.Parallel()
	e := newEngine(t, t.TempDir())
	var made, taken atomic.Int32
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			switch _, err := e.Create(t.Context(), "a", testKeys); {
			case err == nil:
				made.Add(1)
			case errors.Is(err, ErrExists):
				taken.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	group.Wait()
	if made.Load() != 1 || taken.Load() != 7 {
		t.Errorf("%d made, %d taken", made.Load(), taken.Load())
	}
}

func TestEngine_StartsCleanAfterACrash(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	dir, _ := f.seeded()
	leave := func(path string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	half := filepath.Join(f.engine.temporary(), "0123-create-4567", "HEAD")
	lock := filepath.Join(f.dir(), "refs/heads/main.lock")
	file := filepath.Join(f.engine.path("r"), tmpPrefix+"0123")
	pack := filepath.Join(f.engine.path("r"), "objects/pack/pack-0123.pack")
	for _, path := range []string{half, lock, file, pack} {
		leave(path)
	}

	f.restart()
	f.repo = must(f.engine.Open("r", testKeys))(t)
	if err := f.engine.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.commit(dir, "b", "2")
	f.git(dir, "push", "-q", "origin", "main")
	for _, path := range []string{filepath.Dir(half), file, pack} {
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", path, err)
		}
	}
	if err := f.engine.Sweep(t.Context()); err != nil { // which leaves this run's alone
		t.Fatal(err)
	}
	if out, ok := tryGit(t, f.dir(), "fsck"); !ok {
		t.Error(out)
	}
}

func TestEngine_SaysWhenGitIsMissingOrOld(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, script := range map[string]string{
		"old": "echo git version 2.37.9", "apple": "echo 'git version 2.39.5 (Apple Git-154)'", "odd": "echo hello", "broken": "exit 3", "new": "echo git version 3.0.rc1",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, usable := range map[string]bool{"old": false, "odd": false, "broken": false, "absent": false, "apple": true, "new": true} {
		e := newEngine(t, t.TempDir())
		e.git = newTool(filepath.Join(dir, name))
		err := e.Check(t.Context())
		if usable && err != nil || !usable && (!errors.Is(err, ErrGitUnusable) || !strings.Contains(err.Error(), "2.38")) && name != "broken" {
			t.Errorf("%s: %v", name, err)
		}
		if !usable {
			if _, err := e.Create(t.Context(), "a", testKeys); !errors.Is(err, ErrGitUnusable) || e.Exists("a") {
				t.Errorf("%s: create: %v", name, err)
			}
		}
	}
}

func TestProcess_KeepsTheMachinesSettingsOut(t *testing.T) {
	t.Setenv("GIT_DIR", "/nonexistent")
	t.Setenv("GIT_CONFIG_PARAMETERS", "'core.bare=false'")
	t.Setenv("GIT_TRACE", "2")
	f := newFixture(t)
	env := strings.Join(f.repo.process("version").environment(), "\n")
	for _, name := range []string{"GIT_DIR=/", "GIT_CONFIG_PARAMETERS", "GIT_TRACE"} {
		if strings.Contains(env, name) {
			t.Errorf("the environment has %s:\n%s", name, env)
		}
	}
	if _, err := f.repo.CommitFiles(t.Context(), CommitRequest{Branch: "main", Author: ann(), Changes: []FileChange{{Path: "a"}}}); err != nil {
		t.Error(err)
	}
}
