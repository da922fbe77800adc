package testreport

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// Format is a file format, as a build specification's file-format names it.
type Format string

// The formats of test results, then those of code coverage.
const (
	JUnit        Format = "JUNITXML"
	Cucumber     Format = "CUCUMBERJSON"
	VisualStudio Format = "VISUALSTUDIOTRX"
	TestNG       Format = "TESTNGXML"
	NUnit        Format = "NUNITXML"
	NUnit3       Format = "NUNIT3XML"

	Clover    Format = "CLOVERXML"
	Cobertura Format = "COBERTURAXML"
	JaCoCo    Format = "JACOCOXML"
	SimpleCov Format = "SIMPLECOV"
	LCOV      Format = "LCOV"
)

// Bounds of what is read.
const (
	// MaxBytes is the largest file.
	MaxBytes = 64 << 20
	// maxDepth is how deep elements may nest.
	maxDepth = 256
	// maxText is how much of an element's text is kept.
	maxText = 16 << 10
	// maxHeld is how many cases, or lines of files, a format that is not read in one pass may hold.
	maxHeld = 1_000_000
	// maxValues is how many commas a JSON file may have.
	maxValues = 2_000_000
)

// ErrTooLarge is returned for a file that goes beyond the bounds.
var ErrTooLarge = errors.New("the report is too large")

// Status is how a test case ended, as DescribeTestCases shows it.
type Status string

// The statuses.
const (
	Succeeded Status = "SUCCEEDED"
	Failed    Status = "FAILED"
	Errored   Status = "ERROR"
	Skipped   Status = "SKIPPED"
	Unknown   Status = "UNKNOWN"
)

// Case is one test case.
type Case struct {
	Suite    string // the suite's name; "" where the format has none
	Prefix   string // what groups cases: a class, a feature
	Name     string
	Status   Status
	Message  string // why it did not succeed
	Duration time.Duration
}

// Coverage is what tests reach of one source file.
type Coverage struct {
	Path                            string
	LinesCovered, LinesMissed       int
	BranchesCovered, BranchesMissed int
}

// IsCoverage tells a format of code coverage from one of test results.
func (f Format) IsCoverage() bool { return coverageReader(f) != nil }

// Known tells whether the format is one that can be read.
func (f Format) Known() bool { return f.IsCoverage() || caseReader(f) != nil }

func caseReader(f Format) func(io.Reader, func(Case) error) error {
	switch f {
	case JUnit:
		return readJUnit
	case Cucumber:
		return readCucumber
	case VisualStudio:
		return readVisualStudio
	case TestNG:
		return readTestNG
	case NUnit:
		return readNUnit
	case NUnit3:
		return readNUnit3
	case Clover, Cobertura, JaCoCo, SimpleCov, LCOV:
	}
	return nil
}

func coverageReader(f Format) func(io.Reader, func(Coverage) error) error {
	switch f {
	case Clover:
		return readClover
	case Cobertura:
		return readCobertura
	case JaCoCo:
		return readJaCoCo
	case SimpleCov:
		return readSimpleCov
	case LCOV:
		return readLCOV
	case JUnit, Cucumber, VisualStudio, TestNG, NUnit, NUnit3:
	}
	return nil
}

// ReadCases hands the test cases of a file to yield, in the order of the file. An error of yield ends it and is returned;
// any other says what is wrong with the file.
func ReadCases(f Format, r io.Reader, yield func(Case) error) error {
	read := caseReader(f)
	if read == nil {
		return fmt.Errorf("%s is no format of test results", f)
	}
	return read(&bounded{r: r, left: MaxBytes}, yield)
}

// ReadCoverage hands the source files of a coverage report to yield. Errors are as those of ReadCases.
func ReadCoverage(f Format, r io.Reader, yield func(Coverage) error) error {
	read := coverageReader(f)
	if read == nil {
		return fmt.Errorf("%s is no format of code coverage", f)
	}
	return read(&bounded{r: r, left: MaxBytes}, yield)
}

// bounded fails where a reader gives more than it may.
type bounded struct {
	r    io.Reader
	left int64
}

// Read reads within the bound.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, ErrTooLarge
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n, ErrTooLarge
	}
	return n, err
}
