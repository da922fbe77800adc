package pebble

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// logFS makes new log files full of zeros. A sync of what is written over them then waits for the bytes alone, and not for
// the file system's journal as well, as it does where a file grows or was only given room: that takes half of the time. The
// tree reuses its log files, so a few are made in a store's life.
type logFS struct{ vfs.FS }

// logSize is how much of a new log is written in advance. The tree begins another log when a memtable is full, so few grow
// longer; it is no more than the memtable since an almost empty store has a log, too.
const logSize = memTableSize

// Create implements vfs.FS.
func (fs logFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.Create(name, category)
	if err != nil || !strings.HasSuffix(name, ".log") {
		return f, err
	}
	zeros := make([]byte, 1<<20)
	for at := int64(0); at < logSize; at += int64(len(zeros)) { // leaves the place where the tree begins to write
		if _, err := f.WriteAt(zeros, at); err != nil {
			return nil, errors.Join(fmt.Errorf("preparing a log: %w", err), f.Close())
		}
	}
	return f, nil
}

// Unwrap implements vfs.FS.
func (fs logFS) Unwrap() vfs.FS { return fs.FS }
