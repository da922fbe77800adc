package codecommit

import (
	"strconv"
	"time"

	api "drydock/api/codecommit"
	"drydock/aws"
	"drydock/store"
)

// pullEvent is something that happened to a pull request. Which fields count depends on the type.
type pullEvent struct {
	Account, Region string
	Number, Seq     int64
	Type            api.PullRequestEventType
	Actor           string
	Time            time.Time
	Status          api.PullRequestStatusEnum
	// Source, Destination and MergeBase are of a creation, Before and After with MergeBase of an update of the source.
	Source, Destination, Before, After, MergeBase string
	// Reference and Merged are of a merge.
	Reference string
	Merged    merged
	// RuleName, RuleID and RuleContent are of the rule that was changed.
	RuleName, RuleID, RuleContent string
	// Revision is what was approved or overridden.
	Revision string
	Approval api.ApprovalState
	Override api.OverrideStatus
}

var (
	eventsByType = store.NewIndex("type", func(e *pullEvent) []store.Key {
		return []store.Key{store.K(e.Account, e.Region, e.Number, string(e.Type), e.Seq)}
	})
	eventsByActor = store.NewIndex("actor", func(e *pullEvent) []store.Key {
		return []store.Key{store.K(e.Account, e.Region, e.Number, e.Actor, e.Seq)}
	})
	pullEvents = store.NewTable("codecommit/pullevent", func(e *pullEvent) store.Key { return store.K(e.Account, e.Region, e.Number, e.Seq) },
		eventsByType, eventsByActor)
)

// record adds an event. The caller puts the pull request, which counts it.
func (p *pullRequest) record(tx *store.Tx, e pullEvent) error {
	p.Events++
	e.Account, e.Region, e.Number, e.Seq = p.Account, p.Region, p.Number, p.Events
	return pullEvents.Put(tx, &e)
}

// close closes an open pull request. The caller puts it and the repository.
func (p *pullRequest) close(tx *store.Tx, row *repository, actor string, now time.Time) error {
	p.Status, p.Activity = api.PullRequestStatusEnumClosed, now
	row.OpenPulls--
	return p.record(tx, pullEvent{Type: api.PullRequestEventTypePullRequestStatusChanged, Actor: actor, Time: now, Status: p.Status})
}

// merge notes that a pull request was merged, and closes it.
func (p *pullRequest) merge(tx *store.Tx, row *repository, by merged, now time.Time) error {
	p.Merged = by
	err := p.record(tx, pullEvent{
		Type: api.PullRequestEventTypePullRequestMergeStateChanged, Actor: by.By, Time: now, Reference: p.Destination, Merged: by,
	})
	if err != nil {
		return err
	}
	return p.close(tx, row, by.By, now)
}

// show is the event as the API shows it.
func (e *pullEvent) show(p *pullRequest, row *repository) api.PullRequestEvent {
	shown := api.PullRequestEvent{PullRequestID: new(p.id()), PullRequestEventType: &e.Type, ActorARN: &e.Actor, EventDate: &e.Time}
	optional := func(text string) *string {
		if text == "" {
			return nil
		}
		return &text
	}
	switch e.Type {
	case api.PullRequestEventTypePullRequestCreated:
		shown.PullRequestCreatedEventMetadata = &api.PullRequestCreatedEventMetadata{
			RepositoryName: &row.Name, SourceCommitID: &e.Source, DestinationCommitID: &e.Destination, MergeBase: optional(e.MergeBase),
		}
	case api.PullRequestEventTypePullRequestStatusChanged:
		shown.PullRequestStatusChangedEventMetadata = &api.PullRequestStatusChangedEventMetadata{PullRequestStatus: &e.Status}
	case api.PullRequestEventTypePullRequestSourceReferenceUpdated:
		shown.PullRequestSourceReferenceUpdatedEventMetadata = &api.PullRequestSourceReferenceUpdatedEventMetadata{
			RepositoryName: &row.Name, BeforeCommitID: &e.Before, AfterCommitID: &e.After, MergeBase: optional(e.MergeBase),
		}
	case api.PullRequestEventTypePullRequestMergeStateChanged:
		shown.PullRequestMergedStateChangedEventMetadata = &api.PullRequestMergedStateChangedEventMetadata{
			RepositoryName: &row.Name, DestinationReference: &e.Reference, MergeMetadata: e.Merged.show(),
		}
	case api.PullRequestEventTypePullRequestApprovalStateChanged:
		shown.ApprovalStateChangedEventMetadata = &api.ApprovalStateChangedEventMetadata{RevisionID: &e.Revision, ApprovalStatus: &e.Approval}
	case api.PullRequestEventTypePullRequestApprovalRuleOverridden:
		shown.ApprovalRuleOverriddenEventMetadata = &api.ApprovalRuleOverriddenEventMetadata{RevisionID: &e.Revision, OverrideStatus: &e.Override}
	default: // a rule was created, updated or deleted
		shown.ApprovalRuleEventMetadata = &api.ApprovalRuleEventMetadata{ApprovalRuleName: &e.RuleName, ApprovalRuleID: &e.RuleID, ApprovalRuleContent: &e.RuleContent}
	}
	return shown
}

// describePullRequestEvents lists what happened to a pull request, in order and in pages.
func (s *Service) describePullRequestEvents(call *aws.Call, in *api.DescribePullRequestEventsInput) (*api.DescribePullRequestEventsOutput, error) {
	limit, err := resultsOf(in.MaxResults, eventsPage)
	if err != nil {
		return nil, err
	}
	if kind := deref(in.PullRequestEventType); kind != "" && !validEventType(kind) {
		return nil, api.NewInvalidPullRequestEventTypeException("The pull request event type is not valid.")
	}
	if in.ActorARN != nil {
		if _, err := aws.ParseARN(*in.ActorARN); err != nil {
			return nil, api.NewInvalidActorARNException("The Amazon Resource Name (ARN) is not valid. Make sure that you have provided the full ARN for the " +
				"user who initiated the change for the pull request, and then try again.")
		}
	}
	var after int64
	if token := deref(in.NextToken); token != "" {
		if after, err = decodeNumber(token); err != nil {
			return nil, err
		}
	}
	p, row, err := s.pull(call, in.PullRequestID)
	if err != nil {
		return nil, err
	}
	prefix := store.K(p.Account, p.Region, p.Number)
	scan := pullEvents.Scan
	switch {
	case in.ActorARN != nil:
		prefix, scan = prefix.With(*in.ActorARN), eventsByActor.Scan
	case in.PullRequestEventType != nil:
		prefix, scan = prefix.With(string(*in.PullRequestEventType)), eventsByType.Scan
	}
	out := &api.DescribePullRequestEventsOutput{PullRequestEvents: []api.PullRequestEvent{}}
	err = s.DB.View(call, func(tx *store.Tx) error {
		last := after
		for e, err := range scan(tx, store.Range{Prefix: prefix, From: prefix.With(after + 1)}) {
			if err != nil {
				return err
			}
			if in.PullRequestEventType != nil && e.Type != *in.PullRequestEventType {
				continue
			}
			if len(out.PullRequestEvents) == limit {
				out.NextToken = new(aws.EncodePageToken(strconv.FormatInt(last, 10)))
				return nil
			}
			last = e.Seq
			out.PullRequestEvents = append(out.PullRequestEvents, e.show(p, row))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func validEventType(kind api.PullRequestEventType) bool {
	switch kind {
	case api.PullRequestEventTypePullRequestCreated, api.PullRequestEventTypePullRequestStatusChanged,
		api.PullRequestEventTypePullRequestSourceReferenceUpdated, api.PullRequestEventTypePullRequestMergeStateChanged,
		api.PullRequestEventTypePullRequestApprovalRuleCreated, api.PullRequestEventTypePullRequestApprovalRuleUpdated,
		api.PullRequestEventTypePullRequestApprovalRuleDeleted, api.PullRequestEventTypePullRequestApprovalRuleOverridden,
		api.PullRequestEventTypePullRequestApprovalStateChanged:
		return true
	default:
		return false
	}
}
