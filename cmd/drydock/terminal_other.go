//go:build !linux

package main

import (
	"context"
	"fmt"

	"drydock/machine"
)

func takeTerminal(context.Context) (machine.Terminal, <-chan machine.Terminal, func(), error) {
	return machine.Terminal{}, nil, nil, fmt.Errorf("terminals need Linux: %w", machine.ErrUnsupported)
}
