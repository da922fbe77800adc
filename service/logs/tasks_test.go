package logs

import (
	"fmt"
	"strings"
	"testing"
	"time"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/ledger"
	"drydock/service"
	"drydock/service/servicetest"
	"drydock/store"
)

// start returns a cloud with the group "app", its streams "one" and "two", and a batch in each for every age in hours.
func start(t *testing.T, ages ...int) (*servicetest.Cloud, *aws.Call) {
	t.Helper()
	c := servicetest.New(t, func(d service.Deps) []service.Module { return []service.Module{New(d)} })
	call := c.Call(t)
	if _, err := api.CreateLogGroup.Do(call, &api.CreateLogGroupInput{LogGroupName: "app"}); err != nil {
		t.Fatal(err)
	}
	for _, stream := range []string{"one", "two"} {
		if _, err := api.CreateLogStream.Do(call, &api.CreateLogStreamInput{LogGroupName: "app", LogStreamName: stream}); err != nil {
			t.Fatal(err)
		}
		for _, age := range ages {
			send(t, call, stream, age)
		}
	}
	return c, call
}

func send(t *testing.T, call *aws.Call, stream string, age int) {
	t.Helper()
	_, err := api.PutLogEvents.Do(call, &api.PutLogEventsInput{LogGroupName: "app", LogStreamName: stream, LogEvents: []api.InputLogEvent{
		{Timestamp: call.Now().Add(-time.Duration(age) * time.Hour).UnixMilli(), Message: fmt.Sprint(age)},
	}})
	if err != nil {
		t.Fatal(err)
	}
}

// rows counts the streams and batches that are stored.
func rows(t *testing.T, c *servicetest.Cloud) string {
	t.Helper()
	streams, events := 0, 0
	err := c.DB.View(t.Context(), func(tx *store.Tx) error {
		for _, err := range logStreams.Scan(tx, store.Range{}) {
			if err != nil {
				return err
			}
			streams++
		}
		for _, err := range batches.Scan(tx, store.Range{}) {
			if err != nil {
				return err
			}
			events++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d streams %d batches", streams, events)
}

func messages(t *testing.T, call *aws.Call) string {
	t.Helper()
	out, err := api.FilterLogEvents.Do(call, &api.FilterLogEventsInput{LogGroupName: new("app")})
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, e := range out.Events {
		words = append(words, *e.LogStreamName+":"+*e.Message)
	}
	return strings.Join(words, " ")
}

func wantRows(t *testing.T, c *servicetest.Cloud, want string) {
	t.Helper()
	if got := rows(t, c); got != want {
		t.Errorf("%s are stored, want %s", got, want)
	}
}

func TestRetention_ExpiresEventsOnTheClock(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CWL-03")
	c, call := start(t, 100, 30, 10)
	c.Advance(t, 90*24*time.Hour)
	wantRows(t, c, "2 streams 6 batches") // no retention keeps events for ever
	send(t, call, "one", 20)
	if _, err := api.PutRetentionPolicy.Do(call, &api.PutRetentionPolicyInput{LogGroupName: "app", RetentionInDays: 1}); err != nil {
		t.Fatal(err)
	}
	if got := messages(t, call); got != "one:20" {
		t.Errorf("before the rows go: %s", got)
	}
	c.WaitIdle(t)
	wantRows(t, c, "2 streams 1 batches")
	send(t, call, "two", 2) // expires later than what the group is looked at for
	c.Advance(t, 4*time.Hour+time.Millisecond)
	if got := messages(t, call); got != "two:2" {
		t.Errorf("after the first has expired: %s", got)
	}
	c.Advance(t, time.Hour)
	wantRows(t, c, "2 streams 1 batches")
	c.Advance(t, 30*24*time.Hour)
	wantRows(t, c, "2 streams 0 batches")

	send(t, call, "one", 0)
	if _, err := api.DeleteRetentionPolicy.Do(call, &api.DeleteRetentionPolicyInput{LogGroupName: "app"}); err != nil {
		t.Fatal(err)
	}
	c.Advance(t, 30*24*time.Hour)
	if got := messages(t, call); got != "one:0" {
		t.Errorf("without retention: %s", got)
	}
}

func TestDelete_RemovesWhatIsInside(t *testing.T) {
	t.Parallel()
	c, call := start(t, 3, 2)
	if _, err := api.DeleteLogStream.Do(call, &api.DeleteLogStreamInput{LogGroupName: "app", LogStreamName: "one"}); err != nil {
		t.Fatal(err)
	}
	if got := messages(t, call); got != "two:3 two:2" {
		t.Errorf("events after a stream is gone: %s", got)
	}
	c.WaitIdle(t)
	wantRows(t, c, "1 streams 2 batches")
	for i := range 2*purgeStep + 10 {
		send(t, call, "two", i%300)
	}
	if _, err := api.DeleteLogGroup.Do(call, &api.DeleteLogGroupInput{LogGroupName: "app"}); err != nil {
		t.Fatal(err)
	}
	if _, err := api.CreateLogGroup.Do(call, &api.CreateLogGroupInput{LogGroupName: "app"}); err != nil {
		t.Fatal(err)
	}
	if _, err := api.CreateLogStream.Do(call, &api.CreateLogStreamInput{LogGroupName: "app", LogStreamName: "two"}); err != nil {
		t.Fatal(err)
	}
	if got := messages(t, call); got != "" {
		t.Errorf("events in a new group: %s", got)
	}
	send(t, call, "two", 1)
	c.WaitIdle(t)
	wantRows(t, c, "1 streams 1 batches")
}
