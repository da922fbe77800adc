package sdk

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codecommit"

	"drydock/test/cloud"
)

// TestCodeCommit_ServesALongHistoryInLittleMemory pushes and clones a repository of many commits with stock git. Packs
// stream, so drydock's memory does not grow with them.
func TestCodeCommit_ServesALongHistoryInLittleMemory(t *testing.T) {
	t.Parallel()
	const (
		commits = 10_000
		growth  = 48 << 20
	)
	c, root := start(t)
	repository, err := codecommit.NewFromConfig(root).CreateRepository(t.Context(), &codecommit.CreateRepositoryInput{RepositoryName: aws.String("long")})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	git := gitFor(t, c, dir)
	git(nil, "init", "--quiet", "--bare", "source")
	history, in := io.Pipe()
	go func() { _ = in.CloseWithError(writeHistory(in, commits)) }() // never fails
	git(history, "-C", "source", "fast-import", "--quiet")
	before, err := c.PeakMemory()
	if err != nil {
		t.Fatal(err)
	}
	url := aws.ToString(repository.RepositoryMetadata.CloneUrlHttp)
	git(nil, "-C", "source", "push", "--quiet", url, "main")
	git(nil, "-c", "protocol.version=2", "clone", "--quiet", url, "clone")
	after, err := c.PeakMemory()
	if err != nil {
		t.Fatal(err)
	}
	if after-before > growth {
		t.Errorf("memory grew from %d to %d bytes", before, after)
	}
	if got := git(nil, "-C", "clone", "rev-list", "--count", "HEAD"); got != strconv.Itoa(commits) {
		t.Errorf("cloned %s commits", got)
	}
}

// gitFor returns a stock git in dir, set up as drydock env says. It returns what git prints.
func gitFor(t *testing.T, c *cloud.Process, dir string) func(stdin io.Reader, args ...string) string {
	t.Helper()
	env, err := c.Environment(t.Context(), []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0"})
	if err != nil {
		t.Fatal(err)
	}
	return func(stdin io.Reader, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "git", args...)
		cmd.Dir, cmd.Env, cmd.Stdin = dir, env, stdin
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return strings.TrimSpace(string(out))
	}
}

// writeHistory writes commits for git fast-import, each of which changes a file of about 500 bytes.
func writeHistory(w io.Writer, commits int) error {
	out := bufio.NewWriter(w)
	for i := range commits {
		content := strings.Repeat(fmt.Sprintf("line %d of a file\n", i), 25)
		message := fmt.Sprintf("Commit %d\n", i)
		path := filepath.Join(fmt.Sprint("dir", i%20), fmt.Sprint("sub", i/20%25), fmt.Sprint("file", i%1000))
		fmt.Fprintf(out, "commit refs/heads/main\ncommitter Ann <ann@example.com> %d +0000\ndata %d\n%s\nM 100644 inline %s\ndata %d\n%s\n",
			1_600_000_000+i*60, len(message), message, path, len(content), content)
	}
	return out.Flush()
}
