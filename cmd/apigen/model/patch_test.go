package model

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func parse(t *testing.T, text string) *Object {
	t.Helper()
	tree, err := ParseTree([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestMergePatch(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ target, patch, want string }{
		"replaces":                {`{"a": 1, "b": 2}`, `{"a": "x"}`, `{"a": "x", "b": 2}`},
		"appends in order":        {`{"b": 1}`, `{"z": 1, "a": 2}`, `{"b": 1, "z": 1, "a": 2}`},
		"removes":                 {`{"a": {"b": 1, "c": 2}}`, `{"a": {"b": null}}`, `{"a": {"c": 2}}`},
		"replaces lists":          {`{"a": [1, 2]}`, `{"a": [3]}`, `{"a": [3]}`},
		"drops nulls of new ones": {`{}`, `{"a": {"b": null, "c": {"d": null}}}`, `{"a": {"c": {}}}`},
		"object over a scalar":    {`{"a": 1}`, `{"a": {"b": true}}`, `{"a": {"b": true}}`},
		"leaves out comments":     {`{}`, `{"//": "why", "a": {"//": "why"}}`, `{"a": {}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := parse(t, test.target)
			MergePatch(got, parse(t, test.patch))
			if diff := cmp.Diff(string(Format(parse(t, test.want))), string(Format(got))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDiff_LeadsFromOneModelToTheOther(t *testing.T) {
	t.Parallel()
	from := parse(t, `{"version": "1", "metadata": {"protocol": "query"}, "operations": {"Old": {"name": "Old"}},
		"shapes": {"A": {"type": "structure", "required": ["x"], "members": {"x": {"shape": "S"}, "documentation": {"shape": "S"}}},
			"S": {"type": "string", "enum": ["a"]}, "Gone": {"type": "string"}}}`)
	to := parse(t, `{"version": "2", "metadata": {"protocol": "query", "protocols": ["query"]}, "operations": {"New": {"name": "New",
			"documentation": "text", "errors": [{"shape": "A", "documentation": "text"}]}},
		"shapes": {"A": {"type": "structure", "documentation": "text", "members": {"x": {"shape": "S", "documentation": "text"},
				"documentation": {"shape": "S", "documentation": "text"}, "y": {"shape": "S"}}},
			"S": {"type": "string", "enum": ["a", "b"]}, "Empty": {"type": "structure", "members": {}}}}`)
	patch := Diff(from, to)
	want := `{
  "metadata": {"protocols": ["query"]},
  "operations": {"New": {"name": "New", "errors": [{"shape": "A"}]}, "Old": null},
  "shapes": {
    "A": {"members": {"y": {"shape": "S"}}, "required": null},
    "S": {"enum": ["a", "b"]},
    "Empty": {"type": "structure", "members": {}},
    "Gone": null
  }
}`
	if diff := cmp.Diff(want, string(Format(patch))); diff != "" {
		t.Errorf("patch (-want +got):\n%s", diff)
	}
	MergePatch(from, patch)
	if rest := Diff(from, to); len(rest.Keys()) > 0 {
		t.Errorf("patched model still differs: %s", Format(rest))
	}
}

func TestFormat_FillsLongLists(t *testing.T) {
	t.Parallel()
	word := strings.Repeat("x", 50)
	tree := parse(t, `{"list": ["`+word+`", "`+word+`", "`+word+`", 12345678901234567890, 1.50, null, true]}`)
	want := `{
  "list": [
    "` + word + `", "` + word + `",
    "` + word + `", 12345678901234567890, 1.50, null, true
  ]
}`
	if diff := cmp.Diff(want, string(Format(tree))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParseTree_RefusesOtherDocuments(t *testing.T) {
	t.Parallel()
	for _, text := range []string{``, `[]`, `{"a": 1} {}`, `{"a": 1`, `{"a" 1}`, `{"a": 1, "a": 2}`, `{"a": [1,]}`} {
		if _, err := ParseTree([]byte(text)); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
}

func TestLoad_RefusesBrokenModels(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"shapes": {"A": 1}}`: "shape A is not an object",
		`{"shapes": {"A": {"type": "list", "member": {"shape": "B"}}}}`:                           `shape A: member: unknown shape "B"`,
		`{"shapes": {"A": {"type": "quaternion"}}}`:                                               `unknown type "quaternion"`,
		`{"shapes": {"A": {"type": "structure", "members": {"b": {"shape": "B"}}}}}`:              `member b: unknown shape "B"`,
		`{"shapes": {"A": {"type": "structure", "payload": "b"}}}`:                                `payload "b"`,
		`{"shapes": {}, "operations": {"Op": {"input": {"shape": "A"}}}}`:                         `operation Op: input: unknown shape "A"`,
		`{"shapes": {"S": {"type": "string"}}, "operations": {"Op": {"output": {"shape": "S"}}}}`: "not a structure",
		`{"shapes": {}, "operations": {"Op": {"errors": [{"shape": "A"}]}}}`:                      `errors: unknown shape "A"`,
	} {
		_, err := Load(parse(t, text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", text, err, want)
		}
	}
}
