package xmldsig

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Canonical is the exclusive canonical form, without comments, of an element (W3C, Exclusive XML Canonicalization 1.0).
// skip, if it is not nil, is left out. The namespaces of inclusive prefixes ("#default" for the default one) are written as
// in inclusive canonical form.
func Canonical(e, skip *Element, inclusive []string) []byte {
	c := &canonical{skip: skip, inclusive: inclusive}
	c.element(e, map[string]string{})
	return c.out.Bytes()
}

type canonical struct {
	out       bytes.Buffer
	skip      *Element
	inclusive []string
}

// element writes an element; rendered are the namespaces that its ancestors in the output have declared.
func (c *canonical) element(e *Element, rendered map[string]string) {
	declare := map[string]string{}
	need := func(prefix string) {
		space, _ := e.namespace(prefix)
		if prefix == "xml" || rendered[prefix] == space {
			return
		}
		declare[prefix] = space
	}
	need(e.Prefix)
	for _, a := range e.Attributes {
		if a.Prefix != "" {
			need(a.Prefix)
		}
	}
	for _, prefix := range c.inclusive {
		if prefix == "#default" {
			prefix = ""
		}
		if _, known := e.namespace(prefix); known {
			need(prefix)
		}
	}
	name := qualified(e.Prefix, e.Name.Local)
	c.out.WriteString("<" + name)
	for _, prefix := range slices.Sorted(maps.Keys(declare)) {
		if prefix == "" {
			c.out.WriteString(` xmlns="`)
		} else {
			c.out.WriteString(` xmlns:` + prefix + `="`)
		}
		c.out.WriteString(attributeEscapes.Replace(declare[prefix]) + `"`)
	}
	attributes := slices.Clone(e.Attributes)
	slices.SortFunc(attributes, func(a, b Attribute) int {
		return cmp.Or(cmp.Compare(a.Name.Space, b.Name.Space), cmp.Compare(a.Name.Local, b.Name.Local))
	})
	for _, a := range attributes {
		c.out.WriteString(" " + qualified(a.Prefix, a.Name.Local) + `="` + attributeEscapes.Replace(a.Value) + `"`)
	}
	c.out.WriteByte('>')
	if len(declare) > 0 {
		below := maps.Clone(rendered)
		maps.Copy(below, declare)
		rendered = below
	}
	for _, n := range e.Children {
		switch {
		case n.Element == nil:
			c.out.WriteString(textEscapes.Replace(n.Text))
		case n.Element != c.skip:
			c.element(n.Element, rendered)
		}
	}
	c.out.WriteString("</" + name + ">")
}

func qualified(prefix, local string) string {
	if prefix == "" {
		return local
	}
	return prefix + ":" + local
}

var (
	textEscapes      = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#xD;")
	attributeEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;", "\t", "&#x9;", "\n", "&#xA;", "\r", "&#xD;")
)
