package wiretest

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"drydock/api/codebuild"
	"drydock/api/codecommit"
	"drydock/api/iam"
	"drydock/api/kms"
	"drydock/api/logs"
	"drydock/api/s3"
	"drydock/api/sts"
	"drydock/aws"
	"drydock/wire"
	"drydock/wire/shape"
)

var apis = []*aws.API{codebuild.API, codecommit.API, iam.API, kms.API, logs.API, s3.API, sts.API}

func TestOf_PlansEveryGeneratedType(t *testing.T) {
	t.Parallel()
	for _, api := range apis {
		for _, p := range api.Protocols {
			if wire.For(p) == nil {
				t.Errorf("%s: no codec for %s", api.Package, p)
			}
		}
		for _, op := range api.Operations {
			for _, typ := range []reflect.Type{op.Input, op.Output} {
				if s := shape.Of(typ); s.Type != typ {
					t.Errorf("%s: plan of %s is for %s", op, typ, s.Type)
				}
			}
			for _, e := range op.Errors {
				shape.Of(e.Type)
			}
		}
	}
}

// TestCompilePattern_Generated compiles every pattern of the generated API. Those that Go's syntax cannot express are
// not enforced; they are listed in testdata, so that a new one is noticed.
func TestCompilePattern_Generated(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../api/*/types_gen.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no generated types: %v", err)
	}
	field := regexp.MustCompile("`(aws:.*)`")
	var failed []string
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range field.FindAllSubmatch(text, -1) {
			for _, key := range []string{"pattern", "eachpattern", "keypattern"} {
				p := reflect.StructTag(m[1]).Get(key)
				if p == "" {
					continue
				}
				if _, err := shape.CompilePattern(p); err != nil && !slices.Contains(failed, p) {
					failed = append(failed, p)
				}
			}
		}
	}
	slices.Sort(failed)
	listed, err := os.ReadFile("testdata/patterns.txt")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(strings.TrimSpace(string(listed)), "\n"), failed); diff != "" {
		t.Errorf("patterns not enforced (-listed +found):\n%s", diff)
	}
}

func TestExceptions_NameVectors(t *testing.T) {
	t.Parallel()
	for key, reason := range exceptions(t) {
		api, name, _ := strings.Cut(key, ".")
		data, err := os.ReadFile(filepath.Join("testdata", api+".json"))
		if err != nil || !strings.Contains(string(data), `"operation": "`+name+`"`) || reason == "" {
			t.Errorf("exception %q: %v, reason %q", key, err, reason)
		}
	}
}
