package git

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// FetchRequest says what Fetch is to check out, and where.
type FetchRequest struct {
	// URL is http, https or git. A user and password in it are sent as basic authentication and kept out of the
	// command line and of the checkout's configuration.
	URL string
	// Version is a commit id (also shortened), a branch, a tag, a full reference name, a reference name followed by
	// "^{commit id}", or "" for the remote's HEAD.
	Version string
	// Depth cuts the history after that many commits; 0 takes all of it.
	Depth int
	// Submodules fetches submodules as well, at any depth of nesting.
	Submodules bool
	// Dir is the folder to check out into. It must be empty or not exist.
	Dir string
	// Header is sent to the URL's scheme and host, on every request, such as "Authorization: Basic ...". With it, or with
	// a user and password, redirects are not followed, as they could lead elsewhere.
	Header string
	// Username and Password, if any, are sent as basic authentication.
	Username, Password string
	// CAFile holds the certificates to trust, in PEM; empty means the machine's.
	CAFile string
	// InsecureTLS trusts any server.
	InsecureTLS bool
	// Progress gets what git says meanwhile, with carriage returns; nil means nobody.
	Progress io.Writer
	// AllowFile lets URLs name folders of this machine. It is for tests.
	AllowFile bool
}

// fetching is one run of Fetch.
type fetching struct {
	FetchRequest
	tool *tool
	home string
	set  [][2]string
}

// Fetch clones a repository and checks out one version of it, detached, and returns its commit. It runs nothing that
// the repository brings along: no hooks, filters or commands. It ends when ctx does; bound it. It returns
// ErrForbiddenURL, ErrNotFound for the version, ErrGitUnusable, or the *CommandError that holds git's words, in which
// credentials do not appear.
func Fetch(ctx context.Context, req FetchRequest) (ID, error) {
	f := &fetching{FetchRequest: req, tool: newTool("git")}
	if err := f.prepare(); err != nil {
		return "", fmt.Errorf("fetch %s: %w", redact(req.URL), err)
	}
	home, err := os.MkdirTemp("", "drydock-git-home-")
	if err != nil {
		return "", fmt.Errorf("fetch: %w", err)
	}
	defer func() { _ = os.RemoveAll(home) }()
	f.home = home
	id, err := f.run(ctx)
	if err != nil {
		return "", fmt.Errorf("fetch %s: %w", redact(req.URL), err)
	}
	return id, nil
}

// redact takes user and password out of a URL.
func redact(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "a malformed URL"
	}
	u.User = nil
	return u.String()
}

// prepare checks the request and turns it into settings.
func (f *fetching) prepare() error {
	u, err := url.Parse(f.URL)
	if err != nil {
		return fmt.Errorf("malformed: %w", ErrForbiddenURL)
	}
	allowed := u.Scheme == "http" || u.Scheme == "https" || u.Scheme == "git" || f.AllowFile && u.Scheme == "file"
	if !allowed || u.Opaque != "" || u.Host == "" && u.Scheme != "file" {
		return fmt.Errorf("scheme %q: %w", u.Scheme, ErrForbiddenURL)
	}
	if strings.ContainsAny(f.URL, "\n\r\x00") || strings.ContainsAny(f.Header, "\n\r\x00") || strings.HasPrefix(u.Host, "-") {
		return fmt.Errorf("malformed: %w", ErrForbiddenURL)
	}
	if u.User != nil && f.Username == "" {
		f.Username = u.User.Username()
		f.Password, _ = u.User.Password()
	}
	u.User = nil
	f.URL = u.String()
	f.Dir, err = filepath.Abs(f.Dir)
	if err != nil {
		return err
	}
	for _, name := range []string{"http", "https", "git"} {
		f.set = append(f.set, [2]string{"protocol." + name + ".allow", "always"})
	}
	if f.AllowFile {
		f.set = append(f.set, [2]string{"protocol.file.allow", "always"})
	}
	f.set = append(f.set, [2]string{"core.fsync", "none"}, [2]string{"transfer.fsckObjects", "false"}, [2]string{"http.lowSpeedLimit", "1"}, [2]string{"http.lowSpeedTime", "300"})
	if f.Username != "" || f.Password != "" || f.Header != "" {
		// Git sends its extra headers to wherever a redirect leads.
		f.set = append(f.set, [2]string{"http.followRedirects", "false"})
	}
	scope := "http." + u.Scheme + "://" + u.Host + "/."
	if f.Username != "" || f.Password != "" {
		basic := base64.StdEncoding.EncodeToString([]byte(f.Username + ":" + f.Password))
		f.set = append(f.set, [2]string{scope + "extraHeader", "Authorization: Basic " + basic})
	}
	if f.Header != "" {
		f.set = append(f.set, [2]string{scope + "extraHeader", f.Header})
	}
	if f.CAFile != "" {
		f.set = append(f.set, [2]string{"http.sslCAInfo", f.CAFile})
	}
	if f.InsecureTLS {
		f.set = append(f.set, [2]string{"http.sslVerify", "false"})
	}
	return nil
}

// git runs a git command in the checkout.
func (f *fetching) git(ctx context.Context, args ...string) ([]byte, error) {
	p := process{tool: f.tool, home: f.home, dir: f.Dir, args: args, set: f.set}
	for _, name := range []string{"http_proxy", "https_proxy", "no_proxy", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"} {
		if v, ok := os.LookupEnv(name); ok {
			p.env = append(p.env, name+"="+v)
		}
	}
	// The folder is named, so that a .git further up is never taken for it.
	p.env = append(p.env, "GIT_CEILING_DIRECTORIES="+filepath.Dir(f.Dir))
	cmd, err := p.command(ctx)
	if err != nil {
		return nil, err
	}
	stderr := &tailBuffer{limit: stderrLimit}
	out := &limitedBuffer{limit: outputLimit}
	cmd.Stdout, cmd.Stderr = out, io.Writer(stderr)
	if f.Progress != nil {
		cmd.Stderr = io.MultiWriter(stderr, f.Progress)
	}
	err = p.result(ctx, cmd.Run(), stderr)
	return out.Bytes(), err
}

func (f *fetching) run(ctx context.Context) (ID, error) {
	if _, err := f.tool.find(ctx); err != nil {
		return "", err
	}
	if err := os.MkdirAll(f.Dir, 0o777); err != nil {
		return "", err
	}
	if entries, err := os.ReadDir(f.Dir); err != nil {
		return "", err
	} else if len(entries) > 0 {
		return "", fmt.Errorf("folder %s is not empty: %w", f.Dir, ErrExists)
	}
	if _, err := f.git(ctx, "init", "--quiet", "--template="); err != nil {
		return "", err
	}
	if _, err := f.git(ctx, "remote", "add", "--", "origin", f.URL); err != nil {
		return "", err
	}
	id, err := f.fetch(ctx)
	if err != nil {
		return "", err
	}
	if _, err := f.git(ctx, "checkout", "--quiet", "--force", "--detach", string(id), "--"); err != nil {
		return "", err
	}
	if f.Submodules {
		args := []string{"submodule", "update", "--init", "--recursive", "--progress"}
		if f.Depth > 0 {
			args = append(args, "--depth="+strconv.Itoa(f.Depth))
		}
		if _, err := f.git(ctx, args...); err != nil {
			return "", err
		}
	}
	return id, nil
}

// fetch brings in the version and returns its commit.
func (f *fetching) fetch(ctx context.Context) (ID, error) {
	version := f.Version
	if ref, rest, ok := strings.Cut(version, "^{"); ok {
		id, closed := strings.CutSuffix(rest, "}")
		if !closed || !isHexID(id) || !ValidRefName(ref) {
			return "", fmt.Errorf("version %.200q: %w", version, ErrInvalidName)
		}
		version = id
	}
	if isHexID(version) {
		// Many servers give a commit when asked for it; others only with the history that leads to it.
		err := f.pull(ctx, f.Depth, version)
		if err == nil || ctx.Err() != nil {
			return f.commit(ctx, "FETCH_HEAD")
		}
		return f.fetchAll(ctx, version)
	}
	ref, err := f.remoteRef(ctx, version)
	if err != nil {
		return "", err
	}
	if ref == "" && shortID(version) {
		return f.fetchAll(ctx, version)
	}
	if ref == "" {
		return "", fmt.Errorf("version %.200q: %w", version, ErrNotFound)
	}
	if err := f.pull(ctx, f.Depth, "+"+ref+":"+trackingRef(ref)); err != nil {
		return "", err
	}
	return f.commit(ctx, "FETCH_HEAD")
}

// trackingRef is where the checkout keeps a reference of the remote, as git clone does.
func trackingRef(ref string) string {
	if branch, ok := strings.CutPrefix(ref, branchPrefix); ok {
		return "refs/remotes/origin/" + branch
	}
	if strings.HasPrefix(ref, tagPrefix) {
		return ref
	}
	return "refs/remotes/origin/" + strings.TrimPrefix(ref, "refs/")
}

func shortID(s string) bool {
	return len(s) >= 7 && len(s) < 40 && isHexID(s+strings.Repeat("0", 40-len(s)))
}

// remoteRef returns the full name of what the remote calls by version, or "".
func (f *fetching) remoteRef(ctx context.Context, version string) (string, error) {
	if version == "" || version == "HEAD" {
		return "HEAD", nil
	}
	candidates := []string{branchPrefix + version, tagPrefix + version, version}
	args := []string{"ls-remote", "--quiet", "--", "origin"}
	for _, c := range candidates {
		if ValidRefName(c) {
			args = append(args, c)
		}
	}
	if len(args) == 4 {
		return "", fmt.Errorf("version %.200q: %w", version, ErrInvalidName)
	}
	out, err := f.git(ctx, args...)
	if err != nil {
		return "", err
	}
	for _, c := range candidates {
		if bytes.Contains(out, []byte("\t"+c+"\n")) {
			return c, nil
		}
	}
	return "", nil
}

func (f *fetching) pull(ctx context.Context, depth int, refspecs ...string) error {
	args := []string{"fetch", "--progress", "--no-recurse-submodules"}
	if depth > 0 {
		args = append(args, "--no-tags", "--depth="+strconv.Itoa(depth))
	}
	_, err := f.git(ctx, append(append(args, "--", "origin"), refspecs...)...)
	return err
}

// fetchAll takes everything, to find a commit by an id the server does not answer to.
func (f *fetching) fetchAll(ctx context.Context, version string) (ID, error) {
	if err := f.pull(ctx, 0, "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"); err != nil {
		return "", err
	}
	return f.commit(ctx, version)
}

// commit returns the commit that a name stands for in the checkout.
func (f *fetching) commit(ctx context.Context, name string) (ID, error) {
	out, err := f.git(ctx, "rev-parse", "--quiet", "--verify", "--end-of-options", name+"^{commit}")
	if _, ok := errors.AsType[*CommandError](err); ok {
		return "", fmt.Errorf("version %.200q: %w", f.Version, ErrNotFound)
	}
	if err != nil {
		return "", err
	}
	return ParseID(strings.TrimSpace(string(out)))
}
