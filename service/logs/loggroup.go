package logs

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	api "drydock/api/logs"
	"drydock/aws"
	"drydock/store"
)

// logGroup is a log group.
type logGroup struct {
	Account, Region, Name string
	// ID tells the group from earlier ones of the same name; see sequence.
	ID                 uint64
	Created            time.Time
	RetentionDays      int32 // 0 keeps events for ever
	Class              api.LogGroupClass
	Tags               map[string]string
	DeletionProtection bool
	// IndexedTo is the time before which batches may be in blocks for queries, see noteLate.
	IndexedTo int64
	// KMSKeyID is the ARN of the key that the events are encrypted under, "" for none.
	KMSKeyID string `cbor:",omitempty"`
	// MetricFilters and SubscriptionFilters count the group's filters.
	MetricFilters       int32 `cbor:",omitempty"`
	SubscriptionFilters int32 `cbor:",omitempty"`
	// DataProtection tells whether the group has, or has had, a data protection policy of its own.
	DataProtection api.DataProtectionStatus `cbor:",omitempty"`
	// Watched tells that events are looked at as they come, see ingest.
	Watched bool `cbor:",omitempty"`
}

var logGroups = store.NewTable("logs/group", func(g *logGroup) store.Key { return store.K(g.Account, g.Region, g.Name) })

// arn is the group's ARN without the ":*" that the older fields and policies have after it.
func (g *logGroup) arn() string {
	return aws.ARN{Partition: aws.PartitionOf(g.Region), Service: "logs", Region: g.Region, Account: g.Account, Resource: "log-group:" + g.Name}.String()
}

const noLogGroup = "The specified log group does not exist."

// findLogGroup returns the group, or nil when there is none.
func findLogGroup(tx *store.Tx, key groupKey) (*logGroup, error) {
	return orNoGroup(logGroups.Get(tx, store.K(key.Account, key.Region, key.Name)))
}

// sharedLogGroup is findLogGroup for whoever does not change the row.
func sharedLogGroup(tx *store.Tx, key groupKey) (*logGroup, error) {
	return orNoGroup(logGroups.Shared(tx, store.K(key.Account, key.Region, key.Name)))
}

func orNoGroup(g *logGroup, err error) (*logGroup, error) {
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return g, err
}

// getLogGroup returns the caller's group of that name.
func getLogGroup(tx *store.Tx, call *aws.Call, name string) (*logGroup, error) {
	g, err := findLogGroup(tx, groupKey{call.Account, call.Region, name})
	if g == nil && err == nil {
		return nil, api.NewResourceNotFoundException(noLogGroup)
	}
	return g, err
}

// resolveLogGroup returns the caller's group that a request names or identifies by its name or ARN.
func resolveLogGroup(tx *store.Tx, call *aws.Call, name, identifier *string) (*logGroup, error) {
	switch {
	case name != nil && identifier != nil:
		return nil, api.NewInvalidParameterException("LogGroup name and LogGroup identifier are mutually exclusive parameters.")
	case name != nil:
		return getLogGroup(tx, call, *name)
	case identifier != nil:
		found, err := groupName(call, *identifier)
		if err != nil {
			return nil, err
		}
		return getLogGroup(tx, call, found)
	default:
		return nil, api.NewInvalidParameterException("Either LogGroup name or LogGroup identifier must be given.")
	}
}

// groupName returns the name in a group's identifier: its name or its ARN, with or without the final ":*". The ARN is of
// the call's account and region: observing other accounts takes links between them, which are not there.
func groupName(call *aws.Call, identifier string) (string, error) {
	if !strings.HasPrefix(identifier, "arn:") {
		return identifier, nil
	}
	arn, err := aws.ParseARN(identifier)
	name, ok := strings.CutPrefix(arn.Resource, "log-group:")
	name = strings.TrimSuffix(name, ":*")
	if err != nil || !ok || arn.Service != "logs" || name == "" || strings.ContainsAny(name, ":*") {
		return "", api.NewInvalidParameterException("Invalid log group identifier: %s", identifier)
	}
	if arn.Account != call.Account || arn.Region != call.Region {
		return "", api.NewResourceNotFoundException(noLogGroup)
	}
	return name, nil
}

// standard refuses an operation on a group whose class is too low for it.
func (g *logGroup) standard(call *aws.Call) error {
	if g.Class == api.LogGroupClassStandard {
		return nil
	}
	return api.NewInvalidOperationException("The log group %s is of log-group-class %s. %s is not supported for this log class.",
		g.Name, g.Class, call.Operation.Name)
}

// retention is how long events are kept; 0 is for ever.
func (g *logGroup) retention() time.Duration { return time.Duration(g.RetentionDays) * 24 * time.Hour }

// createLogGroup makes a group.
func (s *Service) createLogGroup(call *aws.Call, in *api.CreateLogGroupInput) (*api.CreateLogGroupOutput, error) {
	if strings.HasPrefix(in.LogGroupName, "aws/") {
		return nil, api.NewInvalidParameterException("Log groups starting with AWS/ are reserved for AWS.")
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	g := &logGroup{
		Account: call.Account, Region: call.Region, Name: in.LogGroupName, ID: s.sequence.next(), Created: call.Now(),
		Class: api.LogGroupClassStandard, Tags: maps.Clone(in.Tags),
	}
	if in.LogGroupClass != nil {
		g.Class = *in.LogGroupClass
	}
	if g.Class == api.LogGroupClassDelivery {
		g.RetentionDays = deliveryRetentionDays
	}
	if in.DeletionProtectionEnabled != nil {
		g.DeletionProtection = *in.DeletionProtectionEnabled
	}
	if in.KMSKeyID != nil {
		if err := s.checkKey(call, g.arn(), *in.KMSKeyID); err != nil {
			return nil, err
		}
		g.KMSKeyID = *in.KMSKeyID
	}
	err := s.DB.Update(call, func(tx *store.Tx) error {
		exists, err := logGroups.Has(tx, logGroups.Key(g))
		if err != nil {
			return err
		}
		if exists {
			return api.NewResourceAlreadyExistsException("The specified log group already exists")
		}
		return s.putWatched(tx, g)
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateLogGroupOutput{}, nil
}

// groupQuery selects the groups of a page.
type groupQuery struct {
	prefix string
	limit  int
	token  *string
	// names restricts to these groups, unless it is nil.
	names  []string
	wanted func(*logGroup) bool
}

// run returns the page in the order of names, and the token of the next.
func (q *groupQuery) run(s *Service, call *aws.Call) (groups []*logGroup, next *string, err error) {
	prefix := store.K(call.Account, call.Region)
	var r store.Range
	r.From, r.To = prefix.StringPrefix(q.prefix)
	if q.token != nil {
		last, err := aws.DecodePageToken(*q.token, 1)
		if err != nil {
			return nil, nil, api.NewInvalidParameterException("The specified nextToken is invalid.")
		}
		r.After = prefix.With(last[0])
	}
	err = s.DB.View(call, func(tx *store.Tx) error {
		rows := logGroups.Scan(tx, r)
		if q.names != nil {
			rows = namedGroups(tx, r, prefix, q.names)
		}
		for g, err := range rows {
			switch {
			case err != nil:
				return err
			case !q.wanted(g):
				continue
			case len(groups) == q.limit:
				next = new(aws.EncodePageToken(groups[len(groups)-1].Name))
				return nil
			}
			groups = append(groups, g)
		}
		return nil
	})
	return groups, next, err
}

// namedGroups yields the groups of a range that have the names.
func namedGroups(tx *store.Tx, r store.Range, prefix store.Key, names []string) iter.Seq2[*logGroup, error] {
	return func(yield func(*logGroup, error) bool) {
		for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
			key := prefix.With(name)
			if bytes.Compare(key, r.After) <= 0 {
				continue
			}
			g, err := logGroups.Get(tx, key)
			if errors.Is(err, store.ErrNotFound) {
				continue
			}
			if !yield(g, err) || err != nil {
				return
			}
		}
	}
}

// observes tells whether a listing covers the caller's own account. Other accounts are never listed, since none are
// linked to it.
func observes(call *aws.Call, linked *bool, accounts []string) bool {
	return linked == nil || !*linked || len(accounts) == 0 || slices.Contains(accounts, call.Account)
}

// describeLogGroups lists groups by name.
func (s *Service) describeLogGroups(call *aws.Call, in *api.DescribeLogGroupsInput) (*api.DescribeLogGroupsOutput, error) {
	q := groupQuery{limit: defaultDescribeLimit, token: in.NextToken}
	if in.Limit != nil {
		q.limit = int(*in.Limit)
	}
	if in.LogGroupNamePrefix != nil {
		if in.LogGroupNamePattern != nil {
			return nil, api.NewInvalidParameterException("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
		}
		q.prefix = *in.LogGroupNamePrefix
	}
	if in.LogGroupIdentifiers != nil {
		if in.LogGroupNamePrefix != nil || in.LogGroupNamePattern != nil {
			return nil, api.NewInvalidParameterException("LogGroup identifiers cannot be combined with a LogGroup name prefix or pattern.")
		}
		for _, id := range in.LogGroupIdentifiers {
			name, err := groupName(call, id)
			if err != nil {
				return nil, err
			}
			q.names = append(q.names, name)
		}
	}
	own := observes(call, in.IncludeLinkedAccounts, in.AccountIdentifiers)
	q.wanted = func(g *logGroup) bool {
		return own && (in.LogGroupNamePattern == nil || strings.Contains(g.Name, *in.LogGroupNamePattern)) &&
			(in.LogGroupClass == nil || g.Class == *in.LogGroupClass)
	}
	groups, next, err := q.run(s, call)
	if err != nil {
		return nil, err
	}
	out := &api.DescribeLogGroupsOutput{LogGroups: make([]api.LogGroup, len(groups)), NextToken: next}
	err = s.DB.View(call, func(tx *store.Tx) error {
		inherits, err := accountProtects(tx, call)
		if err != nil {
			return err
		}
		for i, g := range groups {
			bytes, err := s.storedBytes(tx, g)
			if err != nil {
				return err
			}
			out.LogGroups[i] = g.describe(bytes, inherits)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// listLogGroups lists groups by name, shorter and by more criteria.
func (s *Service) listLogGroups(call *aws.Call, in *api.ListLogGroupsInput) (*api.ListLogGroupsOutput, error) {
	if in.DataSources != nil || in.FieldIndexNames != nil {
		return nil, notImplemented("drydock does not list log groups by data sources or field indexes.")
	}
	q := groupQuery{limit: defaultDescribeLimit, token: in.NextToken}
	if in.Limit != nil {
		q.limit = int(*in.Limit)
	}
	var patterns []string
	if in.LogGroupNamePattern != nil {
		patterns = strings.Split(*in.LogGroupNamePattern, "|")
	}
	own := observes(call, in.IncludeLinkedAccounts, in.AccountIdentifiers)
	q.wanted = func(g *logGroup) bool {
		return own && (in.LogGroupClass == nil || g.Class == *in.LogGroupClass) &&
			(patterns == nil || slices.ContainsFunc(patterns, g.isNamed)) &&
			!slices.ContainsFunc(in.LogGroupTags, func(f api.TagFilter) bool { return !g.isTagged(f) })
	}
	groups, next, err := q.run(s, call)
	if err != nil {
		return nil, err
	}
	out := &api.ListLogGroupsOutput{LogGroups: make([]api.LogGroupSummary, len(groups)), NextToken: next}
	for i, g := range groups {
		out.LogGroups[i] = api.LogGroupSummary{LogGroupName: &g.Name, LogGroupARN: new(g.arn()), LogGroupClass: &g.Class}
	}
	return out, nil
}

// isNamed tells whether the name contains a pattern of ListLogGroups, or begins with it after "^".
func (g *logGroup) isNamed(pattern string) bool {
	if prefix, ok := strings.CutPrefix(pattern, "^"); ok {
		return strings.HasPrefix(g.Name, prefix)
	}
	return strings.Contains(g.Name, pattern)
}

// describe is the group as the API shows it, with what its account's policy gives it.
func (g *logGroup) describe(storedBytes int64, inherits bool) api.LogGroup {
	shown := api.LogGroup{
		LogGroupName: &g.Name, CreationTime: new(g.Created.UnixMilli()), ARN: new(g.arn() + ":*"), LogGroupARN: new(g.arn()),
		LogGroupClass: &g.Class, MetricFilterCount: &g.MetricFilters, StoredBytes: &storedBytes, DeletionProtectionEnabled: &g.DeletionProtection,
	}
	if g.RetentionDays != 0 {
		shown.RetentionInDays = &g.RetentionDays
	}
	if g.KMSKeyID != "" {
		shown.KMSKeyID = &g.KMSKeyID
	}
	if g.DataProtection != "" {
		shown.DataProtectionStatus = &g.DataProtection
	}
	if inherits && g.Class == api.LogGroupClassStandard {
		shown.InheritedProperties = []api.InheritedProperty{api.InheritedPropertyAccountDataProtection}
	}
	return shown
}

// deleteLogGroup removes a group and all that is in it.
func (s *Service) deleteLogGroup(call *aws.Call, in *api.DeleteLogGroupInput) (*api.DeleteLogGroupOutput, error) {
	now := call.Now()
	err := s.DB.Update(call, func(tx *store.Tx) error {
		g, err := getLogGroup(tx, call, in.LogGroupName)
		if err != nil {
			return err
		}
		if g.DeletionProtection {
			return api.NewValidationException("Log group has deletion protection enabled.")
		}
		if _, err := logGroups.Delete(tx, logGroups.Key(g)); err != nil {
			return err
		}
		if err := s.Tasks.Cancel(tx, expireKind, fmt.Sprint(g.ID)); err != nil {
			return err
		}
		if err := deleteAttached(tx, g); err != nil {
			return err
		}
		return s.schedulePurge(tx, purged{Group: g.ID}, now)
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteLogGroupOutput{}, nil
}

// deleteAttached removes what a group has beside its streams: filters and policies.
func deleteAttached(tx *store.Tx, g *logGroup) error {
	if err := deleteFilters(tx, metricFilters, g); err != nil {
		return err
	}
	if err := deleteFilters(tx, subscriptionFilters, g); err != nil {
		return err
	}
	key := store.K(g.Account, g.Region, g.Name)
	if _, err := dataProtections.Delete(tx, key); err != nil {
		return err
	}
	if _, err := indexPolicies.Delete(tx, key); err != nil {
		return err
	}
	if _, err := transformers.Delete(tx, key); err != nil {
		return err
	}
	for p, err := range resourcePolicies.Scan(tx, store.Range{Prefix: store.K(g.Account, g.Region, g.arn())}) {
		if err != nil {
			return err
		}
		if _, err := resourcePolicies.Delete(tx, resourcePolicies.Key(p)); err != nil {
			return err
		}
	}
	return nil
}

// deleteFilters removes the rows of a table of filters that belong to the group.
func deleteFilters[T any](tx *store.Tx, t *store.Table[T], g *logGroup) error {
	for f, err := range filtersOf(tx, t, g) {
		if err != nil {
			return err
		}
		if _, err := t.Delete(tx, t.Key(f)); err != nil {
			return err
		}
	}
	return nil
}

// putLogGroupDeletionProtection sets whether the group can be deleted.
func (s *Service) putLogGroupDeletionProtection(call *aws.Call, in *api.PutLogGroupDeletionProtectionInput) (*api.PutLogGroupDeletionProtectionOutput, error) {
	err := s.DB.Update(call, func(tx *store.Tx) error {
		g, err := resolveLogGroup(tx, call, nil, &in.LogGroupIdentifier)
		if err != nil {
			return err
		}
		g.DeletionProtection = in.DeletionProtectionEnabled
		return logGroups.Put(tx, g)
	})
	if err != nil {
		return nil, err
	}
	return &api.PutLogGroupDeletionProtectionOutput{}, nil
}

// notImplemented refuses an input that asks for what is not there, as the gateway refuses whole operations.
func notImplemented(message string) error { return aws.NewError(501, "NotImplemented", "%s", message) }
