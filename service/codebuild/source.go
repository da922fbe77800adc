package codebuild

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"strings"
	"time"

	api "drydock/api/codebuild"
	"drydock/api/s3"
	"drydock/clock"
	"drydock/engine/git"
	"drydock/lang/buildspec"
	"drydock/store"
)

// source is one of a build's sources in its machine.
type source struct {
	id       string // of a secondary one
	dir      string // absolute in the machine
	location string
	version  string // as asked for
	resolved string // what that was: a commit, an object's version
}

// downloadSource fetches all sources, reads the build specification and makes the environment.
func (r *run) downloadSource(ctx context.Context) *failure {
	d := &r.b.Detail
	r.log.printf("Waiting for DOWNLOAD_SOURCE")
	base := "/codebuild/output/src" + strings.ReplaceAll(r.b.uuid(), "-", "")[:9]
	r.sources = nil
	for i, config := range append([]api.ProjectSource{*d.Source}, d.SecondarySources...) {
		src := source{id: value(config.SourceIdentifier), location: value(config.Location), dir: base + "/src", version: value(d.SourceVersion)}
		if i > 0 {
			src.dir, src.version = fmt.Sprintf("%s/src%d", base, i), ""
			for _, v := range d.SecondarySourceVersions {
				if v.SourceIdentifier == src.id {
					src.version = v.SourceVersion
				}
			}
		}
		if f := r.fetch(ctx, &config, &src); f != nil {
			return f
		}
		r.sources = append(r.sources, src)
	}
	if resolved := r.sources[0].resolved; resolved != "" {
		if err := r.update(ctx, func(b *build, _ time.Time) { b.Detail.ResolvedSourceVersion = &resolved }); err != nil {
			return fault(err)
		}
	}
	r.log.printf("Phase is DOWNLOAD_SOURCE")
	r.log.printf("CODEBUILD_SRC_DIR=%s", r.machine.Path(r.sources[0].dir))
	for _, src := range r.sources[1:] {
		r.log.printf("CODEBUILD_SRC_DIR_%s=%s", src.id, r.machine.Path(src.dir))
	}
	if f := r.readBuildspec(ctx); f != nil {
		return f
	}
	if r.b.Member == downloadMember {
		return r.describeBatch(ctx)
	}
	r.log.printf("Processing environment variables")
	if f := r.makeEnvironment(ctx); f != nil {
		return f
	}
	if p := r.spec.Phases.Install; p != nil {
		if f := r.selectRuntimes(ctx, p.RuntimeVersions); f != nil {
			return f
		}
	}
	r.makeShell()
	r.log.printf("Moving to directory %s", r.shell.dir)
	if err := r.restoreCache(ctx); err != nil {
		// As at AWS, a build goes on without its cache.
		r.log.printf("Unable to initialize cache download: %s", serviceError(err))
	}
	if err := r.openSession(ctx); err != nil {
		return fault(err)
	}
	r.describeSpec()
	return nil
}

func (r *run) makeShell() {
	program := "/bin/sh"
	if r.spec.Env.Shell != "" {
		program = r.spec.Env.Shell
	}
	r.shell = &shell{
		machine: r.machine, program: program, env: r.env.list(), dir: r.machine.Path(r.sources[0].dir), shared: r.spec.SharedShell(),
		out: r.log, token: strings.ReplaceAll(r.b.uuid(), "-", ""),
		success: "CODEBUILD_BUILD_SUCCEEDING=1",
	}
}

// describeSpec says in the log what the build specification asks for, and what of it is not done.
func (r *run) describeSpec() {
	type count struct {
		name  string
		phase *buildspec.Phase
	}
	var found []count
	for _, c := range []count{
		{"INSTALL", r.spec.Phases.Install}, {"PRE_BUILD", r.spec.Phases.PreBuild}, {"BUILD", r.spec.Phases.Build}, {"POST_BUILD", r.spec.Phases.PostBuild},
	} {
		if c.phase != nil {
			found = append(found, c)
		}
	}
	r.log.printf("Phases found in YAML: %d", len(found))
	for _, c := range found {
		r.log.printf(" %s: %d commands", c.name, len(c.phase.Commands))
	}
	for _, w := range r.spec.Warnings {
		r.log.printf("YAML warning: %s", w)
	}
}

// readBuildspec finds and reads the build specification: inline, an object in S3, or a file of the source.
func (r *run) readBuildspec(ctx context.Context) *failure {
	given := value(r.b.Detail.Source.Buildspec)
	var text []byte
	switch {
	case given != "" && strings.HasPrefix(given, "arn:"):
		bucket, key, ok := splitS3(given)
		if !ok {
			return fail(buildspec.StatusCode, "%s is no object in S3", given)
		}
		r.log.printf("YAML location is %s", given)
		var err error
		if text, err = r.getObject(ctx, bucket, key, maxBuildspec); err != nil {
			return fail(buildspec.StatusCode, "%s", serviceError(err))
		}
	case given != "" && !isBuildspecPath(given):
		r.log.printf("YAML location is %s", r.machine.Path("/codebuild/readonly/buildspec.yml"))
		text = []byte(given)
	default:
		name := given
		if name == "" {
			name = "buildspec.yml"
		}
		file := path.Join(r.sources[0].dir, path.Join("/", name))
		shown := r.machine.Path(file)
		r.log.printf("YAML location is %s", shown)
		var err error
		if text, err = r.readFile(file, maxBuildspec); err != nil {
			return fail(buildspec.StatusCode, "stat %s: no such file or directory", shown)
		}
	}
	r.text = text
	spec, err := buildspec.Parse(text)
	if err != nil {
		return fail(buildspec.StatusCode, "%s", err)
	}
	r.spec = spec
	return nil
}

// describeBatch gives the batch what the build found out: its build specification, and which version the source has.
func (r *run) describeBatch(ctx context.Context) *failure {
	err := r.s.DB.Update(ctx, func(tx *store.Tx) error {
		b, err := buildBatches.Get(tx, store.K(r.b.Account, r.b.Region, r.b.Batch))
		if errors.Is(err, store.ErrNotFound) || err == nil && b.complete() {
			return errEnded
		}
		if err != nil {
			return err
		}
		b.Specification = string(r.text)
		if resolved := r.sources[0].resolved; resolved != "" {
			b.Detail.ResolvedSourceVersion = &resolved
		}
		return buildBatches.Put(tx, b)
	})
	if err != nil {
		return fault(err)
	}
	return nil
}

// isBuildspecPath tells a path in the source from a build specification given inline. A path has no line break and does
// not look like a mapping.
func isBuildspecPath(text string) bool {
	return !strings.ContainsAny(text, "\n{") && !strings.HasPrefix(text, "version:") && !strings.HasPrefix(text, "arn:")
}

// fetch brings one source into the machine.
func (r *run) fetch(ctx context.Context, config *api.ProjectSource, src *source) *failure {
	root, err := r.machine.OpenRoot("/")
	if err != nil {
		return fault(err)
	}
	err = root.MkdirAll(strings.TrimPrefix(src.dir, "/"), 0o755)
	if closeErr := root.Close(); err != nil || closeErr != nil {
		return fault(errors.Join(err, closeErr))
	}
	switch config.Type {
	case api.SourceTypeNoSource:
		return nil
	case api.SourceTypeS3:
		return r.fetchS3(ctx, src)
	}
	return r.fetchGit(ctx, config, src)
}

// fetchGit checks out a repository.
func (r *run) fetchGit(ctx context.Context, config *api.ProjectSource, src *source) *failure {
	dir, err := r.machine.HostPath(src.dir)
	if err != nil {
		return fault(err)
	}
	req := git.FetchRequest{
		URL: src.location, Version: src.version, Depth: int(value(config.GitCloneDepth)), Dir: dir, InsecureTLS: value(config.InsecureSSL),
		Submodules: config.GitSubmodulesConfig != nil && config.GitSubmodulesConfig.FetchSubmodules,
	}
	if number, ok := strings.CutPrefix(src.version, "pr/"); ok {
		req.Version = "refs/pull/" + number + "/head"
	}
	if config.Type == api.SourceTypeCodecommit {
		if err := r.codecommit(ctx, &req); err != nil {
			return clientError("%s for primary source and source version %s", serviceError(err), src.version)
		}
	} else {
		req.Username, req.Password, err = r.s.fetchCredential(ctx, r.b.Account, r.b.Region, config.Type, src.location)
		if err != nil {
			return fault(err)
		}
	}
	id, err := git.Fetch(ctx, req)
	if err != nil {
		which := "primary source"
		if src.id != "" {
			which = "secondary source " + src.id
		}
		return clientError("%v for %s and source version %s", err, which, src.version)
	}
	src.resolved = string(id)
	return nil
}

// codecommit addresses a CodeCommit repository at this cloud and signs the request as the service role, as CodeCommit's
// credential helper does.
func (r *run) codecommit(ctx context.Context, req *git.FetchRequest) error {
	u, err := url.Parse(req.URL)
	if err != nil {
		return err
	}
	name, _ := codecommitName(u)
	region := r.b.Region
	if labels := strings.Split(u.Hostname(), "."); len(labels) > 2 && labels[0] == "git-codecommit" {
		region = labels[1]
	}
	endpoint, err := url.Parse(r.s.Endpoint())
	if err != nil || endpoint.Host == "" {
		return errors.New("this cloud does not listen, so no repository can be fetched from it")
	}
	credentials, _, err := r.role.get(ctx)
	if err != nil {
		return err
	}
	at := "/v1/repos/" + name
	req.URL = endpoint.JoinPath(at).String()
	req.Username = credentials.AccessKeyID + "%" + credentials.SessionToken
	stamp := clock.Wall().Format("20060102T150405Z")
	req.Password = stamp + signGit(credentials.SecretAccessKey, region, endpoint.Hostname(), at, stamp[:len(stamp)-1])
	return nil
}

// signGit is the signature in the password that `aws codecommit credential-helper` makes: Signature Version 4 over the
// method GIT, the path and the host.
func signGit(secret, region, host, at, stamp string) string {
	digest := sha256.Sum256([]byte("GIT\n" + at + "\n\nhost:" + host + "\n\nhost\n"))
	date := stamp[:8]
	text := "AWS4-HMAC-SHA256\n" + stamp + "\n" + date + "/" + region + "/codecommit/aws4_request\n" + hex.EncodeToString(digest[:])
	key := []byte("AWS4" + secret)
	for _, part := range []string{date, region, "codecommit", "aws4_request", text} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	return hex.EncodeToString(key)
}

// getObject reads a small object as the service role.
func (r *run) getObject(ctx context.Context, bucket, key string, limit int64) ([]byte, error) {
	call, err := r.role.call(ctx)
	if err != nil {
		return nil, err
	}
	out, err := s3.GetObject.Do(call, &s3.GetObjectInput{Bucket: bucket, Key: key})
	if err != nil {
		return nil, err
	}
	defer out.Body.Close()
	text, err := io.ReadAll(io.LimitReader(out.Body, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("object %s/%s is larger than %d bytes", bucket, key, limit)
	}
	return text, err
}
