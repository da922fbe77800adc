package s3

import (
	"net/http"
	"slices"
	"strings"

	api "drydock/api/s3"
	"drydock/aws"
	"drydock/store"
)

// listener is one destination of a bucket's events with what it wants to hear.
type listener struct {
	ID, ARN        string
	Events         []api.Event
	Prefix, Suffix string
}

// hears tells whether the listener wants an event of a key.
func (l *listener) hears(event, key string) bool {
	if !strings.HasPrefix(key, l.Prefix) || !strings.HasSuffix(key, l.Suffix) {
		return false
	}
	return slices.ContainsFunc(l.Events, func(e api.Event) bool { return matchesEvent(string(e), event) })
}

// matchesEvent tells whether a configured event, which may end in "*", means another.
func matchesEvent(configured, event string) bool {
	if group, all := strings.CutSuffix(configured, "*"); all {
		return strings.HasPrefix(event, group)
	}
	return configured == event
}

// destination is a configuration for a queue, a topic or a function, as all three have it.
type destination struct {
	service, noun string
	id            **string
	arn           string
	events        []api.Event
	filter        *api.NotificationConfigurationFilter
}

// destinations lists a configuration's, with places for their ids.
func destinations(c *api.NotificationConfiguration) []destination {
	var list []destination
	for i := range c.TopicConfigurations {
		t := &c.TopicConfigurations[i]
		list = append(list, destination{"sns", "topic", &t.ID, t.TopicARN, t.Events, t.Filter})
	}
	for i := range c.QueueConfigurations {
		q := &c.QueueConfigurations[i]
		list = append(list, destination{"sqs", "queue", &q.ID, q.QueueARN, q.Events, q.Filter})
	}
	for i := range c.LambdaFunctionConfigurations {
		f := &c.LambdaFunctionConfigurations[i]
		list = append(list, destination{"lambda", "function", &f.ID, f.LambdaFunctionARN, f.Events, f.Filter})
	}
	return list
}

// unsent are events that nothing here causes: a rule that waits for one alone would wait for ever.
var unsent = []api.Event{api.EventS3IntelligentTiering}

// listenerOf checks a destination's configuration.
func listenerOf(d *destination) (l listener, err error) {
	argument := func(format string, args ...any) *aws.Error {
		return aws.NewError(http.StatusBadRequest, "InvalidArgument", format, args...)
	}
	l = listener{ID: text(*d.id), ARN: d.arn, Events: d.events}
	if a, err := aws.ParseARN(d.arn); err != nil || a.Service != d.service {
		return l, argument("The ARN could not be parsed").With("ArgumentName", strings.ToUpper(d.noun[:1])+d.noun[1:]).With("ArgumentValue", d.arn)
	}
	if len(l.ID) > 255 {
		return l, argument("ID length should not exceed allowed limit of 255")
	}
	if len(d.events) == 0 {
		return l, malformedXML()
	}
	for _, e := range d.events {
		if !slices.Contains(e.Values(), string(e)) {
			return l, argument("The event '%s' is not supported for notifications", e)
		}
		if slices.Contains(unsent, e) {
			return l, notImplemented("the event %s", e)
		}
	}
	if d.filter == nil || d.filter.Key == nil {
		return l, nil
	}
	seen := map[string]bool{}
	for _, r := range d.filter.Key.FilterRules {
		name := strings.ToLower(text(r.Name))
		switch {
		case name != "prefix" && name != "suffix":
			return l, argument("filter rule name must be either prefix or suffix")
		case seen[name]:
			return l, argument("Cannot specify more than one %s rule in a filter.", name)
		case len(text(r.Value)) > maxKey:
			return l, argument("Size of filter rule value cannot exceed 1024 bytes in UTF-8 representation")
		}
		if seen[name] = true; name == "prefix" {
			l.Prefix = text(r.Value)
		} else {
			l.Suffix = text(r.Value)
		}
	}
	return l, nil
}

// overlapping tells whether two listeners could hear the same event of the same key.
func overlapping(a, b *listener) bool {
	prefixes := strings.HasPrefix(a.Prefix, b.Prefix) || strings.HasPrefix(b.Prefix, a.Prefix)
	suffixes := strings.HasSuffix(a.Suffix, b.Suffix) || strings.HasSuffix(b.Suffix, a.Suffix)
	if !prefixes || !suffixes {
		return false
	}
	for _, x := range a.Events {
		for _, y := range b.Events {
			if matchesEvent(string(x), string(y)) || matchesEvent(string(y), string(x)) {
				return true
			}
		}
	}
	return false
}

// checkNotification checks a configuration, gives ids to those without, and returns the listeners.
func (s *Service) checkNotification(call *aws.Call, c *api.NotificationConfiguration) ([]listener, error) {
	var list []listener
	ids := map[string]bool{}
	for _, d := range destinations(c) {
		l, err := listenerOf(&d)
		if err != nil {
			return nil, err
		}
		if l.ID == "" {
			l.ID = call.NewUUID()
			*d.id = new(l.ID)
		}
		if ids[l.ID] {
			return nil, aws.NewError(http.StatusBadRequest, "InvalidArgument", "Same ID used for multiple configurations. IDs must be unique")
		}
		ids[l.ID] = true
		for i := range list {
			if !overlapping(&list[i], &l) {
				continue
			}
			message := "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are overlapping for the same event type."
			if list[i].Prefix+list[i].Suffix+l.Prefix+l.Suffix == "" {
				message = "Configurations overlap. Configurations on the same bucket cannot share a common event type."
			}
			return nil, aws.NewError(http.StatusBadRequest, "InvalidArgument", "%s", message)
		}
		list = append(list, l)
	}
	if len(list) > maxListeners {
		return nil, aws.NewError(http.StatusBadRequest, "InvalidArgument", "The number of event notification configurations exceeds the limit of %d", maxListeners)
	}
	return list, nil
}

// reachable refuses destinations that are not there to be told, or in another region than the bucket.
func (s *Service) reachable(b *bucket, c *api.NotificationConfiguration) error {
	e := aws.NewError(http.StatusBadRequest, "InvalidArgument", "Unable to validate the following destination configurations")
	for _, d := range destinations(c) {
		a, err := aws.ParseARN(d.arn)
		if err != nil {
			return err
		}
		switch {
		case a.Region != b.Region:
			return aws.NewError(http.StatusBadRequest, "InvalidArgument", "The notification destination service region is not valid for the bucket location constraint").
				With("ArgumentName1", d.arn).With("ArgumentValue1", "The notification destination service region is not valid for the bucket location constraint")
		case !s.Bus.Accepts(d.arn):
			return e.With("ArgumentName1", d.arn).With("ArgumentValue1", "The destination "+d.noun+" does not exist")
		}
	}
	return nil
}

// putBucketNotificationConfiguration sets who is told of what happens in a bucket. Queues and topics get a test event.
func (s *Service) putBucketNotificationConfiguration(call *aws.Call, in *api.PutBucketNotificationConfigurationInput) (*api.PutBucketNotificationConfigurationOutput, error) {
	n := in.NotificationConfiguration
	list, err := s.checkNotification(call, &n)
	if err != nil {
		return nil, err
	}
	skip := in.SkipDestinationValidation != nil && *in.SkipDestinationValidation
	return &api.PutBucketNotificationConfigurationOutput{}, s.configure(call, in.Bucket, in.ExpectedBucketOwner, func(tx *store.Tx, b *bucket, c *config) error {
		if !skip {
			if err := s.reachable(b, &n); err != nil {
				return err
			}
		}
		c.Notification, c.Listeners, b.Notifies = &n, list, len(list) > 0
		for i := range list {
			if a, err := aws.ParseARN(list[i].ARN); err != nil || a.Service == "lambda" || !s.Bus.Accepts(list[i].ARN) {
				continue // functions get no test event
			}
			if err := s.sendTest(tx, b, &list[i], call); err != nil {
				return err
			}
		}
		return nil
	})
}

// getBucketNotificationConfiguration shows who is told of what happens in a bucket.
func (s *Service) getBucketNotificationConfiguration(call *aws.Call, in *api.GetBucketNotificationConfigurationInput) (*api.GetBucketNotificationConfigurationOutput, error) {
	_, c, err := s.config(call, in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	out := &api.GetBucketNotificationConfigurationOutput{}
	if n := c.Notification; n != nil {
		out.TopicConfigurations, out.QueueConfigurations, out.LambdaFunctionConfigurations = n.TopicConfigurations, n.QueueConfigurations, n.LambdaFunctionConfigurations
		out.EventBridgeConfiguration = n.EventBridgeConfiguration
	}
	return out, nil
}
