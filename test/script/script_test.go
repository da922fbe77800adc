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

// TestCodeCommit shows repositories to stock git, the CLI and CodeBuild, and what a crash leaves of them.
func TestCodeCommit(t *testing.T) {
	ledger.Covers(t, "CC-01", "CC-02", "CC-05", "CC-07")
	play(t, "codecommit")
}
