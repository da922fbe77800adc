//go:build unix && !linux

package process

import "syscall"

// adoptOrphans can do nothing here: a daemon that left its parent is lost to its machine.
func adoptOrphans() (syscall.SysProcAttr, error) { return syscall.SysProcAttr{}, nil }
