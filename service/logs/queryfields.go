package logs

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"drydock/lang/logsinsights"
)

// queryFields gives a query the fields of events. It is used again for each event.
type queryFields struct {
	needs []string
	// plain are the needs as names of fields; unmasked tells which of them are wanted as they are in the message that came.
	plain    []string
	unmasked []bool
	group    *logGroup
	lambda   bool

	stream *logStream
	event  *event
	raw    string // the message as it came
	found  []logsinsights.Value
	looked bool // tells that the event's fields have been discovered
}

// systemFields are those that CloudWatch makes itself.
var systemFields = []string{"@timestamp", "@message", "@logStream", "@log", "@ingestionTime"}

func newQueryFields(q *logsinsights.Query) *queryFields {
	f := &queryFields{needs: q.Needs(), found: make([]logsinsights.Value, len(q.Needs()))}
	for _, need := range f.needs {
		name, unmasked := logsinsights.Unmasked(need)
		f.plain, f.unmasked = append(f.plain, name), append(f.unmasked, unmasked)
	}
	return f
}

// in sets the group that the next events are of.
func (f *queryFields) in(g *logGroup) {
	f.group, f.lambda = g, isLambda(g)
}

// isLambda tells whether a group has the logs of a function.
func isLambda(g *logGroup) bool { return strings.HasPrefix(g.Name, "/aws/lambda/") }

// at sets the event, whose message may be masked, and the message as it came.
func (f *queryFields) at(e *event, stream *logStream, raw string) {
	f.event, f.stream, f.raw, f.looked = e, stream, raw, false
}

// Timestamp is the event's time.
func (f *queryFields) Timestamp() int64 { return f.event.Time }

// Pointer names the event for GetLogRecord.
func (f *queryFields) Pointer() string { return pointerTo(f.group, f.stream.ID, f.event.position) }

// Field returns a field of the event.
func (f *queryFields) Field(need int) logsinsights.Value {
	switch f.plain[need] {
	case "@timestamp":
		return logsinsights.Time(f.event.Time)
	case "@message":
		if f.unmasked[need] {
			return logsinsights.Text(f.raw)
		}
		return logsinsights.Text(f.event.Message)
	case "@logStream":
		return logsinsights.Text(f.stream.Name)
	case "@log":
		return logsinsights.Text(f.group.Account + ":" + f.group.Name)
	case "@ingestionTime":
		return logsinsights.Time(f.event.batch.Ingested)
	case "@ptr":
		return logsinsights.Text(f.Pointer())
	}
	if !f.looked {
		f.looked = true
		clear(f.found)
		f.discover(f.event.Message, false)
		if slices.Contains(f.unmasked, true) {
			f.discover(f.raw, true)
		}
	}
	return f.found[need]
}

// discover finds the fields of a message, those that are wanted unmasked or the others.
func (f *queryFields) discover(message string, unmasked bool) {
	left := 0
	for i := range f.plain {
		if f.unmasked[i] == unmasked {
			f.found[i] = logsinsights.Value{}
			left++
		}
	}
	logsinsights.Discover(message, f.lambda, func(name, value string) bool {
		for i, wanted := range f.plain {
			if wanted == name && f.unmasked[i] == unmasked && !f.found[i].Present() {
				f.found[i] = logsinsights.Text(value)
				left--
			}
		}
		return left > 0
	})
}

// pointerTo is the @ptr of an event.
func pointerTo(g *logGroup, stream uint64, at position) string {
	return base64.StdEncoding.EncodeToString([]byte(strings.Join([]string{g.Name, strconv.FormatUint(g.ID, 36), strconv.FormatUint(stream, 36), at.String()}, "|")))
}

// eventPointer is what a pointer says.
type eventPointer struct {
	groupName     string
	group, stream uint64
	position
}

// parsePointer reads what pointerTo returned.
func parsePointer(s string) (p eventPointer, ok bool) {
	b, err := base64.StdEncoding.DecodeString(s)
	parts := strings.Split(string(b), "|")
	if err != nil || len(parts) != 4 {
		return p, false
	}
	var errs [3]error
	p.groupName = parts[0]
	p.group, errs[0] = strconv.ParseUint(parts[1], 36, 64)
	p.stream, errs[1] = strconv.ParseUint(parts[2], 36, 64)
	p.position, errs[2] = parsePosition(parts[3])
	return p, errs == [3]error{}
}
