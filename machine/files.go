package machine

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// locate finds the host folder that holds the machine's path p, and p's place in it.
func (m *Machine) locate(p string) (base, rel string, err error) {
	if !path.IsAbs(p) || strings.ContainsRune(p, 0) {
		return "", "", fmt.Errorf("path %q in machine %s is not absolute: %w", p, m.spec.ID, ErrInvalid)
	}
	p = path.Clean(p)
	base, rel = m.instance.Root(), strings.TrimPrefix(p, "/")
	longest := 0
	for _, mount := range m.spec.Mounts {
		target := path.Clean(mount.Target)
		if (p == target || strings.HasPrefix(p, target+"/")) && len(target) > longest {
			longest = len(target)
			base, rel = mount.Source, strings.TrimPrefix(strings.TrimPrefix(p, target), "/")
		}
	}
	if rel == "" {
		rel = "."
	}
	return base, filepath.FromSlash(rel), nil
}

// OpenRoot opens a folder of the machine, given by its absolute path there, from the host. Whatever is done through the
// os.Root stays in that folder's tree even while the machine's code moves things and plants links. The host's own files
// that the driver shows in the machine (/usr ...) are not seen. The caller closes it.
func (m *Machine) OpenRoot(p string) (*os.Root, error) {
	base, rel, err := m.locate(p)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(base)
	if err != nil || rel == "." {
		return root, err
	}
	defer root.Close()
	return root.OpenRoot(rel)
}

// HostPath returns the host's name for the machine's absolute path p, which need not exist as long as its folder does.
// A path that leads out of the machine by a symbolic link, or by an absolute one at all, is refused. The answer is true
// when it is given: use it for tools that need a name while no code of the machine runs, and OpenRoot otherwise.
func (m *Machine) HostPath(p string) (string, error) {
	base, rel, err := m.locate(p)
	if err != nil {
		return "", err
	}
	if info, err := os.Stat(base); err == nil && !info.IsDir() && rel == "." { // a mounted file
		return base, nil
	}
	root, err := os.OpenRoot(base)
	if err != nil {
		return "", fmt.Errorf("host path of %q: %w", p, err)
	}
	defer root.Close()
	_, err = root.Stat(rel)
	if errors.Is(err, fs.ErrNotExist) {
		if _, linkErr := root.Lstat(rel); linkErr == nil {
			return "", fmt.Errorf("host path of %q: it is a link to nowhere: %w", p, err)
		}
		_, err = root.Stat(filepath.Dir(rel))
	}
	if err != nil {
		return "", fmt.Errorf("host path of %q: %w", p, err)
	}
	return filepath.Join(base, rel), nil
}

// CopyIn unpacks a tar stream into the machine's folder p, which is made if it is missing. Names and links that lead out
// of the folder are an error. Files belong to the machine's root; owners in the stream, devices and sockets are ignored.
func (m *Machine) CopyIn(ctx context.Context, p string, stream io.Reader) error {
	if err := m.copyIn(ctx, p, stream); err != nil {
		return fmt.Errorf("copy into %q of machine %s: %w", p, m.spec.ID, err)
	}
	return nil
}

func (m *Machine) copyIn(ctx context.Context, p string, stream io.Reader) error {
	base, rel, err := m.locate(p)
	if err != nil {
		return err
	}
	top, err := os.OpenRoot(base)
	if err != nil {
		return err
	}
	defer top.Close()
	if err := top.MkdirAll(rel, 0o755); err != nil {
		return err
	}
	root, err := top.OpenRoot(rel)
	if err != nil {
		return err
	}
	defer root.Close()
	for archive := tar.NewReader(stream); ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		header, err := archive.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := unpack(root, header, archive); err != nil {
			return err
		}
	}
}

func unpack(root *os.Root, header *tar.Header, content io.Reader) error {
	name := filepath.FromSlash(path.Clean(header.Name))
	if !filepath.IsLocal(name) {
		return fmt.Errorf("name %q leads out of the folder: %w", header.Name, ErrInvalid)
	}
	mode := header.FileInfo().Mode().Perm()
	if header.Typeflag == tar.TypeDir {
		if err := root.MkdirAll(name, 0o755); err != nil || name == "." {
			return err
		}
		return root.Chmod(name, mode|0o700)
	}
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	switch header.Typeflag {
	case tar.TypeReg:
		if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) { // never written through a link
			return err
		}
		f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, content)
		return errors.Join(err, f.Chmod(mode), f.Close(), root.Chtimes(name, header.ModTime, header.ModTime))
	case tar.TypeSymlink:
		target := path.Join(path.Dir(path.Clean(header.Name)), header.Linkname)
		if path.IsAbs(header.Linkname) || !filepath.IsLocal(filepath.FromSlash(target)) {
			return fmt.Errorf("link %q to %q leads out of the folder: %w", header.Name, header.Linkname, ErrInvalid)
		}
		return root.Symlink(header.Linkname, name)
	case tar.TypeLink:
		return root.Link(filepath.FromSlash(path.Clean(header.Linkname)), name)
	default:
		return nil
	}
}

// CopyOut writes the machine's file or folder p as a tar stream; names in it are relative to p, or p's last element if
// it is a file. Links are copied as links, sockets and devices are left out. A file that grows while it is copied is
// cut at the size it had.
func (m *Machine) CopyOut(ctx context.Context, p string, stream io.Writer) error {
	if err := m.copyOut(ctx, p, stream); err != nil {
		return fmt.Errorf("copy from %q of machine %s: %w", p, m.spec.ID, err)
	}
	return nil
}

func (m *Machine) copyOut(ctx context.Context, p string, stream io.Writer) error {
	base, rel, err := m.locate(p)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(base)
	if err != nil {
		return err
	}
	defer root.Close()
	info, err := root.Stat(rel)
	if err != nil {
		return err
	}
	top := rel
	if !info.IsDir() {
		top = filepath.Dir(rel)
	}
	archive := tar.NewWriter(stream)
	err = fs.WalkDir(root.FS(), filepath.ToSlash(rel), func(name string, entry fs.DirEntry, err error) error {
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		return pack(archive, root, top, filepath.FromSlash(name), entry)
	})
	return errors.Join(err, archive.Close())
}

func pack(archive *tar.Writer, root *os.Root, top, name string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if errors.Is(err, fs.ErrNotExist) { // removed meanwhile
		return nil
	}
	if err != nil {
		return err
	}
	relative, err := filepath.Rel(top, name)
	if err != nil {
		return err
	}
	link := ""
	switch {
	case relative == ".":
		return nil
	case info.Mode()&fs.ModeSymlink != 0:
		if link, err = root.Readlink(name); err != nil {
			return err
		}
	case !info.IsDir() && !info.Mode().IsRegular():
		return nil
	}
	header, err := tar.FileInfoHeader(info, link)
	if err != nil {
		return err
	}
	header.Name = filepath.ToSlash(relative)
	if info.IsDir() {
		header.Name += "/"
	}
	if !info.Mode().IsRegular() {
		return archive.WriteHeader(header)
	}
	f, err := root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	if _, err := io.Copy(archive, io.LimitReader(f, header.Size)); err != nil {
		return fmt.Errorf("%s: %w", relative, err)
	}
	return nil
}
