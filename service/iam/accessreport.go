package iam

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	api "drydock/api/iam"
	"drydock/aws"
	"drydock/policy"
	"drydock/store"
	"drydock/task"
)

// accessReport is a report on which services were used by whom: access advisor's.
type accessReport struct {
	ID, Account string
	ARN         string // what it is about
	Actions     bool   // it tells actions, too
	Created     time.Time
	Completed   time.Time // zero: not yet
	Failure     string
	// Entities are the users and roles that it is about, Services what policies allow them.
	Entities []accessEntity
	Services []accessService
}

// accessEntity is a user or role at the time of the report.
type accessEntity struct {
	ID, ARN, Name, Path string
	Kind                kind
}

// accessService is a service that policies allow, with its uses.
type accessService struct {
	Namespace string
	Uses      []accessUse
}

// accessUse is the last use of a service by one of the entities.
type accessUse struct {
	Entity  int
	At      time.Time
	Region  string
	Actions map[string]actionUse
}

var accessReports = store.NewTable("iam/accessreport", func(r *accessReport) store.Key { return store.K(r.Account, r.ID) })

// accessReportKind makes a report, and removes it when its time is over. Its key is the account and the report's id.
const accessReportKind = "iam.accessreport"

// namespaceData has a line for each service that policies know: the prefix of its actions and its name, as botocore's models
// and AWS's own policies have them.
//
//go:embed namespaces.tsv
var namespaceData string

// namespaces are the names of services by the prefixes of their actions.
var namespaces = sync.OnceValue(func() map[string]string {
	names := map[string]string{}
	for line := range strings.Lines(namespaceData) {
		prefix, name, _ := strings.Cut(strings.TrimSpace(line), "\t")
		names[prefix] = name
	}
	return names
})

// generateServiceLastAccessedDetails has a report made on a user, group, role or policy.
func (s *Service) generateServiceLastAccessedDetails(call *aws.Call, in *api.GenerateServiceLastAccessedDetailsInput) (*api.GenerateServiceLastAccessedDetailsOutput, error) {
	if a, ok := parseARN(in.ARN); !ok || a.Account != call.Account && a.Account != awsAccount {
		return nil, api.NewInvalidInputException("Invalid Entity Arn: %s", in.ARN)
	}
	r := &accessReport{
		ID: call.NewUUID(), Account: call.Account, ARN: in.ARN, Created: call.Now().Truncate(time.Millisecond),
		Actions: in.Granularity != nil && *in.Granularity == api.AccessAdvisorUsageGranularityTypeActionLevel,
	}
	err := s.DB.Update(call, func(tx *store.Tx) error {
		if _, err := reportSubject(tx, call.Account, in.ARN); err != nil {
			return err
		}
		if err := accessReports.Put(tx, r); err != nil {
			return err
		}
		return s.Tasks.Schedule(tx, accessReportKind, r.Account+" "+r.ID, r.Created, nil)
	})
	if err != nil {
		return nil, err
	}
	return &api.GenerateServiceLastAccessedDetailsOutput{JobID: &r.ID}, nil
}

// subject is what a report is about.
type subject struct {
	entity *entity        // a user, group or role
	policy *managedPolicy // or a policy
	// holders are the users and roles meant.
	holders []*entity
}

// reportSubject finds what an ARN names, and the users and roles that have to do with it.
func reportSubject(tx *store.Tx, account, arn string) (*subject, error) {
	e, err := findPrincipal(tx, arn)
	if err != nil {
		return nil, err
	}
	if e != nil && e.Account == account {
		holders, err := holdersOf(tx, e)
		return &subject{entity: e, holders: holders}, err
	}
	p, err := findPolicy(tx, account, arn)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, api.NewNoSuchEntityException("The entity %s cannot be found.", arn)
	}
	found := &subject{policy: p}
	for a, err := range attachments.Scan(tx, store.Range{Prefix: store.K(account, arn, policyUsage)}) {
		if err != nil {
			return nil, err
		}
		e, err := entityByID(tx, a.ID)
		if err != nil {
			return nil, err
		}
		if e == nil {
			continue
		}
		holders, err := holdersOf(tx, e)
		if err != nil {
			return nil, err
		}
		found.holders = append(found.holders, holders...)
	}
	slices.SortFunc(found.holders, func(a, b *entity) int { return cmp.Compare(a.arn(), b.arn()) })
	found.holders = slices.CompactFunc(found.holders, func(a, b *entity) bool { return a.ID == b.ID })
	return found, nil
}

// holdersOf are the users and roles that an entity stands for: a group's members, or itself.
func holdersOf(tx *store.Tx, e *entity) ([]*entity, error) {
	if e.Kind == groupKind {
		return membersOf(tx, e)
	}
	return []*entity{e}, nil
}

// makeAccessReport is the task behind generateServiceLastAccessedDetails.
func (s *Service) makeAccessReport(ctx context.Context, t task.Task) (task.Next, error) {
	account, id, _ := strings.Cut(t.Key, " ")
	now := s.Clock.Now()
	var r *accessReport
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		r, err = accessReports.Get(tx, store.K(account, id))
		if errors.Is(err, store.ErrNotFound) {
			r = nil
			return nil
		}
		if err != nil || !r.Completed.IsZero() {
			return err
		}
		return s.fillReport(tx, r, now)
	})
	if err != nil || r == nil {
		return task.Done, err
	}
	if ends := r.Created.Add(accessReportLife); !now.Before(ends) {
		return task.Done, s.DB.Update(ctx, func(tx *store.Tx) error {
			_, err := accessReports.Delete(tx, accessReports.Key(r))
			return err
		})
	}
	if r.Completed.IsZero() {
		r.Completed = now.Truncate(time.Millisecond)
		err = s.DB.Update(ctx, func(tx *store.Tx) error { return accessReports.Put(tx, r) })
	}
	return task.At(r.Created.Add(accessReportLife)), err
}

// fillReport collects which services are allowed and how they were used.
func (s *Service) fillReport(tx *store.Tx, r *accessReport, now time.Time) error {
	about, err := reportSubject(tx, r.Account, r.ARN)
	if aws.IsError(err, "NoSuchEntity") {
		r.Failure = "The entity was deleted."
		return nil
	}
	if err != nil {
		return err
	}
	sources, err := s.reportPolicies(tx, r.Account, about)
	if err != nil {
		return err
	}
	uses := map[string][]accessUse{}
	oldest := now.AddDate(0, 0, -accessReportDays)
	for i, e := range about.holders {
		r.Entities = append(r.Entities, accessEntity{ID: e.ID, ARN: e.arn(), Name: e.Name, Path: e.Path, Kind: e.Kind})
		for u, err := range serviceUses.Scan(tx, store.Range{Prefix: store.K(e.ID)}) {
			if err != nil {
				return err
			}
			if u.At.Before(oldest) {
				continue
			}
			use := accessUse{Entity: i, At: u.At, Region: u.Region}
			if r.Actions {
				use.Actions = u.Actions
			}
			uses[u.Namespace] = append(uses[u.Namespace], use)
		}
	}
	for _, namespace := range slices.Sorted(maps.Keys(namespaces())) {
		if slices.ContainsFunc(sources, func(s policy.Source) bool { return s.Document != nil && s.Document.GrantsService(namespace) }) {
			r.Services = append(r.Services, accessService{namespace, uses[namespace]})
		}
	}
	return nil
}

// reportPolicies are the policies that decide which services a report lists.
func (s *Service) reportPolicies(tx *store.Tx, account string, about *subject) ([]policy.Source, error) {
	mark, err := markOf(tx, account)
	if err != nil {
		return nil, err
	}
	if about.policy != nil {
		source, err := s.source(tx, mark, account, about.policy.arn())
		return []policy.Source{source}, err
	}
	h, err := s.collect(tx, mark, about.entity)
	if err != nil {
		return nil, err
	}
	return h.identity, nil
}

func (s *Service) viewReport(call *aws.Call, id string) (r *accessReport, status api.JobStatusType, failure *api.ErrorDetails, err error) {
	err = s.DB.View(call, func(tx *store.Tx) error {
		r, err = accessReports.Get(tx, store.K(call.Account, id))
		if errors.Is(err, store.ErrNotFound) {
			return api.NewNoSuchEntityException("The report request with id %s cannot be found.", id)
		}
		return err
	})
	switch {
	case err != nil:
		return nil, "", nil, err
	case r.Completed.IsZero():
		status = api.JobStatusTypeInProgress
	case r.Failure != "":
		status, failure = api.JobStatusTypeFailed, &api.ErrorDetails{Code: "NoSuchEntity", Message: r.Failure}
	default:
		status = api.JobStatusTypeCompleted
	}
	return r, status, failure, nil
}

// getServiceLastAccessedDetails tells a report service by service.
func (s *Service) getServiceLastAccessedDetails(call *aws.Call, in *api.GetServiceLastAccessedDetailsInput) (*api.GetServiceLastAccessedDetailsOutput, error) {
	p, err := newPage(in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	r, status, failure, err := s.viewReport(call, in.JobID)
	if err != nil {
		return nil, err
	}
	granularity := api.AccessAdvisorUsageGranularityTypeServiceLevel
	if r.Actions {
		granularity = api.AccessAdvisorUsageGranularityTypeActionLevel
	}
	l := cut(p, r.Services, func(s accessService) string { return s.Namespace })
	out := &api.GetServiceLastAccessedDetailsOutput{
		JobStatus: status, JobType: &granularity, JobCreationDate: r.Created, JobCompletionDate: r.Completed, Error: failure,
		ServicesLastAccessed: []api.ServiceLastAccessed{}, IsTruncated: l.truncated(), Marker: l.marker,
	}
	for i := range l.items {
		out.ServicesLastAccessed = append(out.ServicesLastAccessed, l.items[i].shown(r))
	}
	return out, nil
}

// shown is a service with its last use by any of the report's entities.
func (a *accessService) shown(r *accessReport) api.ServiceLastAccessed {
	shown := api.ServiceLastAccessed{
		ServiceName: namespaces()[a.Namespace], ServiceNamespace: a.Namespace, TotalAuthenticatedEntities: new(int32(len(a.Uses))),
	}
	type acted struct {
		actionUse
		entity int
	}
	actions := map[string]acted{}
	for i := range a.Uses {
		u := &a.Uses[i]
		if shown.LastAuthenticated == nil || u.At.After(*shown.LastAuthenticated) {
			shown.LastAuthenticated, shown.LastAuthenticatedEntity, shown.LastAuthenticatedRegion = &u.At, &r.Entities[u.Entity].ARN, &u.Region
		}
		for name, use := range u.Actions {
			if have, ok := actions[name]; !ok || use.At.After(have.At) {
				actions[name] = acted{use, u.Entity}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(actions)) {
		use := actions[name]
		shown.TrackedActionsLastAccessed = append(shown.TrackedActionsLastAccessed, api.TrackedActionLastAccessed{
			ActionName: &name, LastAccessedEntity: &r.Entities[use.entity].ARN, LastAccessedTime: &use.At, LastAccessedRegion: &use.Region,
		})
	}
	return shown
}

// getServiceLastAccessedDetailsWithEntities tells who of a report's users and roles used one service.
func (s *Service) getServiceLastAccessedDetailsWithEntities(call *aws.Call, in *api.GetServiceLastAccessedDetailsWithEntitiesInput) (*api.GetServiceLastAccessedDetailsWithEntitiesOutput, error) {
	p, err := newPage(in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	r, status, failure, err := s.viewReport(call, in.JobID)
	if err != nil {
		return nil, err
	}
	out := &api.GetServiceLastAccessedDetailsWithEntitiesOutput{
		JobStatus: status, JobCreationDate: r.Created, JobCompletionDate: r.Completed, Error: failure, EntityDetailsList: []api.EntityDetails{}, IsTruncated: new(false),
	}
	if status != api.JobStatusTypeCompleted {
		return out, nil
	}
	i := slices.IndexFunc(r.Services, func(s accessService) bool { return s.Namespace == in.ServiceNamespace })
	if i < 0 {
		return nil, api.NewInvalidInputException("The service namespace %s is not part of the report.", in.ServiceNamespace)
	}
	at := map[int]*time.Time{}
	for _, u := range r.Services[i].Uses {
		at[u.Entity] = &u.At
	}
	var found []api.EntityDetails
	for i := range r.Entities {
		e := &r.Entities[i]
		found = append(found, api.EntityDetails{
			EntityInfo:        api.EntityInfo{ARN: e.ARN, Name: e.Name, ID: e.ID, Path: &e.Path, Type: api.PolicyOwnerEntityType(strings.ToUpper(string(e.Kind)))},
			LastAuthenticated: at[i],
		})
	}
	slices.SortFunc(found, func(a, b api.EntityDetails) int { return cmp.Compare(a.EntityInfo.ARN, b.EntityInfo.ARN) })
	l := cut(p, found, func(d api.EntityDetails) string { return d.EntityInfo.ARN })
	out.EntityDetailsList, out.IsTruncated, out.Marker = append(out.EntityDetailsList, l.items...), l.truncated(), l.marker
	return out, nil
}

// listPoliciesGrantingServiceAccess tells which policies of a user, group or role allow anything of some services.
func (s *Service) listPoliciesGrantingServiceAccess(call *aws.Call, in *api.ListPoliciesGrantingServiceAccessInput) (*api.ListPoliciesGrantingServiceAccessOutput, error) {
	p, err := newPage(in.Marker, nil)
	if err != nil {
		return nil, err
	}
	var grants []granting
	err = s.DB.View(call, func(tx *store.Tx) error {
		about, err := reportSubject(tx, call.Account, in.ARN)
		if err != nil {
			return err
		}
		if about.entity == nil {
			return api.NewInvalidInputException("Invalid Entity Arn: %s", in.ARN)
		}
		grants, err = s.granting(tx, call.Account, about.entity)
		return err
	})
	if err != nil {
		return nil, err
	}
	asked := slices.Clone(in.ServiceNamespaces)
	slices.Sort(asked)
	l := cut(p, slices.Compact(asked), func(s string) string { return s })
	out := &api.ListPoliciesGrantingServiceAccessOutput{
		PoliciesGrantingServiceAccess: []api.ListPoliciesGrantingServiceAccessEntry{}, IsTruncated: l.truncated(), Marker: l.marker,
	}
	for _, namespace := range l.items {
		entry := api.ListPoliciesGrantingServiceAccessEntry{ServiceNamespace: &namespace, Policies: []api.PolicyGrantingServiceAccess{}}
		for _, g := range grants {
			if g.document.GrantsService(namespace) {
				entry.Policies = append(entry.Policies, g.shown)
			}
		}
		out.PoliciesGrantingServiceAccess = append(out.PoliciesGrantingServiceAccess, entry)
	}
	return out, nil
}

// granting is a policy as the list of those that grant something shows it.
type granting struct {
	document *policy.Document
	shown    api.PolicyGrantingServiceAccess
}

// granting collects the policies of an entity and, of a user, of its groups.
func (s *Service) granting(tx *store.Tx, account string, e *entity) ([]granting, error) {
	holders := []*entity{e}
	if e.Kind == userKind {
		groups, err := groupsOf(tx, e)
		if err != nil {
			return nil, err
		}
		holders = append(holders, groups...)
	}
	mark, err := markOf(tx, account)
	if err != nil {
		return nil, err
	}
	var found []granting
	seen := map[string]bool{}
	for _, holder := range holders {
		for _, arn := range holder.Attached {
			source, err := s.source(tx, mark, account, arn)
			if err != nil {
				return nil, err
			}
			if !seen[arn] && source.Document != nil {
				seen[arn] = true
				found = append(found, granting{source.Document, api.PolicyGrantingServiceAccess{
					PolicyName: lastName(arn), PolicyType: api.PolicyTypeManaged, PolicyARN: &arn,
				}})
			}
		}
		for _, p := range holder.Inline {
			document, err := s.docs.Parse(policy.KindInline, p.Document)
			if err != nil {
				return nil, err
			}
			found = append(found, granting{document, api.PolicyGrantingServiceAccess{
				PolicyName: p.Name, PolicyType: api.PolicyTypeInline, EntityName: &holder.Name,
				EntityType: new(api.PolicyOwnerEntityType(strings.ToUpper(string(holder.Kind)))),
			}})
		}
	}
	return found, nil
}
