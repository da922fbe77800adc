package codebuild

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path"
	"strings"
	"time"

	api "drydock/api/codebuild"
	"drydock/api/s3"
	"drydock/aws"
	"drydock/lang/buildspec"
	"drydock/lang/testreport"
	"drydock/store"
)

// reportPlans are the build specification's reports with their expressions expanded, which needs the build's shell.
func (r *run) reportPlans(ctx context.Context) ([]buildspec.Report, error) {
	var plans []buildspec.Report
	for _, spec := range r.spec.Reports {
		texts := append([]string{spec.BaseDirectory}, spec.Files...)
		for i := range texts {
			text, err := r.expand(ctx, texts[i])
			if err != nil {
				return nil, err
			}
			if path.IsAbs(text) {
				text = r.inMachine(text)
			}
			texts[i] = text
		}
		spec.BaseDirectory, spec.Files = texts[0], texts[1:]
		plans = append(plans, spec)
	}
	return plans, nil
}

// uploadReports delivers the reports. One that cannot be delivered does not keep back the others.
func (r *run) uploadReports(ctx context.Context, root *os.Root, plans []buildspec.Report) *failure {
	var failed []string
	for i := range plans {
		if err := r.uploadReport(ctx, root, &plans[i]); err != nil {
			if aws.ErrorCode(err) == "InternalFailure" {
				return fault(err)
			}
			failed = append(failed, fmt.Sprintf("%s: [%s]", plans[i].Group, serviceError(err)))
		}
	}
	if failed != nil {
		return clientError("Error in UPLOAD_ARTIFACTS phase: [%s]", strings.Join(failed, ", "))
	}
	return nil
}

func (r *run) uploadReport(ctx context.Context, root *os.Root, plan *buildspec.Report) error {
	format := testreport.Format(plan.FileFormat)
	kind := api.ReportTypeTest
	if format.IsCoverage() {
		kind = api.ReportTypeCodeCoverage
	}
	base := plan.BaseDirectory
	if base == "" {
		base = "."
	}
	r.log.printf("Expanding base directory path: %s", base)
	r.log.printf("Assembling file list")
	group, err := r.reportGroup(ctx, plan.Group, kind)
	if err != nil {
		return err
	}
	selected, err := buildspec.Select(root.FS(), buildspec.Selection{
		Root: strings.TrimPrefix(r.sources[0].dir, "/"), Files: plan.Files, Base: plan.BaseDirectory, DiscardPaths: plan.DiscardPaths,
	})
	if err != nil && !errors.Is(err, buildspec.ErrNoFiles) && !errors.Is(err, buildspec.ErrNoBase) {
		return err
	}
	r.log.printf("Found %d file(s)", len(selected.Files))
	p := newPublication(r, group)
	if len(selected.Files) == 0 {
		if err := p.write(ctx, api.ReportStatusTypeIncomplete); err != nil {
			return err
		}
		return errors.New("report files not found in build")
	}
	r.log.printf("Preparing to copy %s report %s", kind, group.Name)
	for _, file := range selected.Files {
		if err := p.read(root, format, file); err != nil {
			r.log.printf("Unable to read report file %s: %v", file.Name, err)
			p.incomplete = true
		}
	}
	if err := p.export(ctx, root, selected.Files); err != nil {
		p.incomplete = true
		if writeErr := p.write(ctx, api.ReportStatusTypeIncomplete); writeErr != nil {
			return writeErr
		}
		return err
	}
	return p.write(ctx, p.status())
}

// reportGroup finds the group that a report goes to, given by its ARN or by a name, which stands for a group of the
// project's that is made when it is not there. What the service role lacks fails it.
func (r *run) reportGroup(ctx context.Context, name string, kind api.ReportType) (*reportGroup, error) {
	call, err := r.role.call(ctx)
	if err != nil {
		return nil, err
	}
	own := !strings.HasPrefix(name, "arn:")
	p := place{r.b.Account, r.b.Region, *r.b.Detail.ProjectName + "-" + name}
	if !own {
		arn, err := aws.ParseARN(name)
		if err != nil || arn.Service != "codebuild" || arn.Account != r.b.Account || arn.Region != r.b.Region {
			return nil, api.NewInvalidInputException("Invalid report group ARN: %s", name)
		}
		p.name = trimKind(arn.Resource, "report-group/")
	}
	put := "codebuild:BatchPutTestCases"
	if kind == api.ReportTypeCodeCoverage {
		put = "codebuild:BatchPutCodeCoverages"
	}
	actions := []string{"codebuild:CreateReport", "codebuild:UpdateReport", put}
	if own {
		actions = append([]string{"codebuild:CreateReportGroup"}, actions...)
	}
	for _, action := range actions {
		if err := r.s.Cloud.Authorize(call, aws.Check{Action: action, Resource: p.arn("report-group/" + p.name)}); err != nil {
			return nil, err
		}
	}
	if own && !groupName.MatchString(p.name) {
		return nil, api.NewInvalidInputException("Invalid report group name: %s", p.name)
	}
	now := r.s.Clock.Now()
	var group *reportGroup
	err = r.s.DB.Update(ctx, func(tx *store.Tx) error {
		g, err := getGroup(tx, p)
		if own && aws.IsError(err, "ResourceNotFoundException") {
			group = newGroup(p, kind, api.ReportExportConfig{ExportConfigType: new(api.ReportExportConfigTypeNoExport)}, now)
			return putNewGroup(tx, group)
		}
		if err != nil {
			return err
		}
		if *g.Detail.Type != kind {
			return api.NewInvalidInputException("Report group %s is of type %s and takes no %s reports", *g.Detail.ARN, *g.Detail.Type, kind)
		}
		group = g
		return nil
	})
	return group, err
}

// publication is a report being put together.
type publication struct {
	r          *run
	group      *reportGroup
	id         string
	created    time.Time
	incomplete bool
	truncated  bool

	tests    api.TestReportSummary
	coverage testreport.Coverage
	cases    []api.TestCase
	covered  []api.CodeCoverage
}

func newPublication(r *run, g *reportGroup) *publication {
	return &publication{
		r: r, group: g, id: g.Name + ":" + aws.NewUUID(r.s.Random), created: r.s.Clock.Now(),
		tests: api.TestReportSummary{StatusCounts: map[string]int32{"SUCCEEDED": 0, "FAILED": 0, "ERROR": 0, "SKIPPED": 0, "UNKNOWN": 0}},
	}
}

func (p *publication) arn() string { return p.group.place().arn("report/" + p.id) }

// read takes what a file has.
func (p *publication) read(root *os.Root, format testreport.Format, file buildspec.File) error {
	f, err := root.Open(file.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	if format.IsCoverage() {
		return testreport.ReadCoverage(format, f, p.addCoverage)
	}
	return testreport.ReadCases(format, f, func(c testreport.Case) error {
		p.addCase(&c, file.Name)
		return nil
	})
}

func (p *publication) addCase(c *testreport.Case, file string) {
	p.tests.Total++
	p.tests.StatusCounts[string(c.Status)]++
	p.tests.DurationInNanoSeconds += int64(c.Duration)
	if len(p.cases) == maxTestCases {
		p.truncated = true
		return
	}
	shown := api.TestCase{
		ReportARN: new(p.arn()), TestRawDataPath: &file, Prefix: new(clip(c.Prefix, maxTestText)), Name: new(clip(c.Name, maxTestText)),
		Status: new(string(c.Status)), DurationInNanoSeconds: new(int64(c.Duration)), Message: new(clip(c.Message, maxTestMessage)),
		Expired: new(p.created.Add(reportLife)),
	}
	if c.Suite != "" {
		shown.TestSuiteName = new(clip(c.Suite, maxTestText))
	}
	p.cases = append(p.cases, shown)
}

// clip cuts text to at most n bytes of whole characters.
func clip(text string, n int) string {
	if len(text) > n {
		text = text[:n]
	}
	return strings.ToValidUTF8(text, "")
}

func (p *publication) addCoverage(c testreport.Coverage) error {
	p.coverage.LinesCovered += c.LinesCovered
	p.coverage.LinesMissed += c.LinesMissed
	p.coverage.BranchesCovered += c.BranchesCovered
	p.coverage.BranchesMissed += c.BranchesMissed
	if len(p.covered) == maxCoverageFiles {
		p.truncated = true
		return nil
	}
	if c.Path == "" {
		return errors.New("a source file has no name")
	}
	lines, branches := percentage(c.LinesCovered, c.LinesMissed), percentage(c.BranchesCovered, c.BranchesMissed)
	p.covered = append(p.covered, api.CodeCoverage{
		ID: new(aws.NewUUID(p.r.s.Random)), ReportARN: new(p.arn()), FilePath: new(clip(c.Path, maxTestText)),
		LineCoveragePercentage: &lines, LinesCovered: count32(c.LinesCovered), LinesMissed: count32(c.LinesMissed),
		BranchCoveragePercentage: &branches, BranchesCovered: count32(c.BranchesCovered), BranchesMissed: count32(c.BranchesMissed),
		Expired: new(p.created.Add(reportLife)),
	})
	return nil
}

// count32 is a count as the API has it.
func count32(n int) *int32 { return new(int32(min(n, math.MaxInt32))) }

// percentage is how much of what there is was reached; of nothing, nothing is.
func percentage(covered, missed int) float64 {
	if covered+missed == 0 {
		return 0
	}
	return float64(int64(10000*float64(covered)/float64(covered+missed)+0.5)) / 100
}

// status is the report's, by its cases.
func (p *publication) status() api.ReportStatusType {
	switch {
	case p.incomplete:
		return api.ReportStatusTypeIncomplete
	case p.tests.StatusCounts["FAILED"]+p.tests.StatusCounts["ERROR"] > 0:
		return api.ReportStatusTypeFailed
	}
	return api.ReportStatusTypeSucceeded
}

// write records the report, which from then on expires.
func (p *publication) write(ctx context.Context, status api.ReportStatusType) error {
	g := p.group
	detail := api.Report{
		ARN: new(p.arn()), Type: g.Detail.Type, Name: &g.Name, ReportGroupARN: g.Detail.ARN, ExecutionID: p.r.b.Detail.ARN,
		Status: &status, Created: &p.created, Expired: new(p.created.Add(reportLife)), ExportConfig: g.Detail.ExportConfig, Truncated: &p.truncated,
	}
	if *g.Detail.Type == api.ReportTypeTest {
		detail.TestSummary = &p.tests
	} else {
		c := &p.coverage
		detail.CodeCoverageSummary = &api.CodeCoverageReportSummary{
			LineCoveragePercentage: new(percentage(c.LinesCovered, c.LinesMissed)), LinesCovered: count32(c.LinesCovered), LinesMissed: count32(c.LinesMissed),
			BranchCoveragePercentage: new(percentage(c.BranchesCovered, c.BranchesMissed)), BranchesCovered: count32(c.BranchesCovered),
			BranchesMissed: count32(c.BranchesMissed),
		}
	}
	row := &report{Account: g.Account, Region: g.Region, Group: g.Name, ID: p.id, Created: p.created, Detail: detail}
	return p.r.s.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := getGroup(tx, g.place()); err != nil {
			return err
		}
		b, err := builds.Get(tx, builds.Key(p.r.b))
		if errors.Is(err, store.ErrNotFound) || err == nil && b.complete() {
			return errEnded
		}
		if err != nil {
			return err
		}
		b.Detail.ReportARNs = append(b.Detail.ReportARNs, *detail.ARN)
		if err := builds.Put(tx, b); err != nil {
			return err
		}
		for i, c := range p.cases {
			if err := testCases.Insert(tx, &testCase{g.Account, g.Region, p.id, int64(i), c}); err != nil {
				return err
			}
		}
		for i, c := range p.covered {
			if err := codeCoverages.Insert(tx, &codeCoverage{g.Account, g.Region, p.id, int64(i), c}); err != nil {
				return err
			}
		}
		if err := p.r.s.Tasks.Schedule(tx, reportTask, *detail.ARN, *detail.Expired, nil); err != nil {
			return err
		}
		return reports.Put(tx, row)
	})
}

// export stores the raw files in S3, where the group says so: below a folder of the report's, or packed as one.
func (p *publication) export(ctx context.Context, root *os.Root, files []buildspec.File) error {
	d := p.group.Detail.ExportConfig.S3Destination
	if *p.group.Detail.ExportConfig.ExportConfigType != api.ReportExportConfigTypeS3 {
		return nil
	}
	_, uuid, _ := strings.Cut(p.id, ":")
	key := strings.Trim(path.Join(value(d.Path), uuid), "/")
	put := func(key string, body io.Reader, size *int64) error {
		call, err := p.r.role.call(ctx)
		if err != nil {
			return err
		}
		in := &s3.PutObjectInput{Bucket: *d.Bucket, Key: key, Body: body, ContentLength: size, ExpectedBucketOwner: d.BucketOwner}
		if !value(d.EncryptionDisabled) {
			encryptWith(in, value(d.EncryptionKey))
		}
		_, err = s3.PutObject.Do(call, in)
		return err
	}
	if value(d.Packaging) == api.ReportPackagingTypeZip {
		reader, writer := io.Pipe()
		packed := make(chan struct{})
		go func() {
			defer close(packed)
			_ = writer.CloseWithError(zipFiles(writer, root, files))
		}()
		err := put(key+".zip", reader, nil)
		_ = reader.CloseWithError(errors.New("the upload has ended"))
		<-packed
		return err
	}
	for _, file := range files {
		f, err := root.Open(file.Path)
		if err != nil {
			return err
		}
		info, err := f.Stat()
		if err == nil {
			err = put(key+"/"+strings.Trim(path.Clean("/"+file.Name), "/"), io.LimitReader(f, info.Size()), new(info.Size()))
		}
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			return fmt.Errorf("%s: %w", file.Name, err)
		}
	}
	return nil
}
