package buildspec

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func tree(names ...string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for _, name := range names {
		if link, target, ok := strings.Cut(name, " -> "); ok {
			fsys[link] = &fstest.MapFile{Data: []byte(target), Mode: fs.ModeSymlink | 0o777}
			continue
		}
		fsys[name] = &fstest.MapFile{Data: []byte(name), Mode: 0o644}
	}
	return fsys
}

// names are the selected files: the name in the output, and where it differs the path, or the link.
func names(s Selected) []string {
	var all []string
	for _, f := range s.Files {
		switch {
		case f.Link != "":
			all = append(all, f.Name+" -> "+f.Link)
		case f.Name != f.Path:
			all = append(all, f.Name+" = "+f.Path)
		default:
			all = append(all, f.Name)
		}
	}
	return all
}

func TestSelect(t *testing.T) {
	t.Parallel()
	guide := tree("my-build1/my-file1.txt", "my-build2/my-file2.txt", "my-build2/my-subdirectory/my-file3.txt", "top.txt")
	app := tree("app.jar", "target/app.jar", "target/lib/a.jar", "target/lib/deep/b.jar", "target/.cache/x", ".git/HEAD", ".env", "README.md", "a[1].txt")
	linked := tree("src/a.txt", "src/in -> a.txt", "src/folder -> ../lib", "lib/l.txt", "src/out -> /etc/passwd", "src/up -> ../../x",
		"src/round -> .", "src/broken -> nothing", "src/loop1 -> loop2", "src/loop2 -> loop1")
	for name, c := range map[string]struct {
		fsys fs.FS
		sel  Selection
		want []string
	}{
		"the guide's base directory": {guide, Selection{Files: []string{"*/my-file3.txt"}, Base: "my-build2"},
			[]string{"my-subdirectory/my-file3.txt = my-build2/my-subdirectory/my-file3.txt"}},
		"the guide's base directories, discarding paths": {guide, Selection{Files: []string{"**/*"}, Base: "my-build*", DiscardPaths: true},
			[]string{"my-file1.txt = my-build1/my-file1.txt", "my-file2.txt = my-build2/my-file2.txt", "my-file3.txt = my-build2/my-subdirectory/my-file3.txt"}},
		"a file":                        {app, Selection{Files: []string{"app.jar"}}, []string{"app.jar"}},
		"a file said from here":         {app, Selection{Files: []string{"./target/app.jar"}}, []string{"target/app.jar"}},
		"a file in a folder":            {app, Selection{Files: []string{"target/app.jar"}}, []string{"target/app.jar"}},
		"files of one folder only":      {app, Selection{Files: []string{"target/*"}}, []string{"target/app.jar"}},
		"a wildcard in a name":          {app, Selection{Files: []string{"*.jar"}}, []string{"app.jar"}},
		"any depth":                     {app, Selection{Files: []string{"**/*.jar"}}, []string{"app.jar", "target/app.jar", "target/lib/a.jar", "target/lib/deep/b.jar"}},
		"all below a folder":            {app, Selection{Files: []string{"target/**/*"}}, []string{"target/.cache/x", "target/app.jar", "target/lib/a.jar", "target/lib/deep/b.jar"}},
		"all below, shorter":            {app, Selection{Files: []string{"target/lib/**"}}, []string{"target/lib/a.jar", "target/lib/deep/b.jar"}},
		"two patterns, one file":        {app, Selection{Files: []string{"target/app.jar", "target/*.jar"}}, []string{"target/app.jar"}},
		"dot files too":                 {app, Selection{Files: []string{"**/*"}, Exclude: []string{"target/**", "*.*"}}, []string{".git/HEAD"}},
		"the guide's dot folders":       {app, Selection{Files: []string{"**/*"}, Exclude: []string{"**/.*/**/*", "**/*.jar"}}, []string{"README.md", "a[1].txt"}},
		"the guide's file anywhere":     {app, Selection{Files: []string{"**/*"}, Exclude: []string{"**/app.jar/**/*", "**/.*/**/*", "target/lib/**"}}, []string{"README.md", "a[1].txt"}},
		"excluded relative to the base": {app, Selection{Files: []string{"**/*"}, Base: "target/lib", Exclude: []string{"deep/*"}}, []string{"a.jar = target/lib/a.jar"}},
		"below a root":                  {app, Selection{Root: "target", Files: []string{"lib/*"}}, []string{"lib/a.jar = target/lib/a.jar"}},
		"from the file system's root":   {app, Selection{Root: "target/lib", Files: []string{"/README.md"}}, []string{"README.md"}},
		"out of the root":               {app, Selection{Root: "target/lib", Files: []string{"../app.jar", "../../../../README.md"}}, []string{"README.md", "target/app.jar"}},
		"links followed":                {linked, Selection{Root: "src", Files: []string{"**/*"}}, []string{"a.txt = src/a.txt", "folder/l.txt = lib/l.txt", "in = src/a.txt"}},
		"links kept":                    {linked, Selection{Root: "src", Files: []string{"**/*"}, KeepLinks: true}, []string{"a.txt = src/a.txt", "folder -> ../lib", "in -> a.txt", "round -> ."}},
		"a link named":                  {linked, Selection{Root: "src", Files: []string{"in"}}, []string{"in = src/a.txt"}},
		"through a linked folder":       {linked, Selection{Root: "src", Files: []string{"folder/*"}}, []string{"folder/l.txt = lib/l.txt"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Select(c.fsys, c.sel)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, names(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSelect_SaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	fsys := tree("dist/index.html")
	got, err := Select(fsys, Selection{Files: []string{"dist/*", "foo.json"}})
	if err != nil || len(got.Unmatched) != 1 || got.Unmatched[0] != "foo.json" {
		t.Errorf("got %v, %v; want foo.json unmatched", got, err)
	}
	if _, err = Select(fsys, Selection{Files: []string{"foo.json"}}); !errors.Is(err, ErrNoFiles) {
		t.Errorf("error %v, want ErrNoFiles", err)
	}
	if _, err = Select(fsys, Selection{Files: []string{"dist"}}); !errors.Is(err, ErrNoFiles) {
		t.Errorf("a folder alone: error %v, want ErrNoFiles", err)
	}
	_, err = Select(fsys, Selection{Files: []string{"**/*"}, Base: "build"})
	if !errors.Is(err, ErrNoBase) || err.Error() != "no matching base directory path found for build" {
		t.Errorf("error %v, want ErrNoBase naming it", err)
	}
}

func TestSelect_OnDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	outside := filepath.Join(t.TempDir(), "secret")
	for name, link := range map[string]string{filepath.Join(dir, "real.txt"): "", outside: "", filepath.Join(dir, "leak"): outside} {
		if link != "" {
			if err := os.Symlink(link, name); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, keep := range []bool{false, true} {
		got, err := Select(root.FS(), Selection{Files: []string{"**/*"}, KeepLinks: keep})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"real.txt"}, names(got)); diff != "" {
			t.Errorf("keep links %v: %s", keep, diff)
		}
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("**/*.jar", "a/b/c.jar")
	f.Add("**/a/**/b/**", "a/a/b/b")
	f.Add("[", "[")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		got := Match(pattern, name)
		if want := slowMatch(strings.Split(cleanPath(pattern), "/"), strings.Split(cleanPath(name), "/"), 0); want != unknown && got != (want == yes) {
			t.Errorf("Match(%q, %q) = %v", pattern, name, got)
		}
	})
}
