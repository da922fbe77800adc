package logs_test

import (
	"encoding/json"
	"fmt"
	"testing"

	api "drydock/api/logs"
	"drydock/resource"
	"drydock/service/servicetest"
)

// properties reads a resource's properties from JSON.
func properties(t *testing.T, text string) resource.Properties {
	t.Helper()
	var p resource.Properties
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func resourceType(t *testing.T, c *servicetest.Cloud, name string) resource.Type {
	t.Helper()
	types, err := resource.NewRegistry(c.Modules[0].Resources...)
	if err != nil {
		t.Fatal(err)
	}
	found, ok := types.Lookup(name)
	if !ok {
		t.Fatalf("no resource type %s", name)
	}
	return found
}

func TestLogGroupResource_LivesAsItsPropertiesSay(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	group := resourceType(t, c, "AWS::Logs::LogGroup")
	want := func(id, want string) resource.Properties {
		t.Helper()
		p, err := group.Read(call, id)
		if err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("properties %s\nwant %s", got, want)
		}
		return p
	}
	id, err := group.Create(call, properties(t, `{"LogGroupName":"app","RetentionInDays":7,"Tags":[{"Key":"b","Value":"2"},{"Key":"a","Value":"1"}]}`))
	if err != nil || id != "app" {
		t.Fatalf("created %q, %v", id, err)
	}
	now := want(id, `{"Arn":"`+appARN+`:*","LogGroupClass":"STANDARD","LogGroupName":"app","RetentionInDays":7,"Tags":[{"Key":"a","Value":"1"},{"Key":"b","Value":"2"}]}`)

	err = group.Update(call, id, now, properties(t, `{"LogGroupName":"app","DeletionProtectionEnabled":true,"Tags":[{"Key":"b","Value":"3"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	now = want(id, `{"Arn":"`+appARN+`:*","DeletionProtectionEnabled":true,"LogGroupClass":"STANDARD","LogGroupName":"app","Tags":[{"Key":"b","Value":"3"}]}`)
	servicetest.WantError(t, group.Update(call, id, now, properties(t, `{"LogGroupName":"app","LogGroupClass":"DELIVERY"}`)), "InvalidParameterException")
	servicetest.WantError(t, group.Delete(call, id), "ValidationException")
	if err := group.Update(call, id, now, properties(t, `{"LogGroupName":"app","RetentionInDays":1}`)); err != nil {
		t.Fatal(err)
	}

	other, err := group.Create(call, nil)
	if err != nil || other == "" {
		t.Fatalf("created %q, %v", other, err)
	}
	if ids, err := group.List(call); err != nil || len(ids) != 2 {
		t.Errorf("listed %v, %v", ids, err)
	}
	if err := group.Delete(call, id); err != nil {
		t.Fatal(err)
	}
	servicetest.WantError(t, group.Delete(call, id), "ResourceNotFoundException")
	_, err = group.Read(call, id)
	servicetest.WantError(t, err, "ResourceNotFoundException")
}

func TestLogGroupResource_RefusesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	group := resourceType(t, c, "AWS::Logs::LogGroup")
	for text, want := range map[string]string{
		`{"LogGroupName":"app","Shade":"k"}`:            "ValidationException",
		`{"LogGroupName":7}`:                            "ValidationException",
		`{"LogGroupName":"app","LogGroupClass":"none"}`: "InvalidParameterException",
		`{"LogGroupName":"a b"}`:                        "InvalidParameterException",
	} {
		_, err := group.Create(call, properties(t, text))
		servicetest.WantError(t, err, want)
	}
	id, err := group.Create(call, properties(t, `{"LogGroupName":"app","RetentionInDays":2}`))
	servicetest.WantError(t, err, "InvalidParameterException")
	if id != "app" {
		t.Errorf("half made group %q, so that nobody can remove it", id)
	}
	_, err = group.Create(call, properties(t, `{"LogGroupName":"app"}`))
	servicetest.WantError(t, err, "ResourceAlreadyExistsException")
}

func TestLogStreamResource_LivesAsItsPropertiesSay(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	createGroup(t, call, "app")
	createGroup(t, call, "other")
	createStream(t, call, "other", "x")
	stream := resourceType(t, c, "AWS::Logs::LogStream")
	id, err := stream.Create(call, properties(t, `{"LogGroupName":"app","LogStreamName":"a|b"}`))
	if err != nil || id != "app|a|b" {
		t.Fatalf("created %q, %v", id, err)
	}
	createStream(t, call, "app", "a|b2")
	p, err := stream.Read(call, id)
	if err != nil || string(p["LogStreamName"]) != `"a|b"` || string(p["LogGroupName"]) != `"app"` {
		t.Errorf("properties %s, %v", p, err)
	}
	if ids, err := stream.List(call); err != nil || fmt.Sprint(ids) != "[app|a|b app|a|b2 other|x]" {
		t.Errorf("listed %v, %v", ids, err)
	}
	if err := stream.Delete(call, id); err != nil {
		t.Fatal(err)
	}
	_, err = stream.Read(call, id)
	servicetest.WantError(t, err, "ResourceNotFoundException")
	servicetest.WantError(t, stream.Delete(call, id), "ResourceNotFoundException")
	servicetest.WantError(t, stream.Delete(call, "app"), "InvalidParameterException")
	_, err = stream.Create(call, properties(t, `{"LogGroupName":"none"}`))
	servicetest.WantError(t, err, "ResourceNotFoundException")
}

func TestFacts_TellTheTagsOfAGroupAndItsStreams(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	if _, err := api.CreateLogGroup.Do(call, &api.CreateLogGroupInput{LogGroupName: "app", Tags: map[string]string{"stage": "prod"}}); err != nil {
		t.Fatal(err)
	}
	for arn, want := range map[string]string{
		appARN: "prod", appARN + ":log-stream:": "prod", appARN + ":log-stream:one": "prod", appARN + "x": "", "arn:aws:logs:us-east-1:111122223333:destination:app": "",
	} {
		facts, err := c.Modules[0].Facts(call, arn)
		if err != nil || facts.Tags["stage"] != want {
			t.Errorf("%s: %v, %v", arn, facts.Tags, err)
		}
	}
}
