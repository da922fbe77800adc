package logs

import (
	"fmt"
	"testing"
	"time"

	api "drydock/api/logs"
	"drydock/service/servicetest"
	"drydock/store"
)

// BenchmarkQuery shows what a selective query and a full scan take over 1,000,000 events of an hour on disk, with blocks
// and without. read-MB is what came from the store.
func BenchmarkQuery(b *testing.B) {
	const total, each = 1_000_000, 5000
	c, s, call := queryCloud(b, servicetest.NewOnDisk)
	from := call.Now().Add(-2 * time.Hour).UnixMilli()
	for i := 0; i < total; i += each {
		in := &api.PutLogEventsInput{LogGroupName: "app", LogStreamName: []string{"one", "two", "three"}[i/each%3]}
		for k := i; k < i+each; k++ {
			in.LogEvents = append(in.LogEvents, api.InputLogEvent{Timestamp: from + int64(k)*3600/1000, Message: fmt.Sprintf(
				`{"level":"%s","requestId":"req-%d","path":"/api/v1/items/%d","status":%d,"latencyMs":%d,"user":"user-%d"}`,
				[]string{"INFO", "INFO", "INFO", "ERROR"}[k%4], k, k%5000, 200+k%7, k%997, k%20_000)})
		}
		if _, err := api.PutLogEvents.Do(call, in); err != nil {
			b.Fatal(err)
		}
	}
	end := call.Now().UnixMilli()
	for _, indexed := range []bool{false, true} {
		name := "batches"
		if indexed {
			name = "blocks"
			err := s.DB.Update(call, func(tx *store.Tx) error {
				g, err := getLogGroup(tx, call, "app")
				if err != nil {
					return err
				}
				return s.scheduleIndex(tx, g, call.Now())
			})
			if err != nil {
				b.Fatal(err)
			}
			c.WaitIdle(b)
			b.Logf("%d blocks", countRows(b, c, blocks))
		}
		for _, q := range []struct {
			name, text string
			from, to   int64
		}{
			{"one request", "filter requestId = 'req-777777' | fields @timestamp, path, status", 0, end},
			{"one request in messages", "filter @message like '\"req-777777\"'", 0, end},
			{"a minute", "stats count(*) by level", from + 1_800_000, from + 1_860_000},
			{"one column", "stats count(*), avg(latencyMs) by level", 0, end},
			{"all messages", "filter @message like /items.42.*user-1/ | stats count(*)", 0, end},
		} {
			b.Run(name+"/"+q.name, func(b *testing.B) {
				var r *queryRun
				for b.Loop() {
					_, r = runOf(b, s, call, q.text, q.from, q.to)
				}
				b.ReportMetric(float64(r.read)/1e6, "read-MB")
				b.ReportMetric(float64(r.stats.Scanned), "events")
				if r.stats.Matched == 0 {
					b.Error("nothing is found")
				}
			})
		}
	}
}
