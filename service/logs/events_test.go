package logs_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/ledger"
	"drydock/service/servicetest"
)

// at is so long after the start, in milliseconds.
func at(d time.Duration) int64 { return servicetest.Start.Add(d).UnixMilli() }

func createStream(t *testing.T, call *aws.Call, group, stream string) {
	t.Helper()
	if _, err := api.CreateLogStream.Do(call, &api.CreateLogStreamInput{LogGroupName: group, LogStreamName: stream}); err != nil {
		t.Fatal(err)
	}
}

// put appends events to a stream of the group "app", whose messages are words; each is a second later than the one before, from start on.
func put(t *testing.T, call *aws.Call, stream string, start time.Duration, words string) *api.PutLogEventsOutput {
	t.Helper()
	in := &api.PutLogEventsInput{LogGroupName: "app", LogStreamName: stream}
	for i, w := range strings.Fields(words) {
		in.LogEvents = append(in.LogEvents, api.InputLogEvent{Timestamp: at(start + time.Duration(i)*time.Second), Message: w})
	}
	out, err := api.PutLogEvents.Do(call, in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func get(t *testing.T, call *aws.Call, in *api.GetLogEventsInput) (string, *api.GetLogEventsOutput) {
	t.Helper()
	out, err := api.GetLogEvents.Do(call, in)
	if err != nil {
		t.Fatal(err)
	}
	words := make([]string, len(out.Events))
	for i, e := range out.Events {
		words[i] = *e.Message
	}
	return strings.Join(words, " "), out
}

func TestGetLogEvents_GivesEventsOfOverlappingBatchesInOrder(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CWL-01")
	c, call := newCloud(t)
	createGroup(t, call, "app")
	createStream(t, call, "app", "one")
	createStream(t, call, "app", "other")
	put(t, call, "one", -10*time.Second, "a c e g")
	put(t, call, "one", -9500*time.Millisecond, "b d f")
	put(t, call, "one", -10*time.Second, "a2 c2")
	put(t, call, "other", -10*time.Second, "x y")
	c.Advance(t, time.Second)
	for _, head := range []bool{false, true} {
		got, out := get(t, call, &api.GetLogEventsInput{LogGroupName: new("app"), LogStreamName: "one", StartFromHead: &head})
		if want := "a a2 b c c2 d e f g"; got != want {
			t.Errorf("from head %t: %s, want %s", head, got, want)
		}
		if *out.Events[0].Timestamp != at(-10*time.Second) || *out.Events[0].IngestionTime != at(0) {
			t.Errorf("first event at %d, ingested %d", *out.Events[0].Timestamp, *out.Events[0].IngestionTime)
		}
	}
}

func TestGetLogEvents_GoesBothWaysInPages(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createGroup(t, call, "app")
	createStream(t, call, "app", "one")
	put(t, call, "one", -20*time.Second, "a b c d e f g")
	in := &api.GetLogEventsInput{LogGroupIdentifier: new("arn:aws:logs:us-east-1:111122223333:log-group:app"), LogStreamName: "one", Limit: new(int32(3))}
	// step follows a token and says what should come.
	step := func(token *string, want string) *api.GetLogEventsOutput {
		t.Helper()
		in.NextToken = token
		got, out := get(t, call, in)
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
		return out
	}
	tail := step(nil, "e f g")
	end := step(tail.NextForwardToken, "")
	if *end.NextForwardToken != *tail.NextForwardToken {
		t.Error("the token changed at the end")
	}
	middle := step(tail.NextBackwardToken, "b c d")
	head := step(middle.NextBackwardToken, "a")
	start := step(head.NextBackwardToken, "")
	if *start.NextBackwardToken != *head.NextBackwardToken {
		t.Error("the token changed at the beginning")
	}
	step(start.NextForwardToken, "b c d") // behind a, where the backward token stands
	put(t, call, "one", -5*time.Second, "h i")
	step(end.NextForwardToken, "h i")

	in = &api.GetLogEventsInput{LogGroupName: new("app"), LogStreamName: "one", StartFromHead: new(true), Limit: new(int32(2)),
		StartTime: new(at(-19 * time.Second)), EndTime: new(at(-16 * time.Second))}
	first := step(nil, "b c")
	in.NextToken = first.NextForwardToken
	step(first.NextForwardToken, "d")
	in.StartFromHead = nil
	step(nil, "c d")
}

func TestGetLogEvents_BoundsAPageInBytes(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createGroup(t, call, "app")
	createStream(t, call, "app", "one")
	for range 2 {
		in := &api.PutLogEventsInput{LogGroupName: "app", LogStreamName: "one"}
		for range 3 {
			in.LogEvents = append(in.LogEvents, api.InputLogEvent{Timestamp: at(0), Message: strings.Repeat("x", 300_000)})
		}
		if _, err := api.PutLogEvents.Do(call, in); err != nil {
			t.Fatal(err)
		}
	}
	for _, head := range []bool{false, true} {
		_, out := get(t, call, &api.GetLogEventsInput{LogGroupName: new("app"), LogStreamName: "one", StartFromHead: &head})
		if len(out.Events) != 3 {
			t.Errorf("from head %t: %d events on a page", head, len(out.Events))
		}
	}
}

func TestPutLogEvents_RejectsWhatIsTooOldOrNew(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createGroup(t, call, "app")
	createStream(t, call, "app", "one")
	const day = 24 * time.Hour
	send := func(ages ...time.Duration) string {
		t.Helper()
		in := &api.PutLogEventsInput{LogGroupName: "app", LogStreamName: "one", SequenceToken: new("any")}
		for _, age := range ages {
			in.LogEvents = append(in.LogEvents, api.InputLogEvent{Timestamp: at(-age), Message: "m"})
		}
		out, err := api.PutLogEvents.Do(call, in)
		if err != nil {
			t.Fatal(err)
		}
		if out.NextSequenceToken == nil {
			t.Error("no sequence token")
		}
		info := out.RejectedLogEventsInfo
		if info == nil {
			return ""
		}
		show := func(p *int32) string {
			if p == nil {
				return "-"
			}
			return fmt.Sprint(*p)
		}
		return show(info.TooOldLogEventEndIndex) + " " + show(info.ExpiredLogEventEndIndex) + " " + show(info.TooNewLogEventStartIndex)
	}
	for _, tc := range []struct {
		ages []time.Duration
		want string
	}{
		{[]time.Duration{14 * day, 13*day + time.Hour}, ""},
		{[]time.Duration{14*day + time.Second, 14 * day}, "1 - -"},
		{[]time.Duration{time.Hour, -2 * time.Hour, -2*time.Hour - time.Millisecond}, "- - 2"},
		{[]time.Duration{-3 * time.Hour}, "- - 0"},
		{[]time.Duration{15 * day, 15 * day}, "2 - -"},
	} {
		if got := send(tc.ages...); got != tc.want {
			t.Errorf("%v: %q, want %q", tc.ages, got, tc.want)
		}
	}
	if _, err := api.PutRetentionPolicy.Do(call, &api.PutRetentionPolicyInput{LogGroupName: "app", RetentionInDays: 3}); err != nil {
		t.Fatal(err)
	}
	if got := send(3*day+time.Hour, 3*day); got != "- 1 -" {
		t.Errorf("expired: %q", got)
	}
	_, out := get(t, call, &api.GetLogEventsInput{LogGroupName: new("app"), LogStreamName: "one"})
	if len(out.Events) != 3 { // two of the third line, one of the last
		t.Errorf("%d events kept and not expired", len(out.Events))
	}
}

func TestPutLogEvents_Errors(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createGroup(t, call, "app")
	createStream(t, call, "app", "one")
	event := func(d time.Duration, message string) api.InputLogEvent {
		return api.InputLogEvent{Timestamp: at(d), Message: message}
	}
	many := make([]api.InputLogEvent, 10_001)
	for i := range many {
		many[i] = event(0, "m")
	}
	for name, tc := range map[string]struct {
		group, stream string
		events        []api.InputLogEvent
		want          string
	}{
		"no group":  {"none", "one", many[:1], "ResourceNotFoundException: The specified log group does not exist."},
		"no stream": {"app", "none", many[:1], "ResourceNotFoundException: The specified log stream does not exist."},
		"order": {"app", "one", []api.InputLogEvent{event(1, "a"), event(-time.Second, "b")},
			"InvalidParameterException: Log events in a single PutLogEvents request must be in chronological order."},
		"span": {"app", "one", []api.InputLogEvent{event(-25*time.Hour, "a"), event(0, "b")},
			"InvalidParameterException: The batch of log events in a single PutLogEvents request cannot span more than 24 hours."},
		"bytes": {"app", "one", []api.InputLogEvent{event(0, strings.Repeat("x", 1_048_576-25))},
			"InvalidParameterException: Upload too large: 1048577 bytes exceeds limit of 1048576"},
		"too many": {"app", "one", many, "InvalidParameterException: 1 validation error"},
		"empty":    {"app", "one", []api.InputLogEvent{event(0, "")}, "InvalidParameterException: 1 validation error"},
	} {
		_, err := api.PutLogEvents.Do(call, &api.PutLogEventsInput{LogGroupName: tc.group, LogStreamName: tc.stream, LogEvents: tc.events})
		if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %s", name, err, tc.want)
		}
	}
	_, err := api.PutLogEvents.Do(call, &api.PutLogEventsInput{LogGroupName: "app", LogStreamName: "one", LogEvents: many[:10_000]})
	if err != nil {
		t.Errorf("10,000 events: %v", err)
	}
	for name, in := range map[string]*api.GetLogEventsInput{
		"token":    {LogGroupName: new("app"), NextToken: new("f/1")},
		"nothing":  {},
		"both":     {LogGroupName: new("app"), LogGroupIdentifier: new("app")},
		"no group": {LogGroupIdentifier: new("arn:aws:logs:us-east-1:111122223333:x")},
	} {
		in.LogStreamName = "one"
		_, err := api.GetLogEvents.Do(call, in)
		if aws.ErrorCode(err) != "InvalidParameterException" {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = api.GetLogEvents.Do(call, &api.GetLogEventsInput{LogGroupName: new("app"), LogStreamName: "none"})
	servicetest.WantError(t, err, "ResourceNotFoundException")
	_, err = api.GetLogEvents.Do(call.In("eu-west-1"), &api.GetLogEventsInput{LogGroupName: new("app"), LogStreamName: "one"})
	servicetest.WantError(t, err, "ResourceNotFoundException")
}
