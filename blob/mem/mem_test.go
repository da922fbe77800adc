package mem_test

import (
	"testing"

	"drydock/blob"
	"drydock/blob/blobtest"
	"drydock/blob/mem"
)

func TestDriver(t *testing.T) {
	t.Parallel()
	blobtest.Run(t, func(*testing.T) blob.Driver { return mem.New() })
}
