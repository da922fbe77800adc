package logs

import (
	"slices"
	"strings"
	"sync"
	"time"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/clock"
	"drydock/lang/filterpattern"
	"drydock/store"
)

// heartbeat is how long, in the machine's time, a client hears nothing at most.
const heartbeat = time.Second

// tails are the live tail sessions of this process. They hear of events when these are committed; nothing is stored for
// them. The zero value has none.
type tails struct {
	mu       sync.RWMutex // guards the field below
	sessions map[uint64][]*tail
}

// tail is a live tail session.
type tail struct {
	groups   []*logGroup
	names    []string
	prefixes []string
	pattern  *filterpattern.Pattern
	// masks are those of the groups when the session began, by id.
	masks map[uint64]masks

	mu      sync.Mutex // guards the fields below
	events  []api.LiveTailSessionLogEvent
	sampled bool
	// arrived has an element while there may be events.
	arrived chan struct{}
}

// open starts the session.
func (t *tails) open(s *tail) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.sessions == nil {
		t.sessions = map[uint64][]*tail{}
	}
	for _, g := range s.groups {
		t.sessions[g.ID] = append(t.sessions[g.ID], s)
	}
}

// close ends the session.
func (t *tails) close(s *tail) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, g := range s.groups {
		left := slices.DeleteFunc(slices.Clone(t.sessions[g.ID]), func(o *tail) bool { return o == s })
		if len(left) == 0 {
			delete(t.sessions, g.ID)
		} else {
			t.sessions[g.ID] = left
		}
	}
}

// publish shows new events to the sessions.
func (t *tails) publish(g *logGroup, stream *logStream, events []api.InputLogEvent, ingested time.Time) {
	t.mu.RLock()
	sessions := t.sessions[g.ID]
	t.mu.RUnlock()
	for _, s := range sessions {
		s.publish(g, stream, events, ingested)
	}
}

func (t *tail) publish(g *logGroup, stream *logStream, events []api.InputLogEvent, ingested time.Time) {
	if t.names != nil && !slices.Contains(t.names, stream.Name) ||
		t.prefixes != nil && !slices.ContainsFunc(t.prefixes, func(p string) bool { return strings.HasPrefix(stream.Name, p) }) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range events {
		message := t.masks[g.ID].apply(e.Message)
		if t.pattern != nil && !t.pattern.Match(message) {
			continue
		}
		if len(t.events) == maxTailEvents {
			t.sampled = true
			break
		}
		t.events = append(t.events, api.LiveTailSessionLogEvent{
			LogGroupIdentifier: new(g.Account + ":" + g.Name), LogStreamName: &stream.Name, Message: &message,
			Timestamp: new(e.Timestamp), IngestionTime: new(ingested.UnixMilli()),
		})
	}
	select {
	case t.arrived <- struct{}{}:
	default:
	}
}

// take returns what has come since the last call.
func (t *tail) take() *api.LiveTailSessionUpdate {
	t.mu.Lock()
	defer t.mu.Unlock()
	update := &api.LiveTailSessionUpdate{
		SessionMetadata: &api.LiveTailSessionMetadata{Sampled: new(t.sampled)}, SessionResults: t.events,
	}
	if t.events == nil {
		update.SessionResults = []api.LiveTailSessionLogEvent{}
	}
	t.events, t.sampled = nil, false
	return update
}

// startLiveTail streams new events to the client as they come, until it goes away.
func (s *Service) startLiveTail(call *aws.Call, in *api.StartLiveTailInput) (*api.StartLiveTailOutput, error) {
	if in.LogStreamNames != nil && in.LogStreamNamePrefixes != nil {
		return nil, api.NewInvalidParameterException("LogStream names and LogStream name prefixes are mutually exclusive parameters.")
	}
	if (in.LogStreamNames != nil || in.LogStreamNamePrefixes != nil) && len(in.LogGroupIdentifiers) > 1 {
		return nil, api.NewInvalidParameterException("LogStream names and LogStream name prefixes take a single LogGroup identifier.")
	}
	pattern, err := parsePattern(in.LogEventFilterPattern)
	if err != nil {
		return nil, err
	}
	t := &tail{names: in.LogStreamNames, prefixes: in.LogStreamNamePrefixes, pattern: pattern, masks: map[uint64]masks{}, arrived: make(chan struct{}, 1)}
	err = s.DB.View(call, func(tx *store.Tx) error {
		for _, id := range in.LogGroupIdentifiers {
			if !strings.HasPrefix(id, "arn:") {
				return api.NewInvalidParameterException("LogGroup identifiers must be ARNs: %s", id)
			}
			g, err := resolveLogGroup(tx, call, nil, &id)
			if err != nil {
				return err
			}
			if err := g.standard(call); err != nil {
				return err
			}
			if !slices.ContainsFunc(t.groups, func(o *logGroup) bool { return o.ID == g.ID }) {
				t.groups = append(t.groups, g)
				if t.masks[g.ID], err = masksOf(tx, g); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	start := &api.LiveTailSessionStart{
		RequestID: &call.RequestID, SessionID: new(call.NewUUID()), LogGroupIdentifiers: in.LogGroupIdentifiers,
		LogStreamNames: in.LogStreamNames, LogStreamNamePrefixes: in.LogStreamNamePrefixes, LogEventFilterPattern: in.LogEventFilterPattern,
	}
	return &api.StartLiveTailOutput{ResponseStream: func(yield func(any, error) bool) {
		s.tails.open(t)
		defer s.tails.close(t)
		end := s.Clock.NewTimer(maxTailTime)
		defer end.Stop()
		if !yield(&api.StartLiveTailResponseStream{SessionStart: start}, nil) {
			return
		}
		for {
			silence, cancel := clock.WithTimeout(call, heartbeat)
			select {
			case <-t.arrived:
			case <-silence.Done():
			case <-end.C:
				cancel()
				yield(nil, api.NewSessionTimeoutException("The session has been open for three hours."))
				return
			}
			cancel()
			if call.Err() != nil || !yield(&api.StartLiveTailResponseStream{SessionUpdate: t.take()}, nil) {
				return
			}
		}
	}}, nil
}
