package codebuild_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	api "drydock/api/codebuild"
	"drydock/ledger"
	"drydock/service/servicetest"
)

const junitSpec = `version: 0.2
phases:
  build:
    commands:
      - mkdir -p out/deep
      - |
        cat >out/deep/a.xml <<'EOF'
        <testsuite name="s"><testcase classname="c" name="good" time="1.5"/><testcase classname="c" name="bad"><failure message="no"/></testcase></testsuite>
        EOF
      - |
        cat >out/b.xml <<'EOF'
        <testsuite name="t"><testcase classname="d" name="late"><skipped/></testcase></testsuite>
        EOF
      - |
        cat >cov.info <<'EOF'
        SF:one.c
        DA:1,1
        DA:2,0
        BRDA:1,0,0,1
        BRDA:1,0,1,-
        end_of_record
        SF:two.c
        DA:1,1
        end_of_record
        EOF
reports:
  unit:
    files: ['**/*.xml']
    base-directory: out
  coverage:
    files: [cov.info]
    file-format: lcov
`

func TestReport_OfABuild(t *testing.T) {
	t.Parallel()
	ledger.Covers(t, "CB-20")
	b := newBench(t)
	got := b.run(t, junitSpec)
	if *got.BuildStatus != api.StatusTypeSucceeded || len(got.ReportARNs) != 2 {
		t.Fatalf("phases %s, reports %v, reason %s\n%s", phases(got), got.ReportARNs, reason(got, api.BuildPhaseTypeUploadArtifacts), b.peers.text())
	}
	out, err := api.BatchGetReports.Do(b.call, &api.BatchGetReportsInput{ReportARNs: append(got.ReportARNs, "arn:aws:codebuild:us-east-1:111122223333:report/none:x")})
	if err != nil || len(out.Reports) != 2 || len(out.ReportsNotFound) != 1 {
		t.Fatalf("reports %+v, %v", out, err)
	}
	unit, coverage := out.Reports[0], out.Reports[1]
	group := "arn:aws:codebuild:us-east-1:111122223333:report-group/p1-unit"
	if *unit.ReportGroupARN != group || *unit.Name != "p1-unit" || *unit.Status != api.ReportStatusTypeFailed || *unit.ExecutionID != *got.ARN ||
		*unit.Truncated || unit.TestSummary.Total != 3 || unit.TestSummary.StatusCounts["FAILED"] != 1 || unit.TestSummary.StatusCounts["SKIPPED"] != 1 ||
		unit.TestSummary.DurationInNanoSeconds != 1_500_000_000 || unit.Expired.Sub(*unit.Created) != 30*24*time.Hour {
		t.Errorf("report %+v", unit)
	}
	if c := coverage.CodeCoverageSummary; *coverage.Status != api.ReportStatusTypeSucceeded || *c.LinesCovered != 2 || *c.LinesMissed != 1 ||
		*c.LineCoveragePercentage != 66.67 || *c.BranchesCovered != 1 || *c.BranchesMissed != 1 {
		t.Errorf("report %+v", coverage)
	}

	cases := func(f *api.TestCaseFilter) string {
		t.Helper()
		var names []string
		in := &api.DescribeTestCasesInput{ReportARN: *unit.ARN, Filter: f, MaxResults: new(int32(2))}
		for {
			out, err := api.DescribeTestCases.Do(b.call, in)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range out.TestCases {
				names = append(names, *c.Prefix+"."+*c.Name+"="+*c.Status)
			}
			if in.NextToken = out.NextToken; in.NextToken == nil {
				return strings.Join(names, " ")
			}
		}
	}
	for want, filter := range map[string]*api.TestCaseFilter{
		"d.late=SKIPPED c.good=SUCCEEDED c.bad=FAILED": nil,
		"c.bad=FAILED":                  {Status: new("FAILED")},
		"c.good=SUCCEEDED":              {Keyword: new("oo")},
		"c.good=SUCCEEDED c.bad=FAILED": {Keyword: new("c")},
		"":                              {Keyword: new("c"), Status: new("SKIPPED")},
	} {
		if got := cases(filter); got != want {
			t.Errorf("cases %q, want %q", got, want)
		}
	}
	files := func(in api.DescribeCodeCoveragesInput) string {
		t.Helper()
		in.ReportARN = *coverage.ARN
		out, err := api.DescribeCodeCoverages.Do(b.call, &in)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, c := range out.CodeCoverages {
			names = append(names, fmt.Sprintf("%s=%v", *c.FilePath, *c.LineCoveragePercentage))
		}
		return strings.Join(names, " ")
	}
	if got := files(api.DescribeCodeCoveragesInput{}); got != "one.c=50 two.c=100" {
		t.Errorf("files %s", got)
	}
	if got := files(api.DescribeCodeCoveragesInput{SortBy: new(api.ReportCodeCoverageSortByTypeFilePath), SortOrder: new(api.SortOrderTypeDescending)}); got != "two.c=100 one.c=50" {
		t.Errorf("files by name, backward: %s", got)
	}
	if got := files(api.DescribeCodeCoveragesInput{MinLineCoveragePercentage: new(60.0)}); got != "two.c=100" {
		t.Errorf("files of at least 60%%: %s", got)
	}
	trend, err := api.GetReportGroupTrend.Do(b.call, &api.GetReportGroupTrendInput{ReportGroupARN: group, TrendField: api.ReportGroupTrendFieldTypeTotal})
	if err != nil || len(trend.RawData) != 1 || *trend.RawData[0].Data != "3" || *trend.Stats.Average != "3" {
		t.Errorf("trend %+v, %v", trend, err)
	}
	_, err = api.GetReportGroupTrend.Do(b.call, &api.GetReportGroupTrendInput{ReportGroupARN: group, TrendField: api.ReportGroupTrendFieldTypeLineCoverage})
	servicetest.WantError(t, err, "InvalidInputException")

	_, err = api.DeleteReportGroup.Do(b.call, &api.DeleteReportGroupInput{ARN: group})
	servicetest.WantError(t, err, "InvalidInputException")
	b.Advance(t, 30*24*time.Hour)
	gone, err := api.ListReports.Do(b.call, &api.ListReportsInput{})
	if err != nil || len(gone.Reports) != 0 {
		t.Errorf("after 30 days: %v, %v", gone, err)
	}
	_, err = api.DescribeTestCases.Do(b.call, &api.DescribeTestCasesInput{ReportARN: *unit.ARN})
	servicetest.WantError(t, err, "ResourceNotFoundException")
}

func TestReport_ListsFiltersAndDeletion(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.createProject(t, "p1", junitSpec)
	for range 3 {
		b.build(t, &api.StartBuildInput{ProjectName: "p1"})
		b.Advance(t, time.Minute)
	}
	group := "arn:aws:codebuild:us-east-1:111122223333:report-group/p1-unit"
	var all []string
	in := &api.ListReportsForReportGroupInput{ReportGroupARN: group, MaxResults: new(int32(2))}
	for {
		out, err := api.ListReportsForReportGroup.Do(b.call, in)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, out.Reports...)
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	if len(all) != 3 {
		t.Fatalf("reports %v", all)
	}
	for status, want := range map[api.ReportStatusType]int{api.ReportStatusTypeFailed: 3, api.ReportStatusTypeSucceeded: 3, api.ReportStatusTypeIncomplete: 0} {
		out, err := api.ListReports.Do(b.call, &api.ListReportsInput{Filter: &api.ReportFilter{Status: &status}})
		if err != nil || len(out.Reports) != want {
			t.Errorf("%s: %d reports, want %d; %v", status, len(out.Reports), want, err)
		}
	}
	if _, err := api.DeleteReport.Do(b.call, &api.DeleteReportInput{ARN: all[0]}); err != nil {
		t.Error(err)
	}
	if _, err := api.DeleteReport.Do(b.call, &api.DeleteReportInput{ARN: all[0]}); err != nil {
		t.Errorf("deleting what is gone: %v", err)
	}
	if _, err := api.DeleteReportGroup.Do(b.call, &api.DeleteReportGroupInput{ARN: group, DeleteReports: new(true)}); err != nil {
		t.Fatal(err)
	}
	b.WaitIdle(t)
	groups, err := api.BatchGetReportGroups.Do(b.call, &api.BatchGetReportGroupsInput{ReportGroupARNs: []string{group}})
	if err != nil || len(groups.ReportGroupsNotFound) != 1 {
		t.Errorf("groups %+v, %v", groups, err)
	}
	reports, err := api.BatchGetReports.Do(b.call, &api.BatchGetReportsInput{ReportARNs: all})
	if err != nil || len(reports.ReportsNotFound) != 3 {
		t.Errorf("reports %+v, %v", reports, err)
	}
	_, err = api.ListReportsForReportGroup.Do(b.call, in)
	servicetest.WantError(t, err, "ResourceNotFoundException")
}

func TestReport_CannotBeRead(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ reports, status, reason string }{
		"no files":  {"r: {files: [none.xml]}", "INCOMPLETE", "CLIENT_ERROR: Error in UPLOAD_ARTIFACTS phase: [r: [report files not found in build]]"},
		"no report": {"r: {files: [f]}", "INCOMPLETE", ": "},
		"no group": {"'arn:aws:codebuild:us-east-1:111122223333:report-group/none': {files: [f]}", "",
			"CLIENT_ERROR: Error in UPLOAD_ARTIFACTS phase: [arn:aws:codebuild:us-east-1:111122223333:report-group/none: [ResourceNotFoundException: Report group not found: arn:aws:codebuild:us-east-1:111122223333:report-group/none]]"},
	} {
		b := newBench(t)
		got := b.run(t, "version: 0.2\nphases: {build: {commands: [echo text >f]}}\nreports:\n  "+test.reports+"\n")
		if r := reason(got, api.BuildPhaseTypeUploadArtifacts); r != test.reason {
			t.Errorf("%s: reason %q", name, r)
		}
		if test.status == "" {
			continue
		}
		out, err := api.BatchGetReports.Do(b.call, &api.BatchGetReportsInput{ReportARNs: got.ReportARNs})
		if err != nil || len(out.Reports) != 1 || string(*out.Reports[0].Status) != test.status {
			t.Errorf("%s: %+v, %v", name, out, err)
		}
	}
}

func TestReport_KeepsTheFirst500Cases(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	got := b.run(t, `version: 0.2
phases:
  build:
    commands:
      - (echo "<testsuite>"; for i in $(seq 1 510); do echo "<testcase name='t$i'/>"; done; echo "</testsuite>") >r.xml
reports: {r: {files: [r.xml]}}
`)
	out, err := api.BatchGetReports.Do(b.call, &api.BatchGetReportsInput{ReportARNs: got.ReportARNs})
	if err != nil || len(out.Reports) != 1 {
		t.Fatalf("%+v, %v", out, err)
	}
	if r := out.Reports[0]; !*r.Truncated || r.TestSummary.Total != 510 {
		t.Errorf("report %+v", r)
	}
	n := 0
	in := &api.DescribeTestCasesInput{ReportARN: *out.Reports[0].ARN}
	for {
		out, err := api.DescribeTestCases.Do(b.call, in)
		if err != nil {
			t.Fatal(err)
		}
		n += len(out.TestCases)
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	if n != 500 {
		t.Errorf("%d cases", n)
	}
}

func TestReport_ExportsRawFiles(t *testing.T) {
	t.Parallel()
	for _, packaging := range []api.ReportPackagingType{api.ReportPackagingTypeNone, api.ReportPackagingTypeZip} {
		b := newBench(t)
		group, err := api.CreateReportGroup.Do(b.call, &api.CreateReportGroupInput{Name: "mine", Type: api.ReportTypeTest, ExportConfig: api.ReportExportConfig{
			ExportConfigType: new(api.ReportExportConfigTypeS3),
			S3Destination:    &api.S3ReportExportConfig{Bucket: new("raw-results"), Path: new("/here/"), Packaging: &packaging},
		}})
		if err != nil {
			t.Fatal(err)
		}
		got := b.run(t, "version: 0.2\nphases: {build: {commands: [\"mkdir d; echo '<testsuite/>' >d/f.xml\"]}}\nreports:\n  '"+*group.ReportGroup.ARN+"': {files: ['**/*.xml']}\n")
		if len(got.ReportARNs) != 1 {
			t.Fatalf("no report: %s\n%s", reason(got, api.BuildPhaseTypeUploadArtifacts), b.peers.text())
		}
		id := got.ReportARNs[0][strings.LastIndexByte(got.ReportARNs[0], ':')+1:]
		want := "raw-results/here/" + id + "/d/f.xml"
		if packaging == api.ReportPackagingTypeZip {
			want = "raw-results/here/" + id + ".zip"
		}
		text, ok := b.peers.objects[want]
		if !ok {
			t.Fatalf("no %s in %s", want, b.peers.keys())
		}
		if packaging == api.ReportPackagingTypeZip {
			archive, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
			if err != nil || len(archive.File) != 1 || archive.File[0].Name != "d/f.xml" {
				t.Errorf("archive %+v, %v", archive, err)
			}
		}
	}
}

func TestReportGroup_Lifecycle(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	create := func(name string) *api.ReportGroup {
		t.Helper()
		out, err := api.CreateReportGroup.Do(b.call, &api.CreateReportGroupInput{
			Name: name, Type: api.ReportTypeTest, ExportConfig: api.ReportExportConfig{ExportConfigType: new(api.ReportExportConfigTypeNoExport)},
		})
		if err != nil {
			t.Fatal(err)
		}
		return out.ReportGroup
	}
	g := create("g1")
	b.Advance(t, time.Minute)
	create("g0")
	if *g.ARN != "arn:aws:codebuild:us-east-1:111122223333:report-group/g1" || *g.Status != api.ReportGroupStatusTypeActive {
		t.Errorf("created %+v", g)
	}
	for by, want := range map[api.ReportGroupSortByType]string{
		api.ReportGroupSortByTypeName: "g0", api.ReportGroupSortByTypeCreatedTime: "g1", api.ReportGroupSortByTypeLastModifiedTime: "g1",
	} {
		out, err := api.ListReportGroups.Do(b.call, &api.ListReportGroupsInput{SortBy: &by, MaxResults: new(int32(1))})
		if err != nil || len(out.ReportGroups) != 1 || !strings.HasSuffix(out.ReportGroups[0], want) || out.NextToken == nil {
			t.Errorf("by %s: %+v, %v", by, out, err)
		}
	}
	updated, err := api.UpdateReportGroup.Do(b.call, &api.UpdateReportGroupInput{
		ARN: *g.ARN, Tags: []api.Tag{{Key: new("a"), Value: new("b")}},
		ExportConfig: &api.ReportExportConfig{ExportConfigType: new(api.ReportExportConfigTypeS3), S3Destination: &api.S3ReportExportConfig{Bucket: new("bucket")}},
	})
	if err != nil || *updated.ReportGroup.ExportConfig.S3Destination.Packaging != api.ReportPackagingTypeNone || len(updated.ReportGroup.Tags) != 1 {
		t.Errorf("updated %+v, %v", updated, err)
	}
	for name, err := range map[string]error{
		"ResourceAlreadyExistsException": func() error {
			_, err := api.CreateReportGroup.Do(b.call, &api.CreateReportGroupInput{Name: "g1", Type: api.ReportTypeTest, ExportConfig: api.ReportExportConfig{ExportConfigType: new(api.ReportExportConfigTypeNoExport)}})
			return err
		}(),
		"ResourceNotFoundException": func() error {
			_, err := api.UpdateReportGroup.Do(b.call, &api.UpdateReportGroupInput{ARN: *g.ARN + "x"})
			return err
		}(),
	} {
		servicetest.WantError(t, err, name)
	}
	for name, in := range map[string]*api.CreateReportGroupInput{
		"name":      {Name: "-x", Type: api.ReportTypeTest, ExportConfig: api.ReportExportConfig{ExportConfigType: new(api.ReportExportConfigTypeNoExport)}},
		"no export": {Name: "xx", Type: api.ReportTypeTest},
		"no bucket": {Name: "xx", Type: api.ReportTypeTest, ExportConfig: api.ReportExportConfig{ExportConfigType: new(api.ReportExportConfigTypeS3)}},
	} {
		if _, err := api.CreateReportGroup.Do(b.call, in); err == nil || !strings.Contains(err.Error(), "InvalidInputException") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for range 2 {
		if _, err := api.DeleteReportGroup.Do(b.call, &api.DeleteReportGroupInput{ARN: *g.ARN}); err != nil {
			t.Error(err)
		}
	}
}
