package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseServices(t *testing.T) {
	t.Parallel()
	got, err := parseServices("# comment\n\nlogs  logs/2014-03-28\nelbv2 ../elb.json.gz iam=elasticloadbalancing # by path\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []service{
		{Package: "logs", Model: "logs/2014-03-28"},
		{Package: "elbv2", Model: "../elb.json.gz", Prefix: "elasticloadbalancing"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("services (-want +got):\n%s", diff)
	}
}

func TestParseServices_RefusesMistakes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"logs":            "line 1: a package needs a model",
		"\nLogs logs/1":   "line 2: \"Logs\" is no package name",
		"../x logs/1":     "no package name",
		"a a/1\na b/1":    "line 2: a is there twice",
		"a a/1 color=red": `unknown option "color=red"`,
		"a a/1 iam=":      `unknown option "iam="`,
	} {
		_, err := parseServices(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %q", text, err, want)
		}
	}
}

// TestGenerate_WritesTheFolder runs the whole command on a model given by path, with both patches and permissions.
func TestGenerate_WritesTheFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"services.txt":            "code model.json iam=cc\n",
		"model.json":              repositories,
		"patches/code.newer.json": `{"operations": {"List": null}, "shapes": {"Target": {"members": {"id": {"shape": "S"}}}}}`,
		"patches/code.json":       `{"//": "why", "shapes": {"Target": {"members": {"id": {"locationName": "targetId"}}}}}`,
		"authz/code.txt":          "Get Get arn:${name}\n",
		"code/code.go":            "package code\n",
		"code/stale_gen.go":       "package code\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := generate(dir, "unused"); err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob(filepath.Join(dir, "code", "*"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, path := range paths {
		names = append(names, filepath.Base(path))
	}
	if diff := cmp.Diff([]string{"api_gen.go", "code.go", "operations_gen.go", "types_gen.go"}, names); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	for name, want := range map[string]string{
		"types_gen.go":      "`aws:\"targetId,member=id\"`",
		"operations_gen.go": `{Action: "cc:Get", Resources: []string{"arn:${name}"}}`,
	} {
		content, err := os.ReadFile(filepath.Join(dir, "code", name))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(content), want) {
			t.Errorf("%s lacks %s:\n%s", name, want, content)
		}
	}
}
