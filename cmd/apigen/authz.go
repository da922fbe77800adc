package main

import (
	"fmt"
	"slices"
	"strings"

	"drydock/cmd/apigen/gen"
	"drydock/cmd/apigen/model"
)

// parseGrants reads the permissions of a service's operations; api/authz/README.md describes the grammar. Operations
// without a line get the action of their name on any resource.
func parseGrants(text, prefix string, m *model.Model) (map[string][]gen.Grant, error) {
	grants := map[string][]gen.Grant{}
	none := map[string]bool{}
	for i, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		n := slices.IndexFunc(m.Operations, func(op *model.Operation) bool { return op.Name == words[0] })
		if n < 0 {
			return nil, fmt.Errorf("line %d: unknown operation %q", i+1, words[0])
		}
		grant, isNone, err := parseGrant(words[1:], prefix, m.Operations[n])
		if err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", i+1, words[0], err)
		}
		if isNone {
			none[words[0]] = true
		} else {
			grants[words[0]] = append(grants[words[0]], grant)
		}
		if none[words[0]] && len(grants[words[0]]) > 0 {
			return nil, fmt.Errorf("line %d: %s needs no permission and needs one", i+1, words[0])
		}
	}
	for _, op := range m.Operations {
		if len(grants[op.Name]) == 0 && !none[op.Name] {
			grants[op.Name] = []gen.Grant{{Action: prefix + ":" + op.Name}}
		}
	}
	return grants, nil
}

// parseGrant reads what follows the operation's name on a line.
func parseGrant(words []string, prefix string, op *model.Operation) (grant gen.Grant, none bool, err error) {
	if len(words) == 0 {
		return grant, false, fmt.Errorf("an action, or - for none, is missing")
	}
	action, options, _ := strings.Cut(words[0], ",")
	if action == "-" {
		if len(words) > 1 || options != "" {
			return grant, false, fmt.Errorf("nothing may follow the - of an operation that needs no permission")
		}
		return grant, true, nil
	}
	if !strings.Contains(action, ":") {
		action = prefix + ":" + action
	}
	grant.Action = action
	if options != "" {
		paths, ok := strings.CutPrefix(options, "if=")
		if !ok {
			if paths, ok = strings.CutPrefix(options, "unless="); !ok {
				return grant, false, fmt.Errorf("unknown option %q", options)
			}
			grant.When = "!"
		}
		for path := range strings.SplitSeq(paths, "|") {
			if err := checkPath(op, path); err != nil {
				return grant, false, err
			}
		}
		grant.When += paths
	}
	if len(words) > 1 && words[1] != "-" {
		for template := range strings.SplitSeq(words[1], "|") {
			if err := checkTemplate(op, template); err != nil {
				return grant, false, err
			}
			grant.Resources = append(grant.Resources, template)
		}
	}
	if len(words) > 2 {
		for _, word := range words[2:] {
			key, path, ok := strings.Cut(word, "=")
			if !ok || key == "" || !strings.Contains(key, ":") {
				return grant, false, fmt.Errorf("%q is no condition key: want service:Key=path", word)
			}
			switch {
			case strings.HasPrefix(path, `"`):
				if len(path) < 3 || !strings.HasSuffix(path, `"`) {
					return grant, false, fmt.Errorf("%q lacks a text between quotes", word)
				}
			case strings.Contains(path, "${"):
				if err := checkVariables(op, path); err != nil {
					return grant, false, err
				}
			default:
				if err := checkPath(op, path); err != nil {
					return grant, false, err
				}
			}
			grant.Keys = append(grant.Keys, word)
		}
	}
	return grant, false, nil
}

// callVariables come from the call, not from the input.
var callVariables = []string{"Partition", "Region", "Account", "$User"}

// filters take a part out of a member's value; see aws.Grant.
var filters = []string{"group", "name", "source", "url"}

// checkTemplate checks the variables of a resource's template.
func checkTemplate(op *model.Operation, template string) error {
	if !strings.HasPrefix(template, "arn:") && !strings.HasPrefix(template, "${") {
		return fmt.Errorf("%q is neither an ARN nor a member", template)
	}
	return checkVariables(op, template)
}

// checkVariables checks the variables of any template.
func checkVariables(op *model.Operation, template string) error {
	rest := template
	for {
		_, after, found := strings.Cut(rest, "${")
		if !found {
			return nil
		}
		name, tail, closed := strings.Cut(after, "}")
		if !closed {
			return fmt.Errorf("%q lacks a closing brace", template)
		}
		if err := checkVariable(op, name); err != nil {
			return err
		}
		rest = tail
	}
}

// checkVariable checks what stands between the braces: a variable of the call, or a path with a filter (":name") or with
// what takes its place when it is absent (":-text", ":-$User").
func checkVariable(op *model.Operation, name string) error {
	if slices.Contains(callVariables, name) {
		return nil
	}
	path, rest, found := strings.Cut(name, ":")
	if fallback, ok := strings.CutPrefix(rest, "-"); ok {
		if strings.HasPrefix(fallback, "$") && !slices.Contains(callVariables, fallback) {
			return fmt.Errorf("%q is no variable of the call", fallback)
		}
	} else if found && !slices.Contains(filters, rest) {
		return fmt.Errorf("unknown filter %q", rest)
	}
	return checkPath(op, path)
}

// checkPath checks that a path leads through the operation's input by wire names, with [] behind lists.
func checkPath(op *model.Operation, path string) error {
	if op.Input == nil {
		return fmt.Errorf("%s: the operation has no input", path)
	}
	s := op.Input.Shape
	for i, part := range strings.Split(path, ".") {
		name := strings.TrimSuffix(part, "[]")
		if s.Type != "structure" {
			return fmt.Errorf("path %s: nothing to look for %q in", path, name)
		}
		n := slices.IndexFunc(s.Members, func(m *model.Member) bool { return m.WireName() == name })
		if n < 0 {
			if m := s.Member(name); m != nil {
				return fmt.Errorf("path %s: %q is %q on the wire", path, name, m.WireName())
			}
			return fmt.Errorf("path %s: %s has no member %q", path, s.Name, name)
		}
		s = s.Members[n].Shape
		if name != part {
			if s.Type != "list" {
				return fmt.Errorf("path %s: part %d is no list", path, i+1)
			}
			s = s.Element.Shape
		}
	}
	return nil
}
