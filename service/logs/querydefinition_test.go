package logs_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/service/servicetest"
)

func save(t *testing.T, call *aws.Call, in api.PutQueryDefinitionInput) string {
	t.Helper()
	if in.QueryString == "" {
		in.QueryString = "limit 1"
	}
	out, err := api.PutQueryDefinition.Do(call, &in)
	if err != nil {
		t.Fatal(err)
	}
	return *out.QueryDefinitionID
}

// definitions lists "name:query:groups" of what is saved, pages separated by bars.
func definitions(t *testing.T, call *aws.Call, in api.DescribeQueryDefinitionsInput) string {
	t.Helper()
	var found []string
	for {
		out, err := api.DescribeQueryDefinitions.Do(call, &in)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range out.QueryDefinitions {
			found = append(found, fmt.Sprint(*d.Name, ":", *d.QueryString, ":", d.LogGroupNames))
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return strings.Join(found, " ")
		}
		found = append(found, "|")
	}
}

func TestQueryDefinition_IsSavedChangedAndDeleted(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	id := save(t, call, api.PutQueryDefinitionInput{Name: "team/b", LogGroupNames: []string{"x", "y"}})
	save(t, call, api.PutQueryDefinitionInput{Name: "team/a"})
	save(t, call, api.PutQueryDefinitionInput{Name: "z", QueryString: "source = x", QueryLanguage: new(api.QueryLanguagePpl)})
	save(t, call.In("eu-west-1"), api.PutQueryDefinitionInput{Name: "elsewhere"})
	for name, tc := range map[string]struct {
		in   api.DescribeQueryDefinitionsInput
		want string
	}{
		"all":      {api.DescribeQueryDefinitionsInput{}, "team/a:limit 1:[] team/b:limit 1:[x y] z:source = x:[]"},
		"pages":    {api.DescribeQueryDefinitionsInput{MaxResults: new(int32(2))}, "team/a:limit 1:[] team/b:limit 1:[x y] | z:source = x:[]"},
		"prefix":   {api.DescribeQueryDefinitionsInput{QueryDefinitionNamePrefix: new("team/")}, "team/a:limit 1:[] team/b:limit 1:[x y]"},
		"language": {api.DescribeQueryDefinitionsInput{QueryLanguage: new(api.QueryLanguagePpl)}, "z:source = x:[]"},
	} {
		if got := definitions(t, call, tc.in); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
	c.Advance(t, time.Minute)
	if again := save(t, call, api.PutQueryDefinitionInput{Name: "new", QueryString: "limit 2", QueryDefinitionID: &id}); again != id {
		t.Errorf("changed %s as %s", id, again)
	}
	out, err := api.DescribeQueryDefinitions.Do(call, &api.DescribeQueryDefinitionsInput{QueryDefinitionNamePrefix: new("new")})
	if err != nil || len(out.QueryDefinitions) != 1 || *out.QueryDefinitions[0].LastModified != at(time.Minute) || out.QueryDefinitions[0].LogGroupNames != nil {
		t.Errorf("%+v %v", out, err)
	}
	if out, err := api.DeleteQueryDefinition.Do(call, &api.DeleteQueryDefinitionInput{QueryDefinitionID: id}); err != nil || !*out.Success {
		t.Fatal(err)
	}
	if got := definitions(t, call, api.DescribeQueryDefinitionsInput{}); got != "team/a:limit 1:[] z:source = x:[]" {
		t.Error(got)
	}
	_, err = api.DeleteQueryDefinition.Do(call, &api.DeleteQueryDefinitionInput{QueryDefinitionID: id})
	servicetest.WantError(t, err, "ResourceNotFoundException")
	_, err = api.PutQueryDefinition.Do(call, &api.PutQueryDefinitionInput{Name: "n", QueryString: "q", QueryDefinitionID: &id})
	servicetest.WantError(t, err, "ResourceNotFoundException")
	_, err = api.DescribeQueryDefinitions.Do(call, &api.DescribeQueryDefinitionsInput{NextToken: new("nope")})
	servicetest.WantError(t, err, "InvalidParameterException")
}

func TestQueryDefinition_IsMadeOnceForAToken(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	in := api.PutQueryDefinitionInput{Name: "n", ClientToken: new(strings.Repeat("t", 36))}
	if a, b := save(t, call, in), save(t, call, in); a != b {
		t.Errorf("%s and %s", a, b)
	}
}

func TestQueryDefinition_ChecksParameters(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	p := api.QueryParameter{Name: "level", DefaultValue: new("ERROR")}
	id := save(t, call, api.PutQueryDefinitionInput{Name: "n", QueryString: "filter level = '{{level}}'", Parameters: []api.QueryParameter{p}})
	out, err := api.DescribeQueryDefinitions.Do(call, &api.DescribeQueryDefinitionsInput{})
	if err != nil || len(out.QueryDefinitions) != 1 || *out.QueryDefinitions[0].QueryDefinitionID != id || len(out.QueryDefinitions[0].Parameters) != 1 ||
		*out.QueryDefinitions[0].Parameters[0].DefaultValue != "ERROR" {
		t.Errorf("%+v %v", out, err)
	}
	for name, in := range map[string]api.PutQueryDefinitionInput{
		"undefined": {QueryString: "filter a = '{{other}}'", Parameters: []api.QueryParameter{p}},
		"twice":     {QueryString: "limit 1", Parameters: []api.QueryParameter{p, p}},
		"language":  {QueryString: "limit 1", Parameters: []api.QueryParameter{p}, QueryLanguage: new(api.QueryLanguageSQL)},
		"groups":    {QueryString: "limit 1", LogGroupNames: strings.Split(strings.Repeat("g,", 50)+"g", ",")},
	} {
		in.Name = "n"
		_, err := api.PutQueryDefinition.Do(call, &in)
		if aws.ErrorCode(err) != "InvalidParameterException" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestQueryDefinitionResource_LivesAsItsPropertiesSay(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	saved := resourceType(t, c, "AWS::Logs::QueryDefinition")
	id, err := saved.Create(call, properties(t, `{"Name":"n","QueryString":"limit 1","LogGroupNames":["a"]}`))
	if err != nil {
		t.Fatal(err)
	}
	now, err := saved.Read(call, id)
	if err != nil {
		t.Fatal(err)
	}
	desired := properties(t, `{"Name":"n2","QueryString":"filter a = '{{p}}'","Parameters":[{"Name":"p","DefaultValue":"x"}]}`)
	if err := saved.Update(call, id, now, desired); err != nil {
		t.Fatal(err)
	}
	if now, err = saved.Read(call, id); err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(now)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"Name":"n2","Parameters":[{"Name":"p","DefaultValue":"x"}],"QueryDefinitionId":"` + id + `","QueryLanguage":"CWLI","QueryString":"filter a = '{{p}}'"}`
	if string(got) != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if ids, err := saved.List(call); err != nil || fmt.Sprint(ids) != "["+id+"]" {
		t.Error(ids, err)
	}
	if err := saved.Delete(call, id); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"read": func() error { _, err := saved.Read(call, id); return err }(), "update": saved.Update(call, id, now, desired), "delete": saved.Delete(call, id),
	} {
		if !aws.IsError(err, "ResourceNotFoundException") {
			t.Errorf("%s of one that is gone: %v", name, err)
		}
	}
}
