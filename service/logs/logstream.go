package logs

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"time"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/store"
)

// logStream is a stream of a group.
type logStream struct {
	Group uint64 // the group's id
	Name  string
	// ID tells the stream from earlier ones of the same name.
	ID      uint64
	Created time.Time
}

var (
	logStreamsByID = store.NewIndex("id", func(s *logStream) []store.Key { return []store.Key{store.K(s.Group, s.ID)} })
	logStreams     = store.NewTable("logs/stream", func(s *logStream) store.Key { return store.K(s.Group, s.Name) }, logStreamsByID)
)

const noLogStream = "The specified log stream does not exist."

// getLogStream returns the group's stream of that name. Streams never change, so the row is shared.
func getLogStream(tx *store.Tx, g *logGroup, name string) (*logStream, error) {
	s, err := logStreams.Shared(tx, store.K(g.ID, name))
	if errors.Is(err, store.ErrNotFound) {
		return nil, api.NewResourceNotFoundException(noLogStream)
	}
	return s, err
}

// createLogStream makes a stream.
func (s *Service) createLogStream(call *aws.Call, in *api.CreateLogStreamInput) (*api.CreateLogStreamOutput, error) {
	id, now := s.sequence.next(), call.Now()
	err := s.DB.Update(call, func(tx *store.Tx) error {
		g, err := getLogGroup(tx, call, in.LogGroupName)
		if err != nil {
			return err
		}
		stream := &logStream{Group: g.ID, Name: in.LogStreamName, ID: id, Created: now}
		exists, err := logStreams.Has(tx, logStreams.Key(stream))
		if err != nil {
			return err
		}
		if exists {
			return api.NewResourceAlreadyExistsException("The specified log stream already exists")
		}
		return logStreams.Put(tx, stream)
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateLogStreamOutput{}, nil
}

// describeLogStreams lists a group's streams by name or by their latest event.
func (s *Service) describeLogStreams(call *aws.Call, in *api.DescribeLogStreamsInput) (*api.DescribeLogStreamsOutput, error) {
	q := streamQuery{limit: defaultDescribeLimit, descending: in.Descending != nil && *in.Descending}
	if in.Limit != nil {
		q.limit = int(*in.Limit)
	}
	if in.LogStreamNamePrefix != nil {
		q.prefix = *in.LogStreamNamePrefix
	}
	byTime := in.OrderBy != nil && *in.OrderBy == api.OrderByLastEventTime
	if byTime && q.prefix != "" {
		return nil, api.NewInvalidParameterException("Cannot order by LastEventTime with a logStreamNamePrefix.")
	}
	if in.NextToken != nil {
		parts, err := aws.DecodePageToken(*in.NextToken, 2)
		if err == nil {
			q.afterTime, err = strconv.ParseInt(parts[0], 10, 64)
		}
		if err != nil {
			return nil, api.NewInvalidParameterException("The specified nextToken is invalid.")
		}
		q.after = &parts[1]
	}
	out := &api.DescribeLogStreamsOutput{LogStreams: []api.LogStream{}}
	err := s.DB.View(call, func(tx *store.Tx) error {
		g, err := resolveLogGroup(tx, call, in.LogGroupName, in.LogGroupIdentifier)
		if err != nil {
			return err
		}
		list := q.byName
		if byTime {
			list = q.byLastEvent
		}
		streams, more, err := list(tx, g)
		if err != nil {
			return err
		}
		for _, a := range streams {
			if err := a.findFirst(tx); err != nil {
				return err
			}
			out.LogStreams = append(out.LogStreams, a.describe(g))
		}
		if more {
			last := streams[len(streams)-1]
			out.NextToken = new(aws.EncodePageToken(strconv.FormatInt(last.lastEvent, 10), last.Name))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// activity is a stream with what its batches tell.
type activity struct {
	*logStream
	events                bool // tells that there are any
	firstEvent, lastEvent int64
	lastIngestion         int64
}

// findLast finds a stream's latest event. Batches are in the order of their first events, so those of one slot have to
// be looked at.
func findLast(tx *store.Tx, s *logStream) (*activity, error) {
	a := &activity{logStream: s}
	for b, err := range batches.Scan(tx, store.Range{Prefix: store.K(s.Group, s.ID), Reverse: true}) {
		if err != nil {
			return nil, err
		}
		if a.events && b.Last < slotOf(a.lastEvent) {
			break
		}
		a.events, a.lastEvent, a.lastIngestion = true, max(a.lastEvent, b.Last), max(a.lastIngestion, b.Ingested)
	}
	return a, nil
}

// findFirst finds the earliest event.
func (a *activity) findFirst(tx *store.Tx) error {
	for b, err := range batches.Scan(tx, store.Range{Prefix: store.K(a.Group, a.ID)}) {
		if err != nil {
			return err
		}
		a.firstEvent = b.First
		return nil
	}
	return nil
}

// describe is the stream as the API shows it.
func (a *activity) describe(g *logGroup) api.LogStream {
	shown := api.LogStream{
		LogStreamName: &a.Name, CreationTime: new(a.Created.UnixMilli()), ARN: new(g.arn() + ":log-stream:" + a.Name),
		StoredBytes: new(int64(0)), // always, since AWS stopped counting by stream in 2019
	}
	if a.events {
		shown.FirstEventTimestamp, shown.LastEventTimestamp, shown.LastIngestionTime = &a.firstEvent, &a.lastEvent, &a.lastIngestion
		shown.UploadSequenceToken = new(position{Time: a.lastIngestion, Seq: a.ID}.String())
	}
	return shown
}

// streamQuery is a page of streams.
type streamQuery struct {
	prefix     string
	descending bool
	limit      int
	// after and afterTime are the name and the latest event of the last stream of the page before.
	after     *string
	afterTime int64
}

// byName returns a page in the order of names, and whether there are more.
func (q *streamQuery) byName(tx *store.Tx, g *logGroup) ([]*activity, bool, error) {
	r := store.Range{Reverse: q.descending}
	r.From, r.To = store.K(g.ID).StringPrefix(q.prefix)
	if q.after != nil {
		r.After = store.K(g.ID, *q.after)
	}
	var page []*activity
	for s, err := range logStreams.Scan(tx, r) {
		if err != nil {
			return nil, false, err
		}
		if len(page) == q.limit {
			return page, true, nil
		}
		a, err := findLast(tx, s)
		if err != nil {
			return nil, false, err
		}
		page = append(page, a)
	}
	return page, false, nil
}

// byLastEvent returns a page in the order of the latest events, streams without events as the oldest, and whether there
// are more. It looks at every stream of the group, which is why AWS allows few such requests.
func (q *streamQuery) byLastEvent(tx *store.Tx, g *logGroup) ([]*activity, bool, error) {
	order := func(a, b *activity) int {
		o := cmp.Or(cmp.Compare(a.lastEvent, b.lastEvent), cmp.Compare(a.Name, b.Name))
		if q.descending {
			return -o
		}
		return o
	}
	var page []*activity
	more := false
	for s, err := range logStreams.Scan(tx, store.Range{Prefix: store.K(g.ID)}) {
		if err != nil {
			return nil, false, err
		}
		a, err := findLast(tx, s)
		if err != nil {
			return nil, false, err
		}
		if q.after != nil && order(a, &activity{logStream: &logStream{Name: *q.after}, lastEvent: q.afterTime}) <= 0 {
			continue
		}
		at, _ := slices.BinarySearchFunc(page, a, order)
		if at == q.limit {
			more = true
			continue
		}
		page = slices.Insert(page, at, a)
		if len(page) > q.limit {
			page, more = page[:q.limit], true
		}
	}
	return page, more, nil
}

// deleteLogStream removes a stream and its events.
func (s *Service) deleteLogStream(call *aws.Call, in *api.DeleteLogStreamInput) (*api.DeleteLogStreamOutput, error) {
	now := call.Now()
	err := s.DB.Update(call, func(tx *store.Tx) error {
		g, err := getLogGroup(tx, call, in.LogGroupName)
		if err != nil {
			return err
		}
		stream, err := getLogStream(tx, g, in.LogStreamName)
		if err != nil {
			return err
		}
		if _, err := logStreams.Delete(tx, logStreams.Key(stream)); err != nil {
			return err
		}
		return s.schedulePurge(tx, purged{Group: g.ID, Stream: stream.ID}, now)
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteLogStreamOutput{}, nil
}
