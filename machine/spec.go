package machine

import (
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Spec describes a machine to create. Time limits are the caller's: it cancels the context of a command or stops the
// machine.
type Spec struct {
	// ID names the machine among all of its Host: 1 to 128 letters, digits, '-', '_' and '.', not beginning with '.'.
	ID string `json:"id"`
	// Image is the root file system. "" is the host image: the host's programs under fresh files.
	Image string `json:"image,omitempty"`
	// Hostname is what the machine calls itself; "" is the ID, cut to 63 characters.
	Hostname string `json:"hostname,omitempty"`
	// Env is prepended to every command's environment.
	Env []string `json:"env,omitempty"`
	// Mounts are host files and folders shown in the machine.
	Mounts []Mount `json:"mounts,omitempty"`
	// Limits bound what the machine may use; a zero is no limit.
	Limits Limits `json:"limits"`
	// User runs the commands that name no user; "" is the machine's root (for the process driver: the host's user).
	User string `json:"user,omitempty"`
	// Users are added to /etc/passwd and /etc/group, each with a home folder.
	Users []User `json:"users,omitempty"`
	// Network tells what the machine is connected to.
	Network Network `json:"network"`
	// Labels tell whose the machine is, for listing.
	Labels map[string]string `json:"labels,omitempty"`
	// Persistent keeps the files through Clean, so that a later Create with the same ID and Persistent finds them.
	Persistent bool `json:"persistent,omitempty"`
}

// Mount shows the host's file or folder Source at Target in the machine.
type Mount struct {
	Source   string `json:"source"` // absolute on the host, and there
	Target   string `json:"target"` // absolute in the machine; made if missing
	ReadOnly bool   `json:"readOnly,omitempty"`
}

// Limits bound a machine as a whole. Those that the driver cannot enforce are listed by Machine.Unenforced.
type Limits struct {
	MemoryBytes int64   `json:"memoryBytes,omitempty"`
	Processes   int     `json:"processes,omitempty"` // threads count, as the kernel counts them
	CPUs        float64 `json:"cpus,omitempty"`      // 0.5 is half of one CPU's time
}

// User is an account in a machine.
type User struct {
	Name  string `json:"name"`
	UID   int    `json:"uid"`             // 1 to 65533; also the number of the user's group
	Home  string `json:"home,omitempty"`  // "" is /home/NAME
	Shell string `json:"shell,omitempty"` // "" is /bin/sh
}

// NetworkMode tells what a machine is connected to.
type NetworkMode string

// The network modes.
const (
	NetworkHost NetworkMode = ""     // the host's own network
	NetworkNone NetworkMode = "none" // an own network with nothing but loopback
)

// Network is a machine's connection. A private network will be a further mode, with the device that carries its packets
// as a further field.
type Network struct {
	Mode NetworkMode `json:"mode,omitempty"`
}

// validate refuses what no driver could give a meaning, and fills in defaults.
func (s *Spec) validate(caps Capabilities) error {
	if err := validateID(s.ID); err != nil {
		return err
	}
	if s.Hostname == "" {
		s.Hostname = strings.Trim(s.ID[:min(len(s.ID), 63)], "-.")
	}
	if len(s.Hostname) > 63 || strings.ContainsAny(s.Hostname, " \t\r\n\x00/") {
		return fmt.Errorf("host name %q: %w", s.Hostname, ErrInvalid)
	}
	for _, m := range s.Mounts {
		if !filepath.IsAbs(m.Source) || !path.IsAbs(m.Target) || path.Clean(m.Target) == "/" || strings.ContainsRune(m.Source+m.Target, 0) {
			return fmt.Errorf("mount of %q at %q: both must be absolute and the target not the root: %w", m.Source, m.Target, ErrInvalid)
		}
	}
	for _, u := range s.Users {
		if u.Name == "" || u.UID < 1 || u.UID > 65533 || strings.ContainsAny(u.Name+u.Home+u.Shell, ":\n\x00") || strings.ContainsAny(u.Name, "/ ") {
			return fmt.Errorf("user %q with uid %d: %w", u.Name, u.UID, ErrInvalid)
		}
		if u.Home != "" && !path.IsAbs(u.Home) {
			return fmt.Errorf("home folder %q of user %q is not absolute: %w", u.Home, u.Name, ErrInvalid)
		}
	}
	if l := s.Limits; l.MemoryBytes < 0 || l.Processes < 0 || !(l.CPUs >= 0 && l.CPUs < 1e6) {
		return fmt.Errorf("limits %+v: %w", l, ErrInvalid)
	}
	if err := validateEnv(s.Env); err != nil {
		return err
	}
	if !slices.Contains(caps.Networks, s.Network.Mode) {
		return fmt.Errorf("network mode %q by driver %s: %w", s.Network.Mode, caps.Driver, ErrUnsupported)
	}
	return nil
}

func validateID(id string) error {
	ok := len(id) >= 1 && len(id) <= 128 && id[0] != '.'
	for _, c := range id {
		ok = ok && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.')
	}
	if !ok {
		return fmt.Errorf("machine id %q: %w", id, ErrInvalid)
	}
	return nil
}

func validateEnv(env []string) error {
	for _, e := range env {
		if i := strings.IndexByte(e, '='); i < 1 || strings.ContainsRune(e, 0) {
			name, _, _ := strings.Cut(e, "=") // the value may be a secret
			return fmt.Errorf("environment entry %q is not NAME=value: %w", name, ErrInvalid)
		}
	}
	return nil
}

// unenforced lists what the spec asks for and the driver cannot promise.
func (s *Spec) unenforced(caps Capabilities) []string {
	var list []string
	if s.Limits.MemoryBytes > 0 && !caps.Memory {
		list = append(list, "limits.memoryBytes")
	}
	if s.Limits.Processes > 0 && !caps.Processes {
		list = append(list, "limits.processes")
	}
	if s.Limits.CPUs > 0 && !caps.CPUs {
		list = append(list, "limits.cpus")
	}
	if !caps.ReadOnly && slices.ContainsFunc(s.Mounts, func(m Mount) bool { return m.ReadOnly }) {
		list = append(list, "mounts.readOnly")
	}
	if s.Hostname != "" && caps.Isolation == IsolationNone {
		list = append(list, "hostname")
	}
	return list
}

func (s Spec) clone() Spec {
	s.Env, s.Mounts, s.Users, s.Labels = slices.Clone(s.Env), slices.Clone(s.Mounts), slices.Clone(s.Users), maps.Clone(s.Labels)
	return s
}
