package main

import (
	"context"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"drydock/machine"
)

// takeTerminal hands the keys of this terminal through as they are typed, until restore is called. sizes tells each
// size that the terminal takes from now on.
func takeTerminal(ctx context.Context) (size machine.Terminal, sizes <-chan machine.Terminal, restore func(), err error) {
	fd := int(os.Stdin.Fd())
	before, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return size, nil, nil, os.NewSyscallError("standard input", err)
	}
	if size, err = sizeOf(fd); err != nil {
		return size, nil, nil, err
	}
	raw := *before // as the C library's cfmakeraw has it
	raw.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	raw.Oflag &^= unix.OPOST
	raw.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	raw.Cflag = raw.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
	raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, &raw); err != nil {
		return size, nil, nil, os.NewSyscallError("set terminal", err)
	}
	changed, told := make(chan os.Signal, 1), make(chan machine.Terminal)
	signal.Notify(changed, unix.SIGWINCH)
	go func() {
		for {
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
			if now, err := sizeOf(fd); err == nil {
				select {
				case told <- now:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return size, told, func() {
		signal.Stop(changed)
		_ = unix.IoctlSetTermios(fd, unix.TCSETS, before) // nothing else could be done about it
	}, nil
}

func sizeOf(fd int) (machine.Terminal, error) {
	w, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
	if err != nil {
		return machine.Terminal{}, os.NewSyscallError("size of the terminal", err)
	}
	return machine.Terminal{Rows: w.Row, Cols: w.Col}, nil
}
