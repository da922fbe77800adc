package sdk

import (
	"os"
	"os/exec"
	"testing"

	"drydock/test/cloud"
)

// TestBoto3 runs testdata/pass.py, which passes once over each service with the Python SDK. boto3 must be installed.
func TestBoto3(t *testing.T) {
	t.Parallel()
	c := cloud.New(t, "--ephemeral")
	base := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}
	environment, err := c.Environment(t.Context(), base)
	if err != nil {
		t.Fatal(err)
	}
	script := exec.CommandContext(t.Context(), "python3", "testdata/pass.py")
	script.Env = environment
	if out, err := script.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
