package codebuild

import (
	"strconv"

	api "drydock/api/codebuild"
	"drydock/aws"
	"drydock/store"
)

// getReportGroupTrend shows how a figure of a group's latest reports went, the latest first.
func (s *Service) getReportGroupTrend(call *aws.Call, in *api.GetReportGroupTrendInput) (*api.GetReportGroupTrendOutput, error) {
	p, err := groupPlace(call, in.ReportGroupARN)
	if err != nil {
		return nil, err
	}
	limit := pageSize
	if in.NumOfReports != nil {
		limit = int(*in.NumOfReports)
	}
	var latest []*report
	err = s.DB.View(call, func(tx *store.Tx) error {
		g, err := getGroup(tx, p)
		if err != nil {
			return err
		}
		if ofCoverage(in.TrendField) != (*g.Detail.Type == api.ReportTypeCodeCoverage) {
			return api.NewInvalidInputException("Trend field %s is not supported for report groups of type %s", in.TrendField, *g.Detail.Type)
		}
		latest, _, err = along(reportsByGroup, reportGroupKey).page(tx, store.Range{Prefix: store.K(p.account, p.region, p.name), Reverse: true}, limit)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := &api.GetReportGroupTrendOutput{Stats: &api.ReportGroupTrendStats{}, RawData: []api.ReportWithRawData{}}
	var sum, low, high float64
	for _, r := range latest {
		v, ok := trendValue(in.TrendField, &r.Detail)
		if !ok {
			continue
		}
		if len(out.RawData) == 0 {
			low, high = v, v
		}
		sum, low, high = sum+v, min(low, v), max(high, v)
		out.RawData = append(out.RawData, api.ReportWithRawData{ReportARN: r.Detail.ARN, Data: new(figure(v))})
	}
	if n := len(out.RawData); n > 0 {
		out.Stats = &api.ReportGroupTrendStats{Average: new(figure(sum / float64(n))), Max: new(figure(high)), Min: new(figure(low))}
	}
	return out, nil
}

func figure(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

func ofCoverage(field api.ReportGroupTrendFieldType) bool {
	switch field {
	case api.ReportGroupTrendFieldTypePassRate, api.ReportGroupTrendFieldTypeDuration, api.ReportGroupTrendFieldTypeTotal:
		return false
	}
	return true
}

// trendValue is a figure of a report: a rate is in percent, a duration in nanoseconds. A report that is not complete has
// none.
func trendValue(field api.ReportGroupTrendFieldType, r *api.Report) (float64, bool) {
	if t := r.TestSummary; t != nil {
		switch field {
		case api.ReportGroupTrendFieldTypePassRate:
			if t.Total == 0 {
				return 0, false
			}
			return 100 * float64(t.StatusCounts["SUCCEEDED"]) / float64(t.Total), true
		case api.ReportGroupTrendFieldTypeDuration:
			return float64(t.DurationInNanoSeconds), true
		case api.ReportGroupTrendFieldTypeTotal:
			return float64(t.Total), true
		}
	}
	if c := r.CodeCoverageSummary; c != nil {
		switch field {
		case api.ReportGroupTrendFieldTypeLineCoverage:
			return value(c.LineCoveragePercentage), true
		case api.ReportGroupTrendFieldTypeLinesCovered:
			return float64(value(c.LinesCovered)), true
		case api.ReportGroupTrendFieldTypeLinesMissed:
			return float64(value(c.LinesMissed)), true
		case api.ReportGroupTrendFieldTypeBranchCoverage:
			return value(c.BranchCoveragePercentage), true
		case api.ReportGroupTrendFieldTypeBranchesCovered:
			return float64(value(c.BranchesCovered)), true
		case api.ReportGroupTrendFieldTypeBranchesMissed:
			return float64(value(c.BranchesMissed)), true
		}
	}
	return 0, false
}
