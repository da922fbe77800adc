package logs_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	api "drydock/api/logs"
	"drydock/aws"
)

func TestResources_LiveAsTheirPropertiesSay(t *testing.T) {
	t.Parallel()
	const account = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":"logs:*","Resource":"*"}]}`
	document := func(text string) string { return fmt.Sprintf("%q", text) }
	for _, tc := range []struct {
		name, create, update string
		id                   string // "" for one that is generated
		want                 string // part of what is read after the update
	}{
		{
			"AWS::Logs::MetricFilter",
			`{"LogGroupName":"app","FilterName":"f","FilterPattern":"{ $.a = 1 }","MetricTransformations":[{"MetricName":"m","MetricNamespace":"n","MetricValue":"$.a","Dimensions":[{"Key":"d","Value":"$.d"}]}]}`,
			`{"LogGroupName":"app","FilterName":"f","FilterPattern":"x","MetricTransformations":[{"MetricName":"m","MetricNamespace":"n","MetricValue":"1","DefaultValue":0,"Unit":"Count"}]}`,
			"app|f", `"FilterPattern":"x","LogGroupName":"app","MetricTransformations":[{"MetricName":"m","MetricNamespace":"n","MetricValue":"1","DefaultValue":0,"Unit":"Count"}]`,
		},
		{
			"AWS::Logs::SubscriptionFilter", `{"LogGroupName":"app","FilterName":"f|g","DestinationArn":"arn:aws:logs:us-east-1:111122223333:destination:there"}`,
			`{"LogGroupName":"app","FilterName":"f|g","FilterPattern":"x","Distribution":"Random","DestinationArn":"arn:aws:logs:us-east-1:111122223333:destination:there"}`,
			"f|g|app", `"Distribution":"Random","FilterName":"f|g","FilterPattern":"x","LogGroupName":"app"`,
		},
		{
			"AWS::Logs::Destination", `{"DestinationName":"d","RoleArn":"` + roleARN + `","TargetArn":"` + kinesisARN + `","Tags":[{"Key":"a","Value":"1"}]}`,
			`{"DestinationName":"d","RoleArn":"` + roleARN + `","TargetArn":"` + kinesisARN + `2","Tags":[{"Key":"b","Value":"2"}],"DestinationPolicy":` + document(account) + `}`,
			"d", `"Tags":[{"Key":"b","Value":"2"}],"TargetArn":"` + kinesisARN + `2"`,
		},
		{
			"AWS::Logs::ResourcePolicy", `{"PolicyName":"p","PolicyDocument":` + document(account) + `}`,
			`{"PolicyName":"p","PolicyDocument":` + document(strings.Replace(account, "logs:*", "logs:PutLogEvents", 1)) + `}`, "p", `logs:PutLogEvents`,
		},
		{
			"AWS::Logs::AccountPolicy", `{"PolicyName":"p","PolicyType":"FIELD_INDEX_POLICY","PolicyDocument":"{\"Fields\":[\"a\"]}"}`,
			`{"PolicyName":"p","PolicyType":"FIELD_INDEX_POLICY","PolicyDocument":"{\"Fields\":[\"b\"]}","Scope":"ALL"}`,
			"111122223333|FIELD_INDEX_POLICY|p", `"PolicyDocument":"{\"Fields\":[\"b\"]}"`,
		},
		{
			"AWS::Logs::LogAnomalyDetector", `{"LogGroupArnList":["` + appARN + `"],"DetectorName":"d"}`,
			`{"LogGroupArnList":["` + appARN + `"],"DetectorName":"d","EvaluationFrequency":"ONE_HOUR"}`, "", `"EvaluationFrequency":"ONE_HOUR"`,
		},
		{
			"AWS::Logs::QueryDefinition", `{"Name":"q","QueryString":"fields @message","LogGroupNames":["app"]}`,
			`{"Name":"q","QueryString":"fields @timestamp"}`, "", `"QueryString":"fields @timestamp"`,
		},
		{
			"AWS::Logs::DeliverySource", `{"Name":"s","ResourceArn":"` + busARN + `","LogType":"INFO_LOGS","Tags":[{"Key":"a","Value":"1"}]}`,
			`{"Name":"s","ResourceArn":"` + busARN + `","LogType":"INFO_LOGS","Tags":[{"Key":"b","Value":"2"}]}`, "s", `"Tags":[{"Key":"b","Value":"2"}]`,
		},
		{
			"AWS::Logs::DeliveryDestination",
			`{"Name":"n","DestinationResourceArn":"` + appARN + `","OutputFormat":"json","DeliveryDestinationPolicy":{"DeliveryDestinationPolicy":` + account + `}}`,
			`{"Name":"n","DestinationResourceArn":"` + appARN + `","OutputFormat":"json","Tags":[{"Key":"a","Value":"1"}]}`, "n", `"OutputFormat":"json","Tags":[{"Key":"a","Value":"1"}]}`,
		},
		{
			"AWS::Logs::Delivery",
			`{"DeliverySourceName":"one","DeliveryDestinationArn":"arn:aws:logs:us-east-1:111122223333:delivery-destination:bucket","RecordFields":["a"]}`,
			`{"DeliverySourceName":"one","DeliveryDestinationArn":"arn:aws:logs:us-east-1:111122223333:delivery-destination:bucket","RecordFields":["a","b"],"FieldDelimiter":";"}`,
			"", `"FieldDelimiter":";","RecordFields":["a","b"]`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, call := newCloud(t)
			createGroup(t, call, "app")
			putDestination(t, call, "there", kinesisARN)
			connect(t, call, "one", "ERROR_LOGS")
			connect(t, call, "two", "TRACE_LOGS")
			if _, err := api.PutDeliveryDestination.Do(call, &api.PutDeliveryDestinationInput{
				Name: "bucket", DeliveryDestinationConfiguration: &api.DeliveryDestinationConfiguration{DestinationResourceARN: "arn:aws:s3:::bucket"},
				OutputFormat: new(api.OutputFormatPlain),
			}); err != nil {
				t.Fatal(err)
			}
			typ := resourceType(t, c, tc.name)
			id, err := typ.Create(call, properties(t, tc.create))
			if err != nil || id == "" || tc.id != "" && id != tc.id {
				t.Fatalf("created %q, %v", id, err)
			}
			now, err := typ.Read(call, id)
			if err != nil {
				t.Fatal(err)
			}
			ids, err := typ.List(call)
			if err != nil || !slices.Contains(ids, id) {
				t.Errorf("listed %v, %v", ids, err)
			}
			if err := typ.Update(call, id, now, properties(t, tc.update)); err != nil {
				t.Fatal(err)
			}
			if now, err = typ.Read(call, id); err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal(now)
			if err != nil || !strings.Contains(string(text), tc.want) {
				t.Errorf("properties %s, %v, want %s", text, err, tc.want)
			}
			if err := typ.Delete(call, id); err != nil {
				t.Fatal(err)
			}
			if _, err := typ.Read(call, id); aws.ErrorCode(err) != "ResourceNotFoundException" {
				t.Errorf("read after deletion: %v", err)
			}
			if ids, err = typ.List(call); err != nil || slices.Contains(ids, id) {
				t.Errorf("listed after deletion %v, %v", ids, err)
			}
			if _, err := typ.Create(call, properties(t, `{"Shade":1}`)); aws.ErrorCode(err) != "ValidationException" {
				t.Errorf("unknown property: %v", err)
			}
		})
	}
}

func TestLogGroupResource_HasADataProtectionPolicy(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	group := resourceType(t, c, "AWS::Logs::LogGroup")
	id, err := group.Create(call, properties(t, `{"LogGroupName":"app","DataProtectionPolicy":`+protect("{}", emailID)+`}`))
	if err != nil {
		t.Fatal(err)
	}
	now, err := group.Read(call, id)
	if err != nil || now["DataProtectionPolicy"] == nil {
		t.Fatalf("properties %v, %v", now, err)
	}
	if err := group.Update(call, id, now, properties(t, `{"LogGroupName":"app"}`)); err != nil {
		t.Fatal(err)
	}
	if now, err = group.Read(call, id); err != nil || now["DataProtectionPolicy"] != nil {
		t.Errorf("properties %v, %v", now, err)
	}
}
