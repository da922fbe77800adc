package machine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"drydock/clock"
)

// removeTree deletes dir/name. It follows no link, and deletes nothing at all when the host has something mounted in
// there: the drivers never mount in the host's own namespace, so that would be somebody else's.
func removeTree(ctx context.Context, dir, name string) error {
	if mount, err := mountUnder(filepath.Join(dir, name)); err != nil {
		return err
	} else if mount != "" {
		return fmt.Errorf("not removing %s: %s is mounted there", filepath.Join(dir, name), mount)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for attempt := 0; ; attempt++ {
		err := root.RemoveAll(name)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, fs.ErrPermission): // folders that their owner may not write, as Go's module cache has
			if openErr := unlockFolders(root, name); openErr != nil {
				return errors.Join(err, openErr)
			}
		case !errors.Is(err, syscall.ENOTEMPTY): // otherwise a process that is just being killed wrote a file
			return err
		}
		if attempt == 20 {
			return err
		}
		if pauseErr := clock.Pause(ctx, time.Duration(attempt)*5*time.Millisecond); pauseErr != nil {
			return errors.Join(err, pauseErr)
		}
	}
}

// unlockFolders lets the owner into all folders under name, each before it is looked into.
func unlockFolders(root *os.Root, name string) error {
	info, err := root.Lstat(name)
	if err != nil || !info.IsDir() {
		return err
	}
	if info.Mode().Perm()&0o700 != 0o700 {
		if err := root.Chmod(name, info.Mode().Perm()|0o700); err != nil {
			return err
		}
	}
	entries, err := fs.ReadDir(root.FS(), filepath.ToSlash(name))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := unlockFolders(root, filepath.Join(name, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// mountUnder returns a mount point at or under the path in this process's view, "" when there is none. A host without
// Linux's mount table has none of ours either.
func mountUnder(p string) (string, error) {
	table, err := os.ReadFile("/proc/self/mountinfo")
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	for line := range strings.Lines(string(table)) {
		if fields := strings.Fields(line); len(fields) > 4 {
			if point := unescape.Replace(fields[4]); point == p || strings.HasPrefix(point, p+"/") {
				return point, nil
			}
		}
	}
	return "", nil
}
