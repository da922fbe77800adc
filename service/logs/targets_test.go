package logs_test

import (
	"testing"
	"time"

	api "drydock/api/logs"
	"drydock/bus"
	"drydock/service"
	"drydock/service/logs"
	"drydock/service/servicetest"
	"drydock/store"
)

func TestTarget_WritesWhatServicesDeliver(t *testing.T) {
	t.Parallel()
	var deps service.Deps
	c := servicetest.New(t, func(d service.Deps) []service.Module {
		deps = d
		return []service.Module{logs.New(d)}
	})
	call := c.Call(t)
	send := func(target string) {
		t.Helper()
		if err := c.DB.Update(call, func(tx *store.Tx) error {
			return deps.Bus.Send(tx, bus.Delivery{
				ID: "one", Target: target, Source: "events.amazonaws.com", Account: servicetest.Account, Region: servicetest.Region, Payload: []byte(`{"a":1}`),
			})
		}); err != nil {
			t.Fatal(err)
		}
		c.WaitIdle(t)
	}
	createGroup(t, call, "app")
	send(appARN + ":*")
	streams, err := api.DescribeLogStreams.Do(call, &api.DescribeLogStreamsInput{LogGroupName: new("app")})
	if err != nil || len(streams.LogStreams) != 0 {
		t.Fatalf("streams %+v, %v: the service has no policy", streams, err)
	}
	document := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},
		"Action":["logs:CreateLogStream","logs:PutLogEvents"],"Resource":"` + appARN + `:*"}]}`
	if _, err := api.PutResourcePolicy.Do(call, &api.PutResourcePolicyInput{PolicyName: new("p"), PolicyDocument: &document}); err != nil {
		t.Fatal(err)
	}
	c.Advance(t, time.Minute) // it is tried again
	if got := messagesOf(t, call, "app", "one", false); got != `{"a":1}` {
		t.Errorf("messages %q", got)
	}
	send(appARN + "-gone") // ends at once: there is no such group
	send("arn:aws:logs:us-east-1:111122223333:destination:d")
}
