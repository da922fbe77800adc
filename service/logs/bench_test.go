package logs_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/service"
	"drydock/service/logs"
	"drydock/service/servicetest"
)

func benchmarkCloud(b *testing.B) *aws.Call {
	b.Helper()
	c := servicetest.New(b, func(d service.Deps) []service.Module { return []service.Module{logs.New(d)} })
	call := c.Call(b)
	call = call.With(context.WithoutCancel(call))
	if _, err := api.CreateLogGroup.Do(call, &api.CreateLogGroupInput{LogGroupName: "app"}); err != nil {
		b.Fatal(err)
	}
	if _, err := api.CreateLogStream.Do(call, &api.CreateLogStreamInput{LogGroupName: "app", LogStreamName: "one"}); err != nil {
		b.Fatal(err)
	}
	return call
}

// lines is a request of n events, a millisecond apart.
func lines(n, from int) *api.PutLogEventsInput {
	in := &api.PutLogEventsInput{LogGroupName: "app", LogStreamName: "one"}
	for i := range n {
		in.LogEvents = append(in.LogEvents, api.InputLogEvent{
			Timestamp: servicetest.Start.UnixMilli() + int64(from+i), Message: fmt.Sprintf("request %d took 17 ms %s", from+i, strings.Repeat("x", 60)),
		})
	}
	return in
}

func BenchmarkPutLogEvents(b *testing.B) {
	call := benchmarkCloud(b)
	in := lines(10, 0)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := api.PutLogEvents.Do(call, in); err != nil {
			b.Fatal(err)
		}
	}
}

// filled returns a cloud with 100,000 events in 100 seconds.
func filled(b *testing.B) *aws.Call {
	b.Helper()
	call := benchmarkCloud(b)
	for i := range 1000 {
		if _, err := api.PutLogEvents.Do(call, lines(100, i*100)); err != nil {
			b.Fatal(err)
		}
	}
	return call
}

func BenchmarkGetLogEvents(b *testing.B) {
	call := filled(b)
	for name, in := range map[string]*api.GetLogEventsInput{
		"head": {StartFromHead: new(true)}, "tail": {}, "middle": {StartFromHead: new(true), StartTime: new(servicetest.Start.UnixMilli() + 50_500)},
	} {
		in.LogGroupName, in.LogStreamName, in.Limit = new("app"), "one", new(int32(100))
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				out, err := api.GetLogEvents.Do(call, in)
				if err != nil || len(out.Events) != 100 {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkFilterLogEvents(b *testing.B) {
	call := filled(b)
	for name, in := range map[string]*api.FilterLogEventsInput{
		"one of 100,000": {FilterPattern: new(`"request 99999 "`)},
		"follow":         {StartTime: new(servicetest.Start.UnixMilli() + 99_990)},
	} {
		in.LogGroupName = new("app")
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				out, err := api.FilterLogEvents.Do(call, in)
				if err != nil || len(out.Events) == 0 {
					b.Fatal(err, len(out.Events))
				}
			}
		})
	}
}
