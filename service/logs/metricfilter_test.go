package logs_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/ledger"
	"drydock/service/servicetest"
)

func putMetric(t *testing.T, call *aws.Call, group, name, pattern string, m api.MetricTransformation) {
	t.Helper()
	m.MetricName, m.MetricNamespace = "Count", "App"
	if _, err := api.PutMetricFilter.Do(call, &api.PutMetricFilterInput{
		LogGroupName: group, FilterName: name, FilterPattern: pattern, MetricTransformations: []api.MetricTransformation{m},
	}); err != nil {
		t.Fatal(err)
	}
}

func putMessages(t *testing.T, call *aws.Call, group, stream string, messages ...string) {
	t.Helper()
	in := &api.PutLogEventsInput{LogGroupName: group, LogStreamName: stream}
	for _, m := range messages {
		in.LogEvents = append(in.LogEvents, api.InputLogEvent{Timestamp: at(0), Message: m})
	}
	if _, err := api.PutLogEvents.Do(call, in); err != nil {
		t.Fatal(err)
	}
}

func TestMetricFilter_TurnsMatchesIntoData(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CWL-02", "CWL-05")
	type dimension struct{ Name, Value string }
	type datum struct {
		MetricName     string
		Dimensions     []dimension
		Values, Counts []float64
		Unit           string
	}
	for name, tc := range map[string]struct {
		pattern  string
		metric   api.MetricTransformation
		messages []string
		want     []datum
	}{
		"counts": {
			"ERROR", api.MetricTransformation{MetricValue: "1", Unit: new(api.StandardUnitCount)},
			[]string{"ERROR a", "fine", "ERROR b"},
			[]datum{{MetricName: "Count", Values: []float64{1}, Counts: []float64{2}, Unit: "Count"}},
		},
		"takes values and dimensions": {
			"{ $.latency = * }", api.MetricTransformation{MetricValue: "$.latency", Dimensions: map[string]string{"path": "$.path"}},
			[]string{`{"latency":20,"path":"/a"}`, `{"latency":30,"path":"/b"}`, `{"latency":20,"path":"/a"}`, `{"latency":1}`, `{"latency":"slow","path":"/a"}`},
			[]datum{
				{MetricName: "Count", Dimensions: []dimension{{"path", "/a"}}, Values: []float64{20}, Counts: []float64{2}},
				{MetricName: "Count", Dimensions: []dimension{{"path", "/b"}}, Values: []float64{30}, Counts: []float64{1}},
			},
		},
		"takes fields": {
			"[ip, bytes > 10]", api.MetricTransformation{MetricValue: "$bytes"}, []string{"::1 5", "::1 50"},
			[]datum{{MetricName: "Count", Values: []float64{50}, Counts: []float64{1}}},
		},
		"default": {
			"ERROR", api.MetricTransformation{MetricValue: "1", DefaultValue: new(0.5)}, []string{"fine", "well"},
			[]datum{{MetricName: "Count", Values: []float64{0.5}, Counts: []float64{1}}},
		},
		"nothing": {"ERROR", api.MetricTransformation{MetricValue: "1"}, []string{"fine"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, call, in := cloudWithInbox(t, []string{"cloudwatch"})
			createGroup(t, call, "app")
			createStream(t, call, "app", "one")
			putMetric(t, call, "app", "f", tc.pattern, tc.metric)
			putMessages(t, call, "app", "one", tc.messages...)
			c.WaitIdle(t)
			var got []datum
			for _, d := range in.take() {
				var data struct {
					Namespace  string
					MetricData []datum
				}
				if err := json.Unmarshal(d.Payload, &data); err != nil || data.Namespace != "App" || d.Source != "logs.us-east-1.amazonaws.com" {
					t.Errorf("delivery %+v, %v", d, err)
				}
				got = append(got, data.MetricData...)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMetricFilter_IsListedAndCounted(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CWL-05")
	_, call := newCloud(t)
	for _, g := range []string{"app", "apps"} {
		createGroup(t, call, g)
		for i := range 3 {
			putMetric(t, call, g, fmt.Sprintf("f%d", i), "ERROR", api.MetricTransformation{MetricValue: "1"})
		}
	}
	putMetric(t, call, "app", "f0", "WARN", api.MetricTransformation{MetricValue: "2"}) // replaces
	list := func(in *api.DescribeMetricFiltersInput) string {
		in.Limit = new(int32(2))
		var names []string
		for {
			out, err := api.DescribeMetricFilters.Do(call, in)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range out.MetricFilters {
				names = append(names, *f.LogGroupName+"/"+*f.FilterName)
			}
			if in.NextToken = out.NextToken; in.NextToken == nil {
				slices.Sort(names)
				return strings.Join(names, " ")
			}
		}
	}
	all := "app/f0 app/f1 app/f2 apps/f0 apps/f1 apps/f2"
	for want, in := range map[string]*api.DescribeMetricFiltersInput{
		all: {}, "app/f0 app/f1 app/f2": {LogGroupName: new("app")}, "apps/f1": {LogGroupName: new("apps"), FilterNamePrefix: new("f1")},
		"app/f2 apps/f2": {FilterNamePrefix: new("f2")},
	} {
		if got := list(in); got != want {
			t.Errorf("filters %s, want %s", got, want)
		}
	}
	if got := list(&api.DescribeMetricFiltersInput{MetricName: new("Count"), MetricNamespace: new("App")}); got != all {
		t.Errorf("filters of the metric: %s", got)
	}
	if _, err := api.DeleteMetricFilter.Do(call, &api.DeleteMetricFilterInput{LogGroupName: "app", FilterName: "f1"}); err != nil {
		t.Fatal(err)
	}
	out, err := api.DescribeLogGroups.Do(call, &api.DescribeLogGroupsInput{LogGroupIdentifiers: []string{"app"}})
	if err != nil || *out.LogGroups[0].MetricFilterCount != 2 {
		t.Errorf("group %+v, %v", out, err)
	}
	if _, err := api.DeleteLogGroup.Do(call, &api.DeleteLogGroupInput{LogGroupName: "app"}); err != nil {
		t.Fatal(err)
	}
	if got := list(&api.DescribeMetricFiltersInput{}); got != "apps/f0 apps/f1 apps/f2" {
		t.Errorf("filters after the group: %s", got)
	}
}

func TestMetricFilter_Errors(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createGroup(t, call, "app")
	if _, err := api.CreateLogGroup.Do(call, &api.CreateLogGroupInput{LogGroupName: "rare", LogGroupClass: new(api.LogGroupClassInfrequentAccess)}); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		group, pattern string
		metric         api.MetricTransformation
		code           string
	}{
		"no group":                {"none", "", api.MetricTransformation{MetricValue: "1"}, "ResourceNotFoundException"},
		"class":                   {"rare", "", api.MetricTransformation{MetricValue: "1"}, "InvalidOperationException"},
		"pattern":                 {"app", "{ $.a", api.MetricTransformation{MetricValue: "1"}, "InvalidParameterException"},
		"value":                   {"app", "", api.MetricTransformation{MetricValue: "x"}, "InvalidParameterException"},
		"value of no field":       {"app", "[a]", api.MetricTransformation{MetricValue: "$b"}, "InvalidParameterException"},
		"value without fields":    {"app", "ERROR", api.MetricTransformation{MetricValue: "$.a"}, "InvalidParameterException"},
		"dimensions and default":  {"app", "{ $.a = 1 }", api.MetricTransformation{MetricValue: "1", DefaultValue: new(0.0), Dimensions: map[string]string{"a": "$.a"}}, "InvalidParameterException"},
		"dimensions without json": {"app", "ERROR", api.MetricTransformation{MetricValue: "1", Dimensions: map[string]string{"a": "$.a"}}, "InvalidParameterException"},
		"too many dimensions": {"app", "{ $.a = 1 }", api.MetricTransformation{MetricValue: "1",
			Dimensions: map[string]string{"a": "$.a", "b": "$.b", "c": "$.c", "d": "$.d"}}, "InvalidParameterException"},
	} {
		m := tc.metric
		m.MetricName, m.MetricNamespace = "Count", "App"
		_, err := api.PutMetricFilter.Do(call, &api.PutMetricFilterInput{
			LogGroupName: tc.group, FilterName: "f", FilterPattern: tc.pattern, MetricTransformations: []api.MetricTransformation{m},
		})
		if aws.ErrorCode(err) != tc.code {
			t.Errorf("%s: %v, want %s", name, err, tc.code)
		}
	}
	for i := range 5 {
		putMetric(t, call, "app", fmt.Sprint("re", i), "%a+%", api.MetricTransformation{MetricValue: "1"})
	}
	_, err := api.PutMetricFilter.Do(call, &api.PutMetricFilterInput{
		LogGroupName: "app", FilterName: "f", FilterPattern: "%a%", MetricTransformations: []api.MetricTransformation{{MetricName: "a", MetricNamespace: "b", MetricValue: "1"}},
	})
	servicetest.WantError(t, err, "LimitExceededException")
	putMetric(t, call, "app", "re0", "%b+%", api.MetricTransformation{MetricValue: "1"}) // replaces one of the five
	_, err = api.DeleteMetricFilter.Do(call, &api.DeleteMetricFilterInput{LogGroupName: "app", FilterName: "none"})
	servicetest.WantError(t, err, "ResourceNotFoundException")
	_, err = api.DescribeMetricFilters.Do(call, &api.DescribeMetricFiltersInput{LogGroupName: new("none")})
	servicetest.WantError(t, err, "ResourceNotFoundException")
	_, err = api.DescribeMetricFilters.Do(call, &api.DescribeMetricFiltersInput{MetricName: new("a")})
	servicetest.WantError(t, err, "InvalidParameterException")
	_, err = api.DescribeMetricFilters.Do(call, &api.DescribeMetricFiltersInput{NextToken: new("!")})
	servicetest.WantError(t, err, "InvalidParameterException")
	user := aws.Principal{Type: aws.PrincipalUser, Account: servicetest.Account, ARN: "arn:aws:iam::111122223333:user/u", Name: "u"}
	denied := *call
	denied.Principal = user
	_, err = api.DescribeMetricFilters.Do(&denied, &api.DescribeMetricFiltersInput{LogGroupName: new("app")})
	servicetest.WantError(t, err, "AccessDeniedException")
}
