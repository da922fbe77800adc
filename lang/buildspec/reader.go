package buildspec

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Limits on hostile input. A real build specification is a few kilobytes.
const (
	maxBytes = 1 << 20
	maxNodes = 50_000 // after aliases are followed
	maxDepth = 32     // a batch nests eight deep
)

// StatusCode is the status code that CodeBuild gives the DOWNLOAD_SOURCE phase of a build whose specification is wrong.
const StatusCode = "YAML_FILE_ERROR"

// Error says what is wrong with a build specification, as the phase's context shows it.
type Error struct {
	Line    int    // from 1; 0 where no line is meant
	Message string // names the line
}

func (e *Error) Error() string { return StatusCode + ": " + e.Message }

// failure carries an Error up through the reading functions; Parse alone recovers it.
type failure struct{ err *Error }

func fail(line int, format string, args ...any) {
	msg := fmt.Sprintf(format, args...)
	if line > 0 {
		msg += fmt.Sprintf(" at line %d", line)
	}
	panic(failure{&Error{Line: line, Message: msg}})
}

// reader walks the document. It counts nodes, so that aliases cannot blow it up.
type reader struct {
	visited  int
	depth    int
	warnings []string
}

// entry is a key of a mapping with its value, aliases followed.
type entry struct {
	key   string
	line  int
	value *yaml.Node
}

func (r *reader) visit(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		r.count(n)
		n = n.Alias
	}
	r.count(n)
	return n
}

func (r *reader) count(n *yaml.Node) {
	if r.visited++; r.visited > maxNodes {
		fail(n.Line, "document contains excessive aliasing")
	}
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

func kindOf(n *yaml.Node) string {
	switch {
	case isNull(n):
		return "nothing"
	case n.Kind == yaml.MappingNode:
		return "subkeys"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	default:
		return "a string"
	}
}

// entries reads a mapping. Nothing at all is an empty one, as in a block whose keys are commented out.
func (r *reader) entries(n *yaml.Node, what string) []entry {
	n = r.visit(n)
	if isNull(n) {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		fail(n.Line, "Expected %s to be of map type: found %s instead", what, kindOf(n))
	}
	if r.depth++; r.depth > maxDepth {
		fail(n.Line, "document is nested too deep")
	}
	defer func() { r.depth-- }()
	var found []entry
	var merged []*yaml.Node
	at := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := r.visit(n.Content[i])
		if k.Kind != yaml.ScalarNode {
			fail(k.Line, "Expected a key of %s to be of string type: found %s instead", what, kindOf(k))
		}
		if k.Tag == "!!merge" {
			merged = append(merged, n.Content[i+1])
			continue
		}
		if first, ok := at[k.Value]; ok {
			fail(k.Line, "mapping key %q already defined at line %d: found again", k.Value, first)
		}
		at[k.Value] = k.Line
		found = append(found, entry{k.Value, k.Line, r.visit(n.Content[i+1])})
	}
	for _, m := range merged {
		for _, e := range r.merge(m, what) {
			if _, ok := at[e.key]; !ok {
				at[e.key] = e.line
				found = append(found, e)
			}
		}
	}
	return found
}

// merge reads what a "<<" key stands for: a mapping or a list of mappings.
func (r *reader) merge(n *yaml.Node, what string) []entry {
	n = r.visit(n)
	if n.Kind != yaml.SequenceNode {
		return r.entries(n, what)
	}
	var found []entry
	for _, m := range n.Content {
		found = append(found, r.entries(m, what)...)
	}
	return found
}

func (r *reader) text(n *yaml.Node, what string) string {
	n = r.visit(n)
	if n.Kind != yaml.ScalarNode {
		fail(n.Line, "Expected %s to be of string type: found %s instead", what, kindOf(n))
	}
	if isNull(n) {
		return ""
	}
	return n.Value // as written: 3.10 stays 3.10, yes stays yes
}

// texts reads a list of strings; one string alone is a list of it, nothing is none.
func (r *reader) texts(n *yaml.Node, what string) []string {
	n = r.visit(n)
	if n.Kind == yaml.ScalarNode {
		if s := r.text(n, what); s != "" {
			return []string{s}
		}
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		fail(n.Line, "Expected %s to be of list type: found %s instead", what, kindOf(n))
	}
	var found []string
	for i, item := range n.Content {
		item = r.visit(item)
		if item.Kind != yaml.ScalarNode {
			// AWS's own words, and its reckoning of the line before.
			fail(0, "Expected %s[%d] to be of string type: found %s instead at line %d, value of the key tag on line %d might be empty",
				what, i, kindOf(item), item.Line, item.Line-1)
		}
		if s := r.text(item, what); s != "" {
			found = append(found, s)
		}
	}
	return found
}

func (r *reader) flag(n *yaml.Node, what string) bool {
	s := r.text(n, what)
	switch strings.ToLower(s) {
	case "yes", "true", "on":
		return true
	case "no", "false", "off", "":
		return false
	}
	fail(n.Line, "Invalid value %q for %s: expected yes or no", s, what)
	return false
}

func (r *reader) number(n *yaml.Node, what string, low, high int) int {
	s := r.text(n, what)
	v, err := strconv.Atoi(s)
	if err != nil || v < low || v > high {
		fail(n.Line, "Invalid value %q for %s: expected a number from %d to %d", s, what, low, high)
	}
	return v
}

func (r *reader) variables(n *yaml.Node, what string) []Variable {
	var found []Variable
	for _, e := range r.entries(n, what) {
		if e.key == "" || strings.ContainsAny(e.key, "=\x00") {
			fail(e.line, "Invalid name %q in %s", e.key, what)
		}
		found = append(found, Variable{e.key, r.text(e.value, what+"."+e.key)})
	}
	return found
}

// ignore notes a key that CodeBuild does not know, and ignores as CodeBuild does.
func (r *reader) ignore(e entry, where string) {
	if len(r.warnings) < 100 {
		r.warnings = append(r.warnings, fmt.Sprintf("unknown key %q in %s at line %d is ignored", e.key, where, e.line))
	}
}
