package logs_test

import (
	"fmt"
	"strings"
	"testing"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/service/servicetest"
)

const busARN = "arn:aws:events:us-east-1:111122223333:event-bus/default"

// connect makes a delivery from a source of bus to a destination of the log group "app", both of a name.
func connect(t *testing.T, call *aws.Call, name, logType string) *api.Delivery {
	t.Helper()
	if _, err := api.PutDeliverySource.Do(call, &api.PutDeliverySourceInput{Name: name, ResourceARN: busARN, LogType: logType}); err != nil {
		t.Fatal(err)
	}
	to, err := api.PutDeliveryDestination.Do(call, &api.PutDeliveryDestinationInput{
		Name: name, DeliveryDestinationConfiguration: &api.DeliveryDestinationConfiguration{DestinationResourceARN: appARN}, OutputFormat: new(api.OutputFormatPlain),
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := api.CreateDelivery.Do(call, &api.CreateDeliveryInput{DeliverySourceName: name, DeliveryDestinationARN: *to.DeliveryDestination.ARN})
	if err != nil {
		t.Fatal(err)
	}
	return out.Delivery
}

func TestDelivery_ConnectsASourceWithADestination(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createGroup(t, call, "app")
	d := connect(t, call, "one", "INFO_LOGS")
	connect(t, call, "two", "ERROR_LOGS")
	if _, err := api.UpdateDeliveryConfiguration.Do(call, &api.UpdateDeliveryConfigurationInput{
		ID: *d.ID, FieldDelimiter: new(";"), RecordFields: []string{"a", "b"},
	}); err != nil {
		t.Fatal(err)
	}
	got, err := api.GetDelivery.Do(call, &api.GetDeliveryInput{ID: *d.ID})
	if err != nil || *got.Delivery.FieldDelimiter != ";" || len(got.Delivery.RecordFields) != 2 || *got.Delivery.DeliveryDestinationType != api.DeliveryDestinationTypeCwl {
		t.Errorf("delivery %+v, %v", got, err)
	}
	source, err := api.GetDeliverySource.Do(call, &api.GetDeliverySourceInput{Name: "one"})
	if err != nil || *source.DeliverySource.Service != "events" || source.DeliverySource.ResourceARNs[0] != busARN {
		t.Errorf("source %+v, %v", source, err)
	}
	to, err := api.GetDeliveryDestination.Do(call, &api.GetDeliveryDestinationInput{Name: "one"})
	if err != nil || to.DeliveryDestination.DeliveryDestinationConfiguration.DestinationResourceARN != appARN {
		t.Errorf("destination %+v, %v", to, err)
	}
	for name, list := range map[string]func(token *string) (int, *string, error){
		"deliveries": func(token *string) (int, *string, error) {
			out, err := api.DescribeDeliveries.Do(call, &api.DescribeDeliveriesInput{Limit: new(int32(1)), NextToken: token})
			if err != nil {
				return 0, nil, err
			}
			return len(out.Deliveries), out.NextToken, nil
		},
		"sources": func(token *string) (int, *string, error) {
			out, err := api.DescribeDeliverySources.Do(call, &api.DescribeDeliverySourcesInput{Limit: new(int32(1)), NextToken: token})
			if err != nil {
				return 0, nil, err
			}
			return len(out.DeliverySources), out.NextToken, nil
		},
		"destinations": func(token *string) (int, *string, error) {
			out, err := api.DescribeDeliveryDestinations.Do(call, &api.DescribeDeliveryDestinationsInput{Limit: new(int32(1)), NextToken: token})
			if err != nil {
				return 0, nil, err
			}
			return len(out.DeliveryDestinations), out.NextToken, nil
		},
	} {
		pages := []int{}
		var token *string
		for range 3 {
			n, next, err := list(token)
			if err != nil {
				t.Fatal(err)
			}
			pages = append(pages, n)
			if token = next; token == nil {
				break
			}
		}
		if fmt.Sprint(pages) != "[1 1]" {
			t.Errorf("pages of %s: %v", name, pages)
		}
	}
	_, err = api.DeleteDeliverySource.Do(call, &api.DeleteDeliverySourceInput{Name: "one"})
	servicetest.WantError(t, err, "ConflictException")
	_, err = api.DeleteDeliveryDestination.Do(call, &api.DeleteDeliveryDestinationInput{Name: "one"})
	servicetest.WantError(t, err, "ConflictException")
	for _, code := range []string{"", "ResourceNotFoundException"} {
		_, err = api.DeleteDelivery.Do(call, &api.DeleteDeliveryInput{ID: *d.ID})
		servicetest.WantError(t, err, code)
		_, err = api.DeleteDeliverySource.Do(call, &api.DeleteDeliverySourceInput{Name: "one"})
		servicetest.WantError(t, err, code)
		_, err = api.DeleteDeliveryDestination.Do(call, &api.DeleteDeliveryDestinationInput{Name: "one"})
		servicetest.WantError(t, err, code)
	}
}

func TestDelivery_Errors(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createGroup(t, call, "app")
	connect(t, call, "one", "INFO_LOGS")
	to := func(arn string) *api.DeliveryDestinationConfiguration {
		return &api.DeliveryDestinationConfiguration{DestinationResourceARN: arn}
	}
	destination := "arn:aws:logs:us-east-1:111122223333:delivery-destination:"
	for name, tc := range map[string]struct {
		do   func() error
		code string
	}{
		"log type": {func() error {
			_, err := api.PutDeliverySource.Do(call, &api.PutDeliverySourceInput{Name: "s", ResourceARN: busARN, LogType: "ACCESS_LOGS"})
			return err
		}, "ValidationException"},
		"service": {func() error {
			_, err := api.PutDeliverySource.Do(call, &api.PutDeliverySourceInput{Name: "s", ResourceARN: "arn:aws:sqs:us-east-1:111122223333:q", LogType: "ACCESS_LOGS"})
			return err
		}, "NotImplemented"},
		"other account": {func() error {
			_, err := api.PutDeliverySource.Do(call, &api.PutDeliverySourceInput{Name: "s", ResourceARN: "arn:aws:events:us-east-1:444455556666:event-bus/b", LogType: "INFO_LOGS"})
			return err
		}, "AccessDeniedException"},
		"second source": {func() error {
			_, err := api.PutDeliverySource.Do(call, &api.PutDeliverySourceInput{Name: "s", ResourceARN: busARN, LogType: "INFO_LOGS"})
			return err
		}, "ConflictException"},
		"changed source": {func() error {
			_, err := api.PutDeliverySource.Do(call, &api.PutDeliverySourceInput{Name: "one", ResourceARN: busARN, LogType: "TRACE_LOGS"})
			return err
		}, "ConflictException"},
		"no destination": {func() error {
			_, err := api.PutDeliveryDestination.Do(call, &api.PutDeliveryDestinationInput{Name: "d"})
			return err
		}, "ValidationException"},
		"destination's service": {func() error {
			_, err := api.PutDeliveryDestination.Do(call, &api.PutDeliveryDestinationInput{Name: "d", DeliveryDestinationConfiguration: to("arn:aws:sqs:us-east-1:111122223333:q")})
			return err
		}, "ValidationException"},
		"format": {func() error {
			_, err := api.PutDeliveryDestination.Do(call, &api.PutDeliveryDestinationInput{Name: "d", DeliveryDestinationConfiguration: to(appARN), OutputFormat: new(api.OutputFormatParquet)})
			return err
		}, "ValidationException"},
		"changed format": {func() error {
			_, err := api.PutDeliveryDestination.Do(call, &api.PutDeliveryDestinationInput{Name: "one", DeliveryDestinationConfiguration: to(appARN), OutputFormat: new(api.OutputFormatJSON)})
			return err
		}, "ValidationException"},
		"no group": {func() error {
			_, err := api.PutDeliveryDestination.Do(call, &api.PutDeliveryDestinationInput{Name: "d", DeliveryDestinationConfiguration: to(appARN + "2")})
			return err
		}, "ResourceNotFoundException"},
		"delivery of no source": {func() error {
			_, err := api.CreateDelivery.Do(call, &api.CreateDeliveryInput{DeliverySourceName: "s", DeliveryDestinationARN: destination + "one"})
			return err
		}, "ResourceNotFoundException"},
		"delivery to nothing": {func() error {
			_, err := api.CreateDelivery.Do(call, &api.CreateDeliveryInput{DeliverySourceName: "one", DeliveryDestinationARN: destination + "d"})
			return err
		}, "ResourceNotFoundException"},
		"delivery to no ARN": {func() error {
			_, err := api.CreateDelivery.Do(call, &api.CreateDeliveryInput{DeliverySourceName: "one", DeliveryDestinationARN: appARN})
			return err
		}, "ValidationException"},
		"delivery twice": {func() error {
			_, err := api.CreateDelivery.Do(call, &api.CreateDeliveryInput{DeliverySourceName: "one", DeliveryDestinationARN: destination + "one"})
			return err
		}, "ConflictException"},
		"no policy": {func() error {
			_, err := api.GetDeliveryDestinationPolicy.Do(call, &api.GetDeliveryDestinationPolicyInput{DeliveryDestinationName: "one"})
			return err
		}, "ResourceNotFoundException"},
		"policy": {func() error {
			_, err := api.PutDeliveryDestinationPolicy.Do(call, &api.PutDeliveryDestinationPolicyInput{DeliveryDestinationName: "one", DeliveryDestinationPolicy: "{}"})
			return err
		}, "ValidationException"},
	} {
		if err := tc.do(); aws.ErrorCode(err) != tc.code {
			t.Errorf("%s: %v, want %s", name, err, tc.code)
		}
	}
}

func TestDeliveryDestination_LetsOtherAccountsInByPolicy(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	createGroup(t, call, "app")
	connect(t, call, "one", "INFO_LOGS")
	other := c.CallIn(t, "444455556666", servicetest.Region)
	if _, err := api.PutDeliverySource.Do(other, &api.PutDeliverySourceInput{
		Name: "theirs", ResourceARN: "arn:aws:events:us-east-1:444455556666:event-bus/default", LogType: "INFO_LOGS",
	}); err != nil {
		t.Fatal(err)
	}
	in := &api.CreateDeliveryInput{DeliverySourceName: "theirs", DeliveryDestinationARN: "arn:aws:logs:us-east-1:111122223333:delivery-destination:one"}
	_, err := api.CreateDelivery.Do(other, in)
	servicetest.WantError(t, err, "AccessDeniedException")
	document := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":"logs:CreateDelivery","Resource":"*"}]}`
	if _, err = api.PutDeliveryDestinationPolicy.Do(call, &api.PutDeliveryDestinationPolicyInput{DeliveryDestinationName: "one", DeliveryDestinationPolicy: document}); err != nil {
		t.Fatal(err)
	}
	out, err := api.GetDeliveryDestinationPolicy.Do(call, &api.GetDeliveryDestinationPolicyInput{DeliveryDestinationName: "one"})
	if err != nil || *out.Policy.DeliveryDestinationPolicy != document {
		t.Errorf("policy %+v, %v", out, err)
	}
	if _, err = api.CreateDelivery.Do(other, in); err != nil {
		t.Error(err)
	}
	for _, code := range []string{"", "ResourceNotFoundException"} {
		_, err = api.DeleteDeliveryDestinationPolicy.Do(call, &api.DeleteDeliveryDestinationPolicyInput{DeliveryDestinationName: "one"})
		servicetest.WantError(t, err, code)
	}
}

func TestConfigurationTemplates_AreListedInPages(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	count := func(in *api.DescribeConfigurationTemplatesInput) int {
		n := 0
		for {
			out, err := api.DescribeConfigurationTemplates.Do(call, in)
			if err != nil {
				t.Fatal(err)
			}
			n += len(out.ConfigurationTemplates)
			if in.NextToken = out.NextToken; in.NextToken == nil {
				return n
			}
		}
	}
	all, paged := count(&api.DescribeConfigurationTemplatesInput{}), count(&api.DescribeConfigurationTemplatesInput{Limit: new(int32(7))})
	if all != paged || all%3 != 0 || all < 30 {
		t.Errorf("%d templates, %d in pages", all, paged)
	}
	if n := count(&api.DescribeConfigurationTemplatesInput{
		Service: new("cloudfront"), DeliveryDestinationTypes: []api.DeliveryDestinationType{api.DeliveryDestinationTypeS3},
	}); n != 1 {
		t.Errorf("%d templates of a service and type", n)
	}
	_, err := api.DescribeConfigurationTemplates.Do(call, &api.DescribeConfigurationTemplatesInput{NextToken: new("!")})
	servicetest.WantError(t, err, "ValidationException")
}

func TestAnomalyDetector_IsKept(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createGroup(t, call, "app")
	for _, list := range [][]string{{}, {appARN, appARN}, {"app"}} {
		_, err := api.CreateLogAnomalyDetector.Do(call, &api.CreateLogAnomalyDetectorInput{LogGroupARNList: list})
		servicetest.WantError(t, err, "InvalidParameterException")
	}
	_, err := api.CreateLogAnomalyDetector.Do(call, &api.CreateLogAnomalyDetectorInput{LogGroupARNList: []string{appARN + "2"}})
	servicetest.WantError(t, err, "ResourceNotFoundException")
	made, err := api.CreateLogAnomalyDetector.Do(call, &api.CreateLogAnomalyDetectorInput{
		LogGroupARNList: []string{appARN}, DetectorName: new("d"), EvaluationFrequency: new(api.EvaluationFrequencyTenMin), Tags: map[string]string{"a": "b"},
	})
	if err != nil {
		t.Fatal(err)
	}
	arn := *made.AnomalyDetectorARN
	if _, err := api.UpdateLogAnomalyDetector.Do(call, &api.UpdateLogAnomalyDetectorInput{AnomalyDetectorARN: arn, Enabled: false, AnomalyVisibilityTime: new(int64(30))}); err != nil {
		t.Fatal(err)
	}
	got, err := api.GetLogAnomalyDetector.Do(call, &api.GetLogAnomalyDetectorInput{AnomalyDetectorARN: arn})
	if err != nil || *got.AnomalyDetectorStatus != api.AnomalyDetectorStatusPaused || *got.AnomalyVisibilityTime != 30 || *got.EvaluationFrequency != api.EvaluationFrequencyTenMin {
		t.Errorf("detector %+v, %v", got, err)
	}
	list, err := api.ListLogAnomalyDetectors.Do(call, &api.ListLogAnomalyDetectorsInput{FilterLogGroupARN: new(appARN)})
	if err != nil || len(list.AnomalyDetectors) != 1 {
		t.Errorf("detectors %+v, %v", list, err)
	}
	tags, err := api.ListTagsForResource.Do(call, &api.ListTagsForResourceInput{ResourceARN: arn})
	if err != nil || tags.Tags["a"] != "b" {
		t.Errorf("tags %+v, %v", tags, err)
	}
	anomalies, err := api.ListAnomalies.Do(call, &api.ListAnomaliesInput{AnomalyDetectorARN: &arn})
	if err != nil || len(anomalies.Anomalies) != 0 {
		t.Errorf("anomalies %+v, %v", anomalies, err)
	}
	_, err = api.UpdateAnomaly.Do(call, &api.UpdateAnomalyInput{AnomalyDetectorARN: arn, PatternID: new(strings.Repeat("a", 32))})
	servicetest.WantError(t, err, "ResourceNotFoundException")
	_, err = api.UpdateAnomaly.Do(call, &api.UpdateAnomalyInput{AnomalyDetectorARN: arn})
	servicetest.WantError(t, err, "InvalidParameterException")
	for _, code := range []string{"", "ResourceNotFoundException"} {
		_, err = api.DeleteLogAnomalyDetector.Do(call, &api.DeleteLogAnomalyDetectorInput{AnomalyDetectorARN: arn})
		servicetest.WantError(t, err, code)
	}
	_, err = api.GetLogAnomalyDetector.Do(call, &api.GetLogAnomalyDetectorInput{AnomalyDetectorARN: "x"})
	servicetest.WantError(t, err, "InvalidParameterException")
}
