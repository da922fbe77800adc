//go:build unix

package machine

import (
	"errors"
	"os"
	"syscall"
)

// lockFile opens a file and locks it until it is closed. The lock ends with the process, however that ends.
func lockFile(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	conn, err := f.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	var locked error
	err = conn.Control(func(fd uintptr) { locked = syscall.Flock(int(fd), syscall.LOCK_EX|syscall.LOCK_NB) })
	if errors.Is(locked, syscall.EWOULDBLOCK) {
		locked = errors.New("another process uses this directory")
	}
	if err = errors.Join(err, locked); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// unlockFile ends the lock. Closing alone would not, for the moment in which a child that is just being started still
// has a copy of the descriptor.
func unlockFile(f *os.File) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var unlocked error
	err = conn.Control(func(fd uintptr) { unlocked = syscall.Flock(int(fd), syscall.LOCK_UN) })
	return errors.Join(err, unlocked, f.Close())
}
