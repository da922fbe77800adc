package buildspec

import (
	"strconv"

	"go.yaml.in/yaml/v3"
)

func (r *reader) batch(block entry) *Batch {
	b := &Batch{}
	kinds := 0
	for _, e := range r.entries(block.value, "batch") {
		switch e.key {
		case "fast-fail":
			b.FastFail = r.flag(e.value, e.key)
		case "build-list":
			b.List = r.batchBuilds(e)
			kinds++
		case "build-graph":
			b.Graph = r.batchBuilds(e)
			r.checkGraph(e, b.Graph)
			kinds++
		case "build-matrix":
			b.Matrix = r.matrix(e.value)
			kinds++
		case "build-fanout":
			b.Fanout = &Fanout{}
			for _, e := range r.entries(e.value, e.key) {
				switch e.key {
				case "parallelism":
					b.Fanout.Parallelism = r.number(e.value, e.key, 1, 100)
				case "ignore-failure":
					b.Fanout.IgnoreFailure = r.flag(e.value, e.key)
				default:
					r.ignore(e, "build-fanout")
				}
			}
			kinds++
		default:
			r.ignore(e, "batch")
		}
	}
	if kinds > 1 {
		fail(block.line, "Expected batch to hold one of build-list, build-matrix, build-graph and build-fanout: found %d", kinds)
	}
	return b
}

func (r *reader) batchBuilds(block entry) []BatchBuild {
	n := r.visit(block.value)
	if n.Kind != yaml.SequenceNode {
		fail(n.Line, "Expected %s to be of list type: found %s instead", block.key, kindOf(n))
	}
	var found []BatchBuild
	seen := map[string]bool{}
	for _, item := range n.Content {
		var b BatchBuild
		for _, e := range r.entries(item, block.key) {
			switch e.key {
			case "identifier":
				b.Identifier = r.text(e.value, e.key)
			case "buildspec":
				b.Buildspec = r.text(e.value, e.key)
			case "debug-session":
				b.DebugSession = r.flag(e.value, e.key)
			case "ignore-failure":
				b.IgnoreFailure = r.flag(e.value, e.key)
			case "depend-on":
				b.DependsOn = r.texts(e.value, "DependOn")
			case "env":
				b.Env = r.batchEnv(e.value)
			default:
				r.ignore(e, block.key)
			}
		}
		if b.Identifier == "" || seen[b.Identifier] {
			fail(item.Line, "Expected each member of %s to have an identifier of its own: found %q", block.key, b.Identifier)
		}
		seen[b.Identifier] = true
		found = append(found, b)
	}
	return found
}

// checkGraph wants every dependency to be a member, and none to wait for itself.
func (r *reader) checkGraph(block entry, builds []BatchBuild) {
	member := map[string]*BatchBuild{}
	for i := range builds {
		member[builds[i].Identifier] = &builds[i]
	}
	waiting := map[string]int{}
	next := map[string][]string{}
	var ready []string
	for _, b := range builds {
		for _, on := range b.DependsOn {
			if member[on] == nil {
				fail(block.line, "Member %q of build-graph depends on %q, which is no member,", b.Identifier, on)
			}
			next[on] = append(next[on], b.Identifier)
		}
		if waiting[b.Identifier] = len(b.DependsOn); len(b.DependsOn) == 0 {
			ready = append(ready, b.Identifier)
		}
	}
	for done := 0; done < len(ready); done++ {
		for _, id := range next[ready[done]] {
			if waiting[id]--; waiting[id] == 0 {
				ready = append(ready, id)
			}
		}
	}
	if len(ready) != len(builds) {
		fail(block.line, "Members of build-graph depend on each other in a circle")
	}
}

func (r *reader) batchEnv(n *yaml.Node) BatchEnv {
	var env BatchEnv
	for _, e := range r.entries(n, "env") {
		switch e.key {
		case "compute-type":
			env.ComputeType = r.text(e.value, e.key)
		case "fleet":
			env.Fleet = r.text(e.value, e.key)
		case "image":
			env.Image = r.text(e.value, e.key)
		case "type":
			env.Type = r.text(e.value, e.key)
		case "privileged-mode":
			env.PrivilegedMode = new(r.flag(e.value, e.key))
		case "variables":
			env.Variables = r.variables(e.value, e.key)
		default:
			r.ignore(e, "env")
		}
	}
	return env
}

func (r *reader) matrix(n *yaml.Node) *Matrix {
	m := &Matrix{}
	for _, e := range r.entries(n, "build-matrix") {
		switch e.key {
		case "static":
			for _, e := range r.entries(e.value, e.key) {
				switch e.key {
				case "ignore-failure":
					m.IgnoreFailure = r.flag(e.value, e.key)
				case "env":
					m.Static = r.batchEnv(e.value)
				default:
					r.ignore(e, "static")
				}
			}
		case "dynamic":
			r.dynamic(m, e.value)
		default:
			r.ignore(e, "build-matrix")
		}
	}
	return m
}

func (r *reader) dynamic(m *Matrix, n *yaml.Node) {
	for _, e := range r.entries(n, "dynamic") {
		switch e.key {
		case "buildspec":
			m.Buildspecs = r.texts(e.value, e.key)
		case "env":
			for _, e := range r.entries(e.value, e.key) {
				switch e.key {
				case "compute-type":
					m.ComputeTypes = r.texts(e.value, e.key)
				case "image":
					m.Images = r.texts(e.value, e.key)
				case "variables":
					for _, v := range r.entries(e.value, e.key) {
						m.Variables = append(m.Variables, MatrixVariable{v.key, r.texts(v.value, v.key)})
					}
				default:
					r.ignore(e, "env")
				}
			}
		default:
			r.ignore(e, "dynamic")
		}
	}
}

// MaxBatchBuilds is how many builds a batch has at most, whatever its restrictions say.
const MaxBatchBuilds = 100

// Builds are the builds of the batch: the members of its list or graph, or what its matrix multiplies out to, whose
// identifiers are build0, build1 and so on. ok is false where there are more than MaxBatchBuilds.
func (b *Batch) Builds() (builds []BatchBuild, ok bool) {
	builds = append(builds, b.List...)
	builds = append(builds, b.Graph...)
	if b.Matrix != nil {
		if builds, ok = b.Matrix.builds(); !ok {
			return nil, false
		}
	}
	return builds, len(builds) <= MaxBatchBuilds
}

func (m *Matrix) builds() ([]BatchBuild, bool) {
	first := BatchBuild{IgnoreFailure: m.IgnoreFailure, Env: m.Static}
	builds := []BatchBuild{first}
	multiply := func(values []string, set func(b *BatchBuild, value string)) bool {
		if len(values) == 0 {
			return true
		}
		if len(builds)*len(values) > MaxBatchBuilds {
			return false
		}
		var next []BatchBuild
		for _, b := range builds {
			for _, value := range values {
				one := b
				one.Env.Variables = append([]Variable(nil), b.Env.Variables...)
				set(&one, value)
				next = append(next, one)
			}
		}
		builds = next
		return true
	}
	ok := multiply(m.Buildspecs, func(b *BatchBuild, v string) { b.Buildspec = v }) &&
		multiply(m.ComputeTypes, func(b *BatchBuild, v string) { b.Env.ComputeType = v }) &&
		multiply(m.Images, func(b *BatchBuild, v string) { b.Env.Image = v })
	for _, variable := range m.Variables {
		ok = ok && multiply(variable.Values, func(b *BatchBuild, v string) {
			b.Env.Variables = append(b.Env.Variables, Variable{variable.Name, v})
		})
	}
	if !ok {
		return nil, false
	}
	for i := range builds {
		builds[i].Identifier = "build" + strconv.Itoa(i)
	}
	return builds, true
}
