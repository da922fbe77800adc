package bus_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"drydock/bus"
	"drydock/clock"
	"drydock/store"
	"drydock/store/mem"
	"drydock/task"
)

const target, letters = "arn:aws:sqs:us-east-1:111122223333:q", "arn:aws:sns:us-east-1:111122223333:dead"

type bench struct {
	*bus.Bus
	db    *store.DB
	tasks *task.Runner
	clock *clock.Clock
}

func newBench(t *testing.T) *bench {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	b := &bench{db: store.Open(mem.New(), store.WithForcedConflicts()), clock: clock.NewStopped(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))}
	b.tasks = task.NewRunner(b.db, b.clock, log)
	var n atomic.Int64
	b.Bus = bus.New(b.db, b.tasks, b.clock.Now, func() string { return strconv.FormatInt(n.Add(1), 10) }, log)
	return b
}

func (b *bench) send(t *testing.T, d bus.Delivery) {
	t.Helper()
	if err := b.db.Update(t.Context(), func(tx *store.Tx) error { return b.Send(tx, d) }); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) advance(t *testing.T, d time.Duration) {
	t.Helper()
	if err := b.tasks.Advance(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}

func TestBus_RetriesUntilTheTargetAccepts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	attempts, payload := 0, ""
	b.Register(bus.Target{Service: "sqs", Deliver: func(_ context.Context, d bus.Delivery) error {
		if attempts++; attempts < 4 {
			return errors.New("busy")
		}
		payload = string(d.Payload)
		return nil
	}})
	b.send(t, bus.Delivery{Target: target, Payload: []byte("hello")})
	b.advance(t, 6*time.Second)
	if attempts != 3 {
		t.Fatalf("%d attempts in the first six seconds, want 3", attempts)
	}
	b.advance(t, time.Hour)
	if attempts != 4 || payload != "hello" {
		t.Errorf("%d attempts, payload %q", attempts, payload)
	}
}

func TestBus_GivesUpToTheDeadLetterTarget(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		failure error
		limit   bus.Delivery
		want    int
	}{
		"permanent failure": {fmt.Errorf("%w: no such queue", bus.ErrPermanent), bus.Delivery{}, 1},
		"attempts run out":  {errors.New("busy"), bus.Delivery{MaxAttempts: 3}, 3},
		"age runs out":      {errors.New("busy"), bus.Delivery{MaxAge: 5 * time.Second}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			attempts := 0
			var letter bus.Delivery
			b.Register(bus.Target{Service: "sqs", Deliver: func(context.Context, bus.Delivery) error {
				attempts++
				return tc.failure
			}})
			b.Register(bus.Target{Service: "sns", Deliver: func(_ context.Context, d bus.Delivery) error {
				letter = d
				return nil
			}})
			d := tc.limit
			d.Target, d.DeadLetter, d.Payload = target, letters, []byte("hello")
			b.send(t, d)
			b.advance(t, 48*time.Hour)
			if attempts != tc.want {
				t.Errorf("%d attempts, want %d", attempts, tc.want)
			}
			if string(letter.Payload) != "hello" || letter.Attributes["TARGET_ARN"] != target || letter.Attributes["ERROR_MESSAGE"] != tc.failure.Error() {
				t.Errorf("dead letter %+v", letter)
			}
		})
	}
}

func TestBus_NothingLeavesWhenTheTransactionFails(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Register(bus.Target{Service: "sqs", Deliver: func(context.Context, bus.Delivery) error {
		t.Error("delivered")
		return nil
	}})
	undone := errors.New("undone")
	err := b.db.Update(t.Context(), func(tx *store.Tx) error {
		if err := b.Send(tx, bus.Delivery{Target: target}); err != nil {
			return err
		}
		return undone
	})
	if !errors.Is(err, undone) {
		t.Fatal(err)
	}
	b.advance(t, time.Hour)
}
