package git

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTransfer_EmptyRepositoryClonesAndTakesAFirstPush(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if branch := must(f.repo.DefaultBranch(t.Context()))(t); branch != "" {
		t.Errorf("default branch of an empty repository is %q", branch)
	}
	dir, tip := f.seeded()
	if got := must(f.repo.Branch(t.Context(), "main"))(t); got.ID != tip {
		t.Errorf("main is at %s, pushed was %s", got.ID, tip)
	}
	want := []RefUpdate{{Ref: "refs/heads/main", New: tip}}
	if d := cmp.Diff(want, f.took()); d != "" {
		t.Errorf("committed (-want +got):\n%s", d)
	}
	again := f.work()
	if got, _ := os.ReadFile(filepath.Join(again, "README")); string(got) != "hello\n" {
		t.Errorf("cloned README is %q", got)
	}
	f.commit(dir, "b", "2")
	f.git(dir, "push", "-q", "origin", "main")
	f.git(again, "pull", "-q")
	if _, err := os.Stat(filepath.Join(again, "b")); err != nil {
		t.Error(err)
	}
}

func TestTransfer_FirstBranchBecomesTheDefault(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	dir := f.work()
	f.commit(dir, "a", "1")
	f.git(dir, "push", "-q", "origin", "HEAD:refs/heads/trunk")
	if got := must(f.repo.DefaultBranch(t.Context()))(t); got != "trunk" {
		t.Errorf("default branch is %q", got)
	}
	if got := f.git(f.work(), "symbolic-ref", "HEAD"); got != "refs/heads/trunk" {
		t.Errorf("a clone has %s checked out", got)
	}
	out, ok := f.tryGit(dir, "push", "origin", ":trunk")
	if ok || !strings.Contains(out, "remote rejected") {
		t.Errorf("deleting the default branch: %v\n%s", ok, out)
	}
}

func TestTransfer_BranchesTagsForceAndDelete(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	dir, first := f.seeded()
	f.git(dir, "branch", "feature/x")
	f.git(dir, "tag", "light")
	f.git(dir, "tag", "-a", "-m", "Release", "v1")
	f.git(dir, "push", "-q", "origin", "feature/x", "light", "v1")
	tag := must(f.repo.Ref(t.Context(), "refs/tags/v1"))(t)
	if tag.Peeled != first || tag.ID == first {
		t.Errorf("v1 is %+v, its commit is %s", tag, first)
	}
	if got := must(f.repo.ResolveCommit(t.Context(), "v1"))(t); got != first {
		t.Errorf("v1 resolves to %s", got)
	}
	f.git(dir, "commit", "-q", "--amend", "-m", "Other")
	if out, ok := f.tryGit(dir, "push", "origin", "main"); ok {
		t.Errorf("a push that is no fast-forward went through without force:\n%s", out)
	}
	f.git(dir, "push", "-q", "--force", "origin", "main")
	f.git(dir, "push", "-q", "origin", "--delete", "feature/x")
	if _, err := f.repo.Branch(t.Context(), "feature/x"); !errors.Is(err, ErrNotFound) {
		t.Errorf("deleted branch: %v", err)
	}
	var kinds []string
	for _, u := range f.took() {
		kinds = append(kinds, u.Kind()+" "+u.Ref)
	}
	want := []string{
		"create refs/heads/main", "create refs/heads/feature/x", "create refs/tags/light", "create refs/tags/v1",
		"update refs/heads/main", "delete refs/heads/feature/x",
	}
	if d := cmp.Diff(want, kinds); d != "" {
		t.Errorf("committed (-want +got):\n%s", d)
	}
}

func TestTransfer_RefusedPushChangesNothingAndSaysWhy(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	dir, tip := f.seeded()
	f.forget()
	seen := make(chan []RefUpdate, 1)
	f.mu.Lock()
	f.authorize = func(updates []RefUpdate) error {
		seen <- updates
		return errors.New("main is\nprotected")
	}
	f.mu.Unlock()
	next := f.commit(dir, "b", strings.Repeat("x", 1<<20))
	out, ok := f.tryGit(dir, "push", "origin", "main", "HEAD:other")
	if ok || !strings.Contains(out, "! [remote rejected] main -> main (main is protected)") || !strings.Contains(out, "HEAD -> other (main is protected)") {
		t.Errorf("refused push: %v\n%s", ok, out)
	}
	want := []RefUpdate{{"refs/heads/main", tip, next}, {"refs/heads/other", "", next}}
	if d := cmp.Diff(want, <-seen); d != "" {
		t.Errorf("authorize saw (-want +got):\n%s", d)
	}
	if len(f.took()) != 0 || must(f.repo.Branch(t.Context(), "main"))(t).ID != tip {
		t.Errorf("the refused push had an effect: %v", f.took())
	}
	if _, err := f.repo.Commit(t.Context(), next); !errors.Is(err, ErrNotFound) {
		t.Errorf("the refused commit: %v", err)
	}
	if out, ok := f.tryGit(dir, "push", "origin", ":main"); ok || !strings.Contains(out, "main is protected") {
		t.Errorf("refused delete: %v\n%s", ok, out)
	}
}

func TestTransfer_AtomicPushIsAllOrNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	dir, _ := f.seeded()
	other := f.work()
	f.commit(other, "theirs", "1")
	f.git(other, "push", "-q", "origin", "main")
	f.commit(dir, "ours", "1")
	f.forget()
	if out, ok := f.tryGit(dir, "push", "--atomic", "origin", "main", "HEAD:side"); ok {
		t.Fatalf("push went through:\n%s", out)
	}
	if _, err := f.repo.Branch(t.Context(), "side"); !errors.Is(err, ErrNotFound) || len(f.took()) != 0 {
		t.Errorf("side: %v, committed: %v", err, f.took())
	}
}

func TestTransfer_ShallowAndPartialClones(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"0", "1", "2"} {
		t.Run("v"+version, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			dir, _ := f.seeded()
			for i := range 5 {
				f.commit(dir, "file", strings.Repeat(fmt.Sprint(i), 100))
			}
			f.git(dir, "push", "-q", "origin", "main")
			protocol := "protocol.version=" + version
			shallow := f.work("-c", protocol, "--depth=2")
			if got := f.git(shallow, "rev-list", "--count", "HEAD"); got != "2" {
				t.Errorf("shallow clone has %s commits", got)
			}
			f.git(shallow, "-c", protocol, "fetch", "-q", "--unshallow")
			if got := f.git(shallow, "rev-list", "--count", "HEAD"); got != "6" {
				t.Errorf("deepened clone has %s commits", got)
			}
			partial := f.work("-c", protocol, "--filter=blob:none", "--no-checkout")
			missing := f.git(partial, "rev-list", "--objects", "--all", "--missing=print", "--quiet")
			if n := strings.Count(missing, "?"); n != 6 {
				t.Errorf("partial clone misses %d blobs:\n%s", n, missing)
			}
			f.git(partial, "-c", protocol, "checkout", "-q", "main")
			f.commit(shallow, "pushed", "1")
			f.git(shallow, "-c", protocol, "push", "-q", "origin", "main")
			asked := false
			for _, h := range f.seen() {
				asked = asked || h.Get("Git-Protocol") == "version="+version
			}
			if asked != (version != "0") {
				t.Errorf("a client asked for version %s: %v", version, asked)
			}
		})
	}
}

func TestTransfer_BinaryAndUnicodeFiles(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	dir := f.work()
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	f.write(dir, "bin/ä ö\t日本\"語", string(all))
	tip := f.commit(dir, "crlf.txt", "a\r\nb\r\n")
	f.git(dir, "push", "-q", "origin", "main")
	entry := must(f.repo.FileAt(t.Context(), tip, "/bin/ä ö\t日本\"語"))(t)
	if got := must(f.repo.ReadBlob(t.Context(), entry.ID, 1<<10))(t); !bytes.Equal(got, all) {
		t.Errorf("blob is %q", got)
	}
	if got, err := os.ReadFile(filepath.Join(f.work(), "bin/ä ö\t日本\"語")); err != nil || !bytes.Equal(got, all) {
		t.Errorf("cloned file is %q, %v", got, err)
	}
}

func TestTransfer_ManyReferences(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	dir, tip := f.seeded()
	const count = 400
	var in, spec strings.Builder
	for i := range count {
		fmt.Fprintf(&in, "%s refs/heads/b/%04d\n", tip, i)
		fmt.Fprintf(&spec, "create refs/heads/b/%04d %s\n", i, tip)
	}
	f.write(dir, ".git/packed-refs", "# pack-refs with: peeled fully-peeled sorted \n"+in.String())
	f.git(dir, "push", "-q", "origin", "refs/heads/b/*")
	if got := strings.Count(f.git(dir, "ls-remote", f.url, "refs/heads/b/*"), "\n") + 1; got != count {
		t.Errorf("%d branches arrived", got)
	}
	var all []string
	for after, more := "b/", true; more; {
		var page []Ref
		var err error
		if page, more, err = f.repo.Branches(t.Context(), after, 400); err != nil {
			t.Fatal(err)
		}
		for _, ref := range page {
			all = append(all, ref.Branch())
		}
		after = page[len(page)-1].Branch()
	}
	if len(all) != count+1 || all[count] != "main" { // b/... and main
		t.Errorf("%d branches listed, the last is %s", len(all), all[len(all)-1])
	}
	// The request of a fetch with this many wants comes gzipped.
	f.work()
	zipped := false
	for _, h := range f.seen() {
		zipped = zipped || h.Get("Content-Encoding") == "gzip"
	}
	if !zipped {
		t.Error("no request came gzipped, so nothing was tested")
	}
}

func TestTransfer_LargePushStreams(t *testing.T) {
	// Not parallel: it measures the process's memory.
	f := newFixture(t)
	dir := f.work()
	source := rand.NewChaCha8([32]byte{1})
	func() { // so that the content is garbage when the measuring begins
		content := make([]byte, 50<<20)
		_, _ = source.Read(content)
		f.write(dir, "large", string(content))
	}()
	f.git(dir, "-c", "core.compression=0", "add", "-A")
	f.git(dir, "commit", "-q", "-m", "Large")
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f.git(dir, "-c", "core.compression=0", "push", "-q", "origin", "main")
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 8<<20 {
		t.Errorf("a push of 50 MiB allocated %d bytes", grown)
	}
	tip := must(f.repo.ResolveCommit(t.Context(), "HEAD"))(t)
	entry := must(f.repo.FileAt(t.Context(), tip, "large"))(t)
	blob := must(f.repo.Blob(t.Context(), entry.ID))(t)
	defer func() { _ = blob.Close() }()
	if n, err := io.Copy(io.Discard, blob); n != 50<<20 || err != nil || blob.Size != n {
		t.Errorf("read %d of %d bytes: %v", n, blob.Size, err)
	}
}

func TestTransfer_OneOfTwoRacingPushesWins(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.seeded()
	const pushers = 4
	dirs := make([]string, pushers)
	tips := map[ID]bool{}
	for i := range dirs {
		dirs[i] = f.work()
		tips[f.commit(dirs[i], "file", fmt.Sprint(i))] = true
	}
	f.forget()
	var group sync.WaitGroup
	outs, won := make([]string, pushers), make([]bool, pushers)
	for i := range dirs {
		group.Go(func() { outs[i], won[i] = f.tryGit(dirs[i], "push", "origin", "main") })
	}
	group.Wait()
	winners := 0
	for i := range won {
		if won[i] {
			winners++
		} else if !strings.Contains(outs[i], "rejected") {
			t.Errorf("a loser heard:\n%s", outs[i])
		}
	}
	tip := must(f.repo.Branch(t.Context(), "main"))(t).ID
	if winners != 1 || !tips[tip] || len(f.took()) != 1 || f.took()[0].New != tip {
		t.Errorf("%d winners, tip %s, committed %v", winners, tip, f.took())
	}
	if out, ok := tryGit(t, f.dir(), "fsck", "--strict"); !ok {
		t.Errorf("fsck:\n%s", out)
	}
}

// post sends a request as a git client would and returns status and body.
func (f *fixture) post(service Service, body []byte, header ...string) (int, string) {
	f.Helper()
	r, err := http.NewRequestWithContext(f.Context(), http.MethodPost, f.url+"/"+string(service), bytes.NewReader(body))
	if err != nil {
		f.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-"+string(service)+"-request")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		f.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		f.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}

func TestTransfer_HostilePushes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, tip := f.seeded()
	f.forget()
	command := func(ref, capabilities string) []byte {
		return appendFlush(appendPkt(nil, string(zeroID)+" "+string(tip)+" "+ref+"\x00"+capabilities))
	}
	emptyPack := "PACK\x00\x00\x00\x02\x00\x00\x00\x00\x02\x9d\x08\x82\x3b\xd8\xa8\xea\xb5\x10\xad\x6a\xc7\x5c\x82\x3c\xfd\x3e\xd3\x1e"
	for _, ref := range []string{
		"../../x", "-o", "refs/heads/../../../x", "refs/heads/-", "HEAD", "refs/x", "refs/heads/a..b", "refs/heads/.x", "refs/heads/x.lock",
		"refs/heads/a b", "refs/heads/a\x01", "refs/heads//a", "refs/heads/a/", "refs/drydock/x", "config", "refs/heads/@{u}", "refs/heads/" + strings.Repeat("a", 2000),
	} {
		status, body := f.post(ReceivePack, append(command(ref, "report-status"), emptyPack...))
		if ref == "refs/heads/-" { // odd, but git allows it; it is never put where an option could be
			if status != 200 || !strings.Contains(body, "ok "+ref) {
				t.Errorf("%q: %d %q", ref, status, body)
			}
			continue
		}
		if status != 200 || !strings.Contains(body, "ng "+ref+" ") {
			t.Errorf("%.50q: %d %q", ref, status, body)
		}
	}
	nothing := []struct {
		name string
		body []byte
		want int
	}{
		{"nothing", nil, 400},
		{"probe", []byte("0000"), 200},
		{"bad length", []byte("zzzz"), 400},
		{"length 3", []byte("0003"), 400},
		{"too long", []byte("ffffxxxx"), 400},
		{"cut short", []byte("00ff000"), 400},
		{"delimiter", []byte("0001"), 400},
		{"newline in the name", command("refs/heads/a\nrefs/heads/b", ""), 400},
		{"certificate", appendPkt(nil, "push-cert\x00report-status"), 400},
		{"bad id", appendPkt(nil, strings.Repeat("g", 40)+" "+string(tip)+" refs/heads/a"), 400},
	}
	for _, test := range nothing {
		if status, body := f.post(ReceivePack, test.body); status != test.want {
			t.Errorf("%s: %d %q", test.name, status, body)
		}
	}
	if got := must(f.repo.refs(t.Context()))(t); len(got) != 2 || len(f.took()) != 1 {
		t.Errorf("references %v, committed %v", got, f.took())
	}
}

func TestTransfer_SilentPushIsReportedToTheCaller(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, tip := f.seeded()
	f.forget()
	body := appendFlush(appendPkt(nil, string(zeroID)+" "+string(tip)+" refs/heads/x\x00")) // no report-status
	pack := "PACK\x00\x00\x00\x02\x00\x00\x00\x00\x02\x9d\x08\x82\x3b\xd8\xa8\xea\xb5\x10\xad\x6a\xc7\x5c\x82\x3c\xfd\x3e\xd3\x1e"
	status, answer := f.post(ReceivePack, append(body, pack...))
	if status != 200 || answer != "" || len(f.took()) != 1 {
		t.Errorf("%d %q %v", status, answer, f.took())
	}
}

func TestHandler_RefusesWhatIsNotGit(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	get := func(path string) int {
		resp, err := http.Get(f.url + path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		return resp.StatusCode
	}
	for path, want := range map[string]int{
		"/info/refs": 403, "/info/refs?service=git-upload-archive": 404, "/HEAD": 404, "/objects/info/packs": 404, "/git-upload-pack": 405,
		"/info/refs?service=git-upload-pack": 200, "/../other/info/refs?service=git-upload-pack": 404,
	} {
		if got := get(path); got != want {
			t.Errorf("GET %s: %d, want %d", path, got, want)
		}
	}
	if status, _ := f.post(UploadPack, nil, "Content-Type", "text/plain"); status != 415 {
		t.Errorf("wrong content type: %d", status)
	}
	if status, _ := f.post(UploadPack, nil, "Content-Encoding", "br"); status != 415 {
		t.Errorf("unknown encoding: %d", status)
	}
	if status, _ := f.post(ReceivePack, []byte("no gzip"), "Content-Encoding", "gzip"); status != 400 {
		t.Errorf("broken gzip: %d", status)
	}
	for range 3 { // a header that would inject into the environment is not passed on
		if status, _ := f.post(UploadPack, []byte("0000"), "Git-Protocol", "version=2;x"); status != 200 {
			t.Errorf("odd protocol: %d", status)
		}
	}
}

func TestHandler_StopsAGzipBomb(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	line := bytes.Repeat(appendPkt(nil, "shallow "+string(zeroID)), 1000)
	for range 1500 { // 72 MB unpacked
		_, _ = z.Write(line)
	}
	_ = z.Close()
	status, body := f.post(ReceivePack, bomb.Bytes(), "Content-Encoding", "gzip")
	if status != http.StatusRequestEntityTooLarge {
		t.Errorf("%d %q", status, body)
	}
}
