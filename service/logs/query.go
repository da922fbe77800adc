package logs

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/lang/logsinsights"
	"drydock/store"
)

// query is a Logs Insights query, while it runs and afterwards.
type query struct {
	Account, Region, ID string
	Text                string
	Groups              []queriedGroup
	// Start and End are the first and the last millisecond that is looked at.
	Start, End int64
	Limit      int
	Caller     string // ARN
	Status     api.QueryStatus
	Created    time.Time
	// Began and Ended are when it ran; zero before that.
	Began, Ended time.Time
	// Rows is how many rows the result has, which are in queryRows.
	Rows       int
	Statistics queryStatistics
}

// queriedGroup is a group that a query reads.
type queriedGroup struct {
	Name string
	ID   uint64
}

// queryStatistics is what a query had to do.
type queryStatistics struct {
	Matched, Scanned, Bytes     int64
	SkippedEvents, SkippedBytes int64
	Groups                      int64
}

var (
	queriesByCreation = store.NewIndex("created", func(q *query) []store.Key {
		return []store.Key{store.K(q.Account, q.Region, q.Created)}
	})
	// queriesRunning has those that have not ended.
	queriesRunning = store.NewIndex("running", func(q *query) []store.Key {
		if q.ended() {
			return nil
		}
		return []store.Key{store.K(q.Account, q.Region)}
	})
	queries = store.NewTable("logs/query", func(q *query) store.Key { return store.K(q.Account, q.Region, q.ID) }, queriesByCreation, queriesRunning)
)

func (q *query) ended() bool {
	return q.Status != api.QueryStatusScheduled && q.Status != api.QueryStatusRunning
}

// getQuery returns the caller's query of that id.
func getQuery(tx *store.Tx, call *aws.Call, id string) (*query, error) {
	q, err := queries.Get(tx, store.K(call.Account, call.Region, id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, api.NewResourceNotFoundException("The specified query does not exist.")
	}
	return q, err
}

// startQuery checks a query and has it run.
func (s *Service) startQuery(call *aws.Call, in *api.StartQueryInput) (*api.StartQueryOutput, error) {
	if in.QueryLanguage != nil && *in.QueryLanguage != api.QueryLanguageCwli {
		return nil, notImplemented("drydock carries out queries in Logs Insights QL (CWLI) only.")
	}
	compiled, err := compileQuery(in.QueryString)
	if err != nil {
		return nil, err
	}
	q := &query{
		Account: call.Account, Region: call.Region, ID: call.NewUUID(), Text: in.QueryString, Limit: defaultQueryRows, Caller: call.Principal.ARN,
		Status: api.QueryStatusScheduled, Created: call.Now(),
	}
	if n := compiled.Limit(); n > 0 {
		q.Limit = n // it may be more than the default
	}
	if in.Limit != nil {
		q.Limit = int(*in.Limit)
	}
	q.setWindow(in.StartTime, in.EndTime)
	if q.Start > q.End {
		return nil, api.NewInvalidParameterException("Query time range is invalid: the end time is before the start time.")
	}
	if compiled.Unmasks() {
		if err := s.checkUnmask(call, in, compiled); err != nil {
			return nil, err
		}
	}
	err = s.DB.Update(call, func(tx *store.Tx) error {
		groups, err := chooseGroups(tx, call, in, compiled.Source())
		if err != nil {
			return err
		}
		if err := q.checkGroups(groups, compiled, call.Now()); err != nil {
			return err
		}
		running := 0
		for _, err := range queriesRunning.Scan(tx, store.Range{Prefix: store.K(call.Account, call.Region)}) {
			if err != nil {
				return err
			}
			if running++; running >= maxRunningQueries {
				return api.NewLimitExceededException("Account maximum query concurrency limit of [%d] reached.", maxRunningQueries)
			}
		}
		q.Groups = q.Groups[:0]
		for _, g := range groups {
			q.Groups = append(q.Groups, queriedGroup{g.Name, g.ID})
		}
		if err := s.Tasks.Schedule(tx, queryKind, q.taskKey(), call.Now(), nil); err != nil {
			return err
		}
		if err := s.Tasks.Schedule(tx, queryLifeKind, q.taskKey(), q.Created.Add(queryTimeout), nil); err != nil {
			return err
		}
		return queries.Put(tx, q)
	})
	if err != nil {
		return nil, err
	}
	return &api.StartQueryOutput{QueryID: &q.ID}, nil
}

// checkUnmask refuses a query that asks for what is masked unless the caller may see it, in each group.
func (s *Service) checkUnmask(call *aws.Call, in *api.StartQueryInput, compiled *logsinsights.Query) error {
	var groups []*logGroup
	err := s.DB.View(call, func(tx *store.Tx) (err error) {
		groups, err = chooseGroups(tx, call, in, compiled.Source())
		return err
	})
	if err != nil {
		return err
	}
	for _, g := range groups {
		if _, err := mayUnmask(call, new(true), &g.Name, nil); err != nil {
			return err
		}
	}
	return nil
}

// compileQuery parses a query and words what is wrong with it.
func compileQuery(text string) (*logsinsights.Query, error) {
	compiled, err := logsinsights.Parse(text)
	if e, ok := errors.AsType[*logsinsights.Error](err); ok {
		if e.Unsupported {
			return nil, notImplemented(e.Message)
		}
		return nil, api.NewMalformedQueryException("%s", e.Message).With("queryCompileError", &api.QueryCompileError{
			Message:  &e.Message,
			Location: &api.QueryCompileErrorLocation{StartCharOffset: new(int32(e.Start)), EndCharOffset: new(int32(e.End))},
		})
	}
	return compiled, err
}

// firstMilli is the least time that is read as milliseconds; as seconds it would be in the year 5138.
const firstMilli = 100_000_000_000

// setWindow sets the times, which are in seconds. As on AWS, milliseconds are understood as well.
func (q *query) setWindow(start, end int64) {
	q.Start, q.End = start, end
	if start < firstMilli {
		q.Start = start * 1000
	}
	if end < firstMilli {
		q.End = end*1000 + 999 // the end second belongs to the range
	}
}

// chooseGroups returns the groups that a request or its query names.
func chooseGroups(tx *store.Tx, call *aws.Call, in *api.StartQueryInput, source *logsinsights.Source) ([]*logGroup, error) {
	ways := 0
	for _, given := range []bool{in.LogGroupName != nil, in.LogGroupNames != nil, in.LogGroupIdentifiers != nil, source != nil} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		return nil, api.NewInvalidParameterException("Exactly one of logGroupName, logGroupNames, logGroupIdentifiers and a SOURCE command must choose the log groups.")
	}
	if source != nil {
		return sourceGroups(tx, call, source)
	}
	names := slices.Concat(in.LogGroupNames, in.LogGroupIdentifiers)
	if in.LogGroupName != nil {
		names = []string{*in.LogGroupName}
	}
	if len(names) == 0 || len(names) > maxQueryGroups {
		return nil, api.NewInvalidParameterException("A query must have between 1 and %d log groups.", maxQueryGroups)
	}
	var groups []*logGroup
	for _, identifier := range names {
		name, err := groupName(call, identifier)
		if err != nil {
			return nil, err
		}
		g, err := findLogGroup(tx, groupKey{call.Account, call.Region, name})
		switch {
		case err != nil:
			return nil, err
		case g == nil:
			return nil, api.NewResourceNotFoundException("Log group '%s' does not exist for account ID '%s'", name, call.Account)
		case !slices.ContainsFunc(groups, func(o *logGroup) bool { return o.ID == g.ID }):
			groups = append(groups, g)
		}
	}
	return groups, nil
}

// sourceGroups returns the groups that a SOURCE command chooses.
func sourceGroups(tx *store.Tx, call *aws.Call, source *logsinsights.Source) ([]*logGroup, error) {
	classes := source.Classes
	if classes == nil {
		classes = []string{string(api.LogGroupClassStandard)}
	}
	if len(source.Accounts) > 0 && !slices.Contains(source.Accounts, call.Account) {
		return nil, nil // no account is linked to this one
	}
	prefixes := source.Prefixes
	if prefixes == nil {
		prefixes = []string{""}
	}
	var groups []*logGroup
	for _, prefix := range prefixes {
		var r store.Range
		r.From, r.To = store.K(call.Account, call.Region).StringPrefix(prefix)
		for g, err := range logGroups.Scan(tx, r) {
			if err != nil {
				return nil, err
			}
			known := slices.ContainsFunc(groups, func(o *logGroup) bool { return len(prefixes) > 1 && o.ID == g.ID })
			if known || !slices.Contains(classes, string(g.Class)) {
				continue
			}
			if groups = append(groups, g); len(groups) > maxSourceGroups {
				return nil, api.NewInvalidParameterException("The SOURCE command chooses more than %d log groups. Choose fewer by another selection.", maxSourceGroups)
			}
		}
	}
	return groups, nil
}

// checkGroups refuses groups that cannot be queried as asked.
func (q *query) checkGroups(groups []*logGroup, compiled *logsinsights.Query, now time.Time) error {
	late := len(groups) > 0
	for _, g := range groups {
		switch {
		case g.Class == api.LogGroupClassDelivery:
			return api.NewInvalidParameterException("The log group %s is of log-group-class %s, which cannot be queried.", g.Name, g.Class)
		case g.Class != groups[0].Class:
			return api.NewInvalidParameterException("A query cannot have log groups of different log classes.")
		case g.Class == api.LogGroupClassInfrequentAccess && compiled.Unmasks():
			return api.NewInvalidParameterException("unmask is not supported for log groups of log-group-class %s.", g.Class)
		}
		if q.End >= g.Created.UnixMilli() && (g.retention() == 0 || q.End >= now.Add(-g.retention()).UnixMilli()) {
			late = false
		}
	}
	if late {
		return api.NewMalformedQueryException("Query's end date and time is either before the log groups creation time or exceeds the log groups log retention settings")
	}
	return nil
}

// describeQueries lists queries from the latest on.
func (s *Service) describeQueries(call *aws.Call, in *api.DescribeQueriesInput) (*api.DescribeQueriesOutput, error) {
	limit := defaultQueriesListed
	if in.MaxResults != nil {
		limit = int(*in.MaxResults)
	}
	r := store.Range{Prefix: store.K(call.Account, call.Region), Reverse: true}
	if in.NextToken != nil {
		parts, err := aws.DecodePageToken(*in.NextToken, 2)
		var nanos int64
		if err == nil {
			nanos, err = strconv.ParseInt(parts[0], 10, 64)
		}
		if err != nil {
			return nil, api.NewInvalidParameterException("The specified nextToken is invalid.")
		}
		at := &query{Account: call.Account, Region: call.Region, ID: parts[1], Created: time.Unix(0, nanos).UTC()}
		r.After = queriesByCreation.Entry(at, store.K(at.Account, at.Region, at.Created))
	}
	out := &api.DescribeQueriesOutput{Queries: []api.QueryInfo{}}
	err := s.DB.View(call, func(tx *store.Tx) error {
		var last *query
		for q, err := range queriesByCreation.Scan(tx, r) {
			switch {
			case err != nil:
				return err
			case in.Status != nil && q.Status != *in.Status, in.QueryLanguage != nil && *in.QueryLanguage != api.QueryLanguageCwli,
				in.LogGroupName != nil && !slices.ContainsFunc(q.Groups, func(g queriedGroup) bool { return g.Name == *in.LogGroupName }):
				continue
			case len(out.Queries) == limit:
				out.NextToken = new(aws.EncodePageToken(strconv.FormatInt(last.Created.UnixNano(), 10), last.ID))
				return nil
			}
			out.Queries = append(out.Queries, q.describe())
			last = q
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// describe is the query as a listing shows it.
func (q *query) describe() api.QueryInfo {
	shown := api.QueryInfo{
		QueryID: &q.ID, QueryString: &q.Text, Status: &q.Status, CreateTime: new(q.Created.UnixMilli()), QueryLanguage: new(api.QueryLanguageCwli),
	}
	if q.Caller != "" {
		shown.UserIdentity = &q.Caller
	}
	if len(q.Groups) > 0 {
		shown.LogGroupName = &q.Groups[0].Name
	}
	if q.ended() {
		shown.BytesScanned = new(float64(q.Statistics.Bytes))
		if !q.Began.IsZero() {
			shown.QueryDuration = new(q.Ended.Sub(q.Began).Milliseconds())
		}
	}
	return shown
}

// listLogGroupsForQuery lists the groups that a query reads.
func (s *Service) listLogGroupsForQuery(call *aws.Call, in *api.ListLogGroupsForQueryInput) (*api.ListLogGroupsForQueryOutput, error) {
	limit, from := defaultGroupsListed, 0
	if in.MaxResults != nil {
		limit = int(*in.MaxResults)
	}
	if in.NextToken != nil {
		var err error
		if from, err = parseOffset(*in.NextToken); err != nil {
			return nil, err
		}
	}
	var q *query
	err := s.DB.View(call, func(tx *store.Tx) (err error) {
		q, err = getQuery(tx, call, in.QueryID)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := &api.ListLogGroupsForQueryOutput{LogGroupIdentifiers: []string{}}
	for i := min(from, len(q.Groups)); i < len(q.Groups); i++ {
		if len(out.LogGroupIdentifiers) == limit {
			out.NextToken = new(aws.EncodePageToken(strconv.Itoa(i)))
			break
		}
		out.LogGroupIdentifiers = append(out.LogGroupIdentifiers, q.Groups[i].Name)
	}
	return out, nil
}

// parseOffset reads a token that is a number of things to skip.
func parseOffset(token string) (int, error) {
	parts, err := aws.DecodePageToken(token, 1)
	n := 0
	if err == nil {
		n, err = strconv.Atoi(parts[0])
	}
	if err != nil || n < 0 {
		return 0, api.NewInvalidParameterException("The specified nextToken is invalid.")
	}
	return n, nil
}

// stopQuery ends a query that is running.
func (s *Service) stopQuery(call *aws.Call, in *api.StopQueryInput) (*api.StopQueryOutput, error) {
	err := s.DB.Update(call, func(tx *store.Tx) error {
		q, err := getQuery(tx, call, in.QueryID)
		if err != nil {
			return err
		}
		if q.ended() {
			return api.NewInvalidParameterException("Query is already ended with %s status", q.Status)
		}
		return s.endQuery(tx, q, api.QueryStatusCancelled, call.Now())
	})
	if err != nil {
		return nil, err
	}
	return &api.StopQueryOutput{Success: new(true)}, nil
}

// endQuery gives a query its last status and has it forgotten in time.
func (s *Service) endQuery(tx *store.Tx, q *query, status api.QueryStatus, now time.Time) error {
	q.Status, q.Ended = status, now
	if err := s.Tasks.Schedule(tx, queryLifeKind, q.taskKey(), now.Add(queryRetention), nil); err != nil {
		return err
	}
	return queries.Put(tx, q)
}

func (q *query) taskKey() string { return fmt.Sprintf("%s/%s/%s", q.Account, q.Region, q.ID) }
