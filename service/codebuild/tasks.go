package codebuild

import (
	"context"
	"errors"
	"time"

	api "drydock/api/codebuild"
	"drydock/store"
	"drydock/task"
)

// The kinds of task. buildTask drives a build whose turn has come; timeoutTask ends one whose time is up, first in the
// queue, then as a whole; garbageTask deletes blobs that nothing refers to any more.
const (
	buildTask   = "codebuild.build"
	timeoutTask = "codebuild.timeout"
	garbageTask = "codebuild.garbage"
	// reportTask ends a report that has expired, reportGroupTask a group with its reports.
	reportTask      = "codebuild.report"
	reportGroupTask = "codebuild.reportgroup"
	// batchTask takes a batch on, combineTask brings its artifacts together, batchTimeoutTask ends it when its time is up.
	batchTask        = "codebuild.batch"
	combineTask      = "codebuild.combine"
	batchTimeoutTask = "codebuild.batchtimeout"
)

// The causes for which a build's context ends.
var (
	errStopped  = errors.New("the build was stopped")
	errTimedOut = errors.New("the build timed out")
	// errEnded is found when a step is to be recorded of a build that has been ended meanwhile.
	errEnded = errors.New("the build has ended")
)

// abort ends a build from outside, in the middle of whatever phase it is in. A build that holds a place keeps it until
// its machine is gone.
func (s *Service) abort(tx *store.Tx, b *build, status api.StatusType, contexts []api.PhaseContext, now time.Time) error {
	b.leave(status, contexts, now)
	b.end(status, now)
	if err := builds.Put(tx, b); err != nil {
		return err
	}
	return s.conclude(tx, b, now)
}

// cancel ends the context of a build that runs in this process.
func (s *Service) cancel(name string, cause error) {
	s.mu.Lock()
	cancel := s.running[name]
	s.mu.Unlock()
	if cancel != nil {
		cancel(cause)
	}
}

// reconcileTimeout ends a build whose time is up.
func (s *Service) reconcileTimeout(ctx context.Context, t task.Task) (task.Next, error) {
	now, aborted := s.Clock.Now(), false
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		aborted = false
		b, err := builds.Get(tx, keyOfTask(t.Key))
		if errors.Is(err, store.ErrNotFound) || err == nil && b.complete() {
			return nil
		}
		if err != nil {
			return err
		}
		pending, err := s.Tasks.Pending(tx, timeoutTask, t.Key)
		if errors.Is(err, store.ErrNotFound) || err == nil && pending.Version != t.Version {
			return nil // the build left the queue just now and has its whole time before it
		}
		if err != nil {
			return err
		}
		aborted = true
		context := api.PhaseContext{StatusCode: new("BUILD_TIMED_OUT"), Message: new("Build has timed out. ")}
		return s.abort(tx, b, api.StatusTypeTimedOut, []api.PhaseContext{context}, now)
	})
	if err != nil {
		return task.Done, err
	}
	if aborted {
		s.cancel(t.Key, errTimedOut)
	}
	return task.Done, nil
}

// reconcileBuild runs a build from its machine's beginning to its end. What it has reached is in the record at any time.
func (s *Service) reconcileBuild(ctx context.Context, t task.Task) (task.Next, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s.mu.Lock()
	s.running[t.Key] = cancel
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.running, t.Key)
		s.mu.Unlock()
	}()
	b, err := s.claim(ctx, t.Key)
	if err != nil || b == nil {
		return task.Done, err
	}
	if err := newRun(s, b).execute(ctx); err != nil {
		return task.Done, err
	}
	return task.Done, s.release(context.WithoutCancel(ctx), t.Key)
}

// claim makes a build this process's, or returns nil when there is nothing to run: then the build's place is free.
func (s *Service) claim(ctx context.Context, name string) (claimed *build, err error) {
	now := s.Clock.Now()
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		claimed = nil
		b, err := builds.Get(tx, keyOfTask(name))
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if b.Runner == "" && !b.complete() {
			b.Runner = s.instance
			claimed = b
			return builds.Put(tx, b)
		}
		if !b.complete() {
			// The machine was that of a process, or of a run, which is no more; machines die with their process.
			context := api.PhaseContext{
				StatusCode: new("INTERNAL_ERROR"),
				Message:    new("Build container found dead before completing the build. The process that ran it has ended."),
			}
			if err := s.abort(tx, b, api.StatusTypeFault, []api.PhaseContext{context}, now); err != nil {
				return err
			}
		}
		return s.free(tx, b, now)
	})
	return claimed, err
}

// release frees the place of a build that has ended.
func (s *Service) release(ctx context.Context, name string) error {
	now := s.Clock.Now()
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		b, err := builds.Get(tx, keyOfTask(name))
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		return s.free(tx, b, now)
	})
}

// free gives a build's place to the next.
func (s *Service) free(tx *store.Tx, b *build, now time.Time) error {
	b.Slot = false
	if err := builds.Put(tx, b); err != nil {
		return err
	}
	return s.admit(tx, now)
}
