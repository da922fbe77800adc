package supervisor

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"drydock/machine"
)

// openTerminal makes a terminal of the host's for the command's streams. The machine sees the open terminal and not the
// host's folder of terminals, so commands have job control but no name for it.
func (s *streams) openTerminal(command machine.Command) error {
	screen, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return os.NewSyscallError("open /dev/ptmx", err)
	}
	ours := os.NewFile(uintptr(screen), "terminal")
	to := command.Stdout
	if to == nil {
		to = io.Discard
	}
	s.outputs = append(s.outputs, &output{to: to, pipe: ours, done: make(chan struct{})})
	if err := unix.IoctlSetPointerInt(screen, unix.TIOCSPTLCK, 0); err != nil {
		return os.NewSyscallError("unlock", err)
	}
	size := func(fd int, t machine.Terminal) error {
		return os.NewSyscallError("set size", unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: t.Rows, Col: t.Cols}))
	}
	if err := size(screen, *command.Terminal); err != nil {
		return err
	}
	// By the open file and not by name: the terminal's name may mean another in this process's folder of terminals.
	if s.remote[0], err = peer(screen); err != nil {
		return err
	}
	for i := 1; i < len(s.remote); i++ {
		if s.remote[i], err = duplicate(s.remote[0]); err != nil {
			return err
		}
	}
	if s.source != nil {
		keys, err := duplicate(screen)
		if err != nil {
			return err
		}
		s.input = os.NewFile(uintptr(keys), "keys")
	}
	conn, err := ours.SyscallConn()
	if err != nil {
		return err
	}
	s.resize = func(t machine.Terminal) error {
		var failed error
		err := conn.Control(func(fd uintptr) { failed = size(int(fd), t) })
		return errors.Join(err, failed)
	}
	return nil
}

// peer opens the command's end of a terminal.
func peer(screen int) (int, error) {
	fd, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(screen), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if errno != 0 {
		return -1, os.NewSyscallError("open the command's end", errno)
	}
	return int(fd), nil
}
