package main

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"drydock/ledger"
)

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

func TestScan(t *testing.T) {
	t.Parallel()
	tree := fstest.MapFS{
		"service/x/x_test.go": file(`package x
import "drydock/ledger"
func TestX(t *testing.T) {
	ledger.Covers(t, "CB-01", "CB-02")
	t.Run("sub", func(t *testing.T) { ledger.Covers(t, "CB-03") })
}
func helper(t *testing.T) { ledger.Covers(t, "CB-04") }
func TestY(t *testing.T) { ledger.Covers(t, id) }
`),
		"service/x/alias_test.go":      file("package x\nimport l \"drydock/ledger\"\nfunc FuzzX(f *testing.F) { l.Covers(f, \"CB-05\") }\n"),
		"service/x/other_test.go":      file("package x\nimport \"other/ledger\"\nfunc TestO(t *testing.T) { ledger.Covers(t, \"CB-06\") }\n"),
		"service/x/testdata/t_test.go": file("package x\nimport \"drydock/ledger\"\nfunc TestT(t *testing.T) { ledger.Covers(t, \"CB-07\") }\n"),
		"service/x/x.go":               file("package x\nimport \"drydock/ledger\"\nfunc TestZ(t *testing.T) { ledger.Covers(t, \"CB-08\") }\n"),
	}
	claims, problems, err := scan(tree)
	if err != nil {
		t.Fatal(err)
	}
	want := []claim{
		{"CB-05", "FuzzX", "service/x/alias_test.go", 3},
		{"CB-01", "TestX", "service/x/x_test.go", 4},
		{"CB-02", "TestX", "service/x/x_test.go", 4},
		{"CB-03", "TestX", "service/x/x_test.go", 5},
	}
	if diff := cmp.Diff(want, claims, cmp.AllowUnexported(claim{})); diff != "" {
		t.Error(diff)
	}
	wantProblems := []string{
		"service/x/x_test.go:7: ledger.Covers is called outside a Test or Fuzz function",
		"service/x/x_test.go:8: ledger.Covers wants literal ids",
	}
	if diff := cmp.Diff(wantProblems, problems); diff != "" {
		t.Error(diff)
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	requirements := []ledger.Requirement{{ID: "A-01", File: "a.md"}, {ID: "A-02", File: "a.md"}, {ID: "A-03", File: "a.md"}, {ID: "B-01", File: "b.md"}}
	waits := []ledger.Wait{{ID: "A-02", Service: "later", Reason: "it needs the service", Line: 1}}
	r := newReport(requirements, waits, []claim{{"A-01", "TestA", "service/a/a_test.go", 9}})
	var out strings.Builder
	r.writeFiles(&out)
	r.writeTotals(&out)
	want := `a.md                                 1 covered    1 waiting    1 missing of    3
    A-01      covered  TestA (service/a/a_test.go:9)
    A-02      waiting  for later: it needs the service
    missing:
        A-03
b.md                                 0 covered    0 waiting    1 missing of    1
    missing:
        B-01
TOTAL                                1 covered    1 waiting    2 missing of    4, by 1 tests
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
	if p := r.problems(fstest.MapFS{}); p != nil {
		t.Errorf("problems %q, want none", p)
	}
}

func TestReport_NamesContradictions(t *testing.T) {
	t.Parallel()
	requirements := []ledger.Requirement{{ID: "A-01", File: "a.md"}, {ID: "A-02", File: "a.md"}}
	waits := []ledger.Wait{{ID: "A-01", Service: "later", Reason: "r", Line: 1}, {ID: "A-02", Service: "here", Reason: "r", Line: 2}}
	r := newReport(requirements, waits, []claim{{"A-01", "TestA", "a_test.go", 9}, {"A-99", "TestA", "a_test.go", 9}})
	got := r.problems(fstest.MapFS{"service/here/doc.go": file("package here\n")})
	want := []string{
		"a_test.go:9: TestA covers A-99, which no requirement file has",
		"waiting.txt:1: A-01 is covered by TestA (a_test.go:9)",
		"waiting.txt:2: A-02 waits for service/here, which is there",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestRun_OnThisTree(t *testing.T) {
	t.Parallel()
	if err := run(t.Output(), "../..", true); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat("../../go.mod"); err != nil {
		t.Errorf("the test did not read the root of the tree: %v", err)
	}
}
