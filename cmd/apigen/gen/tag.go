package gen

import (
	"fmt"
	"strconv"
	"strings"

	"drydock/cmd/apigen/model"
)

// tag collects the options of one aws tag and the patterns beside it. The first invalid option is kept in err.
type tag struct {
	options  []string
	patterns []string
	err      error
}

func (t *tag) flag(name string, on bool) {
	if on {
		t.options = append(t.options, name)
	}
}

func (t *tag) set(name, value string) {
	if value == "" {
		return
	}
	if strings.Contains(value, ",") && t.err == nil {
		t.err = fmt.Errorf("option %s=%s contains a comma", name, value)
	}
	t.options = append(t.options, name+"="+value)
}

func (t *tag) pattern(key, value string) {
	if value != "" {
		t.patterns = append(t.patterns, key+":"+strconv.Quote(value))
	}
}

// literal returns the tag as a Go string literal.
func (t *tag) literal(name string) string {
	text := "aws:" + strconv.Quote(strings.Join(append([]string{name}, t.options...), ","))
	if len(t.patterns) > 0 {
		text += " " + strings.Join(t.patterns, " ")
	}
	if strings.Contains(text, "`") || !strconv.CanBackquote(text) {
		return strconv.Quote(text)
	}
	return "`" + text + "`"
}

// locations maps the model's locations to options.
var locations = map[string]string{
	"header": "header", "headers": "headers", "uri": "uri", "querystring": "query", "statusCode": "status",
}

// memberTag writes the tag of a structure's member.
func (g *generator) memberTag(owner *model.Shape, m *model.Member, streaming bool) (string, error) {
	t := new(tag)
	name := m.WireName()
	if strings.ContainsAny(name, ",") {
		return "", fmt.Errorf("wire name %q contains a comma", name)
	}
	if name != m.Name {
		t.set("member", m.Name)
	}
	t.flag("required", m.Required)
	if location := m.String("location"); location != "" {
		option, ok := locations[location]
		if !ok {
			return "", fmt.Errorf("unknown location %q", location)
		}
		t.flag(option, true)
	}
	t.flag("payload", owner.Payload == m.Name)
	t.flag("stream", streaming)
	t.flag("attr", m.Bool("xmlAttribute"))
	uri, prefix := m.Namespace()
	t.set("ns", uri)
	t.set("nsprefix", prefix)
	if q := g.queryName(m); q != name {
		t.set("qname", q)
	}
	t.flag("token", m.Bool("idempotencyToken"))
	t.flag("host", m.Bool("hostLabel"))
	t.flag("sensitive", sensitive(m.Ref))
	t.flag("deprecated", m.Bool("deprecated"))
	t.flag("eventheader", m.Bool("eventheader"))
	t.flag("eventpayload", m.Bool("eventpayload"))
	g.valueOptions(t, m.Ref, "", 0)
	return t.literal(name), t.err
}

// queryName returns the name of a member in the form of a query: only the ec2 protocol has one of its own.
func (g *generator) queryName(m *model.Member) string {
	if len(g.model.Metadata.Protocols) == 0 || g.model.Metadata.Protocols[0] != "ec2" {
		return m.WireName()
	}
	if q := m.String("queryName"); q != "" {
		return q
	}
	name := m.WireName()
	return strings.ToUpper(name[:1]) + name[1:]
}

// valueOptions writes what depends on the value's shape, and below "each." on the shape of its elements.
func (g *generator) valueOptions(t *tag, r *model.Ref, prefix string, depth int) {
	t.set(prefix+"min", r.Number("min"))
	t.set(prefix+"max", r.Number("max"))
	switch depth {
	case 0:
		t.pattern("pattern", r.String("pattern"))
	case 1:
		t.pattern("eachpattern", r.String("pattern"))
	}
	switch r.Shape.Type {
	case "list", "map":
		t.flag(prefix+"flat", r.Bool("flattened"))
		e := r.Shape.Element
		if r.Shape.Type == "list" {
			item := e.String("locationName")
			if item != "member" || r.Bool("flattened") {
				t.set(prefix+"item", item)
			}
			uri, nsprefix := e.Namespace()
			t.set(prefix+"itemns", uri)
			t.set(prefix+"itemnsprefix", nsprefix)
		} else {
			t.set(prefix+"key", notDefault(r.Shape.Key.String("locationName"), "key"))
			t.set(prefix+"value", notDefault(e.String("locationName"), "value"))
			t.set(prefix+"key.min", r.Shape.Key.Number("min"))
			t.set(prefix+"key.max", r.Shape.Key.Number("max"))
			if depth == 0 {
				t.pattern("keypattern", r.Shape.Key.String("pattern"))
			}
		}
		g.valueOptions(t, e, prefix+"each.", depth+1)
	case "timestamp":
		if format := r.String("timestampFormat"); format != g.timestampDefault(r) {
			t.set(prefix+"ts", format)
		}
	case "string", "structure":
		t.flag(prefix+"json", r.Bool("jsonvalue"))
	}
}

func notDefault(name, standard string) string {
	if name == standard {
		return ""
	}
	return name
}

// timestampDefault returns the format of timestamps at a location, in the model's own protocol. Where a model has more
// than one protocol, every format it names is written down.
func (g *generator) timestampDefault(r *model.Ref) string {
	switch r.String("location") {
	case "header", "headers":
		return "rfc822"
	case "uri", "querystring":
		return "iso8601"
	}
	if len(g.model.Metadata.Protocols) != 1 {
		return ""
	}
	switch g.model.Metadata.Protocols[0] {
	case "json", "rest-json":
		return "unixTimestamp"
	case "smithy-rpc-v2-cbor":
		return ""
	}
	return "iso8601"
}

// sensitive tells whether a value, or an element of it, must not be logged.
func sensitive(r *model.Ref) bool {
	for depth := 0; r != nil && depth < maxNesting; depth++ {
		if r.Bool("sensitive") || r.Shape.Key != nil && r.Shape.Key.Bool("sensitive") {
			return true
		}
		r = r.Shape.Element
	}
	return false
}

// structTag writes the options of the blank field that describes a structure, or "" where there is nothing to say.
func structTag(s *model.Shape, use *model.Ref, goName string) (string, error) {
	t := new(tag)
	if s.Name != goName {
		t.set("shape", s.Name)
	}
	t.set("root", use.String("locationName"))
	uri, prefix := use.Namespace()
	t.set("ns", uri)
	t.set("nsprefix", prefix)
	t.set("payload", s.Payload)
	t.flag("union", s.Union)
	if s.Exception {
		t.set("error", use.ErrorCode())
	}
	t.flag("stream", s.EventStream)
	t.flag("result", use.Bool("unwrapped"))
	for _, name := range use.Strings("obsolete") {
		t.set("obsolete", name)
	}
	if len(t.options) == 0 {
		return "", nil
	}
	first, rest := t.options[0], t.options[1:]
	t.options = rest
	return t.literal(first), t.err
}
