package sdk

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"drydock/test/cloud"
)

// TestBoto3 runs the scripts of testdata with the Python SDK, each on a cloud of its own: pass.py passes once over each
// service, walk_SERVICE.py walks the paginators and waiters of one. boto3 must be installed.
func TestBoto3(t *testing.T) {
	t.Parallel()
	scripts, err := filepath.Glob("testdata/*.py")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	base := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}
	for _, path := range scripts {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			c := cloud.New(t, "--ephemeral")
			environment, err := c.Environment(t.Context(), base)
			if err != nil {
				t.Fatal(err)
			}
			script := exec.CommandContext(t.Context(), "python3", path)
			script.Env = environment
			if out, err := script.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
