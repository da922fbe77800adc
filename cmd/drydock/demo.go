package main

import (
	"archive/zip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"drydock/clock"
	"drydock/examples"
)

// demoCommand groups the demonstrations.
type demoCommand struct {
	Build  demoBuild  `cmd:"" help:"From git push to a built program in S3, through CodeCommit, CodeBuild and CloudWatch Logs."`
	Sample demoSample `cmd:"" help:"Write the sample project that the demonstration builds into a folder."`
}

// demoSample writes the sample.
type demoSample struct {
	Dir string `arg:"" help:"Folder to write into." type:"path"`
}

// Run writes the sample.
func (c *demoSample) Run() error { return examples.WriteHello(c.Dir) }

// demoBuild plays the way of a program from a push to its artifact. It runs the user's own aws and git commands with what
// `drydock env` sets, and shows each with its output.
type demoBuild struct {
	envCommand
	Name   string `default:"hello" help:"Name of the repository and of the build project."`
	Bucket string `default:"artifacts" help:"Name of the bucket."`
	Dir    string `help:"Folder to work in, kept at the end (default: a temporary one)." type:"path"`
}

// Limits of the demonstration.
const (
	demoBuildLimit = 10 * time.Minute
	demoPoll       = 500 * time.Millisecond
	// demoTailLimit is how long the log may lag behind the end of the build: the CLI's own polls are five seconds apart.
	demoTailLimit = 20 * time.Second
)

// Run plays the demonstration.
func (c *demoBuild) Run(ctx context.Context) error {
	var missing []error
	for _, tool := range []string{"aws", "git"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing = append(missing, fmt.Errorf("the demonstration runs the %s command: %w", tool, err))
		}
	}
	if len(missing) > 0 {
		return errors.Join(missing...)
	}
	if _, err := c.do(ctx, "GET", "/_drydock/health", nil); err != nil {
		return err
	}
	dir, remove, err := c.workFolder()
	if err != nil {
		return err
	}
	defer remove()
	s := &stage{dir: dir, env: c.environment(), out: os.Stdout}
	return c.play(ctx, s)
}

func (c *demoBuild) workFolder() (dir string, remove func(), err error) {
	if c.Dir != "" {
		return c.Dir, func() {}, os.MkdirAll(c.Dir, 0o755)
	}
	dir, err = os.MkdirTemp("", "drydock-demo-")
	return dir, func() { _ = os.RemoveAll(dir) }, err // nothing depends on what may be left in the temporary folder
}

// environment is the process's, as `eval "$(drydock env)"` would leave it, with an author for the commits of a user who
// has not told git a name.
func (c *demoBuild) environment() []string {
	dropped := append([]string{"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"}, cleared...)
	env := slices.DeleteFunc(os.Environ(), func(e string) bool {
		name, _, _ := strings.Cut(e, "=")
		return slices.Contains(dropped, name)
	})
	for _, s := range c.settings() {
		env = append(env, s[0]+"="+s[1]) // of two values the later counts
	}
	for _, who := range []string{"AUTHOR", "COMMITTER"} {
		env = append(env, "GIT_"+who+"_NAME=Demo", "GIT_"+who+"_EMAIL=demo@example.com")
	}
	return env
}

func (c *demoBuild) play(ctx context.Context, s *stage) error {
	checkout := filepath.Join(s.dir, c.Name)
	s.say("A repository in CodeCommit, cloned with git")
	s.run(ctx, "aws", "codecommit", "create-repository", "--repository-name", c.Name,
		"--query", "repositoryMetadata.[Arn,cloneUrlHttp]", "--output", "text")
	s.run(ctx, "git", "clone", "--quiet", strings.TrimSuffix(c.Endpoint, "/")+"/v1/repos/"+c.Name)

	s.say("The sample project, pushed to main")
	s.try(func() error { return examples.WriteHello(checkout) })
	s.run(ctx, "git", "-C", c.Name, "add", "--all")
	s.run(ctx, "git", "-C", c.Name, "commit", "--quiet", "-m", "Say hello")
	s.run(ctx, "git", "-C", c.Name, "push", "origin", "HEAD:refs/heads/main")

	s.say("A bucket for what is built, and a role for the builds")
	s.run(ctx, "aws", "s3", "mb", "s3://"+c.Bucket)
	s.write("trust.json", map[string]any{"Version": "2012-10-17", "Statement": map[string]any{
		"Effect": "Allow", "Principal": map[string]any{"Service": "codebuild.amazonaws.com"}, "Action": "sts:AssumeRole"}})
	s.write("permissions.json", map[string]any{"Version": "2012-10-17", "Statement": []any{
		map[string]any{"Effect": "Allow", "Action": "codecommit:GitPull", "Resource": "arn:aws:codecommit:*:*:" + c.Name},
		map[string]any{"Effect": "Allow", "Action": []string{"s3:PutObject", "s3:GetBucketLocation", "s3:GetBucketAcl"},
			"Resource": []string{"arn:aws:s3:::" + c.Bucket, "arn:aws:s3:::" + c.Bucket + "/*"}},
		map[string]any{"Effect": "Allow", "Action": []string{"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"}, "Resource": "*"},
	}})
	role := c.Name + "-build"
	arn := s.run(ctx, "aws", "iam", "create-role", "--role-name", role,
		"--assume-role-policy-document", "file://trust.json", "--query", "Role.Arn", "--output", "text")
	s.run(ctx, "aws", "iam", "put-role-policy", "--role-name", role,
		"--policy-name", "build", "--policy-document", "file://permissions.json")

	s.say("A project that builds main, and its first build")
	s.run(ctx, "aws", "codebuild", "create-project", "--name", c.Name, "--service-role", strings.TrimSpace(arn),
		"--source", "type=CODECOMMIT,location="+strings.TrimSuffix(c.Endpoint, "/")+"/v1/repos/"+c.Name, "--source-version", "refs/heads/main",
		"--artifacts", fmt.Sprintf("type=S3,location=%s,path=%s,name=app.zip,packaging=ZIP", c.Bucket, c.Name),
		"--environment", "type=LINUX_CONTAINER,image=aws/codebuild/standard:7.0,computeType=BUILD_GENERAL1_SMALL",
		"--query", "project.arn", "--output", "text")
	id := strings.TrimSpace(s.run(ctx, "aws", "codebuild", "start-build", "--project-name", c.Name, "--query", "build.id", "--output", "text"))

	s.say("Its log while it runs")
	c.follow(ctx, s, id)

	s.say("The phases it went through")
	s.run(ctx, "aws", "codebuild", "batch-get-builds", "--ids", id, "--output", "text",
		"--query", "builds[0].[buildStatus,phases[].[phaseType,phaseStatus]][]")

	s.say("The program that was built, back from S3")
	s.run(ctx, "aws", "s3", "cp", "--no-progress", fmt.Sprintf("s3://%s/%s/app.zip", c.Bucket, c.Name), ".")
	s.try(func() error { return unpack(filepath.Join(s.dir, "app.zip"), s.dir) })
	s.run(ctx, "./app", "Ada", "Alan")
	if s.err == nil {
		fmt.Fprintf(s.out, "\nThe cloud keeps all of it; look around with: eval \"$(%s env)\"; aws codebuild list-builds\n", self())
	}
	return s.err
}

// follow shows the build's log until the build has ended and its log is complete, and fails when the build did.
func (c *demoBuild) follow(ctx context.Context, s *stage, id string) {
	limited, cancel := clock.WithTimeout(ctx, demoBuildLimit)
	defer cancel()
	group := "/aws/codebuild/" + c.Name
	s.poll(limited, "log group "+group, func() (bool, error) {
		out, err := s.ask(limited, "logs", "describe-log-groups", "--log-group-name-prefix", group, "--query", "length(logGroups)", "--output", "text")
		return strings.TrimSpace(out) != "0", err
	})
	if s.err != nil {
		return
	}
	var status string
	ended := func() (bool, error) {
		out, err := s.ask(limited, "codebuild", "batch-get-builds", "--ids", id, "--query", "builds[0].buildStatus", "--output", "text")
		status = strings.TrimSpace(out)
		return status != "IN_PROGRESS", err
	}
	version, err := s.ask(ctx, "--version")
	switch {
	case err != nil:
		s.err = err
	case strings.HasPrefix(version, "aws-cli/1."):
		s.reread(limited, group, ended)
	default:
		s.tail(limited, group, ended)
	}
	if s.err == nil && status != "SUCCEEDED" {
		s.err = fmt.Errorf("build %s ended %s", id, status)
	}
}

// tail follows a log group until its writer has ended.
func (s *stage) tail(ctx context.Context, group string, ended func() (bool, error)) {
	tailing, stop := context.WithCancel(ctx)
	defer stop()
	tail := s.command(tailing, "aws", "logs", "tail", group, "--follow", "--format", "short")
	seen := &watcher{out: s.out, mark: "Phase complete: UPLOAD_ARTIFACTS", found: make(chan struct{})}
	tail.Stdout, tail.Stderr = seen, s.out
	if s.err = tail.Start(); s.err != nil {
		return
	}
	s.poll(ctx, "the end of the build", ended)
	rest, cancel := clock.WithTimeout(ctx, demoTailLimit)
	defer cancel()
	select {
	case <-seen.found:
	case <-rest.Done():
	}
	stop()
	_ = tail.Wait() // it was killed: tail --follow has no other end
}

// reread does what tail does, for version 1 of the CLI, which has no tail: it runs the command that it shows again and
// again, and prints the lines that are new.
func (s *stage) reread(ctx context.Context, group string, ended func() (bool, error)) {
	args := []string{"logs", "filter-log-events", "--log-group-name", group, "--query", "events[].[message]", "--output", "text"}
	s.show("aws", args...)
	printed := 0
	for last := false; s.err == nil; {
		out, err := s.ask(ctx, args...)
		if s.err = err; err != nil {
			return
		}
		out = strings.ReplaceAll(out, "\n\n", "\n") // the ends of the line and of the message
		if printed < len(out) {
			fmt.Fprint(s.out, out[printed:])
			printed = len(out)
		}
		if last {
			return
		}
		last, s.err = ended()
	}
}

// stage runs the demonstration's commands in its folder. After the first failure, which err keeps, it does nothing.
type stage struct {
	dir string
	env []string
	out io.Writer
	err error
}

func (s *stage) say(what string) {
	if s.err == nil {
		fmt.Fprintf(s.out, "\n# %s\n", what)
	}
}

func (s *stage) try(step func() error) {
	if s.err == nil {
		s.err = step()
	}
}

// show prints a command as it would be typed.
func (s *stage) show(name string, args ...string) {
	words := []string{name}
	for _, a := range args {
		if strings.ContainsAny(a, " []()*$&;|<>\"'\\") {
			a = shellQuote(a)
		}
		words = append(words, a)
	}
	fmt.Fprintf(s.out, "$ %s\n", strings.Join(words, " "))
}

// command is one of the user's commands, shown.
func (s *stage) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	s.show(name, args...)
	return s.silent(ctx, name, args...)
}

func (s *stage) silent(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = s.dir, s.env
	return cmd
}

// run shows a command and its output, and returns what it printed.
func (s *stage) run(ctx context.Context, name string, args ...string) string {
	if s.err != nil {
		return ""
	}
	cmd := s.command(ctx, name, args...)
	var printed strings.Builder
	cmd.Stdout = io.MultiWriter(&printed, s.out)
	cmd.Stderr = s.out
	if err := cmd.Run(); err != nil {
		s.err = fmt.Errorf("%s %s: %w", name, strings.Join(args[:min(2, len(args))], " "), err)
	}
	return printed.String()
}

// ask runs an aws command without showing it.
func (s *stage) ask(ctx context.Context, args ...string) (string, error) {
	out, err := s.silent(ctx, "aws", args...).Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
	}
	return string(out), err
}

// poll asks until done says so.
func (s *stage) poll(ctx context.Context, what string, done func() (bool, error)) {
	for s.err == nil {
		ok, err := done()
		if err == nil && ok {
			return
		}
		if err == nil {
			err = clock.Pause(ctx, demoPoll)
		}
		if err != nil {
			s.err = fmt.Errorf("wait for %s: %w", what, err)
		}
	}
}

func (s *stage) write(name string, document any) {
	s.try(func() error {
		text, err := json.MarshalIndent(document, "", "  ")
		if err != nil {
			return fmt.Errorf("encode %s: %w", name, err)
		}
		return os.WriteFile(filepath.Join(s.dir, name), text, 0o644)
	})
}

// watcher passes text on and tells when a mark has been written.
type watcher struct {
	out   io.Writer
	mark  string
	last  string // of what was written, as much as may hold the beginning of the mark
	done  bool
	found chan struct{}
}

// Write passes p on.
func (w *watcher) Write(p []byte) (int, error) {
	if !w.done {
		w.last += string(p)
		if strings.Contains(w.last, w.mark) {
			w.done = true
			close(w.found)
		}
		w.last = w.last[max(0, len(w.last)-len(w.mark)):]
	}
	return w.out.Write(p)
}

// unpack extracts the files of a zip archive into a folder, with their modes.
func unpack(archive, dir string) (err error) {
	r, err := zip.OpenReader(archive)
	if err != nil {
		return fmt.Errorf("open %s: %w", path.Base(archive), err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, f := range r.File {
		if err := extract(root, f); err != nil {
			return fmt.Errorf("unpack %s: %w", f.Name, err)
		}
	}
	return nil
}

func extract(root *os.Root, f *zip.File) error {
	if f.FileInfo().IsDir() {
		return root.MkdirAll(path.Clean(f.Name), 0o755)
	}
	if err := root.MkdirAll(path.Dir(f.Name), 0o755); err != nil {
		return err
	}
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := root.OpenFile(f.Name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, f.Mode().Perm()|0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
