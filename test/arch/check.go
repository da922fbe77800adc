package arch

import (
	"cmp"
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"
)

// violation is one place where the tree breaks a rule.
type violation struct {
	rule string // roots, layer, importer, support, http, clock, doc, length, generated, holds
	file string // or the folder
	line int    // 0 where the whole is meant
	text string
}

func (v violation) String() string {
	return fmt.Sprintf("%s:%d: [%s] %s", v.file, v.line, v.rule, v.text)
}

// check holds a tree to all rules.
func check(t *tree) []violation {
	var found []violation
	add := func(rule, file string, line int, format string, args ...any) {
		found = append(found, violation{rule, file, line, fmt.Sprintf(format, args...)})
	}
	for _, root := range t.roots {
		if !slices.Contains(roots, root) {
			add("roots", root, 0, "a new folder in the root is a decision: record it in docs/adr/ and in roots")
		}
	}
	for _, s := range t.sources {
		if s.folder == "." {
			add("roots", s.name, 0, "no Go file stands in the root")
			continue
		}
		checkImports(s, add)
		checkGenerated(s, add)
		if s.generated {
			continue
		}
		checkClock(s, add)
		if s.lines > maxLines {
			add("length", s.name, 0, "%d lines, more than %d", s.lines, maxLines)
		}
	}
	checkDocs(t, add)
	checkHolds(t, add)
	slices.SortFunc(found, func(a, b violation) int {
		return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.line, b.line), cmp.Compare(a.rule, b.rule))
	})
	return found
}

type adder func(rule, file string, line int, format string, args ...any)

func checkImports(s *source, add adder) {
	l, ok := layerOf(s.folder)
	if !ok {
		add("layer", s.name, 0, "no layer has the folder %s", s.folder)
		return
	}
	for _, im := range s.imports {
		if im.path == "net/http" || strings.HasPrefix(im.path, "net/http/") {
			checkHTTP(s, im, add)
		}
		if im.path == "testing" && !s.test && !supportsTests(s.folder) && topOf(s.folder) != "ledger" {
			add("support", s.name, im.line, "only tests and test support import testing")
		}
		folder, ours := folderOf(im.path)
		if !ours {
			continue
		}
		if supportsTests(folder) && topOf(folder) != "test" && !s.test && !supportsTests(s.folder) {
			add("support", s.name, im.line, "%s is test support; only tests import it", folder)
		}
		for _, rule := range importers {
			if within(folder, rule.folder) && !slices.ContainsFunc(rule.by, func(by string) bool { return within(s.folder, by) }) {
				add("importer", s.name, im.line, "%s imports %s: %s", s.folder, folder, rule.reason)
			}
		}
		if !mayImport(l, s, folder) {
			add("layer", s.name, im.line, "%s imports %s: %s", s.folder, folder, l.reason)
		}
	}
}

// layerOf returns the layer with the longest folder that holds the package.
func layerOf(folder string) (layer, bool) {
	var best layer
	longest := -1
	for _, l := range layers {
		for _, f := range l.folders {
			if within(folder, f) && len(f) > longest {
				best, longest = l, len(f)
			}
		}
	}
	return best, longest >= 0
}

func mayImport(l layer, s *source, folder string) bool {
	if sibling(l, s.folder, folder) {
		return true
	}
	allowed := l.imports
	if s.test {
		allowed = slices.Concat(l.imports, l.tests, []string{"ledger"})
		if supportsTests(folder) && slices.Contains(l.imports, topOf(folder)) {
			return true
		}
	}
	for _, a := range allowed {
		switch {
		case a == "*", a == contract && folder == "service":
			return true
		case a == "service":
			// only service/all: the services themselves, not what is beside them
			if within(folder, "service") && folder != "service" && folder != "service/servicetest" {
				return true
			}
		case within(folder, a):
			return true
		}
	}
	return false
}

// sibling tells whether two packages belong together, so that one may import the other whatever the layers say: they
// stand below one top folder or, where the layer keeps packages apart, below one folder of that.
func sibling(l layer, from, to string) bool {
	if topOf(from) != topOf(to) {
		return false
	}
	if !slices.Contains([]string{"service", "cmd"}, topOf(from)) && !l.apart {
		return true
	}
	second := func(folder string) string {
		parts := strings.SplitN(folder, "/", 3)
		return strings.Join(parts[:min(2, len(parts))], "/")
	}
	return second(from) == second(to)
}

func checkHTTP(s *source, im imported, add adder) {
	if s.test || topOf(s.folder) != "service" || supportsTests(s.folder) {
		return
	}
	for folder := s.folder; ; folder = path.Dir(folder) {
		if _, ok := httpServices[folder]; ok && (folder != "service" || s.folder == "service") {
			return
		}
		if folder == "service" {
			break
		}
	}
	add("http", s.name, im.line, "%s imports %s and is not in httpServices: services see operations, not requests", s.folder, im.path)
}

func checkClock(s *source, add adder) {
	if within(s.folder, "clock") {
		return
	}
	banned := map[string]imported{} // by local name
	for _, im := range s.imports {
		if _, ok := wallClock[im.path]; !ok {
			continue
		}
		if im.local == "." {
			add("clock", s.name, im.line, "a dot import of %s hides its calls", im.path)
		}
		banned[im.local] = im
	}
	if len(banned) == 0 {
		return
	}
	ast.Inspect(s.syntax, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		pkg, ok := sel.X.(*ast.Ident)
		if !ok || pkg.Obj != nil { // a variable of that name
			return true
		}
		im, ok := banned[pkg.Name]
		if ok && slices.Contains(wallClock[im.path], sel.Sel.Name) {
			add("clock", s.name, s.files.Position(sel.Pos()).Line, "%s.%s is the machine's time; use package clock", im.path, sel.Sel.Name)
		}
		return true
	})
}

func checkGenerated(s *source, add adder) {
	begins := strings.HasPrefix(string(s.text), generatedHeader+"\n")
	switch {
	case s.generated && !begins:
		add("generated", s.name, 1, "a file named *%s begins with %q", genSuffix, generatedHeader)
	case !s.generated && ast.IsGenerated(s.syntax):
		add("generated", s.name, 1, "a generated file is named *%s", genSuffix)
	}
}

// checkHolds wants a service that makes blobs to say which it holds: the sweep after a start deletes all others.
func checkHolds(t *tree, add adder) {
	made := map[string]violation{} // the first place in each folder
	holds := map[string]bool{}
	for _, s := range t.sources {
		if s.test || topOf(s.folder) != "service" || supportsTests(s.folder) {
			continue
		}
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Holds" {
					holds[s.folder] = true
				}
			case *ast.SelectorExpr:
				inner, ok := n.X.(*ast.SelectorExpr)
				if _, seen := made[s.folder]; ok && !seen && inner.Sel.Name == "Blobs" && n.Sel.Name == "Create" {
					made[s.folder] = violation{file: s.name, line: s.files.Position(n.Pos()).Line}
				}
			}
			return true
		})
	}
	for folder, at := range made {
		if !holds[folder] {
			add("holds", at.file, at.line, "%s makes blobs and its module has no Holds: a sweep would delete them", folder)
		}
	}
}

// checkDocs wants a comment on every package, in one of its files: in a folder of nothing but tests, in one of those.
func checkDocs(t *tree, add adder) {
	documented := map[string]bool{}
	var folders []string
	for _, s := range t.sources {
		if _, ok := documented[s.folder]; !ok {
			folders = append(folders, s.folder)
			documented[s.folder] = false
		}
		if s.syntax.Doc != nil && len(strings.Fields(s.syntax.Doc.Text())) > 3 {
			documented[s.folder] = true
		}
	}
	for _, folder := range folders {
		if !documented[folder] && folder != "." {
			add("doc", folder, 0, "no file of the package says what it is for")
		}
	}
}
