package git

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// tmpfsMagic is the type of memory file systems, as statfs(2) has it.
const tmpfsMagic = 0x01021994

// memoryFolder returns a folder for an engine over dir that lies in memory and that nobody else may read, or "". What is
// in it is gone when the machine stops, but not when the process does.
func memoryFolder(dir string) string {
	id := sha256.Sum256([]byte(dir))
	name := "drydock-git-" + strconv.Itoa(os.Getuid()) + "-" + hex.EncodeToString(id[:6])
	best, room := "", uint64(0)
	for _, root := range []string{os.Getenv("XDG_RUNTIME_DIR"), "/dev/shm"} {
		var fs syscall.Statfs_t
		if root == "" || syscall.Statfs(root, &fs) != nil || fs.Type != tmpfsMagic {
			continue
		}
		if free := fs.Bavail * uint64(fs.Bsize); free > room && private(filepath.Join(root, name)) {
			best, room = filepath.Join(root, name), free
		}
	}
	return best
}

// private makes a folder, or finds out whether one that is there is ours alone: /dev/shm is everybody's.
func private(path string) bool {
	if err := os.Mkdir(path, 0o700); err != nil && !os.IsExist(err) {
		return false
	}
	info, err := os.Lstat(path)
	if err != nil || !info.IsDir() || info.Mode().Perm() != 0o700 {
		return false
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(owner.Uid) == os.Getuid()
}

// freeSpace is how many bytes fit into the file system of a folder.
func freeSpace(path string) int64 {
	var fs syscall.Statfs_t
	if syscall.Statfs(path, &fs) != nil {
		return 0
	}
	return int64(min(fs.Bavail*uint64(fs.Bsize), 1<<62))
}
