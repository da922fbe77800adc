package arch

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// TestTree holds drydock's own source to the rules.
func TestTree(t *testing.T) {
	t.Parallel()
	fsys := os.DirFS("../..")
	if _, err := fs.Stat(fsys, "go.mod"); err != nil {
		t.Fatalf("find the root of the tree: %v", err)
	}
	tr, err := readTree(fsys)
	if err != nil {
		t.Fatal(err)
	}
	if len(tr.sources) < 10 {
		t.Fatalf("only %d Go files below the root", len(tr.sources))
	}
	for _, v := range check(tr) {
		t.Error(v)
	}
	for _, s := range tr.sources {
		if !s.generated && s.lines > aimLines {
			t.Logf("%s: %d lines; about %d are aimed at", s.name, s.lines, aimLines)
		}
	}
}

// TestRules_Fire holds small trees that break each rule to the rules: a check that cannot fail says nothing. A case is
// an archive in testdata; its comment lists the violations, as "rule file:line", that must be found, and no others.
func TestRules_Fire(t *testing.T) {
	t.Parallel()
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	fired := map[string]bool{}
	for _, name := range cases {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		tree := fstest.MapFS{}
		for _, f := range archive.Files {
			tree[f.Name] = &fstest.MapFile{Data: f.Data}
		}
		var want []string
		for line := range strings.Lines(string(archive.Comment)) {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				want = append(want, line)
			}
		}
		tr, err := readTree(tree)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var got []string
		for _, v := range check(tr) {
			fired[v.rule] = true
			place, _, _ := strings.Cut(v.String(), ": ")
			got = append(got, v.rule+" "+place)
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: violations, wanted (-) and found (+):\n%s", name, diff)
		}
	}
	for rule := range strings.FieldsSeq("roots layer importer support http clock doc generated") {
		if !fired[rule] {
			t.Errorf("no case breaks the rule %q", rule)
		}
	}
}

// TestRules_EveryLayerFires breaks the layering once for each layer that may not import everything.
func TestRules_EveryLayerFires(t *testing.T) {
	t.Parallel()
	for _, l := range layers {
		for _, folder := range l.folders {
			if len(l.imports) == 1 && l.imports[0] == "*" {
				continue
			}
			forbidden := "gateway/secret"
			if topOf(folder) == "gateway" || slices.Contains(l.imports, "gateway") {
				forbidden = "service/sqs"
			}
			from := folder + "/inner"
			tree := fstest.MapFS{from + "/x.go": {Data: []byte("// Package x is there to be found out.\npackage x\n\nimport _ \"drydock/" + forbidden + "\"\n")}}
			tr, err := readTree(tree)
			if err != nil {
				t.Fatal(err)
			}
			if got := check(tr); len(got) != 1 || got[0].rule != "layer" {
				t.Errorf("%s imports %s: found %v, want one violation of the layers", from, forbidden, got)
			}
		}
	}
}

// TestRules_FileOverTheLimit makes its files here, because they are long.
func TestRules_FileOverTheLimit(t *testing.T) {
	t.Parallel()
	text := "// Package aws is a long one, too long.\npackage aws\n"
	long := text + strings.Repeat("\n", maxLines-1)
	tree := fstest.MapFS{
		"aws/fits.go":     {Data: []byte(text + strings.Repeat("\n", maxLines-2))},
		"aws/long.go":     {Data: []byte(long)},
		"aws/long_gen.go": {Data: []byte(generatedHeader + "\n\n" + long)},
	}
	tr, err := readTree(tree)
	if err != nil {
		t.Fatal(err)
	}
	if got := check(tr); len(got) != 1 || got[0].rule != "length" || got[0].file != "aws/long.go" {
		t.Errorf("found %v, want aws/long.go alone", got)
	}
}
