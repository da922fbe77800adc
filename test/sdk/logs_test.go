package sdk

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"drydock/clock"
	"drydock/ledger"
)

// TestLogs_OrdinaryUse writes, pages through and searches log events.
func TestLogs_OrdinaryUse(t *testing.T) {
	ledger.Covers(t, "CWL-01", "CWL-04")
	t.Parallel()
	_, root := start(t)
	client := cloudwatchlogs.NewFromConfig(root)
	group, stream := aws.String("/app"), aws.String("web")
	if _, err := client.CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: group, Tags: map[string]string{"team": "a"}}); err != nil {
		t.Fatal(err)
	}
	_, err := client.CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: group})
	if _, ok := errors.AsType[*types.ResourceAlreadyExistsException](err); !ok {
		t.Errorf("got %v, want ResourceAlreadyExists", err)
	}
	_, err = client.PutLogEvents(t.Context(), &cloudwatchlogs.PutLogEventsInput{LogGroupName: group, LogStreamName: stream,
		LogEvents: []types.InputLogEvent{{Message: aws.String("x"), Timestamp: aws.Int64(clock.Wall().UnixMilli())}}})
	if missing, ok := errors.AsType[*types.ResourceNotFoundException](err); !ok || missing.ErrorMessage() != "The specified log stream does not exist." {
		t.Errorf("got %v, want ResourceNotFound", err)
	}
	if _, err := client.CreateLogStream(t.Context(), &cloudwatchlogs.CreateLogStreamInput{LogGroupName: group, LogStreamName: stream}); err != nil {
		t.Fatal(err)
	}
	begin := clock.Wall().Add(-time.Minute)
	old, err := client.PutLogEvents(t.Context(), &cloudwatchlogs.PutLogEventsInput{LogGroupName: group, LogStreamName: stream,
		LogEvents: []types.InputLogEvent{{Message: aws.String("too old"), Timestamp: aws.Int64(begin.AddDate(0, 0, -20).UnixMilli())}}})
	if err != nil {
		t.Fatal(err)
	}
	if old.RejectedLogEventsInfo == nil || aws.ToInt32(old.RejectedLogEventsInfo.TooOldLogEventEndIndex) != 1 {
		t.Errorf("the event of 20 days ago was not rejected: %+v", old.RejectedLogEventsInfo)
	}
	var events []types.InputLogEvent
	for i := range 25 {
		level := "INFO"
		if i%5 == 0 {
			level = "ERROR"
		}
		events = append(events, types.InputLogEvent{
			Message:   aws.String(fmt.Sprintf(`{"level": %q, "n": %d}`, level, i)),
			Timestamp: aws.Int64(begin.Add(time.Duration(i) * time.Second).UnixMilli()),
		})
	}
	if _, err := client.PutLogEvents(t.Context(), &cloudwatchlogs.PutLogEventsInput{LogGroupName: group, LogStreamName: stream, LogEvents: events}); err != nil {
		t.Fatal(err)
	}
	n := 0
	for p := cloudwatchlogs.NewGetLogEventsPaginator(client, &cloudwatchlogs.GetLogEventsInput{
		LogGroupName: group, LogStreamName: stream, StartFromHead: aws.Bool(true), Limit: aws.Int32(10),
	}, func(o *cloudwatchlogs.GetLogEventsPaginatorOptions) { o.StopOnDuplicateToken = true }); p.HasMorePages(); {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			if *e.Message != *events[n].Message {
				t.Errorf("event %d is %s", n, *e.Message)
			}
			n++
		}
	}
	if n != 25 {
		t.Errorf("read %d events", n)
	}
	found := 0
	for p := cloudwatchlogs.NewFilterLogEventsPaginator(client, &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: group, FilterPattern: aws.String(`{ $.level = "ERROR" && $.n > 4 }`), Limit: aws.Int32(3),
	}); p.HasMorePages(); {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		found += len(page.Events)
	}
	if found != 4 {
		t.Errorf("found %d events, want 4", found)
	}
}
