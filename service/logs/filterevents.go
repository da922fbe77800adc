package logs

import (
	"cmp"
	"errors"
	"iter"
	"math"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/lang/filterpattern"
	"drydock/store"
)

// filterLogEvents searches the streams of a group.
func (s *Service) filterLogEvents(call *aws.Call, in *api.FilterLogEventsInput) (*api.FilterLogEventsOutput, error) {
	if in.LogStreamNamePrefix != nil && in.LogStreamNames != nil {
		return nil, api.NewInvalidParameterException("LogStream names and LogStream name prefix are mutually exclusive parameters.")
	}
	if in.StartTime != nil && in.EndTime != nil && *in.StartTime > *in.EndTime {
		return nil, api.NewInvalidParameterException("startTime must be less than or equal to endTime.")
	}
	pattern, err := parsePattern(in.FilterPattern)
	if err != nil {
		return nil, err
	}
	unmask, err := mayUnmask(call, in.Unmask, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	found := search{page: page{limit: maxPageEvents}, pattern: pattern}
	if in.Limit != nil {
		found.limit = int(*in.Limit)
	}
	var after *position
	if in.NextToken != nil {
		if after, err = parseSearchToken(*in.NextToken); err != nil {
			return nil, err
		}
	}
	end := in.EndTime // unlike GetLogEvents', inclusive
	if end != nil && *end < math.MaxInt64 {
		end = new(*end + 1)
	}
	limit := found.limit
	err = s.view(call, func(tx *store.Tx, keys *dataKeys) error {
		found.page, found.more, found.keys = page{limit: limit}, nil, keys
		g, err := resolveLogGroup(tx, call, in.LogGroupName, in.LogGroupIdentifier)
		if err != nil {
			return err
		}
		if err := g.standard(call); err != nil {
			return err
		}
		if !unmask {
			if found.hidden, err = masksOf(tx, g); err != nil {
				return err
			}
		}
		found.window = newWindow(g, call.Now(), in.StartTime, end)
		if after != nil {
			found.after = *after
		}
		if err := found.chooseStreams(tx, g, in); err != nil {
			return err
		}
		return found.run(tx, g)
	})
	if err != nil {
		return nil, err
	}
	// AWS names no searched streams since 2020.
	out := &api.FilterLogEventsOutput{Events: make([]api.FilteredLogEvent, len(found.events)), SearchedLogStreams: []api.SearchedLogStream{}}
	for i := range found.events {
		e := &found.events[i]
		out.Events[i] = api.FilteredLogEvent{
			LogStreamName: &found.streams[e.batch.Stream].Name, Timestamp: &e.Time, Message: &e.Message,
			IngestionTime: &e.batch.Ingested, EventID: new(e.position.String()),
		}
	}
	if found.more != nil {
		out.NextToken = new(aws.EncodePageToken(found.more.String()))
	}
	return out, nil
}

// parsePattern reads a filter pattern, or returns nil for one that matches everything.
func parsePattern(text *string) (*filterpattern.Pattern, error) {
	if text == nil || *text == "" {
		return nil, nil
	}
	p, err := filterpattern.Parse(*text)
	if e, ok := errors.AsType[*filterpattern.Error](err); ok {
		return nil, api.NewInvalidParameterException("%s", e.Message)
	}
	return p, err
}

func parseSearchToken(token string) (*position, error) {
	parts, err := aws.DecodePageToken(token, 1)
	if err == nil {
		var at position
		if at, err = parsePosition(parts[0]); err == nil {
			return &at, nil
		}
	}
	return nil, api.NewInvalidParameterException("The specified nextToken is invalid.")
}

// search is one page of a search.
type search struct {
	page
	window

	pattern *filterpattern.Pattern
	// hidden masks what the caller may not see, before the pattern looks at it: it could be found out by patterns else.
	hidden masks
	keys   *dataKeys
	// streams are the streams that are searched, by id. With all, they are those met so far, nil for one that is deleted.
	streams map[uint64]*logStream
	all     bool
	// more is where the next page begins, behind that event; nil when there is none.
	more *position
}

// chooseStreams finds the streams that the request names.
func (s *search) chooseStreams(tx *store.Tx, g *logGroup, in *api.FilterLogEventsInput) error {
	s.streams = map[uint64]*logStream{}
	s.all = in.LogStreamNames == nil && in.LogStreamNamePrefix == nil
	for _, name := range in.LogStreamNames {
		stream, err := getLogStream(tx, g, name)
		if err != nil {
			return err
		}
		s.streams[stream.ID] = stream
	}
	if in.LogStreamNamePrefix != nil {
		var r store.Range
		r.From, r.To = store.K(g.ID).StringPrefix(*in.LogStreamNamePrefix)
		for stream, err := range logStreams.Scan(tx, r) {
			if err != nil {
				return err
			}
			s.streams[stream.ID] = stream
		}
	}
	return nil
}

// run fills the page.
func (s *search) run(tx *store.Tx, g *logGroup) error {
	scanned, bytes := 0, 0
	var last position
	for e, err := range ascending(s.keys.open(tx, g, s.batches(tx, g))) {
		if err != nil {
			return err
		}
		if !s.has(e) {
			continue
		}
		if scanned == maxScanEvents || bytes >= maxScanBytes {
			s.more = &last
			return nil
		}
		scanned++
		bytes += e.size()
		if len(s.hidden) > 0 {
			e.Message = s.hidden.apply(e.Message)
		}
		if s.pattern == nil || s.pattern.Match(e.Message) {
			if s.full(e.size()) {
				s.more = &last
				return nil
			}
			s.add(e)
		}
		last = e.position
	}
	return nil
}

// batches yields the batches of the window that may have events of the search, in order.
func (s *search) batches(tx *store.Tx, g *logGroup) iter.Seq2[*batch, error] {
	var rows iter.Seq2[*batch, error]
	if !s.all && len(s.streams) <= maxStreamScans {
		scans := make([]iter.Seq2[*batch, error], 0, len(s.streams))
		for id := range s.streams {
			scans = append(scans, batches.Scan(tx, s.rangeOf(store.K(g.ID, id))))
		}
		rows = merge(scans)
	} else {
		rows = batchesByTime.Scan(tx, s.rangeOf(store.K(g.ID)))
	}
	return func(yield func(*batch, error) bool) {
		for b, err := range rows {
			if err == nil {
				if b.Last < s.from || b.Last < s.after.Time {
					continue
				}
				var wanted bool
				if wanted, err = s.searches(tx, b); err == nil && !wanted {
					continue
				}
			}
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}

// searches tells whether the batch's stream is searched.
func (s *search) searches(tx *store.Tx, b *batch) (bool, error) {
	stream, known := s.streams[b.Stream]
	if known || !s.all {
		return stream != nil, nil
	}
	stream, err := logStreamsByID.First(tx, store.K(b.Group, b.Stream))
	if errors.Is(err, store.ErrNotFound) {
		stream, err = nil, nil
	}
	s.streams[b.Stream] = stream
	return stream != nil, err
}

// merge yields the batches of several scans in the order of (First, Seq).
func merge(scans []iter.Seq2[*batch, error]) iter.Seq2[*batch, error] {
	if len(scans) == 1 {
		return scans[0]
	}
	return func(yield func(*batch, error) bool) {
		type source struct {
			head *batch
			next func() (*batch, error, bool)
		}
		sources := make([]*source, 0, len(scans))
		for _, scan := range scans {
			next, stop := iter.Pull2(scan)
			defer stop()
			sources = append(sources, &source{next: next})
		}
		for {
			least := -1
			for i := 0; i < len(sources); i++ {
				if src := sources[i]; src.head == nil {
					b, err, ok := src.next()
					if err != nil {
						yield(nil, err)
						return
					}
					if !ok {
						sources[i] = sources[len(sources)-1]
						sources = sources[:len(sources)-1]
						i--
						continue
					}
					src.head = b
				}
				if least < 0 || cmp.Or(cmp.Compare(sources[i].head.First, sources[least].head.First),
					cmp.Compare(sources[i].head.Seq, sources[least].head.Seq)) < 0 {
					least = i
				}
			}
			if least < 0 || !yield(sources[least].head, nil) {
				return
			}
			sources[least].head = nil
		}
	}
}
