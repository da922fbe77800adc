package disk

import (
	"os"

	"golang.org/x/sys/unix"
)

// setDirect has writes to a file go to the disk from the writer's memory, or through the page cache again. It tells whether
// the file system does that.
func setDirect(f *os.File, on bool) bool {
	connection, err := f.SyscallConn()
	if err != nil {
		return false
	}
	ok := false
	err = connection.Control(func(fd uintptr) {
		flags, err := unix.FcntlInt(fd, unix.F_GETFL, 0)
		if err != nil {
			return
		}
		if flags &^= unix.O_DIRECT; on {
			flags |= unix.O_DIRECT
		}
		_, err = unix.FcntlInt(fd, unix.F_SETFL, flags)
		ok = err == nil
	})
	return ok && err == nil
}
