// Command generate makes the vectors' types and cases from the protocol tests of the module github.com/aws/aws-sdk-go,
// whose folder is found with "go list" or given as the argument. It runs in the folder of package wiretest.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"drydock/cmd/apigen/gen"
	"drydock/cmd/apigen/model"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	var folder string
	if len(args) > 0 {
		folder = args[0]
	} else {
		out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-sdk-go").Output()
		if err != nil {
			return fmt.Errorf("finding the models: %w", err)
		}
		folder = filepath.Join(strings.TrimSpace(string(out)), "models", "protocol_tests")
	}
	for _, direction := range []string{"input", "output"} {
		for _, protocol := range []string{"ec2", "json", "query", "rest-json", "rest-xml"} {
			if err := generate(folder, direction, protocol); err != nil {
				return fmt.Errorf("%s/%s: %w", direction, protocol, err)
			}
		}
	}
	return nil
}

// suite is one element of a protocol's file: a model and the cases on it.
type suite struct {
	Description string
	Metadata    map[string]any
	Shapes      map[string]map[string]any
	Cases       []map[string]json.RawMessage
}

// generate merges the suites of a file into one model, the names of each with a prefix of its own.
func generate(folder, direction, protocol string) error {
	data, err := os.ReadFile(filepath.Join(folder, direction, protocol+".json"))
	if err != nil {
		return err
	}
	var suites []suite
	if err := json.Unmarshal(data, &suites); err != nil {
		return err
	}
	shapes, operations := map[string]any{}, map[string]any{}
	var cases []map[string]any
	for i, s := range suites {
		prefix := fmt.Sprintf("S%02d", i+1)
		for name, shape := range s.Shapes {
			rename(shape, prefix)
			shapes[prefix+name] = shape
		}
		for j, c := range s.Cases {
			var op map[string]any
			if err := json.Unmarshal(c["given"], &op); err != nil {
				return err
			}
			payload(op[direction], s.Shapes)
			rename(op, prefix)
			op["name"] = fmt.Sprintf("%sCase%d", prefix, j+1)
			if _, ok := op["http"]; !ok {
				op["http"] = map[string]any{"method": "POST", "requestUri": "/"}
			}
			operations[op["name"].(string)] = op
			kept := map[string]any{"operation": op["name"], "description": s.Description}
			for k, v := range c {
				if k != "given" {
					kept[k] = v
				}
			}
			cases = append(cases, kept)
		}
	}
	pkg := direction + strings.ReplaceAll(protocol, "-", "")
	metadata := map[string]any{"protocol": protocol, "serviceId": pkg, "serviceFullName": "the vectors",
		"endpointPrefix": pkg, "apiVersion": "2014-01-01", "jsonVersion": "1.1"}
	if err := writeTypes(pkg, map[string]any{"metadata": metadata, "shapes": shapes, "operations": operations}); err != nil {
		return err
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(cases); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join("testdata", pkg+".json"), out.Bytes(), 0o644)
}

// payload moves the trait from an operation's reference to the structure, where the models of services have it. The
// structures are written after all cases have been read.
func payload(ref any, shapes map[string]map[string]any) {
	traits, _ := ref.(map[string]any)
	name, _ := traits["shape"].(string)
	if member, ok := traits["payload"]; ok && shapes[name] != nil {
		shapes[name]["payload"] = member
	}
}

// rename puts the prefix before every reference to a shape below v.
func rename(v any, prefix string) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if name, ok := e.(string); ok && k == "shape" {
				v[k] = prefix + name
			} else {
				rename(e, prefix)
			}
		}
	case []any:
		for _, e := range v {
			rename(e, prefix)
		}
	}
}

func writeTypes(pkg string, api map[string]any) error {
	data, err := json.Marshal(api)
	if err != nil {
		return err
	}
	tree, err := model.ParseTree(data)
	if err != nil {
		return err
	}
	m, err := model.Load(tree)
	if err != nil {
		return err
	}
	files, err := gen.Generate(m, gen.Options{Package: pkg})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(pkg, 0o755); err != nil {
		return err
	}
	if err := os.MkdirAll("testdata", 0o755); err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(pkg, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
