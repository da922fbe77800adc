package policy

import (
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"sync"
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
	needs := make([]Need, 0, len(op.Grants))
	for i := range op.Grants {
		g := &op.Grants[i]
		if !applies(input, g.When) {
			continue
		}
		n := Need{Action: g.Action}
		for _, template := range g.Resources {
			n.Resources = fill(call, input, template, nil, arnService(template), n.Resources)
		}
		if len(n.Resources) == 0 {
			n.Resources = []string{"*"}
		}
		if len(g.Keys) > 0 {
			n.Keys = Map{}
			for _, key := range g.Keys {
				name, path, _ := strings.Cut(key, "=")
				n.Keys.add(call, strings.ToLower(name), path, input)
			}
		}
		needs = append(needs, n)
	}
	return needs
}

// applies tells whether a grant's When holds.
func applies(input reflect.Value, when string) bool {
	if when == "" {
		return true
	}
	paths, unless := strings.CutPrefix(when, "!")
	for path := range strings.SplitSeq(paths, "|") {
		if len(lookUp(input, path)) > 0 {
			return !unless
		}
	}
	return unless
}

// noARN is what arnService returns for templates no member of which may be an ARN.
const noARN = "-"

// arnService returns the service whose ARNs may take the place of the whole template, "" for any. A template with
// several members has none: else a key within a bucket that looks like an ARN would be taken for one.
func arnService(template string) string {
	members := 0
	for rest := template; ; {
		_, after, found := strings.Cut(rest, "${")
		if !found {
			break
		}
		switch name, _, _ := strings.Cut(after, "}"); name {
		case "Partition", "Region", "Account":
		default:
			members++
		}
		rest = after
	}
	if members != 1 {
		return noARN
	}
	_, rest, found := strings.Cut(template, ":")
	_, rest, _ = strings.Cut(rest, ":")
	service, _, more := strings.Cut(rest, ":")
	if !found || !more || !strings.HasPrefix(template, "arn:") {
		return ""
	}
	return service
}

// fill appends to out every resource that the template stands for; done is what has been filled already, and service
// the one whose ARNs stand for themselves.
func fill(call *aws.Call, input reflect.Value, template string, done []byte, service string, out []string) []string {
	before, rest, found := strings.Cut(template, "${")
	done = append(done, before...)
	if !found {
		return append(out, string(done))
	}
	name, after, _ := strings.Cut(rest, "}")
	path, filter, _ := strings.Cut(name, ":")
	fallback, hasFallback := strings.CutPrefix(filter, "-")
	if value, ok := callVariable(call, name); ok {
		if value == "" && name == "$User" {
			return out
		}
		return fill(call, input, after, append(done, value...), service, out)
	}
	values := lookUp(input, path)
	if len(values) == 0 && hasFallback {
		if value, ok := callVariable(call, fallback); ok {
			fallback = value
		}
		if fallback == "" {
			return out
		}
		return fill(call, input, after, append(done, fallback...), service, out)
	}
	for _, v := range values {
		value := text(v)
		if filter != "" && !hasFallback {
			value = filtered(filter, value)
		} else if isARN(value, service) {
			out = append(out, value)
			continue
		}
		out = fill(call, input, after, append(done, value...), service, out)
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

// add sets the condition keys that one entry of Grant.Keys stands for.
func (m Map) add(call *aws.Call, key, path string, input reflect.Value) {
	if literal, ok := strings.CutPrefix(path, `"`); ok {
		m[key] = []string{strings.TrimSuffix(literal, `"`)}
		return
	}
	if strings.Contains(path, "${") {
		if values := fill(call, input, path, nil, noARN, nil); len(values) > 0 {
			m[key] = values
		}
		return
	}
	values := lookUp(input, path)
	perEntry := strings.HasSuffix(key, "/") || strings.HasSuffix(key, ":")
	names := strings.HasSuffix(key, "tagkeys") || strings.HasSuffix(key, "contextkeys")
	for _, v := range values {
		if !perEntry && !names {
			m.addAll(key, v)
			continue
		}
		entries(v, func(name, value string) {
			if perEntry {
				m[key+strings.ToLower(name)] = []string{value}
			} else {
				m[key] = append(m[key], name)
			}
		})
	}
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

// lookUp returns the values at a path of wire names; "[]" behind a name stands for each element of a list. Absent
// members, empty strings, lists and maps, and false, give none.
func lookUp(v reflect.Value, path string) []reflect.Value {
	name, rest, more := strings.Cut(path, ".")
	name, each := strings.CutSuffix(name, "[]")
	if v.Kind() != reflect.Struct {
		return nil
	}
	at := fieldOf(v.Type(), name)
	if at < 0 {
		return nil
	}
	v = v.Field(at)
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if !each && !more && !sent(v) { // as most members are
		return nil
	}
	list := []reflect.Value{v}
	if each {
		if v.Kind() != reflect.Slice {
			return nil
		}
		list = make([]reflect.Value, v.Len())
		for i := range list {
			list[i] = v.Index(i)
		}
	}
	out := list[:0]
	for _, e := range list {
		switch {
		case more:
			out = append(out, lookUp(e, rest)...)
		case sent(e):
			out = append(out, e)
		}
	}
	return out
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

// fields caches where structures keep the members of each wire name.
var fields sync.Map // of reflect.Type to map[string]int

// fieldOf returns the number of the field with a wire name; -1 for none.
func fieldOf(t reflect.Type, name string) int {
	known, ok := fields.Load(t)
	if !ok {
		byName := map[string]int{}
		for i := range t.NumField() {
			f := t.Field(i)
			wire, _, _ := strings.Cut(f.Tag.Get("aws"), ",")
			if _, taken := byName[wire]; !taken && f.IsExported() {
				byName[wire] = i
			}
		}
		known, _ = fields.LoadOrStore(t, byName)
	}
	if at, ok := known.(map[string]int)[name]; ok {
		return at
	}
	return -1
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
