package buildspec

import (
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Parse reads a build specification. Its error is always an *Error. Any input is safe: size, depth and aliases are
// limited.
func Parse(text []byte) (spec *Spec, err error) {
	defer func() {
		if v := recover(); v != nil {
			f, ok := v.(failure)
			if !ok {
				panic(v)
			}
			spec, err = nil, f.err
		}
	}()
	if len(text) > maxBytes {
		fail(0, "build specification is longer than %d bytes", maxBytes)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, syntaxError(err)
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		fail(0, "YAML file is empty")
	}
	r := &reader{}
	spec = r.spec(doc.Content[0])
	spec.Warnings = r.warnings
	return spec, nil
}

var yamlLine = regexp.MustCompile(`^(?:yaml: )?(?:line ([0-9]+): )?((?s).*)$`)

// syntaxError words an error of the YAML parser as build logs show it: what, then "at line N".
func syntaxError(err error) *Error {
	m := yamlLine.FindStringSubmatch(err.Error())
	line, convErr := strconv.Atoi(m[1])
	if convErr != nil {
		return &Error{Message: m[2]}
	}
	return &Error{Line: line, Message: m[2] + " at line " + m[1]}
}

func (r *reader) spec(n *yaml.Node) *Spec {
	s := &Spec{}
	n = r.visit(n)
	if n.Kind != yaml.MappingNode {
		fail(n.Line, "wrong number of container tags, expected 1")
	}
	top := r.entries(n, "buildspec")
	// The version first, wherever it stands: it decides what other keys mean.
	for _, e := range top {
		if e.key == "version" {
			if s.Version = r.text(e.value, "version"); s.Version != "0.1" && s.Version != "0.2" {
				fail(e.line, "Unsupported buildspec version %q: expected 0.1 or 0.2", s.Version)
			}
		}
	}
	hasPhases := false
	for _, e := range top {
		switch e.key {
		case "version":
		case "run-as":
			s.RunAs = r.text(e.value, e.key)
		case "env":
			r.env(s, e.value)
		case "environment_variables":
			if s.Version != "0.1" {
				r.ignore(e, "the buildspec")
				continue
			}
			for _, e := range r.entries(e.value, e.key) {
				if e.key == "plaintext" {
					s.Env.Variables = r.variables(e.value, "plaintext")
				} else {
					r.ignore(e, "environment_variables")
				}
			}
		case "proxy":
			for _, e := range r.entries(e.value, e.key) {
				switch e.key {
				case "upload-artifacts":
					s.Proxy.UploadArtifacts = r.flag(e.value, e.key)
				case "logs":
					s.Proxy.Logs = r.flag(e.value, e.key)
				default:
					r.ignore(e, "proxy")
				}
			}
		case "batch":
			s.Batch = r.batch(e)
		case "phases":
			hasPhases = true
			s.Phases = r.phases(e)
		case "reports":
			s.Reports = r.reports(e.value)
		case "artifacts":
			a := r.artifacts(e, true)
			s.Artifacts = &a
		case "cache":
			s.Cache = r.cache(e.value)
		default:
			r.ignore(e, "the buildspec")
		}
	}
	if s.Version == "" || !hasPhases {
		// What build logs show for files that are no build specification, such as one without a version or phases.
		fail(0, "wrong number of container tags, expected 1")
	}
	return s
}

func (r *reader) env(s *Spec, n *yaml.Node) {
	for _, e := range r.entries(n, "env") {
		switch e.key {
		case "shell":
			switch shell := r.text(e.value, e.key); shell {
			case "bash", "/bin/sh", "":
				s.Env.Shell = shell
			case "powershell.exe", "cmd.exe":
				fail(e.line, "Shell %s is not supported on Linux: expected bash or /bin/sh", shell)
			default:
				fail(e.line, "Unknown shell %q: expected bash or /bin/sh", shell)
			}
		case "variables":
			s.Env.Variables = append(s.Env.Variables, r.variables(e.value, e.key)...)
		case "parameter-store":
			s.Env.ParameterStore = r.variables(e.value, e.key)
		case "secrets-manager":
			for _, v := range r.variables(e.value, e.key) {
				secret, ok := parseSecret(v)
				if !ok {
					fail(e.line, "Invalid secret %q of %s: expected secret-id:json-key:version-stage:version-id", v.Value, v.Name)
				}
				s.Env.SecretsManager = append(s.Env.SecretsManager, secret)
			}
		case "exported-variables":
			s.Env.ExportedVariables = r.texts(e.value, e.key)
		case "git-credential-helper":
			s.Env.GitCredentialHelper = r.flag(e.value, e.key)
		default:
			r.ignore(e, "env")
		}
	}
}

// parseSecret takes apart secret-id:json-key:version-stage:version-id, where the id may be an ARN, itself with colons.
func parseSecret(v Variable) (Secret, bool) {
	parts := strings.Split(v.Value, ":")
	idParts := 1
	if parts[0] == "arn" {
		idParts = 7
	}
	if len(parts) < idParts || len(parts) > idParts+3 {
		return Secret{}, false
	}
	rest := append(parts[idParts:len(parts):len(parts)], "", "", "")
	s := Secret{Name: v.Name, SecretID: strings.Join(parts[:idParts], ":"), JSONKey: rest[0], VersionStage: rest[1], VersionID: rest[2]}
	return s, s.SecretID != ""
}

func (r *reader) phases(block entry) Phases {
	var p Phases
	for _, e := range r.entries(block.value, "phases") {
		switch e.key {
		case "install":
			p.Install = r.phase(e)
		case "pre_build":
			p.PreBuild = r.phase(e)
		case "build":
			p.Build = r.phase(e)
		case "post_build":
			p.PostBuild = r.phase(e)
		default:
			fail(e.line, "Unknown phase %q: expected install, pre_build, build or post_build", e.key)
		}
	}
	if p == (Phases{}) {
		fail(block.line, "Expected phases to hold at least one of install, pre_build, build and post_build: found nothing")
	}
	return p
}

func (r *reader) phase(block entry) *Phase {
	p := &Phase{}
	for _, e := range r.entries(block.value, block.key) {
		switch e.key {
		case "run-as":
			p.RunAs = r.text(e.value, e.key)
		case "on-failure":
			p.OnFailure = r.onFailure(e)
		case "runtime-versions":
			p.RuntimeVersions = r.runtimes(e.value)
		case "commands":
			p.Commands = r.texts(e.value, "Commands")
		case "finally":
			p.Finally = r.texts(e.value, "Finally")
		default:
			r.ignore(e, "phase "+block.key)
		}
	}
	return p
}

// retries is how often a phase is tried again where on-failure names no number.
const retries = 3

func (r *reader) onFailure(e entry) OnFailure {
	s := r.text(e.value, e.key)
	word, rest, hasRest := strings.Cut(s, "-")
	switch action := Action(strings.ToUpper(word)); {
	case action == ActionRetry:
		f := OnFailure{Action: ActionRetry, Retries: retries, Pattern: ".*"}
		if !hasRest {
			return f
		}
		number, pattern, hasPattern := strings.Cut(rest, "-")
		if n, err := strconv.Atoi(number); err == nil {
			if n < 0 || n > 100 {
				fail(e.line, "Invalid on-failure %q: expected a count from 0 to 100", s)
			}
			f.Retries, rest = n, pattern
			if !hasPattern {
				return f
			}
		}
		if _, err := regexp.Compile(rest); err != nil || rest == "" {
			fail(e.line, "Invalid on-failure %q: expected a regular expression", s)
		}
		f.Pattern = rest
		return f
	case !hasRest && (action == ActionAbort || action == ActionContinue || action == ActionDefault):
		return OnFailure{Action: action}
	}
	fail(e.line, "Invalid on-failure %q: expected ABORT, CONTINUE or RETRY", s)
	return OnFailure{}
}

// runtimes reads runtime: version pairs, also where each stands in a list item of its own.
func (r *reader) runtimes(n *yaml.Node) []Variable {
	n = r.visit(n)
	if n.Kind != yaml.SequenceNode {
		return r.variables(n, "runtime-versions")
	}
	var found []Variable
	for i, item := range n.Content {
		item = r.visit(item)
		if item.Kind == yaml.MappingNode {
			found = append(found, r.variables(item, "runtime-versions")...)
			continue
		}
		name, version, ok := strings.Cut(r.text(item, "runtime-versions"), ":")
		if !ok {
			fail(item.Line, "Expected runtime-versions[%d] to be of the form runtime: version: found %q instead", i, item.Value)
		}
		found = append(found, Variable{strings.TrimSpace(name), strings.TrimSpace(version)})
	}
	return found
}
