package task

import (
	"context"
	"time"

	"drydock/store"
)

// Task is a promise to look at something at a time.
type Task struct {
	// Kind names the reconciler, such as "codebuild.build".
	Kind string
	// Key names what is looked at; it is unique within the kind.
	Key string
	// Due is when to look, on the cloud's clock.
	Due time.Time
	// Data is what the reconciler needs to recognise that the task is stale. At most a few hundred bytes.
	Data []byte
	// Attempt counts the failures in a row so far.
	Attempt int
	// Version changes whenever the task is scheduled again.
	Version uint64
}

// Next says when a reconciler wants to look again.
type Next struct{ at time.Time }

// Done ends the task.
var Done = Next{}

// At keeps the task and makes it due at t.
func At(t time.Time) Next { return Next{t} }

// Kind is a sort of task and the reconciler that carries it out.
type Kind struct {
	// Name is "service.noun".
	Name string
	// Reconcile takes one step for the task. When the task was scheduled again while it ran, the new schedule counts and
	// the result is ignored.
	Reconcile func(ctx context.Context, t Task) (Next, error)
	// Long tells that a step takes real time, such as a build's phase in a machine. A long step does not hold the clock
	// back: advancing goes on beside it, so that a time-out on the clock can strike it.
	Long bool
}

// tasks holds a row for each task; byDue orders them by when they fire.
var (
	byDue = store.NewIndex("due", func(t *Task) []store.Key {
		return []store.Key{store.K(t.Due, t.Kind, t.Key)}
	})
	tasks = store.NewTable("task/task", func(t *Task) store.Key { return store.K(t.Kind, t.Key) }, byDue)
)

// Schedule makes the task (kind, key) due at a time, in place of an earlier schedule.
func (r *Runner) Schedule(tx *store.Tx, kind, key string, due time.Time, data []byte) error {
	next := Task{Kind: kind, Key: key, Due: due.UTC(), Data: data}
	old, err := tasks.Get(tx, store.K(kind, key))
	switch {
	case err == nil:
		next.Version = old.Version + 1
	case !notFound(err):
		return err
	}
	tx.AfterCommit(r.notify)
	return tasks.Put(tx, &next)
}

// ScheduleEarlier is Schedule, except that a task that is due sooner stays as it is. A task that is due already may be
// under way and have looked already, so it is made to look once more.
func (r *Runner) ScheduleEarlier(tx *store.Tx, kind, key string, due time.Time, data []byte) error {
	old, err := tasks.Get(tx, store.K(kind, key))
	switch {
	case err != nil && !notFound(err):
		return err
	case err != nil || due.Before(old.Due):
		return r.Schedule(tx, kind, key, due, data)
	case old.Due.After(r.clock.Now()):
		return nil
	}
	old.Version++
	tx.AfterCommit(r.notify)
	return tasks.Put(tx, old)
}

// Cancel forgets the task (kind, key). A step already under way is not interrupted.
func (r *Runner) Cancel(tx *store.Tx, kind, key string) error {
	_, err := tasks.Delete(tx, store.K(kind, key))
	return err
}

// Pending returns the task (kind, key), or store.ErrNotFound.
func (r *Runner) Pending(tx *store.Tx, kind, key string) (*Task, error) {
	return tasks.Get(tx, store.K(kind, key))
}
