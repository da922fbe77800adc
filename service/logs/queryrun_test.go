package logs

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/service/servicetest"
	"drydock/store"
	"drydock/task"
)

// dying is a context that ends after it was asked a number of times, as a process that is killed.
type dying struct {
	context.Context
	left atomic.Int64
}

func (d *dying) Err() error {
	if d.left.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

func beginQuery(t *testing.T, call *aws.Call) string {
	t.Helper()
	out, err := api.StartQuery.Do(call, &api.StartQueryInput{
		LogGroupName: new("app"), QueryString: "stats count(*) as n", StartTime: call.Now().Add(-24 * time.Hour).Unix(), EndTime: call.Now().Unix(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return *out.QueryID
}

func queryResult(t *testing.T, call *aws.Call, id string) *api.GetQueryResultsOutput {
	t.Helper()
	out, err := api.GetQueryResults.Do(call, &api.GetQueryResultsInput{QueryID: id})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// reconciler returns that of a kind of task.
func reconciler(t *testing.T, c *servicetest.Cloud, kind string) task.Kind {
	t.Helper()
	for _, k := range c.Modules[0].Tasks {
		if k.Name == kind {
			return k
		}
	}
	t.Fatal("no task kind " + kind)
	return task.Kind{}
}

func TestQuery_GoesOnAfterARestart(t *testing.T) {
	t.Parallel()
	c, call := start(t, 1, 2, 3)
	id := beginQuery(t, call)
	kind := reconciler(t, c, queryKind)
	died := map[api.QueryStatus]bool{}
	for n := int64(1); ; n++ {
		ctx := &dying{Context: t.Context()}
		ctx.left.Store(n)
		if _, err := kind.Reconcile(ctx, task.Task{Kind: queryKind, Key: call.Account + "/" + call.Region + "/" + id}); err == nil {
			break
		}
		died[*queryResult(t, call, id).Status] = true
		if n > 1000 {
			t.Fatal("the query does not end")
		}
	}
	if !died[api.QueryStatusScheduled] || !died[api.QueryStatusRunning] {
		t.Errorf("died as %v", died)
	}
	c.WaitIdle(t) // the task is due still and finds nothing to do
	if out := queryResult(t, call, id); *out.Status != api.QueryStatusComplete || len(out.Results) != 1 || *out.Results[0][0].Value != "6" {
		t.Errorf("%+v", out)
	}
}

func TestQuery_TimesOutAndIsForgotten(t *testing.T) {
	t.Parallel()
	c, call := start(t, 1)
	id := beginQuery(t, call)
	key := call.Account + "/" + call.Region + "/" + id
	err := c.DB.Update(t.Context(), func(tx *store.Tx) error { return c.Tasks.Cancel(tx, queryKind, key) })
	if err != nil {
		t.Fatal(err)
	}
	c.Advance(t, 59*time.Minute)
	if s := *queryResult(t, call, id).Status; s != api.QueryStatusScheduled {
		t.Error(s)
	}
	c.Advance(t, time.Minute)
	if s := *queryResult(t, call, id).Status; s != api.QueryStatusTimeout {
		t.Error(s)
	}
	// A run that comes too late changes nothing, and leaves no rows when the query goes.
	if _, err := reconciler(t, c, queryKind).Reconcile(t.Context(), task.Task{Kind: queryKind, Key: key}); err != nil {
		t.Fatal(err)
	}
	if s := *queryResult(t, call, id).Status; s != api.QueryStatusTimeout {
		t.Error(s)
	}
}

func TestQuery_LeavesNothingBehind(t *testing.T) {
	t.Parallel()
	c, call := start(t, 1, 2, 3)
	for range 3 {
		beginQuery(t, call)
	}
	c.WaitIdle(t)
	count := func() (rows, all int) {
		err := c.DB.View(t.Context(), func(tx *store.Tx) error {
			for _, err := range queryRows.Scan(tx, store.Range{}) {
				if err != nil {
					return err
				}
				rows++
			}
			for _, err := range queries.Scan(tx, store.Range{}) {
				if err != nil {
					return err
				}
				all++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return rows, all
	}
	if rows, all := count(); rows != 3 || all != 3 {
		t.Errorf("%d rows of %d queries", rows, all)
	}
	c.Advance(t, queryRetention)
	if rows, all := count(); rows != 0 || all != 0 {
		t.Errorf("%d rows of %d queries are left", rows, all)
	}
}
