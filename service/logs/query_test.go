package logs_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/service"
	"drydock/service/logs"
	"drydock/service/servicetest"
)

// say appends messages to a stream of a group, a second apart, from start on.
func say(t testing.TB, call *aws.Call, group, stream string, start time.Duration, messages ...string) {
	t.Helper()
	in := &api.PutLogEventsInput{LogGroupName: group, LogStreamName: stream}
	for i, m := range messages {
		in.LogEvents = append(in.LogEvents, api.InputLogEvent{Timestamp: at(start + time.Duration(i)*time.Second), Message: m})
	}
	if _, err := api.PutLogEvents.Do(call, in); err != nil {
		t.Fatal(err)
	}
}

// startQuery starts a query over the last day and the next hour, of the group "app" unless in names others.
func startQuery(t testing.TB, call *aws.Call, text string, in api.StartQueryInput) string {
	t.Helper()
	in.QueryString = text
	in.StartTime, in.EndTime = call.Now().Add(-24*time.Hour).Unix(), call.Now().Add(time.Hour).Unix()
	if in.LogGroupName == nil && in.LogGroupNames == nil && in.LogGroupIdentifiers == nil && !strings.HasPrefix(text, "SOURCE") {
		in.LogGroupName = new("app")
	}
	out, err := api.StartQuery.Do(call, &in)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return *out.QueryID
}

func results(t testing.TB, call *aws.Call, id string) *api.GetQueryResultsOutput {
	t.Helper()
	out, err := api.GetQueryResults.Do(call, &api.GetQueryResultsInput{QueryID: id})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// show is a result as text: fields by blanks, rows by lines, without @ptr.
func show(rows [][]api.ResultField) string {
	lines := make([]string, len(rows))
	for i, row := range rows {
		var words []string
		for _, f := range row {
			if *f.Field != "@ptr" {
				words = append(words, *f.Field+"="+*f.Value)
			}
		}
		lines[i] = strings.Join(words, " ")
	}
	return strings.Join(lines, "\n")
}

// ask runs a query to its end and returns the result.
func ask(t testing.TB, c *servicetest.Cloud, call *aws.Call, text string, in api.StartQueryInput) (string, *api.GetQueryResultsOutput) {
	t.Helper()
	id := startQuery(t, call, text, in)
	c.WaitIdle(t)
	out := results(t, call, id)
	if *out.Status != api.QueryStatusComplete {
		t.Fatalf("%s: %s", text, *out.Status)
	}
	return show(out.Results), out
}

// logged returns a cloud with two streams of the group "app".
func logged(t testing.TB) (*servicetest.Cloud, *aws.Call) {
	t.Helper()
	c := servicetest.New(t, func(d service.Deps) []service.Module { return []service.Module{logs.New(d)} })
	call := c.Call(t)
	if _, err := api.CreateLogGroup.Do(call, &api.CreateLogGroupInput{LogGroupName: "app"}); err != nil {
		t.Fatal(err)
	}
	for _, stream := range []string{"web", "db"} {
		if _, err := api.CreateLogStream.Do(call, &api.CreateLogStreamInput{LogGroupName: "app", LogStreamName: stream}); err != nil {
			t.Fatal(err)
		}
	}
	say(t, call, "app", "web", -time.Minute, `{"level":"INFO","ms":5}`, `{"level":"ERROR","ms":40}`, `{"level":"INFO","ms":7}`)
	say(t, call, "app", "db", -time.Minute, "slow query", `{"level":"WARN","ms":9}`)
	return c, call
}

func TestQuery_ReturnsRowsAndStatistics(t *testing.T) {
	t.Parallel()
	c, call := logged(t)
	id := startQuery(t, call, "fields @timestamp, level, @logStream | filter ms > 6 | sort ms desc", api.StartQueryInput{})
	if out := results(t, call, id); *out.Status != api.QueryStatusScheduled || len(out.Results) != 0 {
		t.Errorf("before it ran: %s, %d rows", *out.Status, len(out.Results))
	}
	c.WaitIdle(t)
	out := results(t, call, id)
	want := "@timestamp=2026-01-02 03:03:06.000 level=ERROR @logStream=web\n@timestamp=2026-01-02 03:03:06.000 level=WARN @logStream=db\n" +
		"@timestamp=2026-01-02 03:03:07.000 level=INFO @logStream=web"
	if got := show(out.Results); got != want || *out.Status != api.QueryStatusComplete || *out.QueryLanguage != api.QueryLanguageCwli {
		t.Errorf("%s\n%s\nwant\n%s", *out.Status, got, want)
	}
	if s := out.Statistics; *s.RecordsMatched != 3 || *s.RecordsScanned != 5 || *s.BytesScanned != 104 || *s.LogGroupsScanned != 1 {
		t.Errorf("matched %v, scanned %v, %v bytes, %v groups", *s.RecordsMatched, *s.RecordsScanned, *s.BytesScanned, *s.LogGroupsScanned)
	}

	row := out.Results[0]
	pointer := row[len(row)-1]
	record, err := api.GetLogRecord.Do(call, &api.GetLogRecordInput{LogRecordPointer: *pointer.Value})
	if err != nil || *pointer.Field != "@ptr" {
		t.Fatal(*pointer.Field, err)
	}
	for name, want := range map[string]string{
		"level": "ERROR", "ms": "40", "@message": `{"level":"ERROR","ms":40}`, "@logStream": "web", "@log": servicetest.Account + ":app",
		"@timestamp": fmt.Sprint(at(-59 * time.Second)), "@ingestionTime": fmt.Sprint(at(0)),
	} {
		if got := record.LogRecord[name]; got != want {
			t.Errorf("%s of the record is %q, want %q", name, got, want)
		}
	}
}

func TestQuery_ChoosesGroups(t *testing.T) {
	t.Parallel()
	c, call := logged(t)
	for _, name := range []string{"app/2", "other"} {
		createGroup(t, call, name)
		createStream(t, call, name, "s")
		say(t, call, name, "s", 0, "of "+name)
	}
	cold := &api.CreateLogGroupInput{LogGroupName: "cold", LogGroupClass: new(api.LogGroupClassInfrequentAccess)}
	if _, err := api.CreateLogGroup.Do(call, cold); err != nil {
		t.Fatal(err)
	}
	createStream(t, call, "cold", "s")
	say(t, call, "cold", "s", 0, "of cold")
	arn := call.ARN("logs", "log-group:other").String()
	for name, tc := range map[string]struct {
		text, want string
		in         api.StartQueryInput
	}{
		"name":        {"stats count(*) as n by @log", "app=5", api.StartQueryInput{LogGroupName: new("app")}},
		"names":       {"stats count(*) as n by @log", "app=5 app/2=1", api.StartQueryInput{LogGroupNames: []string{"app", "app/2", "app"}}},
		"identifiers": {"stats count(*) as n by @log", "app/2=1 other=1", api.StartQueryInput{LogGroupIdentifiers: []string{arn, "app/2"}}},
		"infrequent":  {"stats count(*) as n by @log", "cold=1", api.StartQueryInput{LogGroupName: new("cold")}},
		"prefixes":    {"SOURCE logGroups(namePrefix: ['app', 'app/']) | stats count(*) as n by @log", "app=5 app/2=1", api.StartQueryInput{}},
		"all":         {"SOURCE logGroups() | stats count(*) as n by @log", "app=5 app/2=1 other=1", api.StartQueryInput{}},
		"class":       {"SOURCE logGroups(class: ['INFREQUENT_ACCESS']) | stats count(*) as n by @log", "cold=1", api.StartQueryInput{}},
		"account":     {"SOURCE logGroups(accountIdentifiers: ['999999999999']) | stats count(*) as n by @log", "", api.StartQueryInput{}},
	} {
		got, _ := ask(t, c, call, tc.text, tc.in)
		got = strings.ReplaceAll(strings.ReplaceAll(got, "@log="+servicetest.Account+":", ""), " n=", "=")
		if got = strings.ReplaceAll(got, "\n", " "); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}

func TestQuery_KeepsToItsTime(t *testing.T) {
	t.Parallel()
	c, call := logged(t)
	say(t, call, "app", "web", -3*time.Hour, "a", "b", "c", "d")
	start := at(-3*time.Hour) / 1000
	for name, times := range map[string][2]int64{"seconds": {start + 1, start + 2}, "milliseconds": {start*1000 + 1000, start*1000 + 2000}} {
		in := &api.StartQueryInput{LogGroupName: new("app"), QueryString: "fields @message | sort @timestamp asc", StartTime: times[0], EndTime: times[1]}
		_, err := api.StartQuery.Do(call, in)
		servicetest.WantError(t, err, "MalformedQueryException") // the group is younger
		in.EndTime += 100_000_000                                // covers its creation
		in.QueryString += " | limit 2"
		out, err := api.StartQuery.Do(call, in)
		if err != nil {
			t.Fatal(err)
		}
		c.WaitIdle(t)
		if got := show(results(t, call, *out.QueryID).Results); got != "@message=b\n@message=c" {
			t.Errorf("%s: %s", name, got)
		}
	}
	say(t, call, "app", "web", 0, "e", "f", "g")
	for _, end := range []int64{at(time.Second) / 1000, at(time.Second)} {
		in := &api.StartQueryInput{LogGroupName: new("app"), QueryString: "fields @message", StartTime: at(0) / 1000, EndTime: end}
		out, err := api.StartQuery.Do(call, in)
		if err != nil {
			t.Fatal(err)
		}
		c.WaitIdle(t)
		if got := show(results(t, call, *out.QueryID).Results); got != "@message=f\n@message=e" {
			t.Errorf("until %d: %s", end, got)
		}
	}
}

func TestQuery_LeavesOutWhatIsDeletedOrExpired(t *testing.T) {
	t.Parallel()
	c, call := logged(t)
	if _, err := api.PutRetentionPolicy.Do(call, &api.PutRetentionPolicyInput{LogGroupName: "app", RetentionInDays: 1}); err != nil {
		t.Fatal(err)
	}
	if got, _ := ask(t, c, call, "stats count(*)", api.StartQueryInput{}); got != "count(*)=5" {
		t.Error(got)
	}
	if _, err := api.DeleteLogStream.Do(call, &api.DeleteLogStreamInput{LogGroupName: "app", LogStreamName: "db"}); err != nil {
		t.Fatal(err)
	}
	got, _ := ask(t, c, call, "stats count(*)", api.StartQueryInput{})
	if got != "count(*)=3" {
		t.Error(got)
	}
	_, out := ask(t, c, call, "fields @message", api.StartQueryInput{})
	pointer := out.Results[0][1].Value
	c.Advance(t, 24*time.Hour)
	_, err := api.GetLogRecord.Do(call, &api.GetLogRecordInput{LogRecordPointer: *pointer})
	servicetest.WantError(t, err, "ResourceNotFoundException")
	id := startQuery(t, call, "stats count(*)", api.StartQueryInput{})
	if _, err := api.DeleteLogGroup.Do(call, &api.DeleteLogGroupInput{LogGroupName: "app"}); err != nil {
		t.Fatal(err)
	}
	createGroup(t, call, "app")
	createStream(t, call, "app", "new")
	if _, err := api.PutLogEvents.Do(call, &api.PutLogEventsInput{LogGroupName: "app", LogStreamName: "new",
		LogEvents: []api.InputLogEvent{{Timestamp: call.Now().UnixMilli(), Message: "new"}}}); err != nil {
		t.Fatal(err)
	}
	c.WaitIdle(t)
	if out := results(t, call, id); *out.Status != api.QueryStatusComplete || len(out.Results) != 0 {
		t.Errorf("%s: %s", *out.Status, show(out.Results))
	}
}

func TestQuery_ResultsComeInPages(t *testing.T) {
	t.Parallel()
	c, call := logged(t)
	long := strings.Repeat("x", 60_000) // so that the result takes several rows of the store
	for i := range 20 {
		say(t, call, "app", "web", time.Duration(i)*time.Second, fmt.Sprint("n", i, " ", long))
	}
	id := startQuery(t, call, `parse @message "n* *" as n, rest | filter n >= 0 | sort n asc | display n, rest`, api.StartQueryInput{Limit: new(int32(18))})
	c.WaitIdle(t)
	in := &api.GetQueryResultsInput{QueryID: id, MaxItems: new(int32(7))}
	var pages []string
	for {
		out, err := api.GetQueryResults.Do(call, in)
		if err != nil {
			t.Fatal(err)
		}
		var ns []string
		for _, row := range out.Results {
			ns = append(ns, *row[0].Value)
		}
		pages = append(pages, strings.Join(ns, " "))
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	if got := strings.Join(pages, " | "); got != "0 1 2 3 4 5 6 | 7 8 9 10 11 12 13 | 14 15 16 17" {
		t.Error(got)
	}
}

func TestQuery_HasAsManyRowsAsItsLimit(t *testing.T) {
	t.Parallel()
	c, call := logged(t)
	in := &api.PutLogEventsInput{LogGroupName: "app", LogStreamName: "web"}
	for i := range 10_001 {
		in.LogEvents = append(in.LogEvents, api.InputLogEvent{Timestamp: at(0), Message: fmt.Sprint(i)})
	}
	first, second := *in, *in
	first.LogEvents, second.LogEvents = in.LogEvents[:6000], in.LogEvents[6000:]
	for _, in := range []*api.PutLogEventsInput{&first, &second} {
		if _, err := api.PutLogEvents.Do(call, in); err != nil {
			t.Fatal(err)
		}
	}
	for name, tc := range map[string]struct {
		text  string
		limit *int32
		want  int
	}{
		"default":     {"fields @message", nil, 10_000},
		"more":        {"fields @message | limit 10002", nil, 10_002},
		"fewer":       {"fields @message | limit 10002", new(int32(9)), 9},
		"in between":  {"limit 3 | stats count(*) as n", nil, 1},
		"of the call": {"fields @message", new(int32(10_001)), 10_001},
	} {
		id := startQuery(t, call, tc.text, api.StartQueryInput{Limit: tc.limit})
		c.WaitIdle(t)
		out := results(t, call, id)
		n := len(out.Results)
		if out.NextToken != nil {
			rest, err := api.GetQueryResults.Do(call, &api.GetQueryResultsInput{QueryID: id, NextToken: out.NextToken})
			if err != nil {
				t.Fatal(err)
			}
			n += len(rest.Results)
		}
		if n != tc.want {
			t.Errorf("%s: %d rows, want %d", name, n, tc.want)
		}
	}
}

func TestQuery_IsLimitedInNumber(t *testing.T) {
	t.Parallel()
	c, call := logged(t)
	var ids []string
	for range 100 {
		ids = append(ids, startQuery(t, call, "limit 1", api.StartQueryInput{}))
	}
	in := &api.StartQueryInput{LogGroupName: new("app"), QueryString: "limit 1", EndTime: call.Now().Unix()}
	_, err := api.StartQuery.Do(call, in)
	servicetest.WantError(t, err, "LimitExceededException")
	if out, err := api.StopQuery.Do(call, &api.StopQueryInput{QueryID: ids[0]}); err != nil || !*out.Success {
		t.Fatal(err)
	}
	if _, err := api.StartQuery.Do(call, in); err != nil {
		t.Error(err)
	}
	c.WaitIdle(t)
	if s := *results(t, call, ids[0]).Status; s != api.QueryStatusCancelled {
		t.Errorf("the stopped query is %s", s)
	}
	_, err = api.StopQuery.Do(call, &api.StopQueryInput{QueryID: ids[1]})
	servicetest.WantError(t, err, "InvalidParameterException")
}

func TestQuery_IsListedFromTheLatestOn(t *testing.T) {
	t.Parallel()
	c, call := logged(t)
	createGroup(t, call, "other")
	var ids []string
	for i := range 5 {
		group := []string{"app", "other"}[i%2]
		ids = append(ids, startQuery(t, call, fmt.Sprint("limit ", i+1), api.StartQueryInput{LogGroupName: &group}))
		c.Advance(t, time.Second)
		c.WaitIdle(t)
	}
	last := startQuery(t, call, "limit 6", api.StartQueryInput{LogGroupNames: []string{"other", "app"}})
	list := func(in api.DescribeQueriesInput) string {
		var found []string
		for {
			out, err := api.DescribeQueries.Do(call, &in)
			if err != nil {
				t.Fatal(err)
			}
			for _, q := range out.Queries {
				found = append(found, strings.TrimPrefix(*q.QueryString, "limit "))
			}
			if in.NextToken = out.NextToken; in.NextToken == nil {
				return strings.Join(found, " ")
			}
			found = append(found, "|")
		}
	}
	for name, tc := range map[string]struct {
		in   api.DescribeQueriesInput
		want string
	}{
		"all":      {api.DescribeQueriesInput{}, "6 5 4 3 2 1"},
		"pages":    {api.DescribeQueriesInput{MaxResults: new(int32(4))}, "6 5 4 3 | 2 1"},
		"group":    {api.DescribeQueriesInput{LogGroupName: new("other"), MaxResults: new(int32(2))}, "6 4 | 2"},
		"status":   {api.DescribeQueriesInput{Status: new(api.QueryStatusScheduled)}, "6"},
		"language": {api.DescribeQueriesInput{QueryLanguage: new(api.QueryLanguagePpl)}, ""},
	} {
		if got := list(tc.in); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
	groups, err := api.ListLogGroupsForQuery.Do(call, &api.ListLogGroupsForQueryInput{QueryID: last})
	if err != nil || fmt.Sprint(groups.LogGroupIdentifiers) != "[other app]" {
		t.Error(groups, err)
	}
	c.WaitIdle(t)
	c.Advance(t, 7*24*time.Hour)
	if got := list(api.DescribeQueriesInput{}); got != "" {
		t.Errorf("after a week there are %s", got)
	}
	_, err = api.GetQueryResults.Do(call, &api.GetQueryResultsInput{QueryID: ids[0]})
	servicetest.WantError(t, err, "ResourceNotFoundException")
}

func TestLogGroupFields_AreSampled(t *testing.T) {
	t.Parallel()
	c, call := logged(t)
	fields := func(time *int64) string {
		out, err := api.GetLogGroupFields.Do(call, &api.GetLogGroupFieldsInput{LogGroupName: new("app"), Time: time})
		if err != nil {
			t.Fatal(err)
		}
		var words []string
		for _, f := range out.LogGroupFields {
			words = append(words, fmt.Sprint(*f.Name, "=", *f.Percent))
		}
		return strings.Join(words, " ")
	}
	const want = "@ingestionTime=100 @log=100 @logStream=100 @message=100 @timestamp=100 level=80 ms=80"
	if got := fields(nil); got != want {
		t.Error(got)
	}
	c.Advance(t, time.Hour)
	if got := fields(nil); got != "" {
		t.Error(got)
	}
	if got := fields(new(at(5*time.Minute) / 1000)); got != want {
		t.Error(got)
	}
}
