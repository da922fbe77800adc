package sdk

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codecommit"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"drydock/ledger"
	"drydock/test/cloud"
)

// sshClient is stock ssh and git in a folder of their own, which know the cloud as git-codecommit.*.amazonaws.com.
type sshClient struct {
	*testing.T
	dir string
}

func newSSHClient(t *testing.T, c *cloud.Process) *sshClient {
	t.Helper()
	s := &sshClient{t, t.TempDir()}
	host, port, err := net.SplitHostPort(c.SSH)
	if err != nil {
		t.Fatalf("SSH address %q: %v", c.SSH, err)
	}
	config := fmt.Sprintf("Host git-codecommit.*.amazonaws.com\n  HostName %s\n  Port %s\n  StrictHostKeyChecking accept-new\n  UserKnownHostsFile %s\n"+
		"  IdentitiesOnly yes\n  BatchMode yes\n", host, port, filepath.Join(s.dir, "known_hosts"))
	if err := os.WriteFile(filepath.Join(s.dir, "config"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"id", "other"} {
		if out, err := s.run("ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", name); err != nil {
			t.Fatalf("ssh-keygen: %v\n%s", err, out)
		}
	}
	return s
}

func (s *sshClient) run(name string, args ...string) (string, error) {
	s.Helper()
	cmd := exec.CommandContext(s.Context(), name, args...)
	cmd.Dir = s.dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "GIT_AUTHOR_NAME=Ann",
		"GIT_AUTHOR_EMAIL=ann@example.com", "GIT_COMMITTER_NAME=Ann", "GIT_COMMITTER_EMAIL=ann@example.com",
	}
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// git runs git with a key for the user that stands in the ssh config.
func (s *sshClient) git(user, key string, args ...string) (string, error) {
	s.Helper()
	ssh := fmt.Sprintf("ssh -F %s -o User=%s -i %s", filepath.Join(s.dir, "config"), user, filepath.Join(s.dir, key))
	return s.run("git", append([]string{"-c", "core.sshCommand=" + ssh, "-c", "init.defaultBranch=main"}, args...)...)
}

func (s *sshClient) must(user string, args ...string) string {
	s.Helper()
	out, err := s.git(user, "id", args...)
	if err != nil {
		s.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// TestCodeCommit_OverSSH clones and pushes with stock git and ssh, as the user whose key IAM knows.
func TestCodeCommit_OverSSH(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CC-01", "CC-06")
	c := cloud.New(t, "--ephemeral", "--ssh-listen", "127.0.0.1:0")
	root := configure(t, c, account, "drydock", "")
	identities, repositories := iam.NewFromConfig(root), codecommit.NewFromConfig(root)
	made, err := repositories.CreateRepository(t.Context(), &codecommit.CreateRepositoryInput{RepositoryName: aws.String("app")})
	if err != nil {
		t.Fatal(err)
	}
	url := aws.ToString(made.RepositoryMetadata.CloneUrlSsh)
	client := newSSHClient(t, c)
	body, err := os.ReadFile(filepath.Join(client.dir, "id.pub"))
	if err != nil {
		t.Fatal(err)
	}
	keyOf := func(user, document string) string {
		newUser(t, c, root, user, document)
		key, err := identities.UploadSSHPublicKey(t.Context(), &iam.UploadSSHPublicKeyInput{UserName: &user, SSHPublicKeyBody: aws.String(string(body))})
		if err != nil {
			t.Fatal(err)
		}
		return aws.ToString(key.SSHPublicKey.SSHPublicKeyId)
	}
	dev := keyOf("dev", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"codecommit:Git*","Resource":"*"},
		{"Effect":"Deny","Action":"codecommit:GitPush","Resource":"*","Condition":{"StringEqualsIfExists":{"codecommit:References":"refs/heads/protected"},"Null":{"codecommit:References":"false"}}}]}`)
	reader := keyOf("reader", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"codecommit:GitPull","Resource":"*"}]}`)

	client.must(dev, "clone", "-q", url, "app")
	if err := os.WriteFile(filepath.Join(client.dir, "app", "f"), []byte("over SSH"), 0o600); err != nil {
		t.Fatal(err)
	}
	client.must(dev, "-C", "app", "add", ".")
	client.must(dev, "-C", "app", "commit", "-q", "-m", "f")
	client.must(dev, "-C", "app", "push", "-q", "origin", "HEAD:main", "HEAD:topic", "HEAD:refs/tags/v1")
	client.must(dev, "-C", "app", "push", "-q", "origin", ":topic")
	file, err := repositories.GetFile(t.Context(), &codecommit.GetFileInput{RepositoryName: aws.String("app"), FilePath: aws.String("f")})
	if err != nil || string(file.FileContent) != "over SSH" {
		t.Errorf("file %+v %v", file, err)
	}
	head := client.must(dev, "-C", "app", "rev-parse", "HEAD")
	if got, want := client.must(reader, "ls-remote", url), head+"\tHEAD\n"+head+"\trefs/heads/main\n"+head+"\trefs/tags/v1"; got != want {
		t.Errorf("references\n%s\nwant\n%s", got, want)
	}
	refuses := func(what, want string, out string, err error) {
		t.Helper()
		if err == nil || !strings.Contains(out, want) {
			t.Errorf("%s: %v\n%s", what, err, out)
		}
	}
	out, err := client.git(dev, "id", "-C", "app", "push", "origin", "HEAD:protected")
	refuses("a protected branch", "explicit deny", out, err)
	out, err = client.git(reader, "id", "-C", "app", "push", "origin", "HEAD:other")
	refuses("a user who may not push", "not authorized to perform: codecommit:GitPush", out, err)
	out, err = client.git("dev", "id", "ls-remote", url)
	refuses("the name of the user instead of the key's id", "Permission denied (publickey)", out, err)
	out, err = client.git(dev, "other", "ls-remote", url)
	refuses("another key", "Permission denied (publickey)", out, err)
	out, err = client.git(dev, "id", "ls-remote", strings.Replace(url, "app", "none", 1))
	refuses("no such repository", "repository not found", out, err)
	out, err = client.run("ssh", "-F", "config", "-i", "id", dev+"@git-codecommit.us-east-1.amazonaws.com")
	refuses("a shell", "successfully authenticated over SSH", out, err)
	out, err = client.run("ssh", "-F", "config", "-i", "id", dev+"@git-codecommit.us-east-1.amazonaws.com", "cat", "/etc/passwd")
	refuses("another command", "only git-upload-pack", out, err)
	_, err = identities.UpdateSSHPublicKey(t.Context(), &iam.UpdateSSHPublicKeyInput{UserName: aws.String("dev"), SSHPublicKeyId: &dev, Status: iamtypes.StatusTypeInactive})
	if err != nil {
		t.Fatal(err)
	}
	out, err = client.git(dev, "id", "ls-remote", url)
	refuses("an inactive key", "Permission denied (publickey)", out, err)
}
