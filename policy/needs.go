package policy

import (
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	"drydock/aws"
)

// Need is one permission that a request needs: the action on every one of the resources.
type Need struct {
	// Action is the IAM action.
	Action string
	// Resources are ARNs, or "*" alone.
	Resources []string
	// Keys are the condition keys that come from the request.
	Keys Map
}

// Needs tells which permissions a call of an operation with an input needs, by the operation's Grants. The input is a
// pointer to the operation's generated structure; api/authz/README.md describes how its members fill the grants.
func Needs(call *aws.Call, op *aws.Operation, in any) []Need {
	input := reflect.Indirect(reflect.ValueOf(in))
	demands := demandsOf(op, input)
	needs := make([]Need, 0, len(demands))
	f := filler{call: call, input: input, text: make([]byte, 0, 128)}
	for i := range demands {
		d := &demands[i]
		if !d.applies(input) {
			continue
		}
		n := Need{Action: d.action}
		for j := range d.resources {
			n.Resources = f.fill(&d.resources[j], 0, 0, n.Resources)
		}
		if len(n.Resources) == 0 {
			n.Resources = []string{"*"}
		}
		for j := range d.keys {
			d.keys[j].addTo(&n.Keys, &f)
		}
		needs = append(needs, n)
	}
	return needs
}

// applies tells whether the call needs the permission at all.
func (d *demand) applies(input reflect.Value) bool {
	if len(d.when) == 0 {
		return true
	}
	for _, p := range d.when {
		if m := p.in(input); len(m.list()) > 0 {
			return !d.unless
		}
	}
	return d.unless
}

// filler fills templates for one call.
type filler struct {
	call  *aws.Call
	input reflect.Value
	text  []byte // what the template has come to so far
}

// fill appends to out every text that the template stands for. The pieces before at have come to the first n bytes.
func (f *filler) fill(t *template, at, n int, out []string) []string {
	if at == len(t.pieces) {
		return append(out, string(f.text[:n]))
	}
	p := &t.pieces[at]
	f.text = append(f.text[:n], p.text...)
	n = len(f.text)
	goOn := func(value string) {
		f.text = append(f.text[:n], value...)
		out = f.fill(t, at+1, len(f.text), out)
	}
	switch p.kind {
	case pieceText:
		goOn("")
		return out
	case pieceCall:
		if value, _ := callVariable(f.call, p.name); value != "" || p.name != "$User" {
			goOn(value)
		}
		return out
	case pieceMember:
	}
	found := p.member.in(f.input)
	values := found.list()
	if len(values) == 0 && p.hasFallback {
		fallback := p.fallback
		if value, ok := callVariable(f.call, fallback); ok {
			fallback = value
		}
		if fallback != "" {
			goOn(fallback)
		}
		return out
	}
	for _, v := range values {
		value := text(v)
		if p.filter != "" {
			value = filtered(p.filter, value)
		} else if isARN(value, t.service) {
			out = append(out, value)
			continue
		}
		goOn(value)
	}
	return out
}

// isARN tells whether a member holds an ARN of the service that may stand for itself.
func isARN(value, service string) bool {
	if service == noARN || !strings.HasPrefix(value, "arn:") {
		return false
	}
	arn, err := aws.ParseARN(value)
	return err == nil && (service == "" || arn.Service == service)
}

// callVariable returns a variable that comes from the call.
func callVariable(call *aws.Call, name string) (string, bool) {
	switch name {
	case "Partition":
		if call.Partition == "" {
			return "aws", true
		}
		return call.Partition, true
	case "Region":
		return call.Region, true
	case "Account":
		return call.Account, true
	case "$User":
		if call.Principal.Type == aws.PrincipalUser {
			return call.Principal.Name, true
		}
		return "", true
	}
	return "", false
}

// filtered takes a part out of a member's value.
func filtered(filter, value string) string {
	switch filter {
	case "name":
		if arn, err := aws.ParseARN(value); err == nil {
			value = arn.Resource
			if _, name, found := strings.Cut(value, "/"); found {
				value = name
			} else {
				return value[strings.LastIndexByte(value, ':')+1:]
			}
		}
		value, _, _ = strings.Cut(value, ":")
	case "group":
		if _, name, found := strings.Cut(value, ":log-group:"); found {
			value = name
		}
		value = strings.TrimSuffix(value, ":*")
	case "source":
		value, _, _ = strings.Cut(value, "?versionId=")
		if decoded, err := url.PathUnescape(value); err == nil {
			value = decoded
		}
		value = strings.TrimPrefix(value, "/")
	case "url":
		if _, rest, found := strings.Cut(value, "://"); found {
			value = rest
		}
	}
	return value
}

// addTo sets the condition keys that one entry of Grant.Keys stands for. The map is made for the first.
func (k *demandKey) addTo(m *Map, f *filler) {
	if k.literal != nil {
		m.make()[k.key] = k.literal
		return
	}
	if k.template != nil {
		if values := f.fill(k.template, 0, 0, nil); len(values) > 0 {
			m.make()[k.key] = values
		}
		return
	}
	found := k.member.in(f.input)
	for _, v := range found.list() {
		all := m.make()
		if !k.perEntry && !k.names {
			all.addAll(k.key, v)
			continue
		}
		entries(v, func(name, value string) {
			if k.perEntry {
				all[k.key+strings.ToLower(name)] = []string{value}
			} else {
				all[k.key] = append(all[k.key], name)
			}
		})
	}
}

// make returns the map, a new one if there is none yet.
func (m *Map) make() Map {
	if *m == nil {
		*m = Map{}
	}
	return *m
}

// addAll adds a value, or each element of a list.
func (m Map) addAll(key string, v reflect.Value) {
	if v.Kind() != reflect.Slice || v.Type().Elem().Kind() == reflect.Uint8 {
		m[key] = append(m[key], text(v))
		return
	}
	for i := range v.Len() {
		m[key] = append(m[key], text(v.Index(i)))
	}
}

// entries calls fn for each tag of a list of structures, for each entry of a map, for each pair of a query, and for each
// element of a list of keys.
func entries(v reflect.Value, fn func(name, value string)) {
	switch v.Kind() {
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			fn(text(it.Key()), text(it.Value()))
		}
	case reflect.Slice:
		for i := range v.Len() {
			e := v.Index(i)
			if e.Kind() != reflect.Struct {
				fn(text(e), "")
				continue
			}
			var name, value string
			for f := range e.NumField() {
				wire, _, _ := strings.Cut(e.Type().Field(f).Tag.Get("aws"), ",")
				switch strings.TrimPrefix(strings.ToLower(wire), "tag") {
				case "key":
					name = text(reflect.Indirect(e.Field(f)))
				case "value":
					value = text(reflect.Indirect(e.Field(f)))
				}
			}
			fn(name, value)
		}
	case reflect.String:
		pairs, err := url.ParseQuery(v.String())
		if err != nil {
			return // a malformed header is refused by the service
		}
		for name, values := range pairs {
			fn(name, values[0])
		}
	}
}

// sent tells whether a value counts as sent.
func sent(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String, reflect.Slice, reflect.Map:
		return v.Len() > 0
	case reflect.Bool:
		return v.Bool()
	case reflect.Interface:
		return !v.IsNil()
	default:
		return v.IsValid()
	}
}

// text writes a scalar as policies do.
func text(v reflect.Value) string {
	switch v.Kind() {
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case reflect.Int, reflect.Int32, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10)
	case reflect.Float32, reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'f', -1, 64)
	case reflect.Struct:
		if t, ok := reflect.TypeAssert[time.Time](v); ok {
			return t.UTC().Format(time.RFC3339)
		}
	}
	return ""
}
