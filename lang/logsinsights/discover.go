package logsinsights

import (
	"errors"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxDiscovered is how many fields are discovered in a JSON log.
const MaxDiscovered = 200

// maxLevels bounds how deep fields are discovered.
const maxLevels = 50

// Discover yields the fields that AWS discovers in a message by itself, until yield returns false. lambda tells that the
// message comes from a function, whose logs may have JSON behind other text. An @ at the beginning of a name is doubled,
// except for the fields that CloudWatch makes itself.
func Discover(message string, lambda bool, yield func(name, value string) bool) {
	text := strings.TrimSpace(message)
	if text == "" {
		return
	}
	if text[0] == '{' {
		discoverJSON(text, false, yield)
		return
	}
	if lambda {
		if discoverLambda(text, yield) {
			return
		}
		rest := text
		for range 5 { // braces that begin no JSON are few
			i := strings.IndexByte(rest, '{')
			if i < 0 || discoverJSON(rest[i:], true, yield) {
				return
			}
			rest = rest[i+1:]
		}
		return
	}
	switch {
	case strings.HasPrefix(text, "2 "):
		discoverColumns(text, flowFields, isFlow, yield)
	case strings.HasPrefix(text, "1."):
		discoverColumns(text, queryFields, isQuery, yield)
	default:
		discoverLambda(text, yield)
	}
}

// flowFields are those of VPC flow logs of version 2, queryFields those of Route 53's query logs.
var (
	flowFields = []string{"version", "accountId", "interfaceId", "srcAddr", "dstAddr", "srcPort", "dstPort", "protocol", "packets", "bytes",
		"start", "end", "action", "logStatus"}
	queryFields = []string{"version", "queryTimestamp", "hostZoneId", "queryName", "queryType", "responseCode", "protocol", "edgeLocation",
		"resolverIp", "ednsClientSubnet"}
)

func isFlow(f []string) bool {
	return f[13] == "OK" || f[13] == "NODATA" || f[13] == "SKIPDATA"
}

func isQuery(f []string) bool {
	return strings.HasPrefix(f[2], "Z") && (f[6] == "UDP" || f[6] == "TCP")
}

// discoverColumns yields fields that are separated by blanks.
func discoverColumns(text string, names []string, is func([]string) bool, yield func(name, value string) bool) {
	values := strings.Fields(text)
	if len(values) != len(names) || !is(values) {
		return
	}
	for i, name := range names {
		if !yield(name, values[i]) {
			return
		}
	}
}

// discoverLambda yields the fields of what Lambda itself logs, and tells whether it is that.
func discoverLambda(text string, yield func(name, value string) bool) bool {
	for _, kind := range []string{"START", "END", "REPORT"} {
		rest, ok := strings.CutPrefix(text, kind+" RequestId: ")
		if !ok {
			continue
		}
		id, rest, _ := strings.Cut(rest, "\t")
		id, _, _ = strings.Cut(id, " ")
		if !yield("@type", kind) || !yield("@requestId", strings.TrimSpace(id)) || kind != "REPORT" {
			return true
		}
		for part := range strings.SplitSeq(rest, "\t") {
			name, value, ok := strings.Cut(strings.TrimSpace(part), ": ")
			if field := reportFields[name]; ok && field != "" && !yield(field, measure(value)) {
				return true
			}
		}
		return true
	}
	// A line of a function's own: time, request, level, text.
	if parts := strings.SplitN(text, "\t", 3); len(parts) == 3 && len(parts[1]) == 36 && strings.Count(parts[1], "-") == 4 {
		return !yield("@requestId", parts[1])
	}
	return false
}

// reportFields are the parts of a REPORT line.
var reportFields = map[string]string{
	"Duration": "@duration", "Billed Duration": "@billedDuration", "Memory Size": "@memorySize", "Max Memory Used": "@maxMemoryUsed",
	"Init Duration": "@initDuration", "XRAY TraceId": "@xrayTraceId", "SegmentId": "@xraySegmentId",
}

// measure takes the unit off a value of a REPORT line; memory is in bytes, written as AWS does: 1.28E8.
func measure(value string) string {
	if ms, ok := strings.CutSuffix(value, " ms"); ok {
		return ms
	}
	mb, ok := strings.CutSuffix(value, " MB")
	n, err := strconv.ParseFloat(mb, 64)
	if !ok || err != nil {
		return value
	}
	if n *= 1e6; math.Abs(n) < 1e7 {
		return strconv.FormatFloat(n, 'f', 1, 64)
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(n, 'E', -1, 64), "E+")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	return mantissa + "E" + strings.TrimLeft(exponent, "0")
}

// discoverJSON yields the fields of a JSON object, with dots between the names of nested ones and the indexes of arrays.
// more tells that other text may follow. It tells whether the text is JSON; nothing is yielded otherwise.
func discoverJSON(text string, more bool, yield func(name, value string) bool) bool {
	f := flattener{dec: jsontext.NewDecoder(strings.NewReader(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))}
	if !f.value(0) || !more && !f.ended() {
		return false
	}
	for _, x := range f.found {
		if !yield(x.Name, x.Value) {
			break
		}
	}
	return true
}

// flattener makes flat fields of a JSON object.
type flattener struct {
	dec   *jsontext.Decoder
	path  []byte
	found []Field
}

func (f *flattener) ended() bool {
	_, err := f.dec.ReadToken()
	return errors.Is(err, io.EOF)
}

// value reads a value at the path and tells whether it is well formed.
func (f *flattener) value(level int) bool {
	if level > maxLevels || len(f.found) >= MaxDiscovered {
		return f.dec.SkipValue() == nil
	}
	t, err := f.dec.ReadToken()
	if err != nil {
		return false
	}
	switch t.Kind() {
	case '{':
		for f.dec.PeekKind() != '}' {
			name, err := f.dec.ReadToken()
			if err != nil {
				return false
			}
			if !f.below(name.String(), level) {
				return false
			}
		}
	case '[':
		for i := 0; f.dec.PeekKind() != ']'; i++ {
			if !f.below(strconv.Itoa(i), level) {
				return false
			}
		}
	case 't':
		f.add("1")
		return true
	case 'f':
		f.add("0")
		return true
	case '"', '0':
		f.add(t.String())
		return true
	default: // null
		return true
	}
	_, err = f.dec.ReadToken()
	return err == nil
}

// below reads the value of a name.
func (f *flattener) below(name string, level int) bool {
	n := len(f.path)
	if n > 0 {
		f.path = append(f.path, '.')
	} else if strings.HasPrefix(name, "@") {
		f.path = append(f.path, '@')
	}
	f.path = append(f.path, name...)
	ok := f.value(level + 1)
	f.path = f.path[:n]
	return ok
}

func (f *flattener) add(value string) { f.found = append(f.found, Field{string(f.path), value}) }
