package namespace

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"drydock/machine"
	"drydock/machine/supervisor"
)

// Options configure the driver; the zero value is fine.
type Options struct {
	// Show names further absolute files and folders of the host that every machine sees, read-only and in place.
	Show []string
}

type driver struct {
	image       hostImage
	hierarchies map[string]hierarchy
	uids, gids  []syscall.SysProcIDMap
	oneUser     bool
	rlimit      bool // RLIMIT_NPROC counts the processes of one machine
}

// New returns the driver. It fails when the program does not call Main; whether this host allows namespaces is not
// known before Probe or the first Start.
func New(options Options) (machine.Driver, error) {
	if !hooked.Load() {
		return nil, errors.New("namespace driver: the program does not call namespace.Main first")
	}
	d := &driver{hierarchies: findHierarchies(), rlimit: os.Geteuid() != 0}
	var err error
	if d.image, err = findHostImage(options.Show); err != nil {
		return nil, fmt.Errorf("namespace driver: look at the host's files: %w", err)
	}
	if os.Geteuid() != 0 {
		d.oneUser = true
		d.uids = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		d.gids = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
		return d, nil
	}
	if d.uids, err = sameIDs("/proc/self/uid_map"); err != nil {
		return nil, fmt.Errorf("namespace driver: %w", err)
	}
	if d.gids, err = sameIDs("/proc/self/gid_map"); err != nil {
		return nil, fmt.Errorf("namespace driver: %w", err)
	}
	d.oneUser = len(d.uids) == 1 && d.uids[0].Size == 1 || len(d.gids) == 1 && d.gids[0].Size == 1
	return d, nil
}

// idCount is how many users a machine has.
const idCount = 65536

// sameIDs maps the users that this process knows to the same numbers in a machine.
func sameIDs(file string) ([]syscall.SysProcIDMap, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var list []syscall.SysProcIDMap
	for line := range strings.Lines(string(data)) {
		var first, host, size int64
		if _, err := fmt.Sscan(line, &first, &host, &size); err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		if first < idCount {
			list = append(list, syscall.SysProcIDMap{ContainerID: int(first), HostID: int(first), Size: int(min(size, idCount-first))})
		}
	}
	return list, nil
}

// Probe tells whether this host lets the driver work, by making the namespaces once. The error says what is refused.
func Probe(ctx context.Context) error {
	d, err := New(Options{})
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "drydock-probe-")
	if err != nil {
		return fmt.Errorf("probe namespaces: %w", err)
	}
	defer func() { _ = os.RemoveAll(folder) }() // in the folder for temporary files, where it harms nobody
	i, err := d.Create(ctx, folder, machine.Spec{ID: "probe", Hostname: "probe"})
	if err != nil {
		return fmt.Errorf("probe namespaces: %w", err)
	}
	if err := i.Start(ctx); err != nil {
		return fmt.Errorf("probe namespaces: %w: %w", machine.ErrUnsupported, err)
	}
	return i.Stop(ctx)
}

func (d *driver) Capabilities() machine.Capabilities {
	c := machine.Capabilities{
		Driver:    "namespace",
		Isolation: machine.IsolationNamespaces,
		Users:     !d.oneUser,
		ReadOnly:  true,
		Networks:  []machine.NetworkMode{machine.NetworkHost, machine.NetworkNone},
		Path:      d.image.path,
	}
	_, c.Memory = d.hierarchies["memory"]
	_, c.Processes = d.hierarchies["pids"]
	_, c.CPUs = d.hierarchies["cpu"]
	for _, missing := range []struct {
		what string
		ok   bool
	}{{"memory", c.Memory}, {"processes", c.Processes || d.rlimit}, {"CPUs", c.CPUs}} {
		if !missing.ok {
			c.Notes = append(c.Notes, "limits of "+missing.what+" are not enforced: this process may not make control groups for them")
		}
	}
	c.Processes = c.Processes || d.rlimit
	if d.oneUser {
		c.Notes = append(c.Notes, "commands run as the machine's root only: drydock does not run as root")
	}
	return c
}

const (
	recordName = "driver.json" // in the machine's folder, beside its root
	rootName   = "root"
)

// record is what a later process needs to know to clean up.
type record struct {
	LaidOut bool   `json:"laidOut"`
	Groups  groups `json:"groups"`
	PID     int    `json:"pid,omitempty"`
	// Began is the first process's start in the kernel's ticks: numbers of processes are used again.
	Began uint64 `json:"began,omitempty"`
}

func readRecord(folder string) (record, error) {
	var r record
	data, err := os.ReadFile(filepath.Join(folder, recordName))
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	if json.Unmarshal(data, &r) != nil { // cut short by a crash: then nothing was started after it
		r = record{}
	}
	return r, nil
}

func (r record) write(folder string) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	name := filepath.Join(folder, recordName)
	if err := os.WriteFile(name+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

func (d *driver) Create(_ context.Context, folder string, spec machine.Spec) (machine.Instance, error) {
	if spec.Image != "" {
		return nil, fmt.Errorf("image %q by driver namespace, which knows only the host's: %w", spec.Image, machine.ErrUnsupported)
	}
	i := &instance{driver: d, folder: folder, spec: spec, root: filepath.Join(folder, rootName)}
	if err := os.MkdirAll(i.root, 0o755); err != nil {
		return nil, err
	}
	r, err := readRecord(folder)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(i.root)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if !r.LaidOut {
		if err := d.image.layOut(root, spec); err != nil {
			return nil, fmt.Errorf("lay out root: %w", err)
		}
		if err := d.makeHomes(root, spec.Users); err != nil {
			return nil, fmt.Errorf("make home folders: %w", err)
		}
	}
	if i.binds, err = d.prepareBinds(root, spec.Mounts); err != nil {
		return nil, err
	}
	return i, record{LaidOut: true}.write(folder)
}

func (d *driver) makeHomes(root *os.Root, users []machine.User) error {
	for _, u := range users {
		home := local(homeOf(u))
		if err := root.MkdirAll(home, 0o755); err != nil {
			return err
		}
		if d.oneUser {
			continue // the machine has no such number; commands as this user are refused
		}
		if err := root.Lchown(home, u.UID, u.UID); err != nil {
			return err
		}
	}
	return nil
}

// local makes a machine's absolute path one in its os.Root.
func local(p string) string { return strings.TrimPrefix(path.Clean(p), "/") }

// prepareBinds makes the places where the host's files and the spec's mounts go.
func (d *driver) prepareBinds(root *os.Root, mounts []machine.Mount) ([]bind, error) {
	var binds []bind
	for _, s := range d.image.shown {
		binds = append(binds, bind{Source: s, Target: local(s), ReadOnly: true})
	}
	for _, m := range mounts {
		binds = append(binds, bind{Source: m.Source, Target: local(m.Target), ReadOnly: m.ReadOnly})
	}
	for n, b := range binds {
		if n >= len(d.image.shown) && d.image.shows("/"+b.Target) && !d.image.exactly("/"+b.Target) {
			continue // in a folder of the host's, where only what is there already can be covered
		}
		info, err := os.Stat(b.Source)
		if err != nil {
			return nil, fmt.Errorf("mount at /%s: %w", b.Target, err)
		}
		if info.IsDir() {
			if err := root.MkdirAll(b.Target, 0o755); err != nil {
				return nil, fmt.Errorf("mount at /%s: %w", b.Target, err)
			}
			continue
		}
		if err := root.MkdirAll(path.Dir(b.Target), 0o755); err != nil {
			return nil, fmt.Errorf("mount at /%s: %w", b.Target, err)
		}
		f, err := root.OpenFile(b.Target, os.O_CREATE|os.O_RDONLY, 0o644)
		if err != nil {
			return nil, fmt.Errorf("mount at /%s: %w", b.Target, err)
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
	return binds, nil
}

func (d *driver) Clean(ctx context.Context, folder string) error {
	r, err := readRecord(folder)
	if err != nil {
		return err
	}
	if err := killRecorded(ctx, r); err != nil {
		return fmt.Errorf("kill first process: %w", err)
	}
	if err := r.Groups.remove(ctx); err != nil {
		return err
	}
	if r.LaidOut {
		return record{LaidOut: true}.write(folder)
	}
	return nil
}

type instance struct {
	driver *driver
	folder string
	root   string
	spec   machine.Spec
	binds  []bind

	mu     sync.Mutex // guards the fields below
	client *supervisor.Client
	groups groups
	done   chan struct{} // closed when everything outside of the folder is freed
	failed error         // of freeing it; read after done
}

func (i *instance) Start(ctx context.Context) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.done != nil {
		select {
		case <-i.done:
		default:
			return nil
		}
	}
	sum := sha256.Sum256([]byte(i.folder))
	g := planGroups(i.driver.hierarchies, hex.EncodeToString(sum[:8]), i.spec.Limits)
	r := record{LaidOut: true, Groups: g}
	if err := r.write(i.folder); err != nil { // before there is anything to clean up
		return err
	}
	if err := g.create(i.spec.Limits); err != nil {
		return errors.Join(err, g.remove(context.WithoutCancel(ctx)))
	}
	d := i.driver
	attr := &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
		UidMappings: d.uids, GidMappings: d.gids, GidMappingsEnableSetgroups: !d.oneUser,
	}
	if i.spec.Network.Mode == machine.NetworkNone {
		attr.Cloneflags |= unix.CLONE_NEWNET
	}
	client, err := supervisor.Start(ctx, supervisor.Config{
		Name: name,
		Setup: plan{Root: i.root, Hostname: i.spec.Hostname, Binds: i.binds, OneUser: d.oneUser,
			Loopback: i.spec.Network.Mode == machine.NetworkNone},
		Attr: attr,
		Joined: func(pid int) error {
			start, err := began(pid)
			if err != nil {
				return err
			}
			r.PID, r.Began = pid, start
			if err := r.write(i.folder); err != nil {
				return err
			}
			return errors.Join(i.limitTasks(pid, g), g.join(pid))
		},
	})
	if err != nil {
		return errors.Join(err, g.remove(context.WithoutCancel(ctx)))
	}
	i.client, i.groups, i.done, i.failed = client, g, make(chan struct{}), nil
	go i.free(client, g, i.done)
	return nil
}

// limitTasks makes up for a missing pids controller.
func (i *instance) limitTasks(pid int, g groups) error {
	if i.spec.Limits.Processes == 0 || g.Pids != "" || !i.driver.rlimit {
		return nil
	}
	n := uint64(i.spec.Limits.Processes + supervisorTasks)
	limit := unix.Rlimit{Cur: n, Max: n}
	if err := unix.Prlimit(pid, unix.RLIMIT_NPROC, &limit, nil); err != nil {
		return fmt.Errorf("limit processes: %w", err)
	}
	return nil
}

// free waits for the machine's end, by Stop or by itself, and frees what it had outside of its folder. The kernel kills
// all of a machine's processes before its first one counts as ended.
func (i *instance) free(client *supervisor.Client, g groups, done chan struct{}) {
	<-client.Done()
	err := g.remove(context.Background())
	if err == nil {
		err = record{LaidOut: true}.write(i.folder)
	}
	i.mu.Lock()
	i.failed = err
	i.mu.Unlock()
	close(done)
}

func (i *instance) Spawn(ctx context.Context, command machine.Command) (machine.Process, error) {
	i.mu.Lock()
	client, g := i.client, i.groups
	i.mu.Unlock()
	if client == nil {
		return nil, machine.ErrNotRunning
	}
	p := &process{groups: g, kills: g.kills()}
	var err error
	if p.Process, err = client.Spawn(ctx, command); err != nil {
		return nil, err
	}
	return p, nil
}

func (i *instance) Stop(ctx context.Context) error {
	i.mu.Lock()
	client, done := i.client, i.done
	i.mu.Unlock()
	if client == nil {
		return nil
	}
	if err := client.Stop(ctx); err != nil {
		return err
	}
	select {
	case <-done:
		i.mu.Lock()
		defer i.mu.Unlock()
		return i.failed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// closed is the Done of a machine that was never started.
var closed = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

func (i *instance) Done() <-chan struct{} {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.done == nil {
		return closed
	}
	return i.done
}

func (i *instance) Root() string { return i.root }

func (i *instance) Path(p string) string { return p }

// process adds to the supervisor's what only the host sees.
type process struct {
	*supervisor.Process
	groups groups
	kills  int64 // for want of memory, before it started
}

func (p *process) Wait() (machine.Exit, error) {
	exit, err := p.Process.Wait()
	exit.OutOfMemory = p.groups.kills() > p.kills
	return exit, err
}
