package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	minMajor, minMinor = 2, 38 // merge-tree --write-tree
	stderrLimit        = 16 << 10
	outputLimit        = 256 << 20
	// killDelay is how long a git that was told to end may take to remove its locks and temporary files.
	killDelay = 5 * time.Second
)

// settings is the configuration of every git process, as key and value.
var settings = [][2]string{
	{"safe.directory", "*"}, // the folder is ours, whoever owns it on a mounted disk
	{"core.fsync", "none"},  // a working copy need not last
	{"core.hooksPath", os.DevNull},
	{"core.bigFileThreshold", "32m"}, // larger files are streamed, not held
	{"core.filesRefLockTimeout", "3000"},
	{"core.packedRefsTimeout", "3000"},
	{"core.quotePath", "false"},
	{"gc.auto", "0"},
	{"maintenance.auto", "false"},
	{"receive.autogc", "false"},
	{"receive.denyNonFastForwards", "false"},
	{"receive.denyDeletes", "false"},
	{"receive.denyDeleteCurrent", "refuse"},
	{"receive.advertisePushOptions", "false"},
	{"transfer.fsckObjects", "true"},
	// Harmless mistakes that old tools made, in the history of many a project.
	{"receive.fsck.zeroPaddedFilemode", "ignore"},
	{"receive.fsck.missingSpaceBeforeDate", "ignore"},
	{"receive.fsck.badTimezone", "ignore"},
	{"transfer.unpackLimit", "1"}, // one pack and two syncs a push, not a file and a sync for every object
	{"transfer.hideRefs", hiddenRefs},
	{"uploadpack.allowFilter", "true"},
	{"uploadpack.allowAnySHA1InWant", "true"},
	{"uploadpack.hideRefs", hiddenRefs},
	{"pack.threads", "2"},
	{"pack.windowMemory", "64m"},
	{"init.defaultBranch", defaultHead},
	{"advice.detachedHead", "false"},
	{"credential.helper", ""},
	{"protocol.allow", "never"},
}

// tool is a git binary. Its zero value is not usable; newTool names one.
type tool struct {
	name string

	mu   sync.Mutex // guards path
	path string     // set once the binary is known to be good
}

func newTool(name string) *tool { return &tool{name: name} }

// find returns the binary's path, or ErrGitUnusable with what is wrong. Only success is remembered, so that installing
// git helps without a restart.
func (t *tool) find(ctx context.Context) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.path != "" {
		return t.path, nil
	}
	path, err := exec.LookPath(t.name)
	if err != nil {
		return "", fmt.Errorf("%w: %w; install git %d.%d or newer", ErrGitUnusable, err, minMajor, minMinor)
	}
	out, err := exec.CommandContext(ctx, path, "version").Output()
	if err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", fmt.Errorf("%w: %s version: %w", ErrGitUnusable, path, err)
	}
	if !versionSuffices(string(out)) {
		return "", fmt.Errorf("%w: %s is %q; git %d.%d or newer is needed", ErrGitUnusable, path, strings.TrimSpace(string(out)), minMajor, minMinor)
	}
	t.path = path
	return path, nil
}

// versionSuffices reads the output of git version, such as "git version 2.39.5 (Apple Git-154)".
func versionSuffices(out string) bool {
	fields := strings.Fields(out)
	if len(fields) < 3 || fields[0] != "git" || fields[1] != "version" {
		return false
	}
	parts := strings.SplitN(fields[2], ".", 3)
	if len(parts) < 2 {
		return false
	}
	major, err1 := strconv.Atoi(parts[0])
	minor, err2 := strconv.Atoi(parts[1])
	return err1 == nil && err2 == nil && (major > minMajor || major == minMajor && minor >= minMinor)
}

// process describes one run of git.
type process struct {
	tool *tool
	home string // HOME, a folder without settings
	dir  string // working folder
	// repository is where it works instead of dir, unless it is nil.
	repository *Repository
	leave      func() // ends the use of the repository
	args       []string
	env        []string    // in addition to the common ones
	set        [][2]string // in addition to settings
}

// command prepares the process to end with ctx: first asked, so that git removes its locks, later killed. The process is
// to be closed in any case.
func (p *process) command(ctx context.Context) (*exec.Cmd, error) {
	path, err := p.tool.find(ctx)
	if err != nil {
		return nil, err
	}
	if p.repository != nil {
		w, leave, err := p.repository.enter(ctx)
		if err != nil {
			return nil, err
		}
		p.dir, p.leave = w.dir, leave
	}
	cmd := exec.CommandContext(ctx, path, p.args...)
	cmd.Dir = p.dir
	cmd.Env = p.environment()
	// Git starts git: the signal goes to the whole group.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error {
		if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM); err != nil {
			return os.ErrProcessDone
		}
		return nil
	}
	cmd.WaitDelay = killDelay
	return cmd, nil
}

// close gives back what command took. The process has ended.
func (p *process) close() {
	if p.leave != nil {
		p.leave()
	}
}

func (p *process) environment() []string {
	env := []string{
		"HOME=" + p.home, "XDG_CONFIG_HOME=" + p.home, "LC_ALL=C", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull,
		"GIT_ATTR_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "GIT_LITERAL_PATHSPECS=1", "GIT_NO_REPLACE_OBJECTS=1",
		"GIT_NO_LAZY_FETCH=1", "GIT_PAGER=cat",
	}
	for _, name := range []string{"PATH", "TMPDIR"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	if p.repository != nil {
		env = append(env, "GIT_DIR=.")
	}
	all := append(slices.Clip(settings), p.set...)
	env = append(env, "GIT_CONFIG_COUNT="+strconv.Itoa(len(all)))
	for i, kv := range all {
		n := strconv.Itoa(i)
		env = append(env, "GIT_CONFIG_KEY_"+n+"="+kv[0], "GIT_CONFIG_VALUE_"+n+"="+kv[1])
	}
	return append(env, p.env...)
}

// run feeds stdin to the process and returns all it prints, up to outputLimit.
func (p *process) run(ctx context.Context, stdin io.Reader) ([]byte, error) {
	var out limitedBuffer
	out.limit = outputLimit
	err := p.stream(ctx, stdin, &out)
	return out.Bytes(), err
}

// stream feeds stdin to the process and its output to stdout. A status other than 0 is a *CommandError.
func (p *process) stream(ctx context.Context, stdin io.Reader, stdout io.Writer) error {
	defer p.close()
	cmd, err := p.command(ctx)
	if err != nil {
		return err
	}
	stderr := &tailBuffer{limit: stderrLimit}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	return p.result(ctx, cmd.Run(), stderr)
}

// result turns the outcome of a finished process into an error of this package.
func (p *process) result(ctx context.Context, err error, stderr *tailBuffer) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("git %s: %w", p.args[0], ctx.Err())
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		text := strings.TrimSpace(stderr.String())
		if p.repository != nil && strings.Contains(text, noRoom) {
			p.repository.crowded()
		}
		return &CommandError{Command: p.args[0], Status: exit.ExitCode(), Stderr: text}
	}
	if _, gone := os.Stat(p.dir); errors.Is(gone, fs.ErrNotExist) {
		err = ErrNotFound // the repository was deleted meanwhile
	}
	return fmt.Errorf("git %s: %w", p.args[0], err)
}

// limitedBuffer refuses to grow beyond limit.
type limitedBuffer struct {
	bytes.Buffer
	limit int
}

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.limit {
		return 0, fmt.Errorf("output of more than %d bytes: %w", b.limit, ErrTooLarge)
	}
	return b.Buffer.Write(p)
}

// tailBuffer keeps the last limit bytes written to it.
type tailBuffer struct {
	buf   []byte
	limit int
}

func (b *tailBuffer) Write(p []byte) (int, error) {
	b.buf = append(b.buf, p...)
	if len(b.buf) > 2*b.limit {
		b.buf = append(b.buf[:0], b.buf[len(b.buf)-b.limit:]...)
	}
	return len(p), nil
}

func (b *tailBuffer) String() string { return string(b.buf[max(0, len(b.buf)-b.limit):]) }
