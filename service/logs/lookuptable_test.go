package logs_test

import (
	"fmt"
	"testing"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/service/servicetest"
)

func TestLookupTable_IsKeptListedAndReplaced(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	for i := range 3 {
		if _, err := api.CreateLookupTable.Do(call, &api.CreateLookupTableInput{
			LookupTableName: fmt.Sprint("users_", i), TableBody: "id,name\n1,\"Jo, A\"\n2,Al\n", Tags: map[string]string{"a": "b"},
		}); err != nil {
			t.Fatal(err)
		}
	}
	page, err := api.DescribeLookupTables.Do(call, &api.DescribeLookupTablesInput{LookupTableNamePrefix: new("users_"), MaxResults: new(int32(2))})
	if err != nil || len(page.LookupTables) != 2 || page.NextToken == nil {
		t.Fatalf("page %+v, %v", page, err)
	}
	first := page.LookupTables[0]
	if fmt.Sprint(first.TableFields) != "[id name]" || *first.RecordsCount != 2 {
		t.Errorf("table %+v", first)
	}
	arn := *first.LookupTableARN
	if _, err := api.UpdateLookupTable.Do(call, &api.UpdateLookupTableInput{LookupTableARN: arn, TableBody: "id\n1\n", Description: new("d")}); err != nil {
		t.Fatal(err)
	}
	got, err := api.GetLookupTable.Do(call, &api.GetLookupTableInput{LookupTableARN: arn})
	if err != nil || *got.TableBody != "id\n1\n" || *got.Description != "d" || *got.SizeBytes != 5 {
		t.Errorf("table %+v, %v", got, err)
	}
	tags, err := api.ListTagsForResource.Do(call, &api.ListTagsForResourceInput{ResourceARN: arn})
	if err != nil || tags.Tags["a"] != "b" {
		t.Errorf("tags %+v, %v", tags, err)
	}
	for _, code := range []string{"", "ResourceNotFoundException"} {
		_, err = api.DeleteLookupTable.Do(call, &api.DeleteLookupTableInput{LookupTableARN: arn})
		servicetest.WantError(t, err, code)
	}
	_, err = api.GetLookupTable.Do(call, &api.GetLookupTableInput{LookupTableARN: arn})
	servicetest.WantError(t, err, "ResourceNotFoundException")
}

func TestLookupTable_Errors(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	if _, err := api.CreateLookupTable.Do(call, &api.CreateLookupTableInput{LookupTableName: "t", TableBody: "a\n"}); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ table, body, code string }{
		"exists":      {"t", "a\n", "ResourceAlreadyExistsException"},
		"columns":     {"u", "a,a\n", "InvalidParameterException"},
		"no name":     {"u", "a,\n", "InvalidParameterException"},
		"ragged":      {"u", "a,b\n1\n", "InvalidParameterException"},
		"not UTF-8":   {"u", "a\n\xff\n", "InvalidParameterException"},
		"name":        {"a-b", "a\n", "InvalidParameterException"},
		"only a line": {"u", "\n", "InvalidParameterException"},
	} {
		_, err := api.CreateLookupTable.Do(call, &api.CreateLookupTableInput{LookupTableName: tc.table, TableBody: tc.body})
		if aws.ErrorCode(err) != tc.code {
			t.Errorf("%s: %v, want %s", name, err, tc.code)
		}
	}
	_, err := api.CreateLookupTable.Do(call, &api.CreateLookupTableInput{LookupTableName: "u", TableBody: "a\n", KMSKeyID: new("k")})
	servicetest.WantError(t, err, "NotImplemented")
	_, err = api.UpdateLookupTable.Do(call, &api.UpdateLookupTableInput{LookupTableARN: "x", TableBody: "a\n"})
	servicetest.WantError(t, err, "InvalidParameterException")
	_, err = api.DescribeLookupTables.Do(call, &api.DescribeLookupTablesInput{NextToken: new("!")})
	servicetest.WantError(t, err, "InvalidParameterException")
}
