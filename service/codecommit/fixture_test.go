package codecommit_test

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	api "drydock/api/codecommit"
	"drydock/api/iam"
	"drydock/aws"
	"drydock/clock"
	"drydock/policy"
	"drydock/service"
	"drydock/service/codecommit"
	"drydock/service/servicetest"
)

func newCloud(t *testing.T) (*servicetest.Cloud, *aws.Call) {
	t.Helper()
	c := servicetest.New(t, func(d service.Deps) []service.Module {
		return []service.Module{codecommit.New(d), new(servicetest.Keyring).Module()}
	})
	return c, c.Call(t)
}

// user is an IAM user with one policy; the name is the access key's id, the user name and the password for git.
type user struct{ document *policy.Document }

type users map[string]user

func (u users) principal(name string) aws.Principal {
	return aws.Principal{
		Type: aws.PrincipalUser, Account: servicetest.Account, Name: name, ID: name, ARN: "arn:aws:iam::" + servicetest.Account + ":user/" + name,
	}
}

func (u users) AccessKey(context.Context, string) (policy.AccessKey, error) {
	return policy.AccessKey{}, policy.ErrUnknownKey
}

func (u users) Password(_ context.Context, _, name, password string) (aws.Principal, error) {
	if _, known := u[name]; !known || password != name {
		return aws.Principal{}, policy.ErrUnknownKey
	}
	return u.principal(name), nil
}

func (u users) Grants(_ context.Context, p *aws.Principal) (policy.Grants, error) {
	return policy.Grants{Identity: []policy.Source{{Name: p.Name, Document: u[p.Name].document}}}, nil
}

// newCloudFor returns a cloud with users who have the given policies.
func newCloudFor(t *testing.T, policies map[string]string) (*servicetest.Cloud, users) {
	t.Helper()
	known := users{}
	for name, text := range policies {
		document, err := policy.Parse(policy.KindInline, text)
		if err != nil {
			t.Fatal(err)
		}
		known[name] = user{document}
	}
	return servicetest.New(t, func(d service.Deps) []service.Module {
		return []service.Module{codecommit.New(d), new(servicetest.Keyring).Module(), {API: iam.API, Identity: known}}
	}), known
}

func createRepository(t *testing.T, call *aws.Call, name string) *api.RepositoryMetadata {
	t.Helper()
	out, err := api.CreateRepository.Do(call, &api.CreateRepositoryInput{RepositoryName: name})
	if err != nil {
		t.Fatal(err)
	}
	return out.RepositoryMetadata
}

// putFile commits one file and returns the commit. The branch's head is the parent.
func putFile(t *testing.T, call *aws.Call, repository, branch, path, content string) *api.PutFileOutput {
	t.Helper()
	in := &api.PutFileInput{RepositoryName: repository, BranchName: branch, FilePath: path, FileContent: []byte(content)}
	if head, err := api.GetBranch.Do(call, &api.GetBranchInput{RepositoryName: &repository, BranchName: &branch}); err == nil {
		in.ParentCommitID = head.Branch.CommitID
	}
	out, err := api.PutFile.Do(call, in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func createBranch(t *testing.T, call *aws.Call, repository, branch, commit string) {
	t.Helper()
	if _, err := api.CreateBranch.Do(call, &api.CreateBranchInput{RepositoryName: repository, BranchName: branch, CommitID: commit}); err != nil {
		t.Fatal(err)
	}
}

// client is a stock git client with a folder and settings of its own.
type client struct {
	*testing.T
	dir string
}

func newClient(t *testing.T) *client {
	t.Helper()
	return &client{t, t.TempDir()}
}

// try runs git in a folder below the client's and returns what it says.
func (c *client) try(folder string, args ...string) (string, error) {
	cmd := exec.CommandContext(c.Context(), "git", args...)
	cmd.Dir = filepath.Join(c.dir, folder)
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + c.dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C",
		"GIT_AUTHOR_NAME=Ann", "GIT_AUTHOR_EMAIL=ann@example.com", "GIT_COMMITTER_NAME=Ann", "GIT_COMMITTER_EMAIL=ann@example.com",
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=init.defaultBranch", "GIT_CONFIG_VALUE_0=main",
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (c *client) git(folder string, args ...string) string {
	c.Helper()
	out, err := c.try(folder, args...)
	if err != nil {
		c.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(out)
}

func (c *client) write(path, content string) {
	c.Helper()
	path = filepath.Join(c.dir, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		c.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		c.Fatal(err)
	}
}

func (c *client) read(path string) string {
	c.Helper()
	content, err := os.ReadFile(filepath.Join(c.dir, path))
	if err != nil {
		c.Fatal(err)
	}
	return string(content)
}

// as puts credentials into a URL.
func as(t *testing.T, rawURL, name, password string) string {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(name, password)
	return u.String()
}

// asRoot puts the credentials of an account's root user into a URL, in the form of the AWS CLI's credential helper. For
// keys of local convenience the signature is not checked.
func asRoot(t *testing.T, rawURL, account string) string {
	t.Helper()
	return as(t, rawURL, account, clock.Wall().UTC().Format("20060102T150405Z")+strings.Repeat("0", 64))
}
