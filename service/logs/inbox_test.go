package logs_test

import (
	"context"
	"sync"
	"testing"

	"drydock/aws"
	"drydock/bus"
	"drydock/service"
	"drydock/service/logs"
	"drydock/service/servicetest"
)

// inbox takes deliveries for services that are not in the test's cloud.
type inbox struct {
	mu sync.Mutex // guards the fields below
	// refusals are the errors of the next attempts.
	refusals []error
	got      []bus.Delivery
}

func (b *inbox) deliver(_ context.Context, d bus.Delivery) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.refusals) > 0 {
		err := b.refusals[0]
		b.refusals = b.refusals[1:]
		return err
	}
	b.got = append(b.got, d)
	return nil
}

// take returns what has come since the last call.
func (b *inbox) take() []bus.Delivery {
	b.mu.Lock()
	defer b.mu.Unlock()
	got := b.got
	b.got = nil
	return got
}

// cloudWithInbox returns a cloud in which the services of the names receive deliveries, beside other modules.
func cloudWithInbox(t *testing.T, services []string, more ...func(service.Deps) service.Module) (*servicetest.Cloud, *aws.Call, *inbox) {
	t.Helper()
	b := &inbox{}
	c := servicetest.New(t, func(d service.Deps) []service.Module {
		receiver := service.Module{API: &aws.API{Package: "receiver"}}
		for _, name := range services {
			receiver.Targets = append(receiver.Targets, bus.Target{Service: name, Deliver: b.deliver})
		}
		modules := []service.Module{logs.New(d), receiver}
		for _, m := range more {
			modules = append(modules, m(d))
		}
		return modules
	})
	return c, c.Call(t), b
}
