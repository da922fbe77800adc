package buildspec

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// fileFormats are the report formats of "Test report" in AWS's user guide; their case does not matter.
var fileFormats = []string{
	"CUCUMBERJSON", "JUNITXML", "NUNITXML", "NUNIT3XML", "TESTNGXML", "VISUALSTUDIOTRX",
	"CLOVERXML", "COBERTURAXML", "JACOCOXML", "SIMPLECOV", "LCOV",
}

func (r *reader) reports(n *yaml.Node) []Report {
	var found []Report
	for _, block := range r.entries(n, "reports") {
		rep := Report{Group: block.key, FileFormat: "JUNITXML"}
		for _, e := range r.entries(block.value, block.key) {
			switch e.key {
			case "files":
				rep.Files = r.texts(e.value, "Files")
			case "base-directory":
				rep.BaseDirectory = r.text(e.value, e.key)
			case "discard-paths":
				rep.DiscardPaths = r.flag(e.value, e.key)
			case "file-format":
				rep.FileFormat = strings.ToUpper(r.text(e.value, e.key))
				if !slices.Contains(fileFormats, rep.FileFormat) {
					fail(e.line, "Unknown file-format %q: expected one of %s", rep.FileFormat, strings.Join(fileFormats, ", "))
				}
			default:
				r.ignore(e, "report "+block.key)
			}
		}
		if len(rep.Files) == 0 {
			fail(block.line, "Expected report %s to name files: found none", block.key)
		}
		found = append(found, rep)
	}
	return found
}

func (r *reader) artifacts(block entry, main bool) Artifacts {
	a := Artifacts{}
	where := "artifacts"
	if !main {
		a.Identifier, where = block.key, "artifacts "+block.key
	}
	for _, e := range r.entries(block.value, where) {
		switch e.key {
		case "files":
			a.Files = r.texts(e.value, "Files")
		case "name":
			a.Name = r.text(e.value, e.key)
		case "discard-paths":
			a.DiscardPaths = r.flag(e.value, e.key)
		case "base-directory":
			a.BaseDirectory = r.text(e.value, e.key)
		case "exclude-paths":
			a.ExcludePaths = r.texts(e.value, "ExcludePaths")
		case "enable-symlinks":
			a.EnableSymlinks = r.flag(e.value, e.key)
		case "s3-prefix":
			a.S3Prefix = r.text(e.value, e.key)
		case "secondary-artifacts":
			if !main {
				r.ignore(e, where)
				continue
			}
			for _, s := range r.entries(e.value, e.key) {
				a.Secondary = append(a.Secondary, r.artifacts(s, false))
			}
		default:
			r.ignore(e, where)
		}
	}
	if len(a.Files) == 0 && len(a.Secondary) == 0 {
		fail(block.line, "Expected %s to name files: found none", where)
	}
	return a
}

func (r *reader) cache(n *yaml.Node) Cache {
	var c Cache
	for _, e := range r.entries(n, "cache") {
		switch e.key {
		case "key":
			c.Key = r.text(e.value, e.key)
		case "fallback-keys":
			c.FallbackKeys = r.texts(e.value, "FallbackKeys")
		case "action":
			if c.Action = r.text(e.value, e.key); c.Action != "restore" && c.Action != "save" {
				fail(e.line, "Invalid cache action %q: expected restore or save", c.Action)
			}
		case "paths":
			c.Paths = r.texts(e.value, "Paths")
		default:
			r.ignore(e, "cache")
		}
	}
	return c
}
