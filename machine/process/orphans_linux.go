package process

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// adoptOrphans makes this process the parent of descendants whose own parent dies, so that none gets lost, and lets
// commands die with it.
func adoptOrphans() (syscall.SysProcAttr, error) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return syscall.SysProcAttr{}, fmt.Errorf("adopt orphans: %w", err)
	}
	return syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}, nil
}
