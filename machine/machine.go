package machine

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
)

// Machine is one machine of a Host. Its methods are safe for concurrent use.
type Machine struct {
	host       *Host
	spec       Spec
	instance   Instance
	unenforced []string

	mu      sync.Mutex // guards the field below, and makes starts, stops and removal follow each other
	removed bool
}

// ID is the machine's name in its Host.
func (m *Machine) ID() string { return m.spec.ID }

// Spec is what the machine was created from, with defaults filled in.
func (m *Machine) Spec() Spec { return m.spec.clone() }

// Unenforced lists what the Spec asked for and the driver cannot promise on this host, such as "limits.memoryBytes".
func (m *Machine) Unenforced() []string { return slices.Clone(m.unenforced) }

// Start boots the machine. When it returns, commands can be run.
func (m *Machine) Start(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.removed {
		return fmt.Errorf("start machine %s: it was removed: %w", m.spec.ID, ErrNotRunning)
	}
	if err := m.instance.Start(ctx); err != nil {
		return fmt.Errorf("start machine %s: %w", m.spec.ID, err)
	}
	return nil
}

// Spawn starts a command and returns without waiting for it. The command and its descendants are killed when ctx ends.
// Processes that it leaves in the background live on until the machine stops.
func (m *Machine) Spawn(ctx context.Context, command Command) (Process, error) {
	if len(command.Args) == 0 || command.Args[0] == "" {
		return nil, fmt.Errorf("run in machine %s: no program named: %w", m.spec.ID, ErrInvalid)
	}
	for _, arg := range command.Args {
		if strings.ContainsRune(arg, 0) {
			return nil, fmt.Errorf("run in machine %s: an argument holds a zero byte: %w", m.spec.ID, ErrInvalid)
		}
	}
	if command.Dir == "" {
		command.Dir = "/"
	}
	if !path.IsAbs(command.Dir) || strings.ContainsRune(command.Dir, 0) {
		return nil, fmt.Errorf("run in machine %s: folder %q is not absolute: %w", m.spec.ID, command.Dir, ErrInvalid)
	}
	if command.User == "" {
		command.User = m.spec.User
	}
	command.Env = slices.Concat(m.spec.Env, command.Env)
	if err := validateEnv(command.Env); err != nil {
		return nil, fmt.Errorf("run in machine %s: %w", m.spec.ID, err)
	}
	if !slices.ContainsFunc(command.Env, func(e string) bool { return strings.HasPrefix(e, "PATH=") }) {
		command.Env = append(command.Env, "PATH="+m.host.caps.Path)
	}
	p, err := m.instance.Spawn(ctx, command)
	if err != nil {
		return nil, fmt.Errorf("run %s in machine %s: %w", command.Args[0], m.spec.ID, err)
	}
	return p, nil
}

// Exec runs a command and waits for it as Process.Wait does.
func (m *Machine) Exec(ctx context.Context, command Command) (Exit, error) {
	p, err := m.Spawn(ctx, command)
	if err != nil {
		return Exit{}, err
	}
	return p.Wait()
}

// Stop kills the machine's whole process tree and keeps its files. Stopping twice is no error.
func (m *Machine) Stop(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stop(ctx)
}

func (m *Machine) stop(ctx context.Context) error {
	if err := m.instance.Stop(ctx); err != nil {
		return fmt.Errorf("stop machine %s: %w", m.spec.ID, err)
	}
	return nil
}

// Remove stops the machine and deletes its files, those of a Persistent one too. Its ID can be used again.
func (m *Machine) Remove(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.removed {
		return nil
	}
	if err := m.stop(ctx); err != nil {
		return err
	}
	if err := removeTree(ctx, m.host.dir, m.spec.ID); err != nil {
		return fmt.Errorf("remove machine %s: %w", m.spec.ID, err)
	}
	m.removed = true
	m.host.release(m.spec.ID)
	return nil
}

// Done is closed when the machine that was started last has ended, by Stop or by itself.
func (m *Machine) Done() <-chan struct{} { return m.instance.Done() }

// Path tells how a process in the machine names the machine's absolute path p: as p, except with the process driver,
// whose machines have no root of their own. Use it for paths that are handed over in environments and arguments.
func (m *Machine) Path(p string) string { return m.instance.Path(p) }
