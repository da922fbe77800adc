package codebuild

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"time"

	api "drydock/api/codebuild"
	"drydock/aws"
	"drydock/store"
	"drydock/task"
)

// reportGroup is a report group.
type reportGroup struct {
	Account, Region, Name string
	// Created and Modified repeat what Detail has, for the indexes.
	Created, Modified time.Time
	Detail            api.ReportGroup
}

func groupCreatedKey(g *reportGroup) store.Key  { return store.K(g.Account, g.Region, g.Created) }
func groupModifiedKey(g *reportGroup) store.Key { return store.K(g.Account, g.Region, g.Modified) }

var (
	groupsByCreated  = store.NewIndex("created", func(g *reportGroup) []store.Key { return []store.Key{groupCreatedKey(g)} })
	groupsByModified = store.NewIndex("modified", func(g *reportGroup) []store.Key { return []store.Key{groupModifiedKey(g)} })
	reportGroups     = store.NewTable("codebuild/reportgroup", func(g *reportGroup) store.Key { return store.K(g.Account, g.Region, g.Name) },
		groupsByCreated, groupsByModified)
)

func (g *reportGroup) place() place { return place{g.Account, g.Region, g.Name} }

func getGroup(tx *store.Tx, p place) (*reportGroup, error) {
	g, err := reportGroups.Get(tx, store.K(p.account, p.region, p.name))
	if errors.Is(err, store.ErrNotFound) {
		return nil, api.NewResourceNotFoundException("Report group not found: %s", p.arn("report-group/"+p.name))
	}
	return g, err
}

// groupPlace is the place of a report group by its ARN.
func groupPlace(call *aws.Call, arn string) (place, error) {
	if a, err := aws.ParseARN(arn); err != nil || a.Service != "codebuild" || !strings.HasPrefix(a.Resource, "report-group/") {
		return place{}, api.NewInvalidInputException("Invalid report group ARN: %s", arn)
	}
	return placeOf(call, "report-group/", arn, nil)
}

var groupName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{1,127}$`)

// createReportGroup makes a report group.
func (s *Service) createReportGroup(call *aws.Call, in *api.CreateReportGroupInput) (*api.CreateReportGroupOutput, error) {
	if !groupName.MatchString(in.Name) {
		return nil, api.NewInvalidInputException("Invalid report group name: %s", in.Name)
	}
	if repeatedTag(in.Tags) {
		return nil, api.NewInvalidInputException("Duplicate tag keys are not allowed")
	}
	if err := completeExport(call, &in.ExportConfig); err != nil {
		return nil, err
	}
	g := newGroup(place{call.Account, call.Region, in.Name}, in.Type, in.ExportConfig, call.Now())
	g.Detail.Tags = orEmpty(in.Tags)
	if err := s.DB.Update(call, func(tx *store.Tx) error { return putNewGroup(tx, g) }); err != nil {
		return nil, err
	}
	return &api.CreateReportGroupOutput{ReportGroup: &g.Detail}, nil
}

func newGroup(p place, kind api.ReportType, export api.ReportExportConfig, now time.Time) *reportGroup {
	return &reportGroup{Account: p.account, Region: p.region, Name: p.name, Created: now, Modified: now, Detail: api.ReportGroup{
		ARN: new(p.arn("report-group/" + p.name)), Name: &p.name, Type: &kind, ExportConfig: &export,
		Created: &now, LastModified: &now, Tags: []api.Tag{}, Status: new(api.ReportGroupStatusTypeActive),
	}}
}

func putNewGroup(tx *store.Tx, g *reportGroup) error {
	exists, err := reportGroups.Has(tx, reportGroups.Key(g))
	if err != nil {
		return err
	}
	if exists {
		return api.NewResourceAlreadyExistsException("Report group already exists: %s", *g.Detail.ARN)
	}
	n := 0
	for _, err := range reportGroups.Scan(tx, store.Range{Prefix: store.K(g.Account, g.Region)}) {
		if err != nil {
			return err
		}
		if n++; n == maxReportGroups {
			return api.NewAccountLimitExceededException("Cannot have more than %d report groups in this account", maxReportGroups)
		}
	}
	return reportGroups.Put(tx, g)
}

// completeExport checks where raw results go and fills in what AWS fills in.
func completeExport(call *aws.Call, c *api.ReportExportConfig) error {
	if c.ExportConfigType == nil {
		return api.NewInvalidInputException("Invalid export config: exportConfigType must be specified")
	}
	if *c.ExportConfigType == api.ReportExportConfigTypeNoExport {
		if c.S3Destination != nil && value(c.S3Destination.Bucket) != "" {
			return api.NewInvalidInputException("Invalid export config: s3Destination must not be specified for NO_EXPORT")
		}
		c.S3Destination = nil
		return nil
	}
	d := c.S3Destination
	if d == nil || !bucketName.MatchString(value(d.Bucket)) {
		return api.NewInvalidInputException("Invalid export config: bucket must be a valid S3 bucket name")
	}
	if d.Packaging == nil {
		d.Packaging = new(api.ReportPackagingTypeNone)
	}
	if d.EncryptionDisabled == nil {
		d.EncryptionDisabled = new(false)
	}
	if d.EncryptionKey == nil && !*d.EncryptionDisabled {
		d.EncryptionKey = new(call.ARN("kms", "alias/aws/s3").String())
	}
	return nil
}

// batchGetReportGroups shows report groups by their ARNs.
func (s *Service) batchGetReportGroups(call *aws.Call, in *api.BatchGetReportGroupsInput) (*api.BatchGetReportGroupsOutput, error) {
	places := make([]place, len(in.ReportGroupARNs))
	for i, arn := range in.ReportGroupARNs {
		var err error
		if places[i], err = groupPlace(call, arn); err != nil {
			return nil, err
		}
	}
	var out *api.BatchGetReportGroupsOutput
	err := s.DB.View(call, func(tx *store.Tx) error {
		out = &api.BatchGetReportGroupsOutput{ReportGroups: []api.ReportGroup{}, ReportGroupsNotFound: []string{}}
		for i, p := range places {
			g, err := getGroup(tx, p)
			switch {
			case aws.IsError(err, "ResourceNotFoundException"):
				out.ReportGroupsNotFound = append(out.ReportGroupsNotFound, in.ReportGroupARNs[i])
			case err != nil:
				return err
			default:
				out.ReportGroups = append(out.ReportGroups, g.Detail)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// listReportGroups lists the ARNs of report groups.
func (s *Service) listReportGroups(call *aws.Call, in *api.ListReportGroupsInput) (*api.ListReportGroupsOutput, error) {
	by := along(groupsByCreated, groupCreatedKey)
	switch value(in.SortBy) {
	case api.ReportGroupSortByTypeName:
		by = listing[reportGroup]{reportGroups.Scan, reportGroups.Key}
	case api.ReportGroupSortByTypeLastModifiedTime:
		by = along(groupsByModified, groupModifiedKey)
	case api.ReportGroupSortByTypeCreatedTime:
	}
	r, err := pageRange(store.K(call.Account, call.Region), descending(in.SortOrder, false), in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &api.ListReportGroupsOutput{}
	err = s.DB.View(call, func(tx *store.Tx) error {
		groups, next, err := by.page(tx, r, pageLimit(in.MaxResults))
		out.ReportGroups, out.NextToken = []string{}, next
		for _, g := range groups {
			out.ReportGroups = append(out.ReportGroups, *g.Detail.ARN)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// updateReportGroup changes where a group's raw results go, or its tags.
func (s *Service) updateReportGroup(call *aws.Call, in *api.UpdateReportGroupInput) (*api.UpdateReportGroupOutput, error) {
	p, err := groupPlace(call, in.ARN)
	if err != nil {
		return nil, err
	}
	if repeatedTag(in.Tags) {
		return nil, api.NewInvalidInputException("Duplicate tag keys are not allowed")
	}
	if in.ExportConfig != nil {
		if err := completeExport(call, in.ExportConfig); err != nil {
			return nil, err
		}
	}
	now := call.Now()
	var detail api.ReportGroup
	err = s.DB.Update(call, func(tx *store.Tx) error {
		g, err := getGroup(tx, p)
		if err != nil {
			return err
		}
		override(&g.Detail.ExportConfig, in.ExportConfig)
		overrideList(&g.Detail.Tags, in.Tags)
		g.Modified, g.Detail.LastModified = now, &now
		detail = g.Detail
		return reportGroups.Put(tx, g)
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateReportGroupOutput{ReportGroup: &detail}, nil
}

// deleteReportGroup removes a report group. One with reports goes only together with them, by task. One that is not
// there is no error.
func (s *Service) deleteReportGroup(call *aws.Call, in *api.DeleteReportGroupInput) (*api.DeleteReportGroupOutput, error) {
	p, err := groupPlace(call, in.ARN)
	if err != nil {
		return nil, err
	}
	now := call.Now()
	err = s.DB.Update(call, func(tx *store.Tx) error {
		g, err := getGroup(tx, p)
		if aws.IsError(err, "ResourceNotFoundException") {
			return nil
		}
		if err != nil {
			return err
		}
		_, err = reportsByGroup.First(tx, store.K(g.Account, g.Region, g.Name))
		switch {
		case errors.Is(err, store.ErrNotFound):
			return removeGroup(tx, g)
		case err != nil:
			return err
		case !value(in.DeleteReports):
			return api.NewInvalidInputException("Cannot delete report group %s: it still has reports", *g.Detail.ARN)
		}
		g.Detail.Status = new(api.ReportGroupStatusTypeDeleting)
		if err := s.Tasks.Schedule(tx, reportGroupTask, *g.Detail.ARN, now, nil); err != nil {
			return err
		}
		return reportGroups.Put(tx, g)
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteReportGroupOutput{}, nil
}

func removeGroup(tx *store.Tx, g *reportGroup) error {
	if _, err := resourcePolicies.Delete(tx, store.K(*g.Detail.ARN)); err != nil {
		return err
	}
	_, err := reportGroups.Delete(tx, reportGroups.Key(g))
	return err
}

// reconcileReportGroup removes some reports of a group that is to go, and the group after the last.
func (s *Service) reconcileReportGroup(ctx context.Context, t task.Task) (task.Next, error) {
	arn, err := aws.ParseARN(t.Key)
	if err != nil {
		return task.Done, err
	}
	p := place{arn.Account, arn.Region, trimKind(arn.Resource, "report-group/")}
	now, more := s.Clock.Now(), false
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		more = false
		g, err := getGroup(tx, p)
		if aws.IsError(err, "ResourceNotFoundException") {
			return nil
		}
		if err != nil || value(g.Detail.Status) != api.ReportGroupStatusTypeDeleting {
			return err
		}
		n := 0
		for r, err := range reportsByGroup.Scan(tx, store.Range{Prefix: store.K(g.Account, g.Region, g.Name)}) {
			if err != nil {
				return err
			}
			if n++; n > reportsPerStep {
				more = true
				return nil
			}
			if err := s.removeReport(tx, r); err != nil {
				return err
			}
		}
		return removeGroup(tx, g)
	})
	if more {
		return task.At(now), err
	}
	return task.Done, err
}
