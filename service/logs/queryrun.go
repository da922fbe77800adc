package logs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

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
		{Name: indexKind, Reconcile: s.index, Long: true},
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
	leave, err := s.queriesAtWork.enter(ctx)
	if err != nil {
		return task.Done, err
	}
	defer leave()
	var q *query
	now := s.Clock.Now()
	err = s.DB.Update(ctx, func(tx *store.Tx) (err error) {
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

// gate lets a few queries at a time be at work, as each may keep much in memory. The others stay scheduled.
type gate struct {
	once   sync.Once
	places chan struct{}
}

// enter waits for a place and returns what gives it back.
func (g *gate) enter(ctx context.Context) (leave func(), err error) {
	g.once.Do(func() { g.places = make(chan struct{}, queriesAtOnce) })
	select {
	case g.places <- struct{}{}:
		return func() { <-g.places }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// queryRun is a query at work.
type queryRun struct {
	s     *Service
	ctx   context.Context //nolint:containedctx // the life of the run is that of the task's step
	query *query

	exec     *logsinsights.Execution
	fields   *queryFields
	required []logsinsights.Requirement
	stats    queryStatistics
	// read is how many bytes of events and columns came from the store.
	read int
	// unindexed is how many events were read of each group that could be in blocks.
	unindexed map[groupKey]int
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
	r.required = compiled.Requirements()
	r.unindexed = map[groupKey]int{}
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

// progress is how far a group has been read. It is kept up to date event by event: a transaction may end in the middle,
// for want of a data key, and what it has read is not to be read again.
type progress struct {
	// at is where the next batches began that have not been read, -1 at the beginning.
	at int64
	// Among batches, after is the last event that was read, and end where they end, no matter whether there are blocks by
	// then; nil in between.
	after *position
	end   int64
}

// part is what a transaction of a query needs to read a group.
type part struct {
	tx     *store.Tx
	keys   *dataKeys
	group  *logGroup
	names  *streamNames
	window window
	// hidden masks what the query is not to see. Blocks have it unmasked, so that they are of no use where it hides anything.
	hidden masks
}

// readGroup gives the execution a group's events, a part in each transaction: blocks where there are any, batches elsewhere.
func (r *queryRun) readGroup(of queriedGroup) error {
	service := aws.ServicePrincipal(r.s.principal(r.query.Region), r.query.Account)
	keys := &dataKeys{s: r.s, call: r.s.NewCall(r.ctx, service, r.query.Region)}
	p := &progress{at: -1}
	for done := false; !done; {
		err := keys.run(func() error {
			return r.s.DB.View(r.ctx, func(tx *store.Tx) error {
				g, err := r.look(tx, of)
				if g == nil || err != nil {
					done = true
					return err
				}
				t := &part{tx: tx, keys: keys, group: g, names: &streamNames{tx, g.ID, map[uint64]*logStream{}}, window: r.window(g)}
				if t.hidden, err = masksOf(tx, g); err != nil {
					return err
				}
				r.chunkEvents, r.chunkBytes = 0, 0
				err = r.readOn(t, p)
				done = err == nil && p.at >= t.window.to
				return err
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// readOn reads from where the progress is, until the transaction has read enough.
func (r *queryRun) readOn(t *part, p *progress) error {
	p.at = max(p.at, slotOf(max(t.window.from, 0)))
	for p.at < t.window.to && !r.full() {
		if p.after == nil {
			b, end, err := blockAt(t.tx, t.group.ID, p.at, t.window.to)
			if err != nil {
				return err
			}
			switch {
			case len(t.hidden) > 0:
				p.end = t.window.to
			case b != nil:
				if err := r.readBlock(t, b); err != nil {
					return err
				}
				p.at = b.To
				continue
			default:
				p.end = end
			}
		}
		more, err := r.readRows(t, p)
		if err != nil {
			return err
		}
		if !more {
			p.at, p.after = p.end, nil
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

// readRows takes the events of the batches up to the progress's end, and tells whether there are more.
func (r *queryRun) readRows(t *part, p *progress) (more bool, err error) {
	w := t.window
	if p.after != nil {
		w.after = *p.after
	}
	old := r.s.Clock.Now().Add(-indexDelay).UnixMilli()
	for e, err := range queryEventsOf(t.tx, t.keys, t.group, w, p.at, p.end) {
		if err != nil {
			return false, err
		}
		if r.full() {
			return true, nil
		}
		if e.Time < old {
			r.toIndex(t.group, 1)
		}
		if err := r.take(t, e); err != nil {
			return false, err
		}
		p.after = new(e.position)
	}
	return false, nil
}

// toIndex counts events that a block would have spared.
func (r *queryRun) toIndex(g *logGroup, n int) {
	r.unindexed[groupKey{g.Account, g.Region, g.Name}] += n
}

// take gives the execution an event of a batch, unless its stream is deleted.
func (r *queryRun) take(t *part, e *event) error {
	stream, err := t.names.of(e.batch.Stream)
	if stream == nil || err != nil {
		return err
	}
	r.read += e.size()
	r.count(len(e.Message))
	raw := e.Message
	e.Message = t.hidden.apply(raw)
	if !mayMeet(e.Message, r.required) {
		return nil
	}
	r.fields.at(e, stream, raw)
	return r.exec.Add(r.fields)
}

// mayMeet tells, without taking it apart, whether a message may meet the requirements on it and on what is discovered in
// it: values stand in a message as they are, unless it has escapes.
func mayMeet(message string, required []logsinsights.Requirement) bool {
	for _, q := range required {
		if strings.HasPrefix(q.Field, "@") && q.Field != "@message" {
			continue // CloudWatch makes these itself
		}
		if _, unmasked := logsinsights.Unmasked(q.Field); unmasked {
			continue
		}
		found := slices.ContainsFunc(q.AnyOf, func(text string) bool {
			return len(text) < 2 || strings.Contains(message, text) // 1 and 0 are written true and false
		})
		if !found {
			return q.Field != "@message" && strings.IndexByte(message, '\\') >= 0 || !utf8.ValidString(message)
		}
	}
	return true
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
		for key, n := range r.unindexed {
			g, err := findLogGroup(tx, key)
			if err != nil {
				return err
			}
			if g != nil && n >= minBlockEvents && g.indexable() {
				if err := r.s.scheduleIndex(tx, g, now); err != nil {
					return err
				}
			}
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
