package logs_test

import (
	"strings"
	"testing"
	"time"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/ledger"
	"drydock/service/servicetest"
)

// describe returns the names of a group's streams, on as many pages as it takes, with a bar between pages.
func describe(t *testing.T, call *aws.Call, in api.DescribeLogStreamsInput) string {
	t.Helper()
	in.LogGroupName = new("app")
	var pages []string
	for {
		out, err := api.DescribeLogStreams.Do(call, &in)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, s := range out.LogStreams {
			names = append(names, *s.LogStreamName)
		}
		pages = append(pages, strings.Join(names, " "))
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return strings.Join(pages, "|")
		}
	}
}

func TestDescribeLogStreams_OrdersByNameOrLastEvent(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CWL-01")
	c, call := newCloud(t)
	createGroup(t, call, "app")
	for _, name := range []string{"b/2", "a", "b/1", "quiet"} {
		createStream(t, call, "app", name)
	}
	put(t, call, "b/1", -time.Minute, "x")
	put(t, call, "a", -2*time.Minute, "x y")
	put(t, call, "b/2", -time.Hour, "x")
	put(t, call, "b/2", -2*time.Hour, "x") // late, so the latest event is that of the batch before
	byTime := new(api.OrderByLastEventTime)
	for name, tc := range map[string]struct {
		in   api.DescribeLogStreamsInput
		want string
	}{
		"names":        {api.DescribeLogStreamsInput{}, "a b/1 b/2 quiet"},
		"pages":        {api.DescribeLogStreamsInput{Limit: new(int32(3))}, "a b/1 b/2|quiet"},
		"descending":   {api.DescribeLogStreamsInput{Limit: new(int32(3)), Descending: new(true)}, "quiet b/2 b/1|a"},
		"prefix":       {api.DescribeLogStreamsInput{Limit: new(int32(1)), LogStreamNamePrefix: new("b/")}, "b/1|b/2"},
		"prefix down":  {api.DescribeLogStreamsInput{LogStreamNamePrefix: new("b/"), Descending: new(true)}, "b/2 b/1"},
		"oldest first": {api.DescribeLogStreamsInput{OrderBy: byTime}, "quiet b/2 a b/1"},
		"latest first": {api.DescribeLogStreamsInput{OrderBy: byTime, Descending: new(true), Limit: new(int32(1))}, "b/1|a|b/2|quiet"},
	} {
		if got := describe(t, call, tc.in); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
	c.Advance(t, time.Minute)
	put(t, call, "b/1", time.Second, "x y")
	out, err := api.DescribeLogStreams.Do(call, &api.DescribeLogStreamsInput{LogGroupIdentifier: new(appARN), LogStreamNamePrefix: new("b/1")})
	if err != nil {
		t.Fatal(err)
	}
	s := out.LogStreams[0]
	if *s.FirstEventTimestamp != at(-time.Minute) || *s.LastEventTimestamp != at(2*time.Second) || *s.LastIngestionTime != at(time.Minute) ||
		*s.CreationTime != at(0) || *s.ARN != appARN+":log-stream:b/1" {
		t.Errorf("stream %+v", s)
	}
}

func TestLogStream_Errors(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createGroup(t, call, "app")
	createStream(t, call, "app", "one")
	_, err := api.CreateLogStream.Do(call, &api.CreateLogStreamInput{LogGroupName: "app", LogStreamName: "one"})
	servicetest.WantError(t, err, "ResourceAlreadyExistsException")
	_, err = api.CreateLogStream.Do(call, &api.CreateLogStreamInput{LogGroupName: "none", LogStreamName: "one"})
	servicetest.WantError(t, err, "ResourceNotFoundException")
	_, err = api.CreateLogStream.Do(call, &api.CreateLogStreamInput{LogGroupName: "app", LogStreamName: "a:b"})
	servicetest.WantError(t, err, "InvalidParameterException")
	_, err = api.DeleteLogStream.Do(call, &api.DeleteLogStreamInput{LogGroupName: "app", LogStreamName: "two"})
	servicetest.WantError(t, err, "ResourceNotFoundException")
	_, err = api.DescribeLogStreams.Do(call, &api.DescribeLogStreamsInput{LogGroupName: new("none")})
	servicetest.WantError(t, err, "ResourceNotFoundException")
	_, err = api.DescribeLogStreams.Do(call, &api.DescribeLogStreamsInput{LogGroupName: new("app"), NextToken: new("x")})
	servicetest.WantError(t, err, "InvalidParameterException")
	_, err = api.DescribeLogStreams.Do(call, &api.DescribeLogStreamsInput{
		LogGroupName: new("app"), LogStreamNamePrefix: new("o"), OrderBy: new(api.OrderByLastEventTime),
	})
	servicetest.WantError(t, err, "InvalidParameterException")
}
