package namespace

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// plan is what the host tells a machine's first process to make of the namespaces it was started in.
type plan struct {
	Root     string `json:"root"` // host folder that becomes /
	Hostname string `json:"hostname"`
	Binds    []bind `json:"binds"`
	OneUser  bool   `json:"oneUser"` // only user 0 exists
	Loopback bool   `json:"loopback"`
}

// bind shows a file or folder of the host. Its target is there, made by the host.
type bind struct {
	Source   string `json:"source"`
	Target   string `json:"target"`
	ReadOnly bool   `json:"readOnly"`
}

// carryOut runs in the new namespaces, on the thread that commands are started from. Everything under the root was
// perhaps written by an earlier run of the machine, so no path there is used but through resolve.
func (p plan) carryOut() error {
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"part from the host's mounts", func() error { return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") }},
		{"mount root", func() error { return unix.Mount(p.Root, p.Root, "", unix.MS_BIND|unix.MS_REC, "") }},
		{"", p.mountAll},
		{"change root", p.pivot},
		{"set host name", func() error { return unix.Sethostname([]byte(p.Hostname)) }},
		{"start loopback", p.startLoopback},
		{"drop privileges", dropPrivileges},
	} {
		if err := step.do(); err != nil {
			if step.what != "" {
				err = fmt.Errorf("%s: %w", step.what, err)
			}
			return err
		}
	}
	return nil
}

func (p plan) mountAll() error {
	root, err := unix.Open(p.Root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", p.Root, err)
	}
	defer unix.Close(root)
	for _, b := range p.Binds {
		if err := show(b.Source, root, b.Target, b.ReadOnly, true); err != nil {
			return fmt.Errorf("show %s at %s: %w", b.Source, b.Target, err)
		}
	}
	if err := p.mountDev(root); err != nil {
		return fmt.Errorf("mount /dev: %w", err)
	}
	if err := mountProc(root); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	return nil
}

// resolve opens a path in the machine's root as a process in the machine would, whatever links are in it.
func resolve(root int, p string) (int, error) {
	return unix.Openat2(root, p, &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT})
}

// show mounts what is at source, with all that is mounted under it, at target in root. Devices work only where they
// are asked for, and setuid programs nowhere.
func show(source string, root int, target string, readOnly, noDevices bool) error {
	tree, err := unix.OpenTree(unix.AT_FDCWD, source, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
	if err != nil {
		return fmt.Errorf("clone: %w", err)
	}
	defer unix.Close(tree)
	return attach(tree, root, target, readOnly, noDevices)
}

func attach(tree, root int, target string, readOnly, noDevices bool) error {
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_NOSUID}
	if readOnly {
		attr.Attr_set |= unix.MOUNT_ATTR_RDONLY
	}
	if noDevices {
		attr.Attr_set |= unix.MOUNT_ATTR_NODEV
	}
	if err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, &attr); err != nil {
		return fmt.Errorf("set attributes: %w", err)
	}
	at, err := resolve(root, target)
	if err != nil {
		return fmt.Errorf("open target: %w", err)
	}
	defer unix.Close(at)
	if err := unix.MoveMount(tree, "", at, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH); err != nil {
		return fmt.Errorf("attach: %w", err)
	}
	return nil
}

// mount mounts a new file system at target in root.
func mount(fstype string, root int, target string, flags uintptr, data string) error {
	at, err := resolve(root, target)
	if err != nil {
		return fmt.Errorf("open %s: %w", target, err)
	}
	defer unix.Close(at)
	if err := unix.Mount(fstype, descriptorPath(at), fstype, flags, data); err != nil {
		return fmt.Errorf("mount %s: %w", target, err)
	}
	return nil
}

func descriptorPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// devices are the host's that a machine sees.
var devices = []string{"null", "zero", "full", "random", "urandom", "tty"}

func (p plan) mountDev(root int) error {
	if err := mount("tmpfs", root, "dev", unix.MS_NOSUID|unix.MS_NOEXEC, "mode=0755,size=1m"); err != nil {
		return err
	}
	dev, err := resolve(root, "dev")
	if err != nil {
		return err
	}
	defer unix.Close(dev)
	for _, d := range devices {
		fd, err := unix.Openat(dev, d, unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o666)
		if err != nil {
			return fmt.Errorf("make %s: %w", d, err)
		}
		_ = unix.Close(fd)
		if err := show("/dev/"+d, dev, d, false, false); err != nil {
			return fmt.Errorf("show %s: %w", d, err)
		}
	}
	for _, dir := range []string{"pts", "shm"} {
		if err := unix.Mkdirat(dev, dir, 0o755); err != nil {
			return fmt.Errorf("make %s: %w", dir, err)
		}
	}
	terminals := "newinstance,ptmxmode=0666,mode=0620"
	if !p.OneUser {
		terminals += ",gid=5"
	}
	if err := mount("devpts", dev, "pts", unix.MS_NOSUID|unix.MS_NOEXEC, terminals); err != nil {
		return err
	}
	if err := mount("tmpfs", dev, "shm", unix.MS_NOSUID|unix.MS_NODEV, "mode=1777"); err != nil {
		return err
	}
	for name, target := range map[string]string{
		"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2", "ptmx": "pts/ptmx",
	} {
		if err := unix.Symlinkat(target, dev, name); err != nil {
			return fmt.Errorf("link %s: %w", name, err)
		}
	}
	return nil
}

// Parts of /proc that concern the host. User 0 owns them on the host too, so that the kernel's own checks are no help
// when drydock runs as root.
var (
	readOnlyProc = []string{"bus", "fs", "irq", "sys", "sysrq-trigger"}
	hiddenProc   = []string{"acpi", "asound", "interrupts", "kcore", "keys", "latency_stats", "scsi", "timer_list"}
)

func mountProc(root int) error {
	if err := mount("proc", root, "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return err
	}
	proc, err := resolve(root, "proc")
	if err != nil {
		return err
	}
	defer unix.Close(proc)
	for _, name := range readOnlyProc {
		tree, err := unix.OpenTree(proc, name, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("clone %s: %w", name, err)
		}
		err = attach(tree, proc, name, true, true)
		_ = unix.Close(tree)
		if err != nil {
			return fmt.Errorf("protect %s: %w", name, err)
		}
	}
	for _, name := range hiddenProc {
		var info unix.Stat_t
		if err := unix.Fstatat(proc, name, &info, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			continue // not every kernel has each
		}
		if info.Mode&unix.S_IFMT == unix.S_IFDIR {
			err = mount("tmpfs", proc, name, unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "size=0,mode=0555")
		} else {
			err = show("/dev/null", proc, name, true, false)
		}
		if err != nil {
			return fmt.Errorf("hide %s: %w", name, err)
		}
	}
	return nil
}

// pivot makes Root the root of all and lets go of the host's. The old root is mounted over the new one for a moment,
// which spares a folder to put it in.
func (p plan) pivot() error {
	if err := unix.Chdir(p.Root); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return err
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return err
	}
	return unix.Chdir("/")
}

func (p plan) startLoopback() error {
	if !p.Loopback {
		return nil
	}
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(socket)
	ifreq, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	ifreq.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return os.NewSyscallError("ioctl", unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, ifreq))
}

// keptCapabilities are what commands of the machine's root have: what installing and running ordinary software takes.
// None of them reaches the host, which knows the machine's root as an unprivileged user; CAP_SYS_ADMIN is not among them
// because with it the read-only mounts could be made writable.
var keptCapabilities = []uintptr{
	unix.CAP_AUDIT_WRITE, unix.CAP_CHOWN, unix.CAP_DAC_OVERRIDE, unix.CAP_FOWNER, unix.CAP_FSETID, unix.CAP_KILL,
	unix.CAP_MKNOD, unix.CAP_NET_BIND_SERVICE, unix.CAP_NET_RAW, unix.CAP_SETFCAP, unix.CAP_SETGID, unix.CAP_SETPCAP,
	unix.CAP_SETUID, unix.CAP_SYS_CHROOT,
}

// dropPrivileges concerns the calling thread and the commands started from it. The process's other threads keep their
// capabilities, which also keeps commands from tracing them.
func dropPrivileges() error {
	var kept uint64
	for _, c := range keptCapabilities {
		kept |= 1 << c
	}
	for c := uintptr(0); c <= 63; c++ {
		if kept&(1<<c) != 0 {
			continue
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); errors.Is(err, unix.EINVAL) {
			break // the kernel knows no more
		} else if err != nil {
			return os.NewSyscallError("prctl", err)
		}
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	for i := range sets {
		half := uint32(kept >> (32 * i))
		sets[i] = unix.CapUserData{Effective: half, Permitted: half}
	}
	if err := unix.Capset(&header, &sets[0]); err != nil {
		return os.NewSyscallError("capset", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	// Commands shall not get at this process's memory, descriptors or program file, which is the host's.
	return os.NewSyscallError("prctl", unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0))
}
