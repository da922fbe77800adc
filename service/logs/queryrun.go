package logs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/lang/logsinsights"
	"drydock/store"
	"drydock/task"
)

const (
	// queryKind runs a query, queryLifeKind stops one that takes too long and forgets one that ended long ago. Their keys
	// are the query's, see taskKey.
	queryKind     = "logs.query"
	queryLifeKind = "logs.querylife"
)

func (s *Service) queryTaskKinds() []task.Kind {
	return []task.Kind{
		{Name: queryKind, Reconcile: s.runQuery, Long: true},
		{Name: queryLifeKind, Reconcile: s.lookAtQuery},
	}
}

// findQuery returns the query of a task, or nil.
func findQuery(tx *store.Tx, t task.Task) (*query, error) {
	parts := strings.SplitN(t.Key, "/", 3)
	if len(parts) != 3 {
		return nil, fmt.Errorf("not the key of a query: %q", t.Key)
	}
	q, err := queries.Get(tx, store.K(parts[0], parts[1], parts[2]))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return q, err
}

// lookAtQuery ends or forgets a query when its time has come.
func (s *Service) lookAtQuery(ctx context.Context, t task.Task) (task.Next, error) {
	now := s.Clock.Now()
	next := task.Done
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		next = task.Done
		q, err := findQuery(tx, t)
		if q == nil || err != nil {
			return err
		}
		if !q.ended() {
			if due := q.Created.Add(queryTimeout); now.Before(due) {
				next = task.At(due)
				return nil
			}
			next = task.At(now.Add(queryRetention))
			return s.endQuery(tx, q, api.QueryStatusTimeout, now)
		}
		if due := q.Ended.Add(queryRetention); now.Before(due) {
			next = task.At(due)
			return nil
		}
		left := purgeStep
		for c, err := range queryRows.Scan(tx, store.Range{Prefix: store.K(q.ID)}) {
			if err != nil {
				return err
			}
			if left--; left < 0 {
				next = task.At(now)
				return nil
			}
			if _, err := queryRows.Delete(tx, queryRows.Key(c)); err != nil {
				return err
			}
		}
		_, err = queries.Delete(tx, queries.Key(q))
		return err
	})
	return next, err
}

// runQuery carries out a query. A process that dies in the middle leaves it running, and it begins anew.
func (s *Service) runQuery(ctx context.Context, t task.Task) (task.Next, error) {
	var q *query
	now := s.Clock.Now()
	err := s.DB.Update(ctx, func(tx *store.Tx) (err error) {
		if q, err = findQuery(tx, t); q == nil || err != nil || q.ended() {
			return err
		}
		q.Status, q.Began = api.QueryStatusRunning, now
		return queries.Put(tx, q)
	})
	if err != nil || q == nil || q.ended() {
		return task.Done, err
	}
	r := &queryRun{s: s, ctx: ctx, query: q}
	rows, err := r.run()
	switch {
	case errors.Is(err, errQueryEnded):
		return task.Done, nil
	case errors.Is(err, logsinsights.ErrTooLarge), refused(err):
		return task.Done, r.finish(api.QueryStatusFailed, nil)
	case err != nil:
		return task.Done, err
	}
	return task.Done, r.finish(api.QueryStatusComplete, rows)
}

// refused tells that KMS keeps the query from reading the events, which trying again does not change.
func refused(err error) bool {
	e, ok := errors.AsType[*aws.Error](err)
	return ok && e.Status < 500
}

// queryRun is a query at work.
type queryRun struct {
	s     *Service
	ctx   context.Context //nolint:containedctx // the life of the run is that of the task's step
	query *query

	exec   *logsinsights.Execution
	fields *queryFields
	stats  queryStatistics
	// chunk is what the present transaction has read.
	chunkEvents, chunkBytes int
}

// errQueryEnded is returned by a run whose query was stopped or has timed out.
var errQueryEnded = errors.New("the query has ended")

// run reads the events and returns the result.
func (r *queryRun) run() ([][]logsinsights.Field, error) {
	compiled, err := logsinsights.Parse(r.query.Text)
	if err != nil {
		return nil, fmt.Errorf("compiling the query anew: %w", err)
	}
	r.exec = compiled.Start(r.query.Began, r.query.Limit)
	r.fields = newQueryFields(compiled)
	for _, g := range r.query.Groups {
		if err := r.readGroup(g); err != nil {
			return nil, err
		}
		r.stats.Groups++
	}
	rows, err := r.exec.Finish()
	r.stats.Matched = r.exec.Matched()
	return rows, err
}

// readGroup gives the execution a group's events, a part in each transaction.
func (r *queryRun) readGroup(of queriedGroup) error {
	service := aws.ServicePrincipal(r.s.principal(r.query.Region), r.query.Account)
	keys := &dataKeys{s: r.s, call: r.s.NewCall(r.ctx, service, r.query.Region)}
	// The execution has what is before this place, also when a transaction ends for want of a data key.
	after := position{Time: -1}
	for more := true; more; {
		err := keys.run(func() error {
			return r.s.DB.View(r.ctx, func(tx *store.Tx) error {
				more = false
				g, err := r.look(tx, of)
				if g == nil || err != nil {
					return err
				}
				w := r.window(g)
				w.after = after
				r.chunkEvents, r.chunkBytes = 0, 0
				more, err = r.readRows(tx, keys, g, w, &after)
				return err
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// look returns the group unless it is deleted, and makes sure that the query has not ended.
func (r *queryRun) look(tx *store.Tx, of queriedGroup) (*logGroup, error) {
	q, err := queries.Get(tx, queries.Key(r.query))
	if errors.Is(err, store.ErrNotFound) || err == nil && q.ended() {
		return nil, errQueryEnded
	}
	if err != nil {
		return nil, err
	}
	g, err := findLogGroup(tx, groupKey{r.query.Account, r.query.Region, of.Name})
	if g == nil || err != nil || g.ID != of.ID {
		return nil, err
	}
	r.fields.in(g)
	return g, nil
}

// window is what the query looks at of a group.
func (r *queryRun) window(g *logGroup) window {
	return newWindow(g, r.s.Clock.Now(), &r.query.Start, new(r.query.End+1))
}

// full tells that the transaction has read enough.
func (r *queryRun) full() bool {
	return r.chunkEvents >= queryChunkEvents || r.chunkBytes >= queryChunkBytes
}

// count counts an event that is looked at.
func (r *queryRun) count(size int) {
	r.chunkEvents++
	r.chunkBytes += size
	r.stats.Scanned++
	r.stats.Bytes += int64(size)
}

// readRows takes the events of a window, keeps after at the last one it has taken, and tells whether there are more.
func (r *queryRun) readRows(tx *store.Tx, keys *dataKeys, g *logGroup, w window, after *position) (more bool, err error) {
	hidden, err := masksOf(tx, g)
	if err != nil {
		return false, err
	}
	names := &streamNames{tx, g.ID, map[uint64]*logStream{}}
	for e, err := range queryEvents(tx, keys, g, w) {
		if err != nil {
			return false, err
		}
		if r.full() {
			return true, nil
		}
		stream, err := names.of(e.batch.Stream)
		if err != nil {
			return false, err
		}
		*after = e.position
		if stream == nil {
			continue
		}
		r.count(len(e.Message))
		e.Message = hidden.apply(e.Message)
		r.fields.at(e, stream)
		if err := r.exec.Add(r.fields); err != nil {
			return false, err
		}
	}
	return false, nil
}

// finish stores what came of the query, unless it has ended meanwhile.
func (r *queryRun) finish(status api.QueryStatus, rows [][]logsinsights.Field) error {
	for _, c := range chunksOf(r.query.ID, rows) {
		if err := r.s.DB.Update(r.ctx, func(tx *store.Tx) error { return queryRows.Put(tx, c) }); err != nil {
			return err
		}
	}
	now := r.s.Clock.Now()
	return r.s.DB.Update(r.ctx, func(tx *store.Tx) error {
		q, err := queries.Get(tx, queries.Key(r.query))
		if errors.Is(err, store.ErrNotFound) || err == nil && q.ended() {
			return nil // its rows go with it, see lookAtQuery
		}
		if err != nil {
			return err
		}
		q.Rows, q.Statistics = len(rows), r.stats
		return r.s.endQuery(tx, q, status, laterOf(now, q.Began))
	})
}

func laterOf(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
