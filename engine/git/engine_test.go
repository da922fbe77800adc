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
	"time"
)

func TestEngine_CreateOpenDelete(t *testing.T) {
	t.Parallel()
	e := New(t.TempDir(), slog.New(slog.DiscardHandler))
	ctx := t.Context()
	if e.Exists("a") {
		t.Error("a exists before it was made")
	}
	if _, err := e.Open("a"); !errors.Is(err, ErrNotFound) {
		t.Errorf("open: %v", err)
	}
	if err := e.Delete(ctx, "a"); !errors.Is(err, ErrNotFound) {
		t.Errorf("delete: %v", err)
	}
	r := must(e.Create(ctx, "a"))(t)
	if out, ok := tryGit(t, r.dir, "fsck"); !ok {
		t.Errorf("git does not like the repository:\n%s", out)
	}
	if _, err := e.Create(ctx, "a"); !errors.Is(err, ErrExists) {
		t.Errorf("create again: %v", err)
	}
	must(New(e.dir, nil).Open("a"))(t) // another process's engine
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
	must(e.Create(ctx, "a"))(t)
}

func second[T any](_ T, err error) error { return err }

func TestEngine_RefusesUnsafeIDs(t *testing.T) {
	t.Parallel()
	e := New(t.TempDir(), nil)
	for _, id := range []string{"", ".", "..", "../x", "a/b", "-o", ".hidden", "a\x00b", "a..b", "a b", "ä", strings.Repeat("a", 201)} {
		if _, err := e.Create(t.Context(), id); !errors.Is(err, ErrInvalidName) {
			t.Errorf("create %q: %v", id, err)
		}
		if _, err := e.Open(id); !errors.Is(err, ErrInvalidName) {
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
	e := New(t.TempDir(), nil)
	var made, taken atomic.Int32
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			switch _, err := e.Create(t.Context(), "a"); {
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
	past := time.Unix(1700000000, 0)
	leave := func(path string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, p := range []string{path, filepath.Dir(path)} {
			if err := os.Chtimes(p, past, past); err != nil {
				t.Fatal(err)
			}
		}
	}
	half := filepath.Join(f.engine.temporary(), "0123-create-4567", "HEAD")
	lock := filepath.Join(f.repo.dir, "refs/heads/main.lock")
	incoming := filepath.Join(f.repo.dir, "objects/tmp_objdir-incoming-abc/pack")
	leave(half)
	leave(lock)
	leave(incoming)
	if err := os.Chtimes(filepath.Dir(filepath.Dir(incoming)), past, past); err != nil {
		t.Fatal(err)
	}

	f.engine = New(f.engine.dir, nil)
	if err := f.engine.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.commit(dir, "b", "2")
	f.git(dir, "push", "-q", "origin", "main")
	for _, path := range []string{filepath.Dir(half), lock, filepath.Dir(incoming)} {
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", path, err)
		}
	}
	if err := os.WriteFile(lock, nil, 0o600); err != nil { // a lock of this run is left alone
		t.Fatal(err)
	}
	must(f.engine.Open("r"))(t)
	if _, err := os.Stat(lock); err != nil {
		t.Error(err)
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
		e := New(t.TempDir(), nil)
		e.git = newTool(filepath.Join(dir, name))
		err := e.Check(t.Context())
		if usable && err != nil || !usable && (!errors.Is(err, ErrGitUnusable) || !strings.Contains(err.Error(), "2.38")) && name != "broken" {
			t.Errorf("%s: %v", name, err)
		}
		if !usable {
			if _, err := e.Create(t.Context(), "a"); !errors.Is(err, ErrGitUnusable) || e.Exists("a") {
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
