// Package ledger holds the requirements that drydock is measured by, and ties tests to them. The requirement files in
// requirements/ are embedded; a test says with Covers which of them it proves, and the program in report/ lists from the
// source what is covered, what waits for a service that is not there yet, and what is missing.
//
// It is for tests and for the report only; the product never imports it.
package ledger

import (
	"bufio"
	"cmp"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

//go:embed requirements/*.md
var requirementFiles embed.FS

// Requirement is one line of a requirement file: one observable behaviour of a running server.
type Requirement struct {
	ID   string   // as in "CB-13"
	File string   // the file it stands in, without a folder
	Line int      // in File, from 1
	Tags []string // of "core", "hint", "derived", "clock"
	Text string   // what must be observable, as Markdown
}

// Covers declares that the test t proves the requirements with these ids. Call it first in the test, with literal ids
// only: the report reads them from the source. An id that no requirement file has fails the test.
func Covers(t testing.TB, ids ...string) {
	t.Helper()
	if len(ids) == 0 {
		t.Error("ledger.Covers: no id given")
	}
	known, err := index()
	if err != nil {
		t.Fatalf("ledger.Covers: %v", err)
	}
	for _, id := range ids {
		if _, ok := known[id]; !ok {
			t.Errorf("ledger.Covers: no requirement has the id %q", id)
		}
	}
}

// All returns every requirement, file by file, in the order of its file.
func All() ([]Requirement, error) {
	all, err := load()
	return slices.Clone(all), err
}

var load = sync.OnceValues(func() ([]Requirement, error) {
	return parseFiles(requirementFiles, "requirements")
})

var index = sync.OnceValues(func() (map[string]Requirement, error) {
	all, err := load()
	if err != nil {
		return nil, err
	}
	byID := make(map[string]Requirement, len(all))
	for _, r := range all {
		byID[r.ID] = r
	}
	return byID, nil
})

var (
	requirementLine = regexp.MustCompile(`^([0-9]+)\. \*\*([A-Z][A-Z0-9]*-[0-9]+)\*\* ((?:\[[a-z]+\] )*)(.+)$`)
	looksLikeOne    = regexp.MustCompile(`^[0-9]+\. |^\W*\*\*[A-Z][A-Z0-9]*-[0-9]+\*\*`)
	knownTags       = []string{"core", "hint", "derived", "clock"}
)

// parseFiles reads every .md file of a folder and checks what the ids promise: each stands once, a file has one prefix,
// and numbers rise within it (a dropped requirement leaves its number unused).
func parseFiles(fsys fs.FS, dir string) ([]Requirement, error) {
	names, err := fs.Glob(fsys, path.Join(dir, "*.md"))
	if err != nil {
		return nil, fmt.Errorf("list requirement files: %w", err)
	}
	slices.Sort(names)
	var all []Requirement
	ids, prefixes := map[string]string{}, map[string]string{}
	for _, name := range names {
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("read requirement file: %w", err)
		}
		found, err := parseFile(path.Base(name), string(text))
		if err != nil {
			return nil, err
		}
		for _, r := range found {
			where := fmt.Sprintf("%s:%d", r.File, r.Line)
			if first, ok := ids[r.ID]; ok {
				return nil, fmt.Errorf("%s: %s stands already at %s", where, r.ID, first)
			}
			ids[r.ID] = where
			prefix, _, _ := strings.Cut(r.ID, "-")
			if file, ok := prefixes[prefix]; ok && file != r.File {
				return nil, fmt.Errorf("%s: the prefix %s belongs to %s", where, prefix, file)
			}
			prefixes[prefix] = r.File
		}
		all = append(all, found...)
	}
	return all, nil
}

func parseFile(name, text string) ([]Requirement, error) {
	var found []Requirement
	last := map[string]int{}
	lines := bufio.NewScanner(strings.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		m := requirementLine.FindStringSubmatch(line)
		if m == nil {
			if looksLikeOne.MatchString(line) {
				return nil, fmt.Errorf("%s:%d: not of the form «1. **ID-01** [tag] text»", name, n)
			}
			continue
		}
		prefix, digits, _ := strings.Cut(m[2], "-")
		number, err := strconv.Atoi(digits)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: number of %s: %w", name, n, m[2], err)
		}
		if number <= last[prefix] {
			return nil, fmt.Errorf("%s:%d: %s comes after %s-%02d", name, n, m[2], prefix, last[prefix])
		}
		if want := fmt.Sprintf("%s-%02d", prefix, number); m[2] != want {
			return nil, fmt.Errorf("%s:%d: %s is written %s", name, n, m[2], want)
		}
		last[prefix] = number
		tags := strings.Fields(strings.NewReplacer("[", " ", "]", " ").Replace(m[3]))
		for _, tag := range tags {
			if !slices.Contains(knownTags, tag) {
				return nil, fmt.Errorf("%s:%d: unknown tag [%s]", name, n, tag)
			}
		}
		found = append(found, Requirement{ID: m[2], File: name, Line: n, Tags: tags, Text: m[4]})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return found, nil
}

// CompareIDs orders ids by prefix and then by number.
func CompareIDs(a, b string) int {
	ap, an, _ := strings.Cut(a, "-")
	bp, bn, _ := strings.Cut(b, "-")
	return cmp.Or(cmp.Compare(ap, bp), cmp.Compare(len(an), len(bn)), cmp.Compare(an, bn))
}
