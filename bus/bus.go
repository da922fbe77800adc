// Package bus carries asynchronous effects between services. A delivery is a row in the outbox, written in the sender's
// transaction; a task takes it to its target by ARN, tries again with growing pauses, and hands it to the dead-letter
// target when its attempts or its age run out. Delivery is at least once, in no order.
package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"drydock/aws"
	"drydock/store"
	"drydock/task"
)

// Defaults of deliveries that say nothing else, those of asynchronous invocation at AWS.
const (
	DefaultMaxAttempts = 185
	DefaultMaxAge      = 24 * time.Hour
	// longestPause bounds the growing pause between attempts.
	longestPause = 5 * time.Minute
)

// Delivery is one message on its way to one target.
type Delivery struct {
	// ID is unique; the target can use it to recognise a message it has had already.
	ID string
	// Target is the ARN of what receives the message.
	Target string
	// Source is the service principal that sends ("s3.amazonaws.com"), SourceARN the resource it sends for.
	Source, SourceARN string
	// Account and Region are the sender's.
	Account, Region string
	// RoleARN is the role to deliver as; without one the service principal delivers.
	RoleARN string
	// Payload is the message, Attributes what the target's protocol carries beside it.
	Payload    []byte
	Attributes map[string]string
	// MaxAttempts and MaxAge bound the retries; zero means the defaults.
	MaxAttempts int
	MaxAge      time.Duration
	// DeadLetter is the ARN that gets the message when it cannot be delivered; empty drops it.
	DeadLetter string
	// Sent is when it was sent; Attempts counts the failures. Both are kept by the bus.
	Sent     time.Time
	Attempts int
	// LastError is the last failure, for the dead letter.
	LastError string
}

// Target accepts deliveries for the ARNs of one service.
type Target struct {
	// Service is the service part of the ARNs, such as "sqs".
	Service string
	// Deliver hands over one message. A client's error (*aws.Error with FaultClient) that Permanent holds for ends the
	// delivery; any other is tried again.
	Deliver func(ctx context.Context, d Delivery) error
}

// ErrPermanent wraps an error that makes further attempts pointless.
var ErrPermanent = errors.New("delivery cannot succeed")

// TaskKind is the kind of the tasks that carry deliveries.
const TaskKind = "bus.deliver"

var outbox = store.NewTable("bus/outbox", func(d *Delivery) store.Key { return store.K(d.ID) })

// Bus is the outbox and the targets it delivers to.
type Bus struct {
	db      *store.DB
	tasks   *task.Runner
	now     func() time.Time
	newID   func() string
	log     *slog.Logger
	targets map[string]Target
}

// New returns a bus and registers its tasks with the runner.
func New(db *store.DB, tasks *task.Runner, now func() time.Time, newID func() string, log *slog.Logger) *Bus {
	b := &Bus{db: db, tasks: tasks, now: now, newID: newID, log: log, targets: map[string]Target{}}
	tasks.Register(task.Kind{Name: TaskKind, Reconcile: b.deliver})
	return b
}

// Register adds a target. It is called at start-up only, and panics when the service has one already.
func (b *Bus) Register(t Target) {
	if _, taken := b.targets[t.Service]; taken {
		panic("bus target registered twice: " + t.Service)
	}
	b.targets[t.Service] = t
}

// Accepts tells whether there is a target for the ARN's service.
func (b *Bus) Accepts(arn string) bool {
	a, err := aws.ParseARN(arn)
	if err != nil {
		return false
	}
	_, ok := b.targets[a.Service]
	return ok
}

// Send puts a message into the outbox. It leaves when the transaction commits.
func (b *Bus) Send(tx *store.Tx, d Delivery) error {
	if _, err := aws.ParseARN(d.Target); err != nil {
		return fmt.Errorf("send to target: %w", err)
	}
	if d.ID == "" {
		d.ID = b.newID()
	}
	d.Sent, d.Attempts = b.now(), 0
	if err := outbox.Put(tx, &d); err != nil {
		return err
	}
	return b.tasks.Schedule(tx, TaskKind, d.ID, d.Sent, nil)
}

// deliver makes one attempt.
func (b *Bus) deliver(ctx context.Context, t task.Task) (task.Next, error) {
	var d *Delivery
	err := b.db.View(ctx, func(tx *store.Tx) (err error) {
		d, err = outbox.Get(tx, store.K(t.Key))
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return task.Done, nil
	}
	if err != nil {
		return task.Done, err
	}
	failure := b.attempt(ctx, *d)
	if ctx.Err() != nil {
		return task.Done, ctx.Err()
	}
	if failure == nil {
		return task.Done, b.db.Update(ctx, func(tx *store.Tx) error {
			_, err := outbox.Delete(tx, store.K(d.ID))
			return err
		})
	}
	d.Attempts++
	d.LastError = failure.Error()
	if errors.Is(failure, ErrPermanent) || d.Attempts >= orDefault(d.MaxAttempts, DefaultMaxAttempts) ||
		b.now().Sub(d.Sent) >= orDefault(d.MaxAge, DefaultMaxAge) {
		return task.Done, b.giveUp(ctx, d)
	}
	next := b.now().Add(pause(d.Attempts))
	return task.At(next), b.db.Update(ctx, func(tx *store.Tx) error { return outbox.Put(tx, d) })
}

func (b *Bus) attempt(ctx context.Context, d Delivery) error {
	a, err := aws.ParseARN(d.Target)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPermanent, err)
	}
	target, ok := b.targets[a.Service]
	if !ok {
		return fmt.Errorf("%w: no service takes deliveries for %s", ErrPermanent, d.Target)
	}
	return target.Deliver(ctx, d)
}

// giveUp takes the message out of the outbox and sends it to its dead-letter target, if it has one.
func (b *Bus) giveUp(ctx context.Context, d *Delivery) error {
	b.log.Warn("delivery given up", "id", d.ID, "target", d.Target, "attempts", d.Attempts, "error", d.LastError)
	return b.db.Update(ctx, func(tx *store.Tx) error {
		if _, err := outbox.Delete(tx, store.K(d.ID)); err != nil {
			return err
		}
		if d.DeadLetter == "" {
			return nil
		}
		letter := *d
		letter.ID, letter.Target, letter.DeadLetter = d.ID+"-dead", d.DeadLetter, ""
		letter.Attributes = map[string]string{"ERROR_MESSAGE": d.LastError, "TARGET_ARN": d.Target}
		maps.Copy(letter.Attributes, d.Attributes)
		return b.Send(tx, letter)
	})
}

func orDefault[T int | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}

// pause is how long to wait after the given number of failures.
func pause(attempts int) time.Duration {
	d := time.Second
	for range attempts - 1 {
		if d *= 2; d >= longestPause {
			return longestPause
		}
	}
	return d
}
