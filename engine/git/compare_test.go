package git

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sides makes a repository whose branches "source" and "destination" go on from the same files, and returns base,
// source and destination.
func (f *fixture) sides(base, source, destination []FileChange) [3]ID {
	f.Helper()
	ctx := f.Context()
	at := must(f.commitFiles(base...))(f.T).Commit
	ids := [3]ID{at}
	for i, changes := range [][]FileChange{source, destination} {
		branch := []string{"source", "destination"}[i]
		if err := f.repo.CreateBranch(ctx, branch, at); err != nil {
			f.Fatal(err)
		}
		ids[i+1] = must(f.repo.CommitFiles(ctx, CommitRequest{Branch: branch, Parent: at, Author: ann(), Message: branch, Changes: changes}))(f.T).Commit
	}
	return ids
}

func file(path, content string) FileChange { return FileChange{Path: path, Content: []byte(content)} }

func gone(path string) FileChange { return FileChange{Path: path, Action: Remove} }

func TestCompareSides_FindsWhatBothChanged(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ids := f.sides(
		[]FileChange{file("same", "0"), file("both", "0"), file("mine", "0"), file("theirs", "0"), file("lost", "0"), file("dir/x", "0"), file("flat", "0")},
		[]FileChange{file("same", "1"), file("both", "1"), file("theirs", "1"), gone("lost"), gone("dir/x"), file("dir", "now a file"), file("new", "1"), gone("flat"), file("flat/deep", "1")},
		[]FileChange{file("same", "1"), file("both", "2"), file("mine", "2"), file("lost", "2"), file("dir/y", "2"), file("new", "2"), file("flat", "2")},
	)
	c, err := f.repo.CompareSides(t.Context(), ids[0], ids[1], ids[2], 100)
	if err != nil {
		t.Fatal(err)
	}
	kind := func(e *Entry) string {
		if e == nil {
			return "-"
		}
		return e.Mode.Type()
	}
	var got []string
	for _, b := range c.Both {
		got = append(got, fmt.Sprintf("%s %s %s %s", b.Path, kind(b.Base), kind(b.Source), kind(b.Destination)))
	}
	want := []string{"both blob blob blob", "dir tree blob tree", "flat blob tree blob", "lost blob - blob", "new - blob blob"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("both (-want +got):\n%s", d)
	}
	if len(c.Source) != 1 || c.Source[0].path() != "theirs" {
		t.Errorf("source %+v", c.Source)
	}
	if _, err := f.repo.CompareSides(t.Context(), ids[0], ids[1], ids[2], 3); !errors.Is(err, ErrTooLarge) {
		t.Errorf("beyond the limit: %v", err)
	}
}

func TestMergeLines_MergesWhatDoesNotTouch(t *testing.T) {
	t.Parallel()
	lines := strings.NewReplacer(" ", "\n", "_", " ").Replace
	for name, test := range map[string]struct {
		base, source, destination string
		want                      string // conflicts as <source|destination>
	}{
		"apart":             {"a b c d e ", "A b c d e ", "a b c d E ", "A b c d E "},
		"same":              {"a b c ", "a X c ", "a X c ", "a X c "},
		"conflict":          {"a b c ", "a X c ", "a Y c ", "a <X |Y >c "},
		"touching":          {"a b c d ", "a X c d ", "a b Y d ", "a <X c |b Y >d "},
		"insertions":        {"a b c ", "1 a b c ", "a b c 2 ", "1 a b c 2 "},
		"same place":        {"a b ", "a 1 b ", "a 2 b ", "a <1 |2 >b "},
		"deleted, changed":  {"a b c d e ", "a e ", "a b X d e ", "a <|b X d >e "},
		"bridged":           {"a b c d e f g ", "a X c d e Y g ", "a b 1 2 3 f g ", "a <X c d e Y |b 1 2 3 f >g "},
		"no end of line":    {"a b c", "A b c", "a b C", "A b C"},
		"one gains an end":  {"a b c", "a b c ", "A b c", "A b c "},
		"without base":      {"", "x y ", "x z ", "<x y |x z >"},
		"shifts":            {"a b c d e f ", "1 2 a b c d e F ", "a c d e f ", "1 2 a c d e F "},
		"looks like a hunk": {"@@_-1_+1_@@ b ", "@@_-9_+9_@@ b ", "@@_-1_+1_@@ B ", "<@@_-9_+9_@@ b |@@_-1_+1_@@ B >"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			ids := [3]ID{}
			p := newPack()
			for i, text := range []string{test.base, test.source, test.destination} {
				if name == "without base" && i == 0 {
					continue
				}
				ids[i] = must(p.add(packBlob, []byte(lines(text))))(t)
			}
			if err := f.repo.store(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			m, err := f.repo.MergeLines(t.Context(), ids[0], ids[1], ids[2], 1000)
			if err != nil {
				t.Fatal(err)
			}
			got := string(m.Text(func(h Hunk) []byte {
				return []byte("<" + string(h.Source.Text) + "|" + string(h.Destination.Text) + ">")
			}))
			if got != lines(test.want) {
				t.Errorf("merged %q, want %q", got, lines(test.want))
			}
			if want := strings.Count(test.want, "<"); m.Conflicts() != want {
				t.Errorf("%d conflicts, want %d", m.Conflicts(), want)
			}
			if _, err := f.repo.MergeLines(t.Context(), ids[0], ids[1], ids[2], 2); !errors.Is(err, ErrTooLarge) {
				t.Errorf("beyond the limit: %v", err)
			}
		})
	}
}

func TestMergeThreeWay_PutsWhatWasDecided(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ids := f.sides([]FileChange{file("a/b", "0"), file("c", "0"), file("e/f", "0")}, []FileChange{file("a/b", "1")}, []FileChange{file("c", "2")})
	tree := must(f.repo.Stat(t.Context(), ids[1], "a"))(t)
	made, err := f.repo.MergeThreeWay(t.Context(), MergeRequest{
		Old: ids[2], Source: ids[1], Author: ann(), Message: "Merge", KeepEmptyFolders: true,
		Changes: []PathChange{
			{Path: "c/d", Mode: ModeExecutable, Content: []byte("new")}, {Path: "c"}, {Path: "e/f"}, {Path: "none/x"},
			{Path: "g", Mode: ModeTree, ID: tree.ID},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	dir := f.work()
	f.git(dir, "fetch", "-q", "origin", string(made.Commit)) // though no reference names it
	want := "100644 a/b\n100755 c/d\n100644 e/.gitkeep\n100644 g/b"
	if got := f.git(dir, "ls-tree", "-r", "--format=%(objectmode) %(path)", string(made.Commit)); got != want {
		t.Errorf("merged into\n%s", got)
	}
	_, err = f.repo.MergeThreeWay(t.Context(), MergeRequest{Old: ids[2], Source: ids[1], Author: ann(), Changes: []PathChange{{Path: "c/d", Mode: ModeFile}}})
	if !errors.Is(err, ErrFolderIsFile) {
		t.Errorf("below a file: %v", err)
	}
}

func TestFileHistory_FollowsRenamesAndMerges(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	dir := f.work()
	body := strings.Repeat("line\n", 30)
	first := f.commit(dir, "old", body)
	second := f.commit(dir, "old", body+"2\n")
	f.commit(dir, "other", "x")
	f.git(dir, "mv", "old", "new")
	f.git(dir, "commit", "-q", "-m", "Rename")
	renamed := ID(f.git(dir, "rev-parse", "HEAD"))
	f.git(dir, "checkout", "-q", "-b", "side")
	side := f.commit(dir, "new", "0\n"+body+"2\n")
	f.git(dir, "checkout", "-q", "-")
	last := f.commit(dir, "new", body+"2\n3\n")
	f.git(dir, "merge", "-q", "-m", "Merge", "side")
	merged := ID(f.git(dir, "rev-parse", "HEAD"))
	f.git(dir, "push", "-q", "origin", "HEAD:main", "side")

	var got []string
	for skip := 0; ; skip += 2 {
		versions, more, err := f.repo.FileHistory(t.Context(), merged, "new", skip, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range versions {
			got = append(got, fmt.Sprint(v.Commit, v.Entry.Path, v.Children))
		}
		if !more {
			break
		}
	}
	sides := []string{fmt.Sprint(last, "new", []ID{merged}), fmt.Sprint(side, "new", []ID{merged})}
	if len(got) > 2 && got[1] != sides[0] {
		sides[0], sides[1] = sides[1], sides[0]
	}
	children := []ID{side, last}
	if len(got) > 3 && got[1] == fmt.Sprint(last, "new", []ID{merged}) {
		children = []ID{last, side}
	}
	want := append([]string{fmt.Sprint(merged, "new", []ID(nil))}, sides...)
	want = append(want, fmt.Sprint(renamed, "new", children), fmt.Sprint(second, "old", []ID{renamed}), fmt.Sprint(first, "old", []ID{second}))
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("history (-want +got):\n%s", d)
	}
	if versions, _, err := f.repo.FileHistory(t.Context(), merged, "none", 0, 9); err != nil || len(versions) != 0 {
		t.Errorf("history of nothing: %v %v", versions, err)
	}
	for _, test := range []struct{ source, destination ID }{{side, merged}, {side, last}} {
		if id, err := f.repo.FindMerge(t.Context(), test.source, test.destination); err != nil || id != merged {
			t.Errorf("merge of %s into %s: %s %v", test.source, test.destination, id, err)
		}
	}
	if _, err := f.repo.FindMerge(t.Context(), first, merged); !errors.Is(err, ErrNotFound) {
		t.Errorf("merge of what was not merged: %v", err)
	}
}
