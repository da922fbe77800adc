// Package examples carries the sample programs in this folder inside the binary, so that a demonstration needs no
// checkout. The samples are programs of users: they know nothing of drydock.
package examples

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

//go:embed hello
var files embed.FS

// helloModule makes a module of the hello sample. It cannot stand beside it as go.mod: what lies below a go.mod belongs
// to another module, and cannot be embedded.
const helloModule = "module hello\n\ngo 1.22\n"

// WriteHello writes the sample hello, a Go program with a test and a buildspec.yml, into the folder dir, making the
// folder if it is missing. It replaces files of the same names and leaves others alone.
func WriteHello(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("folder of the sample: %w", err)
	}
	sample, err := fs.Sub(files, "hello")
	if err != nil {
		return fmt.Errorf("sample hello: %w", err)
	}
	entries, err := fs.ReadDir(sample, ".")
	if err != nil {
		return fmt.Errorf("sample hello: %w", err)
	}
	content := map[string][]byte{"go.mod": []byte(helloModule)}
	for _, e := range entries {
		if content[e.Name()], err = fs.ReadFile(sample, e.Name()); err != nil {
			return fmt.Errorf("sample hello: %w", err)
		}
	}
	for name, text := range content {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return fmt.Errorf("write the sample: %w", err)
		}
	}
	return nil
}
