package git

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"drydock/blob/seal"
)

// sealedFolder is a repository as it lies on the disk: the file refs and, under the paths that git gives them, the files
// of the objects. Each is a salt and a stream of package seal under a key of its own, which the repository's key, the
// file's path and the salt make up: so none can be read without the key, changed, or put in another one's place. What
// the names tell, ids of packs and objects, is plain.
type sealedFolder struct {
	dir  string
	keys *seal.RootKey
}

const (
	refsFile  = "refs"
	saltSize  = 16
	tmpPrefix = ".tmp-"
	refsLimit = 256 << 20
)

func (r *Repository) sealed() sealedFolder {
	return sealedFolder{dir: r.engine.path(r.id), keys: r.keys}
}

func (s sealedFolder) path(name string) string { return filepath.Join(s.dir, filepath.FromSlash(name)) }

func (s sealedFolder) key(name string, salt []byte) []byte {
	return s.keys.Derive("git " + name + " " + hex.EncodeToString(salt))
}

// create makes the folder of a repository without objects.
func (s sealedFolder) create() error {
	for _, name := range []string{"", "objects", "objects/pack"} {
		if err := os.Mkdir(s.path(name), 0o700); err != nil {
			return err
		}
	}
	if err := s.writeRefs("ref: " + branchPrefix + defaultHead + "\n\n"); err != nil {
		return err
	}
	return syncFolder(s.path("objects"))
}

// adopt seals what a plain repository has, if it is there.
func (s sealedFolder) adopt(plain string) error {
	refs, err := readRefs(plain)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	files, err := objectFiles(plain)
	if err != nil {
		return err
	}
	for _, name := range inOrder(files) {
		if err := s.close(name, filepath.Join(plain, filepath.FromSlash(name))); err != nil {
			return err
		}
		if err := syncFolder(filepath.Dir(s.path(name))); err != nil {
			return err
		}
	}
	return s.writeRefs(refs)
}

// objects returns the files of the objects and how many bytes they have together. What a crash left of files, or of
// packs, is removed.
func (s sealedFolder) objects() (names []string, size int64, err error) {
	tmp, err := filepath.Glob(s.path(tmpPrefix + "*"))
	if err != nil {
		return nil, 0, err
	}
	for _, path := range tmp {
		if err := os.Remove(path); err != nil {
			return nil, 0, err
		}
	}
	files, err := objectFiles(s.dir)
	if err != nil {
		return nil, 0, err
	}
	for _, n := range files {
		size += n
	}
	packs, err := os.ReadDir(s.path("objects/pack"))
	if err != nil {
		return nil, 0, err
	}
	for _, entry := range packs {
		if _, whole := files["objects/pack/"+entry.Name()]; whole {
			continue
		}
		if err := os.Remove(s.path("objects/pack/" + entry.Name())); err != nil {
			return nil, 0, err
		}
	}
	return inOrder(files), size, nil
}

// objectFiles returns the files of a repository's objects, by path, with their sizes. A pack that git, or a save, has not
// written whole is not among them: its index comes last.
func objectFiles(dir string) (map[string]int64, error) {
	files := map[string]int64{}
	folders, err := os.ReadDir(filepath.Join(dir, "objects"))
	if err != nil {
		return nil, err
	}
	for _, folder := range folders {
		loose := len(folder.Name()) == 2
		if !loose && folder.Name() != "pack" {
			continue
		}
		entries, err := os.ReadDir(filepath.Join(dir, "objects", folder.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // git removes a folder without objects
		}
		if err != nil {
			return nil, err
		}
		has := make(map[string]bool, len(entries))
		for _, entry := range entries {
			has[entry.Name()] = true
		}
		for _, entry := range entries {
			name := entry.Name()
			base, _, _ := strings.Cut(name, ".")
			whole := loose && len(name) == 38 && isHexID(folder.Name()+name) ||
				!loose && packFile[filepath.Ext(name)] && strings.HasPrefix(name, "pack-") && has[base+".pack"] && has[base+".idx"]
			if !whole {
				continue
			}
			info, err := entry.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, err
			}
			files["objects/"+folder.Name()+"/"+name] = info.Size()
		}
	}
	return files, nil
}

// packFile has the extensions of the files that make up a pack.
var packFile = map[string]bool{".pack": true, ".idx": true, ".rev": true, ".bitmap": true, ".mtimes": true}

// inOrder returns the names of files with the indexes of packs, which make them whole, last.
func inOrder(files map[string]int64) []string {
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if x, y := strings.HasSuffix(a, ".idx"), strings.HasSuffix(b, ".idx"); x != y {
			if x {
				return 1
			}
			return -1
		}
		return strings.Compare(a, b)
	})
	return names
}

// close seals the file at path under a name.
func (s sealedFolder) close(name, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // opened for reading only
	return s.write(name, f)
}

// write seals content under a name. It lasts once the folder is synced.
func (s sealedFolder) write(name string, content io.Reader) (err error) {
	token := make([]byte, saltSize)
	rand.Read(token) // never fails
	tmp := s.path(tmpPrefix + hex.EncodeToString(token))
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(tmp)
		}
	}()
	salt := make([]byte, saltSize)
	rand.Read(salt)
	if _, err := f.Write(salt); err != nil {
		return err
	}
	w, err := seal.NewWriter(f, s.key(name, salt))
	if err != nil {
		return err
	}
	_, err = io.Copy(w, content)
	if err := errors.Join(err, w.Close()); err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp, s.path(name)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	folder := filepath.Dir(s.path(name)) // of loose objects
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	if err := os.Rename(tmp, s.path(name)); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(folder))
}

// read opens what is sealed under a name and writes it to w.
func (s sealedFolder) read(name string, w io.Writer, limit int64) error {
	f, err := os.Open(s.path(name))
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // opened for reading only
	info, err := f.Stat()
	if err != nil {
		return err
	}
	salt := make([]byte, saltSize)
	if _, err := f.ReadAt(salt, 0); err != nil {
		return fmt.Errorf("%s: %w", name, seal.ErrCorrupt)
	}
	r, err := seal.NewReaderAt(io.NewSectionReader(f, saltSize, info.Size()-saltSize), info.Size()-saltSize, s.key(name, salt))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if r.Size() > limit {
		return fmt.Errorf("%s has %d bytes: %w", name, r.Size(), ErrTooLarge)
	}
	content := r.Range(0, r.Size())
	_, err = io.Copy(w, content)
	return errors.Join(err, content.Close())
}

// open writes what is sealed under a name into the file at path.
func (s sealedFolder) open(name, path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o400)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil { // of loose objects
			return err
		}
		f, err = os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o400)
	}
	if err != nil {
		return err
	}
	return errors.Join(s.read(name, f, 1<<62), f.Close())
}

// readRefs returns the references: HEAD, a line for each that has a file, an empty line, and packed-refs as git wrote it.
func (s sealedFolder) readRefs() (string, error) {
	var b bytes.Buffer
	err := s.read(refsFile, &b, refsLimit)
	return b.String(), err
}

// writeRefs replaces the references. They last when it returns.
func (s sealedFolder) writeRefs(refs string) error {
	if err := s.write(refsFile, strings.NewReader(refs)); err != nil {
		return err
	}
	return syncFolder(s.dir)
}

// readRefs returns the references of a repository of git's, as readRefs of a sealed one does.
func readRefs(dir string) (string, error) {
	head, err := os.ReadFile(filepath.Join(dir, "HEAD"))
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.Write(head)
	// Files first: one that git packs meanwhile is in packed-refs when that is read.
	err = filepath.WalkDir(filepath.Join(dir, "refs"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(path, ".lock") {
			return ignore(err, fs.ErrNotExist)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return ignore(err, fs.ErrNotExist)
		}
		name, err := filepath.Rel(dir, path)
		b.WriteString(strings.TrimSuffix(string(content), "\n") + " " + filepath.ToSlash(name) + "\n")
		return err
	})
	if err != nil {
		return "", err
	}
	packed, err := os.ReadFile(filepath.Join(dir, "packed-refs"))
	if err := ignore(err, fs.ErrNotExist); err != nil {
		return "", err
	}
	b.WriteByte('\n')
	b.Write(packed)
	return b.String(), nil
}

func ignore(err, target error) error {
	if errors.Is(err, target) {
		return nil
	}
	return err
}

// writeRefs writes references as git keeps them.
func writeRefs(dir, refs string) error {
	files, packed, found := strings.Cut(refs, "\n\n")
	if !found {
		return fmt.Errorf("references: %w", seal.ErrCorrupt)
	}
	head, files, _ := strings.Cut(files, "\n")
	if err := os.WriteFile(filepath.Join(dir, "HEAD"), []byte(head+"\n"), 0o600); err != nil {
		return err
	}
	for line := range strings.Lines(files) {
		line = strings.TrimSuffix(line, "\n")
		end := strings.LastIndexByte(line, ' ')
		if end < 0 {
			return fmt.Errorf("references: %w", seal.ErrCorrupt)
		}
		path := filepath.Join(dir, filepath.FromSlash(line[end+1:]))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(line[:end]+"\n"), 0o600); err != nil {
			return err
		}
	}
	if packed == "" {
		return nil
	}
	return os.WriteFile(filepath.Join(dir, "packed-refs"), []byte(packed), 0o600)
}
