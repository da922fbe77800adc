package codebuild

import (
	"cmp"
	"slices"
	"strings"

	api "drydock/api/codebuild"
	"drydock/aws"
	"drydock/store"
)

// testCase is a case of a report; codeCoverage is a source file of one.
type (
	testCase struct {
		Account, Region, Report string
		Number                  int64
		Detail                  api.TestCase
	}
	codeCoverage struct {
		Account, Region, Report string
		Number                  int64
		Detail                  api.CodeCoverage
	}
)

var (
	testCases     = store.NewTable("codebuild/testcase", func(c *testCase) store.Key { return store.K(c.Account, c.Region, c.Report, c.Number) })
	codeCoverages = store.NewTable("codebuild/coverage", func(c *codeCoverage) store.Key { return store.K(c.Account, c.Region, c.Report, c.Number) })
)

// describeTestCases shows the cases of a report, in the order in which they were delivered.
func (s *Service) describeTestCases(call *aws.Call, in *api.DescribeTestCasesInput) (*api.DescribeTestCasesOutput, error) {
	p, err := reportPlace(call, in.ReportARN)
	if err != nil {
		return nil, err
	}
	var found []api.TestCase
	err = s.DB.View(call, func(tx *store.Tx) error {
		found = []api.TestCase{}
		if _, err := getReport(tx, p); err != nil {
			return err
		}
		for c, err := range testCases.Scan(tx, store.Range{Prefix: store.K(p.account, p.region, p.name)}) {
			if err != nil {
				return err
			}
			if matchesCase(in.Filter, &c.Detail) {
				found = append(found, c.Detail)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := &api.DescribeTestCasesOutput{}
	out.TestCases, out.NextToken, err = slicePage(found, pageLimit(in.MaxResults), in.NextToken)
	return out, err
}

func matchesCase(f *api.TestCaseFilter, c *api.TestCase) bool {
	if f == nil {
		return true
	}
	keyword := value(f.Keyword)
	return (value(f.Status) == "" || value(f.Status) == value(c.Status)) &&
		(strings.Contains(value(c.Name), keyword) || strings.Contains(value(c.Prefix), keyword))
}

// describeCodeCoverages shows the source files of a report: those reached least first, unless asked otherwise.
func (s *Service) describeCodeCoverages(call *aws.Call, in *api.DescribeCodeCoveragesInput) (*api.DescribeCodeCoveragesOutput, error) {
	p, err := reportPlace(call, in.ReportARN)
	if err != nil {
		return nil, err
	}
	low, high := 0.0, 100.0
	if in.MinLineCoveragePercentage != nil {
		low = *in.MinLineCoveragePercentage
	}
	if in.MaxLineCoveragePercentage != nil {
		high = *in.MaxLineCoveragePercentage
	}
	if low > high {
		return nil, api.NewInvalidInputException("minLineCoveragePercentage must not be greater than maxLineCoveragePercentage")
	}
	var found []api.CodeCoverage
	err = s.DB.View(call, func(tx *store.Tx) error {
		found = []api.CodeCoverage{}
		if _, err := getReport(tx, p); err != nil {
			return err
		}
		for c, err := range codeCoverages.Scan(tx, store.Range{Prefix: store.K(p.account, p.region, p.name)}) {
			if err != nil {
				return err
			}
			if reached := value(c.Detail.LineCoveragePercentage); reached >= low && reached <= high {
				found = append(found, c.Detail)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(found, func(a, b api.CodeCoverage) int {
		order := cmp.Compare(value(a.FilePath), value(b.FilePath))
		if value(in.SortBy) != api.ReportCodeCoverageSortByTypeFilePath {
			order = cmp.Or(cmp.Compare(value(a.LineCoveragePercentage), value(b.LineCoveragePercentage)), order)
		}
		if descending(in.SortOrder, false) {
			order = -order
		}
		return order
	})
	out := &api.DescribeCodeCoveragesOutput{}
	out.CodeCoverages, out.NextToken, err = slicePage(found, pageLimit(in.MaxResults), in.NextToken)
	return out, err
}
