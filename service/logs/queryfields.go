package logs

import (
	"encoding/base64"
	"strconv"
	"strings"

	"drydock/lang/logsinsights"
)

// queryFields gives a query the fields of events. It is used again for each event.
type queryFields struct {
	needs []string
	// wanted are the fields to be discovered, as indexes into needs.
	wanted map[string]int
	group  *logGroup
	lambda bool

	stream *logStream
	event  *event
	found  []logsinsights.Value
	looked bool // tells that the event's fields have been discovered
}

// systemFields are those that CloudWatch makes itself.
var systemFields = []string{"@timestamp", "@message", "@logStream", "@log", "@ingestionTime"}

func newQueryFields(q *logsinsights.Query) *queryFields {
	f := &queryFields{needs: q.Needs(), wanted: map[string]int{}, found: make([]logsinsights.Value, len(q.Needs()))}
	for i, name := range f.needs {
		switch name {
		case "@timestamp", "@message", "@logStream", "@log", "@ingestionTime", "@ptr":
		default:
			f.wanted[name] = i
		}
	}
	return f
}

// in sets the group that the next events are of.
func (f *queryFields) in(g *logGroup) {
	f.group, f.lambda = g, isLambda(g)
}

// isLambda tells whether a group has the logs of a function.
func isLambda(g *logGroup) bool { return strings.HasPrefix(g.Name, "/aws/lambda/") }

// at sets the event.
func (f *queryFields) at(e *event, stream *logStream) {
	f.event, f.stream, f.looked = e, stream, false
}

// Timestamp is the event's time.
func (f *queryFields) Timestamp() int64 { return f.event.Time }

// Pointer names the event for GetLogRecord.
func (f *queryFields) Pointer() string { return pointerTo(f.group, f.stream.ID, f.event.position) }

// Field returns a field of the event.
func (f *queryFields) Field(need int) logsinsights.Value {
	switch f.needs[need] {
	case "@timestamp":
		return logsinsights.Time(f.event.Time)
	case "@message":
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
		f.discover(f.event.Message)
	}
	return f.found[need]
}

// discover finds the fields of a message.
func (f *queryFields) discover(message string) {
	clear(f.found)
	left := len(f.wanted)
	logsinsights.Discover(message, f.lambda, func(name, value string) bool {
		if i, ok := f.wanted[name]; ok && !f.found[i].Present() {
			f.found[i] = logsinsights.Text(value)
			left--
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
