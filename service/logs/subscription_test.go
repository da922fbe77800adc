package logs_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/bus"
	"drydock/ledger"
	"drydock/service/servicetest"
)

type subscribed struct {
	MessageType, Owner, LogGroup, LogStream, PolicyLevel string
	SubscriptionFilters                                  []string
	LogEvents                                            []struct {
		ID, Message     string
		Timestamp       int64
		ExtractedFields map[string]string
	}
}

// unpack reads what a destination got.
func unpack(t *testing.T, d bus.Delivery) (m subscribed) {
	t.Helper()
	payload := d.Payload
	if arn, err := aws.ParseARN(d.Target); err != nil {
		t.Fatal(err)
	} else if arn.Service == "lambda" {
		var event struct{ AWSLogs struct{ Data []byte } }
		if err := json.Unmarshal(payload, &event); err != nil {
			t.Fatal(err)
		}
		payload = event.AWSLogs.Data
	}
	r, err := gzip.NewReader(bytes.NewReader(payload))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

const (
	lambdaARN  = "arn:aws:lambda:us-east-1:111122223333:function:f"
	kinesisARN = "arn:aws:kinesis:us-east-1:111122223333:stream/s"
	roleARN    = "arn:aws:iam::111122223333:role/r"
)

func subscribe(t *testing.T, call *aws.Call, in *api.PutSubscriptionFilterInput) {
	t.Helper()
	if _, err := api.PutSubscriptionFilter.Do(call, in); err != nil {
		t.Fatal(err)
	}
}

func TestSubscription_SendsMatchingEvents(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CWL-08")
	for name, in := range map[string]*api.PutSubscriptionFilterInput{
		"lambda":   {DestinationARN: lambdaARN},
		"kinesis":  {DestinationARN: kinesisARN, RoleARN: new(roleARN)},
		"firehose": {DestinationARN: "arn:aws:firehose:us-east-1:111122223333:deliverystream/d", RoleARN: new(roleARN)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, call, box := cloudWithInbox(t, []string{name})
			createGroup(t, call, "app")
			createStream(t, call, "app", "one")
			in.LogGroupName, in.FilterName, in.FilterPattern = "app", "errors", "[level = ERROR, code]"
			subscribe(t, call, in)
			c.WaitIdle(t)
			got := box.take()
			if len(got) != 1 {
				t.Fatalf("%d messages on subscribing", len(got))
			}
			if m := unpack(t, got[0]); m.MessageType != "CONTROL_MESSAGE" || m.Owner != "CloudwatchLogs" || len(m.LogEvents) != 1 {
				t.Errorf("message %+v", m)
			}
			box.refusals = []error{errors.New("busy")} // it is tried again
			putMessages(t, call, "app", "one", "ERROR 17", "INFO 1", "ERROR 18")
			c.Advance(t, time.Minute)
			if got = box.take(); len(got) != 1 {
				t.Fatalf("%d messages", len(got))
			}
			m := unpack(t, got[0])
			if m.MessageType != "DATA_MESSAGE" || m.Owner != servicetest.Account || m.LogGroup != "app" || m.LogStream != "one" ||
				fmt.Sprint(m.SubscriptionFilters) != "[errors]" || len(m.LogEvents) != 2 || m.PolicyLevel != "" {
				t.Fatalf("message %+v", m)
			}
			if e := m.LogEvents[1]; e.Message != "ERROR 18" || e.Timestamp != at(0) || e.ExtractedFields["code"] != "18" {
				t.Errorf("event %+v", e)
			}
			found, err := api.FilterLogEvents.Do(call, &api.FilterLogEventsInput{LogGroupName: new("app"), FilterPattern: new("ERROR")})
			if err != nil || len(found.Events) != 2 || *found.Events[1].EventID != m.LogEvents[1].ID {
				t.Errorf("events %+v, %v, want the id %s", found, err, m.LogEvents[1].ID)
			}
			if name == "kinesis" && (got[0].Attributes["PartitionKey"] != "one" || got[0].RoleARN != roleARN) {
				t.Errorf("delivery %+v", got[0])
			}
			if _, err := api.DeleteSubscriptionFilter.Do(call, &api.DeleteSubscriptionFilterInput{LogGroupName: "app", FilterName: "errors"}); err != nil {
				t.Fatal(err)
			}
			putMessages(t, call, "app", "one", "ERROR 19")
			c.WaitIdle(t)
			if got = box.take(); len(got) != 0 {
				t.Errorf("%d messages after the filter was deleted", len(got))
			}
		})
	}
}

func TestSubscription_SendsMaskedEvents(t *testing.T) {
	t.Parallel()
	c, call, box := cloudWithInbox(t, []string{"lambda"})
	createGroup(t, call, "app")
	createGroup(t, call, "findings")
	createStream(t, call, "app", "one")
	document := protect(`{"CloudWatchLogs":{"LogGroup":"findings"}}`, emailID)
	if _, err := api.PutDataProtectionPolicy.Do(call, &api.PutDataProtectionPolicyInput{LogGroupIdentifier: "app", PolicyDocument: document}); err != nil {
		t.Fatal(err)
	}
	subscribe(t, call, &api.PutSubscriptionFilterInput{LogGroupName: "app", FilterName: "all", FilterPattern: "[word, address]", DestinationARN: lambdaARN})
	c.WaitIdle(t)
	box.take()
	putMessages(t, call, "app", "one", "from jo@example.com")
	c.WaitIdle(t)
	got := box.take()
	if len(got) != 1 {
		t.Fatalf("%d messages", len(got))
	}
	if e := unpack(t, got[0]).LogEvents[0]; e.Message != "from **************" || e.ExtractedFields["address"] != "**************" {
		t.Errorf("event %+v", e)
	}
	if reports := messagesOf(t, call, "findings", "app", false); !strings.Contains(reports, "EmailAddress") {
		t.Errorf("reports %s", reports)
	}
}

func TestSubscription_RefusesDestinationsThatAreNotThere(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createGroup(t, call, "app")
	for name, tc := range map[string]struct {
		destination, role, want string
	}{
		"lambda":           {lambdaARN, "", "InvalidParameterException: Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute your function."},
		"lambda with role": {lambdaARN, roleARN, "InvalidParameterException: destinationArn for vendor lambda cannot be used with roleArn"},
		"kinesis":          {kinesisARN, roleARN, "InvalidParameterException: Could not deliver test message to specified Kinesis stream. Check if the given kinesis stream is in ACTIVE state. "},
		"other service":    {"arn:aws:sqs:us-east-1:111122223333:q", "", "InvalidParameterException: PutSubscriptionFilter operation cannot work with destinationArn for vendor sqs"},
		"no ARN":           {"x", "", "InvalidParameterException: Invalid destination ARN: x"},
		"destination":      {"arn:aws:logs:us-east-1:111122223333:destination:d", "", "ResourceNotFoundException: The specified destination does not exist."},
	} {
		in := &api.PutSubscriptionFilterInput{LogGroupName: "app", FilterName: "f", DestinationARN: tc.destination}
		if tc.role != "" {
			in.RoleARN = &tc.role
		}
		if _, err := api.PutSubscriptionFilter.Do(call, in); err == nil || err.Error() != tc.want {
			t.Errorf("%s: %v, want %s", name, err, tc.want)
		}
	}
}

func putDestination(t *testing.T, call *aws.Call, name, target string) string {
	t.Helper()
	out, err := api.PutDestination.Do(call, &api.PutDestinationInput{DestinationName: name, TargetARN: target, RoleARN: roleARN})
	if err != nil {
		t.Fatal(err)
	}
	return *out.Destination.ARN
}

func TestDestination_TakesInAccountsThatItsPolicyNames(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CWL-10", "CWL-11")
	c, recipient, box := cloudWithInbox(t, []string{"kinesis"})
	sender := c.CallIn(t, "444455556666", servicetest.Region)
	createGroup(t, sender, "app")
	createStream(t, sender, "app", "one")
	// The stream is in another region than the destination.
	target := "arn:aws:kinesis:eu-west-1:111122223333:stream/s"
	arn := putDestination(t, recipient, "d", target)
	in := &api.PutSubscriptionFilterInput{LogGroupName: "app", FilterName: "f", DestinationARN: arn}
	_, err := api.PutSubscriptionFilter.Do(sender, in)
	servicetest.WantError(t, err, "AccessDeniedException")
	_, err = api.PutDestinationPolicy.Do(recipient, &api.PutDestinationPolicyInput{DestinationName: "d", AccessPolicy: `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":"logs:PutSubscriptionFilter","Resource":"` + arn + `"}]}`})
	if err != nil {
		t.Fatal(err)
	}
	subscribe(t, sender, in)
	other := c.CallIn(t, "777788889999", servicetest.Region)
	createGroup(t, other, "app")
	_, err = api.PutSubscriptionFilter.Do(other, in)
	servicetest.WantError(t, err, "AccessDeniedException")
	elsewhere := sender.In("eu-west-1")
	createGroup(t, elsewhere, "app")
	_, err = api.PutSubscriptionFilter.Do(elsewhere, in)
	servicetest.WantError(t, err, "InvalidParameterException")

	putMessages(t, sender, "app", "one", "hello")
	c.WaitIdle(t)
	got := box.take()
	if len(got) != 2 || got[1].Target != target || got[1].RoleARN != roleARN || got[1].Account != "444455556666" {
		t.Fatalf("deliveries %+v", got)
	}
	if m := unpack(t, got[1]); m.MessageType != "DATA_MESSAGE" && unpack(t, got[0]).MessageType != "DATA_MESSAGE" {
		t.Errorf("message %+v", m)
	}
}

func TestDestination_IsListedTaggedAndDeleted(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	for i := range 3 {
		putDestination(t, call, fmt.Sprint("d", i), kinesisARN)
	}
	arn := putDestination(t, call, "d1", kinesisARN+"2")
	if _, err := api.TagResource.Do(call, &api.TagResourceInput{ResourceARN: arn, Tags: map[string]string{"a": "b"}}); err != nil {
		t.Fatal(err)
	}
	tags, err := api.ListTagsForResource.Do(call, &api.ListTagsForResourceInput{ResourceARN: arn})
	if err != nil || tags.Tags["a"] != "b" {
		t.Errorf("tags %+v, %v", tags, err)
	}
	out, err := api.DescribeDestinations.Do(call, &api.DescribeDestinationsInput{DestinationNamePrefix: new("d1")})
	if err != nil || len(out.Destinations) != 1 || *out.Destinations[0].TargetARN != kinesisARN+"2" {
		t.Errorf("destinations %+v, %v", out, err)
	}
	if out, err = api.DescribeDestinations.Do(call, &api.DescribeDestinationsInput{Limit: new(int32(2))}); err != nil || len(out.Destinations) != 2 || out.NextToken == nil {
		t.Errorf("page %+v, %v", out, err)
	}
	for _, code := range []string{"", "ResourceNotFoundException"} {
		_, err = api.DeleteDestination.Do(call, &api.DeleteDestinationInput{DestinationName: "d1"})
		servicetest.WantError(t, err, code)
	}
	_, err = api.PutDestinationPolicy.Do(call, &api.PutDestinationPolicyInput{DestinationName: "d1", AccessPolicy: "{}"})
	servicetest.WantError(t, err, "InvalidParameterException")
	_, err = api.PutDestination.Do(call, &api.PutDestinationInput{DestinationName: "d", TargetARN: lambdaARN, RoleARN: roleARN})
	servicetest.WantError(t, err, "InvalidParameterException")
}

func TestSubscription_IsLimitedAndListed(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CWL-08")
	_, call := newCloud(t)
	createGroup(t, call, "app")
	arn := putDestination(t, call, "d", kinesisARN)
	for _, name := range []string{"a", "b", "a"} {
		subscribe(t, call, &api.PutSubscriptionFilterInput{LogGroupName: "app", FilterName: name, DestinationARN: arn, Distribution: new(api.DistributionRandom)})
	}
	_, err := api.PutSubscriptionFilter.Do(call, &api.PutSubscriptionFilterInput{LogGroupName: "app", FilterName: "c", DestinationARN: arn})
	servicetest.WantError(t, err, "LimitExceededException")
	out, err := api.DescribeSubscriptionFilters.Do(call, &api.DescribeSubscriptionFiltersInput{LogGroupName: "app"})
	if err != nil || len(out.SubscriptionFilters) != 2 || *out.SubscriptionFilters[0].Distribution != api.DistributionRandom {
		t.Errorf("filters %+v, %v", out, err)
	}
	_, err = api.DeleteSubscriptionFilter.Do(call, &api.DeleteSubscriptionFilterInput{LogGroupName: "app", FilterName: "c"})
	servicetest.WantError(t, err, "ResourceNotFoundException")
	_, err = api.DescribeSubscriptionFilters.Do(call, &api.DescribeSubscriptionFiltersInput{LogGroupName: "none"})
	servicetest.WantError(t, err, "ResourceNotFoundException")
}
