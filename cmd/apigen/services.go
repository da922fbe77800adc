package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"drydock/cmd/apigen/gen"
	"drydock/cmd/apigen/model"

	// The models are read from this module's folder; the import keeps the module, and its version, in go.mod.
	_ "github.com/aws/aws-sdk-go/aws/awserr" //nolint:staticcheck // deprecated as a client; its models are what is wanted
)

const modelsModule = "github.com/aws/aws-sdk-go"

// service is one line of services.txt.
type service struct {
	// Package is the name of the generated package and its folder.
	Package string
	// Model is the folder of the model below the module's models/apis, or the path of a model file.
	Model string
	// Prefix stands before the colon of the service's IAM actions; empty means its signing name.
	Prefix string
}

// parseServices reads services.txt: a line "package model [iam=PREFIX]" for each service, comments after "#".
func parseServices(text string) ([]service, error) {
	var services []service
	seen := map[string]bool{}
	for i, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if len(words) < 2 {
			return nil, fmt.Errorf("line %d: a package needs a model", i+1)
		}
		s := service{Package: words[0], Model: words[1]}
		switch {
		case !token.IsIdentifier(s.Package) || s.Package != strings.ToLower(s.Package):
			return nil, fmt.Errorf("line %d: %q is no package name", i+1, s.Package)
		case seen[s.Package]:
			return nil, fmt.Errorf("line %d: %s is there twice", i+1, s.Package)
		}
		seen[s.Package] = true
		for _, option := range words[2:] {
			key, value, _ := strings.Cut(option, "=")
			if key != "iam" || value == "" {
				return nil, fmt.Errorf("line %d: unknown option %q", i+1, option)
			}
			s.Prefix = value
		}
		services = append(services, s)
	}
	return services, nil
}

// modelsDir returns the folder of the module's models in the module cache.
func modelsDir(dir string) (string, error) {
	cmd := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", modelsModule)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("looking for %s: %w: %s", modelsModule, err, stderr.Bytes())
	}
	root := strings.TrimSpace(string(out))
	if root == "" {
		return "", fmt.Errorf("%s is not in the module cache; run: go mod download %s", modelsModule, modelsModule)
	}
	return filepath.Join(root, "models", "apis"), nil
}

// path returns the file of the service's model.
func (s service) path(models, dir string) string {
	switch {
	case filepath.IsAbs(s.Model):
		return s.Model
	case strings.HasSuffix(s.Model, ".json"), strings.HasSuffix(s.Model, ".gz"):
		return filepath.Join(dir, s.Model)
	}
	return filepath.Join(models, filepath.FromSlash(s.Model), "api-2.json")
}

// render generates the files of every service in dir/services.txt: their contents by path relative to dir. The folder
// models is what modelsDir returns.
func render(dir, models string) (map[string][]byte, error) {
	text, err := os.ReadFile(filepath.Join(dir, "services.txt"))
	if err != nil {
		return nil, err
	}
	services, err := parseServices(string(text))
	if err != nil {
		return nil, fmt.Errorf("services.txt: %w", err)
	}
	out := map[string][]byte{}
	for _, s := range services {
		files, err := s.render(models, dir)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Package, err)
		}
		for name, content := range files {
			out[filepath.Join(s.Package, name)] = content
		}
	}
	return out, nil
}

func (s service) render(models, dir string) (map[string][]byte, error) {
	tree, err := model.ReadTree(s.path(models, dir))
	if err != nil {
		return nil, err
	}
	for _, name := range []string{s.Package + ".newer.json", s.Package + ".json"} {
		patch, err := model.ReadTree(filepath.Join(dir, "patches", name))
		switch {
		case err == nil:
			model.MergePatch(tree, patch)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
	}
	m, err := model.Load(tree)
	if err != nil {
		return nil, err
	}
	prefix := s.Prefix
	if prefix == "" {
		prefix = m.Metadata.SigningName
	}
	name := filepath.Join("authz", s.Package+".txt")
	facts, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	grants, err := parseGrants(string(facts), prefix, m)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return gen.Generate(m, gen.Options{Package: s.Package, Grants: grants})
}

// generate writes what render returns below dir and removes generated files that are no longer made.
func generate(dir, models string) error {
	files, err := render(dir, models)
	if err != nil {
		return err
	}
	existing, err := filepath.Glob(filepath.Join(dir, "*", "*_gen.go"))
	if err != nil {
		return err
	}
	for _, path := range existing {
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if _, keep := files[rel]; keep {
			continue
		}
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	for name, content := range files {
		path := filepath.Join(dir, name)
		if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, content) {
			continue // an unchanged file keeps its time
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
