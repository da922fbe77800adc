package testreport

import (
	"bufio"
	"errors"
	"io"
	"strconv"
	"strings"
)

// readClover reads Clover's XML, in which each file has its metrics; where they are missing its lines are counted.
func readClover(r io.Reader, yield func(Coverage) error) error {
	var c, lines Coverage
	metrics := false
	return walk(r, []string{"coverage"}, func(e *element) error {
		switch {
		case e.name == "file":
			c, lines, metrics = Coverage{Path: e.attr("path")}, Coverage{}, false
			if c.Path == "" {
				c.Path = e.attr("name")
			}
		case e.name == "metrics" && e.in("file"):
			metrics = true
			c.LinesCovered = count(e.attr("coveredstatements"))
			c.LinesMissed = max(count(e.attr("statements"))-c.LinesCovered, 0)
			c.BranchesCovered = count(e.attr("coveredconditionals"))
			c.BranchesMissed = max(count(e.attr("conditionals"))-c.BranchesCovered, 0)
		case e.name == "line" && e.in("file"):
			switch e.attr("type") {
			case "stmt":
				lines.line(count(e.attr("count")) > 0)
			case "cond":
				lines.branch(count(e.attr("truecount")) > 0)
				lines.branch(count(e.attr("falsecount")) > 0)
			}
		}
		return nil
	}, func(e *element) error {
		if e.name != "file" {
			return nil
		}
		if !metrics {
			lines.Path = c.Path
			c = lines
		}
		return yield(c)
	})
}

func (c *Coverage) line(covered bool) {
	if covered {
		c.LinesCovered++
	} else {
		c.LinesMissed++
	}
}

func (c *Coverage) branch(covered bool) {
	if covered {
		c.BranchesCovered++
	} else {
		c.BranchesMissed++
	}
}

// readJaCoCo reads JaCoCo's XML, in which each source file has its counters.
func readJaCoCo(r io.Reader, yield func(Coverage) error) error {
	var c Coverage
	return walk(r, []string{"report"}, func(e *element) error {
		switch {
		case e.name == "sourcefile":
			c = Coverage{Path: strings.TrimPrefix(e.above("package").attr("name")+"/"+e.attr("name"), "/")}
		case e.name == "counter" && e.in("sourcefile"):
			switch e.attr("type") {
			case "LINE":
				c.LinesCovered, c.LinesMissed = count(e.attr("covered")), count(e.attr("missed"))
			case "BRANCH":
				c.BranchesCovered, c.BranchesMissed = count(e.attr("covered")), count(e.attr("missed"))
			}
		}
		return nil
	}, func(e *element) error {
		if e.name == "sourcefile" {
			return yield(c)
		}
		return nil
	})
}

// fileLines gathers the lines of files that are named in several places.
type fileLines struct {
	order []string
	files map[string]map[int]lineCoverage
	held  int
}

// lineCoverage is what is known of a line: how often it was reached, and its branches.
type lineCoverage struct{ hits, branches, taken int }

// add merges what is said of a line with what was said before.
func (f *fileLines) add(path string, number int, l lineCoverage) error {
	lines, ok := f.files[path]
	if !ok {
		if f.files == nil {
			f.files = map[string]map[int]lineCoverage{}
		}
		lines = map[int]lineCoverage{}
		f.files[path] = lines
		f.order = append(f.order, path)
	}
	old, known := lines[number]
	if !known {
		if f.held++; f.held > maxHeld {
			return ErrTooLarge
		}
	}
	lines[number] = lineCoverage{max(old.hits, l.hits), max(old.branches, l.branches), max(old.taken, l.taken)}
	return nil
}

// yield hands on the files in the order in which they were named first.
func (f *fileLines) yield(yield func(Coverage) error) error {
	for _, path := range f.order {
		c := Coverage{Path: path}
		for number, l := range f.files[path] {
			if number >= 0 { // a negative one has branches only
				c.line(l.hits > 0)
			}
			c.BranchesCovered += l.taken
			c.BranchesMissed += l.branches - l.taken
		}
		if err := yield(c); err != nil {
			return err
		}
	}
	return nil
}

// readCobertura reads Cobertura's XML. A file's classes are apart, and each line of a method stands in its class again.
func readCobertura(r io.Reader, yield func(Coverage) error) error {
	var files fileLines
	err := walk(r, []string{"coverage"}, func(e *element) error {
		if e.name != "line" || !e.in("lines") || !e.parent.in("class") {
			return nil
		}
		l := lineCoverage{hits: count(e.attr("hits"))}
		if strings.EqualFold(e.attr("branch"), "true") {
			// As in "50% (1/2)".
			_, fraction, _ := strings.Cut(e.attr("condition-coverage"), "(")
			taken, all, _ := strings.Cut(strings.TrimSuffix(fraction, ")"), "/")
			l.branches = count(all)
			l.taken = min(count(taken), l.branches)
		}
		return files.add(e.above("class").attr("filename"), count(e.attr("number")), l)
	}, ignore)
	if err != nil {
		return err
	}
	return files.yield(yield)
}

// readLCOV reads LCOV's tracefiles.
func readLCOV(r io.Reader, yield func(Coverage) error) error {
	var files fileLines
	path, branch := "", 0
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxText)
	for lines.Scan() {
		key, rest, _ := strings.Cut(strings.TrimSpace(lines.Text()), ":")
		fields := strings.Split(rest, ",")
		var err error
		switch key {
		case "SF":
			path, branch = rest, 0
		case "DA":
			if len(fields) >= 2 && path != "" {
				err = files.add(path, count(fields[0]), lineCoverage{hits: count(fields[1])})
			}
		case "BRDA":
			if len(fields) == 4 && path != "" {
				branch--
				l := lineCoverage{branches: 1}
				if count(fields[3]) > 0 { // "-" is one that was never decided
					l.taken = 1
				}
				err = files.add(path, branch, l)
			}
		case "end_of_record":
			path = ""
		}
		if err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if files.order == nil {
		return errNoRecords
	}
	return files.yield(yield)
}

var errNoRecords = errors.New("the report has no records")

// number is a count in JSON, which may be null.
func number(v any) (int, bool) {
	f, ok := v.(float64)
	if !ok || f < 0 {
		return 0, false
	}
	return count(strconv.FormatFloat(min(f, 1<<30), 'f', 0, 64)), true
}
