package gen

import (
	"fmt"

	"drydock/cmd/apigen/model"
)

// maxNesting bounds lists of lists; deeper ones, and lists that contain themselves, are refused.
const maxNesting = 16

// direction tells where a structure stands, because streams have other types in inputs than in outputs.
type direction int

const (
	nested direction = iota
	input
	output
)

// fieldType returns the Go type of a member.
func (g *generator) fieldType(owner *model.Shape, m *model.Member, dir direction) (typ string, streaming bool, err error) {
	s := m.Shape
	if s.EventStream {
		return "aws.EventStream", true, nil
	}
	if s.Type == "blob" && m.Bool("streaming") && dir != nested {
		g.use("io")
		if dir == input {
			return "io.Reader", true, nil
		}
		return "io.ReadCloser", true, nil
	}
	typ, err = g.valueType(m.Ref, 0)
	if err != nil {
		return "", false, err
	}
	pointer := !m.Required
	switch {
	case s.Type == "list", s.Type == "map", s.Type == "blob", isDocument(s):
		pointer = false
	case s.Type == "structure" && m.Required:
		pointer = g.containsItself(owner, s)
	}
	if pointer {
		typ = "*" + typ
	}
	return typ, false, nil
}

// isDocument tells whether values of the shape are free JSON. Models mark a structure or a string as a document.
func isDocument(s *model.Shape) bool { return s.Document }

// valueType returns the Go type of a value of a shape.
func (g *generator) valueType(r *model.Ref, depth int) (string, error) {
	s := r.Shape
	if depth > maxNesting {
		return "", fmt.Errorf("%s nests too deep, or contains itself without a structure", s.Name)
	}
	if isDocument(s) {
		return "any", nil
	}
	switch s.Type {
	case "structure":
		return g.structs[s.Name], nil
	case "list":
		element, err := g.valueType(s.Element, depth+1)
		return "[]" + element, err
	case "map":
		key, err := g.valueType(s.Key, depth+1)
		if err != nil {
			return "", err
		}
		if s.Key.Shape.Type != "string" {
			return "", fmt.Errorf("map %s has keys of type %s", s.Name, s.Key.Shape.Type)
		}
		element, err := g.valueType(s.Element, depth+1)
		return "map[" + key + "]" + element, err
	case "string":
		if name, ok := g.enums[s.Name]; ok && !r.Bool("jsonvalue") {
			return name, nil
		}
		return "string", nil
	case "timestamp":
		g.use("time")
		return "time.Time", nil
	}
	if typ, ok := scalarTypes[s.Type]; ok {
		return typ, nil
	}
	return "", fmt.Errorf("shape %s: no Go type for %q", s.Name, s.Type)
}

var scalarTypes = map[string]string{
	"boolean": "bool", "integer": "int32", "short": "int32", "byte": "int32", "long": "int64", "biginteger": "int64",
	"float": "float32", "double": "float64", "bigdecimal": "float64", "character": "string", "blob": "[]byte",
}

// containsItself tells whether a value of the structure owner, held by value in its member of shape s, would contain
// a value of owner again: whether required members lead from s back to owner.
func (g *generator) containsItself(owner, s *model.Shape) bool {
	seen := map[*model.Shape]bool{}
	var reaches func(s *model.Shape) bool
	reaches = func(s *model.Shape) bool {
		if s == owner {
			return true
		}
		if seen[s] {
			return false
		}
		seen[s] = true
		for _, m := range s.Members {
			if m.Required && m.Shape.Type == "structure" && !isDocument(m.Shape) && !m.Shape.EventStream && reaches(m.Shape) {
				return true
			}
		}
		return false
	}
	return reaches(s)
}
