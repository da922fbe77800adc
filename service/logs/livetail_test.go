package logs_test

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/service/servicetest"
)

const appARN = "arn:aws:logs:us-east-1:111122223333:log-group:app"

// tail starts a session and returns the messages of each update that has any.
func tail(t *testing.T, call *aws.Call, in *api.StartLiveTailInput) (next func() (string, error, bool), stop func()) {
	t.Helper()
	out, err := api.StartLiveTail.Do(call, in)
	if err != nil {
		t.Fatal(err)
	}
	messages := func(yield func(string, error) bool) {
		for e, err := range out.ResponseStream {
			if err != nil {
				yield("", err)
				return
			}
			event := e.(*api.StartLiveTailResponseStream)
			var words []string
			switch {
			case event.SessionStart != nil:
				if !yield("start", nil) {
					return
				}
				continue
			case *event.SessionUpdate.SessionMetadata.Sampled:
				words = append(words, "sampled")
			}
			for _, e := range event.SessionUpdate.SessionResults {
				words = append(words, *e.Message)
			}
			if len(words) > 0 && !yield(strings.Join(words, " "), nil) {
				return
			}
		}
	}
	return iter.Pull2(messages)
}

func TestStartLiveTail_ShowsNewEvents(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createGroup(t, call, "app")
	createStream(t, call, "app", "web/1")
	createStream(t, call, "app", "db")
	put(t, call, "web/1", 0, "ERROR-before")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	next, stop := tail(t, call.With(ctx), &api.StartLiveTailInput{
		LogGroupIdentifiers: []string{appARN}, LogStreamNamePrefixes: []string{"web/"}, LogEventFilterPattern: new("%ERROR%"),
	})
	defer stop()
	want := func(want string) {
		t.Helper()
		if got, err, _ := next(); err != nil || got != want {
			t.Errorf("update %q, %v, want %q", got, err, want)
		}
	}
	want("start")
	put(t, call, "db", 0, "ERROR-db")
	put(t, call, "web/1", 0, "fine ERROR-1 ERROR-2")
	want("ERROR-1 ERROR-2")
	put(t, call, "web/1", 0, strings.Repeat("ERROR ", 600))
	want("sampled" + strings.Repeat(" ERROR", 500))
	cancel()
	if got, err, more := next(); more {
		t.Errorf("update %q, %v after the client has gone", got, err)
	}
}

func TestStartLiveTail_EndsAfterThreeHours(t *testing.T) {
	t.Parallel()
	c, call := newCloud(t)
	createGroup(t, call, "app")
	next, stop := tail(t, call, &api.StartLiveTailInput{LogGroupIdentifiers: []string{appARN}})
	defer stop()
	if got, err, _ := next(); got != "start" {
		t.Fatalf("update %q, %v", got, err)
	}
	c.Advance(t, 3*time.Hour)
	_, err, _ := next()
	servicetest.WantError(t, err, "SessionTimeoutException")
	if _, err, more := next(); more || errors.Is(err, context.Canceled) {
		t.Error("the session goes on")
	}
}

func TestStartLiveTail_Errors(t *testing.T) {
	t.Parallel()
	_, call := newCloud(t)
	createGroup(t, call, "app")
	if _, err := api.CreateLogGroup.Do(call, &api.CreateLogGroupInput{LogGroupName: "cold", LogGroupClass: new(api.LogGroupClassInfrequentAccess)}); err != nil {
		t.Fatal(err)
	}
	cold := strings.Replace(appARN, "app", "cold", 1)
	for name, tc := range map[string]struct {
		in   api.StartLiveTailInput
		want string
	}{
		"name":        {api.StartLiveTailInput{LogGroupIdentifiers: []string{"app"}}, "InvalidParameterException"},
		"no group":    {api.StartLiveTailInput{LogGroupIdentifiers: []string{appARN + "x"}}, "ResourceNotFoundException"},
		"other owner": {api.StartLiveTailInput{LogGroupIdentifiers: []string{strings.Replace(appARN, "1111", "9999", 1)}}, "ResourceNotFoundException"},
		"class":       {api.StartLiveTailInput{LogGroupIdentifiers: []string{cold}}, "InvalidOperationException"},
		"both":        {api.StartLiveTailInput{LogGroupIdentifiers: []string{appARN}, LogStreamNames: []string{"a"}, LogStreamNamePrefixes: []string{"a"}}, "InvalidParameterException"},
		"streams of two": {api.StartLiveTailInput{LogGroupIdentifiers: []string{appARN, cold}, LogStreamNames: []string{"a"}},
			"InvalidParameterException"},
		"pattern": {api.StartLiveTailInput{LogGroupIdentifiers: []string{appARN}, LogEventFilterPattern: new("{")}, "InvalidParameterException"},
	} {
		_, err := api.StartLiveTail.Do(call, &tc.in)
		if aws.ErrorCode(err) != tc.want {
			t.Errorf("%s: %v, want %s", name, err, tc.want)
		}
	}
}
