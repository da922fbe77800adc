package git

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	neturl "net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"drydock/clock"
)

func TestFetch_ChecksOutVersions(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	dir, first := f.seeded()
	f.git(dir, "tag", "-a", "-m", "x", "v1")
	f.git(dir, "branch", "feature/x")
	second := f.commit(dir, "README", "second\n")
	f.commit(dir, "README", "third\n")
	f.git(dir, "tag", "dev") // a branch of the same name comes first
	f.git(dir, "push", "-q", "origin", "main", "feature/x", "v1", "refs/tags/dev", second.wire()+":refs/heads/dev")
	tip := ID(f.git(dir, "rev-parse", "HEAD"))
	for version, want := range map[string]ID{
		"": tip, "main": tip, "refs/heads/main": tip, "v1": first, "feature/x": first, "dev": second, "refs/tags/dev": tip,
		string(second): second, string(second[:9]): second, "refs/heads/main^{" + string(second) + "}": second, "HEAD": tip,
	} {
		for _, depth := range []int{0, 1} {
			into := filepath.Join(t.TempDir(), "src")
			var progress bytes.Buffer
			got, err := Fetch(t.Context(), FetchRequest{URL: f.url, Version: version, Depth: depth, Dir: into, Progress: &progress})
			if err != nil || got != want || ID(f.git(into, "rev-parse", "HEAD")) != want {
				t.Errorf("%q at depth %d: %s, %v, want %s", version, depth, got, err, want)
			}
			if count := f.git(into, "rev-list", "--count", "HEAD"); depth == 1 && len(version) != 9 && count != "1" {
				t.Errorf("%q at depth 1 has %s commits", version, count)
			}
			if progress.Len() == 0 {
				t.Error("no progress was shown")
			}
		}
	}
	for version, want := range map[string]error{
		"none": ErrNotFound, strings.Repeat("1", 40): ErrNotFound, "abcdef1": ErrNotFound, "--upload-pack=x": ErrNotFound, "a..b": ErrInvalidName, "main^{x}": ErrInvalidName,
	} {
		if _, err := Fetch(t.Context(), FetchRequest{URL: f.url, Version: version, Dir: t.TempDir()}); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", version, err, want)
		}
	}
	if _, err := Fetch(t.Context(), FetchRequest{URL: f.url, Dir: dir}); !errors.Is(err, ErrExists) {
		t.Errorf("into a folder with files: %v", err)
	}
}

func TestFetch_SendsCredentialsToTheirHostOnly(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.seeded()
	target := must(neturl.Parse(strings.TrimSuffix(f.url, "/v1/repos/r")))(t)
	proxy := httputil.NewSingleHostReverseProxy(target)
	gate := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "ann" || password != "s3cr:et/" {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(gate.Close)
	url := gate.URL + "/v1/repos/r"
	into := t.TempDir()
	if _, err := Fetch(t.Context(), FetchRequest{URL: url, Username: "ann", Password: "s3cr:et/", Dir: into}); err != nil {
		t.Fatal(err)
	}
	f.forget()
	away := httptest.NewServer(http.RedirectHandler(f.url+"/info/refs?service=git-upload-pack", http.StatusMovedPermanently))
	t.Cleanup(away.Close)
	if _, err := Fetch(t.Context(), FetchRequest{URL: away.URL, Username: "ann", Password: "s3cr:et/", Dir: t.TempDir()}); err == nil || len(f.seen()) > 0 {
		t.Errorf("a redirect was followed with credentials: %v, %v", err, f.seen())
	}
	if _, err := Fetch(t.Context(), FetchRequest{URL: away.URL, Dir: t.TempDir()}); err != nil {
		t.Errorf("a redirect without credentials: %v", err)
	}
	config, err := os.ReadFile(filepath.Join(into, ".git", "config"))
	if err != nil || strings.Contains(string(config), "ann") || strings.Contains(string(config), "Basic") {
		t.Errorf("configuration: %v\n%s", err, config)
	}
	inURL := strings.Replace(url, "http://", "http://ann:s3cr%3Aet%2F@", 1)
	if _, err := Fetch(t.Context(), FetchRequest{URL: inURL, Dir: t.TempDir()}); err != nil {
		t.Error(err)
	}
	wrong := strings.Replace(url, "http://", "http://ann:wr0ng@", 1)
	_, err = Fetch(t.Context(), FetchRequest{URL: wrong, Dir: t.TempDir()})
	var failed *CommandError
	if !errors.As(err, &failed) || strings.Contains(err.Error(), "wr0ng") {
		t.Errorf("wrong password: %v", err)
	}
}

func TestFetch_RefusesOtherTransports(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.seeded()
	proof := filepath.Join(t.TempDir(), "ran")
	for _, url := range []string{
		"ext::sh -c touch% " + proof, "file://" + f.dir(), f.dir(), "-u", "--upload-pack=touch " + proof, "ssh://-oProxyCommand=x/y", "git@host:x",
		"", "http:", "http://", "ftp://x/y", "fd::17", "http://-x/y", "http://x\n/y",
	} {
		if _, err := Fetch(t.Context(), FetchRequest{URL: url, Dir: t.TempDir()}); !errors.Is(err, ErrForbiddenURL) {
			t.Errorf("%q: %v", url, err)
		}
	}
	// Nor does a submodule get there.
	dir := f.work()
	f.write(dir, ".gitmodules", "[submodule \"x\"]\n\tpath = x\n\turl = ext::sh -c touch% "+proof+"\n")
	f.git(dir, "add", "-A")
	f.git(dir, "update-index", "--add", "--cacheinfo", "160000,1111111111111111111111111111111111111111,x")
	f.git(dir, "commit", "-q", "-m", "x")
	f.git(dir, "push", "-q", "origin", "main")
	if _, err := Fetch(t.Context(), FetchRequest{URL: f.url, Submodules: true, Dir: t.TempDir()}); err == nil {
		t.Error("a submodule with a command for its URL was fetched")
	}
	if _, err := os.Stat(proof); !os.IsNotExist(err) {
		t.Errorf("a command ran: %v", err)
	}
	if _, err := Fetch(t.Context(), FetchRequest{URL: "file://" + f.dir(), AllowFile: true, Dir: t.TempDir()}); err != nil {
		t.Error(err)
	}
}

func TestFetch_BringsSubmodules(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	dir, tip := f.seeded()
	must(f.engine.Create(t.Context(), "lib", testKeys))(t)
	library := strings.TrimSuffix(f.url, "/r") + "/lib"
	f.git(dir, "push", "-q", library, "main")
	f.write(dir, ".gitmodules", "[submodule \"lib\"]\n\tpath = third/lib\n\turl = ../lib\n")
	f.git(dir, "add", "-A")
	f.git(dir, "update-index", "--add", "--cacheinfo", "160000,"+string(tip)+",third/lib")
	f.git(dir, "commit", "-q", "-m", "x")
	f.git(dir, "push", "-q", "origin", "main")
	into := t.TempDir()
	if _, err := Fetch(t.Context(), FetchRequest{URL: f.url, Submodules: true, Depth: 1, Dir: into}); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(into, "third/lib/README")); string(got) != "hello\n" {
		t.Errorf("README of the submodule: %q, %v", got, err)
	}
}

func TestFetch_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(hang) })
	ctx, cancel := clock.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := Fetch(ctx, FetchRequest{URL: server.URL + "/x", Dir: t.TempDir()})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}
