package machine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Host makes machines in one directory with one driver. Its methods are safe for concurrent use.
type Host struct {
	dir    string
	driver Driver
	caps   Capabilities
	log    *slog.Logger
	lock   *os.File // holds the directory's lock for as long as it is open

	mu       sync.Mutex          // guards the fields below
	machines map[string]*Machine // nil while one is being created
}

const (
	lockName = ".lock"
	specName = "spec.json"
)

// Open takes a directory into use, making it if it is missing. It fails when another process uses the directory. The
// caller calls Clean before it creates the first machine, and Close at the end.
func Open(dir string, driver Driver, log *slog.Logger) (*Host, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open machines: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open machines: %w", err)
	}
	// Mounts are compared and bound by path, so the directory is named by its real one.
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, fmt.Errorf("open machines: %w", err)
	}
	lock, err := lockFile(filepath.Join(dir, lockName))
	if err != nil {
		return nil, fmt.Errorf("open machines in %s: %w", dir, err)
	}
	return &Host{dir: dir, driver: driver, caps: driver.Capabilities(), log: log, lock: lock, machines: map[string]*Machine{}}, nil
}

// Capabilities tells what the driver promises.
func (h *Host) Capabilities() Capabilities { return h.caps }

// Clean frees what an earlier process left: processes, control groups, and the folders of all machines that were not
// Persistent. It leaves this process's machines alone. It goes on after a failure and returns all of them.
func (h *Host) Clean(ctx context.Context) error {
	entries, err := os.ReadDir(h.dir)
	if err != nil {
		return fmt.Errorf("clean machines: %w", err)
	}
	var failed []error
	for _, e := range entries {
		if ctx.Err() != nil {
			return errors.Join(append(failed, ctx.Err())...)
		}
		if !e.IsDir() || validateID(e.Name()) != nil || !h.reserve(e.Name()) {
			continue
		}
		if err := h.cleanOne(ctx, e.Name()); err != nil {
			failed = append(failed, fmt.Errorf("clean machine %s: %w", e.Name(), err))
		}
		h.release(e.Name())
	}
	return errors.Join(failed...)
}

func (h *Host) cleanOne(ctx context.Context, id string) error {
	folder := filepath.Join(h.dir, id)
	if err := h.driver.Clean(ctx, folder); err != nil {
		return err
	}
	if spec, err := readSpec(folder); err == nil && spec.Persistent {
		return nil
	}
	h.log.Info("removing what a machine left", "machine", id)
	return removeTree(ctx, h.dir, id)
}

// reserve keeps an ID for the caller; it reports false when it is taken.
func (h *Host) reserve(id string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, taken := h.machines[id]; taken {
		return false
	}
	h.machines[id] = nil
	return true
}

func (h *Host) release(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.machines, id)
}

// Create lays out a machine and leaves it stopped. It fails with ErrExists when the ID is taken, except that a
// Persistent spec adopts the files of an earlier process's persistent machine. What was asked for but cannot be enforced
// is listed by Machine.Unenforced and logged.
func (h *Host) Create(ctx context.Context, spec Spec) (*Machine, error) {
	spec = spec.clone()
	unenforced := spec.unenforced(h.caps) // before defaults are filled in: nobody asked for those
	if err := spec.validate(h.caps); err != nil {
		return nil, fmt.Errorf("create machine: %w", err)
	}
	if !h.reserve(spec.ID) {
		return nil, fmt.Errorf("create machine %s: %w", spec.ID, ErrExists)
	}
	instance, err := h.create(ctx, spec)
	if err != nil {
		h.release(spec.ID)
		return nil, fmt.Errorf("create machine %s: %w", spec.ID, err)
	}
	if len(unenforced) > 0 {
		h.log.Warn("not all of a machine's spec is enforced", "machine", spec.ID, "driver", h.caps.Driver, "unenforced", unenforced)
	}
	m := &Machine{host: h, spec: spec, instance: instance, unenforced: unenforced}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.machines[spec.ID] = m
	return m, nil
}

func (h *Host) create(ctx context.Context, spec Spec) (Instance, error) {
	folder := filepath.Join(h.dir, spec.ID)
	fresh := true
	if err := os.Mkdir(folder, 0o700); errors.Is(err, fs.ErrExist) {
		earlier, err := readSpec(folder)
		if err != nil || !earlier.Persistent || !spec.Persistent {
			return nil, ErrExists
		}
		fresh = false
		if err := h.driver.Clean(ctx, folder); err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	instance, err := h.layOut(ctx, folder, spec)
	if err != nil {
		if fresh {
			err = errors.Join(err, removeTree(context.WithoutCancel(ctx), h.dir, spec.ID))
		}
		return nil, err
	}
	return instance, nil
}

func (h *Host) layOut(ctx context.Context, folder string, spec Spec) (Instance, error) {
	data, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(folder, specName), data, 0o600); err != nil {
		return nil, err
	}
	return h.driver.Create(ctx, folder, spec)
}

func readSpec(folder string) (Spec, error) {
	var spec Spec
	data, err := os.ReadFile(filepath.Join(folder, specName))
	if err != nil {
		return spec, err
	}
	return spec, json.Unmarshal(data, &spec)
}

// Machine returns a machine of this process, nil when there is none of that ID.
func (h *Host) Machine(id string) *Machine {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.machines[id]
}

// List returns this process's machines that have all of the labels, ordered by ID.
func (h *Host) List(labels map[string]string) []*Machine {
	h.mu.Lock()
	defer h.mu.Unlock()
	var list []*Machine
next:
	for _, m := range h.machines {
		if m == nil {
			continue
		}
		for name, value := range labels {
			if got, ok := m.spec.Labels[name]; !ok || got != value {
				continue next
			}
		}
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b *Machine) int { return strings.Compare(a.spec.ID, b.spec.ID) })
	return list
}

// Close stops all machines, removes those that are not Persistent, and gives the directory free.
func (h *Host) Close(ctx context.Context) error {
	var failed []error
	for _, m := range h.List(nil) {
		if m.spec.Persistent {
			failed = append(failed, m.Stop(ctx))
		} else {
			failed = append(failed, m.Remove(ctx))
		}
	}
	return errors.Join(append(failed, unlockFile(h.lock))...)
}
