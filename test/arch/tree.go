package arch

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// modulePath is what import paths of the product begin with; the nested modules carry it on.
const modulePath = "drydock"

// source is one Go file, parsed.
type source struct {
	name      string // from the root: "service/sqs/queue.go"
	folder    string // "service/sqs"; "." for the root
	test      bool   // a _test.go file
	generated bool   // by its name
	text      []byte
	lines     int
	files     *token.FileSet
	syntax    *ast.File
	imports   []imported
}

type imported struct {
	path  string // as written
	local string // the name it is used by
	line  int
}

// tree is all that the rules look at.
type tree struct {
	roots   []string // entries of the root that are folders
	sources []*source
}

// readTree parses every Go file below fsys, except testdata, and what no build reads.
func readTree(fsys fs.FS) (*tree, error) {
	t := &tree{}
	files := token.NewFileSet()
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := path.Base(name)
		if entry.IsDir() {
			if name == "." {
				return nil
			}
			if !strings.Contains(name, "/") {
				if slices.Contains(uncommitted, name) {
					return fs.SkipDir
				}
				t.roots = append(t.roots, name)
			}
			if name == examples || base == "testdata" || base == "node_modules" || base[0] == '.' || base[0] == '_' {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" || base[0] == '.' || base[0] == '_' {
			return nil
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return fmt.Errorf("read source: %w", err)
		}
		s, err := parseSource(files, name, text)
		if err != nil {
			return err
		}
		t.sources = append(t.sources, s)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

func parseSource(files *token.FileSet, name string, text []byte) (*source, error) {
	s := &source{
		name: name, folder: path.Dir(name), text: text, files: files,
		test: strings.HasSuffix(name, "_test.go"), generated: strings.HasSuffix(name, genSuffix),
		lines: bytes.Count(text, []byte("\n")),
	}
	mode := parser.ParseComments // and resolve names, to tell package time from a variable called so
	if s.generated {
		mode = parser.ParseComments | parser.ImportsOnly // a megabyte of types, no calls
	}
	var err error
	if s.syntax, err = parser.ParseFile(files, name, text, mode); err != nil {
		return nil, fmt.Errorf("parse source: %w", err)
	}
	for _, spec := range s.syntax.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, fmt.Errorf("%s: import path: %w", name, err)
		}
		im := imported{path: p, local: path.Base(p), line: files.Position(spec.Pos()).Line}
		if spec.Name != nil {
			im.local = spec.Name.Name
		}
		s.imports = append(s.imports, im)
	}
	return s, nil
}

// folderOf turns an import path of ours into a folder from the root.
func folderOf(importPath string) (folder string, ours bool) {
	if importPath == modulePath {
		return ".", true
	}
	return strings.CutPrefix(importPath, modulePath+"/")
}

// within tells whether a folder is top or below it.
func within(folder, top string) bool {
	return folder == top || strings.HasPrefix(folder, top+"/")
}

func topOf(folder string) string {
	top, _, _ := strings.Cut(folder, "/")
	return top
}

// supportsTests tells whether a package is named as test support: storetest, servicetest.
func supportsTests(folder string) bool {
	for part := range strings.SplitSeq(folder, "/") {
		if strings.HasSuffix(part, "test") {
			return true
		}
	}
	return false
}
