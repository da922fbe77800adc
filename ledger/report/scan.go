package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// claim is one id of one call of ledger.Covers.
type claim struct {
	id   string
	test string // the function that makes the call
	file string // relative to the root
	line int
}

func (c claim) where() string { return fmt.Sprintf("%s:%d", c.file, c.line) }

const ledgerPath = "drydock/ledger"

// scan finds the calls of ledger.Covers in all test files of a source tree. Calls that it cannot read, because an id is
// not a literal or no test function makes them, are returned as problems.
func scan(tree fs.FS) (claims []claim, problems []string, err error) {
	err = fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			base := path.Base(name)
			if name != "." && (base == "testdata" || base == "node_modules" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_")) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, "_test.go") {
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return fmt.Errorf("read test file: %w", err)
		}
		c, p, err := scanFile(name, text)
		claims, problems = append(claims, c...), append(problems, p...)
		return err
	})
	return claims, problems, err
}

func scanFile(name string, text []byte) (claims []claim, problems []string, err error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, nil, fmt.Errorf("parse test file: %w", err)
	}
	local := localName(file)
	if local == "" {
		return nil, nil, nil
	}
	for _, decl := range file.Decls {
		fn, isFunc := decl.(*ast.FuncDecl)
		ast.Inspect(decl, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || !isCovers(call, local) {
				return true
			}
			line := files.Position(call.Pos()).Line
			if !isFunc || !isTest(fn) {
				problems = append(problems, fmt.Sprintf("%s:%d: ledger.Covers is called outside a Test or Fuzz function", name, line))
				return true
			}
			for _, arg := range call.Args[min(1, len(call.Args)):] {
				lit, ok := arg.(*ast.BasicLit)
				if !ok || lit.Kind != token.STRING {
					problems = append(problems, fmt.Sprintf("%s:%d: ledger.Covers wants literal ids", name, line))
					continue
				}
				id, err := strconv.Unquote(lit.Value)
				if err != nil {
					problems = append(problems, fmt.Sprintf("%s:%d: %v", name, line, err))
					continue
				}
				claims = append(claims, claim{id: id, test: fn.Name.Name, file: name, line: line})
			}
			return true
		})
	}
	return claims, problems, nil
}

// localName is what the file calls package ledger, or "" where it does not import it.
func localName(file *ast.File) string {
	for _, spec := range file.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err != nil || p != ledgerPath {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return "ledger"
	}
	return ""
}

func isCovers(call *ast.CallExpr, local string) bool {
	if id, ok := call.Fun.(*ast.Ident); ok {
		return local == "." && id.Name == "Covers"
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != "Covers" {
		return false
	}
	pkg, ok := sel.X.(*ast.Ident)
	return ok && pkg.Name == local
}

func isTest(fn *ast.FuncDecl) bool {
	return fn.Recv == nil && (strings.HasPrefix(fn.Name.Name, "Test") || strings.HasPrefix(fn.Name.Name, "Fuzz"))
}
