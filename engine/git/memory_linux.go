package git

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
)

// tmpfsMagic is the type of memory file systems, as statfs(2) has it.
const tmpfsMagic = 0x01021994

// memory is a folder for working copies that lies in memory, and that nobody else may read. The zero value is ready. What is
// in memory outlives a process that is killed: so the folder is locked as long as its process lives, and whoever comes
// next removes those that are not. Its methods are safe for concurrent use.
type memory struct {
	mu   sync.Mutex // guards the fields below
	path string
	lock *os.File // the folder itself; nil while there is none
}

// folder returns the folder's path, or "" when there is no memory file system. It makes the folder if it is not there.
func (m *memory) folder() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lock != nil && !named(m.lock, m.path) { // the host has cleaned up
		_ = m.lock.Close()
		m.path, m.lock = "", nil
	}
	if m.lock == nil {
		m.open()
	}
	return m.path
}

// named tells whether a file has that name still.
func named(f *os.File, path string) bool {
	info, err := f.Stat()
	if err != nil {
		return false
	}
	now, err := os.Lstat(path)
	return err == nil && os.SameFile(info, now)
}

// memoryRoots are where hosts have memory file systems.
func memoryRoots() (roots []string) {
	for _, root := range []string{os.Getenv("XDG_RUNTIME_DIR"), "/dev/shm"} {
		var fs syscall.Statfs_t
		if root != "" && syscall.Statfs(root, &fs) == nil && fs.Type == tmpfsMagic {
			roots = append(roots, root)
		}
	}
	return roots
}

func memoryPrefix() string { return "drydock-git-" + strconv.Itoa(os.Getuid()) + "-" }

// open makes the folder. The caller holds mu.
func (m *memory) open() {
	sweepMemory()
	best := ""
	for _, root := range memoryRoots() {
		if best == "" || freeSpace(root) > freeSpace(best) {
			best = root
		}
	}
	if best == "" {
		return
	}
	for range 10 {
		path, err := os.MkdirTemp(best, memoryPrefix()) // 0700
		if err != nil {
			return
		}
		lock, err := lockFolder(path)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.EWOULDBLOCK) {
			continue // somebody swept it before it was locked
		}
		if err != nil {
			_ = os.Remove(path)
			return
		}
		m.path, m.lock = path, lock
		return
	}
}

// close removes the folder.
func (m *memory) close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lock == nil {
		return nil
	}
	err := errors.Join(os.RemoveAll(m.path), m.lock.Close())
	m.path, m.lock = "", nil
	return err
}

// sweepMemory removes the folders of processes that were killed.
func sweepMemory() {
	for _, root := range memoryRoots() {
		left, err := filepath.Glob(filepath.Join(root, memoryPrefix()+"*"))
		if err != nil {
			continue
		}
		for _, path := range left {
			lock, err := lockFolder(path)
			if err != nil {
				continue // in use, or not ours
			}
			_ = os.RemoveAll(path) // the next to come tries again
			_ = lock.Close()
		}
	}
}

// lockFolder locks a folder of this user's until it is closed, or the process ends. Anybody may make folders beside it, so
// one of another's, or a link, is an error.
func lockFolder(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		if owner, ok := info.Sys().(*syscall.Stat_t); !ok || int(owner.Uid) != os.Getuid() || info.Mode().Perm() != 0o700 {
			err = os.ErrPermission
		}
	}
	if err == nil {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	if err == nil && !named(f, path) {
		err = os.ErrNotExist // another one may have its name
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// freeSpace is how many bytes fit into the file system of a folder.
func freeSpace(path string) int64 {
	var fs syscall.Statfs_t
	if syscall.Statfs(path, &fs) != nil {
		return 0
	}
	return int64(min(fs.Bavail*uint64(fs.Bsize), 1<<62))
}
