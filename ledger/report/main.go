// Command report prints which requirements of the ledger are covered, by which tests, which wait for a service that is
// not there yet, and which are missing. It reads the tests' source and runs none of them.
//
//	go run ./ledger/report          everything, file by file
//	go run ./ledger/report -check   the totals; fails when the ledger contradicts itself or the tests
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"drydock/ledger"
)

func main() {
	root := flag.String("root", ".", "the root of the source tree")
	check := flag.Bool("check", false, "print only problems and totals")
	flag.Parse()
	if err := run(os.Stdout, *root, *check); err != nil {
		fmt.Fprintln(os.Stderr, "ledger:", err)
		os.Exit(1)
	}
}

func run(w io.Writer, root string, check bool) error {
	requirements, err := ledger.All()
	if err != nil {
		return fmt.Errorf("read the requirements: %w", err)
	}
	waits, err := ledger.Waiting()
	if err != nil {
		return fmt.Errorf("read the waiting list: %w", err)
	}
	tree := os.DirFS(root)
	claims, problems, err := scan(tree)
	if err != nil {
		return fmt.Errorf("read the tests: %w", err)
	}
	r := newReport(requirements, waits, claims)
	problems = append(problems, r.problems(tree)...)
	out := bufio.NewWriter(w)
	if !check {
		r.writeFiles(out)
	}
	r.writeTotals(out)
	for _, p := range problems {
		fmt.Fprintln(out, "problem:", p)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if len(problems) > 0 {
		return fmt.Errorf("%d problems", len(problems))
	}
	return nil
}

// filesOf returns the requirement files in order, each once.
func filesOf(requirements []ledger.Requirement) []string {
	var files []string
	for _, r := range requirements {
		if !slices.Contains(files, r.File) {
			files = append(files, r.File)
		}
	}
	return files
}

// wrap breaks words into lines of at most width bytes, each indented.
func wrap(w io.Writer, indent string, width int, words []string) {
	line := ""
	for _, word := range words {
		if line != "" && len(indent)+len(line)+1+len(word) > width {
			fmt.Fprintln(w, indent+line)
			line = ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	if line != "" {
		fmt.Fprintln(w, indent+line)
	}
}
