package main

import (
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"drydock/ledger"
)

// report joins the requirements with what tests claim and what waits.
type report struct {
	requirements []ledger.Requirement
	known        map[string]bool
	waits        []ledger.Wait
	waiting      map[string]ledger.Wait
	claims       []claim
	covered      map[string][]claim
}

func newReport(requirements []ledger.Requirement, waits []ledger.Wait, claims []claim) *report {
	r := &report{
		requirements: requirements, known: map[string]bool{},
		waits: waits, waiting: map[string]ledger.Wait{},
		claims: claims, covered: map[string][]claim{},
	}
	for _, q := range requirements {
		r.known[q.ID] = true
	}
	for _, w := range waits {
		r.waiting[w.ID] = w
	}
	for _, c := range claims {
		r.covered[c.id] = append(r.covered[c.id], c)
	}
	return r
}

// problems returns what makes the ledger untrue: claims on ids that do not exist, waiting for what is there.
func (r *report) problems(tree fs.FS) []string {
	var found []string
	for _, c := range r.claims {
		if !r.known[c.id] {
			found = append(found, fmt.Sprintf("%s: %s covers %s, which no requirement file has", c.where(), c.test, c.id))
		}
	}
	for _, w := range r.waits {
		if by := r.covered[w.ID]; len(by) > 0 {
			found = append(found, fmt.Sprintf("waiting.txt:%d: %s is covered by %s (%s)", w.Line, w.ID, by[0].test, by[0].where()))
		}
		if _, err := fs.Stat(tree, path.Join("service", w.Service)); err == nil {
			found = append(found, fmt.Sprintf("waiting.txt:%d: %s waits for service/%s, which is there", w.Line, w.ID, w.Service))
		}
	}
	return found
}

type tally struct{ covered, waiting, missing int }

func (t *tally) add(o tally) {
	t.covered += o.covered
	t.waiting += o.waiting
	t.missing += o.missing
}

func (t tally) String() string {
	return fmt.Sprintf("%4d covered %4d waiting %4d missing of %4d", t.covered, t.waiting, t.missing, t.covered+t.waiting+t.missing)
}

func (r *report) tallyOf(file string) tally {
	var t tally
	for _, q := range r.requirements {
		if q.File != file {
			continue
		}
		switch {
		case len(r.covered[q.ID]) > 0:
			t.covered++
		case r.waiting[q.ID].ID != "":
			t.waiting++
		default:
			t.missing++
		}
	}
	return t
}

func (r *report) writeFiles(w io.Writer) {
	for _, file := range filesOf(r.requirements) {
		fmt.Fprintf(w, "%-34s%s\n", file, r.tallyOf(file))
		var missing []string
		for _, q := range r.requirements {
			if q.File != file {
				continue
			}
			claims := r.covered[q.ID]
			wait, waits := r.waiting[q.ID]
			switch {
			case len(claims) > 0:
				slices.SortFunc(claims, func(a, b claim) int { return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.line, b.line)) })
				for _, c := range claims {
					fmt.Fprintf(w, "    %-9s covered  %s (%s)\n", q.ID, c.test, c.where())
				}
			case waits:
				fmt.Fprintf(w, "    %-9s waiting  for %s: %s\n", q.ID, wait.Service, wait.Reason)
			default:
				missing = append(missing, q.ID)
			}
		}
		if len(missing) > 0 {
			fmt.Fprintln(w, "    missing:")
			wrap(w, "        ", 120, missing)
		}
	}
}

func (r *report) writeTotals(w io.Writer) {
	var total tally
	for _, file := range filesOf(r.requirements) {
		total.add(r.tallyOf(file))
	}
	var tests []string
	for _, c := range r.claims {
		tests = append(tests, path.Dir(c.file)+"."+c.test)
	}
	slices.Sort(tests)
	fmt.Fprintf(w, "%-34s%s, by %d tests\n", strings.ToUpper("total"), total, len(slices.Compact(tests)))
}
