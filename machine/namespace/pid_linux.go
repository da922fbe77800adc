package namespace

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"drydock/clock"
)

// began returns when a process started, in ticks since the host did. A process that is dead but not yet waited for is
// fs.ErrNotExist.
func began(pid int) (uint64, error) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if errors.Is(err, unix.ESRCH) {
		return 0, fs.ErrNotExist
	}
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:])) // from the third, the state, on
	if len(fields) < 20 {
		return 0, fmt.Errorf("process %d has no start time", pid)
	}
	if fields[0] == "Z" || fields[0] == "X" {
		return 0, fs.ErrNotExist
	}
	return strconv.ParseUint(fields[19], 10, 64)
}

// killRecorded kills a machine's first process that has outlived the process that made it, and waits for its end. It
// kills no other process that has got its number.
func killRecorded(ctx context.Context, r record) error {
	if r.PID <= 1 {
		return nil
	}
	fd, err := unix.PidfdOpen(r.PID, 0)
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL) {
		return nil
	}
	if err != nil {
		return os.NewSyscallError("pidfd_open", err)
	}
	defer unix.Close(fd)
	for range 500 {
		start, err := began(r.PID)
		if errors.Is(err, fs.ErrNotExist) || err == nil && start != r.Began {
			return nil
		}
		if err != nil {
			return err
		}
		if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
			return os.NewSyscallError("pidfd_send_signal", err)
		}
		if err := clock.Pause(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("process %d does not die", r.PID)
}
