//go:build !linux

package namespace

import (
	"context"
	"fmt"

	"drydock/machine"
)

// Options are for Linux.
type Options struct {
	Show []string
}

// Main returns: namespaces are Linux's.
func Main() {}

// New fails with machine.ErrUnsupported: namespaces are Linux's.
func New(Options) (machine.Driver, error) {
	return nil, fmt.Errorf("namespace driver: needs Linux: %w", machine.ErrUnsupported)
}

// Probe fails with machine.ErrUnsupported: namespaces are Linux's.
func Probe(context.Context) error {
	return fmt.Errorf("namespace driver: needs Linux: %w", machine.ErrUnsupported)
}
