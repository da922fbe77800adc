package route

import (
	"net/url"
	"reflect"
	"sort"
	"strings"

	"drydock/aws"
	"drydock/wire"
)

// Label is a part of the path that a REST operation's URI names.
type Label = wire.Label

// tree finds the operation of a REST API by method and path. A node has a child for each literal segment, one for a
// label, and the operations whose greedy label takes the rest of the path.
type tree struct {
	literal map[string]*tree
	label   *tree
	here    map[string]*leaf // by method
	greedy  map[string]*leaf
}

// leaf holds the operations that share method and path. They differ in what they demand of the query and the headers.
type leaf struct {
	byKey map[string][]*candidate // by one query key they demand
	plain []*candidate            // those that demand no query key
}

// candidate is an operation with its demands; a list of candidates has the most demanding first.
type candidate struct {
	op      *aws.Operation
	labels  []string
	query   [][2]string // key and value; an empty value demands the key only
	named   int         // how many of the query's keys, the first ones, stand in the operation's URI
	headers []string
}

func (c *candidate) demands() int { return len(c.query) + len(c.headers) }

// add inserts an operation.
func (t *tree) add(op *aws.Operation) {
	path, rawQuery, _ := strings.Cut(op.URI, "?")
	c := &candidate{op: op}
	if rawQuery != "" {
		for pair := range strings.SplitSeq(rawQuery, "&") {
			key, value, _ := strings.Cut(pair, "=")
			c.query = append(c.query, [2]string{key, value})
		}
	}
	c.named = len(c.query)
	c.addRequiredMembers(op.Input)
	node := t
	slot := &node.here
	for segment := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		switch {
		case segment == "":
		case strings.HasPrefix(segment, "{") && strings.HasSuffix(segment, "+}"):
			c.labels = append(c.labels, segment[1:len(segment)-2])
			slot = &node.greedy
		case strings.HasPrefix(segment, "{"):
			c.labels = append(c.labels, strings.Trim(segment, "{}"))
			if node.label == nil {
				node.label = &tree{}
			}
			node = node.label
			slot = &node.here
		default:
			if node.literal == nil {
				node.literal = map[string]*tree{}
			}
			if node.literal[segment] == nil {
				node.literal[segment] = &tree{}
			}
			node = node.literal[segment]
			slot = &node.here
		}
	}
	if *slot == nil {
		*slot = map[string]*leaf{}
	}
	if (*slot)[op.Method] == nil {
		(*slot)[op.Method] = &leaf{byKey: map[string][]*candidate{}}
	}
	(*slot)[op.Method].add(c)
}

// addRequiredMembers demands the query parameters and headers that the input requires: they tell UploadPart from
// PutObject.
func (c *candidate) addRequiredMembers(input reflect.Type) {
	if input == nil || input.Kind() != reflect.Struct {
		return
	}
	for field := range input.Fields() {
		name, options, _ := strings.Cut(field.Tag.Get("aws"), ",")
		options = "," + options + ","
		if !strings.Contains(options, ",required,") {
			continue
		}
		switch {
		case strings.Contains(options, ",query,"):
			c.query = append(c.query, [2]string{name, ""})
		case strings.Contains(options, ",header,"):
			c.headers = append(c.headers, name)
		}
	}
}

func (l *leaf) add(c *candidate) {
	list := &l.plain
	key := ""
	if len(c.query) > 0 {
		key = c.query[0][0]
		l.byKey[key] = append(l.byKey[key], c)
		sorted := l.byKey[key]
		list = &sorted
	} else {
		l.plain = append(l.plain, c)
	}
	sort.SliceStable(*list, func(i, j int) bool {
		a, b := (*list)[i], (*list)[j]
		if a.demands() != b.demands() {
			return a.demands() > b.demands()
		}
		if a.op.Deprecated != b.op.Deprecated {
			return b.op.Deprecated
		}
		return a.op.Name < b.op.Name
	})
	if key != "" {
		l.byKey[key] = *list
	}
}

// find returns the operation for a method, an escaped path and a query, and the path's labels.
func (t *tree) find(method, path string, query url.Values, header func(string) bool) (*aws.Operation, []Label) {
	rest := strings.TrimPrefix(path, "/")
	var values [16]string
	c, n := t.walk(method, rest, values[:0], query, header)
	if c == nil && strings.HasSuffix(rest, "/") {
		c, n = t.walk(method, strings.TrimSuffix(rest, "/"), values[:0], query, header)
	}
	if c == nil {
		return nil, nil
	}
	labels := make([]Label, 0, len(c.labels))
	for i, name := range c.labels {
		if i >= len(n) {
			return nil, nil
		}
		value, err := url.PathUnescape(n[i])
		if err != nil {
			return nil, nil
		}
		labels = append(labels, Label{Name: name, Value: value})
	}
	return c.op, labels
}

func (t *tree) walk(method, rest string, values []string, query url.Values, header func(string) bool) (*candidate, []string) {
	if rest == "" {
		return t.here[method].pick(query, header), values
	}
	segment, after, more := strings.Cut(rest, "/")
	if next := t.literal[segment]; next != nil {
		if c, v := next.walk(method, after, values, query, header); c != nil {
			return c, v
		}
	}
	if t.label != nil && segment != "" && len(values) < cap(values) && (after != "" || !more) {
		if c, v := t.label.walk(method, after, append(values, segment), query, header); c != nil {
			return c, v
		}
	}
	if l := t.greedy[method]; l != nil && len(values) < cap(values) {
		return l.pick(query, header), append(values, rest)
	}
	return nil, nil
}

// pick returns the most demanding candidate whose demands the request meets. A request that asks for a subresource, and
// leaves out what is required beside it, belongs to the subresource: DELETE /bucket?inventory deletes no bucket.
func (l *leaf) pick(query url.Values, header func(string) bool) *candidate {
	if l == nil {
		return nil
	}
	var best *candidate
	consider := func(list []*candidate) {
		for _, c := range list {
			if (best == nil || c.demands() > best.demands()) && c.met(query, header) {
				best = c
				return
			}
		}
	}
	for key := range query {
		consider(l.byKey[key])
	}
	consider(l.plain)
	if best == nil || best.named == 0 {
		if c := l.asked(query); c != nil {
			return c
		}
	}
	return best
}

// asked returns the candidate whose URI names what the query asks for, whatever else the candidate demands.
func (l *leaf) asked(query url.Values) *candidate {
	var best *candidate
	for key := range query {
		for _, c := range l.byKey[key] {
			if c.named > 0 && (best == nil || c.demands() < best.demands()) && holds(query, c.query[:c.named]) {
				best = c
			}
		}
	}
	return best
}

// holds tells whether a query has the keys, with their values.
func holds(query url.Values, keys [][2]string) bool {
	for _, q := range keys {
		values, present := query[q[0]]
		if !present || q[1] != "" && values[0] != q[1] {
			return false
		}
	}
	return true
}

func (c *candidate) met(query url.Values, header func(string) bool) bool {
	if !holds(query, c.query) {
		return false
	}
	for _, h := range c.headers {
		if !header(h) {
			return false
		}
	}
	return true
}
