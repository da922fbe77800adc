package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
)

// Coverage is what drydock carries out of one API.
type Coverage struct {
	// Service is the package, Name the service's name in prose.
	Service, Name string
	// Version is the date of the API.
	Version string
	// Implemented and Missing are the operations, in the order of their names.
	Implemented, Missing []string
	// ResourceTypes are its types in the registry.
	ResourceTypes []string
}

// CoverageOf lists the operations of every API, carried out or not, from the tables of the services.
func CoverageOf(ctx context.Context) (list []Coverage, err error) {
	c, err := Open(ctx, Config{Ephemeral: true, Machine: "process"}, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.close(ctx)) }()
	for _, m := range c.Modules {
		bound := map[string]bool{}
		for _, h := range m.Operations {
			bound[h.Operation.Name] = true
		}
		entry := Coverage{Service: m.API.Package, Name: m.API.FullName, Version: m.API.Version}
		for _, op := range m.API.Operations {
			if bound[op.Name] {
				entry.Implemented = append(entry.Implemented, op.Name)
			} else {
				entry.Missing = append(entry.Missing, op.Name)
			}
		}
		for _, t := range m.Resources {
			entry.ResourceTypes = append(entry.ResourceTypes, t.Name)
		}
		list = append(list, entry)
	}
	return list, nil
}

// WriteCoverage writes a page for each service, and an index, into a folder.
func WriteCoverage(list []Coverage, dir string) error {
	var index strings.Builder
	index.WriteString("# Services\n\nWritten by `drydock coverage --docs docs/services` from the services' tables. What is not listed as\n" +
		"implemented answers `501 NotImplemented` by name.\n\n| service | operations | of |\n|---|---:|---:|\n")
	for _, c := range list {
		fmt.Fprintf(&index, "| [%s](%s.md) | %d | %d |\n", c.Name, c.Service, len(c.Implemented), len(c.Implemented)+len(c.Missing))
		if err := os.WriteFile(filepath.Join(dir, c.Service+".md"), []byte(c.page()), 0o644); err != nil {
			return fmt.Errorf("write coverage: %w", err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "README.md"), []byte(index.String()), 0o644); err != nil {
		return fmt.Errorf("write coverage: %w", err)
	}
	return nil
}

func (c Coverage) page() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\nAPI version %s. What the service does and does not do is said in `service/%s/doc.go`.\n", c.Name, c.Version, folderOf(c.Service))
	section := func(title string, names []string) {
		if len(names) == 0 {
			return
		}
		fmt.Fprintf(&b, "\n## %s (%d)\n\n", title, len(names))
		for _, name := range names {
			b.WriteString("- " + name + "\n")
		}
	}
	section("Implemented", c.Implemented)
	section("Not implemented", c.Missing)
	section("Resource types", c.ResourceTypes)
	return b.String()
}

// folderOf is the folder below service that carries an API out: that of its package, except where two APIs share one.
func folderOf(api string) string {
	if api == "s3control" {
		return "s3"
	}
	return api
}
