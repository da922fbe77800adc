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

// filter returns "stream:message" of all events that are found, on as many pages as it takes.
func filter(t *testing.T, call *aws.Call, in api.FilterLogEventsInput) (found string, pages int) {
	t.Helper()
	in.LogGroupName = new("app")
	var words []string
	ids := map[string]bool{}
	for {
		out, err := api.FilterLogEvents.Do(call, &in)
		if err != nil {
			t.Fatal(err)
		}
		pages++
		for _, e := range out.Events {
			words = append(words, *e.LogStreamName+":"+*e.Message)
			if ids[*e.EventID] {
				t.Errorf("event id %s twice", *e.EventID)
			}
			ids[*e.EventID] = true
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return strings.Join(words, " "), pages
		}
	}
}

func TestFilterLogEvents_SearchesStreamsInOrderOfTime(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CWL-04")
	_, call := newCloud(t)
	createGroup(t, call, "app")
	for _, name := range []string{"web/1", "web/2", "db"} {
		createStream(t, call, "app", name)
	}
	put(t, call, "web/1", -10*time.Second, "GET error POST")
	put(t, call, "web/2", -9500*time.Millisecond, "GET GET error")
	put(t, call, "db", -10*time.Second, `select {"code":500} {"code":200}`)
	for name, tc := range map[string]struct {
		in   api.FilterLogEventsInput
		want string
	}{
		"all":     {api.FilterLogEventsInput{}, `web/1:GET db:select web/2:GET web/1:error db:{"code":500} web/2:GET web/1:POST db:{"code":200} web/2:error`},
		"names":   {api.FilterLogEventsInput{LogStreamNames: []string{"db", "web/2"}}, `db:select web/2:GET db:{"code":500} web/2:GET db:{"code":200} web/2:error`},
		"name":    {api.FilterLogEventsInput{LogStreamNames: []string{"web/1"}}, "web/1:GET web/1:error web/1:POST"},
		"prefix":  {api.FilterLogEventsInput{LogStreamNamePrefix: new("web/")}, "web/1:GET web/2:GET web/1:error web/2:GET web/1:POST web/2:error"},
		"nothing": {api.FilterLogEventsInput{LogStreamNamePrefix: new("none")}, ""},
		"term":    {api.FilterLogEventsInput{FilterPattern: new("error")}, "web/1:error web/2:error"},
		"value":   {api.FilterLogEventsInput{FilterPattern: new("{ $.code >= 500 }")}, `db:{"code":500}`},
		"time": {api.FilterLogEventsInput{StartTime: new(at(-9500 * time.Millisecond)), EndTime: new(at(-8500 * time.Millisecond))},
			`web/2:GET web/1:error db:{"code":500} web/2:GET`},
	} {
		for limit := int32(1); limit <= 10; limit += 4 {
			tc.in.Limit = &limit
			if got, _ := filter(t, call, tc.in); got != tc.want {
				t.Errorf("%s in pages of %d: %s\nwant %s", name, limit, got, tc.want)
			}
		}
	}
}

func TestFilterLogEvents_BoundsThePagesWork(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createGroup(t, call, "app")
	createStream(t, call, "app", "one")
	long := strings.Repeat("x", 1_000_000)
	for i := range 40 {
		in := &api.PutLogEventsInput{LogGroupName: "app", LogStreamName: "one", LogEvents: []api.InputLogEvent{
			{Timestamp: at(time.Duration(i) * time.Second), Message: long}, {Timestamp: at(time.Duration(i) * time.Second), Message: fmt.Sprint("n", i)},
		}}
		if _, err := api.PutLogEvents.Do(call, in); err != nil {
			t.Fatal(err)
		}
	}
	got, pages := filter(t, call, api.FilterLogEventsInput{FilterPattern: new("n39")})
	if got != "one:n39" || pages != 2 {
		t.Errorf("found %s on %d pages", got, pages)
	}
}

func TestFilterLogEvents_FollowsManyStreams(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createGroup(t, call, "app")
	for i := range 103 {
		name := fmt.Sprintf("build/%03d", i)
		createStream(t, call, "app", name)
		put(t, call, name, 0, "m")
	}
	createStream(t, call, "app", "other")
	put(t, call, "other", 0, "m")
	got, _ := filter(t, call, api.FilterLogEventsInput{LogStreamNamePrefix: new("build/")})
	if n := len(strings.Fields(got)); n != 103 || strings.Contains(got, "other") {
		t.Errorf("%d events: %s", n, got)
	}
}

func TestFilterLogEvents_Errors(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createGroup(t, call, "app")
	createStream(t, call, "app", "one")
	if _, err := api.CreateLogGroup.Do(call, &api.CreateLogGroupInput{LogGroupName: "cold", LogGroupClass: new(api.LogGroupClassInfrequentAccess)}); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		in   api.FilterLogEventsInput
		want string
	}{
		"no group":  {api.FilterLogEventsInput{LogGroupName: new("none")}, "ResourceNotFoundException"},
		"no stream": {api.FilterLogEventsInput{LogGroupName: new("app"), LogStreamNames: []string{"one", "two"}}, "ResourceNotFoundException"},
		"both":      {api.FilterLogEventsInput{LogGroupName: new("app"), LogStreamNames: []string{"one"}, LogStreamNamePrefix: new("o")}, "InvalidParameterException"},
		"pattern":   {api.FilterLogEventsInput{LogGroupName: new("app"), FilterPattern: new("{ $.a = }")}, "InvalidParameterException"},
		"token":     {api.FilterLogEventsInput{LogGroupName: new("app"), NextToken: new("x")}, "InvalidParameterException"},
		"times":     {api.FilterLogEventsInput{LogGroupName: new("app"), StartTime: new(int64(2)), EndTime: new(int64(1))}, "InvalidParameterException"},
		"class":     {api.FilterLogEventsInput{LogGroupName: new("cold")}, "InvalidOperationException"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := api.FilterLogEvents.Do(call, &tc.in)
			servicetest.WantError(t, err, tc.want)
		})
	}
}

func TestTestMetricFilter_ShowsMatchesAndValues(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	out, err := api.TestMetricFilter.Do(call, &api.TestMetricFilterInput{
		FilterPattern: "[ip, status = 5*, bytes]", LogEventMessages: []string{"1.2.3.4 200 7", "1.2.3.5 503 8"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Matches) != 1 || *out.Matches[0].EventNumber != 2 || out.Matches[0].ExtractedValues["$bytes"] != "8" {
		t.Errorf("matches %+v", out.Matches)
	}
	_, err = api.TestMetricFilter.Do(call, &api.TestMetricFilterInput{FilterPattern: "[", LogEventMessages: []string{"m"}})
	servicetest.WantError(t, err, "InvalidParameterException")
}
