package logs

import (
	"time"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/store"
)

// putLogEvents appends events to a stream.
func (s *Service) putLogEvents(call *aws.Call, in *api.PutLogEventsInput) (*api.PutLogEventsOutput, error) {
	if err := checkEvents(in.LogEvents); err != nil {
		return nil, err
	}
	now := call.Now()
	seq := s.sequence.next()
	var done struct {
		rejected *api.RejectedLogEventsInfo
		group    uint64
		size     int64
		keys     *dataKeys // nil while none are needed
	}
	put := func(tx *store.Tx) error {
		g, err := sharedLogGroup(tx, groupKey{call.Account, call.Region, in.LogGroupName})
		if g == nil && err == nil {
			err = api.NewResourceNotFoundException(noLogGroup)
		}
		if err != nil {
			return err
		}
		stream, err := getLogStream(tx, g, in.LogStreamName)
		if err != nil {
			return err
		}
		if done.keys == nil && (g.KMSKeyID != "" || g.Watched) {
			done.keys = &dataKeys{s: s, call: call}
		}
		accepted, info := accept(in.LogEvents, now, g.retention())
		done.rejected, done.group, done.size = info, g.ID, 0
		for _, b := range split(accepted) {
			b.Group, b.Stream, b.Seq, b.Ingested = g.ID, stream.ID, seq, now.UnixMilli()
			done.size += b.size()
			if g.KMSKeyID != "" {
				if err := done.keys.seal(tx, g, b); err != nil {
					return err
				}
			}
			if err := batches.Insert(tx, b); err != nil {
				return err
			}
			if err := noteLate(tx, g, b); err != nil {
				return err
			}
		}
		if g.Watched {
			if err := s.ingest(tx, done.keys, g, stream, accepted, seq, now); err != nil {
				return err
			}
		}
		tx.AfterCommit(func() { s.tails.publish(g, stream, accepted, now) })
		if len(accepted) > 0 && g.RetentionDays > 0 {
			return s.scheduleExpiry(tx, g, accepted[0].Timestamp)
		}
		return nil
	}
	err := s.DB.Update(call, put)
	if done.keys != nil {
		err = done.keys.again(err, func() error { return s.DB.Update(call, put) })
	}
	if err != nil {
		return nil, err
	}
	s.count(call, done.group, done.size)
	return &api.PutLogEventsOutput{
		NextSequenceToken:     new(position{now.UnixMilli(), seq, 0}.String()),
		RejectedLogEventsInfo: done.rejected,
	}, nil
}

// checkEvents applies what makes a whole request invalid.
func checkEvents(events []api.InputLogEvent) error {
	size := 0
	for i := range events {
		if i > 0 && events[i].Timestamp < events[i-1].Timestamp {
			return api.NewInvalidParameterException("Log events in a single PutLogEvents request must be in chronological order.")
		}
		size += len(events[i].Message) + eventOverheadBytes
	}
	if size > maxBatchBytes {
		return api.NewInvalidParameterException("Upload too large: %d bytes exceeds limit of %d", size, maxBatchBytes)
	}
	if events[len(events)-1].Timestamp-events[0].Timestamp > maxBatchSpan.Milliseconds() {
		return api.NewInvalidParameterException("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
	}
	return nil
}

// accept returns the events that are neither too old nor too new, and what becomes of the others; nil when there are none.
// Indexes of ends are exclusive.
func accept(events []api.InputLogEvent, now time.Time, retention time.Duration) ([]api.InputLogEvent, *api.RejectedLogEventsInfo) {
	before := func(t time.Time) int32 {
		n := 0
		for n < len(events) && events[n].Timestamp < t.UnixMilli() {
			n++
		}
		return int32(n)
	}
	var info api.RejectedLogEventsInfo
	first, end := int32(0), before(now.Add(maxEventLead+time.Millisecond))
	if end < int32(len(events)) {
		info.TooNewLogEventStartIndex = new(end)
	}
	if n := before(now.Add(-maxEventAge)); n > 0 {
		info.TooOldLogEventEndIndex, first = &n, n
	}
	if retention > 0 {
		if n := before(now.Add(-retention)); n > 0 {
			info.ExpiredLogEventEndIndex, first = &n, max(first, n)
		}
	}
	if info == (api.RejectedLogEventsInfo{}) {
		return events, nil
	}
	return events[min(first, end):end], &info
}

// split makes batches of the events, one for each slot.
func split(events []api.InputLogEvent) []*batch {
	var parts []*batch
	for len(events) > 0 {
		n, size := 0, 0
		for n < len(events) && slotOf(events[n].Timestamp) == slotOf(events[0].Timestamp) {
			size += len(events[n].Message) + 5 // two varints, hardly ever more
			n++
		}
		b := &batch{Events: make([]byte, 0, size)}
		for _, e := range events[:n] {
			b.add(e.Timestamp, e.Message)
		}
		parts = append(parts, b)
		events = events[n:]
	}
	return parts
}
