package logs_test

import (
	"fmt"
	"testing"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/ledger"
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
	ledger.Covers(t, "CWL-02")
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
