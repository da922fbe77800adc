package git

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestMemory_FoldersOfKilledProcessesAreRemoved(t *testing.T) {
	t.Parallel()
	var m memory
	path := m.folder()
	if path == "" {
		t.Log("the host has no memory file system")
		return
	}
	killed := path + "-killed" // which no process has locked
	if err := os.Mkdir(killed, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(killed, "pack"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	linked := filepath.Join(filepath.Dir(path), memoryPrefix()+filepath.Base(t.TempDir())+"-link")
	if err := os.Symlink(t.TempDir(), linked); err != nil {
		t.Fatal(err)
	}
	sweepMemory()
	if _, err := os.Stat(killed); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what a killed process left: %v", err)
	}
	for _, kept := range []string{path, linked} {
		if _, err := os.Lstat(kept); err != nil {
			t.Error(err)
		}
	}
	if err := errors.Join(os.Remove(linked), m.close()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after close: %v", err)
	}
}
