package disk

import (
	"os"
	"syscall"
)

// syncFileRangeWrite is SYNC_FILE_RANGE_WRITE of sync_file_range(2): begin to write, wait for nothing.
const syncFileRangeWrite = 2

// writeBack has the kernel begin to write a range of a file to the disk, so that little is left for the sync at the end. It
// is a hint: only the sync makes anything durable and tells of errors.
func writeBack(f *os.File, off, n int64) {
	connection, err := f.SyscallConn()
	if err != nil {
		return
	}
	_ = connection.Control(func(fd uintptr) { _ = syscall.SyncFileRange(int(fd), off, n, syncFileRangeWrite) })
}
