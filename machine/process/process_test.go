package process_test

import (
	"os"
	"testing"

	"drydock/machine/process"
)

func TestMain(m *testing.M) {
	process.Main()
	os.Exit(m.Run())
}
