package git

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// syncFolder makes the names in a folder survive a power loss.
func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	err = f.Sync()
	_ = f.Close() // opened for reading only
	if err != nil {
		return fmt.Errorf("sync folder %s: %w", path, err)
	}
	return nil
}

// makeDurableFolder is MkdirAll whose new folders survive a power loss.
func makeDurableFolder(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(path)
	if parent != path {
		if err := makeDurableFolder(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(parent)
}

// writeSynced writes a new file and syncs it.
func writeSynced(path, content string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(content)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// syncRefs makes changes of the references, and packs written before, survive a power loss: git syncs the files, not
// the folders it renames them in. Folders that git removed meanwhile are passed over.
func (r *Repository) syncRefs(refs []string) error {
	folders := map[string]bool{".": true, "objects/pack": true}
	for _, ref := range refs {
		for dir := filepath.Dir(ref); dir != "." && dir != "/"; dir = filepath.Dir(dir) {
			folders[dir] = true
		}
	}
	for dir := range folders {
		if err := syncFolder(filepath.Join(r.dir, dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// syncLoose makes the loose objects' names survive a power loss.
func (r *Repository) syncLoose() error {
	objects := filepath.Join(r.dir, "objects")
	entries, err := os.ReadDir(objects)
	if err != nil {
		return fmt.Errorf("sync objects: %w", err)
	}
	for _, entry := range entries {
		if len(entry.Name()) == 2 {
			if err := syncFolder(filepath.Join(objects, entry.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return syncFolder(objects)
}
