package policy

import (
	"slices"
	"strings"
	"unicode"
)

// Kind is what a document is written for. It decides which elements the document must have, which it must not, and how
// errors are worded.
type Kind string

// The kinds of document.
const (
	// KindManaged is a managed policy, also one used as a permissions boundary. It must name version 2012-10-17.
	KindManaged Kind = "managed"
	// KindInline is a policy embedded in a user, group or role.
	KindInline Kind = "inline"
	// KindSession is a policy passed to STS.
	KindSession Kind = "session"
	// KindTrust is a role's trust policy. It names principals and no resources.
	KindTrust Kind = "trust"
	// KindResource is a policy of any other resource, such as a bucket or a key. Errors are worded as S3 does.
	KindResource Kind = "resource"
	// KindSCP is a service control policy.
	KindSCP Kind = "scp"
	// KindRCP is a resource control policy.
	KindRCP Kind = "rcp"
)

// The versions of the policy language.
const (
	Version2008 = "2008-10-17"
	Version2012 = "2012-10-17"
)

// Effect is what a statement does when it matches.
type Effect string

// The two effects.
const (
	Allow Effect = "Allow"
	Deny  Effect = "Deny"
)

// Document is a parsed policy. It is immutable.
type Document struct {
	Kind Kind
	// Version is the one the document names; without one it is Version2008.
	Version    string
	ID         string
	Statements []Statement
}

// Statement is one statement of a document, as written and compiled.
type Statement struct {
	Sid    string
	Effect Effect
	// Actions and Resources are as written, of NotAction and NotResource where the flags say so.
	Actions     []string
	NotAction   bool
	Resources   []string
	NotResource bool
	// Principals is nil when the statement names none.
	Principals *Principals
	Conditions []Condition
	// Start is the statement's first character in the text, End the one behind its last.
	Start, End Position

	actions   actionSet
	resources []arnPattern
}

// Position is a place in a document's text; both count from 1, Column in bytes.
type Position struct {
	Line, Column int
}

// Source is a document with where it comes from.
type Source struct {
	// Name is what explanations call the policy: its name, or its ARN.
	Name     string
	Document *Document
}

// ContextKeys returns the condition keys and variables that the document mentions, as written, sorted, each once
// whatever its case.
func (d *Document) ContextKeys() []string {
	seen := map[string]bool{}
	var keys []string
	add := func(key string) {
		if low := strings.ToLower(key); !seen[low] {
			seen[low] = true
			keys = append(keys, key)
		}
	}
	for i := range d.Statements {
		st := &d.Statements[i]
		for j := range st.resources {
			st.resources[j].variables(add)
		}
		for j := range st.Conditions {
			c := &st.Conditions[j]
			add(c.Key)
			for k := range c.values {
				c.values[k].text.variables(add)
			}
		}
	}
	slices.Sort(keys)
	return keys
}

// Size is the length of a document as IAM's quotas count it: characters that are not white space.
func Size(text string) int {
	n := 0
	for _, r := range text {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

// matchAction tells whether the statement is about the action.
func (st *Statement) matchAction(action, vendor, name string) bool {
	return st.actions.match(action, vendor, name) != st.NotAction
}

// matchResource tells whether the statement is about the resource; one without Resource, as in a trust policy, is
// about every resource.
func (st *Statement) matchResource(resource string, g *segments, ctx Values) bool {
	if st.resources == nil {
		return true
	}
	for i := range st.resources {
		if st.resources[i].match(resource, g, ctx) {
			return !st.NotResource
		}
	}
	return st.NotResource
}

// GrantsService tells whether a statement allows any action of a service, whatever its resources and conditions. service is
// the prefix of the actions, such as "s3".
func (d *Document) GrantsService(service string) bool {
	for i := range d.Statements {
		if st := &d.Statements[i]; st.Effect == Allow && st.coversService(service) {
			return true
		}
	}
	return false
}

// coversService tells whether the statement is about any action of a service.
func (st *Statement) coversService(service string) bool {
	if st.NotAction {
		// All of the service is left out, or something of it is left.
		return !slices.ContainsFunc(st.Actions, func(a string) bool {
			vendor, name, _ := strings.Cut(a, ":")
			return a == "*" || strings.EqualFold(vendor, service) && name == "*"
		})
	}
	return slices.ContainsFunc(st.Actions, func(a string) bool {
		vendor, _, _ := strings.Cut(a, ":")
		return a == "*" || vendor == "*" || strings.EqualFold(vendor, service)
	})
}
