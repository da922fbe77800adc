package logs

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/lang/logsinsights"
	"drydock/service"
	"drydock/service/servicetest"
	"drydock/store"
)

// queryCloud returns a cloud with a service beside the one that it runs, on the same store.
func queryCloud(t testing.TB, open func(testing.TB, func(service.Deps) []service.Module, ...servicetest.Option) *servicetest.Cloud) (*servicetest.Cloud, *Service, *aws.Call) {
	t.Helper()
	var s *Service
	c := open(t, func(d service.Deps) []service.Module {
		s = &Service{Deps: d}
		return []service.Module{New(d)}
	})
	call := c.Call(t)
	if _, err := api.CreateLogGroup.Do(call, &api.CreateLogGroupInput{LogGroupName: "app"}); err != nil {
		t.Fatal(err)
	}
	for _, stream := range []string{"one", "two", "three"} {
		if _, err := api.CreateLogStream.Do(call, &api.CreateLogStreamInput{LogGroupName: "app", LogStreamName: stream}); err != nil {
			t.Fatal(err)
		}
	}
	return c, s, call
}

// runOf carries out a query on the group "app" at once, and returns its rows and what it took.
func runOf(t testing.TB, s *Service, call *aws.Call, text string, start, end int64) (string, *queryRun) {
	t.Helper()
	q := &query{
		Account: call.Account, Region: call.Region, ID: call.NewUUID(), Text: text, Start: start, End: end, Limit: defaultQueryRows,
		Status: api.QueryStatusRunning, Created: call.Now(), Began: call.Now(),
	}
	err := s.DB.Update(call, func(tx *store.Tx) error {
		g, err := getLogGroup(tx, call, "app")
		if err != nil {
			return err
		}
		q.Groups = []queriedGroup{{g.Name, g.ID}}
		return queries.Put(tx, q)
	})
	if err != nil {
		t.Fatal(err)
	}
	r := &queryRun{s: s, ctx: call, query: q}
	rows, err := r.run()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, row := range rows {
		lines = append(lines, fmt.Sprint(row))
	}
	return strings.Join(lines, "\n"), r
}

// indexNow has the group indexed.
func indexNow(t testing.TB, c *servicetest.Cloud, s *Service, call *aws.Call) {
	t.Helper()
	err := s.DB.Update(call, func(tx *store.Tx) error {
		g, err := getLogGroup(tx, call, "app")
		if err != nil {
			return err
		}
		return s.scheduleIndex(tx, g, call.Now())
	})
	if err != nil {
		t.Fatal(err)
	}
	c.WaitIdle(t)
}

// countRows counts the rows of a table.
func countRows[T any](t testing.TB, c *servicetest.Cloud, table *store.Table[T]) int {
	t.Helper()
	n := 0
	err := c.DB.View(t.Context(), func(tx *store.Tx) error {
		n = 0
		for _, err := range table.Scan(tx, store.Range{}) {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// someMessage is one of several kinds.
func someMessage(r *rand.Rand, i int) string {
	switch i % 5 {
	case 0:
		return fmt.Sprintf("plain line %d of worker-%d", i, r.IntN(50))
	case 1:
		return fmt.Sprintf(`{"level":"ERROR","id":"req-%d","ms":%d,"deep":{"list":[{"k":"v%d"}]},"path":"C:\\dir\\f%d"}`, i, r.IntN(1000), r.IntN(9), i%7)
	default:
		return fmt.Sprintf(`{"level":"INFO","id":"req-%d","ms":%d,"ok":%v,"f%d":"x"}`, i, r.IntN(1000), i%2 == 0, r.IntN(150))
	}
}

// fill puts n events into streams, a few at each millisecond, from a time on.
func fill(t testing.TB, call *aws.Call, r *rand.Rand, n int, from time.Time, perMilli int, streams ...string) {
	t.Helper()
	const each = 500
	for i := 0; i < n; i += each {
		in := &api.PutLogEventsInput{LogGroupName: "app", LogStreamName: streams[i/each%len(streams)]}
		for k := i; k < min(n, i+each); k++ {
			in.LogEvents = append(in.LogEvents, api.InputLogEvent{Timestamp: from.UnixMilli() + int64(k/perMilli), Message: someMessage(r, k)})
		}
		if _, err := api.PutLogEvents.Do(call, in); err != nil {
			t.Fatal(err)
		}
	}
}

// wantSame compares queries on blocks with the same on batches alone, for which it drops the blocks.
func wantSame(t *testing.T, c *servicetest.Cloud, s *Service, call *aws.Call, step string) {
	t.Helper()
	now := call.Now().UnixMilli()
	texts := []string{
		"stats count(*), sum(ms), count_distinct(id), count_distinct(@ptr), count(@message) by level",
		"filter id = 'req-1321' | fields @timestamp, id, ms, @logStream, @log, @ingestionTime",
		"filter @message like 'of worker-7' | stats count(*) as n, max(@message) as m, min(strlen(@message)) as s",
		"filter @message like /req-99\\d\"/ or level = 'NONE'",
		"filter deep.list.0.k = 'v3' and path = 'C:\\\\dir\\\\f3' | stats count(*), sum(ms)",
		"filter f149 = 'x' and ok = 1 | stats count(*), max(ms)",
		"stats count(*) as n, earliest(ms), latest(ms) by @logStream, bin(1s)",
		"filter @logStream = 'two' | stats count(*), avg(ms)",
		"fields @timestamp, id | filter level = 'ERROR' | sort ms desc, id asc | limit 50",
		"filter nothing = 'like this' | limit 1",
		"filter path like 'dir\\f3' and ok not like '1' | stats count(*)",
		"filter ok like '1' and level in ['INFO', 'x'] | stats count(*)",
	}
	windows := [][2]int64{{0, now}, {now - 4*3_600_000 + 1500, now - 3_600_000}, {now - 2*3_600_000, now - 2*3_600_000 + 700}}
	type outcome struct {
		Rows             string
		Matched, Scanned int64
	}
	var with, without []outcome
	gather := func(to *[]outcome) {
		for i, text := range texts {
			w := windows[(i+len(step))%len(windows)]
			rows, r := runOf(t, s, call, text, w[0], w[1])
			*to = append(*to, outcome{text + "\n" + rows, r.stats.Matched, r.stats.Scanned + r.stats.SkippedEvents})
		}
	}
	had := countRows(t, c, blocks)
	gather(&with)
	err := c.DB.Update(t.Context(), func(tx *store.Tx) error {
		for b, err := range blocks.Scan(tx, store.Range{}) {
			if err != nil {
				return err
			}
			if _, err := dropBlock(tx, b, 0); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	gather(&without)
	for i := range with {
		// What is skipped is counted whole, even where the window cuts the block.
		if with[i].Scanned < without[i].Scanned {
			t.Errorf("%s: %d events scanned with blocks, %d without", step, with[i].Scanned, without[i].Scanned)
		}
		with[i].Scanned, without[i].Scanned = 0, 0
	}
	if diff := cmp.Diff(without, with); diff != "" {
		t.Errorf("%s, with %d blocks: (-batches +blocks)\n%.3000s", step, had, diff)
	}
}

func TestIndex_FindsWhatTheBatchesHave(t *testing.T) {
	t.Parallel()
	c, s, call := queryCloud(t, servicetest.New)
	r := rand.New(rand.NewPCG(1, 2))
	ago := func(d time.Duration) time.Time { return call.Now().Add(-d) }
	fill(t, call, r, 3000, ago(4*time.Hour), 2, "one", "two")
	indexNow(t, c, s, call)
	fill(t, call, r, 5000, ago(2*time.Hour), 2, "three", "two")
	fill(t, call, r, 300, ago(3*time.Hour), 3, "one")   // too few for a block
	fill(t, call, r, 500, ago(time.Minute), 3, "three") // too new
	indexNow(t, c, s, call)
	if n := countRows(t, c, blocks); n != 2 {
		t.Fatalf("%d blocks", n)
	}
	wantSame(t, c, s, call, "indexed")

	indexNow(t, c, s, call)
	fill(t, call, r, 200, ago(4*time.Hour-500*time.Millisecond), 3, "one", "three")
	fill(t, call, r, 200, ago(2*time.Hour), 3, "one")
	if n := countRows(t, c, lateBatches); n == 0 {
		t.Error("no late batch is noted")
	}
	wantSame(t, c, s, call, "with late events")

	indexNow(t, c, s, call)
	fill(t, call, r, 2500, ago(4*time.Hour-300*time.Millisecond), 3, "one")
	wantSame(t, c, s, call, "with many late events")
	indexNow(t, c, s, call)
	indexNow(t, c, s, call)
	wantSame(t, c, s, call, "made anew")

	indexNow(t, c, s, call)
	had := countRows(t, c, blocks)
	if _, err := api.DeleteLogStream.Do(call, &api.DeleteLogStreamInput{LogGroupName: "app", LogStreamName: "three"}); err != nil {
		t.Fatal(err)
	}
	before, _ := runOf(t, s, call, "stats count(*) by @logStream", 0, call.Now().UnixMilli())
	if strings.Contains(before, "three") {
		t.Errorf("the deleted stream is found: %s", before)
	}
	c.WaitIdle(t)
	if n := countRows(t, c, blocks); n >= had {
		t.Errorf("%d of %d blocks after a stream was deleted", n, had)
	}
	wantSame(t, c, s, call, "without a stream")

	indexNow(t, c, s, call)
	if _, err := api.PutRetentionPolicy.Do(call, &api.PutRetentionPolicyInput{LogGroupName: "app", RetentionInDays: 1}); err != nil {
		t.Fatal(err)
	}
	c.Advance(t, 21*time.Hour)
	c.WaitIdle(t)
	wantSame(t, c, s, call, "half expired")
	indexNow(t, c, s, call)
	if countRows(t, c, blocks) == 0 {
		t.Error("nothing is indexed")
	}
	c.Advance(t, 6*time.Hour)
	c.WaitIdle(t)
	if b, col, late := countRows(t, c, blocks), countRows(t, c, blockColumns), countRows(t, c, lateBatches); b+col+late != 0 {
		t.Errorf("%d blocks, %d columns, %d late batches after all expired", b, col, late)
	}
}

func TestIndex_GoesWithItsGroup(t *testing.T) {
	t.Parallel()
	c, _, call := queryCloud(t, servicetest.New)
	fill(t, call, rand.New(rand.NewPCG(1, 2)), 3000, call.Now().Add(-time.Hour), 5, "one")
	// The first query asks for the index.
	in := &api.StartQueryInput{LogGroupName: new("app"), QueryString: "filter id = 'req-1321'", StartTime: 0, EndTime: call.Now().Unix()}
	for i, scanned := range []float64{3000, 3000, 0} {
		if i == 2 {
			in.QueryString = "filter id = 'req-nope'"
		}
		out, err := api.StartQuery.Do(call, in)
		if err != nil {
			t.Fatal(err)
		}
		c.WaitIdle(t)
		got, err := api.GetQueryResults.Do(call, &api.GetQueryResultsInput{QueryID: *out.QueryID})
		if err != nil || *got.Statistics.RecordsScanned != scanned || *got.Statistics.RecordsScanned+*got.Statistics.EstimatedRecordsSkipped != 3000 {
			t.Errorf("query %d scanned %v and skipped %v: %v", i, *got.Statistics.RecordsScanned, *got.Statistics.EstimatedRecordsSkipped, err)
		}
	}
	if countRows(t, c, blocks) != 1 {
		t.Error("no block")
	}
	fill(t, call, rand.New(rand.NewPCG(1, 2)), 10, call.Now().Add(-time.Hour), 5, "one")
	if _, err := api.DeleteLogGroup.Do(call, &api.DeleteLogGroupInput{LogGroupName: "app"}); err != nil {
		t.Fatal(err)
	}
	c.WaitIdle(t)
	indexed := countRows(t, c, blocks) + countRows(t, c, blockColumns) + countRows(t, c, lateBatches)
	if indexed != 0 {
		t.Errorf("%d rows are left", indexed)
	}
}

func TestTokenFilter_KnowsItsWords(t *testing.T) {
	t.Parallel()
	words := map[uint64]struct{}{}
	for i := range 10_000 {
		eachWord(fmt.Sprintf("word%d {\"k\":\"värt-%d\"}", i, i), func(h uint64, _, _ bool) { words[h] = struct{}{} })
	}
	f := newTokenFilter(words)
	missed, found := 0, 0
	for i := range 10_000 {
		eachWord(fmt.Sprintf("word%d", i), func(h uint64, first, last bool) {
			if !first || !last || !f.may(h) {
				missed++
			}
		})
		eachWord(fmt.Sprintf("other%d", i), func(h uint64, _, _ bool) {
			if f.may(h) {
				found++
			}
		})
	}
	if missed > 0 || found > 200 {
		t.Errorf("%d of 10,000 words are missed, %d of 10,000 others found", missed, found)
	}
}

// setGroup changes the row of the group "app".
func setGroup(t *testing.T, s *Service, call *aws.Call, change func(*logGroup)) {
	t.Helper()
	err := s.DB.Update(call, func(tx *store.Tx) error {
		g, err := getLogGroup(tx, call, "app")
		if err != nil {
			return err
		}
		change(g)
		return logGroups.Put(tx, g)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestIndex_HasNothingThatIsEncrypted(t *testing.T) {
	t.Parallel()
	c, s, call := queryCloud(t, servicetest.New)
	fill(t, call, rand.New(rand.NewPCG(1, 2)), 3000, call.Now().Add(-time.Hour), 5, "one")
	setGroup(t, s, call, func(g *logGroup) { g.KMSKeyID = "arn:aws:kms:us-east-1:111122223333:key/k" })
	indexNow(t, c, s, call)
	if n := countRows(t, c, blocks); n != 0 {
		t.Errorf("%d blocks of a group that is encrypted", n)
	}
	setGroup(t, s, call, func(g *logGroup) { g.KMSKeyID = "" })
	at := call.Now().Add(-time.Hour).UnixMilli() + 100
	err := s.DB.Update(call, func(tx *store.Tx) error {
		g, err := getLogGroup(tx, call, "app")
		if err != nil {
			return err
		}
		return batches.Insert(tx, &batch{Group: g.ID, Stream: 1, First: at, Last: at, Seq: 1, Events: []byte("secret"), Key: 7})
	})
	if err != nil {
		t.Fatal(err)
	}
	indexNow(t, c, s, call)
	if n := countRows(t, c, blocks); n != 0 {
		t.Errorf("%d blocks with a batch that is encrypted", n)
	}
}

func TestIndex_IsNotReadWhereEventsAreMasked(t *testing.T) {
	t.Parallel()
	c, s, call := queryCloud(t, servicetest.New)
	fill(t, call, rand.New(rand.NewPCG(1, 2)), 3000, call.Now().Add(-time.Hour), 5, "one")
	in := &api.PutLogEventsInput{LogGroupName: "app", LogStreamName: "two", LogEvents: []api.InputLogEvent{
		{Timestamp: call.Now().Add(-time.Hour).UnixMilli(), Message: `{"who":"jo@example.com","kind":"mail"}`},
	}}
	if _, err := api.PutLogEvents.Do(call, in); err != nil {
		t.Fatal(err)
	}
	indexNow(t, c, s, call)
	end := call.Now().UnixMilli()
	got, r := runOf(t, s, call, "filter who like 'jo@' | display who", 0, end)
	if !strings.HasPrefix(got, "[{who jo@example.com}") || r.read > 300_000 {
		t.Errorf("%s, %d bytes read", got, r.read)
	}
	document := `{"Name":"p","Version":"2021-06-01","Statement":[{"DataIdentifier":["arn:aws:dataprotection::aws:data-identifier/EmailAddress"],` +
		`"Operation":{"Audit":{"FindingsDestination":{}}}},{"DataIdentifier":["arn:aws:dataprotection::aws:data-identifier/EmailAddress"],` +
		`"Operation":{"Deidentify":{"MaskConfig":{}}}}]}`
	if _, err := api.PutDataProtectionPolicy.Do(call, &api.PutDataProtectionPolicyInput{LogGroupIdentifier: "app", PolicyDocument: document}); err != nil {
		t.Fatal(err)
	}
	if got, r = runOf(t, s, call, "filter who like 'jo@'", 0, end); got != "" || r.stats.Scanned != 3001 {
		t.Errorf("%s, %d scanned", got, r.stats.Scanned)
	}
	got, _ = runOf(t, s, call, "filter kind = 'mail' | display who, unmask(who) as raw, unmask(@message) as all", 0, end)
	if want := `[{who **************} {raw jo@example.com} {all {"who":"jo@example.com","kind":"mail"}}`; !strings.HasPrefix(got, want) {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestQuery_PassesOverMessagesThatCannotMatch(t *testing.T) {
	t.Parallel()
	whole := func(field string, texts ...string) []logsinsights.Requirement {
		return []logsinsights.Requirement{{Field: field, AnyOf: texts, Whole: true}}
	}
	for _, tc := range []struct {
		message  string
		required []logsinsights.Requirement
		want     bool
	}{
		{`{"a":"b c"}`, whole("a", "b c"), true},
		{`{"a":"b c"}`, whole("a", "x", "b c"), true},
		{`{"a":"b c"}`, whole("a", "b  c"), false},
		{`{"a":"\u0062 c"}`, whole("a", "b c"), true},
		{`{"a":"\u0062 c"}`, whole("@message", "b c"), false},
		{"{\"a\":\"\xff\"}", whole("a", "\ufffd\ufffd"), true},
		{`{"a":true}`, []logsinsights.Requirement{{Field: "a", AnyOf: []string{"1"}}}, true},
		{`{"a":"b"}`, whole("@logStream", "web"), true},
		{`{"a":"b"}`, append(whole("a", "bb"), whole("a", "b")...), false},
	} {
		if got := mayMeet(tc.message, tc.required); got != tc.want {
			t.Errorf("%s, %v: %v", tc.message, tc.required, got)
		}
	}
}
