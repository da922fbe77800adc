package ledger

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestAll_AgreesWithTheIndex(t *testing.T) {
	t.Parallel()
	all, err := All()
	if err != nil {
		t.Fatal(err)
	}
	type summary struct {
		first, last string
		n           int
	}
	got := map[string]summary{}
	for _, r := range all {
		s := got[r.File]
		if s.n == 0 {
			s.first = r.ID
		}
		s.last = r.ID
		s.n++
		got[r.File] = s
	}
	readme, err := requirementFiles.ReadFile("requirements/README.md")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]summary{"README.md": got["README.md"]} // the flows, which its own index does not list
	row := regexp.MustCompile(`(?m)^\| \[([a-z0-9-]+\.md)\]\([^)]*\) \| ([A-Z0-9]+-[0-9]+) \.\. ([A-Z0-9]+-[0-9]+) \| ([0-9]+) \|`)
	for _, m := range row.FindAllStringSubmatch(string(readme), -1) {
		n, err := strconv.Atoi(m[4])
		if err != nil {
			t.Fatal(err)
		}
		want[m[1]] = summary{m[2], m[3], n}
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(summary{})); diff != "" {
		t.Errorf("index of README.md (-) and files (+) differ:\n%s", diff)
	}
	if got["README.md"].first != "FLOW-01" {
		t.Errorf("README.md begins with %s, want FLOW-01", got["README.md"].first)
	}
}

func TestParseFiles_Refuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files []string // a.md, b.md, ...
		want  string
	}{
		"an id twice":            {[]string{"1. **A-01** x\n2. **A-01** y\n"}, "a.md:2: A-01 comes after A-01"},
		"falling numbers":        {[]string{"1. **A-02** x\n2. **A-01** y\n"}, "a.md:2: A-01 comes after A-02"},
		"a prefix in two files":  {[]string{"1. **A-01** x\n", "1. **A-02** y\n"}, "b.md:1: the prefix A belongs to a.md"},
		"an id in two files":     {[]string{"1. **A-01** x\n", "1. **A-01** y\n"}, "b.md:1: A-01 stands already at a.md:1"},
		"an unknown tag":         {[]string{"1. **A-01** [corr] x\n"}, "a.md:1: unknown tag [corr]"},
		"a number not padded":    {[]string{"1. **A-1** x\n"}, "a.md:1: A-1 is written A-01"},
		"a line without an id":   {[]string{"1. x\n"}, "a.md:1: not of the form"},
		"an id without a number": {[]string{"- **A-01** x\n"}, "a.md:1: not of the form"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := fstest.MapFS{}
			for i, text := range c.files {
				tree[fmt.Sprintf("r/%c.md", 'a'+i)] = &fstest.MapFile{Data: []byte(text)}
			}
			_, err := parseFiles(tree, "r")
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestParseFile_ReadsTagsAndText(t *testing.T) {
	t.Parallel()
	got, err := parseFile("a.md", "# A\n\n1. **A-01** [core] [clock] Does **it**.\n2. **A-03** Plain.\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []Requirement{
		{ID: "A-01", File: "a.md", Line: 3, Tags: []string{"core", "clock"}, Text: "Does **it**."},
		{ID: "A-03", File: "a.md", Line: 4, Tags: []string{}, Text: "Plain."},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// recorder is a test that remembers its errors.
type recorder struct {
	testing.TB
	errors []string
}

func (r *recorder) Helper()                   {}
func (r *recorder) Error(args ...any)         { r.errors = append(r.errors, fmt.Sprint(args...)) }
func (r *recorder) Errorf(f string, a ...any) { r.errors = append(r.errors, fmt.Sprintf(f, a...)) }

func TestCovers_FailsOnUnknownIDs(t *testing.T) {
	t.Parallel()
	cover := Covers // under another name, so that the report does not count these calls
	good, unknown, none := &recorder{}, &recorder{}, &recorder{}
	cover(good, "CB-13", "FLOW-01")
	cover(unknown, "CB-13", "CB-999")
	cover(none)
	if len(good.errors) != 0 || len(unknown.errors) != 1 || len(none.errors) != 1 {
		t.Errorf("errors %q, %q, %q: want none, one, one", good.errors, unknown.errors, none.errors)
	}
}

func TestWaiting(t *testing.T) {
	t.Parallel()
	if _, err := Waiting(); err != nil {
		t.Errorf("waiting.txt: %v", err)
	}
	got, err := parseWaiting("# comment\n\nCB-01 codebuild needs machines\n")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Wait{{ID: "CB-01", Service: "codebuild", Reason: "needs machines", Line: 3}}, got); diff != "" {
		t.Error(diff)
	}
	for text, want := range map[string]string{
		"CB-01 codebuild":              "waiting.txt:1: want",
		"XX-01 codebuild r":            `no requirement has the id "XX-01"`,
		"CB-01 codebuild r\nCB-01 a b": "waiting.txt:2: CB-01 stands already in line 1",
	} {
		if _, err := parseWaiting(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %q", text, err, want)
		}
	}
}
