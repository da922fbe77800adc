package script

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"drydock/clock"
	"drydock/test/cloud"
)

const (
	waitLimit = 2 * time.Minute
	waitPoll  = 200 * time.Millisecond
)

// world is what a script acts in: its cloud and how it was started.
type world struct {
	process *cloud.Process // nil while none runs
	address string         // of the first start; later ones listen there again
	flags   []string
}

type worldKey struct{}

func worldOf(ts *testscript.TestScript) *world { return ts.Value(worldKey{}).(*world) }

// commands are what scripts can call besides testscript's own commands.
var commands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"cloud":      cloudCommand,
	"aws":        program("aws"),
	"git":        program("git"),
	"drydock":    program("drydock"),
	"capture":    captureCommand,
	"find":       findCommand,
	"eventually": eventuallyCommand,
	"http":       httpCommand,
}

func program(name string) func(ts *testscript.TestScript, neg bool, args []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		err := ts.Exec(name, args...)
		switch {
		case err != nil && !neg:
			ts.Fatalf("%s failed: %v", name, err)
		case err == nil && neg:
			ts.Fatalf("%s succeeded", name)
		}
	}
}

func cloudCommand(ts *testscript.TestScript, neg bool, args []string) {
	w := worldOf(ts)
	if neg || len(args) == 0 {
		ts.Fatalf("usage: cloud start|stop|kill [flags]")
	}
	switch args[0] {
	case "start":
		if w.process != nil {
			ts.Fatalf("the cloud runs already")
		}
		ts.Check(w.start(ts, args[1:]))
	case "stop", "kill":
		if w.process == nil {
			ts.Fatalf("no cloud runs")
		}
		end := w.process.Stop
		if args[0] == "kill" {
			end = w.process.Kill
		}
		ts.Check(end())
		w.process = nil
	default:
		ts.Fatalf("cloud %s: unknown", args[0])
	}
}

// start starts the cloud, again as it was started first when no flags are given.
func (w *world) start(ts *testscript.TestScript, flags []string) error {
	if len(flags) > 0 {
		w.flags = flags
	}
	flags = w.flags
	if w.address != "" {
		flags = append([]string{"--listen", w.address}, flags...)
	}
	process, err := cloud.Up(context.Background(), flags...)
	if err != nil {
		return err
	}
	w.process, w.address = process, process.Address()
	var base []string
	for _, name := range []string{"HOME", "PATH", "WORK"} {
		base = append(base, name+"="+ts.Getenv(name))
	}
	environment, err := process.Environment(context.Background(), base)
	if err != nil {
		return err
	}
	ts.Setenv("AWS_SESSION_TOKEN", "")
	for _, e := range environment {
		name, value, _ := strings.Cut(e, "=")
		if name == "PATH" || strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "GIT_") || strings.HasPrefix(name, "DRYDOCK_") {
			ts.Setenv(name, value)
		}
	}
	ts.Setenv("ENDPOINT", process.Endpoint)
	ts.Setenv("ADDRESS", strings.TrimPrefix(process.Endpoint, "http://"))
	return nil
}

// setup prepares a script's world; nothing of the user's own settings reaches it.
func setup(env *testscript.Env) error {
	home := filepath.Join(env.WorkDir, ".home")
	if err := os.MkdirAll(home, 0o755); err != nil {
		return err
	}
	env.Setenv("HOME", home)
	for _, who := range []string{"AUTHOR", "COMMITTER"} {
		env.Setenv("GIT_"+who+"_NAME", "Ada")
		env.Setenv("GIT_"+who+"_EMAIL", "ada@example.com")
	}
	env.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	env.Setenv("GIT_TERMINAL_PROMPT", "0")
	w := &world{}
	env.Values[worldKey{}] = w
	env.Defer(func() {
		if w.process == nil {
			return
		}
		if err := w.process.Stop(); err != nil {
			env.T().Fatal(err)
		}
		if env.T().Verbose() {
			env.T().Log("drydock's log:\n" + w.process.Log())
		}
	})
	return nil
}

func captureCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: capture NAME ...")
	}
	words := strings.Fields(ts.ReadFile("stdout"))
	if len(words) != len(args) {
		ts.Fatalf("%d words are there, %d to capture: %q", len(words), len(args), words)
	}
	for i, name := range args {
		ts.Setenv(name, words[i])
	}
}

func findCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: find NAME REGEXP")
	}
	pattern, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	m := pattern.FindStringSubmatch(ts.ReadFile("stdout") + "\n" + ts.ReadFile("stderr"))
	if len(m) < 2 {
		ts.Fatalf("nothing matches the group of %q", args[1])
	}
	ts.Setenv(args[0], m[1])
}

func eventuallyCommand(ts *testscript.TestScript, neg bool, args []string) {
	limit := waitLimit
	if len(args) > 2 && args[0] == "--limit" {
		var err error
		limit, err = time.ParseDuration(args[1])
		ts.Check(err)
		args = args[2:]
	}
	if neg || len(args) < 2 {
		ts.Fatalf("usage: eventually [--limit DURATION] REGEXP COMMAND ...")
	}
	want, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	ctx, cancel := clock.WithTimeout(context.Background(), limit)
	defer cancel()
	for {
		// Not by Exec, which would log each attempt. A failing command may be one that comes too early.
		cmd := exec.CommandContext(ctx, args[1], args[2:]...)
		if path := lookPath(ts.Getenv("PATH"), args[1]); path != "" {
			cmd.Path, cmd.Err = path, nil
		}
		cmd.Dir, cmd.Env = ts.MkAbs("."), scriptEnv(ts)
		out, err := cmd.CombinedOutput()
		if err == nil && want.Match(out) {
			_, _ = ts.Stdout().Write(out) // into memory
			return
		}
		if clock.Pause(ctx, waitPoll) != nil {
			ts.Fatalf("after %v, %s does not print %q; last: %v\n%s", limit, strings.Join(args[1:], " "), args[0], err, out)
		}
	}
}

// scriptEnv is the part of a script's environment that the commands it waits for depend on.
func scriptEnv(ts *testscript.TestScript) []string {
	var env []string
	for _, name := range []string{
		"HOME", "PATH", "TMPDIR", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
		"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PAGER", "AWS_CA_BUNDLE", "AWS_EC2_METADATA_DISABLED",
	} {
		if value := ts.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}

func lookPath(search, name string) string {
	for _, dir := range filepath.SplitList(search) {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path
		}
	}
	return ""
}

func httpCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || len(args)%2 != 0 {
		ts.Fatalf("usage: http METHOD URL [OPTION VALUE ...]")
	}
	failed, err := send(ts, args)
	ts.Check(err)
	switch {
	case failed && !neg:
		ts.Fatalf("%s %s failed", args[0], args[1])
	case !failed && neg:
		ts.Fatalf("%s %s succeeded", args[0], args[1])
	}
}

// send sends a request, prints the response and tells whether it is an error.
func send(ts *testscript.TestScript, args []string) (failed bool, err error) {
	ctx, cancel := clock.WithTimeout(context.Background(), waitLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, args[0], args[1], nil)
	if err != nil {
		return false, err
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	for i := 2; i < len(args); i += 2 {
		switch value := args[i+1]; args[i] {
		case "header":
			name, text, _ := strings.Cut(value, ":")
			req.Header.Set(name, strings.TrimSpace(text))
		case "body":
			req.Body, req.ContentLength = io.NopCloser(strings.NewReader(value)), int64(len(value))
		case "user":
			name, password, _ := strings.Cut(value, ":")
			req.SetBasicAuth(name, password)
		case "ca":
			pool := x509.NewCertPool()
			if !pool.AppendCertsFromPEM([]byte(ts.ReadFile(value))) {
				return false, errors.New("no certificate in " + value)
			}
			transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
		default:
			return false, errors.New("unknown option " + args[i])
		}
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	fmt.Fprintln(ts.Stdout(), resp.Status)
	err = errors.Join(err, resp.Header.Write(ts.Stdout()))
	fmt.Fprintf(ts.Stdout(), "\n%s\n", body)
	return resp.StatusCode >= http.StatusBadRequest, err
}
