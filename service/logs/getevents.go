package logs

import (
	"strings"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/store"
)

// getLogEvents returns a page of a stream's events.
func (s *Service) getLogEvents(call *aws.Call, in *api.GetLogEventsInput) (*api.GetLogEventsOutput, error) {
	limit := maxPageEvents
	if in.Limit != nil {
		limit = int(*in.Limit)
	}
	forward := in.StartFromHead != nil && *in.StartFromHead
	var token *position
	if in.NextToken != nil {
		at, onward, err := parseEventsToken(*in.NextToken)
		if err != nil {
			return nil, err
		}
		token, forward = &at, onward
	}
	if in.StartTime != nil && in.EndTime != nil && *in.StartTime > *in.EndTime {
		return nil, api.NewInvalidParameterException("startTime must be less than or equal to endTime.")
	}
	unmask, err := mayUnmask(call, in.Unmask, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	var found []event
	var w window
	var hidden masks
	err = s.view(call, func(tx *store.Tx, keys *dataKeys) error {
		g, err := resolveLogGroup(tx, call, in.LogGroupName, in.LogGroupIdentifier)
		if err != nil {
			return err
		}
		if err := g.standard(call); err != nil {
			return err
		}
		stream, err := getLogStream(tx, g, in.LogStreamName)
		if err != nil {
			return err
		}
		if !unmask {
			if hidden, err = masksOf(tx, g); err != nil {
				return err
			}
		}
		w = newWindow(g, call.Now(), in.StartTime, in.EndTime)
		if token != nil {
			if forward {
				w.after = *token
			} else {
				w.before = *token
			}
		}
		r := w.rangeOf(store.K(g.ID, stream.ID))
		if !forward {
			r.Reverse = true
			found, err = newest(keys.open(tx, g, batches.Scan(tx, r)), limit, w.has)
			return err
		}
		p := page{limit: limit}
		for e, err := range ascending(keys.open(tx, g, batches.Scan(tx, r))) {
			switch {
			case err != nil:
				return err
			case !w.has(e):
				continue
			case p.full(e.size()):
				found = p.events
				return nil
			}
			p.add(e)
		}
		found = p.events
		return nil
	})
	if err != nil {
		return nil, err
	}
	hidden.applyAll(found)
	out := &api.GetLogEventsOutput{Events: make([]api.OutputLogEvent, len(found))}
	for i := range found {
		e := &found[i]
		out.Events[i] = api.OutputLogEvent{Timestamp: &e.Time, Message: &e.Message, IngestionTime: &e.batch.Ingested}
	}
	// A page without events gives its own token back, which tells clients that they have come to the end.
	first := position{Time: w.from}
	if token != nil {
		first = *token
	}
	last := first
	if len(found) > 0 {
		first, last = found[0].position, found[len(found)-1].position
	}
	out.NextForwardToken, out.NextBackwardToken = new("f/"+last.String()+"/s"), new("b/"+first.String()+"/s")
	return out, nil
}

// parseEventsToken reads a token of GetLogEvents: where to go on, and in which direction.
func parseEventsToken(token string) (at position, forward bool, err error) {
	digits, ok := strings.CutPrefix(token, "f/")
	if forward = ok; !ok {
		digits, ok = strings.CutPrefix(token, "b/")
	}
	if ok {
		at, err = parsePosition(strings.TrimSuffix(digits, "/s"))
	}
	if !ok || err != nil {
		return position{}, false, api.NewInvalidParameterException("The specified nextToken is invalid.")
	}
	return at, forward, nil
}
