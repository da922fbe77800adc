package codebuild

import (
	"context"
	"errors"
	"strings"
	"time"

	api "drydock/api/codebuild"
	"drydock/aws"
	"drydock/store"
	"drydock/task"
)

// report is what one build delivered to a report group. It is written once, complete.
type report struct {
	Account, Region, Group string
	// ID is "group:uuid".
	ID      string
	Created time.Time
	Detail  api.Report
}

func reportTimeKey(r *report) store.Key { return store.K(r.Account, r.Region, r.Created) }
func reportStatusKey(r *report) store.Key {
	return store.K(r.Account, r.Region, string(*r.Detail.Status), r.Created)
}
func reportGroupKey(r *report) store.Key { return store.K(r.Account, r.Region, r.Group, r.Created) }
func reportGroupStatusKey(r *report) store.Key {
	return store.K(r.Account, r.Region, r.Group, string(*r.Detail.Status), r.Created)
}

var (
	reportsByTime        = store.NewIndex("created", func(r *report) []store.Key { return []store.Key{reportTimeKey(r)} })
	reportsByStatus      = store.NewIndex("status", func(r *report) []store.Key { return []store.Key{reportStatusKey(r)} })
	reportsByGroup       = store.NewIndex("group", func(r *report) []store.Key { return []store.Key{reportGroupKey(r)} })
	reportsByGroupStatus = store.NewIndex("groupstatus", func(r *report) []store.Key { return []store.Key{reportGroupStatusKey(r)} })
	reports              = store.NewTable("codebuild/report", func(r *report) store.Key { return store.K(r.Account, r.Region, r.ID) },
		reportsByTime, reportsByStatus, reportsByGroup, reportsByGroupStatus)
)

// reportPlace is the place of a report by its ARN.
func reportPlace(call *aws.Call, arn string) (place, error) {
	if a, err := aws.ParseARN(arn); err != nil || a.Service != "codebuild" || !strings.HasPrefix(a.Resource, "report/") {
		return place{}, api.NewInvalidInputException("Invalid report ARN: %s", arn)
	}
	return placeOf(call, "report/", arn, groupOfReport)
}

func getReport(tx *store.Tx, p place) (*report, error) {
	r, err := reports.Get(tx, store.K(p.account, p.region, p.name))
	if errors.Is(err, store.ErrNotFound) {
		return nil, api.NewResourceNotFoundException("Report not found: %s", p.arn("report/"+p.name))
	}
	return r, err
}

// batchGetReports shows reports by their ARNs.
func (s *Service) batchGetReports(call *aws.Call, in *api.BatchGetReportsInput) (*api.BatchGetReportsOutput, error) {
	places := make([]place, len(in.ReportARNs))
	for i, arn := range in.ReportARNs {
		var err error
		if places[i], err = reportPlace(call, arn); err != nil {
			return nil, err
		}
	}
	var out *api.BatchGetReportsOutput
	err := s.DB.View(call, func(tx *store.Tx) error {
		out = &api.BatchGetReportsOutput{Reports: []api.Report{}, ReportsNotFound: []string{}}
		for i, p := range places {
			r, err := getReport(tx, p)
			switch {
			case aws.IsError(err, "ResourceNotFoundException"):
				out.ReportsNotFound = append(out.ReportsNotFound, in.ReportARNs[i])
			case err != nil:
				return err
			default:
				out.Reports = append(out.Reports, r.Detail)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// listReports lists the ARNs of an account's reports, the latest first unless asked otherwise.
func (s *Service) listReports(call *aws.Call, in *api.ListReportsInput) (*api.ListReportsOutput, error) {
	by, prefix := along(reportsByTime, reportTimeKey), store.K(call.Account, call.Region)
	if in.Filter != nil && in.Filter.Status != nil {
		by, prefix = along(reportsByStatus, reportStatusKey), store.K(call.Account, call.Region, string(*in.Filter.Status))
	}
	arns, next, err := s.pageReports(call, by, prefix, in.SortOrder, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	return &api.ListReportsOutput{Reports: arns, NextToken: next}, nil
}

// listReportsForReportGroup lists the ARNs of a group's reports.
func (s *Service) listReportsForReportGroup(call *aws.Call, in *api.ListReportsForReportGroupInput) (*api.ListReportsForReportGroupOutput, error) {
	p, err := groupPlace(call, in.ReportGroupARN)
	if err != nil {
		return nil, err
	}
	err = s.DB.View(call, func(tx *store.Tx) error {
		_, err := getGroup(tx, p)
		return err
	})
	if err != nil {
		return nil, err
	}
	by, prefix := along(reportsByGroup, reportGroupKey), store.K(p.account, p.region, p.name)
	if in.Filter != nil && in.Filter.Status != nil {
		by, prefix = along(reportsByGroupStatus, reportGroupStatusKey), store.K(p.account, p.region, p.name, string(*in.Filter.Status))
	}
	arns, next, err := s.pageReports(call, by, prefix, in.SortOrder, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	return &api.ListReportsForReportGroupOutput{Reports: arns, NextToken: next}, nil
}

func (s *Service) pageReports(call *aws.Call, by listing[report], prefix store.Key, order *api.SortOrderType, token *string, limit *int32) (arns []string, next *string, err error) {
	r, err := pageRange(prefix, descending(order, true), token)
	if err != nil {
		return nil, nil, err
	}
	err = s.DB.View(call, func(tx *store.Tx) error {
		var found []*report
		var err error
		found, next, err = by.page(tx, r, pageLimit(limit))
		arns = []string{}
		for _, r := range found {
			arns = append(arns, *r.Detail.ARN)
		}
		return err
	})
	return arns, next, err
}

// deleteReport removes a report with its cases. One that is not there is no error.
func (s *Service) deleteReport(call *aws.Call, in *api.DeleteReportInput) (*api.DeleteReportOutput, error) {
	p, err := reportPlace(call, in.ARN)
	if err != nil {
		return nil, err
	}
	err = s.DB.Update(call, func(tx *store.Tx) error {
		r, err := getReport(tx, p)
		if aws.IsError(err, "ResourceNotFoundException") {
			return nil
		}
		if err != nil {
			return err
		}
		return s.removeReport(tx, r)
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteReportOutput{}, nil
}

// removeReport removes a report with all that belongs to it, but not what was exported.
func (s *Service) removeReport(tx *store.Tx, r *report) error {
	of := store.Range{Prefix: store.K(r.Account, r.Region, r.ID)}
	for c, err := range testCases.Scan(tx, of) {
		if err != nil {
			return err
		}
		if _, err := testCases.Delete(tx, testCases.Key(c)); err != nil {
			return err
		}
	}
	for c, err := range codeCoverages.Scan(tx, of) {
		if err != nil {
			return err
		}
		if _, err := codeCoverages.Delete(tx, codeCoverages.Key(c)); err != nil {
			return err
		}
	}
	if err := s.Tasks.Cancel(tx, reportTask, *r.Detail.ARN); err != nil {
		return err
	}
	_, err := reports.Delete(tx, reports.Key(r))
	return err
}

// reconcileReport removes a report that has expired.
func (s *Service) reconcileReport(ctx context.Context, t task.Task) (task.Next, error) {
	arn, err := aws.ParseARN(t.Key)
	if err != nil {
		return task.Done, err
	}
	now := s.Clock.Now()
	return task.Done, s.DB.Update(ctx, func(tx *store.Tx) error {
		r, err := getReport(tx, place{arn.Account, arn.Region, trimKind(arn.Resource, "report/")})
		if aws.IsError(err, "ResourceNotFoundException") {
			return nil
		}
		if err != nil || now.Before(*r.Detail.Expired) {
			return err
		}
		return s.removeReport(tx, r)
	})
}
