package main

import (
	"archive/zip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWatcher_FindsMarkOverWrites writes a text in pieces that cut the mark apart.
func TestWatcher_FindsMarkOverWrites(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		pieces []string
		found  bool
	}{
		"at once":    {[]string{"a line\nthe mark\n"}, true},
		"cut apart":  {[]string{"xx the m", "a", "rk"}, true},
		"twice":      {[]string{"the mark", "the mark"}, true},
		"only near":  {[]string{"the m", "ork", "mark"}, false},
		"never sent": {nil, false},
	} {
		var out strings.Builder
		w := &watcher{out: &out, mark: "the mark", found: make(chan struct{})}
		for _, p := range c.pieces {
			if n, err := w.Write([]byte(p)); n != len(p) || err != nil {
				t.Errorf("%s: wrote %d, %v", name, n, err)
			}
		}
		found := false
		select {
		case <-w.found:
			found = true
		default:
		}
		if found != c.found || out.String() != strings.Join(c.pieces, "") {
			t.Errorf("%s: found %v, passed on %q", name, found, out.String())
		}
	}
}

// TestUnpack_StaysInItsFolder unpacks a good archive, and one that reaches for the folder above.
func TestUnpack_StaysInItsFolder(t *testing.T) {
	t.Parallel()
	for name, inside := range map[string]bool{"bin/app": true, "../app": false} {
		dir := t.TempDir()
		archive, target := filepath.Join(dir, "a.zip"), filepath.Join(dir, "out")
		file, err := os.Create(archive)
		if err != nil {
			t.Fatal(err)
		}
		w := zip.NewWriter(file)
		header := &zip.FileHeader{Name: name}
		header.SetMode(0o755)
		entry, err := w.CreateHeader(header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := entry.Write([]byte("program")); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(target, 0o755); err != nil {
			t.Fatal(err)
		}
		err = unpack(archive, target)
		if (err == nil) != inside {
			t.Errorf("unpack %s: %v", name, err)
		}
		info, statErr := os.Stat(filepath.Join(target, name))
		if inside && (statErr != nil || info.Mode().Perm() != 0o755) || !inside && statErr == nil {
			t.Errorf("after unpacking %s: %v, %v", name, info, statErr)
		}
	}
}
