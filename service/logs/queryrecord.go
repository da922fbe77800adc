package logs

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/lang/logsinsights"
	"drydock/store"
)

// getLogRecord returns all fields of the event that a query's result points to.
func (s *Service) getLogRecord(call *aws.Call, in *api.GetLogRecordInput) (*api.GetLogRecordOutput, error) {
	p, ok := parsePointer(in.LogRecordPointer)
	if !ok {
		return nil, api.NewInvalidParameterException("The specified log record pointer is invalid.")
	}
	out := &api.GetLogRecordOutput{LogRecord: map[string]string{}}
	unmask, err := mayUnmask(call, in.Unmask, &p.groupName, nil)
	if err != nil {
		return nil, err
	}
	err = s.view(call, func(tx *store.Tx, keys *dataKeys) error {
		missing := api.NewResourceNotFoundException("The specified log record does not exist.")
		g, err := findLogGroup(tx, groupKey{call.Account, call.Region, p.groupName})
		switch {
		case err != nil:
			return err
		case g == nil || g.ID != p.group || p.Time < newWindow(g, call.Now(), nil, nil).from:
			return missing
		}
		names := &streamNames{tx, g.ID, map[uint64]*logStream{}}
		stream, err := names.of(p.stream)
		if err != nil {
			return err
		}
		if stream == nil {
			return missing
		}
		e, err := findEvent(tx, keys, g, stream.ID, p.position)
		if err != nil {
			return err
		}
		if e == nil {
			return missing
		}
		if !unmask {
			hidden, err := masksOf(tx, g)
			if err != nil {
				return err
			}
			e.Message = hidden.apply(e.Message)
		}
		logsinsights.Discover(e.Message, isLambda(g), func(name, value string) bool {
			out.LogRecord[name] = value
			return true
		})
		out.LogRecord["@timestamp"] = strconv.FormatInt(e.Time, 10)
		out.LogRecord["@ingestionTime"] = strconv.FormatInt(e.batch.Ingested, 10)
		out.LogRecord["@message"] = e.Message
		out.LogRecord["@logStream"] = stream.Name
		out.LogRecord["@log"] = g.Account + ":" + g.Name
		out.LogRecord["@ptr"] = in.LogRecordPointer
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// getLogGroupFields tells which fields the events around a time have, and how many of them.
func (s *Service) getLogGroupFields(call *aws.Call, in *api.GetLogGroupFieldsInput) (*api.GetLogGroupFieldsOutput, error) {
	now := call.Now()
	start, end := now.Add(-fieldsWindow).UnixMilli(), now.UnixMilli()+1
	if in.Time != nil {
		at := *in.Time
		if at > math.MaxInt64/2000 {
			return nil, api.NewInvalidParameterException("The specified time is invalid.")
		}
		if at < firstMilli {
			at *= 1000
		}
		start, end = at-fieldsAround.Milliseconds(), at+fieldsAround.Milliseconds()+1
	}
	counts := map[string]int{}
	total := 0
	err := s.view(call, func(tx *store.Tx, keys *dataKeys) error {
		g, err := resolveLogGroup(tx, call, in.LogGroupName, in.LogGroupIdentifier)
		if err != nil {
			return err
		}
		counts, total = map[string]int{}, 0
		names := &streamNames{tx, g.ID, map[uint64]*logStream{}}
		for e, err := range queryEvents(tx, keys, g, newWindow(g, now, &start, &end)) {
			if err != nil {
				return err
			}
			stream, err := names.of(e.batch.Stream)
			if err != nil {
				return err
			}
			if stream == nil {
				continue
			}
			if total++; total > sampledEvents {
				total = sampledEvents
				return nil
			}
			seen := map[string]bool{}
			logsinsights.Discover(e.Message, isLambda(g), func(name, _ string) bool {
				if !seen[name] {
					seen[name] = true
					counts[name]++
				}
				return true
			})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := &api.GetLogGroupFieldsOutput{LogGroupFields: []api.LogGroupField{}}
	if total == 0 {
		return out, nil
	}
	for _, name := range systemFields {
		counts[name] = total
	}
	for name, n := range counts {
		out.LogGroupFields = append(out.LogGroupFields, api.LogGroupField{Name: &name, Percent: new(int32(math.Round(float64(n) * 100 / float64(total))))})
	}
	slices.SortFunc(out.LogGroupFields, func(a, b api.LogGroupField) int {
		return cmp.Or(cmp.Compare(*b.Percent, *a.Percent), cmp.Compare(*a.Name, *b.Name))
	})
	return out, nil
}
