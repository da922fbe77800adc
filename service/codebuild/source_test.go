package codebuild_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	api "drydock/api/codebuild"
	"drydock/api/codecommit"
	"drydock/api/s3"
	"drydock/aws"
	"drydock/blob/seal"
	"drydock/engine/git"
	"drydock/ledger"
	"drydock/service"
	"drydock/service/servicetest"
)

// zipOf packs files, given as name, content, name, content.
func zipOf(t *testing.T, files ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for i := 0; i < len(files); i += 2 {
		f, err := w.Create(files[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, files[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// unzip lists a package: "name=content".
func unzip(t *testing.T, text []byte) string {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range r.File {
		content, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(content)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, f.Name+"="+string(text))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func s3Source(location string) func(*api.CreateProjectInput) {
	return func(in *api.CreateProjectInput) {
		in.Source = api.ProjectSource{Type: api.SourceTypeS3, Location: &location}
	}
}

const catSpec = "version: 0.2\nphases: {build: {commands: ['cat a.txt sub/b.txt']}}\n"

func TestSource_S3(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CB-05")
	ledger.Covers(t, "CB-12")
	b := newBench(t)
	b.peers.put("bucket/src.zip", zipOf(t, "buildspec.yml", catSpec, "a.txt", "A\n", "sub/b.txt", "B\n"))
	b.peers.put("bucket/folder/buildspec.yml", []byte(catSpec))
	b.peers.put("bucket/folder/a.txt", []byte("AA\n"))
	b.peers.put("bucket/folder/sub/b.txt", []byte("BB\n"))
	b.peers.put("bucket/evil.zip", zipOf(t, "buildspec.yml", catSpec, "../../evil", "x"))
	b.peers.put("bucket/text", []byte("not a package"))
	b.createProject(t, "p1", "", s3Source("bucket/src.zip"))
	for _, test := range []struct{ location, output, reason string }{
		{"bucket/src.zip", "A\nB\n", ": "},
		{"arn:aws:s3:::bucket/src.zip", "A\nB\n", ": "},
		{"bucket/folder/", "AA\nBB\n", ": "},
		{"bucket/none.zip", "", "CLIENT_ERROR: NoSuchKey: The specified key does not exist. for primary source and source version arn:aws:s3:::bucket/none.zip"},
		{"bucket/evil.zip", "", "CLIENT_ERROR: ../../evil: ../../evil leads out of the folder for primary source and source version arn:aws:s3:::bucket/evil.zip"},
		{"bucket/text", "", "CLIENT_ERROR: the source is no ZIP file: zip: not a valid zip file for primary source and source version arn:aws:s3:::bucket/text"},
	} {
		b.peers.clear()
		got := b.build(t, &api.StartBuildInput{ProjectName: "p1", SourceLocationOverride: &test.location})
		if b.peers.output() != test.output || reason(got, api.BuildPhaseTypeDownloadSource) != test.reason {
			t.Errorf("%s: output %q, %s", test.location, b.peers.output(), reason(got, api.BuildPhaseTypeDownloadSource))
		}
	}
}

func TestSource_BuildspecOfTheCallAndOfAPath(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.peers.put("bucket/src.zip", zipOf(t, "ci/spec.yml", "version: 0.2\nphases: {build: {commands: ['echo path']}}\n"))
	b.peers.put("bucket/spec.yml", []byte("version: 0.2\nphases: {build: {commands: ['echo object']}}\n"))
	b.createProject(t, "p1", "", s3Source("bucket/src.zip"), func(in *api.CreateProjectInput) { in.Source.Buildspec = new("ci/spec.yml") })
	b.build(t, &api.StartBuildInput{ProjectName: "p1"})
	b.build(t, &api.StartBuildInput{ProjectName: "p1", BuildspecOverride: new("version: 0.2\nphases: {build: {commands: ['echo inline']}}\n")})
	b.build(t, &api.StartBuildInput{ProjectName: "p1", BuildspecOverride: new("arn:aws:s3:::bucket/spec.yml")})
	if b.peers.output() != "path\ninline\nobject\n" {
		t.Errorf("output %q", b.peers.output())
	}
	for _, name := range []string{"none.yml", "../../../../../etc/passwd"} {
		got := b.build(t, &api.StartBuildInput{ProjectName: "p1", BuildspecOverride: &name})
		if !strings.HasPrefix(reason(got, api.BuildPhaseTypeDownloadSource), "YAML_FILE_ERROR: stat ") {
			t.Errorf("%s: %s", name, reason(got, api.BuildPhaseTypeDownloadSource))
		}
	}
}

// newRepository returns an empty git repository.
func newRepository(t *testing.T) *git.Repository {
	t.Helper()
	engine := git.New(t.TempDir(), slog.New(slog.DiscardHandler))
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	keys, err := seal.NewRootKey(seal.NewDataKey())
	if err != nil {
		t.Fatal(err)
	}
	repository, err := engine.Create(t.Context(), "r", keys)
	if err != nil {
		t.Fatal(err)
	}
	return repository
}

// gitPlane serves a repository as CodeCommit does, to callers that are the service role.
func gitPlane(repository *git.Repository) service.Module {
	handler := git.Handler{Open: func(http.ResponseWriter, *http.Request, git.Service) *git.Access {
		return &git.Access{Repository: repository}
	}}
	return service.Module{API: codecommit.API, DataPlanes: []service.DataPlane{{
		Prefix: "/v1/repos/", Realm: "git", Serve: func(call *aws.Call, w http.ResponseWriter, r *http.Request) {
			if call.Principal.RoleARN != testRole || call.Region != "eu-west-1" {
				http.Error(w, fmt.Sprintf("called by %s in %s", call.Principal.ARN, call.Region), http.StatusForbidden)
				return
			}
			handler.ServeHTTP(w, r)
		},
	}}}
}

func TestSource_Git(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CB-05")
	ledger.Covers(t, "CB-25")
	repository := newRepository(t)
	const spec = "version: 0.2\nphases: {build: {commands: ['cat file; echo $CODEBUILD_SOURCE_VERSION $CODEBUILD_RESOLVED_SOURCE_VERSION; git log --oneline | wc -l | tr -d \" \"; ls $CODEBUILD_SRC_DIR_second']}}\n"
	commit := func(parent git.ID, content string) git.ID {
		done, err := repository.CommitFiles(t.Context(), git.CommitRequest{
			Branch: "main", Parent: parent, Author: git.NewSignature("a", "a@example.com", servicetest.Start), Message: content,
			Changes: []git.FileChange{{Path: "buildspec.yml", Content: []byte(spec)}, {Path: "file", Content: []byte(content + "\n")}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return done.Commit
	}
	first := commit("", "one")
	second := commit(first, "two")
	b := newBench(t, gitPlane(repository))
	url := b.URL(t)
	open := git.Handler{Open: func(http.ResponseWriter, *http.Request, git.Service) *git.Access {
		return &git.Access{Repository: repository}
	}}
	elsewhere := httptest.NewServer(&open)
	t.Cleanup(elsewhere.Close)
	b.call = b.CallIn(t, b.call.Account, "eu-west-1")
	codecommit := "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/r"
	b.createProject(t, "p1", "", func(in *api.CreateProjectInput) {
		in.Source = api.ProjectSource{Type: api.SourceTypeCodecommit, Location: &codecommit}
		in.SecondarySources = []api.ProjectSource{{Type: api.SourceTypeGithub, Location: new(elsewhere.URL + "/o/r.git"), SourceIdentifier: new("second")}}
	})
	for name, test := range map[string]struct {
		in   api.StartBuildInput
		want string
		id   git.ID
	}{
		"default branch": {want: fmt.Sprintf("two\n%s %s\n2\nbuildspec.yml\nfile\n", second, second), id: second},
		"branch":         {in: api.StartBuildInput{SourceVersion: new("main")}, want: fmt.Sprintf("two\nmain %s\n2\nbuildspec.yml\nfile\n", second), id: second},
		"commit":         {in: api.StartBuildInput{SourceVersion: new(string(first))}, want: fmt.Sprintf("one\n%s %s\n1\nbuildspec.yml\nfile\n", first, first), id: first},
		"depth": {in: api.StartBuildInput{SourceVersion: new("main"), GitCloneDepthOverride: new(int32(1))},
			want: fmt.Sprintf("two\nmain %s\n1\nbuildspec.yml\nfile\n", second), id: second},
		"elsewhere": {in: api.StartBuildInput{SourceTypeOverride: new(api.SourceTypeBitbucket), SourceLocationOverride: new(elsewhere.URL + "/o/r.git")},
			want: fmt.Sprintf("two\n%s %s\n2\nbuildspec.yml\nfile\n", second, second), id: second},
		"at this cloud": {in: api.StartBuildInput{SourceLocationOverride: new(url + "/v1/repos/r")},
			want: fmt.Sprintf("two\n%s %s\n2\nbuildspec.yml\nfile\n", second, second), id: second},
	} {
		b.peers.clear()
		test.in.ProjectName = "p1"
		got := b.build(t, &test.in)
		if b.peers.output() != test.want || value(got.ResolvedSourceVersion) != string(test.id) {
			t.Errorf("%s: output %q, want %q; resolved %s; %s", name, b.peers.output(), test.want, value(got.ResolvedSourceVersion), reason(got, api.BuildPhaseTypeDownloadSource))
		}
	}
	got := b.build(t, &api.StartBuildInput{ProjectName: "p1", SourceVersion: new("nosuchbranch")})
	if r := reason(got, api.BuildPhaseTypeDownloadSource); !strings.HasPrefix(r, "CLIENT_ERROR: ") || !strings.HasSuffix(r, "for primary source and source version nosuchbranch") {
		t.Errorf("no such branch: %s", r)
	}
}

func TestArtifacts(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CB-21", "CB-23", "CB-24")
	const commands = "version: 0.2\nphases: {build: {commands: ['mkdir -p dist/sub; echo 1 >dist/a; echo 2 >dist/sub/b; echo 3 >dist/sub/c.map; ln -s /proc/version dist/leak', 'NAME=v7']}}\n"
	const files = commands + "artifacts: {files: ['**/*'], base-directory: dist, exclude-paths: ['**/*.map'], name: 'app-$NAME'"
	for name, test := range map[string]struct {
		spec   string
		config api.ProjectArtifacts
		key    string // with ID for the build's
		want   string
		reason string
	}{
		"zip":        {spec: files + "}", config: api.ProjectArtifacts{Packaging: new(api.ArtifactPackagingZip), Name: new("out.zip"), Path: new("/rel/")}, key: "rel/out.zip", want: "a=1\n sub/b=2\n"},
		"build id":   {spec: files + "}", config: api.ProjectArtifacts{Packaging: new(api.ArtifactPackagingZip), NamespaceType: new(api.ArtifactNamespaceBuildID)}, key: "ID/p1", want: "a=1\n sub/b=2\n"},
		"named":      {spec: files + "}", config: api.ProjectArtifacts{Packaging: new(api.ArtifactPackagingZip), OverrideArtifactName: new(true)}, key: "app-v7", want: "a=1\n sub/b=2\n"},
		"flat":       {spec: files + ", discard-paths: yes}", config: api.ProjectArtifacts{Packaging: new(api.ArtifactPackagingZip)}, key: "p1", want: "a=1\n b=2\n"},
		"src dir":    {spec: commands + "artifacts: {files: ['dist/a'], base-directory: '$CODEBUILD_SRC_DIR'}", config: api.ProjectArtifacts{Packaging: new(api.ArtifactPackagingZip)}, key: "p1", want: "dist/a=1\n"},
		"nothing":    {spec: commands + "artifacts: {files: [none]}", reason: "CLIENT_ERROR: no matching artifact paths found"},
		"bad name":   {spec: commands + "artifacts: {files: [dist/a], name: 'x$('}", config: api.ProjectArtifacts{OverrideArtifactName: new(true)}, reason: "CLIENT_ERROR: expand \"x$(\": exit status 2"},
		"no base":    {spec: commands + "artifacts: {files: [none], base-directory: none}", reason: "CLIENT_ERROR: no matching base directory path found for none"},
		"unpackaged": {spec: files + "}", config: api.ProjectArtifacts{Path: new("rel")}, key: "rel/p1/sub/b", want: "2\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			got := b.run(t, test.spec, func(in *api.CreateProjectInput) {
				in.Artifacts = test.config
				in.Artifacts.Type, in.Artifacts.Location = api.ArtifactsTypeS3, new("bucket")
			})
			if test.reason != "" {
				if r := reason(got, api.BuildPhaseTypeUploadArtifacts); r != test.reason || *got.BuildStatus != api.StatusTypeFailed {
					t.Errorf("reason %q", r)
				}
				return
			}
			_, uuid, _ := strings.Cut(*got.ID, ":")
			key := strings.Replace(test.key, "ID", uuid, 1)
			content, ok := b.peers.objects["bucket/"+key]
			if !ok {
				t.Fatalf("no object %s in %s; %s", key, b.peers.keys(), reason(got, api.BuildPhaseTypeUploadArtifacts))
			}
			text := string(content)
			if value(test.config.Packaging) == api.ArtifactPackagingZip {
				text = unzip(t, content)
				if *got.Artifacts.Location != "arn:aws:s3:::bucket/"+key || len(value(got.Artifacts.Sha256sum)) != 64 {
					t.Errorf("location %s, sha256 %s", *got.Artifacts.Location, value(got.Artifacts.Sha256sum))
				}
			}
			if text != test.want {
				t.Errorf("content %q, want %q", text, test.want)
			}
			if sse := b.peers.puts[0].ServerSideEncryption; value(sse) != s3.ServerSideEncryptionAes256 {
				t.Errorf("encryption %q", value(sse))
			}
		})
	}
}

func TestArtifacts_Secondary(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	got := b.run(t, "version: 0.2\nphases: {build: {commands: [echo 1 >a; echo 2 >b]}}\nartifacts: {files: [a], secondary-artifacts: {two: {files: [b]}}}\n",
		func(in *api.CreateProjectInput) {
			zip := new(api.ArtifactPackagingZip)
			in.Artifacts = api.ProjectArtifacts{Type: api.ArtifactsTypeS3, Location: new("bucket"), Packaging: zip}
			in.SecondaryArtifacts = []api.ProjectArtifacts{{
				Type: api.ArtifactsTypeS3, Location: new("other"), Packaging: zip, ArtifactIdentifier: new("two"), EncryptionDisabled: new(true),
			}}
		})
	if keys := b.peers.keys(); keys != "[bucket/p1 other/two]" || *got.SecondaryArtifacts[0].Location != "arn:aws:s3:::other/two" {
		t.Errorf("objects %s, %s", keys, reason(got, api.BuildPhaseTypeUploadArtifacts))
	}
}

func TestCache(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CB-22")
	const spec = "version: 0.2\nphases: {build: {commands: ['cat deps/n $HOME/.m/x 2>/dev/null || echo none', 'mkdir -p deps $HOME/.m; echo $CODEBUILD_BUILD_NUMBER >deps/n; echo m >$HOME/.m/x']}}\n" +
		"cache: {paths: ['deps/**/*', '$HOME/.m/**/*']}\n"
	for name, cache := range map[string]api.ProjectCache{
		"local": {Type: api.CacheTypeLocal, Modes: []api.CacheMode{api.CacheModeLocalCustomCache}},
		"s3":    {Type: api.CacheTypeS3, Location: new("bucket/pre")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.createProject(t, "p1", spec, func(in *api.CreateProjectInput) { in.Cache = &cache })
			for range 3 {
				b.build(t, &api.StartBuildInput{ProjectName: "p1"})
			}
			if b.peers.output() != "none\n1\nm\n2\nm\n" {
				t.Errorf("output %q", b.peers.output())
			}
			if _, err := api.InvalidateProjectCache.Do(b.call, &api.InvalidateProjectCacheInput{ProjectName: "p1"}); err != nil {
				t.Fatal(err)
			}
			b.peers.clear()
			b.build(t, &api.StartBuildInput{ProjectName: "p1"})
			if b.peers.output() != "none\n" {
				t.Errorf("after invalidation: %q", b.peers.output())
			}
			if name == "local" {
				if _, err := api.DeleteProject.Do(b.call, &api.DeleteProjectInput{Name: "p1"}); err != nil {
					t.Fatal(err)
				}
				b.WaitIdle(t)
				for info, err := range b.Blobs.List(t.Context()) {
					t.Errorf("blob %v is left (%v)", info, err)
				}
			}
		})
	}
}
