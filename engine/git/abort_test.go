package git

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

// leftovers lists locks, half-received packs and their folders.
func (f *fixture) leftovers() []string {
	f.Helper()
	var found []string
	w, leave, err := f.repo.enter(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	defer leave()
	err = filepath.WalkDir(w.dir, func(path string, _ os.DirEntry, err error) error {
		name := filepath.Base(path)
		if strings.HasSuffix(name, ".lock") || strings.HasPrefix(name, "tmp_") || strings.Contains(name, "incoming") {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
	return found
}

func TestReceivePack_ABrokenPushLeavesNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	dir, tip := f.seeded()
	f.forget()
	f.commit(dir, "b", "2")
	pack := f.git(dir, "pack-objects", "--all", "-q", filepath.Join(dir, "p"))
	data, err := os.ReadFile(filepath.Join(dir, "p-"+pack+".pack"))
	if err != nil {
		t.Fatal(err)
	}
	next := f.git(dir, "rev-parse", "HEAD")
	head := appendFlush(appendPkt(nil, string(tip)+" "+next+" refs/heads/main\x00report-status side-band-64k"))
	whole := append(head, data...)
	half := string(whole[:len(whole)-30])
	unexpected := func([]RefUpdate) { t.Error("a broken push was committed") }
	broken := errors.New("the line is cut")

	for name, body := range map[string]io.Reader{
		"cut": strings.NewReader(half), "failing": io.MultiReader(strings.NewReader(half), iotest.ErrReader(broken)),
		"damaged": strings.NewReader(half + strings.Repeat("x", 30)),
	} {
		var out strings.Builder
		err := f.repo.ReceivePack(t.Context(), &out, body, nil, unexpected)
		if err == nil && !strings.Contains(out.String(), "ng refs/heads/main") {
			t.Errorf("%s: %q", name, out.String())
		}
	}
	// A client that hangs up while git waits for the rest.
	ctx, cancel := context.WithCancel(t.Context())
	stalled := io.MultiReader(strings.NewReader(half), readFunc(func([]byte) (int, error) {
		cancel()
		<-ctx.Done()
		return 0, ctx.Err()
	}))
	if err := f.repo.ReceivePack(ctx, io.Discard, stalled, nil, unexpected); err == nil {
		t.Error("a push that was hung up on succeeded")
	}
	if left := f.leftovers(); left != nil {
		t.Errorf("left over: %v", left)
	}
	if got := must(f.repo.Branch(t.Context(), "main"))(t).ID; got != tip {
		t.Errorf("main is at %s", got)
	}
	f.git(dir, "push", "-q", "origin", "main")
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

func TestHandler_LimitsAPush(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.mu.Lock()
	f.pushLimit = 100 << 10
	f.mu.Unlock()
	dir := f.work()
	f.commit(dir, "small", "x")
	f.git(dir, "push", "-q", "origin", "main")
	noise := strings.Builder{}
	for i := range 60000 {
		noise.WriteString(string(rune('!'+i*i%89)) + string(rune('!'+i*i*i%83)) + string(rune(i)))
	}
	f.commit(dir, "large", noise.String())
	if out, ok := f.tryGit(dir, "push", "origin", "main"); ok {
		t.Errorf("a push beyond the limit went through:\n%s", out)
	}
	if left := f.leftovers(); left != nil {
		t.Errorf("left over: %v", left)
	}
}
