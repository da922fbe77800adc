package buildspec

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Selection says which files of a build's directory to take. The patterns are those of an artifacts, reports or cache
// block: "*" and "?" stay within a folder's name, "**" goes over folders.
type Selection struct {
	Root         string   // the build's directory in the file system, as fs.FS names it; "" is "."
	Files        []string // relative to the base directory; one that begins with "/" is relative to the file system
	Exclude      []string // relative to the base directory
	Base         string   // one or more top folders of Root, by "my-build*"; "" is Root
	DiscardPaths bool     // files are named without their folders
	KeepLinks    bool     // symbolic links to inside are taken as links; else what they point at is taken
}

// Select returns the selection of an artifacts block.
func (a *Artifacts) Select(root string) Selection {
	return Selection{Root: root, Files: a.Files, Exclude: a.ExcludePaths, Base: a.BaseDirectory, DiscardPaths: a.DiscardPaths, KeepLinks: a.EnableSymlinks}
}

// File is a file that was selected.
type File struct {
	Path string // in the file system, without symbolic links in it
	Name string // in the output: relative to the base directory
	Link string // what the symbolic link says; "" where File is no link
}

// Selected is what was found. Unmatched are the patterns of Files that no file matched, which a build's log names.
type Selected struct {
	Files     []File // ordered by name
	Unmatched []string
}

// The errors of Select, worded as the UPLOAD_ARTIFACTS phase words them.
var (
	ErrNoFiles = errors.New("no matching artifact paths found")
	ErrNoBase  = errors.New("no matching base directory path found")
)

const (
	maxFiles = 500_000
	maxLinks = 40  // as the kernel's
	maxDeep  = 255 // folders below each other
)

// Select finds the files of a selection. It returns an error where the base directory is not there (ErrNoBase), where no
// pattern matched a file (ErrNoFiles), or where the file system fails. Symbolic links that point out of the file system
// are never followed; fsys should be that of an os.Root, so that this holds for whoever opens the files later, too.
func Select(fsys fs.FS, s Selection) (Selected, error) {
	root := path.Clean("/" + s.Root)
	bases, err := baseFolders(fsys, root, s.Base)
	if err != nil {
		return Selected{}, err
	}
	found := map[string]File{}
	var unmatched []string
	for _, pattern := range s.Files {
		matched := false
		for _, base := range bases {
			f := &finder{fsys: fsys, sel: &s, base: base, found: found, seen: map[place]bool{}}
			if err := f.pattern(pattern); err != nil {
				return Selected{}, fmt.Errorf("find the files of %q: %w", pattern, err)
			}
			matched = matched || f.matched
		}
		if !matched {
			unmatched = append(unmatched, pattern)
		}
	}
	out := Selected{Unmatched: unmatched}
	for _, f := range found {
		out.Files = append(out.Files, f)
	}
	slices.SortFunc(out.Files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	if len(out.Files) == 0 {
		return out, ErrNoFiles
	}
	return out, nil
}

// baseFolders returns the folders that a base-directory names, as absolute paths.
func baseFolders(fsys fs.FS, root, base string) ([]string, error) {
	if base == "" {
		return []string{root}, nil
	}
	full := path.Join(root, base)
	if path.IsAbs(base) {
		full = path.Clean(base)
	}
	f := &finder{fsys: fsys, sel: &Selection{}, base: "/", folders: true, found: map[string]File{}, seen: map[place]bool{}}
	if err := f.pattern(full); err != nil {
		return nil, fmt.Errorf("find the base directory %q: %w", base, err)
	}
	var found []string
	for name := range f.found {
		found = append(found, path.Join("/", name))
	}
	slices.Sort(found)
	if len(found) == 0 {
		return nil, fmt.Errorf("%w for %s", ErrNoBase, base)
	}
	return found, nil
}

// place is a folder with what of the pattern is still to match there; each is looked at once.
type place struct {
	folder string
	segs   int
}

type finder struct {
	fsys    fs.FS
	sel     *Selection
	base    string // absolute
	folders bool   // folders are wanted, not files
	matched bool
	found   map[string]File
	seen    map[place]bool
}

func (f *finder) pattern(pattern string) error {
	full := path.Join(f.base, pattern)
	if path.IsAbs(pattern) {
		full = path.Clean(pattern)
	}
	segs := strings.Split(strings.TrimPrefix(full, "/"), "/")
	if segs[len(segs)-1] == "**" {
		segs = append(segs, "*")
	}
	return f.folder("/", "/", segs, 0)
}

// folder matches the segments below one folder: dir is where it is, shown how it was come to.
func (f *finder) folder(dir, shown string, segs []string, depth int) error {
	at := place{shown, len(segs)}
	if f.seen[at] || depth > maxDeep {
		return nil
	}
	f.seen[at] = true
	seg, last := segs[0], len(segs) == 1
	if seg == "**" {
		if err := f.folder(dir, shown, segs[1:], depth); err != nil {
			return err
		}
	} else if !strings.ContainsAny(seg, `*?[\`) {
		return f.entry(dir, shown, seg, segs, depth)
	}
	entries, err := fs.ReadDir(f.fsys, fsName(dir))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		switch {
		case seg == "**":
			if !e.IsDir() && e.Type()&fs.ModeSymlink == 0 {
				continue
			}
		case !matchSegment(seg, e.Name()):
			continue
		case !last && !e.IsDir() && e.Type()&fs.ModeSymlink == 0:
			continue
		}
		if err := f.entry(dir, shown, e.Name(), segs, depth); err != nil {
			return err
		}
	}
	return nil
}

// entry goes on with one entry of a folder whose name matches the first segment.
func (f *finder) entry(folder, shown, name string, segs []string, depth int) error {
	shown = path.Join(shown, name)
	full := path.Join(folder, name)
	info, err := fs.Lstat(f.fsys, fsName(full))
	if err != nil {
		return unlessGone(err)
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		link, err := fs.ReadLink(f.fsys, fsName(full))
		if err != nil {
			return unlessGone(err)
		}
		target, err := resolve(f.fsys, full)
		if err != nil {
			return unlessGone(err)
		}
		if info, err = fs.Stat(f.fsys, fsName(target)); err != nil {
			return unlessGone(err)
		}
		if f.sel.KeepLinks && (len(segs) == 1 || segs[0] == "**") {
			if segs[0] != "**" || matchSegments(segs, []string{name}) {
				return f.add(full, shown, link)
			}
			return nil
		}
		if info.IsDir() && (folder == target || strings.HasPrefix(folder, strings.TrimSuffix(target, "/")+"/")) {
			return nil // a folder above: following it would go round
		}
		full = target
	}
	switch {
	case segs[0] == "**":
		if info.IsDir() {
			return f.folder(full, shown, segs, depth+1)
		}
		return nil
	case len(segs) > 1:
		if info.IsDir() {
			return f.folder(full, shown, segs[1:], depth+1)
		}
		return nil
	case f.folders == info.IsDir() && (f.folders || info.Mode().IsRegular()):
		return f.add(full, shown, "")
	}
	return nil
}

func (f *finder) add(full, shown, link string) error {
	name, inside := strings.CutPrefix(shown, strings.TrimSuffix(f.base, "/")+"/")
	if !inside {
		name = strings.TrimPrefix(shown, "/")
	}
	f.matched = true
	if inside && slices.ContainsFunc(f.sel.Exclude, func(p string) bool { return excludes(p, name) }) {
		return nil
	}
	if f.sel.DiscardPaths {
		name = path.Base(name)
	}
	if len(f.found) >= maxFiles {
		return fmt.Errorf("more than %d files", maxFiles)
	}
	f.found[name] = File{Path: fsName(full), Name: name, Link: link}
	return nil
}

// unlessGone drops the errors of what cannot be a file of the output: it went away, may not be read, or is a symbolic
// link to nothing, out of the file system, or in a circle.
func unlessGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrInvalid) || errors.Is(err, errLink) {
		return nil
	}
	return err
}

// fsName turns an absolute path into what fs.FS calls it.
func fsName(full string) string {
	if full == "/" {
		return "."
	}
	return strings.TrimPrefix(full, "/")
}

var errLink = errors.New("symbolic link leads nowhere")

// resolve follows symbolic links, in any part of the path. Absolute targets are seen from the file system's root, which
// for a machine's own files is the machine's.
func resolve(fsys fs.FS, full string) (string, error) {
	todo := strings.Split(strings.TrimPrefix(full, "/"), "/")
	done := "/"
	for links := 0; len(todo) > 0; {
		name := todo[0]
		todo = todo[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			if done == "/" {
				return "", errLink // out of the file system
			}
			done = path.Dir(done)
			continue
		}
		next := path.Join(done, name)
		info, err := fs.Lstat(fsys, fsName(next))
		if err != nil {
			return "", err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			done = next
			continue
		}
		if links++; links > maxLinks {
			return "", errLink
		}
		target, err := fs.ReadLink(fsys, fsName(next))
		if err != nil {
			return "", err
		}
		if path.IsAbs(target) {
			done = "/"
		}
		todo = append(strings.Split(target, "/"), todo...)
	}
	return done, nil
}

// Match tells whether a path matches a pattern of files or exclude-paths.
func Match(pattern, name string) bool {
	return matchSegments(strings.Split(path.Clean(pattern), "/"), strings.Split(path.Clean(name), "/"))
}

// excludes is Match, but what excludes all below a folder excludes a file of that name as well: AWS's guide excludes
// "**/file-name/**/*".
func excludes(pattern, name string) bool {
	if Match(pattern, name) {
		return true
	}
	whole, ok := strings.CutSuffix(pattern, "/**/*")
	return ok && Match(whole, name)
}

func matchSegments(segs, names []string) bool {
	// Greedy with one point to come back to: a later "**" makes an earlier one's choices irrelevant.
	s, n, backS, backN := 0, 0, -1, 0
	for n < len(names) {
		switch {
		case s < len(segs) && segs[s] == "**" && s == len(segs)-1:
			return true
		case s < len(segs) && segs[s] == "**":
			backS, backN = s, n
			s++
		case s < len(segs) && matchSegment(segs[s], names[n]):
			s++
			n++
		case backS >= 0:
			backN++
			s, n = backS+1, backN
		default:
			return false
		}
	}
	for s < len(segs) && segs[s] == "**" {
		s++
	}
	return s == len(segs)
}

func matchSegment(seg, name string) bool {
	ok, err := path.Match(seg, name)
	if err != nil {
		return seg == name // "[" without its end stands for itself
	}
	return ok
}
