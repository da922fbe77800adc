package script

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"drydock/ledger"
	"drydock/test/cloud"
)

func TestMain(m *testing.M) { os.Exit(cloud.Main(m, "aws", "git", "go")) }

// play runs the script testdata/NAME.txtar.
func play(t *testing.T, name string) {
	t.Helper()
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Files: []string{filepath.Join("testdata", name+".txtar")}, Setup: setup, Cmds: commands, RequireUniqueNames: true,
	})
}

// TestSmoke shows drydock's own part: health, clock, CA, coverage, and what suites for other stand-ins poll.
func TestSmoke(t *testing.T) {
	ledger.Covers(t, "IAM-08")
	play(t, "smoke")
}

// TestIAM shows who may do what: issued keys, policies, roles of other accounts, expiry, and why something was denied.
func TestIAM(t *testing.T) {
	ledger.Covers(t, "IAM-02", "IAM-03")
	play(t, "iam")
}

// TestStrict shows a cloud that knows issued keys only.
func TestStrict(t *testing.T) { play(t, "strict") }

// TestCodeCommit shows git and the API on one history, by both kinds of git credentials, with a branch shut by policy.
func TestCodeCommit(t *testing.T) {
	ledger.Covers(t, "CC-01", "CC-02", "CC-07")
	play(t, "codecommit")
}

// TestCodeCommitBuild shows CodeBuild at work on a repository, and what a crash leaves of it.
func TestCodeCommitBuild(t *testing.T) {
	ledger.Covers(t, "CC-02", "CC-05")
	play(t, "codecommit_build")
}

// TestLogs shows log events stored, searched, tailed and, as the clock goes on, forgotten.
func TestLogs(t *testing.T) {
	ledger.Covers(t, "CWL-01", "CWL-03", "CWL-04")
	play(t, "logs")
}

// TestS3 shows buckets and objects as the CLI's own commands use them.
func TestS3(t *testing.T) {
	ledger.Covers(t, "S3-01", "S3-06", "S3-08", "S3-09")
	play(t, "s3")
}

// TestCodeBuild shows the main job, a build that fails, one that is stopped and one that takes too long.
func TestCodeBuild(t *testing.T) {
	ledger.Covers(t, "CB-01", "CB-06", "CB-11", "CB-12", "CB-17", "CB-19", "CB-23", "CB-25")
	play(t, "codebuild")
}

// TestDebug shows a build that waits at a breakpoint, is entered and resumed, and what a crash and a policy leave of one.
func TestDebug(t *testing.T) {
	ledger.Covers(t, "CB-09", "CB-28")
	play(t, "debug")
}

// TestDemo plays drydock demo build: a Go program compiled and tested in a build, fetched from S3 and run.
func TestDemo(t *testing.T) { play(t, "demo") }

// TestCrash kills the process while a build runs and another waits.
func TestCrash(t *testing.T) {
	ledger.Covers(t, "S3-03", "CB-07", "CC-02")
	play(t, "crash")
}
