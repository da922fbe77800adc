package logs_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"drydock/api/iam"
	api "drydock/api/logs"
	"drydock/aws"
	"drydock/ledger"
	"drydock/policy"
	"drydock/service"
	"drydock/service/logs"
	"drydock/service/servicetest"
)

func newCloud(t *testing.T) (*servicetest.Cloud, *aws.Call) {
	t.Helper()
	c := servicetest.New(t, func(d service.Deps) []service.Module { return []service.Module{logs.New(d)} })
	return c, c.Call(t)
}

func createGroup(t *testing.T, call *aws.Call, name string) {
	t.Helper()
	if _, err := api.CreateLogGroup.Do(call, &api.CreateLogGroupInput{LogGroupName: name}); err != nil {
		t.Fatal(err)
	}
}

func TestLogGroup_IsListedByNameInPages(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	for i := range 7 {
		createGroup(t, call, fmt.Sprintf("app/%d", i))
	}
	createGroup(t, call, "other")
	createGroup(t, call.In("eu-west-1"), "app/elsewhere")
	var names []string
	in := &api.DescribeLogGroupsInput{LogGroupNamePrefix: new("app/"), Limit: new(int32(3))}
	for {
		out, err := api.DescribeLogGroups.Do(call, in)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range out.LogGroups {
			names = append(names, *g.LogGroupName)
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	if got := fmt.Sprint(names); got != "[app/0 app/1 app/2 app/3 app/4 app/5 app/6]" {
		t.Errorf("groups %s", got)
	}
}

func TestLogGroup_Errors(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createGroup(t, call, "app")
	_, err := api.CreateLogGroup.Do(call, &api.CreateLogGroupInput{LogGroupName: "app"})
	servicetest.WantError(t, err, "ResourceAlreadyExistsException")
	_, err = api.DeleteLogGroup.Do(call, &api.DeleteLogGroupInput{LogGroupName: "none"})
	servicetest.WantError(t, err, "ResourceNotFoundException")
	_, err = api.CreateLogGroup.Do(call, &api.CreateLogGroupInput{LogGroupName: "not valid"})
	servicetest.WantError(t, err, "InvalidParameterException")
	_, err = api.PutRetentionPolicy.Do(call, &api.PutRetentionPolicyInput{LogGroupName: "app", RetentionInDays: 2})
	servicetest.WantError(t, err, "InvalidParameterException")
	_, err = api.DescribeLogGroups.Do(call, &api.DescribeLogGroupsInput{NextToken: new("x")})
	servicetest.WantError(t, err, "InvalidParameterException")
}

func TestLogGroup_IsTagged(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	if _, err := api.CreateLogGroup.Do(call, &api.CreateLogGroupInput{LogGroupName: "app", Tags: map[string]string{"a": "1"}}); err != nil {
		t.Fatal(err)
	}
	for name, do := range map[string]func() error{
		"tag": func() error {
			_, err := api.TagResource.Do(call, &api.TagResourceInput{ResourceARN: appARN, Tags: map[string]string{"b": "2", "c": "3"}})
			return err
		},
		"tag group": func() error {
			_, err := api.TagLogGroup.Do(call, &api.TagLogGroupInput{LogGroupName: "app", Tags: map[string]string{"d": "4"}})
			return err
		},
	} {
		if err := do(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := api.UntagResource.Do(call, &api.UntagResourceInput{ResourceARN: appARN, TagKeys: []string{"b", "x"}}); err != nil {
		t.Error(err)
	}
	if _, err := api.UntagLogGroup.Do(call, &api.UntagLogGroupInput{LogGroupName: "app", Tags: []string{"a"}}); err != nil {
		t.Error(err)
	}
	one, err := api.ListTagsForResource.Do(call, &api.ListTagsForResourceInput{ResourceARN: appARN})
	if err != nil {
		t.Fatal(err)
	}
	other, err := api.ListTagsLogGroup.Do(call, &api.ListTagsLogGroupInput{LogGroupName: "app"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"c": "3", "d": "4"}
	if !maps.Equal(one.Tags, want) || !maps.Equal(other.Tags, want) {
		t.Errorf("tags %v and %v, want %v", one.Tags, other.Tags, want)
	}

	_, err = api.TagResource.Do(call, &api.TagResourceInput{ResourceARN: appARN + "x", Tags: want})
	servicetest.WantError(t, err, "ResourceNotFoundException")
	_, err = api.TagResource.Do(call, &api.TagResourceInput{ResourceARN: "app", Tags: want})
	servicetest.WantError(t, err, "InvalidParameterException")
	_, err = api.TagResource.Do(call, &api.TagResourceInput{ResourceARN: appARN, Tags: map[string]string{"aws:x": "1"}})
	servicetest.WantError(t, err, "InvalidParameterException")
	many := map[string]string{}
	for i := range 49 {
		many[fmt.Sprint(i)] = ""
	}
	_, err = api.TagResource.Do(call, &api.TagResourceInput{ResourceARN: appARN, Tags: many})
	servicetest.WantError(t, err, "TooManyTagsException")
	_, err = api.TagLogGroup.Do(call, &api.TagLogGroupInput{LogGroupName: "app", Tags: many})
	servicetest.WantError(t, err, "InvalidParameterException")
}

func TestLogGroup_IsProtectedFromDeletion(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createGroup(t, call, "app")
	protect := func(on bool) {
		t.Helper()
		_, err := api.PutLogGroupDeletionProtection.Do(call, &api.PutLogGroupDeletionProtectionInput{LogGroupIdentifier: appARN, DeletionProtectionEnabled: on})
		if err != nil {
			t.Fatal(err)
		}
	}
	protect(true)
	_, err := api.DeleteLogGroup.Do(call, &api.DeleteLogGroupInput{LogGroupName: "app"})
	servicetest.WantError(t, err, "ValidationException")
	protect(false)
	if _, err := api.DeleteLogGroup.Do(call, &api.DeleteLogGroupInput{LogGroupName: "app"}); err != nil {
		t.Error(err)
	}
}

func TestListLogGroups_Selects(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	for name, tags := range map[string]map[string]string{
		"/aws/lambda/one": {"stage": "Prod-1"}, "/aws/lambda/two": {"stage": "test"}, "my/aws/discovery": nil, "plain": {"stage": "prod"},
	} {
		if _, err := api.CreateLogGroup.Do(call, &api.CreateLogGroupInput{LogGroupName: name, Tags: tags}); err != nil {
			t.Fatal(err)
		}
	}
	tagged := func(values ...string) api.ListLogGroupsInput {
		return api.ListLogGroupsInput{LogGroupTags: []api.TagFilter{{Key: "stage", Values: values}}}
	}
	for name, tc := range map[string]struct {
		in   api.ListLogGroupsInput
		want string
	}{
		"all":             {api.ListLogGroupsInput{}, "/aws/lambda/one /aws/lambda/two|my/aws/discovery plain"},
		"part":            {api.ListLogGroupsInput{LogGroupNamePattern: new("/aws")}, "/aws/lambda/one /aws/lambda/two|my/aws/discovery"},
		"beginning":       {api.ListLogGroupsInput{LogGroupNamePattern: new("^/aws|plain")}, "/aws/lambda/one /aws/lambda/two|plain"},
		"case":            {api.ListLogGroupsInput{LogGroupNamePattern: new("PLAIN")}, ""},
		"class":           {api.ListLogGroupsInput{LogGroupClass: new(api.LogGroupClassDelivery)}, ""},
		"tag":             {tagged(), "/aws/lambda/one /aws/lambda/two|plain"},
		"tag value":       {tagged("prod", "test"), "/aws/lambda/two plain"},
		"tag pattern":     {tagged("prod*"), "/aws/lambda/one plain"},
		"tag end":         {tagged("*-1"), "/aws/lambda/one"},
		"tag part":        {tagged("*RO*"), "/aws/lambda/one plain"},
		"tag not":         {tagged("!prod"), "/aws/lambda/one /aws/lambda/two"},
		"linked accounts": {api.ListLogGroupsInput{IncludeLinkedAccounts: new(true), AccountIdentifiers: []string{"999999999999"}}, ""},
	} {
		tc.in.Limit = new(int32(2))
		var pages []string
		for {
			out, err := api.ListLogGroups.Do(call, &tc.in)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, g := range out.LogGroups {
				names = append(names, *g.LogGroupName)
			}
			pages = append(pages, strings.Join(names, " "))
			if tc.in.NextToken = out.NextToken; tc.in.NextToken == nil {
				break
			}
		}
		if got := strings.Join(pages, "|"); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
	out, err := api.DescribeLogGroups.Do(call, &api.DescribeLogGroupsInput{
		LogGroupIdentifiers: []string{"plain", "none", "arn:aws:logs:us-east-1:111122223333:log-group:/aws/lambda/two"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.LogGroups) != 2 || *out.LogGroups[0].LogGroupName != "/aws/lambda/two" || *out.LogGroups[1].LogGroupName != "plain" {
		t.Errorf("described %+v", out.LogGroups)
	}
}

func TestLogGroup_RefusesWhatIsNotCarriedOut(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	_, err := api.ListLogGroups.Do(call, &api.ListLogGroupsInput{FieldIndexNames: []string{"f"}})
	servicetest.WantError(t, err, "NotImplemented")
	if _, err := api.CreateLogGroup.Do(call, &api.CreateLogGroupInput{LogGroupName: "day", LogGroupClass: new(api.LogGroupClassDelivery)}); err != nil {
		t.Fatal(err)
	}
	_, err = api.PutRetentionPolicy.Do(call, &api.PutRetentionPolicyInput{LogGroupName: "day", RetentionInDays: 3})
	servicetest.WantError(t, err, "InvalidOperationException")
}

// forReader are the permissions of one user on one group.
const forReader = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:GetLogEvents","logs:PutLogEvents"],
	"Resource":"arn:aws:logs:us-east-1:111122223333:log-group:app:*"}]}`

func TestLogGroup_SetsRetentionFiltersAndAccessForItsStreams(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CWL-02")
	document, err := policy.Parse(policy.KindInline, forReader)
	if err != nil {
		t.Fatal(err)
	}
	c, call, box := cloudWithInbox(t, []string{"cloudwatch"}, func(service.Deps) service.Module {
		return service.Module{API: iam.API, Identity: onlyUser{document}}
	})
	streams := []string{"one", "two"}
	for _, group := range []string{"app", "other"} {
		createGroup(t, call, group)
		for _, stream := range streams {
			createStream(t, call, group, stream)
		}
	}
	putMetric(t, call, "app", "f", "ERROR", api.MetricTransformation{MetricValue: "1"})
	if _, err := api.PutRetentionPolicy.Do(call, &api.PutRetentionPolicyInput{LogGroupName: "app", RetentionInDays: 1}); err != nil {
		t.Fatal(err)
	}
	ann := c.CallAs(t, aws.Principal{
		Type: aws.PrincipalUser, Account: servicetest.Account, Name: "ann", ID: "ann", ARN: "arn:aws:iam::" + servicetest.Account + ":user/ann",
	}, servicetest.Region)
	for _, group := range []string{"app", "other"} {
		for _, stream := range streams {
			_, err := api.PutLogEvents.Do(ann, &api.PutLogEventsInput{
				LogGroupName: group, LogStreamName: stream, LogEvents: []api.InputLogEvent{{Timestamp: at(0), Message: "ERROR " + stream}},
			})
			want := ""
			if group == "other" {
				want = "AccessDeniedException"
				putMessages(t, call, group, stream, "ERROR "+stream)
			}
			servicetest.WantError(t, err, want)
		}
	}
	c.WaitIdle(t)
	points := 0
	for _, d := range box.take() {
		points += strings.Count(string(d.Payload), `"Count"`)
	}
	if points != len(streams) {
		t.Errorf("the filter has made %d data points of %d streams", points, len(streams))
	}
	read := func() (got []string) {
		for _, group := range []string{"app", "other"} {
			for _, stream := range streams {
				got = append(got, messagesOf(t, call, group, stream, false))
			}
		}
		return got
	}
	if got := fmt.Sprintf("%q", read()); got != `["ERROR one" "ERROR two" "ERROR one" "ERROR two"]` {
		t.Errorf("at first: %s", got)
	}
	c.Advance(t, 48*time.Hour)
	if got := fmt.Sprintf("%q", read()); got != `["" "" "ERROR one" "ERROR two"]` {
		t.Errorf("after the retention of one group: %s", got)
	}
}
