package logs_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"drydock/api/iam"
	api "drydock/api/logs"
	"drydock/aws"
	"drydock/policy"
	"drydock/service"
	"drydock/service/logs"
	"drydock/service/servicetest"
)

func TestQuery_Errors(t *testing.T) {
	t.Parallel()
	_, call := logged(t)
	createGroup(t, call, "plain")
	for name, class := range map[string]api.LogGroupClass{"cold": api.LogGroupClassInfrequentAccess, "sent": api.LogGroupClassDelivery} {
		if _, err := api.CreateLogGroup.Do(call, &api.CreateLogGroupInput{LogGroupName: name, LogGroupClass: &class}); err != nil {
			t.Fatal(err)
		}
	}
	now := call.Now().Unix()
	for name, tc := range map[string]struct {
		code string
		in   api.StartQueryInput
	}{
		"no group":       {"InvalidParameterException", api.StartQueryInput{}},
		"two ways":       {"InvalidParameterException", api.StartQueryInput{LogGroupName: new("app"), LogGroupNames: []string{"plain"}}},
		"source besides": {"InvalidParameterException", api.StartQueryInput{LogGroupName: new("app"), QueryString: "SOURCE logGroups() | limit 1"}},
		"none":           {"InvalidParameterException", api.StartQueryInput{LogGroupNames: []string{}}},
		"too many":       {"InvalidParameterException", api.StartQueryInput{LogGroupNames: slices.Repeat([]string{"app"}, 51)}},
		"not there":      {"ResourceNotFoundException", api.StartQueryInput{LogGroupName: new("nope")}},
		"elsewhere":      {"ResourceNotFoundException", api.StartQueryInput{LogGroupIdentifiers: []string{"arn:aws:logs:eu-west-1:" + call.Account + ":log-group:app"}}},
		"classes":        {"InvalidParameterException", api.StartQueryInput{LogGroupNames: []string{"app", "cold"}}},
		"unmask":         {"InvalidParameterException", api.StartQueryInput{LogGroupName: new("cold"), QueryString: "fields unmask(@message)"}},
		"delivery":       {"InvalidParameterException", api.StartQueryInput{LogGroupName: new("sent")}},
		"times":          {"InvalidParameterException", api.StartQueryInput{LogGroupName: new("app"), StartTime: now + 10, EndTime: now}},
		"too early":      {"MalformedQueryException", api.StartQueryInput{LogGroupName: new("app"), StartTime: now - 100, EndTime: now - 50}},
		"syntax":         {"MalformedQueryException", api.StartQueryInput{LogGroupName: new("app"), QueryString: "fields @message | nope"}},
		"unsupported":    {"NotImplemented", api.StartQueryInput{LogGroupName: new("app"), QueryString: "pattern @message"}},
		"sql":            {"NotImplemented", api.StartQueryInput{LogGroupName: new("app"), QueryLanguage: new(api.QueryLanguageSQL)}},
		"limit":          {"InvalidParameterException", api.StartQueryInput{LogGroupName: new("app"), Limit: new(int32(100_001))}},
	} {
		if tc.in.QueryString == "" {
			tc.in.QueryString = "limit 1"
		}
		if tc.in.EndTime == 0 {
			tc.in.StartTime, tc.in.EndTime = now-1, now
		}
		_, err := api.StartQuery.Do(call, &tc.in)
		if got := aws.ErrorCode(err); got != tc.code {
			t.Errorf("%s: %v, want %s", name, err, tc.code)
		}
	}
	_, err := api.GetQueryResults.Do(call, &api.GetQueryResultsInput{QueryID: "nope"})
	servicetest.WantError(t, err, "ResourceNotFoundException")
	_, err = api.StopQuery.Do(call, &api.StopQueryInput{QueryID: "nope"})
	servicetest.WantError(t, err, "ResourceNotFoundException")
	_, err = api.ListLogGroupsForQuery.Do(call, &api.ListLogGroupsForQueryInput{QueryID: "nope"})
	servicetest.WantError(t, err, "ResourceNotFoundException")
	_, err = api.GetLogRecord.Do(call, &api.GetLogRecordInput{LogRecordPointer: "nope"})
	servicetest.WantError(t, err, "InvalidParameterException")
	_, err = api.DescribeQueries.Do(call, &api.DescribeQueriesInput{NextToken: new("nope")})
	servicetest.WantError(t, err, "InvalidParameterException")
	id := startQuery(t, call, "limit 1", api.StartQueryInput{})
	_, err = api.GetQueryResults.Do(call, &api.GetQueryResultsInput{QueryID: id, NextToken: new("nope")})
	servicetest.WantError(t, err, "InvalidParameterException")
	_, err = api.GetQueryResults.Do(call.In("eu-west-1"), &api.GetQueryResultsInput{QueryID: id})
	servicetest.WantError(t, err, "ResourceNotFoundException")
	_, err = api.GetLogGroupFields.Do(call, &api.GetLogGroupFieldsInput{LogGroupName: new("nope")})
	servicetest.WantError(t, err, "ResourceNotFoundException")
	_, err = api.GetLogGroupFields.Do(call, &api.GetLogGroupFieldsInput{})
	servicetest.WantError(t, err, "InvalidParameterException")
}

func TestQuery_TellsWhereItIsMalformed(t *testing.T) {
	t.Parallel()
	_, call := logged(t)
	in := &api.StartQueryInput{LogGroupName: new("app"), QueryString: "fields @message | nope", EndTime: call.Now().Unix()}
	_, err := api.StartQuery.Do(call, in)
	e, ok := errors.AsType[*aws.Error](err)
	if !ok || e.Message != "unexpected symbol found nope at line 1 and position 19" {
		t.Fatal(err)
	}
	c, ok := e.Fields["queryCompileError"].(*api.QueryCompileError)
	if !ok || *c.Location.StartCharOffset != 18 || *c.Location.EndCharOffset != 22 || *c.Message != e.Message {
		t.Errorf("fields %+v", e.Fields)
	}
}

// onlyUser knows one user with one policy.
type onlyUser struct{ document *policy.Document }

func (onlyUser) AccessKey(context.Context, string) (policy.AccessKey, error) {
	return policy.AccessKey{}, policy.ErrUnknownKey
}

func (onlyUser) Password(context.Context, string, string, string) (aws.Principal, error) {
	return aws.Principal{}, policy.ErrUnknownKey
}

func (u onlyUser) Grants(_ context.Context, p *aws.Principal) (policy.Grants, error) {
	return policy.Grants{Identity: []policy.Source{{Name: p.Name, Document: u.document}}}, nil
}

func TestQuery_NeedsPermissionForEachGroup(t *testing.T) {
	t.Parallel()
	document, err := policy.Parse(policy.KindInline, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"logs:StartQuery",
		"Resource":"arn:aws:logs:us-east-1:111122223333:log-group:app:*"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	c := servicetest.New(t, func(d service.Deps) []service.Module {
		return []service.Module{logs.New(d), {API: iam.API, Identity: onlyUser{document}}}
	})
	for _, name := range []string{"app", "secret"} {
		createGroup(t, c.Call(t), name)
	}
	call := c.CallAs(t, aws.Principal{
		Type: aws.PrincipalUser, Account: servicetest.Account, Name: "ann", ID: "ann", ARN: "arn:aws:iam::" + servicetest.Account + ":user/ann",
	}, servicetest.Region)
	id := startQuery(t, call, "limit 1", api.StartQueryInput{})
	for _, in := range []api.StartQueryInput{
		{LogGroupNames: []string{"app", "secret"}, QueryString: "limit 1"}, {QueryString: "SOURCE logGroups() | limit 1"},
		{LogGroupName: new("app"), QueryString: "fields unmask(@message)"},
	} {
		in.EndTime = call.Now().Unix()
		_, err = api.StartQuery.Do(call, &in)
		servicetest.WantError(t, err, "AccessDeniedException")
	}
	_, err = api.GetQueryResults.Do(call, &api.GetQueryResultsInput{QueryID: id})
	servicetest.WantError(t, err, "AccessDeniedException")
	_, err = api.PutQueryDefinition.Do(call, &api.PutQueryDefinitionInput{Name: "n", QueryString: "limit 1"})
	servicetest.WantError(t, err, "AccessDeniedException")
}
