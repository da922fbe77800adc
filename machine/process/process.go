//go:build unix

package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"drydock/machine"
	"drydock/machine/supervisor"
)

// name is how the binary knows that it was started as a machine's supervisor.
const name = "drydock-machine-supervisor"

var hooked atomic.Bool // Main was called: without it, starting a machine would start the whole program again

// Main must be called first thing in main, and in TestMain of every package whose tests make machines. In a process
// that was started as a machine's supervisor it is all that runs and does not return; otherwise it returns at once.
func Main() {
	if os.Args[0] != name {
		hooked.Store(true)
		return
	}
	supervisor.Serve(func(config json.RawMessage) (supervisor.Options, error) {
		var s setup
		if err := json.Unmarshal(config, &s); err != nil {
			return supervisor.Options{}, err
		}
		attr, err := adoptOrphans()
		return supervisor.Options{Tree: true, OneUser: true, Root: s.Root, Attr: attr}, err
	})
}

type setup struct {
	Root string `json:"root"`
}

// stopTimeout is how long the supervisor has to kill its tree.
const stopTimeout = 5 * time.Second

type driver struct{}

// New returns the driver. It fails when the program does not call Main.
func New() (machine.Driver, error) {
	if !hooked.Load() {
		return nil, errors.New("process driver: the program does not call process.Main first")
	}
	return driver{}, nil
}

func (driver) Capabilities() machine.Capabilities {
	return machine.Capabilities{
		Driver:    "process",
		Isolation: machine.IsolationNone,
		Networks:  []machine.NetworkMode{machine.NetworkHost},
		Path:      os.Getenv("PATH"),
		Notes: []string{
			"machines are plain processes: nothing keeps them from the host's files, processes and network",
			"limits of memory, processes and CPUs are not enforced",
			"commands run as drydock's user only",
		},
	}
}

func (driver) Create(_ context.Context, folder string, spec machine.Spec) (machine.Instance, error) {
	if spec.Image != "" {
		return nil, fmt.Errorf("image %q by driver process, which knows only the host: %w", spec.Image, machine.ErrUnsupported)
	}
	i := &instance{root: filepath.Join(folder, "root"), users: spec.Users}
	if err := os.MkdirAll(i.root, 0o755); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(i.root)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	for _, p := range []string{"etc", "home", "opt", "root", "srv", "tmp", "var/tmp"} {
		if err := root.MkdirAll(p, 0o755); err != nil {
			return nil, err
		}
	}
	if err := writeAccounts(root, spec.Users); err != nil {
		return nil, err
	}
	for _, m := range spec.Mounts { // a link is the nearest thing to a mount
		if err := link(root, m); err != nil {
			return nil, fmt.Errorf("mount %s at %s: %w", m.Source, m.Target, err)
		}
	}
	return i, nil
}

func link(root *os.Root, m machine.Mount) error {
	if _, err := os.Stat(m.Source); err != nil {
		return err
	}
	target := filepath.FromSlash(strings.TrimPrefix(path.Clean(m.Target), "/"))
	if err := root.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	if err := root.Remove(target); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return root.Symlink(m.Source, target)
}

// writeAccounts lets commands name the spec's users, who are then refused for what they are rather than as unknown.
func writeAccounts(root *os.Root, users []machine.User) error {
	var passwd strings.Builder
	fmt.Fprintf(&passwd, "root:x:%d:%d:root:/root:/bin/sh\n", os.Geteuid(), os.Getegid())
	var group strings.Builder
	fmt.Fprintf(&group, "root:x:%d:\n", os.Getegid())
	for _, u := range users {
		home, shell := u.Home, u.Shell
		if home == "" {
			home = "/home/" + u.Name
		}
		if shell == "" {
			shell = "/bin/sh"
		}
		fmt.Fprintf(&passwd, "%s:x:%d:%d::%s:%s\n", u.Name, u.UID, u.UID, home, shell)
		fmt.Fprintf(&group, "%s:x:%d:\n", u.Name, u.UID)
		if err := root.MkdirAll(filepath.FromSlash(strings.TrimPrefix(path.Clean(home), "/")), 0o755); err != nil {
			return err
		}
	}
	return errors.Join(root.WriteFile("etc/passwd", []byte(passwd.String()), 0o644), root.WriteFile("etc/group", []byte(group.String()), 0o644))
}

// Clean has nothing to do: a machine's processes end with the process that made them, and it has nothing else outside of
// its folder.
func (driver) Clean(context.Context, string) error { return nil }

type instance struct {
	root  string
	users []machine.User

	mu     sync.Mutex // guards the field below
	client *supervisor.Client
}

func (i *instance) Start(ctx context.Context) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.client != nil {
		select {
		case <-i.client.Done():
		default:
			return nil
		}
	}
	client, err := supervisor.Start(ctx, supervisor.Config{Name: name, Setup: setup{Root: i.root}, StopTimeout: stopTimeout})
	if err != nil {
		return err
	}
	i.client = client
	return nil
}

func (i *instance) Spawn(ctx context.Context, command machine.Command) (machine.Process, error) {
	i.mu.Lock()
	client := i.client
	i.mu.Unlock()
	if client == nil {
		return nil, machine.ErrNotRunning
	}
	for name, value := range map[string]string{"HOME": i.Path("/root"), "TMPDIR": i.Path("/tmp")} {
		if !slices.ContainsFunc(command.Env, func(e string) bool { return strings.HasPrefix(e, name+"=") }) {
			command.Env = append(command.Env, name+"="+value)
		}
	}
	p, err := client.Spawn(ctx, command)
	if err != nil {
		return nil, err // not p: a nil pointer in an interface is not nil
	}
	return p, nil
}

func (i *instance) Stop(ctx context.Context) error {
	i.mu.Lock()
	client := i.client
	i.mu.Unlock()
	if client == nil {
		return nil
	}
	return client.Stop(ctx)
}

// closed is the Done of a machine that was never started.
var closed = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

func (i *instance) Done() <-chan struct{} {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.client == nil {
		return closed
	}
	return i.client.Done()
}

func (i *instance) Root() string { return i.root }

func (i *instance) Path(p string) string { return filepath.Join(i.root, filepath.FromSlash(p)) }
