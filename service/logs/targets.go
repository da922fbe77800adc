package logs

import (
	"context"
	"errors"
	"fmt"
	"strings"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/bus"
)

// streamAttribute is the attribute of a delivery that names the stream to write to. Without it each delivery goes to a
// stream of its own, which has the delivery's id.
const streamAttribute = "LogStream"

// target takes deliveries for log groups, such as those of event rules: the payload becomes an event. The service that
// sends it needs a resource policy that lets it create streams and put events.
func (s *Service) target() bus.Target {
	return bus.Target{Service: "logs", Deliver: s.deliver}
}

func (s *Service) deliver(ctx context.Context, d bus.Delivery) error {
	arn, err := aws.ParseARN(d.Target)
	if err != nil {
		return fmt.Errorf("%w: %w", bus.ErrPermanent, err)
	}
	group, ok := strings.CutPrefix(arn.Resource, "log-group:")
	if !ok || d.RoleARN != "" {
		return fmt.Errorf("%w: only services deliver to log groups, not to %s as %q", bus.ErrPermanent, d.Target, d.RoleARN)
	}
	group = strings.TrimSuffix(group, ":*")
	stream := d.Attributes[streamAttribute]
	if stream == "" {
		stream = d.ID
	}
	call := s.NewCall(ctx, aws.ServicePrincipal(d.Source, arn.Account), arn.Region)
	_, err = api.CreateLogStream.Do(call, &api.CreateLogStreamInput{LogGroupName: group, LogStreamName: stream})
	if err != nil && !aws.IsError(err, "ResourceAlreadyExistsException") {
		return undeliverable(err)
	}
	_, err = api.PutLogEvents.Do(call, &api.PutLogEventsInput{
		LogGroupName: group, LogStreamName: stream, LogEvents: []api.InputLogEvent{{Timestamp: call.Now().UnixMilli(), Message: string(d.Payload)}},
	})
	return undeliverable(err)
}

// undeliverable marks an error that trying again does not change. A policy may still come.
func undeliverable(err error) error {
	if e, ok := errors.AsType[*aws.Error](err); ok && e.Fault == aws.FaultClient && e.Code != "AccessDeniedException" && e.Status != 429 {
		return fmt.Errorf("%w: %w", bus.ErrPermanent, err)
	}
	return err
}
