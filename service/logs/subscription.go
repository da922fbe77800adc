package logs

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/bus"
	"drydock/lang/filterpattern"
	"drydock/store"
)

// subscriptionFilter sends a group's matching events on as they come.
type subscriptionFilter struct {
	Account, Region, Group, Name string
	Pattern                      string
	DestinationARN               string
	RoleARN                      string
	Distribution                 api.Distribution
	Transformed                  bool
	SystemFields                 []string
	Created                      time.Time
}

var subscriptionFilters = store.NewTable("logs/subscription", func(f *subscriptionFilter) store.Key {
	return store.K(f.Account, f.Region, f.Group, f.Name)
})

// The services that subscriptions deliver to directly.
const (
	toLambda   = "lambda"
	toKinesis  = "kinesis"
	toFirehose = "firehose"
)

// unreachable says that a service does not take what is sent to it.
var unreachable = map[string]string{
	toLambda:   "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute your function.",
	toKinesis:  "Could not deliver test message to specified Kinesis stream. Check if the given kinesis stream is in ACTIVE state. ",
	toFirehose: "Could not deliver test message to specified Firehose stream. Check if the given Firehose stream is in ACTIVE state. ",
}

// putSubscriptionFilter makes or replaces a filter.
func (s *Service) putSubscriptionFilter(call *aws.Call, in *api.PutSubscriptionFilterInput) (*api.PutSubscriptionFilterOutput, error) {
	if in.FieldSelectionCriteria != nil && *in.FieldSelectionCriteria != "" {
		return nil, notImplemented("drydock does not select events by fieldSelectionCriteria.")
	}
	if err := checkSystemFields(in.EmitSystemFields); err != nil {
		return nil, err
	}
	if _, err := parsePattern(&in.FilterPattern); err != nil {
		return nil, err
	}
	f := &subscriptionFilter{
		Account: call.Account, Region: call.Region, Group: in.LogGroupName, Name: in.FilterName, Pattern: in.FilterPattern,
		DestinationARN: in.DestinationARN, Distribution: api.DistributionByLogStream, SystemFields: in.EmitSystemFields,
		Transformed: in.ApplyOnTransformedLogs != nil && *in.ApplyOnTransformedLogs, Created: call.Now(),
	}
	if in.RoleARN != nil {
		f.RoleARN = *in.RoleARN
	}
	if in.Distribution != nil {
		f.Distribution = *in.Distribution
	}
	if err := s.checkSubscribed(call, f.DestinationARN, f.RoleARN); err != nil {
		return nil, err
	}
	err := s.DB.Update(call, func(tx *store.Tx) error {
		g, err := getLogGroup(tx, call, in.LogGroupName)
		if err != nil {
			return err
		}
		if err := g.standard(call); err != nil {
			return err
		}
		switch old, err := subscriptionFilters.Get(tx, subscriptionFilters.Key(f)); {
		case err == nil:
			f.Created = old.Created
		case !errors.Is(err, store.ErrNotFound):
			return err
		case g.SubscriptionFilters >= maxSubscriptionFilters:
			return api.NewLimitExceededException(limitExceeded)
		default:
			g.SubscriptionFilters++
		}
		if err := checkRegexFilters(tx, g, f.Pattern, f.Name); err != nil {
			return err
		}
		if err := subscriptionFilters.Put(tx, f); err != nil {
			return err
		}
		if err := s.sendControl(tx, f, call.Now()); err != nil {
			return err
		}
		return s.putWatched(tx, g)
	})
	if err != nil {
		return nil, err
	}
	return &api.PutSubscriptionFilterOutput{}, nil
}

// checkSubscribed refuses a destination that events cannot be delivered to, as AWS does after a try.
func (s *Service) checkSubscribed(call *aws.Call, destinationARN, role string) error {
	arn, err := aws.ParseARN(destinationARN)
	if err != nil {
		return api.NewInvalidParameterException("Invalid destination ARN: %s", destinationARN)
	}
	switch arn.Service {
	case "logs":
		return s.checkDestination(call, arn)
	case toLambda:
		if role != "" {
			return api.NewInvalidParameterException("destinationArn for vendor lambda cannot be used with roleArn")
		}
		if !s.Bus.Accepts(destinationARN) {
			return api.NewInvalidParameterException("%s", unreachable[arn.Service])
		}
	case toKinesis, toFirehose:
		if role == "" {
			return api.NewInvalidParameterException("destinationArn for vendor %s requires roleArn", arn.Service)
		}
		if !s.Bus.Accepts(destinationARN) {
			return api.NewInvalidParameterException("%s", unreachable[arn.Service])
		}
	default:
		return api.NewInvalidParameterException("PutSubscriptionFilter operation cannot work with destinationArn for vendor %s", arn.Service)
	}
	if arn.Region != call.Region || arn.Account != call.Account {
		return api.NewInvalidParameterException("destinationArn must be of the log group's account and region: %s", destinationARN)
	}
	return nil
}

// checkDestination finds out whether the caller may subscribe groups to a destination, which lets other accounts in by
// its access policy.
func (s *Service) checkDestination(call *aws.Call, arn aws.ARN) error {
	d, err := s.destinationOf(call, arn)
	switch {
	case err != nil:
		return err
	case arn.Region != call.Region:
		return api.NewInvalidParameterException("The destination must be in the region of the log group.")
	case d == nil && arn.Account == call.Account:
		return api.NewResourceNotFoundException(noDestination)
	}
	// A destination of another account that does not exist has no policy either, and is denied like one.
	return call.Cloud.Authorize(call, aws.Check{Action: "logs:PutSubscriptionFilter", Resource: arn.String()})
}

// describeSubscriptionFilters lists a group's filters.
func (s *Service) describeSubscriptionFilters(call *aws.Call, in *api.DescribeSubscriptionFiltersInput) (*api.DescribeSubscriptionFiltersOutput, error) {
	if err := s.DB.View(call, func(tx *store.Tx) error {
		_, err := getLogGroup(tx, call, in.LogGroupName)
		return err
	}); err != nil {
		return nil, err
	}
	within := prefixed(store.K(call.Account, call.Region, in.LogGroupName), in.FilterNamePrefix)
	filters, next, err := listTable(subscriptionFilters, within, in.Limit, in.NextToken).page(s, call)
	if err != nil {
		return nil, err
	}
	out := &api.DescribeSubscriptionFiltersOutput{SubscriptionFilters: make([]api.SubscriptionFilter, len(filters)), NextToken: next}
	for i, f := range filters {
		out.SubscriptionFilters[i] = api.SubscriptionFilter{
			FilterName: &f.Name, LogGroupName: &f.Group, FilterPattern: &f.Pattern, DestinationARN: &f.DestinationARN,
			Distribution: &f.Distribution, CreationTime: new(f.Created.UnixMilli()), ApplyOnTransformedLogs: &f.Transformed,
			EmitSystemFields: f.SystemFields,
		}
		if f.RoleARN != "" {
			out.SubscriptionFilters[i].RoleARN = &f.RoleARN
		}
	}
	return out, nil
}

// deleteSubscriptionFilter removes a filter.
func (s *Service) deleteSubscriptionFilter(call *aws.Call, in *api.DeleteSubscriptionFilterInput) (*api.DeleteSubscriptionFilterOutput, error) {
	err := s.DB.Update(call, func(tx *store.Tx) error {
		g, err := getLogGroup(tx, call, in.LogGroupName)
		if err != nil {
			return err
		}
		existed, err := subscriptionFilters.Delete(tx, store.K(g.Account, g.Region, g.Name, in.FilterName))
		if err != nil {
			return err
		}
		if !existed {
			return api.NewResourceNotFoundException("The specified subscription filter does not exist.")
		}
		g.SubscriptionFilters--
		return s.putWatched(tx, g)
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteSubscriptionFilterOutput{}, nil
}

// message is what a subscription's destination gets, as JSON that is compressed.
type message struct {
	MessageType         string         `json:"messageType"`
	Owner               string         `json:"owner"`
	LogGroup            string         `json:"logGroup"`
	LogStream           string         `json:"logStream"`
	SubscriptionFilters []string       `json:"subscriptionFilters"`
	PolicyLevel         string         `json:"policyLevel,omitempty"`
	LogEvents           []messageEvent `json:"logEvents"`
}

type messageEvent struct {
	ID              string            `json:"id"`
	Timestamp       int64             `json:"timestamp"`
	Message         string            `json:"message"`
	ExtractedFields map[string]string `json:"extractedFields,omitempty"`
}

// sendControl sends the message by which AWS finds out whether a destination can be reached.
func (s *Service) sendControl(tx *store.Tx, f *subscriptionFilter, now time.Time) error {
	return s.sendMessage(tx, f, "", message{
		MessageType: "CONTROL_MESSAGE", Owner: "CloudwatchLogs", SubscriptionFilters: []string{},
		LogEvents: []messageEvent{{Timestamp: now.UnixMilli(), Message: "CWL CONTROL MESSAGE: Checking health of destination."}},
	})
}

// sendSubscribed sends new events on to where the group's filters and the account's say.
func (s *Service) sendSubscribed(tx *store.Tx, g *logGroup, stream *logStream, events []ingested) error {
	var filters []*subscriptionFilter
	if g.SubscriptionFilters > 0 {
		for f, err := range filtersOf(tx, subscriptionFilters, g) {
			if err != nil {
				return err
			}
			filters = append(filters, f)
		}
	}
	level := len(filters)
	account, err := accountSubscription(tx, g)
	if err != nil {
		return err
	}
	if account != nil {
		filters = append(filters, account)
	}
	for i, f := range filters {
		pattern, err := parsePattern(&f.Pattern)
		if err != nil {
			return err
		}
		m := message{
			MessageType: "DATA_MESSAGE", Owner: g.Account, LogGroup: g.Name, LogStream: stream.Name, SubscriptionFilters: []string{f.Name},
			LogEvents: f.matching(pattern, events),
		}
		if i >= level {
			m.PolicyLevel = "ACCOUNT_LEVEL_POLICY"
		}
		if len(m.LogEvents) == 0 {
			continue
		}
		if err := s.sendMessage(tx, f, stream.Name, m); err != nil {
			return err
		}
	}
	return nil
}

// matching returns the events that the filter sends on.
func (f *subscriptionFilter) matching(pattern *filterpattern.Pattern, events []ingested) []messageEvent {
	var system map[string]string
	for _, field := range f.SystemFields {
		if system == nil {
			system = map[string]string{}
		}
		system[field] = f.Account
		if field == "@aws.region" {
			system[field] = f.Region
		}
	}
	var found []messageEvent
	for i := range events {
		text := events[i].text(f.Transformed)
		fields := map[string]string(nil)
		if pattern != nil {
			var matched bool
			if fields, matched = pattern.Extract(text); !matched {
				continue
			}
		}
		extracted := map[string]string{}
		for name, value := range fields {
			extracted[name[1:]] = value // without the "$"
		}
		maps.Copy(extracted, system)
		found = append(found, messageEvent{ID: events[i].ID, Timestamp: events[i].Timestamp, Message: text, ExtractedFields: extracted})
	}
	return found
}

// sendMessage puts a message into the outbox for where the filter leads. A destination that is gone, or that leads to a
// service that is not there, gets nothing.
func (s *Service) sendMessage(tx *store.Tx, f *subscriptionFilter, stream string, m message) error {
	target, role := f.DestinationARN, f.RoleARN
	arn, err := aws.ParseARN(target)
	if err != nil {
		return fmt.Errorf("subscription %s: %w", f.Name, err)
	}
	if arn.Service == "logs" {
		d, err := destinationAt(tx, arn)
		if err != nil || d == nil {
			return err
		}
		target, role = d.TargetARN, d.RoleARN
		if arn, err = aws.ParseARN(target); err != nil {
			return fmt.Errorf("destination %s: %w", d.Name, err)
		}
	}
	if !s.Bus.Accepts(target) {
		return nil
	}
	payload, err := m.encode(arn.Service)
	if err != nil {
		return err
	}
	group := aws.ARN{Partition: arn.Partition, Service: "logs", Region: f.Region, Account: f.Account, Resource: "log-group:" + f.Group + ":*"}
	d := bus.Delivery{
		Target: target, Source: "logs.amazonaws.com", SourceARN: group.String(), Account: f.Account, Region: f.Region,
		RoleARN: role, Payload: payload,
	}
	if arn.Service == toKinesis && f.Distribution == api.DistributionByLogStream {
		d.Attributes = map[string]string{"PartitionKey": stream}
	}
	return s.Bus.Send(tx, d)
}

// encode returns the message as a service is given it: compressed, and for Lambda inside an event.
func (m *message) encode(service string) ([]byte, error) {
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	err := json.NewEncoder(zip).Encode(m)
	if err == nil {
		err = zip.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("packing a message: %w", err)
	}
	if service != toLambda {
		return packed.Bytes(), nil
	}
	type awslogs struct {
		Data []byte `json:"data"`
	}
	event, err := json.Marshal(map[string]awslogs{"awslogs": {packed.Bytes()}})
	if err != nil {
		return nil, fmt.Errorf("packing an event: %w", err)
	}
	return event, nil
}
