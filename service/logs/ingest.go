package logs

import (
	"time"

	api "drydock/api/logs"
	"drydock/store"
)

// What a group's filters and policies do with events as these come in. It happens in the transaction that takes the
// events in, and only for groups that are Watched: the others pay nothing for it.

// ingested is an event that has come in.
type ingested struct {
	api.InputLogEvent
	// ID is the event's id, as FilterLogEvents shows it.
	ID string
	// Transformed is what the group's transformer makes of it; nil without a transformer.
	Transformed *string
}

// text is what a filter is matched against.
func (e *ingested) text(transformed bool) string {
	if transformed && e.Transformed != nil {
		return *e.Transformed
	}
	return e.Message
}

// ingest does with new events what the group's filters and policies ask for.
func (s *Service) ingest(tx *store.Tx, keys *dataKeys, g *logGroup, stream *logStream, events []api.InputLogEvent, seq uint64, now time.Time) error {
	if len(events) == 0 {
		return nil
	}
	came := make([]ingested, len(events))
	index := 0
	for i, e := range events {
		// The index counts within a batch, of which split makes one for each slot.
		if i > 0 && slotOf(e.Timestamp) != slotOf(events[i-1].Timestamp) {
			index = 0
		}
		came[i] = ingested{InputLogEvent: e, ID: position{e.Timestamp, seq, index}.String()}
		index++
	}
	if err := transformIngested(tx, g, stream, came); err != nil {
		return err
	}
	hidden, err := masksOf(tx, g)
	if err != nil {
		return err
	}
	shown := hidden.ingested(came)
	if err := s.sendMetrics(tx, g, shown); err != nil {
		return err
	}
	if err := s.sendSubscribed(tx, g, stream, shown); err != nil {
		return err
	}
	return s.audit(tx, keys, g, came, now)
}

// putWatched writes a group whose filters or policies have changed.
func (s *Service) putWatched(tx *store.Tx, g *logGroup) error {
	if err := watch(tx, g); err != nil {
		return err
	}
	return logGroups.Put(tx, g)
}

// watch finds out whether events have to be looked at as they come.
func watch(tx *store.Tx, g *logGroup) error {
	g.Watched = g.MetricFilters > 0 || g.SubscriptionFilters > 0
	if g.Watched || g.Class != api.LogGroupClassStandard {
		return nil
	}
	p, err := accountSubscription(tx, g)
	if err != nil {
		return err
	}
	masks, err := dataProtectionOf(tx, g)
	if err != nil {
		return err
	}
	g.Watched = p != nil
	for _, m := range masks {
		g.Watched = g.Watched || m.audits()
	}
	return nil
}

// watchAll does it for all groups of an account and region, whose account policies have changed.
func watchAll(tx *store.Tx, account, region string) error {
	for g, err := range logGroups.Scan(tx, store.Range{Prefix: store.K(account, region)}) {
		if err != nil {
			return err
		}
		was := g.Watched
		if err := watch(tx, g); err != nil {
			return err
		}
		if g.Watched != was {
			if err := logGroups.Put(tx, g); err != nil {
				return err
			}
		}
	}
	return nil
}
