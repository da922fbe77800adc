package git

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"drydock/blob/seal"
	"drydock/clock"
)

// fixture is an engine with one repository, "r", served at url.
type fixture struct {
	*testing.T
	repo *Repository
	url  string

	mu        sync.Mutex // guards the fields below; only the test writes engine
	engine    *Engine
	pushLimit int64 // the handler's
	authorize func([]RefUpdate) error
	committed []RefUpdate
	headers   []http.Header
}

// testKeys are the keys of the tests' repositories.
var testKeys = func() *seal.RootKey {
	keys, err := seal.NewRootKey(bytes.Repeat([]byte{7}, seal.KeySize))
	if err != nil {
		panic(err)
	}
	return keys
}()

// newEngine returns an engine that is closed when the test ends.
func newEngine(t testing.TB, dir string) *Engine {
	t.Helper()
	e := New(dir, slog.New(slog.DiscardHandler))
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// took returns the updates that were committed.
func (f *fixture) took() []RefUpdate {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.committed)
}

// seen returns the headers of the requests.
func (f *fixture) seen() []http.Header {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.headers)
}

// forget forgets what was committed and seen.
func (f *fixture) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.committed, f.headers = nil, nil
}

// dir is the working copy, which stays to the end of the test.
func (f *fixture) dir() string {
	f.Helper()
	w, leave, err := f.repo.enter(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(leave)
	return w.dir
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{T: t}
	f.engine = newEngine(t, t.TempDir())
	var err error
	if f.repo, err = f.engine.Create(t.Context(), "r", testKeys); err != nil {
		t.Fatal(err)
	}
	open := func(w http.ResponseWriter, r *http.Request, service Service) *Access {
		base, _, _ := SplitPath(r.URL.Path, r.URL.Query().Get)
		f.mu.Lock()
		engine := f.engine
		f.mu.Unlock()
		repo, err := engine.Open(strings.TrimPrefix(base, "/v1/repos/"), testKeys)
		if err != nil {
			http.NotFound(w, r)
			return nil
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.headers = append(f.headers, r.Header.Clone())
		return &Access{Repository: repo, Authorize: f.authorize, Committed: func(updates []RefUpdate) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.committed = append(f.committed, updates...)
		}}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		limit := f.pushLimit
		f.mu.Unlock()
		(&Handler{Open: open, PushLimit: limit}).ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	f.url = server.URL + "/v1/repos/r"
	return f
}

// tryGit runs the client's git; it returns all it printed and whether it succeeded.
func (f *fixture) tryGit(dir string, args ...string) (string, bool) {
	f.Helper()
	return tryGit(f.T, dir, args...)
}

func tryGit(t *testing.T, dir string, args ...string) (string, bool) {
	t.Helper()
	path, err := exec.LookPath("git")
	if err != nil {
		t.Fatalf("these tests need git: %v", err)
	}
	ctx, cancel := clock.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "LC_ALL=C", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=Ann", "GIT_AUTHOR_EMAIL=ann@example.com", "GIT_AUTHOR_DATE=1700000000 +0100",
		"GIT_COMMITTER_NAME=Cid", "GIT_COMMITTER_EMAIL=cid@example.com", "GIT_COMMITTER_DATE=1700000001 -0330",
		"GIT_CONFIG_COUNT=3", "GIT_CONFIG_KEY_0=init.defaultBranch", "GIT_CONFIG_VALUE_0=main",
		"GIT_CONFIG_KEY_1=advice.detachedHead", "GIT_CONFIG_VALUE_1=false", "GIT_CONFIG_KEY_2=core.quotePath", "GIT_CONFIG_VALUE_2=false",
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	return strings.TrimSpace(out.String()), err == nil
}

func (f *fixture) git(dir string, args ...string) string {
	f.Helper()
	out, ok := f.tryGit(dir, args...)
	if !ok {
		f.Fatalf("git %s failed:\n%s", strings.Join(args, " "), out)
	}
	return out
}

// work returns a new clone.
func (f *fixture) work(args ...string) string {
	f.Helper()
	dir := f.TempDir()
	f.git(dir, append(append([]string{"clone", "-q"}, args...), f.url, "w")...)
	return filepath.Join(dir, "w")
}

func (f *fixture) write(dir, name, content string) {
	f.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		f.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		f.Fatal(err)
	}
}

// commit writes a file and commits it, and returns the commit.
func (f *fixture) commit(dir, name, content string) ID {
	f.Helper()
	f.write(dir, name, content)
	f.git(dir, "add", "-A")
	f.git(dir, "commit", "-q", "-m", "Change "+name)
	return ID(f.git(dir, "rev-parse", "HEAD"))
}

// seeded returns a clone whose commit is pushed to main.
func (f *fixture) seeded() (dir string, tip ID) {
	f.Helper()
	dir = f.work()
	tip = f.commit(dir, "README", "hello\n")
	f.git(dir, "push", "-q", "origin", "HEAD:main")
	return dir, tip
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func ann() Signature {
	return NewSignature("Ann", "ann@example.com", time.Unix(1700000000, 0).In(time.FixedZone("", -5*3600)))
}
