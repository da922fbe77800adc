package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"drydock/cmd/apigen/gen"
	"drydock/cmd/apigen/model"
)

// TestGenerate_EveryModelOfTheModule type-checks the package of every model, not only of the services that exist, so
// that adding a service is a line in services.txt.
func TestGenerate_EveryModelOfTheModule(t *testing.T) {
	t.Parallel()
	models, err := modelsDir(".")
	if err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob(filepath.Join(models, "*", "*", "api-2.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) < 380 {
		t.Fatalf("found %d models, want 384", len(paths))
	}
	imports := exportData(t, "drydock/aws", "io", "reflect", "time")

	work := make(chan string)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			check := newChecker(imports)
			for path := range work {
				if err := check.model(path); err != nil {
					t.Errorf("%s: %v", strings.TrimPrefix(path, models), err)
				}
			}
		})
	}
	for _, path := range paths {
		work <- path
	}
	close(work)
	workers.Wait()
}

// exportData compiles the packages, which the build cache makes cheap, and returns the files with their export data.
func exportData(t *testing.T, packages ...string) map[string]string {
	t.Helper()
	args := append([]string{"list", "-export", "-deps", "-f", "{{.ImportPath}}={{.Export}}"}, packages...)
	cmd := exec.Command("go", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list -export: %v\n%s", err, stderr.Bytes())
	}
	files := map[string]string{}
	for line := range strings.Lines(string(out)) {
		pkg, file, _ := strings.Cut(strings.TrimSpace(line), "=")
		files[pkg] = file
	}
	return files
}

// sharedNames are structures in which the model gives two members the same place on the wire: the old and the new form
// of S3's notifications, reached from operations only that patches/s3.json removes.
var sharedNames = []string{"CloudFunctionConfiguration", "QueueConfigurationDeprecated", "TopicConfigurationDeprecated"}

// checker type-checks generated packages. It is not safe for concurrent use.
type checker struct {
	fset    *token.FileSet
	imports types.Importer
}

func newChecker(files map[string]string) *checker {
	fset := token.NewFileSet()
	return &checker{fset: fset, imports: importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) {
		file := files[path]
		if file == "" {
			return nil, fmt.Errorf("no export data for %s", path)
		}
		return os.Open(file)
	})}
}

func (c *checker) model(path string) error {
	tree, err := model.ReadTree(path)
	if err != nil {
		return err
	}
	m, err := model.Load(tree)
	if err != nil {
		return err
	}
	files, err := gen.Generate(m, gen.Options{Package: "service", Unformatted: true})
	if err != nil {
		return err
	}
	return c.check(files)
}

func (c *checker) check(files map[string][]byte) error {
	var parsed []*ast.File
	for name, content := range files {
		f, err := parser.ParseFile(c.fset, name, content, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		parsed = append(parsed, f)
	}
	var errs []error
	conf := types.Config{Importer: c.imports, Error: func(err error) {
		if len(errs) < 10 {
			errs = append(errs, err)
		}
	}}
	pkg, err := conf.Check("service", c.fset, parsed, nil)
	if err != nil && len(errs) == 0 {
		return err
	}
	return errors.Join(append(errs, checkTags(pkg))...)
}

// checkTags checks that reflection can read the tag of every field, and that no wire name is there twice in a place.
func checkTags(pkg *types.Package) error {
	for _, name := range pkg.Scope().Names() {
		st, ok := pkg.Scope().Lookup(name).Type().Underlying().(*types.Struct)
		if !ok {
			continue
		}
		seen := map[string]bool{}
		for i := range st.NumFields() {
			text, ok := reflect.StructTag(st.Tag(i)).Lookup("aws")
			if !ok {
				if _, isVar := pkg.Scope().Lookup(name).(*types.Var); isVar {
					break // an operation, whose fields are package aws's
				}
				return fmt.Errorf("%s.%s has no readable tag: %s", name, st.Field(i).Name(), st.Tag(i))
			}
			if st.Field(i).Name() == "_" {
				continue
			}
			options := strings.Split(text, ",")
			place := options[0]
			for _, o := range options[1:] {
				if slices.Contains([]string{"header", "headers", "uri", "query", "status"}, o) {
					place = o + " " + place
				}
			}
			if seen[place] && !slices.Contains(sharedNames, name) {
				return fmt.Errorf("%s has the wire name %q twice", name, place)
			}
			seen[place] = true
		}
	}
	return nil
}

// TestChecker_SeesMistakes keeps the test of the models honest.
func TestChecker_SeesMistakes(t *testing.T) {
	t.Parallel()
	check := newChecker(exportData(t, "drydock/aws"))
	for name, test := range map[string]struct{ source, want string }{
		"undefined type": {"package service\n\ntype A struct {\n\tB Missing `aws:\"b\"`\n}\n", "undefined: Missing"},
		"broken tag":     {"package service\n\ntype A struct {\n\tB string `aws: \"b\"`\n}\n", "no readable tag"},
		"name twice": {
			"package service\n\ntype A struct {\n\tB string `aws:\"b\"`\n\tC string `aws:\"b,member=c\"`\n}\n", `"b" twice`,
		},
		"initialisation cycle": {"package service\n\nvar a = b\n\nvar b = a\n", "cycle"},
	} {
		err := check.check(map[string][]byte{"a.go": []byte(test.source)})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, test.want)
		}
	}
}

// TestGenerate_CommittedFilesAreCurrent fails when the committed packages are not what the generator makes now.
func TestGenerate_CommittedFilesAreCurrent(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("..", "..", "api")
	models, err := modelsDir(".")
	if err != nil {
		t.Fatal(err)
	}
	files, err := render(dir, models)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Errorf("%v: run go generate ./api", err)
			continue
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is out of date: run go generate ./api", name)
		}
	}
	existing, err := filepath.Glob(filepath.Join(dir, "*", "*_gen.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range existing {
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := files[rel]; !ok {
			t.Errorf("%s is no longer generated: run go generate ./api", rel)
		}
	}
}
