package namespace

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"drydock/clock"
	"drydock/machine"
)

// hierarchy is where this process may make control groups of a controller.
type hierarchy struct {
	base    string // folder of the group that this process is in
	version int    // 1 or 2
}

// groupPrefix begins the names of all groups made here; nothing else is ever removed.
const groupPrefix = "drydock-"

// supervisorTasks is how many tasks the machine's first process may need beside the limit.
const supervisorTasks = 24

// findHierarchies returns, by controller, where groups can really be made: it makes one and removes it.
func findHierarchies() map[string]hierarchy {
	found := map[string]hierarchy{}
	membership, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return found
	}
	mounts, err := cgroupMounts()
	if err != nil {
		return found
	}
	for line := range strings.Lines(string(membership)) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(parts) != 3 {
			continue
		}
		for _, m := range mounts {
			h := hierarchy{base: m.folder(parts[2]), version: 1}
			if m.unified {
				h.version = 2
			}
			for _, controller := range []string{"memory", "pids", "cpu"} {
				_, have := found[controller]
				named := slices.Contains(strings.Split(parts[1], ","), controller) && slices.Contains(m.controllers, controller)
				if m.unified != (parts[0] == "0") || !m.unified && !named || have && !m.unified {
					continue
				}
				if h.usable(controller) {
					found[controller] = h
				}
			}
		}
	}
	return found
}

type cgroupMount struct {
	point, root string
	unified     bool
	controllers []string // of version 1
}

// folder is where a group of that path is seen under the mount, which may show only a part of the hierarchy.
func (m cgroupMount) folder(group string) string {
	if rest, ok := strings.CutPrefix(group, m.root); ok && m.root != "/" {
		group = rest
	}
	return filepath.Join(m.point, group)
}

func cgroupMounts() ([]cgroupMount, error) {
	table, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer table.Close()
	var mounts []cgroupMount
	lines := bufio.NewScanner(table)
	for lines.Scan() {
		before, after, ok := strings.Cut(lines.Text(), " - ")
		fields, kind := strings.Fields(before), strings.Fields(after)
		if !ok || len(fields) < 5 || len(kind) < 3 {
			continue
		}
		switch kind[0] {
		case "cgroup":
			mounts = append(mounts, cgroupMount{point: fields[4], root: fields[3], controllers: strings.Split(kind[2], ",")})
		case "cgroup2":
			mounts = append(mounts, cgroupMount{point: fields[4], root: fields[3], unified: true})
		}
	}
	return mounts, lines.Err()
}

// usable makes a group on trial. In version 2 the controller must also be handed on to groups below, which the kernel
// refuses for a group that has processes of its own, unless it is the root.
func (h hierarchy) usable(controller string) bool {
	if h.version == 2 {
		available, err := os.ReadFile(filepath.Join(h.base, "cgroup.controllers"))
		if err != nil || !slices.Contains(strings.Fields(string(available)), controller) {
			return false
		}
		if os.WriteFile(filepath.Join(h.base, "cgroup.subtree_control"), []byte("+"+controller), 0) != nil {
			return false
		}
	}
	trial := filepath.Join(h.base, groupPrefix+"trial-"+strconv.Itoa(os.Getpid()))
	if err := os.Mkdir(trial, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return false
	}
	_, err := os.Stat(filepath.Join(trial, map[string][2]string{
		"memory": {"memory.limit_in_bytes", "memory.max"},
		"pids":   {"pids.max", "pids.max"},
		"cpu":    {"cpu.cfs_quota_us", "cpu.max"},
	}[controller][h.version-1]))
	return errors.Join(err, os.Remove(trial)) == nil
}

// groups are the control groups of one machine, by controller.
type groups struct {
	Memory string `json:"memory,omitempty"`
	Pids   string `json:"pids,omitempty"`
	CPU    string `json:"cpu,omitempty"`
}

// planGroups names the groups that enforce the limits, without making them.
func planGroups(found map[string]hierarchy, name string, limits machine.Limits) groups {
	at := func(controller string, wanted bool) string {
		h, ok := found[controller]
		if !ok || !wanted {
			return ""
		}
		return filepath.Join(h.base, groupPrefix+name)
	}
	return groups{
		Memory: at("memory", limits.MemoryBytes > 0),
		Pids:   at("pids", limits.Processes > 0),
		CPU:    at("cpu", limits.CPUs > 0),
	}
}

func (g groups) folders() []string {
	list := slices.DeleteFunc([]string{g.Memory, g.Pids, g.CPU}, func(s string) bool { return s == "" })
	slices.Sort(list)
	return slices.Compact(list)
}

// create makes the groups and sets the limits.
func (g groups) create(limits machine.Limits) error {
	for _, folder := range g.folders() {
		if err := os.Mkdir(folder, 0o755); err != nil {
			return fmt.Errorf("make control group: %w", err)
		}
	}
	const period = 100_000 // microseconds
	quota := strconv.FormatInt(max(int64(limits.CPUs*period), 1000), 10)
	bytes := strconv.FormatInt(limits.MemoryBytes, 10)
	for _, setting := range []struct {
		folder, file, value string
		optional            bool // a kernel without swap has no such file
	}{
		{g.Memory, "memory.limit_in_bytes", bytes, true},
		{g.Memory, "memory.memsw.limit_in_bytes", bytes, true},
		{g.Memory, "memory.max", bytes, true},
		{g.Memory, "memory.swap.max", "0", true},
		{g.Pids, "pids.max", strconv.Itoa(limits.Processes + supervisorTasks), false},
		{g.CPU, "cpu.cfs_period_us", strconv.Itoa(period), true},
		{g.CPU, "cpu.cfs_quota_us", quota, true},
		{g.CPU, "cpu.max", quota + " " + strconv.Itoa(period), true},
	} {
		if setting.folder == "" {
			continue
		}
		err := setExisting(filepath.Join(setting.folder, setting.file), setting.value)
		if err != nil && !(setting.optional && errors.Is(err, fs.ErrNotExist)) {
			return fmt.Errorf("set limit: %w", err)
		}
	}
	return nil
}

// setExisting writes a file that must be there: the files of the other version are not.
func setExisting(file, value string) error {
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}

// join puts a process, and what it starts from then on, under the limits.
func (g groups) join(pid int) error {
	for _, folder := range g.folders() {
		if err := setExisting(filepath.Join(folder, "cgroup.procs"), strconv.Itoa(pid)); err != nil {
			return fmt.Errorf("join control group: %w", err)
		}
	}
	return nil
}

// kills is how many processes of the machine the kernel has killed for want of memory.
func (g groups) kills() int64 {
	if g.Memory == "" {
		return 0
	}
	for _, file := range []string{"memory.oom_control", "memory.events"} {
		data, err := os.ReadFile(filepath.Join(g.Memory, file))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(data)) {
			if fields := strings.Fields(line); len(fields) == 2 && fields[0] == "oom_kill" {
				n, _ := strconv.ParseInt(fields[1], 10, 64) // the kernel wrote it
				return n
			}
		}
	}
	return 0
}

// remove kills what is left in the groups and removes them. Those that are gone already are no error.
func (g groups) remove(ctx context.Context) error {
	var failed []error
	for _, folder := range g.folders() {
		if !strings.HasPrefix(filepath.Base(folder), groupPrefix) {
			failed = append(failed, fmt.Errorf("not removing control group %s: not one of ours", folder))
			continue
		}
		for attempt := 0; ; attempt++ {
			err := syscall.Rmdir(folder)
			if err == nil || errors.Is(err, fs.ErrNotExist) {
				break
			}
			if attempt == 100 || !errors.Is(err, syscall.EBUSY) {
				failed = append(failed, fmt.Errorf("remove control group %s: %w", folder, err))
				break
			}
			if procs, readErr := os.ReadFile(filepath.Join(folder, "cgroup.procs")); readErr == nil {
				for field := range strings.FieldsSeq(string(procs)) {
					if pid, convErr := strconv.Atoi(field); convErr == nil && pid > 1 {
						_ = syscall.Kill(pid, syscall.SIGKILL)
					}
				}
			}
			if err := clock.Pause(ctx, time.Duration(min(attempt+1, 20))*time.Millisecond); err != nil {
				return errors.Join(append(failed, err)...)
			}
		}
	}
	return errors.Join(failed...)
}
